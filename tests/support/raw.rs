//! A client of our own, packet by packet: it knows exactly what was acknowledged, and to whom.
//!
//! Duty: the few packets that the crash test sends and reads, in both versions. Not here: when to send them (`load`), and
//! anything of the product's own codec: what is tested does not check itself.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::peer::Version;

/// A PUBLISH to send.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
    /// 0, 1 or 2.
    pub qos: u8,
    /// To be retained.
    pub retain: bool,
    /// It may have been sent before.
    pub dup: bool,
    /// Its packet identifier; without one at QoS 0.
    pub id: u16,
}

/// What the broker sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// CONNACK.
    ConnAck {
        /// The broker has a session of this client.
        session_present: bool,
        /// Zero where it may come in.
        code: u8,
    },
    /// PUBLISH.
    Publish {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Vec<u8>,
        /// QoS that it is delivered at.
        qos: u8,
        /// From the retained store.
        retain: bool,
        /// May have been sent before.
        dup: bool,
        /// Zero at QoS 0.
        id: u16,
    },
    /// An acknowledgement, or PUBREL.
    Ack(Ack, u16, u8),
    /// SUBACK, and what it says of the one filter.
    SubAck(u8),
    /// DISCONNECT, and its reason.
    Disconnect(u8),
}

/// Packets that hold a packet identifier and little else; by their type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// PUBACK.
    PubAck = 4,
    /// PUBREC.
    PubRec = 5,
    /// PUBREL.
    PubRel = 6,
    /// PUBCOMP.
    PubComp = 7,
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    version: Version,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

/// The first byte of DISCONNECT.
const DISCONNECT: u8 = 0xe0;

/// The reason code of a broker that ends.
const SHUTTING_DOWN: u8 = 0x8b;

/// How long a read waits before its caller may look at something else.
const TURN: Duration = Duration::from_millis(20);

