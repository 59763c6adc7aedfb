//! The way of messages between connections: `rumqttd`'s router, used as an ordered log in memory.
//!
//! Duty: carry batches of messages and commands from every connection to the hub, in one order, with bounded memory.
//! Not here: what is in a batch. Invariant: what was sent is received, in the order in which it was sent.
//!
//! One link and one topic serve a whole broker. Which subscriber gets a message is decided by our own index: the
//! router's matching is linear in the filters for each new topic, its filters are never removed, and its shared
//! groups and retained messages can't be relied on (docs/architecture.md has the measurements).
//! The router's thread never ends once it runs, so there is one for the life of the process; lanes are reused.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{Packet, Publish};
use rumqttd::{Notification, Router, RouterConfig};
use tokio::sync::Semaphore;

/// Bytes that may be under way in a lane: senders wait for room, so a flood slows its publishers.
const UNDER_WAY: usize = 4 << 20;
/// The router's log forgets whole segments; it must hold more than can be under way.
const SEGMENT: usize = 1 << 20;
const SEGMENTS: usize = 12;
const LANES: usize = 64;
/// What the log is written over with to make it forget. Nobody reads it, so it takes no memory.
static FILLER: [u8; SEGMENT] = [0; SEGMENT];
/// Every segment, the open one, and one to close it.
const FILLERS: usize = SEGMENTS + 2;
/// So many bytes in the log are worth the forgetting.
const WORTH_FORGETTING: usize = 64 << 10;

/// Links a name to the router. A closure, since rumqttd does not export the type of the channel that it holds.
type Link = Box<dyn Fn(&str) -> Result<(LinkTx, LinkRx), LaneError> + Send + Sync>;

struct Shared {
    link: Link,
    idle: Mutex<Vec<Lane>>,
    made: AtomicUsize,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let config = RouterConfig {
            max_connections: LANES,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        };
        let router = Router::new(0, config).spawn();
        Shared {
            link: Box::new(move |name| {
                LinkBuilder::new(name, router.clone())
                    .build()
                    .map(|(tx, rx, _)| (tx, rx))
                    .map_err(|_| LaneError::Router)
            }),
            idle: Mutex::new(Vec::new()),
            made: Default::default(),
        }
    })
}

/// The router can carry no further broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// As many brokers run in this process as the router has lanes.
    #[error("{LANES} brokers run in this process already")]
    NoneFree,
    /// The router did not take the link.
    #[error("the router does not answer")]
    Router,
}

/// Both ends of a link of the router, for one broker at a time.
struct Lane {
    topic: Bytes,
    tx: LinkTx,
    rx: LinkRx,
}

fn lane() -> Result<Lane, LaneError> {
    let shared = shared();
    if let Some(lane) = shared.idle.lock().pop() {
        return Ok(lane);
    }
    let n = shared.made.fetch_add(1, Relaxed);
    if n >= LANES {
        return Err(LaneError::NoneFree);
    }
    let name = format!("lane-{n}");
    let (mut tx, rx) = (shared.link)(&name)?;
    tx.subscribe(name.as_str()).map_err(|_| LaneError::Router)?;
    Ok(Lane {
        topic: name.into(),
        tx,
        rx,
    })
}

/// Opens a way through the router.
pub(crate) fn open() -> Result<(RouterSender, RouterReceiver), LaneError> {
    let Lane { topic, tx, rx } = lane()?;
    let sender = RouterSender(Arc::new(Sending {
        topic: topic.clone(),
        tx: Mutex::new(Some(tx)),
        room: Semaphore::new(UNDER_WAY),
        overdrawn: AtomicUsize::new(0),
    }));
    // A lane that was given back in a hurry may still hold batches of another broker: they end at this mark.
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let mark = Bytes::from(format!("opened {}", OPENED.fetch_add(1, Relaxed)));
    sender.send(mark.clone());
    let receiver = RouterReceiver {
        sending: sender.0.clone(),
        topic,
        rx: Some(rx),
        passes_over: Some(mark),
        remembered: 0,
        fillers: 0,
    };
    Ok((sender, receiver))
}

struct Sending {
    topic: Bytes,
    /// `None` once the receiver has gone.
    tx: Mutex<Option<LinkTx>>,
    room: Semaphore,
    /// Bytes under way that took no room.
    overdrawn: AtomicUsize,
}

/// Sends batches; cheap to clone.
#[derive(Clone)]
pub(crate) struct RouterSender(Arc<Sending>);

