//! Long work on recordings: files written and read, and what is in two of them.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_from_elsewhere_is_copied_into_the_library_and_one_that_is_damaged_is_not() {
    let bench = Bench::new();
    let seen = |bench: &Bench| {
        for n in 0..100 {
            bench.see(n, n, &publish("a", b"1"));
        }
    };
    bench.record("a", RecordRequest::default(), seen).await;
    let own = bench.data.path().join("recordings/a.mqttrec");
    let import = async |path: &Path| {
        let request = RecordingImport {
            path: path.display().to_string(),
            name: String::new(),
        };
        let job = bench.recordings.import(request).await.unwrap();
        bench.done(job).await
    };
    let elsewhere = bench.data.path().join("night.mqttrec");
    fs::copy(&own, &elsewhere).unwrap();
    let job = import(&elsewhere).await;
    assert_eq!((job.state, job.done), (JobState::Done, job.total));
    assert_eq!(bench.contents("night").await.packets, 100);

    let damaged = bench.data.path().join("damaged.mqttrec");
    let whole = fs::read(&own).unwrap();
    fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(import(&damaged).await.state, JobState::Failed);
    assert!(
        !bench
            .data
            .path()
            .join("recordings/damaged.mqttrec")
            .exists()
    );
    assert!(damaged.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_whole_and_overwrites_nothing_and_is_imported_again() {
    let bench = Bench::new();
    bench
        .record("a", RecordRequest::default(), |bench| {
            for n in 0..3_000 {
                let topic = if n % 10 == 0 { "plant/a" } else { "other" };
                bench.see(n, n, &publish(topic, b"21.5"));
            }
        })
        .await;
    let export = |format, topic: &str| {
        bench.recordings.export(RecordingExport {
            name: "a".into(),
            format,
            path: None,
            filter: TrafficFilter {
                topic: topic.into(),
                ..TrafficFilter::default()
            },
        })
    };
    let job = bench
        .done(export(RecordingFormat::Jsonl, "plant/#").await.unwrap())
        .await;
    assert_eq!(
        (job.state, job.done, job.total),
        (JobState::Done, 3_000, 3_000)
    );
    let out = bench.data.path().join("exports/a.jsonl");
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 300);
    let job = bench
        .done(export(RecordingFormat::Jsonl, "").await.unwrap())
        .await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.message.contains("is there already"), "{}", job.message);
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 300);
    let job = bench
        .done(export(RecordingFormat::Pcapng, "").await.unwrap())
        .await;
    assert_eq!(job.state, JobState::Done, "{}", job.message);
    let request = RecordingImport {
        path: bench
            .data
            .path()
            .join("exports/a.pcapng")
            .display()
            .to_string(),
        name: String::new(),
    };
    let job = bench
        .done(bench.recordings.import(request).await.unwrap())
        .await;
    assert_eq!(job.state, JobState::Done, "{}", job.message);
    assert!(
        job.message
            .starts_with("3000 packets of MQTT in 1 connections"),
        "{}",
        job.message
    );
    let name = bench
        .recordings
        .list()
        .await
        .unwrap()
        .into_iter()
        .find(|entry| entry.name != "a")
        .unwrap()
        .name;
    assert_eq!(name, "a (2)");
    assert_eq!(bench.contents(&name).await.packets, 3_000);
    let refused = RecordingImport {
        path: out.display().to_string(),
        name: "b".into(),
    };
    let job = bench
        .done(bench.recordings.import(refused).await.unwrap())
        .await;
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(
        bench.recordings.list().await.unwrap().len(),
        2,
        "nothing is left of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_export_leaves_nothing() {
    let bench = Bench::new();
    bench
        .record("a", RecordRequest::default(), |bench| {
            bench.see(0, 0, &publish("a", b"1"))
        })
        .await;
    let work = Work::default();
    work.cancel();
    let (file, out) = (
        bench.data.path().join("recordings/a.mqttrec"),
        bench.data.path().join("out.csv"),
    );
    let filter = TrafficFilter::default();
    let error = export(file, filter, RecordingFormat::Csv, out.clone(), work)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled);
    assert!(!out.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_recordings_are_compared_message_by_message() {
    let bench = Bench::new();
    let left: [(u64, &str, &[u8]); 6] = [
        (0, "a", b"1"),
        (10, "a", b"2"),
        (20, "a", b"3"),
        (30, "b", b"1"),
        (40, "b", b"2"),
        (50, "gone", b"x"),
    ];
    let right: [(u64, &str, &[u8]); 6] = [
        (0, "t/a", b"1"),
        (10, "t/a", b"changed"),
        (20, "t/a", b"3"),
        (530, "t/b", b"1"),
        (540, "t/b", b"2"),
        (541, "new", b"x"),
    ];
    for (name, messages) in [("left", left), ("right", right)] {
        bench
            .record(name, RecordRequest::default(), |bench| {
                for (at, topic, payload) in messages {
                    bench.see(at, at, &publish(topic, payload));
                    // Sent again: not another message.
                    let mut again = publish(topic, payload);
                    again[0] |= 8;
                    bench.see(at, at, &again);
                }
            })
            .await;
    }
    let job = bench
        .recordings
        .compare(CompareRequest {
            left: "left".into(),
            right: "right".into(),
            rewrite: vec!["gone=gone".into(), "#=t/#".into()],
            late_ms: 100,
        })
        .await
        .unwrap();
    let found = bench.done(job).await.comparison.unwrap();
    assert_eq!(
        (
            found.equal,
            found.different,
            found.missing,
            found.extra,
            found.late
        ),
        (4, 1, 1, 1, 2)
    );
    let kinds: Vec<_> = found
        .rows
        .iter()
        .map(|row| (row.kind, row.topic.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (DifferenceKind::Different, "t/a"),
            (DifferenceKind::Late, "t/b"),
            (DifferenceKind::Late, "t/b"),
            (DifferenceKind::Missing, "gone"),
            (DifferenceKind::Extra, "new"),
        ]
    );
    assert_eq!(found.rows[1].late_micros, Some(500_000));
}
