//! The brokers that are measured, each a process on a free loopback port.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(20);

/// Whose broker it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `mqttwb broker run`: with its observer, as anyone runs it.
    Workbench,
    /// rumqttd's own server, see `bin/plain-rumqttd.rs`.
    Rumqttd,
    /// The distribution's mosquitto.
    Mosquitto,
    /// This broker without anything around it but a capture, see the example `alone` of `mqttwb-app`.
    Captured,
    /// The same without an observer.
    Unobserved,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Workbench => "MQTT Workbench",
            Self::Rumqttd => "plain rumqttd 0.20",
            Self::Mosquitto => "mosquitto",
            Self::Captured => "captured",
            Self::Unobserved => "not observed",
        }
    }
}

/// What differs from a broker as anyone runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Nothing.
    Usual,
    /// Sessions are kept on disk.
    Persistent,
    /// Captured packets may take hardly any memory.
    SmallCapture,
}

/// A running broker; ends with this value.
pub struct Broker {
    pub address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Broker {
    /// Starts the program and waits until it accepts connections.
    pub fn start(kind: Kind, program: &Path, setup: Setup) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        match kind {
            Kind::Workbench => {
                let config = folder.path().join("broker.toml");
                fs::write(&config, workbench_config(setup))?;
                command
                    .arg("--data")
                    .arg(folder.path())
                    .args(["broker", "run", "--config"])
                    .arg(config)
                    .stdout(Stdio::piped());
                let mut process = command.spawn()?;
                let address = told_address(&mut process);
                let mut broker = Self {
                    address: (Ipv4Addr::LOCALHOST, 0).into(),
                    process,
                    _folder: folder,
                };
                broker.address = address?;
                Ok(broker)
            }
            Kind::Rumqttd | Kind::Mosquitto | Kind::Captured | Kind::Unobserved => {
                let address = free_address()?;
                match kind {
                    Kind::Mosquitto => {
                        let config = folder.path().join("mosquitto.conf");
                        fs::write(&config, mosquitto_config(address, setup, folder.path()))?;
                        command.arg("-c").arg(config)
                    }
                    Kind::Captured => command.args([&address.to_string(), "capture"]),
                    Kind::Unobserved => command.args([&address.to_string(), "nobody"]),
                    _ => command.arg(address.to_string()),
                };
                let broker = Self {
                    address,
                    process: command.stdout(Stdio::null()).spawn()?,
                    _folder: folder,
                };
                wait_until_open(address)?;
                Ok(broker)
            }
        }
    }

    /// Processor time that the broker has used so far.
    pub fn processor_time(&self) -> Duration {
        // proc(5): fields 14 and 15, utime and stime, in ticks of 10 ms; the name in field 2 may hold spaces.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let ticks: u64 = stat
            .ok()
            .and_then(|stat| {
                let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
                Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
            })
            .unwrap_or(0);
        Duration::from_millis(ticks * 10)
    }

    /// The most memory that it has had, in KiB.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory that it has now, in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// A number of proc(5)'s `status`.
    fn status(&self, name: &str) -> u64 {
        fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .ok()
            .and_then(|status| {
                let line = status.lines().find(|line| line.starts_with(name))?;
                line.split_whitespace().nth(1)?.parse().ok()
            })
            .unwrap_or(0)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Only a process that has ended already can't be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn workbench_config(setup: Setup) -> String {
    let more = match setup {
        Setup::Usual => "",
        Setup::Persistent => "[persistence]\nenabled = true\n",
        Setup::SmallCapture => "[capture]\nmemory = \"1 MiB\"\n",
    };
    format!("[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n{more}")
}

/// Nothing that these loads could run into is limited.
fn mosquitto_config(address: SocketAddr, setup: Setup, folder: &Path) -> String {
    let persistence = match setup {
        Setup::Persistent => format!(
            // As root it would become another user, who may not write there.
            "user root\npersistence true\npersistence_location {}/\n",
            folder.display()
        ),
        Setup::Usual | Setup::SmallCapture => "persistence false\n".into(),
    };
    format!(
        "listener {} {}\n\
         allow_anonymous true\n\
         {persistence}\
         log_type none\n\
         max_queued_messages 0\n\
         max_queued_bytes 0\n\
         max_inflight_messages 0\n\
         set_tcp_nodelay true\n",
        address.port(),
        address.ip()
    )
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The address in the line `ready tcp=ADDR …` of `mqttwb broker run`.
fn told_address(process: &mut Child) -> io::Result<SocketAddr> {
    let stdout = process
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("mqttwb has no standard output"))?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Reads to the end, so that the broker never waits for a reader.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(addresses) = line.strip_prefix("ready ") {
                let address = addresses
                    .split(' ')
                    .find_map(|word| word.strip_prefix("tcp="))
                    .and_then(|address| address.parse().ok());
                let _ = tell.send(address);
            }
        }
    });
    match told.recv_timeout(START_DEADLINE) {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(io::Error::other("mqttwb's ready line has no tcp address")),
        Err(_) => Err(io::Error::other("mqttwb did not get ready")),
    }
}

fn wait_until_open(address: SocketAddr) -> io::Result<()> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        match TcpStream::connect(address) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
