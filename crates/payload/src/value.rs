//! What a payload holds, whatever it was written in: one tree for every decoder.

use std::fmt::Write as _;

/// Values in one payload at most; a payload with more is shown as text and bytes.
pub const MAX_VALUES: u32 = 1_000_000;

/// How deep values may be nested.
pub const MAX_DEPTH: u32 = 128;

/// A decoded value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A floating point number, as wide as it was written: one of 32 bits is the shortest that reads back as it.
    Float(f64),
    /// A number as it was written, where neither of the two above would say it digit for digit.
    Digits(Box<str>),
    /// A text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name, in the order that they stand in. A name may stand twice.
    Map(Vec<(Box<str>, Value)>),
    /// A value and what the encoding says of it: a tag, a name of an enumeration, a type.
    Named {
        /// What is said of it.
        name: Box<str>,
        /// The value.
        value: Box<Value>,
    },
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ValueKind {
    Null,
    Bool,
    Number,
    Text,
    Bytes,
    List,
    Map,
}

impl Value {
    /// A value with a name.
    pub(crate) fn named(name: impl Into<Box<str>>, value: Self) -> Self {
        Self::Named {
            name: name.into(),
            value: Box::new(value),
        }
    }

    /// A number of 32 bits, with the digits that it would be written with.
    pub(crate) fn single(value: f32) -> Self {
        Self::Float(value.to_string().parse().unwrap_or(f64::from(value)))
    }

    /// The value without what is said of it.
    pub fn bare(&self) -> &Self {
        match self {
            Self::Named { value, .. } => value.bare(),
            other => other,
        }
    }

    /// What is said of it, outermost first.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Named { name, value } => {
                let mut names = vec![&**name];
                names.extend(value.names());
                names
            }
            _ => Vec::new(),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> ValueKind {
        match self.bare() {
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) | Self::Float(_) | Self::Digits(_) => ValueKind::Number,
            Self::Text(_) => ValueKind::Text,
            Self::Bytes(_) => ValueKind::Bytes,
            Self::List(_) => ValueKind::List,
            Self::Map(_) => ValueKind::Map,
            Self::Null | Self::Named { .. } => ValueKind::Null,
        }
    }

    /// The number that a chart would draw; `None` for what is no number, or not a finite one.
    pub fn number(&self) -> Option<f64> {
        match self.bare() {
            #[allow(clippy::cast_precision_loss)] // a chart has fewer digits
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => value.is_finite().then_some(*value),
            Self::Digits(digits) => digits.parse().ok().filter(|value: &f64| value.is_finite()),
            _ => None,
        }
    }

    /// How many values it holds directly.
    pub fn len(&self) -> usize {
        match self.bare() {
            Self::List(values) => values.len(),
            Self::Map(members) => members.len(),
            _ => 0,
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a position, with its name where it has one.
    pub fn child(&self, at: usize) -> Option<(Option<&str>, &Self)> {
        match self.bare() {
            Self::List(values) => values.get(at).map(|value| (None, value)),
            Self::Map(members) => members.get(at).map(|(name, value)| (Some(&**name), value)),
            _ => None,
        }
    }

    /// The value by itself as a text, to copy: a text as it is, bytes as hexadecimal, what holds others as JSON.
    pub fn plain(&self) -> String {
        match self.bare() {
            Self::Text(text) => text.to_string(),
            Self::Bytes(bytes) => hex(bytes),
            other => {
                let mut page = crate::text::Page::whole();
                crate::text::pretty(other, &mut page);
                page.text
            }
        }
    }

    /// A value that holds no others, on one line; at most about `limit` bytes, with how many bytes the whole has.
    pub fn brief(&self, limit: usize) -> (String, usize) {
        match self.bare() {
            Self::Text(text) => (crate::json::beginning(text, limit).to_owned(), text.len()),
            Self::Bytes(bytes) => (hex(&bytes[..bytes.len().min(limit / 3)]), bytes.len()),
            Self::List(_) | Self::Map(_) => (String::new(), 0),
            other => {
                let text = other.plain();
                let len = text.len();
                (crate::json::beginning(&text, limit).to_owned(), len)
            }
        }
    }
}

/// Bytes as `0a ff`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        let _ = write!(text, "{}{byte:02x}", if at == 0 { "" } else { " " });
    }
    text
}

/// Counts what decoding makes, so that no payload makes more than is good.
#[derive(Debug)]
pub(crate) struct Budget(u32);

impl Budget {
    /// As many values as a payload may have.
    pub fn full() -> Self {
        Self(MAX_VALUES)
    }

    /// One more value, at this depth.
    pub fn spend(&mut self, depth: u32) -> Result<(), crate::DecodeError> {
        if depth > MAX_DEPTH {
            return Err(crate::DecodeError::TooDeep);
        }
        self.0 = self.0.checked_sub(1).ok_or(crate::DecodeError::TooMany)?;
        Ok(())
    }
}
