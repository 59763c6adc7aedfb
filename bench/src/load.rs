//! One load: publishers and subscribers on one broker, and what arrived.
//!
//! A publisher never floods: together publishers keep at most a window of messages in the broker that have not arrived
//! at every subscriber yet. Without it a load would measure how fast a broker can throw messages away.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::connection::Connection;
use crate::frames::{self, PublishFrame, Said, Session};

pub const PAYLOAD: usize = 64;
/// Messages that a QoS 1 or 2 publisher has in flight at most.
pub const INFLIGHT: u64 = 100;
/// Messages between publishers and subscribers at most, for each subscriber.
pub const OUTSTANDING: u64 = 10_000;
/// The same where there are many subscribers.
pub const OUTSTANDING_EACH_OF_MANY: u64 = 1_000;
/// Frames of one write.
const BATCH: u64 = 64;
/// How long nothing may arrive before what is missing counts as lost.
const DRAIN: Duration = Duration::from_secs(5);

/// A shape of traffic.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub name: &'static str,
    publishers: u64,
    subscribers: u64,
    qos: u8,
    /// That of the subscribers.
    session: Session,
}

pub const LOADS: [Load; 5] = [
    Load {
        name: "1→1 QoS 0",
        publishers: 1,
        subscribers: 1,
        qos: 0,
        session: Session::Clean,
    },
    Load {
        name: "1→1 QoS 1",
        publishers: 1,
        subscribers: 1,
        qos: 1,
        session: Session::Clean,
    },
    Load {
        name: "1→1 QoS 2",
        publishers: 1,
        subscribers: 1,
        qos: 2,
        session: Session::Clean,
    },
    Load {
        name: "1→50 QoS 0",
        publishers: 1,
        subscribers: 50,
        qos: 0,
        session: Session::Clean,
    },
    Load {
        name: "50→1 QoS 0",
        publishers: 50,
        subscribers: 1,
        qos: 0,
        session: Session::Clean,
    },
];

/// QoS 1 to a subscriber that is there, and whose session the broker would keep if it were not.
pub const TO_PERSISTENT: Load = Load {
    name: "1→1 QoS 1, persistent session",
    publishers: 1,
    subscribers: 1,
    qos: 1,
    session: Session::Persistent,
};

/// How long to load before, and while, it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub warm_up: Duration,
    pub measure: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            warm_up: Duration::from_millis(300),
            measure: Duration::from_millis(1500),
        }
    }
}

/// What one load came to.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Deliveries to subscribers.
    pub per_second: f64,
    /// The broker's processor time.
    pub processor_micros_each: f64,
    /// Deliveries that never came.
    pub lost: u64,
}

/// Lets publishers on only as far as subscribers have followed.
#[derive(Debug)]
struct Gate {
    sent: AtomicU64,
    delivered: AtomicU64,
    fan_out: u64,
    window: u64,
    moved: Notify,
    stop: AtomicBool,
}

impl Gate {
    /// Takes up to `wanted` messages; 0 where the window is full.
    fn take(&self, wanted: u64) -> u64 {
        let mut sent = self.sent.load(Ordering::Relaxed);
        loop {
            let arrived = self.delivered.load(Ordering::Acquire) / self.fan_out;
            let room = (arrived + self.window).saturating_sub(sent).min(wanted);
            if room == 0 {
                return 0;
            }
            match self.sent.compare_exchange_weak(
                sent,
                sent + room,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return room,
                Err(now) => sent = now,
            }
        }
    }

    fn delivered(&self, count: u64) {
        self.delivered.fetch_add(count, Ordering::Release);
        self.moved.notify_waiters();
    }

    fn missing(&self) -> u64 {
        let expected = self.sent.load(Ordering::Relaxed) * self.fan_out;
        expected.saturating_sub(self.delivered.load(Ordering::Acquire))
    }
}

