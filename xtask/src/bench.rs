//! `cargo xtask bench`: builds what is measured, and starts the measurement.

use std::process::Command;

use crate::process::{Stop, find_program, run};
use crate::setup;
use crate::tree::{built, cargo_here};

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
