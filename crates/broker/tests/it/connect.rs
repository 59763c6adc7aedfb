//! CONNECT that is accepted, and its CONNACK (sections 3.1 and 3.2).

use mqttwb_wire::{Connect, Packet, Properties, Property, Publish, ReasonCode};

use crate::support::*;

#[tokio::test]
async fn connack_is_the_first_packet_and_its_reserved_flags_are_0() {
    // [MQTT-3.2.0-1], [MQTT-3.2.2-1], [MQTT-3.1.4-5], [MQTT3-3.2.0-1], [MQTT3-3.1.4-4]; a second does not come:
    // [MQTT-3.2.0-2]
    let broker = broker().await;
    for version in BOTH {
        // A session with a message that waits, so that there is something else to say.
        let (mut client, _) = Client::accepted(&broker, persistent(version, "waiting")).await;
        client.subscribe("w", 1).await;
        client.disconnect().await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        publisher.publish(publish("w", "x", 1)).await;
        let mut client = Client::open(broker.address, version).await;
        let mut bytes = bytes_of(
            &Packet::Connect(Box::new(persistent(version, "waiting"))),
            version,
        );
        bytes.extend(bytes_of(&Packet::PingReq, version));
        client.send_bytes(&bytes).await;
        let connack = client.frame().await;
        assert_eq!(connack[0], 0x20);
        assert_eq!(connack[2..4], [1, 0], "session present, success");
        let others = [client.frame().await[0] >> 4, client.frame().await[0] >> 4];
        assert!(others.contains(&3) && others.contains(&13), "{others:?}");
        client.disconnect().await;
        let mut client = Client::open(broker.address, version).await;
        client.connect(connect(version, "waiting")).await;
    }
}

#[tokio::test]
async fn session_present_says_whether_there_was_a_session() {
    // [MQTT-3.1.2-4], [MQTT-3.1.2-5], [MQTT-3.1.2-6], [MQTT-3.1.4-4], [MQTT-3.2.2-2], [MQTT-3.2.2-3], [MQTT-3.1.3-2]
    // [MQTT3-3.1.2-4], [MQTT3-3.1.2-6], [MQTT3-3.1.4-3], [MQTT3-3.2.2-1], [MQTT3-3.2.2-2], [MQTT3-3.2.2-3]
    // [MQTT3-3.1.3-2]
    let broker = broker().await;
    for version in BOTH {
        let (mut client, present) = Client::accepted(&broker, persistent(version, "kept")).await;
        assert!(!present, "there is none yet");
        client.subscribe("k", 1).await;
        client.disconnect().await;
        let (other, present) = Client::accepted(&broker, persistent(version, "other")).await;
        assert!(!present, "it is another client's");
        other.disconnect().await;
        let (mut client, present) = Client::accepted(&broker, persistent(version, "kept")).await;
        assert!(present);
        client.publish(publish("k", "mine", 1)).await;
        assert_eq!(client.receive().await.payload, "mine");
        client.disconnect().await;
        let (mut client, present) = Client::accepted(&broker, connect(version, "kept")).await;
        assert!(!present, "a clean start ends it");
        client.publish(publish("k", "nobody's", 1)).await;
        client.expect_silence().await;
        client.disconnect().await;
        let (client, present) = Client::accepted(&broker, persistent(version, "kept")).await;
        assert!(!present, "and a clean session leaves none");
        client.disconnect().await;
        Client::connected(&broker, version, "kept").await.cut();
        Client::connected(&broker, version, "other").await.cut();
    }
}

#[tokio::test]
async fn a_session_of_mqtt_5_lasts_as_long_as_its_expiry_interval_says() {
    // [MQTT-3.1.2-23]: also where it began with a clean start; [MQTT-3.1.2-4]: and not at all without one
    let broker = broker().await;
    let minute = properties(&[Property::SessionExpiryInterval(60)]);
    for (with, lasts) in [(&minute[..], true), (b"", false)] {
        let (client, _) = Client::accepted(
            &broker,
            Connect {
                properties: Properties::trusted(with),
                ..connect(V5, "lasting")
            },
        )
        .await;
        client.disconnect().await;
        let again = Connect {
            clean_start: false,
            ..connect(V5, "lasting")
        };
        let (client, present) = Client::accepted(&broker, again).await;
        assert_eq!(present, lasts);
        client.disconnect().await;
    }
}

#[tokio::test]
async fn identifiers_of_letters_and_digits_are_taken() {
    // [MQTT-3.1.3-5], [MQTT3-3.1.3-5]
    let broker = broker().await;
    let all: Vec<char> = ('0'..='9').chain('a'..='z').chain('A'..='Z').collect();
    for version in BOTH {
        for some in all.chunks(23) {
            for length in [1, some.len()] {
                let id: String = some[..length].iter().collect();
                Client::connected(&broker, version, &id).await;
            }
        }
        // This broker takes others too.
        Client::connected(&broker, version, "Pumpe – Süd/1 (Halle 2), äußere Anlage").await;
    }
}

