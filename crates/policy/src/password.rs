//! Passwords as they are kept: hashes, in the forms that this program makes and that mosquitto makes.
//!
//! Duty: parse a kept hash, say whether a password goes with it, make new ones, read mosquitto's password file.
//! Not here: files, and randomness (salts are given). Invariant: a password is in nothing that is printed; comparing
//! takes the same time wherever the first difference is.

use std::fmt;
use std::num::NonZeroU32;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, pbkdf2};

/// More rounds than this are refused: a file could keep every thread busy.
const MOST_ROUNDS: u32 = 10_000_000;

/// Why a text is no password hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// A form that is not known.
    #[error("expected a hash that begins with $argon2id$, $6$ or $7$")]
    Unknown,
    /// Known, and not as it must be.
    #[error("the {0} hash is malformed")]
    Malformed(&'static str),
    /// Far more work than anyone would ask for.
    #[error("the hash asks for more work than is taken: {0}")]
    TooMuch(String),
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash {
    text: String,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Argon2,
    /// mosquitto's `$6$`: SHA-512 of the password and the salt, once.
    Sha512 {
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    /// mosquitto's `$7$`: PBKDF2 with HMAC-SHA-512.
    Pbkdf2 {
        rounds: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hash").field(&self.form()).finish()
    }
}

fn argon2() -> Argon2<'static> {
    // OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

impl Hash {
    /// Hashes a password with Argon2id; the salt is to be random.
    pub fn new(password: &[u8], salt: &[u8; 16]) -> Result<Self, HashError> {
        let salt = SaltString::encode_b64(salt).map_err(|_| HashError::Malformed("Argon2id"))?;
        let hash = argon2()
            .hash_password(password, &salt)
            .map_err(|_| HashError::Malformed("Argon2id"))?;
        Ok(Self {
            text: hash.to_string(),
            kind: Kind::Argon2,
        })
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it was made.
    pub fn form(&self) -> &'static str {
        match self.kind {
            Kind::Argon2 => "Argon2id",
            Kind::Sha512 { .. } => "SHA-512",
            Kind::Pbkdf2 { .. } => "PBKDF2",
        }
    }

    /// Whether it takes as much work to try a password as this program asks for.
    pub fn is_strong(&self) -> bool {
        self.kind == Kind::Argon2
    }

    /// Whether the password goes with it.
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.kind {
            Kind::Argon2 => PasswordHash::new(&self.text)
                .is_ok_and(|hash| argon2().verify_password(password, &hash).is_ok()),
            Kind::Sha512 { salt, hash } => {
                let mut context = digest::Context::new(&digest::SHA512);
                context.update(password);
                context.update(salt);
                same(context.finish().as_ref(), hash)
            }
            Kind::Pbkdf2 { rounds, salt, hash } => {
                pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA512, *rounds, salt, password, hash).is_ok()
            }
        }
    }
}

/// Takes the same time wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && difference == 0
}

impl TryFrom<&str> for Hash {
    type Error = HashError;

