//! Who wants what: filters in a tree of their levels.
//!
//! Duty: add and remove subscriptions, and find the subscribers of a topic without looking at the filters that can't
//! match. Not here: sessions, delivery. Invariant: a node without subscriptions and children is not kept.

use std::collections::HashMap;
use std::sync::Arc;

use mqttwb_model::{QoS, TopicFilter};
use mqttwb_wire::SubscriptionOptions;

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
    pub(crate) ids: Arc<[u32]>,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    subscriptions: Vec<Subscription>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.subscriptions.is_empty()
    }
}

/// The most levels that a filter may have. The tree is walked and dropped by recursion: a filter of 65,535 levels,
/// which the wire can carry, would exhaust the stack.
pub(crate) const MOST_LEVELS: usize = 200;

/// Whether a filter has few enough levels to be taken.
pub(crate) fn is_shallow(filter: &TopicFilter) -> bool {
    filter.pattern().split('/').count() <= MOST_LEVELS
}

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    root: Node,
    count: usize,
}

impl Subscriptions {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Adds a subscription, or replaces the subscriber's own with the same filter `[MQTT-3.8.4-3]`. Whether it is new.
    pub(crate) fn insert(&mut self, filter: &TopicFilter, subscription: Subscription) -> bool {
        let mut node = &mut self.root;
        for level in filter.pattern().split('/') {
            // Looked up before it is made: most levels are there already, and need no copy of their name.
            if !node.children.contains_key(level) {
                node.children.insert(level.into(), Node::default());
            }
            node = match node.children.get_mut(level) {
                Some(child) => child,
                None => return false,
            };
        }
        let own = node
            .subscriptions
            .iter_mut()
            .find(|s| s.subscriber == subscription.subscriber);
        match own {
            Some(old) => {
                *old = subscription;
                false
            }
            None => {
                node.subscriptions.push(subscription);
                self.count += 1;
                true
            }
        }
    }

    /// Removes a subscription. Whether it was there.
    pub(crate) fn remove(&mut self, filter: &TopicFilter, subscriber: Subscriber) -> bool {
        fn remove<'a>(
            node: &mut Node,
            mut levels: impl Iterator<Item = &'a str>,
            subscriber: Subscriber,
        ) -> bool {
            let Some(level) = levels.next() else {
                let before = node.subscriptions.len();
                node.subscriptions.retain(|s| s.subscriber != subscriber);
                return node.subscriptions.len() < before;
            };
            let Some(child) = node.children.get_mut(level) else {
                return false;
            };
            let removed = remove(child, levels, subscriber);
            if child.is_empty() {
                node.children.remove(level);
            }
            removed
        }
        let removed = remove(&mut self.root, filter.pattern().split('/'), subscriber);
        self.count -= usize::from(removed);
        removed
    }

    /// The subscribers of a topic, each once.
    pub(crate) fn matches(&self, topic: &str) -> Vec<Target> {
        let mut found: Vec<&Subscription> = Vec::new();
        // [MQTT-4.7.2-1]: a filter that begins with a wildcard doesn't match topics beginning with $.
        let wildcards = !topic.starts_with('$');
        collect(&self.root, Some(topic), wildcards, &mut found);
        found.sort_by_key(|s| s.subscriber);
        found
            .chunk_by(|a, b| a.subscriber == b.subscriber)
            .map(|same| Target {
                subscriber: same[0].subscriber,
                qos: same.iter().map(|s| s.options.qos).max().unwrap_or_default(),
                no_local: same.iter().all(|s| s.options.no_local),
                retain_as_published: same.iter().any(|s| s.options.retain_as_published),
                ids: same.iter().filter_map(|s| s.id).collect(),
            })
            .collect()
    }
}

/// Walks the tree along the topic's levels; `rest` is `None` past the last.
fn collect<'a>(
    node: &'a Node,
    rest: Option<&str>,
    wildcards: bool,
    found: &mut Vec<&'a Subscription>,
) {
    if node.children.is_empty() && rest.is_some() {
        return;
    }
    if wildcards && let Some(multi) = node.children.get("#") {
        found.extend(&multi.subscriptions); // the parent level too
    }
    let Some(rest) = rest else {
        found.extend(&node.subscriptions);
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
        let targets = all.matches("a/b");
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].qos, QoS::ExactlyOnce);
        assert_eq!(targets[0].ids.len(), 2);
        assert!(!all.insert(&filter("a/+"), subscription(1, QoS::AtMostOnce, None)));
        assert_eq!(all.matches("a/b")[0].qos, QoS::AtMostOnce);
        assert!(all.remove(&filter("a/+"), Subscriber(1)));
        assert!(!all.remove(&filter("a/+"), Subscriber(1)));
        assert!(all.remove(&filter("a/#"), Subscriber(1)));
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
                let found: Vec<_> = all.matches(topic).iter().map(|t| t.subscriber.0).collect();
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
