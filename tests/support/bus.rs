//! A session bus of its own, and on it a stand-in for the desktop's service of notifications.
//!
//! Duty: take what a program asks that service to show, by the Desktop Notifications Specification 1.2.
//! Not here: the bus of who runs the tests. Invariant: nothing is started by this bus, and it ends with this value.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use zbus::Connection;
use zbus::zvariant::OwnedValue;

use crate::process::{DEADLINE, Running};

/// Anybody may own a name, talk to anybody and hear the answers: nobody but the test is there.
const CONFIG: &str = "<busconfig><type>session</type><listen>unix:dir=FOLDER</listen><auth>EXTERNAL</auth>\
    <policy context=\"default\"><allow own=\"*\"/><allow send_destination=\"*\" eavesdrop=\"true\"/>\
    <allow eavesdrop=\"true\"/></policy></busconfig>";

/// What a program wants to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What the program calls itself.
    pub app: String,
    /// The heading.
    pub summary: String,
    /// The text below it.
    pub body: String,
}

/// The bus, and what was shown on it.
pub struct Bus {
    address: String,
    shown: Arc<Mutex<Vec<Notification>>>,
    // In the order that they end in: the service, then the bus, then its socket.
    _service: Connection,
    _daemon: Running,
    _folder: TempDir,
}

impl Bus {
    /// Starts both.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("bus.conf");
        let text = CONFIG.replace("FOLDER", &folder.path().display().to_string());
        fs::write(&config, text).expect("a file in it");
        let daemon = Running::start(
            Command::new("dbus-daemon")
                .arg(format!("--config-file={}", config.display()))
                .args(["--nofork", "--print-address=1"]),
        );
        let (address, _) = daemon.find(0, |_, line| {
            line.starts_with("unix:").then(|| line.to_owned())
        });
        let shown = Arc::default();
        let service = Service {
            shown: Arc::clone(&shown),
        };
        let service = zbus::connection::Builder::address(address.as_str())
            .and_then(|builder| builder.name("org.freedesktop.Notifications"))
            .and_then(|builder| builder.serve_at("/org/freedesktop/Notifications", service))
            .expect("a name and a path");
        let service = tokio::time::timeout(DEADLINE, service.build()).await;
        Self {
            address,
            shown,
            _service: service
                .expect("the bus answers")
                .expect("the bus takes the service"),
            _daemon: daemon,
            _folder: folder,
        }
    }

    /// Where it is, as `DBUS_SESSION_BUS_ADDRESS` says it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What was shown until now.
    pub fn shown(&self) -> Vec<Notification> {
        let shown = self.shown.lock();
        shown.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Service {
    shown: Arc<Mutex<Vec<Notification>>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[allow(clippy::too_many_arguments)] // the specification has them
    fn notify(
        &self,
        app: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.push(Notification { app, summary, body });
        shown.len() as u32
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into(), "body-markup".into()]
    }

    fn close_notification(&self, _id: u32) {}

    fn get_server_information(&self) -> (String, String, String, String) {
        let [name, vendor, version, spec] = ["stand-in", "tests", "1", "1.2"].map(str::to_owned);
        (name, vendor, version, spec)
    }
}
