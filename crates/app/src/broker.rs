//! The embedded broker as a person has it: started, stopped, looked at.
//!
//! Duty: turn a configuration into listeners, hold the broker while it runs, and say how it is. Not here: the broker
//! itself. Invariant: at most one broker runs; a start that fails leaves nothing open.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use mqttwb_broker::{Broker, CounterValues, ListenError, ListenerState, StartError, Tls};
use mqttwb_capture::Capture;
use mqttwb_model::durable::{Store, StoreError};
use mqttwb_model::{ListenerProtocol, Timestamp};
use mqttwb_store::SqliteStore;
use parking_lot::Mutex;

use crate::Result;
use crate::api::{
    ApiError, BrokerClient, BrokerStart, BrokerState, BrokerStatus, ConfigReloaded, ConfigReport,
    ErrorCode, Finding, LimitEntry, Listener, Severity,
};
use crate::certificates::CertificateStore;
use crate::config::{self, Config, ConfigFile, ListenerSpec, Persistence, STORE_NAME};
use crate::control;
use crate::inspect::Undo;
use crate::settings;

/// What the broker is doing.
#[derive(Clone)]
enum Phase {
    Stopped { failure: Option<ApiError> },
    Starting,
    Running(Arc<Running>),
    Stopping,
}

pub(crate) struct Running {
    pub(crate) broker: Broker,
    /// What was cleared and can come back.
    pub(crate) undo: Mutex<Undo>,
    /// For each listener the port that was asked for, where a free one stands in for it.
    instead_of: Vec<Option<u16>>,
}

/// Starts and stops the broker.
pub(crate) struct BrokerControl {
    data: PathBuf,
    pub(crate) file: ConfigFile,
    /// What it runs with, or would.
    config: Mutex<Arc<Config>>,
    /// Changes of the file that can be taken back.
    pub(crate) changes: Arc<tokio::sync::Mutex<settings::Changes>>,
    capture: Arc<Capture>,
    certificates: Arc<CertificateStore>,
    phase: Mutex<Phase>,
    /// One at a time: what holds in the end is what was read last.
    reloading: tokio::sync::Mutex<()>,
    /// Hears commands from other processes while the broker runs; or why it does not.
    control: Mutex<Option<Result<control::Server>>>,
}

/// Ports that are tried for one that is taken, before any free one is.
const NEXT_PORTS: u16 = 20;

impl BrokerControl {
    pub(crate) fn new(
        data: PathBuf,
        file: ConfigFile,
        config: Config,
        capture: Arc<Capture>,
        certificates: Arc<CertificateStore>,
    ) -> Self {
        Self {
            data,
            file,
            config: Mutex::new(Arc::new(config)),
            changes: Arc::default(),
            capture,
            certificates,
            phase: Mutex::new(Phase::Stopped { failure: None }),
            reloading: tokio::sync::Mutex::default(),
            control: Mutex::default(),
        }
    }

    /// What it runs with, or would.
    pub(crate) fn held(&self) -> Arc<Config> {
        self.config.lock().clone()
    }

    /// Would run with this at the next start.
    pub(crate) fn hold(&self, config: Config) {
        *self.config.lock() = Arc::new(config);
    }

    /// Reads the configuration as it is in the file now.
    pub(crate) async fn read_config(&self) -> Result<Config> {
        let file = self.file.clone();
        crate::blocking(move || file.read()).await
    }

    /// Reads the configuration again, and applies what can be applied while the broker runs. A file with a mistake
    /// changes nothing.
    pub(crate) async fn reload(&self) -> Result<ConfigReloaded> {
        let _alone = self.reloading.lock().await;
        let running = self
            .running()
            .ok_or_else(|| not_running().hint("It reads its configuration when it is started."))?;
        let newer = self.read_config().await?;
        let (taken, told) = self.held().take(&newer);
        running.broker.set_limits(taken.limits.clone()).await;
        self.capture.set_budget(taken.capture_memory);
        *self.config.lock() = Arc::new(newer.with(taken));
        Ok(told)
    }

    pub(crate) fn running(&self) -> Option<Arc<Running>> {
        match &*self.phase.lock() {
            Phase::Running(running) => Some(running.clone()),
            Phase::Stopped { .. } | Phase::Starting | Phase::Stopping => None,
        }
    }

    /// Starts the broker; a start that fails is told and remembered until the next.
    pub(crate) async fn start(self: &Arc<Self>, request: &BrokerStart) -> Result<BrokerStatus> {
        {
            let mut phase = self.phase.lock();
            if !matches!(*phase, Phase::Stopped { .. }) {
                return Err(ApiError::new(
                    ErrorCode::WrongState,
                    "The broker runs already, or is about to.",
                ));
            }
            *phase = Phase::Starting;
        }
        let opened = self.open(request.free_ports).await;
        let (phase, failure) = match opened {
            Ok(running) => (Phase::Running(Arc::new(running)), None),
            Err(error) => {
                let failure = Some(error.clone());
                (Phase::Stopped { failure }, Some(error))
            }
        };
        *self.phase.lock() = phase;
        match failure {
            Some(error) => Err(error),
            None => {
                let control = self.hear_commands().await;
                *self.control.lock() = Some(control);
                Ok(self.status())
            }
        }
    }

