//! What observing costs: nanoseconds a packet, and how long a filter takes over what is kept.
//!
//! `cargo run --release -p mqttwb-capture --example tap`

use std::sync::Arc;
use std::time::Instant;

use mqttwb_capture::{Capture, DEFAULT_BUDGET, Filter, Source as _, View};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, Observer, PacketBatch, PacketMark, ProtocolVersion,
    Timestamp, TopicFilter,
};

/// A PUBLISH of 64 bytes at QoS 0.
fn frame() -> Vec<u8> {
    let mut frame = vec![0x30, 62, 0, 20];
    frame.extend(b"plant/line-1/pump-07");
    frame.resize(64, b'x');
    frame
}

fn connect(capture: &Capture) {
    capture.connected(&ConnectionInfo::local(1, "pump-7", ProtocolVersion::V5));
}

fn observe(capture: &Capture, packets: usize, per_batch: usize) {
    let frame = frame();
    let bytes = frame.repeat(per_batch);
    let marks: Vec<PacketMark> = (0..per_batch)
        .map(|i| PacketMark {
            at: Timestamp(i as u64),
            start: (i * frame.len()) as u32,
            len: frame.len() as u32,
            message: None,
            aliased_topic: None,
            fault: None,
        })
        .collect();
    for _ in 0..packets / per_batch {
        capture.packets(PacketBatch {
            connection: ConnectionId(1),
            direction: Direction::ToBroker,
            bytes: &bytes,
            marks: &marks,
        });
    }
}

fn main() {
    const PACKETS: usize = 8_000_000;
    for per_batch in [1, 16, 256] {
        let capture = Capture::new(DEFAULT_BUDGET);
        connect(&capture);
        // The first pass fills the budget from fresh memory; the second evicts as it goes.
        for pass in ["filling", "evicting"] {
            let start = Instant::now();
            observe(&capture, PACKETS / 2, per_batch);
            let nanos = start.elapsed().as_nanos() as f64 / (PACKETS / 2) as f64;
            println!("batches of {per_batch:>3}, {pass:>8}: {nanos:6.1} ns a packet");
        }
        let stats = capture.stats();
        println!(
            "    {} kept, {} evicted, {} lost, {} MiB of {} MiB",
            stats.stored,
            stats.evicted,
            stats.lost,
            stats.memory >> 20,
            stats.budget >> 20
        );
    }
    crowd();
    let capture = Capture::new(DEFAULT_BUDGET);
    connect(&capture);
    observe(&capture, 1_000_000, 16);
    let topic = TopicFilter::try_from("plant/+/pump-07").expect("a valid filter");
    for (name, filter) in [
        ("topic", Filter::all().topic(topic)),
        ("text, found in topics", Filter::all().text("PUMP-0")),
        ("text, not found", Filter::all().text("valve")),
        ("direction", Filter::all().direction(Direction::ToClient)),
    ] {
        let mut view = View::new(capture.clone(), filter);
        let start = Instant::now();
        while view.advance(100_000) {}
        println!(
            "filter by {name}: 1,000,000 packets in {:.1} ms, {} found",
            start.elapsed().as_secs_f64() * 1e3,
            view.positions().end
        );
    }
}

/// A writer at full speed, and what reads beside it: a page that follows with a filter, and charts.
fn crowd() {
    let capture = Capture::new(DEFAULT_BUDGET);
    connect(&capture);
    let done = std::sync::atomic::AtomicBool::new(false);
    let done = &done;
    std::thread::scope(|scope| {
        let readers = Arc::clone(&capture);
        scope.spawn(move || {
            let mut view = View::new(readers.clone(), Filter::all().text("pump"));
            let mut cursor = mqttwb_capture::Cursor::at_oldest(readers);
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                view.advance(400_000);
                let end = view.positions().end;
                std::hint::black_box(view.rows(end.saturating_sub(200), 200).1.iter().count());
                while !cursor.next_batch().is_empty() {}
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        });
        let start = Instant::now();
        observe(&capture, 8_000_000, 16);
        let nanos = start.elapsed().as_nanos() as f64 / 8e6;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        println!(
            "with readers beside it: {nanos:.1} ns a packet, {} lost",
            capture.stats().lost
        );
    });
}
