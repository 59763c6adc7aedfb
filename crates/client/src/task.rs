//! The task that owns a connection from CONNECT to its end.
//!
//! It polls one event loop to the end of each event: a poll that is dropped half-way could lose a packet. Requests reach
//! the loop through its own queue meanwhile, as many as fit; the rest wait with those who ask.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mqttwb_model::{QoS, Timestamp, TopicFilter};
use mqttwb_wire::ReasonCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use crate::client::Shared;
use crate::error::{ConnectionError, RequestError, words};
use crate::link::{Event, LARGEST_PACKET, Link, QUEUE, Requests};
use crate::options::Wish;
use crate::timeline::EntryKind;
use crate::{Message, Publication};

/// How long the broker may take to close the connection after DISCONNECT.
const GOODBYE: Duration = Duration::from_secs(2);

/// The broker's answer to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The QoS that it grants.
    Granted(QoS),
    /// It refuses, and why.
    Refused(String),
}

type Reply<T> = oneshot::Sender<Result<T, RequestError>>;

/// What a handle asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Publish {
        message: Publication,
        sent: Reply<()>,
        acknowledged: Reply<()>,
    },
    Subscribe {
        wish: Wish,
        granted: Reply<Grant>,
    },
    Unsubscribe {
        filter: TopicFilter,
        done: Reply<()>,
    },
    Disconnect,
}

/// A request in rumqttc's queue, in its order.
enum Queued {
    Publish(Publication, Reply<()>, Reply<()>),
    Subscribe(Wish, Reply<Grant>),
    Unsubscribe(TopicFilter, Reply<()>),
}

/// Why the task stops waiting for the event loop.
enum Woken {
    Event(Result<Event, ConnectionError>),
    /// A person drops the socket, or nobody holds the client any more.
    Dropped,
    /// The broker did not close the connection after DISCONNECT.
    Goodbye,
    /// It is time for a PINGREQ.
    Ping,
}

/// How a connection ended.
pub(crate) enum End {
    /// With a DISCONNECT from here.
    Disconnected,
    /// By dropping the socket.
    Dropped,
    /// Against our will.
    Failed(ConnectionError),
}

/// The task of one connection.
pub(crate) struct Task {
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: Requests,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) stop: oneshot::Receiver<()>,
    pub(crate) accepted: Option<oneshot::Sender<Result<(), ConnectionError>>>,
    /// Whole messages for somebody who reads them; who is slow holds the connection up.
    pub(crate) inbox: Option<mpsc::Sender<Message>>,
    /// PINGREQs of our own, see [`Link::own_pings`].
    pub(crate) pings: Option<Duration>,
    pub(crate) state: Progress,
}

/// What was asked of the broker and not answered yet.
pub(crate) struct Progress {
    queued: VecDeque<Queued>,
    held: Option<(u16, Publication, Reply<()>, Reply<()>)>,
    publishing: HashMap<u16, (Publication, Reply<()>)>,
    subscribing: HashMap<u16, (Wish, Reply<Grant>)>,
    unsubscribing: HashMap<u16, (TopicFilter, Reply<()>)>,
    largest: usize,
    leaving: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            queued: VecDeque::with_capacity(QUEUE),
            held: None,
            publishing: HashMap::new(),
            subscribing: HashMap::new(),
            unsubscribing: HashMap::new(),
            largest: LARGEST_PACKET,
            leaving: false,
        }
    }
}

impl Task {
    /// Runs the connection to its end. The socket is closed when this returns.
    pub(crate) async fn run(mut self, mut link: Link) -> End {
        let end = self.drive(&mut link).await;
        drop(link);
        if let Some(accepted) = self.accepted.take() {
            let outcome = match &end {
                End::Failed(error) => error.clone(),
                End::Disconnected | End::Dropped => ConnectionError::GivenUp,
            };
            // Who asked may have gone.
            let _ = accepted.send(Err(outcome));
        }
        // Everybody who waits for an answer learns of the end by the dropped reply.
        end
    }