    async fn hear_commands(self: &Arc<Self>) -> Result<control::Server> {
        let this = Arc::downgrade(self);
        let answer = move |request| {
            let this = this.clone();
            async move {
                match this.upgrade() {
                    Some(broker) => broker.answer(request).await,
                    None => Err(not_running()),
                }
            }
        };
        control::Server::open(&self.data, answer).await
    }

    async fn open(&self, free_ports: bool) -> Result<Running> {
        let read = Arc::new(self.read_config().await?);
        let config = &read.broker;
        self.capture.set_budget(config.capture_memory);
        let mut listeners = Vec::new();
        for spec in &config.listeners {
            listeners.push(self.listener(spec).await?);
        }
        let mut instead_of = vec![None; listeners.len()];
        let store = self.store(&config.persistence).await?;
        loop {
            let broker = mqttwb_broker::BrokerConfig {
                listeners: listeners.clone(),
                limits: config.limits.clone(),
                access: config.access.clone(),
                response_prefix: config.response_prefix.as_deref().map(Into::into),
                store: store.clone(),
                shared_strategy: config.shared_strategy,
                sys_interval: config.sys_interval,
            };
            let taken = match Broker::start(broker, self.capture.clone()).await {
                Ok(broker) => {
                    *self.config.lock() = read;
                    return Ok(Running {
                        broker,
                        undo: Mutex::default(),
                        instead_of,
                    });
                }
                Err(StartError::Listen(ListenError::PortInUse { listener, .. })) if free_ports => {
                    listener
                }
                Err(error) => return Err(start_failed(&error)),
            };
            for (listener, instead) in listeners.iter_mut().zip(&mut instead_of) {
                if listener.name == taken {
                    let wanted = *instead.get_or_insert(listener.bind.port());
                    let next = listener.bind.port().saturating_add(1);
                    let near = next != u16::MAX && next - wanted <= NEXT_PORTS;
                    listener.bind.set_port(if near { next } else { 0 });
                }
            }
        }
    }

    /// What outlives the broker, opened; `None` where nothing is to.
    async fn store(&self, persistence: &Persistence) -> Result<Option<Arc<dyn Store>>> {
        if !persistence.enabled {
            return Ok(None);
        }
        let path = match &persistence.path {
            Some(path) => path.clone(),
            None => self.data.join(STORE_NAME),
        };
        let synchronous = persistence.synchronous;
        let store = crate::blocking(move || {
            SqliteStore::open(&path, synchronous).map_err(|error| store_failed(&error))
        });
        Ok(Some(Arc::new(store.await?)))
    }

    async fn listener(&self, spec: &ListenerSpec) -> Result<mqttwb_broker::ListenerConfig> {
        let tls = if spec.protocol.is_secure() {
            let files = spec.files.clone();
            let certificates = self.certificates.clone();
            let (client_cert, websocket) = (spec.client_cert, spec.protocol.is_websocket());
            let config = crate::blocking(move || {
                certificates.server_config(client_cert, files.as_ref(), websocket)
            })
            .await?;
            Some(Tls {
                config,
                common_name,
            })
        } else {
            None
        };
        Ok(mqttwb_broker::ListenerConfig {
            name: spec.name.as_str().into(),
            bind: spec.bind,
            protocol: spec.protocol,
            client_cert: spec.client_cert,
            tls,
        })
    }

    /// Stops the broker; its ports are free when this returns.
    pub(crate) async fn stop(&self) -> Result<BrokerStatus> {
        let running = {
            let mut phase = self.phase.lock();
            let Phase::Running(running) = phase.clone() else {
                return Err(not_running());
            };
            *phase = Phase::Stopping;
            running
        };
        drop(self.control.lock().take());
        running.broker.stop().await;
        *self.phase.lock() = Phase::Stopped { failure: None };
        Ok(self.status())
    }

    /// How it is.
    pub(crate) fn status(&self) -> BrokerStatus {
        let phase = self.phase.lock().clone();
        let (state, since, listeners, failure) = match phase {
            Phase::Running(running) => {
                let listeners = running
                    .broker
                    .listeners()
                    .iter()
                    .zip(&running.instead_of)
                    .map(|(state, instead_of)| open_listener(state, *instead_of))
                    .collect();
                let since = running.broker.since().as_millis();
                (BrokerState::Running, Some(since), listeners, None)
            }
            Phase::Stopped { failure } => (BrokerState::Stopped, None, self.configured(), failure),
            Phase::Starting => (BrokerState::Starting, None, self.configured(), None),
            Phase::Stopping => (BrokerState::Stopping, None, self.configured(), None),
        };
        BrokerStatus {
            state,
            since,
            listeners,
            failure,
        }
    }

