//! What a shell does with the file of a recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::Recording;
use mqttwb_model::Direction;

use crate::api::{
    Comparison, RecordingContents, RecordingFormat, Story, StoryRequest, TrafficFilter,
};
use crate::oneshot::Remote;
use crate::{Result, blocking, traffic};

use super::rewrite::Rewrite;
use super::work::Work;
use super::{compare as comparing, format, library, messages, replay as replaying, transfer};

/// A recording to read, and in which direction its messages are seen once.
pub(crate) fn open_file(file: &Path) -> Result<(Arc<Recording>, Direction)> {
    let recording = library::open(file)?;
    let direction = messages::direction(&recording);
    Ok((recording, direction))
}

/// What is in a recording.
pub async fn describe(file: PathBuf) -> Result<RecordingContents> {
    blocking(move || Ok(library::contents(&*library::open(&file)?))).await
}

/// The story of a message in a recording.
pub async fn story(file: PathBuf, request: StoryRequest) -> Result<Story> {
    blocking(move || traffic::story(library::open(&file)?.as_ref(), &request)).await
}

/// Writes a recording in another format into a new file. Returns how many packets. Steps are packets.
pub async fn export(
    file: PathBuf,
    filter: TrafficFilter,
    wanted: RecordingFormat,
    out: PathBuf,
    work: Work,
) -> Result<u64> {
    let filter = traffic::parse(&filter)?;
    blocking(move || {
        let recording = library::open(&file)?;
        transfer::export(&recording, &filter, format(wanted).0, &out, &work)
    })
    .await
}

/// Makes a recording of a capture of another program. Returns what was found, in words. Steps are bytes.
pub async fn import(from: PathBuf, to: PathBuf, work: Work) -> Result<String> {
    blocking(move || transfer::import(&from, &to, &work).map(|found| transfer::told(&found))).await
}

/// Publishes a recording again. Returns how many messages were published, and what came of it in words. Steps are packets.
pub async fn replay(
    file: PathBuf,
    remote: &Remote,
    speed: Option<f64>,
    rewrite: &[String],
    filter: TrafficFilter,
    work: &Work,
) -> Result<(u64, String)> {
    let plan = replaying::Plan::new(speed, rewrite, traffic::parse(&filter)?)?;
    let recording = blocking(move || library::open(&file)).await?;
    let (options, endpoint) = (remote.options()?, remote.endpoint().await?);
    let replayed = replaying::replay(recording, &options, &endpoint, plan, work).await?;
    Ok((replayed.published, replayed.told()))
}

/// Compares two recordings, message by message.
pub async fn compare(
    left: PathBuf,
    right: PathBuf,
    rewrite: &[String],
    late: Duration,
    work: Work,
) -> Result<Comparison> {
    let rules = Rewrite::all(rewrite)?;
    blocking(move || {
        let (left, right) = (library::open(&left)?, library::open(&right)?);
        comparing::compare(&left, &right, &rules, late, &work)
    })
    .await
}

/// What a comparison found, in words.
pub(super) fn comparison_told(found: &Comparison) -> String {
    format!(
        "{} equal, {} missing, {} extra, {} different, {} late.",
        found.equal, found.missing, found.extra, found.different, found.late
    )
}
