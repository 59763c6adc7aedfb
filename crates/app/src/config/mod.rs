//! `broker.toml`: what a broker is started with, as a person writes it.
//!
//! Duty: read the file, say of every mistake which file, line and key, and what was expected, and explain what holds.
//! Not here: opening listeners. Invariant: a configuration that was read can be started, ports and certificate files
//! permitting; `keys` is the one place that says which keys there are.

mod change;
mod keys;
mod reading;
#[cfg(test)]
mod reference;
mod report;
#[cfg(test)]
mod tests;
mod units;
mod writing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mqttwb_broker::{Access, Limits, SharedStrategy};
use mqttwb_model::{CertificateIdentity, ClientCert, ListenerProtocol};
use mqttwb_store::Synchronous;

use crate::Result;
pub use crate::access::{Method, TokenSettings};
use crate::api::{ApiError, ErrorCode};
pub use crate::certificates::OwnFiles;
use keys::Field;
pub(crate) use report::{exposed, exposed_by};
pub use units::{parse_size, parse_time};
pub(crate) use writing::{change, remove_listener, write_listener};

/// The file's name in the data folder.
pub const FILE_NAME: &str = "broker.toml";

/// The store's name in the data folder.
pub const STORE_NAME: &str = "broker.db";

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSpec {
    /// `NAME` of `[listeners.NAME]`.
    pub name: String,
    /// Where it listens; port 0 is any free one.
    pub bind: SocketAddr,
    /// How it speaks.
    pub protocol: ListenerProtocol,
    /// What it asks of clients.
    pub client_cert: ClientCert,
    /// What of a client's certificate says who the client is.
    pub identity: CertificateIdentity,
    /// Its own certificate files.
    pub files: Option<OwnFiles>,
}

/// What outlives the broker, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persistence {
    /// Persistent sessions and retained messages outlive it.
    pub enabled: bool,
    /// The file that they are in; `None` is [`STORE_NAME`] in the data folder.
    pub path: Option<PathBuf>,
    /// What an acknowledged message outlives.
    pub synchronous: Synchronous,
}

impl Default for Persistence {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            synchronous: Synchronous::default(),
        }
    }
}

/// A broker's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Listeners, in the order of the file.
    pub listeners: Vec<ListenerSpec>,
    /// What clients may use up.
    pub limits: Limits,
    /// Who may come in.
    pub access: Access,
    /// What judges user names and passwords, in this order.
    pub methods: Vec<Method>,
    /// A listener may let in anybody from the network.
    pub allow_open: bool,
    /// Tokens that are taken.
    pub tokens: TokenSettings,
    /// What response topics begin with; `None` to say nothing of them.
    pub response_prefix: Option<String>,
    /// Which member of a shared subscription gets a message.
    pub shared_strategy: SharedStrategy,
    /// How often `$SYS` is published; zero is never.
    pub sys_interval: Duration,
    /// Bytes that captured packets may take.
    pub capture_memory: usize,
    /// What outlives it.
    pub persistence: Persistence,
}

impl Default for BrokerConfig {
    /// tcp at 1883, mutual TLS at 8883, WebSocket at 8083, from this computer only.
    fn default() -> Self {
        let spec = |name: &str, port, protocol, client_cert| ListenerSpec {
            name: name.into(),
            bind: ([127, 0, 0, 1], port).into(),
            protocol,
            client_cert,
            identity: CertificateIdentity::default(),
            files: None,
        };
        Self {
            listeners: vec![
                spec("tcp", 1883, ListenerProtocol::Tcp, ClientCert::None),
                spec("tls", 8883, ListenerProtocol::Tls, ClientCert::Required),
                spec("ws", 8083, ListenerProtocol::Ws, ClientCert::None),
            ],
            limits: Limits::default(),
            access: Access::default(),
            methods: vec![Method::Accounts, Method::Jwt],
            allow_open: false,
            tokens: TokenSettings::default(),
            response_prefix: None,
            shared_strategy: SharedStrategy::default(),
            sys_interval: Duration::from_secs(10),
            capture_memory: mqttwb_capture::DEFAULT_BUDGET,
            persistence: Persistence::default(),
        }
    }
}

/// What is written of a listener.
#[derive(Debug, Default)]
struct ListenerDraft {
    bind: Option<SocketAddr>,
    protocol: Option<ListenerProtocol>,
    client_cert: Option<ClientCert>,
    identity: Option<CertificateIdentity>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    crl: Option<PathBuf>,
}

impl From<&ListenerSpec> for ListenerDraft {
    fn from(spec: &ListenerSpec) -> Self {
        Self {
            bind: Some(spec.bind),
            protocol: Some(spec.protocol),
            client_cert: Some(spec.client_cert),
            // Without TLS there is none.
            identity: spec.protocol.is_secure().then_some(spec.identity),
            cert: spec.files.as_ref().map(|files| files.cert.clone()),
            key: spec.files.as_ref().map(|files| files.key.clone()),
            ca: spec.files.as_ref().and_then(|files| files.ca.clone()),
            crl: spec.files.as_ref().and_then(|files| files.crl.clone()),
        }
    }
}

/// The file that a configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    path: PathBuf,
    /// Without it there is no broker; otherwise the defaults stand in for it.
    required: bool,
}

impl ConfigFile {
    /// A file that somebody named.
    pub fn named(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            required: true,
        }
    }

    /// `broker.toml` of a data folder, which need not be there.
    pub fn of(data: &Path) -> Self {
        Self {
            path: data.join(FILE_NAME),
            required: false,
        }
    }

    /// Where it is, or would be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it.
    pub fn read(&self) -> Result<Config> {
        match self.text()? {
            Some(text) => Config::parse(&text, &self.path),
            None => Ok(Config::default()),
        }
    }

    /// What is written in it; `None` where it is not there and need not be.
    pub(crate) fn text(&self) -> Result<Option<String>> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.required => {
                Ok(None)
            }
            Err(error) => {
                let path = self.path.display();
                let told = format!("{path} can't be read: {error}");
                Err(ApiError::new(ErrorCode::Config, told)
                    .hint("Name a file that exists, or leave the option out to use the defaults."))
            }
        }
    }
}

/// A configuration, and where each value of it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// What holds.
    pub broker: BrokerConfig,
    /// The file; `None` where the defaults stand in for it.
    file: Option<PathBuf>,
    /// The line of each key that is written, as `mqtt.receive_maximum`; from 1.
    lines: BTreeMap<String, usize>,
}

impl Config {
    /// Reads a configuration; `path` is named in errors, and relative file names are relative to its folder.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        reading::parse(text, path)
    }
}

impl From<BrokerConfig> for Config {
    /// A configuration that is in no file.
    fn from(broker: BrokerConfig) -> Self {
        Self {
            broker,
            ..Self::default()
        }
    }
}
