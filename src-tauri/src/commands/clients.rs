//! Test clients and saved messages.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn client_create(bench: Bench<'_>, config: ClientConfig) -> Result<TestClient> {
    bench.app()?.client_create(config).await
}

#[tauri::command]
pub async fn client_update(bench: Bench<'_>, id: u32, config: ClientConfig) -> Result<TestClient> {
    bench.app()?.client_update(id, config).await
}

#[tauri::command]
pub async fn client_remove(bench: Bench<'_>, id: u32) -> Result<ClientConfig> {
    bench.app()?.client_remove(id).await
}

#[tauri::command]
pub async fn client_connect(bench: Bench<'_>, id: u32) -> Result<TestClient> {
    bench.app()?.client_connect(id).await
}

#[tauri::command]
pub async fn client_disconnect(
    bench: Bench<'_>,
    id: u32,
    how: DisconnectHow,
) -> Result<TestClient> {
    bench.app()?.client_disconnect(id, how).await
}

#[tauri::command]
pub async fn client_subscribe(
    bench: Bench<'_>,
    id: u32,
    request: SubscribeRequest,
) -> Result<TestClient> {
    bench.app()?.client_subscribe(id, request).await
}

#[tauri::command]
pub async fn client_unsubscribe(bench: Bench<'_>, id: u32, filter: String) -> Result<TestClient> {
    bench.app()?.client_unsubscribe(id, filter).await
}

#[tauri::command]
pub async fn client_publish(bench: Bench<'_>, id: u32, request: PublishRequest) -> Result<()> {
    bench.app()?.client_publish(id, request).await
}

#[tauri::command]
pub async fn client_timeline(
    bench: Bench<'_>,
    id: u32,
    after: u64,
    count: u32,
) -> Result<Vec<TimelineEntry>> {
    bench.app()?.client_timeline(id, after, count).await
}

#[tauri::command]
pub async fn client_restore(bench: Bench<'_>, id: u32) -> Result<TestClient> {
    bench.app()?.client_restore(id).await
}

#[tauri::command]
pub async fn client_run(bench: Bench<'_>, id: u32, request: RunRequest) -> Result<TestClient> {
    bench.app()?.client_run(id, request).await
}

#[tauri::command]
pub async fn client_run_stop(bench: Bench<'_>, id: u32) -> Result<TestClient> {
    bench.app()?.client_run_stop(id).await
}

#[tauri::command]
pub async fn client_request(
    bench: Bench<'_>,
    id: u32,
    request: ReplyRequest,
) -> Result<ReplyReceived> {
    bench.app()?.client_request(id, request).await
}

#[tauri::command]
pub async fn clients_export(
    bench: Bench<'_>,
    ids: Vec<u32>,
    secrets: bool,
    path: Option<String>,
) -> Result<String> {
    bench.app()?.clients_export(ids, secrets, path).await
}

#[tauri::command]
pub async fn clients_import(bench: Bench<'_>, text: String) -> Result<Imported> {
    bench.app()?.clients_import(text).await
}

#[tauri::command]
pub async fn saved_messages(bench: Bench<'_>) -> Result<Vec<SavedMessage>> {
    bench.app()?.saved_messages().await
}

#[tauri::command]
pub async fn saved_message_keep(
    bench: Bench<'_>,
    saved: SavedMessage,
) -> Result<Vec<SavedMessage>> {
    bench.app()?.saved_message_keep(saved).await
}

#[tauri::command]
pub async fn saved_message_forget(bench: Bench<'_>, name: String) -> Result<Vec<SavedMessage>> {
    bench.app()?.saved_message_forget(name).await
}

#[tauri::command]
pub async fn topics_like(bench: Bench<'_>, text: String, count: u32) -> Result<Vec<String>> {
    bench.app()?.topics_like(&text, count).await
}
