//! The device board: which devices there are, and how each of them is.
//!
//! Duty: keep `mqttwb_fleet`'s board up to date while somebody looks, from three sides: the broker's sessions, what it
//! retains, and the captured packets; and tell it in the words of [`api`](crate::api).
//! Not here: which of them decides (`fleet`). Invariant: nobody pays for a board that is not looked at; what passed
//! meanwhile is read out of the capture when somebody looks again, and what is gone by then is counted.

mod feed;
mod rules;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Cursor};
use mqttwb_fleet::{Board, ClientSeen, Evidence, Query, Row, State, Told};
use mqttwb_model::{Timestamp, TopicFilter};
use parking_lot::Mutex;

use crate::alerts::CLIENT;
use crate::api::{ApiError, DeviceRow, DeviceRules, DeviceValue, DevicesFrame, DevicesLook};
use crate::broker::BrokerControl;
use crate::payloads::Payloads;
use crate::{Result, blocking};

use feed::Feed;
use rules::Reading;

/// Rows that are told at once, at most.
const ROWS: u32 = 1_000;
/// Sessions are asked for again, and packets read, after this long.
const FRESH: Duration = Duration::from_millis(200);
/// What is retained is asked for again after this long, and at once when somebody has gone.
const RETAINED: Duration = Duration::from_secs(2);
/// Retained messages that are read, at most.
const KEPT: usize = 20_000;

/// The board of the embedded broker.
pub(crate) struct Devices {
    capture: Arc<Capture>,
    payloads: Arc<Payloads>,
    broker: Arc<BrokerControl>,
    keep: Mutex<rules::Keep>,
    inner: Mutex<Inner>,
    /// One reads, the others wait for what it has read.
    round: tokio::sync::Mutex<Round>,
}

struct Inner {
    board: Board,
    reading: Arc<Reading>,
    feed: Feed,
    /// Retained messages that were more than are read.
    retained_left_out: u64,
}

/// When was read what.
#[derive(Debug, Default)]
struct Round {
    last: Option<Timestamp>,
    retained: Option<Timestamp>,
    connected: usize,
}

impl Devices {
    /// The board of a data folder. Where its rules can't be read, the usual ones, and the reason with them.
    pub(crate) fn open(
        data: &FilePath,
        capture: Arc<Capture>,
        payloads: Arc<Payloads>,
        broker: Arc<BrokerControl>,
    ) -> Self {
        let keep = rules::Keep::open(data);
        let (rules, reading) = rules::parse(&keep.rules).unwrap_or_else(|_| rules::usual());
        Self {
            inner: Mutex::new(Inner {
                board: Board::new(rules),
                reading: Arc::new(reading),
                feed: Feed::new(Cursor::at_oldest(capture.clone())),
                retained_left_out: 0,
            }),
            capture,
            payloads,
            broker,
            keep: Mutex::new(keep),
            round: tokio::sync::Mutex::default(),
        }
    }

    /// How devices are told.
    pub(crate) fn rules(&self) -> DeviceRules {
        self.keep.lock().told()
    }

    /// Goes by other rules, and keeps them.
    pub(crate) async fn set_rules(self: &Arc<Self>, wanted: DeviceRules) -> Result<DeviceRules> {
        let mut round = self.round.lock().await;
        let wanted = rules::tidy(wanted);
        let (rules, reading) = rules::parse(&wanted)?;
        let devices = self.clone();
        let kept = blocking(move || devices.keep.lock().write(wanted)).await?;
        let mut inner = self.inner.lock();
        inner.board.set_rules(rules);
        inner.reading = Arc::new(reading);
        inner.feed = Feed::new(Cursor::at_oldest(self.capture.clone()));
        *round = Round::default();
        Ok(kept)
    }

    /// A part of the devices, as they are now.
    pub(crate) async fn look(self: &Arc<Self>, look: DevicesLook) -> DevicesFrame {
        self.refresh().await;
        let now = Timestamp::now();
        let query = Query {
            text: look.text,
            state: look.state,
            stale: look.stale,
            order: look.order,
            descending: look.descending,
            from: look.from as usize,
            count: look.count.min(ROWS) as usize,
        };
        let columns = self.keep.lock().rules.columns.clone();
        let running = self.broker.running().is_some();
        let inner = self.inner.lock();
        let listing = inner.board.list(&query, now);
        let rows = listing.rows.iter();
        DevicesFrame {
            total: listing.total as u32,
            online: listing.online as u32,
            offline: listing.offline as u32,
            stale: listing.stale as u32,
            matching: listing.matching as u32,
            from: look.from,
            rows: rows.map(|row| told(row, columns.len(), now)).collect(),
            columns,
            left_out: inner.board.left_out() + inner.retained_left_out,
            missed: inner.feed.missed,
            running,
        }
    }

    /// Whether each device is there, and since when; as it was read last.
    pub(crate) fn states(&self) -> Vec<(String, State, Option<Timestamp>)> {
        let inner = self.inner.lock();
        let rows = inner.board.rows().into_iter();
        rows.map(|row| (row.name.to_owned(), row.state, row.since))
            .collect()
    }

