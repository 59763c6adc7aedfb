//! What captured packets tell of devices.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::sync::Arc;

use mqttwb_capture::{Cursor, Packet, Source};
use mqttwb_fleet::{Board, Told};
use mqttwb_model::{ConnectionId, ConnectionInfo, Direction, PacketType, SeenBy};

use super::rules::Reading;
use crate::alerts::CLIENT;
use crate::payloads::Payloads;

/// Connections that are remembered before those that have ended are looked for.
const MANY: usize = 1_000;

/// Reads each captured packet once.
#[derive(Debug)]
pub(super) struct Feed {
    cursor: Cursor,
    connections: HashMap<ConnectionId, Option<Arc<ConnectionInfo>>>,
    /// Packets that were gone before they were read.
    pub missed: u64,
}

impl Feed {
    pub fn new(cursor: Cursor) -> Self {
        Self {
            cursor,
            connections: HashMap::new(),
            missed: 0,
        }
    }

    /// Reads some of what has come. Whether there is more.
    pub fn read(
        &mut self,
        board: &mut Board,
        reading: &Reading,
        payloads: &Payloads,
        source: &dyn Source,
    ) -> bool {
        let batch = self.cursor.next_batch();
        self.missed += batch.missed;
        for packet in batch.iter() {
            if !packet.seen_by.is_second_view() {
                self.take(&packet, board, reading, payloads, source);
            }
        }
        !batch.is_empty()
    }

    fn take(
        &mut self,
        packet: &Packet<'_>,
        board: &mut Board,
        reading: &Reading,
        payloads: &Payloads,
        source: &dyn Source,
    ) {
        let here = packet.seen_by == SeenBy::Broker;
        let info = self.connections.entry(packet.connection);
        let info = info.or_insert_with(|| {
            let info = source.connection(packet.connection)?;
            if here && info.client.as_str() != CLIENT {
                let ended = source.ended(packet.connection).map(|(at, _)| at);
                board.connection(&info, packet.at, ended);
            }
            Some(info)
        });
        let client = info.as_ref().map(|info| info.client.as_str());
        let from_client = packet.direction == Direction::ToBroker;
        let kind = packet.packet_type();
        let is_message = kind == Some(PacketType::Publish);
        if let Some(client) = client.filter(|_| here) {
            board.seen(client, packet.at, from_client, is_message);
            if kind == Some(PacketType::Connect)
                && let Ok(mqttwb_wire::Packet::Connect(connect)) =
                    mqttwb_wire::decode(packet.frame, packet.version)
            {
                let will = connect.will.as_ref().map(|will| will.topic);
                board.connect(client, connect.user_name, will);
            }
        }
        // What the embedded broker delivers was published to it before, or is retained, and may be long past. Of another
        // broker its deliveries are all that is known.
        if !is_message || (here && !from_client) {
            return;
        }
        let Some(topic) = packet.topic() else {
            return;
        };
        let told = Told {
            at: packet.at,
            topic,
            publisher: client.filter(|_| here),
            will: false,
        };
        // Only what is about a device is taken apart, and once.
        let payload = LazyCell::new(|| match mqttwb_wire::decode(packet.frame, packet.version) {
            Ok(mqttwb_wire::Packet::Publish(publish)) => Some(publish.payload),
            _ => None,
        });
        board.message(&told, |what| {
            reading.find(payloads, topic, (*payload)?, what)
        });
    }

    /// Lets go of connections that have ended, where there are many.
    pub fn forget_ended(&mut self, source: &dyn Source) {
        if self.connections.len() > MANY {
            self.connections
                .retain(|id, _| source.ended(*id).is_none() && source.connection(*id).is_some());
        }
    }
}
