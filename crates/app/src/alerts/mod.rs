//! Alerts: rules that a person has made, watched for while the workbench is open.
//!
//! Duty: bring values of packets, of what is measured of the broker and of the device board to the rules, keep what they raise with the
//! data that raised it, and publish it where that is wanted.
//! Not here: when a rule is met (`mqttwb_fleet`), the system's own notifications (the window).
//! Invariant: without a rule nothing is read; alerts are bounded, and what makes room or is held back is counted; the
//! payload of what is published for an alert raises none.

mod judging;
mod publishing;
mod raised;
mod rules;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Cursor};
use mqttwb_model::{ClientId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio::time::MissedTickBehavior;

use crate::api::{
    Alert, AlertBrief, AlertRule, AlertRuleState, AlertSource, AlertsState, ApiError, ErrorCode,
};
use crate::broker::BrokerControl;
use crate::charts::Charts;
use crate::devices::Devices;
use crate::payloads::Payloads;
use crate::{Result, blocking};

use judging::{Armed, State, Wanted};
pub(crate) use publishing::CLIENT;
use rules::Watched;

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
        let mut state = State::open(data);
        let now = Timestamp::now();
        for rule in state.keep.rules.clone() {
            // Reading the file has checked them.
            if let Ok(armed) = Armed::new(rule, now) {
                state.armed.push(armed);
            }
        }
        state.rules_changed(&charts, now);
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
        state.judge_samples(&self.charts, now, &mut events);
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
            missed: state.missed.max(self.charts.missed_of_watched()),
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
            let armed = Armed::new(rule.clone(), Timestamp::now())?;
            match state.armed.iter().position(|a| a.rule.id == rule.id) {
                Some(place) => {
                    state.armed[place] = armed;
                    state.end(rule.id);
                }
                None => state.armed.push(armed),
            }
            state.rules_changed(&alerts.charts, Timestamp::now());
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
            state.rules_changed(&alerts.charts, Timestamp::now());
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

/// An alert in a sentence.
fn sentence(alert: &Alert) -> String {
    format!("{}: {}. {}", alert.name, alert.thing, alert.why)
}

/// A text that says the same whoever shows it: topics and values are somebody else's, and a service of notifications may take `<`
/// for markup and obey marks that turn a text.
pub(crate) fn plain(text: &str) -> String {
    let plain = |c| match c {
        '<' => '‹',
        '>' => '›',
        c if c.is_control() => '\u{fffd}',
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(plain).collect()
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
        AlertSource::Broker { measure, line } => {
            let title = crate::charts::measure_title(*measure);
            line.as_ref()
                .map_or_else(|| title.to_owned(), |line| format!("{title}, {line}"))
        }
        AlertSource::Device { name } => format!("devices {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_notification_has_neither_markup_nor_marks_that_turn_it() {
        assert_eq!(
            plain("plant/<b>\u{202e}7</b>\n: 4 is above 3, 5 °C & 温"),
            "plant/‹b›\u{fffd}7‹/b›\u{fffd}: 4 is above 3, 5 °C & 温"
        );
    }
}
