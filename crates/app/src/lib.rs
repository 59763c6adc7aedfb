//! The engines joined: what the window and the command line can ask of the workbench.
//!
//! Duty: wire broker, capture, test clients, certificates and charts together, and speak [`api`] at the edge.
//! Not here: protocol rules (broker), drawing (series), windows (src-tauri), arguments and printing (cli).
//! Invariant: a failed command changes nothing.

mod access;
mod alerts;
pub mod api;
mod broker;
mod certificates;
pub mod charts;
mod clients;
mod commands;
pub mod config;
pub mod control;
mod devices;
mod faults;
mod files;
mod findings;
mod inspect;
mod kept;
mod keychain;
pub mod oneshot;
mod payloads;
pub mod recordings;
mod settings;
mod snippets;
mod traffic;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_capture::{Capture, Source as _};
use mqttwb_model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use alerts::Alerts;
use api::*;
use broker::{BrokerControl, Meter};
pub use certificates::CertificateDesk;
use certificates::CertificateStore;
use charts::{Charts, Counters};
use clients::TestClients;
use config::ConfigFile;
use devices::Devices;
use payloads::Payloads;
use recordings::Recordings;
use traffic::Traffic;

/// The result of a command.
pub type Result<T> = std::result::Result<T, ApiError>;

/// Clients of the broker that a live frame names.
const CLIENTS_SHOWN: usize = 200;
/// Refusals that a live frame names.
const REFUSALS_SHOWN: usize = 50;
/// How often certificates are looked at for what expires.
const CERTIFICATES_EVERY: u64 = 60;

/// The workbench. Shared behind an `Arc`.
pub struct App {
    data: PathBuf,
    capture: Arc<Capture>,
    certificates: Arc<CertificateStore>,
    desk: CertificateDesk,
    broker: Arc<BrokerControl>,
    clients: TestClients,
    traffic: Traffic,
    charts: Arc<Charts>,
    devices: Arc<Devices>,
    alerts: Arc<Alerts>,
    payloads: Arc<Payloads>,
    recordings: Arc<Recordings>,
    meter: Arc<Mutex<Meter>>,
    /// What was found when the set-up was looked at last.
    found: Arc<Mutex<Vec<Finding>>>,
    /// How many messages wait in all sessions; unknown while no chart shows it.
    queued: Arc<Mutex<Option<u64>>>,
    stop: watch::Sender<bool>,
}

impl App {
    /// Opens the workbench on a data folder, which is made where it is not there, with the `broker.toml` in it or the
    /// defaults. The authority is made on first use.
    pub async fn open(data: PathBuf) -> Result<Self> {
        let file = ConfigFile::of(&data);
        Self::open_with(data, file).await
    }

    /// Opens the workbench on a data folder with the broker of this file.
    pub async fn open_with(data: PathBuf, file: ConfigFile) -> Result<Self> {
        let reads = file.clone();
        let config = blocking(move || reads.read()).await?;
        let folder = data.clone();
        let certificates = Arc::new(blocking(move || CertificateStore::open(&folder)).await?);
        let capture = Capture::new(mqttwb_capture::DEFAULT_BUDGET);
        let (folder, recorded) = (data.clone(), capture.clone());
        let recordings = blocking(move || Ok(Arc::new(Recordings::new(&folder, recorded)))).await?;
        let broker = Arc::new(BrokerControl::new(
            data.clone(),
            file,
            config,
            capture.clone(),
            certificates.clone(),
            recordings.clone(),
        ));
        let counted = broker.clone();
        let folder = data.clone();
        let payloads = Arc::new(blocking(move || Payloads::open_in(&folder)).await?);
        let queued = Arc::new(Mutex::new(None));
        let (lost, waiting) = (capture.clone(), queued.clone());
        let charts = Charts::new(capture.clone(), payloads.clone(), move || {
            let values = counted.counters();
            Counters {
                messages_in: values.messages_in,
                messages_out: values.messages_out,
                bytes_in: values.bytes_in,
                bytes_out: values.bytes_out,
                dropped: values.dropped,
                not_captured: lost.stats().lost,
                connections: values.connections,
                retained: values.retained,
                queued: *waiting.lock(),
            }
        });
        let folder = data.clone();
        let charts = blocking(move || Ok(Arc::new(charts.open(&folder)))).await?;
        let (folder, seen) = (data.clone(), capture.clone());
        let (read, owner) = (payloads.clone(), broker.clone());
        let devices = blocking(move || Ok(Devices::open(&folder, seen, read, owner))).await?;
        let devices = Arc::new(devices);
        let folder = data.clone();
        let (seen, read) = (capture.clone(), payloads.clone());
        let (board, measured, owner) = (devices.clone(), charts.clone(), broker.clone());
        let alerts =
            blocking(move || Ok(Alerts::open(&folder, seen, read, board, measured, owner))).await?;
        let alerts = Arc::new(alerts);
        broker.tell_devices(&devices, &alerts);
        let (folder, observer) = (data.clone(), capture.clone());
        let clients = blocking(move || TestClients::open(&folder, observer)).await?;
        let (stop, stopped) = watch::channel(false);
        let app = Self {
            data,
            clients,
            traffic: Traffic::new(capture.clone()),
            meter: Arc::default(),
            found: Arc::default(),
            capture,
            desk: CertificateDesk::of_broker(certificates.clone(), broker.clone()),
            certificates,
            broker,
            charts: charts.clone(),
            devices,
            alerts: alerts.clone(),
            payloads,
            recordings,
            queued,
            stop,
        };
        tokio::spawn(async move { charts.run(stopped).await });
        let stopped = app.stop.subscribe();
        tokio::spawn(async move { alerts.run(stopped).await });
        app.spawn_pulse();
        Ok(app)
    }

