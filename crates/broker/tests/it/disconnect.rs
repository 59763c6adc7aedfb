//! How connections end, and packets that end them (sections 2.1.3, 3.12, 3.14, 4.13).

use mqttwb_broker::Limits;
use mqttwb_model::PacketType;
use mqttwb_wire::{Connect, Packet, Properties, Property, ReasonCode, decode};

use crate::support::*;

#[tokio::test]
async fn reserved_flags_that_are_not_as_listed_end_the_connection() {
    // [MQTT-2.1.3-1], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1], [MQTT-3.15.1-1], [MQTT-4.13.1-1]
    // [MQTT3-2.2.2-1], [MQTT3-2.2.2-2], [MQTT3-3.6.1-1], [MQTT3-3.8.1-1], [MQTT3-3.10.1-1], [MQTT3-3.14.1-1]
    let broker = broker().await;
    for version in BOTH {
        let mut of_each: Vec<(u8, &[u8])> = vec![
            (0x40, b"\x00\x01"),
            (0x50, b"\x00\x01"),
            (0x62, b"\x00\x01"),
            (0x70, b"\x00\x01"),
            (0xc0, b""),
            (0xe0, b""),
        ];
        if version == V5 {
            of_each.push((0x82, b"\x00\x01\x00\x00\x01a\x00"));
            of_each.push((0xa2, b"\x00\x01\x00\x00\x01a"));
            of_each.push((0xf0, b""));
        } else {
            of_each.push((0x82, b"\x00\x01\x00\x01a\x00"));
            of_each.push((0xa2, b"\x00\x01\x00\x01a"));
        }
        for (right, body) in of_each {
            for flags in (0..16).filter(|flags| *flags != right & 15) {
                let mut client = Client::connected(&broker, version, "flags").await;
                client.send_bytes(&frame(right & 0xf0 | flags, body)).await;
                client.expect_end_for(ReasonCode::MALFORMED_PACKET).await;
            }
        }
    }
}

#[tokio::test]
async fn what_only_a_server_sends_ends_the_connection() {
    // [MQTT-4.13.1-1], [MQTT3-4.8.0-1]
    let broker = broker().await;
    for version in BOTH {
        let none: &[u8] = if version == V5 { b"\x00" } else { b"" };
        for (first, body) in [
            (0x20, [b"\x00\x00", none].concat()),
            (0x90, [b"\x00\x01", none, b"\x00"].concat()),
            (0xb0, [b"\x00\x01", none].concat()),
            (0xd0, Vec::new()),
        ] {
            let mut client = Client::connected(&broker, version, "server").await;
            client.send_bytes(&frame(first, &body)).await;
            client.expect_end_for(ReasonCode::PROTOCOL_ERROR).await;
        }
        // There is no packet type 0, and no AUTH before MQTT 5.
        let mut client = Client::connected(&broker, version, "server").await;
        client.send_bytes(b"\x00\x00").await;
        client.expect_end_for(ReasonCode::MALFORMED_PACKET).await;
    }
    let mut client = Client::connected(&broker, V311, "server").await;
    client.send_bytes(b"\xf0\x00").await;
    assert_eq!(client.frames_to_the_end().await, [[0; 0]; 0]);
}

