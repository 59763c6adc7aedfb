use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::NameAndValue;

/// How a payload is written in a text field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum PayloadEncoding {
    #[default]
    Text,
    Json,
    Hex,
    Base64,
    /// The payload is the path of a file, whose bytes are sent.
    File,
}

/// The properties that MQTT 5 lets a message have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct MessageProperties {
    /// The payload is UTF-8 text (Payload Format Indicator).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_is_text: Option<bool>,
    /// Seconds (Message Expiry Interval).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<u32>,
    /// Content Type.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Response Topic.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<String>,
    /// Correlation Data: text, or hexadecimal after `0x`.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_data: Option<String>,
    /// A number that stands for the topic from its second use on (Topic Alias).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_alias: Option<u16>,
    /// Of a message that came: Subscription Identifiers.
    #[ts(as = "Option<Vec<u32>>", optional)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscription_ids: Vec<u32>,
    /// User Properties.
    #[ts(as = "Option<Vec<NameAndValue>>", optional)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<NameAndValue>,
}

/// A message to publish.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
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
    /// `{{…}}` in topic and payload is filled in, each time anew.
    #[ts(as = "Option<bool>", optional)]
    pub template: bool,
    /// Properties (MQTT 5).
    #[ts(as = "Option<MessageProperties>", optional)]
    pub properties: MessageProperties,
}

/// A message that a person keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SavedMessage {
    /// Its name; an identity.
    pub name: String,
    /// It.
    pub message: PublishRequest,
}

/// How messages follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum RunKind {
    /// Once in that time.
    Timer {
        /// Milliseconds, 1 at least.
        every: u32,
        /// So many; without it until it is stopped.
        #[ts(optional)]
        count: Option<u32>,
    },
    /// As fast as the broker takes them.
    Burst {
        /// So many.
        count: u32,
    },
    /// A message for each line of a file, which is the payload.
    Lines {
        /// The file.
        path: String,
        /// Milliseconds from one to the next; 0 as fast as the broker takes them.
        every: u32,
    },
}

/// Messages to publish one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunRequest {
    /// The message, or what is the same in all of them.
    pub message: PublishRequest,
    /// How they follow each other.
    pub kind: RunKind,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunStatus {
    /// Messages that were handed to the socket.
    #[ts(type = "number")]
    pub sent: u64,
    /// How many there will be; not there where it goes on until it is stopped.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// It goes on.
    pub running: bool,
    /// Why it ended before its time.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<super::ApiError>,
}

/// A request whose reply is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ReplyRequest {
    /// The request. Without a Response Topic it gets one of its own, and without Correlation Data some by chance.
    pub message: PublishRequest,
    /// Milliseconds to wait for the reply.
    pub within: u32,
}

/// The reply to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ReplyReceived {
    /// The topic that it came on.
    pub topic: String,
    /// Its payload as text, its first 64 KiB; hexadecimal where it is none.
    pub payload: String,
    /// The payload was longer; `size` says how long.
    pub cut: bool,
    /// Bytes of its payload.
    pub size: u32,
    /// Microseconds from handing the request to the socket to the reply.
    #[ts(type = "number")]
    pub micros: u64,
    /// The correlation data that the two have in common; MQTT 3.1.1 has none.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_data: Option<String>,
    /// Its properties.
    pub properties: MessageProperties,
}
