//! Answers as a person reads them.

use mqttwb_app::api::{
    BrokerClient, BrokerCounters, BrokerState, BrokerStatus, ClientCert, ConfigReloaded,
    InflightState, LimitEntry, MessageEntry, PreviewFormat, Proof, ProofKind, Protocol,
    QueueDropped, Refusals, RetainedCleared, RetainedEntry, RetainedRestored, SessionDetail,
    SessionEntry, SettingApplies, SubscriptionEntry, Version,
};

use super::time::{age, span, until};
use crate::output::{Output, ReaderGone};
use crate::table::Table;

type Printed = Result<(), ReaderGone>;

/// An entry of a list, as a row of a table.
pub trait Row<const N: usize> {
    /// The columns.
    const HEAD: [&'static str; N];
    /// Its cells.
    fn cells(&self) -> [String; N];
}

impl Row<8> for BrokerClient {
    const HEAD: [&'static str; 8] = [
        "CLIENT", "MQTT", "FROM", "VIA", "PROVED", "SINCE", "IN", "OUT",
    ];

    fn cells(&self) -> [String; 8] {
        [
            printable(&self.client_id),
            version(self.version).to_owned(),
            self.peer.clone(),
            self.listener.clone(),
            proved(&self.proofs),
            age(self.connected_at),
            self.messages_in.to_string(),
            self.messages_out.to_string(),
        ]
    }
}

/// `account ann`, `certificate pump-7, token ann`, or `nothing`.
fn proved(proofs: &[Proof]) -> String {
    if proofs.is_empty() {
        return "nothing".to_owned();
    }
    let words = proofs.iter().map(|proof| {
        let by = match proof.by {
            ProofKind::Certificate => "certificate",
            ProofKind::Account => "account",
            ProofKind::Token => "token",
        };
        format!("{by} {}", printable(&proof.name))
    });
    words.collect::<Vec<_>>().join(", ")
}

impl Row<7> for SessionEntry {
    const HEAD: [&'static str; 7] = [
        "CLIENT",
        "MQTT",
        "CLIENT IS",
        "FOR",
        "ENDS IN",
        "FILTERS",
        "WAITING",
    ];

    fn cells(&self) -> [String; 7] {
        let ends = match (self.connected, self.expires) {
            (_, Some(at)) => until(at),
            (true, None) if self.expiry == Some(0) => "with its connection".to_owned(),
            (true, None) => match self.expiry {
                Some(seconds) => format!("{} after it", span(u64::from(seconds))),
                None => "never".to_owned(),
            },
            (false, None) => "never".to_owned(),
        };
        [
            printable(&self.client_id),
            version(self.version).to_owned(),
            if self.connected { "connected" } else { "away" }.to_owned(),
            age(self.since),
            ends,
            self.subscriptions.to_string(),
            self.waiting.to_string(),
        ]
    }
}

impl Row<4> for SubscriptionEntry {
    const HEAD: [&'static str; 4] = ["CLIENT", "FILTER", "QOS", "OPTIONS"];

    fn cells(&self) -> [String; 4] {
        [
            printable(&self.client_id),
            printable(&self.filter),
            self.qos.to_string(),
            options(self),
        ]
    }
}

impl Row<8> for RetainedEntry {
    const HEAD: [&'static str; 8] = [
        "TOPIC",
        "QOS",
        "AGE",
        "ENDS IN",
        "PUBLISHER",
        "BYTES",
        "PAYLOAD",
        "STALE",
    ];

