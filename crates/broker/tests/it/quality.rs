//! Quality of service: the handshakes, from either side, and what a reconnect does to them (sections 4.3 to 4.6).

use std::collections::HashSet;

use mqttwb_broker::Limits;
use mqttwb_broker::session::QueueLimits;
use mqttwb_wire::{Ack, Packet, Publish, ReasonCode};

use crate::support::*;

/// The same with this packet identifier.
fn numbered(packet_id: u16, publish: Publish<'_>) -> Packet<'_> {
    Packet::Publish(Publish {
        packet_id,
        ..publish
    })
}

#[tokio::test]
async fn each_answer_repeats_the_identifier_of_the_publish() {
    // [MQTT-2.2.1-5], [MQTT-3.3.4-1], [MQTT-4.3.2-4], [MQTT-4.3.3-8], [MQTT-4.3.3-11]
    // [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.7.2-1]: with the reasons that each may have
    // [MQTT3-2.3.1-6], [MQTT3-3.3.4-1], [MQTT3-4.3.2-2], [MQTT3-4.3.3-2]
    const OF_PUBLISH: [u8; 9] = [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "publisher").await;
        for id in [1, 0x1234, u16::MAX] {
            let [high, low] = id.to_be_bytes();
            let reason = |frame: &[u8]| frame.get(4).copied().unwrap_or(0);
            client.send(numbered(id, publish("a", "b", 1))).await;
            let puback = client.frame().await;
            assert_eq!((puback[0], &puback[2..4]), (0x40, &[high, low][..]));
            assert!(OF_PUBLISH.contains(&reason(&puback)));
            client.send(numbered(id, publish("a", "b", 2))).await;
            let pubrec = client.frame().await;
            assert_eq!((pubrec[0], &pubrec[2..4]), (0x50, &[high, low][..]));
            assert!(OF_PUBLISH.contains(&reason(&pubrec)));
            // The second PUBREL is for an identifier that is free again.
            for expected in [0, 0x92] {
                client.send(Packet::PubRel(Ack::success(id))).await;
                let pubcomp = client.frame().await;
                assert_eq!((pubcomp[0], &pubcomp[2..4]), (0x70, &[high, low][..]));
                let said = if version == V5 { expected } else { 0 };
                assert_eq!(reason(&pubcomp), said);
            }
        }
        // QoS 0 is not answered.
        client.send(Packet::Publish(publish("a", "b", 0))).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn after_puback_the_same_identifier_is_a_new_message() {
    // [MQTT-4.3.2-5], [MQTT3-4.3.2-2]; and DUP is the publisher's own: [MQTT-3.3.1-3], [MQTT3-3.3.1-3]
    let broker = broker().await;
    for version in BOTH {
        let mut subscriber = Client::connected(&broker, version, "subscriber").await;
        subscriber.subscribe("a", 2).await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for (payload, dup) in [("one", false), ("two", true)] {
            let p = Publish {
                dup,
                ..publish("a", payload, 1)
            };
            publisher.publish(p).await;
        }
        for payload in ["one", "two"] {
            let got = subscriber.receive().await;
            assert_eq!((got.payload.as_str(), got.dup), (payload, false));
        }
    }
}

#[tokio::test]
async fn until_pubrel_the_same_identifier_is_the_same_message() {
    // [MQTT-4.3.3-10], [MQTT-4.3.3-12], [MQTT3-4.3.3-2]; [MQTT-3.3.1-3], [MQTT3-3.3.1-3]
    let broker = broker().await;
    for version in BOTH {
        let mut subscriber = Client::connected(&broker, version, "subscriber").await;
        subscriber.subscribe("a", 2).await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for payload in ["one", "two"] {
            for dup in [false, true, true] {
                let p = Publish {
                    dup,
                    ..publish("a", payload, 2)
                };
                publisher.send(Packet::Publish(p)).await;
                let pubrec = publisher.frame().await;
                assert_eq!((pubrec[0], &pubrec[2..4]), (0x50, &[0, 1][..]));
            }
            publisher.send(Packet::PubRel(Ack::success(1))).await;
            assert_eq!(publisher.frame().await[0], 0x70);
            let got = subscriber.receive().await;
            assert_eq!((got.payload.as_str(), got.dup), (payload, false));
        }
        subscriber.expect_silence().await;
    }
}

#[tokio::test]
async fn an_identifier_that_was_refused_is_a_new_message_the_next_time() {
    // [MQTT-4.3.3-9], [MQTT-3.5.2-1]; MQTT 3.1.1 has no refusal but the end of the connection: [MQTT3-4.8.0-2]
    let limits = Limits {
        queue: QueueLimits {
            bytes: 1_000,
            ..Limits::default().queue
        },
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    let long = "x".repeat(1_200);
    for version in BOTH {
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        publisher.send(numbered(1, publish("a", &long, 2))).await;
        assert_eq!(publisher.frame().await[0], 0x50);
        publisher.send(numbered(2, publish("a", "new", 2))).await;
        if version != V5 {
            publisher.expect_end_for(ReasonCode::QUOTA_EXCEEDED).await;
            continue;
        }
        let refused = |p: &Packet<'_>| match p {
            Packet::PubRec(ack) => Some((ack.packet_id, ack.reason)),
            _ => None,
        };
        let answer = publisher.expect(refused).await;
        assert_eq!(answer, (2, ReasonCode::QUOTA_EXCEEDED));
        let mut subscriber = Client::connected(&broker, version, "subscriber").await;
        subscriber.subscribe("a", 0).await;
        publisher.send(Packet::PubRel(Ack::success(1))).await;
        assert_eq!(publisher.frame().await[0], 0x70);
        assert_eq!(subscriber.message().await.payload, long);
        publisher.publish(publish("a", "other", 2)).await;
        assert_eq!(subscriber.message().await.payload, "other");
        publisher.send(numbered(2, publish("a", "new", 2))).await;
        assert_eq!(publisher.expect(refused).await, (2, ReasonCode::SUCCESS));
        publisher.send(Packet::PubRel(Ack::success(2))).await;
        assert_eq!(publisher.frame().await[0], 0x70);
        assert_eq!(subscriber.message().await.payload, "new");
    }
}

#[tokio::test]
async fn what_the_broker_sends_has_an_identifier_of_its_own_and_no_dup() {
    // [MQTT-2.2.1-2], [MQTT-2.2.1-4], [MQTT-3.3.1-2], [MQTT-4.3.1-1], [MQTT-4.3.2-1], [MQTT-4.3.2-2], [MQTT-4.3.3-1]
    // [MQTT-4.3.3-2]
    // [MQTT3-2.3.1-1], [MQTT3-2.3.1-4], [MQTT3-2.3.1-5], [MQTT3-3.3.1-2], [MQTT3-4.3.1-1], [MQTT3-4.3.2-1]
    // [MQTT3-4.3.3-1]
    let broker = broker().await;
    for version in BOTH {
        let mut subscriber = Client::connected(&broker, version, "subscriber").await;
        subscriber.subscribe("a", 2).await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        let mut used = HashSet::new();
        let end: &[u8] = if version == V5 { b"\x00p" } else { b"p" };
        for qos in [0, 1, 2, 1, 2, 0, 1, 2] {
            publisher.publish(publish("a", "p", qos)).await;
            let got = subscriber.frame().await;
            assert_eq!(got[0], 0x30 | (qos << 1), "QoS {qos}, no DUP, no retain");
            assert_eq!(got[2..5], *b"\x00\x01a");
            if qos == 0 {
                assert_eq!(got[5..], *end, "no identifier");
            } else {
                let id = u16::from_be_bytes([got[5], got[6]]);
                assert!(id > 0 && used.insert(id), "{id} is in use");
                assert_eq!(got[7..], *end);
            }
        }
    }
}

#[tokio::test]
async fn pubrec_is_answered_by_pubrel_whatever_else_is_under_way() {
    // [MQTT-4.3.3-4], [MQTT-3.6.1-1], [MQTT-3.6.2-1], [MQTT-2.2.1-5]; [MQTT3-4.3.3-1], [MQTT3-3.6.1-1], [MQTT3-2.3.1-6]
    let broker = broker().await;
    for version in BOTH {
        let mut subscriber = Client::connected(&broker, version, "subscriber").await;
        subscriber.subscribe("a", 2).await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            publisher.publish(publish("a", "p", 2)).await;
            ids.push(subscriber.message().await.packet_id);
        }
        for id in ids {
            let [high, low] = id.to_be_bytes();
            for _ in 0..2 {
                // A second PUBREC is answered like the first.
                subscriber.send(Packet::PubRec(Ack::success(id))).await;
                let pubrel = subscriber.frame().await;
                assert_eq!((pubrel[0], &pubrel[2..4]), (0x62, &[high, low][..]));
                assert_eq!(pubrel.get(4).copied().unwrap_or(0), 0);
            }
            subscriber.send(Packet::PubComp(Ack::success(id))).await;
        }
        subscriber.send(Packet::PubRec(Ack::success(999))).await;
        let pubrel = subscriber.frame().await;
        assert_eq!(pubrel[0], 0x62);
        let unknown = if version == V5 { 0x92 } else { 0 };
        assert_eq!(pubrel.get(4).copied().unwrap_or(0), unknown);
        subscriber.expect_silence().await;
    }
}

#[tokio::test]
async fn what_is_unacknowledged_is_sent_again_in_order_on_reconnect_and_only_then() {
    // [MQTT-4.4.0-1], [MQTT-3.3.1-1], [MQTT-4.3.2-3], [MQTT-4.3.3-3], [MQTT-4.3.3-5], [MQTT-4.3.3-6]
    // [MQTT3-4.4.0-1], [MQTT3-3.3.1-1], [MQTT3-4.3.2-1], [MQTT3-4.3.3-1], [MQTT3-4.6.0-1], [MQTT3-2.3.1-4]
    let broker = broker().await;
    for version in BOTH {
        let (mut client, _) = Client::accepted(&broker, persistent(version, "again")).await;
        client.subscribe("q", 2).await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        let mut sent = Vec::new();
        for (n, qos) in [1, 2, 2, 1, 2, 1].into_iter().enumerate() {
            publisher.publish(publish("q", &n.to_string(), qos)).await;
            sent.push(client.message().await);
        }
        // 0 is done; of 1 PUBREL was sent; of 2 everything was.
        client
            .send(Packet::PubAck(Ack::success(sent[0].packet_id)))
            .await;
        for n in [1, 2] {
            client
                .send(Packet::PubRec(Ack::success(sent[n].packet_id)))
                .await;
            assert_eq!(client.frame().await[0], 0x62);
        }
        client
            .send(Packet::PubComp(Ack::success(sent[2].packet_id)))
            .await;
        client.expect_silence().await;
        client.cut();
        for _ in 0..2 {
            let (mut client, present) =
                Client::accepted(&broker, persistent(version, "again")).await;
            assert!(present);
            let pubrel = client.frame().await;
            let id = u16::from_be_bytes([pubrel[2], pubrel[3]]);
            assert_eq!((pubrel[0], id), (0x62, sent[1].packet_id));
            for before in &sent[3..] {
                let got = client.message().await;
                assert!(got.dup);
                assert_eq!(
                    (&got.payload, got.packet_id, got.qos),
                    (&before.payload, before.packet_id, before.qos)
                );
            }
            client.expect_silence().await;
            client.cut();
        }
        // Once all of it is acknowledged, nothing is left.
        let (mut client, _) = Client::accepted(&broker, persistent(version, "again")).await;
        client.frame().await;
        client
            .send(Packet::PubComp(Ack::success(sent[1].packet_id)))
            .await;
        let mut ids = Vec::new();
        for _ in 3..sent.len() {
            ids.push(client.message().await);
        }
        for got in ids {
            let ack = Ack::success(got.packet_id);
            if got.qos == 1 {
                client.send(Packet::PubAck(ack)).await;
            } else {
                client.send(Packet::PubRec(ack)).await;
                assert_eq!(client.frame().await[0], 0x62);
                client.send(Packet::PubComp(ack)).await;
            }
        }
        client.disconnect().await;
        let (mut client, _) = Client::accepted(&broker, persistent(version, "again")).await;
        client.expect_silence().await;
        client.disconnect().await;
        Client::connected(&broker, version, "again").await.cut();
    }
}

#[tokio::test]
async fn what_the_subscriber_refused_is_not_sent_again() {
    // [MQTT-4.4.0-2]
    let broker = broker().await;
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "refusing")).await;
    client.subscribe("q", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for qos in [1, 2] {
        publisher.publish(publish("q", "no", qos)).await;
        let id = client.message().await.packet_id;
        let no = Ack::with_reason(id, ReasonCode::IMPLEMENTATION_SPECIFIC);
        let no = match qos {
            1 => Packet::PubAck(no),
            _ => Packet::PubRec(no),
        };
        client.send(no).await;
    }
    client.expect_silence().await;
    client.cut();
    let (mut client, present) = Client::accepted(&broker, persistent(V5, "refusing")).await;
    assert!(present);
    client.expect_silence().await;
}

