//! Reading a recording.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use mqttwb_model::recording::{
    About, Archive, ArchiveError, ConnectionEnd, Gap, SegmentEntry, SegmentIndex,
};
use mqttwb_model::{ConnectionId, ConnectionInfo, Timestamp};
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};

use super::columns::{
    ascending_of, cause_of, origin_of, protocol_of, seen_by_of, segment_crc, topic_crc, version_of,
};
use super::error::Place;
use super::schema::{APPLICATION_ID, VERSION};

type Result<T> = std::result::Result<T, ArchiveError>;

/// A recording in a file, as it was when it was opened: one that is still written to does not grow for its reader.
#[derive(Debug)]
pub struct RecordingFile {
    place: Place,
    connection: Mutex<Connection>,
    version: i64,
}

/// What a row can't be.
pub(super) enum Bad {
    Sqlite(rusqlite::Error),
    Damaged(&'static str),
}

impl From<rusqlite::Error> for Bad {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl RecordingFile {
    /// Opens it to be read only.
    pub fn open(path: &Path) -> Result<Self> {
        let place = Place(path.to_owned());
        examine(&place)?;
        let connection = connect(path).map_err(|error| place.sqlite(&error))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| place.sqlite(&error))?;
        if version > VERSION {
            return Err(place.later(version));
        }
        if version < 1 {
            return Err(place.not_one("it was never begun"));
        }
        Ok(Self {
            place,
            connection: Mutex::new(connection),
            version,
        })
    }

    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> std::result::Result<T, Bad>) -> Result<T> {
        ask(&self.connection.lock()).map_err(|bad| match bad {
            Bad::Sqlite(error) => self.place.sqlite(&error),
            Bad::Damaged(what) => self.place.damaged(what),
        })
    }
}

impl Archive for RecordingFile {
    fn segment(&self, first: u64) -> Result<Vec<u8>> {
        self.ask(|connection| {
            let packets = connection
                .prepare_cached("SELECT packets FROM packed WHERE first = ?")?
                .query_row([first.cast_signed()], |row| row.get(0))
                .optional()?;
            packets.ok_or(Bad::Damaged("packets that it should have are missing"))
        })
    }

    fn directory(&self) -> Result<Vec<SegmentEntry>> {
        self.ask(|connection| {
            let mut entries = Vec::new();
            let mut query = connection
                .prepare("SELECT first, count, earliest, latest FROM segment ORDER BY first")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                entries.push(entry(row)?);
            }
            Ok(entries)
        })
    }

    fn indexes(&self, each: &mut dyn FnMut(u64, &SegmentIndex)) -> Result<()> {
        self.ask(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT first, count, earliest, latest, types, topics, connections, crc FROM segment ORDER BY first",
            )?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let entry = entry(row)?;
                let index = index(row)?;
                if row.get::<_, u32>("crc")? != segment_crc(&entry, &index) {
                    return Err(Bad::Damaged("the checksum of an index does not match"));
                }
                each(entry.first, &index);
            }
            Ok(())
        })
    }

    fn topics(&self, each: &mut dyn FnMut(u32, &str)) -> Result<()> {
        self.ask(|connection| {
            let mut query = connection.prepare_cached("SELECT number, name, crc FROM topic")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let number = row.get(0)?;
                let name = row.get_ref(1)?.as_str().map_err(|_| NO_TEXT)?;
                if row.get::<_, u32>(2)? != topic_crc(number, name) {
                    return Err(Bad::Damaged("the checksum of a topic does not match"));
                }
                each(number, name);
            }
            Ok(())
        })
    }

    fn connections(&self, each: &mut dyn FnMut(&ConnectionInfo)) -> Result<()> {
        self.ask(|connection| {
            let mut query = connection.prepare_cached("SELECT * FROM connection ORDER BY id")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                each(&info(row)?);
            }
            Ok(())
        })
    }

    fn connection(&self, id: ConnectionId) -> Result<Option<ConnectionInfo>> {
        self.ask(|connection| {
            let mut query = connection.prepare_cached("SELECT * FROM connection WHERE id = ?")?;
            let mut rows = query.query([id.0.cast_signed()])?;
            rows.next()?.map(info).transpose()
        })
    }

    fn end(&self, id: ConnectionId) -> Result<Option<ConnectionEnd>> {
        if self.version < ENDINGS {
            return Ok(None);
        }
        self.ask(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT connection, before, at, why FROM ending WHERE connection = ?",
            )?;
            let mut rows = query.query([id.0.cast_signed()])?;
            rows.next()?.map(ending).transpose()
        })
    }

    fn ends(&self, before: Range<u64>, each: &mut dyn FnMut(ConnectionEnd)) -> Result<()> {
        if self.version < ENDINGS {
            return Ok(());
        }
        self.ask(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT connection, before, at, why FROM ending WHERE before >= ? AND before < ? ORDER BY before, at",
            )?;
            let [start, end] =
                [before.start, before.end].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            let mut rows = query.query([start, end])?;
            while let Some(row) = rows.next()? {
                each(ending(row)?);
            }
            Ok(())
        })
    }

    fn gaps(&self) -> Result<Vec<Gap>> {
        self.ask(|connection| {
            let mut gaps = Vec::new();
            let mut query =
                connection.prepare("SELECT before, packets, cause, at FROM gap ORDER BY id")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let cause = row.get_ref(2)?.as_str().map_err(|_| NO_TEXT)?;
                gaps.push(Gap {
                    before: number(row, 0)?,
                    packets: number(row, 1)?,
                    cause: cause_of(cause).ok_or(Bad::Damaged("a gap has an unknown cause"))?,
                    at: Timestamp(number(row, 3)?),
                });
            }
            Ok(gaps)
        })
    }

    fn about(&self) -> Result<About> {
        self.ask(|connection| {
            let mut query =
                connection.prepare("SELECT origin, detail, begun, ended, rolled_off FROM about")?;
            let mut rows = query.query([])?;
            let row = rows
                .next()?
                .ok_or(Bad::Damaged("it does not say what it is"))?;
            let origin = row.get_ref(0)?.as_str().map_err(|_| NO_TEXT)?;
            Ok(About {
                origin: origin_of(origin).ok_or(Bad::Damaged("its origin is unknown"))?,
                detail: row.get(1)?,
                begun: Timestamp(number(row, 2)?),
                ended: row
                    .get::<_, Option<i64>>(3)?
                    .map(|ended| Timestamp(ended.cast_unsigned())),
                rolled_off: number(row, 4)?,
            })
        })
    }
}

