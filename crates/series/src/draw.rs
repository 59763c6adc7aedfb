//! A chart, drawn by plotters.
//!
//! Duty: lay out axes, grid and lines in a given size and theme.
//! Not here: titles and legends, which the page sets in its own type.
//! Invariant: the same points at the same time give the same strokes; no point, no line.

use mqttwb_model::Timestamp;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::axis::{ValueAxis, time_ticks};
use crate::points::{Run, Series};
use crate::strokes::{ADVANCE, DrawOp, FINE, Strokes};
use crate::theme::{Color, Theme};

/// Font size of labels.
const FONT: f64 = 10.5;
/// Between labels and what they stand at.
const PAD: f64 = 8.0;
/// Above the plot: half a label, and air.
const TOP: f64 = 10.0;
/// Right of the plot.
const RIGHT: f64 = 14.0;
/// Below the plot: the labels of the time axis.
const BOTTOM: f64 = 24.0;
/// Between two lines of the grid at least.
const ROW: u32 = 36;
/// Between two marks of the time axis at least.
const COLUMN: u32 = 84;
/// A chart smaller than this is not worth a stroke.
const LEAST: (u32, u32) = (80, 60);
/// Larger than any screen.
const MOST: u32 = 16_384;

const LINE_WIDTH: f64 = 1.75;
const AREA: f64 = 0.14;
/// A point that has no neighbour to be joined with.
const LONE_RADIUS: f64 = 1.75;
/// The newest point of a line.
const NEWEST_RADIUS: f64 = 2.75;
/// With more lines than this, the dots at their ends would be a crowd.
const NEWEST_LINES: usize = 8;

/// What a chart shows.
#[derive(Debug, Clone)]
pub struct ChartDrawing<'a> {
    /// The lines, with their colours; the first is drawn first.
    pub lines: Vec<(&'a Series, Color)>,
    /// The left edge.
    pub from: Timestamp,
    /// The right edge.
    pub to: Timestamp,
    /// Minutes to add to UTC for local time on the axis.
    pub utc_offset_minutes: i32,
    /// Counts or rates: the axis begins at zero, and the area under the lines is tinted.
    pub from_zero: bool,
}

type Plot<'a, 'b> = ChartContext<'a, Strokes<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::convert::Infallible>>;

/// Draws a chart of so many CSS pixels; nothing where it is too small to be read.
pub fn draw(chart: &ChartDrawing<'_>, size: (u32, u32), theme: Theme) -> Vec<DrawOp> {
    let size = (size.0.min(MOST), size.1.min(MOST));
    let mut ops = Vec::new();
    if size.0 < LEAST.0 || size.1 < LEAST.1 || chart.to <= chart.from {
        return ops;
    }
    let root = Strokes {
        size,
        ops: &mut ops,
    }
    .into_drawing_area();
    let drawn = layout(chart, size, theme, &root);
    drop(root);
    match drawn {
        Ok(()) => ops,
        // Strokes are only written down, and the ranges are finite: nothing here can fail.
        Err(_) => Vec::new(),
    }
}

fn units(px: f64) -> i32 {
    (px * f64::from(FINE)).round() as i32
}

fn rgba(color: Color) -> RGBAColor {
    let (r, g, b) = color.rgb;
    RGBAColor(r, g, b, color.alpha)
}

fn stroke(color: Color, width: f64) -> ShapeStyle {
    rgba(color).stroke_width(units(width) as u32)
}

