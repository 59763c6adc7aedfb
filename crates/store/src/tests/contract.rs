//! What is committed is found, whole or not at all, and costs no more than it must.

use super::*;

#[test]
fn every_change_is_found_again() {
    let room = Room::new();
    let store = room.open();
    let long = message(3_000);
    let record = SessionRecord {
        version: ProtocolVersion::V311,
        expiry: u32::MAX,
        away_since: Some(Timestamp(u64::MAX)),
        sent: u64::MAX,
        will: Some(WillRecord {
            message: message(90),
            delay: 7,
        }),
        ..session(1)
    };
    let released = DeliveryRecord {
        qos: QoS::ExactlyOnce,
        ..delivery(12, &message(5))
    };
    let whole = DeliveryRecord {
        qos: QoS::ExactlyOnce,
        retain: true,
        subscription_ids: [1, 268_435_455].into_iter().collect(),
        ..delivery(11, &long)
    };
    let shared = SubscriptionRecord {
        options: 0b10_1101,
        id: Some(9),
        ..subscription("$share/workers/jobs/#")
    };
    store
        .commit(&[
            Change::Session(session(2)),
            Change::Session(record.clone()),
            Change::Subscribe(key(1), subscription("plant/#")),
            Change::Subscribe(key(1), subscription("gone/#")),
            Change::Subscribe(key(1), shared.clone()),
            enqueue(1, 10, &long),
            Change::Enqueue(key(1), released.clone()),
            Change::Enqueue(key(1), whole.clone()),
            Change::Receive {
                session: key(1),
                packet_id: 65_535,
                message: long.clone(),
            },
            Change::Receive {
                session: key(1),
                packet_id: 1,
                message: message(1),
            },
            Change::Retain(retained("plant/state", &long)),
            Change::Retain(retained("plant/gone", &message(2))),
            enqueue(2, 1, &long),
        ])
        .unwrap();
    store
        .commit(&[
            Change::Unsubscribe(key(1), TopicFilter::try_from("gone/#").unwrap()),
            Change::Dequeue(key(1), 10),
            Change::Release(key(1), 12),
            Change::Forget {
                session: key(1),
                packet_id: 1,
            },
            Change::Unretain("plant/gone".into()),
            Change::EndSession(key(2)),
        ])
        .unwrap();
    drop(store);
    let found = room.open().restore().unwrap();
    assert_eq!(found.retained, [retained("plant/state", &long)]);
    assert_eq!(found.sessions.len(), 1);
    let found = &found.sessions[0];
    assert_eq!(found.record, record);
    assert_eq!(found.subscriptions, [shared, subscription("plant/#")]);
    let released = DeliveryRecord {
        released: true,
        message: Bytes::new(),
        ..released
    };
    assert_eq!(found.deliveries, [whole, released]);
    assert_eq!(found.received, [(65_535, long)]);
}

#[test]
fn a_message_of_several_is_kept_once_and_goes_with_the_last() {
    let room = Room::new();
    let store = room.open();
    let shared = message(100);
    let mut changes: Vec<Change> = (0..50).map(|n| Change::Session(session(n))).collect();
    changes.extend((0..50).map(|n| enqueue(n, 1, &shared)));
    changes.push(Change::Retain(retained("plant/state", &shared)));
    store.commit(&changes).unwrap();
    assert_eq!(bodies(&store), 1);

    let found = store.restore().unwrap();
    let place = found.retained[0].message.as_ptr();
    for session in &found.sessions {
        assert_eq!(session.deliveries[0].message.as_ptr(), place);
    }

    let done: Vec<Change> = (0..50).map(|n| Change::Dequeue(key(n), 1)).collect();
    store.commit(&done[..49]).unwrap();
    store
        .commit(&[Change::Unretain("plant/state".into())])
        .unwrap();
    assert_eq!(bodies(&store), 1);
    store.commit(&done[49..]).unwrap();
    assert_eq!(bodies(&store), 0);
}

#[test]
fn a_retained_message_that_is_replaced_lets_the_old_one_go() {
    let room = Room::new();
    let store = room.open();
    for length in [2_000, 3_000, 4_000] {
        let record = retained("plant/state", &message(length));
        store.commit(&[Change::Retain(record.clone())]).unwrap();
        assert_eq!(store.restore().unwrap().retained, [record]);
        assert_eq!(bodies(&store), 1);
    }
}

#[test]
fn changes_of_a_session_that_is_not_there_leave_nothing_behind() {
    let room = Room::new();
    let store = room.open();
    store.commit(&[Change::Session(session(1))]).unwrap();
    store
        .commit(&[
            Change::EndSession(key(1)),
            enqueue(1, 1, &message(1_000)),
            Change::Subscribe(key(2), subscription("#")),
            Change::Receive {
                session: key(2),
                packet_id: 1,
                message: message(1_000),
            },
        ])
        .unwrap();
    assert_eq!(store.restore().unwrap(), Restored::default());
    assert_eq!(bodies(&store), 0);
}

