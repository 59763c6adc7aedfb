//! Charts.

use std::collections::BTreeMap;

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn charts(bench: Bench<'_>) -> Result<ChartList> {
    Ok(bench.app()?.charts().await)
}

#[tauri::command]
pub async fn chart_create(bench: Bench<'_>, chart: Chart) -> Result<Chart> {
    bench.app()?.chart_create(chart).await
}

#[tauri::command]
pub async fn chart_remove(bench: Bench<'_>, id: u32) -> Result<Chart> {
    bench.app()?.chart_remove(id).await
}

#[tauri::command]
pub async fn chart_update(bench: Bench<'_>, chart: Chart) -> Result<Chart> {
    bench.app()?.chart_update(chart).await
}

#[tauri::command]
pub async fn charts_arrange(bench: Bench<'_>, cells: BTreeMap<u32, ChartCell>) -> Result<()> {
    bench.app()?.charts_arrange(cells).await
}

#[tauri::command]
pub async fn chart_reading(bench: Bench<'_>, view: ChartView, at: f64) -> Result<ChartReading> {
    bench.app()?.chart_reading(view, at).await
}

#[tauri::command]
pub async fn chart_spot(
    bench: Bench<'_>,
    view: ChartView,
    probe: ChartProbe,
) -> Result<Option<ChartSpot>> {
    bench.app()?.chart_spot(view, probe).await
}

#[tauri::command]
pub async fn chart_export(
    bench: Bench<'_>,
    view: ChartView,
    format: ChartFormat,
) -> Result<ChartFile> {
    bench.app()?.chart_export(view, format).await
}

#[tauri::command]
pub async fn dashboard_create(bench: Bench<'_>, title: String) -> Result<Dashboard> {
    bench.app()?.dashboard_create(title).await
}

#[tauri::command]
pub async fn dashboard_rename(bench: Bench<'_>, id: u32, title: String) -> Result<Dashboard> {
    bench.app()?.dashboard_rename(id, title).await
}

#[tauri::command]
pub async fn dashboard_remove(bench: Bench<'_>, id: u32) -> Result<DashboardFile> {
    bench.app()?.dashboard_remove(id).await
}

#[tauri::command]
pub async fn dashboard_export(bench: Bench<'_>, id: u32) -> Result<ChartFile> {
    bench.app()?.dashboard_export(id).await
}

#[tauri::command]
pub async fn dashboard_import(bench: Bench<'_>, text: String) -> Result<Dashboard> {
    bench.app()?.dashboard_import(text).await
}

#[tauri::command]
pub async fn dashboard_report(
    bench: Bench<'_>,
    id: u32,
    span: Option<ChartSpan>,
    theme: Theme,
    utc_offset_minutes: i32,
) -> Result<ChartFile> {
    let app = bench.app()?;
    app.dashboard_report(id, span, theme, utc_offset_minutes)
        .await
}
