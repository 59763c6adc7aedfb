//! What of the hub's state must outlive the process: into the journal, and out of the store again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use mqttwb_model::durable::{
    Change, DeliveryRecord, Restored, RestoredSession, RetainedRecord, SessionKey, SessionRecord,
    ShareRecord, SubscriptionRecord, WillRecord,
};
use parking_lot::RwLock;

use super::*;
use crate::journal::{Journal, Settled, Waiting};
use crate::message::Sync;
use crate::session::Kept;

/// Topics that durable sessions want, for connections to look at: whoever publishes to none of them acknowledges at once.
#[derive(Debug, Default)]
pub(crate) struct DurableTopics {
    filters: AtomicUsize,
    /// Counts every change, so that what was looked up once can be remembered.
    version: AtomicU64,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    tree: Subscriptions,
    /// How many sessions have a filter.
    count: HashMap<TopicFilter, usize>,
}

/// Nobody in particular: the tree asks for a name.
const SOMEBODY: Subscriber = Subscriber(0);

impl DurableTopics {
    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.filters.load(Ordering::Acquire) == 0
    }

    /// Changes with every answer that may change.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether a durable session wants this topic.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        self.known.read().tree.matches(topic).is_any()
    }

    fn add(&self, filter: &TopicFilter) {
        let mut known = self.known.write();
        let count = known.count.entry(filter.clone()).or_default();
        *count += 1;
        if *count == 1 {
            let subscription = Subscription {
                subscriber: SOMEBODY,
                options: SubscriptionOptions::default(),
                id: None,
            };
            known.tree.insert(filter, subscription);
            self.changed(&known);
        }
    }

    fn remove(&self, filter: &TopicFilter) {
        let mut known = self.known.write();
        let Some(count) = known.count.get_mut(filter) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            known.count.remove(filter);
            known.tree.remove(filter, SOMEBODY);
            self.changed(&known);
        }
    }

    fn changed(&self, known: &Known) {
        self.filters.store(known.count.len(), Ordering::Release);
        self.version.fetch_add(1, Ordering::AcqRel);
    }
}

/// The hub's side of the journal.
#[derive(Debug)]
pub(super) struct Durable {
    journal: Option<Journal>,
    topics: Arc<DurableTopics>,
    next_key: u64,
    /// Appended together at the end of a round: what one message makes is never torn apart.
    changes: Vec<Change>,
    waiting: Vec<Waiting>,
    /// The journal's round that was appended to last.
    appended: u64,
}

impl Durable {
    pub(super) fn new(journal: Option<Journal>, topics: Arc<DurableTopics>) -> Self {
        Self {
            journal,
            topics,
            next_key: 1,
            changes: Vec::new(),
            waiting: Vec::new(),
            appended: 0,
        }
    }

    /// The number of a new session that lasts so many seconds after its connection, where that is to be kept.
    pub(super) fn new_session(&mut self, expiry: u32) -> Option<SessionKey> {
        self.journal.as_ref().filter(|_| expiry > 0)?;
        self.next_key += 1;
        Some(SessionKey(self.next_key - 1))
    }

    pub(super) fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// A delivery waits for a session's client; of a shared subscription, where `share` says which.
    pub(super) fn enqueue(
        &mut self,
        session: SessionKey,
        delivery: &Delivery,
        share: Option<&TopicFilter>,
    ) {
        self.changes.push(Change::Enqueue(
            session,
            DeliveryRecord {
                seq: delivery.seq,
                qos: delivery.qos,
                retain: delivery.retain,
                released: false,
                packet_id: None,
                share: share.map_or(ShareRecord::Own, |filter| ShareRecord::Of(filter.clone())),
                subscription_ids: delivery.subscription_ids.clone(),
                message: delivery.message.bytes().clone(),
            },
        ));
    }

    /// Does it when all that was done up to the end of this round is safe; at once where nothing is kept.
    pub(super) fn then(&mut self, keeps: bool, tell: impl FnOnce() + Send + 'static) {
        if keeps {
            self.waiting.push(Waiting::Then(Box::new(tell)));
        } else {
            tell();
        }
    }

    pub(super) fn subscribe(
        &mut self,
        session: SessionKey,
        filter: &TopicFilter,
        options: SubscriptionOptions,
        id: Option<u32>,
        new: bool,
    ) {
        if new {
            self.topics.add(filter);
        }
        let record = SubscriptionRecord {
            filter: filter.clone(),
            options: options.into(),
            id,
        };
        self.change(Change::Subscribe(session, record));
    }

    pub(super) fn unsubscribe(&mut self, session: SessionKey, filter: &TopicFilter) {
        self.topics.remove(filter);
        self.change(Change::Unsubscribe(session, filter.clone()));
    }

