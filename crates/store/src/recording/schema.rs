//! The tables of a recording.

/// "MQWR": what tells a recording from any other SQLite file.
pub const APPLICATION_ID: u32 = 0x4d51_5752;

/// The version of the tables that this program writes, and the latest that it reads. Version 1 had no `ending`.
pub const VERSION: i64 = 2;

/// Bytes of a page. A packed segment is some tens of kilobytes: few pages, not many.
pub const PAGE: u64 = 16_384;

/// Packed packets have a table of their own, so that who looks through the index does not read them. `crc` is the CRC-32 of
/// the columns beside it, because SQLite does not notice a changed byte within a value; packets bring their own. Numbers of
/// 64 bits without a sign are stored as those with the same bits.
pub const TABLES: &str = "
    CREATE TABLE about (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        origin TEXT NOT NULL,
        detail TEXT NOT NULL,
        begun INTEGER NOT NULL,
        ended INTEGER,
        rolled_off INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE segment (
        first INTEGER PRIMARY KEY,
        count INTEGER NOT NULL,
        earliest INTEGER NOT NULL,
        latest INTEGER NOT NULL,
        types INTEGER NOT NULL,
        topics BLOB,
        connections BLOB NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE packed (
        first INTEGER PRIMARY KEY,
        packets BLOB NOT NULL
    ) STRICT;
    CREATE TABLE topic (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE connection (
        id INTEGER PRIMARY KEY,
        client TEXT NOT NULL,
        version TEXT NOT NULL,
        listener TEXT NOT NULL,
        protocol TEXT NOT NULL,
        peer TEXT NOT NULL,
        common_name TEXT,
        seen_by TEXT NOT NULL
    ) STRICT;
    CREATE TABLE gap (
        id INTEGER PRIMARY KEY,
        before INTEGER NOT NULL,
        packets INTEGER NOT NULL,
        cause TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE ending (
        connection INTEGER PRIMARY KEY,
        before INTEGER NOT NULL,
        at INTEGER NOT NULL,
        why TEXT NOT NULL
    ) STRICT;
    CREATE INDEX ending_before ON ending (before);
";
