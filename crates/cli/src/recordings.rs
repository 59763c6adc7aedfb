//! `mqttwb record`, `export`, `import`, `replay` and `compare`.
//!
//! What comes of a command goes to standard output, how far it is to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use mqttwb_app::Result;
use mqttwb_app::api::{
    ApiError, Difference, DifferenceKind, ErrorCode, RecordEnd, RecordProgress, RecordRequest,
};
use mqttwb_app::control::RemoteBroker;
use mqttwb_app::oneshot::{Address, Remote};
use mqttwb_app::recordings::{self, RemoteRecording, Work};
use serde_json::json;

use crate::arguments::{Compare, ExportRecording, Import, Record, Replay};
use crate::output::Output;
use crate::remote::remote;
use crate::signal::Ending;

/// Between two words on how far it is.
const TICK: Duration = Duration::from_millis(500);

/// Records until it is told to end or a limit is reached.
pub async fn record(data: PathBuf, record: Record, output: &Output) -> Result<()> {
    let mut ending = Ending::catch()?;
    let request = RecordRequest {
        name: String::new(),
        topics: record.filters,
        past: record.past,
        max_bytes: record.max_size,
        max_seconds: record.duration.map(|time| time.as_secs().max(1)),
        rolling: record.rolling,
    };
    if let Some(from) = record.from {
        let remote = Remote {
            address: Address::try_from(from.as_str())?,
            version: record.mqtt.into(),
            client_id: record.id,
            ca: record.cafile,
            identity: record.cert.zip(record.key),
        };
        return record_from(&remote, request, record.out, ending, output).await;
    }
    let broker = RemoteBroker::find(data).await?;
    let file = record.out.clone();
    let mut progress = broker.record(request, record.out).await?;
    let mut told = Told::new(output);
    tracing::info!("recording into {}; Ctrl-C ends it", progress.path);
    let mut tick = tokio::time::interval(TICK);
    while progress.ended.is_none() {
        let answer = tokio::select! {
            _ = tick.tick() => broker.record_progress().await,
            () = ending.wanted() => broker.record_stop().await,
        };
        progress = match answer {
            Ok(progress) => progress,
            Err(error) => {
                told.end();
                return Err(gone(file, error).await);
            }
        };
        told.tell(&record_text(&progress), &json!(progress));
    }
    told.end();
    ended(&progress, output)
}

/// Records what a subscriber gets.
async fn record_from(
    remote: &Remote,
    request: RecordRequest,
    out: PathBuf,
    mut ending: Ending,
    output: &Output,
) -> Result<()> {
    let recording = tokio::select! {
        recording = RemoteRecording::start(remote, request, out) => recording?,
        () = ending.wanted() => return Ok(()),
    };
    let mut told = Told::new(output);
    tracing::info!(
        "recording into {}; Ctrl-C ends it",
        recording.progress().path
    );
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                let progress = recording.progress();
                told.tell(&record_text(&progress), &json!(progress));
            }
            () = recording.ended() => break,
            () = ending.wanted() => break,
        }
    }
    let (progress, lost) = recording.stop().await;
    told.end();
    ended(&progress, output)?;
    lost.map_or(Ok(()), Err)
}

/// The broker does not answer any more. What it has recorded until then is there.
async fn gone(file: PathBuf, error: ApiError) -> ApiError {
    let path = file.display().to_string();
    match recordings::describe(file).await {
        Ok(found) => error.hint(format!(
            "The recording {path} has {} packets, all that came until then.",
            found.packets
        )),
        Err(_) => error,
    }
}

/// What came of a recording.
fn ended(progress: &RecordProgress, output: &Output) -> Result<()> {
    if let Some(RecordEnd::Failed(error)) = &progress.ended {
        return Err(error.clone());
    }
    print(output, &record_text(progress), &json!(progress))
}

fn record_text(progress: &RecordProgress) -> String {
    let mut text = format!(
        "{} packets, {} bytes in {}",
        progress.packets, progress.size, progress.path
    );
    for (count, what) in [
        (progress.rolled_off, "older ones let go"),
        (progress.not_captured, "lost: the capture was busy"),
        (
            progress.overtaken,
            "lost: they came faster than the disk takes them",
        ),
    ] {
        if count > 0 {
            text.push_str(&format!("; {count} {what}"));
        }
    }
    text
}

/// Writes a recording in another format.
pub async fn export(export: ExportRecording, output: &Output) -> Result<()> {
    let work = Work::default();
    let out = export.out.display().to_string();
    let exporting = recordings::export(
        export.file,
        export.selection.into(),
        export.format.into(),
        export.out,
        work.clone(),
    );
    let packets = watched(exporting, &work, "packets", output).await?;
    let text = format!("{packets} packets in {out}");
    print(output, &text, &json!({ "packets": packets, "out": out }))
}

