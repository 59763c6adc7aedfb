//! From numbers to points, and from points to pictures.
//!
//! Duty: keep numbers as bounded series, and draw them as strokes that a canvas can repeat.
//! Not here: finding numbers in messages (`payload`), clocks, timers, canvases. Time is an argument.
//! Invariant: a picture shows what the points say: extremes survive every thinning, and a silence is a gap.

mod axis;
mod distribution;
mod draw;
mod png;
mod points;
mod sheet;
mod spot;
mod states;
mod strokes;
mod svg;
mod theme;

pub use axis::magnitude;
pub use distribution::Distribution;
pub use draw::{Body, ChartDrawing, Line, Picture, Plot, Style, Threshold, draw, spot};
pub use png::{Png, PngError, png};
pub use points::{Point, Series, Summary};
pub use sheet::{LegendRow, sheet};
pub use spot::{Probe, Says, Spot};
pub use states::{Began, States};
pub use strokes::{Align, Baseline, DrawOp};
pub use svg::{escaped, svg};
pub use theme::{Color, Theme};
