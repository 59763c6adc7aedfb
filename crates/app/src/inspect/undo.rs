//! What was cleared and can come back.

use std::collections::VecDeque;

use mqttwb_broker::inspect::{DroppedQueue, RetainedMessage};

/// Clearings that can be undone; older ones go first.
const CLEARINGS: usize = 16;
/// What all of them may take in memory. The last can be undone however large it is.
const BYTES: usize = 256 << 20;

/// What can come back.
pub(crate) trait Cleared {
    /// What it takes in memory; `None` where there is nothing to bring back.
    fn bytes(&self) -> Option<usize>;
}

impl Cleared for Vec<RetainedMessage> {
    fn bytes(&self) -> Option<usize> {
        let sizes = self.iter().map(|kept| kept.message.size());
        (!self.is_empty()).then(|| sizes.sum())
    }
}

impl Cleared for DroppedQueue {
    fn bytes(&self) -> Option<usize> {
        (!self.is_empty()).then(|| self.bytes())
    }
}

/// The last clearings of one kind.
#[derive(Debug)]
pub(crate) struct Undo<T> {
    last: u32,
    kept: VecDeque<(u32, usize, T)>,
}

impl<T> Default for Undo<T> {
    fn default() -> Self {
        Self {
            last: 0,
            kept: VecDeque::new(),
        }
    }
}

impl<T: Cleared> Undo<T> {
    /// Keeps what was cleared. Its number, where it is anything.
    pub(crate) fn keep(&mut self, cleared: T) -> Option<u32> {
        let bytes = cleared.bytes()?;
        self.last += 1;
        self.kept.push_back((self.last, bytes, cleared));
        let weight = |kept: &VecDeque<(u32, usize, T)>| kept.iter().map(|k| k.1).sum::<usize>();
        while self.kept.len() > CLEARINGS || (self.kept.len() > 1 && weight(&self.kept) > BYTES) {
            self.kept.pop_front();
        }
        Some(self.last)
    }

    /// Gives a clearing back, once.
    pub(crate) fn take(&mut self, number: u32) -> Option<T> {
        let place = self.kept.iter().position(|(n, _, _)| *n == number)?;
        self.kept.remove(place).map(|(_, _, cleared)| cleared)
    }
}
