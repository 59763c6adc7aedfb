//! What stands at a place of a picture that is not a point of a line: a bar, a cell, a tile, a state.
//!
//! Duty: tell, of what is drawn, what is asked for, and exactly what it says.
//! Not here: points of lines, which a time finds (`points`); words for what is told.
//! Invariant: what is told is what was drawn, since whoever draws it tells it.

use std::sync::Arc;

use mqttwb_model::Timestamp;

use crate::points::{Point, Summary};

/// What of a picture is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Probe {
    /// What stands at a place, in CSS pixels from the upper left corner.
    At(f32, f32),
    /// By its number, in the order that it is drawn in; the last one where there are fewer.
    Number(usize),
}

/// A part of a picture that says something by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Its number among those of its picture.
    pub number: usize,
    /// Its left edge, in CSS pixels from the upper left corner.
    pub left: f32,
    /// Its upper edge.
    pub top: f32,
    /// Its width.
    pub width: f32,
    /// Its height.
    pub height: f32,
    /// What it says.
    pub says: Says,
}

/// What a part of a picture says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// How often values from `low` to `high` came; the higher end belongs to the next class, that of the last to the last.
    Class {
        /// The lower end.
        low: f64,
        /// The higher end.
        high: f64,
        /// How often, of each line in its place.
        counts: Vec<u64>,
        /// How often values came that are in this class or a lower one.
        up_to: u64,
        /// How often any value came.
        total: u64,
    },
    /// What the values of a line come to, in the time of a cell.
    Cell {
        /// Which line.
        line: usize,
        /// When the cell begins.
        from: Timestamp,
        /// When it ends.
        to: Timestamp,
        /// What came in it.
        values: Summary,
    },
    /// The last value of a line.
    Last {
        /// Which line.
        line: usize,
        /// The value, and when it came.
        point: Point,
        /// What came in the time that is shown.
        values: Option<Summary>,
    },
    /// A state that a thing was in.
    State {
        /// Which thing.
        line: usize,
        /// The state.
        state: Arc<str>,
        /// When it began, shown or not.
        from: Timestamp,
        /// When the next one began; nothing while it holds.
        until: Option<Timestamp>,
    },
}

/// Looks for what is asked for, while a picture is drawn.
#[derive(Debug, Default)]
pub(crate) struct Search {
    probe: Option<Probe>,
    offered: usize,
    found: Option<Spot>,
}

impl Search {
    pub fn new(probe: Option<Probe>) -> Self {
        Self {
            probe,
            ..Self::default()
        }
    }

    /// A part that is drawn at a place, of a size. What it says is only asked of the one that is looked for.
    pub fn offer(&mut self, at: (f64, f64), size: (f64, f64), says: impl FnOnce() -> Says) {
        let number = self.offered;
        self.offered += 1;
        let (left, top) = (at.0 as f32, at.1 as f32);
        let (width, height) = (size.0 as f32, size.1 as f32);
        let is_asked_for = match self.probe {
            None => false,
            Some(Probe::At(x, y)) => {
                (left..left + width).contains(&x) && (top..top + height).contains(&y)
            }
            // Each takes the place of the one before, so the last one stays where there are fewer.
            Some(Probe::Number(wanted)) => number <= wanted,
        };
        if is_asked_for {
            self.found = Some(Spot {
                number,
                left,
                top,
                width,
                height,
                says: says(),
            });
        }
    }

    pub fn found(self) -> Option<Spot> {
        self.found
    }
}

#[cfg(test)]
#[path = "spot_tests.rs"]
mod tests;
