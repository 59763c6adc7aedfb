//! The tables, and how an older file becomes one of today.
//!
//! Duty: what stands in which column. Not here: reading and writing rows.
//! Invariant: `user_version` is the number of steps of [`STEPS`] that a file has been through.

use rusqlite::Connection;

/// "MQWB": what tells a store of ours from any other SQLite file.
pub const APPLICATION_ID: u32 = 0x4d51_5742;

/// The version of the tables that this program writes.
pub const VERSION: i64 = STEPS.len() as i64;

/// Each turns a file of the version that is its place into one of the next. What stands here is never changed, as files
/// have been through it: a change is a step more.
///
/// A message is in the row of what it is for (`message`), or in `body` when several share it or it is long; `crc` is the
/// CRC-32 of its bytes, because SQLite itself does not notice a changed byte within a value. Numbers of 64 bits without a
/// sign are stored as those with the same bits.
const STEPS: [&str; 3] = [
    "
    CREATE TABLE body (
        id INTEGER PRIMARY KEY,
        uses INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        message BLOB NOT NULL
    ) STRICT;

    CREATE TABLE session (
        key INTEGER PRIMARY KEY,
        client TEXT NOT NULL,
        version INTEGER NOT NULL,
        expiry INTEGER NOT NULL,
        away_since INTEGER,
        sent INTEGER NOT NULL,
        will BLOB,
        will_delay INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE subscription (
        session INTEGER NOT NULL,
        filter TEXT NOT NULL,
        options INTEGER NOT NULL,
        id INTEGER,
        PRIMARY KEY (session, filter)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE delivery (
        session INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        flags INTEGER NOT NULL,
        subscription_ids BLOB,
        body INTEGER,
        crc INTEGER,
        message BLOB,
        PRIMARY KEY (session, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE received (
        session INTEGER NOT NULL,
        packet_id INTEGER NOT NULL,
        body INTEGER,
        crc INTEGER,
        message BLOB,
        PRIMARY KEY (session, packet_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE retained (
        topic TEXT NOT NULL PRIMARY KEY,
        publisher TEXT NOT NULL,
        body INTEGER,
        crc INTEGER,
        message BLOB
    ) STRICT, WITHOUT ROWID;

    CREATE TRIGGER delivery_done AFTER DELETE ON delivery WHEN old.body IS NOT NULL BEGIN
        UPDATE body SET uses = uses - 1 WHERE id = old.body;
    END;
    CREATE TRIGGER delivery_released AFTER UPDATE OF body ON delivery WHEN old.body IS NOT NULL BEGIN
        UPDATE body SET uses = uses - 1 WHERE id = old.body;
    END;
    CREATE TRIGGER received_done AFTER DELETE ON received WHEN old.body IS NOT NULL BEGIN
        UPDATE body SET uses = uses - 1 WHERE id = old.body;
    END;
    CREATE TRIGGER retained_gone AFTER DELETE ON retained WHEN old.body IS NOT NULL BEGIN
        UPDATE body SET uses = uses - 1 WHERE id = old.body;
    END;
    CREATE TRIGGER body_unused AFTER UPDATE OF uses ON body WHEN new.uses = 0 BEGIN
        DELETE FROM body WHERE id = new.id;
    END;
    ",
    "ALTER TABLE delivery ADD COLUMN packet_id INTEGER;",
    // The filter of the shared subscription, `$share/…` included; none where it is the client's own, and an empty one where
    // that was not written down.
    "ALTER TABLE delivery ADD COLUMN share TEXT; UPDATE delivery SET share = '';",
];

/// Bits of `delivery.flags`, beside the QoS in the lowest two.
pub const QOS: i64 = 0b0011;
/// The retain flag that the subscriber sees.
pub const RETAIN: i64 = 0b0100;
/// PUBREC came.
pub const RELEASED: i64 = 0b1000;

/// Takes a file through the steps that it has not been through, all or none.
pub fn bring_up_to_date(connection: &mut Connection) -> rusqlite::Result<()> {
    let version = version(connection)?;
    let done = usize::try_from(version).unwrap_or(0);
    if done >= STEPS.len() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in &STEPS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// The steps, for tests to make files of older versions.
#[cfg(test)]
pub fn steps() -> &'static [&'static str] {
    &STEPS
}

/// The version of a file's tables.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
