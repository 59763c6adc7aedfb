//! What a commit costs: lists a second and changes a second, by the length of the list and by what a commit outlives.
//!
//! `cargo run --release -p mqttwb-store --example commit [FOLDER]`: on the disk that FOLDER is on, or the temporary one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use mqttwb_model::durable::{
    Change, DeliveryRecord, SessionKey, SessionRecord, ShareRecord, Store,
};
use mqttwb_model::{ProtocolVersion, QoS, SubscriptionIds};
use mqttwb_store::{SqliteStore, Synchronous};

/// Sessions that messages wait for.
const SESSIONS: u64 = 100;

/// Messages that wait for each, once it has begun.
const WAITING: u64 = 20;

/// How long each figure is taken for.
const FOR: Duration = Duration::from_secs(3);

/// Enqueues and dequeues for ever: each session has a message in and, when enough wait, its oldest out.
struct Traffic {
    message: Bytes,
    step: u64,
}

impl Traffic {
    fn next(&mut self) -> Change {
        let (turn, half) = (self.step / 2, self.step % 2);
        self.step += 1;
        let session = SessionKey(turn % SESSIONS);
        let seq = turn / SESSIONS + WAITING;
        if half == 0 {
            enqueue(session, seq, Bytes::copy_from_slice(&self.message))
        } else {
            Change::Dequeue(session, seq - WAITING)
        }
    }
}

fn enqueue(session: SessionKey, seq: u64, message: Bytes) -> Change {
    Change::Enqueue(
        session,
        DeliveryRecord {
            seq,
            qos: QoS::AtLeastOnce,
            retain: false,
            released: false,
            packet_id: None,
            share: ShareRecord::Own,
            subscription_ids: SubscriptionIds::default(),
            message,
        },
    )
}

fn session(key: SessionKey) -> Change {
    Change::Session(SessionRecord {
        key,
        client: format!("device-{}", key.0).into(),
        version: ProtocolVersion::V5,
        expiry: u32::MAX,
        away_since: None,
        sent: 0,
        will: None,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    println!(
        "| synchronous | message | changes in a list | lists a second | changes a second | slowest list |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for length in [100, 1_000] {
        for (word, synchronous) in [("normal", Synchronous::Normal), ("full", Synchronous::Full)] {
            let path = folder.path().join(format!("{word}-{length}.db"));
            let store = SqliteStore::open(&path, synchronous)?;
            for key in (0..SESSIONS).map(SessionKey) {
                let message = Bytes::from(vec![b'x'; length]);
                let waiting = (0..WAITING).map(|seq| enqueue(key, seq, message.slice(..)));
                let mut changes = vec![session(key)];
                changes.extend(waiting);
                store.commit(&changes)?;
            }
            let mut traffic = Traffic {
                message: vec![b'x'; length].into(),
                step: 0,
            };
            for changes in [1, 10, 100, 1_000] {
                measure(word, length, changes, &store, &mut traffic)?;
            }
        }
    }
    fan_out(&folder.path().join("shared.db"))?;
    start(&folder.path().join("start.db"))
}

fn measure(
    word: &str,
    length: usize,
    changes: usize,
    store: &SqliteStore,
    traffic: &mut Traffic,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut lists = 0_u32;
    let mut slowest = Duration::ZERO;
    let mut spent = Duration::ZERO;
    while spent < FOR {
        let list: Vec<Change> = (0..changes).map(|_| traffic.next()).collect();
        let begun = Instant::now();
        store.commit(&list)?;
        let took = begun.elapsed();
        spent += took;
        slowest = slowest.max(took);
        lists += 1;
    }
    let a_second = f64::from(lists) / spent.as_secs_f64();
    println!(
        "| {word} | {length} B | {changes} | {a_second:.0} | {:.0} | {:.1} ms |",
        a_second * changes as f64,
        slowest.as_secs_f64() * 1e3,
    );
    Ok(())
}

/// One message to every session and away again.
fn fan_out(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let store = SqliteStore::open(path, Synchronous::Full)?;
    let sessions: Vec<Change> = (0..SESSIONS).map(|key| session(SessionKey(key))).collect();
    store.commit(&sessions)?;
    let mut spent = Duration::ZERO;
    let mut seq = 0;
    while spent < FOR {
        let mut list = Vec::new();
        for _ in 0..10 {
            seq += 1;
            let message = Bytes::from(vec![b'x'; 100]);
            list.extend((0..SESSIONS).map(|key| enqueue(SessionKey(key), seq, message.clone())));
            if seq > 10 {
                list.extend((0..SESSIONS).map(|key| Change::Dequeue(SessionKey(key), seq - 10)));
            }
        }
        let begun = Instant::now();
        store.commit(&list)?;
        spent += begun.elapsed();
    }
    println!(
        "\nOne message to {SESSIONS} sessions and away again: {:.0} deliveries a second.",
        (seq * SESSIONS) as f64 / spent.as_secs_f64()
    );
    Ok(())
}

/// How long a broker waits for a store with much in it.
fn start(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    const MESSAGES: u64 = 200_000;
    let store = SqliteStore::open(path, Synchronous::Normal)?;
    store.commit(&[session(SessionKey(0))])?;
    for first in (0..MESSAGES).step_by(1_000) {
        let list: Vec<Change> = (first..first + 1_000)
            .map(|seq| enqueue(SessionKey(0), seq, vec![b'x'; 1_000].into()))
            .collect();
        store.commit(&list)?;
    }
    drop(store);
    let size = std::fs::metadata(path)?.len();
    let begun = Instant::now();
    let store = SqliteStore::open(path, Synchronous::Normal)?;
    let opened = begun.elapsed();
    let restored = store.restore()?;
    println!(
        "Opening and checking {} MiB: {:.0} ms; reading {} messages of 1,000 B: {:.0} ms.",
        size >> 20,
        opened.as_secs_f64() * 1e3,
        restored.sessions[0].deliveries.len(),
        (begun.elapsed() - opened).as_secs_f64() * 1e3
    );
    Ok(())
}
