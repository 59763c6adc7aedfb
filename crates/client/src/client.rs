//! A test client: the handle, and what it keeps between connections.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mqttwb_model::{QoS, Timestamp, TopicFilter};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::link::Link;
use crate::options::Wish;
use crate::task::{Command, End, Grant, Progress, Task};
use crate::timeline::{EntryKind, Page, Timeline};
use crate::{ConnectionError, Endpoint, Message, Options, Publication, RequestError};

/// How long a person waits for an answer of the broker.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Requests that wait for the task; who asks for more waits too.
const COMMANDS: usize = 32;

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not connected.
    Disconnected,
    /// CONNECT is on its way.
    Connecting,
    /// CONNACK came.
    Connected,
    /// The last connection could not be made, or ended in an error.
    Failed,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The filter.
    pub filter: TopicFilter,
    /// The QoS that was asked for.
    pub qos: QoS,
    /// What the broker answered; `None` before SUBACK.
    pub answer: Option<Grant>,
}

/// A client as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Why the last connection failed.
    pub failure: Option<ConnectionError>,
    /// The broker had kept a session of it.
    pub session_present: bool,
    /// Its subscriptions, in the order that they were made in.
    pub subscriptions: Vec<Subscription>,
    /// Messages that it has received.
    pub received: u64,
    /// Messages that it has published.
    pub published: u64,
    /// The number of the newest entry of its timeline; 0 where there is none.
    pub newest: u64,
    /// Entries that its timeline has let go.
    pub dropped: u64,
}

/// What a client keeps.
pub(crate) struct Kept {
    state: State,
    failure: Option<ConnectionError>,
    session_present: bool,
    subscriptions: Vec<Subscription>,
    pub(crate) received: u64,
    pub(crate) published: u64,
    pub(crate) timeline: Timeline,
}

/// What a client keeps, for its handle and its task. Locked for a few lines at a time, never across an await.
pub(crate) struct Shared(Mutex<Kept>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing that holds it panics; if it ever does, counters are no reason to take the client down.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.lock())
    }

    pub(crate) fn tell(&self, kind: EntryKind, text: String) {
        self.lock().timeline.tell(Timestamp::now(), kind, text);
    }

    pub(crate) fn accepted(&self, session_present: bool) {
        let mut kept = self.lock();
        kept.state = State::Connected;
        kept.session_present = session_present;
        if !session_present {
            kept.subscriptions.clear();
        }
    }

    pub(crate) fn subscribing(&self, wish: &Wish) {
        let mut kept = self.lock();
        let subscription = Subscription {
            filter: wish.filter.clone(),
            qos: wish.qos,
            answer: None,
        };
        // [MQTT-3.8.4-3]: the same filter again replaces the subscription.
        match kept
            .subscriptions
            .iter_mut()
            .find(|known| known.filter == wish.filter)
        {
            Some(known) => *known = subscription,
            None => kept.subscriptions.push(subscription),
        }
    }

    pub(crate) fn answered(&self, wish: &Wish, grant: &Grant) {
        let mut kept = self.lock();
        if let Some(known) = kept
            .subscriptions
            .iter_mut()
            .find(|known| known.filter == wish.filter)
        {
            known.answer = Some(grant.clone());
        }
    }

    pub(crate) fn forget(&self, filter: &TopicFilter) {
        self.lock()
            .subscriptions
            .retain(|known| known.filter != *filter);
    }

    fn ended(&self, end: End, will: bool) {
        let mut kept = self.lock();
        let now = Timestamp::now();
        match end {
            End::Disconnected => {
                kept.state = State::Disconnected;
                let told = "disconnected".to_owned();
                kept.timeline.tell(now, EntryKind::Connection, told);
            }
            End::Dropped => {
                kept.state = State::Disconnected;
                let mut told = "dropped the socket, without DISCONNECT".to_owned();
                if will {
                    told.push_str(": the broker publishes the will");
                }
                kept.timeline.tell(now, EntryKind::Connection, told);
            }
            End::Failed(error) => {
                kept.state = State::Failed;
                kept.timeline
                    .tell(now, EntryKind::Failure, error.to_string());
                kept.failure = Some(error);
            }
        }
    }
}

