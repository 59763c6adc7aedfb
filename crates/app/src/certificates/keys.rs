//! What keeps the authority's keys: their files' mode alone, a passphrase, or the system's keychain.
//!
//! A key that is kept by more than its mode is PKCS #8 under PBES2 in the same file. Of the keychain the passphrase is random,
//! and the file `keychain` says under which name it stands there. Signing needs the issuing authority's key alone: it is
//! opened once, and held in memory until the process ends or it is locked again.
//! Invariant: at every moment of a change each key's file can be opened by the old way or by the new one.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_model::Timestamp;
use mqttwb_pki::{Authority, Certificate, SecretKey, Wrapping};
use zeroize::Zeroizing;

use super::authority::{SHORTEST, key_error, sealed};
use super::{CertificateStore, Held, certificate_error, device_keys, lock};
use crate::api::{self, ApiError, ErrorCode, KeyProtection};
use crate::keychain::{self, Keychain, KeychainError};
use crate::words::sentence;
use crate::{Result, files};

/// Says under which name the keychain has what opens the keys.
pub(super) const MARKER: &str = "keychain";

/// How the authority's key is kept, and whether it can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) protection: KeyProtection,
    /// Why it can't be used now.
    pub(super) locked: Option<String>,
}

impl Keys {
    /// What somebody hears who wants something signed.
    pub(super) fn refusal(&self) -> ApiError {
        let why = self.locked.as_deref().unwrap_or("its passphrase is needed");
        let told = ApiError::new(
            ErrorCode::Locked,
            sentence(format_args!("the authority's key is locked: {why}")),
        );
        told.hint(match self.protection {
            KeyProtection::Keychain => "Unlock the keychain and try again.",
            KeyProtection::File | KeyProtection::Passphrase => {
                "Unlock it on the page Certificates; in a terminal give --passphrase-file FILE or MQTTWB_PASSPHRASE; of a broker that runs elsewhere: mqttwb cert authority unlock."
            }
        })
    }
}

/// What opens keys without asking anybody.
pub(super) struct Openers<'a> {
    pub(super) keychain: &'a dyn Keychain,
    /// The signing key, where it was opened before.
    pub(super) unlocked: Option<SecretKey>,
}

/// The file of the key that signs.
fn signing_file(folder: &Path) -> Result<PathBuf> {
    let issuing = files::exists(&folder.join("issuing.crt"))?;
    Ok(folder.join(if issuing { "issuing.key" } else { "ca.key" }))
}

/// The name under which the keychain has what opens a folder's keys.
fn marked(folder: &Path) -> Result<Option<String>> {
    let path = folder.join(MARKER);
    match files::exists(&path)? {
        true => Ok(Some(files::read(&path)?.trim().to_owned())),
        false => Ok(None),
    }
}

/// Opens the key that signs for `certificate`, if that can be done without asking. A key that is damaged, or another's, is
/// an error; one that is locked is not.
pub(super) fn open(
    folder: &Path,
    certificate: &Certificate,
    openers: &Openers<'_>,
) -> Result<(Option<SecretKey>, Keys)> {
    let text = files::read_secret(&signing_file(folder)?)?;
    if !SecretKey::is_encrypted(&text) {
        let key = SecretKey::from_pem(&text).map_err(|error| key_error(&error))?;
        let keys = Keys {
            protection: KeyProtection::File,
            locked: None,
        };
        return Ok((Some(key), keys));
    }
    let name = marked(folder)?;
    let protection = match name {
        Some(_) => KeyProtection::Keychain,
        None => KeyProtection::Passphrase,
    };
    let known = openers.unlocked.clone();
    let (key, locked) = match (known.filter(|key| key.belongs_to(certificate)), name) {
        (Some(key), _) => (Some(key), None),
        (None, None) => (None, Some("its passphrase is needed".to_owned())),
        (None, Some(name)) => match openers.keychain.read(&name) {
            Err(error) => (None, Some(error.to_string())),
            Ok(secret) => match SecretKey::open_pem(&text, Some(&secret)) {
                Ok(key) => (Some(key), None),
                Err(error) => (
                    None,
                    Some(format!("what the keychain has opens it not: {error}")),
                ),
            },
        },
    };
    Ok((key, Keys { protection, locked }))
}

impl Held {
    /// Who signs; an error while its key is locked.
    pub(super) fn signer(&self) -> Result<&Authority> {
        self.signer.as_ref().ok_or_else(|| self.keys.refusal())
    }
}

impl CertificateStore {
    /// How the authority's keys are kept, for people.
    pub(super) fn keys_for_people(&self, held: &Held) -> api::AuthorityKeys {
        api::AuthorityKeys {
            protection: held.keys.protection,
            locked: held.keys.locked.clone(),
            waiting: held.waiting.clone(),
            no_keychain: self.keychain.answers().err().map(|error| sentence(&error)),
        }
    }

    /// How the authority's keys are kept, as it is known now.
    pub(crate) fn keys(&self) -> api::AuthorityKeys {
        self.keys_for_people(&self.held())
    }

    /// Whether the key that signs is locked.
    pub fn is_locked(&self) -> bool {
        self.held().keys.locked.is_some()
    }

