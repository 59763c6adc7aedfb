//! The hub: who is there, who wants what, what is retained, and which session gets which message.
//!
//! Duty: sessions of clients that are away, take-over, subscriptions, retained messages, wills, expiry; it turns each
//! message that the router brings into deliveries. Not here: sockets, packets, the handshakes of QoS (the session's).
//! Invariant: everything that it does is caused by one record of the router's log or by time passing, in that order;
//! so a subscribe that was acknowledged sees each message that is published after it.

mod command;
mod inbox;
mod sessions;
mod task;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mqttwb_model::{ClientId, ConnectionId, ConnectionInfo, QoS, Timestamp, TopicFilter};
use mqttwb_wire::{ReasonCode, RetainHandling, SubscriptionOptions};
use slab::Slab;
use tokio::sync::oneshot;

pub use command::ClientSummary;
pub(crate) use command::{Attach, Attached, Command, Detach, StoredWill};
pub(crate) use inbox::{Inbox, Mail};
pub(crate) use task::{HubHandle, run};

use crate::config::Limits;
use crate::counters::{ConnectionCounters, Counters};
use crate::message::Message;
use crate::retained::Retained;
use crate::session::{Delivery, Dropped, Session};
use crate::subscriptions::{Subscriber, Subscription, Subscriptions, Target};

#[derive(Debug)]
struct Online {
    info: Arc<ConnectionInfo>,
    inbox: Arc<Inbox>,
    counters: Arc<ConnectionCounters>,
    connected_at: Timestamp,
    keep_alive: Duration,
    session_expiry: u32,
    will: Option<StoredWill>,
    /// Deliveries of the batch at hand, put into the inbox together.
    pending: Vec<Delivery>,
}

#[derive(Debug)]
struct Offline {
    session: Session,
    /// The connection that it had last: a will comes from there.
    last: ConnectionId,
    /// When the session ends; `None` for never.
    expires: Option<Timestamp>,
    will: Option<(Timestamp, Message)>,
}

#[derive(Debug)]
enum State {
    Online(Online),
    Offline(Box<Offline>),
}

#[derive(Debug)]
struct Client {
    id: ClientId,
    state: State,
    filters: HashMap<TopicFilter, SubscriptionOptions>,
    /// Connections that want to take this session over, once the one that has it gives it back.
    waiting: VecDeque<Box<Attach>>,
}

/// Topics whose subscribers are remembered; more than these are looked up again.
const REMEMBERED_TOPICS: usize = 16_384;

/// The hub's state.
#[derive(Debug)]
pub(crate) struct Hub {
    limits: Limits,
    counters: Arc<Counters>,
    clients: Slab<Client>,
    by_id: BTreeMap<ClientId, u32>,
    subscriptions: Subscriptions,
    /// Subscribers by topic, forgotten when any subscription changes.
    targets: HashMap<Box<str>, Arc<[Target]>>,
    retained: Retained,
    /// Clients whose pending deliveries are to be put into their inboxes.
    dirty: Vec<u32>,
    /// When a session expires or a will is due.
    deadlines: BTreeSet<(Timestamp, u32)>,
    /// Connections are refused, for this reason.
    closed: Option<ReasonCode>,
}

impl Hub {
    pub(crate) fn new(limits: Limits, counters: Arc<Counters>) -> Self {
        Self {
            limits,
            counters,
            clients: Slab::new(),
            by_id: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            targets: HashMap::new(),
            retained: Retained::default(),
            dirty: Vec::new(),
            deadlines: BTreeSet::new(),
            closed: None,
        }
    }

