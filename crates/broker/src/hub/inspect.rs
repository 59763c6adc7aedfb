//! What an operator asks of the hub, and does there.

use std::ops::Bound;

use super::*;
use crate::inspect::{
    Fight, Listing, Page, Presence, Restored, RetainedMessage, SessionSummary, SubscriptionQuery,
    SubscriptionSummary, TakeOvers, WillSummary,
};
use crate::retained::Kept;
use crate::session::SessionContents;

/// Says whom something is about.
pub(crate) struct Whom(pub(crate) Box<dyn Fn(&Identity) -> bool + Send>);

impl std::fmt::Debug for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Whom")
    }
}

/// A question, or an act.
#[derive(Debug)]
pub(crate) enum Inspect {
    Clients {
        page: Page<ClientId>,
        reply: oneshot::Sender<Listing<ClientSummary>>,
    },
    Sessions {
        page: Page<ClientId>,
        reply: oneshot::Sender<Listing<SessionSummary>>,
    },
    Session {
        client: ClientId,
        from: usize,
        at_most: usize,
        reply: oneshot::Sender<Option<Found>>,
    },
    Subscriptions {
        query: SubscriptionQuery,
        page: Page<(ClientId, String)>,
        reply: oneshot::Sender<Listing<SubscriptionSummary>>,
    },
    Retained {
        filter: TopicFilter,
        page: Page<String>,
        reply: oneshot::Sender<Listing<RetainedMessage>>,
    },
    Presence {
        clients: Vec<ClientId>,
        reply: oneshot::Sender<Vec<Presence>>,
    },
    Fights {
        reply: oneshot::Sender<Vec<Fight>>,
    },
    DropQueue {
        client: ClientId,
        reply: oneshot::Sender<Option<Queue>>,
    },
    Requeue {
        client: ClientId,
        dropped: Vec<Delivery>,
        reply: oneshot::Sender<Option<usize>>,
    },
    /// Withholds what a client may not get any more: its connection ended before it did.
    Withhold {
        client: ClientId,
        forbidden: Forbidden,
        reply: oneshot::Sender<Withheld>,
    },
    /// What the rules do not allow any more is taken away.
    Recheck {
        reply: oneshot::Sender<Rechecked>,
    },
    /// Other certificates are revoked from now on: their connections end.
    Revoke {
        revocations: Revocations,
        reply: oneshot::Sender<Vec<oneshot::Receiver<()>>>,
    },
    Disconnect {
        client: ClientId,
        reason: ReasonCode,
        reply: oneshot::Sender<Ended>,
    },
    /// The connections of everybody whom this is said of end.
    DisconnectWhere {
        whom: Whom,
        reason: ReasonCode,
        reply: oneshot::Sender<Vec<oneshot::Receiver<()>>>,
    },
    EndSession {
        client: ClientId,
        reply: oneshot::Sender<Ended>,
    },
    ClearRetained {
        filter: TopicFilter,
        reply: oneshot::Sender<Vec<RetainedMessage>>,
    },
    RestoreRetained {
        messages: Vec<RetainedMessage>,
        reply: oneshot::Sender<Restored>,
    },
}

/// What was there to end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing.
    Nothing,
    /// It has ended.
    Now,
    /// It ends with its connection, when this is dropped.
    Soon(oneshot::Receiver<()>),
}

/// A session as the hub knows it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) summary: SessionSummary,
    pub(crate) subscriptions: Vec<SubscriptionSummary>,
    pub(crate) will: Option<WillSummary>,
    pub(crate) take_overs: TakeOvers,
    pub(crate) keep_alive: Duration,
    pub(crate) contents: Contents,
}

/// Where a session's messages are.
#[derive(Debug)]
pub(crate) enum Contents {
    Here(SessionContents),
    /// The connection has them: it is asked through its inbox.
    AtConnection(Arc<Inbox>),
}

