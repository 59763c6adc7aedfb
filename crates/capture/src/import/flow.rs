//! One TCP connection: its bytes in order, and the MQTT in them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use mqttwb_model::{
    ClientId, ConnectionId, ConnectionInfo, Direction, ListenerProtocol, PacketType,
    ProtocolVersion, SeenBy, Timestamp,
};
use mqttwb_wire::{MAX_REMAINING_LENGTH, Property};

use crate::Packet;

use super::blocks::Segment;
use super::{Found, Sink};

/// Bytes that wait for others before them, of one direction. More than that are not on their way any more.
const WAITING: usize = 4 << 20;
/// The port at which MQTT is believed where no CONNECT was seen.
const PORT: u16 = 1883;

/// A TCP connection.
#[derive(Debug, Default)]
pub struct Flow {
    halves: [Half; 2],
    speaks: Speaks,
    over: bool,
    /// The half that ended it first, and how.
    ended_by: Option<(usize, &'static str)>,
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    from: Option<SocketAddr>,
    /// The sequence number that comes next.
    next: Option<u32>,
    /// What came before its turn, by the distance from the first number.
    waiting: BTreeMap<u64, Vec<u8>>,
    waiting_bytes: usize,
    /// How far `next` is from the first number.
    passed: u64,
    /// In order, and not a whole packet yet.
    bytes: Vec<u8>,
    ended: bool,
}

/// What a connection speaks.
#[derive(Debug, Default)]
enum Speaks {
    #[default]
    NotKnownYet,
    Mqtt(Box<Mqtt>),
    Other(String),
}

#[derive(Debug)]
struct Mqtt {
    info: ConnectionInfo,
    /// The half that the client sends.
    client: usize,
    /// Topics by direction and alias.
    aliases: HashMap<(usize, u16), String>,
}

impl Flow {
    /// Whether this beginning is the one that it had: a SYN that was sent again.
    pub fn begins_with(&self, segment: &Segment) -> bool {
        self.halves
            .iter()
            .filter(|half| half.from == Some(segment.from))
            .any(|half| half.passed == 0 && half.next == Some(segment.seq.wrapping_add(1)))
    }

    /// Whether both sides have ended it.
    pub fn is_over(&self) -> bool {
        self.over || self.halves.iter().all(|half| half.ended)
    }

    /// Hands on that it has ended, where it was MQTT.
    pub fn tell_end(&self, at: Timestamp, sink: &mut dyn Sink) {
        if let (Speaks::Mqtt(mqtt), Some((side, how))) = (&self.speaks, self.ended_by) {
            let who = if side == mqtt.client {
                "client"
            } else {
                "broker"
            };
            sink.ended(
                mqtt.info.id,
                at,
                &format!("The {who} ended the TCP connection first ({how})."),
            );
        }
    }

    /// Counts what it was, and what of it can't be read any more.
    pub fn end(self, found: &mut Found) {
        match self.speaks {
            Speaks::Mqtt(_) => {
                let left = |half: &Half| half.bytes.len() + half.waiting_bytes;
                found.missing_bytes += self.halves.iter().map(left).sum::<usize>() as u64;
            }
            Speaks::Other(what) => *found.others.entry(what).or_default() += 1,
            Speaks::NotKnownYet => {
                if self.halves.iter().any(|half| half.passed > 0) {
                    *found.others.entry("too short to tell".into()).or_default() += 1;
                }
            }
        }
    }

    pub fn take(
        &mut self,
        segment: &Segment,
        next_id: &mut dyn FnMut() -> ConnectionId,
        found: &mut Found,
        sink: &mut dyn Sink,
    ) {
        let side = match self
            .halves
            .iter()
            .position(|half| half.from == Some(segment.from))
        {
            Some(side) => side,
            None => {
                let side = usize::from(self.halves[0].from.is_some());
                self.halves[side].from = Some(segment.from);
                self.halves[1 - side].from = Some(segment.to);
                side
            }
        };
        let half = &mut self.halves[side];
        let mut seq = segment.seq;
        if segment.syn {
            seq = seq.wrapping_add(1);
            half.next.get_or_insert(seq);
        }
        self.over |= segment.rst;
        half.ended |= segment.fin;
        if segment.rst || segment.fin {
            let how = if segment.rst { "RST" } else { "FIN" };
            self.ended_by.get_or_insert((side, how));
        }
        if segment.payload.is_empty() || matches!(self.speaks, Speaks::Other(_)) {
            return;
        }
        if !half.append(seq, &segment.payload) {
            found.missing_bytes += half.waiting_bytes as u64;
            self.speaks = Speaks::Other("MQTT with bytes missing".into());
            return;
        }
        self.understand(side, next_id, found, sink);
        self.hand_on(segment.at, found, sink);
    }

