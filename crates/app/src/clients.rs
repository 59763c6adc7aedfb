//! The test clients that a person has set up, and the messages that are kept for them.
//!
//! Duty: keep them by number, over restarts of the app; turn what a form holds into what the client engine takes.
//! Not here: MQTT (`mqttwb_client`), and where the embedded broker is: an [`Endpoint`] is an argument.
//! Invariant: a configuration that is kept can be connected with, as far as that can be told without a broker; no secret
//! goes back to the page.

mod exchange;
mod keep;
mod options;
pub(crate) mod profiles;
mod run;
mod template;
mod vault;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mqttwb_client::{ConnectionError, EntryKind, State, TestClient};
use mqttwb_model::{Observer, Timestamp};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::exchange::{Exchange, INBOX};
use self::keep::{Files, Settled, settle};
use self::options::{Draft, invalid, pairs, wish};
use self::run::Run;
use self::template::Filling;
use self::vault::Use;
use self::words::{entry_for_people, for_people};
use crate::api::{
    self, ApiError, ClientConfig, DisconnectHow, ErrorCode, PayloadEncoding, PublishRequest,
    ReplyReceived, ReplyRequest, RunRequest, SavedMessage, SubscribeRequest, Target, TimelineEntry,
};
use crate::certificates::CertificateStore;
use crate::words::sentence;
use crate::{Result, blocking, files};

pub use mqttwb_client::Endpoint;
pub(crate) use options::{filter, payload, qos, topic, version};
pub(crate) use vault::Secrets;
pub(crate) use words::{connection_failed, request_failed};

/// Entries of one answer at most.
const ENTRIES: u32 = mqttwb_client::TIMELINE_CAPACITY as u32;
/// Clients that were removed and can be had back.
const REMOVED: usize = 8;
/// Bytes of a reply's payload that are shown.
const REPLY: usize = 64 * 1024;
/// The longest that a reply is waited for.
const LONGEST_WAIT: u32 = 10 * 60 * 1000;

/// The test clients, by number.
pub struct TestClients {
    kept: Mutex<Kept>,
    observer: Arc<dyn Observer>,
    /// Where they outlive the app; nowhere in tests. Held while it is written, so that the newest state is written last.
    files: Option<Arc<tokio::sync::Mutex<Files>>>,
}

#[derive(Default)]
struct Kept {
    clients: BTreeMap<u32, Entry>,
    removed: VecDeque<(u32, Entry)>,
    messages: Vec<SavedMessage>,
    last: u32,
}

#[derive(Clone)]
struct Entry {
    config: ClientConfig,
    secrets: Secrets,
    client: Arc<TestClient>,
    exchange: Arc<Exchange>,
    run: Arc<Mutex<Option<Arc<Run>>>>,
}

impl Entry {
    /// The identifier that `{{client}}` stands for.
    fn name(&self) -> String {
        let status = self.client.status();
        match status.negotiated {
            Some(told) => told.client_id,
            None => self.config.client_id.clone(),
        }
    }
}

