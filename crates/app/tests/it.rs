//! The workbench from its facade: test clients on the embedded broker, and the texts to paste.

#![allow(clippy::unwrap_used)] // a test may fail

#[path = "it/alerts.rs"]
mod alerts;
#[path = "it/charts.rs"]
mod charts;
#[path = "it/clients.rs"]
mod clients;
#[path = "it/devices.rs"]
mod devices;
#[path = "it/open_listeners.rs"]
mod open_listeners;
#[path = "it/properties.rs"]
mod properties;

use mqttwb_app::App;
use mqttwb_app::api::{
    BrokerStart, ClientConfig, ClientState, ConfigChange, ConfigReport, DeviceRequest,
    DisconnectHow, ErrorCode, ListenerWrite, PayloadEncoding, Protocol, PublishRequest, Setting,
    SnippetRequest, SubscribeRequest, Target, TestClient, TimelineEntry, TimelineKind, Version,
    Will,
};
use mqttwb_testkit::{LISTENERS, TestBroker};
use tempfile::TempDir;

async fn workbench() -> (App, TempDir) {
    TestBroker::start().await.into_parts()
}

fn config(id: &str, version: Version, target: Target) -> ClientConfig {
    ClientConfig {
        client_id: id.into(),
        version,
        target,
        keep_alive: 0,
        clean_start: true,
        session_expiry: 0,
        ..ClientConfig::default()
    }
}

/// A client whose session is kept while it is away.
fn keeping(id: &str) -> ClientConfig {
    ClientConfig {
        clean_start: false,
        session_expiry: 600,
        ..config(id, Version::V5, Target::Tcp)
    }
}

async fn connected(app: &App, config: ClientConfig) -> u32 {
    let id = app.client_create(config).await.unwrap().id;
    let client = app.client_connect(id).await.unwrap();
    assert_eq!(client.state, ClientState::Connected, "{client:?}");
    id
}

async fn subscribe(app: &App, id: u32, filter: &str, qos: u8) -> TestClient {
    let request = SubscribeRequest {
        filter: filter.into(),
        qos,
        ..Default::default()
    };
    app.client_subscribe(id, request).await.unwrap()
}

async fn publish(app: &App, id: u32, topic: &str, payload: &str, qos: u8) {
    let request = PublishRequest {
        topic: topic.into(),
        payload: payload.into(),
        encoding: PayloadEncoding::Text,
        qos,
        retain: false,
        ..Default::default()
    };
    app.client_publish(id, request).await.unwrap();
}

