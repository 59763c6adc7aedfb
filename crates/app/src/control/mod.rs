//! The way from a shell to a broker that runs: `mqttwb broker status` and the like.
//!
//! Duty: while a broker runs, a port of this computer at which whoever can read the data folder may ask and act; and the
//! asking side. Not here: what is asked (`BrokerControl`), how answers are printed (cli).
//! Invariant: who does not show the token of `broker.control` (mode 0600) hears nothing and changes nothing; every request,
//! answer and wait is bounded; the file is there as long as the broker runs, and one that was left behind is recognised.
//!
//! A loopback port with a token works alike on every system; a local socket would not: its path may have 108 bytes.

mod client;
mod file;
mod server;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::api::ApiError;

pub use client::RemoteBroker;
pub(crate) use server::Server;

/// The longest request, token included.
const REQUEST: u64 = 64 << 10;
/// The longest answer. A page of the longest lists is below it.
const ANSWER: u64 = 64 << 20;

/// What is asked, one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    token: String,
    request: Request,
}

/// What can be asked of a broker that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// How it is.
    Status,
    /// What it runs with.
    Config,
}

/// The answer, one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Done(serde_json::Value),
    Failed(ApiError),
}
