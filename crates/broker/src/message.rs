//! An application message as it crosses the router: one run of bytes, read in place.
//!
//! A connection writes the messages of one read behind each other into a batch; the batch travels as one publish of
//! the router; each subscriber's [`Message`] is a slice of it. So a message is copied once on its way in and once
//! into each subscriber's socket buffer, and counted by reference between.

use bytes::{BufMut, Bytes, BytesMut};
use mqttwb_model::durable::SessionKey;
use mqttwb_model::{ConnectionId, MessageId, QoS, Timestamp};
use mqttwb_wire::{Properties, Property, Publish, Will};

/// Bytes before the topic.
const HEAD: usize = 48;
const NO_EXPIRY: u64 = u64::MAX;
/// A will, in the byte that holds the QoS and the retain flag.
const WILL: u8 = 8;

/// What kind of record a batch holds.
const KIND_MESSAGE: u8 = 0;
const KIND_COMMAND: u8 = 1;
const KIND_SYNC: u8 = 2;
const KIND_FORGET: u8 = 3;

/// A message. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Message(Bytes);

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its identity.
    pub id: MessageId,
    /// The connection that published it.
    pub publisher: ConnectionId,
    /// When the broker read it.
    pub at: Timestamp,
}

/// One record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Message(Message),
    /// A command of the hub's, by its ticket: commands keep their place among messages.
    Command(u64),
    /// A connection wants to hear when all that came before is safe.
    Sync(Sync),
    /// The message that waited for this PUBREL is the next record.
    Forget {
        session: SessionKey,
        packet_id: u16,
    },
}

/// Who asks whether something is safe, and under which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sync {
    /// The client's number at the hub.
    pub(crate) client: u32,
    pub(crate) connection: ConnectionId,
    pub(crate) ticket: u64,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.origin().id)
            .field("topic", &self.topic())
            .field("qos", &self.qos())
            .field("retain", &self.retain())
            .field("size", &self.payload().len())
            .finish()
    }
}

impl Message {
    /// A message alone, copied out of a PUBLISH. `topic` is the resolved one where the packet used an alias.
    pub fn new(publish: &Publish<'_>, topic: &str, origin: Origin) -> Self {
        let mut out = BytesMut::new();
        append(&mut out, publish, topic, origin);
        Self(out.freeze())
    }

    /// The message of a will, published at `origin.at`.
    pub fn of_will(will: &Will<'_>, origin: Origin) -> Self {
        let publish = Publish {
            dup: false,
            qos: will.qos,
            retain: will.retain,
            topic: will.topic,
            packet_id: 0,
            properties: will.properties,
            payload: will.payload,
        };
        let mut out = BytesMut::new();
        append(&mut out, &publish, will.topic, origin);
        out[1] |= WILL;
        Self(out.freeze())
    }

    /// The same message read at another time: a will is published later than it was made, and its expiry with it.
    #[must_use]
    pub fn published_at(&self, at: Timestamp) -> Self {
        let mut bytes = BytesMut::from(&self.0[..]);
        bytes[24..32].copy_from_slice(&at.0.to_le_bytes());
        if let Some(expires) = self.expires() {
            let lifetime = expires.since(self.origin().at);
            bytes[32..40].copy_from_slice(&at.plus(lifetime).0.to_le_bytes());
        }
        Self(bytes.freeze())
    }

    /// The same from another connection: one of another run of the broker means nothing in this.
    pub(crate) fn published_by(&self, publisher: ConnectionId) -> Self {
        let mut bytes = BytesMut::from(&self.0[..]);
        bytes[16..24].copy_from_slice(&publisher.0.to_le_bytes());
        Self(bytes.freeze())
    }

    /// No message: what stands for one that is needed no more.
    pub(crate) fn nothing() -> Self {
        static NOTHING: [u8; HEAD] = {
            let mut head = [0; HEAD];
            head[40] = HEAD as u8;
            head
        };
        Self(Bytes::from_static(&NOTHING))
    }

    /// Its bytes, for a store.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// A message out of a store; `None` where the bytes are no message.
    pub(crate) fn from_stored(bytes: Bytes) -> Option<Self> {
        if bytes.len() < HEAD
            || bytes[0] != KIND_MESSAGE
            || u64_at(&bytes, 40) != bytes.len() as u64
        {
            return None;
        }
        let message = Self(bytes);
        let start = HEAD + message.topic_len();
        let properties = message
            .0
            .get(start..start.checked_add(message.u32_at(4))?)?;
        Properties::of_publish(properties).ok()?;
        std::str::from_utf8(&message.0[HEAD..start]).ok()?;
        Some(message)
    }