    pub(super) fn end_session<'a>(
        &mut self,
        session: SessionKey,
        filters: impl Iterator<Item = &'a TopicFilter>,
    ) {
        filters.for_each(|filter| self.topics.remove(filter));
        self.change(Change::EndSession(session));
    }

    pub(super) fn retain(&mut self, message: &Message, publisher: &ClientId) {
        if self.journal.is_none() {
            return;
        }
        let topic: Arc<str> = message.topic().into();
        self.change(if message.payload().is_empty() {
            Change::Unretain(topic)
        } else {
            Change::Retain(RetainedRecord {
                topic,
                message: message.bytes().clone(),
                publisher: publisher.clone(),
            })
        });
    }

    pub(super) fn unretain(&mut self, topic: &str) {
        if self.journal.is_some() {
            self.change(Change::Unretain(topic.into()));
        }
    }

    /// Hands over what was made so far. The journal's round in which, at the latest, all of it is: some may have been
    /// handed over before.
    pub(super) fn append_changes(&mut self) -> u64 {
        if let Some(journal) = &self.journal
            && !self.changes.is_empty()
        {
            self.appended = journal.append(&mut self.changes, []);
        }
        self.appended
    }

    /// Hands over what was made since, and those who wait until all of it is safe.
    pub(super) fn append_waiting(&mut self) {
        if let Some(journal) = &self.journal
            && !(self.changes.is_empty() && self.waiting.is_empty())
        {
            journal.append(&mut self.changes, self.waiting.drain(..));
        }
    }

    /// Tells a connection when the journal's present round is safe.
    pub(super) fn tell(&self, inbox: &Arc<Inbox>, round: u64) {
        if let Some(journal) = &self.journal {
            let waiting = Waiting::Inbox(inbox.clone(), Settled::Round(round));
            journal.append(&mut Vec::new(), [waiting]);
        }
    }
}

impl Online {
    /// The session's record while the client is here.
    pub(super) fn record(&self, key: SessionKey, sent: u64) -> SessionRecord {
        SessionRecord {
            key,
            client: self.info.client.clone(),
            version: self.info.version,
            expiry: self.session_expiry,
            away_since: None,
            sent,
            will: self.will.as_ref().map(|will| WillRecord {
                message: will.message.bytes().clone(),
                delay: u32::try_from(will.delay.as_secs()).unwrap_or(u32::MAX),
            }),
        }
    }
}

impl Hub {
    /// A connection asks to hear when all that came before is safe.
    pub(crate) fn sync(&mut self, sync: Sync) {
        if let Some(client) = self.clients.get(sync.client as usize)
            && let State::Online(online) = &client.state
            && online.info.id == sync.connection
        {
            let settled = Settled::Routed(sync.ticket);
            let waiting = Waiting::Inbox(online.inbox.clone(), settled);
            self.durable.waiting.push(waiting);
        }
    }

    /// Where what must outlive the process is written.
    pub(crate) fn journal(&self) -> Option<Journal> {
        self.durable.journal.clone()
    }

    /// A message that waited for its PUBREL goes on its way in this round.
    pub(crate) fn forget_received(&mut self, session: SessionKey, packet_id: u16) {
        self.durable.change(Change::Forget { session, packet_id });
    }

    /// Takes up what a store has kept: every client is away, those that were connected since now.
    pub(crate) fn restore(&mut self, restored: Restored, now: Timestamp) -> Result<(), String> {
        for retained in restored.retained {
            let message = Message::from_stored(retained.message).ok_or_else(|| {
                format!("the retained message of {} can't be read", retained.topic)
            })?;
            crate::front::later_than(message.origin().id);
            self.retained.set(&message, &retained.publisher);
        }
        let mut sessions = Vec::new();
        let unreadable = |session: &RestoredSession| {
            let name = &session.record.client;
            format!("the session of {name} can't be read")
        };
        for session in restored.sessions {
            let key = self.restore_session(&session, now);
            sessions.push((key.ok_or_else(|| unreadable(&session))?, session));
        }
        // Whoever is a member of a shared subscription is one before anybody's delivery is said to be of it.
        for (key, session) in sessions {
            let error = unreadable(&session);
            self.restore_deliveries(key, session).ok_or(error)?;
        }
        self.count_retained();
        self.count_subscriptions();
        Ok(())
    }

