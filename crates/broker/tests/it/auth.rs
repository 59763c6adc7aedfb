//! Who comes in and who may do what: accounts, anonymous clients, AUTH packets, a policy.

use std::sync::{Arc, Mutex};

use mqttwb_broker::{
    Access, Accounts, Attempt, AuthenticationMethod, BrokerConfig, Denied, Exchange, Identity,
    Login, Policy, Step, Verified,
};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, NoObserver, Observer, PacketBatch, ProtocolVersion, QoS, Refusal,
    RefusalCause, Timestamp,
};
use mqttwb_wire::{Auth, Connect, Packet, Properties, Property, ReasonCode, Will};

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

#[derive(Debug)]
struct OneAccount;

impl Accounts for OneAccount {
    fn verify(&self, login: &Login) -> Result<Option<Verified>, Denied> {
        let password = login.password.as_deref();
        if (&*login.user_name, password) == ("plant", Some(b"secret")) {
            Ok(Some(Verified::default()))
        } else {
            Err(Denied {
                reason: ReasonCode::BAD_USER_NAME_OR_PASSWORD,
                rule: "no such account".into(),
            })
        }
    }
}

/// The user `friend` may do everything, others nothing that begins with `private`.
#[derive(Debug)]
struct Private;

impl Policy for Private {
    fn verdict(&self, who: &Identity, attempt: &Attempt<'_>) -> Result<(), Denied> {
        let topic = match attempt {
            Attempt::Publish { topic, .. } | Attempt::Will { topic, .. } => topic,
            Attempt::Subscribe { filter, .. } => filter.as_str(),
        };
        if topic.starts_with("private") && who.user_name.as_deref() != Some("friend") {
            return Err(Denied::not_authorized("rule 1 of the test"));
        }
        Ok(())
    }
}

pub(crate) async fn guarded(access: Access) -> (TestBroker, Arc<Refused>) {
    let observer = Arc::new(Refused::default());
    (guarded_by(access, observer.clone()).await, observer)
}

async fn guarded_by(access: Access, observer: Arc<dyn Observer>) -> TestBroker {
    let config = BrokerConfig {
        access,
        ..BrokerConfig::default()
    };
    broker_with(config, observer).await
}

