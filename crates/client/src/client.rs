//! A test client: the handle, and what it keeps between connections.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mqttwb_model::{NoObserver, Observer, Timestamp, TopicFilter};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::task::{Command, End, Grant, Ground, Past, Publishing, Task};
use crate::timeline::{EntryKind, Page, Timeline};
use crate::{
    ConnectionError, Endpoint, Message, Negotiated, Options, Publication, RequestError, Version,
    Wish,
};

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
    /// The last connection failed or was lost, and the next attempt waits for its time.
    Waiting,
    /// The last connection could not be made, or ended in an error.
    Failed,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What was asked for.
    pub wish: Wish,
    /// What the broker answered; `None` before SUBACK.
    pub answer: Option<Grant>,
}

/// The attempt that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Counts up from 1.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
}

/// A client as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Why the last connection failed.
    pub failure: Option<ConnectionError>,
    /// The next attempt, where one is waited for.
    pub retry: Option<Retry>,
    /// What the connection has negotiated, while it stands.
    pub negotiated: Option<Negotiated>,
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
    retry: Option<Retry>,
    negotiated: Option<Negotiated>,
    subscriptions: Vec<Subscription>,
    /// What a session was left with, and whose it was.
    past: Option<(Identity, Past)>,
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

    /// CONNACK came: the client is connected, and its session old or new.
    fn accepted(&self, negotiated: &Negotiated, own_id: &str) {
        let mut kept = self.lock();
        kept.state = State::Connected;
        kept.failure = None;
        kept.retry = None;
        if !negotiated.session_present {
            kept.subscriptions.clear();
        }
        let mut told = String::from(if negotiated.session_present {
            "connected; the broker had kept the session"
        } else {
            "connected; the session is new"
        });
        if negotiated.client_id != own_id {
            told.push_str(&format!(
                ", the broker named the client {}",
                negotiated.client_id
            ));
        }
        kept.negotiated = Some(negotiated.clone());
        kept.timeline
            .tell(Timestamp::now(), EntryKind::Connection, told);
    }

    /// The subscriptions that are wanted and not there.
    pub(crate) fn missing(&self, options: &Options) -> Vec<Wish> {
        let kept = self.lock();
        let there = |wish: &&Wish| {
            kept.subscriptions
                .iter()
                .any(|known| known.wish.filter == wish.filter)
        };
        let wanted = options.subscriptions.iter();
        wanted.filter(|wish| !there(wish)).cloned().collect()
    }

    /// Every subscription that is there.
    fn wishes(&self) -> Vec<Wish> {
        let kept = self.lock();
        let known = kept.subscriptions.iter();
        known.map(|known| known.wish.clone()).collect()
    }

    pub(crate) fn subscribing(&self, wish: &Wish) {
        let mut kept = self.lock();
        let subscription = Subscription {
            wish: wish.clone(),
            answer: None,
        };
        // [MQTT-3.8.4-3]: the same filter again replaces the subscription.
        match kept
            .subscriptions
            .iter_mut()
            .find(|known| known.wish.filter == wish.filter)
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
            .find(|known| known.wish.filter == wish.filter)
        {
            known.answer = Some(grant.clone());
        }
    }

    pub(crate) fn forget(&self, filter: &TopicFilter) {
        self.lock()
            .subscriptions
            .retain(|known| known.wish.filter != *filter);
    }

    fn ended(&self, end: End, will: bool) {
        let mut kept = self.lock();
        let now = Timestamp::now();
        kept.negotiated = None;
        kept.retry = None;
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

    /// A connection failed, and another attempt is made later.
    fn waits(&self, error: ConnectionError, attempt: u32, wait: Duration) {
        let mut kept = self.lock();
        let now = Timestamp::now();
        kept.state = State::Waiting;
        kept.negotiated = None;
        kept.retry = Some(Retry {
            attempt,
            at: now.plus(wait),
        });
        let told = format!("{error}; trying again in {:.1} s", wait.as_secs_f64());
        kept.timeline.tell(now, EntryKind::Failure, told);
        kept.failure = Some(error);
    }

    fn connecting(&self, options: &Options, endpoint: &Endpoint) {
        let mut kept = self.lock();
        kept.state = State::Connecting;
        kept.retry = None;
        let told = match &endpoint.proxy {
            None => format!("connecting to {} ({})", endpoint.url(), options.version),
            Some(proxy) => format!(
                "connecting to {} ({}) through the {} proxy {proxy}",
                endpoint.url(),
                options.version,
                proxy.protocol
            ),
        };
        kept.timeline
            .tell(Timestamp::now(), EntryKind::Connection, told);
    }

    /// What is left of this very session, where the broker may have it too.
    fn past(&self, identity: &Identity) -> Option<Past> {
        let (whose, past) = self.lock().past.take()?;
        (whose == *identity).then_some(past)
    }

    fn remember(&self, identity: &Identity, past: Past) {
        self.lock().past = Some((identity.clone(), past));
    }
}

