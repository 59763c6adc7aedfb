use apache_avro::types::Value as Other;
use apache_avro::{Codec, Writer, to_avro_datum};

use super::*;

const READING: &str = r#"{
    "type": "record", "name": "Reading", "namespace": "plant",
    "fields": [
        {"name": "pump", "type": "string"},
        {"name": "bar", "type": "float"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OFF", "ON"]}},
        {"name": "note", "type": ["null", "string"]},
        {"name": "either", "type": ["int", "string"]},
        {"name": "cells", "type": {"type": "array", "items": "double"}},
        {"name": "tags", "type": {"type": "map", "values": "long"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 2}}
    ]
}"#;

fn reading() -> Other {
    Other::Record(vec![
        ("pump".into(), Other::String("pump-7".into())),
        ("bar".into(), Other::Float(4.2)),
        ("state".into(), Other::Enum(1, "ON".into())),
        ("note".into(), Other::Union(0, Box::new(Other::Null))),
        ("either".into(), Other::Union(0, Box::new(Other::Int(-3)))),
        (
            "cells".into(),
            Other::Array(vec![Other::Double(3.1), Other::Double(3.2)]),
        ),
        (
            "tags".into(),
            Other::Map([("a".to_owned(), Other::Long(i64::MIN))].into()),
        ),
        ("at".into(), Other::TimestampMillis(1_700_000_000_000)),
        (
            "price".into(),
            Other::Decimal(apache_avro::Decimal::from([0xff_u8, 0x38].as_slice())),
        ),
        ("id".into(), Other::Fixed(2, vec![1, 2])),
    ])
}

fn shown(value: &Value) -> String {
    value
        .plain()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

const SHOWN: &str = "{ \"pump\": \"pump-7\", \"bar\": 4.2, \"state\": ON(1), \"note\": null, \"either\": int(-3), \
     \"cells\": [ 3.1, 3.2 ], \"tags\": { \"a\": -9223372036854775808 }, \
     \"at\": timestamp-millis(1700000000000), \"price\": decimal(-2.00), \"id\": h'0102' }";

#[test]
fn a_datum_is_read_with_its_schema() {
    let schema = AvroSchema::parse(READING).unwrap();
    assert_eq!(schema.name(), "plant.Reading");
    let bytes = to_avro_datum(&schema.schema, reading()).unwrap();
    let (value, end) = decode(&bytes, &schema).unwrap();
    assert_eq!((shown(&value).as_str(), end), (SHOWN, bytes.len()));
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut], &schema).is_err(), "{cut}");
    }
}

#[test]
fn a_single_object_says_by_which_schema_it_is_read() {
    let schema = AvroSchema::parse(READING).unwrap();
    let other = AvroSchema::parse(r#""string""#).unwrap();
    let mut writer =
        apache_avro::GenericSingleObjectWriter::new_with_capacity(&schema.schema, 100).unwrap();
    let mut bytes = Vec::new();
    writer.write_value_ref(&reading(), &mut bytes).unwrap();
    assert!(schema.wrote(&bytes) && !other.wrote(&bytes));
    assert_eq!(shown(&decode(&bytes, &schema).unwrap().0), SHOWN);
    let error = decode(&bytes, &other).unwrap_err();
    assert!(matches!(error, DecodeError::OtherSchema { .. }), "{error}");
}

#[test]
fn a_container_brings_its_schema_along() {
    let schema = AvroSchema::parse(READING).unwrap();
    for codec in [Codec::Null, Codec::Deflate(Default::default())] {
        let mut writer = Writer::with_codec(&schema.schema, Vec::new(), codec);
        for _ in 0..3 {
            writer.append(reading()).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let value = container(&bytes).unwrap();
        assert_eq!(value.len(), 3);
        assert_eq!(shown(value.child(2).unwrap().1), SHOWN);
        for cut in 4..bytes.len() {
            // Cut right behind the header, it is a file without data.
            let found = container(&bytes[..cut]);
            assert!(
                found.is_err() || found == Ok(Value::List(Vec::new())),
                "{cut}"
            );
        }
    }
}

#[test]
fn nothing_takes_more_than_its_budget() {
    // An array of nothing has as many items as it says, in no bytes.
    let nulls = AvroSchema::parse(r#"{"type": "array", "items": "null"}"#).unwrap();
    let bytes = [0xfe, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
    assert_eq!(decode(&bytes, &nulls), Err(DecodeError::TooMany));
    // A list that goes on with each byte.
    let list = AvroSchema::parse(
        r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#,
    )
    .unwrap();
    assert_eq!(decode(&[2; 100_000], &list), Err(DecodeError::TooDeep));
    assert!(AvroSchema::parse("{").is_err());
    assert!(AvroSchema::parse(r#"{"type": "array", "items": "Absent"}"#).is_err());
}
