//! Private keys, handled so that they do not get about.

use std::fmt;

use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use rcgen::{KeyPair, PublicKeyData as _};
use ring::rand::{SecureRandom, SystemRandom};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
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
    /// It is encrypted, and nobody said with what.
    #[error("it is encrypted: its passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase is another, or the encryption is not known here.
    #[error(
        "its passphrase does not fit, or it is encrypted in a way that is not known here (PBES2 with AES is)"
    )]
    Passphrase,
    /// Trying its passphrase takes far more work than anyone would ask for.
    #[error(
        "its encryption asks for more work than is taken here: encrypt it anew with fewer iterations"
    )]
    TooMuch,
    /// Not PKCS #8 but an older form.
    #[error(
        "it is in the form {0:?}; make it PKCS #8: openssl pkcs8 -topk8 -nodes -in OLD.key -out NEW.key"
    )]
    OldForm(String),
    /// The system gave no random bytes, or the key could not be encrypted.
    #[error("the key could not be made: {0}")]
    Making(String),
}

/// Iterations of PBKDF2 that a file may ask for.
const MOST_ITERATIONS: u32 = 10_000_000;
/// Memory, in bytes, that scrypt may take.
const MOST_MEMORY: u64 = 256 << 20;

/// Whether a file asks for so much work that it keeps a thread busy for long, or the memory of the machine.
fn asks_too_much(sealed: &EncryptedPrivateKeyInfo<'_>) -> bool {
    let EncryptionScheme::Pbes2(scheme) = &sealed.encryption_algorithm else {
        return false; // PBES1 counts to 65,535
    };
    match &scheme.kdf {
        pbes2::Kdf::Pbkdf2(kdf) => kdf.iteration_count > MOST_ITERATIONS,
        pbes2::Kdf::Scrypt(kdf) => {
            let memory = [kdf.block_size, kdf.parallelization]
                .into_iter()
                .fold(128u64, |all, factor| all.saturating_mul(factor.into()));
            memory.saturating_mul(kdf.cost_parameter) > MOST_MEMORY
        }
        _ => true,
    }
}

/// What keys can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyType {
    /// ECDSA on the curve P-256: small and quick, and every TLS library takes it.
    #[default]
    EcdsaP256,
    /// RSA of 2048 bits: for devices whose TLS library knows nothing else.
    Rsa2048,
    /// Ed25519: OpenSSL and rustls take it, most libraries for small devices do not.
    Ed25519,
}

/// PBKDF2 with HMAC-SHA-256 is asked for so many rounds (OWASP, 2023).
const ROUNDS: u32 = 600_000;
/// PKCS #8, version 1, of an Ed25519 key: this, and 32 bytes (RFC 8410, section 7). Not every reader knows version 2.
const ED25519: [u8; 16] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
];

/// A private key in PKCS #8. Its memory is wiped when it is dropped, and `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Vec<u8>>);

impl SecretKey {
    /// Makes a key.
    pub fn generate(kind: KeyType) -> Result<Self, KeyError> {
        let making = |error: &dyn fmt::Display| KeyError::Making(error.to_string());
        match kind {
            KeyType::EcdsaP256 => KeyPair::generate()
                .map(Self::from_pair)
                .map_err(|error| making(&error)),
            KeyType::Rsa2048 => {
                let key = rsa::PrivateKey::new(&mut System(SystemRandom::new()), 2048)
                    .map_err(|error| making(&error))?;
                let document = key.to_pkcs8_der().map_err(|error| making(&error))?;
                Self::from_der(document.as_bytes())
            }
            KeyType::Ed25519 => {
                let mut der = Zeroizing::new([0; 48]);
                der[..16].copy_from_slice(&ED25519);
                random(&mut der[16..])?;
                Self::from_der(&*der)
            }
        }
    }

