//! Reading every packet once.

use std::sync::Arc;

use crate::{Packet, Packets, Source};

/// How many packets a batch holds, about.
const BATCH: u64 = 16 * 1024;

/// A reader's place in the memory.
#[derive(Debug)]
pub struct Cursor {
    source: Arc<dyn Source>,
    next: u64,
}

/// Packets that a cursor has come to.
#[derive(Debug)]
pub struct Batch {
    /// Packets between the last batch and this that were gone before they were read.
    pub missed: u64,
    packets: Packets,
}

impl Batch {
    /// The packets, in order.
    pub fn iter(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter()
    }

    /// Whether there are none: the reader has caught up.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

impl Cursor {
    /// A cursor before the oldest packet that is kept.
    pub fn at_oldest(source: Arc<dyn Source>) -> Self {
        let next = source.kept().start;
        Self { source, next }
    }

    /// A cursor before the next packet that comes.
    pub fn at_newest(source: Arc<dyn Source>) -> Self {
        let next = source.kept().end;
        Self { source, next }
    }

    /// The number of the next packet that it comes to.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// The next packets, some thousands at most; none where it has caught up.
    pub fn next_batch(&mut self) -> Batch {
        let packets = self.source.read(self.next, BATCH);
        let missed = packets.begin() - self.next;
        self.next = packets.end();
        Batch { missed, packets }
    }
}
