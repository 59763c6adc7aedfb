//! A bounded memory of every packet seen, and views on it.
//!
//! Duty: observe packets at a cost of some nanoseconds each, keep the newest within a budget of memory, pack them for a
//! recording, and lend them to any number of readers, out of the memory and out of a recording alike ([`Source`]).
//! Not here: what a packet means (`wire`), files (`store`), rows and payloads for people (app), charts (series).
//! Invariant: every packet seen is kept, evicted, cleared or lost, and each is counted. A reader holds the lock only
//! for pointers and the open segment's tail, so that observing never waits long; where it would, the packets are lost.

mod cursor;
pub mod export;
mod filter;
pub mod import;
mod log;
mod messages;
mod packets;
mod recording;
mod refusals;
mod segment;
mod source;
mod topics;
mod view;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mqttwb_model::{ConnectionId, ConnectionInfo, Observer, PacketBatch, Refusal, Timestamp};
use parking_lot::Mutex;

pub use cursor::{Batch, Cursor};
pub use filter::Filter;
pub use messages::{
    MessageRecord, MessageView, Messages, Progress, Role, Step, Story, StoryDelivery, StoryOf,
    client_of, story,
};
pub use packets::Packets;
pub use recording::{Packer, Recording};
pub use refusals::SeenRefusal;
pub use segment::{Packet, SeenFault};
pub use source::{Ends, Source};
pub use topics::{PREVIEW, Topic, TopicBounds, TopicRow, TopicView, Topics};
pub use view::{Rows, View};

use log::Log;
use refusals::Refusals;

/// Memory that packets may take where nothing else is said.
pub const DEFAULT_BUDGET: usize = 256 * 1024 * 1024;

/// How long a client may be kept waiting for its packets to be recorded. Nobody holds the lock for a fraction of this,
/// unless the system takes the processor away from the holder.
const PATIENCE: Duration = Duration::from_millis(2);

/// The memory of packets. An [`Observer`] on one side, readers on the other.
#[derive(Debug)]
pub struct Capture {
    log: Mutex<Log>,
    lost: AtomicU64,
    refusals: Mutex<Refusals>,
}

/// What became of the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Packets seen: stored, evicted, cleared and lost ones.
    pub seen: u64,
    /// Packets that are kept now.
    pub stored: u64,
    /// Oldest packets that made room for newer ones.
    pub evicted: u64,
    /// Packets that were forgotten on demand.
    pub cleared: u64,
    /// Packets that were not recorded.
    pub lost: u64,
    /// Bytes of memory in use.
    pub memory: u64,
    /// Bytes of memory at most.
    pub budget: u64,
}

impl Capture {
    /// An empty memory that takes at most about `budget` bytes.
    pub fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::new(Log::new(budget)),
            lost: AtomicU64::new(0),
            refusals: Mutex::new(Refusals::default()),
        })
    }

    /// The newest refusals, newest first, and how many there were since the start.
    pub fn refusals(&self, max: usize) -> (Vec<SeenRefusal>, u64) {
        self.refusals.lock().newest(max)
    }

    /// Takes at most about `budget` bytes from now on; what does not fit into it is evicted.
    pub fn set_budget(&self, budget: usize) {
        let rubbish = self.log.lock().set_budget(budget);
        drop(rubbish);
    }

    /// Forgets every packet. Numbers count on.
    pub fn clear(&self) {
        let rubbish = self.log.lock().clear();
        drop(rubbish);
    }
}

impl Source for Capture {
    fn stats(&self) -> Stats {
        let log = self.log.lock();
        let lost = self.lost.load(Ordering::Relaxed);
        Stats {
            seen: log.end() + lost,
            stored: log.end() - log.begin(),
            evicted: log.evicted,
            cleared: log.cleared,
            lost,
            memory: log.memory() as u64,
            budget: log.budget() as u64,
        }
    }

    fn kept(&self) -> Range<u64> {
        let log = self.log.lock();
        log.begin()..log.end()
    }

    fn connection(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.log.lock().connection(id)
    }

    fn ended(&self, id: ConnectionId) -> Option<(Timestamp, Arc<str>)> {
        self.log.lock().connection_ended(id)
    }

    fn ends_from(&self, from: u64) -> Ends {
        self.log.lock().ends_from(from)
    }

    fn read(&self, seq: u64, enough: u64) -> Packets {
        let log = self.log.lock();
        let segments = log.read(seq, enough);
        let (begin, end) = (log.begin(), log.end());
        drop(log);
        Packets::new(seq.max(begin).min(end), segments)
    }

    fn pick(&self, seqs: &mut dyn Iterator<Item = u64>) -> Packets {
        let log = self.log.lock();
        Packets::new(log.begin(), log.pick(seqs))
    }
}

impl Observer for Capture {
    fn connected(&self, info: &ConnectionInfo) {
        self.log.lock().connected(info);
    }

    fn packets(&self, batch: PacketBatch<'_>) {
        let lost = match self.log.try_lock_for(PATIENCE) {
            Some(mut log) => log.append(&batch),
            None => batch.marks.len() as u64,
        };
        if lost > 0 {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn disconnected(&self, connection: ConnectionId, at: Timestamp, reason: &str) {
        let why = Arc::from(reason);
        self.log.lock().disconnected(connection, (at, why));
    }

    fn refused(&self, refusal: &Refusal) {
        self.refusals.lock().add(refusal);
    }
}

#[cfg(test)]
mod shown;
#[cfg(test)]
mod tests;
