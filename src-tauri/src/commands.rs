//! What the page can call: a line for each command of the workbench, under the same name, and the streams.
//!
//! Not here: any decision. Invariant: a command that ends well did what its name says, one that fails changed nothing.

use mqttwb_app::{Result, api::*};
use tauri::{State, WebviewWindow, ipc::Channel, ipc::Invoke};

use crate::{
    pump::{Message, Pump},
    workbench::Workbench,
};

type Bench<'a> = State<'a, Workbench>;

/// All commands.
pub fn handler() -> impl Fn(Invoke) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        about,
        broker_start,
        broker_stop,
        broker_settings,
        broker_settings_change,
        broker_settings_undo,
        broker_listener_write,
        broker_listener_remove,
        broker_sessions,
        broker_session,
        broker_disconnect,
        broker_end_session,
        broker_drop_queue,
        broker_restore_queue,
        broker_retained,
        broker_clear_retained,
        broker_restore_retained,
        snippets,
        certificates,
        device_issue,
        device_export,
        client_create,
        client_update,
        client_remove,
        client_connect,
        client_disconnect,
        client_subscribe,
        client_unsubscribe,
        client_publish,
        client_timeline,
        client_restore,
        client_run,
        client_run_stop,
        client_request,
        clients_export,
        clients_import,
        saved_messages,
        saved_message_keep,
        saved_message_forget,
        topics_like,
        traffic_open,
        traffic_filter,
        traffic_close,
        traffic_rows,
        packet_detail,
        traffic_clear,
        payload_open,
        payload_nodes,
        payload_value,
        payload_text,
        payload_bytes,
        payload_readings,
        payload_diff,
        payload_save,
        payload_newest,
        decoders,
        decoder_rule_set,
        decoder_rule_remove,
        schema_add,
        schema_remove,
        faults,
        faults_set,
        messages_open,
        messages_filter,
        messages_close,
        message_rows,
        story,
        flow_save,
        topics_open,
        topics_filter,
        topics_branch,
        topics_close,
        topic,
        charts,
        chart_create,
        chart_remove,
        chart_update,
        recordings_state,
        recordings,
        record_start,
        record_stop,
        recording_open,
        recording_close,
        recording_rename,
        recording_delete,
        recording_restore,
        recording_export,
        recording_import,
        recording_replay,
        recording_compare,
        job_cancel,
        job_pause,
        job_forget,
        live_stream,
        traffic_stream,
        traffic_tail,
        messages_stream,
        topics_stream,
        topics_look,
        chart_stream,
        chart_view,
        stream_acknowledge,
        stream_close,
    ]
}

#[tauri::command]
async fn about(bench: Bench<'_>) -> Result<About> {
    Ok(bench.app()?.about())
}

#[tauri::command]
async fn broker_start(bench: Bench<'_>, request: BrokerStart) -> Result<BrokerStatus> {
    bench.app()?.broker_start(request).await
}

#[tauri::command]
async fn broker_stop(bench: Bench<'_>) -> Result<BrokerStatus> {
    bench.app()?.broker_stop().await
}

#[tauri::command]
async fn broker_settings(bench: Bench<'_>) -> Result<ConfigReport> {
    bench.app()?.broker_settings().await
}

#[tauri::command]
async fn broker_settings_change(bench: Bench<'_>, request: ConfigChange) -> Result<ConfigChanged> {
    bench.app()?.broker_settings_change(request).await
}

#[tauri::command]
async fn broker_listener_write(bench: Bench<'_>, request: ListenerWrite) -> Result<ConfigChanged> {
    bench.app()?.broker_listener_write(request).await
}

#[tauri::command]
async fn broker_listener_remove(bench: Bench<'_>, name: String) -> Result<ConfigChanged> {
    bench.app()?.broker_listener_remove(name).await
}

#[tauri::command]
async fn broker_settings_undo(bench: Bench<'_>, undo: u32) -> Result<ConfigReport> {
    bench.app()?.broker_settings_undo(undo).await
}

#[tauri::command]
async fn broker_sessions(bench: Bench<'_>, page: PageRequest) -> Result<Page<SessionEntry>> {
    bench.app()?.broker_sessions(page).await
}

