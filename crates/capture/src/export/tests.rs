use std::io::Write as _;
use std::process::{Command, Stdio};

use mqttwb_model::recording::{ConnectionEnd, Gap, GapCause};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, FaultDone, ListenerProtocol, MessageId,
    ProtocolVersion, SeenBy, Timestamp,
};

use super::*;
use crate::SeenFault;
use crate::import::{Found, Importer, Sink};
use crate::shown::{connection, frame as packet};

/// 2026-03-01T12:00:00.000000007Z.
const BEGIN: u64 = 1_772_366_400_000_000_007;

fn info(
    id: u64,
    version: ProtocolVersion,
    protocol: ListenerProtocol,
    peer: &str,
) -> ConnectionInfo {
    ConnectionInfo {
        version,
        listener: protocol.to_string().into(),
        protocol,
        peer: peer.parse().unwrap(),
        ..connection(id, &format!("client-{id}"))
    }
}

/// A packet of each type, with its direction.
fn every_type(version: ProtocolVersion) -> Vec<(Direction, Vec<u8>)> {
    use Direction::{ToBroker, ToClient};
    let v5 = version == ProtocolVersion::V5;
    // The length of properties that are not there, where the version has any.
    let none: &[u8] = if v5 { &[0] } else { &[] };
    let level: &[u8] = if v5 { &[5] } else { &[4] };
    let user_property: &[u8] = if v5 {
        b"\x09\x26\x00\x01k\x00\x03v\xc3\xbc"
    } else {
        &[]
    };
    let large = vec![b'x'; 200_000];
    let mut packets = vec![
        (
            ToBroker,
            packet(
                0x10,
                &[b"\x00\x04MQTT", level, &[0x02, 0, 30], none, b"\x00\x01c"],
            ),
        ),
        (ToClient, packet(0x20, &[&[0, 0], none])),
        (
            ToBroker,
            packet(0x82, &[&[0, 1], none, b"\x00\x07plant/#\x02"]),
        ),
        (ToClient, packet(0x90, &[&[0, 1], none, &[2]])),
        (
            ToBroker,
            packet(0x30, &[b"\x00\x01a", user_property, b"21.5"]),
        ),
        (
            ToBroker,
            packet(0x33, &[b"\x00\x01a\x00\x02", none, &[0xff, 0xfe]]),
        ),
        (ToClient, packet(0x40, &[&[0, 2]])),
        (
            ToBroker,
            packet(0x34, &[b"\x00\x01b\x00\x03", none, &large]),
        ),
        (ToClient, packet(0x50, &[&[0, 3]])),
        (ToBroker, packet(0x62, &[&[0, 3]])),
        (ToClient, packet(0x70, &[&[0, 3]])),
        (ToBroker, packet(0xa2, &[&[0, 4], none, b"\x00\x07plant/#"])),
        (
            ToClient,
            packet(0xb0, &[&[0, 4], none, if v5 { &[0] } else { &[] }]),
        ),
        (ToBroker, packet(0xc0, &[])),
        (ToClient, packet(0xd0, &[])),
    ];
    if v5 {
        packets.push((ToBroker, packet(0xf0, &[&[0x19], b"\x06\x15\x00\x03PSK"])));
        packets.push((ToClient, packet(0xe0, &[&[0x8b], &[0]])));
    } else {
        packets.push((ToBroker, packet(0xe0, &[])));
    }
    packets
}

/// Connections of both versions and both families, one through TLS.
fn connections() -> Vec<ConnectionInfo> {
    use ListenerProtocol::{Tcp, Tls};
    vec![
        info(1, ProtocolVersion::V311, Tcp, "127.0.0.1:40001"),
        info(2, ProtocolVersion::V5, Tls, "127.0.0.1:40001"),
        info(3, ProtocolVersion::V5, Tcp, "[2001:db8::7]:40003"),
        info(4, ProtocolVersion::V311, Tcp, "[::ffff:192.0.2.77]:40004"),
    ]
}

