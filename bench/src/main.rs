//! Deliveries per second of three brokers under the same load, in one run on one machine.
//!
//! Duty: start each broker as a process of its own, load it over loopback, count what arrives, print the medians and
//! their ratios as markdown. Not here: building the brokers (`cargo xtask bench broker` does). Invariant: all brokers
//! meet the same frames, the same windows and the same clock, and rounds are interleaved, so that what else the
//! machine does meets all of them alike.

mod broker;
mod frames;
mod load;
mod report;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use broker::{Broker, Kind};
use load::{LOADS, Measured, Timing};

/// Where the programs are, and how long to measure.
struct Options {
    programs: Vec<(Kind, PathBuf)>,
    rounds: usize,
    timing: Timing,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).map(|options| measure(&options)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
        Err(usage) => {
            eprintln!("bench: {usage}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        programs: Vec::new(),
        rounds: 5,
        timing: Timing::default(),
    };
    while let Some(argument) = arguments.next() {
        if argument == "--quick" {
            options.rounds = 1;
            continue;
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument} wants a value"))?;
        match argument.as_str() {
            "--rounds" => {
                options.rounds = value
                    .parse()
                    .map_err(|_| format!("--rounds wants a number, not {value}"))?;
            }
            "--mqttwb" => options.programs.push((Kind::Workbench, value.into())),
            "--rumqttd" => options.programs.push((Kind::Rumqttd, value.into())),
            "--mosquitto" => options.programs.push((Kind::Mosquitto, value.into())),
            _ => return Err(format!("{argument} is not an option")),
        }
    }
    if options.programs.is_empty() || options.rounds == 0 {
        return Err("start it by `cargo xtask bench broker`".into());
    }
    Ok(options)
}

fn measure(options: &Options) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut all: Vec<Vec<Vec<Measured>>> =
        vec![vec![Vec::new(); options.programs.len()]; LOADS.len()];
    let mut peak = vec![0; options.programs.len()];
    for round in 0..options.rounds {
        for (which, (kind, program)) in options.programs.iter().enumerate() {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, kind.name());
            // A fresh process each round: no broker drags along what an earlier round left in its memory.
            let broker = Broker::start(*kind, program)?;
            for (row, load) in all.iter_mut().zip(LOADS) {
                let measured = runtime
                    .block_on(load.run(&broker, options.timing))
                    .map_err(|error| {
                        io::Error::other(format!("{} under {}: {error}", kind.name(), load.name))
                    })?;
                row[which].push(measured);
            }
            peak[which] = peak[which].max(broker.peak_memory());
        }
    }
    let kinds: Vec<Kind> = options.programs.iter().map(|(kind, _)| *kind).collect();
    print!("{}", report::markdown(&kinds, &all, &peak, options));
    Ok(())
}
