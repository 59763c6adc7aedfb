//! `acl.toml`: access rules as a person writes them.
//!
//! Duty: read the file, say of every mistake which line and what was expected, and write rules as such a file. Not here:
//! files. Invariant: a text with a mistake gives no rules at all; what is written reads back as the same rules.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use mqttwb_model::QoS;
use serde::Deserialize;
use toml::Spanned;

use crate::pattern::TopicPattern;
use crate::rule::{Action, Effect, Limits, Rule, Subjects};
use crate::rules::Rules;

/// Mistakes that are told of one file.
const TOLD: usize = 50;

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclMistake {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong and what was expected.
    pub what: String,
}

/// Why a text gives no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(.0))]
pub struct AclError(pub Vec<AclMistake>);

fn told(mistakes: &[AclMistake]) -> String {
    let lines = mistakes
        .iter()
        .map(|mistake| format!("line {}: {}", mistake.line, mistake.what));
    lines.collect::<Vec<_>>().join("\n")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    rule: Vec<Spanned<Draft>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    #[serde(default)]
    name: String,
    allow: Option<Spanned<String>>,
    deny: Option<Spanned<String>>,
    topic: Option<Spanned<String>>,
    #[serde(default)]
    topics: Vec<Spanned<String>>,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    clients: Vec<String>,
    max_qos: Option<Spanned<u8>>,
    retain: Option<Spanned<bool>>,
    fixed_levels: Option<Spanned<u32>>,
}

struct Reading<'a> {
    text: &'a str,
    mistakes: Vec<AclMistake>,
}

impl Reading<'_> {
    fn line(&self, at: usize) -> u32 {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let ends = before.iter().filter(|byte| **byte == b'\n').count();
        u32::try_from(ends + 1).unwrap_or(u32::MAX)
    }

    fn mistake(&mut self, at: usize, what: impl Into<String>) {
        if self.mistakes.len() < TOLD {
            let line = self.line(at);
            self.mistakes.push(AclMistake {
                line,
                what: what.into(),
            });
        }
    }

    fn rule(&mut self, draft: Spanned<Draft>) -> Option<Rule> {
        let start = draft.span().start;
        let draft = draft.into_inner();
        let before = self.mistakes.len();
        let effect = match (draft.allow, draft.deny) {
            (Some(what), None) => Some((Effect::Allow, what)),
            (None, Some(what)) => Some((Effect::Deny, what)),
            (Some(_), Some(what)) => {
                self.mistake(
                    what.span().start,
                    "a rule has either allow or deny, this has both",
                );
                None
            }
            (None, None) => {
                self.mistake(
                    start,
                    "a rule says allow = \"publish\", \"subscribe\" or \"both\", or deny = the same; this says neither",
                );
                None
            }
        };
        let decided = effect.and_then(|(effect, what)| {
            let action = match what.get_ref().as_str() {
                "publish" => Action::Publish,
                "subscribe" => Action::Subscribe,
                "both" => Action::Both,
                other => {
                    let what_is = format!(
                        "{effect}: expected \"publish\", \"subscribe\" or \"both\", found {other:?}"
                    );
                    self.mistake(what.span().start, what_is);
                    return None;
                }
            };
            Some((effect, action))
        });
        let mut topics = Vec::new();
        for text in draft.topic.into_iter().chain(draft.topics) {
            match TopicPattern::try_from(text.get_ref().as_str()) {
                Ok(pattern) => topics.push(pattern),
                Err(error) => {
                    let what = format!("topic {:?}: {error}", text.get_ref());
                    self.mistake(text.span().start, what);
                }
            }
        }
        if topics.is_empty() && self.mistakes.len() == before {
            self.mistake(
                start,
                "a rule has a topic, or a list of topics; this has none",
            );
        }
        let spans = [
            draft
                .max_qos
                .as_ref()
                .map(|value| (value.span().start, "max_qos")),
            draft
                .retain
                .as_ref()
                .map(|value| (value.span().start, "retain")),
            draft
                .fixed_levels
                .as_ref()
                .map(|value| (value.span().start, "fixed_levels")),
        ];
        if matches!(decided, Some((Effect::Deny, _))) {
            for (at, name) in spans.into_iter().flatten() {
                let what = format!("{name} limits what a rule allows; this rule denies");
                self.mistake(at, what);
            }
        }
        let max_qos = draft.max_qos.and_then(|value| {
            let qos = QoS::try_from(*value.get_ref()).ok();
            if qos.is_none() {
                let what = format!("max_qos: expected 0, 1 or 2, found {}", value.get_ref());
                self.mistake(value.span().start, what);
            }
            qos
        });
        let (effect, action) = decided?;
        Some(Rule {
            name: draft.name,
            line: self.line(start),
            effect,
            action,
            topics,
            subjects: Subjects {
                accounts: draft.accounts,
                certificates: draft.certificates,
                groups: draft.groups,
                clients: draft.clients,
            },
            limits: Limits {
                max_qos,
                retain: draft.retain.map(Spanned::into_inner),
                fixed_levels: draft.fixed_levels.map_or(0, Spanned::into_inner),
            },
        })
    }
}

