//! Looking into a broker that runs, and what its operator may do there.
//!
//! Duty: lists of clients, sessions, subscriptions and retained messages a page at a time, and what is in one session.
//! Not here: the words of the answers (`words`), what an operator does (`acting`), words for people (app's).
//! Invariant: a question costs the broker no more than a page's work and a walk along a list, and what one connection
//! does with its time holds up nobody else's answer.

mod acting;
mod words;

use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{ClientId, TopicFilter};
use tokio::sync::oneshot;

use crate::Broker;
use crate::hub::{ClientSummary, Command, Contents, Inspect};

pub use words::*;

/// How long a connection may take to say what is in its session. It answers between two packets.
const PATIENCE: Duration = Duration::from_secs(5);
/// A session that goes to and fro between hub and connection is asked for so often.
const TRIES: usize = 8;

impl Broker {
    /// Clients that are connected, by name.
    pub async fn client_page(&self, page: Page<ClientId>) -> Option<Listing<ClientSummary>> {
        self.inspect(|reply| Inspect::Clients { page, reply }).await
    }

    /// Sessions, connected or not, by client.
    pub async fn sessions(&self, page: Page<ClientId>) -> Option<Listing<SessionSummary>> {
        self.inspect(|reply| Inspect::Sessions { page, reply })
            .await
    }

    /// Subscriptions, by client and filter.
    pub async fn subscriptions(
        &self,
        query: SubscriptionQuery,
        page: Page<(ClientId, String)>,
    ) -> Option<Listing<SubscriptionSummary>> {
        let ask = |reply| Inspect::Subscriptions { query, page, reply };
        self.inspect(ask).await
    }

    /// Retained messages that a filter matches, by topic.
    pub async fn retained(
        &self,
        filter: TopicFilter,
        page: Page<String>,
    ) -> Option<Listing<RetainedMessage>> {
        let ask = |reply| Inspect::Retained {
            filter,
            page,
            reply,
        };
        self.inspect(ask).await
    }

    /// A part of the retained messages that any of some filters matches, after a topic, each of them once. It costs the broker a
    /// bounded step, so there may be more where little was found.
    pub async fn retained_walk(
        &self,
        filters: Arc<[TopicFilter]>,
        after: Option<String>,
        at_most: usize,
    ) -> Option<RetainedWalk> {
        let ask = |reply| Inspect::RetainedWalk {
            filters,
            after,
            at_most,
            reply,
        };
        self.inspect(ask).await
    }

    /// Whether clients are there, each in its place.
    pub async fn presence(&self, clients: Vec<ClientId>) -> Option<Vec<Presence>> {
        self.inspect(|reply| Inspect::Presence { clients, reply })
            .await
    }

    /// One session: of each list of messages in it so many at most, from one on.
    pub async fn session(
        &self,
        client: &ClientId,
        from: usize,
        at_most: usize,
    ) -> Result<SessionDetail, InspectError> {
        for _ in 0..TRIES {
            let client = client.clone();
            let found = self
                .inspect(|reply| Inspect::Session {
                    client,
                    from,
                    at_most,
                    reply,
                })
                .await
                .ok_or(InspectError::Stopping)?
                .ok_or(InspectError::NoSession)?;
            let contents = match found.contents {
                Contents::Here(contents) => contents,
                Contents::AtConnection(inbox) => {
                    let answer = inbox.ask(from, at_most).ok_or(InspectError::Busy)?;
                    // A connection that has ended can't answer: the question goes with its inbox, if nobody holds that.
                    drop(inbox);
                    match tokio::time::timeout(PATIENCE, answer).await {
                        Ok(Ok(contents)) => contents,
                        // The connection ended first: the hub has the session by now, or soon.
                        Ok(Err(_)) => continue,
                        Err(_) => return Err(InspectError::Busy),
                    }
                }
            };
            return Ok(SessionDetail {
                summary: found.summary,
                subscriptions: found.subscriptions,
                will: found.will,
                take_overs: found.take_overs,
                keep_alive: found.keep_alive,
                contents,
            });
        }
        Err(InspectError::Busy)
    }

    /// The client identifiers that are fought over at present, by name.
    pub async fn fights(&self) -> Vec<Fight> {
        let fights = self.inspect(|reply| Inspect::Fights { reply }).await;
        fights.unwrap_or_default()
    }

    /// Asks the hub; `None` once the broker has stopped.
    async fn inspect<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Inspect) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(Command::Inspect(Box::new(ask(reply))));
        answer.await.ok()
    }
}
