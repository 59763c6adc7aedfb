//! The rules at work: what has come is brought to them, and what they tell is kept.
//!
//! Duty: look at a packet or at what was counted for every rule that watches it, and turn what a rule tells into an alert.
//! Not here: when that is done (`alerts`), when a rule is met (`mqttwb_fleet`).
//! Invariant: a sample is judged once by each rule; what is remembered of a rule goes with it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use mqttwb_capture::{Cursor, Packet};
use mqttwb_fleet::{Datum, Event, Watch};
use mqttwb_model::{Direction, PacketType, SeenBy, Timestamp};
use tokio::sync::broadcast;

use super::raised::{self, Raised};
use super::rules::{self, Keep, Watched};
use super::{AT_ONCE, KEPT, WINDOW, publishing};
use crate::Result;
use crate::api::{Alert, AlertDatum, AlertRule, ChartMeasure};
use crate::charts::Charts;
use crate::payloads::Payloads;

/// The latency of the next second is known this long after that of the one before, unless nothing was delivered in it.
const QUIET: Duration = Duration::from_millis(2_500);

/// The rules, what they have raised, and where reading has come to.
pub(super) struct State {
    pub keep: Keep,
    pub armed: Vec<Armed>,
    pub raised: Raised,
    pub file: raised::File,
    pub missed: u64,
    /// Where reading has come to; nowhere without a rule that reads packets.
    pub cursor: Option<Cursor>,
    /// Topics that alerts are published to.
    pub own: HashSet<String>,
}

/// A rule at work.
pub(super) struct Armed {
    pub rule: AlertRule,
    pub watched: Watched,
    pub watch: Watch,
    /// When the broker's newest sample that was judged was taken, of each line.
    sampled: HashMap<String, Timestamp>,
    /// What was measured before is not judged.
    since: Timestamp,
    /// When it raised its last ones.
    pub raised: VecDeque<Timestamp>,
    pub held_back: u64,
}

/// What is to be published.
pub(super) struct Wanted {
    pub alert: u64,
    pub topic: String,
    pub retain: bool,
    pub payload: Vec<u8>,
}

impl Armed {
    /// It watches from now on.
    pub fn new(rule: AlertRule, now: Timestamp) -> Result<Self> {
        let (watched, condition) = rules::parse(&rule)?;
        Ok(Self {
            rule,
            watched,
            watch: Watch::new(condition),
            sampled: HashMap::new(),
            since: now,
            raised: VecDeque::new(),
            held_back: 0,
        })
    }

    /// Whether it may raise one more now.
    fn may_raise(&mut self, at: Timestamp) -> bool {
        while self
            .raised
            .front()
            .is_some_and(|first| at.since(*first) > WINDOW)
        {
            self.raised.pop_front();
        }
        if self.raised.len() >= AT_ONCE {
            self.held_back += 1;
            return false;
        }
        self.raised.push_back(at);
        true
    }
}

impl State {
    /// What is kept in a data folder; nothing of it is at work yet.
    pub fn open(data: &Path) -> Self {
        let (file, raised) = raised::open(data);
        Self {
            keep: Keep::open(data),
            armed: Vec::new(),
            raised,
            file,
            missed: 0,
            cursor: None,
            own: HashSet::new(),
        }
    }

    /// Follows from what the rules are now.
    pub fn rules_changed(&mut self, charts: &Charts, now: Timestamp) {
        charts.watch(self.measures(), now);
        let topics = self.armed.iter().filter_map(|armed| {
            let publish = armed.rule.publish.as_ref()?;
            Some(publish.topic.clone())
        });
        self.own = topics.collect();
    }

    /// A rule is not watched for any more as it was: what it has raised is over.
    pub fn end(&mut self, rule: u32) {
        let now = Timestamp::now().as_millis();
        let open = |alert: &&mut Alert| {
            alert.rule == rule && alert.lasting && alert.over.is_none() && !alert.interrupted
        };
        let alerts = self.raised.alerts.iter_mut().filter(open);
        alerts.for_each(|alert| alert.over = Some(now));
        self.file.change();
    }

