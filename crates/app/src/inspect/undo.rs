//! What was cleared and can come back.

use std::collections::VecDeque;

use mqttwb_broker::inspect::RetainedMessage;

/// Clearings that can be undone; older ones go first.
const CLEARINGS: usize = 16;
/// What all of them may take in memory. The last can be undone however large it is.
const BYTES: usize = 256 << 20;

/// The last clearings.
#[derive(Debug, Default)]
pub(crate) struct Undo {
    last: u32,
    kept: VecDeque<(u32, usize, Vec<RetainedMessage>)>,
}

impl Undo {
    /// Keeps what was cleared. Its number, where it is anything.
    pub(crate) fn keep(&mut self, cleared: Vec<RetainedMessage>) -> Option<u32> {
        if cleared.is_empty() {
            return None;
        }
        let bytes = cleared.iter().map(|kept| kept.message.size()).sum();
        self.last += 1;
        self.kept.push_back((self.last, bytes, cleared));
        let weight = |kept: &VecDeque<(u32, usize, _)>| kept.iter().map(|k| k.1).sum::<usize>();
        while self.kept.len() > CLEARINGS || (self.kept.len() > 1 && weight(&self.kept) > BYTES) {
            self.kept.pop_front();
        }
        Some(self.last)
    }

    /// Gives a clearing back, once.
    pub(crate) fn take(&mut self, number: u32) -> Option<Vec<RetainedMessage>> {
        let place = self.kept.iter().position(|(n, _, _)| *n == number)?;
        self.kept.remove(place).map(|(_, _, cleared)| cleared)
    }
}
