//! `mqttwb account`, `mqttwb access` and `mqttwb broker audit`.

use std::path::PathBuf;

use mqttwb_app::Result;
use mqttwb_app::api::{
    AccessVerdict, Account, AccountRequest, AccountsImported, ApiError, Denials, ErrorCode,
    Finding, Fix, FixAct, LearnReport, RulesApplied, RulesFormat, RulesTranslated, Severity,
    TokenCheck, TokenVerdict, WhatIf, WhoCan, WhoEntry,
};
use mqttwb_app::control::RemoteBroker;
use mqttwb_app::oneshot::access;

use crate::arguments::{
    AccessCommand, AccountCommand, Check, LearnCommand, OtherBroker, WhatIfArguments,
};
use crate::output::{Output, ReaderGone};
use crate::secret;
use crate::table::Table;

type Printed = std::result::Result<(), ReaderGone>;

/// Prints an answer, for a program or a person. What was done is done, whoever reads about it.
fn tell<T: serde::Serialize>(
    told: &T,
    print: impl FnOnce(&T, &Output) -> Printed,
    output: &Output,
) -> Result<()> {
    let _ = if output.is_json() {
        output.json(told)?
    } else {
        print(told, output)
    };
    Ok(())
}

fn token(told: &TokenVerdict, output: &Output) -> Printed {
    let word = if told.taken { "good" } else { "not taken" };
    output.line(format!("{word}: {}", told.why).as_bytes())?;
    for (name, value) in &told.claims {
        output.line(format!("  {name} = {value}").as_bytes())?;
    }
    if !told.groups.is_empty() {
        output.line(format!("  groups: {}", told.groups.join(", ")).as_bytes())?;
    }
    Ok(())
}

fn applied(told: &RulesApplied, output: &Output) -> Printed {
    let felt = match told.running {
        true => "the broker goes by it",
        false => "no broker runs; it holds when one is started",
    };
    let (rules, accounts) = (told.rules, told.accounts);
    output.line(format!("done: {accounts} accounts, {rules} rules; {felt}").as_bytes())?;
    for taken in &told.taken {
        output.line(format!("taken away: {taken}").as_bytes())?;
    }
    Ok(())
}

/// `mqttwb account`.
pub async fn account(data: PathBuf, wanted: AccountCommand, output: &Output) -> Result<()> {
    let request = match wanted {
        AccountCommand::List => {
            return tell(&access::accounts(data).await?, accounts, output);
        }
        AccountCommand::Remove { name } => {
            return tell(&access::remove_account(data, name).await?, applied, output);
        }
        AccountCommand::Import { file } => {
            return tell(
                &access::import_accounts(data, file).await?,
                imported,
                output,
            );
        }
        AccountCommand::Add { name, groups } => AccountRequest {
            name,
            password: Some(secret::asked_twice()?),
            groups: Some(groups),
            new: true,
        },
        AccountCommand::Password { name } => {
            let known = access::accounts(data.clone()).await?;
            if !known.iter().any(|account| account.name == name) {
                let told = format!("There is no account {name}.");
                return Err(ApiError::new(ErrorCode::NotFound, told)
                    .hint("Make it with `mqttwb account add`."));
            }
            AccountRequest {
                name,
                password: Some(secret::asked_twice()?),
                groups: None,
                new: false,
            }
        }
        AccountCommand::Groups { name, groups } => AccountRequest {
            name,
            password: None,
            groups: Some(groups),
            new: false,
        },
    };
    tell(&access::put_account(data, request).await?, applied, output)
}

fn accounts(all: &Vec<Account>, output: &Output) -> Printed {
    let mut table = Table::new(["ACCOUNT", "PASSWORD", "GROUPS"]);
    for account in all {
        let groups = account.groups.join(", ");
        table.row([account.name.clone(), account.hash.clone(), groups]);
    }
    table.print(output)
}

