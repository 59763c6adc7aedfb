//! From bytes to packets, with every rule that one packet alone can break.

use mqttwb_model::{PacketType, ProtocolVersion, QoS, TopicName};

use crate::packet::*;
use crate::property::{Place, Properties, Property};
use crate::read::Reader;
use crate::{ReasonCode, WireError};

/// Decodes one whole packet. `version` is that of the connection; a CONNECT says its own.
pub fn decode(frame: &[u8], version: ProtocolVersion) -> Result<Packet<'_>, WireError> {
    let mut r = Reader::new(frame);
    let first = r.u8("first byte")?;
    let (len, padded) = r.padded_var_int("remaining length")?;
    let len = len as usize;
    if padded && version == ProtocolVersion::V5 {
        return Err(WireError::VarInt); // [MQTT-1.5.5-1]; MQTT 3.1.1 does not forbid it
    }
    if len > r.remaining() {
        return Err(WireError::Short("body"));
    }
    if len < r.remaining() {
        return Err(WireError::Trailing(r.remaining() - len));
    }
    let packet_type = PacketType::of_first_byte(first).ok_or(WireError::Type(0))?;
    let v5 = version == ProtocolVersion::V5;
    if packet_type != PacketType::Publish {
        check_flags(packet_type, first & 0x0f, version)?;
    }
    let packet = match packet_type {
        PacketType::Connect => Packet::Connect(Box::new(connect(&mut r)?)),
        PacketType::ConnAck => Packet::ConnAck(connack(&mut r, v5)?),
        PacketType::Publish => return Ok(Packet::Publish(publish(r, first, v5)?)),
        PacketType::PubAck => Packet::PubAck(ack(&mut r, packet_type, v5)?),
        PacketType::PubRec => Packet::PubRec(ack(&mut r, packet_type, v5)?),
        PacketType::PubRel => Packet::PubRel(ack(&mut r, packet_type, v5)?),
        PacketType::PubComp => Packet::PubComp(ack(&mut r, packet_type, v5)?),
        PacketType::Subscribe => Packet::Subscribe(subscribe(&mut r, v5)?),
        PacketType::SubAck => Packet::SubAck(suback(&mut r, v5)?),
        PacketType::Unsubscribe => Packet::Unsubscribe(unsubscribe(&mut r, v5)?),
        PacketType::UnsubAck => Packet::UnsubAck(unsuback(&mut r, v5)?),
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => Packet::Disconnect(disconnect(&mut r, v5)?),
        PacketType::Auth if v5 => Packet::Auth(auth(&mut r)?),
        PacketType::Auth => return Err(WireError::Type(15)),
    };
    r.end()?;
    Ok(packet)
}

/// `[MQTT-2.1.3-1]`; 3.1 lets DUP and QoS bits be set on PUBREL, SUBSCRIBE and UNSUBSCRIBE.
fn check_flags(packet: PacketType, flags: u8, version: ProtocolVersion) -> Result<(), WireError> {
    let wants_two = matches!(
        packet,
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe
    );
    let wanted = if wants_two { 0b0010 } else { 0 };
    let allowed = match version {
        ProtocolVersion::V31 if wants_two => flags & 0b0111 == 0b0010,
        _ => flags == wanted,
    };
    if allowed {
        Ok(())
    } else {
        Err(WireError::Flags(flags, packet.name()))
    }
}

fn properties<'a>(
    r: &mut Reader<'a>,
    packet: PacketType,
    v5: bool,
) -> Result<Properties<'a>, WireError> {
    if v5 {
        Properties::read(r, Place::Packet(packet))
    } else {
        Ok(Properties::NONE)
    }
}