    fn try_from(text: &str) -> Result<Self, HashError> {
        let kind = if text.starts_with("$argon2id$") {
            let malformed = || HashError::Malformed("Argon2id");
            let hash = PasswordHash::new(text).map_err(|_| malformed())?;
            let params = Params::try_from(&hash).map_err(|_| malformed())?;
            // A GiB and a hundred passes: beyond any that is recommended.
            if params.m_cost() > 1 << 20 || params.t_cost() > 100 || params.p_cost() > 16 {
                return Err(HashError::TooMuch(format!(
                    "{} KiB, {} passes",
                    params.m_cost(),
                    params.t_cost()
                )));
            }
            if hash.salt.is_none() || hash.hash.is_none() {
                return Err(malformed());
            }
            Kind::Argon2
        } else if let Some(rest) = text.strip_prefix("$6$") {
            let malformed = HashError::Malformed("SHA-512");
            let (salt, hash) = rest.split_once('$').ok_or(malformed.clone())?;
            match (BASE64.decode(salt), BASE64.decode(hash)) {
                (Ok(salt), Ok(hash)) if hash.len() == 64 => Kind::Sha512 { salt, hash },
                _ => return Err(malformed),
            }
        } else if let Some(rest) = text.strip_prefix("$7$") {
            let malformed = HashError::Malformed("PBKDF2");
            let mut parts = rest.splitn(3, '$');
            let mut part = || parts.next().ok_or(malformed.clone());
            let (rounds, salt, hash) = (part()?, part()?, part()?);
            let rounds: NonZeroU32 = rounds.parse().map_err(|_| malformed.clone())?;
            if rounds.get() > MOST_ROUNDS {
                return Err(HashError::TooMuch(format!("{rounds} rounds")));
            }
            match (BASE64.decode(salt), BASE64.decode(hash)) {
                (Ok(salt), Ok(hash)) if hash.len() == 64 => Kind::Pbkdf2 { rounds, salt, hash },
                _ => return Err(malformed),
            }
        } else {
            return Err(HashError::Unknown);
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }
}

/// Does the work of verifying a password that is none, so that it can't be told by the time whether there is such an
/// account.
pub fn verify_nobody(password: &[u8]) {
    let mut out = [0; 32];
    // Whether it succeeds makes no difference to anybody.
    let _ = argon2().hash_password_into(password, b"nobody's salt...", &mut out);
}

/// A line of mosquitto's password file that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// No colon.
    #[error("line {0}: expected NAME:HASH")]
    NoHash(usize),
    /// No hash that is known.
    #[error("line {0}: {1}")]
    Hash(usize, HashError),
}

/// The accounts of a mosquitto password file, and the lines that can't be taken.
pub fn read_mosquitto(text: &str) -> (Vec<(String, Hash)>, Vec<LineError>) {
    let (mut accounts, mut errors) = (Vec::new(), Vec::new());
    for (at, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':') {
            Some((name, hash)) if !name.is_empty() => match Hash::try_from(hash) {
                Ok(hash) => accounts.push((name.to_owned(), hash)),
                Err(error) => errors.push(LineError::Hash(at, error)),
            },
            _ => errors.push(LineError::NoHash(at)),
        }
    }
    (accounts, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_with_its_hash_alone() {
        let hash = Hash::new(b"correct horse", &[7; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let kept = Hash::try_from(hash.as_str()).unwrap();
        assert!(kept.verify(b"correct horse"));
        assert!(!kept.verify(b"correct horsf"));
        assert!(!format!("{kept:?}").contains("argon2id$"));
    }

    #[test]
    fn mosquitto_s_hashes_are_verified_as_they_are() {
        let salt = BASE64.encode(b"saltsalt1234");
        let mut context = digest::Context::new(&digest::SHA512);
        context.update(b"pw");
        context.update(b"saltsalt1234");
        let sha = format!("$6${salt}${}", BASE64.encode(context.finish()));
        let mut out = [0; 64];
        let rounds = NonZeroU32::new(101).unwrap();
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA512,
            rounds,
            b"saltsalt1234",
            b"pw",
            &mut out,
        );
        let pbkdf2 = format!("$7$101${salt}${}", BASE64.encode(out));
        let text = format!("# users\nann:{sha}\n\nbob:{pbkdf2}\nbad\neve:$1$x\n");
        let (accounts, errors) = read_mosquitto(&text);
        assert_eq!(accounts.len(), 2);
        for (_, hash) in &accounts {
            assert!(hash.verify(b"pw") && !hash.verify(b"pv"), "{hash:?}");
            assert!(!hash.is_strong());
        }
        assert_eq!(
            errors,
            [LineError::NoHash(5), LineError::Hash(6, HashError::Unknown)]
        );
    }

    #[test]
    fn a_hash_that_would_keep_a_thread_busy_is_refused() {
        let salt = BASE64.encode([1; 12]);
        let hash = BASE64.encode([1; 64]);
        for text in [
            format!("$7$4000000000${salt}${hash}"),
            "$argon2id$v=19$m=4000000,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA".into(),
        ] {
            assert!(
                matches!(Hash::try_from(text.as_str()), Err(HashError::TooMuch(_))),
                "{text}"
            );
        }
    }
}
