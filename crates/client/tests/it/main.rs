//! Test clients against a broker that nobody here wrote: Debian's mosquitto.

#![allow(clippy::unwrap_used)] // a test may fail

mod dialling;
mod greeting;
mod mosquitto;
mod observed;
mod tls;

use std::net::{Ipv4Addr, TcpListener as StdListener};

use bytes::Bytes;
use mosquitto::Mosquitto;
use mqttwb_client::{
    ConnectionError, Endpoint, EntryKind, Grant, Message, MessageProperties, Options, Publication,
    RequestError, State, TIMELINE_CAPACITY, TestClient, Version, Will, Wish,
};
use mqttwb_model::{QoS, TopicFilter, TopicName};
use mqttwb_wire::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const BOTH: [Version; 2] = [Version::V311, Version::V5];
const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn options(id: &str, version: Version) -> Options {
    Options {
        version,
        ..Options::new(id)
    }
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap()
}

fn publication(topic: &str, payload: impl Into<Bytes>, qos: QoS) -> Publication {
    Publication::new(TopicName::try_from(topic).unwrap(), payload, qos)
}

fn wish(text: &str, qos: QoS) -> Wish {
    Wish::new(filter(text), qos)
}

fn session_present(client: &TestClient) -> bool {
    client.status().negotiated.unwrap().session_present
}

/// A connected client with whole messages to read.
async fn listener(
    id: &str,
    version: Version,
    endpoint: &Endpoint,
) -> (TestClient, mpsc::Receiver<Message>) {
    let client = TestClient::new();
    let (inbox, messages) = mpsc::channel(16);
    client
        .connect_with_inbox(&options(id, version), endpoint, inbox)
        .await
        .unwrap();
    (client, messages)
}

async fn connected(id: &str, version: Version, endpoint: &Endpoint) -> TestClient {
    let client = TestClient::new();
    client
        .connect(&options(id, version), endpoint)
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn messages_of_every_qos_arrive_and_are_acknowledged() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let (subscriber, mut messages) = listener("subscriber", version, &broker.plain()).await;
        let grant = subscriber
            .subscribe(wish("plant/#", QoS::ExactlyOnce))
            .await;
        assert_eq!(grant, Ok(Grant::Granted(QoS::ExactlyOnce)));
        let publisher = connected("publisher", version, &broker.plain()).await;
        for qos in EVERY_QOS {
            let sent = publication("plant/pump", "21.5", qos);
            let acknowledgement = publisher.publish(sent).await.unwrap();
            acknowledgement.wait().await.unwrap();
            let message = messages.recv().await.unwrap();
            assert_eq!(message.topic, "plant/pump");
            assert_eq!(message.payload, "21.5");
            assert_eq!(message.qos, qos);
            assert!(!message.retain && !message.dup);
        }
        assert_eq!(subscriber.status().received, 3);
        assert_eq!(publisher.status().published, 3);
        let kinds: Vec<EntryKind> = publisher
            .timeline(2, 100)
            .entries
            .into_iter()
            .map(|entry| entry.kind)
            .collect();
        use EntryKind::{Acknowledged, Published};
        assert_eq!(
            kinds,
            [Published, Published, Acknowledged, Published, Acknowledged]
        );
        publisher.disconnect().await;
        subscriber.disconnect().await;
        assert_eq!(subscriber.status().state, State::Disconnected);
    }
}

#[tokio::test]
async fn a_retained_message_is_there_for_who_comes_later() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let publisher = connected("publisher", version, &broker.plain()).await;
        let message = Publication {
            retain: true,
            ..publication("state", "on", QoS::AtLeastOnce)
        };
        let acknowledgement = publisher.publish(message).await.unwrap();
        acknowledgement.wait().await.unwrap();
        let (late, mut messages) = listener("late", version, &broker.plain()).await;
        late.subscribe(wish("state", QoS::AtMostOnce))
            .await
            .unwrap();
        let message = messages.recv().await.unwrap();
        assert!(message.retain);
        assert_eq!(message.payload, "on");
    }
}

