//! Accounts and rules of a data folder, from a shell. A broker that runs on it goes by a change at once.

use std::path::PathBuf;
use std::sync::Arc;

use crate::access::{AccessControl, parse_rules, rules_path, translate};
use crate::api::{
    AccessReport, AccessVerdict, Account, AccountRequest, AccountsImported, ErrorCode, Finding,
    RulesApplied, RulesFormat, RulesTranslated, TokenCheck, TokenVerdict, WhatIf, WhoCan, WhoEntry,
};
use crate::config::ConfigFile;
use crate::control::RemoteBroker;
use crate::{Result, blocking, files};

/// Accounts and rules as they are in the files.
async fn open(data: PathBuf) -> Result<Arc<AccessControl>> {
    blocking(move || {
        let access = AccessControl::new(data);
        access.load()?;
        Ok(access)
    })
    .await
}

/// Tells a broker that runs on the data folder; what it did, or that none runs.
async fn told(data: PathBuf) -> Result<RulesApplied> {
    let reloaded = match RemoteBroker::find(data.clone()).await {
        Ok(broker) => broker.reload_access().await,
        Err(error) => Err(error),
    };
    match reloaded {
        Err(error) if error.code == ErrorCode::WrongState => {
            let report = report(data).await?;
            Ok(RulesApplied {
                rules: report.rules.len() as u32,
                accounts: report.accounts.len() as u32,
                taken: Vec::new(),
                running: false,
            })
        }
        reloaded => reloaded,
    }
}

/// Accounts and rules.
pub async fn report(data: PathBuf) -> Result<AccessReport> {
    let access = open(data.clone()).await?;
    blocking(move || {
        let config = ConfigFile::of(&data).read()?.broker;
        access.report(&config, &config)
    })
    .await
}

/// The accounts, by name.
pub async fn accounts(data: PathBuf) -> Result<Vec<Account>> {
    Ok(report(data).await?.accounts)
}

/// Makes an account or changes one.
pub async fn put_account(data: PathBuf, request: AccountRequest) -> Result<RulesApplied> {
    let access = open(data.clone()).await?;
    blocking(move || access.put_account(&request)).await?;
    told(data).await
}

/// Removes an account.
pub async fn remove_account(data: PathBuf, name: String) -> Result<RulesApplied> {
    let access = open(data.clone()).await?;
    blocking(move || access.remove_account(&name)).await?;
    told(data).await
}

/// Takes over the accounts of a mosquitto password file.
pub async fn import_accounts(data: PathBuf, file: PathBuf) -> Result<AccountsImported> {
    let access = open(data.clone()).await?;
    let imported = blocking(move || access.import_accounts(&files::read_secret(&file)?)).await?;
    told(data).await?;
    Ok(imported)
}

/// Puts the rules of a file in place, where they have no mistake.
pub async fn save_rules(data: PathBuf, file: PathBuf) -> Result<RulesApplied> {
    let access = AccessControl::new(data.clone());
    blocking(move || access.save_rules(&files::read(&file)?)).await?;
    told(data).await
}

/// How many rules a file has, or those of the data folder, where there is no mistake in it.
pub async fn check_rules(data: PathBuf, file: Option<PathBuf>) -> Result<u32> {
    blocking(move || {
        let path = file.unwrap_or_else(|| rules_path(&data));
        let rules = parse_rules(&files::read(&path)?, &path)?;
        Ok(rules.list().len() as u32)
    })
    .await
}

/// What would be said to somebody who wants something.
pub async fn what_if(data: PathBuf, ask: WhatIf) -> Result<AccessVerdict> {
    open(data).await?.what_if(&ask)
}

/// Everybody who is known, and what each may do with a topic.
pub async fn who_can(data: PathBuf, ask: WhoCan) -> Result<Vec<WhoEntry>> {
    let devices = super::certificates(data.clone()).await?.devices;
    let devices: Vec<String> = devices.into_iter().map(|device| device.name).collect();
    open(data).await?.who_can(&ask, &devices)
}

/// What makes a broker easier to break into than it need be: of the one that runs on this data folder, with what is seen of
/// it; of the files, where none runs or a configuration is named.
pub async fn audit(data: PathBuf, config: Option<PathBuf>) -> Result<Vec<Finding>> {
    crate::findings::audit(data, config).await
}

/// What a token proves by the configuration of a data folder, or why it would not be taken.
pub async fn check_token(data: PathBuf, ask: TokenCheck) -> Result<TokenVerdict> {
    let access = open(data.clone()).await?;
    blocking(move || {
        let config = ConfigFile::of(&data).read()?.broker;
        access.configure(&config.methods, &config.tokens)?;
        access.check_token(&ask)
    })
    .await
}

/// A file of mosquitto's rules in the words of `acl.toml`.
pub async fn translate_rules(file: PathBuf) -> Result<RulesTranslated> {
    blocking(move || Ok(translate(&files::read(&file)?))).await
}

/// The rules of a data folder in the words of another broker.
pub async fn export_rules(data: PathBuf, to: RulesFormat) -> Result<RulesTranslated> {
    let access = open(data).await?;
    blocking(move || access.export(to)).await
}
