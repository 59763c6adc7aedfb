//! What is worth an alert.
//!
//! Duty: judge values and states as they come, and silence as time passes, one [`Watch`] for each rule with any number of
//! things that it watches: a topic, a device. Not here: where values come from, and what is done with an alert.
//! Invariant: time comes with the values and by [`Watch::tick`]; nothing is raised twice without being over in between, but
//! for [`Condition::Changed`], of which each change is an alert of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::Timestamp;

use crate::view::State;

/// Things that a rule watches at most; further ones are counted.
const THINGS: usize = 5_000;
/// Names that found no room are told apart up to this many.
const LEFT_OUT: usize = 100_000;
/// Values of each thing that are remembered: shown with an alert, and what is usual is told by.
const REMEMBERED: usize = 60;
/// What is usual is known from so many values on.
const ENOUGH: usize = 20;
/// A median absolute deviation times this is a standard deviation, where values are normally distributed.
const NORMAL: f64 = 1.4826;
/// The longest text of a value, in characters.
const TEXT: usize = 100;

/// When a rule is met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// The value is higher than this, for so long.
    Above {
        /// The limit.
        limit: f64,
        /// How long; zero for at once.
        hold: Duration,
    },
    /// The value is lower than this, for so long.
    Below {
        /// The limit.
        limit: f64,
        /// How long; zero for at once.
        hold: Duration,
    },
    /// Nothing has come for longer than this, of what had come before.
    NoData {
        /// How long.
        after: Duration,
    },
    /// The value is another than the one before.
    Changed,
    /// The value rises or falls faster than this, over so long.
    Rate {
        /// A second.
        per_second: f64,
        /// Over how long.
        over: Duration,
    },
    /// The value is further from the median of those before than this many robust standard deviations: the median of the
    /// distances from that median, scaled. Where all were the same, any other is unusual.
    Unusual {
        /// How many.
        score: f64,
    },
    /// A device is in this state, for so long.
    State {
        /// Which.
        state: State,
        /// How long; zero for at once.
        hold: Duration,
    },
}

/// A value at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// When.
    pub at: Timestamp,
    /// As it is shown.
    pub text: String,
    /// As a number, where it is one.
    pub number: Option<f64>,
}

/// What has happened to a thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The condition is met.
    Raised {
        /// Which thing.
        thing: Arc<str>,
        /// Since when.
        at: Timestamp,
        /// Why, in a sentence.
        why: String,
        /// What it was told by, the newest last.
        data: Vec<Datum>,
    },
    /// It is not met any more.
    Over {
        /// Which thing.
        thing: Arc<str>,
        /// Since when.
        at: Timestamp,
    },
}

/// One rule, at work.
#[derive(Debug)]
pub struct Watch {
    condition: Condition,
    things: HashMap<Arc<str>, Thing>,
    left_out: HashSet<u64>,
    hashing: RandomState,
}

#[derive(Debug, Default)]
struct Thing {
    recent: VecDeque<Datum>,
    /// Since when the condition is met.
    since: Option<Timestamp>,
    /// It was told.
    raised: bool,
}

impl Watch {
    /// Begins to watch.
    pub fn new(condition: Condition) -> Self {
        Self {
            condition,
            things: HashMap::new(),
            left_out: HashSet::new(),
            hashing: RandomState::new(),
        }
    }

    /// Its condition.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// Things that it watches.
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether it watches none.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Things for which the condition is met now, and was told.
    pub fn raised(&self) -> usize {
        self.things.values().filter(|thing| thing.raised).count()
    }

