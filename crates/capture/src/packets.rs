//! Packets lent to a reader.

use std::collections::HashMap;
use std::sync::Arc;

use crate::segment::{Glance, Segment};
use crate::{Filter, Packet, Source};

/// Packets lent out of a [`Source`](crate::Source): they stay as they are, whatever is evicted meanwhile.
#[derive(Debug)]
pub struct Packets {
    /// The number of the first packet that could be in here.
    begin: u64,
    /// One past the number of the last packet that could be in here.
    end: u64,
    segments: Vec<Arc<Segment>>,
}

impl Packets {
    /// The packets of these segments from number `begin` on.
    pub(crate) fn new(begin: u64, segments: Vec<Arc<Segment>>) -> Self {
        let end = segments.last().map_or(begin, |last| last.end_seq());
        Self {
            begin,
            end,
            segments,
        }
    }

    /// The same, where packets before `end` may be missing since they can't be read.
    #[must_use]
    pub(crate) fn until(mut self, end: u64) -> Self {
        self.end = self.end.max(end);
        self
    }

    /// The packet of that number, where it is in here.
    pub fn get(&self, seq: u64) -> Option<Packet<'_>> {
        let at = self
            .segments
            .partition_point(|segment| segment.end_seq() <= seq);
        self.segments.get(at)?.get(seq)
    }

    /// The packets, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = Packet<'_>> {
        self.glances(self.begin).map(|glance| glance.packet())
    }

    /// Those that pass a filter, in the order of their numbers; `source` is where they were lent from.
    pub fn passing<'a>(
        &'a self,
        filter: &'a Filter,
        source: &'a dyn Source,
    ) -> impl Iterator<Item = Packet<'a>> {
        let mut known = HashMap::new();
        self.glances(self.begin)
            .filter(move |glance| {
                filter.passes(glance, || {
                    *known.entry(glance.connection()).or_insert_with(|| {
                        let info = source.connection(glance.connection());
                        filter.judge(info.as_ref().map(|info| &info.client))
                    })
                })
            })
            .map(|glance| glance.packet())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.begin >= self.end
    }

    /// The number of the first packet that could be in here.
    pub fn begin(&self) -> u64 {
        self.begin
    }

    /// One past the number of the last packet that could be in here.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The record of that number, where it is in here.
    pub(crate) fn glance(&self, seq: u64) -> Option<Glance<'_>> {
        let at = self
            .segments
            .partition_point(|segment| segment.end_seq() <= seq);
        let segment = self.segments.get(at)?;
        let found = segment.range(seq, seq.saturating_add(1)).next();
        found.filter(|glance| glance.seq == seq)
    }

    pub(crate) fn glances(&self, from: u64) -> impl Iterator<Item = Glance<'_>> {
        self.segments
            .iter()
            .flat_map(move |segment| segment.range(from, u64::MAX))
    }
}
