//! Tokens (JWT) as clients show them to the program as it is shipped, and as whoever forges one does.

#![allow(clippy::unwrap_used)] // a test may fail

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use acceptance::access::import_rules;
use acceptance::broker::{TCP, mqttwb};
use acceptance::process::finish;
use acceptance::raw::{Incoming, Wire, string};
use acceptance::{Broker, Running, Version, Way};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as URL;
use serde_json::{Value, json};

const SECRET: &[u8] = b"thirty-two bytes are long enough";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        URL.encode(header.to_string()),
        URL.encode(claims.to_string())
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = URL.encode(ring::hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

fn token(claims: &Value) -> String {
    signed(&json!({ "alg": "HS256" }), claims, SECRET)
}

/// A broker that lets in holders of tokens alone, and each to the branch of its site.
fn guarded() -> (tempfile::TempDir, Broker) {
    let keys = tempfile::tempdir().unwrap();
    let secret = keys.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let secret = secret.display().to_string();
    let broker = Broker::with(&format!(
        "{TCP}[access]\nanonymous = false\n\
         [access.jwt]\nsecret = {secret:?}\nissuer = \"https://id.example\"\nclient_id_claim = \"device\"\nleeway = 0\n"
    ));
    import_rules(
        broker.data(),
        "[[rule]]\nallow = \"both\"\ntopic = \"{claim.site}/{user}/#\"\n",
    );
    (keys, broker)
}

fn good(until: u64) -> Value {
    json!({ "sub": "pump-7", "device": "d", "iss": "https://id.example", "site": "oslo", "exp": until })
}

/// Connects as client `d`, with a token as password or by enhanced authentication; the reason code of CONNACK too.
fn connect(broker: &Broker, token: &str, by_auth: bool) -> (Wire, u8) {
    match by_auth {
        true => begin(broker, 2, &method(token), &[]),
        false => login(broker, "whoever", token),
    }
}

/// The same with a user name and a password.
fn login(broker: &Broker, user: &str, password: &str) -> (Wire, u8) {
    begin(broker, 0xc2, &[], &[user, password])
}

fn begin(broker: &Broker, flags: u8, properties: &[u8], rest: &[&str]) -> (Wire, u8) {
    let mut wire = Wire::dial(broker.address("tcp"), Version::V5).unwrap();
    let mut body = Vec::new();
    string(&mut body, "MQTT");
    body.extend([5, flags, 0, 0]);
    lengths(&mut body, properties.len());
    body.extend(properties);
    for text in std::iter::once(&"d").chain(rest) {
        string(&mut body, text);
    }
    wire.packet(0x10, &body);
    wire.flush().unwrap();
    match wire.wait().unwrap() {
        Incoming::ConnAck { code, .. } => (wire, code),
        other => panic!("{other:?}"),
    }
}

/// Authentication method and data, as properties.
fn method(token: &str) -> Vec<u8> {
    let mut properties = vec![0x15];
    string(&mut properties, "OAUTH2-JWT");
    properties.push(0x16);
    string(&mut properties, token);
    properties
}

/// A variable byte integer.
fn lengths(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        out.push(if value > 0 { byte | 0x80 } else { byte });
        if value == 0 {
            return;
        }
    }
}

