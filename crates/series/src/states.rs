//! The states that one thing was in, bounded.
//!
//! Duty: keep which state began when, and say which one held at a time.
//! Not here: what a state looks like (`theme`), where it was read (`payload`).
//! Invariant: times ascend, and two that follow each other are of different states.

use std::collections::VecDeque;
use std::sync::Arc;

use mqttwb_model::Timestamp;

use crate::theme::{Color, Theme};

/// States that are told apart; any others are one.
const NAMES: usize = 200;

/// A state and when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Began {
    /// When.
    pub at: Timestamp,
    /// Which, as it was written.
    pub state: Arc<str>,
}

/// The states of one thing.
#[derive(Debug, Clone)]
pub struct States {
    changes: VecDeque<Began>,
    names: Vec<Arc<str>>,
    capacity: usize,
    forgotten: u64,
}

impl States {
    /// None yet; at most `capacity` changes are held, and two at least.
    pub fn new(capacity: usize) -> Self {
        Self {
            changes: VecDeque::new(),
            names: Vec::new(),
            capacity: capacity.max(2),
            forgotten: 0,
        }
    }

    /// It was in this state at a time. A state that holds already begins no second time.
    pub fn push(&mut self, at: Timestamp, state: &str) {
        let state = self.name(state);
        let index = self.changes.partition_point(|began| began.at <= at);
        let before = index.checked_sub(1).map(|before| &self.changes[before]);
        if before.is_some_and(|before| before.state == state) {
            return;
        }
        // One that came late may be what the next one was thought to begin.
        if self
            .changes
            .get(index)
            .is_some_and(|next| next.state == state)
        {
            self.changes[index].at = at;
            return;
        }
        self.changes.insert(index, Began { at, state });
        if self.changes.len() > self.capacity {
            self.changes.pop_front();
            self.forgotten += 1;
        }
    }

    fn name(&mut self, state: &str) -> Arc<str> {
        if let Some(known) = self.names.iter().find(|known| ***known == *state) {
            return known.clone();
        }
        let name: Arc<str> = if self.names.len() < NAMES {
            state.into()
        } else {
            "(others)".into()
        };
        if self.names.len() <= NAMES {
            self.names.push(name.clone());
        }
        name
    }

    /// Changes that it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Changes that were given up to stay within the capacity: the oldest.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The changes, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Began> {
        self.changes.iter()
    }

    /// The newest state.
    pub fn last(&self) -> Option<&Began> {
        self.changes.back()
    }

    /// The state that held at a time, and when it had begun.
    pub fn at(&self, at: Timestamp) -> Option<&Began> {
        let after = self.changes.partition_point(|began| began.at <= at);
        self.changes.get(after.checked_sub(1)?)
    }

    /// The first change after a time.
    pub fn after(&self, at: Timestamp) -> Option<&Began> {
        let after = self.changes.partition_point(|began| began.at <= at);
        self.changes.get(after)
    }

    /// The colour of a state in a theme.
    pub fn color(&self, began: &Began, theme: Theme) -> Color {
        theme.state(&began.state, self.number(&began.state))
    }

    /// The number of a state: in the order that they were first seen.
    pub(crate) fn number(&self, state: &Arc<str>) -> usize {
        self.names
            .iter()
            .position(|name| name == state)
            .unwrap_or_default()
    }

    /// What held between two times, in order: from, to and the state.
    pub(crate) fn spans(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp, &Arc<str>)> {
        let first = self.changes.partition_point(|began| began.at <= from);
        let begin = first.saturating_sub(1);
        (begin..self.changes.len())
            .map(move |index| {
                let end = self.changes.get(index + 1).map_or(to, |next| next.at);
                let began = &self.changes[index];
                (began.at.max(from), end.min(to), &began.state)
            })
            .filter(|(begin, end, _)| begin < end)
    }

    /// Forgets what had ended before that time.
    pub fn forget_before(&mut self, at: Timestamp) {
        let after = self.changes.partition_point(|began| began.at <= at);
        self.changes.drain(..after.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp(second * 1_000_000_000)
    }

    fn told(states: &States) -> Vec<(u64, &str)> {
        states
            .iter()
            .map(|began| (began.at.as_secs(), &*began.state))
            .collect()
    }

    #[test]
    fn a_state_that_holds_does_not_begin_again_and_a_late_one_finds_its_place() {
        let mut states = States::new(10);
        for (second, state) in [
            (1, "on"),
            (2, "on"),
            (5, "off"),
            (9, "on"),
            (4, "off"),
            (3, "on"),
        ] {
            states.push(at(second), state);
        }
        assert_eq!(told(&states), [(1, "on"), (4, "off"), (9, "on")]);
        assert_eq!(states.at(at(0)), None);
        assert_eq!(&*states.at(at(6)).unwrap().state, "off");
        let spans: Vec<(u64, u64, &str)> = states
            .spans(at(2), at(6))
            .map(|(from, to, state)| (from.as_secs(), to.as_secs(), &**state))
            .collect();
        assert_eq!(spans, [(2, 4, "on"), (4, 6, "off")]);
    }

    #[test]
    fn what_holds_is_not_forgotten_and_what_is_past_the_capacity_is_counted() {
        let mut states = States::new(3);
        (0..5).for_each(|n| states.push(at(n), &n.to_string()));
        assert_eq!((states.len(), states.forgotten()), (3, 2));
        states.forget_before(at(100));
        assert_eq!(told(&states), [(4, "4")]);
    }

    #[test]
    fn states_past_the_most_are_one() {
        let mut states = States::new(1000);
        (0..NAMES as u64 + 5).for_each(|n| states.push(at(n), &format!("s{n}")));
        assert_eq!(states.len(), NAMES + 1);
        assert_eq!(&*states.last().unwrap().state, "(others)");
    }
}
