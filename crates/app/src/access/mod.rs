//! Who may come in and what each may do, as the broker asks it.
//!
//! Duty: hold accounts and rules as they are in the data folder, answer the broker with them, remember what was denied,
//! and explain verdicts. Not here: the rules themselves (`policy`), when the broker asks (`broker`).
//! Invariant: a file with a mistake changes nothing; where there are no rules, a check is one look at a flag; a client
//! learns a reason code and no more.

mod accounts;
mod asking;
mod commands;
mod denials;
mod fetching;
mod foreign;
mod learning;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use mqttwb_broker::{Access, Attempt, Denied, Identity, Login, Policy, ProvedBy, Verified};
use mqttwb_model::{ConnectionInfo, QoS, Timestamp};
use mqttwb_policy::attempts::Attempts;
use mqttwb_policy::token::looks_like_token;
use mqttwb_policy::{AclError, Rules, Want, Who, password};
use parking_lot::{Mutex, RwLock};

use crate::api::{AccessAction, AclMistake, ApiError, Denial, ErrorCode};
use crate::{Result, files};
use accounts::{Accounts, Kept};
use denials::Ring;
pub(crate) use foreign::translate;
use learning::Learning;
pub(crate) use tokens::Tokens;
pub use tokens::{Method, TokenSettings};
use tokens::{Proofs, TokenMethod};

/// The file of rules in the data folder.
const RULES: &str = "acl.toml";

/// What holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) rules: Rules,
    pub(crate) accounts: Accounts,
}

/// Accounts and rules of a data folder.
#[derive(Debug)]
pub(crate) struct AccessControl {
    data: PathBuf,
    held: RwLock<Arc<Held>>,
    /// There are rules.
    has_rules: AtomicBool,
    /// What clients do is watched.
    is_learning: AtomicBool,
    learning: Mutex<Option<Learning>>,
    /// What judges proofs.
    proofs: RwLock<Proofs>,
    attempts: Mutex<Attempts>,
    denials: Mutex<Ring>,
    /// Accounts that were removed and can come back.
    removed: Mutex<HashMap<String, Kept>>,
}

pub(crate) fn rules_path(data: &Path) -> PathBuf {
    data.join(RULES)
}

/// The text of the rules; none where there is no file.
fn rules_text(data: &Path) -> Result<String> {
    let path = rules_path(data);
    if files::exists(&path)? {
        files::read(&path)
    } else {
        Ok(String::new())
    }
}

fn mistakes(error: AclError) -> Vec<AclMistake> {
    let mistake = |m: mqttwb_policy::AclMistake| AclMistake {
        line: m.line,
        what: m.what,
    };
    error.0.into_iter().map(mistake).collect()
}

pub(crate) fn parse_rules(text: &str, path: &Path) -> Result<Rules> {
    Rules::parse(text).map_err(|AclError(mistakes)| {
        let lines: Vec<String> = mistakes
            .iter()
            .map(|m| format!("{}, line {}: {}", path.display(), m.line, m.what))
            .collect();
        ApiError::new(ErrorCode::Config, lines.join("\n"))
            .hint("The rules that held before hold on. docs/access.md says what a rule is made of.")
    })
}

fn read(data: &Path) -> Result<Held> {
    Ok(Held {
        rules: parse_rules(&rules_text(data)?, &rules_path(data))?,
        accounts: Accounts::read(data)?,
    })
}

impl AccessControl {
    pub(crate) fn new(data: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            data,
            held: RwLock::default(),
            has_rules: AtomicBool::new(false),
            is_learning: AtomicBool::new(false),
            learning: Mutex::default(),
            proofs: RwLock::default(),
            attempts: Mutex::default(),
            denials: Mutex::default(),
            removed: Mutex::default(),
        })
    }

    /// Reads both files and goes by them from now on. Blocks.
    pub(crate) fn load(&self) -> Result<()> {
        let held = read(&self.data)?;
        self.has_rules.store(!held.rules.is_empty(), Relaxed);
        *self.held.write() = Arc::new(held);
        Ok(())
    }

    /// What holds.
    pub(crate) fn held(&self) -> Arc<Held> {
        self.held.read().clone()
    }

    /// What a broker asks, where it is to let in clients that prove nothing or not.
    pub(crate) fn broker_access(self: &Arc<Self>, anonymous: bool) -> Access {
        Access {
            anonymous,
            accounts: Some(self.clone()),
            methods: match self.tokens() {
                Some(_) => vec![Arc::new(TokenMethod(self.clone()))],
                None => Vec::new(),
            },
            policy: Some(self.clone()),
        }
    }

    fn decide(
        &self,
        who: &Identity,
        attempt: &Attempt<'_>,
        note: bool,
    ) -> std::result::Result<(), Denied> {
        let is_learning = self.is_learning.load(Relaxed);
        if !is_learning && !self.has_rules.load(Relaxed) {
            return Ok(());
        }
        let held = self.held.read();
        let (asks, want) = (held.who(who), want(attempt));
        let verdict = held.rules.verdict(&asks, &want);
        if is_learning && let Some(learning) = &mut *self.learning.lock() {
            learning.learned.see(&asks, &want, &verdict);
        }
        if verdict.allowed {
            return Ok(());
        }
        if note {
            let now = Timestamp::now().as_millis();
            self.denials.lock().add(who, attempt, &verdict, now);
        }
        Err(Denied::not_authorized(verdict.to_string()))
    }

    fn login_failed(&self, login: &Login, why: &str) -> Denied {
        self.note_login(&login.connection, Some(&login.user_name), why);
        Denied {
            reason: mqttwb_wire::ReasonCode::BAD_USER_NAME_OR_PASSWORD,
            rule: why.to_owned(),
        }
    }

    /// Tells the operator of somebody who did not prove who it is.
    fn note_login(&self, connection: &ConnectionInfo, account: Option<&str>, why: &str) {
        let now = Timestamp::now().as_millis();
        self.denials.lock().note(
            Denial {
                id: 0,
                client_id: connection.client.to_string(),
                account: account.map(|name| name.chars().take(256).collect()),
                certificate: connection.common_name.as_deref().map(str::to_owned),
                peer: connection.peer.to_string(),
                listener: connection.listener.to_string(),
                action: AccessAction::Connect,
                topic: String::new(),
                qos: 0,
                retain: false,
                why: why.to_owned(),
                line: None,
                first: now,
                last: now,
                count: 1,
            },
            now,
        );
    }

    /// What the account of a user name says of a password; `None` where there is no such account.
    fn by_account(&self, held: &Held, login: &Login) -> Option<std::result::Result<(), String>> {
        let kept = held.accounts.0.get(&*login.user_name)?;
        let Some(tried) = login.password.as_deref() else {
            return Some(Err("no password came with its user name".into()));
        };
        let fits = kept.hash.verify(tried);
        // The same work however its password is kept.
        if !kept.hash.is_strong() {
            password::verify_nobody(tried);
        }
        let wrong = || "the password is not that of the account".to_owned();
        Some(if fits { Ok(()) } else { Err(wrong()) })
    }
}

