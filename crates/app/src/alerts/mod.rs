//! Alerts: rules that a person has made, watched for while the workbench is open.
//!
//! Duty: bring values of packets, of the broker's counters and of the device board to the rules, keep what they raise with the
//! data that raised it, and publish it where that is wanted.
//! Not here: when a rule is met (`mqttwb_fleet`), the system's own notifications (the window).
//! Invariant: without a rule nothing is read; alerts are bounded, and what makes room or is held back is counted; what is
//! published for an alert raises none.

mod publishing;
mod raised;
mod rules;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Cursor, Packet};
use mqttwb_fleet::{Datum, Event, Watch};
use mqttwb_model::{ClientId, Direction, PacketType, SeenBy, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio::time::MissedTickBehavior;

use crate::api::{
    Alert, AlertBrief, AlertDatum, AlertRule, AlertRuleState, AlertSource, AlertsState, ApiError,
    ErrorCode,
};
use crate::broker::BrokerControl;
use crate::charts::Charts;
use crate::devices::Devices;
use crate::payloads::Payloads;
use crate::{Result, blocking};

pub(crate) use publishing::CLIENT;
use raised::Raised;
use rules::{Keep, Watched};

/// How often what has come is judged.
const TICK: Duration = Duration::from_millis(200);
/// Devices are looked at each so many ticks.
const DEVICES_EVERY: u64 = 3;
/// Batches of packets that are read in a tick at most.
const BATCHES: usize = 32;
/// Alerts that are kept; older ones make room, those that somebody has seen first.
const KEPT: usize = 1_000;
/// Alerts that are told at once.
const TOLD: usize = 200;
/// Alerts that a rule may raise in [`WINDOW`]; further ones are counted.
const AT_ONCE: usize = 20;
const WINDOW: Duration = Duration::from_secs(10);
/// Alerts that wait for who listens to them; a slower one misses the oldest.
const WAITING: usize = 64;

/// The rules, and what they have raised.
pub(crate) struct Alerts {
    capture: Arc<Capture>,
    payloads: Arc<Payloads>,
    devices: Arc<Devices>,
    charts: Arc<Charts>,
    broker: Arc<BrokerControl>,
    state: Mutex<State>,
    told: broadcast::Sender<Alert>,
}

struct State {
    keep: Keep,
    armed: Vec<Armed>,
    raised: Raised,
    file: raised::File,
    missed: u64,
    /// Where reading has come to; nowhere without a rule that reads packets.
    cursor: Option<Cursor>,
    /// Topics that alerts are published to.
    own: HashSet<String>,
    /// The newest of the broker's samples that was judged, by its line.
    sampled: HashMap<String, Timestamp>,
}

/// A rule at work.
struct Armed {
    rule: AlertRule,
    watched: Watched,
    watch: Watch,
    /// When it raised its last ones.
    raised: VecDeque<Timestamp>,
    held_back: u64,
}

/// What is to be published.
struct Wanted {
    alert: u64,
    topic: String,
    retain: bool,
    payload: Vec<u8>,
}

impl Alerts {
    /// Those of a data folder. Where the rules can't be read, none, and the reason.
    pub(crate) fn open(
        data: &FilePath,
        capture: Arc<Capture>,
        payloads: Arc<Payloads>,
        devices: Arc<Devices>,
        charts: Arc<Charts>,
        broker: Arc<BrokerControl>,
    ) -> Self {
        let keep = Keep::open(data);
        let (file, raised) = raised::open(data);
        let mut state = State {
            armed: Vec::new(),
            raised,
            file,
            missed: 0,
            cursor: None,
            own: HashSet::new(),
            sampled: HashMap::new(),
            keep,
        };
        for rule in state.keep.rules.clone() {
            // Reading the file has checked them.
            if let Ok(armed) = Armed::new(rule) {
                state.armed.push(armed);
            }
        }
        state.name_own_topics();
        Self {
            capture,
            payloads,
            devices,
            charts,
            broker,
            state: Mutex::new(state),
            told: broadcast::channel(WAITING).0,
        }
    }

    /// Hears of each alert from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Alert> {
        self.told.subscribe()
    }

    /// Watches until `stop` says so, or its sender is gone.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for tick in 0u64.. {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            let alerts = self.clone();
            // Where that fails it is told with the alerts, and tried again when the next thing changes.
            let _ = blocking(move || alerts.write(Timestamp::now())).await;
            let looks_at_devices = {
                let mut state = self.state.lock();
                if !state.armed.iter().any(|armed| armed.rule.enabled) {
                    state.cursor = None;
                    continue;
                }
                let mut enabled = state.armed.iter().filter(|armed| armed.rule.enabled);
                // Every session is asked for them.
                tick % DEVICES_EVERY == 0
                    && enabled.any(|armed| matches!(armed.watched, Watched::Device(_)))
            };
            if looks_at_devices {
                self.devices.refresh().await;
            }
            let alerts = self.clone();
            let now = Timestamp::now();
            let judged = tokio::task::spawn_blocking(move || alerts.judge(now, looks_at_devices));
            let Ok(wanted) = judged.await else {
                return; // the runtime ends
            };
            for wanted in wanted {
                let published =
                    self.broker
                        .publish_alert(&wanted.topic, wanted.retain, &wanted.payload);
                if let Err(error) = published.await {
                    let mut state = self.state.lock();
                    let mut alerts = state.raised.alerts.iter_mut();
                    if let Some(alert) = alerts.find(|alert| alert.id == wanted.alert) {
                        alert.problem = Some(error.message);
                        state.file.change();
                    }
                }
            }
        }
    }

    /// Writes what was raised, where that has changed and was not just written.
    fn write(&self, now: Timestamp) -> Result<()> {
        let (path, raised) = {
            let mut state = self.state.lock();
            let Some(path) = state.file.due(now) else {
                return Ok(());
            };
            (path, state.raised.clone())
        };
        let written = raised::write(&path, &raised);
        self.state.lock().file.problem = written.as_ref().err().cloned();
        written
    }

    /// Writes what has changed since it was written last: the workbench ends.
    pub(crate) async fn close(self: &Arc<Self>) {
        let alerts = self.clone();
        // Where it can't be written there is nobody left to tell.
        let _ = blocking(move || {
            alerts.state.lock().file.hurry();
            alerts.write(Timestamp::now())
        })
        .await;
    }

    /// Brings what has come to the rules. What is to be published for what they raised.
    fn judge(&self, now: Timestamp, devices: bool) -> Vec<Wanted> {
        let mut wanted = self.read_packets();
        let mut state = self.state.lock();
        let mut events = Vec::new();
        state.judge_samples(&self.charts, &mut events);
        if devices {
            let states = self.devices.states();
            for (place, armed) in state.watching() {
                let Watched::Device(names) = &armed.watched else {
                    continue;
                };
                for (name, state, since) in &states {
                    if names.matches(&ClientId::from(name.as_str())) {
                        let since = since.unwrap_or(now);
                        let event = armed.watch.state(name, *state, since, now);
                        events.extend(event.map(|event| (place, event)));
                    }
                }
            }
        }
        for (place, armed) in state.watching() {
            let told = armed.watch.tick(now);
            events.extend(told.into_iter().map(|event| (place, event)));
        }
        for (place, event) in events {
            wanted.extend(state.take(place, event, &self.told));
        }
        wanted
    }

    /// Reads the packets that have come.
    fn read_packets(&self) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for _ in 0..BATCHES {
            // The lock is given back between batches, so that nobody waits for all of them.
            let mut state = self.state.lock();
            let reads =
                |armed: &Armed| armed.rule.enabled && matches!(armed.watched, Watched::Payload(..));
            if !state.armed.iter().any(reads) {
                state.cursor = None;
                break;
            }
            let newest = || Cursor::at_newest(self.capture.clone());
            let batch = state.cursor.get_or_insert_with(newest).next_batch();
            state.missed += batch.missed;
            let mut events = Vec::new();
            for packet in batch.iter() {
                state.see(&packet, &self.payloads, &mut events);
            }
            for (place, event) in events {
                wanted.extend(state.take(place, event, &self.told));
            }
            if batch.is_empty() {
                break;
            }
        }
        wanted
    }

    /// Rules and alerts.
    pub(crate) fn state(&self) -> AlertsState {
        let state = self.state.lock();
        let rules = state.armed.iter().map(|armed| AlertRuleState {
            rule: armed.rule.clone(),
            watched: armed.watch.len() as u32,
            raised: armed.watch.raised() as u32,
            left_out: armed.watch.left_out(),
            held_back: armed.held_back,
        });
        AlertsState {
            rules: rules.collect(),
            alerts: (state.raised.alerts.iter().rev().take(TOLD))
                .cloned()
                .collect(),
            kept: state.raised.alerts.len() as u32,
            forgotten: state.raised.forgotten,
            missed: state.missed,
            problem: state.keep.problem().or(state.file.problem.clone()),
        }
    }

    /// What every page says of them.
    pub(crate) fn brief(&self) -> AlertBrief {
        let state = self.state.lock();
        let waiting = state
            .raised
            .alerts
            .iter()
            .filter(|alert| !alert.acknowledged);
        let newest = state.raised.alerts.back();
        AlertBrief {
            waiting: waiting.count() as u32,
            newest: newest.map_or(0, |alert| alert.id),
            text: newest.map_or_else(String::new, sentence),
        }
    }

    /// Makes a rule, or changes one: it begins to watch anew.
    pub(crate) async fn set_rule(self: &Arc<Self>, rule: AlertRule) -> Result<AlertRule> {
        let alerts = self.clone();
        blocking(move || {
            let mut state = alerts.state.lock();
            let rule = state.keep.put(rule)?;
            let armed = Armed::new(rule.clone())?;
            match state.armed.iter().position(|a| a.rule.id == rule.id) {
                Some(place) => {
                    state.armed[place] = armed;
                    state.end(rule.id);
                }
                None => state.armed.push(armed),
            }
            state.name_own_topics();
            Ok(rule)
        })
        .await
    }

    /// Removes a rule. Returns it, for an undo. What it raised stays.
    pub(crate) async fn remove_rule(self: &Arc<Self>, id: u32) -> Result<AlertRule> {
        let alerts = self.clone();
        blocking(move || {
            let mut state = alerts.state.lock();
            let rule = state.keep.remove(id)?;
            state.armed.retain(|armed| armed.rule.id != id);
            state.end(id);
            state.name_own_topics();
            Ok(rule)
        })
        .await
    }

    /// Somebody has seen these; all where none is named.
    pub(crate) fn acknowledge(&self, ids: &[u64]) {
        let mut state = self.state.lock();
        let named = |alert: &&mut Alert| ids.is_empty() || ids.contains(&alert.id);
        let alerts = state.raised.alerts.iter_mut().filter(named);
        alerts.for_each(|alert| alert.acknowledged = true);
        state.file.change();
    }
}

