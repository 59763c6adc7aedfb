//! PUBLISH on its way through the broker: what is retained, what is passed on, topic aliases (section 3.3).

use mqttwb_wire::{Packet, Properties, Property, Publish, ReasonCode};

use crate::support::*;

fn retained<'a>(topic: &'a str, payload: &'a str, qos: u8) -> Publish<'a> {
    Publish {
        retain: true,
        ..publish(topic, payload, qos)
    }
}

/// What a new subscriber gets of `r/#`: payload and QoS of each.
async fn kept(broker: &TestBroker, version: mqttwb_model::ProtocolVersion) -> Vec<(String, u8)> {
    let mut late = Client::connected(broker, version, "late").await;
    late.subscribe("r/#", 2).await;
    late.send(Packet::Publish(publish("r/end", "", 0))).await;
    let mut got = Vec::new();
    loop {
        let message = late.message().await;
        if message.topic == "r/end" {
            return got;
        }
        assert!(message.retain, "sent for a new subscription");
        got.push((message.payload, message.qos));
    }
}

#[tokio::test]
async fn the_last_retained_message_is_kept_with_its_qos() {
    // [MQTT-3.3.1-5], [MQTT-3.3.1-8]
    // [MQTT3-3.3.1-5], [MQTT3-3.3.1-6], [MQTT3-3.3.1-7], [MQTT3-3.3.1-8], [MQTT3-3.3.1-12]
    let broker = broker().await;
    for version in BOTH {
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for qos in [2, 0, 1, 2, 0] {
            let payload = format!("at {qos}");
            publisher.publish(retained("r/x", &payload, qos)).await;
            // One that is not retained changes nothing, an empty one included.
            publisher.publish(publish("r/x", "live", 1)).await;
            publisher.publish(publish("r/x", "", 1)).await;
            assert_eq!(kept(&broker, version).await, [(payload, qos)]);
        }
    }
}

#[tokio::test]
async fn an_empty_retained_message_is_delivered_and_clears_its_topic() {
    // [MQTT-3.3.1-6], [MQTT-3.3.1-7], [MQTT3-3.3.1-10], [MQTT3-3.3.1-11]
    let broker = broker().await;
    for version in BOTH {
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        let mut present = Client::connected(&broker, version, "present").await;
        publisher.publish(retained("r/x", "old", 1)).await;
        present.subscribe("r/x", 1).await;
        assert!(present.receive().await.retain);
        for qos in 0..=2 {
            publisher.publish(retained("r/x", "", qos)).await;
            let got = present.receive().await;
            assert_eq!((got.payload.as_str(), got.retain), ("", false));
            assert_eq!(kept(&broker, version).await, []);
        }
    }
}

#[tokio::test]
async fn a_subscription_that_stands_sees_the_retain_flag_cleared() {
    // [MQTT-3.3.1-12], [MQTT3-3.3.1-9]
    let broker = broker().await;
    for version in BOTH {
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        let mut present = Client::connected(&broker, version, "present").await;
        present.subscribe("r/#", 2).await;
        for qos in 0..=2 {
            publisher.publish(retained("r/x", "x", qos)).await;
            assert!(!present.receive().await.retain);
        }
        publisher.publish(retained("r/x", "", 1)).await;
    }
}

#[tokio::test]
async fn retained_messages_outlive_every_session() {
    // [MQTT3-3.1.2-7], and section 4.1 of MQTT 5
    let broker = broker().await;
    for version in BOTH {
        let (mut publisher, _) = Client::accepted(&broker, persistent(version, "session")).await;
        publisher.publish(retained("r/x", "stays", 1)).await;
        publisher.subscribe("other", 0).await;
        publisher.disconnect().await;
        let ended = Client::connected(&broker, version, "session").await;
        ended.disconnect().await;
        assert_eq!(kept(&broker, version).await, [("stays".into(), 1)]);
    }
}

