//! Packets as Wireshark reads them.
//!
//! Only MQTT was recorded, so the layers below are made: each connection is a TCP connection with a handshake, sequence
//! numbers that follow from the bytes, and port 1883 on the broker's side, so that MQTT is recognised. What came through TLS
//! or a WebSocket stands there as plain MQTT over TCP, and a comment at its first packet says so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use etherparse::PacketBuilder;
use mqttwb_model::recording::{ConnectionEnd, Gap};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, ListenerProtocol, PacketType, ProtocolVersion, SeenBy,
    Timestamp,
};
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{Endianness, PcapError};

use crate::Packet;

/// Bytes of MQTT in one segment of TCP: what IP can carry, headers taken off.
const PAYLOAD: usize = 65_000;
/// The port by which MQTT is recognised.
const PORT: u16 = 1883;
const WINDOW: u16 = 65_535;
const HOPS: u8 = 64;

pub struct Pcapng<W: Write> {
    out: PcapNgWriter<W>,
    streams: HashMap<ConnectionId, Stream>,
    /// Each listener has an address of its own, since clients of different listeners may have the same port.
    listeners: Vec<Arc<str>>,
    missing: u64,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    client: SocketAddr,
    broker: SocketAddr,
    /// The sequence numbers that come next, of the client and of the broker.
    sent: [u32; 2],
}

/// What a segment of TCP is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flags {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
}

impl<W: Write> Pcapng<W> {
    pub fn new(out: W, comment: &str) -> io::Result<Self> {
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![
                SectionHeaderOption::Comment(comment.to_owned().into()),
                SectionHeaderOption::UserApplication("MQTT Workbench".into()),
            ],
            ..SectionHeaderBlock::default()
        };
        let mut out = PcapNgWriter::with_section_header(out, section).map_err(of_pcap)?;
        let interface = InterfaceDescriptionBlock {
            linktype: DataLink::RAW,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName("mqtt".into()),
                InterfaceDescriptionOption::IfDescription(
                    "MQTT as recorded; TCP and IP are made around it".into(),
                ),
                // Nanoseconds.
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        };
        out.write_pcapng_block(interface).map_err(of_pcap)?;
        Ok(Self {
            out,
            streams: HashMap::new(),
            listeners: Vec::new(),
            missing: 0,
            bytes: Vec::new(),
        })
    }

    pub fn gap(&mut self, gap: &Gap) {
        self.missing += gap.packets;
    }

    pub fn packet(&mut self, packet: &Packet<'_>, info: Option<&ConnectionInfo>) -> io::Result<()> {
        // The broker has seen the same packet, with the client's own address.
        if packet.seen_by.is_second_view() {
            return Ok(());
        }
        let mut comments = Vec::new();
        let mut stream = match self.streams.get(&packet.connection) {
            Some(stream) => *stream,
            None => {
                let stream = self.open(packet.at, packet.connection, info)?;
                comments.extend(beginning(packet, info));
                stream
            }
        };
        if let Some(fault) = packet.fault {
            let done = fault.done.sentence(packet.direction);
            comments.push(format!("Fault rule {}: {done}", fault.rule));
        }
        if let Some(topic) = packet.aliased_topic {
            comments.push(format!("Topic of the alias: {topic}"));
        }
        let comment = comments.join(" ");
        let mut comment = Some(comment).filter(|comment| !comment.is_empty());
        for chunk in packet.frame.chunks(PAYLOAD) {
            self.segment(
                &mut stream,
                packet.at,
                packet.direction,
                Flags::Data,
                chunk,
                comment.take(),
            )?;
        }
        self.streams.insert(packet.connection, stream);
        Ok(())
    }

    /// The end of TCP. Who closed it first is in the comment, not in the order, which is made.
    pub fn end(&mut self, end: &ConnectionEnd) -> io::Result<()> {
        let Some(mut stream) = self.streams.remove(&end.connection) else {
            return Ok(());
        };
        let mut comment = Some(format!("The connection ended: {}", end.why));
        for (direction, flags) in [
            (Direction::ToBroker, Flags::Fin),
            (Direction::ToClient, Flags::Fin),
            (Direction::ToBroker, Flags::Ack),
        ] {
            self.segment(&mut stream, end.at, direction, flags, &[], comment.take())?;
        }
        Ok(())
    }

    pub fn finish(self) -> io::Result<W> {
        Ok(self.out.into_inner())
    }

    /// The handshake of TCP.
    fn open(
        &mut self,
        at: Timestamp,
        id: ConnectionId,
        info: Option<&ConnectionInfo>,
    ) -> io::Result<Stream> {
        let listener = info.map_or_else(|| "".into(), |info| info.listener.clone());
        let number = match self.listeners.iter().position(|known| *known == listener) {
            Some(number) => number,
            None => {
                self.listeners.push(listener);
                self.listeners.len() - 1
            }
        };
        let unknown = || {
            let port = 49_152 + (id.0 % 16_384) as u16;
            SocketAddr::from((Ipv4Addr::new(192, 0, 2, 254), port))
        };
        // Seen by a test client, the peer is the broker, and the client's own address is not known.
        let remote = info.filter(|info| info.seen_by == SeenBy::ClientOfRemote);
        let client = match (remote, info) {
            (None, Some(info)) => info.peer,
            _ => unknown(),
        };
        // Of connections one after the other with the same port each begins elsewhere.
        let begin = (id.0 as u32).wrapping_mul(0x9e37_79b9);
        let mut stream = Stream {
            client: SocketAddr::new(client.ip().to_canonical(), client.port()),
            broker: match remote {
                Some(info) => SocketAddr::new(info.peer.ip().to_canonical(), PORT),
                None => SocketAddr::new(broker(client.ip().to_canonical(), number), PORT),
            },
            sent: [begin, begin.wrapping_add(0x8000_0000)],
        };
        for (direction, flags) in [
            (Direction::ToBroker, Flags::Syn),
            (Direction::ToClient, Flags::SynAck),
            (Direction::ToBroker, Flags::Ack),
        ] {
            self.segment(&mut stream, at, direction, flags, &[], None)?;
        }
        Ok(stream)
    }

    fn segment(
        &mut self,
        stream: &mut Stream,
        at: Timestamp,
        direction: Direction,
        flags: Flags,
        payload: &[u8],
        comment: Option<String>,
    ) -> io::Result<()> {
        let [own, other] = match direction {
            Direction::ToBroker => [0, 1],
            Direction::ToClient => [1, 0],
        };
        let (from, to) = match direction {
            Direction::ToBroker => (stream.client, stream.broker),
            Direction::ToClient => (stream.broker, stream.client),
        };
        let ip = match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                PacketBuilder::ipv4(from.octets(), to.octets(), HOPS)
            }
            (from, to) => {
                let wide = |ip| match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                PacketBuilder::ipv6(wide(from).octets(), wide(to).octets(), HOPS)
            }
        };
        let tcp = ip.tcp(from.port(), to.port(), stream.sent[own], WINDOW);
        let acknowledged = stream.sent[other];
        let tcp = match flags {
            Flags::Syn => tcp.syn(),
            Flags::SynAck => tcp.syn().ack(acknowledged),
            Flags::Ack => tcp.ack(acknowledged),
            Flags::Data => tcp.psh().ack(acknowledged),
            Flags::Fin => tcp.fin().ack(acknowledged),
        };
        self.bytes.clear();
        tcp.write(&mut self.bytes, payload)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let length = match flags {
            Flags::Syn | Flags::SynAck | Flags::Fin => 1,
            Flags::Ack | Flags::Data => payload.len() as u32,
        };
        stream.sent[own] = stream.sent[own].wrapping_add(length);
        let mut options = Vec::new();
        options.extend(comment.map(|comment| EnhancedPacketOption::Comment(shortened(comment))));
        if self.missing > 0 {
            options.push(EnhancedPacketOption::DropCount(std::mem::take(
                &mut self.missing,
            )));
        }
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_nanos(at.0),
            original_len: self.bytes.len() as u32,
            data: Cow::Borrowed(&self.bytes),
            options,
        };
        self.out.write_pcapng_block(block).map_err(of_pcap)?;
        Ok(())
    }
}