fn imported(told: &AccountsImported, output: &Output) -> Printed {
    let (taken, kept) = (told.taken.len(), told.kept.len());
    output.line(
        format!("{taken} accounts taken over, with the passwords that they had").as_bytes(),
    )?;
    if kept > 0 {
        let names = told.kept.join(", ");
        output
            .line(format!("{kept} were here already and stay as they are: {names}").as_bytes())?;
    }
    for refused in &told.refused {
        output.line(format!("not taken: {refused}").as_bytes())?;
    }
    Ok(())
}

/// `mqttwb access`.
pub async fn access(data: PathBuf, wanted: AccessCommand, output: &Output) -> Result<()> {
    match wanted {
        AccessCommand::Check { file } => {
            let rules = access::check_rules(data, file).await?;
            let told = |rules: &u32, output: &Output| {
                output.line(format!("{rules} rules, no mistake").as_bytes())
            };
            tell(&rules, told, output)
        }
        AccessCommand::Import { file } => {
            tell(&access::save_rules(data, file).await?, applied, output)
        }
        AccessCommand::Export { to: Some(to) } => {
            let to = match to {
                OtherBroker::Mosquitto => RulesFormat::Mosquitto,
                OtherBroker::Emqx => RulesFormat::Emqx,
            };
            tell(&access::export_rules(data, to).await?, translated, output)
        }
        AccessCommand::Translate { file } => {
            tell(&access::translate_rules(file).await?, translated, output)
        }
        AccessCommand::Learn(wanted) => learn(data, wanted, output).await,
        AccessCommand::Export { to: None } => {
            let text = access::report(data).await?.rules_text;
            let print = |text: &String, output: &Output| output.line(text.trim_end().as_bytes());
            tell(&text, print, output)
        }
        AccessCommand::Whatif(ask) => {
            tell(&access::what_if(data, what_if(ask)).await?, verdict, output)
        }
        AccessCommand::Who { topic } => {
            tell(&access::who_can(data, WhoCan { topic }).await?, who, output)
        }
        AccessCommand::Denials => {
            let broker = RemoteBroker::find(data).await?;
            tell(&broker.denials().await?, denials, output)
        }
        AccessCommand::Token { client } => {
            let ask = TokenCheck {
                token: secret::asked("Token: ")?,
                client_id: client,
            };
            let told = access::check_token(data, ask).await?;
            tell(&told, token, output)?;
            match told.taken {
                true => Ok(()),
                false => Err(ApiError::new(
                    ErrorCode::InvalidInput,
                    "The token would not be taken.",
                )),
            }
        }
    }
}

/// The file on standard output, and what is not the same on standard error.
fn translated(told: &RulesTranslated, output: &Output) -> Printed {
    for note in &told.notes {
        eprintln!("note: {note}");
    }
    output.line(told.text.trim_end().as_bytes())
}

/// `mqttwb access learn`.
async fn learn(data: PathBuf, wanted: LearnCommand, output: &Output) -> Result<()> {
    let broker = RemoteBroker::find(data).await?;
    let state = |told: &LearnReport, output: &Output| {
        let (seen, rules) = (told.seen, told.rules.len());
        let word = if told.until.is_some() {
            "watched"
        } else {
            "watching"
        };
        output
            .line(format!("{word}: {seen} things seen, {rules} rules would allow them").as_bytes())
    };
    match wanted {
        LearnCommand::Start => tell(&broker.learn_start().await?, state, output),
        LearnCommand::Stop => tell(&broker.learn_stop().await?, state, output),
        LearnCommand::Show => tell(&broker.learned().await?, learned, output),
        LearnCommand::Accept => tell(&broker.learn_accept().await?, applied, output),
    }
}

fn learned(told: &LearnReport, output: &Output) -> Printed {
    output.line(
        format!(
            "# {} things seen, {} of them allowed already",
            told.seen, told.allowed
        )
        .as_bytes(),
    )?;
    if told.forgotten > 0 {
        output.line(format!("# {} times there was no room for more", told.forgotten).as_bytes())?;
    }
    if told.is_first {
        output.line(
            b"# There are no rules yet: with the first one, what no rule allows is denied.",
        )?;
    }
    for (what, more) in [
        (&told.denied, told.more_denied),
        (&told.unsayable, told.more_unsayable),
    ] {
        for text in what {
            output.line(format!("# left out: {text}").as_bytes())?;
        }
        if more > 0 {
            output.line(format!("# and {more} more").as_bytes())?;
        }
    }
    for rule in &told.rules {
        output.line(format!("\n{}", rule.text.trim_end()).as_bytes())?;
    }
    Ok(())
}

