use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What kind of thing went wrong, for the page to act on. The page matches it without a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ErrorCode {
    /// A listener's port is taken by another program. The action is to start with `freePorts`.
    PortInUse,
    /// A listener would let in anybody from the network. The action is to set `access.allow_open`, or to bind it to this
    /// computer.
    OpenToAll,
    /// A listener could not be opened for another reason.
    ListenerFailed,
    /// The broker runs already, or does not run.
    WrongState,
    /// A name, topic, filter, payload or number is not as it must be.
    InvalidInput,
    /// There is nothing of that name.
    NotFound,
    /// There is something of that name already.
    AlreadyExists,
    /// Reading or writing a file failed.
    File,
    /// What outlives the broker can't be opened: damaged, in use, or without room.
    Store,
    /// A certificate, key or authority could not be made or read.
    Certificate,
    /// The authority's key is locked. The action is to unlock it.
    Locked,
    /// The system's keychain does not answer, or did not open.
    Keychain,
    /// A test client could not do what was asked.
    Client,
    /// `broker.toml` is not as it must be.
    Config,
    /// A person ended it before it was done.
    Cancelled,
    /// A fault of the workbench itself.
    Internal,
}

/// An error as a person reads it: what happened, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
#[error("{message}")]
pub struct ApiError {
    /// The kind.
    pub code: ErrorCode,
    /// What happened, to what.
    pub message: String,
    /// What to do next.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl ApiError {
    /// An error without a hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same error with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
