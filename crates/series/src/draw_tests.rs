use super::*;
use crate::strokes::{ADVANCE, Align};

const SECOND: u64 = 1_000_000_000;
/// 2023-11-14T22:13:20Z
const START: u64 = 1_700_000_000 * SECOND;

fn at(seconds: u64) -> Timestamp {
    Timestamp(START + seconds * SECOND)
}

fn series(values: &[(u64, f64)]) -> Series {
    let mut series = Series::new(1000);
    values
        .iter()
        .for_each(|&(second, value)| series.push(at(second), value));
    series
}

fn chart<'a>(lines: &[&'a Series], from_zero: bool) -> ChartDrawing<'a> {
    let lines = (0..)
        .zip(lines)
        .map(|(n, series)| Line {
            name: "line",
            series,
            color: Theme::Dark.line(n),
        })
        .collect();
    ChartDrawing {
        body: Body::Lines(Style::Line, lines),
        log: false,
        thresholds: Vec::new(),
        unit: String::new(),
        from: at(0),
        to: at(60),
        utc_offset_minutes: 60,
        from_zero,
    }
}

fn draw(chart: &ChartDrawing<'_>, size: (u32, u32), theme: Theme) -> Vec<DrawOp> {
    super::draw(chart, size, theme).ops
}

fn texts(ops: &[DrawOp], wanted: Align) -> Vec<&str> {
    ops.iter()
        .filter_map(|op| match op {
            DrawOp::Text { text, align, .. } if *align == wanted => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The paths that are drawn in the colour of the nth line.
fn paths(ops: &[DrawOp], n: usize) -> Vec<&[f32]> {
    ops.iter()
        .filter_map(|op| match op {
            DrawOp::Path { points, color, .. } if *color == Theme::Dark.line(n) => {
                Some(&points[..])
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_line_goes_through_its_points() {
    let line = series(&[(0, 0.0), (30, 100.0), (60, 50.0)]);
    let ops = draw(&chart(&[&line], true), (400, 234), Theme::Dark);
    assert_eq!(
        texts(&ops, Align::Right),
        ["0", "20", "40", "60", "80", "100"]
    );
    assert_eq!(
        texts(&ops, Align::Center),
        ["23:13:30", "23:13:45", "23:14:00", "23:14:15"]
    );
    let [path] = paths(&ops, 0)[..] else {
        panic!("one line: {ops:?}");
    };
    // Left of the plot are four characters of 6.3 px and 16 px of air; 10 px above it, 24 below, 14 right of it.
    let (left, right, top, bottom) = (41.1875, 386.0, 10.0, 210.0);
    let expected = [
        left,
        bottom,
        (left + right) / 2.0,
        top,
        right,
        (top + bottom) / 2.0,
    ];
    assert_eq!(path.len(), expected.len());
    for (is, should) in path.iter().zip(expected) {
        assert!((is - should).abs() <= 0.13, "{path:?} for {expected:?}");
    }
    let area = ops.iter().find_map(|op| match op {
        DrawOp::Fill { points, color } => Some((points.len(), color.to_string())),
        _ => None,
    });
    assert_eq!(area, Some((10, "rgba(45,212,191,0.14)".into())));
    assert!(
        matches!(ops.last(), Some(DrawOp::Circle { .. })),
        "the newest point is marked"
    );
}

#[test]
fn the_same_chart_is_drawn_the_same() {
    let lines = [
        series(&[(1, 2.5), (9, 4.0)]),
        series(&[(3, 9.0), (20, -4.0), (21, 0.0)]),
    ];
    let chart = chart(&[&lines[0], &lines[1]], false);
    let once = draw(&chart, (640, 200), Theme::Light);
    assert_eq!(once, draw(&chart, (640, 200), Theme::Light));
    assert!(!once.is_empty());
}

#[test]
fn a_silence_leaves_a_gap() {
    let mut values: Vec<(u64, f64)> = (0..10).map(|second| (second, 1.0)).collect();
    values.extend((40..50).map(|second| (second, 2.0)));
    values.push((59, 3.0)); // alone
    let line = series(&values);
    let ops = draw(&chart(&[&line], false), (400, 200), Theme::Dark);
    let paths = paths(&ops, 0);
    assert_eq!(paths.len(), 2);
    assert!(paths[0][paths[0].len() - 2] < paths[1][0] - 100.0);
    let lone = ops
        .iter()
        .filter(|op| matches!(op, DrawOp::Circle { .. }))
        .count();
    assert_eq!(lone, 2, "the lone point, and the mark of the newest");
}

#[test]
fn without_data_there_are_axes_and_no_line() {
    for (lines, from_zero, scale) in [(vec![], true, "0 1 2 3 4"), (vec![series(&[])], false, "")] {
        let lines: Vec<&Series> = lines.iter().collect();
        let ops = draw(&chart(&lines, from_zero), (400, 200), Theme::Dark);
        assert_eq!(texts(&ops, Align::Right).join(" "), scale);
        assert!(texts(&ops, Align::Center).contains(&"no values in this time"));
        assert!(paths(&ops, 0).is_empty());
        assert!(
            !ops.iter()
                .any(|op| matches!(op, DrawOp::Fill { .. } | DrawOp::Circle { .. }))
        );
    }
}

#[test]
fn a_chart_too_small_to_read_is_not_drawn() {
    let line = series(&[(0, 0.0), (30, 100.0)]);
    for size in [(0, 0), (79, 200), (200, 59)] {
        assert!(draw(&chart(&[&line], true), size, Theme::Dark).is_empty());
    }
}

#[test]
fn the_extremes_of_many_points_are_drawn() {
    let mut line = Series::new(20_000);
    for n in 0..18_000u64 {
        let value = match n {
            7_001 => 1000.0,
            12_345 => -1000.0,
            n => (n % 7) as f64,
        };
        line.push(Timestamp(START + n * SECOND / 300), value);
    }
    let ops = draw(&chart(&[&line], false), (300, 200), Theme::Dark);
    let path: Vec<f32> = paths(&ops, 0).concat();
    assert!(path.len() / 2 <= 4 * 301 + 2, "{} points", path.len() / 2);
    let ys = path.iter().skip(1).step_by(2).copied();
    // The axis goes from -1000 to 1000 over 166 px.
    assert_eq!(ys.clone().fold(f32::MAX, f32::min), 10.0);
    assert!((ys.fold(f32::MIN, f32::max) - 176.0).abs() < 0.1);
}

#[test]
fn no_time_of_a_heat_map_stands_on_the_key_to_its_colours() {
    let values: Vec<(u64, f64)> = (0..60).map(|n| (n, 1.0e6 + n as f64)).collect();
    let series = series(&values);
    for width in [160, 240, 300, 480, 900] {
        let mut chart = chart(&[&series], false);
        let Body::Lines(_, lines) = chart.body else {
            panic!("lines");
        };
        chart.body = Body::HeatMap(lines);
        chart.unit = "mbar".into();
        let ops = draw(&chart, (width, 120), Theme::Dark);
        let below = ops.iter().filter_map(|op| match op {
            DrawOp::Text {
                x,
                y,
                text,
                size,
                align,
                ..
            } if *y > 96.0 => {
                let length = text.chars().count() as f32 * size * ADVANCE as f32;
                let from = match align {
                    Align::Left => *x,
                    Align::Center => x - length / 2.0,
                    Align::Right => x - length,
                };
                Some((from, from + length, text.as_str()))
            }
            _ => None,
        });
        let mut below: Vec<(f32, f32, &str)> = below.collect();
        below.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(below.len() >= 2, "the key has two ends: {below:?}");
        assert!(width < 480 || below.len() > 2, "times too: {below:?}");
        for two in below.windows(2) {
            assert!(two[0].1 < two[1].0, "{width}: {two:?}");
        }
    }
}
