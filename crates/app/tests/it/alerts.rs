//! Alerts, from rules to what they raise and publish.

use mqttwb_app::App;
use mqttwb_app::api::{
    Alert, AlertCondition, AlertPublish, AlertRule, AlertSource, ChartMeasure, DeviceState,
    DisconnectHow, ErrorCode, Target, Version,
};

use super::{config, connected, keeping, publish, received, subscribe, workbench};

fn rule(source: AlertSource, condition: AlertCondition) -> AlertRule {
    AlertRule {
        id: 0,
        name: String::new(),
        source,
        condition,
        enabled: true,
        notify: false,
        publish: None,
    }
}

fn payload(filter: &str, path: &str) -> AlertSource {
    AlertSource::Payload {
        filter: filter.into(),
        path: path.into(),
    }
}

/// The newest alert that fits, once there is one.
async fn alert(app: &App, fits: impl Fn(&Alert) -> bool) -> Alert {
    loop {
        let alerts = app.alerts().await.alerts;
        if let Some(alert) = alerts.into_iter().find(|alert| fits(alert)) {
            return alert;
        }
        tokio::task::yield_now().await;
    }
}

/// Makes a rule that watches from now on: what is published after this is judged.
async fn watch(app: &App, rule: AlertRule) -> AlertRule {
    app.alert_rule_set(rule).await.unwrap()
}

