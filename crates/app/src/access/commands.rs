//! Accounts and rules as a person changes them.
//!
//! Invariant: a change is in its file before it holds; one that fails has changed neither.

use std::collections::HashSet;

use mqttwb_policy::{Rule, Subjects};
use mqttwb_wire::ReasonCode;

use super::accounts::{check_name, groups, hash, none};
use super::*;
use crate::api::{
    AccessReport, AccessRule, AccessVerdict, AccountRequest, AccountsImported, Denials,
    RuleProposal, RulesApplied, RulesChecked, TokenCheck, TokenVerdict, WhatIf, WhoCan, WhoEntry,
};
use crate::broker::BrokerControl;
use crate::config::BrokerConfig;
use crate::{App, blocking};

pub(super) fn subjects(of: &Subjects) -> String {
    let Subjects {
        accounts,
        certificates,
        groups,
        clients,
    } = of;
    let words: Vec<String> = [
        ("account", accounts),
        ("certificate", certificates),
        ("group", groups),
        ("client", clients),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(kind, names)| format!("{kind} {}", names.join(", ")))
    .collect();
    match words.is_empty() {
        true => "everybody".to_owned(),
        false => words.join("; "),
    }
}

fn shown(rule: &Rule) -> AccessRule {
    AccessRule {
        name: rule.name.clone(),
        line: rule.line,
        allows: rule.effect == mqttwb_policy::Effect::Allow,
        action: rule.action.to_string(),
        topics: rule.topics.iter().map(ToString::to_string).collect(),
        subjects: subjects(&rule.subjects),
    }
}

/// What a text would be as rules.
pub(crate) fn check(text: &str) -> RulesChecked {
    match Rules::parse(text) {
        Ok(rules) => RulesChecked {
            rules: rules.list().len() as u32,
            mistakes: Vec::new(),
        },
        Err(error) => RulesChecked {
            rules: 0,
            mistakes: mistakes(error),
        },
    }
}

impl AccessControl {
    /// Both files as they are, and what holds.
    pub(crate) fn report(
        &self,
        config: &BrokerConfig,
        written: &BrokerConfig,
    ) -> Result<AccessReport> {
        let words = |methods: &[Method]| methods.iter().map(|one| one.word().to_owned()).collect();
        let text = rules_text(&self.data)?;
        let held = self.held();
        let proofs = self.proofs.read();
        Ok(AccessReport {
            anonymous: config.access.anonymous,
            methods: words(&config.methods),
            methods_next: words(&written.methods),
            tokens: config.tokens.report(proofs.tokens.as_deref()),
            accounts: Accounts::read(&self.data)?.list(),
            mistakes: check(&text).mistakes,
            rules_text: text,
            rules: held.rules.list().iter().map(shown).collect(),
            rules_file: rules_path(&self.data).display().to_string(),
            accounts_file: self.data.join(accounts::FILE_NAME).display().to_string(),
        })
    }

    /// Puts a text of rules in place.
    pub(crate) fn save_rules(&self, text: &str) -> Result<()> {
        let path = rules_path(&self.data);
        parse_rules(text, &path)?;
        files::create_private_folder(&self.data)?;
        files::write(&path, text)
    }

    /// Takes the rule out that begins at a line, and nothing else; what the text was before.
    pub(crate) fn remove_rule(&self, line: u32) -> Result<String> {
        let path = rules_path(&self.data);
        let before = rules_text(&self.data)?;
        let rules = parse_rules(&before, &path)?;
        let known = rules.list().iter().any(|rule| rule.line == line);
        let told = || {
            ApiError::new(
                ErrorCode::NotFound,
                format!("No rule begins at line {line} of {}.", path.display()),
            )
            .hint("The file has changed since: look at the rules again.")
        };
        if !known {
            return Err(told());
        }
        let lines: Vec<&str> = before.split_inclusive('\n').collect();
        let from = line as usize - 1;
        let of_it = |text: &&str| !text.trim_start().starts_with('[');
        let to = from
            + 1
            + lines[from + 1..]
                .iter()
                .take_while(|text| of_it(text))
                .count();
        let after = [&lines[..from], &lines[to..]].concat().concat();
        // A bracket inside a text or a list: nothing is guessed at.
        let left = parse_rules(&after, &path).map_err(|_| told())?;
        if left.list().len() + 1 != rules.list().len() {
            return Err(told());
        }
        self.save_rules(&after)?;
        Ok(before)
    }

