//! What an operator is shown of the hub, a page at a time.
//!
//! Duty: clients, sessions, subscriptions and retained messages in the order of their names, with how many there are in all.
//! Not here: what a connection has of its session (it is asked through its inbox).
//! Invariant: looking changes nothing; a page is no longer than was asked for, and says whether more come after it.

use std::ops::Bound;

use super::*;
use crate::retained::Kept;

impl Hub {
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

    pub(super) fn client_page(&self, page: &Page<ClientId>) -> Listing<ClientSummary> {
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

    pub(super) fn session_page(
        &self,
        page: &Page<ClientId>,
        now: Timestamp,
    ) -> Listing<SessionSummary> {
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

    pub(super) fn presence(&self, client: &ClientId) -> Presence {
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

    pub(super) fn session_found(
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

    pub(super) fn subscription_page(
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

    pub(super) fn retained_page(
        &self,
        filter: &TopicFilter,
        page: &Page<String>,
        now: Timestamp,
    ) -> Listing<RetainedMessage> {
        let matching = self.retained.kept(filter, now);
        listing(
            matching.map(RetainedMessage::from),
            |found| found.message.topic(),
            page,
        )
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

impl Client {
    /// For a person, where it is connected.
    pub(in crate::hub) fn client_summary(&self) -> Option<ClientSummary> {
        let State::Online(online) = &self.state else {
            return None;
        };
        let mut filters: Vec<_> = self.filters.keys().cloned().collect();
        filters.sort();
        Some(ClientSummary {
            info: online.info.clone(),
            identity: self.identity.clone(),
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
            identity: self.identity.clone(),
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
