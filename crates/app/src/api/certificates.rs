use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
#[allow(missing_docs)]
pub enum CertificateKind {
    Authority,
    Server,
    Device,
}

/// Whether it can be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum CertificateState {
    Valid,
    /// It ends within 30 days.
    Expiring,
    Expired,
    NotYetValid,
}

/// A certificate as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Certificate {
    /// What it is for.
    pub kind: CertificateKind,
    /// The common name of its subject; for a device its name.
    pub name: String,
    /// The subject in the form `CN=pump-7`.
    pub subject: String,
    /// The issuer in the same form.
    pub issuer: String,
    /// Serial number, hexadecimal with colons.
    pub serial: String,
    /// Subject alternative names, as `DNS:localhost` and `IP:127.0.0.1`.
    pub names: Vec<String>,
    /// Valid from.
    #[ts(type = "number")]
    pub not_before: u64,
    /// Valid until.
    #[ts(type = "number")]
    pub not_after: u64,
    /// Whether it can be used now.
    pub state: CertificateState,
    /// The key, as `ECDSA P-256`.
    pub key: String,
    /// The signature, as `ECDSA with SHA-256`.
    pub signature: String,
    /// Key usages and extended key usages.
    pub usages: Vec<String>,
    /// SHA-256 fingerprint of the DER, hexadecimal with colons.
    pub fingerprint: String,
    /// The certificate itself. A private key never comes here.
    pub pem: String,
}

/// The authority and everything that it has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Certificates {
    /// The authority.
    pub authority: Certificate,
    /// The broker's own certificate.
    pub server: Certificate,
    /// Devices, by name.
    pub devices: Vec<Certificate>,
    /// The folder that exports go to unless another is named.
    pub export_folder: String,
}

/// A device certificate to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceRequest {
    /// The device's name: becomes the CN. 1 to 64 characters; letters, digits and `. _ -`.
    pub name: String,
    /// Days that it is valid for; 1 to 3650.
    pub days: u32,
}

/// A folder that a device can be set up from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceFolder {
    /// The device.
    pub name: String,
    /// The folder.
    pub folder: String,
    /// What is in it.
    pub files: Vec<String>,
    /// A `mosquitto_pub` line that works as it stands.
    pub command: String,
}

/// Where to export a device to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExportRequest {
    /// The device.
    pub name: String,
    /// The folder that the device's own folder is made in; the default one where it is left out.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder: Option<String>,
}