#[tauri::command]
async fn broker_session(bench: Bench<'_>, request: SessionRequest) -> Result<SessionDetail> {
    bench.app()?.broker_session(request).await
}

#[tauri::command]
async fn broker_disconnect(
    bench: Bench<'_>,
    client: String,
    reason: DisconnectReason,
) -> Result<()> {
    bench.app()?.broker_disconnect(&client, reason).await
}

#[tauri::command]
async fn broker_drop_queue(bench: Bench<'_>, client: String) -> Result<QueueDropped> {
    bench.app()?.broker_drop_queue(&client).await
}

#[tauri::command]
async fn broker_restore_queue(bench: Bench<'_>, undo: u32) -> Result<u64> {
    bench.app()?.broker_restore_queue(undo).await
}

#[tauri::command]
async fn broker_end_session(bench: Bench<'_>, client: String) -> Result<()> {
    bench.app()?.broker_end_session(&client).await
}

#[tauri::command]
async fn broker_retained(
    bench: Bench<'_>,
    filter: String,
    page: PageRequest,
) -> Result<Page<RetainedEntry>> {
    bench.app()?.broker_retained(&filter, page).await
}

#[tauri::command]
async fn broker_clear_retained(bench: Bench<'_>, filter: String) -> Result<RetainedCleared> {
    bench.app()?.broker_clear_retained(&filter).await
}

#[tauri::command]
async fn broker_restore_retained(bench: Bench<'_>, undo: u32) -> Result<RetainedRestored> {
    bench.app()?.broker_restore_retained(undo).await
}

#[tauri::command]
async fn snippets(bench: Bench<'_>, request: SnippetRequest) -> Result<Vec<Snippet>> {
    bench.app()?.snippets(request).await
}

#[tauri::command]
async fn certificates(bench: Bench<'_>) -> Result<Certificates> {
    bench.app()?.certificates().await
}

#[tauri::command]
async fn device_issue(bench: Bench<'_>, request: DeviceRequest) -> Result<Certificate> {
    bench.app()?.device_issue(request).await
}

#[tauri::command]
async fn device_export(bench: Bench<'_>, request: ExportRequest) -> Result<DeviceFolder> {
    bench.app()?.device_export(request).await
}

#[tauri::command]
async fn client_create(bench: Bench<'_>, config: ClientConfig) -> Result<TestClient> {
    bench.app()?.client_create(config).await
}

#[tauri::command]
async fn client_update(bench: Bench<'_>, id: u32, config: ClientConfig) -> Result<TestClient> {
    bench.app()?.client_update(id, config).await
}

#[tauri::command]
async fn client_remove(bench: Bench<'_>, id: u32) -> Result<ClientConfig> {
    bench.app()?.client_remove(id).await
}

#[tauri::command]
async fn client_connect(bench: Bench<'_>, id: u32) -> Result<TestClient> {
    bench.app()?.client_connect(id).await
}

#[tauri::command]
async fn client_disconnect(bench: Bench<'_>, id: u32, how: DisconnectHow) -> Result<TestClient> {
    bench.app()?.client_disconnect(id, how).await
}

#[tauri::command]
async fn client_subscribe(
    bench: Bench<'_>,
    id: u32,
    request: SubscribeRequest,
) -> Result<TestClient> {
    bench.app()?.client_subscribe(id, request).await
}

#[tauri::command]
async fn client_unsubscribe(bench: Bench<'_>, id: u32, filter: String) -> Result<TestClient> {
    bench.app()?.client_unsubscribe(id, filter).await
}

#[tauri::command]
async fn client_publish(bench: Bench<'_>, id: u32, request: PublishRequest) -> Result<()> {
    bench.app()?.client_publish(id, request).await
}

#[tauri::command]
async fn client_timeline(
    bench: Bench<'_>,
    id: u32,
    after: u64,
    count: u32,
) -> Result<Vec<TimelineEntry>> {
    bench.app()?.client_timeline(id, after, count).await
}

#[tauri::command]
async fn client_restore(bench: Bench<'_>, id: u32) -> Result<TestClient> {
    bench.app()?.client_restore(id).await
}

