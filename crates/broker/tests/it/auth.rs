//! Enhanced authentication: an exchange of AUTH packets, and proving again.

use std::sync::{Arc, Mutex};

use mqttwb_broker::{Access, AuthenticationMethod, Denied, Exchange, Step, Verified};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Observer, PacketBatch, Refusal, RefusalCause, Timestamp,
};
use mqttwb_wire::{Auth, Connect, Packet, Properties, Property, ReasonCode};

use crate::support::*;

/// A method with a question and an answer: who says HELLO is asked, and must say the word.
#[derive(Debug)]
struct Question;

struct Asking {
    asked: bool,
}

impl AuthenticationMethod for Question {
    fn name(&self) -> &str {
        "QUESTION"
    }

    fn begin(&self, _: &ConnectionInfo, _: bool) -> Box<dyn Exchange> {
        Box::new(Asking { asked: false })
    }
}

impl Exchange for Asking {
    fn step(&mut self, data: Option<&[u8]>) -> Step {
        let asked = std::mem::replace(&mut self.asked, true);
        match data {
            Some(b"HELLO") if !asked => Step::Continue(b"the word?".to_vec()),
            Some(b"the word") if asked => Step::Success {
                data: Some(b"come in".to_vec()),
                verified: Verified {
                    user_name: Some("friend".into()),
                    ..Verified::default()
                },
            },
            _ => Step::Fail(Denied::not_authorized("that was not the word")),
        }
    }
}

pub(crate) fn questions() -> Access {
    Access {
        methods: vec![Arc::new(Question)],
        ..Access::default()
    }
}

fn method(name: &str, data: Option<&[u8]>) -> Vec<u8> {
    let mut all = vec![Property::AuthenticationMethod(name)];
    all.extend(data.map(Property::AuthenticationData));
    properties(&all)
}

/// Begins with CONNECT and this method and data.
async fn begins(broker: &TestBroker, name: &str, data: Option<&[u8]>) -> Client {
    let with = method(name, data);
    let mut client = Client::open(broker.address, V5).await;
    let connect = Connect {
        properties: Properties::trusted(&with),
        ..connect(V5, "client")
    };
    client.send(Packet::Connect(Box::new(connect))).await;
    client
}

pub(crate) async fn says(client: &mut Client, reason: ReasonCode, name: &str, data: &[u8]) {
    let with = method(name, Some(data));
    let properties = Properties::trusted(&with);
    client.send(Packet::Auth(Auth { reason, properties })).await;
}

/// The next packet is AUTH with this reason and data, and the method of CONNECT.
async fn expect_auth(client: &mut Client, reason: ReasonCode, data: &[u8]) {
    let with = method("QUESTION", Some(data));
    client
        .expect(|packet| match packet {
            Packet::Auth(auth) => {
                (auth.reason == reason && auth.properties.as_bytes() == with).then_some(())
            }
            _ => None,
        })
        .await;
}

async fn expect_connack(client: &mut Client, reason: ReasonCode) -> Vec<u8> {
    client
        .expect(|packet| match packet {
            Packet::ConnAck(p) if p.reason == reason => Some(p.properties.as_bytes().to_vec()),
            _ => None,
        })
        .await
}

/// A client that has come in by the whole exchange.
pub(crate) async fn friend(broker: &TestBroker) -> Client {
    let mut client = begins(broker, "QUESTION", Some(b"HELLO")).await;
    expect_auth(
        &mut client,
        ReasonCode::CONTINUE_AUTHENTICATION,
        b"the word?",
    )
    .await;
    let go_on = ReasonCode::CONTINUE_AUTHENTICATION;
    says(&mut client, go_on, "QUESTION", b"the word").await;
    let said = expect_connack(&mut client, ReasonCode::SUCCESS).await;
    assert!(said.starts_with(&method("QUESTION", Some(b"come in"))));
    client
}

#[tokio::test]
async fn an_exchange_of_auth_packets_comes_before_connack() {
    // [MQTT-4.12.0-2], [MQTT-4.12.0-5], [MQTT-3.15.2-1]
    let (broker, observer) = guarded(questions()).await;
    let mut client = friend(&broker).await;
    client.expect_nothing().await;
    assert_eq!(observer.causes(), []);
}

