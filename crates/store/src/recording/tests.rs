use std::fs;
use std::path::{Path, PathBuf};

use mqttwb_model::recording::{
    About, Archive as _, ArchiveError, Gap, GapCause, Origin, PackedSegment, SegmentEntry,
    SegmentIndex,
};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, ListenerProtocol, ProtocolVersion, SeenBy, Timestamp,
};
use rusqlite::Connection;

use super::*;

fn about() -> About {
    About {
        origin: Origin::Broker,
        detail: "127.0.0.1:1883".into(),
        begun: Timestamp(5),
        ended: None,
        rolled_off: 0,
    }
}

fn segment(first: u64, count: u64, bytes: usize) -> PackedSegment {
    PackedSegment {
        entry: SegmentEntry {
            first,
            count,
            earliest: Timestamp(first * 10),
            latest: Timestamp((first + count) * 10),
        },
        index: SegmentIndex {
            types: 0b1000,
            topics: (first != 4).then(|| vec![0, 3, 900]),
            connections: vec![ConnectionId(1), ConnectionId(u64::MAX)],
        },
        bytes: vec![first as u8; bytes],
    }
}

fn info(id: u64) -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId(id),
        seen_by: if id == 1 {
            SeenBy::Broker
        } else {
            SeenBy::ClientOfRemote
        },
        client: "pump \u{202e}7".into(),
        version: ProtocolVersion::V5,
        listener: "wss".into(),
        protocol: ListenerProtocol::Wss,
        peer: "[::1]:40000".parse().unwrap(),
        common_name: Some("pump-7".into()),
        certificate: None,
    }
}

fn gap() -> Gap {
    Gap {
        before: 4,
        packets: 9,
        cause: GapCause::Overtaken,
        at: Timestamp(77),
    }
}

fn write(writer: &mut RecordingWriter, segments: &[PackedSegment]) {
    let part = Part {
        topics: &[(0, "a".into()), (3, "plant/ü".into())],
        connections: &[info(1), info(u64::MAX)],
        segments,
        gaps: &[gap()],
    };
    writer.write(&part).unwrap();
}

fn check(path: &Path, segments: &[PackedSegment], ended: Option<Timestamp>) {
    let file = RecordingFile::open(path).unwrap();
    assert_eq!(file.about().unwrap(), About { ended, ..about() });
    let entries: Vec<_> = segments.iter().map(|segment| segment.entry).collect();
    assert_eq!(file.directory().unwrap(), entries);
    let mut indexes = Vec::new();
    file.indexes(&mut |first, index| indexes.push((first, index.clone())))
        .unwrap();
    let expected: Vec<_> = segments
        .iter()
        .map(|segment| (segment.entry.first, segment.index.clone()))
        .collect();
    assert_eq!(indexes, expected);
    for segment in segments {
        assert_eq!(file.segment(segment.entry.first).unwrap(), segment.bytes);
    }
    let mut topics = Vec::new();
    file.topics(&mut |number, name| topics.push((number, name.to_owned())))
        .unwrap();
    assert_eq!(topics, [(0, "a".into()), (3, "plant/ü".into())]);
    let mut connections = Vec::new();
    file.connections(&mut |info| connections.push(info.clone()))
        .unwrap();
    assert_eq!(connections.len(), 2);
    assert!(connections.contains(&info(u64::MAX)));
    assert_eq!(file.connection(ConnectionId(1)).unwrap(), Some(info(1)));
    assert_eq!(file.connection(ConnectionId(2)).unwrap(), None);
    assert_eq!(file.gaps().unwrap(), [gap()]);
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn recording(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut writer = RecordingWriter::create(&path, &about()).unwrap();
        write(&mut writer, &[segment(0, 4, 100), segment(4, 2, 50_000)]);
        writer.finish(Timestamp(99)).unwrap();
        path
    }
}

