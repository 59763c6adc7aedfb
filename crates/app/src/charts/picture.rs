//! Charts as pictures in the API's words.

use std::time::Duration;

use mqttwb_model::Timestamp;
use mqttwb_series::{
    Align, Baseline, Body, ChartDrawing, Color, Line, Picture, Series, States, Style, Threshold,
    draw,
};

use super::feed::Found;
use super::flow::Flow;
use super::samples::Samples;
use crate::api::{
    Chart, ChartFrame, ChartKind, ChartMeasure, ChartPlot, ChartReading, ChartSeries, ChartSource,
    ChartSpan, ChartValue, ChartView, DrawOp, TextAlign, TextBaseline, Theme,
};

/// The shortest time that a chart shows, in nanoseconds.
const SHORTEST: u64 = 1_000_000;
/// What a chart of all that is kept shows at least.
const ALL: Duration = Duration::from_secs(10);

/// A chart with what it has found.
pub(super) struct Shown<'a> {
    pub chart: &'a Chart,
    pub found: Option<&'a Found>,
    pub missed: u64,
    pub samples: &'a Samples,
}

/// What a measure is called.
pub(crate) fn title(measure: ChartMeasure) -> &'static str {
    match measure {
        ChartMeasure::Messages => "Throughput",
        ChartMeasure::MessagesByQos => "Messages by QoS",
        ChartMeasure::Bytes => "Bytes",
        ChartMeasure::BytesByQos => "Bytes by QoS",
        ChartMeasure::Latency => "Latency",
        ChartMeasure::Connections => "Connections",
        ChartMeasure::Queued => "Waiting messages",
        ChartMeasure::Retained => "Retained messages",
        ChartMeasure::Lost => "Losses",
    }
}

/// What a measure is measured in.
fn unit(measure: ChartMeasure) -> &'static str {
    match measure {
        ChartMeasure::Messages | ChartMeasure::MessagesByQos | ChartMeasure::Lost => "/s",
        ChartMeasure::Bytes | ChartMeasure::BytesByQos => "B/s",
        ChartMeasure::Latency => "ms",
        ChartMeasure::Connections | ChartMeasure::Queued | ChartMeasure::Retained => "",
    }
}

