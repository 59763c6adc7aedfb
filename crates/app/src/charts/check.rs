//! What is wrong with a chart that somebody wants.
//!
//! Duty: check a chart's source, window and words, give it a title where it has none, and say where its values are found.
//! Not here: its place on a dashboard (`boards`), and finding the values (`feed`).

use mqttwb_model::TopicFilter;
use mqttwb_payload::Path;

use super::flow::Flow;
use super::{boards, invalid, picture};
use crate::Result;
use crate::api::{Chart, ChartKind, ChartMeasure, ChartSource};

/// What a chart can look back, in seconds; 0 stands for all of it.
const WINDOW: std::ops::RangeInclusive<u32> = 10..=DAY;
pub(super) const DAY: u32 = 24 * 60 * 60;

/// The longest title, in characters.
pub(super) const TITLE: usize = 200;

/// The longest unit and label of a threshold, in characters.
const LABEL: usize = 40;

/// Thresholds of a chart.
const THRESHOLDS: usize = 10;

/// Where a chart's values are found in packets.
pub(super) enum Parsed {
    Payload(TopicFilter, Path),
    Flow(ChartMeasure),
    Sampled,
}

/// A text without space around it, if it is not too long.
pub(super) fn short(text: &str, most: usize, what: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(invalid(format!("{what} has at most {most} characters.")));
    }
    Ok(text.to_owned())
}

/// A chart as it can be kept, and where its values come from.
pub(super) fn check(mut chart: Chart) -> Result<(Chart, Parsed)> {
    if chart.window_secs != 0 && !WINDOW.contains(&chart.window_secs) {
        return Err(invalid(format!(
            "A chart looks back from 10 seconds to 24 hours, not {} seconds.",
            chart.window_secs
        )));
    }
    let (parsed, title) = match &chart.source {
        ChartSource::Broker { measure } => {
            if chart.kind == ChartKind::States {
                return Err(invalid(
                    "What is measured of the broker has no states: choose another kind of chart."
                        .into(),
                ));
            }
            let parsed = match Flow::names(*measure) {
                Some(_) => Parsed::Flow(*measure),
                None => Parsed::Sampled,
            };
            (parsed, picture::title(*measure).to_owned())
        }
        ChartSource::Payload { filter, path } => {
            let topic = TopicFilter::try_from(filter.as_str())
                .map_err(|error| invalid(format!("“{filter}” is no topic filter: {error}")))?;
            let parsed = Path::try_from(path.as_str())
                .map_err(|error| invalid(format!("“{path}” is no path: {error}")))?;
            let title = match path.trim() {
                "" => filter.clone(),
                path => format!("{path} of {filter}"),
            };
            (Parsed::Payload(topic, parsed), title)
        }
    };
    chart.title = short(&chart.title, TITLE, "A title")?;
    if chart.title.is_empty() {
        chart.title = title.chars().take(TITLE).collect();
    }
    chart.unit = short(&chart.unit, LABEL, "A unit")?;
    if chart.thresholds.len() > THRESHOLDS {
        return Err(invalid(format!(
            "A chart has at most {THRESHOLDS} marked values."
        )));
    }
    for threshold in &mut chart.thresholds {
        threshold.label = short(&threshold.label, LABEL, "A label")?;
        if !threshold.value.is_finite() {
            return Err(invalid("A marked value is a number.".into()));
        }
    }
    boards::check_cell(&mut chart.cell);
    Ok((chart, parsed))
}
