//! What somebody who means harm would try first, against the program as it is shipped: nothing gets in, nothing is lost,
//! and every attempt is told to the operator.

#![allow(clippy::unwrap_used)] // a test may fail

use std::collections::VecDeque;
use std::io::Write;
use std::process::Stdio;

use acceptance::broker::{TCP, mqttwb};
use acceptance::process::finish;
use acceptance::raw::{Ack, Incoming, Publish, Wire, string};
use acceptance::{Broker, Version};
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

/// MQTT 5, packet by packet: an attacker keeps to no library.
struct Attacker {
    wire: Wire,
    /// Topics of messages that came while something else was waited for.
    messages: VecDeque<String>,
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
        let wire = Wire::dial(broker.address("tcp"), Version::V5).unwrap();
        let mut this = Self {
            wire,
            messages: VecDeque::new(),
        };
        let mut flags = if hello.keeps { 0 } else { 2 };
        let mut payload = Vec::new();
        string(&mut payload, hello.client);
        if let Some(topic) = hello.will {
            flags |= 4;
            payload.push(0);
            string(&mut payload, topic);
            string(&mut payload, "gone");
        }
        if let Some((user, password)) = hello.login {
            flags |= 0xc0;
            string(&mut payload, user);
            string(&mut payload, password);
        }
        let mut body = Vec::new();
        string(&mut body, "MQTT");
        body.extend([5, flags, 0, 60]);
        // Session expiry interval: ten minutes
        body.extend(if hello.keeps {
            &[5, 0x11, 0, 0, 2, 0x58][..]
        } else {
            &[0]
        });
        body.extend(payload);
        this.wire.packet(0x10, &body);
        this.wire.flush().unwrap();
        match this.wire.wait().unwrap() {
            Incoming::ConnAck { code, .. } => (this, code),
            other => panic!("{other:?}"),
        }
    }

    fn accepted(broker: &Broker, hello: &Hello<'_>) -> Self {
        let (this, reason) = Self::connect(broker, hello);
        assert_eq!(reason, 0);
        this
    }

    /// One that proves nothing.
    fn named(broker: &Broker, client: &str) -> Self {
        Self::accepted(
            broker,
            &Hello {
                client,
                ..Hello::default()
            },
        )
    }

    /// The reason of the DISCONNECT that comes next.
    fn is_turned_out(&mut self, reason: u8) -> bool {
        matches!(self.wire.wait(), Ok(Incoming::Disconnect(told)) if told == reason)
    }

    /// The reason code of SUBACK.
    fn subscribe(&mut self, filter: &str) -> u8 {
        self.wire.subscribe(1, filter, 0);
        match self.answer() {
            Incoming::SubAck(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Publishes at QoS 1; the reason code of PUBACK.
    fn publish(&mut self, topic: &str, payload: &str, retain: bool) -> u8 {
        self.wire.publish(Publish {
            topic,
            payload: payload.as_bytes(),
            qos: 1,
            retain,
            dup: false,
            id: 2,
        });
        match self.answer() {
            Incoming::Ack(Ack::PubAck, 2, reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// What comes next that is no message; messages before it are kept.
    fn answer(&mut self) -> Incoming {
        self.wire.flush().unwrap();
        loop {
            match self.wire.wait().unwrap() {
                Incoming::Publish { topic, .. } => self.messages.push_back(topic),
                other => return other,
            }
        }
    }

    /// The topic of the next message. It is waited for: an answer to its publisher says that it is on its way, not that
    /// it has come.
    fn message(&mut self) -> String {
        if let Some(topic) = self.messages.pop_front() {
            return topic;
        }
        match self.wire.wait().unwrap() {
            Incoming::Publish { topic, .. } => topic,
            other => panic!("{other:?}"),
        }
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
    let broker = Broker::with(TCP);
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
    let mut own = Attacker::named(&broker, "a");
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
        let mut named = Attacker::named(&broker, client);
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
    let mut b = Attacker::named(&broker, "b");
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
    let mut a = Attacker::named(&broker, "a");
    assert_eq!(a.publish("devices/b/command", "open", true), NOT_AUTHORIZED);
    assert!(is_told(&broker, "publish", "devices/b/command"));
    let mut b = Attacker::named(&broker, "b");
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
    let _ = Attacker::named(&broker, "c");
}

#[test]
fn other_rules_hold_at_once_for_who_is_connected() {
    let broker = guarded();
    let mut op = Attacker::accepted(&broker, &operator());
    let mut b = Attacker::named(&broker, "b");
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
    assert!(op.is_turned_out(NOT_AUTHORIZED));
    assert_eq!(Attacker::connect(&broker, &operator()).1, 0x86);
}

#[test]
fn sizes_that_are_lies_and_paths_that_climb_get_nowhere() {
    let broker = guarded();
    let mut b = Attacker::named(&broker, "b");
    assert_eq!(b.subscribe("devices/b/#"), 0);
    // A packet that says that it has 256 MiB.
    let mut liar = Attacker::named(&broker, "a");
    liar.wire.bytes(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
    liar.wire.flush().unwrap();
    assert!(liar.is_turned_out(0x95));
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
