//! Charts in files: a picture, their points, a dashboard as a report.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mqttwb_model::Timestamp;
use mqttwb_series::{LegendRow, escaped, magnitude, png, sheet, svg};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::picture::Shown;
use super::{Charts, invalid};
use crate::api::{
    ApiError, ChartFile, ChartFormat, ChartSource, ChartSpan, ChartView, ErrorCode, Theme,
};
use crate::{Result, files};

/// Pixels of a PNG for one of the picture.
const SHARP: f32 = 2.0;
/// The size of a picture in a report.
const REPORT: (u32, u32) = (960, 420);
/// The largest picture, in CSS pixels in each direction.
const LARGEST: u32 = 4_000;

/// What stands below the title.
fn about(shown: &Shown<'_>, (from, to): (Timestamp, Timestamp), offset_minutes: i32) -> String {
    let what = match &shown.chart.source {
        ChartSource::Broker { .. } => "measured at the broker".to_owned(),
        ChartSource::Payload { filter, path } if path.is_empty() => filter.clone(),
        ChartSource::Payload { filter, path } => format!("{path} in {filter}"),
    };
    let unit = match shown.unit() {
        "" => String::new(),
        unit => format!(" · {unit}"),
    };
    let (from, to) = (local(from, offset_minutes), local(to, offset_minutes));
    format!("{what}{unit} · {from} to {to}")
}

/// Date and time in local time, to the second.
fn local(at: Timestamp, offset_minutes: i32) -> String {
    let offset =
        UtcOffset::from_whole_seconds(offset_minutes.saturating_mul(60)).unwrap_or(UtcOffset::UTC);
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(at.0.into()) else {
        return String::new();
    };
    let time = time.to_offset(offset);
    let (date, clock) = (time.date(), time.time());
    let (h, m, s) = clock.as_hms();
    format!("{date} {h:02}:{m:02}:{s:02}")
}

/// The rows of a legend.
fn legend(shown: &Shown<'_>, span: (Timestamp, Timestamp), theme: Theme) -> Vec<LegendRow> {
    let colors = mqttwb_series::Theme::from(theme);
    let said = |value: Option<f64>| value.map_or("–".to_owned(), magnitude);
    if shown.lines().is_empty() {
        return Vec::new(); // states are named in the picture
    }
    (0..)
        .zip(shown.series(span, colors))
        .map(|(n, series)| LegendRow {
            color: colors.line(n),
            text: format!(
                "{}  last {}, min {}, mean {}, max {}",
                series.name,
                said(series.last),
                said(series.min),
                said(series.mean),
                said(series.max)
            ),
        })
        .collect()
}

/// The strokes of a whole picture.
fn strokes(
    shown: &Shown<'_>,
    span: (Timestamp, Timestamp),
    size: (u32, u32),
    view: (Theme, i32),
) -> Vec<mqttwb_series::DrawOp> {
    let (theme, offset) = view;
    sheet(
        &shown.chart.title,
        &about(shown, span, offset),
        &legend(shown, span, theme),
        &shown.drawing(span, offset, theme.into()),
        size,
        theme.into(),
    )
}

/// The points from one time to another, a row each: every digit of times and values is there, so that reading the file
/// gives the same numbers.
pub(super) fn csv(shown: &Shown<'_>, (from, to): (Timestamp, Timestamp)) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Internal,
            format!("The points could not be written: {error}"),
        )
    };
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut row = |cells: [&str; 4]| out.write_record(cells).map_err(|error| failed(&error));
    row(["time", "unix_nanoseconds", "series", "value"])?;
    for (name, series) in shown.lines() {
        for point in series.between(from, to) {
            let (time, nanos) = (rfc3339(point.at), point.at.0.to_string());
            row([&time, &nanos, name, &point.value.to_string()])?;
        }
    }
    for (name, states) in shown.states() {
        for began in states
            .iter()
            .filter(|began| (from..=to).contains(&began.at))
        {
            let (time, nanos) = (rfc3339(began.at), began.at.0.to_string());
            row([&time, &nanos, name, &began.state])?;
        }
    }
    out.into_inner().map_err(|error| failed(&error))
}

fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(at.0.into())
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// What a file holds, and what it could not hold.
pub(super) struct Written {
    pub bytes: Vec<u8>,
    /// Characters that a picture in pixels has no letters for.
    pub not_drawn: Option<String>,
}

impl From<Vec<u8>> for Written {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            not_drawn: None,
        }
    }
}

/// A chart as a file of a format.
pub(super) fn file(
    shown: &Shown<'_>,
    span: (Timestamp, Timestamp),
    format: ChartFormat,
    size: (u32, u32),
    view: (Theme, i32),
) -> Result<Written> {
    if size.0 > LARGEST || size.1 > LARGEST || size.0 < 200 || size.1 < 150 {
        return Err(invalid(format!(
            "A picture is from 200 × 150 to {LARGEST} × {LARGEST} pixels, not {} × {}.",
            size.0, size.1
        )));
    }
    match format {
        ChartFormat::Csv => Ok(csv(shown, span)?.into()),
        ChartFormat::Svg => {
            let ops = strokes(shown, span, size, view);
            Ok(svg(&ops, size, &shown.chart.title).into_bytes().into())
        }
        ChartFormat::Png => {
            let ops = strokes(shown, span, size, view);
            let png = png(&ops, size, SHARP).map_err(|error| invalid(error.to_string()))?;
            Ok(Written {
                bytes: png.file,
                not_drawn: (!png.not_drawn.is_empty()).then_some(png.not_drawn),
            })
        }
    }
}