/// Makes a recording of a capture.
pub async fn import(import: Import, output: &Output) -> Result<()> {
    let work = Work::default();
    let importing = recordings::import(import.file, import.out, work.clone());
    let found = watched(importing, &work, "bytes", output).await?;
    print(output, &found, &json!({ "found": found }))
}

/// Publishes a recording again.
pub async fn replay(replay: Replay, output: &Output) -> Result<()> {
    let work = Work::default();
    let remote = remote(replay.remote)?;
    let filter = replay.selection.into();
    let replaying = recordings::replay(
        replay.file,
        &remote,
        replay.speed.0,
        &replay.rewrite,
        filter,
        &work,
    );
    let (published, told) = watched(replaying, &work, "packets", output).await?;
    print(
        output,
        &told,
        &json!({ "published": published, "told": told }),
    )
}

/// Compares two recordings; differences make it fail.
pub async fn compare(compare: Compare, output: &Output) -> Result<()> {
    let work = Work::default();
    let comparing = recordings::compare(
        compare.left,
        compare.right,
        &compare.rewrite,
        compare.late,
        work.clone(),
    );
    let found = watched(comparing, &work, "steps", output).await?;
    let unlike = found.missing + found.extra + found.different + found.late;
    let counts = format!(
        "{} equal, {} missing, {} extra, {} different, {} late",
        found.equal, found.missing, found.extra, found.different, found.late
    );
    let mut text = String::new();
    for row in &found.rows {
        text.push_str(&difference(row));
        text.push('\n');
    }
    let more = unlike.saturating_sub(found.rows.len() as u64);
    if more > 0 {
        text.push_str(&format!("{more} further differences\n"));
    }
    text.push_str(&counts);
    print(output, &text, &json!(found))?;
    if unlike == 0 {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::InvalidInput,
        format!("The recordings differ: {counts}."),
    ))
}

fn difference(row: &Difference) -> String {
    let number = |seq: Option<u64>| seq.map_or_else(|| "-".into(), |seq| format!("#{seq}"));
    let kind = match row.kind {
        DifferenceKind::Missing => "missing",
        DifferenceKind::Extra => "extra",
        DifferenceKind::Different => "different",
        DifferenceKind::Late => "late",
    };
    let late = row
        .late_micros
        .map(|micros| format!("  {} ms later", micros / 1_000));
    format!(
        "{:>12.6} s  {kind:<9}  {}  {} {}{}",
        row.at_micros as f64 / 1e6,
        crate::watch::plain(&row.topic),
        number(row.left),
        number(row.right),
        late.unwrap_or_default()
    )
}

/// Does the work, and tells how far it is. Ctrl-C cancels it.
async fn watched<T>(
    doing: impl Future<Output = Result<T>>,
    work: &Work,
    unit: &str,
    output: &Output,
) -> Result<T> {
    let mut ending = Ending::catch()?;
    let mut told = Told::new(output);
    let mut doing = std::pin::pin!(doing);
    let mut tick = tokio::time::interval(TICK);
    tick.tick().await;
    let outcome = loop {
        tokio::select! {
            outcome = &mut doing => break outcome,
            _ = tick.tick() => {
                let (done, total) = work.progress();
                let text = match (done * 100).checked_div(total) {
                    Some(percent) => format!("{percent} %, {done} of {total} {unit}"),
                    None => format!("{done} {unit}"),
                };
                told.tell(&text, &json!({ "done": done, "total": total }));
            }
            () = ending.wanted() => work.cancel(),
        }
    };
    told.end();
    outcome
}

fn print(output: &Output, text: &str, json: &serde_json::Value) -> Result<()> {
    // Who does not read has ended the command as it is.
    let _ = if output.is_json() {
        output.json(json)?
    } else {
        output.line(text.as_bytes())
    };
    Ok(())
}

/// How far it is, on standard error: one line that changes on a terminal, a line each time elsewhere.
struct Told {
    json: bool,
    terminal: bool,
    open: bool,
    last: String,
}

impl Told {
    fn new(output: &Output) -> Self {
        Self {
            json: output.is_json(),
            terminal: std::io::stderr().is_terminal(),
            open: false,
            last: String::new(),
        }
    }

    fn tell(&mut self, text: &str, json: &serde_json::Value) {
        if text == self.last {
            return;
        }
        self.last = text.to_owned();
        // Where standard error is closed, nobody wants to know.
        let _ = match (self.json, self.terminal) {
            (true, _) => writeln!(std::io::stderr(), "{json}"),
            (false, true) => write!(std::io::stderr(), "\r\x1b[K{text}"),
            (false, false) => writeln!(std::io::stderr(), "{text}"),
        };
        self.open = self.terminal && !self.json;
    }

    fn end(&mut self) {
        if self.open {
            let _ = writeln!(std::io::stderr());
            self.open = false;
        }
    }
}
