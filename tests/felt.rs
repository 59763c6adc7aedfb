//! How fast the window feels: the real one, under a load that comes from outside the app. Markdown on standard output.
//!
//! Not a test, so it is ignored unless it is asked for: `cargo xtask bench ui` builds the app for release and runs it.
//! Latencies are taken in the page: from the time stamp of an input event to the frame after the one that shows its effect.

#![cfg(target_os = "linux")] // memory is read from /proc
#![allow(clippy::unwrap_used)] // a measurement may fail

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use acceptance::Version;
use acceptance::broker::TCP;
use acceptance::raw::{Publish, Wire};
use acceptance::screen::Window;
use fantoccini::Locator;
use serde_json::json;

/// Messages a second that the load aims at.
const RATE: u64 = 10_000;
/// Messages a second through an hour.
const STEADY: u64 = 1_000;
/// Bursts of a load in a second.
const BURSTS: u64 = 100;

/// How much is done: all of it, or enough to see that it runs.
struct Extent {
    load: Duration,
    topics: u64,
    recorded: u64,
    presses: usize,
}

fn extent() -> Extent {
    if std::env::var_os("MQTTWB_BENCH_QUICK").is_some() {
        return Extent {
            load: Duration::from_secs(10),
            topics: 10_000,
            recorded: 100_000,
            presses: 20,
        };
    }
    Extent {
        load: Duration::from_secs(60),
        topics: 100_000,
        recorded: 1_000_000,
        presses: 200,
    }
}

/// Watches input events: for each, how long until the frame after next.
const WATCH: &str = "
    if (!window.felt) {
        window.felt = { keydown: [], pointerdown: [] };
        for (const kind of ['keydown', 'pointerdown']) {
            addEventListener(kind, (event) => {
                const at = event.timeStamp;
                requestAnimationFrame(() => requestAnimationFrame(() => {
                    window.felt[kind].push(performance.now() - at);
                }));
            }, { capture: true });
        }
    }
    window.felt.keydown.length = 0;
    window.felt.pointerdown.length = 0;
";

/// Middle, 95th percentile and worst of some times in milliseconds.
fn spread(mut times: Vec<f64>) -> String {
    if times.is_empty() {
        return "– | – | – | 0".to_owned();
    }
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    format!(
        "{:.0} | {:.0} | {:.0} | {}",
        at(0.5),
        at(0.95),
        at(1.0),
        times.len()
    )
}

async fn felt(window: &Window, kind: &str) -> Vec<f64> {
    let times = window
        .script("return window.felt[arguments[0]]", vec![json!(kind)])
        .await;
    serde_json::from_value(times).unwrap()
}

/// A publisher of its own: so many messages a second, until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Load {
    fn start(address: SocketAddr, rate: u64) -> Self {
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (stopped, counted) = (stop.clone(), sent.clone());
        let thread = thread::spawn(move || {
            let (_, mut wire) = Wire::connect(address, Version::V5, "load", false).unwrap();
            let start = Instant::now();
            let burst = rate / BURSTS;
            while !stopped.load(Ordering::Relaxed) {
                let before = counted.load(Ordering::Relaxed);
                for n in before..before + burst {
                    publish(
                        &mut wire,
                        n,
                        &format!("plant/line-{}/pump-{}/rpm", n % 10, n % 100),
                    );
                }
                wire.flush().unwrap();
                drain(&mut wire, burst);
                counted.store(before + burst, Ordering::Relaxed);
                let due = start + Duration::from_micros((before + burst) * 1_000_000 / rate);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            wire.disconnect();
        });
        Self { stop, sent, thread }
    }

    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}

fn publish(wire: &mut Wire, n: u64, topic: &str) {
    wire.publish(Publish {
        topic,
        payload: format!("{{\"rpm\": {}, \"ok\": true}}", 1400 + n % 200).as_bytes(),
        qos: 1,
        id: (n % 60_000) as u16 + 1,
        dup: false,
        retain: false,
    });
}

/// Takes so many acknowledgements.
fn drain(wire: &mut Wire, count: u64) {
    for _ in 0..count {
        wire.wait().unwrap();
    }
}

/// Publishes so many messages as fast as they are acknowledged.
fn flood(address: SocketAddr, count: u64, topic: impl Fn(u64) -> String) {
    let (_, mut wire) = Wire::connect(address, Version::V5, "flood", false).unwrap();
    for from in (0..count).step_by(500) {
        let to = (from + 500).min(count);
        for n in from..to {
            publish(&mut wire, n, &topic(n));
        }
        wire.flush().unwrap();
        drain(&mut wire, to - from);
    }
    wire.disconnect();
}

/// The resident memory of the app and of the processes of its page, in MiB.
fn memory_row(window: &Window, when: &str) -> String {
    let mut all: Vec<String> = window
        .usage()
        .into_values()
        .map(|usage| format!("{} {}", usage.name, usage.memory / 1024))
        .collect();
    all.sort();
    format!("| {when} | {} |\n", all.join(", "))
}