fn questions() -> Access {
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

async fn says(client: &mut Client, reason: ReasonCode, name: &str, data: &[u8]) {
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
async fn friend(broker: &TestBroker) -> Client {
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

fn login<'a>(version: ProtocolVersion, user: Option<&'a str>, password: &'a str) -> Connect<'a> {
    Connect {
        user_name: user,
        password: user.map(|_| password.as_bytes()),
        ..connect(version, "client")
    }
}

/// What a CONNECT is answered; a refused connection is closed.
async fn answered(broker: &TestBroker, connect: Connect<'_>) -> ReasonCode {
    let mut client = Client::open(broker.address, connect.version).await;
    let (_, reason) = client.connect(connect).await;
    if reason != ReasonCode::SUCCESS {
        assert_eq!(client.expect_end().await, None);
    }
    reason
}

#[tokio::test]
async fn a_user_name_goes_with_its_password() {
    // [MQTT-3.1.4-2], [MQTT3-3.1.4-2], [MQTT3-3.2.2-4]
    let (broker, observer) = guarded(Access {
        accounts: Some(Arc::new(OneAccount)),
        ..Access::default()
    })
    .await;
    for (version, bad) in [
        (V5, ReasonCode::BAD_USER_NAME_OR_PASSWORD),
        (V311, ReasonCode(4)),
    ] {
        for (user, password, answer) in [
            (Some("plant"), "secret", ReasonCode::SUCCESS),
            (Some("plant"), "guess", bad),
            (Some("other"), "secret", bad),
            (None, "", ReasonCode::SUCCESS),
        ] {
            let connect = login(version, user, password);
            assert_eq!(answered(&broker, connect).await, answer, "{user:?}");
        }
    }
    assert_eq!(observer.causes(), [RefusalCause::Access; 4]);
}

#[tokio::test]
async fn without_anonymous_clients_each_must_prove_who_it_is() {
    // [MQTT-3.1.4-2]
    for accounts in [true, false] {
        let accounts = accounts.then(|| Arc::new(OneAccount) as Arc<dyn Accounts>);
        // Where there is nobody to verify a user name it is refused as a wrong one is.
        let known = accounts.is_some();
        let (broker, _) = guarded(Access {
            anonymous: false,
            accounts,
            ..questions()
        })
        .await;
        for (version, none, bad) in [
            (
                V5,
                ReasonCode::NOT_AUTHORIZED,
                ReasonCode::BAD_USER_NAME_OR_PASSWORD,
            ),
            (V311, ReasonCode(5), ReasonCode(4)),
        ] {
            let good = if known { ReasonCode::SUCCESS } else { bad };
            assert_eq!(answered(&broker, login(version, None, "")).await, none);
            let connect = login(version, Some("plant"), "secret");
            assert_eq!(answered(&broker, connect).await, good);
        }
        friend(&broker).await;
    }
}

#[tokio::test]
async fn what_the_policy_forbids_is_not_done_and_the_client_stays() {
    // [MQTT3-3.3.5-2], [MQTT3-3.9.3-2]
    let (broker, observer) = guarded(Access {
        policy: Some(Arc::new(Private)),
        ..questions()
    })
    .await;
    let mut watcher = friend(&broker).await;
    assert_eq!(watcher.subscribe("private/#", 2).await, ReasonCode(2));
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "stranger").await;
        let no = match version {
            ProtocolVersion::V5 => ReasonCode::NOT_AUTHORIZED,
            _ => ReasonCode(0x80),
        };
        assert_eq!(client.subscribe("private/#", 0).await, no);
        assert_eq!(client.subscribe("public/#", 0).await, ReasonCode::SUCCESS);
        client
            .send(Packet::Publish(publish("private/a", "x", 0)))
            .await;
        for qos in [1, 2] {
            client
                .send(Packet::Publish(publish("private/a", "x", qos)))
                .await;
            let reason = client
                .expect(|packet| match packet {
                    Packet::PubAck(ack) | Packet::PubRec(ack) => Some(ack.reason),
                    _ => None,
                })
                .await;
            let said = match version {
                ProtocolVersion::V5 => ReasonCode::NOT_AUTHORIZED,
                _ => ReasonCode::SUCCESS,
            };
            assert_eq!(reason, said);
        }
        client.publish(publish("public/a", "seen", 0)).await;
        assert_eq!(client.message().await.payload, "seen");
        let will = Connect {
            will: Some(Will {
                topic: "private/will",
                payload: b"gone",
                qos: QoS::AtMostOnce,
                retain: false,
                properties: Properties::NONE,
            }),
            ..connect(version, "with a will")
        };
        let no = match version {
            ProtocolVersion::V5 => ReasonCode::NOT_AUTHORIZED,
            _ => ReasonCode(5),
        };
        assert_eq!(answered(&broker, will).await, no);
    }
    watcher.publish(publish("private/a", "mine", 0)).await;
    assert_eq!(watcher.message().await.payload, "mine");
    assert_eq!(observer.causes(), [RefusalCause::Access; 10]);
}

#[tokio::test]
async fn a_policy_is_asked_about_the_topic_behind_an_alias() {
    let access = Access {
        policy: Some(Arc::new(Private)),
        ..Access::default()
    };
    let broker = guarded_by(access, Arc::new(NoObserver)).await;
    let mut client = Client::connected(&broker, V5, "stranger").await;
    let alias = properties(&[Property::TopicAlias(1)]);
    // The alias is learnt though the message is refused, and stands for what may not be published.
    for topic in ["private/a", ""] {
        client
            .send(Packet::Publish(mqttwb_wire::Publish {
                properties: Properties::trusted(&alias),
                ..publish(topic, "x", 1)
            }))
            .await;
        let reason = client
            .expect(|packet| match packet {
                Packet::PubAck(ack) => Some(ack.reason),
                _ => None,
            })
            .await;
        assert_eq!(reason, ReasonCode::NOT_AUTHORIZED);
    }
}

#[tokio::test]
async fn a_session_of_somebody_who_proved_who_he_is_is_taken_over_by_nobody_else() {
    let access = Access {
        accounts: Some(Arc::new(OneAccount)),
        ..Access::default()
    };
    let (broker, refused) = guarded(access).await;
    let own = Connect {
        user_name: Some("plant"),
        password: Some(b"secret"),
        ..persistent(V5, "pump-7")
    };
    let (mut owner, _) = Client::accepted(&broker, own.clone()).await;
    owner.subscribe("commands/pump-7", 1).await;
    for stranger in [connect(V5, "pump-7"), persistent(V5, "pump-7")] {
        let no = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
        assert_eq!(answered(&broker, stranger).await, no);
    }
    // It goes on undisturbed, and its session waits for it alone while it is away.
    owner.publish(publish("commands/pump-7", "go", 1)).await;
    assert_eq!(owner.message().await.payload, "go");
    owner.disconnect().await;
    let no = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
    assert_eq!(answered(&broker, connect(V5, "pump-7")).await, no);
    let (_, session_present) = Client::accepted(&broker, own).await;
    assert!(session_present);
    assert_eq!(refused.causes(), [RefusalCause::Access; 3]);
}

/// Whoever says a name is that user, for an hour.
#[derive(Debug)]
struct Named;

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
async fn named(broker: &TestBroker, name: &str) -> Client {
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

#[tokio::test]
async fn rules_for_whom_it_proves_to_be_again_hold_for_what_a_client_has() {
    let access = Access {
        methods: vec![Arc::new(Named)],
        policy: Some(Arc::new(Private)),
        ..Access::default()
    };
    let (broker, _) = guarded(access).await;
    let mut client = named(&broker, "friend").await;
    assert_eq!(client.subscribe("private/#", 0).await, ReasonCode::SUCCESS);
    says(
        &mut client,
        ReasonCode::RE_AUTHENTICATE,
        "NAME",
        b"stranger",
    )
    .await;
    client
        .expect(|packet| matches!(packet, Packet::Auth(_)).then_some(()))
        .await;
    // Behind what the hub was told of who it is now.
    assert_eq!(client.subscribe("open", 0).await, ReasonCode::SUCCESS);
    assert_eq!(broker.broker.counters().values().subscriptions, 1);
    let reason = client.subscribe("private/#", 0).await;
    assert_eq!(reason, ReasonCode::NOT_AUTHORIZED);
}