    fn cells(&self) -> [String; 8] {
        let message = &self.message;
        [
            printable(&message.topic),
            message.qos.to_string(),
            age(message.at),
            message.expires.map_or("-".to_owned(), until),
            match self.publisher.as_str() {
                "" => "-".to_owned(),
                publisher => printable(publisher),
            },
            message.size.to_string(),
            preview(message),
            self.stale.as_deref().map_or("-".to_owned(), printable),
        ]
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::V31 => "3.1",
        Version::V311 => "3.1.1",
        Version::V5 => "5",
    }
}

/// A text of a client on a terminal: what would move its cursor is written out.
fn printable(text: &str) -> String {
    match text.contains(char::is_control) {
        true => text.escape_debug().to_string(),
        false => text.to_owned(),
    }
}

/// What is shown of a payload; three dots say that it goes on.
fn preview(message: &MessageEntry) -> String {
    let text = match message.format {
        PreviewFormat::Text => message.preview.clone(),
        PreviewFormat::Hex => format!("0x{}", message.preview),
    };
    // A cell is no place for a page of text.
    let cell: String = text.chars().take(CELL).collect();
    if message.whole && cell.len() == text.len() {
        cell
    } else {
        format!("{cell}…")
    }
}

/// Letters of a payload in a table.
const CELL: usize = 40;

fn options(subscription: &SubscriptionEntry) -> String {
    use mqttwb_app::api::RetainHandling::{IfNew, Never, OnSubscribe};
    let mut said = Vec::new();
    if subscription.no_local {
        said.push("no local".to_owned());
    }
    if subscription.retain_as_published {
        said.push("retain as published".to_owned());
    }
    match subscription.retain_handling {
        OnSubscribe => {}
        IfNew => said.push("retained if new".to_owned()),
        Never => said.push("no retained".to_owned()),
    }
    if let Some(id) = subscription.id {
        said.push(format!("identifier {id}"));
    }
    said.join(", ")
}

/// How the broker is.
pub fn status(status: &BrokerStatus, output: &Output) -> Printed {
    let state = match status.state {
        BrokerState::Stopped => "stopped",
        BrokerState::Starting => "starting",
        BrokerState::Running => "running",
        BrokerState::Stopping => "stopping",
    };
    let since = status.since.map(|at| format!(" for {}", age(at)));
    output.line(format!("{state}{}\n", since.unwrap_or_default()).as_bytes())?;
    let mut table = Table::new(["LISTENER", "ADDRESS", "CERTIFICATE", "CLIENTS"]);
    for listener in &status.listeners {
        let certificate = match (listener.protocol, listener.client_cert) {
            (Protocol::Tcp | Protocol::Ws, _) => "no TLS",
            (_, ClientCert::Required) => "required",
            (_, ClientCert::Optional) => "optional",
            (_, ClientCert::None) => "none",
        };
        table.row([
            listener.name.clone(),
            listener.url.clone(),
            certificate.to_owned(),
            listener.clients.to_string(),
        ]);
    }
    table.print(output)
}

/// What came of reading the configuration again.
pub fn reloaded(reloaded: &ConfigReloaded, output: &Output) -> Printed {
    match &reloaded.file {
        Some(file) => output.line(file.as_bytes())?,
        None => output.line(b"There is no broker.toml: every value is a default.")?,
    }
    if reloaded.applied.is_empty() && reloaded.restart.is_empty() {
        return output.line(b"Nothing has changed.");
    }
    let mut table = Table::new(["KEY", "FROM", "TO", "FELT"]);
    for change in reloaded.applied.iter().chain(&reloaded.restart) {
        let felt = match change.applies {
            SettingApplies::Now => "now",
            SettingApplies::NewConnections => "by new connections",
            SettingApplies::Restart => "when the broker is started again",
        };
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            change.key.clone(),
            value(&change.from),
            value(&change.to),
            felt.to_owned(),
        ]);
    }
    output.line(b"")?;
    table.print(output)
}

/// What it has counted.
pub fn counters(counters: &BrokerCounters, output: &Output) -> Printed {
    let mut table = Table::new(["", ""]);
    for (name, number) in [
        ("connections", counters.connections),
        ("sessions", counters.sessions),
        ("subscriptions", counters.subscriptions),
        ("retained messages", counters.retained),
        ("messages in", counters.messages_in),
        ("messages out", counters.messages_out),
        ("messages dropped", counters.dropped),
        ("bytes in", counters.bytes_in),
        ("bytes out", counters.bytes_out),
    ] {
        table.row([name.to_owned(), number.to_string()]);
    }
    output.line(format!("since {} ago", span(counters.uptime)).as_bytes())?;
    table.print(output)
}

/// The limits that hold.
pub fn limits(limits: &Vec<LimitEntry>, output: &Output) -> Printed {
    let mut table = Table::new(["KEY", "VALUE", "UNIT", "REACHED"]);
    for limit in limits {
        // A text names its unit itself.
        let plain = !limit.value.starts_with('"');
        table.row([
            limit.key.clone(),
            limit.value.clone(),
            limit.unit.clone().filter(|_| plain).unwrap_or_default(),
            limit.reached.to_string(),
        ]);
    }
    table.print(output)
}

/// Who was not let in.
pub fn refusals(told: &Refusals, output: &Output) -> Printed {
    let mut table = Table::new(["AGE", "LISTENER", "FROM", "WHY"]);
    for refusal in &told.entries {
        table.row([
            age(refusal.at),
            refusal.listener.clone(),
            refusal.peer.clone(),
            printable(&refusal.detail),
        ]);
    }
    table.print(output)?;
    let more = told.total - told.entries.len() as u64;
    match more {
        0 => output.line(format!("\n{} in all", told.total).as_bytes()),
        _ => {
            output.line(format!("\n{} in all; the older ones are not shown", told.total).as_bytes())
        }
    }
}

