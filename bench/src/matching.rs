//! What a publish costs whose topic nobody has published to before, among many filters.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Bench;
use crate::broker::{Broker, Setup};
use crate::connection::Connection;
use crate::frames::{PublishFrame, Said, Session};
use crate::load::PAYLOAD;
use crate::report::{Table, median};

const CLIENTS: u64 = 50;
const FILTERS: u64 = 5_000;
const TOPICS: u64 = 20_000;
/// The last topic of all: where it arrives, all others have been matched.
const END: &str = "match/end";
const PATIENCE: Duration = Duration::from_secs(120);
/// Frames of one write.
const BATCH: u64 = 64;

pub fn measure(bench: &Bench) -> io::Result<String> {
    let all = bench.interleaved(Setup::Usual, |_, broker| {
        bench.runtime.block_on(timed(broker))
    })?;
    let mut table = Table::new(
        "broker",
        ["µs a publish", "µs of processor time"].map(String::from),
    );
    for (kind, rounds) in bench.kinds().iter().zip(&all) {
        let micros = |what: fn(&(Duration, Duration)) -> Duration| {
            let each = rounds.iter().map(|round| what(round).as_secs_f64() * 1e6);
            format!("{:.2}", median(each) / TOPICS as f64)
        };
        table.row(
            kind.name(),
            [micros(|round| round.0), micros(|round| round.1)],
        );
    }
    Ok(format!(
        "{TOPICS} topics that nobody published to before, to {FILTERS} filters with a wildcard, of {CLIENTS} clients; half \
         the topics match one of them, the others none. QoS 0, {PAYLOAD} B payloads, from the first write to the arrival \
         of a last message; medians of {} interleaved rounds.\n\n{table}",
        bench.rounds
    ))
}

/// The time that all the publishes took, and the broker's processor time.
async fn timed(broker: &Broker) -> io::Result<(Duration, Duration)> {
    let arrived = Arc::new(AtomicU64::new(0));
    let end = Arc::new(Notify::new());
    let mut subscribers = JoinSet::new();
    for client in 0..CLIENTS {
        let mut connection =
            Connection::open(broker, &format!("m{client}"), Session::Clean).await?;
        for filter in (client..FILTERS).step_by(CLIENTS as usize) {
            connection
                .subscribe(&format!("site/{filter}/+/value"), 0)
                .await?;
        }
        subscribers.spawn(count(connection, arrived.clone(), None));
    }
    let mut last = Connection::open(broker, "last", Session::Clean).await?;
    last.subscribe(END, 0).await?;
    subscribers.spawn(count(last, Arc::default(), Some(end.clone())));
    let mut publisher = Connection::open(broker, "publisher", Session::Clean).await?;

    let used = broker.processor_time();
    let begin = Instant::now();
    let mut out = Vec::new();
    for number in 0..TOPICS {
        let topic = if number % 2 == 0 {
            format!("site/{}/device-{number}/value", number / 2 % FILTERS)
        } else {
            format!("plant/{}/device-{number}/value", number / 2 % FILTERS)
        };
        PublishFrame::new(&topic, 0, &[b'x'; PAYLOAD]).write(&mut out, 0);
        if number % BATCH == BATCH - 1 {
            publisher.stream.write_all(&out).await?;
            out.clear();
        }
    }
    PublishFrame::new(END, 0, b"").write(&mut out, 0);
    publisher.stream.write_all(&out).await?;
    timeout(PATIENCE, end.notified())
        .await
        .map_err(|_| io::Error::other("the last message did not arrive"))?;
    let took = begin.elapsed();
    let used = broker.processor_time() - used;
    let deadline = Instant::now() + PATIENCE;
    while arrived.load(Relaxed) < TOPICS / 2 {
        if Instant::now() > deadline {
            let arrived = arrived.load(Relaxed);
            return Err(io::Error::other(format!(
                "{arrived} of {} arrived",
                TOPICS / 2
            )));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((took, used))
}

/// Counts what arrives, and tells of it where somebody waits.
async fn count(
    mut connection: Connection,
    arrived: Arc<AtomicU64>,
    tell: Option<Arc<Notify>>,
) -> io::Result<()> {
    loop {
        connection.fill().await?;
        connection.each(|said| {
            if matches!(said, Said::Published { .. }) {
                arrived.fetch_add(1, Relaxed);
                if let Some(tell) = &tell {
                    tell.notify_one();
                }
            }
        })?;
    }
}
