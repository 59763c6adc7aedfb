//! Application messages as rows.
//!
//! Duty: read the packets while somebody looks at messages, and say what a message is in the words of
//! [`api`](crate::api). Not here: which packets belong together (`capture`).
//! Invariant: nothing is read while nobody looks; what was gone before it was read is counted.

use std::sync::Arc;

use mqttwb_capture::{
    Cursor, MessageRecord, MessageView, Messages, Packet, Progress, Source, client_of,
};
use mqttwb_model::QoS;
use parking_lot::Mutex;

use super::views::Views;
use super::{ROWS, parse};
use crate::Result;
use crate::api::{MessageAnswer, MessageRow, MessageRows, MessagesFrame, TrafficFilter};
use crate::inspect::preview;

/// Messages that are known at most: about 20 MB.
const MESSAGES: usize = 200_000;

/// Batches of packets that are read for a frame at most; some tens of milliseconds.
const BATCHES: usize = 8;

/// Messages that a filter looks at for a frame.
const SEARCH: u64 = 50_000;

/// The messages as pages see them.
#[derive(Debug)]
pub(crate) struct MessageList {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    source: Arc<dyn Source>,
    cursor: Cursor,
    messages: Messages,
    missed: u64,
    views: Views<MessageView>,
}

impl State {
    fn new(source: Arc<dyn Source>) -> Self {
        Self {
            cursor: Cursor::at_oldest(Arc::clone(&source)),
            messages: Messages::new(MESSAGES),
            missed: 0,
            views: Views::default(),
            source,
        }
    }

    /// Reads some of what has come. Returns whether there is more.
    fn read(&mut self) -> bool {
        let source = self.source.as_ref();
        let who = |id| client_of(source, id);
        for _ in 0..BATCHES {
            let batch = self.cursor.next_batch();
            self.missed += batch.missed;
            if batch.is_empty() {
                self.messages.forget_before(source.kept().start);
                return false;
            }
            for packet in batch.iter() {
                self.messages.see(&packet, who);
            }
        }
        self.messages.forget_before(source.kept().start);
        true
    }
}

impl MessageList {
    /// The messages of these packets, from the oldest that is kept on.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self {
            state: Mutex::new(State::new(source)),
        }
    }

    /// From now on those of these packets. Where it was others, the views on them are closed.
    pub fn look_at(&self, source: &Arc<dyn Source>) {
        let mut state = self.state.lock();
        if !std::ptr::addr_eq(Arc::as_ptr(&state.source), Arc::as_ptr(source)) {
            *state = State::new(Arc::clone(source));
        }
    }

    /// Opens a view.
    pub fn open(&self, filter: &TrafficFilter) -> Result<u32> {
        let filter = parse(filter)?;
        let mut state = self.state.lock();
        let view = MessageView::new(Arc::clone(&state.source), filter);
        Ok(state.views.open(view))
    }

    /// Changes the filter of a view; its positions begin anew.
    pub fn filter(&self, view: u32, filter: &TrafficFilter) -> Result<()> {
        let filter = parse(filter)?;
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        *view.lock() = MessageView::new(Arc::clone(&state.source), filter);
        Ok(())
    }

    /// Closes a view.
    pub fn close(&self, view: u32) -> Result<()> {
        self.state.lock().views.close(view)
    }

    /// The state of a view, with at most `tail` of its newest rows.
    pub fn frame(&self, view: u32, tail: u32) -> Result<MessagesFrame> {
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        let reading = state.read();
        let mut view = view.lock();
        let searching = view.advance(&state.messages, SEARCH);
        let positions = view.positions();
        let tail = u64::from(tail.min(ROWS));
        let from = positions.end.saturating_sub(tail);
        let (_, rows) = view.rows(&state.messages, from, tail as usize);
        let known = state.messages.positions();
        let missed = state.missed;
        let source = Arc::clone(&state.source);
        drop(view);
        drop(state);
        Ok(MessagesFrame {
            frame: 0,
            begin: positions.start,
            end: positions.end,
            known: known.end - known.start,
            gone: known.start,
            missed,
            tail: rows_of(source.as_ref(), &rows),
            searching: reading || searching,
        })
    }

    /// Rows of a view from a position on.
    pub fn rows(&self, view: u32, start: u64, count: u32) -> Result<MessageRows> {
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        let (start, rows) = view
            .lock()
            .rows(&state.messages, start, count.min(ROWS) as usize);
        let source = Arc::clone(&state.source);
        drop(state);
        Ok(MessageRows {
            start,
            rows: rows_of(source.as_ref(), &rows),
        })
    }

    /// Packets were forgotten on demand: they are not missed.
    pub fn cleared(&self) {
        let mut state = self.state.lock();
        state.cursor = Cursor::at_newest(Arc::clone(&state.source));
        let end = state.cursor.next_seq();
        state.messages.forget_before(end);
    }
}

fn rows_of(source: &dyn Source, records: &[MessageRecord]) -> Vec<MessageRow> {
    let packets = source.pick(&mut records.iter().map(|record| record.first));
    records
        .iter()
        .map(|record| row(source, record, packets.get(record.first)))
        .collect()
}

fn row(source: &dyn Source, record: &MessageRecord, packet: Option<Packet<'_>>) -> MessageRow {
    let publish =
        packet.and_then(
            |packet| match mqttwb_wire::decode(packet.frame, packet.version) {
                Ok(mqttwb_wire::Packet::Publish(publish)) => Some(publish),
                _ => None,
            },
        );
    let topic = packet.and_then(|packet| packet.topic());
    let info = packet.and_then(|packet| source.connection(packet.connection));
    let payload = publish.as_ref().map_or(&[][..], |publish| publish.payload);
    let (preview, format, whole) = preview(payload);
    MessageRow {
        seq: record.first,
        message: record.message.map(|message| message.0),
        at_micros: record.at.0 / 1000,
        published: record.published,
        client: info.map_or_else(String::new, |info| info.client.to_string()),
        topic: topic.unwrap_or_default().to_owned(),
        qos: publish.as_ref().map_or(QoS::AtMostOnce, |p| p.qos).into(),
        retain: publish.is_some_and(|publish| publish.retain),
        size: payload.len() as u32,
        preview,
        format,
        whole,
        answer: match record.answer {
            None => MessageAnswer::None,
            Some(Progress::UnderWay) => MessageAnswer::UnderWay,
            Some(Progress::Done) => MessageAnswer::Done,
            Some(Progress::Refused) => MessageAnswer::Refused,
        },
        deliveries: record.deliveries,
        done: record.done,
        under_way: record.under_way(),
        lost: record.lost,
        again: record.again,
        faults: record.faults,
        took_micros: record
            .last_done
            .map(|done| done.since(record.at).as_micros() as u64),
    }
}