    /// Makes an account or changes one. Hashing takes its time.
    pub(crate) fn put_account(&self, request: &AccountRequest) -> Result<()> {
        check_name(&request.name)?;
        let mut accounts = Accounts::read(&self.data)?;
        let known = accounts.0.get(&request.name);
        if request.new && known.is_some() {
            let told = format!("There is an account {} already.", request.name);
            return Err(ApiError::new(ErrorCode::AlreadyExists, told)
                .hint("Change its password, or choose another name."));
        }
        let made = match (&request.password, known) {
            (Some(password), _) => hash(password)?,
            (None, Some(known)) => known.hash.clone(),
            (None, None) if request.new => {
                let told = "A new account needs a password.";
                return Err(ApiError::new(ErrorCode::InvalidInput, told));
            }
            (None, None) => return Err(none(&request.name)),
        };
        let in_groups = match (&request.groups, known) {
            (Some(names), _) => groups(names),
            (None, Some(known)) => known.groups.clone(),
            (None, None) => groups(&[]),
        };
        let kept = Kept {
            hash: made,
            groups: in_groups,
        };
        accounts.0.insert(request.name.clone(), kept);
        accounts.write(&self.data)
    }

    /// Removes an account; it can come back while this program runs.
    pub(crate) fn remove_account(&self, name: &str) -> Result<()> {
        let mut accounts = Accounts::read(&self.data)?;
        let kept = accounts.0.remove(name).ok_or_else(|| none(name))?;
        accounts.write(&self.data)?;
        self.removed.lock().insert(name.to_owned(), kept);
        Ok(())
    }

    /// Brings a removed account back.
    pub(crate) fn restore_account(&self, name: &str) -> Result<()> {
        let kept = self.removed.lock().get(name).cloned();
        let kept = kept.ok_or_else(|| none(name))?;
        let mut accounts = Accounts::read(&self.data)?;
        accounts.0.entry(name.to_owned()).or_insert(kept);
        accounts.write(&self.data)?;
        self.removed.lock().remove(name);
        Ok(())
    }

    /// Takes over the accounts of a mosquitto password file. Those that are here already stay as they are.
    pub(crate) fn import_accounts(&self, text: &str) -> Result<AccountsImported> {
        let (found, errors) = password::read_mosquitto(text);
        let mut accounts = Accounts::read(&self.data)?;
        let mut told = AccountsImported {
            taken: Vec::new(),
            kept: Vec::new(),
            refused: errors.iter().map(ToString::to_string).collect(),
        };
        for (name, hash) in found {
            if let Err(error) = check_name(&name) {
                told.refused.push(format!("{name}: {}", error.message));
            } else if accounts.0.contains_key(&name) {
                told.kept.push(name);
            } else {
                let groups = groups(&[]);
                accounts.0.insert(name.clone(), Kept { hash, groups });
                told.taken.push(name);
            }
        }
        if !told.taken.is_empty() {
            accounts.write(&self.data)?;
        }
        Ok(told)
    }

    /// What was denied lately.
    pub(crate) fn denials(&self) -> Denials {
        self.denials.lock().list()
    }

    /// Accounts that are not as they were: gone, or with another password.
    fn outdated(&self, before: &Held) -> HashSet<String> {
        let held = self.held();
        let changed = before.accounts.0.iter().filter(|(name, kept)| {
            let now = held.accounts.0.get(*name);
            now.is_none_or(|now| now.hash.as_str() != kept.hash.as_str())
        });
        changed.map(|(name, _)| name.clone()).collect()
    }
}

