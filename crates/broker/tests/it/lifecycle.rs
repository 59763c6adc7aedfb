//! Starting, stopping, and what is refused.

use std::sync::Arc;

use mqttwb_broker::{Broker, BrokerConfig, Limits, ListenError, ListenerConfig, StartError};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, NoObserver, Observer, PacketBatch, Refusal, RefusalCause,
    Timestamp,
};
use mqttwb_wire::{Packet, ReasonCode};

use crate::support::*;

#[derive(Default)]
struct Refusals(
    std::sync::Mutex<Vec<Refusal>>,
    tokio::sync::Notify,
    std::sync::Mutex<Vec<Vec<u8>>>,
);

impl Observer for Refusals {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, batch: PacketBatch<'_>) {
        for mark in batch.marks {
            let frame = &batch.bytes[mark.start as usize..][..mark.len as usize];
            self.2.lock().unwrap().push(frame.to_vec());
        }
    }
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, refusal: &Refusal) {
        self.0.lock().unwrap().push(refusal.clone());
        self.1.notify_one();
    }
}

impl Refusals {
    async fn next(&self) -> RefusalCause {
        loop {
            if let Some(refusal) = self.0.lock().unwrap().pop() {
                return refusal.cause;
            }
            self.1.notified().await;
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_opened() {
    let taken = broker().await;
    let free = tcp_listener();
    let config = BrokerConfig {
        listeners: vec![
            free,
            ListenerConfig {
                name: "second".into(),
                bind: taken.address,
                ..tcp_listener()
            },
        ],
        ..BrokerConfig::default()
    };
    match Broker::start(config, Arc::new(NoObserver)).await {
        Err(StartError::Listen(error @ ListenError::PortInUse { address, .. })) => {
            assert_eq!(address, taken.address);
            assert!(
                error.to_string().contains(&address.port().to_string()),
                "{error}"
            );
        }
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn two_listeners_with_one_port_are_both_named() {
    let first = broker().await;
    let port = first.address;
    first.broker.stop().await;
    let listener = |name: &str| ListenerConfig {
        name: name.into(),
        bind: port,
        ..tcp_listener()
    };
    let config = BrokerConfig {
        listeners: vec![listener("one"), listener("two")],
        ..BrokerConfig::default()
    };
    match Broker::start(config, Arc::new(NoObserver)).await {
        Err(StartError::Listen(error @ ListenError::SamePort { .. })) => {
            let text = error.to_string();
            assert!(text.contains("one and two"), "{text}");
        }
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_tells_clients_and_frees_the_port() {
    let broker = broker().await;
    let mut five = Client::connected(&broker, V5, "five").await;
    let mut four = Client::connected(&broker, V311, "four").await;
    let silent = tokio::net::TcpStream::connect(broker.address)
        .await
        .unwrap();
    let address = broker.address;
    broker.broker.stop().await;
    assert_eq!(
        five.expect_end().await,
        Some(ReasonCode::SERVER_SHUTTING_DOWN)
    );
    assert_eq!(four.expect_end().await, None);
    drop(silent);
    let config = BrokerConfig {
        listeners: vec![ListenerConfig {
            bind: address,
            ..tcp_listener()
        }],
        ..BrokerConfig::default()
    };
    Broker::start(config, Arc::new(NoObserver))
        .await
        .unwrap()
        .stop()
        .await;
}

#[tokio::test]
async fn what_is_not_mqtt_is_refused_and_told() {
    let observer = Arc::new(Refusals::default());
    let broker = broker_with(BrokerConfig::default(), observer.clone()).await;
    let mut http = Client::open(broker.address, V311).await;
    http.send_bytes(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(observer.next().await, RefusalCause::Protocol);
    let mut version_9 = Client::open(broker.address, V311).await;
    version_9
        .send_bytes(b"\x10\x0d\x00\x04MQTT\x09\x02\x00\x00\x00\x01x")
        .await;
    assert_eq!(observer.next().await, RefusalCause::Connect);
    let mut first_publish = Client::open(broker.address, V311).await;
    first_publish
        .send(Packet::Publish(publish("a", "b", 0)))
        .await;
    assert_eq!(observer.next().await, RefusalCause::Protocol);
}

#[tokio::test]
async fn a_rule_broken_after_connect_ends_the_connection_with_its_reason() {
    let limits = Limits {
        maximum_packet_size: 1_000,
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    for (bytes, reason) in [
        (
            &b"\x32\x06\x00\x01a\x00\x00\x00"[..],
            ReasonCode::PROTOCOL_ERROR,
        ), // packet id 0
        (b"\x36\x03\x00\x01a", ReasonCode::MALFORMED_PACKET), // QoS 3
        (b"\x30\xff\xff\xff\x7f", ReasonCode::PACKET_TOO_LARGE), // 256 MiB
        (b"\x30\x05\x00\x03a/+\x00", ReasonCode::MALFORMED_PACKET),
        (b"\x30\x06\x00\x03a/+\x00", ReasonCode::TOPIC_NAME_INVALID),
        (b"\xd0\x00", ReasonCode::PROTOCOL_ERROR), // PINGRESP from a client
    ] {
        let mut client = Client::connected(&broker, V5, "rude").await;
        client.send_bytes(bytes).await;
        if bytes[1] == 5 {
            client.send_bytes(&[]).await; // the frame ends before its topic does: still waiting for a byte
            client.send_bytes(&[0x31]).await;
        }
        let said = client.expect_end().await;
        assert!(said.is_some(), "{bytes:x?}");
        if bytes[1] != 5 {
            assert_eq!(said, Some(reason), "{bytes:x?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_falls_silent_is_ended_after_one_and_a_half_keep_alives() {
    // [MQTT-3.1.2-22], [MQTT3-3.1.2-24]; the keep alive is the client's own: [MQTT-3.2.2-22]
    let broker = broker().await;
    let silent = |version| mqttwb_wire::Connect {
        keep_alive: 1,
        ..connect(version, "silent")
    };
    for version in BOTH {
        let begun = std::time::Instant::now();
        let (mut client, _) = Client::accepted(&broker, silent(version)).await;
        client.expect_end_for(ReasonCode::KEEP_ALIVE_TIMEOUT).await;
        assert!(begun.elapsed().as_millis() >= 1_500);
    }
}

#[tokio::test]
async fn a_refused_connect_is_seen_with_its_answer_and_without_its_password() {
    let observer = Arc::new(Refusals::default());
    let broker = broker_with(BrokerConfig::default(), observer.clone()).await;
    let mut client = Client::open(broker.address, V311).await;
    let refused = client
        .connect(mqttwb_wire::Connect {
            clean_start: false,
            user_name: Some("user"),
            password: Some(b"secret"),
            ..connect(V311, "")
        })
        .await;
    assert_eq!(refused, (false, ReasonCode(2)));
    assert_eq!(observer.next().await, RefusalCause::Connect);
    let seen = observer.2.lock().unwrap().clone();
    let [connect, connack] = &seen[..] else {
        panic!("{seen:x?}");
    };
    assert!(connect.ends_with(b"\x00\x06******"), "{connect:x?}");
    assert_eq!(connack, b"\x20\x02\x00\x02");
}
