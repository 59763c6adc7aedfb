//! Retained messages: the last of each topic that was published with the retain flag (MQTT 5, section 3.3.1.3).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use mqttwb_model::{ClientId, LimitKind, Timestamp, TopicFilter};

use crate::config::Limits;
use crate::message::Message;

/// A retained message, and who published it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) message: Message,
    pub(crate) publisher: ClientId,
}

/// Retained messages by topic.
///
/// Ordered by topic, so that a filter with a fixed beginning looks only at the topics that begin so.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    messages: BTreeMap<Box<str>, Kept>,
    /// Topics whose message expires, by when.
    expiring: BTreeSet<(Timestamp, Box<str>)>,
    bytes: usize,
}

impl Retained {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a message of this size may become its topic's; the limit that is in the way, otherwise.
    pub(crate) fn room_for(
        &self,
        topic: &str,
        size: usize,
        limits: &Limits,
    ) -> Result<(), LimitKind> {
        let before = self.messages.get(topic).map(|kept| kept.message.size());
        if before.is_none() && self.messages.len() >= limits.retained_messages {
            return Err(LimitKind::RetainedMessages);
        }
        if self.bytes - before.unwrap_or(0) + size > limits.retained_bytes {
            return Err(LimitKind::RetainedBytes);
        }
        Ok(())
    }

    /// Keeps the message as its topic's last; an empty payload clears the topic instead `[MQTT-3.3.1-6]`.
    pub(crate) fn set(&mut self, message: &Message, publisher: &ClientId) {
        let topic = message.topic();
        let old = if message.payload().is_empty() {
            self.messages.remove(topic)
        } else {
            if let Some(at) = message.expires() {
                self.expiring.insert((at, topic.into()));
            }
            let kept = Kept {
                message: message.detached(),
                publisher: publisher.clone(),
            };
            self.bytes += kept.message.size();
            self.messages.insert(topic.into(), kept)
        };
        self.bytes -= old.as_ref().map_or(0, |old| old.message.size());
        let expires = |kept: &Kept| kept.message.expires();
        if let Some(at) = old.as_ref().and_then(expires)
            && self.messages.get(topic).and_then(expires) != Some(at)
        {
            self.expiring.remove(&(at, topic.into()));
        }
    }

    /// When the next of them expires.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.expiring.first().map(|(at, _)| *at)
    }

    /// The message of a topic.
    pub(crate) fn get(&self, topic: &str) -> Option<&Kept> {
        self.messages.get(topic)
    }

    /// Forgets the message of a topic.
    pub(crate) fn remove(&mut self, topic: &str) {
        let Some(old) = self.messages.remove(topic) else {
            return;
        };
        self.bytes -= old.message.size();
        if let Some(at) = old.message.expires() {
            self.expiring.remove(&(at, topic.into()));
        }
    }

    /// Messages that a filter matches and that have not expired, by topic.
    pub(crate) fn matching<'a>(
        &'a self,
        filter: &'a TopicFilter,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Message> {
        self.kept(filter, now).map(|kept| &kept.message)
    }

    /// The same, with who published them.
    pub(crate) fn kept<'a>(
        &'a self,
        filter: &'a TopicFilter,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Kept> {
        let fixed = fixed(filter);
        self.messages
            .range::<str, _>((Bound::Included(fixed), Bound::Unbounded))
            .take_while(move |(topic, _)| topic.starts_with(fixed))
            .filter(move |(topic, _)| filter.matches(topic))
            .map(|(_, kept)| kept)
            .filter(move |kept| kept.message.expires().is_none_or(|at| at > now))
    }

    /// A part of the messages that any of these filters matches, each of them once: a walk from a topic on, over `most` topics
    /// at most, that ends with the `at_most`th that is found. With it where to go on, where there may be more.
    pub(crate) fn walk(
        &self,
        filters: &[TopicFilter],
        after: Option<&str>,
        (at_most, most): (usize, usize),
        now: Timestamp,
    ) -> (Vec<&Kept>, Option<&str>) {
        let mut found = Vec::new();
        let Some(first) = filters.iter().map(fixed).min() else {
            return (found, None);
        };
        let from = match after {
            Some(after) if after >= first => Bound::Excluded(after),
            _ => Bound::Included(first),
        };
        let topics = self.messages.range::<str, _>((from, Bound::Unbounded));
        for (looked, (topic, kept)) in (1..).zip(topics) {
            if filters.iter().any(|filter| filter.matches(topic)) {
                if kept.message.expires().is_none_or(|at| at > now) {
                    found.push(kept);
                }
            } else if filters.iter().map(fixed).all(|fixed| is_past(topic, fixed)) {
                return (found, None);
            }
            if found.len() >= at_most || looked >= most {
                return (found, Some(topic));
            }
        }
        (found, None)
    }

    /// Forgets what has expired: the topics.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Box<str>> {
        let mut expired = Vec::new();
        while self.deadline().is_some_and(|at| at <= now) {
            if let Some((_, topic)) = self.expiring.pop_first() {
                let gone = self.messages.remove(&topic);
                self.bytes -= gone.map_or(0, |gone| gone.message.size());
                expired.push(topic);
            }
        }
        expired
    }
}

