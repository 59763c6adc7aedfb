//! What waits in a session, dropped by an operator, and put back.

use super::*;

/// Where the queue of a session is.
#[derive(Debug)]
pub(crate) enum Queue {
    /// It was here, and is dropped.
    Here(Vec<Delivery>),
    /// The connection has it: it drops it when it is asked, through its inbox.
    AtConnection(Arc<Inbox>),
}

impl Hub {
    /// Drops what waits to be sent to a client; `None` where it has no session. What was sent and is not acknowledged
    /// stays: the client may have it.
    pub(super) fn drop_queue(&mut self, client: &ClientId) -> Option<Queue> {
        let client = &mut self.clients[*self.by_id.get(client)? as usize];
        match &mut client.state {
            State::Online(online) => Some(Queue::AtConnection(online.inbox.clone())),
            State::Offline(offline) => {
                let dropped: Vec<_> = offline.session.take_queue().collect();
                if let Some(session) = client.durable {
                    for delivery in &dropped {
                        self.durable.change(Change::Dequeue(session, delivery.seq));
                    }
                }
                Some(Queue::Here(dropped))
            }
        }
    }

    /// Puts messages that were dropped behind what waits now: they may have been overtaken, so they are numbered anew. How
    /// many there were, or `None` where the session has ended.
    pub(super) fn requeue(
        &mut self,
        client: &ClientId,
        dropped: Vec<Delivery>,
        now: Timestamp,
    ) -> Option<usize> {
        let key = *self.by_id.get(client)?;
        let count = dropped.len();
        for delivery in dropped {
            let client = self.clients.get_mut(key as usize)?;
            let again = client.delivery(
                &delivery.message,
                delivery.qos,
                delivery.retain,
                &delivery.subscription_ids,
            );
            let share = delivery.share;
            self.give(key, Delivery { share, ..again }, now);
        }
        Some(count)
    }
}
