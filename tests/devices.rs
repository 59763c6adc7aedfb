//! The device board, with real clients that come, speak, are killed and come back: from a shell and in the real window.

#![allow(clippy::unwrap_used)] // a test may fail

use std::time::{Duration, Instant};

use acceptance::broker::mqttwb;
use acceptance::process::finish;
use acceptance::{Broker, Maker, Options, Peer, Version, Way};
use serde_json::Value;

/// A turn of asking again.
const AGAIN: Duration = Duration::from_millis(50);
/// A hang becomes a failure after this.
const DEADLINE: Duration = Duration::from_secs(60);

/// A device that says it is there, and has a will that says it is not.
fn device(id: &str, version: Version, name: &str) -> Options {
    Options::new(id, version).will(&format!("plant/{name}/status"), "offline", 1, true)
}

fn devices(broker: &Broker, words: &[&str]) -> Vec<Value> {
    let mut command = mqttwb(broker.data());
    command.args(["--json", "devices"]).args(words);
    let out = finish(&mut command).success().out;
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The device of a name, once it is in a state.
fn until(broker: &Broker, name: &str, state: &str) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let all = devices(broker, &[name]);
        let found = all
            .iter()
            .find(|device| device["name"] == name && device["state"] == state);
        if let Some(found) = found {
            return found.clone();
        }
        assert!(Instant::now() < deadline, "{name} is not {state}: {all:#?}");
        std::thread::sleep(AGAIN);
    }
}

#[test]
fn a_killed_device_is_offline_by_its_will_and_online_when_it_comes_back() {
    let broker = Broker::start();
    let open = |maker, version| {
        Peer::open(
            maker,
            &broker,
            &Way::Tcp,
            device("client-4711", version, "pump-7"),
        )
    };
    let mut pump = open(Maker::Paho, Version::V5);
    pump.publish("plant/pump-7/status", "online", 1, true);
    let online = until(&broker, "pump-7", "online");
    assert_eq!(online["clientId"], "client-4711");
    assert_eq!(online["version"], "5");
    pump.kill();
    let offline = until(&broker, "pump-7", "offline");
    assert_eq!(offline["connected"], false, "{offline}");
    let back = open(Maker::MqttJs, Version::V311);
    let again = until(&broker, "pump-7", "online");
    assert_eq!(again["version"], "3.1.1", "{again}");
    back.disconnect();
}