#[tauri::command]
async fn client_run(bench: Bench<'_>, id: u32, request: RunRequest) -> Result<TestClient> {
    bench.app()?.client_run(id, request).await
}

#[tauri::command]
async fn client_run_stop(bench: Bench<'_>, id: u32) -> Result<TestClient> {
    bench.app()?.client_run_stop(id).await
}

#[tauri::command]
async fn client_request(bench: Bench<'_>, id: u32, request: ReplyRequest) -> Result<ReplyReceived> {
    bench.app()?.client_request(id, request).await
}

#[tauri::command]
async fn clients_export(
    bench: Bench<'_>,
    ids: Vec<u32>,
    secrets: bool,
    path: Option<String>,
) -> Result<String> {
    bench.app()?.clients_export(ids, secrets, path).await
}

#[tauri::command]
async fn clients_import(bench: Bench<'_>, text: String) -> Result<Imported> {
    bench.app()?.clients_import(text).await
}

#[tauri::command]
async fn saved_messages(bench: Bench<'_>) -> Result<Vec<SavedMessage>> {
    bench.app()?.saved_messages().await
}

#[tauri::command]
async fn saved_message_keep(bench: Bench<'_>, saved: SavedMessage) -> Result<Vec<SavedMessage>> {
    bench.app()?.saved_message_keep(saved).await
}

#[tauri::command]
async fn saved_message_forget(bench: Bench<'_>, name: String) -> Result<Vec<SavedMessage>> {
    bench.app()?.saved_message_forget(name).await
}

#[tauri::command]
async fn topics_like(bench: Bench<'_>, text: String, count: u32) -> Result<Vec<String>> {
    bench.app()?.topics_like(&text, count).await
}

#[tauri::command]
async fn traffic_open(bench: Bench<'_>, filter: TrafficFilter) -> Result<u32> {
    bench.app()?.traffic_open(filter).await
}

#[tauri::command]
async fn traffic_filter(bench: Bench<'_>, view: u32, filter: TrafficFilter) -> Result<()> {
    bench.app()?.traffic_filter(view, filter).await
}

#[tauri::command]
async fn traffic_close(bench: Bench<'_>, view: u32) -> Result<()> {
    bench.app()?.traffic_close(view).await
}

#[tauri::command]
async fn traffic_rows(bench: Bench<'_>, view: u32, start: u64, count: u32) -> Result<TrafficRows> {
    bench.app()?.traffic_rows(view, start, count).await
}

#[tauri::command]
async fn packet_detail(bench: Bench<'_>, seq: u64, whole: bool) -> Result<PacketDetail> {
    bench.app()?.packet_detail(seq, whole).await
}

#[tauri::command]
async fn traffic_clear(bench: Bench<'_>) -> Result<()> {
    bench.app()?.traffic_clear().await
}

#[tauri::command]
async fn payload_open(bench: Bench<'_>, request: PayloadRequest) -> Result<PayloadOpened> {
    bench.app()?.payload_open(request).await
}

#[tauri::command]
async fn payload_nodes(
    bench: Bench<'_>,
    request: PayloadRequest,
    at: Vec<u32>,
    start: u32,
    count: u32,
) -> Result<Vec<PayloadNode>> {
    bench.app()?.payload_nodes(request, at, start, count).await
}

#[tauri::command]
async fn payload_value(bench: Bench<'_>, request: PayloadRequest, at: Vec<u32>) -> Result<String> {
    bench.app()?.payload_value(request, at).await
}

#[tauri::command]
async fn payload_text(
    bench: Bench<'_>,
    request: PayloadRequest,
    raw: bool,
    start: u64,
) -> Result<PayloadText> {
    bench.app()?.payload_text(request, raw, start).await
}

