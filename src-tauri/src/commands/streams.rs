//! The streams. Each answers with its number; the page acknowledges frames and closes it by that number.

use mqttwb_app::{Result, api::*};
use tauri::{State, WebviewWindow, ipc::Channel};

use super::Bench;
use crate::pump::{Message, Pump, Views};

#[tauri::command]
pub async fn live_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    channel: Channel<Message<LiveFrame>>,
) -> Result<u32> {
    Ok(pump.live(bench.app()?.clone(), window, channel))
}

#[tauri::command]
pub async fn traffic_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    view: u32,
    tail: u32,
    channel: Channel<Message<TrafficFrame>>,
) -> Result<u32> {
    Ok(pump.traffic(bench.app()?.clone(), window.label(), view, tail, channel))
}

#[tauri::command]
pub async fn messages_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    view: u32,
    tail: u32,
    channel: Channel<Message<MessagesFrame>>,
) -> Result<u32> {
    Ok(pump.messages(bench.app()?.clone(), window.label(), view, tail, channel))
}

#[tauri::command]
pub async fn topics_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    view: u32,
    look: TopicsLook,
    channel: Channel<Message<TopicsFrame>>,
) -> Result<u32> {
    Ok(pump.topics(bench.app()?.clone(), window.label(), view, look, channel))
}

#[tauri::command]
pub async fn charts_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    views: Views,
    channel: Channel,
) -> Result<u32> {
    Ok(pump.charts(bench.app()?.clone(), window.label(), views, channel))
}

#[tauri::command]
pub fn traffic_tail(pump: State<'_, Pump>, stream: u32, rows: u32) {
    pump.tail(stream, rows);
}

#[tauri::command]
pub fn topics_look(pump: State<'_, Pump>, stream: u32, look: TopicsLook) {
    pump.look(stream, look);
}

#[tauri::command]
pub fn charts_views(pump: State<'_, Pump>, stream: u32, views: Views) {
    pump.views(stream, views);
}

#[tauri::command]
pub fn stream_acknowledge(pump: State<'_, Pump>, stream: u32, frame: u64) {
    pump.acknowledge(stream, frame);
}

#[tauri::command]
pub fn stream_close(pump: State<'_, Pump>, stream: u32) {
    pump.close(stream);
}