    /// Finds out what it speaks, as soon as that can be told.
    fn understand(
        &mut self,
        side: usize,
        next_id: &mut dyn FnMut() -> ConnectionId,
        found: &mut Found,
        sink: &mut dyn Sink,
    ) {
        if !matches!(self.speaks, Speaks::NotKnownYet) {
            return;
        }
        let bytes = &self.halves[side].bytes;
        let port = |side: usize| self.halves[side].from.map_or(0, |from| from.port());
        let believed = port(side) == PORT || port(1 - side) == PORT;
        let whole = mqttwb_wire::frame_len(bytes, MAX_REMAINING_LENGTH);
        let is_connect = bytes.first() == Some(&0x10);
        let (client, version) = match whole {
            // A CONNECT is believed at any port.
            Ok(Some(len)) if is_connect && bytes.len() >= len => {
                match mqttwb_wire::protocol_of_connect(&bytes[..len]) {
                    Some(version) => (side, version),
                    None => {
                        self.speaks = Speaks::Other("no version of MQTT that exists".into());
                        return;
                    }
                }
            }
            Ok(_) if is_connect && bytes.len() < 1 << 20 => return,
            _ if believed && !is_connect => {
                let client = if port(side) == PORT { 1 - side } else { side };
                (client, ProtocolVersion::V311)
            }
            _ => {
                self.speaks = Speaks::Other(other(bytes, port(side).min(port(1 - side))));
                return;
            }
        };
        let peer = self.halves[client].from;
        let info = ConnectionInfo {
            id: next_id(),
            seen_by: SeenBy::Broker,
            client: ClientId::from(""),
            version,
            listener: "imported".into(),
            protocol: ListenerProtocol::Tcp,
            peer: peer.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
            common_name: None,
            certificate: None,
        };
        found.connections += 1;
        sink.connected(info.clone());
        self.speaks = Speaks::Mqtt(Box::new(Mqtt {
            info,
            client,
            aliases: HashMap::new(),
        }));
    }

    /// Hands on the packets that are whole.
    fn hand_on(&mut self, at: Timestamp, found: &mut Found, sink: &mut dyn Sink) {
        let Speaks::Mqtt(mqtt) = &mut self.speaks else {
            return;
        };
        for (side, half) in self.halves.iter_mut().enumerate() {
            let mut done = 0;
            loop {
                let rest = &mut half.bytes[done..];
                match mqttwb_wire::frame_len(rest, MAX_REMAINING_LENGTH + 5) {
                    Ok(Some(len)) if rest.len() >= len => {
                        mqtt.packet(side, at, &mut rest[..len], sink);
                        found.packets += 1;
                        done += len;
                    }
                    Ok(_) => break,
                    Err(_) => {
                        found.missing_bytes += rest.len() as u64;
                        self.speaks = Speaks::Other("MQTT that became malformed".into());
                        return;
                    }
                }
            }
            half.bytes.drain(..done);
        }
    }
}

impl Mqtt {
    fn packet(&mut self, side: usize, at: Timestamp, frame: &mut [u8], sink: &mut dyn Sink) {
        let kind = frame
            .first()
            .and_then(|byte| PacketType::of_first_byte(*byte));
        let version = self.info.version;
        let mut aliased = None;
        match mqttwb_wire::decode(frame, version) {
            Ok(mqttwb_wire::Packet::Connect(connect)) => {
                self.info.client = connect.client_id.into();
                sink.connected(self.info.clone());
            }
            Ok(mqttwb_wire::Packet::ConnAck(answer)) => {
                let assigned = answer.properties.find(|property| match property {
                    Property::AssignedClientIdentifier(id) => Some(id),
                    _ => None,
                });
                if let Some(id) = assigned {
                    self.info.client = id.into();
                    sink.connected(self.info.clone());
                }
            }
            Ok(mqttwb_wire::Packet::Publish(publish)) => {
                let alias = publish.properties.find(|property| match property {
                    Property::TopicAlias(alias) => Some(alias),
                    _ => None,
                });
                if let Some(alias) = alias {
                    if publish.topic.is_empty() {
                        aliased = self.aliases.get(&(side, alias)).cloned();
                    } else {
                        self.aliases.insert((side, alias), publish.topic.to_owned());
                    }
                }
            }
            _ => {}
        }
        if matches!(
            kind,
            Some(PacketType::Connect | PacketType::ConnAck | PacketType::Auth)
        ) {
            // As the broker does before anything is observed: what proves an identity is not kept.
            for span in mqttwb_wire::secret_spans(frame, version) {
                if let Some(secret) = frame.get_mut(span) {
                    secret.fill(b'*');
                }
            }
        }
        sink.packet(&Packet {
            seq: 0,
            at,
            connection: self.info.id,
            direction: if side == self.client {
                Direction::ToBroker
            } else {
                Direction::ToClient
            },
            version,
            seen_by: SeenBy::Broker,
            message: None,
            aliased_topic: aliased.as_deref(),
            fault: None,
            frame,
        });
    }
}

impl Half {
    /// Puts bytes at their place. False where too many wait for some that never came.
    fn append(&mut self, seq: u32, payload: &[u8]) -> bool {
        let next = *self.next.get_or_insert(seq);
        let ahead = seq.wrapping_sub(next).cast_signed();
        if let Ok(ahead) = u64::try_from(ahead)
            && ahead > 0
        {
            let place = self.passed + ahead;
            let known = self.waiting.get(&place).map_or(0, Vec::len);
            if payload.len() > known {
                self.waiting_bytes += payload.len() - known;
                self.waiting.insert(place, payload.to_vec());
            }
            return self.waiting_bytes <= WAITING;
        }
        // What was sent again is there already.
        let known = usize::try_from(-i64::from(ahead)).unwrap_or(0);
        self.pass(payload.get(known..).unwrap_or_default());
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() <= self.passed
        {
            let (place, bytes) = entry.remove_entry();
            self.waiting_bytes -= bytes.len();
            let known = (self.passed - place) as usize;
            self.pass(bytes.get(known..).unwrap_or_default());
        }
        true
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.passed += bytes.len() as u64;
        self.next = self.next.map(|next| next.wrapping_add(bytes.len() as u32));
    }
}

/// What a connection seems to be that does not begin as MQTT does.
fn other(bytes: &[u8], port: u16) -> String {
    match bytes {
        [0x16, 0x03, ..] => "TLS, which can't be read without its keys".into(),
        [b'G', b'E', b'T', b' ', ..] => "HTTP or WebSocket".into(),
        _ => format!("something else at port {port}"),
    }
}
