//! What charts are fed with out of packets, and who reads packets for whom.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use mqttwb_capture::{Cursor, Packet, Source};
use mqttwb_model::{Direction, PacketType, SeenBy, Timestamp, TopicFilter};
use mqttwb_payload::Path;
use mqttwb_series::{Series, States};

use super::flow::Flow;
use super::repeated::Repeats;
use super::{CHANGES, LINES, POINTS};
use crate::payloads::Payloads;

/// Left-out topics that are told apart; beyond this many the count stands still.
const LEFT_OUT: usize = 100_000;

/// Reads packets for one chart: first what was recorded before it was made, then what comes.
#[derive(Debug)]
pub(super) struct Feed {
    /// What it has found.
    pub found: Found,
    /// Packets that were gone before they were read.
    pub missed: u64,
    /// Reads what was recorded before the chart was made, up to where all charts read on together.
    catching_up: Option<Cursor>,
    joins_at: u64,
}

/// What is found in packets.
#[derive(Debug)]
pub(super) enum Found {
    /// Numbers in messages.
    Numbers(Lines<Series>),
    /// States in messages.
    States(Lines<States>),
    /// How messages go through the broker.
    Flow(Flow),
}

impl Feed {
    /// An empty one. It reads from `oldest` up to packet `joins_at`, and sees the others as they come.
    pub fn new(found: Found, oldest: Cursor, joins_at: u64) -> Self {
        Self {
            found,
            missed: 0,
            catching_up: (oldest.next_seq() < joins_at).then_some(oldest),
            joins_at,
        }
    }

    /// An empty one that sees what comes from packet `next` on.
    pub fn from_now(found: Found, next: u64) -> Self {
        Self {
            found,
            missed: 0,
            catching_up: None,
            joins_at: next,
        }
    }

    /// Looks at a packet that came. One that is still catching up comes to it later.
    pub fn see(&mut self, packet: &Packet<'_>, source: &dyn Source) {
        if self.catching_up.is_none() {
            self.found.take(packet, source);
        }
    }

    /// Packets were gone before anyone could look at them.
    pub fn missed(&mut self, packets: u64) {
        if self.catching_up.is_none() {
            self.missed += packets;
        }
    }

    /// Time goes on, whether packets come or not.
    pub fn tick(&mut self, now: Timestamp) {
        if let (Found::Flow(flow), None) = (&mut self.found, &self.catching_up) {
            flow.close_before(now.as_secs());
        }
    }

    /// Reads some of what was recorded before the chart was made; `read` is where all charts read on together.
    /// Returns whether there is more.
    pub fn catch_up(&mut self, read: u64, source: &dyn Source) -> bool {
        let Some(mut cursor) = self.catching_up.take() else {
            return false;
        };
        let joins_at = self.joins_at.max(read);
        self.joins_at = joins_at;
        let batch = cursor.next_batch();
        // What was recorded before the chart was made and is gone was never promised.
        for packet in batch.iter().take_while(|packet| packet.seq < joins_at) {
            self.found.take(&packet, source);
        }
        if cursor.next_seq() < joins_at && !batch.is_empty() {
            self.catching_up = Some(cursor);
        }
        self.catching_up.is_some()
    }

    /// Forgets what is older than that.
    pub fn forget_before(&mut self, at: Timestamp) {
        match &mut self.found {
            Found::Numbers(found) => found.each(|series| series.forget_before(at)),
            Found::States(found) => found.each(|states| states.forget_before(at)),
            Found::Flow(flow) => flow.forget_before(at),
        }
    }
}

impl Found {
    /// Looks at a packet of a source; at a PUBLISH alone, and at one that is shown twice only once.
    pub fn take(&mut self, packet: &Packet<'_>, source: &dyn Source) {
        if packet.seen_by.is_second_view() || packet.packet_type() != Some(PacketType::Publish) {
            return;
        }
        match self {
            Self::Numbers(found) => found.take(packet, source),
            Self::States(found) => found.take(packet, source),
            // What a test client has to do with another broker is not how this one goes.
            Self::Flow(flow) if packet.seen_by == SeenBy::Broker => flow.take(packet),
            Self::Flow(_) => {}
        }
    }
}

