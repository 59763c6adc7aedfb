//! A recording of what a subscriber of any broker sees.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Cursor, Source};
use mqttwb_client::{Grant, TestClient, Wish};
use mqttwb_model::QoS;
use mqttwb_model::recording::Origin;

use crate::Result;
use crate::api::{ApiError, ErrorCode, RecordProgress, RecordRequest};
use crate::clients::{connection_failed, request_failed};
use crate::oneshot::Remote;

use super::recorder::{Plan, Recorder};
use super::{about, topic_filters, transfer};

/// Memory of packets that are on their way to the disk.
const MEMORY: usize = 64 << 20;

/// A subscriber, and the recording of its connection: every packet of it, in both directions.
#[derive(Debug)]
pub struct RemoteRecording {
    client: TestClient,
    recorder: Recorder,
    path: PathBuf,
}

impl RemoteRecording {
    /// Makes the file, connects, and subscribes to the topics of the request, or to `#`. Where that fails nothing is left.
    pub async fn start(remote: &Remote, request: RecordRequest, path: PathBuf) -> Result<Self> {
        let mut filters = topic_filters(&request.topics)?;
        if filters.is_empty() {
            filters = topic_filters(&["#".to_owned()])?;
        }
        let (options, endpoint) = (remote.options()?, remote.endpoint().await?);
        let capture = Capture::new(MEMORY);
        let source: Arc<dyn Source> = capture.clone();
        let plan = Plan {
            path: path.clone(),
            name: path.display().to_string(),
            about: about(Origin::Client, format!("A subscriber of {endpoint}.")),
            topics: Vec::new(),
            max_bytes: request.max_bytes,
            max_age: request.max_seconds.map(Duration::from_secs),
            rolling: request.rolling,
            leased: false,
        };
        let recorder = Recorder::start(source.clone(), Cursor::at_oldest(source), plan)?;
        let recording = Self {
            client: TestClient::observed_by(capture),
            recorder,
            path,
        };
        let subscribed = async {
            let connecting = recording.client.connect(&options, &endpoint);
            connecting
                .await
                .map_err(|error| connection_failed(&error))?;
            for filter in filters {
                // The broker lowers it to what each message was published with.
                let wish = Wish::new(filter.clone(), QoS::ExactlyOnce);
                let answer = recording.client.subscribe(wish).await;
                if let Grant::Refused(reason) = answer.map_err(request_failed)? {
                    return Err(ApiError::new(
                        ErrorCode::Client,
                        format!("The broker refused the subscription {filter}: {reason}."),
                    ));
                }
            }
            Ok(())
        };
        match subscribed.await {
            Ok(()) => Ok(recording),
            Err(error) => {
                recording.client.disconnect().await;
                recording.recorder.stop().await;
                transfer::remove(&recording.path);
                Err(error)
            }
        }
    }

    /// How it goes.
    pub fn progress(&self) -> RecordProgress {
        self.recorder.progress()
    }

    /// Waits until it has come to its limit, or the connection is lost; then it must be stopped all the same.
    pub async fn ended(&self) {
        tokio::select! {
            _ = self.recorder.ended() => {}
            () = self.client.ended() => {}
        }
    }

    /// Disconnects and ends the recording. Why the connection was lost before, where it was, comes beside it.
    pub async fn stop(self) -> (RecordProgress, Option<ApiError>) {
        let lost = self.client.status().failure;
        self.client.disconnect().await;
        let progress = self.recorder.stop().await;
        (progress, lost.map(|error| connection_failed(&error)))
    }
}