/// Whose session it is: one broker's, of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    broker: String,
    client_id: String,
    version: Version,
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
    observer: Arc<dyn Observer>,
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
        Self::observed_by(Arc::new(NoObserver))
    }

    /// A client that is not connected, and whose every packet goes to an observer.
    pub fn observed_by(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            shared: Arc::new(Shared(Mutex::new(Kept {
                state: State::Disconnected,
                failure: None,
                retry: None,
                negotiated: None,
                subscriptions: Vec::new(),
                past: None,
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
                if kept.is_busy() {
                    return Err(ConnectionError::Connected);
                }
                kept.state = State::Connecting;
                kept.failure = None;
            }
            let ground = Ground {
                shared: self.shared.clone(),
                observer: self.observer.clone(),
                options: options.clone(),
                endpoint: endpoint.clone(),
                inbox,
            };
            *running = Some(start(ground, accepted));
        }
        // The task always answers; it ends without an answer only when the runtime does.
        outcome.await.unwrap_or(Err(ConnectionError::GivenUp))
    }

    /// Ends the connection with a DISCONNECT: the will is not published. Does nothing where there is none.
    pub async fn disconnect(&self) {
        let Some((commands, mut ended)) = self.link() else {
            return;
        };
        if self.shared.lock().state != State::Connected {
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
    pub async fn subscribe(&self, wish: Wish) -> Result<Grant, RequestError> {
        let (granted, answer) = oneshot::channel();
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
        let command = Command::Publish(Box::new(Publishing {
            message,
            sent,
            acknowledged,
        }));
        self.ask(command, answer).await?;
        Ok(Acknowledgement(acknowledgement))
    }

    /// Entries of the timeline that are newer than `after`, at most `count`, oldest first.
    pub fn timeline(&self, after: u64, count: usize) -> Page {
        self.shared.lock().timeline.page(after, count)
    }

    /// Adds a sentence to the timeline, of what was done in this client's name.
    pub fn note(&self, kind: EntryKind, text: String) {
        self.shared.tell(kind, text);
    }

    /// The client as it stands.
    pub fn status(&self) -> Status {
        let kept = self.shared.lock();
        Status {
            state: kept.state,
            failure: kept.failure.clone(),
            retry: kept.retry,
            negotiated: kept.negotiated.clone(),
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

impl Kept {
    fn is_busy(&self) -> bool {
        match self.state {
            State::Connecting | State::Connected | State::Waiting => true,
            State::Disconnected | State::Failed => false,
        }
    }
}

fn start(ground: Ground, accepted: oneshot::Sender<Result<(), ConnectionError>>) -> Running {
    let (commands, received) = mpsc::channel(COMMANDS);
    let (stop, stopped) = oneshot::channel();
    let (ended, has_ended) = watch::channel(false);
    tokio::spawn(async move {
        let shared = ground.shared.clone();
        let will = ground.options.will.is_some();
        let mut accepted = Some(accepted);
        let end = connections(ground, received, stopped, &mut accepted).await;
        let outcome = match &end {
            End::Failed(error) => error.clone(),
            End::Disconnected | End::Dropped => ConnectionError::GivenUp,
        };
        shared.ended(end, will);
        if let Some(accepted) = accepted {
            // Who asked may have gone.
            let _ = accepted.send(Err(outcome));
        }
        ended.send_replace(true);
    });
    Running {
        commands,
        stop: Some(stop),
        ended: has_ended,
    }
}

/// One connection after the other, until one ends for good.
async fn connections(
    mut ground: Ground,
    mut commands: mpsc::Receiver<Command>,
    mut stop: oneshot::Receiver<()>,
    accepted: &mut Option<oneshot::Sender<Result<(), ConnectionError>>>,
) -> End {
    let shared = ground.shared.clone();
    let identity = Identity {
        broker: ground.endpoint.url(),
        client_id: ground.options.client_id.clone(),
        version: ground.options.version,
    };
    let mut attempt = 0;
    loop {
        shared.connecting(&ground.options, &ground.endpoint);
        let connected = tokio::select! {
            biased;
            _ = &mut stop => return End::Dropped,
            connected = ground.connect() => connected,
        };
        let error = match connected {
            Ok(connected) => {
                let negotiated = connected.negotiated.clone();
                shared.accepted(&negotiated, &identity.client_id);
                let past = shared.past(&identity);
                match Task::new(&ground, &mut commands, &mut stop, connected, past) {
                    Ok(task) => {
                        attempt = 0;
                        if let Some(accepted) = accepted.take() {
                            // Who asked may have gone.
                            let _ = accepted.send(Ok(()));
                        }
                        let (end, past) = task.run().await;
                        shared.remember(&identity, past);
                        // Who asked for them is told of the lost connection by the dropped reply.
                        while commands.try_recv().is_ok() {}
                        // Subscriptions that a person has made or ended since then are what is wanted again.
                        ground.options.subscriptions = shared.wishes();
                        match end {
                            End::Failed(error) => error,
                            end => return end,
                        }
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let Some(reconnect) = ground.options.reconnect.filter(|_| error.may_pass()) else {
            return End::Failed(error);
        };
        if let Some(accepted) = accepted.take() {
            let _ = accepted.send(Err(error.clone()));
        }
        let wait = reconnect.wait(attempt);
        attempt += 1;
        shared.waits(error, attempt, wait);
        tokio::select! {
            biased;
            _ = &mut stop => return End::Dropped,
            () = sleep(wait) => {}
        }
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
