use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::AuthorityKeys;

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
    /// It stands on the revocation list.
    Revoked,
}

/// What a certificate's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum KeyType {
    /// Small and quick; every TLS library takes it.
    #[default]
    EcdsaP256,
    /// For devices that know nothing else.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// Not for most small devices.
    #[serde(rename = "ed25519")]
    Ed25519,
}

// `pki` has it too: a pure crate knows neither the page nor the form of things on the way there. `certificates/words.rs` turns each into
// the other by a match over all of them.
/// Why a certificate was revoked (CRLReason, RFC 5280).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
#[allow(missing_docs)]
pub enum RevocationReason {
    #[default]
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    PrivilegeWithdrawn,
}

/// That a certificate was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Revocation {
    /// When.
    #[ts(type = "number")]
    pub at: u64,
    /// Why.
    pub reason: RevocationReason,
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
    /// Since when it is revoked and why, where it is.
    pub revoked: Option<Revocation>,
    /// Earlier certificates of the same name that are still good: the device has been renewed.
    pub superseded: u32,
    /// Its key is here. Not so where a device has made it itself.
    pub has_key: bool,
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

/// The list of what was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RevocationList {
    /// Who has signed it.
    pub issuer: String,
    /// Its number; each list has a greater one than that before.
    #[ts(type = "number")]
    pub number: u64,
    /// When it was signed.
    #[ts(type = "number")]
    pub this_update: u64,
    /// By when the next must be there. It is signed anew long before, while the workbench or a broker runs.
    #[ts(type = "number")]
    pub next_update: u64,
    /// Its time is over: nobody with a certificate is let in.
    pub expired: bool,
    /// How many certificates it names.
    pub count: u32,
}

/// The authority and everything that it has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Certificates {
    /// The root: what devices and brokers are told to trust.
    pub authority: Certificate,
    /// The authority below it that signs servers and devices; folders of earlier versions have none.
    pub issuing: Option<Certificate>,
    /// The root's key is encrypted with a passphrase.
    pub root_locked: bool,
    /// How the authority's keys are kept.
    pub keys: AuthorityKeys,
    /// The broker's own certificate.
    pub server: Certificate,
    /// Names that the server certificate has besides those of the listeners.
    pub server_names: Vec<String>,
    /// Devices, by name.
    pub devices: Vec<Certificate>,
    /// What is revoked.
    pub revocations: RevocationList,
    /// The folder that exports go to unless another is named.
    pub export_folder: String,
}

/// A device certificate to make.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceRequest {
    /// The device's name: becomes the CN. 1 to 64 characters; letters, digits and `. _ -`.
    pub name: String,
    /// Days that it is valid for; 1 to 3650.
    pub days: u32,
    /// Its key.
    #[ts(optional, as = "Option<KeyType>")]
    #[serde(default)]
    pub key: KeyType,
    /// Organization (O); none where it is empty.
    #[ts(optional, as = "Option<String>")]
    #[serde(default)]
    pub organization: String,
    /// Organizational unit (OU); none where it is empty.
    #[ts(optional, as = "Option<String>")]
    #[serde(default)]
    pub unit: String,
    /// Alternative names, as `DNS:pump-7.local`, `IP:10.0.0.7`, `URI:urn:dev:pump-7`.
    #[ts(optional, as = "Option<Vec<String>>")]
    #[serde(default)]
    pub names: Vec<String>,
    /// A certificate request (PEM) that the device has made: then it has the key, and none is made here.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// A device certificate to make anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RenewRequest {
    /// The device.
    pub name: String,
    /// Days that the new one is valid for; 1 to 3650.
    pub days: u32,
    /// With a new key; otherwise the device keeps its own, and the new certificate alone must be brought to it.
    pub new_key: bool,
    /// The one before is revoked at once, as superseded. Otherwise it stays good until it ends.
    pub revoke_old: bool,
}

/// A device to be let in no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RevokeRequest {
    /// The device: every certificate of its that is still good is revoked.
    pub name: String,
    /// Why.
    pub reason: RevocationReason,
}

/// What a revocation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RevocationDone {
    /// The device.
    pub name: String,
    /// Serial numbers of the certificates that are revoked now.
    pub serials: Vec<String>,
    /// Connections that were ended; `None` where no broker runs on the folder.
    pub connections: Option<u32>,
    /// The list that says so.
    pub list: RevocationList,
}

