//! A connection from its CONNACK to its end.
//!
//! Duty: have each packet that was read judged by the session, do what it says, deliver what is in the inbox, show both
//! directions to the observer; its parts are in modules of their own. Not here: how a client comes in (`welcome.rs`), the
//! rules (the session's).
//! Invariant: however the connection ends, the hub has its session back ([`Held`]).

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, LimitKind, PacketBatch, PacketMark, ProtocolVersion,
    QoS, RefusalCause, Timestamp, TopicFilter,
};
use mqttwb_wire::{
    Auth, ConnAck, Disconnect, Packet, Properties, Property, Publish, ReasonCode, SubAck,
    Subscribe, UnsubAck, Unsubscribe, WireError, decode, frame_len,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use super::authenticate::{self, Answer, Method, Proved, proof_in};
use super::connect::{Accepted, connack_properties};
use super::keep_alive::{KeepAlive, Silence};
use super::output::{Output, struck};
use super::pace::Pace;
use super::verdict::{self, Refused};
use super::welcome::{Arrived, farewell};
use super::{MessageIds, Shared};
use crate::access::{Identity, Verified};
use crate::config::Limits;
use crate::counters::ConnectionCounters;
use crate::hub::{Asked, Attached, Command, Detach, Inbox, Mail, Safe};
use crate::message::{self, Message, Origin};
use crate::session::{Action, Delivery, Session, WhenFull, take_out};

use acting::Answers;
use ending::End;
use faulty::Injector;
use held::Durability;
use waiting::Wake;
pub(super) use waiting::poll_read_into;

/// The first read of a connection; what comes fast is read in larger pieces.
pub(super) const SMALL_READ: usize = 2 << 10;
const LARGE_READ: usize = 128 << 10;
/// How long a client may take for the last words.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct Connection<S> {
    stream: S,
    input: BytesMut,
    /// How much the next read asks for.
    read_size: usize,
    output: Output,
    /// Written bytes may still be in the stream's own buffers.
    unflushed: bool,
    shared: Arc<Shared>,
    /// As they were when the client came.
    limits: Arc<Limits>,
    info: Arc<ConnectionInfo>,
    /// What CONNECT asked for and the broker granted, in seconds.
    session_expiry: u32,
    identity: Identity,
    method: Option<Method>,
    /// When what it proved ends.
    expires: Option<Instant>,
    keep_alive: KeepAlive,
    pace: Pace,
    session: Held,
    inbox: Arc<Inbox>,
    /// Taken from the inbox, not yet delivered.
    deliveries: VecDeque<Delivery>,
    counters: Arc<ConnectionCounters>,
    ids: MessageIds,
    actions: Vec<Action>,
    /// Messages for the router.
    batch: BytesMut,
    marks: Vec<PacketMark>,
    /// What proves an identity in what was read, to be struck out of what is shown.
    secrets: Vec<std::ops::Range<usize>>,
    timer: Option<Pin<Box<Sleep>>>,
    faults: Option<Box<Injector>>,
    /// The rules that were looked at last.
    faults_version: u64,
    /// Where the broker keeps what must outlive the process.
    durability: Option<Box<Durability>>,
    /// When to let go of the memory of a burst.
    idle_at: Option<Instant>,
}

/// When what somebody proved ends, on the clock of timers.
fn expiry_of(identity: &Identity) -> Option<Instant> {
    let expires = identity.verified.as_ref()?.expires?;
    let left = expires.0.saturating_sub(Timestamp::now().0);
    instant().checked_add(Duration::from_nanos(left))
}

/// The session while the connection has it. However the connection ends, the hub hears of it.
pub(super) struct Held {
    session: Option<Session>,
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    clean: bool,
    session_expiry: Option<u32>,
}