    /// Things that found no room.
    pub fn left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// A value of a thing has come. One that is older than the last is not judged.
    pub fn value(&mut self, name: &str, datum: Datum) -> Option<Event> {
        let condition = self.condition;
        let (name, thing) = self.thing(name)?;
        if thing.recent.back().is_some_and(|last| datum.at < last.at) {
            return None;
        }
        let at = datum.at;
        let number = datum.number.filter(|number| number.is_finite());
        let (met, hold) = match (condition, number) {
            (Condition::Above { limit, hold }, Some(number)) => (number > limit, hold),
            (Condition::Below { limit, hold }, Some(number)) => (number < limit, hold),
            (Condition::Rate { per_second, over }, Some(number)) => {
                let fast = thing
                    .rate(at, number, over)
                    .is_some_and(|rate| rate.abs() > per_second);
                (fast, Duration::ZERO)
            }
            (Condition::Unusual { score }, Some(number)) => {
                let far = thing.score(number).is_some_and(|found| found > score);
                (far, Duration::ZERO)
            }
            (Condition::Changed, _) => {
                let other = thing
                    .recent
                    .back()
                    .is_some_and(|last| last.text != datum.text);
                thing.remember(datum);
                return other.then(|| thing.event(&name, at, condition));
            }
            // What has come ends a silence.
            (Condition::NoData { .. }, _) => (false, Duration::ZERO),
            // A text is neither high nor low: what was known stays.
            _ => return None,
        };
        // What is usual is told by what came before.
        let why = thing.why_if(met, condition, at, number);
        thing.remember(datum);
        thing.judge(&name, met, at, at, hold, why)
    }

    /// A device is in a state since a time.
    pub fn state(
        &mut self,
        name: &str,
        state: State,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<Event> {
        let condition = self.condition;
        let Condition::State {
            state: wanted,
            hold,
        } = condition
        else {
            return None;
        };
        let (name, thing) = self.thing(name)?;
        let word = match state {
            State::Online => "online",
            State::Offline => "offline",
            State::Unknown => "unknown",
        };
        if thing.recent.back().is_none_or(|last| last.text != word) {
            thing.remember(Datum {
                at: since,
                text: word.to_owned(),
                number: None,
            });
        }
        let met = state == wanted;
        let why = thing.why_if(met, condition, now, None);
        thing.judge(&name, met, since, now, hold, why)
    }

    /// Time has passed. What it brought about.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Event> {
        let condition = self.condition;
        let mut events = Vec::new();
        for (name, thing) in &mut self.things {
            let Some(last) = thing.recent.back().map(|last| last.at) else {
                continue;
            };
            let event = match condition {
                Condition::Above { hold, .. } | Condition::Below { hold, .. }
                    if thing.since.is_some() =>
                {
                    let why = thing.why_if(true, condition, now, None);
                    thing.judge(name, true, now, now, hold, why)
                }
                Condition::NoData { after } if now.since(last) > after => {
                    let why = thing.why_if(true, condition, now, None);
                    thing.judge(name, true, last, now, after, why)
                }
                _ => None,
            };
            events.extend(event);
        }
        events
    }

    /// Of a time that is over no value could come: what had its last before it is as it is where nothing is high or low.
    pub fn quiet(&mut self, since: Timestamp, now: Timestamp) -> Vec<Event> {
        if !matches!(
            self.condition,
            Condition::Above { .. } | Condition::Below { .. }
        ) {
            return Vec::new();
        }
        let quiet = |thing: &Thing| thing.recent.back().is_some_and(|last| last.at < since);
        let things = self.things.iter_mut().filter(|(_, thing)| quiet(thing));
        things
            .filter_map(|(name, thing)| {
                thing.judge(name, false, now, now, Duration::ZERO, String::new())
            })
            .collect()
    }

    /// A thing, if it is known or finds room.
    fn thing(&mut self, name: &str) -> Option<(Arc<str>, &mut Thing)> {
        if !self.things.contains_key(name) {
            if self.things.len() >= THINGS {
                if self.left_out.len() < LEFT_OUT {
                    self.left_out.insert(self.hashing.hash_one(name));
                }
                return None;
            }
            self.things.insert(name.into(), Thing::default());
        }
        let key = self.things.get_key_value(name)?.0.clone();
        Some((key, self.things.get_mut(name)?))
    }
}

