//! The last wills of a recording: who left one, and when the broker published it.
//!
//! Duty: follow each connection from its CONNECT to its end. Not here: deliveries, of which a will may have had none.
//! Invariant: a will is told at most once, in the order of time; never one whose client said goodbye, was refused, or came
//! back before its delay had passed (MQTT 5, section 3.1.2.5 and 3.1.3.2.2).

use std::collections::{BTreeMap, HashMap};

use mqttwb_capture::Packet;
use mqttwb_model::recording::ConnectionEnd;
use mqttwb_model::{
    ConnectionId, Direction, FaultDone, PacketType, ProtocolVersion, QoS, Timestamp,
};
use mqttwb_wire::{Packet as Wire, Properties, Property, ReasonCode, decode};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Those of connections that are open, and those that wait for their delay.
#[derive(Debug, Default)]
pub struct Wills {
    left: HashMap<ConnectionId, Left>,
    /// The connection of each client that has left one.
    clients: HashMap<String, ConnectionId>,
    due: BTreeMap<(Timestamp, u64), Left>,
}

/// A will that was left, in the CONNECT that it came by.
#[derive(Debug, Clone)]
pub struct Left {
    /// The number of the CONNECT.
    pub seq: u64,
    frame: Vec<u8>,
    version: ProtocolVersion,
    client: String,
    delay: u64,
    /// Whether the client has come back while the connection was still there, and its session had begun anew.
    back: Option<bool>,
}

/// A will as a message.
#[derive(Debug, Clone, Copy)]
pub struct Will<'a> {
    pub client: &'a str,
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: QoS,
    pub retain: bool,
    pub properties: Properties<'a>,
}

impl Left {
    /// The message. It was read once when it was left, so it is there.
    pub fn will(&self) -> Option<Will<'_>> {
        let Ok(Wire::Connect(connect)) = decode(&self.frame, self.version) else {
            return None;
        };
        let will = connect.will?;
        Some(Will {
            client: &self.client,
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: will.properties,
        })
    }
}

impl Wills {
    /// Learns of a packet; they come in their order. `client` is the identifier that its connection goes by.
    pub fn see(&mut self, packet: &Packet<'_>, client: impl FnOnce() -> Option<String>) {
        let lost = packet.fault.is_some_and(|fault| {
            matches!(
                fault.done,
                FaultDone::Dropped
                    | FaultDone::Corrupted { .. }
                    | FaultDone::Truncated(_)
                    | FaultDone::CutBefore
                    | FaultDone::Lost
            )
        });
        match (packet.direction, packet.packet_type()) {
            _ if lost => {}
            (Direction::ToBroker, Some(PacketType::Connect)) => self.connect(packet, client),
            (Direction::ToBroker, Some(PacketType::Disconnect)) if is_goodbye(packet) => {
                self.forget(packet.connection);
            }
            (Direction::ToClient, Some(PacketType::ConnAck)) if !is_welcome(packet) => {
                self.forget(packet.connection);
            }
            _ => {}
        }
    }

    fn connect(&mut self, packet: &Packet<'_>, client: impl FnOnce() -> Option<String>) {
        let Ok(Wire::Connect(connect)) = decode(packet.frame, packet.version) else {
            return;
        };
        let client = client().unwrap_or_else(|| connect.client_id.to_owned());
        if let Some(before) = self.clients.get(&client)
            && let Some(left) = self.left.get_mut(before)
        {
            left.back = Some(connect.clean_start);
        }
        let waiting = self
            .due
            .iter()
            .find(|(_, left)| left.client == client)
            .map(|(key, _)| *key);
        if let Some(key) = waiting
            && let Some(left) = self.due.remove(&key)
            && connect.clean_start
        {
            // Its session has ended, and with it the delay.
            self.due.insert((packet.at, left.seq), left);
        }
        let Some(will) = &connect.will else {
            return;
        };
        let seconds = |properties: &Properties<'_>, delay: bool| {
            properties.find(|property| match property {
                Property::WillDelayInterval(seconds) if delay => Some(seconds),
                Property::SessionExpiryInterval(seconds) if !delay => Some(seconds),
                _ => None,
            })
        };
        let delay = seconds(&will.properties, true).unwrap_or(0);
        let expiry = seconds(&connect.properties, false).unwrap_or(0);
        let left = Left {
            seq: packet.seq,
            frame: packet.frame.to_vec(),
            version: packet.version,
            client: client.clone(),
            delay: u64::from(delay.min(expiry)) * SECOND,
            back: None,
        };
        self.clients.insert(client, packet.connection);
        self.left.insert(packet.connection, left);
    }

    fn forget(&mut self, connection: ConnectionId) -> Option<Left> {
        let left = self.left.remove(&connection)?;
        if self.clients.get(&left.client) == Some(&connection) {
            self.clients.remove(&left.client);
        }
        Some(left)
    }

    /// Learns of the end of a connection.
    pub fn ended(&mut self, end: &ConnectionEnd) {
        let Some(left) = self.forget(end.connection) else {
            return;
        };
        let wait = match left.back {
            Some(false) if left.delay > 0 => return,
            Some(_) => 0,
            None => left.delay,
        };
        let at = Timestamp(end.at.0.saturating_add(wait));
        self.due.insert((at, left.seq), left);
    }

    /// The next will that was published before this time, and when.
    pub fn published(&mut self, before: Timestamp) -> Option<(Timestamp, Left)> {
        let first = self.due.first_entry()?;
        let (at, _) = *first.key();
        (at <= before).then(|| (at, first.remove()))
    }
}