    /// The session itself and what it subscribed. Its number.
    fn restore_session(&mut self, kept: &RestoredSession, now: Timestamp) -> Option<u32> {
        let record = &kept.record;
        self.durable.next_key = self.durable.next_key.max(record.key.0 + 1);
        let key = self.clients.vacant_key() as u32;
        let mut filters = HashMap::new();
        for subscription in &kept.subscriptions {
            let options = SubscriptionOptions::try_from(subscription.options).ok()?;
            let filter = &subscription.filter;
            let entry = Subscription {
                subscriber: Subscriber(key),
                options,
                id: subscription.id,
            };
            self.subscriptions.insert(filter, entry);
            self.durable.topics.add(filter);
            filters.insert(filter.clone(), (options, subscription.id));
        }
        // The connection that its will comes from had a number of another run, which is somebody else's in this.
        let last = crate::front::next_connection();
        self.names.insert(last, record.client.clone());
        let away_since = record.away_since.unwrap_or(now);
        let will = match &record.will {
            Some(will) => Some((
                away_since.plus(Duration::from_secs(will.delay.into())),
                Message::from_stored(will.message.clone())?.published_by(last),
            )),
            None => None,
        };
        let lifetime = Duration::from_secs(record.expiry.into());
        let expires = (record.expiry != u32::MAX).then(|| away_since.plus(lifetime));
        self.clients.insert(Client {
            id: record.client.clone(),
            identity: None,
            state: State::Offline(Box::new(Offline {
                session: Session::new(Terms::away(record.version), self.limits.queue),
                last,
                expires,
                away_since,
                session_expiry: record.expiry,
                version: record.version,
                will,
            })),
            filters,
            waiting: VecDeque::new(),
            durable: Some(record.key),
            next_seq: 1,
        });
        self.by_id.insert(record.client.clone(), key);
        self.counters
            .sessions
            .store(self.clients.len() as u64, Relaxed);
        Some(key)
    }

    /// What waits for a session's client, and for its PUBREL.
    fn restore_deliveries(&mut self, key: u32, kept: RestoredSession) -> Option<()> {
        let record = kept.record;
        let last = kept.deliveries.last().map_or(0, |delivery| delivery.seq);
        let mut deliveries = Vec::new();
        for delivery in kept.deliveries {
            let message = if delivery.released {
                Message::nothing()
            } else {
                Message::from_stored(delivery.message)?
            };
            crate::front::later_than(message.origin().id);
            let filters = self.clients[key as usize].filters.keys();
            let share = Hub::share_of(
                self.subscriptions.shares(),
                &delivery.share,
                filters,
                message.topic(),
            );
            deliveries.push(Kept {
                delivery: Delivery {
                    message,
                    qos: delivery.qos,
                    retain: delivery.retain,
                    subscription_ids: delivery.subscription_ids,
                    seq: delivery.seq,
                    share,
                },
                released: delivery.released,
                packet_id: delivery.packet_id,
            });
        }
        // Who was connected may have been sent any of them.
        let sent = match record.away_since {
            Some(_) => record.sent,
            None => record.sent.max(last),
        };
        let received: Option<Vec<(u16, Message)>> = kept
            .received
            .into_iter()
            .map(|(id, message)| Some((id, Message::from_stored(message)?)))
            .collect();
        let session = Session::new(Terms::away(record.version), self.limits.queue).restored(
            deliveries.into_iter(),
            sent,
            received?.into_iter(),
        );
        let client = &mut self.clients[key as usize];
        client.next_seq = sent.max(last) + 1;
        if let State::Offline(offline) = &mut client.state {
            offline.session = session;
        }
        self.journal_away(key);
        self.remember_deadlines(key);
        Some(())
    }

    /// Writes a session down as it is while its client is away.
    pub(super) fn journal_away(&mut self, key: u32) {
        let client = &self.clients[key as usize];
        let (Some(session), State::Offline(offline)) = (client.durable, &client.state) else {
            return;
        };
        let record = SessionRecord {
            key: session,
            client: client.id.clone(),
            version: offline.version,
            expiry: offline.session_expiry,
            away_since: Some(offline.away_since),
            sent: offline.session.sent(),
            will: offline.will.as_ref().map(|(due, message)| WillRecord {
                message: message.bytes().clone(),
                delay: u32::try_from(due.since(offline.away_since).as_secs()).unwrap_or(u32::MAX),
            }),
        };
        self.durable.change(Change::Session(record));
    }
}

#[cfg(test)]
mod tests {
    use mqttwb_model::durable::{Store, StoreError};

    use super::*;

    #[derive(Debug)]
    struct Nowhere;

    impl Store for Nowhere {
        fn restore(&self) -> Result<Restored, StoreError> {
            Ok(Restored::default())
        }

        fn commit(&self, _: &[Change]) -> Result<(), StoreError> {
            Ok(())
        }
    }

    /// A session that is taken up hands over what was made until then. What is given out at the end of the round was
    /// among it, and must not be told to be of an earlier one: it would be sent before it is safe.
    #[test]
    fn what_was_handed_over_within_a_round_is_of_that_round_at_its_end() {
        let (journal, writer) = Journal::open(Arc::new(Nowhere)).unwrap();
        let mut durable = Durable::new(Some(journal), Arc::default());
        for _ in 0..3 {
            durable.change(Change::EndSession(SessionKey(1)));
            let handed_over = durable.append_changes();
            assert!(handed_over > 0);
            assert_eq!(durable.append_changes(), handed_over);
        }
        writer.end();
    }
}
