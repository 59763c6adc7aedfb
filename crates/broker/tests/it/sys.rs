//! `$SYS`: what the broker tells of itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_broker::BrokerConfig;
use mqttwb_model::NoObserver;
use mqttwb_wire::{Packet, ReasonCode};

use crate::support::*;

async fn broker_that_tells() -> TestBroker {
    let config = BrokerConfig {
        sys_interval: Duration::from_millis(10),
        ..BrokerConfig::default()
    };
    broker_with(config, Arc::new(NoObserver)).await
}

#[tokio::test]
async fn who_subscribes_sees_the_counters_by_mosquittos_names_and_each_change() {
    let broker = broker_that_tells().await;
    let mut other = Client::connected(&broker, V5, "other").await;
    other.subscribe("$share/g/t", 0).await;
    let mut keeps = publish("kept", "12345", 1);
    keeps.retain = true;
    other.publish(keeps).await;
    let mut watcher = Client::connected(&broker, V311, "watcher").await;
    watcher.subscribe("$SYS/#", 2).await;
    let mut seen = HashMap::new();
    let wanted = [
        ("clients/connected", "2"),
        ("clients/maximum", "2"),
        ("publish/messages/received", "1"),
        ("publish/bytes/received", "5"),
        ("subscriptions/count", "2"),
        ("shared_subscriptions/count", "1"),
    ];
    // Told when they change: in the end they are so.
    while wanted
        .iter()
        .any(|(topic, text)| seen.get(*topic).map(String::as_str) != Some(text))
    {
        let got = watcher.message().await;
        let topic = got.topic.strip_prefix("$SYS/broker/").unwrap().to_owned();
        assert_eq!(got.qos, 0);
        seen.insert(topic, got.payload);
    }
    for topic in [
        "version",
        "uptime",
        "retained messages/count",
        "load/bytes/sent/15min",
    ] {
        assert!(seen.contains_key(topic), "{topic}");
    }
    assert!(seen["version"].starts_with("mqttwb version "));
    assert!(seen["uptime"].ends_with(" seconds"));
    // Not among the messages that clients retain.
    assert_eq!(broker.broker.counters().values().retained, 1);
}

#[tokio::test]
async fn the_brokers_own_topics_match_no_leading_wildcard_and_take_nothing_from_clients() {
    // [MQTT-4.7.2-1]
    let broker = broker_that_tells().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("#", 0).await;
    watcher.subscribe("+/broker/uptime", 0).await;
    let mut liar = Client::connected(&broker, V5, "liar").await;
    liar.send(Packet::Publish(publish("$SYS/broker/version", "mine", 1)))
        .await;
    let reason = liar
        .expect(|p| match p {
            Packet::PubAck(ack) => Some(ack.reason),
            _ => None,
        })
        .await;
    assert_eq!(reason, ReasonCode::NOT_AUTHORIZED);
    liar.publish(publish("last", "", 1)).await;
    assert_eq!(watcher.message().await.topic, "last");
}
