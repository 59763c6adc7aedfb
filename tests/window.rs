//! The real window, driven as a person would: see `support/screen.rs` for how.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::net::{TcpListener, TcpStream};
    use std::path::{Path, PathBuf};

    use acceptance::broker::{Identity, Own, TCP, TLS, WS, issue};
    use acceptance::process::finish;
    use acceptance::screen::{PAGES, Window};
    use acceptance::{Running, Way};
    use fantoccini::Locator;
    use serde_json::Value;
    use tempfile::TempDir;

    /// A listener of each kind that a page tells apart.
    fn listeners() -> String {
        [TCP, TLS, WS].concat()
    }

    /// What lies behind a page's own first sight once a broker runs: its page, a name for it, and what is pressed there.
    const BEHIND: [(&str, &str, &str); 5] = [
        (
            "traffic",
            "messages",
            "[data-testid=\"traffic-tabs\"] button:nth-child(1)",
        ),
        (
            "traffic",
            "flow",
            "[data-testid=\"traffic-tabs\"] button:nth-child(3)",
        ),
        (
            "traffic",
            "packets",
            "[data-testid=\"traffic-tabs\"] button:nth-child(2)",
        ),
        (
            "sessions",
            "retained",
            "[role=\"radio\"][data-value=\"retained\"]",
        ),
        ("traffic", "faults", "[data-testid=\"faults-open\"]"),
    ];

    fn data_folder(config: &str) -> TempDir {
        let data = tempfile::tempdir().expect("a temporary folder");
        fs::write(data.path().join("broker.toml"), config).expect("a file in it");
        data
    }

    fn publish(port: u16, identity: &Identity, topic: &str, payload: &str) {
        let mut publisher = Way::Tls(identity.clone()).mosquitto("mosquitto_pub", port);
        finish(publisher.args(["-q", "1", "-t", topic, "-m", payload])).success();
    }

    /// Issues a device certificate by the window, and takes what it exported.
    async fn issue_by_clicks(window: &Window, name: &str) -> Identity {
        window.go("certificates").await;
        window.click("issue-device").await;
        window.fill("device-name", name).await;
        window.click("confirm-issue").await;
        let folder = window
            .attribute("[data-testid=\"export-result\"]", "data-folder", |folder| {
                !folder.is_empty()
            })
            .await;
        let folder = PathBuf::from(folder);
        Identity {
            authority: folder.join("ca.crt"),
            own: Some(Own {
                certificate: folder.join(format!("{name}.crt")),
                key: folder.join(format!("{name}.key")),
            }),
            folder,
        }
    }

    /// The points of a chart, once there are more than `than`.
    async fn points(window: &Window, chart: &str, than: u64) -> u64 {
        let chart = format!("[data-testid=\"chart\"][data-chart*=\"{chart}\"]");
        window
            .attribute(&chart, "data-points", |points| {
                points.parse::<u64>().is_ok_and(|points| points > than)
            })
            .await
            .parse()
            .expect("a number of points")
    }

    #[tokio::test]
    async fn the_whole_path_from_a_click_to_a_device_in_traffic_and_a_chart_that_moves() {
        let data = data_folder(&listeners());
        let window = Window::open(data.path()).await;
        window.find("page-overview").await;
        window.broker_is("stopped").await;
        window.screenshot("overview-stopped").await;

        // One click, and a broker runs.
        window.click("start-broker-big").await;
        window.broker_is("running").await;
        let tls = window.port("tls").await;
        window.screenshot("overview-running").await;

        // A device gets a certificate of its own, and talks with it from outside.
        let identity = issue_by_clicks(&window, "pump-7").await;
        window.screenshot("certificates-issued").await;
        window.click("close-issue").await;
        window
            .find_css("[data-testid=\"certificate-row\"][data-name=\"pump-7\"]")
            .await;
        window.screenshot("certificates").await;
        let subscriber = Running::start(
            Way::Tls(identity.clone())
                .mosquitto("mosquitto_sub", tls)
                .args(["-d", "-i", "watcher", "-q", "1", "-t", "plant/#"]),
        );
        subscriber.wait_for("Subscribed (mid");
        publish(
            tls,
            &identity,
            "plant/pump-7",
            r#"{"rpm": 1480, "state": "running"}"#,
        );
        subscriber.wait_for("\"rpm\": 1480");

        // The window shows it: the packet, its payload, a number to chart.
        window.go("traffic").await;
        let row = "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]";
        window
            .text_of(row, |text| text.contains("plant/pump-7"))
            .await;
        window.choose(row).await;
        window
            .text_of("[data-testid=\"inspector-payload\"]", |text| {
                text.contains("1480")
            })
            .await;
        window.screenshot("traffic").await;
        window.click("chart-value").await;

        // The charts move with what is published.
        window.go("charts").await;
        let mut before = 0;
        for rpm in [1490, 1475, 1502, 1466, 1483] {
            publish(
                tls,
                &identity,
                "plant/pump-7",
                &format!(r#"{{"rpm": {rpm}, "state": "running"}}"#),
            );
            before = points(&window, "rpm", before).await;
        }
        let throughput = points(&window, "Throughput", 0).await;
        points(&window, "Throughput", throughput).await;
        window.screenshot("charts").await;
        drop(subscriber);

        // Stop frees the ports.
        window.click("stop-broker").await;
        window.broker_is("stopped").await;
        TcpListener::bind(("127.0.0.1", tls)).expect("a stopped broker's port is free");
        window.close().await;
    }

    #[tokio::test]
    async fn a_test_client_subscribes_publishes_and_sees_its_own_message() {
        let (_data, window, _) = Window::running(&listeners()).await;
        window.go("clients").await;
        window.screenshot("clients-empty").await;
        window.click("new-client").await;
        window.click("client-connect").await;
        window
            .attribute("[data-testid=\"client-item\"]", "data-state", |state| {
                state == "connected"
            })
            .await;
        window.fill("subscribe-filter", "hello/#").await;
        window.click("subscribe").await;
        window
            .text_of("[data-testid=\"timeline\"]", |text| {
                text.contains("hello/#")
            })
            .await;
        window.fill("publish-topic", "hello/world").await;
        let payload = window.find_css("[data-testid=\"publish-payload\"]").await;
        payload.click().await.expect("an editor takes the focus");
        let editor = window
            .page
            .active_element()
            .await
            .expect("an element with the focus");
        editor
            .send_keys("glass")
            .await
            .expect("an editor takes keys");
        window.click("publish").await;
        let received = "[data-testid=\"timeline-entry\"][data-kind=\"received\"]";
        window
            .text_of(received, |text| {
                text.contains("hello/world") && text.contains("glass")
            })
            .await;
        window.screenshot("clients").await;
        window.click("client-disconnect").await;
        window
            .attribute("[data-testid=\"client-item\"]", "data-state", |state| {
                state == "disconnected"
            })
            .await;
        window.close().await;
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error_that_names_it_and_offers_a_free_one() {
        let occupied = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = occupied.local_addr().expect("its address").port();
        let data = data_folder(&format!(
            "[listeners.tcp]\nbind = \"127.0.0.1:{taken}\"\nprotocol = \"tcp\"\n"
        ));
        let window = Window::open(data.path()).await;
        window.click("start-broker-big").await;
        window
            .text_of("[data-testid=\"start-failure\"]", |text| {
                text.contains(&taken.to_string())
            })
            .await;
        window.screenshot("overview-port-in-use").await;
        window.click("use-free-port").await;
        window.broker_is("running").await;
        let free = window.port("tcp").await;
        assert_ne!(free, taken);
        TcpStream::connect(("127.0.0.1", free)).expect("the broker listens there");
        window.close().await;
    }

    #[tokio::test]
    async fn a_client_with_a_foreign_certificate_is_refused_and_the_window_says_so() {
        let (_data, window, _) = Window::running(&listeners()).await;
        let tls = window.port("tls").await;
        let identity = issue_by_clicks(&window, "pump-7").await;
        window.click("close-issue").await;

        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        let foreign = identity.showing(&issue(elsewhere.path(), "stranger"));
        let refused = finish(
            Way::Tls(foreign.clone())
                .mosquitto("mosquitto_pub", tls)
                .args(["-t", "x", "-m", "let me in"]),
        );
        assert!(!refused.status.success(), "{refused:?}");
        window.go("overview").await;
        window
            .attribute("[data-testid=\"refusal\"]", "data-cause", |cause| {
                cause == "bad-certificate"
            })
            .await;
        window.screenshot("overview-refusal").await;
        window.close().await;
    }

    #[tokio::test]
    async fn axe_core_finds_nothing_on_any_page_empty_or_full_in_either_theme() {
        let data = data_folder(&listeners());
        let window = Window::open(data.path()).await;
        let mut findings = look_at_every_page(&window, "stopped").await;
        window.go("overview").await;
        window.click("start-broker-big").await;
        window.broker_is("running").await;
        fill(&window, data.path()).await;
        findings.extend(look_at_every_page(&window, "running").await);
        assert_eq!(findings, Vec::<String>::new());
        window.close().await;
    }

    #[tokio::test]
    async fn a_client_of_a_broker_elsewhere_shows_what_was_agreed_on_and_outlives_the_app() {
        let (data, window, port) = Window::running(&listeners()).await;
        // A broker by its address is one elsewhere, wherever it is.
        window.go("clients").await;
        window.click("new-client").await;
        window
            .click_css("[aria-label=\"Connects to\"] [role=\"radio\"]:nth-of-type(2)")
            .await;
        window.fill("client-host", "127.0.0.1").await;
        window.fill("client-port", &port.to_string()).await;
        window.fill("client-password", "t0ken").await;
        window.click("client-connect").await;
        let state = "[data-testid=\"client-item\"]";
        window
            .attribute(state, "data-state", |state| state == "connected")
            .await;
        window
            .text_of(state, |text| {
                text.contains(&format!("mqtt://127.0.0.1:{port}"))
            })
            .await;
        window.click("client-negotiated").await;
        window
            .text_of("[aria-label=\"Connection\"]", |text| {
                text.contains("Topic Alias Maximum") && text.contains(&port.to_string())
            })
            .await;
        window.fill("subscribe-filter", "hello/#").await;
        window.click("subscribe").await;
        window
            .text_of("[data-testid=\"timeline\"]", |text| {
                text.contains("granted")
            })
            .await;
        window.screenshot("clients-elsewhere").await;
        // The broker sees it, by whatever name it was dialled.
        window.go("traffic").await;
        window
            .find_css("[data-testid=\"traffic-row\"][data-packet=\"SUBSCRIBE\"]")
            .await;
        window.close().await;

        let kept = fs::read_to_string(data.path().join("clients.json")).expect("clients are kept");
        assert!(
            kept.contains("hello/#") && !kept.contains("t0ken"),
            "{kept}"
        );
        let window = Window::open(data.path()).await;
        window.go("clients").await;
        window
            .attribute(state, "data-state", |state| state == "disconnected")
            .await;
        window.close().await;
    }

    /// Gives the import of test clients a file, as a person who chooses it would; returns what the page says of it.
    async fn import(window: &Window, export: &str, says: &str) {
        window
            .script(
                "const input = document.querySelector('[data-testid=\"clients-import\"]');\
                 const files = new DataTransfer();\
                 files.items.add(new File([arguments[0]], 'clients.json', { type: 'application/json' }));\
                 input.files = files.files;\
                 input.dispatchEvent(new Event('change', { bubbles: true }));",
                vec![Value::from(export)],
            )
            .await;
        window
            .text_of("[role=\"dialog\"]", |text| text.contains(says))
            .await;
        put_away(window).await;
    }

    /// Closes the dialog, and waits until it is gone.
    async fn put_away(window: &Window) {
        window
            .until("the dialog is put away", async || {
                let close = Locator::Css("[role=\"dialog\"] [aria-label=\"Close\"]");
                let found = window.page.find_all(close).await.ok()?;
                match found.first() {
                    None => Some(()),
                    Some(close) => {
                        close.click().await.ok()?;
                        None
                    }
                }
            })
            .await;
    }

    #[tokio::test]
    async fn test_clients_are_exported_and_come_back_and_those_of_mqttx_connect() {
        let (_data, window, port) = Window::running(&listeners()).await;
        window.go("clients").await;
        window.click("new-client").await;
        window
            .click_css("[aria-label=\"Connects to\"] [role=\"radio\"]:nth-of-type(2)")
            .await;
        window.fill("client-host", "broker.example").await;
        window.fill("client-password", "t0ken").await;
        window
            .text_of("[data-testid=\"client-item\"]", |text| {
                text.contains("broker.example")
            })
            .await;

        window.click("clients-export").await;
        window.screenshot("clients-export").await;
        window.click_css("[role=\"dialog\"] .btn.primary").await;
        let written = window
            .text_of("[role=\"dialog\"] .chip", |text| text.contains(".json"))
            .await;
        let written = Path::new(written.trim());
        let export = fs::read_to_string(written).expect("the export is where it says");
        fs::remove_file(written).expect("it can be removed");
        assert!(
            export.contains("broker.example") && !export.contains("t0ken"),
            "{export}"
        );
        put_away(&window).await;
        import(
            &window,
            &export,
            "1 client from an export of MQTT Workbench",
        )
        .await;
        let items = async |count: usize| {
            window
                .until(&format!("{count} clients are listed"), async || {
                    let item = Locator::Css("[data-testid=\"client-item\"]");
                    let found = window.page.find_all(item).await.ok()?;
                    (found.len() == count).then_some(())
                })
                .await;
        };
        items(2).await;

        // What MQTTX writes of a connection, and what of it has no counterpart.
        let theirs = serde_json::json!([{
            "id": "a1", "clientId": "mqttx_0f1e", "name": "factory", "clean": true, "protocol": "mqtt",
            "host": "127.0.0.1", "port": port, "keepalive": 30, "connectTimeout": 10, "reconnect": true,
            "reconnectPeriod": 4000, "username": "", "password": "", "path": "/mqtt", "certType": "", "ssl": false,
            "mqttVersion": "5.0", "unreadMessageCount": 0, "messages": [], "clientIdWithTime": true,
            "subscriptions": [{ "id": "s1", "topic": "plant/#", "qos": 1, "disabled": false }]
        }]);
        import(
            &window,
            &theirs.to_string(),
            "the time behind the client identifier",
        )
        .await;
        items(3).await;
        let item = "[data-testid=\"client-item\"][data-client=\"mqttx_0f1e\"]";
        window.click_css(item).await;
        window
            .find_css(&format!("{item}[aria-current=\"true\"]"))
            .await;
        window.click("client-connect").await;
        window
            .attribute(item, "data-state", |state| state == "connected")
            .await;
        window
            .text_of("[data-testid=\"timeline\"]", |text| {
                text.contains("plant/#") && text.contains("granted")
            })
            .await;
        import(&window, "{\"a\": 1}", "MQTTX").await; // refused, with what would be one
        items(3).await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.screenshot("clients-imported").await;
        window.close().await;
    }

    /// Gives every page something to show.
    async fn fill(window: &Window, data: &Path) {
        let tls = window.port("tls").await;
        let identity = issue(data, "pump-7");
        window.go("clients").await;
        window.click("new-client").await;
        window.click("client-connect").await;
        window
            .attribute("[data-testid=\"client-item\"]", "data-state", |state| {
                state == "connected"
            })
            .await;
        // Two charts of one title, and a button that is pressed twice makes one.
        for (topic, made) in [("plant/pump-7", 1), ("plant/pump-8", 2)] {
            publish(tls, &identity, topic, r#"{"rpm": 1480}"#);
            window.go("traffic").await;
            window.choose_publish(topic).await;
            window.find("chart-value").await;
            let twice = "const press = document.querySelector('[data-testid=\"chart-value\"]'); press.click(); press.click();";
            window.script(twice, Vec::new()).await;
            window.find("chart").await;
            let charts = window.ask("charts", Value::Null).await;
            let charts = charts["charts"].as_array().expect("a list of them");
            let of_rpm = charts.iter().filter(|chart| chart["title"] == "rpm");
            assert_eq!(of_rpm.count(), made);
        }
        window.go("traffic").await;
        window.fill("traffic-topic", "").await;
    }

    async fn look_at_every_page(window: &Window, when: &str) -> Vec<String> {
        let mut findings = Vec::new();
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            for page in PAGES {
                window.go(page).await;
                findings.extend(
                    window
                        .accessibility_findings()
                        .await
                        .into_iter()
                        .map(|finding| format!("{page}, {when}, {theme}: {finding}")),
                );
                window.screenshot(&format!("{page}-{when}-{theme}")).await;
            }
            if when == "stopped" {
                continue;
            }
            for (page, name, pressed) in BEHIND {
                window.go(page).await;
                window.click_css(pressed).await;
                match name {
                    "faults" => drop(window.find("faults-drawer").await),
                    _ => drop(
                        window
                            .find_css(&format!("{pressed}[data-state=\"checked\"]"))
                            .await,
                    ),
                }
                findings.extend(
                    window
                        .accessibility_findings()
                        .await
                        .into_iter()
                        .map(|finding| format!("{page}, {name}, {theme}: {finding}")),
                );
                window.screenshot(&format!("{page}-{name}-{theme}")).await;
            }
        }
        findings
    }
}