    /// The rules that are watched for, with their places.
    pub fn watching(&mut self) -> impl Iterator<Item = (usize, &mut Armed)> {
        let armed = self.armed.iter_mut().enumerate();
        armed.filter(|(_, armed)| armed.rule.enabled)
    }

    /// Looks at a packet.
    pub fn see(
        &mut self,
        packet: &Packet<'_>,
        payloads: &Payloads,
        events: &mut Vec<(usize, Event)>,
    ) {
        // A message is seen once: on its way to the embedded broker, and from another one.
        let once = match packet.seen_by {
            SeenBy::Broker => packet.direction == Direction::ToBroker,
            SeenBy::ClientOfBroker => false,
            SeenBy::ClientOfRemote => packet.direction == Direction::ToClient,
        };
        if !once || packet.packet_type() != Some(PacketType::Publish) {
            return;
        }
        let Some(topic) = packet.topic().filter(|topic| !self.own.contains(*topic)) else {
            return;
        };
        let mut decoded = None;
        for (place, armed) in self.watching() {
            let Watched::Payload(filter, path) = &armed.watched else {
                continue;
            };
            if !filter.matches(topic) {
                continue;
            }
            let payload = *decoded.get_or_insert_with(|| {
                match mqttwb_wire::decode(packet.frame, packet.version) {
                    Ok(mqttwb_wire::Packet::Publish(publish)) => Some(publish.payload),
                    _ => None,
                }
            });
            let Some(payload) = payload else {
                return;
            };
            let number = payloads.number(topic, payload, path);
            let text = match number {
                Some(number) => Some(number.to_string()),
                None => payloads.state(topic, payload, path),
            };
            if let Some(text) = text {
                let at = packet.at;
                let event = armed.watch.value(topic, Datum { at, text, number });
                events.extend(event.map(|event| (place, event)));
            }
        }
    }

    /// What the rules that are at work watch of the broker.
    fn measures(&mut self) -> BTreeSet<ChartMeasure> {
        let measure = |(_, armed): (usize, &mut Armed)| match armed.watched {
            Watched::Broker(measure, _) => Some(measure),
            Watched::Payload(..) | Watched::Device(_) => None,
        };
        self.watching().filter_map(measure).collect()
    }

    /// Looks at what was measured of the broker since the last time.
    pub fn judge_samples(
        &mut self,
        charts: &Charts,
        now: Timestamp,
        events: &mut Vec<(usize, Event)>,
    ) {
        for (place, armed) in self.watching() {
            let Watched::Broker(measure, line) = &armed.watched else {
                continue;
            };
            let watched = (*measure, line.as_deref());
            for (line, point) in charts.later_than(watched, armed.since, &armed.sampled) {
                let datum = Datum {
                    at: point.at,
                    text: rules::rounded(point.value),
                    number: Some(point.value),
                };
                let event = armed.watch.value(&line, datum);
                events.extend(event.map(|event| (place, event)));
                armed.sampled.insert(line, point.at);
            }
            // A second without deliveries has no latency: what was slow before is not slow any more.
            if *measure == ChartMeasure::Latency {
                let quiet = Timestamp(now.0.saturating_sub(QUIET.as_nanos() as u64));
                let events_of = armed.watch.quiet(quiet, now);
                events.extend(events_of.into_iter().map(|event| (place, event)));
            }
        }
    }

