//! JSON Web Tokens (RFC 7519) as proofs of who a client is.
//!
//! Duty: judge a token by the keys and expectations of a configuration, and say what it tells of a client. Not here:
//! where keys come from, the clock (`app` brings both).
//! Invariant: the algorithm is the key's, never the token's choice alone; there is no `none`; a token without an end is
//! refused; nothing that is printed holds a token.

mod keys;
mod provider;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Validation, decode, decode_header};
use mqttwb_model::Timestamp;
use serde_json::{Map, Value};

pub use keys::{KeyError, TokenKeys};

/// Claims that are kept of a token, for rules to name.
const CLAIMS: usize = 64;
/// Bytes of a claim that is kept; a longer one is left out, since it can be no level of a topic.
const CLAIM: usize = 1024;
/// Groups that are kept of a token.
const GROUPS: usize = 256;

/// What a token must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// `iss`, where only one issuer's are taken.
    pub issuer: Option<String>,
    /// One of `aud`. Where nothing is expected, a token for somebody named is refused (RFC 7519, section 4.1.3).
    pub audience: Option<String>,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The claim that is the user name.
    pub user_claim: String,
    /// The claim that must be the client identifier, where there is one.
    pub client_id_claim: Option<String>,
    /// The claim that lists groups.
    pub groups_claim: String,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(30),
            user_claim: "sub".into(),
            client_id_claim: None,
            groups_claim: "groups".into(),
        }
    }
}

/// What a good token says of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// User name.
    pub user: String,
    /// Claims that are a text, a number or a truth value.
    pub claims: BTreeMap<String, String>,
    /// Groups.
    pub groups: Vec<Arc<str>>,
    /// When it ends, leeway included.
    pub expires: Timestamp,
}

/// Why a token proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON in them, or not of a known algorithm.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// `alg` is none of those that are taken.
    #[error("the token's algorithm is {0}; HS256, RS256, ES256 and EdDSA are taken")]
    Algorithm(String),
    /// It asks that an extension be understood (RFC 7515, section 4.1.11).
    #[error("the token asks for extensions that are not known here (crit)")]
    Critical,
    /// `kid` names a key that is not there.
    #[error("the token was signed by key {0:?}, which is not among the keys")]
    UnknownKey(String),
    /// No key goes with the algorithm.
    #[error("the token's algorithm is {0}, and no key here is for it")]
    NoKey(String),
    /// No key made this signature.
    #[error("the token's signature is not that of a key here")]
    Signature,
    /// A claim has not the type that RFC 7519 gives it.
    #[error("the token's claim {0} is missing or not what it must be")]
    Claim(String),
    /// `exp` has passed.
    #[error("the token has expired {0} s ago")]
    Expired(u64),
    /// `nbf` is to come.
    #[error("the token is not valid for another {0} s")]
    NotYet(u64),
    /// Another issuer.
    #[error("the token's issuer is {found:?}, expected {expected:?}")]
    Issuer {
        /// What it says.
        found: String,
        /// What is expected.
        expected: String,
    },
    /// For somebody else.
    #[error("the token is for {found:?}, and not for this broker: see access.jwt.audience")]
    Audience {
        /// Whom it is for.
        found: String,
    },
    /// The claim that must be the client identifier is not.
    #[error("the token is for client {claimed:?}, and this client is another")]
    Client {
        /// Whose it is.
        claimed: String,
    },
}

/// Whether a password has the form of a signed token: a header that is JSON with `alg`, and two parts more.
pub fn looks_like_token(password: &[u8]) -> bool {
    header_of(password).is_some_and(|header| header.contains_key("alg"))
}

