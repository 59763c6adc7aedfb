use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Version;

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct PageRequest {
    /// `next` of the page before; absent for the first.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many; 1,000 at most, and 0 stands for 100.
    pub count: u32,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Page<T> {
    /// What was asked for.
    pub items: Vec<T>,
    /// How many there are in all.
    #[ts(type = "number")]
    pub total: u64,
    /// Where the next page begins; absent where there is none.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A session, connected or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SessionEntry {
    /// Whose it is.
    pub client_id: String,
    /// Its client is connected.
    pub connected: bool,
    /// What the client speaks, or spoke last.
    pub version: Version,
    /// Since when the client is connected, or away.
    #[ts(type = "number")]
    pub since: u64,
    /// How long it is kept for a client that is away, in seconds; absent for ever.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<u32>,
    /// When it ends unless the client comes back.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// How many subscriptions it has.
    pub subscriptions: u32,
    /// Messages that wait to be sent or to be acknowledged.
    pub waiting: u32,
    /// It outlives the process.
    pub durable: bool,
    /// The connection that has it; absent while the client is away.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<SessionConnection>,
    /// What its client has proved, or had when it was connected last. Nothing for an anonymous one, and for a session that was
    /// there before the broker was started and whose client has not come back.
    pub proofs: Vec<super::Proof>,
    /// How often one connection of this client identifier took another's place, since the broker was started.
    #[ts(type = "number")]
    pub taken_over: u64,
    /// Two connections do it to each other, again and again.
    pub fought_over: bool,
}

/// A connection that has a session, or had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SessionConnection {
    /// The listener that took it.
    pub listener: String,
    /// Where it comes from.
    pub peer: String,
    /// The common name of its certificate.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
}

/// One connection took the place of another with the same client identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TakeOverEntry {
    /// When.
    #[ts(type = "number")]
    pub at: u64,
    /// The one that had to go.
    pub from: SessionConnection,
    /// The one that came.
    pub by: SessionConnection,
}

/// The keep-alive of a client that is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeepAliveEntry {
    /// Keep-alive, in seconds.
    pub interval: u32,
    /// Seconds that it may still be silent before it counts as gone: one and a half times the interval at first.
    pub left: u32,
}

/// What waited for a client was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct QueueDropped {
    /// How many messages; 0 is no mistake.
    #[ts(type = "number")]
    pub dropped: u64,
    /// What brings them back; absent where there is nothing to bring back.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<u32>,
}

/// When a subscription is sent the retained messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum RetainHandling {
    #[default]
    OnSubscribe,
    IfNew,
    Never,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SubscriptionEntry {
    /// Whose.
    pub client_id: String,
    /// Filter, as it was written.
    pub filter: String,
    /// The most that messages are delivered with.
    pub qos: u8,
    /// Not the messages that this client publishes itself.
    pub no_local: bool,
    /// Messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
    /// Subscription identifier.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
}

/// Which subscriptions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct SubscriptionRequest {
    /// Those of this client alone.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Those alone that a message of this topic matches.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// How a preview of a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum PreviewFormat {
    /// As its text.
    Text,
    /// Bytes in hexadecimal.
    Hex,
}

/// A message that the broker keeps or has under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MessageEntry {
    /// Topic.
    pub topic: String,
    /// QoS: that of its delivery where it is one, else that which it was published with.
    pub qos: u8,
    /// The retain flag.
    pub retain: bool,
    /// When the broker took it.
    #[ts(type = "number")]
    pub at: u64,
    /// When it ends.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Bytes of its payload.
    pub size: u32,
    /// The beginning of its payload, or all of it.
    pub preview: String,
    /// How the preview is written.
    pub format: PreviewFormat,
    /// The preview is the whole payload.
    pub whole: bool,
}

/// How far a delivery that is not acknowledged has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum InflightState {
    /// PUBLISH was sent; PUBACK or PUBREC is to come.
    Sent,
    /// PUBREL was sent; PUBCOMP is to come.
    Released,
}

/// A delivery that was sent and is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct InflightEntry {
    /// Packet identifier.
    pub packet_id: u16,
    /// How far it has come.
    pub state: InflightState,
    /// It was sent again on this connection; to a client that is away it will be.
    pub dup: bool,
    /// The message; absent once it was released: it is needed no more.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageEntry>,
}

