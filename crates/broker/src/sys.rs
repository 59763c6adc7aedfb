//! The broker about itself: what it publishes under `$SYS/broker/`, with mosquitto's names.
//!
//! Duty: turn counters into topics and texts, with averages of what happens in a minute, and say which have changed. Not here:
//! counting, publishing, the clock (time is an argument). Invariant: a topic is told again only when its text differs.

use std::collections::HashMap;
use std::time::Duration;

/// What was counted up to now, and what there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Numbers {
    pub(crate) clients_connected: u64,
    /// Sessions whose clients are away.
    pub(crate) clients_disconnected: u64,
    /// The most that were connected at a time.
    pub(crate) clients_maximum: u64,
    pub(crate) clients_expired: u64,
    /// Packets of any type.
    pub(crate) packets_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) publish_received: u64,
    pub(crate) publish_sent: u64,
    pub(crate) publish_dropped: u64,
    /// Payloads alone.
    pub(crate) publish_bytes_received: u64,
    pub(crate) publish_bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) sockets: u64,
    /// CONNECT packets.
    pub(crate) connections: u64,
    pub(crate) retained: u64,
    /// Retained messages and messages that wait for clients.
    pub(crate) stored: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) subscriptions: u64,
    pub(crate) shared_subscriptions: u64,
}