impl Hub {
    /// Answers. Whoever asked may have gone meanwhile: then the answer is for nobody.
    pub(super) fn inspect(&mut self, inspect: Inspect, now: Timestamp) {
        match inspect {
            Inspect::Clients { page, reply } => {
                let _ = reply.send(self.client_page(&page));
            }
            Inspect::Sessions { page, reply } => {
                let _ = reply.send(self.session_page(&page, now));
            }
            Inspect::Session {
                client,
                from,
                at_most,
                reply,
            } => {
                let _ = reply.send(self.session_found(&client, from, at_most, now));
            }
            Inspect::Subscriptions { query, page, reply } => {
                let _ = reply.send(self.subscription_page(&query, &page));
            }
            Inspect::Retained {
                filter,
                page,
                reply,
            } => {
                let matching = self.retained.kept(&filter, now);
                let _ = reply.send(listing(
                    matching.map(RetainedMessage::from),
                    |found| found.message.topic(),
                    &page,
                ));
            }
            Inspect::Presence { clients, reply } => {
                let _ = reply.send(clients.iter().map(|id| self.presence(id)).collect());
            }
            Inspect::Fights { reply } => {
                let _ = reply.send(self.take_overs.fights(now));
            }
            Inspect::DropQueue { client, reply } => {
                let _ = reply.send(self.drop_queue(&client));
            }
            Inspect::Requeue {
                client,
                dropped,
                reply,
            } => {
                let _ = reply.send(self.requeue(&client, dropped, now));
            }
            Inspect::Recheck { reply } => {
                let _ = reply.send(self.recheck(now));
            }
            Inspect::Withhold {
                client,
                forbidden,
                reply,
            } => {
                let _ = reply.send(self.withhold(&client, forbidden, now));
            }
            Inspect::Revoke { revocations, reply } => {
                let _ = reply.send(self.revoke(revocations));
            }
            Inspect::Disconnect {
                client,
                reason,
                reply,
            } => {
                let _ = reply.send(self.disconnect(&client, reason));
            }
            Inspect::DisconnectWhere {
                whom,
                reason,
                reply,
            } => {
                let _ = reply.send(self.end_where(whom.0, reason, None));
            }
            Inspect::EndSession { client, reply } => {
                let _ = reply.send(self.end(&client, now));
            }
            Inspect::ClearRetained { filter, reply } => {
                let _ = reply.send(self.clear_retained(&filter, now));
            }
            Inspect::RestoreRetained { messages, reply } => {
                let _ = reply.send(self.restore_retained(messages, now));
            }
        }
    }

    /// Clients in the order of their names, after one.
    fn after(&self, page: &Page<ClientId>) -> impl Iterator<Item = &Client> {
        let from = match &page.after {
            Some(client) => Bound::Excluded(client.clone()),
            None => Bound::Unbounded,
        };
        self.by_id
            .range((from, Bound::Unbounded))
            .map(|(_, key)| &self.clients[*key as usize])
    }

    fn client_page(&self, page: &Page<ClientId>) -> Listing<ClientSummary> {
        let mut items: Vec<_> = self
            .after(page)
            .filter_map(Client::client_summary)
            .take(page.at_most + 1)
            .collect();
        let more = items.len() > page.at_most;
        items.truncate(page.at_most);
        let online = |(_, client): &(usize, &Client)| matches!(client.state, State::Online(_));
        Listing {
            items,
            total: self.clients.iter().filter(online).count(),
            more,
        }
    }

    fn session_page(&self, page: &Page<ClientId>, now: Timestamp) -> Listing<SessionSummary> {
        let mut items: Vec<_> = self
            .after(page)
            .take(page.at_most + 1)
            .map(|client| self.session_summary(client, now))
            .collect();
        let more = items.len() > page.at_most;
        items.truncate(page.at_most);
        Listing {
            items,
            total: self.clients.len(),
            more,
        }
    }

    fn presence(&self, client: &ClientId) -> Presence {
        let Some(key) = self.by_id.get(client) else {
            return Presence::Gone;
        };
        match &self.clients[*key as usize].state {
            State::Online(_) => Presence::Connected,
            State::Offline(offline) => Presence::Away {
                since: offline.away_since,
                will: offline
                    .will
                    .as_ref()
                    .map(|(due, message)| (message.topic().to_owned(), *due)),
            },
        }
    }

