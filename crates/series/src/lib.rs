//! From numbers to points, and from points to pictures.
//!
//! Duty: keep numbers as bounded series, and draw them as strokes that a canvas can repeat.
//! Not here: finding numbers in messages (`payload`), clocks, timers, canvases. Time is an argument.
//! Invariant: a picture shows what the points say: extremes survive every thinning, and a silence is a gap.

mod axis;
mod draw;
mod points;
mod strokes;
mod theme;

pub use draw::{ChartDrawing, draw};
pub use points::{Point, Series};
pub use strokes::{Align, Baseline, DrawOp};
pub use theme::{Color, Theme};