    /// Opens the key that signs with its passphrase, does what waited for it, and holds it until the process ends.
    pub fn unlock(&self, passphrase: &str) -> Result<()> {
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        self.look(now)?;
        if !self.is_locked() {
            return Ok(());
        }
        let text = files::read_secret(&signing_file(&self.folder)?)?;
        let key =
            SecretKey::open_pem(&text, Some(passphrase)).map_err(|error| key_error(&error))?;
        *self.unlocked.lock() = Some(key);
        self.look(now)?;
        self.held().seal_devices(&self.folder)
    }

    /// Forgets the key that signs, until it is unlocked again.
    pub fn lock_keys(&self) -> Result<()> {
        let _lock = lock(&self.folder)?;
        self.look(Timestamp::now())?;
        if self.held().keys.protection != KeyProtection::Passphrase {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                "The authority's key is under no passphrase, so it can't be locked.",
            )
            .hint("Choose a passphrase for it first."));
        }
        *self.unlocked.lock() = None;
        self.look(Timestamp::now())?;
        Ok(())
    }

    /// Keeps the authority's keys in another way. A root's key that is under a passphrase of its own stays under it, and one
    /// that is under any passphrase does not come out from under it.
    pub fn protect(&self, request: &api::ProtectKeys) -> Result<()> {
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        self.look(now)?;
        self.protect_alone(request)?;
        self.look(now)?;
        self.held().seal_devices(&self.folder)
    }

    /// Whoever calls this has the folder's lock, and has looked.
    pub(super) fn protect_alone(&self, request: &api::ProtectKeys) -> Result<()> {
        let before = self.held().keys.protection;
        let given = |text: &Option<String>| text.clone().map(Zeroizing::new);
        let (wanted, current) = (given(&request.passphrase), given(&request.current));
        if request.protection == KeyProtection::Passphrase
            && wanted
                .as_ref()
                .is_none_or(|text| text.chars().count() < SHORTEST)
        {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("A passphrase has at least {SHORTEST} characters."),
            ));
        }
        if request.protection == before && before != KeyProtection::Passphrase {
            return Ok(());
        }
        let name = marked(&self.folder)?;
        let by_keychain = match &name {
            Some(name) => self.keychain.read(name).map_err(|error| unanswered(&error)),
            None => Ok(Zeroizing::default()),
        };
        let opens = match before {
            KeyProtection::File => None,
            KeyProtection::Passphrase => current.clone(),
            // The passphrase may be what opens it where a change was cut off.
            KeyProtection::Keychain => Some(match (&by_keychain, &current) {
                (Err(_), Some(current)) => current.clone(),
                _ => by_keychain.clone()?,
            }),
        };
        let (signing, root) = (signing_file(&self.folder)?, self.folder.join("ca.key"));
        let opened = |path: &Path, opens: Option<&Zeroizing<String>>| -> Result<SecretKey> {
            SecretKey::open_pem(&files::read_secret(path)?, opens.map(|text| text.as_str()))
                .map_err(|error| key_error(&error))
        };
        let signing_key = opened(&signing, opens.as_ref())?;
        // The root's: by what opens the other, by a passphrase that was given, or not at all.
        let root_key = if root != signing && files::exists(&root)? {
            opened(&root, opens.as_ref())
                .or_else(|_| opened(&root, current.as_ref()))
                .ok()
        } else {
            None
        };
        let root_was_plain = match &root_key {
            Some(_) => !SecretKey::is_encrypted(&files::read_secret(&root)?),
            None => false,
        };

        let (secret, marker) = match request.protection {
            KeyProtection::File => (None, None),
            KeyProtection::Passphrase => (wanted, None),
            KeyProtection::Keychain => {
                let bits = keychain::random_key().map_err(|_| {
                    ApiError::new(ErrorCode::Internal, "The system has no random numbers.")
                })?;
                let secret = Zeroizing::new(STANDARD.encode(bits.as_slice()));
                let name = keychain::name_for("authority");
                keychain::keep_safely(&*self.keychain, &name, &secret)
                    .map_err(|error| unanswered(&error))?;
                (Some(secret), Some(name))
            }
        };
        let seal = |key: &SecretKey| sealed(key, secret.as_ref().map(|text| text.as_str()));
        if let Some(name) = &marker {
            files::write(&self.folder.join(MARKER), &format!("{name}\n"))?;
        }
        let comes_out =
            request.protection == KeyProtection::File && before == KeyProtection::Passphrase;
        if let Some(key) = root_key.filter(|_| !comes_out || root_was_plain) {
            files::write_secret(&root, &seal(&key)?)?;
        }
        // While the signing key is encrypted what opens theirs is certain to be opened.
        if request.protection == KeyProtection::File {
            let wrapping = Wrapping::of(&signing_key).map_err(|error| certificate_error(&error))?;
            device_keys::rewrap(&self.folder, &wrapping, false)?;
        }
        files::write_secret(&signing, &seal(&signing_key)?)?;
        *self.unlocked.lock() = Some(signing_key);
        if marker.is_none() && name.is_some() {
            files::remove(&self.folder.join(MARKER))?;
        }
        if let Some(old) = name {
            // Nothing is sealed by it any more; where the keychain does not answer it stays, and opens nothing.
            let _ = self.keychain.forget(&old);
        }
        Ok(())
    }
}

fn unanswered(error: &KeychainError) -> ApiError {
    ApiError::new(ErrorCode::Keychain, sentence(error)).hint(
        "Nothing was changed. Unlock the keychain and try again, or take a passphrase instead.",
    )
}
