//! Properties of MQTT 5 (section 2.2.2): kept as their bytes, read one by one.

use std::fmt;

use bytes::{BufMut, BytesMut};
use mqttwb_model::PacketType;

use crate::WireError;
use crate::read::Reader;

/// One property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names are the standard's
pub enum Property<'a> {
    PayloadFormatIndicator(u8),
    MessageExpiryInterval(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionIdentifier(u32),
    SessionExpiryInterval(u32),
    AssignedClientIdentifier(&'a str),
    ServerKeepAlive(u16),
    AuthenticationMethod(&'a str),
    AuthenticationData(&'a [u8]),
    RequestProblemInformation(bool),
    WillDelayInterval(u32),
    RequestResponseInformation(bool),
    ResponseInformation(&'a str),
    ServerReference(&'a str),
    ReasonString(&'a str),
    ReceiveMaximum(u16),
    TopicAliasMaximum(u16),
    TopicAlias(u16),
    MaximumQoS(u8),
    RetainAvailable(bool),
    UserProperty(&'a str, &'a str),
    MaximumPacketSize(u32),
    WildcardSubscriptionAvailable(bool),
    SubscriptionIdentifierAvailable(bool),
    SharedSubscriptionAvailable(bool),
}

/// Numbers of the properties (section 2.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum PropertyId {
    PayloadFormatIndicator = 0x01,
    MessageExpiryInterval = 0x02,
    ContentType = 0x03,
    ResponseTopic = 0x08,
    CorrelationData = 0x09,
    SubscriptionIdentifier = 0x0b,
    SessionExpiryInterval = 0x11,
    AssignedClientIdentifier = 0x12,
    ServerKeepAlive = 0x13,
    AuthenticationMethod = 0x15,
    AuthenticationData = 0x16,
    RequestProblemInformation = 0x17,
    WillDelayInterval = 0x18,
    RequestResponseInformation = 0x19,
    ResponseInformation = 0x1a,
    ServerReference = 0x1c,
    ReasonString = 0x1f,
    ReceiveMaximum = 0x21,
    TopicAliasMaximum = 0x22,
    TopicAlias = 0x23,
    MaximumQoS = 0x24,
    RetainAvailable = 0x25,
    UserProperty = 0x26,
    MaximumPacketSize = 0x27,
    WildcardSubscriptionAvailable = 0x28,
    SubscriptionIdentifierAvailable = 0x29,
    SharedSubscriptionAvailable = 0x2a,
}

/// Where a set of properties stands: a packet, or the will inside a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Packet(PacketType),
    Will,
}

impl Place {
    fn bit(self) -> u32 {
        match self {
            Self::Packet(packet) => 1 << packet as u8,
            Self::Will => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Packet(packet) => packet.name(),
            Self::Will => "a will",
        }
    }
}

const fn on(packets: &[PacketType]) -> u32 {
    let mut bits = 0;
    let mut i = 0;
    while i < packets.len() {
        bits |= 1 << packets[i] as u8;
        i += 1;
    }
    bits
}

/// The packets that a property belongs in: table 2-4 of the standard. The will is bit 0.
fn places(id: u8) -> Option<u32> {
    use PacketType as P;
    const WILL: u32 = 1;
    const ACKS: u32 = on(&[
        P::PubAck,
        P::PubRec,
        P::PubRel,
        P::PubComp,
        P::SubAck,
        P::UnsubAck,
    ]);
    Some(match id {
        0x01 | 0x02 | 0x03 | 0x08 | 0x09 => on(&[P::Publish]) | WILL,
        0x0b => on(&[P::Publish, P::Subscribe]),
        0x11 => on(&[P::Connect, P::ConnAck, P::Disconnect]),
        0x12 | 0x13 | 0x1a | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => on(&[P::ConnAck]),
        0x15 | 0x16 => on(&[P::Connect, P::ConnAck, P::Auth]),
        0x17 | 0x19 => on(&[P::Connect]),
        0x18 => WILL,
        0x1c => on(&[P::ConnAck, P::Disconnect]),
        0x1f => on(&[P::ConnAck, P::Disconnect, P::Auth]) | ACKS,
        0x21 | 0x22 | 0x27 => on(&[P::Connect, P::ConnAck]),
        0x23 => on(&[P::Publish]),
        0x26 => !on(&[P::PingReq, P::PingResp]),
        _ => return None,
    })
}

/// Properties as they are on the wire, without their length; checked.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a>(&'a [u8]);

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Properties<'static> = Properties(&[]);

    /// Takes bytes that [`Property::write`] wrote, or that were checked before.
    pub fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes bytes that were written once and may have been damaged since: properties of a PUBLISH, or an error.
    pub fn of_publish(bytes: &'a [u8]) -> Result<Self, WireError> {
        Self::check(bytes, Place::Packet(PacketType::Publish))?;
        Ok(Self(bytes))
    }

    /// Reads length and properties, and checks that each belongs here, once where once is the rule, with a value
    /// that it may have.
    pub(crate) fn read(reader: &mut Reader<'a>, place: Place) -> Result<Self, WireError> {
        let len = reader.var_int("property length")? as usize;
        if len == 0 {
            return Ok(Self::NONE);
        }
        let bytes = reader.take(len, "properties")?;
        Self::check(bytes, place)?;
        Ok(Self(bytes))
    }

    fn check(bytes: &[u8], place: Place) -> Result<(), WireError> {
        let mut reader = Reader::new(bytes);
        let mut seen = 0u64;
        while !reader.is_empty() {
            let (id, property) = Property::read(&mut reader)?;
            if places(id).is_none_or(|p| p & place.bit() == 0) {
                return Err(WireError::PropertyPlace(u32::from(id), place.name()));
            }
            let repeats = id == PropertyId::UserProperty as u8
                || (id == PropertyId::SubscriptionIdentifier as u8
                    && place == Place::Packet(PacketType::Publish));
            if !repeats && seen & (1 << id) != 0 {
                return Err(WireError::PropertyTwice(id));
            }
            seen |= 1 << id;
            let allowed = match property {
                Property::PayloadFormatIndicator(v) | Property::MaximumQoS(v) => v <= 1,
                Property::ReceiveMaximum(v) | Property::TopicAlias(v) => v > 0,
                Property::MaximumPacketSize(v) | Property::SubscriptionIdentifier(v) => v > 0,
                Property::ResponseTopic(topic) => {
                    mqttwb_model::TopicName::check(topic)?; // [MQTT-3.3.2-14]
                    true
                }
                _ => true,
            };
            if !allowed {
                return Err(WireError::PropertyValue(id));
            }
        }
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their bytes, without the length.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// One by one, in order.
    pub fn iter(&self) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            Property::read(&mut reader)
                .ok()
                .map(|(_, property)| property)
        })
    }

    /// The first that `pick` takes.
    pub fn find<T>(&self, pick: impl FnMut(Property<'a>) -> Option<T>) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        self.iter().find_map(pick)
    }

    /// Bytes on the wire, length included.
    pub(crate) fn size(&self) -> usize {
        crate::var_int_len(self.0.len()) + self.0.len()
    }

    pub(crate) fn write(&self, out: &mut BytesMut) {
        crate::write_var_int(out, self.0.len());
        out.put_slice(self.0);
    }
}

fn bool_of(value: u8, id: u8) -> Result<bool, WireError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(WireError::PropertyValue(id)),
    }
}

