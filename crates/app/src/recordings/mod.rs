//! Recordings: packets in files, for as long as somebody wants them.
//!
//! Duty: record, keep by name, open in place of the live traffic, export, import, replay and compare; for the window by job,
//! for a shell by file. Not here: the file (`store`), what is in it (`capture`), arguments and progress bars (cli).
//! Invariant: at most one recording of the broker goes on at a time; nothing is overwritten; what is cancelled or fails
//! leaves nothing that looks whole.

mod compare;
mod file;
mod jobs;
mod library;
mod messages;
mod recorder;
mod remote;
mod replay;
mod rewrite;
mod transfer;
mod wills;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mqttwb_capture::export::Format;
use mqttwb_capture::{Capture, Cursor, Recording, Source};
use mqttwb_client::Options;
use mqttwb_model::recording::{About, ArchiveError, Origin};
use mqttwb_model::{Timestamp, TopicFilter};
use parking_lot::Mutex;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::api::{
    ApiError, CompareRequest, ErrorCode, Job, JobKind, RecordProgress, RecordRequest,
    RecordingEntry, RecordingExport, RecordingFormat, RecordingImport, RecordingsState,
    ReplayRequest,
};
use crate::clients::Endpoint;
use crate::{Result, blocking, clients, files, traffic};

use jobs::{Done, Jobs};
use library::Library;
use recorder::{Plan, Recorder};
use rewrite::Rewrite;

pub(crate) use file::open_file;
pub use file::{compare, describe, export, import, replay, story};
pub use remote::RemoteRecording;
pub use work::Work;

/// The recordings of a data folder, and the one that is made.
#[derive(Debug)]
pub(crate) struct Recordings {
    library: Library,
    exports: PathBuf,
    capture: Arc<Capture>,
    record: Mutex<Option<Arc<Recorder>>>,
    opened: Mutex<Option<(String, Arc<Recording>)>>,
    jobs: Jobs,
    changes: AtomicU64,
}

