//! Clients and messages between two starts of the app: `DATA/clients.json`, and their secrets apart from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::vault::{Secrets, Use, Vault};
use crate::api::{
    ApiError, ClientConfig, ErrorCode, KeptBy, SavedMessage, Secret, Target, TlsIdentity,
};
use crate::words::sentence;
use crate::{Result, files};

/// The format of `clients.json`.
const VERSION: u32 = 1;

/// A configuration whose secrets were taken out, and they.
pub(super) struct Settled {
    pub config: ClientConfig,
    pub secrets: Secrets,
}

/// Takes the secrets out of a configuration; `stored` are those that it had before.
pub(super) fn settle(mut config: ClientConfig, stored: &Secrets) -> Settled {
    let mut secrets = Secrets::new();
    each(&mut config, |of, secret| {
        let kept = match std::mem::take(secret) {
            Secret::None => None,
            Secret::New { value } if value.is_empty() => None,
            Secret::New { value } => Some(Zeroizing::new(value)),
            Secret::Stored => stored.get(&of).cloned(),
        };
        if let Some(kept) = kept {
            *secret = Secret::Stored;
            secrets.insert(of, kept);
        }
    });
    Settled { config, secrets }
}

/// A configuration with its secrets in it, for an export that asks for them.
pub(super) fn with_secrets(config: &ClientConfig, secrets: &Secrets) -> ClientConfig {
    let mut config = config.clone();
    each(&mut config, |of, secret| {
        *secret = match secrets.get(&of) {
            Some(value) => Secret::New {
                value: value.to_string(),
            },
            None => Secret::None,
        };
    });
    config
}

/// A configuration that does not even say that there are secrets.
pub(super) fn without_secrets(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    each(&mut config, |_, secret| *secret = Secret::None);
    config
}

/// Every place of a configuration that a secret can be in.
fn each(config: &mut ClientConfig, mut at: impl FnMut(Use, &mut Secret)) {
    at(Use::Password, &mut config.password);
    at(
        Use::Authentication,
        &mut config.properties.authentication_data,
    );
    if let Target::Remote(remote) = &mut config.target {
        if let Some(proxy) = &mut remote.proxy {
            at(Use::ProxyPassword, &mut proxy.password);
        }
        if let TlsIdentity::Files { passphrase, .. } = &mut remote.tls.identity {
            at(Use::Passphrase, passphrase);
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    version: u32,
    clients: Vec<StoredClient>,
    #[serde(default)]
    messages: Vec<SavedMessage>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredClient {
    id: u32,
    config: ClientConfig,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub clients: Vec<(u32, ClientConfig, Secrets)>,
    pub messages: Vec<SavedMessage>,
    /// Clients whose secrets can't be opened.
    pub without_secrets: Vec<u32>,
}

/// The files that clients are kept in.
pub(super) struct Files {
    clients: PathBuf,
    vault: Vault,
}

impl Files {
    pub fn of(data: &Path) -> Self {
        Self {
            clients: data.join("clients.json"),
            vault: Vault::of(data),
        }
    }

    /// What was kept; nothing where there is no file.
    pub fn read(&self) -> Result<Found> {
        if !files::exists(&self.clients)? {
            return Ok(Found::default());
        }
        let unreadable = |why: &dyn std::fmt::Display| {
            let path = self.clients.display();
            ApiError::new(
                ErrorCode::File,
                sentence(format_args!("{path} can't be read: {why}")),
            )
            .hint("Mend it or move it away: without it there are no test clients, and nothing else is lost.")
        };
        let stored: Stored = serde_json::from_str(&files::read(&self.clients)?)
            .map_err(|error| unreadable(&error))?;
        if stored.version > VERSION {
            return Err(unreadable(&format_args!(
                "a later version of this program wrote it (format {})",
                stored.version
            )));
        }
        let (mut secrets, without_secrets) = self.vault.open()?;
        let clients = stored.clients.into_iter().map(|client| {
            let kept = secrets.remove(&client.id).unwrap_or_default();
            let settled = settle(client.config, &kept);
            (client.id, settled.config, settled.secrets)
        });
        Ok(Found {
            clients: clients.collect(),
            messages: stored.messages,
            without_secrets,
        })
    }

    /// What has the key of the secrets.
    pub fn secrets_kept_by(&self) -> Result<Option<KeptBy>> {
        self.vault.kept_by()
    }

    /// Puts this in place of what was kept. The secrets go first: a client whose secrets are missing would lose them.
    pub fn write(
        &self,
        clients: Vec<(u32, ClientConfig, Secrets)>,
        messages: Vec<SavedMessage>,
    ) -> Result<()> {
        let mut secrets = BTreeMap::new();
        let mut stored = Stored {
            version: VERSION,
            clients: Vec::new(),
            messages,
        };
        for (id, config, own) in clients {
            stored.clients.push(StoredClient { id, config });
            secrets.insert(id, own);
        }
        self.vault.keep(&secrets)?;
        let text = serde_json::to_string_pretty(&stored).map_err(|error| {
            ApiError::new(
                ErrorCode::Internal,
                sentence(format_args!("clients.json: {error}")),
            )
        })?;
        files::write_secret(&self.clients, &text)
    }
}