impl<'a> Property<'a> {
    pub(crate) fn read(r: &mut Reader<'a>) -> Result<(u8, Self), WireError> {
        const F: &str = "properties";
        let wide = r.var_int(F)?;
        let id = u8::try_from(wide).map_err(|_| WireError::PropertyPlace(wide, "any packet"))?;
        let property = match id {
            0x01 => Self::PayloadFormatIndicator(r.u8(F)?),
            0x02 => Self::MessageExpiryInterval(r.u32(F)?),
            0x03 => Self::ContentType(r.string("content type")?),
            0x08 => Self::ResponseTopic(r.string("response topic")?),
            0x09 => Self::CorrelationData(r.binary("correlation data")?),
            0x0b => Self::SubscriptionIdentifier(r.var_int("subscription identifier")?),
            0x11 => Self::SessionExpiryInterval(r.u32(F)?),
            0x12 => Self::AssignedClientIdentifier(r.string("assigned client identifier")?),
            0x13 => Self::ServerKeepAlive(r.u16(F)?),
            0x15 => Self::AuthenticationMethod(r.string("authentication method")?),
            0x16 => Self::AuthenticationData(r.binary("authentication data")?),
            0x17 => Self::RequestProblemInformation(bool_of(r.u8(F)?, id)?),
            0x18 => Self::WillDelayInterval(r.u32(F)?),
            0x19 => Self::RequestResponseInformation(bool_of(r.u8(F)?, id)?),
            0x1a => Self::ResponseInformation(r.string("response information")?),
            0x1c => Self::ServerReference(r.string("server reference")?),
            0x1f => Self::ReasonString(r.string("reason string")?),
            0x21 => Self::ReceiveMaximum(r.u16(F)?),
            0x22 => Self::TopicAliasMaximum(r.u16(F)?),
            0x23 => Self::TopicAlias(r.u16(F)?),
            0x24 => Self::MaximumQoS(r.u8(F)?),
            0x25 => Self::RetainAvailable(bool_of(r.u8(F)?, id)?),
            0x26 => Self::UserProperty(r.string("user property")?, r.string("user property")?),
            0x27 => Self::MaximumPacketSize(r.u32(F)?),
            0x28 => Self::WildcardSubscriptionAvailable(bool_of(r.u8(F)?, id)?),
            0x29 => Self::SubscriptionIdentifierAvailable(bool_of(r.u8(F)?, id)?),
            0x2a => Self::SharedSubscriptionAvailable(bool_of(r.u8(F)?, id)?),
            _ => return Err(WireError::PropertyPlace(wide, "any packet")),
        };
        Ok((id, property))
    }

