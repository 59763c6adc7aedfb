//! A session alone: packets of its client as bytes, messages for it, cuts and time, without tasks or threads.
//!
//! Each step begins with a byte: its lowest three bits say what happens, the others how.

use std::collections::HashSet;
use std::time::Duration;

use bytes::BytesMut;
use mqttwb_broker::session::{Action, Delivery, QueueLimits, Session, Terms, WhenFull};
use mqttwb_broker::{Message, Origin};
use mqttwb_model::{ConnectionId, MessageId, QoS, SubscriptionIds, Timestamp};
use mqttwb_wire::{
    Packet, Properties, Property, Publish, PublishHead, decode, encode, encode_publish,
};

use crate::VERSIONS;
use crate::script::{packet, take};

const QUEUE: usize = 4;
const SERVER_RECEIVE_MAXIMUM: u16 = 4;

/// Identifiers, windows and queues keep their bounds, and what is to be sent can be read.
pub fn run(mut input: &[u8]) {
    let Some(first) = take(&mut input) else {
        return;
    };
    let mut room = Room::new(first);
    while let Some(step) = take(&mut input) {
        match step & 7 {
            0..=3 => room.client_says(&packet(&mut input)),
            4 | 5 => room.message(step >> 3, take(&mut input).unwrap_or(0)),
            6 => room.cut_or_connect(step >> 3),
            _ => room.now = room.now.plus(Duration::from_secs(u64::from(step >> 3))),
        }
        room.check();
    }
}

struct Room {
    session: Session,
    connected: bool,
    terms: Terms,
    now: Timestamp,
    /// Deliveries and messages so far.
    count: u64,
    /// Identifiers of PUBLISHes that were sent on this connection and are not acknowledged. A PUBREL that is sent again
    /// is none of them (section 4.9).
    unacknowledged: HashSet<u16>,
    actions: Vec<Action>,
}

impl Room {
    fn new(bits: u8) -> Self {
        let version = VERSIONS[usize::from(bits & 3) % 3];
        let limits = QueueLimits {
            messages: QUEUE,
            bytes: 1_000,
            when_full: [WhenFull::DropNewest, WhenFull::DropOldest, WhenFull::Refuse]
                [usize::from(bits >> 2) % 3],
        };
        let terms = Terms {
            server_receive_maximum: SERVER_RECEIVE_MAXIMUM,
            server_topic_alias_maximum: 2,
            ..Terms::away(version)
        };
        let mut session = Session::new(terms.clone(), limits);
        session.set_durable(bits & 0x80 != 0);
        Self {
            session,
            connected: false,
            terms,
            now: Timestamp(1),
            count: 0,
            unacknowledged: HashSet::new(),
            actions: Vec::new(),
        }
    }

    fn origin(&mut self) -> Origin {
        self.count += 1;
        Origin {
            id: MessageId(self.count),
            publisher: ConnectionId(1),
            at: self.now,
        }
    }

    fn cut_or_connect(&mut self, bits: u8) {
        self.unacknowledged.clear();
        if self.connected {
            self.connected = false;
            self.session.disconnect();
            return;
        }
        self.connected = true;
        self.terms.client_receive_maximum = u16::from(bits & 3) + 1;
        self.terms.client_maximum_packet_size = if bits & 4 != 0 { 40 } else { usize::MAX };
        let terms = self.terms.clone();
        self.session.connect(terms, self.now, &mut self.actions);
        self.act();
    }

    fn client_says(&mut self, frame: &[u8]) {
        if !self.connected {
            return;
        }
        let Ok(packet) = decode(frame, self.terms.version) else {
            return self.cut_or_connect(0);
        };
        let origin = self.origin();
        let actions = &mut self.actions;
        match &packet {
            Packet::Publish(p) => self.session.publish(p, origin, actions),
            Packet::PubAck(ack) => self.session.puback(ack, self.now, actions),
            Packet::PubRec(ack) => self.session.pubrec(ack, self.now, actions),
            Packet::PubRel(ack) => self.session.pubrel(ack, actions),
            Packet::PubComp(ack) => self.session.pubcomp(ack, self.now, actions),
            _ => {}
        }
        self.act();
    }

    fn message(&mut self, bits: u8, payload: u8) {
        let qos = QoS::try_from(bits & 3).unwrap_or_default();
        let mut properties = Vec::new();
        if bits & 4 != 0 {
            Property::MessageExpiryInterval(u32::from(payload)).write(&mut properties);
        }
        let origin = self.origin();
        let publish = Publish {
            dup: false,
            qos,
            retain: false,
            topic: "t",
            packet_id: 1,
            properties: Properties::trusted(&properties),
            payload: &vec![b'x'; usize::from(payload)],
        };
        let delivery = Delivery {
            message: Message::new(&publish, "t", origin),
            qos,
            retain: bits & 8 != 0,
            subscription_ids: SubscriptionIds::default(),
            seq: if qos > QoS::AtMostOnce { self.count } else { 0 },
            share: None,
        };
        let _ = self.session.deliver(delivery, self.now, &mut self.actions);
        self.act();
    }

    /// Does what the session says.
    fn act(&mut self) {
        let mut ends = false;
        for action in std::mem::take(&mut self.actions) {
            let mut out = BytesMut::new();
            let version = self.terms.version;
            match action {
                Action::Publish {
                    delivery,
                    packet_id,
                    dup,
                } => {
                    assert_eq!(packet_id > 0, delivery.qos > QoS::AtMostOnce);
                    if packet_id > 0 {
                        let new = self.unacknowledged.insert(packet_id);
                        assert!(new, "{packet_id} is in use"); // [MQTT-2.2.1-4]
                    }
                    let head = PublishHead {
                        dup,
                        qos: delivery.qos,
                        retain: delivery.retain,
                        packet_id,
                    };
                    let message = &delivery.message;
                    let properties = [message.properties()];
                    encode_publish(
                        &head,
                        message.topic(),
                        &properties,
                        message.payload(),
                        version,
                        &mut out,
                    );
                    assert!(out.len() <= self.terms.client_maximum_packet_size); // [MQTT-3.1.2-24]
                }
                Action::PubRel(ack) => encode(&Packet::PubRel(ack), version, &mut out),
                Action::PubAck(ack) => encode(&Packet::PubAck(ack), version, &mut out),
                Action::PubRec(ack) => encode(&Packet::PubRec(ack), version, &mut out),
                Action::PubComp(ack) => encode(&Packet::PubComp(ack), version, &mut out),
                Action::Refuse(_) => ends = true,
                Action::Forward { .. }
                | Action::Release { .. }
                | Action::Received { .. }
                | Action::Released(_)
                | Action::Identified { .. }
                | Action::Done(_)
                | Action::Dropped { .. } => {}
            }
            assert!(out.is_empty() || decode(&out, version).is_ok());
        }
        if ends && self.connected {
            self.cut_or_connect(0);
        }
    }

    fn check(&mut self) {
        let mut inflight = HashSet::new();
        for (id, _) in self.session.inflight() {
            assert!(id > 0 && inflight.insert(id), "{id} twice"); // [MQTT-2.2.1-3]
        }
        self.unacknowledged.retain(|id| inflight.contains(id));
        let most = usize::from(self.terms.client_receive_maximum);
        assert!(!self.connected || self.unacknowledged.len() <= most); // [MQTT-3.3.4-9]
        assert!(self.session.queued().len() <= QUEUE);
        assert!(self.session.awaiting_release() <= usize::from(SERVER_RECEIVE_MAXIMUM));
    }
}
