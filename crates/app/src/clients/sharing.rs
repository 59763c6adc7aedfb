//! Clients and messages as a text, for another workbench and from another program.
//!
//! Not here: the formats (`profiles.rs`).
//! Invariant: no secret is in a text that was not asked for; what a text has and is not taken over is named.

use std::path::{Path, PathBuf};

use super::{TestClients, keep, profiles};
use crate::api::Imported;
use crate::{Result, files};

impl TestClients {
    /// Clients and messages as a text, for another workbench; secrets only where they are asked for.
    pub fn export(&self, ids: &[u32], secrets: bool) -> Result<String> {
        let kept = self.kept.lock();
        let chosen = kept
            .clients
            .iter()
            .filter(|(id, _)| ids.is_empty() || ids.contains(id))
            .map(|(_, entry)| match secrets {
                true => keep::with_secrets(&entry.config, &entry.secrets),
                false => keep::without_secrets(&entry.config),
            })
            .collect();
        profiles::write(chosen, kept.messages.clone())
    }

    /// Adds the clients and messages of a text. One that can't be read adds nothing.
    pub async fn import(&self, text: &str, folder: Option<&Path>) -> Result<Imported> {
        let read = profiles::read(text, folder)?;
        let mut left_out = read.left_out;
        let mut clients = Vec::new();
        for config in read.clients {
            let name = match config.name.as_str() {
                "" => config.client_id.clone(),
                name => name.to_owned(),
            };
            match self.add(config) {
                Ok(id) => clients.push(id),
                Err(error) => left_out.push(format!("{name}: {}", error.message)),
            }
        }
        let messages = read.messages.len();
        {
            let mut kept = self.kept.lock();
            for saved in read.messages {
                if !kept.messages.iter().any(|known| known.name == saved.name) {
                    kept.messages.push(saved);
                }
            }
        }
        self.save().await?;
        Ok(Imported {
            format: read.format.into(),
            clients,
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            left_out,
        })
    }
}

/// A file for an export that is not there yet.
pub(crate) fn free_export(data: &Path) -> Result<PathBuf> {
    let folder = directories::UserDirs::new()
        .and_then(|dirs| dirs.download_dir().map(Path::to_owned))
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| data.to_owned());
    for number in 1.. {
        let name = match number {
            1 => "mqtt-workbench-clients.json".to_owned(),
            number => format!("mqtt-workbench-clients-{number}.json"),
        };
        let path = folder.join(name);
        if !files::exists(&path)? {
            return Ok(path);
        }
    }
    Ok(folder.join("mqtt-workbench-clients.json"))
}
