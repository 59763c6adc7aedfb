use mqttwb_model::{
    Direction as Way, ListenerProtocol, MessageId, Observer, PacketBatch, PacketMark, Timestamp,
};

use super::*;
use crate::api::PayloadFormat;

/// QoS 1, retained, identifier 7, from an MQTT 5 client that uses the topic alias 1.
const PUBLISH: &[u8] = b"\x33\x11\0\0\0\x07\x03\x23\0\x01{\"v\":1.0}";

fn capture() -> Arc<Capture> {
    let capture = Capture::new(1 << 20);
    capture.connected(&ConnectionInfo {
        id: ConnectionId(1),
        client: "pump-7".into(),
        version: ProtocolVersion::V5,
        listener: "tls".into(),
        protocol: ListenerProtocol::Tls,
        peer: ([127, 0, 0, 1], 40_000).into(),
        common_name: Some("pump-7".into()),
    });
    capture
}

fn see(capture: &Capture, direction: Way, frame: &[u8], topic: Option<&str>) {
    capture.packets(PacketBatch {
        connection: ConnectionId(1),
        direction,
        bytes: frame,
        marks: &[PacketMark {
            at: Timestamp(1_700_000_000_123_456_789),
            start: 0,
            len: frame.len() as u32,
            message: topic.map(|_| MessageId(3)),
            aliased_topic: topic.map(Into::into),
            fault: None,
        }],
    });
}

#[test]
fn a_row_says_what_a_fault_rule_did() {
    let capture = capture();
    let done = mqttwb_model::FaultDone::Dropped;
    capture.packets(PacketBatch {
        connection: ConnectionId(1),
        direction: Way::ToClient,
        bytes: PUBLISH,
        marks: &[PacketMark {
            at: Timestamp(1),
            start: 0,
            len: PUBLISH.len() as u32,
            message: None,
            aliased_topic: Some("plant/x".into()),
            fault: Some(Arc::new(mqttwb_model::Fault {
                rule: "lossy".into(),
                done,
            })),
        }],
    });
    let traffic = Traffic::new(capture);
    let view = traffic.open(&TrafficFilter::default()).unwrap();
    let row = traffic.rows(view, 0, 10).unwrap().rows.remove(0);
    assert_eq!(row.topic.as_deref(), Some("plant/x"));
    let fault = row.fault.unwrap();
    assert_eq!(
        (fault.rule.as_str(), fault.done),
        ("lossy", crate::api::FaultDone::Dropped)
    );
    assert!(fault.text.contains("the client never got it"));
}

#[test]
fn a_row_says_what_the_packet_says() {
    let capture = capture();
    see(&capture, Way::ToBroker, PUBLISH, Some("plant/x"));
    see(&capture, Way::ToClient, b"\x40\x03\0\x07\x87", None);
    let traffic = Traffic::new(capture);
    let view = traffic.open(&TrafficFilter::default()).unwrap();
    let rows = traffic.rows(view, 0, 10).unwrap();
    assert_eq!(rows.start, 0);
    let [publish, ack] = &rows.rows[..] else {
        panic!("two packets were seen: {rows:?}");
    };
    assert_eq!(publish.at_micros, 1_700_000_000_123_456);
    assert_eq!(
        (
            publish.client.as_str(),
            publish.packet.as_str(),
            publish.qos
        ),
        ("pump-7", "PUBLISH", Some(1))
    );
    assert_eq!(publish.topic.as_deref(), Some("plant/x"));
    assert_eq!(
        (publish.dup, publish.retain, publish.packet_id),
        (false, true, Some(7))
    );
    assert_eq!((publish.message, publish.size), (Some(3), 19));
    assert_eq!(publish.reason, None);
    assert_eq!((ack.packet.as_str(), ack.packet_id), ("PUBACK", Some(7)));
    assert_eq!(ack.direction, Direction::ToClient);
    assert_eq!(ack.reason.as_deref(), Some("0x87 not authorized"));
}

