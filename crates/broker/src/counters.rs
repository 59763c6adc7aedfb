//! What was counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use mqttwb_model::{LimitKind, Timestamp};

use crate::config::Limits;

/// Counters since the broker was started, and how many there are now.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) messages_in: AtomicU64,
    pub(crate) messages_out: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// Packets of any type.
    pub(crate) packets_in: AtomicU64,
    pub(crate) packets_out: AtomicU64,
    /// Bytes of payloads alone.
    pub(crate) payload_in: AtomicU64,
    pub(crate) payload_out: AtomicU64,
    /// Connections that were accepted since the start.
    pub(crate) sockets: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) retained: AtomicU64,
    pub(crate) retained_bytes: AtomicU64,
    /// Retained messages on their way to the hub, and their bytes.
    retained_coming: AtomicU64,
    retained_coming_bytes: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    pub(crate) sessions: AtomicU64,
    limits: [LimitCounter; LimitKind::ALL.len()],
}

/// How often one limit was reached.
#[derive(Debug, Default)]
struct LimitCounter {
    hits: AtomicU64,
    /// The second of the last that was told, and in the low sixteen bits how many of that second were.
    told: AtomicU64,
}

/// Of one limit so many a second are told; all are counted.
const TOLD_A_SECOND: u64 = 10;

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
    /// Bytes that they take.
    pub retained_bytes: u64,
    /// Subscriptions now.
    pub subscriptions: u64,
    /// Sessions now, connected or not.
    pub sessions: u64,
}

impl Counters {
    /// How often each limit was reached since the start, those that were not left out.
    pub fn limits_hit(&self) -> impl Iterator<Item = (LimitKind, u64)> {
        LimitKind::ALL
            .into_iter()
            .map(|kind| (kind, self.limits[kind as usize].hits.load(Relaxed)))
            .filter(|(_, hits)| *hits > 0)
    }

    /// Whether there is room for one more retained message of this size beside those that are there and on their way; the
    /// limit that is in the way, otherwise.
    pub(crate) fn room_to_retain(&self, size: usize, limits: &Limits) -> Result<(), LimitKind> {
        let messages = self.retained.load(Relaxed) + self.retained_coming.load(Relaxed);
        if messages >= limits.retained_messages as u64 {
            return Err(LimitKind::RetainedMessages);
        }
        let bytes = self.retained_bytes.load(Relaxed) + self.retained_coming_bytes.load(Relaxed);
        if bytes + size as u64 > limits.retained_bytes as u64 {
            return Err(LimitKind::RetainedBytes);
        }
        Ok(())
    }

    /// A retained message of this size goes to the hub.
    pub(crate) fn retained_comes(&self, size: usize) {
        self.retained_coming.fetch_add(1, Relaxed);
        self.retained_coming_bytes.fetch_add(size as u64, Relaxed);
    }

    /// The hub has it.
    pub(crate) fn retained_came(&self, size: usize) {
        self.retained_coming.fetch_sub(1, Relaxed);
        self.retained_coming_bytes.fetch_sub(size as u64, Relaxed);
    }

    /// Counts. Whether it is to be told too: a flood must not become one of log lines.
    pub(crate) fn limit_hit(&self, kind: LimitKind, now: Timestamp) -> bool {
        let counter = &self.limits[kind as usize];
        counter.hits.fetch_add(1, Relaxed);
        let second = now.as_secs() << 16;
        let told = counter.told.load(Relaxed);
        if told >> 16 != now.as_secs() {
            counter.told.store(second + 1, Relaxed);
            return true;
        }
        told - second < TOLD_A_SECOND && counter.told.fetch_add(1, Relaxed) - second < TOLD_A_SECOND
    }

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
            retained_bytes: self.retained_bytes.load(Relaxed),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_all_are_counted_and_some_are_told() {
        let counters = Counters::default();
        let told = |second: u64| {
            let now = Timestamp(second * 1_000_000_000);
            (0..1_000)
                .filter(|_| counters.limit_hit(LimitKind::Queue, now))
                .count()
        };
        assert_eq!(told(7), 10);
        assert_eq!(told(8), 10);
        let hits: Vec<_> = counters.limits_hit().collect();
        assert_eq!(hits, [(LimitKind::Queue, 2_000)]);
    }
}
