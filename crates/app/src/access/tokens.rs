//! Tokens: where the keys come from that they are judged by, and how a client shows one.
//!
//! Duty: read keys, fetch a key set and fetch it again when a token names a key that is not in it, and answer the
//! broker. Not here: judging (`policy::token`). Invariant: a fetch is bounded in time, size and number; where it fails
//! the keys that were there stay, and the operator sees why; a token is in nothing that is printed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqttwb_broker::{AuthenticationMethod, Denied, Exchange, ProvedBy, Step, Verified};
use mqttwb_model::{ConnectionInfo, Timestamp};
use mqttwb_policy::token::{Expected, Token, TokenError, TokenKeys};
use mqttwb_wire::ReasonCode;
use parking_lot::{Mutex, RwLock};

use super::AccessControl;
use super::fetching::{Address, fetch};
use crate::api::{ApiError, ErrorCode, TokenCheck, TokenReport, TokenVerdict};
use crate::{Result, files};

/// How MQTT 5 calls the method: as other brokers that take such tokens do.
pub(crate) const METHOD: &str = "OAUTH2-JWT";
/// The least time between two fetches that tokens ask for.
const PAUSE: Duration = Duration::from_secs(30);
/// The age at which a set is fetched again, so that a key that was withdrawn goes.
const OLD: Duration = Duration::from_secs(600);

/// What may judge a user name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `accounts.toml`.
    Accounts,
    /// Tokens.
    Jwt,
}

impl Method {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Jwt => "jwt",
        }
    }
}

/// `[access.jwt]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenSettings {
    /// A public key in PEM.
    pub public_key: Option<PathBuf>,
    /// The secret of HS256.
    pub secret: Option<PathBuf>,
    /// A key set.
    pub jwks_file: Option<PathBuf>,
    /// Where a key set is fetched.
    pub jwks_url: Option<String>,
    /// What tokens must say.
    pub expected: Expected,
}

impl TokenSettings {
    /// Whether tokens are taken.
    pub fn is_on(&self) -> bool {
        let Self {
            public_key,
            secret,
            jwks_file,
            jwks_url,
            expected: _,
        } = self;
        public_key.is_some() || secret.is_some() || jwks_file.is_some() || jwks_url.is_some()
    }

    /// What a person is told of them, and of the keys where they were read.
    pub(crate) fn report(&self, tokens: Option<&Tokens>) -> Option<TokenReport> {
        let shown = |path: &PathBuf| path.display().to_string();
        let set = tokens.and_then(|tokens| tokens.set.as_ref());
        let state = set.map(|set| set.state.lock().clone());
        let keys = tokens.map(|tokens| tokens.keys.read().clone());
        self.is_on().then(|| TokenReport {
            method: METHOD.to_owned(),
            sources: [&self.public_key, &self.secret, &self.jwks_file]
                .into_iter()
                .flatten()
                .map(shown)
                .chain(self.jwks_url.clone())
                .collect(),
            read: tokens.is_some(),
            keys: keys.as_ref().map(|keys| keys.list()).unwrap_or_default(),
            left_out: keys
                .map(|keys| keys.left_out().to_vec())
                .unwrap_or_default(),
            fetched: state
                .as_ref()
                .and_then(|state| state.read)
                .map(Timestamp::as_millis),
            failure: state.and_then(|state| state.failure),
            issuer: self.expected.issuer.clone(),
            audience: self.expected.audience.clone(),
            user_claim: self.expected.user_claim.clone(),
            client_id_claim: self.expected.client_id_claim.clone(),
        })
    }
}

/// Where a set is.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Address),
}

#[derive(Debug, Clone, Default)]
struct SetState {
    /// When it was tried last, on a clock that does not jump.
    tried: Option<Instant>,
    /// When it was read last.
    read: Option<Timestamp>,
    /// Why the last try failed.
    failure: Option<String>,
}

/// A key set that may change.
#[derive(Debug)]
struct KeySet {
    source: Source,
    state: Mutex<SetState>,
    /// Held by whoever fetches: the others wait for what comes of it.
    fetching: Mutex<()>,
}

/// The keys of a configuration, and what tokens must say.
#[derive(Debug)]
pub(crate) struct Tokens {
    expected: Expected,
    /// Of the public key and the secret.
    fixed: TokenKeys,
    set: Option<KeySet>,
    /// All of them.
    keys: RwLock<Arc<TokenKeys>>,
    pause: Duration,
}

fn wrong(what: &str, path: &std::path::Path, error: impl std::fmt::Display) -> ApiError {
    let path = path.display();
    ApiError::new(
        ErrorCode::Config,
        format!("access.jwt.{what}, {path}: {error}."),
    )
    .hint("docs/access.md says what each key of [access.jwt] takes.")
}

