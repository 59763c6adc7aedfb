//! The store beside the simplest thing that keeps the same promise.

use std::collections::BTreeMap;

use mqttwb_model::durable::RestoredSession;
use proptest::prelude::*;

use super::*;

/// A store in memory, one change after the other.
#[derive(Debug, Clone, Default)]
struct Simple {
    sessions: BTreeMap<SessionKey, SimpleSession>,
    retained: BTreeMap<Arc<str>, RetainedRecord>,
}

#[derive(Debug, Clone)]
struct SimpleSession {
    record: SessionRecord,
    subscriptions: BTreeMap<String, SubscriptionRecord>,
    deliveries: BTreeMap<u64, DeliveryRecord>,
    received: BTreeMap<u16, Bytes>,
}

impl Simple {
    fn make(&mut self, change: Change) {
        match change {
            Change::Session(record) => match self.sessions.get_mut(&record.key) {
                Some(session) => session.record = record,
                None => {
                    let session = SimpleSession {
                        record: record.clone(),
                        subscriptions: BTreeMap::new(),
                        deliveries: BTreeMap::new(),
                        received: BTreeMap::new(),
                    };
                    self.sessions.insert(record.key, session);
                }
            },
            Change::EndSession(key) => {
                self.sessions.remove(&key);
            }
            Change::Subscribe(key, record) => self.of(key, |session| {
                session
                    .subscriptions
                    .insert(record.filter.as_str().to_owned(), record);
            }),
            Change::Unsubscribe(key, filter) => self.of(key, |session| {
                session.subscriptions.remove(filter.as_str());
            }),
            Change::Enqueue(key, mut record) => self.of(key, |session| {
                if record.released {
                    record.message = Bytes::new();
                }
                session.deliveries.insert(record.seq, record);
            }),
            Change::Release(key, seq) => self.of(key, |session| {
                if let Some(delivery) = session.deliveries.get_mut(&seq) {
                    delivery.released = true;
                    delivery.message = Bytes::new();
                }
            }),
            Change::Identify(key, seq, packet_id) => self.of(key, |session| {
                if let Some(delivery) = session.deliveries.get_mut(&seq) {
                    delivery.packet_id = Some(packet_id);
                }
            }),
            Change::Dequeue(key, seq) => self.of(key, |session| {
                session.deliveries.remove(&seq);
            }),
            Change::Receive {
                session,
                packet_id,
                message,
            } => self.of(session, |session| {
                session.received.insert(packet_id, message);
            }),
            Change::Forget { session, packet_id } => self.of(session, |session| {
                session.received.remove(&packet_id);
            }),
            Change::Retain(record) => {
                self.retained.insert(record.topic.clone(), record);
            }
            Change::Unretain(topic) => {
                self.retained.remove(&topic);
            }
        }
    }

    fn of(&mut self, key: SessionKey, change: impl FnOnce(&mut SimpleSession)) {
        if let Some(session) = self.sessions.get_mut(&key) {
            change(session);
        }
    }

    fn restore(&self) -> Restored {
        let sessions = self.sessions.values().cloned();
        Restored {
            sessions: sessions
                .map(|session| RestoredSession {
                    record: session.record,
                    subscriptions: session.subscriptions.into_values().collect(),
                    deliveries: session.deliveries.into_values().collect(),
                    received: session.received.into_iter().collect(),
                })
                .collect(),
            retained: self.retained.values().cloned().collect(),
        }
    }
}

/// A session's number; the second half has the highest bit, as no broker's has.
fn keys() -> impl Strategy<Value = SessionKey> {
    prop_oneof![0..3_u64, u64::MAX - 1..=u64::MAX].prop_map(SessionKey)
}

fn filters() -> impl Strategy<Value = TopicFilter> {
    let texts = ["#", "plant/+/state", "$share/workers/jobs/#", "Ä/☃"];
    prop::sample::select(texts.to_vec()).prop_map(|text| TopicFilter::try_from(text).unwrap())
}

fn topics() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(vec!["plant/1", "plant/2", "Ä/☃"]).prop_map(Arc::from)
}

fn records() -> impl Strategy<Value = SessionRecord> {
    let will = (prop::collection::vec(any::<u8>(), 0..40), any::<u32>());
    let version = prop::sample::select(vec![
        ProtocolVersion::V31,
        ProtocolVersion::V311,
        ProtocolVersion::V5,
    ]);
    let numbers = (any::<u32>(), any::<u64>(), any::<Option<u64>>());
    (keys(), ".{0,8}", version, numbers, prop::option::of(will)).prop_map(
        |(key, client, version, (expiry, sent, away), will)| SessionRecord {
            key,
            client: client.into(),
            version,
            expiry,
            away_since: away.map(Timestamp),
            sent,
            will: will.map(|(message, delay)| WillRecord {
                message: message.into(),
                delay,
            }),
        },
    )
}

