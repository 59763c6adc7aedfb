use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ClientCert, Finding, Protocol};

/// The configuration that holds, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConfigReport {
    /// The file that it was read from; absent where there is none and every value is a default.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The tables, in the order of the keys.
    pub sections: Vec<SettingSection>,
    /// Every key: those of each listener, then the others, in the order of the reference page.
    pub settings: Vec<Setting>,
    /// What a person should know of it before anyone connects.
    pub warnings: Vec<Finding>,
    /// The broker runs, and goes by something else until it is started again.
    pub restart: bool,
}

/// A table of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SettingSection {
    /// As it is written between brackets: `mqtt`, `listeners.tcp`.
    pub name: String,
    /// What it is for.
    pub doc: String,
}

/// How a person sets a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum SettingForm {
    /// A whole number.
    Number,
    /// Bytes, or a text such as `64 MiB`.
    Size,
    /// Seconds, or a text such as `10 s`.
    Time,
    /// `true` or `false`.
    Flag,
    /// One of a few words.
    Word,
    /// Any text.
    Text,
}

/// A key to write, or to take out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConfigChange {
    /// Its name with its table.
    pub key: String,
    /// What to write; quotes may be left out. Absent to take the key out, so that its default holds.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

/// A listener to add, or to change as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ListenerWrite {
    /// The listener that is changed, by its name; absent to add one.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub was: Option<String>,
    /// Its name from now on.
    pub name: String,
    /// Address and port.
    pub bind: String,
    /// How it speaks. Without TLS the keys of TLS are taken out.
    pub protocol: Protocol,
    /// What it asks of clients, where it speaks TLS; absent to leave it as it is.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_cert: Option<ClientCert>,
}

/// A key was written or taken out, or a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConfigChanged {
    /// What is written now.
    pub report: ConfigReport,
    /// What takes the change back; absent where the file said so already.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<u32>,
}

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Setting {
    /// Its name with its table: `mqtt.receive_maximum`, `listeners.tcp.bind`.
    pub key: String,
    /// Its table: `mqtt`, `listeners.tcp`.
    pub section: String,
    /// How it is set.
    pub form: SettingForm,
    /// What it can be, where that is one of a few words.
    pub words: Vec<String>,
    /// What holds, as a person says it: without quotes.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What would hold if it were not written, as a person says it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_text: Option<String>,
    /// What the broker that runs goes by until it is started again, where that is something else; empty for nothing.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
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