    /// Reads what has come, unless that was just done.
    pub(crate) async fn refresh(self: &Arc<Self>) {
        let mut round = self.round.lock().await;
        let now = Timestamp::now();
        if round
            .last
            .is_some_and(|last| last <= now && now.since(last) < FRESH)
        {
            return;
        }
        let sessions = self.sessions().await;
        let connected = sessions.iter().filter(|s| s.connection.is_some()).count();
        let devices = self.clone();
        // Reading what was captured while nobody looked takes longer than a task may keep its thread.
        let read = tokio::task::spawn_blocking(move || devices.read(now, sessions));
        if read.await.is_err() {
            return; // the runtime ends
        }
        let somebody_left = connected < round.connected;
        let due = round
            .retained
            .is_none_or(|last| last > now || now.since(last) >= RETAINED);
        if due || somebody_left {
            self.read_retained().await;
            round.retained = Some(now);
        }
        round.connected = connected;
        round.last = Some(now);
    }

    /// Every session that there is.
    async fn sessions(&self) -> Vec<ClientSeen> {
        let Some(running) = self.broker.running() else {
            return Vec::new();
        };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = mqttwb_broker::inspect::Page {
                after,
                at_most: ROWS as usize,
            };
            let Some(listing) = running.broker.sessions(page).await else {
                return Vec::new();
            };
            after = listing.items.last().map(|session| session.client.clone());
            // Who publishes alerts for the workbench is no device.
            let sessions = listing.items.into_iter();
            let sessions = sessions.filter(|session| session.client.as_str() != CLIENT);
            seen.extend(sessions.map(|session| ClientSeen {
                client: session.client,
                connection: session.connection,
                version: session.version,
                since: session.since,
                waiting: session.waiting as u64,
            }));
            if !listing.more || after.is_none() {
                return seen;
            }
        }
    }

    /// Takes the sessions, and reads the packets that have come.
    fn read(&self, now: Timestamp, sessions: Vec<ClientSeen>) {
        let mut sessions = Some(sessions);
        loop {
            // The lock is given back between batches, so that nobody waits for all of them.
            let mut inner = self.inner.lock();
            let Inner {
                board,
                reading,
                feed,
                ..
            } = &mut *inner;
            let more = feed.read(board, reading, &self.payloads, &*self.capture);
            if !more {
                // Last, since what is open now is newer than what was captured.
                if let Some(sessions) = sessions.take() {
                    board.sessions(now, sessions);
                }
                feed.forget_ended(&*self.capture);
                return;
            }
        }
    }

    /// Reads what is retained of devices.
    async fn read_retained(&self) {
        let filters: Vec<TopicFilter> = {
            let inner = self.inner.lock();
            let rules = inner.board.rules();
            let presence = rules.presence.iter().flat_map(|rule| &rule.topics);
            let patterns = presence.chain(&rules.values);
            patterns.map(|pattern| pattern.filter().clone()).collect()
        };
        let (found, left_out) = self.broker.retained_in_full(filters, KEPT).await;
        let mut inner = self.inner.lock();
        let Inner { board, reading, .. } = &mut *inner;
        let mut stale: Vec<(String, String)> = Vec::new();
        for (kept, why) in found {
            let topic = kept.message.topic();
            let told = Told {
                at: kept.message.origin().at,
                topic,
                publisher: Some(kept.publisher.as_str()).filter(|client| !client.is_empty()),
                will: kept.message.is_will(),
            };
            board.message(&told, |what| {
                reading.find(&self.payloads, topic, kept.message.payload(), what)
            });
            if let Some(why) = why {
                stale.push((topic.to_owned(), why));
            }
        }
        let stale = stale.iter().map(|(topic, why)| (&**topic, &**why));
        inner.board.stale(stale);
        inner.retained_left_out = left_out;
    }
}

/// A row in words.
fn told(row: &Row<'_>, columns: usize, now: Timestamp) -> DeviceRow {
    let connection = row.connection();
    let (rate_in, rate_out) = row.rate(now);
    DeviceRow {
        name: row.name.to_owned(),
        state: row.state,
        why: why(row),
        since: row.since.map(Timestamp::as_millis),
        last_seen: row.last_seen().map(Timestamp::as_millis),
        client_id: row.client_id().map(str::to_owned),
        via: row.via.map(str::to_owned),
        connected: row.connected().unwrap_or(false),
        version: row.version().map(Into::into),
        peer: connection.map(|connection| connection.peer.to_string()),
        listener: connection.map(|connection| connection.listener.to_string()),
        user: row.user().map(str::to_owned),
        common_name: connection.and_then(|c| c.common_name.as_deref().map(str::to_owned)),
        certificate_ends: row.certificate_ends().map(Timestamp::as_millis),
        rate_in,
        rate_out,
        line: row.line(now),
        waiting: row.waiting(),
        stale: row.stale().map(str::to_owned),
        topic: row.topic().map(str::to_owned),
        values: (0..columns)
            .map(|column| {
                row.value(column).map(|value| DeviceValue {
                    text: value.text.clone(),
                    at: value.at.as_millis(),
                    topic: value.topic.to_string(),
                })
            })
            .collect(),
    }
}

/// Why it is known.
fn why(row: &Row<'_>) -> String {
    let said = || {
        let (word, topic) = row.said().unwrap_or_default();
        format!("“{word}” on {topic}")
    };
    match (row.evidence, row.state) {
        (Evidence::Session, State::Online) => "Its client is connected.".into(),
        (Evidence::Session, _) => "Its client is not connected.".into(),
        (Evidence::Will, _) => format!("Its will says {}.", said()),
        (Evidence::Topic, _) => format!("It says {}.", said()),
        (Evidence::Gateway, _) => format!(
            "It said {}, and {}, which speaks for it, is not connected any more.",
            said(),
            row.via.unwrap_or_default()
        ),
        (Evidence::Nothing, _) => "Neither a session nor a topic tells whether it is there.".into(),
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(crate::api::ErrorCode::InvalidInput, message)
}