    fn session_found(
        &self,
        client: &ClientId,
        from: usize,
        at_most: usize,
        now: Timestamp,
    ) -> Option<Found> {
        let client = &self.clients[*self.by_id.get(client)? as usize];
        let (contents, will) = match &client.state {
            State::Online(online) => (
                Contents::AtConnection(online.inbox.clone()),
                online.will.as_ref().map(|will| WillSummary {
                    message: will.message.clone(),
                    delay: will.delay,
                    due: None,
                }),
            ),
            State::Offline(offline) => (
                Contents::Here(offline.session.contents(from, at_most)),
                offline.will.as_ref().map(|(due, message)| WillSummary {
                    message: message.clone(),
                    delay: Duration::ZERO,
                    due: Some(*due),
                }),
            ),
        };
        Some(Found {
            summary: self.session_summary(client, now),
            subscriptions: self.subscriptions_of(client),
            take_overs: self.take_overs.of(&client.id).cloned().unwrap_or_default(),
            keep_alive: match &client.state {
                State::Online(online) => online.keep_alive,
                State::Offline(_) => Duration::ZERO,
            },
            will,
            contents,
        })
    }

    fn session_summary(&self, client: &Client, now: Timestamp) -> SessionSummary {
        SessionSummary {
            taken_over: self.take_overs.of(&client.id).map_or(0, |of| of.total),
            fought_over: self.take_overs.is_fought_over(&client.id, now),
            ..client.session_summary()
        }
    }

    fn subscriptions_of(&self, client: &Client) -> Vec<SubscriptionSummary> {
        let mut all: Vec<_> = client
            .filters
            .iter()
            .map(|(filter, (options, id))| SubscriptionSummary {
                client: client.id.clone(),
                filter: filter.clone(),
                options: *options,
                id: *id,
            })
            .collect();
        all.sort_by(|a, b| a.filter.cmp(&b.filter));
        all
    }

    fn subscription_page(
        &self,
        query: &SubscriptionQuery,
        page: &Page<(ClientId, String)>,
    ) -> Listing<SubscriptionSummary> {
        let topic = query.topic.as_deref();
        let wanted = |filter: &TopicFilter| topic.is_none_or(|topic| filter.matches(topic));
        let known = |id: &ClientId, filter: &str| {
            let after = page.after.as_ref();
            after.is_some_and(|(client, last)| (id, filter) <= (client, last.as_str()))
        };
        let mut found = Listing {
            items: Vec::new(),
            total: 0,
            more: false,
        };
        for (id, key) in &self.by_id {
            if query.client.as_ref().is_some_and(|client| client != id) {
                continue;
            }
            let client = &self.clients[*key as usize];
            let all = client.filters.keys();
            found.total += all.filter(|filter| wanted(filter)).count();
            if found.more || page.after.as_ref().is_some_and(|(last, _)| id < last) {
                continue;
            }
            for subscription in self.subscriptions_of(client) {
                let filter = &subscription.filter;
                if !wanted(filter) || known(id, filter.as_str()) {
                    continue;
                }
                if found.items.len() == page.at_most {
                    found.more = true;
                    break;
                }
                found.items.push(subscription);
            }
        }
        found
    }

    fn disconnect(&mut self, client: &ClientId, reason: ReasonCode) -> Ended {
        let key = self.by_id.get(client);
        let client = key.and_then(|key| self.clients.get_mut(*key as usize));
        match client.map(|client| &mut client.state) {
            Some(State::Online(online)) => online.end(reason),
            Some(State::Offline(_)) | None => Ended::Nothing,
        }
    }

    /// Ends the connections of everybody whom this is said of. Each is gone when its receiver hears that its sender is.
    pub(super) fn end_where(
        &mut self,
        whom: impl Fn(&Identity) -> bool,
        reason: ReasonCode,
        why: Option<&'static str>,
    ) -> Vec<oneshot::Receiver<()>> {
        let clients = self.clients.iter_mut();
        let ended = clients.filter_map(|(_, client)| match (&mut client.state, &client.identity) {
            (State::Online(online), Some(who)) if whom(who) => {
                Some(online.end_because(reason, why))
            }
            _ => None,
        });
        ended.collect()
    }

    fn end(&mut self, client: &ClientId, now: Timestamp) -> Ended {
        let Some(&key) = self.by_id.get(client) else {
            return Ended::Nothing;
        };
        if let State::Online(online) = &mut self.clients[key as usize].state {
            online.session_expiry = 0; // the session goes with its connection
            return online.end(ReasonCode::ADMINISTRATIVE_ACTION);
        }
        self.end_session(key, now);
        Ended::Now
    }

