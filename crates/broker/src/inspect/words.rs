//! What is told of a broker that runs: the words of questions and of their answers.
//!
//! Not here: asking ([`super`]), and words for people (app's).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{ClientId, ConnectionInfo, ProtocolVersion, Timestamp, TopicFilter};
use mqttwb_wire::SubscriptionOptions;

use crate::access::Identity;
use crate::message::Message;
use crate::session::{Delivery, SessionContents};

/// Which part of a list: so many at most, after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The key of the last that is known already.
    pub after: Option<K>,
    /// At most so many.
    pub at_most: usize,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What was asked for, in the order of the keys.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: usize,
    /// Whether there are more behind these.
    pub more: bool,
}

/// A session, connected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Whose it is.
    pub client: ClientId,
    /// What the client speaks, or spoke last.
    pub version: ProtocolVersion,
    /// The connection that has it; `None` while the client is away.
    pub connection: Option<Arc<ConnectionInfo>>,
    /// What the client has proved, or had when it was connected last; `None` for a session of another run.
    pub identity: Option<Identity>,
    /// Since when the client is connected, or away.
    pub since: Timestamp,
    /// Session expiry interval, in seconds; `u32::MAX` is never.
    pub expiry: u32,
    /// When it ends, unless the client comes back; `None` for never, and while the client is connected.
    pub expires: Option<Timestamp>,
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// Messages that wait to be sent or to be acknowledged.
    pub waiting: usize,
    /// The process may end and start again: it is kept.
    pub durable: bool,
    /// How often one connection of this client identifier took another's place.
    pub taken_over: u64,
    /// Two connections do it to each other, again and again.
    pub fought_over: bool,
}

/// One connection took the place of another with the same client identifier `[MQTT-3.1.4-3]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    /// When.
    pub at: Timestamp,
    /// The connection that had to go.
    pub from: Arc<ConnectionInfo>,
    /// The one that came.
    pub by: Arc<ConnectionInfo>,
}

/// How often a client identifier was taken over, since the broker was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakeOvers {
    /// In all.
    pub total: u64,
    /// The last of them, the newest last.
    pub last: VecDeque<TakeOver>,
}

/// A client identifier that connections take from each other, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fight {
    /// The client identifier.
    pub client: ClientId,
    /// Take-overs in the last minute.
    pub rounds: usize,
    /// The last of them.
    pub last: TakeOver,
}

/// What was dropped out of a session's queue, and can be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedQueue {
    pub(super) client: ClientId,
    pub(super) deliveries: Vec<Delivery>,
}

impl DroppedQueue {
    /// How many messages.
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether it is none.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// What they weigh.
    pub fn bytes(&self) -> usize {
        let sizes = self.deliveries.iter().map(|one| one.message.size());
        sizes.sum()
    }
}

/// A will that is still to be published, or discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillSummary {
    /// The message.
    pub message: Message,
    /// Will delay interval.
    pub delay: Duration,
    /// When it is published, once the client is away.
    pub due: Option<Timestamp>,
}

/// One session in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDetail {
    /// Itself.
    pub summary: SessionSummary,
    /// Its subscriptions, by filter.
    pub subscriptions: Vec<SubscriptionSummary>,
    /// Its will.
    pub will: Option<WillSummary>,
    /// Which connections took which over.
    pub take_overs: TakeOvers,
    /// Its keep-alive, while it is connected; zero is off.
    pub keep_alive: Duration,
    /// Its messages.
    pub contents: SessionContents,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSummary {
    /// Whose.
    pub client: ClientId,
    /// As it was written.
    pub filter: TopicFilter,
    /// How.
    pub options: SubscriptionOptions,
    /// Subscription identifier.
    pub id: Option<u32>,
}

/// Which subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionQuery {
    /// Those of this client.
    pub client: Option<ClientId>,
    /// Those that a message of this topic matches.
    pub topic: Option<String>,
}

/// A retained message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedMessage {
    /// The message.
    pub message: Message,
    /// The client that published it; empty where that is not known.
    pub publisher: ClientId,
}

/// A part of the retained messages that somebody walks through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetainedWalk {
    /// By topic.
    pub found: Vec<RetainedMessage>,
    /// Where to go on; nothing at the end.
    pub next: Option<String>,
}

/// Whether a client is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is connected.
    Connected,
    /// It is away, and its session is kept.
    Away {
        /// Since when.
        since: Timestamp,
        /// The topic of its will that is still to come, and when that is due.
        will: Option<(String, Timestamp)>,
    },
    /// Nothing is known of it: it is away without a session.
    Gone,
}

/// What became of retained messages that were to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// How many are retained again.
    pub restored: usize,
    /// Topics that have a newer retained message: it was left alone.
    pub newer: Vec<String>,
    /// Topics whose message has expired meanwhile.
    pub expired: Vec<String>,
    /// Topics that there is no room for any more.
    pub no_room: Vec<String>,
}

/// Why a session could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// There is none of that client.
    #[error("there is no session of that client")]
    NoSession,
    /// Its connection has too much to do.
    #[error("the client's connection did not answer in time")]
    Busy,
    /// The broker stops.
    #[error("the broker stops")]
    Stopping,
}
