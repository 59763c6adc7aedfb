//! A filter's packets, numbered by position.
//!
//! Duty: keep the numbers of the packets that pass, as packets come and go, in slices that never take long.
//! Not here: rows for people (app).
//! Invariant: positions never change their packet. `begin` moves on as packets are evicted, `end` as they are found.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use mqttwb_model::ConnectionId;

use crate::filter::ClientVerdict;
use crate::{Filter, Packets, Source};

/// How many packets one look at the memory takes: the lock is held for a few pointers, not for the search.
const SLICE: u64 = 64 * 1024;

/// How many answers about clients are remembered before they are asked anew.
const CLIENTS: usize = 16 * 1024;

/// What a filter shows.
#[derive(Debug)]
pub struct View {
    source: Arc<dyn Source>,
    filter: Filter,
    /// Where alone packets can be that pass, as far as the source knows; what was searched is taken out.
    places: Option<VecDeque<Range<u64>>>,
    /// The low halves of the numbers of packets that pass; fewer than 2³² are ever kept, so the oldest kept one tells
    /// the high halves. Stays empty where every packet passes.
    found: VecDeque<u32>,
    /// Positions that are gone.
    gone: u64,
    /// The number of the first packet that was not looked at.
    next: u64,
    /// What the filter says of a connection's client.
    clients: HashMap<ConnectionId, ClientVerdict>,
}

impl View {
    /// A view on all that is kept and all that comes.
    pub fn new(source: Arc<dyn Source>, filter: Filter) -> Self {
        let places = source.where_to_look(&filter).map(VecDeque::from);
        Self {
            source,
            filter,
            places,
            found: VecDeque::new(),
            gone: 0,
            next: 0,
            clients: HashMap::new(),
        }
    }

    /// Whose packets it shows.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Looks at packets not seen yet, about `budget` of them at most, and lets go of those that are no longer kept.
    /// Returns whether there are more to look at.
    pub fn advance(&mut self, budget: u64) -> bool {
        let kept = self.source.kept();
        self.forget_before(kept.start);
        if self.filter.is_all() {
            self.next = kept.end;
            return false;
        }
        let mut budget = budget;
        while budget > 0 && self.skip(kept.end) {
            let here = self.place_ends().min(kept.end) - self.next;
            let slice = SLICE.min(here).min(budget);
            let packets = self.source.read(self.next, slice);
            let begin = self.next.max(packets.begin());
            budget -= (packets.end() - begin.min(packets.end()))
                .max(1)
                .min(budget);
            // Where eviction overtook the search, there is nothing to be found in between.
            self.next = packets.end().max(self.next);
            for glance in packets.glances(begin) {
                let (source, clients) = (&self.source, &mut self.clients);
                if self.filter.passes(&glance, || {
                    if clients.len() >= CLIENTS {
                        clients.clear();
                    }
                    *clients.entry(glance.connection()).or_insert_with(|| {
                        let info = source.connection(glance.connection());
                        self.filter.judge(info.as_ref().map(|info| &info.client))
                    })
                }) {
                    self.found.push_back(glance.seq as u32);
                }
            }
            if packets.is_empty() {
                break;
            }
        }
        self.next < kept.end
    }

    /// Moves on to where packets can be that pass. False where there is nothing left to look at before `end`.
    fn skip(&mut self, end: u64) -> bool {
        if let Some(places) = &mut self.places {
            while places.front().is_some_and(|place| place.end <= self.next) {
                places.pop_front();
            }
            self.next = self
                .next
                .max(places.front().map_or(end, |place| place.start));
        }
        self.next < end
    }

    /// One past the last number before which every packet is to be looked at.
    fn place_ends(&self) -> u64 {
        let places = self.places.as_ref();
        places.map_or(u64::MAX, |places| {
            places.front().map_or(self.next, |place| place.end)
        })
    }

    /// Positions that can be shown: the oldest, and one past the newest.
    pub fn positions(&self) -> Range<u64> {
        if self.filter.is_all() {
            // Every packet passes: its number is its position.
            return self.gone..self.next.max(self.gone);
        }
        self.gone..self.gone + self.found.len() as u64
    }

    /// Whether older packets are still to be looked at.
    pub fn searching(&self) -> bool {
        !self.filter.is_all() && self.next < self.source.kept().end
    }

    /// Packets at `count` positions from `start` on, or from the oldest where that is gone; and the position of the
    /// first. Packets that are evicted meanwhile are left out.
    pub fn rows(&self, start: u64, count: usize) -> (u64, Rows) {
        let positions = self.positions();
        let start = start.clamp(positions.start, positions.end);
        let count = count.min((positions.end - start) as usize);
        let seqs: Vec<u64> = if self.filter.is_all() {
            (start..start + count as u64).collect()
        } else {
            let from = (start - self.gone) as usize;
            let base = self.base();
            self.found
                .range(from..from + count)
                .map(|&low| whole(low, base))
                .collect()
        };
        let packets = self.source.pick(&mut seqs.iter().copied());
        let gone = seqs.partition_point(|&seq| seq < packets.begin());
        (
            start + gone as u64,
            Rows {
                seqs: seqs[gone..].to_vec(),
                packets,
            },
        )
    }

    /// A number not above that of any packet in `found`, and less than 2³² below all of them.
    fn base(&self) -> u64 {
        self.next.saturating_sub(u64::from(u32::MAX))
    }

    fn forget_before(&mut self, begin: u64) {
        if self.filter.is_all() {
            self.gone = begin;
            return;
        }
        let base = self.base();
        let gone = self.found.partition_point(|&low| whole(low, base) < begin);
        self.found.drain(..gone);
        self.gone += gone as u64;
        self.next = self.next.max(begin);
    }
}

/// The number whose low half is `low`, at or after `base`.
fn whole(low: u32, base: u64) -> u64 {
    base + u64::from(low.wrapping_sub(base as u32))
}

/// Packets at consecutive positions of a view.
#[derive(Debug)]
pub struct Rows {
    seqs: Vec<u64>,
    packets: Packets,
}

impl Rows {
    /// The packets, in the order of their positions.
    pub fn iter(&self) -> impl Iterator<Item = crate::Packet<'_>> {
        self.seqs.iter().filter_map(|&seq| self.packets.get(seq))
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
