//! Alerts.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn alerts(bench: Bench<'_>) -> Result<AlertsState> {
    Ok(bench.app()?.alerts().await)
}

#[tauri::command]
pub async fn alert_rule_set(bench: Bench<'_>, rule: AlertRule) -> Result<AlertRule> {
    bench.app()?.alert_rule_set(rule).await
}

#[tauri::command]
pub async fn alert_rule_remove(bench: Bench<'_>, id: u32) -> Result<AlertRule> {
    bench.app()?.alert_rule_remove(id).await
}

#[tauri::command]
pub async fn alerts_acknowledge(bench: Bench<'_>, ids: Vec<u64>) -> Result<()> {
    bench.app()?.alerts_acknowledge(ids).await;
    Ok(())
}
