//! A key of `broker.toml` set or taken out, and listeners as a whole, in the file that a person wrote.
//!
//! Duty: make the new text, with every other line, comment and blank as it was. Not here: writing it to a file
//! (`settings`). Invariant: what comes out is a configuration that can be read, or nothing comes out; so a typing error
//! changes nothing.

mod listeners;

use std::ops::Range;
use std::path::Path;

use mqttwb_model::CertificateIdentity;
use toml::de::DeValue;
use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::keys::{KEYS, LISTENER_KEYS, LISTENERS};
use super::{BrokerConfig, Config, Field, ListenerDraft, ListenerSpec, reading};
use crate::Result;
use crate::api::{ApiError, ErrorCode};

pub(crate) use listeners::{remove as remove_listener, write as write_listener};

/// A key, taken apart.
struct Place<'a> {
    /// The tables that it stands in, outermost first: `["listeners", "tcp"]`.
    tables: Vec<&'a str>,
    name: &'a str,
}

/// The text with the key set to what a person typed, or without the key. `value` may leave out quotes. Listeners that
/// stand only in the defaults are written out before one of them is changed: a file opens what it names and no more.
pub(crate) fn change(text: &str, path: &Path, key: &str, value: Option<&str>) -> Result<String> {
    let before = Config::parse(text, path)?;
    let place = place(key).ok_or_else(|| unknown(key))?;
    let literal = match value {
        Some(typed) => Some(literal(key, &place, typed, path)?),
        None => None,
    };
    let mut text = text.to_owned();
    if place.tables[0] == LISTENERS && !names(&text, LISTENERS) {
        text = with_listeners(&text, &before.broker.listeners)?;
    }
    let changed = match literal {
        Some(literal) => set(&text, &place, &literal)?,
        None => unset(&text, &place)?,
    };
    Config::parse(&changed, path)?;
    Ok(changed)
}

fn unknown(key: &str) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("There is no key {key}."))
        .hint("docs/broker-toml.md lists every key.")
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::Internal, error.to_string())
}

fn place(key: &str) -> Option<Place<'_>> {
    let (table, name) = key.rsplit_once('.')?;
    match table.strip_prefix("listeners.") {
        Some(listener) => {
            let known = LISTENER_KEYS.iter().any(|key| key.name == name);
            known.then(|| Place {
                tables: vec![LISTENERS, listener],
                name,
            })
        }
        None => {
            let known = KEYS.iter().any(|k| k.section == table && k.name == name);
            known.then(|| Place {
                tables: table.split('.').collect(),
                name,
            })
        }
    }
}

/// What was typed as TOML, if the key takes it.
fn literal(key: &str, place: &Place<'_>, typed: &str, path: &Path) -> Result<String> {
    let refused = if place.tables[0] == LISTENERS {
        let key = LISTENER_KEYS.iter().find(|key| key.name == place.name);
        key.map(|key| {
            key.field
                .literal(typed, &mut ListenerDraft::default(), path)
        })
    } else {
        let key = KEYS
            .iter()
            .find(|key| key.section == place.tables.join(".") && key.name == place.name);
        key.map(|key| key.field.literal(typed, &mut BrokerConfig::default(), path))
    };
    refused.ok_or_else(|| unknown(key))?.map_err(|expected| {
        let found = typed.trim();
        let found = if found.is_empty() { "nothing" } else { found };
        ApiError::new(
            ErrorCode::InvalidInput,
            format!("{key}: expected {expected}, found {found}."),
        )
    })
}

impl<T> Field<T> {
    /// What was typed as TOML, or what is expected instead.
    fn literal(
        &self,
        typed: &str,
        into: &mut T,
        path: &Path,
    ) -> std::result::Result<String, String> {
        let typed = typed.trim();
        let number = !typed.is_empty() && typed.chars().all(|c| c.is_ascii_digit() || c == '_');
        let bare = match self {
            Self::Count { .. } | Self::Flag(_) => true,
            Self::Size { .. } | Self::Time { .. } | Self::Seconds { .. } => number,
            Self::Words { .. }
            | Self::Text { .. }
            | Self::Word { .. }
            | Self::Address(_)
            | Self::File(_) => false,
        };
        let quoted = typed.len() > 1 && typed.starts_with('"') && typed.ends_with('"');
        let literal = if bare || quoted {
            typed.to_owned()
        } else if matches!(self, Self::Words { .. }) {
            list(typed)
        } else {
            toml::Value::from(typed).to_string()
        };
        let value = DeValue::parse(&literal).map_err(|_| self.expected())?;
        match reading::value(self, &value, into, path) {
            Some(()) => Ok(literal),
            None => Err(self.expected()),
        }
    }
}

/// Words with commas between them as a list; what is written as a list already as it is.
fn list(typed: &str) -> String {
    if typed.starts_with('[') {
        return typed.to_owned();
    }
    let words = typed
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    toml::Value::Array(words.map(toml::Value::from).collect()).to_string()
}

