//! The one place that knows `rumqttc`: its session state and codec for MQTT 3.1.1 and for 5, made one.
//!
//! Duty: requests and packets in, bytes to send and [`Event`]s out; no socket, no clock. rumqttc's own event loops are not
//! used: they dial by themselves, so nobody could see what is on the wire, go through a SOCKS proxy, or answer AUTH. Here is
//! what both versions have in common: the identifiers and the window of messages; a [`Machine`] has its version's part.
//!
//! What its state does not do, and is done here:
//! - it hands out packet identifiers that may be in use by another kind of request: those of messages are 1 to
//!   [`WINDOW`] here, those of subscriptions are above;
//! - it forgets the QoS 2 messages that it has received when a connection ends, and takes a message that comes again for
//!   a new one;
//! - it takes an acknowledgement of nothing for the end of the connection, where the standard has an answer;
//! - it reports a message before it has looked its topic alias up.

mod reason;
mod v311;
mod v5;

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use bytes::BytesMut;
use mqttwb_model::{PacketType, ProtocolVersion, QoS};
use mqttwb_wire::{Ack, Packet, Property, ReasonCode, decode, encode, peek};

use self::v5::V5;
use self::v311::V311;
use crate::error::{ConnectionError, RequestError, words};
use crate::hello::Negotiated;
use crate::{Message, Publication, Version, Wish};

/// Messages above QoS 0 that wait for an acknowledgement at most.
const WINDOW: u16 = 256;

/// A session: what outlives a connection, and what its current connection has agreed on.
pub(crate) struct Session {
    machine: Box<dyn Machine>,
    /// Identifiers of messages that wait for an acknowledgement.
    waiting: BTreeSet<u16>,
    /// Identifiers of QoS 2 messages that have come and wait for PUBREL.
    received: HashSet<u16>,
    last_request: u16,
    window: usize,
}

/// The session of one version of MQTT, in rumqttc's words. Each writes to the output what is to be sent.
trait Machine: Send + Sync {
    fn version(&self) -> Version;

    /// What CONNACK says of the connection.
    fn agreed(&mut self, negotiated: &Negotiated);

    /// Writes what was not acknowledged once more, and returns the identifiers of those messages. Of the QoS 2 messages
    /// that have come it learns what it has forgotten.
    fn resume(
        &mut self,
        received: &HashSet<u16>,
        out: &mut BytesMut,
    ) -> Result<Vec<u16>, ConnectionError>;

    /// Writes PUBLISH, with this identifier, 0 at QoS 0.
    fn publish(
        &mut self,
        message: &Publication,
        id: u16,
        out: &mut BytesMut,
    ) -> Result<(), PublishError>;

    /// Writes SUBSCRIBE.
    fn subscribe(&self, wish: &Wish, id: u16, out: &mut BytesMut) -> Result<(), ConnectionError>;

    /// Writes UNSUBSCRIBE.
    fn unsubscribe(&self, filter: &str, id: u16, out: &mut BytesMut)
    -> Result<(), ConnectionError>;

    /// Writes DISCONNECT.
    fn disconnect(&self, out: &mut BytesMut) -> Result<(), ConnectionError>;

    /// Takes a packet that is an answer to something, or a message, and writes what answers it.
    fn incoming(&mut self, frame: BytesMut, out: &mut BytesMut) -> Result<Option<Event>, Broken>;
}

/// What a packet of the broker's says.
#[derive(Debug)]
pub(crate) enum Event {
    /// PUBACK, PUBCOMP, or PUBREC with an error.
    Acknowledged { id: u16, reason: ReasonCode },
    /// SUBACK: the QoS, or the reason of a refusal.
    Granted {
        id: u16,
        outcome: Result<QoS, String>,
    },
    /// UNSUBACK, with the reason where it is no success.
    Unsubscribed { id: u16, refused: Option<String> },
    /// A message.
    Received(Message),
    /// A QoS 2 message that has come before.
    Again(Message),
}

