//! The board as it is looked at: which row says what, filtered and sorted.
//!
//! Duty: decide of each device whether it is there, by the newest of what its session and its topics say.
//! Invariant: a device has one row. A client that speaks for one device alone is that device; one that speaks for
//! several is a row of its own, and they are rows beside it.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use mqttwb_model::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::board::{Board, Client, Device, Speaks, Value};

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(rename = "DeviceState")]
pub enum State {
    /// It is not.
    Offline,
    /// Nothing tells.
    Unknown,
    /// It is.
    Online,
}

/// What decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Its session with the broker.
    Session,
    /// Its will.
    Will,
    /// A topic that tells of it.
    Topic,
    /// The client that speaks for it has gone, and with it what is known.
    Gateway,
    /// Nothing.
    Nothing,
}

/// What rows are sorted by; equal ones by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(rename = "DeviceOrder")]
pub enum Order {
    /// Those that are not there first.
    #[default]
    State,
    /// Name.
    Name,
    /// When its state changed.
    Changed,
    /// When it was heard last.
    LastSeen,
    /// Messages a second, both ways.
    Rate,
    /// When its certificate ends.
    Certificate,
}

/// Which rows, and which part of them.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// In the name, the client identifier, the user, the certificate's name, the address or a value; without regard to case.
    pub text: String,
    /// Those in this state alone.
    pub state: Option<State>,
    /// Those alone of which something retained may no longer be true.
    pub stale: bool,
    /// Sorted by.
    pub order: Order,
    /// The other way round.
    pub descending: bool,
    /// The first row.
    pub from: usize,
    /// At most so many.
    pub count: usize,
}

/// A device as it is.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is there.
    pub state: State,
    /// What decided that.
    pub evidence: Evidence,
    /// Since when it is so; nothing where that is not known.
    pub since: Option<Timestamp>,
    client: Option<(&'a str, &'a Client)>,
    device: Option<&'a Device>,
    /// The client that speaks for it and for others.
    pub via: Option<&'a str>,
}

/// A part of the board.
#[derive(Debug, Clone)]
pub struct Listing<'a> {
    /// Devices in all.
    pub total: usize,
    /// Those that are there.
    pub online: usize,
    /// Those that are not.
    pub offline: usize,
    /// Those of which something retained may no longer be true.
    pub stale: usize,
    /// Those that the query asks for.
    pub matching: usize,
    /// The part of them.
    pub rows: Vec<Row<'a>>,
}

impl<'a> Row<'a> {
    /// The client that it is, by its identifier.
    pub fn client_id(&self) -> Option<&'a str> {
        self.client.map(|(id, _)| id)
    }

    /// Its last connection.
    pub fn connection(&self) -> Option<&'a mqttwb_model::ConnectionInfo> {
        self.client?.1.connection.as_deref()
    }

    /// Whether its client is connected; nothing where it is none.
    pub fn connected(&self) -> Option<bool> {
        self.client.map(|(_, client)| client.connected)
    }

    /// What its client speaks.
    pub fn version(&self) -> Option<mqttwb_model::ProtocolVersion> {
        self.client.map(|(_, client)| client.version)
    }

    /// The user name of its CONNECT, where one was seen.
    pub fn user(&self) -> Option<&'a str> {
        self.client?.1.user.as_deref()
    }

    /// Messages that wait for it.
    pub fn waiting(&self) -> u64 {
        self.client.map_or(0, |(_, client)| client.waiting)
    }

    /// When it was heard last.
    pub fn last_seen(&self) -> Option<Timestamp> {
        let client = self.client.and_then(|(_, client)| client.last_seen);
        client.max(self.device.and_then(|device| device.last_seen))
    }

    /// Messages a second from it and to it.
    pub fn rate(&self, now: Timestamp) -> (f32, f32) {
        self.client
            .map_or((0.0, 0.0), |(_, client)| client.rate.now(now))
    }

    /// Messages in each second of the last minute; nothing where it has no connection of its own.
    pub fn line(&self, now: Timestamp) -> Vec<u32> {
        self.client
            .map_or_else(Vec::new, |(_, client)| client.rate.line(now))
    }

    /// When its certificate ends.
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        Some(self.connection()?.certificate.as_ref()?.not_after)
    }

    /// What its topic said last, and which topic that is.
    pub fn said(&self) -> Option<(&'a str, &'a str)> {
        let claim = self.device?.claim.as_ref()?;
        Some((&claim.word, &claim.topic))
    }

    /// Why what is retained of it may no longer be true.
    pub fn stale(&self) -> Option<&'a str> {
        self.device?.stale.as_deref()
    }

    /// The last value of a column.
    pub fn value(&self, column: usize) -> Option<&'a Value> {
        self.device?.values.get(column)?.as_ref()
    }

    /// The topic that its messages are found by: that of its presence, or that of a value.
    pub fn topic(&self) -> Option<&'a str> {
        let device = self.device?;
        let claim = device.claim.as_ref().map(|claim| &*claim.topic);
        claim.or_else(|| {
            device
                .values
                .iter()
                .flatten()
                .map(|value| &*value.topic)
                .next()
        })
    }

    fn matches(&self, text: &str) -> bool {
        if text.is_empty() {
            return true;
        }
        let holds = |found: &str| found.to_lowercase().contains(text);
        let connection = self.connection();
        holds(self.name)
            || self.client_id().is_some_and(holds)
            || self.user().is_some_and(holds)
            || self.via.is_some_and(holds)
            || connection.is_some_and(|connection| {
                connection.common_name.as_deref().is_some_and(holds)
                    || holds(&connection.peer.to_string())
            })
            || self.device.is_some_and(|device| {
                let mut values = device.values.iter().flatten();
                values.any(|value| holds(&value.text))
            })
    }
}

