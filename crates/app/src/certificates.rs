//! The authority of a data folder and all that it has signed.
//!
//! Duty: keep keys and certificates in `pki/` of the data folder, issue and export devices, and make what rustls needs.
//! Not here: X.509 itself (`mqttwb_pki`), TLS connections (broker, client). Every call reads or writes files: the facade
//! runs them where blocking is allowed.
//! Invariant: a private key's file is nobody else's to read from its first byte on, and no file is ever half written.
//! Whoever changes `pki/` holds its lock, so that a running broker and `mqttwb cert issue` share a folder.

mod folder;
mod remote_tls;
mod tls;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mqttwb_model::Timestamp;
use mqttwb_pki::{
    Authority, Certificate, CertificateError, DeviceName, Identity, SecretKey, ServerName,
    ServerNames, Validity,
};

use crate::api::{self, ApiError, CertificateKind, CertificateState, ErrorCode};
use crate::words::sentence;
use crate::{Result, files};

pub use folder::DEFAULT_TLS_PORT;
pub use tls::OwnFiles;
pub(crate) use tls::client_config_of_files;

/// A certificate that ends sooner than this is worth a word, and the server's is renewed.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Ten years.
const AUTHORITY_DAYS: u32 = 3653;
/// As long as Apple's TLS accepts for a server: 825 days, of which one lies in the past.
const SERVER_DAYS: u32 = 824;
/// The longest life of a device certificate.
const DEVICE_DAYS: u32 = 3650;

/// The authority of a data folder, its server certificate and its devices.
#[derive(Debug)]
pub struct CertificateStore {
    folder: PathBuf,
    exports: PathBuf,
    authority: Authority,
    server: Identity,
}

impl CertificateStore {
    /// Opens the store of a data folder. What is not there is made: the folder, the authority, the server certificate.
    ///
    /// The server certificate is renewed when it ends within 30 days or lacks a name of this computer.
    pub fn open(data: &Path) -> Result<Self> {
        let mut names = ServerNames::local();
        // A computer may have a name that no certificate can hold; it is then reached as localhost all the same.
        if let Ok(name) = ServerName::try_from(&*gethostname::gethostname().to_string_lossy()) {
            names = names.and(name);
        }
        Self::open_at(data, &names, Timestamp::now())
    }

    fn open_at(data: &Path, names: &ServerNames, now: Timestamp) -> Result<Self> {
        let data = files::absolute(data)?;
        let folder = data.join("pki");
        files::create_private_folder(&folder.join("devices"))?;
        let _lock = lock(&folder)?;
        let authority = open_authority(&folder, now)?;
        let server = open_server(&folder, &authority, names, now)?;
        Ok(Self {
            folder,
            exports: data.join("exports"),
            authority,
            server,
        })
    }

    /// The authority, the server certificate and the devices by name.
    pub fn overview(&self) -> Result<api::Certificates> {
        let now = Timestamp::now();
        let authority = self.authority.certificate();
        Ok(api::Certificates {
            authority: for_people(authority, CertificateKind::Authority, now),
            server: for_people(&self.server.certificate, CertificateKind::Server, now),
            devices: self.devices(now)?,
            export_folder: self.exports.display().to_string(),
        })
    }

    /// The device certificates, by name.
    fn devices(&self, now: Timestamp) -> Result<Vec<api::Certificate>> {
        let folder = self.folder.join("devices");
        let mut devices = Vec::new();
        for name in files::names_in(&folder)? {
            let device = name.strip_suffix(".crt").map(DeviceName::try_from);
            let Some(Ok(_)) = device else {
                continue; // a key, or nothing of ours
            };
            let certificate = read_certificate(&folder.join(&name))?;
            devices.push(for_people(&certificate, CertificateKind::Device, now));
        }
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(devices)
    }

    /// Makes a key and a certificate for a device that has none.
    pub fn issue(&self, request: &api::DeviceRequest) -> Result<api::Certificate> {
        self.issue_after(request, || Ok(()))
    }

