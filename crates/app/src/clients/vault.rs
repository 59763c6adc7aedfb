//! Passwords, passphrases and tokens of test clients.
//!
//! Duty: keep them between starts of the app, encrypted (ChaCha20-Poly1305) in `DATA/secrets.json` with a key of their own in
//! `DATA/secrets.key`; both files can be read by their owner alone (0600 in a folder of 0700).
//! What that protects from: another user of the computer, and whoever comes by a copy of `secrets.json` or `clients.json`
//! alone. Not from a program that runs as the same user, which can read both files.
//! Invariant: no secret leaves here but to a connection, or to an export that asks for it; none is logged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::{ApiError, ErrorCode};
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
    clients: BTreeMap<u32, String>,
}

/// The files that secrets are kept in.
pub(super) struct Vault {
    boxes: PathBuf,
    key: PathBuf,
}

impl Vault {
    pub fn of(data: &Path) -> Self {
        Self {
            boxes: data.join("secrets.json"),
            key: data.join("secrets.key"),
        }
    }

    /// Every client's secrets. Those that can't be opened are left out, by number: their passwords are to be entered anew.
    pub fn open(&self) -> Result<(BTreeMap<u32, Secrets>, Vec<u32>)> {
        if !files::exists(&self.boxes)? {
            return Ok(Default::default());
        }
        let boxes: Boxes = serde_json::from_str(&files::read(&self.boxes)?).unwrap_or_default();
        let key = match files::exists(&self.key)? {
            true => self.read_key().ok(),
            false => None,
        };
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

    /// Puts these in place of what was kept.
    pub fn keep(&self, secrets: &BTreeMap<u32, Secrets>) -> Result<()> {
        if secrets.values().all(BTreeMap::is_empty) && !files::exists(&self.boxes)? {
            return Ok(());
        }
        let key = match files::exists(&self.key)? {
            true => self.read_key()?,
            false => self.make_key()?,
        };
        let mut boxes = Boxes::default();
        for (id, secrets) in secrets.iter().filter(|(_, secrets)| !secrets.is_empty()) {
            boxes.clients.insert(*id, seal(&key, *id, secrets)?);
        }
        let text = serde_json::to_string_pretty(&boxes).map_err(|_| broken())?;
        files::write_secret(&self.boxes, &text)
    }

    fn read_key(&self) -> Result<LessSafeKey> {
        let text = files::read_secret(&self.key)?;
        let bytes = STANDARD
            .decode(text.trim())
            .map(Zeroizing::new)
            .map_err(|_| broken())?;
        key_of(&bytes)
    }

    fn make_key(&self) -> Result<LessSafeKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(bytes.as_mut_slice())
            .map_err(|_| broken())?;
        let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        files::write_secret(&self.key, &text)?;
        key_of(bytes.as_slice())
    }
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
    fn where_there_are_no_secrets_there_are_no_files() {
        let data = tempfile::tempdir().unwrap();
        Vault::of(data.path()).keep(&BTreeMap::new()).unwrap();
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
