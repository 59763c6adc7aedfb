//! Which retained messages may no longer be true.
//!
//! Duty: say of a retained message that its publisher has gone without its will taking the message's place, and that it is
//! much older than those of its fellows: the same topic but for one level, as `plant/+/state`.
//! Not here: the broker's own knowledge (`mqttwb_broker::inspect`). Invariant: what is said is what is known; a message
//! that nothing speaks against is not marked.

use std::collections::HashMap;

use std::sync::Arc;

use mqttwb_broker::Broker;
use mqttwb_broker::inspect::{Presence, RetainedMessage};
use mqttwb_model::{ClientId, Timestamp, TopicFilter};

/// Kinds of fellows that are looked for, by one who marks.
const KINDS: usize = 100;
/// Fellows that are looked at.
const FELLOWS: usize = 200;
/// So many fellows make a rhythm.
const ENOUGH: usize = 3;
/// So many times older than the half of its fellows.
const TIMES: u64 = 10;
/// And at least this old, in milliseconds.
const LEAST: u64 = 60_000;

/// A retained message, as far as it matters here.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    topic: &'a str,
    publisher: &'a str,
    will: bool,
    /// When it was published, in milliseconds since 1970.
    at: u64,
}

impl<'a> From<&'a RetainedMessage> for Seen<'a> {
    fn from(kept: &'a RetainedMessage) -> Self {
        Self {
            topic: kept.message.topic(),
            publisher: kept.publisher.as_str(),
            will: kept.message.is_will(),
            at: kept.message.origin().at.as_millis(),
        }
    }
}

/// Says of retained messages, a part after the other, why they may no longer be true.
#[derive(Debug, Default)]
pub(super) struct Marker {
    rhythms: HashMap<String, Option<Rhythm>>,
}

impl Marker {
    /// Why each of these may no longer be true; nothing where nothing speaks against it.
    pub async fn why(&mut self, broker: &Broker, kept: &[RetainedMessage]) -> Vec<Option<String>> {
        let now = Timestamp::now().as_millis();
        let mut publishers: Vec<ClientId> = kept
            .iter()
            .filter(|kept| !kept.publisher.as_str().is_empty())
            .map(|kept| kept.publisher.clone())
            .collect();
        publishers.sort_unstable();
        publishers.dedup();
        // A broker that stops answers nothing, and nothing is marked.
        let answers = broker
            .presence(publishers.clone())
            .await
            .unwrap_or_default();
        let presence: HashMap<&str, Presence> = publishers
            .iter()
            .map(ClientId::as_str)
            .zip(answers)
            .collect();
        let mut said = Vec::with_capacity(kept.len());
        for seen in kept.iter().map(Seen::from) {
            let gone = presence
                .get(seen.publisher)
                .and_then(|presence| publisher_gone(&seen, presence, now));
            let old = match fellows(seen.topic) {
                Some(kind) => self.out_of_rhythm(broker, kind, &seen, now).await,
                None => None,
            };
            let why: Vec<String> = gone.into_iter().chain(old).collect();
            said.push((!why.is_empty()).then(|| why.join(" ")));
        }
        said
    }

    async fn out_of_rhythm(
        &mut self,
        broker: &Broker,
        kind: String,
        seen: &Seen<'_>,
        now: u64,
    ) -> Option<String> {
        if !self.rhythms.contains_key(&kind) {
            if self.rhythms.len() >= KINDS {
                return None;
            }
            let rhythm = rhythm(broker, &kind, now).await;
            self.rhythms.insert(kind.clone(), rhythm);
        }
        out_of_rhythm(seen, self.rhythms.get(&kind)?.as_ref()?, now)
    }
}

/// What is said of a message whose publisher is not connected. One that is not stale yet, since a will will take its
/// place, is told so too: it is about to change.
fn publisher_gone(entry: &Seen<'_>, presence: &Presence, now: u64) -> Option<String> {
    if entry.will {
        // That it has gone is what its will says.
        return None;
    }
    let who = entry.publisher;
    match presence {
        Presence::Connected => None,
        Presence::Away {
            will: Some((topic, due)),
            ..
        } if topic == entry.topic => Some(format!(
            "Its publisher {who} is away; its will takes this place in {}.",
            length(due.as_millis().saturating_sub(now))
        )),
        Presence::Away { since, .. } => Some(format!(
            "Its publisher {who} is away for {}, and no will of it has taken this place.",
            length(now.saturating_sub(since.as_millis()))
        )),
        Presence::Gone => Some(format!(
            "Its publisher {who} has gone, and no will of it has taken this place."
        )),
    }
}

/// How often those of a kind come.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rhythm {
    kind: String,
    fellows: usize,
    /// Half of them are not older than this, in milliseconds.
    median: u64,
}

