//! The board's rules: the usual ones, those that a person wrote, and `DATA/devices.json`.

use std::path::{Path as FilePath, PathBuf};

use mqttwb_fleet::{DevicePattern, PresenceRule, Rules, What, Word};
use mqttwb_payload::Path;

use super::invalid;
use crate::api::{ApiError, DeviceRules, PresenceTopics};
use crate::payloads::Payloads;
use crate::{Result, kept};

/// The format of the file.
const VERSION: u32 = 1;
/// What it holds.
const WHAT: &str = "The device rules";
/// Presence rules, topics and words of each, and columns, at most.
const RULES: usize = 50;
const TOPICS: usize = 50;
const WORDS: usize = 50;
const COLUMNS: usize = 8;
/// The longest label and unit, in characters.
const LABEL: usize = 40;

/// Where in a payload is what the board asks for.
#[derive(Debug, Default)]
pub(super) struct Reading {
    presence: Vec<Path>,
    values: Vec<Path>,
}

impl Reading {
    /// What a payload has for the board.
    pub fn find(
        &self,
        payloads: &Payloads,
        topic: &str,
        payload: &[u8],
        what: What,
    ) -> Option<String> {
        let path = match what {
            What::Presence(rule) => self.presence.get(rule)?,
            What::Value(column) => self.values.get(column)?,
        };
        payloads.state(topic, payload, path)
    }
}

/// What most devices do: `…/status`, `…/state`, `…/LWT`, `…/availability`.
pub(super) fn default_rules() -> DeviceRules {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let online = words(&["online", "connected", "1", "true", "ready"]);
    let offline: Vec<String> = words(&["offline", "disconnected", "lost", "0", "false"]);
    let levels = ["{device}", "+/{device}", "+/+/{device}"];
    let named = ["status", "state", "LWT", "availability"];
    let topics = levels
        .iter()
        .flat_map(|levels| named.iter().map(move |name| format!("{levels}/{name}")))
        .collect();
    DeviceRules {
        sessions: true,
        presence: vec![PresenceTopics {
            topics,
            path: String::new(),
            online,
            offline,
        }],
        columns: Vec::new(),
        problem: None,
    }
}

/// The usual rules as they are gone by.
pub(super) fn usual() -> (Rules, Reading) {
    // The test below says that they can be.
    parse(&default_rules()).unwrap_or_default()
}

/// Without space around and without what is empty.
pub(super) fn tidy(mut rules: DeviceRules) -> DeviceRules {
    let texts = |texts: &mut Vec<String>| {
        texts.iter_mut().for_each(|text| *text = text.trim().into());
        texts.retain(|text| !text.is_empty());
    };
    for rule in &mut rules.presence {
        texts(&mut rule.topics);
        texts(&mut rule.online);
        texts(&mut rule.offline);
        rule.path = rule.path.trim().into();
    }
    rules.presence.retain(|rule| !rule.topics.is_empty());
    for column in &mut rules.columns {
        for text in [
            &mut column.label,
            &mut column.topic,
            &mut column.path,
            &mut column.unit,
        ] {
            *text = text.trim().into();
        }
        if column.label.is_empty() {
            let label = match column.path.as_str() {
                "" => column.topic.rsplit('/').next().unwrap_or_default(),
                path => path,
            };
            column.label = label.chars().take(LABEL).collect();
        }
    }
    rules.problem = None;
    rules
}

