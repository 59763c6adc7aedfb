//! Which packet belongs to which message.
//!
//! Duty: follow the handshakes of each client, over its connections, by packet identifier, so that an acknowledgement finds
//! its PUBLISH, a delivery finds what was published, and what is sent again finds what was sent before.
//! Not here: keeping what was found (`Messages`), telling it (`story`).
//! Invariant: a packet that did not arrive ends no handshake. Without the observer's message numbers a delivery begins a
//! message of its own.

use std::collections::{HashMap, VecDeque};

use mqttwb_model::{ClientId, ConnectionId, Direction, FaultDone, MessageId, PacketType};
use mqttwb_model::{ProtocolVersion, QoS, SeenBy};
use mqttwb_wire::Peek;

use crate::{Packet, Source};

/// Clients that are remembered before those without a handshake under way are forgotten.
const CLIENTS: usize = 32 * 1024;

/// What a packet has to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// The number of the packet that the message was first seen in, which stands for the message.
    pub first: u64,
    /// The part that the packet has in it.
    pub role: Role,
}

/// The part that a packet has in a message's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A PUBLISH of the publisher.
    Published {
        /// The message was sent before.
        again: bool,
    },
    /// PUBACK, PUBREC, PUBREL or PUBCOMP between the publisher and the broker.
    Acknowledging(Progress),
    /// A PUBLISH to a subscriber.
    Delivered {
        /// This delivery was sent before.
        again: bool,
    },
    /// PUBACK, PUBREC, PUBREL or PUBCOMP between the broker and a subscriber.
    Receiving(Progress),
}

/// Where a handshake stands after a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    UnderWay,
    /// It has ended well.
    Done,
    /// It has ended with a reason code that says no.
    Refused,
}

/// Follows the handshakes of every client.
#[derive(Debug, Default)]
pub struct Tracker {
    clients: Vec<Client>,
    by_name: HashMap<ClientId, usize>,
    by_connection: HashMap<ConnectionId, usize>,
    messages: HashMap<MessageId, u64>,
    /// The same, in the order that they were seen.
    known: VecDeque<(u64, MessageId)>,
    /// Messages of which a delivery will not go on.
    given_up: Vec<u64>,
}

/// The handshakes of a client that are under way: packet identifiers, and the first packets of their messages.
#[derive(Debug, Default)]
struct Client {
    publishing: HashMap<u16, u64>,
    receiving: HashMap<u16, u64>,
    /// What the CONNECT before its CONNACK said.
    clean_start: bool,
}

/// Whose handshakes a connection goes on with: its client's, of the same broker.
pub fn client_of(source: &dyn Source, connection: ConnectionId) -> Option<ClientId> {
    let info = source.connection(connection)?;
    Some(match info.seen_by {
        SeenBy::Broker | SeenBy::ClientOfBroker => info.client.clone(),
        // Two brokers know nothing of each other's sessions.
        SeenBy::ClientOfRemote => format!("{} at {}", info.client, info.listener).into(),
    })
}

/// Whether a packet is the second copy that a fault rule made.
fn is_twin(packet: &Packet<'_>) -> bool {
    packet
        .fault
        .is_some_and(|fault| fault.done == FaultDone::Duplicate)
}

impl Tracker {
    /// Looks at the next packet, and says which message it has to do with. `who` names the client of a connection.
    pub fn see(
        &mut self,
        packet: &Packet<'_>,
        who: impl FnOnce(ConnectionId) -> Option<ClientId>,
    ) -> Option<Tie> {
        if packet.seen_by.is_second_view() {
            return None;
        }
        let kind = packet.packet_type()?;
        let matters = matches!(
            kind,
            PacketType::Connect
                | PacketType::ConnAck
                | PacketType::Publish
                | PacketType::PubAck
                | PacketType::PubRec
                | PacketType::PubRel
                | PacketType::PubComp
        );
        if !matters || packet.seen_by.is_second_view() {
            return None;
        }
        let client = self.client(packet.connection, who);
        let peek = mqttwb_wire::peek(packet.frame, packet.version)?;
        let to_broker = packet.direction == Direction::ToBroker;
        match kind {
            PacketType::Connect => {
                self.clients[client].clean_start = asks_for_a_clean_start(packet);
                None
            }
            PacketType::ConnAck => {
                self.connected(client, packet, &peek);
                None
            }
            PacketType::Publish if to_broker => Some(self.published(client, packet, &peek)),
            PacketType::Publish => Some(self.delivered(client, packet, &peek)),
            // The publisher hears PUBACK, PUBREC and PUBCOMP, and says PUBREL; a subscriber the other way round.
            _ => {
                let publishes = to_broker == (kind == PacketType::PubRel);
                self.answered(client, publishes, kind, packet, &peek)
            }
        }
    }

    /// Whether a client, by one of its connections, has a handshake of this message under way.
    pub fn is_under_way(&self, connection: ConnectionId, first: u64) -> bool {
        self.by_connection.get(&connection).is_some_and(|&client| {
            let client = &self.clients[client];
            let mut all = client.publishing.values().chain(client.receiving.values());
            all.any(|&of| of == first)
        })
    }