/// Types a text letter by letter into a field, and clears it again.
async fn type_into(window: &Window, testid: &str, presses: usize) {
    let field = window.find(testid).await;
    field.click().await.unwrap();
    for (at, letter) in "pump-7 line-3 rpm "
        .chars()
        .cycle()
        .take(presses)
        .enumerate()
    {
        if at % 12 == 11 {
            field.clear().await.unwrap();
        }
        field.send_keys(&letter.to_string()).await.unwrap();
    }
    window.fill(testid, "").await;
}

/// Clicks what a selector finds, over and over.
async fn click_around(window: &Window, css: &str, presses: usize) {
    for press in 0..presses {
        let found = window
            .page
            .find_all(Locator::Css(css))
            .await
            .unwrap_or_default();
        if let Some(element) = found.get(press % found.len().max(1)) {
            // A row that goes while it is clicked is no answer of the page's.
            let _ = element.click().await;
        }
    }
}

/// Scrolls the topic tree to places all over it: for each, how long until its rows are there.
const SCROLL: &str = "
    const [testid, places, done] = arguments;
    const list = document.querySelector(`[data-testid=\"${testid}\"]`);
    const scroller = [list, ...list.querySelectorAll('*')].find((each) => each.scrollHeight > each.clientHeight + 100);
    if (!scroller) { done([]); return; }
    const times = [];
    const middle = () => {
        const { left, top, width, height } = scroller.getBoundingClientRect();
        return document.elementFromPoint(left + width / 2, top + height / 2)?.closest('[data-topic]')?.dataset.topic;
    };
    const go = (place) => {
        if (place === places) { done(times); return; }
        const before = middle();
        const at = performance.now();
        scroller.scrollTop = (scroller.scrollHeight - scroller.clientHeight) * ((place * 7 + 3) % places) / places;
        const look = () => {
            const now = middle();
            if (now === undefined || now === before) { requestAnimationFrame(look); return; }
            requestAnimationFrame(() => { times.push(performance.now() - at); go(place + 1); });
        };
        requestAnimationFrame(look);
    };
    go(0);
";

async fn scrolled(window: &Window, testid: &str, places: usize) -> Vec<f64> {
    let times = window
        .page
        .execute_async(SCROLL, vec![json!(testid), json!(places)])
        .await
        .unwrap();
    serde_json::from_value(times).unwrap()
}

/// How long each of some filters takes to the first page of what is looked at, live or recorded.
async fn first_pages(window: &Window) -> Vec<f64> {
    let mut answers = Vec::new();
    for text in ["pump-42", "line-7", "no such thing", "load", "rpm"] {
        let filter = json!({
            "text": text, "payload": "", "clients": [], "topic": "", "packets": [], "faults": false
        });
        let (view, opening) = window
            .asked("traffic_open", json!({"filter": filter}))
            .await;
        let (_, reading) = window
            .asked(
                "traffic_rows",
                json!({"view": view, "start": 0, "count": 100}),
            )
            .await;
        window.asked("traffic_close", json!({"view": view})).await;
        answers.push(opening + reading);
    }
    answers
}