fn what_if(ask: WhatIfArguments) -> WhatIf {
    WhatIf {
        client_id: ask.client,
        account: ask.account,
        certificate: ask.certificate,
        claims: ask.claims.into_iter().collect(),
        action: ask.action.into(),
        topic: ask.topic,
        qos: ask.qos,
        retain: ask.retain,
    }
}

fn word(verdict: &AccessVerdict) -> &'static str {
    if verdict.allowed { "allowed" } else { "denied" }
}

fn verdict(told: &AccessVerdict, output: &Output) -> Printed {
    output.line(format!("{}: {}", word(told), told.why).as_bytes())
}

fn who(all: &Vec<WhoEntry>, output: &Output) -> Printed {
    let mut table = Table::new(["WHO", "KIND", "PUBLISH", "SUBSCRIBE", "DECIDED BY"]);
    for entry in all {
        let publish = entry.publish.as_ref().map_or("-", word);
        table.row([
            entry.who.clone(),
            entry.kind.clone(),
            publish.to_owned(),
            word(&entry.subscribe).to_owned(),
            entry.subscribe.why.clone(),
        ]);
    }
    table.print(output)
}

fn denials(told: &Denials, output: &Output) -> Printed {
    let mut table = Table::new([
        "TIMES", "CLIENT", "ACCOUNT", "FROM", "WANTED", "TOPIC", "WHY",
    ]);
    for denial in &told.entries {
        table.row([
            denial.count.to_string(),
            denial.client_id.clone(),
            denial.account.clone().unwrap_or_default(),
            denial.peer.clone(),
            format!("{:?}", denial.action).to_lowercase(),
            denial.topic.clone(),
            denial.why.clone(),
        ]);
    }
    table.print(output)?;
    if told.forgotten > 0 {
        let line = format!("{} others are not kept any more", told.forgotten);
        output.line(line.as_bytes())?;
    }
    Ok(())
}

/// `mqttwb broker audit`: fails where something grave is found.
pub async fn audit(data: PathBuf, check: Check, output: &Output) -> Result<()> {
    let found = access::audit(data, check.config).await?;
    tell(&found, findings, output)?;
    match found
        .iter()
        .filter(|f| f.severity == Severity::Serious)
        .count()
    {
        0 => Ok(()),
        n => Err(ApiError::new(
            ErrorCode::Config,
            format!("{n} findings are serious."),
        )),
    }
}

/// What a person types or writes to mend something; nothing where it is a place in the window.
fn in_a_shell(fix: &Fix) -> Option<String> {
    let command = fix.command.clone();
    command.or_else(|| match &fix.act {
        Some(FixAct::Set { key, value }) => Some(format!("set {key} = {value} in broker.toml")),
        Some(FixAct::RemoveRule { line }) => {
            Some(format!("take out the rule at line {line} of acl.toml"))
        }
        Some(FixAct::Restart) => Some("start the broker again".to_owned()),
        Some(FixAct::Renew { .. } | FixAct::SignRevocations { .. } | FixAct::Show { .. })
        | None => None,
    })
}

fn findings(found: &Vec<Finding>, output: &Output) -> Printed {
    if found.is_empty() {
        return output.line(b"nothing found");
    }
    for finding in found {
        let kind = match finding.severity {
            Severity::Serious => "serious",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        output.line(format!("{kind}: {}\n  {}", finding.title, finding.detail).as_bytes())?;
        for seen in &finding.evidence {
            output.line(format!("  seen: {seen}").as_bytes())?;
        }
        for fix in finding.fixes.iter().filter_map(in_a_shell) {
            output.line(format!("  mend: {fix}").as_bytes())?;
        }
        output.line(b"")?;
    }
    Ok(())
}
