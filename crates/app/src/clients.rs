//! The test clients that a person has set up.
//!
//! Duty: keep them by number, turn what a form holds into what the client engine takes, and its errors into sentences.
//! Not here: MQTT (`mqttwb_client`), and where the embedded broker is: an [`Endpoint`] is an argument.
//! Invariant: a configuration that is kept can be connected with, as far as that can be told without a broker.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mqttwb_client::{
    ConnectionError, EntryKind, Grant, MessageProperties, Options, OptionsError, Publication,
    RequestError, State, Status, TestClient, Version, Will, Wish,
};
use mqttwb_model::{Observer, ProtocolVersion, QoS, TopicFilter, TopicName};
use parking_lot::Mutex;

use crate::Result;
use crate::api::{
    self, ApiError, ClientConfig, ClientState, ClientSubscription, DisconnectHow, ErrorCode,
    PayloadEncoding, PublishRequest, SubscribeRequest, Target, TimelineEntry, TimelineKind,
};
use crate::words::sentence;

pub use mqttwb_client::Endpoint;

/// Entries of one answer at most.
const ENTRIES: u32 = mqttwb_client::TIMELINE_CAPACITY as u32;

/// The test clients, by number.
pub struct TestClients {
    kept: Mutex<Kept>,
    observer: Arc<dyn Observer>,
}

#[derive(Debug, Default)]
struct Kept {
    clients: BTreeMap<u32, Entry>,
    last: u32,
}

#[derive(Debug, Clone)]
struct Entry {
    config: ClientConfig,
    client: Arc<TestClient>,
}

impl TestClients {
    /// No clients yet; what those of other brokers send and receive goes to this observer.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            kept: Mutex::default(),
            observer,
        }
    }

    /// Adds a client.
    pub fn create(&self, config: ClientConfig) -> Result<api::TestClient> {
        options(&config)?;
        let entry = Entry {
            config,
            client: Arc::new(TestClient::observed_by(self.observer.clone())),
        };
        let mut kept = self.kept.lock();
        kept.last += 1;
        let id = kept.last;
        kept.clients.insert(id, entry.clone());
        Ok(for_people(id, &entry))
    }

    /// Changes a client that is not connected.
    pub fn update(&self, id: u32, config: ClientConfig) -> Result<api::TestClient> {
        options(&config)?;
        let mut kept = self.kept.lock();
        let entry = kept.clients.get_mut(&id).ok_or_else(|| unknown(id))?;
        if matches!(
            entry.client.status().state,
            State::Connecting | State::Connected | State::Waiting
        ) {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                "A connected client can't be changed.",
            )
            .hint("Disconnect it first."));
        }
        entry.config = config;
        Ok(for_people(id, entry))
    }

    /// Removes a client; a connected one is disconnected first. Returns how it was configured.
    pub async fn remove(&self, id: u32) -> Result<ClientConfig> {
        let removed = self.kept.lock().clients.remove(&id);
        let entry = removed.ok_or_else(|| unknown(id))?;
        entry.client.disconnect().await;
        Ok(entry.config)
    }

    /// Where a client wants to connect to.
    pub fn target(&self, id: u32) -> Result<Target> {
        Ok(self.entry(id)?.config.target)
    }

    /// Connects a client; returns when CONNACK came. Where there is no connection the client's state says why.
    pub async fn connect(&self, id: u32, endpoint: &Endpoint) -> Result<api::TestClient> {
        let entry = self.entry(id)?;
        let options = options(&entry.config)?;
        let outcome = entry.client.connect(&options, endpoint).await;
        // The client keeps every other failure, and shows it.
        if let Err(error @ ConnectionError::Connected) = outcome {
            return Err(ApiError::new(ErrorCode::WrongState, sentence(error)));
        }
        self.one(id)
    }

    /// Ends a client's connection.
    pub async fn disconnect(&self, id: u32, how: DisconnectHow) -> Result<api::TestClient> {
        let client = self.entry(id)?.client;
        match how {
            DisconnectHow::Clean => client.disconnect().await,
            DisconnectHow::Drop => client.drop_socket().await,
        }
        self.one(id)
    }

    /// Subscribes a client; what SUBACK said stands in the subscription.
    pub async fn subscribe(&self, id: u32, request: &SubscribeRequest) -> Result<api::TestClient> {
        let client = self.entry(id)?.client;
        let filter = filter(&request.filter)?;
        client
            .subscribe(Wish::new(filter, qos(request.qos)?))
            .await
            .map_err(request_failed)?;
        self.one(id)
    }

    /// Ends a subscription of a client.
    pub async fn unsubscribe(&self, id: u32, text: &str) -> Result<api::TestClient> {
        let client = self.entry(id)?.client;
        client
            .unsubscribe(filter(text)?)
            .await
            .map_err(request_failed)?;
        self.one(id)
    }

    /// Publishes from a client; returns when the message was handed to the socket.
    pub async fn publish(&self, id: u32, request: &PublishRequest) -> Result<()> {
        let client = self.entry(id)?.client;
        let message = Publication {
            topic: topic(&request.topic)?,
            payload: payload(&request.payload, request.encoding)?,
            qos: qos(request.qos)?,
            retain: request.retain,
            properties: MessageProperties::default(),
        };
        client.publish(message).await.map_err(request_failed)?;
        Ok(())
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

fn unknown(id: u32) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("There is no test client number {id}."),
    )
}

fn invalid(message: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence(message))
}

