//! The session: every rule of a client's side of the broker, as a state machine without input or output.
//!
//! Duty: packet identifiers, the QoS 1 and 2 handshakes in both directions, receive maximum, topic aliases, the offline
//! queue. It is told packets, messages and the time, and answers with [`Action`]s in the order to do them.
//! Not here: sockets, encoding, who else is there, subscriptions (the hub's), access rules.
//! Invariant: an identifier is in use by at most one message a direction; a message above QoS 0 leaves the session
//! only when it was acknowledged, has expired, can't ever be sent, or was dropped and counted.

mod contents;
mod delivery;
mod identifiers;
mod outgoing;
mod queue;
mod window;

#[cfg(test)]
mod identifiers_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use mqttwb_model::{ProtocolVersion, QoS, Timestamp};
use mqttwb_wire::{Ack, Property, Publish, ReasonCode};

pub use contents::{Part, SessionContents, Unacknowledged};
pub use delivery::Delivery;
pub(crate) use delivery::take_out;
pub use outgoing::{Dropped, Kept};
pub use queue::{QueueLimits, WhenFull};
pub use window::Inflight;

use crate::message::{Message, Origin};
use outgoing::Outgoing;

/// What a connection negotiated in CONNECT; it ends with the connection, the session may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Protocol version.
    pub version: ProtocolVersion,
    /// The keep-alive that holds: the server's own where it overrules the client. Zero is off.
    pub keep_alive: Duration,
    /// How many messages above QoS 0 the client takes at once (MQTT 5, section 3.1.2.11.3).
    pub client_receive_maximum: u16,
    /// The largest packet that the client takes (section 3.1.2.11.4).
    pub client_maximum_packet_size: usize,
    /// How many messages above QoS 0 the broker takes of it at once.
    pub server_receive_maximum: u16,
    /// How many topic aliases the broker takes of it.
    pub server_topic_alias_maximum: u16,
}

impl Terms {
    /// Of a session whose client has not come back since a restart.
    pub fn away(version: ProtocolVersion) -> Self {
        Self {
            version,
            keep_alive: Duration::ZERO,
            client_receive_maximum: u16::MAX,
            client_maximum_packet_size: usize::MAX,
            server_receive_maximum: u16::MAX,
            server_topic_alias_maximum: 0,
        }
    }
}

