//! What a payload looks like.

use crate::value::{Value, ValueKind};
use crate::{AvroSchema, Decoder, avro, cbor, image, json_value, messagepack};

/// The decoder that fits a payload. Of what could be several things it is the one that a person would more likely send;
/// `avro` are the schemas that may have written it.
pub fn detect(bytes: &[u8], avro: &[AvroSchema]) -> Decoder {
    if image::of(bytes).is_some() {
        return Decoder::Image;
    }
    if bytes.starts_with(avro::CONTAINER) {
        return Decoder::AvroContainer;
    }
    if let Some(schema) = avro.iter().find(|schema| schema.wrote(bytes)) {
        return Decoder::Avro(schema.clone());
    }
    if is_readable(bytes) {
        return match json_value::decode(bytes) {
            Ok(_) | Err(crate::DecodeError::TooMany | crate::DecodeError::TooDeep) => Decoder::Json,
            Err(_) => Decoder::Text,
        };
    }
    if bytes.starts_with(b"\xd9\xd9\xf7") || is_likely(bytes, cbor::decode(bytes)) {
        return Decoder::Cbor;
    }
    if is_likely(bytes, messagepack::decode(bytes)) {
        return Decoder::MessagePack;
    }
    Decoder::Hex
}

/// Text that a screen can show.
fn is_readable(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.contains(|c: char| c.is_control() && !c.is_whitespace()))
}

/// A binary encoding has no mark, and a few bytes read as a number in each. One that says itself how long it is, ends
/// exactly there and has names in it is hardly an accident.
fn is_likely(bytes: &[u8], decoded: Result<(Value, usize), crate::DecodeError>) -> bool {
    let Ok((value, end)) = decoded else {
        return false;
    };
    if end != bytes.len() {
        return false;
    }
    match value.bare() {
        Value::Map(members) => {
            !members.is_empty()
                && members
                    .iter()
                    .all(|(name, _)| !name.is_empty() && !name.contains(char::is_control))
        }
        Value::List(values) => {
            values.len() > 1
                && bytes.len() >= 8
                && values.iter().any(|value| value.kind() != ValueKind::Number)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_known_by_what_it_looks_like() {
        let schema = AvroSchema::parse(r#"{"type": "record", "name": "R", "fields": []}"#).unwrap();
        let mut single = b"\xc3\x01".to_vec();
        single.extend(
            apache_avro::Schema::parse_str(r#"{"type": "record", "name": "R", "fields": []}"#)
                .unwrap()
                .fingerprint::<apache_avro::rabin::Rabin>()
                .bytes,
        );
        for (bytes, expected) in [
            (&b"{\"v\": 1}"[..], Decoder::Json),
            (b"23.4", Decoder::Json),
            (b"", Decoder::Text),
            ("23,4 °C\n".as_bytes(), Decoder::Text),
            (b"{\"v\": 1", Decoder::Text),
            (b"\xff\xd8\xff\xe0", Decoder::Image),
            (b"Obj\x01", Decoder::AvroContainer),
            (&single, Decoder::Avro(schema.clone())),
            (b"\xa1\x61v\x01", Decoder::Cbor),
            (b"\xd9\xd9\xf7\x01", Decoder::Cbor),
            (b"\x81\xa1v\x01", Decoder::MessagePack),
            (b"\x81\xa1v", Decoder::Hex),
            (b"\x00", Decoder::Hex),
            (b"\x01\x02\x03\x04", Decoder::Hex),
            (b"a\x00b", Decoder::Hex),
            (b"abc\xff", Decoder::Hex),
        ] {
            assert_eq!(
                detect(bytes, std::slice::from_ref(&schema)),
                expected,
                "{bytes:02x?}"
            );
        }
    }
}
