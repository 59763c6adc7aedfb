//! Room for a recording: which rows of a file the oldest segments take with them.
//!
//! Duty: know how large the files may become, and count by how many segments each topic and each connection is named, so that
//! its row goes with the last of them. Not here: the statements (`writer`).

use std::collections::HashMap;
use std::hash::Hash;

use mqttwb_model::ConnectionId;
use mqttwb_model::recording::SegmentIndex;

use super::schema::PAGE;
use super::writer::Part;

/// The write-ahead log in pages, where nothing limits the files; SQLite's own default.
const LOG_PAGES: u64 = 1_000;

/// Pages that any part changes, however small it is: those that lead to the rows.
const ROOTS: u64 = 8;

/// What the log has beside each page.
const FRAME: u64 = 32;

/// What the oldest segments took with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolledOff {
    /// Packets.
    pub packets: u64,
    /// Topics that are not in the file any more.
    pub topics: Vec<u32>,
    /// Connections that are not in the file any more.
    pub connections: Vec<ConnectionId>,
}

/// How large the files may become.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    max: Option<u64>,
}

impl Room {
    /// As large as they like, or so many bytes together: the file and its write-ahead log.
    pub fn of(max: Option<u64>) -> Self {
        Self { max }
    }

    /// Pages that the log takes before it is moved into the file.
    pub fn log_pages(self) -> u64 {
        self.max
            .map_or(LOG_PAGES, |max| (max / 8 / PAGE).clamp(4, LOG_PAGES))
    }

    /// Bytes that may be in use in the file before a part of this size is written: the part is in the log too.
    pub fn before(self, part: u64) -> Option<u64> {
        let log = (self.log_pages() + ROOTS) * (PAGE + FRAME) + part;
        self.max.map(|max| max.saturating_sub(log + part))
    }
}

/// How many bytes a part takes in the file, counted rather too high.
pub fn estimate(part: &Part<'_>) -> u64 {
    const ROW: usize = 256;
    let segments = part.segments.iter().map(|segment| {
        let index = segment.index.topics.as_ref().map_or(0, Vec::len) * 5
            + segment.index.connections.len() * 10;
        (segment.bytes.len() as u64).next_multiple_of(PAGE) + PAGE + (index + ROW) as u64
    });
    let topics = part.topics.iter().map(|(_, name)| name.len() + 32);
    let rows = part.connections.len() + part.gaps.len() + part.ends.len();
    segments.sum::<u64>() + (topics.sum::<usize>() + rows * ROW) as u64
}

/// By how many segments of the file each topic and each connection is named.
#[derive(Debug, Default)]
pub struct Named {
    topics: HashMap<u32, u32>,
    connections: HashMap<ConnectionId, u32>,
    /// What the last segment names, since that one may be replaced.
    last: Option<(u64, SegmentIndex)>,
}

impl Named {
    /// A segment was written; one of the same first number is replaced.
    pub fn add(&mut self, first: u64, index: &SegmentIndex) {
        if let Some((_, replaced)) = self.last.take_if(|(known, _)| *known == first) {
            self.remove(&replaced);
        }
        for topic in index.topics.iter().flatten() {
            *self.topics.entry(*topic).or_default() += 1;
        }
        for connection in &index.connections {
            *self.connections.entry(*connection).or_default() += 1;
        }
        self.last = Some((first, index.clone()));
    }

    /// A segment has gone. Returns the topics and connections that no other names.
    pub fn remove(&mut self, index: &SegmentIndex) -> (Vec<u32>, Vec<ConnectionId>) {
        (
            unnamed(&mut self.topics, index.topics.iter().flatten()),
            unnamed(&mut self.connections, index.connections.iter()),
        )
    }
}

fn unnamed<'a, T: Copy + Eq + Hash + 'a>(
    named: &mut HashMap<T, u32>,
    gone: impl Iterator<Item = &'a T>,
) -> Vec<T> {
    gone.copied()
        .filter(|name| match named.get_mut(name) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => named.remove(name).is_some(),
        })
        .collect()
}
