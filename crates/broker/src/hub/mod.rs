//! The hub: who is there, who wants what, what is retained, and which session gets which message.
//!
//! Duty: sessions of clients that are away, take-over, subscriptions, retained messages, wills, expiry; it turns each
//! message that the router brings into deliveries. Not here: sockets, packets, the handshakes of QoS (the session's).
//! Invariant: everything that it does is caused by one record of the router's log or by time passing, in that order;
//! so a subscribe that was acknowledged sees each message that is published after it.

mod client;
mod command;
mod durable;
mod inbox;
mod inspect;
mod queue;
mod rechecking;
mod revoking;
mod routing;
mod sessions;
mod shared;
mod subscribing;
mod sys;
mod takeovers;
mod task;
mod withholding;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use foldhash::fast::RandomState;
use mqttwb_model::durable::{Change, SessionKey};
use mqttwb_model::{
    ClientId, ConnectionId, ConnectionInfo, LimitKind, ProtocolVersion, QoS, SubscriptionIds,
    Timestamp, TopicFilter,
};
use mqttwb_wire::{ReasonCode, RetainHandling, SubscriptionOptions};
use slab::Slab;
use tokio::sync::oneshot;

use client::{Client, Offline, Online, State, online};
pub use command::ClientSummary;
pub(crate) use command::{Attach, Attached, Command, Detach, StoredWill};
pub(crate) use durable::DurableTopics;
pub(crate) use inbox::{Asked, Inbox, Mail, Safe};
pub(crate) use inspect::{Contents, Ended, Inspect, Whom};
pub(crate) use queue::Queue;
pub(crate) use revoking::Revocations;
pub(crate) use task::{HubHandle, run};
pub(crate) use withholding::{Forbidden, Rechecked, Withheld};

use crate::access::{Identity, Policy, TakenAway};
use crate::config::Limits;
use crate::counters::{ConnectionCounters, Counters};
use crate::journal::Journal;
use crate::message::Message;
use crate::retained::Retained;
use crate::session::{Action, Delivery, Dropped, Session, Terms, WhenFull};
use crate::shares::SharedStrategy;
use crate::subscriptions::{Matches, Subscriber, Subscription, Subscriptions, Target};
use durable::Durable;

/// The hub's state.
#[derive(Debug)]
pub(crate) struct Hub {
    limits: Limits,
    counters: Arc<Counters>,
    clients: Slab<Client>,
    by_id: BTreeMap<ClientId, u32>,
    take_overs: takeovers::History,
    /// Whose a connection is, or was while a will of it may still come.
    names: HashMap<ConnectionId, ClientId>,
    subscriptions: Subscriptions,
    /// Subscribers by topic, forgotten when any subscription changes.
    matches: HashMap<Box<str>, Arc<Matches>, RandomState>,
    retained: Retained,
    /// Clients whose pending deliveries are to be put into their inboxes.
    dirty: Vec<u32>,
    /// When a session expires or a will is due.
    deadlines: BTreeSet<(Timestamp, u32)>,
    /// Connections are refused, for this reason.
    closed: Option<ReasonCode>,
    /// Which certificates are revoked.
    revocations: Option<Revocations>,
    /// Who is asked again where something was allowed before.
    policy: Option<Arc<dyn Policy>>,
    durable: Durable,
    /// Where the broker tells of itself.
    sys: Option<sys::Sys>,
    /// Clients that are connected, and the most at a time.
    online: u64,
    most_online: u64,
    /// CONNECTs that asked for a session, and sessions that have expired.
    connects: u64,
    expired: u64,
    /// Used again and again, empty between.
    actions: Vec<Action>,
    /// Messages that an inbox did not take, where the policy is to refuse.
    refused: Vec<Message>,
}

