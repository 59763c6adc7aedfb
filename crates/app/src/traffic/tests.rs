use mqttwb_model::{
    Direction as Way, ListenerProtocol, MessageId, Observer, PacketBatch, PacketMark,
    ProtocolVersion, Timestamp,
};

use super::*;

/// QoS 1, retained, identifier 7, from an MQTT 5 client that uses the topic alias 1.
const PUBLISH: &[u8] = b"\x33\x11\0\0\0\x07\x03\x23\0\x01{\"v\":1.0}";

fn capture() -> Arc<Capture> {
    let capture = Capture::new(1 << 20);
    capture.connected(&ConnectionInfo {
        listener: "tls".into(),
        protocol: ListenerProtocol::Tls,
        common_name: Some("pump-7".into()),
        ..ConnectionInfo::local(1, "pump-7", ProtocolVersion::V5)
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
fn a_detail_has_the_bytes_and_the_fields() {
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
    assert!(
        detail
            .fields
            .iter()
            .any(|field| field.role == FieldRole::Payload)
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
    traffic.clear().unwrap();
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
    let views: Vec<u32> = (0..views::VIEWS)
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

/// A PUBLISH of QoS 1 without an alias.
const PLAIN: &[u8] = b"\x32\x08\0\x01t\0\x29\0on";

#[test]
fn a_message_is_a_row_with_its_payload_and_how_far_it_came() {
    let capture = capture();
    let traffic = Traffic::new(capture.clone());
    see_message(&capture, Way::ToBroker, PLAIN, Some(7));
    see_message(&capture, Way::ToClient, PLAIN, Some(7));
    let view = traffic.messages().open(&TrafficFilter::default()).unwrap();
    let frame = traffic.messages().frame(view, 10).unwrap();
    assert_eq!(
        (frame.begin, frame.end, frame.known, frame.missed),
        (0, 1, 1, 0)
    );
    let row = &frame.tail[0];
    assert_eq!(
        (row.client.as_str(), row.topic.as_str(), row.qos),
        ("pump-7", "t", 1)
    );
    assert_eq!((row.preview.as_str(), row.size, row.whole), ("on", 2, true));
    assert_eq!((row.deliveries, row.under_way, row.done), (1, 1, 0));
    see_message(&capture, Way::ToBroker, b"\x40\x02\0\x29", None);
    traffic.messages().frame(view, 0).unwrap();
    let rows = traffic.messages().rows(view, 0, 10).unwrap().rows;
    assert_eq!((rows[0].under_way, rows[0].done), (0, 1));
    assert!(rows[0].took_micros.is_some());

    traffic.clear().unwrap();
    let frame = traffic.messages().frame(view, 10).unwrap();
    assert_eq!((frame.begin, frame.end, frame.missed), (1, 1, 0));
    traffic.messages().close(view).unwrap();
    assert!(traffic.messages().frame(view, 10).is_err());
}

fn see_message(capture: &Capture, direction: Way, frame: &[u8], message: Option<u64>) {
    capture.packets(PacketBatch {
        connection: ConnectionId(1),
        direction,
        bytes: frame,
        marks: &[PacketMark {
            at: Timestamp(1_700_000_000_000_000_000),
            start: 0,
            len: frame.len() as u32,
            message: message.map(MessageId),
            aliased_topic: None,
            fault: None,
        }],
    });
}

#[test]
fn the_tree_shows_the_rows_in_sight_and_where_the_chosen_one_is() {
    let capture = capture();
    let traffic = Traffic::new(capture.clone());
    for n in 0..600 {
        let topic = format!("plant/pump-{n:03}");
        see(&capture, Way::ToBroker, PUBLISH, Some(&topic));
    }
    let now = Timestamp(1_700_000_001_000_000_000);
    let view = traffic.topics().open();
    let look = |start, count, chosen| crate::api::TopicsLook {
        start,
        count,
        chosen,
    };
    let frame = traffic
        .topics()
        .frame(view, &look(0, 10, None), now)
        .unwrap();
    assert_eq!((frame.total, frame.topics, frame.rows.len()), (1, 600, 1));
    assert_eq!(
        (frame.rows[0].messages, frame.rows[0].level.as_str()),
        (600, "plant")
    );
    traffic
        .topics()
        .set_open(view, frame.rows[0].node, true)
        .unwrap();
    let frame = traffic
        .topics()
        .frame(view, &look(1, 2, None), now)
        .unwrap();
    assert_eq!((frame.total, frame.start, frame.rows.len()), (601, 1, 2));
    let row = &frame.rows[1];
    let value = row.topic.as_ref().unwrap();
    assert_eq!(
        (value.preview.as_str(), value.retained),
        (r#"{"v":1.0}"#, true)
    );
    let chosen = Some(row.node);
    let frame = traffic
        .topics()
        .frame(view, &look(0, 9999, chosen), now)
        .unwrap();
    assert_eq!(
        (frame.chosen, frame.chosen_at, frame.rows.len()),
        (chosen, Some(2), 500)
    );
    traffic.topics().filter(view, "PUMP-59").unwrap();
    let frame = traffic
        .topics()
        .frame(view, &look(0, 99, None), now)
        .unwrap();
    assert_eq!(frame.total, 11);
    let detail = traffic.topics().detail("plant/pump-001", now);
    assert_eq!(detail.publishers, ["pump-7"]);
    assert!(detail.rate > 0.0);
    traffic.clear().unwrap();
    let frame = traffic
        .topics()
        .frame(view, &look(0, 99, None), now)
        .unwrap();
    assert_eq!((frame.total, frame.topics, frame.missed), (0, 0, 0));
}

#[test]
fn a_story_says_what_came_of_a_message() {
    let capture = capture();
    see_message(&capture, Way::ToBroker, PLAIN, Some(7));
    see_message(&capture, Way::ToClient, b"\x40\x02\0\x29", None);
    let ask = |message, packet| {
        let request = crate::api::StoryRequest { message, packet };
        story(capture.as_ref(), &request)
    };
    let told = ask(Some(7), None).unwrap();
    assert_eq!((told.topic.as_str(), told.qos, told.size), ("t", 1, 2));
    assert_eq!(told.publisher.as_deref(), Some("pump-7"));
    assert_eq!(told.outcome, "no delivery was seen");
    assert_eq!((told.steps.len(), told.notes.len()), (2, 1));
    assert_eq!(ask(None, Some(1)).unwrap(), told, "by its PUBACK");
    for (message, packet, code) in [
        (Some(8), None, ErrorCode::NotFound),
        (None, Some(9), ErrorCode::NotFound),
        (None, None, ErrorCode::InvalidInput),
        (Some(7), Some(0), ErrorCode::InvalidInput),
    ] {
        assert_eq!(ask(message, packet).unwrap_err().code, code);
    }
}

#[test]
fn a_diagram_is_written_under_a_name_of_its_own_within_the_folder() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("exports");
    let save = |name| save_flow(&folder, name, "<svg/>").unwrap();
    let first = save("../Message 7");
    assert!(first.ends_with("flow----message-7.svg"), "{first}");
    assert!(save("../Message 7").ends_with("flow----message-7-2.svg"));
    assert_eq!(std::fs::read_to_string(first).unwrap(), "<svg/>");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
}
