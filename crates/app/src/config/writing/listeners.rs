//! A listener added, changed or removed, in the file that a person wrote.
//!
//! Duty: its table as a whole; single keys are the parent's. Invariant: a listener has a name and an address that no other
//! has, and the last one stays: without any nobody could connect.

use super::*;
use crate::api::{ClientCert, ListenerWrite, Protocol};

/// The longest name that is given here.
const LONGEST_NAME: usize = 32;

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, message)
}

fn no_listener(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("There is no listener {name} in the configuration any more."),
    )
}

/// The text with the listener as it was asked for.
pub(crate) fn write(text: &str, path: &Path, request: &ListenerWrite) -> Result<String> {
    let before = Config::parse(text, path)?;
    let name = request.name.trim();
    let was = request.was.as_deref();
    let mut text = with_all(text, &before)?;
    check_name(name, was)?;
    if let Some(was) = was {
        let known = before.broker.listeners.iter().any(|spec| spec.name == was);
        known.then_some(()).ok_or_else(|| no_listener(was))?;
    }
    for other in before.broker.listeners {
        if Some(other.name.as_str()) == was {
            continue;
        }
        if other.name == name {
            return Err(refused(format!("There is a listener {name} already.")));
        }
        if other.bind.port() != 0 && request.bind.trim() == other.bind.to_string() {
            let (other, bind) = (other.name, other.bind);
            return Err(refused(format!("Listener {other} is at {bind} already."))
                .hint("Give one of them another port."));
        }
    }
    if let Some(was) = was.filter(|was| *was != name) {
        text = renamed(&text, was, name)?;
    }
    let place = |key| Place {
        tables: vec![LISTENERS, name],
        name: key,
    };
    let word = |key: &'static str, typed: &str, text: &str| {
        let place = place(key);
        let literal = literal(&format!("{LISTENERS}.{name}.{key}"), &place, typed, path)?;
        set(text, &place, &literal)
    };
    text = word("bind", &request.bind, &text)?;
    text = word("protocol", protocol(request.protocol), &text)?;
    match request.protocol {
        Protocol::Tls | Protocol::Wss => {
            if let Some(wanted) = request.client_cert {
                text = word("client_cert", client_cert(wanted), &text)?;
            }
        }
        Protocol::Tcp | Protocol::Ws => {
            for key in ["client_cert", "identity", "cert", "key", "ca", "crl"] {
                text = unset(&text, &place(key))?;
            }
        }
    }
    Config::parse(&text, path)?;
    Ok(text)
}

/// The text without the listener.
pub(crate) fn remove(text: &str, path: &Path, name: &str) -> Result<String> {
    let before = Config::parse(text, path)?;
    let listeners = &before.broker.listeners;
    if !listeners.iter().any(|spec| spec.name == name) {
        return Err(no_listener(name));
    }
    if listeners.len() == 1 {
        return Err(refused(format!(
            "{name} is the last listener: without it nobody could connect."
        ))
        .hint("Add another first, or change this one."));
    }
    let text = with_all(text, &before)?;
    let mut document: DocumentMut = text.parse().map_err(internal)?;
    let removed = tables(&mut document)?.remove(name);
    if let Some(Item::Table(table)) = removed {
        keep_comments(&mut document, &table);
    }
    let text = newlines_of(&text, document.to_string());
    Config::parse(&text, path)?;
    Ok(text)
}

/// The text with every listener that there is written out.
fn with_all(text: &str, config: &Config) -> Result<String> {
    if names(text, LISTENERS) {
        return Ok(text.to_owned());
    }
    with_listeners(text, &config.broker.listeners)
}

fn check_name(name: &str, was: Option<&str>) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    // A name that a person wrote into the file by hand may be any that TOML takes.
    let good = (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits);
    if good || was == Some(name) {
        return Ok(());
    }
    Err(refused(format!(
        "A listener’s name has 1 to {LONGEST_NAME} letters, digits, - and _; {name:?} is none."
    )))
}

fn tables(document: &mut DocumentMut) -> Result<&mut dyn TableLike> {
    document
        .get_mut(LISTENERS)
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| internal("listeners is no table"))
}

fn renamed(text: &str, was: &str, name: &str) -> Result<String> {
    let mut document: DocumentMut = text.parse().map_err(internal)?;
    let listeners = tables(&mut document)?;
    let table = listeners.remove(was).ok_or_else(|| no_listener(was))?;
    // A table remembers its place in the file.
    listeners.insert(name, table);
    Ok(newlines_of(text, document.to_string()))
}

/// A comment above a table that goes is the person's: it goes above what follows.
fn keep_comments(document: &mut DocumentMut, gone: &Table) {
    let above = gone.decor().prefix().and_then(|prefix| prefix.as_str());
    let Some(above) = above.filter(|above| !above.trim().is_empty()) else {
        return;
    };
    let above = above.to_owned();
    match gone.position().and_then(|at| next_table(document, at)) {
        Some(next) => {
            let decor = next.decor_mut();
            let below = decor.prefix().and_then(|prefix| prefix.as_str());
            decor.set_prefix(format!("{above}{}", below.unwrap_or_default()));
        }
        None => {
            let end = document.trailing().as_str().unwrap_or_default();
            document.set_trailing(format!("{above}{end}"));
        }
    }
}

/// The table whose header comes next in the file.
fn next_table(document: &mut DocumentMut, at: isize) -> Option<&mut Table> {
    fn walk<'t>(table: &'t mut Table, at: isize, best: &mut Option<&'t mut Table>) {
        let place = table.position().filter(|place| *place > at);
        let nearer = |best: &Option<&mut Table>| {
            best.as_ref()
                .and_then(|best| best.position())
                .is_none_or(|best| place.is_some_and(|place| place < best))
        };
        if place.is_some() && !table.is_implicit() && !table.is_dotted() && nearer(best) {
            *best = Some(table);
            return;
        }
        for (_, item) in table.iter_mut() {
            if let Item::Table(table) = item {
                walk(table, at, best);
            }
        }
    }
    let mut best = None;
    walk(document.as_table_mut(), at, &mut best);
    best
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Tls => "tls",
        Protocol::Ws => "ws",
        Protocol::Wss => "wss",
    }
}

fn client_cert(wanted: ClientCert) -> &'static str {
    match wanted {
        ClientCert::Required => "required",
        ClientCert::Optional => "optional",
        ClientCert::None => "none",
    }
}
