//! How a test client connects.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use mqttwb_model::{ProtocolVersion, QoS, TopicFilter, TopicName};
use mqttwb_wire::SubscriptionOptions;

use crate::MessageProperties;

/// The protocol versions that a test client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

impl TryFrom<ProtocolVersion> for Version {
    type Error = OptionsError;

    fn try_from(version: ProtocolVersion) -> Result<Self, OptionsError> {
        match version {
            ProtocolVersion::V31 => Err(OptionsError::Version),
            ProtocolVersion::V311 => Ok(Self::V311),
            ProtocolVersion::V5 => Ok(Self::V5),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V311 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        })
    }
}

impl From<Version> for ProtocolVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::V311 => Self::V311,
            Version::V5 => Self::V5,
        }
    }
}

/// User name and password, or a token in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name; an empty one is not sent, unless MQTT 3.1.1 asks for one beside a password.
    pub user: String,
    /// Password or token; an empty one is not sent.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The message that the broker publishes when the connection breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Topic.
    pub topic: TopicName,
    /// Payload.
    pub payload: Bytes,
    /// QoS.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Will Delay Interval: seconds that the broker waits before it publishes; MQTT 5.
    pub delay: Option<u32>,
    /// Properties of the message; MQTT 5.
    pub properties: MessageProperties,
}

/// Enhanced authentication (MQTT 5, section 4.12): what is shown, and what is answered when the broker asks again.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Authentication {
    /// Authentication Method.
    pub method: String,
    /// Authentication Data of CONNECT.
    pub data: Option<Bytes>,
    /// Authentication Data of the AUTH packets that answer the broker's, in their order.
    pub answers: Vec<Bytes>,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// How a connection that was lost is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// The wait before the first attempt; it doubles with each.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        }
    }
}

impl Reconnect {
    /// The wait before an attempt, which count from 0. A random half of it keeps clients that were lost together from
    /// coming back together.
    pub(crate) fn wait(&self, attempt: u32) -> Duration {
        let factor = 1u32.checked_shl(attempt).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(factor).min(self.longest);
        whole / 2 + whole.mul_f64(fastrand::f64() / 2.0)
    }
}

/// How a test client introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Client identifier; empty lets the broker choose.
    pub client_id: String,
    /// Protocol version.
    pub version: Version,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    /// Clean start (MQTT 5) or clean session (3.1.1).
    pub clean_start: bool,
    /// Seconds that the session outlives the connection; only sent with MQTT 5, and not where it is 0.
    pub session_expiry: u32,
    /// Receive Maximum; MQTT 5.
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size; MQTT 5.
    pub maximum_packet_size: Option<u32>,
    /// Topic Alias Maximum; MQTT 5.
    pub topic_alias_maximum: Option<u16>,
    /// Request Response Information; MQTT 5.
    pub request_response_information: Option<bool>,
    /// Request Problem Information; MQTT 5.
    pub request_problem_information: Option<bool>,
    /// User Properties of CONNECT; MQTT 5.
    pub user_properties: Vec<(String, String)>,
    /// Enhanced authentication; MQTT 5.
    pub authentication: Option<Authentication>,
    /// Last will.
    pub will: Option<Will>,
    /// User name and password.
    pub login: Option<Login>,
    /// From dialling to CONNACK.
    pub connect_within: Duration,
    /// Whether and how a lost connection is made again.
    pub reconnect: Option<Reconnect>,
    /// Subscriptions that are made as soon as there is a session without them.
    pub subscriptions: Vec<Wish>,
    /// The client's end of a connection to the embedded broker is observed besides the broker's. To any other broker it
    /// always is.
    pub show_own_end: bool,
}

impl Options {
    /// A client of this name with the protocol's usual choices: MQTT 5, clean start, keep-alive of a minute.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            version: Version::V5,
            keep_alive: 60,
            clean_start: true,
            session_expiry: 0,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: None,
            request_response_information: None,
            request_problem_information: None,
            user_properties: Vec::new(),
            authentication: None,
            will: None,
            login: None,
            connect_within: CONNECT_WITHIN,
            reconnect: None,
            subscriptions: Vec::new(),
            show_own_end: false,
        }
    }

    /// Checks what the fields can't say of each other.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        if self.client_id.len() > mqttwb_model::topic::MAX_STRING {
            return Err(OptionsError::ClientId);
        }
        // [MQTT3-3.1.3-7]
        if self.version == Version::V311 && self.client_id.is_empty() && !self.clean_start {
            return Err(OptionsError::NamelessSession);
        }
        // [MQTT-3.1.2-24] and section 3.1.2.11.3: a value of 0 is a protocol error.
        if self.maximum_packet_size == Some(0) || self.receive_maximum == Some(0) {
            return Err(OptionsError::Zero);
        }
        Ok(())
    }
}

/// From dialling to CONNACK, where nothing else is asked for.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A subscription to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Filter; `$share/NAME/FILTER` shares it.
    pub filter: TopicFilter,
    /// QoS, and with MQTT 5 the other options.
    pub options: SubscriptionOptions,
    /// Subscription Identifier; MQTT 5.
    pub id: Option<u32>,
    /// User Properties of SUBSCRIBE; MQTT 5.
    pub user_properties: Vec<(String, String)>,
}

impl Wish {
    /// A subscription with the protocol's defaults.
    pub fn new(filter: TopicFilter, qos: QoS) -> Self {
        Self {
            filter,
            options: SubscriptionOptions {
                qos,
                ..SubscriptionOptions::default()
            },
            id: None,
            user_properties: Vec::new(),
        }
    }
}

/// Why nobody can connect like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// MQTT 3.1.
    #[error("test clients speak MQTT 3.1.1 and 5, not 3.1")]
    Version,
    /// The client identifier does not fit into its field.
    #[error("a client identifier holds at most 65,535 bytes")]
    ClientId,
    /// Receive Maximum or Maximum Packet Size is 0.
    #[error("a receive maximum and a maximum packet size are at least 1")]
    Zero,
    /// An MQTT 3.1.1 session needs a name to be found by.
    #[error("with MQTT 3.1.1 a client without an identifier must ask for a clean session")]
    NamelessSession,
}