#[tokio::test]
async fn a_message_is_added_to_every_session_that_wants_it() {
    // [MQTT-4.5.0-1], [MQTT3-4.5.0-1], [MQTT3-3.1.2-5], [MQTT-3.1.2-23]
    let broker = broker().await;
    for version in BOTH {
        let mut plain = Client::connected(&broker, version, "plain").await;
        plain.subscribe("a/b", 1).await;
        let (mut kept, _) = Client::accepted(&broker, persistent(version, "kept")).await;
        kept.subscribe("a/+", 2).await;
        let (mut away, _) = Client::accepted(&broker, persistent(version, "away")).await;
        away.subscribe("#", 2).await;
        away.disconnect().await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for qos in [1, 2] {
            let payload = format!("QoS {qos}");
            publisher.publish(publish("a/b", &payload, qos)).await;
            assert_eq!(plain.receive().await.payload, payload);
            assert_eq!(kept.receive().await.payload, payload);
        }
        let (mut away, _) = Client::accepted(&broker, persistent(version, "away")).await;
        for qos in [1, 2] {
            let got = away.receive().await;
            assert_eq!((got.payload, got.qos), (format!("QoS {qos}"), qos));
        }
        for id in ["kept", "away"] {
            Client::connected(&broker, version, id).await.cut();
        }
    }
}

