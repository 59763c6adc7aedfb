//! What is in a payload, and the rules and schemas that say how it is read.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn payload_open(bench: Bench<'_>, request: PayloadRequest) -> Result<PayloadOpened> {
    bench.app()?.payload_open(request).await
}

#[tauri::command]
pub async fn payload_nodes(
    bench: Bench<'_>,
    request: PayloadRequest,
    at: Vec<u32>,
    start: u32,
    count: u32,
) -> Result<Vec<PayloadNode>> {
    bench.app()?.payload_nodes(request, at, start, count).await
}

#[tauri::command]
pub async fn payload_value(
    bench: Bench<'_>,
    request: PayloadRequest,
    at: Vec<u32>,
) -> Result<String> {
    bench.app()?.payload_value(request, at).await
}

#[tauri::command]
pub async fn payload_text(
    bench: Bench<'_>,
    request: PayloadRequest,
    raw: bool,
    start: u64,
) -> Result<PayloadText> {
    bench.app()?.payload_text(request, raw, start).await
}

#[tauri::command]
pub async fn payload_bytes(
    bench: Bench<'_>,
    request: PayloadRequest,
    expanded: bool,
    start: u32,
    count: u32,
) -> Result<PayloadBytes> {
    bench
        .app()?
        .payload_bytes(request, expanded, start, count)
        .await
}

#[tauri::command]
pub async fn payload_readings(
    bench: Bench<'_>,
    request: PayloadRequest,
    at: u32,
) -> Result<Vec<NumberReading>> {
    bench.app()?.payload_readings(request, at).await
}

#[tauri::command]
pub async fn payload_diff(bench: Bench<'_>, request: PayloadRequest) -> Result<PayloadDiff> {
    bench.app()?.payload_diff(request).await
}

#[tauri::command]
pub async fn payload_save(
    bench: Bench<'_>,
    request: PayloadRequest,
    expanded: bool,
) -> Result<PayloadSaved> {
    bench.app()?.payload_save(request, expanded).await
}

#[tauri::command]
pub async fn payload_newest(bench: Bench<'_>, topic: String, after: u64) -> Result<Option<u64>> {
    bench.app()?.payload_newest(topic, after).await
}

#[tauri::command]
pub async fn decoders(bench: Bench<'_>) -> Result<Decoders> {
    Ok(bench.app()?.decoders().await)
}

#[tauri::command]
pub async fn decoder_rule_set(bench: Bench<'_>, rule: DecoderRule) -> Result<Decoders> {
    bench.app()?.decoder_rule_set(rule).await
}

#[tauri::command]
pub async fn decoder_rule_remove(bench: Bench<'_>, filter: String) -> Result<Decoders> {
    bench.app()?.decoder_rule_remove(filter).await
}

#[tauri::command]
pub async fn schema_add(bench: Bench<'_>, file: SchemaFile) -> Result<Decoders> {
    bench.app()?.schema_add(file).await
}

#[tauri::command]
pub async fn schema_remove(bench: Bench<'_>, name: String) -> Result<SchemaFile> {
    bench.app()?.schema_remove(name).await
}
