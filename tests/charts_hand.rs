//! Dashboards by hand in the real window: moved, resized, written to files, read again, and reported.

mod real_window {
    use std::path::PathBuf;

    use acceptance::Version;
    use acceptance::broker::TCP;
    use acceptance::raw::Wire;
    use acceptance::screen::Window;
    use fantoccini::Locator;
    use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
    use serde_json::{Value, json};

    const CELL: &str = ".cell[data-id=\"1\"]";

    /// Where a chart is on the page: left, top, width and height in pixels.
    async fn place(window: &Window) -> [f64; 4] {
        let found = window
            .script(
                "const box = document.querySelector(arguments[0])?.getBoundingClientRect();\
                 return box ? [box.left, box.top, box.width, box.height] : null",
                vec![json!(CELL)],
            )
            .await;
        serde_json::from_value(found).expect("the chart is on the page")
    }

    /// Waits until the chart is somewhere else, and says where.
    async fn moved(window: &Window, what: &str, fits: impl Fn([f64; 4]) -> bool) -> [f64; 4] {
        window
            .until(what, async || {
                Some(place(window).await).filter(|now| fits(*now))
            })
            .await
    }

    /// Presses the mouse on an element, moves it by so many pixels, and lets it go.
    async fn drag(window: &Window, css: &str, across: i64, down: i64) {
        let element = window.find_css(css).await;
        let go = |x: i64, y: i64| PointerAction::MoveToElement {
            element: element.clone(),
            duration: Some(std::time::Duration::from_millis(50)),
            x: x as f64,
            y: y as f64,
        };
        let actions = MouseActions::new("mouse".into())
            .then(go(0, 0))
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            })
            .then(PointerAction::MoveBy {
                duration: Some(std::time::Duration::from_millis(100)),
                x: across as f64,
                y: down as f64,
            })
            .then(PointerAction::Up {
                button: MOUSE_BUTTON_LEFT,
            });
        window
            .page
            .perform_actions(actions)
            .await
            .expect("the mouse moves");
    }

    /// Chooses an entry of the dashboard's menu.
    async fn menu(window: &Window, entry: &str) {
        window
            .until(entry, async || {
                let path = format!("//*[@role='menuitem'][normalize-space()='{entry}']");
                if let Ok(item) = window.page.find(Locator::XPath(&path)).await {
                    return item.click().await.ok();
                }
                window.click("dashboard-menu").await;
                None
            })
            .await;
    }

    /// The file that a note says was written.
    async fn written(window: &Window, ending: &str) -> (PathBuf, Vec<u8>) {
        let path = window
            .until(&format!("a file {ending} was written"), async || {
                let notes = window
                    .page
                    .find_all(Locator::Css("[data-testid=\"toast\"]"))
                    .await
                    .ok()?;
                for note in notes {
                    let text = note.text().await.ok()?;
                    let path = text.lines().find_map(|line| line.strip_prefix("Wrote "));
                    if let Some(path) = path.filter(|path| path.ends_with(ending)) {
                        return Some(PathBuf::from(path));
                    }
                }
                None
            })
            .await;
        let bytes = std::fs::read(&path).expect("the file is there");
        std::fs::remove_file(&path).expect("it can be removed");
        (path, bytes)
    }

    /// In full screen the dashboard has the whole of it, its menus lie over it, and then everything is as it was.
    async fn fills_the_screen(window: &Window) {
        let at_the_left = async |there: bool| {
            let page = "const box = document.querySelector('[data-testid=\"page-charts\"] .page').getBoundingClientRect();\
                        return box.left === 0 && box.top === 0 && box.width === innerWidth && box.height === innerHeight";
            let full = window.script(page, Vec::new()).await == json!(true);
            (full == there).then_some(())
        };
        let before = place(window).await;
        window.click("dashboard-full").await;
        window
            .until("the dashboard fills the screen", async || {
                at_the_left(true).await
            })
            .await;
        moved(window, "the chart has more room", |now| now[2] > before[2]).await;
        window
            .click_css(&format!("{CELL} [data-testid=\"chart-menu\"]"))
            .await;
        window.find("chart-edit").await;
        window.screenshot("charts-full-screen").await;
        window.click("chart-edit").await;
        window.close_dialog().await;
        window.click("dashboard-full").await;
        window
            .until("the rest of the window is back", async || {
                at_the_left(false).await
            })
            .await;
        moved(window, "the chart is where it was", |now| now == before).await;
    }

    #[tokio::test]
    async fn a_dashboard_is_arranged_written_read_again_and_reported() {
        let (data, window, _port) = Window::running(TCP).await;
        window.go("charts").await;
        let before = place(&window).await;

        // By keys and by the mouse; the grid snaps to its columns.
        window
            .until("the keys widen the chart", async || {
                window
                    .find_css(&format!("{CELL} .grip"))
                    .await
                    .send_keys("\u{e008}\u{e014}\u{e008}")
                    .await
                    .ok()?;
                Some(place(&window).await).filter(|now| now[2] > before[2])
            })
            .await;
        let wide = place(&window).await;
        drag(&window, &format!("{CELL} .corner"), 0, 120).await;
        let high = moved(&window, "the corner makes it higher", |now| {
            now[3] > wide[3]
        })
        .await;
        drag(&window, &format!("{CELL} .grip"), 220, 0).await;
        let right = moved(&window, "the grip moves it", |now| now[0] > high[0]).await;

        // It stays there: in the file, and after the page was loaded anew.
        window
            .until("it is kept", async || {
                let kept = std::fs::read_to_string(data.path().join("charts.json")).ok()?;
                let kept: Value = serde_json::from_str(&kept).ok()?;
                kept["charts"][0]["cell"]["x"].as_u64().filter(|x| *x > 0)
            })
            .await;
        window.page.refresh().await.expect("the page loads anew");
        window.go("charts").await;
        moved(&window, "it is where it was", |now| {
            (now[0] - right[0]).abs() < 2.0
        })
        .await;

        menu(&window, "Export as JSON").await;
        let (_, exported) = written(&window, ".json").await;
        let file: Value = serde_json::from_slice(&exported).expect("JSON");
        assert_eq!(file["mqttwbDashboard"], 1, "{file}");
        assert_eq!(file["charts"].as_array().map(Vec::len), Some(1), "{file}");

        // A picture of a chosen size; a PNG has twice the pixels.
        window
            .click_css(&format!("{CELL} [data-testid=\"chart-menu\"]"))
            .await;
        window.click("picture-sized").await;
        window.fill("picture-width", "300").await;
        window.fill("picture-height", "200").await;
        window.click("picture-save").await;
        let (_, picture) = written(&window, ".png").await;
        let size =
            |from: usize| u32::from_be_bytes(picture[from..from + 4].try_into().expect("four"));
        assert_eq!((size(16), size(20)), (600, 400));

        fills_the_screen(&window).await;

        menu(&window, "Report as HTML").await;
        let (_, report) = written(&window, ".html").await;
        let report = String::from_utf8(report).expect("text");
        assert!(report.contains("<svg ") && report.contains("Throughput"));

        // As a person who chooses the file would.
        window
            .script(
                "const input = document.querySelector('[data-testid=\"page-charts\"] input[type=file], input[type=file]');\
                 const files = new DataTransfer();\
                 files.items.add(new File([arguments[0]], 'dashboard.json', { type: 'application/json' }));\
                 input.files = files.files;\
                 input.dispatchEvent(new Event('change', { bubbles: true }));",
                vec![json!(String::from_utf8_lossy(&exported))],
            )
            .await;
        window
            .until("there is a second dashboard", async || {
                let kept = std::fs::read_to_string(data.path().join("charts.json")).ok()?;
                let kept: Value = serde_json::from_str(&kept).ok()?;
                let same = kept["charts"][0]["cell"] == kept["charts"][1]["cell"];
                (kept["dashboards"].as_array()?.len() == 2 && same).then_some(())
            })
            .await;
        window.close().await;
    }

    /// Moves the mouse to a place of a chart, so many pixels right of its middle and below it.
    async fn point(window: &Window, css: &str, x: i64, y: i64) {
        let element = window.find_css(css).await;
        window
            .script(
                "document.querySelector(arguments[0])?.scrollIntoView({ block: 'center' })",
                vec![json!(css)],
            )
            .await;
        let actions = MouseActions::new("mouse".into()).then(PointerAction::MoveToElement {
            element,
            duration: Some(std::time::Duration::from_millis(50)),
            x: x as f64,
            y: y as f64,
        });
        let moved = window.page.perform_actions(actions).await;
        moved.expect("the mouse moves");
    }

    #[tokio::test]
    async fn what_is_pointed_at_is_told_of_each_kind_of_chart() {
        let (_data, window, port) = Window::running(TCP).await;
        let address = ([127, 0, 0, 1], port).into();
        let (_, mut wire) = Wire::connect(address, Version::V5, "pump-7", false).expect("in");
        for (id, topic, payload) in [
            (1, "plant/a", r#"{"bar": 4.25, "state": "on"}"#),
            (2, "plant/b", r#"{"bar": 7.5, "state": "off"}"#),
        ] {
            wire.publish_acknowledged(id, topic, payload.as_bytes(), false);
        }
        let kinds = [
            ("histogram", "bar", "class"),
            ("last-value", "bar", "last"),
            ("heat-map", "bar", "cell"),
            ("states", "state", "state"),
        ];
        let mut made = Vec::new();
        for (kind, path, says) in kinds {
            let chart = json!({
                "id": 0, "title": kind, "kind": kind, "windowSecs": 0, "unit": "", "log": false, "thresholds": [],
                "source": {"kind": "payload", "filter": "plant/+", "path": path}, "dashboard": 0,
                "cell": {"x": 0, "y": 0, "w": 0, "h": 0},
            });
            let chart = window.ask("chart_create", json!({"chart": chart})).await;
            made.push((kind, says, chart["id"].clone()));
        }
        window.go("charts").await;
        for (kind, says, id) in made {
            let canvas = format!(
                "[data-testid=\"chart\"][data-chart=\"{kind}\"] [data-testid=\"chart-canvas\"]"
            );
            window
                .attribute(&canvas, "data-points", |points| points == "2")
                .await;
            let spot = format!("{canvas} [data-testid=\"chart-spot\"][data-kind=\"{says}\"]");
            // Cells and states are where their time is, and go on with it: the workbench says where the first one is now.
            let told = window
                .until(
                    &format!("the {kind} tells what is pointed at"),
                    async || {
                        let element = window.page.find(Locator::Css(&canvas)).await.ok()?;
                        let (_, _, width, height) = element.rectangle().await.ok()?;
                        let view = json!({
                            "id": id, "width": width as u32, "height": height as u32, "theme": "dark", "utcOffsetMinutes": 0,
                        });
                        let probe = json!({"kind": "number", "number": 0});
                        let first = json!({"view": view, "probe": probe});
                        let first = window.ask("chart_spot", first).await;
                        let middle = |from: &str, size: &str| {
                            Some(first[from].as_f64()? + first[size].as_f64()? / 2.0)
                        };
                        let (x, y) = (middle("left", "width")?, middle("top", "height")?);
                        let (x, y) = (x - width / 2.0, y - height / 2.0);
                        point(&window, &canvas, x.round() as i64, y.round() as i64).await;
                        let found = window.page.find(Locator::Css(&spot)).await.ok()?;
                        found.text().await.ok().filter(|text| !text.is_empty())
                    },
                )
                .await;
            let expected = match kind {
                "histogram" => told.contains("of 2"),
                "states" => told.contains("on") || told.contains("off"),
                _ => told.contains("4.25") || told.contains("7.5"),
            };
            assert!(expected, "{kind}: {told}");
            window.screenshot(&format!("charts-spot-{kind}")).await;
        }
        // And without a mouse.
        let tiles =
            "[data-testid=\"chart\"][data-chart=\"last-value\"] [data-testid=\"chart-canvas\"]";
        window
            .until("the arrows read the tiles", async || {
                let canvas = window.page.find(Locator::Css(tiles)).await.ok()?;
                canvas.send_keys("\u{e014}").await.ok()?;
                let text = canvas.text().await.ok()?;
                (text.contains("plant/b") && text.contains("7.5")).then_some(())
            })
            .await;
        window.close().await;
    }
}
