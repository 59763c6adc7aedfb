//! Strokes as pixels, by plotters' bitmap backend.
//!
//! It draws three times as large as asked for and takes the mean: its own lines have rough edges. Texts are set here, since
//! plotters forgets the space before a character, in a font that is shipped with this crate: so a picture is the same on
//! every computer. The font has what is written with Latin, Greek and Cyrillic letters, and the signs of mathematics and of
//! units. Of others a box is drawn, and they are named: an SVG is set by who opens it.

use ab_glyph::{Font as _, FontRef, point};
use plotters::prelude::*;
use plotters::style::Color as _;

use crate::strokes::{ADVANCE, Align, DrawOp};
use crate::theme::Color;

/// Pixels drawn in each direction for one that is kept.
const OVER: u32 = 3;
/// Larger pictures are refused: 36 times as many bytes are needed while one is drawn.
pub const MOST_PIXELS: u64 = 16_000_000;
const FONT: &[u8] = include_bytes!("../font/JetBrainsMono.ttf");

/// A picture in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// The PNG file.
    pub file: Vec<u8>,
    /// The characters that the font does not have, each of them once: a box stands in the place of each.
    pub not_drawn: String,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// It would be too large, or has no pixels.
    #[error(
        "a picture of {0} × {1} pixels can't be made: from 1 to {MOST_PIXELS} pixels are possible"
    )]
    Size(u32, u32),
    /// plotters could not draw.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
    /// It could not be packed.
    #[error("the picture could not be written: {0}")]
    Encoding(#[from] png::EncodingError),
}

/// The picture as a PNG file. `scale` is how many pixels a CSS pixel has.
pub fn png(ops: &[DrawOp], size: (u32, u32), scale: f32) -> Result<Png, PngError> {
    let font = font()?;
    let (width, height, pixels) = pixels(ops, size, scale, &font)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(Png {
        file,
        not_drawn: not_drawn(ops, &font),
    })
}

fn font() -> Result<FontRef<'static>, PngError> {
    FontRef::try_from_slice(FONT).map_err(|error| PngError::Drawing(error.to_string()))
}

/// The characters in texts that the font does not have, in the order that they come in.
fn not_drawn(ops: &[DrawOp], font: &FontRef<'_>) -> String {
    let mut missing = String::new();
    for op in ops {
        let DrawOp::Text { text, .. } = op else {
            continue;
        };
        for c in text.chars() {
            if is_missing(font, c) && !missing.contains(c) {
                missing.push(c);
            }
        }
    }
    missing
}

/// Whether a box stands for it. A space of another width is a space.
fn is_missing(font: &FontRef<'_>, c: char) -> bool {
    font.glyph_id(c).0 == 0 && !c.is_whitespace()
}

/// The picture as rows of red, green and blue, and its size.
fn pixels(
    ops: &[DrawOp],
    size: (u32, u32),
    scale: f32,
    font: &FontRef<'_>,
) -> Result<(u32, u32, Vec<u8>), PngError> {
    let scaled = |px: u32| (px as f32 * scale).round() as u32;
    let (width, height) = (scaled(size.0), scaled(size.1));
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(PngError::Size(width, height));
    }
    let failed = |error: &dyn std::fmt::Display| PngError::Drawing(error.to_string());
    let (over_width, over_height) = (width * OVER, height * OVER);
    let mut large = vec![0; over_width as usize * over_height as usize * 3];
    let scale = scale * OVER as f32;
    {
        let root =
            BitMapBackend::with_buffer(&mut large, (over_width, over_height)).into_drawing_area();
        for op in ops {
            draw(&root, op, scale).map_err(|error| failed(&error))?;
        }
        root.present().map_err(|error| failed(&error))?;
    }
    for op in ops {
        text(&mut large, over_width, font, op, scale);
    }
    Ok((width, height, smaller(&large, width, height)))
}

type Root<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

