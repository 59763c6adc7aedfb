use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a chart shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum ChartSource {
    /// What is measured of the embedded broker.
    Broker {
        /// What of it.
        measure: ChartMeasure,
    },
    /// A value in payloads: a line for each topic that matches.
    Payload {
        /// The topic filter.
        filter: String,
        /// The path, as `value` or `motor.rpm` or `cells[0]`; empty where the payload is the value itself.
        path: String,
    },
}

/// What is measured of the embedded broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ChartMeasure {
    /// Messages per second, from publishers and to subscribers.
    Messages,
    /// Messages per second by QoS and direction.
    MessagesByQos,
    /// Bytes per second from clients and to clients.
    Bytes,
    /// Bytes of messages per second by QoS and direction.
    BytesByQos,
    /// Milliseconds from a publisher's PUBLISH to that of each subscriber: percentiles of each second.
    Latency,
    /// Connections.
    Connections,
    /// Messages that wait for their subscribers.
    Queued,
    /// Retained messages.
    Retained,
    /// What was lost each second: messages that were dropped, packets that were not captured.
    Lost,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ChartKind {
    /// Straight from point to point.
    #[default]
    Line,
    /// Each value holds until the next.
    Step,
    /// A dot for each point.
    Scatter,
    /// A bar for each point.
    Bar,
    /// How often which value came. Of the latency: how it is distributed.
    Histogram,
    /// A row for each line, coloured by its values.
    HeatMap,
    /// The last value of each line.
    LastValue,
    /// A row for each topic, with the states that it was in: any value that is no list, number or not.
    States,
}

/// A value that is marked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartThreshold {
    /// Which.
    pub value: f64,
    /// What it means; may be empty.
    pub label: String,
}

/// Where a chart is on its dashboard, in columns and rows of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartCell {
    /// The first of its columns, from 0.
    pub x: u32,
    /// The first of its rows, from 0.
    pub y: u32,
    /// How many of the twelve columns it takes; 0 where it has no place yet, and is given one.
    pub w: u32,
    /// How many rows it takes.
    pub h: u32,
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Chart {
    /// Its identity; 0 in a request to make one.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub source: ChartSource,
    /// How it is drawn.
    #[serde(default)]
    pub kind: ChartKind,
    /// Seconds that it looks back; 0 for all that is kept.
    pub window_secs: u32,
    /// What its values are measured in; may be empty.
    #[serde(default)]
    pub unit: String,
    /// Values stand on a logarithmic axis.
    #[serde(default)]
    pub log: bool,
    /// Values that are marked.
    #[serde(default)]
    pub thresholds: Vec<ChartThreshold>,
    /// The dashboard that it is on; 0 in a request for the first.
    #[serde(default)]
    pub dashboard: u32,
    /// Where it is there.
    #[serde(default)]
    pub cell: ChartCell,
}

/// Charts on a page of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Dashboard {
    /// Its identity.
    pub id: u32,
    /// Its title.
    pub title: String,
}

/// A dashboard with its charts, as a file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DashboardFile {
    /// The format: 1.
    pub mqttwb_dashboard: u32,
    /// Its title.
    pub title: String,
    /// Its charts.
    pub charts: Vec<Chart>,
}

/// All dashboards and charts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartList {
    /// The dashboards, in the order that they were made; always one at least.
    pub dashboards: Vec<Dashboard>,
    /// The charts of all of them, in the order that they were made.
    pub charts: Vec<Chart>,
    /// Why they could not be read when the workbench was opened, or written since.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<super::ApiError>,
}

/// Which theme to draw in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum Theme {
    Dark,
    Light,
}

/// How to draw a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartView {
    /// The chart.
    pub id: u32,
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// Theme.
    pub theme: Theme,
    /// Minutes to add to UTC for local time on the axis.
    pub utc_offset_minutes: i32,
    /// The time that is shown, where it does not follow.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span: Option<ChartSpan>,
}

/// A time from one moment to another, in milliseconds since 1970 with their fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS, Default)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartSpan {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
}

/// Where times and values stand in a picture, in CSS pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartPlot {
    /// Where the time begins.
    pub left: f32,
    /// Where the highest value is.
    pub top: f32,
    /// Where the time ends.
    pub right: f32,
    /// Where the lowest value is.
    pub bottom: f32,
    /// The lowest value; its logarithm on a logarithmic axis.
    pub low: f64,
    /// The highest value; its logarithm on a logarithmic axis.
    pub high: f64,
}

