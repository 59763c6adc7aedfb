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
async fn no_more_than_three_frames_are_in_flight() {
    let (acknowledged, mut sent, _task) = start(Counter {
        value: 0,
        step: 1,
        fails_at: u64::MAX,
    });
    a_second_passes().await;
    assert_eq!(frames(&mut sent), [1, 2, 3]);
    acknowledged.send_replace(1);
    a_second_passes().await;
    assert_eq!(frames(&mut sent), [4]);
    acknowledged.send_replace(4);
    a_second_passes().await;
    assert_eq!(frames(&mut sent), [5, 6, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_acknowledges_every_other_frame_gets_all_of_them() {
    let (acknowledged, mut sent, _task) = start(Counter {
        value: 0,
        step: 1,
        fails_at: u64::MAX,
    });
    let (mut known, mut newest) = (0, 0);
    for _ in 0..20 {
        advance(Counter::EVERY).await;
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        newest = frames(&mut sent).pop().unwrap_or(newest);
        if newest >= known + 2 {
            known = newest;
            acknowledged.send_replace(known);
        }
    }
    assert!(newest >= 20, "it came to frame {newest}");
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
    let next = sent.try_recv().expect("a fourth frame");
    assert_eq!(
        next["frame"]["value"], 4,
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