#[tokio::test]
async fn a_method_that_is_not_spoken_is_refused() {
    // [MQTT-4.12.0-1]
    let (broker, observer) = guarded(questions()).await;
    let mut client = begins(&broker, "OTHER", Some(b"HELLO")).await;
    expect_connack(&mut client, ReasonCode::BAD_AUTHENTICATION_METHOD).await;
    assert_eq!(client.expect_end().await, None);
    assert_eq!(observer.causes(), [RefusalCause::Access]);
}

#[tokio::test]
async fn who_does_not_prove_it_is_refused_and_its_connection_closed() {
    // [MQTT-4.12.0-4]
    let (broker, _) = guarded(questions()).await;
    for (first, second) in [
        (None, None),
        (Some(&b"what?"[..]), None),
        (Some(b"HELLO"), Some(&b"wrong"[..])),
    ] {
        let mut client = begins(&broker, "QUESTION", first).await;
        if let Some(second) = second {
            let go_on = ReasonCode::CONTINUE_AUTHENTICATION;
            expect_auth(&mut client, go_on, b"the word?").await;
            says(&mut client, go_on, "QUESTION", second).await;
        }
        expect_connack(&mut client, ReasonCode::NOT_AUTHORIZED).await;
        assert_eq!(client.expect_end().await, None);
    }
}

#[tokio::test]
async fn nothing_but_the_method_of_connect_is_spoken_during_the_exchange() {
    // [MQTT-4.12.0-5]
    let (broker, _) = guarded(questions()).await;
    let go_on = ReasonCode::CONTINUE_AUTHENTICATION;
    let mut other = begins(&broker, "QUESTION", Some(b"HELLO")).await;
    expect_auth(&mut other, go_on, b"the word?").await;
    says(&mut other, go_on, "OTHER", b"the word").await;
    expect_connack(&mut other, ReasonCode::PROTOCOL_ERROR).await;
    assert_eq!(other.expect_end().await, None);
    let mut early = begins(&broker, "QUESTION", Some(b"HELLO")).await;
    expect_auth(&mut early, go_on, b"the word?").await;
    early.send(Packet::Publish(publish("a", "x", 0))).await;
    expect_connack(&mut early, ReasonCode::PROTOCOL_ERROR).await;
    assert_eq!(early.expect_end().await, None);
    let mut gone = begins(&broker, "QUESTION", Some(b"HELLO")).await;
    expect_auth(&mut gone, go_on, b"the word?").await;
    gone.cut();
    until("nobody is left", || {
        broker.broker.counters().values().connections == 0
    })
    .await;
}

#[tokio::test]
async fn a_client_may_prove_again_who_it_is_while_it_goes_on() {
    // [MQTT-4.12.1-1], section 4.12.1
    let (broker, _) = guarded(questions()).await;
    let mut client = friend(&broker).await;
    client.subscribe("a", 0).await;
    says(
        &mut client,
        ReasonCode::RE_AUTHENTICATE,
        "QUESTION",
        b"HELLO",
    )
    .await;
    let go_on = ReasonCode::CONTINUE_AUTHENTICATION;
    expect_auth(&mut client, go_on, b"the word?").await;
    client.publish(publish("a", "meanwhile", 0)).await;
    assert_eq!(client.message().await.payload, "meanwhile");
    says(&mut client, go_on, "QUESTION", b"the word").await;
    expect_auth(&mut client, ReasonCode::SUCCESS, b"come in").await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn authenticating_again_in_vain_ends_the_connection() {
    // [MQTT-4.12.1-2]
    let (broker, observer) = guarded(questions()).await;
    let mut client = friend(&broker).await;
    says(&mut client, ReasonCode::RE_AUTHENTICATE, "QUESTION", b"no").await;
    client.expect_end_for(ReasonCode::NOT_AUTHORIZED).await;
    assert_eq!(observer.causes(), [RefusalCause::Access]);
    // Another method, an answer without a question, and a reason that only a server gives.
    for (reason, name) in [
        (ReasonCode::RE_AUTHENTICATE, "OTHER"),
        (ReasonCode::CONTINUE_AUTHENTICATION, "QUESTION"),
        (ReasonCode::SUCCESS, "QUESTION"),
    ] {
        let mut client = friend(&broker).await;
        says(&mut client, reason, name, b"HELLO").await;
        client.expect_end_for(ReasonCode::PROTOCOL_ERROR).await;
    }
}

#[derive(Default)]
struct Bytes(Mutex<Vec<u8>>);

impl Observer for Bytes {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, batch: PacketBatch<'_>) {
        self.0.lock().unwrap().extend_from_slice(batch.bytes);
    }
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, _: &Refusal) {}
}

