//! What is read where somebody points: a test for each kind of picture that is not lines.

use super::*;
use crate::draw::{Body, ChartDrawing, Line, spot};
use crate::points::Series;
use crate::states::States;
use crate::theme::Theme;

const SECOND: u64 = 1_000_000_000;
const SIZE: (u32, u32) = (600, 300);

fn at(second: u64) -> Timestamp {
    Timestamp(second * SECOND)
}

fn series(values: &[(u64, f64)]) -> Series {
    let mut series = Series::new(1000);
    values
        .iter()
        .for_each(|&(second, value)| series.push(at(second), value));
    series
}

fn lines(all: &[Series]) -> Vec<Line<'_>> {
    (0..)
        .zip(all)
        .map(|(n, series)| Line {
            name: "line",
            series,
            color: Theme::Dark.line(n),
        })
        .collect()
}

fn chart(body: Body<'_>, log: bool) -> ChartDrawing<'_> {
    ChartDrawing {
        body,
        from: at(0),
        to: at(60),
        utc_offset_minutes: 0,
        from_zero: false,
        log,
        thresholds: Vec::new(),
        unit: String::new(),
    }
}

/// All that a picture says, in its order; and whoever points into the middle of one finds just that.
fn all(chart: &ChartDrawing<'_>) -> Vec<Says> {
    let look = |probe| spot(chart, SIZE, Theme::Dark, probe);
    let mut said = Vec::new();
    while let Some(found) = look(Probe::Number(said.len())) {
        if found.number < said.len() {
            break;
        }
        let middle = (
            found.left + found.width / 2.0,
            found.top + found.height / 2.0,
        );
        let pointed_at = look(Probe::At(middle.0, middle.1));
        assert_eq!(pointed_at.as_ref(), Some(&found));
        said.push(found.says);
    }
    assert_eq!(look(Probe::At(-1.0, -1.0)), None);
    said
}

#[test]
fn a_distribution_says_of_each_class_its_ends_and_how_often() {
    let values: Vec<(u64, f64)> = (0..60).map(|n| (n, (n % 10) as f64)).collect();
    let both = [series(&values), series(&[(3, 4.0), (70, 4.0)])];
    for log in [false, true] {
        let chart = chart(Body::Histogram(lines(&both)), log);
        let (mut seen, mut end) = (vec![0, 0], None);
        for says in all(&chart) {
            let Says::Class {
                low,
                high,
                counts,
                up_to,
                total,
            } = says
            else {
                panic!("{says:?}");
            };
            assert!(
                end.is_none_or(|end| end == low),
                "the next begins where one ends"
            );
            end = Some(high);
            for (line, series) in both.iter().enumerate() {
                let is_last = up_to == total;
                let inside = |value: f64| {
                    let end = if is_last { high + 1e-9 } else { high - 1e-9 };
                    (low - 1e-9..end).contains(&value)
                };
                let came = series.between(at(0), at(60));
                let expected = came.filter(|point| inside(point.value)).count() as u64;
                assert_eq!(counts[line], expected, "line {line} from {low} to {high}");
                seen[line] += counts[line];
            }
            assert_eq!(up_to, seen[0] + seen[1]);
            // On a logarithmic axis the six zeros have no place.
            assert_eq!(total, if log { 55 } else { 61 });
        }
        assert_eq!(seen, if log { [54, 1] } else { [60, 1] });
    }
}

#[test]
fn a_distribution_of_latencies_has_the_classes_that_were_counted() {
    let classes = vec![(0.1, 0.126, 3), (0.126, 0.158, 0), (0.158, 0.2, 5)];
    let chart = chart(Body::Classes(classes.clone(), Theme::Dark.line(0)), false);
    let said: Vec<(f64, f64, u64, u64)> = all(&chart)
        .into_iter()
        .map(|says| match says {
            Says::Class {
                low,
                high,
                counts,
                up_to,
                total: 8,
            } => (low, high, counts[0], up_to),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [(0.1, 0.126, 3, 3), (0.126, 0.158, 0, 3), (0.158, 0.2, 5, 8)];
    assert_eq!(said, expected);
}

#[test]
fn a_cell_of_a_heat_map_says_what_came_in_its_time() {
    let both = [
        series(&[(10, 1.0), (11, 5.0), (50, 7.5)]),
        series(&[(30, -2.0)]),
    ];
    let chart = chart(Body::HeatMap(lines(&both)), false);
    let mut counts = [0, 0];
    for says in all(&chart) {
        let Says::Cell {
            line,
            from,
            to,
            values,
        } = says
        else {
            panic!("{says:?}");
        };
        let end = Timestamp(to.0 - 1);
        assert_eq!(Some(values), both[line].summary(from, end));
        counts[line] += values.count;
    }
    assert_eq!(counts, [3, 1]);
}

#[test]
fn a_tile_says_the_last_value_when_it_came_and_what_came_before() {
    let all_lines = [
        series(&[(1, 4.0), (2, 0.1 + 0.2)]),
        series(&[]),
        series(&[(90, 8.0)]),
    ];
    let said = all(&chart(Body::Gauge(lines(&all_lines)), false));
    let expected: Vec<Says> = [0, 2]
        .map(|line| Says::Last {
            line,
            point: all_lines[line].last().unwrap(),
            values: all_lines[line].summary(at(0), at(60)),
        })
        .into();
    assert_eq!(said, expected);
}

#[test]
fn a_state_says_when_it_began_and_ended_though_it_is_shown_in_part() {
    let mut states = States::new(10);
    let mut pump = States::new(10);
    states.push(at(20), "idle");
    for (second, state) in [(0, "off"), (5, "on"), (55, "off"), (80, "on")] {
        pump.push(at(second), state);
    }
    let mut chart = chart(Body::Timeline(vec![("a", &states), ("b", &pump)]), false);
    (chart.from, chart.to) = (at(10), at(60));
    let state = |line, state: &str, from, until: Option<u64>| Says::State {
        line,
        state: state.into(),
        from: at(from),
        until: until.map(at),
    };
    let expected = [
        state(0, "idle", 20, None),
        state(1, "on", 5, Some(55)),
        state(1, "off", 55, Some(80)),
    ];
    assert_eq!(all(&chart), expected);
}

#[test]
fn points_of_lines_are_no_spots() {
    let one = [series(&[(1, 4.0), (2, 5.0)])];
    let chart = chart(Body::Lines(crate::draw::Style::Line, lines(&one)), false);
    assert_eq!(all(&chart), []);
}
