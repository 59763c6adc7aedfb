//! Standard output and standard error.

use std::io::{self, Write as _};

use mqttwb_app::Result;
use mqttwb_app::api::{ApiError, ErrorCode};

/// How things are printed.
#[derive(Debug)]
pub struct Output {
    json: bool,
}

/// Nobody reads standard output any more, as after `| head -1`: a reason to end, not to complain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderGone;

impl Output {
    /// Prints JSON, or text.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints bytes and a line's end, at once.
    pub fn line(&self, line: &[u8]) -> std::result::Result<(), ReaderGone> {
        let mut out = io::stdout().lock();
        out.write_all(line)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(|_| ReaderGone)
    }

    /// Prints a value as one line of JSON.
    pub fn json(
        &self,
        value: &impl serde::Serialize,
    ) -> Result<std::result::Result<(), ReaderGone>> {
        let line = serde_json::to_vec(value).map_err(|error| {
            ApiError::new(
                ErrorCode::Internal,
                format!("No JSON can be made: {error}."),
            )
        })?;
        Ok(self.line(&line))
    }

    /// Tells what went wrong, and what to do next.
    pub fn fail(&self, error: &ApiError) {
        let told = if self.json {
            serde_json::to_string(error).unwrap_or_else(|_| error.message.clone())
        } else {
            match &error.hint {
                Some(hint) => format!("mqttwb: {}\n        {hint}", error.message),
                None => format!("mqttwb: {}", error.message),
            }
        };
        // Where even standard error is closed, the exit code still tells.
        let _ = writeln!(io::stderr(), "{told}");
    }
}
