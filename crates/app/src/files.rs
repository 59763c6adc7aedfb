//! Files that are whole or not there, and secrets that nobody else may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use zeroize::Zeroizing;

use crate::Result;
use crate::api::{ApiError, ErrorCode};
use crate::words::sentence;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Who the umask lets.
    Umask,
    /// The owner alone.
    Owner,
}

/// The error of a file: what failed, on which one, and why.
pub(crate) fn error(what: &str, path: &Path, error: &io::Error) -> ApiError {
    let told = ApiError::new(
        ErrorCode::File,
        sentence(format_args!("{} {what}: {error}", path.display())),
    );
    match error.kind() {
        io::ErrorKind::PermissionDenied => told.hint("Check who owns it and may write to it."),
        io::ErrorKind::StorageFull => told.hint("Make room on the disk and try again."),
        _ => told,
    }
}

/// The path from the root on, so that it means the same in another program.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| error("is no path", path, &cause))
}

/// Makes a folder, and those above it, that only the owner can enter.
pub(crate) fn create_private_folder(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|cause| error("could not be made", path, &cause))
}

/// Makes a folder, and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|cause| error("could not be made", path, &cause))
}

/// Opens a file to lock; makes it where it is not there.
pub(crate) fn open_private(path: &Path) -> Result<File> {
    readable_by(Readers::Owner)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|cause| error("could not be opened", path, &cause))
}

/// Whether something is there.
pub(crate) fn exists(path: &Path) -> Result<bool> {
    path.try_exists()
        .map_err(|cause| error("could not be looked at", path, &cause))
}

/// The names of what is in a folder; names that are no text are left out.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let failed = |cause: io::Error| error("could not be read", folder, &cause);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    Ok(names)
}

/// A file's text.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|cause| error("could not be read", path, &cause))
}

/// A file's bytes.
pub(crate) fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(|cause| error("could not be read", path, &cause))
}

/// A secret file's text, wiped when it is dropped.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>> {
    read(path).map(Zeroizing::new)
}

/// Puts a file in place, whole.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text.as_bytes(), Readers::Umask)
}

/// Puts a file of bytes in place, whole.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, Readers::Umask)
}

/// Puts a file in place, whole, that only the owner can read: mode 0600 from its first byte on.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    replace(path, text.as_bytes(), Readers::Owner)
}

/// The same of bytes.
pub(crate) fn write_secret_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, Readers::Owner)
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(error("could not be removed", path, &cause))
        }
        _ => Ok(()),
    }
}

fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = readable_by(readers)
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|cause| {
        // It may never have been made; then there is nothing to remove.
        let _ = fs::remove_file(&temporary);
        error("could not be written", path, &cause)
    })
}

/// A name of our own in the same folder: a rename does not cross file systems.
fn temporary_beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()))
}

fn readable_by(readers: Readers) -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers; // Windows: the folder's access list is inherited, the user's own
    options
}
