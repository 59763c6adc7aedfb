//! `cargo xtask bench`: builds what is measured, and starts the measurement.

use std::process::Command;

use crate::process::{Stop, find_program, run};
use crate::setup;
use crate::tree::{build_pages, built, cargo_here};

/// This broker, plain rumqttd and mosquitto, under the same load.
pub fn broker(options: &[&str]) -> Result<(), Stop> {
    setup::mosquitto()?;
    run(cargo_here().args([
        "build",
        "--release",
        "--package",
        "mqttwb-cli",
        "--package",
        "bench",
        "--package",
        "mqttwb-app",
        "--bins",
        "--example",
        "alone",
    ]))?;
    let mosquitto = find_program("mosquitto").ok_or_else(|| Stop::new("mosquitto is not found"))?;
    run(Command::new(built("release", "bench"))
        .arg("--mqttwb")
        .arg(built("release", "mqttwb"))
        .arg("--rumqttd")
        .arg(built("release", "plain-rumqttd"))
        .arg("--mosquitto")
        .arg(mosquitto)
        .arg("--alone")
        .arg(built("release", "examples/alone"))
        .args(options))
}

/// What charts cost: drawing them by itself, and then all of it in the real window.
pub fn charts() -> Result<(), Stop> {
    run(cargo_here().args([
        "test",
        "--release",
        "--package",
        "mqttwb-app",
        "--lib",
        "--",
        "--ignored",
        "--nocapture",
        "charts::measured",
    ]))?;
    in_window("charts_cost", "charts_in_the_window", &[])
}

/// What the device board costs with 5,000 devices, and how soon a killed one is red.
pub fn devices() -> Result<(), Stop> {
    in_window("devices_cost", "devices_in_the_window", &[])
}

/// What a check of access takes, with ten thousand rules and a thousand clients.
pub fn policy() -> Result<(), Stop> {
    run(cargo_here().args([
        "test",
        "--release",
        "--package",
        "mqttwb-policy",
        "--test",
        "it",
        "--",
        "--ignored",
        "--nocapture",
        "ten_thousand_rules",
        "--test-threads=1",
    ]))
}

const FELT: &str = "how_fast_the_window_feels";

/// The real window under a load from outside: how long it takes to answer, and its memory.
pub fn ui(options: &[&str]) -> Result<(), Stop> {
    let (measurement, is_quick) = match options {
        [] => (FELT, false),
        ["--quick"] => (FELT, true),
        ["--hour"] => ("an_hour_of_load", false),
        other => {
            return Err(Stop::new(format!(
                "`{}` is not an option of bench ui; --quick and --hour are",
                other.join(" ")
            )));
        }
    };
    let quick: &[_] = if is_quick {
        &[("MQTTWB_BENCH_QUICK", "1")]
    } else {
        &[]
    };
    in_window("felt", measurement, quick)
}

/// Builds the app for release, and measures its window.
fn in_window(test: &str, measurement: &str, variables: &[(&str, &str)]) -> Result<(), Stop> {
    setup::tests()?;
    build_pages()?;
    // The app and the measurement in one, so that what both depend on is built once.
    let both = |command: &str| {
        let mut cargo = cargo_here();
        cargo.args([command, "--release"]);
        cargo.args(["--package", "mqtt-workbench", "--package", "acceptance"]);
        cargo.args(["--features", "mqtt-workbench/custom-protocol"]);
        cargo
    };
    run(both("build").args(["--bins", "--test", test]))?;
    run(both("test")
        .args(["--test", test, "--", measurement])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied()))
}