#[tokio::test]
async fn an_empty_identifier_gets_one_that_nobody_else_has() {
    // [MQTT-3.1.3-6], [MQTT-3.1.3-7], [MQTT-3.2.2-16], [MQTT3-3.1.3-6]
    let broker = broker().await;
    let mut given = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..3 {
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
        assert!(!assigned.is_empty() && !given.contains(&assigned));
        given.push(assigned);
        clients.push(client);
    }
    clients.push(Client::connected(&broker, V311, "").await);
    clients.push(Client::connected(&broker, V311, "").await);
    let ids: Vec<String> = broker
        .broker
        .clients(10)
        .await
        .iter()
        .map(|client| client.info.client.as_str().to_owned())
        .collect();
    assert_eq!(ids.len(), 5);
    assert!(given.iter().all(|id| ids.contains(id)));
    for client in &mut clients {
        client.expect_nothing().await; // each is there still: none took another over
    }
    // It is as good as one that the client chose: another may name it, and takes the session over.
    Client::connected(&broker, V5, &given[0]).await;
    clients[0]
        .expect_end_for(ReasonCode::SESSION_TAKEN_OVER)
        .await;
}

#[tokio::test]
async fn a_client_that_connects_twice_loses_its_first_connection() {
    // [MQTT-3.1.4-3], [MQTT3-3.1.4-2]
    let broker = broker().await;
    for version in BOTH {
        for keeps in [false, true] {
            let with = || {
                if keeps {
                    persistent(version, "same")
                } else {
                    connect(version, "same")
                }
            };
            let (mut first, _) = Client::accepted(&broker, with()).await;
            let (mut second, present) = Client::accepted(&broker, with()).await;
            assert_eq!(present, keeps);
            first.expect_end_for(ReasonCode::SESSION_TAKEN_OVER).await;
            second.expect_nothing().await;
            second.disconnect().await;
        }
        Client::connected(&broker, version, "same").await.cut();
    }
}

#[tokio::test]
async fn packets_that_come_in_one_piece_with_connect_are_taken() {
    // Section 3.1.4: a client need not wait for CONNACK; [MQTT-3.3.4-1], [MQTT3-3.3.4-1]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::open(broker.address, version).await;
        let mut bytes = Vec::new();
        for packet in [
            Packet::Connect(Box::new(connect(version, "eager"))),
            Packet::Publish(publish("a", "b", 1)),
            Packet::Publish(Publish {
                packet_id: 2,
                ..publish("a", "b", 2)
            }),
        ] {
            bytes.extend(bytes_of(&packet, version));
        }
        client.send_bytes(&bytes).await;
        let types = [
            client.frame().await[0],
            client.frame().await[0],
            client.frame().await[0],
        ];
        assert_eq!(types, [0x20, 0x40, 0x50]);
    }
}

#[tokio::test]
async fn a_client_without_an_authentication_method_gets_none_and_may_not_send_auth() {
    // [MQTT-4.12.0-6], [MQTT-4.12.0-7]
    let broker = broker().await;
    let mut client = Client::open(broker.address, V5).await;
    client
        .send(Packet::Connect(Box::new(connect(V5, "plain"))))
        .await;
    client
        .expect(|p| match p {
            Packet::ConnAck(p) => Some(p.properties.iter().all(|p| {
                !matches!(
                    p,
                    Property::AuthenticationMethod(_) | Property::AuthenticationData(_)
                )
            })),
            _ => None,
        })
        .await
        .then_some(())
        .unwrap();
    client
        .send_bytes(&frame(0xf0, b"\x18\x04\x15\x00\x01x"))
        .await;
    client.expect_end_for(ReasonCode::PROTOCOL_ERROR).await;
}

#[tokio::test]
async fn response_information_is_not_told_unasked() {
    // [MQTT-3.1.2-28]
    let broker = broker().await;
    for with in [&[][..], &[Property::RequestResponseInformation(false)]] {
        let with = properties(with);
        let mut client = Client::open(broker.address, V5).await;
        client
            .send(Packet::Connect(Box::new(Connect {
                properties: Properties::trusted(&with),
                ..connect(V5, "unasking")
            })))
            .await;
        let told = client
            .expect(|p| match p {
                Packet::ConnAck(p) => Some(
                    p.properties
                        .iter()
                        .any(|p| matches!(p, Property::ResponseInformation(_))),
                ),
                _ => None,
            })
            .await;
        assert!(!told);
    }
}