impl Held {
    fn groups(&self, account: Option<&str>) -> &[Arc<str>] {
        account
            .and_then(|name| self.accounts.0.get(name))
            .map_or(&[], |kept| &kept.groups)
    }

    /// Somebody as rules see him.
    fn who<'a>(&'a self, who: &'a Identity) -> Who<'a> {
        let account = who.proved_name();
        // Whom a token proved is in its groups, and not in those of an account that bears the same name.
        let token = who.verified.as_ref().filter(|v| v.by == ProvedBy::Token);
        Who {
            client: who.connection.client.as_str(),
            account,
            certificate: who.connection.common_name.as_deref(),
            groups: token.map_or_else(|| self.groups(account), |token| &token.groups),
            claims: token.map(|token| &token.claims),
        }
    }
}

/// What is wanted, as rules see it.
fn want<'a>(attempt: &Attempt<'a>) -> Want<'a> {
    match *attempt {
        Attempt::Publish { topic, qos, retain } | Attempt::Will { topic, qos, retain } => {
            Want::Publish { topic, qos, retain }
        }
        Attempt::Subscribe { filter, qos } => Want::Subscribe { filter, qos },
    }
}

impl Policy for AccessControl {
    fn verdict(&self, who: &Identity, attempt: &Attempt<'_>) -> std::result::Result<(), Denied> {
        self.decide(who, attempt, true)
    }

    fn again(&self, who: &Identity, attempt: &Attempt<'_>) -> std::result::Result<(), Denied> {
        self.decide(who, attempt, false)
    }
}

impl mqttwb_broker::Accounts for AccessControl {
    fn verify(&self, login: &Login) -> std::result::Result<Option<Verified>, Denied> {
        let held = self.held();
        let (methods, tokens) = {
            let proofs = self.proofs.read();
            (proofs.methods.clone(), proofs.tokens.clone())
        };
        let has_accounts = methods.contains(&Method::Accounts) && !held.accounts.0.is_empty();
        if !has_accounts && tokens.is_none() {
            return Ok(None);
        }
        let tried = login.password.as_deref().unwrap_or_default();
        let is_token = tokens.is_some() && looks_like_token(tried);
        let address = login.connection.peer.ip();
        let now = || Timestamp::now().as_millis();
        let mut asked_accounts = false;
        for method in methods {
            match (method, &tokens) {
                (Method::Accounts, _) if has_accounts => {
                    let waits = self
                        .attempts
                        .lock()
                        .refusal(address, &login.user_name, now());
                    if let Some(why) = waits {
                        return Err(self.login_failed(login, why));
                    }
                    asked_accounts = true;
                    match self.by_account(&held, login) {
                        Some(Ok(())) => return Ok(Some(Verified::default())),
                        Some(Err(why)) => {
                            self.attempts
                                .lock()
                                .failed(address, &login.user_name, now());
                            return Err(self.login_failed(login, &why));
                        }
                        None => {}
                    }
                }
                (Method::Jwt, Some(tokens)) if is_token => {
                    let shown = self.show_token(tokens, tried, &login.connection, true);
                    return match shown {
                        Ok(verified) => Ok(Some(verified)),
                        Err(why) => {
                            // The same work whether there is such an account or not.
                            if asked_accounts {
                                password::verify_nobody(tried);
                            }
                            Err(self.login_failed(login, &why))
                        }
                    };
                }
                _ => {}
            }
        }
        if asked_accounts {
            password::verify_nobody(tried);
        }
        self.attempts
            .lock()
            .failed(address, &login.user_name, now());
        let why = match (asked_accounts, tokens.is_some()) {
            (true, false) => "there is no such account",
            (true, true) => "there is no such account, and its password is no token",
            (false, _) => "its password is no token",
        };
        Err(self.login_failed(login, why))
    }
}

/// A QoS as it came from outside.
fn qos(of: u8) -> Result<QoS> {
    QoS::try_from(of).map_err(|error| ApiError::new(ErrorCode::InvalidInput, format!("{error}.")))
}
