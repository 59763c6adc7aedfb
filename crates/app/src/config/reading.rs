//! From the text of a file to a configuration, or to everything that is wrong with it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use mqttwb_model::ClientCert;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Field, KEYS, Key, LISTENER_KEYS, LISTENERS, NEVER, TO_COME};
use super::{BrokerConfig, Config, ListenerDraft, ListenerSpec, OwnFiles, units};
use crate::Result;
use crate::api::{ApiError, ErrorCode};

/// How alike a name must be to be taken for a slip of the pen: 1 is the same.
const ALIKE: f64 = 0.7;
/// What each listener must say.
const REQUIRED: [&str; 2] = ["bind", "protocol"];
/// Mistakes that are told at once; there is no use in a page of them.
const TOLD: usize = 10;

pub(super) fn parse(text: &str, path: &Path) -> Result<Config> {
    let mut reading = Reading {
        text,
        path,
        lines: BTreeMap::new(),
        mistakes: Vec::new(),
    };
    let broker = match DeTable::parse(text) {
        Ok(root) => reading.root(root.get_ref()),
        Err(error) => {
            let place = error.span().map(|span| reading.line(span.start));
            let what = format!("not TOML: {}", error.message());
            reading.mistakes.push((place.unwrap_or(0), what));
            BrokerConfig::default()
        }
    };
    if reading.mistakes.is_empty() {
        return Ok(Config {
            broker,
            file: Some(path.to_owned()),
            lines: reading.lines,
        });
    }
    Err(reading.told())
}