#[tauri::command]
async fn payload_bytes(
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
async fn payload_readings(
    bench: Bench<'_>,
    request: PayloadRequest,
    at: u32,
) -> Result<Vec<NumberReading>> {
    bench.app()?.payload_readings(request, at).await
}

#[tauri::command]
async fn payload_diff(bench: Bench<'_>, request: PayloadRequest) -> Result<PayloadDiff> {
    bench.app()?.payload_diff(request).await
}

#[tauri::command]
async fn payload_save(
    bench: Bench<'_>,
    request: PayloadRequest,
    expanded: bool,
) -> Result<PayloadSaved> {
    bench.app()?.payload_save(request, expanded).await
}

#[tauri::command]
async fn payload_newest(bench: Bench<'_>, topic: String, after: u64) -> Result<Option<u64>> {
    bench.app()?.payload_newest(topic, after).await
}

#[tauri::command]
async fn decoders(bench: Bench<'_>) -> Result<Decoders> {
    Ok(bench.app()?.decoders().await)
}

#[tauri::command]
async fn decoder_rule_set(bench: Bench<'_>, rule: DecoderRule) -> Result<Decoders> {
    bench.app()?.decoder_rule_set(rule).await
}

#[tauri::command]
async fn decoder_rule_remove(bench: Bench<'_>, filter: String) -> Result<Decoders> {
    bench.app()?.decoder_rule_remove(filter).await
}

#[tauri::command]
async fn schema_add(bench: Bench<'_>, file: SchemaFile) -> Result<Decoders> {
    bench.app()?.schema_add(file).await
}

#[tauri::command]
async fn schema_remove(bench: Bench<'_>, name: String) -> Result<SchemaFile> {
    bench.app()?.schema_remove(name).await
}

#[tauri::command]
async fn faults(bench: Bench<'_>) -> Result<Vec<FaultEntry>> {
    bench.app()?.faults().await
}

#[tauri::command]
async fn faults_set(bench: Bench<'_>, rules: Vec<FaultRule>) -> Result<Vec<FaultEntry>> {
    bench.app()?.faults_set(rules).await
}

#[tauri::command]
async fn messages_open(bench: Bench<'_>, filter: TrafficFilter) -> Result<u32> {
    bench.app()?.messages_open(filter).await
}

#[tauri::command]
async fn messages_filter(bench: Bench<'_>, view: u32, filter: TrafficFilter) -> Result<()> {
    bench.app()?.messages_filter(view, filter).await
}

#[tauri::command]
async fn messages_close(bench: Bench<'_>, view: u32) -> Result<()> {
    bench.app()?.messages_close(view).await
}

#[tauri::command]
async fn message_rows(bench: Bench<'_>, view: u32, start: u64, count: u32) -> Result<MessageRows> {
    bench.app()?.message_rows(view, start, count).await
}

#[tauri::command]
async fn story(bench: Bench<'_>, request: StoryRequest) -> Result<Story> {
    bench.app()?.story(request).await
}

#[tauri::command]
async fn flow_save(bench: Bench<'_>, name: String, svg: String) -> Result<String> {
    bench.app()?.flow_save(name, svg).await
}

#[tauri::command]
async fn topics_open(bench: Bench<'_>) -> Result<u32> {
    bench.app()?.topics_open().await
}

#[tauri::command]
async fn topics_filter(bench: Bench<'_>, view: u32, text: String) -> Result<()> {
    bench.app()?.topics_filter(view, text).await
}

#[tauri::command]
async fn topics_branch(bench: Bench<'_>, view: u32, node: u32, open: bool) -> Result<()> {
    bench.app()?.topics_branch(view, node, open).await
}

#[tauri::command]
async fn topics_close(bench: Bench<'_>, view: u32) -> Result<()> {
    bench.app()?.topics_close(view).await
}

#[tauri::command]
async fn topic(bench: Bench<'_>, topic: String) -> Result<TopicDetail> {
    bench.app()?.topic(topic).await
}

#[tauri::command]
async fn charts(bench: Bench<'_>) -> Result<Vec<Chart>> {
    Ok(bench.app()?.charts().await)
}

#[tauri::command]
async fn chart_create(bench: Bench<'_>, chart: Chart) -> Result<Chart> {
    bench.app()?.chart_create(chart).await
}

#[tauri::command]
async fn chart_remove(bench: Bench<'_>, id: u32) -> Result<Chart> {
    bench.app()?.chart_remove(id).await
}

#[tauri::command]
async fn chart_update(bench: Bench<'_>, chart: Chart) -> Result<Chart> {
    bench.app()?.chart_update(chart).await
}

#[tauri::command]
async fn recordings_state(bench: Bench<'_>) -> Result<RecordingsState> {
    bench.app()?.recordings_state().await
}

#[tauri::command]
async fn recordings(bench: Bench<'_>) -> Result<Vec<RecordingEntry>> {
    bench.app()?.recordings().await
}

#[tauri::command]
async fn record_start(bench: Bench<'_>, request: RecordRequest) -> Result<RecordProgress> {
    bench.app()?.record_start(request).await
}

#[tauri::command]
async fn record_stop(bench: Bench<'_>) -> Result<RecordProgress> {
    bench.app()?.record_stop().await
}

#[tauri::command]
async fn recording_open(bench: Bench<'_>, name: String) -> Result<()> {
    bench.app()?.recording_open(name).await
}

#[tauri::command]
async fn recording_close(bench: Bench<'_>) -> Result<()> {
    bench.app()?.recording_close().await
}

#[tauri::command]
async fn recording_rename(bench: Bench<'_>, name: String, renamed: String) -> Result<()> {
    bench.app()?.recording_rename(name, renamed).await
}

#[tauri::command]
async fn recording_delete(bench: Bench<'_>, name: String) -> Result<()> {
    bench.app()?.recording_delete(name).await
}

#[tauri::command]
async fn recording_restore(bench: Bench<'_>, name: String) -> Result<()> {
    bench.app()?.recording_restore(name).await
}

#[tauri::command]
async fn recording_export(bench: Bench<'_>, request: RecordingExport) -> Result<Job> {
    bench.app()?.recording_export(request).await
}

#[tauri::command]
async fn recording_import(bench: Bench<'_>, request: RecordingImport) -> Result<Job> {
    bench.app()?.recording_import(request).await
}

#[tauri::command]
async fn recording_replay(bench: Bench<'_>, request: ReplayRequest) -> Result<Job> {
    bench.app()?.recording_replay(request).await
}

#[tauri::command]
async fn recording_compare(bench: Bench<'_>, request: CompareRequest) -> Result<Job> {
    bench.app()?.recording_compare(request).await
}

#[tauri::command]
async fn job_cancel(bench: Bench<'_>, id: u32) -> Result<()> {
    bench.app()?.job_cancel(id).await
}

#[tauri::command]
async fn job_pause(bench: Bench<'_>, id: u32, pause: bool) -> Result<()> {
    bench.app()?.job_pause(id, pause).await
}

#[tauri::command]
async fn job_forget(bench: Bench<'_>, id: u32) -> Result<()> {
    bench.app()?.job_forget(id).await
}

// Streams. Each answers with its number; the page acknowledges frames and closes it by that number.

#[tauri::command]
async fn live_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    channel: Channel<Message<LiveFrame>>,
) -> Result<u32> {
    Ok(pump.live(bench.app()?.clone(), window, channel))
}

#[tauri::command]
async fn traffic_stream(
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
async fn messages_stream(
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
async fn topics_stream(
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
async fn chart_stream(
    bench: Bench<'_>,
    pump: State<'_, Pump>,
    window: WebviewWindow,
    view: ChartView,
    channel: Channel<Message<ChartFrame>>,
) -> Result<u32> {
    Ok(pump.chart(bench.app()?.clone(), window.label(), view, channel))
}

#[tauri::command]
fn traffic_tail(pump: State<'_, Pump>, stream: u32, rows: u32) {
    pump.tail(stream, rows);
}

#[tauri::command]
fn topics_look(pump: State<'_, Pump>, stream: u32, look: TopicsLook) {
    pump.look(stream, look);
}

#[tauri::command]
fn chart_view(pump: State<'_, Pump>, stream: u32, view: ChartView) {
    pump.view(stream, view);
}

#[tauri::command]
fn stream_acknowledge(pump: State<'_, Pump>, stream: u32, frame: u64) {
    pump.acknowledge(stream, frame);
}

#[tauri::command]
fn stream_close(pump: State<'_, Pump>, stream: u32) {
    pump.close(stream);
}