/// When the app's process began, in milliseconds since 1970.
fn began() -> Option<f64> {
    let uptime: f64 = fs::read_to_string("/proc/uptime")
        .ok()?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?
        .as_secs_f64();
    let newest = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let ticks: f64 = rest.split_whitespace().nth(19)?.parse().ok()?;
        name.starts_with("mqtt-workbench").then_some(ticks)
    });
    let ticks = newest.fold(f64::NAN, f64::max);
    ticks
        .is_finite()
        .then(|| (now - uptime + ticks / 100.0) * 1000.0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures the window, in some minutes; `cargo xtask bench ui` runs it"]
async fn how_fast_the_window_feels() {
    let extent = extent();
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("broker.toml"), TCP).unwrap();
    let window = Window::open(data.path()).await;
    let mut told = String::from(
        "| what | middle | 95th percentile | worst | times |\n|---|---|---|---|---|\n",
    );
    let mut memories = String::from("| when | resident memory in MiB |\n|---|---|\n");

    // Start. The page's clock begins with its navigation; the process began before.
    let paint = window
        .script(
            "return [performance.timeOrigin, performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null]",
            Vec::new(),
        )
        .await;
    let origin = paint[0].as_f64().unwrap();
    if let (Some(began), Some(first)) = (began(), paint[1].as_f64()) {
        let _ = writeln!(
            told,
            "| first paint after the process began, ms | {:.0} | | | 1 |",
            origin + first - began
        );
    }
    memories += &memory_row(&window, "nothing done yet");
    let mut starts = Vec::new();
    for _ in 0..5 {
        let (_, ms) = window
            .asked("broker_start", json!({"request": {"freePorts": false}}))
            .await;
        starts.push(ms);
        window.asked("broker_stop", json!({})).await;
    }
    let _ = writeln!(told, "| start of the broker, ms | {} |", spread(starts));
    window.click("start-broker-big").await;
    window.broker_is("running").await;
    let address: SocketAddr = ([127, 0, 0, 1], window.port("tcp").await).into();

    // Ten thousand messages a second.
    window.go("traffic").await;
    let load = Load::start(address, RATE);
    let until = Instant::now() + extent.load;
    window.find_css("[data-testid=\"traffic-row\"]").await;
    window.script(WATCH, Vec::new()).await;
    let (mut typed, mut clicked) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        type_into(&window, "traffic-text", extent.presses / 4).await;
        typed.extend(felt(&window, "keydown").await);
        window.script(WATCH, Vec::new()).await;
        click_around(&window, "[data-testid=\"traffic-row\"]", extent.presses / 8).await;
        click_around(&window, "[data-testid=\"traffic-pause\"]", 2).await;
        clicked.extend(felt(&window, "pointerdown").await);
        window.script(WATCH, Vec::new()).await;
    }
    let seconds = extent.load.as_secs();
    let sent = load.end();
    let lost = window
        .find("lost-count")
        .await
        .text()
        .await
        .unwrap_or_default();
    let _ = writeln!(
        told,
        "| typing at {RATE} messages a second, ms | {} |",
        spread(typed)
    );
    let _ = writeln!(
        told,
        "| clicking at {RATE} messages a second, ms | {} |",
        spread(clicked)
    );
    memories += &memory_row(
        &window,
        &format!("after {seconds} s at {RATE} messages a second ({sent} sent, {lost})"),
    );

    // Many topics.
    flood(address, extent.topics, |n| {
        format!("t/{}/{}/{n}", n % 10, n % 1000)
    });
    window.script(WATCH, Vec::new()).await;
    type_into(&window, "topic-filter", extent.presses / 2).await;
    let filtered = felt(&window, "keydown").await;
    window.script(WATCH, Vec::new()).await;
    let branch = "[data-testid=\"topic-item\"][data-open=\"false\"] .turn";
    window.find_css(branch).await;
    click_around(&window, branch, extent.presses / 2).await;
    let opened = felt(&window, "pointerdown").await;
    let _ = writeln!(
        told,
        "| filtering {} topics, ms | {} |",
        extent.topics,
        spread(filtered)
    );
    let _ = writeln!(
        told,
        "| opening branches among {} topics, ms | {} |",
        extent.topics,
        spread(opened)
    );
    window.fill("topic-filter", "t/+/+/+").await;
    window
        .find_css("[data-testid=\"topic-item\"][data-topic^=\"t/0/0/\"]")
        .await;
    let _ = writeln!(
        told,
        "| scrolling among {} topics, ms | {} |",
        extent.topics,
        spread(scrolled(&window, "topic-tree", extent.presses / 4).await)
    );
    memories += &memory_row(&window, &format!("after {} topics", extent.topics));

    // Many packets, in memory and in a recording: how long a filter takes to its first page.
    let request = json!({"name": "million", "topics": ["plant/#"]});
    window
        .asked("record_start", json!({"request": request}))
        .await;
    flood(address, extent.recorded, |n| {
        format!("plant/line-{}/pump-{}/rpm", n % 10, n % 100)
    });
    let _ = writeln!(
        told,
        "| first page of a filter after {} more messages, ms | {} |",
        extent.recorded,
        spread(first_pages(&window).await)
    );
    let (recorded, _) = window.asked("record_stop", json!({})).await;
    let (_, opening) = window
        .asked("recording_open", json!({"name": "million"}))
        .await;
    let _ = writeln!(
        told,
        "| first page of a filter of a recording of {} packets ({} of {} messages were not captured, {} overtaken), ms | {} |",
        recorded["packets"],
        recorded["notCaptured"],
        extent.recorded,
        recorded["overtaken"],
        spread(first_pages(&window).await)
    );
    let _ = writeln!(
        told,
        "| opening that recording, ms | {} |",
        spread(vec![opening])
    );
    window.asked("recording_close", json!({})).await;
    memories += &memory_row(&window, &format!("after {} more messages", extent.recorded));
    window.close().await;
    println!("\n{told}\n{memories}");
}

/// The memory of the app and its page through an hour, while Traffic is looked at.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes an hour; `cargo xtask bench ui --hour` runs it"]
async fn an_hour_of_load() {
    let minutes = std::env::var("MQTTWB_BENCH_MINUTES").map_or(60, |set| set.parse().unwrap());
    let (_data, window, port) = Window::running(TCP).await;
    let mut memories = String::from("| when | resident memory in MiB |\n|---|---|\n");
    window.go("traffic").await;
    memories += &memory_row(&window, "nothing has come");
    let load = Load::start(([127, 0, 0, 1], port).into(), STEADY);
    for minute in 1..=minutes {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if minute % 10 == 0 || minute == 1 || minute == minutes {
            let sent = load.sent.load(Ordering::Relaxed);
            memories += &memory_row(&window, &format!("{minute} min, {sent} messages"));
            println!("{memories}");
        }
    }
    load.end();
    window.close().await;
    println!("\n{memories}");
}
