//! A picture as a list of strokes, which a canvas repeats.
//!
//! Duty: take what plotters draws, in fine integer units, and write it down in CSS pixels.
//! Not here: what is drawn (`draw`). Nothing is rasterised, so no font is needed but the widths of one.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use crate::theme::Color;

/// Units of plotters in a CSS pixel: it counts in whole numbers, which alone would make lines tremble.
pub(crate) const FINE: i32 = 16;

/// Width of a character in the fixed-width font of the labels, as a share of its size (JetBrains Mono: 600 of 1,000).
pub(crate) const ADVANCE: f64 = 0.6;

/// One stroke, in CSS pixels from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub enum DrawOp {
    /// A line through points: `x0, y0, x1, y1, …`.
    Path {
        /// Coordinates.
        points: Vec<f32>,
        /// Colour.
        color: Color,
        /// Width.
        width: f32,
    },
    /// A filled polygon.
    Fill {
        /// Coordinates.
        points: Vec<f32>,
        /// Colour.
        color: Color,
    },
    /// A rectangle.
    Rect {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// Width.
        w: f32,
        /// Height.
        h: f32,
        /// Colour.
        color: Color,
        /// Filled, or only its outline.
        fill: bool,
    },
    /// A circle.
    Circle {
        /// Centre.
        x: f32,
        /// Centre.
        y: f32,
        /// Radius.
        r: f32,
        /// Colour.
        color: Color,
        /// Filled, or only its outline.
        fill: bool,
    },
    /// A text, in the fixed-width font.
    Text {
        /// Anchor.
        x: f32,
        /// Anchor.
        y: f32,
        /// What it says.
        text: String,
        /// Font size.
        size: f32,
        /// Colour.
        color: Color,
        /// Where the text is of its anchor.
        align: Align,
        /// Where the text is of its anchor.
        baseline: Baseline,
    },
}

impl DrawOp {
    /// The same stroke, so many pixels lower.
    #[must_use]
    pub(crate) fn lower(mut self, by: f32) -> Self {
        match &mut self {
            Self::Path { points, .. } | Self::Fill { points, .. } => {
                points.iter_mut().skip(1).step_by(2).for_each(|y| *y += by);
            }
            Self::Rect { y, .. } | Self::Circle { y, .. } | Self::Text { y, .. } => *y += by,
        }
        self
    }
}

/// Where a text is of its anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// Where a text is of its anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Baseline {
    Top,
    Middle,
    Bottom,
}

impl Baseline {
    /// How far below the anchor the letters stand, in a font of this size.
    pub(crate) fn below(self, size: f32) -> f32 {
        size * match self {
            Self::Top => 0.8,
            // Half the height of a digit.
            Self::Middle => 0.36,
            Self::Bottom => -0.2,
        }
    }
}

/// Writes strokes down. Size and coordinates that plotters sees are [`FINE`] times the CSS pixels.
pub(crate) struct Strokes<'a> {
    pub size: (u32, u32),
    pub ops: &'a mut Vec<DrawOp>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn px(units: i32) -> f32 {
    units as f32 / FINE as f32
}

fn color(color: BackendColor) -> Color {
    Color {
        rgb: color.rgb,
        alpha: color.alpha,
    }
}

/// A line one pixel wide is sharp where it runs through the middle of pixels.
fn snap(units: i32) -> f32 {
    px(units).floor() + 0.5
}

impl DrawingBackend for Strokes<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.size.0 * FINE as u32, self.size.1 * FINE as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, c: BackendColor) -> Drawn {
        let side = 1.0 / FINE as f32;
        self.ops.push(DrawOp::Rect {
            x: px(x),
            y: px(y),
            w: side,
            h: side,
            color: color(c),
            fill: true,
        });
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.ops.push(DrawOp::Rect {
            x: px(left),
            y: px(top),
            w: px(right - left),
            h: px(bottom - top),
            color: color(style.color()),
            fill,
        });
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let coords: Vec<BackendCoord> = path.into_iter().collect();
        let width = px(style.stroke_width() as i32);
        let points = match coords[..] {
            [(x0, y0), (x1, y1)] if width == 1.0 && y0 == y1 => {
                vec![px(x0), snap(y0), px(x1), snap(y1)]
            }
            [(x0, y0), (x1, y1)] if width == 1.0 && x0 == x1 => {
                vec![snap(x0), px(y0), snap(x1), px(y1)]
            }
            _ => flat(coords),
        };
        self.ops.push(DrawOp::Path {
            points,
            color: color(style.color()),
            width,
        });
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.ops.push(DrawOp::Circle {
            x: px(x),
            y: px(y),
            r: px(radius as i32),
            color: color(style.color()),
            fill,
        });
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        self.ops.push(DrawOp::Fill {
            points: flat(vert),
            color: color(style.color()),
        });
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let anchor = style.anchor();
        self.ops.push(DrawOp::Text {
            x: px(x),
            y: px(y),
            text: text.into(),
            size: style.size() as f32 / FINE as f32,
            color: color(style.color()),
            align: match anchor.h_pos {
                HPos::Left => Align::Left,
                HPos::Center => Align::Center,
                HPos::Right => Align::Right,
            },
            baseline: match anchor.v_pos {
                VPos::Top => Baseline::Top,
                VPos::Center => Baseline::Middle,
                VPos::Bottom => Baseline::Bottom,
            },
        });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = text.chars().count() as f64 * ADVANCE * style.size();
        Ok((width.ceil() as u32, style.size().ceil() as u32))
    }
}

/// Coordinates side by side.
fn flat(coords: impl IntoIterator<Item = BackendCoord>) -> Vec<f32> {
    coords
        .into_iter()
        .flat_map(|(x, y)| [px(x), px(y)])
        .collect()
}
