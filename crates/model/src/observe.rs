//! Seeing what happens: the one stream that every view reads.
//!
//! A connection hands over the bytes of a read or a write as they were on the wire, with a mark for each packet in
//! them. Whoever observes copies what it wants to keep; the bytes are only borrowed. So observing costs one call a
//! batch, not an allocation a packet.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::fault::Fault;
use crate::listener::ListenerProtocol;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::topic::ClientId;

/// One network connection, for the life of the process.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

/// One published application message: ties a PUBLISH to all its deliveries.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct MessageId(pub u64);

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From a client to the broker.
    ToBroker,
    /// From the broker to a client.
    ToClient,
}

/// Which end of a connection its packets were seen at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SeenBy {
    /// The embedded broker.
    #[default]
    Broker,
    /// A test client of the embedded broker: what is not lost in between, the broker sees too.
    ClientOfBroker,
    /// A test client of another broker: nobody else sees it.
    ClientOfRemote,
}

impl SeenBy {
    /// Whether another end of the same connection is observed as well, so that who counts packets must leave this one
    /// out.
    pub fn is_second_view(self) -> bool {
        self == Self::ClientOfBroker
    }
}

/// Who is at the other end of a connection, as far as CONNECT and TLS told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its number.
    pub id: ConnectionId,
    /// Which end of it is observed.
    pub seen_by: SeenBy,
    /// The client identifier, the assigned one where the client left it empty.
    pub client: ClientId,
    /// The protocol version of its CONNECT.
    pub version: ProtocolVersion,
    /// The name of the listener that took it; seen by a test client, the URL that it connected to.
    pub listener: Arc<str>,
    /// That listener's protocol.
    pub protocol: ListenerProtocol,
    /// The client's address; seen by a test client, what it dialled: the broker or a proxy.
    pub peer: SocketAddr,
    /// The name in its certificate, where it showed a verified one: the common name, unless its listener takes another.
    pub common_name: Option<Arc<str>>,
    /// That certificate. A recording keeps its common name alone.
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl ConnectionInfo {
    /// A client of the embedded broker, over TCP from this computer and without a certificate: what tests and examples begin with.
    pub fn local(id: u64, client: &str, version: ProtocolVersion) -> Self {
        Self {
            id: ConnectionId(id),
            seen_by: SeenBy::Broker,
            client: client.into(),
            version,
            listener: "tcp".into(),
            protocol: ListenerProtocol::Tcp,
            peer: ([127, 0, 0, 1], 40_000).into(),
            common_name: None,
            certificate: None,
        }
    }
}

/// What a client's certificate says, after it was verified: who it is by X.509, and which certificate it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientCertificate {
    /// The name that its holder is known by, as the listener takes it; empty where it has none.
    pub identity: String,
    /// The common name of its subject; empty where there is none.
    pub common_name: String,
    /// The whole subject, as `CN=pump-7, O=Plant`.
    pub subject: String,
    /// The issuer, in the same form. Together with the serial number it names one certificate (RFC 5280, section 4.1.2.2).
    pub issuer: String,
    /// Serial number, hexadecimal with colons.
    pub serial: String,
    /// Subject alternative names, as `DNS:pump-7.plant.example` and `URI:urn:dev:pump-7`.
    pub names: Vec<String>,
    /// SHA-256 of the DER, hexadecimal with colons.
    pub fingerprint: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// The certificate itself: authorities may have one name, and the signature says which of them has signed it.
    pub der: Box<[u8]>,
}

/// Where one packet is in a [`PacketBatch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketMark {
    /// When it was read or handed to the socket.
    pub at: Timestamp,
    /// Its first byte, counted from the start of the batch.
    pub start: u32,
    /// Its length, fixed header included.
    pub len: u32,
    /// The message that it carries or acknowledges, where that is known.
    pub message: Option<MessageId>,
    /// The topic that a topic alias stands for; `None` where the packet names its topic itself.
    pub aliased_topic: Option<Arc<str>>,
    /// What a fault rule did to it. The bytes are those that arrived, of a packet that did not arrive its own.
    pub fault: Option<Arc<Fault>>,
}

/// The packets of one read or one write.
#[derive(Debug, Clone, Copy)]
pub struct PacketBatch<'a> {
    /// Whose they are.
    pub connection: ConnectionId,
    /// Which way they went.
    pub direction: Direction,
    /// Their bytes as on the wire; only what the marks cover is packets.
    pub bytes: &'a [u8],
    /// A mark for each packet, in order.
    pub marks: &'a [PacketMark],
}

