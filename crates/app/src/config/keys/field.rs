//! What a key is made of: its type and bounds, and where in the configuration its value is kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// "never", in seconds.
pub(in crate::config) const NEVER: u64 = u32::MAX as u64;

/// A key of a part `T` of the configuration.
pub(in crate::config) struct Key<T: 'static> {
    /// Its table: `mqtt` of `[mqtt]`.
    pub(in crate::config) section: &'static str,
    /// Its name in the table.
    pub(in crate::config) name: &'static str,
    /// What it may be, and where it is kept.
    pub(in crate::config) field: Field<T>,
    /// What holds where it is not written, in words; `None` to say what the default configuration holds.
    pub(in crate::config) absent: Option<&'static str>,
    /// When a change is felt by a broker that runs.
    pub(in crate::config) applies: Applies,
    /// What it does: sentences.
    pub(in crate::config) doc: &'static str,
}

/// When a change of a key is felt by a broker that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Applies {
    /// At once.
    Now,
    /// By connections that are made after it.
    NewConnections,
    /// When the broker is started again.
    Restart,
}

/// Where a value is kept.
pub(in crate::config) struct Slot<T, V> {
    pub(in crate::config) get: fn(&T) -> Option<V>,
    pub(in crate::config) set: fn(&mut T, V),
}

/// What a key may be. Bounds are inclusive.
pub(in crate::config) enum Field<T: 'static> {
    /// A whole number of something.
    Count {
        unit: &'static str,
        from: u64,
        to: u64,
        slot: Slot<T, u64>,
    },
    /// Bytes.
    Size {
        from: u64,
        to: u64,
        slot: Slot<T, u64>,
    },
    /// A time.
    Time {
        from: Duration,
        to: Duration,
        slot: Slot<T, Duration>,
    },
    /// Whole seconds; [`NEVER`] is the word "never".
    Seconds { to: u64, slot: Slot<T, u64> },
    /// `true` or `false`.
    Flag(Slot<T, bool>),
    /// One of a few words, by its place among them.
    Word {
        words: &'static [&'static str],
        slot: Slot<T, usize>,
    },
    /// Some of a few words, in an order, by their places among them.
    Words {
        words: &'static [&'static str],
        slot: Slot<T, Vec<usize>>,
    },
    /// A text.
    Text {
        what: &'static str,
        slot: Slot<T, String>,
    },
    /// An address with a port.
    Address(Slot<T, SocketAddr>),
    /// A file's name, relative to the file that it stands in.
    File(Slot<T, PathBuf>),
}

impl<T> Field<T> {
    /// Gives one configuration the value of another.
    pub(in crate::config) fn copy(&self, from: &T, to: &mut T) {
        fn copy<T, V>(slot: &Slot<T, V>, from: &T, to: &mut T) {
            if let Some(value) = (slot.get)(from) {
                (slot.set)(to, value);
            }
        }
        match self {
            Self::Count { slot, .. } | Self::Size { slot, .. } | Self::Seconds { slot, .. } => {
                copy(slot, from, to);
            }
            Self::Time { slot, .. } => copy(slot, from, to),
            Self::Flag(slot) => copy(slot, from, to),
            Self::Word { slot, .. } => copy(slot, from, to),
            Self::Words { slot, .. } => copy(slot, from, to),
            Self::Text { slot, .. } => copy(slot, from, to),
            Self::Address(slot) => copy(slot, from, to),
            Self::File(slot) => copy(slot, from, to),
        }
    }
}

pub(super) const fn key<T>(
    section: &'static str,
    name: &'static str,
    field: Field<T>,
    doc: &'static str,
) -> Key<T> {
    Key {
        section,
        name,
        field,
        absent: None,
        applies: Applies::Restart,
        doc,
    }
}

impl<T> Key<T> {
    pub(super) const fn absent(mut self, words: &'static str) -> Self {
        self.absent = Some(words);
        self
    }

    pub(super) const fn now(mut self) -> Self {
        self.applies = Applies::Now;
        self
    }

    pub(super) const fn new_connections(mut self) -> Self {
        self.applies = Applies::NewConnections;
        self
    }
}

pub(super) const fn count<T>(
    unit: &'static str,
    from: u64,
    to: u64,
    slot: Slot<T, u64>,
) -> Field<T> {
    Field::Count {
        unit,
        from,
        to,
        slot,
    }
}

pub(super) const fn size<T>(from: u64, to: u64, slot: Slot<T, u64>) -> Field<T> {
    Field::Size { from, to, slot }
}

pub(super) const fn time<T>(from: Duration, to: Duration, slot: Slot<T, Duration>) -> Field<T> {
    Field::Time { from, to, slot }
}

/// Whole seconds from 0 on, and "never" where they go up to [`NEVER`].
pub(super) const fn seconds<T>(to: u64, slot: Slot<T, u64>) -> Field<T> {
    Field::Seconds { to, slot }
}

pub(super) const fn text<T>(what: &'static str, slot: Slot<T, String>) -> Field<T> {
    Field::Text { what, slot }
}

pub(super) const fn word<T>(words: &'static [&'static str], slot: Slot<T, usize>) -> Field<T> {
    Field::Word { words, slot }
}

pub(super) const fn words<T>(
    words: &'static [&'static str],
    slot: Slot<T, Vec<usize>>,
) -> Field<T> {
    Field::Words { words, slot }
}

/// A number of the configuration, whatever its width.
macro_rules! number {
    ($($path:ident).+) => {
        Slot {
            get: |c: &BrokerConfig| u64::try_from(c.$($path).+).ok(),
            // The bounds of the key are within those of the type: a test holds it.
            set: |c, v| c.$($path).+ = v.try_into().unwrap_or_default(),
        }
    };
}

/// A value that is kept as it is.
macro_rules! value {
    ($($path:ident).+) => {
        Slot {
            get: |c: &BrokerConfig| Some(c.$($path).+.clone()),
            set: |c, v| c.$($path).+ = v,
        }
    };
}

/// A word, by its place among the values that the words stand for.
macro_rules! among {
    ($values:ident, $($path:ident).+) => {
        Slot {
            get: |c: &BrokerConfig| $values.iter().position(|v| *v == c.$($path).+),
            set: |c, place| {
                if let Some(value) = $values.get(place) {
                    c.$($path).+ = *value;
                }
            },
        }
    };
}

/// A value that may not be written.
macro_rules! written {
    ($of:ty, $name:ident) => {
        Slot {
            get: |draft: &$of| draft.$name.clone(),
            set: |draft, v| draft.$name = Some(v),
        }
    };
    ($name:ident among $values:ident) => {
        Slot {
            get: |draft: &ListenerDraft| $values.iter().position(|v| Some(*v) == draft.$name),
            set: |draft, place| draft.$name = $values.get(place).copied(),
        }
    };
}

/// A value of the configuration that may not be written.
macro_rules! maybe {
    ($($path:ident).+) => {
        Slot {
            get: |c: &BrokerConfig| c.$($path).+.clone(),
            set: |c, v| c.$($path).+ = Some(v),
        }
    };
}