    /// Writes it at the end of a list of properties.
    pub fn write(&self, out: &mut Vec<u8>) {
        fn text(out: &mut Vec<u8>, bytes: &[u8]) {
            // Longer texts can't come off the wire; of our own none is near it.
            let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
            out.put_u16(bytes.len() as u16);
            out.put_slice(bytes);
        }
        out.put_u8(self.id() as u8);
        match *self {
            Self::PayloadFormatIndicator(v) | Self::MaximumQoS(v) => out.put_u8(v),
            Self::RequestProblemInformation(v)
            | Self::RequestResponseInformation(v)
            | Self::RetainAvailable(v)
            | Self::WildcardSubscriptionAvailable(v)
            | Self::SubscriptionIdentifierAvailable(v)
            | Self::SharedSubscriptionAvailable(v) => out.put_u8(u8::from(v)),
            Self::ServerKeepAlive(v)
            | Self::ReceiveMaximum(v)
            | Self::TopicAliasMaximum(v)
            | Self::TopicAlias(v) => out.put_u16(v),
            Self::MessageExpiryInterval(v)
            | Self::SessionExpiryInterval(v)
            | Self::WillDelayInterval(v)
            | Self::MaximumPacketSize(v) => out.put_u32(v),
            Self::SubscriptionIdentifier(v) => {
                let mut buf = BytesMut::with_capacity(4);
                crate::write_var_int(&mut buf, v as usize);
                out.put_slice(&buf);
            }
            Self::ContentType(v)
            | Self::ResponseTopic(v)
            | Self::AssignedClientIdentifier(v)
            | Self::AuthenticationMethod(v)
            | Self::ResponseInformation(v)
            | Self::ServerReference(v)
            | Self::ReasonString(v) => text(out, v.as_bytes()),
            Self::CorrelationData(v) | Self::AuthenticationData(v) => text(out, v),
            Self::UserProperty(name, value) => {
                text(out, name.as_bytes());
                text(out, value.as_bytes());
            }
        }
    }

    /// Its number.
    pub fn id(&self) -> PropertyId {
        match self {
            Self::PayloadFormatIndicator(_) => PropertyId::PayloadFormatIndicator,
            Self::MessageExpiryInterval(_) => PropertyId::MessageExpiryInterval,
            Self::ContentType(_) => PropertyId::ContentType,
            Self::ResponseTopic(_) => PropertyId::ResponseTopic,
            Self::CorrelationData(_) => PropertyId::CorrelationData,
            Self::SubscriptionIdentifier(_) => PropertyId::SubscriptionIdentifier,
            Self::SessionExpiryInterval(_) => PropertyId::SessionExpiryInterval,
            Self::AssignedClientIdentifier(_) => PropertyId::AssignedClientIdentifier,
            Self::ServerKeepAlive(_) => PropertyId::ServerKeepAlive,
            Self::AuthenticationMethod(_) => PropertyId::AuthenticationMethod,
            Self::AuthenticationData(_) => PropertyId::AuthenticationData,
            Self::RequestProblemInformation(_) => PropertyId::RequestProblemInformation,
            Self::WillDelayInterval(_) => PropertyId::WillDelayInterval,
            Self::RequestResponseInformation(_) => PropertyId::RequestResponseInformation,
            Self::ResponseInformation(_) => PropertyId::ResponseInformation,
            Self::ServerReference(_) => PropertyId::ServerReference,
            Self::ReasonString(_) => PropertyId::ReasonString,
            Self::ReceiveMaximum(_) => PropertyId::ReceiveMaximum,
            Self::TopicAliasMaximum(_) => PropertyId::TopicAliasMaximum,
            Self::TopicAlias(_) => PropertyId::TopicAlias,
            Self::MaximumQoS(_) => PropertyId::MaximumQoS,
            Self::RetainAvailable(_) => PropertyId::RetainAvailable,
            Self::UserProperty(..) => PropertyId::UserProperty,
            Self::MaximumPacketSize(_) => PropertyId::MaximumPacketSize,
            Self::WildcardSubscriptionAvailable(_) => PropertyId::WildcardSubscriptionAvailable,
            Self::SubscriptionIdentifierAvailable(_) => PropertyId::SubscriptionIdentifierAvailable,
            Self::SharedSubscriptionAvailable(_) => PropertyId::SharedSubscriptionAvailable,
        }
    }

