//! One entry for people and for CI: set-up, run, test, lint, conformance, bundle, bench, soak.
//!
//! Duty: call the tools in the right order, with the right options, and say plainly what failed and what to do.
//! Not here: anything of the product. This crate has no dependencies at all: it is the first thing that is built on a
//! fresh machine, and so no feature of another crate ever makes cargo rebuild it while it runs.

mod bench;
mod bundle;
mod conformance;
mod fuzz;
mod lint;
mod process;
mod run;
mod setup;
mod soak;
mod test;
mod tree;

use std::process::ExitCode;

use process::Stop;

const USAGE: &str = "\
cargo xtask run [--release]        set up, build, and open the app; without a display, the broker in this terminal
cargo xtask test [--no-window]     set up, and run every check and test
cargo xtask lint                   format, clippy, arrows between the crates, stale exports, unused dependencies
cargo xtask conformance            write docs/conformance.md: which test holds which statement of the standards
cargo xtask fuzz [--target T] [--inputs N]
                                   run the fuzz targets under cargo-fuzz; `cargo test` runs their kept inputs
cargo xtask bundle                 build the .deb package
cargo xtask bench broker [--quick] [--only throughput,latency,match,idle,memory,persistence,capture]
                                   measure this broker beside plain rumqttd and mosquitto
cargo xtask bench charts           measure what charts cost, by themselves and in the real window
cargo xtask bench devices          measure the device board with 5,000 devices in the real window, and how soon a killed one is red
cargo xtask bench policy           measure what a check of access takes, with 10,000 rules and 1,000 clients
cargo xtask bench ui [--quick|--hour]  measure how fast the real window answers under load, and its memory
cargo xtask soak [--kills N] [--seed N]
                                   kill the broker under load, 200 times: nothing acknowledged may be lost";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["run"] => run::run_task(run::Profile::Debug),
        ["run", "--release"] => run::run_task(run::Profile::Release),
        ["test"] => test::test(test::Window::Drive),
        ["test", "--no-window"] => test::test(test::Window::Skip),
        ["lint"] => lint::lint(),
        ["conformance"] => conformance::write(),
        ["fuzz", options @ ..] => fuzz::fuzz(options),
        ["bundle"] => bundle::bundle(),
        ["soak", options @ ..] => soak::soak(options),
        ["bench", "broker", options @ ..] => bench::broker(options),
        ["bench", "charts"] => bench::charts(),
        ["bench", "devices"] => bench::devices(),
        ["bench", "policy"] => bench::policy(),
        ["bench", "ui", options @ ..] => bench::ui(options),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Stop::new(format!(
            "`cargo xtask {}` is not a task. These are:\n\n{USAGE}",
            other.join(" ")
        ))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("\nxtask: {stop}");
            ExitCode::FAILURE
        }
    }
}
