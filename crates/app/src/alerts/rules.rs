//! The rules as a person writes them: what is wrong with one, and `DATA/alerts.json`.

use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use mqttwb_fleet::Condition;
use mqttwb_model::{ClientPattern, TopicFilter, TopicName};
use mqttwb_payload::Path;
use serde::{Deserialize, Serialize};

use super::{invalid, not_found, watched_text};
use crate::api::{AlertCondition, AlertRule, AlertSource, ApiError, ChartMeasure};
use crate::charts::{measure_lines, measure_title};
use crate::{Result, kept};

/// What the file holds, and its format.
const WHAT: &str = "The alert rules";
const VERSION: u32 = 1;
/// Rules at most.
const RULES: usize = 100;
/// The longest name, in characters.
const NAME: usize = 100;
/// The longest time that something is waited for.
const DAY: u32 = 24 * 60 * 60;

/// What a rule watches.
#[derive(Debug, Clone)]
pub(super) enum Watched {
    Payload(TopicFilter, Path),
    /// Of the broker, one line or each.
    Broker(ChartMeasure, Option<String>),
    Device(ClientPattern),
}

/// The rule as it is watched for, or what is wrong with it.
pub(super) fn parse(rule: &AlertRule) -> Result<(Watched, Condition)> {
    if rule.name.is_empty() || rule.name.chars().count() > NAME {
        return Err(invalid(format!(
            "An alert needs a name of at most {NAME} characters."
        )));
    }
    if let Some(publish) = &rule.publish {
        TopicName::check(&publish.topic).map_err(|error| {
            invalid(format!(
                "“{}” is no topic to publish to: {error}.",
                publish.topic
            ))
        })?;
    }
    let watched = match &rule.source {
        AlertSource::Payload { filter, path } => Watched::Payload(
            TopicFilter::try_from(filter.as_str())
                .map_err(|error| invalid(format!("“{filter}” is no topic filter: {error}.")))?,
            Path::try_from(path.as_str())
                .map_err(|error| invalid(format!("“{path}” is no path: {error}.")))?,
        ),
        AlertSource::Broker { measure, line } => {
            let lines = measure_lines(*measure);
            if let Some(line) = line.as_deref().filter(|line| !lines.contains(line)) {
                return Err(invalid(format!(
                    "{} has no line “{line}”, but {}.",
                    measure_title(*measure),
                    lines.join("; ")
                )));
            }
            Watched::Broker(*measure, line.clone())
        }
        AlertSource::Device { name } => {
            if name.trim().is_empty() {
                return Err(invalid("Name the devices, or * for all.".into()));
            }
            Watched::Device(ClientPattern::from(name.trim()))
        }
    };
    let condition = condition(&rule.condition)?;
    let of_device = matches!(watched, Watched::Device(_));
    if of_device != matches!(condition, Condition::State { .. }) {
        return Err(invalid(
            if of_device {
                "Of a device it is watched whether it is online, offline or unknown."
            } else {
                "A value has no online or offline: watch devices for that."
            }
            .into(),
        ));
    }
    Ok((watched, condition))
}

fn condition(wanted: &AlertCondition) -> Result<Condition> {
    let finite = |number: f64| {
        number
            .is_finite()
            .then_some(number)
            .ok_or_else(|| invalid("A limit is a number.".into()))
    };
    let positive = |number: f64| {
        finite(number).and_then(|number| {
            (number > 0.0)
                .then_some(number)
                .ok_or_else(|| invalid("It must be more than 0.".into()))
        })
    };
    let time = |secs: u32, least: u32| {
        (least..=DAY)
            .contains(&secs)
            .then(|| Duration::from_secs(secs.into()))
            .ok_or_else(|| invalid(format!("A time is from {least} s to 24 hours.")))
    };
    Ok(match wanted {
        AlertCondition::Above { limit, hold_secs } => Condition::Above {
            limit: finite(*limit)?,
            hold: time(*hold_secs, 0)?,
        },
        AlertCondition::Below { limit, hold_secs } => Condition::Below {
            limit: finite(*limit)?,
            hold: time(*hold_secs, 0)?,
        },
        AlertCondition::NoData { after_secs } => Condition::NoData {
            after: time(*after_secs, 1)?,
        },
        AlertCondition::Changed => Condition::Changed,
        AlertCondition::Rate {
            per_second,
            over_secs,
        } => Condition::Rate {
            per_second: positive(*per_second)?,
            over: time(*over_secs, 1)?,
        },
        AlertCondition::Unusual { score } => Condition::Unusual {
            score: positive(*score)?,
        },
        AlertCondition::State { state, hold_secs } => Condition::State {
            state: *state,
            hold: time(*hold_secs, 0)?,
        },
    })
}

/// A number as a person reads it.
pub(super) fn rounded(number: f64) -> String {
    ((number * 1_000.0).round() / 1_000.0).to_string()
}

/// What is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    last_id: u32,
    rules: Vec<AlertRule>,
}

