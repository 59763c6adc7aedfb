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
use mqttwb_model::recording::{About, ArchiveError, ConnectionEnd, Gap, GapCause, PackedSegment};
use mqttwb_model::{ConnectionId, ConnectionInfo, MessageId, Timestamp, TopicFilter};
use mqttwb_store::recording::{Part, RecordingWriter};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Result;
use crate::api::{ApiError, ErrorCode, RecordEnd, RecordProgress};

use super::archive_failed;

/// Between two writes where packets come slowly: the last moment that a killed process loses.
const TICK: Duration = Duration::from_millis(500);
/// Packed segments that are written together: some megabytes.
const TOGETHER: usize = 64;
/// Messages whose acknowledgements are looked out for.
const MESSAGES: usize = 64 * 1024;
/// Bytes that a recording may be limited to: below, the tables and the write-ahead log leave no room for packets.
const SMALLEST: u64 = 1 << 20;
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
        if let Some(bytes) = plan.max_bytes.filter(|bytes| *bytes < SMALLEST) {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("A recording can't keep to {bytes} bytes."),
            )
            .hint("Give it 1 MiB at least."));
        }
        let writer = RecordingWriter::create(&plan.path, &plan.about)
            .and_then(|mut writer| {
                writer.keep_within(plan.max_bytes, plan.rolling)?;
                Ok(writer)
            })
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
            ends: 0,
            source,
            cursor,
            packer: Packer::new(),
            written: 0,
            in_file: 0,
            full: false,
            connections: HashSet::new(),
            ended: VecDeque::new(),
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
    /// Ends of connections that were asked for.
    ends: u64,
    /// One past the number of the last packet in the file.
    in_file: u64,
    /// What came next would make the file larger than it may be.
    full: bool,
    connections: HashSet<ConnectionId>,
    /// Connections that have ended, before a packet that was not come to yet.
    ended: VecDeque<ConnectionEnd>,
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
    ends: Vec<ConnectionEnd>,
}

impl Gathered {
    fn part<'a>(&'a self, topics: &'a [(u32, Box<str>)]) -> Part<'a> {
        Part {
            topics,
            connections: &self.connections,
            segments: &self.segments,
            gaps: &self.gaps,
            ends: &self.ends,
        }
    }
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
            while self.step(writer)? {
                if end.is_none() {
                    end = self.limit();
                    if end.is_some() {
                        break;
                    }
                } else if self.cursor.next_seq() >= until {
                    break;
                }
            }
            self.write_open(writer)?;
            if end.is_none() {
                end = self.limit();
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
        // Asked for after the packets, so that each end finds all that came before it.
        let ends = self.source.ends_from(self.ends);
        self.ends = ends.next;
        self.ended.extend(ends.ends);
        for packet in batch.iter() {
            self.end_before(packet.seq, &mut gathered);
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
            if gathered.segments.len() >= self.together() {
                self.write(writer, &mut gathered)?;
                if self.full {
                    return Ok(false);
                }
            }
        }
        self.end_before(self.cursor.next_seq(), &mut gathered);
        self.write(writer, &mut gathered)?;
        Ok(!batch.is_empty() && !self.full)
    }

    /// Takes the ends that came before a packet of the source, and are of connections that are in the file.
    fn end_before(&mut self, seq: u64, gathered: &mut Gathered) {
        while self.ended.front().is_some_and(|end| end.before <= seq)
            && let Some(end) = self.ended.pop_front()
        {
            if self.connections.contains(&end.connection) {
                gathered.ends.push(ConnectionEnd {
                    before: self.packer.next_seq(),
                    ..end
                });
            }
        }
    }

    /// Segments that are written together: where the file is to stay small, an eighth of it at most.
    fn together(&self) -> usize {
        let eighth = self.plan.max_bytes.map_or(u64::MAX, |max| max / 8);
        usize::try_from(eighth / Packer::SEGMENT).map_or(TOGETHER, |fits| fits.clamp(1, TOGETHER))
    }

    fn write(
        &mut self,
        writer: &mut RecordingWriter,
        gathered: &mut Gathered,
    ) -> std::result::Result<(), ArchiveError> {
        let topics = self.packer.take_topics();
        if topics.is_empty()
            && gathered.segments.is_empty()
            && gathered.connections.is_empty()
            && gathered.gaps.is_empty()
            && gathered.ends.is_empty()
        {
            return Ok(());
        }
        let rolled_off = self.make_room(writer, &topics, gathered)?;
        let part = gathered.part(&topics);
        if !self.plan.rolling && !writer.has_room(&part)? {
            self.full = true;
            return Ok(());
        }
        writer.write(&part)?;
        if let Some(last) = gathered.segments.last() {
            self.in_file = last.entry.end();
        }
        let size = writer.size()?;
        let missing = |cause| {
            let gaps = gathered.gaps.iter().filter(|gap| gap.cause == cause);
            gaps.map(|gap| gap.packets).sum::<u64>()
        };
        self.progress.send_modify(|progress| {
            progress.rolled_off += rolled_off;
            progress.packets = self.in_file - progress.rolled_off;
            progress.size = size;
            progress.overtaken += missing(GapCause::Overtaken);
            progress.not_captured += missing(GapCause::NotCaptured);
        });
        *gathered = Gathered::default();
        Ok(())
    }

    /// Lets the oldest go, where that is wanted. Returns how many packets went.
    fn make_room(
        &mut self,
        writer: &mut RecordingWriter,
        topics: &[(u32, Box<str>)],
        gathered: &mut Gathered,
    ) -> std::result::Result<u64, ArchiveError> {
        if !self.plan.rolling {
            return Ok(0);
        }
        let oldest = self.plan.max_age.map(|age| {
            let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            Timestamp(Timestamp::now().0.saturating_sub(age))
        });
        let open = self.packer.open_index();
        let gone = writer.roll_off(&gathered.part(topics), oldest, &open)?;
        self.packer.forget_topics(&gone.topics);
        for connection in &gone.connections {
            self.connections.remove(connection);
        }
        let known = &self.connections;
        gathered.ends.retain(|end| known.contains(&end.connection));
        Ok(gone.packets)
    }

    /// Writes the segment that is being filled, where it has grown.
    fn write_open(
        &mut self,
        writer: &mut RecordingWriter,
    ) -> std::result::Result<(), ArchiveError> {
        if self.written == self.packer.next_seq() || self.full {
            return Ok(());
        }
        self.written = self.packer.next_seq();
        let mut gathered = Gathered::default();
        gathered.segments.extend(self.packer.pack());
        self.write(writer, &mut gathered)
    }

    /// Whether it has come to its end.
    fn limit(&self) -> Option<RecordEnd> {
        if self.plan.leased && self.asked.lock().elapsed() > LEASE {
            return Some(RecordEnd::Abandoned);
        }
        if self.plan.rolling {
            return None;
        }
        let too_old = self
            .plan
            .max_age
            .is_some_and(|age| self.begun.elapsed() >= age);
        (too_old || self.full).then_some(RecordEnd::Limit)
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
