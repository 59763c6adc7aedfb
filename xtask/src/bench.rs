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
    ]))?;
    let mosquitto = find_program("mosquitto").ok_or_else(|| Stop::new("mosquitto is not found"))?;
    run(Command::new(built("release", "bench"))
        .arg("--mqttwb")
        .arg(built("release", "mqttwb"))
        .arg("--rumqttd")
        .arg(built("release", "plain-rumqttd"))
        .arg("--mosquitto")
        .arg(mosquitto)
        .args(options))
}

/// What charts cost in the workbench, apart from the page.
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
    ]))
}

/// The real window under a load from outside: how long it takes to answer, and its memory.
pub fn ui(options: &[&str]) -> Result<(), Stop> {
    let is_quick = match options {
        [] => false,
        ["--quick"] => true,
        other => {
            return Err(Stop::new(format!(
                "`{}` is not an option of bench ui; --quick is",
                other.join(" ")
            )));
        }
    };
    setup::tests()?;
    build_pages()?;
    run(cargo_here().args([
        "build",
        "--release",
        "--package",
        "mqtt-workbench",
        "--features",
        "mqtt-workbench/custom-protocol",
    ]))?;
    let mut measure = cargo_here();
    measure
        .args([
            "test",
            "--release",
            "--package",
            "acceptance",
            "--test",
            "felt",
            "--",
        ])
        .args(["--ignored", "--nocapture"]);
    if is_quick {
        measure.env("MQTTWB_BENCH_QUICK", "1");
    }
    run(&mut measure)
}
