//! All rules together, and the verdict on what somebody wants.
//!
//! The first rule that matches decides. A publish is one topic. A subscription is every topic that its filter can match:
//! it is allowed where for each of them the first rule that matches allows; so a deny that overlaps it decides, unless
//! the rules before it allow all of the overlap, and allowances that cover the filter only together do cover it.
//!
//! Whether rules cover a filter, its most general topics say: levels are words without end, so a filter is covered where those
//! of its topics are that have a word which no rule can name in the place of each wildcard, one for each length. So what
//! allows is never looked through, however much of it there is; what refuses is, and only where a rule before it allows
//! all that it would.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use mqttwb_model::{QoS, TopicFilter};

use crate::pattern::{Part, TopicPattern, is_wild, meet};
use crate::rule::{Effect, Limits, Rule};
use crate::tree::{First, Tree};

/// Who wants something, as far as that is proved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Who<'a> {
    /// Client identifier; chosen by the client.
    pub client: &'a str,
    /// The user name, where an account, a token or a method of authentication has proved it.
    pub account: Option<&'a str>,
    /// The name in its certificate.
    pub certificate: Option<&'a str>,
    /// Groups that it is in, besides those that the rules' file tells of.
    pub groups: &'a [Arc<str>],
    /// What its token says.
    pub claims: Option<&'a BTreeMap<String, String>>,
}

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want<'a> {
    /// To publish, now or as a last will.
    Publish {
        /// Topic name.
        topic: &'a str,
        /// QoS.
        qos: QoS,
        /// Retained.
        retain: bool,
    },
    /// To subscribe.
    Subscribe {
        /// The filter; a share's inner one counts.
        filter: &'a TopicFilter,
        /// The most that is asked for.
        qos: QoS,
    },
}

/// The limit of an allowance that is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// QoS.
    QoS(QoS),
    /// Retain.
    Retain,
    /// Levels before the first wildcard.
    FixedLevels(u32),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QoS(most) => write!(f, "it allows QoS {} at most", u8::from(*most)),
            Self::Retain => f.write_str("it allows no retained messages"),
            Self::FixedLevels(1) => f.write_str("it asks for one level before the first wildcard"),
            Self::FixedLevels(n) => write!(f, "it asks for {n} levels before the first wildcard"),
        }
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// There are no rules.
    NoRules,
    /// No rule allows it.
    Default,
    /// A rule, by the place that it has among the rules, from 0.
    Rule {
        /// Its place.
        place: usize,
        /// The rule.
        rule: &'a Rule,
        /// It would allow, but for this.
        exceeded: Option<Exceeded>,
    },
}

/// The verdict, and what decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// Whether it may be.
    pub allowed: bool,
    /// What decided.
    pub decision: Decision<'a>,
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision {
            Decision::NoRules => f.write_str("there are no access rules"),
            Decision::Default => f.write_str("no access rule allows it"),
            Decision::Rule {
                rule,
                exceeded: Some(exceeded),
                ..
            } => write!(f, "{rule}: {exceeded}"),
            Decision::Rule { rule, .. } => write!(f, "{rule}"),
        }
    }
}

/// A word that is in no rule and no name: no topic may hold U+0000 `[MQTT-4.7.3-2]`.
const UNHEARD: &str = "\0";

/// The patterns of a subject that need the same to be known of somebody.
#[derive(Debug, Clone, Default)]
struct Trees {
    publish: Tree,
    subscribe: Tree,
    /// Those of `subscribe` again that may refuse one: always, or where these limits are passed.
    refusing: Vec<(Option<Limits>, Tree)>,
}

impl Trees {
    fn put(&mut self, rule: &Rule, pattern: &TopicPattern, entry: u32) {
        if rule.action.publishes() {
            self.publish.insert(pattern, entry);
        }
        if !rule.action.subscribes() {
            return;
        }
        self.subscribe.insert(pattern, entry);
        let limits = match rule.effect {
            Effect::Deny => None,
            // A subscription retains nothing.
            Effect::Allow => Some(Limits {
                retain: None,
                ..rule.limits
            }),
        };
        if limits == Some(Limits::default()) {
            return;
        }
        let known = self.refusing.iter().position(|(of, _)| *of == limits);
        let at = known.unwrap_or_else(|| {
            self.refusing.push((limits, Tree::default()));
            self.refusing.len() - 1
        });
        self.refusing[at].1.insert(pattern, entry);
    }
}

/// The patterns of a subject, by what must be known of somebody to fill them in: who lacks one of it is meant by none of
/// them.
#[derive(Debug, Clone, Default)]
struct Patterns(Vec<(Box<[Part]>, Trees)>);

