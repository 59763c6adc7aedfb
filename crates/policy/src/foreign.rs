//! Access rules as other brokers write them: mosquitto's ACL file, read and written, and EMQX's `acl.conf`, written.
//!
//! Duty: say the same in the other's words, and of everything that can't be said there which rule, and what becomes of
//! it. Not here: files. Invariant: what can't be said the same is never said more widely than the rule, but where a note
//! says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mqttwb_model::QoS;

use crate::pattern::TopicPattern;
use crate::rule::{Action, Effect, Limits, Rule, Subjects};
use crate::rules::Rules;

/// Rules in other words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translated {
    /// The file.
    pub text: String,
    /// What is not the same there, a sentence each.
    pub notes: Vec<String>,
}

/// A format that rules can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// mosquitto's `acl_file`.
    Mosquitto,
    /// EMQX's `acl.conf`.
    Emqx,
}

/// Reads mosquitto's ACL file and writes `acl.toml`. Lines that can't be taken are in the notes, with their numbers.
pub fn from_mosquitto(text: &str) -> Translated {
    let mut reading = Reading::default();
    for (number, line) in (1u32..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(why) = reading.line(line) {
            reading
                .notes
                .push(format!("line {number} is not taken: {why}"));
        }
    }
    reading.end()
}

/// Whom a line of mosquitto's is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    /// Before the first user: clients without a user name.
    Nameless,
    User(String),
    /// `pattern`: everybody, after what is for the user.
    Everybody,
}

#[derive(Default)]
struct Reading {
    user: Option<String>,
    /// Rules by section, denials first, as mosquitto looks at them.
    sections: BTreeMap<Section, (Vec<Rule>, Vec<Rule>)>,
    notes: Vec<String>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "user" if !rest.is_empty() => {
                self.user = Some(rest.to_owned());
                Ok(())
            }
            "topic" => {
                let section = self.user.clone().map_or(Section::Nameless, Section::User);
                // Per cent signs and braces are letters here; only braces mean something to a rule.
                self.add(section, rest, |topic| topic.to_owned())
            }
            "pattern" => self.add(Section::Everybody, rest, |topic| {
                topic.replace("%c", "{client}").replace("%u", "{user}")
            }),
            other => Err(format!("expected user, topic or pattern, found {other:?}")),
        }
    }

    fn add(
        &mut self,
        section: Section,
        rest: &str,
        named: impl Fn(&str) -> String,
    ) -> Result<(), String> {
        let access = rest.split_once(char::is_whitespace);
        let (effect, action, topic) = match access {
            Some(("read", topic)) => (Effect::Allow, Action::Subscribe, topic.trim()),
            Some(("write", topic)) => (Effect::Allow, Action::Publish, topic.trim()),
            Some(("readwrite", topic)) => (Effect::Allow, Action::Both, topic.trim()),
            Some(("deny", topic)) => (Effect::Deny, Action::Both, topic.trim()),
            _ => (Effect::Allow, Action::Both, rest),
        };
        if topic.contains(['{', '}']) {
            return Err("braces in a topic stand for placeholders here".into());
        }
        let pattern = TopicPattern::try_from(named(topic).as_str())
            .map_err(|error| format!("{topic:?}: {error}"))?;
        let mut subjects = Subjects::default();
        if let Section::User(name) = &section {
            subjects.accounts.push(name.clone());
        }
        let (denials, allowances) = self.sections.entry(section).or_default();
        let list = match effect {
            Effect::Deny => denials,
            Effect::Allow => allowances,
        };
        // Lines of one kind are one rule.
        if let Some(last) = list.last_mut().filter(|last| last.action == action) {
            last.topics.push(pattern);
            return Ok(());
        }
        list.push(Rule {
            name: String::new(),
            line: 0,
            effect,
            action,
            topics: vec![pattern],
            subjects,
            limits: Limits::default(),
        });
        Ok(())
    }

    fn end(mut self) -> Translated {
        let mut take = |section: &Section| {
            let (denials, allowances) = self.sections.remove(section).unwrap_or_default();
            denials.into_iter().chain(allowances).collect::<Vec<_>>()
        };
        let nameless = take(&Section::Nameless);
        let everybody = take(&Section::Everybody);
        let mut notes = Vec::new();
        if !nameless.is_empty() {
            notes.push(
                "topic lines before the first user are for clients without a user name; here those rules are for everybody \
                 whom no rule before them speaks of"
                    .to_owned(),
            );
        }
        let of_users = self.sections.into_values();
        let mut rules: Vec<Rule> = of_users
            .flat_map(|(denials, allowances)| denials.into_iter().chain(allowances))
            .collect();
        rules.extend(everybody);
        rules.extend(nameless);
        if rules.iter().any(|rule| rule.action.subscribes()) {
            notes.push(
                "mosquitto takes every subscription and leaves out what may not be read; here a subscription that reaches \
                 further than its rules is refused"
                    .to_owned(),
            );
        }
        notes.append(&mut self.notes);
        let mut text = String::new();
        for note in &notes {
            let _ = writeln!(text, "# {note}");
        }
        if !notes.is_empty() && !rules.is_empty() {
            text.push('\n');
        }
        text.push_str(&crate::write(&rules, &BTreeMap::new()));
        Translated { text, notes }
    }
}

