//! The topic tree as pages see it.
//!
//! Duty: read the packets while somebody looks at the tree, and hand out the rows in sight in the words of
//! [`api`](crate::api). Not here: the tree itself (`capture`), what the broker knows (`inspect`).
//! Invariant: nothing is read while nobody looks; what was gone before it was read is counted.

use std::sync::Arc;

use mqttwb_capture::{Cursor, Source, Topic, TopicBounds, TopicView, Topics};
use mqttwb_model::Timestamp;
use parking_lot::Mutex;

use super::views::Views;
use crate::Result;
use crate::api::{TopicDetail, TopicRow, TopicValue, TopicsFrame, TopicsLook};
use crate::inspect::preview;

/// Batches of packets that are read for a frame at most; some tens of milliseconds.
const BATCHES: usize = 4;

/// Rows of a frame at most.
const ROWS: u32 = 500;
/// Rows that opening everything below a branch makes at most.
const OPENED_AT_ONCE: usize = 20_000;

/// The tree, and the views on it.
#[derive(Debug)]
pub(crate) struct TopicTree {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    source: Arc<dyn Source>,
    cursor: Cursor,
    topics: Topics,
    missed: u64,
    views: Views<TopicView>,
}

impl TopicTree {
    /// The topics of these packets, from the oldest that is kept on.
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
    pub fn open(&self) -> u32 {
        self.state.lock().views.open(TopicView::new())
    }

    /// Closes a view.
    pub fn close(&self, view: u32) -> Result<()> {
        self.state.lock().views.close(view)
    }

    /// Shows only topics whose name holds a text, or that match a topic filter.
    pub fn filter(&self, view: u32, text: &str) -> Result<()> {
        let view = self.state.lock().views.get(view)?;
        view.lock().filter(text);
        Ok(())
    }

    /// Opens or closes a branch of a view.
    pub fn set_open(&self, view: u32, node: u32, open: bool) -> Result<()> {
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        view.lock().set_open(&state.topics, node, open);
        Ok(())
    }

    /// Opens everything below a branch of a view, or all of it, as far as a page can show it. Returns how many branches stay
    /// closed.
    pub fn open_all(&self, view: u32, node: Option<u32>) -> Result<u32> {
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        let closed = view.lock().open_all(&state.topics, node, OPENED_AT_ONCE);
        Ok(u32::try_from(closed).unwrap_or(u32::MAX))
    }

    /// The place of the next row from a place on whose level begins with a text.
    pub fn seek(&self, view: u32, from: u32, text: &str) -> Result<Option<u32>> {
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        let place = view.lock().seek(&state.topics, from as usize, text);
        Ok(place.and_then(|place| u32::try_from(place).ok()))
    }

    /// The rows in sight, at a time.
    pub fn frame(&self, view: u32, look: &TopicsLook, now: Timestamp) -> Result<TopicsFrame> {
        let mut state = self.state.lock();
        let view = state.views.get(view)?;
        let reading = state.read();
        let topics = &state.topics;
        let mut view = view.lock();
        let total = view.len(topics);
        let start = (look.start as usize).min(total);
        let count = look.count.min(ROWS) as usize;
        let rows = view.rows(topics, start, count, now);
        let rows = rows.into_iter().map(TopicRow::from).collect();
        let chosen_at = look.chosen.and_then(|node| view.position(topics, node));
        Ok(TopicsFrame {
            frame: 0,
            start: start as u32,
            rows,
            total: total as u32,
            chosen: look.chosen,
            chosen_at: chosen_at.map(|at| at as u32),
            topics: topics.len() as u32,
            left_out: topics.left_out(),
            missed: state.missed,
            reading,
        })
    }

    /// What was seen of a topic, at a time. The broker's part of it is empty.
    pub fn detail(&self, topic: &str, now: Timestamp) -> TopicDetail {
        let state = self.state.lock();
        let seen = state.topics.topic(topic);
        TopicDetail {
            topic: topic.to_owned(),
            value: seen.map(TopicValue::from),
            rate: state.topics.rate(topic, now),
            publishers: seen.map_or_else(Vec::new, |seen| {
                seen.publishers.iter().map(ToString::to_string).collect()
            }),
            more_publishers: seen.is_some_and(|seen| seen.more_publishers),
            subscribers: Vec::new(),
            subscriber_count: 0,
            retained: None,
        }
    }

    /// Packets were forgotten on demand: the tree begins anew.
    pub fn cleared(&self) {
        let mut state = self.state.lock();
        state.cursor = Cursor::at_newest(Arc::clone(&state.source));
        state.topics.clear();
        state.missed = 0;
    }
}

impl State {
    fn new(source: Arc<dyn Source>) -> Self {
        Self {
            cursor: Cursor::at_oldest(Arc::clone(&source)),
            topics: Topics::new(TopicBounds::default()),
            missed: 0,
            views: Views::default(),
            source,
        }
    }

    /// Reads some of what has come. Returns whether there is more.
    fn read(&mut self) -> bool {
        let source = self.source.as_ref();
        for _ in 0..BATCHES {
            let batch = self.cursor.next_batch();
            self.missed += batch.missed;
            if batch.is_empty() {
                return false;
            }
            for packet in batch.iter() {
                self.topics.see(&packet, source);
            }
        }
        true
    }
}

impl From<mqttwb_capture::TopicRow<'_>> for TopicRow {
    fn from(row: mqttwb_capture::TopicRow<'_>) -> Self {
        Self {
            node: row.node,
            parent: row.parent,
            depth: row.depth.into(),
            level: row.level.to_owned(),
            name: row.name,
            children: row.children,
            open: row.open,
            topics: row.topics,
            messages: row.messages,
            // Figures that a person can't tell apart make no new frame.
            rate: (row.rate * 10.0).round() / 10.0,
            topic: row.topic.map(TopicValue::from),
        }
    }
}

impl From<&Topic> for TopicValue {
    fn from(topic: &Topic) -> Self {
        let last = &topic.last;
        let (preview, format, whole) = preview(&last.preview);
        Self {
            messages: topic.messages,
            deliveries: topic.deliveries,
            seq: last.seq,
            at_micros: last.at.0 / 1000,
            qos: last.qos.into(),
            size: last.size,
            preview,
            format,
            whole: whole && last.preview.len() as u32 == last.size,
            retained: topic.retained,
        }
    }
}