impl RouterSender {
    /// Waits until the batch may be under way. What is not to be forgotten is sent with [`Self::send`] then.
    pub(crate) async fn room_for(&self, bytes: usize) {
        // A batch larger than all the room goes alone. Closed means that the broker ends: nothing to wait for.
        let permits = bytes.min(UNDER_WAY) as u32;
        if let Ok(permit) = self.0.room.acquire_many(permits).await {
            permit.forget();
        }
    }

    /// Takes room for a batch that can't wait: a command, a will. May overdraw by little.
    fn overdraw(&self, bytes: usize) {
        let permits = bytes.min(UNDER_WAY) as u32;
        match self.0.room.try_acquire_many(permits) {
            Ok(permit) => permit.forget(),
            // Paid back on receipt: what is under way would outgrow the router's log otherwise, and be lost.
            Err(_) => {
                self.0.overdrawn.fetch_add(permits as usize, Relaxed);
            }
        }
    }

    /// Sends a batch that [`Self::room_for`] has made room for.
    pub(crate) fn send(&self, batch: Bytes) {
        let publish = Packet::Publish(Publish::new(self.0.topic.clone(), batch, false), None);
        let mut guard = self.0.tx.lock();
        let Some(tx) = guard.as_mut() else { return };
        let mut buffer = tx.buffer();
        if !buffer.is_empty() {
            // Whoever filled the buffer has woken the router, which has not taken it yet: this goes along.
            buffer.push_back(publish);
            return;
        }
        drop(buffer);
        // Pushes and wakes. The router's channel can't be full: it holds at most a wake-up for each emptying of the
        // buffer, so this does not block. `send` is async in name only.
        let _ = futures_util::FutureExt::now_or_never(tx.send(publish));
    }

    /// Sends a batch without waiting for room.
    pub(crate) fn send_now(&self, batch: Bytes) {
        self.overdraw(batch.len());
        self.send(batch);
    }
}

/// Receives batches in the order in which they were sent.
pub(crate) struct RouterReceiver {
    sending: Arc<Sending>,
    topic: Bytes,
    rx: Option<LinkRx>,
    /// Until this batch comes, what comes is not for us.
    passes_over: Option<Bytes>,
    /// Bytes that were received since the log was last made to forget.
    remembered: usize,
    /// How many fillers are still to come back, the next of them under way.
    fillers: usize,
}

impl RouterReceiver {
    /// The next batch; `None` when the router has gone.
    pub(crate) async fn receive(&mut self) -> Option<Bytes> {
        let rx = self.rx.as_mut()?;
        loop {
            match rx.next().await.ok()? {
                Some(Notification::Forward(forward)) => {
                    let batch = forward.publish.payload;
                    match &self.passes_over {
                        None if batch.as_ptr() == FILLER.as_ptr() => {
                            self.fillers = self.fillers.saturating_sub(1);
                            if self.fillers > 0 {
                                fill(&self.sending);
                            }
                        }
                        None => return Some(self.took(batch)),
                        Some(mark) if *mark == batch => self.passes_over = None,
                        Some(_) => {}
                    }
                }
                Some(Notification::Unschedule) => rx.wake().await.ok()?,
                Some(_) | None => {}
            }
        }
    }

    /// A batch that is there already.
    pub(crate) fn try_receive(&mut self) -> Option<Bytes> {
        futures_util::FutureExt::now_or_never(self.receive()).flatten()
    }

    /// Whether the log holds on to much that was received long ago.
    pub(crate) fn remembers(&self) -> bool {
        self.remembered >= WORTH_FORGETTING
    }

    /// Makes the log let go of what was received: it does so segment by segment, by being written over. Whoever waits in
    /// [`Self::receive`] carries it on.
    pub(crate) fn forget(&mut self) {
        self.remembered = 0;
        if self.fillers == 0 {
            self.fillers = FILLERS;
            fill(&self.sending);
        }
    }

    fn took(&mut self, batch: Bytes) -> Bytes {
        self.remembered += batch.len();
        let back = batch.len().min(UNDER_WAY);
        let pays = |debt: usize| Some(debt.saturating_sub(back));
        // Only this side pays, so what it found is what it paid from.
        let debt = match self.sending.overdrawn.fetch_update(Relaxed, Relaxed, pays) {
            Ok(debt) | Err(debt) => debt,
        };
        self.sending.room.add_permits(back.saturating_sub(debt));
        batch
    }
}

