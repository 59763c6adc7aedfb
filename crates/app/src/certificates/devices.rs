//! Devices: issued, signed from a request, renewed.

use std::path::PathBuf;

use mqttwb_model::Timestamp;
use mqttwb_pki::{
    AltName, Certificate, CertificateRequest, DeviceName, Identity, KeyType, SecretKey, Subject,
    Validity,
};

use super::{
    CertificateStore, certificate_error, chain_pem, device_name, for_people, input_error, lock,
    read_certificate, valid_days,
};
use crate::api::{self, ApiError, CertificateKind, ErrorCode};
use crate::{Result, files};

/// Earlier certificates of devices that were renewed: `superseded/NAME.SERIAL.crt`.
const SUPERSEDED: &str = "superseded";

impl CertificateStore {
    /// The device certificates, by name.
    pub(super) fn devices(&self, now: Timestamp) -> Result<Vec<api::Certificate>> {
        let folder = self.folder.join("devices");
        let held = self.held();
        let old = self.all_superseded()?;
        let mut devices = Vec::new();
        for file in files::names_in(&folder)? {
            let device = file.strip_suffix(".crt").map(DeviceName::try_from);
            let Some(Ok(name)) = device else {
                continue; // a key, or nothing of ours
            };
            let certificate = read_certificate(&folder.join(&file))?;
            let good = |one: &&(DeviceName, Certificate)| {
                let validity = one.1.description().validity;
                one.0 == name && now <= validity.not_after && held.list.entry(&one.1).is_none()
            };
            let superseded = old.iter().filter(good).count();
            let kind = CertificateKind::Device;
            devices.push(api::Certificate {
                name: name.to_string(),
                superseded: u32::try_from(superseded).unwrap_or(u32::MAX),
                has_key: files::exists(&self.device_files(&name).1)?,
                ..for_people(&certificate, kind, now, Some(&held.list))
            });
        }
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(devices)
    }

    /// Makes a certificate for a device that has none, and a key unless it has made one itself.
    pub fn issue(&self, request: &api::DeviceRequest) -> Result<api::Certificate> {
        self.issue_after(request, || Ok(()))
    }

