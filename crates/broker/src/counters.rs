//! What was counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters since the broker was started, and how many there are now.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) messages_in: AtomicU64,
    pub(crate) messages_out: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) retained: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    pub(crate) sessions: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterValues {
    /// Messages from publishers.
    pub messages_in: u64,
    /// Messages to subscribers.
    pub messages_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Messages dropped, since a queue was full, they had expired, or they were larger than the client takes.
    pub dropped: u64,
    /// Connections now.
    pub connections: u64,
    /// Retained messages now.
    pub retained: u64,
    /// Subscriptions now.
    pub subscriptions: u64,
    /// Sessions now, connected or not.
    pub sessions: u64,
}

impl Counters {
    /// Their values now. Each is right by itself; they are not read at one instant.
    pub fn values(&self) -> CounterValues {
        CounterValues {
            messages_in: self.messages_in.load(Relaxed),
            messages_out: self.messages_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            connections: self.connections.load(Relaxed),
            retained: self.retained.load(Relaxed),
            subscriptions: self.subscriptions.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
        }
    }
}

/// What one connection has done; read by whoever looks, written by its front.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounters {
    pub(crate) messages_in: AtomicU64,
    pub(crate) messages_out: AtomicU64,
    /// Messages in its session that wait to be sent or to be acknowledged.
    pub(crate) backlog: AtomicUsize,
}