impl Tokens {
    /// Reads the keys; `None` where tokens are not taken. A file that can't be read is an error; a set that can't be
    /// fetched is not, since it can be later. Blocks.
    pub(crate) fn read(settings: &TokenSettings) -> Result<Option<Self>> {
        Self::with_pause(settings, PAUSE)
    }

    fn with_pause(settings: &TokenSettings, pause: Duration) -> Result<Option<Self>> {
        if !settings.is_on() {
            return Ok(None);
        }
        let mut fixed = TokenKeys::default();
        if let Some(path) = &settings.public_key {
            let pem = files::read_bytes(path)?;
            let key =
                TokenKeys::from_pem(&pem).map_err(|error| wrong("public_key", path, error))?;
            fixed = fixed.and(key);
        }
        if let Some(path) = &settings.secret {
            let secret = files::read_bytes(path)?;
            let key =
                TokenKeys::from_secret(&secret).map_err(|error| wrong("secret", path, error))?;
            fixed = fixed.and(key);
        }
        let source = match (&settings.jwks_file, &settings.jwks_url) {
            (Some(_), Some(_)) => {
                let told = "access.jwt has both jwks_file and jwks_url.";
                return Err(ApiError::new(ErrorCode::Config, told)
                    .hint("Name one of them: a key set comes from one place."));
            }
            (Some(path), None) => Some(Source::File(path.clone())),
            (None, Some(url)) => Some(Source::Url(Address::try_from(url.as_str())?)),
            (None, None) => None,
        };
        let set = source.map(|source| KeySet {
            source,
            state: Mutex::default(),
            fetching: Mutex::default(),
        });
        let tokens = Self {
            expected: settings.expected.clone(),
            keys: RwLock::new(Arc::new(fixed.clone())),
            fixed,
            set,
            pause,
        };
        // What can't be fetched now can be later, and is told until then.
        if let Err(error) = tokens.refresh(Duration::ZERO)
            && let Some(path) = &settings.jwks_file
        {
            return Err(wrong("jwks_file", path, error));
        }
        Ok(Some(tokens))
    }

    /// Reads the set again, unless that was tried within this time; why that failed. Waits for whoever does it already.
    fn refresh(&self, unless_within: Duration) -> std::result::Result<(), String> {
        let Some(set) = &self.set else {
            return Ok(());
        };
        let _alone = set.fetching.lock();
        if let Some(tried) = set.state.lock().tried
            && tried.elapsed() < unless_within
        {
            return Ok(());
        }
        let read = match &set.source {
            Source::File(path) => std::fs::read(path)
                .map_err(|error| error.to_string())
                .and_then(|text| {
                    TokenKeys::from_set(&text, true).map_err(|error| error.to_string())
                }),
            Source::Url(url) => fetch(url).and_then(|text| {
                TokenKeys::from_set(&text, false).map_err(|error| error.to_string())
            }),
        };
        let mut state = set.state.lock();
        state.tried = Some(Instant::now());
        match read {
            Ok(keys) => {
                *self.keys.write() = Arc::new(self.fixed.clone().and(keys));
                state.read = Some(Timestamp::now());
                state.failure = None;
                Ok(())
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn is_old(&self) -> bool {
        let tried = |set: &KeySet| set.state.lock().tried;
        let old = |tried: Option<Instant>| tried.is_none_or(|tried| tried.elapsed() >= OLD);
        self.set.as_ref().is_some_and(|set| old(tried(set)))
    }

    /// Judges a token. Who may wait has a set fetched that lacks its key; for who may not it is fetched meanwhile.
    pub(super) fn verify(
        self: &Arc<Self>,
        token: &[u8],
        client: &str,
        may_wait: bool,
    ) -> std::result::Result<Token, TokenError> {
        let now = Timestamp::now();
        let judge = || {
            let keys = self.keys.read().clone();
            keys.verify(token, &self.expected, client, now)
        };
        let verdict = judge();
        let lacks_key = matches!(
            verdict,
            Err(TokenError::UnknownKey(_) | TokenError::NoKey(_))
        );
        if !(lacks_key && self.set.is_some()) {
            if self.is_old() {
                self.refresh_meanwhile(OLD);
            }
            return verdict;
        }
        if may_wait {
            let _ = self.refresh(self.pause); // what failed is in its state
            return judge();
        }
        self.refresh_meanwhile(self.pause);
        verdict
    }

    fn refresh_meanwhile(self: &Arc<Self>, unless_within: Duration) {
        let tokens = self.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                drop(runtime.spawn_blocking(move || drop(tokens.refresh(unless_within))))
            }
            Err(_) => drop(self.refresh(unless_within)),
        }
    }

    /// Why the set can't be read at present.
    pub(crate) fn failure(&self) -> Option<String> {
        self.set.as_ref()?.state.lock().failure.clone()
    }
}

fn verified(token: Token) -> Verified {
    Verified {
        by: ProvedBy::Token,
        user_name: Some(token.user.into()),
        claims: token.claims,
        groups: token.groups,
        expires: Some(token.expires),
    }
}

impl AccessControl {
    /// Goes by these methods and tokens from now on. Blocks, for a fetch at most.
    pub(crate) fn configure(&self, methods: &[Method], settings: &TokenSettings) -> Result<()> {
        let tokens = match methods.contains(&Method::Jwt) {
            true => Tokens::read(settings)?,
            false => None,
        };
        *self.proofs.write() = Proofs {
            methods: methods.to_vec(),
            tokens: tokens.map(Arc::new),
        };
        Ok(())
    }

