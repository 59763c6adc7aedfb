//! The broker's counters, each second.

use std::time::Duration;

use mqttwb_model::Timestamp;
use mqttwb_series::Series;

use super::POINTS;
use crate::api::ChartMeasure;

/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(1);

/// The counters at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages from publishers, since the broker was started.
    pub messages_in: u64,
    /// Messages to subscribers.
    pub messages_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Messages that were dropped.
    pub dropped: u64,
    /// Packets that were not captured.
    pub not_captured: u64,
    /// Connections now.
    pub connections: u64,
    /// Retained messages now.
    pub retained: u64,
    /// Messages that wait now, where somebody has asked for it.
    pub queued: Option<u64>,
}

/// What was sampled.
#[derive(Debug)]
pub(super) struct Samples {
    lines: Vec<(ChartMeasure, &'static str, Series)>,
    last: Option<(Timestamp, Counters)>,
}

/// The lines that there are, in the order that a sample has their values.
const LINES: [(ChartMeasure, &str); 9] = [
    (ChartMeasure::Messages, "in"),
    (ChartMeasure::Messages, "out"),
    (ChartMeasure::Bytes, "in"),
    (ChartMeasure::Bytes, "out"),
    (ChartMeasure::Lost, "messages dropped"),
    (ChartMeasure::Lost, "packets not captured"),
    (ChartMeasure::Connections, "connections"),
    (ChartMeasure::Retained, "retained messages"),
    (ChartMeasure::Queued, "waiting messages"),
];

impl Default for Samples {
    fn default() -> Self {
        Self {
            lines: LINES
                .into_iter()
                .map(|(measure, name)| (measure, name, Series::new(POINTS)))
                .collect(),
            last: None,
        }
    }
}

impl Samples {
    /// What a measure's lines are called.
    pub fn names(wanted: ChartMeasure) -> impl Iterator<Item = &'static str> {
        let lines = LINES.into_iter();
        lines.filter_map(move |(measure, name)| (measure == wanted).then_some(name))
    }

    /// Whether it is time for a sample.
    pub fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back must not end the sampling.
        self.last
            .is_none_or(|(last, _)| now < last || now.since(last) >= SAMPLE)
    }

    /// Adds the rates since the last sample, and how many there are of what is counted now.
    pub fn sample(&mut self, now: Timestamp, counters: Counters) {
        let last = self.last.replace((now, counters));
        let last = last.filter(|(before, _)| *before < now);
        // Counters begin at zero when the broker is started anew.
        let rate = |of: fn(&Counters) -> u64| {
            let (before, counted) = last.as_ref()?;
            let (now_counted, before_counted) = (of(&counters), of(counted));
            let more = now_counted
                .checked_sub(before_counted)
                .unwrap_or(now_counted);
            Some(more as f64 / now.since(*before).as_secs_f64())
        };
        let values = [
            rate(|counters| counters.messages_in),
            rate(|counters| counters.messages_out),
            rate(|counters| counters.bytes_in),
            rate(|counters| counters.bytes_out),
            rate(|counters| counters.dropped),
            rate(|counters| counters.not_captured),
            Some(counters.connections as f64),
            Some(counters.retained as f64),
            counters.queued.map(|queued| queued as f64),
        ];
        for ((_, _, series), value) in self.lines.iter_mut().zip(values) {
            if let Some(value) = value {
                series.push(now, value);
            }
        }
    }

    /// The lines of a measure.
    pub fn of(&self, wanted: ChartMeasure) -> impl Iterator<Item = (&str, &Series)> {
        self.lines
            .iter()
            .filter(move |(measure, ..)| *measure == wanted)
            .map(|(_, name, series)| (*name, series))
    }

    /// Forgets points older than that.
    pub fn forget_before(&mut self, at: Timestamp) {
        let lines = self.lines.iter_mut();
        lines.for_each(|(.., series)| series.forget_before(at));
    }
}
