//! The messages of a recording: each once, as it was published.

use std::ops::Range;
use std::sync::Arc;

use mqttwb_capture::{Filter, Packet, Packets, Recording, Source};
use mqttwb_model::recording::{ConnectionEnd, Origin};
use mqttwb_model::{Direction, FaultDone, PacketType, QoS, Timestamp};
use mqttwb_wire::Properties;

use crate::Result;

use super::archive_failed;
use super::wills::Wills;
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
    /// The broker published it in place of a client that was lost.
    pub will: bool,
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

/// Calls with each message that passes the filter, in the order that they were seen in. What was only sent again is left out. A
/// last will comes when its client's connection ended without a goodbye, and its delay has passed. Returns how many were left out.
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
    let mut dead = Dead {
        recording,
        filter,
        // Whoever subscribed has received them.
        follows: direction == Direction::ToBroker,
        wills: Wills::default(),
    };
    let mut next = kept.start;
    while next < kept.end {
        work.check()?;
        let packets = recording.read(next, AT_ONCE);
        let end = packets.end().max(next + 1);
        let mut events = dead.of(&packets, next..end)?.into_iter().peekable();
        for packet in packets.passing(filter, &**recording) {
            // What a test client of the broker saw is what the broker saw.
            if packet.direction != direction
                || packet.seen_by.is_second_view()
                || packet.packet_type() != Some(PacketType::Publish)
            {
                continue;
            }
            while let Some(event) = events.next_if(|event| event.seq() <= packet.seq) {
                dead.learn(event, &packets);
            }
            dead.tell(packet.at, &mut take)?;
            let twice = matches!(packet.fault, Some(fault) if fault.done == FaultDone::Duplicate);
            match of(&packet) {
                Some((_, true)) => again += 1,
                Some(_) if twice => again += 1,
                Some((message, false)) => take(message)?,
                None => {} // malformed: it was never a message
            }
        }
        for event in events {
            dead.learn(event, &packets);
        }
        next = end;
        work.done(next.min(kept.end) - kept.start);
    }
    dead.last(kept.end)?;
    dead.tell(Timestamp(u64::MAX), &mut take)?;
    Ok(again)
}

/// What tells of wills: a packet of a connection's beginning or goodbye, or its end.
enum Event {
    Packet(u64),
    End(ConnectionEnd),
}

impl Event {
    /// The number of the packet that it is, or that it came before.
    fn seq(&self) -> u64 {
        match self {
            Self::Packet(seq) => *seq,
            Self::End(end) => end.before,
        }
    }
}

/// The wills of who has died.
struct Dead<'a> {
    recording: &'a Arc<Recording>,
    filter: &'a Filter,
    follows: bool,
    wills: Wills,
}

impl Dead<'_> {
    /// What these packets tell of wills, in its order.
    fn of(&self, packets: &Packets, range: Range<u64>) -> Result<Vec<Event>> {
        if !self.follows {
            return Ok(Vec::new());
        }
        let mut events: Vec<Event> = packets
            .iter()
            .filter(|packet| {
                !packet.seen_by.is_second_view()
                    && matches!(
                        packet.packet_type(),
                        Some(PacketType::Connect | PacketType::ConnAck | PacketType::Disconnect)
                    )
            })
            .map(|packet| Event::Packet(packet.seq))
            .collect();
        let mut ends = Vec::new();
        self.ends(range, &mut |end| ends.push(Event::End(end)))?;
        events.extend(ends);
        // An end came before the packet of its number.
        events.sort_by_key(|event| (event.seq(), matches!(event, Event::Packet(_))));
        Ok(events)
    }

    fn ends(&self, before: Range<u64>, each: &mut dyn FnMut(ConnectionEnd)) -> Result<()> {
        self.recording
            .ends(before, each)
            .map_err(|error| archive_failed(&error))
    }

    fn learn(&mut self, event: Event, packets: &Packets) {
        match event {
            Event::Packet(seq) => {
                if let Some(packet) = packets.get(seq) {
                    let client = || {
                        let info = self.recording.connection(packet.connection)?;
                        Some(info.client.as_str().to_owned())
                    };
                    self.wills.see(&packet, client);
                }
            }
            Event::End(end) => self.wills.ended(&end),
        }
    }

    /// Learns of the ends behind the last packet.
    fn last(&mut self, end: u64) -> Result<()> {
        if !self.follows {
            return Ok(());
        }
        let mut ends = Vec::new();
        self.ends(end..u64::MAX, &mut |end| ends.push(end))?;
        ends.iter().for_each(|end| self.wills.ended(end));
        Ok(())
    }

    /// Calls with the wills that were published until then and pass the filter.
    fn tell(
        &mut self,
        until: Timestamp,
        take: &mut impl FnMut(Recorded<'_>) -> Result<()>,
    ) -> Result<()> {
        while let Some((at, left)) = self.wills.published(until) {
            let Some(will) = left.will() else { continue };
            let passes =
                self.filter
                    .passes_will(at, will.client, will.topic, will.payload, will.qos);
            if !passes {
                continue;
            }
            take(Recorded {
                seq: left.seq,
                at,
                topic: will.topic,
                payload: will.payload,
                qos: will.qos,
                retain: will.retain,
                properties: will.properties,
                will: true,
            })?;
        }
        Ok(())
    }
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
        will: false,
    };
    Some((message, publish.dup))
}
