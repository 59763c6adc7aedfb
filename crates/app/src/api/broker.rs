use mqttwb_model as model;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum Protocol {
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl From<model::ListenerProtocol> for Protocol {
    fn from(protocol: model::ListenerProtocol) -> Self {
        match protocol {
            model::ListenerProtocol::Tcp => Self::Tcp,
            model::ListenerProtocol::Tls => Self::Tls,
            model::ListenerProtocol::Ws => Self::Ws,
            model::ListenerProtocol::Wss => Self::Wss,
        }
    }
}

/// What a TLS listener wants of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum ClientCert {
    Required,
    Optional,
    None,
}

impl From<model::ClientCert> for ClientCert {
    fn from(wanted: model::ClientCert) -> Self {
        match wanted {
            model::ClientCert::Required => Self::Required,
            model::ClientCert::Optional => Self::Optional,
            model::ClientCert::None => Self::None,
        }
    }
}

/// The protocol version of a client, by its usual name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[allow(missing_docs)]
pub enum Version {
    #[serde(rename = "3.1")]
    V31,
    #[serde(rename = "3.1.1")]
    V311,
    #[serde(rename = "5")]
    V5,
}

impl From<model::ProtocolVersion> for Version {
    fn from(version: model::ProtocolVersion) -> Self {
        match version {
            model::ProtocolVersion::V31 => Self::V31,
            model::ProtocolVersion::V311 => Self::V311,
            model::ProtocolVersion::V5 => Self::V5,
        }
    }
}

/// How to start the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct BrokerStart {
    /// Where a configured port is taken, use a free one instead of failing.
    pub free_ports: bool,
}

/// What the broker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum BrokerState {
    Stopped,
    Starting,
    Running,
    Stopping,
}

/// One address that the broker listens at, or would listen at when it is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Listener {
    /// Its name in the configuration.
    pub name: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// Host and port, as `127.0.0.1:1883`.
    pub address: String,
    /// Host, for a client's command line.
    pub host: String,
    /// Port, for a client's command line.
    pub port: u16,
    /// As a client's URL: `mqtt://127.0.0.1:1883`, `mqtts://localhost:8883`, `ws://127.0.0.1:8083/mqtt`.
    pub url: String,
    /// What it wants of its clients.
    pub client_cert: ClientCert,
    /// Only reachable from this computer.
    pub loopback: bool,
    /// Connections that it has now.
    pub clients: u32,
    /// It accepts connections.
    pub listening: bool,
    /// The port that was asked for, where a free one stands in for it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u16>,
}

/// The broker as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BrokerStatus {
    /// What it is doing.
    pub state: BrokerState,
    /// Since when it runs.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// Why the last start failed, until the next one.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<super::ApiError>,
}

/// A client that is connected to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BrokerClient {
    /// Its client identifier.
    pub client_id: String,
    /// The protocol version of its CONNECT.
    pub version: Version,
    /// The listener that it came through.
    pub listener: String,
    /// Its address.
    pub peer: String,
    /// The common name of its certificate.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// What it has proved; nothing for an anonymous one.
    pub proofs: Vec<super::Proof>,
    /// Since when.
    #[ts(type = "number")]
    pub connected_at: u64,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    /// Its filters.
    pub subscriptions: Vec<String>,
    /// Application messages that it has published on this connection.
    #[ts(type = "number")]
    pub messages_in: u64,
    /// Application messages that were delivered to it on this connection.
    #[ts(type = "number")]
    pub messages_out: u64,
}

/// Somebody who was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Refusal {
    /// Counts up from 1; an identity for lists.
    #[ts(type = "number")]
    pub seq: u64,
    /// When.
    #[ts(type = "number")]
    pub at: u64,
    /// The listener's name.
    pub listener: String,
    /// From where.
    pub peer: String,
    /// Why: the kind.
    pub cause: RefusalCause,
    /// Why: a sentence for a person.
    pub detail: String,
    /// The key that sets the limit, where one was reached: `limits.message_rate`.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Who was not let in lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Refusals {
    /// The newest first, a thousand at most.
    pub entries: Vec<Refusal>,
    /// Since the start of the program.
    #[ts(type = "number")]
    pub total: u64,
}

/// The kind of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum RefusalCause {
    NoCertificate,
    BadCertificate,
    Tls,
    WebSocket,
    ConnectTimeout,
    Protocol,
    Connect,
    Access,
    Limit,
}

impl From<model::RefusalCause> for RefusalCause {
    fn from(cause: model::RefusalCause) -> Self {
        match cause {
            model::RefusalCause::NoCertificate => Self::NoCertificate,
            model::RefusalCause::BadCertificate => Self::BadCertificate,
            model::RefusalCause::Tls => Self::Tls,
            model::RefusalCause::WebSocket => Self::WebSocket,
            model::RefusalCause::ConnectTimeout => Self::ConnectTimeout,
            model::RefusalCause::Protocol => Self::Protocol,
            model::RefusalCause::Connect => Self::Connect,
            model::RefusalCause::Access => Self::Access,
            model::RefusalCause::Limit(_) => Self::Limit,
        }
    }
}

/// A piece of text to paste, which works as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Snippet {
    /// `mosquitto_pub`, `Python`, `JavaScript` or `ESP32`.
    pub tool: String,
    /// The text.
    pub text: String,
    /// What must be there first, as `pip install paho-mqtt`; empty where nothing is.
    pub needs: String,
}

/// What to make snippets for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SnippetRequest {
    /// The listener's name.
    pub listener: String,
    /// The device certificate to connect with, where the listener takes one.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<String>,
}

/// About this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Where it keeps certificates and settings.
    pub data_folder: String,
    /// How much memory packets may take, in bytes.
    #[ts(type = "number")]
    pub capture_budget: u64,
}
