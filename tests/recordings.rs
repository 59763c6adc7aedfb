//! Recordings from a shell: made of a broker that runs, killed, exported, published again, compared.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::path::Path;
use std::process::Command;

use acceptance::broker::mqttwb;
use acceptance::process::{finish, product};
use acceptance::{Broker, Running, Way};
use serde_json::Value;

/// `mqttwb record` on the data folder of a broker that runs; it records when this returns.
fn record(broker: &Broker, out: &Path, more: &[&str]) -> Running {
    let mut command = mqttwb(broker.data());
    command
        .args(["--json", "record", "--out"])
        .arg(out)
        .args(more);
    let running = Running::start(&mut command);
    running.find(0, |_, line| line.contains("recording into").then_some(()));
    running
}

/// Publishes with a client that no one here wrote.
fn publish(broker: &Broker, topic: &str, payload: &str, qos: &str) {
    let address = broker.address("tcp");
    let mut command = Command::new("mosquitto_pub");
    command
        .args([
            "-h",
            &address.ip().to_string(),
            "-p",
            &address.port().to_string(),
        ])
        .args(["-V", "5", "-q", qos, "-t", topic, "-m", payload]);
    finish(&mut command).success();
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(finish(command).success().out.trim()).unwrap()
}

/// The command for a file, away from any data folder.
fn on_file(words: &[&str]) -> Command {
    let mut command = Command::new(product("mqttwb"));
    command.arg("--json").args(words);
    command
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_a_broker_sees_is_recorded_exported_replayed_and_compared() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let first = path("first.mqttrec");
    let recording = record(&broker, &first, &[]);
    for n in 0..5 {
        publish(
            &broker,
            &format!("plant/pump-{n}"),
            &format!("{{\"v\":{n}}}"),
            "1",
        );
        publish(&broker, "other", "x", "2");
    }
    // One is killed, and another receives its last will.
    let port = broker.address("tcp").port();
    let mut heir = Way::Tcp.mosquitto("mosquitto_sub", port);
    let heir = Running::start(heir.args(["-d", "-V", "5", "-C", "1", "-t", "plant/doomed"]));
    heir.wait_for("Subscribed (mid");
    let mut doomed = Way::Tcp.mosquitto("mosquitto_sub", port);
    doomed.args(["-d", "-V", "5", "-t", "nothing"]);
    doomed.args(["--will-topic", "plant/doomed", "--will-payload", "gone"]);
    let doomed = Running::start(&mut doomed);
    doomed.wait_for("Subscribed (mid");
    doomed.kill();
    heir.finish().success();
    recording.signal("INT");
    let ended = recording.finish().success();
    let told: Value = serde_json::from_str(ended.out.trim()).unwrap();
    // CONNECT, CONNACK, PUBLISH, DISCONNECT; and PUBACK, or PUBREC, PUBREL and PUBCOMP.
    // Of the two CONNECT, CONNACK, SUBSCRIBE and SUBACK; of the heir PUBLISH and DISCONNECT too.
    assert_eq!(told["packets"], 5 * (5 + 7) + 4 + 6, "{told}");
    assert_eq!(
        (&told["notCaptured"], &told["overtaken"]),
        (&Value::from(0), &Value::from(0))
    );

    let pcapng = path("first.pcapng");
    json(&mut on_file(&[
        "export",
        text(&first),
        "--format",
        "pcapng",
        "--out",
        text(&pcapng),
    ]));
    let fields = |filter: &str, field: &str| {
        let mut command = Command::new("tshark");
        command.args([
            "-n",
            "-r",
            text(&pcapng),
            "-Y",
            filter,
            "-T",
            "fields",
            "-e",
            field,
        ]);
        finish(&mut command).success().out
    };
    assert_eq!(fields("_ws.malformed", "frame.number").trim(), "");
    assert_eq!(
        fields("mqtt.msgtype == 3", "mqtt.topic").lines().count(),
        10 + 1
    );
    // Each client has left: the end of its connection is there, from both sides.
    assert_eq!(
        fields("tcp.flags.fin == 1", "frame.number").lines().count(),
        2 * 12
    );

    let lines = path("plant.jsonl");
    let exported = json(&mut on_file(&[
        "export",
        text(&first),
        "--format",
        "jsonl",
        "--out",
        text(&lines),
        "--filter",
        "plant/#",
    ]));
    assert_eq!(exported["packets"], 5 + 1);
    let exported = fs::read_to_string(&lines).unwrap();
    let exported: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = exported
        .iter()
        .find(|line| line["topic"] == "plant/pump-3")
        .unwrap();
    assert_eq!(line["payload"], "{\"v\":3}");
    let ended = exported.iter().filter(|line| !line["ended"].is_null());
    assert_eq!(ended.count(), 5 + 1, "of those with a message in it");
    let again = finish(&mut on_file(&[
        "export",
        text(&first),
        "--format",
        "jsonl",
        "--out",
        text(&lines),
    ]));
    assert_eq!(again.status.code(), Some(1));
    assert!(again.err.contains("is there already"), "{}", again.err);

    let second = path("second.mqttrec");
    let recording = record(
        &broker,
        &second,
        &["--filter", "test/#", "--filter", "other"],
    );
    let to = format!("mqtt://{}", broker.address("tcp"));
    let replayed = json(&mut on_file(&[
        "replay",
        text(&first),
        "--to",
        &to,
        "--speed",
        "max",
        "--rewrite",
        "plant/#=test/#",
    ]));
    assert_eq!(replayed["published"], 11, "{replayed}");
    let told = replayed["told"].as_str().unwrap();
    assert!(
        told.contains("1 of them as the last will of a client"),
        "{told}"
    );
    recording.signal("INT");
    recording.finish().success();
    let rule = ["--rewrite", "plant/#=test/#"];
    let mut comparing = on_file(&["compare", text(&first), text(&second), "--late", "1h"]);
    let found = json(comparing.args(rule));
    assert_eq!(found["equal"], 11, "{found}");
    let differ = finish(&mut on_file(&[
        "compare",
        text(&first),
        text(&second),
        "--late",
        "1h",
    ]));
    assert_eq!(differ.status.code(), Some(1));
    let found: Value = serde_json::from_str(differ.out.trim()).unwrap();
    assert_eq!((&found["missing"], &found["extra"]), (&6.into(), &6.into()));

    let third = path("third.mqttrec");
    json(&mut on_file(&[
        "import",
        text(&pcapng),
        "--out",
        text(&third),
    ]));
    let same = finish(&mut on_file(&[
        "compare",
        text(&first),
        text(&third),
        "--late",
        "1h",
    ]));
    same.success();
}

