//! For tests only: a workbench on a temporary data folder, its broker on free loopback ports.
//!
//! Duty: give a test a broker that no other test meets. Not here: other people's clients and the programs
//! (`tests/support`). Invariant: no port is named, so tests run side by side.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use mqttwb_app::App;
use mqttwb_app::api::{BrokerStart, BrokerStatus};
use tempfile::TempDir;

/// One listener of each kind that asks for nothing but what is needed, each on a free port.
pub const LISTENERS: &str = r#"
[listeners.tcp]
bind = "127.0.0.1:0"
protocol = "tcp"

[listeners.tls]
bind = "127.0.0.1:0"
protocol = "tls"
client_cert = "required"

[listeners.ws]
bind = "127.0.0.1:0"
protocol = "ws"
"#;

/// A workbench of its own.
pub struct TestBroker {
    /// The workbench.
    pub app: App,
    data: TempDir,
}

impl TestBroker {
    /// A workbench whose broker is not started.
    ///
    /// # Panics
    ///
    /// Where the workbench can't be opened; a test has nothing to do then.
    pub async fn open() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        fs::write(data.path().join("broker.toml"), LISTENERS).expect("a file in it");
        let app = App::open(data.path().to_path_buf())
            .await
            .expect("a workbench on an empty folder");
        Self { app, data }
    }

    /// A workbench whose broker runs.
    ///
    /// # Panics
    ///
    /// Where it can't be started.
    pub async fn start() -> Self {
        let broker = Self::open().await;
        broker.run().await;
        broker
    }

    /// Starts the broker.
    ///
    /// # Panics
    ///
    /// Where it can't be started.
    pub async fn run(&self) -> BrokerStatus {
        self.app
            .broker_start(BrokerStart::default())
            .await
            .expect("free ports can be opened")
    }

    /// The workbench, and its data folder, which is there for as long as this is.
    pub fn into_parts(self) -> (App, TempDir) {
        (self.app, self.data)
    }

    /// Where a listener of a running broker is.
    ///
    /// # Panics
    ///
    /// Where there is none of that name.
    pub fn address(status: &BrokerStatus, listener: &str) -> SocketAddr {
        status
            .listeners
            .iter()
            .find(|found| found.name == listener)
            .and_then(|found| found.address.parse().ok())
            .unwrap_or_else(|| panic!("no listener {listener} in {status:?}"))
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }
}
