//! The recordings of a data folder, by name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqttwb_capture::{Recording, Source as _};
use mqttwb_model::Timestamp;
use mqttwb_model::recording::{GapCause, Origin};
use mqttwb_store::recording::{RecordingFile, RecordingWriter};

use crate::Result;
use crate::api::{
    ApiError, ErrorCode, RecordingContents, RecordingEntry, RecordingGap, RecordingOrigin,
};
use crate::files;

use super::{archive_failed, transfer};

/// What the file of a recording ends with.
pub const EXTENSION: &str = "mqttrec";
/// The folder of recordings that were deleted and can come back.
const DELETED: &str = ".deleted";

/// Opens a recording.
pub fn open(path: &Path) -> Result<Arc<Recording>> {
    let file = RecordingFile::open(path).map_err(|error| archive_failed(&error))?;
    Recording::open(Arc::new(file))
        .map(Arc::new)
        .map_err(|error| archive_failed(&error))
}

/// What is in a recording.
pub fn contents(recording: &Recording) -> RecordingContents {
    let about = recording.about();
    let kept = recording.kept();
    let span = recording.span();
    let missing = [GapCause::NotCaptured, GapCause::Overtaken]
        .into_iter()
        .map(|cause| RecordingGap {
            packets: recording
                .gaps()
                .iter()
                .filter(|gap| gap.cause == cause)
                .map(|gap| gap.packets)
                .sum(),
            reason: cause.text().into(),
        })
        .filter(|gap| gap.packets > 0)
        .collect();
    RecordingContents {
        origin: match about.origin {
            Origin::Broker => RecordingOrigin::Broker,
            Origin::Client => RecordingOrigin::Client,
            Origin::Import => RecordingOrigin::Import,
        },
        detail: about.detail.clone(),
        packets: kept.end - kept.start,
        begun: about.begun.as_millis(),
        ended: about.ended.map(Timestamp::as_millis),
        from: span.map(|(earliest, _)| earliest.as_millis()),
        until: span.map(|(_, latest)| latest.as_millis()),
        missing,
        rolled_off: about.rolled_off,
    }
}

/// The folder that recordings are in.
#[derive(Debug, Clone)]
pub struct Library(PathBuf);

impl Library {
    /// The recordings of a data folder.
    pub fn of(data: &Path) -> Self {
        Self(data.join("recordings"))
    }

    /// The file of a recording of this name; an error where the name can't be one.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let invalid = |why: &str| {
            Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("“{name}” can't be the name of a recording: {why}."),
            ))
        };
        if name.trim() != name || name.is_empty() {
            return invalid("it is empty, or begins or ends with a space");
        }
        if name.len() > 100 {
            return invalid("it has more than 100 bytes");
        }
        // What no system takes as a part of a name, and what would lead out of the folder.
        if name.starts_with('.') || name.ends_with('.') {
            return invalid("it begins or ends with a dot");
        }
        if let Some(bad) = name
            .chars()
            .find(|c| c.is_control() || r#"/\:*?"<>|"#.contains(*c))
        {
            return invalid(&format!("it has a {bad:?} in it"));
        }
        Ok(self.0.join(format!("{name}.{EXTENSION}")))
    }

    /// The file of a recording that is there.
    pub fn existing(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name)?;
        if files::exists(&path)? {
            return Ok(path);
        }
        Err(ApiError::new(
            ErrorCode::NotFound,
            format!("There is no recording “{name}”."),
        ))
    }

    /// The file for a new recording, in a folder that is there.
    pub fn new_path(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name)?;
        files::create_private_folder(&self.0)?;
        if files::exists(&path)? {
            return Err(taken(name));
        }
        Ok(path)
    }

    /// A name of this beginning that is not taken.
    pub fn free_name(&self, beginning: &str) -> Result<String> {
        for number in 1.. {
            let name = match number {
                1 => beginning.to_owned(),
                n => format!("{beginning} ({n})"),
            };
            if !files::exists(&self.path(&name)?)? {
                return Ok(name);
            }
        }
        Err(taken(beginning))
    }

    /// All of them, those of the newest file first.
    pub fn list(&self) -> Result<Vec<RecordingEntry>> {
        if !files::exists(&self.0)? {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        for file in files::names_in(&self.0)? {
            if let Some(name) = file.strip_suffix(&format!(".{EXTENSION}"))
                && !name.starts_with('.')
            {
                entries.push(self.entry(name));
            }
        }
        entries.sort_by_key(|entry| {
            let begun = entry.contents.as_ref().map(|contents| contents.begun);
            std::cmp::Reverse((begun, entry.name.clone()))
        });
        Ok(entries)
    }

    /// One of them as it stands.
    pub fn entry(&self, name: &str) -> RecordingEntry {
        let path = self.0.join(format!("{name}.{EXTENSION}"));
        let size = |suffix: &str| {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            fs::metadata(PathBuf::from(name)).map_or(0, |metadata| metadata.len())
        };
        let opened = open(&path);
        RecordingEntry {
            name: name.to_owned(),
            path: path.display().to_string(),
            size: size("") + size("-wal"),
            contents: opened.as_ref().ok().map(|recording| contents(recording)),
            problem: opened.err(),
            recording: false,
            open: false,
        }
    }

    /// Gives a recording another name.
    pub fn rename(&self, name: &str, new: &str) -> Result<()> {
        let from = self.existing(name)?;
        let to = self.new_path(new)?;
        self.shift(&from, &to)
    }

    /// Takes a recording away, so that it can come back.
    pub fn delete(&self, name: &str) -> Result<()> {
        let from = self.existing(name)?;
        let deleted = self.0.join(DELETED);
        files::create_private_folder(&deleted)?;
        let to = deleted.join(format!("{name}.{EXTENSION}"));
        // The one of that name that was deleted before can't come back any more.
        transfer::remove(&to);
        self.shift(&from, &to)
    }

    /// Brings a recording back that was deleted.
    pub fn restore(&self, name: &str) -> Result<()> {
        let to = self.new_path(name)?;
        let from = self.0.join(DELETED).join(format!("{name}.{EXTENSION}"));
        if !files::exists(&from)? {
            return Err(ApiError::new(
                ErrorCode::NotFound,
                format!("“{name}” can't come back: it was deleted before the program was started."),
            ));
        }
        self.shift(&from, &to)
    }

    /// Forgets what was deleted.
    pub fn empty(&self) {
        // Where it can't be removed now, it is when the program is started the next time.
        let _ = fs::remove_dir_all(self.0.join(DELETED));
    }

    fn shift(&self, from: &Path, to: &Path) -> Result<()> {
        // What a killed writer left beside the file belongs to its name. One that is damaged moves as it is.
        let _ = RecordingWriter::settle(from);
        fs::rename(from, to)
            .map_err(|error: io::Error| files::error("could not be moved", from, &error))
    }
}

fn taken(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::AlreadyExists,
        format!("There is a recording “{name}” already."),
    )
    .hint("Choose another name.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        let library = Library::of(Path::new("data"));
        for name in [
            "",
            " a",
            "../a",
            "a/b",
            r"a\b",
            ".hidden",
            "a.",
            "a\u{0}",
            "c:a",
            &"x".repeat(101),
        ] {
            let error = library.path(name).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidInput, "{name:?}");
        }
        let path = library.path("2026-03-01 12.00 Prüfstand").unwrap();
        assert!(path.ends_with("recordings/2026-03-01 12.00 Prüfstand.mqttrec"));
    }
}
