//! What a client did and saw, the newest of it.

use std::collections::VecDeque;
use std::fmt::Write as _;

use mqttwb_model::{QoS, Timestamp};

use crate::{Message, MessageProperties, Publication};

/// Entries that a timeline keeps.
pub const TIMELINE_CAPACITY: usize = 2_000;
/// Characters of a payload that an entry keeps.
const PREVIEW: usize = 512;

/// What one entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Connecting, connected, disconnected.
    Connection,
    /// A subscription was granted, refused or ended.
    Subscription,
    /// A message was handed to the socket.
    Published,
    /// A published message was acknowledged in full: PUBACK or PUBCOMP.
    Acknowledged,
    /// A message came.
    Received,
    /// The reply to a request, or an answer by rule.
    Reply,
    /// Something failed.
    Failure,
}

/// One thing that a client did or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts up from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EntryKind,
    /// Of a message the payload, its first 512 characters; hexadecimal where it is no UTF-8. Otherwise a sentence.
    pub text: String,
    /// The text was longer.
    pub cut: bool,
    /// Of a message the topic.
    pub topic: Option<String>,
    /// Of a message the QoS.
    pub qos: Option<QoS>,
    /// Of a message: retained.
    pub retain: bool,
    /// Of a message: sent again.
    pub dup: bool,
    /// Bytes of the payload.
    pub size: usize,
    /// Of a message its properties, where it has some.
    pub properties: Option<Box<MessageProperties>>,
}

/// Some entries, and how many there are no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Entries that the timeline has let go since it was begun.
    pub dropped: u64,
}

/// The newest entries, in a bounded number.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    entries: VecDeque<Entry>,
    newest: u64,
    dropped: u64,
}

impl Timeline {
    /// The number of the newest entry; 0 where there is none.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// Entries that made room for newer ones.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// At most `count` entries that are newer than `after`, oldest first.
    pub(crate) fn page(&self, after: u64, count: usize) -> Page {
        // Numbers are consecutive, so the place of an entry follows from its number.
        let oldest = self.entries.front().map_or(0, |entry| entry.seq);
        let skip = (after + 1).saturating_sub(oldest);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Page {
            entries: self
                .entries
                .iter()
                .skip(skip)
                .take(count)
                .cloned()
                .collect(),
            dropped: self.dropped,
        }
    }

    /// Adds a sentence.
    pub(crate) fn tell(&mut self, at: Timestamp, kind: EntryKind, text: String) {
        self.push(Entry {
            seq: 0,
            at,
            kind,
            text,
            cut: false,
            topic: None,
            qos: None,
            retain: false,
            dup: false,
            size: 0,
            properties: None,
        });
    }

    /// Adds a message that was handed to the socket, or acknowledged.
    pub(crate) fn sent(
        &mut self,
        at: Timestamp,
        kind: EntryKind,
        message: &Publication,
        dup: bool,
    ) {
        let (text, cut) = preview(&message.payload);
        self.push(Entry {
            seq: 0,
            at,
            kind,
            text,
            cut,
            topic: Some(message.topic.as_str().to_owned()),
            qos: Some(message.qos),
            retain: message.retain,
            dup,
            size: message.payload.len(),
            properties: boxed(&message.properties),
        });
    }

    /// Adds a message that came.
    pub(crate) fn received(&mut self, at: Timestamp, message: &Message) {
        let (text, cut) = preview(&message.payload);
        self.push(Entry {
            seq: 0,
            at,
            kind: EntryKind::Received,
            text,
            cut,
            topic: Some(message.topic.clone()),
            qos: Some(message.qos),
            retain: message.retain,
            dup: message.dup,
            size: message.payload.len(),
            properties: boxed(&message.properties),
        });
    }

    fn push(&mut self, mut entry: Entry) {
        if self.entries.len() == TIMELINE_CAPACITY {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.newest += 1;
        entry.seq = self.newest;
        self.entries.push_back(entry);
    }
}

fn boxed(properties: &MessageProperties) -> Option<Box<MessageProperties>> {
    (!properties.is_empty()).then(|| Box::new(properties.clone()))
}

/// The beginning of a payload as text, and whether there is more.
fn preview(payload: &[u8]) -> (String, bool) {
    // A character has at most four bytes; a large payload is not looked at beyond what is shown.
    let head = &payload[..payload.len().min(4 * PREVIEW)];
    let readable = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        // Cut within a character: what is before it is text.
        Err(error) if error.error_len().is_none() && head.len() < payload.len() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    if let Some(text) = readable {
        let shown: String = text.chars().take(PREVIEW).collect();
        let cut = shown.len() < payload.len();
        return (shown, cut);
    }
    let mut shown = String::with_capacity(PREVIEW);
    let fits = (PREVIEW + 1) / 3;
    for (n, byte) in payload.iter().take(fits).enumerate() {
        if n > 0 {
            shown.push(' ');
        }
        // Writing to a string does not fail.
        let _ = write!(shown, "{byte:02x}");
    }
    (shown, payload.len() > fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(entries: usize) -> Timeline {
        let mut timeline = Timeline::default();
        for n in 1..=entries {
            timeline.tell(Timestamp(0), EntryKind::Connection, n.to_string());
        }
        timeline
    }

    #[test]
    fn what_a_full_timeline_lets_go_is_counted() {
        let timeline = timeline(TIMELINE_CAPACITY + 5);
        assert_eq!(timeline.dropped(), 5);
        assert_eq!(timeline.newest(), TIMELINE_CAPACITY as u64 + 5);
        let page = timeline.page(0, 1);
        assert_eq!(page.entries[0].text, "6");
        assert_eq!(page.dropped, 5);
    }

    #[test]
    fn a_page_begins_after_the_entry_that_was_seen_last() {
        let timeline = timeline(10);
        let texts = |page: Page| -> Vec<String> {
            page.entries.into_iter().map(|entry| entry.text).collect()
        };
        assert_eq!(texts(timeline.page(7, 2)), ["8", "9"]);
        assert_eq!(texts(timeline.page(9, 5)), ["10"]);
        assert!(texts(timeline.page(10, 5)).is_empty());
        assert!(texts(timeline.page(99, 5)).is_empty());
        assert!(Timeline::default().page(0, 5).entries.is_empty());
    }

    #[test]
    fn a_payload_is_shown_as_text_or_else_as_hexadecimal() {
        assert_eq!(preview(b"21.5"), ("21.5".into(), false));
        assert_eq!(preview(b""), (String::new(), false));
        assert_eq!(preview(&[0xff, 0x00, 0x41]), ("ff 00 41".into(), false));
        let long = "ä".repeat(PREVIEW);
        assert_eq!(preview(long.as_bytes()), (long.clone(), false));
        let longer = format!("{long}x");
        assert_eq!(preview(longer.as_bytes()), (long, true));
        // 2,048 bytes end within a character.
        let (text, cut) = preview("x€".repeat(2_000).as_bytes());
        assert_eq!((text.chars().count(), cut), (PREVIEW, true));
        let (text, cut) = preview(&[0xff; 1_000]);
        assert_eq!((text.len(), cut), (171 * 3 - 1, true));
    }
}
