//! Passwords, passphrases and tokens of test clients.
//!
//! Duty: keep them between starts of the app, encrypted (ChaCha20-Poly1305) in `DATA/secrets.json` with a key of their own. The
//! system's keychain has that key where one answers, `DATA/secrets.key` otherwise; both files can be read by their owner
//! alone (0600 in a folder of 0700).
//! What that protects from: another user of the computer, and whoever comes by a copy of the data folder whose key is in the
//! keychain, or of `secrets.json` alone. Not from a program that runs as the same user.
//! Invariant: no secret leaves here but to a connection, or to an export that asks for it; none is logged. What can't be
//! opened while the keychain does not answer is not lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::{self, ApiError, ErrorCode};
use crate::keychain::{self, Keychain, KeychainError};
use crate::words::sentence;
use crate::{Result, files};

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Use {
    /// Of CONNECT.
    Password,
    /// Of a private key.
    Passphrase,
    /// Of a proxy.
    ProxyPassword,
    /// Authentication Data of CONNECT and AUTH.
    Authentication,
}

/// A client's secrets.
pub(crate) type Secrets = BTreeMap<Use, Zeroizing<String>>;

/// What is in the file: of each client, by number, a box with its secrets.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Boxes {
    /// The name under which the keychain has the key; it is in `secrets.key` where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keychain: Option<String>,
    clients: BTreeMap<u32, String>,
}

/// The files that secrets are kept in.
pub(super) struct Vault {
    boxes: PathBuf,
    key: PathBuf,
    keychain: Arc<dyn Keychain>,
    /// The key that was read from the keychain, and its name there: a person may have to allow each reading.
    held: Mutex<Option<(String, Zeroizing<Vec<u8>>)>>,
    /// The keychain was asked to take the key, and did not. A person is not asked twice.
    declined: AtomicBool,
}

impl Vault {
    pub fn of(data: &Path) -> Self {
        Self::with(data, keychain::system())
    }

    fn with(data: &Path, keychain: Arc<dyn Keychain>) -> Self {
        Self {
            boxes: data.join("secrets.json"),
            key: data.join("secrets.key"),
            keychain,
            held: Mutex::default(),
            declined: AtomicBool::new(false),
        }
    }

    /// Every client's secrets. Those that can't be opened are left out, by number: their passwords are to be entered anew.
    pub fn open(&self) -> Result<(BTreeMap<u32, Secrets>, Vec<u32>)> {
        let Some(boxes) = self.read_boxes()? else {
            return Ok(Default::default());
        };
        let key = match &boxes.keychain {
            Some(name) => self.read_keychain(name).ok(),
            None if files::exists(&self.key)? => self.read_file().ok(),
            None => None,
        };
        let key = key.and_then(|bytes| key_of(&bytes).ok());
        let (mut opened, mut shut) = (BTreeMap::new(), Vec::new());
        for (id, sealed) in boxes.clients {
            match key.as_ref().and_then(|key| open(key, id, &sealed)) {
                Some(secrets) => {
                    opened.insert(id, secrets);
                }
                None => shut.push(id),
            }
        }
        Ok((opened, shut))
    }

    /// Puts these in place of what was kept: of every client that there is, whether it has secrets or not.
    ///
    /// While the keychain does not answer, what it has the key of stays as it is, and nothing new can be kept.
    pub fn keep(&self, secrets: &BTreeMap<u32, Secrets>) -> Result<()> {
        let before = self.read_boxes()?;
        let nothing = secrets.values().all(BTreeMap::is_empty);
        if before.is_none() && nothing {
            return Ok(());
        }
        let before = before.unwrap_or_default();
        let held = self.held.lock().is_some();
        let mut boxes = Boxes::default();
        if let (Some(name), false) = (&before.keychain, held) {
            // What was not opened as the app started was not among the secrets since then.
            let unopened = before.clients.iter();
            boxes.clients = unopened
                .filter(|(id, _)| secrets.contains_key(id))
                .map(|(id, sealed)| (*id, sealed.clone()))
                .collect();
            if nothing {
                boxes.keychain = Some(name.clone());
                return self.write(&boxes);
            }
        }
        let (keychain, bytes) = match before.keychain {
            Some(name) => {
                let bytes = self.read_keychain(&name).map_err(|error| shut(&error))?;
                (Some(name), bytes)
            }
            None => self.key_of_file()?,
        };
        let key = key_of(&bytes)?;
        let in_keychain = keychain.is_some();
        boxes.keychain = keychain;
        for (id, secrets) in secrets.iter().filter(|(_, secrets)| !secrets.is_empty()) {
            boxes.clients.insert(*id, seal(&key, *id, secrets)?);
        }
        self.write(&boxes)?;
        if in_keychain {
            files::remove(&self.key)?;
        }
        Ok(())
    }