impl Rules {
    /// Reads `acl.toml`.
    pub fn parse(text: &str) -> Result<Self, AclError> {
        let mut reading = Reading {
            text,
            mistakes: Vec::new(),
        };
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let what = error.message().trim().replace('\n', ", ");
                reading.mistake(at, what);
                return Err(AclError(reading.mistakes));
            }
        };
        let rules = file
            .rule
            .into_iter()
            .filter_map(|draft| reading.rule(draft))
            .collect();
        if reading.mistakes.is_empty() {
            Ok(Self::new(rules, file.groups))
        } else {
            reading.mistakes.sort_by_key(|mistake| mistake.line);
            Err(AclError(reading.mistakes))
        }
    }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(
    name: &str,
    of: impl IntoIterator<Item = impl AsRef<str>>,
    out: &mut String,
) -> fmt::Result {
    let items: Vec<String> = of.into_iter().map(|text| quoted(text.as_ref())).collect();
    match items.as_slice() {
        [] => Ok(()),
        items => writeln!(out, "{name} = [{}]", items.join(", ")),
    }
}

/// Rules as `acl.toml`.
pub fn write<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    groups: &BTreeMap<String, Vec<String>>,
) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_into(rules, groups, &mut out);
    out
}

fn write_into<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    groups: &BTreeMap<String, Vec<String>>,
    out: &mut String,
) -> fmt::Result {
    if !groups.is_empty() {
        out.push_str("[groups]\n");
        for (group, names) in groups {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            writeln!(out, "{} = [{}]", quoted(group), names.join(", "))?;
        }
    }
    for rule in rules {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str("[[rule]]\n");
        if !rule.name.is_empty() {
            writeln!(out, "name = {}", quoted(&rule.name))?;
        }
        writeln!(out, "{} = \"{}\"", rule.effect, rule.action)?;
        match rule.topics.as_slice() {
            [topic] => writeln!(out, "topic = {}", quoted(topic.as_str()))?,
            topics => list("topics", topics.iter().map(TopicPattern::as_str), out)?,
        }
        list("accounts", &rule.subjects.accounts, out)?;
        list("certificates", &rule.subjects.certificates, out)?;
        list("groups", &rule.subjects.groups, out)?;
        list("clients", &rule.subjects.clients, out)?;
        let Limits {
            max_qos,
            retain,
            fixed_levels,
        } = rule.limits;
        if let Some(qos) = max_qos {
            writeln!(out, "max_qos = {}", u8::from(qos))?;
        }
        if let Some(retain) = retain {
            writeln!(out, "retain = {retain}")?;
        }
        if fixed_levels > 0 {
            writeln!(out, "fixed_levels = {fixed_levels}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_its_line_and_what_was_expected() {
        for (text, line, says) in [
            (
                "[[rule]]\nallow = \"write\"\ntopic = \"a\"",
                2,
                "\"publish\"",
            ),
            ("\n[[rule]]\nallow = \"both\"", 2, "has a topic"),
            ("[[rule]]\ntopic = \"a\"", 1, "neither"),
            (
                "[[rule]]\nallow = \"both\"\ndeny = \"both\"\ntopic = \"a\"",
                3,
                "both",
            ),
            (
                "[[rule]]\nallow = \"both\"\ntopic = \"a/#/b\"",
                3,
                "last level",
            ),
            (
                "[[rule]]\nallow = \"both\"\ntopic = \"a/{x}\"",
                3,
                "{client}",
            ),
            ("[[rule]]\nallow = \"both\"\ntopc = \"a\"", 3, "topc"),
            (
                "[[rule]]\nallow = \"both\"\ntopic = \"a\"\nmax_qos = 3",
                4,
                "0, 1 or 2",
            ),
            (
                "[[rule]]\ndeny = \"both\"\ntopic = \"a\"\nretain = false",
                4,
                "denies",
            ),
            ("[[rule]\n", 1, ""),
            ("[rule]\nallow = \"both\"", 1, ""),
        ] {
            let AclError(mistakes) = Rules::parse(text).unwrap_err();
            assert_eq!(mistakes[0].line, line, "{text}: {mistakes:?}");
            assert!(mistakes[0].what.contains(says), "{text}: {mistakes:?}");
        }
    }

    #[test]
    fn every_mistake_of_a_file_is_told() {
        let text =
            "[[rule]]\nallow = \"x\"\ntopic = \"a\"\n[[rule]]\ndeny = \"both\"\ntopic = \"#/a\"\n";
        let AclError(mistakes) = Rules::parse(text).unwrap_err();
        let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [2, 6]);
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_rules() {
        let text = "[groups]\nops = [\"ann\"]\n\n[[rule]]\nname = \"own \\\"branch\\\"\"\nallow = \"both\"\n\
                    topics = [\"devices/{client}/#\", \"{user}/{claim.site}\"]\naccounts = [\"ann\"]\n\
                    groups = [\"ops\"]\nmax_qos = 1\nretain = false\nfixed_levels = 2\n\n\
                    [[rule]]\ndeny = \"subscribe\"\ntopic = \"#\"\n";
        let rules = Rules::parse(text).unwrap();
        let again = Rules::parse(&write(rules.list(), rules.groups())).unwrap();
        let without_lines = |rules: &Rules| {
            let mut list = rules.list().to_vec();
            list.iter_mut().for_each(|rule| rule.line = 0);
            (list, rules.groups().clone())
        };
        assert_eq!(without_lines(&again), without_lines(&rules));
        assert_eq!(rules.list()[1].line, 14);
    }
}