async fn rhythm(broker: &Broker, kind: &str, now: u64) -> Option<Rhythm> {
    let filter = Arc::new([TopicFilter::try_from(kind).ok()?]);
    let some = broker.retained_walk(filter, None, FELLOWS).await?;
    let ages = some
        .found
        .iter()
        .map(|kept| now.saturating_sub(kept.message.origin().at.as_millis()))
        .collect();
    rhythm_of(kind, ages)
}

fn rhythm_of(kind: &str, mut ages: Vec<u64>) -> Option<Rhythm> {
    // The message itself is one of them.
    if ages.len() < ENOUGH + 1 {
        return None;
    }
    ages.sort_unstable();
    Some(Rhythm {
        kind: kind.to_owned(),
        fellows: ages.len() - 1,
        median: ages[(ages.len() - 1) / 2],
    })
}

fn out_of_rhythm(entry: &Seen<'_>, rhythm: &Rhythm, now: u64) -> Option<String> {
    let age = now.saturating_sub(entry.at);
    (age >= LEAST && age > rhythm.median.saturating_mul(TIMES)).then(|| {
        format!(
            "It is {} old; half of its {} fellows on {} are not older than {}.",
            length(age),
            rhythm.fellows,
            rhythm.kind,
            length(rhythm.median)
        )
    })
}

/// The filter of a topic's fellows: the level before the last may differ, of two levels the last.
fn fellows(topic: &str) -> Option<String> {
    let mut levels: Vec<&str> = topic.split('/').collect();
    let differs = match levels.len() {
        0 | 1 => return None,
        2 => 1,
        many => many - 2,
    };
    *levels.get_mut(differs)? = "+";
    Some(levels.join("/"))
}

/// A length of time: `48 s`, `12 min`, `3 h 20 min`, `2 days`.
fn length(millis: u64) -> String {
    let seconds = millis / 1000;
    match (seconds, seconds / 60, seconds / 3600) {
        (_, 0, _) => format!("{seconds} s"),
        (_, minutes, 0) => format!("{minutes} min"),
        (_, minutes, hours) if hours < 48 => match minutes % 60 {
            0 => format!("{hours} h"),
            rest => format!("{hours} h {rest} min"),
        },
        (_, _, hours) => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 100_000_000;

    fn entry(topic: &str, age: u64) -> Seen<'_> {
        Seen {
            topic,
            publisher: "pump-7",
            will: false,
            at: NOW - age,
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp(millis * 1_000_000)
    }

    #[test]
    fn a_publisher_that_went_without_a_will_is_told() {
        let entry = entry("plant/pump-7/state", 5_000);
        let said = |presence| publisher_gone(&entry, &presence, NOW);
        assert_eq!(said(Presence::Connected), None);
        assert_eq!(
            said(Presence::Gone).unwrap(),
            "Its publisher pump-7 has gone, and no will of it has taken this place."
        );
        let will = Seen {
            will: true,
            ..entry
        };
        assert_eq!(publisher_gone(&will, &Presence::Gone, NOW), None);
        let away = |will: Option<(&str, u64)>| Presence::Away {
            since: at(NOW - 200_000),
            will: will.map(|(topic, due)| (topic.to_owned(), at(due))),
        };
        assert_eq!(
            said(away(None)).unwrap(),
            "Its publisher pump-7 is away for 3 min, and no will of it has taken this place."
        );
        assert!(
            said(away(Some(("other", NOW + 9_000))))
                .unwrap()
                .contains("no will")
        );
        assert_eq!(
            said(away(Some(("plant/pump-7/state", NOW + 9_000)))).unwrap(),
            "Its publisher pump-7 is away; its will takes this place in 9 s."
        );
    }

    #[test]
    fn one_that_is_much_older_than_its_fellows_is_told() {
        let ages = |own: u64| vec![own, 2_000, 3_000, 4_000, 70_000];
        let rhythm = rhythm_of("plant/+/state", ages(300_000)).unwrap();
        assert_eq!((rhythm.fellows, rhythm.median), (4, 4_000));
        let old = entry("plant/pump-7/state", 300_000);
        assert_eq!(
            out_of_rhythm(&old, &rhythm, NOW).unwrap(),
            "It is 5 min old; half of its 4 fellows on plant/+/state are not older than 4 s."
        );
        assert_eq!(
            out_of_rhythm(&entry("plant/a/state", 39_000), &rhythm, NOW),
            None
        );
        assert_eq!(
            rhythm_of("plant/+/state", vec![1, 2, 300_000]),
            None,
            "too few to compare with"
        );
        let slow = rhythm_of("plant/+/state", vec![300_000; 5]).unwrap();
        assert_eq!(
            out_of_rhythm(&old, &slow, NOW),
            None,
            "all of them are that old"
        );
    }

    #[test]
    fn fellows_differ_in_the_level_before_the_last() {
        assert_eq!(
            fellows("plant/line-1/pump-7/state").unwrap(),
            "plant/line-1/+/state"
        );
        assert_eq!(fellows("plant/state").unwrap(), "plant/+");
        assert_eq!(fellows("state"), None);
        assert_eq!(fellows("/a").unwrap(), "/+");
    }
}
