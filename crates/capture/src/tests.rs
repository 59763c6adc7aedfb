use std::sync::atomic::AtomicBool;

use mqttwb_model::{ConnectionId, Direction, PacketBatch, PacketMark, RefusalCause, Timestamp};

use super::*;
use crate::shown::{connection, mark, packet};

fn refusal(n: u64) -> Refusal {
    Refusal {
        at: Timestamp(n),
        listener: "tls".into(),
        peer: ([127, 0, 0, 1], 40_000).into(),
        cause: RefusalCause::NoCertificate,
        detail: format!("refusal {n}"),
    }
}

#[test]
fn the_newest_refusals_are_kept_and_all_are_counted() {
    let capture = Capture::new(1 << 20);
    (1..=1500).for_each(|n| capture.refused(&refusal(n)));
    let (newest, count) = capture.refusals(usize::MAX);
    assert_eq!((newest.len(), count), (1000, 1500));
    assert_eq!(
        (newest[0].seq, newest[0].refusal.at),
        (1500, Timestamp(1500))
    );
    assert_eq!(newest[999].seq, 501);
    assert_eq!(capture.refusals(2).0.len(), 2);
}

#[test]
fn writers_and_readers_at_once_lose_no_count() {
    const WRITERS: u64 = 3;
    const BATCHES: u64 = 2000;
    const PER_BATCH: u64 = 5;
    let capture = Capture::new(256 * 1024);
    let mut cursor = Cursor::at_oldest(capture.clone());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|id| {
                let capture = &capture;
                scope.spawn(move || {
                    for batch in 0..BATCHES {
                        let marks: Vec<PacketMark> = (0..PER_BATCH)
                            .map(|n| PacketMark {
                                start: 2 * n as u32,
                                ..mark(batch * PER_BATCH + n, &[0; 2])
                            })
                            .collect();
                        capture.packets(PacketBatch {
                            connection: ConnectionId(id),
                            direction: Direction::ToBroker,
                            bytes: &[0xc0, 0].repeat(PER_BATCH as usize),
                            marks: &marks,
                        });
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut newest: [Option<Timestamp>; WRITERS as usize] = Default::default();
            let (mut read, mut missed) = (0, 0);
            loop {
                let last = done.load(Ordering::Acquire);
                let batch = cursor.next_batch();
                missed += batch.missed;
                for packet in batch.iter() {
                    assert_eq!(packet.seq, read + missed);
                    assert_eq!(packet.frame, [0xc0, 0]);
                    // The packets of a connection stay in their order.
                    let before = newest[packet.connection.0 as usize].replace(packet.at);
                    assert!(before < Some(packet.at));
                    read += 1;
                }
                if last && batch.is_empty() {
                    return read + missed;
                }
            }
        });
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Release);
        let stats = capture.stats();
        assert_eq!(stats.seen, WRITERS * BATCHES * PER_BATCH);
        assert_eq!(stats.stored + stats.evicted + stats.lost, stats.seen);
        assert_eq!(reader.join().unwrap(), stats.seen - stats.lost);
    });
}

#[test]
fn a_connection_of_a_kept_packet_is_known_after_it_ended() {
    let capture = Capture::new(1 << 20);
    let info = connection(9, "pump-7");
    capture.connected(&info);
    packet(
        &capture,
        (9, Direction::ToBroker),
        &[0xe0, 0],
        mark(1, &[0xe0, 0]),
    );
    capture.disconnected(info.id, Timestamp(2), "bye");
    assert_eq!(capture.connection(info.id).as_deref(), Some(&info));
    assert_eq!(capture.packet(0).get(0).unwrap().version, info.version);
    capture.clear();
    assert_eq!(capture.connection(info.id), None);
}