#[tokio::test]
async fn what_proves_an_identity_is_shown_to_nobody() {
    let observer = Arc::new(Bytes::default());
    let broker = guarded_by(questions(), observer.clone()).await;
    let mut client = friend(&broker).await;
    says(
        &mut client,
        ReasonCode::RE_AUTHENTICATE,
        "QUESTION",
        b"HELLO",
    )
    .await;
    let go_on = ReasonCode::CONTINUE_AUTHENTICATION;
    expect_auth(&mut client, go_on, b"the word?").await;
    says(&mut client, go_on, "QUESTION", b"the word").await;
    expect_auth(&mut client, ReasonCode::SUCCESS, b"come in").await;
    let seen = observer.0.lock().unwrap().clone();
    let holds = |text: &str| seen.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("QUESTION"));
    for secret in ["HELLO", "the word", "come in"] {
        assert!(!holds(secret), "{secret}");
    }
}

/// Whoever says a name is that user, for an hour.
#[derive(Debug)]
pub(crate) struct Named;

struct Naming;

impl AuthenticationMethod for Named {
    fn name(&self) -> &str {
        "NAME"
    }

    fn begin(&self, _: &ConnectionInfo, _: bool) -> Box<dyn Exchange> {
        Box::new(Naming)
    }
}

impl Exchange for Naming {
    fn step(&mut self, data: Option<&[u8]>) -> Step {
        let name = String::from_utf8_lossy(data.unwrap_or_default());
        Step::Success {
            data: None,
            verified: Verified {
                user_name: Some(name.into()),
                expires: Some(Timestamp::now().plus(HOUR)),
                ..Verified::default()
            },
        }
    }
}

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// Moves the clock of timers, and lets time go on.
async fn later(by: std::time::Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

/// A client without keep-alive that is this user by method NAME.
pub(crate) async fn named(broker: &TestBroker, name: &str) -> Client {
    let with = method("NAME", Some(name.as_bytes()));
    let mut client = Client::open(broker.address, V5).await;
    let connect = Connect {
        keep_alive: 0,
        properties: Properties::trusted(&with),
        ..connect(V5, "client")
    };
    client.send(Packet::Connect(Box::new(connect))).await;
    expect_connack(&mut client, ReasonCode::SUCCESS).await;
    client
}

#[tokio::test]
async fn a_connection_ends_when_what_it_proved_does_and_proving_again_puts_it_off() {
    let access = Access {
        methods: vec![Arc::new(Named)],
        ..Access::default()
    };
    let (broker, _) = guarded(access).await;
    let mut client = named(&broker, "friend").await;
    later(HOUR * 3 / 4).await;
    assert_eq!(client.subscribe("a", 0).await, ReasonCode::SUCCESS);
    says(&mut client, ReasonCode::RE_AUTHENTICATE, "NAME", b"friend").await;
    client
        .expect(|packet| matches!(packet, Packet::Auth(_)).then_some(()))
        .await;
    // What it proved first would have ended by now.
    later(HOUR / 2).await;
    assert_eq!(client.subscribe("b", 0).await, ReasonCode::SUCCESS);
    later(HOUR * 3 / 4).await;
    client.expect_end_for(ReasonCode::NOT_AUTHORIZED).await;
}