#[test]
fn a_log_that_ends_within_a_list_gives_the_lists_before_it() {
    let room = Room::new();
    let store = room.open();
    store.commit(&[Change::Session(session(1))]).unwrap();
    let mut ends = vec![fs::metadata(room.log()).unwrap().len()];
    for list in 0..4 {
        let changes: Vec<Change> = (0..20)
            .map(|n| enqueue(1, list * 20 + n, &message(1_000)))
            .collect();
        store.commit(&changes).unwrap();
        ends.push(fs::metadata(room.log()).unwrap().len());
    }
    // A page and its header at a time, and a torn one between.
    for end in (ends[0]..=ends[4]).step_by(1_030) {
        let cut = room.killed();
        let log = File::options().write(true).open(cut.log()).unwrap();
        log.set_len(end).unwrap();
        let whole = ends.iter().filter(|&&whole| whole <= end).count() - 1;
        let found = cut.open().restore().unwrap();
        assert_eq!(
            found.sessions[0].deliveries.len(),
            whole * 20,
            "cut at {end}"
        );
    }
}

#[test]
fn a_full_file_takes_nothing_and_goes_on_when_there_is_room() {
    let room = Room::new();
    let store = room.open();
    store.commit(&[Change::Session(session(1))]).unwrap();
    let limit = |pages: u32| {
        let inner = store.inner.lock();
        inner
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    };
    limit(60);
    let list = |at: u64| -> Vec<Change> {
        (0..10)
            .map(|n| enqueue(1, at * 10 + n, &message(2_000)))
            .collect()
    };
    let mut lists = 0;
    let error = loop {
        match store.commit(&list(lists)) {
            Ok(()) => lists += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, StoreError::Full(said) if said.contains("broker.db")),
        "{error:?}"
    );
    assert!(lists > 1);
    let held = |store: &SqliteStore| store.restore().unwrap().sessions[0].deliveries.len() as u64;
    assert_eq!(held(&store), lists * 10);
    assert_eq!(held(&room.killed().open()), lists * 10);
    // A list that makes as much room as it takes is taken.
    let mut exchange = list(lists);
    exchange.extend((0..10).map(|seq| Change::Dequeue(key(1), seq)));
    store.commit(&exchange).unwrap();
    assert_eq!(held(&store), lists * 10);
    store.commit(&list(lists + 1)).unwrap_err();
    limit(10_000);
    store.commit(&list(lists + 1)).unwrap();
    assert_eq!(held(&store), (lists + 1) * 10);
}

#[test]
fn the_log_stays_bounded_and_the_file_shrinks_when_it_is_emptied() {
    let room = Room::new();
    let store = room.open();
    store.commit(&[Change::Session(session(1))]).unwrap();
    let lists = 40;
    for list in 0..lists {
        let changes: Vec<Change> = (0..200)
            .map(|n| enqueue(1, list * 200 + n, &message(8_000)))
            .collect();
        store.commit(&changes).unwrap();
        // One list may be longer than the log's bound; it is moved right behind it.
        let log = fs::metadata(room.log()).unwrap().len();
        assert!(log < 2 * 4096 * 4096, "{log} bytes of log");
    }
    let full = pages(&store);
    for list in 0..lists {
        let changes: Vec<Change> = (0..200)
            .map(|n| Change::Dequeue(key(1), list * 200 + n))
            .collect();
        store.commit(&changes).unwrap();
    }
    for n in 0..COMMITS_BETWEEN_LOOKS * 40 {
        store
            .commit(&[
                enqueue(1, u64::from(n), &message(1)),
                Change::Release(key(1), 0),
            ])
            .unwrap();
        store
            .commit(&[Change::Dequeue(key(1), u64::from(n))])
            .unwrap();
    }
    let empty = pages(&store);
    assert!(
        full > 15_000 && empty < SPARE_PAGES + 100,
        "{full} pages, then {empty}"
    );
    drop(store);
    assert!(!room.log().exists());
    assert_eq!(
        fs::metadata(room.path()).unwrap().len(),
        empty as u64 * 4096
    );
}

fn pages(store: &SqliteStore) -> i64 {
    let inner = store.inner.lock();
    inner
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap()
}

/// A file as the first version of this program made it, with a session that has a delivery and a release to come.
fn first_version(room: &Room) {
    let file = Connection::open(room.path()).unwrap();
    file.pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .unwrap();
    file.pragma_update(None, "application_id", schema::APPLICATION_ID)
        .unwrap();
    let step = schema::steps()[0];
    file.execute_batch(step).unwrap();
    let mode: String = file
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    file.execute_batch(
        "INSERT INTO session VALUES (1, 'old', 5, 3600, 7, 3, NULL, 0);
         INSERT INTO subscription VALUES (1, '$share/workers/jobs/#', 1, NULL);
         INSERT INTO delivery VALUES (1, 2, 10, NULL, NULL, NULL, NULL);
         PRAGMA user_version = 1;",
    )
    .unwrap();
    let message = message(5);
    file.execute(
        "INSERT INTO delivery VALUES (1, 3, 1, NULL, NULL, ?1, ?2)",
        rusqlite::params![crc32fast::hash(&message), &message[..]],
    )
    .unwrap();
}

#[test]
fn a_file_of_the_first_version_is_taken_up_and_goes_on() {
    let room = Room::new();
    first_version(&room);
    let store = room.open();
    let found = store.restore().unwrap();
    let unknown = |delivery| DeliveryRecord {
        share: ShareRecord::Unknown,
        ..delivery
    };
    let released = DeliveryRecord {
        qos: QoS::ExactlyOnce,
        released: true,
        ..unknown(delivery(2, &Bytes::new()))
    };
    let waits = unknown(delivery(3, &message(5)));
    assert_eq!(found.sessions[0].deliveries, [released, waits]);
    store.commit(&[Change::Identify(key(1), 3, 77)]).unwrap();
    drop(store);
    let found = room.open().restore().unwrap();
    assert_eq!(found.sessions[0].deliveries[1].packet_id, Some(77));
}
