//! The charts that a person has made, fed while the broker runs.
//!
//! Duty: keep charts and their series, read each recorded packet once for all of them, sample the broker's counters
//! each second, and hand out pictures in the words of [`api`](crate::api).
//! Not here: finding numbers ([`payloads`](crate::payloads)), drawing (`series`), keeping packets (`capture`).
//! Invariant: charts, lines and points are bounded, and what a bound leaves out is counted.

mod feed;
mod picture;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Cursor};
use mqttwb_model::{Timestamp, TopicFilter};
use mqttwb_payload::Path;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::Result;
use crate::api::{ApiError, Chart, ChartFrame, ChartSource, ChartView, ErrorCode};
use crate::payloads::Payloads;

use feed::{PayloadFeed, Throughput};

/// Charts at most.
const CHARTS: usize = 100;

/// Lines of a chart at most; further topics are counted.
const LINES: usize = 50;

/// Points of a line at most; older ones are thinned.
const POINTS: usize = 20_000;

/// What a chart can look back, in seconds.
const WINDOW: std::ops::RangeInclusive<u32> = 10..=DAY;
const DAY: u32 = 24 * 60 * 60;

/// The longest title, in characters.
const TITLE: usize = 200;

/// How often new packets are read.
const TICK: Duration = Duration::from_millis(100);

/// Batches of packets that are read in a tick at most: about half a million packets.
const BATCHES: usize = 32;

/// Messages that the broker has taken and delivered since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// From publishers.
    pub messages_in: u64,
    /// To subscribers.
    pub messages_out: u64,
}

/// The charts. One called "Throughput" is there from the start.
pub struct Charts {
    capture: Arc<Capture>,
    counters: Box<dyn Fn() -> Counters + Send + Sync>,
    payloads: Arc<Payloads>,
    state: Mutex<State>,
}

struct State {
    charts: BTreeMap<u32, Charted>,
    last_id: u32,
    /// Where reading has come to, for every chart that is not still catching up.
    cursor: Cursor,
    throughput: Throughput,
}

struct Charted {
    chart: Chart,
    /// `None` for a chart of the throughput, which all of them share.
    feed: Option<PayloadFeed>,
}

impl std::fmt::Debug for Charts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Charts").finish_non_exhaustive()
    }
}

impl Charts {
    /// The first charts. `counters` is asked each second.
    pub fn new(
        capture: Arc<Capture>,
        payloads: Arc<Payloads>,
        counters: impl Fn() -> Counters + Send + Sync + 'static,
    ) -> Self {
        let throughput = Chart {
            id: 1,
            title: "Throughput".into(),
            source: ChartSource::Throughput,
            window_secs: 60,
        };
        let charted = Charted {
            chart: throughput,
            feed: None,
        };
        Self {
            state: Mutex::new(State {
                charts: BTreeMap::from([(1, charted)]),
                last_id: 1,
                cursor: Cursor::at_newest(capture.clone()),
                throughput: Throughput::default(),
            }),
            capture,
            counters: Box::new(counters),
            payloads,
        }
    }