impl Armed {
    fn new(rule: AlertRule) -> Result<Self> {
        let (watched, condition) = rules::parse(&rule)?;
        Ok(Self {
            rule,
            watched,
            watch: Watch::new(condition),
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
    fn name_own_topics(&mut self) {
        let topics = self.armed.iter().filter_map(|armed| {
            let publish = armed.rule.publish.as_ref()?;
            Some(publish.topic.clone())
        });
        self.own = topics.collect();
    }

    /// A rule is not watched for any more as it was: what it has raised is over.
    fn end(&mut self, rule: u32) {
        let now = Timestamp::now().as_millis();
        let open = |alert: &&mut Alert| {
            alert.rule == rule && alert.lasting && alert.over.is_none() && !alert.interrupted
        };
        let alerts = self.raised.alerts.iter_mut().filter(open);
        alerts.for_each(|alert| alert.over = Some(now));
        self.file.change();
    }

    /// The rules that are watched for, with their places.
    fn watching(&mut self) -> impl Iterator<Item = (usize, &mut Armed)> {
        let armed = self.armed.iter_mut().enumerate();
        armed.filter(|(_, armed)| armed.rule.enabled)
    }

    /// Looks at a packet.
    fn see(&mut self, packet: &Packet<'_>, payloads: &Payloads, events: &mut Vec<(usize, Event)>) {
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

    /// Looks at what was counted of the broker since the last time.
    fn judge_samples(&mut self, charts: &Charts, events: &mut Vec<(usize, Event)>) {
        let mut fresh = Vec::new();
        let watched = self.armed.iter().filter_map(|armed| match armed.watched {
            Watched::Broker(measure) if armed.rule.enabled => Some(measure),
            _ => None,
        });
        for measure in watched.collect::<Vec<_>>() {
            for (line, point) in charts.newest(measure) {
                fresh.push((measure, line, point));
            }
        }
        for (place, armed) in self.armed.iter_mut().enumerate() {
            let Watched::Broker(wanted) = armed.watched else {
                continue;
            };
            for (measure, line, point) in &fresh {
                let key = format!("{} {line}", armed.rule.id);
                let known = self.sampled.get(&key).copied();
                if *measure != wanted || !armed.rule.enabled || known == Some(point.at) {
                    continue;
                }
                self.sampled.insert(key, point.at);
                let datum = Datum {
                    at: point.at,
                    text: rules::rounded(point.value),
                    number: Some(point.value),
                };
                let event = armed.watch.value(line, datum);
                events.extend(event.map(|event| (place, event)));
            }
        }
    }

    /// Keeps what a rule has told, and says what is to be published for it.
    fn take(
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

/// An alert in a sentence.
fn sentence(alert: &Alert) -> String {
    format!("{}: {}. {}", alert.name, alert.thing, alert.why)
}

fn not_found(id: u32) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("There is no alert rule {id}."))
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, message)
}

/// What a rule's source is called.
pub(crate) fn watched_text(source: &AlertSource) -> String {
    match source {
        AlertSource::Payload { filter, path } if path.is_empty() => filter.clone(),
        AlertSource::Payload { filter, path } => format!("{path} of {filter}"),
        AlertSource::Broker { measure } => crate::charts::measure_title(*measure).to_owned(),
        AlertSource::Device { name } => format!("devices {name}"),
    }
}
