//! What encrypts further keys where one key is open: derived from that key, so that nothing else has to be kept for it.
//!
//! Invariant: the same key gives the same wrapping, however its PKCS #8 is written; whoever has what it has encrypted, and not
//! the key, learns nothing of either.

use std::fmt;

use pkcs8::PrivateKeyInfo;
use ring::hkdf::{HKDF_SHA256, KeyType as Length, Salt};
use zeroize::Zeroizing;

use crate::{KeyError, SecretKey};

/// What is derived serves this alone.
const PURPOSE: &[u8] = b"MQTT Workbench: keys that are kept beside it";
/// What is derived has 256 random bits: more rounds than PKCS #5 asks for would add nothing.
const ROUNDS: u32 = 2_048;

/// 32 bytes.
struct Bits256;

impl Length for Bits256 {
    fn len(&self) -> usize {
        32
    }
}

/// Encrypts other keys, and opens them.
#[derive(Clone)]
pub struct Wrapping(Zeroizing<String>);

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapping(..)")
    }
}

impl Wrapping {
    /// What a key gives (HKDF with SHA-256).
    pub fn of(key: &SecretKey) -> Result<Self, KeyError> {
        let making = || KeyError::Making("nothing could be derived from it".into());
        let info = PrivateKeyInfo::try_from(key.der())
            .map_err(|error| KeyError::Unusable(error.to_string()))?;
        let mut bits = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, &[])
            .extract(scalar(info.private_key))
            .expand(&[PURPOSE], Bits256)
            .and_then(|okm| okm.fill(&mut *bits))
            .map_err(|_| making())?;
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in bits.iter() {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Ok(Self(text))
    }

    /// A key as PEM that this opens: PKCS #8 under PBES2 with AES-256.
    pub fn seal(&self, key: &SecretKey) -> Result<Zeroizing<String>, KeyError> {
        key.sealed(&self.0, ROUNDS)
    }

    /// Opens what [`seal`](Self::seal) has made; a key that is not encrypted as well.
    pub fn open(&self, text: &str) -> Result<SecretKey, KeyError> {
        SecretKey::open_pem(text, Some(&self.0))
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The number of an ECDSA key alone (RFC 5915: a sequence of the version 1, the number, and more that may be left out), and
/// of any other all of it.
fn scalar(key: &[u8]) -> &[u8] {
    let header = match key {
        [0x30, 0x81, ..] => 3,
        [0x30, ..] => 2,
        _ => return key,
    };
    match key.get(header..) {
        Some([2, 1, 1, 4, length, rest @ ..]) => rest.get(..usize::from(*length)).unwrap_or(key),
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyType;

    #[test]
    fn what_a_key_wraps_it_alone_opens() {
        let kept = SecretKey::generate(KeyType::EcdsaP256).unwrap();
        for kind in [KeyType::EcdsaP256, KeyType::Rsa2048, KeyType::Ed25519] {
            let key = SecretKey::generate(kind).unwrap();
            let sealed = Wrapping::of(&key).unwrap().seal(&kept).unwrap();
            assert!(SecretKey::is_encrypted(&sealed));
            // From a file, as another process has it.
            let again = SecretKey::from_pem(&key.to_pem()).unwrap();
            let opened = Wrapping::of(&again).unwrap().open(&sealed).unwrap();
            assert_eq!(opened.der(), kept.der());
            let other = SecretKey::generate(kind).unwrap();
            assert_eq!(
                Wrapping::of(&other).unwrap().open(&sealed).unwrap_err(),
                KeyError::Passphrase
            );
        }
    }

    #[test]
    fn an_ecdsa_key_gives_the_same_whatever_else_is_written_beside_its_number() {
        let number = [7; 32];
        let alone = [&[0x30, 37, 2, 1, 1, 4, 32][..], &number].concat();
        let with_point = [&[0x30, 0x6b, 2, 1, 1, 4, 32][..], &number, &[0xa1; 68]].concat();
        let long = [&[0x30, 0x81, 0x9b, 2, 1, 1, 4, 32][..], &number, &[0; 110]].concat();
        for form in [&alone, &with_point, &long] {
            assert_eq!(scalar(form), number);
        }
        for other in [&[4, 32, 1][..], &[0x30, 3, 2, 1, 0], &[], &alone[..20]] {
            assert_eq!(scalar(other), other);
        }
    }
}
