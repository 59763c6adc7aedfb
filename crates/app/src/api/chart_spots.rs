//! What a chart says where somebody points: bars, cells, tiles and states.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What of a picture is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum ChartProbe {
    /// What stands at a place, in CSS pixels from the upper left corner.
    Place {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
    },
    /// By its number, in the order that it is drawn in; the last one where there are fewer.
    Number {
        /// Which, from 0.
        number: u32,
    },
}

/// A part of a picture that says something by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartSpot {
    /// Its number among those of its picture.
    pub number: u32,
    /// Its left edge, in CSS pixels from the upper left corner.
    pub left: f32,
    /// Its upper edge.
    pub top: f32,
    /// Its width.
    pub width: f32,
    /// Its height.
    pub height: f32,
    /// What it says.
    pub says: ChartSays,
}

/// What a part of a picture says. Times are milliseconds since 1970 with their fraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "kind"
)]
#[ts(export)]
pub enum ChartSays {
    /// How often values from `low` to `high` came.
    Class {
        /// The lower end.
        low: f64,
        /// The higher end; it belongs to the next class.
        high: f64,
        /// How often, of each line that had any.
        counts: Vec<ChartCount>,
        /// How often values came that are in this class.
        #[ts(type = "number")]
        count: u64,
        /// How often values came that are in this class or a lower one.
        #[ts(type = "number")]
        up_to: u64,
        /// How often any value came.
        #[ts(type = "number")]
        total: u64,
    },
    /// What the values of a line come to, in the time of a cell.
    Cell {
        /// The line.
        name: String,
        /// When the cell begins.
        from: f64,
        /// When it ends.
        to: f64,
        /// What came in it.
        values: ChartSummary,
    },
    /// The last value of a line.
    Last {
        /// The line.
        name: String,
        /// Its colour.
        color: String,
        /// When it came.
        at: f64,
        /// The value.
        value: f64,
        /// What came in the time that is shown.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        values: Option<ChartSummary>,
    },
    /// A state that something was in.
    State {
        /// What.
        name: String,
        /// The state.
        state: String,
        /// Its colour.
        color: String,
        /// When it began, shown or not.
        from: f64,
        /// When the next one began; absent while it holds.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<f64>,
    },
}

/// How often values of a line came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartCount {
    /// The line.
    pub name: String,
    /// Its colour.
    pub color: String,
    /// How often.
    #[ts(type = "number")]
    pub count: u64,
}

/// What some values come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartSummary {
    /// How many.
    #[ts(type = "number")]
    pub count: u64,
    /// The lowest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The highest.
    pub max: f64,
}
