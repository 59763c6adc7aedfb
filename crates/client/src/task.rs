//! The task that owns a connection from CONNACK to its end.
//!
//! It reads and writes at the same time: a broker that does not read while it can't write, and a client that does the same,
//! would wait for each other for ever. Requests are taken while there is room for what they write; the rest wait with
//! those who ask.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::BytesMut;
use mqttwb_model::{Direction, QoS, TopicFilter};
use mqttwb_wire::{ReasonCode, frame_len};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::attempt::{Connected, Ground};
use crate::error::{ConnectionError, RequestError, words};
use crate::hello::LARGEST_PACKET;
use crate::session::{Broken, Event, PublishError, Session};
use crate::timeline::EntryKind;
use crate::{Publication, Wish};

/// How long the broker may take to close the connection after DISCONNECT.
const GOODBYE: Duration = Duration::from_secs(2);
/// Unwritten bytes from which on nothing is added to them.
const UNWRITTEN: usize = 512 * 1024;
/// Requests that were taken and can't be written yet, since the broker takes no more messages at a time.
const HELD: usize = 64;
/// Bytes of a read that may be taken at once.
const READ: usize = 64 * 1024;

/// The broker's answer to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The QoS that it grants.
    Granted(QoS),
    /// It refuses, and why.
    Refused(String),
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, RequestError>>;

/// What a handle asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Publish(Box<Publishing>),
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

/// A message on its way, and who waits for what.
#[derive(Debug)]
pub(crate) struct Publishing {
    pub(crate) message: Publication,
    pub(crate) sent: Reply<()>,
    pub(crate) acknowledged: Reply<()>,
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With a DISCONNECT from here.
    Disconnected,
    /// By dropping the socket.
    Dropped,
    /// Against our will.
    Failed(ConnectionError),
}

/// What outlives a connection, as long as the broker keeps the session too.
pub(crate) struct Past {
    pub(crate) session: Session,
    /// Messages that were not acknowledged.
    pub(crate) publishing: HashMap<u16, Publication>,
}

/// The task of one connection.
pub(crate) struct Task<'a> {
    ground: &'a Ground,
    commands: &'a mut mpsc::Receiver<Command>,
    stop: &'a mut oneshot::Receiver<()>,
    connected: Connected,
    session: Session,
    out: BytesMut,
    /// Bytes of `out` that the observer was shown.
    shown: usize,
    /// Bytes that were written since the connection began.
    written: u64,
    unflushed: bool,
    /// Who waits until that many bytes were written.
    sending: VecDeque<(u64, Reply<()>)>,
    held: VecDeque<Box<Publishing>>,
    publishing: HashMap<u16, (Publication, Reply<()>)>,
    subscribing: HashMap<u16, (Wish, Reply<Grant>)>,
    unsubscribing: HashMap<u16, (TopicFilter, Reply<()>)>,
    leaving: Option<Instant>,
    next_ping: Option<Instant>,
    awaits_pong: bool,
}

impl<'a> Task<'a> {
    /// Takes a connection over, and what is left of the session before it.
    pub(crate) fn new(
        ground: &'a Ground,
        commands: &'a mut mpsc::Receiver<Command>,
        stop: &'a mut oneshot::Receiver<()>,
        connected: Connected,
        past: Option<Past>,
    ) -> Result<Self, ConnectionError> {
        let negotiated = &connected.negotiated;
        let mut out = BytesMut::new();
        let mut publishing = HashMap::new();
        let mut session = match past.filter(|_| negotiated.session_present) {
            None => Session::new(ground.options.version),
            Some(mut past) => {
                for id in past.session.resume(&mut out)? {
                    if let Some(message) = past.publishing.get(&id) {
                        ground.shared.published(message, true);
                    }
                }
                for (id, message) in past.publishing {
                    // Who waited for the acknowledgement was told of the lost connection.
                    publishing.insert(id, (message, oneshot::channel().0));
                }
                past.session
            }
        };
        session.agreed(negotiated);
        let mut task = Self {
            next_ping: None,
            ground,
            commands,
            stop,
            connected,
            session,
            out,
            shown: 0,
            written: 0,
            unflushed: false,
            sending: VecDeque::new(),
            held: VecDeque::new(),
            publishing,
            subscribing: HashMap::new(),
            unsubscribing: HashMap::new(),
            leaving: None,
            awaits_pong: false,
        };
        task.schedule_ping();
        for wish in task.ground.shared.missing(&task.ground.options) {
            task.subscribe(wish, oneshot::channel().0)?;
        }
        Ok(task)
    }

