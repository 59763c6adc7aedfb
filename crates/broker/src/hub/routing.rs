//! Which session gets which message.
//!
//! Duty: who wants a message and at which QoS, a delivery for each of them, what a full queue does to it, and whether it is kept as
//! its topic's. Not here: members of shared subscriptions (`shared`), matching (`subscriptions`), inboxes ([`Hub::flush`]).
//! Invariant: a message is given out once, in the order of the router's log.

use super::*;

/// Topics whose subscribers are remembered; more than these are looked up again.
const REMEMBERED_TOPICS: usize = 16_384;

impl Hub {
    /// Messages have come from the router behind each other. They are gone from `messages` then.
    pub(crate) fn messages(&mut self, messages: &mut Vec<Message>, now: Timestamp) {
        for alike in messages.chunk_by(Message::goes_with) {
            if let [message] = alike {
                if message.is_to_be_kept() {
                    self.counters.retained_came(message.size());
                }
                self.route(message, now);
            } else {
                self.deliver_alike(alike, now);
            }
        }
        messages.clear();
    }

    /// As [`Self::deliver`] for each of these, which go with each other: every subscriber is looked up once.
    fn deliver_alike(&mut self, alike: &[Message], now: Timestamp) {
        let [first, ..] = alike else {
            return;
        };
        let publisher = first.origin().publisher;
        let matches = self.matches_of(first.topic());
        for target in &matches.targets {
            let key = target.subscriber.0;
            let Some(client) = taker(&mut self.clients, target, publisher) else {
                continue;
            };
            let deliveries = alike
                .iter()
                .map(|message| Delivery::at_most_once(message, &target.ids));
            match &mut client.state {
                State::Online(online) => {
                    if online.pending.is_empty() {
                        self.dirty.push(key);
                    }
                    online.pending.extend(deliveries);
                }
                State::Offline(_) => {
                    for delivery in deliveries {
                        self.give(key, delivery, now);
                    }
                }
            }
        }
        for message in alike {
            for share in &matches.shares {
                self.deliver_shared(*share, message, now);
            }
        }
    }

    /// Delivers a message to everybody who wants it, and keeps it where it is retained.
    pub(crate) fn route(&mut self, message: &Message, now: Timestamp) {
        if message.retain() {
            self.retain(message, now);
        }
        self.deliver(message, now);
    }

    /// Delivers a message to everybody who wants it.
    pub(super) fn deliver(&mut self, message: &Message, now: Timestamp) {
        let publisher = message.origin().publisher;
        let (qos, retain) = (message.qos(), message.retain());
        let matches = self.matches_of(message.topic());
        for target in &matches.targets {
            let key = target.subscriber.0;
            let Some(client) = taker(&mut self.clients, target, publisher) else {
                continue;
            };
            let delivery = client.delivery(
                message,
                qos.min(target.qos), // [MQTT-3.8.4-8]
                retain && target.retain_as_published,
                &target.ids,
            );
            self.give(key, delivery, now);
        }
        for share in &matches.shares {
            self.deliver_shared(*share, message, now);
        }
    }

    /// Who wants messages of a topic.
    fn matches_of(&mut self, topic: &str) -> Arc<Matches> {
        if let Some(matches) = self.matches.get(topic) {
            return matches.clone();
        }
        if self.matches.len() >= REMEMBERED_TOPICS {
            self.matches.clear();
        }
        let matches = Arc::new(self.subscriptions.matches(topic));
        self.matches.insert(topic.into(), matches.clone());
        matches
    }

    /// Gives a delivery to its client, or to the session that waits for it.
    pub(super) fn give(&mut self, key: u32, delivery: Delivery, now: Timestamp) {
        let Some(client) = self.clients.get_mut(key as usize) else {
            return;
        };
        let durable = client.durable.filter(|_| delivery.seq > 0);
        if let Some(session) = durable {
            let share = delivery.share;
            let share = share.and_then(|share| self.subscriptions.shares().filter(share));
            self.durable.enqueue(session, &delivery, share);
        }
        match &mut client.state {
            State::Online(online) => {
                if online.pending.is_empty() {
                    self.dirty.push(key);
                }
                online.pending.push_back(delivery);
            }
            State::Offline(offline) => {
                let (seq, message) = (delivery.seq, delivery.message.clone());
                let kept = offline.session.deliver(delivery, now, &mut self.actions);
                if let Err(reason) = kept {
                    self.actions.push(Action::Dropped { reason, seq });
                    if reason == Dropped::QueueFull {
                        self.refuse(&message);
                    }
                }
                self.count_dropped(durable);
            }
        }
    }

    /// Counts what a session could not keep, and takes it out of the store.
    pub(super) fn count_dropped(&mut self, durable: Option<SessionKey>) {
        for action in self.actions.drain(..) {
            let Action::Dropped { reason, seq } = action else {
                continue;
            };
            if reason != Dropped::Away {
                self.counters.dropped.fetch_add(1, Relaxed);
            }
            if reason == Dropped::QueueFull
                && self.counters.limit_hit(LimitKind::Queue, Timestamp::now())
            {
                tracing::warn!("the queue of a client that is away is full: messages are dropped");
            }
            if let Some(session) = durable.filter(|_| seq > 0) {
                self.durable.change(Change::Dequeue(session, seq));
            }
        }
    }

    /// Lets the publisher of a message hear that a queue was full, where that is the policy.
    pub(super) fn refuse(&self, message: &Message) {
        // PUBACK alone can say it; at QoS 2 the message was acknowledged when it was received.
        let says = message.qos() == QoS::AtLeastOnce;
        if self.limits.queue.when_full != WhenFull::Refuse || !says {
            return;
        }
        let origin = message.origin();
        let name = self.names.get(&origin.publisher);
        let key = name.and_then(|name| self.by_id.get(name));
        if let Some(client) = key.and_then(|key| self.clients.get(*key as usize))
            && let State::Online(online) = &client.state
            && online.info.id == origin.publisher
        {
            online.inbox.refuse(origin.id);
        }
    }

    /// Keeps a message as its topic's, where there is room for it.
    fn retain(&mut self, message: &Message, now: Timestamp) {
        let (topic, size) = (message.topic(), message.size());
        let room = self.retained.room_for(topic, size, &self.limits);
        if let Err(kind) = room
            && message.is_to_be_kept()
        {
            if self.counters.limit_hit(kind, now) {
                let limit = kind.text();
                tracing::warn!(topic, "not retained: the limit of {limit} is reached");
            }
            return;
        }
        let publisher = self.names.get(&message.origin().publisher);
        let publisher = publisher.cloned().unwrap_or_else(|| ClientId::from(""));
        self.retained.set(message, &publisher);
        self.durable.retain(message, &publisher);
        self.count_retained();
    }
}

/// The client of a target, but for a publisher that does not want its own messages `[MQTT-3.8.3-3]`.
fn taker<'a>(
    clients: &'a mut Slab<Client>,
    target: &Target,
    publisher: ConnectionId,
) -> Option<&'a mut Client> {
    let client = clients.get_mut(target.subscriber.0 as usize)?;
    (!target.no_local || client.connection() != publisher).then_some(client)
}
