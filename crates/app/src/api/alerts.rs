use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ApiError, ChartMeasure, DeviceState};

/// What an alert's rule watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum AlertSource {
    /// A value in payloads, of each topic that matches by itself.
    Payload {
        /// The topic filter.
        filter: String,
        /// The path; empty where the payload is the value itself.
        path: String,
    },
    /// What is measured of the embedded broker each second.
    Broker {
        /// What of it.
        measure: ChartMeasure,
        /// Which line of it, as its chart names them; each by itself where it is left out.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none", default)]
        line: Option<String>,
    },
    /// Whether devices are there, by the rules of the device board.
    Device {
        /// Their names; `*` stands for any run of characters.
        name: String,
    },
}

/// When a rule is met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "kind"
)]
#[ts(export)]
pub enum AlertCondition {
    /// A number is higher than this, for so long.
    Above {
        /// The limit.
        limit: f64,
        /// How long, in seconds; 0 for at once.
        hold_secs: u32,
    },
    /// A number is lower than this, for so long.
    Below {
        /// The limit.
        limit: f64,
        /// How long, in seconds; 0 for at once.
        hold_secs: u32,
    },
    /// Nothing has come for longer than this, of what had come before.
    NoData {
        /// How long, in seconds.
        after_secs: u32,
    },
    /// The value is another than the one before.
    Changed,
    /// A number rises or falls faster than this.
    Rate {
        /// A second.
        per_second: f64,
        /// Over how long, in seconds.
        over_secs: u32,
    },
    /// A number is further from the median of the last 60 than so many robust standard deviations.
    Unusual {
        /// How many.
        score: f64,
    },
    /// A device is in this state, for so long.
    State {
        /// Which.
        state: DeviceState,
        /// How long, in seconds; 0 for at once.
        hold_secs: u32,
    },
}

/// What is published when an alert is raised, and when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AlertPublish {
    /// The topic. No rule watches it: an alert raises no alert.
    pub topic: String,
    /// Retained.
    #[serde(default)]
    pub retain: bool,
}

/// What is worth an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AlertRule {
    /// Its identity; 0 in a request to make one.
    pub id: u32,
    /// What it is called.
    pub name: String,
    /// What it watches.
    pub source: AlertSource,
    /// When it is met.
    pub condition: AlertCondition,
    /// It is watched for.
    pub enabled: bool,
    /// The system is told too.
    #[serde(default)]
    pub notify: bool,
    /// What is published to the embedded broker.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub publish: Option<AlertPublish>,
}

/// A rule, and how it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AlertRuleState {
    /// The rule.
    pub rule: AlertRule,
    /// Topics, lines or devices that it watches.
    pub watched: u32,
    /// Those for which it is met now.
    pub raised: u32,
    /// Those for which there was no room.
    #[ts(type = "number")]
    pub left_out: u64,
    /// Alerts that were not told, since there were too many at once.
    #[ts(type = "number")]
    pub held_back: u64,
}

/// A value that an alert was raised by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AlertDatum {
    /// When it came.
    #[ts(type = "number")]
    pub at: u64,
    /// As it is shown.
    pub text: String,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Alert {
    /// Its identity; later ones have higher numbers.
    #[ts(type = "number")]
    pub id: u64,
    /// The rule's identity.
    pub rule: u32,
    /// What the rule was called.
    pub name: String,
    /// The topic, line or device.
    pub thing: String,
    /// What was watched.
    pub source: AlertSource,
    /// When it was raised.
    #[ts(type = "number")]
    pub at: u64,
    /// Why, in a sentence.
    pub why: String,
    /// The last values until then, the newest last.
    pub data: Vec<AlertDatum>,
    /// When it was over.
    #[ts(optional, type = "number")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<u64>,
    /// The workbench ended while it was raised: what came after is not known.
    #[serde(default)]
    pub interrupted: bool,
    /// A change has no end: it is not met any more as soon as it was told.
    pub lasting: bool,
    /// The system is told too.
    pub notify: bool,
    /// Somebody has seen it.
    pub acknowledged: bool,
    /// Why it could not be published.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Rules and alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AlertsState {
    /// The rules, in the order that they were made.
    pub rules: Vec<AlertRuleState>,
    /// The newest alerts, newest first, at most 200.
    pub alerts: Vec<Alert>,
    /// All that are kept.
    pub kept: u32,
    /// Older ones that made room.
    #[ts(type = "number")]
    pub forgotten: u64,
    /// Packets that were gone before they were read.
    #[ts(type = "number")]
    pub missed: u64,
    /// Why the rules could not be read when the workbench was opened, or written since.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ApiError>,
}

/// What every page says of alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AlertBrief {
    /// Alerts that nobody has seen.
    pub waiting: u32,
    /// The newest of all, by its identity; 0 where there was none.
    #[ts(type = "number")]
    pub newest: u64,
    /// It in a sentence.
    pub text: String,
}