    /// Its name in the standard's words, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PayloadFormatIndicator(_) => "payload format indicator",
            Self::MessageExpiryInterval(_) => "message expiry interval",
            Self::ContentType(_) => "content type",
            Self::ResponseTopic(_) => "response topic",
            Self::CorrelationData(_) => "correlation data",
            Self::SubscriptionIdentifier(_) => "subscription identifier",
            Self::SessionExpiryInterval(_) => "session expiry interval",
            Self::AssignedClientIdentifier(_) => "assigned client identifier",
            Self::ServerKeepAlive(_) => "server keep alive",
            Self::AuthenticationMethod(_) => "authentication method",
            Self::AuthenticationData(_) => "authentication data",
            Self::RequestProblemInformation(_) => "request problem information",
            Self::WillDelayInterval(_) => "will delay interval",
            Self::RequestResponseInformation(_) => "request response information",
            Self::ResponseInformation(_) => "response information",
            Self::ServerReference(_) => "server reference",
            Self::ReasonString(_) => "reason string",
            Self::ReceiveMaximum(_) => "receive maximum",
            Self::TopicAliasMaximum(_) => "topic alias maximum",
            Self::TopicAlias(_) => "topic alias",
            Self::MaximumQoS(_) => "maximum QoS",
            Self::RetainAvailable(_) => "retain available",
            Self::UserProperty(..) => "user property",
            Self::MaximumPacketSize(_) => "maximum packet size",
            Self::WildcardSubscriptionAvailable(_) => "wildcard subscription available",
            Self::SubscriptionIdentifierAvailable(_) => "subscription identifier available",
            Self::SharedSubscriptionAvailable(_) => "shared subscription available",
        }
    }

    /// Its value as text, for a person.
    pub fn value_text(&self) -> String {
        match *self {
            Self::PayloadFormatIndicator(0) => "0 (bytes)".into(),
            Self::PayloadFormatIndicator(_) => "1 (UTF-8)".into(),
            Self::MessageExpiryInterval(v) | Self::WillDelayInterval(v) => format!("{v} s"),
            Self::SessionExpiryInterval(u32::MAX) => "never".into(),
            Self::SessionExpiryInterval(v) => format!("{v} s"),
            Self::ServerKeepAlive(v) => format!("{v} s"),
            Self::MaximumPacketSize(v) => format!("{v} B"),
            Self::SubscriptionIdentifier(v) => v.to_string(),
            Self::ReceiveMaximum(v) | Self::TopicAliasMaximum(v) | Self::TopicAlias(v) => {
                v.to_string()
            }
            Self::MaximumQoS(v) => v.to_string(),
            Self::RequestProblemInformation(v)
            | Self::RequestResponseInformation(v)
            | Self::RetainAvailable(v)
            | Self::WildcardSubscriptionAvailable(v)
            | Self::SubscriptionIdentifierAvailable(v)
            | Self::SharedSubscriptionAvailable(v) => if v { "yes" } else { "no" }.into(),
            Self::ContentType(v)
            | Self::ResponseTopic(v)
            | Self::AssignedClientIdentifier(v)
            | Self::AuthenticationMethod(v)
            | Self::ResponseInformation(v)
            | Self::ServerReference(v)
            | Self::ReasonString(v) => v.into(),
            // What proves an identity is not for the screen.
            Self::AuthenticationData(v) => format!("{} bytes, not shown", v.len()),
            Self::CorrelationData(v) => hex(v),
            Self::UserProperty(name, value) => format!("{name} = {value}"),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 3), |mut text, byte| {
            if !text.is_empty() {
                text.push(' ');
            }
            let _ = write!(text, "{byte:02x}");
            text
        })
}