fn exported(format: Format) -> (Vec<u8>, usize) {
    let mut exporter = Exporter::new(format, Vec::new(), "a test").unwrap();
    let mut count = 0;
    let infos = connections();
    let streams: Vec<_> = infos.iter().map(|info| every_type(info.version)).collect();
    for step in 0..streams.iter().map(Vec::len).max().unwrap() {
        for (info, stream) in infos.iter().zip(&streams) {
            let Some((direction, frame)) = stream.get(step) else {
                continue;
            };
            let packet = Packet {
                seq: count as u64,
                at: Timestamp(BEGIN + 1_000 * count as u64),
                connection: info.id,
                direction: *direction,
                version: info.version,
                seen_by: SeenBy::Broker,
                message: (step == 4).then_some(MessageId(9)),
                aliased_topic: None,
                fault: (step == 6).then_some(SeenFault {
                    rule: "lose PUBACK",
                    done: FaultDone::Dropped,
                }),
                frame,
            };
            exporter.packet(&packet, Some(info)).unwrap();
            count += 1;
            if step + 1 == stream.len() {
                let end = ConnectionEnd {
                    connection: info.id,
                    before: count as u64,
                    at: Timestamp(BEGIN + 1_000 * count as u64),
                    why: "the client was cut off".into(),
                };
                exporter.end(&end, Some(info)).unwrap();
            }
        }
        if step == 3 {
            let gap = Gap {
                before: count as u64,
                packets: 17,
                cause: GapCause::Overtaken,
                at: Timestamp(BEGIN),
            };
            exporter.gap(&gap).unwrap();
        }
    }
    (exporter.finish().unwrap(), count)
}

