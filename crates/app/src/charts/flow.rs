//! How messages go through the broker, second by second: how many of which QoS, and how long they take.
//!
//! Duty: count PUBLISH packets by their own times, and find the time from a publisher's to each subscriber's.
//! Not here: the broker's counters (`samples`), which know no QoS.
//! Invariant: a second is drawn when it is over; one without messages is zero, and has no latency.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use mqttwb_capture::Packet;
use mqttwb_model::{Direction, MessageId, Timestamp};
use mqttwb_series::{Distribution, Series};

use super::POINTS;
use crate::api::ChartMeasure;

/// Messages that are remembered until their deliveries come.
const UNDER_WAY: usize = 200_000;

/// Seconds that a distribution looks back.
const DISTRIBUTION: usize = 3_600;

/// A silence longer than this many seconds is drawn by its ends.
const SILENCE: u64 = 120;

const SECOND: u64 = 1_000_000_000;

/// What is counted of each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Messages,
    Bytes,
    Latency,
}

impl Counted {
    /// What a measure counts; nothing where it is not found in packets.
    fn of(measure: ChartMeasure) -> Option<Self> {
        match measure {
            ChartMeasure::MessagesByQos => Some(Self::Messages),
            ChartMeasure::BytesByQos => Some(Self::Bytes),
            ChartMeasure::Latency => Some(Self::Latency),
            ChartMeasure::Messages
            | ChartMeasure::Bytes
            | ChartMeasure::Connections
            | ChartMeasure::Queued
            | ChartMeasure::Retained
            | ChartMeasure::Lost => None,
        }
    }
}

/// How messages go through the broker.
#[derive(Debug)]
pub(super) struct Flow {
    counted: Counted,
    lines: Vec<(&'static str, Series)>,
    /// How long deliveries took.
    pub distribution: Distribution,
    /// The second that is not over yet, and what came in it.
    second: Option<u64>,
    sums: [u64; 6],
    latencies: Vec<f64>,
    published: HashMap<MessageId, Timestamp>,
    order: VecDeque<MessageId>,
}

impl Flow {
    /// What its lines are called; nothing where the measure is not found in packets.
    pub fn names(measure: ChartMeasure) -> Option<&'static [&'static str]> {
        Some(match Counted::of(measure)? {
            Counted::Messages | Counted::Bytes => &[
                "in, QoS 0",
                "in, QoS 1",
                "in, QoS 2",
                "out, QoS 0",
                "out, QoS 1",
                "out, QoS 2",
            ],
            Counted::Latency => &["median", "95 %", "99 %", "longest"],
        })
    }

    /// An empty one; nothing where the measure is not found in packets.
    pub fn new(measure: ChartMeasure) -> Option<Self> {
        Some(Self {
            counted: Counted::of(measure)?,
            lines: Self::names(measure)?
                .iter()
                .map(|name| (*name, Series::new(POINTS)))
                .collect(),
            distribution: Distribution::new(DISTRIBUTION),
            second: None,
            sums: [0; 6],
            latencies: Vec::new(),
            published: HashMap::new(),
            order: VecDeque::new(),
        })
    }

    /// From this second on each is drawn, whether something comes in it or not.
    pub fn begin(&mut self, now: Timestamp) {
        self.second.get_or_insert(now.as_secs());
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Series)> {
        self.lines.iter().map(|(name, series)| (*name, series))
    }

    /// Looks at a PUBLISH.
    pub fn take(&mut self, packet: &Packet<'_>) {
        let second = packet.at.as_secs();
        self.close_before(second);
        self.second.get_or_insert(second);
        let outgoing = packet.direction == Direction::ToClient;
        match self.counted {
            Counted::Messages | Counted::Bytes => {
                let qos = packet
                    .frame
                    .first()
                    .map_or(0, |byte| (byte >> 1) & 3)
                    .min(2);
                let line = usize::from(qos) + if outgoing { 3 } else { 0 };
                self.sums[line] += match self.counted {
                    Counted::Bytes => packet.frame.len() as u64,
                    _ => 1,
                };
            }
            Counted::Latency => self.time(packet, outgoing),
        }
    }

    fn time(&mut self, packet: &Packet<'_>, outgoing: bool) {
        let Some(message) = packet.message else {
            return;
        };
        if outgoing {
            if let Some(published) = self.published.get(&message) {
                let millis = packet.at.since(*published).as_secs_f64() * 1000.0;
                self.latencies.push(millis);
                self.distribution.add(packet.at, millis);
            }
        } else if let Entry::Vacant(entry) = self.published.entry(message) {
            // One that is sent again has been on its way since it was sent first.
            entry.insert(packet.at);
            self.order.push_back(message);
            if self.order.len() > UNDER_WAY
                && let Some(oldest) = self.order.pop_front()
            {
                self.published.remove(&oldest);
            }
        }
    }

    /// Draws the seconds that are over.
    pub fn close_before(&mut self, second: u64) {
        let Some(open) = self.second.filter(|open| *open < second) else {
            return;
        };
        self.close(open);
        if self.counted != Counted::Latency {
            let silent = open + 1..second;
            if second - open > SILENCE {
                // A line from zero to zero says as much as a thousand points of it.
                self.close(silent.start);
                self.close(silent.end - 1);
            } else {
                silent.for_each(|second| self.close(second));
            }
        }
        self.second = Some(second);
    }

    fn close(&mut self, second: u64) {
        let end = Timestamp((second + 1).saturating_mul(SECOND));
        let values: Vec<f64> = match self.counted {
            Counted::Messages | Counted::Bytes => {
                let sums = std::mem::take(&mut self.sums);
                sums.into_iter().map(|sum| sum as f64).collect()
            }
            Counted::Latency => {
                let mut latencies = std::mem::take(&mut self.latencies);
                latencies.sort_unstable_by(f64::total_cmp);
                let at = |share: f64| {
                    let index = (latencies.len() as f64 * share).ceil() as usize;
                    latencies.get(index.saturating_sub(1)).copied()
                };
                [0.5, 0.95, 0.99, 1.0].into_iter().filter_map(at).collect()
            }
        };
        for ((_, series), value) in self.lines.iter_mut().zip(values) {
            series.push(end, value);
        }
    }

    /// Forgets points older than that.
    pub fn forget_before(&mut self, at: Timestamp) {
        let lines = self.lines.iter_mut();
        lines.for_each(|(_, series)| series.forget_before(at));
    }
}