/// The first version that has the ends of connections.
const ENDINGS: i64 = 2;

const NO_TEXT: Bad = Bad::Damaged("a text is none");

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<SegmentEntry> {
    Ok(SegmentEntry {
        first: number(row, 0)?,
        count: number(row, 1)?,
        earliest: Timestamp(number(row, 2)?),
        latest: Timestamp(number(row, 3)?),
    })
}

/// The columns `types`, `topics` and `connections`.
pub(super) fn index(row: &Row<'_>) -> std::result::Result<SegmentIndex, Bad> {
    let list = |bytes: Vec<u8>| ascending_of(&bytes).ok_or(Bad::Damaged("an index is no list"));
    let topics = match row.get::<_, Option<Vec<u8>>>("topics")? {
        None => None,
        Some(bytes) => Some(
            list(bytes)?
                .into_iter()
                .map(u32::try_from)
                .collect::<std::result::Result<_, _>>()
                .map_err(|_| Bad::Damaged("an index names a topic that can't be"))?,
        ),
    };
    Ok(SegmentIndex {
        types: row.get("types")?,
        topics,
        connections: list(row.get("connections")?)?
            .into_iter()
            .map(ConnectionId)
            .collect(),
    })
}

fn info(row: &Row<'_>) -> std::result::Result<ConnectionInfo, Bad> {
    const UNKNOWN: Bad = Bad::Damaged("a connection is described in words that are unknown");
    let text = |column| -> std::result::Result<String, Bad> { Ok(row.get(column)?) };
    Ok(ConnectionInfo {
        id: ConnectionId(number(row, 0)?),
        seen_by: seen_by_of(&text("seen_by")?).ok_or(UNKNOWN)?,
        client: text("client")?.as_str().into(),
        version: version_of(&text("version")?).ok_or(UNKNOWN)?,
        listener: text("listener")?.into(),
        protocol: protocol_of(&text("protocol")?).ok_or(UNKNOWN)?,
        peer: text("peer")?.parse().map_err(|_| UNKNOWN)?,
        common_name: row.get::<_, Option<String>>("common_name")?.map(Into::into),
        certificate: None,
    })
}

fn ending(row: &Row<'_>) -> std::result::Result<ConnectionEnd, Bad> {
    Ok(ConnectionEnd {
        connection: ConnectionId(number(row, 0)?),
        before: number(row, 1)?,
        at: Timestamp(number(row, 2)?),
        why: row.get_ref(3)?.as_str().map_err(|_| NO_TEXT)?.into(),
    })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // One state for as long as it is open, whatever is written meanwhile.
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Looks at what a file says of itself, before SQLite may.
fn examine(place: &Place) -> Result<()> {
    let mut header = [0; 100];
    let read = File::open(&place.0).and_then(|mut file| {
        file.read_exact(&mut header)?;
        Ok(())
    });
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(place.not_one("it is too short"));
        }
        Err(error) => return Err(place.io("could not be read", &place.0, &error)),
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(place.not_one("its first bytes are those of something else"));
    }
    if header[68..72] != APPLICATION_ID.to_be_bytes() {
        return Err(place.not_one("it is an SQLite file of another kind"));
    }
    Ok(())
}