/// One change, its message one of `messages`, its delivery numbered later.
fn change(messages: Vec<Bytes>) -> impl Strategy<Value = Change> {
    let messages = prop::sample::select(messages);
    let qos = prop::sample::select(vec![QoS::AtLeastOnce, QoS::ExactlyOnce]);
    let ids = prop::collection::vec(any::<u32>(), 0..3);
    let share = prop_oneof![
        8 => Just(ShareRecord::Own),
        2 => Just(ShareRecord::Of(TopicFilter::try_from("$share/workers/jobs/#").unwrap())),
        1 => Just(ShareRecord::Unknown),
    ];
    let packet_id = prop::option::weighted(0.1, any::<u16>());
    let flags = (any::<bool>(), prop::bool::weighted(0.1), packet_id, share);
    let delivery = (qos, flags, ids, messages.clone()).prop_map(
        |(qos, (retain, released, packet_id, share), ids, message)| DeliveryRecord {
            seq: 0,
            qos,
            retain,
            released,
            packet_id,
            share,
            subscription_ids: ids.into_iter().collect(),
            message,
        },
    );
    let subscribed =
        (filters(), any::<u8>(), any::<Option<u32>>()).prop_map(|(filter, options, id)| {
            SubscriptionRecord {
                filter,
                options,
                id,
            }
        });
    let retained = (topics(), messages.clone(), ".{0,4}").prop_map(|(topic, message, client)| {
        RetainedRecord {
            topic,
            message,
            publisher: client.into(),
        }
    });
    prop_oneof![
        4 => records().prop_map(Change::Session),
        1 => keys().prop_map(Change::EndSession),
        2 => (keys(), subscribed).prop_map(|(key, record)| Change::Subscribe(key, record)),
        1 => (keys(), filters()).prop_map(|(key, filter)| Change::Unsubscribe(key, filter)),
        8 => (keys(), delivery).prop_map(|(key, record)| Change::Enqueue(key, record)),
        2 => (keys(), 0..20_u64).prop_map(|(key, seq)| Change::Release(key, seq)),
        2 => (keys(), 0..20_u64, any::<u16>()).prop_map(|(key, seq, id)| Change::Identify(key, seq, id)),
        5 => (keys(), 0..20_u64).prop_map(|(key, seq)| Change::Dequeue(key, seq)),
        3 => (keys(), 0..3_u16, messages).prop_map(|(session, packet_id, message)| {
            Change::Receive { session, packet_id, message }
        }),
        2 => (keys(), 0..3_u16).prop_map(|(session, packet_id)| {
            Change::Forget { session, packet_id }
        }),
        3 => retained.prop_map(Change::Retain),
        1 => topics().prop_map(Change::Unretain),
    ]
}

/// A list of changes that share a few messages, short, longer and empty ones.
fn list() -> impl Strategy<Value = Vec<Change>> {
    let length = prop_oneof![
        Just(0_usize),
        1..40_usize,
        500..2_000_usize,
        5_000..9_000_usize
    ];
    let messages = prop::collection::vec(length.prop_map(message), 1..4);
    messages.prop_flat_map(|messages| prop::collection::vec(change(messages), 0..30))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_committed_is_what_is_found(lists in prop::collection::vec(list(), 1..8)) {
        let mut room = Room::new();
        let mut store = room.open();
        let mut simple = Simple::default();
        let mut seq = 0;
        for (at, mut changes) in lists.into_iter().enumerate() {
            for change in &mut changes {
                if let Change::Enqueue(_, record) = change {
                    record.seq = seq;
                    seq += 1;
                }
            }
            store.commit(&changes).unwrap();
            changes.into_iter().for_each(|change| simple.make(change));
            prop_assert_eq!(store.restore().unwrap(), simple.restore());
            match at % 3 {
                0 => {}
                1 => {
                    drop(store);
                    store = room.open();
                }
                _ => {
                    let killed = room.killed();
                    drop(store);
                    room = killed;
                    store = room.open();
                }
            }
            prop_assert_eq!(store.restore().unwrap(), simple.restore());
        }
        let mut end: Vec<Change> = simple.sessions.keys().copied().map(Change::EndSession).collect();
        end.extend(simple.retained.keys().cloned().map(Change::Unretain));
        store.commit(&end).unwrap();
        prop_assert_eq!(store.restore().unwrap(), Restored::default());
        prop_assert_eq!(bodies(&store), 0);
    }
}