/// A session in full.
pub fn session(detail: &SessionDetail, output: &Output) -> Printed {
    let mut head = Table::new(SessionEntry::HEAD);
    head.row(detail.session.cells());
    head.print(output)?;

    output.line(format!("\nsubscriptions: {}", detail.subscriptions.len()).as_bytes())?;
    if !detail.subscriptions.is_empty() {
        let mut table = Table::new(["FILTER", "QOS", "OPTIONS"]);
        for subscription in &detail.subscriptions {
            table.row([
                printable(&subscription.filter),
                subscription.qos.to_string(),
                options(subscription),
            ]);
        }
        table.print(output)?;
    }
    if let Some(will) = &detail.will {
        let when = match will.due {
            Some(at) => format!("due in {}", until(at)),
            None if will.delay > 0 => format!("{} s after the connection", will.delay),
            None => "with the end of the connection".to_owned(),
        };
        let message = &will.message;
        let told = format!(
            "\nwill: {} QoS {}{}, {when}: {}",
            printable(&message.topic),
            message.qos,
            if message.retain { ", retained" } else { "" },
            preview(message)
        );
        output.line(told.as_bytes())?;
    }
    let (shown, total) = (detail.inflight.len(), detail.inflight_total);
    part("sent, not acknowledged", detail.from, shown, total, output)?;
    if shown > 0 {
        let mut table = Table::new([
            "ID", "STATE", "DUP", "TOPIC", "QOS", "AGE", "BYTES", "PAYLOAD",
        ]);
        for sent in &detail.inflight {
            let state = match sent.state {
                InflightState::Sent => "sent",
                InflightState::Released => "released",
            };
            let dup = if sent.dup { "yes" } else { "-" };
            let [topic, qos, age, bytes, payload] = match &sent.message {
                Some(message) => cells(message),
                None => ["-"; 5].map(str::to_owned),
            };
            table.row([
                sent.packet_id.to_string(),
                state.to_owned(),
                dup.to_owned(),
                topic,
                qos,
                age,
                bytes,
                payload,
            ]);
        }
        table.print(output)?;
    }
    let (shown, total) = (detail.queued.len(), detail.queued_total);
    let title = format!("waiting to be sent, {} bytes", detail.queued_bytes);
    part(&title, detail.from, shown, total, output)?;
    if shown > 0 {
        let mut table = Table::new(["TOPIC", "QOS", "AGE", "BYTES", "PAYLOAD"]);
        for message in &detail.queued {
            table.row(cells(message));
        }
        table.print(output)?;
    }
    let (shown, total) = (detail.received.len(), detail.received_total);
    part(
        "QoS 2 from the client, not released",
        detail.from,
        shown,
        total,
        output,
    )?;
    if shown > 0 {
        let mut table = Table::new(["ID", "TOPIC", "QOS", "AGE", "BYTES", "PAYLOAD"]);
        for received in &detail.received {
            let [topic, qos, age, bytes, payload] = cells(&received.message);
            let id = received.packet_id.to_string();
            table.row([id, topic, qos, age, bytes, payload]);
        }
        table.print(output)?;
    }
    if detail.arriving > 0 {
        let told = format!("\non their way to the connection: {}", detail.arriving);
        output.line(told.as_bytes())?;
    }
    Ok(())
}

/// The title of a list, with how much of it is shown.
fn part(title: &str, from: u32, shown: usize, total: u32, output: &Output) -> Printed {
    let told = if shown as u32 == total {
        format!("\n{title}: {total}")
    } else {
        let last = from as usize + shown;
        format!("\n{title}: {total}, of which {from} to {last}; --from {last} goes on")
    };
    output.line(told.as_bytes())
}

fn cells(message: &MessageEntry) -> [String; 5] {
    [
        printable(&message.topic),
        message.qos.to_string(),
        age(message.at),
        message.size.to_string(),
        preview(message),
    ]
}

/// What was cleared.
pub fn cleared(cleared: &RetainedCleared, output: &Output) -> Printed {
    let told = match cleared.undo {
        Some(number) => format!(
            "{} cleared. `mqttwb broker undo {number}` brings them back while the broker runs.",
            messages(cleared.cleared)
        ),
        None => "Nothing to clear.".to_owned(),
    };
    output.line(told.as_bytes())
}

/// What was dropped out of a queue.
pub fn dropped(dropped: &QueueDropped, output: &Output) -> Printed {
    let told = match dropped.undo {
        Some(number) => format!(
            "{} dropped. `mqttwb broker restore-queue {number}` puts them back while the broker runs.",
            messages(dropped.dropped)
        ),
        None => "Nothing waits.".to_owned(),
    };
    output.line(told.as_bytes())
}

/// What came back.
pub fn restored(restored: &RetainedRestored, output: &Output) -> Printed {
    output.line(format!("{} back", messages(restored.restored)).as_bytes())?;
    for (topics, why) in [
        (&restored.newer, "has a newer message, which stays"),
        (&restored.expired, "has expired meanwhile"),
        (&restored.no_room, "has no room any more"),
    ] {
        for topic in topics {
            output.line(format!("{}: {why}", printable(topic)).as_bytes())?;
        }
    }
    Ok(())
}

/// So many messages, in words.
pub fn messages(count: u64) -> String {
    match count {
        1 => "1 retained message".to_owned(),
        n => format!("{n} retained messages"),
    }
}
