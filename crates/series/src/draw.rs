//! A chart, drawn by plotters.
//!
//! Duty: lay out axes, grid and what stands between them, in a given size and theme.
//! Not here: titles and legends (`sheet`, or the page in its own type).
//! Invariant: the same points at the same time give the same strokes; no point, no line.

mod gauge;
mod heat;
mod histogram;
mod lines;
mod plane;
mod timeline;

use std::cell::RefCell;

use mqttwb_model::Timestamp;
use plotters::prelude::IntoDrawingArea as _;

use crate::points::Series;
use crate::spot::{Probe, Search, Spot};
use crate::states::States;
use crate::strokes::{DrawOp, Strokes};
use crate::theme::{Color, Theme};

use plane::{Drawn, Root, units};

/// A chart smaller than this is not worth a stroke.
const LEAST: (u32, u32) = (80, 60);
/// Larger than any screen.
const MOST: u32 = 16_384;

/// What a chart shows.
#[derive(Debug, Clone)]
pub struct ChartDrawing<'a> {
    /// What stands between the axes.
    pub body: Body<'a>,
    /// The left edge.
    pub from: Timestamp,
    /// The right edge.
    pub to: Timestamp,
    /// Minutes to add to UTC for local time on the axis.
    pub utc_offset_minutes: i32,
    /// Counts or rates: the axis begins at zero, and the area under the lines is tinted.
    pub from_zero: bool,
    /// Values stand on a logarithmic axis. Those at zero and below have no place on it and are counted instead.
    pub log: bool,
    /// Values that are marked.
    pub thresholds: Vec<Threshold>,
    /// What values are measured in; empty where that is not known.
    pub unit: String,
}

/// What stands between the axes.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// Values over time. The first line is drawn first.
    Lines(Style, Vec<Line<'a>>),
    /// How often which value came.
    Histogram(Vec<Line<'a>>),
    /// How often which value came, counted already: the two ends of each class and how often.
    Classes(Vec<(f64, f64, u64)>, Color),
    /// A row for each line, lighter or darker with the mean of its values.
    HeatMap(Vec<Line<'a>>),
    /// The last value of each line.
    Gauge(Vec<Line<'a>>),
    /// A row for each thing, with the states that it was in.
    Timeline(Vec<(&'a str, &'a States)>),
}

/// How values over time are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Straight from point to point.
    Line,
    /// Each value holds until the next.
    Step,
    /// A dot for each point.
    Scatter,
    /// A bar for each point, from zero.
    Bar,
}

/// One line, or what else a series is drawn as.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its name: a topic, or what is measured.
    pub name: &'a str,
    /// Its points.
    pub series: &'a Series,
    /// Its colour.
    pub color: Color,
}

/// A value that is marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Which.
    pub value: f64,
    /// What it means; may be empty.
    pub label: String,
}

/// Where values and times stand in a picture, in CSS pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plot {
    /// Where `from` is.
    pub left: f32,
    /// Where the highest value is.
    pub top: f32,
    /// Where `to` is.
    pub right: f32,
    /// Where the lowest value is.
    pub bottom: f32,
    /// The lowest value; its logarithm on a logarithmic axis.
    pub low: f64,
    /// The highest value; its logarithm on a logarithmic axis.
    pub high: f64,
}

/// A chart, drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picture {
    /// The strokes, in the order to draw them.
    pub ops: Vec<DrawOp>,
    /// Where times stand; nothing where the chart is not over time, or too small.
    pub plot: Option<Plot>,
    /// Rows that found no room.
    pub hidden_rows: u64,
    /// Points that have no place on a logarithmic axis.
    pub not_positive: u64,
}

/// Draws a chart of so many CSS pixels; nothing where it is too small to be read.
pub fn draw(chart: &ChartDrawing<'_>, size: (u32, u32), theme: Theme) -> Picture {
    draw_and_look(chart, size, theme, None).0
}

/// What stands at a place of that picture, or has a number in it; nothing where there is nothing but points of lines.
pub fn spot(
    chart: &ChartDrawing<'_>,
    size: (u32, u32),
    theme: Theme,
    probe: Probe,
) -> Option<Spot> {
    draw_and_look(chart, size, theme, Some(probe)).1
}

fn draw_and_look(
    chart: &ChartDrawing<'_>,
    size: (u32, u32),
    theme: Theme,
    probe: Option<Probe>,
) -> (Picture, Option<Spot>) {
    let size = (size.0.min(MOST), size.1.min(MOST));
    let mut picture = Picture::default();
    if size.0 < LEAST.0 || size.1 < LEAST.1 || chart.to <= chart.from {
        return (picture, None);
    }
    let mut ops = Vec::new();
    let root = Root {
        area: Strokes {
            size,
            ops: &mut ops,
        }
        .into_drawing_area(),
        size,
        theme,
        search: RefCell::new(Search::new(probe)),
    };
    let drawn = match &chart.body {
        Body::Lines(style, all) => lines::draw(chart, *style, all, &root, &mut picture),
        Body::Histogram(all) => histogram::of_values(chart, all, &root, &mut picture),
        Body::Classes(classes, color) => histogram::of_classes(chart, classes, *color, &root),
        Body::HeatMap(all) => heat::draw(chart, all, &root, &mut picture),
        Body::Gauge(all) => gauge::draw(chart, all, &root, &mut picture),
        Body::Timeline(all) => timeline::draw(chart, all, &root, &mut picture),
    };
    let Root { area, search, .. } = root;
    drop(area);
    // Strokes are only written down, and the ranges are finite: nothing here can fail.
    match drawn {
        Ok(()) => (Picture { ops, ..picture }, search.into_inner().found()),
        Err(_) => (Picture::default(), None),
    }
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
