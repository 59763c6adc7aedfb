//! A publish and everything that follows from it.
//!
//! Duty: find every packet that has to do with one message, in order: the publisher's, each delivery's, what was sent again,
//! and how the clients concerned came and went meanwhile.
//! Not here: words for people (app). Invariant: steps are in the order of time; those that found no room are counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mqttwb_model::{ClientId, ConnectionId, Direction, MessageId, PacketType, Timestamp};
use mqttwb_wire::Packet as Wire;

use super::tracker::{Progress, Role, Tie, Tracker, client_of, is_at_most_once};
use crate::segment::Glance;
use crate::{Packet, Source};

/// Packets of one look at the source.
const SLICE: u64 = 64 * 1024;

/// Which message to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoryOf {
    /// The message with this number of the observer's.
    Message(MessageId),
    /// The message that this packet carries or acknowledges.
    Packet(u64),
}

/// The story of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The number of the packet that the message was first seen in.
    pub first: u64,
    /// The observer's number of the message.
    pub message: Option<MessageId>,
    /// What happened, in the order of time.
    pub steps: Vec<Step>,
    /// Steps that found no room.
    pub left_out: u64,
    /// Each delivery, in the order that they were first sent.
    pub deliveries: Vec<StoryDelivery>,
}

/// A step of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A packet.
    Packet {
        /// Its number.
        seq: u64,
        /// When.
        at: Timestamp,
        /// Whose.
        connection: ConnectionId,
        /// What it has to do with the message; `None` for CONNECT, CONNACK and DISCONNECT of a client concerned.
        role: Option<Role>,
    },
    /// The connection of a client concerned has ended.
    Ended {
        /// When.
        at: Timestamp,
        /// Whose.
        connection: ConnectionId,
        /// Why, in a sentence.
        why: Arc<str>,
    },
}

impl Step {
    /// When.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Packet { at, .. } | Self::Ended { at, .. } => *at,
        }
    }

    /// Whose.
    pub fn connection(&self) -> ConnectionId {
        match self {
            Self::Packet { connection, .. } | Self::Ended { connection, .. } => *connection,
        }
    }
}

/// A delivery of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryDelivery {
    /// To whom; `None` where nothing is known of the connection.
    pub client: Option<ClientId>,
    /// Where it stands; a delivery that was given up is `Refused`.
    pub progress: Progress,
    /// When it came to stand there.
    pub at: Timestamp,
    /// How often it was sent again.
    pub again: u32,
}

/// The story of a message, of `at_most` steps at most; `None` where no packet of it is kept.
pub fn story(source: &dyn Source, of: StoryOf, at_most: usize) -> Option<Story> {
    let first = match of {
        StoryOf::Message(message) => first_of(source, message)?,
        StoryOf::Packet(seq) => tied(source, seq)?,
    };
    let mut teller = Teller::new(source, first, at_most);
    let mut seq = first;
    let end = source.kept().end;
    while seq < end {
        let packets = source.read(seq, SLICE.min(end - seq));
        if packets.end() <= seq {
            break;
        }
        for glance in packets.glances(seq) {
            teller.see(&glance);
        }
        seq = packets.end();
    }
    Some(teller.finish())
}

/// The number of the packet that a message was first seen in.
fn first_of(source: &dyn Source, message: MessageId) -> Option<u64> {
    let seq = each(source, source.kept().start, |glance| {
        (glance.message() == Some(message)).then_some(glance.seq)
    })?;
    // What is sent again has a number of its own, though it is the message that was sent before.
    let packets = source.packet(seq);
    let packet = packets.get(seq)?;
    let dup = mqttwb_wire::peek(packet.frame, packet.version).is_some_and(|peek| peek.dup);
    if packet.direction == Direction::ToBroker && dup {
        return Some(tie(source, seq)?.first);
    }
    Some(seq)
}

/// The number of the first packet of the message that a packet has to do with.
fn tied(source: &dyn Source, seq: u64) -> Option<u64> {
    let first = tie(source, seq)?.first;
    let packets = source.packet(first);
    match packets.get(first)?.message {
        Some(message) => first_of(source, message),
        None => Some(first),
    }
}

