use std::borrow::Cow;
use std::time::Duration;

use etherparse::PacketBuilder;
use mqttwb_model::{Direction, Timestamp};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use proptest::prelude::*;

use super::*;

/// A packet that was found.
struct KeptPacket {
    connection: u64,
    direction: Direction,
    aliased_topic: Option<String>,
    frame: Vec<u8>,
}

#[derive(Default)]
struct Kept {
    infos: Vec<ConnectionInfo>,
    packets: Vec<KeptPacket>,
    /// Whose, after how many packets, and why.
    ends: Vec<(u64, usize, String)>,
}

impl Sink for Kept {
    fn connected(&mut self, info: ConnectionInfo) {
        self.infos.retain(|known| known.id != info.id);
        self.infos.push(info);
    }
    fn packet(&mut self, packet: &Packet<'_>) {
        self.packets.push(KeptPacket {
            connection: packet.connection.0,
            direction: packet.direction,
            aliased_topic: packet.aliased_topic.map(str::to_owned),
            frame: packet.frame.to_vec(),
        });
    }
    fn ended(&mut self, connection: ConnectionId, _: Timestamp, why: &str) {
        self.ends
            .push((connection.0, self.packets.len(), why.to_owned()));
    }
    fn missing(&mut self, _: u64) {}
}

/// Frames of Ethernet, as tcpdump writes them.
struct Wire {
    out: PcapWriter<Vec<u8>>,
    second: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    None,
    Syn,
    Fin,
    Rst,
}

impl Wire {
    fn new(link: DataLink) -> Self {
        let header = PcapHeader {
            datalink: link,
            ..PcapHeader::default()
        };
        Self {
            out: PcapWriter::with_header(Vec::new(), header).unwrap(),
            second: 100,
        }
    }

    fn raw(&mut self, data: &[u8]) {
        self.second += 1;
        self.out
            .write_packet(&PcapPacket {
                timestamp: Duration::from_secs(self.second),
                orig_len: data.len() as u32,
                data: Cow::Borrowed(data),
            })
            .unwrap();
    }

    fn send(&mut self, from: u16, to: u16, seq: u32, flag: Flag, payload: &[u8]) {
        let tcp = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 9)
            .tcp(from, to, seq, 1000);
        let tcp = match flag {
            Flag::None => tcp.ack(1),
            Flag::Syn => tcp.syn(),
            Flag::Fin => tcp.fin().ack(1),
            Flag::Rst => tcp.rst(),
        };
        let mut data = Vec::new();
        tcp.write(&mut data, payload).unwrap();
        self.raw(&data);
    }

    fn read(self) -> (Kept, Found) {
        let bytes = self.out.into_writer();
        let mut kept = Kept::default();
        let mut importer = Importer::new(bytes.as_slice()).unwrap();
        while importer.step(&mut kept).unwrap() {}
        let found = importer.finish();
        (kept, found)
    }
}

const CONNECT: &[u8] = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x1e\x00\x04pump";
const PING: &[u8] = &[0xc0, 0];

fn publish(n: u8) -> Vec<u8> {
    vec![0x30, 5, 0, 1, b'a', n, n]
}

#[test]
fn packets_are_put_in_order_again_whatever_tcp_did_with_them() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    wire.send(5000, 9999, 99, Flag::Syn, &[]);
    let bytes = [CONNECT, &publish(1), &publish(2), &publish(3), PING].concat();
    let at = |range: std::ops::Range<usize>| (100 + range.start as u32, bytes[range].to_vec());
    // Cut anywhere, out of order, twice, and overlapping.
    for (seq, part) in [
        at(0..5),
        at(20..27),
        at(5..15),
        at(0..5),
        at(30..bytes.len()),
        at(12..22),
        at(25..33),
    ] {
        wire.send(5000, 9999, seq, Flag::None, &part);
    }
    let (kept, found) = wire.read();
    assert_eq!(found.packets, 5);
    assert_eq!(found.missing_bytes, 0);
    let frames: Vec<_> = kept
        .packets
        .iter()
        .map(|packet| packet.frame.clone())
        .collect();
    assert_eq!(frames.concat(), bytes);
    assert_eq!(kept.infos[0].client.as_str(), "pump");
    assert_eq!(kept.infos[0].peer, "10.0.0.1:5000".parse().unwrap());
}

#[test]
fn sequence_numbers_go_on_past_their_largest() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    let begin = u32::MAX - 10;
    wire.send(5000, 1883, begin, Flag::Syn, &[]);
    wire.send(5000, 1883, begin.wrapping_add(1), Flag::None, CONNECT);
    let next = begin.wrapping_add(1 + CONNECT.len() as u32);
    wire.send(5000, 1883, next.wrapping_add(2), Flag::None, &publish(1));
    wire.send(5000, 1883, next, Flag::None, PING);
    assert_eq!(wire.read().1.packets, 3);
}