impl Load {
    /// Loads the broker and measures.
    pub async fn run(self, broker: &Broker, timing: Timing) -> io::Result<Measured> {
        let gate = Arc::new(Gate {
            sent: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            fan_out: self.subscribers,
            window: if self.subscribers > 1 {
                OUTSTANDING_EACH_OF_MANY
            } else {
                OUTSTANDING
            },
            moved: Notify::new(),
            stop: AtomicBool::new(false),
        });
        // rumqttd takes no client identifier with a slash.
        let name = format!("{}-{}-{}", self.publishers, self.subscribers, self.qos);
        let topic = format!("bench/{name}");
        let mut subscribers = JoinSet::new();
        for number in 0..self.subscribers {
            let mut connection =
                Connection::open(broker, &format!("s{number}-{name}"), self.session).await?;
            connection.subscribe(&topic, self.qos).await?;
            subscribers.spawn(subscriber(connection, gate.clone(), self.qos));
        }
        let mut publishers = JoinSet::new();
        for number in 0..self.publishers {
            let connection =
                Connection::open(broker, &format!("p{number}-{name}"), Session::Clean).await?;
            let frame = PublishFrame::new(&topic, self.qos, &[b'x'; PAYLOAD]);
            publishers.spawn(publisher(connection, gate.clone(), frame, self.qos));
        }

        tokio::time::sleep(timing.warm_up).await;
        let (begin, before, time_before) = sample(&gate, broker);
        tokio::time::sleep(timing.measure).await;
        let (end, after, time_after) = sample(&gate, broker);

        gate.stop.store(true, Ordering::Relaxed);
        gate.moved.notify_waiters();
        let drained = async {
            while let Some(ended) = publishers.join_next().await {
                ended.map_err(io::Error::other)??;
            }
            drain(&gate).await;
            io::Result::Ok(())
        };
        tokio::select! {
            result = timeout(DRAIN * 4, drained) => result.map_err(io::Error::other)??,
            // A subscriber only ends by an error.
            Some(ended) = subscribers.join_next() => ended.map_err(io::Error::other)??,
        }
        let count = (after - before).max(1) as f64;
        Ok(Measured {
            per_second: (after - before) as f64 / (end - begin).as_secs_f64(),
            processor_micros_each: (time_after - time_before).as_secs_f64() * 1e6 / count,
            lost: gate.missing(),
        })
    }
}

fn sample(gate: &Gate, broker: &Broker) -> (Instant, u64, Duration) {
    let delivered = gate.delivered.load(Ordering::Acquire);
    (Instant::now(), delivered, broker.processor_time())
}

/// Waits until everything has arrived, or nothing arrives any more.
async fn drain(gate: &Gate) {
    loop {
        let moved = gate.moved.notified();
        if gate.missing() == 0 || timeout(DRAIN, moved).await.is_err() {
            return;
        }
    }
}

async fn publisher(
    mut connection: Connection,
    gate: Arc<Gate>,
    frame: PublishFrame,
    qos: u8,
) -> io::Result<()> {
    let mut out = Vec::new();
    let mut inflight = 0;
    let mut id: u16 = 0;
    loop {
        let moved = gate.moved.notified();
        tokio::pin!(moved);
        // From here on no move is missed.
        moved.as_mut().enable();
        let stopping = gate.stop.load(Ordering::Relaxed);
        let room = if qos == 0 { BATCH } else { INFLIGHT - inflight };
        let count = if stopping { 0 } else { gate.take(room) };
        for _ in 0..count {
            id = id.checked_add(1).unwrap_or(1);
            frame.write(&mut out, id);
        }
        if qos > 0 {
            inflight += count;
        }
        let wrote = !out.is_empty();
        if wrote {
            connection.stream.write_all(&out).await?;
            out.clear();
        }
        if stopping && inflight == 0 {
            return Ok(());
        }
        if qos == 0 {
            if !wrote {
                moved.await;
            }
            continue;
        }
        tokio::select! {
            more = connection.fill() => more?,
            () = &mut moved, if inflight < INFLIGHT && !stopping => continue,
        }
        connection.each(|said| match said {
            Said::Acknowledged | Said::Complete => inflight -= 1,
            Said::Received(id) => frames::pubrel(&mut out, id),
            _ => {}
        })?;
    }
}

async fn subscriber(mut connection: Connection, gate: Arc<Gate>, wanted: u8) -> io::Result<()> {
    let mut out = Vec::new();
    loop {
        connection.fill().await?;
        let mut count = 0;
        let mut other = None;
        connection.each(|said| match said {
            Said::Published { qos, .. } if qos != wanted => other = Some(qos),
            Said::Published { qos, id, .. } => {
                count += 1;
                match qos {
                    1 => frames::puback(&mut out, id),
                    2 => frames::pubrec(&mut out, id),
                    _ => {}
                }
            }
            Said::Release(id) => frames::pubcomp(&mut out, id),
            _ => {}
        })?;
        if let Some(qos) = other {
            return Err(io::Error::other(format!(
                "a delivery at QoS {qos} where {wanted} was asked for"
            )));
        }
        if !out.is_empty() {
            connection.stream.write_all(&out).await?;
            out.clear();
        }
        if count > 0 {
            gate.delivered(count);
        }
    }
}
