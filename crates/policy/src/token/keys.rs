//! Keys that tokens are judged by: from PEM, a secret, or a JSON Web Key Set (RFC 7517).
//!
//! Invariant: each key is for one algorithm. A public key is never taken for a secret, whatever a token says.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// The shortest secret of HS256, in bytes (RFC 7518, section 3.2).
const SECRET: usize = 32;
/// Keys of a set that are taken.
const KEYS: usize = 100;

/// Why something gives no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM block with a public key of RSA, P-256 or Ed25519.
    #[error("expected a PEM block BEGIN PUBLIC KEY with a key of RSA, P-256 or Ed25519")]
    Pem,
    /// A private key, which should not be here.
    #[error(
        "this is a private key; give the public one that goes with it, and keep the private one where tokens are made"
    )]
    Private,
    /// Guessable.
    #[error("a secret of {0} bytes is too short: HS256 wants at least 32")]
    Short(usize),
    /// PEM where a secret is expected.
    #[error("this is a PEM block, not a secret: name it as public_key")]
    NotSecret,
    /// Not a JSON Web Key Set.
    #[error("expected a JSON Web Key Set, {{\"keys\": [ … ]}}: {0}")]
    Set(String),
    /// No key of the set can be used.
    #[error("no key of the set can be used: {0}")]
    NoneUsable(String),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    /// `kid`; a key without one is tried for every token of its algorithm.
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The keys of a configuration.
#[derive(Debug, Clone, Default)]
pub struct TokenKeys {
    keys: Vec<Key>,
    /// Keys of the set that can't be used, and why.
    left_out: Vec<String>,
}

/// The algorithm of a name, where it is taken.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

impl TokenKeys {
    fn one(algorithm: Algorithm, key: DecodingKey) -> Self {
        let (id, left_out) = (None, Vec::new());
        let keys = vec![Key { id, algorithm, key }];
        Self { keys, left_out }
    }

    /// These keys and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self.left_out.extend(others.left_out);
        self
    }

    /// A public key in PEM; its kind says which algorithm it is for.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        if contains(pem, b"PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        let known = [
            (Algorithm::RS256, DecodingKey::from_rsa_pem(pem)),
            (Algorithm::ES256, DecodingKey::from_ec_pem(pem)),
            (Algorithm::EdDSA, DecodingKey::from_ed_pem(pem)),
        ];
        let fits = |algorithm, key: &DecodingKey| match algorithm {
            Algorithm::ES256 => is_p256(key),
            Algorithm::EdDSA => is_long(key, 32),
            _ => true,
        };
        let found = known
            .into_iter()
            .find_map(|(algorithm, key)| Some((algorithm, key.ok()?)))
            .filter(|(algorithm, key)| fits(*algorithm, key));
        let (algorithm, key) = found.ok_or(KeyError::Pem)?;
        Ok(Self::one(algorithm, key))
    }

    /// The secret of HS256; the end of its last line does not belong to it.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if contains(secret, b"-----BEGIN ") {
            return Err(KeyError::NotSecret);
        }
        let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        match secret.len() {
            short if short < SECRET => Err(KeyError::Short(short)),
            _ => Ok(Self::one(
                Algorithm::HS256,
                DecodingKey::from_secret(secret),
            )),
        }
    }

    /// A JSON Web Key Set. Secrets in it are taken only where the set is no secret to nobody but this broker.
    pub fn from_set(text: &[u8], with_secrets: bool) -> Result<Self, KeyError> {
        let set: Value =
            serde_json::from_slice(text).map_err(|error| KeyError::Set(error.to_string()))?;
        let Some(keys) = set.get("keys").and_then(Value::as_array) else {
            return Err(KeyError::Set("there is no list keys".into()));
        };
        let mut all = Self::default();
        for (at, value) in keys.iter().enumerate() {
            let id = value.get("kid").and_then(Value::as_str);
            let name = id.map_or_else(|| format!("key {}", at + 1), |id| format!("key {id:?}"));
            let parsed = if at < KEYS {
                key(value, with_secrets)
            } else {
                Err(format!("more than {KEYS} keys"))
            };
            match parsed {
                Ok((algorithm, key)) => all.keys.push(Key {
                    id: id.map(str::to_owned),
                    algorithm,
                    key,
                }),
                Err(why) => all.left_out.push(format!("{name}: {why}")),
            }
        }
        if all.keys.is_empty() {
            let why = match all.left_out.is_empty() {
                true => "it is empty".to_owned(),
                false => all.left_out.join("; "),
            };
            return Err(KeyError::NoneUsable(why));
        }
        Ok(all)
    }

    /// The keys, as a person may see them: `RS256, key "2026-11"`.
    pub fn list(&self) -> Vec<String> {
        let told = |key: &Key| match &key.id {
            Some(id) => format!("{:?}, key {id:?}", key.algorithm),
            None => format!("{:?}", key.algorithm),
        };
        self.keys.iter().map(told).collect()
    }

    /// Keys of a set that can't be used, each with why.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    pub(super) fn for_algorithm(&self, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let fits = move |key: &&Key| key.algorithm == algorithm;
        self.keys.iter().filter(fits)
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn is_long(key: &DecodingKey, bytes: usize) -> bool {
    key.try_get_as_bytes().is_ok_and(|key| key.len() == bytes)
}

/// An uncompressed point of P-256.
fn is_p256(key: &DecodingKey) -> bool {
    is_long(key, 65)
}

/// A key of a set, for the algorithm that its type is for; or why it can't be used.
fn key(value: &Value, with_secrets: bool) -> Result<(Algorithm, DecodingKey), String> {
    let jwk: Jwk = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    if matches!(&jwk.common.public_key_use, Some(wanted) if *wanted != PublicKeyUse::Signature) {
        return Err("it is not for signatures".into());
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::OctetKey(_) if with_secrets => (Algorithm::HS256, KeyAlgorithm::HS256),
        AlgorithmParameters::OctetKey(_) => {
            return Err("a secret in a set that others can fetch is no secret".into());
        }
        _ => return Err("its type is not RSA, P-256 or Ed25519".into()),
    };
    if jwk.common.key_algorithm.is_some_and(|other| other != named) {
        return Err(format!("it is for another algorithm than {algorithm:?}"));
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    let fits = match algorithm {
        Algorithm::ES256 => is_p256(&key),
        Algorithm::EdDSA => is_long(&key, 32),
        Algorithm::HS256 => key.try_get_as_bytes().is_ok_and(|key| key.len() >= SECRET),
        _ => true,
    };
    match fits {
        true => Ok((algorithm, key)),
        false => Err("its length is not that of such a key".into()),
    }
}