fn connect<'a>(r: &mut Reader<'a>) -> Result<Connect<'a>, WireError> {
    let name = r.binary("protocol name")?;
    let level = r.u8("protocol level")?;
    let version = match (name, level) {
        (b"MQTT", 4) => ProtocolVersion::V311,
        (b"MQTT", 5) => ProtocolVersion::V5,
        (b"MQIsdp", 3) => ProtocolVersion::V31,
        (b"MQTT" | b"MQIsdp", level) => return Err(WireError::ProtocolLevel(level)),
        _ => return Err(WireError::ProtocolName),
    };
    let flags = r.u8("CONNECT flags")?;
    if flags & 1 != 0 {
        return Err(WireError::Reserved("CONNECT flags")); // [MQTT-3.1.2-3]
    }
    let will_flag = flags & 0x04 != 0;
    let will_qos = QoS::try_from((flags >> 3) & 3).map_err(|_| WireError::QoS)?; // [MQTT-3.1.2-12]
    let will_retain = flags & 0x20 != 0;
    let password_flag = flags & 0x40 != 0;
    let user_name_flag = flags & 0x80 != 0;
    if !will_flag && (will_qos != QoS::AtMostOnce || will_retain) {
        // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
        return Err(WireError::ConnectFlags("will QoS or retain without a will"));
    }
    if password_flag && !user_name_flag && version != ProtocolVersion::V5 {
        // [MQTT3-3.1.2-22]
        return Err(WireError::ConnectFlags("a password without a user name"));
    }
    let v5 = version == ProtocolVersion::V5;
    let keep_alive = r.u16("keep alive")?;
    let connect_properties = properties(r, PacketType::Connect, v5)?;
    let has_method = connect_properties
        .find(|p| matches!(p, Property::AuthenticationMethod(_)).then_some(()))
        .is_some();
    let has_data = connect_properties
        .find(|p| matches!(p, Property::AuthenticationData(_)).then_some(()))
        .is_some();
    if has_data && !has_method {
        return Err(WireError::PropertyValue(0x16)); // section 3.1.2.11.10
    }
    let client_id = r.string("client identifier")?;
    let will = if will_flag {
        let will_properties = if v5 {
            Properties::read(r, Place::Will)?
        } else {
            Properties::NONE
        };
        let topic = r.string("will topic")?;
        TopicName::check(topic)?;
        Some(Will {
            topic,
            payload: r.binary("will payload")?,
            qos: will_qos,
            retain: will_retain,
            properties: will_properties,
        })
    } else {
        None
    };
    let user_name = user_name_flag.then(|| r.string("user name")).transpose()?;
    let password = password_flag.then(|| r.binary("password")).transpose()?;
    Ok(Connect {
        version,
        clean_start: flags & 0x02 != 0,
        keep_alive,
        client_id,
        will,
        user_name,
        password,
        properties: connect_properties,
    })
}

fn connack<'a>(r: &mut Reader<'a>, v5: bool) -> Result<ConnAck<'a>, WireError> {
    let flags = r.u8("acknowledge flags")?;
    if flags & 0xfe != 0 {
        return Err(WireError::Reserved("acknowledge flags"));
    }
    let reason = ReasonCode(r.u8("reason code")?);
    Ok(ConnAck {
        session_present: flags == 1,
        reason,
        properties: properties(r, PacketType::ConnAck, v5)?,
    })
}

fn publish(mut r: Reader<'_>, first: u8, v5: bool) -> Result<Publish<'_>, WireError> {
    let qos = QoS::try_from((first >> 1) & 3).map_err(|_| WireError::QoS)?; // [MQTT-3.3.1-4]
    let dup = first & 0x08 != 0;
    if dup && qos == QoS::AtMostOnce {
        return Err(WireError::Flags(first & 0x0f, "PUBLISH at QoS 0")); // [MQTT-3.3.1-2]
    }
    let topic = r.string("topic name")?;
    let packet_id = if qos == QoS::AtMostOnce {
        0
    } else {
        r.packet_id()?
    };
    let properties = properties(&mut r, PacketType::Publish, v5)?;
    if topic.is_empty() {
        let aliased = properties.find(|p| matches!(p, Property::TopicAlias(_)).then_some(()));
        if aliased.is_none() {
            return Err(WireError::NoTopic);
        }
    } else {
        TopicName::check(topic)?;
    }
    Ok(Publish {
        dup,
        qos,
        retain: first & 1 != 0,
        topic,
        packet_id,
        properties,
        payload: r.rest(),
    })
}

fn ack<'a>(r: &mut Reader<'a>, packet: PacketType, v5: bool) -> Result<Ack<'a>, WireError> {
    let packet_id = r.packet_id()?;
    let (reason, properties) = tail(r, packet, v5)?;
    Ok(Ack {
        packet_id,
        reason,
        properties,
    })
}

