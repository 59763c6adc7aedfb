//! A run of packets side by side in memory.
//!
//! Duty: hold records and their bytes, and give them back by sequence number. Once sealed behind an `Arc` a segment
//! never changes, so whoever reads one holds no lock.
//! Not here: budgets and eviction (`log`).
//! Invariant: every record's offset and length lie within `bytes`.

mod bytes;

use std::num::NonZeroU64;
use std::sync::Arc;

use mqttwb_model::{
    ConnectionId, Direction, Fault, FaultDone, MessageId, PacketBatch, PacketMark, PacketType,
    ProtocolVersion, QoS, SeenBy, Timestamp,
};

/// What is kept of a packet besides its bytes: 40 bytes.
#[derive(Debug, Clone, Copy)]
struct Record {
    at: Timestamp,
    connection: ConnectionId,
    /// The message's number plus one, so that "none" takes no room.
    message: Option<NonZeroU64>,
    offset: u32,
    len: u32,
    direction: Direction,
    version: ProtocolVersion,
    /// The packet's first byte: type and flags, which most filters ask for, without touching `bytes`.
    first: u8,
    /// What follows the packet in `bytes`: [`ALIASED`], [`FAULTED`]; and which end has seen it: [`AT_CLIENT`], [`REMOTE`].
    extras: u8,
}

impl Record {
    fn message(&self) -> Option<MessageId> {
        self.message.map(|id| MessageId(id.get().wrapping_sub(1)))
    }
}

/// A packet's record, at the offset 0 and with nothing that follows the packet.
fn record(
    connection: ConnectionId,
    direction: Direction,
    (version, seen_by): (ProtocolVersion, SeenBy),
    mark: &PacketMark,
    first: u8,
) -> Record {
    Record {
        at: mark.at,
        connection,
        message: mark
            .message
            .and_then(|id| NonZeroU64::new(id.0.wrapping_add(1))),
        offset: 0,
        len: mark.len,
        direction,
        version,
        first,
        extras: seen_bits(seen_by),
    }
}

/// The topic of an alias, after its length in two bytes.
const ALIASED: u8 = 1;
/// Behind that what a fault rule did: its word and numbers in [`FAULT`] bytes, the length of the rule's name, the name.
const FAULTED: u8 = 2;
const FAULT: usize = 6;
/// A test client has seen the packet.
const AT_CLIENT: u8 = 4;
/// A test client of another broker has.
const REMOTE: u8 = 8;

/// Bytes that a record takes, its packet's bytes apart.
pub(crate) const RECORD: usize = size_of::<Record>();

/// A packet, lent out of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number in the capture.
    pub seq: u64,
    /// When it was read or handed to the socket.
    pub at: Timestamp,
    /// Whose it is.
    pub connection: ConnectionId,
    /// Which way it went.
    pub direction: Direction,
    /// The protocol version of its connection.
    pub version: ProtocolVersion,
    /// Which end of the connection has seen it.
    pub seen_by: SeenBy,
    /// The message that it carries or acknowledges.
    pub message: Option<MessageId>,
    /// The topic that its topic alias stands for, where it names none itself.
    pub aliased_topic: Option<&'a str>,
    /// What a fault rule did to it.
    pub fault: Option<SeenFault<'a>>,
    /// Its bytes as on the wire; of a packet that did not arrive, those that it was sent with.
    pub frame: &'a [u8],
}

/// What a fault rule did to a packet, lent out of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenFault<'a> {
    /// The name of the rule.
    pub rule: &'a str,
    /// What was done.
    pub done: FaultDone,
}

fn fault_bytes(done: FaultDone) -> [u8; FAULT] {
    let (kind, n, byte) = match done {
        FaultDone::Dropped => (0, 0, 0),
        FaultDone::Delayed(ms) => (1, ms, 0),
        FaultDone::Duplicate => (2, 0, 0),
        FaultDone::Corrupted { at, was } => (3, at, was),
        FaultDone::Truncated(len) => (4, len, 0),
        FaultDone::CutBefore => (5, 0, 0),
        FaultDone::CutAfter => (6, 0, 0),
        FaultDone::Lost => (7, 0, 0),
    };
    let [a, b, c, d] = n.to_be_bytes();
    [kind, a, b, c, d, byte]
}

fn fault_of([kind, a, b, c, d, byte]: [u8; FAULT]) -> FaultDone {
    let n = u32::from_be_bytes([a, b, c, d]);
    match kind {
        0 => FaultDone::Dropped,
        1 => FaultDone::Delayed(n),
        2 => FaultDone::Duplicate,
        3 => FaultDone::Corrupted { at: n, was: byte },
        4 => FaultDone::Truncated(n),
        5 => FaultDone::CutBefore,
        6 => FaultDone::CutAfter,
        _ => FaultDone::Lost,
    }
}

