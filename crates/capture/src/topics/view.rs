//! The rows of the tree that are in sight.
//!
//! Duty: know which branches a person has opened, and lay the tree out in rows under them and under a filter.
//! Not here: the tree. Invariant: rows are laid out anew only when the tree, the filter or an open branch has changed.

use std::collections::HashSet;

use mqttwb_model::{Timestamp, TopicFilter};

use super::{Node, ROOT, Topic, Topics};
use crate::filter::Needle;

/// A person's view on the tree.
#[derive(Debug, Default)]
pub struct TopicView {
    wanted: Option<Wanted>,
    /// Branches that are not as they are by themselves: closed, or under a filter open where what matches is below.
    toggled: HashSet<u32>,
    rows: Vec<Line>,
    /// The version of the tree that the rows are of; `None` where something else has changed.
    of: Option<u64>,
    /// What passes the filter, by number.
    hits: Vec<Hit>,
}

#[derive(Debug)]
enum Wanted {
    /// Topics and branches with a name that holds this text.
    Text(Needle),
    /// Topics that match.
    Filter(TopicFilter),
}

#[derive(Debug, Clone, Copy)]
struct Line {
    node: u32,
    depth: u16,
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hit {
    None,
    /// Something below it passes.
    Below,
    /// It passes.
    Here,
}

/// A branch or a topic, as a row.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicRow<'a> {
    /// Its number; an identity.
    pub node: u32,
    /// The number of the row that it stands under; `None` at the top.
    pub parent: Option<u32>,
    /// How deep it stands, from 0.
    pub depth: u16,
    /// The name of its level.
    pub level: &'a str,
    /// Its whole name.
    pub name: String,
    /// Branches and topics right below it, whether they pass the filter or not.
    pub children: u32,
    /// They are shown.
    pub open: bool,
    /// Topics here and below.
    pub topics: u32,
    /// Messages of this topic and of those below it.
    pub messages: u64,
    /// Messages a second, of this topic and of those below it.
    pub rate: f64,
    /// What is known of it, where it is a topic itself.
    pub topic: Option<&'a Topic>,
}

impl TopicView {
    /// Everything is closed and nothing is filtered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows only topics that match this topic filter, where it is one with wildcards, or whose name holds this text,
    /// whatever the case. An empty text asks nothing.
    pub fn filter(&mut self, text: &str) {
        let pattern = text
            .contains(['+', '#'])
            .then(|| TopicFilter::try_from(text));
        self.wanted = match pattern {
            Some(Ok(filter)) => Some(Wanted::Filter(filter)),
            _ => Needle::new(text).map(Wanted::Text),
        };
        self.toggled.clear();
        self.of = None;
    }

    /// Opens or closes a branch.
    pub fn set_open(&mut self, topics: &Topics, node: u32, open: bool) {
        if node as usize >= topics.nodes.len() {
            return;
        }
        self.lay_out(topics);
        let by_itself = self.hits.get(node as usize) == Some(&Hit::Below);
        if open == by_itself {
            self.toggled.remove(&node);
        } else {
            self.toggled.insert(node);
        }
        self.of = None;
    }

    /// Opens everything below a branch, or below all where there is none: those higher up first, until so many rows would be
    /// shown. Returns how many branches stay closed.
    pub fn open_all(&mut self, topics: &Topics, below: Option<u32>, at_most: usize) -> usize {
        self.lay_out(topics);
        let top = below.unwrap_or(ROOT);
        if top as usize >= topics.nodes.len() {
            return 0;
        }
        let mut shown = self.rows.len();
        let mut closed = 0;
        let mut level = vec![top];
        while !level.is_empty() {
            let mut next = Vec::new();
            for node in level {
                let children: Vec<u32> = self.passing(topics, node).collect();
                if children.is_empty() {
                    continue;
                }
                if node != ROOT {
                    let by_itself = self.hits.get(node as usize) == Some(&Hit::Below);
                    let open = by_itself != self.toggled.contains(&node);
                    if !open {
                        if shown + children.len() > at_most {
                            closed += 1;
                            continue;
                        }
                        shown += children.len();
                        if by_itself {
                            self.toggled.remove(&node);
                        } else {
                            self.toggled.insert(node);
                        }
                    }
                }
                next.extend(children);
            }
            level = next;
        }
        self.of = None;
        closed
    }

    /// The first row from a place on, and round to it, whose level begins with this text, whatever the case.
    pub fn seek(&mut self, topics: &Topics, from: usize, text: &str) -> Option<usize> {
        self.lay_out(topics);
        let wanted = text.to_lowercase();
        let count = self.rows.len();
        let begins = |line: &Line| {
            let level = topics.node(line.node).level.chars();
            let mut level = level.flat_map(char::to_lowercase);
            wanted.chars().all(|c| level.next() == Some(c))
        };
        (0..count)
            .map(|step| (from + step) % count)
            .find(|&place| begins(&self.rows[place]))
    }

