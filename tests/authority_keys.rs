//! The authority's keys under a passphrase, from a shell: who signs, who is refused, and what a broker does meanwhile.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::authority::{self, DUE, list_number};
use acceptance::broker::{Own, issue, mqttwb};
use acceptance::process::{Finished, finish};
use acceptance::{Broker, Identity, Maker, Peer, Running, Version, Way};
use serde_json::Value;

const SECRET: &str = "correct horse";
const TLS: &str =
    "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n";

/// A file with the passphrase, as an operator has one.
fn secret(data: &Path, name: &str, text: &str) -> PathBuf {
    let path = data.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    path
}

fn cert(data: &Path, words: &[&str], opens: Option<&Path>) -> Finished {
    let mut command = mqttwb(data);
    command.args(["--json", "cert"]).args(words);
    if let Some(path) = opens {
        command.arg("--passphrase-file").arg(path);
    }
    finish(&mut command)
}

#[test]
fn under_a_passphrase_only_who_has_it_signs_and_openssl_opens_the_keys_with_it_alone() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    let right = authority::protect(data.path(), SECRET);
    let wrong = secret(data.path(), "wrong", "battery staple");
    for file in ["pki/issuing.key", "pki/ca.key"] {
        let open = |passphrase: &str| {
            finish(
                Command::new("openssl")
                    .args(["pkey", "-noout", "-passin", passphrase, "-in", file])
                    .current_dir(data.path()),
            )
        };
        open(&format!("pass:{SECRET}")).success();
        assert!(!open("pass:battery staple").status.success());
    }
    let tries: [&[&str]; 5] = [
        &["issue", "pump-8"],
        &["renew", "pump-7"],
        &["revoke", "pump-7"],
        &["crl", "--sign"],
        &["server", "--renew"],
    ];
    for words in tries {
        let refused = cert(data.path(), words, None);
        assert!(!refused.status.success(), "{words:?}");
        assert!(refused.err.contains("locked"), "{refused:?}");
        assert!(!cert(data.path(), words, Some(&wrong)).status.success());
    }
    let shown = cert(data.path(), &["list"], None).success();
    let all: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(all["keys"]["protection"], "passphrase");
    assert_eq!(
        all["devices"].as_array().unwrap().len(),
        1,
        "nothing signed"
    );
    assert_eq!(all["revocations"]["count"], 0);
    for words in tries {
        cert(data.path(), words, Some(&right)).success();
    }
    // The environment does as well, and nothing of it is printed.
    let said = finish(
        mqttwb(data.path())
            .args(["cert", "issue", "pump-9"])
            .env("MQTTWB_PASSPHRASE", SECRET),
    )
    .success();
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET));
}

#[test]
fn a_broker_serves_with_a_locked_authority_and_a_revocation_beside_it_is_felt() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    let right = authority::protect(data.path(), SECRET);
    let config = data.path().join("test.toml");
    fs::write(&config, TLS).unwrap();
    let identity = identity(&data.path().join("issued/pump-7"), "pump-7");
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    broker.process.wait_for("the authority's key is locked");
    let way = Way::Tls(identity);
    let peer = Peer::connect(Maker::Paho, &broker, &way, Version::V5, "pump-7");
    cert(broker.data(), &["revoke", "pump-7"], Some(&right)).success();
    peer.ended_by_the_broker();
}

#[test]
fn a_keychain_that_does_not_answer_is_told_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    let refused = cert(data.path(), &["authority", "protect", "keychain"], None);
    assert!(!refused.status.success());
    assert!(refused.err.contains("keychain"), "{refused:?}");
    let key = fs::read_to_string(data.path().join("pki/issuing.key")).unwrap();
    assert!(key.contains("BEGIN PRIVATE KEY"));
    issue(data.path(), "pump-8");
}

/// The identity in a folder that a device was exported into.
fn identity(folder: &Path, name: &str) -> Identity {
    Identity {
        folder: folder.to_owned(),
        authority: folder.join("ca.crt"),
        own: Some(Own {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        }),
    }
}

