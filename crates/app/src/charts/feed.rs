//! What charts are fed with: samples of counters, and numbers in messages.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Cursor, Packet};
use mqttwb_model::{Direction, PacketType, Timestamp, TopicFilter};
use mqttwb_payload::Path;
use mqttwb_series::Series;

use super::{Counters, LINES, POINTS};
use crate::payloads::Payloads;

/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(1);

/// Left-out topics that are told apart; beyond this many the count stands still.
const LEFT_OUT: usize = 100_000;

/// Messages per second, in and out.
#[derive(Debug)]
pub(super) struct Throughput {
    pub incoming: Series,
    pub outgoing: Series,
    last: Option<(Timestamp, Counters)>,
}

impl Default for Throughput {
    fn default() -> Self {
        Self {
            incoming: Series::new(POINTS),
            outgoing: Series::new(POINTS),
            last: None,
        }
    }
}

impl Throughput {
    /// Whether it is time for a sample.
    pub fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back must not end the sampling.
        self.last
            .is_none_or(|(last, _)| now < last || now.since(last) >= SAMPLE)
    }

    /// Adds the rates since the last sample.
    pub fn sample(&mut self, now: Timestamp, counters: Counters) {
        let last = self.last.replace((now, counters));
        let Some((before, counted)) = last.filter(|(before, _)| *before < now) else {
            return; // nothing to compare with
        };
        let seconds = now.since(before).as_secs_f64();
        // Counters begin at zero when the broker is started anew.
        let rate = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now) as f64 / seconds;
        self.incoming
            .push(now, rate(counters.messages_in, counted.messages_in));
        self.outgoing
            .push(now, rate(counters.messages_out, counted.messages_out));
    }
}

/// Numbers at a path in the messages of a filter, a line for each topic.
#[derive(Debug)]
pub(super) struct PayloadFeed {
    payloads: Arc<Payloads>,
    filter: TopicFilter,
    path: Path,
    lines: Vec<(String, Series)>,
    by_topic: HashMap<String, usize>,
    left_out: HashSet<u64>,
    hashing: RandomState,
    pub without_number: u64,
    pub missed: u64,
    /// Reads what was recorded before the chart was made, up to where all charts read on together.
    catching_up: Option<Cursor>,
    joins_at: u64,
}

impl PayloadFeed {
    /// An empty one. It reads from `oldest` up to packet `joins_at`, and sees the others as they come.
    pub fn new(
        filter: TopicFilter,
        path: Path,
        oldest: Cursor,
        joins_at: u64,
        payloads: Arc<Payloads>,
    ) -> Self {
        Self {
            payloads,
            filter,
            path,
            lines: Vec::new(),
            by_topic: HashMap::new(),
            left_out: HashSet::new(),
            hashing: RandomState::new(),
            without_number: 0,
            missed: 0,
            catching_up: (oldest.next_seq() < joins_at).then_some(oldest),
            joins_at,
        }
    }

    /// The lines, in the order that their topics were seen.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &Series)> {
        self.lines
            .iter()
            .map(|(topic, series)| (topic.as_str(), series))
    }

    /// Topics that matched and had a number, but found no room.
    pub fn topics_left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// Looks at a packet that came. One that is still catching up comes to it later.
    pub fn see(&mut self, packet: &Packet<'_>) {
        if self.catching_up.is_none() {
            self.take(packet);
        }
    }

    /// Packets were gone before anyone could look at them.
    pub fn missed(&mut self, packets: u64) {
        if self.catching_up.is_none() {
            self.missed += packets;
        }
    }

    /// Reads some of what was recorded before the chart was made; `read` is where all charts read on together.
    /// Returns whether there is more.
    pub fn catch_up(&mut self, read: u64) -> bool {
        let Some(mut cursor) = self.catching_up.take() else {
            return false;
        };
        let joins_at = self.joins_at.max(read);
        self.joins_at = joins_at;
        let batch = cursor.next_batch();
        // What was recorded before the chart was made and is gone was never promised.
        for packet in batch.iter().take_while(|packet| packet.seq < joins_at) {
            self.take(&packet);
        }
        if cursor.next_seq() < joins_at && !batch.is_empty() {
            self.catching_up = Some(cursor);
        }
        self.catching_up.is_some()
    }

    fn take(&mut self, packet: &Packet<'_>) {
        // On its way to the broker each message is seen once, whoever receives it.
        if packet.direction != Direction::ToBroker
            || packet.seen_by.is_second_view()
            || packet.packet_type() != Some(PacketType::Publish)
        {
            return;
        }
        let Some(topic) = packet.topic() else {
            return;
        };
        let line = self.by_topic.get(topic).copied();
        if line.is_none() && !self.filter.matches(topic) {
            return;
        }
        let number = match mqttwb_wire::decode(packet.frame, packet.version) {
            Ok(mqttwb_wire::Packet::Publish(publish)) => {
                self.payloads.number(topic, publish.payload, &self.path)
            }
            _ => None,
        };
        let Some(value) = number else {
            self.without_number += 1;
            return;
        };
        let line = match line {
            Some(line) => line,
            None if self.lines.len() < LINES => {
                self.lines.push((topic.to_owned(), Series::new(POINTS)));
                self.by_topic.insert(topic.to_owned(), self.lines.len() - 1);
                self.lines.len() - 1
            }
            None => {
                if self.left_out.len() < LEFT_OUT {
                    self.left_out.insert(self.hashing.hash_one(topic));
                }
                return;
            }
        };
        self.lines[line].1.push(packet.at, value);
    }

    /// Forgets points older than that.
    pub fn forget_before(&mut self, at: Timestamp) {
        self.lines
            .iter_mut()
            .for_each(|(_, series)| series.forget_before(at));
    }
}
