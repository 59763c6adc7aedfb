//! Fetching a key set.
//!
//! Invariant: https, or http within this computer; bounded in time and size; no redirect leads anywhere less safe.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use url::{Host, Url};

use crate::Result;
use crate::api::{ApiError, ErrorCode};

/// How long a fetch may take, names and handshakes included.
const TIME: Duration = Duration::from_secs(5);
/// How much is taken.
const SIZE: u64 = 256 << 10;

/// Where something may be fetched.
#[derive(Debug, Clone)]
pub(super) struct Address(Url);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Address {
    fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl TryFrom<&str> for Address {
    type Error = ApiError;

    fn try_from(text: &str) -> Result<Self> {
        let wrong = |what: String| {
            ApiError::new(ErrorCode::Config, format!("access.jwt.jwks_url: {what}.")).hint(
                "Keys that come in the clear can be changed on the way: name an https address, or save the set as \
                 jwks_file.",
            )
        };
        let url = Url::parse(text).map_err(|error| wrong(format!("{text:?}: {error}")))?;
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_here => Ok(Self(url)),
            _ => Err(wrong(format!("{text:?} is not https"))),
        }
    }
}

/// Fetches it; why not, otherwise. Blocks.
pub(super) fn fetch(from: &Address) -> std::result::Result<Vec<u8>, String> {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots = roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots.collect())))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIME))
        .https_only(from.is_https())
        .max_redirects(if from.is_https() { 3 } else { 0 })
        .tls_config(tls)
        .build()
        .into();
    let mut answer = agent
        .get(from.0.as_str())
        .header("accept", "application/jwk-set+json, application/json")
        .call()
        .map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(SIZE).read_to_vec();
    body.map_err(|error| error.to_string())
}
