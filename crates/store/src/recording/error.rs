//! What went wrong with a recording, in sentences that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use mqttwb_model::recording::ArchiveError;
use rusqlite::ErrorCode;

use super::schema::VERSION;

/// The file of a recording, to be named in its errors.
#[derive(Debug, Clone)]
pub struct Place(pub PathBuf);

impl Place {
    fn path(&self) -> std::path::Display<'_> {
        self.0.display()
    }

    /// The file of the same name with something behind it, as SQLite makes them.
    pub fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// It is something else.
    pub fn not_one(&self, what: &str) -> ArchiveError {
        ArchiveError::Damaged(format!(
            "{} is no recording: {what}. Choose one that was recorded or imported here.",
            self.path()
        ))
    }

    /// It was changed since it was written.
    pub fn damaged(&self, what: impl std::fmt::Display) -> ArchiveError {
        ArchiveError::Damaged(format!(
            "{} is damaged: {what}. Use a copy, if there is one.",
            self.path()
        ))
    }

    /// A later program wrote it.
    pub fn later(&self, version: i64) -> ArchiveError {
        ArchiveError::Later(format!(
            "{} has tables of version {version}, and this program knows those up to {VERSION}. Open it with the program \
             that recorded it, or a later one.",
            self.path()
        ))
    }

    /// Something of that name is there.
    pub fn exists(&self) -> ArchiveError {
        ArchiveError::File(format!(
            "{} is there already, and a recording does not overwrite anything. Choose another name.",
            self.path()
        ))
    }

    /// The system said no.
    pub fn io(&self, what: &str, path: &Path, error: &io::Error) -> ArchiveError {
        let told = format!("{} {what}: {error}.", path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ArchiveError::Full(format!("{told} Make room on that disk."))
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                ArchiveError::File(format!(
                    "{told} Check who owns it, or choose another place."
                ))
            }
            _ => ArchiveError::File(told),
        }
    }

    /// What SQLite said.
    pub fn sqlite(&self, error: &rusqlite::Error) -> ArchiveError {
        let told = format!("{}: {error}.", self.path());
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                ArchiveError::Full(format!("{told} Make room on that disk."))
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => self.damaged(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ArchiveError::File(
                format!("{told} Another program has it open: end that one first."),
            ),
            Some(ErrorCode::SystemIoFailure) => ArchiveError::Full(format!(
                "{told} The disk did not take it: look whether it is full, has a quota or fails."
            )),
            _ => ArchiveError::File(told),
        }
    }
}
