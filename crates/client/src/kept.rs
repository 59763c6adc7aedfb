//! What a client keeps, over its connections, for its handle and its task.
//!
//! Duty: the state that a person is shown, the subscriptions that are wanted and there, the timeline; each thing that
//! happens changes all of them at once.
//! Not here: what makes it happen (`task.rs`, `connections.rs`), and who asks (`client.rs`).
//! Invariant: locked for a few lines at a time, never across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mqttwb_model::{Timestamp, TopicFilter};

use crate::connections::Identity;
use crate::task::{End, Grant, Past};
use crate::timeline::{EntryKind, Timeline};
use crate::{ConnectionError, Endpoint, Message, Negotiated, Options, Publication, Wish};

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
    pub(crate) state: State,
    pub(crate) failure: Option<ConnectionError>,
    retry: Option<Retry>,
    negotiated: Option<Negotiated>,
    subscriptions: Vec<Subscription>,
    /// What a session was left with, and whose it was.
    past: Option<(Identity, Past)>,
    received: u64,
    published: u64,
    pub(crate) timeline: Timeline,
}

impl Kept {
    /// Whether a connection stands, is being made or is waited for.
    pub(crate) fn is_busy(&self) -> bool {
        match self.state {
            State::Connecting | State::Connected | State::Waiting => true,
            State::Disconnected | State::Failed => false,
        }
    }

    /// For a person.
    pub(crate) fn status(&self) -> Status {
        Status {
            state: self.state,
            failure: self.failure.clone(),
            retry: self.retry,
            negotiated: self.negotiated.clone(),
            subscriptions: self.subscriptions.clone(),
            received: self.received,
            published: self.published,
            newest: self.timeline.newest(),
            dropped: self.timeline.dropped(),
        }
    }
}

/// What a client keeps, shared by its handle and its task.
pub(crate) struct Shared(Mutex<Kept>);

impl Shared {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept {
            state: State::Disconnected,
            failure: None,
            retry: None,
            negotiated: None,
            subscriptions: Vec::new(),
            past: None,
            received: 0,
            published: 0,
            timeline: Timeline::default(),
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing that holds it panics; if it ever does, counters are no reason to take the client down.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.lock())
    }

    pub(crate) fn tell(&self, kind: EntryKind, text: String) {
        self.lock().timeline.tell(Timestamp::now(), kind, text);
    }

    /// CONNACK came: the client is connected, and its session old or new.
    pub(crate) fn accepted(&self, negotiated: &Negotiated, own_id: &str) {
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
    pub(crate) fn wishes(&self) -> Vec<Wish> {
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

    pub(crate) fn ended(&self, end: End, will: bool) {
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
    pub(crate) fn waits(&self, error: ConnectionError, attempt: u32, wait: Duration) {
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

    pub(crate) fn connecting(&self, options: &Options, endpoint: &Endpoint) {
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
    pub(crate) fn past(&self, identity: &Identity) -> Option<Past> {
        let (whose, past) = self.lock().past.take()?;
        (whose == *identity).then_some(past)
    }

    pub(crate) fn remember(&self, identity: &Identity, past: Past) {
        self.lock().past = Some((identity.clone(), past));
    }

    pub(crate) fn granted(&self, wish: &Wish, grant: &Grant) {
        let told = match grant {
            Grant::Granted(qos) => format!("{}: QoS {} granted", wish.filter, u8::from(*qos)),
            Grant::Refused(reason) => format!("{}: refused, {reason}", wish.filter),
        };
        self.answered(wish, grant);
        self.tell(EntryKind::Subscription, told);
    }

    pub(crate) fn unsubscribed(&self, filter: &TopicFilter, refused: Option<&str>) {
        let told = match refused {
            None => {
                self.forget(filter);
                format!("{filter}: unsubscribed")
            }
            Some(reason) => format!("{filter}: could not be unsubscribed, {reason}"),
        };
        self.tell(EntryKind::Subscription, told);
    }

    pub(crate) fn published(&self, message: &Publication, again: bool) {
        self.with(|kept| {
            kept.published += u64::from(!again);
            kept.timeline
                .sent(Timestamp::now(), EntryKind::Published, message, again);
        });
    }

    pub(crate) fn acknowledged(&self, message: &Publication) {
        self.with(|kept| {
            kept.timeline
                .sent(Timestamp::now(), EntryKind::Acknowledged, message, false);
        });
    }

    pub(crate) fn refused(&self, message: &Publication, reason: &str) {
        self.tell(
            EntryKind::Failure,
            format!(
                "{}: the broker refused the message, {reason}",
                message.topic
            ),
        );
    }

    pub(crate) fn received(&self, message: &Message) {
        self.with(|kept| {
            kept.received += 1;
            kept.timeline.received(Timestamp::now(), message);
        });
    }
}
