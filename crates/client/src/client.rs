//! A test client: the handle.
//!
//! Duty: begin and end connections, and ask the task of the one that stands; nobody waits for an answer for ever.
//! Not here: what it keeps (`kept.rs`), its connections (`connections.rs`).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mqttwb_model::{NoObserver, Observer, TopicFilter};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::attempt::Ground;
use crate::connections::{Running, start};
use crate::kept::{Shared, State, Status};
use crate::task::{Command, Grant, Publishing};
use crate::timeline::{EntryKind, Page};
use crate::{ConnectionError, Endpoint, Message, Options, Publication, RequestError, Wish};

/// How long a person waits for an answer of the broker.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

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
            shared: Arc::new(Shared::new()),
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
        self.shared.lock().status()
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
