use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * SECOND)
}

fn each_second(count: u64, value: impl Fn(u64) -> f64) -> Series {
    let mut series = Series::new(1000);
    (0..count).for_each(|second| series.push(at(second), value(second)));
    series
}

#[test]
fn a_late_point_finds_its_place() {
    let mut series = Series::new(100);
    for second in [5, 1, 3, 5, 2] {
        series.push(at(second), second as f64);
    }
    let times: Vec<u64> = series.iter().map(|point| point.at.as_secs()).collect();
    assert_eq!(times, [1, 2, 3, 5, 5]);
    series.forget_before(at(3));
    assert_eq!(series.len(), 3);
}

#[test]
fn a_value_that_is_not_finite_is_not_taken() {
    let mut series = Series::new(100);
    series.push(at(0), f64::NAN);
    series.push(at(0), f64::INFINITY);
    assert!(series.is_empty());
}

#[test]
fn a_silence_much_longer_than_usual_is_a_gap() {
    let mut series = each_second(10, |_| 1.0);
    series.push(at(9 + 8), 1.0);
    assert!(
        !series.last().unwrap().after_gap,
        "eight times the usual is no gap yet"
    );
    series.push(at(17 + 9), 1.0);
    assert!(series.last().unwrap().after_gap);
    let runs = series.runs(at(0), at(30), 300);
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[1], [(26e9, 1.0)]);
}

#[test]
fn a_silence_below_five_seconds_is_no_gap_however_fast_the_points_came() {
    let mut series = Series::new(100);
    (0..20).for_each(|ms| series.push(Timestamp(ms * 1_000_000), 0.0));
    series.push(Timestamp(4 * SECOND), 0.0);
    assert!(!series.last().unwrap().after_gap);
}

#[test]
fn a_slower_pace_becomes_the_usual_one() {
    let mut series = each_second(20, |_| 1.0);
    let mut gaps = 0;
    for minute in 1..20 {
        series.push(at(20 + minute * 60), 1.0);
        gaps += u32::from(series.last().unwrap().after_gap);
    }
    assert!((1..=8).contains(&gaps), "{gaps} gaps");
    assert!(!series.last().unwrap().after_gap);
}

#[test]
fn a_line_that_goes_beyond_the_edges_ends_on_them() {
    let series = each_second(11, |second| second as f64);
    let runs = series.runs(Timestamp(5 * SECOND / 2), Timestamp(9 * SECOND / 2), 100);
    assert_eq!(
        runs,
        [vec![(0.0, 2.5), (5e8, 3.0), (15e8, 4.0), (2e9, 4.5)]]
    );
    // Both neighbours outside: the line still crosses.
    let runs = series.runs(Timestamp(SECOND / 4), Timestamp(SECOND / 2), 100);
    assert_eq!(runs, [vec![(0.0, 0.25), (25e7, 0.5)]]);
    assert!(series.runs(at(20), at(30), 100).is_empty());
    assert!(series.runs(at(5), at(5), 100).is_empty());
}

#[test]
fn nothing_but_gaps_is_still_bounded() {
    let mut series = Series::new(16);
    for point in 0..100u64 {
        series.push(at(point * point * point), 0.0);
        assert!(series.len() <= 16);
    }
}

#[test]
fn a_summary_is_of_the_time_asked_for() {
    let series = each_second(10, |second| second as f64);
    let summary = series.summary(at(2), at(5)).unwrap();
    assert_eq!((summary.count, summary.min, summary.max), (4, 2.0, 5.0));
    assert!((summary.mean - 3.5).abs() < 1e-12);
    assert_eq!(series.summary(at(20), at(30)), None);
    let mut huge = Series::new(16);
    (0..4).for_each(|second| huge.push(at(second), f64::MAX));
    let summary = huge.summary(at(0), at(9)).unwrap();
    assert!((summary.mean / f64::MAX - 1.0).abs() < 1e-12);
}

#[test]
fn the_nearest_point_is_told_and_none_is_made_up() {
    let series = each_second(3, |second| second as f64 * 10.0);
    let value = |nanos: u64| series.nearest(Timestamp(nanos)).map(|point| point.value);
    assert_eq!(value(0), Some(0.0));
    assert_eq!(value(SECOND / 2), Some(0.0), "of two as near the earlier");
    assert_eq!(value(SECOND / 2 + 1), Some(10.0));
    assert_eq!(value(99 * SECOND), Some(20.0));
    assert_eq!(Series::new(16).nearest(at(1)), None);
}

fn points() -> impl Strategy<Value = Vec<(u64, f64)>> {
    prop::collection::vec((0u64..40_000, -1e6..1e6f64), 1..400)
}

fn filled(points: &[(u64, f64)], capacity: usize) -> Series {
    let mut series = Series::new(capacity);
    points
        .iter()
        .for_each(|&(ms, value)| series.push(Timestamp(ms * 1_000_000), value));
    series
}

proptest! {
    #[test]
    fn thinning_keeps_order_bounds_and_extremes(points in prop::collection::vec((0u64..2000, -1e6..1e6f64), 1..600)) {
        // A steady pace, so that nothing is dropped for being between gaps.
        let mut now = 0;
        let mut series = Series::new(64);
        for &(step, value) in &points {
            now += 1_000_000_000 + step * 1_000_000;
            series.push(Timestamp(now), value);
        }
        prop_assert!(series.len() <= 64);
        let times: Vec<u64> = series.iter().map(|point| point.at.0).collect();
        prop_assert!(times.is_sorted());
        let highest = points.iter().map(|p| p.1).fold(f64::MIN, f64::max);
        let lowest = points.iter().map(|p| p.1).fold(f64::MAX, f64::min);
        let summary = series.summary(Timestamp(0), Timestamp(u64::MAX)).unwrap();
        prop_assert_eq!((summary.min, summary.max), (lowest, highest));
        prop_assert_eq!(series.len() as u64 + series.thinned(), points.len() as u64);
    }

    #[test]
    fn down_sampling_keeps_the_extremes_of_each_column(
        points in points(),
        columns in 1u32..200,
        from in 0u64..20_000,
        span in 1u64..40_000,
    ) {
        let series = filled(&points, 10_000);
        let (from, to) = (Timestamp(from * 1_000_000), Timestamp((from + span) * 1_000_000));
        let runs = series.runs(from, to, columns);
        let drawn: Vec<(f64, f64)> = runs.iter().flatten().copied().collect();
        prop_assert!(drawn.is_sorted_by(|a, b| a.0 <= b.0));
        prop_assert!(drawn.iter().all(|&(x, _)| (0.0..=(to.0 - from.0) as f64).contains(&x)));
        // At most four a column, and one at each edge.
        prop_assert!(drawn.len() <= 4 * (columns as usize + 1) + 2);
        let column = |x: f64| (x * f64::from(columns) / (to.0 - from.0) as f64) as u64;
        for c in 0..u64::from(columns) {
            let inside = |x: &f64| column(*x) == c;
            let of_points: Vec<f64> = series
                .iter()
                .filter(|p| p.at >= from && p.at <= to && inside(&((p.at.0 - from.0) as f64)))
                .map(|p| p.value)
                .collect();
            for end in [of_points.first(), of_points.last()].into_iter().flatten() {
                prop_assert!(drawn.iter().any(|&(x, value)| inside(&x) && value == *end));
            }
            for extreme in [f64::max, f64::min] {
                if let Some(expected) = of_points.iter().copied().reduce(extreme) {
                    prop_assert!(drawn.iter().any(|&(x, value)| inside(&x) && value == expected));
                }
            }
        }
    }
}