/// What a packet has to do with a message, as far as its client's own packets tell.
fn tie(source: &dyn Source, seq: u64) -> Option<Tie> {
    let packets = source.packet(seq);
    let connection = packets.get(seq)?.connection;
    let name = |connection| client_of(source, connection);
    let client = name(connection);
    let mut same: HashMap<ConnectionId, bool> = HashMap::from([(connection, true)]);
    let mut tracker = Tracker::default();
    each(source, source.kept().start, |glance| {
        let of_client = *same
            .entry(glance.connection())
            .or_insert_with(|| client.is_some() && name(glance.connection()) == client);
        if !of_client {
            return None;
        }
        let tie = tracker.see(&glance.packet(), name);
        (glance.seq >= seq).then_some(tie)
    })?
}

/// What `look` finds first, from a packet on.
fn each<T>(
    source: &dyn Source,
    from: u64,
    mut look: impl FnMut(&Glance<'_>) -> Option<T>,
) -> Option<T> {
    let mut seq = from;
    let end = source.kept().end;
    while seq < end {
        let packets = source.read(seq, SLICE.min(end - seq));
        if packets.end() <= seq {
            return None;
        }
        for glance in packets.glances(seq) {
            if let Some(found) = look(&glance) {
                return Some(found);
            }
        }
        seq = packets.end();
    }
    None
}

struct Teller<'a> {
    source: &'a dyn Source,
    first: u64,
    at_most: usize,
    tracker: Tracker,
    /// The numbers that the observer gave to the message: another one each time that its publisher sent it.
    messages: HashSet<MessageId>,
    names: HashMap<ConnectionId, Option<ClientId>>,
    /// Clients with a part in the story, and the connection that each was last seen on.
    parts: HashMap<ClientId, ConnectionId>,
    /// Deliveries that are under way, by whom they go to; to the same client at a time may be several.
    open: HashMap<(Option<ClientId>, u16), usize>,
    story: Story,
}

impl<'a> Teller<'a> {
    fn new(source: &'a dyn Source, first: u64, at_most: usize) -> Self {
        Self {
            source,
            first,
            at_most,
            tracker: Tracker::default(),
            messages: HashSet::new(),
            names: HashMap::new(),
            parts: HashMap::new(),
            open: HashMap::new(),
            story: Story {
                first,
                message: None,
                steps: Vec::new(),
                left_out: 0,
                deliveries: Vec::new(),
            },
        }
    }

    fn see(&mut self, glance: &Glance<'_>) {
        let connection = glance.connection();
        if glance.seen_by().is_second_view() {
            return;
        }
        // Handshakes are each client's own, so packets of others can be left out.
        let named = glance.message().is_some_and(|m| self.messages.contains(&m));
        if glance.seq != self.first && !named && !self.has_part(connection) {
            return;
        }
        let packet = glance.packet();
        let kind = packet.packet_type();
        let comes_or_goes = matches!(
            kind,
            Some(PacketType::Connect | PacketType::ConnAck | PacketType::Disconnect)
        );
        if comes_or_goes {
            self.comes_or_goes(&packet, kind == Some(PacketType::Connect));
        }
        let name = self.name(connection);
        let Some(tie) = self.tracker.see(&packet, |_| name.clone()) else {
            self.give_up(packet.at);
            return;
        };
        if tie.first != self.first {
            self.give_up(packet.at);
            return;
        }
        if glance.seq == self.first {
            self.story.message = packet.message;
            self.begin_with_the_will(&packet);
        }
        self.messages.extend(packet.message);
        self.story.message = self.story.message.or(packet.message);
        if let Some(name) = name.clone() {
            self.parts.insert(name, connection);
        }
        self.count(&packet, name, tie.role);
        self.give_up(packet.at);
        self.tell(&packet, Some(tie.role));
    }

    /// A client concerned connects, is let in, or takes its leave.
    fn comes_or_goes(&mut self, packet: &Packet<'_>, connects: bool) {
        let Some(name) = self.name(packet.connection) else {
            return;
        };
        let Some(&before) = self.parts.get(&name) else {
            return;
        };
        // The tracker knows a new connection's client by its name only when it has seen a packet of it.
        let concerned = self.tracker.is_under_way(before, self.first)
            || self.tracker.is_under_way(packet.connection, self.first);
        if !concerned {
            return;
        }
        if connects && before != packet.connection {
            self.ended(before);
        }
        self.parts.insert(name, packet.connection);
        self.tell(packet, None);
    }

    fn ended(&mut self, connection: ConnectionId) {
        if let Some((at, why)) = self.source.ended(connection) {
            self.push(Step::Ended {
                at,
                connection,
                why,
            });
        }
    }