/// One stroke of a picture, in CSS pixels from the upper left corner. Colours are CSS colours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "op")]
#[ts(export)]
pub enum DrawOp {
    /// A line through points: `x0, y0, x1, y1, …`.
    Path {
        /// Coordinates.
        #[ts(type = "ArrayLike<number>")]
        points: Vec<f32>,
        /// Colour.
        color: String,
        /// Width.
        width: f32,
    },
    /// A filled polygon.
    Fill {
        /// Coordinates.
        #[ts(type = "ArrayLike<number>")]
        points: Vec<f32>,
        /// Colour.
        color: String,
    },
    /// A rectangle.
    Rect {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// Width.
        w: f32,
        /// Height.
        h: f32,
        /// Colour.
        color: String,
        /// Filled, or only its outline.
        fill: bool,
    },
    /// A circle.
    Circle {
        /// Centre.
        x: f32,
        /// Centre.
        y: f32,
        /// Radius.
        r: f32,
        /// Colour.
        color: String,
        /// Filled, or only its outline.
        fill: bool,
    },
    /// A text.
    Text {
        /// Anchor.
        x: f32,
        /// Anchor.
        y: f32,
        /// What it says.
        text: String,
        /// Font size.
        size: f32,
        /// Colour.
        color: String,
        /// `left`, `center` or `right` of the anchor, as a canvas means it.
        align: TextAlign,
        /// `top`, `middle` or `bottom`, as a canvas means it.
        baseline: TextBaseline,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
/// Where a text is of its anchor.
pub enum TextAlign {
    Left,
    Center,
    Right,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
/// Where a text is of its anchor.
pub enum TextBaseline {
    Top,
    Middle,
    Bottom,
}

/// A line of a chart, for the legend and for a screen reader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartSeries {
    /// Its name: `in`, `out`, or a topic.
    pub name: String,
    /// Its colour in the picture.
    pub color: String,
    /// Points that it holds.
    #[ts(type = "number")]
    pub points: u64,
    /// The last value.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<f64>,
    /// The lowest value in the window.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The mean of the values in the window.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// The highest value in the window.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The state that it is in, of a chart of states.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A chart, drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, Default)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartFrame {
    /// The chart.
    pub id: u32,
    /// Strokes, in the order to draw them.
    pub ops: Vec<DrawOp>,
    /// The time that it shows.
    pub span: ChartSpan,
    /// Where times stand; absent where the chart is not over time.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plot: Option<ChartPlot>,
    /// Its lines.
    pub series: Vec<ChartSeries>,
    /// Messages that matched but held no number at the path.
    #[ts(type = "number")]
    pub without_number: u64,
    /// How often a message was sent again: it is drawn once, where it was sent first.
    #[ts(type = "number")]
    pub repeated: u64,
    /// Packets that were gone before the chart read them; any of them may have matched.
    #[ts(type = "number")]
    pub missed: u64,
    /// Topics that matched but are not drawn, since a chart holds a bounded number of lines.
    #[ts(type = "number")]
    pub topics_left_out: u64,
    /// Older points that were given up to stay within what a line may hold; never the lowest or the highest.
    #[ts(type = "number")]
    pub thinned: u64,
    /// Rows that find no room in the picture.
    #[ts(type = "number")]
    pub hidden_rows: u64,
    /// Points that have no place on a logarithmic axis.
    #[ts(type = "number")]
    pub not_positive: u64,
}

/// What has changed in the charts of a page.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartsFrame {
    /// Counts frames; the page acknowledges it.
    #[ts(type = "number")]
    pub frame: u64,
    /// The pictures that are not as they were sent last.
    pub pictures: Vec<ChartPicture>,
}

/// What has become of one of the pictures that a page looks at.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartPicture {
    /// Which of them, by the number that the page gave it.
    pub key: u32,
    /// The chart, drawn.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawn: Option<ChartFrame>,
    /// Why it can't be drawn.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<super::ApiError>,
    /// How many strokes it has. Those that are as they were in the picture that was sent before with this number are left out.
    pub strokes: u32,
    /// The place of each stroke that is here among all of them.
    pub places: Vec<u32>,
    /// Of the paths and polygons that are here, in their order, how many coordinates at the beginning and how many at the end are
    /// those of the stroke that had their place before. They are left out.
    pub same: Vec<(u32, u32)>,
}

/// What the lines of a chart say about a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartReading {
    /// The time that was asked for, in milliseconds since 1970 with their fraction.
    pub at: f64,
    /// The nearest point of each line within the time that is shown; lines without one are left out.
    pub values: Vec<ChartValue>,
}

/// A point of a line, as it was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartValue {
    /// The line.
    pub name: String,
    /// Its colour.
    pub color: String,
    /// When the point came, or the state began, in milliseconds since 1970 with their fraction.
    pub at: f64,
    /// Its value.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The state.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What a file of a chart holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ChartFormat {
    /// The picture, sharp at any size.
    Svg,
    /// The picture in pixels, twice as many in each direction as its size says.
    Png,
    /// The points themselves.
    Csv,
}

/// A file of a chart or dashboard that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartFile {
    /// Where.
    pub path: String,
    /// Its size in bytes.
    #[ts(type = "number")]
    pub size: u64,
    /// Characters that the font of pictures in pixels does not have, each of them once: a box stands in the place of each.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_drawn: Option<String>,
}