impl Session {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            machine: match version {
                Version::V311 => Box::new(V311::new()),
                Version::V5 => Box::new(V5::new()),
            },
            waiting: BTreeSet::new(),
            received: HashSet::new(),
            last_request: WINDOW,
            window: usize::from(WINDOW),
        }
    }

    pub(crate) fn version(&self) -> Version {
        self.machine.version()
    }

    /// A connection begins on which the broker has the session too: writes what was not acknowledged once more
    /// [MQTT-4.4.0-1], and returns the identifiers of those messages.
    pub(crate) fn resume(&mut self, out: &mut BytesMut) -> Result<Vec<u16>, ConnectionError> {
        self.machine.resume(&self.received, out)
    }

    /// What CONNACK says of the connection.
    pub(crate) fn agreed(&mut self, negotiated: &Negotiated) {
        self.window = usize::from(negotiated.receive_maximum.min(WINDOW));
        self.machine.agreed(negotiated);
    }

    /// Whether one more message above QoS 0 may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.window
    }

    /// Writes PUBLISH. Returns its packet identifier, 0 at QoS 0. The caller has seen to it that there is room.
    pub(crate) fn publish(
        &mut self,
        message: &Publication,
        out: &mut BytesMut,
    ) -> Result<u16, PublishError> {
        let id = match message.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.free_id(),
        };
        self.machine.publish(message, id, out)?;
        if id != 0 {
            self.waiting.insert(id);
        }
        Ok(id)
    }

    fn free_id(&self) -> u16 {
        (1..=WINDOW)
            .find(|id| !self.waiting.contains(id))
            .unwrap_or(WINDOW)
    }

    /// An identifier for SUBSCRIBE or UNSUBSCRIBE. Few of them wait at a time, and there are 65,000.
    fn request_id(&mut self) -> u16 {
        self.last_request = match self.last_request {
            u16::MAX => WINDOW + 1,
            last => last + 1,
        };
        self.last_request
    }

    /// Writes SUBSCRIBE. Returns its packet identifier.
    pub(crate) fn subscribe(
        &mut self,
        wish: &Wish,
        out: &mut BytesMut,
    ) -> Result<u16, ConnectionError> {
        let id = self.request_id();
        self.machine.subscribe(wish, id, out)?;
        Ok(id)
    }

    /// Writes UNSUBSCRIBE. Returns its packet identifier.
    pub(crate) fn unsubscribe(
        &mut self,
        filter: &str,
        out: &mut BytesMut,
    ) -> Result<u16, ConnectionError> {
        let id = self.request_id();
        self.machine.unsubscribe(filter, id, out)?;
        Ok(id)
    }

    /// Writes DISCONNECT.
    pub(crate) fn disconnect(&self, out: &mut BytesMut) -> Result<(), ConnectionError> {
        self.machine.disconnect(out)
    }

    /// Takes a whole packet of the broker's, and writes what answers it.
    pub(crate) fn incoming(
        &mut self,
        frame: BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Event>, Broken> {
        let version = ProtocolVersion::from(self.version());
        let seen = peek(&frame, version).ok_or(Broken::Malformed("a packet of type 0".into()))?;
        let id = seen.packet_id.unwrap_or(0);
        match seen.packet {
            PacketType::PingResp => return Ok(None),
            // rumqttc loses one that has a reason and no length of properties, which is allowed.
            PacketType::Disconnect => return Err(dismissal(&frame, version)),
            PacketType::PubRel if !self.received.remove(&id) => {
                let reason = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                encode(&Packet::PubComp(Ack::with_reason(id, reason)), version, out);
                return Ok(None);
            }
            PacketType::PubRec if !self.waiting.contains(&id) => {
                let reason = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                encode(&Packet::PubRel(Ack::with_reason(id, reason)), version, out);
                return Ok(None);
            }
            PacketType::PubAck | PacketType::PubComp if !self.waiting.contains(&id) => {
                return Ok(None);
            }
            _ => {}
        }
        let again = seen.qos == Some(QoS::ExactlyOnce) && !self.received.insert(id);
        let event = self.machine.incoming(frame, out)?;
        if let Some(Event::Acknowledged { id, .. }) = &event {
            self.waiting.remove(id);
        }
        Ok(match event {
            Some(Event::Received(message)) if again => Some(Event::Again(message)),
            other => other,
        })
    }
}

/// Why a message was not sent.
pub(crate) enum PublishError {
    /// It can't be, and nothing else is wrong.
    Request(RequestError),
    /// The connection can't go on.
    Connection(ConnectionError),
}

/// Why a connection can't go on with what was received.
#[derive(Debug)]
pub(crate) enum Broken {
    /// DISCONNECT.
    Dismissed { code: ReasonCode, words: String },
    /// It is no MQTT.
    Malformed(String),
}

fn dismissal(frame: &[u8], version: ProtocolVersion) -> Broken {
    match decode(frame, version) {
        Ok(Packet::Disconnect(told)) if version == ProtocolVersion::V5 => Broken::Dismissed {
            code: told.reason,
            words: words(
                told.reason.text_in(PacketType::Disconnect),
                told.reason,
                told.properties.find(|property| match property {
                    Property::ReasonString(text) => Some(text),
                    _ => None,
                }),
            ),
        },
        Ok(_) => Broken::Malformed("DISCONNECT, which no MQTT 3.1.1 broker may send".into()),
        Err(error) => Broken::Malformed(error.to_string()),
    }
}

fn malformed(error: impl fmt::Display) -> Broken {
    Broken::Malformed(error.to_string())
}

/// What rumqttc says of its own requests, which can be no fault of the broker's.
fn broken(error: impl fmt::Display) -> ConnectionError {
    ConnectionError::Io {
        address: "the broker".into(),
        detail: error.to_string(),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
