//! Strokes as SVG.
//!
//! plotters has an SVG backend, but it counts in whole pixels, which makes thin lines tremble: the strokes know fractions.

use std::fmt::Write as _;

use crate::strokes::{Align, DrawOp};
use crate::theme::Color;

/// The picture as one `<svg>` element of so many CSS pixels, without a header, so that it can stand in HTML too.
pub fn svg(ops: &[DrawOp], (width, height): (u32, u32), title: &str) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"JetBrains Mono, ui-monospace, monospace\">\n<title>{}</title>\n",
        escaped(title)
    );
    for op in ops {
        // Writing into a String can't fail.
        let _ = stroke(&mut out, op);
    }
    out.push_str("</svg>\n");
    out
}

fn stroke(out: &mut String, op: &DrawOp) -> std::fmt::Result {
    match op {
        DrawOp::Path {
            points,
            color,
            width,
        } => {
            out.push_str("<polyline fill=\"none\" stroke-linejoin=\"round\"");
            paint(out, "stroke", *color)?;
            write!(out, " stroke-width=\"{width}\" points=\"")?;
            coordinates(out, points)?;
            writeln!(out, "\"/>")
        }
        DrawOp::Fill { points, color } => {
            out.push_str("<polygon");
            paint(out, "fill", *color)?;
            out.push_str(" points=\"");
            coordinates(out, points)?;
            writeln!(out, "\"/>")
        }
        DrawOp::Rect {
            x,
            y,
            w,
            h,
            color,
            fill,
        } => {
            write!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\""
            )?;
            filled(out, *color, *fill)
        }
        DrawOp::Circle {
            x,
            y,
            r,
            color,
            fill,
        } => {
            write!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"")?;
            filled(out, *color, *fill)
        }
        DrawOp::Text {
            x,
            y,
            text,
            size,
            color,
            align,
            baseline,
        } => {
            let anchor = match align {
                Align::Left => "start",
                Align::Center => "middle",
                Align::Right => "end",
            };
            // Where the baseline is: not every program knows other lines of a text.
            let y = y + baseline.below(*size);
            write!(
                out,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" xml:space=\"preserve\""
            )?;
            paint(out, "fill", *color)?;
            writeln!(out, ">{}</text>", escaped(text))
        }
    }
}

fn filled(out: &mut String, color: Color, fill: bool) -> std::fmt::Result {
    if !fill {
        out.push_str(" fill=\"none\"");
    }
    paint(out, if fill { "fill" } else { "stroke" }, color)?;
    writeln!(out, "/>")
}

/// Colour and opacity apart: not every program reads `rgba()`.
fn paint(out: &mut String, what: &str, color: Color) -> std::fmt::Result {
    let (r, g, b) = color.rgb;
    write!(out, " {what}=\"#{r:02x}{g:02x}{b:02x}\"")?;
    if color.alpha < 1.0 {
        let alpha = (color.alpha * 1000.0).round() / 1000.0;
        write!(out, " {what}-opacity=\"{alpha}\"")?;
    }
    Ok(())
}

fn coordinates(out: &mut String, points: &[f32]) -> std::fmt::Result {
    for (n, pair) in points.chunks_exact(2).enumerate() {
        let space = if n == 0 { "" } else { " " };
        write!(out, "{space}{},{}", pair[0], pair[1])?;
    }
    Ok(())
}

/// What XML takes, and nothing that turns or hides what stands beside it: names of topics are somebody else's text.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(' '),
            // XML 1.0, section 2.2: these are no characters of a document.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            // Marks that turn the direction of a text, and characters of no width.
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baseline, Theme};

    #[test]
    fn texts_of_others_stay_texts() {
        let op = DrawOp::Text {
            x: 1.5,
            y: 2.0,
            text: "</text><script>\u{1}\u{202e}&\"".into(),
            size: 10.5,
            color: Theme::Dark.line(0).faded(0.5),
            align: Align::Right,
            baseline: Baseline::Middle,
        };
        let out = svg(&[op], (100, 50), "a<b");
        assert!(out.contains("<title>a&lt;b</title>"));
        assert!(out.contains(
            "fill=\"#2dd4bf\" fill-opacity=\"0.5\">&lt;/text&gt;&lt;script&gt;\u{fffd}\u{fffd}&amp;&quot;</text>"
        ));
        assert_eq!(out.matches('<').count(), 6);
    }
}