    /// Messages of which a delivery will not go on: its session has ended, or its packet identifier went to another.
    pub(crate) fn take_given_up(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.given_up)
    }

    /// Lets go of messages that were first seen before this packet.
    pub(crate) fn forget_before(&mut self, first: u64) {
        while let Some(&(of, message)) = self.known.front()
            && of < first
        {
            self.known.pop_front();
            self.messages.remove(&message);
        }
    }

    fn client(
        &mut self,
        connection: ConnectionId,
        who: impl FnOnce(ConnectionId) -> Option<ClientId>,
    ) -> usize {
        if let Some(&client) = self.by_connection.get(&connection) {
            return client;
        }
        if self.clients.len() >= CLIENTS || self.by_connection.len() >= 2 * CLIENTS {
            self.forget_idle_clients();
        }
        let name = who(connection);
        let known = name.as_ref().and_then(|name| self.by_name.get(name));
        let client = known.copied().unwrap_or_else(|| {
            self.clients.push(Client::default());
            self.clients.len() - 1
        });
        if let Some(name) = name {
            self.by_name.insert(name, client);
        }
        self.by_connection.insert(connection, client);
        client
    }

    fn forget_idle_clients(&mut self) {
        let mut places = vec![None; self.clients.len()];
        let mut kept = Vec::new();
        for (place, client) in std::mem::take(&mut self.clients).into_iter().enumerate() {
            if !client.publishing.is_empty() || !client.receiving.is_empty() {
                places[place] = Some(kept.len());
                kept.push(client);
            }
        }
        self.clients = kept;
        let moved = |client: &mut usize| match places[*client] {
            Some(place) => {
                *client = place;
                true
            }
            None => false,
        };
        self.by_name.retain(|_, client| moved(client));
        // A connection that is met again is named again.
        self.by_connection.clear();
    }

    /// The session of a client begins, or goes on.
    fn connected(&mut self, client: usize, packet: &Packet<'_>, peek: &Peek<'_>) {
        if peek.reason != Some(0) {
            return;
        }
        let client = &mut self.clients[client];
        let goes_on = match packet.version {
            // Its CONNACK does not say.
            ProtocolVersion::V31 => !client.clean_start,
            ProtocolVersion::V311 | ProtocolVersion::V5 => {
                packet.frame.get(2).is_some_and(|flags| flags & 1 == 1)
            }
        };
        // What the client has not heard of it may send again all the same.
        if !goes_on {
            self.given_up
                .extend(client.receiving.drain().map(|(_, first)| first));
        }
    }

    fn published(&mut self, client: usize, packet: &Packet<'_>, peek: &Peek<'_>) -> Tie {
        let publishing = &mut self.clients[client].publishing;
        let before = peek
            .packet_id
            .and_then(|id| publishing.get(&id).copied())
            .filter(|_| peek.dup || is_twin(packet));
        let first = before.unwrap_or(packet.seq);
        if let Some(id) = peek.packet_id {
            publishing.insert(id, first);
        }
        if let Some(message) = packet.message {
            self.name(message, first);
        }
        let again = before.is_some();
        Tie {
            first,
            role: Role::Published { again },
        }
    }

    fn delivered(&mut self, client: usize, packet: &Packet<'_>, peek: &Peek<'_>) -> Tie {
        let known = packet
            .message
            .and_then(|message| self.messages.get(&message).copied());
        let first = known.unwrap_or(packet.seq);
        if let (Some(message), None) = (packet.message, known) {
            self.name(message, first);
        }
        let before = peek
            .packet_id
            .and_then(|id| self.clients[client].receiving.insert(id, first));
        let again = match before {
            Some(before) => before == first && (peek.dup || is_twin(packet)),
            None => is_twin(packet) && known.is_some(),
        };
        if let Some(before) = before
            && !again
        {
            self.given_up.push(before);
        }
        Tie {
            first,
            role: Role::Delivered { again },
        }
    }

    /// An acknowledgement, of what the client publishes or of what it receives.
    fn answered(
        &mut self,
        client: usize,
        publishes: bool,
        kind: PacketType,
        packet: &Packet<'_>,
        peek: &Peek<'_>,
    ) -> Option<Tie> {
        let client = &mut self.clients[client];
        let handshakes = match publishes {
            true => &mut client.publishing,
            false => &mut client.receiving,
        };
        let id = peek.packet_id?;
        let first = *handshakes.get(&id)?;
        let refuses = peek.reason.is_some_and(|reason| reason >= 0x80);
        let progress = match kind {
            _ if !packet.arrived() => Progress::UnderWay,
            PacketType::PubAck | PacketType::PubRec if refuses => Progress::Refused,
            PacketType::PubAck | PacketType::PubComp => Progress::Done,
            _ => Progress::UnderWay,
        };
        if progress != Progress::UnderWay {
            handshakes.remove(&id);
        }
        let role = match publishes {
            true => Role::Acknowledging(progress),
            false => Role::Receiving(progress),
        };
        Some(Tie { first, role })
    }

    fn name(&mut self, message: MessageId, first: u64) {
        if self.messages.insert(message, first).is_none() {
            self.known.push_back((first, message));
        }
    }
}

fn asks_for_a_clean_start(packet: &Packet<'_>) -> bool {
    matches!(
        mqttwb_wire::decode(packet.frame, packet.version),
        Ok(mqttwb_wire::Packet::Connect(connect)) if connect.clean_start
    )
}

/// Whether a delivery needs no acknowledgement.
pub(crate) fn is_at_most_once(packet: &Packet<'_>) -> bool {
    packet.qos() == Some(QoS::AtMostOnce)
}
