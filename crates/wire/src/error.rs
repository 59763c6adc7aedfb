use mqttwb_model::TopicError;

use crate::ReasonCode;

/// Why bytes are no packet. Each names the rule; [`WireError::reason`] is what MQTT 5 says to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The packet ends before a field does.
    #[error("the packet ends inside its {0}")]
    Short(&'static str),
    /// There are bytes after the last field.
    #[error("{0} bytes follow the last field")]
    Trailing(usize),
    /// `[MQTT-2.1.3-1]`: the low four bits of the first byte.
    #[error("the flags of the first byte are {0:#06b}, which {1} does not allow")]
    Flags(u8, &'static str),
    /// Packet type 0, or AUTH before MQTT 5.
    #[error("packet type {0} does not exist in this version")]
    Type(u8),
    /// `[MQTT-1.5.5-1]`, section 2.1.4
    #[error("a variable byte integer has more than four bytes, or more bytes than it needs")]
    VarInt,
    /// `[MQTT-1.5.4-1]`
    #[error("the {0} is not UTF-8")]
    Utf8(&'static str),
    /// `[MQTT-1.5.4-2]`
    #[error("the {0} holds the character U+0000")]
    Null(&'static str),
    /// QoS 3.
    #[error("QoS 3 does not exist")]
    QoS,
    /// `[MQTT-2.2.1-2]`, `[MQTT-2.2.1-3]`
    #[error("the packet identifier is 0")]
    PacketId,
    /// A reserved bit is set.
    #[error("a reserved bit of the {0} is set")]
    Reserved(&'static str),
    /// `[MQTT-3.1.2-1]`
    #[error("the protocol name is neither MQTT nor MQIsdp")]
    ProtocolName,
    /// `[MQTT-3.1.2-2]`
    #[error("protocol level {0} is not spoken here; 3 (MQTT 3.1), 4 (3.1.1) and 5 are")]
    ProtocolLevel(u8),
    /// The CONNECT flags contradict each other.
    #[error("the CONNECT flags contradict each other: {0}")]
    ConnectFlags(&'static str),
    /// A property that this packet does not have.
    #[error("property {0:#04x} does not belong in {1}")]
    PropertyPlace(u32, &'static str),
    /// A property that may be there once only.
    #[error("property {0:#04x} is there twice")]
    PropertyTwice(u8),
    /// A property with a value that it may not have.
    #[error("property {0:#04x} has a value that it may not have")]
    PropertyValue(u8),
    /// `[MQTT-3.8.3-2]`, `[MQTT-3.10.3-2]`
    #[error("there is no topic filter in it")]
    NoFilters,
    /// `[MQTT-3.8.3-4]`
    #[error("no local may not be asked for on a shared subscription")]
    NoLocalOnShared,
    /// A topic that is none.
    #[error("topic: {0}")]
    Topic(#[from] TopicError),
    /// No topic, and no alias in its place.
    #[error("a PUBLISH has neither a topic nor a topic alias")]
    NoTopic,
    /// Longer than this side takes.
    #[error("the packet has {size} bytes; at most {max} are taken")]
    TooLarge {
        /// Bytes that the packet says it has.
        size: usize,
        /// Bytes taken.
        max: usize,
    },
}

impl WireError {
    /// What MQTT 5 says to the sender.
    pub fn reason(&self) -> ReasonCode {
        match self {
            Self::TooLarge { .. } => ReasonCode::PACKET_TOO_LARGE,
            Self::ProtocolName | Self::ProtocolLevel(_) => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            Self::Topic(TopicError::Null) => ReasonCode::MALFORMED_PACKET,
            Self::Topic(_) => ReasonCode::TOPIC_NAME_INVALID,
            // Section 2.2.2.2, and the "It is a Protocol Error" of each property.
            Self::PropertyPlace(..)
            | Self::PropertyTwice(_)
            | Self::PropertyValue(_)
            | Self::NoFilters
            | Self::NoLocalOnShared
            | Self::NoTopic
            | Self::PacketId => ReasonCode::PROTOCOL_ERROR,
            Self::Short(_)
            | Self::Trailing(_)
            | Self::Flags(..)
            | Self::Type(_)
            | Self::VarInt
            | Self::Utf8(_)
            | Self::Null(_)
            | Self::QoS
            | Self::Reserved(_)
            | Self::ConnectFlags(_) => ReasonCode::MALFORMED_PACKET,
        }
    }
}
