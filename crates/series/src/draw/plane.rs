//! What every kind of chart is drawn on: a root, a plane between two axes, their marks, and texts.

use std::cell::RefCell;

use mqttwb_model::Timestamp;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{ChartDrawing, Plot};
use crate::axis::{Tick, ValueAxis, time_ticks};
use crate::spot::{Says, Search};
use crate::strokes::{ADVANCE, FINE, Strokes};
use crate::theme::{Color, Theme};

/// Font size of labels.
pub const FONT: f64 = 10.5;
/// Between labels and what they stand at.
pub const PAD: f64 = 8.0;
/// Above the plot: half a label, and air.
pub const TOP: f64 = 10.0;
/// Right of the plot.
pub const RIGHT: f64 = 14.0;
/// Below the plot: the labels of the axis.
pub const BOTTOM: f64 = 24.0;
/// Between two lines of the grid at least.
const ROW: u32 = 36;
/// Between two marks of the time axis at least.
const COLUMN: u32 = 84;

pub type Drawn = Result<(), DrawingAreaErrorKind<std::convert::Infallible>>;
pub type Plane<'a, 'b> = ChartContext<'a, Strokes<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The whole picture.
pub struct Root<'b> {
    pub area: DrawingArea<Strokes<'b>, Shift>,
    pub size: (u32, u32),
    pub theme: Theme,
    /// Looks for what somebody points at.
    pub search: RefCell<Search>,
}

pub fn units(px: f64) -> i32 {
    (px * f64::from(FINE)).round() as i32
}

pub fn rgba(color: Color) -> RGBAColor {
    let (r, g, b) = color.rgb;
    RGBAColor(r, g, b, color.alpha)
}

pub fn stroke(color: Color, width: f64) -> ShapeStyle {
    rgba(color).stroke_width(units(width) as u32)
}

/// How wide a text is, in pixels.
pub fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * ADVANCE * size
}

/// As much of a text as fits into so many pixels, its end where a topic says the most, with an ellipsis.
pub fn fitting(text: &str, size: f64, px: f64) -> String {
    let most = (px / (ADVANCE * size)).max(0.0) as usize;
    let length = text.chars().count();
    if length <= most {
        return text.into();
    }
    if most < 2 {
        return String::new();
    }
    let tail: String = text.chars().skip(length - (most - 1)).collect();
    format!("…{tail}")
}

/// A text at a place in pixels.
pub struct Words<'t> {
    pub text: &'t str,
    pub at: (f64, f64),
    pub size: f64,
    pub color: Color,
    pub pos: (HPos, VPos),
}

impl<'b> Root<'b> {
    /// How many lines a value axis may have.
    pub fn rows(&self) -> u32 {
        (self.size.1 / ROW).clamp(2, 8)
    }

    /// Width that the labels of an axis take, with air on both sides.
    pub fn label_width(axis: &ValueAxis) -> f64 {
        let lengths = axis.ticks.iter().map(|tick| tick.label.chars().count());
        lengths.max().unwrap_or(0).max(4) as f64 * ADVANCE * FONT + 2.0 * PAD
    }

    /// A plane from `left` pixels on, whose x goes over a range and whose y over another.
    pub fn plane(
        &self,
        left: f64,
        x: std::ops::Range<f64>,
        y: std::ops::Range<f64>,
    ) -> Result<Plane<'_, 'b>, DrawingAreaErrorKind<std::convert::Infallible>> {
        ChartBuilder::on(&self.area)
            .margin_left(units(left))
            .margin_right(units(RIGHT))
            .margin_top(units(TOP))
            .margin_bottom(units(BOTTOM))
            .build_cartesian_2d(x, y)
    }

    /// Where that plane is.
    pub fn plot(&self, left: f64, low: f64, high: f64) -> Plot {
        Plot {
            left: left as f32,
            top: TOP as f32,
            right: (f64::from(self.size.0) - RIGHT) as f32,
            bottom: (f64::from(self.size.1) - BOTTOM) as f32,
            low,
            high,
        }
    }

