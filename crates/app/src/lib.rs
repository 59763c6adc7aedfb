//! The engines joined: what the window and the command line can ask of the workbench.
//!
//! Duty: wire broker, capture, test clients, certificates and charts together, and speak [`api`] at the edge.
//! Not here: protocol rules (broker), drawing (series), windows (src-tauri), arguments and printing (cli).
//! Invariant: a failed command changes nothing.

pub mod api;
mod broker;
mod certificates;
mod charts;
mod clients;
pub mod config;
pub mod control;
mod faults;
mod files;
mod inspect;
pub mod oneshot;
mod payloads;
mod recording_commands;
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

use api::*;
use broker::{BrokerControl, Meter};
use certificates::CertificateStore;
use charts::{Charts, Counters};
use clients::{Endpoint, TestClients};
use config::ConfigFile;
use payloads::Payloads;
use recordings::Recordings;
use traffic::Traffic;

/// The result of a command.
pub type Result<T> = std::result::Result<T, ApiError>;

/// Clients of the broker that a live frame names.
const CLIENTS_SHOWN: usize = 200;
/// Refusals that a live frame names.
const REFUSALS_SHOWN: usize = 50;
/// Subscriptions that the detail of a topic names.
const SUBSCRIBERS: u32 = 50;
/// How often certificates are looked at for what expires.
const CERTIFICATES_EVERY: u64 = 60;

