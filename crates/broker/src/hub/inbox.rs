//! The way from the hub to one connection: a bounded box that wakes whoever waits at it.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use mqttwb_model::QoS;
use mqttwb_wire::ReasonCode;
use parking_lot::Mutex;

use crate::session::{Delivery, QueueLimits};

/// QoS 0 is dropped past this many bytes that a client has not read: at most once, and never without bound.
const QOS0_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
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
            state.deliveries.push_back(delivery);
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

    /// Takes everything, in exchange for an empty queue whose memory is used again.
    pub(crate) fn take(&self, into: &mut VecDeque<Delivery>) {
        debug_assert!(into.is_empty());
        let mut state = self.state.lock();
        std::mem::swap(&mut state.deliveries, into);
        state.bytes = 0;
    }
}
