//! The charts that a page looks at, as one stream.
//!
//! Duty: draw them at one pace, so that a page is painted once for all of them, and send those alone that have changed,
//! and of them what has.
//! Not here: drawing (`mqttwb_app`), and what a picture is as bytes (its `pack`).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use mqttwb_app::{
    App, Result,
    api::{ChartFrame, ChartView, ChartsFrame},
    charts::{pack, sent_picture},
};
use tauri::ipc::InvokeResponseBody;
use tokio::sync::watch;

use super::{Message, Source};

/// The charts that a page looks at and how, by the numbers that it gave them.
pub type Views = BTreeMap<u32, ChartView>;

/// The charts that a page looks at, drawn.
pub struct Pictures {
    app: Arc<App>,
    views: watch::Receiver<Views>,
    /// As they were sent last.
    sent: HashMap<u32, Result<ChartFrame>>,
}

impl Pictures {
    pub fn new(app: Arc<App>, views: watch::Receiver<Views>) -> Self {
        Self {
            app,
            views,
            sent: HashMap::new(),
        }
    }
}

impl Source for Pictures {
    type Frame = ChartsFrame;
    const EVERY: Duration = Duration::from_millis(100);

    async fn frame(&mut self) -> Result<ChartsFrame> {
        let views = self.views.borrow_and_update().clone();
        self.sent.retain(|key, _| views.contains_key(key));
        let mut pictures = Vec::new();
        for (key, view) in views {
            let mut drawn = self.app.chart_frame(view).await;
            let before = self.sent.get(&key);
            if before == Some(&drawn) {
                continue;
            }
            // After a failure the page knows the picture before it no more.
            let known = before.and_then(|before| before.as_ref().ok());
            pictures.push(sent_picture(key, &mut drawn, known));
            self.sent.insert(key, drawn);
        }
        Ok(ChartsFrame { frame: 0, pictures })
    }

    async fn changed(&mut self) {
        // A chart that comes into sight waits for no tick. It never ends while the stream is open.
        if self.views.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What goes through the channel: frames as bytes, a failure in words.
pub fn body(message: Message<ChartsFrame>) -> tauri::Result<InvokeResponseBody> {
    let message = match message {
        Message::Frame(frame) => match pack(frame) {
            Ok(bytes) => return Ok(InvokeResponseBody::Raw(bytes)),
            Err(error) => Message::Failed(error),
        },
        failed @ Message::Failed(_) => failed,
    };
    tauri::ipc::IpcResponse::body(message)
}
