//! Bundles: all that a device, or another broker, is set up from, as a folder or one zip file.
//!
//! Invariant: what is secret in a bundle is nobody else's to read, as a folder (0600) and as a zip (the whole file 0600).
//! File names in it come from here and from parsed device names, never from a text of somebody else.

mod brokers;
mod firmware;
mod programs;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use mqttwb_model::Timestamp;
use mqttwb_pki::{Certificate, DeviceName, Pkcs12, ServerName};
use zeroize::Zeroizing;

use super::folder::{readme, readme_command};
use super::{CertificateStore, certificate_error, chain_pem, device_name, input_error};
use crate::api::{ApiError, Bundle, BundleFormat, BundleRequest, ErrorCode};
use crate::words::sentence;
use crate::{Result, files};

/// The shortest passphrase of a PKCS #12 file.
const SHORTEST: usize = 4;

/// One file of a bundle.
pub(super) struct Part {
    /// Its path in the bundle, with `/`.
    path: String,
    bytes: Zeroizing<Vec<u8>>,
    secret: bool,
}

impl Part {
    fn open(path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            bytes: Zeroizing::new(text.into()),
            secret: false,
        }
    }

    fn secret(path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            secret: true,
            ..Self::open(path, text)
        }
    }
}

/// What bundles of a device are made of.
struct Device<'a> {
    name: &'a str,
    host: String,
    port: u16,
    ca: &'a Certificate,
    /// The device's certificate and those above it.
    chain: String,
    certificate: &'a Certificate,
    key: Zeroizing<String>,
    key_der: &'a [u8],
    topic: String,
}

/// The files, the line to try them, and what was not tried.
struct Made {
    parts: Vec<Part>,
    command: Option<String>,
    untried: Option<&'static str>,
}

impl CertificateStore {
    /// Writes a bundle of a device, or of a broker that trusts this authority.
    pub fn bundle(&self, request: &BundleRequest, tls_port: u16) -> Result<Bundle> {
        let name = device_name(&request.name)?;
        let host = match request.host.as_deref().map(str::trim) {
            None | Some("") => "localhost".to_owned(),
            Some(host) => {
                ServerName::try_from(host).map_err(|error| input_error(&error))?;
                host.to_owned()
            }
        };
        let port = request.port.unwrap_or(tls_port);
        let made = match request.format {
            BundleFormat::MosquittoBroker | BundleFormat::Emqx | BundleFormat::Rmqtt => {
                self.for_broker(request.format, &host, port)?
            }
            format => self.for_device(format, &name, host, port, request.passphrase.as_deref())?,
        };
        let parent = match &request.folder {
            Some(folder) => files::absolute(Path::new(folder))?,
            None => self.exports.clone(),
        };
        let stem = match request.format {
            BundleFormat::Pem => name.to_string(),
            format => format!("{name}-{}", short(format)),
        };
        let listed = made.parts.iter().map(|part| part.path.clone()).collect();
        let path = if request.zip {
            let path = parent.join(format!("{stem}.zip"));
            files::create_folder(&parent)?;
            files::write_secret_bytes(&path, &zipped(&stem, &made.parts)?)?;
            path
        } else {
            let folder = parent.join(&stem);
            write(&folder, &made.parts)?;
            folder
        };
        Ok(Bundle {
            path: path.display().to_string(),
            files: listed,
            command: made.command,
            untried: made.untried.map(str::to_owned),
        })
    }