    fn configured(&self) -> Vec<Listener> {
        let closed = |spec: &ListenerSpec| {
            let address = spec.bind;
            listener(&spec.name, spec.protocol, spec.client_cert.into(), address)
        };
        let held = self.held();
        held.broker.listeners.iter().map(closed).collect()
    }

    /// What it runs with, or would.
    pub(crate) fn config(&self) -> ConfigReport {
        self.held().report()
    }

    /// What it counted; zeroes while it does not run.
    pub(crate) fn counters(&self) -> CounterValues {
        self.running()
            .map(|running| running.broker.counters().values())
            .unwrap_or_default()
    }

    /// Clients that are connected, by name, at most so many.
    pub(crate) async fn clients(&self, at_most: usize) -> Vec<BrokerClient> {
        let Some(running) = self.running() else {
            return Vec::new();
        };
        let clients = running.broker.clients(at_most).await;
        clients.into_iter().map(Into::into).collect()
    }

    /// What a person should know of how it is set up and how it goes.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for listener in self.status().listeners {
            findings.extend(config::exposed(
                &listener.name,
                &listener.address,
                listener.loopback,
                listener.client_cert,
            ));
        }
        if let Some(Err(error)) = &*self.control.lock() {
            findings.push(Finding {
                severity: Severity::Warning,
                title: "Commands from a shell do not reach this broker".into(),
                detail: error.message.clone(),
            });
        }
        if let Some(failure) = self.running().and_then(|r| r.broker.store_failure()) {
            findings.push(Finding {
                severity: Severity::Serious,
                title: "What must outlive the broker can't be written".into(),
                detail: format!(
                    "{} Messages that must be kept are not acknowledged until it can.",
                    failure.details()
                ),
            });
        }
        let dropped = self.counters().dropped;
        if dropped > 0 {
            findings.push(Finding {
                severity: Severity::Warning,
                title: format!("{dropped} messages were dropped"),
                detail: "A subscriber reads more slowly than messages come, or its queue is full: \
                         see max_queued_messages and max_queued_bytes in broker.toml."
                    .into(),
            });
        }
        if let Some(error) = self.running().and_then(|r| r.broker.store_failure()) {
            findings.push(store_finding(&error));
        }
        findings
    }

    /// Limits that were reached since the broker was started, those most often reached first.
    pub(crate) fn limits_reached(&self) -> Vec<LimitEntry> {
        let mut limits = self.limits().unwrap_or_default();
        limits.retain(|limit| limit.reached > 0);
        limits.sort_by_key(|limit| std::cmp::Reverse(limit.reached));
        limits
    }
}

/// Nothing is acknowledged that can't be kept.
fn store_finding(error: &StoreError) -> Finding {
    Finding {
        severity: Severity::Serious,
        title: "The broker's store can't be written".into(),
        detail: format!(
            "{error} Until it can be written again, messages for persistent sessions and retained messages are not \
             acknowledged; everything else goes on. The broker keeps trying."
        ),
    }
}

pub(crate) fn not_running() -> ApiError {
    ApiError::new(ErrorCode::WrongState, "The broker does not run.")
}

/// The common name in a client's certificate (DER).
fn common_name(der: &[u8]) -> Option<String> {
    let certificate = mqttwb_pki::Certificate::from_der(der.to_vec()).ok()?;
    Some(certificate.description().common_name.clone())
}

/// What keeps sessions and retained messages can't be opened or read. The store says what to do.
fn store_failed(error: &StoreError) -> ApiError {
    let what = match error {
        StoreError::Full(_) => "There is no room for the broker's store",
        StoreError::Damaged(_) => "The broker's store is damaged",
        StoreError::Later(_) => "The broker's store was made by a later version",
        StoreError::InUse(_) => "The broker's store is in use by another broker",
        StoreError::Other(_) => "The broker's store can't be opened",
    };
    ApiError::new(ErrorCode::Store, format!("{what}: {}", error.details()))
        .hint("To run without it, set enabled = false under [persistence] in broker.toml.")
}

