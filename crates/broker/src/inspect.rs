//! Looking into a broker that runs, and what its operator may do there.
//!
//! Duty: lists of clients, sessions, subscriptions and retained messages a page at a time, what is in one session, and the
//! few acts that no client can do. Not here: words for people (app's).
//! Invariant: a question costs the broker no more than a page's work and a walk along a list, and what one connection
//! does with its time holds up nobody else's answer; nothing is done to a client that the protocol does not know.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{
    ClientCertificate, ClientId, ConnectionInfo, ProtocolVersion, RefusalCause, Timestamp,
    TopicFilter,
};
use mqttwb_wire::{ReasonCode, SubscriptionOptions};
use tokio::sync::oneshot;

use crate::Broker;
use crate::access::{Identity, TakenAway};
use crate::hub::{
    ClientSummary, Command, Contents, Ended, Inspect, Queue, Rechecked, Revocations, Whom, Withheld,
};
use crate::message::Message;
use crate::session::{Delivery, SessionContents};

/// Which part of a list: so many at most, after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The key of the last that is known already.
    pub after: Option<K>,
    /// At most so many.
    pub at_most: usize,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What was asked for, in the order of the keys.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: usize,
    /// Whether there are more behind these.
    pub more: bool,
}

/// A session, connected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Whose it is.
    pub client: ClientId,
    /// What the client speaks, or spoke last.
    pub version: ProtocolVersion,
    /// The connection that has it; `None` while the client is away.
    pub connection: Option<Arc<ConnectionInfo>>,
    /// What the client has proved, or had when it was connected last; `None` for a session of another run.
    pub identity: Option<Identity>,
    /// Since when the client is connected, or away.
    pub since: Timestamp,
    /// Session expiry interval, in seconds; `u32::MAX` is never.
    pub expiry: u32,
    /// When it ends, unless the client comes back; `None` for never, and while the client is connected.
    pub expires: Option<Timestamp>,
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// Messages that wait to be sent or to be acknowledged.
    pub waiting: usize,
    /// The process may end and start again: it is kept.
    pub durable: bool,
    /// How often one connection of this client identifier took another's place.
    pub taken_over: u64,
    /// Two connections do it to each other, again and again.
    pub fought_over: bool,
}

/// One connection took the place of another with the same client identifier `[MQTT-3.1.4-3]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    /// When.
    pub at: Timestamp,
    /// The connection that had to go.
    pub from: Arc<ConnectionInfo>,
    /// The one that came.
    pub by: Arc<ConnectionInfo>,
}

/// How often a client identifier was taken over, since the broker was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakeOvers {
    /// In all.
    pub total: u64,
    /// The last of them, the newest last.
    pub last: VecDeque<TakeOver>,
}

/// A client identifier that connections take from each other, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fight {
    /// The client identifier.
    pub client: ClientId,
    /// Take-overs in the last minute.
    pub rounds: usize,
    /// The last of them.
    pub last: TakeOver,
}

/// What was dropped out of a session's queue, and can be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedQueue {
    client: ClientId,
    deliveries: Vec<Delivery>,
}

impl DroppedQueue {
    /// How many messages.
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether it is none.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// What they weigh.
    pub fn bytes(&self) -> usize {
        let sizes = self.deliveries.iter().map(|one| one.message.size());
        sizes.sum()
    }
}

/// A will that is still to be published, or discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillSummary {
    /// The message.
    pub message: Message,
    /// Will delay interval.
    pub delay: Duration,
    /// When it is published, once the client is away.
    pub due: Option<Timestamp>,
}

/// One session in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDetail {
    /// Itself.
    pub summary: SessionSummary,
    /// Its subscriptions, by filter.
    pub subscriptions: Vec<SubscriptionSummary>,
    /// Its will.
    pub will: Option<WillSummary>,
    /// Which connections took which over.
    pub take_overs: TakeOvers,
    /// Its keep-alive, while it is connected; zero is off.
    pub keep_alive: Duration,
    /// Its messages.
    pub contents: SessionContents,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSummary {
    /// Whose.
    pub client: ClientId,
    /// As it was written.
    pub filter: TopicFilter,
    /// How.
    pub options: SubscriptionOptions,
    /// Subscription identifier.
    pub id: Option<u32>,
}