    /// Samples what is shown as a rate, once a second.
    fn spawn_pulse(&self) {
        let (broker, meter) = (self.broker.clone(), self.meter.clone());
        let (certificates, found) = (self.certificates.clone(), self.found.clone());
        let (charts, queued) = (self.charts.clone(), self.queued.clone());
        let mut stopped = self.stop.subscribe();
        tokio::spawn(async move {
            let mut every_second = tokio::time::interval(Duration::from_secs(1));
            // The start and the configuration that findings were told of, and the certificates that were there.
            let (mut looked_at, mut known) = (None, None);
            for second in 0u64.. {
                tokio::select! {
                    _ = every_second.tick() => {}
                    _ = stopped.wait_for(|stop| *stop) => return,
                }
                meter.lock().sample(Timestamp::now(), broker.counters());
                let waiting = if charts.looks_at_queued() {
                    broker.waiting().await
                } else {
                    None
                };
                *queued.lock() = waiting;
                if second % CERTIFICATES_EVERY == 0 {
                    broker.keep_certificates_good().await;
                    let certificates = certificates.clone();
                    if let Ok(all) = blocking(move || certificates.overview()).await {
                        known = Some(Arc::new(all));
                    }
                    looked_at = None;
                }
                let (since, config) = (broker.status().since, broker.held());
                let is_as_before = looked_at
                    .as_ref()
                    .is_some_and(|(then, before)| *then == since && Arc::ptr_eq(before, &config));
                if !is_as_before && let Ok(all) = broker.audit(known.clone()).await {
                    looked_at = Some((since, config));
                    *found.lock() = all;
                }
            }
        });
    }

    /// The platform's own data folder.
    pub fn default_data_folder() -> Result<PathBuf> {
        directories::ProjectDirs::from("dev", "mqttworkbench", "MQTT Workbench")
            .map(|dirs| dirs.data_dir().to_owned())
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::File,
                    "This user has no home folder to keep data in.",
                )
                .hint("Name a data folder with --data DIR.")
            })
    }

    /// About this program.
    pub fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").into(),
            data_folder: self.data.display().to_string(),
            capture_budget: self.capture.stats().budget,
        }
    }

    /// What every page shows. `frame` is 0; who sends it numbers it.
    pub async fn live_frame(&self) -> LiveFrame {
        // The hub answers both at once.
        let (clients, fights) =
            tokio::join!(self.broker.clients(CLIENTS_SHOWN), self.broker.fights());
        let counters = self.broker.counters();
        let (refusals, refusal_count) = self.capture.refusals(REFUSALS_SHOWN);
        let ((rate_in, rate_out), sparkline) = {
            let meter = self.meter.lock();
            (meter.now(), meter.sparkline())
        };
        let mut findings = self.broker.findings();
        findings.extend(fights);
        let grave = |finding: &&Finding| finding.severity != Severity::Info;
        for known in self.found.lock().iter().filter(grave) {
            // What was looked into tells more of the same.
            match findings
                .iter_mut()
                .find(|finding| finding.title == known.title)
            {
                Some(finding) => *finding = known.clone(),
                None => findings.push(known.clone()),
            }
        }
        LiveFrame {
            frame: 0,
            broker: self.broker.status(),
            // A broker that does not run has none.
            faults: self.broker.faults().map_or(0, |rules| rules.len() as u32),
            clients,
            client_count: u32::try_from(counters.connections).unwrap_or(u32::MAX),
            totals: Totals {
                messages_in: counters.messages_in,
                messages_out: counters.messages_out,
                bytes_in: counters.bytes_in,
                bytes_out: counters.bytes_out,
                dropped: counters.dropped,
                retained: counters.retained,
                subscriptions: counters.subscriptions,
                sessions: counters.sessions,
                rate_in,
                rate_out,
                capture_lost: self.capture.stats().lost,
            },
            sparkline,
            refusals: refusals.into_iter().map(Refusal::from).collect(),
            limits: self.broker.limits_reached(),
            refusal_count,
            test_clients: self.clients.list(),
            alerts: self.alerts.brief(),
            findings,
        }
    }

    /// Ends everything in order: test clients, broker.
    pub async fn close(&self) {
        self.clients.close().await;
        self.recordings.close().await;
        // It may not run; then there is nothing to stop.
        let _ = self.broker.stop().await;
        self.stop.send_replace(true);
        self.alerts.close().await;
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Runs what waits for files off the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ApiError::new(ErrorCode::Internal, error.to_string())))
}
