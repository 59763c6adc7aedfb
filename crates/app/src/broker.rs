//! The embedded broker as a person has it: started, stopped, looked at.
//!
//! Duty: turn a configuration into listeners, hold the broker while it runs, and say how it is. Not here: the broker
//! itself. Invariant: at most one broker runs; a start that fails leaves nothing open.

mod failure;
mod listening;
mod meter;
mod trust;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};

use mqttwb_broker::inspect::{DroppedQueue, RetainedMessage};
use mqttwb_broker::{Broker, CounterValues, ListenError, StartError, Tls};
use mqttwb_capture::Capture;
use mqttwb_model::Timestamp;
use mqttwb_model::durable::Store;
use mqttwb_store::SqliteStore;
use parking_lot::Mutex;

use crate::Result;
use crate::access::AccessControl;
use crate::alerts::Alerts;
use crate::api::{
    ApiError, BrokerClient, BrokerStart, BrokerState, BrokerStatus, ConfigReloaded, ConfigReport,
    ErrorCode, Finding, Fix, LimitEntry, Listener, Refusals, Severity,
};
use crate::certificates::{CertificateStore, OutsideLists};
use crate::config::{self, Config, ConfigFile, ListenerSpec, Persistence, STORE_NAME};
use crate::control;
use crate::devices::Devices;
use crate::inspect::Undo;
use crate::recordings::Recordings;
use crate::settings;
pub(crate) use failure::not_running;
use failure::{open_to_all, start_failed, store_failed, store_finding};
use listening::{listener, open_listener, reader_of};
pub(crate) use meter::Meter;

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
    pub(crate) undo: Mutex<Undo<Vec<RetainedMessage>>>,
    /// Queues that were dropped and can come back.
    pub(crate) queues: Mutex<Undo<DroppedQueue>>,
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
    pub(crate) recordings: Arc<Recordings>,
    /// Accounts and rules.
    pub(crate) access: Arc<AccessControl>,
    phase: Mutex<Phase>,
    /// One at a time: what holds in the end is what was read last.
    reloading: tokio::sync::Mutex<()>,
    /// Hears commands from other processes while the broker runs; or why it does not.
    control: Mutex<Option<Result<control::Server>>>,
    /// What authorities outside have revoked, as it was read last.
    outside: Mutex<Vec<OutsideLists>>,
    /// Why the listeners could not be given newer certificates.
    certificates_stale: Mutex<Option<ApiError>>,
    /// The board of its devices, and the alerts, for who asks from another process.
    devices: OnceLock<(Weak<Devices>, Weak<Alerts>)>,
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
        recordings: Arc<Recordings>,
    ) -> Self {
        Self {
            access: AccessControl::new(data.clone()),
            data,
            file,
            config: Mutex::new(Arc::new(config)),
            changes: Arc::default(),
            capture,
            certificates,
            recordings,
            phase: Mutex::new(Phase::Stopped { failure: None }),
            reloading: tokio::sync::Mutex::default(),
            control: Mutex::default(),
            outside: Mutex::default(),
            certificates_stale: Mutex::default(),
            devices: OnceLock::new(),
        }
    }

    /// Has a board of its devices and alerts from now on. It is told once, by who opens them.
    pub(crate) fn tell_devices(&self, devices: &Arc<Devices>, alerts: &Arc<Alerts>) {
        let told = (Arc::downgrade(devices), Arc::downgrade(alerts));
        let _ = self.devices.set(told);
    }

    /// The board of its devices.
    pub(crate) fn devices(&self) -> Option<Arc<Devices>> {
        self.devices.get()?.0.upgrade()
    }

    /// The alerts.
    pub(crate) fn alerts(&self) -> Option<Arc<Alerts>> {
        self.devices.get()?.1.upgrade()
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
        let alone = self.reloading.lock().await;
        let running = self
            .running()
            .ok_or_else(|| not_running().hint("It reads its configuration when it is started."))?;
        let newer = self.read_config().await?;
        let (taken, told) = self.held().take(&newer);
        running.broker.set_limits(taken.limits.clone()).await;
        self.capture.set_budget(taken.capture_memory);
        *self.config.lock() = Arc::new(newer.with(taken));
        drop(alone);
        // Lists that authorities outside have signed since.
        self.keep_certificates_good().await;
        Ok(told)
    }

    pub(crate) fn certificates(&self) -> Arc<CertificateStore> {
        self.certificates.clone()
    }

    pub(crate) fn capture(&self) -> Arc<Capture> {
        self.capture.clone()
    }

    /// The broker that runs.
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
        let (running, trusted) = match self.open(request.free_ports).await {
            Ok(opened) => opened,
            Err(error) => {
                let failure = Some(error.clone());
                *self.phase.lock() = Phase::Stopped { failure };
                return Err(error);
            }
        };
        *self.phase.lock() = Phase::Running(Arc::new(running));
        let control = self.hear_commands().await;
        *self.control.lock() = Some(control);
        self.trust_from_the_start(trusted).await;
        Ok(self.status())
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

    /// The broker, and the version of the certificates that its listeners were given.
    async fn open(&self, free_ports: bool) -> Result<(Running, u64)> {
        let read = Arc::new(self.read_config().await?);
        // Nobody comes in by rules that can't be read.
        let access = self.access.clone();
        if !read.broker.allow_open
            && let Some(open) = read.broker.listeners.iter().find_map(|spec| {
                config::exposed_by(spec, read.broker.access.anonymous).map(|_| spec)
            })
        {
            return Err(open_to_all(&open.name, open.bind));
        }
        let config = read.clone();
        crate::blocking(move || {
            access.load()?;
            access.configure(&config.broker.methods, &config.broker.tokens)
        })
        .await?;
        let config = &read.broker;
        self.capture.set_budget(config.capture_memory);
        self.have_names(&config.listeners).await?;
        let trusted = self.certificates.version();
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
                access: self.access.broker_access(config.access.anonymous),
                response_prefix: config.response_prefix.as_deref().map(Into::into),
                store: store.clone(),
                shared_strategy: config.shared_strategy,
                sys_interval: config.sys_interval,
            };
            let taken = match Broker::start(broker, self.capture.clone()).await {
                Ok(broker) => {
                    *self.config.lock() = read;
                    let running = Running {
                        broker,
                        undo: Mutex::default(),
                        queues: Mutex::default(),
                        instead_of,
                    };
                    return Ok((running, trusted));
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
            Some(Tls::new(
                self.tls_config(spec).await?,
                reader_of(spec.identity),
            ))
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

    /// What a recording says of where its packets come from.
    pub(crate) fn recorded_from(&self) -> String {
        let urls: Vec<String> = self
            .status()
            .listeners
            .into_iter()
            .filter(|listener| listener.listening)
            .map(|listener| listener.url)
            .collect();
        if urls.is_empty() {
            return "The embedded broker, which did not run yet.".into();
        }
        format!("The embedded broker at {}.", urls.join(", "))
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

    /// Client identifiers that connections take from each other, told with what was seen.
    pub(crate) async fn fights(&self) -> Vec<Finding> {
        match self.running() {
            Some(running) => crate::inspect::fight_findings(&running.broker.fights().await),
            None => Vec::new(),
        }
    }

    /// What a person should know of how it is set up and how it goes.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let anonymous = self.held().broker.access.anonymous;
        for listener in self.status().listeners {
            findings.extend(config::exposed(
                &listener.name,
                &listener.address,
                listener.loopback,
                listener.client_cert,
                anonymous,
            ));
        }
        if let Some(error) = &*self.certificates_stale.lock() {
            findings.push(Finding::new(
                Severity::Serious,
                "The listeners go by older certificates",
                &error.message,
            ));
        }
        let now = Timestamp::now();
        findings.extend(self.outside.lock().iter().flat_map(|of| of.findings(now)));
        if let Some(Err(error)) = &*self.control.lock() {
            findings.push(Finding::new(
                Severity::Warning,
                "Commands from a shell do not reach this broker",
                &error.message,
            ));
        }
        let dropped = self.counters().dropped;
        if dropped > 0 {
            findings.push(
                Finding::new(
                    Severity::Warning,
                    format!("{dropped} messages were dropped"),
                    "A subscriber reads more slowly than messages come, or its queue is full: see max_queued_messages and \
                     max_queued_bytes in broker.toml.",
                )
                .mended_by(Fix::show("Look at sessions", "sessions", None)),
            );
        }
        if let Some(error) = self.running().and_then(|r| r.broker.store_failure()) {
            findings.push(store_finding(&error));
        }
        findings
    }

    /// Who was not let in lately.
    pub(crate) fn refusals(&self) -> Refusals {
        let (entries, total) = self.capture.refusals(usize::MAX);
        Refusals {
            entries: entries.into_iter().map(Into::into).collect(),
            total,
        }
    }

    /// Limits that were reached since the broker was started, those most often reached first.
    pub(crate) fn limits_reached(&self) -> Vec<LimitEntry> {
        let mut limits = self.limits().unwrap_or_default();
        limits.retain(|limit| limit.reached > 0);
        limits.sort_by_key(|limit| std::cmp::Reverse(limit.reached));
        limits
    }
}
