//! The way of a message, from a publisher and to a subscriber that no one here wrote, as the real window draws it.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::path::Path;

    use acceptance::broker::mqttwb;
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use acceptance::{Maker, Options, Peer, Running, Version, Way};
    use serde_json::Value;

    const LISTENERS: &str = "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n";
    const VERSIONS: [(Version, &str); 2] = [(Version::V311, "v311"), (Version::V5, "v5")];

    fn subscriber(port: u16, client: &str, qos: &str, filter: &str) -> Running {
        let subscriber = Running::start(
            Way::Tcp
                .mosquitto("mosquitto_sub", port)
                .args(["-d", "-V", "mqttv5", "-i", client, "-q", qos, "-t", filter]),
        );
        subscriber.wait_for("Subscribed (mid");
        subscriber
    }

    /// The first answer of this type to this client is lost, and the connection with it.
    fn lose(data: &Path, client: &str, packet: &str) {
        let mut rule = mqttwb(data);
        rule.args(["broker", "faults", "add", client, "cut-before"]);
        rule.args(["--client", client, "--packet", packet]);
        rule.args(["--direction", "to-client", "--first", "1"]);
        finish(&mut rule).success();
    }

    fn tab(number: usize) -> String {
        format!("[data-testid=\"traffic-tabs\"] button:nth-child({number})")
    }

    /// The steps of the flow that is shown, as they are read to who does not see them, once their message's way is this.
    async fn flow(window: &Window, row: &str, outcome: &str) -> Vec<String> {
        window.click_css(&tab(1)).await;
        let seq = window.choose(row).await;
        window.click_css(&tab(3)).await;
        let story = format!("[data-testid=\"flow\"][data-seq=\"{seq}\"]");
        window
            .attribute(&story, "data-outcome", |told| told == outcome)
            .await;
        window
            .until("the steps of the flow", async || {
                let steps = window
                    .script(
                        "return [...document.querySelectorAll('[data-testid=\"flow-step\"]')]\
                           .map((step) => step.textContent.replace(/\\s+/g, ' ').trim())",
                        Vec::new(),
                    )
                    .await;
                let steps: Vec<String> = steps
                    .as_array()?
                    .iter()
                    .map(|step| step.as_str().unwrap_or_default().to_owned())
                    .collect();
                (!steps.is_empty()).then_some(steps)
            })
            .await
    }

    /// The row of the message on a topic, when it has come so far.
    async fn message(window: &Window, topic: &str, deliveries: u32) -> String {
        window.click_css(&tab(1)).await;
        window.fill("traffic-topic", topic).await;
        let row = format!(
            "[data-testid=\"message-row\"][data-deliveries=\"{deliveries}\"][data-done=\"{deliveries}\"]"
        );
        window.text_of(&row, |text| text.contains(topic)).await;
        row
    }

    /// That each of these is in a step, one behind the other.
    fn in_order(steps: &[String], expected: &[&[&str]]) {
        let mut left = steps.iter();
        for words in expected {
            let found = left.any(|step| words.iter().all(|word| step.contains(word)));
            assert!(found, "{words:?} is missing or late in {steps:#?}");
        }
    }

    async fn notes(window: &Window) -> String {
        window
            .text_of("[data-testid=\"flow-notes\"]", |text| !text.is_empty())
            .await
    }

    #[tokio::test]
    async fn each_quality_of_service_is_drawn_with_its_own_handshake() {
        let (_data, window, port) = Window::running(LISTENERS).await;
        let ops = subscriber(port, "ops", "2", "plant/#");
        window.go("traffic").await;
        for (version, name) in VERSIONS {
            for qos in 0..3u64 {
                let topic = format!("plant/{name}-{qos}");
                let options = Options::new("pump", version);
                let mut pump = Peer::open_at(Maker::Paho, port, &Way::Tcp, options);
                pump.publish(&topic, "17.5", qos, false);
                ops.wait_for(&topic);
                let row = message(&window, &topic, 1).await;
                let steps = flow(&window, &row, "delivered to ops").await;
                let publish = format!("PUBLISH q{qos}");
                let [to, from] = [
                    &["pump to the broker", publish.as_str()][..],
                    &["the broker to ops", publish.as_str()][..],
                ];
                in_order(&steps, &[to, from]);
                let names: Vec<&str> = match qos {
                    0 => Vec::new(),
                    1 => vec!["PUBACK"],
                    _ => vec!["PUBREC", "PUBREL", "PUBCOMP"],
                };
                for client in ["pump", "ops"] {
                    let of: Vec<Vec<&str>> = names.iter().map(|name| vec![client, *name]).collect();
                    let of: Vec<&[&str]> = of.iter().map(Vec::as_slice).collect();
                    in_order(&steps, &of);
                }
                assert_eq!(steps.len(), 2 + 2 * names.len(), "{steps:#?}");
                pump.disconnect();
            }
        }
        window.screenshot("flow-qos-2").await;
        window.close().await;
    }

    #[tokio::test]
    async fn a_lost_puback_and_a_cut_make_a_duplicate_and_a_lost_pubrec_makes_none() {
        let (data, window, port) = Window::running(LISTENERS).await;
        let ops = subscriber(port, "ops", "2", "plant/#");
        window.go("traffic").await;
        for (version, name) in VERSIONS {
            for (qos, answer) in [(1, "PUBACK"), (2, "PUBREC")] {
                let client = format!("pump-{name}-{qos}");
                lose(data.path(), &client, answer);
                let topic = format!("plant/{client}");
                let options = Options::new(&client, version).keep_session().reconnect();
                let mut pump = Peer::open_at(Maker::Paho, port, &Way::Tcp, options);
                pump.publish(&topic, "17.5", qos, false);
                ops.wait_for(&topic);
                let (deliveries, outcome) = match qos {
                    1 => (2, "delivered twice to ops"),
                    _ => (1, "delivered to ops"),
                };
                let row = message(&window, &topic, deliveries).await;
                let steps = flow(&window, &row, outcome).await;
                in_order(
                    &steps,
                    &[
                        &[&client, "to the broker", "PUBLISH"],
                        &["the broker to", &client, answer, "did not arrive"],
                        &["connection ended", "fault rule"],
                        &[&client, "to the broker", "CONNECT"],
                        &["the broker to", "CONNACK", "session present"],
                        &[&client, "to the broker", "PUBLISH", "DUP"],
                        &["the broker to", &client, answer],
                    ],
                );
                let duplicate = steps.iter().any(|step| step.contains("duplicate"));
                assert_eq!(duplicate, qos == 1, "{steps:#?}");
                let told = notes(&window).await;
                assert!(told.contains("[MQTT-4.4.0-1]"), "{told}");
                let why = match qos {
                    1 => "At least once",
                    _ => "Exactly once",
                };
                assert!(told.contains(why), "{told}");
                window
                    .screenshot(&format!("flow-lost-{answer}-{name}"))
                    .await;

                // The same in a shell, by the number that the window shows.
                window.click_css(&tab(1)).await;
                let number = window
                    .attribute(&row, "data-message", |n| !n.is_empty())
                    .await;
                let told = finish(mqttwb(data.path()).args(["story", "--message", &number]));
                let told = told.success().out;
                assert!(told.contains(outcome) && told.contains("DUP"), "{told}");
                let json =
                    finish(mqttwb(data.path()).args(["--json", "story", "--message", &number]));
                let json: Value = serde_json::from_str(&json.success().out).expect("JSON");
                assert_eq!(json["outcome"], outcome);
                pump.disconnect();
            }
        }
        window.close().await;
    }

    #[tokio::test]
    async fn the_will_of_a_killed_client_begins_with_its_connect() {
        let (_data, window, port) = Window::running(LISTENERS).await;
        let ops = subscriber(port, "ops", "1", "plant/#");
        let options = Options::new("doomed", Version::V5).will("plant/doomed", "gone", 1, false);
        let doomed = Peer::open_at(Maker::Paho, port, &Way::Tcp, options);
        doomed.kill();
        ops.wait_for("plant/doomed");
        window.go("traffic").await;
        let row = message(&window, "plant/doomed", 1).await;
        let steps = flow(&window, &row, "delivered to ops").await;
        in_order(
            &steps,
            &[
                &["doomed to the broker", "CONNECT"],
                &["doomed: connection ended"],
                &["the broker to ops", "PUBLISH"],
                &["ops to the broker", "PUBACK"],
            ],
        );
        assert!(notes(&window).await.contains("will of doomed"));
        window.screenshot("flow-will").await;

        // The tree has the topic, and choosing it shows its traffic alone.
        window.fill("traffic-topic", "").await;
        window.fill("topic-filter", "doom").await;
        let topic = "[data-testid=\"topic-item\"][data-topic=\"plant/doomed\"]";
        window.text_of(topic, |text| text.contains("gone")).await;
        window.click_css(topic).await;
        window
            .text_of("[data-testid=\"topic-detail\"]", |text| {
                text.contains("ops")
            })
            .await;
        window.click_css(&tab(2)).await;
        let rows = "[data-testid=\"traffic-row\"]";
        window
            .text_of(rows, |text| text.contains("plant/doomed"))
            .await;
        window.screenshot("traffic-tree").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close().await;
    }
}
