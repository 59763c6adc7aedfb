//! The broker's side of delivery: packet identifiers, the window of unacknowledged messages, and the queue behind it.

use std::collections::VecDeque;

use mqttwb_model::{QoS, SubscriptionIds, Timestamp};
use mqttwb_wire::{Ack, MAX_REMAINING_LENGTH, publish_size, var_int_len};

use super::{Action, Terms};
use crate::message::Message;
use crate::shares::ShareId;

/// A message on its way to one subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What.
    pub message: Message,
    /// The lower of the message's QoS and the subscription's `[MQTT-3.8.4-8]`.
    pub qos: QoS,
    /// The retain flag that the subscriber sees.
    pub retain: bool,
    /// Identifiers of the subscriptions that matched (section 3.8.2.1.2).
    pub subscription_ids: SubscriptionIds,
    /// Its place among the session's deliveries above QoS 0, from 1; 0 at QoS 0. The hub counts.
    pub seq: u64,
    /// The shared subscription that it was made for: the session is the member whose turn it was.
    pub share: Option<ShareId>,
}

/// The packet identifier of a delivery: it follows from its place, so that a delivery that is found again after a restart
/// has the identifier that it had. Identifiers run 1..=65535 and around; 0 is none `[MQTT-2.2.1-3]`.
fn packet_id(seq: u64) -> u16 {
    (seq.saturating_sub(1) % IDS) as u16 + 1
}

/// How many identifiers there are.
const IDS: u64 = 65_535;

impl Delivery {
    /// The same, with the message in memory of its own.
    #[must_use]
    pub(crate) fn detached(self) -> Self {
        Self {
            message: self.message.detached(),
            ..self
        }
    }
}

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

/// Deliveries are numbered in turn, and their identifiers with them, so the identifier tells the number in the window.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// By number, which grows; not each has one.
    window: VecDeque<(u64, Inflight)>,
    /// How much of the window was sent on this connection: the rest is sent again as the client acknowledges.
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
/// The window may not reach around to its own beginning.
const LONGEST_WINDOW: u64 = 60_000;

