//! The words that every other room uses.
//!
//! Duty: identifiers, topic names and filters, protocol enumerations, and the [`Observer`] that sees each packet.
//! Not here: sockets, clocks, files, and any rule about what a packet may do.
//! Invariant: a value of these types is valid; it was parsed when it was made and nothing checks it again.

pub mod durable;
pub mod fault;
pub mod listener;
pub mod observe;
pub mod protocol;
pub mod recording;
pub mod subscription;
pub mod time;
pub mod topic;

pub use fault::{
    ClientPattern, Fault, FaultAction, FaultDone, FaultRule, FaultRuleError, FaultWhen,
};
pub use listener::{CertificateIdentity, ClientCert, ListenerProtocol};
pub use observe::{
    ClientCertificate, ConnectionId, ConnectionInfo, Direction, LimitKind, MessageId, NoObserver,
    Observer, PacketBatch, PacketMark, Refusal, RefusalCause, SeenBy,
};
pub use protocol::{PacketType, ProtocolVersion, QoS};
pub use subscription::SubscriptionIds;
pub use time::Timestamp;
pub use topic::{ClientId, TopicError, TopicFilter, TopicName};
