//! The broker: its life, its settings, its sessions and retained messages, its faults.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn about(bench: Bench<'_>) -> Result<About> {
    Ok(bench.app()?.about())
}

#[tauri::command]
pub async fn broker_start(bench: Bench<'_>, request: BrokerStart) -> Result<BrokerStatus> {
    bench.app()?.broker_start(request).await
}

#[tauri::command]
pub async fn broker_stop(bench: Bench<'_>) -> Result<BrokerStatus> {
    bench.app()?.broker_stop().await
}

#[tauri::command]
pub async fn broker_settings(bench: Bench<'_>) -> Result<ConfigReport> {
    bench.app()?.broker_settings().await
}

#[tauri::command]
pub async fn broker_settings_change(
    bench: Bench<'_>,
    request: ConfigChange,
) -> Result<ConfigChanged> {
    bench.app()?.broker_settings_change(request).await
}

#[tauri::command]
pub async fn broker_listener_write(
    bench: Bench<'_>,
    request: ListenerWrite,
) -> Result<ConfigChanged> {
    bench.app()?.broker_listener_write(request).await
}

#[tauri::command]
pub async fn broker_listener_remove(bench: Bench<'_>, name: String) -> Result<ConfigChanged> {
    bench.app()?.broker_listener_remove(name).await
}

#[tauri::command]
pub async fn broker_settings_undo(bench: Bench<'_>, undo: u32) -> Result<ConfigReport> {
    bench.app()?.broker_settings_undo(undo).await
}

#[tauri::command]
pub async fn broker_sessions(bench: Bench<'_>, page: PageRequest) -> Result<Page<SessionEntry>> {
    bench.app()?.broker_sessions(page).await
}

#[tauri::command]
pub async fn broker_session(bench: Bench<'_>, request: SessionRequest) -> Result<SessionDetail> {
    bench.app()?.broker_session(request).await
}

#[tauri::command]
pub async fn broker_disconnect(
    bench: Bench<'_>,
    client: String,
    reason: DisconnectReason,
) -> Result<()> {
    bench.app()?.broker_disconnect(&client, reason).await
}

#[tauri::command]
pub async fn broker_drop_queue(bench: Bench<'_>, client: String) -> Result<QueueDropped> {
    bench.app()?.broker_drop_queue(&client).await
}

#[tauri::command]
pub async fn broker_restore_queue(bench: Bench<'_>, undo: u32) -> Result<u64> {
    bench.app()?.broker_restore_queue(undo).await
}

#[tauri::command]
pub async fn broker_end_session(bench: Bench<'_>, client: String) -> Result<()> {
    bench.app()?.broker_end_session(&client).await
}

#[tauri::command]
pub async fn broker_retained(
    bench: Bench<'_>,
    filter: String,
    page: PageRequest,
) -> Result<Page<RetainedEntry>> {
    bench.app()?.broker_retained(&filter, page).await
}

#[tauri::command]
pub async fn broker_clear_retained(bench: Bench<'_>, filter: String) -> Result<RetainedCleared> {
    bench.app()?.broker_clear_retained(&filter).await
}

#[tauri::command]
pub async fn broker_restore_retained(bench: Bench<'_>, undo: u32) -> Result<RetainedRestored> {
    bench.app()?.broker_restore_retained(undo).await
}

#[tauri::command]
pub async fn snippets(bench: Bench<'_>, request: SnippetRequest) -> Result<Vec<Snippet>> {
    bench.app()?.snippets(request).await
}

#[tauri::command]
pub async fn faults(bench: Bench<'_>) -> Result<Vec<FaultEntry>> {
    bench.app()?.faults().await
}

#[tauri::command]
pub async fn faults_set(bench: Bench<'_>, rules: Vec<FaultRule>) -> Result<Vec<FaultEntry>> {
    bench.app()?.faults_set(rules).await
}