    /// Keeps what a rule has told, and says what is to be published for it.
    pub fn take(
        &mut self,
        place: usize,
        event: Event,
        told: &broadcast::Sender<Alert>,
    ) -> Option<Wanted> {
        let armed = self.armed.get_mut(place)?;
        match event {
            Event::Raised {
                thing,
                at,
                why,
                data,
            } => {
                if !armed.may_raise(at) {
                    return None;
                }
                self.raised.last_id += 1;
                self.file.change();
                let data = data.into_iter().map(|datum| AlertDatum {
                    at: datum.at.as_millis(),
                    text: datum.text,
                });
                let alert = Alert {
                    id: self.raised.last_id,
                    rule: armed.rule.id,
                    name: armed.rule.name.clone(),
                    thing: thing.to_string(),
                    source: armed.rule.source.clone(),
                    at: at.as_millis(),
                    why,
                    data: data.collect(),
                    over: None,
                    interrupted: false,
                    lasting: armed.watch.condition() != mqttwb_fleet::Condition::Changed,
                    notify: armed.rule.notify,
                    acknowledged: false,
                    problem: None,
                };
                let wanted = publishing::wanted(&armed.rule, &alert, "raised");
                // Nobody may be listening.
                let _ = told.send(alert.clone());
                let Raised {
                    alerts, forgotten, ..
                } = &mut self.raised;
                if alerts.len() >= KEPT {
                    let seen = alerts.iter().position(|alert| alert.acknowledged);
                    alerts.remove(seen.unwrap_or(0));
                    *forgotten += 1;
                }
                alerts.push_back(alert);
                wanted
            }
            Event::Over { thing, at } => {
                let id = armed.rule.id;
                let mut alerts = self.raised.alerts.iter_mut().rev();
                let alert = alerts.find(|alert| alert.rule == id && *alert.thing == *thing)?;
                if alert.over.is_some() || alert.interrupted {
                    return None; // it was held back
                }
                self.file.change();
                alert.over = Some(at.as_millis());
                publishing::wanted(&armed.rule, alert, "over")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mqttwb_capture::Capture;

    use super::*;
    use crate::api::{AlertCondition, AlertSource};
    use crate::charts::Counters;

    fn rule(id: u32) -> AlertRule {
        AlertRule {
            id,
            name: format!("rule {id}"),
            source: AlertSource::Broker {
                measure: ChartMeasure::Connections,
                line: None,
            },
            condition: AlertCondition::Changed,
            enabled: true,
            notify: false,
            publish: None,
        }
    }

    #[test]
    fn a_sample_is_judged_once_by_each_rule_and_what_is_remembered_goes_with_the_rule() {
        let data = tempfile::tempdir().unwrap();
        let payloads = Arc::new(Payloads::open_in(data.path()).unwrap());
        let charts = Charts::new(Capture::new(1 << 20), payloads, Counters::default);
        let sample = |second: u64, connections| {
            let counters = Counters {
                connections,
                ..Counters::default()
            };
            charts.sample(Timestamp(second * 1_000_000_000), counters);
        };
        let mut state = State::open(data.path());
        let told = |state: &mut State| {
            let mut events = Vec::new();
            state.judge_samples(&charts, Timestamp::now(), &mut events);
            let raised = events.into_iter().filter_map(|(place, event)| match event {
                Event::Raised { data, .. } => Some((place, data.len())),
                Event::Over { .. } => None,
            });
            raised.collect::<Vec<_>>()
        };
        for id in 1..100 {
            let first = u64::from(id) * 10;
            let armed = |id| Armed::new(rule(id), Timestamp(first * 1_000_000_000 - 1)).unwrap();
            state.armed = vec![armed(2 * id), armed(2 * id + 1)];
            sample(first, 1);
            assert_eq!(told(&mut state), []);
            sample(first + 1, 2);
            assert_eq!(told(&mut state), [(0, 2), (1, 2)]);
            // The same sample again, and one that says the same.
            assert_eq!(told(&mut state), []);
            sample(first + 2, 2);
            assert_eq!(told(&mut state), []);
            let remembered = state.armed.iter().map(|armed| armed.sampled.len());
            assert_eq!(
                remembered.sum::<usize>(),
                2,
                "one line for each rule that is there"
            );
        }
    }
}
