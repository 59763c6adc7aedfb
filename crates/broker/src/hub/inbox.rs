//! The way from the hub to one connection: a bounded box that wakes whoever waits at it.
//!
//! Deliveries that must be safe before they are sent wait behind the journal's round that they are in, and what comes
//! after them waits behind them: the order is kept.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use mqttwb_model::{MessageId, QoS};
use mqttwb_wire::ReasonCode;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::Forbidden;
use crate::journal::Settled;
use crate::session::{Delivery, QueueLimits, SessionContents, take_out};

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
    /// What all of it weighs, and how many there are.
    bytes: usize,
    count: usize,
    /// How often something was put in since the connection last took everything.
    puts: usize,
    /// Deliveries that are not to be sent before their round is safe, in the order of the rounds.
    behind: VecDeque<(u64, VecDeque<Delivery>)>,
    /// What is safe of the connection's own.
    safe: Safe,
    /// The connection has not seen what is safe.
    news: bool,
    /// Messages that this connection has published and that a full queue did not take.
    refused: Vec<MessageId>,
    /// What operators want of the session.
    asked: Vec<Asked>,
    /// The connection is to end, for this reason, in these words where the reason code has none of its own.
    end: Option<(ReasonCode, Option<&'static str>)>,
    waker: Option<Waker>,
}

/// How far what a connection waits for is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Safe {
    /// What it asked the hub about, up to this question.
    pub(crate) routed: u64,
    /// What it appended to the journal itself, up to this time.
    pub(crate) stored: u64,
}

/// Filled by the hub, emptied by the connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    limits: QueueLimits,
}

/// What an operator wants of the session.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To see what is in it: of each list so many entries at most, from one on.
    Contents {
        from: usize,
        at_most: usize,
        reply: oneshot::Sender<SessionContents>,
    },
    /// To drop what waits to be sent, and have it.
    DropQueue(oneshot::Sender<Vec<Delivery>>),
    /// To send nothing of what may not reach the client any more, and say how much it was. It is done whoever waits.
    Withhold(Forbidden, oneshot::Sender<usize>),
}

impl Asked {
    fn is_closed(&self) -> bool {
        match self {
            Self::Contents { reply, .. } => reply.is_closed(),
            Self::DropQueue(reply) => reply.is_closed(),
            Self::Withhold(..) => false,
        }
    }
}

/// So many may ask at a time.
const MOST_ASKED: usize = 4;

