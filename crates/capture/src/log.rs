//! The packets that are kept, oldest first, within a budget.
//!
//! Duty: append to the open segment, seal full ones, let the oldest go as whole segments when the budget is spent, and
//! remember whose connections the kept packets are.
//! Not here: locks (`Capture`), filters (`view`).
//! Invariant: `begin() == evicted + cleared`, `end() == begin() + stored`, and the memory of sealed segments stays
//! within the budget; only the open one may stand above it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use mqttwb_model::recording::ConnectionEnd;
use mqttwb_model::{
    ConnectionId, ConnectionInfo, PacketBatch, PacketMark, ProtocolVersion, SeenBy, Timestamp,
};

use crate::Ends;
use crate::segment::Segment;

/// Memory of a full segment: small enough to copy its unread tail in microseconds, large enough that sealing is rare.
const SEGMENT: usize = 128 * 1024;

/// Ends of connections that a recording has not asked for yet; it asks twice a second.
const ENDS: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Log {
    budget: usize,
    segment_size: usize,
    sealed: VecDeque<Arc<Segment>>,
    sealed_memory: usize,
    open: Segment,
    /// The room of an evicted segment that no one read any more: the next one to open.
    spare: Option<Segment>,
    pub evicted: u64,
    pub cleared: u64,
    connections: Connections,
    ends: VecDeque<ConnectionEnd>,
    /// Ends that are not in there any more.
    ends_gone: u64,
}