#[tokio::test]
async fn the_will_appears_when_the_socket_is_dropped_and_not_after_a_disconnect() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let (watcher, mut messages) = listener("watcher", version, &broker.plain()).await;
        watcher
            .subscribe(wish("will/#", QoS::AtLeastOnce))
            .await
            .unwrap();
        let with_will = |topic: &str| Options {
            will: Some(Will {
                topic: TopicName::try_from(topic).unwrap(),
                payload: "gone".into(),
                qos: QoS::AtLeastOnce,
                retain: false,
                delay: None,
                properties: MessageProperties::default(),
            }),
            ..options("mortal", version)
        };
        let mortal = TestClient::new();
        let polite = with_will("will/polite");
        mortal.connect(&polite, &broker.plain()).await.unwrap();
        mortal.disconnect().await;
        let rude = with_will("will/rude");
        mortal.connect(&rude, &broker.plain()).await.unwrap();
        mortal.drop_socket().await;
        assert_eq!(mortal.status().state, State::Disconnected);
        // The first will to come is the second one's: the polite client had none published.
        let message = messages.recv().await.unwrap();
        assert_eq!(message.topic, "will/rude");
        assert_eq!(message.payload, "gone");
    }
}

#[tokio::test]
async fn a_session_outlives_its_connection_with_its_subscriptions_and_messages() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let lasting = Options {
            clean_start: false,
            session_expiry: 60,
            ..options(&format!("lasting-{version}"), version)
        };
        let client = TestClient::new();
        client.connect(&lasting, &broker.plain()).await.unwrap();
        assert!(!session_present(&client));
        client
            .subscribe(wish("jobs", QoS::AtLeastOnce))
            .await
            .unwrap();
        client.disconnect().await;
        let publisher = connected("publisher", version, &broker.plain()).await;
        let job = publication("jobs", "one", QoS::AtLeastOnce);
        publisher.publish(job).await.unwrap().wait().await.unwrap();

        let (inbox, mut messages) = mpsc::channel(16);
        client
            .connect_with_inbox(&lasting, &broker.plain(), inbox)
            .await
            .unwrap();
        assert_eq!(messages.recv().await.unwrap().payload, "one");
        assert!(session_present(&client));
        assert_eq!(client.status().subscriptions.len(), 1);
        client.disconnect().await;

        let afresh = Options {
            clean_start: true,
            ..lasting
        };
        client.connect(&afresh, &broker.plain()).await.unwrap();
        assert!(!session_present(&client));
        assert!(client.status().subscriptions.is_empty());
    }
}

#[tokio::test]
async fn an_ended_subscription_brings_no_more_messages() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let (client, mut messages) = listener("client", version, &broker.plain()).await;
        for topic in ["a", "b"] {
            client
                .subscribe(wish(topic, QoS::AtMostOnce))
                .await
                .unwrap();
        }
        client.unsubscribe(filter("a")).await.unwrap();
        assert_eq!(client.status().subscriptions.len(), 1);
        for topic in ["a", "b"] {
            let message = publication(topic, topic, QoS::AtMostOnce);
            client.publish(message).await.unwrap();
        }
        assert_eq!(messages.recv().await.unwrap().topic, "b");
    }
}

#[tokio::test]
async fn a_large_message_goes_through() {
    let broker = Mosquitto::start();
    let payload = Bytes::from(vec![b'x'; 1_000_000]);
    for version in BOTH {
        let (client, mut messages) = listener("client", version, &broker.plain()).await;
        client
            .subscribe(wish("large", QoS::AtLeastOnce))
            .await
            .unwrap();
        let message = publication("large", payload.clone(), QoS::AtLeastOnce);
        client.publish(message).await.unwrap();
        assert_eq!(messages.recv().await.unwrap().payload, payload);
        let page = client.timeline(client.status().newest - 3, 3);
        let received = page
            .entries
            .iter()
            .find(|entry| entry.kind == EntryKind::Received)
            .unwrap();
        assert_eq!((received.text.len(), received.cut), (512, true));
        assert_eq!(received.size, 1_000_000);
    }
}

