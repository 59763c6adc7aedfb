use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{PreviewFormat, RetainedEntry, SubscriptionEntry};

/// Which rows of the topic tree a page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct TopicsLook {
    /// The first row.
    pub start: u32,
    /// How many; at most 500.
    pub count: u32,
    /// The branch or topic that the page wants to know the place of.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<u32>,
}

/// A branch or a topic of the tree, as a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TopicRow {
    /// Its number; an identity until the traffic is forgotten.
    pub node: u32,
    /// The number of the branch that it stands under.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// How deep it stands, from 0.
    pub depth: u32,
    /// The name of its level.
    pub level: String,
    /// Its whole name.
    pub name: String,
    /// Branches and topics right below it.
    pub children: u32,
    /// They are shown.
    pub open: bool,
    /// Topics here and below.
    pub topics: u32,
    /// Messages of this topic and of those below it.
    #[ts(type = "number")]
    pub messages: u64,
    /// Messages a second, of this topic and of those below it.
    pub rate: f64,
    /// What is known of it, where it is a topic itself.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicValue>,
}

/// What a topic was seen to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TopicValue {
    /// PUBLISH packets to the broker.
    #[ts(type = "number")]
    pub messages: u64,
    /// PUBLISH packets to clients.
    #[ts(type = "number")]
    pub deliveries: u64,
    /// The number of the newest message's packet.
    #[ts(type = "number")]
    pub seq: u64,
    /// When that was, in microseconds since 1970 (UTC).
    #[ts(type = "number")]
    pub at_micros: u64,
    /// Its quality of service.
    pub qos: u8,
    /// Bytes of its payload.
    pub size: u32,
    /// The beginning of its payload, in the words of `format`.
    pub preview: String,
    /// How `preview` is written.
    pub format: PreviewFormat,
    /// The preview is all of it.
    pub whole: bool,
    /// A message to be retained was seen, and none that clears it.
    pub retained: bool,
}

/// The rows of the topic tree in sight, once a tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TopicsFrame {
    /// Counts frames; the page acknowledges it.
    #[ts(type = "number")]
    pub frame: u64,
    /// The place of the first row.
    pub start: u32,
    /// The rows.
    pub rows: Vec<TopicRow>,
    /// Rows in all.
    pub total: u32,
    /// The branch or topic whose place was asked for.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<u32>,
    /// The place of the branch or topic that was asked for, where it is shown.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_at: Option<u32>,
    /// Topics in the tree.
    pub topics: u32,
    /// Topics that found no room.
    #[ts(type = "number")]
    pub left_out: u64,
    /// Packets that were gone before they were looked at.
    #[ts(type = "number")]
    pub missed: u64,
    /// Packets that were recorded are still being read.
    pub reading: bool,
}

/// Everything about one topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TopicDetail {
    /// The topic.
    pub topic: String,
    /// What it was seen to hold.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<TopicValue>,
    /// Messages a second.
    pub rate: f64,
    /// Clients that were seen to publish to it.
    pub publishers: Vec<String>,
    /// There are more of them.
    pub more_publishers: bool,
    /// Subscriptions that match it, as the broker knows them; the first of them.
    pub subscribers: Vec<SubscriptionEntry>,
    /// How many there are.
    #[ts(type = "number")]
    pub subscriber_count: u64,
    /// What the broker keeps for it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained: Option<RetainedEntry>,
}
