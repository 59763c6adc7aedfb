//! A chart of a recording, without a window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::Cursor;
use mqttwb_model::Timestamp;

use super::picture::{self, Shown};
use super::samples::Samples;
use super::{Parsed, check, export, found, invalid};
use crate::api::{Chart, ChartFormat, ChartFrame, Theme};
use crate::payloads::Payloads;
use crate::{Result, blocking, files, recordings};

/// What is asked of a recording.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The recording.
    pub file: PathBuf,
    /// The folder whose rules say how payloads are read.
    pub data: PathBuf,
    /// The chart. What is measured of the broker and found in no packet can't be asked for.
    pub chart: Chart,
    /// How much of the end is shown; all of it where nothing is said.
    pub last: Option<Duration>,
    /// Where to.
    pub out: PathBuf,
    /// What the file holds.
    pub format: ChartFormat,
    /// The size of a picture.
    pub size: (u32, u32),
    /// Its theme.
    pub theme: Theme,
    /// Minutes to add to UTC for local time.
    pub utc_offset_minutes: i32,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The numbers of its lines, and no strokes.
    pub numbers: ChartFrame,
    /// Characters that the font of pictures in pixels does not have, each of them once: a box stands in the place of each.
    pub not_drawn: Option<String>,
}

/// Draws a chart of a recording into a file.
pub async fn chart_recording(asked: Asked) -> Result<Drawn> {
    blocking(move || draw(asked)).await
}

fn draw(asked: Asked) -> Result<Drawn> {
    let (chart, parsed) = check(asked.chart)?;
    if matches!(parsed, Parsed::Sampled) {
        return Err(invalid(
            "A recording does not hold what is measured of a broker that runs.".into(),
        ));
    }
    let payloads = Arc::new(Payloads::open_in(&asked.data)?);
    let (recording, direction) = recordings::open_file(&asked.file)?;
    let Some(mut found) = found(chart.kind, parsed, direction, &payloads) else {
        return Err(invalid("There is nothing to draw.".into()));
    };
    let mut cursor = Cursor::at_oldest(recording.clone());
    let mut end = Timestamp(0);
    loop {
        let batch = cursor.next_batch();
        if batch.is_empty() {
            break;
        }
        for packet in batch.iter() {
            end = end.max(packet.at);
            found.take(&packet, &*recording);
        }
    }
    if let super::Found::Flow(flow) = &mut found {
        flow.close_before(end.as_secs() + 1);
        end = end.plus(Duration::from_secs(1));
    }
    let window = asked.last.map_or(0, |last| last.as_secs().max(1));
    let chart = Chart {
        window_secs: u32::try_from(window).unwrap_or(u32::MAX),
        ..chart
    };
    let samples = Samples::default();
    let shown = Shown {
        chart: &chart,
        found: Some(&found),
        missed: 0,
        samples: &samples,
    };
    let span = shown.span(None, end, asked.size.0);
    let look = (asked.theme, asked.utc_offset_minutes);
    let written = export::file(&shown, span, asked.format, asked.size, look)?;
    files::write_bytes(&asked.out, &written.bytes)?;
    Ok(Drawn {
        numbers: picture::numbers(&shown, span, asked.theme),
        not_drawn: written.not_drawn,
    })
}
