//! The broker's side of delivery: the window of unacknowledged messages, and the queue behind it. Which identifier a
//! delivery has is said in `identifiers.rs`.

use std::collections::VecDeque;

use mqttwb_model::{QoS, Timestamp};
use mqttwb_wire::{Ack, MAX_REMAINING_LENGTH, publish_size, var_int_len};

use super::delivery::{Delivery, take_out};
use super::identifiers::{IDS, Identifiers, natural};
use super::{Action, Terms};

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

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// QoS 0 is not kept for a client that is away.
    #[error("the client is away, and QoS 0 is not kept")]
    Away,
    /// The queue is full.
    #[error("the client's queue is full")]
    QueueFull,
    /// `[MQTT-3.1.2-25]`: larger than the client takes.
    #[error("the message is larger than the client takes")]
    TooLarge,
    /// It expired before it was sent `[MQTT-3.3.2-5]`.
    #[error("the message expired before it was sent")]
    Expired,
}

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

/// A delivery that a store has kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Itself.
    pub delivery: Delivery,
    /// PUBREC came.
    pub released: bool,
    /// The identifier that was written down for it, where it is not the one that follows from its number.
    pub packet_id: Option<u16>,
}

/// Deliveries are numbered in turn, and their identifiers with them, so the identifier tells the number in the window.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// By number, which grows; not each has one. From the first to the next delivery it is less than [`LONGEST_WINDOW`].
    window: VecDeque<(u64, Inflight)>,
    /// What the client has left unacknowledged for so long that the window had to go on without it, by number: all of it
    /// is older than the window.
    late: VecDeque<(u64, Inflight)>,
    /// Entries of `late` that are [`Inflight::Done`].
    late_done: usize,
    identifiers: Identifiers,
    /// The delivery whose identifier is being written down: it is the next that is sent.
    identifying: Option<u64>,
    /// What happens must outlive the process.
    durable: bool,
    /// How much of both was sent on this connection: the rest is sent again as the client acknowledges.
    resent: usize,
    /// Entries among these that are not [`Inflight::Done`].
    unacknowledged: usize,
    /// What the messages of the window weigh.
    window_bytes: usize,
    /// The number of the last delivery that was sent.
    sent: u64,
    /// The same when this connection began: what is up to it was, or will be, sent again.
    sent_before: u64,
    queue: VecDeque<Delivery>,
    queue_bytes: usize,
    limits: QueueLimits,
}

/// A window of so many messages is that of a client slow to acknowledge: what is added gets memory of its own, rather
/// than hold on to the batch that it came in.
const LONG_WINDOW: usize = 1_024;
/// The window may not reach around to its own beginning: what is older goes to what is late.
const LONGEST_WINDOW: u64 = 60_000;

