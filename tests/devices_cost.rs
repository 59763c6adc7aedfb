//! What the device board costs in the real window, and how soon it shows that a device has gone: `cargo xtask bench devices`.
//! Markdown on standard output.
//!
//! Not a test, so it is ignored unless it is asked for. Five thousand devices have a session each that is away, and a retained
//! state; a few more are connected, and killed one after the other while the board is looked at.

#![cfg(target_os = "linux")] // memory is read from /proc
#![allow(clippy::unwrap_used)] // a measurement may fail

use std::net::SocketAddr;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use acceptance::Version;
use acceptance::broker::TCP;
use acceptance::raw::{Incoming, Wire, string};
use acceptance::screen::Window;
use serde_json::json;

const DEVICES: usize = 5_000;
/// Those that are killed.
const KILLED: usize = 20;
/// How often the board is asked.
const ASKED: usize = 20;

/// Notes when a row is seen to be offline, in milliseconds since 1970.
const WATCH: &str = "
    window.red = {};
    const look = () => {
        for (const row of document.querySelectorAll('[data-testid=\"device-row\"][data-state=\"offline\"]'))
            requestAnimationFrame(() => (window.red[row.dataset.name] ??= Date.now()));
    };
    new MutationObserver(look).observe(document.body, {
        subtree: true, childList: true, attributeFilter: ['data-state', 'data-name']
    });
";

fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs_f64() * 1000.0
}

/// A device that says that it is there, and has a will that says that it is not.
fn with_will(address: SocketAddr, name: &str) -> Wire {
    let mut wire = Wire::dial(address, Version::V5).unwrap();
    let status = format!("plant/{name}/status");
    let mut body = b"\0\x04MQTT\x05".to_vec();
    body.push(0b0010_1110); // a clean start, and a will: QoS 1, retained
    body.extend([0, 0, 0]); // no keep-alive, no properties
    string(&mut body, name);
    body.push(0); // the will has no properties
    string(&mut body, &status);
    string(&mut body, "offline");
    wire.packet(0x10, &body);
    wire.flush().unwrap();
    assert!(matches!(
        wire.wait().unwrap(),
        Incoming::ConnAck { code: 0, .. }
    ));
    wire.publish_acknowledged(1, &status, b"online", true);
    wire
}

/// Fills the board with devices that were there.
fn fill(address: SocketAddr) {
    let parts = 4;
    let threads: Vec<_> = (0..parts)
        .map(|part| {
            thread::spawn(move || {
                for n in (part..DEVICES).step_by(parts) {
                    let name = format!("device-{n:04}");
                    let (_, mut wire) = Wire::connect(address, Version::V5, &name, true).unwrap();
                    let topic = format!("plant/{name}/status");
                    wire.publish_acknowledged(1, &topic, b"online", true);
                    wire.disconnect();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|each| each.join().unwrap());
}

/// The resident memory of the app, in MiB.
fn memory(window: &Window) -> u64 {
    let all = window.usage().into_values();
    let app = all.filter(|usage| usage.name.starts_with("mqtt-workbench"));
    app.map(|usage| usage.memory).sum::<u64>() / 1024
}

fn spread(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    format!("{:.0} | {:.0}", at(0.5), at(1.0))
}

async fn board(window: &Window) {
    window.go("sessions").await;
    window
        .click_css("[data-testid=\"session-tabs\"] button:nth-of-type(1)")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: cargo xtask bench devices"]
async fn devices_in_the_window() {
    let (_data, window, port) = Window::running(TCP).await;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let before = memory(&window);
    tokio::task::spawn_blocking(move || fill(address))
        .await
        .unwrap();
    let filled = memory(&window);

    let look = json!({"look": {"text": "", "stale": false, "order": "name", "descending": false, "from": 0, "count": 100}});
    let (frame, first) = window.asked("devices", look.clone()).await;
    assert_eq!(frame["total"], DEVICES, "{}", frame["total"]);
    let mut times = Vec::new();
    for _ in 0..ASKED {
        // The board is read anew when it is older than a fifth of a second.
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        times.push(window.asked("devices", look.clone()).await.1);
    }
    let asked = memory(&window);

    board(&window).await;
    window.fill("device-filter", "pump-").await;
    window.script(WATCH, Vec::new()).await;
    let (_, mut watcher) = Wire::connect(address, Version::V5, "watcher", false).unwrap();
    watcher.subscribe(1, "plant/+/status", 0);
    watcher.flush().unwrap();
    let mut delays = Vec::new();
    for n in 0..KILLED {
        let name = format!("pump-{n:02}");
        let device = with_will(address, &name);
        let row = format!("[data-testid=\"device-row\"][data-name=\"{name}\"]");
        window
            .find_css(&format!("{row}[data-state=\"online\"]"))
            .await;
        drop(device);
        let said = loop {
            if let Incoming::Publish { topic, payload, .. } = watcher.wait().unwrap()
                && topic == format!("plant/{name}/status")
                && payload == b"offline"
            {
                break now_ms();
            }
        };
        let seen = window
            .until("the device goes red", async || {
                let red = "return window.red[arguments[0]] ?? null";
                window.script(red, vec![json!(name)]).await.as_f64()
            })
            .await;
        delays.push(seen - said);
    }
    for theme in ["light", "dark"] {
        window.theme(theme).await;
        board(&window).await;
        window.find("device-row").await;
        window.screenshot(&format!("devices-cost-{theme}")).await;
    }
    window.close().await;

    println!("\n| the device board with {DEVICES} devices, in the window | middle | worst |");
    println!("|---|---:|---:|");
    println!("| the first look, ms | {first:.0} | |");
    println!("| a further look, ms | {} |", spread(times));
    println!(
        "| from the will of a killed device to its red row, ms | {} |",
        spread(delays)
    );
    println!("| memory of the app, MiB: the broker started | {before} | |");
    println!("| – with the sessions and retained messages of the devices | {filled} | |");
    println!("| – and the board of them | {asked} | |");
}