/// What to do next, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Hand the PUBLISH that is being handled to the router, under its topic or the one that its alias stands for.
    Forward {
        /// The topic that the alias stands for; `None` where the packet names its own.
        topic: Option<Arc<str>>,
    },
    /// Hand a message that was kept until its PUBREL to the router.
    Release {
        /// What was kept.
        message: Message,
        /// Under which identifier.
        packet_id: u16,
    },
    /// Send a PUBLISH to the client.
    Publish {
        /// What to send.
        delivery: Delivery,
        /// 0 at QoS 0.
        packet_id: u16,
        /// It was sent before.
        dup: bool,
    },
    /// Send PUBACK.
    PubAck(Ack<'static>),
    /// Send PUBREC.
    PubRec(Ack<'static>),
    /// Send PUBREL.
    PubRel(Ack<'static>),
    /// Send PUBCOMP.
    PubComp(Ack<'static>),
    /// A message that waited can't be sent any more: count it.
    Dropped {
        /// Why.
        reason: Dropped,
        /// Its number among the deliveries.
        seq: u64,
    },
    /// In a durable session only: a message was taken that waits for its PUBREL. What follows must not be sent before that
    /// is safe.
    Received {
        /// Its packet identifier.
        packet_id: u16,
        /// The message.
        message: Message,
    },
    /// In a durable session only: the client has answered PUBREC to this delivery. What follows must not be sent before
    /// that is safe.
    Released(u64),
    /// In a durable session only: a delivery has another identifier than the one that follows from its number, and is to be
    /// found again with it. One at QoS 2 is not sent before [`Session::identified`] says that this is safe.
    Identified {
        /// The delivery's number.
        seq: u64,
        /// Its packet identifier.
        packet_id: u16,
    },
    /// In a durable session only: the client has acknowledged this delivery to the end.
    Done(u64),
    /// The client broke a rule: say why (in DISCONNECT, where its version has one from the server) and close.
    Refuse(ReasonCode),
}

/// A client's session.
#[derive(Debug)]
pub struct Session {
    terms: Terms,
    connected: bool,
    /// What happens to it must outlive the process.
    durable: bool,
    /// QoS 2 messages that wait for their PUBREL, by packet identifier (MQTT 3.1.1 and 5, figure 4.3, method A).
    received: HashMap<u16, Message, RandomState>,
    received_bytes: usize,
    limits: QueueLimits,
    /// Topics that aliases stand for; the index is the alias less one.
    aliases: Vec<Option<Arc<str>>>,
    outgoing: Outgoing,
}

impl Session {
    /// A new session, not connected.
    pub fn new(terms: Terms, limits: QueueLimits) -> Self {
        Self {
            terms,
            connected: false,
            durable: false,
            received: HashMap::default(),
            received_bytes: 0,
            limits,
            aliases: Vec::new(),
            outgoing: Outgoing::new(limits),
        }
    }

    /// A session that a store has kept. Deliveries up to `sent` may have been sent before.
    pub fn restored(
        mut self,
        deliveries: impl Iterator<Item = Kept>,
        sent: u64,
        received: impl Iterator<Item = (u16, Message)>,
    ) -> Self {
        self.set_durable(true);
        self.outgoing.restore(deliveries, sent);
        for (packet_id, message) in received {
            self.received_bytes += message.size();
            self.received.insert(packet_id, message);
        }
        self
    }

    /// Sets how much may wait for the client from now on; what waits already stays.
    pub fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
        self.outgoing.set_limits(limits);
    }

    /// Says whether what happens to the session must outlive the process.
    pub fn set_durable(&mut self, durable: bool) {
        self.durable = durable;
        self.outgoing.set_durable(durable);
    }

    /// Whether what happens to the session must outlive the process.
    pub fn is_durable(&self) -> bool {
        self.durable
    }

    /// The number of the last delivery that was sent.
    pub fn sent(&self) -> u64 {
        self.outgoing.sent()
    }

    /// A connection takes the session up. What was in flight is sent again, in order, PUBLISH with DUP and PUBREL
    /// `[MQTT-4.4.0-1]`; then what was queued.
    pub fn connect(&mut self, terms: Terms, now: Timestamp, actions: &mut Vec<Action>) {
        self.aliases.clear();
        self.terms = terms;
        self.connected = true;
        self.outgoing.resend(&self.terms, now, actions);
    }

    /// The connection has ended.
    pub fn disconnect(&mut self) {
        self.connected = false;
        self.aliases.clear();
    }

    /// What the connection negotiated.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// PUBLISH from the client.
    pub fn publish(&mut self, p: &Publish<'_>, origin: Origin, actions: &mut Vec<Action>) {
        let topic = match self.resolve_alias(p) {
            Ok(topic) => topic,
            Err(reason) => return actions.push(Action::Refuse(reason)),
        };
        match p.qos {
            QoS::AtMostOnce => actions.push(Action::Forward { topic }),
            QoS::AtLeastOnce => {
                actions.push(Action::Forward { topic });
                actions.push(Action::PubAck(Ack::success(p.packet_id)));
            }
            QoS::ExactlyOnce => {
                // An identifier in use is the same message again: acknowledged, not taken twice [MQTT-4.3.3-10].
                if !self.received.contains_key(&p.packet_id) {
                    if self.received.len() >= usize::from(self.terms.server_receive_maximum) {
                        let reason = ReasonCode::RECEIVE_MAXIMUM_EXCEEDED; // [MQTT-3.3.4-9]
                        return actions.push(Action::Refuse(reason));
                    }
                    if self.received_bytes >= self.limits.bytes {
                        return actions.push(self.over_quota(p.packet_id));
                    }
                    let topic = topic.as_deref().unwrap_or(p.topic);
                    let message = Message::new(p, topic, origin);
                    self.received_bytes += message.size();
                    if self.durable {
                        actions.push(Action::Received {
                            packet_id: p.packet_id,
                            message: message.clone(),
                        });
                    }
                    self.received.insert(p.packet_id, message);
                }
                actions.push(Action::PubRec(Ack::success(p.packet_id)));
            }
        }
    }

    /// PUBLISH from the client that is not taken, for this reason: said where the version has words for it, otherwise
    /// acknowledged. Its alias is learnt all the same.
    pub fn refuse(&mut self, p: &Publish<'_>, reason: ReasonCode, actions: &mut Vec<Action>) {
        if let Err(reason) = self.resolve_alias(p) {
            return actions.push(Action::Refuse(reason));
        }
        let reason = match self.terms.version {
            ProtocolVersion::V5 => reason,
            ProtocolVersion::V31 | ProtocolVersion::V311 => ReasonCode::SUCCESS,
        };
        match p.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                actions.push(Action::PubAck(Ack::with_reason(p.packet_id, reason)));
            }
            // It was taken before, and is sent again [MQTT-4.3.3-10].
            QoS::ExactlyOnce if self.received.contains_key(&p.packet_id) => {
                actions.push(Action::PubRec(Ack::success(p.packet_id)));
            }
            QoS::ExactlyOnce => {
                actions.push(Action::PubRec(Ack::with_reason(p.packet_id, reason)));
            }
        }
    }

    /// The topic that the alias of a PUBLISH without one stands for, if it is known.
    pub fn aliased_topic(&self, p: &Publish<'_>) -> Option<Arc<str>> {
        let alias = p.properties.find(|property| match property {
            Property::TopicAlias(alias) => Some(alias),
            _ => None,
        })?;
        let slot = usize::from(alias).checked_sub(1)?;
        self.aliases.get(slot).cloned().flatten()
    }

    /// What is said to a QoS 2 message while too many bytes wait for their PUBREL.
    fn over_quota(&self, packet_id: u16) -> Action {
        match self.terms.version {
            ProtocolVersion::V5 => {
                Action::PubRec(Ack::with_reason(packet_id, ReasonCode::QUOTA_EXCEEDED))
            }
            ProtocolVersion::V31 | ProtocolVersion::V311 => {
                Action::Refuse(ReasonCode::QUOTA_EXCEEDED)
            }
        }
    }

    /// The topic that the packet's alias stands for, and the alias learnt where it names both (section 3.3.2.3.4).
    fn resolve_alias(&mut self, p: &Publish<'_>) -> Result<Option<Arc<str>>, ReasonCode> {
        let mut alias = None;
        for property in p.properties.iter() {
            match property {
                Property::TopicAlias(n) => alias = Some(n),
                // [MQTT-3.3.4-6]: a server's alone
                Property::SubscriptionIdentifier(_) => return Err(ReasonCode::PROTOCOL_ERROR),
                _ => {}
            }
        }
        let Some(alias) = alias else {
            return Ok(None);
        };
        if alias > self.terms.server_topic_alias_maximum {
            return Err(ReasonCode::TOPIC_ALIAS_INVALID); // [MQTT-3.3.2-9]
        }
        let slot = usize::from(alias) - 1; // decoding refuses 0 [MQTT-3.3.2-8]
        if p.topic.is_empty() {
            let known = self.aliased_topic(p);
            return known.map(Some).ok_or(ReasonCode::TOPIC_ALIAS_INVALID);
        }
        if self.aliases.len() <= slot {
            self.aliases.resize(slot + 1, None);
        }
        self.aliases[slot] = Some(p.topic.into());
        Ok(None)
    }

    /// PUBREL from the client: the message that was kept goes on its way.
    pub fn pubrel(&mut self, ack: &Ack<'_>, actions: &mut Vec<Action>) {
        let reason = match self.received.remove(&ack.packet_id) {
            Some(message) => {
                self.received_bytes -= message.size();
                actions.push(Action::Release {
                    message,
                    packet_id: ack.packet_id,
                });
                ReasonCode::SUCCESS
            }
            None => self.not_found(),
        };
        actions.push(Action::PubComp(Ack::with_reason(ack.packet_id, reason)));
    }

    /// What an acknowledgement says of an identifier that is not in use; before MQTT 5 it can say nothing.
    fn not_found(&self) -> ReasonCode {
        match self.terms.version {
            ProtocolVersion::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            ProtocolVersion::V31 | ProtocolVersion::V311 => ReasonCode::SUCCESS,
        }
    }

    /// PUBACK from the client.
    pub fn puback(&mut self, ack: &Ack<'_>, now: Timestamp, actions: &mut Vec<Action>) {
        let done = self.outgoing.puback(ack.packet_id);
        self.go_on(done, now, actions);
    }

    /// PUBREC from the client.
    pub fn pubrec(&mut self, ack: &Ack<'_>, now: Timestamp, actions: &mut Vec<Action>) {
        if ack.reason.is_error() {
            let done = self.outgoing.pubcomp(ack.packet_id); // it wants no more of this message (section 4.3.3)
            return self.go_on(done, now, actions);
        }
        let reason = match self.outgoing.pubrec(ack.packet_id) {
            Some((seq, new)) => {
                if new && self.durable {
                    actions.push(Action::Released(seq));
                }
                ReasonCode::SUCCESS
            }
            None => self.not_found(),
        };
        actions.push(Action::PubRel(Ack::with_reason(ack.packet_id, reason)));
    }

    /// PUBCOMP from the client.
    pub fn pubcomp(&mut self, ack: &Ack<'_>, now: Timestamp, actions: &mut Vec<Action>) {
        let done = self.outgoing.pubcomp(ack.packet_id);
        self.go_on(done, now, actions);
    }

    /// What [`Action::Identified`] said last is safe: its delivery goes on its way, and what waits behind it.
    pub fn identified(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.outgoing.identified();
        self.outgoing.pump(&self.terms, now, actions);
    }

    /// A delivery may be done: there may be room for the next.
    fn go_on(&mut self, done: Option<u64>, now: Timestamp, actions: &mut Vec<Action>) {
        if let Some(seq) = done.filter(|_| self.durable) {
            actions.push(Action::Done(seq));
        }
        self.outgoing.pump(&self.terms, now, actions);
    }

    /// Whether a message can be sent to the client now: neither expired, nor larger than it takes.
    pub fn takes(&self, delivery: &Delivery, now: Timestamp) -> Result<(), Dropped> {
        outgoing::sendable(delivery, &self.terms, now)
    }

    /// A message for the client. Offline, what is above QoS 0 is queued.
    pub fn deliver(
        &mut self,
        delivery: Delivery,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Result<(), Dropped> {
        if self.connected {
            self.outgoing.deliver(delivery, &self.terms, now, actions)
        } else {
            self.outgoing.keep(delivery, actions)
        }
    }

    /// Whether it takes nothing more for now, since its queue is full and the policy is to refuse.
    pub fn refuses(&self) -> bool {
        self.limits.when_full == WhenFull::Refuse && self.outgoing.is_full()
    }

    /// Messages that wait to be sent.
    pub fn queued(&self) -> impl ExactSizeIterator<Item = &Delivery> {
        self.outgoing.queued()
    }

    /// Takes everything out that waits to be sent. What was sent and is not acknowledged stays: the client may have it.
    pub fn take_queue(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        self.outgoing.take_queue().into_iter()
    }

    /// Takes out of what waits to be sent whatever this is said of.
    pub fn withhold(&mut self, is: impl FnMut(&Delivery) -> bool) -> Vec<Delivery> {
        self.outgoing.withhold(is)
    }

    /// Messages that were sent and are not acknowledged, in order.
    pub fn inflight(&self) -> impl Iterator<Item = (u16, &Inflight)> {
        self.outgoing.inflight()
    }

    /// How many messages wait to be sent or to be acknowledged.
    pub fn backlog(&self) -> usize {
        self.outgoing.backlog()
    }

    /// Ends the session: what another member of a shared subscription may be given in this one's place, in order
    /// (MQTT 5, section 4.8.2), and what was for this client alone.
    pub fn undelivered(self) -> impl Iterator<Item = Delivery> {
        self.outgoing.undelivered()
    }

    /// QoS 2 messages from the client that wait for their PUBREL.
    pub fn awaiting_release(&self) -> usize {
        self.received.len()
    }
}
