use std::collections::BTreeMap;

use prost::Message as _;
use prost_reflect::{DynamicMessage, Value as Other};

use super::*;

const PUMP: &str = r#"
syntax = "proto3";
package plant;
import "google/protobuf/timestamp.proto";
import "units.proto";

message Reading {
  string pump = 1;
  float bar = 2;
  State state = 3;
  repeated double cells = 4;
  map<string, sint32> tags = 5;
  google.protobuf.Timestamp at = 6;
  bytes raw = 7;
  oneof target { int32 speed = 8; string name = 9; }
  Unit unit = 10;
  int64 offset = 11;
  repeated string notes = 12;
  optional uint32 rank = 13;
}
enum State { OFF = 0; ON = 1; }
"#;

fn schema() -> ProtobufSchema {
    let texts = BTreeMap::from([
        ("pump.proto".to_owned(), PUMP.to_owned()),
        (
            "units.proto".to_owned(),
            "syntax = \"proto3\"; package plant; message Unit { string name = 1; }".to_owned(),
        ),
    ]);
    ProtobufSchema::from_proto("pump.proto", &texts).unwrap()
}

fn shown(value: &Value) -> String {
    value
        .plain()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A message in prost-reflect's own words.
fn reading(schema: &ProtobufSchema) -> Vec<u8> {
    let of = schema.message("plant.Reading").unwrap().0;
    let mut message = DynamicMessage::new(of);
    for (name, value) in [
        ("pump", Other::String("pump-7".into())),
        ("bar", Other::F32(4.2)),
        ("state", Other::EnumNumber(1)),
        ("cells", Other::List(vec![Other::F64(3.1), Other::F64(3.2)])),
        (
            "tags",
            Other::Map([(prost_reflect::MapKey::String("a".into()), Other::I32(-7))].into()),
        ),
        ("raw", Other::Bytes(vec![0, 255].into())),
        ("name", Other::String("to \"x\"".into())),
        ("offset", Other::I64(-1)),
        (
            "notes",
            Other::List(vec![Other::String("a".into()), Other::String("b".into())]),
        ),
    ] {
        message.set_field_by_name(name, value);
    }
    message.encode_to_vec()
}

#[test]
fn a_message_is_read_with_its_schema() {
    let schema = schema();
    assert_eq!(schema.messages(), ["plant.Reading", "plant.Unit"]);
    let bytes = reading(&schema);
    let value = decode(&bytes, schema.message("plant.Reading").as_ref()).unwrap();
    assert_eq!(
        shown(&value),
        "{ \"pump\": \"pump-7\", \"bar\": 4.2, \"state\": ON(1), \"cells\": [ 3.1, 3.2 ], \"tags\": { \"a\": -7 }, \
         \"raw\": h'00ff', \"name\": \"to \\\"x\\\"\", \"offset\": -1, \"notes\": [ \"a\", \"b\" ] }"
    );
}

#[test]
fn a_number_that_is_0_is_there_though_it_is_not_on_the_wire() {
    let schema = schema();
    let value = decode(b"", schema.message("plant.Reading").as_ref()).unwrap();
    let bar = crate::Path::try_from("bar").unwrap().number_at(&value);
    assert_eq!(bar, Some(0.0));
    let rank = crate::Path::try_from("rank").unwrap().number_at(&value);
    assert_eq!(rank, None, "its presence is told");
    assert!(
        shown(&value).contains("\"state\": default(OFF(0))"),
        "{}",
        shown(&value)
    );
}

#[test]
fn a_message_without_a_schema_is_shown_by_the_numbers_of_its_fields() {
    let schema = schema();
    let value = decode(&reading(&schema), None).unwrap();
    let text = shown(&value);
    assert!(
        text.starts_with("{ \"#1\": \"pump-7\", \"#2\": 32 bits(1082549862), \"#3\": 1, "),
        "{text}"
    );
    assert!(
        text.contains("\"#5\": { \"#1\": \"a\", \"#2\": 13 }"),
        "{text}"
    );
    assert!(
        text.contains("\"#12\": repeated([ \"a\", \"b\" ])"),
        "{text}"
    );
}

#[test]
fn what_the_schema_does_not_know_stands_beside_what_it_knows() {
    let schema = schema();
    let mut bytes = reading(&schema);
    // Field 90 is unknown; field 2 comes again, as a varint.
    bytes.extend([0xd0, 0x05, 0x2a, 0x10, 0x07]);
    let value = decode(&bytes, schema.message("plant.Reading").as_ref()).unwrap();
    let text = shown(&value);
    assert!(text.contains("\"#90\": 42"), "{text}");
    assert!(
        text.contains("\"bar\": 4.2") && text.contains("\"#2\": 7"),
        "{text}"
    );
}

#[test]
fn of_a_oneof_the_last_counts() {
    let schema = schema();
    let bytes = [[0x40, 1, 0x4a, 1, b'a']; 3].concat();
    let value = decode(&bytes, schema.message("plant.Reading").as_ref()).unwrap();
    assert!(
        shown(&value).contains("\"speed\": overwritten(1), \"name\": \"a\""),
        "{}",
        shown(&value)
    );
}

#[test]
fn a_descriptor_set_is_a_schema_too() {
    let set = schema().0.encode_to_vec();
    let schema = ProtobufSchema::from_descriptor_set(&set).unwrap();
    assert_eq!(schema.messages(), ["plant.Reading", "plant.Unit"]);
    let error = ProtobufSchema::from_descriptor_set(b"\xff\xff").unwrap_err();
    assert!(error.to_string().contains("protoc"), "{error}");
}

#[test]
fn a_mistake_in_a_schema_is_told_with_its_place() {
    let texts = BTreeMap::from([(
        "a.proto".to_owned(),
        "syntax = \"proto3\";\nmessage A { strin x = 1; }".to_owned(),
    )]);
    let error = ProtobufSchema::from_proto("a.proto", &texts)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("strin") && error.contains("a.proto:2"),
        "{error}"
    );
    let texts = BTreeMap::from([("b.proto".to_owned(), "import \"absent.proto\";".to_owned())]);
    let error = ProtobufSchema::from_proto("b.proto", &texts)
        .unwrap_err()
        .to_string();
    assert!(error.contains("absent.proto"), "{error}");
}

#[test]
fn what_is_cut_or_wrong_is_said_with_its_place() {
    for (bytes, says) in [
        (&b"\x0a\x05ab"[..], "at byte 2"),
        (b"\x0a", "at byte 1"),
        (b"\x07", "wire type"),
        (b"\x00", "number"),
        (b"\x0c", "group"),
        (b"\x0b\x08\x01", "at byte 3"),
        (
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "64 bits",
        ),
    ] {
        let error = decode(bytes, None).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(decode(&[0x0b; 1000], None), Err(DecodeError::TooDeep));
    assert_eq!(
        decode(&[0x08, 1].repeat(1_100_000), None),
        Err(DecodeError::TooMany)
    );
}