    /// Does what a command asks.
    pub(crate) fn command(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Attach(attach) => self.attach(attach, now),
            Command::Detach(detach) => self.detach(*detach, now),
            Command::Subscribe {
                client,
                filters,
                id,
                reply,
            } => {
                self.subscribe(&client, filters, id, now);
                let _ = reply.send(());
            }
            Command::Unsubscribe {
                client,
                filters,
                reply,
            } => {
                let _ = reply.send(self.unsubscribe(&client, &filters));
            }
            Command::Clients { at_most, reply } => {
                let _ = reply.send(self.summaries(at_most));
            }
            Command::EndAll(reason) => {
                self.closed = Some(reason);
                for (_, client) in &mut self.clients {
                    for waiting in client.waiting.drain(..) {
                        let _ = waiting.reply.send(Err(reason));
                    }
                    if let State::Online(online) = &client.state {
                        online.inbox.end(reason);
                    }
                }
            }
            Command::Stop => {}
        }
    }

    fn count_subscriptions(&self) {
        self.counters
            .subscriptions
            .store(self.subscriptions.len() as u64, Relaxed);
    }

    fn subscribe(
        &mut self,
        client: &ClientId,
        filters: Vec<(TopicFilter, SubscriptionOptions)>,
        id: Option<u32>,
        now: Timestamp,
    ) {
        let Some(&key) = self.by_id.get(client) else {
            return;
        };
        self.targets.clear();
        for (filter, options) in filters {
            let subscription = Subscription {
                subscriber: Subscriber(key),
                options,
                id,
            };
            let new = self.subscriptions.insert(&filter, subscription);
            let wanted = match options.retain_handling {
                RetainHandling::OnSubscribe => true,
                RetainHandling::IfNew => new, // [MQTT-3.3.1-10]
                RetainHandling::Never => false,
            };
            if wanted {
                self.send_retained(key, &filter, options.qos, id, now);
            }
            self.clients[key as usize].filters.insert(filter, options);
        }
        self.count_subscriptions();
    }

    fn send_retained(
        &mut self,
        key: u32,
        filter: &TopicFilter,
        qos: QoS,
        id: Option<u32>,
        now: Timestamp,
    ) {
        let ids: Arc<[u32]> = id.into_iter().collect();
        let State::Online(online) = &mut self.clients[key as usize].state else {
            return;
        };
        let before = online.pending.len();
        online
            .pending
            .extend(self.retained.matching(filter, now).map(|message| Delivery {
                message: message.clone(),
                qos: qos.min(message.qos()),
                retain: true, // [MQTT-3.3.1-8]
                subscription_ids: ids.clone(),
            }));
        if online.pending.len() > before {
            self.dirty.push(key);
        }
    }

    fn unsubscribe(&mut self, client: &ClientId, filters: &[TopicFilter]) -> Vec<bool> {
        let Some(&key) = self.by_id.get(client) else {
            return vec![false; filters.len()];
        };
        self.targets.clear();
        let removed = filters
            .iter()
            .map(|filter| {
                self.clients[key as usize].filters.remove(filter);
                self.subscriptions.remove(filter, Subscriber(key))
            })
            .collect();
        self.count_subscriptions();
        removed
    }

    fn targets_of(&mut self, topic: &str) -> Arc<[Target]> {
        if let Some(targets) = self.targets.get(topic) {
            return targets.clone();
        }
        if self.targets.len() >= REMEMBERED_TOPICS {
            self.targets.clear();
        }
        let targets: Arc<[Target]> = self.subscriptions.matches(topic).into();
        self.targets.insert(topic.into(), targets.clone());
        targets
    }

    /// Delivers a message to everybody who wants it, and keeps it where it is retained.
    pub(crate) fn route(&mut self, message: &Message, now: Timestamp) {
        if message.retain() {
            self.retained.set(message);
            self.count_retained();
        }
        let publisher = message.origin().publisher;
        let (qos, retain) = (message.qos(), message.retain());
        for target in self.targets_of(message.topic()).iter() {
            let key = target.subscriber.0;
            let Some(client) = self.clients.get_mut(key as usize) else {
                continue;
            };
            let delivery = Delivery {
                message: message.clone(),
                qos: qos.min(target.qos), // [MQTT-3.8.4-8]
                retain: retain && target.retain_as_published,
                subscription_ids: target.ids.clone(),
            };
            match &mut client.state {
                State::Online(online) => {
                    if target.no_local && online.info.id == publisher {
                        continue; // [MQTT-3.8.3-3]
                    }
                    if online.pending.is_empty() {
                        self.dirty.push(key);
                    }
                    online.pending.push(delivery);
                }
                State::Offline(offline) => {
                    if target.no_local && offline.last == publisher {
                        continue; // its own will
                    }
                    let kept = offline.session.deliver(delivery, now, &mut Vec::new());
                    if matches!(kept, Err(reason) if reason != Dropped::Away) {
                        self.counters.dropped.fetch_add(1, Relaxed);
                    }
                }
            }
        }
    }

    /// Puts what was routed into the inboxes: once a batch, so that a connection wakes once.
    pub(crate) fn flush(&mut self) {
        for key in self.dirty.drain(..) {
            let Some(client) = self.clients.get_mut(key as usize) else {
                continue;
            };
            if let State::Online(online) = &mut client.state
                && !online.pending.is_empty()
            {
                let dropped = online.inbox.put(&mut online.pending);
                self.counters.dropped.fetch_add(dropped, Relaxed);
            }
        }
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let session = self.deadlines.first().map(|(at, _)| *at);
        session.into_iter().chain(self.retained.deadline()).min()
    }

    /// Does what is due: wills whose delay has passed, sessions and retained messages that expire.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        while let Some(&(at, key)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            let Some(client) = self.clients.get_mut(key as usize) else {
                continue;
            };
            let State::Offline(offline) = &mut client.state else {
                continue;
            };
            if offline.expires.is_some_and(|at| at <= now) {
                self.end_session(key, now);
            } else if let Some((_, message)) = offline.will.take_if(|(at, _)| *at <= now) {
                self.route(&message.published_at(now), now);
            }
        }
        self.retained.expire(now);
        self.count_retained();
    }

    fn count_retained(&self) {
        self.counters
            .retained
            .store(self.retained.len() as u64, Relaxed);
    }

    fn summaries(&self, at_most: usize) -> Vec<ClientSummary> {
        self.by_id
            .values()
            .filter_map(|key| {
                let client = &self.clients[*key as usize];
                let State::Online(online) = &client.state else {
                    return None;
                };
                let mut filters: Vec<_> = client.filters.keys().cloned().collect();
                filters.sort();
                Some(ClientSummary {
                    info: online.info.clone(),
                    connected_at: online.connected_at,
                    keep_alive: online.keep_alive,
                    filters,
                    messages_in: online.counters.messages_in.load(Relaxed),
                    messages_out: online.counters.messages_out.load(Relaxed),
                })
            })
            .take(at_most)
            .collect()
    }
}

fn online(
    attach: Attach,
    inbox: Arc<Inbox>,
) -> (Online, oneshot::Sender<Result<Attached, ReasonCode>>) {
    let online = Online {
        info: attach.info,
        inbox,
        counters: attach.counters,
        connected_at: attach.connected_at,
        keep_alive: attach.terms.keep_alive,
        session_expiry: attach.session_expiry,
        will: attach.will,
        pending: Vec::new(),
    };
    (online, attach.reply)
}

#[cfg(test)]
mod tests;
