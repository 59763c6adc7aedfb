//! Tokens as clients show them, and key sets as issuers serve them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as URL;
use mqttwb_broker::{Accounts as _, Attempt, Identity, Login, Policy as _};
use mqttwb_model::{QoS, TopicFilter};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::super::tests::{connection, folder, request};
use super::*;

const SECRET: &[u8] = b"thirty-two bytes are long enough";

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!(
        "{}.{}",
        URL.encode(header.to_string()),
        URL.encode(claims.to_string())
    );
    let signature = URL.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn by_secret(claims: &Value) -> String {
    signed(&json!({ "alg": "HS256" }), claims, |message| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
        ring::hmac::sign(&key, message).as_ref().to_vec()
    })
}

fn in_an_hour() -> u64 {
    Timestamp::now().as_secs() + 3_600
}

fn login(name: &str, password: &str) -> Login {
    Login {
        connection: connection("c"),
        user_name: name.into(),
        password: Some(password.into()),
    }
}

/// Takes tokens of [`SECRET`].
fn with_secret(methods: &[Method]) -> (tempfile::TempDir, Arc<AccessControl>) {
    let (data, access) = folder();
    let secret = data.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let settings = TokenSettings {
        secret: Some(secret),
        ..TokenSettings::default()
    };
    access.configure(methods, &settings).unwrap();
    (data, access)
}

#[test]
fn a_token_as_password_says_who_somebody_is_and_rules_know_its_claims() {
    let (_data, access) = with_secret(&[Method::Accounts, Method::Jwt]);
    access
        .save_rules(
            "[[rule]]\nallow = \"publish\"\ntopic = \"{claim.site}/{user}/#\"\n\
             [[rule]]\nallow = \"subscribe\"\ntopic = \"#\"\ngroups = [\"ops\"]\n",
        )
        .unwrap();
    access.load().unwrap();
    let end = in_an_hour();
    let token = by_secret(&json!({ "sub": "pump-7", "exp": end, "site": "oslo", "groups": "ops" }));
    let verified = access.verify(&login("whatever", &token)).unwrap().unwrap();
    assert_eq!(verified.user_name.as_deref(), Some("pump-7"));
    assert_eq!(verified.expires.unwrap().as_secs(), end + 30);
    let who = Identity {
        connection: connection("c"),
        user_name: verified.user_name.clone(),
        verified: Some(Arc::new(verified)),
    };
    let publish = |topic| {
        let (qos, retain) = (QoS::AtMostOnce, false);
        access
            .verdict(&who, &Attempt::Publish { topic, qos, retain })
            .is_ok()
    };
    assert!(publish("oslo/pump-7/state"));
    assert!(!publish("bergen/pump-7/state"));
    let all = TopicFilter::try_from("#").unwrap();
    let (filter, qos) = (&all, QoS::AtMostOnce);
    assert!(
        access
            .verdict(&who, &Attempt::Subscribe { filter, qos })
            .is_ok()
    );
}

#[test]
fn methods_are_asked_in_their_order_and_others_are_not() {
    let (_data, access) = with_secret(&[Method::Accounts, Method::Jwt]);
    access
        .put_account(&request("ann", Some("secret"), true))
        .unwrap();
    access.load().unwrap();
    let token = by_secret(&json!({ "sub": "bob", "exp": in_an_hour() }));
    let named = |name: &str, password: &str| {
        let verified = access.verify(&login(name, password)).ok()?;
        Some(verified?.user_name.map(|name| name.to_string()))
    };
    assert_eq!(named("ann", "secret"), Some(None));
    assert_eq!(
        named("ann", &token),
        None,
        "ann is an account, and this is not its password"
    );
    assert_eq!(named("bob", &token), Some(Some("bob".into())));
    assert_eq!(named("bob", "secret"), None);
    assert_eq!(named("", &token), Some(Some("bob".into())));
    let settings = TokenSettings {
        secret: Some(access.data.join("secret")),
        ..TokenSettings::default()
    };
    access
        .configure(&[Method::Jwt, Method::Accounts], &settings)
        .unwrap();
    assert_eq!(
        named("ann", &token),
        Some(Some("bob".into())),
        "tokens are asked first"
    );
    access.configure(&[Method::Jwt], &settings).unwrap();
    assert_eq!(named("ann", "secret"), None);
    access.configure(&[Method::Accounts], &settings).unwrap();
    assert_eq!(named("", &token), None);
}