    async fn drive(&mut self, link: &mut Link) -> End {
        let mut pings: Option<Interval> = None;
        let mut goodbye = pin!(sleep(Duration::MAX));
        loop {
            let woken = {
                let mut event = pin!(link.next());
                loop {
                    let room = self.accepted.is_none()
                        && !self.state.leaving
                        && self.state.queued.len() < QUEUE - 1;
                    tokio::select! {
                        // A flood must not keep a person's requests waiting; those are few.
                        biased;
                        _ = &mut self.stop => break Woken::Dropped,
                        command = self.commands.recv(), if room => match command {
                            None => break Woken::Dropped,
                            Some(Command::Disconnect) => {
                                self.state.leaving = true;
                                self.requests.disconnect();
                                goodbye.as_mut().reset(Instant::now() + GOODBYE);
                            }
                            Some(command) => self.request(command),
                        },
                        () = &mut goodbye, if self.state.leaving => break Woken::Goodbye,
                        () = tick(&mut pings) => break Woken::Ping,
                        event = &mut event => break Woken::Event(event),
                    }
                }
            };
            match woken {
                Woken::Dropped => return End::Dropped,
                Woken::Goodbye => return End::Disconnected,
                // Here alone a poll is dropped half-way: rumqttc holds nothing then but a flush to be taken up again.
                Woken::Ping => link.ping(),
                Woken::Event(Ok(Event::Accepted {
                    session_present,
                    largest,
                    assigned,
                    broker_keeps_time,
                })) => {
                    self.state.largest = largest;
                    if let Some(period) = self.pings.filter(|_| !broker_keeps_time) {
                        let mut interval = interval_at(Instant::now() + period, period);
                        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
                        pings = Some(interval);
                    }
                    self.shared.connected(session_present, assigned.as_deref());
                    if let Some(accepted) = self.accepted.take() {
                        let _ = accepted.send(Ok(()));
                    }
                }
                Woken::Event(Ok(event)) => self.happened(event).await,
                Woken::Event(Err(error)) => {
                    for event in link.left_behind() {
                        self.happened(event).await;
                    }
                    return if self.state.leaving {
                        End::Disconnected
                    } else {
                        End::Failed(error)
                    };
                }
            }
        }
    }

    /// Hands a request to the event loop, whose queue has room.
    fn request(&mut self, command: Command) {
        match command {
            Command::Publish {
                message,
                sent,
                acknowledged,
            } => {
                // A larger packet would cost the connection.
                let (size, limit) = (message.size(), self.state.largest);
                if size > limit {
                    let _ = sent.send(Err(RequestError::TooLarge { size, limit }));
                } else if self.requests.publish(&message) {
                    let queued = Queued::Publish(message, sent, acknowledged);
                    self.state.queued.push_back(queued);
                }
            }
            Command::Subscribe { wish, granted } => {
                if self.requests.subscribe(&wish) {
                    self.shared.subscribing(&wish);
                    self.state
                        .queued
                        .push_back(Queued::Subscribe(wish, granted));
                }
            }
            Command::Unsubscribe { filter, done } => {
                if self.requests.unsubscribe(filter.as_str()) {
                    self.state
                        .queued
                        .push_back(Queued::Unsubscribe(filter, done));
                }
            }
            Command::Disconnect => {}
        }
    }

    async fn happened(&mut self, event: Event) {
        match event {
            Event::Sent(id) => self.sent(id),
            Event::Held(id) => {
                if let Some(Queued::Publish(message, sent, acknowledged)) =
                    self.state.queued.pop_front()
                {
                    self.state.held = Some((id, message, sent, acknowledged));
                }
            }
            Event::Acknowledged { id, reason } => self.acknowledged(id, reason),
            Event::Granted { id, outcome } => self.granted(id, outcome),
            Event::Unsubscribed { id, refused } => {
                if let Some((filter, done)) = self.state.unsubscribing.remove(&id) {
                    self.shared.unsubscribed(&filter, refused.as_deref());
                    let outcome = match refused {
                        None => Ok(()),
                        Some(reason) => Err(RequestError::Refused(reason)),
                    };
                    let _ = done.send(outcome);
                }
            }
            Event::Received(message) => {
                self.shared.received(&message);
                if let Some(inbox) = &self.inbox
                    && inbox.send(message).await.is_err()
                {
                    self.inbox = None;
                }
            }
            Event::Accepted { .. } | Event::Disconnected | Event::Aside => {}
        }
    }