#[tokio::test]
async fn a_message_that_the_broker_would_not_take_costs_no_connection() {
    let broker = Mosquitto::start_with("max_packet_size 2000");
    let client = connected("client", Version::V5, &broker.plain()).await;
    let message = publication("t", vec![0; 5_000], QoS::AtLeastOnce);
    let outcome = client.publish(message).await;
    assert!(matches!(
        outcome,
        Err(RequestError::TooLarge { limit: 2_000, .. })
    ));
    let message = publication("t", vec![0; 500], QoS::AtLeastOnce);
    client.publish(message).await.unwrap().wait().await.unwrap();
}

#[tokio::test]
async fn a_flood_is_counted_in_full_and_kept_in_part() {
    const FLOOD: u64 = 5_000;
    let broker = Mosquitto::start();
    for version in BOTH {
        let (looking_on, mut last) = listener("looking-on", version, &broker.plain()).await;
        looking_on
            .subscribe(wish("last", QoS::AtMostOnce))
            .await
            .unwrap();
        let flooded = connected("flooded", version, &broker.plain()).await;
        flooded
            .subscribe(wish("flood", QoS::AtMostOnce))
            .await
            .unwrap();
        for n in 0..FLOOD {
            let message = publication("flood", n.to_string(), QoS::AtMostOnce);
            flooded.publish(message).await.unwrap();
        }
        // mosquitto hands messages on in order: when this one is back, the flood is.
        flooded
            .subscribe(wish("last", QoS::AtMostOnce))
            .await
            .unwrap();
        flooded
            .publish(publication("last", "", QoS::AtMostOnce))
            .await
            .unwrap();
        last.recv().await.unwrap();
        flooded.unsubscribe(filter("flood")).await.unwrap();
        let status = flooded.status();
        assert!(status.received >= FLOOD, "{status:?}");
        assert_eq!(status.published, FLOOD + 1);
        assert_eq!(status.newest - status.dropped, TIMELINE_CAPACITY as u64);
        assert_eq!(
            flooded.timeline(0, usize::MAX).entries.len(),
            TIMELINE_CAPACITY
        );
    }
}

#[tokio::test]
async fn nobody_at_the_port_is_told_as_that() {
    let unused = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let endpoint = Endpoint::tcp("127.0.0.1", port);
    for version in BOTH {
        let client = TestClient::new();
        let error = client
            .connect(&options("client", version), &endpoint)
            .await
            .unwrap_err();
        assert_eq!(
            error,
            ConnectionError::NobodyListens(format!("127.0.0.1:{port}"))
        );
        let status = client.status();
        assert_eq!(status.state, State::Failed);
        assert_eq!(status.failure, Some(error));
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_as_that() {
    let endpoint = Endpoint::tcp("no-such-host.invalid", 1883);
    let client = TestClient::new();
    let outcome = client.connect(&Options::new("client"), &endpoint).await;
    assert!(matches!(outcome, Err(ConnectionError::Unresolved { .. })));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code_and_meaning() {
    let broker = Mosquitto::start();
    for (version, code, words) in [
        (Version::V311, 5, "not authorized (0x05)"),
        (Version::V5, 0x87, "not authorized (0x87)"),
    ] {
        let client = TestClient::new();
        let outcome = client
            .connect(&options("client", version), &broker.guarded())
            .await;
        let refused = ConnectionError::Refused {
            code,
            version,
            words: words.into(),
            elsewhere: None,
        };
        assert_eq!(outcome, Err(refused));
    }
}

#[tokio::test]
async fn a_client_that_is_taken_over_says_so() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let first = connected("twin", version, &broker.plain()).await;
        let second = connected("twin", version, &broker.plain()).await;
        first.ended().await;
        assert_eq!(first.status().failure, Some(ConnectionError::Closed));
        assert_eq!(second.status().state, State::Connected);
    }
}

#[tokio::test]
async fn a_broker_that_dies_leaves_a_failed_client_and_no_answer_hanging() {
    let mut broker = Mosquitto::start();
    let client = connected("client", Version::V5, &broker.plain()).await;
    broker.kill();
    client.ended().await;
    let status = client.status();
    assert_eq!(status.state, State::Failed);
    assert!(status.failure.is_some());
    let message = publication("t", "", QoS::AtMostOnce);
    assert_eq!(
        client.publish(message).await.unwrap_err(),
        RequestError::NotConnected
    );
    assert_eq!(
        client.subscribe(wish("t", QoS::AtMostOnce)).await,
        Err(RequestError::NotConnected)
    );
}

#[tokio::test]
async fn a_second_connect_is_refused_and_changes_nothing() {
    let broker = Mosquitto::start();
    let client = connected("client", Version::V5, &broker.plain()).await;
    let outcome = client
        .connect(&Options::new("client"), &broker.plain())
        .await;
    assert_eq!(outcome, Err(ConnectionError::Connected));
    assert_eq!(client.status().state, State::Connected);
}

#[tokio::test]
async fn a_client_without_a_name_is_named_by_the_broker() {
    let broker = Mosquitto::start();
    for version in BOTH {
        connected("", version, &broker.plain()).await;
        let session = Options {
            clean_start: false,
            ..options("", version)
        };
        let outcome = TestClient::new().connect(&session, &broker.plain()).await;
        assert_eq!(outcome.is_ok(), version == Version::V5);
    }
}

/// Takes a CONNECT on a bare socket, accepts it, and returns the keep-alive that it asked for.
async fn accept(listener: &TcpListener, version: Version) -> (tokio::net::TcpStream, u16) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; usize::from(head[1])];
    socket.read_exact(&mut body).await.unwrap();
    // After the protocol name (6 bytes), the level and the flags.
    let keep_alive = u16::from_be_bytes([body[8], body[9]]);
    let connack: &[u8] = match version {
        Version::V311 => &[0x20, 2, 0, 0],
        Version::V5 => &[0x20, 3, 0, 0, 0],
    };
    socket.write_all(connack).await.unwrap();
    (socket, keep_alive)
}

