//! What is written reads back; what is malformed is refused; and another codec agrees.

#![allow(clippy::unwrap_used)]

use bytes::BytesMut;
use mqttwb_model::{ProtocolVersion, QoS};
use mqttwb_wire::*;
use proptest::prelude::*;

const VERSIONS: [ProtocolVersion; 3] = [
    ProtocolVersion::V31,
    ProtocolVersion::V311,
    ProtocolVersion::V5,
];

fn text() -> impl Strategy<Value = String> {
    "[a-zä-ü0-9 /]{0,12}"
}

fn topic() -> impl Strategy<Value = String> {
    "[a-z$/]{1,10}"
}

fn qos() -> impl Strategy<Value = QoS> {
    (0u8..3).prop_map(|n| QoS::try_from(n).unwrap())
}

fn user_properties() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((text(), text()), 0..4).prop_map(|pairs| {
        let mut bytes = Vec::new();
        for (name, value) in &pairs {
            Property::UserProperty(name, value).write(&mut bytes);
        }
        bytes
    })
}

fn round_trip(packet: &Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out);
    assert_eq!(frame_len(&out, usize::MAX), Ok(Some(out.len())));
    assert_eq!(decode(&out, version).as_ref(), Ok(packet));
    let dissection = dissect(&out, version);
    assert_eq!(dissection.malformed, None);
    // Every byte belongs to one field, in order.
    let mut at = 0;
    for field in &dissection.fields {
        assert_eq!(field.span.start, at, "{:?}", dissection.fields);
        at = field.span.end;
    }
    assert_eq!(at, out.len());
    out.to_vec()
}

