//! Keeps persistent sessions and retained messages in one SQLite file, and each recording in one of its own ([`recording`]).
//!
//! Duty: [`mqttwb_model::durable::Store`], with a write-ahead log and one transaction for each list of changes. Not here:
//! which changes there are, when they are committed, and who waits for it (the broker's journal).
//! Invariant: what [`Store::commit`] returned `Ok` for is found again after `kill -9`, and with [`Synchronous::Full`]
//! after a power failure; a list is found whole or not at all; a file that can't be trusted is left as it is.

mod effect;
mod error;
mod open;
mod read;
pub mod recording;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use mqttwb_model::durable::{Change, Restored, SessionKey, Store, StoreError};
use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior};

use crate::effect::Effect;
use crate::error::Place;
use crate::read::ReadError;
use crate::write::Writer;

/// What a commit outlives.
///
/// Measured (docs/benchmarks.md): a commit costs 0.05 ms with `Normal` and 6 to 10 ms with `Full`, which is the disk's own
/// time. A list of a thousand changes is half as fast with `Full`, a single message a hundred times slower. So `Normal`
/// is the default: the death of the process is what happens every day, and who needs more says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// The end of the process, however it comes. The system writes to the disk when it likes, so a power failure or the
    /// end of the system itself may take the last seconds; never a part of a list.
    #[default]
    Normal,
    /// A power failure too: every commit waits for the disk.
    Full,
}

/// How many commits pass between looks at the free pages of the file.
const COMMITS_BETWEEN_LOOKS: u32 = 64;

/// Free pages that a file keeps for what comes next: 8 MiB.
const SPARE_PAGES: i64 = 2048;

/// Pages that one look gives back to the disk at most: 2 MiB, a few milliseconds.
const PAGES_AT_ONCE: i64 = 512;

/// A store in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    place: Place,
    inner: Mutex<Inner>,
    /// Held as long as the file is open: the fields above go first.
    _lock: File,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    /// Sessions that are there.
    sessions: HashSet<SessionKey>,
    /// The number of the next body.
    next_body: i64,
    /// Commits until the free pages are looked at.
    until_look: u32,
}

impl SqliteStore {
    /// Opens the store at `path`, or makes one there, readable by its owner alone.
    ///
    /// The whole file is checked. What can't be trusted is refused with [`StoreError::Damaged`] and not changed.
    pub fn open(path: &Path, synchronous: Synchronous) -> Result<Self, StoreError> {
        let place = Place(path.to_owned());
        let lock = open::lock(&place)?;
        let connection = open::open(&place, synchronous)?;
        let inner = Inner::new(connection).map_err(|error| place.sqlite(&error))?;
        Ok(Self {
            place,
            inner: Mutex::new(inner),
            _lock: lock,
        })
    }
}

impl Store for SqliteStore {
    fn restore(&self) -> Result<Restored, StoreError> {
        let inner = self.inner.lock();
        read::everything(&inner.connection).map_err(|error| match error {
            ReadError::Sqlite(error) => self.place.sqlite(&error),
            ReadError::Damaged(what) => self.place.damaged(format!("it is damaged ({what})")),
        })
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        let error = match inner.commit(changes) {
            Ok(()) => return Ok(()),
            Err(error) => self.place.sqlite(&error),
        };
        if matches!(error, StoreError::Full(_)) {
            inner.make_room();
        }
        Err(error)
    }
}

impl Inner {
    fn new(connection: Connection) -> rusqlite::Result<Self> {
        let sessions = connection
            .prepare("SELECT key FROM session")?
            .query_map([], |row| {
                Ok(SessionKey(row.get::<_, i64>(0)?.cast_unsigned()))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let next_body =
            connection.query_row("SELECT ifnull(max(id), 0) + 1 FROM body", [], |row| {
                row.get(0)
            })?;
        open::trust(&connection)?;
        Ok(Self {
            connection,
            sessions,
            next_body,
            until_look: COMMITS_BETWEEN_LOOKS,
        })
    }

    fn commit(&mut self, changes: &[Change]) -> rusqlite::Result<()> {
        let effect = Effect::of(changes, |key| self.sessions.contains(&key));
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next_body = Writer::new(&transaction, self.next_body).write(&effect)?;
        transaction.commit()?;
        self.next_body = next_body;
        for (key, session) in &effect.sessions {
            if session.lives {
                self.sessions.insert(*key);
            } else {
                self.sessions.remove(key);
            }
        }
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = COMMITS_BETWEEN_LOOKS;
            // The list is committed: whether the file could be made smaller is no matter of the caller's.
            let _ = self.shrink();
        }
        Ok(())
    }

    /// Gives pages back to the disk when more are free than used, so that a file which was large once is not so for ever.
    fn shrink(&self) -> rusqlite::Result<()> {
        let count = |pragma| {
            self.connection
                .pragma_query_value(None, pragma, |row| row.get(0))
        };
        let free: i64 = count("freelist_count")?;
        let all: i64 = count("page_count")?;
        let spare = SPARE_PAGES.max(all / 2);
        if free > spare {
            let pages = PAGES_AT_ONCE.min(free - spare);
            // A row for each page: the statement must be run to its end.
            self.connection
                .pragma(None, "incremental_vacuum", pages, |_| Ok(()))?;
        }
        Ok(())
    }

    /// The log may hold more room than the changes need: moves it into the file and empties it.
    fn make_room(&self) {
        // Where this does not help, the next commit says so.
        let _ = self
            .connection
            .pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()));
    }
}
