//! Writing a recording.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use mqttwb_model::recording::{
    About, ArchiveError, ConnectionEnd, Gap, PackedSegment, SegmentEntry, SegmentIndex,
};
use mqttwb_model::{ConnectionInfo, Timestamp};
use rusqlite::{Connection, OpenFlags, params};

use super::columns::{
    ascending, cause_text, origin_text, protocol_text, seen_by_text, segment_crc, topic_crc,
    version_text,
};
use super::error::Place;
use super::reader::index;
use super::room::{Named, RolledOff, Room, estimate};
use super::schema::{APPLICATION_ID, PAGE, TABLES, VERSION};

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
    /// Connections that have ended.
    pub ends: &'a [ConnectionEnd],
}

/// Writes a recording into a new file, which only its owner can read.
#[derive(Debug)]
pub struct RecordingWriter {
    place: Place,
    connection: Connection,
    /// The segments that are there, with the bytes of their packets.
    segments: VecDeque<(SegmentEntry, u64)>,
    room: Room,
    /// Only where the oldest segments go.
    named: Option<Named>,
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
            room: Room::of(None),
            named: None,
        })
    }

    /// Bytes that the files may take on the disk together, and whether the oldest segments go for it. Has to be said before
    /// anything is written.
    pub fn keep_within(&mut self, max: Option<u64>, rolling: bool) -> Result<()> {
        self.room = Room::of(max);
        self.named = rolling.then(Named::default);
        log_pages(&self.connection, self.room.log_pages())
            .map_err(|error| self.place.sqlite(&error))
    }

    /// Whether a part can be written without the files becoming larger than they may.
    pub fn has_room(&self, part: &Part<'_>) -> Result<bool> {
        Ok(match self.room.before(estimate(part)) {
            Some(before) => self.used()? <= before,
            None => true,
        })
    }

    /// Writes a part, whole or not at all. It is found again when the process dies after this.
    pub fn write(&mut self, part: &Part<'_>) -> Result<()> {
        self.insert(part)
            .map_err(|error| self.place.sqlite(&error))?;
        for segment in part.segments {
            let bytes = segment.bytes.len() as u64;
            if let Some((last, _)) = self.segments.back()
                && last.first == segment.entry.first
            {
                self.segments.pop_back();
            }
            self.segments.push_back((segment.entry, bytes));
            if let Some(named) = &mut self.named {
                named.add(segment.entry.first, &segment.index);
            }
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
            let mut ending =
                transaction.prepare_cached("INSERT OR REPLACE INTO ending VALUES (?, ?, ?, ?)")?;
            for end in part.ends {
                ending.execute(params![
                    end.connection.0.cast_signed(),
                    end.before.cast_signed(),
                    end.at.0.cast_signed(),
                    &*end.why,
                ])?;
            }
        }
        transaction.commit()
    }

    /// Bytes of the files on the disk: room that is free in them, and the write-ahead log, included.
    pub fn size(&self) -> Result<u64> {
        let size = |path: &Path| match std::fs::metadata(path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.place.io("could not be looked at", path, &error)),
        };
        Ok(size(&self.place.0)? + size(&self.place.beside("-wal"))?)
    }

    /// Bytes of the file that are in use.
    fn used(&self) -> Result<u64> {
        let pragma = |name| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map_err(|error| self.place.sqlite(&error))
        };
        Ok((pragma("page_count")? - pragma("freelist_count")?).cast_unsigned() * PAGE)
    }

    /// Lets the oldest segments go until there is room for a part, and none is older than `oldest`; and with them what is
    /// named neither by those that stay nor by that part nor by `open`, which will be written later. The newest segment
    /// stays in any case.
    pub fn roll_off(
        &mut self,
        part: &Part<'_>,
        oldest: Option<Timestamp>,
        open: &SegmentIndex,
    ) -> Result<RolledOff> {
        let before = self.room.before(estimate(part));
        let wanted: Vec<&SegmentIndex> = part
            .segments
            .iter()
            .map(|segment| &segment.index)
            .chain([open])
            .collect();
        let mut gone = RolledOff::default();
        loop {
            let mut excess = match before {
                Some(before) => self.used()?.saturating_sub(before),
                None => 0,
            };
            let going = self
                .segments
                .range(..self.segments.len().saturating_sub(1))
                .take_while(|(entry, size)| {
                    let too_old = oldest.is_some_and(|oldest| entry.latest < oldest);
                    let goes = too_old || excess > 0;
                    excess = excess.saturating_sub(*size);
                    goes
                })
                .count();
            let begin = match self.segments.get(going) {
                Some((begin, _)) if going > 0 => begin.first,
                _ => return Ok(gone),
            };
            let rolled = self.segments.drain(..going);
            let packets = rolled.map(|(entry, _)| entry.count).sum();
            gone.packets += packets;
            self.delete_before(begin, packets, &wanted, &mut gone)
                .map_err(|error| self.place.sqlite(&error))?;
        }
    }

    fn delete_before(
        &mut self,
        begin: u64,
        packets: u64,
        wanted: &[&SegmentIndex],
        gone: &mut RolledOff,
    ) -> rusqlite::Result<()> {
        let begin = begin.cast_signed();
        let transaction = self.connection.transaction()?;
        if let Some(named) = &mut self.named {
            let mut query = transaction
                .prepare_cached("SELECT types, topics, connections FROM segment WHERE first < ?")?;
            let mut rows = query.query([begin])?;
            while let Some(row) = rows.next()? {
                // Of one that was damaged since, what it names stays.
                let Ok(index) = index(row) else { continue };
                let (topics, connections) = named.remove(&index);
                for number in topics {
                    if !wanted.iter().any(|index| index.names_topic(number)) {
                        transaction
                            .prepare_cached("DELETE FROM topic WHERE number = ?")?
                            .execute([number])?;
                        gone.topics.push(number);
                    }
                }
                for id in connections {
                    if !wanted.iter().any(|index| index.names_connection(id)) {
                        for delete in [
                            "DELETE FROM connection WHERE id = ?",
                            "DELETE FROM ending WHERE connection = ?",
                        ] {
                            transaction
                                .prepare_cached(delete)?
                                .execute([id.0.cast_signed()])?;
                        }
                        gone.connections.push(id);
                    }
                }
            }
        }
        for delete in [
            "DELETE FROM segment WHERE first < ?",
            "DELETE FROM packed WHERE first < ?",
            "DELETE FROM gap WHERE before < ?",
        ] {
            transaction.execute(delete, [begin])?;
        }
        transaction.execute(
            "UPDATE about SET rolled_off = rolled_off + ?",
            [packets.cast_signed()],
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

/// How many pages the write-ahead log takes before it is moved into the file; it is cut back to that then.
fn log_pages(connection: &Connection, pages: u64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", pages.cast_signed())?;
    connection.pragma_update(None, "journal_size_limit", (pages * PAGE).cast_signed())
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
    connection.pragma_update(None, "page_size", PAGE.cast_signed())?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    // The death of the process is outlived; a power failure may take the last seconds, never a part of what is written.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    log_pages(&connection, Room::of(None).log_pages())?;
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