impl Hub {
    pub(crate) fn new(
        limits: Limits,
        shared_strategy: SharedStrategy,
        counters: Arc<Counters>,
        journal: Option<Journal>,
        topics: Arc<DurableTopics>,
    ) -> Self {
        Self {
            limits,
            counters,
            clients: Slab::new(),
            by_id: BTreeMap::new(),
            take_overs: takeovers::History::default(),
            names: HashMap::new(),
            subscriptions: Subscriptions::new(shared_strategy),
            matches: HashMap::default(),
            retained: Retained::default(),
            dirty: Vec::new(),
            deadlines: BTreeSet::new(),
            closed: None,
            revocations: None,
            policy: None,
            durable: Durable::new(journal, topics),
            sys: None,
            online: 0,
            most_online: 0,
            connects: 0,
            expired: 0,
            actions: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Does what a command asks.
    pub(crate) fn command(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Attach(attach) => self.attach(attach, now),
            Command::Detach(detach) => self.detach(*detach, now),
            Command::Proved {
                client,
                connection,
                identity,
            } => self.proved(&client, connection, *identity),
            Command::Subscribe {
                client,
                filters,
                id,
                reply,
            } => {
                let granted = self.subscribe(&client, filters, id, now);
                let keeps = self.is_durable(&client);
                self.durable.then(keeps, move || {
                    let _ = reply.send(granted);
                });
            }
            Command::RoomToRetain { topic, size, reply } => {
                let _ = reply.send(self.retained.room_for(&topic, size, &self.limits));
            }
            Command::HandOn(left) => self.hand_on(left.into_iter(), now),
            Command::Unsubscribe {
                client,
                filters,
                reply,
            } => {
                let removed = self.unsubscribe(&client, &filters);
                let keeps = self.is_durable(&client);
                self.durable.then(keeps, move || {
                    let _ = reply.send(removed);
                });
            }
            Command::Clients { at_most, reply } => {
                let _ = reply.send(self.summaries(at_most));
            }
            Command::SetLimits(limits, reply) => {
                self.set_limits(*limits);
                let _ = reply.send(());
            }
            Command::Inspect(inspect) => self.inspect(*inspect, now),
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

    fn is_durable(&self, client: &ClientId) -> bool {
        let key = self.by_id.get(client);
        key.is_some_and(|key| self.clients[*key as usize].durable.is_some())
    }

    fn set_limits(&mut self, limits: Limits) {
        for (_, client) in &mut self.clients {
            if let State::Offline(offline) = &mut client.state {
                offline.session.set_limits(limits.queue);
            }
        }
        self.limits = limits;
    }

    /// Puts what was routed into the inboxes: once a batch, so that a connection wakes once. What must outlive the process
    /// goes into the journal first.
    pub(crate) fn flush(&mut self) {
        let round = self.durable.append_changes();
        for key in self.dirty.drain(..) {
            let Some(client) = self.clients.get_mut(key as usize) else {
                continue;
            };
            let State::Online(online) = &mut client.state else {
                continue;
            };
            if online.pending.is_empty() {
                continue;
            }
            // A QoS 2 delivery that was sent and is forgotten would be sent again under another identifier. One at QoS 1 may
            // come twice, and need not wait.
            let waits = client.durable.is_some()
                && online.pending.iter().any(|d| d.qos == QoS::ExactlyOnce);
            online
                .inbox
                .put(&mut online.pending, waits.then_some(round));
            if waits {
                self.durable.tell(&online.inbox, round);
            }
            if !online.pending.is_empty()
                && self.counters.limit_hit(LimitKind::Queue, Timestamp::now())
            {
                let client = &online.info.client;
                tracing::warn!(%client, "what waits for it is too much: messages are dropped");
            }
            for refused in online.pending.drain(..) {
                self.counters.dropped.fetch_add(1, Relaxed);
                if let Some(session) = client.durable.filter(|_| refused.seq > 0) {
                    self.durable.change(Change::Dequeue(session, refused.seq));
                }
                if self.limits.queue.when_full == WhenFull::Refuse {
                    self.refused.push(refused.message);
                }
            }
        }
        for message in std::mem::take(&mut self.refused) {
            self.refuse(&message);
        }
        self.durable.append_waiting();
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let session = self.deadlines.first().map(|(at, _)| *at);
        let sys = self.sys.as_ref().map(|sys| sys.next);
        let retained = self.retained.deadline();
        session.into_iter().chain(retained).chain(sys).min()
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
                self.expired += 1;
                self.end_session(key, now);
            } else if let Some((_, message)) = offline.will.take_if(|(at, _)| *at <= now) {
                self.journal_away(key);
                self.route(&message.published_at(now), now);
            }
        }
        for topic in self.retained.expire(now) {
            self.durable.unretain(&topic);
        }
        self.count_retained();
        self.tick_sys(now);
    }

    fn count_retained(&self) {
        self.counters
            .retained
            .store(self.retained.len() as u64, Relaxed);
        self.counters
            .retained_bytes
            .store(self.retained.bytes() as u64, Relaxed);
    }

    fn summaries(&self, at_most: usize) -> Vec<ClientSummary> {
        self.by_id
            .values()
            .filter_map(|key| self.clients[*key as usize].client_summary())
            .take(at_most)
            .collect()
    }
}

#[cfg(test)]
mod tests;
