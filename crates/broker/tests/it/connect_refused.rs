//! CONNECT that is refused (section 3.1): what is wrong with it, and that nothing follows it.

use mqttwb_model::ProtocolVersion;
use mqttwb_wire::{ConnAck, Packet, ReasonCode, decode};

use crate::support::*;

const USER: u8 = 0x80;
const PASSWORD: u8 = 0x40;
const WILL_RETAIN: u8 = 0x20;
const WILL_QOS_1: u8 = 0x08;
const WILL: u8 = 0x04;
const CLEAN: u8 = 0x02;

/// A CONNECT with these flags and this payload, whether they fit each other or not.
fn connect_with(version: ProtocolVersion, flags: u8, payload: &[&[u8]]) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT".to_vec();
    body.push(if version == V5 { 5 } else { 4 });
    body.extend([flags, 0, 0]);
    if version == V5 {
        body.push(0);
    }
    for part in payload {
        body.extend_from_slice(part);
    }
    frame(0x10, &body)
}

/// Text or binary data behind its length.
fn field(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// The broker closes the connection. Of MQTT 3.1.1 it says nothing before that unless a return code fits; MQTT 5 it may
/// tell the reason.
async fn answer(broker: &TestBroker, version: ProtocolVersion, bytes: &[u8]) -> Option<ReasonCode> {
    let mut client = Client::open(broker.address, version).await;
    client.send_bytes(bytes).await;
    let frames = client.frames_to_the_end().await;
    assert!(frames.len() <= 1, "{frames:x?}");
    let frame = frames.first()?;
    let Ok(Packet::ConnAck(ConnAck {
        session_present: false,
        reason,
        ..
    })) = decode(frame, version)
    else {
        panic!("{frame:x?}");
    };
    Some(reason)
}

async fn is_malformed(broker: &TestBroker, version: ProtocolVersion, bytes: &[u8]) {
    let said = answer(broker, version, bytes).await;
    let expected = (version == V5).then_some(ReasonCode::MALFORMED_PACKET);
    assert_eq!(said, expected, "{version:?} {bytes:x?}");
}

#[tokio::test]
async fn flags_that_contradict_each_other_are_refused() {
    // [MQTT-3.1.2-3], [MQTT3-3.1.2-3]; a malformed CONNECT of 3.1.1 gets no CONNACK: [MQTT-3.1.4-1], [MQTT3-3.1.4-1]
    // [MQTT-3.1.2-11], [MQTT-3.1.2-12], [MQTT-3.1.2-13]
    // [MQTT3-3.1.2-11], [MQTT3-3.1.2-13], [MQTT3-3.1.2-14], [MQTT3-3.1.2-15]
    let broker = broker().await;
    let id = field(b"id");
    for version in BOTH {
        let no_properties: &[u8] = if version == V5 { b"\x00" } else { b"" };
        let (topic, payload) = (field(b"t"), field(b"p"));
        let will = [&id[..], no_properties, &topic, &payload];
        let fine = connect_with(version, CLEAN | WILL | WILL_QOS_1 | WILL_RETAIN, &will);
        let mut client = Client::open(broker.address, version).await;
        client.send_bytes(&fine).await;
        assert_eq!(client.frame().await[3], 0);
        is_malformed(&broker, version, &connect_with(version, CLEAN | 1, &[&id])).await;
        for flags in [WILL_QOS_1, 2 * WILL_QOS_1, WILL_RETAIN] {
            let bytes = connect_with(version, CLEAN | flags, &[&id]);
            is_malformed(&broker, version, &bytes).await;
        }
        let qos_3 = connect_with(version, CLEAN | WILL | (3 * WILL_QOS_1), &will);
        is_malformed(&broker, version, &qos_3).await;
    }
}

#[tokio::test]
async fn a_payload_that_is_not_what_the_flags_promise_is_refused() {
    // [MQTT-3.1.2-9], [MQTT-3.1.2-16], [MQTT-3.1.2-17], [MQTT-3.1.2-18], [MQTT-3.1.2-19], [MQTT-3.1.3-3]
    // [MQTT3-3.1.2-9], [MQTT3-3.1.2-18], [MQTT3-3.1.2-19], [MQTT3-3.1.2-20], [MQTT3-3.1.2-21], [MQTT3-3.1.3-3]
    let broker = broker().await;
    let (id, user, password) = (field(b"id"), field(b"user"), field(b"pass"));
    for version in BOTH {
        for (flags, payload) in [
            (0, &[][..]),
            (WILL, &[&id[..]]),
            (0, &[&id, &user]),
            (USER, &[&id]),
            (USER, &[&id, &user, &password]),
            (USER | PASSWORD, &[&id, &user]),
        ] {
            let bytes = connect_with(version, CLEAN | flags, payload);
            is_malformed(&broker, version, &bytes).await;
        }
    }
}

#[tokio::test]
async fn a_password_without_a_user_name_is_for_mqtt_5_only() {
    // [MQTT3-3.1.2-22]
    let broker = broker().await;
    let payload = [&field(b"id")[..], &field(b"pass")];
    let bytes = connect_with(V311, CLEAN | PASSWORD, &payload);
    is_malformed(&broker, V311, &bytes).await;
    let mut client = Client::open(broker.address, V5).await;
    client
        .send_bytes(&connect_with(V5, CLEAN | PASSWORD, &payload))
        .await;
    assert_eq!(client.frame().await[3], 0);
}

#[tokio::test]
async fn texts_of_connect_are_utf_8_without_null() {
    // [MQTT-3.1.3-4], [MQTT-3.1.3-11], [MQTT-3.1.3-12], [MQTT-1.5.4-1], [MQTT-1.5.4-2]
    // [MQTT3-3.1.3-4], [MQTT3-3.1.3-10], [MQTT3-3.1.3-11], [MQTT3-1.5.3-1], [MQTT3-1.5.3-2]
    let broker = broker().await;
    let id = field(b"id");
    // Not UTF-8, an encoded surrogate, more bytes than the character needs, U+0000.
    for text in [&b"a\xff"[..], b"\xed\xa0\x80", b"\xc0\xaf", b"a\0"] {
        let bad = field(text);
        for version in BOTH {
            let no_properties: &[u8] = if version == V5 { b"\x00" } else { b"" };
            for (flags, payload) in [
                (0, &[&bad[..]][..]),
                (USER, &[&id, &bad]),
                (WILL, &[&id, no_properties, &bad, b"\x00\x00"]),
            ] {
                let bytes = connect_with(version, CLEAN | flags, payload);
                is_malformed(&broker, version, &bytes).await;
            }
        }
    }
}

#[tokio::test]
async fn another_protocol_name_or_version_is_refused() {
    // [MQTT-3.1.2-1], [MQTT-3.1.2-2], [MQTT3-3.1.2-1], [MQTT3-3.1.2-2]
    let broker = broker().await;
    let mut bytes = connect_with(V311, CLEAN, &[&field(b"id")]);
    for level in [0, 3, 6, 0x84] {
        bytes[8] = level;
        let said = answer(&broker, V311, &bytes).await;
        assert_eq!(said, Some(ReasonCode(1)), "level {level}");
    }
    for name in [b"mqtt", b"MQTU"] {
        let mut bytes = connect_with(V5, CLEAN, &[&field(b"id")]);
        bytes[4..8].copy_from_slice(name);
        let mut client = Client::open(broker.address, V5).await;
        client.send_bytes(&bytes).await;
        for frame in client.frames_to_the_end().await {
            assert_eq!(frame[0], 0x20);
            assert_ne!(frame[3], 0);
        }
    }
}

#[tokio::test]
async fn the_first_packet_is_connect_and_nothing_is_said_before_it() {
    // [MQTT-3.1.0-1], [MQTT3-3.1.0-1], [MQTT-3.2.0-1], [MQTT3-3.2.0-1], [MQTT-3.14.0-1]
    let broker = broker().await;
    for version in BOTH {
        for bytes in [
            bytes_of(&Packet::PingReq, version),
            bytes_of(&Packet::Publish(publish("a", "b", 0)), version),
            b"\xe0\x00".to_vec(),
        ] {
            let mut client = Client::open(broker.address, version).await;
            client.send_bytes(&bytes).await;
            assert_eq!(client.frames_to_the_end().await, [[0; 0]; 0]);
        }
        let bytes = connect_with(version, CLEAN | 1, &[&field(b"id")]);
        let mut client = Client::open(broker.address, version).await;
        client.send_bytes(&bytes).await;
        for frame in client.frames_to_the_end().await {
            assert_eq!(frame[0], 0x20, "CONNACK, and no DISCONNECT");
        }
    }
}

#[tokio::test]
async fn a_second_connect_ends_the_connection_and_publishes_the_will() {
    // [MQTT-3.1.0-2], [MQTT3-3.1.0-2], [MQTT-3.2.0-2]
    let broker = broker().await;
    for version in BOTH {
        let mut watcher = Client::connected(&broker, version, "watcher").await;
        watcher.subscribe("will", 0).await;
        let with_will = mqttwb_wire::Connect {
            will: Some(mqttwb_wire::Will {
                topic: "will",
                payload: b"gone",
                qos: mqttwb_model::QoS::AtMostOnce,
                retain: false,
                properties: mqttwb_wire::Properties::NONE,
            }),
            ..connect(version, "twice")
        };
        let (mut client, _) = Client::accepted(&broker, with_will.clone()).await;
        client.send(Packet::Connect(Box::new(with_will))).await;
        client.expect_end_for(ReasonCode::PROTOCOL_ERROR).await;
        assert_eq!(watcher.message().await.payload, "gone");
    }
}

#[tokio::test]
async fn what_follows_a_refused_connect_is_not_looked_at() {
    // [MQTT-3.1.4-6], [MQTT3-3.1.4-5]; [MQTT-3.2.2-6], [MQTT-3.2.2-7], [MQTT3-3.2.2-4], [MQTT3-3.2.2-5]
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("#", 0).await;
    for version in BOTH {
        // MQTT 3.1.1: no clean session, no identifier. MQTT 5: an authentication method that nobody knows.
        let mut bytes = match version {
            V5 => b"\x10\x14\x00\x04MQTT\x05\x02\x00\x00\x05\x15\x00\x02no\x00\x02id".to_vec(),
            _ => connect_with(version, 0, &[&field(b"")]),
        };
        bytes.extend(bytes_of(
            &Packet::Publish(publish("a", "never", 0)),
            version,
        ));
        let said = answer(&broker, version, &bytes).await;
        let expected = match version {
            V5 => ReasonCode::BAD_AUTHENTICATION_METHOD, // [MQTT-4.12.0-1]
            _ => ReasonCode(2),                          // [MQTT3-3.1.3-8], [MQTT3-3.1.3-9]
        };
        assert_eq!(said, Some(expected));
        watcher.expect_silence().await;
    }
}

#[tokio::test]
async fn a_reason_of_mqtt_5_that_3_1_1_has_no_code_for_closes_without_a_word() {
    // [MQTT3-3.2.2-6]: a will topic with a wildcard
    let broker = broker().await;
    let id = field(b"id");
    let (topic, payload) = (field(b"a/#"), field(b""));
    let bytes = connect_with(V311, CLEAN | WILL, &[&id, &topic, &payload]);
    assert_eq!(answer(&broker, V311, &bytes).await, None);
    let bytes = connect_with(V5, CLEAN | WILL, &[&id, b"\x00", &topic, &payload]);
    let said = answer(&broker, V5, &bytes).await;
    assert_eq!(said, Some(ReasonCode::TOPIC_NAME_INVALID));
}
