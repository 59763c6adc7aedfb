//! What the window and the command line say to the workbench, and hear from it.
//!
//! Plain data, exported to TypeScript by a test (`cargo test -p mqttwb-app export_bindings`); a stale export fails
//! `cargo xtask lint`. Times are milliseconds since 1970 (UTC) unless a name says otherwise; sizes are bytes.

mod access;
mod alerts;
mod broker;
mod certificates;
mod chart_spots;
mod charts;
mod client_config;
mod clients;
mod config;
mod devices;
mod error;
mod faults;
mod files;
mod findings;
mod inspect;
mod keys;
mod live;
mod messages;
mod payloads;
mod proofs;
mod publishing;
mod recordings;
mod topics;
mod traffic;

pub use access::*;
pub use alerts::*;
pub use broker::*;
pub use certificates::*;
pub use chart_spots::*;
pub use charts::*;
pub use client_config::*;
pub use clients::*;
pub use config::*;
pub use devices::*;
pub use error::*;
pub use faults::*;
pub use files::*;
pub use findings::*;
pub use inspect::*;
pub use keys::*;
pub use live::*;
pub use messages::*;
pub use payloads::*;
pub use proofs::*;
pub use publishing::*;
pub use recordings::*;
pub use topics::*;
pub use traffic::*;