impl Board {
    /// A part of the board, as it is at a time.
    pub fn list(&self, query: &Query, now: Timestamp) -> Listing<'_> {
        let text = query.text.trim().to_lowercase();
        let mut rows = self.rows();
        let total = rows.len();
        let count = |state| rows.iter().filter(|row| row.state == state).count();
        let (online, offline) = (count(State::Online), count(State::Offline));
        let stale = rows.iter().filter(|row| row.stale().is_some()).count();
        rows.retain(|row| {
            query.state.is_none_or(|state| row.state == state)
                && (!query.stale || row.stale().is_some())
                && row.matches(&text)
        });
        sort(&mut rows, query, now);
        Listing {
            total,
            online,
            offline,
            stale,
            matching: rows.len(),
            rows: rows
                .into_iter()
                .skip(query.from)
                .take(query.count)
                .collect(),
        }
    }

    /// Every device, in no order.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let devices = self.devices.iter().map(|(name, device)| {
            let own = self.client_of(name, device);
            let via = match own {
                Some(_) => None,
                None => device.link.as_deref(),
            };
            self.row(name, own, Some(device), via)
        });
        let clients = self.clients.iter().filter(|(id, client)| {
            let stands_for = match &client.speaks {
                Speaks::One(device) => self
                    .devices
                    .get(device)
                    .and_then(|known| self.client_of(device, known))
                    .is_some_and(|(own, _)| own == &***id),
                Speaks::Nobody | Speaks::Many => false,
            };
            self.rules.sessions && !stands_for && !self.devices.contains_key(*id)
        });
        let clients = clients.map(|(id, client)| self.row(id, Some((&**id, client)), None, None));
        devices.chain(clients).collect()
    }

    /// The client that a device is: that of its name, or the one that speaks for it alone.
    fn client_of(&self, name: &Arc<str>, device: &Device) -> Option<(&str, &Client)> {
        if let Some((id, client)) = self.clients.get_key_value(name) {
            return Some((&**id, client));
        }
        let (id, client) = self.clients.get_key_value(device.link.as_ref()?)?;
        (client.speaks == Speaks::One(name.clone())).then_some((&**id, client))
    }

    fn row<'a>(
        &'a self,
        name: &'a str,
        client: Option<(&'a str, &'a Client)>,
        device: Option<&'a Device>,
        via: Option<&'a str>,
    ) -> Row<'a> {
        let session = client
            .filter(|_| self.rules.sessions)
            .map(|(_, client)| (client.connected, client.since));
        let claim = device.and_then(|device| device.claim.as_ref());
        let state = |online| {
            if online {
                State::Online
            } else {
                State::Offline
            }
        };
        let (state, evidence, since) = match (session, claim) {
            (Some((online, since)), None) => (state(online), Evidence::Session, Some(since)),
            (Some((online, since)), Some(claim)) if online == claim.online => {
                let evidence = match (claim.will, online) {
                    (true, false) => Evidence::Will,
                    _ => Evidence::Session,
                };
                (state(online), evidence, Some(since.min(claim.since)))
            }
            (Some((online, since)), Some(claim)) if since > claim.said => {
                (state(online), Evidence::Session, Some(since))
            }
            (_, Some(claim)) => {
                let evidence = if claim.will {
                    Evidence::Will
                } else {
                    Evidence::Topic
                };
                let gone = via
                    .and_then(|via| self.clients.get(via))
                    .filter(|gateway| !gateway.connected && gateway.since >= claim.said);
                match gone {
                    Some(gateway) if claim.online => {
                        (State::Unknown, Evidence::Gateway, Some(gateway.since))
                    }
                    _ => (state(claim.online), evidence, Some(claim.since)),
                }
            }
            (None, None) => (State::Unknown, Evidence::Nothing, None),
        };
        Row {
            name,
            state,
            evidence,
            since,
            client,
            device,
            via,
        }
    }
}

fn sort(rows: &mut [Row<'_>], query: &Query, now: Timestamp) {
    // What has nothing there stands last, whichever way it is sorted.
    fn last<T: Ord>(a: Option<T>, b: Option<T>, descending: bool) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => Reverse(a.is_some()).cmp(&Reverse(b.is_some())),
        }
    }
    let down = query.descending;
    let by_name = |a: &Row<'_>, b: &Row<'_>| a.name.cmp(b.name);
    match query.order {
        Order::Name if down => rows.sort_unstable_by(|a, b| by_name(b, a)),
        Order::Name => rows.sort_unstable_by(by_name),
        Order::State => rows.sort_unstable_by(|a, b| {
            last(Some(a.state), Some(b.state), down).then_with(|| by_name(a, b))
        }),
        Order::Changed => {
            rows.sort_unstable_by(|a, b| last(a.since, b.since, down).then_with(|| by_name(a, b)));
        }
        Order::LastSeen => rows.sort_unstable_by(|a, b| {
            last(a.last_seen(), b.last_seen(), down).then_with(|| by_name(a, b))
        }),
        Order::Certificate => rows.sort_unstable_by(|a, b| {
            last(a.certificate_ends(), b.certificate_ends(), down).then_with(|| by_name(a, b))
        }),
        Order::Rate => {
            // A tenth of a message a second is told apart.
            let rate = |row: &Row<'_>| {
                let (from, to) = row.rate(now);
                Some(((from + to) * 10.0) as u64)
            };
            rows.sort_by_cached_key(|row| {
                let rate = rate(row).unwrap_or_default();
                let key = if down { u64::MAX - rate } else { rate };
                (key, row.name.to_owned())
            });
        }
    }
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
