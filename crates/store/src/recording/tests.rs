use std::fs;
use std::path::{Path, PathBuf};

use mqttwb_model::recording::{
    About, Archive as _, ArchiveError, ConnectionEnd, Gap, GapCause, Origin, PackedSegment,
    SegmentEntry, SegmentIndex,
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

fn end() -> ConnectionEnd {
    ConnectionEnd {
        connection: ConnectionId(u64::MAX),
        before: 4,
        at: Timestamp(78),
        why: "It was cut off \u{202e}.".into(),
    }
}

fn write(writer: &mut RecordingWriter, segments: &[PackedSegment]) {
    let part = Part {
        topics: &[(0, "a".into()), (3, "plant/ü".into())],
        connections: &[info(1), info(u64::MAX)],
        segments,
        gaps: &[gap()],
        ends: &[end()],
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
    assert_eq!(file.end(ConnectionId(u64::MAX)).unwrap(), Some(end()));
    assert_eq!(file.end(ConnectionId(1)).unwrap(), None);
    for (before, expected) in [(0..4, vec![]), (4..5, vec![end()]), (5..u64::MAX, vec![])] {
        let mut ends = Vec::new();
        file.ends(before, &mut |end| ends.push(end)).unwrap();
        assert_eq!(ends, expected);
    }
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
fn a_recording_of_before_there_were_ends_is_opened() {
    let folder = Folder::new();
    let path = folder.recording("a");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("DROP TABLE ending").unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let file = RecordingFile::open(&path).unwrap();
    assert_eq!(file.end(ConnectionId(u64::MAX)).unwrap(), None);
    file.ends(0..9, &mut |_| panic!("there are none")).unwrap();
    assert_eq!(file.directory().unwrap().len(), 2);
}

fn of_connection(first: u64, bytes: usize, topic: u32, connection: u64) -> PackedSegment {
    let mut segment = segment(first, 2, bytes);
    segment.index.topics = Some(vec![topic]);
    segment.index.connections = vec![ConnectionId(connection)];
    // Bytes that differ, though nothing here compresses them.
    segment.bytes = (0..bytes).map(|n| (n as u64 * first) as u8).collect();
    segment
}

#[test]
fn the_oldest_segments_make_room_with_all_that_only_they_name() {
    let folder = Folder::new();
    let path = folder.path("a");
    let mut writer = RecordingWriter::create(&path, &about()).unwrap();
    writer.keep_within(None, true).unwrap();
    let ended = ConnectionEnd {
        connection: ConnectionId(1),
        ..end()
    };
    // The second segment is written twice, as one that is still filled is.
    let segments = [
        of_connection(0, 100, 0, 1),
        of_connection(2, 50, 1, 2),
        of_connection(2, 100, 1, 2),
        of_connection(4, 100, 1, 3),
        of_connection(6, 100, 2, 3),
    ];
    let part = Part {
        topics: &[(0, "a".into()), (1, "b".into()), (2, "c".into())],
        connections: &[info(1), info(2), info(3)],
        segments: &segments,
        gaps: &[gap(), Gap { before: 1, ..gap() }],
        ends: &[ended],
    };
    writer.write(&part).unwrap();
    let nothing = (Part::default(), SegmentIndex::default());
    let mut roll =
        |oldest, open: &SegmentIndex| writer.roll_off(&nothing.0, Some(Timestamp(oldest)), open);
    assert_eq!(roll(20, &nothing.1).unwrap(), RolledOff::default());
    let gone = RolledOff {
        packets: 2,
        topics: vec![0],
        connections: vec![ConnectionId(1)],
    };
    assert_eq!(roll(21, &nothing.1).unwrap(), gone);
    // What is about to be written still names the topic and the connection of the next two.
    let open = SegmentIndex {
        topics: Some(vec![1]),
        connections: vec![ConnectionId(2)],
        ..SegmentIndex::default()
    };
    let gone = RolledOff {
        packets: 4,
        ..RolledOff::default()
    };
    assert_eq!(roll(u64::MAX, &open).unwrap(), gone, "the newest stays");
    writer.finish(Timestamp(99)).unwrap();
    let file = RecordingFile::open(&path).unwrap();
    assert_eq!(file.directory().unwrap(), [segments[4].entry]);
    assert_eq!(file.about().unwrap().rolled_off, 6);
    assert!(file.segment(0).is_err());
    let mut topics = Vec::new();
    file.topics(&mut |number, _| topics.push(number)).unwrap();
    assert_eq!(topics, [1, 2]);
    assert_eq!(file.connection(ConnectionId(1)).unwrap(), None);
    assert_eq!(file.end(ConnectionId(1)).unwrap(), None);
    assert_eq!(file.connection(ConnectionId(2)).unwrap(), Some(info(2)));
    assert!(file.gaps().unwrap().is_empty());
}

/// The largest that the files ever were together, and how many packets the recording has.
fn filled(max: u64, rolling: bool, segment: usize) -> (u64, u64) {
    let folder = Folder::new();
    let path = folder.path("a");
    let mut writer = RecordingWriter::create(&path, &about()).unwrap();
    writer.keep_within(Some(max), rolling).unwrap();
    let mut largest = 0;
    // Twice as much as fits.
    for n in 0..2 * max / (segment as u64 + 3_000) {
        // Each has a topic and a connection of its own.
        let topics = [(n as u32, format!("{n}-{}", "x".repeat(3_000)).into())];
        let segments = [of_connection(n * 2, segment, n as u32, n)];
        let part = Part {
            topics: &topics,
            connections: &[info(n)],
            segments: &segments,
            ..Part::default()
        };
        let open = SegmentIndex::default();
        if rolling {
            writer.roll_off(&part, None, &open).unwrap();
        } else if !writer.has_room(&part).unwrap() {
            break;
        }
        writer.write(&part).unwrap();
        largest = writer.size().unwrap().max(largest);
    }
    writer.finish(Timestamp(99)).unwrap();
    let whole = fs::metadata(&path).unwrap().len();
    let file = RecordingFile::open(&path).unwrap();
    let packets = file.directory().unwrap().iter().map(|s| s.count).sum();
    (largest.max(whole), packets)
}

#[test]
fn the_files_never_take_more_of_the_disk_than_they_may() {
    for (max, segment) in [
        (1 << 20, 30_000),
        (1 << 20, 5_000),
        (4 << 20, 120_000),
        (600_000, 20_000),
    ] {
        for rolling in [false, true] {
            let (largest, packets) = filled(max, rolling, segment);
            assert!(largest <= max, "{largest} of {max}, rolling: {rolling}");
            // Neither is it much less, of which a quarter is the log and the part that comes.
            assert!(
                largest > max / 2,
                "{largest} of {max}, rolling: {rolling}, {packets} packets"
            );
        }
    }
}
