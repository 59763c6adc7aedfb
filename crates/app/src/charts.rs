//! The charts that a person has made, and what alert rules watch of the broker, fed while it runs.
//!
//! Duty: keep dashboards, charts and their series, read each recorded packet once for all of them, sample the broker's
//! counters each second, and hand out pictures in the words of [`api`](crate::api).
//! Not here: finding values (`payloads`), drawing (`series`), keeping packets (`capture`).
//! Invariant: charts, lines and points are bounded, and what a bound leaves out is counted.

mod boards;
mod check;
mod export;
mod feed;
mod flow;
mod keep;
mod offline;
mod packed;
mod picture;
mod repeated;
mod samples;
mod spot;
mod watched;

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Cursor};
use mqttwb_model::{Direction, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::Result;
use crate::api::{
    ApiError, Chart, ChartFrame, ChartKind, ChartList, ChartMeasure, ChartProbe, ChartReading,
    ChartSource, ChartSpot, ChartView, Dashboard, ErrorCode,
};
use crate::payloads::Payloads;

use check::{DAY, Parsed, check};
use feed::{Feed, Found, Lines};
use flow::Flow;
use keep::Kept;
use samples::Samples;
use watched::Watched;

pub use offline::{Asked, Drawn, chart_recording};
pub use packed::{pack, picture as sent_picture};
pub(crate) use picture::title as measure_title;
pub use samples::Counters;
pub(crate) use watched::measure_lines;

/// Charts at most, on all dashboards together.
const CHARTS: usize = 100;

/// Dashboards at most.
const DASHBOARDS: usize = 50;

/// Lines of a chart at most; further topics are counted.
const LINES: usize = 50;

/// Points of a line at most; older ones are thinned.
const POINTS: usize = 20_000;

/// Changes of state of a line at most; the oldest go first.
const CHANGES: usize = 20_000;

/// How often new packets are read.
const TICK: Duration = Duration::from_millis(100);

/// Batches of packets that are read in a tick at most: about half a million packets.
const BATCHES: usize = 32;

/// Where the embedded broker's counters are read.
type ReadCounters = Box<dyn Fn() -> Counters + Send + Sync>;

/// The charts. One of the messages per second is there from the start.
pub struct Charts {
    capture: Arc<Capture>,
    counters: ReadCounters,
    payloads: Arc<Payloads>,
    /// Where they are kept; nowhere in tests, and where the file could not be read.
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    dashboards: Vec<Dashboard>,
    charts: BTreeMap<u32, Charted>,
    last_id: u32,
    problem: Option<ApiError>,
    /// Where reading has come to, for every chart that is not still catching up.
    cursor: Cursor,
    samples: Samples,
    watched: Watched,
}

struct Charted {
    chart: Chart,
    /// `None` for a chart of what is sampled, which all of them share.
    feed: Option<Feed>,
}

impl std::fmt::Debug for Charts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Charts").finish_non_exhaustive()
    }
}

impl Charts {
    /// The first charts, kept nowhere. `counters` is asked each second.
    pub fn new(
        capture: Arc<Capture>,
        payloads: Arc<Payloads>,
        counters: impl Fn() -> Counters + Send + Sync + 'static,
    ) -> Self {
        let first = Chart {
            id: 1,
            title: String::new(),
            source: ChartSource::Broker {
                measure: ChartMeasure::Messages,
            },
            kind: ChartKind::Line,
            window_secs: 60,
            unit: String::new(),
            log: false,
            thresholds: Vec::new(),
            dashboard: 1,
            cell: boards::first_cell(),
        };
        let dashboard = Dashboard {
            id: 1,
            title: "Dashboard".into(),
        };
        let charts = Self {
            state: Mutex::new(State {
                dashboards: Vec::new(),
                charts: BTreeMap::new(),
                last_id: 1,
                problem: None,
                cursor: Cursor::at_newest(capture.clone()),
                samples: Samples::default(),
                watched: Watched::default(),
            }),
            capture,
            counters: Box::new(counters),
            payloads,
            file: None,
        };
        charts.put(Kept {
            last_id: 1,
            dashboards: vec![dashboard],
            charts: vec![first],
        });
        charts
    }

    /// The charts of a data folder. Where they can't be read, the first charts, and the reason with them.
    pub fn open(mut self, data: &FilePath) -> Self {
        let file = keep::file(data);
        match keep::read(&file) {
            Ok(kept) => {
                self.file = Some(file);
                if let Some(kept) = kept {
                    self.put(kept);
                }
            }
            Err(error) => self.state.lock().problem = Some(error),
        }
        self
    }

