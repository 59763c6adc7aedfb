//! What can be asked of certificates, and the texts that connect a device with them.

use std::path::PathBuf;

use crate::api::*;
use crate::{App, CertificateDesk, Result, snippets};

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

    /// The certificates, and what can be done with them.
    pub fn desk(&self) -> &CertificateDesk {
        &self.desk
    }

    /// The authority and all that it has signed.
    pub async fn certificates(&self) -> Result<Certificates> {
        self.desk.overview().await
    }

    /// Makes a key and a certificate for a device.
    pub async fn device_issue(&self, request: DeviceRequest) -> Result<Certificate> {
        self.desk.issue(request).await
    }

    /// Writes the folder that a device is set up from.
    pub async fn device_export(&self, request: ExportRequest) -> Result<DeviceFolder> {
        self.desk.export(request).await
    }

    /// Writes what a device is set up from into this very folder.
    pub async fn device_export_into(&self, name: String, folder: PathBuf) -> Result<DeviceFolder> {
        self.desk.export_into(name, folder).await
    }
}
