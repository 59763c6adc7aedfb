//! What is in a session, for a person to look at.

use std::time::Duration;

use super::{Delivery, Inflight, Session};
use crate::message::Message;

/// A part of a list, and how long the whole is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// What was asked for.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: usize,
}

impl<T> Part<T> {
    fn of(all: impl Iterator<Item = T>, total: usize, from: usize, at_most: usize) -> Self {
        Self {
            items: all.skip(from).take(at_most).collect(),
            total,
        }
    }
}

/// A message that was sent and is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unacknowledged {
    /// Packet identifier.
    pub packet_id: u16,
    /// DUP: on this connection it was sent again, or is about to be; of a client that is away it will be.
    pub dup: bool,
    /// The message, or that PUBREL is what was sent.
    pub state: Inflight,
}

/// What is in a session at one moment. Messages are counted by reference: nothing is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionContents {
    /// Messages that wait to be sent, in order.
    pub queued: Part<Delivery>,
    /// What all that wait weigh, in bytes.
    pub queued_bytes: usize,
    /// Messages that were sent and are not acknowledged, in order.
    pub inflight: Part<Unacknowledged>,
    /// QoS 2 messages of the client that wait for their PUBREL, by packet identifier.
    pub received: Part<(u16, Message)>,
    /// Messages that are on their way from the hub to the connection: those at QoS 0 among them.
    pub arriving: usize,
    /// How long the client may still be silent before it counts as gone; `None` while it is away, and without keep-alive.
    pub silence_left: Option<Duration>,
}

impl Session {
    /// What is in it: of each list so many entries at most, from one on.
    pub fn contents(&self, from: usize, at_most: usize) -> SessionContents {
        let mut received: Vec<_> = self.received.iter().collect();
        received.sort_unstable_by_key(|(packet_id, _)| **packet_id);
        let window = || self.outgoing.window();
        let inflight = window().map(|(packet_id, state, again)| Unacknowledged {
            packet_id,
            dup: again || !self.connected,
            state: state.clone(),
        });
        SessionContents {
            queued: Part::of(self.queued().cloned(), self.queued().len(), from, at_most),
            queued_bytes: self.outgoing.queue_bytes(),
            inflight: Part::of(inflight, window().count(), from, at_most),
            received: Part::of(
                received
                    .iter()
                    .map(|(id, message)| (**id, (*message).clone())),
                received.len(),
                from,
                at_most,
            ),
            arriving: 0,
            silence_left: None,
        }
    }
}
