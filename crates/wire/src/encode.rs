//! From packets to bytes, straight into the buffer that goes to the socket.

use bytes::{BufMut, BytesMut};
use mqttwb_model::{ProtocolVersion, QoS};

use crate::frame::{var_int_len, write_var_int};
use crate::packet::*;
use crate::{Properties, ReasonCode};

/// Writes a packet. Strings are at most 65,535 bytes, as what was decoded is.
pub fn encode(packet: &Packet<'_>, version: ProtocolVersion, out: &mut BytesMut) {
    let v5 = version == ProtocolVersion::V5;
    match packet {
        Packet::Connect(connect) => write_connect(connect, out),
        Packet::ConnAck(p) => {
            let len = 2 + properties_size(&p.properties, v5);
            head(out, 0x20, len);
            out.put_u8(u8::from(p.session_present));
            out.put_u8(p.reason.0);
            write_properties(&p.properties, v5, out);
        }
        Packet::Publish(p) => encode_publish(
            &PublishHead {
                dup: p.dup,
                qos: p.qos,
                retain: p.retain,
                packet_id: p.packet_id,
            },
            p.topic,
            &[p.properties],
            p.payload,
            version,
            out,
        ),
        Packet::PubAck(p) => write_ack(0x40, p, v5, out),
        Packet::PubRec(p) => write_ack(0x50, p, v5, out),
        Packet::PubRel(p) => write_ack(0x62, p, v5, out),
        Packet::PubComp(p) => write_ack(0x70, p, v5, out),
        Packet::Subscribe(p) => {
            let filters: usize = p.filters.iter().map(|(f, _)| 2 + f.len() + 1).sum();
            head(out, 0x82, 2 + properties_size(&p.properties, v5) + filters);
            out.put_u16(p.packet_id);
            write_properties(&p.properties, v5, out);
            for (filter, options) in &p.filters {
                string(out, filter.as_bytes());
                let bits = u8::from(*options);
                // Before MQTT 5 there is the QoS alone.
                out.put_u8(if v5 { bits } else { bits & 3 });
            }
        }
        Packet::SubAck(p) => {
            let len = 2 + properties_size(&p.properties, v5) + p.reasons.len();
            head(out, 0x90, len);
            out.put_u16(p.packet_id);
            write_properties(&p.properties, v5, out);
            for reason in &p.reasons {
                // [MQTT3-3.9.3-2]: nothing but 0, 1, 2 and 0x80
                let code = if v5 || !reason.is_error() {
                    reason.0
                } else {
                    0x80
                };
                out.put_u8(code);
            }
        }
        Packet::Unsubscribe(p) => {
            let filters: usize = p.filters.iter().map(|f| 2 + f.len()).sum();
            head(out, 0xa2, 2 + properties_size(&p.properties, v5) + filters);
            out.put_u16(p.packet_id);
            write_properties(&p.properties, v5, out);
            for filter in &p.filters {
                string(out, filter.as_bytes());
            }
        }
        Packet::UnsubAck(p) => {
            let reasons = if v5 { p.reasons.len() } else { 0 };
            head(out, 0xb0, 2 + properties_size(&p.properties, v5) + reasons);
            out.put_u16(p.packet_id);
            write_properties(&p.properties, v5, out);
            for reason in p.reasons.iter().take(reasons) {
                out.put_u8(reason.0);
            }
        }
        Packet::PingReq => out.put_slice(&[0xc0, 0]),
        Packet::PingResp => out.put_slice(&[0xd0, 0]),
        Packet::Disconnect(p) => {
            let rest = tail_size(p.reason, &p.properties, v5);
            head(out, 0xe0, rest);
            write_tail(p.reason, &p.properties, rest, out);
        }
        Packet::Auth(p) => {
            let rest = tail_size(p.reason, &p.properties, v5);
            head(out, 0xf0, rest);
            write_tail(p.reason, &p.properties, rest, out);
        }
    }
}

/// What is before the topic of a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishHead {
    /// Sent again.
    pub dup: bool,
    /// QoS.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Ignored at QoS 0.
    pub packet_id: u16,
}

/// The whole size of a PUBLISH on the wire, from the sizes of its parts; `properties` is that of all of them, without
/// their length.
pub fn publish_size(
    qos: QoS,
    topic: usize,
    properties: usize,
    payload: usize,
    version: ProtocolVersion,
) -> usize {
    let len = publish_len(qos, topic, properties, payload, version);
    1 + var_int_len(len) + len
}

