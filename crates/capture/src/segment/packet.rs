//! A packet as it is lent out of a segment, and what can be told of it at a glance.
//!
//! Not here: taking it apart field by field (`wire`), and what it belongs to (`messages`).

use mqttwb_model::{
    ConnectionId, Direction, FaultDone, MessageId, PacketType, ProtocolVersion, QoS, SeenBy,
    Timestamp,
};

/// A packet, lent out of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number in the capture.
    pub seq: u64,
    /// When it was read or handed to the socket.
    pub at: Timestamp,
    /// Whose it is.
    pub connection: ConnectionId,
    /// Which way it went.
    pub direction: Direction,
    /// The protocol version of its connection.
    pub version: ProtocolVersion,
    /// Which end of the connection has seen it.
    pub seen_by: SeenBy,
    /// The message that it carries or acknowledges.
    pub message: Option<MessageId>,
    /// The topic that its topic alias stands for, where it names none itself.
    pub aliased_topic: Option<&'a str>,
    /// What a fault rule did to it.
    pub fault: Option<SeenFault<'a>>,
    /// Its bytes as on the wire; of a packet that did not arrive, those that it was sent with.
    pub frame: &'a [u8],
}

/// What a fault rule did to a packet, lent out of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenFault<'a> {
    /// The name of the rule.
    pub rule: &'a str,
    /// What was done.
    pub done: FaultDone,
}

impl<'a> Packet<'a> {
    /// What kind of packet it is; `None` for the forbidden type 0.
    pub fn packet_type(&self) -> Option<PacketType> {
        PacketType::of_first_byte(*self.frame.first()?)
    }

    /// Of a PUBLISH its quality of service.
    pub fn qos(&self) -> Option<QoS> {
        qos_of_first_byte(*self.frame.first()?)
    }

    /// Whether it came to its other end as it was.
    pub fn arrived(&self) -> bool {
        !self.fault.is_some_and(|fault| match fault.done {
            FaultDone::Dropped
            | FaultDone::Corrupted { .. }
            | FaultDone::Truncated(_)
            | FaultDone::CutBefore
            | FaultDone::Lost => true,
            FaultDone::Delayed(_) | FaultDone::Duplicate | FaultDone::CutAfter => false,
        })
    }

    /// Of a PUBLISH its topic, the one that its alias stands for where it names none itself.
    pub fn topic(&self) -> Option<&'a str> {
        match self.aliased_topic {
            Some(topic) => Some(topic),
            None => mqttwb_wire::peek(self.frame, self.version)?.topic,
        }
    }
}

/// Of a PUBLISH its quality of service; `None` for other packets and for the forbidden 3.
pub(crate) fn qos_of_first_byte(byte: u8) -> Option<QoS> {
    match PacketType::of_first_byte(byte)? {
        PacketType::Publish => QoS::try_from((byte >> 1) & 0b11).ok(),
        _ => None,
    }
}
