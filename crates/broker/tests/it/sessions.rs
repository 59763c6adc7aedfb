//! What outlives a connection: queues, wills, take-over.

use mqttwb_model::QoS;
use mqttwb_wire::{Ack, Connect, Disconnect, Packet, Properties, Property, ReasonCode, Will};

use crate::support::*;

#[tokio::test]
async fn a_session_keeps_messages_while_its_client_is_away() {
    let broker = broker().await;
    for (version, id) in [(V311, "away-4"), (V5, "away-5")] {
        let mut client = Client::open(broker.address, version).await;
        assert_eq!(
            client.connect(persistent(version, id)).await,
            (false, ReasonCode::SUCCESS)
        );
        client.subscribe("q/#", 2).await;
        client.cut();
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for qos in [0, 1, 2] {
            publisher
                .publish(publish("q/x", &qos.to_string(), qos))
                .await;
        }
        let mut client = Client::open(broker.address, version).await;
        assert_eq!(
            client.connect(persistent(version, id)).await,
            (true, ReasonCode::SUCCESS)
        );
        // QoS 0 went to nobody, or came while the broker had not seen the cut yet.
        let mut got = client.receive().await;
        if got.qos == 0 {
            got = client.receive().await;
        }
        assert_eq!((got.payload.as_str(), got.qos), ("1", 1));
        assert_eq!(client.receive().await.payload, "2");
        client.expect_nothing().await;
        // A clean start forgets [MQTT-3.1.2-4] [MQTT3-3.1.2-6].
        client
            .send(Packet::Disconnect(Disconnect {
                reason: ReasonCode::SUCCESS,
                properties: Properties::NONE,
            }))
            .await;
        let mut client = Client::open(broker.address, version).await;
        assert_eq!(
            client.connect(connect(version, id)).await,
            (false, ReasonCode::SUCCESS)
        );
        publisher.publish(publish("q/x", "none", 1)).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_with_dup() {
    // [MQTT-4.4.0-1]
    let broker = broker().await;
    let mut client = Client::open(broker.address, V5).await;
    client.connect(persistent(V5, "again")).await;
    client.subscribe("q", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("q", "one", 1)).await;
    publisher.publish(publish("q", "two", 2)).await;
    let one = client.message().await;
    let two = client.message().await;
    client
        .send(Packet::PubRec(Ack::success(two.packet_id)))
        .await;
    client
        .expect(|p| matches!(p, Packet::PubRel(_)).then_some(()))
        .await;
    client.cut();
    let mut client = Client::open(broker.address, V5).await;
    assert!(client.connect(persistent(V5, "again")).await.0);
    let again = client.message().await;
    assert!(again.dup);
    assert_eq!(
        (again.payload, again.packet_id),
        (one.payload, one.packet_id)
    );
    // Of the second only the PUBREL is left to say.
    let rel = client
        .expect(|p| match p {
            Packet::PubRel(a) => Some(a.packet_id),
            _ => None,
        })
        .await;
    assert_eq!(rel, two.packet_id);
}

#[tokio::test]
async fn a_second_connection_takes_the_session_over() {
    // [MQTT-3.1.4-3]
    let broker = broker().await;
    let mut first = Client::open(broker.address, V5).await;
    first.connect(persistent(V5, "same")).await;
    first.subscribe("t", 1).await;
    let mut second = Client::open(broker.address, V5).await;
    assert!(second.connect(persistent(V5, "same")).await.0);
    assert_eq!(
        first.expect_end().await,
        Some(ReasonCode::SESSION_TAKEN_OVER)
    );
    second.publish(publish("t", "mine", 1)).await;
    assert_eq!(second.receive().await.payload, "mine");
}

fn with_will(version: mqttwb_model::ProtocolVersion) -> Connect<'static> {
    Connect {
        will: Some(Will {
            topic: "state/pump",
            payload: b"offline",
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: Properties::NONE,
        }),
        ..connect(version, "pump")
    }
}

#[tokio::test]
async fn a_will_is_published_when_the_connection_breaks_and_not_after_disconnect() {
    // [MQTT-3.1.2-8], [MQTT-3.14.4-3]
    let broker = broker().await;
    for version in [V311, V5] {
        let mut watcher = Client::connected(&broker, version, "watcher").await;
        watcher
            .publish(mqttwb_wire::Publish {
                retain: true,
                ..publish("state/pump", "", 1)
            })
            .await;
        watcher.subscribe("state/#", 1).await;
        let mut pump = Client::open(broker.address, version).await;
        pump.connect(with_will(version)).await;
        pump.send(Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::NONE,
        }))
        .await;
        assert_eq!(pump.expect_end().await, None);
        watcher.expect_nothing().await;
        let mut pump = Client::open(broker.address, version).await;
        pump.connect(with_will(version)).await;
        pump.cut();
        let got = watcher.receive().await;
        assert_eq!(
            (got.topic.as_str(), got.payload.as_str(), got.qos),
            ("state/pump", "offline", 1)
        );
        let mut late = Client::connected(&broker, version, "late").await;
        late.subscribe("state/#", 0).await;
        assert!(late.receive().await.retain, "the will is retained");
    }
}

#[tokio::test]
async fn mqtt_5_may_ask_for_its_will_at_disconnect() {
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("state/#", 0).await;
    let mut pump = Client::open(broker.address, V5).await;
    pump.connect(with_will(V5)).await;
    pump.send(Packet::Disconnect(Disconnect {
        reason: ReasonCode::DISCONNECT_WITH_WILL,
        properties: Properties::NONE,
    }))
    .await;
    assert_eq!(watcher.receive().await.payload, "offline");
}

#[tokio::test]
async fn an_identifier_is_assigned_where_the_client_has_none() {
    let broker = broker().await;
    let mut client = Client::open(broker.address, V5).await;
    client
        .send(Packet::Connect(Box::new(connect(V5, ""))))
        .await;
    let assigned = client
        .expect(|p| match p {
            Packet::ConnAck(p) => p.properties.find(|p| match p {
                Property::AssignedClientIdentifier(id) => Some(id.to_owned()),
                _ => None,
            }),
            _ => None,
        })
        .await;
    assert!(!assigned.is_empty()); // [MQTT-3.1.3-6]
    // MQTT 3.1.1 without a clean session can't have one [MQTT3-3.1.3-8].
    let mut client = Client::open(broker.address, V311).await;
    let refused = client
        .connect(Connect {
            clean_start: false,
            ..connect(V311, "")
        })
        .await;
    assert_eq!(refused, (false, ReasonCode(2)));
}
