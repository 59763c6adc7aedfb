//! What a chart says where somebody points, in the API's words.

use mqttwb_model::Timestamp;
use mqttwb_series::{Color, Says, Summary, spot};

use super::picture::{Shown, millis};
use crate::api::{ChartCount, ChartProbe, ChartSays, ChartSpot, ChartSummary, ChartView};

/// What of its picture is asked for; nothing where there are only points of lines.
pub(super) fn look(
    shown: &Shown<'_>,
    view: &ChartView,
    now: Timestamp,
    probe: ChartProbe,
) -> Option<ChartSpot> {
    let theme = view.theme.into();
    let span = shown.span(view.span, now, view.width);
    let drawing = shown.drawing(span, view.utc_offset_minutes, theme);
    let size = (view.width, view.height);
    let found = spot(&drawing, size, theme, probe.into())?;
    let lines = shown.lines();
    // A distribution that was counted already has no line of its own.
    let name = |line: usize| lines.get(line).map_or("", |(name, _)| *name).to_owned();
    let says = match found.says {
        Says::Class {
            low,
            high,
            counts,
            up_to,
            total,
        } => ChartSays::Class {
            low,
            high,
            count: counts.iter().sum(),
            counts: if counts.len() < lines.len() {
                Vec::new()
            } else {
                of_lines(&counts, name, |line| theme.line(line))
            },
            up_to,
            total,
        },
        Says::Cell {
            line,
            from,
            to,
            values,
        } => ChartSays::Cell {
            name: name(line),
            from: millis(from),
            to: millis(to),
            values: values.into(),
        },
        Says::Last {
            line,
            point,
            values,
        } => ChartSays::Last {
            name: name(line),
            color: theme.line(line).to_string(),
            at: millis(point.at),
            value: point.value,
            values: values.map(ChartSummary::from),
        },
        Says::State {
            line,
            state,
            from,
            until,
        } => {
            let states = shown.states();
            let (name, states) = states.get(line)?;
            let color = states.at(from).map(|began| states.color(began, theme));
            ChartSays::State {
                name: (*name).to_owned(),
                state: state.to_string(),
                color: color.map(|color| color.to_string()).unwrap_or_default(),
                from: millis(from),
                until: until.map(millis),
            }
        }
    };
    Some(ChartSpot {
        number: found.number as u32,
        left: found.left,
        top: found.top,
        width: found.width,
        height: found.height,
        says,
    })
}

/// How often values of each line came, without those that had none.
fn of_lines(
    counts: &[u64],
    name: impl Fn(usize) -> String,
    color: impl Fn(usize) -> Color,
) -> Vec<ChartCount> {
    let all = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    all.map(|(line, count)| ChartCount {
        name: name(line),
        color: color(line).to_string(),
        count: *count,
    })
    .collect()
}

impl From<ChartProbe> for mqttwb_series::Probe {
    fn from(probe: ChartProbe) -> Self {
        match probe {
            ChartProbe::Place { x, y } => Self::At(x, y),
            ChartProbe::Number { number } => Self::Number(number as usize),
        }
    }
}

impl From<Summary> for ChartSummary {
    fn from(summary: Summary) -> Self {
        Self {
            count: summary.count,
            min: summary.min,
            mean: summary.mean,
            max: summary.max,
        }
    }
}
