mod contract;
mod doubt;
mod model;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use mqttwb_model::durable::{
    Change, DeliveryRecord, RetainedRecord, SessionKey, SessionRecord, ShareRecord,
    SubscriptionRecord, WillRecord,
};
use mqttwb_model::{ProtocolVersion, QoS, SubscriptionIds, Timestamp, TopicFilter};

use super::*;

/// A store in a folder of its own.
struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("broker.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("broker.db-wal")
    }

    fn open(&self) -> SqliteStore {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path(), Synchronous::Normal)
    }

    /// What `kill -9` would leave at this moment: the files as they are, in another folder.
    fn killed(&self) -> Self {
        let there = Self::new();
        for (from, to) in [(self.path(), there.path()), (self.log(), there.log())] {
            if from.exists() {
                fs::copy(from, to).unwrap();
            }
        }
        there
    }

    /// The names and bytes of the file and its log.
    fn bytes(&self) -> Vec<Option<Vec<u8>>> {
        let read = |path: &Path| path.exists().then(|| fs::read(path).unwrap());
        vec![read(&self.path()), read(&self.log())]
    }
}

fn key(number: u64) -> SessionKey {
    SessionKey(number)
}

fn session(number: u64) -> SessionRecord {
    SessionRecord {
        key: key(number),
        client: format!("device-{number}").into(),
        version: ProtocolVersion::V5,
        expiry: 3600,
        away_since: None,
        sent: 0,
        will: None,
    }
}

fn subscription(filter: &str) -> SubscriptionRecord {
    SubscriptionRecord {
        filter: TopicFilter::try_from(filter).unwrap(),
        options: 1,
        id: None,
    }
}

fn delivery(seq: u64, message: &Bytes) -> DeliveryRecord {
    DeliveryRecord {
        seq,
        qos: QoS::AtLeastOnce,
        retain: false,
        released: false,
        packet_id: None,
        share: ShareRecord::Own,
        subscription_ids: SubscriptionIds::default(),
        message: message.clone(),
    }
}

fn retained(topic: &str, message: &Bytes) -> RetainedRecord {
    RetainedRecord {
        topic: topic.into(),
        message: message.clone(),
        publisher: "sensor".into(),
    }
}

fn enqueue(session: u64, seq: u64, message: &Bytes) -> Change {
    Change::Enqueue(key(session), delivery(seq, message))
}

/// A message of `length` bytes that are not all the same.
fn message(length: usize) -> Bytes {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

/// How many bodies the file holds.
fn bodies(store: &SqliteStore) -> i64 {
    let inner = store.inner.lock();
    let count = "SELECT count(*) FROM body";
    inner
        .connection
        .query_row(count, [], |row| row.get(0))
        .unwrap()
}