/// A QoS 2 message of the client that waits for its PUBREL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ReceivedEntry {
    /// Packet identifier.
    pub packet_id: u16,
    /// The message.
    pub message: MessageEntry,
}

/// A will that is still to be published, or discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WillEntry {
    /// The message.
    pub message: MessageEntry,
    /// Will delay interval, in seconds.
    pub delay: u32,
    /// When it is published, of a client that is away.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<u64>,
}

/// Which session, and which part of the lists in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct SessionRequest {
    /// Whose.
    pub client_id: String,
    /// The first of each list, from 0.
    pub from: u32,
    /// At most so many of each list; 1,000 at most, and 0 stands for 100.
    pub count: u32,
}

/// One session in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SessionDetail {
    /// Itself.
    pub session: SessionEntry,
    /// Its subscriptions, by filter.
    pub subscriptions: Vec<SubscriptionEntry>,
    /// Its will.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub will: Option<WillEntry>,
    /// The first of each list below, from 0.
    pub from: u32,
    /// Messages that wait to be sent, in order.
    pub queued: Vec<MessageEntry>,
    /// All of them, in number.
    pub queued_total: u32,
    /// What all of them weigh in memory, in bytes.
    #[ts(type = "number")]
    pub queued_bytes: u64,
    /// Messages that were sent and are not acknowledged, in order.
    pub inflight: Vec<InflightEntry>,
    /// All of them, in number.
    pub inflight_total: u32,
    /// QoS 2 messages of the client that wait for their PUBREL, by packet identifier.
    pub received: Vec<ReceivedEntry>,
    /// All of them, in number.
    pub received_total: u32,
    /// Messages, of any QoS, that are on their way to the client's connection.
    pub arriving: u32,
    /// Its keep-alive; absent while the client is away, and where it has none.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<KeepAliveEntry>,
    /// The last take-overs of the client identifier, the newest first.
    pub take_overs: Vec<TakeOverEntry>,
}

/// A retained message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RetainedEntry {
    /// The message.
    pub message: MessageEntry,
    /// The client that published it; empty where that is not known any more.
    pub publisher: String,
    /// It was its publisher's will.
    pub will: bool,
    /// Why it may no longer be true, in sentences; not there where nothing speaks against it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stale: Option<String>,
}

/// Retained messages that were taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RetainedCleared {
    /// How many; 0 is no mistake.
    #[ts(type = "number")]
    pub cleared: u64,
    /// What brings them back; absent where there is nothing to bring back.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<u32>,
}

/// Retained messages that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RetainedRestored {
    /// How many are retained again.
    #[ts(type = "number")]
    pub restored: u64,
    /// Topics that have a newer retained message: it was left alone.
    pub newer: Vec<String>,
    /// Topics whose message has expired meanwhile.
    pub expired: Vec<String>,
    /// Topics that there is no room for any more.
    pub no_room: Vec<String>,
}

/// What a client is told when an operator ends its connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum DisconnectReason {
    /// 0x98.
    #[default]
    AdministrativeAction,
    /// 0x87.
    NotAuthorized,
    /// 0x89.
    ServerBusy,
    /// 0x97.
    QuotaExceeded,
    /// 0x80.
    UnspecifiedError,
}

/// What the broker has counted since its start, and how many there are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BrokerCounters {
    /// Seconds that it runs.
    #[ts(type = "number")]
    pub uptime: u64,
    /// Connections now.
    #[ts(type = "number")]
    pub connections: u64,
    /// Sessions now, connected or not.
    #[ts(type = "number")]
    pub sessions: u64,
    /// Subscriptions now.
    #[ts(type = "number")]
    pub subscriptions: u64,
    /// Retained messages now.
    #[ts(type = "number")]
    pub retained: u64,
    /// Messages from publishers.
    #[ts(type = "number")]
    pub messages_in: u64,
    /// Messages to subscribers.
    #[ts(type = "number")]
    pub messages_out: u64,
    /// Bytes from clients.
    #[ts(type = "number")]
    pub bytes_in: u64,
    /// Bytes to clients.
    #[ts(type = "number")]
    pub bytes_out: u64,
    /// Messages dropped.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// A limit of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LimitEntry {
    /// Its key in `broker.toml`.
    pub key: String,
    /// What it limits.
    pub what: String,
    /// What holds, as it would be written.
    pub value: String,
    /// What a plain number is a number of.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How often somebody came up against it since the broker was started.
    #[ts(type = "number")]
    pub reached: u64,
}
