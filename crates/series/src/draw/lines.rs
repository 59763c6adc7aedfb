//! Values over time: lines, steps, dots and bars.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use super::plane::{FONT, PAD, Plane, RIGHT, Words, rgba, seconds, stroke, width_of};
use super::{ChartDrawing, Drawn, Line, Picture, Root, Style, units};
use crate::axis::ValueAxis;
use crate::points::Run;
use crate::theme::Color;

const LINE_WIDTH: f64 = 1.75;
const AREA: f64 = 0.14;
/// A point that has no neighbour to be joined with, and one of a scatter plot.
const DOT: f64 = 1.75;
/// The newest point of a line.
const NEWEST_RADIUS: f64 = 2.75;
/// With more lines than this, the dots at their ends would be a crowd.
const NEWEST_LINES: usize = 8;
/// The widest bar.
const BAR: f64 = 22.0;

pub fn draw(
    chart: &ChartDrawing<'_>,
    style: Style,
    lines: &[Line<'_>],
    root: &Root<'_>,
    picture: &mut Picture,
) -> Drawn {
    let from_zero = chart.from_zero || style == Style::Bar;
    let mut runs: Vec<Vec<Run>> = lines
        .iter()
        .map(|line| line.series.runs(chart.from, chart.to, root.size.0))
        .collect();
    if chart.log {
        picture.not_positive = to_logarithms(&mut runs);
    }
    let thresholds: Vec<(f64, &str)> = chart
        .thresholds
        .iter()
        .filter(|threshold| !chart.log || threshold.value > 0.0)
        .map(|threshold| {
            let at = if chart.log {
                threshold.value.log10()
            } else {
                threshold.value
            };
            (at, threshold.label.as_str())
        })
        .collect();
    let drawn = runs.iter().flatten().flatten().map(|point| point.1);
    let empty = drawn.clone().next().is_none();
    let extent = drawn
        .chain(thresholds.iter().map(|threshold| threshold.0))
        .fold(None, |extent: Option<(f64, f64)>, value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
    let axis = match extent {
        Some((low, high)) if chart.log => {
            ValueAxis::log(10f64.powf(low), 10f64.powf(high), root.rows())
        }
        Some((low, high)) => ValueAxis::new(low, high, root.rows(), from_zero),
        None => ValueAxis::new(0.0, 0.0, root.rows(), true),
    };
    // Where there is nothing to measure, the scale has nothing to say.
    let labelled = extent.is_some() || (chart.from_zero && !chart.log);
    let left = if labelled {
        Root::label_width(&axis)
    } else {
        2.0 * PAD
    };
    picture.plot = Some(root.plot(left, axis.low, axis.high));

    let mut plane = root.plane(left, 0.0..seconds(chart), axis.low..axis.high)?;
    root.value_marks(&mut plane, &axis, labelled)?;
    root.marks_below(&mut plane, left, root.times(chart, left))?;
    for &(at, label) in &thresholds {
        draw_threshold(root, &mut plane, at, label)?;
    }

    let floor = if chart.log {
        axis.low
    } else {
        axis.low.max(0.0)
    };
    let width = f64::from(root.size.0) - left - RIGHT;
    for (n, (runs, line)) in runs.iter().zip(lines).enumerate() {
        match style {
            Style::Line | Style::Step => {
                let floor = chart.from_zero.then_some(floor);
                draw_line(&mut plane, runs, line.color, floor, style == Style::Step)?;
            }
            Style::Scatter => {
                for &(x, value) in runs.iter().flatten() {
                    draw_dot(&mut plane, x, value, DOT, line.color)?;
                }
                continue;
            }
            Style::Bar => {
                draw_bars(&mut plane, runs, line.color, floor, (n, lines.len()), width)?;
                continue;
            }
        }
        let newest = runs.last().and_then(|run| run.last());
        let is_newest = line
            .series
            .last()
            .is_some_and(|last| (chart.from..=chart.to).contains(&last.at));
        if let Some(&(x, value)) = newest.filter(|_| is_newest && lines.len() <= NEWEST_LINES) {
            draw_dot(&mut plane, x, value, NEWEST_RADIUS, line.color)?;
        }
    }
    if empty {
        root.nothing(left)?;
    }
    Ok(())
}

/// Puts the logarithm in place of each value. What is zero or less has none: it leaves a gap, and is counted.
fn to_logarithms(lines: &mut [Vec<Run>]) -> u64 {
    let mut without = 0;
    for runs in lines {
        let mut kept = Vec::new();
        for run in std::mem::take(runs) {
            let mut part = Run::new();
            for (x, value) in run {
                if value > 0.0 {
                    part.push((x, value.log10()));
                } else {
                    without += 1;
                    if !part.is_empty() {
                        kept.push(std::mem::take(&mut part));
                    }
                }
            }
            if !part.is_empty() {
                kept.push(part);
            }
        }
        *runs = kept;
    }
    without
}

fn draw_threshold(root: &Root<'_>, plane: &mut Plane<'_, '_>, at: f64, label: &str) -> Drawn {
    let color = root.theme.threshold();
    let x = plane.x_range();
    plane.draw_series([DashedPathElement::new(
        [(x.start, at), (x.end, at)],
        units(5.0),
        units(4.0),
        stroke(color, 1.0),
    )])?;
    if label.is_empty() {
        return Ok(());
    }
    let y = plane.y_range();
    let share = (y.end - at) / (y.end - y.start);
    let top = super::plane::TOP;
    let height = f64::from(root.size.1) - top - super::plane::BOTTOM;
    let line = top + share * height;
    // Above its line, or below where there is no room.
    let above = line - top > FONT + 4.0;
    let right = f64::from(root.size.0) - RIGHT;
    let text = super::plane::fitting(label, FONT, (right - 4.0).max(0.0));
    // A label that is read over lines needs a ground of its own.
    let width = width_of(&text, FONT);
    let ground = if above { line - FONT - 4.0 } else { line + 2.0 };
    root.block(
        (right - width - 4.0, ground),
        (width + 4.0, FONT + 3.0),
        root.theme.surface().faded(0.8),
    )?;
    root.words(&Words {
        text: &text,
        at: (right - 2.0, if above { line - 3.0 } else { line + 3.0 }),
        size: FONT,
        color,
        pos: (HPos::Right, if above { VPos::Bottom } else { VPos::Top }),
    })
}

/// A line, gaps left out; over an area down to `floor` where there is one.
fn draw_line(
    plane: &mut Plane<'_, '_>,
    runs: &[Run],
    color: Color,
    floor: Option<f64>,
    step: bool,
) -> Drawn {
    for run in runs {
        if let [(x, value)] = run[..] {
            draw_dot(plane, x, value, DOT, color)?;
            continue;
        }
        let points: Vec<(f64, f64)> = if step {
            stepped(run)
        } else {
            run.iter()
                .map(|&(nanos, value)| (nanos / 1e9, value))
                .collect()
        };
        if let Some(floor) = floor {
            plane.draw_series(AreaSeries::new(
                points.iter().copied(),
                floor,
                rgba(color.faded(AREA)).filled(),
            ))?;
        }
        plane.draw_series(LineSeries::new(points, stroke(color, LINE_WIDTH)))?;
    }
    Ok(())
}

/// Each value holds until the next point.
fn stepped(run: &Run) -> Vec<(f64, f64)> {
    let mut points = Vec::with_capacity(run.len() * 2);
    let mut held = None;
    for &(nanos, value) in run {
        let x = nanos / 1e9;
        points.extend(held.filter(|held| *held != value).map(|held| (x, held)));
        points.push((x, value));
        held = Some(value);
    }
    points
}

fn draw_bars(
    plane: &mut Plane<'_, '_>,
    runs: &[Run],
    color: Color,
    floor: f64,
    (n, of): (usize, usize),
    width: f64,
) -> Drawn {
    let x = plane.x_range();
    let a_second = width / (x.end - x.start).max(f64::MIN_POSITIVE);
    let points: Vec<(f64, f64)> = runs.iter().flatten().copied().collect();
    // As wide as the points are close.
    let closest = points
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0) / 1e9 * a_second)
        .filter(|apart| *apart > 0.0)
        .fold(f64::MAX, f64::min);
    let group = (closest * 0.8).clamp(1.0, BAR);
    let each = (group / of as f64).max(1.0);
    let shift = (n as f64 - of as f64 / 2.0) * each;
    let air = if each > 3.0 { 1.0 } else { 0.0 };
    let bars = points.iter().map(|&(nanos, value)| {
        let left = nanos / 1e9 + shift / a_second;
        let right = left + (each - air) / a_second;
        let corner = |at: f64| at.clamp(x.start, x.end);
        Rectangle::new(
            [(corner(left), value), (corner(right), floor)],
            rgba(color).filled(),
        )
    });
    plane.draw_series(bars).map(drop)
}

fn draw_dot(plane: &mut Plane<'_, '_>, nanos: f64, value: f64, radius: f64, color: Color) -> Drawn {
    let dot = Circle::new((nanos / 1e9, value), units(radius), rgba(color).filled());
    plane.draw_series([dot]).map(drop)
}
