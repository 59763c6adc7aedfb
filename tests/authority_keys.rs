//! The authority's keys under a passphrase, from a shell: who signs, who is refused, and what a broker does meanwhile.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::broker::{issue, mqttwb};
use acceptance::process::{Finished, finish};
use acceptance::{Broker, Maker, Peer, Version, Way};
use serde_json::Value;

const SECRET: &str = "correct horse";

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

fn protect(data: &Path, secret: &Path) {
    let secret = secret.display().to_string();
    let words = [
        "authority",
        "protect",
        "passphrase",
        "--new-passphrase-file",
    ];
    cert(data, &[&words[..], &[&secret]].concat(), None).success();
}

#[test]
fn under_a_passphrase_only_who_has_it_signs_and_openssl_opens_the_keys_with_it_alone() {
    let data = tempfile::tempdir().unwrap();
    issue(data.path(), "pump-7");
    let (right, wrong) = (
        secret(data.path(), "right", SECRET),
        secret(data.path(), "wrong", "battery staple"),
    );
    protect(data.path(), &right);
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
    let right = secret(data.path(), "right", SECRET);
    protect(data.path(), &right);
    let config = data.path().join("test.toml");
    fs::write(
        &config,
        "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n",
    )
    .unwrap();
    let identity = acceptance::Identity {
        folder: data.path().join("issued/pump-7"),
        authority: data.path().join("issued/pump-7/ca.crt"),
        own: Some(acceptance::broker::Own {
            certificate: data.path().join("issued/pump-7/pump-7.crt"),
            key: data.path().join("issued/pump-7/pump-7.key"),
        }),
    };
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