impl Log {
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            segment_size: SEGMENT.min(budget / 8),
            sealed: VecDeque::new(),
            sealed_memory: 0,
            open: Segment::default(),
            spare: None,
            evicted: 0,
            cleared: 0,
            connections: Connections::default(),
            ends: VecDeque::new(),
            ends_gone: 0,
        }
    }

    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Changes the budget. What was kept and does not fit is handed back, to be freed without holding the lock.
    pub fn set_budget(&mut self, budget: usize) -> impl Sized + use<> {
        self.budget = budget;
        self.segment_size = SEGMENT.min(budget / 8);
        let mut rubbish = Vec::new();
        while self.sealed_memory > budget
            && let Some(oldest) = self.sealed.front().cloned()
        {
            self.evict();
            rubbish.push(oldest);
        }
        (rubbish, self.spare.take())
    }

    /// The number of the oldest packet that is kept.
    pub fn begin(&self) -> u64 {
        self.sealed
            .front()
            .map_or(self.open.first_seq(), |oldest| oldest.first_seq())
    }

    /// The number that the next packet gets.
    pub fn end(&self) -> u64 {
        self.open.end_seq()
    }

    /// Bytes of memory that packets and connections take.
    pub fn memory(&self) -> usize {
        self.sealed_memory + self.open.memory() + self.spare_memory() + self.connections.memory()
    }

    fn spare_memory(&self) -> usize {
        self.spare.as_ref().map_or(0, Segment::memory)
    }

    /// Appends the packets of a batch. Returns how many could not be kept: packets larger than the whole budget, and
    /// marks that point outside the batch.
    pub fn append(&mut self, batch: &PacketBatch<'_>) -> u64 {
        let mut unkept = 0;
        let whose = self.connections.whose(batch.connection);
        let mut marks = batch.marks;
        loop {
            let room = self.segment_size.saturating_sub(self.open.used());
            let taken = match marks {
                // A packet by itself is quicker without looking for others beside it.
                [] | [_] => 0,
                marks => self.open.push_run(batch, whose, marks, room),
            };
            let Some((mark, rest)) = marks[taken..].split_first() else {
                break;
            };
            unkept += u64::from(!self.append_one(batch, whose, mark));
            marks = rest;
        }
        self.connections.seen(batch.connection, self.end());
        unkept
    }

    /// Appends a packet, in a segment of its own where it has to be. False where it can't be kept.
    fn append_one(
        &mut self,
        batch: &PacketBatch<'_>,
        whose: (ProtocolVersion, SeenBy),
        mark: &PacketMark,
    ) -> bool {
        let start = mark.start as usize;
        let Some(frame) = batch
            .bytes
            .get(start..start.saturating_add(mark.len as usize))
        else {
            return false;
        };
        let cost = Segment::cost(frame, mark);
        if self.open.used() + cost > self.segment_size {
            if cost + size_of::<Segment>() > self.budget {
                return false;
            }
            self.seal(cost);
        }
        self.open
            .push(batch.connection, batch.direction, whose, mark, frame);
        true
    }

    /// Closes the open segment and opens one with room for `needed` bytes within the budget.
    fn seal(&mut self, needed: usize) {
        if !self.open.is_empty() {
            let next = match self.spare.take() {
                Some(spare) => spare,
                None if self.open.used() > self.segment_size => Segment::default(),
                // Traffic now looks like traffic a moment ago: room of the same shape will not have to grow.
                None => Segment::sized_like(&self.open),
            };
            let next = next.begin(self.end());
            let mut full = std::mem::replace(&mut self.open, next);
            full.trim();
            self.sealed_memory += full.memory();
            self.sealed.push_back(Arc::new(full));
        }
        let needed = needed.max(self.segment_size);
        while self.sealed_memory + self.spare_memory() + needed > self.budget {
            if !self.evict() {
                self.spare = None;
                break;
            }
        }
    }

    /// Lets the oldest segment go; false where there is none.
    fn evict(&mut self) -> bool {
        let Some(oldest) = self.sealed.pop_front() else {
            return false;
        };
        self.sealed_memory -= oldest.memory();
        self.evicted += oldest.end_seq() - oldest.first_seq();
        if let Ok(room) = Arc::try_unwrap(oldest)
            && room.memory() <= 2 * self.segment_size
        {
            self.spare = Some(room);
        }
        self.connections.forget_before(self.begin());
        true
    }

    /// Forgets every packet. What was kept is handed back, to be freed without holding the lock.
    pub fn clear(&mut self) -> impl Sized + use<> {
        self.cleared += self.end() - self.begin();
        let next = Segment::default().begin(self.end());
        let open = std::mem::replace(&mut self.open, next);
        self.sealed_memory = 0;
        self.connections.forget_before(self.open.first_seq());
        (std::mem::take(&mut self.sealed), open, self.spare.take())
    }

    /// Segments that hold packets from `seq` on, until `enough` packets are in them or none are left. Sealed ones are
    /// shared; of the open one the part not older than `seq` is copied.
    pub fn read(&self, seq: u64, enough: u64) -> Vec<Arc<Segment>> {
        let mut segments = Vec::new();
        let enough = seq.max(self.begin()).saturating_add(enough);
        let first = self
            .sealed
            .partition_point(|segment| segment.end_seq() <= seq);
        for segment in self.sealed.range(first..) {
            if segment.first_seq() >= enough {
                return segments;
            }
            segments.push(Arc::clone(segment));
        }
        if self.open.first_seq() < enough && seq < self.open.end_seq() {
            segments.push(Arc::new(self.open.copy_from(seq)));
        }
        segments
    }

    /// The segments that hold the packets of these numbers, which ascend.
    pub fn pick(&self, seqs: impl Iterator<Item = u64>) -> Vec<Arc<Segment>> {
        let mut segments: Vec<Arc<Segment>> = Vec::new();
        for seq in seqs {
            if segments.last().is_some_and(|last| seq < last.end_seq()) || seq < self.begin() {
                continue;
            }
            if seq >= self.open.first_seq() {
                segments.push(Arc::new(self.open.copy_from(seq)));
                break; // all that follow are in this copy
            }
            let at = self
                .sealed
                .partition_point(|segment| segment.end_seq() <= seq);
            if let Some(segment) = self.sealed.get(at) {
                segments.push(Arc::clone(segment));
            }
        }
        segments
    }

    pub fn connected(&mut self, info: &ConnectionInfo) {
        let end = self.end();
        self.connections.opened(info, end);
    }

    pub fn disconnected(&mut self, id: ConnectionId, end: (Timestamp, Arc<str>)) {
        if self.ends.len() >= ENDS {
            self.ends.pop_front();
            self.ends_gone += 1;
        }
        self.ends.push_back(ConnectionEnd {
            connection: id,
            before: self.end(),
            at: end.0,
            why: end.1.clone(),
        });
        let begin = self.begin();
        self.connections.ended(id, begin, end);
    }

    pub fn ends_from(&self, from: u64) -> Ends {
        let known = usize::try_from(from.saturating_sub(self.ends_gone)).unwrap_or(usize::MAX);
        Ends {
            next: self.ends_gone + self.ends.len() as u64,
            ends: self.ends.iter().skip(known).cloned().collect(),
        }
    }

    pub fn connection_ended(&self, id: ConnectionId) -> Option<(Timestamp, Arc<str>)> {
        self.connections.by_id.get(&id)?.end.clone()
    }

    pub fn connection(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.connections
            .by_id
            .get(&id)
            .map(|kept| Arc::clone(&kept.info))
    }
}

