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
        let pattern = filter.pattern();
        let fixed = match pattern.find(['+', '#']) {
            // a/# matches a too
            Some(at) => pattern[..at].trim_end_matches('/'),
            None => pattern,
        };
        self.messages
            .range::<str, _>((Bound::Included(fixed), Bound::Unbounded))
            .take_while(move |(topic, _)| topic.starts_with(fixed))
            .filter(move |(topic, _)| filter.matches(topic))
            .map(|(_, kept)| kept)
            .filter(move |kept| kept.message.expires().is_none_or(|at| at > now))
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