/// The workbench. Shared behind an `Arc`.
pub struct App {
    data: PathBuf,
    capture: Arc<Capture>,
    certificates: Arc<CertificateStore>,
    broker: Arc<BrokerControl>,
    clients: TestClients,
    traffic: Traffic,
    charts: Arc<Charts>,
    payloads: Arc<Payloads>,
    recordings: Arc<Recordings>,
    meter: Arc<Mutex<Meter>>,
    expiring: Arc<Mutex<Vec<Finding>>>,
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
        let charts = Arc::new(Charts::new(capture.clone(), payloads.clone(), move || {
            let values = counted.counters();
            Counters {
                messages_in: values.messages_in,
                messages_out: values.messages_out,
            }
        }));
        let (folder, observer) = (data.clone(), capture.clone());
        let clients = blocking(move || TestClients::open(&folder, observer)).await?;
        let (stop, stopped) = watch::channel(false);
        let app = Self {
            data,
            clients,
            traffic: Traffic::new(capture.clone()),
            meter: Arc::default(),
            expiring: Arc::default(),
            capture,
            certificates,
            broker,
            charts: charts.clone(),
            payloads,
            recordings,
            stop,
        };
        tokio::spawn(async move { charts.run(stopped).await });
        app.spawn_pulse();
        Ok(app)
    }

    /// Samples what is shown as a rate, once a second.
    fn spawn_pulse(&self) {
        let (broker, meter) = (self.broker.clone(), self.meter.clone());
        let (certificates, expiring) = (self.certificates.clone(), self.expiring.clone());
        let mut stopped = self.stop.subscribe();
        tokio::spawn(async move {
            let mut every_second = tokio::time::interval(Duration::from_secs(1));
            for second in 0u64.. {
                tokio::select! {
                    _ = every_second.tick() => {}
                    _ = stopped.wait_for(|stop| *stop) => return,
                }
                meter.lock().sample(Timestamp::now(), broker.counters());
                if second % CERTIFICATES_EVERY == 0 {
                    let certificates = certificates.clone();
                    if let Ok(all) = blocking(move || certificates.overview()).await {
                        *expiring.lock() = certificate_findings(&all);
                    }
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

    /// Starts the broker.
    pub async fn broker_start(&self, request: BrokerStart) -> Result<BrokerStatus> {
        self.broker.start(&request).await
    }

    /// Stops the broker; its ports are free when this returns.
    pub async fn broker_stop(&self) -> Result<BrokerStatus> {
        self.broker.stop().await
    }

    /// The broker as it stands.
    pub fn broker_status(&self) -> BrokerStatus {
        self.broker.status()
    }

    /// The configuration that the broker runs with, or would.
    pub fn broker_config(&self) -> ConfigReport {
        self.broker.config()
    }

    /// The broker's fault rules, in their order, with what each has done. A broker that is started has none.
    pub async fn faults(&self) -> Result<Vec<FaultEntry>> {
        self.broker.faults()
    }

    /// Puts these in place of the broker's fault rules; one that stays as it was goes on counting.
    pub async fn faults_set(&self, rules: Vec<FaultRule>) -> Result<Vec<FaultEntry>> {
        self.broker.set_faults(rules)
    }

    /// Adds a fault rule behind those that hold.
    pub async fn fault_add(&self, rule: FaultRule) -> Result<Vec<FaultEntry>> {
        self.broker.add_fault(rule)
    }

    /// Removes the fault rule of this name, or all.
    pub async fn faults_clear(&self, name: Option<String>) -> Result<Vec<FaultEntry>> {
        self.broker.clear_faults(name.as_deref())
    }

    /// Reads the configuration again, and applies what can be applied while the broker runs. A file with a mistake
    /// changes nothing.
    pub async fn broker_reload(&self) -> Result<ConfigReloaded> {
        self.broker.reload().await
    }

    /// What every page shows. `frame` is 0; who sends it numbers it.
    pub async fn live_frame(&self) -> LiveFrame {
        let clients = self.broker.clients(CLIENTS_SHOWN).await;
        let counters = self.broker.counters();
        let (refusals, refusal_count) = self.capture.refusals(REFUSALS_SHOWN);
        let ((rate_in, rate_out), sparkline) = {
            let meter = self.meter.lock();
            (meter.now(), meter.sparkline())
        };
        let mut findings = self.broker.findings();
        findings.extend(self.expiring.lock().iter().cloned());
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
            findings,
        }
    }

    /// Texts to paste that connect a device. A device's folder is exported where it is not yet.
    pub async fn snippets(&self, request: SnippetRequest) -> Result<Vec<Snippet>> {
        let listener = self
            .broker
            .status()
            .listeners
            .into_iter()
            .find(|listener| listener.name == request.listener)
            .ok_or_else(|| {
                let name = &request.listener;
                ApiError::new(ErrorCode::NotFound, format!("There is no listener {name}."))
            })?;
        let device = match request.device {
            Some(name) => Some(
                self.device_export(ExportRequest { name, folder: None })
                    .await?,
            ),
            None => None,
        };
        Ok(snippets::snippets(&listener, device.as_ref()))
    }

    /// The authority and all that it has signed.
    pub async fn certificates(&self) -> Result<Certificates> {
        let store = self.certificates.clone();
        blocking(move || store.overview()).await
    }

    /// Makes a key and a certificate for a device.
    pub async fn device_issue(&self, request: DeviceRequest) -> Result<Certificate> {
        let store = self.certificates.clone();
        blocking(move || store.issue(&request)).await
    }

    /// Writes the folder that a device is set up from.
    pub async fn device_export(&self, request: ExportRequest) -> Result<DeviceFolder> {
        let store = self.certificates.clone();
        let port = self.tls_port();
        blocking(move || store.export(&request, port)).await
    }

    /// Writes what a device is set up from into this very folder.
    pub async fn device_export_into(&self, name: String, folder: PathBuf) -> Result<DeviceFolder> {
        let store = self.certificates.clone();
        let port = self.tls_port();
        blocking(move || store.export_into(&name, &folder, port)).await
    }

    /// The port of the first listener that devices with certificates connect to.
    fn tls_port(&self) -> u16 {
        let listeners = self.broker.status().listeners;
        listeners
            .iter()
            .find(|listener| listener.protocol == Protocol::Tls)
            .map_or(certificates::DEFAULT_TLS_PORT, |listener| listener.port)
    }

    /// The test clients.
    pub fn clients(&self) -> Vec<TestClient> {
        self.clients.list()
    }

    /// Adds a test client.
    pub async fn client_create(&self, config: ClientConfig) -> Result<TestClient> {
        self.clients.create(config).await
    }

    /// Changes a test client that is not connected.
    pub async fn client_update(&self, id: u32, config: ClientConfig) -> Result<TestClient> {
        self.clients.update(id, config).await
    }

    /// Removes a test client; a connected one is disconnected first. Returns how it was configured, for an undo.
    pub async fn client_remove(&self, id: u32) -> Result<ClientConfig> {
        self.clients.remove(id).await
    }

    /// Connects a test client; returns when CONNACK came or it failed.
    pub async fn client_connect(&self, id: u32) -> Result<TestClient> {
        let (target, secrets) = self.clients.target(id)?;
        let endpoint = self.endpoint(target, secrets).await?;
        self.clients.connect(id, &endpoint).await
    }

    /// The way to the broker that a target means.
    async fn endpoint(&self, target: Target, secrets: clients::Secrets) -> Result<Endpoint> {
        let (wanted, device) = match target {
            Target::Remote(remote) => {
                let store = self.certificates.clone();
                return blocking(move || clients::remote_endpoint(&remote, &secrets, &store)).await;
            }
            Target::Tcp => (Protocol::Tcp, None),
            Target::MutualTls { device } => (Protocol::Tls, Some(device)),
            Target::Ws => (Protocol::Ws, None),
        };
        let status = self.broker.status();
        if status.state != BrokerState::Running {
            return Err(
                ApiError::new(ErrorCode::WrongState, "The embedded broker does not run.")
                    .hint("Start the broker, then connect."),
            );
        }
        let listener = status
            .listeners
            .into_iter()
            .find(|listener| listener.protocol == wanted)
            .ok_or_else(|| {
                let name = match wanted {
                    Protocol::Tcp => "tcp",
                    Protocol::Tls => "tls",
                    Protocol::Ws => "ws",
                    Protocol::Wss => "wss",
                };
                ApiError::new(
                    ErrorCode::NotFound,
                    format!("The broker has no {name} listener."),
                )
                .hint("Add one in broker.toml, or choose another target.")
            })?;
        let tls = match device {
            None => None,
            Some(device) => {
                let store = self.certificates.clone();
                Some(blocking(move || store.client_config(&device)).await?)
            }
        };
        Ok(Endpoint {
            tls,
            websocket: (wanted == Protocol::Ws).then(|| mqttwb_client::WebSocket {
                path: "/mqtt".into(),
                headers: Vec::new(),
            }),
            embedded: true,
            ..Endpoint::tcp(listener.host, listener.port)
        })
    }

    /// Ends a test client's connection.
    pub async fn client_disconnect(&self, id: u32, how: DisconnectHow) -> Result<TestClient> {
        self.clients.disconnect(id, how).await
    }

    /// Subscribes a test client; returns when SUBACK came.
    pub async fn client_subscribe(&self, id: u32, request: SubscribeRequest) -> Result<TestClient> {
        self.clients.subscribe(id, &request).await
    }

    /// Ends a subscription of a test client.
    pub async fn client_unsubscribe(&self, id: u32, filter: String) -> Result<TestClient> {
        self.clients.unsubscribe(id, &filter).await
    }

    /// Publishes from a test client.
    pub async fn client_publish(&self, id: u32, request: PublishRequest) -> Result<()> {
        self.clients.publish(id, &request).await
    }

    /// Has a test client back that was removed.
    pub async fn client_restore(&self, id: u32) -> Result<TestClient> {
        self.clients.restore(id).await
    }

    /// Begins to publish messages one after the other from a test client.
    pub async fn client_run(&self, id: u32, request: RunRequest) -> Result<TestClient> {
        self.clients.run(id, request).await
    }

    /// Ends what [`client_run`](Self::client_run) began.
    pub async fn client_run_stop(&self, id: u32) -> Result<TestClient> {
        self.clients.stop(id)
    }

    /// Publishes a request from a test client, and waits for its reply.
    pub async fn client_request(&self, id: u32, request: ReplyRequest) -> Result<ReplyReceived> {
        self.clients.request(id, request).await
    }

    /// Messages that are kept.
    pub async fn saved_messages(&self) -> Result<Vec<SavedMessage>> {
        Ok(self.clients.messages())
    }

    /// Keeps a message; one of the same name is replaced.
    pub async fn saved_message_keep(&self, saved: SavedMessage) -> Result<Vec<SavedMessage>> {
        self.clients.keep_message(saved).await
    }

    /// Forgets a message that was kept.
    pub async fn saved_message_forget(&self, name: String) -> Result<Vec<SavedMessage>> {
        self.clients.forget_message(&name).await
    }

    /// Writes test clients and saved messages into a file, all of them where none is named; secrets only where they are
    /// asked for. Returns the file.
    pub async fn clients_export(
        &self,
        ids: Vec<u32>,
        secrets: bool,
        path: Option<String>,
    ) -> Result<String> {
        let text = self.clients.export(&ids, secrets)?;
        let data = self.data.clone();
        blocking(move || {
            let path = match path {
                Some(path) => files::absolute(std::path::Path::new(&path))?,
                None => clients::free_export(&data)?,
            };
            files::write_secret(&path, &text)?;
            Ok(path.display().to_string())
        })
        .await
    }

    /// Adds the test clients of a text that the workbench, MQTTX or MQTT Explorer has exported.
    pub async fn clients_import(&self, text: String) -> Result<Imported> {
        self.clients.import(&text, Some(&self.data)).await
    }

    /// What a test client did and saw: at most `count` entries that are newer than `after`, oldest first.
    pub async fn client_timeline(
        &self,
        id: u32,
        after: u64,
        count: u32,
    ) -> Result<Vec<TimelineEntry>> {
        self.clients.timeline(id, after, count)
    }

    /// Opens a view on the traffic.
    pub async fn traffic_open(&self, filter: TrafficFilter) -> Result<u32> {
        self.traffic.open(&filter)
    }

    /// Changes the filter of a view; its positions begin anew.
    pub async fn traffic_filter(&self, view: u32, filter: TrafficFilter) -> Result<()> {
        self.traffic.filter(view, &filter)
    }

    /// Closes a view.
    pub async fn traffic_close(&self, view: u32) -> Result<()> {
        self.traffic.close(view)
    }

    /// The state of a view, with at most `tail` of its newest rows. `frame` is 0; who sends it numbers it.
    pub async fn traffic_frame(&self, view: u32, tail: u32) -> Result<TrafficFrame> {
        self.traffic.frame(view, tail)
    }

    /// Rows of a view from a position on; at most 1,000.
    pub async fn traffic_rows(&self, view: u32, start: u64, count: u32) -> Result<TrafficRows> {
        self.traffic.rows(view, start, count)
    }

    /// Everything about one packet; `whole` for all its bytes however many they are.
    pub async fn packet_detail(&self, seq: u64, whole: bool) -> Result<PacketDetail> {
        self.traffic.detail(seq, whole)
    }

    /// Opens a view on the messages.
    pub async fn messages_open(&self, filter: TrafficFilter) -> Result<u32> {
        self.traffic.messages().open(&filter)
    }

    /// Changes the filter of a view on the messages; its positions begin anew.
    pub async fn messages_filter(&self, view: u32, filter: TrafficFilter) -> Result<()> {
        self.traffic.messages().filter(view, &filter)
    }

    /// Closes a view on the messages.
    pub async fn messages_close(&self, view: u32) -> Result<()> {
        self.traffic.messages().close(view)
    }

    /// The state of a view on the messages, with at most `tail` of its newest rows. `frame` is 0; who sends it numbers it.
    pub async fn messages_frame(&self, view: u32, tail: u32) -> Result<MessagesFrame> {
        self.traffic.messages().frame(view, tail)
    }

    /// Messages of a view from a position on; at most 1,000.
    pub async fn message_rows(&self, view: u32, start: u64, count: u32) -> Result<MessageRows> {
        self.traffic.messages().rows(view, start, count)
    }

    /// The story of a message: its publish and everything that follows from it.
    pub async fn story(&self, request: StoryRequest) -> Result<Story> {
        let source = self.traffic.source();
        blocking(move || traffic::story(source.as_ref(), &request)).await
    }

    /// Writes a sequence diagram into the folder of exports, under a name made of this one. Where it is.
    pub async fn flow_save(&self, name: String, svg: String) -> Result<String> {
        let folder = self.data.join("exports");
        blocking(move || traffic::save_flow(&folder, &name, &svg)).await
    }

    /// Opens a view on the topic tree.
    pub async fn topics_open(&self) -> Result<u32> {
        Ok(self.traffic.topics().open())
    }

    /// Topics that were seen and whose name holds a text: at most `count` of them, 100 at most.
    pub async fn topics_like(&self, text: &str, count: u32) -> Result<Vec<String>> {
        const LOOK: u32 = 500;
        let topics = self.traffic.topics();
        let view = topics.open();
        let found = topics.filter(view, text).and_then(|()| {
            let look = TopicsLook {
                count: LOOK,
                ..TopicsLook::default()
            };
            topics.frame(view, &look, Timestamp::now())
        });
        topics.close(view)?;
        let seen = found?.rows.into_iter().filter(|row| row.topic.is_some());
        let most = usize::try_from(count.min(100)).unwrap_or(100);
        Ok(seen.map(|row| row.name).take(most).collect())
    }

    /// Shows only topics whose name holds a text, or that match a topic filter with wildcards.
    pub async fn topics_filter(&self, view: u32, text: String) -> Result<()> {
        self.traffic.topics().filter(view, &text)
    }

    /// Opens or closes a branch of the topic tree.
    pub async fn topics_branch(&self, view: u32, node: u32, open: bool) -> Result<()> {
        self.traffic.topics().set_open(view, node, open)
    }

    /// Closes a view on the topic tree.
    pub async fn topics_close(&self, view: u32) -> Result<()> {
        self.traffic.topics().close(view)
    }

    /// The rows of the topic tree in sight. `frame` is 0; who sends it numbers it.
    pub async fn topics_frame(&self, view: u32, look: TopicsLook) -> Result<TopicsFrame> {
        self.traffic.topics().frame(view, &look, Timestamp::now())
    }

    /// Everything about a topic: what was seen of it, and what the broker knows where it runs.
    pub async fn topic(&self, topic: String) -> Result<TopicDetail> {
        let mut detail = self.traffic.topics().detail(&topic, Timestamp::now());
        let wanted = SubscriptionRequest {
            client_id: None,
            topic: Some(topic.clone()),
        };
        // A broker that does not run, and a topic that none would take, have neither.
        if let Ok(page) = self.broker_subscriptions(wanted, first(SUBSCRIBERS)).await {
            detail.subscriber_count = page.total;
            detail.subscribers = page.items;
        }
        if let Ok(page) = self.broker_retained(&topic, first(1)).await {
            detail.retained = page.items.into_iter().next();
        }
        Ok(detail)
    }

    /// Forgets every packet.
    pub async fn traffic_clear(&self) -> Result<()> {
        self.traffic.clear()
    }

    /// The charts.
    pub async fn charts(&self) -> Vec<Chart> {
        self.charts.list()
    }

    /// Adds a chart; its `id` is given here.
    pub async fn chart_create(&self, chart: Chart) -> Result<Chart> {
        self.charts.create(chart)
    }

    /// Removes a chart. Returns it, for an undo.
    pub async fn chart_remove(&self, id: u32) -> Result<Chart> {
        self.charts.remove(id)
    }

    /// Changes title, source or window of a chart.
    pub async fn chart_update(&self, chart: Chart) -> Result<Chart> {
        self.charts.update(chart)
    }

    /// A chart, drawn as it is now. `frame` is 0; who sends it numbers it.
    pub async fn chart_frame(&self, view: ChartView) -> Result<ChartFrame> {
        self.charts.frame(view)
    }

    /// Ends everything in order: test clients, broker.
    pub async fn close(&self) {
        self.clients.close().await;
        self.recordings.close().await;
        // It may not run; then there is nothing to stop.
        let _ = self.broker.stop().await;
        self.stop.send_replace(true);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// The first entries of a list.
fn first(count: u32) -> PageRequest {
    PageRequest { after: None, count }
}

/// Runs what waits for files off the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ApiError::new(ErrorCode::Internal, error.to_string())))
}

/// What will soon be refused.
fn certificate_findings(all: &Certificates) -> Vec<Finding> {
    let ends = |certificate: &Certificate| {
        let (severity, verb) = match certificate.state {
            CertificateState::Expired => (Severity::Serious, "has ended"),
            CertificateState::Expiring => (Severity::Warning, "ends within 30 days"),
            CertificateState::NotYetValid => (Severity::Warning, "is not valid yet"),
            CertificateState::Valid => return None,
        };
        Some(Finding {
            severity,
            title: format!("The certificate of {} {verb}", certificate.name),
            detail:
                "Whoever shows it is refused outside its time. Issue another, or set the clock."
                    .into(),
        })
    };
    [&all.authority, &all.server]
        .into_iter()
        .chain(&all.devices)
        .filter_map(ends)
        .collect()
}
