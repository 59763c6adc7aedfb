//! Charts.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn charts(bench: Bench<'_>) -> Result<Vec<Chart>> {
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
