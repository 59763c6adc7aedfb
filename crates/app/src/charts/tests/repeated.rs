//! Messages that come twice, late, or not at all.

use mqttwb_model::{ConnectionInfo, Fault, FaultDone, ProtocolVersion};

use super::*;

/// A client comes, by a connection of this number.
fn connected(charts: &Charts, connection: u64, client: &str) {
    let client = ConnectionInfo::local(connection, client, ProtocolVersion::V311);
    charts.capture.connected(&client);
}

/// A PUBLISH of QoS 1 with a packet identifier, as it was sent first or as it is sent again.
fn sent(charts: &Charts, connection: u64, second: u64, id: u8, payload: &str, dup: bool) {
    faulty(charts, connection, second, (id, payload, dup), None);
}

fn faulty(
    charts: &Charts,
    connection: u64,
    second: u64,
    (id, payload, dup): (u8, &str, bool),
    done: Option<FaultDone>,
) {
    let first = 0x32 | u8::from(dup) << 3;
    let mut frame = vec![first, (5 + payload.len()) as u8, 0, 1, b't', 0, id];
    frame.extend(payload.bytes());
    let fault = done.map(|done| {
        Arc::new(Fault {
            rule: "rule".into(),
            done,
        })
    });
    let mark = PacketMark {
        fault,
        ..mark(at(second), &frame)
    };
    see(charts, (connection, Direction::ToBroker), &frame, mark);
}

fn points(charts: &Charts, id: u32) -> (Vec<(u64, f64)>, u64) {
    charts.read();
    let frame = charts.frame_at(view(id), at(60)).unwrap();
    let state = charts.state.lock();
    let lines = state.charts[&id].shown(&state.samples).lines();
    let points = lines.first().map(|(_, series)| {
        let points = series.iter();
        points
            .map(|point| ((point.at.0 - START) / SECOND, point.value))
            .collect()
    });
    (points.unwrap_or_default(), frame.repeated)
}

#[test]
fn a_message_that_is_sent_again_is_one_point_where_it_was_sent_first() {
    let charts = charts();
    let id = charts.create(payload_chart("t", "")).unwrap().id;
    connected(&charts, 1, "pump");
    connected(&charts, 2, "valve");
    sent(&charts, 1, 1, 7, "1.5", false);
    sent(&charts, 1, 2, 7, "1.5", true);
    // A client that was cut off sends it again over its next connection.
    connected(&charts, 3, "pump");
    sent(&charts, 3, 3, 7, "1.5", true);
    assert_eq!(points(&charts, id), (vec![(1, 1.5)], 2));
    // Somebody else's packet identifier, and one whose first PUBLISH nobody saw, are of other messages.
    sent(&charts, 2, 4, 7, "1.5", true);
    sent(&charts, 3, 5, 8, "2.5", true);
    let expected = vec![(1, 1.5), (4, 1.5), (5, 2.5)];
    assert_eq!(points(&charts, id), (expected, 2));
}

#[test]
fn a_second_message_is_a_second_point_though_it_is_like_the_first() {
    let charts = charts();
    let id = charts.create(payload_chart("t", "")).unwrap().id;
    connected(&charts, 1, "pump");
    sent(&charts, 1, 1, 7, "1.5", false);
    // The packet identifier is free again, and the value has not changed.
    sent(&charts, 1, 2, 7, "1.5", false);
    // Under the same one, but with another value: the first PUBLISH of it was lost on the way.
    sent(&charts, 1, 3, 7, "1.75", true);
    publish(&charts, Direction::ToBroker, 4, "t", "1.75");
    publish(&charts, Direction::ToBroker, 5, "t", "1.75");
    let expected = vec![(1, 1.5), (2, 1.5), (3, 1.75), (4, 1.75), (5, 1.75)];
    assert_eq!(points(&charts, id), (expected, 0));
}

#[test]
fn what_a_fault_kept_from_arriving_is_no_point_and_its_second_copy_none_either() {
    let charts = charts();
    let id = charts.create(payload_chart("t", "")).unwrap().id;
    connected(&charts, 1, "pump");
    let dropped = Some(FaultDone::Dropped);
    faulty(&charts, 1, 1, (7, "1.5", false), dropped);
    assert_eq!(points(&charts, id), (vec![], 0));
    sent(&charts, 1, 2, 7, "1.5", true);
    assert_eq!(points(&charts, id), (vec![(2, 1.5)], 0));
    let twin = Some(FaultDone::Duplicate);
    sent(&charts, 1, 3, 8, "2.5", false);
    faulty(&charts, 1, 3, (8, "2.5", false), twin);
    assert_eq!(points(&charts, id), (vec![(2, 1.5), (3, 2.5)], 1));
}

#[test]
fn no_more_messages_are_remembered_than_there_may_be() {
    let charts = charts();
    let id = charts.create(payload_chart("t", "")).unwrap().id;
    let clients = 40;
    for client in 0..clients {
        connected(&charts, client, &format!("client-{client}"));
        for packet in 1..=255 {
            sent(&charts, client, 1, packet, "1", false);
        }
        charts.read();
    }
    let (sent_first, _) = points(&charts, id);
    sent(&charts, clients - 1, 2, 255, "1", true);
    let (now, repeated) = points(&charts, id);
    assert_eq!(
        (now.len(), repeated),
        (sent_first.len(), 1),
        "the newest is known"
    );
    sent(&charts, 0, 3, 1, "1", true);
    let (now, repeated) = points(&charts, id);
    let expected = (sent_first.len() + 1, 1);
    assert_eq!((now.len(), repeated), expected, "the oldest is not");
}
