//! What is too much: told with the right reason, counted by kind, and nobody else is harmed.

use mqttwb_broker::Limits;
use mqttwb_model::{LimitKind, ProtocolVersion, RefusalCause};
use mqttwb_wire::{Ack, ConnAck, Connect, Packet, Properties, Property, Publish, ReasonCode, Will};

use crate::support::*;

pub(crate) fn hits(broker: &TestBroker, kind: LimitKind) -> u64 {
    let mut hit = broker.broker.counters().limits_hit();
    hit.find(|(k, _)| *k == kind).map_or(0, |(_, n)| n)
}

fn retained<'a>(topic: &'a str, payload: &'a str, qos: u8) -> Publish<'a> {
    Publish {
        retain: true,
        ..publish(topic, payload, qos)
    }
}

/// What is answered to a PUBLISH above QoS 0.
async fn answer(client: &mut Client, publish: Publish<'_>) -> ReasonCode {
    client.send(Packet::Publish(publish)).await;
    client
        .expect(|packet| match packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) => Some(ack.reason),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_in_all_and_from_one_address() {
    // [MQTT-3.1.4-2], [MQTT-3.2.2-7], [MQTT3-3.2.2-5]
    for (limits, kind) in [
        (
            Limits {
                connections: 1,
                ..Limits::default()
            },
            LimitKind::Connections,
        ),
        (
            Limits {
                connections_per_address: 1,
                ..Limits::default()
            },
            LimitKind::ConnectionsPerAddress,
        ),
    ] {
        let (broker, observer) = limited(limits).await;
        let mut first = Client::connected(&broker, V5, "first").await;
        let reason = answered(&broker, connect(V5, "second")).await;
        assert_eq!(reason, ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(
            answered(&broker, connect(V311, "third")).await,
            ReasonCode(3)
        );
        assert_eq!(hits(&broker, kind), 2);
        assert_eq!(observer.causes(), [RefusalCause::Limit(kind); 2]);
        first.expect_nothing().await;
        first.disconnect().await;
        until("there is room again", || {
            broker.broker.counters().values().connections == 0
        })
        .await;
        Client::connected(&broker, V5, "second").await;
    }
}

#[tokio::test]
async fn one_session_too_many_is_refused_and_those_that_are_there_go_on() {
    let limits = Limits {
        sessions: 1,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let (client, _) = Client::accepted(&broker, persistent(V5, "kept")).await;
    client.disconnect().await;
    let reason = answered(&broker, connect(V5, "other")).await;
    assert_eq!(reason, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(
        answered(&broker, connect(V311, "other")).await,
        ReasonCode(3)
    );
    assert_eq!(hits(&broker, LimitKind::Sessions), 2);
    let (client, present) = Client::accepted(&broker, persistent(V5, "kept")).await;
    assert!(present);
    drop(client);
}

#[tokio::test]
async fn a_topic_of_too_many_levels_or_bytes_is_not_taken() {
    // [MQTT3-3.3.5-2]: above QoS 0 before MQTT 5 the connection ends
    let limits = Limits {
        topic_levels: 3,
        topic_length: 20,
        ..Limits::default()
    };
    for (topic, kind) in [
        ("a/b/c/d", LimitKind::TopicLevels),
        ("a/long-long-long-long", LimitKind::TopicLength),
    ] {
        let (broker, observer) = limited(limits.clone()).await;
        let mut watcher = Client::connected(&broker, V5, "watcher").await;
        assert_eq!(watcher.subscribe("#", 0).await, ReasonCode::SUCCESS);
        let mut client = Client::connected(&broker, V5, "client").await;
        for qos in [1, 2] {
            let reason = answer(&mut client, publish(topic, "x", qos)).await;
            assert_eq!(reason, ReasonCode::TOPIC_NAME_INVALID);
        }
        client.send(Packet::Publish(publish(topic, "x", 0))).await;
        client.expect_nothing().await;
        let invalid = ReasonCode::TOPIC_FILTER_INVALID;
        assert_eq!(client.subscribe(topic, 0).await, invalid);
        assert_eq!(client.subscribe("a/b/#", 0).await, ReasonCode::SUCCESS);
        let will = Connect {
            will: Some(Will {
                topic,
                payload: b"gone",
                qos: mqttwb_model::QoS::AtMostOnce,
                retain: false,
                properties: Properties::NONE,
            }),
            ..connect(V5, "with a will")
        };
        assert_eq!(
            answered(&broker, will).await,
            ReasonCode::TOPIC_NAME_INVALID
        );

        let mut old = Client::connected(&broker, V311, "old").await;
        assert_eq!(old.subscribe(topic, 0).await, ReasonCode(0x80));
        old.send(Packet::Publish(publish(topic, "x", 0))).await;
        old.expect_nothing().await;
        old.send(Packet::Publish(publish(topic, "x", 1))).await;
        assert_eq!(old.expect_end().await, None);

        watcher.expect_silence().await;
        assert_eq!(hits(&broker, kind), 8);
        assert_eq!(observer.causes(), [RefusalCause::Limit(kind); 8]);
    }
}

#[tokio::test]
async fn a_topic_as_long_as_the_wire_can_carry_passes_where_it_may() {
    // [MQTT-4.7.3-3], [MQTT3-4.7.3-3]
    let limits = Limits {
        topic_length: 65_535,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let longest = "x".repeat(65_535);
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        client.subscribe(&longest, 0).await;
        client.publish(publish(&longest, "far", 0)).await;
        assert_eq!(client.message().await.topic, longest);
    }
}

#[tokio::test]
async fn a_client_has_so_many_subscriptions_and_may_change_those() {
    let limits = Limits {
        subscriptions_per_client: 2,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    for (version, no) in [(V5, ReasonCode::QUOTA_EXCEEDED), (V311, ReasonCode(0x80))] {
        let mut client = Client::connected(&broker, version, "client").await;
        for (filter, granted) in [
            ("a", ReasonCode(1)),
            ("b", ReasonCode(1)),
            ("c", no),
            ("a", ReasonCode(1)),
        ] {
            assert_eq!(client.subscribe(filter, 1).await, granted, "{filter}");
        }
        client.publish(publish("c", "x", 0)).await;
        client.unsubscribe(&["b"]).await;
        client.expect_silence().await;
        assert_eq!(client.subscribe("c", 1).await, ReasonCode(1));
        client.disconnect().await;
    }
    assert_eq!(hits(&broker, LimitKind::Subscriptions), 2);
    let mut other = Client::connected(&broker, V5, "other").await;
    assert_eq!(other.subscribe("c", 1).await, ReasonCode(1));
}

#[tokio::test]
async fn so_many_messages_are_retained_and_each_may_be_replaced() {
    let limits = Limits {
        retained_messages: 2,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let mut client = Client::connected(&broker, V5, "client").await;
    client.publish(retained("one", "1", 1)).await;
    client.publish(retained("two", "2", 2)).await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("three", 0).await;

    for qos in [1, 2] {
        let reason = answer(&mut client, retained("three", "3", qos)).await;
        assert_eq!(reason, ReasonCode::QUOTA_EXCEEDED);
    }
    client.publish(retained("one", "other", 1)).await;
    watcher.expect_silence().await;
    assert_eq!(hits(&broker, LimitKind::RetainedMessages), 2);

    // What can't be refused goes to its subscribers, and is not kept.
    client.publish(retained("three", "at QoS 0", 0)).await;
    assert_eq!(watcher.message().await.payload, "at QoS 0");
    let mut old = Client::connected(&broker, V311, "old").await;
    old.publish(retained("three", "before MQTT 5", 1)).await;
    assert_eq!(watcher.message().await.payload, "before MQTT 5");
    assert_eq!(hits(&broker, LimitKind::RetainedMessages), 4);
    assert_eq!(broker.broker.counters().values().retained, 2);

    // One that is cleared makes room.
    client.publish(retained("one", "", 1)).await;
    client.publish(retained("three", "3", 1)).await;
    let mut late = Client::connected(&broker, V5, "late").await;
    late.subscribe("#", 0).await;
    let mut kept = [late.message().await.payload, late.message().await.payload];
    kept.sort();
    assert_eq!(kept, ["2", "3"]);
}

#[tokio::test]
async fn retained_messages_take_so_many_bytes() {
    let limits = Limits {
        retained_bytes: 1_000,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let mut client = Client::connected(&broker, V5, "client").await;
    let (half, most) = ("x".repeat(500), "x".repeat(900));
    client.publish(retained("a", &half, 1)).await;
    let reason = answer(&mut client, retained("b", &half, 1)).await;
    assert_eq!(reason, ReasonCode::QUOTA_EXCEEDED);
    client.publish(retained("a", &most, 1)).await;
    client.publish(retained("a", "", 1)).await;
    client.publish(retained("b", &most, 1)).await;
    assert_eq!(hits(&broker, LimitKind::RetainedBytes), 1);
    until("it is kept", || {
        let bytes = broker.broker.counters().values().retained_bytes;
        (900..=1_000).contains(&bytes)
    })
    .await;
}

#[tokio::test]
async fn a_payload_that_calls_itself_text_must_be_text_where_that_is_checked() {
    // section 3.3.2.3.2
    let text = properties(&[Property::PayloadFormatIndicator(1)]);
    let bytes = properties(&[Property::PayloadFormatIndicator(0)]);
    let of = |properties, payload, qos| Publish {
        properties: Properties::trusted(properties),
        payload,
        ..publish("a", "", qos)
    };
    for (check, reason) in [
        (true, ReasonCode::PAYLOAD_FORMAT_INVALID),
        (false, ReasonCode::SUCCESS),
    ] {
        let limits = Limits {
            payload_format_check: check,
            ..Limits::default()
        };
        let (broker, _) = limited(limits).await;
        let mut client = Client::connected(&broker, V5, "client").await;
        assert_eq!(answer(&mut client, of(&text, b"\xff", 1)).await, reason);
        assert_eq!(
            answer(&mut client, of(&text, "grün".as_bytes(), 1)).await,
            ReasonCode::SUCCESS
        );
        assert_eq!(
            answer(&mut client, of(&bytes, b"\xff", 1)).await,
            ReasonCode::SUCCESS
        );
        assert_eq!(answer(&mut client, of(&text, b"\xff", 2)).await, reason);
        let will = Connect {
            will: Some(Will {
                topic: "a",
                payload: b"\xff",
                qos: mqttwb_model::QoS::AtMostOnce,
                retain: false,
                properties: Properties::trusted(&text),
            }),
            ..connect(V5, "with a will")
        };
        let mut client = Client::open(broker.address, V5).await;
        assert_eq!(client.connect(will).await.1, reason);
        let counted = if check { 3 } else { 0 };
        assert_eq!(hits(&broker, LimitKind::PayloadFormat), counted);
    }
}

#[tokio::test]
async fn a_session_is_kept_for_no_longer_than_the_broker_says() {
    // section 3.2.2.3.2
    let limits = Limits {
        session_expiry_max: 60,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    for (asked, told) in [(u32::MAX, Some(60)), (61, Some(60)), (60, None), (0, None)] {
        let asked = properties(&[Property::SessionExpiryInterval(asked)]);
        let mut client = Client::open(broker.address, V5).await;
        let connect = Connect {
            properties: Properties::trusted(&asked),
            ..connect(V5, "client")
        };
        client.send(Packet::Connect(Box::new(connect))).await;
        let got = client
            .expect(|packet| match packet {
                Packet::ConnAck(ConnAck { properties, .. }) => Some(properties.find(|p| match p {
                    Property::SessionExpiryInterval(seconds) => Some(seconds),
                    _ => None,
                })),
                _ => None,
            })
            .await;
        assert_eq!(got, told);
    }
    assert_eq!(hits(&broker, LimitKind::SessionExpiry), 2);
}

#[tokio::test]
async fn the_broker_s_keep_alive_is_told_and_held() {
    // [MQTT-3.1.2-21], [MQTT-3.2.2-21], [MQTT-3.1.2-22]
    let limits = Limits {
        server_keep_alive: 1,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let mut client = Client::open(broker.address, V5).await;
    client
        .send(Packet::Connect(Box::new(connect(V5, "silent"))))
        .await;
    let told = client
        .expect(|packet| match packet {
            Packet::ConnAck(p) => p.properties.find(|p| match p {
                Property::ServerKeepAlive(seconds) => Some(seconds),
                _ => None,
            }),
            _ => None,
        })
        .await;
    assert_eq!(told, 1);
    client.expect_end_for(ReasonCode::KEEP_ALIVE_TIMEOUT).await;
}

#[tokio::test]
async fn what_ends_a_connection_is_counted_by_kind() {
    let limits = Limits {
        maximum_packet_size: 1_000,
        receive_maximum: 1,
        topic_alias_maximum: 1,
        ..Limits::default()
    };
    let (broker, observer) = limited(limits).await;
    let alias = properties(&[Property::TopicAlias(2)]);
    let large = "x".repeat(2_000);
    for (packets, kind, reason) in [
        (
            vec![publish("a", &large, 0)],
            LimitKind::PacketSize,
            ReasonCode::PACKET_TOO_LARGE,
        ),
        (
            vec![
                publish("a", "x", 2),
                Publish {
                    packet_id: 2,
                    ..publish("a", "x", 2)
                },
            ],
            LimitKind::ReceiveMaximum,
            ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
        ),
        (
            vec![Publish {
                properties: Properties::trusted(&alias),
                ..publish("a", "x", 0)
            }],
            LimitKind::TopicAlias,
            ReasonCode::TOPIC_ALIAS_INVALID,
        ),
    ] {
        let mut client = Client::connected(&broker, V5, "client").await;
        for packet in packets {
            client.send(Packet::Publish(packet)).await;
        }
        client.expect_end_for(reason).await;
        assert_eq!(hits(&broker, kind), 1);
        assert_eq!(observer.causes().last(), Some(&RefusalCause::Limit(kind)));
    }
}

#[tokio::test]
async fn a_client_may_publish_again_what_was_not_taken() {
    // Its packet identifier is free [MQTT-4.3.3-9]
    let limits = Limits {
        topic_levels: 1,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let mut client = Client::connected(&broker, V5, "client").await;
    client.subscribe("a", 0).await;
    let reason = answer(&mut client, publish("a/b", "no", 2)).await;
    assert_eq!(reason, ReasonCode::TOPIC_NAME_INVALID);
    client.send(Packet::PubRel(Ack::success(1))).await;
    let found = client
        .expect(|packet| match packet {
            Packet::PubComp(ack) => Some(ack.reason),
            _ => None,
        })
        .await;
    assert_eq!(found, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
    client.publish(publish("a", "yes", 2)).await;
    assert_eq!(client.message().await.payload, "yes");
}

#[tokio::test]
async fn a_client_of_mqtt_3_1_is_granted_what_it_can_t_be_refused() {
    // MQTT 3.1 has no failure in SUBACK; a long identifier is taken from it as from the others.
    let limits = Limits {
        topic_levels: 2,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let id = "an-identifier-of-more-than-23-characters";
    let mut old = Client::connected(&broker, ProtocolVersion::V31, id).await;
    assert_eq!(old.subscribe("a/b/c", 1).await, ReasonCode(1));
    assert_eq!(hits(&broker, LimitKind::TopicLevels), 1);
    old.expect_silence().await;
}

#[tokio::test]
async fn a_queue_that_is_full_is_counted_as_a_limit() {
    let mut limits = Limits::default();
    limits.queue.messages = 2;
    let (broker, _) = limited(limits).await;
    let (mut away, _) = Client::accepted(&broker, persistent(V5, "away")).await;
    away.subscribe("a", 1).await;
    away.disconnect().await;
    until("it is away", || {
        broker.broker.counters().values().connections == 0
    })
    .await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for _ in 0..5 {
        publisher.publish(publish("a", "x", 1)).await;
    }
    until("three are dropped", || hits(&broker, LimitKind::Queue) == 3).await;
    assert_eq!(broker.broker.counters().values().dropped, 3);
}
