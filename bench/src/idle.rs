//! Memory of connections that do nothing.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use crate::Bench;
use crate::broker::{Broker, Setup};
use crate::connection::Connection;
use crate::frames::Session;
use crate::report::{Table, median};

const CONNECTIONS: u64 = 5_000;
/// Until a broker has done what it does after a start, or after connections.
const SETTLES: Duration = Duration::from_secs(2);

pub fn measure(bench: &Bench) -> io::Result<String> {
    let all = bench.interleaved(Setup::Usual, |_, broker| {
        sleep(SETTLES);
        let before = broker.memory();
        let crowd = bench.runtime.block_on(crowd(broker))?;
        sleep(SETTLES);
        let with_them = broker.memory();
        drop(crowd);
        Ok((before, with_them))
    })?;
    let mut table = Table::new(
        "broker",
        ["KiB before", "KiB with them", "KiB each"].map(String::from),
    );
    for (kind, rounds) in bench.kinds().iter().zip(&all) {
        let each = |what: fn(&(u64, u64)) -> u64| median(rounds.iter().map(|r| what(r) as f64));
        let added = each(|(before, with_them)| with_them.saturating_sub(*before));
        table.row(
            kind.name(),
            [
                each(|(before, _)| *before).to_string(),
                each(|(_, with_them)| *with_them).to_string(),
                format!("{:.1}", added / CONNECTIONS as f64),
            ],
        );
    }
    Ok(format!(
        "{CONNECTIONS} idle connections, each with one subscription: resident memory; medians of {} rounds.\n\n{table}",
        bench.rounds
    ))
}

async fn crowd(broker: &Broker) -> io::Result<Vec<Connection>> {
    let mut crowd = Vec::new();
    for number in 0..CONNECTIONS {
        let mut client =
            Connection::open(broker, &format!("idle-{number}"), Session::Clean).await?;
        client.subscribe(&format!("idle/{number}"), 0).await?;
        crowd.push(client);
    }
    Ok(crowd)
}
