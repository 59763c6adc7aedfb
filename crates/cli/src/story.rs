//! The story of a message as text: `mqttwb story`.

use std::path::PathBuf;

use mqttwb_app::Result;
use mqttwb_app::api::{Direction, Story, StoryRequest, StoryStep};
use mqttwb_app::control::RemoteBroker;

use crate::arguments::StoryArguments;
use crate::output::{Output, ReaderGone};

/// Tells the story of a message, in a recording or of the broker that runs on the data folder.
pub async fn run(data: PathBuf, wanted: StoryArguments, output: &Output) -> Result<()> {
    let request = StoryRequest {
        message: wanted.which.message,
        packet: wanted.which.packet,
    };
    let story = match wanted.file {
        Some(file) => mqttwb_app::recordings::story(file, request).await?,
        None => RemoteBroker::find(data).await?.story(request).await?,
    };
    // Nobody reads on: that is no failure.
    let _: std::result::Result<(), ReaderGone> = if output.is_json() {
        output.json(&story)?
    } else {
        print(&story, output)
    };
    Ok(())
}

fn print(story: &Story, output: &Output) -> std::result::Result<(), ReaderGone> {
    for line in lines(story) {
        output.line(line.as_bytes())?;
    }
    Ok(())
}

/// A heading, a line for each step with its time since the first, and why it came so.
fn lines(story: &Story) -> Vec<String> {
    let mut lines = vec![heading(story)];
    let width = story
        .clients
        .iter()
        .map(|client| plain(client).chars().count())
        .max()
        .unwrap_or(0);
    lines.extend(story.steps.iter().flat_map(|step| step_lines(step, width)));
    if story.left_out > 0 {
        lines.push(format!("{} more steps are not told", story.left_out));
    }
    lines.extend(story.notes.iter().map(|note| plain(note)));
    lines
}

fn heading(story: &Story) -> String {
    let name = story
        .message
        .map_or_else(|| "Message".into(), |number| format!("Message {number}"));
    let retain = if story.retain { ", retained" } else { "" };
    format!(
        "{name} on {}, QoS {}{retain}, {} B: {}, in {}",
        plain(&story.topic),
        story.qos,
        story.size,
        plain(&story.outcome),
        since(story.took_micros)
    )
}

fn step_lines(step: &StoryStep, width: usize) -> Vec<String> {
    let client = plain(&step.client);
    let time = since(step.since_micros);
    let Some(packet) = &step.packet else {
        let why = step
            .note
            .as_deref()
            .map_or_else(String::new, |why| format!(": {}", plain(why)));
        return vec![format!(
            "{time:>12}  {client:<width$}  ·         the connection ended{why}"
        )];
    };
    let lost = packet
        .fault
        .as_ref()
        .is_some_and(|fault| fault.text.contains("never"));
    let way = match (packet.direction, lost) {
        (Direction::ToBroker, false) => "→ broker",
        (Direction::ToBroker, true) => "✗ broker",
        (Direction::ToClient, false) => "← broker",
        (Direction::ToClient, true) => "✗ broker",
    };
    let mut line = format!("{time:>12}  {client:<width$}  {way}  {}", packet.packet);
    if let Some(qos) = packet.qos {
        line += &format!(" QoS {qos}");
    }
    if let Some(id) = packet.packet_id {
        line += &format!(" id {id}");
    }
    for (flag, word) in [(packet.dup, " DUP"), (packet.retain, " RETAIN")] {
        if flag {
            line += word;
        }
    }
    if let Some(reason) = &packet.reason {
        line += &format!(" {reason}");
    } else if packet.qos.is_none() && !packet.summary.is_empty() {
        line += &format!(" {}", plain(&packet.summary));
    }
    if let Some(fault) = &packet.fault {
        line += &format!(" · rule {}: {}", plain(&fault.rule), fault.text);
    }
    let mut lines = vec![line];
    if let Some(note) = &step.note {
        lines.push(format!(
            "{:>12}  {:<width$}            {}",
            "",
            "",
            plain(note)
        ));
    }
    lines
}

fn since(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.3} s", micros as f64 / 1e6),
    }
}

/// A text of the network, of which a terminal does nothing but show it.
fn plain(text: &str) -> String {
    text.escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use mqttwb_app::api::{StoryKind, TrafficRow};

    use super::*;

    fn step(since_micros: u64, packet: Option<TrafficRow>, note: Option<&str>) -> StoryStep {
        StoryStep {
            kind: StoryKind::Publish,
            client: "pump-7".into(),
            since_micros,
            packet,
            again: false,
            note: note.map(Into::into),
        }
    }

    fn publish(dup: bool) -> TrafficRow {
        TrafficRow {
            seq: 1,
            at_micros: 0,
            client: "pump-7".into(),
            seen_by: None,
            direction: Direction::ToBroker,
            packet: "PUBLISH".into(),
            qos: Some(1),
            topic: Some("t".into()),
            summary: String::new(),
            dup,
            retain: false,
            packet_id: Some(41),
            reason: None,
            size: 9,
            message: Some(7),
            fault: None,
        }
    }

    #[test]
    fn a_story_is_a_line_for_each_step_and_a_reason() {
        let story = Story {
            seq: 1,
            message: Some(7),
            topic: "t\u{1b}[2J".into(),
            qos: 1,
            retain: false,
            size: 2,
            at_micros: 0,
            took_micros: 1_510_003,
            clients: vec!["pump-7".into()],
            publisher: Some("pump-7".into()),
            outcome: "delivered to ops".into(),
            notes: vec!["No timer does it.".into()],
            deliveries: 1,
            done: 1,
            under_way: 0,
            lost: 0,
            steps: vec![
                step(0, Some(publish(false)), None),
                step(480_112, None, Some("cut by the fault rule lossy")),
                step(1_510_003, Some(publish(true)), Some("Sent again.")),
            ],
            left_out: 2,
        };
        assert_eq!(
            lines(&story),
            [
                "Message 7 on t\\u{1b}[2J, QoS 1, 2 B: delivered to ops, in 1.510 s",
                "        0 µs  pump-7  → broker  PUBLISH QoS 1 id 41",
                "    480.1 ms  pump-7  ·         the connection ended: cut by the fault rule lossy",
                "     1.510 s  pump-7  → broker  PUBLISH QoS 1 id 41 DUP",
                "                                Sent again.",
                "2 more steps are not told",
                "No timer does it.",
            ]
        );
    }
}
