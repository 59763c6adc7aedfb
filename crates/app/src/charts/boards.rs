//! Dashboards: their grids, and dashboards as files.

use std::collections::BTreeMap;

use super::check::{TITLE, short};
use super::{Charts, DASHBOARDS, State, invalid};
use crate::Result;
use crate::api::{ApiError, Chart, ChartCell, ChartList, Dashboard, DashboardFile, ErrorCode};

/// Columns of the grid.
const COLUMNS: u32 = 12;
/// Rows of the grid, further than anyone scrolls.
const ROWS: u32 = 1_000;
/// A chart is this large at least, and where nothing else is said.
const LEAST: (u32, u32) = (2, 3);
const USUAL: (u32, u32) = (6, 7);
/// A dashboard in a file holds at most so many bytes.
const FILE: usize = 1024 * 1024;
/// The format of a dashboard in a file.
const FORMAT: u32 = 1;

pub(super) fn first_cell() -> ChartCell {
    ChartCell {
        x: 0,
        y: 0,
        w: USUAL.0,
        h: USUAL.1,
    }
}

/// Keeps a cell within the grid.
pub(super) fn check_cell(cell: &mut ChartCell) {
    if cell.w == 0 {
        return; // it has no place yet
    }
    cell.w = cell.w.clamp(LEAST.0, COLUMNS);
    cell.x = cell.x.min(COLUMNS - cell.w);
    cell.h = cell.h.clamp(LEAST.1, 40);
    cell.y = cell.y.min(ROWS);
}

fn overlap(a: ChartCell, b: ChartCell) -> bool {
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

/// Gives a chart a dashboard and, where it has none, a place: the first that is free, row by row.
pub(super) fn place(chart: &mut Chart, state: &State) -> Result<()> {
    if chart.dashboard == 0 {
        chart.dashboard = state.dashboards.first().map_or(1, |board| board.id);
    }
    let id = chart.dashboard;
    if !state.dashboards.iter().any(|board| board.id == id) {
        return Err(not_found(id));
    }
    if chart.cell.w != 0 {
        return Ok(());
    }
    let taken: Vec<ChartCell> = state
        .charts
        .values()
        .map(|charted| &charted.chart)
        .filter(|other| other.dashboard == id && other.id != chart.id)
        .map(|other| other.cell)
        .collect();
    let below = taken.iter().map(|cell| cell.y + cell.h).max().unwrap_or(0);
    let places = (0..=below).flat_map(|y| (0..=COLUMNS - USUAL.0).map(move |x| (x, y)));
    chart.cell = places
        .map(|(x, y)| ChartCell {
            x,
            y,
            ..first_cell()
        })
        .find(|cell| !taken.iter().any(|other| overlap(*cell, *other)))
        .unwrap_or(ChartCell {
            y: below,
            ..first_cell()
        });
    Ok(())
}

fn not_found(id: u32) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("There is no dashboard {id}."))
}

impl Charts {
    /// Adds a dashboard.
    pub fn board_create(&self, title: &str) -> Result<Dashboard> {
        let title = board_title(title)?;
        let board = {
            let mut state = self.state.lock();
            add(&mut state, title)?
        };
        self.save()?;
        Ok(board)
    }

    /// Renames a dashboard.
    pub fn board_rename(&self, id: u32, title: &str) -> Result<Dashboard> {
        let title = board_title(title)?;
        let renamed = {
            let mut state = self.state.lock();
            let mut boards = state.dashboards.iter_mut();
            let board = boards.find(|board| board.id == id);
            let board = board.ok_or_else(|| not_found(id))?;
            board.title = title;
            board.clone()
        };
        self.save()?;
        Ok(renamed)
    }

    /// Removes a dashboard with its charts. Returns them, for an undo. The last one stays.
    pub fn board_remove(&self, id: u32) -> Result<DashboardFile> {
        let file = self.board_file(id)?;
        {
            let mut state = self.state.lock();
            if state.dashboards.len() == 1 {
                return Err(ApiError::new(
                    ErrorCode::WrongState,
                    "The last dashboard can't be removed.",
                )
                .hint("Add another one first, or remove its charts."));
            }
            state.dashboards.retain(|board| board.id != id);
            state
                .charts
                .retain(|_, charted| charted.chart.dashboard != id);
        }
        self.save()?;
        Ok(file)
    }

    /// A dashboard as a file holds it.
    pub fn board_file(&self, id: u32) -> Result<DashboardFile> {
        let ChartList {
            dashboards, charts, ..
        } = self.list();
        let board = dashboards.into_iter().find(|board| board.id == id);
        Ok(DashboardFile {
            mqttwb_dashboard: FORMAT,
            title: board.ok_or_else(|| not_found(id))?.title,
            charts: charts
                .into_iter()
                .filter(|chart| chart.dashboard == id)
                .collect(),
        })
    }

    /// Makes a dashboard out of a file: whole or not at all.
    pub fn board_import(&self, text: &str) -> Result<Dashboard> {
        if text.len() > FILE {
            return Err(invalid(
                "This file is larger than a dashboard can be, which is 1 MiB.".into(),
            ));
        }
        let file: DashboardFile = serde_json::from_str(text).map_err(|error| {
            invalid(format!("This file is no dashboard: {error}."))
                .hint("A dashboard is exported from the Charts page as JSON.")
        })?;
        if file.mqttwb_dashboard != FORMAT {
            return Err(invalid(format!(
                "This dashboard is of format {}, and this version knows format {FORMAT}.",
                file.mqttwb_dashboard
            )));
        }
        let title = board_title(&file.title)?;
        for chart in &file.charts {
            super::check(chart.clone())?;
        }
        let board = add(&mut self.state.lock(), title)?;
        for chart in file.charts {
            let chart = Chart {
                dashboard: board.id,
                ..chart
            };
            if let Err(error) = self.add(chart) {
                let mut state = self.state.lock();
                state.dashboards.retain(|other| other.id != board.id);
                state
                    .charts
                    .retain(|_, charted| charted.chart.dashboard != board.id);
                return Err(error);
            }
        }
        self.save()?;
        Ok(board)
    }

    /// Puts charts at these places, all at once. A chart that is gone meanwhile is passed over.
    pub fn arrange(&self, cells: BTreeMap<u32, ChartCell>) -> Result<()> {
        {
            let mut state = self.state.lock();
            for (id, mut cell) in cells {
                check_cell(&mut cell);
                if let Some(charted) = state.charts.get_mut(&id).filter(|_| cell.w > 0) {
                    charted.chart.cell = cell;
                }
            }
        }
        self.save()
    }
}

fn board_title(title: &str) -> Result<String> {
    let title = short(title, TITLE, "A title")?;
    if title.is_empty() {
        return Err(invalid("A dashboard needs a title.".into()));
    }
    Ok(title)
}

fn add(state: &mut State, title: String) -> Result<Dashboard> {
    if state.dashboards.len() >= DASHBOARDS {
        return Err(invalid(format!(
            "There are {DASHBOARDS} dashboards already, which is the most there can be."
        )));
    }
    let last = state.dashboards.iter().map(|board| board.id).max();
    let board = Dashboard {
        id: last.unwrap_or(0) + 1,
        title,
    };
    state.dashboards.push(board.clone());
    Ok(board)
}
