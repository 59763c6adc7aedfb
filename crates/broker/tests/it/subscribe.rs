//! SUBSCRIBE, UNSUBSCRIBE and their answers (sections 3.8 to 3.11).

use mqttwb_model::QoS;
use mqttwb_wire::{
    Ack, Packet, Properties, Property, Publish, ReasonCode, RetainHandling, SubAck, Subscribe,
    SubscriptionOptions, Unsubscribe,
};

use crate::support::*;

fn at(qos: u8) -> SubscriptionOptions {
    SubscriptionOptions {
        qos: QoS::try_from(qos).unwrap(),
        ..SubscriptionOptions::default()
    }
}

fn retained<'a>(topic: &'a str, payload: &'a str, qos: u8) -> Publish<'a> {
    Publish {
        retain: true,
        ..publish(topic, payload, qos)
    }
}

/// Subscribes with several filters in one packet: the reasons.
async fn subscribe_all(client: &mut Client, packet_id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id,
            properties: Properties::NONE,
            filters: filters.iter().map(|(f, qos)| (*f, at(*qos))).collect(),
        }))
        .await;
    client
        .expect(|packet| match packet {
            Packet::SubAck(p) if p.packet_id == packet_id => {
                Some(p.reasons.iter().map(|reason| reason.0).collect())
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn suback_has_a_reason_for_each_filter_in_their_order() {
    // [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.8.4-5], [MQTT-3.8.4-6], [MQTT-3.8.4-7], [MQTT-3.9.3-1], [MQTT-3.9.3-2]
    // [MQTT-2.2.1-6]
    // [MQTT3-3.8.4-1], [MQTT3-3.8.4-2], [MQTT3-3.8.4-4], [MQTT3-3.8.4-5], [MQTT3-3.9.3-1], [MQTT3-3.9.3-2]
    // [MQTT3-2.3.1-7]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        let filters = [("a", 2), ("b/#/c", 2), ("c", 0), ("d", 1), ("e/+f", 0)];
        let invalid = if version == V5 { 0x8f } else { 0x80 };
        for id in [1, 0xabcd] {
            let reasons = subscribe_all(&mut client, id, &filters).await;
            assert_eq!(reasons, [2, invalid, 0, 1, invalid]);
        }
        // Each that was granted is there, as if it had come alone.
        for (topic, granted) in [("a", 2), ("c", 0), ("d", 1)] {
            client.send(Packet::Publish(publish(topic, "x", 0))).await;
            assert_eq!(client.message().await.topic, topic);
            let mut other = Client::connected(&broker, version, "other").await;
            other.publish(publish(topic, "x", 2)).await;
            assert_eq!(client.receive().await.qos, granted);
        }
    }
}

#[tokio::test]
async fn the_same_filter_again_replaces_the_subscription() {
    // [MQTT-3.8.4-3], [MQTT-3.8.4-4], [MQTT-3.3.1-9], [MQTT3-3.8.4-3]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        let mut other = Client::connected(&broker, version, "other").await;
        other.publish(retained("r/1", "kept", 2)).await;
        for qos in [0, 2, 1] {
            client.subscribe("r/+", qos).await;
            let got = client.receive().await;
            assert_eq!(
                (got.payload.as_str(), got.qos, got.retain),
                ("kept", qos, true)
            );
            other.publish(publish("r/2", "live", 2)).await;
            let got = client.receive().await;
            assert_eq!(
                (got.payload.as_str(), got.qos, got.retain),
                ("live", qos, false)
            );
            client.expect_silence().await; // one subscription, one copy
        }
        other.publish(retained("r/1", "", 1)).await;
    }
}

#[tokio::test]
async fn replacing_a_subscription_loses_no_message() {
    // [MQTT-3.8.4-4], [MQTT3-3.8.4-3]
    const MESSAGES: u16 = 200;
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        client.subscribe("flow", 1).await;
        // Its own messages, and the same subscription again between them, in one piece.
        let mut bytes = Vec::new();
        for n in 0..MESSAGES {
            let payload = n.to_string();
            bytes.extend(bytes_of(
                &Packet::Publish(publish("flow", &payload, 0)),
                version,
            ));
            if n % 10 == 0 {
                bytes.extend(bytes_of(
                    &Packet::Subscribe(Subscribe {
                        packet_id: n + 1,
                        properties: Properties::NONE,
                        filters: vec![("flow", at((n % 2) as u8))],
                    }),
                    version,
                ));
            }
        }
        client.send_bytes(&bytes).await;
        let mut next = 0;
        while next < MESSAGES {
            let got = client
                .expect(|p| match p {
                    Packet::SubAck(_) => Some(None),
                    Packet::Publish(p) => {
                        Some(Some(String::from_utf8_lossy(p.payload).into_owned()))
                    }
                    _ => None,
                })
                .await;
            if let Some(payload) = got {
                assert_eq!(payload, next.to_string());
                next += 1;
            }
        }
    }
}

