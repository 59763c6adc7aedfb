//! The authority of a folder: made, taken over, exported.
//!
//! `ca.crt` is the root, `issuing.crt` the authority below it that signs; a folder of an earlier version has a root that
//! signs itself. A passphrase that it is made or taken over with encrypts the root's key alone: what must be signed while
//! nobody is there (the revocation list, a server certificate, a device in a batch) is signed by the issuing authority.
//! How that one's key is kept is the business of `keys.rs`.

use std::path::Path;

use mqttwb_model::Timestamp;
use mqttwb_pki::{
    Authority, AuthorityChain, AuthorityOptions, Certificate, Contents, KeyError, KeyType, Pkcs12,
    SecretKey, Subject, Validity,
};

use super::keys::{self, Keys, MARKER, Openers};
use super::{
    AUTHORITY_DAYS, CertificateStore, certificate_error, input_error, lock, read_certificate,
};
use crate::api::{self, ApiError, ErrorCode, KeyProtection};
use crate::words::sentence;
use crate::{Result, files};

/// The shortest and the longest life of an authority that is made here.
const DAYS: std::ops::RangeInclusive<u32> = 30..=10_957;
/// The shortest passphrase that is taken.
pub(super) const SHORTEST: usize = 8;
/// What belongs to an authority, and goes with it when another takes its place.
const OURS: [&str; 10] = [
    MARKER,
    "ca.crt",
    "ca.key",
    "ca.crl",
    "issuing.crt",
    "issuing.key",
    "server.crt",
    "server.key",
    "devices",
    "superseded",
];

/// An authority as it is in its folder.
pub(super) struct Opened {
    pub(super) chain: AuthorityChain,
    /// Who signs; `None` while its key is locked.
    pub(super) signer: Option<Authority>,
    pub(super) keys: Keys,
    /// The root's key is encrypted, and not needed to sign.
    pub(super) root_locked: bool,
}

/// The authority of a folder. A folder without one gets one.
pub(super) fn open(folder: &Path, now: Timestamp, openers: &Openers<'_>) -> Result<Opened> {
    let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
    if !files::exists(&certificate)? {
        let request = api::AuthorityRequest {
            days: AUTHORITY_DAYS,
            ..api::AuthorityRequest::default()
        };
        make(&request, now)?.write(folder)?;
    }
    let broken = |error: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("the authority in {}: {error}", folder.display())),
        )
        .hint("Bring back ca.crt, ca.key, issuing.crt and issuing.key from a copy; or move the pki folder away, then a new authority is made and every device needs a new certificate.")
    };
    let root =
        Certificate::from_pem(&files::read(&certificate)?).map_err(|error| broken(&error))?;
    let issuing = folder.join("issuing.crt");
    let has_issuing = files::exists(&issuing)?;
    let chain = if has_issuing {
        let mut above =
            Certificate::all_from_pem(&files::read(&issuing)?).map_err(|error| broken(&error))?;
        let lowest = above.remove(0);
        above.push(root);
        AuthorityChain::new(lowest, above)
    } else {
        AuthorityChain::new(root, Vec::new())
    };
    let chain = chain.map_err(|error| broken(&error))?;
    let (secret, keys) =
        keys::open(folder, chain.certificate(), openers).map_err(|error| match error.code {
            ErrorCode::File => error,
            _ => broken(&error.message),
        })?;
    let signer = match secret {
        Some(secret) => Some(
            Authority::new(chain.certificate().clone(), &secret)
                .and_then(|authority| authority.below(chain.certificates().split_off(1)))
                .map_err(|error| broken(&error))?,
        ),
        None => None,
    };
    // A root whose key is elsewhere altogether signs nothing here, so it may be.
    let root_locked =
        has_issuing && files::exists(&key)? && SecretKey::is_encrypted(&files::read_secret(&key)?);
    Ok(Opened {
        chain,
        signer,
        keys,
        root_locked,
    })
}

/// An authority before it is written.
struct Made {
    root: Certificate,
    /// PEM, encrypted where a passphrase was given; `None` where the root's key is somewhere else.
    root_key: Option<zeroize::Zeroizing<String>>,
    /// The one below it that signs; `None` where the root does.
    issuing: Option<Authority>,
}

impl Made {
    /// The root's certificate last: where it stands, the authority is whole.
    fn write(&self, folder: &Path) -> Result<()> {
        if let Some(issuing) = &self.issuing {
            let secret = issuing.key().map_err(|error| certificate_error(&error))?;
            files::write_secret(&folder.join("issuing.key"), &secret.to_pem())?;
            let chain: String = issuing
                .chain()
                .intermediates()
                .iter()
                .map(Certificate::to_pem)
                .collect();
            files::write(&folder.join("issuing.crt"), &chain)?;
        }
        if let Some(key) = &self.root_key {
            files::write_secret(&folder.join("ca.key"), key)?;
        }
        files::write(&folder.join("ca.crt"), &self.root.to_pem())
    }
}

