//! Plain binary numbers: what a run of bytes could mean, and payloads that are nothing but numbers.

use std::fmt;
use std::str::FromStr;

use crate::DecodeError;
use crate::value::{Budget, Value};

const WHAT: &str = "numbers";

/// How the numbers of a payload are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whole or floating point, with or without a sign.
    pub form: Form,
    /// Bytes of one: 1, 2, 4 or 8; of floating point 2, 4 or 8.
    width: u8,
    /// The byte that counts most comes first.
    pub big_endian: bool,
}

/// What a number's bits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Form {
    Unsigned,
    Signed,
    Float,
}

impl Form {
    fn letter(self) -> char {
        match self {
            Self::Unsigned => 'u',
            Self::Signed => 'i',
            Self::Float => 'f',
        }
    }
}

/// The text is no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no layout of numbers; one is u8, i16le, u32be or f64le")]
pub struct LayoutError(String);

impl Layout {
    /// Every layout, in the order in which a person would try them.
    pub fn all() -> impl Iterator<Item = Self> {
        let forms = [
            (Form::Unsigned, 1),
            (Form::Signed, 1),
            (Form::Unsigned, 2),
            (Form::Signed, 2),
            (Form::Unsigned, 4),
            (Form::Signed, 4),
            (Form::Unsigned, 8),
            (Form::Signed, 8),
            (Form::Float, 2),
            (Form::Float, 4),
            (Form::Float, 8),
        ];
        forms.into_iter().flat_map(|(form, width)| {
            [false, true]
                .into_iter()
                // One byte has no order.
                .filter(move |big_endian| width > 1 || !big_endian)
                .map(move |big_endian| Self {
                    form,
                    width,
                    big_endian,
                })
        })
    }

    /// Bytes of one number.
    pub fn width(self) -> usize {
        self.width.into()
    }

    /// The number that begins a run of bytes, where the run is long enough.
    pub fn read(self, bytes: &[u8]) -> Option<Value> {
        let mut padded = [0; 8];
        let taken = bytes.get(..self.width())?;
        for (to, from) in padded.iter_mut().zip(0..taken.len()) {
            *to = if self.big_endian {
                taken[taken.len() - 1 - from]
            } else {
                taken[from]
            };
        }
        let bits = u64::from_le_bytes(padded);
        let unused = 64 - 8 * u32::from(self.width);
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        // to the width that was read
        Some(match (self.form, self.width) {
            (Form::Unsigned, _) => Value::Int(bits.into()),
            (Form::Signed, _) => Value::Int((((bits << unused) as i64) >> unused).into()),
            (Form::Float, 2) => Value::single(half::f16::from_bits(bits as u16).to_f32()),
            (Form::Float, 4) => Value::single(f32::from_bits(bits as u32)),
            (Form::Float, _) => Value::Float(f64::from_bits(bits)),
        })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.form.letter(), u32::from(self.width) * 8)?;
        match (self.width, self.big_endian) {
            (1, _) => Ok(()),
            (_, true) => f.write_str("be"),
            (_, false) => f.write_str("le"),
        }
    }
}

impl FromStr for Layout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        Self::all()
            .find(|layout| layout.to_string() == text)
            .ok_or_else(|| LayoutError(text.to_owned()))
    }
}

/// A payload of nothing but numbers, as a list; and where what is too short for one more begins.
pub(crate) fn decode(bytes: &[u8], layout: Layout) -> Result<(Value, usize), DecodeError> {
    let mut budget = Budget::full();
    let chunks = bytes.chunks_exact(layout.width());
    let end = bytes.len() - chunks.remainder().len();
    if end == 0 {
        return Err(DecodeError::Ends { what: WHAT, at: 0 });
    }
    let mut values = Vec::new();
    for chunk in chunks {
        budget.spend(1)?;
        values.extend(layout.read(chunk));
    }
    Ok((Value::List(values), end))
}

/// A run of bytes, read as every number that it is long enough for.
pub fn readings(bytes: &[u8]) -> Vec<(Layout, Value)> {
    Layout::all()
        .filter_map(|layout| Some((layout, layout.read(bytes)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> Layout {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_is_read_in_its_layout() {
        for (text, bytes, expected) in [
            ("u8", &[0xff][..], Value::Int(255)),
            ("i8", &[0xff], Value::Int(-1)),
            ("u16le", &[0x34, 0x12], Value::Int(0x1234)),
            ("u16be", &[0x12, 0x34], Value::Int(0x1234)),
            ("i16be", &[0xff, 0xfe], Value::Int(-2)),
            ("i32le", &[0, 0, 0, 0x80], Value::Int(i32::MIN.into())),
            ("u64be", &[0xff; 8], Value::Int(u64::MAX.into())),
            ("i64le", &[0xff; 8], Value::Int(-1)),
            ("f16be", &[0x3e, 0x00], Value::Float(1.5)),
            ("f32be", &[0x3d, 0xcc, 0xcc, 0xcd], Value::Float(0.1)),
            (
                "f64be",
                &[0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a],
                Value::Float(1.1),
            ),
        ] {
            assert_eq!(layout(text).read(bytes), Some(expected), "{text}");
            assert_eq!(layout(text).read(&bytes[1..]), None);
            assert_eq!(layout(text).to_string(), text);
        }
        assert!("u24le".parse::<Layout>().is_err());
        assert!("u8be".parse::<Layout>().is_err());
    }

    #[test]
    fn a_payload_of_numbers_is_a_list_and_a_rest_is_told() {
        let (value, end) = decode(&[1, 0, 2, 0, 3], layout("u16le")).unwrap();
        assert_eq!(value, Value::List(vec![Value::Int(1), Value::Int(2)]));
        assert_eq!(end, 4);
        assert!(decode(&[1], layout("u16le")).is_err());
        assert_eq!(
            decode(&vec![0; 2_000_000], layout("u8")),
            Err(DecodeError::TooMany)
        );
    }

    #[test]
    fn a_run_of_bytes_is_read_as_every_number_that_fits() {
        let names = |bytes: &[u8]| -> Vec<String> {
            readings(bytes)
                .iter()
                .map(|(layout, _)| layout.to_string())
                .collect()
        };
        assert_eq!(names(&[1]), ["u8", "i8"]);
        assert_eq!(
            names(&[1, 2]),
            [
                "u8", "i8", "u16le", "u16be", "i16le", "i16be", "f16le", "f16be"
            ]
        );
        assert_eq!(names(&[0; 8]).len(), 20);
        assert!(names(&[]).is_empty());
    }
}