#[test]
fn a_token_that_fails_is_told_to_the_operator_with_why_and_slows_its_address_down() {
    let (_data, access) = with_secret(&[Method::Jwt]);
    let now = Timestamp::now().as_secs();
    let old = by_secret(&json!({ "sub": "pump-7", "exp": now - 100 }));
    let denied = access.verify(&login("", &old)).unwrap_err();
    assert_eq!(denied.reason, ReasonCode::BAD_USER_NAME_OR_PASSWORD);
    let told = access.denials().entries;
    assert!(told[0].why.contains("expired"), "{told:?}");
    for _ in 0..20 {
        let _ = access.verify(&login("", &old));
    }
    assert!(access.denials().entries[0].why.contains("too many failed"));
    let good = by_secret(&json!({ "sub": "pump-7", "exp": now + 100 }));
    assert!(
        access.verify(&login("", &good)).is_err(),
        "the address waits"
    );
}

#[test]
fn a_token_comes_by_auth_packets_too() {
    let (_data, access) = with_secret(&[Method::Jwt]);
    let broker = access.broker_access(false);
    assert_eq!(broker.methods[0].name(), "OAUTH2-JWT");
    let step = |data: Option<&[u8]>| broker.methods[0].begin(&connection("c"), true).step(data);
    let token = by_secret(&json!({ "sub": "pump-7", "exp": in_an_hour() }));
    match step(Some(token.as_bytes())) {
        Step::Success {
            data: None,
            verified,
        } => {
            assert_eq!(verified.user_name.as_deref(), Some("pump-7"));
        }
        other => panic!("{other:?}"),
    }
    for wrong in [None, Some(&b"pump-7"[..])] {
        match step(wrong) {
            Step::Fail(denied) => assert_eq!(denied.reason, ReasonCode::NOT_AUTHORIZED),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(access.denials().total, 2);
    // Where no tokens are taken the method is not spoken.
    access
        .configure(&[Method::Accounts], &TokenSettings::default())
        .unwrap();
    assert!(access.broker_access(true).methods.is_empty());
}

#[test]
fn what_a_token_says_can_be_looked_at() {
    let (_data, access) = with_secret(&[Method::Jwt]);
    let check = |token: String| {
        access.check_token(&TokenCheck {
            token,
            client_id: "c".into(),
        })
    };
    let good = check(format!(
        " {}\n",
        by_secret(&json!({ "sub": "u", "exp": in_an_hour(), "site": "x" }))
    ));
    let good = good.unwrap();
    assert!(good.taken);
    assert_eq!(
        (good.user.as_deref(), good.claims["site"].as_str()),
        (Some("u"), "x")
    );
    assert!(!check("what".into()).unwrap().taken);
    let (_data, none) = folder();
    let ask = TokenCheck {
        token: "what".into(),
        client_id: String::new(),
    };
    assert_eq!(
        none.check_token(&ask).unwrap_err().code,
        ErrorCode::WrongState
    );
}

/// An issuer's key, by the name of it.
struct Issuer {
    kid: &'static str,
    key: Ed25519KeyPair,
}

impl Issuer {
    fn new(kid: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Self { kid, key }
    }

    fn token(&self) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.kid });
        let claims = json!({ "sub": self.kid, "exp": in_an_hour() });
        signed(&header, &claims, |message| {
            self.key.sign(message).as_ref().to_vec()
        })
    }

    fn set(all: &[&Self]) -> String {
        let keys: Vec<Value> = all
            .iter()
            .map(|issuer| {
                let x = URL.encode(issuer.key.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": issuer.kid, "x": x })
            })
            .collect();
        json!({ "keys": keys }).to_string()
    }
}

/// Serves what it is told to, one answer a request, and tells of each request. Where it is told nothing more it ends.
fn server() -> (
    String,
    mpsc::Sender<(&'static str, String)>,
    mpsc::Receiver<()>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let (answers, to_give) = mpsc::channel::<(&str, String)>();
    let (asked, requests) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((status, body)) = to_give.recv() {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            let _ = asked.send(());
            let len = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body.as_bytes());
        }
    });
    (url, answers, requests)
}