    /// Feeds the charts until `stop` says so, or its sender is gone.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            // Reading half a million packets takes longer than a task may keep its thread.
            let charts = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || charts.tick(Timestamp::now()))
                .await
                .is_err()
            {
                return; // the runtime ends
            }
        }
    }

    /// What is to do at a time: sample, and read what has come.
    fn tick(&self, now: Timestamp) {
        if self.state.lock().throughput.is_due(now) {
            let counters = (self.counters)();
            self.sample(now, counters);
        }
        self.read();
    }

    /// Takes the broker's counters at a time.
    fn sample(&self, now: Timestamp, counters: Counters) {
        let mut state = self.state.lock();
        state.throughput.sample(now, counters);
        let day_ago = Timestamp(
            now.0
                .saturating_sub(Duration::from_secs(DAY.into()).as_nanos() as u64),
        );
        let feeds = state
            .charts
            .values_mut()
            .filter_map(|charted| charted.feed.as_mut());
        feeds.for_each(|feed| feed.forget_before(day_ago));
    }

    /// Reads the packets that have come.
    fn read(&self) {
        for _ in 0..BATCHES {
            // The lock is given back between batches, so that a picture never waits for a tick.
            let mut state = self.state.lock();
            let State { charts, cursor, .. } = &mut *state;
            let mut feeds: Vec<&mut PayloadFeed> = charts
                .values_mut()
                .filter_map(|charted| charted.feed.as_mut())
                .collect();
            if feeds.is_empty() {
                *cursor = Cursor::at_newest(self.capture.clone());
                return;
            }
            let batch = cursor.next_batch();
            for packet in batch.iter() {
                feeds.iter_mut().for_each(|feed| feed.see(&packet));
            }
            let mut busy = !batch.is_empty();
            for feed in feeds {
                feed.missed(batch.missed);
                busy |= feed.catch_up(cursor.next_seq());
            }
            if !busy {
                return;
            }
        }
    }

    /// The charts, in the order that they were made.
    pub fn list(&self) -> Vec<Chart> {
        self.state
            .lock()
            .charts
            .values()
            .map(|charted| charted.chart.clone())
            .collect()
    }

    /// Adds a chart; its `id` is given here. It begins with what is recorded already.
    pub fn create(&self, chart: Chart) -> Result<Chart> {
        let (mut chart, parsed) = check(chart)?;
        let mut state = self.state.lock();
        if state.charts.len() >= CHARTS {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("there are {CHARTS} charts already, which is the most there can be"),
            )
            .hint("Remove one that you don't need."));
        }
        state.last_id += 1;
        chart.id = state.last_id;
        let feed = parsed.map(|source| self.feed(source, &state.cursor));
        state.charts.insert(
            chart.id,
            Charted {
                chart: chart.clone(),
                feed,
            },
        );
        Ok(chart)
    }

    /// Changes title, source or window of a chart. Its points stay where its source does.
    pub fn update(&self, chart: Chart) -> Result<Chart> {
        let (chart, parsed) = check(chart)?;
        let mut state = self.state.lock();
        let State { charts, cursor, .. } = &mut *state;
        let charted = charts
            .get_mut(&chart.id)
            .ok_or_else(|| not_found(chart.id))?;
        if charted.chart.source != chart.source {
            charted.feed = parsed.map(|source| self.feed(source, cursor));
        }
        charted.chart = chart.clone();
        Ok(chart)
    }

    /// Removes a chart. Returns it, for an undo.
    pub fn remove(&self, id: u32) -> Result<Chart> {
        let removed = self.state.lock().charts.remove(&id);
        removed
            .map(|charted| charted.chart)
            .ok_or_else(|| not_found(id))
    }

    /// A chart, drawn as it is now. `frame` is 0; who sends it numbers it.
    pub fn frame(&self, view: ChartView) -> Result<ChartFrame> {
        self.frame_at(view, Timestamp::now())
    }

    fn frame_at(&self, view: ChartView, now: Timestamp) -> Result<ChartFrame> {
        let state = self.state.lock();
        let charted = state
            .charts
            .get(&view.id)
            .ok_or_else(|| not_found(view.id))?;
        Ok(match &charted.feed {
            Some(feed) => picture::of_payloads(&charted.chart, feed, &view, now),
            None => picture::of_throughput(&charted.chart, &state.throughput, &view, now),
        })
    }

    fn feed(&self, (filter, path): (TopicFilter, Path), cursor: &Cursor) -> PayloadFeed {
        PayloadFeed::new(
            filter,
            path,
            Cursor::at_oldest(self.capture.clone()),
            cursor.next_seq(),
            Arc::clone(&self.payloads),
        )
    }
}

fn not_found(id: u32) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("there is no chart {id}"))
}

/// A chart as it can be kept, and where its numbers come from.
fn check(mut chart: Chart) -> Result<(Chart, Option<(TopicFilter, Path)>)> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidInput, message);
    if !WINDOW.contains(&chart.window_secs) {
        return Err(invalid(format!(
            "a chart looks back from 10 seconds to 24 hours, not {} seconds",
            chart.window_secs
        )));
    }
    let (parsed, title) = match &chart.source {
        ChartSource::Throughput => (None, "Throughput".to_owned()),
        ChartSource::Payload { filter, path } => {
            let topic = TopicFilter::try_from(filter.as_str())
                .map_err(|error| invalid(format!("“{filter}” is no topic filter: {error}")))?;
            let parsed = Path::try_from(path.as_str())
                .map_err(|error| invalid(format!("“{path}” is no path: {error}")))?;
            let title = match path.trim() {
                "" => filter.clone(),
                path => format!("{path} of {filter}"),
            };
            (Some((topic, parsed)), title)
        }
    };
    chart.title = match chart.title.trim() {
        "" => title.chars().take(TITLE).collect(),
        own if own.chars().count() > TITLE => {
            return Err(invalid(format!("a title has at most {TITLE} characters")));
        }
        own => own.to_owned(),
    };
    Ok((chart, parsed))
}

#[cfg(test)]
mod tests;