    /// Issues when everything else that is wanted can be done: `prepare` is called before anything is signed.
    pub(super) fn issue_after(
        &self,
        request: &api::DeviceRequest,
        prepare: impl FnOnce() -> Result<()>,
    ) -> Result<api::Certificate> {
        let signing = match &request.request {
            Some(text) => {
                let read = CertificateRequest::read(text.as_bytes());
                Some(read.map_err(|error| input_error(&error))?)
            }
            None => None,
        };
        // A request may say itself who it is for.
        let name = match (&signing, request.name.as_str()) {
            (Some(signing), "") => device_name(&signing.common_name)?,
            (_, name) => device_name(name)?,
        };
        let days = valid_days(request.days)?;
        let subject = Subject::new(name.as_str())
            .and_then(|subject| subject.of(&request.organization, &request.unit))
            .map_err(|error| input_error(&error))?;
        let names = request
            .names
            .iter()
            .map(|name| AltName::try_from(name.as_str()))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| input_error(&error))?;
        // An RSA key takes a moment to be found: nobody waits for the folder meanwhile.
        let key = match signing {
            Some(_) => None,
            None => Some(self.key(request.key.into())?),
        };
        let (certificate_file, key_file) = self.device_files(&name);
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        if files::exists(&certificate_file)? {
            return Err(ApiError::new(
                ErrorCode::AlreadyExists,
                format!("A device named {name} has a certificate already."),
            )
            .hint("Choose another name, export the certificate that is there, or renew it."));
        }
        self.look(now)?;
        let held = self.held();
        let signer = held.signer()?;
        prepare()?;
        let validity = Validity::days_from(now, days);
        let certificate = match (&signing, key) {
            (Some(signing), _) => {
                let certificate = signer
                    .sign_request(signing, &subject, &names, validity)
                    .map_err(|error| certificate_error(&error))?;
                files::write(&certificate_file, &chain_pem(&certificate, &held.chain))?;
                certificate
            }
            (None, Some(key)) => {
                let identity = signer
                    .certify(&subject, &names, key, validity)
                    .map_err(|error| certificate_error(&error))?;
                held.keep((&certificate_file, &key_file), &identity)?;
                identity.certificate
            }
            (None, None) => {
                return Err(ApiError::new(
                    ErrorCode::Internal,
                    "There is no key to certify.",
                ));
            }
        };
        let told = for_people(&certificate, CertificateKind::Device, now, None);
        Ok(api::Certificate {
            has_key: signing.is_none(),
            ..told
        })
    }

    /// Makes another certificate for a device that has one; its names stay.
    pub fn renew(&self, request: &api::RenewRequest) -> Result<api::Certificate> {
        let name = device_name(&request.name)?;
        let days = valid_days(request.days)?;
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        self.look(now)?;
        let old = self.device_certificate(&name)?;
        let (certificate_file, key_file) = self.device_files(&name);
        let has_key = files::exists(&key_file)?;
        if !has_key && request.new_key {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                format!("{name} has made its key itself; no other can be made for it here."),
            )
            .hint("Renew it with the key that it has."));
        }
        let held = self.held();
        let signer = held.signer()?;
        let validity = Validity::days_from(now, days);
        let renewed = if has_key {
            let key = match request.new_key {
                false => held.open(&key_file)?,
                true => self.key(key_type(&old.description().key))?,
            };
            let identity = signer
                .renew(&old, &key, validity)
                .map_err(|error| certificate_error(&error))?;
            self.supersede(&name, &old)?;
            held.keep((&certificate_file, &key_file), &identity)?;
            identity.certificate
        } else {
            let renewed = signer
                .renew_without_key(&old, validity)
                .map_err(|error| certificate_error(&error))?;
            self.supersede(&name, &old)?;
            files::write(&certificate_file, &chain_pem(&renewed, &held.chain))?;
            renewed
        };
        if request.revoke_old {
            // The one before is among them by now.
            let earlier = self.superseded(&name)?;
            self.revoke_all(&earlier, api::RevocationReason::Superseded, now)?;
        }
        let told = for_people(&renewed, CertificateKind::Device, now, None);
        Ok(api::Certificate { has_key, ..told })
    }

    fn key(&self, kind: KeyType) -> Result<SecretKey> {
        SecretKey::generate(kind).map_err(|error| certificate_error(&error))
    }

    /// Keeps what a renewal is about to replace: it must be known to be revoked.
    fn supersede(&self, name: &DeviceName, old: &Certificate) -> Result<()> {
        let folder = self.folder.join(SUPERSEDED);
        files::create_private_folder(&folder)?;
        let serial = old.description().serial.replace(':', "");
        files::write(&folder.join(format!("{name}.{serial}.crt")), &old.to_pem())
    }

    /// Earlier certificates of a device.
    pub(super) fn superseded(&self, name: &DeviceName) -> Result<Vec<Certificate>> {
        let all = self.all_superseded()?;
        Ok(all
            .into_iter()
            .filter(|(of, _)| of == name)
            .map(|(_, certificate)| certificate)
            .collect())
    }

    fn all_superseded(&self) -> Result<Vec<(DeviceName, Certificate)>> {
        let folder = self.folder.join(SUPERSEDED);
        let mut found = Vec::new();
        if !files::exists(&folder)? {
            return Ok(found);
        }
        for file in files::names_in(&folder)? {
            let name = file
                .strip_suffix(".crt")
                .and_then(|stem| stem.rsplit_once('.'))
                .map(|(name, _)| DeviceName::try_from(name));
            if let Some(Ok(name)) = name {
                found.push((name, read_certificate(&folder.join(&file))?));
            }
        }
        Ok(found)
    }

    pub(super) fn device_certificate(&self, name: &DeviceName) -> Result<Certificate> {
        let (certificate, _) = self.device_files(name);
        if !files::exists(&certificate)? {
            return Err(ApiError::new(
                ErrorCode::NotFound,
                format!("There is no device named {name}."),
            )
            .hint("Issue a certificate for it first."));
        }
        read_certificate(&certificate)
    }

    pub(super) fn device(&self, name: &DeviceName) -> Result<Identity> {
        let certificate = self.device_certificate(name)?;
        let (_, key) = self.device_files(name);
        if !files::exists(&key)? {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                format!("The key of {name} is not here: the device has made it itself."),
            )
            .hint("Bring its certificate to the device: it is in the drawer, as PEM."));
        }
        Ok(Identity {
            certificate,
            key: self.held().open(&key)?,
        })
    }

    pub(super) fn device_files(&self, name: &DeviceName) -> (PathBuf, PathBuf) {
        let folder = self.folder.join("devices");
        (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        )
    }
}

fn key_type(words: &str) -> KeyType {
    match words {
        "Ed25519" => KeyType::Ed25519,
        rsa if rsa.starts_with("RSA") => KeyType::Rsa2048,
        _ => KeyType::EcdsaP256,
    }
}
