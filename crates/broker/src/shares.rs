//! Shared subscriptions: `$share/NAME/FILTER`, of whose members one gets each message (MQTT 5, section 4.8.2).
//!
//! Duty: who the members are, and which of them is next. Not here: which topics match (`subscriptions.rs`), delivery
//! and handing on what a member leaves behind (the hub's).
//! Invariant: a member that is away is chosen only when none is connected; a share has at least one member, and its
//! identity is not given to another share while anybody may remember it.

use std::collections::HashMap;
use std::num::NonZeroU32;

use mqttwb_model::{ConnectionId, TopicFilter};

use crate::subscriptions::{Subscriber, Subscription, put};

/// Which member of a shared subscription gets a message. Members that are connected come first in each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SharedStrategy {
    /// One after another.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The one with the fewest messages that wait to be sent or to be acknowledged.
    LeastInflight,
    /// The same one for all messages of a publisher's connection, so that they keep their order.
    Sticky,
}

/// A shared subscription, for the life of the broker. A delivery remembers the one that it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShareId(NonZeroU32);

/// What the hub knows of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Connected,
    /// Its session waits for it.
    Away,
    /// Nothing that it is given would be kept.
    Gone,
}

/// Looks a member up.
pub(crate) trait Members {
    fn presence(&self, member: Subscriber) -> Presence;
    /// Messages that wait to be sent to it or to be acknowledged by it.
    fn backlog(&self, member: Subscriber) -> usize;
}

#[derive(Debug)]
struct Share {
    filter: TopicFilter,
    members: Vec<Subscription>,
    /// Where the next search begins.
    next: usize,
}

/// What came of joining.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) share: ShareId,
    /// It was no member before.
    pub(crate) new: bool,
    /// It is the only one: the share was made for it.
    pub(crate) first: bool,
}

/// What came of leaving.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// The share, where nobody is left and it has ended.
    pub(crate) last: Option<ShareId>,
}

/// All shared subscriptions.
#[derive(Debug)]
pub(crate) struct Shares {
    strategy: SharedStrategy,
    shares: HashMap<ShareId, Share>,
    by_filter: HashMap<TopicFilter, ShareId>,
    last_id: u32,
    random: fastrand::Rng,
}

impl Default for Shares {
    fn default() -> Self {
        Self::new(SharedStrategy::default())
    }
}

impl Shares {
    pub(crate) fn new(strategy: SharedStrategy) -> Self {
        Self {
            strategy,
            shares: HashMap::new(),
            by_filter: HashMap::new(),
            last_id: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// Members in all.
    pub(crate) fn members(&self) -> usize {
        self.shares.values().map(|share| share.members.len()).sum()
    }

    fn fresh(&mut self) -> ShareId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU32::new(self.last_id).map(ShareId)
                && !self.shares.contains_key(&id)
            {
                return id;
            }
        }
    }

    /// Adds a member, or gives it the new options.
    pub(crate) fn join(&mut self, filter: &TopicFilter, member: Subscription) -> Joined {
        let known = self.by_filter.get(filter).copied();
        if let Some(id) = known
            && let Some(share) = self.shares.get_mut(&id)
        {
            return Joined {
                share: id,
                new: put(&mut share.members, member),
                first: false,
            };
        }
        let id = self.fresh();
        self.by_filter.insert(filter.clone(), id);
        let share = Share {
            filter: filter.clone(),
            members: vec![member],
            next: 0,
        };
        self.shares.insert(id, share);
        Joined {
            share: id,
            new: true,
            first: true,
        }
    }

    /// The one with this filter, where anybody is a member of it.
    pub(crate) fn of(&self, filter: &TopicFilter) -> Option<ShareId> {
        self.by_filter.get(filter).copied()
    }

    /// What its members subscribed to.
    pub(crate) fn filter(&self, share: ShareId) -> Option<&TopicFilter> {
        self.shares.get(&share).map(|share| &share.filter)
    }

    /// Removes a member; `None` where it was none.
    pub(crate) fn leave(&mut self, filter: &TopicFilter, member: Subscriber) -> Option<Left> {
        let id = *self.by_filter.get(filter)?;
        let share = self.shares.get_mut(&id)?;
        let place = share.members.iter().position(|m| m.subscriber == member)?;
        share.members.remove(place);
        if share.next > place {
            share.next -= 1; // whose turn it is stays so
        }
        let ended = share.members.is_empty();
        if ended {
            self.shares.remove(&id);
            self.by_filter.remove(filter);
        }
        Some(Left {
            last: ended.then_some(id),
        })
    }

    /// The member that gets a message of this publisher; `None` where nobody would keep it.
    pub(crate) fn choose(
        &mut self,
        share: ShareId,
        publisher: ConnectionId,
        known: &impl Members,
    ) -> Option<&Subscription> {
        let share = self.shares.get_mut(&share)?;
        let count = share.members.len();
        let start = match self.strategy {
            SharedStrategy::RoundRobin | SharedStrategy::LeastInflight => share.next % count,
            SharedStrategy::Random => self.random.usize(..count),
            // Connections are numbered in turn: they spread over the members by themselves.
            SharedStrategy::Sticky => (publisher.0 % count as u64) as usize,
        };
        let mut away = None;
        let mut best: Option<(usize, usize)> = None;
        for place in (start..count).chain(0..start) {
            let member = share.members[place].subscriber;
            match known.presence(member) {
                Presence::Connected if self.strategy == SharedStrategy::LeastInflight => {
                    let backlog = known.backlog(member);
                    if best.is_none_or(|(least, _)| backlog < least) {
                        best = Some((backlog, place));
                    }
                }
                Presence::Connected => {
                    best = Some((0, place));
                    break;
                }
                Presence::Away => away = away.or(Some(place)),
                Presence::Gone => {}
            }
        }
        let chosen = best.map(|(_, place)| place).or(away)?;
        share.next = chosen + 1;
        share.members.get(chosen)
    }
}