#[test]
fn a_recording_outlives_the_death_of_the_broker_that_writes_it() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.mqttrec");
    let recording = record(&broker, &file, &[]);
    publish(&broker, "plant/a", "before", "1");
    // Only what it says is written must be there.
    recording.find(0, |_, line| {
        let told: Value = serde_json::from_str(line).ok()?;
        (told["packets"].as_u64()? >= 5).then_some(())
    });
    broker.process.kill();
    let out = folder.path().join("out.jsonl");
    let exported = json(&mut on_file(&[
        "export",
        text(&file),
        "--format",
        "jsonl",
        "--out",
        text(&out),
    ]));
    assert!(exported["packets"].as_u64().unwrap() >= 5);
    assert!(fs::read_to_string(&out).unwrap().contains("\"before\""));
    let told = recording.finish();
    assert_eq!(
        told.status.code(),
        Some(1),
        "who recorded is told: {told:?}"
    );
}

#[test]
fn a_recording_ends_by_itself_at_its_limit_and_overwrites_nothing() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("short.mqttrec");
    let ended = record(&broker, &file, &["--duration", "1s"])
        .finish()
        .success();
    let told: Value = serde_json::from_str(ended.out.trim()).unwrap();
    assert_eq!(told["ended"]["why"], "limit");
    let again = finish(mqttwb(broker.data()).args(["record", "--out", text(&file)]));
    assert_eq!(again.status.code(), Some(1));
    assert!(again.err.contains("is there already"), "{}", again.err);
    let mistake = finish(mqttwb(broker.data()).args([
        "record",
        "--out",
        text(&folder.path().join("x")),
        "--filter",
        "a/#/b",
    ]));
    assert_eq!(mistake.status.code(), Some(1));
    assert!(!folder.path().join("x").exists());
}