impl TestClients {
    /// No clients yet, and none that outlive the app.
    #[cfg(test)]
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            kept: Mutex::default(),
            observer,
            files: None,
        }
    }

    /// The clients that a data folder keeps. Their connections do not outlive the app: none is connected.
    pub fn open(data: &Path, observer: Arc<dyn Observer>) -> Result<Self> {
        let files = Files::of(data);
        let stored = files.read()?;
        let clients = Self {
            kept: Mutex::default(),
            observer,
            files: Some(Arc::new(tokio::sync::Mutex::new(files))),
        };
        {
            let mut kept = clients.kept.lock();
            kept.messages = stored.messages;
            for (id, config, secrets) in stored.clients {
                kept.last = kept.last.max(id);
                let entry = clients.entry_of(Settled { config, secrets });
                if stored.without_secrets.contains(&id) {
                    entry.client.note(
                        EntryKind::Failure,
                        "its stored passwords could not be opened: enter them anew".into(),
                    );
                }
                kept.clients.insert(id, entry);
            }
        }
        Ok(clients)
    }

    fn entry_of(&self, settled: Settled) -> Entry {
        let client = Arc::new(TestClient::observed_by(self.observer.clone()));
        let exchange = Arc::new(Exchange::default());
        // Only a file that somebody has written to holds rules that are none; the others are in force then.
        if let Err(error) = exchange.set_rules(&settled.config.replies) {
            client.note(
                EntryKind::Failure,
                format!("answers by rule: {}", error.message),
            );
        }
        Entry {
            config: settled.config,
            secrets: settled.secrets,
            client,
            exchange,
            run: Arc::default(),
        }
    }

    /// Writes what is kept. What was changed meanwhile is written too.
    async fn save(&self) -> Result<()> {
        let Some(files) = self.files.clone() else {
            return Ok(());
        };
        let files = files.lock_owned().await;
        let (clients, messages) = {
            let kept = self.kept.lock();
            let clients: Vec<_> = kept
                .clients
                .iter()
                .map(|(id, entry)| (*id, entry.config.clone(), entry.secrets.clone()))
                .collect();
            (clients, kept.messages.clone())
        };
        blocking(move || files.write(clients, messages)).await
    }

    /// What has the key that their passwords are encrypted with; nothing where none is kept.
    pub async fn passwords_kept_by(&self) -> Result<Option<api::KeptBy>> {
        let Some(files) = self.files.clone() else {
            return Ok(None);
        };
        let files = files.lock_owned().await;
        blocking(move || files.secrets_kept_by()).await
    }

    /// Adds a client.
    pub async fn create(&self, config: ClientConfig) -> Result<api::TestClient> {
        let id = self.add(config)?;
        self.save().await?;
        self.one(id)
    }

    fn add(&self, config: ClientConfig) -> Result<u32> {
        let settled = settle(config, &Secrets::new());
        options::options(&settled.config, &settled.secrets)?;
        Exchange::default().set_rules(&settled.config.replies)?;
        let entry = self.entry_of(settled);
        let mut kept = self.kept.lock();
        kept.last += 1;
        let id = kept.last;
        kept.clients.insert(id, entry);
        Ok(id)
    }

    /// Changes a client. Of one that is connected only its name, its answers by rule and its subscriptions can be changed.
    pub async fn update(&self, id: u32, config: ClientConfig) -> Result<api::TestClient> {
        {
            let mut kept = self.kept.lock();
            let entry = kept.clients.get_mut(&id).ok_or_else(|| unknown(id))?;
            let settled = settle(config, &entry.secrets);
            options::options(&settled.config, &settled.secrets)?;
            let state = entry.client.status().state;
            let busy = matches!(state, State::Connecting | State::Connected | State::Waiting);
            let same = ClientConfig {
                name: settled.config.name.clone(),
                replies: settled.config.replies.clone(),
                subscriptions: settled.config.subscriptions.clone(),
                ..entry.config.clone()
            };
            if busy && (same != settled.config || settled.secrets != entry.secrets) {
                return Err(ApiError::new(
                    ErrorCode::WrongState,
                    "A connected client can't be changed.",
                )
                .hint("Disconnect it first."));
            }
            entry.exchange.set_rules(&settled.config.replies)?;
            entry.config = settled.config;
            entry.secrets = settled.secrets;
        }
        self.save().await?;
        self.one(id)
    }

    /// Removes a client; a connected one is disconnected first. Returns how it was configured, without its secrets.
    pub async fn remove(&self, id: u32) -> Result<ClientConfig> {
        let removed = self.kept.lock().clients.remove(&id);
        let entry = removed.ok_or_else(|| unknown(id))?;
        if let Some(run) = entry.run.lock().take() {
            run.stop();
        }
        entry.client.disconnect().await;
        let config = entry.config.clone();
        {
            let mut kept = self.kept.lock();
            if kept.removed.len() == REMOVED {
                kept.removed.pop_front();
            }
            kept.removed.push_back((id, entry));
        }
        self.save().await?;
        Ok(config)
    }

    /// Has a client back that was removed, with its secrets and its timeline.
    pub async fn restore(&self, id: u32) -> Result<api::TestClient> {
        {
            let mut kept = self.kept.lock();
            let place = kept.removed.iter().position(|(removed, _)| *removed == id);
            let Some((_, entry)) = place.and_then(|place| kept.removed.remove(place)) else {
                return Err(
                    unknown(id).hint("Only the last few that were removed can be had back.")
                );
            };
            kept.clients.insert(id, entry);
        }
        self.save().await?;
        self.one(id)
    }

    /// Where a client wants to connect to, and its secrets.
    pub fn target(&self, id: u32) -> Result<(Target, Secrets)> {
        let entry = self.entry(id)?;
        Ok((entry.config.target, entry.secrets))
    }

    /// Connects a client; returns when CONNACK came. Where there is no connection the client's state says why.
    pub async fn connect(&self, id: u32, endpoint: &Endpoint) -> Result<api::TestClient> {
        let entry = self.entry(id)?;
        let options = options::options(&entry.config, &entry.secrets)?;
        let (inbox, messages) = mpsc::channel(INBOX);
        let listening = entry.exchange.clone().listen(
            entry.client.clone(),
            entry.config.client_id.clone(),
            messages,
        );
        let outcome = {
            // It ends with the last connection, since the inbox does.
            let listening = tokio::spawn(listening);
            let outcome = entry
                .client
                .connect_with_inbox(&options, endpoint, inbox)
                .await;
            if matches!(outcome, Err(ConnectionError::Connected)) {
                listening.abort();
            }
            outcome
        };
        // The client keeps every other failure, and shows it.
        if let Err(error @ ConnectionError::Connected) = outcome {
            return Err(ApiError::new(ErrorCode::WrongState, sentence(error)));
        }
        self.one(id)
    }

    /// Ends a client's connection.
    pub async fn disconnect(&self, id: u32, how: DisconnectHow) -> Result<api::TestClient> {
        let entry = self.entry(id)?;
        if let Some(run) = entry.run.lock().as_ref() {
            run.stop();
        }
        match how {
            DisconnectHow::Clean => entry.client.disconnect().await,
            DisconnectHow::Drop => entry.client.drop_socket().await,
        }
        self.one(id)
    }

    /// Subscribes a client; what SUBACK said stands in the subscription. It is made again when the client connects.
    pub async fn subscribe(&self, id: u32, request: &SubscribeRequest) -> Result<api::TestClient> {
        let client = self.entry(id)?.client;
        client
            .subscribe(wish(request)?)
            .await
            .map_err(request_failed)?;
        self.change(id, |config| {
            config
                .subscriptions
                .retain(|known| known.filter != request.filter);
            config.subscriptions.push(request.clone());
        });
        self.save().await?;
        self.one(id)
    }

    /// Ends a subscription of a client.
    pub async fn unsubscribe(&self, id: u32, text: &str) -> Result<api::TestClient> {
        let client = self.entry(id)?.client;
        client
            .unsubscribe(filter(text)?)
            .await
            .map_err(request_failed)?;
        self.change(id, |config| {
            config.subscriptions.retain(|known| known.filter != text);
        });
        self.save().await?;
        self.one(id)
    }

    fn change(&self, id: u32, change: impl FnOnce(&mut ClientConfig)) {
        if let Some(entry) = self.kept.lock().clients.get_mut(&id) {
            change(&mut entry.config);
        }
    }

    /// Publishes from a client; returns when the message was handed to the socket.
    pub async fn publish(&self, id: u32, request: &PublishRequest) -> Result<()> {
        let entry = self.entry(id)?;
        let message = message(&entry, request.clone()).await?;
        entry
            .client
            .publish(message)
            .await
            .map_err(request_failed)?;
        Ok(())
    }

    /// Begins to publish messages one after the other; a run of the client that is under way ends.
    pub async fn run(&self, id: u32, request: RunRequest) -> Result<api::TestClient> {
        let entry = self.entry(id)?;
        if entry.client.status().state != State::Connected {
            return Err(request_failed(mqttwb_client::RequestError::NotConnected));
        }
        let run = Run::start(entry.client.clone(), entry.name(), request).await?;
        if let Some(before) = entry.run.lock().replace(run) {
            before.stop();
        }
        self.one(id)
    }

    /// Ends what [`run`](Self::run) began.
    pub fn stop(&self, id: u32) -> Result<api::TestClient> {
        if let Some(run) = self.entry(id)?.run.lock().as_ref() {
            run.stop();
        }
        self.one(id)
    }

    /// Publishes a request, and waits for its reply.
    pub async fn request(&self, id: u32, request: ReplyRequest) -> Result<ReplyReceived> {
        let entry = self.entry(id)?;
        let v5 = entry.config.version == api::Version::V5;
        let mut message = message(&entry, request.message).await?;
        let told = &mut message.properties;
        let response_topic = match &told.response_topic {
            Some(topic) => topic.clone(),
            // Response Information is what a broker lets a client make response topics of.
            None => format!("{}/{:08x}", response_prefix(&entry), fastrand::u32(..)),
        };
        let correlation = v5.then(|| {
            told.response_topic = Some(response_topic.clone());
            told.correlation_data
                .get_or_insert_with(|| fastrand::u64(..).to_be_bytes().to_vec().into())
                .clone()
        });
        let wanted = filter(&response_topic)?;
        let status = entry.client.status();
        let covered = status
            .subscriptions
            .iter()
            .any(|known| known.answer.is_some() && known.wish.filter.matches(&response_topic));
        if !covered {
            let wish = mqttwb_client::Wish::new(wanted.clone(), mqttwb_model::QoS::AtLeastOnce);
            let grant = entry.client.subscribe(wish).await.map_err(request_failed)?;
            if let mqttwb_client::Grant::Refused(reason) = grant {
                return Err(ApiError::new(
                    ErrorCode::Client,
                    format!("The broker lets nobody subscribe to the response topic {response_topic}: {reason}."),
                )
                .hint("Name a response topic that this client may read."));
            }
        }
        let (number, reply) = entry.exchange.expect(&response_topic, correlation.clone());
        let within = Duration::from_millis(request.within.clamp(1, LONGEST_WAIT).into());
        let began = Instant::now();
        let outcome = async {
            entry.client.publish(message).await.map_err(request_failed)?;
            match tokio::time::timeout(within, reply).await {
                Ok(Ok(reply)) => Ok(reply),
                _ => Err(ApiError::new(
                    ErrorCode::Client,
                    format!("No reply came on {response_topic} within {} ms.", within.as_millis()),
                )
                .hint("Does anybody answer this request, on its response topic and with its correlation data?")),
            }
        }
        .await;
        entry.exchange.give_up(number);
        if !covered {
            // Where it can't be ended, the connection has.
            let _ = entry.client.unsubscribe(wanted).await;
        }
        let (reply, came) = outcome?;
        let micros = came.duration_since(began).as_micros();
        entry.client.note(
            EntryKind::Reply,
            format!(
                "{}: the reply came after {:.1} ms",
                reply.topic,
                micros as f64 / 1_000.0
            ),
        );
        let shown = &reply.payload[..reply.payload.len().min(REPLY)];
        Ok(ReplyReceived {
            topic: reply.topic.clone(),
            payload: match std::str::from_utf8(shown) {
                Ok(text) => text.to_owned(),
                Err(error) if error.error_len().is_none() => {
                    String::from_utf8_lossy(&shown[..error.valid_up_to()]).into_owned()
                }
                Err(_) => words::readable(shown),
            },
            cut: shown.len() < reply.payload.len(),
            // A packet is smaller than 4 GiB.
            size: u32::try_from(reply.payload.len()).unwrap_or(u32::MAX),
            micros: u64::try_from(micros).unwrap_or(u64::MAX),
            correlation_data: correlation.as_deref().map(words::readable),
            properties: words::properties(&reply.properties),
        })
    }

    /// What a client did and saw: at most `count` entries that are newer than `after`, oldest first.
    pub fn timeline(&self, id: u32, after: u64, count: u32) -> Result<Vec<TimelineEntry>> {
        let client = self.entry(id)?.client;
        let count = usize::try_from(count.min(ENTRIES)).unwrap_or(usize::MAX);
        let page = client.timeline(after, count);
        Ok(page.entries.into_iter().map(entry_for_people).collect())
    }

    /// Every client, in the order that they were made in.
    pub fn list(&self) -> Vec<api::TestClient> {
        let kept = self.kept.lock();
        kept.clients
            .iter()
            .map(|(id, entry)| for_people(*id, entry))
            .collect()
    }

    /// The messages that are kept, in the order that they were kept in.
    pub fn messages(&self) -> Vec<SavedMessage> {
        self.kept.lock().messages.clone()
    }

    /// Keeps a message; one of the same name is replaced.
    pub async fn keep_message(&self, saved: SavedMessage) -> Result<Vec<SavedMessage>> {
        if saved.name.trim().is_empty() {
            return Err(invalid("a message is kept under a name"));
        }
        {
            let mut kept = self.kept.lock();
            match kept
                .messages
                .iter_mut()
                .find(|known| known.name == saved.name)
            {
                Some(known) => *known = saved,
                None => kept.messages.push(saved),
            }
        }
        self.save().await?;
        Ok(self.messages())
    }

    /// Forgets a message that was kept.
    pub async fn forget_message(&self, name: &str) -> Result<Vec<SavedMessage>> {
        self.kept.lock().messages.retain(|known| known.name != name);
        self.save().await?;
        Ok(self.messages())
    }

    /// Clients and messages as a text, for another workbench; secrets only where they are asked for.
    pub fn export(&self, ids: &[u32], secrets: bool) -> Result<String> {
        let kept = self.kept.lock();
        let chosen = kept
            .clients
            .iter()
            .filter(|(id, _)| ids.is_empty() || ids.contains(id))
            .map(|(_, entry)| match secrets {
                true => keep::with_secrets(&entry.config, &entry.secrets),
                false => keep::without_secrets(&entry.config),
            })
            .collect();
        profiles::write(chosen, kept.messages.clone())
    }

    /// Adds the clients and messages of a text. One that can't be read adds nothing.
    pub async fn import(&self, text: &str, folder: Option<&Path>) -> Result<api::Imported> {
        let read = profiles::read(text, folder)?;
        let mut left_out = read.left_out;
        let mut clients = Vec::new();
        for config in read.clients {
            let name = match config.name.as_str() {
                "" => config.client_id.clone(),
                name => name.to_owned(),
            };
            match self.add(config) {
                Ok(id) => clients.push(id),
                Err(error) => left_out.push(format!("{name}: {}", error.message)),
            }
        }
        let messages = read.messages.len();
        {
            let mut kept = self.kept.lock();
            for saved in read.messages {
                if !kept.messages.iter().any(|known| known.name == saved.name) {
                    kept.messages.push(saved);
                }
            }
        }
        self.save().await?;
        Ok(api::Imported {
            format: read.format.into(),
            clients,
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            left_out,
        })
    }

    /// Disconnects every client.
    pub async fn close(&self) {
        let clients: Vec<Arc<TestClient>> = {
            let kept = self.kept.lock();
            kept.clients.values().map(|e| e.client.clone()).collect()
        };
        let ends = clients.iter().map(|client| client.disconnect());
        futures_util::future::join_all(ends).await;
    }

    fn entry(&self, id: u32) -> Result<Entry> {
        let kept = self.kept.lock();
        kept.clients.get(&id).cloned().ok_or_else(|| unknown(id))
    }

    fn one(&self, id: u32) -> Result<api::TestClient> {
        Ok(for_people(id, &self.entry(id)?))
    }
}

