//! The pump: carries frames from the workbench to the page.
//!
//! Duty: ask a source for its newest state at its own pace and send it through a channel, as long as the page keeps up.
//! Not here: what a frame holds (`mqttwb_app`). A channel has no back-pressure of its own, so the page acknowledges.
//! Invariant: at most [`IN_FLIGHT`] frames of a stream are unacknowledged; a slow page gets fewer frames, never a queue.

mod pictures;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mqttwb_app::{
    App, Result,
    api::{
        ApiError, BrokerState, BrokerStatus, ChartsFrame, LiveFrame, MessagesFrame, TopicsFrame,
        TopicsLook, TrafficFrame,
    },
};
use pictures::Pictures;
pub use pictures::Views;
use serde::Serialize;
use tauri::{WebviewWindow, async_runtime, ipc::Channel};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// Frames of one stream that the page may have before it must acknowledge one.
const IN_FLIGHT: u64 = 2;

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

impl Frame for LiveFrame {
    fn number(&mut self, number: u64) {
        self.frame = number;
    }
}

impl Frame for TrafficFrame {
    fn number(&mut self, number: u64) {
        self.frame = number;
    }
}

impl Frame for MessagesFrame {
    fn number(&mut self, number: u64) {
        self.frame = number;
    }
}

impl Frame for TopicsFrame {
    fn number(&mut self, number: u64) {
        self.frame = number;
    }
}

impl Frame for ChartsFrame {
    fn number(&mut self, number: u64) {
        self.frame = number;
    }

