//! What goes to the socket: packets encoded behind each other, each marked for the observer.

use bytes::{Buf, BytesMut};
use mqttwb_model::{
    ConnectionId, Direction, MessageId, Observer, PacketBatch, PacketMark, ProtocolVersion,
    Timestamp,
};
use mqttwb_wire::{Packet, Properties, Property, PublishHead, encode, encode_publish};

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
    properties: Vec<u8>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            unseen: 0,
            marks: Vec::new(),
            properties: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// No more should be put in before some was written.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= HIGH_WATER
    }

    /// Messages may be put in, not answers alone.
    pub(crate) fn takes_messages(&self) -> bool {
        self.bytes.len() < LOW_WATER
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

    /// Lets go of memory that a burst left behind.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = BytesMut::new();
        }
    }

    fn mark(&mut self, start: usize, at: Timestamp, message: Option<MessageId>) {
        self.marks.push(PacketMark {
            at,
            start: (start - self.unseen) as u32,
            len: (self.bytes.len() - start) as u32,
            message,
            aliased_topic: None,
        });
    }

    /// Appends a packet.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, version: ProtocolVersion, at: Timestamp) {
        let start = self.bytes.len();
        encode(packet, version, &mut self.bytes);
        self.mark(start, at, None);
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
        encode_publish(
            &head,
            message.topic(),
            &[Properties::trusted(&self.properties), message.properties()],
            message.payload(),
            version,
            &mut self.bytes,
        );
        self.mark(start, at, Some(message.origin().id));
    }

    /// Shows the observer what was appended since the last time. How many bytes that was.
    pub(crate) fn observe(&mut self, connection: ConnectionId, observer: &dyn Observer) -> usize {
        let new = self.bytes.len() - self.unseen;
        if !self.marks.is_empty() {
            observer.packets(PacketBatch {
                connection,
                direction: Direction::ToClient,
                bytes: &self.bytes[self.unseen..],
                marks: &self.marks,
            });
            self.marks.clear();
        }
        self.unseen = self.bytes.len();
        new
    }
}
