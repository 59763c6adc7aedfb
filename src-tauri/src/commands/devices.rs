//! The device board.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn devices(bench: Bench<'_>, look: DevicesLook) -> Result<DevicesFrame> {
    bench.app()?.devices(look).await
}

#[tauri::command]
pub async fn device_rules(bench: Bench<'_>) -> Result<DeviceRules> {
    Ok(bench.app()?.device_rules().await)
}

#[tauri::command]
pub async fn device_rules_set(bench: Bench<'_>, rules: DeviceRules) -> Result<DeviceRules> {
    bench.app()?.device_rules_set(rules).await
}
