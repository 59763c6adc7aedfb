//! What charts cost in the real window: `cargo xtask bench charts`. Markdown on standard output.
//!
//! Not a test, so it is ignored unless it is asked for. Eight charts of four lines of 3,600 points stand on one screen and
//! follow, and ten values a second come to each line; the processor time is that of the app and of the processes of its page, and of no others.
//! Once the points are those of the last six minutes, which takes six minutes; once they came in seconds and the charts show all that is
//! kept, a window that grows quickly and so has to be drawn anew as a whole every few frames.

#![cfg(target_os = "linux")] // processor times are read from /proc
#![allow(clippy::unwrap_used)] // a measurement may fail

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use acceptance::Version;
use acceptance::broker::TCP;
use acceptance::raw::{Publish, Wire};
use acceptance::screen::Window;
use serde_json::json;

const CHARTS: u32 = 8;
const LINES: u32 = 4;
const POINTS: u32 = 3_600;
/// From one frame to the next.
const FRAME: Duration = Duration::from_millis(100);
/// For how long the frames are counted.
const MEASURED: Duration = Duration::from_secs(30);

/// Counts the frames of each chart that are drawn: each one has points that the one before did not have.
const COUNT: &str = "
    window.drawn = new Map();
    new MutationObserver((changes) => {
        for (const { target } of changes)
            if (target.dataset.testid === 'chart-canvas')
                window.drawn.set(target, (window.drawn.get(target) ?? 0) + 1);
    }).observe(document.body, { subtree: true, attributeFilter: ['data-points'] });
";
const COUNTED: &str = "return [...window.drawn.values()]";

fn publish(wire: &mut Wire, n: u32) {
    for chart in 0..CHARTS {
        for line in 0..LINES {
            let turn = f64::from(n) / 40.0 + f64::from(line);
            let value = turn.sin() * 5.0 + (turn * 7.7).cos();
            wire.publish(Publish {
                topic: &format!("cost/{chart}/{line}"),
                payload: format!("{value:.3}").as_bytes(),
                qos: 1,
                id: (chart * LINES + line + 1) as u16,
                dup: false,
                retain: false,
            });
        }
    }
    wire.flush().unwrap();
    for _ in 0..CHARTS * LINES {
        wire.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: cargo xtask bench charts"]
async fn charts_in_the_window_of_six_minutes() {
    let minutes = FRAME * POINTS;
    measure("of the last six minutes", minutes.as_secs(), FRAME).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: cargo xtask bench charts"]
async fn charts_in_the_window_of_all_that_is_kept() {
    measure("that came at once, of all that is kept", 0, Duration::ZERO).await;
}

/// Measures charts of a window of so many seconds, whose points come one after the other at this distance.
async fn measure(which: &str, window_secs: u64, apart: Duration) {
    let (_data, window, port) = Window::running(TCP).await;
    window.asked("chart_remove", json!({"id": 1})).await;
    for n in 0..CHARTS {
        let chart = json!({
            "id": 0, "title": format!("Cost {n}"), "kind": "line", "windowSecs": window_secs, "unit": "", "log": false,
            "source": {"kind": "payload", "filter": format!("cost/{n}/+"), "path": ""}, "thresholds": [], "dashboard": 0,
            "cell": {"x": n % 4 * 3, "y": n / 4 * 8, "w": 3, "h": 8},
        });
        window.asked("chart_create", json!({"chart": chart})).await;
    }
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let (_, mut wire) = Wire::connect(address, Version::V5, "cost", false).unwrap();
    let begin = Instant::now();
    for n in 0..POINTS {
        publish(&mut wire, n);
        thread::sleep((apart * (n + 1)).saturating_sub(begin.elapsed()));
    }
    window.go("charts").await;
    // A value comes to every line between two frames, so none of them is like the one before.
    let (ended, end) = mpsc::channel::<()>();
    let live = thread::spawn(move || {
        let mut n = POINTS;
        while end.recv_timeout(FRAME) == Err(mpsc::RecvTimeoutError::Timeout) {
            publish(&mut wire, n);
            n += 1;
        }
        wire.disconnect();
    });
    for n in 0..CHARTS {
        let chart = format!("[data-testid=\"chart\"][data-chart=\"Cost {n}\"]");
        window
            .attribute(&chart, "data-points", |points| {
                points
                    .parse::<u32>()
                    .is_ok_and(|points| points >= POINTS * LINES)
            })
            .await;
    }
    window.screenshot("charts-cost").await;
    // What opening the page took is over when frames come again and again.
    window.script(COUNT, Vec::new()).await;
    window
        .until("every chart has been drawn ten times", async || {
            let drawn: Vec<u64> =
                serde_json::from_value(window.script(COUNTED, Vec::new()).await).ok()?;
            (drawn.len() == CHARTS as usize && drawn.iter().all(|frames| *frames >= 10))
                .then_some(())
        })
        .await;

    window
        .script(
            "for (const each of window.drawn.keys()) window.drawn.set(each, 0)",
            Vec::new(),
        )
        .await;
    let (before, begin) = (window.usage(), Instant::now());
    tokio::time::sleep(MEASURED).await;
    let (after, seconds) = (window.usage(), begin.elapsed().as_secs_f64());
    let drawn: Vec<u64> = serde_json::from_value(window.script(COUNTED, Vec::new()).await).unwrap();
    drop(ended);
    live.join().unwrap();
    window.close().await;

    println!("\n| 8 charts of 4 lines of 3,600 points {which} | of one core | memory |");
    println!("|---|---:|---:|");
    let mut sum = 0.0;
    for (id, usage) in &after {
        let busy = usage.busy - before.get(id).map_or(Duration::ZERO, |then| then.busy);
        let share = busy.as_secs_f64() / seconds * 100.0;
        sum += share;
        println!(
            "| {} | {share:.1} % | {} MiB |",
            usage.name,
            usage.memory / 1024
        );
    }
    println!("| together | {sum:.1} % | |");
    let frames = drawn.iter().map(|frames| *frames as f64 / seconds);
    println!(
        "\n{} charts were drawn, each {:.1} times a second or more.",
        drawn.len(),
        frames.fold(f64::MAX, f64::min)
    );
}