proptest! {
    #[test]
    fn a_publish_reads_back_as_it_was_written(
        topic in topic(), payload in prop::collection::vec(any::<u8>(), 0..300), qos in qos(),
        retain: bool, dup: bool, id in 1u16.., properties in user_properties(),
    ) {
        for version in VERSIONS {
            let v5 = version == ProtocolVersion::V5;
            let publish = Publish {
                dup: dup && qos != QoS::AtMostOnce,
                qos,
                retain,
                topic: &topic,
                packet_id: if qos == QoS::AtMostOnce { 0 } else { id },
                properties: Properties::trusted(if v5 { &properties } else { &[] }),
                payload: &payload,
            };
            let bytes = round_trip(&Packet::Publish(publish), version);
            let peek = peek(&bytes, version).unwrap();
            prop_assert_eq!(peek.topic, Some(topic.as_str()));
            prop_assert_eq!(peek.qos, Some(qos));
        }
    }

    #[test]
    fn a_connect_reads_back_as_it_was_written(
        client_id in text(), user in prop::option::of(text()), password in prop::option::of(text()),
        will in prop::option::of((topic(), text(), qos(), any::<bool>())), keep_alive: u16,
        clean_start: bool, properties in user_properties(),
    ) {
        for version in VERSIONS {
            let v5 = version == ProtocolVersion::V5;
            let properties = Properties::trusted(if v5 { &properties } else { &[] });
            let connect = Connect {
                version,
                clean_start,
                keep_alive,
                client_id: &client_id,
                will: will.as_ref().map(|(topic, payload, qos, retain)| Will {
                    topic,
                    payload: payload.as_bytes(),
                    qos: *qos,
                    retain: *retain,
                    properties,
                }),
                user_name: user.as_deref(),
                password: password.as_deref().filter(|_| v5 || user.is_some()).map(str::as_bytes),
                properties,
            };
            let packet = Packet::Connect(Box::new(connect.clone()));
            let bytes = round_trip(&packet, version);
            prop_assert_eq!(protocol_of_connect(&bytes), Some(version));
            let struck = secret_spans(&bytes, version).pop().map(|span| bytes[span].to_vec());
            prop_assert_eq!(struck.as_deref(), connect.password);
        }
    }

    #[test]
    fn acknowledgements_and_subscriptions_read_back(
        id in 1u16.., code in prop::sample::select(vec![0u8, 0x10, 0x80, 0x87, 0x92]), filter in topic(),
        properties in user_properties(), qos in qos(),
    ) {
        for version in VERSIONS {
            let v5 = version == ProtocolVersion::V5;
            let properties = Properties::trusted(if v5 { &properties } else { &[] });
            let reason = ReasonCode(if v5 { code } else { 0 });
            let ack = Ack { packet_id: id, reason, properties };
            let options = SubscriptionOptions { qos, ..Default::default() };
            let granted = vec![ReasonCode(qos.into()), ReasonCode::UNSPECIFIED_ERROR];
            for packet in [
                Packet::PubAck(ack), Packet::PubRec(ack), Packet::PubRel(ack), Packet::PubComp(ack),
                Packet::Subscribe(Subscribe { packet_id: id, properties, filters: vec![(&filter, options)] }),
                Packet::SubAck(SubAck { packet_id: id, properties, reasons: granted.clone() }),
                Packet::Unsubscribe(Unsubscribe { packet_id: id, properties, filters: vec![&filter] }),
                Packet::UnsubAck(UnsubAck { packet_id: id, properties, reasons: if v5 { granted } else { vec![] } }),
                Packet::ConnAck(ConnAck { session_present: true, reason, properties }),
                Packet::Disconnect(Disconnect { reason, properties }),
                Packet::PingReq, Packet::PingResp,
            ] {
                round_trip(&packet, version);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for version in VERSIONS {
            let _ = frame_len(&bytes, 1 << 20);
            let _ = decode(&bytes, version);
            let _ = dissect(&bytes, version);
            let _ = peek(&bytes, version);
            let _ = summary(&bytes, version);
            let _ = secret_spans(&bytes, version);
        }
    }
}

#[test]
fn a_length_in_more_bytes_than_it_needs_is_refused_in_mqtt_5_alone() {
    // [MQTT-1.5.5-1]
    let padded = [0xc0, 0x80, 0x00];
    assert_eq!(frame_len(&padded, 100), Ok(Some(3)));
    assert_eq!(decode(&padded, ProtocolVersion::V5), Err(WireError::VarInt));
    assert_eq!(decode(&padded, ProtocolVersion::V311), Ok(Packet::PingReq));
    assert_eq!(decode(&padded, ProtocolVersion::V31), Ok(Packet::PingReq));
}

#[test]
fn what_proves_an_identity_is_found_in_each_packet_that_has_it() {
    let mut properties = Vec::new();
    Property::AuthenticationMethod("M").write(&mut properties);
    Property::AuthenticationData(b"proof").write(&mut properties);
    let properties = Properties::trusted(&properties);
    let reason = ReasonCode::CONTINUE_AUTHENTICATION;
    for packet in [
        Packet::Auth(Auth { reason, properties }),
        Packet::ConnAck(ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties,
        }),
    ] {
        let mut bytes = BytesMut::new();
        encode(&packet, ProtocolVersion::V5, &mut bytes);
        let spans = secret_spans(&bytes, ProtocolVersion::V5);
        let found: Vec<_> = spans.into_iter().map(|span| &bytes[span]).collect();
        assert_eq!(found, [b"proof"]);
    }
}

/// Every packet that a client sends, with every byte changed to every other: what this codec takes, the other takes
/// too. (The other way it is not so: see below.)
#[test]
fn what_is_taken_here_another_codec_takes_too() {
    let mut taken = 0;
    for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
        for seed in 0..8 {
            let whole = sample(seed, version);
            for at in 0..whole.len() {
                for byte in 0..=u8::MAX {
                    let mut bytes = whole.clone();
                    bytes[at] = byte;
                    if frame_len(&bytes, usize::MAX) != Ok(Some(bytes.len())) {
                        continue;
                    }
                    let Ok(packet) = decode(&bytes, version) else {
                        continue;
                    };
                    // What a server sends, what this side leaves to the session, and reason codes of later standards.
                    let apart = match &packet {
                        Packet::ConnAck(_)
                        | Packet::SubAck(_)
                        | Packet::UnsubAck(_)
                        | Packet::Auth(_) => true,
                        Packet::Connect(c) => c.client_id.is_empty() || c.version != version,
                        Packet::Publish(p) => p.topic.is_empty(),
                        _ => peek(&bytes, version)
                            .and_then(|p| p.reason)
                            .is_some_and(|code| code > 0),
                    };
                    if !apart {
                        taken += 1;
                        assert!(other_takes(&bytes, version), "{bytes:x?} {packet:?}");
                    }
                }
            }
        }
    }
    assert!(taken > 10_000, "{taken}");
}

