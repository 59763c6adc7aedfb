use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum Severity {
    Info,
    Warning,
    Serious,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    pub title: String,
    /// What follows from it, and what to do.
    pub detail: String,
    /// What shows it, as things are now.
    #[ts(optional, as = "Option<Vec<String>>")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What mends it, the best first.
    #[ts(optional, as = "Option<Vec<Fix>>")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// A finding with neither evidence nor a fix.
    pub(crate) fn new(
        severity: Severity,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            title: title.into(),
            detail: detail.into(),
            evidence: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// The same with what shows it.
    pub(crate) fn seen(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// The same with something that mends it.
    pub(crate) fn mended_by(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }
}

/// Something that mends a finding: an act of the window, words for a shell, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Fix {
    /// What its button says.
    pub label: String,
    /// What else follows from it: asked before it is done. Without it, it costs nobody anything.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// What the window does.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<FixAct>,
    /// The same in a shell.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Fix {
    /// An act of the window.
    pub(crate) fn act(label: impl Into<String>, act: FixAct) -> Self {
        Self {
            label: label.into(),
            effect: None,
            act: Some(act),
            command: None,
        }
    }

    /// Writing a key of `broker.toml`.
    pub(crate) fn set(label: &str, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        Self::act(label, FixAct::Set { key, value })
    }

    /// Going to where a person mends it.
    pub(crate) fn show(label: &str, page: &str, part: Option<String>) -> Self {
        let page = page.to_owned();
        Self::act(label, FixAct::Show { page, part })
    }

    /// The same, which is asked for first, with what else follows from it.
    pub(crate) fn at_the_price_of(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into());
        self
    }

    /// The same with words for a shell.
    pub(crate) fn in_a_shell(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// What the window does to mend a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum FixAct {
    /// Writes a key of `broker.toml`. It can be taken back.
    Set {
        /// `access.anonymous`.
        key: String,
        /// The value.
        value: String,
    },
    /// Stops the broker and starts it again.
    Restart,
    /// Makes a device's certificate anew, under the same name.
    Renew {
        /// The device.
        name: String,
        /// Days that it is valid for.
        days: u32,
    },
    /// Signs the revocation list anew.
    SignRevocations {
        /// The number of the list that is meant; where another is in its place, nothing is left to do.
        #[ts(type = "number")]
        number: u64,
    },
    /// Takes a rule out of `acl.toml`. It can be taken back.
    RemoveRule {
        /// The line that it begins at.
        line: u32,
    },
    /// Goes to a page, and to a part of it.
    Show {
        /// `access`, `certificates`, `sessions` or `settings`.
        page: String,
        /// `rules:12`, `accounts`, `learn`; the name of a certificate, `keys:unlock`.
        #[ts(optional)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<String>,
    },
}

/// A rule that was taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RuleRemoved {
    /// What holds now.
    pub applied: super::RulesApplied,
    /// The rules as they were before, to take it back.
    pub before: String,
}
