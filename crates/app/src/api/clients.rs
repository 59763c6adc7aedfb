use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Version;

/// Where a test client connects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum Target {
    /// The embedded broker's tcp listener.
    Tcp,
    /// The embedded broker's tls listener, with a device certificate.
    MutualTls {
        /// The device.
        device: String,
    },
}

/// The message that the broker publishes when the client's connection breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload, as text.
    pub payload: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
}

/// How a test client connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ClientConfig {
    /// Its client identifier; also its name in the window.
    pub client_id: String,
    /// 3.1.1 or 5.
    pub version: Version,
    /// Where to.
    pub target: Target,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    /// Clean start (MQTT 5) or clean session (3.1.1).
    pub clean_start: bool,
    /// Seconds that the session outlives the connection; MQTT 5 only.
    pub session_expiry: u32,
    /// Its last will.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub will: Option<Will>,
}

/// What a test client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum ClientState {
    Disconnected,
    Connecting,
    Connected,
    /// The last connection ended in an error, which `failure` tells.
    Failed,
}

/// A subscription of a test client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ClientSubscription {
    /// The filter.
    pub filter: String,
    /// The QoS that was asked for.
    pub qos: u8,
    /// The QoS that was granted; not there before SUBACK, or when it was refused.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<u8>,
    /// Why it was refused.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A test client as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TestClient {
    /// Its identity in this API: does not change when the client identifier does.
    pub id: u32,
    /// How it connects.
    pub config: ClientConfig,
    /// What it is doing.
    pub state: ClientState,
    /// Why the last connection failed or ended.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<super::ApiError>,
    /// The broker had a session of it (CONNACK).
    pub session_present: bool,
    /// Its subscriptions.
    pub subscriptions: Vec<ClientSubscription>,
    /// Messages that it has received.
    #[ts(type = "number")]
    pub received: u64,
    /// Messages that it has published.
    #[ts(type = "number")]
    pub published: u64,
    /// The newest entry of its timeline.
    #[ts(type = "number")]
    pub newest: u64,
    /// Entries that its timeline has let go, since it keeps a bounded number.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// How to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum DisconnectHow {
    /// With a DISCONNECT: the will is not published.
    Clean,
    /// By dropping the socket: the will is published.
    Drop,
}

/// A subscription to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SubscribeRequest {
    /// The filter.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
}

/// How a payload is written in a text field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum PayloadEncoding {
    Text,
    Json,
    Hex,
    Base64,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PublishRequest {
    /// Topic.
    pub topic: String,
    /// Payload, written as `encoding` says.
    pub payload: String,
    /// How the payload is written.
    pub encoding: PayloadEncoding,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
}

/// What one entry of a timeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum TimelineKind {
    /// Connecting, connected, disconnected: `text` tells.
    Connection,
    /// A subscription was asked for, granted, refused or ended.
    Subscription,
    /// A message was published.
    Published,
    /// A published message was acknowledged in full (PUBACK or PUBCOMP).
    Acknowledged,
    /// A message came.
    Received,
    /// Something failed.
    Failure,
}

/// One thing that a test client did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TimelineEntry {
    /// Counts up from 1.
    #[ts(type = "number")]
    pub seq: u64,
    /// When.
    #[ts(type = "number")]
    pub at: u64,
    /// What.
    pub kind: TimelineKind,
    /// For a message its payload as text, first 512 characters; otherwise a sentence.
    pub text: String,
    /// The text was longer; `size` tells how long.
    pub cut: bool,
    /// For a message its topic.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// For a message its QoS.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<u8>,
    /// For a message: retained.
    pub retain: bool,
    /// For a message: sent again.
    pub dup: bool,
    /// Bytes of the payload.
    pub size: u32,
}
