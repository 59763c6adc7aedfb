//! Packets become segments.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use mqttwb_model::recording::{PackedSegment, SegmentEntry, SegmentIndex};
use mqttwb_model::{ConnectionId, PacketType, Timestamp};

use crate::Packet;
use crate::filter::bit;
use crate::segment::Segment;

/// Memory of a full segment: little enough that one packet is quickly found in it, enough to be worth compressing.
const SEGMENT: usize = 128 * 1024;

/// Topics that are told apart, and the memory that they may take. Segments with further ones are searched in any case.
const TOPICS: usize = 200_000;
const TOPIC_BYTES: usize = 16 << 20;

/// Gathers packets, numbers them, and packs them.
///
/// The segment that is still open can be packed as often as one likes; each time it replaces the one before of the same
/// first number. So what was written last is lost with the process, not a whole segment.
#[derive(Debug)]
pub struct Packer {
    open: Segment,
    earliest: Timestamp,
    latest: Timestamp,
    types: u16,
    connections: BTreeSet<ConnectionId>,
    in_open: BTreeSet<u32>,
    /// A topic was seen that is not told apart.
    untold: bool,
    topics: HashMap<Arc<str>, u32>,
    names: HashMap<u32, Arc<str>>,
    next_topic: u32,
    topic_bytes: usize,
    /// Topics that were not handed out yet.
    new_topics: Vec<(u32, Box<str>)>,
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

impl Packer {
    /// Bytes of packets in a full segment, before they are packed.
    pub const SEGMENT: u64 = SEGMENT as u64;

    /// An empty one; its first packet is number 0.
    pub fn new() -> Self {
        Self {
            open: Segment::default(),
            earliest: Timestamp(u64::MAX),
            latest: Timestamp(0),
            types: 0,
            connections: BTreeSet::new(),
            in_open: BTreeSet::new(),
            untold: false,
            topics: HashMap::new(),
            names: HashMap::new(),
            next_topic: 0,
            topic_bytes: 0,
            new_topics: Vec::new(),
        }
    }

    /// The number that the next packet gets.
    pub fn next_seq(&self) -> u64 {
        self.open.end_seq()
    }

    /// Adds a packet. Returns the segment that had no room for it.
    pub fn push(&mut self, packet: &Packet<'_>) -> Option<PackedSegment> {
        let full = (self.open.used() + packet.frame.len() > SEGMENT)
            .then(|| self.seal())
            .flatten();
        self.earliest = self.earliest.min(packet.at);
        self.latest = self.latest.max(packet.at);
        self.connections.insert(packet.connection);
        if let Some(kind) = packet.packet_type() {
            self.types |= bit(kind);
            if kind == PacketType::Publish {
                self.name(packet.topic());
            }
        }
        self.open.push_packet(packet);
        full
    }

    fn name(&mut self, topic: Option<&str>) {
        let Some(topic) = topic else {
            return; // malformed: no filter on topics finds it
        };
        let number = match self.topics.get(topic) {
            Some(number) => *number,
            None => match self.new_topic(topic) {
                Some(number) => number,
                None => {
                    self.untold = true;
                    return;
                }
            },
        };
        self.in_open.insert(number);
    }

    /// A number for a topic that has none yet; `None` where there is no room for it.
    fn new_topic(&mut self, topic: &str) -> Option<u32> {
        if self.topics.len() >= TOPICS || self.topic_bytes + topic.len() > TOPIC_BYTES {
            return None;
        }
        let number = self.next_topic;
        self.next_topic = number.checked_add(1)?;
        self.topic_bytes += topic.len();
        let name: Arc<str> = topic.into();
        self.topics.insert(name.clone(), number);
        self.names.insert(number, name);
        self.new_topics.push((number, topic.into()));
        Some(number)
    }

    /// Forgets topics that no segment names any more, the open one included: should they come again, they are new.
    pub fn forget_topics(&mut self, numbers: &[u32]) {
        for number in numbers {
            if let Some(name) = self.names.remove(number) {
                self.topic_bytes -= name.len();
                self.topics.remove(&name);
            }
        }
    }

    /// What the open segment names.
    pub fn open_index(&self) -> SegmentIndex {
        SegmentIndex {
            types: self.types,
            topics: Some(self.in_open.iter().copied().collect()),
            connections: self.connections.iter().copied().collect(),
        }
    }

    /// The open segment as it is now; `None` where it is empty.
    pub fn pack(&self) -> Option<PackedSegment> {
        if self.open.is_empty() {
            return None;
        }
        Some(PackedSegment {
            entry: SegmentEntry {
                first: self.open.first_seq(),
                count: self.open.end_seq() - self.open.first_seq(),
                earliest: self.earliest,
                latest: self.latest,
            },
            index: SegmentIndex {
                topics: (!self.untold).then(|| self.in_open.iter().copied().collect()),
                ..self.open_index()
            },
            bytes: self.open.pack(),
        })
    }

    /// Topics that were not taken yet, with their numbers. They must be kept before, or together with, the segments.
    pub fn take_topics(&mut self) -> Vec<(u32, Box<str>)> {
        std::mem::take(&mut self.new_topics)
    }

    fn seal(&mut self) -> Option<PackedSegment> {
        let packed = self.pack();
        let next = self.open.end_seq();
        self.open = std::mem::take(&mut self.open).begin(next);
        self.earliest = Timestamp(u64::MAX);
        self.latest = Timestamp(0);
        self.types = 0;
        self.connections.clear();
        self.in_open.clear();
        self.untold = false;
        packed
    }
}
