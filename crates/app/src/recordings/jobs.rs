//! Exports, imports, replays and comparisons that were asked for, by number.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::Result;
use crate::api::{ApiError, Comparison, ErrorCode, Job, JobKind, JobState};

use super::work::Work;

/// Jobs that are remembered; those that run are in any case.
const REMEMBERED: usize = 20;

/// The jobs, newest last.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    jobs: Vec<Arc<Entry>>,
    last: u32,
}

#[derive(Debug)]
struct Entry {
    id: u32,
    kind: JobKind,
    title: String,
    work: Work,
    outcome: Mutex<Option<Result<Done>>>,
}

/// What came of a job.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// In words.
    pub message: String,
    /// Of a comparison what it found.
    pub comparison: Option<Comparison>,
}

impl Jobs {
    /// Begins one; it goes on by itself.
    pub fn begin<F>(&self, kind: JobKind, title: String, job: impl FnOnce(Work) -> F) -> Job
    where
        F: Future<Output = Result<Done>> + Send + 'static,
    {
        let entry = {
            let mut kept = self.0.lock();
            kept.last += 1;
            let entry = Arc::new(Entry {
                id: kept.last,
                kind,
                title,
                work: Work::default(),
                outcome: Mutex::default(),
            });
            while kept.jobs.len() >= REMEMBERED
                && let Some(at) = kept
                    .jobs
                    .iter()
                    .position(|job| job.outcome.lock().is_some())
            {
                kept.jobs.remove(at);
            }
            kept.jobs.push(entry.clone());
            entry
        };
        let doing = job(entry.work.clone());
        let told = entry.clone();
        tokio::spawn(async move {
            let outcome = doing.await;
            *told.outcome.lock() = Some(outcome);
        });
        shown(&entry)
    }

    /// All of them, newest first.
    pub fn list(&self) -> Vec<Job> {
        self.0
            .lock()
            .jobs
            .iter()
            .rev()
            .map(|job| shown(job))
            .collect()
    }

    /// Ends one.
    pub fn cancel(&self, id: u32) -> Result<()> {
        self.find(id)?.work.cancel();
        Ok(())
    }

    /// Holds one up, or lets it go on.
    pub fn pause(&self, id: u32, pause: bool) -> Result<()> {
        self.find(id)?.work.pause(pause);
        Ok(())
    }

    /// Forgets one that has ended.
    pub fn forget(&self, id: u32) -> Result<()> {
        let found = self.find(id)?;
        if found.outcome.lock().is_none() {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                "What is being done can't be put away.",
            )
            .hint("Cancel it first."));
        }
        self.0.lock().jobs.retain(|job| job.id != id);
        Ok(())
    }

    /// Ends all of them.
    pub fn cancel_all(&self) {
        self.0.lock().jobs.iter().for_each(|job| job.work.cancel());
    }

    fn find(&self, id: u32) -> Result<Arc<Entry>> {
        let kept = self.0.lock();
        let found = kept.jobs.iter().find(|job| job.id == id).cloned();
        found.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                format!("There is no job {id} any more."),
            )
        })
    }
}

fn shown(entry: &Entry) -> Job {
    let (done, total) = entry.work.progress();
    let (state, message, comparison) = match &*entry.outcome.lock() {
        None if entry.work.is_paused() => (JobState::Paused, String::new(), None),
        None => (JobState::Running, String::new(), None),
        Some(Ok(done)) => (
            JobState::Done,
            done.message.clone(),
            done.comparison.clone(),
        ),
        Some(Err(error)) => {
            let state = match error.code {
                ErrorCode::Cancelled => JobState::Cancelled,
                _ => JobState::Failed,
            };
            let hint = error.hint.as_ref().map(|hint| format!(" {hint}"));
            (
                state,
                error.message.clone() + &hint.unwrap_or_default(),
                None,
            )
        }
    };
    Job {
        id: entry.id,
        kind: entry.kind,
        title: entry.title.clone(),
        state,
        done,
        total,
        message,
        comparison,
    }
}