pub(super) fn sealed(
    key: &SecretKey,
    passphrase: Option<&str>,
) -> Result<zeroize::Zeroizing<String>> {
    match passphrase {
        None => Ok(key.to_pem()),
        Some(short) if short.chars().count() < SHORTEST => Err(ApiError::new(
            ErrorCode::InvalidInput,
            format!("A passphrase has at least {SHORTEST} characters."),
        )),
        Some(passphrase) => key
            .to_encrypted_pem(passphrase)
            .map_err(|error| certificate_error(&error)),
    }
}

fn make(request: &api::AuthorityRequest, now: Timestamp) -> Result<Made> {
    if !DAYS.contains(&request.days) {
        return Err(ApiError::new(
            ErrorCode::InvalidInput,
            format!("{} days is no validity for an authority.", request.days),
        )
        .hint(format!("Choose {} to {} days.", DAYS.start(), DAYS.end())));
    }
    let given = request.name.trim();
    let subject = |name: String| {
        Subject::new(&name)
            .and_then(|subject| subject.of(&request.organization, ""))
            .map_err(|error| input_error(&error))
    };
    let name = match given {
        "" => Authority::unique_name("MQTT Workbench authority")
            .map_err(|error| certificate_error(&error))?,
        name => name.to_owned(),
    };
    let options = AuthorityOptions {
        subject: subject(name.clone())?,
        key: request.key.into(),
        validity: Validity::days_from(now, request.days),
    };
    let root = Authority::root(&options).map_err(|error| certificate_error(&error))?;
    let root_key = root.key().map_err(|error| certificate_error(&error))?;
    Ok(Made {
        root: root.certificate().clone(),
        root_key: Some(sealed(&root_key, request.passphrase.as_deref())?),
        issuing: Some(below(&root, &name, request.key.into(), now)?),
    })
}

/// An issuing authority below a root, for as long as the root itself is good.
fn below(root: &Authority, name: &str, key: KeyType, now: Timestamp) -> Result<Authority> {
    // The name of the root with a word before it, as far as there is room.
    let kept: String = name.chars().take(55).collect();
    let subject = Subject::new(&format!("Issuing, {kept}")).map_err(|error| input_error(&error))?;
    let root_ends = root.certificate().description().validity.not_after;
    let validity = Validity {
        not_after: root_ends,
        ..Validity::days_from(now, 1)
    };
    root.subordinate(&AuthorityOptions {
        subject,
        key,
        validity,
    })
    .map_err(|error| certificate_error(&error))
}

impl CertificateStore {
    /// Makes another authority in place of the one that is there, which is put aside with all that it has signed. Every
    /// device needs a new certificate then. The folder that the old one is in now.
    pub fn create_authority(&self, request: &api::AuthorityRequest) -> Result<String> {
        let now = Timestamp::now();
        let made = make(request, now)?;
        self.replace_authority(&made, now)
    }

    /// Takes an authority over that somebody has. The folder that the old one is in now.
    pub fn import_authority(&self, request: &api::AuthorityImport) -> Result<String> {
        let now = Timestamp::now();
        let made = imported(request, now)?;
        self.replace_authority(&made, now)
    }

    fn replace_authority(&self, made: &Made, now: Timestamp) -> Result<String> {
        let _lock = lock(&self.folder)?;
        let aside = self.folder.join(format!("replaced-{}", now.as_secs()));
        if files::exists(&aside)? {
            return Err(ApiError::new(
                ErrorCode::AlreadyExists,
                "The authority was replaced a moment ago. Try again in a second.",
            ));
        }
        let kept_by = self.held().keys.protection;
        files::create_private_folder(&aside)?;
        for name in OURS {
            let from = self.folder.join(name);
            if files::exists(&from)? {
                std::fs::rename(&from, aside.join(name))
                    .map_err(|error| files::error("could not be put aside", &from, &error))?;
            }
        }
        made.write(&self.folder)?;
        self.look(now)?;
        if kept_by == KeyProtection::Keychain {
            self.protect_alone(&api::ProtectKeys {
                protection: kept_by,
                ..api::ProtectKeys::default()
            })?;
            self.look(now)?;
        }
        Ok(aside.display().to_string())
    }

    /// Writes the root's certificate, the chain and the revocation list, as PEM and as DER, where others can take them.
    pub fn export_authority(&self, folder: Option<&Path>) -> Result<api::WrittenFiles> {
        let folder = match folder {
            Some(folder) => files::absolute(folder)?,
            None => self.exports.join("authority"),
        };
        files::create_folder(&folder)?;
        let held = self.held();
        let authority = &held.chain;
        let root = authority.anchor();
        let chain: String = authority
            .certificates()
            .iter()
            .map(Certificate::to_pem)
            .collect();
        files::write(&folder.join("ca.crt"), &root.to_pem())?;
        files::write_bytes(&folder.join("ca.der"), root.der())?;
        files::write(&folder.join("ca-chain.crt"), &chain)?;
        files::write(&folder.join("ca.crl"), &held.list.to_pem())?;
        files::write_bytes(&folder.join("ca.crl.der"), held.list.der())?;
        let names = ["ca.crt", "ca.der", "ca-chain.crt", "ca.crl", "ca.crl.der"];
        Ok(api::WrittenFiles {
            folder: folder.display().to_string(),
            files: names.map(str::to_owned).into(),
        })
    }