impl Wire {
    /// A connection that has said nothing yet.
    pub fn dial(address: SocketAddr, version: Version) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TURN))?;
        // A broker that reads nothing for so long hangs; without this the test would, too.
        stream.set_write_timeout(Some(crate::process::DEADLINE))?;
        Ok(Self {
            stream,
            version,
            incoming: Vec::new(),
            outgoing: Vec::new(),
        })
    }

    /// Publishes at QoS 1 and waits for the acknowledgement.
    pub fn publish_acknowledged(&mut self, id: u16, topic: &str, payload: &[u8], retain: bool) {
        self.publish(Publish {
            topic,
            payload,
            qos: 1,
            id,
            dup: false,
            retain,
        });
        self.flush().expect("the broker takes it");
        self.wait().expect("the broker acknowledges it");
    }

    /// Connects with a session that is kept for ever, or with a clean one; whether the broker had it is the first half of
    /// what is returned.
    pub fn connect(
        address: SocketAddr,
        version: Version,
        client: &str,
        keep: bool,
    ) -> io::Result<(bool, Self)> {
        let mut wire = Self::dial(address, version)?;
        let mut body = b"\0\x04MQTT".to_vec();
        body.push(if version == Version::V5 { 5 } else { 4 });
        body.push(if keep { 0 } else { 2 });
        body.extend([0, 0]); // no keep-alive
        if version == Version::V5 {
            if keep {
                body.extend([5, 0x11, 0xff, 0xff, 0xff, 0xff]); // session expiry: never
            } else {
                body.push(0);
            }
        }
        string(&mut body, client);
        wire.packet(0x10, &body);
        wire.flush()?;
        match wire.wait()? {
            Incoming::ConnAck {
                session_present,
                code: 0,
            } => Ok((session_present, wire)),
            // "Server unavailable", in either version: it is about to end.
            Incoming::ConnAck { code: 3 | 0x88, .. } => {
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            other => Err(io::Error::other(format!("{client} was answered {other:?}"))),
        }
    }

    /// Puts a SUBSCRIBE behind what is to be sent.
    pub fn subscribe(&mut self, id: u16, filter: &str, qos: u8) {
        let mut body = id.to_be_bytes().to_vec();
        self.no_properties(&mut body);
        string(&mut body, filter);
        body.push(qos);
        self.packet(0x82, &body);
    }

    /// Puts a PUBLISH behind what is to be sent.
    pub fn publish(&mut self, publish: Publish<'_>) {
        let mut body = Vec::with_capacity(publish.topic.len() + publish.payload.len() + 8);
        string(&mut body, publish.topic);
        if publish.qos > 0 {
            body.extend(publish.id.to_be_bytes());
        }
        self.no_properties(&mut body);
        body.extend(publish.payload);
        let flags = u8::from(publish.dup) << 3 | publish.qos << 1 | u8::from(publish.retain);
        self.packet(0x30 | flags, &body);
    }

    /// Puts an acknowledgement behind what is to be sent.
    pub fn ack(&mut self, ack: Ack, id: u16) {
        let flags = if ack == Ack::PubRel { 2 } else { 0 };
        self.packet((ack as u8) << 4 | flags, &id.to_be_bytes());
    }

    /// Sends what was put together.
    pub fn flush(&mut self) -> io::Result<()> {
        let outgoing = std::mem::take(&mut self.outgoing);
        self.stream.write_all(&outgoing)
    }

    /// Says goodbye, and closes.
    pub fn disconnect(mut self) {
        self.packet(DISCONNECT, &[]);
        // Who has gone already needs no goodbye.
        let _ = self.flush();
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// The next packet; `None` when none came for a moment.
    pub fn read(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            if let Some(packet) = self.parsed()? {
                return Ok(Some(packet));
            }
            let mut more = [0; 16 * 1024];
            match self.stream.read(&mut more) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.incoming.extend(&more[..count]),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next packet, whenever it comes.
    pub fn wait(&mut self) -> io::Result<Incoming> {
        let deadline = std::time::Instant::now() + crate::process::DEADLINE;
        while std::time::Instant::now() < deadline {
            if let Some(packet) = self.read()? {
                return Ok(packet);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the broker hangs: no answer",
        ))
    }

    /// Whether a whole packet has been read already.
    pub fn has_more(&self) -> bool {
        frame(&self.incoming).is_some_and(|(head, body)| self.incoming.len() >= head + body)
    }

    /// Puts bytes behind what is to be sent, whatever they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.outgoing.extend(bytes);
    }

    /// Puts a packet of this first byte behind what is to be sent.
    pub fn packet(&mut self, first: u8, body: &[u8]) {
        self.outgoing.push(first);
        let mut left = body.len();
        loop {
            let digit = (left % 128) as u8;
            left /= 128;
            self.outgoing
                .push(if left > 0 { digit | 0x80 } else { digit });
            if left == 0 {
                break;
            }
        }
        self.outgoing.extend(body);
    }

    fn no_properties(&self, body: &mut Vec<u8>) {
        if self.version == Version::V5 {
            body.push(0);
        }
    }

    fn parsed(&mut self) -> io::Result<Option<Incoming>> {
        let Some((head, length)) = frame(&self.incoming) else {
            return Ok(None);
        };
        if self.incoming.len() < head + length {
            return Ok(None);
        }
        let packet: Vec<u8> = self.incoming.drain(..head + length).collect();
        // An orderly end is an end.
        if packet[0] == DISCONNECT && packet.get(head) == Some(&SHUTTING_DOWN) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        decode(packet[0], &packet[head..], self.version)
            .map(Some)
            .ok_or_else(|| io::Error::other(format!("the broker sent {packet:02x?}")))
    }
}

/// Writes a text as MQTT does, behind its length.
pub fn string(into: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("a short text");
    into.extend(length.to_be_bytes());
    into.extend(text.as_bytes());
}

/// Bytes before the body, and bytes of the body.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (at, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((at + 2, length));
        }
    }
    None
}

fn decode(first: u8, body: &[u8], version: Version) -> Option<Incoming> {
    let number = |at: usize| Some(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]));
    Some(match first >> 4 {
        2 => Incoming::ConnAck {
            session_present: body.first()? & 1 == 1,
            code: *body.get(1)?,
        },
        3 => {
            let qos = first >> 1 & 3;
            let mut at = 2 + usize::from(number(0)?);
            let topic = String::from_utf8(body.get(2..at)?.to_vec()).ok()?;
            let mut id = 0;
            if qos > 0 {
                id = number(at)?;
                at += 2;
            }
            if version == Version::V5 {
                // The length of properties is written like that of a packet.
                let (head, properties) = frame(body.get(at - 1..)?)?;
                at += head - 1 + properties;
            }
            Incoming::Publish {
                topic,
                payload: body.get(at..)?.to_vec(),
                qos,
                retain: first & 1 == 1,
                dup: first & 8 == 8,
                id,
            }
        }
        kind @ 4..=7 => {
            let ack = [Ack::PubAck, Ack::PubRec, Ack::PubRel, Ack::PubComp][usize::from(kind) - 4];
            Incoming::Ack(ack, number(0)?, body.get(2).copied().unwrap_or(0))
        }
        9 => Incoming::SubAck(*body.last()?),
        14 => Incoming::Disconnect(body.first().copied().unwrap_or(0)),
        _ => return None,
    })
}