/// What a line is made of.
pub(super) trait Holds {
    /// What one message brings.
    type Brought;
    /// An empty one.
    fn empty() -> Self;
    /// What a message has at the path.
    fn find(payloads: &Payloads, topic: &str, payload: &[u8], path: &Path)
    -> Option<Self::Brought>;
    /// Takes it.
    fn push(&mut self, at: Timestamp, brought: Self::Brought);
}

impl Holds for Series {
    type Brought = f64;

    fn empty() -> Self {
        Self::new(POINTS)
    }

    fn find(payloads: &Payloads, topic: &str, payload: &[u8], path: &Path) -> Option<f64> {
        payloads.number(topic, payload, path)
    }

    fn push(&mut self, at: Timestamp, value: f64) {
        Self::push(self, at, value);
    }
}

impl Holds for States {
    type Brought = String;

    fn empty() -> Self {
        Self::new(CHANGES)
    }

    fn find(payloads: &Payloads, topic: &str, payload: &[u8], path: &Path) -> Option<String> {
        payloads.state(topic, payload, path)
    }

    fn push(&mut self, at: Timestamp, state: String) {
        Self::push(self, at, &state);
    }
}

/// What is at a path in the messages of a filter, a line for each topic.
#[derive(Debug)]
pub(super) struct Lines<L> {
    payloads: Arc<Payloads>,
    filter: TopicFilter,
    path: Path,
    /// In which direction a message is seen once, whoever else sends or receives it.
    direction: Direction,
    lines: Vec<(String, L)>,
    by_topic: HashMap<String, usize>,
    left_out: HashSet<u64>,
    hashing: RandomState,
    repeats: Repeats,
    /// Messages that matched and had nothing at the path.
    pub without: u64,
    /// How often a message was sent again: it stands where it was sent first.
    pub repeated: u64,
}

impl<L: Holds> Lines<L> {
    pub fn new(
        filter: TopicFilter,
        path: Path,
        direction: Direction,
        payloads: Arc<Payloads>,
    ) -> Self {
        Self {
            payloads,
            filter,
            path,
            direction,
            lines: Vec::new(),
            by_topic: HashMap::new(),
            left_out: HashSet::new(),
            hashing: RandomState::new(),
            repeats: Repeats::default(),
            without: 0,
            repeated: 0,
        }
    }

    /// The lines, in the order that their topics were seen.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &L)> {
        self.lines
            .iter()
            .map(|(topic, line)| (topic.as_str(), line))
    }

    fn each(&mut self, act: impl Fn(&mut L)) {
        self.lines.iter_mut().for_each(|(_, line)| act(line));
    }

    /// Topics that matched and had something at the path, but found no room.
    pub fn topics_left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    fn take(&mut self, packet: &Packet<'_>, source: &dyn Source) {
        // What a fault rule kept from arriving has told nobody anything.
        if packet.direction != self.direction || !packet.arrived() {
            return;
        }
        let Some(topic) = packet.topic() else {
            return;
        };
        let line = self.by_topic.get(topic).copied();
        if line.is_none() && !self.filter.matches(topic) {
            return;
        }
        let decoded = mqttwb_wire::decode(packet.frame, packet.version);
        let brought = match &decoded {
            Ok(mqttwb_wire::Packet::Publish(publish)) => {
                if self.repeats.is_again(packet, topic, publish, source) {
                    self.repeated += 1;
                    return;
                }
                L::find(&self.payloads, topic, publish.payload, &self.path)
            }
            _ => None,
        };
        let Some(brought) = brought else {
            self.without += 1;
            return;
        };
        let line = match line {
            Some(line) => line,
            None if self.lines.len() < LINES => {
                self.lines.push((topic.to_owned(), L::empty()));
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
        self.lines[line].1.push(packet.at, brought);
    }
}
