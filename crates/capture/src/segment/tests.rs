use mqttwb_model::FaultDone;

use super::record::{fault_bytes, fault_of};
use super::*;

#[test]
fn a_record_takes_forty_bytes() {
    assert_eq!(RECORD, 40);
}

#[test]
fn a_copied_tail_holds_the_same_packets() {
    let mut segment = Segment::default().begin(7);
    for i in 0..10u8 {
        let mark = PacketMark {
            at: Timestamp(u64::from(i)),
            start: 0,
            len: 2,
            message: Some(MessageId(u64::from(i))),
            aliased_topic: (i % 2 == 0).then(|| format!("t/{i}").into()),
            fault: (i % 4 == 0).then(|| {
                Arc::new(Fault {
                    rule: "lossy".into(),
                    done: FaultDone::Delayed(u32::from(i)),
                })
            }),
        };
        segment.push(
            ConnectionId(1),
            Direction::ToBroker,
            (
                ProtocolVersion::V5,
                [
                    SeenBy::Broker,
                    SeenBy::ClientOfBroker,
                    SeenBy::ClientOfRemote,
                ][usize::from(i % 3)],
            ),
            &mark,
            &[0x30, i],
        );
    }
    let done = [
        FaultDone::Dropped,
        FaultDone::Delayed(70_000),
        FaultDone::Duplicate,
        FaultDone::Corrupted { at: 9, was: 0x5a },
        FaultDone::Truncated(300),
        FaultDone::CutBefore,
        FaultDone::CutAfter,
        FaultDone::Lost,
    ];
    assert_eq!(done.map(|done| fault_of(fault_bytes(done))), done);
    let seen = SeenFault {
        rule: "lossy",
        done: FaultDone::Delayed(8),
    };
    assert_eq!(segment.get(15).unwrap().fault, Some(seen));
    assert_eq!(segment.get(14).unwrap().fault, None);
    let seen = |seq| segment.get(seq).map(|packet| packet.seen_by);
    assert_eq!(
        [seen(10), seen(11), seen(12)],
        [
            Some(SeenBy::Broker),
            Some(SeenBy::ClientOfBroker),
            Some(SeenBy::ClientOfRemote)
        ]
    );
    let tail = segment.copy_from(12);
    assert_eq!((tail.first_seq(), tail.end_seq()), (12, 17));
    for seq in 12..17 {
        assert_eq!(tail.get(seq), segment.get(seq));
    }
    assert_eq!(segment.get(13).unwrap().aliased_topic, Some("t/6"));
    assert_eq!(segment.get(13).unwrap().message, Some(MessageId(6)));
    assert_eq!(tail.get(11), None);
    assert!(segment.copy_from(99).is_empty());
}
