//! The journal: changes that must outlive the process, on their way to the store.
//!
//! Duty: gather changes while the store commits the ones before (group commit), leave out what has undone itself
//! meanwhile, and tell whoever waits that what it waits for is safe. Not here: what is worth keeping (the hub's and the
//! front's), how it is kept (the [`Store`]'s).
//! Invariant: changes reach the store in the order in which they were appended, those of one call together; nobody is told
//! before everything that was appended before it is committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::durable::{Change, Restored, SessionKey, Store, StoreError};
use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

use crate::hub::Inbox;

/// Bytes of changes that may wait: past them the hub waits, and so do publishers. Disks are slower than networks.
const ROOM: usize = 16 << 20;
/// What a change weighs beside its message.
const WEIGHT: usize = 64;
/// The pause after the store could not commit.
const AGAIN: Duration = Duration::from_millis(250);

/// What was waited for, at a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// What it asked the hub about, up to this question.
    Routed(u64),
    /// What it appended itself, up to this time.
    Stored(u64),
    /// Deliveries that were put behind this round.
    Round(u64),
}

/// Somebody who waits until all that was appended so far is safe.
pub(crate) enum Waiting {
    /// A connection.
    Inbox(Arc<Inbox>, Settled),
    /// Anybody else.
    Then(Box<dyn FnOnce() + Send>),
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inbox(_, settled) => f.debug_tuple("Inbox").field(settled).finish(),
            Self::Then(_) => f.write_str("Then"),
        }
    }
}

impl Waiting {
    fn tell(self) {
        match self {
            Self::Inbox(inbox, settled) => inbox.settle(settled),
            Self::Then(tell) => tell(),
        }
    }
}

/// Changes that are committed together.
#[derive(Default)]
struct Round {
    /// `None` is a change that has undone itself.
    changes: Vec<Option<Change>>,
    enqueued: HashMap<(SessionKey, u64), usize>,
    retained: HashMap<Arc<str>, usize>,
    waiting: Vec<Waiting>,
    bytes: usize,
}

impl Round {
    fn add(&mut self, change: Change) {
        match &change {
            Change::Enqueue(session, delivery) => {
                self.enqueued
                    .insert((*session, delivery.seq), self.changes.len());
            }
            // Acknowledged before it was written: neither needs to be.
            Change::Dequeue(session, seq) => {
                if let Some(at) = self.enqueued.remove(&(*session, *seq)) {
                    self.undo(at);
                    return;
                }
            }
            // The topic's last message is the only one that counts.
            Change::Retain(retained) => self.supersede(retained.topic.clone()),
            Change::Unretain(topic) => self.supersede(topic.clone()),
            _ => {}
        }
        self.bytes += weight(&change);
        self.changes.push(Some(change));
    }

    fn supersede(&mut self, topic: Arc<str>) {
        if let Some(before) = self.retained.insert(topic, self.changes.len()) {
            self.undo(before);
        }
    }

    fn undo(&mut self, at: usize) {
        if let Some(change) = self.changes[at].take() {
            self.bytes -= weight(&change);
        }
    }
}

fn weight(change: &Change) -> usize {
    WEIGHT
        + match change {
            Change::Enqueue(_, delivery) => delivery.message.len(),
            Change::Receive { message, .. } => message.len(),
            Change::Retain(retained) => retained.message.len(),
            _ => 0,
        }
}

#[derive(Default)]
struct State {
    filling: Round,
    /// The number of the round that is being filled.
    number: u64,
    /// There for as long as a round is being written.
    writing: Option<Writing>,
    failure: Option<StoreError>,
    /// Write what is there, and end.
    ends: bool,
}

#[derive(Default)]
struct Writing {
    bytes: usize,
    /// Who came while nothing more was to be written.
    waiting: Vec<Waiting>,
}

impl State {
    fn bytes(&self) -> usize {
        self.filling.bytes + self.writing.as_ref().map_or(0, |writing| writing.bytes)
    }
}

struct Inner {
    state: Mutex<State>,
    work: Condvar,
    room: Notify,
}

/// A store for a broker that has none and wants a journal's order.
pub(crate) fn keeps_nothing() -> Arc<dyn Store> {
    #[derive(Debug)]
    struct KeepsNothing;

    impl Store for KeepsNothing {
        fn restore(&self) -> Result<Restored, StoreError> {
            Ok(Restored::default())
        }

        fn commit(&self, _: &[Change]) -> Result<(), StoreError> {
            Ok(())
        }
    }

    Arc::new(KeepsNothing)
}

