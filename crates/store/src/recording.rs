//! Recordings: packets in an SQLite file, for as long as somebody wants them.
//!
//! Duty: write a recording part by part, each whole or not at all ([`RecordingWriter`]), and be the
//! [`Archive`](mqttwb_model::recording::Archive) that one is read from ([`RecordingFile`]). Not here: what is in a segment
//! (`capture`), when something is recorded (app).
//! Invariant: what was written is found again after `kill -9`; a file that is read is not changed; and what is not a
//! recording, or was changed since, is told apart.

mod columns;
mod error;
mod reader;
mod room;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::RecordingFile;
pub use room::RolledOff;
pub use writer::{Part, RecordingWriter};
