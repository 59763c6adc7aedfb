//! What a broker is started with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{ClientCert, ListenerProtocol};
use tokio_rustls::rustls::ServerConfig;

use crate::session::QueueLimits;

/// How a TLS listener proves itself and whom it trusts.
#[derive(Clone)]
pub struct Tls {
    /// Certificates, trust and versions.
    pub config: Arc<ServerConfig>,
    /// Reads the common name out of a client's certificate (DER).
    pub common_name: fn(&[u8]) -> Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// One listener to open.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where to listen; port 0 is any free one.
    pub bind: SocketAddr,
    /// How it speaks.
    pub protocol: ListenerProtocol,
    /// What it asks of clients; told to people, enforced by `tls`.
    pub client_cert: ClientCert,
    /// There for tls and wss.
    pub tls: Option<Tls>,
}

/// What clients may use up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte, TLS and WebSocket included, to a whole CONNECT.
    pub connect_timeout: Duration,
    /// Largest packet that is taken, in bytes.
    pub maximum_packet_size: usize,
    /// QoS 2 messages that a client may have waiting for their PUBREL, and what CONNACK says as receive maximum.
    pub receive_maximum: u16,
    /// Topic aliases that a client may use.
    pub topic_alias_maximum: u16,
    /// What may wait for one client.
    pub queue: QueueLimits,
    /// Connections in all.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            maximum_packet_size: 16 << 20,
            receive_maximum: 1_024,
            topic_alias_maximum: 64,
            queue: QueueLimits {
                messages: 100_000,
                bytes: 64 << 20,
            },
            connections: 10_000,
        }
    }
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct BrokerConfig {
    /// In the order in which they are shown.
    pub listeners: Vec<ListenerConfig>,
    /// What clients may use up.
    pub limits: Limits,
}