    /// A text in pixels, wherever the axes are.
    pub fn words(&self, words: &Words<'_>) -> Drawn {
        let style = text_style(words.size, words.color, words.pos);
        let at = (units(words.at.0), units(words.at.1));
        self.area.draw(&Text::new(words.text.to_owned(), at, style))
    }

    /// A filled rectangle in pixels.
    pub fn block(&self, (x, y): (f64, f64), (w, h): (f64, f64), color: Color) -> Drawn {
        let corners = [(units(x), units(y)), (units(x + w), units(y + h))];
        self.area
            .draw(&Rectangle::new(corners, rgba(color).filled()))
    }

    /// Says that something of this size is drawn here, for who points at it.
    pub fn offer(&self, at: (f64, f64), size: (f64, f64), says: impl FnOnce() -> Says) {
        self.search.borrow_mut().offer(at, size, says);
    }

    /// Says in the middle that there is nothing to draw.
    pub fn nothing(&self, left: f64) -> Drawn {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        // Off the middle, where a line of the grid is likely to be.
        self.words(&Words {
            text: "no values in this time",
            at: (
                (left + width - RIGHT) / 2.0,
                (TOP + height - BOTTOM) / 2.0 + 9.0,
            ),
            size: FONT,
            color: self.theme.text(),
            pos: (HPos::Center, VPos::Center),
        })
    }

    /// The lines of the grid with what they say.
    pub fn value_marks(
        &self,
        plane: &mut Plane<'_, 'b>,
        axis: &ValueAxis,
        labelled: bool,
    ) -> Drawn {
        let x = plane.x_range();
        for tick in &axis.ticks {
            let color = if tick.at == axis.low {
                self.theme.axis()
            } else {
                self.theme.grid()
            };
            let line = [(x.start, tick.at), (x.end, tick.at)];
            plane.draw_series([PathElement::new(line, stroke(color, 1.0))])?;
            if labelled {
                let style = text_style(FONT, self.theme.text(), (HPos::Right, VPos::Center));
                let text = Text::new(tick.label.clone(), (-units(PAD), 0), style);
                plane.draw_series([EmptyElement::at((x.start, tick.at)) + text])?;
            }
        }
        Ok(())
    }

    /// The marks below the plane. `marks` stand at values of its x.
    pub fn marks_below(&self, plane: &mut Plane<'_, 'b>, left: f64, marks: Vec<Tick>) -> Drawn {
        let (x, y) = (plane.x_range(), plane.y_range());
        let width = f64::from(self.size.0) - left - RIGHT;
        for tick in marks {
            let half = width_of(&tick.label, FONT) / 2.0;
            let at = left + (tick.at - x.start) / (x.end - x.start) * width;
            if at - half < 0.0 || at + half > f64::from(self.size.0) {
                continue;
            }
            let style = text_style(FONT, self.theme.text(), (HPos::Center, VPos::Top));
            let text = Text::new(tick.label, (0, units(PAD)), style);
            plane.draw_series([EmptyElement::at((tick.at, y.start)) + text])?;
        }
        Ok(())
    }

    /// Marks of a chart's time, at seconds since its left edge.
    pub fn times(&self, chart: &ChartDrawing<'_>, left: f64) -> Vec<Tick> {
        let width = f64::from(self.size.0) - left - RIGHT;
        let most = (width.max(0.0) as u32 / COLUMN).max(1);
        time_ticks(
            chart.from.as_millis(),
            chart.to.as_millis(),
            chart.utc_offset_minutes,
            most,
        )
    }
}

pub fn text_style(size: f64, color: Color, (h, v): (HPos, VPos)) -> TextStyle<'static> {
    let font = (FontFamily::Monospace, size * f64::from(FINE)).into_font();
    let mut style = TextStyle::from(font).pos(Pos::new(h, v));
    style.color = rgba(color).to_backend_color();
    style
}

/// Seconds from the left edge of a chart to its right one.
pub fn seconds(chart: &ChartDrawing<'_>) -> f64 {
    chart.to.since(chart.from).as_secs_f64()
}

/// Seconds from the left edge to a time.
pub fn offset(chart: &ChartDrawing<'_>, at: Timestamp) -> f64 {
    at.since(chart.from).as_secs_f64()
}
