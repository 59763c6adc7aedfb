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

mod real_window {
    use acceptance::raw::{Publish, Wire};
    use acceptance::screen::Window;
    use acceptance::{Maker, Peer, Version, Way};
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
        wire.publish(Publish {
            topic: "plant/pump-7/data",
            payload: br#"{"bar": 4.2}"#,
            qos: 1,
            id: 1,
            dup: false,
            retain: false,
        });
        wire.flush().expect("the broker takes it");
        wire.wait().expect("the broker acknowledges it");
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

        window
            .until("the device is shown in full", async || {
                window
                    .script(
                        "document.querySelector(arguments[0])?.click()",
                        vec![json!(shown)],
                    )
                    .await;
                let detail = fantoccini::Locator::Css(
                    "[data-testid=\"device-detail\"][data-name=\"pump-7\"]",
                );
                window.page.find(detail).await.ok()
            })
            .await;
        window.click("device-traffic").await;
        window.find("page-traffic").await;
        window
            .text_of(
                "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]",
                |text| text.contains("client-4711"),
            )
            .await;
        window.close().await;
    }
}