impl Patterns {
    fn put(&mut self, rule: &Rule, pattern: &TopicPattern, entry: u32) {
        let needs = pattern.placeholders();
        let known = self.0.iter().position(|(of, _)| *of == needs);
        let at = known.unwrap_or_else(|| {
            self.0.push((needs, Trees::default()));
            self.0.len() - 1
        });
        self.0[at].1.put(rule, pattern, entry);
    }

    /// Those that can be filled in for somebody.
    fn of<'a>(&'a self, who: &Who<'_>) -> impl Iterator<Item = &'a Trees> {
        self.0
            .iter()
            .filter(|(needs, _)| needs.iter().all(|part| part.value(who).is_some()))
            .map(|(_, trees)| trees)
    }
}

type ByName = HashMap<Box<str>, Patterns, RandomState>;

/// Rules in their order, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Who is in which groups, by the name of an account or a certificate.
    groups: BTreeMap<String, Vec<String>>,
    memberships: HashMap<Box<str>, Vec<Box<str>>, RandomState>,
    /// A pattern of a rule: the rule and the pattern, by their places.
    entries: Vec<(u32, u32)>,
    /// Levels of the longest pattern.
    deepest: usize,
    everybody: Patterns,
    by_account: ByName,
    by_certificate: ByName,
    by_group: ByName,
    by_client: ByName,
}

impl Rules {
    /// These rules, and the groups that they know: names of accounts and certificates by group.
    pub fn new(rules: Vec<Rule>, groups: BTreeMap<String, Vec<String>>) -> Self {
        let mut all = Self::default();
        for (group, names) in &groups {
            for name in names {
                let of = all.memberships.entry(name.as_str().into()).or_default();
                of.push(group.as_str().into());
            }
        }
        for (place, rule) in (0u32..).zip(&rules) {
            for (at, pattern) in (0u32..).zip(&rule.topics) {
                let entry = u32::try_from(all.entries.len()).unwrap_or(u32::MAX);
                all.entries.push((place, at));
                all.deepest = all.deepest.max(pattern.levels.len());
                if rule.subjects.is_everybody() {
                    all.everybody.put(rule, pattern, entry);
                }
                let named = [
                    (&rule.subjects.accounts, &mut all.by_account),
                    (&rule.subjects.certificates, &mut all.by_certificate),
                    (&rule.subjects.groups, &mut all.by_group),
                    (&rule.subjects.clients, &mut all.by_client),
                ];
                for (names, patterns) in named {
                    for name in names {
                        let of_one = patterns.entry(name.as_str().into()).or_default();
                        of_one.put(rule, pattern, entry);
                    }
                }
            }
        }
        all.rules = rules;
        all.groups = groups;
        all
    }

    /// The rules, in their order.
    pub fn list(&self) -> &[Rule] {
        &self.rules
    }

    /// The groups of the file.
    pub fn groups(&self) -> &BTreeMap<String, Vec<String>> {
        &self.groups
    }

