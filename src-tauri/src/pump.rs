//! The pump: carries frames from the workbench to the page.
//!
//! Duty: ask a source for its newest state at its own pace and send it through a channel, as long as the page keeps up.
//! Not here: what a frame holds (`mqttwb_app`), who is asked for it (`sources.rs`, `pictures.rs`). A channel has no
//! back-pressure of its own, so the page acknowledges.
//! Invariant: at most [`IN_FLIGHT`] frames of a stream are unacknowledged; a slow page gets fewer frames, never a queue.

mod pictures;
mod sources;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mqttwb_app::{
    App, Result,
    api::{ApiError, LiveFrame, MessagesFrame, TopicsFrame, TopicsLook, TrafficFrame},
};
use pictures::Pictures;
pub use pictures::Views;
use serde::Serialize;
use sources::{Live, Messages, Topics, Traffic};
use tauri::{WebviewWindow, async_runtime, ipc::Channel};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// Frames of one stream that the page may have before it must acknowledge one. It acknowledges every other (`streams.ts`):
/// an acknowledgement is a call of its own.
const IN_FLIGHT: u64 = 3;

/// What goes through a stream's channel.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Message<F> {
    /// The newest state.
    Frame(F),
    /// The stream has ended, and why.
    Failed(ApiError),
}

/// A frame that can be told from the one before it.
pub trait Frame: Clone + PartialEq + Serialize + Send + Sync + 'static {
    /// Numbers it for the page to acknowledge.
    fn number(&mut self, number: u64);
    /// Whether the page does not have it yet; `last` is what was sent last.
    fn is_news(&self, last: Option<&Self>) -> bool {
        last != Some(self)
    }
}

/// Where a stream's frames come from.
pub trait Source: Send + 'static {
    /// The frame; numbered 0.
    type Frame: Frame;
    /// The time from one frame to the next, when the page keeps up.
    const EVERY: Duration;
    /// The state as it is now.
    fn frame(&mut self) -> impl Future<Output = Result<Self::Frame>> + Send;
    /// Ends when the page wants the next frame before its time.
    fn changed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// The open streams.
#[derive(Default)]
pub struct Pump(Mutex<Streams>);

#[derive(Default)]
struct Streams {
    opened: u32,
    open: HashMap<u32, Stream>,
}

/// An open stream: dropping it ends its task.
struct Stream {
    page: String,
    acknowledged: watch::Sender<u64>,
    adjust: Adjust,
    task: async_runtime::JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the page may change while a stream is open.
enum Adjust {
    Nothing,
    Tail(watch::Sender<u32>),
    Views(watch::Sender<Views>),
    Topics(watch::Sender<TopicsLook>),
}

impl Pump {
    /// Opens the stream of what every page shows.
    pub fn live(
        &self,
        app: Arc<App>,
        window: WebviewWindow,
        channel: Channel<Message<LiveFrame>>,
    ) -> u32 {
        let page = window.label().to_owned();
        self.open(page, Adjust::Nothing, Live::new(app, window), channel)
    }

    /// Opens a stream of a view on the traffic.
    pub fn traffic(
        &self,
        app: Arc<App>,
        page: &str,
        view: u32,
        tail: u32,
        channel: Channel<Message<TrafficFrame>>,
    ) -> u32 {
        let (adjust, tail) = watch::channel(tail);
        self.open(
            page.to_owned(),
            Adjust::Tail(adjust),
            Traffic { app, view, tail },
            channel,
        )
    }

    /// Opens a stream of a view on the messages.
    pub fn messages(
        &self,
        app: Arc<App>,
        page: &str,
        view: u32,
        tail: u32,
        channel: Channel<Message<MessagesFrame>>,
    ) -> u32 {
        let (adjust, tail) = watch::channel(tail);
        self.open(
            page.to_owned(),
            Adjust::Tail(adjust),
            Messages { app, view, tail },
            channel,
        )
    }