#[test]
fn what_was_written_is_read_and_a_finished_recording_is_one_file() {
    let folder = Folder::new();
    let path = folder.recording("a.mqttrec");
    check(
        &path,
        &[segment(0, 4, 100), segment(4, 2, 50_000)],
        Some(Timestamp(99)),
    );
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_segment_that_is_still_open_is_replaced_and_a_reader_keeps_what_it_opened() {
    let folder = Folder::new();
    let path = folder.path("a");
    let mut writer = RecordingWriter::create(&path, &about()).unwrap();
    write(&mut writer, &[segment(0, 2, 10)]);
    let early = RecordingFile::open(&path).unwrap();
    let later = Part {
        segments: &[segment(0, 4, 20), segment(4, 2, 7)],
        ..Part::default()
    };
    writer.write(&later).unwrap();
    assert_eq!(writer.packed(), 27);
    assert_eq!(early.directory().unwrap(), [segment(0, 2, 10).entry]);
    assert_eq!(early.segment(0).unwrap(), segment(0, 2, 10).bytes);
    check(&path, &[segment(0, 4, 20), segment(4, 2, 7)], None);
}

#[test]
fn what_a_killed_writer_left_is_opened_and_made_one_file() {
    let folder = Folder::new();
    let path = folder.path("a");
    let mut writer = RecordingWriter::create(&path, &about()).unwrap();
    write(&mut writer, &[segment(0, 4, 100)]);
    // As the disk is when the process is killed.
    let left = folder.path("left");
    fs::copy(&path, &left).unwrap();
    fs::copy(folder.path("a-wal"), folder.path("left-wal")).unwrap();
    check(&left, &[segment(0, 4, 100)], None);
    RecordingWriter::settle(&left).unwrap();
    assert!(!folder.path("left-wal").exists());
    check(&left, &[segment(0, 4, 100)], None);
    // Killed in the middle of a write: the half-written part is not there.
    fs::copy(&path, &left).unwrap();
    let log = fs::read(folder.path("a-wal")).unwrap();
    write(&mut writer, &[segment(4, 2, 50_000)]);
    let longer = fs::read(folder.path("a-wal")).unwrap();
    assert!(longer.len() > log.len() + 30_000);
    fs::write(folder.path("left-wal"), &longer[..log.len() + 30_000]).unwrap();
    check(&left, &[segment(0, 4, 100)], None);
}

#[test]
fn nothing_is_overwritten() {
    let folder = Folder::new();
    let path = folder.path("a");
    fs::write(&path, "mine").unwrap();
    let error = RecordingWriter::create(&path, &about()).unwrap_err();
    assert!(matches!(error, ArchiveError::File(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn what_is_no_recording_is_said_to_be_none() {
    let folder = Folder::new();
    let text = folder.path("text");
    fs::write(&text, "x".repeat(500)).unwrap();
    let short = folder.path("short");
    fs::write(&short, "SQLite format 3\0").unwrap();
    let other = folder.path("other");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    for path in [text, short, other] {
        let error = RecordingFile::open(&path).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged(_)), "{error}");
        assert!(error.to_string().contains("is no recording"), "{error}");
    }
    let error = RecordingFile::open(&folder.path("none")).unwrap_err();
    assert!(matches!(error, ArchiveError::File(_)), "{error}");
    let later = folder.recording("later");
    let connection = Connection::open(&later).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = RecordingFile::open(&later).unwrap_err();
    assert!(matches!(error, ArchiveError::Later(_)), "{error}");
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[test]
fn a_changed_index_or_topic_is_noticed() {
    let folder = Folder::new();
    let path = folder.recording("a");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("UPDATE segment SET topics = x'01' WHERE first = 0; UPDATE topic SET name = 'b' WHERE number = 3")
        .unwrap();
    drop(connection);
    let file = RecordingFile::open(&path).unwrap();
    let error = file.indexes(&mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged(_)), "{error}");
    let error = file.topics(&mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged(_)), "{error}");
}

#[test]
fn a_file_that_was_cut_short_or_changed_is_an_error_and_never_a_panic() {
    let folder = Folder::new();
    let whole = fs::read(folder.recording("a")).unwrap();
    let path = folder.path("damaged");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let Ok(file) = RecordingFile::open(&path) else {
            return;
        };
        // Whether it is noticed depends on what was hit; that it does not panic does not.
        let _ = (file.about(), file.gaps(), file.directory());
        let _ = (file.segment(0), file.segment(4));
        let _ = file.indexes(&mut |_, _| {});
        let _ = file.topics(&mut |_, _| {});
        let _ = file.connections(&mut |_| {});
    };
    for len in (0..whole.len()).step_by(5_000) {
        read(&whole[..len]);
    }
    for at in (0..whole.len()).step_by(997) {
        let mut changed = whole.clone();
        changed[at] ^= 0xff;
        read(&changed);
    }
}

#[test]
fn the_oldest_segments_make_room_and_are_counted() {
    let folder = Folder::new();
    let path = folder.path("a");
    let mut writer = RecordingWriter::create(&path, &about()).unwrap();
    write(
        &mut writer,
        &[segment(0, 4, 100), segment(4, 2, 100), segment(6, 3, 100)],
    );
    assert_eq!(writer.roll_off(Some(300), None).unwrap(), 0);
    assert_eq!(writer.roll_off(Some(299), None).unwrap(), 4);
    assert_eq!(writer.roll_off(None, Some(Timestamp(60))).unwrap(), 0);
    assert_eq!(writer.roll_off(None, Some(Timestamp(61))).unwrap(), 2);
    assert_eq!(
        writer.roll_off(Some(0), Some(Timestamp(u64::MAX))).unwrap(),
        0,
        "the newest stays"
    );
    assert_eq!(writer.packed(), 100);
    writer.finish(Timestamp(99)).unwrap();
    let file = RecordingFile::open(&path).unwrap();
    assert_eq!(file.directory().unwrap(), [segment(6, 3, 100).entry]);
    assert_eq!(file.about().unwrap().rolled_off, 6);
    assert!(file.segment(0).is_err());
}
