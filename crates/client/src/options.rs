//! How a test client connects, and what it sends and receives.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use mqttwb_model::{ProtocolVersion, QoS, TopicFilter, TopicName};

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

/// Where a broker is, and how it is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Host name or address; the name that its certificate must hold.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, with whom to trust and what to show.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// User name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
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
    /// Seconds that the session outlives the connection; only sent with MQTT 5.
    pub session_expiry: u32,
    /// Last will.
    pub will: Option<Will>,
    /// User name and password.
    pub login: Option<Login>,
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
            will: None,
            login: None,
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
        Ok(())
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
    /// An MQTT 3.1.1 session needs a name to be found by.
    #[error("with MQTT 3.1.1 a client without an identifier must ask for a clean session")]
    NamelessSession,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Topic.
    pub topic: TopicName,
    /// Payload.
    pub payload: Bytes,
    /// QoS.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
}

impl Publication {
    /// The most bytes that it takes on the wire, properties aside.
    pub(crate) fn size(&self) -> usize {
        // fixed header, topic length, packet identifier, empty properties
        5 + 2 + self.topic.as_str().len() + 2 + 1 + self.payload.len()
    }
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// QoS of the delivery.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Sent again.
    pub dup: bool,
}

/// A subscription to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Filter.
    pub filter: TopicFilter,
    /// The QoS that is asked for.
    pub qos: QoS,
}
