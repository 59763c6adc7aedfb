//! Which connections took which over: two devices with one client identifier do it to each other, again and again.
//!
//! Duty: the last take-overs of a client identifier, whatever becomes of its session meanwhile. Not here: the take-over
//! itself (`sessions.rs`). Invariant: bounded; of the identifiers those that were taken over last stay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{ClientId, ConnectionInfo, Timestamp};

use crate::inspect::{Fight, TakeOver, TakeOvers};

/// Take-overs of one identifier that are remembered.
const REMEMBERED: usize = 16;
/// Identifiers whose take-overs are remembered.
const IDENTIFIERS: usize = 1_000;
/// So many within [`FIGHT`] are a fight: a device that reconnects takes its own lost connection over once.
const ROUNDS: usize = 3;
const FIGHT: Duration = Duration::from_secs(60);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct History {
    by_client: HashMap<ClientId, TakeOvers>,
}

impl History {
    /// One connection takes another's session over.
    pub(super) fn add(
        &mut self,
        from: Arc<ConnectionInfo>,
        by: Arc<ConnectionInfo>,
        now: Timestamp,
    ) {
        let client = by.client.clone();
        if self.by_client.len() >= IDENTIFIERS && !self.by_client.contains_key(&client) {
            let last = |of: &TakeOvers| of.last.back().map(|one| one.at);
            let oldest = self.by_client.iter().min_by_key(|(_, of)| last(of));
            if let Some(oldest) = oldest.map(|(client, _)| client.clone()) {
                self.by_client.remove(&oldest);
            }
        }
        let of = self.by_client.entry(client).or_default();
        if of.last.len() == REMEMBERED {
            of.last.pop_front();
        }
        of.total += 1;
        of.last.push_back(TakeOver { at: now, from, by });
    }

    /// Those of a client identifier.
    pub(super) fn of(&self, client: &ClientId) -> Option<&TakeOvers> {
        self.by_client.get(client)
    }

    /// Whether two connections take each other over at present.
    pub(super) fn is_fought_over(&self, client: &ClientId, now: Timestamp) -> bool {
        self.of(client).is_some_and(|of| rounds(of, now) >= ROUNDS)
    }

    /// Every identifier of which that is so, by name.
    pub(super) fn fights(&self, now: Timestamp) -> Vec<Fight> {
        let mut fights: Vec<Fight> = self
            .by_client
            .iter()
            .filter_map(|(client, of)| {
                let rounds = rounds(of, now);
                let last = of.last.back().filter(|_| rounds >= ROUNDS)?;
                Some(Fight {
                    client: client.clone(),
                    rounds,
                    last: last.clone(),
                })
            })
            .collect();
        fights.sort_by(|a, b| a.client.cmp(&b.client));
        fights
    }
}

/// Take-overs of late, as far as they are remembered.
fn rounds(of: &TakeOvers, now: Timestamp) -> usize {
    let newest_first = of.last.iter().rev();
    newest_first
        .take_while(|one| now.since(one.at) <= FIGHT)
        .count()
}

#[cfg(test)]
mod tests {
    use mqttwb_model::{ConnectionId, ProtocolVersion};

    use super::*;

    fn connection(client: &str, id: u64) -> Arc<ConnectionInfo> {
        Arc::new(ConnectionInfo::local(id, client, ProtocolVersion::V5))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn taking_each_other_over_again_and_again_is_a_fight_and_reconnecting_is_none() {
        let mut history = History::default();
        let client = ClientId::from("pump");
        for n in 0..3 {
            assert!(!history.is_fought_over(&client, at(n * 20)));
            history.add(connection("pump", n), connection("pump", n + 1), at(n * 20));
        }
        assert!(history.is_fought_over(&client, at(41)));
        history.add(connection("a", 8), connection("a", 9), at(41));
        let fights = history.fights(at(41));
        assert_eq!((fights.len(), fights[0].rounds), (1, 3));
        assert_eq!(fights[0].client, client);
        assert_eq!(fights[0].last.by.id, ConnectionId(3));
        assert!(!history.is_fought_over(&client, at(61)), "it is over");
        for n in 3..10 {
            history.add(connection("pump", n), connection("pump", n + 1), at(n * 60));
        }
        assert!(!history.is_fought_over(&client, at(9 * 60)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_was_last_stays() {
        let mut history = History::default();
        for n in 0..40 {
            history.add(connection("pump", n), connection("pump", n + 1), at(n));
        }
        let of = history.of(&"pump".into()).unwrap();
        assert_eq!((of.total, of.last.len()), (40, REMEMBERED));
        assert_eq!(of.last.back().unwrap().at, at(39));
        for n in 0..IDENTIFIERS as u64 {
            let name = n.to_string();
            history.add(connection(&name, n), connection(&name, n), at(100 + n));
        }
        assert_eq!(history.by_client.len(), IDENTIFIERS);
        assert!(history.of(&"pump".into()).is_none());
    }
}
