//! The front: one connection's bytes in and out.
//!
//! Duty: CONNECT and its refusals, framing, limits, observation, and doing what the session says in the order in which
//! it says it. Not here: rules of QoS (the session's), who else is there (the hub's).
//! Invariant: an acknowledgement is written only after its message was handed to the router; every packet that is read
//! or written is observed once; memory is bounded by the two buffers.

mod connect;
mod connection;
mod output;
mod welcome;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mqttwb_model::{
    ConnectionId, ListenerProtocol, MessageId, Observer, Refusal, RefusalCause, Timestamp,
};

use tokio_util::sync::CancellationToken;

pub(crate) use welcome::serve;

use crate::config::Limits;
use crate::counters::Counters;
use crate::hub::{DurableTopics, HubHandle};
use crate::journal::Journal;

/// What all connections of a broker share.
pub(crate) struct Shared {
    pub(crate) hub: HubHandle,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    /// Where sessions and retained messages are kept, and who wants what is.
    pub(crate) durability: Option<(Journal, Arc<DurableTopics>)>,
    pub(crate) observer: Arc<dyn Observer>,
    /// The broker stops: who is not attached to a session yet is to go.
    pub(crate) stop: CancellationToken,
}

/// Where a connection came from.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) listener: Arc<str>,
    pub(crate) protocol: ListenerProtocol,
    pub(crate) peer: SocketAddr,
    /// The common name of its verified certificate.
    pub(crate) common_name: Option<Arc<str>>,
}

impl Shared {
    /// Tells the observer that somebody was not let in.
    pub(crate) fn refuse(&self, arrival: &Arrival, cause: RefusalCause, detail: String) {
        tracing::info!(listener = %arrival.listener, peer = %arrival.peer, "refused: {detail}");
        self.observer.refused(&Refusal {
            at: Timestamp::now(),
            listener: arrival.listener.clone(),
            peer: arrival.peer,
            cause,
            detail,
        });
    }
}

/// Numbers are unique in a process, so that what was observed of one broker is not taken for another's.
pub(crate) fn next_connection() -> ConnectionId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    ConnectionId(NEXT.fetch_add(1, Relaxed))
}

/// The first identity that is not leased.
static LEASED: AtomicU64 = AtomicU64::new(1);

/// No message gets this identity or an earlier one from now on: a store has kept it from another run.
pub(crate) fn later_than(id: MessageId) {
    LEASED.fetch_max(id.0.saturating_add(1), Relaxed);
}

/// Message identities, leased in blocks so that connections don't contend for one counter.
#[derive(Debug, Default)]
pub(crate) struct MessageIds {
    next: u64,
    end: u64,
}

impl MessageIds {
    const BLOCK: u64 = 256;

    pub(crate) fn next(&mut self) -> MessageId {
        if self.next == self.end {
            self.next = LEASED.fetch_add(Self::BLOCK, Relaxed);
            self.end = self.next + Self::BLOCK;
        }
        self.next += 1;
        MessageId(self.next - 1)
    }
}
