//! The authority and what it has signed.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn certificates(bench: Bench<'_>) -> Result<Certificates> {
    bench.app()?.certificates().await
}

#[tauri::command]
pub async fn device_issue(bench: Bench<'_>, request: DeviceRequest) -> Result<Certificate> {
    bench.app()?.device_issue(request).await
}

#[tauri::command]
pub async fn device_export(bench: Bench<'_>, request: ExportRequest) -> Result<DeviceFolder> {
    bench.app()?.device_export(request).await
}
