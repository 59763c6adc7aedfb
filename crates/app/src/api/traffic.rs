use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{PacketFault, Version};

/// Which packets to show. Empty lists and texts mean: all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct TrafficFilter {
    /// A text that the client identifier or the topic must hold (case does not matter).
    pub text: String,
    /// A text that the payload must hold (case does not matter); packets that are no PUBLISH are left out.
    pub payload: String,
    /// Client identifiers, in which `*` stands for any run of characters: one of them must be the client's.
    pub clients: Vec<String>,
    /// A topic filter that the topic must match; packets without a topic are left out.
    pub topic: String,
    /// Packet types by their names in capitals.
    pub packets: Vec<String>,
    /// `to-broker` or `to-client`.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Of PUBLISH only those of this QoS; packets without a QoS are left out.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<u8>,
    /// Only packets that a fault rule has struck.
    pub faults: bool,
    /// Only packets that carry this message.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// Only packets of this time and later, in microseconds since 1970 (UTC).
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Only packets of before this time, in microseconds since 1970 (UTC).
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Only packets that were seen at this end of a connection.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_by: Option<SeenBy>,
}

/// Which end of a connection a packet was seen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum SeenBy {
    /// The embedded broker.
    Broker,
    /// A test client of the embedded broker, which was asked to show its own end too.
    ClientOfBroker,
    /// A test client of another broker.
    ClientOfRemote,
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum Direction {
    ToBroker,
    ToClient,
}

/// One packet as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TrafficRow {
    /// Its number in the capture; an identity.
    #[ts(type = "number")]
    pub seq: u64,
    /// When, in microseconds since 1970 (UTC).
    #[ts(type = "number")]
    pub at_micros: u64,
    /// The client's identifier.
    pub client: String,
    /// Which end has seen it; not there for the embedded broker, which sees nearly all.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_by: Option<SeenBy>,
    /// Which way it went.
    pub direction: Direction,
    /// The packet's name in capitals.
    pub packet: String,
    /// Of a PUBLISH its QoS.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<u8>,
    /// Of a PUBLISH its topic (where an alias stands for it, the topic that it stands for).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Of any other packet what it says, in a few words: `keep-alive 30, clean start`, `plant/# QoS 1`.
    pub summary: String,
    /// Sent again.
    pub dup: bool,
    /// Retained.
    pub retain: bool,
    /// Packet identifier.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_id: Option<u16>,
    /// Reason code where it is not success, as `0x87 not authorized`.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Bytes on the wire.
    pub size: u32,
    /// The message that it carries; the same for a PUBLISH and its deliveries.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// What a fault rule did to it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<PacketFault>,
}

/// The state of a view on the traffic, once a tick.
///
/// Rows that match are numbered by position, in the order that they came: `begin` is the oldest that is still kept,
/// `end` one past the newest. Positions do not change while rows come and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TrafficFrame {
    /// Counts frames; the page acknowledges it.
    #[ts(type = "number")]
    pub frame: u64,
    /// Position of the oldest row.
    #[ts(type = "number")]
    pub begin: u64,
    /// One past the position of the newest row.
    #[ts(type = "number")]
    pub end: u64,
    /// Packets kept, matching or not.
    #[ts(type = "number")]
    pub stored: u64,
    /// Packets seen since the start of the program, matching or not.
    #[ts(type = "number")]
    pub seen: u64,
    /// Oldest packets that made room for newer ones.
    #[ts(type = "number")]
    pub evicted: u64,
    /// Packets that were not recorded since the capture was busy.
    #[ts(type = "number")]
    pub lost: u64,
    /// Bytes of memory in use.
    #[ts(type = "number")]
    pub memory: u64,
    /// Bytes of memory at most.
    #[ts(type = "number")]
    pub budget: u64,
    /// The newest rows, oldest first, at most as many as the page asked for when it follows; otherwise none.
    pub tail: Vec<TrafficRow>,
    /// The filter still looks through older packets; `end` will grow.
    pub searching: bool,
}

/// Rows from a position on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TrafficRows {
    /// The position of the first row; later than asked for where older ones are gone.
    #[ts(type = "number")]
    pub start: u64,
    /// The rows.
    pub rows: Vec<TrafficRow>,
}

/// One field of a packet over its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PacketField {
    /// The field's name in the standard's words.
    pub name: String,
    /// Its value as text.
    pub value: String,
    /// Its first byte in the packet.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// What kind of field it is, for its colour.
    pub role: FieldRole,
}

/// What kind of field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum FieldRole {
    FixedHeader,
    Topic,
    PacketId,
    Property,
    Reason,
    Payload,
    Other,
}

/// Everything about one packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PacketDetail {
    /// Its row.
    pub row: TrafficRow,
    /// The protocol version of its connection.
    pub version: Version,
    /// The listener's name.
    pub listener: String,
    /// The client's address.
    pub peer: String,
    /// The common name of the client's certificate.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// Its fields, in the order of the bytes.
    pub fields: Vec<PacketField>,
    /// Why the fields end early: what is malformed.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed: Option<String>,
    /// The packet's bytes, base64; the first 64 KiB unless the whole was asked for.
    pub bytes: String,
    /// Bytes in the whole packet.
    pub size: u32,
}

/// A number in a JSON payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct NumberAt {
    /// Its path.
    pub path: String,
    /// Its value.
    pub value: f64,
}

impl Eq for NumberAt {}