fn draw(
    root: &Root<'_>,
    op: &DrawOp,
    scale: f32,
) -> Result<(), DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>> {
    let at = |x: f32, y: f32| ((x * scale).round() as i32, (y * scale).round() as i32);
    let line = |color: Color, width: f32| {
        rgba(color).stroke_width(((width * scale).round() as u32).max(1))
    };
    let shape = |color: Color, fill: bool| match fill {
        true => rgba(color).filled(),
        false => line(color, 1.0),
    };
    let path = |points: &[f32]| -> Vec<(i32, i32)> {
        points.chunks_exact(2).map(|xy| at(xy[0], xy[1])).collect()
    };
    match op {
        DrawOp::Path {
            points,
            color,
            width,
        } => root.draw(&PathElement::new(path(points), line(*color, *width))),
        DrawOp::Fill { points, color } => {
            root.draw(&Polygon::new(path(points), rgba(*color).filled()))
        }
        DrawOp::Rect {
            x,
            y,
            w,
            h,
            color,
            fill,
        } => {
            let corners = [at(*x, *y), at(x + w, y + h)];
            root.draw(&Rectangle::new(corners, shape(*color, *fill)))
        }
        DrawOp::Circle {
            x,
            y,
            r,
            color,
            fill,
        } => {
            let radius = (r * scale).round() as i32;
            root.draw(&Circle::new(at(*x, *y), radius, shape(*color, *fill)))
        }
        // Set afterwards, by `text`.
        DrawOp::Text { .. } => Ok(()),
    }
}

/// Sets a text, character by character, each as far from the one before as the font says.
fn text(large: &mut [u8], width: u32, font: &FontRef<'_>, op: &DrawOp, scale: f32) {
    let DrawOp::Text {
        x,
        y,
        text,
        size,
        color,
        align,
        baseline,
    } = op
    else {
        return;
    };
    let px = size * scale;
    // An accent by itself stands on the letter before it, and takes no width.
    let advance = |c: char| {
        let takes_width = font.h_advance_unscaled(font.glyph_id(c)) > 0.0;
        if takes_width {
            px * ADVANCE as f32
        } else {
            0.0
        }
    };
    let length: f32 = text.chars().map(advance).sum();
    let start = x * scale
        - match align {
            Align::Left => 0.0,
            Align::Center => length / 2.0,
            Align::Right => length,
        };
    let line = y * scale + baseline.below(px);
    // The font counts its scale from the highest ascender to the lowest descender.
    let em = px * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
    let mut pen = start;
    for c in text.chars() {
        let at = point(pen, line);
        pen += advance(c);
        if font.glyph_id(c).0 == 0 && c.is_whitespace() {
            continue;
        }
        let glyph = font.glyph_id(c).with_scale_and_position(em, at);
        let Some(outline) = font.outline_glyph(glyph) else {
            continue; // a space
        };
        let bounds = outline.px_bounds();
        outline.draw(|x, y, covered| {
            let (x, y) = (
                bounds.min.x as i64 + i64::from(x),
                bounds.min.y as i64 + i64::from(y),
            );
            if x < 0 || y < 0 || x >= i64::from(width) {
                return;
            }
            let place = (y as usize * width as usize + x as usize) * 3;
            let share = f64::from(covered.min(1.0)) * color.alpha;
            let (r, g, b) = color.rgb;
            for (is, shall) in large.iter_mut().skip(place).take(3).zip([r, g, b]) {
                *is = (f64::from(*is) + (f64::from(shall) - f64::from(*is)) * share).round() as u8;
            }
        });
    }
}

fn rgba(color: Color) -> RGBAColor {
    let (r, g, b) = color.rgb;
    RGBAColor(r, g, b, color.alpha)
}

/// The mean of each square of pixels.
fn smaller(large: &[u8], width: u32, height: u32) -> Vec<u8> {
    let (width, height, over) = (width as usize, height as usize, OVER as usize);
    let row = width * over * 3;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let mut sum = 0u32;
                for dy in 0..over {
                    let start = (y * over + dy) * row + x * over * 3 + channel;
                    sum += (0..over)
                        .map(|dx| u32::from(large[start + dx * 3]))
                        .sum::<u32>();
                }
                pixels.push((sum / (OVER * OVER)) as u8);
            }
        }
    }
    pixels
}
