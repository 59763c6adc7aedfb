use std::collections::VecDeque;

use mqttwb_model::{
    ClientPattern, Direction, Fault, FaultDone, MessageId, Observer, PacketMark, PacketType, QoS,
    Timestamp, TopicFilter,
};
use proptest::prelude::*;

use super::*;
use crate::Capture;
use crate::shown::{connection, mark, packet, publish};

fn connect(capture: &Capture, id: u64, client: &str) {
    capture.connected(&connection(id, client));
}

fn see(capture: &Capture, connection: u64, direction: Direction, frame: &[u8]) {
    packet(capture, (connection, direction), frame, mark(0, frame));
}

fn see_aliased(
    capture: &Capture,
    connection: u64,
    direction: Direction,
    frame: &[u8],
    topic: Option<&str>,
) {
    let mark = PacketMark {
        aliased_topic: topic.map(Into::into),
        ..mark(0, frame)
    };
    packet(capture, (connection, direction), frame, mark);
}

/// A PUBLISH of connection 1 with a mark of its own.
fn see_marked(capture: &Capture, payload: &[u8], at: u64, message: u64, dropped: bool) {
    let frame = publish("plant/pump", 1, payload);
    let mark = PacketMark {
        message: Some(MessageId(message)),
        fault: dropped.then(|| {
            Arc::new(Fault {
                rule: "lossy".into(),
                done: FaultDone::Dropped,
            })
        }),
        ..mark(at, &frame)
    };
    packet(capture, (1, Direction::ToBroker), &frame, mark);
}

fn shown(view: &View) -> Vec<u64> {
    view.rows(0, usize::MAX)
        .1
        .iter()
        .map(|packet| packet.seq)
        .collect()
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap()
}

#[test]
fn a_filter_asks_for_payload_client_time_message_and_faults() {
    let capture = Capture::new(1 << 20);
    connect(&capture, 1, "pump-7");
    connect(&capture, 2, "ops");
    see_marked(&capture, br#"{"state": "ON"}"#, 10, 1, false); // 0
    see_marked(&capture, b"\xff\0 on \xfe", 20, 2, true); // 1
    see_marked(&capture, b"off", 30, 3, false); // 2
    see(&capture, 2, Direction::ToBroker, b"\xc0\0"); // 3: PINGREQ at 0
    see(&capture, 9, Direction::ToBroker, b"\xc0\0"); // 4: of nobody who is known
    let client = |pattern: &str| Filter::all().client(ClientPattern::from(pattern));
    for (name, filter, expected) in [
        ("payload", Filter::all().payload("on"), vec![0, 1]),
        (
            "payload, empty",
            Filter::all().payload(""),
            vec![0, 1, 2, 3, 4],
        ),
        (
            "a topic is no payload",
            Filter::all().payload("plant"),
            vec![],
        ),
        ("client", client("pump-*"), vec![0, 1, 2]),
        (
            "two clients",
            client("pump-7").client("ops".into()),
            vec![0, 1, 2, 3],
        ),
        ("a client is named whole", client("pump"), vec![]),
        ("from", Filter::all().from(Timestamp(20)), vec![1, 2]),
        ("until", Filter::all().until(Timestamp(20)), vec![0, 3, 4]),
        ("message", Filter::all().message(MessageId(3)), vec![2]),
        ("faults", Filter::all().faults(), vec![1]),
        (
            "faults and payload",
            Filter::all().faults().payload("off"),
            vec![],
        ),
    ] {
        assert!(!filter.is_all() || expected.len() == 5, "{name}");
        let mut view = View::new(capture.clone(), filter);
        assert!(!view.advance(1000), "{name}");
        assert_eq!(shown(&view), expected, "{name}");
    }
}

#[test]
fn each_part_of_a_filter_narrows_the_view() {
    let capture = Capture::new(1 << 20);
    connect(&capture, 1, "Pump-7");
    connect(&capture, 2, "ops");
    see(
        &capture,
        1,
        Direction::ToBroker,
        &publish("plant/pressure", 1, b"1"),
    ); // 0
    see(&capture, 1, Direction::ToClient, &[0x40, 2, 0, 1]); // 1: PUBACK
    see(
        &capture,
        2,
        Direction::ToClient,
        &publish("plant/pressure", 0, b"1"),
    ); // 2
    see(&capture, 2, Direction::ToBroker, &[0xc0, 0]); // 3: PINGREQ
    see_aliased(
        &capture,
        2,
        Direction::ToBroker,
        &publish("", 2, b"1"),
        Some("home/pump"),
    ); // 4
    for (name, filter, expected) in [
        ("all", Filter::all(), vec![0, 1, 2, 3, 4]),
        (
            "an empty text asks nothing",
            Filter::all().text(""),
            vec![0, 1, 2, 3, 4],
        ),
        ("client or topic", Filter::all().text("PUMP"), vec![0, 1, 4]),
        ("topic", Filter::all().topic(filter("plant/#")), vec![0, 2]),
        (
            "aliased topic",
            Filter::all().topic(filter("home/+")),
            vec![4],
        ),
        (
            "two types",
            Filter::all()
                .packet(PacketType::PubAck)
                .packet(PacketType::PingReq),
            vec![1, 3],
        ),
        (
            "direction",
            Filter::all().direction(Direction::ToClient),
            vec![1, 2],
        ),
        (
            "QoS 0 is of PUBLISH only",
            Filter::all().qos(QoS::AtMostOnce),
            vec![2],
        ),
        ("QoS 2", Filter::all().qos(QoS::ExactlyOnce), vec![4]),
        (
            "two parts",
            Filter::all().text("ops").direction(Direction::ToBroker),
            vec![3, 4],
        ),
    ] {
        let mut view = View::new(capture.clone(), filter);
        assert!(!view.advance(1000), "{name}");
        assert_eq!(shown(&view), expected, "{name}");
    }
}

#[test]
fn a_search_goes_on_in_slices() {
    let capture = Capture::new(1 << 20);
    for _ in 0..100 {
        see(&capture, 1, Direction::ToBroker, &publish("a", 0, b""));
    }
    let mut view = View::new(capture.clone(), Filter::all().packet(PacketType::Publish));
    let mut slices = 1;
    while view.advance(10) {
        assert!(view.searching());
        slices += 1;
    }
    // A slice ends where a segment ends, so there may be fewer than asked for.
    assert!((1..=10).contains(&slices));
    assert_eq!(view.positions(), 0..100);
    assert!(!view.searching());
}

#[test]
fn positions_go_on_after_the_memory_was_cleared() {
    let capture = Capture::new(1 << 20);
    let mut views = [
        View::new(capture.clone(), Filter::all()),
        View::new(capture.clone(), Filter::all().packet(PacketType::Publish)),
    ];
    see(&capture, 1, Direction::ToBroker, &publish("a", 0, b""));
    for view in &mut views {
        view.advance(10);
    }
    capture.clear();
    for view in &mut views {
        view.advance(10);
    }
    for view in &views {
        assert_eq!(view.positions(), 1..1);
    }
    see(&capture, 1, Direction::ToBroker, &publish("b", 0, b""));
    for view in &mut views {
        view.advance(10);
        assert_eq!(view.positions(), 1..2);
        assert_eq!(shown(view), [1]);
    }
    let stats = capture.stats();
    assert_eq!(
        (stats.seen, stats.stored, stats.cleared, stats.evicted),
        (2, 1, 1, 0)
    );
}

#[test]
fn a_packet_that_would_make_a_client_wait_is_lost_and_counted() {
    let capture = Capture::new(1 << 20);
    let busy = capture.log.lock();
    see(&capture, 1, Direction::ToBroker, &[0xc0, 0]);
    drop(busy);
    see(&capture, 1, Direction::ToBroker, &[0xc0, 0]);
    let stats = capture.stats();
    assert_eq!((stats.seen, stats.lost, stats.stored), (2, 1, 1));
}

#[test]
fn low_halves_of_numbers_become_whole_again_past_four_billion() {
    let base = (5u64 << 32) - 3;
    for seq in [
        base,
        base + 1,
        base + 3,
        base + 10,
        base + u64::from(u32::MAX),
    ] {
        assert_eq!(whole(seq as u32, base), seq);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Publish {
        connection: u64,
        topic: u8,
        len: usize,
    },
    Ping {
        connection: u64,
    },
    Advance {
        view: usize,
        budget: u64,
    },
    Read,
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1u64..4, 0u8..3, 0usize..600)
            .prop_map(|(connection, topic, len)| Step::Publish { connection, topic, len }),
        4 => (1u64..4).prop_map(|connection| Step::Ping { connection }),
        3 => (0usize..3, 1u64..50).prop_map(|(view, budget)| Step::Advance { view, budget }),
        1 => Just(Step::Read),
        1 => prop::bool::weighted(0.1).prop_map(|clear| if clear { Step::Clear } else { Step::Read }),
    ]
}