fn header_of(token: &[u8]) -> Option<Map<String, Value>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut parts = token.split(|byte| *byte == b'.');
    let (header, _, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

impl TokenKeys {
    /// Judges a token that a client shows.
    pub fn verify(
        &self,
        token: &[u8],
        expected: &Expected,
        client: &str,
        now: Timestamp,
    ) -> Result<Token, TokenError> {
        let claims = self.signed(token)?;
        judge(&claims, expected, client, now)
    }

    /// The claims of a token that one of the keys has signed.
    fn signed(&self, token: &[u8]) -> Result<Map<String, Value>, TokenError> {
        let raw = header_of(token)
            .ok_or_else(|| TokenError::Malformed("it has no header that is JSON".into()))?;
        let named = raw.get("alg").and_then(Value::as_str).unwrap_or("missing");
        let algorithm = keys::algorithm(named)
            .ok_or_else(|| TokenError::Algorithm(named.chars().take(40).collect()))?;
        let malformed =
            |error: jsonwebtoken::errors::Error| TokenError::Malformed(error.to_string());
        let header = decode_header(token).map_err(malformed)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let of_algorithm: Vec<_> = self.for_algorithm(algorithm).collect();
        let candidates: Vec<_> = match &header.kid {
            Some(kid) => of_algorithm
                .iter()
                .filter(|key| key.id.as_ref().is_none_or(|id| id == kid))
                .collect(),
            None => of_algorithm.iter().collect(),
        };
        if candidates.is_empty() {
            return Err(match header.kid {
                Some(kid) if !self.knows(&kid) => {
                    TokenError::UnknownKey(kid.chars().take(100).collect())
                }
                _ => TokenError::NoKey(named.to_owned()),
            });
        }
        let mut validation = Validation::new(algorithm);
        // Everything that is said in claims is judged here, by a clock that is given.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        provider::install();
        for key in candidates {
            match decode::<Map<String, Value>>(token, &key.key, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => match error.kind() {
                    jsonwebtoken::errors::ErrorKind::InvalidSignature => {}
                    _ => return Err(malformed(error)),
                },
            }
        }
        Err(TokenError::Signature)
    }
}

/// Seconds since the epoch, where a claim is such a number (RFC 7519, NumericDate).
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, TokenError> {
    let wrong = || TokenError::Claim(name.to_owned());
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    if let Some(seconds) = value.as_u64() {
        return Ok(Some(seconds));
    }
    let seconds = value
        .as_f64()
        .filter(|seconds| *seconds >= 0.0)
        .ok_or_else(wrong)?;
    Ok(Some(seconds as u64)) // larger ones stay at the end of time
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenError> {
    claims
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| TokenError::Claim(name.to_owned()))
}

/// The texts of a claim that is one text or a list of them.
fn texts<'a>(claims: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    match claims.get(name) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn judge(
    claims: &Map<String, Value>,
    expected: &Expected,
    client: &str,
    now: Timestamp,
) -> Result<Token, TokenError> {
    let (now, leeway) = (now.as_secs(), expected.leeway.as_secs());
    let ends = date(claims, "exp")?.ok_or_else(|| TokenError::Claim("exp".into()))?;
    let ends = ends.saturating_add(leeway);
    if ends <= now {
        return Err(TokenError::Expired(now - ends + leeway));
    }
    if let Some(begins) = date(claims, "nbf")?.filter(|begins| *begins > now.saturating_add(leeway))
    {
        return Err(TokenError::NotYet(begins - now));
    }
    if let Some(issuer) = &expected.issuer {
        let found = text(claims, "iss")?;
        if found != issuer {
            return Err(TokenError::Issuer {
                found: found.chars().take(200).collect(),
                expected: issuer.clone(),
            });
        }
    }
    let audiences = texts(claims, "aud");
    let is_for_us = match &expected.audience {
        Some(own) => audiences.contains(&own.as_str()),
        None => !claims.contains_key("aud"),
    };
    if !is_for_us {
        let found = audiences.join(", ").chars().take(200).collect();
        return Err(TokenError::Audience { found });
    }
    if let Some(name) = &expected.client_id_claim {
        let claimed = text(claims, name)?;
        if claimed != client {
            let claimed = claimed.chars().take(200).collect();
            return Err(TokenError::Client { claimed });
        }
    }
    let user = text(claims, &expected.user_claim)?;
    if user.len() > 256 || user.chars().any(char::is_control) {
        return Err(TokenError::Claim(expected.user_claim.clone()));
    }
    let groups: Vec<Arc<str>> = texts(claims, &expected.groups_claim)
        .into_iter()
        .filter(|group| !group.is_empty() && group.len() <= CLAIM)
        .take(GROUPS)
        .map(Into::into)
        .collect();
    Ok(Token {
        user: user.to_owned(),
        groups,
        claims: told(claims),
        expires: Timestamp(ends.saturating_mul(1_000_000_000)),
    })
}

/// The claims that a rule can name.
fn told(claims: &Map<String, Value>) -> BTreeMap<String, String> {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    claims
        .iter()
        .filter_map(|(name, value)| Some((name, plain(value)?)))
        .filter(|(name, value)| name.len() <= CLAIM && value.len() <= CLAIM)
        .take(CLAIMS)
        .map(|(name, value)| (name.clone(), value))
        .collect()
}

#[cfg(test)]
mod tests;
