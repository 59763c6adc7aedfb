//! Looking into the broker that runs, in words for people.
//!
//! Duty: pages, previews and names for what the broker tells of itself, the acts of an operator, and what they undo.
//! Not here: the broker's side (`mqttwb_broker::inspect`). Invariant: what is cut is marked, what is left out is counted,
//! and what was cleared can come back while the broker runs, within the bounds of [`Undo`].

mod fights;
mod stale;
mod undo;
mod words;

use std::sync::Arc;

use mqttwb_broker::inspect::{self as broker, InspectError, Listing};
use mqttwb_model::{ClientId, LimitKind, TopicFilter};
use mqttwb_wire::ReasonCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::api::{
    ApiError, BrokerClient, BrokerCounters, DisconnectReason, ErrorCode, LimitEntry, Page,
    PageRequest, QueueDropped, RetainedCleared, RetainedEntry, RetainedRestored, SessionDetail,
    SessionEntry, SessionRequest, SubscriptionEntry, SubscriptionRequest,
};
use crate::broker::{BrokerControl, not_running};
use crate::{App, Result};

pub(crate) use fights::fights as fight_findings;
pub(crate) use undo::Undo;
pub(crate) use words::{limit_key, preview};

/// Entries of a page, where nothing is said.
const COUNT: u32 = 100;
/// Entries of a page at most.
const MOST: u32 = 1_000;

fn at_most(count: u32) -> usize {
    match count {
        0 => COUNT as usize,
        n => n.min(MOST) as usize,
    }
}

fn page<T, U: From<T>>(listing: Listing<T>, key: impl Fn(&T) -> String) -> Page<U> {
    Page {
        total: listing.total as u64,
        next: listing.items.last().filter(|_| listing.more).map(key),
        items: listing.items.into_iter().map(U::from).collect(),
    }
}

fn filter(text: &str) -> Result<TopicFilter> {
    crate::clients::filter(text)
}

fn no_session(client: &str) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("There is no session of a client {client:?}."),
    )
    .hint("Client identifiers are compared letter by letter: see the list of sessions.")
}

fn nothing_to_undo(undo: u32) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("There is nothing to undo with the number {undo}."),
    )
    .hint("A clearing can be undone once, while the broker runs, until later ones have taken its place.")
}

fn not_looked_at(error: InspectError, client: &str) -> ApiError {
    match error {
        InspectError::NoSession => no_session(client),
        InspectError::Stopping => not_running(),
        InspectError::Busy => ApiError::new(
            ErrorCode::Client,
            format!("The connection of {client:?} did not answer in time."),
        )
        .hint("Ask again."),
    }
}

impl BrokerControl {
    /// Clients that are connected, by name.
    pub(crate) async fn client_page(&self, request: PageRequest) -> Result<Page<BrokerClient>> {
        let running = self.running().ok_or_else(not_running)?;
        let part = broker::Page {
            after: request.after.map(ClientId::from),
            at_most: at_most(request.count),
        };
        let listing = running.broker.client_page(part).await;
        let listing = listing.ok_or_else(not_running)?;
        Ok(page(listing, |client| client.info.client.to_string()))
    }

    /// Sessions, connected or not, by client.
    pub(crate) async fn sessions(&self, request: PageRequest) -> Result<Page<SessionEntry>> {
        let running = self.running().ok_or_else(not_running)?;
        let part = broker::Page {
            after: request.after.map(ClientId::from),
            at_most: at_most(request.count),
        };
        let listing = running.broker.sessions(part).await;
        let listing = listing.ok_or_else(not_running)?;
        Ok(page(listing, |session| session.client.to_string()))
    }

    /// Messages that wait to be sent or acknowledged, in all sessions; unknown while the broker does not run.
    pub(crate) async fn waiting(&self) -> Option<u64> {
        let mut waiting = 0;
        let mut request = PageRequest {
            after: None,
            count: MOST,
        };
        loop {
            let page = self.sessions(request).await.ok()?;
            let of_page = page.items.iter().map(|session| u64::from(session.waiting));
            waiting += of_page.sum::<u64>();
            match page.next {
                Some(next) => {
                    request = PageRequest {
                        after: Some(next),
                        count: MOST,
                    };
                }
                None => return Some(waiting),
            }
        }
    }

    /// One session in full.
    pub(crate) async fn session(&self, request: SessionRequest) -> Result<SessionDetail> {
        let running = self.running().ok_or_else(not_running)?;
        let client = ClientId::from(request.client_id.as_str());
        let (from, count) = (request.from as usize, at_most(request.count));
        match running.broker.session(&client, from, count).await {
            Ok(detail) => Ok(words::session(detail, request.from)),
            Err(error) => Err(not_looked_at(error, client.as_str())),
        }
    }

