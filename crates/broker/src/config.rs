//! What a broker is started with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::durable::Store;
use mqttwb_model::{ClientCert, ClientCertificate, ListenerProtocol};
use parking_lot::RwLock;
use tokio_rustls::rustls::ServerConfig;

use crate::access::Access;
use crate::session::{QueueLimits, WhenFull};
use crate::shares::SharedStrategy;
use crate::subscriptions::MOST_LEVELS;

/// How a TLS listener proves itself and whom it trusts. Clones are one and the same.
#[derive(Clone)]
pub struct Tls {
    config: Arc<RwLock<Arc<ServerConfig>>>,
    certificate: fn(&[u8]) -> Option<ClientCertificate>,
}

impl Tls {
    /// Certificates, trust and versions; and what reads a client's certificate (DER).
    pub fn new(
        config: Arc<ServerConfig>,
        certificate: fn(&[u8]) -> Option<ClientCertificate>,
    ) -> Self {
        Self {
            config: Arc::new(RwLock::new(config)),
            certificate,
        }
    }

    /// Handshakes that begin from now on go by another configuration: a renewed certificate, a newer revocation list.
    /// Nobody resumes a session of the one before, since each has its own memory of sessions.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.config.write() = config;
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.read().clone()
    }

    pub(crate) fn read(&self, certificate: &[u8]) -> Option<ClientCertificate> {
        (self.certificate)(certificate)
    }
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

/// What clients may use up, and how strictly they are read. Whoever goes past a limit is told with the reason code
/// named here where the version can say it; the event is logged, counted by kind and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all, those in a handshake included. Default 10,000. One more is refused with 0x97 in CONNACK (return
    /// code 3 before MQTT 5); of many at the same time 64 are told, and the others closed at once. So it is with the next
    /// two limits.
    pub connections: usize,
    /// Connections from one IP address. Default 8,000, so that one computer can't take all.
    pub connections_per_address: usize,
    /// New connections a second from one IP address; ten seconds' worth may come at once. 0 is no limit. Default
    /// 1,000. One more is refused with 0x9F.
    pub connection_rate: u32,
    /// From the first byte, TLS and WebSocket included, to a whole CONNECT and the end of an authentication exchange.
    /// Default 10 s. Who takes longer is closed.
    pub connect_timeout: Duration,
    /// Sessions in all, connected or not. Default 100,000. One more is refused with 0x97 in CONNACK (return code 3
    /// before MQTT 5).
    pub sessions: usize,
    /// The longest session expiry interval, in seconds; `u32::MAX` is no maximum. Default 30 days. A longer one, and
    /// that of an MQTT 3 client that keeps its session, becomes this, and CONNACK says so to MQTT 5 clients.
    pub session_expiry_max: u32,
    /// The keep-alive that every MQTT 5 client is given, in seconds, whatever it asks for; 0 leaves it to the client.
    /// Default 0. MQTT 3 clients can't be told, so theirs stands.
    pub server_keep_alive: u16,
    /// The longest keep-alive of an MQTT 5 client, in seconds; 0 is no maximum. Default 0. Longer ones, and none at
    /// all, become this, and CONNACK says so. MQTT 3 clients can't be told, so theirs stands.
    pub keep_alive_max: u16,
    /// Largest packet that is taken, in bytes, its fixed header included. Default 16 MiB; the wire's own is
    /// 268,435,460. A larger one is refused with 0x95 when its length is read, and its connection ends.
    pub maximum_packet_size: usize,
    /// QoS 1 and 2 messages that an MQTT 5 client may have unacknowledged, told in CONNACK; of QoS 2 it counts those
    /// that wait for their PUBREL. Default 1,024. One more is refused with 0x93, and its connection ends.
    pub receive_maximum: u16,
    /// Topic aliases that a client may use towards the broker, told in CONNACK. Default 64. A higher one is refused
    /// with 0x94, and its connection ends.
    pub topic_alias_maximum: u16,
    /// Topic aliases that the broker uses towards a client, at most as many as the client allows. 0 is none.
    /// Default 64.
    pub topic_alias_maximum_out: u16,
    /// Messages a second that a client may publish; a second's worth may come at once. 0 is no limit, and the default.
    /// Who is faster is read from more slowly: nothing is lost, and every version understands it.
    pub message_rate: u32,
    /// Bytes a second that a client may send; a second's worth may come at once. 0 is no limit, and the default. Who
    /// is faster is read from more slowly.
    pub byte_rate: u64,
    /// Levels of a topic name or topic filter, at most 200 (the tree of subscriptions is walked by recursion). Default
    /// 200. A PUBLISH with more is refused with 0x90 in PUBACK or PUBREC; at QoS 0 it is not taken, which MQTT can't say,
    /// and above before MQTT 5 the connection ends. A will is refused with 0x90 in CONNACK, a filter with 0x8F in SUBACK
    /// (0x80 in 3.1.1; 3.1 can't say it).
    pub topic_levels: usize,
    /// Bytes of a topic name or topic filter. Default 4,096; the wire's own is 65,535. What is longer is refused like
    /// what has too many levels.
    pub topic_length: usize,
    /// Subscriptions of one client. Default 10,000. One more is refused with 0x97 in SUBACK (0x80 before MQTT 5).
    pub subscriptions_per_client: usize,
    /// What may wait for one client, and what happens to what is too much.
    pub queue: QueueLimits,
    /// Retained messages. Default 200,000. One more topic is refused with 0x97 in PUBACK or PUBREC; at QoS 0 and
    /// before MQTT 5 the message goes to its subscribers and is not retained.
    pub retained_messages: usize,
    /// Bytes of retained messages, each with its topic, its properties and 48 bytes. Default 256 MiB. What is past
    /// them is refused like one message too many.
    pub retained_bytes: usize,
    /// Whether a payload that calls itself text (payload format indicator 1) must be UTF-8. Default no. What is not is
    /// refused with 0x99: in PUBACK or PUBREC, a will in CONNACK; at QoS 0 it is not taken, which MQTT can't say.
    pub payload_format_check: bool,
}

