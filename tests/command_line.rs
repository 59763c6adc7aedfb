//! `mqttwb` from a shell: what it prints, how it fails, how it ends.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use acceptance::broker::{TCP, issue, mqttwb};
use acceptance::process::{Stream, finish};
use acceptance::screen::free_port;
use acceptance::{Broker, Finished, Maker, Message, Options, Peer, Running, Version, Way};
use serde_json::Value;

/// `mqttwb broker run` on a configuration that it can't run.
fn run_with(data: &Path, config: &str) -> (String, Finished) {
    let file = data.join("wrong.toml");
    fs::write(&file, config).unwrap();
    let file = file.display().to_string();
    let finished = finish(mqttwb(data).args(["broker", "run", "--config", &file]));
    (file, finished)
}

#[test]
fn a_config_error_names_the_file_the_key_and_what_was_expected() {
    let data = tempfile::tempdir().unwrap();
    for (config, key, expected) in [
        (
            "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"mqtt\"\n",
            "listeners.tcp.protocol",
            "tcp",
        ),
        (
            "[listeners.door]\nbind = \"localhost\"\nprotocol = \"tcp\"\n",
            "listeners.door.bind",
            "127.0.0.1:1883",
        ),
        (
            "[listeners.door]\nbind = \"127.0.0.1:70000\"\nprotocol = \"tcp\"\n",
            "listeners.door.bind",
            "127.0.0.1:1883",
        ),
        (
            "[listeners.door]\nprotocol = \"tcp\"\n",
            "listeners.door.bind",
            "127.0.0.1:1883",
        ),
        (
            "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"maybe\"\n",
            "listeners.tls.client_cert",
            "required",
        ),
        (
            "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\nport = 1883\n",
            "listeners.tcp.port",
            "bind",
        ),
        (
            "[listener.tcp]\nbind = \"127.0.0.1:0\"\n",
            "listener",
            "listeners",
        ),
        ("[listeners.tcp\n", "line 1", "]"),
    ] {
        let (file, finished) = run_with(data.path(), config);
        assert!(!finished.status.success(), "{config}\n{finished:?}");
        assert_eq!(finished.out, "", "{config}");
        for part in [file.as_str(), key, expected] {
            assert!(
                finished.err.contains(part),
                "no {part:?} in what is said of\n{config}\n{}",
                finished.err
            );
        }
    }
}

#[test]
fn a_check_explains_every_key_and_starts_nothing() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("checked.toml");
    let file_name = file.display().to_string();
    fs::write(
        &file,
        "[listeners.door]\nbind = \"0.0.0.0:1883\"\nprotocol = \"tcp\"\n\n[mqtt]\nmax_queued_bytes = 2048\n",
    )
    .unwrap();
    let check = ["broker", "check", "--config", &file_name];
    let told = finish(mqttwb(data.path()).args(check)).success().out;
    let row = |key: &str| -> Vec<String> {
        let line = told.lines().find(|line| line.starts_with(key));
        let line = line.unwrap_or_else(|| panic!("no {key} in\n{told}"));
        line.split("  ")
            .map(|cell| cell.trim().to_owned())
            .filter(|cell| !cell.is_empty())
            .collect()
    };
    assert_eq!(
        row("listeners.door.bind")[1..],
        ["\"0.0.0.0:1883\"", "line 2"]
    );
    assert_eq!(row("mqtt.max_queued_bytes")[1..], ["\"2 KiB\"", "line 6"]);
    assert_eq!(
        row("mqtt.receive_maximum")[1..],
        ["1024", "messages", "default"]
    );
    assert!(
        told.contains("serious: Listener door lets anyone in"),
        "{told}"
    );

    let json = finish(mqttwb(data.path()).args(check).arg("--json")).success();
    let report: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["file"], file_name.as_str());
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);

    fs::write(&file, "[mqtt]\nmax_queued_byte = 1\nreceive_maximum = 0\n").unwrap();
    let finished = finish(mqttwb(data.path()).args(check));
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    for part in [
        "line 2",
        "did you mean max_queued_bytes?",
        "line 3",
        "from 1 to 65535",
    ] {
        assert!(
            finished.err.contains(part),
            "no {part:?} in {}",
            finished.err
        );
    }
    // Nothing was made in the data folder: no authority, no lock.
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_config_file_that_is_not_there_is_named() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("nowhere.toml");
    let finished = finish(
        mqttwb(data.path())
            .args(["broker", "run", "--config"])
            .arg(&file),
    );
    assert!(!finished.status.success());
    assert!(
        finished.err.contains(&file.display().to_string()),
        "{finished:?}"
    );
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_left_open() {
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = occupied.local_addr().unwrap().port();
    let data = tempfile::tempdir().unwrap();
    let (_, finished) = run_with(
        data.path(),
        &format!(
            "[listeners.ws]\nbind = \"127.0.0.1:0\"\nprotocol = \"ws\"\n\
             [listeners.tcp]\nbind = \"127.0.0.1:{taken}\"\nprotocol = \"tcp\"\n"
        ),
    );
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.err.contains(&taken.to_string()), "{finished:?}");
    assert!(finished.err.contains("in use"), "{finished:?}");
    assert_eq!(finished.out, "");
    drop(occupied);
}