/// The end of a file's name.
fn ending(format: ChartFormat) -> &'static str {
    match format {
        ChartFormat::Svg => "svg",
        ChartFormat::Png => "png",
        ChartFormat::Csv => "csv",
    }
}

/// A name for a file that is not there yet.
fn free(folder: &Path, title: &str, at: Timestamp, ending: &str) -> Result<PathBuf> {
    let stem: String = title
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let stem = format!("{stem}-{}", at.as_secs());
    let mut path = folder.join(format!("{stem}.{ending}"));
    let mut n = 1;
    while files::exists(&path)? {
        n += 1;
        path = folder.join(format!("{stem}-{n}.{ending}"));
    }
    Ok(path)
}

impl Charts {
    /// Writes a chart into a file in the folder for downloads.
    pub fn export(&self, view: ChartView, format: ChartFormat) -> Result<ChartFile> {
        let now = Timestamp::now();
        let (title, written) = self.with(view.id, |shown| {
            let span = shown.span(view.span, now, view.width);
            let size = (view.width, view.height);
            let look = (view.theme, view.utc_offset_minutes);
            let written = file(shown, span, format, size, look)?;
            Ok((shown.chart.title.clone(), written))
        })??;
        let file = self.download(&title, ending(format), now, &written.bytes)?;
        Ok(ChartFile {
            not_drawn: written.not_drawn,
            ..file
        })
    }

    /// Writes a dashboard into a file that can be imported.
    pub fn board_export(&self, id: u32) -> Result<ChartFile> {
        let board = self.board_file(id)?;
        let text = serde_json::to_string_pretty(&board)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        self.download(&board.title, "json", Timestamp::now(), text.as_bytes())
    }

    /// Writes a dashboard as a report: one HTML file with the pictures and numbers of all its charts.
    pub fn board_report(
        &self,
        id: u32,
        span: Option<ChartSpan>,
        theme: Theme,
        utc_offset_minutes: i32,
    ) -> Result<ChartFile> {
        let now = Timestamp::now();
        let board = self.board_file(id)?;
        let mut charts = board.charts;
        charts.sort_by_key(|chart| (chart.cell.y, chart.cell.x));
        let mut body = String::new();
        for chart in charts {
            self.with(chart.id, |shown| {
                let span = shown.span(span, now, REPORT.0);
                let look = (theme, utc_offset_minutes);
                let ops = strokes(shown, span, REPORT, look);
                body.push_str("<figure>\n");
                body.push_str(&svg(&ops, REPORT, &chart.title));
                table(&mut body, shown, span, theme);
                body.push_str("</figure>\n");
            })?;
        }
        let when = local(now, utc_offset_minutes);
        let html = page(&board.title, &when, &body, theme);
        self.download(&board.title, "html", now, html.as_bytes())
    }

    fn download(
        &self,
        title: &str,
        ending: &str,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<ChartFile> {
        let folder = self.payloads.downloads();
        files::create_folder(folder)?;
        let path = free(folder, title, at, ending)?;
        files::write_bytes(&path, bytes)?;
        Ok(ChartFile {
            path: path.display().to_string(),
            size: bytes.len() as u64,
            not_drawn: None,
        })
    }
}

/// The numbers of a chart, for who can't see its picture.
fn table(out: &mut String, shown: &Shown<'_>, span: (Timestamp, Timestamp), theme: Theme) {
    let said = |value: Option<f64>| value.map_or("–".to_owned(), |value| value.to_string());
    out.push_str("<table><tr><th>Line<th>Last<th>Lowest<th>Mean<th>Highest<th>Points</tr>\n");
    for series in shown.series(span, theme.into()) {
        let last = series.state.clone().unwrap_or_else(|| said(series.last));
        // Writing into a String can't fail.
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(&series.name),
            escaped(&last),
            said(series.min),
            said(series.mean),
            said(series.max),
            series.points
        );
    }
    out.push_str("</table>\n");
}

fn page(title: &str, when: &str, body: &str, theme: Theme) -> String {
    let title = escaped(title);
    let (ground, text, muted) = match theme {
        Theme::Dark => ("#0d1015", "#e7ebf1", "#93a0b1"),
        Theme::Light => ("#f5f6f8", "#151a21", "#526070"),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\n\
         body {{ background: {ground}; color: {text}; font: 14px system-ui, sans-serif; max-width: 1000px; margin: 32px auto; padding: 0 20px }}\n\
         h1 {{ font-size: 22px }} p {{ color: {muted} }} figure {{ margin: 24px 0 }} svg {{ max-width: 100%; height: auto }}\n\
         table {{ border-collapse: collapse; width: 100% }} th, td {{ text-align: left; padding: 4px 8px; border-bottom: 1px solid {muted}44 }}\n\
         th {{ color: {muted}; font-weight: 500 }}\n\
         </style></head><body>\n<h1>{title}</h1>\n<p>Made {when} by MQTT Workbench.</p>\n{body}</body></html>\n"
    )
}