/// What tshark prints of a capture.
fn tshark(capture: &[u8], arguments: &[&str]) -> String {
    let mut child = Command::new("tshark")
        .args(["-n", "-r", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tshark is installed: `cargo xtask test` sees to that");
    let mut input = child.stdin.take().unwrap();
    let capture = capture.to_vec();
    let feeding = std::thread::spawn(move || input.write_all(&capture));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tshark_decodes_every_packet_type_of_both_versions_without_a_malformed_mark() {
    let (capture, count) = exported(Format::Pcapng);
    let trouble = tshark(
        &capture,
        &[
            "-Y",
            "_ws.malformed || tcp.analysis.flags || ip.checksum.status == 0 || tcp.checksum.status == 0",
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
        ],
    );
    assert_eq!(trouble, "");
    let types = tshark(
        &capture,
        &[
            "-Y",
            "mqtt",
            "-T",
            "fields",
            "-e",
            "mqtt.msgtype",
            "-E",
            "occurrence=a",
        ],
    );
    let mut seen: Vec<u8> = types
        .split([',', '\n'])
        .filter(|text| !text.is_empty())
        .map(|text| text.trim().parse().unwrap())
        .collect();
    assert_eq!(seen.len(), count);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (1..=15).collect::<Vec<u8>>());
    let payloads = tshark(
        &capture,
        &[
            "-Y",
            "mqtt.msgtype == 3 && mqtt.topic == \"a\" && mqtt.qos == 0",
            "-T",
            "fields",
            "-e",
            "mqtt.msg",
            "-e",
            "frame.time_epoch",
        ],
    );
    assert_eq!(payloads.lines().count(), 4);
    assert!(payloads.contains("32312e35"), "{payloads}");
    assert!(payloads.contains("1772366400.0000"), "{payloads}");
    let comments = tshark(&capture, &["-T", "fields", "-e", "frame.comment"]);
    assert!(comments.contains("Fault rule lose PUBACK: "), "{comments}");
    assert!(comments.contains("MQTT over TLS"), "{comments}");
    assert_eq!(comments.matches("cut off").count(), connections().len());
    let ends = tshark(&capture, &["-Y", "tcp.flags.fin == 1"]);
    assert_eq!(
        ends.lines().count(),
        2 * connections().len(),
        "from both sides"
    );
}

#[test]
fn wireshark_is_told_the_version_of_a_connection_whose_connect_was_not_recorded() {
    let info = info(
        7,
        ProtocolVersion::V5,
        ListenerProtocol::Tcp,
        "127.0.0.1:40001",
    );
    // A PUBLISH of MQTT 5; read as 3.1.1, its properties are payload.
    let frame = b"\x30\x0f\0\x01a\x09\x26\0\x01k\0\x03v\xc3\xbc21";
    let mut exporter = Exporter::new(Format::Pcapng, Vec::new(), "").unwrap();
    let packet = Packet {
        seq: 0,
        at: Timestamp(BEGIN),
        connection: info.id,
        direction: Direction::ToBroker,
        version: info.version,
        seen_by: SeenBy::Broker,
        message: None,
        aliased_topic: None,
        fault: None,
        frame,
    };
    exporter.packet(&packet, Some(&info)).unwrap();
    let capture = exporter.finish().unwrap();
    let comments = tshark(&capture, &["-T", "fields", "-e", "frame.comment"]);
    let preference = "mqtt.default_version to MQTT v5.0";
    assert!(comments.contains(preference), "{comments}");
    // And that is what helps.
    let with = ["-o", "mqtt.default_version:MQTT v5.0"];
    let fields = ["-Y", "mqtt", "-T", "fields", "-e", "mqtt.msg"];
    let payload = tshark(&capture, &[&with[..], &fields[..]].concat());
    assert_eq!(payload.trim(), "3231");
}

/// Keeps what is found.
#[derive(Default)]
struct Kept {
    infos: Vec<ConnectionInfo>,
    packets: Vec<(ConnectionId, Direction, ProtocolVersion, Timestamp, Vec<u8>)>,
    ends: Vec<(ConnectionId, String)>,
    missing: u64,
}

impl Sink for Kept {
    fn connected(&mut self, info: ConnectionInfo) {
        self.infos.retain(|known| known.id != info.id);
        self.infos.push(info);
    }
    fn packet(&mut self, packet: &Packet<'_>) {
        let Packet {
            connection,
            direction,
            version,
            at,
            ..
        } = *packet;
        self.packets
            .push((connection, direction, version, at, packet.frame.to_vec()));
    }
    fn ended(&mut self, connection: ConnectionId, _: Timestamp, why: &str) {
        self.ends.push((connection, why.to_owned()));
    }
    fn missing(&mut self, packets: u64) {
        self.missing += packets;
    }
}

fn imported(capture: &[u8]) -> (Kept, Found) {
    let mut kept = Kept::default();
    let mut importer = Importer::new(capture).unwrap();
    while importer.step(&mut kept).unwrap() {}
    (kept, importer.finish())
}

#[test]
fn what_was_exported_as_pcapng_is_imported_as_the_same_packets() {
    let (capture, count) = exported(Format::Pcapng);
    let (kept, found) = imported(&capture);
    assert_eq!(found.packets, count as u64);
    assert_eq!(found.connections, 4);
    assert_eq!(
        (found.missing_bytes, found.not_tcp, found.cut_short),
        (0, 0, 0)
    );
    assert!(found.others.is_empty());
    assert_eq!(kept.missing, 17);
    let infos = connections();
    for (number, info) in infos.iter().enumerate() {
        let id = ConnectionId(number as u64 + 1);
        let again = kept.infos.iter().find(|kept| kept.id == id).unwrap();
        assert_eq!(again.client.as_str(), "c", "as CONNECT says");
        assert_eq!(again.version, info.version);
        assert_eq!(again.peer.port(), info.peer.port());
        let packets: Vec<_> = kept
            .packets
            .iter()
            .filter(|packet| packet.0 == id)
            .map(|packet| (packet.1, packet.4.clone()))
            .collect();
        let sent = every_type(info.version);
        assert!(packets == sent, "connection {number}");
    }
    assert_eq!(kept.packets[0].3, Timestamp(BEGIN));
    assert_eq!(kept.ends.len(), infos.len());
}

#[test]
fn each_line_of_json_is_an_object_and_nothing_is_cut_short() {
    let (bytes, count) = exported(Format::Jsonl);
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ends = connections().len();
    assert_eq!(lines.len(), count + 1 + ends, "a line says what is missing");
    let end = lines.iter().find(|line| line.get("ended").is_some());
    let end = end.unwrap();
    assert_eq!(end["ended"], "the client was cut off");
    assert_eq!(
        (&end["connection"], &end["client"]),
        (&1.into(), &"client-1".into())
    );
    let missing = lines
        .iter()
        .find(|line| line.get("missing").is_some())
        .unwrap();
    assert_eq!(missing["missing"], 17);
    let publish = |payload: &str| {
        lines
            .iter()
            .find(|line| {
                line["packet"] == "PUBLISH" && line["version"] == "5" && !line[payload].is_null()
            })
            .unwrap()
    };
    let text = publish("payload");
    assert_eq!(text["payload"], "21.5");
    assert_eq!(text["topic"], "a");
    assert_eq!(text["message"], 9);
    assert_eq!(text["client"], "client-2");
    assert_eq!(text["direction"], "to-broker");
    assert_eq!(text["properties"][0]["name"], "user property");
    assert!(
        text["time"]
            .as_str()
            .unwrap()
            .starts_with("2026-03-01T12:00:00.0000")
    );
    assert_eq!(publish("payloadBase64")["payloadBase64"], "//4=");
    let large = lines.iter().find(|line| line["topic"] == "b").unwrap();
    assert_eq!(large["payload"].as_str().unwrap().len(), 200_000);
    let fault = lines.iter().find(|line| !line["fault"].is_null()).unwrap();
    assert_eq!(fault["fault"]["rule"], "lose PUBACK");
}

#[test]
fn a_table_has_its_columns_in_every_row() {
    let (bytes, count) = exported(Format::Csv);
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    assert_eq!(reader.headers().unwrap(), rows::COLUMNS.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), count + 1 + connections().len());
    let column = |row: &csv::StringRecord, name: &str| {
        let at = rows::COLUMNS.iter().position(|column| *column == name);
        row[at.unwrap()].to_owned()
    };
    let missing = rows
        .iter()
        .find(|row| column(row, "packet") == "missing")
        .unwrap();
    assert!(column(missing, "summary").starts_with("17 packets: "));
    let ended = rows.iter().find(|row| column(row, "packet") == "ended");
    let ended = ended.unwrap();
    assert_eq!(column(ended, "client"), "client-1");
    assert_eq!(column(ended, "summary"), "the client was cut off");
    let binary = rows
        .iter()
        .find(|row| column(row, "payload_encoding") == "base64")
        .unwrap();
    assert_eq!(column(binary, "payload"), "//4=");
    assert_eq!(column(binary, "packet_id"), "2");
}

#[test]
fn a_topic_longer_than_a_comment_may_be_does_not_break_the_file() {
    let mut exporter = Exporter::new(Format::Pcapng, Vec::new(), "").unwrap();
    let topic = "ü".repeat(32_000);
    let packet = Packet {
        seq: 0,
        at: Timestamp(BEGIN),
        connection: ConnectionId(1),
        direction: Direction::ToBroker,
        version: ProtocolVersion::V5,
        seen_by: SeenBy::ClientOfRemote,
        message: None,
        aliased_topic: Some(&topic),
        fault: None,
        frame: b"\x30\x06\x00\x00\x03\x23\x00\x01",
    };
    exporter.packet(&packet, None).unwrap();
    let capture = exporter.finish().unwrap();
    assert_eq!(imported(&capture).1.packets, 1);
}

#[test]
fn what_a_test_client_of_the_broker_saw_again_is_left_out_of_a_capture() {
    let mut exporter = Exporter::new(Format::Pcapng, Vec::new(), "").unwrap();
    for seen_by in [SeenBy::Broker, SeenBy::ClientOfBroker] {
        let info = ConnectionInfo {
            seen_by,
            ..info(
                1,
                ProtocolVersion::V5,
                ListenerProtocol::Tcp,
                "127.0.0.1:1883",
            )
        };
        let packet = Packet {
            seq: 0,
            at: Timestamp(BEGIN),
            connection: ConnectionId(1),
            direction: Direction::ToBroker,
            version: ProtocolVersion::V5,
            seen_by,
            message: None,
            aliased_topic: None,
            fault: None,
            frame: &[0xc0, 0],
        };
        exporter.packet(&packet, Some(&info)).unwrap();
    }
    assert_eq!(imported(&exporter.finish().unwrap()).1.packets, 1);
}