/// A rule as a note names it.
fn named(rule: &Rule) -> String {
    rule.to_string()
}

impl Rules {
    /// These rules in the words of another broker. `accounts` are the groups of accounts, by name.
    pub fn translated(&self, to: Format, accounts: &BTreeMap<String, Vec<String>>) -> Translated {
        let members = |group: &str| -> BTreeSet<String> {
            let of_file = self.groups().get(group).into_iter().flatten().cloned();
            let of_accounts = accounts
                .iter()
                .filter(|(_, groups)| groups.iter().any(|own| own == group))
                .map(|(name, _)| name.clone());
            of_file.chain(of_accounts).collect()
        };
        match to {
            Format::Mosquitto => mosquitto(self.list(), members),
            Format::Emqx => emqx(self.list(), members),
        }
    }
}

/// A pattern with its placeholders called as another broker calls them; `None` where it has no word for one.
fn renamed(pattern: &str, names: &[(&str, &str)]) -> Option<String> {
    let mut text = pattern.to_owned();
    for (ours, theirs) in names {
        text = text.replace(ours, theirs);
    }
    let left = text.replace("${", "");
    (!left.contains('{')).then_some(text)
}

fn mosquitto(rules: &[Rule], members: impl Fn(&str) -> BTreeSet<String>) -> Translated {
    let mut notes = Vec::new();
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut patterns: Vec<String> = Vec::new();
    // Every user has a section, so that what everybody is denied stands before what that user is allowed.
    for rule in rules {
        for user in users_of(rule, &members) {
            users.entry(user).or_default();
        }
    }
    let mut allowed_before = false;
    for rule in rules {
        let name = named(rule);
        let word = match (rule.effect, rule.action) {
            (Effect::Allow, Action::Publish) => "write",
            (Effect::Allow, Action::Subscribe) => "read",
            (Effect::Allow, Action::Both) => "readwrite",
            (Effect::Deny, _) => "deny",
        };
        if rule.effect == Effect::Deny {
            if rule.action != Action::Both {
                notes.push(format!(
                    "{name}: mosquitto denies publishing and subscribing together, so it denies both there"
                ));
            }
            if allowed_before {
                notes.push(format!(
                    "{name}: mosquitto looks at what it denies first, so there it takes away from rules before it too"
                ));
            }
        } else {
            allowed_before = true;
        }
        let Limits {
            max_qos,
            retain,
            fixed_levels,
        } = rule.limits;
        for (is_set, limit) in [
            (max_qos.is_some(), "max_qos"),
            (retain == Some(false), "retain = false"),
            (fixed_levels > 0, "fixed_levels"),
        ] {
            if is_set {
                notes.push(format!(
                    "{name}: {limit} can't be said; it allows more there"
                ));
            }
        }
        if !rule.subjects.clients.is_empty() {
            let clients = rule.subjects.clients.join(", ");
            notes.push(format!(
                "{name}: rules for client identifiers can't be said; {clients} are left out"
            ));
        }
        if !rule.subjects.certificates.is_empty() {
            notes.push(format!(
                "{name}: names of certificates are user names there, on a listener with use_identity_as_username true"
            ));
        }
        for pattern in &rule.topics {
            let text = pattern.as_str();
            let theirs = [("{client}", "%c"), ("{user}", "%u"), ("{cn}", "%u")];
            let Some(topic) = renamed(text, &theirs) else {
                notes.push(format!(
                    "{name}: claims of tokens can't be said; topic {text} is left out"
                ));
                continue;
            };
            if rule.subjects.is_everybody() {
                if rule.effect == Effect::Deny {
                    if pattern.has_placeholders() && !users.is_empty() {
                        notes.push(format!(
                            "{name}: what a user is allowed comes before it there; topic {text} is denied to others alone"
                        ));
                    } else {
                        for lines in users.values_mut() {
                            lines.push(format!("topic deny {topic}"));
                        }
                    }
                }
                patterns.push(format!("pattern {word} {topic}"));
            } else if pattern.has_placeholders() {
                notes.push(format!(
                    "{name}: placeholders are for everybody there, and this is for some; topic {text} is left out"
                ));
            } else {
                for user in users_of(rule, &members) {
                    users
                        .entry(user)
                        .or_default()
                        .push(format!("topic {word} {topic}"));
                }
            }
        }
    }
    let mut text = String::new();
    for (user, lines) in users.iter().filter(|(_, lines)| !lines.is_empty()) {
        if user.contains(['\n', '\r']) {
            notes.push(format!("user {user:?} can't be said and is left out"));
            continue;
        }
        let _ = writeln!(text, "user {user}\n{}\n", lines.join("\n"));
    }
    for pattern in patterns {
        let _ = writeln!(text, "{pattern}");
    }
    Translated { text, notes }
}

