//! Connections that never come to the point, or come with too much, against the program as it is shipped: who is in is
//! served, memory stays within its bounds, and every attempt is told to the operator.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use acceptance::access::HASH;
use acceptance::broker::{TCP, WS, mqttwb};
use acceptance::process::{DEADLINE, finish};
use acceptance::raw::{Incoming, Publish, Wire};
use acceptance::{Broker, Version};
use serde_json::Value;

fn ask(broker: &Broker, words: &[&str]) -> Value {
    let mut command = mqttwb(broker.data());
    command.arg("--json").args(words);
    serde_json::from_str(&finish(&mut command).success().out).unwrap()
}

/// Refusals at a listener, by cause.
fn causes(broker: &Broker, listener: &str) -> Vec<String> {
    let told = ask(broker, &["broker", "refusals"]);
    let all = told["entries"].as_array().unwrap().iter();
    all.filter(|one| one["listener"] == listener)
        .map(|one| one["cause"].as_str().unwrap().to_owned())
        .collect()
}

/// What the broker's process holds in memory, in KiB.
#[cfg(target_os = "linux")]
fn resident(broker: &Broker) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", broker.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Reads until the broker closes the connection; a reset is an end too.
fn is_closed(mut stream: TcpStream) {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
}

/// A message of its own goes around.
fn is_served(wire: &mut Wire) {
    wire.publish(Publish {
        topic: "around",
        payload: b"x",
        qos: 1,
        retain: false,
        dup: false,
        id: 7,
    });
    wire.flush().unwrap();
    let (mut came, mut answered) = (false, false);
    while !(came && answered) {
        match wire.wait().unwrap() {
            Incoming::Publish { topic, .. } => came |= topic == "around",
            Incoming::Ack(_, 7, 0) => answered = true,
            other => panic!("{other:?}"),
        }
    }
}

/// A client that listens to its own messages.
fn client(broker: &Broker, name: &str) -> Wire {
    let (_, mut wire) = Wire::connect(broker.address("tcp"), Version::V5, name, false).unwrap();
    wire.subscribe(1, "around", 0);
    wire.flush().unwrap();
    assert!(matches!(wire.wait().unwrap(), Incoming::SubAck(0)));
    wire
}

#[test]
fn a_flood_of_connections_is_held_at_its_limit_counted_and_leaves_nothing_behind() {
    let broker = Broker::with(&format!("{TCP}[limits]\nconnections = 50\n"));
    let mut inside = client(&broker, "inside");
    #[cfg(target_os = "linux")]
    let before = resident(&broker);
    let flood: Vec<TcpStream> = (0..400).map(|_| dial(broker.address("tcp"))).collect();
    is_served(&mut inside);
    // 49 find room and say nothing; the others are turned away, whether they are told so or not.
    let turned_away = || {
        let limits = ask(&broker, &["broker", "limits"]);
        let all = limits.as_array().unwrap();
        let of = |key: &str| {
            all.iter()
                .find(|limit| limit["key"] == key)
                .unwrap()
                .clone()
        };
        of("limits.connections")["reached"].as_u64().unwrap()
    };
    let deadline = Instant::now() + DEADLINE;
    while turned_away() < 351 {
        assert!(Instant::now() < deadline, "{} turned away", turned_away());
    }
    assert_eq!(turned_away(), 351, "every one is counted");
    assert!(causes(&broker, "tcp").iter().any(|cause| cause == "limit"));
    is_served(&mut inside);
    #[cfg(target_os = "linux")]
    assert!(
        resident(&broker) < before + (32 << 10),
        "{before} KiB before"
    );
    drop(flood);
    // Their places are free again, as soon as the broker has seen them go.
    let deadline = Instant::now() + DEADLINE;
    let again = || Wire::connect(broker.address("tcp"), Version::V5, "after", false);
    let (_, mut after) = loop {
        if let Ok(connected) = again() {
            break connected;
        }
        assert!(Instant::now() < deadline, "their places are not free again");
    };
    after.subscribe(1, "around", 0);
    after.flush().unwrap();
    assert!(matches!(after.wait().unwrap(), Incoming::SubAck(0)));
    is_served(&mut after);
}

