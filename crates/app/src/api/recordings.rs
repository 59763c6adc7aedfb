use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ApiError, TrafficFilter};

/// What to record, and how long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct RecordRequest {
    /// What the recording is called; the time where it is empty.
    pub name: String,
    /// Only messages of these topics, with their acknowledgements; everything where it is empty.
    pub topics: Vec<String>,
    /// Begin with what the memory holds already, not with the next packet.
    pub past: bool,
    /// Bytes that it may take.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Seconds that it may last.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u64>,
    /// At a limit let the oldest packets go, instead of ending.
    pub rolling: bool,
}

/// How a recording goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordProgress {
    /// What it is called.
    pub name: String,
    /// The file.
    pub path: String,
    /// When it was begun.
    #[ts(type = "number")]
    pub begun: u64,
    /// Packets in it.
    #[ts(type = "number")]
    pub packets: u64,
    /// Bytes of the file.
    #[ts(type = "number")]
    pub size: u64,
    /// Packets that the capture was too busy to see.
    #[ts(type = "number")]
    pub not_captured: u64,
    /// Packets that were gone before they were written.
    #[ts(type = "number")]
    pub overtaken: u64,
    /// Oldest packets that made room for newer ones.
    #[ts(type = "number")]
    pub rolled_off: u64,
    /// Why it has ended; `None` while it goes on.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<RecordEnd>,
}

/// Why a recording has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "why", content = "error")]
#[ts(export)]
pub enum RecordEnd {
    /// It was stopped.
    Stopped,
    /// It has reached its limit.
    Limit,
    /// Who asked for it is gone.
    Abandoned,
    /// It could not be written any more.
    Failed(ApiError),
}

/// Where a recording's packets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum RecordingOrigin {
    /// The embedded broker.
    Broker,
    /// A subscriber at some broker.
    Client,
    /// A file of another program.
    Import,
}

/// A recording in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingEntry {
    /// What it is called.
    pub name: String,
    /// The file.
    pub path: String,
    /// Bytes of the file.
    #[ts(type = "number")]
    pub size: u64,
    /// What is in it; `None` where it can't be read.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contents: Option<RecordingContents>,
    /// Why it can't be read.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<ApiError>,
    /// It is being recorded now.
    pub recording: bool,
    /// It is looked at now.
    pub open: bool,
}

/// What is in a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingContents {
    /// Where its packets come from.
    pub origin: RecordingOrigin,
    /// More about that.
    pub detail: String,
    /// Packets.
    #[ts(type = "number")]
    pub packets: u64,
    /// When it was begun.
    #[ts(type = "number")]
    pub begun: u64,
    /// When it was ended; `None` where its writer did not get to it.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<u64>,
    /// The time of its earliest packet.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<u64>,
    /// The time of its latest packet.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
    /// Packets that are missing, and why, in words.
    pub missing: Vec<RecordingGap>,
    /// Oldest packets that made room for newer ones.
    #[ts(type = "number")]
    pub rolled_off: u64,
}

/// Packets that are missing in a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingGap {
    /// How many.
    #[ts(type = "number")]
    pub packets: u64,
    /// Why.
    pub reason: String,
}

/// How recordings stand: asked for by the page while it shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingsState {
    /// The recording that goes on, or the last one that has ended.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<RecordProgress>,
    /// The recording that Traffic shows in place of the live packets.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opened: Option<RecordingEntry>,
    /// Exports, imports, replays and comparisons, newest first.
    pub jobs: Vec<Job>,
    /// Counts what changes the list of recordings.
    #[ts(type = "number")]
    pub changes: u64,
    /// Packets of the recording that is open which turned out to be damaged.
    #[ts(type = "number")]
    pub damaged: u64,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum JobKind {
    Export,
    Import,
    Replay,
    Compare,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum JobState {
    Running,
    Paused,
    Done,
    Cancelled,
    Failed,
}

/// Work that takes a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Job {
    /// Its number.
    pub id: u32,
    /// What it does.
    pub kind: JobKind,
    /// What it is about.
    pub title: String,
    /// How it stands.
    pub state: JobState,
    /// Steps that are done.
    #[ts(type = "number")]
    pub done: u64,
    /// Steps in all; 0 where that is not known yet.
    #[ts(type = "number")]
    pub total: u64,
    /// What came of it, or why nothing did.
    pub message: String,
    /// What a comparison found.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<Comparison>,
}

/// A format to export in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum RecordingFormat {
    /// A JSON object a line.
    Jsonl,
    /// A table.
    Csv,
    /// For Wireshark.
    Pcapng,
}

/// A recording to export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingExport {
    /// Which.
    pub name: String,
    /// In which format.
    pub format: RecordingFormat,
    /// The file to write, which must not be there; `exports` in the data folder where it is left out.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Which packets.
    #[serde(default)]
    pub filter: TrafficFilter,
}

/// A capture of another program to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingImport {
    /// The file.
    pub path: String,
    /// What the recording is called; as the file where it is empty.
    pub name: String,
}

/// A recording to publish again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ReplayRequest {
    /// Which.
    pub name: String,
    /// The broker's address, as `mqtt://host:1883`; the embedded broker where it is left out.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// How many times as fast as it was recorded; as fast as can be where it is left out.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speed: Option<f64>,
    /// `plant/#=test/#`: topics that match the left side become the right one. The first that matches counts.
    pub rewrite: Vec<String>,
    /// Which messages.
    #[serde(default)]
    pub filter: TrafficFilter,
}

/// Two recordings to compare, message by message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CompareRequest {
    /// What was expected.
    pub left: String,
    /// What came.
    pub right: String,
    /// Topics of the left one are rewritten first.
    pub rewrite: Vec<String>,
    /// Milliseconds after which a message is late.
    #[ts(type = "number")]
    pub late_ms: u64,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Comparison {
    /// Messages that are the same, those that came late among them.
    #[ts(type = "number")]
    pub equal: u64,
    /// Messages of the left one that the right one has not.
    #[ts(type = "number")]
    pub missing: u64,
    /// Messages of the right one that the left one has not.
    #[ts(type = "number")]
    pub extra: u64,
    /// Messages with another payload, QoS or retain flag.
    #[ts(type = "number")]
    pub different: u64,
    /// Messages that are the same and came late.
    #[ts(type = "number")]
    pub late: u64,
    /// The first differences, by time; at most 1,000.
    pub rows: Vec<Difference>,
}

/// A message that is not the same in both recordings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Difference {
    /// What kind.
    pub kind: DifferenceKind,
    /// Its topic.
    pub topic: String,
    /// The packet in the left one.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left: Option<u64>,
    /// The packet in the right one.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub right: Option<u64>,
    /// Microseconds since the first message of its recording.
    #[ts(type = "number")]
    pub at_micros: u64,
    /// Microseconds that it came later; of a message that is late.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub late_micros: Option<u64>,
}

/// How a message differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum DifferenceKind {
    Missing,
    Extra,
    Different,
    Late,
}
