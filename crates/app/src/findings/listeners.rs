//! Who can reach the listeners, and what of that can be overheard.

use mqttwb_model::{ClientCert, ListenerProtocol};

use super::*;
use crate::config::{ListenerSpec, exposed_by};

pub(super) fn look(picture: &Picture<'_>) -> Vec<Finding> {
    let config = picture.config;
    let anonymous = config.access.anonymous;
    let has_accounts = !picture.held.accounts.0.is_empty() || config.tokens.is_on();
    let mut found = Vec::new();
    for spec in &config.listeners {
        let unknown =
            |finding: Finding| finding.seen(who_proved_nothing(picture, Some(&spec.name)));
        found.extend(exposed_by(spec, anonymous).map(unknown));
        if !spec.bind.ip().is_loopback() && !spec.protocol.is_secure() {
            found.push(in_the_clear(picture, spec, has_accounts));
        }
    }
    let lets_in = |spec: &ListenerSpec| spec.client_cert != ClientCert::Required;
    if anonymous && has_accounts && config.listeners.iter().any(lets_in) {
        found.push(
            Finding::new(
                Severity::Info,
                "There are accounts or tokens, and clients without one come in too",
                "Rules alone keep them apart. Set access.anonymous = false in broker.toml to let in only who proves who it is.",
            )
            .seen(who_proved_nothing(picture, None))
            .mended_by(only_who_proves(picture)),
        );
    }
    found
}

fn in_the_clear(picture: &Picture<'_>, spec: &ListenerSpec, has_accounts: bool) -> Finding {
    let secure = match spec.protocol {
        ListenerProtocol::Ws | ListenerProtocol::Wss => "wss",
        ListenerProtocol::Tcp | ListenerProtocol::Tls => "tls",
    };
    let mut here = Vec::new();
    let mut proved = Vec::new();
    for client in picture.live.into_iter().flat_map(|live| &live.clients) {
        if client.listener == spec.name {
            here.push(client.client.as_str());
            proved.extend(client.account.as_deref());
        }
    }
    proved.sort_unstable();
    proved.dedup();
    let severity = match has_accounts {
        true => Severity::Serious,
        false => Severity::Warning,
    };
    let finding = Finding::new(
        severity,
        format!("Listener {} sends everything in the clear", spec.name),
        format!(
            "It listens at {}, and passwords and messages can be read and changed by whoever is on the way. Make it {secure}: \
             the data folder has an authority and a certificate for it.",
            spec.bind
        ),
    );
    let finding = match proved.is_empty() {
        true => finding,
        false => finding.seen([format!(
            "The password or token of {} came in the clear, from clients that are connected now.",
            named(proved.into_iter())
        )]),
    };
    let effect = format!(
        "From the next start clients must speak {secure} at this port, and trust the authority of this data folder. {}",
        match here.len() {
            0 => "Nobody is connected there now.".to_owned(),
            1 => format!("{} is connected there now without.", here[0]),
            _ => format!("Connected there now without: {}.", named(here.into_iter())),
        }
    );
    finding.mended_by(
        Fix::set(
            &format!("Make it {secure}"),
            format!("listeners.{}.protocol", spec.name),
            secure,
        )
        .at_the_price_of(effect),
    )
}

/// Clients that could be anybody, at a listener or at all.
fn who_proved_nothing(picture: &Picture<'_>, listener: Option<&str>) -> Option<String> {
    let clients = &picture.live?.clients;
    let mut unknown: Vec<&str> = clients
        .iter()
        .filter(|client| client.proved_nothing())
        .filter(|client| listener.is_none_or(|name| client.listener == name))
        .map(|client| client.client.as_str())
        .collect();
    unknown.sort_unstable();
    let verb = if unknown.len() == 1 { "has" } else { "have" };
    (!unknown.is_empty()).then(|| {
        format!(
            "{} connected now {verb} proved nothing: {}.",
            counted(unknown.len(), "client"),
            named(unknown.into_iter())
        )
    })
}

fn only_who_proves(picture: &Picture<'_>) -> Fix {
    let effect = match who_proved_nothing(picture, None) {
        Some(told) => format!("{told} From the next start such clients are refused."),
        None => "From the next start clients that prove nothing are refused.".to_owned(),
    };
    Fix::set("Refuse them", "access.anonymous", "false").at_the_price_of(effect)
}
