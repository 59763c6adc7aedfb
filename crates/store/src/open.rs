//! Opens the file: makes it where there is none, and doubts the one that is there.
//!
//! Duty: the lock, the checks, the settings of a connection. Not here: rows.
//! Invariant: whatever the outcome, a file that can't be trusted is not changed, not even by its write-ahead log.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;

use mqttwb_model::durable::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Place;
use crate::{Synchronous, schema};

/// Pages of 4 KiB in the write-ahead log before they are moved into the file.
const LOG_PAGES: u32 = 4096;

/// Bytes that the write-ahead log keeps when it was moved.
const LOG_KEPT: u32 = LOG_PAGES * 4096;

/// KiB of pages in memory.
const CACHE: i32 = 8 * 1024;

type Result<T> = std::result::Result<T, StoreError>;

/// Takes the lock that keeps a second broker out, for as long as the file lives.
pub fn lock(place: &Place) -> Result<File> {
    let path = place.beside(".lock");
    let file = private()
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| place.io("could not be opened", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(place.in_use()),
        Err(TryLockError::Error(error)) => Err(place.io("could not be locked", &path, &error)),
    }
}

/// A file that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file that is there, or a new one, ready to be read and written. The caller has the lock.
pub fn open(place: &Place, synchronous: Synchronous) -> Result<Connection> {
    match fs::metadata(&place.0) {
        Ok(metadata) if metadata.is_file() => examine(place, &metadata)?,
        Ok(_) => {
            let told = format!("{} is not a file", place.0.display());
            return Err(place.not_writable(told));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if log_length(place)? > 0 {
                return Err(place.damaged("its write-ahead log is there, but it is not"));
            }
            create(place)?;
        }
        Err(error) => return Err(place.io("could not be looked at", &place.0, &error)),
    }
    let said = |error: rusqlite::Error| place.sqlite(&error);
    let mut connection = connect(&place.0).map_err(said)?;
    settle(&connection, synchronous).map_err(said)?;
    let version = schema::version(&connection).map_err(said)?;
    if version > schema::VERSION {
        return Err(place.later(version, schema::VERSION));
    }
    if version < 1 {
        return Err(place.damaged(format!("it says that its tables are of version {version}")));
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(said)?;
    if verdict != "ok" {
        return Err(place.damaged(format!("it is damaged ({verdict})")));
    }
    schema::bring_up_to_date(&mut connection).map_err(said)?;
    Ok(connection)
}

/// From here on the log may be moved into the file when the connection ends: all that was read of it was sound.
pub fn trust(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(connection)
}

fn settle(connection: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    // Nobody else reads or writes: no index of the log in shared memory, no lock at every commit.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A row that is replaced counts its body down.
    connection.pragma_update(None, "recursive_triggers", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    let word = match synchronous {
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", word)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Makes the file under another name, and gives it its own when it is whole: what bears the name always has tables.
fn create(place: &Place) -> Result<()> {
    let name = place.beside(".new");
    for left in [
        &name,
        &place.beside(".new-journal"),
        &place.beside(".new-wal"),
    ] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(place.io("could not be removed", left, &error));
            }
            _ => {}
        }
    }
    let file = private()
        .create_new(true)
        .open(&name)
        .map_err(|error| place.io("could not be made", &name, &error))?;
    fill(&name).map_err(|error| place.sqlite(&error))?;
    file.sync_all()
        .map_err(|error| place.io("could not be written through", &name, &error))?;
    fs::rename(&name, &place.0).map_err(|error| place.io("could not be renamed", &name, &error))?;
    // So that the name survives a power failure too.
    #[cfg(unix)]
    if let Some(folder) = place
        .0
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| place.io("could not be written through", folder, &error))?;
    }
    Ok(())
}

fn fill(name: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open(name)?;
    // It is written through once, when it is whole.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    schema::bring_up_to_date(&mut connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    debug_assert_eq!(mode, "wal");
    connection.close().map_err(|(_, error)| error)
}

/// Looks at what a file says of itself, before SQLite may touch it.
fn examine(place: &Place, metadata: &fs::Metadata) -> Result<()> {
    if metadata.permissions().readonly() {
        return Err(place.not_writable(format!("{} is read-only", place.0.display())));
    }
    let mut header = [0; 100];
    let got = beginning(&place.0, &mut header)
        .map_err(|error| place.io("could not be read", &place.0, &error))?;
    if got < header.len() {
        return Err(place.damaged(format!("it has {got} bytes, which is less than its header")));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(place.damaged("its first bytes are not those of a store"));
    }
    if header[68..72] != schema::APPLICATION_ID.to_be_bytes() {
        return Err(place.damaged("it is an SQLite file, but not one of this program"));
    }
    let log = place.beside("-wal");
    let mut header = [0; 32];
    let got = if log_length(place)? == 0 {
        0
    } else {
        beginning(&log, &mut header).map_err(|error| place.io("could not be read", &log, &error))?
    };
    // Without its header SQLite would take the log for an empty one. All zeros: the disk never got to write it.
    if got == header.len() && header != [0; 32] && !is_log_header(&header) {
        return Err(place.damaged("the header of its write-ahead log (-wal) is damaged"));
    }
    Ok(())
}

/// Bytes in the write-ahead log.
fn log_length(place: &Place) -> Result<u64> {
    let log = place.beside("-wal");
    match fs::metadata(&log) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(place.io("could not be looked at", &log, &error)),
    }
}

/// Fills `into` from the start of a file, and says how much of it.
fn beginning(path: &Path, into: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(path)?;
    let mut got = 0;
    loop {
        match file.read(&mut into[got..])? {
            0 => return Ok(got),
            more => got += more,
        }
    }
}

/// Whether these are the first bytes of a write-ahead log (sqlite.org/fileformat2.html, section 4.1).
fn is_log_header(header: &[u8; 32]) -> bool {
    let word = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
    let magic = u32::from_be_bytes(word(0));
    if magic & !1 != 0x377f_0682 {
        return false;
    }
    let number = |at: usize| match magic & 1 {
        1 => u32::from_be_bytes(word(at)),
        _ => u32::from_le_bytes(word(at)),
    };
    let mut sum = (0_u32, 0_u32);
    for at in (0..24).step_by(8) {
        sum.0 = sum.0.wrapping_add(number(at)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(number(at + 4)).wrapping_add(sum.0);
    }
    (sum.0, sum.1) == (u32::from_be_bytes(word(24)), u32::from_be_bytes(word(28)))
}
