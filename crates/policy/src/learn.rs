//! Rules learned from what was seen: the narrowest that would have allowed it.
//!
//! Duty: remember who did what, and write rules for what no rule speaks of. Not here: watching, the clock.
//! Invariant: the rules that are there and those that are proposed allow everything that was seen, but for what a rule
//! denies and what is counted as not kept; each proposed rule is bound to those who were seen. Memory is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mqttwb_model::QoS;

use crate::pattern::{TopicPattern, is_hidden};
use crate::rule::{Action, Effect, Limits, Rule, Subjects};
use crate::rules::{Decision, Verdict, Want, Who};

/// Different things that are remembered.
pub const KEPT: usize = 20_000;
/// Topics of somebody that differ in one level, from which on a wildcard stands for that level.
pub const WIDE: usize = 20;

/// By what somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Known {
    Account,
    Certificate,
    Client,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Doer {
    known: Known,
    name: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Deed {
    doer: Doer,
    action: Action,
    /// Topic name or filter, without `$share/NAME/`.
    topic: Box<str>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    qos: u8,
    retain: bool,
}

impl Extent {
    fn grow(&mut self, by: Self) {
        self.qos = self.qos.max(by.qos);
        self.retain |= by.retain;
    }
}

/// What was said to it by the rules of then.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stand {
    /// A rule allowed it.
    Allowed,
    /// A rule denied it.
    Denied(String),
    /// No rule spoke of it, so far.
    Open(Extent),
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    seen: BTreeMap<Deed, Stand>,
    forgotten: u64,
}

/// Rules for what was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The rules, bound to those who were seen.
    pub rules: Vec<Rule>,
    /// Things that the rules that are there allow already.
    pub allowed: u32,
    /// Things that a rule denies: they are left out.
    pub denied: Vec<String>,
    /// Things that no rule can name: a topic with braces in it.
    pub unsayable: Vec<String>,
    /// Rules in which a wildcard stands for a level that had many values: how many patterns.
    pub widened: u32,
}

impl Proposal {
    /// The rules as text, to stand behind those that are there.
    pub fn text(&self) -> String {
        crate::write(&self.rules, &BTreeMap::new())
    }
}

impl Learned {
    /// Somebody wants something, and this is said to it.
    pub fn see(&mut self, who: &Who<'_>, want: &Want<'_>, verdict: &Verdict<'_>) {
        let (known, name) = match (who.account, who.certificate) {
            (Some(account), _) => (Known::Account, account),
            (None, Some(certificate)) => (Known::Certificate, certificate),
            (None, None) => (Known::Client, who.client),
        };
        let (action, topic, extent) = match *want {
            Want::Publish { topic, qos, retain } => (
                Action::Publish,
                topic,
                Extent {
                    qos: qos.into(),
                    retain,
                },
            ),
            Want::Subscribe { filter, qos } => (
                Action::Subscribe,
                filter.pattern(),
                Extent {
                    qos: qos.into(),
                    retain: false,
                },
            ),
        };
        let deed = Deed {
            doer: Doer {
                known,
                name: name.into(),
            },
            action,
            topic: topic.into(),
        };
        let full = self.seen.len() >= KEPT;
        let stand = match verdict.decision {
            Decision::NoRules | Decision::Default => Stand::Open(extent),
            Decision::Rule { .. } if verdict.allowed => Stand::Allowed,
            Decision::Rule { .. } => Stand::Denied(verdict.to_string()),
        };
        match (self.seen.get_mut(&deed), stand) {
            (Some(Stand::Open(before)), Stand::Open(extent)) => before.grow(extent),
            (Some(Stand::Open(_)), _) => {}
            (Some(before), stand) => *before = stand,
            (None, _) if full => self.forgotten += 1,
            (None, stand) => drop(self.seen.insert(deed, stand)),
        }
    }

    /// Different things that were seen.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Times that something was seen for which there was no room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The narrowest rules that would have allowed what no rule spoke of.
    pub fn propose(&self) -> Proposal {
        let mut proposal = Proposal::default();
        let mut wanted: Wanted = BTreeMap::new();
        for (deed, stand) in &self.seen {
            match (stand, pattern_of(deed)) {
                (Stand::Allowed, _) => proposal.allowed += 1,
                (Stand::Denied(why), _) => proposal.denied.push(format!("{}: {why}", told(deed))),
                (Stand::Open(_), None) => proposal.unsayable.push(told(deed)),
                (Stand::Open(extent), Some(pattern)) => {
                    let of = (deed.doer.clone(), deed.action);
                    let patterns = wanted.entry(of).or_default();
                    patterns.entry(pattern).or_default().grow(*extent);
                }
            }
        }
        for patterns in wanted.values_mut() {
            proposal.widened += widen(patterns);
            // An allowance whose limit is passed denies. So all of somebody's have the same limits: none of them stands
            // in the way of another that it overlaps.
            let mut all = Extent::default();
            patterns.values().for_each(|extent| all.grow(*extent));
            patterns.values_mut().for_each(|extent| *extent = all);
        }
        proposal.rules = rules_of(wanted);
        proposal
    }
}