fn publish_len(
    qos: QoS,
    topic: usize,
    properties: usize,
    payload: usize,
    version: ProtocolVersion,
) -> usize {
    let id = if qos == QoS::AtMostOnce { 0 } else { 2 };
    let properties = if version == ProtocolVersion::V5 {
        var_int_len(properties) + properties
    } else {
        0
    };
    2 + topic + id + properties + payload
}

/// Writes a PUBLISH whose properties come from several places: the publisher's own, and what the broker adds. The topic is
/// UTF-8, which nobody looks at here.
pub fn encode_publish(
    publish: &PublishHead,
    topic: impl AsRef<[u8]>,
    properties: &[Properties<'_>],
    payload: &[u8],
    version: ProtocolVersion,
    out: &mut BytesMut,
) {
    let topic = topic.as_ref();
    let first = 0x30
        | (u8::from(publish.dup) << 3)
        | (u8::from(publish.qos) << 1)
        | u8::from(publish.retain);
    let properties_len = properties.iter().map(|p| p.as_bytes().len()).sum();
    let len = publish_len(
        publish.qos,
        topic.len(),
        properties_len,
        payload.len(),
        version,
    );
    out.reserve(5 + len);
    head(out, first, len);
    string(out, topic);
    if publish.qos != QoS::AtMostOnce {
        out.put_u16(publish.packet_id);
    }
    if version == ProtocolVersion::V5 {
        write_var_int(out, properties_len);
        for p in properties {
            out.put_slice(p.as_bytes());
        }
    }
    out.put_slice(payload);
}

fn head(out: &mut BytesMut, first: u8, len: usize) {
    out.put_u8(first);
    write_var_int(out, len);
}

fn string(out: &mut BytesMut, bytes: &[u8]) {
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

fn properties_size(properties: &Properties<'_>, v5: bool) -> usize {
    if v5 { properties.size() } else { 0 }
}

fn write_properties(properties: &Properties<'_>, v5: bool, out: &mut BytesMut) {
    if v5 {
        properties.write(out);
    }
}

fn tail_size(reason: ReasonCode, properties: &Properties<'_>, v5: bool) -> usize {
    match (v5, properties.is_empty(), reason) {
        (false, ..) | (true, true, ReasonCode::SUCCESS) => 0,
        (true, true, _) => 1,
        (true, false, _) => 1 + properties.size(),
    }
}

fn write_tail(reason: ReasonCode, properties: &Properties<'_>, size: usize, out: &mut BytesMut) {
    if size > 0 {
        out.put_u8(reason.0);
    }
    if size > 1 {
        properties.write(out);
    }
}

fn write_ack(first: u8, p: &Ack<'_>, v5: bool, out: &mut BytesMut) {
    let rest = tail_size(p.reason, &p.properties, v5);
    head(out, first, 2 + rest);
    out.put_u16(p.packet_id);
    write_tail(p.reason, &p.properties, rest, out);
}

fn write_connect(p: &Connect<'_>, out: &mut BytesMut) {
    let v5 = p.version == ProtocolVersion::V5;
    let (name, level): (&[u8], u8) = match p.version {
        ProtocolVersion::V31 => (b"MQIsdp", 3),
        ProtocolVersion::V311 => (b"MQTT", 4),
        ProtocolVersion::V5 => (b"MQTT", 5),
    };
    let will_size = p.will.as_ref().map_or(0, |w| {
        properties_size(&w.properties, v5) + 2 + w.topic.len() + 2 + w.payload.len()
    });
    let len = 2
        + name.len()
        + 4
        + properties_size(&p.properties, v5)
        + 2
        + p.client_id.len()
        + will_size
        + p.user_name.map_or(0, |u| 2 + u.len())
        + p.password.map_or(0, |w| 2 + w.len());
    head(out, 0x10, len);
    string(out, name);
    out.put_u8(level);
    let mut flags = u8::from(p.clean_start) << 1;
    if let Some(will) = &p.will {
        flags |= 0x04 | (u8::from(will.qos) << 3) | (u8::from(will.retain) << 5);
    }
    flags |= (u8::from(p.password.is_some()) << 6) | (u8::from(p.user_name.is_some()) << 7);
    out.put_u8(flags);
    out.put_u16(p.keep_alive);
    write_properties(&p.properties, v5, out);
    string(out, p.client_id.as_bytes());
    if let Some(will) = &p.will {
        write_properties(&will.properties, v5, out);
        string(out, will.topic.as_bytes());
        string(out, will.payload);
    }
    if let Some(user_name) = p.user_name {
        string(out, user_name.as_bytes());
    }
    if let Some(password) = p.password {
        string(out, password);
    }
}
