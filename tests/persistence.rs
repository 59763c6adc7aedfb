//! What a broker does whose store is damaged, in use, or without room.

#![allow(clippy::unwrap_used)] // a test may fail
#![cfg(unix)]

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use acceptance::broker::{Patient, ready};
use acceptance::raw::{Ack, Incoming, Publish, Wire};
use acceptance::{Running, Version};

/// Puts a message of QoS 1 on its way.
fn publish(wire: &mut Wire, id: u16, topic: &str, payload: &str) {
    wire.publish(Publish {
        topic,
        payload: payload.as_bytes(),
        qos: 1,
        retain: topic.starts_with("kept"),
        dup: false,
        id,
    });
    wire.flush().unwrap();
}

fn acknowledged(wire: &mut Wire, id: u16) {
    assert_eq!(wire.wait().unwrap(), Incoming::Ack(Ack::PubAck, id, 0));
}

fn clean(address: SocketAddr, client: &str) -> Wire {
    Wire::connect(address, Version::V311, client, false)
        .unwrap()
        .1
}

/// A session that is away, and waits for messages.
fn away(address: SocketAddr) {
    let (_, mut wire) = Wire::connect(address, Version::V5, "away", true).unwrap();
    wire.subscribe(1, "waiting/#", 1);
    wire.flush().unwrap();
    assert_eq!(wire.wait().unwrap(), Incoming::SubAck(1));
    wire.disconnect();
}

/// What waits for it, as texts, in order.
fn back(address: SocketAddr, count: usize) -> Vec<String> {
    let (present, mut wire) = Wire::connect(address, Version::V5, "away", true).unwrap();
    assert!(present);
    let mut texts = Vec::new();
    while texts.len() < count {
        let Incoming::Publish { payload, id, .. } = wire.wait().unwrap() else {
            panic!("something else than a message");
        };
        wire.ack(Ack::PubAck, id);
        wire.flush().unwrap();
        texts.push(String::from_utf8(payload).unwrap());
    }
    texts
}

fn stop(process: Running) {
    process.signal("TERM");
    process.finish().success();
}

#[test]
fn a_damaged_store_stops_the_start_with_a_sentence_and_is_left_as_it_is() {
    let patient = Patient::default();
    let (process, address) = patient.start();
    away(address);
    let mut wire = clean(address, "p");
    for id in 1..=50 {
        publish(&mut wire, id, "waiting/1", &"x".repeat(1_000));
        acknowledged(&mut wire, id);
    }
    stop(process);

    let mut bytes = fs::read(patient.store()).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(patient.store(), &bytes).unwrap();
    let finished = patient.begin().finish();
    assert_eq!(finished.status.code(), Some(1), "{finished:#?}");
    assert_eq!(finished.out, "");
    for part in [
        "The broker's store is damaged: ",
        &patient.store().display().to_string(),
        "Nothing was changed. Put a copy back",
        "set enabled = false under [persistence]",
    ] {
        assert!(finished.err.contains(part), "{part}: {}", finished.err);
    }
    assert!(fs::read(patient.store()).unwrap() == bytes);
}

#[test]
fn a_store_that_a_broker_has_is_refused_to_a_second_one() {
    let patient = Patient::default();
    let (process, address) = patient.start();
    let second = patient.begin().finish();
    assert_eq!(second.status.code(), Some(1), "{second:#?}");
    assert!(
        second.err.contains("in use by another broker"),
        "{second:#?}"
    );
    // The first is not disturbed.
    away(address);
    let mut wire = clean(address, "p");
    publish(&mut wire, 1, "waiting/1", "one");
    acknowledged(&mut wire, 1);
    process.kill();
    let (process, address) = patient.start();
    assert_eq!(back(address, 1), ["one"]);
    stop(process);
}

#[test]
fn without_persistence_there_is_no_file_and_nothing_is_found_again() {
    let patient = Patient::with("[persistence]\nenabled = false\n");
    let (process, address) = patient.start();
    away(address);
    let mut wire = clean(address, "p");
    publish(&mut wire, 1, "kept/1", "one");
    acknowledged(&mut wire, 1);
    stop(process);
    assert!(!patient.store().exists());
    let (process, address) = patient.start();
    let (present, _) = Wire::connect(address, Version::V5, "away", true).unwrap();
    assert!(!present);
    stop(process);
}

/// The system takes no more bytes of the process into any file, or takes them again.
#[cfg(target_os = "linux")]
fn room(process: &Running, limit: &str) {
    let set = Command::new("prlimit")
        .args(["--pid", &process.id().to_string()])
        .arg(format!("--fsize={limit}:"))
        .status()
        .unwrap();
    assert!(set.success());
}

#[cfg(target_os = "linux")]
#[test]
fn without_room_nothing_is_acknowledged_that_must_be_kept_and_with_room_it_goes_on() {
    let patient = Patient::default();
    // Past its limit a process gets a signal; ignored, the write fails instead, as on a full disk.
    let mqttwb = patient.command();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    command.arg(mqttwb.get_program()).args(mqttwb.get_args());
    let (process, address) = ready(Running::start(&mut command));
    away(address);
    let mut first = clean(address, "first");
    publish(&mut first, 1, "waiting/1", "one");
    acknowledged(&mut first, 1);

    room(&process, "0");
    publish(&mut first, 2, "waiting/1", "two");
    let said = process.wait_for("the store can't be written");
    assert!(said.contains("broker.db"), "{said}");
    assert_eq!(first.read().unwrap(), None, "two is not acknowledged");
    // Who comes now with something to keep is sent away with a reason, and so is nobody else.
    let (_, mut second) = Wire::connect(address, Version::V5, "second", false).unwrap();
    publish(&mut second, 1, "waiting/1", "refused");
    assert_eq!(second.wait().unwrap(), Incoming::Disconnect(0x97));
    let mut third = clean(address, "third");
    publish(&mut third, 1, "nobody/keeps/this", "three");
    acknowledged(&mut third, 1);

    room(&process, "unlimited");
    process.wait_for("the store is written again");
    acknowledged(&mut first, 2);
    publish(&mut first, 3, "waiting/1", "four");
    acknowledged(&mut first, 3);
    process.kill();
    let (process, address) = patient.start();
    assert_eq!(back(address, 3), ["one", "two", "four"]);
    stop(process);
}
