//! The test clients that a person has set up, and the messages that are kept for them.
//!
//! Duty: keep them by number, over restarts of the app; turn what a form holds into what the client engine takes.
//! Not here: MQTT (`mqttwb_client`), and where the embedded broker is: an [`Endpoint`] is an argument. The way to a broker
//! elsewhere is in `remote.rs`, a request and its reply in `request.rs`, clients as a text in `sharing.rs`.
//! Invariant: a configuration that is kept can be connected with, as far as that can be told without a broker; no secret
//! goes back to the page.

mod exchange;
mod keep;
mod options;
pub(crate) mod profiles;
mod remote;
mod request;
mod run;
mod sharing;
mod template;
mod vault;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mqttwb_client::{ConnectionError, EntryKind, State, TestClient};
use mqttwb_model::{Observer, Timestamp};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::exchange::{Exchange, INBOX};
use self::keep::{Files, Settled, settle};
use self::options::{Draft, invalid, wish};
use self::run::Run;
use self::template::Filling;
use self::words::{entry_for_people, for_people};
use crate::api::{
    self, ApiError, ClientConfig, DisconnectHow, ErrorCode, PayloadEncoding, PublishRequest,
    RunRequest, SavedMessage, SubscribeRequest, Target, TimelineEntry,
};
use crate::words::sentence;
use crate::{Result, blocking};

pub use mqttwb_client::Endpoint;
pub(crate) use options::{filter, payload, qos, topic, version};
pub(crate) use remote::remote_endpoint;
pub(crate) use sharing::free_export;
pub(crate) use vault::Secrets;
pub(crate) use words::{connection_failed, request_failed};

/// Entries of one answer at most.
const ENTRIES: u32 = mqttwb_client::TIMELINE_CAPACITY as u32;
/// Clients that were removed and can be had back.
const REMOVED: usize = 8;

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

fn unknown(id: u32) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("There is no test client number {id}."),
    )
}

#[cfg(test)]
mod tests;