/// Appends changes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

/// Writes what the journal holds, on a thread of its own.
pub(crate) struct Writer {
    journal: Journal,
    thread: std::thread::JoinHandle<()>,
}

impl Journal {
    /// Opens a journal on a store.
    pub(crate) fn open(store: Arc<dyn Store>) -> std::io::Result<(Self, Writer)> {
        let journal = Self(Arc::new(Inner {
            state: Mutex::new(State {
                number: 1,
                ..State::default()
            }),
            work: Condvar::new(),
            room: Notify::new(),
        }));
        let writes = journal.clone();
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writes.write(store.as_ref()))?;
        let writer = Writer {
            journal: journal.clone(),
            thread,
        };
        Ok((journal, writer))
    }

    /// Appends changes as one, and empties the list; then tells those who wait, when all that was appended so far is safe.
    /// The number of the round that the changes are in.
    pub(crate) fn append(
        &self,
        changes: &mut Vec<Change>,
        waiting: impl IntoIterator<Item = Waiting>,
    ) -> u64 {
        let mut state = self.0.state.lock();
        for change in changes.drain(..) {
            state.filling.add(change);
        }
        let number = state.number;
        let mut safe_already = Vec::new();
        let now = &mut *state;
        let waits = if !now.filling.changes.is_empty() {
            self.0.work.notify_one();
            &mut now.filling.waiting
        } else if let Some(writing) = &mut now.writing {
            &mut writing.waiting
        } else {
            &mut safe_already
        };
        waits.extend(waiting);
        drop(state);
        safe_already.into_iter().for_each(Waiting::tell);
        number
    }

    /// Returns when all that was appended so far is safe.
    pub(crate) async fn safe(&self) {
        let (tell, told) = oneshot::channel();
        let waiting = Waiting::Then(Box::new(move || {
            let _ = tell.send(());
        }));
        self.append(&mut Vec::new(), [waiting]);
        let _ = told.await;
    }

    /// Whether so much waits to be written that no more should be made.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.0.state.lock();
        // A store that can't be written to must not stop those who don't need it; who does is refused meanwhile.
        state.bytes() >= ROOM && state.failure.is_none()
    }

    /// Returns when [`Self::is_full`] may have changed.
    pub(crate) async fn room(&self) {
        let notified = self.0.room.notified();
        if self.is_full() {
            notified.await;
        }
    }

    /// Why nothing is committed at present.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.0.state.lock().failure.clone()
    }

    fn write(&self, store: &dyn Store) {
        while let Some(round) = self.next() {
            let changes: Vec<Change> = round.changes.into_iter().flatten().collect();
            let mut waiting = round.waiting;
            if self.commit(store, &changes) {
                let mut state = self.0.state.lock();
                if let Some(writing) = state.writing.take() {
                    waiting.extend(writing.waiting);
                }
                drop(state);
                self.0.room.notify_waiters();
                waiting.into_iter().for_each(Waiting::tell);
            }
        }
    }

    /// Waits for changes; `None` when there will be none.
    fn next(&self) -> Option<Round> {
        let mut state = self.0.state.lock();
        while state.filling.changes.is_empty() {
            if state.ends {
                return None;
            }
            self.0.work.wait(&mut state);
        }
        state.number += 1;
        let round = std::mem::take(&mut state.filling);
        state.writing = Some(Writing {
            bytes: round.bytes,
            waiting: Vec::new(),
        });
        Some(round)
    }

    /// Commits, however often it takes. False where the journal ends before that.
    fn commit(&self, store: &dyn Store, changes: &[Change]) -> bool {
        loop {
            let failure = store.commit(changes).err();
            let mut state = self.0.state.lock();
            match (&failure, &state.failure) {
                (Some(error), None) => {
                    tracing::error!(%error, "the store can't be written; what needs it is refused until it can");
                }
                (None, Some(_)) => tracing::info!("the store is written again"),
                _ => {}
            }
            state.failure = failure;
            if state.failure.is_none() {
                return true;
            }
            self.0.room.notify_waiters();
            if state.ends {
                tracing::error!(changes = changes.len(), "changes were not written");
                state.writing = None;
                return false;
            }
            self.0.work.wait_for(&mut state, AGAIN);
        }
    }
}

