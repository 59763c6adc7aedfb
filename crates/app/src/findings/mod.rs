//! What makes a broker easier to break into than it need be: what could happen, what shows it, and what mends it.
//!
//! Duty: hold what is configured and what is seen of a broker that runs against what is known to go wrong. Not here: what
//! happens to go wrong now (`broker`, `inspect`), mending (the page, or a person in a shell).
//! Invariant: looking changes nothing; a finding that is told has either an act that mends it or a place to mend it at.

mod certificates;
mod keeping;
mod listeners;
mod live;
mod rules;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqttwb_model::Timestamp;

use crate::access::{AccessControl, Held, Tokens};
use crate::api::{Certificates, ErrorCode, Finding, Fix, FixAct, RuleRemoved, Severity};
use crate::broker::BrokerControl;
use crate::certificates::CertificateStore;
use crate::config::{BrokerConfig, ConfigFile};
use crate::control::RemoteBroker;
use crate::{App, Result, blocking};
use live::Live;

/// Names that are told of many.
const NAMED: usize = 5;

/// Everything that is looked at.
struct Picture<'a> {
    config: &'a BrokerConfig,
    held: &'a Held,
    tokens: Option<&'a Tokens>,
    /// `None` where the data folder has no authority yet.
    certificates: Option<&'a Certificates>,
    /// `None` while no broker runs.
    live: Option<&'a Live>,
    now: Timestamp,
}

impl Picture<'_> {
    /// Some listener can be reached from elsewhere.
    fn is_wide(&self) -> bool {
        let mut listeners = self.config.listeners.iter();
        listeners.any(|listener| !listener.bind.ip().is_loopback())
    }
}

/// Everything that is found, the gravest first. Reads certificate files of listeners, so it blocks.
fn look(picture: &Picture<'_>) -> Vec<Finding> {
    let mut found = listeners::look(picture);
    found.extend(rules::look(picture));
    found.extend(keeping::look(picture));
    found.extend(certificates::look(picture));
    gravest_first(&mut found);
    found
}

fn gravest_first(found: &mut [Finding]) {
    found.sort_by_key(|finding| Reverse(finding.severity));
}

/// The first of many names, and how many more there are.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    let told = all[..all.len().min(NAMED)].join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// `1 client`, `2 clients`.
fn counted(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// Marks what the file mends already: it holds when the broker is started again.
fn mended_at_a_restart(found: &mut [Finding], written: &[Finding], live: Option<&Live>) {
    for finding in found {
        let stays = |other: &Finding| other.title == finding.title;
        if written.iter().any(stays) {
            continue;
        }
        finding.detail =
            "It is mended in broker.toml, and holds when the broker is started again.".into();
        let clients = live.map_or(0, |live| live.clients.len());
        let effect = format!(
            "{} disconnected, and can connect again when the broker runs, a moment later.",
            match clients {
                1 => "1 client is".to_owned(),
                n => format!("{n} clients are"),
            }
        );
        finding.fixes =
            vec![Fix::act("Restart the broker", FixAct::Restart).at_the_price_of(effect)];
    }
}

impl BrokerControl {
    /// Everything that is found of the broker as it runs, or would run, the gravest first.
    pub(crate) async fn audit(
        &self,
        certificates: Option<Arc<Certificates>>,
    ) -> Result<Vec<Finding>> {
        let live = self.seen().await;
        let config = self.held();
        let written = self.read_config().await.ok();
        let (held, tokens) = (self.access.held(), self.access.tokens());
        blocking(move || {
            let picture = |config| Picture {
                config,
                held: &held,
                tokens: tokens.as_deref(),
                certificates: certificates.as_deref(),
                live: live.as_ref(),
                now: Timestamp::now(),
            };
            let mut found = look(&picture(&config.broker));
            if live.is_some()
                && let Some(written) = &written
                && written.broker != config.broker
            {
                let after = look(&picture(&written.broker));
                mended_at_a_restart(&mut found, &after, live.as_ref());
            }
            Ok(found)
        })
        .await
    }

    /// The same, of a broker that another process asks about.
    pub(crate) async fn audit_all(&self) -> Result<Vec<Finding>> {
        let store = self.certificates();
        let certificates = blocking(move || store.overview()).await?;
        let mut found = self.audit(Some(Arc::new(certificates))).await?;
        found.extend(self.fights().await);
        gravest_first(&mut found);
        Ok(found)
    }

    /// Takes a rule out that begins at a line. Whoever passed by it alone is denied from then on.
    async fn remove_rule(&self, line: u32) -> Result<RuleRemoved> {
        let access = self.access.clone();
        let before = blocking(move || access.remove_rule(line)).await?;
        let applied = self.reload_access().await?;
        Ok(RuleRemoved { applied, before })
    }
}

impl App {
    /// What makes the broker easier to break into than it need be, the gravest first. Every page shows the same from now
    /// on.
    pub async fn access_findings(&self) -> Result<Vec<Finding>> {
        let certificates = Arc::new(self.certificates().await?);
        let found = self.broker.audit(Some(certificates)).await?;
        *self.found.lock() = found.clone();
        Ok(found)
    }

    /// Takes a rule out of `acl.toml`.
    pub async fn access_remove_rule(&self, line: u32) -> Result<RuleRemoved> {
        self.broker.remove_rule(line).await
    }
}

/// What is found of a data folder: by the broker that runs on it, or of its files where none runs or a file of its own is
/// named. No authority is made for it.
pub(crate) async fn audit(data: PathBuf, named: Option<PathBuf>) -> Result<Vec<Finding>> {
    if named.is_none() {
        let asked = match RemoteBroker::find(data.clone()).await {
            Ok(broker) => broker.findings().await,
            Err(error) => Err(error),
        };
        match asked {
            Err(error) if error.code == ErrorCode::WrongState => {}
            asked => return asked,
        }
    }
    let file = named.map_or_else(|| ConfigFile::of(&data), ConfigFile::named);
    blocking(move || audit_files(&data, &file)).await
}

fn audit_files(data: &Path, file: &ConfigFile) -> Result<Vec<Finding>> {
    let config = file.read()?.broker;
    let access = AccessControl::new(data.to_owned());
    access.load()?;
    let tokens = Tokens::read(&config.tokens)?;
    let certificates = match data.join("pki").is_dir() {
        true => Some(CertificateStore::open(data)?.overview()?),
        false => None,
    };
    Ok(look(&Picture {
        config: &config,
        held: &access.held(),
        tokens: tokens.as_ref(),
        certificates: certificates.as_ref(),
        live: None,
        now: Timestamp::now(),
    }))
}
