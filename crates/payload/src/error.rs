//! Why a payload is not what a decoder reads.

use crate::value::{MAX_DEPTH, MAX_VALUES};

/// Why a payload could not be decoded, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not follow the encoding's rules.
    #[error("not {what}: {why}, at byte {at}")]
    Not {
        /// The encoding.
        what: &'static str,
        /// Which rule.
        why: String,
        /// Where.
        at: usize,
    },
    /// A value says that it is longer than what is left.
    #[error(
        "not {what}, or cut short: a value that begins at byte {at} goes on after the last byte"
    )]
    Ends {
        /// The encoding.
        what: &'static str,
        /// Where the value begins.
        at: usize,
    },
    /// Something follows what was decoded.
    #[error("{left} more bytes follow the {what} value, from byte {at} on")]
    Trailing {
        /// The encoding.
        what: &'static str,
        /// Where they begin.
        at: usize,
        /// How many.
        left: usize,
    },
    /// More values than a tree is made of.
    #[error(
        "more than {MAX_VALUES} values are in it, too many for a tree; the bytes show all of it"
    )]
    TooMany,
    /// Nested too deeply.
    #[error(
        "its values are nested more than {MAX_DEPTH} deep, too deep for a tree; the bytes show all of it"
    )]
    TooDeep,
    /// It says that it is compressed, and is not; or it is too much when expanded.
    #[error(transparent)]
    Expand(#[from] crate::ExpandError),
    /// It was written with another schema.
    #[error(
        "it was written with another schema: its fingerprint is {found}, that of the schema {known}"
    )]
    OtherSchema {
        /// In the payload.
        found: String,
        /// Of the schema.
        known: String,
    },
    /// The schema that it brings along can't be read.
    #[error("the schema that it brings along can't be read: {0}")]
    OwnSchema(String),
    /// It is compressed in a way that is not read here.
    #[error("its blocks are compressed with {0}; null, deflate and zstandard are read")]
    Codec(String),
}