    fn for_device(
        &self,
        format: BundleFormat,
        name: &DeviceName,
        host: String,
        port: u16,
        passphrase: Option<&str>,
    ) -> Result<Made> {
        let identity = self.device(name)?;
        let held = self.held();
        let device = Device {
            name: name.as_str(),
            host,
            port,
            ca: held.chain.anchor(),
            chain: chain_pem(&identity.certificate, &held.chain),
            certificate: &identity.certificate,
            key: identity.key.to_pem(),
            key_der: identity.key.der(),
            topic: format!("devices/{name}/hello"),
        };
        Ok(match format {
            BundleFormat::Pem => {
                let mut parts = pem(&device);
                parts.push(Part::open("README.md", readme(name, port)));
                Made {
                    parts,
                    command: Some(readme_command(name, port)),
                    untried: None,
                }
            }
            BundleFormat::Pkcs12 => {
                let passphrase = passphrase.unwrap_or_default();
                if passphrase.chars().count() < SHORTEST {
                    return Err(ApiError::new(
                        ErrorCode::InvalidInput,
                        format!(
                            "A PKCS #12 file needs a passphrase of at least {SHORTEST} characters."
                        ),
                    ));
                }
                let above = held.chain.certificates();
                let bytes = Pkcs12::write(name.as_str(), &identity, &above, passphrase)
                    .map_err(|error| certificate_error(&error))?;
                Made {
                    parts: vec![
                        Part::secret(format!("{name}.p12"), bytes),
                        Part::open("ca.crt", device.ca.to_pem()),
                    ],
                    command: Some(format!("openssl pkcs12 -info -noout -in {name}.p12")),
                    untried: None,
                }
            }
            BundleFormat::Arduino => firmware::arduino(&device),
            BundleFormat::EspIdf => firmware::esp_idf(&device),
            BundleFormat::MicroPython => firmware::micro_python(&device),
            BundleFormat::Python => programs::python(&device),
            BundleFormat::NodeJs => programs::node_js(&device),
            BundleFormat::MosquittoBroker | BundleFormat::Emqx | BundleFormat::Rmqtt => {
                return Err(ApiError::new(
                    ErrorCode::Internal,
                    "That is no device's bundle.",
                ));
            }
        })
    }

    fn for_broker(&self, format: BundleFormat, host: &str, port: u16) -> Result<Made> {
        let held = self.held();
        let mut names = mqttwb_pki::ServerNames::local();
        names = names.and(ServerName::try_from(host).map_err(|error| input_error(&error))?);
        let validity = mqttwb_pki::Validity::days_from(Timestamp::now(), super::SERVER_DAYS);
        let identity = held
            .signer()?
            .issue_server(&names, validity)
            .map_err(|error| certificate_error(&error))?;
        let chain: String = held
            .chain
            .certificates()
            .iter()
            .map(Certificate::to_pem)
            .collect();
        let parts = vec![
            Part::open("ca.crt", chain),
            Part::open("ca.crl", held.list.to_pem()),
            Part::open("server.crt", chain_pem(&identity.certificate, &held.chain)),
            Part::secret("server.key", identity.key.to_pem().as_bytes()),
        ];
        Ok(match format {
            BundleFormat::Emqx => brokers::emqx(parts, port),
            BundleFormat::Rmqtt => brokers::rmqtt(parts, port),
            _ => brokers::mosquitto(parts, port),
        })
    }
}

/// The three files that every program wants.
fn pem(device: &Device<'_>) -> Vec<Part> {
    vec![
        Part::open("ca.crt", device.ca.to_pem()),
        Part::open(format!("{}.crt", device.name), device.chain.as_bytes()),
        Part::secret(format!("{}.key", device.name), device.key.as_bytes()),
    ]
}

fn short(format: BundleFormat) -> &'static str {
    match format {
        BundleFormat::Pem => "pem",
        BundleFormat::Pkcs12 => "pkcs12",
        BundleFormat::Arduino => "arduino",
        BundleFormat::EspIdf => "esp-idf",
        BundleFormat::MicroPython => "micropython",
        BundleFormat::Python => "python",
        BundleFormat::NodeJs => "nodejs",
        BundleFormat::MosquittoBroker => "mosquitto",
        BundleFormat::Emqx => "emqx",
        BundleFormat::Rmqtt => "rmqtt",
    }
}

fn write(folder: &Path, parts: &[Part]) -> Result<()> {
    for part in parts {
        let path: PathBuf = folder.join(&part.path);
        files::create_folder(path.parent().unwrap_or(folder))?;
        if part.secret {
            files::write_secret_bytes(&path, &part.bytes)?;
        } else {
            files::write_bytes(&path, &part.bytes)?;
        }
    }
    Ok(())
}

fn zipped(stem: &str, parts: &[Part]) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |error: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Internal,
            sentence(format_args!("the zip file could not be made: {error}")),
        )
    };
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for part in parts {
        let mode = if part.secret { 0o600 } else { 0o644 };
        let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
        archive
            .start_file(format!("{stem}/{}", part.path), options)
            .map_err(|error| failed(&error))?;
        archive
            .write_all(&part.bytes)
            .map_err(|error| failed(&error))?;
    }
    let cursor = archive.finish().map_err(|error| failed(&error))?;
    Ok(Zeroizing::new(cursor.into_inner()))
}
