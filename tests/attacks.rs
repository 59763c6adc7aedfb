//! What somebody who means harm would try first, against the program as it is shipped: nothing gets in, nothing is lost,
//! and every attempt is told to the operator.

#![allow(clippy::unwrap_used)] // a test may fail

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use acceptance::Broker;
use acceptance::broker::mqttwb;
use acceptance::process::finish;
use serde_json::Value;

const RULES: &str = r#"
[[rule]]
name = "secrets"
deny = "both"
topic = "devices/secret/#"

[[rule]]
name = "own branch"
allow = "both"
topic = "devices/{client}/#"

[[rule]]
name = "operators"
allow = "both"
topic = "devices/#"
groups = ["operators"]
"#;

const NOT_AUTHORIZED: u8 = 0x87;

/// MQTT 5, by hand: an attacker keeps to no library.
struct Attacker {
    stream: TcpStream,
    /// Topics of messages that came while something else was waited for.
    messages: VecDeque<String>,
}

fn text(of: &str) -> Vec<u8> {
    [
        &u16::try_from(of.len()).unwrap().to_be_bytes()[..],
        of.as_bytes(),
    ]
    .concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut left = body.len();
    loop {
        let byte = u8::try_from(left % 128).unwrap();
        left /= 128;
        out.push(if left > 0 { byte | 0x80 } else { byte });
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// What comes in a CONNECT.
#[derive(Default)]
struct Hello<'a> {
    client: &'a str,
    login: Option<(&'a str, &'a str)>,
    will: Option<&'a str>,
    keeps: bool,
}

impl Attacker {
    /// Connects; the reason code of CONNACK too.
    fn connect(broker: &Broker, hello: &Hello<'_>) -> (Self, u8) {
        let stream = TcpStream::connect(broker.address("tcp")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut this = Self {
            stream,
            messages: VecDeque::new(),
        };
        let mut flags = if hello.keeps { 0 } else { 2 };
        let mut payload = text(hello.client);
        if let Some(topic) = hello.will {
            flags |= 4;
            payload.push(0);
            payload.extend(text(topic));
            payload.extend(text("gone"));
        }
        if let Some((user, password)) = hello.login {
            flags |= 0xc0;
            payload.extend(text(user));
            payload.extend(text(password));
        }
        let mut body = text("MQTT");
        body.extend([5, flags, 0, 60]);
        // Session expiry interval: ten minutes
        body.extend(if hello.keeps {
            &[5, 0x11, 0, 0, 2, 0x58][..]
        } else {
            &[0]
        });
        body.extend(payload);
        this.send(&packet(0x10, &body));
        let (first, body) = this.read().unwrap();
        assert_eq!(first, 0x20);
        (this, body[1])
    }

    fn accepted(broker: &Broker, hello: &Hello<'_>) -> Self {
        let (this, reason) = Self::connect(broker, hello);
        assert_eq!(reason, 0);
        this
    }

    fn send(&mut self, bytes: &[u8]) {
        // The broker may have closed already: what it says is read next.
        let _ = self.stream.write_all(bytes);
    }

    /// The next packet; none where the broker has closed.
    fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).ok()?;
        let first = byte[0];
        let (mut len, mut shift) = (0usize, 0);
        loop {
            self.stream.read_exact(&mut byte).ok()?;
            len |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).ok()?;
        Some((first, body))
    }

    /// The reason code of SUBACK.
    fn subscribe(&mut self, filter: &str) -> u8 {
        let body = [&[0, 1, 0][..], &text(filter), &[0]].concat();
        self.send(&packet(0x82, &body));
        *self.answer(0x90).last().unwrap()
    }

    /// Publishes at QoS 1; the reason code of PUBACK.
    fn publish(&mut self, topic: &str, payload: &str, retain: bool) -> u8 {
        let body = [&text(topic)[..], &[0, 2, 0], payload.as_bytes()].concat();
        self.send(&packet(0x32 | u8::from(retain), &body));
        self.answer(0x40).get(2).copied().unwrap_or_default()
    }

    /// The body of the next packet of this kind; messages before it are kept.
    fn answer(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let (first, body) = self.read().unwrap();
            if first == wanted {
                return body;
            }
            if first >> 4 == 3 {
                let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8(body[2..2 + len].to_vec()).unwrap();
                self.messages.push_back(topic);
            }
        }
    }

    /// The topic of the next message. It is waited for: an answer to its publisher says that it is on its way, not that
    /// it has come.
    fn message(&mut self) -> String {
        while self.messages.is_empty() {
            let (first, body) = self.read().unwrap();
            assert_eq!(first >> 4, 3, "{first:#x}");
            let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
            self.messages
                .push_back(String::from_utf8(body[2..2 + len].to_vec()).unwrap());
        }
        self.messages.pop_front().unwrap()
    }

    /// That nothing came: a message of its own, which is behind all that was sent before, is the first that comes.
    fn has_got_nothing(&mut self, own: &str) {
        assert_eq!(self.publish(own, "the end", false), 0);
        assert_eq!(self.message(), own);
    }
}