#[tokio::test]
async fn subscribe_and_unsubscribe_that_are_malformed_end_the_connection() {
    // [MQTT-3.8.3-1], [MQTT-3.8.3-2], [MQTT-3.8.3-4], [MQTT-3.8.3-5], [MQTT-3.10.3-1], [MQTT-3.10.3-2]
    use ReasonCode as R;
    let broker = broker().await;
    for (first, body, reason) in [
        (0x82, &b"\x00\x01\x00"[..], R::PROTOCOL_ERROR), // no filter
        (0xa2, b"\x00\x01\x00", R::PROTOCOL_ERROR),
        (0x82, b"\x00\x01\x00\x00\x01\xff\x00", R::MALFORMED_PACKET), // not UTF-8
        (0xa2, b"\x00\x01\x00\x00\x01\xff", R::MALFORMED_PACKET),
        (0x82, b"\x00\x01\x00\x00\x01\0\x00", R::MALFORMED_PACKET),
        (0xa2, b"\x00\x01\x00\x00\x01\0", R::MALFORMED_PACKET),
        (0x82, b"\x00\x01\x00\x00\x01a", R::MALFORMED_PACKET), // no options
        (0x82, b"\x00\x01\x00\x00\x01a\x03", R::MALFORMED_PACKET), // QoS 3
        (0x82, b"\x00\x01\x00\x00\x01a\x30", R::MALFORMED_PACKET), // retain handling 3
        (0x82, b"\x00\x01\x00\x00\x01a\x40", R::MALFORMED_PACKET),
        (0x82, b"\x00\x01\x00\x00\x01a\x80", R::MALFORMED_PACKET),
        (0x82, b"\x00\x00\x00\x00\x01a\x00", R::PROTOCOL_ERROR), // identifier 0
        (0xa2, b"\x00\x00\x00\x00\x01a", R::PROTOCOL_ERROR),
        (
            0x82,
            b"\x00\x01\x00\x00\x0a$share/g/a\x04",
            R::PROTOCOL_ERROR,
        ), // no local
        (
            0x82,
            b"\x00\x01\x02\x0b\x00\x00\x01a\x00",
            R::PROTOCOL_ERROR,
        ), // subscription identifier 0
    ] {
        let mut client = Client::connected(&broker, V5, "rude").await;
        client.send_bytes(&frame(first, body)).await;
        assert_eq!(client.expect_end().await, Some(reason), "{body:x?}");
    }
}

#[tokio::test]
async fn subscribe_and_unsubscribe_of_3_1_1_that_are_malformed_end_the_connection() {
    // [MQTT3-3.8.3-1], [MQTT3-3.8.3-3], [MQTT3-3.8.3-4], [MQTT3-3.10.3-1], [MQTT3-3.10.3-2], [MQTT3-2.3.1-1]
    let broker = broker().await;
    let mut bodies: Vec<(u8, Vec<u8>)> = vec![
        (0x82, b"\x00\x01".to_vec()),
        (0xa2, b"\x00\x01".to_vec()),
        (0x82, b"\x00\x01\x00\x01\xff\x00".to_vec()),
        (0xa2, b"\x00\x01\x00\x01\xff".to_vec()),
        (0x82, b"\x00\x00\x00\x01a\x00".to_vec()),
        (0xa2, b"\x00\x00\x00\x01a".to_vec()),
    ];
    for qos in [3, 4, 8, 0x10, 0x20, 0x40, 0x80] {
        bodies.push((0x82, [b"\x00\x01\x00\x01a", &[qos][..]].concat()));
    }
    for (first, body) in bodies {
        let mut client = Client::connected(&broker, V311, "rude").await;
        client.send_bytes(&frame(first, &body)).await;
        assert_eq!(client.frames_to_the_end().await, [[0; 0]; 0], "{body:x?}");
    }
}

#[tokio::test]
async fn lengths_and_properties_that_are_malformed_end_the_connection() {
    // [MQTT-1.5.5-1], [MQTT-2.2.2-1], [MQTT-4.13.1-1]
    use ReasonCode as R;
    let broker = broker().await;
    for (bytes, reason) in [
        // A length in more bytes than it needs, of the packet and of its properties.
        (&b"\xc0\x80\x00"[..], R::MALFORMED_PACKET),
        (b"\x30\x05\x00\x01a\x80\x00", R::MALFORMED_PACKET),
        (b"\x30\xff\xff\xff\xff\x01", R::MALFORMED_PACKET),
        // No property length where there must be one; properties past the end of the packet.
        (b"\x30\x03\x00\x01a", R::MALFORMED_PACKET),
        (b"\x30\x05\x00\x01a\x05\x01", R::MALFORMED_PACKET),
        // A property twice, one of another packet, one that there is not.
        (b"\x30\x08\x00\x01a\x04\x01\x00\x01\x00", R::PROTOCOL_ERROR),
        (b"\x30\x07\x00\x01a\x03\x13\x00\x01", R::PROTOCOL_ERROR),
        (b"\x30\x06\x00\x01a\x02\x7e\x00", R::PROTOCOL_ERROR),
    ] {
        let mut client = Client::connected(&broker, V5, "rude").await;
        client.send_bytes(bytes).await;
        let said = client.expect_end().await;
        // The standard leaves an unknown property to either reason.
        let either = bytes[7 % bytes.len()] == 0x7e && said == Some(R::MALFORMED_PACKET);
        assert!(said == Some(reason) || either, "{bytes:x?}: {said:?}");
    }
}

