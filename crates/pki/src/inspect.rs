//! What is in a file of somebody: PEM, DER or PKCS #12, whatever it is called.

use crate::{
    Certificate, CertificateRequest, KeyError, Pkcs12, Pkcs12Error, RevocationList, SecretKey,
};

/// The largest file that is looked at.
const MOST: usize = 4 << 20;
/// Parts that are read of one file.
const MOST_PARTS: usize = 1_000;

/// Why a file can't be looked into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Nothing of what can be read.
    #[error("it holds no certificate, key, request or revocation list in PEM, DER or PKCS #12")]
    Nothing,
    /// Too large to be one.
    #[error("it has {0} bytes: no file of certificates is that large")]
    TooLarge(usize),
    /// It is PKCS #12, and its passphrase is needed.
    #[error("it is a PKCS #12 file: its passphrase is needed")]
    PassphraseNeeded,
    /// PKCS #12 that could not be opened.
    #[error(transparent)]
    Pkcs12(#[from] Pkcs12Error),
}

/// A key that was found; itself stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// Encrypted, and not opened.
    pub encrypted: bool,
    /// Why it can't be used, where it can't.
    pub unusable: Option<String>,
    /// The certificate of the file that it belongs to, by position.
    pub belongs_to: Option<usize>,
}

/// What was found, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// `PEM`, `DER` or `PKCS #12`.
    pub form: &'static str,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Private keys.
    pub keys: Vec<FoundKey>,
    /// Requests.
    pub requests: Vec<CertificateRequest>,
    /// Revocation lists.
    pub lists: Vec<RevocationList>,
    /// Parts that could not be read, and why.
    pub unreadable: Vec<String>,
}

/// Reads a file. The passphrase opens PKCS #12 and encrypted keys.
pub fn read(bytes: &[u8], passphrase: Option<&str>) -> Result<Contents, InspectError> {
    if bytes.len() > MOST {
        return Err(InspectError::TooLarge(bytes.len()));
    }
    let contents = if Pkcs12::looks_like(bytes) {
        pkcs12(bytes, passphrase)?
    } else {
        let blocks = pem::parse_many(bytes).unwrap_or_default();
        if blocks.is_empty() {
            der(bytes)
        } else {
            from_pem(blocks, passphrase)
        }
    };
    let found = contents.certificates.len()
        + contents.keys.len()
        + contents.requests.len()
        + contents.lists.len()
        + contents.unreadable.len();
    if found == 0 {
        return Err(InspectError::Nothing);
    }
    Ok(contents)
}

fn pkcs12(bytes: &[u8], passphrase: Option<&str>) -> Result<Contents, InspectError> {
    // Files without a passphrase have the empty one.
    let opened = match (Pkcs12::read(bytes, passphrase.unwrap_or("")), passphrase) {
        (Err(Pkcs12Error::Passphrase), None) => return Err(InspectError::PassphraseNeeded),
        (opened, _) => opened?,
    };
    let mut contents = Contents {
        form: "PKCS #12",
        certificates: opened.certificates,
        ..Contents::default()
    };
    if opened.unreadable > 0 {
        contents.unreadable.push(format!(
            "{} certificates or keys of a kind that is not known here",
            opened.unreadable
        ));
    }
    for key in opened.keys {
        let found = usable(&key, &contents.certificates);
        contents.keys.push(found);
    }
    Ok(contents)
}

fn from_pem(blocks: Vec<pem::Pem>, passphrase: Option<&str>) -> Contents {
    let mut contents = Contents {
        form: "PEM",
        ..Contents::default()
    };
    let mut keys = Vec::new();
    let more = blocks.len().saturating_sub(MOST_PARTS);
    for block in blocks.into_iter().take(MOST_PARTS) {
        let tag = block.tag().to_owned();
        match tag.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                match Certificate::from_der(block.into_contents()) {
                    Ok(certificate) => contents.certificates.push(certificate),
                    Err(error) => contents.unreadable.push(format!("a certificate: {error}")),
                }
            }
            "X509 CRL" => match RevocationList::from_der(block.into_contents()) {
                Ok(list) => contents.lists.push(list),
                Err(error) => contents
                    .unreadable
                    .push(format!("a revocation list: {error}")),
            },
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                match CertificateRequest::read(block.contents()) {
                    Ok(request) => contents.requests.push(request),
                    Err(error) => contents.unreadable.push(format!("a request: {error}")),
                }
            }
            tag if tag.ends_with("PRIVATE KEY") => keys.push(block),
            // OpenSSL writes the curve in front of an old key.
            "EC PARAMETERS" | "DH PARAMETERS" => {}
            other => contents.unreadable.push(format!("a block {other:?}")),
        }
    }
    if more > 0 {
        contents.unreadable.push(format!(
            "{more} further parts of the file, which were not looked at"
        ));
    }
    // Keys last: each is held against every certificate.
    for block in keys {
        let text = zeroize::Zeroizing::new(pem::encode(&block));
        let found = match SecretKey::open_pem(&text, passphrase) {
            Ok(key) => usable(&key, &contents.certificates),
            Err(error) => FoundKey {
                encrypted: matches!(error, KeyError::PassphraseNeeded | KeyError::Passphrase),
                unusable: Some(error.to_string()),
                belongs_to: None,
            },
        };
        contents.keys.push(found);
    }
    contents
}

fn usable(key: &SecretKey, certificates: &[Certificate]) -> FoundKey {
    FoundKey {
        encrypted: false,
        unusable: None,
        belongs_to: certificates
            .iter()
            .position(|certificate| key.belongs_to(certificate)),
    }
}

fn der(bytes: &[u8]) -> Contents {
    let mut contents = Contents {
        form: "DER",
        ..Contents::default()
    };
    if let Ok(certificate) = Certificate::from_der(bytes.to_vec()) {
        contents.certificates.push(certificate);
    } else if let Ok(request) = CertificateRequest::read(bytes) {
        contents.requests.push(request);
    } else if let Ok(list) = RevocationList::from_der(bytes.to_vec()) {
        contents.lists.push(list);
    } else if let Ok(key) = SecretKey::from_der(bytes) {
        contents.keys.push(usable(&key, &[]));
    }
    contents
}
