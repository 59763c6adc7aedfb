//! A connection from its CONNACK to its end.

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
use faulty::Injector;
use held::Durability;

/// The first read of a connection; what comes fast is read in larger pieces.
pub(super) const SMALL_READ: usize = 2 << 10;
const LARGE_READ: usize = 128 << 10;
/// How long a client may take for the last words.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// Silence after which a connection lets go of the memory of a burst.
const IDLE: Duration = Duration::from_secs(1);

/// What ends a connection.
enum End {
    /// The client said DISCONNECT; whether that keeps the will unsent, and the expiry that it changed to.
    Disconnect {
        keeps_will: bool,
        session_expiry: Option<u32>,
    },
    /// The client closed without a word, or the network did.
    Closed(String),
    /// A fault rule has cut it.
    Cut(String),
    /// The broker ends it.
    Broker { reason: ReasonCode, why: String },
}

impl End {
    fn error(error: &WireError) -> Self {
        Self::Broker {
            reason: error.reason(),
            why: error.to_string(),
        }
    }

    fn protocol(why: impl Into<String>) -> Self {
        Self::Broker {
            reason: ReasonCode::PROTOCOL_ERROR,
            why: why.into(),
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Disconnect {
                keeps_will: true, ..
            } => "the client said DISCONNECT".into(),
            Self::Disconnect { .. } => "the client said DISCONNECT, with its will".into(),
            Self::Closed(why) | Self::Cut(why) => why.clone(),
            Self::Broker { reason, why } => format!("{why} ({reason})"),
        }
    }
}

/// Reads what there is, at least so much at once.
pub(super) fn poll_read_into<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    input: &mut BytesMut,
    at_least: usize,
) -> Poll<io::Result<usize>> {
    input.reserve(at_least);
    poll_read_buf(Pin::new(stream), cx, input)
}

