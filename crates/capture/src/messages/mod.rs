//! Application messages, made out of the packets that carried them.
//!
//! Duty: know each message of the packets that were seen, how far its deliveries are, and tell the whole story of one.
//! Not here: words for people (app). Invariant: a message is known by the number of its first packet; messages are in the
//! order of those numbers, their positions never change, and those that made room for newer ones are counted.

mod story;
mod tracker;
mod view;

use std::collections::VecDeque;
use std::ops::Range;

use mqttwb_model::{ClientId, ConnectionId, MessageId, Timestamp};

use crate::Packet;
use tracker::{Tie, Tracker, is_at_most_once};

pub use story::{Step, Story, StoryDelivery, StoryOf, story};
pub use tracker::{Progress, Role, client_of};
pub use view::MessageView;

/// A message, and how far its deliveries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRecord {
    /// The number of the packet that it was first seen in: its PUBLISH, or where nobody's PUBLISH was seen, as of a will, the
    /// first delivery.
    pub first: u64,
    /// The observer's number for it.
    pub message: Option<MessageId>,
    /// When it was first seen.
    pub at: Timestamp,
    /// Its first packet came from a publisher.
    pub published: bool,
    /// What its publisher was told; `None` at QoS 0 and as long as nothing was.
    pub answer: Option<Progress>,
    /// Deliveries, each counted once however often it was sent.
    pub deliveries: u32,
    /// Deliveries that were acknowledged to the end, or at QoS 0 sent.
    pub done: u32,
    /// Deliveries that did not arrive at QoS 0, were refused, or whose session has ended.
    pub lost: u32,
    /// When the last delivery was done.
    pub last_done: Option<Timestamp>,
    /// PUBLISH packets that were sent again, by the publisher or to a subscriber.
    pub again: u32,
    /// Packets of it that a fault rule has struck.
    pub faults: u32,
}

impl MessageRecord {
    /// Deliveries that are neither done nor lost.
    pub fn under_way(&self) -> u32 {
        self.deliveries.saturating_sub(self.done + self.lost)
    }
}

/// The newest messages.
#[derive(Debug)]
pub struct Messages {
    tracker: Tracker,
    records: VecDeque<MessageRecord>,
    at_most: usize,
    gone: u64,
}

impl Messages {
    /// None yet, and never more than this many.
    pub fn new(at_most: usize) -> Self {
        Self {
            tracker: Tracker::default(),
            records: VecDeque::new(),
            at_most,
            gone: 0,
        }
    }

    /// Looks at the next packet. `who` names the client of a connection.
    pub fn see(&mut self, packet: &Packet<'_>, who: impl FnOnce(ConnectionId) -> Option<ClientId>) {
        let tie = self.tracker.see(packet, who);
        for first in self.tracker.take_given_up() {
            if let Some(record) = self.record(first) {
                record.lost += 1;
            }
        }
        let Some(Tie { first, role }) = tie else {
            return;
        };
        if first == packet.seq {
            self.begin(packet, matches!(role, Role::Published { .. }));
        }
        let Some(record) = self.record(first) else {
            return; // it made room
        };
        record.message = record.message.or(packet.message);
        record.faults += u32::from(packet.fault.is_some());
        match role {
            Role::Published { again } => record.again += u32::from(again),
            Role::Acknowledging(progress) => record.answer = Some(progress),
            Role::Delivered { again: true } => record.again += 1,
            Role::Delivered { again: false } => {
                record.deliveries += 1;
                if is_at_most_once(packet) {
                    if packet.arrived() {
                        record.done += 1;
                        record.last_done = Some(packet.at);
                    } else {
                        record.lost += 1;
                    }
                }
            }
            Role::Receiving(Progress::Done) => {
                record.done += 1;
                record.last_done = Some(packet.at);
            }
            Role::Receiving(Progress::Refused) => record.lost += 1,
            Role::Receiving(Progress::UnderWay) => {}
        }
    }

    /// The positions of the messages that are known: the oldest, and one past the newest.
    pub fn positions(&self) -> Range<u64> {
        self.gone..self.gone + self.records.len() as u64
    }

    /// The message at a position.
    pub fn get(&self, position: u64) -> Option<&MessageRecord> {
        let at = usize::try_from(position.checked_sub(self.gone)?).ok()?;
        self.records.get(at)
    }

    /// Lets go of messages whose first packet is before this one.
    pub fn forget_before(&mut self, seq: u64) {
        let gone = self.records.partition_point(|record| record.first < seq);
        self.records.drain(..gone);
        self.gone += gone as u64;
        self.tracker.forget_before(seq);
    }

    fn begin(&mut self, packet: &Packet<'_>, published: bool) {
        if self.records.len() >= self.at_most
            && let Some(oldest) = self.records.pop_front()
        {
            self.gone += 1;
            self.tracker.forget_before(oldest.first + 1);
        }
        self.records.push_back(MessageRecord {
            first: packet.seq,
            message: packet.message,
            at: packet.at,
            published,
            answer: None,
            deliveries: 0,
            done: 0,
            lost: 0,
            last_done: None,
            again: 0,
            faults: 0,
        });
    }

    fn record(&mut self, first: u64) -> Option<&mut MessageRecord> {
        let at = self
            .records
            .binary_search_by_key(&first, |record| record.first)
            .ok()?;
        self.records.get_mut(at)
    }
}

#[cfg(test)]
mod tests;
