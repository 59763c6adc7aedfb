//! Writing a recording.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use mqttwb_model::recording::{About, ArchiveError, Gap, PackedSegment, SegmentEntry};
use mqttwb_model::{ConnectionInfo, Timestamp};
use rusqlite::{Connection, OpenFlags, params};

use super::columns::{
    ascending, cause_text, origin_text, protocol_text, seen_by_text, segment_crc, topic_crc,
    version_text,
};
use super::error::Place;
use super::schema::{APPLICATION_ID, TABLES, VERSION};

type Result<T> = std::result::Result<T, ArchiveError>;

/// What is written together.
#[derive(Debug, Default)]
pub struct Part<'a> {
    /// Topics that segments name by number.
    pub topics: &'a [(u32, Box<str>)],
    /// Connections; one that is known is replaced.
    pub connections: &'a [ConnectionInfo],
    /// Segments; one with the same first number is replaced.
    pub segments: &'a [PackedSegment],
    /// What is missing.
    pub gaps: &'a [Gap],
}

/// Writes a recording into a new file, which only its owner can read.
#[derive(Debug)]
pub struct RecordingWriter {
    place: Place,
    connection: Connection,
    /// The segments that are there, with the bytes of their packets.
    segments: VecDeque<(SegmentEntry, u64)>,
    packed: u64,
}

impl RecordingWriter {
    /// Makes the file; there must be none of that name.
    pub fn create(path: &Path, about: &About) -> Result<Self> {
        let place = Place(path.to_owned());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(place.exists());
            }
            Err(error) => return Err(place.io("could not be made", path, &error)),
        }
        let connection = begin(path, about).map_err(|error| {
            // Empty as it is, it is of no use to anyone.
            let _ = std::fs::remove_file(path);
            place.sqlite(&error)
        })?;
        Ok(Self {
            place,
            connection,
            segments: VecDeque::new(),
            packed: 0,
        })
    }

    /// Writes a part, whole or not at all. It is found again when the process dies after this.
    pub fn write(&mut self, part: &Part<'_>) -> Result<()> {
        self.insert(part)
            .map_err(|error| self.place.sqlite(&error))?;
        for segment in part.segments {
            let bytes = segment.bytes.len() as u64;
            if let Some((last, replaced)) = self.segments.back()
                && last.first == segment.entry.first
            {
                self.packed -= replaced;
                self.segments.pop_back();
            }
            self.segments.push_back((segment.entry, bytes));
            self.packed += bytes;
        }
        Ok(())
    }

    fn insert(&mut self, part: &Part<'_>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut topic =
                transaction.prepare_cached("INSERT OR REPLACE INTO topic VALUES (?, ?, ?)")?;
            for (number, name) in part.topics {
                topic.execute(params![number, name, topic_crc(*number, name)])?;
            }
            let mut connection = transaction.prepare_cached(
                "INSERT OR REPLACE INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for info in part.connections {
                connection.execute(params![
                    info.id.0.cast_signed(),
                    info.client.as_str(),
                    version_text(info.version),
                    &*info.listener,
                    protocol_text(info.protocol),
                    info.peer.to_string(),
                    info.common_name.as_deref(),
                    seen_by_text(info.seen_by),
                ])?;
            }
            let mut row = transaction
                .prepare_cached("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
            let mut packed =
                transaction.prepare_cached("INSERT OR REPLACE INTO packed VALUES (?, ?)")?;
            for PackedSegment {
                entry,
                index,
                bytes,
            } in part.segments
            {
                let topics = index
                    .topics
                    .as_ref()
                    .map(|topics| ascending(topics.iter().map(|n| u64::from(*n))));
                row.execute(params![
                    entry.first.cast_signed(),
                    entry.count.cast_signed(),
                    entry.earliest.0.cast_signed(),
                    entry.latest.0.cast_signed(),
                    index.types,
                    topics,
                    ascending(index.connections.iter().map(|id| id.0)),
                    segment_crc(entry, index),
                ])?;
                packed.execute(params![entry.first.cast_signed(), bytes])?;
            }
            let mut gap = transaction.prepare_cached(
                "INSERT INTO gap (before, packets, cause, at) VALUES (?, ?, ?, ?)",
            )?;
            for missing in part.gaps {
                gap.execute(params![
                    missing.before.cast_signed(),
                    missing.packets.cast_signed(),
                    cause_text(missing.cause),
                    missing.at.0.cast_signed(),
                ])?;
            }
        }
        transaction.commit()
    }

    /// Bytes that the packets take in the file.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// Bytes of the file, room that is free in it included.
    pub fn size(&self) -> Result<u64> {
        let pragma = |name| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        let pages = pragma("page_count").map_err(|error| self.place.sqlite(&error))?;
        let page = pragma("page_size").map_err(|error| self.place.sqlite(&error))?;
        Ok((pages * page).cast_unsigned())
    }

    /// Lets the oldest segments go, until packets take at most `packed` bytes and none is older than `oldest`. The newest
    /// segment stays in any case. Returns how many packets went, which the file counts too.
    pub fn roll_off(&mut self, packed: Option<u64>, oldest: Option<Timestamp>) -> Result<u64> {
        let (mut gone, mut bytes, mut segments) = (0, 0, 0);
        for (entry, size) in self.segments.range(..self.segments.len().saturating_sub(1)) {
            let too_much = packed.is_some_and(|packed| self.packed - bytes > packed);
            let too_old = oldest.is_some_and(|oldest| entry.latest < oldest);
            if !too_much && !too_old {
                break;
            }
            gone += entry.count;
            bytes += size;
            segments += 1;
        }
        if segments == 0 {
            return Ok(0);
        }
        let begin = self.segments[segments].0.first;
        self.delete_before(begin, gone)
            .map_err(|error| self.place.sqlite(&error))?;
        self.segments.drain(..segments);
        self.packed -= bytes;
        Ok(gone)
    }

    fn delete_before(&mut self, begin: u64, gone: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let begin = begin.cast_signed();
        transaction.execute("DELETE FROM segment WHERE first < ?", [begin])?;
        transaction.execute("DELETE FROM packed WHERE first < ?", [begin])?;
        transaction.execute(
            "UPDATE about SET rolled_off = rolled_off + ?",
            [gone.cast_signed()],
        )?;
        transaction.commit()
    }

    /// Ends the recording: it is one file from now on.
    pub fn finish(self, ended: Timestamp) -> Result<()> {
        self.connection
            .execute("UPDATE about SET ended = ?", [ended.0.cast_signed()])
            .and_then(|_| alone(&self.connection))
            .map_err(|error| self.place.sqlite(&error))
    }

    /// Makes one file of a recording whose writer was killed. One that was ended stays as it is.
    pub fn settle(path: &Path) -> Result<()> {
        let place = Place(path.to_owned());
        if !place.beside("-wal").exists() {
            return Ok(());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(path, flags)
            .and_then(|connection| alone(&connection))
            .map_err(|error| place.sqlite(&error))
    }
}

/// Moves the write-ahead log into the file.
fn alone(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| {
        row.get::<_, String>(0)
    })?;
    Ok(())
}

fn begin(path: &Path, about: &About) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    // A packed segment is some tens of kilobytes: few pages, not many.
    connection.pragma_update(None, "page_size", 16_384)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    // The death of the process is outlived; a power failure may take the last seconds, never a part of what is written.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO about VALUES (1, ?, ?, ?, ?, ?)",
        params![
            origin_text(about.origin),
            about.detail,
            about.begun.0.cast_signed(),
            about.ended.map(|ended| ended.0.cast_signed()),
            about.rolled_off.cast_signed(),
        ],
    )?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(connection)
}
