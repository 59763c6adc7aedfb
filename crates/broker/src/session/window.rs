//! The window: what was sent to one client and is not acknowledged, in the order that it was sent in.
//!
//! Duty: find a delivery by its packet identifier, take the client's answers, and know how far it was sent again on this
//! connection. What the client has left unacknowledged for so long that the window had to go on without it is kept beside
//! it. Not here: what is sent when (`outgoing.rs`); which identifier a delivery has (`identifiers.rs`).
//! Invariant: what is late is older than the window, which reaches over less than [`LONGEST_WINDOW`] numbers; so an identifier
//! tells a number in it, unless it was lent.

use std::collections::VecDeque;

use mqttwb_model::QoS;

use super::delivery::Delivery;
use super::identifiers::{IDS, Identifiers, natural};

/// A message that was sent and is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inflight {
    /// PUBLISH was sent; PUBACK or PUBREC is to come.
    Publish(Delivery),
    /// PUBREL was sent; PUBCOMP is to come. The message itself is needed no more.
    Release,
    /// Done, but something older is not.
    Done,
}

/// A window of so many messages is that of a client slow to acknowledge: what is added gets memory of its own, rather
/// than hold on to the batch that it came in.
const LONG_WINDOW: usize = 1_024;
/// The window may not reach around to its own beginning: what is older goes to what is late.
const LONGEST_WINDOW: u64 = 60_000;

/// Deliveries are numbered in turn, and their identifiers with them, so the identifier tells the number in the window. A
/// place counts what is late first, then the window.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// By number, which grows; not each has one.
    entries: VecDeque<(u64, Inflight)>,
    /// By number too.
    late: VecDeque<(u64, Inflight)>,
    /// Entries of `late` that are [`Inflight::Done`].
    late_done: usize,
    identifiers: Identifiers,
    /// What the messages weigh.
    bytes: usize,
    /// How much was sent on this connection: the rest is sent again as the client acknowledges.
    resent: usize,
    /// Entries among these that are not [`Inflight::Done`].
    unacknowledged: usize,
}

impl Window {
    fn len(&self) -> usize {
        self.late.len() + self.entries.len()
    }

    /// What the messages weigh.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a message that is added should hold on to no batch.
    pub(super) fn is_long(&self) -> bool {
        self.entries.len() >= LONG_WINDOW
    }

    /// What was sent on this connection and is not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// What is not acknowledged, sent on this connection or not yet.
    pub(super) fn backlog(&self) -> usize {
        self.unacknowledged + (self.len() - self.resent)
    }

