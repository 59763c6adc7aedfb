//! What waits to be sent to one client.
//!
//! Duty: keep it in order, within its limits. Not here: who may be sent what when, and what becomes of the identifier of what
//! leaves the queue unsent (`outgoing.rs`).
//! Invariant: its bytes are those of what is in it.

use std::collections::VecDeque;

use super::delivery::{Delivery, take_out};

/// How much may wait for one client. It holds for each of what waits to be sent, what waits to be acknowledged, and
/// (the bytes) what the client sent at QoS 2 and has not released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Messages. Default 100,000.
    pub messages: usize,
    /// Bytes. Default 64 MiB.
    pub bytes: usize,
    /// What happens when one more comes. Default [`WhenFull::DropNewest`].
    pub when_full: WhenFull,
}

/// What becomes of a message for a client whose queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// What waits longest makes room for it, and is dropped and counted.
    DropOldest,
    /// It is dropped and counted.
    #[default]
    DropNewest,
    /// It is not taken: its publisher is told 0x97 where its version and QoS can say it. Otherwise it is dropped and
    /// counted.
    Refuse,
}

#[derive(Debug)]
pub(super) struct Queue {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
    limits: QueueLimits,
}

impl Queue {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            deliveries: VecDeque::new(),
            bytes: 0,
            limits,
        }
    }

    pub(super) fn limits(&self) -> &QueueLimits {
        &self.limits
    }

    pub(super) fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// What it weighs.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Delivery> {
        self.deliveries.iter()
    }

    /// Whether it takes no more messages.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.limits.messages || self.bytes >= self.limits.bytes
    }

    /// Whether it takes one more, of so many bytes.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.len() < self.limits.messages && self.bytes + size <= self.limits.bytes
    }

    /// What makes room for one more, where what waits longest does.
    pub(super) fn make_room(&mut self) -> Option<Delivery> {
        match self.limits.when_full {
            WhenFull::DropOldest => self.pop(),
            WhenFull::DropNewest | WhenFull::Refuse => None,
        }
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.bytes += delivery.message.size();
        self.deliveries.push_back(delivery);
    }

    pub(super) fn pop(&mut self) -> Option<Delivery> {
        let next = self.deliveries.pop_front()?;
        self.bytes -= next.message.size();
        Some(next)
    }

    /// Puts back what was popped last.
    pub(super) fn put_back(&mut self, delivery: Delivery) {
        self.bytes += delivery.message.size();
        self.deliveries.push_front(delivery);
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> VecDeque<Delivery> {
        self.bytes = 0;
        std::mem::take(&mut self.deliveries)
    }

    /// Takes out whatever this is said of.
    pub(super) fn withhold(&mut self, is: impl FnMut(&Delivery) -> bool) -> Vec<Delivery> {
        let out = take_out(&mut self.deliveries, is);
        self.bytes -= out.iter().map(|one| one.message.size()).sum::<usize>();
        out
    }
}

impl IntoIterator for Queue {
    type Item = Delivery;
    type IntoIter = std::collections::vec_deque::IntoIter<Delivery>;

    fn into_iter(self) -> Self::IntoIter {
        self.deliveries.into_iter()
    }
}
