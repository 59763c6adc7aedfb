//! Payloads that are no text, published by a client that no one here wrote, opened in the real window.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::path::Path;

    use acceptance::Way;
    use acceptance::broker::TCP;
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use fantoccini::Locator;

    /// `{"bar": 4.2, "state": "on"}`, as each of them writes it.
    const MESSAGE_PACK: &[u8] = b"\x82\xa3bar\xcb\x40\x10\xcc\xcc\xcc\xcc\xcc\xcd\xa5state\xa2on";
    const CBOR: &[u8] = b"\xa2\x63bar\xfb\x40\x10\xcc\xcc\xcc\xcc\xcc\xcd\x65state\x62on";
    const AVRO: &[u8] = b"\xcd\xcc\xcc\xcc\xcc\xcc\x10\x40\x04on";
    const AVRO_SCHEMA: &str = r#"{"type": "record", "name": "Pump", "fields": [{"name": "bar", "type": "double"}, {"name": "state", "type": "string"}]}"#;
    /// `flow` and `state`, with the numbers 1 and 2.
    const PROTOBUF: &[u8] = b"\x09\xcd\xcc\xcc\xcc\xcc\xcc\x10\x40\x12\x02on";
    const PROTOBUF_SCHEMA: &str =
        "syntax = \"proto3\"; package plant; message Valve { double flow = 1; string state = 2; }";
    /// `{"bar": 4.2, "state": "on"}`
    const GZIP: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0x4a, 0x2c,
        0x52, 0xb2, 0x52, 0x30, 0xd1, 0x33, 0xd2, 0x51, 0x50, 0x2a, 0x2e, 0x49, 0x2c, 0x49, 0x05,
        0xf2, 0x94, 0xf2, 0xf3, 0x94, 0x6a, 0x01, 0xf4, 0xb7, 0x25, 0xa3, 0x1b, 0x00, 0x00, 0x00,
    ];
    /// The same in one block as it is, which Zstandard allows.
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x20\x1b\xd9\x00\x00{\"bar\": 4.2, \"state\": \"on\"}";

    fn publish(data: &Path, port: u16, topic: &str, payload: &[u8]) {
        let file = data.join("payload");
        fs::write(&file, payload).expect("a file");
        let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
        publisher.args(["-i", "outside", "-q", "1", "-t", topic, "-f"]);
        finish(publisher.arg(&file)).success();
    }

    /// Presses one of the views of the payload, until it is the one that is shown.
    async fn look(window: &Window, label: &str, view: &str) {
        let shown = format!("[data-testid=\"payload-view\"][data-view=\"{view}\"]");
        window
            .until(label, async || {
                if window.page.find(Locator::Css(&shown)).await.is_ok() {
                    return Some(());
                }
                let path = format!(
                    "//section[@aria-label='Payload']//button[@role='radio'][normalize-space()='{label}']"
                );
                let radio = window.page.find(Locator::XPath(&path)).await.ok()?;
                radio.click().await.ok()?;
                None
            })
            .await;
    }

    /// The schema is pasted, and a rule reads this topic with it from then on.
    async fn rule(window: &Window, topic: &str, schema: &str, text: &str, choice: &str) {
        window.choose_publish(topic).await;
        window.click("decoders-open").await;
        window
            .until("the form of a schema is open", async || {
                let open = Locator::Css(".dialog details[open]");
                if window.page.find(open).await.is_ok() {
                    return Some(());
                }
                let summary = Locator::Css(".dialog summary");
                window.page.find(summary).await.ok()?.click().await.ok()?;
                None
            })
            .await;
        window.fill("schema-name", schema).await;
        window.fill("schema-source", text).await;
        window.click("schema-add").await;
        window
            .find_css(&format!(
                "[data-testid=\"schema-row\"][data-name=\"{schema}\"]"
            ))
            .await;
        window.fill("decoder-filter", topic).await;
        window.pick("decoder-choice", choice).await;
        window.screenshot(&format!("payload-schema-{schema}")).await;
        window.click("decoder-add").await;
        window
            .until("the dialog has gone", async || {
                let dialog = Locator::Css("[role=\"dialog\"]");
                let open = window.page.find_all(dialog).await.ok()?;
                open.is_empty().then_some(())
            })
            .await;
    }

    /// The newest message of a topic is read by a decoder, says this, and its bytes as they came are one click away.
    async fn reads(window: &Window, topic: &str, decoder: &str, bytes: &str) {
        window.choose_publish(topic).await;
        look(window, "Text", "text").await;
        window
            .find_css(&format!(
                "[data-testid=\"payload-view\"][data-view=\"text\"][data-decoder=\"{decoder}\"]"
            ))
            .await;
        window
            .text_of("[data-testid=\"inspector-payload\"]", |text| {
                text.contains("4.2") && text.contains("on")
            })
            .await;
        let name = topic.replace('/', "-");
        window.screenshot(&format!("payload-{name}-text")).await;
        look(window, "Tree", "tree").await;
        window
            .text_of("[data-testid=\"payload-tree\"]", |text| {
                text.contains("4.2") && text.contains("state")
            })
            .await;
        window.screenshot(&format!("payload-{name}-tree")).await;
        look(window, "Bytes", "bytes").await;
        window
            .text_of("[data-testid=\"payload-bytes\"]", |text| {
                // Each byte is an element of its own.
                text.split_whitespace().collect::<String>().contains(bytes)
            })
            .await;
        window.screenshot(&format!("payload-{name}-bytes")).await;
    }

    /// A number is charted by a click, and what comes from then on is drawn.
    async fn charts(window: &Window, topic: &str, path: &str, send: impl Fn()) {
        window.go("traffic").await;
        window.choose_publish(topic).await;
        look(window, "Text", "text").await;
        window
            .click_css(&format!(
                "[data-testid=\"chart-value\"][data-path=\"{path}\"]"
            ))
            .await;
        window.find("page-charts").await;
        let chart = format!("[data-testid=\"chart\"][data-chart=\"{path}\"]");
        window
            .until("the number is drawn", async || {
                send();
                let chart = window.page.find(Locator::Css(&chart)).await.ok()?;
                let points = chart.attr("data-points").await.ok()??;
                points.parse::<u32>().ok().filter(|points| *points > 1)
            })
            .await;
        window
            .until("the legend has the value", async || {
                let legend = format!("{chart} .legend");
                // It may be below what is in sight, where the driver reads no text.
                let text = window
                    .script(
                        "return document.querySelector(arguments[0])?.textContent ?? ''",
                        vec![legend.into()],
                    )
                    .await;
                text.as_str()
                    .filter(|text| text.contains("4.2"))
                    .map(|_| ())
            })
            .await;
    }

    #[tokio::test]
    async fn what_an_outside_client_publishes_is_decoded_kept_as_bytes_and_charted() {
        let (data, window, port) = Window::running(TCP).await;
        let send = |topic: &str, payload: &[u8]| publish(data.path(), port, topic, payload);
        let all = [
            ("plant/msgpack", MESSAGE_PACK, "message-pack", "82a3"),
            ("plant/cbor", CBOR, "cbor", "a263"),
            ("plant/avro", AVRO, "avro", "cdcc"),
            ("plant/proto", PROTOBUF, "protobuf", "09cd"),
            ("plant/gzip", GZIP, "json", "1f8b"),
            ("plant/zstd", ZSTD, "json", "28b5"),
        ];
        for (topic, payload, _, _) in all {
            send(topic, payload);
        }
        window.go("traffic").await;
        rule(&window, "plant/avro", "pump.avsc", AVRO_SCHEMA, "pump.avsc").await;
        rule(
            &window,
            "plant/proto",
            "valve.proto",
            PROTOBUF_SCHEMA,
            "plant.Valve",
        )
        .await;
        for (topic, _, decoder, bytes) in all {
            reads(&window, topic, decoder, bytes).await;
        }
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        charts(&window, "plant/cbor", "bar", || send("plant/cbor", CBOR)).await;
        charts(&window, "plant/proto", "flow", || {
            send("plant/proto", PROTOBUF)
        })
        .await;
        window.screenshot("payload-charted").await;

        window.theme("dark").await;
        window.go("traffic").await;
        for (topic, _, _, _) in all {
            window.choose_publish(topic).await;
            look(&window, "Tree", "tree").await;
            let name = topic.replace('/', "-");
            window.screenshot(&format!("payload-{name}-dark")).await;
        }
        look(&window, "Bytes", "bytes").await;
        window.screenshot("payload-bytes-dark").await;
        window.close().await;
    }
}
