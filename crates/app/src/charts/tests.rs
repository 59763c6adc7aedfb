mod boards;
mod measures;
mod repeated;
mod shown;

use mqttwb_model::{ConnectionId, Direction, MessageId, Observer, PacketBatch, PacketMark};

use super::check::TITLE;
use super::*;
use crate::api::{
    ChartCell, ChartFormat, ChartSays, ChartSeries, ChartSpan, ChartThreshold, DrawOp, Theme,
};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000 * SECOND;

fn at(seconds: u64) -> Timestamp {
    Timestamp(START + seconds * SECOND)
}

fn no_rules() -> Arc<Payloads> {
    Arc::new(Payloads::open_in(std::path::Path::new("no such folder")).unwrap())
}

fn charts() -> Charts {
    Charts::new(Capture::new(1 << 20), no_rules(), Counters::default)
}

/// The mark of the only packet in a batch.
fn mark(at: Timestamp, frame: &[u8]) -> PacketMark {
    PacketMark {
        at,
        start: 0,
        len: frame.len() as u32,
        message: None,
        aliased_topic: None,
        fault: None,
    }
}

/// Shows one packet of a connection.
fn see(charts: &Charts, (connection, direction): (u64, Direction), frame: &[u8], mark: PacketMark) {
    charts.capture.packets(PacketBatch {
        connection: ConnectionId(connection),
        direction,
        bytes: frame,
        marks: &[mark],
    });
}

fn publish(charts: &Charts, direction: Direction, second: u64, topic: &str, payload: &str) {
    let mut frame = vec![
        0x30,
        (2 + topic.len() + payload.len()) as u8,
        0,
        topic.len() as u8,
    ];
    frame.extend(topic.bytes());
    frame.extend(payload.bytes());
    see(charts, (1, direction), &frame, mark(at(second), &frame));
}

fn payload_chart(filter: &str, path: &str) -> Chart {
    Chart {
        id: 0,
        title: String::new(),
        source: ChartSource::Payload {
            filter: filter.into(),
            path: path.into(),
        },
        kind: ChartKind::Line,
        unit: String::new(),
        log: false,
        thresholds: Vec::new(),
        dashboard: 0,
        cell: ChartCell::default(),
        window_secs: 60,
    }
}

fn view(id: u32) -> ChartView {
    ChartView {
        id,
        width: 400,
        height: 200,
        theme: Theme::Dark,
        utc_offset_minutes: 0,
        span: None,
    }
}

fn lines(frame: &ChartFrame) -> Vec<(&str, u64, Option<f64>)> {
    let line = |s: &'_ ChartSeries| (s.points, s.last);
    frame
        .series
        .iter()
        .map(|s| (s.name.as_str(), line(s).0, line(s).1))
        .collect()
}

fn reading(charts: &Charts, view: ChartView, second: f64) -> Vec<(String, f64, Option<f64>)> {
    let at = START as f64 / 1e6 + second * 1000.0;
    let reading = charts.reading(view, at).unwrap();
    let said = reading.values.into_iter();
    said.map(|value| {
        (
            value.name,
            (value.at - START as f64 / 1e6) / 1000.0,
            value.value,
        )
    })
    .collect()
}

/// A view of the first minute.
fn minute(id: u32) -> ChartView {
    let from = START as f64 / 1e6;
    ChartView {
        span: Some(ChartSpan {
            from,
            to: from + 60_000.0,
        }),
        ..view(id)
    }
}

#[test]
fn throughput_is_there_from_the_start_and_follows_the_counters() {
    let charts = charts();
    assert_eq!(charts.list().charts.len(), 1);
    let counters = |messages_in, messages_out| Counters {
        messages_in,
        messages_out,
        ..Counters::default()
    };
    for (second, counters) in [
        (0, counters(100, 0)),
        (1, counters(150, 10)),
        (3, counters(160, 10)),
        (4, counters(7, 3)), // the broker was started anew
    ] {
        assert!(charts.state.lock().samples.is_due(at(second)));
        charts.sample(at(second), counters);
        assert!(!charts.state.lock().samples.is_due(at(second)));
    }
    let frame = charts.frame_at(view(1), at(5)).unwrap();
    assert_eq!(lines(&frame), [("in", 3, Some(7.0)), ("out", 3, Some(3.0))]);
    assert_eq!(
        (frame.series[0].min, frame.series[0].max),
        (Some(5.0), Some(50.0))
    );
    let colors: Vec<&str> = frame
        .ops
        .iter()
        .filter_map(|op| match op {
            DrawOp::Path { color, .. } => Some(color.as_str()),
            _ => None,
        })
        .collect();
    for series in &frame.series {
        assert!(colors.contains(&series.color.as_str()));
    }
}

