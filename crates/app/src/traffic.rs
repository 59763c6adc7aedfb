//! Packets as rows and details, for a page that shows millions of them a screenful at a time.
//!
//! Duty: keep the views that pages have opened, and say what a packet is in the words of [`api`](crate::api).
//! Not here: keeping packets and searching them (`capture`), taking them apart (`wire`).
//! Invariant: no answer is larger than what was asked for, however much is recorded.

mod messages;
mod stories;
mod topics;
mod views;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_capture::{Capture, Filter, Packet, SeenRefusal, Source, View};
use mqttwb_model::{
    ClientPattern, ConnectionId, ConnectionInfo, MessageId, PacketType, QoS, Timestamp, TopicFilter,
};
use mqttwb_wire::{ReasonCode, Role};
use parking_lot::Mutex;

use messages::MessageList;
use topics::TopicTree;
use views::Views;

pub(crate) use stories::{save_flow, story};

use crate::Result;
use crate::api::{
    ApiError, Direction, ErrorCode, FieldRole, PacketDetail, PacketFault, PacketField, Refusal,
    SeenBy, TrafficFilter, TrafficFrame, TrafficRow, TrafficRows,
};

/// Packets that a search looks at before the page gets its answer; some tens of milliseconds.
const SEARCH: u64 = 400_000;

/// Rows of one answer at most.
const ROWS: u32 = 1000;

/// Bytes of a packet that are shown unless the whole is asked for.
const SHOWN: usize = 64 * 1024;

/// The traffic as pages see it.
#[derive(Debug)]
pub struct Traffic {
    capture: Arc<Capture>,
    /// The recording that is looked at in place of the live traffic.
    opened: Mutex<Option<Arc<dyn Source>>>,
    views: Mutex<Views<View>>,
    messages: MessageList,
    topics: TopicTree,
}

impl Traffic {
    /// No views yet on these packets.
    pub fn new(capture: Arc<Capture>) -> Self {
        Self {
            opened: Mutex::default(),
            views: Mutex::default(),
            messages: MessageList::new(capture.clone()),
            topics: TopicTree::new(capture.clone()),
            capture,
        }
    }

    /// What is looked at: the live traffic, or the recording that was opened. Whatever shows packets reads them here.
    pub fn source(&self) -> Arc<dyn Source> {
        match &*self.opened.lock() {
            Some(recording) => recording.clone(),
            None => self.capture.clone(),
        }
    }

    /// Looks at this recording from now on, or at the live traffic again. A view that is open stays on what it is of.
    pub fn look_at(&self, recording: Option<Arc<dyn Source>>) {
        *self.opened.lock() = recording;
    }

    /// Opens a view and begins its search.
    pub fn open(&self, filter: &TrafficFilter) -> Result<u32> {
        let mut view = View::new(self.source(), parse(filter)?);
        view.advance(SEARCH);
        Ok(self.views.lock().open(view))
    }

    /// Changes the filter of a view; its positions begin anew.
    pub fn filter(&self, view: u32, filter: &TrafficFilter) -> Result<()> {
        let filter = parse(filter)?;
        let view = self.views.lock().get(view)?;
        let source = Arc::clone(view.lock().source());
        let mut anew = View::new(source, filter);
        anew.advance(SEARCH);
        *view.lock() = anew;
        Ok(())
    }

    /// Closes a view.
    pub fn close(&self, view: u32) -> Result<()> {
        self.views.lock().close(view)
    }

    /// The state of a view, with at most `tail` of its newest rows. `frame` is 0; who sends it numbers it.
    pub fn frame(&self, view: u32, tail: u32) -> Result<TrafficFrame> {
        let view = self.views.lock().get(view)?;
        let mut view = view.lock();
        let searching = view.advance(SEARCH) && view.searching();
        let positions = view.positions();
        let tail = u64::from(tail.min(ROWS));
        let (_, rows) = view.rows(positions.end.saturating_sub(tail), tail as usize);
        let source = Arc::clone(view.source());
        drop(view);
        let stats = source.stats();
        Ok(TrafficFrame {
            frame: 0,
            begin: positions.start,
            end: positions.end,
            stored: stats.stored,
            seen: stats.seen,
            evicted: stats.evicted,
            lost: stats.lost,
            memory: stats.memory,
            budget: stats.budget,
            tail: rows_of(&*source, rows.iter()),
            searching,
        })
    }

