//! Packets as they are decoded: borrowed from the bytes that they came in.

use mqttwb_model::{PacketType, ProtocolVersion, QoS};

use crate::{Properties, ReasonCode, WireError};

/// A control packet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the names are the standard's
pub enum Packet<'a> {
    Connect(Box<Connect<'a>>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl Packet<'_> {
    /// Its type.
    pub fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// CONNECT (section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect<'a> {
    /// By protocol name and level.
    pub version: ProtocolVersion,
    /// Clean Start, or Clean Session before MQTT 5.
    pub clean_start: bool,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    /// May be empty: the broker then assigns one.
    pub client_id: &'a str,
    /// The last will.
    pub will: Option<Will<'a>>,
    /// User name.
    pub user_name: Option<&'a str>,
    /// Password.
    pub password: Option<&'a [u8]>,
    /// Properties.
    pub properties: Properties<'a>,
}

/// The last will of a CONNECT (section 3.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
    /// QoS.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Will properties.
    pub properties: Properties<'a>,
}

/// CONNACK (section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// The broker had a session of this client.
    pub session_present: bool,
    /// Before MQTT 5 a return code of 0 to 5.
    pub reason: ReasonCode,
    /// Properties.
    pub properties: Properties<'a>,
}

/// PUBLISH (section 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Sent again.
    pub dup: bool,
    /// QoS.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Empty where a topic alias stands for it.
    pub topic: &'a str,
    /// 0 at QoS 0.
    pub packet_id: u16,
    /// Properties.
    pub properties: Properties<'a>,
    /// Payload.
    pub payload: &'a [u8],
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Packet identifier.
    pub packet_id: u16,
    /// Reason code; success before MQTT 5.
    pub reason: ReasonCode,
    /// Properties.
    pub properties: Properties<'a>,
}

impl Ack<'_> {
    /// An acknowledgement that says nothing more.
    pub fn success(packet_id: u16) -> Self {
        Self::with_reason(packet_id, ReasonCode::SUCCESS)
    }

    /// An acknowledgement with a reason code.
    pub fn with_reason(packet_id: u16, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            properties: Properties::NONE,
        }
    }
}

/// What a SUBSCRIBE says of when retained messages are sent (section 3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetainHandling {
    /// 0: at each subscribe.
    #[default]
    OnSubscribe,
    /// 1: at a subscribe only if the subscription is new.
    IfNew,
    /// 2: never.
    Never,
}

/// The options of one subscription (section 3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscriptionOptions {
    /// The most that messages are delivered with.
    pub qos: QoS,
    /// Not the messages that this client publishes itself.
    pub no_local: bool,
    /// Messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

impl From<SubscriptionOptions> for u8 {
    fn from(options: SubscriptionOptions) -> Self {
        Self::from(options.qos)
            | (Self::from(options.no_local) << 2)
            | (Self::from(options.retain_as_published) << 3)
            | (match options.retain_handling {
                RetainHandling::OnSubscribe => 0,
                RetainHandling::IfNew => 1,
                RetainHandling::Never => 2,
            } << 4)
    }
}

impl TryFrom<u8> for SubscriptionOptions {
    type Error = WireError;

    fn try_from(bits: u8) -> Result<Self, WireError> {
        let qos = QoS::try_from(bits & 3).map_err(|_| WireError::QoS)?;
        if bits & 0xc0 != 0 {
            return Err(WireError::Reserved("subscription options")); // [MQTT-3.8.3-5]
        }
        Ok(Self {
            qos,
            no_local: bits & 0x04 != 0,
            retain_as_published: bits & 0x08 != 0,
            retain_handling: match (bits >> 4) & 3 {
                0 => RetainHandling::OnSubscribe,
                1 => RetainHandling::IfNew,
                2 => RetainHandling::Never,
                _ => return Err(WireError::Reserved("retain handling")),
            },
        })
    }
}

/// SUBSCRIBE (section 3.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Packet identifier.
    pub packet_id: u16,
    /// Properties.
    pub properties: Properties<'a>,
    /// Filters as text: a malformed one is refused in SUBACK, alone.
    pub filters: Vec<(&'a str, SubscriptionOptions)>,
}

/// SUBACK (section 3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// Packet identifier.
    pub packet_id: u16,
    /// Properties.
    pub properties: Properties<'a>,
    /// A code for each filter, in order.
    pub reasons: Vec<ReasonCode>,
}

/// UNSUBSCRIBE (section 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Packet identifier.
    pub packet_id: u16,
    /// Properties.
    pub properties: Properties<'a>,
    /// Filters.
    pub filters: Vec<&'a str>,
}

/// UNSUBACK (section 3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// Packet identifier.
    pub packet_id: u16,
    /// Properties.
    pub properties: Properties<'a>,
    /// A code for each filter, in order; none before MQTT 5.
    pub reasons: Vec<ReasonCode>,
}

/// DISCONNECT (section 3.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Reason code; normal before MQTT 5.
    pub reason: ReasonCode,
    /// Properties.
    pub properties: Properties<'a>,
}

/// AUTH (section 3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Reason code.
    pub reason: ReasonCode,
    /// Properties.
    pub properties: Properties<'a>,
}