    /// Writes the root with its key into one PKCS #12 file, to be kept safe or taken elsewhere.
    pub fn export_root(&self, path: &Path, passphrase: &str, opens: Option<&str>) -> Result<()> {
        if passphrase.chars().count() < SHORTEST {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("A passphrase has at least {SHORTEST} characters."),
            ));
        }
        let root = read_certificate(&self.folder.join("ca.crt"))?;
        let text = files::read_secret(&self.folder.join("ca.key"))?;
        let key = SecretKey::open_pem(&text, opens).map_err(|error| key_error(&error))?;
        let identity = mqttwb_pki::Identity {
            certificate: root,
            key,
        };
        let bytes = Pkcs12::write("authority", &identity, &[], passphrase)
            .map_err(|error| certificate_error(&error))?;
        files::write_secret_bytes(&files::absolute(path)?, &bytes)
    }
}

pub(super) fn key_error(error: &KeyError) -> ApiError {
    let told = ApiError::new(
        ErrorCode::Certificate,
        sentence(format_args!("the authority's key: {error}")),
    );
    match error {
        KeyError::PassphraseNeeded | KeyError::Passphrase => {
            told.hint("Give the passphrase that the key was encrypted with.")
        }
        _ => told,
    }
}

fn imported(request: &api::AuthorityImport, now: Timestamp) -> Result<Made> {
    let path = files::absolute(Path::new(&request.path))?;
    let bytes = files::read_bytes(&path)?;
    let passphrase = request.passphrase.as_deref();
    let (certificates, key) = if Pkcs12::looks_like(&bytes) {
        let opened = Pkcs12::read(&bytes, passphrase.unwrap_or(""))
            .map_err(|error| certificate_error(&error))?;
        let key = opened.keys.into_iter().next();
        (opened.certificates, key)
    } else {
        let contents: Contents =
            mqttwb_pki::read(&bytes, passphrase).map_err(|error| certificate_error(&error))?;
        let text = match &request.key {
            Some(path) => files::read_secret(&files::absolute(Path::new(path))?)?,
            None => zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let key = SecretKey::open_pem(&text, passphrase).map_err(|error| key_error(&error))?;
        (contents.certificates, Some(key))
    };
    let key = key.ok_or_else(|| {
        ApiError::new(
            ErrorCode::Certificate,
            format!("{} holds no private key.", path.display()),
        )
        .hint("Name the key's file too.")
    })?;
    let mut certificates = certificates;
    let own = certificates
        .iter()
        .position(|certificate| key.belongs_to(certificate))
        .ok_or_else(|| {
            ApiError::new(
                ErrorCode::Certificate,
                format!("No certificate of {} belongs to the key.", path.display()),
            )
        })?;
    let own = certificates.remove(own);
    let authority = Authority::new(own.clone(), &key).map_err(|error| certificate_error(&error))?;
    if !own.description().validity.contains(now) {
        return Err(ApiError::new(
            ErrorCode::Certificate,
            format!("{} is not valid now.", own.description().subject),
        ));
    }
    if own.is_self_signed() {
        if !authority.may_have_subordinates() {
            return Ok(Made {
                root: own,
                root_key: Some(key.to_pem()),
                issuing: None,
            });
        }
        let name = own.description().common_name.clone();
        return Ok(Made {
            issuing: Some(below(&authority, &name, KeyType::default(), now)?),
            root: own,
            root_key: Some(sealed_again(&key, passphrase)?),
        });
    }
    // Somebody is above it: whoever is to trust it must know the root.
    let mut chain = Vec::new();
    let mut lower = own;
    while !lower.is_self_signed() {
        let above = certificates
            .iter()
            .position(|upper| lower.is_signed_by(upper))
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::Certificate,
                    format!(
                        "{} is signed by {}, which is not in the file.",
                        lower.description().subject,
                        lower.description().issuer
                    ),
                )
                .hint("Append the certificates above it, up to the root, to the file.")
            })?;
        lower = certificates.remove(above);
        chain.push(lower.clone());
    }
    Ok(Made {
        issuing: Some(
            authority
                .below(chain)
                .map_err(|error| certificate_error(&error))?,
        ),
        root: lower,
        root_key: None,
    })
}

/// A key that came under a passphrase stays under it, if that is long enough for one.
fn sealed_again(key: &SecretKey, passphrase: Option<&str>) -> Result<zeroize::Zeroizing<String>> {
    sealed(
        key,
        passphrase.filter(|text| text.chars().count() >= SHORTEST),
    )
}
