//! What the acceptance tests are written with: the product and other people's clients, each as a process.
//!
//! Duty: start programs, read what they print, end them by their id. Not here: anything that knows the inside of the
//! product. Invariant: nothing waits for a time to pass; everything waits for a line, an answer or an end, and a
//! deadline only turns a hang into a failure that shows what was printed until then.

pub mod access;
pub mod authority;
pub mod broker;
#[cfg(target_os = "linux")]
pub mod bus;
pub mod load;
pub mod peer;
pub mod process;
pub mod raw;
pub mod screen;
#[cfg(target_os = "linux")]
pub mod usage;

pub use broker::{Broker, Identity};
pub use peer::{Delivery, Maker, Message, Options, Peer, Version, Way};
pub use process::{Finished, Running};