impl<'a> Shown<'a> {
    /// What its values are measured in.
    pub fn unit(&self) -> &'a str {
        match &self.chart.source {
            ChartSource::Broker { measure } if self.chart.unit.is_empty() => unit(*measure),
            _ => &self.chart.unit,
        }
    }

    /// Lines of numbers; none of a chart of states.
    pub fn lines(&self) -> Vec<(&'a str, &'a Series)> {
        match (&self.found, &self.chart.source) {
            (Some(Found::Numbers(lines)), _) => lines.iter().collect(),
            (Some(Found::Flow(flow)), _) => flow.iter().collect(),
            (Some(Found::States(_)), _) | (None, ChartSource::Payload { .. }) => Vec::new(),
            (None, ChartSource::Broker { measure }) => self.samples.of(*measure).collect(),
        }
    }

    /// Lines of states.
    pub fn states(&self) -> Vec<(&'a str, &'a States)> {
        match self.found {
            Some(Found::States(states)) => states.iter().collect(),
            _ => Vec::new(),
        }
    }

    fn flow(&self) -> Option<&'a Flow> {
        match self.found {
            Some(Found::Flow(flow)) => Some(flow),
            _ => None,
        }
    }

    /// The time that it shows: what the page holds on to, or else its window up to now.
    ///
    /// Where it follows, it goes on by whole pixels of a picture of this width, or by more: in between it is the same picture
    /// unless something came, and the same points share a column as long as they are seen.
    pub fn span(
        &self,
        span: Option<ChartSpan>,
        now: Timestamp,
        width: u32,
    ) -> (Timestamp, Timestamp) {
        if let Some(span) = span {
            let (from, to) = (nanos(span.from), nanos(span.to));
            return (from, Timestamp(to.0.max(from.0.saturating_add(SHORTEST))));
        }
        let (from, to) = self.followed(now);
        if self.chart.window_secs == 0 {
            // All of it is a little more with each moment: it goes on by a fiftieth or so, to be the same picture in between.
            let step = 1 << ((to.0 - from.0) / 32).max(1).ilog2();
            return (from, next_step(to, step));
        }
        let pixel = (to.0 - from.0) / u64::from(width.max(1));
        let to = next_step(to, pixel);
        let window = Duration::from_secs(self.chart.window_secs.into()).as_nanos() as u64;
        (Timestamp(to.0.saturating_sub(window)), to)
    }

    /// Its window up to now.
    fn followed(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let back = |window: Duration| Timestamp(now.0.saturating_sub(window.as_nanos() as u64));
        if self.chart.window_secs > 0 {
            return (
                back(Duration::from_secs(self.chart.window_secs.into())),
                now,
            );
        }
        let lines = self.lines().into_iter();
        let numbers = lines.filter_map(|(_, series)| Some(series.first()?.at));
        let states = self.states().into_iter();
        let states = states.filter_map(|(_, states)| Some(states.iter().next()?.at));
        let oldest = numbers.chain(states).min();
        let least = back(ALL);
        (oldest.map_or(least, |oldest| oldest.min(least)), now)
    }

    /// As it is to be drawn.
    pub fn drawing(
        &self,
        (from, to): (Timestamp, Timestamp),
        utc_offset_minutes: i32,
        theme: mqttwb_series::Theme,
    ) -> ChartDrawing<'a> {
        let chart = self.chart;
        let lines = || {
            (0..)
                .zip(self.lines())
                .map(|(n, (name, series))| Line {
                    name,
                    series,
                    color: theme.line(n),
                })
                .collect()
        };
        let latency = ChartSource::Broker {
            measure: ChartMeasure::Latency,
        };
        let body = match chart.kind {
            ChartKind::Line => Body::Lines(Style::Line, lines()),
            ChartKind::Step => Body::Lines(Style::Step, lines()),
            ChartKind::Scatter => Body::Lines(Style::Scatter, lines()),
            ChartKind::Bar => Body::Lines(Style::Bar, lines()),
            ChartKind::HeatMap => Body::HeatMap(lines()),
            ChartKind::LastValue => Body::Gauge(lines()),
            ChartKind::States => Body::Timeline(self.states()),
            ChartKind::Histogram => match self.flow().filter(|_| chart.source == latency) {
                Some(flow) => Body::Classes(flow.distribution.classes(from, to), theme.line(0)),
                None => Body::Histogram(lines()),
            },
        };
        ChartDrawing {
            body,
            from,
            to,
            utc_offset_minutes,
            from_zero: matches!(chart.source, ChartSource::Broker { .. }),
            log: chart.log,
            thresholds: chart
                .thresholds
                .iter()
                .map(|threshold| Threshold {
                    value: threshold.value,
                    label: threshold.label.clone(),
                })
                .collect(),
            unit: self.unit().to_owned(),
        }
    }

    /// Its lines in numbers.
    pub fn series(
        &self,
        (from, to): (Timestamp, Timestamp),
        theme: mqttwb_series::Theme,
    ) -> Vec<ChartSeries> {
        let numbers = (0..).zip(self.lines()).map(|(n, (name, series))| {
            let summary = series.summary(from, to);
            // Of a time that is over, the last value is its last.
            let last = series.at_or_before(to);
            ChartSeries {
                name: name.into(),
                color: theme.line(n).to_string(),
                points: series.len() as u64,
                last: last.map(|point| point.value),
                min: summary.map(|summary| summary.min),
                mean: summary.map(|summary| summary.mean),
                max: summary.map(|summary| summary.max),
                state: None,
            }
        });
        let states = self.states().into_iter().map(|(name, states)| {
            let now = states.at(to);
            let color = now.map(|began| states.color(began, theme).to_string());
            ChartSeries {
                name: name.into(),
                color: color.unwrap_or_default(),
                points: states.len() as u64,
                last: None,
                min: None,
                mean: None,
                max: None,
                state: now.map(|began| began.state.to_string()),
            }
        });
        numbers.chain(states).collect()
    }

    /// Points that were given up to stay within the bounds of its lines.
    fn thinned(&self) -> u64 {
        let numbers = self.lines().into_iter().map(|(_, series)| series.thinned());
        let states = self.states().into_iter();
        numbers.sum::<u64>() + states.map(|(_, states)| states.forgotten()).sum::<u64>()
    }
}

/// The first time at or after this one that is a whole number of steps.
fn next_step(at: Timestamp, step: u64) -> Timestamp {
    Timestamp(at.0.checked_next_multiple_of(step).unwrap_or(at.0))
}

fn nanos(millis: f64) -> Timestamp {
    // Below zero and what is no number become 0, what is too large the end of time.
    Timestamp((millis * 1e6) as u64)
}