    /// Issues when everything else that is wanted can be done: `prepare` is called before anything is signed.
    fn issue_after(
        &self,
        request: &api::DeviceRequest,
        prepare: impl FnOnce() -> Result<()>,
    ) -> Result<api::Certificate> {
        let name = device_name(&request.name)?;
        if !(1..=DEVICE_DAYS).contains(&request.days) {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("{} days is no validity for a device.", request.days),
            )
            .hint(format!("Choose 1 to {DEVICE_DAYS} days.")));
        }
        let (certificate, key) = self.device_files(&name);
        let _lock = lock(&self.folder)?;
        if files::exists(&certificate)? {
            return Err(ApiError::new(
                ErrorCode::AlreadyExists,
                format!("A device named {name} has a certificate already."),
            )
            .hint("Choose another name, or export the certificate that is there."));
        }
        prepare()?;
        let now = Timestamp::now();
        let identity = self
            .authority
            .issue_device(&name, Validity::days_from(now, request.days))
            .map_err(|error| certificate_error(&error))?;
        write_identity(&certificate, &key, &identity)?;
        Ok(for_people(
            &identity.certificate,
            CertificateKind::Device,
            now,
        ))
    }

    fn device(&self, name: &DeviceName) -> Result<Identity> {
        let (certificate, key) = self.device_files(name);
        if !files::exists(&certificate)? {
            return Err(ApiError::new(
                ErrorCode::NotFound,
                format!("There is no device named {name}."),
            )
            .hint("Issue a certificate for it first."));
        }
        Ok(Identity {
            certificate: read_certificate(&certificate)?,
            key: read_key(&key)?,
        })
    }

    fn device_files(&self, name: &DeviceName) -> (PathBuf, PathBuf) {
        let folder = self.folder.join("devices");
        (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        )
    }
}

fn device_name(text: &str) -> Result<DeviceName> {
    DeviceName::try_from(text)
        .map_err(|error| {
            ApiError::new(ErrorCode::InvalidInput, sentence(error))
                .hint("A name has 1 to 64 characters: letters a–z, digits and . _ -, and begins with a letter, a digit or _.")
        })
}

/// Waits for the other processes that change the folder; released when the file is dropped.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = files::open_private(&path)?;
    file.lock()
        .map_err(|error| files::error("could not be locked", &path, &error))?;
    Ok(file)
}

fn open_authority(folder: &Path, now: Timestamp) -> Result<Authority> {
    let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
    if files::exists(&certificate)? {
        return Authority::from_pem(&files::read(&certificate)?, &files::read_secret(&key)?)
            .map_err(|error| {
                ApiError::new(
                    ErrorCode::Certificate,
                    sentence(format_args!("{}: {error}", certificate.display())),
                )
                .hint("Bring back ca.crt and ca.key from a copy; or move the pki folder away, then a new authority is made and every device needs a new certificate.")
            });
    }
    let authority = Authority::generate(Validity::days_from(now, AUTHORITY_DAYS))
        .map_err(|error| certificate_error(&error))?;
    let secret = authority.key().map_err(|error| certificate_error(&error))?;
    // The certificate last: where it stands, the authority is whole.
    files::write_secret(&key, &secret.to_pem())?;
    files::write(&certificate, &authority.certificate().to_pem())?;
    Ok(authority)
}

fn open_server(
    folder: &Path,
    authority: &Authority,
    names: &ServerNames,
    now: Timestamp,
) -> Result<Identity> {
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    if files::exists(&certificate)?
        && let Ok(stored) = read_certificate(&certificate)
        && let Ok(secret) = read_key(&key)
        && stored.is_signed_by(authority)
        && secret.belongs_to(&stored)
        && serves(&stored, names, now)
    {
        return Ok(Identity {
            certificate: stored,
            key: secret,
        });
    }
    let identity = authority
        .issue_server(names, Validity::days_from(now, SERVER_DAYS))
        .map_err(|error| certificate_error(&error))?;
    write_identity(&certificate, &key, &identity)?;
    Ok(identity)
}

/// Whether a server certificate has every name, and stays valid for a while.
fn serves(certificate: &Certificate, names: &ServerNames, now: Timestamp) -> bool {
    let described = certificate.description();
    described.validity.contains(now)
        && described.validity.contains(now.plus(EXPIRES_SOON))
        && names
            .iter()
            .all(|name| described.names.contains(&name.to_string()))
}

/// Writes the key first: where the certificate stands, its key does too.
fn write_identity(certificate: &Path, key: &Path, identity: &Identity) -> Result<()> {
    files::write_secret(key, &identity.key.to_pem())?;
    files::write(certificate, &identity.certificate.to_pem())
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

fn for_people(
    certificate: &Certificate,
    kind: CertificateKind,
    now: Timestamp,
) -> api::Certificate {
    let told = certificate.description();
    let validity = told.validity;
    let state = if now < validity.not_before {
        CertificateState::NotYetValid
    } else if now > validity.not_after {
        CertificateState::Expired
    } else if now.plus(EXPIRES_SOON) > validity.not_after {
        CertificateState::Expiring
    } else {
        CertificateState::Valid
    };
    api::Certificate {
        kind,
        name: told.common_name.clone(),
        subject: told.subject.clone(),
        issuer: told.issuer.clone(),
        serial: told.serial.clone(),
        names: told.names.clone(),
        not_before: validity.not_before.as_millis(),
        not_after: validity.not_after.as_millis(),
        state,
        key: told.key.clone(),
        signature: told.signature.clone(),
        usages: told.usages.clone(),
        fingerprint: told.fingerprint.clone(),
        pem: certificate.to_pem(),
    }
}

#[cfg(test)]
mod tests;
