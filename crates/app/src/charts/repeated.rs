//! Messages that were sent again.
//!
//! Duty: tell a PUBLISH that was sent before (MQTT 5, section 3.3.1.1) from a new message, over the connections of a client.
//! Not here: handshakes (`mqttwb_capture`): where a PUBACK was lost they have ended, and the message is the same still.
//! Invariant: what is not marked as sent again is a new message, whatever it holds; the memory is bounded.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use mqttwb_capture::{Packet, Source, client_of};
use mqttwb_model::{ConnectionId, FaultDone};
use mqttwb_wire::Publish;

/// Messages that are remembered, the newest of all clients; more than a client may have under way.
const REMEMBERED: usize = 4_096;
/// Connections whose clients are remembered.
const CONNECTIONS: usize = 1_000;

/// A client, and a packet identifier of it.
type Key = (u64, u16);

/// The messages that were sent last.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    hashing: RandomState,
    clients: HashMap<ConnectionId, u64>,
    /// What was sent under a packet identifier last, and when, counted in messages.
    sent: HashMap<Key, (u64, u64)>,
    order: VecDeque<(Key, u64)>,
    taken: u64,
}

impl Repeats {
    /// Whether this is a message that was seen before. One whose first PUBLISH nobody saw is new.
    pub fn is_again(
        &mut self,
        packet: &Packet<'_>,
        topic: &str,
        publish: &Publish<'_>,
        source: &dyn Source,
    ) -> bool {
        if publish.packet_id == 0 {
            return false; // QoS 0 is never sent again [MQTT-3.3.1-2]
        }
        let key = (self.client(packet.connection, source), publish.packet_id);
        let content = self.hashing.hash_one((topic, publish.payload));
        let twin = packet
            .fault
            .is_some_and(|fault| fault.done == FaultDone::Duplicate);
        let before = self.sent.get(&key).map(|(content, _)| *content);
        self.taken += 1;
        self.sent.insert(key, (content, self.taken));
        self.order.push_back((key, self.taken));
        if self.order.len() > REMEMBERED
            && let Some((oldest, taken)) = self.order.pop_front()
            && self
                .sent
                .get(&oldest)
                .is_some_and(|(_, last)| *last == taken)
        {
            self.sent.remove(&oldest);
        }
        (publish.dup || twin) && before == Some(content)
    }

    fn client(&mut self, connection: ConnectionId, source: &dyn Source) -> u64 {
        if let Some(known) = self.clients.get(&connection) {
            return *known;
        }
        if self.clients.len() >= CONNECTIONS {
            self.clients.clear();
        }
        let client = match client_of(source, connection) {
            Some(client) => self.hashing.hash_one(client.as_str()),
            None => self.hashing.hash_one(connection.0),
        };
        self.clients.insert(connection, client);
        client
    }
}