#[cfg(test)]
mod tests {
    use mqttwb_model::QoS;
    use mqttwb_wire::SubscriptionOptions;

    use super::*;

    #[derive(Default)]
    struct Known {
        away: Vec<u32>,
        gone: Vec<u32>,
        backlog: HashMap<u32, usize>,
    }

    impl Members for Known {
        fn presence(&self, member: Subscriber) -> Presence {
            match member.0 {
                n if self.away.contains(&n) => Presence::Away,
                n if self.gone.contains(&n) => Presence::Gone,
                _ => Presence::Connected,
            }
        }
        fn backlog(&self, member: Subscriber) -> usize {
            self.backlog.get(&member.0).copied().unwrap_or(0)
        }
    }

    fn member(subscriber: u32) -> Subscription {
        Subscription {
            subscriber: Subscriber(subscriber),
            options: SubscriptionOptions {
                qos: QoS::AtLeastOnce,
                ..Default::default()
            },
            id: None,
        }
    }

    fn filter() -> TopicFilter {
        TopicFilter::try_from("$share/g/a").unwrap()
    }

    fn three(strategy: SharedStrategy) -> (Shares, ShareId) {
        let mut shares = Shares::new(strategy);
        let mut share = None;
        for n in [1, 2, 3] {
            share = Some(shares.join(&filter(), member(n)).share);
        }
        (shares, share.unwrap())
    }

    fn chosen(shares: &mut Shares, share: ShareId, known: &Known, times: u64) -> Vec<u32> {
        (0..times)
            .filter_map(|_| {
                let chosen = shares.choose(share, ConnectionId(7), known)?;
                Some(chosen.subscriber.0)
            })
            .collect()
    }

    #[test]
    fn members_take_turns() {
        let (mut shares, share) = three(SharedStrategy::RoundRobin);
        let known = Known::default();
        assert_eq!(chosen(&mut shares, share, &known, 4), [1, 2, 3, 1]);
        // Who leaves does not change whose turn it is.
        shares.leave(&filter(), Subscriber(1));
        assert_eq!(chosen(&mut shares, share, &known, 3), [2, 3, 2]);
    }

    #[test]
    fn a_member_that_is_away_is_chosen_only_when_none_is_connected() {
        for strategy in [
            SharedStrategy::RoundRobin,
            SharedStrategy::Random,
            SharedStrategy::LeastInflight,
            SharedStrategy::Sticky,
        ] {
            let (mut shares, share) = three(strategy);
            let mut known = Known {
                away: vec![1],
                gone: vec![2],
                ..Known::default()
            };
            assert_eq!(chosen(&mut shares, share, &known, 3), [3, 3, 3]);
            known.away.push(3);
            let chosen = chosen(&mut shares, share, &known, 6);
            assert_eq!(chosen.len(), 6);
            assert!(!chosen.contains(&2), "{strategy:?}: {chosen:?}");
        }
        let (mut shares, share) = three(SharedStrategy::RoundRobin);
        let known = Known {
            gone: vec![1, 2, 3],
            ..Known::default()
        };
        assert_eq!(chosen(&mut shares, share, &known, 1), [0; 0]);
    }

    #[test]
    fn the_member_with_the_least_before_it_is_next_and_equals_take_turns() {
        let (mut shares, share) = three(SharedStrategy::LeastInflight);
        let mut known = Known::default();
        assert_eq!(chosen(&mut shares, share, &known, 4), [1, 2, 3, 1]);
        known.backlog = HashMap::from([(1, 5), (2, 4), (3, 9)]);
        assert_eq!(chosen(&mut shares, share, &known, 3), [2, 2, 2]);
    }

    #[test]
    fn a_publisher_stays_with_its_member_while_that_is_connected() {
        let (mut shares, share) = three(SharedStrategy::Sticky);
        let mut known = Known::default();
        let first = chosen(&mut shares, share, &known, 3);
        assert_eq!(first, [first[0]; 3]);
        known.gone = vec![first[0]];
        let other = chosen(&mut shares, share, &known, 3);
        assert_eq!(other, [other[0]; 3]);
        assert_ne!(other[0], first[0]);
    }

    #[test]
    fn any_member_comes_in_turn_at_random() {
        let (mut shares, share) = three(SharedStrategy::Random);
        let chosen = chosen(&mut shares, share, &Known::default(), 1_000);
        for member in [1, 2, 3] {
            let times = chosen.iter().filter(|n| **n == member).count();
            assert!((200..500).contains(&times), "{member}: {times}");
        }
    }

    #[test]
    fn a_share_that_ended_is_not_taken_for_a_later_one() {
        let mut shares = Shares::default();
        let first = shares.join(&filter(), member(1));
        let left = shares.leave(&filter(), Subscriber(1)).unwrap();
        assert_eq!(left.last, Some(first.share));
        let second = shares.join(&filter(), member(2));
        assert_ne!(first.share, second.share);
        assert_eq!(
            chosen(&mut shares, first.share, &Known::default(), 1),
            [0; 0]
        );
    }
}