fn start_failed(error: &StartError) -> ApiError {
    let listen = match error {
        StartError::Listen(listen) => listen,
        StartError::Router(_) | StartError::Thread(_) => {
            return ApiError::new(ErrorCode::Internal, error.to_string());
        }
        StartError::Store(error) => return store_failed(error),
    };
    match listen {
        ListenError::PortInUse { listener, address } => ApiError::new(
            ErrorCode::PortInUse,
            format!(
                "Port {} is in use by another program, so listener {listener} can't be opened at {address}.",
                address.port()
            ),
        )
        .hint("Use a free port, or end the program that has this one."),
        ListenError::SamePort { .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
                .hint("Give one of them another port in broker.toml.")
        }
        ListenError::NotAllowed { address, .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
                .hint(format!(
                    "Ports below 1024 are the administrator's: choose another than {}.",
                    address.port()
                ))
        }
        ListenError::Other { .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
                .hint("Bind to an address that this computer has, such as 127.0.0.1.")
        }
        ListenError::NoCertificate { .. } => {
            ApiError::new(ErrorCode::ListenerFailed, format!("{listen}."))
        }
    }
}

fn open_listener(state: &ListenerState, instead_of: Option<u16>) -> Listener {
    let config = &state.config;
    Listener {
        clients: state.clients(),
        listening: true,
        instead_of,
        ..listener(
            &config.name,
            config.protocol,
            config.client_cert.into(),
            state.address,
        )
    }
}

fn listener(
    name: &str,
    protocol: ListenerProtocol,
    client_cert: crate::api::ClientCert,
    address: SocketAddr,
) -> Listener {
    let host = host_of(address.ip(), protocol);
    let path = if protocol.is_websocket() { "/mqtt" } else { "" };
    let bracketed = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    Listener {
        name: name.to_owned(),
        protocol: protocol.into(),
        address: address.to_string(),
        url: format!(
            "{}://{bracketed}:{}{path}",
            protocol.scheme(),
            address.port()
        ),
        host,
        port: address.port(),
        client_cert,
        loopback: address.ip().is_loopback(),
        clients: 0,
        listening: false,
        instead_of: None,
    }
}

/// The host that a client names: one that the server's certificate holds too.
fn host_of(ip: IpAddr, protocol: ListenerProtocol) -> String {
    if ip.is_unspecified() {
        return gethostname::gethostname().to_string_lossy().into_owned();
    }
    if ip.is_loopback() && protocol.is_secure() {
        return "localhost".to_owned();
    }
    ip.to_string()
}

/// Rates of the last minute, a sample a second.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    last: Option<(Timestamp, CounterValues)>,
    rates: VecDeque<(f32, f32)>,
}

/// How many seconds the meter remembers.
const REMEMBERED: usize = 60;

impl Meter {
    /// Takes a sample: rates are of the time since the last.
    pub(crate) fn sample(&mut self, now: Timestamp, counters: CounterValues) {
        let rates = match self.last {
            // Counters that fell are those of another run of the broker.
            Some((then, before)) if counters.messages_in >= before.messages_in => {
                let seconds = now.since(then).as_secs_f32().max(0.001);
                let rate = |new: u64, old: u64| new.saturating_sub(old) as f32 / seconds;
                (
                    rate(counters.messages_in, before.messages_in),
                    rate(counters.messages_out, before.messages_out),
                )
            }
            _ => (0.0, 0.0),
        };
        self.last = Some((now, counters));
        if self.rates.len() == REMEMBERED {
            self.rates.pop_front();
        }
        self.rates.push_back(rates);
    }

    /// Messages a second in and out, of the last second.
    pub(crate) fn now(&self) -> (f32, f32) {
        self.rates.back().copied().unwrap_or_default()
    }

    /// In and out together, oldest first.
    pub(crate) fn sparkline(&self) -> Vec<f32> {
        self.rates.iter().map(|(i, o)| i + o).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_between_two_samples() {
        let counted = |messages_in, messages_out| CounterValues {
            messages_in,
            messages_out,
            ..CounterValues::default()
        };
        let second = 1_000_000_000;
        let mut meter = Meter::default();
        meter.sample(Timestamp(second), counted(100, 0));
        assert_eq!(
            meter.now(),
            (0.0, 0.0),
            "nothing is known of the time before"
        );
        meter.sample(Timestamp(3 * second), counted(300, 50));
        assert_eq!(meter.now(), (100.0, 25.0));
        meter.sample(Timestamp(4 * second), counted(7, 7));
        assert_eq!(meter.now(), (0.0, 0.0), "another run of the broker");
        assert_eq!(meter.sparkline(), [0.0, 125.0, 0.0]);
    }

    #[test]
    fn a_listener_is_named_as_a_client_must_name_it() {
        let at = |address: &str, protocol| {
            let none = crate::api::ClientCert::None;
            listener("x", protocol, none, address.parse().unwrap()).url
        };
        assert_eq!(
            at("127.0.0.1:1883", ListenerProtocol::Tcp),
            "mqtt://127.0.0.1:1883"
        );
        assert_eq!(
            at("127.0.0.1:8883", ListenerProtocol::Tls),
            "mqtts://localhost:8883"
        );
        assert_eq!(
            at("[::1]:8083", ListenerProtocol::Ws),
            "ws://[::1]:8083/mqtt"
        );
    }
}
