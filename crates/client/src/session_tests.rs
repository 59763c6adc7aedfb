use mqttwb_model::TopicName;
use mqttwb_wire::frame_len;

use super::*;
use crate::hello::LARGEST_PACKET;

fn negotiated(receive_maximum: u16, topic_alias_maximum: u16) -> Negotiated {
    Negotiated {
        url: "mqtt://localhost:1883".into(),
        peer: ([127, 0, 0, 1], 1883).into(),
        tls: None,
        client_id: "client".into(),
        session_present: true,
        keep_alive: 60,
        receive_maximum,
        maximum_packet_size: None,
        topic_alias_maximum,
        properties: Vec::new(),
    }
}

fn message(topic: &str, qos: QoS) -> Publication {
    Publication::new(TopicName::try_from(topic).unwrap(), "x", qos)
}

fn publish(session: &mut Session, message: &Publication, out: &mut BytesMut) -> u16 {
    match session.publish(message, out) {
        Ok(id) => id,
        Err(_) => panic!("not published"),
    }
}

fn frames(mut out: BytesMut) -> Vec<BytesMut> {
    let mut frames = Vec::new();
    while let Ok(Some(len)) = frame_len(&out, LARGEST_PACKET) {
        frames.push(out.split_to(len));
    }
    frames
}

fn acks(version: ProtocolVersion, packet: Packet<'_>) -> BytesMut {
    let mut frame = BytesMut::new();
    encode(&packet, version, &mut frame);
    frame
}

const BOTH: [Version; 2] = [Version::V311, Version::V5];

#[test]
fn what_was_not_acknowledged_is_sent_again_with_dup_and_its_identifier() {
    // [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT3-4.4.0-1] [MQTT3-3.3.1-1]
    for version in BOTH {
        let wire = ProtocolVersion::from(version);
        let mut session = Session::new(version);
        let mut out = BytesMut::new();
        for (topic, qos) in [
            ("a", QoS::AtLeastOnce),
            ("b", QoS::AtLeastOnce),
            ("c", QoS::ExactlyOnce),
        ] {
            publish(&mut session, &message(topic, qos), &mut out);
        }
        let mut answers = BytesMut::new();
        let puback = acks(wire, Packet::PubAck(Ack::success(1)));
        assert!(session.incoming(puback, &mut answers).is_ok());
        let pubrec = acks(wire, Packet::PubRec(Ack::success(3)));
        assert!(session.incoming(pubrec, &mut answers).is_ok());

        let mut again = BytesMut::new();
        assert_eq!(session.resume(&mut again).unwrap(), [2]);
        let again = frames(again);
        let publish = peek(&again[0], wire).unwrap();
        assert_eq!(
            (
                publish.packet,
                publish.dup,
                publish.packet_id,
                publish.topic
            ),
            (PacketType::Publish, true, Some(2), Some("b"))
        );
        // The QoS 2 message was received: its PUBREL is what was not answered.
        let pubrel = peek(&again[1], wire).unwrap();
        assert_eq!(
            (pubrel.packet, pubrel.packet_id),
            (PacketType::PubRel, Some(3))
        );
        assert_eq!(again.len(), 2);
    }
}

#[test]
fn a_qos_2_message_that_comes_again_after_a_reconnect_is_told_apart() {
    // [MQTT-4.3.3-10] [MQTT3-4.3.3-2]
    for version in BOTH {
        let wire = ProtocolVersion::from(version);
        let mut session = Session::new(version);
        let sent = |dup| {
            let publish = mqttwb_wire::Publish {
                dup,
                qos: QoS::ExactlyOnce,
                retain: false,
                topic: "a",
                packet_id: 7,
                properties: mqttwb_wire::Properties::NONE,
                payload: b"x",
            };
            acks(wire, Packet::Publish(publish))
        };
        let mut out = BytesMut::new();
        let first = session.incoming(sent(false), &mut out).unwrap();
        assert!(matches!(first, Some(Event::Received(_))));
        session.resume(&mut BytesMut::new()).unwrap();
        let second = session.incoming(sent(true), &mut out).unwrap();
        assert!(matches!(second, Some(Event::Again(_))));
        let pubrel = acks(wire, Packet::PubRel(Ack::success(7)));
        session.incoming(pubrel.clone(), &mut out).unwrap();
        // A PUBREL that comes again is answered too [MQTT-4.3.3-11].
        session.incoming(pubrel, &mut out).unwrap();
        let answers: Vec<_> = frames(out)
            .iter()
            .map(|frame| peek(frame, wire).unwrap().packet)
            .collect();
        use PacketType::{PubComp, PubRec};
        assert_eq!(answers, [PubRec, PubRec, PubComp, PubComp]);
    }
}

#[test]
fn no_more_messages_are_sent_than_the_receive_maximum_lets() {
    // [MQTT-3.3.4-7]
    let mut session = Session::new(Version::V5);
    session.agreed(&negotiated(2, 0));
    let mut out = BytesMut::new();
    for _ in 0..2 {
        assert!(session.has_room());
        publish(&mut session, &message("a", QoS::ExactlyOnce), &mut out);
    }
    assert!(!session.has_room());
    // A refusal makes room too.
    let refused = Ack::with_reason(1, ReasonCode::NOT_AUTHORIZED);
    let pubrec = acks(ProtocolVersion::V5, Packet::PubRec(refused));
    let event = session.incoming(pubrec, &mut out).unwrap();
    assert!(matches!(event, Some(Event::Acknowledged { id: 1, .. })));
    assert!(session.has_room());
}

#[test]
fn an_alias_stands_for_its_topic_from_the_second_message_on() {
    // [MQTT-3.3.2-8] [MQTT-3.3.2-9]
    let mut session = Session::new(Version::V5);
    session.agreed(&negotiated(10, 3));
    let mut aliased = message("plant/pump-7/temperature", QoS::AtMostOnce);
    aliased.properties.topic_alias = Some(3);
    let mut out = BytesMut::new();
    publish(&mut session, &aliased, &mut out);
    publish(&mut session, &aliased, &mut out);
    let topics: Vec<_> = frames(out)
        .iter()
        .map(|frame| peek(frame, ProtocolVersion::V5).unwrap().topic.is_some())
        .collect();
    assert_eq!(topics, [true, false]);
    aliased.properties.topic_alias = Some(4);
    let refused = session.publish(&aliased, &mut BytesMut::new());
    assert!(matches!(
        refused,
        Err(PublishError::Request(RequestError::Alias {
            alias: 4,
            maximum: 3
        }))
    ));
}

#[test]
fn subscriptions_and_messages_never_share_an_identifier() {
    // [MQTT-2.2.1-3]
    let mut session = Session::new(Version::V5);
    let mut out = BytesMut::new();
    let mut taken = HashSet::new();
    for _ in 0..WINDOW {
        assert!(taken.insert(publish(
            &mut session,
            &message("a", QoS::AtLeastOnce),
            &mut out
        )));
    }
    for _ in 0..1_000 {
        let id = session.unsubscribe("a", &mut out).unwrap();
        assert!(taken.insert(id));
    }
}
