use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{PreviewFormat, TrafficRow};

/// What the publisher of a message was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum MessageAnswer {
    /// Nothing, and nothing has to be said at QoS 0.
    None,
    /// The handshake has not ended: no PUBACK or PUBCOMP has reached it.
    UnderWay,
    /// PUBACK or PUBCOMP.
    Done,
    /// A reason code that says no.
    Refused,
}

/// An application message as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MessageRow {
    /// The number of the packet that it was first seen in; an identity.
    #[ts(type = "number")]
    pub seq: u64,
    /// The number that ties its packets together.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// When it was first seen, in microseconds since 1970 (UTC).
    #[ts(type = "number")]
    pub at_micros: u64,
    /// A publisher's PUBLISH was seen; otherwise `client` is the first subscriber, as of a will.
    pub published: bool,
    /// The publisher's identifier.
    pub client: String,
    /// Its topic.
    pub topic: String,
    /// Its quality of service.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// Bytes of the payload.
    pub size: u32,
    /// The beginning of the payload, in the words of `format`.
    pub preview: String,
    /// How `preview` is written.
    pub format: PreviewFormat,
    /// The preview is all of it.
    pub whole: bool,
    /// What the publisher was told.
    pub answer: MessageAnswer,
    /// Deliveries, each counted once however often it was sent.
    pub deliveries: u32,
    /// Deliveries that were acknowledged to the end, or at QoS 0 sent.
    pub done: u32,
    /// Deliveries that are under way.
    pub under_way: u32,
    /// Deliveries that did not arrive at QoS 0, were refused, or whose session has ended.
    pub lost: u32,
    /// PUBLISH packets that were sent again.
    pub again: u32,
    /// Packets of it that a fault rule has struck.
    pub faults: u32,
    /// Microseconds from when it was first seen to when its last delivery was done.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_micros: Option<u64>,
}

/// The state of a view on the messages, once a tick. Positions are as in [`TrafficFrame`](super::TrafficFrame).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MessagesFrame {
    /// Counts frames; the page acknowledges it.
    #[ts(type = "number")]
    pub frame: u64,
    /// Position of the oldest row.
    #[ts(type = "number")]
    pub begin: u64,
    /// One past the position of the newest row.
    #[ts(type = "number")]
    pub end: u64,
    /// Messages that are known, matching or not.
    #[ts(type = "number")]
    pub known: u64,
    /// Oldest messages that made room for newer ones.
    #[ts(type = "number")]
    pub gone: u64,
    /// Packets that were gone before they were looked at.
    #[ts(type = "number")]
    pub missed: u64,
    /// The newest rows, oldest first, at most as many as the page asked for when it follows; otherwise none.
    pub tail: Vec<MessageRow>,
    /// Packets that were recorded are still being read, or the filter still looks through older messages.
    pub searching: bool,
}

/// Messages from a position on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MessageRows {
    /// The position of the first row; later than asked for where older ones are gone.
    #[ts(type = "number")]
    pub start: u64,
    /// The rows.
    pub rows: Vec<MessageRow>,
}

/// Which story to tell: of a message by its number, or of the message that a packet carries or acknowledges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct StoryRequest {
    /// The number that ties the packets of a message together.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// The number of a packet.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
}

/// The story of a message: its publish and everything that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Story {
    /// The number of the packet that the message was first seen in.
    #[ts(type = "number")]
    pub seq: u64,
    /// The number that ties its packets together.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// Its topic.
    pub topic: String,
    /// Its quality of service, as it was published.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// Bytes of the payload.
    pub size: u32,
    /// When it began, in microseconds since 1970 (UTC).
    #[ts(type = "number")]
    pub at_micros: u64,
    /// Microseconds from the first step to the last.
    #[ts(type = "number")]
    pub took_micros: u64,
    /// The clients in it, the publisher first.
    pub clients: Vec<String>,
    /// Who published it; not there where that was not seen.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// What came of it, in a few words: `delivered twice to ops-view`.
    pub outcome: String,
    /// Why it came so, and what the standard says, a sentence each.
    pub notes: Vec<String>,
    /// Deliveries, each counted once however often it was sent.
    pub deliveries: u32,
    /// Deliveries that were acknowledged to the end, or at QoS 0 sent.
    pub done: u32,
    /// Deliveries that are under way.
    pub under_way: u32,
    /// Deliveries that did not arrive at QoS 0, were refused, or whose session has ended.
    pub lost: u32,
    /// What happened, in the order of time.
    pub steps: Vec<StoryStep>,
    /// Steps that found no room.
    #[ts(type = "number")]
    pub left_out: u64,
}

/// What a step of a story is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum StoryKind {
    /// The publisher's PUBLISH, and what acknowledges it.
    Publish,
    /// A delivery to a subscriber, and what acknowledges it.
    Delivery,
    /// A client concerned connects, is let in or takes its leave.
    Connection,
    /// The connection of a client concerned has ended. There is no packet.
    Ended,
}

/// A step of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct StoryStep {
    /// What it is.
    pub kind: StoryKind,
    /// The client at the other end from the broker.
    pub client: String,
    /// Microseconds since the first step.
    #[ts(type = "number")]
    pub since_micros: u64,
    /// The packet.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<TrafficRow>,
    /// It was sent before.
    pub again: bool,
    /// What there is to say of it beside its packet: why a connection ended, why it was sent again.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
