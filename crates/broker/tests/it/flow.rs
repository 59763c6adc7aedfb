//! What the client takes at once, and how large (sections 3.1.2.11, 4.9).

use mqttwb_wire::{
    Ack, Connect, Packet, Properties, Property, Publish, ReasonCode, Subscribe,
    SubscriptionOptions, Unsubscribe,
};

use crate::support::*;

/// Connects with these properties.
async fn connected_with(broker: &TestBroker, id: &str, with: &[Property<'_>]) -> Client {
    let with = properties(with);
    let connect = Connect {
        properties: Properties::trusted(&with),
        ..connect(V5, id)
    };
    Client::accepted(broker, connect).await.0
}

#[tokio::test]
async fn no_more_is_under_way_than_the_client_takes_and_nothing_else_waits_for_it() {
    // [MQTT-3.3.4-9], [MQTT-3.3.4-10], [MQTT-4.9.0-1], [MQTT-4.9.0-2], [MQTT-4.9.0-3]
    let broker = broker().await;
    let mut client = connected_with(&broker, "narrow", &[Property::ReceiveMaximum(2)]).await;
    client.subscribe("f", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for (payload, qos) in [("1", 1), ("2", 2), ("3", 1), ("4", 2), ("5", 1)] {
        publisher.publish(publish("f", payload, qos)).await;
    }
    let (one, two) = (client.message().await, client.message().await);
    assert_eq!((one.payload.as_str(), two.payload.as_str()), ("1", "2"));
    // Two are under way: the rest waits. Whatever else is asked is answered, and QoS 0 passes by.
    client.expect_silence().await;
    client.publish(publish("other", "mine", 1)).await;
    client.expect_nothing().await;
    // PUBREC alone makes no room, PUBACK and PUBCOMP do.
    client
        .send(Packet::PubRec(Ack::success(two.packet_id)))
        .await;
    assert_eq!(client.frame().await[0], 0x62);
    client.expect_silence().await;
    client
        .send(Packet::PubComp(Ack::success(two.packet_id)))
        .await;
    let three = client.message().await;
    assert_eq!(three.payload, "3");
    client.expect_silence().await;
    client
        .send(Packet::PubAck(Ack::success(three.packet_id)))
        .await;
    let four = client.message().await;
    assert_eq!(four.payload, "4");
    // So does a PUBREC that refuses; and an acknowledgement that is said twice makes room once.
    for _ in 0..2 {
        let refused = Ack::with_reason(four.packet_id, ReasonCode::UNSPECIFIED_ERROR);
        client.send(Packet::PubRec(refused)).await;
    }
    assert_eq!(client.message().await.payload, "5");
    client.expect_silence().await;
}

#[tokio::test]
async fn a_client_that_sends_more_than_the_receive_maximum_is_told_so() {
    // [MQTT-3.3.4-7], section 3.3.4
    let broker = broker().await;
    let mut client = Client::open(broker.address, V5).await;
    client
        .send(Packet::Connect(Box::new(connect(V5, "greedy"))))
        .await;
    let most = client
        .expect(|p| match p {
            Packet::ConnAck(p) => p.properties.find(|p| match p {
                Property::ReceiveMaximum(most) => Some(most),
                _ => None,
            }),
            _ => None,
        })
        .await;
    for packet_id in 1..=most + 1 {
        let p = Publish {
            packet_id,
            ..publish("a", "b", 2)
        };
        client.send(Packet::Publish(p)).await;
    }
    assert_eq!(
        client.expect_end().await,
        Some(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED)
    );
}

#[tokio::test]
async fn what_is_too_large_for_the_client_is_left_out_as_if_it_had_been_delivered() {
    // [MQTT-3.1.2-24], [MQTT-3.1.2-25]
    const MOST: u32 = 60;
    let broker = broker().await;
    let with = [
        Property::MaximumPacketSize(MOST),
        Property::SessionExpiryInterval(600),
    ];
    let mut client = connected_with(&broker, "small", &with).await;
    let mut all = Client::connected(&broker, V5, "all").await;
    client.subscribe("s", 2).await;
    all.subscribe("s", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for qos in 0..=2 {
        let head = if qos == 0 { 6 } else { 8 }; // fixed header, topic, identifier, property length
        let fits = "x".repeat(MOST as usize - head);
        let larger = "x".repeat(MOST as usize - head + 1);
        for payload in [&larger, &fits, &larger] {
            publisher.publish(publish("s", payload, qos)).await;
            assert_eq!(all.receive().await.payload, *payload);
        }
        let got = client.receive().await;
        assert_eq!(got.payload, fits);
        client.expect_silence().await;
    }
    client.cut();
    // It waits for nothing: on reconnect nothing is sent again, though the client takes more now.
    let (mut client, present) = Client::accepted(&broker, persistent(V5, "small")).await;
    assert!(present);
    client.expect_silence().await;
}

#[tokio::test]
async fn acknowledgements_keep_to_what_the_client_takes_and_say_no_more_than_it_wants() {
    // [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.9.2-1], [MQTT-3.11.2-1], [MQTT-3.2.2-19], [MQTT-3.1.2-24]
    // [MQTT-3.1.2-29]: and without problem information, none of them has a reason string
    let broker = broker().await;
    let deep = "/".repeat(60_000);
    for (with, most) in [
        (Property::MaximumPacketSize(40), 40),
        (Property::RequestProblemInformation(false), usize::MAX),
    ] {
        let mut client = connected_with(&broker, "terse", &[with]).await;
        let options = SubscriptionOptions::default();
        for packet in [
            Packet::Publish(publish(&deep, "x", 1)),
            Packet::Publish(publish(&deep, "x", 2)),
            Packet::PubRel(Ack::success(7)),
            Packet::PubRec(Ack::success(7)),
            Packet::Subscribe(Subscribe {
                packet_id: 1,
                properties: Properties::NONE,
                filters: vec![("a/#/b", options), (&deep, options), ("$share/x", options)],
            }),
            Packet::Unsubscribe(Unsubscribe {
                packet_id: 1,
                properties: Properties::NONE,
                filters: vec!["a/#/b", "never"],
            }),
        ] {
            client.send(packet).await;
            let answer = client.frame().await;
            assert!(answer.len() <= most, "{answer:x?}");
            if most == usize::MAX {
                let packet = mqttwb_wire::decode(&answer, V5).unwrap();
                let said = match &packet {
                    Packet::PubAck(p) | Packet::PubRec(p) => p.properties,
                    Packet::PubRel(p) | Packet::PubComp(p) => p.properties,
                    Packet::SubAck(p) => p.properties,
                    Packet::UnsubAck(p) => p.properties,
                    other => panic!("{other:?}"),
                };
                assert!(said.is_empty(), "{packet:?}");
            }
        }
    }
    // A refused CONNECT.
    let with = properties(&[
        Property::MaximumPacketSize(12),
        Property::AuthenticationMethod("unknown"),
    ]);
    let mut client = Client::open(broker.address, V5).await;
    client
        .send(Packet::Connect(Box::new(Connect {
            properties: Properties::trusted(&with),
            ..connect(V5, "terse")
        })))
        .await;
    for frame in client.frames_to_the_end().await {
        assert!(frame.len() <= 12, "{frame:x?}");
    }
}