/// A connection that is being made or stands.
struct Running {
    commands: mpsc::Sender<Command>,
    stop: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<bool>,
}

/// A test client. Dropping it drops its socket.
pub struct TestClient {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("state", &self.shared.lock().state)
            .finish_non_exhaustive()
    }
}

impl Default for TestClient {
    fn default() -> Self {
        Self::new()
    }
}

impl TestClient {
    /// A client that is not connected.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared(Mutex::new(Kept {
                state: State::Disconnected,
                failure: None,
                session_present: false,
                subscriptions: Vec::new(),
                received: 0,
                published: 0,
                timeline: Timeline::default(),
            }))),
            running: Mutex::new(None),
        }
    }

    /// Connects; returns when CONNACK came, or with the reason why there is no connection.
    pub async fn connect(
        &self,
        options: &Options,
        endpoint: &Endpoint,
    ) -> Result<(), ConnectionError> {
        self.open(options, endpoint, None).await
    }

    /// Connects, and hands whole messages to a reader. A slow reader holds the connection up, so nothing is lost and
    /// nothing grows; who only looks on takes [`timeline`](Self::timeline) instead.
    pub async fn connect_with_inbox(
        &self,
        options: &Options,
        endpoint: &Endpoint,
        inbox: mpsc::Sender<Message>,
    ) -> Result<(), ConnectionError> {
        self.open(options, endpoint, Some(inbox)).await
    }

    async fn open(
        &self,
        options: &Options,
        endpoint: &Endpoint,
        inbox: Option<mpsc::Sender<Message>>,
    ) -> Result<(), ConnectionError> {
        options.check()?;
        let (accepted, outcome) = oneshot::channel();
        {
            let mut running = self.running();
            {
                let mut kept = self.shared.lock();
                if matches!(kept.state, State::Connecting | State::Connected) {
                    return Err(ConnectionError::Connected);
                }
                kept.state = State::Connecting;
                kept.failure = None;
                kept.session_present = false;
                let how = if endpoint.tls.is_some() { ", TLS" } else { "" };
                kept.timeline.tell(
                    Timestamp::now(),
                    EntryKind::Connection,
                    format!("connecting to {endpoint} ({}{how})", options.version),
                );
            }
            *running = Some(self.start(options.clone(), endpoint.clone(), accepted, inbox));
        }
        // The task always answers; it ends without an answer only when the runtime does.
        outcome.await.unwrap_or(Err(ConnectionError::GivenUp))
    }

    fn start(
        &self,
        options: Options,
        endpoint: Endpoint,
        accepted: oneshot::Sender<Result<(), ConnectionError>>,
        inbox: Option<mpsc::Sender<Message>>,
    ) -> Running {
        let (commands, received) = mpsc::channel(COMMANDS);
        let (stop, mut stopped) = oneshot::channel();
        let (ended, has_ended) = watch::channel(false);
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let will = options.will.is_some();
            // rumqttc tells a name that leads nowhere as any other I/O error.
            let host = endpoint.host.trim_matches(['[', ']']);
            let found = tokio::select! {
                biased;
                _ = &mut stopped => None,
                found = tokio::net::lookup_host((host, endpoint.port)) => Some(found.map(|_| ())),
            };
            let end = match found {
                None => {
                    let _ = accepted.send(Err(ConnectionError::GivenUp));
                    End::Dropped
                }
                Some(Err(error)) => {
                    let error = ConnectionError::Unresolved {
                        host: endpoint.host.clone(),
                        detail: error.to_string(),
                    };
                    let _ = accepted.send(Err(error.clone()));
                    End::Failed(error)
                }
                Some(Ok(())) => {
                    let (link, requests) = Link::new(&options, &endpoint);
                    let task = Task {
                        shared: shared.clone(),
                        requests,
                        commands: received,
                        stop: stopped,
                        accepted: Some(accepted),
                        inbox,
                        pings: Link::own_pings(&options),
                        state: Progress::default(),
                    };
                    task.run(link).await
                }
            };
            shared.ended(end, will);
            ended.send_replace(true);
        });
        Running {
            commands,
            stop: Some(stop),
            ended: has_ended,
        }
    }

    /// Ends the connection with a DISCONNECT: the will is not published. Does nothing where there is none.
    pub async fn disconnect(&self) {
        let Some((commands, mut ended)) = self.link() else {
            return;
        };
        if self.shared.lock().state == State::Connecting {
            return self.drop_socket().await;
        }
        // A task that has ended takes no command, and is what was wanted. One that is stuck loses its socket.
        let goodbye = async {
            if commands.send(Command::Disconnect).await.is_ok() {
                // An error means that the task is gone.
                let _ = ended.wait_for(|ended| *ended).await;
            }
        };
        if timeout(ANSWER_WITHIN, goodbye).await.is_err() {
            self.drop_socket().await;
        }
    }

    /// Ends the connection by dropping the socket: the broker publishes the will. Does nothing where there is none.
    pub async fn drop_socket(&self) {
        let Some((_, mut ended)) = self.link() else {
            return;
        };
        let stop = self.running().as_mut().and_then(|link| link.stop.take());
        if let Some(stop) = stop {
            // The task may have ended by itself.
            let _ = stop.send(());
        }
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Subscribes; returns what SUBACK says.
    pub async fn subscribe(&self, filter: TopicFilter, qos: QoS) -> Result<Grant, RequestError> {
        let (granted, answer) = oneshot::channel();
        let wish = Wish { filter, qos };
        self.ask(Command::Subscribe { wish, granted }, answer).await
    }

    /// Ends a subscription; returns when UNSUBACK came.
    pub async fn unsubscribe(&self, filter: TopicFilter) -> Result<(), RequestError> {
        let (done, answer) = oneshot::channel();
        self.ask(Command::Unsubscribe { filter, done }, answer)
            .await
    }

    /// Publishes; returns when the message was handed to the socket. The acknowledgement can be waited for.
    pub async fn publish(&self, message: Publication) -> Result<Acknowledgement, RequestError> {
        let (sent, answer) = oneshot::channel();
        let (acknowledged, acknowledgement) = oneshot::channel();
        let command = Command::Publish {
            message,
            sent,
            acknowledged,
        };
        self.ask(command, answer).await?;
        Ok(Acknowledgement(acknowledgement))
    }

    /// Entries of the timeline that are newer than `after`, at most `count`, oldest first.
    pub fn timeline(&self, after: u64, count: usize) -> Page {
        self.shared.lock().timeline.page(after, count)
    }

    /// The client as it stands.
    pub fn status(&self) -> Status {
        let kept = self.shared.lock();
        Status {
            state: kept.state,
            failure: kept.failure.clone(),
            session_present: kept.session_present,
            subscriptions: kept.subscriptions.clone(),
            received: kept.received,
            published: kept.published,
            newest: kept.timeline.newest(),
            dropped: kept.timeline.dropped(),
        }
    }

    /// Waits until there is no connection, however it ends.
    pub async fn ended(&self) {
        if let Some((_, mut ended)) = self.link() {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    async fn ask<T>(
        &self,
        command: Command,
        answer: oneshot::Receiver<Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        if self.shared.lock().state != State::Connected {
            return Err(RequestError::NotConnected);
        }
        let (commands, _) = self.link().ok_or(RequestError::NotConnected)?;
        let exchange = async {
            commands
                .send(command)
                .await
                .map_err(|_| RequestError::NotConnected)?;
            answer.await.unwrap_or(Err(RequestError::ConnectionLost))
        };
        timeout(ANSWER_WITHIN, exchange)
            .await
            .unwrap_or(Err(RequestError::TimedOut(ANSWER_WITHIN)))
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(&self) -> Option<(mpsc::Sender<Command>, watch::Receiver<bool>)> {
        let running = self.running();
        let running = running.as_ref()?;
        Some((running.commands.clone(), running.ended.clone()))
    }
}

/// The acknowledgement of a published message, to be waited for or not.
#[derive(Debug)]
pub struct Acknowledgement(oneshot::Receiver<Result<(), RequestError>>);

impl Acknowledgement {
    /// Waits for PUBACK or PUBCOMP; with QoS 0 it is there as soon as the message was sent.
    pub async fn wait(self) -> Result<(), RequestError> {
        timeout(ANSWER_WITHIN, self.0)
            .await
            .map_err(|_| RequestError::TimedOut(ANSWER_WITHIN))?
            .unwrap_or(Err(RequestError::ConnectionLost))
    }
}