#[tokio::test]
async fn properties_are_passed_on_as_they_came() {
    // [MQTT-3.3.2-4], [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-17], [MQTT-3.3.2-18], [MQTT-3.3.2-20]
    // [MQTT-1.5.4-3]: a byte order mark stays where it is
    let broker = broker().await;
    let long = "v".repeat(65_535);
    let passed = [
        Property::UserProperty("b", "1"),
        Property::PayloadFormatIndicator(1),
        Property::UserProperty("a", "2"),
        Property::ContentType("\u{feff}text/plain"),
        Property::UserProperty("b", "1"),
        Property::ResponseTopic("\u{feff}answers/to me"),
        Property::UserProperty("", &long),
        Property::CorrelationData(b"\x00\xff\xfe"),
    ];
    let bytes = properties(&passed);
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    let mut present = Client::connected(&broker, V5, "present").await;
    present.subscribe("p/#", 2).await;
    for qos in 0..=2 {
        publisher
            .publish(Publish {
                properties: Properties::trusted(&bytes),
                ..retained("p/x", "text", qos)
            })
            .await;
        let mut late = Client::connected(&broker, V5, "late").await;
        late.subscribe("p/x", 2).await;
        for client in [&mut present, &mut late] {
            let got = client.receive().await;
            let seen: Vec<Property<'_>> = Properties::trusted(&got.properties).iter().collect();
            assert_eq!(seen, passed);
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_a_part_of_the_topic() {
    // [MQTT-1.5.4-3], [MQTT3-1.5.3-3]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        client.subscribe("\u{feff}t", 0).await;
        client.publish(publish("t", "without", 0)).await;
        client.publish(publish("\u{feff}t", "with", 0)).await;
        let got = client.message().await;
        assert_eq!(
            (got.topic.as_str(), got.payload.as_str()),
            ("\u{feff}t", "with")
        );
    }
}

#[tokio::test]
async fn every_alias_up_to_the_maximum_is_taken_and_ends_with_the_connection() {
    // [MQTT-3.3.2-12], [MQTT-3.3.2-7], [MQTT-3.3.2-8], [MQTT-3.3.2-9], [MQTT-3.2.2-17]
    let broker = broker().await;
    let mut subscriber = Client::connected(&broker, V5, "subscriber").await;
    subscriber.subscribe("alias/+", 0).await;
    let with_alias = |alias, topic: &str| {
        let bytes = properties(&[Property::TopicAlias(alias)]);
        bytes_of(
            &Packet::Publish(Publish {
                properties: Properties::trusted(&bytes),
                ..publish(topic, "x", 0)
            }),
            V5,
        )
    };
    let mut publisher = Client::open(broker.address, V5).await;
    publisher
        .send(Packet::Connect(Box::new(persistent(V5, "publisher"))))
        .await;
    let most = publisher
        .expect(|p| match p {
            Packet::ConnAck(p) => p.properties.find(|p| match p {
                Property::TopicAliasMaximum(most) => Some(most),
                _ => None,
            }),
            _ => None,
        })
        .await;
    assert!(most > 0);
    for alias in 1..=most {
        let topic = format!("alias/{alias}");
        publisher.send_bytes(&with_alias(alias, &topic)).await;
    }
    for alias in (1..=most).rev() {
        publisher.send_bytes(&with_alias(alias, "")).await;
    }
    for alias in (1..=most).chain((1..=most).rev()) {
        assert_eq!(subscriber.message().await.topic, format!("alias/{alias}"));
    }
    // An alias may be given to another topic.
    publisher.send_bytes(&with_alias(1, "alias/new")).await;
    publisher.send_bytes(&with_alias(1, "")).await;
    for _ in 0..2 {
        assert_eq!(subscriber.message().await.topic, "alias/new");
    }
    publisher.disconnect().await;
    // The session goes on; the aliases do not. Nor is there one above the maximum, or the alias 0.
    for (alias, topic, reason) in [
        (1, "", ReasonCode::TOPIC_ALIAS_INVALID),
        (most + 1, "alias/x", ReasonCode::TOPIC_ALIAS_INVALID),
        (0, "alias/x", ReasonCode::TOPIC_ALIAS_INVALID),
    ] {
        let (mut publisher, present) = Client::accepted(&broker, persistent(V5, "publisher")).await;
        assert!(present);
        publisher.send_bytes(&with_alias(alias, topic)).await;
        let said = publisher.expect_end().await;
        // The standard calls an alias of 0 a protocol error, and has a reason of its own for it too.
        let zero = alias == 0 && said == Some(ReasonCode::PROTOCOL_ERROR);
        assert!(said == Some(reason) || zero, "{alias}: {said:?}");
    }
    subscriber.expect_silence().await;
}

#[tokio::test]
async fn messages_that_break_a_rule_of_publish_go_to_nobody_and_end_the_connection() {
    // [MQTT-3.3.2-1], [MQTT-3.3.2-2], [MQTT-4.7.0-1], [MQTT-3.3.2-13], [MQTT-3.3.2-14], [MQTT-3.3.2-19]
    // [MQTT-1.5.4-1], [MQTT-1.5.4-2], [MQTT-1.5.7-1], [MQTT-3.3.1-2], [MQTT-3.3.1-4], [MQTT-3.3.4-6], [MQTT-4.13.1-1]
    use ReasonCode as R;
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("#", 0).await;
    for (first, body, reason) in [
        (0x36, &b"\x00\x01a\x00\x01\x00"[..], R::MALFORMED_PACKET), // QoS 3
        (0x38, b"\x00\x01a\x00", R::MALFORMED_PACKET),              // DUP at QoS 0
        (0x30, b"\x00\x01", R::MALFORMED_PACKET),                   // no topic at all
        (0x30, b"\x00\x00\x00", R::PROTOCOL_ERROR),                 // nor an alias
        (0x30, b"\x00\x03a/#\x00", R::TOPIC_NAME_INVALID),
        (0x30, b"\x00\x03+/a\x00", R::TOPIC_NAME_INVALID),
        (0x30, b"\x00\x02a\xff\x00", R::MALFORMED_PACKET),
        (0x30, b"\x00\x03\xed\xa0\x80\x00", R::MALFORMED_PACKET), // U+D800
        (0x30, b"\x00\x02a\0\x00", R::MALFORMED_PACKET),
        (0x30, b"\x00\x01a\x05\x08\x00\x02a\xff", R::MALFORMED_PACKET), // response topic
        (0x30, b"\x00\x01a\x05\x08\x00\x02a#", R::TOPIC_NAME_INVALID),
        (0x30, b"\x00\x01a\x05\x03\x00\x02a\xff", R::MALFORMED_PACKET), // content type
        (
            0x30,
            b"\x00\x01a\x07\x26\x00\x01\xff\x00\x01b",
            R::MALFORMED_PACKET,
        ),
        (
            0x30,
            b"\x00\x01a\x07\x26\x00\x01b\x00\x01\0",
            R::MALFORMED_PACKET,
        ),
        (0x30, b"\x00\x01a\x02\x0b\x01", R::PROTOCOL_ERROR), // a subscription identifier
        (0x32, b"\x00\x01a\x00\x00\x00", R::PROTOCOL_ERROR), // packet identifier 0
    ] {
        let mut client = Client::connected(&broker, V5, "rude").await;
        client.send_bytes(&frame(first, body)).await;
        assert_eq!(client.expect_end().await, Some(reason), "{body:x?}");
        watcher.expect_silence().await;
    }
}

#[tokio::test]
async fn messages_that_break_a_rule_of_3_1_1_go_to_nobody_and_end_the_connection() {
    // [MQTT3-3.3.2-1], [MQTT3-3.3.2-2], [MQTT3-4.7.1-1], [MQTT3-1.5.3-1], [MQTT3-1.5.3-2], [MQTT3-3.3.1-2]
    // [MQTT3-3.3.1-4], [MQTT3-2.3.1-1], [MQTT3-4.7.3-1], [MQTT3-4.7.3-2], [MQTT3-4.8.0-1]
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V311, "watcher").await;
    watcher.subscribe("#", 0).await;
    for (first, body) in [
        (0x36, &b"\x00\x01a\x00\x01"[..]),
        (0x38, b"\x00\x01a"),
        (0x30, b"\x00\x01"),
        (0x30, b"\x00\x00"),
        (0x30, b"\x00\x03a/#"),
        (0x30, b"\x00\x03+/a"),
        (0x30, b"\x00\x02a\xff"),
        (0x30, b"\x00\x03\xed\xa0\x80"),
        (0x30, b"\x00\x02a\0"),
        (0x32, b"\x00\x01a\x00\x00"),
        (0x34, b"\x00\x01a\x00"),
    ] {
        let mut client = Client::connected(&broker, V311, "rude").await;
        client.send_bytes(&frame(first, body)).await;
        assert_eq!(client.frames_to_the_end().await, [[0; 0]; 0], "{body:x?}");
        watcher.expect_silence().await;
    }
}