    /// A message that nobody was seen to publish may be a will: then it begins with the CONNECT that left it.
    fn begin_with_the_will(&mut self, packet: &Packet<'_>) {
        if packet.direction == Direction::ToBroker {
            return;
        }
        let Ok(Wire::Publish(publish)) = mqttwb_wire::decode(packet.frame, packet.version) else {
            return;
        };
        let topic = packet.aliased_topic.unwrap_or(publish.topic);
        let mut left_by = None;
        let (source, first) = (self.source, self.first);
        each(source, source.kept().start, |glance| {
            if glance.seq >= first {
                return Some(());
            }
            if PacketType::of_first_byte(glance.first_byte()) == Some(PacketType::Connect)
                && let packet = glance.packet()
                && let Ok(Wire::Connect(connect)) =
                    mqttwb_wire::decode(packet.frame, packet.version)
                && let Some(will) = connect.will
                && will.topic == topic
                && will.payload == publish.payload
                && source.ended(glance.connection()).is_some()
            {
                left_by = Some((glance.seq, packet.at, glance.connection()));
            }
            None
        });
        if let Some((seq, at, connection)) = left_by {
            self.push(Step::Packet {
                seq,
                at,
                connection,
                role: None,
            });
            self.ended(connection);
        }
    }

    fn count(&mut self, packet: &Packet<'_>, client: Option<ClientId>, role: Role) {
        let id = mqttwb_wire::peek(packet.frame, packet.version).and_then(|peek| peek.packet_id);
        let key = (client.clone(), id.unwrap_or(0));
        match role {
            Role::Published { .. } | Role::Acknowledging(_) => {}
            Role::Delivered { again: true } => {
                if let Some(&open) = self.open.get(&key) {
                    self.story.deliveries[open].again += 1;
                }
            }
            Role::Delivered { again: false } => {
                let progress = match (is_at_most_once(packet), packet.arrived()) {
                    (true, true) => Progress::Done,
                    (true, false) => Progress::Refused,
                    (false, _) => Progress::UnderWay,
                };
                self.open.insert(key, self.story.deliveries.len());
                self.story.deliveries.push(StoryDelivery {
                    client,
                    progress,
                    at: packet.at,
                    again: 0,
                });
            }
            Role::Receiving(progress) => {
                if let Some(&open) = self.open.get(&key) {
                    let delivery = &mut self.story.deliveries[open];
                    (delivery.progress, delivery.at) = (progress, packet.at);
                }
            }
        }
    }

    /// Of deliveries that will not go on, as the tracker has found with this packet.
    fn give_up(&mut self, at: Timestamp) {
        for first in self.tracker.take_given_up() {
            if first != self.first {
                continue;
            }
            // Whose it was is known by who has nothing under way any more.
            for delivery in &mut self.story.deliveries {
                let connection = delivery.client.as_ref().and_then(|c| self.parts.get(c));
                if delivery.progress == Progress::UnderWay
                    && connection.is_some_and(|&c| !self.tracker.is_under_way(c, first))
                {
                    (delivery.progress, delivery.at) = (Progress::Refused, at);
                }
            }
        }
    }

    fn tell(&mut self, packet: &Packet<'_>, role: Option<Role>) {
        self.push(Step::Packet {
            seq: packet.seq,
            at: packet.at,
            connection: packet.connection,
            role,
        });
    }

    fn push(&mut self, step: Step) {
        if self.story.steps.len() < self.at_most {
            self.story.steps.push(step);
        } else {
            self.story.left_out += 1;
        }
    }

    fn has_part(&mut self, connection: ConnectionId) -> bool {
        self.name(connection)
            .is_some_and(|name| self.parts.contains_key(&name))
    }

    fn name(&mut self, connection: ConnectionId) -> Option<ClientId> {
        let source = self.source;
        self.names
            .entry(connection)
            .or_insert_with(|| client_of(source, connection))
            .clone()
    }

    fn finish(mut self) -> Story {
        // Whoever still has something under way and is not there any more.
        let gone: Vec<ConnectionId> = self
            .parts
            .values()
            .copied()
            .filter(|&connection| self.tracker.is_under_way(connection, self.first))
            .collect();
        for connection in gone {
            self.ended(connection);
        }
        // The end of a connection is told when it is found out, and stands where it belongs.
        self.story.steps.sort_by_key(Step::at);
        self.story
    }
}
