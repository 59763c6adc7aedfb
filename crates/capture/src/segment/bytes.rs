//! A segment as bytes, for a file.
//!
//! Layout, little endian: format (1), CRC-32 of all that follows (4), length before compression (4), an LZ4 block of
//! count (4), then of each packet [`FIXED`] bytes, then `Segment::bytes`.
//! Not here: the number of the first packet, which whoever keeps the bytes knows them by.
//! Invariant: what [`Segment::unpack`] returns obeys the invariant of a segment, whatever the bytes are.

use std::num::NonZeroU64;

use mqttwb_model::{ConnectionId, Direction, ProtocolVersion, Timestamp};

use super::Segment;
use super::record::{ALIASED, AT_CLIENT, FAULT, FAULTED, REMOTE, Record};

/// The format that is written.
const FORMAT: u8 = 1;
/// Bytes before the block.
const HEAD: usize = 9;
/// Bytes of a record: time, connection, message, length, direction, version, extras. Its place follows from those before.
const FIXED: usize = 8 + 8 + 8 + 4 + 3;
/// LZ4 can't make a block smaller than this: more claimed length is a lie.
const RATIO: usize = 256;

/// The bytes of a segment are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// A later program wrote it.
    #[error("it has format {0}, and this program knows format {FORMAT}")]
    Format(u8),
    /// Bytes were changed or are missing.
    #[error("its checksum does not match")]
    Checksum,
    /// The checksum matches, and yet it makes no sense.
    #[error("{0}")]
    Nonsense(&'static str),
}

impl Segment {
    /// Its bytes, compressed.
    pub fn pack(&self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(4 + self.records.len() * FIXED + self.bytes.len());
        raw.extend((self.records.len() as u32).to_le_bytes());
        for record in &self.records {
            raw.extend(record.at.0.to_le_bytes());
            raw.extend(record.connection.0.to_le_bytes());
            raw.extend(record.message.map_or(0, NonZeroU64::get).to_le_bytes());
            raw.extend(record.len.to_le_bytes());
            raw.push(match record.direction {
                Direction::ToBroker => 0,
                Direction::ToClient => 1,
            });
            raw.push(match record.version {
                ProtocolVersion::V31 => 3,
                ProtocolVersion::V311 => 4,
                ProtocolVersion::V5 => 5,
            });
            raw.push(record.extras);
        }
        raw.extend(&self.bytes);
        let block = lz4_flex::block::compress(&raw);
        let mut packed = Vec::with_capacity(HEAD + block.len());
        packed.push(FORMAT);
        packed.extend([0; 4]);
        packed.extend((raw.len() as u32).to_le_bytes());
        packed.extend(block);
        let crc = crc32fast::hash(&packed[5..]);
        packed[1..5].copy_from_slice(&crc.to_le_bytes());
        packed
    }

    /// The segment that was packed, with its packets numbered from `first_seq` on.
    pub fn unpack(first_seq: u64, packed: &[u8]) -> Result<Self, Damaged> {
        let nonsense = |why| Err(Damaged::Nonsense(why));
        let Some((head, block)) = packed.split_first_chunk::<HEAD>() else {
            return Err(Damaged::Checksum);
        };
        let [format, c0, c1, c2, c3, l0, l1, l2, l3] = *head;
        if format != FORMAT {
            return Err(Damaged::Format(format));
        }
        if crc32fast::hash(&packed[5..]) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(Damaged::Checksum);
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > block.len().saturating_mul(RATIO) {
            return nonsense("it claims to be longer than its bytes can be");
        }
        let Ok(raw) = lz4_flex::block::decompress(block, length) else {
            return nonsense("it can't be decompressed");
        };
        let Some((count, rest)) = raw.split_first_chunk::<4>() else {
            return nonsense("it has no count");
        };
        let count = u32::from_le_bytes(*count) as usize;
        let fixed = count.saturating_mul(FIXED);
        if raw.len() != length
            || rest.len() < fixed
            || first_seq.checked_add(count as u64).is_none()
        {
            return nonsense("it has more packets than bytes");
        }
        let (fixed, bytes) = rest.split_at(fixed);
        let mut records = Vec::with_capacity(count);
        let mut offset = 0;
        for record in fixed.chunks_exact(FIXED) {
            let Some((record, next)) = Record::unpack(record, offset, bytes) else {
                return nonsense("a packet lies outside of it");
            };
            records.push(record);
            offset = next;
        }
        if offset != bytes.len() {
            return nonsense("it has bytes that belong to no packet");
        }
        Ok(Self {
            first_seq,
            records,
            bytes: bytes.to_vec(),
        })
    }
}

