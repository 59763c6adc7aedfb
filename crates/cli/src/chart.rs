//! `mqttwb chart`: values of a recording or of a broker, as a picture or as numbers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mqttwb_app::Result;
use mqttwb_app::api::{self, ChartCell, ChartSource, RecordRequest};
use mqttwb_app::charts::{Asked, Drawn, chart_recording};
use mqttwb_app::oneshot::{Address, Remote};
use mqttwb_app::recordings::RemoteRecording;
use serde_json::json;

use crate::arguments::Chart;
use crate::output::Output;
use crate::signal::Ending;

/// How long a broker is listened to where nothing is said.
const LISTEN: Duration = Duration::from_secs(10);

/// Draws, and tells the numbers of each line.
pub async fn chart(data: PathBuf, chart: Chart, output: &Output) -> Result<()> {
    let file = PathBuf::from(&chart.from);
    if file.exists() || !is_address(&chart.from) {
        return draw(data, &chart, file, chart.last, output).await;
    }
    // What a subscriber gets is recorded beside the picture, and drawn from there.
    let mut name = chart.out.path.clone().into_os_string();
    name.push(format!(".{}.mqttrec", std::process::id()));
    let recording = Temporary(PathBuf::from(name));
    listen(&chart, &recording.0).await?;
    draw(data, &chart, recording.0.clone(), None, output).await
}

/// A recording that is gone when it was drawn.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nobody waits for it; what is left can be opened as a recording.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// Records what a subscriber gets, for as long as was asked for or until Ctrl-C.
async fn listen(chart: &Chart, file: &Path) -> Result<()> {
    let mut ending = Ending::catch()?;
    let remote = Remote {
        address: Address::try_from(chart.from.as_str())?,
        version: api::Version::V5,
        client_id: None,
        ca: None,
        identity: None,
    };
    let last = chart.last.unwrap_or(LISTEN);
    let request = RecordRequest {
        name: String::new(),
        topics: vec![chart.topic.clone()],
        past: false,
        max_bytes: None,
        max_seconds: Some(last.as_secs().max(1)),
        rolling: false,
    };
    let recording = RemoteRecording::start(&remote, request, file.to_owned()).await?;
    tracing::info!(
        "listening for {} s; Ctrl-C draws what came until then",
        last.as_secs().max(1)
    );
    tokio::select! {
        () = recording.ended() => {}
        () = ending.wanted() => {}
    }
    let (_, lost) = recording.stop().await;
    lost.map_or(Ok(()), Err)
}

async fn draw(
    data: PathBuf,
    chart: &Chart,
    file: PathBuf,
    last: Option<Duration>,
    output: &Output,
) -> Result<()> {
    let drawn = chart_recording(Asked {
        file,
        data,
        chart: api::Chart {
            id: 0,
            title: chart.title.clone(),
            source: ChartSource::Payload {
                filter: chart.topic.clone(),
                path: chart.path.clone(),
            },
            kind: chart.kind.into(),
            window_secs: 0,
            unit: chart.unit.clone(),
            log: chart.log,
            thresholds: Vec::new(),
            dashboard: 0,
            cell: ChartCell::default(),
        },
        last,
        out: chart.out.path.clone(),
        format: chart.out.format,
        size: chart.size,
        theme: chart.theme(),
        utc_offset_minutes: if chart.utc { 0 } else { local_offset() },
    })
    .await?;
    // Who does not read has ended the command as it is.
    let _ = if output.is_json() {
        output.json(&json!({
            "path": chart.out.path,
            "series": drawn.numbers.series,
            "withoutNumber": drawn.numbers.without_number,
            "repeated": drawn.numbers.repeated,
            "topicsLeftOut": drawn.numbers.topics_left_out,
            "thinned": drawn.numbers.thinned,
            "notDrawn": drawn.not_drawn,
        }))?
    } else {
        output.line(text(&drawn, &chart.out.path).as_bytes())
    };
    Ok(())
}

/// Minutes to add to UTC for local time, as the system says now.
fn local_offset() -> i32 {
    jiff::Zoned::now().offset().seconds() / 60
}

/// A line for each line, and what could not be drawn.
fn text(drawn: &Drawn, out: &Path) -> String {
    let numbers = &drawn.numbers;
    let mut lines: Vec<String> = numbers
        .series
        .iter()
        .map(|series| {
            let name = crate::watch::plain(&series.name);
            match (&series.state, series.last) {
                (Some(state), _) => format!("{name}  {}", crate::watch::plain(state)),
                (None, Some(last)) => format!(
                    "{name}  {} points, last {last}, min {}, mean {}, max {}",
                    series.points,
                    series.min.unwrap_or(last),
                    series.mean.unwrap_or(last),
                    series.max.unwrap_or(last)
                ),
                (None, None) => format!("{name}  nothing in this time"),
            }
        })
        .collect();
    for (count, what) in [
        (numbers.without_number, "messages without a value there"),
        (numbers.repeated, "messages sent again, each drawn once"),
        (
            numbers.topics_left_out,
            "topics not drawn: a chart has at most 50 lines",
        ),
        (numbers.thinned, "older points thinned out"),
    ] {
        if count > 0 {
            lines.push(format!("{count} {what}"));
        }
    }
    if let Some(characters) = &drawn.not_drawn {
        lines.push(format!(
            "boxes stand for {}: the font of PNG pictures does not have them; an .svg has them",
            crate::watch::plain(characters)
        ));
    }
    lines.push(format!("wrote {}", out.display()));
    lines.join("\n")
}
