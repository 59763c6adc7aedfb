//! The messages of a recording: each once, as it was published.

use std::sync::Arc;

use mqttwb_capture::{Filter, Packet, Recording, Source};
use mqttwb_model::recording::Origin;
use mqttwb_model::{Direction, FaultDone, PacketType, QoS, Timestamp};
use mqttwb_wire::Properties;

use crate::Result;

use super::work::Work;

/// Packets that are read at a time.
const AT_ONCE: u64 = 4 * 1024;

/// A message, lent out of a recording.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The number of its packet.
    pub seq: u64,
    pub at: Timestamp,
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: QoS,
    pub retain: bool,
    pub properties: Properties<'a>,
}

/// Which messages were on their way in which direction is what a recording is about.
///
/// Of the broker's it is what clients sent: a delivery is that message again. A subscriber of another broker saw nothing but
/// deliveries, so they are all there is. An import may be the one or the other.
pub fn direction(recording: &Recording) -> Direction {
    match recording.about().origin {
        Origin::Broker => Direction::ToBroker,
        Origin::Client => Direction::ToClient,
        Origin::Import => {
            let kept = recording.kept();
            let mut next = kept.start;
            while next < kept.end {
                let packets = recording.read(next, AT_ONCE);
                next = packets.end().max(next + 1);
                if packets.iter().any(|packet| {
                    packet.direction == Direction::ToBroker
                        && packet.packet_type() == Some(PacketType::Publish)
                }) {
                    return Direction::ToBroker;
                }
            }
            Direction::ToClient
        }
    }
}

/// Calls with each message that passes the filter, in the order that they were seen in. What was only sent again, by a client
/// or by a fault rule, is left out. Returns how many were.
pub fn each(
    recording: &Arc<Recording>,
    filter: &Filter,
    work: &Work,
    mut take: impl FnMut(Recorded<'_>) -> Result<()>,
) -> Result<u64> {
    let direction = direction(recording);
    let kept = recording.kept();
    work.total(kept.end - kept.start);
    let mut again = 0;
    let mut next = kept.start;
    while next < kept.end {
        work.check()?;
        let packets = recording.read(next, AT_ONCE);
        for packet in packets.passing(filter, &**recording) {
            // What a test client of the broker saw is what the broker saw.
            if packet.direction != direction
                || packet.seen_by.is_second_view()
                || packet.packet_type() != Some(PacketType::Publish)
            {
                continue;
            }
            let twice = matches!(packet.fault, Some(fault) if fault.done == FaultDone::Duplicate);
            match of(&packet) {
                Some((_, true)) => again += 1,
                Some(_) if twice => again += 1,
                Some((message, false)) => take(message)?,
                None => {} // malformed: it was never a message
            }
        }
        next = packets.end().max(next + 1);
        work.done(next.min(kept.end) - kept.start);
    }
    Ok(again)
}

/// The message in a packet, and whether it was sent again.
fn of<'a>(packet: &Packet<'a>) -> Option<(Recorded<'a>, bool)> {
    let topic = packet.topic()?;
    let Ok(mqttwb_wire::Packet::Publish(publish)) =
        mqttwb_wire::decode(packet.frame, packet.version)
    else {
        return None;
    };
    let message = Recorded {
        seq: packet.seq,
        at: packet.at,
        topic,
        payload: publish.payload,
        qos: publish.qos,
        retain: publish.retain,
        properties: publish.properties,
    };
    Some((message, publish.dup))
}
