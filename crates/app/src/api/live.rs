use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AlertBrief, BrokerClient, BrokerStatus, Finding, LimitEntry, Refusal, TestClient};

/// What every page shows of the workbench, four times a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LiveFrame {
    /// Counts frames; the page acknowledges it.
    #[ts(type = "number")]
    pub frame: u64,
    /// The broker.
    pub broker: BrokerStatus,
    /// Fault rules that hold.
    pub faults: u32,
    /// Clients that are connected to it: the first 200 by name.
    pub clients: Vec<BrokerClient>,
    /// All of them, in number.
    pub client_count: u32,
    /// Counters and rates.
    pub totals: Totals,
    /// Messages per second (in and out together) of the last 60 seconds, oldest first.
    pub sparkline: Vec<f32>,
    /// The newest refusals, newest first, at most 50.
    pub refusals: Vec<Refusal>,
    /// Limits that were reached since the broker was started, those most often reached first.
    pub limits: Vec<LimitEntry>,
    /// Refusals since the start of the program.
    #[ts(type = "number")]
    pub refusal_count: u64,
    /// Test clients.
    pub test_clients: Vec<TestClient>,
    /// What alerts say.
    pub alerts: AlertBrief,
    /// Things a person should know, each with what to do.
    pub findings: Vec<Finding>,
}

/// Counters of the broker since it was started, and rates of the last second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Totals {
    /// Messages from publishers.
    #[ts(type = "number")]
    pub messages_in: u64,
    /// Messages to subscribers.
    #[ts(type = "number")]
    pub messages_out: u64,
    /// Bytes from clients.
    #[ts(type = "number")]
    pub bytes_in: u64,
    /// Bytes to clients.
    #[ts(type = "number")]
    pub bytes_out: u64,
    /// Messages dropped, since a queue was full.
    #[ts(type = "number")]
    pub dropped: u64,
    /// Retained messages.
    #[ts(type = "number")]
    pub retained: u64,
    /// Subscriptions.
    #[ts(type = "number")]
    pub subscriptions: u64,
    /// Sessions, connected or not.
    #[ts(type = "number")]
    pub sessions: u64,
    /// Messages a second from publishers.
    pub rate_in: f32,
    /// Messages a second to subscribers.
    pub rate_out: f32,
    /// Packets that the capture did not record.
    #[ts(type = "number")]
    pub capture_lost: u64,
}