fn layout(
    chart: &ChartDrawing<'_>,
    size: (u32, u32),
    theme: Theme,
    root: &DrawingArea<Strokes<'_>, Shift>,
) -> Drawn {
    let runs: Vec<Vec<Run>> = chart
        .lines
        .iter()
        .map(|(series, _)| series.runs(chart.from, chart.to, size.0))
        .collect();
    let extent =
        runs.iter()
            .flatten()
            .flatten()
            .fold(None, |extent: Option<(f64, f64)>, &(_, value)| {
                let (low, high) = extent.unwrap_or((value, value));
                Some((low.min(value), high.max(value)))
            });
    let rows = (size.1 / ROW).clamp(2, 8);
    let axis = match extent {
        Some((low, high)) => ValueAxis::new(low, high, rows, chart.from_zero),
        None => ValueAxis::new(0.0, 0.0, rows, true),
    };
    // Where there is nothing to measure, the scale has nothing to say.
    let labelled = extent.is_some() || chart.from_zero;
    let longest = axis
        .ticks
        .iter()
        .map(|tick| tick.label.chars().count())
        .max();
    let left = if labelled {
        longest.unwrap_or(0).max(4) as f64 * ADVANCE * FONT + 2.0 * PAD
    } else {
        2.0 * PAD
    };

    let seconds = chart.to.since(chart.from).as_secs_f64();
    let mut plot = ChartBuilder::on(root)
        .margin_left(units(left))
        .margin_right(units(RIGHT))
        .margin_top(units(TOP))
        .margin_bottom(units(BOTTOM))
        .build_cartesian_2d(0.0..seconds, axis.low..axis.high)?;

    let text_color = rgba(theme.text());
    let label = |h_pos, v_pos| {
        TextStyle::from((FontFamily::Monospace, FONT * f64::from(FINE)).into_font())
            .color(&text_color)
            .pos(Pos::new(h_pos, v_pos))
    };
    for (n, tick) in axis.ticks.iter().enumerate() {
        let color = if n == 0 { theme.axis() } else { theme.grid() };
        let line = [(0.0, tick.at), (seconds, tick.at)];
        plot.draw_series([PathElement::new(line, stroke(color, 1.0))])?;
        if labelled {
            let text = Text::new(
                tick.label.clone(),
                (-units(PAD), 0),
                label(HPos::Right, VPos::Center),
            );
            plot.draw_series([EmptyElement::at((0.0, tick.at)) + text])?;
        }
    }
    let width = f64::from(size.0) - left - RIGHT;
    let most = (width as u32 / COLUMN).max(1);
    for tick in time_ticks(
        chart.from.as_millis(),
        chart.to.as_millis(),
        chart.utc_offset_minutes,
        most,
    ) {
        let half = tick.label.chars().count() as f64 * ADVANCE * FONT / 2.0;
        let x = left + tick.at / seconds * width;
        if x - half < 0.0 || x + half > f64::from(size.0) {
            continue;
        }
        let text = Text::new(tick.label, (0, units(PAD)), label(HPos::Center, VPos::Top));
        plot.draw_series([EmptyElement::at((tick.at, axis.low)) + text])?;
    }

    for (runs, (series, color)) in runs.iter().zip(&chart.lines) {
        draw_line(
            &mut plot,
            runs,
            *color,
            chart.from_zero.then_some(axis.low.max(0.0)),
        )?;
        let newest = runs.last().and_then(|run| run.last());
        let is_newest = series
            .last()
            .is_some_and(|last| (chart.from..=chart.to).contains(&last.at));
        if let Some(&(x, value)) = newest.filter(|_| is_newest && chart.lines.len() <= NEWEST_LINES)
        {
            draw_dot(&mut plot, x, value, NEWEST_RADIUS, *color)?;
        }
    }
    if extent.is_none() {
        let text = Text::new(
            "no values in this time",
            (0, 0),
            label(HPos::Center, VPos::Center),
        );
        // Between two lines of the grid, not on one.
        let step = (axis.high - axis.low) / (axis.ticks.len() - 1) as f64;
        let row = axis.low + step * ((axis.ticks.len() / 2) as f64 - 0.5);
        let middle = (seconds / 2.0, row);
        plot.draw_series([EmptyElement::at(middle) + text])?;
    }
    Ok(())
}

/// A line, gaps left out; over an area down to `floor` where there is one.
fn draw_line(plot: &mut Plot<'_, '_>, runs: &[Run], color: Color, floor: Option<f64>) -> Drawn {
    for run in runs {
        if let [(x, value)] = run[..] {
            draw_dot(plot, x, value, LONE_RADIUS, color)?;
            continue;
        }
        let points = run.iter().map(|&(nanos, value)| (nanos / 1e9, value));
        if let Some(floor) = floor {
            plot.draw_series(AreaSeries::new(
                points.clone(),
                floor,
                rgba(color.faded(AREA)).filled(),
            ))?;
        }
        plot.draw_series(LineSeries::new(points, stroke(color, LINE_WIDTH)))?;
    }
    Ok(())
}

fn draw_dot(plot: &mut Plot<'_, '_>, nanos: f64, value: f64, radius: f64, color: Color) -> Drawn {
    let dot = Circle::new((nanos / 1e9, value), units(radius), rgba(color).filled());
    plot.draw_series([dot]).map(drop)
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
