use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::NumberAt;

/// How a payload is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[ts(export)]
pub enum DecoderChoice {
    /// JSON.
    Json,
    /// UTF-8; a byte that is none is shown as one.
    Text,
    /// Bytes as they are.
    Hex,
    /// Bytes as base64.
    Base64,
    /// Nothing but numbers.
    Numbers {
        /// `u8`, `i16le`, `u32be`, `f64le` …
        layout: String,
    },
    /// CBOR.
    Cbor,
    /// MessagePack.
    MessagePack,
    /// Protobuf; without a schema fields are called by their numbers.
    Protobuf {
        /// A schema that was added, by its name.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none", default)]
        schema: Option<String>,
        /// A message type of it, by its full name.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<String>,
    },
    /// Avro; without a schema an object container file, which brings its own along.
    Avro {
        /// A schema that was added, by its name.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none", default)]
        schema: Option<String>,
    },
    /// A picture, PNG or JPEG.
    Image,
}

/// A payload, and how to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadRequest {
    /// The number of a PUBLISH in the capture.
    #[ts(type = "number")]
    pub seq: u64,
    /// The decoder; where it is left out, that of the first rule for its topic, or the one that is detected.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decoder: Option<DecoderChoice>,
}

/// Who chose the decoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[ts(export)]
pub enum DecoderChosen {
    /// The payload looks like it.
    Detected,
    /// A rule for its topic.
    Rule {
        /// The rule's topic filter.
        filter: String,
    },
    /// Whoever asked.
    Asked,
}

/// A payload as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadOpened {
    /// Bytes of the payload.
    pub size: u32,
    /// What was taken off, outermost first.
    pub layers: Vec<PayloadLayer>,
    /// The decoder that reads it.
    pub decoder: DecoderChoice,
    /// Who chose it.
    pub chosen: DecoderChosen,
    /// The decoder that its looks suggest.
    pub detected: DecoderChoice,
    /// What went wrong, or is left over; in sentences.
    pub problems: Vec<String>,
    /// What was decoded; not there for bytes without a meaning.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root: Option<PayloadNode>,
    /// The first 200 numbers in it with their paths.
    pub numbers: Vec<NumberAt>,
    /// How many numbers are in it.
    pub number_count: u32,
    /// The picture that it is.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image: Option<PayloadImage>,
}

/// What was taken off a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadLayer {
    /// `gzip`, `zstandard` or `base64`.
    pub name: String,
    /// Bytes that came out of it.
    pub size: u32,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadImage {
    /// `image/png` or `image/jpeg`.
    pub media_type: String,
    /// Pixels across; 0 where the payload does not go on long enough to say it.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Not so large that drawing it would be an attack.
    pub drawable: bool,
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum PayloadValueKind {
    Null,
    Bool,
    Number,
    Text,
    Bytes,
    List,
    Map,
}

/// A value in a payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadNode {
    /// Its positions from the root on.
    pub at: Vec<u32>,
    /// Its path, as `motor.rpm`; empty for the root.
    pub path: String,
    /// Its name in its map; not there for an element of a list.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Its kind.
    pub kind: PayloadValueKind,
    /// What the encoding says of it: a tag, a symbol, a type.
    pub said: Vec<String>,
    /// It as text, up to 200 bytes; empty for what holds others.
    pub text: String,
    /// Bytes of it, where that is a text or bytes.
    pub size: u32,
    /// Values that it holds directly.
    pub children: u32,
    /// The number that a chart would draw.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<f64>,
}

/// A part of a payload as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadText {
    /// The part; 256 KiB at most.
    pub text: String,
    /// Where it begins, in bytes of the whole text.
    #[ts(type = "number")]
    pub begin: u64,
    /// Where the next part begins.
    #[ts(type = "number")]
    pub end: u64,
    /// Bytes of the whole text.
    #[ts(type = "number")]
    pub total: u64,
    /// It reads like JSON.
    pub is_json: bool,
}

/// A part of a payload's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadBytes {
    /// The part, base64.
    pub bytes: String,
    /// Bytes in all.
    pub total: u32,
}

/// What differs from the message before on the same topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadDiff {
    /// The number of the message before; not there where none is kept.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<u64>,
    /// Microseconds between the two.
    #[ts(type = "number")]
    pub micros: u64,
    /// The first 500 differences.
    pub changes: Vec<PayloadChange>,
    /// How many there are.
    pub count: u32,
    /// Why the two can't be compared value by value, in a sentence.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadChange {
    /// Where; empty for the payload itself.
    pub path: String,
    /// What was there, up to 200 bytes; not there where it was added.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<String>,
    /// What is there; not there where it was removed.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
}

/// A few bytes read as a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct NumberReading {
    /// How: `u16le`.
    pub layout: String,
    /// The number.
    pub value: String,
}

/// A payload was written to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PayloadSaved {
    /// The file.
    pub path: String,
    /// Bytes in it.
    pub size: u32,
}

/// Payloads of a topic filter are always read this way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DecoderRule {
    /// The topic filter; of several that match, the first rule counts.
    pub filter: String,
    /// The decoder.
    pub decoder: DecoderChoice,
}

/// The language of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum SchemaKind {
    Protobuf,
    Avro,
}

/// A schema that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SchemaEntry {
    /// Its name: that of its file.
    pub name: String,
    /// Its language.
    pub kind: SchemaKind,
    /// Full names of the messages that it defines; of Avro the one name.
    pub messages: Vec<String>,
    /// Why it can't be used.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// A schema to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SchemaFile {
    /// The file's name; its ending says what it is: `.proto`, `.avsc`, or `.desc`, `.pb` and `.binpb` for a descriptor set.
    pub name: String,
    /// What is in the file, base64.
    pub bytes: String,
}

/// Rules and schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Decoders {
    /// The rules, in the order in which they are asked.
    pub rules: Vec<DecoderRule>,
    /// The schemas, by name.
    pub schemas: Vec<SchemaEntry>,
    /// The layouts that numbers can have.
    pub layouts: Vec<String>,
    /// Why the rules that were kept can't be read, and so none are kept.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}
