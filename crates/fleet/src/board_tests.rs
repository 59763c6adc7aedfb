use mqttwb_model::{ClientId, ConnectionInfo, ProtocolVersion};
use proptest::prelude::*;

use super::*;
use crate::{ClientSeen, DevicePattern, PresenceRule, Rules, Told, What, Word};

fn at(second: u64) -> Timestamp {
    Timestamp(second * 1_000_000_000)
}

fn rules() -> Rules {
    let words = |text: &str| vec![Word::new(text).unwrap()];
    Rules {
        sessions: true,
        presence: vec![PresenceRule {
            topics: vec![DevicePattern::try_from("plant/{device}/status").unwrap()],
            online: words("online"),
            offline: words("offline"),
        }],
        values: vec![DevicePattern::try_from("plant/{device}/value").unwrap()],
    }
}

fn session(client: &str, connected: bool, since: u64) -> ClientSeen {
    ClientSeen {
        client: ClientId::from(client),
        connection: connected.then(|| {
            Arc::new(ConnectionInfo {
                peer: ([10, 0, 0, 7], 50_001).into(),
                ..ConnectionInfo::local(1, client, ProtocolVersion::V5)
            })
        }),
        version: ProtocolVersion::V5,
        since: at(since),
        waiting: 0,
    }
}

fn tell(board: &mut Board, second: u64, topic: &str, text: &str, by: Option<&str>, will: bool) {
    let told = Told {
        at: at(second),
        topic,
        publisher: by,
        will,
    };
    board.message(&told, |_| Some(text.to_owned()));
}

fn states(board: &Board, now: u64) -> Vec<(String, State, Evidence)> {
    let all = Query {
        order: Order::Name,
        count: usize::MAX,
        ..Query::default()
    };
    let rows = board.list(&all, at(now)).rows;
    rows.iter()
        .map(|row| (row.name.to_owned(), row.state, row.evidence))
        .collect()
}

#[test]
fn a_session_alone_makes_a_device() {
    let mut board = Board::new(rules());
    board.sessions(
        at(10),
        [session("pump-7", true, 1), session("away", false, 5)],
    );
    assert_eq!(
        states(&board, 10),
        [
            ("away".into(), State::Offline, Evidence::Session),
            ("pump-7".into(), State::Online, Evidence::Session),
        ]
    );
    board.sessions(at(100), []);
    assert_eq!(
        states(&board, 100)[1].1,
        State::Offline,
        "its session has ended"
    );
}

#[test]
fn a_killed_device_is_offline_by_its_will_and_online_again_when_it_comes_back() {
    let mut board = Board::new(rules());
    board.sessions(at(1), [session("pump-7", true, 1)]);
    tell(
        &mut board,
        2,
        "plant/pump-7/status",
        "online",
        Some("pump-7"),
        false,
    );
    assert_eq!(
        states(&board, 3),
        [("pump-7".into(), State::Online, Evidence::Session)]
    );
    // The will comes before anybody has asked for the sessions again.
    tell(
        &mut board,
        50,
        "plant/pump-7/status",
        "offline",
        Some("pump-7"),
        true,
    );
    assert_eq!(
        states(&board, 50),
        [("pump-7".into(), State::Offline, Evidence::Will)]
    );
    board.sessions(at(51), []);
    assert_eq!(
        states(&board, 51),
        [("pump-7".into(), State::Offline, Evidence::Will)]
    );
    // It is back, and has not said so yet: its session is newer than what is retained.
    board.sessions(at(60), [session("pump-7", true, 60)]);
    assert_eq!(
        states(&board, 60),
        [("pump-7".into(), State::Online, Evidence::Session)]
    );
}

#[test]
fn what_is_retained_of_a_device_that_left_without_a_word_does_not_keep_it_there() {
    let mut board = Board::new(rules());
    board.sessions(at(1), [session("pump-7", true, 1)]);
    tell(
        &mut board,
        2,
        "plant/pump-7/status",
        "online",
        Some("pump-7"),
        false,
    );
    board.sessions(at(30), [session("pump-7", false, 29)]);
    assert_eq!(
        states(&board, 30),
        [("pump-7".into(), State::Offline, Evidence::Session)]
    );
}

#[test]
fn a_client_that_speaks_for_one_device_is_that_device() {
    let mut board = Board::new(rules());
    board.sessions(at(1), [session("mqttjs_4711", true, 1)]);
    tell(
        &mut board,
        2,
        "plant/pump-7/status",
        "online",
        Some("mqttjs_4711"),
        false,
    );
    let rows = board.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].name, "pump-7");
    assert_eq!(rows[0].client_id(), Some("mqttjs_4711"));
    assert_eq!(rows[0].via, None);
}

#[test]
fn devices_behind_a_gateway_are_unknown_once_it_has_gone() {
    let mut board = Board::new(rules());
    board.sessions(at(1), [session("gateway", true, 1)]);
    for device in ["a", "b"] {
        let topic = format!("plant/{device}/status");
        tell(&mut board, 2, &topic, "online", Some("gateway"), false);
    }
    tell(
        &mut board,
        3,
        "plant/b/status",
        "offline",
        Some("gateway"),
        false,
    );
    assert_eq!(
        states(&board, 3),
        [
            ("a".into(), State::Online, Evidence::Topic),
            ("b".into(), State::Offline, Evidence::Topic),
            ("gateway".into(), State::Online, Evidence::Session),
        ]
    );
    board.sessions(at(20), [session("gateway", false, 19)]);
    assert_eq!(
        states(&board, 20),
        [
            ("a".into(), State::Unknown, Evidence::Gateway),
            ("b".into(), State::Offline, Evidence::Topic),
            ("gateway".into(), State::Offline, Evidence::Session),
        ]
    );
}