/// What the engine takes of a form.
fn options(config: &ClientConfig) -> Result<Options> {
    if config.client_id.is_empty() {
        return Err(invalid("a test client needs an identifier")
            .hint("It is also its name in the list of clients."));
    }
    let will = config.will.as_ref().map(|will| -> Result<Will> {
        Ok(Will {
            topic: topic(&will.topic)?,
            payload: will.payload.clone().into(),
            qos: qos(will.qos)?,
            retain: will.retain,
            delay: None,
            properties: MessageProperties::default(),
        })
    });
    Ok(Options {
        client_id: config.client_id.clone(),
        version: version(config.version)?,
        keep_alive: config.keep_alive,
        clean_start: config.clean_start,
        session_expiry: config.session_expiry,
        will: will.transpose()?,
        ..Options::new("")
    })
}

pub(crate) fn version(version: api::Version) -> Result<Version> {
    let version = match version {
        api::Version::V31 => ProtocolVersion::V31,
        api::Version::V311 => ProtocolVersion::V311,
        api::Version::V5 => ProtocolVersion::V5,
    };
    version
        .try_into()
        .map_err(|error: OptionsError| invalid(error))
}

pub(crate) fn topic(text: &str) -> Result<TopicName> {
    TopicName::try_from(text).map_err(invalid)
}

pub(crate) fn filter(text: &str) -> Result<TopicFilter> {
    TopicFilter::try_from(text).map_err(invalid)
}

pub(crate) fn qos(number: u8) -> Result<QoS> {
    QoS::try_from(number).map_err(invalid)
}

/// The bytes that a text field stands for.
pub(crate) fn payload(text: &str, encoding: PayloadEncoding) -> Result<Bytes> {
    match encoding {
        PayloadEncoding::Text => Ok(text.to_owned().into()),
        PayloadEncoding::Json => {
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|error| invalid(format!("the payload is not JSON: {error}")))?;
            Ok(text.to_owned().into())
        }
        PayloadEncoding::Hex => hexadecimal(text),
        PayloadEncoding::Base64 => {
            let packed: String = text.split_whitespace().collect();
            let bytes = STANDARD
                .decode(packed)
                .map_err(|error| invalid(format!("the payload is not Base64: {error}")))?;
            Ok(bytes.into())
        }
    }
}

/// Pairs of digits, with blanks between them or without.
fn hexadecimal(text: &str) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for word in text.split_whitespace() {
        let mut digits = word.chars();
        while let Some(high) = digits.next() {
            let digit = |c: char| {
                c.to_digit(16).ok_or_else(|| {
                    invalid(format!("the payload is not hexadecimal: {c:?} is no digit"))
                })
            };
            let high = digit(high)?;
            let low = digits.next().ok_or_else(|| {
                invalid("the payload is not hexadecimal: a byte takes two digits")
                    .hint(format!("{word:?} has an odd number of them."))
            })?;
            // Two digits make no more than 255.
            bytes.push((high * 16 + digit(low)?) as u8);
        }
    }
    Ok(bytes.into())
}

pub(crate) fn connection_failed(error: &ConnectionError) -> ApiError {
    let code = match error {
        ConnectionError::Options(_) => ErrorCode::InvalidInput,
        ConnectionError::Connected => ErrorCode::WrongState,
        _ => ErrorCode::Client,
    };
    let told = ApiError::new(code, sentence(error));
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

pub(crate) fn request_failed(error: RequestError) -> ApiError {
    match error {
        RequestError::NotConnected => {
            ApiError::new(ErrorCode::WrongState, sentence(error)).hint("Connect it first.")
        }
        RequestError::TooLarge { .. } | RequestError::Alias { .. } => invalid(error),
        RequestError::ConnectionLost | RequestError::TimedOut(_) | RequestError::Refused(_) => {
            ApiError::new(ErrorCode::Client, sentence(error))
        }
    }
}

fn for_people(id: u32, entry: &Entry) -> api::TestClient {
    let status: Status = entry.client.status();
    api::TestClient {
        id,
        config: entry.config.clone(),
        state: match status.state {
            State::Disconnected => ClientState::Disconnected,
            State::Connecting => ClientState::Connecting,
            State::Connected => ClientState::Connected,
            State::Waiting => ClientState::Connecting,
            State::Failed => ClientState::Failed,
        },
        failure: status.failure.as_ref().map(connection_failed),
        session_present: status.negotiated.is_some_and(|told| told.session_present),
        subscriptions: status
            .subscriptions
            .into_iter()
            .map(|subscription| {
                let (granted, refused) = match subscription.answer {
                    None => (None, None),
                    Some(Grant::Granted(qos)) => (Some(qos.into()), None),
                    Some(Grant::Refused(reason)) => (None, Some(reason)),
                };
                ClientSubscription {
                    filter: subscription.wish.filter.as_str().to_owned(),
                    qos: subscription.wish.options.qos.into(),
                    granted,
                    refused,
                }
            })
            .collect(),
        received: status.received,
        published: status.published,
        newest: status.newest,
        dropped: status.dropped,
    }
}

fn entry_for_people(entry: mqttwb_client::Entry) -> TimelineEntry {
    TimelineEntry {
        seq: entry.seq,
        at: entry.at.as_millis(),
        kind: match entry.kind {
            EntryKind::Connection => TimelineKind::Connection,
            EntryKind::Subscription => TimelineKind::Subscription,
            EntryKind::Published => TimelineKind::Published,
            EntryKind::Acknowledged => TimelineKind::Acknowledged,
            EntryKind::Received => TimelineKind::Received,
            EntryKind::Failure => TimelineKind::Failure,
        },
        text: entry.text,
        cut: entry.cut,
        topic: entry.topic,
        qos: entry.qos.map(u8::from),
        retain: entry.retain,
        dup: entry.dup,
        // A packet is smaller than 4 GiB.
        size: u32::try_from(entry.size).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests;
