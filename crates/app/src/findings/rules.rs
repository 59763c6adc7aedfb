//! What rules give away, and how what proves somebody is kept.

use mqttwb_policy::{Effect, Rule};

use super::*;

pub(super) fn look(picture: &Picture<'_>) -> Vec<Finding> {
    let rules = &picture.held.rules;
    let mut found = Vec::new();
    if picture.is_wide() && rules.is_empty() {
        found.push(
            Finding::new(
                Severity::Warning,
                "There are no access rules",
                "Every client that comes in may publish and subscribe everything, what other devices obey included. With the \
                 first rule, what no rule allows is denied.",
            )
            .seen(everything(picture))
            .mended_by(
                Fix::show("Learn them from what clients do", "access", Some("learn".into()))
                    .in_a_shell("mqttwb access learn start"),
            )
            .mended_by(Fix::show("Write them", "access", Some("rules".into()))),
        );
    }
    let last = rules.list().len() == 1;
    found.extend(
        rules
            .list()
            .iter()
            .filter_map(|rule| gives_away(picture, rule, last)),
    );
    found.extend(weak_hashes(picture));
    if let Some(failure) = picture.tokens.and_then(Tokens::failure) {
        found.push(
            Finding::new(
                Severity::Warning,
                "The key set of tokens can't be read",
                format!(
                    "Tokens are judged by the keys that were read before; where there are none, every token is refused. What is \
                     wrong: {failure}. See access.jwt in broker.toml."
                ),
            )
            .mended_by(Fix::show("Look at tokens", "access", Some("accounts".into()))),
        );
    }
    found
}

/// Whether a filter takes in every topic.
fn is_everything(filter: &str) -> bool {
    filter.split('/').all(|level| matches!(level, "+" | "#")) && filter.ends_with('#')
}

/// Clients that have subscribed to everything.
fn everything(picture: &Picture<'_>) -> Option<String> {
    let clients = &picture.live?.clients;
    let readers: Vec<&str> = clients
        .iter()
        .filter(|client| client.filters.iter().any(|filter| is_everything(filter)))
        .map(|client| client.client.as_str())
        .collect();
    let verb = if readers.len() == 1 { "reads" } else { "read" };
    (!readers.is_empty()).then(|| {
        let clients = counted(readers.len(), "client");
        format!(
            "{clients} {verb} every topic now: {}.",
            named(readers.into_iter())
        )
    })
}

fn gives_away(picture: &Picture<'_>, rule: &Rule, last: bool) -> Option<Finding> {
    if rule.effect != Effect::Allow {
        return None;
    }
    let show = Fix::show(
        "Show the rule",
        "access",
        Some(format!("rules:{}", rule.line)),
    );
    let widely = rule.limits.fixed_levels == 0
        && rule
            .topics
            .iter()
            .any(|topic| is_everything(topic.as_str()));
    let subjects = &rule.subjects;
    if widely && subjects.is_everybody() {
        let severity = match picture.is_wide() {
            true => Severity::Serious,
            false => Severity::Warning,
        };
        let finding = Finding::new(
            severity,
            format!("Everybody is allowed everything, by the {rule}"),
            "One stolen or faulty device can read all and command all others. Name the branch that a client needs, as \
             devices/{client}/#, or bind the rule to accounts or groups.",
        )
        .seen(everything(picture));
        // Without any rule everything is allowed: taking the last one out would mend nothing.
        let finding = match last {
            true => finding,
            false => finding.mended_by(
                Fix::act("Take the rule out", FixAct::RemoveRule { line: rule.line }).at_the_price_of(
                    "Clients that pass by this rule alone are denied from then on, and their subscriptions are taken away. \
                     It can be taken back.",
                ),
            ),
        };
        return Some(finding.mended_by(show));
    }
    let by_client = subjects.accounts.is_empty()
        && subjects.certificates.is_empty()
        && subjects.groups.is_empty()
        && !subjects.clients.is_empty();
    by_client.then(|| {
        let named_as = picture.live.map_or_else(Vec::new, |live| {
            let clients = live.clients.iter().filter(|client| {
                client.proved_nothing() && subjects.clients.contains(&client.client)
            });
            clients.map(|client| client.client.as_str()).collect()
        });
        let seen = (!named_as.is_empty()).then(|| {
            let names = named(named_as.into_iter());
            format!("Connected now by that name, and proved nothing: {names}.")
        });
        Finding::new(
            Severity::Warning,
            format!("The {rule} trusts what a client calls itself"),
            "A client chooses its identifier, so anybody can be meant by this rule. Bind it to accounts, groups or certificates.",
        )
        .seen(seen)
        .mended_by(show)
    })
}

fn weak_hashes(picture: &Picture<'_>) -> Option<Finding> {
    let accounts = picture.held.accounts.0.iter();
    let weak: Vec<&str> = accounts
        .filter(|(_, kept)| !kept.hash.is_strong())
        .map(|(name, _)| name.as_str())
        .collect();
    let first = *weak.first()?;
    let title = match weak.len() {
        1 => "1 password is kept as mosquitto hashed it".to_owned(),
        n => format!("{n} passwords are kept as mosquitto hashed them"),
    };
    let detail = "Who gets the file can try millions of passwords a second. Set them anew: new ones are kept as Argon2id.";
    Some(
        Finding::new(Severity::Warning, title, detail)
            .seen([format!("Accounts: {}.", named(weak.iter().copied()))])
            .mended_by(
                Fix::show("Go to accounts", "access", Some("accounts".into()))
                    .in_a_shell(format!("mqttwb account password {first}")),
            ),
    )
}
