//! The authority of a data folder and all that it has signed.
//!
//! Duty: keep keys and certificates in `pki/` of the data folder; issue, renew, revoke and export devices; keep the server
//! certificate and the revocation list good; and make what rustls needs.
//! Not here: X.509 itself (`mqttwb_pki`), TLS connections (broker, client). Every call reads or writes files: the facade
//! runs them where blocking is allowed.
//! Invariant: a private key's file is nobody else's to read from its first byte on, and no file is ever half written.
//! Whoever changes `pki/` holds its lock and looks at what is there first, so that a running broker and `mqttwb cert`
//! share a folder.

mod authority;
mod batch;
mod bundle;
mod desk;
mod device_keys;
mod devices;
mod folder;
mod inspect;
mod keys;
mod outside;
mod remote_tls;
mod revoking;
mod server;
mod tls;
mod words;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mqttwb_model::Timestamp;
use mqttwb_pki::{
    Authority, AuthorityChain, Certificate, CertificateError, DeviceName, Identity, RevocationList,
    SecretKey, ServerNames,
};
use parking_lot::{Mutex, RwLock};

use crate::api::{self, ApiError, CertificateKind, ErrorCode};
use crate::keychain::{self, Keychain};
use crate::words::sentence;
use crate::{Result, files};

pub use desk::CertificateDesk;
pub(crate) use desk::tls_port_of;
pub use folder::DEFAULT_TLS_PORT;
use keys::{Keys, Openers};
pub(crate) use outside::OutsideLists;
pub(crate) use server::names_of_listeners;
pub use tls::OwnFiles;
pub(crate) use tls::client_config_of_files;
use words::for_people;

/// A certificate that ends sooner than this is worth a word, and the server's is renewed.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Ten years.
const AUTHORITY_DAYS: u32 = 3653;
/// As long as Apple's TLS accepts for a server: 825 days, of which one lies in the past.
const SERVER_DAYS: u32 = 824;
/// The longest life of a device certificate.
const DEVICE_DAYS: u32 = 3650;

/// The authority of a data folder, its server certificate, its devices and what it has revoked.
pub struct CertificateStore {
    folder: PathBuf,
    exports: PathBuf,
    keychain: Arc<dyn Keychain>,
    /// The key that signs, once it was opened.
    unlocked: Mutex<Option<SecretKey>>,
    held: RwLock<Arc<Held>>,
    /// How often what is held became another.
    changes: AtomicU64,
}

impl std::fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateStore")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What was in the folder when it was looked at last.
struct Held {
    /// The authority that signs servers, devices and the revocation list, and those above it.
    chain: AuthorityChain,
    /// The same with its key; `None` while that is locked.
    signer: Option<Authority>,
    keys: Keys,
    /// What is due, and can't be signed now.
    waiting: Vec<String>,
    /// The root's key is encrypted.
    root_locked: bool,
    server: Identity,
    /// What the server certificate is to be good for.
    names: ServerNames,
    list: RevocationList,
}

impl CertificateStore {
    /// Opens the store of a data folder. What is not there is made: the folder, the authority, the server certificate,
    /// the revocation list.
    ///
    /// The server certificate is renewed when it ends within 30 days or lacks a name of this computer.
    pub fn open(data: &Path) -> Result<Self> {
        let names = server::names_of_this_computer();
        Self::open_with(data, &names, Timestamp::now(), keychain::system())
    }

    #[cfg(test)]
    fn open_at(data: &Path, names: &ServerNames, now: Timestamp) -> Result<Self> {
        Self::open_with(data, names, now, keychain::system())
    }

    fn open_with(
        data: &Path,
        names: &ServerNames,
        now: Timestamp,
        keychain: Arc<dyn Keychain>,
    ) -> Result<Self> {
        let data = files::absolute(data)?;
        let folder = data.join("pki");
        files::create_private_folder(&folder.join("devices"))?;
        let _lock = lock(&folder)?;
        let openers = Openers {
            keychain: &*keychain,
            unlocked: None,
        };
        let held = look(&folder, names, now, &openers)?;
        held.seal_devices(&folder)?;
        Ok(Self {
            folder,
            exports: data.join("exports"),
            keychain,
            unlocked: Mutex::new(held.signing_key()),
            held: RwLock::new(Arc::new(held)),
            changes: AtomicU64::new(0),
        })
    }

    /// Looks at the folder again, and does what time has made due: a server certificate that ends soon is renewed, a
    /// revocation list is signed anew. Whether something is other than before.
    pub fn refresh(&self, now: Timestamp) -> Result<bool> {
        let _lock = lock(&self.folder)?;
        self.look(now)
    }

    /// Has the server certificate bear these names too.
    pub fn serve(&self, names: ServerNames, now: Timestamp) -> Result<bool> {
        let _lock = lock(&self.folder)?;
        let mut all = self.held().names.clone();
        for name in names.iter() {
            all = all.and(name.clone());
        }
        self.look_for(&all, now)
    }

