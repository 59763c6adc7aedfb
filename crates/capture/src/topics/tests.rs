use std::sync::Arc;

use mqttwb_model::{Observer, PacketMark};
use proptest::prelude::*;

use super::*;
use crate::shown::{connection, frame, mark, packet};
use crate::{Capture, Source};

const SECOND: u64 = 1_000_000_000;

fn publish(topic: &str, retain: bool, payload: &[u8]) -> Vec<u8> {
    let len = (topic.len() as u16).to_be_bytes();
    frame(0x30 | u8::from(retain), &[&len, topic.as_bytes(), payload])
}

fn capture() -> Arc<Capture> {
    let capture = Capture::new(64 << 20);
    for (id, client) in [(1, "pump-7"), (2, "ops")] {
        capture.connected(&connection(id, client));
    }
    capture
}

fn see(
    topics: &mut Topics,
    capture: &Capture,
    from: (u64, Direction),
    frame: &[u8],
    at: u64,
    message: Option<u64>,
) {
    let mark = PacketMark {
        message: message.map(MessageId),
        ..mark(at, frame)
    };
    let seq = capture.kept().end;
    packet(capture, from, frame, mark);
    let packets = capture.packet(seq);
    topics.see(&packets.get(seq).unwrap(), capture);
}

const FROM: (u64, Direction) = (1, Direction::ToBroker);
const TO: (u64, Direction) = (2, Direction::ToClient);

/// A tree in which a message was published to each of these topics.
fn tree(names: &[&str]) -> Topics {
    let capture = capture();
    let mut topics = Topics::new(TopicBounds::default());
    for name in names {
        let frame = publish(name, false, name.as_bytes());
        see(&mut topics, &capture, FROM, &frame, SECOND, None);
    }
    topics
}

/// The rows in sight, indented, `+` before a branch that is closed and `-` before one that is open.
fn shown(view: &mut TopicView, topics: &Topics) -> Vec<String> {
    view.rows(topics, 0, 1000, Timestamp(SECOND))
        .iter()
        .map(|row| {
            let mark = match (row.children, row.open) {
                (0, _) => "",
                (_, true) => "-",
                (_, false) => "+",
            };
            format!("{}{mark}{}", " ".repeat(row.depth.into()), row.level)
        })
        .collect()
}

fn node(view: &mut TopicView, topics: &Topics, name: &str) -> u32 {
    let rows = view.rows(topics, 0, 1000, Timestamp(SECOND));
    rows.iter().find(|row| row.name == name).unwrap().node
}

#[test]
fn branches_open_and_count_what_is_below_them() {
    let topics = tree(&[
        "plant/b/x",
        "plant/a",
        "$SYS/uptime",
        "home",
        "plant/a",
        "plant",
    ]);
    assert_eq!((topics.len(), topics.messages()), (5, 6));
    let mut view = TopicView::new();
    assert_eq!(shown(&mut view, &topics), ["home", "+plant", "+$SYS"]);
    let plant = node(&mut view, &topics, "plant");
    view.set_open(&topics, plant, true);
    assert_eq!(
        shown(&mut view, &topics),
        ["home", "-plant", " a", " +b", "+$SYS"]
    );
    let rows = view.rows(&topics, 1, 2, Timestamp(SECOND));
    assert_eq!((rows[0].messages, rows[0].topics), (4, 3));
    assert_eq!(rows[0].topic.unwrap().messages, 1);
    assert_eq!((rows[1].name.as_str(), rows[1].messages), ("plant/a", 2));
    assert_eq!(rows[1].parent, Some(plant));
    assert_eq!(view.position(&topics, rows[1].node), Some(2));
    view.set_open(&topics, plant, false);
    assert_eq!(view.len(&topics), 3);
}