fn tokens_of(url: &str, pause: Duration) -> Arc<Tokens> {
    let settings = TokenSettings {
        jwks_url: Some(url.to_owned()),
        ..TokenSettings::default()
    };
    Arc::new(Tokens::with_pause(&settings, pause).unwrap().unwrap())
}

#[test]
fn a_key_set_is_fetched_and_fetched_again_for_a_key_that_is_not_in_it() {
    let (first, second) = (Issuer::new("first"), Issuer::new("second"));
    let (url, answers, requests) = server();
    answers.send(("200 OK", Issuer::set(&[&first]))).unwrap();
    let tokens = tokens_of(&url, Duration::ZERO);
    let shown = |issuer: &Issuer| tokens.verify(issuer.token().as_bytes(), "c", true);
    assert_eq!(shown(&first).unwrap().user, "first");
    assert_eq!(
        requests.try_iter().count(),
        1,
        "what is known is not fetched again"
    );
    answers.send(("200 OK", Issuer::set(&[&second]))).unwrap();
    assert_eq!(shown(&second).unwrap().user, "second");
    // The first was withdrawn; what can't be read now leaves the keys that are there.
    answers.send(("503 Busy", String::new())).unwrap();
    assert_eq!(shown(&first), Err(TokenError::UnknownKey("first".into())));
    assert!(tokens.failure().unwrap().contains("503"));
    assert!(shown(&second).is_ok());
    answers.send(("200 OK", "<html>".into())).unwrap();
    assert!(shown(&first).is_err());
    assert!(tokens.failure().unwrap().contains("Key Set"));
    answers
        .send((
            "200 OK",
            format!("{{\"keys\": [\"{}\"]}}", "x".repeat(300 << 10)),
        ))
        .unwrap();
    assert!(shown(&first).is_err());
    assert!(tokens.failure().is_some());
    answers
        .send(("200 OK", Issuer::set(&[&first, &second])))
        .unwrap();
    assert!(shown(&first).is_ok());
    assert_eq!(tokens.failure(), None);
    assert_eq!(requests.try_iter().count(), 5);
}

#[test]
fn tokens_with_made_up_keys_make_nobody_fetch_all_the_time() {
    let (known, made_up) = (Issuer::new("known"), Issuer::new("made up"));
    let (url, answers, requests) = server();
    answers.send(("200 OK", Issuer::set(&[&known]))).unwrap();
    let tokens = tokens_of(&url, PAUSE);
    for may_wait in [true, false, true] {
        assert!(
            tokens
                .verify(made_up.token().as_bytes(), "c", may_wait)
                .is_err()
        );
    }
    assert!(tokens.verify(known.token().as_bytes(), "c", true).is_ok());
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn a_set_that_can_t_be_fetched_at_the_start_is_fetched_later() {
    let issuer = Issuer::new("k");
    let (url, answers, _requests) = server();
    answers.send(("500 Broken", String::new())).unwrap();
    let tokens = tokens_of(&url, Duration::ZERO);
    assert!(tokens.failure().is_some());
    answers.send(("200 OK", Issuer::set(&[&issuer]))).unwrap();
    assert!(tokens.verify(issuer.token().as_bytes(), "c", true).is_ok());
}

#[test]
fn settings_that_can_t_be_kept_to_are_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = data.path().join("key");
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let read = |settings: &TokenSettings| Tokens::read(settings).unwrap_err().message;
    let of = TokenSettings::default;
    assert!(Tokens::read(&of()).unwrap().is_none());
    let short = TokenSettings {
        secret: file("short"),
        ..of()
    };
    assert!(read(&short).contains("too short"));
    let no_key = TokenSettings {
        public_key: file("what"),
        ..of()
    };
    assert!(read(&no_key).contains("PUBLIC KEY"));
    let no_set = TokenSettings {
        jwks_file: file("{}"),
        ..of()
    };
    assert!(read(&no_set).contains("Key Set"));
    let missing = TokenSettings {
        jwks_file: Some(data.path().join("none")),
        ..of()
    };
    assert!(read(&missing).contains("none"));
    for url in [
        "http://192.0.2.1/keys",
        "ftp://x/",
        "file:///etc/passwd",
        "keys",
        "http://localhost.evil.example/",
    ] {
        let settings = TokenSettings {
            jwks_url: Some(url.into()),
            ..of()
        };
        assert!(read(&settings).contains(url), "{url}");
    }
}
