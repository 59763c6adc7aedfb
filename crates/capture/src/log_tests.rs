use std::sync::Arc;

use mqttwb_model::{Direction, Fault, FaultDone, MessageId, PacketMark, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::shown::{connection, mark};

const CONNECTION: ConnectionId = ConnectionId(1);

fn info(id: u64) -> ConnectionInfo {
    connection(id, &format!("client-{id}"))
}

/// Appends one packet of `len` bytes.
fn append(log: &mut Log, connection: ConnectionId, len: usize) -> u64 {
    let bytes = vec![0x30; len];
    log.append(&PacketBatch {
        connection,
        direction: Direction::ToBroker,
        bytes: &bytes,
        marks: &[mark(0, &bytes)],
    })
}

#[test]
fn a_packet_larger_than_the_budget_is_not_kept_and_harms_no_other() {
    let mut log = Log::new(64 * 1024);
    assert_eq!(append(&mut log, CONNECTION, 100), 0);
    assert_eq!(append(&mut log, CONNECTION, 64 * 1024), 1);
    assert_eq!(log.begin()..log.end(), 0..1);
    assert_eq!(append(&mut log, CONNECTION, 64 * 1024 - 200), 0);
    assert_eq!(log.begin()..log.end(), 1..2);
}

#[test]
fn a_smaller_budget_holds_at_once_and_a_larger_one_from_then_on() {
    let mut log = Log::new(1 << 20);
    for _ in 0..2_000 {
        append(&mut log, CONNECTION, 1_000);
    }
    assert!(log.memory() > 512 << 10);
    drop(log.set_budget(256 << 10));
    assert!(log.sealed_memory <= 256 << 10);
    assert_eq!((log.begin(), log.end()), (log.evicted, 2_000));
    let kept = log.end() - log.begin();
    drop(log.set_budget(1 << 20));
    for _ in 0..100 {
        append(&mut log, CONNECTION, 1_000);
    }
    assert_eq!(log.end() - log.begin(), kept + 100);
}

#[test]
fn a_mark_outside_its_batch_is_counted_as_lost() {
    let mut log = Log::new(64 * 1024);
    let mark = PacketMark {
        start: 1,
        len: u32::MAX,
        ..mark(0, &[])
    };
    let lost = log.append(&PacketBatch {
        connection: CONNECTION,
        direction: Direction::ToBroker,
        bytes: &[0xc0, 0],
        marks: &[mark],
    });
    assert_eq!((lost, log.end()), (1, 0));
}

/// A packet of a batch: bytes before it that are none, its length, and what it has besides its bytes.
fn parts() -> impl Strategy<Value = Vec<(u32, u32, u8)>> {
    let gap = prop_oneof![8 => Just(0u32), 1 => 1u32..9];
    let len = prop_oneof![8 => 2u32..200, 1 => 0u32..2, 1 => 30_000u32..70_000];
    let kind = prop_oneof![8 => Just(0u8), 1 => 1u8..5];
    prop::collection::vec((gap, len, kind), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Packets that are taken over at once are kept as if each had come alone.
    #[test]
    fn a_batch_is_kept_as_its_packets_one_by_one(batches in prop::collection::vec(parts(), 1..12)) {
        let (mut whole, mut single) = (Log::new(512 << 10), Log::new(512 << 10));
        for batch in batches {
            let mut bytes: Vec<u8> = Vec::new();
            let mut marks = Vec::new();
            for (n, (gap, len, kind)) in batch.into_iter().enumerate() {
                bytes.extend(vec![0xff; gap as usize]);
                let start = bytes.len() as u32;
                bytes.extend((0..len).map(|at| (at as usize + n) as u8));
                marks.push(PacketMark {
                    at: Timestamp(n as u64),
                    // The last kind points outside the batch.
                    start: if kind == 4 { u32::MAX } else { start },
                    len,
                    message: (n % 2 == 0).then_some(MessageId(n as u64)),
                    aliased_topic: (kind == 1 || kind == 3).then(|| "plant/line-1".into()),
                    fault: (kind == 2 || kind == 3).then(|| Arc::new(Fault {
                        rule: "lossy".into(),
                        done: FaultDone::Delayed(7),
                    })),
                });
            }
            let of = |marks| PacketBatch { connection: CONNECTION, direction: Direction::ToClient, bytes: &bytes, marks };
            let lost = whole.append(&of(&marks));
            prop_assert_eq!(lost, marks.iter().map(|mark| single.append(&of(std::slice::from_ref(mark)))).sum::<u64>());
        }
        prop_assert_eq!(whole.end(), single.end());
        // Room grows by other steps, so that one may let go of its oldest packets a little earlier.
        for seq in whole.begin().max(single.begin())..whole.end() {
            let (whole, single) = (whole.read(seq, 1), single.read(seq, 1));
            prop_assert_eq!(whole[0].get(seq), single[0].get(seq));
        }
    }
}

#[test]
fn a_connection_is_known_as_long_as_its_packets_are_kept() {
    let mut log = Log::new(64 * 1024);
    for id in 1..=3 {
        log.connected(&info(id));
    }
    append(&mut log, ConnectionId(1), 100);
    log.disconnected(ConnectionId(1), (Timestamp(9), "gone".into()));
    log.disconnected(ConnectionId(2), (Timestamp(9), "gone".into())); // no packet of it is kept
    assert!(log.connection(ConnectionId(1)).is_some());
    assert!(log.connection(ConnectionId(2)).is_none());
    while log.begin() == 0 {
        append(&mut log, ConnectionId(3), 1000);
    }
    assert!(log.connection(ConnectionId(1)).is_none());
    assert!(log.connection(ConnectionId(3)).is_some());
    log.clear();
    assert!(
        log.connection(ConnectionId(3)).is_some(),
        "it is still open"
    );
}

#[test]
fn a_reader_keeps_what_is_evicted_meanwhile() {
    let mut log = Log::new(64 * 1024);
    append(&mut log, CONNECTION, 1000);
    let read = log.read(0, 1);
    while log.begin() == 0 {
        append(&mut log, CONNECTION, 1000);
    }
    assert_eq!(read[0].get(0).unwrap().frame.len(), 1000);
}

proptest! {
    #[test]
    fn the_budget_is_exceeded_by_the_open_segment_at_most(
        budget in 1024usize..200_000,
        lens in prop::collection::vec(prop_oneof![2usize..200, 2usize..50_000], 1..400),
    ) {
        let mut log = Log::new(budget);
        let mut kept = 0;
        for len in lens {
            kept += 1 - append(&mut log, CONNECTION, len);
            prop_assert!(log.sealed_memory + log.spare_memory() <= budget);
            // What the open segment uses was made room for; its vectors may have grown to twice that.
            prop_assert!(log.sealed_memory + log.open.used() <= budget + log.segment_size);
            prop_assert!(log.memory() <= budget + 2 * log.open.used().max(2 * log.segment_size) + 4096);
        }
        prop_assert_eq!(log.end(), kept);
        prop_assert_eq!(log.begin(), log.evicted);
        prop_assert_eq!(log.sealed_memory, log.sealed.iter().map(|s| s.memory()).sum::<usize>());
        // Every number from begin to end is there, once.
        let mut next = log.begin();
        for segment in log.sealed.iter().map(Arc::as_ref).chain([&log.open]) {
            prop_assert_eq!(segment.first_seq(), next);
            next = segment.end_seq();
        }
        prop_assert_eq!(next, log.end());
    }
}

#[test]
fn the_end_of_a_connection_is_told_at_its_place_though_its_packets_are_gone() {
    let mut log = Log::new(64 * 1024);
    log.connected(&info(1));
    log.connected(&info(2));
    append(&mut log, ConnectionId(1), 100);
    while log.begin() == 0 {
        append(&mut log, ConnectionId(2), 1_000);
    }
    let place = log.end();
    log.disconnected(ConnectionId(1), (Timestamp(7), "closed".into()));
    append(&mut log, ConnectionId(2), 100);
    assert_eq!(log.connection_ended(ConnectionId(1)), None);
    let end = ConnectionEnd {
        connection: ConnectionId(1),
        before: place,
        at: Timestamp(7),
        why: "closed".into(),
    };
    let told = Ends {
        next: 1,
        ends: vec![end],
    };
    assert_eq!(log.ends_from(0), told);
    let none = Ends {
        next: 1,
        ends: vec![],
    };
    assert_eq!(log.ends_from(1), none);
    for _ in 0..ENDS + 5 {
        log.disconnected(ConnectionId(2), (Timestamp(8), "closed".into()));
    }
    let told = log.ends_from(1);
    assert_eq!((told.next, told.ends.len()), (6 + ENDS as u64, ENDS));
    assert_eq!(log.ends_from(told.next).ends.len(), 0);
}