/// What is to be allowed: patterns, by who does what.
type Wanted = BTreeMap<(Doer, Action), BTreeMap<String, Extent>>;

fn told(deed: &Deed) -> String {
    format!("{} {} {}", deed.doer.name, deed.action, deed.topic)
}

/// The topic with the doer's own name in it as a placeholder; `None` where no pattern says it.
fn pattern_of(deed: &Deed) -> Option<String> {
    if deed.topic.contains('{') {
        return None;
    }
    let placeholder = match deed.doer.known {
        Known::Account => "{user}",
        Known::Certificate => "{cn}",
        Known::Client => "{client}",
    };
    let own = &*deed.doer.name;
    let levels = deed.topic.split('/').enumerate().map(|(at, level)| {
        // What begins with $ is matched by what begins with $ alone.
        let is_own =
            level == own && !(at == 0 && is_hidden(level)) && !matches!(level, "" | "+" | "#");
        if is_own { placeholder } else { level }
    });
    let pattern = levels.collect::<Vec<_>>().join("/");
    TopicPattern::try_from(pattern.as_str()).ok()?;
    Some(pattern)
}

/// Puts a wildcard in the place of a level that has many values, in patterns that are the same otherwise. How often.
fn widen(patterns: &mut BTreeMap<String, Extent>) -> u32 {
    let mut widened = 0;
    let deepest = patterns
        .keys()
        .map(|p| p.split('/').count())
        .max()
        .unwrap_or(0);
    for at in 0..deepest {
        let mut alike: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for pattern in patterns.keys() {
            let mut levels: Vec<&str> = pattern.split('/').collect();
            let Some(level) = levels.get(at) else {
                continue;
            };
            // A wildcard or placeholder is wide already, and $ is not matched by one.
            if level.contains(['+', '#', '{']) || (at == 0 && is_hidden(level)) {
                continue;
            }
            levels[at] = "+";
            alike
                .entry(levels.join("/"))
                .or_default()
                .insert(pattern.clone());
        }
        for (wide, narrow) in alike.into_iter().filter(|(_, narrow)| narrow.len() >= WIDE) {
            let mut extent = Extent::default();
            for pattern in narrow {
                extent.grow(patterns.remove(&pattern).unwrap_or_default());
            }
            patterns.insert(wide, extent);
            widened += 1;
        }
    }
    widened
}

/// One rule for all who did the same, and one for all topics of the same.
fn rules_of(wanted: Wanted) -> Vec<Rule> {
    // Who did the same, by what and how far. Accounts come before certificates and those before client identifiers: who has
    // an account is meant by rules for his client identifier too.
    type Same = (Known, Action, String, u8, bool);
    let mut by_deed: BTreeMap<Same, BTreeSet<Box<str>>> = BTreeMap::new();
    for ((Doer { known, name }, action), patterns) in wanted {
        for (pattern, Extent { qos, retain }) in patterns {
            let doers = by_deed.entry((known, action, pattern, qos, retain));
            doers.or_default().insert(name.clone());
        }
    }
    type Group = (Known, BTreeSet<Box<str>>, Action, u8, bool);
    let mut by_group: BTreeMap<Group, Vec<String>> = BTreeMap::new();
    for ((known, action, pattern, qos, retain), doers) in by_deed {
        let group = (known, doers, action, qos, retain);
        by_group.entry(group).or_default().push(pattern);
    }
    by_group
        .into_iter()
        .map(|((known, doers, action, qos, retain), patterns)| {
            let mut subjects = Subjects::default();
            let list = match known {
                Known::Account => &mut subjects.accounts,
                Known::Certificate => &mut subjects.certificates,
                Known::Client => &mut subjects.clients,
            };
            list.extend(doers.into_iter().map(String::from));
            Rule {
                name: name_of(&subjects, action),
                line: 0,
                effect: Effect::Allow,
                action,
                topics: patterns
                    .iter()
                    .filter_map(|pattern| TopicPattern::try_from(pattern.as_str()).ok())
                    .collect(),
                subjects,
                limits: Limits {
                    max_qos: QoS::try_from(qos)
                        .ok()
                        .filter(|qos| *qos < QoS::ExactlyOnce),
                    retain: (action.publishes() && !retain).then_some(false),
                    fixed_levels: 0,
                },
            }
        })
        .collect()
}