#[test]
fn half_a_handshake_holds_nobody_up_ends_with_its_time_and_is_told() {
    let broker = Broker::with(
        "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n\
         [listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"none\"\n\
         [listeners.ws]\nbind = \"127.0.0.1:0\"\nprotocol = \"ws\"\n\
         [listeners.wss]\nbind = \"127.0.0.1:0\"\nprotocol = \"wss\"\nclient_cert = \"none\"\n\
         [limits]\nconnect_timeout = \"3 s\"\n",
    );
    // The beginning of a TLS record, of an upgrade, of a CONNECT; and nothing at all.
    let halves: [(&str, &[u8]); 6] = [
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        (
            "ws",
            b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso",
        ),
        ("wss", b"\x16\x03\x01"),
        ("tcp", b"\x10\x20\x00\x04MQTT\x05"),
        ("tcp", b""),
        ("tls", b""),
    ];
    let slow: Vec<TcpStream> = halves
        .iter()
        .cycle()
        .take(60)
        .map(|(listener, beginning)| {
            let mut stream = dial(broker.address(listener));
            stream.write_all(beginning).unwrap();
            stream
        })
        .collect();
    let mut inside = client(&broker, "inside");
    is_served(&mut inside);
    slow.into_iter().for_each(is_closed);
    for (listener, count) in [("tls", 20), ("ws", 10), ("wss", 10), ("tcp", 20)] {
        let told = causes(&broker, listener);
        let late = told
            .iter()
            .filter(|cause| *cause == "connect-timeout")
            .count();
        assert_eq!(late, count, "{listener}: {told:?}");
    }
    is_served(&mut inside);
}

#[test]
fn what_says_that_it_is_too_large_is_refused_before_it_comes_and_told() {
    let broker = Broker::with(&[TCP, WS].concat());
    let mut inside = client(&broker, "inside");
    #[cfg(target_os = "linux")]
    let before = resident(&broker);
    // A CONNECT of 256 MiB, and one whose length has no end.
    for beginning in [
        &b"\x10\xff\xff\xff\x7f\x00\x04MQTT"[..],
        b"\x10\xff\xff\xff\xff\xff",
    ] {
        let mut stream = dial(broker.address("tcp"));
        stream.write_all(beginning).unwrap();
        is_closed(stream);
    }
    // A frame of 8 EiB, after an upgrade that is as it should be.
    let mut stream = dial(broker.address("ws"));
    stream
        .write_all(
            b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Protocol: mqtt\r\n\r\n\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        )
        .unwrap();
    is_closed(stream);
    // A header without end.
    let mut stream = dial(broker.address("ws"));
    let endless = [b"GET /mqtt HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 1 << 20]].concat();
    let _ = stream.write_all(&endless); // it may be closed before all of it is written
    is_closed(stream);
    assert_eq!(causes(&broker, "tcp").len(), 2);
    assert_eq!(causes(&broker, "ws").len(), 2);
    #[cfg(target_os = "linux")]
    assert!(
        resident(&broker) < before + (32 << 10),
        "{before} KiB before"
    );
    is_served(&mut inside);
}

#[test]
fn a_compressed_bomb_is_carried_as_it_came_and_costs_what_it_weighs() {
    let broker = Broker::with(TCP);
    let bomb = broker.data().join("bomb.gz");
    // A gibibyte of nothing in a mebibyte.
    let script = format!(
        "head -c 1073741824 /dev/zero | gzip -1 > '{}'",
        bomb.display()
    );
    assert!(
        Command::new("sh")
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    let bytes = fs::read(&bomb).unwrap();
    let mut inside = client(&broker, "inside");
    inside.subscribe(2, "bomb", 0);
    inside.flush().unwrap();
    assert!(matches!(inside.wait().unwrap(), Incoming::SubAck(0)));
    #[cfg(target_os = "linux")]
    let before = resident(&broker);
    inside.publish(Publish {
        topic: "bomb",
        payload: &bytes,
        qos: 0,
        retain: true,
        dup: false,
        id: 0,
    });
    inside.flush().unwrap();
    match inside.wait().unwrap() {
        Incoming::Publish { topic, payload, .. } => {
            assert_eq!(topic, "bomb");
            assert!(payload == bytes, "byte for byte");
        }
        other => panic!("{other:?}"),
    }
    // Looked at in a shell, which decodes what it shows.
    finish(mqttwb(broker.data()).args(["broker", "retained", "bomb"])).success();
    #[cfg(target_os = "linux")]
    assert!(
        resident(&broker) < before + (128 << 10),
        "{before} KiB before"
    );
    is_served(&mut inside);
}

/// Every file below a folder, by its path.
fn files(folder: &std::path::Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.push(path.display().to_string()),
        }
    }
}

