//! Test clients: real MQTT clients that a person connects, subscribes and publishes with.
//!
//! Duty: one task owns one `rumqttc` connection; a [`TestClient`] asks it, and keeps what it did and saw.
//! Not here: which broker to connect to, certificates and keys (given as a rustls configuration), reconnecting: a lost
//! connection stays lost until a person connects again, with the reason in words.
//! Invariant: whatever the broker sends and however fast, memory stays bounded and nothing waits for a reader; what the
//! timeline lets go is counted.

mod client;
mod error;
mod link;
mod options;
mod task;
mod timeline;

pub use client::{Acknowledgement, State, Status, Subscription, TestClient};
pub use error::{ConnectionError, RequestError, TlsProblem};
pub use options::{Endpoint, Login, Message, Options, OptionsError, Publication, Version, Will};
pub use task::Grant;
pub use timeline::{Entry, EntryKind, Page, TIMELINE_CAPACITY};
