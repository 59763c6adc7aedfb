//! Packets on their way into a recording, and out of one.
//!
//! Duty: pack packets into segments with an index ([`Packer`]), and lend those of a recording as the live memory lends its
//! own ([`Recording`]). Not here: files (`store`), when and what is recorded (app).
//! Invariant: a recording that is opened never changes. A segment that can't be read is counted as lost, never shown as
//! something else.

mod packer;
mod search;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mqttwb_model::recording::{About, Archive, ArchiveError, ConnectionEnd, Gap, SegmentEntry};
use mqttwb_model::{ConnectionId, ConnectionInfo, Timestamp};
use parking_lot::Mutex;

use crate::segment::Segment;
use crate::{Filter, Packets, Source, Stats};

pub use packer::Packer;

/// Memory that unpacked segments may take while nobody reads them.
const CACHE: usize = 32 << 20;

/// Connections that are remembered before they are looked up anew.
const CONNECTIONS: usize = 16 * 1024;

/// A recording that was opened: a [`Source`] that stands still.
#[derive(Debug)]
pub struct Recording {
    archive: Arc<dyn Archive>,
    about: About,
    directory: Vec<SegmentEntry>,
    gaps: Vec<Gap>,
    unpacked: Mutex<Unpacked>,
    connections: Mutex<HashMap<ConnectionId, Option<Arc<ConnectionInfo>>>>,
    /// Packets of segments that could not be read, each counted once.
    damaged: AtomicU64,
}

/// Segments that were unpacked, the last used last.
#[derive(Debug, Default)]
struct Unpacked {
    segments: VecDeque<(usize, Option<Arc<Segment>>)>,
    memory: usize,
    damaged: Vec<usize>,
}

impl Recording {
    /// Opens what lies in an archive.
    pub fn open(archive: Arc<dyn Archive>) -> Result<Self, ArchiveError> {
        let directory = archive.directory()?;
        let in_order = directory
            .windows(2)
            .all(|pair| pair[0].end() == pair[1].first);
        if !in_order || directory.iter().any(|entry| entry.count == 0) {
            return Err(ArchiveError::Damaged(
                "The recording's segments do not follow each other. It was changed after it was written.".into(),
            ));
        }
        Ok(Self {
            about: archive.about()?,
            gaps: archive.gaps()?,
            archive,
            directory,
            unpacked: Mutex::default(),
            connections: Mutex::default(),
            damaged: AtomicU64::new(0),
        })
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Where packets are missing that should be in it, and why.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// From the earliest to the latest packet; `None` where it is empty.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let earliest = self.directory.iter().map(|entry| entry.earliest).min()?;
        let latest = self.directory.iter().map(|entry| entry.latest).max()?;
        Some((earliest, latest))
    }

    /// Packets that are in it and could not be read, as far as somebody tried.
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Calls with every connection of which packets were recorded.
    pub fn connections(&self, each: &mut dyn FnMut(&ConnectionInfo)) -> Result<(), ArchiveError> {
        self.archive.connections(each)
    }

    /// Calls with every connection that ended before a packet of these numbers, in order.
    pub fn ends(
        &self,
        before: Range<u64>,
        each: &mut dyn FnMut(ConnectionEnd),
    ) -> Result<(), ArchiveError> {
        self.archive.ends(before, each)
    }

    /// The place in the directory of the segment that has this number, or of the first after it.
    fn place(&self, seq: u64) -> usize {
        self.directory.partition_point(|entry| entry.end() <= seq)
    }

    /// A segment, unpacked; `None` where it can't be read.
    fn segment(&self, place: usize) -> Option<Arc<Segment>> {
        {
            let mut unpacked = self.unpacked.lock();
            let known = unpacked.segments.iter().position(|(at, _)| *at == place);
            if let Some(known) = known.and_then(|known| unpacked.segments.remove(known)) {
                let segment = known.1.clone();
                unpacked.segments.push_back(known);
                return segment;
            }
        }
        // Unpacked without the lock: two readers may do the same work, none waits for the other.
        let entry = self.directory.get(place)?;
        let segment = self
            .archive
            .segment(entry.first)
            .ok()
            .and_then(|packed| Segment::unpack(entry.first, &packed).ok())
            .filter(|segment| segment.end_seq() == entry.end())
            .map(Arc::new);
        let mut unpacked = self.unpacked.lock();
        if segment.is_none() && !unpacked.damaged.contains(&place) {
            unpacked.damaged.push(place);
            self.damaged.fetch_add(entry.count, Ordering::Relaxed);
        }
        unpacked.memory += segment.as_ref().map_or(0, |segment| segment.memory());
        unpacked.segments.push_back((place, segment.clone()));
        while unpacked.memory > CACHE
            && unpacked.segments.len() > 1
            && let Some((_, oldest)) = unpacked.segments.pop_front()
        {
            unpacked.memory -= oldest.map_or(0, |oldest| oldest.memory());
        }
        segment
    }
}

impl Source for Recording {
    fn kept(&self) -> Range<u64> {
        match (self.directory.first(), self.directory.last()) {
            (Some(first), Some(last)) => first.first..last.end(),
            _ => 0..0,
        }
    }

    fn read(&self, seq: u64, enough: u64) -> Packets {
        let kept = self.kept();
        let begin = seq.clamp(kept.start, kept.end);
        let enough = begin.saturating_add(enough);
        let mut end = begin;
        let mut segments = Vec::new();
        for place in self.place(begin)..self.directory.len() {
            let entry = &self.directory[place];
            if entry.first >= enough {
                break;
            }
            segments.extend(self.segment(place));
            end = entry.end();
        }
        Packets::new(begin, segments).until(end)
    }

    fn pick(&self, seqs: &mut dyn Iterator<Item = u64>) -> Packets {
        let mut segments = Vec::new();
        let mut done = 0;
        for seq in seqs {
            if seq < done {
                continue;
            }
            let place = self.place(seq);
            let Some(entry) = self.directory.get(place) else {
                break;
            };
            if seq >= entry.first {
                segments.extend(self.segment(place));
                done = entry.end();
            }
        }
        Packets::new(self.kept().start, segments)
    }

    fn connection(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        if let Some(known) = self.connections.lock().get(&id) {
            return known.clone();
        }
        // One that can't be read has no name, as one that was never announced.
        let found = self.archive.connection(id).ok().flatten().map(Arc::new);
        let mut connections = self.connections.lock();
        if connections.len() >= CONNECTIONS {
            connections.clear();
        }
        connections.insert(id, found.clone());
        found
    }

    fn ended(&self, id: ConnectionId) -> Option<(Timestamp, Arc<str>)> {
        // As with a name: an end that can't be read is one that is not known.
        let end = self.archive.end(id).ok().flatten()?;
        Some((end.at, end.why))
    }

    fn stats(&self) -> Stats {
        let kept = self.kept();
        let damaged = self.damaged();
        let lost = self.gaps.iter().map(|gap| gap.packets).sum::<u64>();
        let memory = self.unpacked.lock().memory as u64;
        Stats {
            seen: self.about.rolled_off + (kept.end - kept.start) + lost,
            stored: kept.end - kept.start - damaged.min(kept.end - kept.start),
            evicted: self.about.rolled_off,
            cleared: 0,
            lost: lost + damaged,
            memory,
            budget: CACHE as u64,
        }
    }

    fn where_to_look(&self, filter: &Filter) -> Option<Vec<Range<u64>>> {
        search::where_to_look(&*self.archive, &self.directory, filter)
    }
}

#[cfg(test)]
mod tests;
