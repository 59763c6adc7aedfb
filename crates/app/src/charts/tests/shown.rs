//! What a chart shows: its picture, what is read off it and pointed at, and the points as a file.

use super::*;

#[test]
fn a_reading_is_the_nearest_value_that_was_sent_and_when() {
    let charts = charts();
    charts.create(payload_chart("t/+", "")).unwrap();
    for (second, topic, payload) in [(1, "t/a", "1.25"), (4, "t/a", "2.5"), (2, "t/b", "-7")] {
        publish(&charts, Direction::ToBroker, second, topic, payload);
    }
    charts.read();
    let read = reading(&charts, minute(2), 3.9);
    assert_eq!(
        read,
        [
            ("t/a".to_owned(), 4.0, Some(2.5)),
            ("t/b".to_owned(), 2.0, Some(-7.0))
        ]
    );
    let zoomed = ChartView {
        span: Some(ChartSpan {
            from: START as f64 / 1e6 + 3_000.0,
            to: START as f64 / 1e6 + 5_000.0,
        }),
        ..view(2)
    };
    let names: Vec<String> = reading(&charts, zoomed, 3.9)
        .into_iter()
        .map(|v| v.0)
        .collect();
    assert_eq!(names, ["t/a"], "what is not shown is not read");
}

#[test]
fn a_chart_of_states_follows_words_numbers_and_booleans() {
    let charts = charts();
    let chart = Chart {
        kind: ChartKind::States,
        ..payload_chart("d/+", "")
    };
    let chart = charts.create(chart).unwrap();
    for (second, topic, payload) in [
        (1, "d/a", "online"),
        (2, "d/a", "online"),
        (3, "d/a", "offline"),
        (4, "d/b", "true"),
        (5, "d/c", r#"{"no": "state"}"#),
    ] {
        publish(&charts, Direction::ToBroker, second, topic, payload);
    }
    charts.read();
    let frame = charts.frame_at(minute(chart.id), at(10)).unwrap();
    let states: Vec<(&str, u64, Option<&str>)> = frame
        .series
        .iter()
        .map(|series| (series.name.as_str(), series.points, series.state.as_deref()))
        .collect();
    assert_eq!(
        states,
        [("d/a", 2, Some("offline")), ("d/b", 1, Some("true"))]
    );
    assert_eq!(frame.without_number, 1);
}

#[test]
fn every_kind_of_chart_is_drawn_for_every_source_that_it_fits() {
    use ChartMeasure as M;
    let charts = charts();
    let sources = [
        M::Messages,
        M::MessagesByQos,
        M::Bytes,
        M::BytesByQos,
        M::Latency,
        M::Connections,
        M::Queued,
        M::Retained,
        M::Lost,
    ]
    .map(|measure| ChartSource::Broker { measure })
    .into_iter()
    .chain([payload_chart("a", "").source]);
    for source in sources {
        use ChartKind as K;
        for kind in [
            K::Line,
            K::Step,
            K::Scatter,
            K::Bar,
            K::Histogram,
            K::HeatMap,
            K::LastValue,
        ] {
            let chart = Chart {
                kind,
                source: source.clone(),
                ..payload_chart("", "")
            };
            let chart = charts.create(chart).unwrap();
            assert!(
                !charts
                    .frame_at(view(chart.id), at(5))
                    .unwrap()
                    .ops
                    .is_empty()
            );
            charts.remove(chart.id).unwrap();
        }
    }
}

#[test]
fn points_in_a_csv_file_are_read_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let charts = charts();
    let chart = charts.create(payload_chart("t/+", "")).unwrap();
    let values = [0.1 + 0.2, 1e300, -1.0 / 3.0, 5e-324, 12_345_678.9];
    for (second, value) in (1..).zip(values) {
        // Shorter than with all its zeros.
        let payload = format!("{value:e}");
        publish(&charts, Direction::ToBroker, second, "t/a,\"b", &payload);
    }
    charts.read();
    let state = charts.state.lock();
    let shown = state.charts[&chart.id].shown(&state.samples);
    let csv = export::csv(&shown, (at(0), at(60))).unwrap();
    let file = folder.path().join("points.csv");
    std::fs::write(&file, csv).unwrap();
    let mut reader = csv::Reader::from_path(&file).unwrap();
    let read: Vec<(u64, String, f64)> = reader
        .records()
        .map(|row| row.unwrap())
        .map(|row| {
            (
                row[1].parse().unwrap(),
                row[2].to_owned(),
                row[3].parse().unwrap(),
            )
        })
        .collect();
    let (_, series) = shown.lines()[0];
    let sent: Vec<(u64, String, f64)> = series
        .iter()
        .map(|point| (point.at.0, "t/a,\"b".to_owned(), point.value))
        .collect();
    assert_eq!(read, sent);
    assert_eq!(read.iter().map(|row| row.2).collect::<Vec<_>>(), values);
}

#[test]
fn what_is_pointed_at_is_told_with_the_lines_that_it_is_of() {
    let charts = charts();
    let of = |kind, path: &str| Chart {
        kind,
        ..payload_chart("plant/+", path)
    };
    let histogram = charts.create(of(ChartKind::Histogram, "bar")).unwrap().id;
    let tiles = charts.create(of(ChartKind::LastValue, "bar")).unwrap().id;
    let states = charts.create(of(ChartKind::States, "state")).unwrap().id;
    for (second, topic, bar, state) in [(1, "a", 1, "on"), (2, "b", 1, "off"), (3, "a", 9, "off")] {
        let payload = format!(r#"{{"bar": {bar}, "state": "{state}"}}"#);
        let topic = format!("plant/{topic}");
        publish(&charts, Direction::ToBroker, second, &topic, &payload);
    }
    charts.read();
    let told = |id, number| {
        charts
            .spot(minute(id), ChartProbe::Number { number })
            .unwrap()
            .unwrap()
            .says
    };
    // The axis begins and ends on whole marks, so classes at its ends may be empty.
    let found = (0..60).find_map(|number| match told(histogram, number) {
        ChartSays::Class { count: 0, .. } => None,
        ChartSays::Class {
            count,
            counts,
            total,
            ..
        } => Some((count, counts, total)),
        other => panic!("{other:?}"),
    });
    let (count, counts, total) = found.unwrap();
    let named: Vec<(&str, u64)> = counts.iter().map(|c| (c.name.as_str(), c.count)).collect();
    assert_eq!((count, total), (2, 3));
    assert_eq!(named, [("plant/a", 1), ("plant/b", 1)]);
    assert!(
        matches!(told(tiles, 0), ChartSays::Last { name, value, values: Some(values), .. }
            if name == "plant/a" && value == 9.0 && values.count == 2)
    );
    let second = |second: u64| at(second).0 as f64 / 1e6;
    assert!(
        matches!(told(states, 0), ChartSays::State { name, state, from, until: Some(until), .. }
            if name == "plant/a" && state == "on" && from == second(1) && until == second(3))
    );
    assert!(
        charts
            .spot(view(99), ChartProbe::Number { number: 0 })
            .is_err()
    );
}
