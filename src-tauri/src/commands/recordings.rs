//! Recordings, and the long work on them.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn recordings_state(bench: Bench<'_>) -> Result<RecordingsState> {
    bench.app()?.recordings_state().await
}

#[tauri::command]
pub async fn recordings(bench: Bench<'_>) -> Result<Vec<RecordingEntry>> {
    bench.app()?.recordings().await
}

#[tauri::command]
pub async fn record_start(bench: Bench<'_>, request: RecordRequest) -> Result<RecordProgress> {
    bench.app()?.record_start(request).await
}

#[tauri::command]
pub async fn record_stop(bench: Bench<'_>) -> Result<RecordProgress> {
    bench.app()?.record_stop().await
}

#[tauri::command]
pub async fn recording_open(bench: Bench<'_>, name: String) -> Result<()> {
    bench.app()?.recording_open(name).await
}

#[tauri::command]
pub async fn recording_close(bench: Bench<'_>) -> Result<()> {
    bench.app()?.recording_close().await
}

#[tauri::command]
pub async fn recording_rename(bench: Bench<'_>, name: String, renamed: String) -> Result<()> {
    bench.app()?.recording_rename(name, renamed).await
}

#[tauri::command]
pub async fn recording_delete(bench: Bench<'_>, name: String) -> Result<()> {
    bench.app()?.recording_delete(name).await
}

#[tauri::command]
pub async fn recording_restore(bench: Bench<'_>, name: String) -> Result<()> {
    bench.app()?.recording_restore(name).await
}

#[tauri::command]
pub async fn recording_export(bench: Bench<'_>, request: RecordingExport) -> Result<Job> {
    bench.app()?.recording_export(request).await
}

#[tauri::command]
pub async fn recording_import(bench: Bench<'_>, request: RecordingImport) -> Result<Job> {
    bench.app()?.recording_import(request).await
}

#[tauri::command]
pub async fn recording_replay(bench: Bench<'_>, request: ReplayRequest) -> Result<Job> {
    bench.app()?.recording_replay(request).await
}

#[tauri::command]
pub async fn recording_compare(bench: Bench<'_>, request: CompareRequest) -> Result<Job> {
    bench.app()?.recording_compare(request).await
}

#[tauri::command]
pub async fn job_cancel(bench: Bench<'_>, id: u32) -> Result<()> {
    bench.app()?.job_cancel(id).await
}

#[tauri::command]
pub async fn job_pause(bench: Bench<'_>, id: u32, pause: bool) -> Result<()> {
    bench.app()?.job_pause(id, pause).await
}

#[tauri::command]
pub async fn job_forget(bench: Bench<'_>, id: u32) -> Result<()> {
    bench.app()?.job_forget(id).await
}