    fn sent(&mut self, id: u16) {
        let held = self.state.held.take_if(|(held, ..)| *held == id);
        let queued = match held {
            Some((_, message, sent, acknowledged)) => {
                Some(Queued::Publish(message, sent, acknowledged))
            }
            None => self.state.queued.pop_front(),
        };
        match queued {
            Some(Queued::Publish(message, sent, acknowledged)) => {
                self.shared.published(&message);
                let _ = sent.send(Ok(()));
                if message.qos == QoS::AtMostOnce {
                    let _ = acknowledged.send(Ok(()));
                } else {
                    self.state.publishing.insert(id, (message, acknowledged));
                }
            }
            Some(Queued::Subscribe(wish, granted)) => {
                self.state.subscribing.insert(id, (wish, granted));
            }
            Some(Queued::Unsubscribe(filter, done)) => {
                self.state.unsubscribing.insert(id, (filter, done));
            }
            None => {}
        }
    }

    fn acknowledged(&mut self, id: u16, reason: ReasonCode) {
        let Some((message, acknowledged)) = self.state.publishing.remove(&id) else {
            return;
        };
        let outcome = if reason.is_error() {
            let reason = words(reason.text(), reason, None);
            self.shared.refused(&message, &reason);
            Err(RequestError::Refused(reason))
        } else {
            self.shared.acknowledged(&message);
            Ok(())
        };
        let _ = acknowledged.send(outcome);
    }

    fn granted(&mut self, id: u16, outcome: Result<QoS, String>) {
        let Some((wish, granted)) = self.state.subscribing.remove(&id) else {
            return;
        };
        let grant = match outcome {
            Ok(qos) => Grant::Granted(qos),
            Err(reason) => Grant::Refused(reason),
        };
        self.shared.granted(&wish, &grant);
        let _ = granted.send(Ok(grant));
    }
}

/// Waits for the next tick; for ever where there is no clock.
async fn tick(pings: &mut Option<Interval>) {
    match pings {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

impl Shared {
    fn connected(&self, session_present: bool, assigned: Option<&str>) {
        let mut told = String::from(if session_present {
            "connected; the broker had kept the session"
        } else {
            "connected; the session is new"
        });
        if let Some(id) = assigned {
            told.push_str(&format!(", the broker named the client {id}"));
        }
        self.accepted(session_present);
        self.tell(EntryKind::Connection, told);
    }

    fn granted(&self, wish: &Wish, grant: &Grant) {
        let told = match grant {
            Grant::Granted(qos) => format!("{}: QoS {} granted", wish.filter, u8::from(*qos)),
            Grant::Refused(reason) => format!("{}: refused, {reason}", wish.filter),
        };
        self.answered(wish, grant);
        self.tell(EntryKind::Subscription, told);
    }

    fn unsubscribed(&self, filter: &TopicFilter, refused: Option<&str>) {
        let told = match refused {
            None => {
                self.forget(filter);
                format!("{filter}: unsubscribed")
            }
            Some(reason) => format!("{filter}: could not be unsubscribed, {reason}"),
        };
        self.tell(EntryKind::Subscription, told);
    }

    fn published(&self, message: &Publication) {
        self.with(|kept| {
            kept.published += 1;
            kept.timeline
                .sent(Timestamp::now(), EntryKind::Published, message);
        });
    }

    fn acknowledged(&self, message: &Publication) {
        self.with(|kept| {
            kept.timeline
                .sent(Timestamp::now(), EntryKind::Acknowledged, message);
        });
    }

    fn refused(&self, message: &Publication, reason: &str) {
        self.tell(
            EntryKind::Failure,
            format!(
                "{}: the broker refused the message, {reason}",
                message.topic
            ),
        );
    }

    fn received(&self, message: &Message) {
        self.with(|kept| {
            kept.received += 1;
            kept.timeline.received(Timestamp::now(), message);
        });
    }
}
