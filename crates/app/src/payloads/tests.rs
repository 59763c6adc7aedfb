use mqttwb_capture::Capture;
use mqttwb_model::{ConnectionId, Observer as _, PacketBatch, PacketMark, Timestamp};

use super::*;
use crate::api::{DecoderChoice, DecoderChosen, DecoderRule, ErrorCode, SchemaFile, SchemaKind};

struct Bench {
    folder: tempfile::TempDir,
    payloads: Payloads,
    capture: Arc<Capture>,
    seq: u64,
}

/// An MQTT 3.1.1 PUBLISH at QoS 0.
fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut left = 2 + topic.len() + payload.len();
    let mut frame = vec![0x30];
    loop {
        let byte = (left & 0x7f) as u8;
        left >>= 7;
        frame.push(byte | if left > 0 { 0x80 } else { 0 });
        if left == 0 {
            break;
        }
    }
    frame.extend((topic.len() as u16).to_be_bytes());
    frame.extend(topic.as_bytes());
    frame.extend(payload);
    frame
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            payloads: Self::payloads(&folder),
            capture: Capture::new(64 << 20),
            folder,
            seq: 0,
        }
    }

    fn source(&self) -> Arc<dyn Source> {
        self.capture.clone()
    }

    fn payloads(folder: &tempfile::TempDir) -> Payloads {
        let mut payloads = Payloads::open_in(folder.path()).unwrap();
        payloads.downloads = folder.path().join("downloads");
        payloads
    }

    /// Records a message. Its number.
    fn see(&mut self, connection: u64, direction: Direction, topic: &str, payload: &[u8]) -> u64 {
        let frame = publish(topic, payload);
        self.capture.packets(PacketBatch {
            connection: ConnectionId(connection),
            direction,
            bytes: &frame,
            marks: &[PacketMark {
                at: Timestamp(self.seq * 1_000_000),
                start: 0,
                len: frame.len() as u32,
                message: None,
                aliased_topic: None,
                fault: None,
            }],
        });
        self.seq += 1;
        self.seq - 1
    }

    fn publish(&mut self, topic: &str, payload: &[u8]) -> u64 {
        self.see(1, Direction::ToBroker, topic, payload)
    }

    fn open(&self, seq: u64) -> PayloadOpened {
        self.payloads
            .open(&self.source(), &asked(seq, None))
            .unwrap()
    }
}

fn asked(seq: u64, decoder: Option<DecoderChoice>) -> PayloadRequest {
    PayloadRequest { seq, decoder }
}

fn schema(name: &str, text: &str) -> SchemaFile {
    SchemaFile {
        name: name.into(),
        bytes: STANDARD.encode(text),
    }
}

fn rule(filter: &str, decoder: DecoderChoice) -> DecoderRule {
    DecoderRule {
        filter: filter.into(),
        decoder,
    }
}

const PROTO: &str = "syntax = \"proto3\"; message Reading { float bar = 1; string unit = 2; }";
/// `bar: 4.2, unit: "bar"`
const READING: &[u8] = b"\x0d\x66\x66\x86\x40\x12\x03bar";

fn reading() -> DecoderChoice {
    DecoderChoice::Protobuf {
        schema: Some("pump.proto".into()),
        message: None,
    }
}