impl<'a> Packet<'a> {
    /// What kind of packet it is; `None` for the forbidden type 0.
    pub fn packet_type(&self) -> Option<PacketType> {
        PacketType::of_first_byte(*self.frame.first()?)
    }

    /// Of a PUBLISH its quality of service.
    pub fn qos(&self) -> Option<QoS> {
        qos_of_first_byte(*self.frame.first()?)
    }

    /// Whether it came to its other end as it was.
    pub fn arrived(&self) -> bool {
        !self.fault.is_some_and(|fault| match fault.done {
            FaultDone::Dropped
            | FaultDone::Corrupted { .. }
            | FaultDone::Truncated(_)
            | FaultDone::CutBefore
            | FaultDone::Lost => true,
            FaultDone::Delayed(_) | FaultDone::Duplicate | FaultDone::CutAfter => false,
        })
    }

    /// Of a PUBLISH its topic, the one that its alias stands for where it names none itself.
    pub fn topic(&self) -> Option<&'a str> {
        match self.aliased_topic {
            Some(topic) => Some(topic),
            None => mqttwb_wire::peek(self.frame, self.version)?.topic,
        }
    }
}

fn seen_bits(seen_by: SeenBy) -> u8 {
    match seen_by {
        SeenBy::Broker => 0,
        SeenBy::ClientOfBroker => AT_CLIENT,
        SeenBy::ClientOfRemote => AT_CLIENT | REMOTE,
    }
}

fn seen_of(extras: u8) -> SeenBy {
    match (extras & AT_CLIENT != 0, extras & REMOTE != 0) {
        (false, _) => SeenBy::Broker,
        (true, false) => SeenBy::ClientOfBroker,
        (true, true) => SeenBy::ClientOfRemote,
    }
}

/// Of a PUBLISH its quality of service; `None` for other packets and for the forbidden 3.
pub(crate) fn qos_of_first_byte(byte: u8) -> Option<QoS> {
    match PacketType::of_first_byte(byte)? {
        PacketType::Publish => QoS::try_from((byte >> 1) & 0b11).ok(),
        _ => None,
    }
}

/// A run of packets with consecutive numbers.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    first_seq: u64,
    records: Vec<Record>,
    bytes: Vec<u8>,
}

impl Segment {
    /// An empty segment that holds `like`'s numbers of records and bytes without growing.
    pub fn sized_like(like: &Self) -> Self {
        Self {
            first_seq: 0,
            records: Vec::with_capacity(like.records.len()),
            bytes: Vec::with_capacity(like.bytes.len()),
        }
    }

    /// The same room, emptied, for packets from `first_seq` on.
    pub fn begin(mut self, first_seq: u64) -> Self {
        self.first_seq = first_seq;
        self.records.clear();
        self.bytes.clear();
        self
    }

    /// The number of its first packet.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// One past the number of its last packet.
    pub fn end_seq(&self) -> u64 {
        self.first_seq + self.records.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes that its packets take.
    pub fn used(&self) -> usize {
        self.records.len() * RECORD + self.bytes.len()
    }

    /// Bytes of memory that it takes, unused room included.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.records.capacity() * RECORD + self.bytes.capacity()
    }

    /// Bytes that a packet would take.
    pub fn cost(frame: &[u8], mark: &PacketMark) -> usize {
        let topic = mark.aliased_topic.as_ref().map_or(0, |t| 2 + t.len());
        let fault = mark.fault.as_ref().map_or(0, |f| FAULT + 1 + f.rule.len());
        RECORD + frame.len() + topic + fault
    }

    /// Appends the first of these packets at once, as many as lie side by side in the batch, have nothing that follows them,
    /// and fit into `room` bytes: those of a busy connection do. How many these are.
    pub fn push_run(
        &mut self,
        batch: &PacketBatch<'_>,
        whose: (ProtocolVersion, SeenBy),
        marks: &[PacketMark],
        room: usize,
    ) -> usize {
        let begin = marks.first().map_or(0, |mark| mark.start as usize);
        let Some(bytes) = batch.bytes.get(begin..) else {
            return 0;
        };
        let (mut len, mut count) = (0usize, 0);
        for mark in marks {
            let longer = len.saturating_add(mark.len as usize);
            let plain = mark.aliased_topic.is_none() && mark.fault.is_none();
            let beside = mark.start as usize == begin + len && longer <= bytes.len();
            if !(plain && beside && mark.len > 0) || (count + 1) * RECORD + longer > room {
                break;
            }
            (len, count) = (longer, count + 1);
        }
        let behind = self.bytes.len();
        self.records.extend(marks[..count].iter().map(|mark| {
            let at = mark.start as usize - begin;
            let record = record(batch.connection, batch.direction, whose, mark, bytes[at]);
            Record {
                offset: (behind + at) as u32,
                ..record
            }
        }));
        self.bytes.extend_from_slice(&bytes[..len]);
        count
    }

