use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ClientConfig, MessageProperties, NameAndValue, RetainHandling, RunStatus};

/// What a test client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum ClientState {
    Disconnected,
    Connecting,
    Connected,
    /// The last connection failed or was lost; `retry` says when it is tried again.
    Waiting,
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
    /// All that was asked for.
    pub request: SubscribeRequest,
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
    /// The attempt that comes next, where one is waited for.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What the connection has negotiated, while it stands.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negotiated: Option<Negotiated>,
    /// Messages that are being published one after the other, and how far that is.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStatus>,
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

/// The attempt that comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Retry {
    /// Counts up from 1.
    pub attempt: u32,
    /// When.
    #[ts(type = "number")]
    pub at: u64,
}

/// What a connection has negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Negotiated {
    /// The address that was dialled as a URL.
    pub url: String,
    /// The address at the other end of the socket: the broker's, or a proxy's.
    pub peer: String,
    /// The proxy that it goes through.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// What TLS has agreed on.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<NegotiatedTls>,
    /// The identifier that the client goes by.
    pub client_id: String,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    /// Messages above QoS 0 that the broker lets wait for an acknowledgement.
    pub receive_maximum: u16,
    /// The largest packet that the broker takes, where it has a limit.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_packet_size: Option<u32>,
    /// The highest topic alias that the broker takes; 0 is none.
    pub topic_alias_maximum: u16,
    /// Every property of CONNACK, by the standard's names.
    pub properties: Vec<NameAndValue>,
}

/// What a TLS handshake has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct NegotiatedTls {
    /// As `TLS 1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The protocol that ALPN has chosen.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// The broker's certificate was verified; false where verifying was turned off.
    pub verified: bool,
    /// What the broker has shown, its own certificate first.
    pub chain: Vec<PeerCertificate>,
}

/// A certificate that a broker has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PeerCertificate {
    /// The subject, as `CN=localhost`.
    pub subject: String,
    /// The issuer, in the same form.
    pub issuer: String,
    /// Subject alternative names.
    pub names: Vec<String>,
    /// Valid from.
    #[ts(type = "number")]
    pub not_before: u64,
    /// Valid until.
    #[ts(type = "number")]
    pub not_after: u64,
    /// The key, as `ECDSA P-256`.
    pub key: String,
    /// SHA-256 of the DER, hexadecimal with colons.
    pub fingerprint: String,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct SubscribeRequest {
    /// The filter; `$share/NAME/FILTER` shares it.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Not what this client publishes itself (No Local; MQTT 5).
    #[ts(as = "Option<bool>", optional)]
    pub no_local: bool,
    /// Messages keep the retain flag that they were published with (Retain As Published; MQTT 5).
    #[ts(as = "Option<bool>", optional)]
    pub retain_as_published: bool,
    /// When retained messages are sent (Retain Handling; MQTT 5).
    #[ts(as = "Option<RetainHandling>", optional)]
    pub retain_handling: RetainHandling,
    /// Subscription Identifier, 1 to 268,435,455 (MQTT 5).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// User Properties (MQTT 5).
    #[ts(as = "Option<Vec<NameAndValue>>", optional)]
    pub user_properties: Vec<NameAndValue>,
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
    /// The reply to a request came, or an answer was given by rule.
    Reply,
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
    /// For a message with properties (MQTT 5) those.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<MessageProperties>,
}
