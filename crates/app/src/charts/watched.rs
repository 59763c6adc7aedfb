//! What others than charts look at: the measures that alert rules watch.
//!
//! Duty: keep what is found in packets for a measure that no chart need show, and tell what has come since somebody looked.
//! Not here: what is sampled anyway (`samples`), when a rule is met (`alerts`).
//! Invariant: what nobody watches any more is not looked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mqttwb_model::Timestamp;
use mqttwb_series::{Point, Series};

use super::feed::{Feed, Found};
use super::flow::Flow;
use super::samples::Samples;
use super::{Charts, Cursor};
use crate::api::ChartMeasure;

/// The measures that are watched; those that are found in packets with what was found.
#[derive(Debug, Default)]
pub(super) struct Watched(BTreeMap<ChartMeasure, Option<Feed>>);

impl Watched {
    /// These are watched from now on, and no others.
    fn set(&mut self, measures: BTreeSet<ChartMeasure>, cursor: &Cursor, now: Timestamp) {
        self.0.retain(|measure, _| measures.contains(measure));
        for measure in measures {
            self.0.entry(measure).or_insert_with(|| {
                let mut flow = Flow::new(measure)?;
                flow.begin(now);
                Some(Feed::from_now(Found::Flow(flow), cursor.next_seq()))
            });
        }
    }

    pub fn holds(&self, measure: ChartMeasure) -> bool {
        self.0.contains_key(&measure)
    }

    /// Those that read packets.
    pub fn feeds(&mut self) -> impl Iterator<Item = &mut Feed> {
        self.0.values_mut().flatten()
    }

    /// The lines of a measure.
    fn lines<'a>(
        &'a self,
        measure: ChartMeasure,
        samples: &'a Samples,
    ) -> Vec<(&'a str, &'a Series)> {
        match self.0.get(&measure) {
            Some(Some(feed)) => match &feed.found {
                Found::Flow(flow) => flow.iter().collect(),
                Found::Numbers(_) | Found::States(_) => Vec::new(),
            },
            Some(None) | None => samples.of(measure).collect(),
        }
    }
}

/// The names of a measure's lines.
pub(crate) fn measure_lines(measure: ChartMeasure) -> Vec<&'static str> {
    Flow::names(measure).map_or_else(|| Samples::names(measure).collect(), <[_]>::to_vec)
}

impl Charts {
    /// These measures are watched beside what charts show, from now on, and no others.
    pub(crate) fn watch(&self, measures: BTreeSet<ChartMeasure>, now: Timestamp) {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.watched.set(measures, &state.cursor, now);
    }

    /// The points of a line of a watched measure, or of each, that are later than the one that was `seen` of it last, and later
    /// than `since`.
    pub(crate) fn later_than(
        &self,
        (measure, line): (ChartMeasure, Option<&str>),
        since: Timestamp,
        seen: &HashMap<String, Timestamp>,
    ) -> Vec<(String, Point)> {
        let state = self.state.lock();
        let mut later = Vec::new();
        for (name, series) in state.watched.lines(measure, &state.samples) {
            if line.is_some_and(|line| line != name) {
                continue;
            }
            let last = seen.get(name).copied().unwrap_or(since).max(since);
            let from = Timestamp(last.0.saturating_add(1));
            let points = series.between(from, Timestamp(u64::MAX));
            later.extend(points.map(|point| (name.to_owned(), point)));
        }
        later
    }

    /// Packets that were gone before they were read for what is watched.
    pub(crate) fn missed_of_watched(&self) -> u64 {
        let mut state = self.state.lock();
        let missed = state.watched.feeds().map(|feed| feed.missed);
        missed.max().unwrap_or(0)
    }
}