fn account(broker: &Broker, words: &[&str], password: &str) {
    let mut command = mqttwb(broker.data());
    command
        .arg("account")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{password}\n").as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

fn rules(broker: &Broker, text: &str) -> Value {
    let file = broker.data().join("new-rules.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = mqttwb(broker.data());
    command.args(["--json", "access", "import"]).arg(&file);
    serde_json::from_str(&finish(&mut command).success().out).unwrap()
}

fn denials(broker: &Broker) -> Vec<Value> {
    let out = finish(mqttwb(broker.data()).args(["--json", "access", "denials"]))
        .success()
        .out;
    let all: Value = serde_json::from_str(&out).unwrap();
    all["entries"].as_array().unwrap().clone()
}

/// Whether somebody was denied this, as the operator sees it.
fn is_told(broker: &Broker, action: &str, topic: &str) -> bool {
    denials(broker)
        .iter()
        .any(|denial| denial["action"] == action && denial["topic"] == topic)
}

/// A broker with rules, an operator and a device's account.
fn guarded() -> Broker {
    let broker = Broker::with("[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n");
    account(
        &broker,
        &["add", "op", "--group", "operators"],
        "op's password",
    );
    account(&broker, &["add", "bob"], "bob's password");
    rules(&broker, RULES);
    broker
}

fn operator<'a>() -> Hello<'a> {
    Hello {
        client: "desk",
        login: Some(("op", "op's password")),
        ..Hello::default()
    }
}

#[test]
fn wildcards_reach_no_further_than_the_rules() {
    let broker = guarded();
    let mut own = Attacker::accepted(
        &broker,
        &Hello {
            client: "a",
            ..Hello::default()
        },
    );
    assert_eq!(own.subscribe("devices/a/#"), 0);
    for filter in [
        "#",
        "+/#",
        "devices/#",
        "devices/+/#",
        "devices/+/x",
        "$share/g/#",
        "$share/g/devices/+/x",
        "devices/b/x",
    ] {
        assert_eq!(own.subscribe(filter), NOT_AUTHORIZED, "{filter}");
        assert!(is_told(&broker, "subscribe", filter), "{filter}");
    }
    // Who calls himself a wildcard is not one.
    for client in ["#", "+", "a/b", "secret", "$SYS"] {
        let mut named = Attacker::accepted(
            &broker,
            &Hello {
                client,
                ..Hello::default()
            },
        );
        for filter in [
            "devices/#",
            "devices/+/#",
            "devices/secret/#",
            "devices/a/b/#",
        ] {
            assert_eq!(named.subscribe(filter), NOT_AUTHORIZED, "{client} {filter}");
        }
        assert_eq!(
            named.publish("devices/a/x", "x", false),
            NOT_AUTHORIZED,
            "{client}"
        );
    }
    // An operator may not see secrets either, by any filter that reaches them.
    let mut op = Attacker::accepted(&broker, &operator());
    assert_eq!(op.subscribe("devices/#"), NOT_AUTHORIZED);
    assert_eq!(op.subscribe("devices/b/#"), 0);
    own.has_got_nothing("devices/a/end");
}

#[test]
fn a_client_identifier_gives_nobody_somebody_else_s_session() {
    let broker = guarded();
    let victim = Hello {
        keeps: true,
        ..operator()
    };
    let mut op = Attacker::accepted(&broker, &victim);
    assert_eq!(op.subscribe("devices/b/#"), 0);
    for login in [None, Some(("bob", "bob's password"))] {
        for keeps in [false, true] {
            let (_, reason) = Attacker::connect(
                &broker,
                &Hello {
                    client: "desk",
                    login,
                    keeps,
                    ..Hello::default()
                },
            );
            assert_eq!(reason, 0x85, "{login:?}");
        }
    }
    let mut b = Attacker::accepted(
        &broker,
        &Hello {
            client: "b",
            ..Hello::default()
        },
    );
    assert_eq!(b.publish("devices/b/x", "for the operator", false), 0);
    assert_eq!(
        op.message(),
        "devices/b/x",
        "the operator was not disturbed"
    );
}

#[test]
fn a_will_and_a_retained_message_go_where_a_publish_may_go_and_nowhere_else() {
    let broker = guarded();
    for topic in ["devices/b/x", "devices/secret/x", "plant"] {
        let (_, reason) = Attacker::connect(
            &broker,
            &Hello {
                client: "a",
                will: Some(topic),
                ..Hello::default()
            },
        );
        assert_eq!(reason, NOT_AUTHORIZED, "{topic}");
        assert!(is_told(&broker, "will", topic), "{topic}");
    }
    let mut a = Attacker::accepted(
        &broker,
        &Hello {
            client: "a",
            ..Hello::default()
        },
    );
    assert_eq!(a.publish("devices/b/command", "open", true), NOT_AUTHORIZED);
    assert!(is_told(&broker, "publish", "devices/b/command"));
    let mut b = Attacker::accepted(
        &broker,
        &Hello {
            client: "b",
            ..Hello::default()
        },
    );
    assert_eq!(b.subscribe("devices/b/#"), 0);
    b.has_got_nothing("devices/b/end");
}

#[test]
fn guessing_passwords_is_slowed_down_tells_nothing_and_is_told() {
    let broker = guarded();
    let reason = |user, password| {
        let login = Some((user, password));
        Attacker::connect(
            &broker,
            &Hello {
                client: "a",
                login,
                ..Hello::default()
            },
        )
        .1
    };
    let codes: Vec<u8> = (0..15)
        .map(|n| {
            if n % 2 == 0 {
                reason("op", "guess")
            } else {
                reason("nobody", "guess")
            }
        })
        .collect();
    assert_eq!(codes, [0x86; 15], "the same for every name");
    // The right one is not told apart while the address waits.
    assert_eq!(reason("op", "op's password"), 0x86);
    let told = denials(&broker);
    let whys: Vec<&str> = told
        .iter()
        .filter(|denial| denial["action"] == "connect")
        .map(|denial| denial["why"].as_str().unwrap())
        .collect();
    assert!(
        whys.iter()
            .any(|why| why.contains("too many failed logins")),
        "{whys:?}"
    );
    let count: u64 = told
        .iter()
        .filter(|denial| denial["action"] == "connect")
        .map(|denial| denial["count"].as_u64().unwrap())
        .sum();
    assert_eq!(count, 16, "every attempt is told");
    // Nobody else waits for it: a client without a login comes in.
    let _ = Attacker::accepted(
        &broker,
        &Hello {
            client: "c",
            ..Hello::default()
        },
    );
}

#[test]
fn other_rules_hold_at_once_for_who_is_connected() {
    let broker = guarded();
    let mut op = Attacker::accepted(&broker, &operator());
    let mut b = Attacker::accepted(
        &broker,
        &Hello {
            client: "b",
            ..Hello::default()
        },
    );
    assert_eq!(op.subscribe("devices/b/#"), 0);
    let applied = rules(&broker, &RULES.replace("operators\"]", "nobody\"]"));
    assert_eq!(applied["taken"][0], "desk: devices/b/#");
    assert_eq!(b.publish("devices/b/x", "x", false), 0);
    assert_eq!(op.subscribe("devices/desk/#"), 0);
    op.has_got_nothing("devices/desk/end");
    assert_eq!(op.publish("devices/b/x", "x", false), NOT_AUTHORIZED);
    // A file with a mistake changes nothing.
    let file = broker.data().join("wrong.toml");
    std::fs::write(&file, "[[rule]]\nallow = \"everything\"\ntopic = \"#\"\n").unwrap();
    let wrong = finish(mqttwb(broker.data()).args(["access", "import"]).arg(&file));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(wrong.err.contains("line 2"), "{}", wrong.err);
    assert_eq!(op.publish("devices/b/x", "x", false), NOT_AUTHORIZED);
    // An account that is removed is out.
    finish(mqttwb(broker.data()).args(["account", "remove", "op"])).success();
    assert!(
        op.read()
            .is_some_and(|(first, body)| first == 0xe0 && body[0] == NOT_AUTHORIZED)
    );
    assert_eq!(Attacker::connect(&broker, &operator()).1, 0x86);
}

#[test]
fn sizes_that_are_lies_and_paths_that_climb_get_nowhere() {
    let broker = guarded();
    let mut b = Attacker::accepted(
        &broker,
        &Hello {
            client: "b",
            ..Hello::default()
        },
    );
    assert_eq!(b.subscribe("devices/b/#"), 0);
    // A packet that says that it has 256 MiB.
    let mut liar = Attacker::accepted(
        &broker,
        &Hello {
            client: "a",
            ..Hello::default()
        },
    );
    liar.send(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
    assert!(
        liar.read()
            .is_some_and(|(first, body)| first == 0xe0 && body[0] == 0x95)
    );
    for name in [
        "../../escaped",
        "/tmp/escaped",
        "a/../../b",
        "x\0y",
        &"n".repeat(5_000),
    ] {
        let folder = broker.data().parent().unwrap();
        let before = std::fs::read_dir(folder).unwrap().count();
        if !name.contains('\0') {
            let out = finish(mqttwb(broker.data()).args(["cert", "issue", name]));
            assert_ne!(out.status.code(), Some(0), "{name}");
        }
        assert!(!folder.join("escaped").exists() && before > 0, "{name}");
    }
    assert_eq!(b.publish("devices/b/x", "still here", false), 0);
    assert_eq!(b.message(), "devices/b/x");
}
