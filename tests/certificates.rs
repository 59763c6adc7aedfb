//! Certificates as OpenSSL and other people's clients judge them, and who is let in with which.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use acceptance::broker::{issue, mqttwb};
use acceptance::process::finish;
use acceptance::screen::free_port;
use acceptance::{Broker, Identity, Maker, Message, Options, Peer, Version, Way};

fn openssl(words: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(words);
    command
}

/// A device certificate of an authority that the broker does not know.
fn stranger() -> (tempfile::TempDir, Identity) {
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let identity = issue(elsewhere.path(), "stranger");
    (elsewhere, identity)
}

#[test]
fn openssl_verifies_a_device_certificate_and_reads_its_name() {
    let data = tempfile::tempdir().unwrap();
    let identity = issue(data.path(), "pump-7");
    for purpose in ["sslclient", "any"] {
        finish(
            openssl(&["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
                .arg(&identity.authority)
                .arg("-untrusted")
                .arg(identity.certificate())
                .arg(identity.certificate()),
        )
        .success();
    }
    let subject =
        finish(openssl(&["x509", "-noout", "-subject", "-in"]).arg(identity.certificate()))
            .success();
    assert_eq!(subject.out.trim(), "subject=CN = pump-7");
    // Key and certificate belong together.
    let of_certificate =
        finish(openssl(&["x509", "-noout", "-pubkey", "-in"]).arg(identity.certificate()))
            .success();
    let of_key = finish(openssl(&["pkey", "-pubout", "-in"]).arg(identity.key())).success();
    assert_eq!(of_certificate.out, of_key.out);
}

#[test]
fn only_its_owner_reads_a_devices_key() {
    let data = tempfile::tempdir().unwrap();
    let identity = issue(data.path(), "pump-7");
    let mode = fs::metadata(identity.key()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut files: Vec<String> = fs::read_dir(&identity.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["README.md", "ca.crt", "pump-7.crt", "pump-7.key"]);
}

#[test]
fn the_line_of_the_readme_works_as_it_stands() {
    let data = tempfile::tempdir().unwrap();
    let (tcp, tls) = (free_port(), free_port());
    let config = data.path().join("broker.toml");
    fs::write(
        &config,
        format!(
            "[listeners.tcp]\nbind = \"127.0.0.1:{tcp}\"\nprotocol = \"tcp\"\n\
             [listeners.tls]\nbind = \"127.0.0.1:{tls}\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n"
        ),
    )
    .unwrap();
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    let identity = broker.issue("pump-7");
    let mut watcher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "watcher");
    watcher.subscribe("#", 2);

    let readme = fs::read_to_string(identity.folder.join("README.md")).unwrap();
    let line = readme
        .lines()
        .find(|line| line.starts_with("mosquitto_pub "))
        .expect("a mosquitto_pub line in the README");
    finish(
        Command::new("sh")
            .args(["-c", line])
            .current_dir(&identity.folder),
    )
    .success();
    assert_eq!(watcher.message().topic, "devices/pump-7/hello");
}

#[test]
fn openssl_verifies_the_broker_by_each_of_its_names_and_is_let_in_with_a_certificate() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    for protocol in ["-tls1_2", "-tls1_3"] {
        for (check, name) in [
            ("-verify_hostname", "localhost"),
            ("-verify_ip", "127.0.0.1"),
            ("-verify_ip", "::1"),
        ] {
            let said = finish(
                s_client(&broker, &identity)
                    .args([protocol, check, name])
                    .arg("-cert")
                    .arg(identity.certificate())
                    .arg("-key")
                    .arg(identity.key()),
            )
            .success();
            let said = format!("{}{}", said.out, said.err);
            assert!(said.contains("Verification: OK"), "{said}");
        }
    }
}

/// `openssl s_client` at the tls listener, which trusts the broker by the identity's authority.
fn s_client(broker: &Broker, identity: &Identity) -> Command {
    let mut command = openssl(&["s_client", "-brief", "-verify_return_error", "-connect"]);
    command
        .arg(broker.address("tls").to_string())
        .arg("-CAfile")
        .arg(&identity.authority);
    command
}

#[test]
fn the_handshake_refuses_a_client_without_a_certificate_and_one_of_another_authority() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    let (_elsewhere, stranger) = stranger();
    for protocol in ["-tls1_2", "-tls1_3"] {
        // In TLS 1.3 a client is through before the server has judged it: -ign_eof waits for the judgement.
        let without = finish(s_client(&broker, &identity).args([protocol, "-ign_eof"]));
        assert!(!without.status.success(), "{without:?}");
        assert!(without.err.contains("alert"), "{without:?}");
        let foreign = finish(
            s_client(&broker, &identity)
                .args([protocol, "-ign_eof", "-cert"])
                .arg(stranger.certificate())
                .arg("-key")
                .arg(stranger.key()),
        );
        assert!(!foreign.status.success(), "{foreign:?}");
        assert!(foreign.err.contains("alert"), "{foreign:?}");
    }
}

#[test]
fn clients_are_refused_at_mutual_tls_and_the_refusal_shows() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    let (_elsewhere, stranger) = stranger();
    let mut seen = 0;
    for shown in [identity.anonymous(), identity.showing(&stranger)] {
        for way in [Way::Tls(shown.clone()), Way::Wss(shown.clone())] {
            for maker in [Maker::Paho, Maker::MqttJs] {
                Peer::refused(maker, &broker, &way, Options::new("intruder", Version::V5));
                let (_, next) = broker.process.find(seen, |_, line| {
                    (line.contains("refused") && line.contains(way.listener())).then_some(())
                });
                seen = next;
            }
        }
        let publisher = finish(
            Way::Tls(shown)
                .mosquitto("mosquitto_pub", broker.port("tls"))
                .args(["-t", "x", "-m", "let me in"]),
        );
        assert!(!publisher.status.success(), "{publisher:?}");
    }
    // Who belongs here is let in all the same.
    let mut peer = Peer::connect(
        Maker::Paho,
        &broker,
        &Way::Tls(identity),
        Version::V5,
        "pump-7",
    );
    peer.subscribe("x", 1);
    peer.publish("x", "in", 1, false);
    assert_eq!(peer.message(), Message::live("x", "in", 1));
}

#[test]
fn a_client_that_does_not_trust_the_authority_breaks_off() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    let (_elsewhere, stranger) = stranger();
    let suspicious = Identity {
        authority: stranger.authority.clone(),
        ..identity
    };
    for maker in [Maker::Paho, Maker::MqttJs] {
        let reason = Peer::refused(
            maker,
            &broker,
            &Way::Tls(suspicious.clone()),
            Options::new("suspicious", Version::V311),
        );
        assert!(reason.to_lowercase().contains("certificate"), "{reason}");
    }
}

#[test]
fn a_certificate_is_issued_beside_a_running_broker_and_works_at_once() {
    let broker = Broker::start();
    for name in ["first", "second"] {
        let identity = broker.issue(name);
        Peer::connect(Maker::Paho, &broker, &Way::Tls(identity), Version::V5, name).disconnect();
    }
    // A name is given once.
    let again = finish(
        mqttwb(broker.data())
            .args(["cert", "issue", "first", "--out"])
            .arg(broker.data().join("again")),
    );
    assert!(!again.status.success(), "{again:?}");
    assert!(again.err.contains("first"), "{again:?}");
}