    /// Whoever calls this has the folder's lock.
    fn look(&self, now: Timestamp) -> Result<bool> {
        let names = self.held().names.clone();
        self.look_for(&names, now)
    }

    fn look_for(&self, names: &ServerNames, now: Timestamp) -> Result<bool> {
        let openers = Openers {
            keychain: &*self.keychain,
            unlocked: self.unlocked.lock().clone(),
        };
        let newer = look(&self.folder, names, now, &openers)?;
        Ok(self.hold(newer))
    }

    fn hold(&self, newer: Held) -> bool {
        if let Some(key) = newer.signing_key() {
            *self.unlocked.lock() = Some(key);
        }
        let mut held = self.held.write();
        let same = held.chain == newer.chain
            && held.server.certificate == newer.server.certificate
            && held.list == newer.list;
        *held = Arc::new(newer);
        if !same {
            self.changes.fetch_add(1, Relaxed);
        }
        !same
    }

    /// Changes when listeners have to be given something else than before.
    pub(crate) fn version(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    fn held(&self) -> Arc<Held> {
        self.held.read().clone()
    }

    /// The authority, the server certificate, the devices by name, and what is revoked.
    pub fn overview(&self) -> Result<api::Certificates> {
        let now = Timestamp::now();
        let held = self.held();
        let (authority, list) = (&held.chain, &held.list);
        let told = |certificate, kind| for_people(certificate, kind, now, Some(list));
        let root = authority.anchor();
        let issuing = authority.certificate();
        Ok(api::Certificates {
            authority: told(root, CertificateKind::Authority),
            issuing: (issuing != root).then(|| told(issuing, CertificateKind::Authority)),
            root_locked: held.root_locked,
            keys: self.keys_for_people(&held),
            server: told(&held.server.certificate, CertificateKind::Server),
            server_names: server::names_wanted(&self.folder)?,
            devices: self.devices(now)?,
            revocations: words::list_for_people(list, now),
            export_folder: self.exports.display().to_string(),
        })
    }
}

impl Held {
    fn signing_key(&self) -> Option<SecretKey> {
        self.signer.as_ref().and_then(|signer| signer.key().ok())
    }
}

/// Reads a folder, and makes in it what is not there or not good any more.
fn look(folder: &Path, names: &ServerNames, now: Timestamp, openers: &Openers<'_>) -> Result<Held> {
    files::create_private_folder(&folder.join("devices"))?;
    let opened = authority::open(folder, now, openers)?;
    let (server, server_waits) = server::open(folder, &opened, names, now)?;
    let (list, list_waits) = revoking::open(folder, &opened, now)?;
    Ok(Held {
        chain: opened.chain,
        signer: opened.signer,
        keys: opened.keys,
        root_locked: opened.root_locked,
        waiting: server_waits.into_iter().chain(list_waits).collect(),
        server,
        names: names.clone(),
        list,
    })
}

fn device_name(text: &str) -> Result<DeviceName> {
    DeviceName::try_from(text)
        .map_err(|error| {
            ApiError::new(ErrorCode::InvalidInput, sentence(error))
                .hint("A name has 1 to 64 characters: letters a–z, digits and . _ -, and begins with a letter, a digit or _.")
        })
}

fn valid_days(days: u32) -> Result<u32> {
    if (1..=DEVICE_DAYS).contains(&days) {
        return Ok(days);
    }
    Err(ApiError::new(
        ErrorCode::InvalidInput,
        format!("{days} days is no validity for a device."),
    )
    .hint(format!("Choose 1 to {DEVICE_DAYS} days.")))
}

/// Waits for the other processes that change the folder; released when the file is dropped.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = files::open_private(&path)?;
    file.lock()
        .map_err(|error| files::error("could not be locked", &path, &error))?;
    Ok(file)
}

/// A certificate and those above it that a peer must be shown, in one file.
fn chain_pem(certificate: &Certificate, authority: &AuthorityChain) -> String {
    let mut text = certificate.to_pem();
    for above in authority.intermediates() {
        text.push_str(&above.to_pem());
    }
    text
}

/// Writes the key first, as it is to be kept: where the certificate stands, its key does too.
fn write_identity(
    (certificate, key): (&Path, &Path),
    pem: &str,
    identity: &Identity,
    authority: &AuthorityChain,
) -> Result<()> {
    files::write_secret(key, pem)?;
    files::write(certificate, &chain_pem(&identity.certificate, authority))
}

fn read_certificate(path: &Path) -> Result<Certificate> {
    Certificate::from_pem(&files::read(path)?).map_err(|error: CertificateError| {
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("{}: {error}", path.display())),
        )
    })
}

fn read_key(path: &Path) -> Result<SecretKey> {
    SecretKey::from_pem(&files::read_secret(path)?).map_err(|error| {
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("{}: {error}", path.display())),
        )
    })
}

fn certificate_error(error: &dyn std::error::Error) -> ApiError {
    ApiError::new(ErrorCode::Certificate, sentence(error))
}

fn input_error(error: &dyn std::error::Error) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence(error))
}

#[cfg(test)]
mod tests;
