//! The front: one connection's bytes in and out.
//!
//! Duty: CONNECT and its refusals, framing, limits, observation, and doing what the session says in the order in which
//! it says it. Not here: rules of QoS (the session's), who else is there (the hub's).
//! Invariant: an acknowledgement is written only after its message was handed to the router; every packet that is read
//! or written is observed once; memory is bounded by the two buffers.

mod aliases;
mod authenticate;
mod connect;
mod connection;
mod keep_alive;
mod output;
mod pace;
mod verdict;
mod welcome;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mqttwb_model::{
    ClientCertificate, ConnectionId, LimitKind, ListenerProtocol, MessageId, Observer, Refusal,
    RefusalCause, Timestamp,
};
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use welcome::serve;

use crate::access::Access;
use crate::config::Limits;
use crate::counters::Counters;
use crate::faults::Faults;
use crate::hub::{DurableTopics, HubHandle};
use crate::journal::Journal;
use crate::listener::Addresses;

/// What all connections of a broker share.
pub(crate) struct Shared {
    pub(crate) hub: HubHandle,
    pub(crate) limits: RwLock<Arc<Limits>>,
    pub(crate) access: Access,
    pub(crate) response_prefix: Option<Arc<str>>,
    pub(crate) addresses: Arc<Addresses>,
    /// Connections that are one too many and are told so.
    pub(crate) turning_away: Arc<Semaphore>,
    /// Passwords that may be verified at the same time: hashing is slow on purpose.
    pub(crate) verifying: Semaphore,
    pub(crate) counters: Arc<Counters>,
    /// Where sessions and retained messages are kept, and who wants what is.
    pub(crate) durability: Option<(Journal, Arc<DurableTopics>)>,
    pub(crate) observer: Arc<dyn Observer>,
    /// What is done to packets on purpose.
    pub(crate) faults: Faults,
    /// The broker stops: who is not attached to a session yet is to go.
    pub(crate) stop: CancellationToken,
}

/// Connections past a limit that are answered at the same time; further ones are closed at once.
pub(crate) const TURNING_AWAY: usize = 64;
/// Passwords that are verified at the same time.
pub(crate) const VERIFYING: usize = 4;

/// Where a connection came from.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) listener: Arc<str>,
    pub(crate) protocol: ListenerProtocol,
    pub(crate) peer: SocketAddr,
    /// Its verified certificate.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
    /// By when it must have said who it is.
    pub(crate) deadline: Instant,
    /// It is one too many, and stays for its CONNECT to be answered only.
    pub(crate) turned_away: Option<LimitKind>,
}

impl Arrival {
    /// The name in its certificate, as its listener takes it, where it has one.
    pub(crate) fn common_name(&self) -> Option<Arc<str>> {
        let certificate = self.certificate.as_ref()?;
        let name = &certificate.identity;
        (!name.is_empty()).then(|| name.as_str().into())
    }
}

impl Shared {
    /// The limits that hold now, for one connection to keep.
    pub(crate) fn limits(&self) -> Arc<Limits> {
        self.limits.read().clone()
    }

    /// Tells that somebody was not let in, or something was not taken.
    pub(crate) fn refuse(
        &self,
        listener: &Arc<str>,
        peer: SocketAddr,
        cause: RefusalCause,
        detail: impl Into<String>,
    ) {
        let at = Timestamp::now();
        let told = match cause {
            RefusalCause::Limit(kind) => self.counters.limit_hit(kind, at),
            RefusalCause::ConnectTimeout => {
                self.counters.limit_hit(LimitKind::ConnectTime, at);
                true
            }
            _ => true,
        };
        if !told {
            return;
        }
        let detail = detail.into();
        tracing::info!(%listener, %peer, "refused: {detail}");
        self.observer.refused(&Refusal {
            at,
            listener: listener.clone(),
            peer,
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