    /// Subscriptions, by client and filter.
    pub(crate) async fn subscriptions(
        &self,
        wanted: SubscriptionRequest,
        request: PageRequest,
    ) -> Result<Page<SubscriptionEntry>> {
        let running = self.running().ok_or_else(not_running)?;
        if let Some(topic) = &wanted.topic {
            crate::clients::topic(topic)?;
        }
        let query = broker::SubscriptionQuery {
            client: wanted.client_id.map(ClientId::from),
            topic: wanted.topic,
        };
        let after = request.after.as_deref();
        let part = broker::Page {
            after: after
                .and_then(|after| after.split_once(' '))
                .map(|(client, filter)| {
                    let client = percent_decode_str(client).decode_utf8_lossy();
                    (ClientId::from(&*client), filter.to_owned())
                }),
            at_most: at_most(request.count),
        };
        let listing = running.broker.subscriptions(query, part).await;
        let listing = listing.ok_or_else(not_running)?;
        Ok(page(listing, |s| {
            // The first space is the one between them.
            let client = utf8_percent_encode(s.client.as_str(), NON_ALPHANUMERIC);
            format!("{client} {}", s.filter)
        }))
    }

    /// Retained messages that a filter matches, by topic.
    pub(crate) async fn retained(
        &self,
        wanted: &str,
        request: PageRequest,
    ) -> Result<Page<RetainedEntry>> {
        let running = self.running().ok_or_else(not_running)?;
        let part = broker::Page {
            after: request.after,
            at_most: at_most(request.count),
        };
        let listing = running.broker.retained(filter(wanted)?, part).await;
        let listing = listing.ok_or_else(not_running)?;
        let mut marker = stale::Marker::default();
        let said = marker.why(&running.broker, &listing.items).await;
        let mut page: Page<RetainedEntry> = page(listing, |kept| kept.message.topic().to_owned());
        for (entry, why) in page.items.iter_mut().zip(said) {
            entry.stale = why;
        }
        Ok(page)
    }

    /// Retained messages that any of some filters matches, each of them once and whole, with why it may no longer be true: about
    /// `most` of them, and how many more there are. None while the broker does not run.
    pub(crate) async fn retained_in_full(
        &self,
        filters: Vec<TopicFilter>,
        most: usize,
    ) -> (Vec<(broker::RetainedMessage, Option<String>)>, u64) {
        let filters: Arc<[TopicFilter]> = filters.into();
        let (mut found, mut more) = (Vec::new(), 0);
        let mut marker = stale::Marker::default();
        let mut after = None;
        while let Some(running) = self.running() {
            let step = running
                .broker
                .retained_walk(filters.clone(), after, MOST as usize);
            let Some(part) = step.await else {
                break;
            };
            if found.len() < most {
                let said = marker.why(&running.broker, &part.found).await;
                found.extend(part.found.into_iter().zip(said));
            } else {
                more += part.found.len() as u64;
            }
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        (found, more)
    }

    /// What it has counted.
    pub(crate) fn counted(&self) -> Result<BrokerCounters> {
        let running = self.running().ok_or_else(not_running)?;
        Ok(words::counters(&running.broker))
    }

    /// Its limits, and how often each was reached.
    pub(crate) fn limits(&self) -> Result<Vec<LimitEntry>> {
        let running = self.running().ok_or_else(not_running)?;
        let reached: Vec<_> = running.broker.counters().limits_hit().collect();
        let settings = self.held().report().settings;
        let entry = |kind: LimitKind| {
            let key = limit_key(kind);
            let setting = settings.iter().find(|setting| setting.key == key)?;
            Some(LimitEntry {
                key: key.to_owned(),
                what: kind.text().to_owned(),
                value: setting.value.clone()?,
                unit: setting.unit.clone(),
                reached: reached
                    .iter()
                    .filter(|(k, _)| *k == kind)
                    .map(|(_, n)| n)
                    .sum(),
            })
        };
        Ok(LimitKind::ALL.into_iter().filter_map(entry).collect())
    }

    /// Ends a client's connection.
    pub(crate) async fn disconnect(&self, client: &str, reason: DisconnectReason) -> Result<()> {
        let running = self.running().ok_or_else(not_running)?;
        let reason = ReasonCode::from(reason);
        if running.broker.disconnect(client.into(), reason).await {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::NotFound,
            format!("No client {client:?} is connected."),
        )
        .hint("Client identifiers are compared letter by letter: see the list of clients."))
    }

    /// Ends a client's session.
    pub(crate) async fn end_session(&self, client: &str) -> Result<()> {
        let running = self.running().ok_or_else(not_running)?;
        match running.broker.end_session(client.into()).await {
            true => Ok(()),
            false => Err(no_session(client)),
        }
    }

