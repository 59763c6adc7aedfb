//! The last value of each line, and where it is between the lowest and the highest that was seen.

use plotters::style::text_anchor::{HPos, VPos};

use super::plane::{FONT, PAD, Words, fitting, width_of};
use super::{ChartDrawing, Drawn, Line, Picture, Root};
use crate::axis::magnitude;
use crate::points::Point;
use crate::spot::Says;

/// A tile is this wide and this high at least.
const TILE: (f64, f64) = (150.0, 74.0);
/// Around a tile's content.
const AIR: f64 = 12.0;

pub fn draw(
    chart: &ChartDrawing<'_>,
    lines: &[Line<'_>],
    root: &Root<'_>,
    picture: &mut Picture,
) -> Drawn {
    let filled: Vec<(usize, &Line<'_>, Point)> = lines
        .iter()
        .enumerate()
        .filter_map(|(index, line)| Some((index, line, line.series.last()?)))
        .collect();
    if filled.is_empty() {
        return root.nothing(0.0);
    }
    let (width, height) = (f64::from(root.size.0), f64::from(root.size.1));
    let across = ((width / TILE.0) as usize).max(1).min(filled.len());
    let down = ((height / TILE.1) as usize)
        .max(1)
        .min(filled.len().div_ceil(across));
    let room = across * down;
    picture.hidden_rows = filled.len().saturating_sub(room) as u64;
    let tile = (width / across as f64, height / down as f64);
    // All of them as large as the longest bears, so that they stand on one line.
    let shown = filled.iter().take(room);
    let longest = shown.map(|(.., point)| magnitude(point.value).chars().count());
    let longest = longest.max().unwrap_or(0) + chart.unit.chars().count() / 2 + 1;
    let size = (tile.1 * 0.34)
        .min((tile.0 - 2.0 * AIR) / longest as f64 / 0.62)
        .clamp(14.0, 44.0);
    for (n, (index, line, point)) in filled.into_iter().take(room).enumerate() {
        let at = ((n % across) as f64 * tile.0, (n / across) as f64 * tile.1);
        draw_tile(chart, line, root, at, tile, size)?;
        root.offer(at, tile, || Says::Last {
            line: index,
            point,
            values: line.series.summary(chart.from, chart.to),
        });
    }
    Ok(())
}

fn draw_tile(
    chart: &ChartDrawing<'_>,
    line: &Line<'_>,
    root: &Root<'_>,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    size: f64,
) -> Drawn {
    let theme = root.theme;
    let Some(last) = line.series.last() else {
        return Ok(());
    };
    let inside = width - 2.0 * AIR;
    let left = x + AIR;
    let value = magnitude(last.value);
    let middle = y + height / 2.0;
    let content = FONT + 6.0 + size + 10.0 + 4.0 + 6.0 + FONT;
    let top = middle - content / 2.0;
    root.words(&Words {
        text: &fitting(line.name, FONT, inside),
        at: (left, top),
        size: FONT,
        color: theme.text(),
        pos: (HPos::Left, VPos::Top),
    })?;
    let base = top + FONT + 6.0 + size;
    // Past a threshold the number is in its colour, and the mark on the scale says which.
    let over = chart
        .thresholds
        .iter()
        .any(|threshold| last.value >= threshold.value);
    root.words(&Words {
        text: &value,
        at: (left, base),
        size,
        color: if over {
            theme.threshold()
        } else {
            theme.strong()
        },
        pos: (HPos::Left, VPos::Bottom),
    })?;
    root.words(&Words {
        text: &chart.unit,
        at: (left + width_of(&value, size) + 6.0, base - size * 0.1),
        size: (size * 0.5).max(FONT),
        color: theme.text(),
        pos: (HPos::Left, VPos::Bottom),
    })?;
    let Some(summary) = line.series.summary(chart.from, chart.to) else {
        return root.words(&Words {
            text: "nothing came in this time",
            at: (left, base + 10.0),
            size: FONT,
            color: theme.text(),
            pos: (HPos::Left, VPos::Top),
        });
    };
    let marks = chart.thresholds.iter().map(|threshold| threshold.value);
    let low = marks.clone().fold(summary.min.min(last.value), f64::min);
    let high = marks.clone().fold(summary.max.max(last.value), f64::max);
    let place = |value: f64| {
        if high > low {
            (value - low) / (high - low) * inside
        } else {
            inside / 2.0
        }
    };
    let bar = base + 10.0;
    root.block((left, bar), (inside, 4.0), theme.grid())?;
    let (from, to) = (place(low.max(0.0).min(high)), place(last.value));
    root.block(
        (left + from.min(to), bar),
        ((to - from).abs().max(2.0), 4.0),
        line.color,
    )?;
    for mark in marks {
        root.block(
            (left + place(mark) - 0.75, bar - 2.0),
            (1.5, 8.0),
            theme.threshold(),
        )?;
    }
    let (low, high) = (magnitude(low), magnitude(high));
    for (text, at, pos) in [
        (&low, left, HPos::Left),
        (&high, left + inside, HPos::Right),
    ] {
        root.words(&Words {
            text,
            at: (at, bar + PAD + 2.0),
            size: FONT,
            color: theme.text(),
            pos: (pos, VPos::Top),
        })?;
    }
    Ok(())
}
