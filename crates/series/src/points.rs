//! The points of one line, bounded.
//!
//! Duty: keep points in the order of their times, thin the oldest where there are too many, know where there was
//! silence, and give back what a picture of some columns needs.
//! Not here: colours, axes, pixels.
//! Invariant: times ascend; the highest and the lowest value that are held survive thinning and down-sampling.

use std::collections::VecDeque;
use std::time::Duration;

use mqttwb_model::Timestamp;

/// A silence shorter than this is never a gap.
const MIN_GAP: Duration = Duration::from_secs(5);

/// A silence is a gap where it is this many times as long as the usual interval between two points.
const GAP_FACTOR: u64 = 8;

/// How many of the last intervals tell the usual one.
const INTERVALS: usize = 15;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much; finite.
    pub value: f64,
    /// No line leads to this point from the one before: there was silence between them.
    pub after_gap: bool,
}

/// The points of one line.
#[derive(Debug, Clone)]
pub struct Series {
    points: VecDeque<Point>,
    capacity: usize,
    /// The last intervals between points, in nanoseconds.
    intervals: VecDeque<u64>,
    thinned: u64,
}

/// What the points of some time come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Points.
    pub count: u64,
    /// The lowest value.
    pub min: f64,
    /// The arithmetic mean of the values.
    pub mean: f64,
    /// The highest value.
    pub max: f64,
}

impl Summary {
    /// Of one value.
    pub(crate) fn of(value: f64) -> Self {
        Self {
            count: 1,
            min: value,
            mean: value,
            max: value,
        }
    }

    /// And one more.
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.mean += value / self.count as f64 - self.mean / self.count as f64;
    }
}

/// Points that are joined by a line: nanoseconds since the left edge, and values.
pub(crate) type Run = Vec<(f64, f64)>;

impl Series {
    /// An empty series that holds at most `capacity` points; at least 16.
    pub fn new(capacity: usize) -> Self {
        Self {
            points: VecDeque::new(),
            capacity: capacity.max(16),
            intervals: VecDeque::with_capacity(INTERVALS),
            thinned: 0,
        }
    }

    /// Points that it holds.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Points that were given up to stay within the capacity. Neither the lowest nor the highest is ever among them.
    pub fn thinned(&self) -> u64 {
        self.thinned
    }

    /// The oldest point.
    pub fn first(&self) -> Option<Point> {
        self.points.front().copied()
    }

    /// The newest point.
    pub fn last(&self) -> Option<Point> {
        self.points.back().copied()
    }

