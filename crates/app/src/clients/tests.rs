use mqttwb_model::NoObserver;

use super::*;
use crate::api::{ClientState, TimelineKind, Will as FormWill};

fn config(id: &str) -> ClientConfig {
    ClientConfig {
        client_id: id.into(),
        version: api::Version::V5,
        target: Target::Tcp,
        keep_alive: 60,
        clean_start: true,
        session_expiry: 0,
        ..ClientConfig::default()
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorCode {
    outcome.unwrap_err().code
}

/// A port that nobody listens at.
fn nowhere() -> Endpoint {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    Endpoint::tcp("127.0.0.1", unused.local_addr().unwrap().port())
}

#[tokio::test]
async fn clients_are_numbered_from_one_and_a_number_is_not_used_again() {
    let clients = TestClients::new(Arc::new(NoObserver));
    assert_eq!(clients.create(config("a")).await.unwrap().id, 1);
    assert_eq!(clients.create(config("b")).await.unwrap().id, 2);
    let names: Vec<String> = clients
        .list()
        .into_iter()
        .map(|client| client.config.client_id)
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn a_removed_client_is_gone_and_its_configuration_comes_back() {
    let clients = TestClients::new(Arc::new(NoObserver));
    let id = clients.create(config("a")).await.unwrap().id;
    assert_eq!(clients.remove(id).await.unwrap(), config("a"));
    assert_eq!(code(clients.remove(id).await), ErrorCode::NotFound);
    assert_eq!(code(clients.target(id)), ErrorCode::NotFound);
    assert_eq!(clients.create(config("a")).await.unwrap().id, id + 1);
}

#[tokio::test]
async fn a_form_that_nobody_could_connect_with_is_refused() {
    let will = |topic: &str, qos| {
        Some(FormWill {
            topic: topic.into(),
            payload: String::new(),
            qos,
            retain: false,
            ..Default::default()
        })
    };
    let clients = TestClients::new(Arc::new(NoObserver));
    let good = clients.create(config("good")).await.unwrap().id;
    for bad in [
        config(""),
        ClientConfig {
            version: api::Version::V31,
            ..config("old")
        },
        ClientConfig {
            will: will("a/#", 0),
            ..config("wild")
        },
        ClientConfig {
            will: will("a", 3),
            ..config("qos")
        },
    ] {
        assert_eq!(
            code(clients.create(bad.clone()).await),
            ErrorCode::InvalidInput
        );
        assert_eq!(
            code(clients.update(good, bad).await),
            ErrorCode::InvalidInput
        );
    }
    assert_eq!(clients.list().len(), 1);
    assert_eq!(clients.list()[0].config, config("good"));
}

#[tokio::test]
async fn a_connection_that_fails_shows_in_the_client_with_what_to_do() {
    let clients = TestClients::new(Arc::new(NoObserver));
    let id = clients.create(config("a")).await.unwrap().id;
    let client = clients.connect(id, &nowhere()).await.unwrap();
    assert_eq!(client.state, ClientState::Failed);
    let failure = client.failure.unwrap();
    assert_eq!(failure.code, ErrorCode::Client);
    assert!(failure.message.starts_with("Nothing listens at 127.0.0.1:"));
    assert!(failure.hint.is_some());
    let kinds: Vec<TimelineKind> = clients
        .timeline(id, 0, 10)
        .unwrap()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, [TimelineKind::Connection, TimelineKind::Failure]);
}

#[tokio::test]
async fn requests_of_a_client_that_is_not_connected_say_so() {
    let clients = TestClients::new(Arc::new(NoObserver));
    let id = clients.create(config("a")).await.unwrap().id;
    let request = SubscribeRequest {
        filter: "a/#".into(),
        qos: 1,
        ..SubscribeRequest::default()
    };
    assert_eq!(
        code(clients.subscribe(id, &request).await),
        ErrorCode::WrongState
    );
    // What is wrong with the request itself comes first: it is wrong whatever the state.
    let request = SubscribeRequest {
        filter: "a/#/b".into(),
        qos: 1,
        ..SubscribeRequest::default()
    };
    assert_eq!(
        code(clients.subscribe(id, &request).await),
        ErrorCode::InvalidInput
    );
    // Ending what is not there is no error: two clicks do no harm.
    for how in [DisconnectHow::Clean, DisconnectHow::Drop] {
        let client = clients.disconnect(id, how).await.unwrap();
        assert_eq!(client.state, ClientState::Disconnected);
    }
}

#[test]
fn a_payload_is_what_its_encoding_says() {
    use PayloadEncoding::{Base64, Hex, Json, Text};
    for (text, encoding, bytes) in [
        ("21.5 °C", Text, "21.5 °C".as_bytes()),
        ("", Text, b""),
        (r#"{"value": 21.5}"#, Json, br#"{"value": 21.5}"#),
        ("00 ff\n1E2d", Hex, &[0x00, 0xff, 0x1e, 0x2d]),
        ("", Hex, b""),
        ("AP8e\nLQ==", Base64, &[0x00, 0xff, 0x1e, 0x2d]),
    ] {
        assert_eq!(payload(text, encoding).unwrap(), bytes, "{text:?}");
    }
    for (text, encoding) in [
        ("{value: 1}", Json),
        ("{} {}", Json),
        ("", Json),
        ("0", Hex),
        ("0 0", Hex),
        ("0x00", Hex),
        ("zz", Hex),
        ("ää", Hex),
        ("AP8", Base64),
        ("*", Base64),
    ] {
        assert_eq!(
            code(payload(text, encoding)),
            ErrorCode::InvalidInput,
            "{text:?}"
        );
    }
}
