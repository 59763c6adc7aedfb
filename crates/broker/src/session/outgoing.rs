//! The broker's side of delivery: what is sent when, and what is sent again.
//!
//! Duty: as much as the client takes at once is in the window (`window.rs`), the rest in the queue behind it (`queue.rs`).
//! Invariant: messages are sent in their order, and those that were sent on an earlier connection before all others.

use std::collections::VecDeque;

use mqttwb_model::{QoS, Timestamp};
use mqttwb_wire::{Ack, MAX_REMAINING_LENGTH, publish_size, var_int_len};

use super::delivery::Delivery;
use super::queue::{Queue, QueueLimits};
use super::window::{Inflight, Window};
use super::{Action, Terms};

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

/// What goes to one client.
#[derive(Debug)]
pub(super) struct Outgoing {
    window: Window,
    queue: Queue,
    /// The delivery whose identifier is being written down: it is the next that is sent.
    identifying: Option<u64>,
    /// What happens must outlive the process.
    durable: bool,
    /// The number of the last delivery that was sent.
    sent: u64,
    /// The same when this connection began: what is up to it was, or will be, sent again.
    sent_before: u64,
}

impl Outgoing {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            window: Window::default(),
            queue: Queue::new(limits),
            identifying: None,
            durable: false,
            sent: 0,
            sent_before: 0,
        }
    }

    pub(super) fn queued(&self) -> impl ExactSizeIterator<Item = &Delivery> {
        self.queue.iter()
    }

    /// What the queue weighs, in bytes.
    pub(super) fn queue_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether the queue takes no more messages.
    pub(super) fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Messages that wait to be sent or to be acknowledged.
    pub(super) fn backlog(&self) -> usize {
        self.window.backlog() + self.queue.len()
    }

    /// What was not delivered for certain, in order, of a session that ends. A QoS 2 message that was sent is not among
    /// it: nobody can say whether the client took it, so nobody else may get it `[MQTT-4.8.2-5]`.
    pub(super) fn undelivered(self) -> impl Iterator<Item = Delivery> {
        let sent = self.window.into_states().filter_map(|state| match state {
            Inflight::Publish(delivery) if delivery.qos == QoS::AtLeastOnce => Some(delivery),
            Inflight::Publish(_) | Inflight::Release | Inflight::Done => None,
        });
        sent.chain(self.queue)
    }

    pub(super) fn inflight(&self) -> impl Iterator<Item = (u16, &Inflight)> {
        self.window.iter().map(|(_, id, state)| (id, state))
    }

    /// The window as [`Self::inflight`] has it, and whether DUP is set in what was sent on this connection.
    pub(super) fn window(&self) -> impl Iterator<Item = (u16, &Inflight, bool)> {
        self.window
            .iter()
            .map(|(seq, id, state)| (id, state, seq <= self.sent_before))
    }

    pub(super) fn set_durable(&mut self, durable: bool) {
        self.durable = durable;
    }

    pub(super) fn set_limits(&mut self, limits: QueueLimits) {
        self.queue.set_limits(limits);
    }

    /// Takes everything out that waits to be sent.
    pub(super) fn take_queue(&mut self) -> VecDeque<Delivery> {
        self.identifying = None;
        let queue = self.queue.take();
        for delivery in &queue {
            self.window.give_back(delivery.seq);
        }
        queue
    }

    /// Takes out of what waits to be sent whatever this is said of.
    pub(super) fn withhold(&mut self, is: impl FnMut(&Delivery) -> bool) -> Vec<Delivery> {
        let out = self.queue.withhold(is);
        for delivery in &out {
            self.window.give_back(delivery.seq);
            if self.identifying == Some(delivery.seq) {
                self.identifying = None;
            }
        }
        out
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
                Some(id) => self.window.lend(seq, id),
                // Its identifier is that of an older one and no other was written down, so it was not sent yet, nor
                // anything after it: what is said of `sent` is then only how far it can have been at most.
                None if seq <= self.sent && !released && self.window.is_taken(seq) => {
                    self.sent = seq - 1;
                }
                None => {}
            }
            if released {
                self.window.restore(seq, Inflight::Release);
            } else if seq <= self.sent {
                self.window.restore(seq, Inflight::Publish(delivery));
            } else {
                self.queue.push(delivery);
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

    /// Puts a message into the queue, in memory of its own.
    fn enqueue(&mut self, delivery: Delivery, actions: &mut Vec<Action>) -> Result<(), Dropped> {
        while !self.queue.has_room(delivery.message.size()) {
            let Some(oldest) = self.queue.make_room() else {
                self.window.give_back(delivery.seq);
                return Err(Dropped::QueueFull);
            };
            self.window.give_back(oldest.seq);
            actions.push(Action::Dropped {
                reason: Dropped::QueueFull,
                seq: oldest.seq,
            });
        }
        self.queue.push(delivery.detached());
        Ok(())
    }

    /// Whether a delivery may be sent now.
    fn has_room(&self, terms: &Terms) -> bool {
        self.window.is_resent()
            && self.takes_more(terms)
            && self.window.bytes() < self.queue.limits().bytes
            && self.identifying.is_none()
    }

    /// Whether the client takes one more at once `[MQTT-3.3.4-9]`.
    fn takes_more(&self, terms: &Terms) -> bool {
        self.window.unacknowledged() < usize::from(terms.client_receive_maximum)
    }

    /// Gives the next delivery an identifier that is not in use. It can't be sent yet where that must be safe before:
    /// a QoS 2 message that is sent again under another identifier would come twice.
    fn identify(&mut self, delivery: &Delivery, actions: &mut Vec<Action>) -> bool {
        let seq = delivery.seq;
        if !self.window.is_taken(seq) || self.window.is_lent(seq) {
            return true;
        }
        let Some(packet_id) = self.window.lend_free(seq) else {
            return false;
        };
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

    fn send(&mut self, mut delivery: Delivery, actions: &mut Vec<Action>) {
        if self.window.is_long() {
            delivery = delivery.detached();
        }
        debug_assert!(delivery.seq > self.sent, "the hub counts upwards");
        self.sent = delivery.seq;
        actions.push(Action::Publish {
            packet_id: self.window.push(delivery.clone()),
            delivery,
            dup: false,
        });
    }

    /// Sends what is to be sent again, then from the queue while the window has room.
    pub(super) fn pump(&mut self, terms: &Terms, now: Timestamp, actions: &mut Vec<Action>) {
        self.resend_some(terms, actions);
        while self.has_room(terms)
            && let Some(delivery) = self.queue.pop()
        {
            // What expired while it waited is not sent [MQTT-3.3.2-5]; nor what this client can't take.
            match sendable(&delivery, terms, now) {
                Ok(()) if self.identify(&delivery, actions) => self.send(delivery, actions),
                Ok(()) => {
                    self.queue.put_back(delivery);
                    return;
                }
                Err(reason) => {
                    self.window.give_back(delivery.seq);
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
        self.window.begin();
        self.identifying = None; // who takes the session up waited until all that it holds was safe
        self.sent_before = self.sent;
        self.pump(terms, now, actions);
    }

    /// Goes on sending again, in order, within what this connection's client takes at once: it may be less than the
    /// last one's took.
    fn resend_some(&mut self, terms: &Terms, actions: &mut Vec<Action>) {
        while let Some((seq, packet_id, state)) = self.window.next() {
            match state {
                Inflight::Publish(delivery) if !fits(delivery, terms) => {
                    // [MQTT-3.1.2-25]: as if it had been sent
                    actions.push(Action::Dropped {
                        reason: Dropped::TooLarge,
                        seq,
                    });
                    self.window.next_is_done();
                }
                Inflight::Publish(delivery) => {
                    if !self.takes_more(terms) {
                        break;
                    }
                    actions.push(Action::Publish {
                        delivery: delivery.clone(),
                        packet_id,
                        dup: true,
                    });
                }
                Inflight::Release => actions.push(Action::PubRel(Ack::success(packet_id))),
                Inflight::Done => {}
            }
            self.window.next_is_sent();
        }
        self.window.forget_done();
    }

    /// The number of the delivery that is done now.
    pub(super) fn puback(&mut self, id: u16) -> Option<u64> {
        self.window.puback(id)
    }

    /// The number of the delivery that is to be released, and whether it was not before.
    pub(super) fn pubrec(&mut self, id: u16) -> Option<(u64, bool)> {
        self.window.pubrec(id)
    }

    /// The number of the delivery that is done now.
    pub(super) fn pubcomp(&mut self, id: u16) -> Option<u64> {
        self.window.pubcomp(id)
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