/// The message of a form; a file is read.
async fn message(entry: &Entry, request: PublishRequest) -> Result<mqttwb_client::Publication> {
    let draft = match request.encoding {
        PayloadEncoding::File => blocking(move || Draft::parse(&request)).await?,
        _ => Draft::parse(&request)?,
    };
    let name = entry.name();
    let with = Filling {
        counter: entry.exchange.counter.fetch_add(1, Ordering::Relaxed) + 1,
        now: Timestamp::now(),
        client: &name,
        topic: "",
        payload: "",
    };
    draft.make(&with, None)
}

/// What a client's response topics begin with.
fn response_prefix(entry: &Entry) -> String {
    let status = entry.client.status();
    let told = status.negotiated.as_ref();
    let information = told.and_then(|told| {
        told.properties
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("response information"))
    });
    match information {
        Some((_, prefix)) => prefix.trim_matches('"').to_owned(),
        None => format!("reply/{}", entry.name().replace(['+', '#', '/'], "-")),
    }
}

/// The way to a broker elsewhere.
pub(crate) fn remote_endpoint(
    remote: &api::Remote,
    secrets: &Secrets,
    store: &CertificateStore,
) -> Result<Endpoint> {
    let host = remote.host.trim().trim_matches(['[', ']']);
    if host.is_empty() {
        return Err(invalid("the broker has no host name").hint("Enter its host name or address."));
    }
    if remote.port == 0 {
        return Err(invalid("the broker has no port")
            .hint("Usual ones are 1883, 8883 with TLS, and 8083 or 443 with WebSocket."));
    }
    let websocket = matches!(remote.protocol, api::Protocol::Ws | api::Protocol::Wss);
    let secure = matches!(remote.protocol, api::Protocol::Tls | api::Protocol::Wss);
    let passphrase = secrets.get(&Use::Passphrase).map(|text| text.as_str());
    let tls = match secure {
        true => Some(store.remote_config(&remote.tls, passphrase, websocket)?),
        false => None,
    };
    let server_name = Some(remote.tls.server_name.trim()).filter(|name| !name.is_empty());
    let path = match remote.path.as_str() {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    Ok(Endpoint {
        tls,
        server_name: server_name.map(str::to_owned),
        websocket: websocket.then(|| mqttwb_client::WebSocket {
            path,
            headers: pairs(&remote.headers),
        }),
        proxy: match &remote.proxy {
            Some(proxy) if !proxy.host.is_empty() => Some(mqttwb_client::Proxy {
                protocol: match proxy.kind {
                    api::ProxyKind::Http => mqttwb_client::ProxyProtocol::Http,
                    api::ProxyKind::Socks5 => mqttwb_client::ProxyProtocol::Socks5,
                },
                host: proxy.host.clone(),
                port: proxy.port,
                login: (!proxy.user.is_empty()).then(|| {
                    let password = secrets.get(&Use::ProxyPassword);
                    let password = password.map_or_else(String::new, |text| text.to_string());
                    (proxy.user.clone(), password)
                }),
            }),
            _ => None,
        },
        ..Endpoint::tcp(host, remote.port)
    })
}

/// A file for an export that is not there yet.
pub(crate) fn free_export(data: &Path) -> Result<PathBuf> {
    let folder = directories::UserDirs::new()
        .and_then(|dirs| dirs.download_dir().map(Path::to_owned))
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| data.to_owned());
    for number in 1.. {
        let name = match number {
            1 => "mqtt-workbench-clients.json".to_owned(),
            number => format!("mqtt-workbench-clients-{number}.json"),
        };
        let path = folder.join(name);
        if !files::exists(&path)? {
            return Ok(path);
        }
    }
    Ok(folder.join("mqtt-workbench-clients.json"))
}

fn unknown(id: u32) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("There is no test client number {id}."),
    )
}

#[cfg(test)]
mod tests;
