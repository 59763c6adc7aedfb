//! Records: carries packets from a source into a file as they come.
//!
//! Duty: follow a source with a cursor, pack what is wanted, write it at least twice a second, keep to the limits, and
//! count what is missing. Not here: which recordings there are (`library`).
//! Invariant: what is held in memory is a segment that is being filled and those of one batch; a packet that was seen and
//! is not in the file is in a gap of it.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use mqttwb_capture::{Cursor, Packer, Packet, Source};
use mqttwb_model::recording::{About, ArchiveError, Gap, GapCause, PackedSegment};
use mqttwb_model::{ConnectionId, ConnectionInfo, MessageId, Timestamp, TopicFilter};
use mqttwb_store::recording::{Part, RecordingWriter};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Result;
use crate::api::{RecordEnd, RecordProgress};

use super::archive_failed;

/// Between two writes where packets come slowly: the last moment that a killed process loses.
const TICK: Duration = Duration::from_millis(500);
/// Packed segments that are written together: some megabytes.
const TOGETHER: usize = 64;
/// Messages whose acknowledgements are looked out for.
const MESSAGES: usize = 64 * 1024;
/// How long a recording goes on without a word of the process that asked for it.
const LEASE: Duration = Duration::from_secs(30);

/// What to record.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file, which must not be there.
    pub path: PathBuf,
    /// What it is called.
    pub name: String,
    /// What it says of itself.
    pub about: About,
    /// Only messages of these topics, with their acknowledgements; all packets where there are none.
    pub topics: Vec<TopicFilter>,
    /// Bytes that it may take.
    pub max_bytes: Option<u64>,
    /// How long it may last.
    pub max_age: Option<Duration>,
    /// Let the oldest go at a limit.
    pub rolling: bool,
    /// Ends when nobody asks for its progress any more.
    pub leased: bool,
}

/// A recording that goes on in a thread of its own.
#[derive(Debug)]
pub struct Recorder {
    progress: watch::Receiver<RecordProgress>,
    stop: Sender<()>,
    asked: Arc<Mutex<Instant>>,
}

impl Recorder {
    /// Makes the file and begins.
    pub fn start(source: Arc<dyn Source>, cursor: Cursor, plan: Plan) -> Result<Self> {
        let writer = RecordingWriter::create(&plan.path, &plan.about)
            .map_err(|error| archive_failed(&error))?;
        let (progress, seen) = watch::channel(RecordProgress {
            name: plan.name.clone(),
            path: plan.path.display().to_string(),
            begun: plan.about.begun.as_millis(),
            packets: 0,
            size: 0,
            not_captured: 0,
            overtaken: 0,
            rolled_off: 0,
            ended: None,
        });
        let (stop, stopped) = channel();
        let asked = Arc::new(Mutex::new(Instant::now()));
        let recording = Recording {
            lost: source.stats().lost,
            source,
            cursor,
            packer: Packer::new(),
            written: 0,
            connections: HashSet::new(),
            messages: Messages::default(),
            begun: Instant::now(),
            asked: asked.clone(),
            plan,
            progress,
        };
        tokio::task::spawn_blocking(move || recording.run(writer, &stopped));
        Ok(Self {
            progress: seen,
            stop,
            asked,
        })
    }

    /// How it goes.
    pub fn progress(&self) -> RecordProgress {
        self.progress.borrow().clone()
    }

    /// Whoever asked for it is still there.
    pub fn renew(&self) {
        *self.asked.lock() = Instant::now();
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.progress.borrow().ended.is_none()
    }

    /// Ends it; returns when all that came until now is written.
    pub async fn stop(&self) -> RecordProgress {
        // One that has ended hears nothing any more.
        let _ = self.stop.send(());
        self.ended().await
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> RecordProgress {
        let mut progress = self.progress.clone();
        let ended = progress
            .wait_for(|progress| progress.ended.is_some())
            .await
            .map(|progress| progress.clone());
        ended.unwrap_or_else(|_| self.progress())
    }
}

struct Recording {
    source: Arc<dyn Source>,
    cursor: Cursor,
    plan: Plan,
    packer: Packer,
    /// The number of the next packet when the open segment was written last.
    written: u64,
    /// What the source had lost when that was looked at last.
    lost: u64,
    connections: HashSet<ConnectionId>,
    messages: Messages,
    begun: Instant,
    asked: Arc<Mutex<Instant>>,
    progress: watch::Sender<RecordProgress>,
}

/// What is gathered until the next write.
#[derive(Default)]
struct Gathered {
    segments: Vec<PackedSegment>,
    connections: Vec<ConnectionInfo>,
    gaps: Vec<Gap>,
}

impl Recording {
    fn run(mut self, mut writer: RecordingWriter, stopped: &Receiver<()>) {
        let end = match self.record(&mut writer, stopped) {
            Ok(end) => end,
            Err(error) => RecordEnd::Failed(archive_failed(&error)),
        };
        let size = writer.size().unwrap_or_default();
        let finished = writer.finish(Timestamp::now());
        let end = match (end, finished) {
            (RecordEnd::Failed(error), _) => RecordEnd::Failed(error),
            (_, Err(error)) => RecordEnd::Failed(archive_failed(&error)),
            (end, Ok(())) => end,
        };
        self.progress.send_modify(|progress| {
            progress.size = size;
            progress.ended = Some(end);
        });
    }

