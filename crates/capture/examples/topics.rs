//! What the topic tree costs: `cargo run --release -p mqttwb-capture --example topics`.
//!
//! A hundred thousand topics are published to, ten messages each; then every branch is opened, a filter is typed, and rows
//! are shown from everywhere.

use std::time::{Duration, Instant};

use mqttwb_capture::{Capture, Cursor, TopicBounds, TopicView, Topics};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, MessageId, Observer, PacketBatch, PacketMark,
    ProtocolVersion, Timestamp,
};

const TOPICS: usize = 100_000;
const MESSAGES: usize = 10;
const ROWS: usize = 60;

fn publish(topic: &str) -> Vec<u8> {
    let payload = b"{\"value\": 4.21}";
    let mut frame = vec![0x30, (2 + topic.len() + payload.len()) as u8];
    frame.extend((topic.len() as u16).to_be_bytes());
    frame.extend(topic.as_bytes());
    frame.extend(payload);
    frame
}

fn main() {
    let capture = Capture::new(1 << 30);
    capture.connected(&ConnectionInfo::local(1, "load", ProtocolVersion::V311));
    for n in 0..TOPICS * MESSAGES {
        let at = n % TOPICS;
        let frame = publish(&format!(
            "plant/line-{}/pump-{}/pressure",
            at / 1000,
            at % 1000
        ));
        capture.packets(PacketBatch {
            connection: ConnectionId(1),
            direction: Direction::ToBroker,
            bytes: &frame,
            marks: &[PacketMark {
                at: Timestamp(n as u64 * 1_000),
                start: 0,
                len: frame.len() as u32,
                message: Some(MessageId(n as u64)),
                aliased_topic: None,
                fault: None,
            }],
        });
    }

    let mut topics = Topics::new(TopicBounds::default());
    let mut cursor = Cursor::at_oldest(capture.clone());
    let (_, took) = timed(|| {
        loop {
            let batch = cursor.next_batch();
            if batch.is_empty() {
                break;
            }
            batch
                .iter()
                .for_each(|packet| topics.see(&packet, capture.as_ref()));
        }
    });
    let each = took.as_nanos() / (TOPICS * MESSAGES) as u128;
    println!("{} topics, {each} ns a message", topics.len());

    let now = Timestamp(0);
    let mut view = TopicView::new();
    let mut at = 0;
    let (_, took) = timed(|| {
        // Every branch, from above; each is an opening that lays out all rows anew when the next is asked for.
        for _ in 0..20 {
            let row = view.rows(&topics, at, 1, now).into_iter().next();
            let Some((node, children)) = row.map(|row| (row.node, row.children)) else {
                break;
            };
            if children > 0 {
                view.set_open(&topics, node, true);
            }
            at += 1;
        }
    });
    println!("opening a branch: {:?}", took / 20);
    for text in ["p", "pump-77", "line-42/pump", "plant/+/pump-7/#"] {
        let (rows, took) = timed(|| {
            view.filter(text);
            let total = view.len(&topics);
            view.rows(&topics, total / 2, ROWS, now);
            total
        });
        println!("filter {text:?}: {rows} rows, {took:?}");
    }
    let (_, took) = timed(|| {
        let total = view.len(&topics);
        for step in 0..100 {
            view.rows(&topics, total * step / 100, ROWS, now);
        }
    });
    println!("showing {ROWS} rows: {:?}", took / 100);
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}
