//! What went wrong with the file, in sentences that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use mqttwb_model::durable::StoreError;
use rusqlite::ErrorCode;

/// The file that a store is in, to be named in its errors.
#[derive(Debug, Clone)]
pub struct Place(pub PathBuf);

impl Place {
    /// The file of the same name with something behind it, as SQLite makes them.
    pub fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn path(&self) -> std::path::Display<'_> {
        self.0.display()
    }

    /// What is there can't be trusted, because of `what`.
    pub fn damaged(&self, what: impl std::fmt::Display) -> StoreError {
        StoreError::Damaged(format!(
            "{path}: {what}. Nothing was changed. Put a copy back that you made before; or move this file and \
             {path}-wal away, and the broker begins without the sessions and retained messages that were in them.",
            path = self.path()
        ))
    }

    /// The file was written by a later program.
    pub fn later(&self, version: i64, ours: i64) -> StoreError {
        StoreError::Later(format!(
            "{} has tables of version {version}, and this program knows those up to {ours}. Use the program that wrote \
             it, or a later one; or name another file.",
            self.path()
        ))
    }

    /// Somebody has it open.
    pub fn in_use(&self) -> StoreError {
        StoreError::InUse(format!(
            "{}. Stop that broker, or whatever looks into the file, or give this one a file or a data folder of its own.",
            self.path()
        ))
    }

    /// The system said no to something other than SQLite.
    pub fn io(&self, what: &str, path: &Path, error: &io::Error) -> StoreError {
        let told = format!("{} {what}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::Full(format!("{told}. Make room on that disk."))
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                self.not_writable(told)
            }
            _ => StoreError::Other(format!("{told}.")),
        }
    }

    /// The file or its folder may not be written to.
    pub fn not_writable(&self, told: impl std::fmt::Display) -> StoreError {
        StoreError::Other(format!(
            "{told}. The broker must be able to write to this file and its folder: check who owns them and whether the \
             disk can be written to."
        ))
    }

    /// What SQLite said.
    pub fn sqlite(&self, error: &rusqlite::Error) -> StoreError {
        let told = format!("{}: {error}", self.path());
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                StoreError::Full(format!("{told}. Make room on that disk."))
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => self.damaged(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => self.in_use(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                self.not_writable(told)
            }
            // A quota or a limit on the size of files is told so, not as a full disk.
            Some(ErrorCode::SystemIoFailure) => StoreError::Full(format!(
                "{told}. The disk did not take it: look whether it is full, has a quota or fails."
            )),
            _ => StoreError::Other(format!("{told}.")),
        }
    }
}
