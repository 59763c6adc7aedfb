//! The device board, from sessions, wills, retained messages and payloads alike.

use mqttwb_app::App;
use mqttwb_app::api::{
    ClientConfig, DeviceColumn, DeviceRow, DeviceState, DevicesLook, DisconnectHow, PublishRequest,
    Target, Version, Will,
};

use super::{config, connected, publish, workbench};

/// The row of a device, once `fits` says yes to it.
async fn row(app: &App, name: &str, fits: impl Fn(&DeviceRow) -> bool) -> DeviceRow {
    loop {
        let look = DevicesLook {
            text: name.into(),
            count: 100,
            ..DevicesLook::default()
        };
        let frame = app.devices(look).await.unwrap();
        let row = frame.rows.into_iter().find(|row| row.name == name);
        if let Some(row) = row.filter(|row| fits(row)) {
            return row;
        }
        tokio::task::yield_now().await;
    }
}

fn device(id: &str, name: &str) -> ClientConfig {
    ClientConfig {
        will: Some(Will {
            topic: format!("plant/{name}/status"),
            payload: "offline".into(),
            qos: 1,
            retain: true,
            ..Will::default()
        }),
        ..config(id, Version::V5, Target::Tcp)
    }
}

async fn say(app: &App, client: u32, topic: &str, payload: &str) {
    let request = PublishRequest {
        topic: topic.into(),
        payload: payload.into(),
        qos: 1,
        retain: true,
        ..Default::default()
    };
    app.client_publish(client, request).await.unwrap();
}

#[tokio::test]
async fn a_device_goes_offline_by_its_will_and_comes_back() {
    let (app, _data) = workbench().await;
    // The client identifier is not the device's name: the topic of the will says whose it is.
    let client = connected(&app, device("mqttjs_4711", "pump-7")).await;
    let known = row(&app, "pump-7", |row| row.state == DeviceState::Online).await;
    assert_eq!(known.client_id.as_deref(), Some("mqttjs_4711"));
    assert!(known.connected && known.peer.is_some(), "{known:?}");

    say(&app, client, "plant/pump-7/status", "online").await;
    row(&app, "pump-7", |row| {
        row.topic.is_some() && row.last_seen.is_some()
    })
    .await;

    app.client_disconnect(client, DisconnectHow::Drop)
        .await
        .unwrap();
    let gone = row(&app, "pump-7", |row| row.why.contains("will")).await;
    assert_eq!(gone.state, DeviceState::Offline);
    assert!(!gone.connected);
    assert!(
        gone.why.contains("“offline” on plant/pump-7/status"),
        "{}",
        gone.why
    );

    app.client_connect(client).await.unwrap();
    row(&app, "pump-7", |row| row.state == DeviceState::Online).await;
    app.close().await;
}

#[tokio::test]
async fn what_is_retained_of_a_device_that_left_without_a_will_is_stale() {
    let (app, _data) = workbench().await;
    let client = connected(&app, config("valve-2", Version::V5, Target::Tcp)).await;
    say(&app, client, "plant/valve-2/status", "online").await;
    let known = row(&app, "valve-2", |row| row.state == DeviceState::Online).await;
    assert_eq!(known.stale, None);
    app.client_disconnect(client, DisconnectHow::Clean)
        .await
        .unwrap();
    let gone = row(&app, "valve-2", |row| row.stale.is_some()).await;
    assert_eq!(gone.state, DeviceState::Offline, "{}", gone.why);
    app.close().await;
}

#[tokio::test]
async fn columns_show_the_last_values_and_rules_outlive_the_app() {
    let (app, data) = workbench().await;
    let mut rules = app.device_rules().await;
    assert_eq!(rules.problem, None);
    rules.columns.push(DeviceColumn {
        topic: " plant/{device}/data ".into(),
        path: "motor.rpm".into(),
        unit: "/min".into(),
        ..DeviceColumn::default()
    });
    let kept = app.device_rules_set(rules).await.unwrap();
    assert_eq!(kept.columns[0].label, "motor.rpm");

    let client = connected(&app, config("pump-7", Version::V311, Target::Tcp)).await;
    publish(
        &app,
        client,
        "plant/pump-7/data",
        r#"{"motor": {"rpm": 1480}}"#,
        1,
    )
    .await;
    let shown = row(&app, "pump-7", |row| row.values[0].is_some()).await;
    let value = shown.values[0].clone().unwrap();
    assert_eq!(
        (value.text.as_str(), value.topic.as_str()),
        ("1480", "plant/pump-7/data")
    );

    let mut wrong = kept.clone();
    wrong.columns[0].topic = "plant/+/data".into();
    let refused = app.device_rules_set(wrong).await.unwrap_err();
    assert!(refused.message.contains("{device}"), "{refused}");
    assert_eq!(
        app.device_rules().await,
        kept,
        "a command that failed changed nothing"
    );
    app.close().await;
    drop(app);

    let again = App::open(data.path().into()).await.unwrap();
    assert_eq!(again.device_rules().await, kept);
    again.close().await;
}
