//! What the window can ask of recordings.

use std::collections::BTreeMap;

use mqttwb_client::Options;
use mqttwb_model::Timestamp;

use crate::api::*;
use crate::oneshot::{Address, Remote};
use crate::{App, Result};

impl App {
    /// How recordings and what is done with them stand.
    pub async fn recordings_state(&self) -> Result<RecordingsState> {
        Ok(self.recordings.state())
    }

    /// The recordings of the data folder, newest first.
    pub async fn recordings(&self) -> Result<Vec<RecordingEntry>> {
        self.recordings.list().await
    }

    /// Begins to record what the capture sees.
    pub async fn record_start(&self, request: RecordRequest) -> Result<RecordProgress> {
        let detail = self.broker.recorded_from();
        self.recordings.start(request, None, detail).await
    }

    /// Ends the recording; returns when it is written.
    pub async fn record_stop(&self) -> Result<RecordProgress> {
        self.recordings.stop().await
    }

    /// Shows a recording in place of the live traffic.
    pub async fn recording_open(&self, name: String) -> Result<()> {
        let recording = self.recordings.open(name).await?;
        self.traffic.look_at(Some(recording));
        Ok(())
    }

    /// Shows the live traffic again.
    pub async fn recording_close(&self) -> Result<()> {
        self.traffic.look_at(None);
        self.recordings.close_opened();
        Ok(())
    }

    /// Gives a recording another name.
    pub async fn recording_rename(&self, name: String, new: String) -> Result<()> {
        self.recordings.rename(name, new).await
    }

    /// Deletes a recording; it can come back until the program ends.
    pub async fn recording_delete(&self, name: String) -> Result<()> {
        self.recordings.delete(name).await
    }

    /// Brings a deleted recording back.
    pub async fn recording_restore(&self, name: String) -> Result<()> {
        self.recordings.restore(name).await
    }

    /// Begins to write a recording in another format.
    pub async fn recording_export(&self, request: RecordingExport) -> Result<Job> {
        self.recordings.export(request).await
    }

    /// Begins to make a recording of a capture of another program.
    pub async fn recording_import(&self, request: RecordingImport) -> Result<Job> {
        self.recordings.import(request).await
    }

    /// Begins to publish a recording again.
    pub async fn recording_replay(&self, request: ReplayRequest) -> Result<Job> {
        let (options, endpoint) = match request.url.as_deref().map(str::trim) {
            None | Some("") => {
                let name = format!("replay-{:x}", Timestamp::now().0);
                (
                    Options::new(name),
                    self.endpoint(Target::Tcp, BTreeMap::new()).await?,
                )
            }
            Some(url) => {
                let remote = Remote {
                    address: Address::try_from(url)?,
                    version: Version::V5,
                    client_id: None,
                    ca: None,
                    identity: None,
                };
                (remote.options()?, remote.endpoint().await?)
            }
        };
        self.recordings.replay(request, options, endpoint).await
    }

    /// Begins to compare two recordings.
    pub async fn recording_compare(&self, request: CompareRequest) -> Result<Job> {
        self.recordings.compare(request).await
    }

    /// Ends a job.
    pub async fn job_cancel(&self, id: u32) -> Result<()> {
        self.recordings.jobs().cancel(id)
    }

    /// Holds a job up, or lets it go on.
    pub async fn job_pause(&self, id: u32, pause: bool) -> Result<()> {
        self.recordings.jobs().pause(id, pause)
    }

    /// Puts a job away that has ended.
    pub async fn job_forget(&self, id: u32) -> Result<()> {
        self.recordings.jobs().forget(id)
    }
}
