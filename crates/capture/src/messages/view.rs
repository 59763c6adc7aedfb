//! The messages that a filter lets through, numbered by position.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use mqttwb_model::ConnectionId;

use super::{MessageRecord, Messages};
use crate::filter::ClientVerdict;
use crate::{Filter, Source};

/// Messages whose packets are lent at a time.
const SLICE: u64 = 1024;

/// Messages that may still be struck by a fault rule after they were looked at: the newest so many.
const RECENT: u64 = 4096;

/// How many answers about clients are remembered before they are asked anew.
const CLIENTS: usize = 16 * 1024;

/// What a filter shows of the messages. It asks the filter about a message's first packet, whichever type and direction
/// that has.
#[derive(Debug)]
pub struct MessageView {
    source: Arc<dyn Source>,
    filter: Filter,
    faults: bool,
    /// Positions among all messages of those that pass. Stays empty where every message passes.
    found: VecDeque<u64>,
    /// Positions that are gone.
    gone: u64,
    /// The position of the first message that was not looked at.
    next: u64,
    clients: HashMap<ConnectionId, ClientVerdict>,
    /// Recent messages that were struck and have their place, where faults are asked for.
    struck: HashSet<u64>,
}

impl MessageView {
    /// A view on the messages of a source.
    pub fn new(source: Arc<dyn Source>, filter: Filter) -> Self {
        let (filter, faults) = filter.for_messages();
        Self {
            source,
            filter,
            faults,
            found: VecDeque::new(),
            gone: 0,
            next: 0,
            clients: HashMap::new(),
            struck: HashSet::new(),
        }
    }

    fn shows_all(&self) -> bool {
        self.filter.is_all() && !self.faults
    }

    /// Looks at messages not seen yet, `budget` of them at most, and lets go of those that are gone. Returns whether
    /// there are more to look at.
    pub fn advance(&mut self, messages: &Messages, budget: u64) -> bool {
        let all = messages.positions();
        if self.shows_all() {
            (self.gone, self.next) = (all.start, all.end);
            return false;
        }
        while self.found.front().is_some_and(|&found| found < all.start) {
            self.found.pop_front();
            self.gone += 1;
        }
        self.next = self.next.max(all.start);
        if self.faults {
            self.look_for_late_faults(messages, all.start);
        }
        let until = all.end.min(self.next.saturating_add(budget));
        while self.next < until {
            let slice = self.next..until.min(self.next + SLICE);
            self.look(messages, slice.clone());
            self.next = slice.end;
        }
        self.next < all.end
    }

    /// A message is struck when one of its packets is, which may be after it was looked at. It then comes last.
    fn look_for_late_faults(&mut self, messages: &Messages, oldest: u64) {
        let recent = self.next.saturating_sub(RECENT).max(oldest);
        self.struck.retain(|&position| position >= recent);
        let late: Vec<u64> = (recent..self.next)
            .filter(|position| !self.struck.contains(position))
            .filter(|&position| messages.get(position).is_some_and(|r| r.faults > 0))
            .collect();
        for position in late {
            self.look(messages, position..position + 1);
        }
    }

    fn look(&mut self, messages: &Messages, positions: Range<u64>) {
        let records = || {
            positions
                .clone()
                .filter_map(|p| Some((p, messages.get(p)?)))
        };
        let packets = self
            .source
            .pick(&mut records().map(|(_, record)| record.first));
        for (position, record) in records() {
            if self.faults && (record.faults == 0 || !self.struck.insert(position)) {
                continue;
            }
            let (source, clients) = (&self.source, &mut self.clients);
            let passes = packets.glance(record.first).is_some_and(|glance| {
                self.filter.passes(&glance, || {
                    if clients.len() >= CLIENTS {
                        clients.clear();
                    }
                    *clients.entry(glance.connection()).or_insert_with(|| {
                        let info = source.connection(glance.connection());
                        self.filter.judge(info.as_ref().map(|info| &info.client))
                    })
                })
            });
            if passes {
                self.found.push_back(position);
            }
        }
    }

    /// Positions that can be shown: the oldest, and one past the newest.
    pub fn positions(&self) -> Range<u64> {
        if self.shows_all() {
            return self.gone..self.next.max(self.gone);
        }
        self.gone..self.gone + self.found.len() as u64
    }

    /// Messages at `count` positions from `start` on, or from the oldest where that is gone; and the position of the first.
    pub fn rows(&self, messages: &Messages, start: u64, count: usize) -> (u64, Vec<MessageRecord>) {
        let positions = self.positions();
        let start = start.clamp(positions.start, positions.end);
        let count = count.min((positions.end - start) as usize) as u64;
        let place = |position: u64| match self.shows_all() {
            true => Some(position),
            false => self.found.get((position - self.gone) as usize).copied(),
        };
        let rows: Vec<MessageRecord> = (start..start + count)
            .filter_map(|position| messages.get(place(position)?).copied())
            .collect();
        // The oldest may have made room since this was advanced.
        (start + (count - rows.len() as u64), rows)
    }
}