/// What a connection finds in its inbox.
#[derive(Debug)]
pub(crate) enum Mail {
    /// What operators want of the session.
    Asked(Vec<Asked>),
    /// Messages to deliver.
    Deliveries,
    /// More of what the connection waits for is safe.
    Safe(Safe),
    /// Close the connection, for this reason.
    End(ReasonCode, Option<&'static str>),
}

impl Inbox {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            state: Mutex::default(),
            limits,
        }
    }

    /// Puts messages in, and empties `deliveries` but for those that there was no room for. They are not taken out before
    /// the journal's round `after` is safe, where there is one.
    pub(crate) fn put(&self, deliveries: &mut VecDeque<Delivery>, after: Option<u64>) {
        let all = deliveries.iter().map(|d| d.message.size()).sum();
        let mut state = self.state.lock();
        state.puts += 1;
        let detach = state.puts > BEHIND;
        let waits = after.is_some() || !state.behind.is_empty();
        let few = all <= QOS0_BYTES && deliveries.len() <= self.limits.messages;
        if state.count == 0 && few && !waits && !detach {
            // The usual case: the connection has taken everything, and gets the whole queue as it stands.
            std::mem::swap(&mut state.deliveries, deliveries);
            state.bytes = all;
            state.count = state.deliveries.len();
            return wake(state);
        }
        let mut taken = VecDeque::new();
        let mut refused = VecDeque::new();
        for delivery in deliveries.drain(..) {
            let bytes = state.bytes + delivery.message.size();
            let full = match delivery.qos {
                QoS::AtMostOnce => bytes > QOS0_BYTES,
                QoS::AtLeastOnce | QoS::ExactlyOnce => {
                    bytes > QOS0_BYTES + self.limits.bytes || state.count >= self.limits.messages
                }
            };
            // A box that is empty takes anything: a single large message must pass.
            if full && state.bytes > 0 {
                refused.push_back(delivery);
                continue;
            }
            state.bytes = bytes;
            state.count += 1;
            let delivery = if detach {
                delivery.detached()
            } else {
                delivery
            };
            if waits {
                taken.push_back(delivery);
            } else {
                state.deliveries.push_back(delivery);
            }
        }
        deliveries.append(&mut refused);
        if waits && !taken.is_empty() {
            // What needs not wait itself waits behind what does.
            let round = after.unwrap_or_else(|| state.behind.back().map_or(0, |(round, _)| *round));
            state.behind.push_back((round, taken));
            return;
        }
        wake(state);
    }

    /// A queue was full for this message, which the connection has published.
    pub(crate) fn refuse(&self, message: MessageId) {
        self.state.lock().refused.push(message);
    }

    /// The messages that were refused since the last time.
    pub(crate) fn refused(&self) -> Vec<MessageId> {
        std::mem::take(&mut self.state.lock().refused)
    }

    /// Something that was waited for is safe.
    pub(crate) fn settle(&self, settled: Settled) {
        let mut state = self.state.lock();
        match settled {
            Settled::Routed(ticket) => {
                state.safe.routed = state.safe.routed.max(ticket);
                state.news = true;
            }
            Settled::Stored(ticket) => {
                state.safe.stored = state.safe.stored.max(ticket);
                state.news = true;
            }
            Settled::Round(round) => {
                let State {
                    behind, deliveries, ..
                } = &mut *state;
                let safe = behind.iter().take_while(|(r, _)| *r <= round).count();
                deliveries.extend(behind.drain(..safe).flat_map(|(_, safe)| safe));
            }
        }
        wake(state);
    }

    /// Asks the connection what is in its session; `None` where too many ask already. The connection may end before it
    /// answers.
    pub(crate) fn ask(
        &self,
        from: usize,
        at_most: usize,
    ) -> Option<oneshot::Receiver<SessionContents>> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Contents {
            from,
            at_most,
            reply,
        };
        self.put_question(asked).then_some(answer)
    }

    /// As [`Self::ask`], to drop what waits to be sent.
    pub(crate) fn drop_queue(&self) -> Option<oneshot::Receiver<Vec<Delivery>>> {
        let (reply, answer) = oneshot::channel();
        self.put_question(Asked::DropQueue(reply)).then_some(answer)
    }

    /// Has the connection withhold what may not reach the client any more; it always has room for that. The connection may
    /// end before it answers.
    pub(crate) fn withhold(&self, forbidden: Forbidden) -> oneshot::Receiver<usize> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.state.lock();
        state.asked.push(Asked::Withhold(forbidden, reply));
        wake(state);
        answer
    }

    /// What the connection was to withhold and has not come to: it has gone.
    pub(crate) fn unheard(&self) -> Vec<(Forbidden, oneshot::Sender<usize>)> {
        let asked = std::mem::take(&mut self.state.lock().asked);
        let withhold = |asked| match asked {
            Asked::Withhold(forbidden, reply) => Some((forbidden, reply)),
            Asked::Contents { .. } | Asked::DropQueue(_) => None,
        };
        asked.into_iter().filter_map(withhold).collect()
    }

    /// Takes out what has not come to the session yet and is this.
    pub(crate) fn take_out(&self, mut is: impl FnMut(&Delivery) -> bool) -> Vec<Delivery> {
        let mut state = self.state.lock();
        let State {
            deliveries, behind, ..
        } = &mut *state;
        let behind = behind.iter_mut().map(|(_, waiting)| waiting);
        let out: Vec<_> = std::iter::once(deliveries)
            .chain(behind)
            .flat_map(|queue| take_out(queue, &mut is))
            .collect();
        state.count -= out.len();
        state.bytes -= out.iter().map(|one| one.message.size()).sum::<usize>();
        out
    }

    fn put_question(&self, asked: Asked) -> bool {
        let mut state = self.state.lock();
        state.asked.retain(|asked| !asked.is_closed());
        if state.asked.len() >= MOST_ASKED {
            return false;
        }
        state.asked.push(asked);
        wake(state);
        true
    }

    /// Messages in it.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().count
    }

    /// Tells the connection to end.
    pub(crate) fn end(&self, reason: ReasonCode) {
        self.end_because(reason, None);
    }

    /// Tells the connection to end, in these words where the reason code has none of its own.
    pub(crate) fn end_because(&self, reason: ReasonCode, why: Option<&'static str>) {
        let mut state = self.state.lock();
        state.end.get_or_insert((reason, why));
        wake(state);
    }

    /// Whether there is something, for a task that waits. Messages are taken with [`Self::take`].
    pub(crate) fn poll(&self, cx: &mut Context<'_>, wants_deliveries: bool) -> Poll<Mail> {
        let mut state = self.state.lock();
        if let Some((reason, why)) = state.end {
            return Poll::Ready(Mail::End(reason, why));
        }
        if !state.asked.is_empty() {
            return Poll::Ready(Mail::Asked(std::mem::take(&mut state.asked)));
        }
        if std::mem::take(&mut state.news) {
            return Poll::Ready(Mail::Safe(state.safe));
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

    /// Takes what may be sent, where that is not too much for once in exchange for an empty queue whose memory is used
    /// again.
    pub(crate) fn take(&self, into: &mut VecDeque<Delivery>) {
        debug_assert!(into.is_empty());
        let mut state = self.state.lock();
        if state.bytes <= TAKEN_AT_ONCE && state.behind.is_empty() {
            std::mem::swap(&mut state.deliveries, into);
            state.bytes = 0;
            state.count = 0;
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
        state.count -= into.len();
    }

    /// Takes everything, also what may not be sent yet: the connection has gone.
    pub(crate) fn empty(&self) -> VecDeque<Delivery> {
        let mut state = self.state.lock();
        state.bytes = 0;
        state.count = 0;
        let mut all = std::mem::take(&mut state.deliveries);
        let behind = std::mem::take(&mut state.behind);
        all.extend(behind.into_iter().flat_map(|(_, deliveries)| deliveries));
        all
    }
}

/// Wakes whoever waits, without holding the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::{Bytes, BytesMut};
    use mqttwb_model::{ConnectionId, SubscriptionIds, Timestamp};
    use mqttwb_wire::{Properties, Publish};

    use super::*;
    use crate::message::{self, Message, Origin, Record};
    use crate::session::WhenFull;

    const ORIGIN: Origin = Origin {
        id: MessageId(1),
        publisher: ConnectionId(1),
        at: Timestamp(0),
    };

    fn publish(payload: &[u8]) -> Publish<'_> {
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            packet_id: 0,
            properties: Properties::NONE,
            payload,
        }
    }

    /// A batch's memory, which tells when it is given back.
    struct Batch(Vec<u8>, #[allow(dead_code)] Arc<()>);

    impl AsRef<[u8]> for Batch {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    #[test]
    fn a_client_that_is_behind_holds_on_to_a_few_batches_only() {
        let publish = publish(b"x");
        let mut bytes = BytesMut::new();
        message::append(&mut bytes, &publish, "t", ORIGIN);
        let limits = QueueLimits {
            messages: 1_000,
            bytes: 1 << 20,
            when_full: WhenFull::DropNewest,
        };
        let inbox = Inbox::new(limits);
        let batches = Arc::new(());
        for _ in 0..100 {
            let batch = Bytes::from_owner(Batch(bytes.to_vec(), batches.clone()));
            let mut deliveries: VecDeque<_> = message::records(batch)
                .map(|record| match record {
                    Record::Message(message) => Delivery {
                        message,
                        qos: QoS::AtMostOnce,
                        retain: false,
                        subscription_ids: SubscriptionIds::default(),
                        seq: 0,
                        share: None,
                    },
                    other => panic!("{other:?}"),
                })
                .collect();
            inbox.put(&mut deliveries, None);
            assert_eq!(deliveries.len(), 0);
        }
        assert_eq!(Arc::strong_count(&batches) - 1, BEHIND);
        let mut taken = VecDeque::new();
        inbox.take(&mut taken);
        assert_eq!(taken.len(), 100);
    }

    #[test]
    fn what_is_taken_at_once_is_bounded_and_the_rest_still_counts() {
        let payload = vec![0; TAKEN_AT_ONCE / 2];
        let publish = publish(&payload);
        let delivery = Delivery {
            message: Message::new(&publish, "t", ORIGIN),
            qos: QoS::AtMostOnce,
            retain: false,
            subscription_ids: SubscriptionIds::default(),
            seq: 0,
            share: None,
        };
        let inbox = Inbox::new(QueueLimits {
            messages: 10,
            bytes: 0,
            when_full: WhenFull::DropNewest,
        });
        let fits = QOS0_BYTES / delivery.message.size();
        let mut deliveries = VecDeque::from(vec![delivery.clone(); fits + 3]);
        inbox.put(&mut deliveries, None);
        assert_eq!(deliveries.len(), 3);
        let mut taken = VecDeque::new();
        inbox.take(&mut taken);
        assert_eq!(taken.len(), 2);
        let mut deliveries = VecDeque::from(vec![delivery; 3]);
        inbox.put(&mut deliveries, None);
        assert_eq!(deliveries.len(), 1);
        assert_eq!(inbox.empty().len(), fits);
    }
}