#[test]
fn what_is_not_mqtt_is_counted_by_what_it_is() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    wire.send(1, 443, 1, Flag::None, &[0x16, 3, 1, 0, 9]);
    wire.send(2, 8083, 1, Flag::None, b"GET /mqtt HTTP/1.1\r\n");
    wire.send(3, 22, 1, Flag::None, b"SSH-2.0-x\r\n");
    wire.raw(&[0; 20]);
    wire.send(4, 1883, 1, Flag::None, CONNECT);
    let (_, found) = wire.read();
    assert_eq!((found.read, found.not_tcp, found.packets), (5, 1, 1));
    let others: Vec<_> = found
        .others
        .iter()
        .map(|(what, n)| (what.as_str(), *n))
        .collect();
    assert_eq!(
        others,
        [
            ("HTTP or WebSocket", 1),
            ("TLS, which can't be read without its keys", 1),
            ("something else at port 3", 1),
        ]
    );
}

#[test]
fn a_connection_that_was_there_before_is_believed_at_the_usual_port() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    wire.send(1883, 6000, 77, Flag::None, &publish(1));
    wire.send(6000, 1883, 5, Flag::None, PING);
    let (kept, found) = wire.read();
    assert_eq!(found.packets, 2);
    assert_eq!(kept.packets[0].direction, Direction::ToClient);
    assert_eq!(kept.packets[1].direction, Direction::ToBroker);
}

#[test]
fn the_same_ports_again_are_another_connection() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    for (begin, end) in [(10, Flag::Rst), (70, Flag::Fin), (9_000, Flag::None)] {
        wire.send(5000, 1883, begin, Flag::Syn, &[]);
        wire.send(5000, 1883, begin, Flag::Syn, &[]);
        wire.send(5000, 1883, begin + 1, Flag::None, CONNECT);
        wire.send(5000, 1883, begin + 1 + CONNECT.len() as u32, end, &[]);
    }
    let (kept, found) = wire.read();
    assert_eq!((found.connections, found.packets), (3, 3));
    let reset = "The client ended the TCP connection first (RST).";
    let closed = "The client ended the TCP connection first (FIN).";
    let ends = [(1, 1, reset.to_owned()), (2, 2, closed.to_owned())];
    assert_eq!(kept.ends, ends, "of the third no end was captured");
    let ids: Vec<u64> = kept
        .packets
        .iter()
        .map(|packet| packet.connection)
        .collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn bytes_that_are_missing_end_what_can_be_read_and_are_counted() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    wire.send(5000, 1883, 9, Flag::Syn, &[]);
    wire.send(5000, 1883, 10, Flag::None, CONNECT);
    wire.send(5000, 1883, 10 + 30, Flag::None, &publish(1));
    let (_, found) = wire.read();
    assert_eq!((found.packets, found.missing_bytes), (1, 7));
}

#[test]
fn an_alias_is_resolved_and_a_password_struck_out() {
    let mut wire = Wire::new(DataLink::ETHERNET);
    let connect = b"\x10\x18\x00\x04MQTT\x05\xc2\x00\x1e\x00\x00\x01c\x00\x01u\x00\x05horse";
    let named = b"\x30\x08\x00\x01a\x03\x23\x00\x07x";
    let aliased = b"\x30\x07\x00\x00\x03\x23\x00\x07y";
    let bytes = [&connect[..], named, aliased].concat();
    wire.send(5000, 1883, 9, Flag::Syn, &[]);
    wire.send(5000, 1883, 10, Flag::None, &bytes);
    let (kept, _) = wire.read();
    assert_eq!(kept.packets.len(), 3);
    assert!(
        !kept.packets[0]
            .frame
            .windows(5)
            .any(|window| window == b"horse")
    );
    assert_eq!(kept.packets[1].aliased_topic, None);
    assert_eq!(kept.packets[2].aliased_topic.as_deref(), Some("a"));
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    for bytes in [&b""[..], b"x", b"SQLite format 3\0"] {
        let error = Importer::new(bytes).unwrap_err();
        assert!(matches!(error, ImportError::Format), "{error}");
    }
}

fn some_capture() -> Vec<u8> {
    let mut wire = Wire::new(DataLink::ETHERNET);
    wire.send(5000, 1883, 9, Flag::Syn, &[]);
    wire.send(5000, 1883, 10, Flag::None, CONNECT);
    wire.send(
        5000,
        1883,
        10 + CONNECT.len() as u32,
        Flag::None,
        &publish(1),
    );
    wire.out.into_writer()
}

fn ng_capture() -> Vec<u8> {
    let mut exporter =
        crate::export::Exporter::new(crate::export::Format::Pcapng, Vec::new(), "x").unwrap();
    for (at, frame) in [CONNECT, PING].into_iter().enumerate() {
        let packet = Packet {
            seq: 0,
            at: Timestamp(at as u64),
            connection: ConnectionId(1),
            direction: Direction::ToBroker,
            version: mqttwb_model::ProtocolVersion::V311,
            seen_by: mqttwb_model::SeenBy::Broker,
            message: None,
            aliased_topic: None,
            fault: None,
            frame,
        };
        exporter.packet(&packet, None).unwrap();
    }
    exporter.finish().unwrap()
}

proptest! {
    #[test]
    fn a_damaged_file_is_an_error_or_less_and_never_a_panic(
        ng in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = if ng { ng_capture() } else { some_capture() };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        let mut kept = Kept::default();
        if let Ok(mut importer) = Importer::new(bytes.as_slice()) {
            for _ in 0..1_000 {
                match importer.step(&mut kept) {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                }
            }
            importer.finish();
        }
    }
}
