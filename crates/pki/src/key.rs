//! Private keys, handled so that they do not get about.

use std::fmt;

use rcgen::{KeyPair, PublicKeyData as _};
use zeroize::{Zeroize, Zeroizing};

use crate::Certificate;
use crate::certificate::public_key;

/// Why a text is no private key that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM, or PEM of something else.
    #[error("it holds no PEM block BEGIN PRIVATE KEY")]
    NotPem,
    /// PEM, but not PKCS #8 or of an algorithm that is not supported.
    #[error("it holds no usable PKCS #8 key: {0}")]
    Unusable(String),
}

/// A private key in PKCS #8. Its memory is wiped when it is dropped, and `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Vec<u8>>);

impl SecretKey {
    /// Reads a key from PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::parse(text).map_err(|_| KeyError::NotPem)?;
        let right = block.tag() == "PRIVATE KEY";
        let key = Self(Zeroizing::new(block.into_contents()));
        if !right {
            return Err(KeyError::NotPem);
        }
        wipe(key.pair()?);
        Ok(key)
    }

    /// The key as PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut block = pem::Pem::new("PRIVATE KEY", self.0.to_vec());
        let text = Zeroizing::new(pem::encode_config(&block, crate::certificate::PEM));
        // The block holds its own copy; exchange it for nothing to get it back and wipe it.
        std::mem::replace(&mut block, pem::Pem::new("", Vec::new()))
            .into_contents()
            .zeroize();
        text
    }

    /// The key as PKCS #8 DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// Whether `certificate` was made for this key.
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        let Ok(pair) = self.pair() else { return false };
        let same = public_key(certificate).as_deref() == Some(pair.der_bytes());
        wipe(pair);
        same
    }

    /// Takes the key out of a pair, which is wiped.
    pub(crate) fn from_pair(pair: KeyPair) -> Self {
        let key = Self(Zeroizing::new(pair.serialized_der().to_vec()));
        wipe(pair);
        key
    }

    pub(crate) fn pair(&self) -> Result<KeyPair, KeyError> {
        KeyPair::try_from(self.der()).map_err(|error| KeyError::Unusable(error.to_string()))
    }
}

/// rcgen wipes a pair only when it is told to.
pub(crate) fn wipe(mut pair: KeyPair) {
    pair.zeroize();
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pem() {
        let key = SecretKey::from_pair(KeyPair::generate().unwrap());
        let again = SecretKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(key.der(), again.der());
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        let key = SecretKey::from_pair(KeyPair::generate().unwrap());
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(SecretKey::from_pem("").unwrap_err(), KeyError::NotPem);
        let other = pem::encode(&pem::Pem::new("CERTIFICATE", vec![1, 2, 3]));
        assert_eq!(SecretKey::from_pem(&other).unwrap_err(), KeyError::NotPem);
        let garbage = pem::encode(&pem::Pem::new("PRIVATE KEY", vec![1, 2, 3]));
        assert!(matches!(
            SecretKey::from_pem(&garbage),
            Err(KeyError::Unusable(_))
        ));
    }
}