/// The rules as they are gone by, or what is wrong with them.
pub(super) fn parse(rules: &DeviceRules) -> Result<(Rules, Reading)> {
    let too_many = |what: &str, most: usize| invalid(format!("There are at most {most} {what}."));
    if rules.presence.len() > RULES {
        return Err(too_many("groups of topics", RULES));
    }
    if rules.columns.len() > COLUMNS {
        return Err(too_many("columns", COLUMNS));
    }
    let pattern = |text: &str| {
        DevicePattern::try_from(text)
            .map_err(|error| invalid(format!("“{text}” does not name devices: {error}.")))
    };
    let path = |text: &str| {
        Path::try_from(text).map_err(|error| invalid(format!("“{text}” is no path: {error}.")))
    };
    let mut reading = Reading::default();
    let mut presence = Vec::new();
    for rule in &rules.presence {
        if rule.topics.len() > TOPICS || rule.online.len() + rule.offline.len() > WORDS {
            return Err(too_many("topics and words in a group", TOPICS));
        }
        let words = |texts: &[String]| texts.iter().filter_map(|text| Word::new(text)).collect();
        let (online, offline): (Vec<Word>, Vec<Word>) = (words(&rule.online), words(&rule.offline));
        if online.is_empty() || offline.is_empty() {
            return Err(invalid(format!(
                "“{}” needs a word for online and one for offline.",
                rule.topics.first().map_or("", |topic| topic.as_str())
            )));
        }
        if let Some(both) = online.iter().find(|word| offline.contains(word)) {
            return Err(invalid(format!(
                "“{}” can't mean both online and offline.",
                both.as_str()
            )));
        }
        let topics = rule.topics.iter().map(|topic| pattern(topic));
        reading.presence.push(path(&rule.path)?);
        presence.push(PresenceRule {
            topics: topics.collect::<Result<_>>()?,
            online,
            offline,
        });
    }
    let mut values = Vec::new();
    for column in &rules.columns {
        for (text, what) in [(&column.label, "heading"), (&column.unit, "unit")] {
            if text.chars().count() > LABEL {
                return Err(invalid(format!(
                    "A column's {what} has at most {LABEL} characters."
                )));
            }
        }
        values.push(pattern(&column.topic)?);
        reading.values.push(path(&column.path)?);
    }
    let rules = Rules {
        sessions: rules.sessions,
        presence,
        values,
    };
    Ok((rules, reading))
}

/// The rules, and where they are kept.
#[derive(Debug)]
pub(super) struct Keep {
    pub rules: DeviceRules,
    /// Nowhere where the file could not be read: it is left as it is.
    path: Option<PathBuf>,
    problem: Option<ApiError>,
}

impl Keep {
    /// Those of a data folder; the usual ones where there are none.
    pub fn open(data: &FilePath) -> Self {
        let path = data.join("devices.json");
        let read = kept::read(WHAT, &path, VERSION).and_then(|rules| {
            if let Some(rules) = &rules {
                parse(rules).map_err(|error| kept::damaged(WHAT, &path, &error.message))?;
            }
            Ok(rules)
        });
        match read {
            Ok(rules) => Self {
                rules: rules.unwrap_or_else(default_rules),
                path: Some(path),
                problem: None,
            },
            Err(problem) => Self {
                rules: default_rules(),
                path: None,
                problem: Some(problem),
            },
        }
    }

    /// The rules, and why they are not those of the file.
    pub fn told(&self) -> DeviceRules {
        DeviceRules {
            problem: self.problem.clone(),
            ..self.rules.clone()
        }
    }

    /// Keeps others.
    pub fn write(&mut self, rules: DeviceRules) -> Result<DeviceRules> {
        if let Some(path) = &self.path {
            kept::write(path, VERSION, &rules)?;
        }
        self.rules = rules;
        Ok(self.told())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DeviceColumn;

    #[test]
    fn the_usual_rules_can_be_gone_by() {
        let (rules, reading) = parse(&default_rules()).unwrap();
        assert_eq!(rules.presence.len(), reading.presence.len());
        assert!(rules.sessions);
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_with_the_reason() {
        let with = |change: fn(&mut DeviceRules)| {
            let mut rules = default_rules();
            change(&mut rules);
            parse(&rules).unwrap_err().message
        };
        let no_device = with(|rules| rules.presence[0].topics = vec!["plant/+/status".into()]);
        assert!(no_device.contains("{device}"), "{no_device}");
        let both = with(|rules| rules.presence[0].offline.push("ONLINE".into()));
        assert!(both.contains("both"), "{both}");
        let none = with(|rules| rules.presence[0].online.clear());
        assert!(none.contains("needs a word"), "{none}");
        let path = with(|rules| {
            rules.columns.push(DeviceColumn {
                topic: "{device}/value".into(),
                path: "a..b".into(),
                ..DeviceColumn::default()
            });
        });
        assert!(path.contains("no path"), "{path}");
    }

    #[test]
    fn rules_outlive_the_app_and_a_damaged_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut keep = Keep::open(folder.path());
        let mut wanted = default_rules();
        wanted.sessions = false;
        keep.write(wanted.clone()).unwrap();
        assert_eq!(Keep::open(folder.path()).told(), wanted);
        let file = folder.path().join("devices.json");
        std::fs::write(&file, "{").unwrap();
        let mut damaged = Keep::open(folder.path());
        assert!(damaged.told().problem.is_some());
        damaged.write(wanted).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
    }
}
