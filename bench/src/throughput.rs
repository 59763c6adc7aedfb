//! Deliveries per second, and what each costs.

use std::io;

use crate::Bench;
use crate::broker::Setup;
use crate::load::{
    INFLIGHT, LOADS, Load, Measured, OUTSTANDING, OUTSTANDING_EACH_OF_MANY, PAYLOAD,
};
use crate::report::{Table, factor, median, thousands};

pub fn measure(bench: &Bench) -> io::Result<String> {
    let loads: Vec<Load> = LOADS
        .into_iter()
        .filter(|load| load.name.contains(&bench.loads))
        .collect();
    // By broker, round and load, and the peak memory of each round in KiB.
    let all = bench.interleaved(Setup::Usual, |_, broker| {
        let measured = loads
            .iter()
            .map(|load| {
                bench
                    .runtime
                    .block_on(load.run(broker, bench.timing))
                    .map_err(|error| io::Error::other(format!("{}: {error}", load.name)))
            })
            .collect::<io::Result<Vec<Measured>>>()?;
        Ok((measured, broker.peak_memory()))
    })?;
    let kinds = bench.kinds();
    let of_load = |load: usize, what: fn(&Measured) -> f64| -> Vec<f64> {
        all.iter()
            .map(|rounds| median(rounds.iter().map(|(measured, _)| what(&measured[load]))))
            .collect()
    };

    let mut rates = Table::new("load", kinds.iter().map(|kind| kind.name().to_owned()));
    for kind in &kinds[1..] {
        rates.column(format!("to {}", kind.name()));
    }
    let mut costs = Table::new("load", kinds.iter().map(|kind| kind.name().to_owned()));
    for (at, load) in loads.iter().enumerate() {
        let medians = of_load(at, |measured| measured.per_second);
        let ratios = medians[1..].iter().map(|other| factor(medians[0] / other));
        rates.row(
            load.name,
            medians.iter().map(|rate| thousands(*rate)).chain(ratios),
        );
        let micros = of_load(at, |measured| measured.processor_micros_each);
        costs.row(
            load.name,
            micros.iter().map(|micros| format!("{micros:.2}")),
        );
    }
    let peaks = all.iter().map(|rounds| {
        let kib = rounds.iter().map(|(_, peak)| *peak).max().unwrap_or(0);
        (kib / 1024).to_string()
    });
    costs.row("peak memory, MiB", peaks);

    let mut losses = String::new();
    for (kind, rounds) in kinds.iter().zip(&all) {
        for (at, load) in loads.iter().enumerate() {
            let lost: u64 = rounds.iter().map(|(measured, _)| measured[at].lost).sum();
            if lost > 0 {
                let name = kind.name();
                losses += &format!("**{name} lost {lost} deliveries under {}.**\n", load.name);
            }
        }
    }
    if losses.is_empty() {
        losses = "None was lost.\n".into();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(format!(
        "Deliveries per second, {PAYLOAD} B payloads, MQTT 3.1.1 over loopback, {cores} cores shared by broker and load; \
         medians of {} interleaved rounds of {:.1} s each.\n\n{rates}\n\
         Processor time of the broker for each delivery, in microseconds.\n\n{costs}\n\
         All brokers met the same load: at QoS 1 and 2 a publisher has {INFLIGHT} messages in flight at most; and at \
         every QoS publishers wait while {OUTSTANDING} messages ({OUTSTANDING_EACH_OF_MANY} where there are 50 \
         subscribers) have not arrived at every subscriber. Deliveries are counted at the subscribers. {losses}",
        bench.rounds,
        bench.timing.measure.as_secs_f32(),
    ))
}
