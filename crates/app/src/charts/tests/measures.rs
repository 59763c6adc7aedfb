//! What is counted of the broker, each second.

use super::*;

fn measure(charts: &Charts, measure: ChartMeasure) -> u32 {
    let chart = Chart {
        source: ChartSource::Broker { measure },
        ..payload_chart("", "")
    };
    charts.create(chart).unwrap().id
}

/// The points of a chart's lines, as seconds and values.
fn points(charts: &Charts, id: u32) -> Vec<(String, Vec<(u64, f64)>)> {
    let state = charts.state.lock();
    let lines = state.charts[&id].shown(&state.samples).lines().into_iter();
    let points = |series: &mqttwb_series::Series| {
        let points = series.iter();
        points
            .map(|point| ((point.at.0 - START) / SECOND, point.value))
            .collect()
    };
    lines
        .map(|(name, series)| (name.to_owned(), points(series)))
        .collect()
}

fn line(name: &str, points: &[(u64, f64)]) -> (String, Vec<(u64, f64)>) {
    (name.to_owned(), points.to_vec())
}

#[test]
fn connections_and_retained_messages_are_drawn_as_they_are_and_losses_as_rates() {
    let charts = charts();
    let connections = measure(&charts, ChartMeasure::Connections);
    let retained = measure(&charts, ChartMeasure::Retained);
    let lost = measure(&charts, ChartMeasure::Lost);
    let bytes = measure(&charts, ChartMeasure::Bytes);
    for (second, n) in [(0, 0), (1, 3), (3, 4)] {
        let counters = Counters {
            connections: n,
            retained: 10 * n,
            dropped: 2 * n,
            not_captured: 4 * n,
            bytes_in: 100 * n,
            bytes_out: 300 * n,
            ..Counters::default()
        };
        charts.sample(at(second), counters);
    }
    assert_eq!(
        points(&charts, connections),
        [line("connections", &[(0, 0.0), (1, 3.0), (3, 4.0)])]
    );
    assert_eq!(
        points(&charts, retained),
        [line("retained messages", &[(0, 0.0), (1, 30.0), (3, 40.0)])]
    );
    // From 1 to 3 s two seconds passed.
    assert_eq!(
        points(&charts, lost),
        [
            line("messages dropped", &[(1, 6.0), (3, 1.0)]),
            line("packets not captured", &[(1, 12.0), (3, 2.0)]),
        ]
    );
    assert_eq!(
        points(&charts, bytes),
        [
            line("in", &[(1, 300.0), (3, 50.0)]),
            line("out", &[(1, 900.0), (3, 150.0)]),
        ]
    );
}

#[test]
fn how_many_messages_wait_is_asked_for_only_while_a_chart_shows_it() {
    let charts = charts();
    assert!(!charts.looks_at_queued());
    let id = measure(&charts, ChartMeasure::Queued);
    assert!(charts.looks_at_queued());
    let sample = |second, queued| {
        let counters = Counters {
            queued,
            ..Counters::default()
        };
        charts.sample(at(second), counters);
    };
    sample(0, None); // not asked yet, or the broker does not run: nothing is known
    sample(1, Some(7));
    sample(2, Some(0));
    assert_eq!(
        points(&charts, id),
        [line("waiting messages", &[(1, 7.0), (2, 0.0)])]
    );
    charts.remove(id).unwrap();
    assert!(!charts.looks_at_queued());
}

#[test]
fn bytes_of_messages_are_counted_by_qos_and_direction_in_the_second_that_they_came_in() {
    let charts = charts();
    let id = measure(&charts, ChartMeasure::BytesByQos);
    for second in [1, 1, 3] {
        publish(&charts, Direction::ToBroker, second, "a", "12");
    }
    publish(&charts, Direction::ToClient, 3, "a", "1");
    charts.read();
    charts.tick(at(4));
    let lines = points(&charts, id);
    // A header of two bytes, the length of the topic and the topic, the payload. A second is drawn at its end.
    assert_eq!(
        lines[0],
        line("in, QoS 0", &[(2, 14.0), (3, 0.0), (4, 7.0)])
    );
    assert_eq!(
        lines[3],
        line("out, QoS 0", &[(2, 0.0), (3, 0.0), (4, 6.0)])
    );
    let others = [1, 2, 4, 5].map(|n| lines[n].1.iter().map(|(_, bytes)| bytes).sum::<f64>());
    assert_eq!(others, [0.0; 4]);
}

#[test]
fn what_a_rule_watches_is_found_without_a_chart_from_then_on_until_nobody_does() {
    let charts = charts();
    let first = charts.list().charts[0].id;
    charts.remove(first).unwrap();
    let measure = ChartMeasure::MessagesByQos;
    let later = |since: u64, seen: &[(&str, u64)]| {
        let seen = seen
            .iter()
            .map(|(name, second)| ((*name).into(), at(*second)));
        let points = charts.later_than((measure, Some("in, QoS 0")), at(since), &seen.collect());
        points
            .into_iter()
            .map(|(_, point)| ((point.at.0 - START) / SECOND, point.value))
            .collect::<Vec<_>>()
    };
    publish(&charts, Direction::ToBroker, 1, "a", "before");
    charts.tick(at(2));
    assert!(!charts.looks_at_queued());
    let both = [ChartMeasure::MessagesByQos, ChartMeasure::Queued];
    charts.watch(both.into(), at(2));
    assert!(charts.looks_at_queued());
    // Where nothing comes, that is what is found.
    charts.tick(at(3));
    assert_eq!(later(0, &[]), [(3, 0.0)]);
    for second in [3, 3, 5] {
        publish(&charts, Direction::ToBroker, second, "a", "1");
    }
    charts.tick(at(6));
    assert_eq!(later(3, &[]), [(4, 2.0), (5, 0.0), (6, 1.0)]);
    assert_eq!(later(3, &[("in, QoS 0", 4)]), [(5, 0.0), (6, 1.0)]);
    assert_eq!(later(5, &[("in, QoS 0", 4)]), [(6, 1.0)]);
    assert_eq!(later(3, &[("in, QoS 0", 6)]), []);
    // Another rule changes nothing about what is watched already.
    charts.watch([ChartMeasure::MessagesByQos].into(), at(6));
    assert_eq!(later(3, &[("in, QoS 0", 4)]), [(5, 0.0), (6, 1.0)]);
    assert!(!charts.looks_at_queued());
    charts.watch([].into(), at(6));
    charts.tick(at(7));
    assert_eq!(later(3, &[]), []);
}

#[test]
fn every_measure_names_its_lines() {
    use ChartMeasure as M;
    let charts = charts();
    for (named, lines) in [
        (M::Messages, &["in", "out"][..]),
        (M::Latency, &["median", "95 %", "99 %", "longest"]),
        (M::Lost, &["messages dropped", "packets not captured"]),
        (M::Queued, &["waiting messages"]),
    ] {
        assert_eq!(measure_lines(named), lines);
        let drawn = points(&charts, measure(&charts, named)).into_iter();
        let drawn: Vec<String> = drawn.map(|(name, _)| name).collect();
        assert_eq!(drawn, lines, "as its chart does");
    }
}
