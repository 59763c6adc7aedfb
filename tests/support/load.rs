//! Publishers and subscribers that keep their sessions, whatever happens to the broker, and remember everything.
//!
//! Duty: to say at the end what was acknowledged, what arrived, how often and in which order. Not here: what happens to
//! the broker meanwhile. Invariant: a publisher counts a message as acknowledged when its PUBACK or PUBREC was read, and
//! sends what is not acknowledged again; a subscriber keeps its QoS 2 state as the standard tells it to.

mod publisher;
mod subscriber;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::Version;
use crate::process::DEADLINE;
use crate::raw::Wire;
pub use publisher::Publisher;
pub use subscriber::{Got, Habit, Subscriber};

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