    /// The same message in memory of its own: what is kept for long must not hold on to its whole batch.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    fn u32_at(&self, at: usize) -> usize {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]]) as usize
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64_at(&self.0, at)
    }

    fn topic_len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[2], self.0[3]]))
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        Origin {
            id: MessageId(self.u64_at(8)),
            publisher: ConnectionId(self.u64_at(16)),
            at: Timestamp(self.u64_at(24)),
        }
    }

    /// When it ends (MQTT 5, section 3.3.2.3.3); `None` for never.
    pub fn expires(&self) -> Option<Timestamp> {
        Some(self.u64_at(32))
            .filter(|at| *at != NO_EXPIRY)
            .map(Timestamp)
    }

    /// The QoS that it was published with.
    pub fn qos(&self) -> QoS {
        QoS::try_from(self.0[1] & 3).unwrap_or_default()
    }

    /// Whether it was published with the retain flag.
    pub fn retain(&self) -> bool {
        self.0[1] & 4 != 0
    }

    /// Whether it is a will: what the broker says of its publisher rather than what that said.
    pub fn is_will(&self) -> bool {
        self.0[1] & WILL != 0
    }

    /// Whether it is to be kept as its topic's retained message; one without a payload clears it instead.
    pub(crate) fn is_to_be_kept(&self) -> bool {
        self.retain() && !self.payload().is_empty()
    }

    /// Topic.
    pub fn topic(&self) -> &str {
        // Written from a &str; a slice of it is checked again rather than trusted.
        std::str::from_utf8(self.topic_bytes()).unwrap_or_default()
    }

    /// The topic's bytes, for those who only copy or compare them.
    pub(crate) fn topic_bytes(&self) -> &[u8] {
        &self.0[HEAD..HEAD + self.topic_len()]
    }

    /// Whether the two go to the same subscribers in the same way, and are neither numbered nor kept: of one publisher,
    /// to one topic, at QoS 0.
    pub(crate) fn goes_with(&self, other: &Self) -> bool {
        // Byte 1 has QoS and retain, 16 to 24 the publisher.
        let plain = |message: &Self| message.0[1] == 0;
        plain(self)
            && plain(other)
            && self.0[16..24] == other.0[16..24]
            && self.topic_bytes() == other.topic_bytes()
    }

    /// Properties to hand on: all but topic alias, expiry and subscription identifiers, as they came, in order.
    pub fn properties(&self) -> Properties<'_> {
        let start = HEAD + self.topic_len();
        Properties::trusted(&self.0[start..start + self.u32_at(4)])
    }

    /// Payload.
    pub fn payload(&self) -> &[u8] {
        &self.0[HEAD + self.topic_len() + self.u32_at(4)..]
    }

    /// Bytes of memory that it takes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

/// Bytes of memory that the message of a PUBLISH takes at most.
pub(crate) fn size_of(publish: &Publish<'_>) -> usize {
    HEAD + publish.topic.len() + publish.properties.as_bytes().len() + publish.payload.len()
}

/// Writes a message at the end of a batch.
pub(crate) fn append(out: &mut BytesMut, publish: &Publish<'_>, topic: &str, origin: Origin) {
    let start = out.len();
    out.reserve(HEAD + topic.len() + publish.properties.as_bytes().len() + publish.payload.len());
    out.put_u8(KIND_MESSAGE);
    out.put_u8(u8::from(publish.qos) | (u8::from(publish.retain) << 2));
    out.put_u16_le(topic.len() as u16);
    out.put_u32_le(0); // length of the properties
    out.put_u64_le(origin.id.0);
    out.put_u64_le(origin.publisher.0);
    out.put_u64_le(origin.at.0);
    out.put_u64_le(NO_EXPIRY);
    out.put_u64_le(0); // length of the record
    out.put_slice(topic.as_bytes());
    if !publish.properties.is_empty() {
        let before = out.len();
        let mut kept = Vec::with_capacity(publish.properties.as_bytes().len());
        for property in publish.properties.iter() {
            match property {
                Property::TopicAlias(_)
                | Property::SubscriptionIdentifier(_)
                | Property::WillDelayInterval(_) => {}
                Property::MessageExpiryInterval(seconds) => {
                    let at = origin
                        .at
                        .plus(std::time::Duration::from_secs(seconds.into()));
                    out[start + 32..start + 40].copy_from_slice(&at.0.to_le_bytes());
                }
                other => other.write(&mut kept),
            }
        }
        out.put_slice(&kept);
        let len = (out.len() - before) as u32;
        out[start + 4..start + 8].copy_from_slice(&len.to_le_bytes());
    }
    out.put_slice(publish.payload);
    let len = (out.len() - start) as u64;
    out[start + 40..start + 48].copy_from_slice(&len.to_le_bytes());
}