/// The next message that a client has received after an entry.
async fn received(app: &App, id: u32, after: &mut u64) -> TimelineEntry {
    loop {
        for entry in app.client_timeline(id, *after, 100).await.unwrap() {
            *after = entry.seq;
            if entry.kind == TimelineKind::Received {
                return entry;
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn test_clients_talk_over_tcp_and_mutual_tls_in_both_versions() {
    let (app, _data) = workbench().await;
    let device = DeviceRequest {
        name: "pump-7".into(),
        days: 1,
        ..DeviceRequest::default()
    };
    app.device_issue(device).await.unwrap();
    for version in [Version::V311, Version::V5] {
        let over_tls = Target::MutualTls {
            device: "pump-7".into(),
        };
        let subscriber = connected(&app, config("subscriber", version, Target::Tcp)).await;
        let publisher = connected(&app, config("pump-7", version, over_tls)).await;
        let client = subscribe(&app, subscriber, "plant/#", 2).await;
        assert_eq!(client.subscriptions[0].granted, Some(2));
        let mut after = 0;
        for qos in 0..=2 {
            publish(&app, publisher, "plant/pump", "21.5", qos).await;
            let entry = received(&app, subscriber, &mut after).await;
            assert_eq!(entry.qos, Some(qos));
            assert_eq!(entry.text, "21.5");
            assert_eq!(entry.topic.as_deref(), Some("plant/pump"));
        }
        for id in [subscriber, publisher] {
            let client = app
                .client_disconnect(id, DisconnectHow::Clean)
                .await
                .unwrap();
            assert_eq!(client.state, ClientState::Disconnected);
        }
    }
    app.close().await;
}

#[tokio::test]
async fn the_will_of_a_dropped_client_appears() {
    let (app, _data) = workbench().await;
    for version in [Version::V311, Version::V5] {
        let watcher = connected(&app, config("watcher", version, Target::Tcp)).await;
        subscribe(&app, watcher, "will/#", 1).await;
        let with_will = |topic: &str| ClientConfig {
            will: Some(Will {
                topic: topic.into(),
                payload: "gone".into(),
                qos: 1,
                retain: false,
                ..Default::default()
            }),
            ..config(topic, version, Target::Tcp)
        };
        let polite = connected(&app, with_will("will/polite")).await;
        app.client_disconnect(polite, DisconnectHow::Clean)
            .await
            .unwrap();
        let rude = connected(&app, with_will("will/rude")).await;
        app.client_disconnect(rude, DisconnectHow::Drop)
            .await
            .unwrap();
        let entry = received(&app, watcher, &mut 0).await;
        assert_eq!(entry.topic.as_deref(), Some("will/rude"));
        app.client_remove(watcher).await.unwrap();
    }
    app.close().await;
}

#[tokio::test]
async fn a_client_of_a_broker_that_is_stopped_fails_with_a_reason() {
    let (app, _data) = workbench().await;
    let id = connected(&app, config("client", Version::V5, Target::Tcp)).await;
    app.broker_stop().await.unwrap();
    let client = loop {
        let frame = app.live_frame().await;
        let client = frame.test_clients.into_iter().next().unwrap();
        if client.state != ClientState::Connected {
            break client;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(client.state, ClientState::Failed);
    assert!(client.failure.is_some());
    // Without a broker there is nowhere to connect to.
    let error = app.client_connect(id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongState);
    app.close().await;
}

#[tokio::test]
async fn there_are_texts_to_paste_for_every_listener() {
    let (app, data) = workbench().await;
    let device = DeviceRequest {
        name: "pump-7".into(),
        days: 1,
        ..DeviceRequest::default()
    };
    app.device_issue(device).await.unwrap();
    for (listener, device, tools) in [
        (
            "tcp",
            None,
            vec!["mosquitto_pub", "Python", "JavaScript", "ESP32"],
        ),
        (
            "tls",
            Some("pump-7"),
            vec!["mosquitto_pub", "Python", "JavaScript", "ESP32"],
        ),
        ("ws", None, vec!["Python", "JavaScript"]),
    ] {
        let request = SnippetRequest {
            listener: listener.into(),
            device: device.map(str::to_owned),
        };
        let snippets = app.snippets(request).await.unwrap();
        let made: Vec<&str> = snippets.iter().map(|s| s.tool.as_str()).collect();
        assert_eq!(made, tools, "{listener}");
        if device.is_some() {
            let folder = data.path().join("exports/pump-7");
            let key = folder.join("pump-7.key").display().to_string();
            assert!(snippets[0].text.contains(&key), "{}", snippets[0].text);
        }
    }
    app.close().await;
}

fn change(key: &str, value: &str) -> ConfigChange {
    ConfigChange {
        key: key.into(),
        value: Some(value.into()),
    }
}

fn setting(report: &ConfigReport, key: &str) -> Setting {
    let mut settings = report.settings.iter();
    settings.find(|s| s.key == key).unwrap().clone()
}

#[tokio::test]
async fn a_setting_is_written_taken_by_the_broker_that_runs_and_taken_back() {
    let (app, data) = workbench().await;
    let file = data.path().join("broker.toml");
    let key = "limits.connections";
    let default = setting(&app.broker_config(), key).text;
    let changed = app.broker_settings_change(change(key, "7")).await.unwrap();
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, format!("{LISTENERS}\n[limits]\nconnections = 7\n"));
    assert!(
        !changed.report.restart,
        "a limit is taken without a restart"
    );
    assert!(setting(&changed.report, key).line.is_some());
    assert_eq!(
        setting(&app.broker_config(), key).text.as_deref(),
        Some("7")
    );

    let wrong = app.broker_settings_change(change(key, "many")).await;
    assert_eq!(wrong.unwrap_err().code, ErrorCode::InvalidInput);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);

    let undo = changed.undo.unwrap();
    app.broker_settings_undo(undo).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), LISTENERS);
    assert_eq!(setting(&app.broker_config(), key).text, default);
}

#[tokio::test]
async fn what_needs_a_restart_is_said_until_there_was_one() {
    let (app, _data) = workbench().await;
    let key = "mqtt.shared_strategy";
    let changed = app.broker_settings_change(change(key, "random")).await;
    let report = changed.unwrap().report;
    assert!(report.restart);
    let before = setting(&report, key);
    assert_eq!(before.text.as_deref(), Some("random"));
    assert_eq!(before.runs, before.default_text);

    app.broker_stop().await.unwrap();
    app.broker_start(BrokerStart::default()).await.unwrap();
    let report = app.broker_settings().await.unwrap();
    assert!(!report.restart);
    assert_eq!(setting(&report, key).runs, None);
}

#[tokio::test]
async fn a_change_is_not_taken_back_over_what_somebody_wrote_since() {
    let (app, data) = workbench().await;
    let file = data.path().join("broker.toml");
    let request = ConfigChange {
        key: "access.anonymous".into(),
        value: Some("false".into()),
    };
    let changed = app.broker_settings_change(request).await.unwrap();
    let by_hand = std::fs::read_to_string(&file).unwrap() + "# mine\n";
    std::fs::write(&file, &by_hand).unwrap();
    let refused = app.broker_settings_undo(changed.undo.unwrap()).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::WrongState);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), by_hand);
}

#[tokio::test]
async fn the_first_change_makes_the_file_and_its_undo_takes_it_away() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("broker.toml");
    let app = App::open(data.path().into()).await.unwrap();
    let request = ConfigChange {
        key: "mqtt.when_queue_full".into(),
        value: Some("refuse".into()),
    };
    let changed = app.broker_settings_change(request).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "[mqtt]\nwhen_queue_full = \"refuse\"\n"
    );
    app.broker_settings_undo(changed.undo.unwrap())
        .await
        .unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn a_listener_is_added_opened_at_the_next_start_and_taken_back() {
    let (app, data) = workbench().await;
    let file = data.path().join("broker.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let running = app.broker_status().listeners.len();
    let request = ListenerWrite {
        was: None,
        name: "more".into(),
        bind: "127.0.0.1:0".into(),
        protocol: Protocol::Ws,
        client_cert: None,
    };
    let added = app.broker_listener_write(request).await.unwrap();
    assert!(added.report.restart, "it is opened at the next start");
    assert_eq!(app.broker_status().listeners.len(), running);
    app.broker_stop().await.unwrap();
    app.broker_start(BrokerStart::default()).await.unwrap();
    let status = app.broker_status();
    assert!(
        status
            .listeners
            .iter()
            .any(|l| l.name == "more" && l.listening)
    );

    let removed = app.broker_listener_remove("more".into()).await.unwrap();
    assert!(removed.report.restart, "it listens until then");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    app.broker_settings_undo(removed.undo.unwrap())
        .await
        .unwrap();
    let report = app.broker_settings_undo(added.undo.unwrap()).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert!(report.restart);
    app.close().await;
}