    /// What has the key; nothing where no secret is kept.
    pub fn kept_by(&self) -> Result<Option<api::KeptBy>> {
        Ok(self.read_boxes()?.map(|boxes| match boxes.keychain {
            Some(_) => api::KeptBy::Keychain,
            None => api::KeptBy::File,
        }))
    }

    fn read_boxes(&self) -> Result<Option<Boxes>> {
        if !files::exists(&self.boxes)? {
            return Ok(None);
        }
        Ok(Some(
            serde_json::from_str(&files::read(&self.boxes)?).unwrap_or_default(),
        ))
    }

    fn write(&self, boxes: &Boxes) -> Result<()> {
        let text = serde_json::to_string_pretty(boxes).map_err(|_| broken())?;
        files::write_secret(&self.boxes, &text)
    }

    /// The key of the file, or a new one, given to the keychain where that takes it.
    fn key_of_file(&self) -> Result<(Option<String>, Zeroizing<Vec<u8>>)> {
        let there = files::exists(&self.key)?;
        let bytes = match there {
            true => self.read_file()?,
            false => keychain::random_key().map_err(|_| broken())?,
        };
        let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        if !self.declined.load(Relaxed) && self.keychain.answers().is_ok() {
            let name = keychain::name_for("passwords of test clients");
            match keychain::keep_safely(&*self.keychain, &name, &text) {
                Ok(()) => {
                    *self.held.lock() = Some((name.clone(), bytes.clone()));
                    return Ok((Some(name), bytes));
                }
                Err(_) => self.declined.store(true, Relaxed),
            }
        }
        if !there {
            files::write_secret(&self.key, &text)?;
        }
        Ok((None, bytes))
    }

    fn read_file(&self) -> Result<Zeroizing<Vec<u8>>> {
        let text = files::read_secret(&self.key)?;
        let bytes = STANDARD.decode(text.trim()).map_err(|_| broken())?;
        Ok(Zeroizing::new(bytes))
    }

    fn read_keychain(&self, name: &str) -> std::result::Result<Zeroizing<Vec<u8>>, KeychainError> {
        let mut held = self.held.lock();
        if let Some((of, bytes)) = &*held
            && of == name
        {
            return Ok(bytes.clone());
        }
        let text = self.keychain.read(name)?;
        let bytes = STANDARD
            .decode(text.as_str())
            .map_err(|_| KeychainError::Missing(name.to_owned()))?;
        let bytes = Zeroizing::new(bytes);
        *held = Some((name.to_owned(), bytes.clone()));
        Ok(bytes)
    }
}

fn shut(error: &KeychainError) -> ApiError {
    ApiError::new(
        ErrorCode::Keychain,
        sentence(format_args!("passwords of test clients can't be kept: {error}")),
    )
    .hint("Unlock the keychain and try again. To begin anew, remove secrets.json from the data folder.")
}

fn key_of(bytes: &[u8]) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).map_err(|_| broken())?;
    Ok(LessSafeKey::new(key))
}

fn broken() -> ApiError {
    ApiError::new(ErrorCode::File, "The stored passwords can't be encrypted.").hint(
        "Remove secrets.key and secrets.json from the data folder, and enter the passwords anew.",
    )
}

/// A box of one client does not open as another's.
fn aad(id: u32) -> Aad<[u8; 4]> {
    Aad::from(id.to_be_bytes())
}

fn seal(key: &LessSafeKey, id: u32, secrets: &Secrets) -> Result<String> {
    let plain: BTreeMap<Use, &str> = secrets
        .iter()
        .map(|(of, text)| (*of, text.as_str()))
        .collect();
    let mut sealed = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| broken())?);
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| broken())?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(id), &mut *sealed)
        .map_err(|_| broken())?;
    let mut packed = nonce.to_vec();
    packed.extend_from_slice(&sealed);
    Ok(STANDARD.encode(packed))
}

