//! What can be asked of certificates, and the texts that connect a device with them.

use std::path::PathBuf;

use crate::api::*;
use crate::{App, Result, blocking, certificates, snippets};

impl App {
    /// Texts to paste that connect a device. A device's folder is exported where it is not yet.
    pub async fn snippets(&self, request: SnippetRequest) -> Result<Vec<Snippet>> {
        let listener = self
            .broker
            .status()
            .listeners
            .into_iter()
            .find(|listener| listener.name == request.listener)
            .ok_or_else(|| {
                let name = &request.listener;
                ApiError::new(ErrorCode::NotFound, format!("There is no listener {name}."))
            })?;
        let device = match request.device {
            Some(name) => Some(
                self.device_export(ExportRequest { name, folder: None })
                    .await?,
            ),
            None => None,
        };
        Ok(snippets::snippets(&listener, device.as_ref()))
    }

    /// The authority and all that it has signed.
    pub async fn certificates(&self) -> Result<Certificates> {
        let store = self.certificates.clone();
        blocking(move || store.overview()).await
    }

    /// Makes a key and a certificate for a device.
    pub async fn device_issue(&self, request: DeviceRequest) -> Result<Certificate> {
        let store = self.certificates.clone();
        blocking(move || store.issue(&request)).await
    }

    /// Writes the folder that a device is set up from.
    pub async fn device_export(&self, request: ExportRequest) -> Result<DeviceFolder> {
        let store = self.certificates.clone();
        let port = self.tls_port();
        blocking(move || store.export(&request, port)).await
    }

    /// Writes what a device is set up from into this very folder.
    pub async fn device_export_into(&self, name: String, folder: PathBuf) -> Result<DeviceFolder> {
        let store = self.certificates.clone();
        let port = self.tls_port();
        blocking(move || store.export_into(&name, &folder, port)).await
    }

    /// The port of the first listener that devices with certificates connect to.
    fn tls_port(&self) -> u16 {
        let listeners = self.broker.status().listeners;
        listeners
            .iter()
            .find(|listener| listener.protocol == Protocol::Tls)
            .map_or(certificates::DEFAULT_TLS_PORT, |listener| listener.port)
    }
}