/// What a task that waits for a connection is woken by.
enum Wake {
    Read(usize),
    Wrote,
    Mail(Mail),
    Timer,
}

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
        if let End::Disconnect {
            keeps_will,
            session_expiry,
        } = &end
        {
            self.session.clean = *keeps_will;
            self.session.session_expiry = *session_expiry;
        }
        if let End::Broker { reason, why } = &end {
            self.say_disconnect(*reason, why);
        }
        self.lose_output();
        match end {
            End::Closed(_) => {}
            End::Cut(_) => self.write_last().await,
            End::Disconnect { .. } | End::Broker { .. } => {
                farewell(&mut self.stream, self.output.unwritten()).await;
            }
        }
        self.give_back();
        tracing::debug!(client = %self.info.client, "ended: {}", end.why());
        self.shared
            .observer
            .disconnected(self.info.id, Timestamp::now(), &end.why());
    }

    /// Writes what was handed to the socket already, and no word of farewell.
    async fn write_last(&mut self) {
        let last = async {
            self.stream.write_all(self.output.unwritten()).await?;
            self.stream.flush().await
        };
        let _ = tokio::time::timeout(FAREWELL, last).await;
    }

    /// Tells an MQTT 5 client why the broker ends the connection. Before MQTT 5 a server has no DISCONNECT: it closes.
    fn say_disconnect(&mut self, reason: ReasonCode, why: &str) {
        if self.info.version != ProtocolVersion::V5 {
            return;
        }
        let mut properties = Vec::new();
        let largest = self
            .session
            .session
            .as_ref()
            .map_or(0, |session| session.terms().client_maximum_packet_size);
        // [MQTT-3.14.2-3]: no more than the client takes. Sixteen bytes are more than what is around the text.
        if why.len() + 16 <= largest {
            Property::ReasonString(why).write(&mut properties);
        }
        let disconnect = Packet::Disconnect(Disconnect {
            reason,
            properties: Properties::trusted(&properties),
        });
        self.output
            .packet(&disconnect, self.info.version, Timestamp::now());
        self.observe_output();
    }

    /// What was taken from the inbox and not delivered belongs to the session.
    fn give_back(&mut self) {
        let now = Timestamp::now();
        if let Some(session) = &mut self.session.session {
            session.disconnect();
            for delivery in self.deliveries.drain(..) {
                let seq = delivery.seq;
                if let Err(reason) = session.deliver(delivery, now, &mut self.actions) {
                    self.actions.push(Action::Dropped { reason, seq });
                }
            }
        }
        self.apply_actions(now);
        self.flush_durable();
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

    /// Does what operators want of the session. Who asked may not wait any more.
    fn answer(&mut self, asked: Vec<Asked>) {
        let Some(session) = &mut self.session.session else {
            return;
        };
        for asked in asked {
            match asked {
                Asked::Contents {
                    from,
                    at_most,
                    reply,
                } => {
                    let mut contents = session.contents(from, at_most);
                    contents.arriving = self.inbox.len() + self.deliveries.len();
                    contents.silence_left = self.keep_alive.left(instant());
                    let _ = reply.send(contents);
                }
                Asked::DropQueue(reply) => {
                    let dropped: Vec<_> = session.take_queue().collect();
                    if let Some(durability) = &mut self.durability {
                        dropped.iter().for_each(|one| durability.done(one.seq));
                    }
                    self.counters.backlog.store(session.backlog(), Relaxed);
                    let _ = reply.send(dropped);
                }
                Asked::Withhold(forbidden, reply) => {
                    let mut is = forbidden.judge();
                    let mut out = session.withhold(&mut is);
                    out.extend(take_out(&mut self.deliveries, &mut is));
                    out.extend(self.inbox.take_out(&mut is));
                    if let Some(durability) = &mut self.durability {
                        let numbered = out.iter().filter(|one| one.seq > 0);
                        numbered.for_each(|one| durability.done(one.seq));
                    }
                    self.counters.backlog.store(session.backlog(), Relaxed);
                    let count = out.len();
                    out.retain(|one| one.share.is_some());
                    if !out.is_empty() {
                        self.shared.hub.send(Command::HandOn(out));
                    }
                    let _ = reply.send(count);
                }
            }
        }
        self.flush_durable();
    }

    /// Waits for whatever comes first: room in the socket, bytes, mail, the keep-alive's end.
    async fn wait(&mut self) -> io::Result<Wake> {
        if self.idle_at.is_none() && (self.output.is_wide() || self.input.capacity() > WIDE_INPUT) {
            self.idle_at = Some(instant() + IDLE);
            self.timer = None; // it may be set for later
        }
        if self.timer.is_none() {
            let times = [
                self.keep_alive.deadline(),
                self.pace.paused_until(),
                self.idle_at,
                self.expires,
                self.faults.as_ref().and_then(|faults| faults.due()),
            ];
            if let Some(at) = times.into_iter().flatten().min() {
                let at = tokio::time::Instant::from_std(at);
                self.timer = Some(Box::pin(tokio::time::sleep_until(at)));
            }
        }
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    /// Lets go of the memory of a burst, where there is nothing in it.
    fn shrink(&mut self) {
        self.idle_at = None;
        self.output.shrink();
        if self.input.is_empty() {
            self.input = BytesMut::new();
            self.read_size = SMALL_READ;
        }
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Wake>> {
        if !self.output.is_empty() {
            if let Poll::Ready(n) =
                Pin::new(&mut self.stream).poll_write(cx, self.output.unwritten())?
            {
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.output.written(n);
                self.unflushed = true;
                return Poll::Ready(Ok(Wake::Wrote));
            }
        } else if self.unflushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.unflushed = false;
        }
        if let Poll::Ready(mail) = self.inbox.poll(cx, self.takes_messages()) {
            return Poll::Ready(Ok(Wake::Mail(mail)));
        }
        if !self.output.is_full()
            && !self.owes_too_much()
            && self.pace.paused_until().is_none()
            && !self.faults.as_ref().is_some_and(|f| f.holds_input())
            && let Poll::Ready(n) =
                poll_read_into(&mut self.stream, cx, &mut self.input, self.read_size)?
        {
            return Poll::Ready(Ok(Wake::Read(n)));
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Ok(Wake::Timer));
        }
        Poll::Pending
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

/// Memory that the input of a silent connection may keep.
const WIDE_INPUT: usize = 2 * SMALL_READ;

mod acting;
mod faulty;
mod held;
mod packets;
mod refusing;
