//! PKCS #12: a key and its certificates in one file under a passphrase, as Windows, Java and browsers take it.

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12Archive, PrivateKey, PrivateKeyChain};

use crate::{Certificate, Identity, SecretKey};

/// Why a PKCS #12 file could not be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Error {
    /// The passphrase is another.
    #[error("the passphrase does not fit")]
    Passphrase,
    /// Not such a file, or one made in a way that is not known here.
    #[error("it can't be read as PKCS #12: {0}")]
    Malformed(String),
    /// It could not be made.
    #[error("the PKCS #12 file could not be made: {0}")]
    Writing(String),
}

/// What is in such a file.
#[derive(Debug, Clone)]
pub struct Pkcs12 {
    /// Its certificates, in the order of the file.
    pub certificates: Vec<Certificate>,
    /// Its keys.
    pub keys: Vec<SecretKey>,
    /// Certificates or keys that can't be used here.
    pub unreadable: usize,
}

impl Pkcs12 {
    /// Whether bytes begin as such a file does: SEQUENCE, then version 3.
    pub fn looks_like(bytes: &[u8]) -> bool {
        let [0x30, length, rest @ ..] = bytes else {
            return false;
        };
        let more = match length {
            0x80..=0x84 => usize::from(length & 0x7f),
            _ => 0,
        };
        rest.get(more..)
            .is_some_and(|rest| rest.starts_with(&[2, 1, 3]))
    }

    /// Reads one.
    pub fn read(bytes: &[u8], passphrase: &str) -> Result<Self, Pkcs12Error> {
        let archive =
            Pkcs12Archive::from_pkcs12(bytes, passphrase).map_err(|error| match error {
                p12_keystore::error::Error::MacError(_)
                | p12_keystore::error::Error::UnpadError => Pkcs12Error::Passphrase,
                other => Pkcs12Error::Malformed(other.to_string()),
            })?;
        let mut read = Self {
            certificates: Vec::new(),
            keys: Vec::new(),
            unreadable: 0,
        };
        for bag in &archive.certs {
            match Certificate::from_der(bag.cert.as_der().to_vec()) {
                Ok(certificate) => read.certificates.push(certificate),
                Err(_) => read.unreadable += 1,
            }
        }
        for bag in &archive.keys {
            match SecretKey::from_der(bag.key.as_der()) {
                Ok(key) => read.keys.push(key),
                Err(_) => read.unreadable += 1,
            }
        }
        Ok(read)
    }

    /// Makes one of an identity and the certificates above it: AES-256 and SHA-256, as OpenSSL 3 does by itself.
    pub fn write(
        name: &str,
        identity: &Identity,
        above: &[Certificate],
        passphrase: &str,
    ) -> Result<Vec<u8>, Pkcs12Error> {
        let failed = |error: p12_keystore::error::Error| Pkcs12Error::Writing(error.to_string());
        let certificates = std::iter::once(&identity.certificate)
            .chain(above)
            .map(|certificate| p12_keystore::Certificate::from_der(certificate.der()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let key = PrivateKey::from_der(identity.key.der()).map_err(failed)?;
        let chain = PrivateKeyChain::new("1", key, certificates);
        let mut store = KeyStore::new();
        store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
        store.writer(passphrase).write().map_err(failed)
    }
}
