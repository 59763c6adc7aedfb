//! What can be asked of charts.

use crate::api::*;
use crate::{App, Result};

impl App {
    /// The charts.
    pub async fn charts(&self) -> Vec<Chart> {
        self.charts.list()
    }

    /// Adds a chart; its `id` is given here.
    pub async fn chart_create(&self, chart: Chart) -> Result<Chart> {
        self.charts.create(chart)
    }

    /// Removes a chart. Returns it, for an undo.
    pub async fn chart_remove(&self, id: u32) -> Result<Chart> {
        self.charts.remove(id)
    }

    /// Changes title, source or window of a chart.
    pub async fn chart_update(&self, chart: Chart) -> Result<Chart> {
        self.charts.update(chart)
    }

    /// A chart, drawn as it is now. `frame` is 0; who sends it numbers it.
    pub async fn chart_frame(&self, view: ChartView) -> Result<ChartFrame> {
        self.charts.frame(view)
    }
}
