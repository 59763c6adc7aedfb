//! The PUBLISH that a payload is of, and the one before it on its topic.

use mqttwb_capture::Source;
use mqttwb_model::{ConnectionId, Direction, PacketType, Timestamp};

use crate::Result;
use crate::api::{ApiError, ErrorCode};

/// Packets that a search for the message before looks at, at most.
const LOOK_BACK: u64 = 4_000_000;
/// Packets that it looks at under one look at the memory.
const SLICE: u64 = 8 * 1024;

/// A PUBLISH that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub at: Timestamp,
    pub direction: Direction,
    pub connection: ConnectionId,
    pub topic: String,
    pub payload: Vec<u8>,
}

fn gone(seq: u64) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("Packet {seq} is no longer kept, or carries no payload."),
    )
    .hint("Older packets make room for newer ones. Choose one that the table still shows.")
}

/// The PUBLISH of this number.
pub(super) fn find(source: &dyn Source, seq: u64) -> Result<Found> {
    let packets = source.packet(seq);
    let packet = packets.get(seq).ok_or_else(|| gone(seq))?;
    if packet.packet_type() != Some(PacketType::Publish) {
        return Err(gone(seq));
    }
    let range = mqttwb_wire::dissect(packet.frame, packet.version).payload;
    let payload = range
        .and_then(|range| packet.frame.get(range))
        .ok_or_else(|| gone(seq))?;
    Ok(Found {
        at: packet.at,
        direction: packet.direction,
        connection: packet.connection,
        topic: packet.topic().unwrap_or_default().to_owned(),
        payload: payload.to_vec(),
    })
}

/// The newest PUBLISH to a topic from `after` on and before `until`, which went the same way as another.
pub(super) fn last_on_topic(
    source: &dyn Source,
    topic: &str,
    way: (Direction, Option<ConnectionId>),
    after: u64,
    until: u64,
) -> Option<u64> {
    let first = source
        .kept()
        .start
        .max(after)
        .max(until.saturating_sub(LOOK_BACK));
    let mut end = until;
    while end > first {
        let start = end.saturating_sub(SLICE).max(first);
        let packets = source.read(start, end - start);
        let found = packets
            .iter()
            .take_while(|packet| packet.seq < end)
            .filter(|packet| packet.seq >= start && packet.direction == way.0)
            .filter(|packet| {
                way.1
                    .is_none_or(|connection| packet.connection == connection)
            })
            .filter(|packet| packet.packet_type() == Some(PacketType::Publish))
            .filter(|packet| packet.topic() == Some(topic))
            .last();
        if let Some(found) = found {
            return Some(found.seq);
        }
        end = start;
    }
    None
}
