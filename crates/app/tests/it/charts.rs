//! Charts of what is counted of the broker, with clients that make it so.

use std::time::Duration;

use mqttwb_app::App;
use mqttwb_app::api::{
    BrokerStart, Chart, ChartCell, ChartKind, ChartMeasure, ChartSource, ChartView, DisconnectHow,
    PublishRequest, Target, Theme, Version,
};

use super::{LISTENERS, config, connected, keeping, publish, subscribe};

/// Between two looks at a chart, which has a point each second.
const LOOK: Duration = Duration::from_millis(50);

async fn chart(app: &App, measure: ChartMeasure) -> u32 {
    let chart = Chart {
        id: 0,
        title: String::new(),
        source: ChartSource::Broker { measure },
        kind: ChartKind::Line,
        window_secs: 0,
        unit: String::new(),
        log: false,
        thresholds: Vec::new(),
        dashboard: 0,
        cell: ChartCell::default(),
    };
    app.chart_create(chart).await.unwrap().id
}

/// Waits until a line of a chart has such a value last, or had it at most.
async fn until(app: &App, chart: u32, line: &str, fits: impl Fn(f64, f64) -> bool) {
    loop {
        let view = ChartView {
            id: chart,
            width: 400,
            height: 200,
            theme: Theme::Dark,
            utc_offset_minutes: 0,
            span: None,
        };
        let frame = app.chart_frame(view).await.unwrap();
        let shown = frame.series.iter().find(|series| series.name == line);
        if let Some((last, max)) = shown.and_then(|series| Some((series.last?, series.max?)))
            && fits(last, max)
        {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn charts_show_how_many_are_connected_what_is_retained_what_waits_and_what_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let limited = format!("[mqtt]\nmax_queued_messages = 3\n{LISTENERS}");
    std::fs::write(data.path().join("broker.toml"), limited).unwrap();
    let app = App::open(data.path().into()).await.unwrap();
    app.broker_start(BrokerStart::default()).await.unwrap();
    let connections = chart(&app, ChartMeasure::Connections).await;
    let retained = chart(&app, ChartMeasure::Retained).await;
    let waiting = chart(&app, ChartMeasure::Queued).await;
    let lost = chart(&app, ChartMeasure::Lost).await;
    until(&app, connections, "connections", |last, _| last == 0.0).await;

    let pump = connected(&app, config("pump-7", Version::V5, Target::Tcp)).await;
    let reader = connected(&app, keeping("reader")).await;
    subscribe(&app, reader, "plant/#", 1).await;
    until(&app, connections, "connections", |last, _| last == 2.0).await;

    let request = PublishRequest {
        topic: "site/name".into(),
        payload: "north".into(),
        qos: 1,
        retain: true,
        ..Default::default()
    };
    app.client_publish(pump, request).await.unwrap();
    until(&app, retained, "retained messages", |last, _| last == 1.0).await;

    // While its reader is away three messages find room, and two don't.
    app.client_disconnect(reader, DisconnectHow::Clean)
        .await
        .unwrap();
    until(&app, connections, "connections", |last, _| last == 1.0).await;
    for n in 0..5 {
        publish(&app, pump, "plant/pump-7", &n.to_string(), 1).await;
    }
    until(&app, waiting, "waiting messages", |last, _| last == 3.0).await;
    until(&app, lost, "messages dropped", |_, max| max > 0.0).await;
    app.close().await;
}