    /// Opens a stream of a view on the topic tree.
    pub fn topics(
        &self,
        app: Arc<App>,
        page: &str,
        view: u32,
        look: TopicsLook,
        channel: Channel<Message<TopicsFrame>>,
    ) -> u32 {
        let (adjust, look) = watch::channel(look);
        self.open(
            page.to_owned(),
            Adjust::Topics(adjust),
            Topics { app, view, look },
            channel,
        )
    }

    /// Opens the stream of the charts that a page looks at.
    pub fn charts(&self, app: Arc<App>, page: &str, views: Views, channel: Channel) -> u32 {
        let (adjust, views) = watch::channel(views);
        let source = Pictures::new(app, views);
        self.open_with(
            page.to_owned(),
            Adjust::Views(adjust),
            source,
            move |message| channel.send(pictures::body(message)?),
        )
    }

    /// The page has drawn a frame. A stream that has ended meanwhile needs no answer.
    pub fn acknowledge(&self, stream: u32, frame: u64) {
        if let Some(stream) = self.streams().open.get(&stream) {
            // Acknowledgements may overtake each other.
            stream.acknowledged.send_if_modified(|known| {
                let is_newer = frame > *known;
                *known = frame.max(*known);
                is_newer
            });
        }
    }

    /// From the next frame on, send at most so many of the newest rows.
    pub fn tail(&self, stream: u32, rows: u32) {
        if let Some(Stream {
            adjust: Adjust::Tail(tail),
            ..
        }) = self.streams().open.get(&stream)
        {
            tail.send_replace(rows);
        }
    }

    /// From the next frame on, draw these charts, each like this.
    pub fn views(&self, stream: u32, views: Views) {
        if let Some(Stream {
            adjust: Adjust::Views(current),
            ..
        }) = self.streams().open.get(&stream)
        {
            current.send_replace(views);
        }
    }

    /// From the next frame on, which comes at once, show these rows of the topic tree.
    pub fn look(&self, stream: u32, look: TopicsLook) {
        if let Some(Stream {
            adjust: Adjust::Topics(current),
            ..
        }) = self.streams().open.get(&stream)
        {
            current.send_replace(look);
        }
    }

    /// Ends a stream.
    pub fn close(&self, stream: u32) {
        self.streams().open.remove(&stream);
    }

    /// Ends all streams of a page that is gone.
    pub fn close_all_of(&self, page: &str) {
        self.streams().open.retain(|_, stream| stream.page != page);
    }

    fn open<S: Source>(
        &self,
        page: String,
        adjust: Adjust,
        source: S,
        channel: Channel<Message<S::Frame>>,
    ) -> u32 {
        self.open_with(page, adjust, source, move |message| channel.send(message))
    }

    fn open_with<S: Source>(
        &self,
        page: String,
        adjust: Adjust,
        source: S,
        send: impl Fn(Message<S::Frame>) -> tauri::Result<()> + Send + Sync + 'static,
    ) -> u32 {
        let (acknowledged, acknowledgements) = watch::channel(0);
        let task = async_runtime::spawn(run(source, send, acknowledgements));
        let mut streams = self.streams();
        streams.opened += 1;
        let id = streams.opened;
        streams.open.insert(
            id,
            Stream {
                page,
                acknowledged,
                adjust,
                task,
            },
        );
        id
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a source's frames until it fails or the page is gone.
async fn run<S: Source>(
    mut source: S,
    send: impl Fn(Message<S::Frame>) -> tauri::Result<()> + Send + Sync + 'static,
    mut acknowledged: watch::Receiver<u64>,
) {
    let mut ticks = interval(S::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    let mut last = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = source.changed() => {}
        }
        if acknowledged
            .wait_for(|frame| sent - frame.min(&sent) < IN_FLIGHT)
            .await
            .is_err()
        {
            return;
        }
        let mut frame = match source.frame().await {
            Ok(frame) => frame,
            Err(error) => {
                // A page that is gone does not need to know.
                let _ = send(Message::Failed(error));
                return;
            }
        };
        // An idle workbench costs the page nothing.
        if !frame.is_news(last.as_ref()) {
            continue;
        }
        last = Some(frame.clone());
        sent += 1;
        frame.number(sent);
        if send(Message::Frame(frame)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