impl Outgoing {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            window: VecDeque::new(),
            late: VecDeque::new(),
            late_done: 0,
            identifiers: Identifiers::default(),
            identifying: None,
            durable: false,
            resent: 0,
            unacknowledged: 0,
            window_bytes: 0,
            sent: 0,
            sent_before: 0,
            queue: VecDeque::new(),
            queue_bytes: 0,
            limits,
        }
    }

    pub(super) fn queued(&self) -> impl ExactSizeIterator<Item = &Delivery> {
        self.queue.iter()
    }

    /// Messages that wait to be sent or to be acknowledged.
    pub(super) fn backlog(&self) -> usize {
        self.unacknowledged + (self.sent_entries() - self.resent) + self.queue.len()
    }

    /// What was not delivered for certain, in order, of a session that ends. A QoS 2 message that was sent is not among
    /// it: nobody can say whether the client took it, so nobody else may get it `[MQTT-4.8.2-5]`.
    pub(super) fn undelivered(self) -> impl Iterator<Item = Delivery> {
        let sent = self
            .late
            .into_iter()
            .chain(self.window)
            .filter_map(|(_, state)| match state {
                Inflight::Publish(delivery) if delivery.qos == QoS::AtLeastOnce => Some(delivery),
                Inflight::Publish(_) | Inflight::Release | Inflight::Done => None,
            });
        sent.chain(self.queue)
    }

    pub(super) fn inflight(&self) -> impl Iterator<Item = (u16, &Inflight)> {
        self.window()
            .map(|(packet_id, state, _)| (packet_id, state))
    }

    /// The window as [`Self::inflight`] has it, and whether DUP is set in what was sent on this connection.
    pub(super) fn window(&self) -> impl Iterator<Item = (u16, &Inflight, bool)> {
        self.late
            .iter()
            .chain(&self.window)
            .filter(|(_, state)| *state != Inflight::Done)
            .map(|(seq, state)| (self.identifiers.of(*seq), state, *seq <= self.sent_before))
    }

    pub(super) fn set_durable(&mut self, durable: bool) {
        self.durable = durable;
    }

    pub(super) fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Takes everything out that waits to be sent.
    pub(super) fn take_queue(&mut self) -> VecDeque<Delivery> {
        self.queue_bytes = 0;
        self.identifying = None;
        let queue = std::mem::take(&mut self.queue);
        for delivery in &queue {
            self.identifiers.give_back(delivery.seq);
        }
        queue
    }

    /// Takes out of what waits to be sent whatever this is said of.
    pub(super) fn withhold(&mut self, is: impl FnMut(&Delivery) -> bool) -> Vec<Delivery> {
        let out = take_out(&mut self.queue, is);
        for delivery in &out {
            self.queue_bytes -= delivery.message.size();
            self.identifiers.give_back(delivery.seq);
            if self.identifying == Some(delivery.seq) {
                self.identifying = None;
            }
        }
        out
    }

    /// What the queue weighs, in bytes.
    pub(super) fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// The number of the last delivery that was sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes deliveries up that a store has kept, in order: those up to `sent` are sent again.
    pub(super) fn restore(&mut self, kept: impl Iterator<Item = Kept>, sent: u64) {
        self.sent = sent;
        for kept in kept {
            let Kept {
                delivery,
                released,
                packet_id,
            } = kept;
            let seq = delivery.seq;
            match packet_id {
                Some(id) => self.identifiers.lend(seq, id),
                // Its identifier is that of an older one and no other was written down, so it was not sent yet, nor
                // anything after it: what is said of `sent` is then only how far it can have been at most.
                None if seq <= self.sent && !released && self.is_taken(seq) => self.sent = seq - 1,
                None => {}
            }
            if released {
                self.make_way(seq);
                self.window.push_back((seq, Inflight::Release));
            } else if seq <= self.sent {
                self.make_way(seq);
                self.window_bytes += delivery.message.size();
                self.window.push_back((seq, Inflight::Publish(delivery)));
            } else {
                self.queue_bytes += delivery.message.size();
                self.queue.push_back(delivery);
            }
        }
    }

    /// What was sent and is not forgotten.
    fn sent_entries(&self) -> usize {
        self.late.len() + self.window.len()
    }

    /// One of these, by its place.
    fn entry(&self, place: usize) -> Option<&(u64, Inflight)> {
        match place.checked_sub(self.late.len()) {
            Some(place) => self.window.get(place),
            None => self.late.get(place),
        }
    }

    /// Sends what the window has room for, queues the rest.
    pub(super) fn deliver(
        &mut self,
        delivery: Delivery,
        terms: &Terms,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Result<(), Dropped> {
        sendable(&delivery, terms, now)?;
        if delivery.qos == QoS::AtMostOnce {
            actions.push(Action::Publish {
                delivery,
                packet_id: 0,
                dup: false,
            });
            return Ok(());
        }
        if self.queue.is_empty() && self.has_room(terms) && self.identify(&delivery, actions) {
            self.send(delivery, actions);
            return Ok(());
        }
        self.enqueue(delivery, actions)
    }

    /// Keeps a message for a client that is away.
    pub(super) fn keep(
        &mut self,
        delivery: Delivery,
        actions: &mut Vec<Action>,
    ) -> Result<(), Dropped> {
        if delivery.qos == QoS::AtMostOnce {
            return Err(Dropped::Away);
        }
        self.enqueue(delivery, actions)
    }

    /// Whether the queue takes no more messages.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.limits.messages || self.queue_bytes >= self.limits.bytes
    }

    /// Puts a message into the queue, in memory of its own.
    fn enqueue(&mut self, delivery: Delivery, actions: &mut Vec<Action>) -> Result<(), Dropped> {
        let size = delivery.message.size();
        while self.queue.len() >= self.limits.messages
            || self.queue_bytes + size > self.limits.bytes
        {
            let oldest = match self.limits.when_full {
                WhenFull::DropOldest => self.queue.pop_front(),
                WhenFull::DropNewest | WhenFull::Refuse => None,
            };
            let Some(oldest) = oldest else {
                self.identifiers.give_back(delivery.seq);
                return Err(Dropped::QueueFull);
            };
            self.identifiers.give_back(oldest.seq);
            self.queue_bytes -= oldest.message.size();
            actions.push(Action::Dropped {
                reason: Dropped::QueueFull,
                seq: oldest.seq,
            });
        }
        self.queue_bytes += size;
        self.queue.push_back(delivery.detached());
        Ok(())
    }

    /// Whether a delivery may be sent now.
    fn has_room(&self, terms: &Terms) -> bool {
        self.resent == self.sent_entries()
            && self.unacknowledged < usize::from(terms.client_receive_maximum)
            && self.window_bytes < self.limits.bytes
            && self.identifying.is_none()
    }

    /// Whether the identifier that follows from this number belongs to something older that is not acknowledged.
    fn is_taken(&mut self, seq: u64) -> bool {
        self.make_way(seq);
        self.identifiers.seq(natural(seq)).is_some()
    }

    /// Gives the next delivery an identifier that is not in use. It can't be sent yet where that must be safe before:
    /// a QoS 2 message that is sent again under another identifier would come twice.
    fn identify(&mut self, delivery: &Delivery, actions: &mut Vec<Action>) -> bool {
        let seq = delivery.seq;
        if !self.is_taken(seq) || self.identifiers.is_lent(seq) {
            return true;
        }
        let packet_id = loop {
            let first = self.window.front().map_or(seq, |(first, _)| *first);
            if let Some(free) = self.identifiers.free(seq + 1..first + IDS) {
                break free;
            }
            // One is free, since fewer messages than there are identifiers are unacknowledged: where the window reaches.
            if !self.grow_late() {
                return false;
            }
        };
        self.identifiers.lend(seq, packet_id);
        if !self.durable {
            return true;
        }
        actions.push(Action::Identified { seq, packet_id });
        if delivery.qos == QoS::ExactlyOnce {
            self.identifying = Some(seq);
        }
        self.identifying.is_none()
    }

    /// The identifier that was written down is safe.
    pub(super) fn identified(&mut self) {
        self.identifying = None;
    }

    /// Lets the window begin where it can reach up to this number.
    fn make_way(&mut self, seq: u64) {
        while let Some((first, _)) = self.window.front()
            && seq.saturating_sub(*first) >= LONGEST_WINDOW
        {
            self.grow_late();
        }
    }

    /// Moves the oldest entry of the window to what is late; false where there is none.
    fn grow_late(&mut self) -> bool {
        let Some(entry) = self.window.pop_front() else {
            return false;
        };
        self.identifiers.keep(entry.0);
        self.late.push_back(entry);
        self.forget_done();
        true
    }

    fn send(&mut self, mut delivery: Delivery, actions: &mut Vec<Action>) {
        if self.window.len() >= LONG_WINDOW {
            delivery = delivery.detached();
        }
        self.window_bytes += delivery.message.size();
        debug_assert!(delivery.seq > self.sent, "the hub counts upwards");
        self.sent = delivery.seq;
        self.unacknowledged += 1;
        self.resent += 1;
        self.window
            .push_back((delivery.seq, Inflight::Publish(delivery.clone())));
        actions.push(Action::Publish {
            packet_id: self.identifiers.of(delivery.seq),
            delivery,
            dup: false,
        });
    }

    /// Sends what is to be sent again, then from the queue while the window has room.
    pub(super) fn pump(&mut self, terms: &Terms, now: Timestamp, actions: &mut Vec<Action>) {
        self.resend_some(terms, actions);
        while self.has_room(terms)
            && let Some(delivery) = self.queue.pop_front()
        {
            // What expired while it waited is not sent [MQTT-3.3.2-5]; nor what this client can't take.
            let verdict = sendable(&delivery, terms, now);
            if verdict.is_ok() && !self.identify(&delivery, actions) {
                self.queue.push_front(delivery);
                return;
            }
            self.queue_bytes -= delivery.message.size();
            match verdict {
                Ok(()) => self.send(delivery, actions),
                Err(reason) => {
                    self.identifiers.give_back(delivery.seq);
                    actions.push(Action::Dropped {
                        reason,
                        seq: delivery.seq,
                    });
                }
            }
        }
    }

    /// On a new connection: sends everything unacknowledged again, then what the window has room for.
    pub(super) fn resend(&mut self, terms: &Terms, now: Timestamp, actions: &mut Vec<Action>) {
        self.resent = 0;
        self.identifying = None; // who takes the session up waited until all that it holds was safe
        self.sent_before = self.sent;
        self.unacknowledged = 0;
        self.pump(terms, now, actions);
    }

    /// Goes on sending again, in order, within what this connection's client takes at once: it may be less than the
    /// last one's took `[MQTT-3.3.4-9]`.
    fn resend_some(&mut self, terms: &Terms, actions: &mut Vec<Action>) {
        while let Some((seq, state)) = self.entry(self.resent) {
            let packet_id = self.identifiers.of(*seq);
            match state {
                Inflight::Publish(delivery) if !fits(delivery, terms) => {
                    // [MQTT-3.1.2-25]: as if it had been sent
                    actions.push(Action::Dropped {
                        reason: Dropped::TooLarge,
                        seq: *seq,
                    });
                    self.is_done(self.resent);
                }
                Inflight::Publish(delivery) => {
                    if self.unacknowledged >= usize::from(terms.client_receive_maximum) {
                        break;
                    }
                    actions.push(Action::Publish {
                        delivery: delivery.clone(),
                        packet_id,
                        dup: true,
                    });
                    self.unacknowledged += 1;
                }
                Inflight::Release => {
                    actions.push(Action::PubRel(Ack::success(packet_id)));
                    self.unacknowledged += 1;
                }
                Inflight::Done => {}
            }
            self.resent += 1;
        }
        self.forget_done();
    }

    /// Forgets what is done at the beginning of the window, and among what is late when it is the most.
    fn forget_done(&mut self) {
        while matches!(self.window.front(), Some((_, Inflight::Done))) {
            self.window.pop_front();
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

    /// Where the delivery with this identifier is.
    fn place(&self, id: u16) -> Option<usize> {
        if let Some(seq) = self.identifiers.seq(id) {
            let late = self.late.binary_search_by_key(&seq, |(seq, _)| *seq);
            return late.ok().or_else(|| self.place_in_window(seq));
        }
        let first = self.window.front()?.0;
        let ahead = (u64::from(id) + IDS - u64::from(natural(first))) % IDS;
        let seq = first + ahead;
        (!self.identifiers.is_lent(seq))
            .then(|| self.place_in_window(seq))
            .flatten()
    }

    fn place_in_window(&self, seq: u64) -> Option<usize> {
        let first = self.window.front()?.0;
        // Mostly there is no gap before it, and its number tells its place.
        let guess = seq.checked_sub(first)? as usize;
        let place = if self.window.get(guess).is_some_and(|(at, _)| *at == seq) {
            guess
        } else {
            self.window.binary_search_by_key(&seq, |(at, _)| *at).ok()?
        };
        Some(self.late.len() + place)
    }

    /// Gives an entry its next state.
    fn becomes(&mut self, place: usize, state: Inflight) {
        let entry = match place.checked_sub(self.late.len()) {
            Some(place) => &mut self.window[place].1,
            None => &mut self.late[place].1,
        };
        if let Inflight::Publish(done) = std::mem::replace(entry, state) {
            self.window_bytes -= done.message.size();
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

pub(super) fn sendable(delivery: &Delivery, terms: &Terms, now: Timestamp) -> Result<(), Dropped> {
    let message = &delivery.message;
    if message.expires().is_some_and(|at| at <= now) {
        return Err(Dropped::Expired);
    }
    if fits(delivery, terms) {
        Ok(())
    } else {
        Err(Dropped::TooLarge)
    }
}

/// Whether the client takes a packet so large `[MQTT-3.1.2-24]`.
fn fits(delivery: &Delivery, terms: &Terms) -> bool {
    let message = &delivery.message;
    // The wire has a limit of its own, which a message may pass by what the broker adds to it.
    let huge = message.size() > MAX_REMAINING_LENGTH / 2;
    if huge || terms.client_maximum_packet_size < usize::MAX {
        // What the broker adds: an expiry, and an identifier for each subscription that has one.
        let expiry = if message.expires().is_some() { 5 } else { 0 };
        let ids = delivery.subscription_ids.iter();
        let ids: usize = ids.map(|id| 1 + var_int_len(*id as usize)).sum();
        let size = publish_size(
            delivery.qos,
            message.topic_bytes().len(),
            message.properties().as_bytes().len() + expiry + ids,
            message.payload().len(),
            terms.version,
        );
        return size <= terms.client_maximum_packet_size.min(MAX_REMAINING_LENGTH);
    }
    true
}