#[test]
fn names_that_climb_and_files_that_lie_are_refused_and_write_nothing_anywhere() {
    let above = tempfile::tempdir().unwrap();
    let data = above.path().join("data");
    let run = |words: &[&str]| finish(mqttwb(&data).args(words));
    run(&["cert", "issue", "pump-7"]).success();
    let before = || {
        let mut all = Vec::new();
        files(above.path(), &mut all);
        all.sort();
        all
    };
    let there = before();
    let file = above.path().join("hostile");
    let path = file.display().to_string();
    let long = "n".repeat(100_000);
    for name in [
        "../../escaped",
        "/tmp/escaped",
        "..",
        "a\\..\\b",
        &long,
        "-rf",
        "con\u{202e}trol",
    ] {
        for command in ["issue", "renew", "revoke", "export"] {
            let told = run(&["cert", command, "--", name]);
            assert_ne!(
                told.status.code(),
                Some(0),
                "{command} {name:.40}: {told:?}"
            );
        }
    }
    // Imports: rules, accounts, and a file of certificates that asks for a year of work.
    for (words, text) in [
        (
            &["access", "import"][..],
            format!("[[rule]]\nallow = \"both\"\ntopic = \"a\0b\"\nname = \"{long}\"\n"),
        ),
        (&["access", "import"][..], "[".repeat(200_000)),
        (&["access", "check"][..], "\0\u{feff}[[rule]]".to_owned()),
        (
            &["account", "import"][..],
            format!("../../x\0y:{HASH}\n{long}:{HASH}\n:{HASH}\nnobody:$7$4294967295$AAAA$AAAA\n"),
        ),
        (
            &["cert", "show"][..],
            "-----BEGIN CERTIFICATE-----\nMIIB\n".repeat(10_000),
        ),
    ] {
        fs::write(&file, text).unwrap();
        let told = run(&[words, &[&path]].concat());
        let taken = told.out.starts_with("0 accounts taken over");
        assert!(
            told.status.code() != Some(0) || taken,
            "{words:?}: {told:?}"
        );
    }
    let key = above.path().join("k.pem");
    let archive = above.path().join("k.p12");
    let openssl = |words: &str| {
        let done = Command::new("openssl")
            .args(words.split(' '))
            .current_dir(above.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -subj /CN=x -days 2",
    );
    openssl(
        "pkcs12 -export -inkey k.pem -in c.pem -out k.p12 -passout pass:x -iter 65536 -macalg sha256",
    );
    let bytes = fs::read(&archive).unwrap();
    // INTEGER 65,536, and INTEGER 8,388,607 of the same length.
    let (asked, more) = ([2, 3, 1, 0, 0], [2, 3, 0x7f, 0xff, 0xff]);
    let mut hostile = bytes.clone();
    let mut changed = 0;
    for at in 0..hostile.len() - 5 {
        if hostile[at..at + 5] == asked {
            hostile[at..at + 5].copy_from_slice(&more);
            changed += 1;
        }
    }
    assert!(changed > 0, "the file tells its iterations");
    fs::write(&archive, hostile).unwrap();
    let told = run(&["cert", "show", &archive.display().to_string()]);
    assert_ne!(told.status.code(), Some(0), "{told:?}");
    for made in [&file, &key, &archive, &above.path().join("c.pem")] {
        fs::remove_file(made).unwrap();
    }
    assert_eq!(before(), there, "nothing was written");
}