    /// Takes a key in PKCS #8 DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = Self(Zeroizing::new(der.to_vec()));
        wipe(key.pair()?);
        Ok(key)
    }

    /// Reads a key from PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::open_pem(text, None)
    }

    /// Reads a key from PEM that may be encrypted. Certificates beside it are passed over.
    pub fn open_pem(text: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let blocks = pem::parse_many(text).map_err(|_| KeyError::NotPem)?;
        let block = blocks
            .into_iter()
            .find(|block| block.tag().ends_with("PRIVATE KEY"))
            .ok_or(KeyError::NotPem)?;
        let tag = block.tag().to_owned();
        let contents = Zeroizing::new(block.into_contents());
        match tag.as_str() {
            "PRIVATE KEY" => Self::from_der(&contents),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
                let sealed = EncryptedPrivateKeyInfo::try_from(contents.as_slice())
                    .map_err(|error| KeyError::Unusable(error.to_string()))?;
                if asks_too_much(&sealed) {
                    return Err(KeyError::TooMuch);
                }
                let opened = sealed
                    .decrypt(passphrase)
                    .map_err(|_| KeyError::Passphrase)?;
                Self::from_der(opened.as_bytes())
            }
            other => Err(KeyError::OldForm(other.to_owned())),
        }
    }

    /// Whether a PEM text has a key that is encrypted.
    pub fn is_encrypted(text: &str) -> bool {
        pem::parse_many(text)
            .unwrap_or_default()
            .iter()
            .any(|block| block.tag() == "ENCRYPTED PRIVATE KEY")
    }

    /// The key as PEM, encrypted: PBES2, AES-256 under PBKDF2 with SHA-256.
    pub fn to_encrypted_pem(&self, passphrase: &str) -> Result<Zeroizing<String>, KeyError> {
        self.sealed(passphrase, ROUNDS)
    }

    pub(crate) fn sealed(
        &self,
        passphrase: &str,
        rounds: u32,
    ) -> Result<Zeroizing<String>, KeyError> {
        let making = |error: &dyn fmt::Display| KeyError::Making(error.to_string());
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        random(&mut salt)?;
        random(&mut iv)?;
        let parameters = pbes2::Parameters::pbkdf2_sha256_aes256cbc(rounds, &salt, &iv)
            .map_err(|error| making(&error))?;
        let sealed = parameters
            .encrypt(passphrase, self.der())
            .map_err(|error| making(&error))?;
        let info = EncryptedPrivateKeyInfo {
            encryption_algorithm: parameters.into(),
            encrypted_data: &sealed,
        };
        let der = pkcs8::der::Encode::to_der(&info).map_err(|error| making(&error))?;
        let block = pem::Pem::new("ENCRYPTED PRIVATE KEY", der);
        Ok(Zeroizing::new(pem::encode_config(
            &block,
            crate::certificate::PEM,
        )))
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

/// The system's random numbers, for a crate that asks for them in its own way.
struct System(SystemRandom);

/// The system gave none.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system has no random numbers")]
struct NoRandom;

impl TryRng for System {
    type Error = NoRandom;

    fn try_next_u32(&mut self) -> Result<u32, NoRandom> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandom> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), NoRandom> {
        self.0.fill(into).map_err(|_| NoRandom)
    }
}

impl TryCryptoRng for System {}

fn random(into: &mut [u8]) -> Result<(), KeyError> {
    SystemRandom::new()
        .fill(into)
        .map_err(|_| KeyError::Making("the system has no random numbers".into()))
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
    fn a_key_that_asks_for_endless_work_is_refused_before_any_of_it() {
        let (salt, iv) = ([0; 16], [0; 16]);
        let memory_of = |n| pkcs8::pkcs5::scrypt::Params::new(n, 8, 1, 32).unwrap();
        let pbkdf2 =
            |rounds| pbes2::Parameters::pbkdf2_sha256_aes256cbc(rounds, &salt, &iv).unwrap();
        let scrypt = |n| pbes2::Parameters::scrypt_aes256cbc(memory_of(n), &salt, &iv).unwrap();
        let opened = |scheme: pbes2::Parameters<'_>| {
            let info = EncryptedPrivateKeyInfo {
                encryption_algorithm: scheme.into(),
                encrypted_data: &[0; 16],
            };
            let der = pkcs8::der::Encode::to_der(&info).unwrap();
            let pem = pem::encode(&pem::Pem::new("ENCRYPTED PRIVATE KEY", der));
            SecretKey::open_pem(&pem, Some("a passphrase")).unwrap_err()
        };
        assert_eq!(opened(pbkdf2(MOST_ITERATIONS + 1)), KeyError::TooMuch);
        assert_eq!(opened(scrypt(20)), KeyError::TooMuch, "a gibibyte");
        assert_eq!(opened(pbkdf2(1)), KeyError::Passphrase);
        assert_eq!(opened(scrypt(4)), KeyError::Passphrase);
    }

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
    fn a_key_of_each_type_survives_its_passphrase() {
        for kind in [KeyType::EcdsaP256, KeyType::Rsa2048, KeyType::Ed25519] {
            let key = SecretKey::generate(kind).unwrap();
            let sealed = key.to_encrypted_pem("correct horse").unwrap();
            assert!(SecretKey::is_encrypted(&sealed));
            let again = SecretKey::open_pem(&sealed, Some("correct horse")).unwrap();
            assert_eq!(key.der(), again.der());
            assert_eq!(
                SecretKey::open_pem(&sealed, Some("wrong")).unwrap_err(),
                KeyError::Passphrase
            );
            assert_eq!(
                SecretKey::from_pem(&sealed).unwrap_err(),
                KeyError::PassphraseNeeded
            );
        }
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