#[tokio::test]
async fn retain_handling_says_when_retained_messages_are_sent() {
    // [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "client").await;
    client.publish(retained("r", "kept", 1)).await;
    let with = |retain_handling| SubscriptionOptions {
        retain_handling,
        ..at(1)
    };
    for (handling, first, again) in [
        (RetainHandling::OnSubscribe, true, true),
        (RetainHandling::IfNew, true, false),
        (RetainHandling::Never, false, false),
    ] {
        for sends in [first, again] {
            client.subscribe_with("r", with(handling), &[]).await;
            if sends {
                assert!(client.receive().await.retain);
            }
            client.expect_silence().await;
        }
        client.unsubscribe(&["r"]).await;
    }
}

#[tokio::test]
async fn retain_as_published_keeps_the_flag_that_the_publisher_set() {
    // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
    let broker = broker().await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for as_published in [false, true] {
        let mut client = Client::connected(&broker, V5, "client").await;
        let options = SubscriptionOptions {
            retain_as_published: as_published,
            retain_handling: RetainHandling::Never,
            ..at(1)
        };
        client.subscribe_with("r", options, &[]).await;
        for retain in [false, true] {
            let p = Publish {
                retain,
                ..publish("r", "x", 1)
            };
            publisher.publish(p).await;
            assert_eq!(client.receive().await.retain, retain && as_published);
        }
    }
}

#[tokio::test]
async fn no_local_keeps_a_clients_own_messages_from_it() {
    // [MQTT-3.8.3-3]
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "client").await;
    let mut other = Client::connected(&broker, V5, "other").await;
    let options = SubscriptionOptions {
        no_local: true,
        ..at(2)
    };
    client.subscribe_with("n", options, &[]).await;
    for qos in 0..=2 {
        client.publish(publish("n", "mine", qos)).await;
        client.expect_silence().await;
        other.publish(publish("n", "other's", qos)).await;
        assert_eq!(client.receive().await.payload, "other's");
    }
}

#[tokio::test]
async fn overlapping_subscriptions_give_one_copy_at_the_highest_qos_with_every_identifier() {
    // [MQTT-3.3.4-2], [MQTT-3.3.4-3], [MQTT-3.3.4-4], [MQTT3-3.3.5-1]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        for (id, (filter, qos)) in [("o/#", 0), ("o/+", 2), ("o/x", 1), ("#", 0)]
            .into_iter()
            .enumerate()
        {
            let id = Property::SubscriptionIdentifier(id as u32 * 1_000 + 1);
            // The last has no identifier.
            let with = if version == V5 && filter != "#" {
                &[id][..]
            } else {
                &[]
            };
            client.subscribe_with(filter, at(qos), with).await;
        }
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for (published, delivered) in [(2, 2), (1, 1), (0, 0)] {
            publisher.publish(publish("o/x", "once", published)).await;
            let got = client.receive().await;
            assert_eq!(got.qos, delivered);
            let mut ids: Vec<u32> = Properties::trusted(&got.properties)
                .iter()
                .filter_map(|p| match p {
                    Property::SubscriptionIdentifier(id) => Some(id),
                    _ => None,
                })
                .collect();
            ids.sort_unstable();
            if version == V5 {
                assert_eq!(ids, [1, 1_001, 2_001]);
            }
        }
        client.unsubscribe(&["o/#", "o/+", "o/x"]).await;
    }
}

#[tokio::test]
async fn copies_for_a_shared_and_a_plain_subscription_have_each_its_own_identifier() {
    // [MQTT-3.3.4-5]: of overlapping subscriptions only a shared one brings a copy of its own here
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "client").await;
    for (filter, id) in [("s/+", 1), ("s/#", 2), ("$share/group/s/x", 3)] {
        let id = Property::SubscriptionIdentifier(id);
        client.subscribe_with(filter, at(1), &[id]).await;
    }
    client.send(Packet::Publish(publish("s/x", "x", 0))).await;
    let mut copies = Vec::new();
    for _ in 0..2 {
        let got = client.message().await;
        let mut ids: Vec<u32> = Properties::trusted(&got.properties)
            .iter()
            .filter_map(|p| match p {
                Property::SubscriptionIdentifier(id) => Some(id),
                _ => None,
            })
            .collect();
        ids.sort_unstable();
        copies.push(ids);
    }
    copies.sort();
    assert_eq!(copies, [vec![1, 2], vec![3]]);
    client.expect_silence().await;
}