struct Reading<'a> {
    text: &'a str,
    path: &'a Path,
    lines: BTreeMap<String, usize>,
    /// Each with its line; 0 where it has none.
    mistakes: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn mistake<T>(&mut self, at: &Spanned<T>, key: &str, what: impl std::fmt::Display) {
        let line = self.line(at.span().start);
        self.mistakes.push((line, format!("{key}: {what}")));
    }

    fn expected(&mut self, key: &str, expected: &str, found: &Spanned<DeValue<'_>>) {
        let text = &self.text[found.span()];
        // An array or a table may be long.
        let first = text.lines().next().unwrap_or_default();
        self.mistake(found, key, format!("expected {expected}, found {first}"));
    }

    /// Everything that is wrong, a line each.
    fn told(mut self) -> ApiError {
        self.mistakes.sort_by_key(|(line, _)| *line);
        let more = self.mistakes.len().saturating_sub(TOLD);
        let mut lines: Vec<String> = self
            .mistakes
            .iter()
            .take(TOLD)
            .map(|(line, what)| match line {
                0 => format!("{}: {what}", self.path.display()),
                n => format!("{}, line {n}: {what}", self.path.display()),
            })
            .collect();
        if more > 0 {
            lines.push(format!("and {more} mistakes more"));
        }
        ApiError::new(ErrorCode::Config, lines.join("\n"))
    }

    fn root(&mut self, root: &DeTable<'_>) -> BrokerConfig {
        let mut config = BrokerConfig::default();
        let mut sections: Vec<&str> = vec![LISTENERS];
        for key in &KEYS {
            if !sections.contains(&key.section) {
                sections.push(key.section);
            }
        }
        for (name, value) in root {
            match (name.get_ref().as_ref(), value.get_ref()) {
                (LISTENERS, DeValue::Table(listeners)) => {
                    config.listeners = listeners
                        .iter()
                        .filter_map(|(name, value)| self.listener(name, value))
                        .collect();
                }
                (LISTENERS, _) => {
                    self.expected(LISTENERS, "tables such as [listeners.tcp]", value);
                }
                (section, DeValue::Table(table)) if sections.contains(&section) => {
                    self.section(section, table, &sections, &mut config);
                }
                (section, _) if sections.contains(&section) => {
                    self.expected(section, &format!("a table, [{section}]"), value);
                }
                (unknown, _) => self.unknown(name, unknown, unknown, &sections),
            }
        }
        config
    }

    /// Reads a table, and those inside it.
    fn section(
        &mut self,
        section: &str,
        table: &DeTable<'_>,
        sections: &[&str],
        config: &mut BrokerConfig,
    ) {
        let inner = |name: &str| {
            let path = format!("{section}.{name}");
            sections.iter().find(|known| **known == path)
        };
        let mut own = DeTable::new();
        for (name, value) in table {
            match (inner(name.get_ref()), value.get_ref()) {
                (Some(path), DeValue::Table(table)) => {
                    self.section(path, table, sections, config);
                }
                (Some(path), _) => self.expected(path, &format!("a table, [{path}]"), value),
                (None, _) => {
                    own.insert(name.clone(), value.clone());
                }
            }
        }
        let keys = KEYS.iter().filter(|key| key.section == section);
        self.table(section, &own, keys.collect(), config);
    }

    /// Reads the keys of one table.
    fn table<T>(&mut self, prefix: &str, table: &DeTable<'_>, keys: Vec<&Key<T>>, into: &mut T) {
        for (name, value) in table {
            let path = format!("{prefix}.{}", name.get_ref());
            let Some(key) = keys.iter().find(|key| key.name == name.get_ref()) else {
                if let Some((_, why)) = TO_COME.iter().find(|(key, _)| *key == path) {
                    self.mistake(name, &path, why);
                    continue;
                }
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                self.unknown(name, name.get_ref(), &path, &names);
                continue;
            };
            let line = self.line(name.span().start);
            self.lines.insert(path.clone(), line);
            if self::value(&key.field, value, into, self.path).is_none() {
                self.expected(&path, &key.field.expected(), value);
            }
        }
    }

    fn unknown(&mut self, at: &Spanned<Cow<'_, str>>, name: &str, path: &str, known: &[&str]) {
        let alike = known
            .iter()
            .map(|known| (strsim::jaro_winkler(name, known), known))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .filter(|(alike, _)| *alike > ALIKE);
        let meant = match alike {
            Some((_, known)) => format!("did you mean {known}? "),
            None => String::new(),
        };
        let what = format!("no such key; {meant}expected one of {}", known.join(", "));
        self.mistake(at, path, what);
    }

    fn listener(
        &mut self,
        name: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<ListenerSpec> {
        let prefix = format!("{LISTENERS}.{}", name.get_ref());
        let DeValue::Table(table) = value.get_ref() else {
            self.expected(&prefix, "a table with bind and protocol", value);
            return None;
        };
        let before = self.mistakes.len();
        let mut draft = ListenerDraft::default();
        self.table(&prefix, table, LISTENER_KEYS.iter().collect(), &mut draft);
        // What is wrong is not missing, too.
        let missing = |key: &str| !table.iter().any(|(name, _)| name.get_ref() == key);
        for key in &LISTENER_KEYS {
            if REQUIRED.contains(&key.name) && missing(key.name) {
                let path = format!("{prefix}.{}", key.name);
                let what = format!("missing; expected {}", key.field.expected());
                self.mistake(name, &path, what);
            }
        }
        if self.mistakes.len() > before {
            return None;
        }
        if let Some(protocol) = draft.protocol.filter(|protocol| !protocol.is_secure()) {
            for (key, _) in table {
                let of_tls = matches!(
                    key.get_ref().as_ref(),
                    "client_cert" | "identity" | "cert" | "key" | "ca" | "crl"
                );
                let harmless =
                    key.get_ref() == "client_cert" && draft.client_cert == Some(ClientCert::None);
                if of_tls && !harmless {
                    let path = format!("{prefix}.{}", key.get_ref());
                    let what = format!(
                        "a {protocol} listener has no TLS; expected protocol \"tls\" or \"wss\" with it"
                    );
                    self.mistake(key, &path, what);
                }
            }
        }
        if draft.crl.is_some() && draft.ca.is_none() {
            let what = "missing; expected the file of the authorities whose lists crl has";
            self.mistake(name, &format!("{prefix}.ca"), what);
        }
        let crl = draft.crl;
        let files = match (draft.cert, draft.key, draft.ca) {
            (Some(cert), Some(key), ca) => Some(OwnFiles { cert, key, ca, crl }),
            (None, None, None) => None,
            (None, _, _) => {
                let what =
                    "missing; expected the file of the certificate that goes with key and ca";
                self.mistake(name, &format!("{prefix}.cert"), what);
                None
            }
            (Some(_), None, _) => {
                let what = "missing; expected the file of the private key that goes with cert";
                self.mistake(name, &format!("{prefix}.key"), what);
                None
            }
        };
        if self.mistakes.len() > before {
            return None;
        }
        let protocol = draft.protocol?;
        Some(ListenerSpec {
            name: name.get_ref().to_string(),
            bind: draft.bind?,
            protocol,
            client_cert: draft.client_cert.unwrap_or(if protocol.is_secure() {
                ClientCert::Required
            } else {
                ClientCert::None
            }),
            identity: draft.identity.unwrap_or_default(),
            files,
        })
    }
}