impl Held {
    pub(super) fn new(
        session: Option<Session>,
        shared: Arc<Shared>,
        info: Arc<ConnectionInfo>,
    ) -> Self {
        Self {
            session,
            shared,
            info,
            clean: false,
            session_expiry: None,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.hub.send(Command::Detach(Box::new(Detach {
            client: self.info.client.clone(),
            connection: self.info.id,
            session: self.session.take(),
            clean: self.clean,
            session_expiry: self.session_expiry,
        })));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    #[allow(clippy::too_many_arguments)] // what a connection is made of
    pub(super) fn new(
        arrived: Arrived<S>,
        shared: Arc<Shared>,
        limits: Arc<Limits>,
        accepted: Accepted,
        proved: Proved,
        attached: Attached,
        mut held: Held,
        counters: Arc<ConnectionCounters>,
    ) -> Self {
        let now = Timestamp::now();
        // What came in one read with CONNECT.
        let early = arrived.input.len() as u64;
        shared.counters.bytes_in.fetch_add(early, Relaxed);
        let mut output = Output::new(accepted.manners);
        let mut actions = Vec::new();
        let mut properties = proved.properties;
        connack_properties(&accepted, &limits, &mut properties);
        let connack = Packet::ConnAck(ConnAck {
            session_present: attached.session_present,
            reason: ReasonCode::SUCCESS,
            properties: Properties::trusted(&properties),
        });
        output.packet(&connack, accepted.terms.version, now);
        let keep_alive = KeepAlive::new(accepted.terms.keep_alive, instant());
        if let Some(session) = &mut held.session {
            session.connect(accepted.terms, now, &mut actions);
        }
        let durability = shared.durability.as_ref().map(|(journal, topics)| {
            let (client, session) = (attached.client, attached.durable);
            let inbox = attached.inbox.clone();
            let (journal, topics) = (journal.clone(), topics.clone());
            let asks_always = limits.queue.when_full == WhenFull::Refuse;
            Box::new(Durability::new(
                journal,
                topics,
                client,
                session,
                inbox,
                asks_always,
            ))
        });
        Self {
            stream: arrived.stream,
            input: arrived.input,
            read_size: SMALL_READ,
            output,
            unflushed: false,
            session: held,
            shared,
            pace: Pace::new(&limits, instant()),
            limits,
            info: accepted.info,
            session_expiry: accepted.session_expiry,
            expires: expiry_of(&proved.identity),
            identity: proved.identity,
            method: proved.method,
            keep_alive,
            inbox: attached.inbox,
            deliveries: VecDeque::new(),
            counters,
            ids: arrived.ids,
            actions,
            batch: BytesMut::new(),
            marks: Vec::new(),
            secrets: Vec::new(),
            timer: None,
            faults: None,
            faults_version: 0,
            durability,
            idle_at: None,
        }
    }

    pub(super) async fn run(mut self) {
        let end = self.exchange().await;
        self.end(&end).await;
        tracing::debug!(client = %self.info.client, "ended: {}", end.why());
        self.shared
            .observer
            .disconnected(self.info.id, Timestamp::now(), &end.why());
    }

    async fn exchange(&mut self) -> End {
        if self.output.is_unsendable() {
            // [MQTT-3.14.0-1]: no DISCONNECT before a CONNACK
            return End::Closed("CONNACK is larger than the client takes".into());
        }
        // CONNACK, then whatever the session has in flight.
        self.apply_actions(Timestamp::now());
        loop {
            // A packet may have come in one read with CONNECT; afterwards every read is parsed at once.
            if let Err(end) = self.parse().await {
                self.observe_output();
                return end;
            }
            self.deliver();
            self.flush_durable();
            self.observe_output();
            if let Some(cut) = self.cut() {
                return cut;
            }
            if self.output.is_unsendable() {
                return End::Broker {
                    reason: ReasonCode::PACKET_TOO_LARGE,
                    why: "an answer to the client is larger than it takes".into(),
                };
            }
            match self.wait().await {
                Ok(Wake::Read(0)) => {
                    return End::Closed(
                        "the client closed the connection without DISCONNECT".into(),
                    );
                }
                Ok(Wake::Read(n)) => {
                    if n >= self.read_size {
                        self.read_size = (self.read_size * 4).min(LARGE_READ);
                    }
                    self.shared.counters.bytes_in.fetch_add(n as u64, Relaxed);
                    if let Some(injector) = &mut self.faults {
                        injector.read();
                    }
                }
                Ok(Wake::Wrote) => {}
                Ok(Wake::Mail(Mail::Deliveries)) => {}
                Ok(Wake::Mail(Mail::Asked(asked))) => self.answer(asked),
                Ok(Wake::Mail(Mail::Safe(safe))) => self.let_go(safe),
                Ok(Wake::Mail(Mail::End(reason, why))) => {
                    let why = why.unwrap_or(match reason {
                        ReasonCode::SESSION_TAKEN_OVER => {
                            "another connection took the session over"
                        }
                        ReasonCode::SERVER_SHUTTING_DOWN => "the broker stops",
                        ReasonCode::ADMINISTRATIVE_ACTION => "an operator ended the connection",
                        _ => "the broker ends the connection",
                    });
                    return End::Broker {
                        reason,
                        why: why.into(),
                    };
                }
                Ok(Wake::Timer) => {
                    self.timer = None;
                    let now = instant();
                    if self.keep_alive.look(now) == Some(Silence::TooLong) {
                        return End::Broker {
                            reason: ReasonCode::KEEP_ALIVE_TIMEOUT,
                            why: "nothing came for one and a half times the keep alive".into(),
                        };
                    }
                    if self.expires.is_some_and(|at| at <= now) {
                        return End::Broker {
                            reason: ReasonCode::NOT_AUTHORIZED,
                            why: "what it proved itself with has expired".into(),
                        };
                    }
                    if self.idle_at.is_some_and(|at| at <= now) {
                        self.shrink();
                    }
                }
                Err(error) => return End::Closed(format!("the connection broke: {error}")),
            }
        }
    }

    /// It is somebody else from now on, or the same for longer.
    fn prove(&mut self, verified: Verified) {
        self.identity.user_name = verified.user_name.clone();
        self.identity.verified = Some(Arc::new(verified));
        self.expires = expiry_of(&self.identity);
        self.timer = None; // it may be set for later
        self.shared.hub.send(Command::Proved {
            client: self.info.client.clone(),
            connection: self.info.id,
            identity: Box::new(self.identity.clone()),
        });
    }

    fn observe_output(&mut self) {
        self.look_at_faults();
        let bytes = if self.faults.is_some() {
            self.pass_output()
        } else {
            self.output
                .observe(self.info.id, self.shared.observer.as_ref())
        };
        let counted = self.output.counted();
        let counters = &self.shared.counters;
        counters.bytes_out.fetch_add(bytes as u64, Relaxed);
        if counted.packets > 0 {
            counters.packets_out.fetch_add(counted.packets, Relaxed);
            counters.payload_out.fetch_add(counted.payload, Relaxed);
        }
    }
}

/// The clock of timers: it does not jump, and a test may move it.
fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
}

mod acting;
mod asked;
mod ending;
mod faulty;
mod held;
mod packets;
mod refusing;
mod waiting;
