//! Who gets what, at which QoS, retained or not.

use std::sync::Arc;

use mqttwb_broker::BrokerConfig;
use mqttwb_model::{ConnectionId, ConnectionInfo, Observer, PacketBatch, Refusal, Timestamp};
use mqttwb_wire::{Properties, Property, Publish};

use crate::support::*;

#[tokio::test]
async fn a_message_is_delivered_at_the_lower_of_the_two_qualities() {
    // [MQTT-3.8.4-8], [MQTT3-3.8.4-6]
    let broker = broker().await;
    for version in [V311, V5] {
        for published in 0..=2 {
            for wanted in 0..=2 {
                let mut subscriber = Client::connected(&broker, version, "subscriber").await;
                let mut publisher = Client::connected(&broker, version, "publisher").await;
                subscriber.subscribe("a/+", wanted).await;
                publisher.publish(publish("a/b", "hello", published)).await;
                let got = subscriber.receive().await;
                assert_eq!((got.topic.as_str(), got.payload.as_str()), ("a/b", "hello"));
                assert_eq!(got.qos, published.min(wanted));
                assert!(!got.retain && !got.dup);
            }
        }
    }
    broker.broker.stop().await;
}

#[tokio::test]
async fn versions_understand_each_other_and_properties_pass_in_order() {
    let broker = broker().await;
    let mut old = Client::connected(&broker, V311, "old").await;
    let mut new = Client::connected(&broker, V5, "new").await;
    old.subscribe("#", 1).await;
    new.subscribe("#", 1).await;
    let sent = [
        Property::UserProperty("b", "1"),
        Property::ContentType("text/plain"),
        Property::UserProperty("a", "2"),
    ];
    let bytes = properties(&sent);
    new.send(mqttwb_wire::Packet::Publish(Publish {
        properties: Properties::trusted(&bytes),
        ..publish("t", "x", 0)
    }))
    .await;
    assert_eq!(old.receive().await.properties, b"");
    assert_eq!(new.receive().await.properties, bytes);
}

#[tokio::test]
async fn an_aliased_topic_reaches_subscribers_by_its_name() {
    let broker = broker().await;
    let mut subscriber = Client::connected(&broker, V5, "subscriber").await;
    subscriber.subscribe("#", 0).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    let alias = properties(&[Property::TopicAlias(3)]);
    for topic in ["long/topic", "", ""] {
        let p = Publish {
            properties: Properties::trusted(&alias),
            ..publish(topic, "x", 0)
        };
        publisher.send(mqttwb_wire::Packet::Publish(p)).await;
    }
    for _ in 0..3 {
        let got = subscriber.receive().await;
        assert_eq!(got.topic, "long/topic");
        assert_eq!(got.properties, b"", "the alias is the publisher's own");
    }
}

#[tokio::test]
async fn a_fan_out_reaches_everybody_in_order() {
    const SUBSCRIBERS: usize = 20;
    const MESSAGES: usize = 500;
    // [MQTT-4.6.0-5], [MQTT-4.6.0-6], [MQTT3-4.6.0-5], [MQTT3-4.6.0-6]
    let broker = broker().await;
    let mut subscribers = Vec::new();
    for n in 0..SUBSCRIBERS {
        let mut client = Client::connected(&broker, BOTH[n % 2], &format!("s{n}")).await;
        client.subscribe("f/#", 1).await;
        subscribers.push(client);
    }
    let mut publisher = Client::connected(&broker, V311, "publisher").await;
    for n in 0..MESSAGES {
        publisher
            .publish(publish("f/x", &n.to_string(), (n % 3) as u8))
            .await;
    }
    for client in &mut subscribers {
        for n in 0..MESSAGES {
            assert_eq!(client.receive().await.payload, n.to_string());
        }
    }
    let counted = broker.broker.counters().values();
    assert_eq!(counted.messages_in, MESSAGES as u64);
    assert_eq!(counted.messages_out, (MESSAGES * SUBSCRIBERS) as u64);
    assert_eq!(counted.dropped, 0);
}

/// Topics that aliases stood for, in the order of the packets.
#[derive(Default)]
struct Aliased(std::sync::Mutex<Vec<String>>);

impl Observer for Aliased {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, batch: PacketBatch<'_>) {
        let topics = batch
            .marks
            .iter()
            .filter_map(|m| m.aliased_topic.as_deref());
        self.0.lock().unwrap().extend(topics.map(str::to_owned));
    }
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, _: &Refusal) {}
}

#[tokio::test]
async fn an_aliased_topic_is_told_to_the_observer_at_each_quality() {
    let observer = Arc::new(Aliased::default());
    let broker = broker_with(BrokerConfig::default(), observer.clone()).await;
    let mut client = Client::connected(&broker, V5, "alias").await;
    let alias = properties(&[Property::TopicAlias(1)]);
    for (topic, qos) in [("a/long/topic", 0), ("", 0), ("", 1), ("", 2)] {
        client
            .publish(Publish {
                properties: Properties::trusted(&alias),
                ..publish(topic, "x", qos)
            })
            .await;
    }
    assert_eq!(*observer.0.lock().unwrap(), ["a/long/topic"; 3]);
}
