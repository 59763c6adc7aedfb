//! A run of packets side by side in memory.
//!
//! Duty: hold records and their bytes, and give them back by sequence number. Once sealed behind an `Arc` a segment
//! never changes, so whoever reads one holds no lock.
//! Not here: budgets and eviction (`log`).
//! Invariant: every record's offset and length lie within `bytes`.

mod bytes;
mod packet;
mod record;

use std::sync::Arc;

use mqttwb_model::{
    ConnectionId, Direction, Fault, MessageId, PacketBatch, PacketMark, ProtocolVersion, SeenBy,
    Timestamp,
};

pub(crate) use packet::qos_of_first_byte;
pub use packet::{Packet, SeenFault};
use record::{ALIASED, FAULT, FAULTED, RECORD, Record, fault_bytes, fault_of, record, seen_of};

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
mod tests;