    /// Puts what was kept in place of what there is. What makes no sense any more is left out.
    fn put(&self, kept: Kept) {
        let mut state = self.state.lock();
        state.last_id = kept.last_id;
        if !kept.dashboards.is_empty() {
            state.dashboards = kept.dashboards.into_iter().take(DASHBOARDS).collect();
        }
        state.charts.clear();
        for chart in kept.charts.into_iter().take(CHARTS) {
            let on_board = |board: &Dashboard| board.id == chart.dashboard;
            if !state.dashboards.iter().any(on_board) {
                continue;
            }
            if let Ok((chart, parsed)) = check(chart) {
                let feed = self.feed(&chart, parsed, &state.cursor);
                state.last_id = state.last_id.max(chart.id);
                state.charts.insert(chart.id, Charted { chart, feed });
            }
        }
    }

    /// Writes what there is, if it is kept.
    fn save(&self) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        // Written while the lock is held: of two that save, the later has the newer charts.
        let mut state = self.state.lock();
        let charts = state.charts.values().map(|charted| charted.chart.clone());
        let kept = Kept {
            last_id: state.last_id,
            dashboards: state.dashboards.clone(),
            charts: charts.collect(),
        };
        let written = keep::write(file, &kept);
        state.problem = written.as_ref().err().cloned();
        written
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
        if self.state.lock().samples.is_due(now) {
            let counters = (self.counters)();
            self.sample(now, counters);
        }
        self.read();
        self.state.lock().feeds().for_each(|feed| feed.tick(now));
    }

    /// Takes the broker's counters at a time.
    pub(crate) fn sample(&self, now: Timestamp, counters: Counters) {
        let mut state = self.state.lock();
        state.samples.sample(now, counters);
        let day = Duration::from_secs(DAY.into()).as_nanos() as u64;
        let day_ago = Timestamp(now.0.saturating_sub(day));
        state.samples.forget_before(day_ago);
        state.feeds().for_each(|feed| feed.forget_before(day_ago));
    }

    /// Whether a chart or an alert rule looks at how many messages wait, which takes asking every session.
    pub fn looks_at_queued(&self) -> bool {
        let queued = ChartSource::Broker {
            measure: ChartMeasure::Queued,
        };
        let state = self.state.lock();
        state.watched.holds(ChartMeasure::Queued)
            || state.charts.values().any(|c| c.chart.source == queued)
    }

    /// Reads the packets that have come.
    fn read(&self) {
        for _ in 0..BATCHES {
            // The lock is given back between batches, so that a picture never waits for a tick.
            let mut state = self.state.lock();
            let State {
                charts,
                watched,
                cursor,
                ..
            } = &mut *state;
            let mut feeds: Vec<&mut Feed> = feeds(charts, watched).collect();
            if feeds.is_empty() {
                *cursor = Cursor::at_newest(self.capture.clone());
                return;
            }
            let batch = cursor.next_batch();
            for packet in batch.iter() {
                feeds
                    .iter_mut()
                    .for_each(|feed| feed.see(&packet, &*self.capture));
            }
            let mut busy = !batch.is_empty();
            for feed in feeds {
                feed.missed(batch.missed);
                busy |= feed.catch_up(cursor.next_seq(), &*self.capture);
            }
            if !busy {
                return;
            }
        }
    }

    /// The dashboards and their charts, in the order that they were made.
    pub fn list(&self) -> ChartList {
        let state = self.state.lock();
        let charts = state.charts.values().map(|charted| charted.chart.clone());
        ChartList {
            charts: charts.collect(),
            dashboards: state.dashboards.clone(),
            problem: state.problem.clone(),
        }
    }

    /// Adds a chart; its `id`, and a place where it has none, are given here. It begins with what is recorded already.
    pub fn create(&self, chart: Chart) -> Result<Chart> {
        let made = self.add(chart)?;
        self.save()?;
        Ok(made)
    }

    fn add(&self, chart: Chart) -> Result<Chart> {
        let (mut chart, parsed) = check(chart)?;
        let mut state = self.state.lock();
        if state.charts.len() >= CHARTS {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("There are {CHARTS} charts already, which is the most there can be."),
            )
            .hint("Remove one that you don't need."));
        }
        boards::place(&mut chart, &state)?;
        state.last_id += 1;
        chart.id = state.last_id;
        let feed = self.feed(&chart, parsed, &state.cursor);
        let charted = Charted {
            chart: chart.clone(),
            feed,
        };
        state.charts.insert(chart.id, charted);
        Ok(chart)
    }

    /// Changes a chart. Its points stay where what it reads stays.
    pub fn update(&self, chart: Chart) -> Result<Chart> {
        let (mut chart, parsed) = check(chart)?;
        {
            let mut state = self.state.lock();
            let Some(known) = state.charts.get(&chart.id).map(|known| &known.chart) else {
                return Err(not_found(chart.id));
            };
            let reads = |chart: &Chart| (chart.source.clone(), chart.kind == ChartKind::States);
            let same = reads(known) == reads(&chart);
            if chart.dashboard != known.dashboard || chart.cell.w == 0 {
                chart.cell.w = 0;
                boards::place(&mut chart, &state)?;
            }
            let feed = (!same).then(|| self.feed(&chart, parsed, &state.cursor));
            if let Some(charted) = state.charts.get_mut(&chart.id) {
                charted.chart = chart.clone();
                if let Some(feed) = feed {
                    charted.feed = feed;
                }
            }
        }
        self.save()?;
        Ok(chart)
    }

    /// Removes a chart. Returns it, for an undo.
    pub fn remove(&self, id: u32) -> Result<Chart> {
        let removed = self.state.lock().charts.remove(&id);
        let removed = removed.ok_or_else(|| not_found(id))?;
        self.save()?;
        Ok(removed.chart)
    }

    /// A chart, drawn as it is now.
    pub fn frame(&self, view: ChartView) -> Result<ChartFrame> {
        self.frame_at(view, Timestamp::now())
    }

    fn frame_at(&self, view: ChartView, now: Timestamp) -> Result<ChartFrame> {
        self.with(view.id, |shown| picture::frame(shown, &view, now))
    }

    /// What the lines of a chart say about a time, in milliseconds since 1970.
    pub fn reading(&self, view: ChartView, at: f64) -> Result<ChartReading> {
        let now = Timestamp::now();
        self.with(view.id, |shown| picture::reading(shown, &view, now, at))
    }

    /// What a chart says where somebody points; nothing where there are only points of lines.
    pub fn spot(&self, view: ChartView, probe: ChartProbe) -> Result<Option<ChartSpot>> {
        let now = Timestamp::now();
        self.with(view.id, |shown| spot::look(shown, &view, now, probe))
    }

    /// Looks at a chart with its lines.
    fn with<T>(&self, id: u32, look: impl FnOnce(&picture::Shown<'_>) -> T) -> Result<T> {
        let state = self.state.lock();
        let charted = state.charts.get(&id).ok_or_else(|| not_found(id))?;
        Ok(look(&charted.shown(&state.samples)))
    }

    fn feed(&self, chart: &Chart, parsed: Parsed, cursor: &Cursor) -> Option<Feed> {
        // On its way to the broker each message is seen once, whoever receives it.
        let direction = Direction::ToBroker;
        let found = found(chart.kind, parsed, direction, &self.payloads)?;
        let oldest = Cursor::at_oldest(self.capture.clone());
        Some(Feed::new(found, oldest, cursor.next_seq()))
    }
}