    pub(crate) fn tokens(&self) -> Option<Arc<Tokens>> {
        self.proofs.read().tokens.clone()
    }

    /// Judges a token of a client; what is wrong with one is told to the operator, and counts as a failed attempt of the
    /// address that it came from.
    pub(super) fn show_token(
        &self,
        tokens: &Arc<Tokens>,
        token: &[u8],
        connection: &ConnectionInfo,
        may_wait: bool,
    ) -> std::result::Result<Verified, String> {
        let address = connection.peer.ip();
        // Nobody guesses tokens: what is slowed down is an address, not whoever it claims to be.
        let key = address.to_string();
        let now = || Timestamp::now().as_millis();
        if let Some(why) = self.attempts.lock().refusal(address, &key, now()) {
            return Err(why.to_owned());
        }
        let verdict = tokens.verify(token, connection.client.as_str(), may_wait);
        verdict.map(verified).map_err(|error| {
            self.attempts.lock().failed(address, &key, now());
            match tokens.failure() {
                Some(failure) => format!("{error}; the key set can't be read: {failure}"),
                None => error.to_string(),
            }
        })
    }

    /// What a token says, and whether it would be taken.
    pub(crate) fn check_token(&self, ask: &TokenCheck) -> Result<TokenVerdict> {
        let Some(tokens) = self.tokens() else {
            let told = "This broker takes no tokens.";
            return Err(ApiError::new(ErrorCode::WrongState, told).hint(
                "Set one of public_key, secret, jwks_file and jwks_url of [access.jwt], and start the broker anew.",
            ));
        };
        let token = ask.token.trim();
        Ok(
            match tokens.verify(token.as_bytes(), &ask.client_id, true) {
                Ok(token) => TokenVerdict {
                    taken: true,
                    why: format!("it is good, and proves user {}", token.user),
                    user: Some(token.user),
                    groups: token.groups.iter().map(ToString::to_string).collect(),
                    claims: token.claims,
                    expires: Some(token.expires.as_millis()),
                },
                Err(error) => TokenVerdict {
                    taken: false,
                    why: error.to_string(),
                    user: None,
                    groups: Vec::new(),
                    claims: Default::default(),
                    expires: None,
                },
            },
        )
    }
}

/// What judges proofs, in its order.
#[derive(Debug)]
pub(super) struct Proofs {
    pub(super) methods: Vec<Method>,
    pub(super) tokens: Option<Arc<Tokens>>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self {
            methods: vec![Method::Accounts],
            tokens: None,
        }
    }
}

/// Tokens by AUTH packets: one comes with CONNECT, and a newer one before it ends.
#[derive(Debug)]
pub(super) struct TokenMethod(pub(super) Arc<AccessControl>);

impl AuthenticationMethod for TokenMethod {
    fn name(&self) -> &str {
        METHOD
    }

    fn begin(&self, connection: &ConnectionInfo, may_wait: bool) -> Box<dyn Exchange> {
        Box::new(Showing {
            access: self.0.clone(),
            connection: connection.clone(),
            may_wait,
        })
    }
}

struct Showing {
    access: Arc<AccessControl>,
    connection: ConnectionInfo,
    may_wait: bool,
}

impl Exchange for Showing {
    fn step(&mut self, data: Option<&[u8]>) -> Step {
        let shown = match (self.access.tokens(), data) {
            (None, _) => Err("no tokens are taken here".to_owned()),
            (Some(_), None) => Err("no token came with the authentication method".to_owned()),
            (Some(tokens), Some(token)) => {
                let (access, connection) = (&self.access, &self.connection);
                access.show_token(&tokens, token, connection, self.may_wait)
            }
        };
        match shown {
            Ok(verified) => Step::Success {
                data: None,
                verified,
            },
            Err(why) => {
                self.access.note_login(&self.connection, None, &why);
                Step::Fail(Denied {
                    reason: ReasonCode::NOT_AUTHORIZED,
                    rule: why,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
