//! Who wants what: filters in a tree of their levels.
//!
//! Duty: add and remove subscriptions, and find the subscribers of a topic without looking at the filters that can't
//! match. Not here: sessions, delivery, which member of a shared subscription is next (`shares.rs`). Invariant: a node
//! without subscriptions and children is not kept; a shared subscription is in the tree as long as it has a member.

use std::collections::HashMap;

use mqttwb_model::{QoS, SubscriptionIds, TopicFilter};
use mqttwb_wire::SubscriptionOptions;

use crate::shares::{ShareId, SharedStrategy, Shares};

/// A subscriber, as the hub numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Subscriber(pub(crate) u32);

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) subscriber: Subscriber,
    pub(crate) options: SubscriptionOptions,
    /// Subscription identifier (MQTT 5, section 3.8.2.1.2).
    pub(crate) id: Option<u32>,
}

/// What one subscriber gets of a topic: overlapping subscriptions make one delivery, with the highest QoS among them
/// and every identifier (section 3.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) subscriber: Subscriber,
    pub(crate) qos: QoS,
    /// Every matching subscription asks not to see its own messages.
    pub(crate) no_local: bool,
    /// At least one keeps the retain flag.
    pub(crate) retain_as_published: bool,
    pub(crate) ids: SubscriptionIds,
}

/// Everybody who wants a topic.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Who subscribed by itself, each once.
    pub(crate) targets: Box<[Target]>,
    /// Shared subscriptions: one member of each gets a copy, whatever it gets by itself (section 4.8.2).
    pub(crate) shares: Box<[ShareId]>,
}

impl Matches {
    /// Whether anybody wants it.
    pub(crate) fn is_any(&self) -> bool {
        !self.targets.is_empty() || !self.shares.is_empty()
    }
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    subscriptions: Vec<Subscription>,
    shares: Vec<ShareId>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.subscriptions.is_empty() && self.shares.is_empty()
    }

    /// The node of a pattern, made where it is not there.
    fn reach(&mut self, pattern: &str) -> &mut Node {
        pattern.split('/').fold(self, |node, level| {
            node.children.entry(level.into()).or_default()
        })
    }

    /// Changes the node of a pattern, where it is there, and lets go of nodes that are empty then.
    fn prune<'a>(
        &mut self,
        mut levels: impl Iterator<Item = &'a str>,
        change: impl FnOnce(&mut Node) -> bool,
    ) -> bool {
        let Some(level) = levels.next() else {
            return change(self);
        };
        let Some(child) = self.children.get_mut(level) else {
            return false;
        };
        let changed = child.prune(levels, change);
        if child.is_empty() {
            self.children.remove(level);
        }
        changed
    }
}

/// The most levels that a filter may have. The tree is walked and dropped by recursion: a filter of 65,535 levels,
/// which the wire can carry, would exhaust the stack.
pub(crate) const MOST_LEVELS: usize = 200;

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    root: Node,
    shares: Shares,
    count: usize,
}

impl Subscriptions {
    pub(crate) fn new(strategy: SharedStrategy) -> Self {
        Self {
            shares: Shares::new(strategy),
            ..Self::default()
        }
    }

    /// How many there are, each member of a shared one counted.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// How many of them are shared.
    pub(crate) fn shared(&self) -> usize {
        self.shares.members()
    }

    /// The shared ones.
    pub(crate) fn shares(&mut self) -> &mut Shares {
        &mut self.shares
    }

    /// Adds a subscription, or replaces the subscriber's own with the same filter `[MQTT-3.8.4-3]`. Whether it is new.
    pub(crate) fn insert(&mut self, filter: &TopicFilter, subscription: Subscription) -> bool {
        let new = if filter.share_name().is_some() {
            let joined = self.shares.join(filter, subscription);
            if joined.first {
                self.root.reach(filter.pattern()).shares.push(joined.share);
            }
            joined.new
        } else {
            put(
                &mut self.root.reach(filter.pattern()).subscriptions,
                subscription,
            )
        };
        self.count += usize::from(new);
        new
    }