/// Writes a message that exists already at the end of a batch, as published by this connection: the client may have
/// come back on another since it sent it.
pub(crate) fn append_message(out: &mut BytesMut, message: &Message, publisher: ConnectionId) {
    let start = out.len();
    out.put_slice(&message.0);
    out[start + 16..start + 24].copy_from_slice(&publisher.0.to_le_bytes());
}

/// Writes a command's ticket at the end of a batch.
pub(crate) fn append_command(out: &mut BytesMut, ticket: u64) {
    append_numbers(out, KIND_COMMAND, [ticket, 0, 0]);
}

/// Writes a question whether all that is before it is safe at the end of a batch.
pub(crate) fn append_sync(out: &mut BytesMut, sync: Sync) {
    let numbers = [sync.client.into(), sync.connection.0, sync.ticket];
    append_numbers(out, KIND_SYNC, numbers);
}

/// Writes whose PUBREL it is that releases the message which is written next.
pub(crate) fn append_forget(out: &mut BytesMut, session: SessionKey, packet_id: u16) {
    append_numbers(out, KIND_FORGET, [session.0, packet_id.into(), 0]);
}

/// A record that is a head alone.
fn append_numbers(out: &mut BytesMut, kind: u8, numbers: [u64; 3]) {
    out.reserve(HEAD);
    out.put_u8(kind);
    out.put_bytes(0, 7);
    for number in numbers {
        out.put_u64_le(number);
    }
    out.put_u64_le(0);
    out.put_u64_le(HEAD as u64);
}

/// The records of a batch.
pub(crate) fn records(mut batch: Bytes) -> impl Iterator<Item = Record> {
    std::iter::from_fn(move || {
        if batch.len() < HEAD {
            return None;
        }
        let len = u64_at(&batch, 40) as usize;
        let bytes = batch.split_to(len.clamp(HEAD, batch.len()));
        Some(match bytes[0] {
            KIND_COMMAND => Record::Command(u64_at(&bytes, 8)),
            KIND_SYNC => Record::Sync(Sync {
                client: u64_at(&bytes, 8) as u32,
                connection: ConnectionId(u64_at(&bytes, 16)),
                ticket: u64_at(&bytes, 24),
            }),
            KIND_FORGET => Record::Forget {
                session: SessionKey(u64_at(&bytes, 8)),
                packet_id: u64_at(&bytes, 16) as u16,
            },
            _ => Record::Message(Message(bytes)),
        })
    })
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut le = [0; 8];
    le.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(le)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(id: u64) -> Origin {
        Origin {
            id: MessageId(id),
            publisher: ConnectionId(7),
            at: Timestamp(1_000_000_000),
        }
    }

    #[test]
    fn a_batch_reads_back_as_it_was_written() {
        let mut properties = Vec::new();
        Property::TopicAlias(3).write(&mut properties);
        Property::UserProperty("site", "north").write(&mut properties);
        Property::MessageExpiryInterval(60).write(&mut properties);
        Property::UserProperty("site", "south").write(&mut properties);
        let publish = Publish {
            dup: false,
            qos: QoS::ExactlyOnce,
            retain: true,
            topic: "",
            packet_id: 9,
            properties: Properties::trusted(&properties),
            payload: b"payload",
        };
        let mut batch = BytesMut::new();
        append(&mut batch, &publish, "plant/1", origin(41));
        append_command(&mut batch, 77);
        append(&mut batch, &publish, "b", origin(42));
        let read: Vec<_> = records(batch.freeze()).collect();
        let [
            Record::Message(first),
            Record::Command(77),
            Record::Message(second),
        ] = &read[..]
        else {
            panic!("{read:?}");
        };
        assert_eq!(first.origin(), origin(41));
        assert_eq!(first.topic(), "plant/1");
        assert_eq!(first.qos(), QoS::ExactlyOnce);
        assert!(first.retain());
        assert_eq!(first.payload(), b"payload");
        assert_eq!(first.expires(), Some(Timestamp(61_000_000_000)));
        let kept: Vec<_> = first.properties().iter().collect();
        assert_eq!(
            kept,
            [
                Property::UserProperty("site", "north"),
                Property::UserProperty("site", "south")
            ]
        );
        assert_eq!(second.topic(), "b");
        assert_eq!(second.detached(), *second);
        let later = first.published_at(Timestamp(5_000_000_000));
        assert_eq!(later.expires(), Some(Timestamp(65_000_000_000)));
        assert_eq!(later.payload(), b"payload");
    }
}
