//! Payloads for people: decoded into one tree whatever they were written in, with a path to each value.
//!
//! Duty: take off what is compressed, tell what a payload looks like, decode it with a decoder that was detected or
//! chosen, write it as text a part at a time, say what differs between two, and find the number at a path.
//! Not here: where payloads and schemas come from, rules for topics (app), drawing numbers (series).
//! Invariant: any bytes give a tree or an error in words, in bounded work and memory; the bytes themselves are never
//! replaced by what is made of them.

mod avro;
mod cbor;
mod detect;
mod diff;
mod error;
mod expand;
pub mod image;
pub mod json;
mod json_value;
mod messagepack;
mod numbers;
mod path;
mod protobuf;
mod text;
mod value;

pub use avro::{AvroError, AvroSchema};
pub use detect::detect;
pub use diff::{Change, diff};
pub use error::DecodeError;
pub use expand::{ExpandError, Expanded, Layer, MAX_EXPANDED, expand};
pub use numbers::{Form, Layout, LayoutError, readings};
pub use path::{Path, PathError, numbers_in};
pub use protobuf::{ProtobufError, ProtobufMessage, ProtobufSchema};
pub use text::Page;
pub use value::{MAX_DEPTH, MAX_VALUES, Value, ValueKind};

/// How a payload is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoder {
    /// JSON (RFC 8259).
    Json,
    /// UTF-8; a byte that is none is shown as one.
    Text,
    /// Bytes as they are.
    Hex,
    /// Bytes as base64.
    Base64,
    /// Nothing but numbers.
    Numbers(Layout),
    /// CBOR (RFC 8949).
    Cbor,
    /// MessagePack.
    MessagePack,
    /// A Protobuf message of a type, or of none that is known.
    Protobuf(Option<ProtobufMessage>),
    /// Avro with a schema.
    Avro(AvroSchema),
    /// An Avro object container file, which brings its schema along.
    AvroContainer,
    /// A picture.
    Image,
}

/// A payload as its decoder reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// What it holds; not there for bytes without a meaning, and where decoding failed.
    pub value: Option<Value>,
    /// Why there is no value, or why bytes are left that do not belong to it.
    pub problem: Option<DecodeError>,
    /// Bytes that are no UTF-8, of a text.
    pub not_utf8: usize,
    /// The picture that it is.
    pub image: Option<image::Image>,
}

impl Decoder {
    /// Reads a payload, after [`expand`].
    pub fn decode(&self, bytes: &[u8]) -> Decoded {
        let mut decoded = Decoded {
            value: None,
            problem: None,
            not_utf8: 0,
            image: None,
        };
        let found = match self {
            Self::Json => json_value::decode(bytes),
            Self::Cbor => partly(&mut decoded, "CBOR", bytes, cbor::decode(bytes)),
            Self::MessagePack => {
                let found = messagepack::decode(bytes);
                partly(&mut decoded, "MessagePack", bytes, found)
            }
            Self::Numbers(layout) => {
                let found = numbers::decode(bytes, *layout);
                partly(&mut decoded, "last", bytes, found)
            }
            Self::Protobuf(message) => protobuf::decode(bytes, message.as_ref()),
            Self::Avro(schema) => partly(&mut decoded, "Avro", bytes, avro::decode(bytes, schema)),
            Self::AvroContainer => avro::container(bytes),
            Self::Text => {
                let mut page = Page::whole();
                decoded.not_utf8 = text::utf8(bytes, &mut page);
                Ok(Value::Text(page.text.into()))
            }
            Self::Image => {
                decoded.image = image::of(bytes);
                return decoded;
            }
            Self::Hex | Self::Base64 => return decoded,
        };
        match found {
            Ok(value) => decoded.value = Some(value),
            Err(problem) => decoded.problem = Some(problem),
        }
        decoded
    }

    /// Writes a part of the payload as text: what was decoded, or the bytes where that is nothing.
    pub fn write(&self, bytes: &[u8], decoded: &Decoded, page: &mut Page) {
        match (self, &decoded.value) {
            (Self::Json, _) => {
                let begun = page.clone();
                let is_json = std::str::from_utf8(bytes)
                    .is_ok_and(|text| text::indent_json(text, page).is_ok());
                if !is_json {
                    *page = begun;
                    text::utf8(bytes, page);
                }
            }
            (Self::Text, _) => {
                text::utf8(bytes, page);
            }
            (Self::Base64, _) => text::base64(bytes, page),
            (Self::Hex | Self::Image, _) | (_, None) => text::hex_dump(bytes, page),
            (_, Some(value)) => text::pretty(value, page),
        }
    }
}

/// The bytes as a hex dump, whatever they are.
pub fn hex_dump(bytes: &[u8], page: &mut Page) {
    text::hex_dump(bytes, page);
}