/// Users of mosquitto whom a rule names.
fn users_of(rule: &Rule, members: impl Fn(&str) -> BTreeSet<String>) -> BTreeSet<String> {
    let Subjects {
        accounts,
        certificates,
        groups,
        clients: _,
    } = &rule.subjects;
    let mut users: BTreeSet<String> = accounts.iter().chain(certificates).cloned().collect();
    users.extend(groups.iter().flat_map(|group| members(group)));
    users
}

/// A text in Erlang.
fn erlang(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn emqx(rules: &[Rule], members: impl Fn(&str) -> BTreeSet<String>) -> Translated {
    let mut notes = Vec::new();
    let mut text = String::new();
    if rules
        .iter()
        .any(|rule| rule.effect == Effect::Deny && rule.action.subscribes())
    {
        notes.push(
            "EMQX compares a subscription as a whole: one that is wider than what is denied is not denied by it there"
                .to_owned(),
        );
    }
    for rule in rules {
        let name = named(rule);
        let whom = whom(rule, &members);
        if whom.is_none() {
            notes.push(format!(
                "{name}: it is for nobody who is known; it is left out"
            ));
        }
        let Some(whom) = whom else { continue };
        if !rule.subjects.certificates.is_empty() {
            notes.push(format!(
                "{name}: names of certificates are user names there, on a listener with peer_cert_as_username = cn"
            ));
        }
        if rule.limits.fixed_levels > 0 {
            notes.push(format!(
                "{name}: fixed_levels can't be said; it allows more there"
            ));
        }
        let theirs = [
            ("{client}", "${clientid}"),
            ("{user}", "${username}"),
            ("{cn}", "${cert_common_name}"),
        ];
        let mut topics = Vec::new();
        for pattern in &rule.topics {
            match renamed(pattern.as_str(), &theirs) {
                Some(topic) => topics.push(erlang(&topic)),
                None => notes.push(format!(
                    "{name}: claims of tokens can't be said; topic {} is left out",
                    pattern.as_str()
                )),
            }
        }
        if topics.is_empty() {
            continue;
        }
        let topics = topics.join(", ");
        let plain = match rule.action {
            Action::Publish => "publish",
            Action::Subscribe => "subscribe",
            Action::Both => "all",
        };
        if !rule.name.is_empty() {
            let one_line = rule.name.replace(['\n', '\r'], " ");
            let _ = writeln!(text, "%% {one_line}");
        }
        let limited = rule.effect == Effect::Allow
            && (rule.limits.max_qos.is_some() || rule.limits.retain == Some(false));
        if limited {
            for action in limited_actions(rule) {
                let _ = writeln!(text, "{{allow, {whom}, {action}, [{topics}]}}.");
            }
            // Where an allowance matches and a limit of it is passed, it denies.
            let _ = writeln!(text, "{{deny, {whom}, {plain}, [{topics}]}}.");
        } else {
            let _ = writeln!(text, "{{{}, {whom}, {plain}, [{topics}]}}.", rule.effect);
        }
    }
    if !rules.is_empty() {
        text.push_str("%% What no rule allows is denied.\n{deny, all}.\n");
    }
    Translated { text, notes }
}

/// EMQX's words for what an allowance with limits allows.
fn limited_actions(rule: &Rule) -> Vec<String> {
    let qos = rule.limits.max_qos.map(|most| match most {
        QoS::AtMostOnce => "{qos, [0]}",
        QoS::AtLeastOnce => "{qos, [0, 1]}",
        QoS::ExactlyOnce => "{qos, [0, 1, 2]}",
    });
    let retain = (rule.limits.retain == Some(false)).then_some("{retain, false}");
    let mut actions = Vec::new();
    if rule.action.publishes() {
        let limits: Vec<&str> = qos.into_iter().chain(retain).collect();
        actions.push(format!("{{publish, [{}]}}", limits.join(", ")));
    }
    if rule.action.subscribes() {
        actions.push(match qos {
            Some(qos) => format!("{{subscribe, [{qos}]}}"),
            None => "subscribe".to_owned(),
        });
    }
    actions
}

/// Whom EMQX takes a rule to be for.
fn whom(rule: &Rule, members: impl Fn(&str) -> BTreeSet<String>) -> Option<String> {
    if rule.subjects.is_everybody() {
        return Some("all".to_owned());
    }
    let users = users_of(rule, members);
    let users = users
        .iter()
        .map(|name| format!("{{username, {}}}", erlang(name)));
    let clients = rule.subjects.clients.iter();
    let clients = clients.map(|id| format!("{{clientid, {}}}", erlang(id)));
    let all: Vec<String> = users.chain(clients).collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("{{'or', [{}]}}", several.join(", "))),
    }
}

#[cfg(test)]
mod tests;
