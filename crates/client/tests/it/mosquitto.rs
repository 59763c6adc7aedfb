//! Debian's mosquitto, on ports of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mqttwb_client::Endpoint;
use mqttwb_model::Timestamp;
use mqttwb_pki::{Authority, DeviceName, Identity, ServerNames, Validity};

/// A broker that ends with the test.
pub struct Mosquitto {
    child: Child,
    plain: u16,
    guarded: u16,
    tls: u16,
    authority: Authority,
    _folder: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts it; it accepts connections when this returns.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts it with more lines of configuration.
    pub fn start_with(more: &str) -> Self {
        // Between finding a port free and mosquitto's taking it another program may come; then it is tried again.
        for _ in 0..5 {
            if let Some(broker) = Self::try_start(more) {
                return broker;
            }
        }
        panic!("mosquitto found no free ports");
    }

    fn try_start(more: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let validity = Validity::days_from(Timestamp::now(), 1);
        let authority = Authority::generate(validity).unwrap();
        let server = authority
            .issue_server(&ServerNames::local(), validity)
            .unwrap();
        let path = |name: &str| folder.path().join(name);
        write(&path("ca.crt"), &authority.certificate().to_pem());
        write(&path("server.crt"), &server.certificate.to_pem());
        write(&path("server.key"), &server.key.to_pem());
        let [plain, guarded, tls] = free_ports();
        // Started by root it would become a user who can't read the keys.
        let mut config = format!("per_listener_settings true\nuser root\n{more}\n");
        for (port, more) in [
            (plain, "allow_anonymous true\n".to_owned()),
            (guarded, "allow_anonymous false\n".to_owned()),
            (
                tls,
                format!(
                    "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
                    path("ca.crt").display(),
                    path("server.crt").display(),
                    path("server.key").display()
                ),
            ),
        ] {
            write!(config, "listener {port} 127.0.0.1\n{more}").unwrap();
        }
        write(&path("mosquitto.conf"), &config);
        let mut child = Command::new(program())
            .arg("-c")
            .arg(path("mosquitto.conf"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("mosquitto can't be started ({error}): `cargo xtask test` installs it")
            });
        let log = child.stderr.take().unwrap();
        let mut lines = BufReader::new(log).lines();
        let runs = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.ends_with(" running"));
        // It must not get stuck on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        if !runs {
            let _ = child.wait();
            return None;
        }
        Some(Self {
            child,
            plain,
            guarded,
            tls,
            authority,
            _folder: folder,
        })
    }

    /// Lets everybody in.
    pub fn plain(&self) -> Endpoint {
        endpoint(self.plain)
    }

    /// Lets nobody in without a password.
    pub fn guarded(&self) -> Endpoint {
        endpoint(self.guarded)
    }

    /// Lets in who has a certificate; plain TCP until the caller adds TLS.
    pub fn tls(&self) -> Endpoint {
        Endpoint {
            host: "localhost".into(),
            ..endpoint(self.tls)
        }
    }

    /// The authority of the tls listener.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Ends it without a word to its clients.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A device's identity, of any authority.
pub fn device(authority: &Authority) -> Identity {
    let name = DeviceName::try_from("pump-7").unwrap();
    authority
        .issue_device(&name, Validity::days_from(Timestamp::now(), 1))
        .unwrap()
}

fn program() -> &'static str {
    // Debian keeps it where only root looks.
    let debian = "/usr/sbin/mosquitto";
    if Path::new(debian).exists() {
        debian
    } else {
        "mosquitto"
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint::tcp("127.0.0.1", port)
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}