#[test]
fn a_filter_opens_the_way_to_what_it_finds() {
    let topics = tree(&[
        "plant/line-1/Pump-7/rpm",
        "plant/line-2/valve",
        "pumps",
        "a",
    ]);
    let mut view = TopicView::new();
    view.filter("pump");
    assert_eq!(
        shown(&mut view, &topics),
        ["-plant", " -line-1", "  +Pump-7", "pumps"]
    );
    let pump = node(&mut view, &topics, "plant/line-1/Pump-7");
    view.set_open(&topics, pump, true);
    let line = node(&mut view, &topics, "plant/line-1");
    assert_eq!(shown(&mut view, &topics)[3], "   rpm");
    view.set_open(&topics, line, false);
    assert_eq!(shown(&mut view, &topics), ["-plant", " +line-1", "pumps"]);
    // A text may reach over levels.
    view.filter("1/PUMP");
    assert_eq!(shown(&mut view, &topics).len(), 3);
    view.filter("plant/+/valve");
    assert_eq!(shown(&mut view, &topics), ["-plant", " -line-2", "  valve"]);
    view.filter("nothing");
    assert!(view.is_empty(&topics));
    view.filter("");
    assert_eq!(view.len(&topics), 3);
}

#[test]
fn a_topic_keeps_its_last_value_its_rate_and_who_published_it() {
    let capture = capture();
    let mut topics = Topics::new(TopicBounds::default());
    let long = vec![b'x'; 500];
    for (second, payload) in [(1, &b"1"[..]), (2, b"2"), (3, &long)] {
        let frame = publish("t", second == 2, payload);
        see(
            &mut topics,
            &capture,
            FROM,
            &frame,
            second * SECOND,
            Some(second),
        );
    }
    let topic = topics.topic("t").unwrap();
    assert_eq!((topic.messages, topic.deliveries), (3, 0));
    assert!(topic.retained);
    assert_eq!(topic.publishers, ["pump-7".into()]);
    assert_eq!((topic.last.seq, topic.last.size), (2, 500));
    assert_eq!(topic.last.preview.len(), PREVIEW);
    let now = topics.rate("t", Timestamp(3 * SECOND));
    let later = topics.rate("t", Timestamp(30 * SECOND));
    assert!((0.3..=0.6).contains(&now), "{now}");
    assert!(later < 0.01, "{later}");
    // An empty retained message takes away what was kept.
    let clears = publish("t", true, b"");
    see(&mut topics, &capture, FROM, &clears, 4 * SECOND, Some(4));
    assert!(!topics.topic("t").unwrap().retained);
}

#[test]
fn deliveries_count_by_themselves_and_tell_of_a_newer_message_alone() {
    let capture = capture();
    let mut topics = Topics::new(TopicBounds::default());
    let last = |topics: &Topics| topics.topic("t").unwrap().last.preview.to_vec();
    // Nobody's PUBLISH was seen, as of $SYS.
    let first = publish("t", false, b"first");
    see(&mut topics, &capture, TO, &first, SECOND, Some(1));
    assert_eq!(last(&topics), b"first");
    let published = publish("t", false, b"published");
    see(&mut topics, &capture, FROM, &published, SECOND, Some(5));
    let waited = publish("t", false, b"waited");
    see(&mut topics, &capture, TO, &waited, SECOND, Some(3));
    assert_eq!(last(&topics), b"published");
    let will = publish("t", false, b"will");
    see(&mut topics, &capture, TO, &will, SECOND, Some(9));
    assert_eq!(last(&topics), b"will");
    let topic = topics.topic("t").unwrap();
    assert_eq!((topic.messages, topic.deliveries), (1, 3));
}

#[test]
fn topics_that_find_no_room_are_counted_each_once() {
    let capture = capture();
    let mut topics = Topics::new(TopicBounds {
        nodes: 7,
        bytes: 1 << 20,
    });
    for n in [1, 2, 3, 3, 1, 4] {
        let frame = publish(&format!("a/{n}"), false, b"");
        see(&mut topics, &capture, FROM, &frame, SECOND, None);
    }
    assert_eq!((topics.len(), topics.left_out()), (4, 0));
    for n in [5, 6, 6, 5] {
        let frame = publish(&format!("a/{n}"), false, b"");
        see(&mut topics, &capture, FROM, &frame, SECOND, None);
    }
    assert_eq!((topics.len(), topics.left_out()), (4, 2));
    topics.clear();
    assert!(topics.is_empty());
}