    /// Appends a packet. The caller sees to it that a segment stays far below 4 GiB.
    pub fn push(
        &mut self,
        connection: ConnectionId,
        direction: Direction,
        whose: (ProtocolVersion, SeenBy),
        mark: &PacketMark,
        frame: &[u8],
    ) {
        // A topic longer than the wire can carry has no place here; it can't have come from a packet.
        let topic = mark
            .aliased_topic
            .as_deref()
            .and_then(|topic| Some((u16::try_from(topic.len()).ok()?, topic)));
        let fault = mark
            .fault
            .as_deref()
            .and_then(|fault| Some((u8::try_from(fault.rule.len()).ok()?, fault)));
        let first = frame.first().copied().unwrap_or(0);
        let record = record(connection, direction, whose, mark, first);
        self.records.push(Record {
            offset: self.bytes.len() as u32,
            len: frame.len() as u32,
            extras: record.extras
                | if topic.is_some() { ALIASED } else { 0 }
                | if fault.is_some() { FAULTED } else { 0 },
            ..record
        });
        self.bytes.extend_from_slice(frame);
        if let Some((len, topic)) = topic {
            self.bytes.extend_from_slice(&len.to_be_bytes());
            self.bytes.extend_from_slice(topic.as_bytes());
        }
        if let Some((len, fault)) = fault {
            self.bytes.extend_from_slice(&fault_bytes(fault.done));
            self.bytes.push(len);
            self.bytes.extend_from_slice(fault.rule.as_bytes());
        }
    }

    /// Appends a packet of another segment.
    pub fn push_packet(&mut self, packet: &Packet<'_>) {
        let mark = PacketMark {
            at: packet.at,
            start: 0,
            len: packet.frame.len() as u32,
            message: packet.message,
            aliased_topic: packet.aliased_topic.map(Into::into),
            fault: packet.fault.map(|seen| {
                Arc::new(Fault {
                    rule: seen.rule.into(),
                    done: seen.done,
                })
            }),
        };
        let (connection, direction) = (packet.connection, packet.direction);
        self.push(
            connection,
            direction,
            (packet.version, packet.seen_by),
            &mark,
            packet.frame,
        );
    }

    /// Gives back room that is not used, where that is worth a move.
    pub fn trim(&mut self) {
        if self.memory() > self.used() + self.used() / 4 {
            self.records.shrink_to_fit();
            self.bytes.shrink_to_fit();
        }
    }

    /// A copy of what is not older than `seq`.
    pub fn copy_from(&self, seq: u64) -> Self {
        let skip = seq
            .saturating_sub(self.first_seq)
            .min(self.records.len() as u64) as usize;
        let base = self
            .records
            .get(skip)
            .map_or(self.bytes.len() as u32, |r| r.offset);
        Self {
            first_seq: self.first_seq + skip as u64,
            records: self.records[skip..]
                .iter()
                .map(|record| Record {
                    offset: record.offset - base,
                    ..*record
                })
                .collect(),
            bytes: self.bytes[base as usize..].to_vec(),
        }
    }

    /// The packet of that number.
    pub fn get(&self, seq: u64) -> Option<Packet<'_>> {
        let index = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        self.records
            .get(index)
            .map(|record| self.packet(seq, record))
    }

    /// Packets with numbers in `from..until`.
    pub fn range(&self, from: u64, until: u64) -> impl Iterator<Item = Glance<'_>> {
        let index = |seq: u64| {
            seq.saturating_sub(self.first_seq)
                .min(self.records.len() as u64) as usize
        };
        let (begin, end) = (index(from), index(until));
        self.records[begin..end.max(begin)]
            .iter()
            .zip(self.first_seq + begin as u64..)
            .map(|(record, seq)| Glance {
                segment: self,
                record,
                seq,
            })
    }

    fn packet(&self, seq: u64, record: &Record) -> Packet<'_> {
        let end = record.offset as usize + record.len as usize;
        let aliased_topic = (record.extras & ALIASED != 0)
            .then(|| self.text_at(end))
            .flatten();
        let behind = end + aliased_topic.map_or(0, |topic| 2 + topic.len());
        Packet {
            seq,
            at: record.at,
            connection: record.connection,
            direction: record.direction,
            version: record.version,
            seen_by: seen_of(record.extras),
            message: record.message(),
            aliased_topic,
            fault: (record.extras & FAULTED != 0)
                .then(|| self.fault_at(behind))
                .flatten(),
            frame: &self.bytes[record.offset as usize..end],
        }
    }

    fn fault_at(&self, at: usize) -> Option<SeenFault<'_>> {
        let (done, rest) = self.bytes.get(at..)?.split_first_chunk::<FAULT>()?;
        let (len, rest) = rest.split_first()?;
        Some(SeenFault {
            rule: std::str::from_utf8(rest.get(..usize::from(*len))?).ok()?,
            done: fault_of(*done),
        })
    }

    fn text_at(&self, at: usize) -> Option<&str> {
        let (len, rest) = self.bytes.get(at..)?.split_first_chunk::<2>()?;
        std::str::from_utf8(rest.get(..usize::from(u16::from_be_bytes(*len)))?).ok()
    }
}

