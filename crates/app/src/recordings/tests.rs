//! Recordings: what gets into them, and the library of them.

mod work;

use std::fs;

use mqttwb_capture::Source as _;
use mqttwb_model::recording::ConnectionEnd;
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, MessageId, Observer as _, PacketBatch, PacketMark,
    ProtocolVersion,
};

use super::*;
use crate::api::{DifferenceKind, JobState, RecordEnd, RecordingContents, TrafficFilter};

/// A data folder, and a capture that is recorded.
struct Bench {
    data: tempfile::TempDir,
    capture: Arc<Capture>,
    recordings: Arc<Recordings>,
}

impl Bench {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let capture = Capture::new(16 << 20);
        let recordings = Arc::new(Recordings::new(data.path(), capture.clone()));
        capture.connected(&ConnectionInfo::local(1, "pump", ProtocolVersion::V311));
        Self {
            data,
            capture,
            recordings,
        }
    }

    fn see(&self, millis: u64, message: u64, frame: &[u8]) {
        self.capture.packets(PacketBatch {
            connection: ConnectionId(1),
            direction: Direction::ToBroker,
            bytes: frame,
            marks: &[PacketMark {
                at: Timestamp(1_000_000_000_000 + millis * 1_000_000),
                start: 0,
                len: frame.len() as u32,
                message: Some(MessageId(message)),
                aliased_topic: None,
                fault: None,
            }],
        });
    }

    /// Records what is seen meanwhile.
    async fn record(
        &self,
        name: &str,
        request: RecordRequest,
        see: impl FnOnce(&Self),
    ) -> RecordProgress {
        let request = RecordRequest {
            name: name.into(),
            ..request
        };
        self.recordings
            .start(request, None, "here".into())
            .await
            .unwrap();
        see(self);
        self.recordings.stop().await.unwrap()
    }

    async fn contents(&self, name: &str) -> RecordingContents {
        let list = self.recordings.list().await.unwrap();
        let entry = list.into_iter().find(|entry| entry.name == name).unwrap();
        entry.contents.unwrap()
    }

    async fn done(&self, job: Job) -> Job {
        loop {
            let jobs = self.recordings.jobs().list();
            let job = jobs.into_iter().find(|found| found.id == job.id).unwrap();
            if !matches!(job.state, JobState::Running | JobState::Paused) {
                return job;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x32, (topic.len() + 4 + payload.len()) as u8];
    frame.extend((topic.len() as u16).to_be_bytes());
    frame.extend(topic.as_bytes());
    frame.extend([0, 1]);
    frame.extend(payload);
    frame
}

/// A PUBLISH whose length takes two bytes.
fn long_publish(topic: &str) -> Vec<u8> {
    let len = topic.len() + 4;
    let mut frame = vec![0x32, (len % 128) as u8 | 0x80, (len / 128) as u8];
    frame.extend((topic.len() as u16).to_be_bytes());
    frame.extend(topic.as_bytes());
    frame.extend([0, 1]);
    frame
}

const PUBACK: &[u8] = &[0x40, 2, 0, 1];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_between_start_and_stop_is_in_the_file() {
    let bench = Bench::new();
    bench.see(0, 0, &publish("before", b"1"));
    let progress = bench
        .record("a", RecordRequest::default(), |bench| {
            for n in 0..5_000 {
                bench.see(n, n, &publish("plant/a", b"21.5"));
            }
        })
        .await;
    assert_eq!(progress.ended, Some(RecordEnd::Stopped));
    assert_eq!(
        (progress.packets, progress.overtaken, progress.not_captured),
        (5_000, 0, 0)
    );
    let contents = bench.contents("a").await;
    assert_eq!(contents.packets, 5_000);
    assert_eq!(contents.detail, "here");
    assert!(contents.ended.is_some());
    assert_eq!(
        (contents.from, contents.until),
        (Some(1_000_000), Some(1_004_999))
    );
    let recording = bench.recordings.open("a".into()).await.unwrap();
    let packets = recording.packet(0);
    assert_eq!(packets.get(0).unwrap().topic(), Some("plant/a"));
    let info = recording.connection(ConnectionId(1)).unwrap();
    assert_eq!(info.client.as_str(), "pump");
    let past = RecordRequest {
        past: true,
        ..RecordRequest::default()
    };
    let progress = bench.record("b", past, |_| {}).await;
    assert_eq!(progress.packets, 5_001, "what the memory held");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_certain_topics_the_acknowledgements_are_recorded_too() {
    let bench = Bench::new();
    let request = RecordRequest {
        topics: vec!["plant/#".into()],
        ..RecordRequest::default()
    };
    let progress = bench
        .record("a", request, |bench| {
            bench.see(0, 1, &publish("plant/a", b"1"));
            bench.see(1, 2, &publish("other", b"1"));
            bench.see(2, 2, PUBACK);
            bench.see(3, 1, PUBACK);
            bench.see(4, 9, &[0xc0, 0]);
        })
        .await;
    assert_eq!(progress.packets, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_gone_before_they_are_written_are_counted_in_the_file() {
    let bench = Bench::new();
    let past = RecordRequest {
        past: true,
        ..RecordRequest::default()
    };
    for n in 0..10 {
        bench.see(n, n, &publish("a", b"1"));
    }
    let source: Arc<dyn Source> = bench.capture.clone();
    let cursor = Cursor::at_oldest(source.clone());
    bench.capture.clear();
    bench.see(11, 11, &publish("a", b"1"));
    let plan = Plan {
        path: bench.data.path().join("x.mqttrec"),
        name: "x".into(),
        about: about(Origin::Broker, String::new()),
        topics: Vec::new(),
        max_bytes: None,
        max_age: None,
        rolling: false,
        leased: false,
    };
    let recorder = Recorder::start(source, cursor, plan).unwrap();
    let progress = recorder.stop().await;
    assert_eq!((progress.packets, progress.overtaken), (1, 10));
    let contents = describe(bench.data.path().join("x.mqttrec")).await.unwrap();
    assert_eq!(contents.missing[0].packets, 10);
    drop(past);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_ends_at_its_limit_or_lets_the_oldest_go() {
    let bench = Bench::new();
    let noise = |bench: &Bench, until: u64| {
        let mut state = 1u64;
        for n in 0..until {
            // Bytes that can't be compressed.
            let mut payload = Vec::new();
            while payload.len() < 96 {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                payload.extend((state ^ (state >> 33)).to_be_bytes());
            }
            bench.see(n, n, &publish("a", &payload));
        }
    };
    noise(&bench, 20_000);
    let limited = RecordRequest {
        name: "limited".into(),
        past: true,
        max_bytes: Some(1 << 20),
        ..RecordRequest::default()
    };
    bench
        .recordings
        .start(limited.clone(), None, String::new())
        .await
        .unwrap();
    let recorder = bench.recordings.record.lock().clone().unwrap();
    let progress = recorder.ended().await;
    assert_eq!(progress.ended, Some(RecordEnd::Limit));
    assert!(
        progress.packets < 20_000 && progress.packets > 0,
        "{progress:?}"
    );
    let tiny = RecordRequest {
        name: "tiny".into(),
        max_bytes: Some(1_000),
        ..limited.clone()
    };
    let refused = bench.recordings.start(tiny, None, String::new()).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
    let rolling = RecordRequest {
        rolling: true,
        ..limited
    };
    let progress = bench.record("rolling", rolling, |_| {}).await;
    assert_eq!(progress.ended, Some(RecordEnd::Stopped));
    assert_eq!(progress.packets + progress.rolled_off, 20_000);
    assert!(progress.rolled_off > 0);
    let contents = bench.contents("rolling").await;
    assert_eq!(
        (contents.packets, contents.rolled_off),
        (progress.packets, progress.rolled_off)
    );
    let recording = bench.recordings.open("rolling".into()).await.unwrap();
    assert_eq!(recording.kept(), progress.rolled_off..20_000);
    for name in ["limited", "rolling"] {
        let file = bench.data.path().join(format!("recordings/{name}.mqttrec"));
        let size = fs::metadata(file).unwrap().len();
        assert!(size <= 1 << 20, "{name} takes {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_connection_is_recorded_at_its_place_and_a_story_is_told_with_it() {
    let bench = Bench::new();
    let connected = |id, client: &str| {
        let known = bench.capture.connection(ConnectionId(1)).unwrap();
        bench.capture.connected(&ConnectionInfo {
            id: ConnectionId(id),
            client: client.into(),
            ..(*known).clone()
        });
    };
    let of = |connection, direction, message, frame: &[u8]| {
        bench.capture.packets(PacketBatch {
            connection: ConnectionId(connection),
            direction,
            bytes: frame,
            marks: &[PacketMark {
                at: Timestamp::now(),
                start: 0,
                len: frame.len() as u32,
                message,
                aliased_topic: None,
                fault: None,
            }],
        });
    };
    let ends = |id, why| {
        let id = ConnectionId(id);
        bench.capture.disconnected(id, Timestamp::now(), why);
    };
    bench
        .record("a", RecordRequest::default(), |_| {
            connected(8, "away");
            ends(8, "of whom nothing is recorded");
            connected(2, "doomed");
            // With a will: topic "t", payload "x".
            let will = b"\x10\x18\0\x04MQTT\x04\x06\0\0\0\x06doomed\0\x01t\0\x01x";
            of(2, Direction::ToBroker, None, will);
            of(1, Direction::ToBroker, None, &[0xc0, 0]);
            ends(2, "its socket was closed");
            let delivery = b"\x30\x04\0\x01tx";
            of(1, Direction::ToClient, Some(MessageId(5)), delivery);
        })
        .await;
    let recording = bench.recordings.open("a".into()).await.unwrap();
    assert_eq!(recording.kept(), 0..3);
    let mut ended = Vec::new();
    let mut each = |end: ConnectionEnd| {
        ended.push((end.connection.0, end.before, end.why.to_string()));
    };
    recording.ends(0..u64::MAX, &mut each).unwrap();
    assert_eq!(ended, [(2, 2, "its socket was closed".to_owned())]);
    assert!(recording.ended(ConnectionId(1)).is_none());
    let request = crate::api::StoryRequest {
        message: Some(5),
        packet: None,
    };
    let story = traffic::story(&*recording, &request).unwrap();
    assert_eq!(story.publisher.as_deref(), Some("doomed"));
    let why: Vec<_> = story.steps.iter().map(|step| step.note.clone()).collect();
    assert!(
        why.contains(&Some("its socket was closed".into())),
        "{why:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_recording_of_topics_without_end_keeps_to_its_size_and_is_searched() {
    let bench = Bench::new();
    let max = 1 << 20;
    let topic = |n: u64| format!("plant/{n:0>300}");
    let request = RecordRequest {
        rolling: true,
        past: true,
        max_bytes: Some(max),
        ..RecordRequest::default()
    };
    for n in 0..30_000 {
        bench.see(n, n, &long_publish(&topic(n)));
    }
    let progress = bench.record("a", request, |_| {}).await;
    assert_eq!(progress.packets + progress.rolled_off, 30_000);
    assert!(progress.size <= max, "{progress:?}");
    let recording = bench.recordings.open("a".into()).await.unwrap();
    let sought = |n| TrafficFilter {
        topic: topic(n),
        ..TrafficFilter::default()
    };
    let found = |n| {
        let filter = traffic::parse(&sought(n)).unwrap();
        let places = recording.where_to_look(&filter).unwrap();
        places.into_iter().any(|range| range.contains(&n))
    };
    assert!(found(29_999) && found(recording.kept().start));
    assert!(!found(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recording_goes_on_at_a_time_and_no_name_is_taken_twice() {
    let bench = Bench::new();
    let request = |name: &str| RecordRequest {
        name: name.into(),
        ..RecordRequest::default()
    };
    let start = |name| bench.recordings.start(request(name), None, String::new());
    start("a").await.unwrap();
    assert_eq!(start("b").await.unwrap_err().code, ErrorCode::WrongState);
    let renamed = bench.recordings.rename("a".into(), "b".into()).await;
    assert_eq!(renamed.unwrap_err().code, ErrorCode::WrongState);
    bench.recordings.stop().await.unwrap();
    assert_eq!(start("a").await.unwrap_err().code, ErrorCode::AlreadyExists);
    assert_eq!(
        start("../a").await.unwrap_err().code,
        ErrorCode::InvalidInput
    );
    let bad = RecordRequest {
        topics: vec!["a/#/b".into()],
        ..RecordRequest::default()
    };
    let refused = bench.recordings.start(bad, None, String::new()).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
    assert_eq!(bench.recordings.list().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_renamed_deleted_and_comes_back() {
    let bench = Bench::new();
    bench
        .record("a", RecordRequest::default(), |bench| {
            bench.see(0, 0, &publish("a", b"1"))
        })
        .await;
    let all = &bench.recordings;
    all.rename("a".into(), "b".into()).await.unwrap();
    assert_eq!(bench.contents("b").await.packets, 1);
    all.open("b".into()).await.unwrap();
    let refused = all.delete("b".into()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::WrongState);
    all.close_opened();
    all.delete("b".into()).await.unwrap();
    assert!(all.list().await.unwrap().is_empty());
    all.restore("b".into()).await.unwrap();
    assert_eq!(bench.contents("b").await.packets, 1);
    let again = all.restore("b".into()).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::AlreadyExists);
    fs::write(bench.data.path().join("recordings/broken.mqttrec"), "x").unwrap();
    let list = all.list().await.unwrap();
    let broken = list.iter().find(|entry| entry.name == "broken").unwrap();
    assert!(
        broken
            .problem
            .as_ref()
            .unwrap()
            .message
            .contains("is no recording")
    );
}