#[tokio::test]
async fn pingreq_is_answered() {
    // [MQTT-3.12.4-1], [MQTT3-3.12.4-1]
    let broker = broker().await;
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "ping").await;
        for _ in 0..3 {
            client.send(Packet::PingReq).await;
            assert_eq!(client.frame().await, b"\xd0\x00");
        }
    }
}

/// The broker ends connections in every way that it has, all to clients that take no more than this.
async fn ends(broker: &TestBroker, with: &[Property<'_>]) -> Vec<Vec<u8>> {
    let with = properties(with);
    let connect = |id| Connect {
        properties: Properties::trusted(&with),
        ..connect(V5, id)
    };
    let mut frames = Vec::new();
    for bytes in [
        &b"\x36\x03\x00\x01a"[..],                    // malformed
        b"\xd0\x00",                                  // a protocol error
        b"\x30\xff\xff\xff\x7f",                      // too large
        b"\x30\x05\x00\x03a/+",                       // a topic that is none
        b"\x30\x07\x00\x01a\x03\x23\xff\xff",         // an alias that is none
        b"\x82\x09\x00\x01\x00\x00\x01a\x00\x00\x01", // malformed behind the first filter
    ] {
        let (mut client, _) = Client::accepted(broker, connect("rude")).await;
        client.send_bytes(bytes).await;
        frames.extend(client.frames_to_the_end().await);
    }
    let (mut first, _) = Client::accepted(broker, connect("twice")).await;
    let (second, _) = Client::accepted(broker, connect("twice")).await;
    frames.extend(first.frames_to_the_end().await);
    second.disconnect().await;
    let silent = Connect {
        keep_alive: 1,
        ..connect("silent")
    };
    let (mut silent, _) = Client::accepted(broker, silent).await;
    frames.extend(silent.frames_to_the_end().await);
    frames
}

#[tokio::test]
async fn disconnect_is_the_last_packet_and_says_why() {
    // [MQTT-3.14.2-1], [MQTT-3.14.2-2], [MQTT-3.14.4-1], [MQTT-3.14.4-2], [MQTT-4.13.2-1]
    const FROM_A_SERVER: [u8; 27] = [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95,
        0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1,
    ];
    let limits = Limits {
        maximum_packet_size: 1_000,
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    let frames = ends(&broker, &[]).await;
    assert_eq!(frames.len(), 8, "one each: {frames:x?}");
    for frame in frames {
        let Ok(Packet::Disconnect(p)) = decode(&frame, V5) else {
            panic!("{frame:x?}");
        };
        assert!(p.reason.is_error() && FROM_A_SERVER.contains(&p.reason.0));
        for property in p.properties.iter() {
            assert!(
                matches!(property, Property::ReasonString(_)),
                "{property:?}"
            );
        }
        assert!(!p.properties.is_empty(), "a person is told more");
    }
}

#[tokio::test]
async fn words_for_a_person_do_not_make_a_packet_larger_than_the_client_takes() {
    // [MQTT-3.14.2-3], [MQTT-3.1.2-24]
    let limits = Limits {
        maximum_packet_size: 1_000,
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    for most in [30, 40, 60] {
        for frame in ends(&broker, &[Property::MaximumPacketSize(most)]).await {
            assert!(frame.len() <= most as usize, "{frame:x?}");
            assert_eq!(
                PacketType::of_first_byte(frame[0]),
                Some(PacketType::Disconnect)
            );
        }
    }
}

#[tokio::test]
async fn after_a_clients_disconnect_the_connection_is_closed_without_a_word() {
    // [MQTT-3.14.4-2], [MQTT3-3.14.4-3]; what follows is not looked at
    let broker = broker().await;
    for version in BOTH {
        let mut watcher = Client::connected(&broker, version, "watcher").await;
        watcher.subscribe("#", 0).await;
        let mut client = Client::connected(&broker, version, "client").await;
        let mut bytes = b"\xe0\x00".to_vec();
        bytes.extend(bytes_of(&Packet::Publish(publish("a", "late", 0)), version));
        client.send_bytes(&bytes).await;
        assert_eq!(client.frames_to_the_end().await, [[0; 0]; 0]);
        watcher.expect_silence().await;
    }
}
