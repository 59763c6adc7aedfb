//! Acknowledgements that wait until what they acknowledge is safe.
//!
//! Duty: say which answers must wait for the journal, keep them in their order, and let them go. Not here: what is
//! written (the hub's and the journal's). Invariant: answers leave in the order in which they were made
//! `[MQTT-4.6.0-2]`, `[MQTT-4.6.0-3]`, `[MQTT-4.6.0-4]`; where nothing is kept none waits.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::hub::{DurableTopics, Safe};
use crate::journal::{Journal, Settled, Waiting};
use crate::message::Sync;
use mqttwb_model::MessageId;
use mqttwb_model::durable::{Change, SessionKey};
use mqttwb_wire::Ack;

/// Topics whose answer is remembered.
const REMEMBERED: usize = 1_024;

/// What an answer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The hub has routed this batch, and what that made is safe.
    Routed(u64),
    /// What this connection has appended to the journal is safe.
    Stored(u64),
    /// Nothing but the answers before it.
    Earlier,
}

/// An answer that waits.
struct Held {
    until: Until,
    answer: Packet<'static>,
    /// The message that it answers.
    message: Option<MessageId>,
}

/// A connection's side of the journal; there where the broker has one.
pub(super) struct Durability {
    journal: Journal,
    topics: Arc<DurableTopics>,
    client: u32,
    /// The session's number, where it must outlive the process.
    session: Option<SessionKey>,
    inbox: Arc<Inbox>,
    held: VecDeque<Held>,
    /// Queues that are full refuse, so every answer waits for the hub's.
    asks_always: bool,
    /// Messages that were refused, until they are answered.
    refused: HashSet<MessageId>,
    safe: Safe,
    /// The last question to the hub, and the last time that this connection appended itself.
    asked: Safe,
    /// The batch at hand holds something that must be safe before it is acknowledged.
    asks: bool,
    /// When the identifier that was written down last is safe: the session waits for it.
    identifying: Option<u64>,
    changes: Vec<Change>,
    /// Among the changes is one that must be safe before it is answered.
    stores: bool,
    wanted: HashMap<Box<str>, bool>,
    /// What `wanted` was looked up in.
    version: u64,
}

impl Durability {
    pub(super) fn new(
        journal: Journal,
        topics: Arc<DurableTopics>,
        client: u32,
        session: Option<SessionKey>,
        inbox: Arc<Inbox>,
        asks_always: bool,
    ) -> Self {
        Self {
            journal,
            topics,
            client,
            session,
            inbox,
            held: VecDeque::new(),
            asks_always,
            refused: HashSet::new(),
            safe: Safe::default(),
            asked: Safe::default(),
            asks: false,
            identifying: None,
            changes: Vec::new(),
            stores: false,
            wanted: HashMap::new(),
            version: 0,
        }
    }

    /// Answers that wait.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Why nothing can be made safe at present, where that is so.
    pub(super) fn failure(&self) -> Option<String> {
        self.journal.failure().map(|error| error.to_string())
    }

    /// Whether a message of this topic has to be safe before it is acknowledged.
    pub(super) fn wants(&mut self, topic: &str, retain: bool) -> bool {
        if retain || self.asks_always {
            return true;
        }
        if self.topics.is_empty() {
            return false;
        }
        let version = self.topics.version();
        if self.version != version || self.wanted.len() >= REMEMBERED {
            self.wanted.clear();
            self.version = version;
        }
        if let Some(wanted) = self.wanted.get(topic) {
            return *wanted;
        }
        let wanted = self.topics.matches(topic);
        self.wanted.insert(topic.into(), wanted);
        wanted
    }

    /// The batch at hand is not acknowledged before it is safe.
    pub(super) fn ask(&mut self) {
        self.asks = true;
    }

    /// The question that goes along with the batch, if there is one.
    pub(super) fn question(&mut self, connection: ConnectionId) -> Option<Sync> {
        std::mem::take(&mut self.asks).then(|| {
            self.asked.routed += 1;
            Sync {
                client: self.client,
                connection,
                ticket: self.asked.routed,
            }
        })
    }

    /// The session has taken a QoS 2 message.
    pub(super) fn received(&mut self, packet_id: u16, message: &Message) {
        if let Some(session) = self.session {
            self.changes.push(Change::Receive {
                session,
                packet_id,
                message: message.bytes().clone(),
            });
            self.stores = true;
        }
    }

    /// The client has answered PUBREC.
    pub(super) fn released(&mut self, seq: u64) {
        if let Some(session) = self.session {
            self.changes.push(Change::Release(session, seq));
            self.stores = true;
        }
    }

    /// A delivery has another identifier than the one that follows from its number.
    pub(super) fn identify(&mut self, seq: u64, packet_id: u16) {
        if let Some(session) = self.session {
            self.changes.push(Change::Identify(session, seq, packet_id));
            self.identifying = Some(self.store());
        }
    }

    /// Whether the identifiers that were written down are safe, once.
    pub(super) fn identified(&mut self) -> bool {
        let safe = self.safe.stored;
        self.identifying.take_if(|at| *at <= safe).is_some()
    }

    /// Appends what there is to the journal. The time that it is, for what waits until that is safe.
    fn store(&mut self) -> u64 {
        self.asked.stored += 1;
        let settled = Settled::Stored(self.asked.stored);
        let waiting = Waiting::Inbox(self.inbox.clone(), settled);
        self.journal.append(&mut self.changes, [waiting]);
        self.asked.stored
    }

    /// A delivery is done, one way or another. Nobody waits for that.
    pub(super) fn done(&mut self, seq: u64) {
        if let Some(session) = self.session.filter(|_| seq > 0) {
            self.changes.push(Change::Dequeue(session, seq));
        }
    }

    /// What marks, in the batch, the message that this PUBREL releases.
    pub(super) fn session(&self) -> Option<SessionKey> {
        self.session
    }

    /// Gives an answer back where it may go at once; otherwise keeps it until it may.
    pub(super) fn hold(
        &mut self,
        answer: Packet<'static>,
        message: Option<MessageId>,
    ) -> Option<Packet<'static>> {
        let until = if std::mem::take(&mut self.stores) {
            Until::Stored(self.store())
        } else if self.asks {
            Until::Routed(self.asked.routed + 1)
        } else if self.held.is_empty() {
            return Some(answer);
        } else {
            Until::Earlier
        };
        self.held.push_back(Held {
            until,
            answer,
            message,
        });
        None
    }

    /// Appends what nobody waits for.
    pub(super) fn flush(&mut self) {
        if !self.changes.is_empty() {
            self.journal.append(&mut self.changes, []);
        }
    }

    /// More is safe than before.
    pub(super) fn settle(&mut self, safe: Safe) {
        self.safe = safe;
        if self.asks_always {
            self.refused.extend(self.inbox.refused());
        }
    }

    /// The next answer that may go.
    pub(super) fn next(&mut self) -> Option<Packet<'static>> {
        let may_go = match self.held.front()?.until {
            Until::Routed(ticket) => ticket <= self.safe.routed,
            Until::Stored(ticket) => ticket <= self.safe.stored,
            Until::Earlier => true,
        };
        if !may_go {
            return None;
        }
        let Held {
            answer, message, ..
        } = self.held.pop_front()?;
        let refused = message.is_some_and(|message| self.refused.remove(&message));
        Some(match answer {
            Packet::PubAck(ack) if refused => {
                Packet::PubAck(Ack::with_reason(ack.packet_id, ReasonCode::QUOTA_EXCEEDED))
            }
            other => other,
        })
    }
}
