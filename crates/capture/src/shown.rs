//! For tests: what an observer is shown.
//!
//! Duty: connections, frames and packets of which nothing is said but what a test is about; the rest by struct update.
//! Not here: whole conversations (each test's own).

use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, Observer as _, PacketBatch, PacketMark,
    ProtocolVersion, Timestamp,
};

use crate::Capture;

/// A client of the embedded broker: MQTT 3.1.1 over TCP.
pub(crate) fn connection(id: u64, client: &str) -> ConnectionInfo {
    ConnectionInfo::local(id, client, ProtocolVersion::V311)
}

/// A packet as it is on the wire: its first byte, the length of the rest, and the rest.
pub(crate) fn frame(first: u8, rest: &[&[u8]]) -> Vec<u8> {
    let body = rest.concat();
    let mut frame = vec![first];
    let mut left = body.len();
    while left >= 128 {
        frame.push((left % 128) as u8 | 0x80);
        left /= 128;
    }
    frame.push(left as u8);
    frame.extend(body);
    frame
}

/// A PUBLISH before MQTT 5, with the identifier 1 above QoS 0.
pub(crate) fn publish(topic: &str, qos: u8, payload: &[u8]) -> Vec<u8> {
    let id: &[u8] = if qos > 0 { &[0, 1] } else { &[] };
    let len = (topic.len() as u16).to_be_bytes();
    frame(0x30 | qos << 1, &[&len, topic.as_bytes(), id, payload])
}

/// The mark of the only packet in a batch.
pub(crate) fn mark(at: u64, frame: &[u8]) -> PacketMark {
    PacketMark {
        at: Timestamp(at),
        start: 0,
        len: frame.len() as u32,
        message: None,
        aliased_topic: None,
        fault: None,
    }
}

/// Shows one packet, and asks nothing: where the capture is busy it waits no longer than a client would.
pub(crate) fn packet(
    capture: &Capture,
    (connection, direction): (u64, Direction),
    frame: &[u8],
    mark: PacketMark,
) {
    capture.packets(PacketBatch {
        connection: ConnectionId(connection),
        direction,
        bytes: frame,
        marks: &[mark],
    });
}
