//! Publishers and subscribers that keep their sessions, whatever happens to the broker, and remember everything.
//!
//! Duty: to say at the end what was acknowledged, what arrived, how often and in which order. Not here: what happens to
//! the broker meanwhile. Invariant: a publisher counts a message as acknowledged when its PUBACK or PUBREC was read, and
//! sends what is not acknowledged again; a subscriber keeps its QoS 2 state as the standard tells it to.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::Version;
use crate::process::DEADLINE;
use crate::raw::{Ack, Incoming, Publish, Wire};

/// Small numbers that look random and are the same for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// One below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Waits for some milliseconds below `bound`: what is to happen, happens at any moment.
    pub fn pause(&mut self, bound: u64) {
        thread::sleep(Duration::from_micros(self.below(bound * 1_000)));
    }
}

/// What all share.
#[derive(Debug, Default)]
pub struct Stage {
    address: Mutex<Option<SocketAddr>>,
    changed: Condvar,
    /// Messages that were acknowledged.
    acknowledged: AtomicU64,
    /// Messages that were refused with a reason.
    refused: AtomicU64,
    /// Subscribers that are subscribed.
    subscribed: AtomicU64,
    /// Clients that have done all that they will.
    done: AtomicU64,
    /// Publishers finish what they began.
    enough: AtomicBool,
    violations: Mutex<Vec<String>>,
}

impl Stage {
    /// The broker is there.
    pub fn open(&self, address: SocketAddr) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        self.changed.notify_all();
    }

    /// The broker is gone.
    pub fn close(&self) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Publishers finish what they began.
    pub fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Messages that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Messages that were refused with a reason code, each time that they were.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Subscribers that are subscribed.
    pub fn subscribed(&self) -> u64 {
        self.subscribed.load(Ordering::Relaxed)
    }

    /// Clients that have done all that they will.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until something holds, or a promise was broken.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds(self) {
            let violations = self.violations();
            assert!(violations.is_empty(), "{violations:#?}");
            assert!(
                Instant::now() < deadline,
                "it never came to be that {what}; {} acknowledged",
                self.acknowledged()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// What went against a promise.
    pub fn violations(&self) -> Vec<String> {
        let violations = self.violations.lock();
        violations.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn violation(&self, what: String) {
        let mut violations = self
            .violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if violations.len() < 100 {
            violations.push(what);
        }
    }

    /// Where the broker is; waits for it.
    fn address(&self) -> SocketAddr {
        let mut address = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(address) = *address {
                return address;
            }
            address = self
                .changed
                .wait(address)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A connection to the broker, as soon as there is one, and whether it has the session. One that was told of must be
    /// there again.
    fn connect(&self, version: Version, client: &str, known: &mut bool) -> Wire {
        loop {
            match Wire::connect(self.address(), version, client, true) {
                Ok((present, wire)) => {
                    if *known && !present {
                        self.violation(format!("the session of {client} was lost"));
                    }
                    *known = true;
                    return wire;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Other => {
                    self.violation(error.to_string());
                    thread::sleep(Duration::from_millis(50));
                }
                // It is being killed, or not there yet.
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// What a message is published as. Each has a topic of its own for each publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// QoS 1.
    AtLeastOnce,
    /// QoS 2.
    ExactlyOnce,
    /// QoS 1, retained, and nobody's subscription.
    Kept,
}

/// All of them.
pub const KINDS: [Kind; 3] = [Kind::AtLeastOnce, Kind::ExactlyOnce, Kind::Kept];

impl Kind {
    fn qos(self) -> u8 {
        if self == Self::ExactlyOnce { 2 } else { 1 }
    }

    /// Where `publisher` publishes it.
    pub fn topic(self, publisher: usize) -> String {
        match self {
            Self::AtLeastOnce => format!("crash/{publisher}/1"),
            Self::ExactlyOnce => format!("crash/{publisher}/2"),
            Self::Kept => format!("kept/{publisher}"),
        }
    }
}

/// What subscribers subscribe to.
pub const FILTER: &str = "crash/#";

/// The message after which nothing comes.
pub const END: &str = "crash/end";

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
