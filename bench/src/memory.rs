//! Memory a minute after a load, beside that before it.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use crate::Bench;
use crate::broker::{Broker, Setup};
use crate::load::{LOADS, Timing};
use crate::report::Table;

const SETTLES: Duration = Duration::from_secs(2);
const AFTERWARDS: Duration = Duration::from_secs(60);
/// Each load takes so long.
const LOADED: Timing = Timing {
    warm_up: Duration::from_millis(300),
    measure: Duration::from_secs(3),
};

pub fn measure(bench: &Bench) -> io::Result<String> {
    let mut brokers = Vec::new();
    for (kind, program) in &bench.programs {
        eprintln!("{}", kind.name());
        let broker = Broker::start(*kind, program, Setup::SmallCapture)?;
        sleep(SETTLES);
        let before = broker.memory();
        for load in LOADS {
            bench.runtime.block_on(load.run(&broker, LOADED))?;
        }
        brokers.push((kind, before, broker.memory(), broker));
    }
    eprintln!("a minute later");
    sleep(AFTERWARDS);
    let mut table = Table::new(
        "broker",
        [
            "before",
            "at most",
            "at the end",
            "a minute later",
            "more than before",
        ]
        .map(String::from),
    );
    for (kind, before, at_the_end, broker) in brokers {
        let later = broker.memory();
        let more = (later as f64 / before as f64 - 1.0) * 100.0;
        let kib = [before, broker.peak_memory(), at_the_end, later].map(|kib| kib.to_string());
        table.row(kind.name(), kib.into_iter().chain([format!("{more:.0} %")]));
    }
    Ok(format!(
        "Resident memory in KiB around the loads above, each for {} s, all connections closed at their end. Captured \
         packets are a choice of the user, not counted here: this broker ran with `[capture] memory = \"1 MiB\"`.\n\n{table}",
        LOADED.measure.as_secs()
    ))
}
