//! What makes a broker easier to break into than it need be: what could happen, what shows it, and what mends it.

use std::path::PathBuf;

use mqttwb_policy::Effect;

use super::tokens::Tokens;
use super::*;
use crate::api::{Finding, Severity};
use crate::config::{BrokerConfig, ConfigFile, exposed_by};
use crate::{App, blocking};

/// Everything that is found, the gravest first.
fn findings(config: &BrokerConfig, held: &Held, tokens: Option<&Tokens>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tell = |severity, title: String, detail: &str| {
        found.push(Finding {
            severity,
            title,
            detail: detail.to_owned(),
        });
    };
    let wide: Vec<_> = config
        .listeners
        .iter()
        .filter(|listener| !listener.bind.ip().is_loopback())
        .collect();
    let anonymous = config.access.anonymous;
    for listener in &wide {
        let name = &listener.name;
        if !listener.protocol.is_secure() {
            tell(
                if held.accounts.0.is_empty() && !config.tokens.is_on() {
                    Severity::Warning
                } else {
                    Severity::Serious
                },
                format!("Listener {name} sends everything in the clear"),
                "Passwords and messages can be read and changed by whoever is on the way. Make it tls or wss in \
                 broker.toml; the data folder has an authority and a certificate for it.",
            );
        }
    }
    if !wide.is_empty() && held.rules.is_empty() {
        tell(
            Severity::Warning,
            "There are no access rules".into(),
            "Every client that comes in may publish and subscribe everything, what other devices obey included. Write rules \
             on the Access page or in acl.toml: with the first one, what no rule allows is denied.",
        );
    }
    for rule in held.rules.list() {
        let widely = rule.effect == Effect::Allow
            && rule.limits.fixed_levels == 0
            && rule
                .topics
                .iter()
                .any(|topic| topic.as_str() == "#" || topic.as_str() == "+/#");
        if widely && rule.subjects.is_everybody() {
            tell(
                if wide.is_empty() {
                    Severity::Warning
                } else {
                    Severity::Serious
                },
                format!("Everybody is allowed everything, by the {rule}"),
                "One stolen or faulty device can read all and command all others. Name the branch that a client needs, as \
                 devices/{client}/#, or bind the rule to accounts or groups.",
            );
        } else if rule.effect == Effect::Allow
            && rule.subjects.accounts.is_empty()
            && rule.subjects.certificates.is_empty()
            && rule.subjects.groups.is_empty()
            && !rule.subjects.clients.is_empty()
        {
            tell(
                Severity::Warning,
                format!("The {rule} trusts what a client calls itself"),
                "A client chooses its identifier, so anybody can be meant by this rule. Bind it to accounts, groups or \
                 certificates.",
            );
        }
    }
    let weak: Vec<&str> = held
        .accounts
        .0
        .iter()
        .filter(|(_, kept)| !kept.hash.is_strong())
        .map(|(name, _)| name.as_str())
        .collect();
    if !weak.is_empty() {
        tell(
            Severity::Warning,
            format!("{} passwords are kept as mosquitto hashed them", weak.len()),
            &format!(
                "Who gets the file can try millions of passwords a second. Set them anew with `mqttwb account password NAME`: \
                 {}.",
                weak.join(", ")
            ),
        );
    }
    if let Some(failure) = tokens.and_then(Tokens::failure) {
        tell(
            Severity::Warning,
            "The key set of tokens can't be read".into(),
            &format!(
                "Tokens are judged by the keys that were read before; where there are none, every token is refused. What is \
                 wrong: {failure}. See access.jwt in broker.toml."
            ),
        );
    }
    if config.limits.session_expiry_max == u32::MAX {
        tell(
            Severity::Info,
            "Sessions may be kept for ever".into(),
            "Clients that never come back leave queues that fill memory and disk. Set mqtt.session_expiry_max in broker.toml, \
             to \"30 d\" for example.",
        );
    }
    if anonymous && (!held.accounts.0.is_empty() || config.tokens.is_on()) {
        tell(
            Severity::Info,
            "There are accounts or tokens, and clients without one come in too".into(),
            "Rules alone keep them apart. Set access.anonymous = false in broker.toml to let in only who proves who it is.",
        );
    }
    found.extend(
        config
            .listeners
            .iter()
            .filter_map(|spec| exposed_by(spec, anonymous)),
    );
    found.sort_by_key(|finding| match finding.severity {
        Severity::Serious => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
    });
    found
}

/// What is found of the configuration, the accounts and the rules of a data folder.
pub(crate) fn audit(data: &Path, file: &ConfigFile) -> Result<Vec<Finding>> {
    let config = file.read()?.broker;
    let tokens = Tokens::read(&config.tokens)?;
    Ok(findings(&config, &read(data)?, tokens.as_ref()))
}

impl App {
    /// What makes the broker easier to break into than it need be, the gravest first.
    pub async fn access_findings(&self) -> Result<Vec<Finding>> {
        let config = self.broker.held();
        let held = self.broker.access.held();
        let tokens = self.broker.access.tokens();
        Ok(findings(&config.broker, &held, tokens.as_deref()))
    }
}

/// The same for a shell.
pub(crate) async fn audit_folder(data: PathBuf, file: ConfigFile) -> Result<Vec<Finding>> {
    blocking(move || audit(&data, &file)).await
}
