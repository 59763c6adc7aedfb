//! Test clients: real MQTT clients that a person connects, subscribes and publishes with.
//!
//! Duty: one task owns one connection after the other, its socket included; a [`TestClient`] asks it, and keeps what it did
//! and saw. Every packet, in both directions, goes to an [`Observer`](mqttwb_model::Observer).
//! Not here: which broker to connect to, certificates and keys (given as a rustls configuration).
//! Invariant: whatever the broker sends and however fast, memory stays bounded and nothing waits for a reader; what the
//! timeline lets go is counted.

mod attempt;
mod client;
mod connections;
mod dial;
mod endpoint;
mod error;
mod hello;
mod kept;
mod message;
mod options;
mod proxy;
mod session;
mod tap;
mod task;
mod timeline;

pub use client::{Acknowledgement, TestClient};
pub use dial::TlsSession;
pub use endpoint::{Endpoint, Proxy, ProxyProtocol, WebSocket};
pub use error::{ConnectionError, ProxyProblem, RequestError, TlsProblem, WebSocketProblem};
pub use hello::Negotiated;
pub use kept::{Retry, State, Status, Subscription};
pub use message::{Message, MessageProperties, Publication};
pub use mqttwb_wire::{RetainHandling, SubscriptionOptions};
pub use options::{Authentication, Login, Options, OptionsError, Reconnect, Version, Will, Wish};
pub use task::Grant;
pub use timeline::{Entry, EntryKind, Page, TIMELINE_CAPACITY};