    /// It holds nothing but what has changed.
    fn is_news(&self, _last: Option<&Self>) -> bool {
        !self.pictures.is_empty()
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

/// What every page shows. Keeps the window's title in step as well.
pub struct Live {
    app: Arc<App>,
    window: WebviewWindow,
    title: String,
}

impl Live {
    /// Of a workbench, for a window.
    pub fn new(app: Arc<App>, window: WebviewWindow) -> Self {
        Self {
            app,
            window,
            title: String::new(),
        }
    }
}

impl Source for Live {
    type Frame = LiveFrame;
    const EVERY: Duration = Duration::from_millis(250);

    async fn frame(&mut self) -> Result<LiveFrame> {
        let frame = self.app.live_frame().await;
        let title = title(&frame.broker);
        // A title that could not be set is tried again with the next frame.
        if title != self.title && self.window.set_title(&title).is_ok() {
            self.title = title;
        }
        Ok(frame)
    }
}

/// The window's title.
fn title(broker: &BrokerStatus) -> String {
    let state = match broker.state {
        BrokerState::Running => broker
            .listeners
            .iter()
            .find(|listener| listener.listening)
            .map_or_else(
                || "broker running".into(),
                |listener| format!("broker running at {}", listener.address),
            ),
        BrokerState::Starting => "broker starting".into(),
        BrokerState::Stopping => "broker stopping".into(),
        BrokerState::Stopped => "broker stopped".into(),
    };
    format!("MQTT Workbench · {state}")
}

/// The state of a view on the traffic.
pub struct Traffic {
    app: Arc<App>,
    view: u32,
    tail: watch::Receiver<u32>,
}

impl Source for Traffic {
    type Frame = TrafficFrame;
    const EVERY: Duration = Duration::from_millis(100);

    async fn frame(&mut self) -> Result<TrafficFrame> {
        let tail = *self.tail.borrow();
        self.app.traffic_frame(self.view, tail).await
    }
}

/// The state of a view on the messages.
pub struct Messages {
    app: Arc<App>,
    view: u32,
    tail: watch::Receiver<u32>,
}

impl Source for Messages {
    type Frame = MessagesFrame;
    const EVERY: Duration = Duration::from_millis(100);

    async fn frame(&mut self) -> Result<MessagesFrame> {
        let tail = *self.tail.borrow();
        self.app.messages_frame(self.view, tail).await
    }
}

/// The rows of the topic tree in sight.
pub struct Topics {
    app: Arc<App>,
    view: u32,
    look: watch::Receiver<TopicsLook>,
}

impl Source for Topics {
    type Frame = TopicsFrame;
    const EVERY: Duration = Duration::from_millis(200);

    async fn frame(&mut self) -> Result<TopicsFrame> {
        let look = self.look.borrow().clone();
        self.app.topics_frame(self.view, look).await
    }

    async fn changed(&mut self) {
        // A page that scrolls or opens a branch waits for no tick. It never ends while the stream is open.
        if self.look.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
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
            stream.acknowledged.send_replace(frame);
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
mod tests {
    use mqttwb_app::api::ErrorCode;
    use tauri::ipc::InvokeResponseBody;
    use tokio::{sync::mpsc, time::advance};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize)]
    struct Count {
        frame: u64,
        value: u64,
    }

    impl Frame for Count {
        fn number(&mut self, number: u64) {
            self.frame = number;
        }
    }

    /// Counts in steps of one, or stays where it is, or fails from a value on.
    struct Counter {
        value: u64,
        step: u64,
        fails_at: u64,
    }

    impl Source for Counter {
        type Frame = Count;
        const EVERY: Duration = Duration::from_millis(100);

        async fn frame(&mut self) -> Result<Count> {
            self.value += self.step;
            if self.value >= self.fails_at {
                return Err(ApiError::new(ErrorCode::NotFound, "gone"));
            }
            Ok(Count {
                frame: 0,
                value: self.value,
            })
        }
    }

    type Sent = mpsc::UnboundedReceiver<serde_json::Value>;

    fn start(source: Counter) -> (watch::Sender<u64>, Sent, tokio::task::JoinHandle<()>) {
        let (out, sent) = mpsc::unbounded_channel();
        let channel = Channel::new(move |body| {
            if let InvokeResponseBody::Json(json) = body {
                out.send(serde_json::from_str(&json).expect("JSON"))
                    .expect("the test listens");
            }
            Ok(())
        });
        let (acknowledged, acknowledgements) = watch::channel(0);
        (
            acknowledged,
            sent,
            tokio::spawn(run(
                source,
                move |message| channel.send(message),
                acknowledgements,
            )),
        )
    }

    async fn a_second_passes() {
        for _ in 0..10 {
            advance(Counter::EVERY).await;
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn frames(sent: &mut Sent) -> Vec<u64> {
        std::iter::from_fn(|| sent.try_recv().ok())
            .map(|message| message["frame"]["frame"].as_u64().unwrap())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_two_frames_are_in_flight() {
        let (acknowledged, mut sent, _task) = start(Counter {
            value: 0,
            step: 1,
            fails_at: u64::MAX,
        });
        a_second_passes().await;
        assert_eq!(frames(&mut sent), [1, 2]);
        acknowledged.send_replace(1);
        a_second_passes().await;
        assert_eq!(frames(&mut sent), [3]);
        acknowledged.send_replace(3);
        a_second_passes().await;
        assert_eq!(frames(&mut sent), [4, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_page_gets_the_newest_state_next_and_not_a_queue() {
        let (acknowledged, mut sent, _task) = start(Counter {
            value: 0,
            step: 1,
            fails_at: u64::MAX,
        });
        a_second_passes().await;
        frames(&mut sent);
        acknowledged.send_replace(1);
        a_second_passes().await;
        let next = sent.try_recv().expect("a third frame");
        assert_eq!(
            next["frame"]["value"], 3,
            "the source was asked only when the page was ready"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_unchanged_state_is_not_sent_again() {
        let (_acknowledged, mut sent, _task) = start(Counter {
            value: 7,
            step: 0,
            fails_at: u64::MAX,
        });
        a_second_passes().await;
        assert_eq!(frames(&mut sent), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_fails_tells_the_page_why_and_ends_the_stream() {
        let (_acknowledged, mut sent, task) = start(Counter {
            value: 0,
            step: 1,
            fails_at: 1,
        });
        a_second_passes().await;
        assert_eq!(
            sent.try_recv().expect("a message")["failed"]["code"],
            "not-found"
        );
        assert!(task.is_finished());
    }
}
