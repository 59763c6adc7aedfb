//! QoS 1 to a subscriber whose session outlives the broker, each broker with its persistence on.

use std::io;

use crate::Bench;
use crate::broker::{Kind, Setup};
use crate::load::{INFLIGHT, PAYLOAD, TO_PERSISTENT};
use crate::report::{Table, factor, median, thousands};

pub fn measure(bench: &Bench) -> io::Result<String> {
    let all = bench.interleaved(Setup::Persistent, |kind, broker| {
        if kind == Kind::Rumqttd {
            return Ok(None); // it has no persistence
        }
        let run = TO_PERSISTENT.run(broker, bench.timing);
        bench.runtime.block_on(run).map(Some)
    })?;
    let mut table = Table::new(
        "broker",
        [
            "deliveries per second",
            "to it",
            "µs of processor time each",
        ]
        .map(String::from),
    );
    let mut own = None;
    let mut lost = 0;
    for (kind, rounds) in bench.kinds().iter().zip(&all) {
        let measured: Vec<_> = rounds.iter().flatten().collect();
        if measured.is_empty() {
            continue;
        }
        let rate = median(measured.iter().map(|measured| measured.per_second));
        let micros = median(
            measured
                .iter()
                .map(|measured| measured.processor_micros_each),
        );
        lost += measured.iter().map(|measured| measured.lost).sum::<u64>();
        let ours = *own.get_or_insert(rate);
        let cells = [thousands(rate), factor(ours / rate), format!("{micros:.2}")];
        table.row(kind.name(), cells);
    }
    Ok(format!(
        "QoS 1 to a persistent subscriber that is connected, each broker with its persistence on; one publisher, {PAYLOAD} B \
         payloads, {INFLIGHT} messages in flight at most; medians of {} rounds of {:.1} s. {lost} deliveries were \
         lost.\n\n{table}",
        bench.rounds,
        bench.timing.measure.as_secs_f32(),
    ))
}