#[tokio::test]
async fn a_value_above_its_limit_raises_an_alert_with_the_values_that_did() {
    let (app, _data) = workbench().await;
    let above = AlertCondition::Above {
        limit: 4.5,
        hold_secs: 0,
    };
    let made = watch(&app, rule(payload("plant/+/data", "bar"), above)).await;
    assert_eq!(made.name, "bar of plant/+/data");
    let pump = connected(&app, config("pump-7", Version::V5, Target::Tcp)).await;
    let topic = "plant/pump-7/data";
    // Where reading begins is known once one value is seen.
    while app.alerts().await.rules[0].watched == 0 {
        publish(&app, pump, topic, r#"{"bar": 4.1}"#, 1).await;
    }
    publish(&app, pump, topic, r#"{"bar": 4.4}"#, 1).await;
    publish(&app, pump, topic, r#"{"bar": 4.6}"#, 1).await;
    let raised = alert(&app, |alert| alert.thing == topic).await;
    assert_eq!(raised.why, "4.6 is above 4.5.");
    let last: Vec<&str> = raised.data.iter().rev().take(2).map(|d| &*d.text).collect();
    assert_eq!(last, ["4.6", "4.4"]);
    assert_eq!((raised.over, raised.acknowledged), (None, false));
    assert_eq!(app.live_frame().await.alerts.waiting, 1);

    app.alerts_acknowledge(vec![raised.id]).await;
    assert_eq!(app.live_frame().await.alerts.waiting, 0);
    publish(&app, pump, topic, r#"{"bar": 4.0}"#, 1).await;
    alert(&app, |alert| alert.over.is_some()).await;
    app.close().await;
}

#[tokio::test]
async fn rules_watch_how_long_deliveries_take_and_how_many_messages_wait() {
    let (app, _data) = workbench().await;
    let above = |limit| AlertCondition::Above {
        limit,
        hold_secs: 0,
    };
    let broker = |measure, line: Option<&str>| AlertSource::Broker {
        measure,
        line: line.map(Into::into),
    };
    // Every delivery takes longer than nothing. Of four lines one is watched.
    let slow = rule(broker(ChartMeasure::Latency, Some("99 %")), above(0.0));
    let slow = watch(&app, slow).await;
    assert_eq!(slow.name, "Latency, 99 %");
    let many = watch(&app, rule(broker(ChartMeasure::Queued, None), above(2.0))).await;
    let wrong = rule(broker(ChartMeasure::Latency, Some("out")), above(0.0));
    let refused = app.alert_rule_set(wrong).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    assert!(refused.message.contains("median; 95 %"), "{refused}");

    let reader = connected(&app, keeping("reader")).await;
    subscribe(&app, reader, "plant/#", 1).await;
    let pump = connected(&app, config("pump-7", Version::V5, Target::Tcp)).await;
    let raised = loop {
        publish(&app, pump, "plant/pump-7", "1", 1).await;
        let alerts = app.alerts().await.alerts.into_iter();
        if let Some(raised) = alerts.into_iter().find(|alert| alert.rule == slow.id) {
            break raised;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(raised.thing, "99 %");
    let state = app.alerts().await;
    assert_eq!(state.rules[0].watched, 1, "{:#?}", state.rules);

    app.client_disconnect(reader, DisconnectHow::Clean)
        .await
        .unwrap();
    for n in 0..3 {
        publish(&app, pump, "plant/pump-7", &n.to_string(), 1).await;
    }
    let raised = alert(&app, |alert| alert.rule == many.id).await;
    assert_eq!(raised.thing, "waiting messages");
    // Those that it had not acknowledged yet wait too.
    assert!(raised.why.ends_with(" is above 2."), "{}", raised.why);
    app.client_connect(reader).await.unwrap();
    alert(&app, |alert| alert.rule == many.id && alert.over.is_some()).await;
    app.close().await;
}

#[tokio::test]
async fn what_an_alert_publishes_arrives_and_raises_none() {
    let (app, _data) = workbench().await;
    // It watches everything, its own topic too.
    let mut everything = rule(payload("#", ""), AlertCondition::Changed);
    everything.publish = Some(AlertPublish {
        topic: "alerts/all".into(),
        retain: false,
    });
    watch(&app, everything).await;
    let reader = connected(&app, config("reader", Version::V311, Target::Tcp)).await;
    subscribe(&app, reader, "alerts/#", 1).await;
    let pump = connected(&app, config("pump-7", Version::V5, Target::Tcp)).await;
    while app.alerts().await.rules[0].watched == 0 {
        publish(&app, pump, "plant/mode", "manual", 1).await;
    }
    publish(&app, pump, "plant/mode", "automatic", 1).await;
    let mut after = 0;
    let told = received(&app, reader, &mut after).await;
    assert_eq!(told.topic.as_deref(), Some("alerts/all"));
    let told: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(told["state"], "raised");
    assert_eq!(told["of"], "plant/mode");
    assert_eq!(told["value"], "automatic");
    // A second one comes after whatever the first might have raised.
    publish(&app, pump, "plant/mode", "manual", 1).await;
    received(&app, reader, &mut after).await;
    let state = app.alerts().await;
    assert_eq!(state.alerts.len(), 2, "{:#?}", state.alerts);
    assert_eq!(state.rules[0].watched, 1, "its own topic is not watched");
    assert_eq!(state.alerts[0].problem, None);
    app.close().await;
}

#[tokio::test]
async fn a_device_that_goes_away_raises_an_alert_that_ends_when_it_is_back() {
    let (app, _data) = workbench().await;
    let device = AlertSource::Device {
        name: "pump-*".into(),
    };
    let away = AlertCondition::State {
        state: DeviceState::Offline,
        hold_secs: 0,
    };
    watch(&app, rule(device, away)).await;
    let pump = connected(&app, config("pump-7", Version::V5, Target::Tcp)).await;
    let other = connected(&app, config("valve-1", Version::V5, Target::Tcp)).await;
    while app.alerts().await.rules[0].watched == 0 {
        tokio::task::yield_now().await;
    }
    app.client_disconnect(other, DisconnectHow::Drop)
        .await
        .unwrap();
    app.client_disconnect(pump, DisconnectHow::Drop)
        .await
        .unwrap();
    let raised = alert(&app, |_| true).await;
    assert_eq!(
        (raised.thing.as_str(), raised.why.as_str()),
        ("pump-7", "It is offline.")
    );
    app.client_connect(pump).await.unwrap();
    alert(&app, |alert| alert.over.is_some()).await;
    app.close().await;
}

#[tokio::test]
async fn rules_are_changed_removed_brought_back_and_kept() {
    let (app, data) = workbench().await;
    let silence = AlertCondition::NoData { after_secs: 60 };
    let made = watch(&app, rule(payload("plant/#", ""), silence)).await;
    let off = AlertRule {
        enabled: false,
        name: "Silence".into(),
        ..made.clone()
    };
    app.alert_rule_set(off.clone()).await.unwrap();
    let removed = app.alert_rule_remove(made.id).await.unwrap();
    assert_eq!(removed, off);
    assert!(app.alerts().await.rules.is_empty());
    app.alert_rule_set(removed).await.unwrap();
    let wrong = AlertRule {
        condition: AlertCondition::Unusual { score: 0.0 },
        ..off.clone()
    };
    let refused = app.alert_rule_set(wrong).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    app.close().await;
    drop(app);
    let again = App::open(data.path().into()).await.unwrap();
    let rules = again.alerts().await.rules;
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].rule, off, "a command that failed changed nothing");
    again.close().await;
}

#[tokio::test]
async fn what_was_raised_is_there_after_a_restart_and_nothing_is_made_up_for_the_time_between() {
    let (app, data) = workbench().await;
    let above = AlertCondition::Above {
        limit: 4.5,
        hold_secs: 0,
    };
    watch(&app, rule(payload("plant/+", ""), above)).await;
    let pump = connected(&app, config("pump-7", Version::V5, Target::Tcp)).await;
    while app.alerts().await.rules[0].watched == 0 {
        publish(&app, pump, "plant/pump-7", "4.1", 1).await;
    }
    publish(&app, pump, "plant/pump-7", "4.75", 1).await;
    let raised = alert(&app, |alert| alert.thing == "plant/pump-7").await;
    app.alerts_acknowledge(vec![raised.id]).await;
    app.close().await;
    drop(app);

    let again = App::open(data.path().to_owned()).await.unwrap();
    let state = again.alerts().await;
    let [kept] = &state.alerts[..] else {
        panic!("one alert: {state:?}");
    };
    assert_eq!(kept.data, raised.data);
    assert_eq!((kept.id, kept.acknowledged), (raised.id, true));
    assert_eq!((kept.over, kept.interrupted), (None, true));
    assert_eq!(state.rules[0].raised, 0, "nothing is known of it now");
    again.close().await;
}
