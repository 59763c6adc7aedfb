//! A row for each line, its cells coloured by the mean of the values in their time.

use mqttwb_model::Timestamp;
use plotters::style::text_anchor::{HPos, VPos};

use super::plane::{BOTTOM, FONT, PAD, RIGHT, TOP, Words, fitting, offset, seconds, width_of};
use super::{ChartDrawing, Drawn, Line, Picture, Root};
use crate::axis::{Tick, magnitude};
use crate::points::Summary;
use crate::spot::Says;

/// A cell is this wide at least.
const CELL: f64 = 6.0;
/// A row is this high at least, and at most.
const ROW: (f64, f64) = (11.0, 46.0);
/// The key to the colours.
const KEY: f64 = 8.0;

/// The rows that find room, their height, and how wide their names are.
pub fn rows<'n>(
    root: &Root<'_>,
    names: impl ExactSizeIterator<Item = &'n str> + Clone,
) -> (usize, f64, f64) {
    let height = f64::from(root.size.1) - TOP - BOTTOM;
    let fit = ((height / ROW.0) as usize).max(1).min(names.len());
    let row = (height / fit.max(1) as f64).clamp(ROW.0.min(height), ROW.1);
    let widest = names
        .take(fit)
        .map(|name| width_of(name, FONT))
        .fold(0.0, f64::max);
    let left = (widest + 2.0 * PAD).min(f64::from(root.size.0) * 0.34);
    (fit, row, left)
}

/// The name of a row, left of it.
pub fn name(root: &Root<'_>, text: &str, left: f64, middle: f64) -> Drawn {
    root.words(&Words {
        text: &fitting(text, FONT, left - 2.0 * PAD),
        at: (left - PAD, middle),
        size: FONT,
        color: root.theme.text(),
        pos: (HPos::Right, VPos::Center),
    })
}

pub fn draw(
    chart: &ChartDrawing<'_>,
    lines: &[Line<'_>],
    root: &Root<'_>,
    picture: &mut Picture,
) -> Drawn {
    let (fit, row, left) = rows(root, lines.iter().map(|line| line.name));
    picture.hidden_rows = (lines.len() - fit) as u64;
    picture.plot = Some(root.plot(left, 0.0, 1.0));
    let (size, span) = (root.size, seconds(chart));
    let width = f64::from(size.0) - left - RIGHT;
    let columns = ((width / CELL) as usize).clamp(1, 240);
    let mut rows: Vec<Vec<Option<Summary>>> = Vec::with_capacity(fit);
    for line in &lines[..fit] {
        let mut cells: Vec<Option<Summary>> = vec![None; columns];
        for point in line.series.between(chart.from, chart.to) {
            let cell = (offset(chart, point.at) / span * columns as f64) as usize;
            match &mut cells[cell.min(columns - 1)] {
                Some(values) => values.add(point.value),
                empty => *empty = Some(Summary::of(point.value)),
            }
        }
        rows.push(cells);
    }
    let extent = rows
        .iter()
        .flatten()
        .flatten()
        .map(|values| values.mean)
        .fold(None, |extent: Option<(f64, f64)>, value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
    let key = extent.map(|(low, high)| Key::new(low, high, &chart.unit));
    {
        let taken = key.as_ref().map_or(0.0, |key| key.end + PAD);
        let begin = |tick: &Tick| left + tick.at / span * width - width_of(&tick.label, FONT) / 2.0;
        let mut marks = root.times(chart, left);
        marks.retain(|tick| begin(tick) >= taken);
        let mut plane = root.plane(left, 0.0..span, 0.0..1.0)?;
        root.marks_below(&mut plane, left, marks)?;
    }
    let (Some((low, high)), Some(key)) = (extent, key) else {
        return root.nothing(left);
    };
    let share = |value: f64| {
        if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        }
    };
    // Cells end on pixels: two that share one would leave a seam.
    let edge = |column: usize| left.round() + (width * column as f64 / columns as f64).round();
    let width_of_cell = (chart.to.0 - chart.from.0) as f64 / columns as f64;
    let time = |column: usize| Timestamp(chart.from.0 + (width_of_cell * column as f64) as u64);
    for (n, (line, cells)) in lines.iter().zip(&rows).enumerate() {
        let top = TOP + row * n as f64;
        name(root, line.name, left, top + row / 2.0)?;
        for (column, values) in cells.iter().enumerate() {
            if let &Some(values) = values {
                let (x, end) = (edge(column), edge(column + 1));
                let color = root.theme.heat(share(values.mean));
                root.block((x, top), (end - x, row - 1.0), color)?;
                root.offer((x, top), (end - x, row), || Says::Cell {
                    line: n,
                    from: time(column),
                    to: time(column + 1),
                    values,
                });
            }
        }
    }
    key.draw(root)
}

/// Says at the bottom left which colour is which value. The first times of the axis have no room beside it.
struct Key {
    low: String,
    high: String,
    /// Where the colours begin, in pixels.
    colors: f64,
    /// Where it ends.
    end: f64,
}

impl Key {
    /// Steps from the lowest colour to the highest, and how wide each is.
    const STEPS: u8 = 20;
    const STEP: f64 = 2.0;
    /// Between a text and the colours.
    const AIR: f64 = 4.0;

    fn new(low: f64, high: f64, unit: &str) -> Self {
        let (low, high) = (magnitude(low), magnitude(high));
        let high = if unit.is_empty() {
            high
        } else {
            format!("{high} {unit}")
        };
        let colors = (PAD + width_of(&low, FONT) + Self::AIR).round();
        let end = colors + f64::from(Self::STEPS) * Self::STEP + Self::AIR + width_of(&high, FONT);
        Self {
            low,
            high,
            colors,
            end,
        }
    }

    fn draw(&self, root: &Root<'_>) -> Drawn {
        let y = f64::from(root.size.1) - KEY - 4.0;
        for step in 0..Self::STEPS {
            let color = root
                .theme
                .heat(f64::from(step) / f64::from(Self::STEPS - 1));
            let x = self.colors + f64::from(step) * Self::STEP;
            root.block((x, y), (Self::STEP, KEY), color)?;
        }
        let after = self.colors + f64::from(Self::STEPS) * Self::STEP + Self::AIR;
        for (text, x) in [(&self.low, PAD), (&self.high, after)] {
            root.words(&Words {
                text,
                at: (x, y + KEY / 2.0),
                size: FONT,
                color: root.theme.text(),
                pos: (HPos::Left, VPos::Center),
            })?;
        }
        Ok(())
    }
}