impl Limits {
    /// The same where no limit is above what the broker can hold to.
    pub(crate) fn within_bounds(mut self) -> Self {
        self.topic_levels = self.topic_levels.min(MOST_LEVELS);
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 8_000,
            connection_rate: 1_000,
            connect_timeout: Duration::from_secs(10),
            sessions: 100_000,
            session_expiry_max: 30 * 24 * 60 * 60,
            server_keep_alive: 0,
            keep_alive_max: 0,
            maximum_packet_size: 16 << 20,
            receive_maximum: 1_024,
            topic_alias_maximum: 64,
            topic_alias_maximum_out: 64,
            message_rate: 0,
            byte_rate: 0,
            topic_levels: MOST_LEVELS,
            topic_length: 4_096,
            subscriptions_per_client: 10_000,
            queue: QueueLimits {
                messages: 100_000,
                bytes: 64 << 20,
                when_full: WhenFull::DropNewest,
            },
            retained_messages: 200_000,
            retained_bytes: 256 << 20,
            payload_format_check: false,
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
    /// Who may come in, and who is asked what they may do.
    pub access: Access,
    /// What an MQTT 5 client that asks for response information is told (section 3.2.2.3.15): this, a slash and its
    /// client identifier, as the beginning of its response topics. Default none: nothing is told.
    pub response_prefix: Option<Arc<str>>,
    /// How often the broker publishes its counters under `$SYS/broker/`; zero is never, and the default here.
    pub sys_interval: Duration,
    /// Where persistent sessions and retained messages are kept; without one they end with the broker.
    pub store: Option<Arc<dyn Store>>,
    /// Which member of a shared subscription gets a message. Default round-robin.
    pub shared_strategy: SharedStrategy,
}