/// Connections that are open, or of which packets are kept.
#[derive(Debug, Default)]
struct Connections {
    by_id: HashMap<ConnectionId, Kept, BuildHasherDefault<IdHasher>>,
    /// Connections that have ended, by the end of their last batch.
    ended: BTreeSet<(u64, ConnectionId)>,
}

#[derive(Debug)]
struct Kept {
    info: Arc<ConnectionInfo>,
    /// One past the number of its newest packet.
    until: u64,
    /// When it ended, and why.
    end: Option<(Timestamp, Arc<str>)>,
}

impl Connections {
    fn opened(&mut self, info: &ConnectionInfo, now: u64) {
        let until = match self.by_id.get(&info.id) {
            Some(known) => {
                self.ended.remove(&(known.until, info.id));
                known.until
            }
            None => now,
        };
        self.by_id.insert(
            info.id,
            Kept {
                info: Arc::new(info.clone()),
                until,
                end: None,
            },
        );
    }

    /// The version of a connection's CONNECT, and which end of it is observed. An observer is told of it before its packets; should one not be, its
    /// packets are read as those of the most common version.
    fn whose(&self, id: ConnectionId) -> (ProtocolVersion, SeenBy) {
        self.by_id
            .get(&id)
            .map_or((ProtocolVersion::V311, SeenBy::Broker), |kept| {
                (kept.info.version, kept.info.seen_by)
            })
    }

    fn seen(&mut self, id: ConnectionId, until: u64) {
        if let Some(kept) = self.by_id.get_mut(&id) {
            if !self.ended.is_empty() && self.ended.remove(&(kept.until, id)) {
                self.ended.insert((until, id));
            }
            kept.until = until;
        }
    }

    fn ended(&mut self, id: ConnectionId, begin: u64, end: (Timestamp, Arc<str>)) {
        if let Some(kept) = self.by_id.get_mut(&id) {
            if kept.until <= begin {
                self.by_id.remove(&id);
            } else {
                kept.end = Some(end);
                self.ended.insert((kept.until, id));
            }
        }
    }

    fn forget_before(&mut self, begin: u64) {
        while let Some(&(until, id)) = self.ended.first()
            && until <= begin
        {
            self.ended.pop_first();
            self.by_id.remove(&id);
        }
    }

    /// An estimate: names are short, and most are shared.
    fn memory(&self) -> usize {
        const NAMES: usize = 64;
        self.by_id.len() * (size_of::<(ConnectionId, Kept)>() + size_of::<ConnectionInfo>() + NAMES)
            + self.ended.len() * size_of::<(u64, ConnectionId)>()
    }
}

/// Connection numbers count up, so multiplying by an odd constant spreads them well, and costs a nanosecond.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(26);
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
