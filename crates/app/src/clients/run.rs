//! Messages that are published one after the other: on a timer, as a burst, from the lines of a file.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mqttwb_client::TestClient;
use mqttwb_model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::options::{Draft, invalid};
use super::request_failed;
use super::template::Filling;
use crate::api::{ApiError, RunKind, RunRequest, RunStatus};
use crate::{Result, blocking, files};

/// Lines that were read and are not published yet.
const AHEAD: usize = 64;
/// A line is no longer than a payload can be.
const LINE: u64 = 256 * 1024 * 1024;

/// A run, under way or over.
pub(super) struct Run {
    sent: AtomicU64,
    total: Option<u64>,
    end: Mutex<Option<std::result::Result<(), ApiError>>>,
    stop: watch::Sender<bool>,
}

impl Run {
    /// Begins to publish.
    pub async fn start(
        client: Arc<TestClient>,
        name: String,
        request: RunRequest,
    ) -> Result<Arc<Self>> {
        let RunRequest { message, kind } = request;
        let draft = blocking(move || Draft::parse(&message)).await?;
        let (total, every) = match &kind {
            RunKind::Timer { every: 0, .. } => {
                return Err(invalid("a timer waits a millisecond at least"));
            }
            RunKind::Burst { count: 0 } => return Err(invalid("a burst has a message at least")),
            RunKind::Timer { every, count } => (count.map(u64::from), *every),
            RunKind::Burst { count } => (Some(u64::from(*count)), 0),
            RunKind::Lines { every, .. } => (None, *every),
        };
        let lines = match kind {
            RunKind::Lines { path, .. } => Some(lines(path.into()).await?),
            RunKind::Timer { .. } | RunKind::Burst { .. } => None,
        };
        let (stop, stopped) = watch::channel(false);
        let run = Arc::new(Self {
            sent: AtomicU64::new(0),
            total,
            end: Mutex::new(None),
            stop,
        });
        let going = run.clone();
        tokio::spawn(async move {
            let end = going
                .publish(&client, &name, &draft, every, lines, stopped)
                .await;
            *going.end.lock() = Some(end);
        });
        Ok(run)
    }

    /// Ends it; what was handed to the socket was.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub fn status(&self) -> RunStatus {
        let end = self.end.lock();
        RunStatus {
            sent: self.sent.load(Ordering::Relaxed),
            total: self.total,
            running: end.is_none(),
            failure: end.clone().and_then(std::result::Result::err),
        }
    }

    async fn publish(
        &self,
        client: &TestClient,
        name: &str,
        draft: &Draft,
        every: u32,
        mut lines: Option<mpsc::Receiver<std::io::Result<Bytes>>>,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<()> {
        let mut clock = (every > 0).then(|| {
            let mut clock = interval(Duration::from_millis(every.into()));
            // A clock that was held up goes on from there: a burst to catch up is not what was asked for.
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            clock
        });
        for counter in 1.. {
            if self.total.is_some_and(|total| counter > total) {
                return Ok(());
            }
            let next = async {
                if let Some(clock) = &mut clock {
                    clock.tick().await;
                }
                match &mut lines {
                    Some(lines) => lines.recv().await.map(Some),
                    None => Some(None),
                }
            };
            let line = tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                next = next => match next {
                    None => return Ok(()),
                    Some(line) => line.transpose().map_err(|error| {
                        invalid(format_args!("the file could not be read further: {error}"))
                    })?,
                },
            };
            let with = Filling {
                counter,
                now: Timestamp::now(),
                client: name,
                topic: "",
                payload: "",
            };
            let message = draft.make(&with, line)?;
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                sent = client.publish(message) => { sent.map_err(request_failed)?; }
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The lines of a file, read as they are asked for.
async fn lines(path: PathBuf) -> Result<mpsc::Receiver<std::io::Result<Bytes>>> {
    let file = blocking(move || {
        std::fs::File::open(&path).map_err(|cause| files::error("could not be read", &path, &cause))
    })
    .await?;
    let (found, lines) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut file = BufReader::new(file);
        loop {
            let mut line = Vec::new();
            let read = (&mut file).take(LINE).read_until(b'\n', &mut line);
            let line = match read {
                Ok(0) => return,
                Ok(_) => {
                    let end = line.trim_ascii_end().len();
                    line.truncate(end);
                    Ok(Bytes::from(line))
                }
                Err(error) => Err(error),
            };
            let broken = line.is_err();
            // Nobody wants more of them when the run has ended.
            if found.blocking_send(line).is_err() || broken {
                return;
            }
        }
    });
    Ok(lines)
}