#[test]
fn a_list_of_devices_is_filtered_sorted_and_counted() {
    let broker = Broker::start();
    let ids = ["pump-1", "pump-2", "valve-1"];
    let mut peers = ids
        .map(|id| Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, id))
        .into_iter();
    ids.iter().for_each(|id| {
        until(&broker, id, "online");
    });
    let names = |words: &[&str]| -> Vec<String> {
        let mut all = devices(&broker, words);
        let counts = all.pop().unwrap();
        assert_eq!(counts["total"], 3, "{counts}");
        all.iter()
            .map(|device| device["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&["--sort", "name", "--reverse"]),
        ["valve-1", "pump-2", "pump-1"]
    );
    assert_eq!(
        names(&["PUMP", "--sort", "name", "--limit", "1"]),
        ["pump-1"]
    );
    assert_eq!(names(&["--state", "offline"]), Vec::<String>::new());
    peers.next().unwrap().kill();
    until(&broker, "pump-1", "offline");
    assert_eq!(names(&["--state", "offline"]), ["pump-1"]);
    let told = finish(mqttwb(broker.data()).arg("devices")).success().out;
    assert!(
        told.contains("3 of 3 devices: 2 online, 1 offline"),
        "{told}"
    );
}

#[test]
fn alerts_of_the_rules_in_the_data_folder_are_printed_as_they_come() {
    let data = tempfile::tempdir().unwrap();
    let rules = serde_json::json!({
        "version": 1,
        "lastId": 1,
        "rules": [{
            "id": 1,
            "name": "A pump is away",
            "source": {"kind": "device", "name": "pump-*"},
            "condition": {"kind": "state", "state": "offline", "holdSecs": 0},
            "enabled": true,
        }],
    });
    std::fs::write(data.path().join("alerts.json"), rules.to_string()).unwrap();
    let config = data.path().join("test.toml");
    std::fs::write(
        &config,
        "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n",
    )
    .unwrap();
    let config = config.display().to_string();
    let broker = Broker::run(data, &["broker", "run", "--config", &config]);
    let pump = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "pump-7");
    // It has to be seen before it can be missed.
    let deadline = Instant::now() + DEADLINE;
    let watched = || {
        let told = finish(mqttwb(broker.data()).args(["--json", "alerts", "--rules"]))
            .success()
            .out;
        serde_json::from_str::<Value>(told.trim()).unwrap()["watched"] == 1
    };
    while !watched() {
        assert!(Instant::now() < deadline, "the device is not watched");
        std::thread::sleep(AGAIN);
    }
    pump.kill();
    let mut follow = mqttwb(broker.data());
    follow.args(["--json", "alerts", "--follow", "--count", "1"]);
    let told = finish(&mut follow).success().out;
    let alert: Value = serde_json::from_str(told.trim()).unwrap();
    assert_eq!(alert["thing"], "pump-7", "{alert}");
    assert_eq!(alert["why"], "It is offline.", "{alert}");
    let words: Vec<&Value> = alert["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["text"])
        .collect();
    assert_eq!(words, ["online", "offline"]);
}

#[cfg(target_os = "linux")] // the desktop is a bus there
mod real_window {
    use acceptance::bus::Bus;
    use acceptance::raw::Wire;
    use acceptance::screen::Window;
    use acceptance::{Maker, Peer, Version, Way};
    use fantoccini::Locator;
    use serde_json::json;

    use super::device;

    const LISTENERS: &str = "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n";

    /// Opens a tab of Sessions by its place.
    async fn tab(window: &Window, place: usize) {
        window.go("sessions").await;
        window
            .click_css(&format!(
                "[data-testid=\"session-tabs\"] button:nth-of-type({place})"
            ))
            .await;
    }

    async fn row(window: &Window, name: &str, state: &str) {
        window
            .find_css(&format!(
                "[data-testid=\"device-row\"][data-name=\"{name}\"][data-state=\"{state}\"]"
            ))
            .await;
    }

    #[tokio::test]
    async fn a_killed_device_goes_red_and_its_row_leads_to_its_traffic() {
        let (_data, window, port) = Window::running(LISTENERS).await;
        tab(&window, 1).await;
        window
            .text_of("[data-testid=\"page-sessions\"]", |text| {
                text.contains("No device yet")
            })
            .await;
        let options = device("client-4711", Version::V5, "pump-7");
        let mut pump = Peer::open_at(Maker::Paho, port, &Way::Tcp, options);
        pump.publish("plant/pump-7/status", "online", 1, true);
        row(&window, "pump-7", "online").await;
        window.screenshot("devices-online").await;
        let beside = "
            const cells = [...document.querySelectorAll('[data-testid=\"device-row\"] > [role=\"gridcell\"]')];
            return cells.map((cell) => Math.round(cell.getBoundingClientRect().left));
        ";
        let left = window.script(beside, Vec::new()).await;
        let left: Vec<i64> = serde_json::from_value(left).expect("numbers");
        assert_eq!(left.len(), 7, "no column of values yet");
        assert!(
            left.is_sorted_by(|a, b| a < b),
            "cells lie side by side: {left:?}"
        );

        pump.kill();
        row(&window, "pump-7", "offline").await;
        let red = "
            const row = document.querySelector('[data-testid=\"device-row\"][data-name=\"pump-7\"]');
            if (!row) return null;
            const probe = document.createElement('i');
            probe.style.color = 'var(--error)';
            document.body.append(probe);
            const red = getComputedStyle(probe).color;
            probe.remove();
            const state = row.querySelector('.state');
            return [getComputedStyle(state.querySelector('b')).color === red, state.title];
        ";
        window
            .until("it is red, by its will", async || {
                let told = window.script(red, Vec::new()).await;
                let will = "Its will says “offline” on plant/pump-7/status.";
                (told == json!([true, will])).then_some(())
            })
            .await;
        window.screenshot("devices-killed").await;

        // Its values have a column once there is a rule for them; what was typed stays while the board is read again.
        window.click("device-rules").await;
        window.click("device-column-add").await;
        window
            .fill("device-column-topic", "plant/{device}/data")
            .await;
        window.fill("device-column-path", "bar").await;
        window.click("device-rules-save").await;
        let address = ([127, 0, 0, 1], port).into();
        let (_, mut wire) = Wire::connect(address, Version::V5, "client-4711", false).expect("in");
        wire.publish_acknowledged(1, "plant/pump-7/data", br#"{"bar": 4.2}"#, false);
        row(&window, "pump-7", "online").await;
        let shown = "[data-testid=\"device-row\"][data-name=\"pump-7\"]";
        window.text_of(shown, |text| text.contains("4.2")).await;
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            tab(&window, 1).await;
            window.text_of(shown, |text| text.contains("4.2")).await;
            assert_eq!(
                window.accessibility_findings().await,
                Vec::<String>::new(),
                "{theme}"
            );
            window.screenshot(&format!("devices-{theme}")).await;
        }

        in_full(&window, "pump-7").await;
        window.click("device-traffic").await;
        window.find("page-traffic").await;
        window
            .text_of(
                "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]",
                |text| text.contains("client-4711"),
            )
            .await;
        tab(&window, 1).await;
        in_full(&window, "pump-7").await;
        window.click("device-flow").await;
        window
            .attribute("[data-testid=\"flow-packets\"]", "data-count", |count| {
                count.parse().is_ok_and(|count: u64| count > 0)
            })
            .await;
        tab(&window, 1).await;
        in_full(&window, "pump-7").await;
        window
            .click_css("[data-testid=\"device-detail\"] [aria-label=\"Chart bar\"]")
            .await;
        let chart = "[data-testid=\"chart\"][data-chart=\"bar of pump-7\"]";
        window
            .attribute(chart, "data-points", |points| points == "1")
            .await;
        window.close().await;
    }

    /// Opens a device in full, from its row.
    async fn in_full(window: &Window, name: &str) {
        let row = format!("[data-testid=\"device-row\"][data-name=\"{name}\"]");
        let detail = format!("[data-testid=\"device-detail\"][data-name=\"{name}\"]");
        window
            .until("the device is shown in full", async || {
                window
                    .script(
                        "document.querySelector(arguments[0])?.click()",
                        vec![json!(row)],
                    )
                    .await;
                window.page.find(Locator::Css(&detail)).await.ok()
            })
            .await;
    }

    #[tokio::test]
    async fn a_value_above_its_limit_is_told_with_its_data_and_leads_to_its_traffic() {
        let bus = Bus::start().await;
        let desktop = ("DBUS_SESSION_BUS_ADDRESS", bus.address());
        let (_data, window, port) = Window::running_with(LISTENERS, desktop).await;
        tab(&window, 2).await;
        window.click("alert-add").await;
        window.fill("alert-filter", "plant/+/data").await;
        window.fill("alert-path", "bar").await;
        window.fill("alert-limit", "4.5").await;
        window.fill("alert-name", "Pressure").await;
        let notify = "[role=\"switch\"][aria-label=\"Notification of the system\"]";
        window.click_css(notify).await;
        window
            .attribute(notify, "aria-checked", |checked| checked == "true")
            .await;
        window.click("alert-save").await;
        let rule = "[data-testid=\"alert-rule\"][data-name=\"Pressure\"]";
        window.find_css(rule).await;

        let address = ([127, 0, 0, 1], port).into();
        let (_, mut wire) = Wire::connect(address, Version::V5, "pump-7", false).expect("in");
        let mut id = 0;
        let mut send = |payload: &str| {
            id += 1;
            wire.publish_acknowledged(id, "plant/pump-7/data", payload.as_bytes(), false);
        };
        // It watches from its first tick on.
        window
            .until("the rule watches the topic", async || {
                send(r#"{"bar": 4.1}"#);
                let watches = format!("{rule}[data-watched=\"1\"]");
                window.page.find(Locator::Css(&watches)).await.ok()
            })
            .await;
        send(r#"{"bar": 4.75}"#);
        window
            .text_of("[data-testid=\"alerts-badge\"]", |text| {
                text.contains("1 alert")
            })
            .await;
        // The desktop was asked to tell it, in the same words.
        let told = window
            .until("the desktop is told", async || {
                bus.shown().into_iter().next()
            })
            .await;
        assert_eq!(
            (told.summary.as_str(), told.body.as_str()),
            ("Pressure", "plant/pump-7/data: 4.75 is above 4.5.")
        );
        let alert = "[data-testid=\"alert-row\"][data-name=\"Pressure\"]";
        window
            .find_css(&format!(
                "{alert}[data-thing=\"plant/pump-7/data\"][data-over=\"false\"]"
            ))
            .await;
        window.click("alert-open").await;
        window
            .text_of("[data-testid=\"alert-data\"]", |text| {
                text.contains("4.75") && text.contains("4.1")
            })
            .await;
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            tab(&window, 2).await;
            window.click("alert-open").await;
            window.find("alert-data").await;
            assert_eq!(
                window.accessibility_findings().await,
                Vec::<String>::new(),
                "{theme}"
            );
            window.screenshot(&format!("alerts-{theme}")).await;
        }
        window.click("alert-seen").await;
        window
            .find_css(&format!("{alert}[data-seen=\"true\"]"))
            .await;
        send(r#"{"bar": 4.0}"#);
        window
            .find_css(&format!("{alert}[data-over=\"true\"]"))
            .await;

        window.click("alert-remove").await;
        window.click("toast-action").await;
        window.find_css(rule).await;
        window.click("alert-traffic").await;
        window.find("page-traffic").await;
        window
            .text_of(
                "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]",
                |text| text.contains("plant/pump-7/data"),
            )
            .await;

        falls_silent(&window, &mut wire).await;
        let (_, mut reader) = Wire::connect(address, Version::V5, "reader", false).expect("in");
        reader.subscribe(1, "plant/+/data", 0);
        reader.flush().expect("subscribed");
        is_slow(&window, &mut wire).await;
        assert_eq!(bus.shown().len(), 1, "only one rule asks for it");
        window.close().await;
    }

    /// A rule that waits for data raises an alert when none comes, holds it with what came last, and ends it when some comes.
    async fn falls_silent(window: &Window, wire: &mut Wire) {
        tab(window, 2).await;
        window.click("alert-add").await;
        window.fill("alert-filter", "plant/+/beat").await;
        window.pick("alert-condition", "has not come").await;
        window.fill("alert-seconds", "1").await;
        window.fill("alert-name", "Silence").await;
        window.click("alert-save").await;
        let mut id = 1_000;
        let mut beat = || {
            id += 1;
            wire.publish_acknowledged(id, "plant/pump-7/beat", format!("{id}").as_bytes(), false);
            id
        };
        let watches = "[data-testid=\"alert-rule\"][data-name=\"Silence\"][data-watched=\"1\"]";
        let last = window
            .until("the rule watches the topic", async || {
                let sent = beat();
                let watched = window.page.find(Locator::Css(watches)).await;
                watched.ok().map(|_| sent)
            })
            .await;
        let raised = "[data-testid=\"alert-row\"][data-name=\"Silence\"][data-over=\"false\"]";
        let id = window
            .attribute(raised, "data-id", |id| !id.is_empty())
            .await;
        let row = format!("[data-testid=\"alert-row\"][data-id=\"{id}\"]");
        window
            .until("it shows what came last", async || {
                let data = format!("{row} [data-testid=\"alert-data\"]");
                if let Ok(data) = window.page.find(Locator::Css(&data)).await {
                    return data
                        .text()
                        .await
                        .ok()
                        .filter(|text| text.contains(&last.to_string()));
                }
                let open = format!("{row} [data-testid=\"alert-open\"]");
                window
                    .page
                    .find(Locator::Css(&open))
                    .await
                    .ok()?
                    .click()
                    .await
                    .ok()?;
                None
            })
            .await;
        window
            .find_css(&format!("{row}[data-over=\"false\"]"))
            .await;
        window.screenshot("alerts-silence").await;
        beat();
        window.find_css(&format!("{row}[data-over=\"true\"]")).await;
    }
    /// A rule watches a line of what is measured of the broker: how long deliveries take, of which some always take longer than nothing.
    async fn is_slow(window: &Window, wire: &mut Wire) {
        tab(window, 2).await;
        window.click("alert-add").await;
        window.segment("broker").await;
        window.pick("alert-measure", "Latency").await;
        window
            .text_of("[data-testid=\"alert-line\"]", |text| text.contains("99 %"))
            .await;
        window.pick("alert-line", "longest").await;
        window.fill("alert-limit", "0").await;
        window.screenshot("alerts-latency").await;
        window.click("alert-save").await;
        let rule = "[data-testid=\"alert-rule\"][data-name=\"Latency in ms, longest above 0\"]";
        window.find_css(rule).await;
        // Of the second that this comes in it is told when that is over.
        let raised = "[data-testid=\"alert-row\"][data-name=\"Latency in ms, longest above 0\"]";
        let mut id = 2_000;
        window
            .until("slow deliveries raise an alert", async || {
                id += 1;
                wire.publish_acknowledged(id, "plant/pump-7/data", b"{\"bar\": 4}", false);
                let found = window.page.find(Locator::Css(raised)).await.ok()?;
                found
                    .text()
                    .await
                    .ok()
                    .filter(|text| text.contains("longest"))
            })
            .await;
    }
}
