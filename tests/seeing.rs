//! The real window on what passes through the broker: payloads taken apart, faults on purpose, and retained messages that are
//! stale.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::net::SocketAddr;

    use acceptance::broker::TCP;
    use acceptance::process::finish;
    use acceptance::raw::Wire;
    use acceptance::screen::Window;
    use acceptance::{Running, Version, Way};
    use base64::Engine as _;
    use fantoccini::Locator;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    /// Waits for a view of the payload, read by a decoder.
    async fn payload_is(window: &Window, view: &str, decoder: &str) {
        let css = format!(
            "[data-testid=\"payload-view\"][data-view=\"{view}\"][data-decoder=\"{decoder}\"]"
        );
        window.find_css(&css).await;
    }

    /// Presses one of the views of the payload.
    async fn look(window: &Window, label: &str) {
        window
            .until(label, async || {
                let path = format!(
                    "//section[@aria-label='Payload']//button[@role='radio'][normalize-space()='{label}']"
                );
                let radio = window
                    .page
                    .find(Locator::XPath(&path))
                    .await
                    .ok()?;
                radio.click().await.ok()
            })
            .await;
    }

    #[tokio::test]
    async fn a_payload_is_decoded_compared_and_read_by_a_rule_with_a_schema() {
        let (_data, window, port) = Window::running(TCP).await;
        let (_, mut wire) = Wire::connect(address(port), Version::V5, "pump-7", false).expect("in");
        wire.publish_acknowledged(1, "plant/json", br#"{"bar": 4.1, "unit": "bar"}"#, false);
        wire.publish_acknowledged(
            2,
            "plant/json",
            br#"{"bar": 4.2, "unit": "bar", "motor": {"rpm": 1480}}"#,
            false,
        );
        wire.publish_acknowledged(
            3,
            "plant/cbor",
            b"\xa2\x63bar\xf9\x44\x00\x65state\x82\x01\xf5",
            false,
        );
        wire.publish_acknowledged(4, "plant/proto", b"\x0d\x66\x66\x86\x40\x12\x03bar", false);
        wire.publish_acknowledged(5, "plant/bytes", &[0x12, 0x34, 0xff, 0x00], false);
        window.go("traffic").await;

        // JSON: detected, as a tree, and what differs from the message before.
        window.choose_publish("plant/json").await;
        payload_is(&window, "text", "json").await;
        look(&window, "Tree").await;
        window
            .text_of("[data-testid=\"payload-tree\"]", |text| {
                text.contains("motor") && text.contains("4.2")
            })
            .await;
        window.screenshot("payload-tree").await;
        look(&window, "Changes").await;
        window
            .attribute("[data-testid=\"payload-diff\"]", "data-count", |count| {
                count == "2"
            })
            .await;
        window
            .text_of("[data-testid=\"payload-diff\"]", |text| {
                text.contains("bar") && text.contains("4.1") && text.contains("4.2")
            })
            .await;
        window.screenshot("payload-changes").await;

        // CBOR is known by its looks.
        window.choose_publish("plant/cbor").await;
        window
            .attribute(
                "[data-testid=\"payload-view\"]",
                "data-decoder",
                |decoder| decoder == "cbor",
            )
            .await;

        // Bytes: what they are as numbers. A view that a person has chosen stays.
        window.choose_publish("plant/bytes").await;
        look(&window, "Bytes").await;
        payload_is(&window, "bytes", "hex").await;
        window.find("payload-numbers").await;
        window
            .until("the bytes are read as numbers", async || {
                let text = window.text().await;
                (text.contains("13330") && text.contains("4660")).then_some(())
            })
            .await;
        window.screenshot("payload-bytes").await;

        // A schema is pasted, and a rule reads Protobuf with it from then on.
        window.choose_publish("plant/proto").await;
        window.click("decoders-open").await;
        window.click_css(".dialog summary").await;
        window.fill("schema-name", "pump.proto").await;
        window
            .fill(
                "schema-source",
                "syntax = \"proto3\"; package plant; message Reading { float bar = 1; string unit = 2; }",
            )
            .await;
        window.click("schema-add").await;
        window
            .find_css("[data-testid=\"schema-row\"][data-name=\"pump.proto\"]")
            .await;
        window.fill("decoder-filter", "plant/proto").await;
        window.pick("decoder-choice", "plant.Reading").await;
        window.screenshot("decoders").await;
        window.click("decoder-add").await;
        look(&window, "Text").await;
        payload_is(&window, "text", "protobuf").await;
        window
            .text_of("[data-testid=\"inspector-payload\"]", |text| {
                text.contains("\"bar\": 4.2")
            })
            .await;
        window.screenshot("payload-protobuf").await;

        // The raw bytes are always one click away.
        look(&window, "Bytes").await;
        window
            .text_of("[data-testid=\"payload-bytes\"]", |text| {
                text.contains("0d")
            })
            .await;
        window.close().await;
    }

    #[tokio::test]
    async fn a_fault_rule_is_set_by_a_click_strikes_is_seen_and_all_are_off_at_once() {
        let (_data, window, port) = Window::running(TCP).await;
        window.go("traffic").await;
        window.click("faults-open").await;
        window.screenshot("faults-empty").await;
        window
            .click_css("[data-testid=\"fault-preset\"][data-preset=\"lose-puback\"]")
            .await;
        let rule = "[data-testid=\"fault-rule\"][data-name=\"lose-puback\"]";
        window.attribute(rule, "data-on", |on| on == "true").await;
        window
            .text_of("[data-testid=\"faults-badge\"]", |text| {
                text.contains("1 fault rule active")
            })
            .await;
        window
            .text_of(rule, |text| {
                text.contains("Loses the first PUBACK to any client.")
                    && text.contains(
                        "MQTT 5 forbids a client to send it again before it has reconnected",
                    )
            })
            .await;

        // A client that waits for an acknowledgement that is lost.
        let waiting = Running::start(Way::Tcp.mosquitto("mosquitto_pub", port).args([
            "-d", "-V", "mqttv5", "-i", "pump-7", "-q", "1", "-t", "plant/x", "-m", "hello",
        ]));
        waiting.wait_for("sending PUBLISH");
        window
            .attribute(rule, "data-struck", |struck| struck == "1")
            .await;
        window
            .until("the PUBACK that was lost is marked", async || {
                let row = "[data-testid=\"traffic-row\"][data-packet=\"PUBACK\"]";
                let row = window.page.find(Locator::Css(row)).await.ok()?;
                row.text()
                    .await
                    .ok()
                    .filter(|text| text.contains("dropped"))
            })
            .await;
        window.screenshot("faults-struck").await;
        waiting.kill();

        // A rule of one's own, by the form.
        window.click("fault-new").await;
        window.fill("fault-name", "mine").await;
        window.fill("fault-client", "pump-*").await;
        window.screenshot("faults-form").await;
        window.click("fault-save").await;
        let mine = "[data-testid=\"fault-rule\"][data-name=\"mine\"]";
        window
            .text_of(mine, |text| {
                text.contains("Loses every packet from or to pump-*.")
            })
            .await;

        // One off, all off, and all back.
        window.click_css(&format!("{mine} [role=\"switch\"]")).await;
        window.attribute(mine, "data-on", |on| on == "false").await;
        window
            .text_of("[data-testid=\"faults-badge\"]", |text| {
                text.contains("1 fault rule")
            })
            .await;
        window.click("faults-off").await;
        window.attribute(rule, "data-on", |on| on == "false").await;
        window
            .until("the badge is gone", async || {
                let badge = Locator::Css("[data-testid=\"faults-badge\"]");
                window.page.find(badge).await.is_err().then_some(())
            })
            .await;
        window.click("toast-action").await;
        window.attribute(rule, "data-on", |on| on == "true").await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());
        window.close().await;
    }

    #[tokio::test]
    async fn a_stale_retained_message_says_why_and_a_branch_is_cleared_after_a_look_and_comes_back()
    {
        let (_data, window, port) = Window::running(TCP).await;
        for machine in ["pump-7", "pump-8", "valve-2"] {
            let topic = format!("plant/line-1/{machine}/state");
            let pub_ = ["-i", machine, "-q", "1", "-r", "-t", &topic, "-m", "online"];
            finish(Way::Tcp.mosquitto("mosquitto_pub", port).args(pub_)).success();
        }
        finish(Way::Tcp.mosquitto("mosquitto_pub", port).args([
            "-i",
            "office",
            "-q",
            "1",
            "-r",
            "-t",
            "office/door",
            "-m",
            "open",
        ]))
        .success();
        // A will that is retained says itself that its publisher has gone: it is not stale.
        let dying = Running::start(Way::Tcp.mosquitto("mosquitto_sub", port).args([
            "-d",
            "-i",
            "gateway",
            "-t",
            "x",
            "--will-topic",
            "plant/line-1/gateway/state",
            "--will-payload",
            "offline",
            "--will-retain",
        ]));
        dying.wait_for("Subscribed");
        dying.kill();

        window.go("sessions").await;
        window
            .until("the tab of retained messages", async || {
                let path = "//button[@role='radio'][contains(., 'Retained')]";
                let tab = window.page.find(Locator::XPath(path)).await.ok()?;
                tab.click().await.ok()
            })
            .await;
        let row = |topic: &str| format!("[data-testid=\"retained-row\"][data-topic=\"{topic}\"]");
        let pump = row("plant/line-1/pump-7/state");
        window
            .text_of(&row("plant/line-1/gateway/state"), |text| {
                text.contains("will") && !text.contains("stale?")
            })
            .await;
        window
            .attribute(
                &format!("{pump} [data-testid=\"retained-stale\"]"),
                "title",
                |why| why.contains("pump-7 has gone, and no will of it has taken this place"),
            )
            .await;
        window.screenshot("retained-stale").await;

        // The branch, and exactly what goes with it.
        window
            .click_css(&format!("{pump} button[aria-label^=\"Clear the branch\"]"))
            .await;
        window
            .until("the wider branch is chosen", async || {
                let path = "//*[@role='group'][@aria-label='Branch']//button[normalize-space()='plant/line-1/#']";
                let wider = window.page.find(Locator::XPath(path)).await.ok()?;
                wider.click().await.ok()
            })
            .await;
        let preview = "[data-testid=\"retained-preview\"]";
        window
            .attribute(preview, "data-total", |total| total == "4")
            .await;
        window
            .text_of(preview, |text| {
                text.contains("valve-2") && !text.contains("office")
            })
            .await;
        window.screenshot("retained-preview").await;
        window.click("retained-confirm").await;
        window
            .until("the branch is gone", async || {
                let gone = window.page.find(Locator::Css(&pump)).await.is_err();
                gone.then_some(())
            })
            .await;
        window.find_css(&row("office/door")).await;
        window.click("toast-action").await;
        window.find_css(&pump).await;
        window.close().await;
    }

    /// Pictures of 32 × 24 and of 48 × 24 pixels, as a camera sends them.
    const JPEGS: [(&str, &str); 2] = [
        (
            "32 \u{d7} 24",
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqm\
             x5moq6T/wAALCAAYACABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAA/AKoAAAP/2Q==",
        ),
        (
            "48 \u{d7} 24",
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqm\
             x5moq6T/wAALCAAYADABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAA/AJYAAAAAP//Z",
        ),
    ];

    #[tokio::test]
    async fn the_pictures_of_a_camera_are_shown_as_they_come() {
        let (data, window, port) = Window::running(TCP).await;
        let frames: Vec<_> = JPEGS
            .iter()
            .enumerate()
            .map(|(n, (_, text))| {
                let path = data.path().join(format!("{n}.jpg"));
                let bytes = base64::prelude::BASE64_STANDARD
                    .decode(text)
                    .expect("base64");
                std::fs::write(&path, bytes).expect("a file");
                path
            })
            .collect();
        let shoot = |n: usize| {
            let mut camera = Way::Tcp.mosquitto("mosquitto_pub", port);
            camera.args(["-i", "camera", "-q", "1", "-t", "plant/camera", "-f"]);
            finish(camera.arg(&frames[n])).success();
        };
        shoot(0);
        window.go("traffic").await;
        window.choose_publish("plant/camera").await;
        let picture = "[data-testid=\"payload-picture\"]";
        // That it has a width says that it was decoded.
        let drawn = async |n: usize| {
            window
                .attribute(picture, "alt", |alt| alt.contains(JPEGS[n].0))
                .await;
            window
                .until("the picture is drawn", async || {
                    let width = window
                        .script(
                            "return document.querySelector(arguments[0])?.naturalWidth",
                            vec![picture.into()],
                        )
                        .await
                        .as_u64()?;
                    JPEGS[n].0.starts_with(&width.to_string()).then_some(())
                })
                .await;
        };
        drawn(0).await;
        window.screenshot("payload-picture").await;

        // Live, the newest is drawn whenever one comes.
        window
            .click_css("[aria-label=\"Live picture\"][role=\"switch\"]")
            .await;
        window
            .find_css("[aria-label=\"Live picture\"][aria-checked=\"true\"]")
            .await;
        for (count, n) in [1, 0, 1].into_iter().enumerate() {
            shoot(n);
            window
                .attribute(picture, "data-frames", |frames| {
                    frames == (count + 1).to_string()
                })
                .await;
            drawn(n).await;
        }
        window.screenshot("payload-picture-live").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close().await;
    }

    #[tokio::test]
    async fn the_topic_tree_is_walked_with_keys() {
        let (_data, window, port) = Window::running(TCP).await;
        window.go("traffic").await;
        let (_, mut wire) = Wire::connect(address(port), Version::V5, "pump-7", false).expect("in");
        for (n, topic) in [
            "plant/line-1/pump-7/state",
            "plant/line-1/valve-2/state",
            "plant/line-2/mixer/state",
            "office/door",
        ]
        .into_iter()
        .enumerate()
        {
            wire.publish_acknowledged(n as u16 + 1, topic, b"on", false);
        }
        let item = |topic: &str, rest: &str| {
            format!("[data-testid=\"topic-item\"][data-topic=\"{topic}\"]{rest}")
        };
        let gone = async |topic: &str| {
            let css = item(topic, "");
            window
                .until(&format!("{topic} is out of sight"), async || {
                    let found = window.page.find_all(Locator::Css(&css)).await.ok()?;
                    found.is_empty().then_some(())
                })
                .await;
        };
        let press = async |keys: &str| {
            let tree = window.find("topic-tree").await;
            tree.send_keys(keys).await.expect("the tree takes keys");
        };
        // The branch is chosen, and closed: whatever the tree opens by itself is closed first.
        let plant = item("plant", "[aria-selected=\"true\"]");
        window
            .until("the branch is chosen", async || {
                let found = window.page.find(Locator::Css(&item("plant", ""))).await;
                found.ok()?.click().await.ok()?;
                window.page.find(Locator::Css(&plant)).await.ok()
            })
            .await;
        if window
            .page
            .find(Locator::Css(&item("plant", "[data-open=\"true\"]")))
            .await
            .is_ok()
        {
            press(LEFT).await;
        }
        gone("plant/line-1").await;
        // Where it stands is known with the next frame.
        window
            .find_css("[data-testid=\"topic-tree\"][aria-activedescendant]")
            .await;

        // Right opens it, and * all that is below.
        press(RIGHT).await;
        window.find_css(&item("plant/line-1", "")).await;
        press("*").await;
        for topic in ["plant/line-1/pump-7/state", "plant/line-2/mixer/state"] {
            window.find_css(&item(topic, "")).await;
        }
        window.screenshot("topics-open").await;

        // Letters find the next row whose level begins with them, and the traffic is that row's.
        press("mi").await;
        window
            .find_css(&item("plant/line-2/mixer", "[aria-selected=\"true\"]"))
            .await;
        let filter = window.find("traffic-topic").await;
        window
            .until("the traffic is that of the branch", async || {
                let held = filter.prop("value").await.ok()??;
                (held == "plant/line-2/mixer/#").then_some(())
            })
            .await;
        // Left goes from a closed branch to the one above it.
        press(LEFT).await;
        gone("plant/line-2/mixer/state").await;
        press(LEFT).await;
        window
            .find_css(&item("plant/line-2", "[aria-selected=\"true\"]"))
            .await;
        window.close().await;
    }

    /// What WebDriver calls the arrow keys.
    const LEFT: &str = "\u{e012}";
    const RIGHT: &str = "\u{e014}";
}