    /// Whether there are none: then everything is allowed.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Groups of the file that somebody is in.
    pub fn groups_of<'a>(&'a self, who: &Who<'_>) -> impl Iterator<Item = &'a str> + use<'a> {
        let of = |name: Option<&str>| name.and_then(|name| self.memberships.get(name));
        let (account, certificate) = (of(who.account), of(who.certificate));
        account
            .into_iter()
            .chain(certificate)
            .flatten()
            .map(|group| &**group)
    }

    /// What is for somebody.
    fn of(&self, who: &Who<'_>, mut each: impl FnMut(&Trees)) {
        self.everybody.of(who).for_each(&mut each);
        let named = [
            (who.account, &self.by_account),
            (who.certificate, &self.by_certificate),
            (Some(who.client), &self.by_client),
        ];
        for (name, patterns) in named {
            if !patterns.is_empty()
                && let Some(patterns) = name.and_then(|name| patterns.get(name))
            {
                patterns.of(who).for_each(&mut each);
            }
        }
        if !self.by_group.is_empty() {
            let own = who.groups.iter().map(|group| &**group);
            for group in own.chain(self.groups_of(who)) {
                if let Some(patterns) = self.by_group.get(group) {
                    patterns.of(who).for_each(&mut each);
                }
            }
        }
    }

    /// The verdict on what somebody wants.
    pub fn verdict(&self, who: &Who<'_>, want: &Want<'_>) -> Verdict<'_> {
        if self.is_empty() {
            return Verdict {
                allowed: true,
                decision: Decision::NoRules,
            };
        }
        let decided = match want {
            Want::Publish { topic, .. } => {
                let mut best = u32::MAX;
                self.of(who, |trees| trees.publish.first(topic, who, &mut best));
                (best != u32::MAX).then_some(best)
            }
            Want::Subscribe { filter, .. } => {
                let levels: Vec<&str> = filter.pattern().split('/').collect();
                // One topic is decided by its first rule, whatever that says.
                let refuses = match levels.iter().any(|level| is_wild(level)) {
                    true => self.refuses(who, &levels, want),
                    false => None,
                };
                refuses.or_else(|| self.cover(who, &levels, u32::MAX))
            }
        };
        match decided {
            Some(entry) => self.by_rule(self.entries[entry as usize].0, want),
            None => Self::by_default(),
        }
    }

    fn by_default() -> Verdict<'static> {
        Verdict {
            allowed: false,
            decision: Decision::Default,
        }
    }

    fn by_rule(&self, place: u32, want: &Want<'_>) -> Verdict<'_> {
        let place = place as usize;
        let rule = &self.rules[place];
        let exceeded = match rule.effect {
            Effect::Allow => exceeded(&rule.limits, want),
            Effect::Deny => None,
        };
        Verdict {
            allowed: rule.effect == Effect::Allow && exceeded.is_none(),
            decision: Decision::Rule {
                place,
                rule,
                exceeded,
            },
        }
    }

    /// The first entry that refuses some of what a filter matches, where no entry before it allows all of that.
    fn refuses(&self, who: &Who<'_>, levels: &[&str], want: &Want<'_>) -> Option<u32> {
        let refusing = |found: &mut dyn FnMut(&Tree)| {
            self.of(who, |trees| {
                for (limits, tree) in &trees.refusing {
                    if limits.is_none_or(|limits| exceeded(&limits, want).is_some()) {
                        found(tree);
                    }
                }
            });
        };
        let mut first = First(None);
        refusing(&mut |tree| tree.overlapping(levels, who, &mut first));
        let first = first.0?;
        let wanted: Vec<Cow<'_, str>> = levels.iter().map(|level| Cow::Borrowed(*level)).collect();
        let is_left = |entry: &u32| {
            let both = self.in_common(*entry, who, &wanted);
            both.is_some_and(|both| self.cover(who, &both, *entry).is_none())
        };
        if is_left(&first) {
            return Some(first);
        }
        let mut others = Vec::new();
        refusing(&mut |tree| tree.overlapping(levels, who, &mut others));
        others.sort_unstable();
        others.dedup();
        others.into_iter().find(is_left)
    }

    /// What the pattern of an entry and a filter have in common.
    fn in_common<'a>(
        &'a self,
        entry: u32,
        who: &Who<'a>,
        wanted: &[Cow<'a, str>],
    ) -> Option<Vec<Cow<'a, str>>> {
        let (place, at) = self.entries[entry as usize];
        let pattern = &self.rules[place as usize].topics[at as usize];
        meet(wanted, &pattern.fill(who)?)
    }

    /// Whether the entries before this one match all that a filter matches: the last of them that it takes, each of its most
    /// general topics being matched by its first.
    fn cover(&self, who: &Who<'_>, filter: &[impl AsRef<str>], before: u32) -> Option<u32> {
        let (fixed, is_open) = match filter.split_last() {
            Some((last, fixed)) if last.as_ref() == "#" => (fixed, true),
            _ => (filter, false),
        };
        // Of topics that are longer than every pattern all fare alike.
        let longest = match is_open {
            true => fixed.len().max(self.deepest + 1),
            false => fixed.len(),
        };
        let mut topic = String::new();
        let mut last = 0;
        for at in 0..longest {
            if at > 0 {
                topic.push('/');
            }
            topic.push_str(match fixed.get(at).map(AsRef::as_ref) {
                Some("+") | None => UNHEARD,
                Some(level) => level,
            });
            if at + 1 < fixed.len() {
                continue;
            }
            let mut best = before;
            self.of(who, |trees| trees.subscribe.first(&topic, who, &mut best));
            if best == before {
                return None;
            }
            last = last.max(best);
        }
        Some(last)
    }
}

fn exceeded(limits: &Limits, want: &Want<'_>) -> Option<Exceeded> {
    let (Want::Publish { qos, .. } | Want::Subscribe { qos, .. }) = want;
    if let Some(most) = limits.max_qos.filter(|most| qos > most) {
        return Some(Exceeded::QoS(most));
    }
    match want {
        Want::Publish { retain, .. } => {
            (*retain && limits.retain == Some(false)).then_some(Exceeded::Retain)
        }
        Want::Subscribe { filter, .. } => {
            let pattern = filter.pattern();
            if !pattern.contains(['+', '#']) {
                return None;
            }
            let fixed = pattern
                .split('/')
                .take_while(|level| !matches!(*level, "+" | "#"))
                .count();
            (fixed < limits.fixed_levels as usize)
                .then_some(Exceeded::FixedLevels(limits.fixed_levels))
        }
    }
}
