//! The keys of devices that were made here: encrypted where the authority's are.
//!
//! What encrypts them is derived from the key that signs, so whoever opens that opens them, and another passphrase touches none of
//! them. The server's key is not among them: a broker opens its listeners while nobody is there.
//! Invariant: while any of them is encrypted the key that signs is, too, and opens it.

use std::path::Path;

use mqttwb_pki::{Identity, SecretKey, Wrapping};
use zeroize::Zeroizing;

use super::{Held, certificate_error, write_identity};
use crate::api::{ApiError, ErrorCode, KeyProtection};
use crate::words::sentence;
use crate::{Result, files};

impl Held {
    /// Writes a device's key and certificate into their files.
    pub(super) fn keep(&self, files: (&Path, &Path), identity: &Identity) -> Result<()> {
        write_identity(files, &self.seal(&identity.key)?, identity, &self.chain)
    }

    /// A device's key as its file has it: encrypted where the authority's is.
    fn seal(&self, key: &SecretKey) -> Result<Zeroizing<String>> {
        match self.keys.protection {
            KeyProtection::File => Ok(key.to_pem()),
            KeyProtection::Passphrase | KeyProtection::Keychain => self
                .wrapping()?
                .seal(key)
                .map_err(|error| certificate_error(&error)),
        }
    }

    /// Reads a device's key out of its file.
    pub(super) fn open(&self, path: &Path) -> Result<SecretKey> {
        let text = files::read_secret(path)?;
        let opened = match SecretKey::is_encrypted(&text) {
            true => self.wrapping()?.open(&text),
            false => SecretKey::from_pem(&text),
        };
        opened.map_err(|error| {
            ApiError::new(
                ErrorCode::Certificate,
                sentence(format_args!("{}: {error}", path.display())),
            )
        })
    }

    /// What opens the keys of devices; an error while the authority's is locked.
    fn wrapping(&self) -> Result<Wrapping> {
        let key = self.signing_key().ok_or_else(|| self.keys.refusal())?;
        Wrapping::of(&key).map_err(|error| certificate_error(&error))
    }

    /// Encrypts the keys of devices that are not, where they are to be: those of an earlier version, and of a change that was
    /// cut off.
    pub(super) fn seal_devices(&self, folder: &Path) -> Result<()> {
        match (self.keys.protection, self.signing_key()) {
            (KeyProtection::File, _) | (_, None) => Ok(()),
            (_, Some(_)) => rewrap(folder, &self.wrapping()?, true),
        }
    }
}

/// Encrypts the keys of devices, or takes them out of it. Each file is whole at every moment; one that is damaged stays as it
/// is, and is told of when somebody wants it.
pub(super) fn rewrap(folder: &Path, wrapping: &Wrapping, sealed: bool) -> Result<()> {
    let devices = folder.join("devices");
    for name in files::names_in(&devices)? {
        let path = devices.join(&name);
        if !name.ends_with(".key") {
            continue;
        }
        let text = files::read_secret(&path)?;
        if SecretKey::is_encrypted(&text) == sealed {
            continue;
        }
        let Ok(key) = wrapping.open(&text) else {
            continue;
        };
        let text = match sealed {
            true => wrapping
                .seal(&key)
                .map_err(|error| certificate_error(&error))?,
            false => key.to_pem(),
        };
        files::write_secret(&path, &text)?;
    }
    Ok(())
}
