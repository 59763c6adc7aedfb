//! The configuration as it is written, and the changes that the window makes to it.
//!
//! Duty: write one key at a time into the file, let a broker that runs take it, take a change back, and say where what is
//! written and what runs differ. Not here: the keys (`config`), reading a file again (`broker`).
//! Invariant: a change that fails has changed nothing, and one is taken back only if nobody has touched the file since.

use std::collections::VecDeque;
use std::path::Path;

use crate::api::{ApiError, ConfigChange, ConfigChanged, ConfigReport, ErrorCode, ListenerWrite};
use crate::broker::BrokerControl;
use crate::config::{self, Config};
use crate::{App, Result, blocking, files};

/// Changes that can be taken back.
const KEPT: usize = 32;

/// A file before and after a change; no text is no file.
struct Change {
    number: u32,
    before: Option<String>,
    after: Option<String>,
}

/// What can be taken back, the newest last.
#[derive(Default)]
pub(crate) struct Changes {
    kept: VecDeque<Change>,
    made: u32,
}

impl Changes {
    fn keep(&mut self, before: Option<String>, after: String) -> u32 {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.made = self.made.wrapping_add(1);
        self.kept.push_back(Change {
            number: self.made,
            before,
            after: Some(after),
        });
        self.made
    }
}

/// Writes a file, or takes it away.
fn put(path: &Path, text: Option<&str>) -> Result<()> {
    // A link stays one.
    let real = std::fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    match text {
        Some(text) => files::write(path, text),
        None => std::fs::remove_file(path)
            .map_err(|cause| files::error("could not be removed", path, &cause)),
    }
}

impl BrokerControl {
    /// The configuration as it is written now, beside what runs.
    async fn written(&self) -> Result<ConfigReport> {
        let written = self.read_config().await?;
        if self.running().is_some() {
            return Ok(written.report_beside(Some(&self.held())));
        }
        let report = written.report();
        self.hold(written);
        Ok(report)
    }

    /// A broker that runs takes what it can of a file that was just written.
    async fn apply(&self) -> Result<ConfigReport> {
        if self.running().is_some() {
            self.reload().await?;
        }
        self.written().await
    }

    /// Writes what `edit` makes of the file, and lets a broker that runs take it.
    async fn change_file(
        &self,
        edit: impl FnOnce(&str, &Path) -> Result<String> + Send + 'static,
    ) -> Result<ConfigChanged> {
        let mut changes = self.changes.clone().lock_owned().await;
        let file = self.file.clone();
        // The lock goes along: a caller that gives up does not let another in before the file is written.
        let undo = blocking(move || {
            let before = file.text()?;
            let text = before.as_deref().unwrap_or_default();
            let after = edit(text, file.path())?;
            Config::parse(&after, file.path())?;
            if after == text {
                return Ok(None);
            }
            put(file.path(), Some(&after))?;
            Ok(Some(changes.keep(before, after)))
        })
        .await?;
        let report = self.apply().await?;
        Ok(ConfigChanged { report, undo })
    }

    async fn take_back(&self, number: u32) -> Result<ConfigReport> {
        let mut changes = self.changes.clone().lock_owned().await;
        let file = self.file.clone();
        blocking(move || {
            let Some(at) = changes.kept.iter().position(|kept| kept.number == number) else {
                return Err(ApiError::new(
                    ErrorCode::NotFound,
                    "This change can't be taken back any more.",
                ));
            };
            let change = &changes.kept[at];
            if file.text()? != change.after {
                let path = file.path().display();
                return Err(ApiError::new(
                    ErrorCode::WrongState,
                    format!("{path} was changed since, so nothing was taken back."),
                )
                .hint("Take later changes back first, or set the key to what it was."));
            }
            put(file.path(), change.before.as_deref())?;
            changes.kept.truncate(at);
            Ok(())
        })
        .await?;
        self.apply().await
    }
}

impl App {
    /// The configuration as it is written now, and where a broker that runs goes by something else.
    pub async fn broker_settings(&self) -> Result<ConfigReport> {
        self.broker.written().await
    }

    /// Writes a key into `broker.toml`, or takes it out; everything else in the file stays as it is. A broker that runs
    /// takes it where the key allows it.
    pub async fn broker_settings_change(&self, request: ConfigChange) -> Result<ConfigChanged> {
        let edit = move |text: &str, path: &Path| {
            config::change(text, path, &request.key, request.value.as_deref())
        };
        self.broker.change_file(edit).await
    }

    /// Adds a listener to `broker.toml`, or changes one as a whole.
    pub async fn broker_listener_write(&self, request: ListenerWrite) -> Result<ConfigChanged> {
        let edit = move |text: &str, path: &Path| config::write_listener(text, path, &request);
        self.broker.change_file(edit).await
    }

    /// Takes a listener out of `broker.toml`. The last one stays.
    pub async fn broker_listener_remove(&self, name: String) -> Result<ConfigChanged> {
        let edit = move |text: &str, path: &Path| config::remove_listener(text, path, &name);
        self.broker.change_file(edit).await
    }

    /// Takes a change of `broker.toml` back, if nobody has changed the file since.
    pub async fn broker_settings_undo(&self, undo: u32) -> Result<ConfigReport> {
        self.broker.take_back(undo).await
    }
}
