//! What a list of changes comes to.
//!
//! Duty: the state, after the list, of everything that the list touches. So a message that was enqueued and dequeued
//! within it costs nothing, and what goes can be written before what comes. Not here: SQL.
//! Invariant: writing the effect makes the same of a store as making the changes one by one.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use mqttwb_model::durable::{
    Change, DeliveryRecord, RetainedRecord, SessionKey, SessionRecord, SubscriptionRecord,
};

/// What becomes of one delivery.
#[derive(Debug, Clone, Copy)]
pub enum Delivery<'a> {
    /// It is there, and was not before.
    New {
        /// As it was enqueued.
        record: &'a DeliveryRecord,
        /// Whether PUBREC came, before or since.
        released: bool,
        /// Its packet identifier, where one was given, before or since.
        packet_id: Option<u16>,
    },
    /// It was there, and is otherwise now.
    Changed {
        /// PUBREC came.
        released: bool,
        /// It has this packet identifier.
        packet_id: Option<u16>,
    },
    /// It is there no more.
    Gone,
}

/// What becomes of one session; `None` is there no more.
#[derive(Debug, Default)]
pub struct SessionEffect<'a> {
    /// Whether the session is there after the list.
    pub lives: bool,
    /// What was there of it before the list goes first.
    pub ended: bool,
    /// Itself, when it changed.
    pub record: Option<&'a SessionRecord>,
    /// Its subscriptions, by filter.
    pub subscriptions: BTreeMap<&'a str, Option<&'a SubscriptionRecord>>,
    /// Its deliveries, by number.
    pub deliveries: BTreeMap<u64, Delivery<'a>>,
    /// What waits for PUBREL, by packet identifier.
    pub received: BTreeMap<u16, Option<&'a Bytes>>,
}

/// What a list of changes comes to.
#[derive(Debug, Default)]
pub struct Effect<'a> {
    /// By session.
    pub sessions: BTreeMap<SessionKey, SessionEffect<'a>>,
    /// By topic; `None` is there no more.
    pub retained: BTreeMap<&'a str, Option<&'a RetainedRecord>>,
}

impl<'a> Effect<'a> {
    /// `lives` says which sessions are there before the list. A change of one that is not there has no effect.
    pub fn of(changes: &'a [Change], lives: impl Fn(SessionKey) -> bool) -> Self {
        let mut effect = Self::default();
        for change in changes {
            effect.make(change, &lives);
        }
        effect
    }

    fn make(&mut self, change: &'a Change, lives: &impl Fn(SessionKey) -> bool) {
        match change {
            Change::Session(record) => {
                let session = self.session(record.key, lives);
                session.lives = true;
                session.record = Some(record);
            }
            Change::EndSession(key) => {
                *self.session(*key, lives) = SessionEffect {
                    ended: true,
                    ..SessionEffect::default()
                };
            }
            Change::Subscribe(key, record) => self
                .session(*key, lives)
                .subscribe(record.filter.as_str(), Some(record)),
            Change::Unsubscribe(key, filter) => {
                self.session(*key, lives).subscribe(filter.as_str(), None);
            }
            Change::Enqueue(key, record) => self.session(*key, lives).enqueue(record),
            Change::Release(key, seq) => self.session(*key, lives).release(*seq),
            Change::Identify(key, seq, packet_id) => {
                self.session(*key, lives).identify(*seq, *packet_id);
            }
            Change::Dequeue(key, seq) => self.session(*key, lives).dequeue(*seq),
            Change::Receive {
                session,
                packet_id,
                message,
            } => self
                .session(*session, lives)
                .receive(*packet_id, Some(message)),
            Change::Forget { session, packet_id } => {
                self.session(*session, lives).receive(*packet_id, None);
            }
            Change::Retain(record) => {
                self.retained.insert(&record.topic, Some(record));
            }
            Change::Unretain(topic) => {
                self.retained.insert(topic, None);
            }
        }
    }

    fn session(
        &mut self,
        key: SessionKey,
        lives: &impl Fn(SessionKey) -> bool,
    ) -> &mut SessionEffect<'a> {
        self.sessions.entry(key).or_insert_with(|| SessionEffect {
            lives: lives(key),
            ..SessionEffect::default()
        })
    }

    /// Every message that is there after the list and was not before.
    pub fn new_messages(&self) -> impl Iterator<Item = &'a Bytes> {
        let of_sessions = self.sessions.values().flat_map(|session| {
            let deliveries = session.deliveries.values().filter_map(Delivery::message);
            deliveries.chain(session.received.values().copied().flatten())
        });
        let retained = self.retained.values().flatten();
        of_sessions.chain(retained.map(|record| &record.message))
    }
}

impl<'a> SessionEffect<'a> {
    fn subscribe(&mut self, filter: &'a str, record: Option<&'a SubscriptionRecord>) {
        if self.lives {
            self.subscriptions.insert(filter, record);
        }
    }

    fn receive(&mut self, packet_id: u16, message: Option<&'a Bytes>) {
        if self.lives {
            self.received.insert(packet_id, message);
        }
    }

    fn enqueue(&mut self, record: &'a DeliveryRecord) {
        if self.lives {
            let new = Delivery::New {
                record,
                released: record.released,
                packet_id: record.packet_id,
            };
            self.deliveries.insert(record.seq, new);
        }
    }

    fn release(&mut self, seq: u64) {
        if let Some((released, _)) = self.changed(seq) {
            *released = true;
        }
    }

    fn identify(&mut self, seq: u64, id: u16) {
        if let Some((_, packet_id)) = self.changed(seq) {
            *packet_id = Some(id);
        }
    }

    /// What may change of a delivery: whether it is released, and its packet identifier.
    fn changed(&mut self, seq: u64) -> Option<(&mut bool, &mut Option<u16>)> {
        if !self.lives {
            return None;
        }
        let as_it_was = Delivery::Changed {
            released: false,
            packet_id: None,
        };
        match self.deliveries.entry(seq).or_insert(as_it_was) {
            Delivery::New {
                released,
                packet_id,
                ..
            }
            | Delivery::Changed {
                released,
                packet_id,
            } => Some((released, packet_id)),
            Delivery::Gone => None,
        }
    }

    fn dequeue(&mut self, seq: u64) {
        if !self.lives {
            return;
        }
        if let Some(Delivery::New { .. }) = self.deliveries.get(&seq) {
            // It came and went: the store never hears of it.
            self.deliveries.remove(&seq);
        } else {
            self.deliveries.insert(seq, Delivery::Gone);
        }
    }
}

impl<'a> Delivery<'a> {
    /// The message that is to be kept for it.
    fn message(&self) -> Option<&'a Bytes> {
        match self {
            Self::New {
                record,
                released: false,
                ..
            } => Some(&record.message),
            _ => None,
        }
    }
}

/// Which messages of an effect are the same memory, and how often each is used.
#[derive(Debug, Default)]
pub struct Shared(HashMap<(usize, usize), u32>);

impl Shared {
    /// Counts the messages of `effect`.
    pub fn of(effect: &Effect<'_>) -> Self {
        let mut uses = HashMap::new();
        for message in effect.new_messages() {
            *uses.entry(place(message)).or_default() += 1;
        }
        Self(uses)
    }

    /// How often the message is used.
    pub fn uses(&self, message: &Bytes) -> u32 {
        self.0.get(&place(message)).copied().unwrap_or(1)
    }
}

/// Where a message is in memory. While both are borrowed, two with the same place are the same.
pub fn place(message: &Bytes) -> (usize, usize) {
    (message.as_ptr() as usize, message.len())
}
