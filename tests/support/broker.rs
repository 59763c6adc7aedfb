//! `mqttwb broker run` on free ports with a data folder of its own, and identities that its authority signs.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Finished, Running, finish, product};

/// A listener on a free port that asks for nothing.
pub const TCP: &str = "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n";

/// One over TLS, which wants a certificate of its clients.
pub const TLS: &str =
    "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n";

/// One over WebSocket.
pub const WS: &str = "[listeners.ws]\nbind = \"127.0.0.1:0\"\nprotocol = \"ws\"\n";

/// One over WebSocket in TLS, which wants a certificate of its clients.
pub const WSS: &str =
    "[listeners.wss]\nbind = \"127.0.0.1:0\"\nprotocol = \"wss\"\nclient_cert = \"required\"\n";

/// A broker of this product, in a process of its own.
#[derive(Debug)]
pub struct Broker {
    /// Its process.
    pub process: Running,
    addresses: HashMap<String, SocketAddr>,
    data: TempDir,
}

/// The files that a client shows who it is with.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The authority that the client trusts the broker by.
    pub authority: PathBuf,
    /// The client's own; a client without it is anonymous.
    pub own: Option<Own>,
    /// The folder that was exported.
    pub folder: PathBuf,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Own {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Identity {
    /// Trusts the broker, and shows nothing of itself.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            own: None,
            ..self.clone()
        }
    }

    /// Trusts the broker, and shows what another authority has signed.
    #[must_use]
    pub fn showing(&self, other: &Self) -> Self {
        Self {
            own: other.own.clone(),
            ..self.clone()
        }
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Path {
        &self
            .own
            .as_ref()
            .expect("an identity with a certificate")
            .certificate
    }

    /// Its key.
    pub fn key(&self) -> &Path {
        &self.own.as_ref().expect("an identity with a key").key
    }
}

/// `mqttwb` on a data folder.
pub fn mqttwb(data: &Path) -> Command {
    let mut command = Command::new(product("mqttwb"));
    command.arg("--data").arg(data);
    command
}

/// Issues a device certificate into a folder of its name below the data folder.
pub fn issue(data: &Path, name: &str) -> Identity {
    let folder = data.join("issued").join(name);
    finish(
        mqttwb(data)
            .args(["cert", "issue", name, "--out"])
            .arg(&folder),
    )
    .success();
    Identity {
        authority: folder.join("ca.crt"),
        own: Some(Own {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        }),
        folder,
    }
}

impl Broker {
    /// A broker with a listener of each kind.
    pub fn start() -> Self {
        Self::with(&[TCP, TLS, WS, WSS].concat())
    }

    /// A broker with these listeners.
    pub fn with(config: &str) -> Self {
        stays_here(config);
        let data = tempfile::tempdir().expect("a temporary folder");
        let file = data.path().join("test.toml");
        fs::write(&file, config).expect("a file in a temporary folder");
        Self::run(
            data,
            &["broker", "run", "--config", &file.display().to_string()],
        )
    }

    /// `mqttwb` with these words on this data folder, once it is ready.
    pub fn run(data: TempDir, words: &[&str]) -> Self {
        let process = Running::start(mqttwb(data.path()).args(words));
        let (addresses, _) = process.find(0, |_, line| line.strip_prefix("ready ").map(addresses));
        Self {
            process,
            addresses,
            data,
        }
    }

    /// Where a listener is.
    pub fn address(&self, listener: &str) -> SocketAddr {
        *self
            .addresses
            .get(listener)
            .unwrap_or_else(|| panic!("no listener {listener} in {:?}", self.addresses))
    }

    /// The port that a listener is at.
    pub fn port(&self, listener: &str) -> u16 {
        self.address(listener).port()
    }

    /// Its listeners by name.
    pub fn listeners(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.addresses.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Issues a device certificate, beside the running broker.
    pub fn issue(&self, name: &str) -> Identity {
        issue(self.data(), name)
    }

    /// Ends it as an operator does, and tells how it ended.
    pub fn stop(self) -> Finished {
        self.process.signal("TERM");
        self.process.finish()
    }
}

/// Before anything is opened: no test listens where others on the network reach it.
fn stays_here(config: &str) {
    for line in config.lines().map(str::trim) {
        let here = ["bind = \"127.0.0.1:", "bind = \"[::1]:"];
        assert!(
            !line.starts_with("bind") || here.iter().any(|begin| line.starts_with(begin)),
            "{line} is not of this computer alone"
        );
    }
}

/// A data folder on which brokers run one after the other, with one tcp listener: what one left, the next finds.
#[derive(Debug)]
pub struct Patient {
    folder: TempDir,
}

impl Default for Patient {
    fn default() -> Self {
        Self::with("")
    }
}

impl Patient {
    /// A folder whose `broker.toml` says this, too.
    pub fn with(config: &str) -> Self {
        stays_here(config);
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("broker.toml"), format!("{TCP}{config}"))
            .expect("a file in a temporary folder");
        Self { folder }
    }

    /// Where the broker keeps what outlives it.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("broker.db")
    }

    /// What starts a broker.
    pub fn command(&self) -> Command {
        let mut command = mqttwb(self.folder.path());
        command.args(["broker", "run"]);
        command
    }

    /// A broker that is about to start.
    pub fn begin(&self) -> Running {
        Running::start(&mut self.command())
    }

    /// A broker that is ready, and where.
    pub fn start(&self) -> (Running, SocketAddr) {
        ready(self.begin())
    }
}

/// The same broker, once it is ready, and where its tcp listener is.
pub fn ready(process: Running) -> (Running, SocketAddr) {
    let (address, _) = process.find(0, |_, line| {
        addresses(line.strip_prefix("ready ")?).get("tcp").copied()
    });
    (process, address)
}

/// The `tcp=127.0.0.1:1883 tls=…` of the ready line.
fn addresses(words: &str) -> HashMap<String, SocketAddr> {
    words
        .split_whitespace()
        .map(|word| {
            let (name, address) = word.split_once('=').expect("NAME=ADDR in the ready line");
            let address = address.parse().expect("an address in the ready line");
            (name.to_owned(), address)
        })
        .collect()
}
