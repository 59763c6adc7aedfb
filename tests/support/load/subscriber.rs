//! A subscriber that counts how often each message comes, and in which order.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use super::{END, FILTER, Random, Stage};
use crate::peer::Version;
use crate::raw::{Ack, Incoming, Wire};

/// Whether a subscriber stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Always connected, as far as the broker is there.
    Stays,
    /// Comes and goes, with and without a word.
    Roams,
}

/// What a subscriber got.
#[derive(Debug, Default)]
pub struct Got {
    /// How often each message came: by publisher, kind and number.
    pub times: Vec<[Vec<u32>; 2]>,
}

/// A subscriber with a session of its own.
#[derive(Debug)]
pub struct Subscriber {
    stage: Arc<Stage>,
    name: String,
    version: Version,
    qos: u8,
    habit: Habit,
    random: Random,
    got: Got,
    /// QoS 2 messages that wait for their PUBREL, by packet identifier.
    held: HashSet<u16>,
    /// [`END`] has come.
    ended: bool,
}

impl Subscriber {
    /// Subscribes at this QoS, and takes what comes until [`END`].
    pub fn start(
        stage: Arc<Stage>,
        publishers: usize,
        (version, qos, habit): (Version, u8, Habit),
        random: Random,
    ) -> thread::JoinHandle<(String, u8, Got)> {
        let name = format!("{version:?} QoS {qos} {habit:?}");
        let subscriber = Self {
            stage,
            name,
            version,
            qos,
            habit,
            random,
            got: Got {
                times: vec![Default::default(); publishers],
            },
            held: HashSet::new(),
            ended: false,
        };
        thread::spawn(move || subscriber.run())
    }

    fn run(mut self) -> (String, u8, Got) {
        let stage = self.stage.clone();
        let mut known = false;
        let mut subscribed = false;
        while !self.ended {
            let mut wire = stage.connect(self.version, &self.name, &mut known);
            if !subscribed {
                wire.subscribe(1, FILTER, self.qos);
            }
            let left = match self.habit {
                Habit::Stays => u64::MAX,
                Habit::Roams => 50 + self.random.below(2_000),
            };
            match self.take(&mut wire, left, &mut subscribed) {
                Ok(()) if self.ended || self.random.below(2) == 0 => wire.disconnect(),
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Other => {
                    stage.violation(format!("{}: {error}", self.name));
                }
                Err(_) => {}
            }
            if self.habit == Habit::Roams && !self.ended {
                self.random.pause(300);
            }
        }
        stage.done.fetch_add(1, Ordering::Relaxed);
        (self.name, self.qos, self.got)
    }

    /// Takes what comes, until it is tired of it.
    fn take(&mut self, wire: &mut Wire, left: u64, subscribed: &mut bool) -> std::io::Result<()> {
        let mut left = left;
        while left > 0 && !self.ended {
            wire.flush()?;
            let Some(mut packet) = wire.read()? else {
                continue;
            };
            // What one read brought is answered together: more is unanswered when the broker dies.
            loop {
                left = left.saturating_sub(1);
                self.packet(wire, packet, subscribed)?;
                if !wire.has_more() {
                    break;
                }
                match wire.read()? {
                    Some(next) => packet = next,
                    None => break,
                }
            }
        }
        if left == 0 && self.random.below(2) == 0 {
            // Goes without an answer to the last.
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        wire.flush()
    }

    fn packet(
        &mut self,
        wire: &mut Wire,
        packet: Incoming,
        subscribed: &mut bool,
    ) -> std::io::Result<()> {
        match packet {
            Incoming::SubAck(granted) if granted == self.qos && !*subscribed => {
                *subscribed = true;
                self.stage.subscribed.fetch_add(1, Ordering::Relaxed);
            }
            Incoming::Publish {
                topic,
                payload,
                qos: 1,
                id,
                ..
            } => {
                self.count(&topic, &payload, 1)?;
                wire.ack(Ack::PubAck, id);
            }
            Incoming::Publish {
                topic,
                payload,
                qos: 2,
                id,
                ..
            } => {
                if self.held.insert(id) {
                    self.count(&topic, &payload, 2)?;
                }
                wire.ack(Ack::PubRec, id);
            }
            Incoming::Ack(Ack::PubRel, id, 0) => {
                self.held.remove(&id);
                wire.ack(Ack::PubComp, id);
            }
            other => return Err(std::io::Error::other(format!("{other:?}"))),
        }
        Ok(())
    }

    fn count(&mut self, topic: &str, payload: &[u8], qos: u8) -> std::io::Result<()> {
        if topic == END {
            self.ended = true;
            return Ok(());
        }
        let what = || {
            let payload = String::from_utf8_lossy(payload);
            let payload: String = payload.chars().take(20).collect();
            std::io::Error::other(format!("{topic} {payload:?} at QoS {qos}"))
        };
        let mut levels = topic.split('/').skip(1);
        let mut level = || levels.next()?.parse::<usize>().ok();
        let (publisher, published) = level().zip(level()).ok_or_else(what)?;
        let times = self
            .got
            .times
            .get_mut(publisher)
            .and_then(|kinds| kinds.get_mut(published.wrapping_sub(1)))
            .ok_or_else(what)?;
        let number = std::str::from_utf8(payload).ok();
        let number: usize = number
            .and_then(|text| text.split(' ').next()?.parse().ok())
            .ok_or_else(what)?;
        // The lower of the two.
        if usize::from(qos) != published.min(usize::from(self.qos)) {
            return Err(what());
        }
        if times.len() <= number {
            // Section 4.6: what comes for the first time comes in its order.
            if times.len() < number && self.stage.refused() == 0 {
                self.stage.violation(format!(
                    "{}: {topic} {number} came before {}",
                    self.name,
                    times.len()
                ));
            }
            times.resize(number + 1, 0);
        }
        times[number] += 1;
        if qos == 2 && times[number] > 1 {
            self.stage.violation(format!(
                "{}: {topic} {number} came twice at QoS 2",
                self.name
            ));
        }
        Ok(())
    }
}
