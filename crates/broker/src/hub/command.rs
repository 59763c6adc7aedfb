//! What connections and the broker's owner say to the hub.

use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::durable::SessionKey;
use mqttwb_model::{ClientId, ConnectionId, ConnectionInfo, LimitKind, Timestamp, TopicFilter};
use mqttwb_wire::{ReasonCode, SubscriptionOptions};
use tokio::sync::oneshot;

use super::{Inbox, Inspect};
use crate::access::Identity;
use crate::config::Limits;
use crate::counters::ConnectionCounters;
use crate::message::Message;
use crate::session::{Delivery, Session, Terms};

/// A will as CONNECT left it.
#[derive(Debug, Clone)]
pub(crate) struct StoredWill {
    pub(crate) message: Message,
    /// Will delay interval.
    pub(crate) delay: Duration,
}

/// A connection asks for its session.
#[derive(Debug)]
pub(crate) struct Attach {
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) identity: Identity,
    pub(crate) terms: Terms,
    pub(crate) clean_start: bool,
    /// Seconds; `u32::MAX` is for ever.
    pub(crate) session_expiry: u32,
    pub(crate) will: Option<StoredWill>,
    pub(crate) counters: Arc<ConnectionCounters>,
    pub(crate) connected_at: Timestamp,
    pub(crate) reply: oneshot::Sender<Result<Attached, ReasonCode>>,
}

/// The session is the connection's until it gives it back.
#[derive(Debug)]
pub(crate) struct Attached {
    /// The client's number at the hub.
    pub(crate) client: u32,
    /// Its number in the store, where the session must outlive the process.
    pub(crate) durable: Option<SessionKey>,
    /// Whoever attaches takes it out, and gives it back however it ends.
    pub(crate) session: Option<Session>,
    pub(crate) session_present: bool,
    pub(crate) inbox: Arc<Inbox>,
}

/// A connection gives its session back.
#[derive(Debug)]
pub(crate) struct Detach {
    pub(crate) client: ClientId,
    pub(crate) connection: ConnectionId,
    /// `None` where the connection failed in a way that lost it.
    pub(crate) session: Option<Session>,
    /// It ended with a DISCONNECT that keeps the will unsent `[MQTT-3.14.4-3]`.
    pub(crate) clean: bool,
    /// Seconds, where DISCONNECT changed it (section 3.14.2.2.2).
    pub(crate) session_expiry: Option<u32>,
}

/// What connections and the broker's owner ask of the hub.
#[derive(Debug)]
pub(crate) enum Command {
    Attach(Box<Attach>),
    Detach(Box<Detach>),
    /// A client has proved again who it is, or that it is somebody else.
    Proved {
        client: ClientId,
        connection: ConnectionId,
        identity: Box<Identity>,
    },
    Subscribe {
        client: ClientId,
        filters: Vec<(TopicFilter, SubscriptionOptions)>,
        id: Option<u32>,
        /// For each filter whether there was room for it among the client's subscriptions.
        reply: oneshot::Sender<Vec<bool>>,
    },
    /// What a member of shared subscriptions was given and may not get: it goes to the members that are left.
    HandOn(Vec<Delivery>),
    /// Whether a message of this size may become its topic's retained one.
    RoomToRetain {
        topic: Arc<str>,
        size: usize,
        reply: oneshot::Sender<Result<(), LimitKind>>,
    },
    Unsubscribe {
        client: ClientId,
        filters: Vec<TopicFilter>,
        /// Whether each was there.
        reply: oneshot::Sender<Vec<bool>>,
    },
    /// The first clients that are connected, by name.
    Clients {
        at_most: usize,
        reply: oneshot::Sender<Vec<ClientSummary>>,
    },
    /// Other limits hold from now on.
    SetLimits(Box<Limits>, oneshot::Sender<()>),
    /// An operator's question, or act.
    Inspect(Box<Inspect>),
    /// Every connection is to end; no further one is taken.
    EndAll(ReasonCode),
    /// Nothing follows.
    Stop,
}

/// A connected client, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSummary {
    /// Who it is.
    pub info: Arc<ConnectionInfo>,
    /// What it has proved.
    pub identity: Option<Identity>,
    /// Since when.
    pub connected_at: Timestamp,
    /// Keep-alive; zero is off.
    pub keep_alive: Duration,
    /// Its filters, sorted.
    pub filters: Vec<TopicFilter>,
    /// Messages that it has published on this connection.
    pub messages_in: u64,
    /// Messages that were delivered to it on this connection.
    pub messages_out: u64,
}
