//! Charts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mqttwb_app::api::{ChartFormat, ChartKind, Theme};
use mqttwb_app::config::parse_time;

/// What to draw.
#[derive(Debug, Args)]
pub struct Chart {
    /// A recording, or the address of a broker to listen to for as long as --last says: mqtt://HOST:PORT or mqtts://HOST:PORT
    #[arg(value_name = "FILE|URL")]
    pub from: String,
    /// The topics: a line for each that matches
    #[arg(long, value_name = "FILTER", default_value = "#")]
    pub topic: String,
    /// The path to the value in a payload, as value, motor.rpm or cells[0]; the payload itself where it is left out
    #[arg(long, value_name = "PATH", default_value = "")]
    pub path: String,
    /// How it is drawn
    #[arg(long, value_name = "KIND", default_value = "line")]
    pub kind: Kind,
    /// How much of the recording's end, or how long to listen: as 30s, 10min or 2h; a recording is drawn whole where it is left out,
    /// and a broker is listened to for 10s
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub last: Option<Duration>,
    /// The file to write: .svg, .png or .csv
    #[arg(long, value_name = "FILE", value_parser = out)]
    pub out: Out,
    /// The title; the path and the topics where it is left out
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub title: String,
    /// What the values are measured in
    #[arg(long, value_name = "UNIT", default_value = "")]
    pub unit: String,
    /// A logarithmic axis
    #[arg(long)]
    pub log: bool,
    /// The size of the picture
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "960x480", value_parser = size)]
    pub size: (u32, u32),
    /// Times on the axis in UTC, instead of local time
    #[arg(long)]
    pub utc: bool,
    /// A dark picture
    #[arg(long)]
    pub dark: bool,
}

impl Chart {
    /// The theme of the picture.
    pub fn theme(&self) -> Theme {
        if self.dark { Theme::Dark } else { Theme::Light }
    }
}

/// A file, and what it is to hold by its name.
#[derive(Debug, Clone)]
pub struct Out {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub format: ChartFormat,
}

/// How a chart is drawn: [`ChartKind`] as clap lists it, which the API does not know.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum Kind {
    Line,
    Step,
    Scatter,
    Bar,
    Histogram,
    HeatMap,
    LastValue,
    States,
}

impl From<Kind> for ChartKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Line => Self::Line,
            Kind::Step => Self::Step,
            Kind::Scatter => Self::Scatter,
            Kind::Bar => Self::Bar,
            Kind::Histogram => Self::Histogram,
            Kind::HeatMap => Self::HeatMap,
            Kind::LastValue => Self::LastValue,
            Kind::States => Self::States,
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    // Minutes are often written as 10m.
    let minutes = text.strip_suffix('m').map(|number| format!("{number}min"));
    parse_time(minutes.as_deref().unwrap_or(text))
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a time is written as 30s, 10min or 2h".into())
}

fn out(text: &str) -> Result<Out, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|ending| ending.to_str());
    let format = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => ChartFormat::Svg,
        Some("png") => ChartFormat::Png,
        Some("csv") => ChartFormat::Csv,
        _ => return Err("the name ends with .svg, .png or .csv".into()),
    };
    Ok(Out { path, format })
}

fn size(text: &str) -> Result<(u32, u32), String> {
    text.split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)))
        .ok_or_else(|| "a size is written as 960x480".into())
}
