//! Files that somebody names.

use std::path::Path;

use mqttwb_app::Result;
use mqttwb_app::api::{ApiError, ErrorCode};

/// The text of a file.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        ApiError::new(
            ErrorCode::File,
            format!("{} can't be read: {error}.", path.display()),
        )
    })
}