#[tokio::test]
async fn a_session_keeps_messages_while_its_client_is_away() {
    // [MQTT-3.1.2-23], [MQTT3-3.1.2-5]
    let broker = broker().await;
    for (version, id) in [(V311, "away-4"), (V5, "away-5")] {
        let (mut client, _) = Client::accepted(&broker, persistent(version, id)).await;
        client.subscribe("q/#", 2).await;
        client.cut();
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for qos in [0, 1, 2] {
            publisher
                .publish(publish("q/x", &qos.to_string(), qos))
                .await;
        }
        let (mut client, present) = Client::accepted(&broker, persistent(version, id)).await;
        assert!(present);
        // QoS 0 went to nobody, or came while the broker had not seen the cut yet.
        let mut got = client.receive().await;
        if got.qos == 0 {
            got = client.receive().await;
        }
        assert_eq!((got.payload.as_str(), got.qos), ("1", 1));
        assert_eq!(client.receive().await.payload, "2");
        client.expect_silence().await;
        // A clean start forgets [MQTT-3.1.2-4] [MQTT3-3.1.2-6].
        client.disconnect().await;
        let mut client = Client::connected(&broker, version, id).await;
        publisher.publish(publish("q/x", "none", 1)).await;
        client.expect_silence().await;
    }
}