    /// Runs the connection to its end. The socket is closed when this returns.
    pub(crate) async fn run(mut self) -> (End, Past) {
        let end = match self.drive().await {
            Ok(end) => end,
            Err(_) if self.leaving.is_some() => End::Disconnected,
            Err(error) => End::Failed(error),
        };
        self.connected.tap.ends(match &end {
            End::Disconnected => "the client disconnected".into(),
            End::Dropped => "the client dropped the socket".into(),
            End::Failed(error) => error.to_string(),
        });
        // Everybody who waits for an answer learns of the end by the dropped reply.
        let publishing = self.publishing.into_iter();
        let past = Past {
            session: self.session,
            publishing: publishing.map(|(id, (message, _))| (id, message)).collect(),
        };
        (end, past)
    }

    async fn drive(&mut self) -> Result<End, ConnectionError> {
        loop {
            self.take_input().await?;
            self.publish_held()?;
            self.show();
            let room =
                self.leaving.is_none() && self.out.len() < UNWRITTEN && self.held.len() < HELD;
            // Whoever does not take what answers its packets gets no more of them read.
            let readable = self.out.len() < 2 * UNWRITTEN;
            let writable = self.unflushed || !self.out.is_empty();
            let (leaving, ping) = (self.leaving, self.next_ping);
            let dialled = &mut self.connected.dialled;
            let input = &mut self.connected.input;
            tokio::select! {
                // A flood must not keep a person's requests waiting; those are few.
                biased;
                _ = &mut *self.stop => return Ok(End::Dropped),
                command = self.commands.recv(), if room => match command {
                    None => return Ok(End::Dropped),
                    Some(command) => self.request(command)?,
                },
                written = push(&mut dialled.writer, &mut self.out), if writable => {
                    let written = written.map_err(|error| self.failed(&error))?;
                    self.wrote(written);
                }
                () = at(leaving) => return Ok(End::Disconnected),
                () = at(ping) => self.ping()?,
                read = read(&mut dialled.reader, input), if readable => match read {
                    Ok(0) => {
                        let address = self.address();
                        return Err(ConnectionError::closed(&address, false));
                    }
                    Ok(_) => {}
                    Err(error) => return Err(self.failed(&error)),
                },
            }
        }
    }

    fn address(&self) -> String {
        self.ground.endpoint.to_string()
    }

    fn failed(&self, error: &std::io::Error) -> ConnectionError {
        ConnectionError::of_io(error, &self.address(), false)
    }

    /// Shows the observer what was added to the output since the last time.
    fn show(&mut self) {
        let added = &self.out[self.shown..];
        if !added.is_empty() {
            self.connected.tap.saw(Direction::ToBroker, added);
            self.shown = self.out.len();
        }
    }

    /// So many bytes were written; none where what was written before was flushed.
    fn wrote(&mut self, written: usize) {
        self.unflushed = written > 0;
        self.shown -= written;
        self.written += written as u64;
        while let Some((until, _)) = self.sending.front()
            && *until <= self.written
        {
            if let Some((_, sent)) = self.sending.pop_front() {
                let _ = sent.send(Ok(()));
            }
        }
    }

    /// The number that `written` has when everything that is in the output now was written.
    fn end_of_output(&self) -> u64 {
        self.written + self.out.len() as u64
    }

    fn schedule_ping(&mut self) {
        self.next_ping = match self.connected.negotiated.keep_alive {
            0 => None,
            seconds => Some(Instant::now() + Duration::from_secs(seconds.into())),
        };
    }

    fn ping(&mut self) -> Result<(), ConnectionError> {
        if self.awaits_pong {
            return Err(ConnectionError::PingUnanswered);
        }
        self.awaits_pong = true;
        self.out.extend_from_slice(&[0xc0, 0]);
        self.schedule_ping();
        Ok(())
    }