pub(super) fn millis(at: Timestamp) -> f64 {
    at.0 as f64 / 1e6
}

/// A chart, drawn.
pub(super) fn frame(shown: &Shown<'_>, view: &ChartView, now: Timestamp) -> ChartFrame {
    let theme = view.theme.into();
    let (from, to) = shown.span(view.span, now, view.width);
    let drawing = shown.drawing((from, to), view.utc_offset_minutes, theme);
    let Picture {
        ops,
        plot,
        hidden_rows,
        not_positive,
    } = draw(&drawing, (view.width, view.height), theme);
    ChartFrame {
        ops: ops.into_iter().map(DrawOp::from).collect(),
        plot: plot.map(|plot| ChartPlot {
            left: plot.left,
            top: plot.top,
            right: plot.right,
            bottom: plot.bottom,
            low: plot.low,
            high: plot.high,
        }),
        hidden_rows,
        not_positive,
        ..numbers(shown, (from, to), view.theme)
    }
}

/// A chart in numbers, without its picture.
pub(super) fn numbers(shown: &Shown<'_>, span: (Timestamp, Timestamp), theme: Theme) -> ChartFrame {
    let (without_number, repeated, topics_left_out) = match shown.found {
        Some(Found::Numbers(found)) => (found.without, found.repeated, found.topics_left_out()),
        Some(Found::States(found)) => (found.without, found.repeated, found.topics_left_out()),
        Some(Found::Flow(_)) | None => (0, 0, 0),
    };
    ChartFrame {
        id: shown.chart.id,
        ops: Vec::new(),
        span: ChartSpan {
            from: millis(span.0),
            to: millis(span.1),
        },
        plot: None,
        series: shown.series(span, theme.into()),
        without_number,
        repeated,
        missed: shown.missed,
        topics_left_out,
        thinned: shown.thinned(),
        hidden_rows: 0,
        not_positive: 0,
    }
}

/// What the lines say about a time.
pub(super) fn reading(
    shown: &Shown<'_>,
    view: &ChartView,
    now: Timestamp,
    at: f64,
) -> ChartReading {
    let theme: mqttwb_series::Theme = view.theme.into();
    let (from, to) = shown.span(view.span, now, view.width);
    let time = nanos(at);
    let numbers = (0..).zip(shown.lines()).filter_map(|(n, (name, series))| {
        let point = series.nearest(time)?;
        (from..=to).contains(&point.at).then(|| ChartValue {
            name: name.into(),
            color: theme.line(n).to_string(),
            at: millis(point.at),
            value: Some(point.value),
            state: None,
        })
    });
    let states = shown.states().into_iter().filter_map(|(name, states)| {
        let began = states.at(time)?;
        Some(ChartValue {
            name: name.into(),
            color: states.color(began, theme).to_string(),
            at: millis(began.at),
            value: None,
            state: Some(began.state.to_string()),
        })
    });
    ChartReading {
        at,
        values: numbers.chain(states).collect(),
    }
}

impl From<Theme> for mqttwb_series::Theme {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self::Dark,
            Theme::Light => Self::Light,
        }
    }
}

impl From<mqttwb_series::DrawOp> for DrawOp {
    fn from(op: mqttwb_series::DrawOp) -> Self {
        use mqttwb_series::DrawOp as Op;
        let css = |color: Color| color.to_string();
        match op {
            Op::Path {
                points,
                color,
                width,
            } => Self::Path {
                points,
                color: css(color),
                width,
            },
            Op::Fill { points, color } => Self::Fill {
                points,
                color: css(color),
            },
            Op::Rect {
                x,
                y,
                w,
                h,
                color,
                fill,
            } => Self::Rect {
                x,
                y,
                w,
                h,
                color: css(color),
                fill,
            },
            Op::Circle {
                x,
                y,
                r,
                color,
                fill,
            } => Self::Circle {
                x,
                y,
                r,
                color: css(color),
                fill,
            },
            Op::Text {
                x,
                y,
                text,
                size,
                color,
                align,
                baseline,
            } => Self::Text {
                x,
                y,
                text,
                size,
                color: css(color),
                align: match align {
                    Align::Left => TextAlign::Left,
                    Align::Center => TextAlign::Center,
                    Align::Right => TextAlign::Right,
                },
                baseline: match baseline {
                    Baseline::Top => TextBaseline::Top,
                    Baseline::Middle => TextBaseline::Middle,
                    Baseline::Bottom => TextBaseline::Bottom,
                },
            },
        }
    }
}