/// A topic of averages, and what they are averages of.
type Load = (&'static str, fn(&Numbers) -> u64);

const LOADS: [Load; 11] = [
    ("messages/received", |n| n.packets_received),
    ("messages/sent", |n| n.packets_sent),
    ("publish/received", |n| n.publish_received),
    ("publish/sent", |n| n.publish_sent),
    ("publish/dropped", |n| n.publish_dropped),
    ("bytes/received", |n| n.bytes_received),
    ("bytes/sent", |n| n.bytes_sent),
    ("sockets", |n| n.sockets),
    ("connections", |n| n.connections),
    ("publish/bytes/received", |n| n.publish_bytes_received),
    ("publish/bytes/sent", |n| n.publish_bytes_sent),
];

/// Over how long averages are taken.
const SPANS: [(&str, f64); 3] = [("1min", 60.0), ("5min", 300.0), ("15min", 900.0)];

/// What was told last, and the averages.
#[derive(Debug)]
pub(crate) struct SysTree {
    version: String,
    last: Numbers,
    averages: [[f64; SPANS.len()]; LOADS.len()],
    told: HashMap<String, String>,
}

impl SysTree {
    pub(crate) fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            last: Numbers::default(),
            averages: [[0.0; SPANS.len()]; LOADS.len()],
            told: HashMap::new(),
        }
    }

    /// Topics whose text has changed. `uptime` is since the start, `passed` since the last time that this was asked.
    pub(crate) fn update(
        &mut self,
        now: Numbers,
        uptime: Duration,
        passed: Duration,
    ) -> Vec<(String, String)> {
        let seconds = passed.as_secs_f64();
        if seconds > 0.0 {
            for ((_, of), averages) in LOADS.iter().zip(&mut self.averages) {
                let a_minute = of(&now).saturating_sub(of(&self.last)) as f64 * 60.0 / seconds;
                for ((_, span), average) in SPANS.iter().zip(averages) {
                    // What was before fades with the time that has passed.
                    *average = a_minute + (*average - a_minute) * (-seconds / span).exp();
                }
            }
        }
        self.last = now;
        let mut changed = Vec::new();
        for (name, text) in self.texts(&now, uptime) {
            let topic = format!("$SYS/broker/{name}");
            if self.told.get(&topic) != Some(&text) {
                self.told.insert(topic.clone(), text.clone());
                changed.push((topic, text));
            }
        }
        changed
    }

    fn texts(&self, n: &Numbers, uptime: Duration) -> Vec<(String, String)> {
        let counts = [
            ("clients/connected", n.clients_connected),
            ("clients/active", n.clients_connected),
            ("clients/disconnected", n.clients_disconnected),
            ("clients/inactive", n.clients_disconnected),
            (
                "clients/total",
                n.clients_connected + n.clients_disconnected,
            ),
            ("clients/maximum", n.clients_maximum),
            ("clients/expired", n.clients_expired),
            ("messages/received", n.packets_received),
            ("messages/sent", n.packets_sent),
            ("messages/stored", n.stored),
            ("publish/messages/received", n.publish_received),
            ("publish/messages/sent", n.publish_sent),
            ("publish/messages/dropped", n.publish_dropped),
            ("publish/bytes/received", n.publish_bytes_received),
            ("publish/bytes/sent", n.publish_bytes_sent),
            ("bytes/received", n.bytes_received),
            ("bytes/sent", n.bytes_sent),
            ("retained messages/count", n.retained),
            ("store/messages/count", n.stored),
            ("store/messages/bytes", n.stored_bytes),
            ("subscriptions/count", n.subscriptions),
            ("shared_subscriptions/count", n.shared_subscriptions),
        ];
        let mut texts = vec![
            ("version".to_owned(), self.version.clone()),
            ("uptime".to_owned(), format!("{} seconds", uptime.as_secs())),
        ];
        texts.extend(counts.map(|(name, count)| (name.to_owned(), count.to_string())));
        for ((name, _), averages) in LOADS.iter().zip(&self.averages) {
            for ((span, _), average) in SPANS.iter().zip(averages) {
                texts.push((format!("load/{name}/{span}"), format!("{average:.2}")));
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(10);

    fn text<'a>(told: &'a [(String, String)], topic: &str) -> Option<&'a str> {
        let found = told.iter().find(|(t, _)| t == topic);
        found.map(|(_, text)| text.as_str())
    }

    #[test]
    fn a_topic_is_told_again_only_when_it_has_changed() {
        let mut tree = SysTree::new("mqttwb 1");
        let told = tree.update(Numbers::default(), Duration::ZERO, Duration::ZERO);
        assert_eq!(told.len(), 2 + 22 + 33);
        assert_eq!(text(&told, "$SYS/broker/version"), Some("mqttwb 1"));
        assert_eq!(text(&told, "$SYS/broker/uptime"), Some("0 seconds"));
        let told = tree.update(Numbers::default(), STEP, STEP);
        let uptime = ("$SYS/broker/uptime".to_owned(), "10 seconds".to_owned());
        assert_eq!(told, [uptime]);
    }

    #[test]
    fn an_average_comes_to_what_happens_in_a_minute_and_fades_when_nothing_does() {
        let mut tree = SysTree::new("v");
        let mut numbers = Numbers::default();
        let mut last = HashMap::new();
        // A hundred a second for a quarter of an hour, four times over.
        for n in 1..=360 {
            numbers.publish_received += 1_000;
            last.extend(tree.update(numbers, STEP * n, STEP));
        }
        for (span, about) in [("1min", 6_000.0), ("5min", 6_000.0), ("15min", 5_890.0)] {
            let text = &last[&format!("$SYS/broker/load/publish/received/{span}")];
            let value: f64 = text.parse().unwrap();
            assert!((value - about).abs() < 1.0, "{span}: {value}");
        }
        // A minute of silence leaves 1/e of the average over a minute.
        for n in 361..=366 {
            last.extend(tree.update(numbers, STEP * n, STEP));
        }
        let value: f64 = last["$SYS/broker/load/publish/received/1min"]
            .parse()
            .unwrap();
        assert!(
            (value - 6_000.0 / std::f64::consts::E).abs() < 1.0,
            "{value}"
        );
    }

    #[test]
    fn how_often_it_is_asked_does_not_change_an_average() {
        let of = |steps: u32| {
            let mut tree = SysTree::new("v");
            let mut numbers = Numbers::default();
            let step = Duration::from_secs(60) / steps;
            let mut last = HashMap::new();
            for n in 1..=steps {
                numbers.bytes_sent += u64::from(60_000 / steps);
                last.extend(tree.update(numbers, step * n, step));
            }
            last["$SYS/broker/load/bytes/sent/5min"].clone()
        };
        assert_eq!(of(1), of(6));
        assert_eq!(of(6), of(60));
    }
}
