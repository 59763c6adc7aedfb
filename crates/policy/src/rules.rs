//! All rules together, and the verdict on what somebody wants.
//!
//! The first rule that matches decides. A publish is one topic. A subscription is every topic that its filter can match:
//! it is allowed where for each of them the first rule that matches allows; so a deny that overlaps it decides, unless
//! the rules before it allow all of the overlap, and allowances that cover the filter only together do cover it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use mqttwb_model::{QoS, TopicFilter};

use crate::pattern::{is_covered, meet};
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

/// The trees of one kind of subject.
#[derive(Debug, Clone, Default)]
struct Trees {
    publish: Tree,
    subscribe: Tree,
}

type ByName = HashMap<Box<str>, Trees, RandomState>;

/// Rules in their order, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Who is in which groups, by the name of an account or a certificate.
    groups: BTreeMap<String, Vec<String>>,
    memberships: HashMap<Box<str>, Vec<Box<str>>, RandomState>,
    /// A pattern of a rule: the rule and the pattern, by their places.
    entries: Vec<(u32, u32)>,
    everybody: Trees,
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
                let put = |trees: &mut Trees| {
                    if rule.action.publishes() {
                        trees.publish.insert(pattern, entry);
                    }
                    if rule.action.subscribes() {
                        trees.subscribe.insert(pattern, entry);
                    }
                };
                if rule.subjects.is_everybody() {
                    put(&mut all.everybody);
                }
                let named = [
                    (&rule.subjects.accounts, &mut all.by_account),
                    (&rule.subjects.certificates, &mut all.by_certificate),
                    (&rule.subjects.groups, &mut all.by_group),
                    (&rule.subjects.clients, &mut all.by_client),
                ];
                for (names, trees) in named {
                    for name in names {
                        put(trees.entry(name.as_str().into()).or_default());
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
        each(&self.everybody);
        let named = [
            (who.account, &self.by_account),
            (who.certificate, &self.by_certificate),
            (Some(who.client), &self.by_client),
        ];
        for (name, trees) in named {
            if !trees.is_empty()
                && let Some(trees) = name.and_then(|name| trees.get(name))
            {
                each(trees);
            }
        }
        if !self.by_group.is_empty() {
            let own = who.groups.iter().map(|group| &**group);
            for group in own.chain(self.groups_of(who)) {
                if let Some(trees) = self.by_group.get(group) {
                    each(trees);
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
        match want {
            Want::Publish { topic, .. } => {
                let mut best = u32::MAX;
                self.of(who, |trees| trees.publish.first(topic, who, &mut best));
                match self.entries.get(best as usize) {
                    Some((place, _)) => self.by_rule(*place, want),
                    None => Self::by_default(),
                }
            }
            Want::Subscribe { filter, .. } => self.on_filter(who, filter, want),
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

    fn on_filter(&self, who: &Who<'_>, filter: &TopicFilter, want: &Want<'_>) -> Verdict<'_> {
        let levels: Vec<&str> = filter.pattern().split('/').collect();
        let wanted: Vec<Cow<'_, str>> = levels.iter().map(|level| Cow::Borrowed(*level)).collect();
        // Most often the first rule decides: the others need not be looked for.
        let mut first = First(None);
        self.of(who, |trees| {
            trees.subscribe.overlapping(&levels, who, &mut first);
        });
        let Some(first) = first.0 else {
            return Self::by_default();
        };
        if let Some(both) = self.in_common(first, who, &wanted) {
            let verdict = self.by_rule(self.entries[first as usize].0, want);
            if !verdict.allowed || both == wanted {
                return verdict;
            }
        }
        let mut found = Vec::new();
        self.of(who, |trees| {
            trees.subscribe.overlapping(&levels, who, &mut found);
        });
        found.sort_unstable();
        found.dedup();
        let mut allowed: Vec<Vec<Cow<'_, str>>> = Vec::new();
        let mut last = None;
        for entry in found {
            let Some(both) = self.in_common(entry, who, &wanted) else {
                continue;
            };
            let verdict = self.by_rule(self.entries[entry as usize].0, want);
            if !verdict.allowed {
                if is_covered(&both, &allowed) {
                    continue; // rules before it allow all of that
                }
                return verdict;
            }
            last = Some(verdict);
            if both == wanted {
                return verdict;
            }
            allowed.push(both);
        }
        match last {
            Some(verdict) if is_covered(&wanted, &allowed) => verdict,
            _ => Self::by_default(),
        }
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