fn name_of(subjects: &Subjects, action: Action) -> String {
    let all: Vec<&str> = [
        &subjects.accounts,
        &subjects.certificates,
        &subjects.clients,
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
    .collect();
    let mut name = format!(
        "learned: {action} of {}",
        all.first().copied().unwrap_or_default()
    );
    if all.len() > 1 {
        let _ = write!(name, " and {} more", all.len() - 1);
    }
    name
}

#[cfg(test)]
mod tests {
    use mqttwb_model::TopicFilter;

    use super::*;
    use crate::Rules;

    fn publish(topic: &str) -> Want<'_> {
        Want::Publish {
            topic,
            qos: QoS::AtLeastOnce,
            retain: false,
        }
    }

    fn client(client: &str) -> Who<'_> {
        Who {
            client,
            ..Who::default()
        }
    }

    fn see(learned: &mut Learned, rules: &Rules, who: &Who<'_>, want: &Want<'_>) {
        learned.see(who, want, &rules.verdict(who, want));
    }

    #[test]
    fn who_did_the_same_is_in_one_rule_with_his_name_in_the_topic() {
        let (mut learned, rules) = (Learned::default(), Rules::default());
        for name in ["pump-1", "pump-2"] {
            let topic = format!("devices/{name}/state");
            see(&mut learned, &rules, &client(name), &publish(&topic));
            see(&mut learned, &rules, &client(name), &publish("plant/clock"));
        }
        let filter = TopicFilter::try_from("$share/g/devices/#").unwrap();
        let ann = Who {
            client: "desk",
            account: Some("ann"),
            ..Who::default()
        };
        let (filter, qos) = (&filter, QoS::AtMostOnce);
        see(&mut learned, &rules, &ann, &Want::Subscribe { filter, qos });
        assert_eq!(
            learned.propose().text(),
            "[[rule]]\nname = \"learned: subscribe of ann\"\nallow = \"subscribe\"\ntopic = \"devices/#\"\naccounts = [\"ann\"]\nmax_qos = 0\n\n\
             [[rule]]\nname = \"learned: publish of pump-1 and 1 more\"\nallow = \"publish\"\ntopics = [\"devices/{client}/state\", \"plant/clock\"]\n\
             clients = [\"pump-1\", \"pump-2\"]\nmax_qos = 1\nretain = false\n"
        );
    }

    #[test]
    fn what_rules_speak_of_is_not_proposed() {
        let rules = Rules::parse(
            "[[rule]]\ndeny = \"publish\"\ntopic = \"secret/#\"\n[[rule]]\nallow = \"publish\"\ntopic = \"open/#\"\n",
        )
        .unwrap();
        let mut learned = Learned::default();
        for topic in ["secret/x", "open/x", "other/x", "braces/{x}"] {
            see(&mut learned, &rules, &client("c"), &publish(topic));
        }
        let proposal = learned.propose();
        assert_eq!(proposal.allowed, 1);
        assert_eq!(
            proposal.denied,
            ["c publish secret/x: rule at line 1 (deny publish)"]
        );
        assert_eq!(proposal.unsayable, ["c publish braces/{x}"]);
        assert_eq!(proposal.rules.len(), 1);
        assert_eq!(proposal.rules[0].topics[0].as_str(), "other/x");
    }

    #[test]
    fn a_level_with_many_values_becomes_a_wildcard_and_is_counted() {
        let (mut learned, rules) = (Learned::default(), Rules::default());
        for n in 0..WIDE {
            let topic = format!("meters/{n}/power");
            see(&mut learned, &rules, &client("gateway"), &publish(&topic));
        }
        let proposal = learned.propose();
        assert_eq!(proposal.widened, 1);
        assert_eq!(proposal.rules[0].topics[0].as_str(), "meters/+/power");
    }

    #[test]
    fn memory_is_bounded_and_what_finds_no_room_is_counted() {
        let (mut learned, rules) = (Learned::default(), Rules::default());
        for n in 0..KEPT + 5 {
            let topic = format!("t/{n}");
            see(&mut learned, &rules, &client("c"), &publish(&topic));
        }
        assert_eq!((learned.len(), learned.forgotten()), (KEPT, 5));
    }
}