    fn record(
        &mut self,
        writer: &mut RecordingWriter,
        stopped: &Receiver<()>,
    ) -> std::result::Result<RecordEnd, ArchiveError> {
        let mut end = None;
        loop {
            // Once it is to end, only what came before that is still taken.
            let until = self.source.kept().end;
            while (end.is_none() || self.cursor.next_seq() < until) && self.step(writer)? {
                if end.is_none() {
                    end = self.limit(writer)?;
                    if end.is_some() {
                        break;
                    }
                }
            }
            self.write_open(writer)?;
            if end.is_none() {
                end = self.limit(writer)?;
            }
            if let Some(end) = end {
                return Ok(end);
            }
            match stopped.recv_timeout(TICK) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => end = Some(RecordEnd::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Takes the next batch. False where there is none.
    fn step(&mut self, writer: &mut RecordingWriter) -> std::result::Result<bool, ArchiveError> {
        let mut gathered = Gathered::default();
        let batch = self.cursor.next_batch();
        let lost = self.source.stats().lost;
        for (packets, cause) in [
            (batch.missed, GapCause::Overtaken),
            (lost.saturating_sub(self.lost), GapCause::NotCaptured),
        ] {
            if packets > 0 {
                gathered.gaps.push(Gap {
                    before: self.packer.next_seq(),
                    packets,
                    cause,
                    at: Timestamp::now(),
                });
            }
        }
        self.lost = lost;
        for packet in batch.iter() {
            if !self.plan.topics.is_empty() && !self.messages.wanted(&packet, &self.plan.topics) {
                continue;
            }
            if self.connections.insert(packet.connection) {
                let info = self.source.connection(packet.connection);
                gathered
                    .connections
                    .extend(info.map(|info| (*info).clone()));
            }
            gathered.segments.extend(self.packer.push(&packet));
            if gathered.segments.len() >= TOGETHER {
                self.write(writer, &mut gathered)?;
            }
        }
        let more = !batch.is_empty();
        if more || !gathered.gaps.is_empty() {
            self.write(writer, &mut gathered)?;
        }
        Ok(more)
    }

    fn write(
        &mut self,
        writer: &mut RecordingWriter,
        gathered: &mut Gathered,
    ) -> std::result::Result<(), ArchiveError> {
        let topics = self.packer.take_topics();
        if !topics.is_empty()
            || !gathered.segments.is_empty()
            || !gathered.connections.is_empty()
            || !gathered.gaps.is_empty()
        {
            writer.write(&Part {
                topics: &topics,
                connections: &gathered.connections,
                segments: &gathered.segments,
                gaps: &gathered.gaps,
            })?;
        }
        let mut rolled_off = 0;
        if self.plan.rolling {
            let oldest = self.plan.max_age.map(|age| {
                let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                Timestamp(Timestamp::now().0.saturating_sub(age))
            });
            rolled_off = writer.roll_off(self.plan.max_bytes, oldest)?;
        }
        let size = writer.size()?;
        let missing = |cause| {
            let gaps = gathered.gaps.iter().filter(|gap| gap.cause == cause);
            gaps.map(|gap| gap.packets).sum::<u64>()
        };
        self.progress.send_modify(|progress| {
            progress.rolled_off += rolled_off;
            progress.packets = self.packer.next_seq() - progress.rolled_off;
            progress.size = size;
            progress.overtaken += missing(GapCause::Overtaken);
            progress.not_captured += missing(GapCause::NotCaptured);
        });
        *gathered = Gathered::default();
        Ok(())
    }

    /// Writes the segment that is being filled, where it has grown.
    fn write_open(
        &mut self,
        writer: &mut RecordingWriter,
    ) -> std::result::Result<(), ArchiveError> {
        if self.written == self.packer.next_seq() {
            return Ok(());
        }
        self.written = self.packer.next_seq();
        let mut gathered = Gathered::default();
        gathered.segments.extend(self.packer.pack());
        self.write(writer, &mut gathered)
    }

    /// Whether it has come to its end.
    fn limit(
        &self,
        writer: &RecordingWriter,
    ) -> std::result::Result<Option<RecordEnd>, ArchiveError> {
        if self.plan.leased && self.asked.lock().elapsed() > LEASE {
            return Ok(Some(RecordEnd::Abandoned));
        }
        if self.plan.rolling {
            return Ok(None);
        }
        let too_old = self
            .plan
            .max_age
            .is_some_and(|age| self.begun.elapsed() >= age);
        let too_large = match self.plan.max_bytes {
            Some(bytes) => writer.size()? >= bytes,
            None => false,
        };
        Ok((too_old || too_large).then_some(RecordEnd::Limit))
    }
}

/// Messages that are wanted, so that their acknowledgements are too.
#[derive(Default)]
struct Messages {
    known: HashSet<MessageId>,
    oldest: VecDeque<MessageId>,
}

impl Messages {
    fn wanted(&mut self, packet: &Packet<'_>, topics: &[TopicFilter]) -> bool {
        let matches = packet.packet_type() == Some(mqttwb_model::PacketType::Publish)
            && packet
                .topic()
                .is_some_and(|topic| topics.iter().any(|filter| filter.matches(topic)));
        let Some(message) = packet.message else {
            return matches;
        };
        if matches && self.known.insert(message) {
            if self.oldest.len() == MESSAGES
                && let Some(oldest) = self.oldest.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.oldest.push_back(message);
        }
        matches || self.known.contains(&message)
    }
}
