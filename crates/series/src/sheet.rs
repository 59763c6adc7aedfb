//! A chart by itself: with a title, a legend and a ground, as it stands in a file.
//!
//! Duty: put title and legend around the strokes of a chart.
//! Not here: writing files of it (`svg`, `png`).

use crate::draw::{ChartDrawing, Picture, draw};
use crate::strokes::{ADVANCE, Align, Baseline, DrawOp};
use crate::theme::{Color, Theme};

/// Around everything.
const AIR: f32 = 16.0;
const TITLE: f32 = 15.0;
const TEXT: f32 = 11.0;
const ROW: f32 = 17.0;
/// Rows of a legend at most; as much of the picture belongs to the chart.
const LEGEND: f32 = 0.35;

/// A row of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct LegendRow {
    /// The colour in the picture.
    pub color: Color,
    /// What it is.
    pub text: String,
}

/// A chart with its title, a line below it, and its legend, on the theme's ground.
pub fn sheet(
    title: &str,
    about: &str,
    legend: &[LegendRow],
    chart: &ChartDrawing<'_>,
    (width, height): (u32, u32),
    theme: Theme,
) -> Vec<DrawOp> {
    let (w, h) = (width as f32, height as f32);
    let mut ops = vec![DrawOp::Rect {
        x: 0.0,
        y: 0.0,
        w,
        h,
        color: theme.surface(),
        fill: true,
    }];
    let fit = |text: &str, size: f32, room: f32| -> String {
        let most = (f64::from(room) / (ADVANCE * f64::from(size))) as usize;
        if text.chars().count() <= most {
            return text.into();
        }
        text.chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect()
    };
    let mut text = |text: String, x: f32, y: f32, size: f32, color: Color| {
        ops.push(DrawOp::Text {
            x,
            y,
            text,
            size,
            color,
            align: Align::Left,
            baseline: Baseline::Top,
        });
    };
    let room = w - 2.0 * AIR;
    text(fit(title, TITLE, room), AIR, AIR, TITLE, theme.strong());
    text(
        fit(about, TEXT, room),
        AIR,
        AIR + TITLE + 5.0,
        TEXT,
        theme.text(),
    );
    let top = AIR + TITLE + 5.0 + TEXT + 10.0;
    let rows = ((h * LEGEND / ROW) as usize).min(legend.len());
    // The last row says what has no room.
    let shown = if rows < legend.len() {
        rows.saturating_sub(1)
    } else {
        rows
    };
    let bottom = h - AIR - ROW * rows as f32;
    for (n, row) in legend[..shown].iter().enumerate() {
        let y = bottom + ROW * n as f32 + 4.0;
        text(
            fit(&row.text, TEXT, room - 18.0),
            AIR + 18.0,
            y,
            TEXT,
            theme.text(),
        );
    }
    if shown < rows {
        let y = bottom + ROW * shown as f32 + 4.0;
        let more = format!("and {} more", legend.len() - shown);
        text(more, AIR + 18.0, y, TEXT, theme.text());
    }
    for (n, row) in legend[..shown].iter().enumerate() {
        ops.push(DrawOp::Rect {
            x: AIR,
            y: bottom + ROW * n as f32 + 8.0,
            w: 11.0,
            h: 3.0,
            color: row.color,
            fill: true,
        });
    }
    let size = (width, (bottom - top).max(0.0) as u32);
    let Picture { ops: drawn, .. } = draw(chart, size, theme);
    ops.extend(drawn.into_iter().map(|op| op.lower(top)));
    ops
}
