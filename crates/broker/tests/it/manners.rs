//! How a client is spoken to: reason strings, sizes, last words.

use std::sync::Arc;

use mqttwb_broker::{BrokerConfig, Limits};
use mqttwb_model::{NoObserver, ProtocolVersion};
use mqttwb_wire::{
    Ack, Connect, Disconnect, Packet, Properties, Property, ReasonCode, Subscribe,
    SubscriptionOptions, Unsubscribe, decode,
};

use crate::support::*;

fn reason_string(properties: &Properties<'_>) -> Option<String> {
    properties.find(|p| match p {
        Property::ReasonString(text) => Some(text.to_owned()),
        _ => None,
    })
}

/// What packets of these types say, in the order in which they were asked for.
async fn refusals(with: &[Property<'_>]) -> Vec<Option<String>> {
    let limits = Limits {
        topic_levels: 1,
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    let with = properties(with);
    let connect = Connect {
        properties: Properties::trusted(&with),
        ..connect(V5, "client")
    };
    let (mut client, _) = Client::accepted(&broker, connect).await;
    let filters = vec![("a/b", SubscriptionOptions::default())];
    let mut said = Vec::new();
    for packet in [
        Packet::Publish(publish("a/b", "x", 1)),
        Packet::Publish(publish("a/b", "x", 2)),
        Packet::PubRel(Ack::success(77)),
        Packet::PubRec(Ack::success(77)),
        Packet::Subscribe(Subscribe {
            packet_id: 3,
            properties: Properties::NONE,
            filters,
        }),
        Packet::Unsubscribe(Unsubscribe {
            packet_id: 4,
            properties: Properties::NONE,
            filters: vec!["a/#/b"],
        }),
        Packet::PingResp,
    ] {
        client.send(packet).await;
        let text = client
            .expect(|packet| {
                let (refuses, properties) = match packet {
                    Packet::PubAck(p)
                    | Packet::PubRec(p)
                    | Packet::PubRel(p)
                    | Packet::PubComp(p) => (p.reason.is_error(), p.properties),
                    Packet::SubAck(p) => (p.reasons[0].is_error(), p.properties),
                    Packet::UnsubAck(p) => (p.reasons[0].is_error(), p.properties),
                    Packet::Disconnect(p) => (p.reason.is_error(), p.properties),
                    _ => return None,
                };
                refuses.then(|| reason_string(&properties))
            })
            .await;
        said.push(text);
    }
    said
}

#[tokio::test]
async fn every_refusal_has_a_reason_string() {
    // section 3.4.2.2.2 and its like
    let said = refusals(&[]).await;
    assert_eq!(said.len(), 7);
    assert!(said.iter().all(Option::is_some), "{said:?}");
    let broker = broker().await;
    let mut client = Client::open(broker.address, V5).await;
    let asks = properties(&[Property::AuthenticationMethod("unknown")]);
    let connect = Connect {
        properties: Properties::trusted(&asks),
        ..connect(V5, "client")
    };
    client.send(Packet::Connect(Box::new(connect))).await;
    let why = client
        .expect(|packet| match packet {
            Packet::ConnAck(p) => reason_string(&p.properties),
            _ => None,
        })
        .await;
    assert!(!why.is_empty());
}

#[tokio::test]
async fn a_client_that_wants_no_problem_information_gets_it_in_disconnect_alone() {
    // [MQTT-3.1.2-29]
    let said = refusals(&[Property::RequestProblemInformation(false)]).await;
    assert_eq!(said[..6], [const { None }; 6]);
    assert!(said[6].is_some(), "{said:?}");
}

#[tokio::test]
async fn a_reason_string_that_is_too_large_for_the_client_is_left_out() {
    // [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.6.2-2], [MQTT-3.7.2-2], [MQTT-3.9.2-1], [MQTT-3.11.2-1], [MQTT-3.14.2-3]
    let said = refusals(&[Property::MaximumPacketSize(24)]).await;
    assert_eq!(said, [const { None }; 7]);
}

#[tokio::test]
async fn the_connack_that_refuses_is_no_larger_than_the_client_takes() {
    // [MQTT-3.2.2-19], [MQTT-3.1.2-24], [MQTT-3.1.4-2], [MQTT-3.1.3-8], [MQTT-3.2.2-8]
    let broker = broker().await;
    for (largest, answered) in [(1_000, true), (5, true), (4, false)] {
        let asks = properties(&[
            Property::MaximumPacketSize(largest),
            Property::AuthenticationMethod("unknown"),
        ]);
        let mut client = Client::open(broker.address, V5).await;
        let connect = Connect {
            properties: Properties::trusted(&asks),
            ..connect(V5, "client")
        };
        client.send(Packet::Connect(Box::new(connect))).await;
        let frames = client.frames_to_the_end().await;
        assert_eq!(frames.len(), usize::from(answered));
        for frame in frames {
            assert!(frame.len() <= largest as usize);
            match decode(&frame, V5).unwrap() {
                Packet::ConnAck(p) => {
                    assert_eq!(p.reason, ReasonCode::BAD_AUTHENTICATION_METHOD);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_can_t_be_made_small_enough_ends_the_connection() {
    // [MQTT-3.1.2-24], [MQTT-3.14.0-1]
    let broker = broker().await;
    let asks = properties(&[Property::MaximumPacketSize(24)]);
    let with = Connect {
        properties: Properties::trusted(&asks),
        ..connect(V5, "client")
    };
    let (mut client, _) = Client::accepted(&broker, with).await;
    let filters = vec![("a", SubscriptionOptions::default()); 30];
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: 1,
            properties: Properties::NONE,
            filters,
        }))
        .await;
    client.expect_end_for(ReasonCode::PACKET_TOO_LARGE).await;
    // Not even CONNACK is so small.
    let asks = properties(&[Property::MaximumPacketSize(4)]);
    let with = Connect {
        properties: Properties::trusted(&asks),
        ..connect(V5, "client")
    };
    let mut client = Client::open(broker.address, V5).await;
    client.send(Packet::Connect(Box::new(with))).await;
    assert!(client.frames_to_the_end().await.is_empty());
}

#[tokio::test]
async fn the_last_word_arrives_though_the_client_goes_on_talking() {
    // [MQTT-4.13.1-1]: a socket that is closed with unread input would be reset, and DISCONNECT lost
    let broker = broker().await;
    for _ in 0..20 {
        let mut client = Client::connected(&broker, V5, "talker").await;
        let mut bytes = vec![0xd0, 0x00]; // PINGRESP, which is not for a client to send
        bytes.extend(std::iter::repeat_n([0xc0, 0x00], 100_000).flatten());
        client.send_bytes(&bytes).await;
        client.expect_end_for(ReasonCode::PROTOCOL_ERROR).await;
    }
}

#[tokio::test]
async fn response_information_is_told_to_who_asks_for_it() {
    // [MQTT-3.1.2-28]
    let config = BrokerConfig {
        response_prefix: Some("answers".into()),
        ..BrokerConfig::default()
    };
    let broker = broker_with(config, Arc::new(NoObserver)).await;
    for (asks, id, told) in [
        (Some(true), "client", Some("answers/client")),
        (Some(true), "wild/+", None),
        (Some(false), "client", None),
        (None, "client", None),
    ] {
        let asks: Vec<_> = asks
            .into_iter()
            .map(Property::RequestResponseInformation)
            .collect();
        let asks = properties(&asks);
        let connect = Connect {
            properties: Properties::trusted(&asks),
            ..connect(V5, id)
        };
        let mut client = Client::open(broker.address, V5).await;
        client.send(Packet::Connect(Box::new(connect))).await;
        let got = client
            .expect(|packet| match packet {
                Packet::ConnAck(p) => Some(p.properties.find(|p| match p {
                    Property::ResponseInformation(text) => Some(text.to_owned()),
                    _ => None,
                })),
                _ => None,
            })
            .await;
        assert_eq!(got.as_deref(), told);
    }
}

#[tokio::test]
async fn a_session_that_was_to_end_can_t_be_kept_by_disconnect() {
    // section 3.14.2.2.2
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "client").await;
    let longer = properties(&[Property::SessionExpiryInterval(60)]);
    client
        .send(Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::trusted(&longer),
        }))
        .await;
    client.expect_end_for(ReasonCode::PROTOCOL_ERROR).await;
}

#[tokio::test]
async fn a_length_in_more_bytes_than_it_needs_is_refused_in_mqtt_5_alone() {
    // [MQTT-1.5.5-1]
    let broker = broker().await;
    let ping = [0xc0, 0x80, 0x00];
    for version in [V311, ProtocolVersion::V31] {
        let mut client = Client::connected(&broker, version, "client").await;
        client.send_bytes(&ping).await;
        client
            .expect(|p| matches!(p, Packet::PingResp).then_some(()))
            .await;
    }
    let mut client = Client::connected(&broker, V5, "client").await;
    client.send_bytes(&ping).await;
    client.expect_end_for(ReasonCode::MALFORMED_PACKET).await;
}