#[tokio::test]
async fn the_keep_alive_is_as_asked_for_and_pings_keep_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    for version in BOTH {
        for keep_alive in [0, 1, 4, 5, 60, u16::MAX] {
            let client = TestClient::new();
            let options = Options {
                keep_alive,
                ..options("client", version)
            };
            let (outcome, (mut socket, asked)) = tokio::join!(
                client.connect(&options, &endpoint),
                accept(&listener, version)
            );
            outcome.unwrap();
            assert_eq!(asked, keep_alive);
            if keep_alive == 1 {
                let mut ping = [0; 2];
                for _ in 0..2 {
                    socket.read_exact(&mut ping).await.unwrap();
                    assert_eq!(ping, [0xc0, 0]);
                    socket.write_all(&[0xd0, 0]).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_disconnect_of_the_broker_is_told_with_its_code_and_reason() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let empty: &[u8] = &[0xe0, 2, 0x8e, 0];
    let reason: &[u8] = &[0xe0, 7, 0x8e, 5, 0x1f, 0, 2, b'h', b'i'];
    for (packet, words) in [
        (empty, "session taken over (0x8e)"),
        (reason, "session taken over (0x8e): hi"),
    ] {
        let client = TestClient::new();
        let options = Options::new("client");
        let (outcome, (mut socket, _)) = tokio::join!(
            client.connect(&options, &endpoint),
            accept(&listener, Version::V5)
        );
        outcome.unwrap();
        socket.write_all(packet).await.unwrap();
        drop(socket);
        client.ended().await;
        assert_eq!(
            client.status().failure,
            Some(ConnectionError::Dismissed {
                code: ReasonCode::SESSION_TAKEN_OVER,
                words: words.into()
            }),
            "{packet:02x?}"
        );
    }
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_told_as_that() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    for version in BOTH {
        let answer = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n")
                .await
                .unwrap();
            socket.write_all(&[b' '; 100]).await.unwrap();
            socket
        };
        let client = TestClient::new();
        let options = options("client", version);
        let (outcome, _) = tokio::join!(client.connect(&options, &endpoint), answer);
        assert!(
            matches!(outcome, Err(ConnectionError::Protocol { .. })),
            "{outcome:?}"
        );
    }
}
