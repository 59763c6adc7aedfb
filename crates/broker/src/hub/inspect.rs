//! What an operator asks of the hub, and does there.
//!
//! Duty: the words of a question or an act, and who in the hub answers it. Not here: the act's own doing; what an operator sees
//! of it ([`crate::inspect`]).
//! Invariant: each is answered in the hub's own turn, between messages, so it sees a state that really was.

mod ending;
mod pages;
mod retained;

use super::*;
use crate::inspect::{
    Fight, Listing, Page, Presence, Restored, RetainedMessage, RetainedWalk, SessionSummary,
    SubscriptionQuery, SubscriptionSummary, TakeOvers, WillSummary,
};
use crate::session::SessionContents;

/// Retained messages that are looked at in one step: some milliseconds.
const WALKED: usize = 5_000;

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
    RetainedWalk {
        filters: Arc<[TopicFilter]>,
        after: Option<String>,
        at_most: usize,
        reply: oneshot::Sender<RetainedWalk>,
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
                let _ = reply.send(self.retained_page(&filter, &page, now));
            }
            Inspect::RetainedWalk {
                filters,
                after,
                at_most,
                reply,
            } => {
                let bounds = (at_most, WALKED);
                let (found, next) = self.retained.walk(&filters, after.as_deref(), bounds, now);
                let _ = reply.send(RetainedWalk {
                    found: found.into_iter().map(RetainedMessage::from).collect(),
                    next: next.map(str::to_owned),
                });
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
}