#[test]
fn a_clock_set_back_does_not_end_the_sampling() {
    let charts = charts();
    charts.sample(at(100), Counters::default());
    assert!(charts.state.lock().samples.is_due(at(5)));
    charts.sample(at(5), Counters::default());
    charts.sample(
        at(6),
        Counters {
            messages_in: 9,
            ..Counters::default()
        },
    );
    let frame = charts.frame_at(view(1), at(7)).unwrap();
    assert_eq!(lines(&frame)[0], ("in", 1, Some(9.0)));
}

#[test]
fn a_payload_chart_has_a_line_for_each_topic() {
    let charts = charts();
    let chart = charts.create(payload_chart("plant/+", "value")).unwrap();
    assert_eq!((chart.id, chart.title.as_str()), (2, "value of plant/+"));
    publish(
        &charts,
        Direction::ToBroker,
        1,
        "plant/a",
        r#"{"value": 1.5}"#,
    );
    publish(
        &charts,
        Direction::ToClient,
        1,
        "plant/a",
        r#"{"value": 1.5}"#,
    );
    publish(
        &charts,
        Direction::ToBroker,
        2,
        "plant/b",
        r#"{"value": 2}"#,
    );
    publish(
        &charts,
        Direction::ToBroker,
        3,
        "plant/a",
        r#"{"value": 0.5}"#,
    );
    publish(&charts, Direction::ToBroker, 3, "plant/a", "online");
    publish(&charts, Direction::ToBroker, 3, "home/a", r#"{"value": 3}"#);
    charts.read();
    let frame = charts.frame_at(view(2), at(4)).unwrap();
    assert_eq!(
        lines(&frame),
        [("plant/a", 2, Some(0.5)), ("plant/b", 1, Some(2.0))]
    );
    assert_eq!(
        (frame.without_number, frame.missed, frame.topics_left_out),
        (1, 0, 0)
    );
}

#[test]
fn a_new_chart_begins_with_what_is_recorded_and_counts_each_message_once() {
    let charts = charts();
    charts.create(payload_chart("a", "")).unwrap();
    publish(&charts, Direction::ToBroker, 1, "a", "1");
    charts.read();
    publish(&charts, Direction::ToBroker, 2, "a", "2");
    let late = charts.create(payload_chart("#", "")).unwrap();
    publish(&charts, Direction::ToBroker, 3, "a", "3");
    charts.read();
    for id in [2, late.id] {
        let frame = charts.frame_at(view(id), at(4)).unwrap();
        assert_eq!(lines(&frame), [("a", 3, Some(3.0))]);
        assert_eq!(frame.series[0].min, Some(1.0));
    }
}

#[test]
fn packets_that_were_evicted_unread_are_counted() {
    let charts = Charts::new(Capture::new(16 * 1024), no_rules(), Counters::default);
    charts.create(payload_chart("a", "")).unwrap();
    for second in 0..1000 {
        publish(&charts, Direction::ToBroker, second, "a", "1");
    }
    charts.read();
    let frame = charts.frame_at(view(2), at(1000)).unwrap();
    assert!(frame.missed > 0);
    assert_eq!(frame.missed + frame.series[0].points, 1000);
}

#[test]
fn topics_past_the_most_lines_are_counted_once_each() {
    let charts = charts();
    charts.create(payload_chart("t/+", "")).unwrap();
    for _ in 0..2 {
        for topic in 0..LINES + 3 {
            publish(&charts, Direction::ToBroker, 1, &format!("t/{topic}"), "1");
        }
    }
    charts.read();
    let frame = charts.frame_at(view(2), at(2)).unwrap();
    assert_eq!((frame.series.len(), frame.topics_left_out), (LINES, 3));
}

#[test]
fn a_changed_source_begins_anew_and_a_changed_title_does_not() {
    let charts = charts();
    let mut chart = charts.create(payload_chart("a", "x")).unwrap();
    publish(&charts, Direction::ToBroker, 1, "a", r#"{"x": 1, "y": 2}"#);
    charts.read();
    chart.title = "My chart".into();
    assert_eq!(charts.update(chart.clone()).unwrap().title, "My chart");
    let frame = charts.frame_at(view(chart.id), at(2)).unwrap();
    assert_eq!(lines(&frame), [("a", 1, Some(1.0))]);
    chart.source = payload_chart("a", "y").source;
    charts.update(chart.clone()).unwrap();
    charts.read();
    let frame = charts.frame_at(view(chart.id), at(2)).unwrap();
    assert_eq!(lines(&frame), [("a", 1, Some(2.0))]);
}

#[test]
fn a_chart_that_makes_no_sense_is_refused() {
    let charts = charts();
    for chart in [
        payload_chart("a/#/b", ""),
        payload_chart("a", "x..y"),
        Chart {
            window_secs: 9,
            ..payload_chart("a", "")
        },
        Chart {
            window_secs: DAY + 1,
            ..payload_chart("a", "")
        },
        Chart {
            title: "x".repeat(TITLE + 1),
            ..payload_chart("a", "")
        },
    ] {
        assert_eq!(
            charts.create(chart).unwrap_err().code,
            ErrorCode::InvalidInput
        );
    }
    assert_eq!(charts.list().charts.len(), 1);
    let unknown = Chart {
        id: 7,
        ..payload_chart("a", "")
    };
    assert_eq!(
        charts.update(unknown).unwrap_err().code,
        ErrorCode::NotFound
    );
    assert_eq!(charts.remove(7).unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(charts.frame(view(7)).unwrap_err().code, ErrorCode::NotFound);
}

#[test]
fn there_are_a_hundred_charts_at_most() {
    let charts = charts();
    for _ in 1..CHARTS {
        charts.create(payload_chart("a", "")).unwrap();
    }
    assert_eq!(
        charts.create(payload_chart("a", "")).unwrap_err().code,
        ErrorCode::InvalidInput
    );
    assert_eq!(charts.remove(1).unwrap().title, "Throughput");
    assert!(charts.create(payload_chart("a", "")).is_ok());
}

#[tokio::test]
async fn the_feeding_ends_when_it_is_told_to() {
    let charts = Arc::new(charts());
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(Arc::clone(&charts).run(stopped));
    stop.send(true).unwrap();
    task.await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(charts.run(stopped));
    drop(stop);
    task.await.unwrap();
}

#[test]
fn messages_are_counted_by_qos_and_direction_in_the_second_that_they_came_in() {
    let charts = charts();
    let chart = Chart {
        source: ChartSource::Broker {
            measure: ChartMeasure::MessagesByQos,
        },
        ..payload_chart("", "")
    };
    let chart = charts.create(chart).unwrap();
    for second in [1, 1, 1, 3] {
        publish(&charts, Direction::ToBroker, second, "a", "1");
    }
    publish(&charts, Direction::ToClient, 3, "a", "1");
    charts.read();
    charts.tick(at(5));
    let values = |second: f64| -> Vec<f64> {
        let read = reading(&charts, minute(chart.id), second).into_iter();
        read.filter_map(|(_, _, value)| value).collect()
    };
    // A second is drawn at its end.
    assert_eq!(values(2.0), [3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(3.0), [0.0; 6]);
    assert_eq!(values(4.0), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn latency_is_from_a_publish_to_each_of_its_deliveries() {
    let charts = charts();
    let chart = Chart {
        source: ChartSource::Broker {
            measure: ChartMeasure::Latency,
        },
        ..payload_chart("", "")
    };
    let chart = charts.create(chart).unwrap();
    let frame = [0x30, 4, 0, 1, b'a', b'1'];
    let see = |direction, message, millis: u64| {
        let mark = PacketMark {
            message: Some(MessageId(message)),
            ..mark(Timestamp(START + millis * 1_000_000), &frame)
        };
        see(&charts, (1, direction), &frame, mark);
    };
    for (message, delivered) in [(1, 4), (2, 12), (3, 30)] {
        see(Direction::ToBroker, message, 0);
        see(Direction::ToClient, message, delivered);
    }
    see(Direction::ToClient, 1, 500); // to another subscriber
    see(Direction::ToClient, 99, 600); // whose PUBLISH nobody saw
    charts.read();
    charts.tick(at(2));
    let read: Vec<Option<f64>> = reading(&charts, minute(chart.id), 1.0)
        .into_iter()
        .map(|(_, _, value)| value)
        .collect();
    assert_eq!(read, [Some(12.0), Some(500.0), Some(500.0), Some(500.0)]);
    let histogram = Chart {
        kind: ChartKind::Histogram,
        ..chart
    };
    charts.update(histogram.clone()).unwrap();
    let picture = charts.frame_at(minute(histogram.id), at(2)).unwrap();
    let bars = picture
        .ops
        .iter()
        .filter(|op| matches!(op, DrawOp::Rect { fill: true, .. }));
    assert_eq!(bars.count(), 4, "the points stay when the kind changes");
}
