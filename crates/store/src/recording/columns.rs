//! Words and lists as columns hold them, and back.

use mqttwb_model::recording::{GapCause, Origin, SegmentEntry, SegmentIndex};
use mqttwb_model::{ListenerProtocol, ProtocolVersion, SeenBy};

/// Each word with its text; a text that is none of them is damage.
macro_rules! words {
    ($to:ident, $of:ident, $type:ty, $($word:path = $text:literal),+ $(,)?) => {
        pub fn $to(word: $type) -> &'static str {
            match word { $($word => $text),+ }
        }
        pub fn $of(text: &str) -> Option<$type> {
            match text { $($text => Some($word),)+ _ => None }
        }
    };
}

words!(
    origin_text,
    origin_of,
    Origin,
    Origin::Broker = "broker",
    Origin::Client = "client",
    Origin::Import = "import",
);
words!(
    cause_text,
    cause_of,
    GapCause,
    GapCause::NotCaptured = "not-captured",
    GapCause::Overtaken = "overtaken",
);
words!(
    version_text,
    version_of,
    ProtocolVersion,
    ProtocolVersion::V31 = "3.1",
    ProtocolVersion::V311 = "3.1.1",
    ProtocolVersion::V5 = "5",
);
words!(
    protocol_text,
    protocol_of,
    ListenerProtocol,
    ListenerProtocol::Tcp = "tcp",
    ListenerProtocol::Tls = "tls",
    ListenerProtocol::Ws = "ws",
    ListenerProtocol::Wss = "wss",
);

words!(
    seen_by_text,
    seen_by_of,
    SeenBy,
    SeenBy::Broker = "broker",
    SeenBy::ClientOfBroker = "client-of-broker",
    SeenBy::ClientOfRemote = "client-of-remote",
);

/// Ascending numbers: the distance of each from the one before, seven bits a byte.
pub fn ascending(numbers: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0;
    for number in numbers {
        let mut distance = number.wrapping_sub(before);
        before = number;
        while distance >= 0x80 {
            bytes.push(distance as u8 | 0x80);
            distance >>= 7;
        }
        bytes.push(distance as u8);
    }
    bytes
}

/// The numbers; `None` where the bytes are not such a list.
pub fn ascending_of(bytes: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    let (mut before, mut distance, mut shift) = (0u64, 0u64, 0u32);
    for byte in bytes {
        distance |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            before = before.wrapping_add(distance);
            numbers.push(before);
            (distance, shift) = (0, 0);
        } else {
            shift += 7;
        }
    }
    (shift == 0).then_some(numbers)
}

/// What a segment's row is guarded by.
pub fn segment_crc(entry: &SegmentEntry, index: &SegmentIndex) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for number in [entry.first, entry.count, entry.earliest.0, entry.latest.0] {
        crc.update(&number.to_le_bytes());
    }
    crc.update(&index.types.to_le_bytes());
    match &index.topics {
        None => crc.update(&[0]),
        Some(topics) => {
            crc.update(&[1]);
            topics.iter().for_each(|n| crc.update(&n.to_le_bytes()));
        }
    }
    index
        .connections
        .iter()
        .for_each(|id| crc.update(&id.0.to_le_bytes()));
    crc.finalize()
}

/// What a topic's row is guarded by.
pub fn topic_crc(number: u32, name: &str) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&number.to_le_bytes());
    crc.update(name.as_bytes());
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ascending_numbers_comes_back() {
        for list in [
            vec![],
            vec![0],
            vec![0, 1, 127, 128, 70_000, u64::from(u32::MAX), u64::MAX],
        ] {
            let bytes = ascending(list.iter().copied());
            assert_eq!(ascending_of(&bytes), Some(list));
        }
        assert_eq!(ascending_of(&[0x80]), None);
        assert_eq!(ascending_of(&[0xff; 11]), None);
    }
}
