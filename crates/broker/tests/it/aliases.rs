//! Topic aliases from the broker to a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mqttwb_broker::{BrokerConfig, Limits};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, Observer, PacketBatch, Refusal, Timestamp,
};
use mqttwb_wire::{Connect, Properties, Property};

use crate::support::*;

/// The topics that the broker says stand behind the aliases of its PUBLISHes.
#[derive(Default)]
struct Aliased(Mutex<Vec<String>>);

impl Observer for Aliased {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, batch: PacketBatch<'_>) {
        if batch.direction == Direction::ToClient {
            let topics = batch.marks.iter().filter_map(|m| m.aliased_topic.clone());
            self.0.lock().unwrap().extend(topics.map(|t| t.to_string()));
        }
    }
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, _: &Refusal) {}
}

async fn subscriber(broker: &TestBroker, maximum: Option<u16>) -> Client {
    let maximum: Vec<_> = maximum
        .into_iter()
        .map(Property::TopicAliasMaximum)
        .collect();
    let maximum = properties(&maximum);
    let connect = Connect {
        properties: Properties::trusted(&maximum),
        ..connect(V5, "subscriber")
    };
    let (mut client, _) = Client::accepted(broker, connect).await;
    client.subscribe("#", 0).await;
    client
}

fn alias_of(got: &Got) -> Option<u16> {
    Properties::trusted(&got.properties).find(|p| match p {
        Property::TopicAlias(alias) => Some(alias),
        _ => None,
    })
}

#[tokio::test]
async fn a_topic_that_comes_again_goes_as_its_alias_within_the_client_s_maximum() {
    // [MQTT-3.1.2-26], [MQTT-3.3.2-11]
    let observer = Arc::new(Aliased::default());
    let broker = broker_with(BrokerConfig::default(), observer.clone()).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for maximum in [1, 2, 65_535] {
        let mut subscriber = subscriber(&broker, Some(maximum)).await;
        let mut known = HashMap::new();
        let mut short = 0;
        for n in 0..40 {
            let topic = format!("plant/line/{}", n % 4);
            publisher.publish(publish(&topic, "x", 0)).await;
            let got = subscriber.message().await;
            if let Some(alias) = alias_of(&got) {
                assert!((1..=maximum).contains(&alias), "{alias} of {maximum}");
                if !got.topic.is_empty() {
                    known.insert(alias, got.topic.clone());
                }
                assert_eq!(known.get(&alias), Some(&topic));
            } else {
                assert_eq!(got.topic, topic);
            }
            short += usize::from(got.topic.is_empty());
        }
        assert!(short >= 8, "{short}");
        let seen = std::mem::take(&mut *observer.0.lock().unwrap());
        assert_eq!(seen.len(), short);
        assert!(seen.iter().all(|topic| topic.starts_with("plant/line/")));
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_client_that_takes_no_alias_gets_none() {
    // [MQTT-3.1.2-27]
    let silent = Limits {
        topic_alias_maximum_out: 0,
        ..Limits::default()
    };
    for (limits, maximum) in [
        (Limits::default(), None),
        (Limits::default(), Some(0)),
        (silent, Some(10)),
    ] {
        let config = BrokerConfig {
            limits,
            ..BrokerConfig::default()
        };
        let broker = broker_with(config, Arc::new(mqttwb_model::NoObserver)).await;
        let mut subscriber = subscriber(&broker, maximum).await;
        let mut publisher = Client::connected(&broker, V5, "publisher").await;
        for _ in 0..5 {
            publisher.publish(publish("plant/line/1", "x", 0)).await;
            let got = subscriber.message().await;
            assert_eq!((got.topic.as_str(), alias_of(&got)), ("plant/line/1", None));
        }
    }
}

#[tokio::test]
async fn an_alias_does_not_make_a_packet_larger_than_the_client_takes() {
    // [MQTT-3.1.2-24]
    const TOPIC: &str = "plant/line/1";
    let broker = broker().await;
    // Without an alias the PUBLISH is exactly so large: three bytes more it may not be.
    let payload = "x".repeat(100);
    let size = bytes_of(
        &mqttwb_wire::Packet::Publish(publish(TOPIC, &payload, 0)),
        V5,
    )
    .len() as u32;
    let terms = properties(&[
        Property::TopicAliasMaximum(5),
        Property::MaximumPacketSize(size),
    ]);
    let connect = Connect {
        properties: Properties::trusted(&terms),
        ..connect(V5, "subscriber")
    };
    let (mut subscriber, _) = Client::accepted(&broker, connect).await;
    subscriber.subscribe("#", 0).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for _ in 0..4 {
        publisher.publish(publish(TOPIC, &payload, 0)).await;
        let got = subscriber.message().await;
        assert_eq!((got.topic.as_str(), alias_of(&got)), (TOPIC, None));
    }
    // A smaller one has room to tell the alias, and the large one goes as it then.
    for payload in ["x", "x", payload.as_str()] {
        publisher.publish(publish(TOPIC, payload, 0)).await;
        let got = subscriber.message().await;
        assert_eq!(got.payload, payload);
        if got.topic.is_empty() {
            assert_eq!(alias_of(&got), Some(1));
        }
    }
}
