use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What keeps the authority's keys from whoever reads the disk. Every key's file is its owner's alone (0600) besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum KeyProtection {
    /// The file's mode alone.
    #[default]
    File,
    /// A passphrase, asked for once in the life of a process.
    Passphrase,
    /// A random passphrase that the system's keychain has.
    Keychain,
}

/// How the authority's keys are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AuthorityKeys {
    /// What keeps the key that signs.
    pub protection: KeyProtection,
    /// Why it can't be used now; it can where this is left out.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// What is due, and waits until it is unlocked.
    pub waiting: Vec<String>,
    /// Why the system's keychain can't be chosen; it can where this is left out.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_keychain: Option<String>,
}

/// Another way to keep the authority's keys.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ProtectKeys {
    /// By what.
    pub protection: KeyProtection,
    /// The passphrase from now on, where it is by one; 8 characters at least.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
    /// The passphrase until now, where they are under one.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
}

/// What has the key that the passwords of test clients are encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum KeptBy {
    /// A file of the data folder, its owner's alone to read.
    File,
    /// The system's keychain.
    Keychain,
}
