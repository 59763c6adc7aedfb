//! The traffic as lines that scroll by.

use std::time::Duration;

use mqttwb_app::api::{BrokerStatus, ClientCert, Direction, Listener, TrafficFilter, TrafficRow};
use mqttwb_app::{App, Result};

use crate::output::Output;

/// How often new packets are asked for.
const TICK: Duration = Duration::from_millis(50);
/// Packets that are asked for at a time.
const BATCH: u32 = 1_000;

/// Prints a line for each packet, until nobody reads them.
pub async fn packets(app: &App, status: &BrokerStatus, output: &Output) -> Result<()> {
    if !output.is_json() && invite(status, output).is_err() {
        return Ok(());
    }
    let view = app.traffic_open(TrafficFilter::default()).await?;
    let mut next = 0;
    let mut lost = 0;
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let frame = app.traffic_frame(view, 0).await?;
        if frame.lost > lost {
            tracing::warn!("{} packets were not recorded", frame.lost - lost);
            lost = frame.lost;
        }
        while next < frame.end {
            let batch = app.traffic_rows(view, next, BATCH).await?;
            if batch.start > next {
                tracing::warn!("{} packets passed unprinted", batch.start - next);
            }
            if batch.rows.is_empty() {
                break;
            }
            next = batch.start;
            for row in &batch.rows {
                let printed = if output.is_json() {
                    output.json(row)?
                } else {
                    output.line(line(row).as_bytes())
                };
                if printed.is_err() {
                    return Ok(());
                }
                next += 1;
            }
        }
    }
}

/// A command to paste, for who looks at an empty screen.
fn invite(
    status: &BrokerStatus,
    output: &Output,
) -> std::result::Result<(), crate::output::ReaderGone> {
    let open = |listener: &&Listener| {
        listener.client_cert == ClientCert::None && listener.url.starts_with("mqtt://")
    };
    let Some(listener) = status.listeners.iter().find(open) else {
        return Ok(());
    };
    let command = format!(
        "# mosquitto_pub -h {} -p {} -q 1 -t plant/pump-7 -m '{{\"value\": 21.5}}'",
        listener.host, listener.port
    );
    output.line(command.as_bytes())
}

/// Time (UTC), client, direction, packet, topic or summary, QoS, flags, identifier, size.
fn line(row: &TrafficRow) -> String {
    let mut line = format!(
        "{}  {:<16} {} {:<11}",
        time(row.at_micros),
        plain(&row.client),
        match row.direction {
            Direction::ToBroker => "→",
            Direction::ToClient => "←",
        },
        row.packet,
    );
    let told = row.topic.as_deref().unwrap_or(&row.summary);
    if !told.is_empty() {
        line.push_str(&format!(" {}", plain(told)));
    }
    if let Some(qos) = row.qos {
        line.push_str(&format!("  QoS {qos}"));
    }
    if row.retain {
        line.push_str("  retain");
    }
    if row.dup {
        line.push_str("  dup");
    }
    if let Some(id) = row.packet_id {
        line.push_str(&format!("  #{id}"));
    }
    if let Some(reason) = &row.reason {
        line.push_str(&format!("  {reason}"));
    }
    line.push_str(&format!("  {} B", row.size));
    if let Some(fault) = &row.fault {
        line.push_str(&format!("  [{}] {}", plain(&fault.rule), fault.text));
    }
    line
}

/// What clients choose goes to a terminal: no line breaks, no escape sequences.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// The time of day of microseconds since 1970 (UTC), as 18:42:07.123456.
fn time(micros: u64) -> String {
    let seconds = micros / 1_000_000 % 86_400;
    format!(
        "{:02}:{:02}:{:02}.{:06}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        micros % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> TrafficRow {
        TrafficRow {
            seq: 1,
            at_micros: 1_767_225_600_000_000 + 67_327_123_456,
            client: "pump-7".into(),
            seen_by: None,
            direction: Direction::ToBroker,
            packet: "PUBLISH".into(),
            qos: Some(1),
            topic: Some("plant/pump".into()),
            summary: String::new(),
            dup: false,
            retain: true,
            packet_id: Some(7),
            reason: None,
            size: 37,
            message: None,
            fault: None,
        }
    }

    #[test]
    fn a_packet_is_a_line() {
        assert_eq!(
            line(&row()),
            "18:42:07.123456  pump-7           → PUBLISH     plant/pump  QoS 1  retain  #7  37 B"
        );
    }

    #[test]
    fn a_client_cannot_write_control_characters_to_the_terminal() {
        let hostile = TrafficRow {
            client: "a\x1b[2J\r\nready".into(),
            ..row()
        };
        assert!(!line(&hostile).contains(char::is_control));
    }
}