impl Thing {
    fn remember(&mut self, datum: Datum) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        let text: String = datum.text.chars().take(TEXT).collect();
        self.recent.push_back(Datum { text, ..datum });
    }

    /// Whether the condition is met, since when at the earliest, and what follows from it.
    fn judge(
        &mut self,
        name: &Arc<str>,
        met: bool,
        since: Timestamp,
        now: Timestamp,
        hold: Duration,
        why: String,
    ) -> Option<Event> {
        if !met {
            self.since = None;
            let was = std::mem::take(&mut self.raised);
            return was.then(|| Event::Over {
                thing: name.clone(),
                at: now,
            });
        }
        let since = *self.since.get_or_insert(since);
        if self.raised || now.since(since) < hold {
            return None;
        }
        self.raised = true;
        Some(Event::Raised {
            thing: name.clone(),
            at: now,
            why,
            data: self.recent.iter().cloned().collect(),
        })
    }

    fn event(&self, name: &Arc<str>, at: Timestamp, condition: Condition) -> Event {
        Event::Raised {
            thing: name.clone(),
            at,
            why: self.why(condition, at, None),
            data: self.recent.iter().cloned().collect(),
        }
    }

    /// How fast a value has changed: from the oldest one of that time to this one, a second.
    fn rate(&self, at: Timestamp, number: f64, over: Duration) -> Option<f64> {
        let oldest = self
            .recent
            .iter()
            .find(|datum| at.since(datum.at) <= over && datum.number.is_some())?;
        let seconds = at.since(oldest.at).as_secs_f64();
        (seconds > 0.0).then(|| (number - oldest.number.unwrap_or(number)) / seconds)
    }

    /// How many robust standard deviations a value is from the median of those before.
    fn score(&self, number: f64) -> Option<f64> {
        let numbers: Vec<f64> = self
            .recent
            .iter()
            .filter_map(|datum| datum.number)
            .collect();
        if numbers.len() < ENOUGH {
            return None;
        }
        let middle = median(numbers.clone());
        let distances = numbers.iter().map(|number| (number - middle).abs());
        let spread = NORMAL * median(distances.collect());
        let distance = (number - middle).abs();
        Some(if distance == 0.0 {
            0.0
        } else {
            distance / spread // infinite where all were the same
        })
    }

    /// Why, where [`Self::judge`] may tell it. Most values raise nothing, and are not put into words.
    fn why_if(
        &self,
        met: bool,
        condition: Condition,
        now: Timestamp,
        newest: Option<f64>,
    ) -> String {
        match met && !self.raised {
            true => self.why(condition, now, newest),
            false => String::new(),
        }
    }

    /// Why, in a sentence; before the newest value is remembered, where that is what it is about.
    fn why(&self, condition: Condition, now: Timestamp, newest: Option<f64>) -> String {
        let last = self.recent.back();
        let value = newest.or_else(|| last?.number);
        let value = value.map_or_else(String::new, |value| value.to_string());
        let held = |hold: Duration| {
            if hold.is_zero() {
                String::new()
            } else {
                format!(" for {}", length(hold))
            }
        };
        match condition {
            Condition::Above { limit, hold } => {
                format!("{value} is above {limit}{}.", held(hold))
            }
            Condition::Below { limit, hold } => {
                format!("{value} is below {limit}{}.", held(hold))
            }
            Condition::NoData { after } => {
                let silent = last.map_or(after, |last| now.since(last.at));
                format!("Nothing has come for {}.", length(silent))
            }
            Condition::Changed => {
                let before = self.recent.iter().rev().nth(1);
                format!(
                    "It changed from “{}” to “{}”.",
                    before.map_or("", |datum| &datum.text),
                    last.map_or("", |datum| &datum.text)
                )
            }
            Condition::Rate { per_second, over } => {
                let rate = newest.and_then(|number| self.rate(now, number, over));
                format!(
                    "It changes by {:.3} a second, which is more than {per_second}.",
                    rate.unwrap_or_default()
                )
            }
            Condition::Unusual { score } => {
                let numbers = self.recent.iter().filter_map(|datum| datum.number);
                let middle = median(numbers.collect());
                let found = newest.and_then(|number| self.score(number));
                match found.filter(|found| found.is_finite()) {
                    Some(found) => format!(
                        "{value} is {found:.1} robust standard deviations from the usual {middle}, which is more than {score}."
                    ),
                    None => format!("{value} is not the usual {middle}, which never varied."),
                }
            }
            Condition::State { hold, .. } => {
                format!(
                    "It is {}{}.",
                    last.map_or("", |datum| &datum.text),
                    held(hold)
                )
            }
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    if numbers.is_empty() {
        return 0.0;
    }
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    if numbers.len() % 2 == 1 {
        numbers[half]
    } else {
        numbers[half - 1] / 2.0 + numbers[half] / 2.0
    }
}

/// A length of time in words.
fn length(of: Duration) -> String {
    let seconds = of.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