    /// Removes a subscription. Whether it was there.
    pub(crate) fn remove(&mut self, filter: &TopicFilter, subscriber: Subscriber) -> bool {
        let levels = filter.pattern().split('/');
        let removed = if filter.share_name().is_some() {
            let left = self.shares.leave(filter, subscriber);
            if let Some(share) = left.and_then(|left| left.last) {
                self.root.prune(levels, |node| {
                    node.shares.retain(|s| *s != share);
                    true
                });
            }
            left.is_some()
        } else {
            self.root.prune(levels, |node| {
                let before = node.subscriptions.len();
                node.subscriptions.retain(|s| s.subscriber != subscriber);
                node.subscriptions.len() < before
            })
        };
        self.count -= usize::from(removed);
        removed
    }

    /// The subscribers of a topic.
    pub(crate) fn matches(&self, topic: &str) -> Matches {
        let mut found = Found::default();
        // [MQTT-4.7.2-1]: a filter that begins with a wildcard doesn't match topics beginning with $.
        let wildcards = !topic.starts_with('$');
        collect(&self.root, Some(topic), wildcards, &mut found);
        found.subscriptions.sort_by_key(|s| s.subscriber);
        let targets = found
            .subscriptions
            .chunk_by(|a, b| a.subscriber == b.subscriber)
            .map(|same| Target {
                subscriber: same[0].subscriber,
                qos: same.iter().map(|s| s.options.qos).max().unwrap_or_default(),
                no_local: same.iter().all(|s| s.options.no_local),
                retain_as_published: same.iter().any(|s| s.options.retain_as_published),
                ids: same.iter().filter_map(|s| s.id).collect(),
            })
            .collect();
        Matches {
            targets,
            shares: found.shares.into(),
        }
    }
}