/// Reason code and properties, both of which MQTT 5 lets a packet leave out (sections 3.4.2.1, 3.14.2.1, 3.15.2.1).
fn tail<'a>(
    r: &mut Reader<'a>,
    packet: PacketType,
    v5: bool,
) -> Result<(ReasonCode, Properties<'a>), WireError> {
    if !v5 || r.is_empty() {
        return Ok((ReasonCode::SUCCESS, Properties::NONE));
    }
    let reason = ReasonCode(r.u8("reason code")?);
    if r.is_empty() {
        return Ok((reason, Properties::NONE));
    }
    Ok((reason, Properties::read(r, Place::Packet(packet))?))
}

fn subscribe<'a>(r: &mut Reader<'a>, v5: bool) -> Result<Subscribe<'a>, WireError> {
    let packet_id = r.packet_id()?;
    let properties = properties(r, PacketType::Subscribe, v5)?;
    let mut filters = Vec::new();
    while !r.is_empty() {
        let filter = r.string("topic filter")?;
        let options = subscription_options(r.u8("subscription options")?, v5)?;
        if options.no_local && filter.starts_with("$share/") {
            return Err(WireError::NoLocalOnShared);
        }
        filters.push((filter, options));
    }
    if filters.is_empty() {
        return Err(WireError::NoFilters);
    }
    Ok(Subscribe {
        packet_id,
        properties,
        filters,
    })
}

fn subscription_options(bits: u8, v5: bool) -> Result<SubscriptionOptions, WireError> {
    if !v5 && bits & 0xfc != 0 {
        return Err(WireError::Reserved("subscription options")); // 3.1.1: [MQTT-3.8.3-4]
    }
    SubscriptionOptions::try_from(bits)
}

fn suback<'a>(r: &mut Reader<'a>, v5: bool) -> Result<SubAck<'a>, WireError> {
    Ok(SubAck {
        packet_id: r.packet_id()?,
        properties: properties(r, PacketType::SubAck, v5)?,
        reasons: r.rest().iter().copied().map(ReasonCode).collect(),
    })
}

fn unsubscribe<'a>(r: &mut Reader<'a>, v5: bool) -> Result<Unsubscribe<'a>, WireError> {
    let packet_id = r.packet_id()?;
    let properties = properties(r, PacketType::Unsubscribe, v5)?;
    let mut filters = Vec::new();
    while !r.is_empty() {
        filters.push(r.string("topic filter")?);
    }
    if filters.is_empty() {
        return Err(WireError::NoFilters);
    }
    Ok(Unsubscribe {
        packet_id,
        properties,
        filters,
    })
}

fn unsuback<'a>(r: &mut Reader<'a>, v5: bool) -> Result<UnsubAck<'a>, WireError> {
    Ok(UnsubAck {
        packet_id: r.packet_id()?,
        properties: properties(r, PacketType::UnsubAck, v5)?,
        reasons: r.rest().iter().copied().map(ReasonCode).collect(),
    })
}

fn disconnect<'a>(r: &mut Reader<'a>, v5: bool) -> Result<Disconnect<'a>, WireError> {
    let (reason, properties) = tail(r, PacketType::Disconnect, v5)?;
    Ok(Disconnect { reason, properties })
}

fn auth<'a>(r: &mut Reader<'a>) -> Result<Auth<'a>, WireError> {
    let (reason, properties) = tail(r, PacketType::Auth, true)?;
    Ok(Auth { reason, properties })
}
