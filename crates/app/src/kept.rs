//! What a person has made, between two starts of the app: a JSON file of a numbered format in the data folder.
//!
//! Invariant: a file that can't be read is told and left as it is.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::{ApiError, ErrorCode};
use crate::words::sentence;
use crate::{Result, files};

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    held: T,
}

/// That a file holds `what`, and can't be read.
pub(crate) fn damaged(what: &str, path: &Path, why: &str) -> ApiError {
    let path = path.display();
    ApiError::new(
        ErrorCode::File,
        sentence(format_args!("{what} in {path} can't be read: {why}")),
    )
    .hint("The file is left as it is, and nothing is written to it. Mend or remove it, and open the workbench again.")
}

/// What a file of this format holds; nothing where there is none.
pub(crate) fn read<T: DeserializeOwned>(
    what: &str,
    path: &Path,
    version: u32,
) -> Result<Option<T>> {
    if !files::exists(path)? {
        return Ok(None);
    }
    let text = files::read(path)?;
    let damaged = |why: String| damaged(what, path, &why);
    let file: Versioned<T> =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if file.version != version {
        return Err(damaged(format!(
            "it is of format {}, and this version knows format {version}",
            file.version
        )));
    }
    Ok(Some(file.held))
}

/// Puts the file in place, whole.
pub(crate) fn write<T: Serialize>(path: &Path, version: u32, held: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(&Versioned { version, held })
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    files::write(path, &text)
}
