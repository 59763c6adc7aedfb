//! Fault rules: which packets they strike.
//!
//! Duty: hold the rules, count, and say of a packet what is to be done to it. Not here: doing it (the front's). Invariant:
//! a packet is struck by one rule at most, the first in the list; the same rules over the same packets strike the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mqttwb_model::{
    ClientId, Direction, FaultAction, FaultDone, FaultRule, FaultRuleError, FaultWhen, PacketType,
};
use parking_lot::RwLock;

/// The most rules at a time.
const MOST_RULES: usize = 100;

/// Why rules can't be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// One of them can't be.
    #[error("fault rule {name:?}: {error}")]
    Rule {
        /// Its name.
        name: Arc<str>,
        /// Why.
        error: FaultRuleError,
    },
    /// Two have the same name.
    #[error("two fault rules are named {0:?}")]
    Twice(Arc<str>),
    /// Too many.
    #[error("at most {MOST_RULES} fault rules, not {0}")]
    TooMany(usize),
}

/// A rule, and what it has done.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultStatus {
    /// The rule.
    pub rule: FaultRule,
    /// Packets that it is about, since it was set.
    pub seen: u64,
    /// Packets among them that it struck.
    pub struck: u64,
}

/// A rule that holds.
#[derive(Debug)]
pub(crate) struct LiveRule {
    rule: FaultRule,
    seen: AtomicU64,
    struck: AtomicU64,
}

/// The rules of a broker.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Counts every change. What a connection looks at.
    version: AtomicU64,
    rules: RwLock<Vec<Arc<LiveRule>>>,
}

impl Faults {
    /// Changes when the rules do; 0 as long as there never was one.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The rules that are about a client.
    pub(crate) fn of(&self, client: &ClientId) -> Vec<Arc<LiveRule>> {
        let rules = self.rules.read();
        let of = |rule: &&Arc<LiveRule>| rule.rule.client.matches(client);
        rules.iter().filter(of).cloned().collect()
    }

    /// The rules, in their order, with what they have done.
    pub(crate) fn list(&self) -> Vec<FaultStatus> {
        let status = |live: &Arc<LiveRule>| FaultStatus {
            rule: live.rule.clone(),
            seen: live.seen.load(Ordering::Relaxed),
            struck: live.struck.load(Ordering::Relaxed),
        };
        self.rules.read().iter().map(status).collect()
    }

    /// Changes the rules. One that was there already goes on counting. Where they can't be, nothing changes.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Vec<FaultRule>),
    ) -> Result<(), FaultsError> {
        let mut held = self.rules.write();
        let mut rules: Vec<FaultRule> = held.iter().map(|live| live.rule.clone()).collect();
        change(&mut rules);
        check(&rules)?;
        *held = rules
            .into_iter()
            .map(|rule| match held.iter().find(|live| live.rule == rule) {
                Some(live) => live.clone(),
                None => Arc::new(LiveRule {
                    rule,
                    seen: AtomicU64::new(0),
                    struck: AtomicU64::new(0),
                }),
            })
            .collect();
        self.version.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

fn check(rules: &[FaultRule]) -> Result<(), FaultsError> {
    if rules.len() > MOST_RULES {
        return Err(FaultsError::TooMany(rules.len()));
    }
    for (at, rule) in rules.iter().enumerate() {
        let name = &rule.name;
        rule.check().map_err(|error| FaultsError::Rule {
            name: name.clone(),
            error,
        })?;
        if rules[..at].iter().any(|other| other.name == *name) {
            return Err(FaultsError::Twice(name.clone()));
        }
    }
    Ok(())
}

/// A packet that is struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strike {
    /// The name of the rule.
    pub(crate) rule: Arc<str>,
    pub(crate) action: FaultAction,
    /// What will stand in its record.
    pub(crate) done: FaultDone,
}