#[test]
fn a_detail_has_the_bytes_the_fields_and_the_payload() {
    let capture = capture();
    see(&capture, Way::ToBroker, PUBLISH, Some("plant/x"));
    let traffic = Traffic::new(capture);
    let detail = traffic.detail(0, false).unwrap();
    assert_eq!(STANDARD.decode(&detail.bytes).unwrap(), PUBLISH);
    assert_eq!(detail.malformed, None);
    assert_eq!(
        (detail.listener.as_str(), detail.peer.as_str()),
        ("tls", "127.0.0.1:40000")
    );
    assert_eq!(detail.common_name.as_deref(), Some("pump-7"));
    assert!(
        detail
            .fields
            .iter()
            .any(|field| field.role == FieldRole::PacketId && field.value == "7")
    );
    let payload = detail.payload.unwrap();
    assert_eq!(
        (payload.format, payload.text.as_str()),
        (PayloadFormat::Json, "{\n  \"v\": 1.0\n}")
    );
    let error = traffic.detail(1, false).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[test]
fn a_frame_has_the_newest_rows_and_the_counts() {
    let capture = capture();
    for _ in 0..5 {
        see(&capture, Way::ToBroker, b"\xc0\0", None);
    }
    let traffic = Traffic::new(Arc::clone(&capture));
    let view = traffic.open(&TrafficFilter::default()).unwrap();
    let pings = TrafficFilter {
        packets: vec!["PINGRESP".into()],
        ..TrafficFilter::default()
    };
    let none = traffic.open(&pings).unwrap();
    let frame = traffic.frame(view, 2).unwrap();
    assert_eq!(
        (frame.begin, frame.end, frame.stored, frame.seen),
        (0, 5, 5, 5)
    );
    assert_eq!(
        frame.tail.iter().map(|row| row.seq).collect::<Vec<_>>(),
        [3, 4]
    );
    let frame = traffic.frame(none, 2).unwrap();
    assert_eq!(
        (frame.begin, frame.end, frame.stored, frame.searching),
        (0, 0, 5, false)
    );
    traffic.clear();
    let frame = traffic.frame(view, 2).unwrap();
    assert_eq!(
        (frame.begin, frame.end, frame.stored, frame.seen),
        (5, 5, 0, 5)
    );
    assert!(frame.tail.is_empty());
}

#[test]
fn a_view_that_is_not_open_is_not_found() {
    let traffic = Traffic::new(capture());
    let first = traffic.open(&TrafficFilter::default()).unwrap();
    traffic.frame(first, 0).unwrap();
    traffic.close(first).unwrap();
    for result in [
        traffic.close(first),
        traffic.frame(first, 0).map(drop),
        traffic.rows(first, 0, 1).map(drop),
        traffic.filter(first, &TrafficFilter::default()),
    ] {
        assert_eq!(result.unwrap_err().code, ErrorCode::NotFound);
    }
}

#[test]
fn the_view_not_asked_for_longest_makes_room() {
    let traffic = Traffic::new(capture());
    let views: Vec<u32> = (0..VIEWS)
        .map(|_| traffic.open(&TrafficFilter::default()).unwrap())
        .collect();
    traffic.frame(views[0], 0).unwrap();
    traffic.open(&TrafficFilter::default()).unwrap();
    assert!(traffic.frame(views[0], 0).is_ok());
    assert!(traffic.frame(views[1], 0).is_err());
    assert!(traffic.frame(views[2], 0).is_ok());
}

#[test]
fn a_filter_that_means_nothing_is_refused_and_changes_nothing() {
    let traffic = Traffic::new(capture());
    let view = traffic.open(&TrafficFilter::default()).unwrap();
    for filter in [
        TrafficFilter {
            topic: "a/#/b".into(),
            ..TrafficFilter::default()
        },
        TrafficFilter {
            packets: vec!["PUBLISHED".into()],
            ..TrafficFilter::default()
        },
        TrafficFilter {
            qos: Some(3),
            ..TrafficFilter::default()
        },
        TrafficFilter {
            from: Some(2),
            until: Some(2),
            ..TrafficFilter::default()
        },
    ] {
        assert_eq!(
            traffic.open(&filter).unwrap_err().code,
            ErrorCode::InvalidInput
        );
        assert_eq!(
            traffic.filter(view, &filter).unwrap_err().code,
            ErrorCode::InvalidInput
        );
    }
    traffic.frame(view, 0).unwrap();
}

#[test]
fn a_filter_of_the_page_narrows_by_client_payload_time_message_and_fault() {
    let capture = capture();
    see(&capture, Way::ToBroker, PUBLISH, Some("plant/x"));
    see(&capture, Way::ToClient, b"\x40\x03\0\x07\x87", None);
    let traffic = Traffic::new(capture);
    let all = TrafficFilter::default;
    let at = 1_700_000_000_123_456;
    for (filter, expected) in [
        (all(), 2),
        (
            TrafficFilter {
                payload: "1.0".into(),
                ..all()
            },
            1,
        ),
        (
            TrafficFilter {
                clients: vec!["pump-*".into()],
                ..all()
            },
            2,
        ),
        (
            TrafficFilter {
                clients: vec!["ops".into(), String::new()],
                ..all()
            },
            0,
        ),
        (
            TrafficFilter {
                message: Some(3),
                ..all()
            },
            1,
        ),
        (
            TrafficFilter {
                faults: true,
                ..all()
            },
            0,
        ),
        (
            TrafficFilter {
                from: Some(at),
                until: Some(at + 1),
                ..all()
            },
            2,
        ),
        (
            TrafficFilter {
                from: Some(at + 1),
                ..all()
            },
            0,
        ),
    ] {
        let view = traffic.open(&filter).unwrap();
        let frame = traffic.frame(view, 0).unwrap();
        assert_eq!(frame.end - frame.begin, expected, "{filter:?}");
    }
}