impl Writer {
    /// Writes what is left, and ends. Blocks.
    pub(crate) fn end(self) {
        self.journal.0.state.lock().ends = true;
        self.journal.0.work.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the journal's thread failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mqttwb_model::durable::{DeliveryRecord, RetainedRecord, ShareRecord};
    use mqttwb_model::{ClientId, QoS, SubscriptionIds};

    use super::*;

    /// Keeps lists in memory; fails as often as it is told to.
    #[derive(Debug, Default)]
    struct Lists {
        committed: Mutex<Vec<Vec<Change>>>,
        fails: Mutex<u32>,
        /// Locked by a test that wants the store to be busy.
        busy: Mutex<()>,
    }

    impl Store for Lists {
        fn restore(&self) -> Result<Restored, StoreError> {
            Ok(Restored::default())
        }

        fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
            let _busy = self.busy.lock();
            let mut fails = self.fails.lock();
            if *fails > 0 {
                *fails -= 1;
                return Err(StoreError::Full("none left".into()));
            }
            self.committed.lock().push(changes.to_vec());
            Ok(())
        }
    }

    const SESSION: SessionKey = SessionKey(1);

    fn enqueue(seq: u64) -> Change {
        Change::Enqueue(
            SESSION,
            DeliveryRecord {
                seq,
                qos: QoS::AtLeastOnce,
                retain: false,
                released: false,
                packet_id: None,
                share: ShareRecord::Own,
                subscription_ids: SubscriptionIds::default(),
                message: Bytes::from_static(b"m"),
            },
        )
    }

    fn retain(topic: &str, message: &'static [u8]) -> Change {
        Change::Retain(RetainedRecord {
            topic: topic.into(),
            message: Bytes::from_static(message),
            publisher: ClientId::from("c"),
        })
    }

    fn open() -> (Arc<Lists>, Journal, Writer) {
        let lists = Arc::new(Lists::default());
        let (journal, writer) = Journal::open(lists.clone()).unwrap();
        (lists, journal, writer)
    }

    #[tokio::test]
    async fn who_waits_is_told_after_all_that_was_appended_before() {
        let (lists, journal, writer) = open();
        for seq in 0..100 {
            journal.append(&mut vec![enqueue(seq)], []);
        }
        journal.safe().await;
        let committed: Vec<_> = lists.committed.lock().iter().flatten().cloned().collect();
        assert_eq!(committed, (0..100).map(enqueue).collect::<Vec<_>>());
        // Nothing is under way: nothing is waited for.
        journal.safe().await;
        writer.end();
    }

    #[tokio::test]
    async fn what_undoes_itself_while_the_store_is_busy_is_not_written() {
        let (lists, journal, writer) = open();
        let busy = lists.busy.lock();
        journal.append(&mut vec![enqueue(1)], []);
        while journal.0.state.lock().writing.is_none() {
            std::thread::yield_now();
        }
        let mut changes = vec![
            enqueue(2),
            retain("a", b"1"),
            retain("a", b"2"),
            retain("b", b"1"),
            Change::Unretain("b".into()),
        ];
        journal.append(&mut changes, []);
        journal.append(
            &mut vec![Change::Dequeue(SESSION, 1), Change::Dequeue(SESSION, 2)],
            [],
        );
        drop(busy);
        journal.safe().await;
        let expected = [
            vec![enqueue(1)],
            vec![
                retain("a", b"2"),
                Change::Unretain("b".into()),
                Change::Dequeue(SESSION, 1),
            ],
        ];
        assert_eq!(*lists.committed.lock(), expected);
        writer.end();
    }

    #[tokio::test]
    async fn a_store_that_fails_is_tried_again_with_the_same_changes() {
        let (lists, journal, writer) = open();
        *lists.fails.lock() = 1;
        journal.append(&mut vec![enqueue(1)], []);
        journal.safe().await;
        assert_eq!(journal.failure(), None);
        assert_eq!(*lists.committed.lock(), [vec![enqueue(1)]]);
        writer.end();
    }

    #[test]
    fn what_is_there_when_it_ends_is_written() {
        let (lists, journal, writer) = open();
        journal.append(&mut vec![enqueue(1)], []);
        writer.end();
        assert_eq!(*lists.committed.lock(), [vec![enqueue(1)]]);
    }
}