#[test]
fn the_ready_line_names_every_listener_that_is_written_and_no_other() {
    let broker = Broker::with("[listeners.door]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n");
    assert_eq!(broker.listeners(), ["door"]);
    assert_ne!(broker.port("door"), 0);
    let broker = Broker::start();
    assert_eq!(broker.listeners(), ["tcp", "tls", "ws", "wss"]);
}

#[test]
fn standard_output_holds_the_ready_line_alone_and_the_log_goes_to_standard_error() {
    let broker = Broker::start();
    Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "someone").disconnect();
    let finished = broker.stop().success();
    let lines: Vec<&str> = finished.out.lines().collect();
    assert_eq!(lines.len(), 1, "{finished:?}");
    assert!(lines[0].starts_with("ready "), "{finished:?}");
    assert!(!finished.err.is_empty());
}

#[test]
fn a_signal_ends_the_broker_cleanly_and_frees_its_ports() {
    for signal in ["TERM", "INT"] {
        let broker = Broker::start();
        // A client that is connected does not keep it from ending.
        let client = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "staying");
        let addresses: Vec<SocketAddr> = ["tcp", "tls", "ws", "wss"]
            .iter()
            .map(|listener| broker.address(listener))
            .collect();
        broker.process.signal(signal);
        let finished = broker.process.finish();
        assert_eq!(finished.status.code(), Some(0), "{signal}: {finished:?}");
        for address in addresses {
            TcpListener::bind(address)
                .unwrap_or_else(|error| panic!("{address} is not free: {error}"));
        }
        client.kill();
    }
}

#[test]
fn a_broker_can_be_started_again_at_once_on_the_same_ports() {
    let (tcp, tls) = (free_port(), free_port());
    let config = format!(
        "[listeners.tcp]\nbind = \"127.0.0.1:{tcp}\"\nprotocol = \"tcp\"\n\
         [listeners.tls]\nbind = \"127.0.0.1:{tls}\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n"
    );
    for _ in 0..3 {
        let broker = Broker::with(&config);
        Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V311, "again").disconnect();
        broker.stop().success();
    }
}

#[test]
fn watching_prints_a_line_for_each_packet() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("watch.toml");
    fs::write(&config, TCP).unwrap();
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--watch", "--config", &config]);
    let mut peer = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "watched");
    peer.subscribe("a/b", 1);
    peer.publish("a/b", "seen", 1, false);
    peer.message();
    peer.disconnect();
    let mut from = 0;
    for packet in [
        "CONNECT",
        "CONNACK",
        "SUBSCRIBE",
        "SUBACK",
        "PUBLISH",
        "PUBACK",
        "DISCONNECT",
    ] {
        (_, from) = broker.process.find(from, |stream, line| {
            (stream == Stream::Out && line.contains(packet) && line.contains("watched"))
                .then_some(())
        });
    }
}

/// Subscribes with `mqttwb` to everything of the plant.
fn sub_words(address: &str) -> [&str; 7] {
    ["--json", "sub", "--to", address, "--qos", "1", "plant/#"]
}

/// Publishes with `mqttwb`.
fn pub_words<'a>(address: &'a str, topic: &'a str, payload: &'a str) -> [&'a str; 8] {
    // Retained, so that it does not matter whether the subscription came first.
    [
        "pub", "--retain", "--to", address, "--qos", "1", topic, payload,
    ]
}