impl BrokerControl {
    /// Reads accounts and rules again, and lets a broker that runs go by them at once: subscriptions and wills that are
    /// not allowed any more are taken away, connections of accounts that are gone or have another password end.
    pub(crate) async fn reload_access(&self) -> Result<RulesApplied> {
        let access = self.access.clone();
        let before = access.held();
        let reads = access.clone();
        blocking(move || reads.load()).await?;
        let held = access.held();
        let running = self.running();
        let mut taken = Vec::new();
        if let Some(running) = &running {
            let outdated = access.outdated(&before);
            if !outdated.is_empty() {
                let whom = move |who: &Identity| {
                    who.proved_name()
                        .is_some_and(|name| outdated.contains(name))
                };
                let reason = ReasonCode::NOT_AUTHORIZED;
                running.broker.disconnect_where(whom, reason).await;
            }
            for one in running.broker.recheck().await {
                let will = if one.is_will { " (will)" } else { "" };
                taken.push(format!("{}: {}{will}", one.client, one.topic));
            }
        }
        Ok(RulesApplied {
            rules: held.rules.list().len() as u32,
            accounts: held.accounts.0.len() as u32,
            taken,
            running: running.is_some(),
        })
    }
}

impl App {
    /// Who may come in, and what each may do.
    pub async fn access(&self) -> Result<AccessReport> {
        let (access, config) = (self.access_control(), self.broker.held());
        // A file with a mistake is told elsewhere: nothing of it holds, at the next start neither.
        let written = self.broker.read_config().await.ok();
        blocking(move || {
            let written = written.as_ref().unwrap_or(&*config);
            access.report(&config.broker, &written.broker)
        })
        .await
    }

    fn access_control(&self) -> Arc<AccessControl> {
        self.broker.access.clone()
    }

    /// What a text would be as rules; nothing is changed.
    pub async fn access_check(&self, text: String) -> RulesChecked {
        check(&text)
    }

    /// Puts a text of rules in place; a broker that runs goes by it at once. A text with a mistake changes nothing.
    pub async fn access_save(&self, text: String) -> Result<RulesApplied> {
        let access = self.access_control();
        blocking(move || access.save_rules(&text)).await?;
        self.broker.reload_access().await
    }

    /// Makes an account or changes one.
    pub async fn account_put(&self, request: AccountRequest) -> Result<RulesApplied> {
        let access = self.access_control();
        blocking(move || access.put_account(&request)).await?;
        self.broker.reload_access().await
    }

    /// Removes an account; its connections end. It can be brought back until the program ends.
    pub async fn account_remove(&self, name: String) -> Result<RulesApplied> {
        let access = self.access_control();
        blocking(move || access.remove_account(&name)).await?;
        self.broker.reload_access().await
    }

    /// Brings a removed account back, with the password that it had.
    pub async fn account_restore(&self, name: String) -> Result<RulesApplied> {
        let access = self.access_control();
        blocking(move || access.restore_account(&name)).await?;
        self.broker.reload_access().await
    }

    /// Takes over the accounts of a mosquitto password file.
    pub async fn accounts_import(&self, text: String) -> Result<AccountsImported> {
        let access = self.access_control();
        let told = blocking(move || access.import_accounts(&text)).await?;
        self.broker.reload_access().await?;
        Ok(told)
    }

    /// What would be said to somebody who wants something, and by which rule.
    pub async fn access_what_if(&self, ask: WhatIf) -> Result<AccessVerdict> {
        self.access_control().what_if(&ask)
    }

    /// Everybody who is known, and what each may do with a topic.
    pub async fn access_who_can(&self, ask: WhoCan) -> Result<Vec<WhoEntry>> {
        let devices: Vec<String> = self
            .certificates()
            .await?
            .devices
            .into_iter()
            .map(|d| d.name)
            .collect();
        self.access_control().who_can(&ask, &devices)
    }

    /// What a token says, and whether it would be taken.
    pub async fn access_token_check(&self, ask: TokenCheck) -> Result<TokenVerdict> {
        let access = self.access_control();
        blocking(move || access.check_token(&ask)).await
    }

    /// What was denied lately.
    pub async fn access_denials(&self) -> Denials {
        self.access_control().denials()
    }

    /// Forgets what was denied.
    pub async fn access_denials_clear(&self) {
        self.access_control().denials.lock().clear();
    }

    /// The narrowest rule that allows what was denied, in the text that would be saved.
    pub async fn access_propose(&self, id: u32) -> Result<RuleProposal> {
        let access = self.access_control();
        blocking(move || access.propose(id)).await
    }
}
