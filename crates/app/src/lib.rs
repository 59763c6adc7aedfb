//! The engines joined: what the window and the command line can ask of the workbench.
//!
//! Duty: wire broker, capture, test clients, certificates and charts together, and speak [`api`] at the edge.
//! Not here: protocol rules (broker), drawing (series), windows (src-tauri), arguments and printing (cli).
//! Invariant: a failed command changes nothing.

pub mod api;

use std::path::PathBuf;

use api::*;

/// The result of a command.
pub type Result<T> = std::result::Result<T, ApiError>;

/// The workbench. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct App {
    data: PathBuf,
}

#[allow(clippy::unused_async, unused_variables)]
impl App {
    /// Opens the workbench on a data folder, which is made where it is not there. The authority is made on first use.
    pub async fn open(data: PathBuf) -> Result<Self> {
        Ok(Self { data })
    }

    /// The platform's own data folder.
    pub fn default_data_folder() -> Result<PathBuf> {
        Err(unbuilt())
    }

    /// About this program.
    pub fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").into(),
            data_folder: self.data.display().to_string(),
            capture_budget: 0,
        }
    }

    /// Starts the broker.
    pub async fn broker_start(&self, request: BrokerStart) -> Result<BrokerStatus> {
        Err(unbuilt())
    }

    /// Stops the broker; its ports are free when this returns.
    pub async fn broker_stop(&self) -> Result<BrokerStatus> {
        Err(unbuilt())
    }

    /// What every page shows. `frame` is 0; who sends it numbers it.
    pub async fn live_frame(&self) -> LiveFrame {
        unimplemented!()
    }

    /// Texts to paste that connect a device.
    pub async fn snippets(&self, request: SnippetRequest) -> Result<Vec<Snippet>> {
        Err(unbuilt())
    }

    /// The authority and all that it has signed.
    pub async fn certificates(&self) -> Result<Certificates> {
        Err(unbuilt())
    }

    /// Makes a key and a certificate for a device.
    pub async fn device_issue(&self, request: DeviceRequest) -> Result<Certificate> {
        Err(unbuilt())
    }

    /// Writes the folder that a device is set up from.
    pub async fn device_export(&self, request: ExportRequest) -> Result<DeviceFolder> {
        Err(unbuilt())
    }

    /// Adds a test client.
    pub async fn client_create(&self, config: ClientConfig) -> Result<TestClient> {
        Err(unbuilt())
    }

    /// Changes a test client that is not connected.
    pub async fn client_update(&self, id: u32, config: ClientConfig) -> Result<TestClient> {
        Err(unbuilt())
    }

    /// Removes a test client; a connected one is disconnected first. Returns how it was configured, for an undo.
    pub async fn client_remove(&self, id: u32) -> Result<ClientConfig> {
        Err(unbuilt())
    }

    /// Connects a test client; returns when CONNACK came or it failed.
    pub async fn client_connect(&self, id: u32) -> Result<TestClient> {
        Err(unbuilt())
    }

    /// Ends a test client's connection.
    pub async fn client_disconnect(&self, id: u32, how: DisconnectHow) -> Result<TestClient> {
        Err(unbuilt())
    }

    /// Subscribes a test client; returns when SUBACK came.
    pub async fn client_subscribe(&self, id: u32, request: SubscribeRequest) -> Result<TestClient> {
        Err(unbuilt())
    }

    /// Ends a subscription of a test client.
    pub async fn client_unsubscribe(&self, id: u32, filter: String) -> Result<TestClient> {
        Err(unbuilt())
    }

    /// Publishes from a test client.
    pub async fn client_publish(&self, id: u32, request: PublishRequest) -> Result<()> {
        Err(unbuilt())
    }

    /// What a test client did and saw: at most `count` entries that are newer than `after`, oldest first.
    pub async fn client_timeline(
        &self,
        id: u32,
        after: u64,
        count: u32,
    ) -> Result<Vec<TimelineEntry>> {
        Err(unbuilt())
    }

    /// Opens a view on the traffic.
    pub async fn traffic_open(&self, filter: TrafficFilter) -> Result<u32> {
        Err(unbuilt())
    }

    /// Changes the filter of a view; its positions begin anew.
    pub async fn traffic_filter(&self, view: u32, filter: TrafficFilter) -> Result<()> {
        Err(unbuilt())
    }

    /// Closes a view.
    pub async fn traffic_close(&self, view: u32) -> Result<()> {
        Err(unbuilt())
    }

    /// The state of a view, with at most `tail` of its newest rows. `frame` is 0; who sends it numbers it.
    pub async fn traffic_frame(&self, view: u32, tail: u32) -> Result<TrafficFrame> {
        Err(unbuilt())
    }

    /// Rows of a view from a position on; at most 1,000.
    pub async fn traffic_rows(&self, view: u32, start: u64, count: u32) -> Result<TrafficRows> {
        Err(unbuilt())
    }

    /// Everything about one packet; `whole` for all its bytes however many they are.
    pub async fn packet_detail(&self, seq: u64, whole: bool) -> Result<PacketDetail> {
        Err(unbuilt())
    }

    /// Forgets every packet.
    pub async fn traffic_clear(&self) -> Result<()> {
        Err(unbuilt())
    }

    /// The charts.
    pub async fn charts(&self) -> Vec<Chart> {
        Vec::new()
    }

    /// Adds a chart; its `id` is given here.
    pub async fn chart_create(&self, chart: Chart) -> Result<Chart> {
        Err(unbuilt())
    }

    /// Removes a chart. Returns it, for an undo.
    pub async fn chart_remove(&self, id: u32) -> Result<Chart> {
        Err(unbuilt())
    }

    /// Changes title, source or window of a chart.
    pub async fn chart_update(&self, chart: Chart) -> Result<Chart> {
        Err(unbuilt())
    }

    /// A chart, drawn as it is now. `frame` is 0; who sends it numbers it.
    pub async fn chart_frame(&self, view: ChartView) -> Result<ChartFrame> {
        Err(unbuilt())
    }

    /// Ends everything in order: test clients, broker.
    pub async fn close(&self) {}
}

fn unbuilt() -> ApiError {
    ApiError::new(ErrorCode::Internal, "not built yet")
}
