//! A packet as a row: the members of a JSON object, the columns of a table. docs/recordings.md describes them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_model::recording::{ConnectionEnd, Gap};
use mqttwb_model::{ConnectionInfo, Direction, ProtocolVersion, SeenBy, Timestamp};
use mqttwb_wire::{ReasonCode, Role};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Packet;

/// The names of the columns.
pub const COLUMNS: [&str; 24] = [
    "seq",
    "time",
    "connection",
    "client",
    "direction",
    "packet",
    "version",
    "qos",
    "retain",
    "dup",
    "packet_id",
    "topic",
    "summary",
    "reason",
    "size",
    "message",
    "listener",
    "peer",
    "seen_by",
    "fault_rule",
    "fault",
    "properties",
    "payload_encoding",
    "payload",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row<'a> {
    seq: u64,
    /// RFC 3339, UTC, as exact as it was recorded.
    time: String,
    connection: u64,
    client: &'a str,
    direction: &'static str,
    packet: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    qos: Option<u8>,
    retain: bool,
    dup: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    listener: &'a str,
    peer: String,
    seen_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
    /// Of a PUBLISH, where it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// Of a PUBLISH in Base64, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// Why it can't be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    malformed: Option<String>,
}

#[derive(Serialize)]
struct Fault<'a> {
    rule: &'a str,
    done: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

impl<'a> Row<'a> {
    pub fn of(packet: &Packet<'a>, info: Option<&'a ConnectionInfo>) -> Self {
        let peek = mqttwb_wire::peek(packet.frame, packet.version);
        let dissection = mqttwb_wire::dissect(packet.frame, packet.version);
        let payload = dissection
            .payload
            .clone()
            .and_then(|range| packet.frame.get(range));
        let text = payload.and_then(|payload| std::str::from_utf8(payload).ok());
        Self {
            seq: packet.seq,
            time: rfc3339(packet.at),
            connection: packet.connection.0,
            client: info.map_or("", |info| info.client.as_str()),
            direction: match packet.direction {
                Direction::ToBroker => "to-broker",
                Direction::ToClient => "to-client",
            },
            packet: peek.map_or("malformed", |peek| peek.packet.name()),
            version: match packet.version {
                ProtocolVersion::V31 => "3.1",
                ProtocolVersion::V311 => "3.1.1",
                ProtocolVersion::V5 => "5",
            },
            qos: packet.qos().map(u8::from),
            retain: peek.is_some_and(|peek| peek.retain),
            dup: peek.is_some_and(|peek| peek.dup),
            packet_id: peek.and_then(|peek| peek.packet_id),
            topic: packet.topic(),
            summary: mqttwb_wire::summary(packet.frame, packet.version),
            reason: peek
                .and_then(|peek| ReasonCode(peek.reason?).told(peek.packet, packet.version)),
            size: packet.frame.len(),
            message: packet.message.map(|message| message.0),
            listener: info.map_or("", |info| &info.listener),
            peer: info.map_or_else(String::new, |info| info.peer.to_string()),
            seen_by: match packet.seen_by {
                SeenBy::Broker => "broker",
                SeenBy::ClientOfBroker => "client-of-broker",
                SeenBy::ClientOfRemote => "client-of-remote",
            },
            fault: packet.fault.map(|fault| Fault {
                rule: fault.rule,
                done: fault.done.sentence(packet.direction),
            }),
            properties: dissection
                .fields
                .into_iter()
                .filter(|field| field.role == Role::Property && !field.name.ends_with("length"))
                .map(|field| Property {
                    name: field.name,
                    value: field.value,
                })
                .collect(),
            payload: text,
            payload_base64: payload
                .filter(|_| text.is_none())
                .map(|payload| STANDARD.encode(payload)),
            malformed: dissection.malformed,
        }
    }

    pub fn columns(self) -> [Cow<'a, str>; COLUMNS.len()] {
        let shown = |value: Option<String>| Cow::from(value.unwrap_or_default());
        let (rule, done) = match self.fault {
            Some(fault) => (fault.rule, fault.done),
            None => ("", String::new()),
        };
        let properties: Vec<String> = self
            .properties
            .iter()
            .map(|property| format!("{}={}", property.name, property.value))
            .collect();
        let encoding = match (self.payload, &self.payload_base64) {
            (Some(_), _) => "text",
            (None, Some(_)) => "base64",
            (None, None) => "",
        };
        [
            self.seq.to_string().into(),
            self.time.into(),
            self.connection.to_string().into(),
            self.client.into(),
            self.direction.into(),
            self.packet.into(),
            self.version.into(),
            shown(self.qos.map(|qos| qos.to_string())),
            self.retain.to_string().into(),
            self.dup.to_string().into(),
            shown(self.packet_id.map(|id| id.to_string())),
            self.topic.unwrap_or_default().into(),
            self.summary.into(),
            shown(self.reason),
            self.size.to_string().into(),
            shown(self.message.map(|message| message.to_string())),
            self.listener.into(),
            self.peer.into(),
            self.seen_by.into(),
            rule.into(),
            done.into(),
            properties.join("; ").into(),
            encoding.into(),
            match self.payload {
                Some(text) => text.into(),
                None => shown(self.payload_base64),
            },
        ]
    }
}

/// Packets that are missing, at their place.
#[derive(Serialize)]
pub struct Missing {
    missing: u64,
    time: String,
    reason: &'static str,
}

impl Missing {
    pub fn of(gap: &Gap) -> Self {
        Self {
            missing: gap.packets,
            time: rfc3339(gap.at),
            reason: gap.cause.text(),
        }
    }

    /// A row whose packet is `missing`; its summary says how many and why.
    pub fn columns(&self) -> [Cow<'_, str>; COLUMNS.len()] {
        let mut columns = [const { Cow::Borrowed("") }; COLUMNS.len()];
        columns[1] = self.time.as_str().into();
        columns[5] = "missing".into();
        columns[12] = format!("{} packets: {}", self.missing, self.reason).into();
        columns
    }
}

/// The end of a connection, at its place.
#[derive(Serialize)]
pub struct Ended<'a> {
    ended: &'a str,
    time: String,
    connection: u64,
    client: &'a str,
}

impl<'a> Ended<'a> {
    pub fn of(end: &'a ConnectionEnd, info: Option<&'a ConnectionInfo>) -> Self {
        Self {
            ended: &end.why,
            time: rfc3339(end.at),
            connection: end.connection.0,
            client: info.map_or("", |info| info.client.as_str()),
        }
    }

    /// A row whose packet is `ended`; its summary says why.
    pub fn columns(&self) -> [Cow<'_, str>; COLUMNS.len()] {
        let mut columns = [const { Cow::Borrowed("") }; COLUMNS.len()];
        columns[1] = self.time.as_str().into();
        columns[2] = self.connection.to_string().into();
        columns[3] = self.client.into();
        columns[5] = "ended".into();
        columns[12] = self.ended.into();
        columns
    }
}

fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