fn open(key: &LessSafeKey, id: u32, sealed: &str) -> Option<Secrets> {
    let mut bytes = Zeroizing::new(STANDARD.decode(sealed).ok()?);
    let (nonce, sealed) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(id), sealed)
        .ok()?;
    let plain: BTreeMap<Use, String> = serde_json::from_slice(plain).ok()?;
    Some(
        plain
            .into_iter()
            .map(|(of, text)| (of, Zeroizing::new(text)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keychain::fake::Fake;

    fn secrets(password: &str) -> Secrets {
        BTreeMap::from([(Use::Password, Zeroizing::new(password.to_owned()))])
    }

    #[test]
    fn what_was_kept_is_found_again_and_stands_nowhere_in_the_files() {
        let data = tempfile::tempdir().unwrap();
        let vault = Vault::of(data.path());
        let all = BTreeMap::from([(1, secrets("s3cret")), (2, secrets("0ther"))]);
        vault.keep(&all).unwrap();
        assert_eq!(vault.open().unwrap(), (all, Vec::new()));
        let text = std::fs::read_to_string(data.path().join("secrets.json")).unwrap();
        assert!(!text.contains("s3cret") && !text.contains(&STANDARD.encode("s3cret")));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        Vault::of(data.path())
            .keep(&BTreeMap::from([(1, secrets("s3cret"))]))
            .unwrap();
        for name in ["secrets.json", "secrets.key"] {
            let mode = std::fs::metadata(data.path().join(name))
                .unwrap()
                .permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_box_that_was_changed_or_moved_stays_shut() {
        let data = tempfile::tempdir().unwrap();
        let vault = Vault::of(data.path());
        let all = BTreeMap::from([(1, secrets("s3cret"))]);
        vault.keep(&all).unwrap();
        let path = data.path().join("secrets.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"1\"", "\"2\"")).unwrap();
        assert_eq!(vault.open().unwrap(), (BTreeMap::new(), vec![2]));
        std::fs::write(&path, &text).unwrap();
        std::fs::remove_file(data.path().join("secrets.key")).unwrap();
        assert_eq!(vault.open().unwrap(), (BTreeMap::new(), vec![1]));
    }

    #[test]
    fn the_keychain_has_the_key_where_one_answers_and_takes_over_that_of_the_file() {
        let data = tempfile::tempdir().unwrap();
        let all = BTreeMap::from([(1, secrets("s3cret"))]);
        Vault::of(data.path()).keep(&all).unwrap();
        assert!(data.path().join("secrets.key").exists());
        let keychain = Arc::new(Fake::default());
        let vault = Vault::with(data.path(), keychain.clone());
        assert_eq!(vault.kept_by().unwrap(), Some(api::KeptBy::File));
        let (opened, _) = vault.open().unwrap();
        vault.keep(&opened).unwrap();
        assert_eq!(vault.kept_by().unwrap(), Some(api::KeptBy::Keychain));
        assert!(!data.path().join("secrets.key").exists());
        let again = Vault::with(data.path(), keychain.clone());
        assert_eq!(again.open().unwrap(), (all, Vec::new()));
        assert_eq!(keychain.entries.lock().len(), 1);
    }

    #[test]
    fn what_a_shut_keychain_has_the_key_of_is_not_lost() {
        let data = tempfile::tempdir().unwrap();
        let keychain = Arc::new(Fake::default());
        let all = BTreeMap::from([(1, secrets("s3cret")), (2, secrets("0ther"))]);
        Vault::with(data.path(), keychain.clone())
            .keep(&all)
            .unwrap();
        *keychain.shut.lock() = true;
        let vault = Vault::with(data.path(), keychain.clone());
        assert_eq!(vault.open().unwrap(), (BTreeMap::new(), vec![1, 2]));
        // A client is changed, another removed; a password is not taken.
        vault.keep(&BTreeMap::from([(1, Secrets::new())])).unwrap();
        let new = BTreeMap::from([(1, Secrets::new()), (3, secrets("new"))]);
        assert_eq!(vault.keep(&new).unwrap_err().code, ErrorCode::Keychain);
        *keychain.shut.lock() = false;
        vault.keep(&new).unwrap();
        let kept = BTreeMap::from([(1, secrets("s3cret")), (3, secrets("new"))]);
        let again = Vault::with(data.path(), keychain);
        assert_eq!(again.open().unwrap(), (kept, Vec::new()));
    }

    #[test]
    fn a_keychain_that_takes_no_key_leaves_it_in_the_file() {
        let data = tempfile::tempdir().unwrap();
        let keychain = Arc::new(Fake::default());
        *keychain.shut.lock() = true;
        let all = BTreeMap::from([(1, secrets("s3cret"))]);
        let vault = Vault::with(data.path(), keychain);
        vault.keep(&all).unwrap();
        assert_eq!(vault.kept_by().unwrap(), Some(api::KeptBy::File));
        assert_eq!(vault.open().unwrap(), (all, Vec::new()));
    }

    #[test]
    fn where_there_are_no_secrets_there_are_no_files() {
        let data = tempfile::tempdir().unwrap();
        Vault::of(data.path()).keep(&BTreeMap::new()).unwrap();
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
