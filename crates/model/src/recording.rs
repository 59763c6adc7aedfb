//! What a recording consists of, in words that capture and store share.
//!
//! A recording is packets in the order that they were seen, numbered from 0 on, in runs that are packed: segments. Beside
//! them stand whose connections they are, which topics they name, and how many packets are missing where, and why. So a
//! search knows from the index of a segment whether it has to be unpacked, and nobody takes a gap for silence.

use std::ops::Range;
use std::sync::Arc;

use crate::observe::{ConnectionId, ConnectionInfo};
use crate::time::Timestamp;

/// A segment, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedSegment {
    /// Where it is.
    pub entry: SegmentEntry,
    /// What is in it.
    pub index: SegmentIndex,
    /// Its packets. Only who packed it reads it.
    pub bytes: Vec<u8>,
}

/// Where a segment is among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentEntry {
    /// The number of its first packet; its name.
    pub first: u64,
    /// How many packets it has; at least one.
    pub count: u64,
    /// The earliest time of a packet in it.
    pub earliest: Timestamp,
    /// The latest time of a packet in it.
    pub latest: Timestamp,
}

impl SegmentEntry {
    /// One past the number of its last packet.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }
}

/// What is in a segment, as far as a search can rule it out by that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentIndex {
    /// A bit for each type of packet that is in it, counted by the type's number.
    pub types: u16,
    /// The numbers of the topics that are published to in it, ascending; `None` where they were too many to be told apart.
    pub topics: Option<Vec<u32>>,
    /// The connections of its packets, ascending.
    pub connections: Vec<ConnectionId>,
}

impl SegmentIndex {
    /// Whether the topic of this number is told apart in it.
    pub fn names_topic(&self, number: u32) -> bool {
        let topics = self.topics.as_deref().unwrap_or_default();
        topics.binary_search(&number).is_ok()
    }

    /// Whether packets of this connection are in it.
    pub fn names_connection(&self, id: ConnectionId) -> bool {
        self.connections.binary_search(&id).is_ok()
    }
}

/// Packets that should be in a recording and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// They came before the packet of this number.
    pub before: u64,
    /// How many.
    pub packets: u64,
    /// Why.
    pub cause: GapCause,
    /// When it was noticed.
    pub at: Timestamp,
}

/// The end of a connection of which packets were recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// Whose.
    pub connection: ConnectionId,
    /// It came before the packet of this number.
    pub before: u64,
    /// When.
    pub at: Timestamp,
    /// Why, in a sentence.
    pub why: Arc<str>,
}

/// Why packets are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The capture was busy when they came and did not see them.
    NotCaptured,
    /// The capture had to make room for newer ones before they were written: the disk was slower than the traffic.
    Overtaken,
}

impl GapCause {
    /// For a person.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotCaptured => "the capture was busy when they came",
            Self::Overtaken => "they came faster than the disk could take them",
        }
    }
}

/// Where the packets of a recording come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The embedded broker: all that its clients sent and got.
    Broker,
    /// A client's own connection to a broker.
    Client,
    /// A file of another program.
    Import,
}

/// What a recording says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Where its packets come from.
    pub origin: Origin,
    /// More about that for a person, such as the broker's address.
    pub detail: String,
    /// When it was begun.
    pub begun: Timestamp,
    /// When it was ended; `None` while it is being written, and for ever where its writer was killed.
    pub ended: Option<Timestamp>,
    /// Packets that made room for newer ones since a limit was set.
    pub rolled_off: u64,
}

/// A recording can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is no recording, or was changed since it was written.
    #[error("{0}")]
    Damaged(String),
    /// A later program wrote it.
    #[error("{0}")]
    Later(String),
    /// It is not there, may not be read or written, or the disk failed.
    #[error("{0}")]
    File(String),
    /// There is no room on the disk.
    #[error("{0}")]
    Full(String),
}

/// Where a recording lies. It does not change while it is read.
pub trait Archive: std::fmt::Debug + Send + Sync {
    /// The packed bytes of the segment whose first packet has this number.
    fn segment(&self, first: u64) -> Result<Vec<u8>, ArchiveError>;
    /// Every segment, in order.
    fn directory(&self) -> Result<Vec<SegmentEntry>, ArchiveError>;
    /// What is in each segment, in order.
    fn indexes(&self, each: &mut dyn FnMut(u64, &SegmentIndex)) -> Result<(), ArchiveError>;
    /// Every topic with its number.
    fn topics(&self, each: &mut dyn FnMut(u32, &str)) -> Result<(), ArchiveError>;
    /// Every connection.
    fn connections(&self, each: &mut dyn FnMut(&ConnectionInfo)) -> Result<(), ArchiveError>;
    /// The connection of this number.
    fn connection(&self, id: ConnectionId) -> Result<Option<ConnectionInfo>, ArchiveError>;
    /// The end of the connection of this number; `None` where it had not ended, or nobody saw it.
    fn end(&self, id: ConnectionId) -> Result<Option<ConnectionEnd>, ArchiveError>;
    /// Every connection that ended before a packet of these numbers, in order.
    fn ends(
        &self,
        before: Range<u64>,
        each: &mut dyn FnMut(ConnectionEnd),
    ) -> Result<(), ArchiveError>;
    /// What is missing, in order.
    fn gaps(&self) -> Result<Vec<Gap>, ArchiveError>;
    /// What it says of itself.
    fn about(&self) -> Result<About, ArchiveError>;
}