/// What can be too much: the limits of a broker, by kind.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// Connections in all.
    Connections,
    /// Connections from one address.
    ConnectionsPerAddress,
    /// New connections a second from one address.
    ConnectionRate,
    /// Time to CONNECT.
    ConnectTime,
    /// Sessions in all.
    Sessions,
    /// A session that was to be kept for longer than the broker keeps one.
    SessionExpiry,
    /// A keep-alive that is longer than the broker takes.
    KeepAlive,
    /// Size of a packet.
    PacketSize,
    /// Messages above QoS 0 under way from a client.
    ReceiveMaximum,
    /// Topic aliases of a client.
    TopicAlias,
    /// Messages a second of a client.
    MessageRate,
    /// Bytes a second of a client.
    ByteRate,
    /// Levels of a topic.
    TopicLevels,
    /// Length of a topic.
    TopicLength,
    /// Subscriptions of a client.
    Subscriptions,
    /// What waits for a client.
    Queue,
    /// Retained messages.
    RetainedMessages,
    /// Bytes of retained messages.
    RetainedBytes,
    /// A payload that calls itself text and is not.
    PayloadFormat,
}

impl LimitKind {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 19] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::ConnectionRate,
        Self::ConnectTime,
        Self::Sessions,
        Self::SessionExpiry,
        Self::KeepAlive,
        Self::PacketSize,
        Self::ReceiveMaximum,
        Self::TopicAlias,
        Self::MessageRate,
        Self::ByteRate,
        Self::TopicLevels,
        Self::TopicLength,
        Self::Subscriptions,
        Self::Queue,
        Self::RetainedMessages,
        Self::RetainedBytes,
        Self::PayloadFormat,
    ];

    /// What it limits, for a person.
    pub fn text(self) -> &'static str {
        match self {
            Self::Connections => "connections in all",
            Self::ConnectionsPerAddress => "connections from one address",
            Self::ConnectionRate => "new connections a second from one address",
            Self::ConnectTime => "time to CONNECT",
            Self::Sessions => "sessions in all",
            Self::SessionExpiry => "session expiry",
            Self::KeepAlive => "keep-alive",
            Self::PacketSize => "packet size",
            Self::ReceiveMaximum => "messages under way from a client",
            Self::TopicAlias => "topic aliases of a client",
            Self::MessageRate => "messages a second of a client",
            Self::ByteRate => "bytes a second of a client",
            Self::TopicLevels => "levels of a topic",
            Self::TopicLength => "length of a topic",
            Self::Subscriptions => "subscriptions of a client",
            Self::Queue => "messages that wait for a client",
            Self::RetainedMessages => "retained messages",
            Self::RetainedBytes => "bytes of retained messages",
            Self::PayloadFormat => "payloads that call themselves text",
        }
    }
}

/// Why somebody was not let in, or something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCause {
    /// The TLS handshake: no certificate where one is required.
    NoCertificate,
    /// The TLS handshake: a certificate of another authority, or one that is not valid now.
    BadCertificate,
    /// The TLS handshake failed otherwise.
    Tls,
    /// The WebSocket handshake failed.
    WebSocket,
    /// No CONNECT came in time.
    ConnectTimeout,
    /// What came was no CONNECT, or a malformed one.
    Protocol,
    /// CONNECT was understood and refused.
    Connect,
    /// Who it is, or what it may do: no proof, a wrong one, or a rule that says no.
    Access,
    /// A limit was reached.
    Limit(LimitKind),
}

/// Somebody who was not let in, or somebody of whom something was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// The listener's name.
    pub listener: Arc<str>,
    /// From where.
    pub peer: SocketAddr,
    /// Why, to act on.
    pub cause: RefusalCause,
    /// Why, in a sentence for a person; it names the client where that is known.
    pub detail: String,
}

/// Sees every packet. Called on the hot path: it must not block and must not fail; what it can't keep it counts.
pub trait Observer: Send + Sync {
    /// A CONNECT was read; packets of this connection follow.
    fn connected(&self, info: &ConnectionInfo);
    /// Packets were read or are handed to the socket.
    fn packets(&self, batch: PacketBatch<'_>);
    /// The connection has ended; no packets of it follow.
    fn disconnected(&self, connection: ConnectionId, at: Timestamp, reason: &str);
    /// Somebody was not let in, or something was not taken. Of a limit that is reached many times a second the first
    /// times of each second are told; the broker counts all of them.
    fn refused(&self, refusal: &Refusal);
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, _: PacketBatch<'_>) {}
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, _: &Refusal) {}
}
