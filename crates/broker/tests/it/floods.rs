//! What comes in the largest pieces, the deepest topics, and at the worst moment.

use std::fmt::Write as _;

use bytes::BytesMut;
use mqttwb_wire::{
    Ack, Packet, Properties, Property, ReasonCode, SubscriptionOptions, UnsubAck, Unsubscribe,
    encode,
};

use crate::support::*;

#[tokio::test]
async fn what_came_in_one_piece_is_handled_to_its_end_though_nothing_follows() {
    // Small messages grow on their way: one read of them fills many batches.
    const MESSAGES: usize = 60_000;
    let broker = broker().await;
    let mut subscriber = Client::connected(&broker, V311, "subscriber").await;
    subscriber.subscribe("a", 0).await;
    let mut publisher = Client::connected(&broker, V311, "publisher").await;
    let mut bytes = BytesMut::new();
    for _ in 0..MESSAGES {
        encode(&Packet::Publish(publish("a", "", 0)), V311, &mut bytes);
    }
    publisher.send_bytes(&bytes).await;
    for _ in 0..MESSAGES {
        subscriber.message().await;
    }
}

#[tokio::test]
async fn a_filter_of_very_many_levels_is_refused_and_harms_nobody() {
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "deep").await;
    let deep = "/".repeat(65_000);
    assert_eq!(
        client.subscribe(&deep, 0).await,
        ReasonCode::TOPIC_FILTER_INVALID
    );
    assert_eq!(client.subscribe("#", 0).await, ReasonCode::SUCCESS);
    client.publish(publish(&deep, "x", 0)).await;
    client.publish(publish("shallow", "x", 0)).await;
    assert_eq!(client.message().await.topic, "shallow");
    let mut levels = String::from("0");
    for level in 1..200 {
        let _ = write!(levels, "/{level}");
    }
    assert_eq!(client.subscribe(&levels, 0).await, ReasonCode::SUCCESS);
    client.cut();
    Client::connected(&broker, V5, "deep").await.cut();
    broker.broker.stop().await;
}

#[tokio::test]
async fn unsubscribing_a_shared_filter_leaves_the_plain_one() {
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "both").await;
    client.subscribe("a", 0).await;
    client
        .send(Packet::Unsubscribe(Unsubscribe {
            packet_id: 3,
            properties: Properties::NONE,
            filters: vec!["$share/group/a"],
        }))
        .await;
    let reasons = client
        .expect(|packet| match packet {
            Packet::UnsubAck(UnsubAck { reasons, .. }) => Some(reasons.clone()),
            _ => None,
        })
        .await;
    assert_eq!(reasons, [ReasonCode::NO_SUBSCRIPTION_EXISTED]);
    client.publish(publish("a", "still", 0)).await;
    assert_eq!(client.message().await.payload, "still");
}

#[tokio::test]
async fn no_local_holds_for_a_message_that_is_released_on_a_later_connection() {
    // [MQTT-3.8.3-3] goes by the client, not by the connection.
    let broker = broker().await;
    let kept = properties(&[Property::SessionExpiryInterval(60)]);
    let connect = || mqttwb_wire::Connect {
        clean_start: false,
        properties: Properties::trusted(&kept),
        ..connect(V5, "own")
    };
    let mut client = Client::open(broker.address, V5).await;
    client.connect(connect()).await;
    let no_local = SubscriptionOptions {
        no_local: true,
        ..SubscriptionOptions::default()
    };
    client.subscribe_with("a", no_local, &[]).await;
    client.send(Packet::Publish(publish("a", "mine", 2))).await;
    client
        .expect(|p| matches!(p, Packet::PubRec(_)).then_some(()))
        .await;
    client.cut();
    let mut client = Client::open(broker.address, V5).await;
    assert!(client.connect(connect()).await.0);
    client.send(Packet::PubRel(Ack::success(1))).await;
    client
        .expect(|p| matches!(p, Packet::PubComp(_)).then_some(()))
        .await;
    // Through the hub and back: what the PUBREL released is routed before this.
    client.subscribe("b", 0).await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn a_broker_that_was_stopped_answers_that_nobody_is_there() {
    let broker = broker().await;
    Client::connected(&broker, V5, "one").await;
    broker.broker.stop().await;
    assert_eq!(broker.broker.clients(10).await, []);
    broker.broker.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_heard_all_the_same() {
    // Its PINGREQ would lie unread otherwise, and it would be taken for gone.
    const PIECES: usize = 600;
    let broker = broker().await;
    let mut other = Client::connected(&broker, V311, "other").await;
    other.subscribe("word", 0).await;
    let mut slow = Client::connected(&broker, V311, "slow").await;
    slow.subscribe("flood", 0).await;
    let mut publisher = Client::connected(&broker, V311, "publisher").await;
    let piece = "x".repeat(32 << 10);
    for n in 0..PIECES {
        // QoS 1 now and then, so that the flood is routed before the word is said.
        let qos = u8::from(n % 50 == 49);
        publisher.publish(publish("flood", &piece, qos)).await;
    }
    broker.broker.clients(1).await;
    slow.send(Packet::Publish(publish("word", "I am here", 0)))
        .await;
    assert_eq!(other.message().await.payload, "I am here");
}