impl Record {
    /// A record whose packet begins at `offset`, and where the next begins. `None` where it lies outside of `bytes`.
    fn unpack(fixed: &[u8], offset: usize, bytes: &[u8]) -> Option<(Self, usize)> {
        let (at, rest) = fixed.split_first_chunk::<8>()?;
        let (connection, rest) = rest.split_first_chunk::<8>()?;
        let (message, rest) = rest.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let &[direction, version, extras] = rest else {
            return None;
        };
        let len = u32::from_le_bytes(*len);
        let mut next = offset.checked_add(len as usize)?;
        let first = bytes.get(offset..next)?.first().copied().unwrap_or(0);
        if extras & !(ALIASED | FAULTED | AT_CLIENT | REMOTE) != 0 {
            return None;
        }
        if extras & ALIASED != 0 {
            let (topic, _) = bytes.get(next..)?.split_first_chunk::<2>()?;
            next += 2 + usize::from(u16::from_be_bytes(*topic));
        }
        if extras & FAULTED != 0 {
            next += FAULT + 1 + usize::from(*bytes.get(next + FAULT)?);
        }
        if next > bytes.len() {
            return None;
        }
        let record = Self {
            at: Timestamp(u64::from_le_bytes(*at)),
            connection: ConnectionId(u64::from_le_bytes(*connection)),
            message: NonZeroU64::new(u64::from_le_bytes(*message)),
            offset: u32::try_from(offset).ok()?,
            len,
            direction: match direction {
                0 => Direction::ToBroker,
                1 => Direction::ToClient,
                _ => return None,
            },
            version: match version {
                3 => ProtocolVersion::V31,
                4 => ProtocolVersion::V311,
                5 => ProtocolVersion::V5,
                _ => return None,
            },
            first,
            extras,
        };
        Some((record, next))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mqttwb_model::{Fault, FaultDone, MessageId, PacketMark, SeenBy};
    use proptest::prelude::*;

    use super::*;

    fn segment(packets: u64) -> Segment {
        let mut segment = Segment::default().begin(7);
        for i in 0..packets {
            let mark = PacketMark {
                at: Timestamp(1_000 * i),
                start: 0,
                len: 4,
                message: (i % 3 != 0).then_some(MessageId(i)),
                aliased_topic: (i % 2 == 0).then(|| format!("plant/{i}").into()),
                fault: (i % 4 == 0).then(|| {
                    Arc::new(Fault {
                        rule: "lossy".into(),
                        done: FaultDone::Delayed(i as u32),
                    })
                }),
            };
            let direction = match i % 2 {
                0 => Direction::ToBroker,
                _ => Direction::ToClient,
            };
            let frame = vec![0x30; (i % 5) as usize * 40];
            segment.push(
                ConnectionId(i % 9),
                direction,
                (
                    ProtocolVersion::V5,
                    [
                        SeenBy::Broker,
                        SeenBy::ClientOfBroker,
                        SeenBy::ClientOfRemote,
                    ][(i % 3) as usize],
                ),
                &mark,
                &frame,
            );
        }
        segment
    }

    fn same(a: &Segment, b: &Segment) -> bool {
        (a.first_seq(), a.end_seq()) == (b.first_seq(), b.end_seq())
            && (a.first_seq()..a.end_seq()).all(|seq| a.get(seq) == b.get(seq))
    }

    #[test]
    fn what_was_packed_is_unpacked_as_the_same() {
        for packets in [0, 1, 2, 300] {
            let segment = segment(packets);
            let packed = segment.pack();
            let again = Segment::unpack(7, &packed).unwrap();
            assert!(same(&segment, &again), "{packets}");
            assert!(packets < 2 || packed.len() < segment.used() / 2);
        }
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let packed = segment(40).pack();
        for at in 0..packed.len() {
            let mut changed = packed.clone();
            changed[at] ^= 0x20;
            assert!(Segment::unpack(7, &changed).is_err(), "byte {at}");
            assert!(Segment::unpack(7, &packed[..at]).is_err(), "{at} bytes");
        }
        let mut longer = packed;
        longer.push(0);
        assert_eq!(Segment::unpack(7, &longer).unwrap_err(), Damaged::Checksum);
    }

    /// The bytes of a segment with these raw contents, checksum and all.
    fn forged(raw: &[u8], length: u32) -> Vec<u8> {
        let mut packed = vec![FORMAT, 0, 0, 0, 0];
        packed.extend(length.to_le_bytes());
        packed.extend(lz4_flex::block::compress(raw));
        let crc = crc32fast::hash(&packed[5..]);
        packed[1..5].copy_from_slice(&crc.to_le_bytes());
        packed
    }

    proptest! {
        #[test]
        fn nonsense_under_a_valid_checksum_is_an_error_or_a_sound_segment(
            count in 0u32..4,
            raw in prop::collection::vec(any::<u8>(), 0..200),
            small in any::<bool>(),
        ) {
            let mut bytes = count.to_le_bytes().to_vec();
            bytes.extend(&raw);
            if small {
                // Lengths that fit, so that more than the first check is reached.
                for record in 0..count as usize {
                    for byte in bytes.iter_mut().skip(4 + record * FIXED + 25).take(3) {
                        *byte = 0;
                    }
                }
            }
            if let Ok(segment) = Segment::unpack(3, &forged(&bytes, bytes.len() as u32)) {
                for seq in 3..segment.end_seq() {
                    segment.get(seq).unwrap().topic();
                }
            }
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_before_room_is_made_for_it() {
        let error = Segment::unpack(0, &forged(&[0; 4], u32::MAX)).unwrap_err();
        assert!(matches!(error, Damaged::Nonsense(_)));
        assert_eq!(
            Segment::unpack(0, &[9; 20]).unwrap_err(),
            Damaged::Format(9)
        );
    }
}
