//! What can be asked of charts and dashboards.

use std::collections::BTreeMap;

use crate::api::*;
use crate::charts::Charts;
use crate::{App, Result, blocking};

impl App {
    /// Does what writes a file or draws a large picture where nobody waits for it.
    async fn with_charts<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Charts) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let charts = self.charts.clone();
        blocking(move || act(&charts)).await
    }

    /// The dashboards and charts.
    pub async fn charts(&self) -> ChartList {
        self.charts.list()
    }

    /// Adds a chart; its `id`, and a place where it has none, are given here.
    pub async fn chart_create(&self, chart: Chart) -> Result<Chart> {
        self.with_charts(move |charts| charts.create(chart)).await
    }

    /// Removes a chart. Returns it, for an undo.
    pub async fn chart_remove(&self, id: u32) -> Result<Chart> {
        self.with_charts(move |charts| charts.remove(id)).await
    }

    /// Changes a chart.
    pub async fn chart_update(&self, chart: Chart) -> Result<Chart> {
        self.with_charts(move |charts| charts.update(chart)).await
    }

    /// Puts charts at these places of their dashboards.
    pub async fn charts_arrange(&self, cells: BTreeMap<u32, ChartCell>) -> Result<()> {
        self.with_charts(move |charts| charts.arrange(cells)).await
    }

    /// A chart, drawn as it is now.
    pub async fn chart_frame(&self, view: ChartView) -> Result<ChartFrame> {
        self.charts.frame(view)
    }

    /// What the lines of a chart say about a time, in milliseconds since 1970.
    pub async fn chart_reading(&self, view: ChartView, at: f64) -> Result<ChartReading> {
        self.charts.reading(view, at)
    }

    /// What a chart says where somebody points: a bar, a cell, a tile or a state.
    pub async fn chart_spot(
        &self,
        view: ChartView,
        probe: ChartProbe,
    ) -> Result<Option<ChartSpot>> {
        self.charts.spot(view, probe)
    }

    /// Writes a chart into a file in the folder for downloads.
    pub async fn chart_export(&self, view: ChartView, format: ChartFormat) -> Result<ChartFile> {
        self.with_charts(move |charts| charts.export(view, format))
            .await
    }

    /// Adds a dashboard.
    pub async fn dashboard_create(&self, title: String) -> Result<Dashboard> {
        self.with_charts(move |charts| charts.board_create(&title))
            .await
    }

    /// Renames a dashboard.
    pub async fn dashboard_rename(&self, id: u32, title: String) -> Result<Dashboard> {
        self.with_charts(move |charts| charts.board_rename(id, &title))
            .await
    }

    /// Removes a dashboard with its charts. Returns it as a file holds it, for an undo.
    pub async fn dashboard_remove(&self, id: u32) -> Result<DashboardFile> {
        self.with_charts(move |charts| charts.board_remove(id))
            .await
    }

    /// Writes a dashboard into a file in the folder for downloads.
    pub async fn dashboard_export(&self, id: u32) -> Result<ChartFile> {
        self.with_charts(move |charts| charts.board_export(id))
            .await
    }

    /// Makes a dashboard out of the text of such a file.
    pub async fn dashboard_import(&self, text: String) -> Result<Dashboard> {
        self.with_charts(move |charts| charts.board_import(&text))
            .await
    }

    /// Writes a dashboard as a report into the folder for downloads.
    pub async fn dashboard_report(
        &self,
        id: u32,
        span: Option<ChartSpan>,
        theme: Theme,
        utc_offset_minutes: i32,
    ) -> Result<ChartFile> {
        self.with_charts(move |charts| charts.board_report(id, span, theme, utc_offset_minutes))
            .await
    }
}
