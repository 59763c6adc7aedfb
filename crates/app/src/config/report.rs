//! What holds, where it comes from, and what a person should know of it.

use std::path::Path;

use super::keys::{Applies, Field, KEYS, Key, LISTENER_KEYS, LISTENERS, section_doc};
use super::{Config, ListenerDraft, ListenerSpec};
use crate::api;
use crate::api::{
    ConfigReport, Finding, Fix, Setting, SettingApplies, SettingForm, SettingSection, Severity,
};

impl Config {
    /// Every key with its value.
    pub fn report(&self) -> ConfigReport {
        let defaults = Self::default();
        let listeners = self.broker.listeners.iter().flat_map(|spec| {
            let draft = ListenerDraft::from(spec);
            let prefix = format!("{LISTENERS}.{}", spec.name);
            LISTENER_KEYS
                .iter()
                .map(|key| self.setting(&prefix, key, &draft, &ListenerDraft::default()))
                .collect::<Vec<_>>()
        });
        let others = KEYS
            .iter()
            .map(|key| self.setting(key.section, key, &self.broker, &defaults.broker));
        let settings: Vec<Setting> = listeners.chain(others).collect();
        ConfigReport {
            sections: sections(&settings),
            file: self.file.as_ref().map(|path| path.display().to_string()),
            settings,
            restart: false,
            warnings: self.warnings(),
        }
    }

    /// The same, and where a broker that runs with `runs` goes by something else.
    pub(crate) fn report_beside(&self, runs: Option<&Self>) -> ConfigReport {
        let mut report = self.report();
        if let Some(runs) = runs {
            report.restart = runs.broker != self.broker;
            for theirs in runs.report().settings {
                let ours = report.settings.iter_mut().find(|s| s.key == theirs.key);
                if let Some(ours) = ours.filter(|ours| ours.text != theirs.text) {
                    ours.runs = Some(theirs.text.unwrap_or_default());
                }
            }
        }
        report
    }

    fn setting<T>(&self, prefix: &str, key: &Key<T>, holds: &T, defaults: &T) -> Setting {
        let path = format!("{prefix}.{}", key.name);
        Setting {
            section: prefix.to_owned(),
            value: key.field.written(holds),
            text: key.field.plain(holds),
            default_text: key.field.plain(defaults),
            form: key.field.form(),
            words: key.field.words(),
            runs: None,
            unit: key.field.unit().map(str::to_owned),
            default: key.field.written(defaults),
            // Markdown is for the reference page.
            absent: key.absent.map(|words| words.replace('`', "")),
            line: self.lines.get(&path).map(|line| *line as u32),
            key: path,
            expected: key.field.expected(),
            applies: key.applies.into(),
            doc: key.doc.to_owned(),
        }
    }

    fn warnings(&self) -> Vec<Finding> {
        let mut warnings = Vec::new();
        if self.broker.listeners.is_empty() {
            warnings.push(Finding::new(
                Severity::Warning,
                "There is no listener",
                "The file has the table listeners and nothing in it, so nobody can connect. Write one, or leave the table \
                 out for the defaults.",
            ));
        }
        for spec in &self.broker.listeners {
            warnings.extend(exposed_by(spec, self.broker.access.anonymous));
            warnings.extend(unreadable_files(spec));
        }
        warnings
    }
}

/// The tables of these keys, in their order.
fn sections(settings: &[Setting]) -> Vec<SettingSection> {
    let mut sections: Vec<SettingSection> = Vec::new();
    for Setting { section, .. } in settings {
        if sections.last().is_none_or(|last| last.name != *section) {
            let table = match section.split_once('.') {
                Some((LISTENERS, _)) => LISTENERS,
                _ => section,
            };
            sections.push(SettingSection {
                name: section.clone(),
                doc: section_doc(table).to_owned(),
            });
        }
    }
    sections
}

impl<T> Field<T> {
    /// How a person sets it.
    fn form(&self) -> SettingForm {
        match self {
            Self::Count { .. } => SettingForm::Number,
            Self::Size { .. } => SettingForm::Size,
            Self::Time { .. } | Self::Seconds { .. } => SettingForm::Time,
            Self::Flag(_) => SettingForm::Flag,
            Self::Word { .. } => SettingForm::Word,
            Self::Words { .. } | Self::Text { .. } | Self::Address(_) | Self::File(_) => {
                SettingForm::Text
            }
        }
    }

    /// The few words that it can be.
    fn words(&self) -> Vec<String> {
        match self {
            Self::Word { words, .. } => words.iter().map(|word| (*word).to_owned()).collect(),
            _ => Vec::new(),
        }
    }
}

impl From<Applies> for SettingApplies {
    fn from(applies: Applies) -> Self {
        match applies {
            Applies::Now => Self::Now,
            Applies::NewConnections => Self::NewConnections,
            Applies::Restart => Self::Restart,
        }
    }
}

/// A listener that lets anyone in.
pub(crate) fn exposed(
    name: &str,
    address: &str,
    loopback: bool,
    client_cert: api::ClientCert,
    anonymous: bool,
) -> Option<Finding> {
    let open = anonymous && client_cert != api::ClientCert::Required;
    if !open || loopback {
        return None;
    }
    let finding = Finding::new(
        Severity::Serious,
        format!("Listener {name} lets anyone in your network in"),
        format!(
            "It listens at {address} and asks for no certificate. Bind it to 127.0.0.1, make it tls with client_cert = \
             \"required\", or set access.anonymous = false in broker.toml and make accounts."
        ),
    );
    let port = address.rsplit_once(':').map_or("0", |(_, port)| port);
    let host = match address.starts_with('[') {
        true => "[::1]",
        false => "127.0.0.1",
    };
    let loopback = Fix::set(
        "Bind it to this computer",
        format!("listeners.{name}.bind"),
        format!("{host}:{port}"),
    )
    .at_the_price_of("From the next start no other computer reaches this listener.");
    let proof = Fix::set("Ask for proof", "access.anonymous", "false").at_the_price_of(
        "From the next start a client without an account, a token or a certificate is refused, at every listener.",
    );
    Some(finding.mended_by(loopback).mended_by(proof))
}

/// The same of a listener as it is written.
pub(crate) fn exposed_by(spec: &ListenerSpec, anonymous: bool) -> Option<Finding> {
    let loopback = spec.bind.ip().is_loopback();
    let address = spec.bind.to_string();
    exposed(
        &spec.name,
        &address,
        loopback,
        spec.client_cert.into(),
        anonymous,
    )
}

/// Certificate files that a start would not find.
fn unreadable_files(spec: &ListenerSpec) -> Vec<Finding> {
    let Some(files) = &spec.files else {
        return Vec::new();
    };
    let unreadable = |(key, path): (&str, &Path)| {
        let error = std::fs::File::open(path).err()?;
        Some(Finding::new(
            Severity::Serious,
            format!("Listener {} can't be opened", spec.name),
            format!("Its {key} is {}: {error}.", path.display()),
        ))
    };
    let ca = files.ca.as_deref().map(|path| ("ca", path));
    let crl = files.crl.as_deref().map(|path| ("crl", path));
    [("cert", files.cert.as_path()), ("key", files.key.as_path())]
        .into_iter()
        .chain(ca)
        .chain(crl)
        .filter_map(unreadable)
        .collect()
}