    /// The points, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Point> {
        self.points.iter().copied()
    }

    /// The points from `from` to `to`, both included.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Point> {
        let begin = self.points.partition_point(|point| point.at < from);
        self.points
            .range(begin..)
            .copied()
            .take_while(move |point| point.at <= to)
    }

    /// The last point up to a time.
    pub fn at_or_before(&self, at: Timestamp) -> Option<Point> {
        let after = self.points.partition_point(|point| point.at <= at);
        self.points.get(after.checked_sub(1)?).copied()
    }

    /// The point that is nearest to a time; of two as near the earlier.
    pub fn nearest(&self, at: Timestamp) -> Option<Point> {
        let after = self.points.partition_point(|point| point.at < at);
        let before = after.checked_sub(1).map(|index| self.points[index]);
        match (before, self.points.get(after).copied()) {
            (Some(before), Some(after)) => {
                let earlier = at.since(before.at) <= after.at.since(at);
                Some(if earlier { before } else { after })
            }
            (before, after) => before.or(after),
        }
    }

    /// Adds a point; one that comes late finds its place. Values that are not finite are not taken.
    pub fn push(&mut self, at: Timestamp, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.points.len() >= self.capacity {
            self.thin();
        }
        match self.points.back() {
            Some(last) if at < last.at => self.insert(at, value),
            Some(last) => {
                let interval = at.0 - last.at.0;
                let after_gap = self.is_gap(interval);
                if self.intervals.len() == INTERVALS {
                    self.intervals.pop_front();
                }
                self.intervals.push_back(interval);
                self.points.push_back(Point {
                    at,
                    value,
                    after_gap,
                });
            }
            None => self.points.push_back(Point {
                at,
                value,
                after_gap: false,
            }),
        }
    }

    fn insert(&mut self, at: Timestamp, value: f64) {
        let index = self.points.partition_point(|point| point.at <= at);
        let after_gap = match index.checked_sub(1) {
            Some(before) => self.is_gap(at.0 - self.points[before].at.0),
            None => false,
        };
        let to_next = self.points[index].at.0 - at.0;
        let next_after_gap = (self.points[index].after_gap || index == 0) && self.is_gap(to_next);
        self.points[index].after_gap = next_after_gap;
        self.points.insert(
            index,
            Point {
                at,
                value,
                after_gap,
            },
        );
    }

    /// Whether that many nanoseconds without a point are a gap: 5 s at least, and eight times the median of the last
    /// fifteen intervals. So a device that reports each second is found silent after eight, one that reports each
    /// minute after eight minutes.
    fn is_gap(&self, interval: u64) -> bool {
        if u128::from(interval) < MIN_GAP.as_nanos() || self.intervals.len() < 3 {
            return false;
        }
        let mut sorted: Vec<u64> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        interval > GAP_FACTOR.saturating_mul(sorted[sorted.len() / 2])
    }

    /// Forgets points older than that.
    pub fn forget_before(&mut self, at: Timestamp) {
        let gone = self.points.partition_point(|point| point.at < at);
        self.points.drain(..gone);
    }

    /// Halves the resolution of the older half: of four points that follow each other, the lowest and the highest stay.
    /// So a long window stays whole, coarser the older it is.
    fn thin(&mut self) {
        let held = self.points.len();
        let half = self.points.len() / 2;
        let newer = self.points.split_off(half);
        let older = std::mem::take(&mut self.points);
        let mut group: Vec<Point> = Vec::with_capacity(4);
        for point in older {
            if group.len() == 4 || (point.after_gap && !group.is_empty()) {
                self.points.extend(extremes(&group));
                group.clear();
            }
            group.push(point);
        }
        self.points.extend(extremes(&group));
        if self.points.len() == half {
            // Nothing but gaps: single points can't be thinned, so the oldest go.
            self.points.drain(..half / 2);
        }
        self.points.extend(newer);
        self.thinned += (held - self.points.len()) as u64;
    }

    /// What the points from `from` to `to` come to; nothing where there are none.
    pub fn summary(&self, from: Timestamp, to: Timestamp) -> Option<Summary> {
        let mut points = self.between(from, to).map(|point| point.value);
        let first = points.next()?;
        let (mut count, mut min, mut max, mut sum) = (1, first, first, first);
        for value in points {
            count += 1;
            min = min.min(value);
            max = max.max(value);
            sum += value;
        }
        if sum.is_finite() {
            let mean = sum / count as f64;
            return Some(Summary {
                count,
                min,
                mean,
                max,
            });
        }
        // Large values: their sum leaves the numbers there are, a running mean does not.
        let mut summary = Summary::of(first);
        let points = self.between(from, to).skip(1);
        points.for_each(|point| summary.add(point.value));
        Some(summary)
    }

    /// What a picture from `from` to `to` in so many columns needs: of each column the first, lowest, highest and last
    /// point, in runs without a gap. A run that goes on beyond an edge ends on the edge.
    pub(crate) fn runs(&self, from: Timestamp, to: Timestamp, columns: u32) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        if to <= from || columns == 0 {
            return runs;
        }
        let begin = self.points.partition_point(|point| point.at < from);
        let (width, columns) = (u128::from(to.0 - from.0), u128::from(columns));
        // As much as 2⁶⁴ nanoseconds times 2³² columns; asked once a column, since a division is dear beside a point.
        let column_end = |at: Timestamp| {
            let column = u128::from(at.0 - from.0) * columns / width;
            let end = ((column + 1) * width).div_ceil(columns);
            Timestamp(
                from.0
                    .saturating_add(u64::try_from(end).unwrap_or(u64::MAX)),
            )
        };
        let x = |at: Timestamp| (at.0 - from.0) as f64;
        let mut run: Run = Vec::new();
        let mut column: Option<Column> = None;
        let mut previous = begin.checked_sub(1).map(|index| self.points[index]);
        for &point in self.points.range(begin..) {
            if point.after_gap {
                flush(&mut column, &mut run, x);
                runs.extend(non_empty(&mut run));
                previous = None;
            }
            if let Some(outside) = previous.filter(|outside| outside.at < from) {
                run.push((0.0, between(outside, point, from)));
            }
            if point.at > to {
                flush(&mut column, &mut run, x);
                if let Some(inside) = previous.filter(|_| !point.after_gap) {
                    run.push((x(to), between(inside, point, to)));
                }
                break;
            }
            match &mut column {
                Some(column) if point.at < column.end => column.add(point),
                _ => {
                    flush(&mut column, &mut run, x);
                    column = Some(Column::new(point, column_end(point.at)));
                }
            }
            previous = Some(point);
        }
        flush(&mut column, &mut run, x);
        runs.extend(non_empty(&mut run));
        runs
    }
}

