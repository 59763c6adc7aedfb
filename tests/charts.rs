//! Charts with and without a window: from a click on a number to a line that moves, is zoomed and is read.
//!
//! Tests that open a window are in a module whose name `cargo xtask test --no-window` leaves out.

use acceptance::broker::mqttwb;
use acceptance::process::finish;
use acceptance::{Broker, Version, Way};

#[test]
fn a_broker_is_listened_to_and_drawn_without_a_window() {
    let broker = Broker::start();
    let port = broker.port("tcp");
    for (topic, payload) in [
        ("plant/a", r#"{"bar": 4.125}"#),
        ("plant/b", r#"{"bar": -0.5}"#),
    ] {
        let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
        finish(publisher.args(["-r", "-q", "1", "-t", topic, "-m", payload])).success();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, begins) in [
        ("bar.csv", &b"time,"[..]),
        ("bar.svg", b"<svg "),
        ("bar.png", b"\x89PNG"),
    ] {
        let out = folder.path().join(name);
        let mut chart = mqttwb(folder.path());
        chart
            .args(["chart", &format!("mqtt://127.0.0.1:{port}"), "--last", "1s"])
            .args(["--topic", "plant/+", "--path", "bar", "--out"])
            .arg(&out);
        let told = finish(&mut chart).success().out;
        assert!(told.contains("plant/a  1 points, last 4.125"), "{told}");
        let file = std::fs::read(&out).expect("the file is there");
        assert!(file.starts_with(begins), "{name}");
        if name == "bar.csv" {
            let text = String::from_utf8(file).expect("text");
            assert!(text.contains(",plant/b,-0.5\n"), "{text}");
        }
    }
    let left = std::fs::read_dir(folder.path()).expect("a folder");
    let recordings = left.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().ends_with(".mqttrec")
    });
    assert_eq!(recordings.count(), 0, "nothing is left behind");
}

#[test]
fn the_axis_has_the_time_of_the_place_and_utc_where_that_is_asked_for() {
    let broker = Broker::start();
    let port = broker.port("tcp");
    let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
    finish(publisher.args(["-r", "-q", "1", "-t", "plant/a", "-m", "4.5"])).success();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hours = |words: &[&str]| -> Vec<u64> {
        let out = folder.path().join("bar.svg");
        let mut chart = mqttwb(folder.path());
        chart
            .args(["chart", &format!("mqtt://127.0.0.1:{port}"), "--last", "1s"])
            .args(["--topic", "plant/a", "--out"])
            .arg(&out)
            .args(words)
            // Nine hours east of Greenwich, all year round.
            .env("TZ", "Asia/Tokyo");
        finish(&mut chart).success();
        let svg = std::fs::read_to_string(&out).expect("the file is there");
        let texts = svg.split('>').filter_map(|text| text.split('<').next());
        let clock = |text: &str| {
            let (hour, rest) = text.trim().split_once(':')?;
            rest.contains(':').then(|| hour.parse().ok()).flatten()
        };
        texts.filter_map(clock).collect()
    };
    let (utc, local) = (hours(&["--utc"]), hours(&[]));
    assert!(!utc.is_empty() && !local.is_empty(), "{utc:?} {local:?}");
    // An hour may have begun in between.
    let east = |hour: u64| [(hour + 9) % 24, (hour + 10) % 24].contains(&local[0]);
    assert!(east(utc[0]), "{utc:?} {local:?}");
}

