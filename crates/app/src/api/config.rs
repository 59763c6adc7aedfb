use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Finding;

/// The configuration that holds, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConfigReport {
    /// The file that it was read from; absent where there is none and every value is a default.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Every key: those of each listener, then the others, in the order of the reference page.
    pub settings: Vec<Setting>,
    /// What a person should know of it before anyone connects.
    pub warnings: Vec<Finding>,
}

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Setting {
    /// Its name with its table: `mqtt.receive_maximum`, `listeners.tcp.bind`.
    pub key: String,
    /// What holds, as it would be written; absent where nothing does.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What a plain number is a number of: `messages`, `bytes`, `seconds`.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What would hold if it were not written, as it would be written.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What holds where it is not written and that is no single value: a sentence's part.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// The line that it is written in, from 1; absent where the default holds.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What may be written, in words.
    pub expected: String,
    /// When a change is felt by a broker that runs.
    pub applies: SettingApplies,
    /// What it does: sentences.
    pub doc: String,
}

/// When a change of a key is felt by a broker that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum SettingApplies {
    /// At once.
    Now,
    /// By connections that are made after it.
    NewConnections,
    /// When the broker is started again.
    Restart,
}

/// A key that the file gives another value than the one that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SettingChange {
    /// Its name with its table; `listeners.NAME` for a listener as a whole.
    pub key: String,
    /// What held, as it would be written; absent where nothing did.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What the file says; absent where nothing holds by it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When it is felt.
    pub applies: SettingApplies,
}

/// What came of reading the configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConfigReloaded {
    /// The file that was read; absent where there is none and every value is a default.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What was applied.
    pub applied: Vec<SettingChange>,
    /// What holds only when the broker is started again.
    pub restart: Vec<SettingChange>,
}
