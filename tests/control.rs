//! A broker that runs, from another shell: what can be seen of it and done to it while real clients use it.

#![allow(clippy::unwrap_used)] // a test may fail

use acceptance::broker::mqttwb;
use acceptance::process::finish;
use acceptance::{Broker, Maker, Peer, Version, Way};
use serde_json::Value;

/// What `mqttwb broker … --json` prints.
fn ask(broker: &Broker, words: &[&str]) -> Value {
    let mut command = mqttwb(broker.data());
    command.args(["--json", "broker"]).args(words);
    serde_json::from_str(&finish(&mut command).success().out).unwrap()
}

/// What `mqttwb broker …` prints for a person.
fn read(broker: &Broker, words: &[&str]) -> String {
    let mut command = mqttwb(broker.data());
    command.arg("broker").args(words);
    finish(&mut command).success().out
}

#[test]
fn the_status_of_a_broker_that_runs_is_told_to_another_shell() {
    let broker = Broker::start();
    let client = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "someone");
    let status = ask(&broker, &["status"]);
    assert_eq!(status["state"], "running");
    let tcp = &status["listeners"][0];
    assert_eq!(tcp["address"], broker.address("tcp").to_string());
    assert_eq!(tcp["clients"], 1);
    let told = read(&broker, &["status"]);
    assert!(told.starts_with("running "), "{told}");
    assert!(
        told.contains(&format!("mqtt://{}", broker.address("tcp"))),
        "{told}"
    );
    client.disconnect();
}

#[test]
fn where_no_broker_runs_it_is_said_in_one_sentence() {
    let data = tempfile::tempdir().unwrap();
    let finished = finish(mqttwb(data.path()).args(["broker", "status"]));
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let expected = format!("No broker runs on {}.", data.path().display());
    assert!(finished.err.contains(&expected), "{finished:?}");

    // One that was killed has left its way behind: it leads nowhere.
    let broker = Broker::start();
    let folder = broker.data().to_owned();
    broker.process.kill();
    let left = std::fs::read_to_string(folder.join("broker.control")).unwrap();
    let gone = finish(mqttwb(&folder).args(["broker", "status"]));
    assert_eq!(gone.status.code(), Some(1), "{gone:?} {left}");
    assert!(gone.err.contains("No broker runs on"), "{gone:?}");
    // It starts again beside it.
    let config = folder.join("test.toml").display().to_string();
    let again =
        acceptance::Running::start(mqttwb(&folder).args(["broker", "run", "--config", &config]));
    again.wait_for("ready ");
    finish(mqttwb(&folder).args(["broker", "status"])).success();
}
