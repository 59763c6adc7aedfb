use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ApiError, Version};

// Of the board itself: what it decides is what is told.
pub use mqttwb_fleet::{Order as DeviceOrder, State as DeviceState};

/// Topics that tell whether a device is there, and the words that they tell it by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PresenceTopics {
    /// Topic filters of which one level is `{device}`, as `plant/{device}/status`.
    pub topics: Vec<String>,
    /// Where the word is in the payload; empty where the payload is the word itself.
    #[serde(default)]
    pub path: String,
    /// Words for a device that is there.
    pub online: Vec<String>,
    /// Words for one that is not.
    pub offline: Vec<String>,
}

/// A column of last values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceColumn {
    /// What stands above it.
    pub label: String,
    /// Topic filter of which one level is `{device}`.
    pub topic: String,
    /// Where the value is in the payload; empty where the payload is the value itself.
    #[serde(default)]
    pub path: String,
    /// What it is measured in; may be empty.
    #[serde(default)]
    pub unit: String,
}

/// How devices are told, and what is shown of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceRules {
    /// Each client of the broker is a device, and is there while it is connected.
    pub sessions: bool,
    /// Topics that tell whether a device is there; the first that matches a topic decides.
    pub presence: Vec<PresenceTopics>,
    /// Columns of last values.
    pub columns: Vec<DeviceColumn>,
    /// Why they could not be read when the workbench was opened, or written since.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<ApiError>,
}

/// Which devices, and which part of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct DevicesLook {
    /// In the name, the client identifier, the user, the certificate's name, the address or a value.
    pub text: String,
    /// Those in this state alone.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<DeviceState>,
    /// Those alone of which something retained may no longer be true.
    pub stale: bool,
    /// Sorted by.
    pub order: DeviceOrder,
    /// The other way round.
    pub descending: bool,
    /// The first row, from 0.
    pub from: u32,
    /// At most so many; 1,000 at most.
    pub count: u32,
}

/// The last value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceValue {
    /// As it is shown.
    pub text: String,
    /// When it came.
    #[ts(type = "number")]
    pub at: u64,
    /// On which topic.
    pub topic: String,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceRow {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub state: DeviceState,
    /// Why that is known, in a sentence.
    pub why: String,
    /// Since when it is so.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// When it was heard last.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<u64>,
    /// The client of the broker that it is.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client that speaks for it and for others.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Its client is connected.
    pub connected: bool,
    /// What it speaks.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Where it comes from, or came from last.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The listener that took it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// Its user name, where its CONNECT was seen.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The common name of its certificate.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// When that certificate ends.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_ends: Option<u64>,
    /// Messages a second from it.
    pub rate_in: f32,
    /// Messages a second to it.
    pub rate_out: f32,
    /// Messages in each second of the last minute, the newest last; empty where it has no connection of its own.
    pub line: Vec<u32>,
    /// Messages that wait for it.
    #[ts(type = "number")]
    pub waiting: u64,
    /// Why what is retained of it may no longer be true.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
    /// A topic of it, to find its messages by.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The last value of each column.
    pub values: Vec<Option<DeviceValue>>,
}

/// A part of the devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DevicesFrame {
    /// Devices in all.
    pub total: u32,
    /// Those that are there.
    pub online: u32,
    /// Those that are not.
    pub offline: u32,
    /// Those of which something retained may no longer be true.
    pub stale: u32,
    /// Those that were asked for.
    pub matching: u32,
    /// The first of the rows below, from 0.
    pub from: u32,
    /// The rows.
    pub rows: Vec<DeviceRow>,
    /// Columns of last values.
    pub columns: Vec<DeviceColumn>,
    /// Devices and clients for which there was no room.
    #[ts(type = "number")]
    pub left_out: u64,
    /// Packets that were gone before they were read.
    #[ts(type = "number")]
    pub missed: u64,
    /// The broker runs: what is said of sessions is of now.
    pub running: bool,
}