mod real_window {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    use super::Version;
    use acceptance::broker::TCP;
    use acceptance::raw::{Publish, Wire};
    use acceptance::screen::Window;
    use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};

    const TOPICS: u32 = 50;
    /// With fifty topics a thousand messages a second.
    const ROUND: Duration = Duration::from_millis(50);
    const CANVAS: &str =
        "[data-testid=\"chart\"][data-chart^=\"value\"] [data-testid=\"chart-canvas\"]";
    const READING: &str = "[data-testid=\"chart-reading\"]";

    /// Remembers what a canvas shows.
    const KEEP: &str = "
        const canvas = document.querySelector(arguments[0] + ' canvas');
        window.kept = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    ";
    /// Whether it shows the same, but for what rounding does to an edge; nothing where it has another size.
    const LIKE_KEPT: &str = "
        const canvas = document.querySelector(arguments[0] + ' canvas');
        const { width, height, data } = window.kept;
        if (canvas.width !== width || canvas.height !== height) return null;
        const now = canvas.getContext('2d').getImageData(0, 0, width, height).data;
        return now.every((value, at) => Math.abs(value - data[at]) <= 16);
    ";

    fn now_ms() -> f64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        since.as_secs_f64() * 1000.0
    }

    /// What round `n` sends as its value, so that a value says when it was sent.
    fn value_of(n: usize) -> f64 {
        n as f64 + 0.25
    }

    /// A client that publishes JSON on all topics, round after round, and remembers when each began.
    struct Load {
        sent: Arc<Mutex<Vec<f64>>>,
        end: Arc<AtomicBool>,
        thread: Option<JoinHandle<()>>,
    }

    impl Load {
        fn start(port: u16) -> Self {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let (_, mut wire) =
                Wire::connect(address, Version::V5, "plant", false).expect("a client gets in");
            let (sent, end) = (Arc::default(), Arc::new(AtomicBool::new(false)));
            let (times, ended): (Arc<Mutex<Vec<f64>>>, _) = (Arc::clone(&sent), end.clone());
            let thread = thread::spawn(move || {
                let begin = Instant::now();
                for n in 0.. {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    times.lock().expect("no panic").push(now_ms());
                    let payload = format!(r#"{{"value": {}, "unit": "bar"}}"#, value_of(n));
                    for topic in 0..TOPICS {
                        wire.publish(Publish {
                            topic: &format!("plant/pump-{topic}"),
                            payload: payload.as_bytes(),
                            qos: 0,
                            id: 0,
                            dup: false,
                            retain: false,
                        });
                    }
                    wire.flush().expect("the broker takes it");
                    let next = begin + ROUND * (n as u32 + 1);
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            });
            Self {
                sent,
                end,
                thread: Some(thread),
            }
        }

        /// Whether this is what was sent when the line says that it came.
        fn has_sent(&self, value: f64, at: f64) -> bool {
            let sent = self.sent.lock().expect("no panic");
            (0..sent.len()).any(|n| value_of(n) == value && sent[n] <= at + 1.0 && at <= now_ms())
        }
    }

    impl Drop for Load {
        fn drop(&mut self) {
            self.end.store(true, Ordering::Relaxed);
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }

    async fn number(window: &Window, css: &str, name: &str, fits: impl Fn(f64) -> bool) -> f64 {
        window
            .attribute(css, name, |text| text.parse().is_ok_and(&fits))
            .await
            .parse()
            .expect("a number")
    }

    /// Moves the mouse to a place of the chart, counted from its middle; with `drag`, pressed from another place on.
    async fn mouse(window: &Window, to: i64, drag: Option<i64>) {
        let element = window.find_css(CANVAS).await;
        let go = |x: i64| PointerAction::MoveToElement {
            element: element.clone(),
            duration: Some(Duration::from_millis(50)),
            x: x as f64,
            y: 0.0,
        };
        let mut actions = MouseActions::new("mouse".into());
        if let Some(from) = drag {
            actions = actions.then(go(from)).then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            });
        }
        actions = actions.then(go(to));
        if drag.is_some() {
            actions = actions.then(PointerAction::Up {
                button: MOUSE_BUTTON_LEFT,
            });
        }
        window
            .page
            .perform_actions(actions)
            .await
            .expect("the mouse moves");
    }

    /// Turns the wheel over the middle of the chart. WebKit's driver takes the actions of a wheel and turns none, so the page is given
    /// the event that one would make. Whether the chart took it.
    async fn wheel(window: &Window, down: i64) -> bool {
        let turned = window
            .script(
                "const canvas = document.querySelector(arguments[0]);\
                 const box = canvas.getBoundingClientRect();\
                 return canvas.dispatchEvent(new WheelEvent('wheel', {\
                     deltaY: arguments[1], clientX: box.left + box.width / 2, clientY: box.top + box.height / 2,\
                     bubbles: true, cancelable: true,\
                 }))",
                vec![serde_json::json!(CANVAS), serde_json::json!(down)],
            )
            .await;
        // The page is not to scroll then.
        turned == serde_json::json!(false)
    }

    /// Clicks on the middle of the chart twice.
    async fn double_click(window: &Window) {
        let element = window.find_css(CANVAS).await;
        let mut actions = MouseActions::new("mouse".into()).then(PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        });
        for _ in 0..2 {
            let button = MOUSE_BUTTON_LEFT;
            actions = actions
                .then(PointerAction::Down { button })
                .then(PointerAction::Up { button });
        }
        let clicked = window.page.perform_actions(actions).await;
        clicked.expect("the mouse clicks");
    }

    /// What was painted frame by frame, only what had changed each time, is the picture that is painted at once.
    async fn pieced_together_is_whole(window: &Window, load: &Load) {
        let follow =
            "[data-testid=\"chart\"][data-chart^=\"value\"] [data-testid=\"chart-follow\"]";
        let press = async |pressed: &str| {
            window.click_css(follow).await;
            window
                .attribute(follow, "aria-pressed", |now| now == pressed)
                .await;
        };
        press("true").await;
        let end = number(window, CANVAS, "data-to", |to| to > 0.0).await;
        // A round that was begun after that time says that all before it is drawn.
        let round = window
            .until("the time that is held is over", async || {
                let sent = load.sent.lock().expect("no panic");
                sent.last()
                    .is_some_and(|at| *at > end)
                    .then_some(sent.len())
            })
            .await;
        number(window, CANVAS, "data-points", |points| {
            points >= round as f64
        })
        .await;
        window.script(KEEP, vec![CANVAS.into()]).await;
        let like_kept = async || -> Option<bool> {
            window
                .script(LIKE_KEPT, vec![CANVAS.into()])
                .await
                .as_bool()
        };
        let narrower = async |by: u32| {
            let style = format!("document.querySelector('{CANVAS}').style.marginRight = '{by}px'");
            window.script(&style, Vec::new()).await;
        };
        narrower(40).await;
        window
            .until("a picture of another width", async || {
                like_kept().await.is_none().then_some(())
            })
            .await;
        narrower(0).await;
        window
            .until(
                "the whole picture, like the one pieced together",
                async || like_kept().await.filter(|like| *like).map(drop),
            )
            .await;
        press("false").await;
    }

    #[tokio::test]
    async fn a_click_makes_a_chart_that_moves_is_zoomed_and_reads_what_was_sent() {
        let (_data, window, port) = Window::running(TCP).await;
        let load = Load::start(port);

        // A click on a number makes a chart of its topic.
        window.go("traffic").await;
        window.fill("traffic-topic", "plant/pump-7").await;
        let row = "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]";
        window
            .text_of(row, |text| text.contains("plant/pump-7"))
            .await;
        window.choose(row).await;
        window.click("chart-value").await;
        window.find("page-charts").await;
        let chart = "[data-testid=\"chart\"][data-chart^=\"value\"]";
        let points = number(&window, chart, "data-points", |points| points > 0.0).await;
        number(&window, chart, "data-points", |now| now > points).await;
        // It follows: its right edge goes on.
        let edge = number(&window, CANVAS, "data-to", |to| to > 0.0).await;
        number(&window, CANVAS, "data-to", |to| to > edge).await;

        // Another by hand, of all topics: as many lines.
        window.click("chart-add").await;
        window.fill("chart-filter", "plant/+").await;
        window.fill("chart-path", "value").await;
        window.fill("chart-title", "Every pump").await;
        window.click("chart-save").await;
        let every = "[data-testid=\"chart\"][data-chart=\"Every pump\"]";
        number(&window, every, "data-points", |points| {
            points >= f64::from(TOPICS)
        })
        .await;
        window.screenshot("charts-live").await;

        pieced_together_is_whole(&window, &load).await;

        // Dragging over it zooms: what is shown is shorter, and holds still.
        let shown = window.find_css(CANVAS).await;
        let length = async || {
            let from: f64 = shown.attr("data-from").await.ok()??.parse().ok()?;
            let to: f64 = shown.attr("data-to").await.ok()??.parse().ok()?;
            Some(to - from)
        };
        let whole = window.until("the chart shows a time", length).await;
        window
            .until("a drag zooms", async || {
                // The newest values are at the right.
                mouse(&window, 270, Some(200)).await;
                length().await.filter(|now| *now < whole / 2.0)
            })
            .await;

        // The cursor reads what was sent, when it came. It moves at each try: the first may come before the zoomed frame, and a
        // mouse that rests tells nothing.
        let mut tries = 0;
        window
            .until("the cursor reads a value that was sent", async || {
                tries += 1;
                mouse(&window, 150 + tries % 2 * 20, None).await;
                let reading = window
                    .page
                    .find(fantoccini::Locator::Css(READING))
                    .await
                    .ok()?;
                let value: f64 = reading.attr("data-value").await.ok()??.parse().ok()?;
                let at: f64 = reading.attr("data-at").await.ok()??.parse().ok()?;
                assert!(load.has_sent(value, at), "{value} at {at} was never sent");
                Some(())
            })
            .await;
        window.screenshot("charts-zoomed").await;

        // The wheel moves what is shown, since the chart was taken in hand, and does not stretch it.
        let zoomed = number(&window, CANVAS, "data-from", |from| from > 0.0).await;
        let length_before = window.until("the chart shows a time", length).await;
        window
            .until("the wheel goes back in time", async || {
                wheel(&window, -120).await.then_some(())?;
                let from: f64 = shown.attr("data-from").await.ok()??.parse().ok()?;
                (from < zoomed).then_some(())
            })
            .await;
        window
            .until("it shows as much as before", async || {
                length()
                    .await
                    .filter(|now| (now - length_before).abs() < 1.0)
            })
            .await;

        // A double click lets it follow again, as its button does.
        let follow = format!("{chart} [data-testid=\"chart-follow\"]");
        let held = number(&window, CANVAS, "data-to", |to| to > 0.0).await;
        window
            .until("a double click lets go of the time", async || {
                double_click(&window).await;
                let pressed = window.find_css(&follow).await.attr("aria-pressed").await;
                (pressed.ok()?? == "false").then_some(())
            })
            .await;
        window
            .until("it shows its window again", async || {
                length()
                    .await
                    .filter(|now| (now - whole).abs() < whole / 4.0)
            })
            .await;
        number(&window, CANVAS, "data-to", |to| to > held).await;
        window.click_css(&follow).await;
        window
            .attribute(&follow, "aria-pressed", |pressed| pressed == "true")
            .await;
        let held = number(&window, CANVAS, "data-to", |to| to > 0.0).await;
        window.click_css(&follow).await;
        number(&window, CANVAS, "data-to", |to| to > held).await;

        for theme in ["light", "dark"] {
            window.theme(theme).await;
            window.go("charts").await;
            number(&window, every, "data-points", |points| points > 0.0).await;
            assert_eq!(
                window.accessibility_findings().await,
                Vec::<String>::new(),
                "{theme}"
            );
            window.screenshot(&format!("charts-{theme}")).await;
        }
        drop(load);
        window.close().await;
    }
}