    /// How many rows there are.
    pub fn len(&mut self, topics: &Topics) -> usize {
        self.lay_out(topics);
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&mut self, topics: &Topics) -> bool {
        self.len(topics) == 0
    }

    /// Where the row of a branch or topic is.
    pub fn position(&mut self, topics: &Topics, node: u32) -> Option<usize> {
        self.lay_out(topics);
        self.rows.iter().position(|line| line.node == node)
    }

    /// So many rows from a place on, with their rates at a time.
    pub fn rows<'a>(
        &mut self,
        topics: &'a Topics,
        start: usize,
        count: usize,
        now: Timestamp,
    ) -> Vec<TopicRow<'a>> {
        self.lay_out(topics);
        let end = start.saturating_add(count).min(self.rows.len());
        let lines = self.rows.get(start..end).unwrap_or_default();
        lines.iter().map(|line| row(topics, line, now)).collect()
    }

    fn lay_out(&mut self, topics: &Topics) {
        if self.of == Some(topics.version) {
            return;
        }
        self.of = Some(topics.version);
        self.hits = match &self.wanted {
            Some(wanted) => hits(topics, wanted),
            None => Vec::new(),
        };
        self.rows.clear();
        let mut stack: Vec<(u32, u16)> = Vec::new();
        self.push_children(topics, ROOT, 0, &mut stack);
        while let Some((node, depth)) = stack.pop() {
            let has_children = !topics.node(node).children.is_empty();
            let by_itself = self.hits.get(node as usize) == Some(&Hit::Below);
            let open = has_children && by_itself != self.toggled.contains(&node);
            self.rows.push(Line { node, depth, open });
            if open {
                self.push_children(topics, node, depth + 1, &mut stack);
            }
        }
    }

    /// Puts the children that pass on the stack, the first on top.
    fn push_children(&self, topics: &Topics, node: u32, depth: u16, stack: &mut Vec<(u32, u16)>) {
        let children = self.passing(topics, node).rev();
        stack.extend(children.map(|child| (child, depth)));
    }

    /// The children that pass, in their order.
    fn passing<'a>(
        &'a self,
        topics: &'a Topics,
        node: u32,
    ) -> impl DoubleEndedIterator<Item = u32> + 'a {
        let passes = |child: &u32| self.hits.is_empty() || self.hits[*child as usize] > Hit::None;
        topics.node(node).children.iter().copied().filter(passes)
    }
}

fn row<'a>(topics: &'a Topics, line: &Line, now: Timestamp) -> TopicRow<'a> {
    let node: &Node = topics.node(line.node);
    TopicRow {
        node: line.node,
        parent: (node.parent != ROOT).then_some(node.parent),
        depth: line.depth,
        level: &node.level,
        name: topics.name(line.node),
        children: node.children.len() as u32,
        open: line.open,
        topics: node.topics,
        messages: node.messages,
        rate: node.rate.now(now),
        topic: node.own.as_deref(),
    }
}

/// What passes, for every branch and topic.
fn hits(topics: &Topics, wanted: &Wanted) -> Vec<Hit> {
    let mut hits = vec![Hit::None; topics.nodes.len()];
    let mut name = String::new();
    // Each with the length of its parent's name.
    let top = topics.node(ROOT).children.iter().rev();
    let mut stack: Vec<(u32, usize)> = top.map(|&child| (child, 0)).collect();
    while let Some((number, length)) = stack.pop() {
        let node = topics.node(number);
        name.truncate(length);
        if node.parent != ROOT {
            name.push('/');
        }
        // A text that was found in the parent's name is in this one too; what is new of it may begin before it.
        let parent_passes = hits[node.parent as usize] == Hit::Here;
        name.push_str(&node.level);
        let passes = match wanted {
            Wanted::Text(needle) => parent_passes || needle.is_in(name.as_bytes()),
            Wanted::Filter(filter) => node.own.is_some() && filter.matches(&name),
        };
        if passes {
            hits[number as usize] = Hit::Here;
        }
        let length = name.len();
        stack.extend(node.children.iter().rev().map(|&child| (child, length)));
    }
    // Parents come before their children.
    for number in (1..hits.len()).rev() {
        if hits[number] > Hit::None {
            let parent = topics.node(number as u32).parent as usize;
            hits[parent] = hits[parent].max(Hit::Below);
        }
    }
    hits
}
