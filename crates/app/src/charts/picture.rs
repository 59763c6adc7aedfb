//! Charts as pictures in the API's words.

use std::time::Duration;

use mqttwb_model::Timestamp;
use mqttwb_series::{Align, Baseline, ChartDrawing, Color, Series, draw};

use super::feed::{PayloadFeed, Throughput};
use crate::api::{
    Chart, ChartFrame, ChartSeries, ChartView, DrawOp, TextAlign, TextBaseline, Theme,
};

/// Messages per second as they are now.
pub(super) fn of_throughput(
    chart: &Chart,
    throughput: &Throughput,
    view: &ChartView,
    now: Timestamp,
) -> ChartFrame {
    let lines = [("in", &throughput.incoming), ("out", &throughput.outgoing)];
    frame(chart, lines.into_iter(), true, view, now)
}

/// Numbers in messages as they are now.
pub(super) fn of_payloads(
    chart: &Chart,
    feed: &PayloadFeed,
    view: &ChartView,
    now: Timestamp,
) -> ChartFrame {
    ChartFrame {
        without_number: feed.without_number,
        missed: feed.missed,
        topics_left_out: feed.topics_left_out(),
        ..frame(chart, feed.lines(), false, view, now)
    }
}

fn frame<'a>(
    chart: &Chart,
    lines: impl Iterator<Item = (&'a str, &'a Series)>,
    from_zero: bool,
    view: &ChartView,
    now: Timestamp,
) -> ChartFrame {
    let theme = view.theme.into();
    let window = Duration::from_secs(chart.window_secs.into()).as_nanos() as u64;
    let from = Timestamp(now.0.saturating_sub(window));
    let mut drawing = ChartDrawing {
        lines: Vec::new(),
        from,
        to: now,
        utc_offset_minutes: view.utc_offset_minutes,
        from_zero,
    };
    let mut series = Vec::new();
    for (n, (name, points)) in lines.enumerate() {
        let color = mqttwb_series::Theme::line(theme, n);
        let extent = points.extent(from, now);
        drawing.lines.push((points, color));
        series.push(ChartSeries {
            name: name.into(),
            color: color.to_string(),
            points: points.len() as u64,
            last: points.last().map(|point| point.value),
            min: extent.map(|(low, _)| low),
            max: extent.map(|(_, high)| high),
        });
    }
    ChartFrame {
        frame: 0,
        id: chart.id,
        ops: draw(&drawing, (view.width, view.height), theme)
            .into_iter()
            .map(DrawOp::from)
            .collect(),
        series,
        without_number: 0,
        missed: 0,
        topics_left_out: 0,
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