/// Whether a DISCONNECT takes the will with it; with another reason the will is published all the same [MQTT-3.14.4-3].
fn is_goodbye(packet: &Packet<'_>) -> bool {
    matches!(decode(packet.frame, packet.version), Ok(Wire::Disconnect(end)) if end.reason == ReasonCode::SUCCESS)
}

fn is_welcome(packet: &Packet<'_>) -> bool {
    matches!(decode(packet.frame, packet.version), Ok(Wire::ConnAck(ack)) if ack.reason == ReasonCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use mqttwb_model::SeenBy;

    use super::*;

    /// CONNECT with the will `t`, `x`; of MQTT 5 with a delay and a session that outlives it.
    fn connect(client: &str, clean: bool, delay: u8) -> Vec<u8> {
        let mut body = b"\0\x04MQTT\x05".to_vec();
        body.extend([0x04 | if clean { 2 } else { 0 }, 0, 0, 5, 0x11, 0, 0, 0, 60]);
        body.extend([0, client.len() as u8]);
        body.extend(client.as_bytes());
        body.extend([5, 0x18, 0, 0, 0, delay]);
        body.extend(b"\0\x01t\0\x01x");
        let mut frame = vec![0x10, body.len() as u8];
        frame.extend(body);
        frame
    }

    #[derive(Default)]
    struct Scene {
        wills: Wills,
        seq: u64,
    }

    impl Scene {
        fn see(&mut self, second: u64, connection: u64, direction: Direction, frame: &[u8]) {
            let packet = Packet {
                seq: self.seq,
                at: Timestamp(second * SECOND),
                connection: ConnectionId(connection),
                direction,
                version: ProtocolVersion::V5,
                seen_by: SeenBy::Broker,
                message: None,
                aliased_topic: None,
                fault: None,
                frame,
            };
            self.seq += 1;
            self.wills.see(&packet, || None);
        }

        fn end(&mut self, second: u64, connection: u64) {
            self.wills.ended(&ConnectionEnd {
                connection: ConnectionId(connection),
                before: self.seq,
                at: Timestamp(second * SECOND),
                why: "its socket was closed".into(),
            });
        }

        /// Who has died until then, and when.
        fn told(&mut self, second: u64) -> Vec<(u64, String)> {
            let mut told = Vec::new();
            while let Some((at, left)) = self.wills.published(Timestamp(second * SECOND)) {
                let will = left.will().unwrap();
                assert_eq!((will.topic, will.payload), ("t", b"x".as_slice()));
                told.push((at.0 / SECOND, will.client.to_owned()));
            }
            told
        }
    }

    use Direction::{ToBroker, ToClient};

    #[test]
    fn a_will_is_published_at_the_end_of_who_did_not_say_goodbye() {
        let mut scene = Scene::default();
        for (n, client) in ["killed", "polite", "with-reason", "refused", "open"]
            .iter()
            .enumerate()
        {
            scene.see(1, n as u64, ToBroker, &connect(client, true, 0));
        }
        scene.see(2, 3, ToClient, &[0x20, 3, 0, 0x87, 0]);
        scene.see(3, 1, ToBroker, &[0xe0, 0]);
        // "Disconnect with will message."
        scene.see(4, 2, ToBroker, &[0xe0, 1, 4]);
        for n in 0..4 {
            scene.end(5 + n, n);
        }
        let dead = vec![(5, "killed".to_owned()), (7, "with-reason".to_owned())];
        assert_eq!(scene.told(60), dead);
        assert_eq!(scene.told(1_000), [], "once");
    }

    #[test]
    fn a_delay_is_waited_for_and_ends_with_the_session_or_when_the_client_is_back() {
        let mut scene = Scene::default();
        for (n, client) in ["gone", "back", "anew"].iter().enumerate() {
            scene.see(1, n as u64, ToBroker, &connect(client, false, 10));
            scene.end(2, n as u64);
        }
        scene.see(4, 11, ToBroker, &connect("back", false, 10));
        scene.see(5, 12, ToBroker, &connect("anew", true, 10));
        assert_eq!(scene.told(11), [(5, "anew".to_owned())]);
        assert_eq!(scene.told(12), [(12, "gone".to_owned())]);
        // Who takes its own place goes on with its session, or ends it.
        scene.see(20, 21, ToBroker, &connect("back", false, 10));
        scene.see(21, 22, ToBroker, &connect("anew", true, 10));
        scene.end(22, 11);
        scene.end(22, 12);
        assert_eq!(scene.told(60), [(22, "anew".to_owned())]);
    }
}