fn parse(text: &str) -> Result<Document<&str>> {
    Document::parse(text).map_err(internal)
}

fn names(text: &str, table: &str) -> bool {
    parse(text).is_ok_and(|document| document.as_table().contains_key(table))
}

/// Where a key stands in a text.
struct Written {
    name: Range<usize>,
    value: Range<usize>,
    /// Its table is written between braces.
    braces: bool,
}

fn written(text: &str, place: &Place<'_>) -> Result<Option<Written>> {
    let document = parse(text)?;
    let mut table: &dyn TableLike = document.as_table();
    let mut braces = false;
    for name in &place.tables {
        let Some(item) = table.get(name) else {
            return Ok(None);
        };
        braces |= item.is_inline_table();
        let Some(inner) = item.as_table_like() else {
            return Ok(None);
        };
        table = inner;
    }
    let Some((key, item)) = table.get_key_value(place.name) else {
        return Ok(None);
    };
    let found = key.span().zip(item.span());
    Ok(found.map(|(name, value)| Written {
        name,
        value,
        braces,
    }))
}

fn set(text: &str, place: &Place<'_>, literal: &str) -> Result<String> {
    if let Some(Written { value, .. }) = written(text, place)? {
        let mut text = text.to_owned();
        text.replace_range(value, literal);
        return Ok(text);
    }
    insert(text, place, literal.parse().map_err(internal)?)
}

fn insert(text: &str, place: &Place<'_>, value: Value) -> Result<String> {
    let mut document: DocumentMut = text.parse().map_err(internal)?;
    // What stands at the file's end stays above what is added there.
    let at_end = !is_followed(&document, &place.tables);
    let end = document.trailing().as_str().unwrap_or_default().to_owned();
    let end = if at_end { end } else { String::new() };
    let mut added = false;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (depth, name) in place.tables.iter().enumerate() {
        let last = depth + 1 == place.tables.len();
        if !table.contains_key(name) {
            let mut fresh = Table::new();
            fresh.set_implicit(!last);
            if last {
                added = true;
                let blank = if text.trim().is_empty() { "" } else { "\n" };
                fresh.decor_mut().set_prefix(format!("{end}{blank}"));
            }
            table.insert(name, Item::Table(fresh));
        }
        table = table
            .get_mut(name)
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| internal(format!("{name} is no table")))?;
    }
    table.insert(place.name, Item::Value(value));
    if added && at_end {
        document.set_trailing("");
    }
    Ok(newlines_of(text, document.to_string()))
}

/// Whether a table that is added goes behind others of its parent, and something else comes after those.
fn is_followed(document: &DocumentMut, tables: &[&str]) -> bool {
    fn last(table: &Table) -> Option<isize> {
        let inner = table.iter().filter_map(|(_, item)| last(item.as_table()?));
        inner.max().max(table.position())
    }
    let (root, parents) = (document.as_table(), &tables[..tables.len() - 1]);
    let parent = parents
        .iter()
        .try_fold(root, |table, name| table.get(name)?.as_table());
    parent
        .and_then(last)
        .is_some_and(|behind| last(root).is_some_and(|end| behind < end))
}

/// Takes the key's line out, and no other: a comment above it is the person's.
fn unset(text: &str, place: &Place<'_>) -> Result<String> {
    let Some(at) = written(text, place)? else {
        return Ok(text.to_owned());
    };
    if at.braces {
        let mut document: DocumentMut = text.parse().map_err(internal)?;
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for name in &place.tables {
            table = table
                .get_mut(name)
                .and_then(Item::as_table_like_mut)
                .ok_or_else(|| internal(format!("{name} is no table")))?;
        }
        table.remove(place.name);
        return Ok(newlines_of(text, document.to_string()));
    }
    let from = text[..at.name.start].rfind('\n').map_or(0, |end| end + 1);
    let to = text[at.value.end..]
        .find('\n')
        .map_or(text.len(), |end| at.value.end + end + 1);
    Ok([&text[..from], &text[to..]].concat())
}

/// The text with the listeners that the defaults have.
fn with_listeners(text: &str, listeners: &[ListenerSpec]) -> Result<String> {
    let mut text = text.to_owned();
    for spec in listeners {
        let draft = ListenerDraft::from(spec);
        let of_tls = spec.protocol.is_secure();
        for key in &LISTENER_KEYS {
            let Some(value) = key.field.written(&draft) else {
                continue;
            };
            let is_default =
                key.name == "identity" && spec.identity == CertificateIdentity::default();
            if is_default || (!matches!(key.name, "bind" | "protocol") && !of_tls) {
                continue;
            }
            let place = Place {
                tables: vec![LISTENERS, &spec.name],
                name: key.name,
            };
            text = insert(&text, &place, value.parse().map_err(internal)?)?;
        }
    }
    Ok(text)
}

/// A text that was changed, with the ends of lines that it had.
fn newlines_of(before: &str, text: String) -> String {
    if before.contains("\r\n") {
        return text.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    text
}

#[cfg(test)]
mod tests;
