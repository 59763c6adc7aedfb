//! Devices: which there are, how each of them is, and what is worth an alert.
//!
//! Duty: fold what is known of sessions and messages into one state for each device, and judge values and states by rules
//! that a person has made.
//! Not here: packets and payloads (`app` reads them), clocks and files; time is an argument.
//! Invariant: everything is bounded, and what a bound leaves out is counted; of two things that are known of a device the
//! newer one holds.

mod alert;
mod board;
mod pattern;
mod rate;
mod rules;
mod view;

pub use alert::{Condition, Datum, Event, Watch};
pub use board::{Board, ClientSeen, Told, Value, What};
pub use pattern::{DevicePattern, PatternError};
pub use rate::{Rate, SECONDS};
pub use rules::{PresenceRule, Rules, Word};
pub use view::{Evidence, Listing, Order, Query, Row, State};