    /// What is not done, with its number and its identifier.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u16, &Inflight)> {
        self.late
            .iter()
            .chain(&self.entries)
            .filter(|(_, state)| *state != Inflight::Done)
            .map(|(seq, state)| (*seq, self.identifiers.of(*seq), state))
    }

    /// All states, in order.
    pub(super) fn into_states(self) -> impl Iterator<Item = Inflight> {
        self.late
            .into_iter()
            .chain(self.entries)
            .map(|(_, state)| state)
    }

    /// Takes up what was sent on a connection before, in order.
    pub(super) fn restore(&mut self, seq: u64, state: Inflight) {
        self.make_way(seq);
        if let Inflight::Publish(delivery) = &state {
            self.bytes += delivery.message.size();
        }
        self.entries.push_back((seq, state));
    }

    /// Adds what is sent now, and says under which identifier. Everything before it was sent on this connection.
    pub(super) fn push(&mut self, delivery: Delivery) -> u16 {
        let seq = delivery.seq;
        self.bytes += delivery.message.size();
        self.unacknowledged += 1;
        self.resent += 1;
        self.entries.push_back((seq, Inflight::Publish(delivery)));
        self.identifiers.of(seq)
    }

    /// Whether the identifier that follows from this number belongs to something older that is not acknowledged.
    pub(super) fn is_taken(&mut self, seq: u64) -> bool {
        self.make_way(seq);
        self.identifiers.seq(natural(seq)).is_some()
    }

    /// Whether the delivery has another identifier than the one that follows from its number.
    pub(super) fn is_lent(&self, seq: u64) -> bool {
        self.identifiers.is_lent(seq)
    }

    /// Gives a delivery this identifier out of turn.
    pub(super) fn lend(&mut self, seq: u64, id: u16) {
        self.identifiers.lend(seq, id);
    }

    /// Gives a delivery an identifier that nobody has; none where there is none.
    pub(super) fn lend_free(&mut self, seq: u64) -> Option<u16> {
        loop {
            let first = self.entries.front().map_or(seq, |(first, _)| *first);
            if let Some(free) = self.identifiers.free(seq + 1..first + IDS) {
                self.lend(seq, free);
                return Some(free);
            }
            // One is free, since fewer messages than there are identifiers are unacknowledged: where the window reaches.
            if !self.grow_late() {
                return None;
            }
        }
    }

    /// A delivery that is not in the window needs its identifier no more.
    pub(super) fn give_back(&mut self, seq: u64) {
        self.identifiers.give_back(seq);
    }

    /// Lets the window begin where it can reach up to this number.
    fn make_way(&mut self, seq: u64) {
        while let Some((first, _)) = self.entries.front()
            && seq.saturating_sub(*first) >= LONGEST_WINDOW
        {
            self.grow_late();
        }
    }

    /// Moves the oldest entry of the window to what is late; false where there is none.
    fn grow_late(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else {
            return false;
        };
        self.identifiers.keep(entry.0);
        self.late.push_back(entry);
        self.forget_done();
        true
    }

    /// A connection begins: nothing was sent on it.
    pub(super) fn begin(&mut self) {
        self.resent = 0;
        self.unacknowledged = 0;
    }

    /// Whether everything was sent on this connection.
    pub(super) fn is_resent(&self) -> bool {
        self.resent == self.len()
    }

    /// What is to be sent again next, with its number and its identifier.
    pub(super) fn next(&self) -> Option<(u64, u16, &Inflight)> {
        let (seq, state) = self.entry(self.resent)?;
        Some((*seq, self.identifiers.of(*seq), state))
    }

    /// The next was sent again, where it is not done.
    pub(super) fn next_is_sent(&mut self) {
        if let Some((_, state)) = self.entry(self.resent) {
            self.unacknowledged += usize::from(*state != Inflight::Done);
            self.resent += 1;
        }
    }

    /// The next is done without being sent again.
    pub(super) fn next_is_done(&mut self) {
        self.is_done(self.resent);
    }

    /// Forgets what is done at the beginning of the window, and among what is late when it is the most.
    pub(super) fn forget_done(&mut self) {
        while matches!(self.entries.front(), Some((_, Inflight::Done))) {
            self.entries.pop_front();
            if self.resent > self.late.len() {
                self.resent -= 1;
            }
        }
        if self.late_done > self.late.len() / 2 {
            let (mut place, sent_again) = (0, self.resent);
            self.late.retain(|(_, state)| {
                place += 1;
                let done = *state == Inflight::Done;
                if done && place <= sent_again {
                    self.resent -= 1;
                }
                !done
            });
            self.late_done = 0;
        }
    }

    /// An entry by its place.
    fn entry(&self, place: usize) -> Option<&(u64, Inflight)> {
        match place.checked_sub(self.late.len()) {
            Some(place) => self.entries.get(place),
            None => self.late.get(place),
        }
    }

    /// Where the delivery with this identifier is.
    fn place(&self, id: u16) -> Option<usize> {
        if let Some(seq) = self.identifiers.seq(id) {
            let late = self.late.binary_search_by_key(&seq, |(seq, _)| *seq);
            return late.ok().or_else(|| self.place_in_window(seq));
        }
        let first = self.entries.front()?.0;
        let ahead = (u64::from(id) + IDS - u64::from(natural(first))) % IDS;
        let seq = first + ahead;
        (!self.identifiers.is_lent(seq))
            .then(|| self.place_in_window(seq))
            .flatten()
    }

    fn place_in_window(&self, seq: u64) -> Option<usize> {
        let first = self.entries.front()?.0;
        // Mostly there is no gap before it, and its number tells its place.
        let guess = seq.checked_sub(first)? as usize;
        let place = if self.entries.get(guess).is_some_and(|(at, _)| *at == seq) {
            guess
        } else {
            self.entries
                .binary_search_by_key(&seq, |(at, _)| *at)
                .ok()?
        };
        Some(self.late.len() + place)
    }

    /// Gives an entry its next state.
    fn becomes(&mut self, place: usize, state: Inflight) {
        let entry = match place.checked_sub(self.late.len()) {
            Some(place) => &mut self.entries[place].1,
            None => &mut self.late[place].1,
        };
        if let Inflight::Publish(done) = std::mem::replace(entry, state) {
            self.bytes -= done.message.size();
        }
    }

    /// An entry is done, and its identifier free.
    fn is_done(&mut self, place: usize) {
        if let Some((seq, _)) = self.entry(place) {
            self.identifiers.give_back(*seq);
        }
        self.becomes(place, Inflight::Done);
        if place < self.late.len() {
            self.late_done += 1;
        }
    }

    /// The number of the delivery that is done now.
    fn finish(&mut self, place: usize) -> Option<u64> {
        let (seq, _) = *self.entry(place)?;
        self.is_done(place);
        if place < self.resent {
            self.unacknowledged -= 1;
        }
        self.forget_done();
        Some(seq)
    }

    /// The number of the delivery that is done now.
    pub(super) fn puback(&mut self, id: u16) -> Option<u64> {
        let place = self.place(id)?;
        match &self.entry(place)?.1 {
            Inflight::Publish(delivery) if delivery.qos == QoS::AtLeastOnce => self.finish(place),
            Inflight::Publish(_) | Inflight::Release | Inflight::Done => None,
        }
    }

    /// The number of the delivery that is to be released, and whether it was not before.
    pub(super) fn pubrec(&mut self, id: u16) -> Option<(u64, bool)> {
        let place = self.place(id)?;
        let (seq, state) = self.entry(place)?;
        let seq = *seq;
        match state {
            Inflight::Publish(delivery) if delivery.qos == QoS::ExactlyOnce => {
                self.becomes(place, Inflight::Release);
                Some((seq, true))
            }
            Inflight::Release => Some((seq, false)),
            Inflight::Publish(_) | Inflight::Done => None,
        }
    }

    /// The number of the delivery that is done now.
    pub(super) fn pubcomp(&mut self, id: u16) -> Option<u64> {
        let place = self.place(id)?;
        match &self.entry(place)?.1 {
            Inflight::Release => self.finish(place),
            Inflight::Publish(delivery) if delivery.qos == QoS::ExactlyOnce => self.finish(place),
            Inflight::Publish(_) | Inflight::Done => None,
        }
    }
}