/// A packet of which only the record was looked at; filters decide on this as far as they can.
#[derive(Clone, Copy)]
pub(crate) struct Glance<'a> {
    segment: &'a Segment,
    record: &'a Record,
    pub seq: u64,
}

impl<'a> Glance<'a> {
    /// The packet's first byte: its type and flags.
    pub fn first_byte(&self) -> u8 {
        self.record.first
    }

    pub fn direction(&self) -> Direction {
        self.record.direction
    }

    pub fn connection(&self) -> ConnectionId {
        self.record.connection
    }

    pub fn at(&self) -> Timestamp {
        self.record.at
    }

    pub fn message(&self) -> Option<MessageId> {
        self.record.message()
    }

    pub fn is_faulted(&self) -> bool {
        self.record.extras & FAULTED != 0
    }

    pub fn seen_by(&self) -> SeenBy {
        seen_of(self.record.extras)
    }

    /// All of it.
    pub fn packet(&self) -> Packet<'a> {
        self.segment.packet(self.seq, self.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_takes_forty_bytes() {
        assert_eq!(RECORD, 40);
    }

    #[test]
    fn a_copied_tail_holds_the_same_packets() {
        let mut segment = Segment::default().begin(7);
        for i in 0..10u8 {
            let mark = PacketMark {
                at: Timestamp(u64::from(i)),
                start: 0,
                len: 2,
                message: Some(MessageId(u64::from(i))),
                aliased_topic: (i % 2 == 0).then(|| format!("t/{i}").into()),
                fault: (i % 4 == 0).then(|| {
                    Arc::new(Fault {
                        rule: "lossy".into(),
                        done: FaultDone::Delayed(u32::from(i)),
                    })
                }),
            };
            segment.push(
                ConnectionId(1),
                Direction::ToBroker,
                (
                    ProtocolVersion::V5,
                    [
                        SeenBy::Broker,
                        SeenBy::ClientOfBroker,
                        SeenBy::ClientOfRemote,
                    ][usize::from(i % 3)],
                ),
                &mark,
                &[0x30, i],
            );
        }
        let done = [
            FaultDone::Dropped,
            FaultDone::Delayed(70_000),
            FaultDone::Duplicate,
            FaultDone::Corrupted { at: 9, was: 0x5a },
            FaultDone::Truncated(300),
            FaultDone::CutBefore,
            FaultDone::CutAfter,
            FaultDone::Lost,
        ];
        assert_eq!(done.map(|done| fault_of(fault_bytes(done))), done);
        let seen = SeenFault {
            rule: "lossy",
            done: FaultDone::Delayed(8),
        };
        assert_eq!(segment.get(15).unwrap().fault, Some(seen));
        assert_eq!(segment.get(14).unwrap().fault, None);
        let seen = |seq| segment.get(seq).map(|packet| packet.seen_by);
        assert_eq!(
            [seen(10), seen(11), seen(12)],
            [
                Some(SeenBy::Broker),
                Some(SeenBy::ClientOfBroker),
                Some(SeenBy::ClientOfRemote)
            ]
        );
        let tail = segment.copy_from(12);
        assert_eq!((tail.first_seq(), tail.end_seq()), (12, 17));
        for seq in 12..17 {
            assert_eq!(tail.get(seq), segment.get(seq));
        }
        assert_eq!(segment.get(13).unwrap().aliased_topic, Some("t/6"));
        assert_eq!(segment.get(13).unwrap().message, Some(MessageId(6)));
        assert_eq!(tail.get(11), None);
        assert!(segment.copy_from(99).is_empty());
    }
}
