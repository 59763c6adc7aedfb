//! Which segments a filter has to look into.

use std::collections::HashSet;
use std::ops::Range;

use mqttwb_model::ConnectionId;
use mqttwb_model::recording::{Archive, ArchiveError, SegmentEntry, SegmentIndex};

use crate::Filter;

/// Bit sets of topics and connections that a filter takes.
struct Sieve<'a> {
    filter: &'a Filter,
    types: u16,
    /// Connections of clients that are asked for; `None` where every client is.
    clients: Option<HashSet<ConnectionId>>,
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
                if entry.first == first && !sieve.lets_through(entry, index) {
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

impl<'a> Sieve<'a> {
    fn new(archive: &dyn Archive, filter: &'a Filter) -> Result<Option<Self>, ArchiveError> {
        let needle = filter.needle();
        let asks = needle.is_some() || filter.asks_client() || filter.asks_time();
        if filter.types() == u16::MAX && !asks {
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
        let mut clients = filter.asks_client().then(HashSet::new);
        let mut holding = HashSet::new();
        if clients.is_some() || needle.is_some() {
            archive.connections(&mut |info| {
                let verdict = filter.judge(Some(&info.client));
                if let Some(clients) = &mut clients
                    && verdict.wanted
                {
                    clients.insert(info.id);
                }
                if verdict.holds_text {
                    holding.insert(info.id);
                }
            })?;
        }
        Ok(Some(Self {
            filter,
            types: filter.types(),
            clients,
            topics,
            text: needle.map(|_| (named, holding)),
        }))
    }

    fn lets_through(&self, entry: &SegmentEntry, index: &SegmentIndex) -> bool {
        if !self.filter.takes_time(entry.earliest, entry.latest) {
            return false;
        }
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
        let among =
            |wanted: &HashSet<ConnectionId>| index.connections.iter().any(|id| wanted.contains(id));
        self.topics.as_deref().is_none_or(any)
            && self.clients.as_ref().is_none_or(among)
            && self
                .text
                .as_ref()
                .is_none_or(|(topics, connections)| any(topics) || among(connections))
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