/// An option has at most 65,535 bytes; a topic alone may have as many.
fn shortened(mut comment: String) -> Cow<'static, str> {
    const MOST: usize = 60_000;
    if comment.len() > MOST {
        let end = (0..=MOST).rev().find(|at| comment.is_char_boundary(*at));
        comment.truncate(end.unwrap_or(0));
        comment.push_str(" … (longer than a comment may be)");
    }
    comment.into()
}

/// The broker's side. Which of its addresses a client used is not recorded.
fn broker(client: IpAddr, listener: usize) -> IpAddr {
    let number = 1 + (listener % 200) as u8;
    match client {
        IpAddr::V4(client) if client.is_loopback() => Ipv4Addr::new(127, 0, 0, number).into(),
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, number).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)).into(),
    }
}

/// What should be known of a connection, at its first packet.
fn beginning(packet: &Packet<'_>, info: Option<&ConnectionInfo>) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(info) = info {
        let transport = match info.protocol {
            ListenerProtocol::Tcp => None,
            ListenerProtocol::Tls => Some("TLS"),
            ListenerProtocol::Ws => Some("WebSocket"),
            ListenerProtocol::Wss => Some("WebSocket over TLS"),
        };
        if let Some(transport) = transport {
            told.push(format!(
                "This connection was MQTT over {transport} at listener {}; it is shown as plain MQTT over TCP.",
                info.listener
            ));
        }
        if packet.packet_type() != Some(PacketType::Connect) {
            let version = match packet.version {
                ProtocolVersion::V31 => "3.1",
                ProtocolVersion::V311 => "3.1.1",
                ProtocolVersion::V5 => "5",
            };
            let default = match packet.version {
                ProtocolVersion::V5 => "5.0",
                _ => version,
            };
            told.push(format!(
                "The CONNECT of this connection was not recorded: client {}, MQTT {version}. Wireshark learns \
                 the version from a CONNECT: set its preference mqtt.default_version to MQTT v{default} to read this \
                 connection.",
                info.client.as_str()
            ));
        }
    }
    told
}

fn of_pcap(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
