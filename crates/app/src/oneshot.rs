//! What a command does that ends when it is done: certificates beside a running broker, a message, a subscription.
//!
//! Duty: the commands of a shell that need no workbench around them, for any broker. Not here: arguments and printing.
//! Invariant: nothing runs on after a call has returned.

pub mod access;
mod address;
mod messages;

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::api::{
    Certificates, ConfigReport, DeviceFolder, DeviceRequest, ExportRequest, InspectFileRequest,
    InspectedFile,
};
use crate::certificates::{CertificateStore, tls_port_of};
use crate::config::ConfigFile;
use crate::{Result, blocking};

pub use address::Address;
pub use messages::{Heard, Received, Remote, Subscriber, publish};

/// The configuration that a broker of this file would run with, explained. Nothing is opened, made or changed.
pub async fn check(file: ConfigFile) -> Result<ConfigReport> {
    blocking(move || Ok(file.read()?.report())).await
}

/// The authority of a data folder and all that it has signed.
pub async fn certificates(data: PathBuf) -> Result<Certificates> {
    blocking(move || CertificateStore::open(&data)?.overview()).await
}

/// Looks into a file of certificates. No data folder is opened or made.
pub async fn inspect_file(request: InspectFileRequest) -> Result<InspectedFile> {
    blocking(move || CertificateStore::inspect(None, &request)).await
}

/// Issues a device certificate, and writes the device's files: into the folder that is named itself, or into a folder of
/// the device's name below the default one. A passphrase opens the authority's key where that is locked.
pub async fn issue(
    data: PathBuf,
    request: DeviceRequest,
    out: Option<PathBuf>,
    passphrase: Option<String>,
) -> Result<DeviceFolder> {
    let passphrase = passphrase.map(Zeroizing::new);
    blocking(move || {
        let store = opened(&data, passphrase)?;
        let port = tls_port_of(&data);
        match out {
            Some(folder) => store.issue_into(&request, &folder, port),
            None => {
                store.issue(&request)?;
                store.export(&default_export(request.name), port)
            }
        }
    })
    .await
}

/// Writes the files of a device that was issued before, to the same places as [`issue`]. A passphrase opens its key where
/// that is locked.
pub async fn export(
    data: PathBuf,
    device: String,
    out: Option<PathBuf>,
    passphrase: Option<String>,
) -> Result<DeviceFolder> {
    let passphrase = passphrase.map(Zeroizing::new);
    blocking(move || {
        let store = opened(&data, passphrase)?;
        let port = tls_port_of(&data);
        match out {
            Some(folder) => store.export_into(&device, &folder, port),
            None => store.export(&default_export(device), port),
        }
    })
    .await
}

/// The store of a data folder. A passphrase opens its authority's key where that is locked.
fn opened(data: &Path, passphrase: Option<Zeroizing<String>>) -> Result<CertificateStore> {
    let store = CertificateStore::open(data)?;
    if let Some(passphrase) = passphrase {
        store.unlock(&passphrase)?;
    }
    Ok(store)
}

fn default_export(name: String) -> ExportRequest {
    ExportRequest { name, folder: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_command_of_a_readme_has_the_port_of_the_configuration() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(
            data.path().join("broker.toml"),
            "[listeners.secure]\nbind = \"127.0.0.1:8899\"\nprotocol = \"tls\"\n",
        )
        .unwrap();
        let request = DeviceRequest {
            name: "pump-7".into(),
            days: 1,
            ..DeviceRequest::default()
        };
        let out = data.path().join("out");
        let folder = issue(data.path().into(), request, Some(out.clone()), None)
            .await
            .unwrap();
        assert!(folder.command.contains("-p 8899"));
        let readme = std::fs::read_to_string(out.join("README.md")).unwrap();
        assert!(readme.contains("-p 8899"));
        let again = export(data.path().into(), "pump-7".into(), None, None)
            .await
            .unwrap();
        assert!(again.folder.ends_with("exports/pump-7"));
    }
}