/// What the first of these rules that strikes a packet does to it.
pub(crate) fn strike<'a>(
    rules: &[Arc<LiveRule>],
    direction: Direction,
    frame: &[u8],
    topic: impl Fn() -> Option<&'a str>,
) -> Option<Strike> {
    let packet = PacketType::of_first_byte(*frame.first()?)?;
    rules
        .iter()
        .filter(|live| live.rule.matches(direction, packet, &topic))
        .find_map(|live| live.strike(frame))
}

impl LiveRule {
    fn strike(&self, frame: &[u8]) -> Option<Strike> {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let turn = seen.checked_sub(self.rule.skip)?;
        let strikes = match self.rule.when {
            FaultWhen::Always => true,
            FaultWhen::First(n) => turn < n,
            FaultWhen::Every(n) => (turn + 1).is_multiple_of(n),
            FaultWhen::Chance { probability, seed } => random(seed, turn).f64() < probability,
        };
        if !strikes {
            return None;
        }
        let done = done(&self.rule, turn, frame)?;
        self.struck.fetch_add(1, Ordering::Relaxed);
        Some(Strike {
            rule: self.rule.name.clone(),
            action: self.rule.action,
            done,
        })
    }
}

/// What an action does to this packet; `None` where it does nothing.
fn done(rule: &FaultRule, turn: u64, frame: &[u8]) -> Option<FaultDone> {
    let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    Some(match rule.action {
        FaultAction::Drop => FaultDone::Dropped,
        FaultAction::Delay(delay) => {
            FaultDone::Delayed(u32::try_from(delay.as_millis()).unwrap_or(u32::MAX))
        }
        FaultAction::Duplicate => FaultDone::Duplicate,
        FaultAction::Corrupt(place) => {
            let at = match place {
                Some(at) => at.min(len.checked_sub(1)?),
                None => {
                    let seed = match rule.when {
                        FaultWhen::Chance { seed, .. } => seed,
                        _ => 0,
                    };
                    random(!seed, turn).u32(..len)
                }
            };
            FaultDone::Corrupted {
                at,
                was: *frame.get(at as usize)?,
            }
        }
        FaultAction::Truncate(to) if to < len => FaultDone::Truncated(len),
        FaultAction::Truncate(_) => return None,
        FaultAction::CutBefore => FaultDone::CutBefore,
        FaultAction::CutAfter => FaultDone::CutAfter,
    })
}

