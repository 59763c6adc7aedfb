//! `mqttwb broker audit`: what is found of a broker that runs, with what shows it, and of its files.
//!
//! A listener that others on the network reach is audited in a file alone: no test opens one.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::path::Path;

use acceptance::access::{import_account, import_rules};
use acceptance::broker::{TCP, mqttwb};
use acceptance::process::finish;
use acceptance::raw::Wire;
use acceptance::{Broker, Version};
use serde_json::Value;

fn audit(data: &Path, with: &[&str]) -> (Option<i32>, Vec<Value>) {
    let told = finish(mqttwb(data).args(["--json", "broker", "audit"]).args(with));
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
fn what_is_serious_fails_an_audit_before_anything_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("open.toml");
    let open =
        "[listeners.door]\nbind = \"0.0.0.0:0\"\nprotocol = \"tcp\"\n[access]\nallow_open = true\n";
    fs::write(&file, open).unwrap();
    let with = ["--config", &file.display().to_string()];
    let (code, all) = audit(data.path(), &with);
    assert_eq!(code, Some(1));
    let door = finding(&all, "Listener door lets anyone");
    assert_eq!(door["severity"], "serious");
    assert_eq!(door["fixes"][0]["act"]["key"], "listeners.door.bind");
    let rules = finding(&all, "There are no access rules");
    assert_eq!(rules["fixes"][0]["command"], "mqttwb access learn start");
    // What mends it is enough.
    fs::write(&file, open.replace("0.0.0.0", "127.0.0.1")).unwrap();
    let (code, all) = audit(data.path(), &with);
    assert_eq!(code, Some(0), "{all:#?}");
}

#[test]
fn a_broker_that_runs_is_audited_with_what_is_seen_of_it() {
    let broker = Broker::with(&format!("{TCP}[mqtt]\nsession_expiry_max = \"never\"\n"));
    import_account(broker.data(), "ann");
    import_rules(broker.data(), "[[rule]]\nallow = \"both\"\ntopic = \"#\"\n");
    let (_, mut logger) =
        Wire::connect(broker.address("tcp"), Version::V5, "logger", true).unwrap();
    logger.subscribe(1, "#", 0);
    logger.flush().unwrap();
    logger.wait().unwrap();
    let (code, all) = audit(broker.data(), &[]);
    assert_eq!(code, Some(0), "nothing is serious: {all:#?}");
    let open = finding(&all, "There are accounts or tokens");
    let seen = open["evidence"][0].as_str().unwrap();
    assert!(seen.contains("proved nothing: logger"), "{seen}");
    assert_eq!(open["fixes"][0]["act"]["key"], "access.anonymous");
    let rule = finding(&all, "Everybody is allowed everything");
    let seen = rule["evidence"][0].as_str().unwrap();
    assert!(seen.contains("every topic now: logger"), "{seen}");
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
    fs::write(&file, format!("{config}[access]\nanonymous = false\n")).unwrap();
    let (_, all) = audit(broker.data(), &[]);
    let open = finding(&all, "There are accounts or tokens");
    assert_eq!(
        open["fixes"][0]["act"]["kind"], "restart",
        "it runs as it did"
    );
}

#[test]
fn a_broker_of_this_computer_alone_passes() {
    let broker = Broker::start();
    let (code, all) = audit(broker.data(), &[]);
    assert_eq!(code, Some(0), "{all:#?}");
    assert!(all.iter().all(|one| one["severity"] == "info"), "{all:#?}");
}
