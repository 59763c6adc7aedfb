//! `broker.control`: where a running broker hears commands, for whoever may read the data folder.

use std::path::{Path, PathBuf};

use rustls::crypto::ring;
use serde::{Deserialize, Serialize};

use crate::api::{ApiError, ErrorCode};
use crate::{Result, files};

/// The file's name in the data folder.
const FILE_NAME: &str = "broker.control";

/// What is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ControlFile {
    pub(super) port: u16,
    pub(super) token: String,
}

/// Where it is.
pub(super) fn path(data: &Path) -> PathBuf {
    data.join(FILE_NAME)
}

/// A token that nobody can guess: 256 random bits.
pub(super) fn token() -> Result<String> {
    let mut bits = [0; 32];
    ring::default_provider()
        .secure_random
        .fill(&mut bits)
        .map_err(|_| ApiError::new(ErrorCode::Internal, "The system gives no random bits."))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl ControlFile {
    /// Puts it into a data folder, instead of one that was left behind.
    pub(super) fn write(&self, data: &Path) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        files::write_secret(&path(data), &text)
    }

    /// The one of a data folder; `None` where there is none, or none that can be understood.
    pub(super) fn read(data: &Path) -> Result<Option<Self>> {
        let path = path(data);
        if !files::exists(&path)? {
            return Ok(None);
        }
        Ok(serde_json::from_str(&files::read(&path)?).ok())
    }

    /// Removes it, unless another broker's is there by now.
    pub(super) fn remove(&self, data: &Path) {
        if let Ok(Some(there)) = Self::read(data)
            && there == *self
        {
            // Where it can't be removed it is recognised as left behind.
            let _ = std::fs::remove_file(path(data));
        }
    }
}