/// A value that may end before the payload does.
fn partly(
    decoded: &mut Decoded,
    what: &'static str,
    bytes: &[u8],
    found: Result<(Value, usize), DecodeError>,
) -> Result<Value, DecodeError> {
    let (value, end) = found?;
    decoded.problem = whole(what, bytes, end).err();
    Ok(value)
}

/// Whether what was decoded is the whole.
fn whole(what: &'static str, bytes: &[u8], end: usize) -> Result<(), DecodeError> {
    if end == bytes.len() {
        return Ok(());
    }
    Err(DecodeError::Trailing {
        what,
        at: end,
        left: bytes.len() - end,
    })
}

/// A value that stands as the name of another one.
fn key(value: Value) -> Box<str> {
    match value {
        Value::Text(text) => text,
        other => {
            let (text, _) = other.brief(200);
            if text.is_empty() {
                let mut page = Page::new(0, 200);
                text::pretty(&other, &mut page);
                return page.text.into();
            }
            text.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<Decoder> {
        let avro = |text: &str| Decoder::Avro(AvroSchema::parse(text).unwrap());
        let texts = std::collections::BTreeMap::from([(
            "a.proto".to_owned(),
            "syntax = \"proto2\"; message A { optional A a = 1; repeated sint64 b = 2; map<int32, A> c = 3; \
             optional group D = 4 { required float e = 5; } optional string f = 6; oneof g { bool h = 7; A i = 8; } }"
                .to_owned(),
        )]);
        let proto = ProtobufSchema::from_proto("a.proto", &texts).unwrap();
        let mut all = vec![
            Decoder::Json,
            Decoder::Text,
            Decoder::Hex,
            Decoder::Base64,
            Decoder::Cbor,
            Decoder::MessagePack,
            Decoder::Protobuf(None),
            Decoder::Protobuf(proto.message("A")),
            Decoder::AvroContainer,
            Decoder::Image,
            avro(
                r#"{"type": "record", "name": "L", "fields": [
                {"name": "next", "type": ["null", "L", "string", "double"]},
                {"name": "cells", "type": {"type": "array", "items": "bytes"}},
                {"name": "map", "type": {"type": "map", "values": "L"}}]}"#,
            ),
            avro(r#"{"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 3}"#),
        ];
        all.extend(Layout::all().map(Decoder::Numbers));
        all
    }

    fn look_at(bytes: &[u8], decoders: &[Decoder]) {
        let expanded = expand(bytes);
        for decoder in decoders.iter().chain([&detect(&expanded.bytes, &[])]) {
            let decoded = decoder.decode(&expanded.bytes);
            let mut page = Page::new(3, 500);
            decoder.write(&expanded.bytes, &decoded, &mut page);
            assert!(page.text.len() <= 500);
            if let Some(value) = &decoded.value {
                for (path, number) in numbers_in(value, 50).0 {
                    let found = Path::try_from(path.to_string().as_str()).unwrap();
                    assert_eq!(found, path);
                    // A name that stands twice is found at its first place.
                    let _ = (found.number_at(value), number);
                }
                assert_eq!(diff(value, value, 5).1, 0, "{decoder:?}");
                let _ = (value.plain(), value.brief(40), value.names());
            }
        }
        readings(bytes);
    }

    #[test]
    fn ten_megabytes_are_looked_at_in_bounded_work() {
        let decoders = [
            Decoder::Json,
            Decoder::Cbor,
            Decoder::MessagePack,
            Decoder::Protobuf(None),
            Decoder::Hex,
            Decoder::Text,
        ];
        for byte in [0x0a, b'1'] {
            let bytes = vec![byte; 10 * 1024 * 1024];
            for decoder in decoders.iter().chain([&detect(&bytes, &[])]) {
                let decoded = decoder.decode(&bytes);
                let mut page = Page::new(0, 64 * 1024);
                decoder.write(&bytes, &decoded, &mut page);
                assert!(
                    !page.text.is_empty() || bytes[0] == b' ',
                    "{decoder:?} of {byte:02x}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_tree_or_an_error_in_words(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let decoders = all();
            look_at(&bytes, &decoders);
            for magic in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"Obj\x01", b"\xff\xd8\xff", b"\xc3\x01"] {
                look_at(&[magic, &bytes].concat(), &decoders);
            }
        }

        #[test]
        fn small_bytes_that_nest_are_a_tree_or_an_error_in_words(
            bytes in prop::collection::vec(prop_oneof![0u8..24, 0x80u8..0xa0, 0x5fu8..0x70, any::<u8>()], 0..300)
        ) {
            look_at(&bytes, &all());
        }
    }
}
