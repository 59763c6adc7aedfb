//! Which packet identifier a delivery has.
//!
//! Duty: an identifier follows from a delivery's number, so that a delivery that is found again after a restart has the
//! one that it had, without a write for each. Where a client has left that one unacknowledged for so long that its turn
//! came around again, a later delivery is lent another. Not here: what is sent when (`outgoing.rs`).
//! Invariant: no two deliveries that are in flight have the same identifier `[MQTT-2.2.1-4]`.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

/// How many identifiers there are: 1..=65535 and around; 0 is none `[MQTT-2.2.1-3]`.
pub(super) const IDS: u64 = 65_535;

/// The identifier that follows from a delivery's number.
pub(super) fn natural(seq: u64) -> u16 {
    (seq.saturating_sub(1) % IDS) as u16 + 1
}

/// The identifiers that do not follow from the numbers in the window. Mostly there are none.
#[derive(Debug, Default)]
pub(super) struct Identifiers {
    /// Whose they are: of what is older than the window, and those that were lent.
    out_of_turn: HashMap<u16, u64, RandomState>,
    /// What was lent to whom.
    lent: HashMap<u64, u16, RandomState>,
}

impl Identifiers {
    /// The identifier of a delivery.
    pub(super) fn of(&self, seq: u64) -> u16 {
        if self.lent.is_empty() {
            return natural(seq);
        }
        self.lent.get(&seq).copied().unwrap_or(natural(seq))
    }

    /// Whose this identifier is, unless it is the one that follows from a number in the window.
    pub(super) fn seq(&self, id: u16) -> Option<u64> {
        if self.out_of_turn.is_empty() {
            return None;
        }
        self.out_of_turn.get(&id).copied()
    }

    /// Whether the delivery has another identifier than the one that follows from its number.
    pub(super) fn is_lent(&self, seq: u64) -> bool {
        !self.lent.is_empty() && self.lent.contains_key(&seq)
    }

    /// The window goes on without this delivery, which keeps its identifier.
    pub(super) fn keep(&mut self, seq: u64) {
        self.out_of_turn.insert(self.of(seq), seq);
    }

    /// An identifier that nobody has, of those that follow from these numbers: the one whose turn comes last.
    pub(super) fn free(&self, numbers: Range<u64>) -> Option<u16> {
        numbers
            .rev()
            .map(natural)
            .find(|id| !self.out_of_turn.contains_key(id))
    }

    /// Gives a delivery an identifier out of turn.
    pub(super) fn lend(&mut self, seq: u64, id: u16) {
        self.out_of_turn.insert(id, seq);
        self.lent.insert(seq, id);
    }

    /// The delivery needs its identifier no more.
    pub(super) fn give_back(&mut self, seq: u64) {
        if self.out_of_turn.is_empty() {
            return;
        }
        let id = self.lent.remove(&seq).unwrap_or(natural(seq));
        if self.out_of_turn.get(&id) == Some(&seq) {
            self.out_of_turn.remove(&id);
        }
    }
}
