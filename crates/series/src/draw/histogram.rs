//! How often which value came.

use plotters::prelude::*;
use plotters::style::Color as _;

use super::plane::{BOTTOM, FONT, RIGHT, TOP, rgba, width_of};
use super::{ChartDrawing, Drawn, Line, Picture, Root};
use crate::axis::{Tick, ValueAxis, magnitude};
use crate::spot::Says;
use crate::theme::Color;

/// A bar is this wide at least.
const BAR: f64 = 9.0;
/// Bars at most.
const BARS: u32 = 60;

/// Of the points of lines, each with its share of a bar.
pub fn of_values(
    chart: &ChartDrawing<'_>,
    lines: &[Line<'_>],
    root: &Root<'_>,
    picture: &mut Picture,
) -> Drawn {
    let values: Vec<Vec<f64>> = lines
        .iter()
        .map(|line| {
            let points = line.series.between(chart.from, chart.to);
            let values = points.map(|point| point.value);
            if !chart.log {
                return values.collect();
            }
            let (positive, without): (Vec<f64>, Vec<f64>) = values.partition(|value| *value > 0.0);
            picture.not_positive += without.len() as u64;
            positive.into_iter().map(f64::log10).collect()
        })
        .collect();
    let extent = values
        .iter()
        .flatten()
        .fold(None, |extent: Option<(f64, f64)>, &value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
    let Some((low, high)) = extent else {
        return root.nothing(0.0);
    };
    let bars = (f64::from(root.size.0) / BAR) as u32;
    let axis = ValueAxis::new(low, high, bars.clamp(4, BARS), false);
    let bins = axis.ticks.len() - 1;
    let step = (axis.high - axis.low) / bins as f64;
    let mut counts: Vec<Vec<u64>> = vec![vec![0; bins]; lines.len()];
    for (counts, values) in counts.iter_mut().zip(&values) {
        for value in values {
            // A value on an edge, but for what binary fractions lose, belongs to the class above it.
            let bin = ((value - axis.low) / step + 1e-9) as usize;
            counts[bin.min(bins - 1)] += 1;
        }
    }
    let edges: Vec<f64> = (0..=bins).map(|bin| axis.low + step * bin as f64).collect();
    // Every label of so many marks would be a crowd: as many as have room.
    let marks = if chart.log {
        let said = |tick: Tick| Tick {
            label: magnitude(10f64.powf(tick.at)),
            ..tick
        };
        axis.ticks.into_iter().map(said).collect()
    } else {
        axis.ticks
    };
    let colors: Vec<Color> = lines.iter().map(|line| line.color).collect();
    let ends = ends(&edges, chart.log);
    bars_over(chart, root, &edges, &ends, &counts, &colors, marks)
}

/// Of classes that were counted already. They stand on a logarithmic axis.
pub fn of_classes(
    chart: &ChartDrawing<'_>,
    classes: &[(f64, f64, u64)],
    color: Color,
    root: &Root<'_>,
) -> Drawn {
    let Some(last) = classes.last() else {
        return root.nothing(0.0);
    };
    let edges: Vec<f64> = classes
        .iter()
        .map(|class| class.0)
        .chain([last.1])
        .map(f64::log10)
        .collect();
    let counts = vec![classes.iter().map(|class| class.2).collect()];
    let low = edges.first().copied().unwrap_or_default();
    let high = edges.last().copied().unwrap_or_default();
    let axis = ValueAxis::log(classes[0].0, last.1, 16);
    let marks = axis
        .ticks
        .into_iter()
        .filter(|tick| (low - 1e-9..=high + 1e-9).contains(&tick.at))
        .collect();
    let ends: Vec<f64> = classes.iter().map(|c| c.0).chain([last.1]).collect();
    bars_over(chart, root, &edges, &ends, &counts, &[color], marks)
}

/// The values that edges on the axis stand for.
fn ends(edges: &[f64], log: bool) -> Vec<f64> {
    let value = |edge: &f64| if log { 10f64.powf(*edge) } else { *edge };
    edges.iter().map(value).collect()
}

/// Bars between edges, which stand for `ends`, one part above the other.
fn bars_over(
    chart: &ChartDrawing<'_>,
    root: &Root<'_>,
    edges: &[f64],
    ends: &[f64],
    counts: &[Vec<u64>],
    colors: &[Color],
    marks: Vec<Tick>,
) -> Drawn {
    let bins = edges.len() - 1;
    let sum = |bin: usize| counts.iter().map(|counts| counts[bin]).sum::<u64>();
    let most = (0..bins).map(sum).max().unwrap_or_default();
    let axis = ValueAxis::new(0.0, most as f64, root.rows(), true);
    let left = Root::label_width(&axis);
    let mut plane = root.plane(left, edges[0]..edges[bins], axis.low..axis.high)?;
    root.value_marks(&mut plane, &axis, true)?;
    let width = f64::from(root.size.0) - left - RIGHT;
    let longest = marks
        .iter()
        .map(|mark| width_of(&mark.label, FONT))
        .fold(0.0, f64::max);
    let room = (width / (longest + 14.0)).max(1.0) as usize;
    let every = marks.len().div_ceil(room).max(1);
    let mut marks: Vec<Tick> = marks.into_iter().step_by(every).collect();
    if let Some(last) = marks.last_mut().filter(|_| !chart.unit.is_empty()) {
        last.label = format!("{} {}", last.label, chart.unit);
    }
    root.marks_below(&mut plane, left, marks)?;
    let (total, mut up_to) = ((0..bins).map(sum).sum(), 0);
    let place = |edge: f64| left + (edge - edges[0]) / (edges[bins] - edges[0]) * width;
    let height = f64::from(root.size.1) - TOP - BOTTOM;
    for bin in 0..bins {
        up_to += sum(bin);
        let (x, end) = (place(edges[bin]), place(edges[bin + 1]));
        // Above a low bar is as good as on it.
        root.offer((x, TOP), (end - x, height), || Says::Class {
            low: ends[bin],
            high: ends[bin + 1],
            counts: counts.iter().map(|counts| counts[bin]).collect(),
            up_to,
            total,
        });
    }
    let a_pixel = (edges[bins] - edges[0]) / width;
    for bin in 0..bins {
        let mut floor = 0.0;
        for (counts, color) in counts.iter().zip(colors) {
            let top = floor + counts[bin] as f64;
            if counts[bin] > 0 {
                let corners = [
                    (edges[bin] + a_pixel / 2.0, top),
                    (edges[bin + 1] - a_pixel / 2.0, floor),
                ];
                plane.draw_series([Rectangle::new(corners, rgba(*color).filled())])?;
            }
            floor = top;
        }
    }
    Ok(())
}
