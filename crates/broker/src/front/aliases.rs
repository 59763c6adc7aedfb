//! Topic aliases towards a client (MQTT 5, section 3.3.2.3.4).
//!
//! Duty: choose which topics get a number, so that fewer bytes go out. Not here: encoding. Invariant: a number is sent
//! alone only after it was sent with its topic on the same connection; there are at most as many as the client takes
//! `[MQTT-3.1.2-26]`.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// More are not worth looking through for the one that was not used for longest.
const MOST: usize = 1_024;
/// An alias costs three bytes: what is hardly longer gets none.
const SHORT: usize = 6;
/// Topics that were sent once, lately.
const SEEN: usize = 256;
/// A number is taken from its topic when so many messages for each number went by without it.
const UNUSED: u64 = 8;

/// How a topic is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Alias {
    /// As it is.
    None,
    /// As it is, with the number that will stand for it from now on.
    New(u16),
    /// As its number alone.
    Known(u16, Arc<str>),
}

#[derive(Debug)]
struct Slot {
    topic: Arc<str>,
    used: u64,
}

/// The aliases of one connection.
#[derive(Debug)]
pub(super) struct Aliases {
    most: usize,
    by_topic: HashMap<Arc<str>, u16>,
    /// The index is the alias less one.
    slots: Vec<Slot>,
    /// Places in `slots` whose number stands for nothing.
    free: Vec<usize>,
    messages: u64,
    hasher: RandomState,
    seen: Box<[u64; SEEN]>,
}

impl Aliases {
    /// `None` for a client that takes none.
    pub(super) fn new(most: u16) -> Option<Self> {
        (most > 0).then(|| Self {
            most: usize::from(most).min(MOST),
            by_topic: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            messages: 0,
            hasher: RandomState::new(),
            seen: Box::new([0; SEEN]),
        })
    }

    /// How the next message with this topic is sent. A topic gets its number when it comes for the second time.
    pub(super) fn of(&mut self, topic: &str) -> Alias {
        if topic.len() <= SHORT {
            return Alias::None;
        }
        self.messages += 1;
        if let Some((topic, alias)) = self.by_topic.get_key_value(topic) {
            self.slots[usize::from(*alias) - 1].used = self.messages;
            return Alias::Known(*alias, topic.clone());
        }
        let hash = self.hasher.hash_one(topic);
        let seen = &mut self.seen[hash as usize % SEEN];
        if *seen != hash {
            *seen = hash;
            return Alias::None;
        }
        let slot = Slot {
            topic: topic.into(),
            used: self.messages,
        };
        let at = if let Some(at) = self.free.pop() {
            self.slots[at] = slot;
            at
        } else if self.slots.len() < self.most {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let oldest = self.slots.iter().enumerate().min_by_key(|(_, s)| s.used);
            let Some((at, used)) = oldest.map(|(at, s)| (at, s.used)) else {
                return Alias::None;
            };
            if self.messages - used < UNUSED * self.slots.len() as u64 {
                return Alias::None;
            }
            let old = std::mem::replace(&mut self.slots[at], slot);
            self.by_topic.remove(&old.topic);
            at
        };
        let alias = at as u16 + 1;
        self.by_topic.insert(self.slots[at].topic.clone(), alias);
        Alias::New(alias)
    }

    /// The packet that was to tell this new number was not sent with it.
    pub(super) fn untold(&mut self, topic: &str) {
        if let Some(alias) = self.by_topic.remove(topic) {
            self.free.push(usize::from(alias) - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_comes_again_gets_a_number_and_then_goes_as_it() {
        let mut aliases = Aliases::new(2).unwrap();
        assert_eq!(aliases.of("plant/1/state"), Alias::None);
        assert_eq!(aliases.of("plant/1/state"), Alias::New(1));
        let known = Alias::Known(1, "plant/1/state".into());
        assert_eq!(aliases.of("plant/1/state"), known);
        assert_eq!(aliases.of("short"), Alias::None);
        assert_eq!(aliases.of("short"), Alias::None);
        assert!(Aliases::new(0).is_none());
    }

    #[test]
    fn never_more_numbers_than_the_client_takes_and_one_unused_for_long_is_given_again() {
        // [MQTT-3.1.2-26]
        let mut aliases = Aliases::new(2).unwrap();
        for topic in ["topic/one", "topic/two", "topic/three"] {
            aliases.of(topic);
        }
        assert_eq!(aliases.of("topic/one"), Alias::New(1));
        assert_eq!(aliases.of("topic/two"), Alias::New(2));
        assert_eq!(aliases.of("topic/three"), Alias::None);
        for _ in 0..20 {
            aliases.of("topic/two");
        }
        assert_eq!(aliases.of("topic/three"), Alias::New(1));
        aliases.of("topic/one");
        assert_ne!(aliases.of("topic/one"), Alias::Known(1, "topic/one".into()));
        assert_eq!(
            aliases.of("topic/three"),
            Alias::Known(1, "topic/three".into())
        );
    }

    #[test]
    fn a_number_that_was_not_told_is_not_used() {
        let mut aliases = Aliases::new(2).unwrap();
        aliases.of("topic/one");
        assert_eq!(aliases.of("topic/one"), Alias::New(1));
        aliases.untold("topic/one");
        assert_eq!(aliases.of("topic/one"), Alias::New(1));
        assert_eq!(aliases.of("topic/one"), Alias::Known(1, "topic/one".into()));
    }
}
