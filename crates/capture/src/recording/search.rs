//! Which segments a filter has to look into.

use std::collections::HashSet;
use std::ops::Range;

use mqttwb_model::ConnectionId;
use mqttwb_model::recording::{Archive, ArchiveError, SegmentEntry, SegmentIndex};

use crate::Filter;

/// Bit sets of topics and connections that a filter takes.
struct Sieve {
    types: u16,
    /// Topics that the filter on topics takes; `None` where there is none.
    topics: Option<Vec<bool>>,
    /// Topics and connections that hold the text; `None` where there is none.
    text: Option<(Vec<bool>, HashSet<ConnectionId>)>,
}

/// Ranges of packets outside of which none passes; `None` where all must be looked at, or the index can't be read.
pub fn where_to_look(
    archive: &dyn Archive,
    directory: &[SegmentEntry],
    filter: &Filter,
) -> Option<Vec<Range<u64>>> {
    let sieve = Sieve::new(archive, filter).ok()??;
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut entries = directory.iter().peekable();
    archive
        .indexes(&mut |first, index| {
            // A segment without an index is looked at.
            while let Some(entry) = entries.next_if(|entry| entry.first <= first) {
                if entry.first == first && !sieve.lets_through(index) {
                    continue;
                }
                join(&mut ranges, entry);
            }
        })
        .ok()?;
    entries.for_each(|entry| join(&mut ranges, entry));
    Some(ranges)
}

fn join(ranges: &mut Vec<Range<u64>>, entry: &SegmentEntry) {
    match ranges.last_mut() {
        Some(last) if last.end == entry.first => last.end = entry.end(),
        _ => ranges.push(entry.first..entry.end()),
    }
}

impl Sieve {
    fn new(archive: &dyn Archive, filter: &Filter) -> Result<Option<Self>, ArchiveError> {
        let needle = filter.needle();
        if filter.types() == u16::MAX && needle.is_none() {
            return Ok(None);
        }
        let mut topics = filter.asks_topic().then(Vec::new);
        let mut named = Vec::new();
        if topics.is_some() || needle.is_some() {
            archive.topics(&mut |number, topic| {
                if let Some(topics) = &mut topics {
                    set(topics, number, filter.takes_topic(topic));
                }
                if let Some(needle) = needle {
                    set(&mut named, number, needle.is_in(topic.as_bytes()));
                }
            })?;
        }
        let text = match needle {
            None => None,
            Some(needle) => {
                let mut connections = HashSet::new();
                archive.connections(&mut |info| {
                    if needle.is_in(info.client.as_str().as_bytes()) {
                        connections.insert(info.id);
                    }
                })?;
                Some((named, connections))
            }
        };
        Ok(Some(Self {
            types: filter.types(),
            topics,
            text,
        }))
    }

    fn lets_through(&self, index: &SegmentIndex) -> bool {
        // The bit of type 0 stands for none: a packet of it is in no index.
        if index.types & self.types == 0 && self.types != u16::MAX {
            return false;
        }
        let any = |wanted: &[bool]| {
            index.topics.as_ref().is_none_or(|topics| {
                topics
                    .iter()
                    .any(|topic| wanted.get(*topic as usize).copied().unwrap_or(true))
            })
        };
        self.topics.as_deref().is_none_or(any)
            && self.text.as_ref().is_none_or(|(topics, connections)| {
                any(topics) || index.connections.iter().any(|id| connections.contains(id))
            })
    }
}

/// Topics beyond this number are taken to match: no file may ask for more memory than this.
const TOPICS: usize = 1 << 24;

fn set(bits: &mut Vec<bool>, number: u32, value: bool) {
    let at = number as usize;
    if at >= TOPICS {
        return;
    }
    if bits.len() <= at {
        bits.resize(at + 1, false);
    }
    bits[at] = value;
}
