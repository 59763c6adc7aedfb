//! What waits for a client and may not reach it any more: its subscription was taken away by a rule.
//!
//! The standard lets a server deliver what it has buffered of a subscription that ended (MQTT 5, section 3.10.4); where a
//! rule has ended it, that would hand out what the rule is there to keep. What was sent already stays: the client may have
//! it, and its delivery must be completed `[MQTT-4.4.0-1]`.

use std::collections::HashMap;

use super::*;
use crate::session::take_out;

/// Tells messages that only subscriptions that were taken away have matched.
#[derive(Debug, Clone)]
pub(crate) struct Forbidden {
    taken: Arc<[TopicFilter]>,
    left: Arc<[TopicFilter]>,
}

impl Forbidden {
    /// Says of each delivery whether it is one. A topic is looked at once.
    pub(crate) fn judge(&self) -> impl FnMut(&Delivery) -> bool + use<> {
        let Self { taken, left } = self.clone();
        let mut known: HashMap<Box<str>, bool> = HashMap::new();
        move |delivery| {
            let topic = delivery.message.topic();
            if let Some(is) = known.get(topic) {
                return *is;
            }
            let any = |filters: &[TopicFilter]| filters.iter().any(|filter| filter.matches(topic));
            let is = any(&taken) && !any(&left);
            known.insert(topic.into(), is);
            is
        }
    }
}

/// How many messages are withheld of a client, or who will say so.
#[derive(Debug)]
pub(crate) enum Withheld {
    /// So many, here.
    Here(usize),
    /// The connection has the session: it says so when it has done it.
    AtConnection {
        client: ClientId,
        forbidden: Forbidden,
        answer: oneshot::Receiver<usize>,
    },
}

/// What a look at all subscriptions has taken away.
#[derive(Debug, Default)]
pub(crate) struct Rechecked {
    pub(crate) taken: Vec<TakenAway>,
    pub(crate) withheld: Vec<Withheld>,
}

impl Hub {
    /// What may not reach a client any more, after these filters were taken from it.
    pub(super) fn forbidden(&self, key: u32, taken: &[TopicFilter]) -> Option<Forbidden> {
        let left = self.clients[key as usize].filters.keys().cloned().collect();
        (!taken.is_empty()).then(|| Forbidden {
            taken: taken.into(),
            left,
        })
    }

    /// Withholds it, wherever it waits.
    pub(crate) fn withhold(
        &mut self,
        id: &ClientId,
        forbidden: Forbidden,
        now: Timestamp,
    ) -> Withheld {
        let Some(&key) = self.by_id.get(id) else {
            return Withheld::Here(0);
        };
        let mut is = forbidden.judge();
        match &mut self.clients[key as usize].state {
            State::Online(online) => {
                let out = take_out(&mut online.pending, &mut is);
                let answer = online.inbox.withhold(forbidden.clone());
                self.withheld(key, out, now);
                Withheld::AtConnection {
                    client: id.clone(),
                    forbidden,
                    answer,
                }
            }
            State::Offline(offline) => {
                let out = offline.session.withhold(is);
                Withheld::Here(self.withheld(key, out, now))
            }
        }
    }

    /// These are out of a session: the store lets go of them, and of a share they go to another member. How many.
    pub(super) fn withheld(&mut self, key: u32, out: Vec<Delivery>, now: Timestamp) -> usize {
        let count = out.len();
        if let Some(session) = self.clients[key as usize].durable {
            for delivery in out.iter().filter(|delivery| delivery.seq > 0) {
                self.durable.change(Change::Dequeue(session, delivery.seq));
            }
        }
        self.hand_on(out.into_iter(), now);
        count
    }
}
