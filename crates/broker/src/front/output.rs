//! What goes to the socket: packets encoded behind each other, each marked for the observer.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use mqttwb_model::{
    ConnectionId, Direction, MessageId, Observer, PacketBatch, PacketMark, ProtocolVersion,
    Timestamp,
};
use mqttwb_wire::{
    Ack, Packet, Properties, Property, PublishHead, ReasonCode, SubAck, UnsubAck, encode,
    encode_publish, secret_spans,
};

use super::aliases::{Alias, Aliases};
use super::connect::Manners;
use super::verdict::explain;
use crate::session::Delivery;

/// Past this many bytes that wait to be written, nothing is read.
const HIGH_WATER: usize = 512 << 10;
/// Past this many, nothing is taken from the inbox: a client that reads more slowly than messages come is still heard,
/// its acknowledgements and its PINGREQ among the rest.
const LOW_WATER: usize = HIGH_WATER / 2;
/// Memory that a buffer may keep when it is empty.
const KEPT: usize = 64 << 10;

/// Bytes on their way to the socket.
pub(crate) struct Output {
    bytes: BytesMut,
    /// Where the packets begin that the observer has not seen.
    unseen: usize,
    marks: Vec<PacketMark>,
    /// What proves an identity, in what the observer has not seen.
    secrets: Vec<Range<usize>>,
    properties: Vec<u8>,
    manners: Manners,
    aliases: Option<Aliases>,
    unsendable: bool,
    /// Bytes that were taken out and wait elsewhere for their time.
    held: usize,
    counted: Counted,
}

/// What went out since it was asked last.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) packets: u64,
    /// Bytes of payloads alone.
    pub(crate) payload: u64,
}

impl Output {
    pub(crate) fn new(manners: Manners) -> Self {
        Self {
            bytes: BytesMut::new(),
            unseen: 0,
            marks: Vec::new(),
            secrets: Vec::new(),
            properties: Vec::new(),
            aliases: Aliases::new(manners.topic_aliases),
            manners,
            unsendable: false,
            held: 0,
            counted: Counted::default(),
        }
    }

    /// An answer was larger than the client takes, whatever was left out of it `[MQTT-3.1.2-24]`.
    pub(crate) fn is_unsendable(&self) -> bool {
        self.unsendable
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// No more should be put in before some was written.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() + self.held >= HIGH_WATER
    }

    /// Messages may be put in, not answers alone.
    pub(crate) fn takes_messages(&self) -> bool {
        self.bytes.len() + self.held < LOW_WATER
    }

    pub(crate) fn unwritten(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn written(&mut self, n: usize) {
        debug_assert_eq!(
            self.unseen,
            self.bytes.len(),
            "observed before it is written"
        );
        self.bytes.advance(n);
        self.unseen = self.bytes.len();
    }

    /// Takes out what the observer has not seen: packets, their marks, and what proves an identity in them.
    pub(crate) fn take_unseen(&mut self) -> (Bytes, Vec<PacketMark>, Vec<Range<usize>>) {
        let bytes = self.bytes.split_off(self.unseen).freeze();
        let marks = std::mem::take(&mut self.marks);
        (bytes, marks, std::mem::take(&mut self.secrets))
    }

    /// Puts in a packet that the observer is shown by whoever puts it in.
    pub(crate) fn put_seen(&mut self, packet: &[u8]) {
        self.bytes.extend_from_slice(packet);
        self.unseen = self.bytes.len();
    }

    /// So many bytes wait elsewhere; they count as if they were here.
    pub(crate) fn set_held(&mut self, bytes: usize) {
        self.held = bytes;
    }

    /// Whether a burst has left memory behind.
    pub(crate) fn is_wide(&self) -> bool {
        self.bytes.capacity() > KEPT
    }

    /// Lets go of memory that a burst left behind.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = BytesMut::new();
        }
    }

    fn mark(
        &mut self,
        start: usize,
        at: Timestamp,
        message: Option<MessageId>,
        aliased_topic: Option<Arc<str>>,
    ) {
        self.counted.packets += 1;
        self.marks.push(PacketMark {
            at,
            start: (start - self.unseen) as u32,
            len: (self.bytes.len() - start) as u32,
            message,
            aliased_topic,
            fault: None,
        });
    }

    /// Appends a packet that is no PUBLISH. One that says no is given a reason string where the client takes it.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, version: ProtocolVersion, at: Timestamp) {
        debug_assert_eq!(version, self.manners.version);
        let start = self.bytes.len();
        if !encode_within(packet, &self.manners, &mut self.bytes) {
            self.unsendable = true;
            return;
        }
        let has_secret = match packet {
            Packet::Auth(_) => true,
            Packet::ConnAck(p) => p.properties.iter().any(is_authentication_data),
            _ => false,
        };
        if has_secret {
            let spans = secret_spans(&self.bytes[start..], version).into_iter();
            let from = start - self.unseen;
            self.secrets
                .extend(spans.map(|span| span.start + from..span.end + from));
        }
        self.mark(start, at, None, None);
    }

    /// Appends a PUBLISH.
    pub(crate) fn publish(
        &mut self,
        delivery: &Delivery,
        packet_id: u16,
        dup: bool,
        version: ProtocolVersion,
        at: Timestamp,
    ) {
        let message = &delivery.message;
        let head = PublishHead {
            dup,
            qos: delivery.qos,
            retain: delivery.retain,
            packet_id,
        };
        self.counted.payload += message.payload().len() as u64;
        self.properties.clear();
        if version == ProtocolVersion::V5 {
            if let Some(expires) = message.expires() {
                // [MQTT-3.3.2-6]: the time that is left; a second that has begun counts.
                let left = expires.since(at).as_nanos().div_ceil(1_000_000_000);
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                Property::MessageExpiryInterval(left).write(&mut self.properties);
            }
            for id in delivery.subscription_ids.iter() {
                Property::SubscriptionIdentifier(*id).write(&mut self.properties);
            }
        }
        let start = self.bytes.len();
        let own = message.properties();
        let mut aliased = None;
        let alias = match &mut self.aliases {
            Some(aliases) => aliases.of(message.topic()),
            None => Alias::None,
        };
        let mut topic = message.topic_bytes();
        match alias {
            Alias::None => {}
            Alias::New(alias) => {
                let before = self.properties.len();
                Property::TopicAlias(alias).write(&mut self.properties);
                let properties = [Properties::trusted(&self.properties), own];
                let payload = message.payload();
                encode_publish(&head, topic, &properties, payload, version, &mut self.bytes);
                if self.bytes.len() - start <= self.manners.largest {
                    return self.mark(start, at, Some(message.origin().id), None);
                }
                // Three bytes too many: without its alias it is as large as the session thought.
                self.bytes.truncate(start);
                self.properties.truncate(before);
                if let Some(aliases) = &mut self.aliases {
                    aliases.untold(message.topic());
                }
            }
            Alias::Known(alias, stands_for) => {
                Property::TopicAlias(alias).write(&mut self.properties);
                aliased = Some(stands_for);
                topic = b"";
            }
        }
        encode_publish(
            &head,
            topic,
            &[Properties::trusted(&self.properties), own],
            message.payload(),
            version,
            &mut self.bytes,
        );
        self.mark(start, at, Some(message.origin().id), aliased);
    }

    /// What went out since this was asked last.
    pub(crate) fn counted(&mut self) -> Counted {
        std::mem::take(&mut self.counted)
    }

    /// Shows the observer what was appended since the last time. How many bytes that was.
    pub(crate) fn observe(&mut self, connection: ConnectionId, observer: &dyn Observer) -> usize {
        let new = self.bytes.len() - self.unseen;
        if !self.marks.is_empty() {
            let bytes = &self.bytes[self.unseen..];
            let struck = struck(bytes, &self.secrets);
            observer.packets(PacketBatch {
                connection,
                direction: Direction::ToClient,
                bytes: struck.as_deref().unwrap_or(bytes),
                marks: &self.marks,
            });
            self.marks.clear();
            self.secrets.clear();
        }
        self.unseen = self.bytes.len();
        new
    }
}

