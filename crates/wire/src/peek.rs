//! A quick look at a packet: what a row of a table needs.

use std::fmt::Write as _;

use mqttwb_model::{PacketType, ProtocolVersion, QoS};

use crate::packet::{Packet, RetainHandling};
use crate::property::Property;
use crate::read::Reader;
use crate::{ReasonCode, decode};

/// What is on the outside of a packet. Nothing is checked that is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek<'a> {
    /// Its type.
    pub packet: PacketType,
    /// Of a PUBLISH its QoS.
    pub qos: Option<QoS>,
    /// Of a PUBLISH: sent again.
    pub dup: bool,
    /// Of a PUBLISH: retained.
    pub retain: bool,
    /// Packet identifier, where the packet has one.
    pub packet_id: Option<u16>,
    /// Of a PUBLISH its topic, unless an alias stands for it.
    pub topic: Option<&'a str>,
    /// Reason or return code, where the packet has one for the whole of it.
    pub reason: Option<u8>,
}

/// Looks at a packet without decoding it. `None` where it has no type.
pub fn peek(frame: &[u8], version: ProtocolVersion) -> Option<Peek<'_>> {
    let first = *frame.first()?;
    let packet = PacketType::of_first_byte(first)?;
    let mut peek = Peek {
        packet,
        qos: None,
        dup: false,
        retain: false,
        packet_id: None,
        topic: None,
        reason: None,
    };
    let mut r = Reader::new(frame);
    let body = |r: &mut Reader<'_>| r.take(1, "").and_then(|_| r.padded_var_int("")).is_ok();
    if !body(&mut r) {
        return Some(peek);
    }
    match packet {
        PacketType::Publish => {
            peek.qos = QoS::try_from((first >> 1) & 3).ok();
            peek.dup = first & 8 != 0;
            peek.retain = first & 1 != 0;
            peek.topic = r.string("").ok().filter(|t| !t.is_empty());
            if peek.qos.is_some_and(|q| q != QoS::AtMostOnce) {
                peek.packet_id = r.u16("").ok();
            }
        }
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            peek.packet_id = r.u16("").ok();
            if version == ProtocolVersion::V5 {
                peek.reason = Some(r.u8("").unwrap_or(0));
            }
        }
        PacketType::Subscribe
        | PacketType::SubAck
        | PacketType::Unsubscribe
        | PacketType::UnsubAck => peek.packet_id = r.u16("").ok(),
        PacketType::ConnAck => {
            peek.reason = r.u16("").ok().map(|flags_and_code| flags_and_code as u8);
        }
        PacketType::Disconnect | PacketType::Auth if version == ProtocolVersion::V5 => {
            peek.reason = Some(r.u8("").unwrap_or(0));
        }
        _ => {}
    }
    Some(peek)
}

/// The version that a CONNECT asks for, before it is decoded whole; `None` where it asks for one that does not exist.
pub fn protocol_of_connect(frame: &[u8]) -> Option<ProtocolVersion> {
    let mut r = Reader::new(frame);
    r.u8("").ok()?;
    r.padded_var_int("").ok()?;
    let name = r.binary("").ok()?;
    match (name, r.u8("").ok()?) {
        (b"MQIsdp", 3) => Some(ProtocolVersion::V31),
        (b"MQTT", 4) => Some(ProtocolVersion::V311),
        (b"MQTT", 5) => Some(ProtocolVersion::V5),
        _ => None,
    }
}

/// Where what proves an identity is in a packet, so that whoever keeps it can strike it out: the password of a CONNECT,
/// and the authentication data of CONNECT, CONNACK and AUTH. Malformed packets have them too, as far as they can be read.
pub fn secret_spans(frame: &[u8], version: ProtocolVersion) -> Vec<std::ops::Range<usize>> {
    let fields = crate::dissect(frame, version).fields.into_iter();
    fields
        .filter_map(|field| match field.name {
            "password" => Some(field.span.start + 2..field.span.end),
            // Its number and its length are before it.
            "authentication data" => Some(field.span.start + 3..field.span.end),
            _ => None,
        })
        .collect()
}

/// What a packet says, in a few words; for a PUBLISH nothing, since its topic says it.
pub fn summary(frame: &[u8], version: ProtocolVersion) -> String {
    let packet = match decode(frame, version) {
        Ok(packet) => packet,
        Err(error) => return format!("malformed: {error}"),
    };
    match packet {
        Packet::Connect(p) => {
            let mut text = format!("MQTT {}, keep alive ", p.version);
            if p.keep_alive == 0 {
                text.push_str("off");
            } else {
                let _ = write!(text, "{} s", p.keep_alive);
            }
            let clean = match (p.version, p.clean_start) {
                (ProtocolVersion::V5, true) => ", clean start",
                (ProtocolVersion::V5, false) => ", session kept",
                (_, true) => ", clean session",
                (_, false) => ", persistent session",
            };
            text.push_str(clean);
            if let Some(will) = &p.will {
                let _ = write!(text, ", will on {}", will.topic);
            }
            if p.user_name.is_some() {
                text.push_str(", with user name");
            }
            text
        }
        Packet::ConnAck(p) => {
            let verdict = if version == ProtocolVersion::V5 {
                p.reason.text()
            } else {
                ReasonCode::v3_connack_text(p.reason.0)
            };
            let session = if p.session_present {
                ", session present"
            } else {
                ""
            };
            format!("{verdict}{session}")
        }
        Packet::Publish(p) => p
            .properties
            .find(|property| match property {
                Property::TopicAlias(alias) => Some(format!("alias {alias}")),
                _ => None,
            })
            .unwrap_or_default(),
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            reason_text(p.reason)
        }
        Packet::Subscribe(p) => list(p.filters.iter().map(|(filter, options)| {
            let mut text = format!("{filter} QoS {}", u8::from(options.qos));
            if options.no_local {
                text.push_str(" no local");
            }
            if options.retain_as_published {
                text.push_str(" retain as published");
            }
            match options.retain_handling {
                RetainHandling::OnSubscribe => {}
                RetainHandling::IfNew => text.push_str(" retained if new"),
                RetainHandling::Never => text.push_str(" no retained"),
            }
            text
        })),
        Packet::SubAck(p) => list(
            p.reasons
                .iter()
                .map(|r| r.text_in(PacketType::SubAck).to_owned()),
        ),
        Packet::Unsubscribe(p) => list(p.filters.iter().map(|f| (*f).to_owned())),
        Packet::UnsubAck(p) => list(p.reasons.iter().map(|r| r.text().to_owned())),
        Packet::PingReq | Packet::PingResp => String::new(),
        Packet::Disconnect(p) => {
            let text = p.reason.text_in(PacketType::Disconnect);
            if version == ProtocolVersion::V5 {
                text.to_owned()
            } else {
                String::new()
            }
        }
        Packet::Auth(p) => p.reason.text().to_owned(),
    }
}

fn reason_text(reason: ReasonCode) -> String {
    if reason == ReasonCode::SUCCESS {
        String::new()
    } else {
        reason.text().to_owned()
    }
}

/// The first few, and how many more there are.
fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let more = items.len().saturating_sub(SHOWN);
    let mut text = items.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}
