//! A recording of a million messages: how fast it is written, opened, and searched to the first page.
//!
//! `cargo run --release -p mqttwb-app --example million`

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqttwb_capture::{Capture, Cursor, Filter, Packer, Recording, View};
use mqttwb_model::recording::{About, Origin};
use mqttwb_model::{
    ClientPattern, ConnectionId, ConnectionInfo, Direction, Observer as _, PacketBatch, PacketMark,
    PacketType, ProtocolVersion, Timestamp, TopicFilter,
};
use mqttwb_store::recording::{Part, RecordingFile, RecordingWriter};

/// Messages; each is a PUBLISH at QoS 1 and its PUBACK.
const MESSAGES: u64 = 1_000_000;
/// Topics that they are spread over.
const TOPICS: u64 = 10_000;
/// Messages that the capture holds before they are written.
const AT_ONCE: u64 = 50_000;
/// Packets that one answer to a page looks at.
const SEARCH: u64 = 400_000;
/// Rows of the first page.
const PAGE: usize = 80;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("mqttwb-million-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("million.mqttrec");
    let begin = Instant::now();
    write(&path)?;
    let size = std::fs::metadata(&path)?.len();
    println!(
        "written: {MESSAGES} messages, {:.1} s, {:.1} MiB",
        begin.elapsed().as_secs_f64(),
        size as f64 / f64::from(1 << 20)
    );
    let begin = Instant::now();
    let recording = Arc::new(Recording::open(Arc::new(RecordingFile::open(&path)?))?);
    println!("opened:  {:.1} ms", millis(begin.elapsed()));
    let topic = |text: &str| TopicFilter::try_from(text).map(|topic| Filter::all().topic(topic));
    for (name, filter) in [
        ("everything", Filter::all()),
        ("one topic of 10,000", topic("plant/line-7/sensor-4207")?),
        ("a branch", topic("plant/line-7/#")?),
        ("a topic that is in one message", topic("rare/last")?),
        ("a topic that is in none", topic("none")?),
        (
            "a client",
            Filter::all().client(ClientPattern::from("client-3")),
        ),
        ("text in client or topic", Filter::all().text("sensor-420")),
        (
            "text in a payload, in one message",
            Filter::all().payload("needle"),
        ),
        ("acknowledgements", Filter::all().packet(PacketType::PubAck)),
        (
            "the last second",
            Filter::all().from(Timestamp((MESSAGES - 1_000) * 1_000_000)),
        ),
    ] {
        let begin = Instant::now();
        let mut view = View::new(recording.clone(), filter);
        let mut answers = 1;
        // What a page does: it asks until it has a page full, or there is nothing left to look at.
        while view.advance(SEARCH) && view.positions().end < PAGE as u64 {
            answers += 1;
        }
        let (_, rows) = view.rows(0, PAGE);
        let rows = rows.iter().count();
        println!(
            "{name:<36} {:>7.1} ms, {answers} answers, {rows} rows, {} found",
            millis(begin.elapsed()),
            view.positions().end
        );
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn write(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let about = About {
        origin: Origin::Broker,
        detail: String::new(),
        begun: Timestamp(0),
        ended: None,
        rolled_off: 0,
    };
    let mut writer = RecordingWriter::create(path, &about)?;
    let capture = Capture::new(256 << 20);
    let connections: Vec<ConnectionInfo> = (0..10).map(info).collect();
    connections.iter().for_each(|info| capture.connected(info));
    writer.write(&Part {
        connections: &connections,
        ..Part::default()
    })?;
    let mut cursor = Cursor::at_newest(capture.clone());
    let mut packer = Packer::new();
    for from in (0..MESSAGES).step_by(AT_ONCE as usize) {
        for n in from..(from + AT_ONCE).min(MESSAGES) {
            see(&capture, n, Direction::ToBroker, &publish(n));
            see(&capture, n, Direction::ToClient, &[0x40, 2, 0, 1]);
        }
        let mut segments = Vec::new();
        loop {
            let batch = cursor.next_batch();
            if batch.is_empty() {
                break;
            }
            for packet in batch.iter() {
                segments.extend(packer.push(&packet));
            }
        }
        let topics = packer.take_topics();
        segments.extend(packer.pack());
        writer.write(&Part {
            topics: &topics,
            segments: &segments,
            ..Part::default()
        })?;
    }
    writer.finish(Timestamp(MESSAGES * 1_000_000))?;
    Ok(())
}

fn info(id: u64) -> ConnectionInfo {
    ConnectionInfo::local(id, &format!("client-{id}"), ProtocolVersion::V311)
}

fn publish(n: u64) -> Vec<u8> {
    let sensor = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % TOPICS;
    let topic = if n + 1 == MESSAGES {
        "rare/last".to_owned()
    } else {
        format!("plant/line-{}/sensor-{sensor:04}", sensor % 50)
    };
    let word = if n == MESSAGES - 7 { "needle" } else { "value" };
    let payload = format!("{{\"{word}\":{}.{},\"n\":{n}}}", n % 90, n % 10);
    let mut frame = vec![0x32, (topic.len() + 4 + payload.len()) as u8];
    frame.extend((topic.len() as u16).to_be_bytes());
    frame.extend(topic.as_bytes());
    frame.extend([0, 1]);
    frame.extend(payload.as_bytes());
    frame
}

fn see(capture: &Capture, n: u64, direction: Direction, frame: &[u8]) {
    capture.packets(PacketBatch {
        connection: ConnectionId(n % 10),
        direction,
        bytes: frame,
        marks: &[PacketMark {
            at: Timestamp(n * 1_000_000),
            start: 0,
            len: frame.len() as u32,
            message: None,
            aliased_topic: None,
            fault: None,
        }],
    });
}