#[test]
fn a_broker_that_runs_is_unlocked_from_a_shell_and_does_what_waited() {
    let data = tempfile::tempdir().unwrap();
    let right = authority::protect(data.path(), SECRET);
    authority::due_list(data.path(), SECRET);
    let wrong = secret(data.path(), "wrong", "battery staple");
    let none = cert(data.path(), &["authority", "unlock"], Some(&right));
    assert!(none.err.contains("No broker runs"), "{none:?}");
    let config = data.path().join("test.toml");
    fs::write(&config, TLS).unwrap();
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    broker.process.wait_for("the authority's key is locked");
    let waits = || {
        let found = finish(mqttwb(broker.data()).args(["broker", "audit"])).out;
        found.contains("The authority's key is locked")
    };
    assert!(waits());
    let refused = cert(broker.data(), &["authority", "unlock"], Some(&wrong));
    assert!(!refused.status.success(), "{refused:?}");
    assert!(waits());
    assert_eq!(list_number(broker.data()), DUE);
    // From standard input, as a script or a password manager gives it.
    let mut unlock = mqttwb(broker.data());
    let mut asked = Running::start(unlock.args(["--json", "cert", "authority", "unlock"]));
    asked.say(SECRET);
    let said = asked.finish().success();
    let keys: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(keys["protection"], "passphrase");
    assert_eq!(keys.get("locked"), None);
    // It is the broker that has signed: what waited is done, and found no more.
    assert_eq!(list_number(broker.data()), DUE + 1);
    assert!(!waits());
    // Whoever else wants something signed gives the passphrase himself, and the broker can be locked again.
    assert!(
        !cert(broker.data(), &["crl", "--sign"], None)
            .status
            .success()
    );
    let locked = cert(broker.data(), &["authority", "lock"], None).success();
    let keys: Value = serde_json::from_str(&locked.out).unwrap();
    assert_eq!(keys["locked"], "its passphrase is needed");
    cert(broker.data(), &["authority", "unlock"], Some(&right)).success();
    // Nothing of it was printed, and no argument of a program has it.
    let printed = broker.process.printed().join("\n");
    assert!(!printed.contains(SECRET) && !said.out.contains(SECRET) && !said.err.contains(SECRET));
    let argument =
        finish(mqttwb(broker.data()).args(["cert", "authority", "unlock", "--passphrase", SECRET]));
    assert_eq!(argument.status.code(), Some(2), "{argument:?}");
}

#[test]
fn the_key_of_a_device_is_encrypted_with_the_authority_s_and_leaves_the_folder_for_who_has_the_passphrase()
 {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    let kept = data.path().join("pki/devices/pump-7.key");
    let is_open = || {
        let mut openssl = Command::new("openssl");
        openssl.args(["pkey", "-noout", "-passin", "pass:", "-in"]);
        finish(openssl.arg(&kept)).status.success()
    };
    assert!(is_open());
    let right = authority::protect(data.path(), SECRET);
    assert!(!is_open());
    let text = fs::read_to_string(&kept).unwrap();
    assert!(
        text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        "{text}"
    );
    let out = data.path().join("out");
    let words = ["export", "pump-7", "--out", &out.display().to_string()];
    let refused = cert(data.path(), &words, None);
    assert!(refused.err.contains("locked"), "{refused:?}");
    assert!(!out.join("pump-7.key").exists());
    cert(data.path(), &words, Some(&right)).success();
    // A bundle under a passphrase of its own needs both.
    let own = secret(data.path(), "own", "for the device");
    let opens = right.display().to_string();
    let bundle = ["bundle", "pump-7", "--format", "pkcs12"];
    assert!(!cert(data.path(), &bundle, Some(&own)).status.success());
    let both = [&bundle[..], &["--authority-passphrase-file", &opens]].concat();
    let made = cert(data.path(), &both, Some(&own)).success();
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let file = Path::new(made["path"].as_str().unwrap()).join("pump-7.p12");
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs12", "-noout", "-passin", "pass:for the device", "-in"]);
    finish(openssl.arg(file)).success();
    let config = data.path().join("test.toml");
    fs::write(&config, TLS).unwrap();
    let config = config.display().to_string();
    // The listener opens without anybody: its own key is not encrypted.
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    let way = Way::Tls(identity(&out, "pump-7"));
    Peer::connect(Maker::Paho, &broker, &way, Version::V5, "pump-7");
}