/// What matters of the points of one pixel column.
struct Column {
    end: Timestamp,
    first: Point,
    last: Point,
    /// The first of the lowest and of the highest, and how many points stand before each.
    low: (usize, Point),
    high: (usize, Point),
    count: usize,
}

impl Column {
    fn new(point: Point, end: Timestamp) -> Self {
        Self {
            end,
            first: point,
            last: point,
            low: (0, point),
            high: (0, point),
            count: 1,
        }
    }

    fn add(&mut self, point: Point) {
        if point.value < self.low.1.value {
            self.low = (self.count, point);
        }
        if point.value > self.high.1.value {
            self.high = (self.count, point);
        }
        self.last = point;
        self.count += 1;
    }
}

fn non_empty(run: &mut Run) -> Option<Run> {
    let run = std::mem::take(run);
    (!run.is_empty()).then_some(run)
}

/// Moves what matters of a column into the run, in the order of time.
fn flush(column: &mut Option<Column>, run: &mut Run, x: impl Fn(Timestamp) -> f64) {
    let Some(column) = column.take() else {
        return;
    };
    let (low, high) = (column.low, column.high);
    let (one, two) = if low.0 <= high.0 {
        (low.1, high.1)
    } else {
        (high.1, low.1)
    };
    let mut pushed: Option<Point> = None;
    // Whichever of them are the same point stand side by side.
    for point in [column.first, one, two, column.last] {
        if pushed != Some(point) {
            run.push((x(point.at), point.value));
            pushed = Some(point);
        }
    }
}

/// The lowest and the highest of some points, in the order that they stand in; what the first says of a gap stays said.
fn extremes(points: &[Point]) -> impl Iterator<Item = Point> + use<> {
    let by_value = |a: &usize, b: &usize| points[*a].value.total_cmp(&points[*b].value);
    let low = (0..points.len()).min_by(by_value);
    let high = (0..points.len()).rev().max_by(by_value);
    let (one, two) = if low <= high {
        (low, high)
    } else {
        (high, low)
    };
    let after_gap = points.first().is_some_and(|first| first.after_gap);
    let first = one.map(|index| Point {
        after_gap,
        ..points[index]
    });
    let second = two.filter(|_| two != one).map(|index| points[index]);
    first.into_iter().chain(second)
}

/// The value of the line through two points at a time between them.
fn between(a: Point, b: Point, at: Timestamp) -> f64 {
    let span = (b.at.0 - a.at.0) as f64;
    if span == 0.0 {
        return b.value;
    }
    let share = (at.0 - a.at.0) as f64 / span;
    a.value * (1.0 - share) + b.value * share
}

#[cfg(test)]
#[path = "points_tests.rs"]
mod tests;
