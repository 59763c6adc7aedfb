//! `mqttwb broker audit`: what is found of a broker that runs, with what shows it, and of its files.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;

use acceptance::broker::mqttwb;
use acceptance::process::finish;
use acceptance::raw::Wire;
use acceptance::{Broker, Version};
use serde_json::Value;

fn audit(broker: &Broker) -> (Option<i32>, Vec<Value>) {
    let told = finish(mqttwb(broker.data()).args(["--json", "broker", "audit"]));
    let all: Value = serde_json::from_str(&told.out).unwrap();
    (told.status.code(), all.as_array().unwrap().clone())
}

fn finding<'a>(all: &'a [Value], title: &str) -> &'a Value {
    let mut found = all.iter();
    let begins = |one: &&Value| one["title"].as_str().unwrap().starts_with(title);
    found
        .find(begins)
        .unwrap_or_else(|| panic!("{title}: {all:#?}"))
}

#[test]
fn a_broker_that_runs_is_audited_with_what_is_seen_of_it_and_fails_on_what_is_serious() {
    let broker = Broker::with(
        "[listeners.door]\nbind = \"0.0.0.0:0\"\nprotocol = \"tcp\"\n[access]\nallow_open = true\n\
         [mqtt]\nsession_expiry_max = \"never\"\n",
    );
    let (_, mut logger) =
        Wire::connect(broker.address("door"), Version::V5, "logger", true).unwrap();
    logger.subscribe(1, "#", 0);
    logger.flush().unwrap();
    logger.wait().unwrap();
    let (code, all) = audit(&broker);
    assert_eq!(code, Some(1));
    let open = finding(&all, "Listener door lets anyone");
    assert_eq!(open["severity"], "serious");
    let seen = open["evidence"][0].as_str().unwrap();
    assert!(seen.contains("proved nothing: logger"), "{seen}");
    assert_eq!(open["fixes"][0]["act"]["key"], "listeners.door.bind");
    let rules = finding(&all, "There are no access rules");
    let seen = rules["evidence"][0].as_str().unwrap();
    assert!(seen.contains("every topic now: logger"), "{seen}");
    assert_eq!(rules["fixes"][0]["command"], "mqttwb access learn start");
    finding(&all, "No limit holds how much");
    let endless = finding(&all, "1 session never expires");
    assert_eq!(
        endless["evidence"][0],
        "It holds 0 queued messages: logger."
    );
    // In words, with what is seen and what mends it.
    let told = finish(mqttwb(broker.data()).args(["broker", "audit"]));
    for part in [
        "  seen: 1 client",
        "  mend: set access.anonymous = false in broker.toml",
    ] {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
    // What the file mends is not found of the file, and of the broker it is told that it must start again.
    let file = broker.data().join("test.toml");
    let config = fs::read_to_string(&file).unwrap();
    let closed = config.replace("allow_open = true", "anonymous = false");
    fs::write(&file, closed).unwrap();
    let (code, all) = audit(&broker);
    assert_eq!(code, Some(1), "it runs as it did");
    let open = finding(&all, "Listener door lets anyone");
    assert_eq!(open["fixes"][0]["act"]["kind"], "restart");
}

#[test]
fn a_broker_of_this_computer_alone_passes() {
    let broker = Broker::start();
    let (code, all) = audit(&broker);
    assert_eq!(code, Some(0), "{all:#?}");
    assert!(all.iter().all(|one| one["severity"] == "info"), "{all:#?}");
}
