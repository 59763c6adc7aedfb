//! From messages to points, and from points to pictures.
//!
//! Duty: find numbers in payloads, keep them as bounded series, and draw them as strokes that a canvas can repeat.
//! Not here: where messages come from, clocks, timers, canvases. Time is an argument.
//! Invariant: a picture shows what the points say: extremes survive every thinning, and a silence is a gap.

mod axis;
mod draw;
pub mod json;
mod path;
mod points;
mod strokes;
mod theme;

pub use draw::{ChartDrawing, draw};
pub use path::{Path, PathError, numbers};
pub use points::{Point, Series};
pub use strokes::{Align, Baseline, DrawOp};
pub use theme::{Color, Theme};