/// The rules, and where they are kept.
#[derive(Debug)]
pub(super) struct Keep {
    pub rules: Vec<AlertRule>,
    last_id: u32,
    /// Nowhere where the file could not be read: it is left as it is.
    path: Option<PathBuf>,
    problem: Option<ApiError>,
}

impl Keep {
    /// Those of a data folder.
    pub fn open(data: &FilePath) -> Self {
        let path = data.join("alerts.json");
        let (rules, last_id, path, problem) = match read(&path) {
            Ok(Some(file)) => (file.rules, file.last_id, Some(path), None),
            Ok(None) => (Vec::new(), 0, Some(path), None),
            Err(problem) => (Vec::new(), 0, None, Some(problem)),
        };
        Self {
            rules,
            last_id,
            path,
            problem,
        }
    }

    /// Why the rules are not those of the file.
    pub fn problem(&self) -> Option<ApiError> {
        self.problem.clone()
    }

    /// Keeps a rule: a new one where its identity is 0 or not known. A rule that makes no sense changes nothing.
    pub fn put(&mut self, mut rule: AlertRule) -> Result<AlertRule> {
        rule.name = rule.name.trim().into();
        if rule.name.is_empty() {
            rule.name = watched_text(&rule.source).chars().take(NAME).collect();
        }
        parse(&rule)?;
        let mut rules = self.rules.clone();
        let mut last_id = self.last_id;
        match rules.iter().position(|known| known.id == rule.id) {
            Some(place) => rules[place] = rule.clone(),
            None if rules.len() >= RULES => {
                return Err(invalid(format!(
                    "There are {RULES} alert rules already, which is the most there can be."
                )));
            }
            None => {
                if rule.id == 0 {
                    rule.id = last_id + 1;
                }
                last_id = last_id.max(rule.id);
                rules.push(rule.clone());
                rules.sort_by_key(|rule| rule.id);
            }
        }
        self.write(rules, last_id)?;
        Ok(rule)
    }

    /// Takes a rule away.
    pub fn remove(&mut self, id: u32) -> Result<AlertRule> {
        let mut rules = self.rules.clone();
        let place = rules.iter().position(|rule| rule.id == id);
        let rule = rules.remove(place.ok_or_else(|| not_found(id))?);
        self.write(rules, self.last_id)?;
        Ok(rule)
    }

    fn write(&mut self, rules: Vec<AlertRule>, last_id: u32) -> Result<()> {
        if let Some(path) = &self.path {
            let file = File { last_id, rules };
            kept::write(path, VERSION, &file)?;
            self.rules = file.rules;
        } else {
            self.rules = rules;
        }
        self.last_id = last_id;
        Ok(())
    }
}

fn read(path: &FilePath) -> Result<Option<File>> {
    let file: Option<File> = kept::read(WHAT, path, VERSION)?;
    for rule in file.iter().flat_map(|file| &file.rules) {
        parse(rule).map_err(|error| kept::damaged(WHAT, path, &error.message))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AlertPublish, DeviceState, ErrorCode};

    fn rule() -> AlertRule {
        AlertRule {
            id: 0,
            name: String::new(),
            source: AlertSource::Payload {
                filter: "plant/+".into(),
                path: "bar".into(),
            },
            condition: AlertCondition::Above {
                limit: 4.0,
                hold_secs: 0,
            },
            enabled: true,
            notify: false,
            publish: None,
        }
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut keep = Keep::open(folder.path());
        let wrong: [fn(&mut AlertRule); 5] = [
            |rule| {
                rule.condition = AlertCondition::Above {
                    limit: f64::NAN,
                    hold_secs: 0,
                }
            },
            |rule| rule.condition = AlertCondition::NoData { after_secs: 0 },
            |rule| {
                rule.condition = AlertCondition::State {
                    state: DeviceState::Offline,
                    hold_secs: 0,
                }
            },
            |rule| {
                rule.source = AlertSource::Broker {
                    measure: ChartMeasure::Latency,
                    line: Some("in".into()),
                }
            },
            |rule| {
                rule.publish = Some(AlertPublish {
                    topic: "a/#".into(),
                    retain: false,
                })
            },
        ];
        for change in wrong {
            let mut rule = rule();
            change(&mut rule);
            let error = keep.put(rule).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidInput, "{error}");
        }
        assert!(keep.rules.is_empty());
        assert!(!folder.path().join("alerts.json").exists());
    }

    #[test]
    fn rules_outlive_the_app_and_an_undo_brings_one_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut keep = Keep::open(folder.path());
        let first = keep.put(rule()).unwrap();
        assert_eq!((first.id, first.name.as_str()), (1, "bar of plant/+"));
        let second = keep.put(rule()).unwrap();
        keep.remove(first.id).unwrap();
        keep.put(first.clone()).unwrap();
        assert_eq!(Keep::open(folder.path()).rules, [first, second]);
        assert!(keep.remove(77).is_err());
    }
}