    /// Takes the whole packets that were read.
    async fn take_input(&mut self) -> Result<(), ConnectionError> {
        let largest = match self.ground.options.maximum_packet_size {
            Some(size) => usize::try_from(size).unwrap_or(LARGEST_PACKET),
            None => LARGEST_PACKET,
        };
        let mut whole = 0;
        let fault = loop {
            match frame_len(&self.connected.input[whole..], largest) {
                Ok(Some(len)) if self.connected.input.len() - whole >= len => whole += len,
                Ok(_) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        let mut packets = self.connected.input.split_to(whole);
        if whole > 0 {
            self.connected.tap.saw(Direction::ToClient, &packets);
        }
        while !packets.is_empty() {
            // Looked at above.
            let Ok(Some(len)) = frame_len(&packets, largest) else {
                break;
            };
            self.awaits_pong = false;
            match self.session.incoming(packets.split_to(len), &mut self.out) {
                Ok(None) => {}
                Ok(Some(event)) => self.happened(event).await,
                Err(Broken::Dismissed { code, words }) => {
                    return Err(ConnectionError::Dismissed { code, words });
                }
                Err(Broken::Malformed(detail)) => return Err(self.protocol(detail)),
            }
        }
        match fault {
            Some(detail) => Err(self.protocol(detail)),
            None => Ok(()),
        }
    }

    fn protocol(&self, detail: String) -> ConnectionError {
        ConnectionError::Protocol {
            address: self.address(),
            detail,
        }
    }

    fn request(&mut self, command: Command) -> Result<(), ConnectionError> {
        match command {
            Command::Publish(publishing) => self.held.push_back(publishing),
            Command::Subscribe { wish, granted } => self.subscribe(wish, granted)?,
            Command::Unsubscribe { filter, done } => {
                let id = self.session.unsubscribe(filter.as_str(), &mut self.out)?;
                self.unsubscribing.insert(id, (filter, done));
            }
            Command::Disconnect => {
                // What was asked for before goes first; what the broker's receive maximum holds back does not.
                self.publish_held()?;
                self.session.disconnect(&mut self.out)?;
                self.leaving = Some(Instant::now() + GOODBYE);
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, wish: Wish, granted: Reply<Grant>) -> Result<(), ConnectionError> {
        let id = self.session.subscribe(&wish, &mut self.out)?;
        self.ground.shared.subscribing(&wish);
        self.subscribing.insert(id, (wish, granted));
        Ok(())
    }

    /// Writes the messages that wait, in their order, as long as the broker takes them.
    fn publish_held(&mut self) -> Result<(), ConnectionError> {
        while let Some(next) = self.held.front()
            && self.leaving.is_none()
            && (next.message.qos == QoS::AtMostOnce || self.session.has_room())
        {
            if let Some(publishing) = self.held.pop_front() {
                self.publish(*publishing)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, publishing: Publishing) -> Result<(), ConnectionError> {
        let Publishing {
            message,
            sent,
            acknowledged,
        } = publishing;
        // A larger packet would cost the connection.
        let (size, limit) = (message.size(), self.connected.negotiated.largest());
        if size > limit {
            let _ = sent.send(Err(RequestError::TooLarge { size, limit }));
            return Ok(());
        }
        let id = match self.session.publish(&message, &mut self.out) {
            Ok(id) => id,
            Err(PublishError::Request(error)) => {
                let _ = sent.send(Err(error));
                return Ok(());
            }
            Err(PublishError::Connection(error)) => return Err(error),
        };
        self.ground.shared.published(&message, false);
        self.sending.push_back((self.end_of_output(), sent));
        if id == 0 {
            let _ = acknowledged.send(Ok(()));
        } else {
            self.publishing.insert(id, (message, acknowledged));
        }
        Ok(())
    }

    async fn happened(&mut self, event: Event) {
        let shared = &self.ground.shared;
        match event {
            Event::Acknowledged { id, reason } => self.acknowledged(id, reason),
            Event::Granted { id, outcome } => self.granted(id, outcome),
            Event::Unsubscribed { id, refused } => {
                if let Some((filter, done)) = self.unsubscribing.remove(&id) {
                    shared.unsubscribed(&filter, refused.as_deref());
                    let outcome = match refused {
                        None => Ok(()),
                        Some(reason) => Err(RequestError::Refused(reason)),
                    };
                    let _ = done.send(outcome);
                }
            }
            Event::Received(message) => {
                shared.received(&message);
                if let Some(inbox) = &self.ground.inbox {
                    // A reader that has gone wants no more; the timeline goes on.
                    let _ = inbox.send(message).await;
                }
            }
            Event::Again(message) => shared.tell(
                EntryKind::Connection,
                format!(
                    "{}: a QoS 2 message came again, and was taken once",
                    message.topic
                ),
            ),
        }
    }

    fn acknowledged(&mut self, id: u16, reason: ReasonCode) {
        let Some((message, acknowledged)) = self.publishing.remove(&id) else {
            return;
        };
        let outcome = if reason.is_error() {
            let reason = words(reason.text(), reason, None);
            self.ground.shared.refused(&message, &reason);
            Err(RequestError::Refused(reason))
        } else {
            self.ground.shared.acknowledged(&message);
            Ok(())
        };
        let _ = acknowledged.send(outcome);
    }

    fn granted(&mut self, id: u16, outcome: Result<QoS, String>) {
        let Some((wish, granted)) = self.subscribing.remove(&id) else {
            return;
        };
        let grant = match outcome {
            Ok(qos) => Grant::Granted(qos),
            Err(reason) => Grant::Refused(reason),
        };
        self.ground.shared.granted(&wish, &grant);
        let _ = granted.send(Ok(grant));
    }
}

/// Writes some of the output, or flushes where there is none.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, out: &mut BytesMut) -> std::io::Result<usize> {
    if out.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    match writer.write_buf(out).await? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    input: &mut BytesMut,
) -> std::io::Result<usize> {
    input.reserve(READ);
    reader.read_buf(input).await
}

/// Waits until then; for ever where there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