#[test]
fn hostile_topics_are_topics() {
    let deep = "/".repeat(65_535);
    let long = "x".repeat(65_535);
    let names = [
        "",
        "/",
        "//a",
        "a\u{1}b",
        "\u{202e}evil",
        "<b>&",
        &deep,
        &long,
    ];
    let topics = tree(&names);
    // The empty one can't be published to: nothing was told of it.
    assert_eq!(topics.len(), names.len() - 1);
    let mut view = TopicView::new();
    view.filter("/");
    assert!(view.len(&topics) > 0);
    let rows = view.rows(&topics, 0, 10_000, Timestamp(SECOND));
    for name in &names[1..] {
        let found = topics.topic(name).is_some();
        assert!(found, "a topic of {} bytes", name.len());
    }
    assert!(rows.iter().all(|row| usize::from(row.depth) < DEEPEST));
}

proptest! {
    #[test]
    fn every_topic_is_found_below_its_branches(names in proptest::collection::vec("[ab/$]{1,6}", 1..40)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let topics = tree(&names);
        let mut view = TopicView::new();
        // Whatever is closed is opened, from above.
        let mut at = 0;
        while let Some((node, children)) = {
            let rows = view.rows(&topics, at, 1, Timestamp(0));
            rows.first().map(|row| (row.node, row.children))
        } {
            if children > 0 {
                view.set_open(&topics, node, true);
            }
            at += 1;
        }
        let rows = view.rows(&topics, 0, usize::MAX, Timestamp(0));
        let own: HashSet<&str> = rows.iter().filter(|row| row.topic.is_some()).map(|row| row.name.as_str()).collect();
        prop_assert_eq!(own, names.iter().copied().collect::<HashSet<_>>());
        prop_assert_eq!(topics.messages(), names.len() as u64);
    }
}

fn names(view: &mut TopicView, topics: &Topics) -> Vec<String> {
    let rows = view.rows(topics, 0, 1000, Timestamp(SECOND));
    rows.into_iter().map(|row| row.name).collect()
}

#[test]
fn everything_below_a_branch_is_opened_from_above_until_there_are_too_many_rows() {
    let topics = tree(&["a/b/c", "a/b/d", "a/e/f", "g/h"]);
    let mut view = TopicView::new();
    let a = node(&mut view, &topics, "a");
    assert_eq!(view.open_all(&topics, Some(a), 100), 0);
    let open = ["a", "a/b", "a/b/c", "a/b/d", "a/e", "a/e/f", "g"];
    assert_eq!(names(&mut view, &topics), open);
    // A second time changes nothing, and all of it is all.
    assert_eq!(view.open_all(&topics, Some(a), 100), 0);
    assert_eq!(names(&mut view, &topics), open);
    assert_eq!(view.open_all(&topics, None, 100), 0);
    assert_eq!(view.len(&topics), 8);
    // "a" and "g" make five rows; the two branches below would make more than that.
    let mut view = TopicView::new();
    assert_eq!(view.open_all(&topics, None, 5), 2);
    assert_eq!(names(&mut view, &topics), ["a", "a/b", "a/e", "g", "g/h"]);
    // Under a filter only what passes is opened; a number that there is not changes nothing.
    view.filter("e");
    assert_eq!(view.open_all(&topics, None, 100), 0);
    assert_eq!(names(&mut view, &topics), ["a", "a/e", "a/e/f"]);
    assert_eq!(view.open_all(&topics, Some(9_999), 100), 0);
}

#[test]
fn the_next_row_that_begins_with_a_text_is_found_round_to_the_place_itself() {
    let topics = tree(&["Pump", "plant/pipe", "valve", "\u{c4}rger"]);
    let mut view = TopicView::new();
    let rows = names(&mut view, &topics);
    let at = |name: &str| rows.iter().position(|row| row == name);
    assert_eq!(view.seek(&topics, 0, "PU"), at("Pump"));
    let pump = at("Pump").unwrap();
    assert_eq!(view.seek(&topics, pump + 1, "p"), at("plant"));
    assert_eq!(view.seek(&topics, pump + 1, "pump"), at("Pump"));
    assert_eq!(view.seek(&topics, 0, "\u{e4}r"), at("\u{c4}rger"));
    assert_eq!(view.seek(&topics, 99, "pi"), None, "its branch is closed");
    assert_eq!(TopicView::new().seek(&tree(&[]), 3, "p"), None);
}
