//! A row for each thing, with the states that it was in: each holds until the next.

use plotters::style::text_anchor::{HPos, VPos};

use super::heat::{name, rows};
use super::plane::{FONT, RIGHT, TOP, Words, offset, seconds, width_of};
use super::{ChartDrawing, Drawn, Picture, Root};
use crate::spot::Says;
use crate::states::States;
use crate::theme::Theme;

pub fn draw(
    chart: &ChartDrawing<'_>,
    things: &[(&str, &States)],
    root: &Root<'_>,
    picture: &mut Picture,
) -> Drawn {
    let (fit, row, left) = rows(root, things.iter().map(|thing| thing.0));
    picture.hidden_rows = (things.len() - fit) as u64;
    picture.plot = Some(root.plot(left, 0.0, 1.0));
    {
        let mut plane = root.plane(left, 0.0..seconds(chart), 0.0..1.0)?;
        root.marks_below(&mut plane, left, root.times(chart, left))?;
    }
    let a_second = (f64::from(root.size.0) - left - RIGHT) / seconds(chart);
    let mut drawn = false;
    for (n, (thing, states)) in things[..fit].iter().enumerate() {
        let top = TOP + row * n as f64;
        name(root, thing, left, top + row / 2.0)?;
        for (from, to, state) in states.spans(chart.from, chart.to) {
            drawn = true;
            let x = left + offset(chart, from) * a_second;
            let width = (to.since(from).as_secs_f64() * a_second).max(1.0);
            let color = root.theme.state(state, states.number(state));
            let gap = if width > 3.0 { 1.0 } else { 0.0 };
            root.block((x, top + 1.0), (width - gap, row - 3.0), color)?;
            root.offer((x, top), (width, row), || Says::State {
                line: n,
                state: state.clone(),
                from: states.at(from).map_or(from, |began| began.at),
                until: states.after(from).map(|next| next.at),
            });
            if width_of(state, FONT) + 8.0 <= width && row >= FONT + 3.0 {
                root.words(&Words {
                    text: state,
                    at: (x + 4.0, top + row / 2.0 - 0.5),
                    size: FONT,
                    color: Theme::ink_on(color),
                    pos: (HPos::Left, VPos::Center),
                })?;
            }
        }
    }
    if drawn { Ok(()) } else { root.nothing(left) }
}