/// Which subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionQuery {
    /// Those of this client.
    pub client: Option<ClientId>,
    /// Those that a message of this topic matches.
    pub topic: Option<String>,
}

/// A retained message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedMessage {
    /// The message.
    pub message: Message,
    /// The client that published it; empty where that is not known.
    pub publisher: ClientId,
}

/// A part of the retained messages that somebody walks through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetainedWalk {
    /// By topic.
    pub found: Vec<RetainedMessage>,
    /// Where to go on; nothing at the end.
    pub next: Option<String>,
}

/// Whether a client is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is connected.
    Connected,
    /// It is away, and its session is kept.
    Away {
        /// Since when.
        since: Timestamp,
        /// The topic of its will that is still to come, and when that is due.
        will: Option<(String, Timestamp)>,
    },
    /// Nothing is known of it: it is away without a session.
    Gone,
}

/// What became of retained messages that were to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// How many are retained again.
    pub restored: usize,
    /// Topics that have a newer retained message: it was left alone.
    pub newer: Vec<String>,
    /// Topics whose message has expired meanwhile.
    pub expired: Vec<String>,
    /// Topics that there is no room for any more.
    pub no_room: Vec<String>,
}

/// Why a session could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// There is none of that client.
    #[error("there is no session of that client")]
    NoSession,
    /// Its connection has too much to do.
    #[error("the client's connection did not answer in time")]
    Busy,
    /// The broker stops.
    #[error("the broker stops")]
    Stopping,
}

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

    /// Drops what waits to be sent to a client. What was sent and is not acknowledged stays: the client may have it.
    pub async fn drop_queue(&self, client: &ClientId) -> Result<DroppedQueue, InspectError> {
        for _ in 0..TRIES {
            let whose = client.clone();
            let ask = |reply| Inspect::DropQueue {
                client: whose,
                reply,
            };
            let found = self.inspect(ask).await.ok_or(InspectError::Stopping)?;
            let deliveries = match found.ok_or(InspectError::NoSession)? {
                Queue::Here(dropped) => dropped,
                Queue::AtConnection(inbox) => {
                    let answer = inbox.drop_queue().ok_or(InspectError::Busy)?;
                    drop(inbox);
                    match tokio::time::timeout(PATIENCE, answer).await {
                        Ok(Ok(dropped)) => dropped,
                        // The connection ended first: the hub has the session by now, or soon.
                        Ok(Err(_)) => continue,
                        Err(_) => return Err(InspectError::Busy),
                    }
                }
            };
            return Ok(DroppedQueue {
                client: client.clone(),
                deliveries,
            });
        }
        Err(InspectError::Busy)
    }

    /// Puts what was dropped out of a queue back, behind what waits now. How many messages.
    pub async fn requeue(&self, dropped: DroppedQueue) -> Result<usize, InspectError> {
        let ask = |reply| Inspect::Requeue {
            client: dropped.client,
            dropped: dropped.deliveries,
            reply,
        };
        let found = self.inspect(ask).await.ok_or(InspectError::Stopping)?;
        found.ok_or(InspectError::NoSession)
    }

    /// Ends the connection of a client, an MQTT 5 client with this reason; its will is sent. When this returns the client
    /// is not connected any more, unless it came back. Whether it was.
    pub async fn disconnect(&self, client: ClientId, reason: ReasonCode) -> bool {
        let ask = |reply| Inspect::Disconnect {
            client,
            reason,
            reply,
        };
        self.ended(self.inspect(ask).await).await
    }

    /// Ends the connections of everybody whom this is said of, MQTT 5 clients with this reason; their wills are sent. When
    /// this returns they are not connected any more. How many there were.
    pub async fn disconnect_where(
        &self,
        whom: impl Fn(&Identity) -> bool + Send + 'static,
        reason: ReasonCode,
    ) -> usize {
        let whom = Whom(Box::new(whom));
        let ask = |reply| Inspect::DisconnectWhere {
            whom,
            reason,
            reply,
        };
        self.all_ended(self.inspect(ask).await).await
    }

    /// Asks the policy again about every subscription and will that there is, and takes away what it does not allow any
    /// more; each is told as a refusal. What waits for a client of these and of no other subscription does not reach it:
    /// when this returns it is out of its queue. What was taken.
    pub async fn recheck(&self) -> Vec<TakenAway> {
        let all = self.inspect(|reply| Inspect::Recheck { reply }).await;
        let Rechecked { taken, withheld } = all.unwrap_or_default();
        let listener = "rules".into();
        let nowhere = (std::net::Ipv4Addr::UNSPECIFIED, 0).into();
        let mut count = 0;
        for one in withheld {
            count += self.withheld(one).await;
        }
        if count > 0 {
            let why = format!("{count} messages that waited for these subscriptions are withheld");
            self.shared
                .refuse(&listener, nowhere, RefusalCause::Access, why);
        }
        for TakenAway {
            client,
            topic,
            is_will,
            rule,
        } in &taken
        {
            let what = if *is_will {
                "will to"
            } else {
                "subscription to"
            };
            let why = format!("{client}: its {what} {topic:?} is taken away: {rule}");
            self.shared
                .refuse(&listener, nowhere, RefusalCause::Access, why);
        }
        taken
    }

    /// Waits until it is withheld. How many messages.
    async fn withheld(&self, mut withheld: Withheld) -> usize {
        for _ in 0..TRIES {
            match withheld {
                Withheld::Here(count) => return count,
                Withheld::AtConnection {
                    client,
                    forbidden,
                    answer,
                } => match tokio::time::timeout(PATIENCE, answer).await {
                    Ok(Ok(count)) => return count,
                    // The connection ended first: the hub has the session by now, or soon.
                    Ok(Err(_)) => {
                        let ask = |reply| Inspect::Withhold {
                            client,
                            forbidden,
                            reply,
                        };
                        match self.inspect(ask).await {
                            Some(next) => withheld = next,
                            None => return 0,
                        }
                    }
                    // It does so before it sends anything else.
                    Err(_) => return 0,
                },
            }
        }
        0
    }

    /// Says which certificates are revoked from now on. Connections that showed one end, MQTT 5 clients with 0x87, and are
    /// gone when this returns; who shows one in a handshake that was made before is refused at CONNECT. How many ended.
    pub async fn set_revoked(
        &self,
        revoked: impl Fn(&ClientCertificate) -> bool + Send + Sync + 'static,
    ) -> usize {
        let revocations = Revocations(Box::new(revoked));
        let ask = |reply| Inspect::Revoke { revocations, reply };
        self.all_ended(self.inspect(ask).await).await
    }

    /// Ends the session of a client, and its connection first where it is connected; its will is sent. Whether there was
    /// one.
    pub async fn end_session(&self, client: ClientId) -> bool {
        let ask = |reply| Inspect::EndSession { client, reply };
        self.ended(self.inspect(ask).await).await
    }

    async fn ended(&self, ended: Option<Ended>) -> bool {
        match ended {
            None | Some(Ended::Nothing) => false,
            Some(Ended::Now) => true,
            Some(Ended::Soon(gone)) => {
                // A client that does not read its last words has a second for them.
                let _ = tokio::time::timeout(PATIENCE, gone).await;
                true
            }
        }
    }

    /// Waits until all are gone. How many.
    async fn all_ended(&self, ending: Option<Vec<oneshot::Receiver<()>>>) -> usize {
        let ending = ending.unwrap_or_default();
        let ended = ending.len();
        // A client that does not read its last words has a second for them.
        let all_gone = async {
            for gone in ending {
                let _ = gone.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, all_gone).await;
        ended
    }

    /// Takes the retained messages away that a filter matches, and hands them over. Subscribers are not told.
    pub async fn clear_retained(&self, filter: TopicFilter) -> Option<Vec<RetainedMessage>> {
        let ask = |reply| Inspect::ClearRetained { filter, reply };
        self.inspect(ask).await
    }

    /// Puts retained messages back that were taken away, where there is no newer one.
    pub async fn restore_retained(&self, messages: Vec<RetainedMessage>) -> Option<Restored> {
        let ask = |reply| Inspect::RestoreRetained { messages, reply };
        self.inspect(ask).await
    }

    /// Asks the hub; `None` once the broker has stopped.
    async fn inspect<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Inspect) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(Command::Inspect(Box::new(ask(reply))));
        answer.await.ok()
    }
}