/// Adds a subscription to a list in which each subscriber is once. Whether it is new.
pub(crate) fn put(list: &mut Vec<Subscription>, subscription: Subscription) -> bool {
    match list
        .iter_mut()
        .find(|s| s.subscriber == subscription.subscriber)
    {
        Some(old) => {
            *old = subscription;
            false
        }
        None => {
            list.push(subscription);
            true
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    subscriptions: Vec<&'a Subscription>,
    shares: Vec<ShareId>,
}

impl<'a> Found<'a> {
    fn add(&mut self, node: &'a Node) {
        self.subscriptions.extend(&node.subscriptions);
        self.shares.extend(&node.shares);
    }
}

/// Walks the tree along the topic's levels; `rest` is `None` past the last.
fn collect<'a>(node: &'a Node, rest: Option<&str>, wildcards: bool, found: &mut Found<'a>) {
    if node.children.is_empty() && rest.is_some() {
        return;
    }
    if wildcards && let Some(multi) = node.children.get("#") {
        found.add(multi); // the parent level too
    }
    let Some(rest) = rest else {
        found.add(node);
        return;
    };
    let (level, rest) = match rest.split_once('/') {
        Some((level, rest)) => (level, Some(rest)),
        None => (rest, None),
    };
    if wildcards && let Some(single) = node.children.get("+") {
        collect(single, rest, true, found);
    }
    if let Some(child) = node.children.get(level) {
        collect(child, rest, true, found);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subscription(subscriber: u32, qos: QoS, id: Option<u32>) -> Subscription {
        Subscription {
            subscriber: Subscriber(subscriber),
            options: SubscriptionOptions {
                qos,
                ..Default::default()
            },
            id,
        }
    }

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::try_from(text).unwrap()
    }

    #[test]
    fn overlapping_subscriptions_make_one_delivery_with_the_highest_qos_and_every_identifier() {
        let mut all = Subscriptions::default();
        assert!(all.insert(&filter("a/#"), subscription(1, QoS::AtMostOnce, Some(5))));
        assert!(all.insert(&filter("a/+"), subscription(1, QoS::ExactlyOnce, Some(9))));
        let targets = all.matches("a/b").targets;
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].qos, QoS::ExactlyOnce);
        assert_eq!(targets[0].ids.len(), 2);
        assert!(!all.insert(&filter("a/+"), subscription(1, QoS::AtMostOnce, None)));
        assert_eq!(all.matches("a/b").targets[0].qos, QoS::AtMostOnce);
        assert!(all.remove(&filter("a/+"), Subscriber(1)));
        assert!(!all.remove(&filter("a/+"), Subscriber(1)));
        assert!(all.remove(&filter("a/#"), Subscriber(1)));
        assert!(all.root.is_empty() && all.len() == 0);
    }

    #[test]
    fn a_shared_subscription_is_found_once_however_many_members_it_has() {
        let mut all = Subscriptions::default();
        let shared = filter("$share/g/a/+");
        assert!(all.insert(&shared, subscription(1, QoS::AtLeastOnce, None)));
        assert!(all.insert(&shared, subscription(2, QoS::AtLeastOnce, None)));
        assert!(!all.insert(&shared, subscription(2, QoS::AtMostOnce, None)));
        // Another name, or another filter of the same name, is another shared subscription (section 4.8.2).
        all.insert(
            &filter("$share/h/a/+"),
            subscription(1, QoS::AtMostOnce, None),
        );
        all.insert(
            &filter("$share/g/a/b"),
            subscription(1, QoS::AtMostOnce, None),
        );
        all.insert(&filter("a/#"), subscription(1, QoS::AtMostOnce, None));
        assert_eq!(all.len(), 5);
        let found = all.matches("a/b");
        assert_eq!((found.targets.len(), found.shares.len()), (1, 3));
        assert_eq!(all.matches("a/c").shares.len(), 2);
        assert!(all.remove(&shared, Subscriber(1)));
        assert_eq!(all.matches("a/c").shares.len(), 2);
        assert!(all.remove(&shared, Subscriber(2)));
        assert!(!all.remove(&shared, Subscriber(2)));
        assert_eq!(all.matches("a/c").shares.len(), 1);
        for text in ["$share/h/a/+", "$share/g/a/b", "a/#"] {
            assert!(all.remove(&filter(text), Subscriber(1)));
        }
        assert!(all.root.is_empty() && all.len() == 0);
    }

    fn level() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("a".into()),
            Just("b".into()),
            Just("$c".into())
        ]
    }

    fn topic() -> impl Strategy<Value = String> {
        prop::collection::vec(level(), 1..4)
            .prop_map(|levels| levels.join("/"))
            .prop_filter("not empty", |t| !t.is_empty())
    }

    fn any_filter() -> impl Strategy<Value = TopicFilter> {
        let wild = prop_oneof![level(), Just("+".into())];
        (prop::collection::vec(wild, 0..4), any::<bool>())
            .prop_map(|(mut levels, multi)| {
                if multi {
                    levels.push("#".into());
                }
                levels.join("/")
            })
            .prop_filter_map("valid", |text| TopicFilter::try_from(text.as_str()).ok())
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_matching_each_filter_alone_finds(
            filters in prop::collection::vec(any_filter(), 0..12),
            topics in prop::collection::vec(topic(), 1..6),
        ) {
            let mut all = Subscriptions::default();
            for (i, f) in filters.iter().enumerate() {
                all.insert(f, subscription(i as u32, QoS::AtMostOnce, None));
            }
            for topic in &topics {
                let matches = all.matches(topic);
                let found: Vec<_> = matches.targets.iter().map(|t| t.subscriber.0).collect();
                let expected: Vec<_> = (0u32..)
                    .zip(&filters)
                    .filter(|(_, f)| f.matches(topic))
                    .map(|(i, _)| i)
                    .collect();
                prop_assert_eq!(found, expected);
            }
            for (i, f) in filters.iter().enumerate() {
                prop_assert!(all.remove(f, Subscriber(i as u32)));
            }
            prop_assert!(all.root.is_empty());
        }
    }
}