impl Charted {
    fn shown<'a>(&'a self, samples: &'a Samples) -> picture::Shown<'a> {
        picture::Shown {
            chart: &self.chart,
            found: self.feed.as_ref().map(|feed| &feed.found),
            missed: self.feed.as_ref().map_or(0, |feed| feed.missed),
            samples,
        }
    }
}

impl State {
    fn feeds(&mut self) -> impl Iterator<Item = &mut Feed> {
        feeds(&mut self.charts, &mut self.watched)
    }
}

/// All that reads packets.
fn feeds<'a>(
    charts: &'a mut BTreeMap<u32, Charted>,
    watched: &'a mut Watched,
) -> impl Iterator<Item = &'a mut Feed> {
    let charts = charts.values_mut();
    charts
        .filter_map(|charted| charted.feed.as_mut())
        .chain(watched.feeds())
}

/// What is to be found in packets for a chart; nothing where it is sampled.
fn found(
    kind: ChartKind,
    parsed: Parsed,
    direction: Direction,
    payloads: &Arc<Payloads>,
) -> Option<Found> {
    match parsed {
        Parsed::Sampled => None,
        Parsed::Flow(measure) => Flow::new(measure).map(Found::Flow),
        Parsed::Payload(filter, path) => {
            let payloads = payloads.clone();
            Some(match kind {
                ChartKind::States => Found::States(Lines::new(filter, path, direction, payloads)),
                _ => Found::Numbers(Lines::new(filter, path, direction, payloads)),
            })
        }
    }
}

fn not_found(id: u32) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("There is no chart {id}."))
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, message)
}

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