/// Sends a filler. One at a time: the log must not forget what is still under way.
fn fill(sending: &Arc<Sending>) {
    RouterSender(sending.clone()).send(Bytes::from_static(&FILLER));
}

impl Drop for RouterReceiver {
    /// Gives the lane back; whoever opens it passes over what was not received.
    fn drop(&mut self) {
        self.sending.room.close();
        let tx = self.sending.tx.lock().take();
        if let (Some(tx), Some(rx)) = (tx, self.rx.take()) {
            let topic = self.topic.clone();
            shared().idle.lock().push(Lane { topic, tx, rx });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_batch_arrives_in_order_from_each_of_many_senders() {
        const SENDERS: u8 = 4;
        const BATCHES: u32 = 5_000;
        let (sender, mut receiver) = open().unwrap();
        for who in 0..SENDERS {
            let sender = sender.clone();
            tokio::spawn(async move {
                for n in 0..BATCHES {
                    // 8 KiB each: many times more than may be under way
                    let mut batch = vec![who; 8 << 10];
                    batch[1..5].copy_from_slice(&n.to_le_bytes());
                    sender.room_for(batch.len()).await;
                    sender.send(batch.into());
                }
            });
        }
        let mut next = [0u32; SENDERS as usize];
        for _ in 0..u32::from(SENDERS) * BATCHES {
            let batch = receiver.receive().await.unwrap();
            let n = u32::from_le_bytes([batch[1], batch[2], batch[3], batch[4]]);
            let expected = &mut next[usize::from(batch[0])];
            assert_eq!(n, *expected);
            *expected += 1;
        }
        assert_eq!(next, [BATCHES; SENDERS as usize]);
        assert!(receiver.try_receive().is_none());
    }

    #[tokio::test]
    async fn a_lane_is_given_back_and_used_again() {
        for _ in 0..200 {
            let (sender, mut receiver) = open().unwrap();
            sender.send_now(Bytes::from_static(b"x"));
            assert_eq!(receiver.receive().await.unwrap(), "x");
        }
        let made = shared().made.load(Relaxed);
        assert!(made < LANES, "{made}");
    }

    #[tokio::test]
    async fn what_an_earlier_broker_left_in_a_lane_is_passed_over() {
        for round in 0..20u8 {
            let (sender, mut receiver) = open().unwrap();
            for n in 0..5 {
                sender.send_now(Bytes::from(vec![round, n]));
            }
            assert_eq!(&receiver.receive().await.unwrap()[..], [round, 0]);
        }
    }

    #[tokio::test]
    async fn what_was_received_is_forgotten_when_asked_and_nothing_else_is_lost() {
        let (sender, mut receiver) = open().unwrap();
        let held = Arc::new(vec![1; 3 << 20]);
        for _ in 0..3 {
            let batch = Bytes::from_owner(Large(held.clone()));
            sender.room_for(batch.len()).await;
            sender.send(batch);
            drop(receiver.receive().await.unwrap());
        }
        assert!(receiver.remembers());
        assert_eq!(Arc::strong_count(&held), 4, "the log has them");
        receiver.forget();
        assert!(!receiver.remembers());
        // Traffic goes on between the fillers.
        for n in 0..200u32 {
            sender.send_now(Bytes::copy_from_slice(&n.to_le_bytes()));
            let batch = receiver.receive().await.unwrap();
            assert_eq!(batch[..], n.to_le_bytes());
        }
        while receiver.fillers > 0 {
            assert_eq!(receiver.try_receive(), None);
            tokio::task::yield_now().await;
        }
        assert_eq!(Arc::strong_count(&held), 1);
    }

    /// A batch's memory, which tells when it is given back.
    struct Large(Arc<Vec<u8>>);

    impl AsRef<[u8]> for Large {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    #[tokio::test]
    async fn what_was_overdrawn_is_paid_back() {
        let (sender, mut receiver) = open().unwrap();
        sender.room_for(UNDER_WAY).await;
        sender.send(vec![0; UNDER_WAY].into());
        for _ in 0..1_000 {
            sender.send_now(Bytes::from_static(b"a command"));
        }
        receiver.receive().await.unwrap();
        let room = || sender.0.room.available_permits();
        assert!(room() < UNDER_WAY);
        for _ in 0..1_000 {
            receiver.receive().await.unwrap();
        }
        assert_eq!(room(), UNDER_WAY);
    }
}