/// Sets a field; `None` where the value is not one of it. `path` is the file that it stands in.
pub(super) fn value<T>(
    field: &Field<T>,
    value: &Spanned<DeValue<'_>>,
    into: &mut T,
    path: &Path,
) -> Option<()> {
    let value = value.get_ref();
    match field {
        Field::Count { from, to, slot, .. } => {
            let number = whole(value)?;
            (slot.set)(into, Some(number).filter(|n| (*from..=*to).contains(n))?);
        }
        Field::Size { from, to, slot } => {
            let bytes = match value {
                DeValue::String(text) => units::parse_size(text)?,
                other => whole(other)?,
            };
            (slot.set)(into, Some(bytes).filter(|n| (*from..=*to).contains(n))?);
        }
        Field::Time { from, to, slot } => {
            let time = match value {
                DeValue::String(text) => units::parse_time(text)?,
                other => std::time::Duration::from_secs(whole(other)?),
            };
            (slot.set)(into, Some(time).filter(|t| (*from..=*to).contains(t))?);
        }
        Field::Seconds { to, slot } => {
            let seconds = match value {
                DeValue::String(text) if text == "never" => NEVER,
                DeValue::String(text) => {
                    let time = units::parse_time(text)?;
                    Some(time.as_secs()).filter(|_| time.subsec_nanos() == 0)?
                }
                other => whole(other)?,
            };
            (slot.set)(into, Some(seconds).filter(|n| n <= to)?);
        }
        Field::Flag(slot) => (slot.set)(into, value.as_bool()?),
        Field::Text { slot, .. } => {
            (slot.set)(
                into,
                Some(value.as_str()?).filter(|t| !t.is_empty())?.into(),
            );
        }
        Field::Word { words, slot } => {
            let text = value.as_str()?;
            (slot.set)(into, words.iter().position(|word| *word == text)?);
        }
        Field::Words { words, slot } => {
            let mut places = Vec::new();
            for word in value.as_array()? {
                let word = word.get_ref().as_str()?;
                let place = words.iter().position(|known| *known == word)?;
                if places.contains(&place) {
                    return None;
                }
                places.push(place);
            }
            (slot.set)(into, places);
        }
        Field::Address(slot) => (slot.set)(into, value.as_str()?.parse().ok()?),
        Field::File(slot) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            (slot.set)(into, folder.join(value.as_str()?));
        }
    }
    Some(())
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl<T> Field<T> {
    /// What is to be written, in words.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Count { from, to, .. } => format!("a whole number from {from} to {to}"),
            Self::Size { from, to, .. } => {
                let (from, to) = (units::size(*from), units::size(*to));
                format!("a number of bytes, or a text such as \"64 MiB\", from {from} to {to}")
            }
            Self::Time { from, to, .. } => {
                let (from, to) = (units::time(*from), units::time(*to));
                format!("a number of seconds, or a text such as \"10 s\", from {from} to {to}")
            }
            Self::Seconds { to, .. } => {
                let to = units::seconds(*to);
                format!("whole seconds, or a text such as \"5 min\", from 0 s to {to}")
            }
            Self::Flag(_) => "true or false".to_owned(),
            Self::Text { what, .. } => format!("{what}, in quotes"),
            Self::Word { words, .. } => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Words { words, .. } => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("a list of {}, each once", words.join(", "))
            }
            Self::Address(_) => "an address with a port, such as \"127.0.0.1:1883\"".to_owned(),
            Self::File(_) => "the name of a file, in quotes".to_owned(),
        }
    }

    /// What a number is a number of.
    pub(super) fn unit(&self) -> Option<&'static str> {
        match self {
            Self::Count { unit, .. } => Some(unit),
            Self::Size { .. } => Some("bytes"),
            Self::Time { .. } | Self::Seconds { .. } => Some("seconds"),
            Self::Flag(_)
            | Self::Text { .. }
            | Self::Word { .. }
            | Self::Words { .. }
            | Self::Address(_)
            | Self::File(_) => None,
        }
    }

    /// The value as it would be written; `None` where there is none.
    pub(super) fn written(&self, from: &T) -> Option<String> {
        let plain = self.plain(from)?;
        Some(match self {
            Self::Count { .. } | Self::Flag(_) => plain,
            Self::Words { words, slot } => {
                let written = |place: &usize| Some(toml::Value::from(*words.get(*place)?));
                let places = (slot.get)(from)?;
                toml::Value::Array(places.iter().filter_map(written).collect()).to_string()
            }
            _ => toml::Value::from(plain).to_string(),
        })
    }

    /// The value as a person says it, without quotes.
    pub(super) fn plain(&self, from: &T) -> Option<String> {
        Some(match self {
            Self::Count { slot, .. } => (slot.get)(from)?.to_string(),
            Self::Size { slot, .. } => units::size((slot.get)(from)?),
            Self::Time { slot, .. } => units::time((slot.get)(from)?),
            Self::Seconds { slot, .. } => units::seconds((slot.get)(from)?),
            Self::Flag(slot) => (slot.get)(from)?.to_string(),
            Self::Text { slot, .. } => (slot.get)(from)?,
            Self::Word { words, slot } => (*words.get((slot.get)(from)?)?).to_owned(),
            Self::Words { words, slot } => {
                let places = (slot.get)(from)?;
                let word = |place: &usize| words.get(*place).copied();
                let written: Vec<&str> = places.iter().filter_map(word).collect();
                written.join(", ")
            }
            Self::Address(slot) => (slot.get)(from)?.to_string(),
            Self::File(slot) => (slot.get)(from)?.display().to_string(),
        })
    }
}
