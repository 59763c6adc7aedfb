//! What can't be trusted is refused with a sentence that helps, and left as it is.

use super::*;

/// A store with something in every table, closed: no log beside it.
fn filled() -> Room {
    let room = Room::new();
    fill(&room.open());
    room
}

fn fill(store: &SqliteStore) {
    let shared = message(900);
    for n in 0..20 {
        let mut changes = vec![Change::Session(session(n))];
        changes.extend((0..20).map(|filter| {
            Change::Subscribe(key(n), subscription(&format!("plant/line-{filter}/#")))
        }));
        changes.extend((0..20).map(|seq| enqueue(n, seq, &message(300))));
        changes.push(enqueue(n, 20, &message(20_000)));
        changes.push(enqueue(n, 21, &shared));
        changes.push(Change::Receive {
            session: key(n),
            packet_id: 1,
            message: shared.clone(),
        });
        changes.push(Change::Retain(retained(
            &format!("plant/{n}"),
            &message(700),
        )));
        store.commit(&changes).unwrap();
    }
}

/// Opens and reads, as a broker does.
fn start(room: &Room) -> Result<Restored, StoreError> {
    room.try_open()?.restore()
}

/// It is refused as damaged, says what to do, and is as it was.
fn refused_as_damaged(room: &Room, what: &str) {
    let before = room.bytes();
    let said = match start(room) {
        Err(StoreError::Damaged(said)) => said,
        other => panic!("{what}: {other:?}"),
    };
    assert!(said.contains("broker.db: "), "{what}: {said}");
    assert!(
        said.contains("Nothing was changed. Put a copy back"),
        "{what}: {said}"
    );
    let after = room.bytes();
    assert_eq!(before[0], after[0], "{what}");
    // SQLite may have made an empty log.
    assert_eq!(
        before[1].as_deref().unwrap_or_default(),
        after[1].as_deref().unwrap_or_default()
    );
}

#[test]
fn a_damaged_header_is_found() {
    for (at, what) in [(0, "magic"), (16, "page size"), (68, "application id")] {
        let room = filled();
        let mut bytes = fs::read(room.path()).unwrap();
        bytes[at] ^= 0x55;
        fs::write(room.path(), bytes).unwrap();
        refused_as_damaged(&room, what);
    }
}

#[test]
fn a_damaged_page_is_found_wherever_it_is() {
    let room = filled();
    let whole = fs::read(room.path()).unwrap();
    let restored = start(&room).unwrap();
    assert!(whole.len() / 4096 > 100);
    for page in 0..whole.len() / 4096 {
        for (how, byte) in [("zeros", 0), ("ones", 0xff)] {
            let mut bytes = whole.clone();
            bytes[page * 4096..(page + 1) * 4096].fill(byte);
            fs::write(room.path(), bytes).unwrap();
            refused_as_damaged(&room, &format!("page {} all {how}", page + 1));
        }
    }
    fs::write(room.path(), whole).unwrap();
    assert_eq!(start(&room).unwrap(), restored);
}

#[test]
fn a_changed_byte_of_a_message_is_found() {
    let room = Room::new();
    let store = room.open();
    store.commit(&[Change::Session(session(1))]).unwrap();
    let needle = Bytes::from_static(b"a valve that must not open by itself");
    let long: Bytes = [message(2_000), needle.clone()].concat().into();
    for (seq, message) in [needle.clone(), long].into_iter().enumerate() {
        store.commit(&[enqueue(1, seq as u64, &message)]).unwrap();
    }
    drop(store);
    let whole = fs::read(room.path()).unwrap();
    let places: Vec<usize> = (0..whole.len() - needle.len())
        .filter(|at| whole[*at..].starts_with(&needle))
        .collect();
    assert_eq!(places.len(), 2);
    for at in places {
        let mut bytes = whole.clone();
        bytes[at + 10] ^= 1;
        fs::write(room.path(), bytes).unwrap();
        refused_as_damaged(&room, "a message");
    }
}

#[test]
fn a_file_that_was_cut_off_is_found() {
    let room = filled();
    let whole = fs::read(room.path()).unwrap();
    for length in [
        0,
        1,
        99,
        100,
        4_096,
        10_000,
        whole.len() / 2,
        whole.len() - 4_096,
    ] {
        fs::write(room.path(), &whole[..length]).unwrap();
        refused_as_damaged(&room, &format!("{length} bytes"));
    }
}