    fn clear_retained(&mut self, filter: &TopicFilter, now: Timestamp) -> Vec<RetainedMessage> {
        let found: Vec<_> = self
            .retained
            .kept(filter, now)
            .map(RetainedMessage::from)
            .collect();
        for cleared in &found {
            self.retained.remove(cleared.message.topic());
            self.durable.unretain(cleared.message.topic());
        }
        self.count_retained();
        found
    }

    fn restore_retained(&mut self, messages: Vec<RetainedMessage>, now: Timestamp) -> Restored {
        let mut done = Restored::default();
        for kept in messages {
            let topic = kept.message.topic().to_owned();
            if self.retained.get(&topic).is_some() {
                done.newer.push(topic);
            } else if kept.message.expires().is_some_and(|at| at <= now) {
                done.expired.push(topic);
            } else if let Err(limit) =
                self.retained
                    .room_for(&topic, kept.message.size(), &self.limits)
            {
                self.counters.limit_hit(limit, now);
                done.no_room.push(topic);
            } else {
                self.retained.set(&kept.message, &kept.publisher);
                self.durable.retain(&kept.message, &kept.publisher);
                done.restored += 1;
            }
        }
        self.count_retained();
        done
    }
}

impl From<&Kept> for RetainedMessage {
    fn from(kept: &Kept) -> Self {
        Self {
            message: kept.message.clone(),
            publisher: kept.publisher.clone(),
        }
    }
}

impl Online {
    fn end(&mut self, reason: ReasonCode) -> Ended {
        Ended::Soon(self.end_because(reason, None))
    }

    /// Tells the connection to end. It is gone when the receiver hears that its sender is.
    fn end_because(
        &mut self,
        reason: ReasonCode,
        why: Option<&'static str>,
    ) -> oneshot::Receiver<()> {
        let (gone, is_gone) = oneshot::channel();
        self.gone.push(gone);
        self.inbox.end_because(reason, why);
        is_gone
    }
}

/// A page of a list in the order of its keys.
fn listing<T>(
    all: impl Iterator<Item = T>,
    key: impl Fn(&T) -> &str,
    page: &Page<String>,
) -> Listing<T> {
    let mut found = Listing {
        items: Vec::new(),
        total: 0,
        more: false,
    };
    for item in all {
        found.total += 1;
        let known = page
            .after
            .as_deref()
            .is_some_and(|after| key(&item) <= after);
        if known {
            continue;
        }
        if found.items.len() < page.at_most {
            found.items.push(item);
        } else {
            found.more = true;
        }
    }
    found
}

impl Client {
    /// For a person, where it is connected.
    pub(super) fn client_summary(&self) -> Option<ClientSummary> {
        let State::Online(online) = &self.state else {
            return None;
        };
        let mut filters: Vec<_> = self.filters.keys().cloned().collect();
        filters.sort();
        Some(ClientSummary {
            info: online.info.clone(),
            account: self
                .identity
                .as_ref()
                .and_then(|who| who.proved_name().map(Into::into)),
            connected_at: online.connected_at,
            keep_alive: online.keep_alive,
            filters,
            messages_in: online.counters.messages_in.load(Relaxed),
            messages_out: online.counters.messages_out.load(Relaxed),
        })
    }

    fn session_summary(&self) -> SessionSummary {
        let (version, connection, since, expiry, expires, waiting) = match &self.state {
            State::Online(online) => (
                online.info.version,
                Some(online.info.clone()),
                online.connected_at,
                online.session_expiry,
                None,
                online.counters.backlog.load(Relaxed) + online.inbox.len(),
            ),
            State::Offline(offline) => (
                offline.version,
                None,
                offline.away_since,
                offline.session_expiry,
                offline.expires,
                offline.session.backlog(),
            ),
        };
        SessionSummary {
            client: self.id.clone(),
            version,
            connection,
            since,
            expiry,
            expires,
            subscriptions: self.filters.len(),
            waiting,
            durable: self.durable.is_some(),
            taken_over: 0,
            fought_over: false,
        }
    }
}