fn sample(seed: usize, version: ProtocolVersion) -> Vec<u8> {
    let mut properties = Vec::new();
    if version == ProtocolVersion::V5 {
        Property::UserProperty("a", "b").write(&mut properties);
    }
    let properties = Properties::trusted(&properties);
    let ack = Ack::success(9);
    let options = SubscriptionOptions::default();
    let packet = match seed {
        0 => Packet::Publish(Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: "a/b",
            packet_id: 7,
            properties,
            payload: b"hello",
        }),
        1 => Packet::Connect(Box::new(Connect {
            version,
            clean_start: true,
            keep_alive: 60,
            client_id: "client",
            will: None,
            user_name: Some("user"),
            password: Some(b"password"),
            properties,
        })),
        2 => Packet::Subscribe(Subscribe {
            packet_id: 3,
            properties,
            filters: vec![("a/#", options), ("b", options)],
        }),
        3 => Packet::Unsubscribe(Unsubscribe {
            packet_id: 3,
            properties,
            filters: vec!["a/#", "b"],
        }),
        4 => Packet::PubRel(ack),
        5 => Packet::PubRec(ack),
        6 => Packet::PingReq,
        _ => Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::NONE,
        }),
    };
    let mut out = BytesMut::new();
    encode(&packet, version, &mut out);
    out.to_vec()
}

/// Whether `rmqtt-codec` reads it.
fn other_takes(bytes: &[u8], version: ProtocolVersion) -> bool {
    use tokio_util::codec::Decoder as _;
    let mut buf = BytesMut::from(bytes);
    match version {
        ProtocolVersion::V5 => rmqtt_codec::v5::Codec::new(0, 0)
            .decode(&mut buf)
            .is_ok_and(|p| p.is_some()),
        _ => rmqtt_codec::v3::Codec::new(0)
            .decode(&mut buf)
            .is_ok_and(|p| p.is_some()),
    }
}

/// Malformed packets that the standard tells a server to refuse. The last column says whether rmqtt-codec 0.3 refuses
/// them too: it is why this crate exists, and the test tells when that reason is gone.
#[test]
fn malformed_packets_are_refused_with_the_reason_that_the_standard_gives() {
    use ReasonCode as R;
    let v5 = ProtocolVersion::V5;
    for (bytes, reason, other_refuses) in [
        // A PINGREQ with a body (section 3.12)
        (&b"\xc0\x01x"[..], R::MALFORMED_PACKET, false),
        // Flags of PINGREQ not 0 [MQTT-2.1.3-1]
        (b"\xc1\x00", R::MALFORMED_PACKET, true),
        // QoS 3 [MQTT-3.3.1-4]
        (b"\x36\x06\x00\x01a\x00\x01\x00", R::MALFORMED_PACKET, true),
        // DUP at QoS 0 [MQTT-3.3.1-2]
        (b"\x38\x04\x00\x01a\x00", R::MALFORMED_PACKET, false),
        // U+0000 in a topic [MQTT-1.5.4-2]
        (b"\x30\x04\x00\x01\x00\x00", R::MALFORMED_PACKET, false),
        // A wildcard in a topic name [MQTT-3.3.2-2]
        (b"\x30\x04\x00\x01#\x00", R::TOPIC_NAME_INVALID, false),
        // Neither topic nor alias (section 3.3.2.1)
        (b"\x30\x03\x00\x00\x00", R::PROTOCOL_ERROR, false),
        // Topic alias 0 [MQTT-3.3.2-8]
        (
            b"\x30\x07\x00\x01a\x03\x23\x00\x00",
            R::PROTOCOL_ERROR,
            true,
        ),
        // A property that CONNACK has, in a PUBLISH
        (
            b"\x30\x07\x00\x01a\x03\x13\x00\x01",
            R::PROTOCOL_ERROR,
            true,
        ),
        // Packet identifier 0 [MQTT-2.2.1-3]
        (b"\x32\x06\x00\x01a\x00\x00\x00", R::PROTOCOL_ERROR, true),
        // SUBSCRIBE without a filter [MQTT-3.8.3-2]
        (b"\x82\x03\x00\x01\x00", R::PROTOCOL_ERROR, false),
        // A reserved subscription option [MQTT-3.8.3-5]
        (
            b"\x82\x07\x00\x01\x00\x00\x01a\xc0",
            R::MALFORMED_PACKET,
            false,
        ),
        // No local on a shared subscription [MQTT-3.8.3-4]
        (
            b"\x82\x10\x00\x01\x00\x00\x0a$share/g/a\x04",
            R::PROTOCOL_ERROR,
            false,
        ),
        // A PUBACK with bytes after its properties
        (b"\x40\x05\x00\x01\x00\x00x", R::MALFORMED_PACKET, true),
    ] {
        let refused = decode(bytes, v5).map_err(|error| error.reason());
        assert_eq!(refused, Err(reason), "{bytes:x?}");
        assert_eq!(!other_takes(bytes, v5), other_refuses, "{bytes:x?}");
        assert!(dissect(bytes, v5).malformed.is_some(), "{bytes:x?}");
    }
}
