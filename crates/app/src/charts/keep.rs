//! Charts and dashboards between two starts of the app: `DATA/charts.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::{ApiError, Chart, Dashboard, ErrorCode};
use crate::{Result, files};

/// The format of the file.
const VERSION: u32 = 1;

/// What is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    version: u32,
    pub last_id: u32,
    pub dashboards: Vec<Dashboard>,
    pub charts: Vec<Chart>,
}

impl Kept {
    pub fn new(last_id: u32, dashboards: Vec<Dashboard>, charts: Vec<Chart>) -> Self {
        Self {
            version: VERSION,
            last_id,
            dashboards,
            charts,
        }
    }
}

/// The file of a data folder.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join("charts.json")
}

/// What the file holds; nothing where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Kept>> {
    if !files::exists(path)? {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path)
        .map_err(|cause| files::error("could not be read", path, &cause))?;
    let damaged = |why: String| {
        ApiError::new(
            ErrorCode::File,
            format!("The charts in {} can't be read: {why}", path.display()),
        )
        .hint("The file is left as it is, and nothing is written to it. Mend or remove it, and open the workbench again.")
    };
    let kept: Kept = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if kept.version != VERSION {
        return Err(damaged(format!(
            "it is of format {}, and this version knows format {VERSION}",
            kept.version
        )));
    }
    Ok(Some(kept))
}

/// Puts the file in place, whole.
pub(super) fn write(path: &Path, kept: &Kept) -> Result<()> {
    let text = serde_json::to_string_pretty(kept)
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    files::write(path, &text)
}
