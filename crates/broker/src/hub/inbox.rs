//! The way from the hub to one connection: a bounded box that wakes whoever waits at it.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use mqttwb_model::QoS;
use mqttwb_wire::ReasonCode;
use parking_lot::Mutex;

use crate::session::{Delivery, QueueLimits};

/// QoS 0 is dropped past this many bytes that a client has not read: at most once, and never without bound.
const QOS0_BYTES: usize = 16 << 20;

/// How much a connection takes at once: what it has taken and not written yet counts no more against the inbox.
const TAKEN_AT_ONCE: usize = 1 << 20;

/// Past so many puts the connection is behind: what is put in gets memory of its own, since a small message would hold on
/// to the whole batch that it came in.
const BEHIND: usize = 8;

#[derive(Debug, Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
    /// How often something was put in since the connection last took everything.
    puts: usize,
    /// The connection is to end, for this reason.
    end: Option<ReasonCode>,
    waker: Option<Waker>,
}

/// Filled by the hub, emptied by the connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    limits: QueueLimits,
}

/// What a connection finds in its inbox.
#[derive(Debug)]
pub(crate) enum Mail {
    /// Messages to deliver.
    Deliveries,
    /// Close the connection, for this reason.
    End(ReasonCode),
}

impl Inbox {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            state: Mutex::default(),
            limits,
        }
    }

    /// Puts messages in, and empties `deliveries`. How many there was no room for.
    pub(crate) fn put(&self, deliveries: &mut Vec<Delivery>) -> u64 {
        let mut dropped = 0;
        let mut state = self.state.lock();
        state.puts += 1;
        let behind = state.puts > BEHIND;
        for delivery in deliveries.drain(..) {
            let bytes = state.bytes + delivery.message.size();
            let full = match delivery.qos {
                QoS::AtMostOnce => bytes > QOS0_BYTES,
                QoS::AtLeastOnce | QoS::ExactlyOnce => {
                    bytes > QOS0_BYTES + self.limits.bytes
                        || state.deliveries.len() >= self.limits.messages
                }
            };
            // A box that is empty takes anything: a single large message must pass.
            if full && state.bytes > 0 {
                dropped += 1;
                continue;
            }
            state.bytes = bytes;
            state.deliveries.push_back(if behind {
                delivery.detached()
            } else {
                delivery
            });
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        dropped
    }

    /// Tells the connection to end.
    pub(crate) fn end(&self, reason: ReasonCode) {
        let mut state = self.state.lock();
        state.end.get_or_insert(reason);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether there is something, for a task that waits. Messages are taken with [`Self::take`].
    pub(crate) fn poll(&self, cx: &mut Context<'_>, wants_deliveries: bool) -> Poll<Mail> {
        let mut state = self.state.lock();
        if let Some(reason) = state.end {
            return Poll::Ready(Mail::End(reason));
        }
        if wants_deliveries && !state.deliveries.is_empty() {
            return Poll::Ready(Mail::Deliveries);
        }
        if state
            .waker
            .as_ref()
            .is_none_or(|w| !w.will_wake(cx.waker()))
        {
            state.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Takes what there is, where that is not too much for once in exchange for an empty queue whose memory is used
    /// again.
    pub(crate) fn take(&self, into: &mut VecDeque<Delivery>) {
        debug_assert!(into.is_empty());
        let mut state = self.state.lock();
        if state.bytes <= TAKEN_AT_ONCE {
            std::mem::swap(&mut state.deliveries, into);
            state.bytes = 0;
            state.puts = 0;
            return;
        }
        let mut taken = 0;
        while taken < TAKEN_AT_ONCE
            && let Some(delivery) = state.deliveries.pop_front()
        {
            taken += delivery.message.size();
            into.push_back(delivery);
        }
        state.bytes -= taken;
    }

    /// Takes everything: the connection has gone.
    pub(crate) fn empty(&self) -> VecDeque<Delivery> {
        let mut state = self.state.lock();
        state.bytes = 0;
        std::mem::take(&mut state.deliveries)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::{Bytes, BytesMut};
    use mqttwb_model::{ConnectionId, MessageId, Timestamp};
    use mqttwb_wire::{Properties, Publish};

    use super::*;
    use crate::message::{self, Message, Origin, Record};
    use crate::session::WhenFull;

    /// A batch's memory, which tells when it is given back.
    struct Batch(Vec<u8>, #[allow(dead_code)] Arc<()>);

    impl AsRef<[u8]> for Batch {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    #[test]
    fn a_client_that_is_behind_holds_on_to_a_few_batches_only() {
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            packet_id: 0,
            properties: Properties::NONE,
            payload: b"x",
        };
        let origin = Origin {
            id: MessageId(1),
            publisher: ConnectionId(1),
            at: Timestamp(0),
        };
        let mut bytes = BytesMut::new();
        message::append(&mut bytes, &publish, "t", origin);
        let limits = QueueLimits {
            messages: 1_000,
            bytes: 1 << 20,
            when_full: WhenFull::DropNewest,
        };
        let inbox = Inbox::new(limits);
        let batches = Arc::new(());
        for _ in 0..100 {
            let batch = Bytes::from_owner(Batch(bytes.to_vec(), batches.clone()));
            let mut deliveries = message::records(batch)
                .map(|record| match record {
                    Record::Message(message) => Delivery {
                        message,
                        qos: QoS::AtMostOnce,
                        retain: false,
                        subscription_ids: Arc::default(),
                    },
                    Record::Command(ticket) => panic!("{ticket}"),
                })
                .collect();
            assert_eq!(inbox.put(&mut deliveries), 0);
        }
        assert_eq!(Arc::strong_count(&batches) - 1, BEHIND);
        let mut taken = VecDeque::new();
        inbox.take(&mut taken);
        assert_eq!(taken.len(), 100);
    }

    #[test]
    fn what_is_taken_at_once_is_bounded_and_the_rest_still_counts() {
        let payload = vec![0; TAKEN_AT_ONCE / 2];
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            packet_id: 0,
            properties: Properties::NONE,
            payload: &payload,
        };
        let origin = Origin {
            id: MessageId(1),
            publisher: ConnectionId(1),
            at: Timestamp(0),
        };
        let delivery = Delivery {
            message: Message::new(&publish, "t", origin),
            qos: QoS::AtMostOnce,
            retain: false,
            subscription_ids: Arc::default(),
        };
        let inbox = Inbox::new(QueueLimits {
            messages: 10,
            bytes: 0,
            when_full: WhenFull::DropNewest,
        });
        let fits = QOS0_BYTES / delivery.message.size();
        assert_eq!(inbox.put(&mut vec![delivery.clone(); fits + 3]), 3);
        let mut taken = VecDeque::new();
        inbox.take(&mut taken);
        assert_eq!(taken.len(), 2);
        assert_eq!(inbox.put(&mut vec![delivery; 3]), 1);
        assert_eq!(inbox.empty().len(), fits);
    }
}
