//! Topic patterns by level, so that a check looks at the few that can match and not at all of them.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::pattern::{Level, Part, TopicPattern, fill, is_hidden, is_wild};
use crate::rules::Who;

/// The levels below a place. Entries are numbered in the order of the rules.
///
/// Every placeholder in a tree has a value for whoever it is asked about: who has none for one of them is asked about another tree.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    exact: HashMap<Box<str>, Tree, RandomState>,
    any: Option<Box<Tree>>,
    filled: Vec<(Box<[Part]>, Tree)>,
    /// Entries that end here, and those that end here with `#`; ascending.
    ends: Vec<u32>,
    rest: Vec<u32>,
    /// The first entry of all that is here and below.
    least: u32,
    /// The same of a whole tree, without what `#` hides `[MQTT-4.7.2-1]`, or hides where a client is called so.
    shown: u32,
}

/// What is looked for among entries.
pub(crate) trait Found {
    /// Whether any entry from this one on can be of use.
    fn wants(&self, least: u32) -> bool;
    /// Takes entries up, which ascend.
    fn take(&mut self, entries: &[u32]);
    /// Takes up the first entry of a branch that is wanted whole; whether none behind it is of use.
    fn take_first(&mut self, entry: u32) -> bool;
}

/// All of them.
impl Found for Vec<u32> {
    fn wants(&self, _: u32) -> bool {
        true
    }

    fn take(&mut self, entries: &[u32]) {
        self.extend_from_slice(entries);
    }

    fn take_first(&mut self, _: u32) -> bool {
        false
    }
}

/// The first of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct First(pub(crate) Option<u32>);

impl Found for First {
    fn wants(&self, least: u32) -> bool {
        self.0.is_none_or(|first| least < first)
    }

    fn take(&mut self, entries: &[u32]) {
        if let Some(entry) = entries.first()
            && self.wants(*entry)
        {
            self.0 = Some(*entry);
        }
    }

    fn take_first(&mut self, entry: u32) -> bool {
        if entry != u32::MAX {
            self.take(&[entry]);
        }
        true
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            exact: HashMap::default(),
            any: None,
            filled: Vec::new(),
            ends: Vec::new(),
            rest: Vec::new(),
            least: u32::MAX,
            shown: u32::MAX,
        }
    }
}

impl Tree {
    /// Entries are to come in ascending order.
    pub(crate) fn insert(&mut self, pattern: &TopicPattern, entry: u32) {
        let may_be_hidden = match pattern.levels.first() {
            Some(Level::Exact(text)) => is_hidden(text),
            Some(Level::Filled(_)) => true,
            Some(Level::Any | Level::Rest) | None => false,
        };
        if !may_be_hidden {
            self.shown = self.shown.min(entry);
        }
        let mut node = self;
        for level in &pattern.levels {
            node.least = node.least.min(entry);
            node = match level {
                Level::Rest => {
                    node.rest.push(entry);
                    return;
                }
                Level::Exact(text) => node.exact.entry(text.clone()).or_default(),
                Level::Any => node.any.get_or_insert_default(),
                Level::Filled(parts) => {
                    let at = node.filled.iter().position(|(known, _)| known == parts);
                    let at = at.unwrap_or_else(|| {
                        node.filled.push((parts.clone(), Self::default()));
                        node.filled.len() - 1
                    });
                    &mut node.filled[at].1
                }
            };
        }
        node.least = node.least.min(entry);
        node.ends.push(entry);
    }

    /// The first entry that matches a topic, if it is before `best`.
    pub(crate) fn first(&self, topic: &str, who: &Who<'_>, best: &mut u32) {
        let hidden = is_hidden(topic);
        self.first_below(Some(topic), hidden, who, best);
    }

    fn first_below(&self, topic: Option<&str>, hidden: bool, who: &Who<'_>, best: &mut u32) {
        if self.least >= *best {
            return;
        }
        if let Some(entry) = self.rest.first()
            && !hidden
        {
            *best = (*best).min(*entry);
        }
        let Some(topic) = topic else {
            if let Some(entry) = self.ends.first() {
                *best = (*best).min(*entry);
            }
            return;
        };
        let (level, below) = match topic.split_once('/') {
            Some((level, below)) => (level, Some(below)),
            None => (topic, None),
        };
        if let Some(node) = self.exact.get(level) {
            node.first_below(below, false, who, best);
        }
        for (parts, node) in &self.filled {
            if node.least < *best && fill(parts, who).is_some_and(|value| value == level) {
                node.first_below(below, false, who, best);
            }
        }
        if let Some(node) = &self.any
            && !hidden
        {
            node.first_below(below, false, who, best);
        }
    }

    /// What of the entries that have a topic in common with a filter is looked for.
    pub(crate) fn overlapping(&self, filter: &[&str], who: &Who<'_>, found: &mut impl Found) {
        self.overlapping_below(filter, true, who, found);
    }

    fn overlapping_below(&self, filter: &[&str], top: bool, who: &Who<'_>, found: &mut impl Found) {
        if !found.wants(self.least) {
            return;
        }
        // All that is here and below is wanted, and the first of it is known: but for what a client's name decides.
        if filter == ["#"] && found.take_first(if top { self.shown } else { self.least }) {
            if top {
                self.overlapping_filled("#", filter, top, who, found);
            }
            return;
        }
        let hidden = top && filter.first().is_some_and(|level| is_hidden(level));
        if !hidden {
            found.take(&self.rest);
        }
        let Some((level, below)) = filter.split_first() else {
            found.take(&self.ends);
            return;
        };
        // `#` goes on below, and is itself matched by what ends here.
        let below = match *level {
            "#" => {
                found.take(&self.ends);
                filter
            }
            _ => below,
        };
        if is_wild(level) {
            for (name, node) in &self.exact {
                if !(top && is_hidden(name)) {
                    node.overlapping_below(below, false, who, found);
                }
            }
        } else if let Some(node) = self.exact.get(*level) {
            node.overlapping_below(below, false, who, found);
        }
        self.overlapping_filled(level, below, top, who, found);
        if let Some(node) = &self.any
            && !hidden
        {
            node.overlapping_below(below, false, who, found);
        }
    }

    fn overlapping_filled(
        &self,
        level: &str,
        below: &[&str],
        top: bool,
        who: &Who<'_>,
        found: &mut impl Found,
    ) {
        for (parts, node) in &self.filled {
            let overlaps = fill(parts, who).is_some_and(|value| match is_wild(level) {
                true => !(top && is_hidden(&value)),
                false => value == level,
            });
            if overlaps {
                node.overlapping_below(below, false, who, found);
            }
        }
    }
}
