//! Colours of a picture, in both themes.

use std::fmt;

/// A colour with its opacity. Displays as CSS writes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Color {
    /// Red, green, blue.
    pub rgb: (u8, u8, u8),
    /// From 0 to 1.
    pub alpha: f64,
}

impl Color {
    const fn opaque(hex: u32) -> Self {
        Self {
            rgb: ((hex >> 16) as u8, (hex >> 8) as u8, hex as u8),
            alpha: 1.0,
        }
    }

    /// The same colour, less opaque.
    #[must_use]
    pub fn faded(self, alpha: f64) -> Self {
        Self {
            alpha: self.alpha * alpha,
            ..self
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (r, g, b) = self.rgb;
        if self.alpha >= 1.0 {
            write!(f, "#{r:02x}{g:02x}{b:02x}")
        } else {
            // Three digits are finer than a screen shows.
            write!(
                f,
                "rgba({r},{g},{b},{})",
                (self.alpha * 1000.0).round() / 1000.0
            )
        }
    }
}

/// Dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Theme {
    Dark,
    Light,
}

/// How much the opacity falls each time the palette begins anew.
const NEXT_ROUND: f64 = 0.6;

impl Theme {
    /// Of the lines of the grid.
    pub(crate) fn grid(self) -> Color {
        Color::opaque(match self {
            Self::Dark => 0x25_2d_38,
            Self::Light => 0xdf_e3_ea,
        })
    }

    /// Of the line that values stand on.
    pub(crate) fn axis(self) -> Color {
        Color::opaque(match self {
            Self::Dark => 0x34_40_50,
            Self::Light => 0xc3_ca_d5,
        })
    }

    /// Of labels.
    pub(crate) fn text(self) -> Color {
        Color::opaque(match self {
            Self::Dark => 0x7c_89_99,
            Self::Light => 0x66_71_7f,
        })
    }

    /// What a picture stands on.
    pub(crate) fn surface(self) -> Color {
        Color::opaque(match self {
            Self::Dark => 0x14_19_20,
            Self::Light => 0xff_ff_ff,
        })
    }

    /// Of a title and of a reading.
    pub(crate) fn strong(self) -> Color {
        Color::opaque(match self {
            Self::Dark => 0xe7_eb_f1,
            Self::Light => 0x15_1a_21,
        })
    }

    /// Of a threshold.
    pub(crate) fn threshold(self) -> Color {
        Color::opaque(match self {
            Self::Dark => 0xff_7b_72,
            Self::Light => 0xc6_28_28,
        })
    }

    /// Of a state: those that say by their name how things are have a colour of their own, the others that of a line.
    pub(crate) fn state(self, name: &str, n: usize) -> Color {
        let dark = self == Self::Dark;
        let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(name));
        if is(&["online", "on", "true", "ok", "up", "running", "open", "1"]) {
            Color::opaque(if dark { 0x3f_d0_7f } else { 0x17_7a_45 })
        } else if is(&[
            "offline", "off", "false", "error", "down", "failed", "fault", "0",
        ]) {
            Color::opaque(if dark { 0xff_7b_72 } else { 0xc6_28_28 })
        } else {
            self.line(n + 1)
        }
    }

    /// Of a cell of a heat map, from 0 to 1. Lightness alone rises or falls, so it reads with any kind of colour vision.
    pub(crate) fn heat(self, share: f64) -> Color {
        let (low, high) = match self {
            Self::Dark => ((0x1b, 0x2a, 0x33), (0x7d, 0xf5, 0xe3)),
            Self::Light => ((0xe0, 0xee, 0xed), (0x06, 0x4e, 0x49)),
        };
        let share = share.clamp(0.0, 1.0);
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share) as u8;
        Color {
            rgb: (mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2)),
            alpha: 1.0,
        }
    }

    /// Black or white, whichever is read better on a colour.
    pub(crate) fn ink_on(color: Color) -> Color {
        let (r, g, b) = color.rgb;
        let luma = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
        Color::opaque(if luma > 130_000 {
            0x04_10_12
        } else {
            0xff_ff_ff
        })
    }

    /// The colour of the nth line. Seven tell apart with any kind of colour vision; past those they come again, paler.
    pub fn line(self, n: usize) -> Color {
        let palette = self.palette();
        let round = (n / palette.len()).min(4) as i32;
        Color::opaque(palette[n % palette.len()]).faded(NEXT_ROUND.powi(round))
    }

    fn palette(self) -> [u32; 7] {
        // Accent and violet are the tokens of the window; the others were searched for, farthest from each other as
        // people without one kind of cones see them (see the test).
        match self {
            Self::Dark => [
                0x2d_d4_bf, 0xb0_9b_ff, 0xf1_c5_7f, 0xdd_7d_1f, 0x60_92_b6, 0xd1_e1_01, 0xa6_89_53,
            ],
            Self::Light => [
                0x0f_76_6e, 0x60_42_c7, 0xa7_69_45, 0xd3_3e_b6, 0x86_7f_03, 0x75_28_0a, 0x5b_28_73,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rgb = [f64; 3];

    fn linear(color: Color) -> Rgb {
        let (r, g, b) = color.rgb;
        [r, g, b].map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn luminance(c: Rgb) -> f64 {
        0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
    }

    fn lab([r, g, b]: Rgb) -> Rgb {
        let f = |t: f64| {
            if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
        let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Machado, Oliveira and Fernandes (2009), severity 1: nothing, protanopia, deuteranopia, tritanopia.
    const VISIONS: [[Rgb; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    #[test]
    fn lines_tell_apart_with_any_colour_vision() {
        for theme in [Theme::Dark, Theme::Light] {
            for vision in VISIONS {
                let seen: Vec<Rgb> = (0..7)
                    .map(|n| {
                        let c = linear(theme.line(n));
                        lab(vision.map(|row| {
                            (row[0] * c[0] + row[1] * c[1] + row[2] * c[2]).clamp(0.0, 1.0)
                        }))
                    })
                    .collect();
                for i in 0..7 {
                    for j in 0..i {
                        let distance: f64 = (0..3).map(|k| (seen[i][k] - seen[j][k]).powi(2)).sum();
                        assert!(distance.sqrt() > 20.0, "{theme:?}: {i} and {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn lines_and_labels_stand_out_from_the_surface() {
        for (theme, surface) in [(Theme::Dark, 0x14_19_20), (Theme::Light, 0xff_ff_ff)] {
            let contrast = |color: Color| {
                let (a, b) = (
                    luminance(linear(color)),
                    luminance(linear(Color::opaque(surface))),
                );
                (a.max(b) + 0.05) / (a.min(b) + 0.05)
            };
            // WCAG 1.4.11 and 1.4.3
            (0..7).for_each(|n| assert!(contrast(theme.line(n)) >= 3.0, "{theme:?}: {n}"));
            assert!(contrast(theme.text()) >= 4.5, "{theme:?}");
        }
    }

    #[test]
    fn a_colour_is_written_as_css() {
        assert_eq!(Theme::Dark.line(0).to_string(), "#2dd4bf");
        assert_eq!(
            Theme::Dark.line(0).faded(0.14).to_string(),
            "rgba(45,212,191,0.14)"
        );
        assert_eq!(Theme::Dark.line(7).to_string(), "rgba(45,212,191,0.6)");
        assert_eq!(
            Theme::Dark.line(49).to_string(),
            Theme::Dark.line(28).to_string()
        );
    }
}
