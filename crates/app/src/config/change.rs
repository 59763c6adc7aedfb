//! What a file that was read again changes, and how much of it a broker that runs can take.

use super::keys::{Applies, KEYS, LISTENER_KEYS, LISTENERS};
use super::{BrokerConfig, Config, ListenerDraft, ListenerSpec};
use crate::api::{ConfigReloaded, SettingApplies, SettingChange};

impl Config {
    /// Takes what a broker that runs with this configuration can take of a newer one, and tells of both what was taken
    /// and what was not.
    pub(crate) fn take(&self, newer: &Self) -> (BrokerConfig, ConfigReloaded) {
        let mut taken = self.broker.clone();
        let mut told = ConfigReloaded {
            file: newer.file.as_ref().map(|path| path.display().to_string()),
            applied: Vec::new(),
            restart: self.listener_changes(newer),
        };
        for key in &KEYS {
            let from = key.field.written(&self.broker);
            let to = key.field.written(&newer.broker);
            if from == to {
                continue;
            }
            let change = SettingChange {
                key: format!("{}.{}", key.section, key.name),
                from,
                to,
                applies: key.applies.into(),
            };
            match key.applies {
                Applies::Now | Applies::NewConnections => {
                    key.field.copy(&newer.broker, &mut taken);
                    told.applied.push(change);
                }
                Applies::Restart => told.restart.push(change),
            }
        }
        (taken, told)
    }

    /// The same broker configuration with what is known of a file.
    pub(crate) fn with(&self, broker: BrokerConfig) -> Self {
        Self {
            broker,
            ..self.clone()
        }
    }

    fn listener_changes(&self, newer: &Self) -> Vec<SettingChange> {
        let (old, new) = (&self.broker.listeners, &newer.broker.listeners);
        let of = |all: &[ListenerSpec], name: &str| {
            let spec = all.iter().find(|spec| spec.name == name);
            spec.map(inline)
        };
        let added = new
            .iter()
            .filter(|spec| !old.iter().any(|o| o.name == spec.name));
        old.iter()
            .chain(added)
            .filter_map(|spec| {
                let (from, to) = (of(old, &spec.name), of(new, &spec.name));
                (from != to).then(|| SettingChange {
                    key: format!("{LISTENERS}.{}", spec.name),
                    from,
                    to,
                    applies: SettingApplies::Restart,
                })
            })
            .collect()
    }
}

/// A listener as an inline table.
fn inline(spec: &ListenerSpec) -> String {
    let draft = ListenerDraft::from(spec);
    let keys = LISTENER_KEYS.iter().filter_map(|key| {
        let value = key.field.written(&draft)?;
        Some(format!("{} = {value}", key.name))
    });
    format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
}