    /// Rows of a view from a position on; at most 1,000.
    pub fn rows(&self, view: u32, start: u64, count: u32) -> Result<TrafficRows> {
        let view = self.views.lock().get(view)?;
        let view = view.lock();
        let (start, rows) = view.rows(start, count.min(ROWS) as usize);
        let source = Arc::clone(view.source());
        drop(view);
        Ok(TrafficRows {
            start,
            rows: rows_of(&*source, rows.iter()),
        })
    }

    /// Everything about one packet; `whole` for all its bytes however many they are.
    pub fn detail(&self, seq: u64, whole: bool) -> Result<PacketDetail> {
        let source = self.source();
        let packets = source.packet(seq);
        let packet = packets.get(seq).ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                format!("packet {seq} is no longer kept"),
            )
            .hint("Older packets make room for newer ones. Choose one that the table still shows.")
        })?;
        let info = source.connection(packet.connection);
        let info = info.as_deref();
        let shown = if whole { usize::MAX } else { SHOWN };
        let dissection = mqttwb_wire::dissect(packet.frame, packet.version);
        Ok(PacketDetail {
            row: row(&packet, info),
            version: packet.version.into(),
            listener: info.map_or_else(String::new, |info| info.listener.as_ref().into()),
            peer: info.map_or_else(String::new, |info| info.peer.to_string()),
            common_name: info
                .and_then(|info| info.common_name.as_deref())
                .map(Into::into),
            fields: dissection
                .fields
                .into_iter()
                .map(|field| PacketField {
                    name: field.name.into(),
                    value: field.value,
                    start: field.span.start as u32,
                    end: field.span.end as u32,
                    role: field.role.into(),
                })
                .collect(),
            malformed: dissection.malformed,
            bytes: STANDARD.encode(&packet.frame[..packet.frame.len().min(shown)]),
            size: packet.frame.len() as u32,
        })
    }

    /// Forgets every packet of the live traffic.
    pub fn clear(&self) -> Result<()> {
        if self.opened.lock().is_some() {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                "A recording is open, and can't be cleared.",
            )
            .hint("Close it to get back to the live traffic."));
        }
        self.capture.clear();
        self.messages.cleared();
        self.topics.cleared();
        Ok(())
    }

    /// The messages of what is looked at.
    pub fn messages(&self) -> &MessageList {
        self.messages.look_at(&self.source());
        &self.messages
    }

    /// The topics of what is looked at.
    pub fn topics(&self) -> &TopicTree {
        self.topics.look_at(&self.source());
        &self.topics
    }
}

fn rows_of<'a>(source: &dyn Source, packets: impl Iterator<Item = Packet<'a>>) -> Vec<TrafficRow> {
    // A screenful comes from few connections: each is asked for once.
    let mut known: HashMap<ConnectionId, Option<Arc<ConnectionInfo>>> = HashMap::new();
    packets
        .map(|packet| {
            let info = known
                .entry(packet.connection)
                .or_insert_with(|| source.connection(packet.connection));
            row(&packet, info.as_deref())
        })
        .collect()
}

/// A packet as a row. `info` is `None` where its connection was never announced; its client then has no name.
pub fn row(packet: &Packet<'_>, info: Option<&ConnectionInfo>) -> TrafficRow {
    let peek = mqttwb_wire::peek(packet.frame, packet.version);
    let topic = packet.aliased_topic.or_else(|| peek?.topic);
    TrafficRow {
        seq: packet.seq,
        at_micros: packet.at.0 / 1000,
        client: info.map_or_else(String::new, |info| info.client.as_str().into()),
        seen_by: match packet.seen_by {
            mqttwb_model::SeenBy::Broker => None,
            mqttwb_model::SeenBy::ClientOfBroker => Some(SeenBy::ClientOfBroker),
            mqttwb_model::SeenBy::ClientOfRemote => Some(SeenBy::ClientOfRemote),
        },
        direction: packet.direction.into(),
        packet: peek.map_or("malformed", |peek| peek.packet.name()).into(),
        qos: packet.qos().map(u8::from),
        topic: topic.map(Into::into),
        summary: mqttwb_wire::summary(packet.frame, packet.version),
        dup: peek.is_some_and(|peek| peek.dup),
        retain: peek.is_some_and(|peek| peek.retain),
        packet_id: peek.and_then(|peek| peek.packet_id),
        reason: peek.and_then(|peek| ReasonCode(peek.reason?).told(peek.packet, packet.version)),
        size: packet.frame.len() as u32,
        message: packet.message.map(|message| message.0),
        fault: packet.fault.map(|fault| PacketFault {
            rule: fault.rule.into(),
            done: fault.done.into(),
            text: fault.done.sentence(packet.direction),
        }),
    }
}