impl Outgoing {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            window: VecDeque::new(),
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
        self.unacknowledged + (self.window.len() - self.resent) + self.queue.len()
    }

    /// What was not delivered for certain, in order, of a session that ends. A QoS 2 message that was sent is not among
    /// it: nobody can say whether the client took it, so nobody else may get it `[MQTT-4.8.2-5]`.
    pub(super) fn undelivered(self) -> impl Iterator<Item = Delivery> {
        let sent = self
            .window
            .into_iter()
            .filter_map(|(_, state)| match state {
                Inflight::Publish(delivery) if delivery.qos == QoS::AtLeastOnce => Some(delivery),
                Inflight::Publish(_) | Inflight::Release | Inflight::Done => None,
            });
        sent.chain(self.queue)
    }

    pub(super) fn inflight(&self) -> impl Iterator<Item = (u16, &Inflight)> {
        self.window
            .iter()
            .filter(|(_, state)| *state != Inflight::Done)
            .map(|(seq, state)| (packet_id(*seq), state))
    }

    /// The window as [`Self::inflight`] has it, and whether DUP is set in what was sent on this connection.
    pub(super) fn window(&self) -> impl Iterator<Item = (u16, &Inflight, bool)> {
        self.window
            .iter()
            .filter(|(_, state)| *state != Inflight::Done)
            .map(|(seq, state)| (packet_id(*seq), state, *seq <= self.sent_before))
    }

    pub(super) fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
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
    pub(super) fn restore(&mut self, kept: impl Iterator<Item = (Delivery, bool)>, sent: u64) {
        self.sent = sent;
        for (delivery, released) in kept {
            let seq = delivery.seq;
            if released {
                self.window.push_back((seq, Inflight::Release));
            } else if seq <= sent {
                self.window_bytes += delivery.message.size();
                self.window.push_back((seq, Inflight::Publish(delivery)));
            } else {
                self.queue_bytes += delivery.message.size();
                self.queue.push_back(delivery);
            }
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
        if self.queue.is_empty() && self.has_room(terms, delivery.seq) {
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
                return Err(Dropped::QueueFull);
            };
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

    /// Whether the delivery with this number may be sent now.
    fn has_room(&self, terms: &Terms, seq: u64) -> bool {
        let first = self.window.front().map_or(seq, |(first, _)| *first);
        self.resent == self.window.len()
            && self.unacknowledged < usize::from(terms.client_receive_maximum)
            && seq.saturating_sub(first) < LONGEST_WINDOW
            && self.window_bytes < self.limits.bytes
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
            packet_id: packet_id(delivery.seq),
            delivery,
            dup: false,
        });
    }

    /// Sends what is to be sent again, then from the queue while the window has room.
    pub(super) fn pump(&mut self, terms: &Terms, now: Timestamp, actions: &mut Vec<Action>) {
        self.resend_some(terms, actions);
        while let Some(next) = self.queue.front()
            && self.has_room(terms, next.seq)
            && let Some(delivery) = self.queue.pop_front()
        {
            self.queue_bytes -= delivery.message.size();
            // What expired while it waited is not sent [MQTT-3.3.2-5]; nor what this client can't take.
            match sendable(&delivery, terms, now) {
                Ok(()) => self.send(delivery, actions),
                Err(reason) => actions.push(Action::Dropped {
                    reason,
                    seq: delivery.seq,
                }),
            }
        }
    }

    /// On a new connection: sends everything unacknowledged again, then what the window has room for.
    pub(super) fn resend(&mut self, terms: &Terms, now: Timestamp, actions: &mut Vec<Action>) {
        self.resent = 0;
        self.sent_before = self.sent;
        self.unacknowledged = 0;
        self.pump(terms, now, actions);
    }

    /// Goes on sending again, in order, within what this connection's client takes at once: it may be less than the
    /// last one's took `[MQTT-3.3.4-9]`.
    fn resend_some(&mut self, terms: &Terms, actions: &mut Vec<Action>) {
        while let Some((seq, state)) = self.window.get(self.resent) {
            match state {
                Inflight::Publish(delivery) if !fits(delivery, terms) => {
                    // [MQTT-3.1.2-25]: as if it had been sent
                    actions.push(Action::Dropped {
                        reason: Dropped::TooLarge,
                        seq: *seq,
                    });
                    self.becomes(self.resent, Inflight::Done);
                }
                Inflight::Publish(delivery) => {
                    if self.unacknowledged >= usize::from(terms.client_receive_maximum) {
                        break;
                    }
                    actions.push(Action::Publish {
                        delivery: delivery.clone(),
                        packet_id: packet_id(*seq),
                        dup: true,
                    });
                    self.unacknowledged += 1;
                }
                Inflight::Release => {
                    actions.push(Action::PubRel(Ack::success(packet_id(*seq))));
                    self.unacknowledged += 1;
                }
                Inflight::Done => {}
            }
            self.resent += 1;
        }
        self.forget_done();
    }

    /// Forgets what is done at the beginning of the window.
    fn forget_done(&mut self) {
        while matches!(self.window.front(), Some((_, Inflight::Done))) {
            self.window.pop_front();
            self.resent = self.resent.saturating_sub(1);
        }
    }

    /// Where in the window the delivery with this identifier is.
    fn place(&self, id: u16) -> Option<usize> {
        let first = self.window.front()?.0;
        let ahead = (u64::from(id) + IDS - u64::from(packet_id(first))) % IDS;
        // Mostly there is no gap before it, and its number tells its place.
        let guess = ahead as usize;
        if self
            .window
            .get(guess)
            .is_some_and(|(seq, _)| *seq == first + ahead)
        {
            return Some(guess);
        }
        self.window
            .binary_search_by_key(&(first + ahead), |(seq, _)| *seq)
            .ok()
    }

    /// Gives an entry of the window its next state.
    fn becomes(&mut self, place: usize, state: Inflight) {
        if let Inflight::Publish(done) = std::mem::replace(&mut self.window[place].1, state) {
            self.window_bytes -= done.message.size();
        }
    }

    /// The number of the delivery that is done now.
    fn finish(&mut self, place: usize) -> Option<u64> {
        let (seq, _) = *self.window.get(place)?;
        self.becomes(place, Inflight::Done);
        if place < self.resent {
            self.unacknowledged -= 1;
        }
        self.forget_done();
        Some(seq)
    }

    /// The number of the delivery that is done now.
    pub(super) fn puback(&mut self, id: u16) -> Option<u64> {
        let place = self.place(id)?;
        match &self.window[place].1 {
            Inflight::Publish(delivery) if delivery.qos == QoS::AtLeastOnce => self.finish(place),
            Inflight::Publish(_) | Inflight::Release | Inflight::Done => None,
        }
    }

    /// The number of the delivery that is to be released, and whether it was not before.
    pub(super) fn pubrec(&mut self, id: u16) -> Option<(u64, bool)> {
        let place = self.place(id)?;
        let (seq, state) = &self.window[place];
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
        match &self.window[place].1 {
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
            message.topic().len(),
            message.properties().as_bytes().len() + expiry + ids,
            message.payload().len(),
            terms.version,
        );
        return size <= terms.client_maximum_packet_size.min(MAX_REMAINING_LENGTH);
    }
    true
}
