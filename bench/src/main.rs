//! This broker, plain rumqttd and mosquitto under the same loads, in one run on one machine.
//!
//! Duty: start each broker as a process of its own, load it over loopback, measure, print markdown. Not here: building
//! the brokers (`cargo xtask bench broker` does). Invariant: all brokers meet the same frames, the same windows and the
//! same clock, and rounds are interleaved, so that what else the machine does meets all of them alike.

mod broker;
mod capture;
mod connection;
mod frames;
mod idle;
mod latency;
mod load;
mod matching;
mod memory;
mod persistence;
mod report;
mod throughput;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use broker::{Broker, Kind, Setup};
use load::Timing;

/// Measures something, and tells it as markdown.
type Measure = fn(&Bench) -> io::Result<String>;

/// What can be measured by itself.
const PARTS: [(&str, Measure); 7] = [
    ("throughput", throughput::measure),
    ("latency", latency::measure),
    ("match", matching::measure),
    ("idle", idle::measure),
    ("memory", memory::measure),
    ("persistence", persistence::measure),
    ("capture", capture::measure),
];

/// Where the programs are, and how long to measure.
struct Bench {
    programs: Vec<(Kind, PathBuf)>,
    /// The broker without anything around it.
    alone: Option<PathBuf>,
    rounds: usize,
    timing: Timing,
    /// Loads whose name holds this; all of them where it is empty.
    loads: String,
    runtime: Arc<Runtime>,
}

impl Bench {
    fn kinds(&self) -> Vec<Kind> {
        self.programs.iter().map(|(kind, _)| *kind).collect()
    }

    /// The same with other programs.
    fn of(&self, programs: Vec<(Kind, PathBuf)>) -> Self {
        Self {
            programs,
            alone: None,
            rounds: self.rounds,
            timing: self.timing,
            loads: self.loads.clone(),
            runtime: self.runtime.clone(),
        }
    }

    /// Does something with a fresh process of each broker, over and over: what came of it, by broker and round. No
    /// broker drags along what an earlier round left in its memory.
    fn interleaved<T>(
        &self,
        setup: Setup,
        mut each: impl FnMut(Kind, &Broker) -> io::Result<T>,
    ) -> io::Result<Vec<Vec<T>>> {
        let mut all: Vec<Vec<T>> = self.programs.iter().map(|_| Vec::new()).collect();
        for round in 0..self.rounds {
            for ((kind, program), results) in self.programs.iter().zip(&mut all) {
                eprintln!("round {} of {}: {}", round + 1, self.rounds, kind.name());
                let broker = Broker::start(*kind, program, setup)?;
                let result = each(*kind, &broker)
                    .map_err(|error| io::Error::other(format!("{}: {error}", kind.name())))?;
                results.push(result);
            }
        }
        Ok(all)
    }
}

fn main() -> ExitCode {
    let done = options(std::env::args().skip(1)).and_then(|(bench, parts)| {
        for (name, measure) in PARTS {
            if parts.is_empty() || parts.iter().any(|part| part == name) {
                eprintln!("── {name}");
                let text = measure(&bench).map_err(|error| format!("{name}: {error}"))?;
                println!("{text}");
            }
        }
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The bench, and the parts to run; none is all of them.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<(Bench, Vec<String>), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let mut bench = Bench {
        programs: Vec::new(),
        alone: None,
        rounds: 5,
        timing: Timing::default(),
        loads: String::new(),
        runtime: Arc::new(runtime),
    };
    let mut parts = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--quick" {
            bench.rounds = 1;
            continue;
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument} wants a value"))?;
        match argument.as_str() {
            "--rounds" => {
                bench.rounds = value
                    .parse()
                    .map_err(|_| format!("--rounds wants a number, not {value}"))?;
            }
            "--seconds" => {
                let seconds = value
                    .parse()
                    .ok()
                    .and_then(|s| Duration::try_from_secs_f64(s).ok());
                bench.timing.measure =
                    seconds.ok_or_else(|| format!("--seconds wants a number, not {value}"))?;
            }
            "--only" => parts.extend(value.split(',').map(str::to_owned)),
            "--loads" => bench.loads = value,
            "--mqttwb" => bench.programs.push((Kind::Workbench, value.into())),
            "--rumqttd" => bench.programs.push((Kind::Rumqttd, value.into())),
            "--alone" => bench.alone = Some(value.into()),
            "--mosquitto" => bench.programs.push((Kind::Mosquitto, value.into())),
            _ => return Err(format!("{argument} is not an option")),
        }
    }
    if let Some(unknown) = parts
        .iter()
        .find(|part| PARTS.iter().all(|(name, _)| name != part))
    {
        let names = PARTS.map(|(name, _)| name).join(",");
        return Err(format!("{unknown} can't be measured; these can: {names}"));
    }
    if bench.programs.is_empty() || bench.rounds == 0 {
        return Err("start it by `cargo xtask bench broker`".into());
    }
    Ok((bench, parts))
}
