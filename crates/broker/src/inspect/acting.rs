//! The few acts of an operator that no client can do.
//!
//! Duty: drop what waits and put it back, end connections and sessions, take away what rules or certificates do not allow any
//! more, clear retained messages. Not here: doing it (the hub's, and each connection's).
//! Invariant: when an act has returned it is done, or bounded waiting was in vain; nothing is done to a client that the protocol
//! does not know.

use mqttwb_model::{ClientCertificate, ClientId, RefusalCause, TopicFilter};
use mqttwb_wire::ReasonCode;
use tokio::sync::oneshot;

use super::{DroppedQueue, InspectError, PATIENCE, Restored, RetainedMessage, TRIES};
use crate::Broker;
use crate::access::{Identity, TakenAway};
use crate::hub::{Ended, Inspect, Queue, Rechecked, Revocations, Whom, Withheld};

impl Broker {
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
}