    /// Drops what waits to be sent to a client.
    pub(crate) async fn drop_queue(&self, client: &str) -> Result<QueueDropped> {
        let running = self.running().ok_or_else(not_running)?;
        let dropped = running.broker.drop_queue(&client.into()).await;
        let dropped = dropped.map_err(|error| not_looked_at(error, client))?;
        Ok(QueueDropped {
            dropped: dropped.len() as u64,
            undo: running.queues.lock().keep(dropped),
        })
    }

    /// Puts what was dropped back, behind what waits now.
    pub(crate) async fn restore_queue(&self, undo: u32) -> Result<u64> {
        let running = self.running().ok_or_else(not_running)?;
        let dropped = running.queues.lock().take(undo);
        let dropped = dropped.ok_or_else(|| nothing_to_undo(undo))?;
        match running.broker.requeue(dropped).await {
            Ok(count) => Ok(count as u64),
            Err(InspectError::Stopping) => Err(not_running()),
            Err(InspectError::NoSession | InspectError::Busy) => Err(ApiError::new(
                ErrorCode::NotFound,
                "The session has ended meanwhile: there is nobody to put the messages back for.",
            )),
        }
    }

    /// Takes retained messages away.
    pub(crate) async fn clear_retained(&self, wanted: &str) -> Result<RetainedCleared> {
        let running = self.running().ok_or_else(not_running)?;
        let cleared = running.broker.clear_retained(filter(wanted)?).await;
        let cleared = cleared.ok_or_else(not_running)?;
        Ok(RetainedCleared {
            cleared: cleared.len() as u64,
            undo: running.undo.lock().keep(cleared),
        })
    }

    /// Brings retained messages back.
    pub(crate) async fn restore_retained(&self, undo: u32) -> Result<RetainedRestored> {
        let running = self.running().ok_or_else(not_running)?;
        let messages = running.undo.lock().take(undo);
        let messages = messages.ok_or_else(|| nothing_to_undo(undo))?;
        let restored = running.broker.restore_retained(messages).await;
        Ok(restored.ok_or_else(not_running)?.into())
    }
}

impl App {
    /// Clients that are connected to the broker, by name.
    pub async fn broker_clients(&self, page: PageRequest) -> Result<Page<BrokerClient>> {
        self.broker.client_page(page).await
    }

    /// Sessions, connected or not, by client.
    pub async fn broker_sessions(&self, page: PageRequest) -> Result<Page<SessionEntry>> {
        self.broker.sessions(page).await
    }

    /// One session in full.
    pub async fn broker_session(&self, request: SessionRequest) -> Result<SessionDetail> {
        self.broker.session(request).await
    }

    /// Subscriptions, by client and filter.
    pub async fn broker_subscriptions(
        &self,
        wanted: SubscriptionRequest,
        page: PageRequest,
    ) -> Result<Page<SubscriptionEntry>> {
        self.broker.subscriptions(wanted, page).await
    }

    /// Retained messages that a filter matches, by topic.
    pub async fn broker_retained(
        &self,
        filter: &str,
        page: PageRequest,
    ) -> Result<Page<RetainedEntry>> {
        self.broker.retained(filter, page).await
    }

    /// What the broker has counted.
    pub fn broker_counters(&self) -> Result<BrokerCounters> {
        self.broker.counted()
    }

    /// The broker's limits, and how often each was reached.
    pub fn broker_limits(&self) -> Result<Vec<LimitEntry>> {
        self.broker.limits()
    }

    /// Ends a client's connection to the broker. Its will is sent.
    pub async fn broker_disconnect(&self, client: &str, reason: DisconnectReason) -> Result<()> {
        self.broker.disconnect(client, reason).await
    }

    /// Ends a client's session, and its connection first. Its will is sent.
    pub async fn broker_end_session(&self, client: &str) -> Result<()> {
        self.broker.end_session(client).await
    }

    /// Drops what waits to be sent to a client. What was sent and is not acknowledged stays.
    pub async fn broker_drop_queue(&self, client: &str) -> Result<QueueDropped> {
        self.broker.drop_queue(client).await
    }

    /// Puts what was dropped out of a queue back, behind what waits there now. How many messages.
    pub async fn broker_restore_queue(&self, undo: u32) -> Result<u64> {
        self.broker.restore_queue(undo).await
    }

    /// Takes the retained messages away that a filter matches. Subscribers are not told.
    pub async fn broker_clear_retained(&self, filter: &str) -> Result<RetainedCleared> {
        self.broker.clear_retained(filter).await
    }

    /// Brings the retained messages of a clearing back, where there are no newer ones.
    pub async fn broker_restore_retained(&self, undo: u32) -> Result<RetainedRestored> {
        self.broker.restore_retained(undo).await
    }
}