proptest! {
    #[test]
    fn every_packet_is_in_the_view_or_counted_as_gone(
        steps in prop::collection::vec(step(), 1..600),
        budget in prop_oneof![Just(16 * 1024usize), Just(100 * 1024)],
    ) {
        let capture = Capture::new(budget);
        connect(&capture, 1, "pump-1");
        connect(&capture, 2, "pump-2");
        // 3 is not known.
        let filters = [
            Filter::all(),
            Filter::all().topic(filter("t/1")),
            Filter::all().text("PUMP-2"),
        ];
        let mut views = filters.map(|filter| View::new(capture.clone(), filter));
        let mut cursor = crate::Cursor::at_oldest(capture.clone());
        let mut read = 0;
        // What passes each filter, by number.
        let mut passing: [VecDeque<u64>; 3] = Default::default();
        let mut seq = 0;
        for step in steps {
            match step {
                Step::Publish { connection, topic, len } => {
                    let frame = publish(&format!("t/{topic}"), 0, &vec![b'x'; len]);
                    see(&capture, connection, Direction::ToBroker, &frame);
                    passing[0].push_back(seq);
                    if topic == 1 { passing[1].push_back(seq); }
                    if connection == 2 { passing[2].push_back(seq); }
                    seq += 1;
                }
                Step::Ping { connection } => {
                    see(&capture, connection, Direction::ToBroker, &[0xc0, 0]);
                    passing[0].push_back(seq);
                    if connection == 2 { passing[2].push_back(seq); }
                    seq += 1;
                }
                Step::Advance { view, budget } => { views[view].advance(budget); }
                Step::Read => {
                    let batch = cursor.next_batch();
                    let numbers: Vec<u64> = batch.iter().map(|packet| packet.seq).collect();
                    let from = read + batch.missed;
                    prop_assert!(numbers.iter().copied().eq(from..from + numbers.len() as u64));
                    read = from + numbers.len() as u64;
                }
                Step::Clear => capture.clear(),
            }
            let stats = capture.stats();
            prop_assert_eq!(stats.seen, seq);
            prop_assert_eq!(stats.stored + stats.evicted + stats.cleared + stats.lost, seq);
        }
        let kept = capture.kept();
        for (view, passing) in views.iter_mut().zip(passing) {
            while view.advance(40) {}
            let kept: Vec<u64> = passing.into_iter().filter(|seq| kept.contains(seq)).collect();
            let positions = view.positions();
            prop_assert_eq!(positions.end - positions.start, kept.len() as u64);
            prop_assert_eq!(shown(view), kept);
        }
    }
}
