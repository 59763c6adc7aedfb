//! A publisher that sends again what was not acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::{KINDS, Kind, Random, Stage};
use crate::peer::Version;
use crate::raw::{Ack, Incoming, Publish, Wire};

/// Messages that a publisher has in flight.
const WINDOW: usize = 20;

#[derive(Debug, Clone)]
struct InFlight {
    id: u16,
    kind: Kind,
    number: u64,
    length: usize,
    /// PUBREC came.
    received: bool,
}

/// A publisher with a session of its own.
#[derive(Debug)]
pub struct Publisher {
    stage: Arc<Stage>,
    version: Version,
    number: usize,
    random: Random,
    /// The next number of each kind.
    next: [u64; 3],
    in_flight: VecDeque<InFlight>,
    /// Refused, and to be published again.
    again: VecDeque<(Kind, u64, usize)>,
    last_id: u16,
}

impl Publisher {
    /// Publishes until it is enough, and returns how many messages of each kind were acknowledged: all that it made.
    pub fn start(
        stage: Arc<Stage>,
        number: usize,
        version: Version,
        random: Random,
    ) -> thread::JoinHandle<[u64; 3]> {
        let publisher = Self {
            stage,
            version,
            number,
            random,
            next: [0; 3],
            in_flight: VecDeque::new(),
            again: VecDeque::new(),
            last_id: 0,
        };
        thread::spawn(move || publisher.run())
    }

    fn run(mut self) -> [u64; 3] {
        let client = format!("publisher-{}", self.number);
        let stage = self.stage.clone();
        let mut known = false;
        loop {
            let mut wire = stage.connect(self.version, &client, &mut known);
            // Section 4.4: unacknowledged PUBLISH and PUBREL packets again, with their identifiers, in their order.
            for message in &self.in_flight {
                if message.received {
                    wire.ack(Ack::PubRel, message.id);
                } else {
                    self.publish(&mut wire, message, true);
                }
            }
            match self.converse(&mut wire) {
                Ok(()) => {
                    wire.disconnect();
                    stage.done.fetch_add(1, Ordering::Relaxed);
                    return self.next;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Other => {
                    stage.violation(format!("{client}: {error}"));
                }
                // The broker was killed, or it is left without a word.
                Err(_) => {}
            }
        }
    }

    /// Until all is acknowledged, and no more is to come.
    fn converse(&mut self, wire: &mut Wire) -> std::io::Result<()> {
        let mut left = self.random.below(4_000);
        loop {
            let enough = self.stage.enough.load(Ordering::Relaxed);
            while self.in_flight.len() < WINDOW {
                let again = self.again.pop_front();
                if enough && again.is_none() {
                    break;
                }
                let message = self.make(again);
                self.publish(wire, &message, false);
                self.in_flight.push_back(message);
            }
            wire.flush()?;
            if self.in_flight.is_empty() {
                return Ok(());
            }
            left = left.saturating_sub(1);
            if left == 0 && !enough {
                // Now and then a publisher is the one that breaks off.
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let Some(packet) = wire.read()? else {
                continue;
            };
            match packet {
                Incoming::Ack(ack, id, code) => self.answered(wire, ack, id, code)?,
                other => return Err(std::io::Error::other(format!("{other:?}"))),
            }
        }
    }

    fn make(&mut self, again: Option<(Kind, u64, usize)>) -> InFlight {
        let (kind, number, length) = again.unwrap_or_else(|| {
            let kind = KINDS[match self.random.below(20) {
                0 => 2,
                1..10 => 0,
                _ => 1,
            }];
            let number = self.next[kind as usize];
            self.next[kind as usize] += 1;
            let length = match self.random.below(20) {
                0 => 4_000,
                1..5 => 600,
                _ => 20,
            };
            (kind, number, self.random.below(length) as usize)
        });
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = self.last_id;
            if self.in_flight.iter().all(|message| message.id != id) {
                return InFlight {
                    id,
                    kind,
                    number,
                    length,
                    received: false,
                };
            }
        }
    }

    fn publish(&self, wire: &mut Wire, message: &InFlight, dup: bool) {
        let mut payload = format!("{} ", message.number).into_bytes();
        payload.resize(payload.len() + message.length, b'.');
        wire.publish(Publish {
            topic: &message.kind.topic(self.number),
            payload: &payload,
            qos: message.kind.qos(),
            retain: message.kind == Kind::Kept,
            dup,
            id: message.id,
        });
    }

    fn answered(&mut self, wire: &mut Wire, ack: Ack, id: u16, code: u8) -> std::io::Result<()> {
        let place = self.in_flight.iter().position(|message| message.id == id);
        let expected = place.map(|at| {
            let message = &self.in_flight[at];
            (at, message.kind.qos(), message.received)
        });
        match (ack, expected) {
            (Ack::PubAck, Some((at, 1, _))) | (Ack::PubRec, Some((at, 2, false)))
                if code >= 0x80 =>
            {
                self.stage.refused.fetch_add(1, Ordering::Relaxed);
                if let Some(message) = self.in_flight.remove(at) {
                    let again = (message.kind, message.number, message.length);
                    self.again.push_back(again);
                }
                // Who refuses now is not asked again at once.
                thread::sleep(Duration::from_millis(5));
            }
            (Ack::PubAck, Some((at, 1, _))) => {
                self.in_flight.remove(at);
                self.stage.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            (Ack::PubRec, Some((at, 2, received))) => {
                if !received {
                    self.in_flight[at].received = true;
                    self.stage.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                wire.ack(Ack::PubRel, id);
            }
            // 0x92: the PUBREL was the second, as PUBCOMP was lost.
            (Ack::PubComp, Some((at, 2, true))) if code == 0 || code == 0x92 => {
                self.in_flight.remove(at);
            }
            _ => {
                return Err(std::io::Error::other(format!(
                    "{ack:?} {id} with {code:#x} answers nothing"
                )));
            }
        }
        Ok(())
    }
}
