use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a chart shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum ChartSource {
    /// Messages per second that came in from publishers and went out to subscribers.
    Throughput,
    /// A number in JSON payloads: a line for each topic that matches.
    Payload {
        /// The topic filter.
        filter: String,
        /// The path, as `value` or `motor.rpm` or `cells[0]`; empty where the payload is a number itself.
        path: String,
    },
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Chart {
    /// Its identity; 0 in a request to make one.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub source: ChartSource,
    /// Seconds that it looks back.
    pub window_secs: u32,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
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
}

/// One stroke of a picture, in CSS pixels from the upper left corner. Colours are CSS colours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "op")]
#[ts(export)]
pub enum DrawOp {
    /// A line through points: `x0, y0, x1, y1, …`.
    Path {
        /// Coordinates.
        points: Vec<f32>,
        /// Colour.
        color: String,
        /// Width.
        width: f32,
    },
    /// A filled polygon.
    Fill {
        /// Coordinates.
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
    /// The highest value in the window.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// A chart, drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartFrame {
    /// Counts frames; the page acknowledges it.
    #[ts(type = "number")]
    pub frame: u64,
    /// The chart.
    pub id: u32,
    /// Strokes, in the order to draw them.
    pub ops: Vec<DrawOp>,
    /// Its lines.
    pub series: Vec<ChartSeries>,
    /// Messages that matched but held no number at the path.
    #[ts(type = "number")]
    pub without_number: u64,
    /// Packets that were gone before the chart read them; any of them may have matched.
    #[ts(type = "number")]
    pub missed: u64,
    /// Topics that matched but are not drawn, since a chart holds a bounded number of lines.
    #[ts(type = "number")]
    pub topics_left_out: u64,
}
