//! Content that is hostile, in the real window: whatever topics, payloads and client identifiers hold is shown as data.
//!
//! Nothing of it runs, becomes an element, or turns or hides the text beside it. All tests are in one module whose name
//! `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::net::SocketAddr;
    use std::sync::LazyLock;

    use acceptance::Version;
    use acceptance::broker::TCP;
    use acceptance::raw::Wire;
    use acceptance::screen::{PAGES, Window};
    use fantoccini::Locator;
    use serde_json::{Value, json};

    /// What would run, close an element or turn the text around if it were taken for more than data.
    const HOSTILE: [&str; 5] = [
        "<img src=x onerror=\"window.pwned=1\">",
        "<script>window.pwned=1</script>",
        "\u{202e}gnp.exe",
        "a\u{200b}b\u{1}c\u{7f}d",
        "{@html '<b id=pwned>x</b>'}${window.pwned=1}",
    ];

    /// Ten kilobytes, of which a level of a topic is made.
    static LONG: LazyLock<String> =
        LazyLock::new(|| "<i>x\u{202e}</i>".replace('/', "|").repeat(1_024));

    /// All of it in one name that is one level of a topic, and a name of a file.
    const NAME: &str = "<b id=pwned>\u{202e}\u{200b}x";
    const FILE: &str = "gnp\u{202e}x\u{200b}${window.pwned=1}";

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    /// Presses one of the segments of a group, until it is the chosen one.
    async fn press(window: &Window, within: &str, label: &str) {
        let path =
            format!("{within}//button[@role='radio'][starts-with(normalize-space(), '{label}')]");
        window
            .until(&format!("{label} is chosen"), async || {
                let radio = window.page.find(Locator::XPath(&path)).await.ok()?;
                radio.click().await.ok()?;
                let chosen = radio.attr("aria-checked").await.ok()??;
                (chosen == "true").then_some(())
            })
            .await;
    }

    async fn look(window: &Window, label: &str) {
        press(window, "//section[@aria-label='Payload']", label).await;
    }

    /// Waits for a view of the payload, read by a decoder.
    async fn payload_is(window: &Window, view: &str, decoder: &str) {
        let css = format!(
            "[data-testid=\"payload-view\"][data-view=\"{view}\"][data-decoder=\"{decoder}\"]"
        );
        window.find_css(&css).await;
    }

    /// Waits until the page shows a text in which a mark stands for what turns its direction.
    async fn shows(window: &Window, css: &str) {
        window
            .until(&format!("{css} shows the name as data"), async || {
                let texts = window
                    .script(
                        "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)",
                        vec![json!(css)],
                    )
                    .await;
                let texts = texts.as_array()?;
                texts
                    .iter()
                    .any(|text| text.as_str().is_some_and(|text| text.contains("U+202E")))
                    .then_some(())
            })
            .await;
    }

    /// Nothing of it has run or become an element, nothing turns or hides a text, and the page still answers.
    async fn is_untouched(window: &Window, place: &str) {
        let ran = window
            .script(
                r#"
                const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/;
                const bare = [];
                const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const { parentElement, data } = walker.currentNode;
                    if (hidden.test(data) && !parentElement.closest('script, style')) {
                        bare.push(`${parentElement.outerHTML.slice(0, 120)}: ${JSON.stringify(data.slice(0, 80))}`);
                    }
                }
                for (const element of document.querySelectorAll('[title], [aria-label], [placeholder], [alt]')) {
                    for (const name of ['title', 'aria-label', 'placeholder', 'alt']) {
                        const value = element.getAttribute(name);
                        if (value !== null && hidden.test(value)) bare.push(`${element.tagName} ${name}=${JSON.stringify(value)}`);
                    }
                }
                return [
                    typeof window.pwned,
                    document.querySelectorAll('#pwned, img[src=x], b b').length,
                    document.scripts.length,
                    bare.slice(0, 10),
                ];"#,
                Vec::new(),
            )
            .await;
        assert_eq!(ran[0], "undefined", "a script ran on {place}");
        assert_eq!(ran[1], 0, "content became an element on {place}");
        assert!(
            ran[2].as_u64().is_some_and(|scripts| scripts <= 2),
            "a script was added on {place}"
        );
        let bare: Vec<&str> = ran[3]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        assert!(
            bare.is_empty(),
            "a text of others stands bare on {place}: {bare:#?}"
        );
    }

    #[tokio::test]
    async fn hostile_content_is_data_on_every_page() {
        let (_data, window, port) = Window::running(TCP).await;
        let mut open = Vec::new();
        for (at, text) in HOSTILE.into_iter().enumerate() {
            let (_, mut wire) = Wire::connect(address(port), Version::V5, text, true).expect("in");
            let topic = format!("hostile/{at}/{}", text.replace(['#', '+'], ""));
            wire.publish_acknowledged(1, &topic, text.as_bytes(), true);
            wire.subscribe(2, &topic, 1);
            wire.flush().expect("sent");
            open.push(wire);
        }
        let (_, mut wire) = Wire::connect(address(port), Version::V5, "plain", false).expect("in");
        let invalid = [
            b"caf\xe9 \0\x1b[31m ".as_slice(),
            &[0xff; 40],
            b"</textarea><script>window.pwned=1</script>",
        ]
        .concat();
        wire.publish_acknowledged(1, "hostile/invalid", &invalid, false);
        let large = "<b>zw\u{f6}lf</b> ".repeat(10 * 1024 * 1024 / 14);
        wire.publish_acknowledged(2, "hostile/large", large.as_bytes(), false);
        let map = [
            b"\x81\xd9\x22".as_slice(),
            b"<img src=x onerror='window.pwned=1'>"
                .get(..34)
                .unwrap_or_default(),
            b"\x01",
        ]
        .concat();
        wire.publish_acknowledged(3, "hostile/map", &map, false);

        // Every page, with all of it in sight that the page shows.
        for page in PAGES {
            window.go(page).await;
            is_untouched(&window, page).await;
        }
        window.go("sessions").await;
        press(&window, "//*[@data-testid='session-tabs']", "Retained").await;
        window
            .until(
                "the retained messages are listed as they are written",
                async || {
                    let text = window.text().await;
                    (text.contains("onerror=\"window.pwned=1\"") && text.contains("U+202E"))
                        .then_some(())
                },
            )
            .await;
        window.screenshot("hostile-retained").await;
        is_untouched(&window, "retained").await;

        // Each message in the inspector, in each of its views.
        window.go("traffic").await;
        window.screenshot("hostile-traffic").await;
        for topic in [
            "hostile/0/#",
            "hostile/1/#",
            "hostile/2/#",
            "hostile/3/#",
            "hostile/4/#",
        ] {
            window.choose_publish(topic.trim_end_matches('#')).await;
            is_untouched(&window, topic).await;
        }
        window.choose_publish("hostile/map").await;
        look(&window, "Tree").await;
        window
            .text_of("[data-testid=\"payload-tree\"]", |text| {
                text.contains("<img src=x")
            })
            .await;
        is_untouched(&window, "a name in a tree").await;
        window.choose_publish("hostile/invalid").await;
        look(&window, "Bytes").await;
        payload_is(&window, "bytes", "hex").await;
        is_untouched(&window, "bytes").await;

        // Ten megabytes of text: a part is shown, all of it can be reached.
        window.choose_publish("hostile/large").await;
        look(&window, "Text").await;
        payload_is(&window, "text", "text").await;
        window.screenshot("hostile-large").await;
        window
            .text_of("[data-testid=\"inspector-payload\"]", |text| {
                text.contains("<b>zw\u{f6}lf</b>")
            })
            .await;
        window
            .text_of("[data-testid=\"payload-part\"]", |text| {
                text.contains("of 10 MiB")
            })
            .await;
        is_untouched(&window, "ten megabytes").await;
        drop(open);
        window.close().await;
    }

    #[tokio::test]
    async fn what_is_made_of_hostile_content_is_data_too() {
        let data = tempfile::tempdir().expect("a temporary folder");
        fs::write(data.path().join("broker.toml"), TCP).expect("a file in it");
        // What is denied is told on Access.
        let rules = "[[rule]]\ndeny = \"publish\"\ntopic = \"denied/#\"\n\n[[rule]]\nallow = \"both\"\ntopic = \"#\"\n";
        fs::write(data.path().join("acl.toml"), rules).expect("a file in it");
        let window = Window::open(data.path()).await;
        window.click("start-broker-big").await;
        window.broker_is("running").await;
        let port = window.port("tcp").await;

        // Everything that a person, or a file from somebody else, can give a name to.
        let columns =
            [json!({"label": NAME, "topic": "hostile/{device}/data", "path": "v", "unit": NAME})];
        let presence = [
            json!({"topics": ["hostile/{device}/state"], "path": "", "online": ["online"], "offline": ["offline"]}),
        ];
        let devices = json!({"sessions": true, "presence": presence, "columns": columns});
        window
            .ask("device_rules_set", json!({ "rules": devices }))
            .await;
        let source = json!({"kind": "payload", "filter": "hostile/+/text", "path": ""});
        let rule = json!({
            "id": 0, "name": NAME, "source": source, "condition": {"kind": "changed"},
            "enabled": true, "notify": false, "publish": {"topic": format!("raised/{NAME}"), "retain": false},
        });
        window.ask("alert_rule_set", json!({ "rule": rule })).await;
        let board = window
            .ask("dashboard_create", json!({ "title": NAME }))
            .await;
        for (x, kind, filter, path) in [
            (0, "line", "hostile/+/data", "v"),
            (4, "states", "hostile/+/text", ""),
            (8, "last-value", "long/+", "v"),
        ] {
            let title = format!("{kind} {NAME}\0{}", "<i>x</i> ".repeat(15));
            let chart = json!({
                "id": 0, "title": title, "kind": kind, "windowSecs": 60, "unit": NAME, "log": false,
                "source": {"kind": "payload", "filter": filter, "path": path},
                "thresholds": [{"value": 2.0, "label": NAME}], "dashboard": board["id"],
                "cell": {"x": x, "y": 0, "w": 4, "h": 8},
            });
            window.ask("chart_create", json!({ "chart": chart })).await;
        }
        let config = json!({
            "name": NAME, "clientId": NAME, "version": "5", "target": {"kind": "tcp"}, "keepAlive": 30,
            "cleanStart": true, "sessionExpiry": 0,
        });
        let client = window
            .ask("client_create", json!({ "config": config }))
            .await;
        let id = client["id"].clone();
        window.ask("client_connect", json!({ "id": id })).await;
        let request = json!({"filter": "hostile/#", "qos": 1});
        window
            .ask("client_subscribe", json!({ "id": id, "request": request }))
            .await;
        let record = json!({"name": FILE, "topics": [], "past": false, "rolling": false});
        window
            .ask("record_start", json!({ "request": record }))
            .await;

        let (_, mut wire) =
            Wire::connect(address(port), Version::V5, &format!("{NAME}2"), false).expect("in");
        let topic = |end: &str| format!("hostile/{NAME}/{end}");
        wire.publish_acknowledged(1, &topic("state"), b"online", true);
        wire.publish_acknowledged(2, &format!("denied/{NAME}"), NAME.as_bytes(), false);

        // Charts: their dashboard, titles, legends and states, and what is drawn on their canvas, which no element tells. They
        // watch from their first tick on.
        window
            .script(
                "window.drawn = new Set();\
                 const draw = CanvasRenderingContext2D.prototype.fillText;\
                 CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {\
                   window.drawn.add(text);\
                   return draw.call(this, text, ...rest);\
                 };",
                Vec::new(),
            )
            .await;
        window.go("charts").await;
        press(&window, "//*[@data-testid='page-charts']", "<b id=pwned>").await;
        let mut id = 2;
        let mut round = 0;
        let mut send = || {
            round += 1;
            for (end, payload) in [
                ("data", format!("{{\"v\": {round}.5}}")),
                ("text", format!("{NAME}{round}")),
            ] {
                id += 1;
                wire.publish_acknowledged(id, &topic(end), payload.as_bytes(), false);
            }
            id += 1;
            wire.publish_acknowledged(id, &format!("long/{}", *LONG), b"{\"v\": 1}", false);
        };
        for kind in ["line", "states", "last-value"] {
            let legend = format!(
                "[data-testid=\"chart\"][data-chart^=\"{kind}\"]:not([data-points=\"0\"]) .legend .swatch"
            );
            window
                .until("the chart has a line", async || {
                    send();
                    window.page.find(Locator::Css(&legend)).await.ok()
                })
                .await;
        }
        shows(&window, "[data-testid=\"chart\"] .legend").await;
        let drawn = window
            .until("a name is drawn, as data", async || {
                let drawn = window.script("return [...window.drawn]", Vec::new()).await;
                let drawn: Vec<String> = serde_json::from_value(drawn).ok()?;
                drawn
                    .iter()
                    .any(|text| text.contains("U+202E"))
                    .then_some(drawn)
            })
            .await;
        let hides = |c: char| {
            c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        };
        let bare: Vec<&String> = drawn.iter().filter(|text| text.contains(hides)).collect();
        assert!(bare.is_empty(), "{bare:?}");
        assert!(
            drawn.iter().all(|text| text.len() < 2_000),
            "a text of 10 kB is drawn"
        );
        let wide = window
            .script(
                "return document.documentElement.scrollWidth - innerWidth",
                Vec::new(),
            )
            .await;
        assert!(wide.as_i64().is_some_and(|wide| wide <= 0), "{wide}");
        window.screenshot("hostile-charts").await;
        is_untouched(&window, "charts").await;

        // Sessions: devices, with one in full, and alerts, with one open.
        let tabs = "//*[@data-testid='session-tabs']";
        window.go("sessions").await;
        press(&window, tabs, "Devices").await;
        let row = format!("[data-testid=\"device-row\"][data-name=\"{NAME}\"]");
        shows(&window, &row).await;
        window.screenshot("hostile-devices").await;
        is_untouched(&window, "devices").await;
        let detail = Locator::Css("[data-testid=\"device-detail\"]");
        window
            .until("the device is shown in full", async || {
                window
                    .script(
                        "document.querySelector(arguments[0])?.click()",
                        vec![json!(row)],
                    )
                    .await;
                window.page.find(detail).await.ok()
            })
            .await;
        is_untouched(&window, "one device").await;
        window
            .click_css("[role=\"dialog\"] [aria-label=\"Close\"]")
            .await;
        window
            .until("the device is put away", async || {
                let all = window
                    .page
                    .find_all(Locator::Css("[role=\"dialog\"]"))
                    .await
                    .ok()?;
                all.is_empty().then_some(())
            })
            .await;
        press(&window, tabs, "Alerts").await;
        shows(&window, "[data-testid=\"alert-rule\"]").await;
        window
            .until("an alert is raised", async || {
                send();
                window
                    .page
                    .find(Locator::Css("[data-testid=\"alert-row\"]"))
                    .await
                    .ok()
            })
            .await;
        window.click("alert-open").await;
        shows(&window, "[data-testid=\"alert-data\"]").await;
        window.screenshot("hostile-alerts").await;
        is_untouched(&window, "alerts").await;
        press(&window, tabs, "Sessions").await;
        window
            .click_css(&format!(
                "[data-testid=\"session-item\"][data-client=\"{NAME}\"]"
            ))
            .await;
        shows(&window, "[data-testid=\"page-sessions\"]").await;
        is_untouched(&window, "a session").await;

        // Access: what was denied, and the rule that would allow it.
        window.go("access").await;
        press(&window, "//*[@data-testid='access-page']", "Denials").await;
        shows(&window, "[data-testid=\"denial-row\"]").await;
        window.screenshot("hostile-denials").await;
        is_untouched(&window, "denials").await;
        window.click("denial-allow").await;
        window.find("access-rules").await;
        is_untouched(&window, "a rule that is proposed").await;

        // Clients: the timeline, and an entry in full.
        window.go("clients").await;
        window
            .click_css(&format!(
                "[data-testid=\"client-item\"][data-client=\"{NAME}\"]"
            ))
            .await;
        shows(&window, "[data-testid=\"timeline\"]").await;
        window
            .click_css("[data-testid=\"timeline-entry\"][data-kind=\"received\"]")
            .await;
        shows(&window, "[data-testid=\"timeline\"] .chosen").await;
        window.screenshot("hostile-timeline").await;
        is_untouched(&window, "a timeline").await;

        // Traffic: the topic tree, messages, and the story of one.
        window.go("traffic").await;
        let traffic = "//*[@data-testid='traffic-tabs']";
        press(&window, traffic, "Messages").await;
        window.fill("traffic-topic", "hostile/+/state").await;
        let message = "[data-testid=\"message-row\"][data-deliveries=\"1\"][data-done=\"1\"]";
        shows(&window, message).await;
        window.choose(message).await;
        is_untouched(&window, "messages").await;
        press(&window, traffic, "Flow").await;
        shows(&window, "[data-testid=\"flow\"]").await;
        window.screenshot("hostile-flow").await;
        is_untouched(&window, "a flow").await;
        window.fill("topic-filter", "pwned").await;
        let item = format!("[data-testid=\"topic-item\"][data-topic=\"hostile/{NAME}\"]");
        window
            .until("the branch is chosen", async || {
                let found = window.page.find(Locator::Css(&item)).await.ok()?;
                found.click().await.ok()?;
                window
                    .page
                    .find(Locator::Css("[data-testid=\"topic-detail\"]"))
                    .await
                    .ok()
            })
            .await;
        shows(&window, "[data-testid=\"topic-tree\"]").await;
        is_untouched(&window, "the topic tree").await;

        // Recordings: what goes on, what is there, and one that is open.
        window.go("recordings").await;
        is_untouched(&window, "a recording that goes on").await;
        window.click("record-stop").await;
        let recorded = format!("[data-testid=\"recording-row\"][data-name=\"{FILE}\"]");
        shows(&window, &recorded).await;
        window.screenshot("hostile-recordings").await;
        is_untouched(&window, "recordings").await;
        window.click("recording-open").await;
        shows(&window, "[data-testid=\"recording-banner\"]").await;
        shows(&window, "[data-testid=\"page-traffic\"]").await;
        is_untouched(&window, "a recording that is open").await;
        for page in PAGES {
            window.go(page).await;
            is_untouched(&window, page).await;
        }
        window.close().await;
    }
}
