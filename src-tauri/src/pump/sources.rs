//! Where the streams' frames come from, but for the charts' (`pictures.rs`).
//!
//! Duty: ask the workbench for the state that a page looks at, at a pace that is right for it. Not here: when a page gets it.

use std::{sync::Arc, time::Duration};

use mqttwb_app::{
    App, Result,
    api::{
        BrokerState, BrokerStatus, ChartsFrame, LiveFrame, MessagesFrame, TopicsFrame, TopicsLook,
        TrafficFrame,
    },
};
use tauri::WebviewWindow;
use tokio::sync::watch;

use super::{Frame, Source};

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

/// What every page shows. Keeps the window's title in step as well.
pub(super) struct Live {
    app: Arc<App>,
    window: WebviewWindow,
    title: String,
}

impl Live {
    /// Of a workbench, for a window.
    pub(super) fn new(app: Arc<App>, window: WebviewWindow) -> Self {
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
pub(super) struct Traffic {
    pub(super) app: Arc<App>,
    pub(super) view: u32,
    pub(super) tail: watch::Receiver<u32>,
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
pub(super) struct Messages {
    pub(super) app: Arc<App>,
    pub(super) view: u32,
    pub(super) tail: watch::Receiver<u32>,
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
pub(super) struct Topics {
    pub(super) app: Arc<App>,
    pub(super) view: u32,
    pub(super) look: watch::Receiver<TopicsLook>,
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