#[test]
fn a_payload_is_read_by_its_looks_as_asked_or_by_the_first_rule() {
    let mut bench = Bench::new();
    let seq = bench.publish("plant/pump-7", b"{\"a\": [1, {\"b\": 2.50}], \"t\": \"x\"}");
    let opened = bench.open(seq);
    assert_eq!(
        (&opened.decoder, &opened.chosen),
        (&DecoderChoice::Json, &DecoderChosen::Detected)
    );
    let paths: Vec<&str> = opened
        .numbers
        .iter()
        .map(|number| number.path.as_str())
        .collect();
    assert_eq!((paths, opened.number_count), (vec!["a[0]", "a[1].b"], 2));
    let hex = asked(seq, Some(DecoderChoice::Hex));
    let opened = bench.payloads.open(&bench.source(), &hex).unwrap();
    assert_eq!(opened.chosen, DecoderChosen::Asked);
    assert_eq!(opened.detected, DecoderChoice::Json);
    bench
        .payloads
        .set_rule(rule("plant/#", DecoderChoice::Text))
        .unwrap();
    bench
        .payloads
        .set_rule(rule("plant/+", DecoderChoice::Base64))
        .unwrap();
    let opened = bench.open(seq);
    let filter = "plant/+".to_owned();
    assert_eq!(
        (opened.decoder, opened.chosen),
        (DecoderChoice::Base64, DecoderChosen::Rule { filter }),
        "the newest rule is asked first"
    );
    bench.payloads.remove_rule("plant/+").unwrap();
    assert_eq!(bench.open(seq).decoder, DecoderChoice::Text);
    let error = bench.payloads.remove_rule("plant/+").unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[test]
fn values_are_handed_out_level_by_level_with_their_paths() {
    let mut bench = Bench::new();
    let list: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    let text = format!(
        "{{\"cells\": [{}], \"odd.name\": {{\"x\": true}}}}",
        list.join(",")
    );
    let seq = bench.publish("a", text.as_bytes());
    let root = bench.open(seq).root.unwrap();
    assert_eq!((root.kind, root.children), (PayloadValueKind::Map, 2));
    let nodes = |at: &[u32], start, count| {
        bench
            .payloads
            .nodes(&bench.source(), &asked(seq, None), at, start, count)
            .unwrap()
    };
    let top = nodes(&[], 0, 100);
    assert_eq!(
        (top[0].name.as_deref(), top[0].children),
        (Some("cells"), 2000)
    );
    let some = nodes(&[0], 1990, 100);
    assert_eq!(some.len(), 10);
    assert_eq!(
        (some[9].path.as_str(), some[9].number, some[9].text.as_str()),
        ("cells[1999]", Some(1999.0), "1999")
    );
    assert_eq!(nodes(&[0], 0, 2000).len(), NODES, "the rest is asked for");
    assert_eq!(nodes(&[1], 0, 10)[0].path, "[\"odd.name\"].x");
    let value = bench
        .payloads
        .value(&bench.source(), &asked(seq, None), &[1])
        .unwrap();
    assert_eq!(value, "{\n  \"x\": true\n}");
    let error = bench
        .payloads
        .nodes(&bench.source(), &asked(seq, None), &[7], 0, 1)
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[test]
fn ten_megabytes_of_text_are_reached_part_by_part_and_saved_whole() {
    let mut bench = Bench::new();
    let text = "zwölf Boxkämpfer\n".repeat(10 * 1024 * 1024 / 19);
    let seq = bench.publish("a/b", text.as_bytes());
    let (mut read, mut total) = (String::new(), 1);
    while (read.len() as u64) < total {
        let part = bench
            .payloads
            .text(&bench.source(), &asked(seq, None), false, read.len() as u64)
            .unwrap();
        assert!(part.text.len() <= TEXT && !part.text.is_empty());
        total = part.total;
        read.push_str(&part.text);
    }
    assert!(read == text);
    let saved = bench
        .payloads
        .save(&bench.source(), &asked(seq, None), false)
        .unwrap();
    assert_eq!(saved.size as usize, text.len());
    assert!(saved.path.ends_with("a-b-0.txt"), "{}", saved.path);
    assert!(std::fs::read(saved.path).unwrap() == text.as_bytes());
    let bytes = bench
        .payloads
        .bytes(&bench.source(), &asked(seq, None), false, 3, u32::MAX)
        .unwrap();
    assert_eq!(
        STANDARD.decode(bytes.bytes).unwrap(),
        &text.as_bytes()[3..3 + BYTES]
    );
}

#[test]
fn rules_and_schemas_outlive_the_workbench() {
    let mut bench = Bench::new();
    let decoders = bench
        .payloads
        .add_schema(&schema("pump.proto", PROTO))
        .unwrap();
    assert_eq!(decoders.schemas[0].messages, ["Reading"]);
    bench.payloads.set_rule(rule("plant/#", reading())).unwrap();
    let seq = bench.publish("plant/pump-7", READING);
    assert_eq!(bench.open(seq).numbers[0].value, 4.2);
    bench.payloads = Bench::payloads(&bench.folder);
    assert_eq!(
        bench.payloads.decoders().rules,
        [rule("plant/#", reading())]
    );
    assert_eq!(bench.open(seq).numbers[0].value, 4.2);
    let path = Path::try_from("bar").unwrap();
    assert_eq!(
        bench.payloads.number("plant/pump-7", READING, &path),
        Some(4.2)
    );
    assert_eq!(bench.payloads.number("other", READING, &path), None);

    // Without its schema the rule says so, beside what can be shown.
    let removed = bench.payloads.remove_schema("pump.proto").unwrap();
    let opened = bench.open(seq);
    assert_eq!(opened.chosen, DecoderChosen::Detected);
    assert!(
        opened.problems[0].contains("pump.proto"),
        "{:?}",
        opened.problems
    );
    bench.payloads.add_schema(&removed).unwrap();
    assert_eq!(bench.open(seq).decoder, reading());
}

#[test]
fn a_schema_that_can_not_be_used_is_not_added() {
    let bench = Bench::new();
    for (name, text, says) in [
        (
            "a.proto",
            "syntax = \"proto3\"; message A { strin x = 1; }",
            "strin",
        ),
        ("a.avsc", "{", "Avro"),
        ("a.desc", "nonsense", "descriptor set"),
        ("a.txt", "", "does not say"),
        ("../a.avsc", "\"int\"", "no name"),
    ] {
        let error = bench.payloads.add_schema(&schema(name, text)).unwrap_err();
        assert!(error.message.contains(says), "{}", error.message);
    }
    assert!(bench.payloads.decoders().schemas.is_empty());
    let decoders = bench
        .payloads
        .add_schema(&schema("a.avsc", "\"int\""))
        .unwrap();
    assert_eq!(decoders.schemas[0].kind, SchemaKind::Avro);
    let wrong = DecoderChoice::Protobuf {
        schema: Some("a.avsc".into()),
        message: None,
    };
    assert!(bench.payloads.set_rule(rule("#", wrong)).is_err());
    assert!(
        bench
            .payloads
            .set_rule(rule("a#", DecoderChoice::Hex))
            .is_err()
    );
}

#[test]
fn rules_that_can_not_be_read_are_told_and_not_overwritten() {
    let mut bench = Bench::new();
    bench
        .payloads
        .set_rule(rule("#", DecoderChoice::Hex))
        .unwrap();
    let path = bench.folder.path().join("decoders/rules.json");
    std::fs::write(&path, "{").unwrap();
    bench.payloads = Bench::payloads(&bench.folder);
    assert!(
        bench
            .payloads
            .decoders()
            .problem
            .unwrap()
            .contains("rules.json")
    );
    assert!(
        bench
            .payloads
            .set_rule(rule("#", DecoderChoice::Hex))
            .is_err()
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), "{");
}

#[test]
fn a_message_is_compared_with_the_one_before_on_its_topic_that_went_the_same_way() {
    let mut bench = Bench::new();
    let first = bench.publish("a", b"{\"v\": 1, \"u\": \"bar\"}");
    bench.publish("b", b"{\"v\": 9}");
    bench.see(2, Direction::ToClient, "a", b"{\"v\": 9}");
    for _ in 0..20_000 {
        bench.publish("noise", b"0");
    }
    let last = bench.publish("a", b"{\"v\": 2, \"u\": \"bar\", \"n\": [1, 2]}");
    let diff = |seq| {
        bench
            .payloads
            .diff(&bench.source(), &asked(seq, None))
            .unwrap()
    };
    let found = diff(last);
    assert_eq!((found.before, found.count), (Some(first), 2));
    assert_eq!(found.micros, (last - first) * 1000);
    let told: Vec<_> = found
        .changes
        .iter()
        .map(|change| {
            (
                change.path.as_str(),
                change.before.as_deref(),
                change.after.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("v", Some("1"), Some("2")), ("n", None, Some("[ 1, 2 ]"))]
    );
    assert_eq!(diff(first).before, None);
}

#[test]
fn bytes_that_are_no_tree_are_compared_as_bytes() {
    let mut bench = Bench::new();
    bench.publish("a", b"\x00\x01\x02");
    let last = bench.publish("a", b"\x00\x01\x03\x04");
    let found = bench
        .payloads
        .diff(&bench.source(), &asked(last, None))
        .unwrap();
    assert_eq!(found.count, 1);
    let note = found.note.unwrap();
    assert_eq!(note, "3 bytes before, 4 now; the first 2 are the same.");
    let [row] = found.changes.as_slice() else {
        panic!("one row: {:?}", found.changes);
    };
    assert_eq!(row.path, "0000");
    assert_eq!(row.before.as_deref(), Some("00 01 02"));
    assert_eq!(row.after.as_deref(), Some("00 01 03 04"));
}

#[test]
fn text_is_compared_line_by_line() {
    let mut bench = Bench::new();
    let long = "x".repeat(1000);
    bench.publish("a", b"state: idle\nspeed: slow\ngoes\nend");
    let last = bench.publish(
        "a",
        format!("new\nstate: idle\nspeed: fast\nend\n{long}").as_bytes(),
    );
    let text = asked(last, Some(DecoderChoice::Text));
    let found = bench.payloads.diff(&bench.source(), &text).unwrap();
    let told: Vec<(&str, Option<&str>, Option<&str>)> = found
        .changes
        .iter()
        .map(|change| {
            (
                change.path.as_str(),
                change.before.as_deref(),
                change.after.as_deref(),
            )
        })
        .collect();
    let cut = format!("{}…", &long[..200]);
    assert_eq!(
        told,
        [
            ("line 1", None, Some("new")),
            ("line 3", Some("speed: slow"), Some("speed: fast")),
            ("line 3", Some("goes"), None),
            ("line 5", None, Some(cut.as_str())),
        ]
    );
    assert_eq!(found.count, 4);
    assert_eq!(found.note.as_deref(), Some("4 lines differ"));
}

#[test]
fn the_newest_picture_of_a_topic_is_found() {
    let mut bench = Bench::new();
    let newest = |bench: &Bench, after| bench.payloads.newest(&bench.source(), "cam", after);
    let first = bench.publish("cam", b"\xff\xd8\xff");
    assert_eq!(newest(&bench, first), None);
    bench.publish("cam", b"\xff\xd8\xff");
    bench.publish("other", b"x");
    let last = bench.publish("cam", b"\xff\xd8\xff");
    bench.see(2, Direction::ToClient, "cam", b"\xff\xd8\xff");
    assert_eq!(newest(&bench, first), Some(last));
    assert_eq!(newest(&bench, last), None);
}

#[test]
fn numbers_are_found_in_binary_payloads_without_a_rule() {
    let bench = Bench::new();
    let path = Path::try_from("v").unwrap();
    let number = |payload: &[u8]| bench.payloads.number("t", payload, &path);
    assert_eq!(number(b"{\"v\": 1.5}"), Some(1.5));
    assert_eq!(number(b"\xa1\x61v\x18\x2a"), Some(42.0), "CBOR");
    assert_eq!(number(b"\x81\xa1v\x2a"), Some(42.0), "MessagePack");
    assert_eq!(number(b"text"), None);
    assert_eq!(number(b"\x00\xff"), None);
}

#[test]
fn a_packet_that_is_gone_is_not_found() {
    let mut bench = Bench::new();
    let seq = bench.publish("a", b"x");
    bench.capture.clear();
    let error = bench
        .payloads
        .open(&bench.source(), &asked(seq, None))
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[test]
fn packets_of_another_source_with_the_same_number_are_not_mixed_up() {
    let (mut one, mut other) = (Bench::new(), Bench::new());
    let seq = one.publish("a", b"one");
    assert_eq!(other.publish("a", b"other"), seq);
    let size =
        |source: &Arc<dyn Source>| one.payloads.open(source, &asked(seq, None)).unwrap().size;
    assert_eq!((size(&one.source()), size(&other.source())), (3, 5));
    assert_eq!(size(&one.source()), 3);
}