fn is_authentication_data(property: Property<'_>) -> bool {
    matches!(property, Property::AuthenticationData(_))
}

/// The bytes without what proves an identity, which goes into no record; `None` where there is nothing of it.
pub(super) fn struck(bytes: &[u8], secrets: &[Range<usize>]) -> Option<Vec<u8>> {
    if secrets.is_empty() {
        return None;
    }
    let mut bytes = bytes.to_vec();
    for span in secrets {
        bytes[span.clone()].fill(b'*');
    }
    Some(bytes)
}

/// Encodes a packet as large as the client takes it: with a reason string where it says no and has room, without its
/// properties where it has not. False, and nothing written, where not even that is small enough.
pub(super) fn encode_within(packet: &Packet<'_>, manners: &Manners, out: &mut BytesMut) -> bool {
    let start = out.len();
    let largest = manners.largest;
    let says_no = refusal(packet).filter(|_| manners.problem_information);
    if let Some(reason) = says_no.filter(|_| manners.version == ProtocolVersion::V5) {
        let mut properties = Vec::new();
        Property::ReasonString(explain(reason)).write(&mut properties);
        let packet = with_properties(packet, Properties::trusted(&properties));
        encode(&packet, manners.version, out);
        if out.len() - start <= largest {
            return true;
        }
        out.truncate(start);
    }
    encode(packet, manners.version, out);
    if out.len() - start > largest {
        out.truncate(start);
        return false;
    }
    true
}

/// The first error of an answer that has no properties yet.
fn refusal(packet: &Packet<'_>) -> Option<ReasonCode> {
    let first = |reasons: &[ReasonCode]| reasons.iter().copied().find(|reason| reason.is_error());
    match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            Some(ack.reason).filter(|reason| reason.is_error() && ack.properties.is_empty())
        }
        Packet::SubAck(p) if p.properties.is_empty() => first(&p.reasons),
        Packet::UnsubAck(p) if p.properties.is_empty() => first(&p.reasons),
        _ => None,
    }
}

fn with_properties<'a>(packet: &Packet<'a>, properties: Properties<'a>) -> Packet<'a> {
    let ack = |ack: &Ack<'a>| Ack { properties, ..*ack };
    match packet {
        Packet::PubAck(p) => Packet::PubAck(ack(p)),
        Packet::PubRec(p) => Packet::PubRec(ack(p)),
        Packet::PubRel(p) => Packet::PubRel(ack(p)),
        Packet::PubComp(p) => Packet::PubComp(ack(p)),
        Packet::SubAck(p) => Packet::SubAck(SubAck {
            properties,
            ..p.clone()
        }),
        Packet::UnsubAck(p) => Packet::UnsubAck(UnsubAck {
            properties,
            ..p.clone()
        }),
        other => other.clone(),
    }
}