/// An authority to make in place of the one that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AuthorityRequest {
    /// Its name (CN); one with eight random digits where it is empty.
    #[serde(default)]
    pub name: String,
    /// Its organization (O); none where it is empty.
    #[serde(default)]
    pub organization: String,
    /// The keys of the root and of the issuing authority.
    #[serde(default)]
    pub key: KeyType,
    /// Days that it signs for; 30 to 10,957.
    pub days: u32,
    /// Encrypts the root's key; it is needed again to make another issuing authority and to export the root.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
}

/// An authority that somebody has, to be taken over in place of the one that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AuthorityImport {
    /// A PEM file with certificate and key, or a PKCS #12 file.
    pub path: String,
    /// The key's file, where it is another.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What opens the key or the PKCS #12 file.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WrittenFiles {
    /// Where.
    pub folder: String,
    /// Their names.
    pub files: Vec<String>,
}

/// Devices that are issued one after the other, from a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BatchProgress {
    /// How many the list has.
    pub total: u32,
    /// How many are issued.
    pub issued: u32,
    /// It goes on.
    pub running: bool,
    /// It was stopped before its end.
    pub cancelled: bool,
    /// Lines that were not issued, and why.
    pub failed: Vec<BatchFailure>,
    /// The folder with a folder for each device.
    pub folder: String,
}

/// A line of a list that was not issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BatchFailure {
    /// The line in the file, from 1.
    pub line: u32,
    /// The device.
    pub name: String,
    /// Why.
    pub why: String,
}

/// What somebody wants to know of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct InspectFileRequest {
    /// The file's bytes, Base64; from a page.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    /// Or where it is.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What opens it.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
    /// The host that a device connects to.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The peer trusts this authority of the workbench. Otherwise no trust is asked for.
    #[serde(default)]
    pub trust_own: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum FaultSeverity {
    /// Worth knowing.
    Note,
    /// Some peers refuse it, or all of them soon.
    Warning,
    /// Peers refuse it.
    Refused,
}

/// Something about a certificate that a peer would find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CertificateFault {
    /// How bad it is.
    pub severity: FaultSeverity,
    /// Which rule: `expired`, `host-name`, `usage` ….
    pub code: String,
    /// What is so.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct InspectedFile {
    /// `PEM`, `DER` or `PKCS #12`.
    pub form: String,
    /// Its certificates, in the order of the file.
    pub certificates: Vec<Certificate>,
    /// Its keys, in words; none is shown.
    pub keys: Vec<String>,
    /// Its requests, in words.
    pub requests: Vec<String>,
    /// Its revocation lists.
    pub lists: Vec<RevocationList>,
    /// Parts that could not be read, and why.
    pub unreadable: Vec<String>,
    /// What would make a peer refuse the first certificate, the worst first.
    pub faults: Vec<CertificateFault>,
}

/// What a device is set up from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum BundleFormat {
    /// PEM files and a README.
    #[default]
    Pem,
    /// One PKCS #12 file under a passphrase.
    Pkcs12,
    /// A header and a sketch for ESP32 with the Arduino core.
    Arduino,
    /// An ESP-IDF project.
    EspIdf,
    /// MicroPython.
    MicroPython,
    /// Python with paho-mqtt.
    Python,
    /// Node.js with MQTT.js.
    NodeJs,
    /// A mosquitto broker that trusts this authority.
    MosquittoBroker,
    /// An EMQX broker that trusts this authority.
    Emqx,
    /// An RMQTT broker that trusts this authority.
    Rmqtt,
}

/// A bundle to write.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BundleRequest {
    /// The device; for a broker's configuration the folder is named by it alone.
    pub name: String,
    /// What for.
    pub format: BundleFormat,
    /// The folder that the bundle's own is made in; the default one where it is left out.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// One zip file in place of a folder.
    #[serde(default)]
    pub zip: bool,
    /// The passphrase of a PKCS #12 file.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
    /// The host that the device connects to; `localhost` where it is left out.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// And the port; that of the tls listener where it is left out.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Bundle {
    /// The folder, or the zip file.
    pub path: String,
    /// What is in it.
    pub files: Vec<String>,
    /// What to run to see that it works, where there is something.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<String>,
    /// What was not tried of it.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub untried: Option<String>,
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
