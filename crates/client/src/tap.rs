//! What a test client's socket carries, shown to an observer.
//!
//! Duty: the bytes of whole packets with a mark for each, in both directions, what proves an identity struck out.
//! Invariant: whatever ends a connection, the observer hears of its end once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, Observer, PacketBatch, PacketMark, PacketType,
    ProtocolVersion, Timestamp,
};
use mqttwb_wire::{MAX_REMAINING_LENGTH, Packet, Property, decode, frame_len, peek, secret_spans};

/// Connections of test clients are numbered from here, far above those that a broker counts, and below what a page's
/// numbers can hold.
const FIRST: u64 = 1 << 48;

/// The number of the next connection of a test client.
pub(crate) fn next_connection() -> ConnectionId {
    static NEXT: AtomicU64 = AtomicU64::new(FIRST);
    ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// One connection, as an observer sees it.
pub(crate) struct Tap {
    observer: Arc<dyn Observer>,
    id: ConnectionId,
    version: ProtocolVersion,
    /// What topic aliases stand for; each direction has its own.
    aliases: [HashMap<u16, Arc<str>>; 2],
    marks: Vec<PacketMark>,
    /// Why it has ended; dropped without a word it is told as given up.
    end: String,
}

impl Tap {
    pub(crate) fn new(observer: Arc<dyn Observer>, info: &ConnectionInfo) -> Self {
        observer.connected(info);
        Self {
            observer,
            id: info.id,
            version: info.version,
            aliases: Default::default(),
            marks: Vec::new(),
            end: "the client was dropped".into(),
        }
    }

    /// The broker has given the client a name.
    pub(crate) fn renamed(&self, info: &ConnectionInfo) {
        self.observer.connected(info);
    }

    pub(crate) fn ends(&mut self, why: String) {
        self.end = why;
    }

    /// Shows whole packets, one behind the other.
    pub(crate) fn saw(&mut self, direction: Direction, bytes: &[u8]) {
        let at = Timestamp::now();
        self.marks.clear();
        let mut struck: Option<Vec<u8>> = None;
        let mut start = 0;
        while let Ok(Some(len)) = frame_len(&bytes[start..], MAX_REMAINING_LENGTH + 5)
            && let Some(frame) = bytes.get(start..start + len)
        {
            let packet = PacketType::of_first_byte(frame[0]);
            if matches!(
                packet,
                Some(PacketType::Connect | PacketType::ConnAck | PacketType::Auth)
            ) {
                for span in secret_spans(frame, self.version) {
                    struck.get_or_insert_with(|| bytes.to_vec())
                        [start + span.start..start + span.end]
                        .fill(b'*');
                }
            }
            let aliased_topic = self.aliased_topic(direction, frame);
            self.marks.push(PacketMark {
                at,
                // A batch is what a socket took at once, or one packet, and so below 4 GiB.
                start: start as u32,
                len: len as u32,
                message: None,
                aliased_topic,
                fault: None,
            });
            start += len;
        }
        if self.marks.is_empty() {
            return;
        }
        self.observer.packets(PacketBatch {
            connection: self.id,
            direction,
            bytes: struck.as_deref().unwrap_or(bytes),
            marks: &self.marks,
        });
    }

    /// The topic of a PUBLISH that does not name it itself.
    fn aliased_topic(&mut self, direction: Direction, frame: &[u8]) -> Option<Arc<str>> {
        if self.version != ProtocolVersion::V5 || frame[0] >> 4 != PacketType::Publish as u8 {
            return None;
        }
        let Ok(Packet::Publish(publish)) = decode(frame, self.version) else {
            return None;
        };
        let alias = publish.properties.find(|property| match property {
            Property::TopicAlias(alias) => Some(alias),
            _ => None,
        })?;
        let aliases = &mut self.aliases[direction as usize];
        match peek(frame, self.version)?.topic {
            Some(topic) => {
                aliases.insert(alias, topic.into());
                None
            }
            None => aliases.get(&alias).cloned(),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.observer
            .disconnected(self.id, Timestamp::now(), &self.end);
    }
}
