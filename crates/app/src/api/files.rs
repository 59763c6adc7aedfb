//! Files that a person chooses.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A question for a file, asked by the system's own dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FileQuestion {
    /// What the dialog is called.
    pub title: String,
    /// A file that is to be written, not one that is there.
    pub save: bool,
    /// The name that is proposed; of use where it is to be written.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kinds of files that are listed; all of them can be chosen.
    pub kinds: Vec<FileKind>,
}

/// A kind of file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FileKind {
    /// For people.
    pub label: String,
    /// How the names of such files end, without the dot.
    pub extensions: Vec<String>,
}
