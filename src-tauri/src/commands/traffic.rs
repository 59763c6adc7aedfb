//! Packets, messages, stories and topics.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn traffic_open(bench: Bench<'_>, filter: TrafficFilter) -> Result<u32> {
    bench.app()?.traffic_open(filter).await
}

#[tauri::command]
pub async fn traffic_filter(bench: Bench<'_>, view: u32, filter: TrafficFilter) -> Result<()> {
    bench.app()?.traffic_filter(view, filter).await
}

#[tauri::command]
pub async fn traffic_close(bench: Bench<'_>, view: u32) -> Result<()> {
    bench.app()?.traffic_close(view).await
}

#[tauri::command]
pub async fn traffic_rows(
    bench: Bench<'_>,
    view: u32,
    start: u64,
    count: u32,
) -> Result<TrafficRows> {
    bench.app()?.traffic_rows(view, start, count).await
}

#[tauri::command]
pub async fn packet_detail(bench: Bench<'_>, seq: u64, whole: bool) -> Result<PacketDetail> {
    bench.app()?.packet_detail(seq, whole).await
}

#[tauri::command]
pub async fn traffic_clear(bench: Bench<'_>) -> Result<()> {
    bench.app()?.traffic_clear().await
}

#[tauri::command]
pub async fn messages_open(bench: Bench<'_>, filter: TrafficFilter) -> Result<u32> {
    bench.app()?.messages_open(filter).await
}

#[tauri::command]
pub async fn messages_filter(bench: Bench<'_>, view: u32, filter: TrafficFilter) -> Result<()> {
    bench.app()?.messages_filter(view, filter).await
}

#[tauri::command]
pub async fn messages_close(bench: Bench<'_>, view: u32) -> Result<()> {
    bench.app()?.messages_close(view).await
}

#[tauri::command]
pub async fn message_rows(
    bench: Bench<'_>,
    view: u32,
    start: u64,
    count: u32,
) -> Result<MessageRows> {
    bench.app()?.message_rows(view, start, count).await
}

#[tauri::command]
pub async fn story(bench: Bench<'_>, request: StoryRequest) -> Result<Story> {
    bench.app()?.story(request).await
}

#[tauri::command]
pub async fn flow_save(bench: Bench<'_>, name: String, svg: String) -> Result<String> {
    bench.app()?.flow_save(name, svg).await
}

#[tauri::command]
pub async fn topics_open(bench: Bench<'_>) -> Result<u32> {
    bench.app()?.topics_open().await
}

#[tauri::command]
pub async fn topics_filter(bench: Bench<'_>, view: u32, text: String) -> Result<()> {
    bench.app()?.topics_filter(view, text).await
}

#[tauri::command]
pub async fn topics_branch(bench: Bench<'_>, view: u32, node: u32, open: bool) -> Result<()> {
    bench.app()?.topics_branch(view, node, open).await
}

#[tauri::command]
pub async fn topics_open_all(bench: Bench<'_>, view: u32, node: Option<u32>) -> Result<u32> {
    bench.app()?.topics_open_all(view, node).await
}

#[tauri::command]
pub async fn topics_seek(
    bench: Bench<'_>,
    view: u32,
    from: u32,
    text: String,
) -> Result<Option<u32>> {
    bench.app()?.topics_seek(view, from, text).await
}

#[tauri::command]
pub async fn topics_close(bench: Bench<'_>, view: u32) -> Result<()> {
    bench.app()?.topics_close(view).await
}

#[tauri::command]
pub async fn topic(bench: Bench<'_>, topic: String) -> Result<TopicDetail> {
    bench.app()?.topic(topic).await
}