/// Random numbers that depend on the seed and on which packet it is, and on nothing else: connections need not agree on
/// who asks first.
fn random(seed: u64, turn: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use mqttwb_model::{ClientPattern, TopicFilter};

    use super::*;

    fn rule(name: &str, when: FaultWhen, action: FaultAction) -> FaultRule {
        FaultRule {
            name: name.into(),
            client: ClientPattern::any(),
            direction: None,
            packets: Vec::new(),
            topic: None,
            skip: 0,
            when,
            action,
        }
    }

    fn put(faults: &Faults, rules: Vec<FaultRule>) -> Result<(), FaultsError> {
        faults.change(|held| *held = rules)
    }

    fn set(rules: Vec<FaultRule>) -> Faults {
        let faults = Faults::default();
        put(&faults, rules).unwrap();
        faults
    }

    const PUBACK: &[u8] = &[0x40, 2, 0, 7];

    fn turns(faults: &Faults, times: usize) -> Vec<bool> {
        let rules = faults.of(&"c".into());
        let strike = |_| strike(&rules, Direction::ToClient, PUBACK, || None).is_some();
        (0..times).map(strike).collect()
    }

    #[test]
    fn a_count_says_which_of_the_packets_are_struck() {
        let of = |skip, when| {
            let rule = FaultRule {
                skip,
                ..rule("r", when, FaultAction::Drop)
            };
            turns(&set(vec![rule]), 6)
                .into_iter()
                .map(|struck| if struck { 'x' } else { '.' })
                .collect::<String>()
        };
        assert_eq!(of(0, FaultWhen::Always), "xxxxxx");
        assert_eq!(of(2, FaultWhen::Always), "..xxxx");
        assert_eq!(of(0, FaultWhen::First(2)), "xx....");
        assert_eq!(of(1, FaultWhen::First(2)), ".xx...");
        assert_eq!(of(0, FaultWhen::Every(2)), ".x.x.x");
        assert_eq!(of(1, FaultWhen::Every(3)), "...x..");
    }

    #[test]
    fn a_chance_strikes_as_often_as_it_says_and_the_same_packets_again() {
        let chance = |seed| {
            let when = FaultWhen::Chance {
                probability: 0.2,
                seed,
            };
            turns(&set(vec![rule("r", when, FaultAction::Drop)]), 10_000)
        };
        let struck = chance(7).into_iter().filter(|struck| *struck).count();
        assert!((1_800..2_200).contains(&struck), "{struck}");
        assert_eq!(chance(7), chance(7));
        assert_ne!(chance(7), chance(8));
    }

    #[test]
    fn the_first_rule_that_strikes_has_the_packet_and_each_counts_what_it_saw() {
        let faults = set(vec![
            FaultRule {
                topic: TopicFilter::try_from("a").ok(),
                ..rule("topic", FaultWhen::Always, FaultAction::Drop)
            },
            rule("once", FaultWhen::First(1), FaultAction::Truncate(3)),
            rule("too short", FaultWhen::Always, FaultAction::Truncate(4)),
            rule("all", FaultWhen::Always, FaultAction::Corrupt(Some(99))),
        ]);
        let rules = faults.of(&"c".into());
        let strike = || strike(&rules, Direction::ToBroker, PUBACK, || Some("a")).unwrap();
        assert_eq!(strike().done, FaultDone::Truncated(4));
        assert_eq!(strike().done, FaultDone::Corrupted { at: 3, was: 7 });
        let counted: Vec<_> = faults.list().iter().map(|s| (s.seen, s.struck)).collect();
        assert_eq!(counted, [(0, 0), (2, 1), (1, 0), (1, 1)]);
    }

    #[test]
    fn a_rule_that_stays_goes_on_counting_and_a_changed_one_begins_anew() {
        let stays = rule("stays", FaultWhen::Always, FaultAction::Drop);
        let changes = rule("changes", FaultWhen::Always, FaultAction::Drop);
        let faults = set(vec![changes.clone(), stays.clone()]);
        let version = faults.version();
        turns(&faults, 3);
        let changed = FaultRule { skip: 1, ..changes };
        put(&faults, vec![stays.clone(), changed]).unwrap();
        assert_ne!(faults.version(), version);
        let counted: Vec<_> = faults.list().iter().map(|s| s.seen).collect();
        assert_eq!(counted, [0, 0], "the first of the two had all packets");
        turns(&faults, 2);
        assert_eq!(faults.list()[0].seen, 2);
        put(&faults, vec![stays]).unwrap();
        assert_eq!(faults.list()[0].seen, 2);
    }

    #[test]
    fn rules_of_one_name_or_too_many_or_wrong_ones_are_refused_and_nothing_changes() {
        let one = rule("one", FaultWhen::Always, FaultAction::Drop);
        let faults = set(vec![one.clone()]);
        let twice = vec![one.clone(), one.clone()];
        assert_eq!(put(&faults, twice), Err(FaultsError::Twice("one".into())));
        let wrong = rule("", FaultWhen::Always, FaultAction::Drop);
        assert!(matches!(
            put(&faults, vec![wrong]),
            Err(FaultsError::Rule { .. })
        ));
        let many = (0..101).map(|n| FaultRule {
            name: n.to_string().into(),
            ..one.clone()
        });
        assert_eq!(put(&faults, many.collect()), Err(FaultsError::TooMany(101)));
        assert_eq!(faults.list().len(), 1);
    }
}