fn subscribe(wire: &mut Wire, filter: &str) -> u8 {
    wire.subscribe(1, filter, 0);
    wire.flush().unwrap();
    match wire.wait().unwrap() {
        Incoming::SubAck(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_lets_in_says_who_it_is_and_what_it_may() {
    let (_keys, broker) = guarded();
    for by_auth in [false, true] {
        let (mut wire, reason) = connect(&broker, &token(&good(now() + 600)), by_auth);
        assert_eq!(reason, 0, "by_auth: {by_auth}");
        assert_eq!(subscribe(&mut wire, "oslo/pump-7/#"), 0);
        assert_eq!(subscribe(&mut wire, "bergen/pump-7/#"), 0x87);
        assert_eq!(subscribe(&mut wire, "oslo/pump-8/#"), 0x87);
    }
}

#[test]
fn a_connection_ends_with_its_token() {
    let (password, auth) = (guarded(), guarded());
    let until = now() + 6;
    let token = token(&good(until));
    let shown = [(&password.1, false), (&auth.1, true)];
    let shown = shown.map(|(broker, by_auth)| connect(broker, &token, by_auth));
    for (mut wire, reason) in shown {
        assert_eq!(reason, 0);
        // It is waited for, until the token's last second is over.
        match wire.wait().unwrap() {
            Incoming::Disconnect(reason) => assert_eq!(reason, 0x87),
            other => panic!("{other:?}"),
        }
        assert!(now() + 1 >= until);
    }
}

#[test]
fn forged_tokens_get_nowhere_and_every_one_is_told() {
    let (_keys, broker) = guarded();
    let end = now() + 600;
    let with = |name: &str, value: Value| {
        let mut claims = good(end);
        claims[name] = value;
        token(&claims)
    };
    let whole = token(&good(end));
    let parts: Vec<&str> = whole.split('.').collect();
    let other = URL.encode(good(end + 1).to_string());
    let none = URL.encode(r#"{"alg":"none"}"#);
    let forged = [
        ("malformed", "no token at all".to_owned()),
        (
            "signature",
            signed(
                &json!({ "alg": "HS256" }),
                &good(end),
                b"another secret of thirty-two bytes",
            ),
        ),
        ("signature", format!("{}.{other}.{}", parts[0], parts[2])),
        ("signature", format!("{}.{}.", parts[0], parts[1])),
        ("algorithm", format!("{none}.{}.", parts[1])),
        (
            "no key",
            signed(&json!({ "alg": "RS256" }), &good(end), SECRET),
        ),
        ("expired", with("exp", json!(now() - 1))),
        ("issuer", with("iss", json!("https://evil.example"))),
        ("client", with("device", json!("somebody-else"))),
    ];
    for (at, (why, token)) in forged.iter().enumerate() {
        let (_, reason) = connect(&broker, token, true);
        assert_eq!(reason, 0x87, "{why}");
        let out = finish(mqttwb(broker.data()).args(["--json", "access", "denials"]))
            .success()
            .out;
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(told["total"], at + 1);
        let entry = &told["entries"][0];
        assert!(
            entry["why"].as_str().unwrap().contains(why),
            "{why}: {entry}"
        );
        assert!(
            !out.contains(token.as_str()) || token.len() < 20,
            "a token is shown to nobody"
        );
    }
    // What somebody else has, without a token, is not let in either; a method that is not spoken is refused.
    let (_, reason) = connect(&broker, "", false);
    assert_eq!(reason, 0x86);
}

const PASSWORD: &str = "ann's password";

/// A broker with ann's account, tokens, and proofs that are asked in this order.
fn in_order(methods: &str) -> (tempfile::TempDir, Broker) {
    let keys = tempfile::tempdir().unwrap();
    let secret = keys.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let secret = secret.display().to_string();
    let broker = Broker::with(&format!(
        "{TCP}[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"optional\"\n\
         [access]\nanonymous = false\nmethods = {methods}\n[access.jwt]\nsecret = {secret:?}\n"
    ));
    let mut add = mqttwb(broker.data());
    add.args(["account", "add", "ann"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut add = add.spawn().unwrap();
    let mut line = add.stdin.take().unwrap();
    line.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    drop(line);
    assert!(add.wait().unwrap().success());
    (keys, broker)
}

fn json(broker: &Broker, words: &[&str]) -> Value {
    let out = finish(mqttwb(broker.data()).arg("--json").args(words))
        .success()
        .out;
    serde_json::from_str(out.lines().next().unwrap()).unwrap()
}

/// What a client has proved, and by what, as the operator sees it.
fn proofs(broker: &Broker, client: &str) -> Value {
    let told = json(broker, &["broker", "session", client]);
    told["session"]["proofs"].clone()
}

fn claims(end: u64) -> Value {
    json!({ "sub": "pump-7", "exp": end })
}

#[test]
fn methods_are_asked_in_the_order_that_is_stated_and_the_one_that_decided_is_shown() {
    let end = now() + 600;
    let (good, expired) = (token(&claims(end)), token(&claims(now() - 600)));
    let by = |by: &str, name: &str| Ok(json!([{ "by": by, "name": name }]));
    let no = |why: &'static str| Err(why);
    let not_ann_s = "the password is not that of the account";
    let nobody_s = "there is no such account, and its password is no token";
    for (methods, cases) in [
        (
            r#"["accounts", "jwt"]"#,
            [
                ("ann", PASSWORD, by("account", "ann")),
                // Whose user name an account has is judged by that alone: tokens are not asked.
                ("ann", &*good, no(not_ann_s)),
                ("bob", &*good, by("token", "pump-7")),
                ("bob", &*expired, no("expired")),
                ("bob", "a guess", no(nobody_s)),
            ],
        ),
        (
            r#"["jwt", "accounts"]"#,
            [
                // What has not the form of a token is none of theirs: accounts are asked.
                ("ann", PASSWORD, by("account", "ann")),
                ("ann", &*good, by("token", "pump-7")),
                // What has it and is no good is refused, and no account is asked.
                ("ann", &*expired, no("expired")),
                ("ann", "a guess", no(not_ann_s)),
                ("bob", "a guess", no(nobody_s)),
            ],
        ),
        (
            r#"["jwt"]"#,
            [
                ("ann", PASSWORD, no("its password is no token")),
                ("ann", &*good, by("token", "pump-7")),
                ("bob", &*good, by("token", "pump-7")),
                ("bob", &*expired, no("expired")),
                ("", "a guess", no("its password is no token")),
            ],
        ),
    ] {
        let (_keys, broker) = in_order(methods);
        for (user, password, expected) in cases {
            let (_wire, reason) = login(&broker, user, password);
            match expected {
                Ok(shown) => {
                    assert_eq!(reason, 0, "{user} by {methods}");
                    assert_eq!(proofs(&broker, "d"), shown, "{user} by {methods}");
                }
                Err(why) => {
                    assert_eq!(reason, 0x86, "{user} by {methods}");
                    let told = &json(&broker, &["access", "denials"])["entries"][0];
                    let is_told = told["why"].as_str().unwrap().contains(why);
                    assert!(is_told, "{user} by {methods}: {told}");
                }
            }
        }
    }
}

#[test]
fn a_certificate_is_looked_at_before_a_password_and_what_each_proves_is_shown() {
    let (_keys, broker) = in_order(r#"["accounts", "jwt"]"#);
    let device = broker.issue("valve-2");
    let certificate = json!({ "by": "certificate", "name": "valve-2" });
    let account = json!({ "by": "account", "name": "ann" });
    for (name, login, who, shown) in [
        (
            "both",
            Some(PASSWORD),
            device.clone(),
            json!([certificate, account]),
        ),
        ("certificate", None, device.clone(), json!([certificate])),
        (
            "password",
            Some(PASSWORD),
            device.anonymous(),
            json!([account]),
        ),
    ] {
        let mut subscriber = Way::Tls(who).mosquitto("mosquitto_sub", broker.port("tls"));
        subscriber.args(["-d", "-V", "mqttv5", "-i", name, "-t", "t"]);
        if let Some(password) = login {
            subscriber.args(["-u", "ann", "-P", password]);
        }
        let subscriber = Running::start(&mut subscriber);
        subscriber.wait_for("Subscribed (mid");
        assert_eq!(proofs(&broker, name), shown);
        subscriber.kill();
    }
    // A good certificate makes no bad password good, and nothing at all is refused.
    for (who, login) in [
        (device.clone(), &["-u", "ann", "-P", "a guess"][..]),
        (device.anonymous(), &[]),
    ] {
        let mut publisher = Way::Tls(who).mosquitto("mosquitto_pub", broker.port("tls"));
        publisher
            .args(["-V", "mqttv5", "-t", "t", "-m", "x"])
            .args(login);
        assert!(!finish(&mut publisher).status.success(), "{login:?}");
    }
}

#[test]
fn what_a_token_proves_is_told_in_a_shell() {
    let (_keys, broker) = guarded();
    let data = tempfile::tempdir().unwrap();
    fs::copy(
        broker.data().join("test.toml"),
        data.path().join("broker.toml"),
    )
    .unwrap();
    let ask = |token: &str| {
        let mut command = mqttwb(data.path());
        command
            .args(["access", "token", "--client", "d"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let line = format!("{token}\n");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(line.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, told) = ask(&token(&good(now() + 600)));
    assert_eq!(code, Some(0));
    assert!(
        told.starts_with("good: it is good, and proves user pump-7"),
        "{told}"
    );
    assert!(told.contains("site = oslo"), "{told}");
    let (code, told) = ask("what");
    assert_eq!(code, Some(1));
    assert!(told.contains("malformed"), "{told}");
}