#[tokio::test]
async fn unsubscribing_ends_the_subscription_with_the_same_letters() {
    // [MQTT-3.10.4-1], [MQTT-3.10.4-2], [MQTT3-3.10.4-1], [MQTT3-3.10.4-2]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        client.subscribe("a/+", 1).await;
        // Each of these matches it, or is matched by it, and is not it.
        client
            .unsubscribe(&["a/b", "a/#", "#", "A/+", "a/+/", "/a/+"])
            .await;
        client.publish(publish("a/b", "still", 0)).await;
        assert_eq!(client.message().await.payload, "still");
        client.unsubscribe(&["a/+"]).await;
        client.publish(publish("a/b", "no more", 0)).await;
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn unsubscribe_is_answered_once_for_all_of_its_filters() {
    // [MQTT-3.10.4-4], [MQTT-3.10.4-5], [MQTT-3.10.4-6], [MQTT-3.11.3-1], [MQTT-3.11.3-2], [MQTT-2.2.1-6]
    // [MQTT3-3.10.4-4], [MQTT3-3.10.4-5], [MQTT3-3.10.4-6], [MQTT3-2.3.1-7]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        client.subscribe("one", 1).await;
        client.subscribe("two", 1).await;
        for (id, reasons) in [
            (1, [0, 0x11, 0, 0x8f]),
            (u16::MAX, [0x11, 0x11, 0x11, 0x8f]),
        ] {
            client
                .send(Packet::Unsubscribe(Unsubscribe {
                    packet_id: id,
                    properties: Properties::NONE,
                    filters: vec!["one", "none", "two", "x/#/y"],
                }))
                .await;
            let unsuback = client.frame().await;
            let [high, low] = id.to_be_bytes();
            assert_eq!((unsuback[0], &unsuback[2..4]), (0xb0, &[high, low][..]));
            if version == V5 {
                // A reason string may stand before the codes, one for each filter.
                assert!(unsuback.ends_with(&reasons), "{unsuback:x?}");
            } else {
                assert_eq!(unsuback.len(), 4);
            }
        }
        client.publish(publish("one", "x", 0)).await;
        client.publish(publish("two", "x", 0)).await;
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn a_delivery_that_was_begun_goes_on_after_unsubscribe() {
    // [MQTT-3.10.4-3], [MQTT3-3.10.4-3]
    let broker = broker().await;
    for version in BOTH {
        let (mut client, _) = Client::accepted(&broker, persistent(version, "client")).await;
        client.subscribe("u", 2).await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        publisher.publish(publish("u", "1", 1)).await;
        publisher.publish(publish("u", "2", 2)).await;
        let (one, two) = (client.message().await, client.message().await);
        client.unsubscribe(&["u"]).await;
        client
            .send(Packet::PubRec(Ack::success(two.packet_id)))
            .await;
        assert_eq!(client.frame().await[0], 0x62);
        client.cut();
        let (mut client, _) = Client::accepted(&broker, persistent(version, "client")).await;
        let again = client.message().await;
        assert_eq!((again.packet_id, again.dup), (one.packet_id, true));
        assert_eq!(client.frame().await[0], 0x62);
        client
            .send(Packet::PubAck(Ack::success(one.packet_id)))
            .await;
        client
            .send(Packet::PubComp(Ack::success(two.packet_id)))
            .await;
        client.expect_silence().await;
        client.disconnect().await;
        Client::connected(&broker, version, "client").await.cut();
    }
}

#[tokio::test]
async fn a_reason_is_one_that_the_packet_may_have_whatever_was_asked() {
    // [MQTT-3.9.3-2], [MQTT-3.11.3-2], [MQTT3-3.9.3-2]
    const OF_SUBACK: [u8; 12] = [
        0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
    ];
    const OF_UNSUBACK: [u8; 7] = [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];
    let broker = broker().await;
    let deep = "/".repeat(60_000);
    let filters = [
        "a",
        "#",
        "",
        "a#",
        "+a",
        "$share/g/a",
        "$share/g",
        "$share//a",
        "$share/+/a",
        "$SYS/#",
        &deep,
    ];
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "client").await;
        client
            .send(Packet::Subscribe(Subscribe {
                packet_id: 1,
                properties: Properties::NONE,
                filters: filters.iter().map(|f| (*f, at(1))).collect(),
            }))
            .await;
        let reasons: Vec<ReasonCode> = loop {
            let next = client
                .expect(|packet| match packet {
                    Packet::SubAck(SubAck { reasons, .. }) => Some(Some(reasons.clone())),
                    Packet::Publish(_) => Some(None), // of $SYS
                    _ => None,
                })
                .await;
            if let Some(reasons) = next {
                break reasons;
            }
        };
        assert_eq!(reasons.len(), filters.len());
        for reason in reasons {
            match version {
                V5 => assert!(OF_SUBACK.contains(&reason.0), "{reason}"),
                _ => assert!([0, 1, 2, 0x80].contains(&reason.0), "{reason}"),
            }
        }
        let mut client = Client::connected(&broker, version, "client").await;
        for reason in client.unsubscribe(&filters).await {
            assert!(OF_UNSUBACK.contains(&reason.0), "{reason}");
        }
    }
}