/// How every topic begins that a filter matches.
fn fixed(filter: &TopicFilter) -> &str {
    let pattern = filter.pattern();
    match pattern.find(['+', '#']) {
        // a/# matches a too
        Some(at) => pattern[..at].trim_end_matches('/'),
        None => pattern,
    }
}

/// Whether a topic, and so each one after it, comes after all that begin like this.
fn is_past(topic: &str, beginning: &str) -> bool {
    topic > beginning && !topic.starts_with(beginning)
}

#[cfg(test)]
mod tests {
    use mqttwb_model::{ConnectionId, MessageId, QoS};
    use mqttwb_wire::{Properties, Property, Publish};

    use super::*;
    use crate::message::Origin;

    fn message(topic: &str, payload: &[u8], properties: &[u8]) -> Message {
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: true,
            topic,
            packet_id: 1,
            properties: Properties::trusted(properties),
            payload,
        };
        let origin = Origin {
            id: MessageId(1),
            publisher: ConnectionId(1),
            at: Timestamp(0),
        };
        Message::new(&publish, topic, origin)
    }

    fn publisher() -> ClientId {
        ClientId::from("publisher")
    }

    fn found(retained: &Retained, filter: &str, now: u64) -> Vec<String> {
        let filter = TopicFilter::try_from(filter).unwrap();
        retained
            .matching(&filter, Timestamp(now))
            .map(|m| m.topic().to_owned())
            .collect()
    }

    #[test]
    fn a_filter_finds_the_last_message_of_each_topic() {
        let mut retained = Retained::default();
        for topic in ["a", "a/b", "a/c/d", "ab", "$SYS/x"] {
            retained.set(&message(topic, b"1", &[]), &publisher());
        }
        assert_eq!(found(&retained, "a/#", 0), ["a", "a/b", "a/c/d"]);
        assert_eq!(found(&retained, "+", 0), ["a", "ab"]);
        assert_eq!(found(&retained, "#", 0), ["a", "a/b", "a/c/d", "ab"]);
        assert_eq!(found(&retained, "$SYS/+", 0), ["$SYS/x"]);
        retained.set(&message("a/b", b"", &[]), &publisher());
        assert_eq!(found(&retained, "a/b", 0), [""; 0]);
        assert_eq!(retained.len(), 4);
    }

    #[test]
    fn a_walk_finds_what_any_filter_matches_once_and_goes_on_where_it_ended() {
        let mut properties = Vec::new();
        Property::MessageExpiryInterval(10).write(&mut properties);
        let mut retained = Retained::default();
        for n in 0..50 {
            for topic in [
                format!("plant/pump-{n:02}/status"),
                format!("plant/pump-{n:02}/data"),
                format!("home/lamp-{n:02}"),
            ] {
                retained.set(&message(&topic, b"1", &[]), &publisher());
            }
        }
        retained.set(
            &message("plant/pump-07/status", b"1", &properties),
            &publisher(),
        );
        retained.set(&message("zoo", b"1", &[]), &publisher());
        let now = Timestamp(20_000_000_000);
        let walk = |filters: &[&str], bounds| {
            let filters = filters
                .iter()
                .map(|text| TopicFilter::try_from(*text).unwrap());
            let filters: Vec<TopicFilter> = filters.collect();
            let (mut topics, mut after, mut steps) = (Vec::new(), None, 0);
            loop {
                let (found, next) = retained.walk(&filters, after.as_deref(), bounds, now);
                assert!(found.len() <= bounds.0);
                topics.extend(found.iter().map(|kept| kept.message.topic().to_owned()));
                steps += 1;
                match next {
                    Some(topic) => after = Some(topic.to_owned()),
                    None => return (topics, steps),
                }
            }
        };
        // The second has nothing that the first has not.
        let status = ["plant/+/status", "plant/pump-11/status"];
        let (whole, steps) = walk(&status, (1_000, 1_000));
        assert_eq!((whole.len(), steps), (49, 1), "one has expired");
        assert!(whole.is_sorted());
        for bounds in [(1, 1_000), (7, 1_000), (1_000, 1), (3, 10)] {
            assert_eq!(walk(&status, bounds).0, whole, "{bounds:?}");
        }
        // It begins where the first of them does, and ends behind the last.
        assert_eq!(walk(&status, (1_000, 101)).1, 1, "100 topics and the end");
        let both = ["home/+", "plant/pump-01/#", "home/lamp-03"];
        let (topics, _) = walk(&both, (10, 10));
        assert_eq!(topics.len(), 52);
        assert_eq!(topics[51], "plant/pump-01/status");
        assert_eq!(walk(&[], (10, 10)), (Vec::new(), 1));
    }

    #[test]
    fn there_is_room_for_so_many_messages_and_bytes_and_always_for_one_in_place_of_another() {
        let small = message("a", b"1", &[]);
        let limits = Limits {
            retained_messages: 2,
            retained_bytes: 2 * small.size() + 1,
            ..Limits::default()
        };
        let mut retained = Retained::default();
        retained.set(&small, &publisher());
        retained.set(&message("b", b"1", &[]), &publisher());
        assert_eq!(retained.bytes(), 2 * small.size());
        let room =
            |retained: &Retained, m: &Message| retained.room_for(m.topic(), m.size(), &limits);
        let third = message("c", b"1", &[]);
        assert_eq!(room(&retained, &third), Err(LimitKind::RetainedMessages));
        assert_eq!(room(&retained, &message("a", b"12", &[])), Ok(()));
        let long = message("a", b"123", &[]);
        assert_eq!(room(&retained, &long), Err(LimitKind::RetainedBytes));
        retained.set(&message("b", b"", &[]), &publisher());
        assert_eq!(room(&retained, &third), Ok(()));
        retained.set(&message("a", b"", &[]), &publisher());
        assert_eq!(retained.bytes(), 0);
    }

    #[test]
    fn an_expired_message_is_not_found_and_is_forgotten() {
        let mut properties = Vec::new();
        Property::MessageExpiryInterval(10).write(&mut properties);
        let mut retained = Retained::default();
        retained.set(&message("a", b"1", &properties), &publisher());
        let second = 1_000_000_000;
        assert_eq!(found(&retained, "a", 9 * second), ["a"]);
        assert_eq!(found(&retained, "a", 10 * second), [""; 0]);
        assert_eq!(retained.deadline(), Some(Timestamp(10 * second)));
        retained.expire(Timestamp(10 * second));
        assert_eq!((retained.len(), retained.bytes()), (0, 0));
        assert_eq!(retained.deadline(), None);
    }

    #[test]
    fn the_last_message_of_a_topic_expires_at_its_own_time() {
        let mut properties = Vec::new();
        Property::MessageExpiryInterval(10).write(&mut properties);
        let mut retained = Retained::default();
        for (payload, with, deadline) in [
            (&b"1"[..], &properties[..], Some(Timestamp(10_000_000_000))),
            (b"2", &properties, Some(Timestamp(10_000_000_000))),
            (b"3", &[], None),
            (b"4", &properties, Some(Timestamp(10_000_000_000))),
            (b"", &[], None),
            (b"5", &[], None),
        ] {
            retained.set(&message("a", payload, with), &publisher());
            assert_eq!(retained.deadline(), deadline, "{payload:?}");
        }
        retained.expire(Timestamp(u64::MAX));
        assert_eq!(found(&retained, "a", 0), ["a"]);
    }
}