/// A filter as a page or a shell writes it.
pub(crate) fn parse(filter: &TrafficFilter) -> Result<Filter> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidInput, message);
    let mut parsed = Filter::all().text(&filter.text).payload(&filter.payload);
    for client in filter.clients.iter().filter(|client| !client.is_empty()) {
        parsed = parsed.client(ClientPattern::from(client.as_str()));
    }
    let at = |micros: u64| Timestamp(micros.saturating_mul(1000));
    match (filter.from, filter.until) {
        (Some(from), Some(until)) if from >= until => {
            return Err(invalid("the time span ends before it begins".into())
                .hint("Let it begin earlier, or end later."));
        }
        (from, until) => {
            if let Some(from) = from {
                parsed = parsed.from(at(from));
            }
            if let Some(until) = until {
                parsed = parsed.until(at(until));
            }
        }
    }
    if let Some(message) = filter.message {
        parsed = parsed.message(MessageId(message));
    }
    if filter.faults {
        parsed = parsed.faults();
    }
    if !filter.topic.is_empty() {
        let topic = TopicFilter::try_from(filter.topic.as_str())
            .map_err(|error| invalid(format!("“{}” is no topic filter: {error}", filter.topic)))?;
        parsed = parsed.topic(topic);
    }
    for name in &filter.packets {
        let packet = PacketType::ALL
            .into_iter()
            .find(|packet| packet.name() == name)
            .ok_or_else(|| invalid(format!("“{name}” is no packet type; one is PUBLISH")))?;
        parsed = parsed.packet(packet);
    }
    if let Some(direction) = filter.direction {
        parsed = parsed.direction(direction.into());
    }
    if let Some(qos) = filter.qos {
        parsed = parsed.qos(QoS::try_from(qos).map_err(|error| invalid(error.to_string()))?);
    }
    if let Some(end) = filter.seen_by {
        parsed = parsed.seen_by(match end {
            SeenBy::Broker => mqttwb_model::SeenBy::Broker,
            SeenBy::ClientOfBroker => mqttwb_model::SeenBy::ClientOfBroker,
            SeenBy::ClientOfRemote => mqttwb_model::SeenBy::ClientOfRemote,
        });
    }
    Ok(parsed)
}

impl From<mqttwb_model::Direction> for Direction {
    fn from(direction: mqttwb_model::Direction) -> Self {
        match direction {
            mqttwb_model::Direction::ToBroker => Self::ToBroker,
            mqttwb_model::Direction::ToClient => Self::ToClient,
        }
    }
}

impl From<Direction> for mqttwb_model::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::ToBroker => Self::ToBroker,
            Direction::ToClient => Self::ToClient,
        }
    }
}

impl From<Role> for FieldRole {
    fn from(role: Role) -> Self {
        match role {
            Role::FixedHeader => Self::FixedHeader,
            Role::Topic => Self::Topic,
            Role::PacketId => Self::PacketId,
            Role::Property => Self::Property,
            Role::Reason => Self::Reason,
            Role::Payload => Self::Payload,
            Role::Other => Self::Other,
        }
    }
}

impl From<SeenRefusal> for Refusal {
    fn from(SeenRefusal { seq, refusal }: SeenRefusal) -> Self {
        Self {
            seq,
            at: refusal.at.as_millis(),
            listener: refusal.listener.as_ref().into(),
            peer: refusal.peer.to_string(),
            key: match refusal.cause {
                mqttwb_model::RefusalCause::Limit(limit) => {
                    Some(crate::inspect::limit_key(limit).to_owned())
                }
                _ => None,
            },
            cause: refusal.cause.into(),
            detail: refusal.detail,
        }
    }
}

#[cfg(test)]
mod tests;