#[test]
fn what_is_published_with_mqttwb_is_printed_by_mqttwb_as_json_too() {
    let broker = Broker::start();
    let address = broker.address("tcp").to_string();
    let subscriber = Running::start(mqttwb(broker.data()).args(sub_words(&address)));
    let mut watcher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "watcher");
    watcher.subscribe("plant/#", 1);
    finish(mqttwb(broker.data()).args(pub_words(&address, "plant/pump-7", r#"{"rpm":1480}"#)))
        .success();
    assert_eq!(
        watcher.message(),
        Message::live("plant/pump-7", r#"{"rpm":1480}"#, 1)
    );
    let (message, _) = subscriber.find(0, |stream, line| {
        (stream == Stream::Out)
            .then(|| serde_json::from_str::<Value>(line).ok())
            .flatten()
            .filter(|line| line["topic"] == "plant/pump-7")
    });
    assert_eq!(message["payload"], r#"{"rpm":1480}"#);
    assert_eq!(message["qos"], 1);
    subscriber.signal("TERM");
    subscriber.finish().success();
}

#[test]
fn a_certificate_is_told_as_json() {
    let data = tempfile::tempdir().unwrap();
    let out = data.path().join("out");
    let finished = finish(
        mqttwb(data.path())
            .args(["--json", "cert", "issue", "pump-7", "--out"])
            .arg(&out),
    )
    .success();
    let told: Value = serde_json::from_str(&finished.out).expect("JSON on standard output");
    assert_eq!(told["name"], "pump-7");
    assert_eq!(told["folder"], out.display().to_string());
}

#[test]
fn a_name_that_no_certificate_can_have_is_refused_with_the_rule() {
    let data = tempfile::tempdir().unwrap();
    for name in ["", "a/b", "two words", &"x".repeat(65)] {
        let finished = finish(
            mqttwb(data.path())
                .args(["cert", "issue", name, "--out"])
                .arg(data.path().join("out")),
        );
        assert!(!finished.status.success(), "{name:?} {finished:?}");
        assert!(finished.err.contains("64"), "{name:?} {finished:?}");
        assert!(!data.path().join("out").exists());
    }
}

#[test]
fn a_client_that_takes_over_an_identifier_ends_the_other_connection() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let first = Peer::connect(Maker::Paho, &broker, &Way::Tcp, version, "twin");
        let mut second = Peer::open(
            Maker::Paho,
            &broker,
            &Way::Tcp,
            Options::new("twin", version),
        );
        first.ended_by_the_broker();
        second.subscribe("x", 0);
        second.disconnect();
    }
}

#[test]
fn a_listener_that_is_open_to_the_network_wants_an_explicit_yes() {
    let data = tempfile::tempdir().unwrap();
    let open = "[listeners.door]\nbind = \"0.0.0.0:0\"\nprotocol = \"tcp\"\n";
    let (_, finished) = run_with(data.path(), open);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    for part in ["Listener door", "without any proof", "allow_open = true"] {
        assert!(
            finished.err.contains(part),
            "no {part:?} in {}",
            finished.err
        );
    }
    // With the yes it stays a serious finding.
    let file = data.path().join("yes.toml");
    fs::write(&file, format!("{open}[access]\nallow_open = true\n")).unwrap();
    let audit = ["broker", "audit", "--config", &file.display().to_string()];
    let told = finish(mqttwb(data.path()).args(audit));
    assert_eq!(told.status.code(), Some(1));
    assert!(
        told.out.contains("serious: Listener door lets anyone in"),
        "{}",
        told.out
    );
}

#[test]
fn without_a_file_of_its_own_a_client_trusts_whom_the_system_does() {
    let broker = Broker::with(
        "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"none\"\n",
    );
    let authority = broker.issue("pump-7").authority;
    let elsewhere = tempfile::tempdir().unwrap();
    let another = issue(elsewhere.path(), "pump-7").authority;
    let url = format!("mqtts://localhost:{}", broker.port("tls"));
    let publish = |bundle: &Path| {
        let mut publish = mqttwb(broker.data());
        publish.args(["pub", "--url", &url, "plant/x", "hello"]);
        // The system's bundle, as OpenSSL's programs are told of another one.
        finish(
            publish
                .env("SSL_CERT_FILE", bundle)
                .env_remove("SSL_CERT_DIR"),
        )
    };
    publish(&authority).success();
    let refused = publish(&another);
    assert!(!refused.status.success());
    assert!(refused.err.contains("authority"), "{}", refused.err);
}