#[test]
fn damage_is_found_under_a_log_that_is_not_moved_yet_and_neither_is_changed() {
    let room = filled();
    let store = room.open();
    store.commit(&[enqueue(1, 50, &message(300))]).unwrap();
    let killed = room.killed();
    assert!(fs::metadata(killed.log()).unwrap().len() > 0);
    let mut bytes = fs::read(killed.path()).unwrap();
    let end = bytes.len();
    bytes[end - 4_096..].fill(0xaa);
    fs::write(killed.path(), bytes).unwrap();
    refused_as_damaged(&killed, "the last page");
}

#[test]
fn a_log_whose_header_is_damaged_is_found() {
    let room = filled();
    let store = room.open();
    store.commit(&[enqueue(1, 50, &message(300))]).unwrap();
    for at in [0, 3, 9, 17, 30] {
        let killed = room.killed();
        let mut bytes = fs::read(killed.log()).unwrap();
        bytes[at] ^= 1;
        fs::write(killed.log(), bytes).unwrap();
        refused_as_damaged(&killed, "the log");
    }
    assert_eq!(start(&room.killed()).unwrap(), store.restore().unwrap());
}

#[test]
fn a_log_without_its_file_is_kept() {
    let room = filled();
    let store = room.open();
    store.commit(&[enqueue(1, 50, &message(300))]).unwrap();
    let killed = room.killed();
    fs::remove_file(killed.path()).unwrap();
    refused_as_damaged(&killed, "the file is missing");
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let room = Room::new();
    let other = Connection::open(room.path()).unwrap();
    other.execute_batch("CREATE TABLE mine (n)").unwrap();
    drop(other);
    refused_as_damaged(&room, "another program's");
    fs::write(room.path(), "[listeners]\n".repeat(20)).unwrap();
    refused_as_damaged(&room, "no database");
}

#[test]
fn a_file_of_a_later_version_is_told_apart_from_a_damaged_one() {
    let room = filled();
    let store = room.open();
    let later = schema::VERSION + 1;
    let inner = store.inner.lock();
    inner
        .connection
        .pragma_update(None, "user_version", later)
        .unwrap();
    drop(inner);
    // In the log as well as in the file.
    for room in [room.killed(), {
        drop(store);
        room
    }] {
        let before = room.bytes();
        let error = start(&room).unwrap_err();
        assert!(
            matches!(&error, StoreError::Later(said) if said.contains(&format!("version {later}"))),
            "{error:?}"
        );
        assert_eq!(before[0], room.bytes()[0]);
    }
}

#[test]
fn two_brokers_cannot_open_one_store() {
    let room = filled();
    let store = room.open();
    let error = room.try_open().unwrap_err();
    assert!(
        matches!(&error, StoreError::InUse(said) if said.contains("broker.db")),
        "{error:?}"
    );
    // The one that has it is not disturbed.
    store.commit(&[enqueue(1, 50, &message(300))]).unwrap();
    room.try_open().unwrap_err();
    drop(store);
    room.open();
}

#[test]
fn another_program_that_has_the_file_open_keeps_the_broker_out() {
    let room = filled();
    let other = Connection::open(room.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = room.try_open().unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error:?}");
}

#[test]
fn a_file_that_is_read_only_is_refused_and_says_why() {
    let room = filled();
    let mut permissions = fs::metadata(room.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(room.path(), permissions).unwrap();
    let error = room.try_open().unwrap_err();
    assert!(
        matches!(&error, StoreError::Other(said) if said.contains("is read-only") && said.contains("check who owns")),
        "{error:?}"
    );
}

#[test]
fn a_folder_that_is_missing_or_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        folder.path().join("missing/broker.db"),
        folder.path().to_owned(),
    ] {
        let error = SqliteStore::open(&path, Synchronous::Full).unwrap_err();
        let StoreError::Other(said) = error else {
            panic!("{error:?}");
        };
        assert!(said.contains(&*folder.path().to_string_lossy()), "{said}");
    }
}

#[test]
fn a_making_that_was_interrupted_is_begun_again() {
    let room = Room::new();
    let name = room.folder.path().join("broker.db.new");
    fs::write(&name, "half a page").unwrap();
    assert_eq!(start(&room).unwrap(), Restored::default());
    assert!(!name.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let room = Room::new();
    let store = room.open();
    store.commit(&[Change::Session(session(1))]).unwrap();
    for entry in fs::read_dir(room.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}
