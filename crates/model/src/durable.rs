//! What must outlive the process, in the words that the broker and its store share.
//!
//! Duty: the changes that a broker makes to persistent sessions and retained messages, what it finds again after a
//! restart, and the [`Store`] that keeps it. Not here: which store (SQLite's), what a message is made of (the broker's: here
//! it is bytes), when something is durable enough to be acknowledged (the broker's).
//! Invariant: a store that has committed a list of changes gives back, whatever happens to the process, what all changes
//! up to and including that list make, in their order; and never a part of a list.

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::{ProtocolVersion, QoS};
use crate::subscription::SubscriptionIds;
use crate::time::Timestamp;
use crate::topic::{ClientId, TopicFilter};

/// A persistent session, for the life of the store. The broker gives the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

/// A will that is still to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillRecord {
    /// The message.
    pub message: Bytes,
    /// Will delay interval, in seconds.
    pub delay: u32,
}

/// A persistent session itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its number.
    pub key: SessionKey,
    /// Whose it is.
    pub client: ClientId,
    /// What the client spoke last.
    pub version: ProtocolVersion,
    /// Session expiry interval, in seconds; `u32::MAX` is never.
    pub expiry: u32,
    /// Since when the client is away; `None` while it is connected.
    pub away_since: Option<Timestamp>,
    /// Deliveries up to this one were sent before the client went away. While it is connected any may have been.
    pub sent: u64,
    /// The will, until it is published or discarded.
    pub will: Option<WillRecord>,
}

/// One subscription of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// The filter as it was written, `$share/…` included.
    pub filter: TopicFilter,
    /// The options byte of SUBSCRIBE (MQTT 5, section 3.8.3.1).
    pub options: u8,
    /// Subscription identifier.
    pub id: Option<u32>,
}

/// For whom a delivery was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ShareRecord {
    /// For this client.
    #[default]
    Own,
    /// For the members of a shared subscription, of whom it was this one's turn: as it was subscribed, `$share/…` included.
    Of(TopicFilter),
    /// It was kept by a version that did not write it down.
    Unknown,
}

/// A message on its way to a session's client, above QoS 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its place among the session's deliveries. Grows; the packet identifier follows from it, mostly.
    pub seq: u64,
    /// The lower of the message's QoS and the subscription's.
    pub qos: QoS,
    /// The retain flag that the subscriber sees.
    pub retain: bool,
    /// PUBREC came: PUBREL is what is sent next, the message itself is needed no more.
    pub released: bool,
    /// Its packet identifier, where that does not follow from its place.
    pub packet_id: Option<u16>,
    /// For whom it was made.
    pub share: ShareRecord,
    /// Identifiers of the subscriptions that matched.
    pub subscription_ids: SubscriptionIds,
    /// The message. The same memory may stand in the records of several sessions: it is kept once.
    pub message: Bytes,
}

/// A retained message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedRecord {
    /// Topic.
    pub topic: Arc<str>,
    /// The message.
    pub message: Bytes,
    /// The client that published it.
    pub publisher: ClientId,
}

/// One thing that must outlive the process. A change of a session that is not there has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A session is there, or is now thus. Its subscriptions and messages stay as they are.
    Session(SessionRecord),
    /// A session ends, with its subscriptions and everything that waits for it or for a PUBREL of it.
    EndSession(SessionKey),
    /// Adds a subscription, or replaces the one with the same filter.
    Subscribe(SessionKey, SubscriptionRecord),
    /// Removes a subscription.
    Unsubscribe(SessionKey, TopicFilter),
    /// A message waits for the session's client. Its number is new to the session.
    Enqueue(SessionKey, DeliveryRecord),
    /// The client has answered PUBREC.
    Release(SessionKey, u64),
    /// The delivery with this number has this packet identifier.
    Identify(SessionKey, u64, u16),
    /// The delivery with this number is done.
    Dequeue(SessionKey, u64),
    /// A QoS 2 message of the session's client waits for its PUBREL, instead of one with the same packet identifier.
    Receive {
        /// Whose.
        session: SessionKey,
        /// Its packet identifier.
        packet_id: u16,
        /// The message.
        message: Bytes,
    },
    /// PUBREL came: the message that waited has gone on its way.
    Forget {
        /// Whose.
        session: SessionKey,
        /// Its packet identifier.
        packet_id: u16,
    },
    /// A topic's retained message.
    Retain(RetainedRecord),
    /// A topic has no retained message any more.
    Unretain(Arc<str>),
}

/// A session as it was found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredSession {
    /// Itself.
    pub record: SessionRecord,
    /// What it subscribed.
    pub subscriptions: Vec<SubscriptionRecord>,
    /// What waits for its client, in order. `message` is empty where `released`.
    pub deliveries: Vec<DeliveryRecord>,
    /// QoS 2 messages of its client that wait for PUBREL, by packet identifier.
    pub received: Vec<(u16, Bytes)>,
}

/// Everything that was found again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// Persistent sessions, by key.
    pub sessions: Vec<RestoredSession>,
    /// Retained messages, by topic.
    pub retained: Vec<RetainedRecord>,
}

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk. What was committed before is safe; the same changes may be tried again.
    #[error("no room to write: {0}")]
    Full(String),
    /// What is there can't be trusted. Nothing was changed or removed.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Written by a later version of this program.
    #[error("made by a later version: {0}")]
    Later(String),
    /// Another broker has it open.
    #[error("in use by another broker: {0}")]
    InUse(String),
    /// Anything else; the same changes may be tried again.
    #[error("{0}")]
    Other(String),
}

impl StoreError {
    /// What happened, to which file, and what to do, without the kind.
    pub fn details(&self) -> &str {
        match self {
            Self::Full(details)
            | Self::Damaged(details)
            | Self::Later(details)
            | Self::InUse(details)
            | Self::Other(details) => details,
        }
    }
}

/// Keeps what must outlive the process. Its methods block: they are called from a thread that may.
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Everything that was committed.
    fn restore(&self) -> Result<Restored, StoreError>;
    /// Makes the changes, in order, all or none. When this returns they are safe.
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;
}