impl Recordings {
    /// Those of a data folder; new ones are made of what is captured.
    pub fn new(data: &Path, capture: Arc<Capture>) -> Self {
        let library = Library::of(data);
        library.empty();
        Self {
            library,
            exports: data.join("exports"),
            capture,
            record: Mutex::default(),
            opened: Mutex::default(),
            jobs: Jobs::default(),
            changes: AtomicU64::new(0),
        }
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a recording; into the file of this path, or into one of the library. `detail` says of which broker.
    pub async fn start(
        self: &Arc<Self>,
        request: RecordRequest,
        path: Option<PathBuf>,
        detail: String,
    ) -> Result<RecordProgress> {
        let topics = topic_filters(&request.topics)?;
        let this = self.clone();
        let begun = blocking(move || {
            let leased = path.is_some();
            let (name, path) = match path {
                Some(path) => (path.display().to_string(), path),
                None => {
                    let name = match request.name.trim() {
                        "" => this.library.free_name(&at_this_time())?,
                        name => name.to_owned(),
                    };
                    let path = this.library.new_path(&name)?;
                    (name, path)
                }
            };
            let mut record = this.record.lock();
            if let Some(recorder) = record.as_ref().filter(|recorder| recorder.is_running()) {
                let progress = recorder.progress();
                return Err(ApiError::new(
                    ErrorCode::WrongState,
                    format!("“{}” is being recorded already.", progress.name),
                )
                .hint("Stop that one first."));
            }
            let source: Arc<dyn Source> = this.capture.clone();
            let cursor = if request.past {
                Cursor::at_oldest(source.clone())
            } else {
                Cursor::at_newest(source.clone())
            };
            let plan = Plan {
                path,
                name,
                about: about(Origin::Broker, detail),
                topics,
                max_bytes: request.max_bytes,
                max_age: request.max_seconds.map(Duration::from_secs),
                rolling: request.rolling,
                leased,
            };
            let recorder = Arc::new(Recorder::start(source, cursor, plan)?);
            *record = Some(recorder.clone());
            Ok(recorder)
        })
        .await?;
        self.changed();
        let (this, recorder) = (self.clone(), begun.clone());
        tokio::spawn(async move {
            recorder.ended().await;
            this.changed();
        });
        Ok(begun.progress())
    }

    /// How the recording goes, or how the last one went. Whoever asks is there.
    pub fn progress(&self) -> Result<RecordProgress> {
        let record = self.record.lock();
        let recorder = record.as_ref().ok_or_else(nothing_recorded)?;
        recorder.renew();
        Ok(recorder.progress())
    }

    /// Ends the recording; returns when it is written.
    pub async fn stop(&self) -> Result<RecordProgress> {
        let recorder = self.record.lock().clone().ok_or_else(nothing_recorded)?;
        Ok(recorder.stop().await)
    }

    /// Ends everything in order.
    pub async fn close(&self) {
        self.jobs.cancel_all();
        // There may be none; then there is nothing to end.
        let _ = self.stop().await;
    }

    /// How all of it stands.
    pub fn state(&self) -> RecordingsState {
        let record = self
            .record
            .lock()
            .as_ref()
            .map(|recorder| recorder.progress());
        let opened = self.opened.lock().clone();
        RecordingsState {
            damaged: opened
                .as_ref()
                .map_or(0, |(_, recording)| recording.damaged()),
            opened: opened.map(|(name, recording)| RecordingEntry {
                path: String::new(),
                size: 0,
                contents: Some(library::contents(&recording)),
                problem: None,
                recording: false,
                open: true,
                name,
            }),
            record,
            jobs: self.jobs.list(),
            changes: self.changes.load(Ordering::Relaxed),
        }
    }

    /// The recordings that there are.
    pub async fn list(&self) -> Result<Vec<RecordingEntry>> {
        let library = self.library.clone();
        let mut entries = blocking(move || library.list()).await?;
        for entry in &mut entries {
            entry.recording = self.is_recorded(&entry.name);
            entry.open = self.is_open(&entry.name);
        }
        Ok(entries)
    }

    fn is_recorded(&self, name: &str) -> bool {
        self.record
            .lock()
            .as_ref()
            .is_some_and(|recorder| recorder.is_running() && recorder.progress().name == name)
    }

    fn is_open(&self, name: &str) -> bool {
        self.opened
            .lock()
            .as_ref()
            .is_some_and(|(open, _)| open == name)
    }

    /// Opens a recording, to be looked at in place of the live traffic.
    pub async fn open(&self, name: String) -> Result<Arc<Recording>> {
        let recording = self.recording(&name).await?;
        *self.opened.lock() = Some((name, recording.clone()));
        self.changed();
        Ok(recording)
    }

    /// Closes the recording that is open.
    pub fn close_opened(&self) {
        *self.opened.lock() = None;
        self.changed();
    }

    async fn recording(&self, name: &str) -> Result<Arc<Recording>> {
        if let Some((_, recording)) = self.opened.lock().as_ref().filter(|(open, _)| open == name) {
            return Ok(recording.clone());
        }
        let path = self.library.existing(name)?;
        blocking(move || library::open(&path)).await
    }

    /// An error while a recording can't be moved.
    fn idle(&self, name: &str) -> Result<()> {
        let (what, hint) = if self.is_recorded(name) {
            ("is being recorded", "Stop the recording first.")
        } else if self.is_open(name) {
            ("is open", "Close it first.")
        } else {
            return Ok(());
        };
        Err(ApiError::new(ErrorCode::WrongState, format!("“{name}” {what}.")).hint(hint))
    }

    /// Gives a recording another name.
    pub async fn rename(&self, name: String, new: String) -> Result<()> {
        self.idle(&name)?;
        let library = self.library.clone();
        blocking(move || library.rename(&name, &new)).await?;
        self.changed();
        Ok(())
    }

    /// Deletes a recording; it can come back until the program ends.
    pub async fn delete(&self, name: String) -> Result<()> {
        self.idle(&name)?;
        let library = self.library.clone();
        blocking(move || library.delete(&name)).await?;
        self.changed();
        Ok(())
    }

    /// Brings a deleted recording back.
    pub async fn restore(&self, name: String) -> Result<()> {
        let library = self.library.clone();
        blocking(move || library.restore(&name)).await?;
        self.changed();
        Ok(())
    }

    /// Begins to write a recording in another format.
    pub async fn export(&self, request: RecordingExport) -> Result<Job> {
        let recording = self.recording(&request.name).await?;
        let filter = traffic::parse(&request.filter)?;
        let (format, extension) = format(request.format);
        let out = match &request.path {
            Some(path) => files::absolute(Path::new(path))?,
            None => {
                files::create_private_folder(&self.exports)?;
                self.exports.join(format!("{}.{extension}", request.name))
            }
        };
        let title = format!("{} → {}", request.name, out.display());
        Ok(self.jobs.begin(JobKind::Export, title, |work| async move {
            let exported = blocking(move || {
                transfer::export(&recording, &filter, format, &out, &work)
                    .map(|packets| (packets, out))
            });
            let (packets, out) = exported.await?;
            Ok(Done {
                message: format!("{packets} packets are in {}.", out.display()),
                comparison: None,
            })
        }))
    }

    /// Begins to make a recording of a capture of another program, or to take in a recording from elsewhere.
    pub async fn import(self: &Arc<Self>, request: RecordingImport) -> Result<Job> {
        let from = files::absolute(Path::new(&request.path))?;
        let name = match request.name.trim() {
            "" => {
                let stem = from.file_stem().unwrap_or_default().to_string_lossy();
                self.library.free_name(&stem)?
            }
            name => name.to_owned(),
        };
        let to = self.library.new_path(&name)?;
        let title = format!("{} → {name}", from.display());
        let this = self.clone();
        Ok(self.jobs.begin(JobKind::Import, title, |work| async move {
            let message = blocking(move || {
                if transfer::is_recording(&from)? {
                    let packets = transfer::adopt(&from, &to, &work)?;
                    return Ok(format!("{packets} packets of a recording."));
                }
                let found = transfer::import(&from, &to, &work)?;
                Ok(format!("{}.", transfer::told(&found)))
            });
            let message = message.await?;
            this.changed();
            Ok(Done {
                message,
                comparison: None,
            })
        }))
    }

    /// Begins to publish a recording again.
    pub async fn replay(
        &self,
        request: ReplayRequest,
        options: Options,
        endpoint: Endpoint,
    ) -> Result<Job> {
        let filter = traffic::parse(&request.filter)?;
        let plan = replay::Plan::new(request.speed, &request.rewrite, filter)?;
        let recording = self.recording(&request.name).await?;
        let title = format!("{} → {endpoint}", request.name);
        Ok(self.jobs.begin(JobKind::Replay, title, |work| async move {
            let replayed = replay::replay(recording, &options, &endpoint, plan, &work).await?;
            Ok(Done {
                message: format!("{}.", replayed.told()),
                comparison: None,
            })
        }))
    }

    /// Begins to compare two recordings.
    pub async fn compare(&self, request: CompareRequest) -> Result<Job> {
        let rules = Rewrite::all(&request.rewrite)?;
        let left = self.recording(&request.left).await?;
        let right = self.recording(&request.right).await?;
        let late = Duration::from_millis(request.late_ms);
        let title = format!("{} and {}", request.left, request.right);
        Ok(self.jobs.begin(JobKind::Compare, title, |work| async move {
            let compared = blocking(move || compare::compare(&left, &right, &rules, late, &work));
            let comparison = compared.await?;
            Ok(Done {
                message: file::comparison_told(&comparison),
                comparison: Some(comparison),
            })
        }))
    }

    /// The jobs.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }
}

fn about(origin: Origin, detail: String) -> About {
    About {
        origin,
        detail,
        begun: Timestamp::now(),
        ended: None,
        rolled_off: 0,
    }
}

fn topic_filters(texts: &[String]) -> Result<Vec<TopicFilter>> {
    texts
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .map(clients::filter)
        .collect()
}

fn format(format: RecordingFormat) -> (Format, &'static str) {
    match format {
        RecordingFormat::Jsonl => (Format::Jsonl, "jsonl"),
        RecordingFormat::Csv => (Format::Csv, "csv"),
        RecordingFormat::Pcapng => (Format::Pcapng, "pcapng"),
    }
}

/// A name for what is begun now.
fn at_this_time() -> String {
    let format = format_description!("[year]-[month]-[day] [hour].[minute].[second] UTC");
    OffsetDateTime::now_utc()
        .format(format)
        .unwrap_or_else(|_| "recording".into())
}

fn nothing_recorded() -> ApiError {
    ApiError::new(ErrorCode::WrongState, "Nothing is being recorded.")
}

/// The file of a recording can't be read or written. The store says what to do.
fn archive_failed(error: &ArchiveError) -> ApiError {
    let code = match error {
        ArchiveError::Damaged(_) | ArchiveError::Later(_) => ErrorCode::InvalidInput,
        ArchiveError::File(_) | ArchiveError::Full(_) => ErrorCode::File,
    };
    ApiError::new(code, error.to_string())
}

#[cfg(test)]
mod tests;