#[test]
fn an_older_message_that_comes_late_changes_nothing() {
    let mut board = Board::new(rules());
    tell(&mut board, 10, "plant/a/status", "offline", None, true);
    tell(&mut board, 5, "plant/a/status", "online", None, false);
    assert_eq!(states(&board, 11)[0].1, State::Offline);
    tell(&mut board, 10, "plant/a/value", "2", None, false);
    tell(&mut board, 9, "plant/a/value", "1", None, false);
    assert_eq!(board.rows()[0].value(0).unwrap().text, "2");
}

#[test]
fn a_word_that_is_neither_makes_no_device() {
    let mut board = Board::new(rules());
    tell(&mut board, 1, "plant/a/status", "starting", None, false);
    assert_eq!(board.rows().len(), 0);
}

#[test]
fn a_tool_that_publishes_once_leaves_the_board_and_a_device_stays() {
    let mut board = Board::new(rules());
    board.sessions(
        at(1),
        [session("tool", true, 1), session("device", true, 1)],
    );
    board.sessions(at(3), [session("device", true, 1)]);
    assert_eq!(
        board.rows().len(),
        2,
        "who has just gone is still to be seen"
    );
    board.sessions(at(100), []);
    assert_eq!(
        states(&board, 100),
        [("device".into(), State::Offline, Evidence::Session)]
    );
    board.sessions(at(10_000), []);
    assert_eq!(board.rows().len(), 1);
}

#[test]
fn rows_are_filtered_sorted_and_counted() {
    let mut board = Board::new(rules());
    let names = ["pump-1", "pump-2", "valve"];
    board.sessions(
        at(5),
        names.map(|name| session(name, name != "pump-2", if name == "valve" { 4 } else { 2 })),
    );
    tell(&mut board, 5, "plant/valve/value", "17 bar", None, false);
    let listed = |query: &Query| -> Vec<String> {
        let listing = board.list(query, at(6));
        assert_eq!((listing.total, listing.online, listing.offline), (3, 2, 1));
        listing.rows.iter().map(|row| row.name.to_owned()).collect()
    };
    let all = Query {
        count: 10,
        ..Query::default()
    };
    assert_eq!(
        listed(&all),
        ["pump-2", "pump-1", "valve"],
        "those that are away first"
    );
    assert_eq!(
        listed(&Query {
            text: "PUMP".into(),
            ..all.clone()
        }),
        ["pump-2", "pump-1"]
    );
    assert_eq!(
        listed(&Query {
            text: "17 bar".into(),
            ..all.clone()
        }),
        ["valve"]
    );
    assert_eq!(
        listed(&Query {
            text: "10.0.0.7".into(),
            ..all.clone()
        }),
        ["pump-1", "valve"]
    );
    assert_eq!(
        listed(&Query {
            state: Some(State::Offline),
            ..all.clone()
        }),
        ["pump-2"]
    );
    let by_name = Query {
        order: Order::Name,
        descending: true,
        ..all.clone()
    };
    assert_eq!(listed(&by_name), ["valve", "pump-2", "pump-1"]);
    let last_seen = Query {
        order: Order::LastSeen,
        ..all
    };
    assert_eq!(
        listed(&last_seen)[0],
        "valve",
        "what was never heard stands last"
    );
}

#[test]
fn a_board_that_is_full_counts_who_found_no_room() {
    let mut board = Board::new(rules());
    for device in 0..25_000 {
        tell(
            &mut board,
            1,
            &format!("plant/{device}/status"),
            "online",
            None,
            false,
        );
    }
    assert_eq!(board.rows().len(), 20_000);
    assert_eq!(board.left_out(), 5_000);
    tell(&mut board, 2, "plant/24999/status", "online", None, false);
    assert_eq!(board.left_out(), 5_000, "a name is left out once");
}

proptest! {
    /// Whatever comes in whatever order: a device has one row, and the counts are those of the rows.
    #[test]
    fn every_device_has_one_row(
        events in proptest::collection::vec((0u8..4, 0usize..4, 0usize..4, 1u64..100), 0..60),
    ) {
        let names = ["a", "b", "c", "d"];
        let mut board = Board::new(rules());
        for (kind, one, two, second) in events {
            let topic = format!("plant/{}/status", names[one]);
            match kind {
                0 => board.sessions(at(second), [session(names[one], two % 2 == 0, second), session(names[two], true, second)]),
                1 => tell(&mut board, second, &topic, "online", Some(names[two]), false),
                2 => tell(&mut board, second, &topic, "offline", Some(names[two]), true),
                _ => board.sessions(at(second), []),
            }
            let mut rows: Vec<String> = board.rows().iter().map(|row| row.name.to_owned()).collect();
            let all = rows.len();
            rows.sort_unstable();
            rows.dedup();
            prop_assert_eq!(rows.len(), all);
            let listing = board.list(&Query { count: 100, ..Query::default() }, at(200));
            prop_assert_eq!(listing.total, listing.rows.len());
            let unknown = listing.rows.iter().filter(|row| row.state == State::Unknown).count();
            prop_assert_eq!(listing.online + listing.offline + unknown, listing.total);
        }
    }
}

#[test]
fn rules_that_change_are_gone_by_from_then_on() {
    let mut board = Board::new(rules());
    tell(&mut board, 1, "plant/a/status", "online", None, false);
    board.set_rules(Rules::default());
    tell(&mut board, 1, "plant/a/status", "online", None, false);
    assert_eq!(board.rows().len(), 0);
    let mut asked = Vec::new();
    board.set_rules(rules());
    let told = Told {
        at: at(1),
        topic: "plant/a/value",
        publisher: None,
        will: false,
    };
    board.message(&told, |what| {
        asked.push(what);
        None
    });
    assert_eq!(asked, [What::Value(0)]);
}
