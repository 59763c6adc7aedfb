//! Charts and dashboards between two starts of the app: `DATA/charts.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::{Chart, Dashboard};
use crate::{Result, kept};

/// The format of the file.
const VERSION: u32 = 1;

/// What is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    pub last_id: u32,
    pub dashboards: Vec<Dashboard>,
    pub charts: Vec<Chart>,
}

/// The file of a data folder.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join("charts.json")
}

/// What the file holds; nothing where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Kept>> {
    kept::read("The charts", path, VERSION)
}

/// Puts the file in place, whole.
pub(super) fn write(path: &Path, held: &Kept) -> Result<()> {
    kept::write(path, VERSION, held)
}
