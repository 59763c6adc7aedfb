//! The way of a message, from a publisher and to a subscriber that no one here wrote, as the real window draws it.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::path::Path;

    use acceptance::broker::{TCP, mqttwb};
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use acceptance::{Maker, Options, Peer, Running, Version, Way};
    use fantoccini::Locator;
    use serde_json::Value;

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

    /// The lanes from left to right; `None` is the broker's.
    async fn lanes(window: &Window) -> Vec<Option<String>> {
        let told = window
            .script(
                "return [...document.querySelectorAll('[data-testid=\"flow-lane\"]')]\
                   .map((lane) => lane.dataset.client ?? null)",
                Vec::new(),
            )
            .await;
        serde_json::from_value(told).expect("names of clients")
    }

    /// The steps of the flow of all packets, once they are these many.
    async fn packets(window: &Window, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
        window
            .until("the packets of the flow", async || {
                let told = window
                    .script(
                        "return [...document.querySelectorAll('[data-testid=\"flow-packets\"] [data-testid=\"flow-step\"]')]\
                           .map((step) => step.textContent.replace(/\\s+/g, ' ').trim())",
                        Vec::new(),
                    )
                    .await;
                let steps: Vec<String> = serde_json::from_value(told).ok()?;
                fits(&steps).then_some(steps)
            })
            .await
    }

    #[tokio::test]
    async fn the_flow_is_that_of_two_clients_or_of_a_span_of_time_as_a_person_chooses() {
        let (_data, window, port) = Window::running(TCP).await;
        let ops = subscriber(port, "ops", "1", "plant/#");
        let log = subscriber(port, "log", "1", "plant/#");
        let send = |client: &str, topic: &str| {
            let options = Options::new(client, Version::V5);
            let mut peer = Peer::open_at(Maker::Paho, port, &Way::Tcp, options);
            peer.publish(topic, "17.5", 1, false);
            ops.wait_for(topic);
            log.wait_for(topic);
            peer.disconnect();
        };
        for (client, topic) in [("pump", "a"), ("valve", "v"), ("pump", "b"), ("valve", "w")] {
            send(client, &format!("plant/{topic}"));
        }
        window.go("traffic").await;

        // Two lanes are picked, and what is drawn is theirs alone: the broker between them, each arrow with its packet id.
        window.click_css(&tab(3)).await;
        for client in ["pump", "ops"] {
            let lane = format!("[data-testid=\"flow-lane\"][data-client=\"{client}\"]");
            window.click_css(&lane).await;
            window
                .find_css(&format!("{lane}[aria-pressed=\"true\"]"))
                .await;
        }
        window.screenshot("flow-lanes-picked").await;
        window.click("flow-only").await;
        let of_both = |step: &String| step.contains("pump") || step.contains("ops");
        let steps = packets(&window, |steps| {
            !steps.is_empty() && steps.iter().all(of_both)
        })
        .await;
        let [pump, ops_lane] = ["pump", "ops"].map(|name| Some(name.to_owned()));
        assert_eq!(lanes(&window).await, [pump, None, ops_lane]);
        in_order(
            &steps,
            &[
                &["pump to the broker", "PUBLISH q1 id ", "plant/a"],
                &["the broker to ops", "PUBLISH q1 id ", "plant/a"],
                &["pump to the broker", "PUBLISH q1 id ", "plant/b"],
                &["the broker to ops", "PUBLISH q1 id ", "plant/b"],
                &["ops to the broker", "PUBACK id "],
            ],
        );
        let from_pump = steps
            .iter()
            .filter(|step| step.contains("pump to the broker") && step.contains("PUBLISH"));
        assert_eq!(from_pump.count(), 2, "{steps:#?}");
        window.screenshot("flow-two-clients").await;

        // A span of time: from the PUBLISH of a message up to its last delivery.
        window.click("traffic-all").await;
        window.click_css(&tab(2)).await;
        window.fill("traffic-topic", "plant/b").await;
        let row = "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]";
        let [first, _, last] = window
            .until("the message and its two deliveries", async || {
                let rows = window
                    .page
                    .find_all(Locator::Css("[data-testid=\"traffic-row\"]"))
                    .await
                    .ok()?;
                let mut seqs = Vec::new();
                for each in rows {
                    each.text()
                        .await
                        .ok()
                        .filter(|text| text.contains("plant/b"))?;
                    seqs.push(each.attr("data-seq").await.ok()??);
                }
                <[String; 3]>::try_from(seqs).ok()
            })
            .await;
        for (seq, end) in [
            (first, "traffic-from-chosen"),
            (last, "traffic-until-chosen"),
        ] {
            window.choose(&format!("{row}[data-seq=\"{seq}\"]")).await;
            // The popover speaks of the chosen packet once it is read.
            window
                .find_css(&format!("[data-testid=\"inspector\"][data-seq=\"{seq}\"]"))
                .await;
            window.click("traffic-more").await;
            window.click(end).await;
            window.click("traffic-apply").await;
        }
        window.fill("traffic-topic", "").await;
        window.click_css(&tab(3)).await;
        window.click("flow-all").await;
        let publish = |step: &&String| step.contains("PUBLISH");
        let steps = packets(&window, |steps| {
            steps
                .first()
                .is_some_and(|step| step.contains("pump to the broker"))
                && steps.iter().filter(publish).count() == 3
        })
        .await;
        let published: Vec<&String> = steps.iter().filter(publish).collect();
        assert!(
            published.iter().all(|step| step.contains("plant/b")),
            "{steps:#?}"
        );
        assert!(
            steps.last().is_some_and(|step| step.contains("plant/b")),
            "{steps:#?}"
        );
        for client in ["ops", "log"] {
            let delivered = |step: &&&String| step.contains(&format!("the broker to {client}"));
            assert_eq!(published.iter().filter(delivered).count(), 1, "{steps:#?}");
        }
        window.screenshot("flow-span-of-time").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());

        // However many lanes there are, their names stand above their arrows.
        window.click("traffic-all").await;
        packets(&window, |steps| steps.len() > 8).await;
        let wide = window
            .script(
                "const inner = document.querySelector('[data-testid=\"flow-packets\"] .inner');\
                 const rows = inner.querySelector('.rows');\
                 return [inner.scrollWidth - inner.clientWidth, inner.clientWidth - rows.offsetWidth]",
                Vec::new(),
            )
            .await;
        assert_eq!(wide, serde_json::json!([0, 0]));
        window.theme("dark").await;
        window.go("traffic").await;
        window.click_css(&tab(3)).await;
        packets(&window, |steps| steps.len() > 8).await;
        window.screenshot("flow-packets-dark").await;
        window.close().await;
    }

    #[tokio::test]
    async fn each_quality_of_service_is_drawn_with_its_own_handshake() {
        let (_data, window, port) = Window::running(TCP).await;
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

        // Under the pointer an arrow says what it carries, field by field, over the bytes.
        let arrow = "[data-testid=\"flow-step\"]:first-of-type";
        let seq = window
            .attribute(arrow, "data-seq", |seq| !seq.is_empty())
            .await;
        window.point_at(arrow).await;
        let hover = format!("[data-testid=\"flow-hover\"][data-seq=\"{seq}\"]");
        let told = window
            .text_of(&hover, |text| text.contains("plant/v5-2"))
            .await;
        for part in ["packet identifier", "topic name", "17.5", "3413"] {
            assert!(told.contains(part), "{part} in {told}");
        }
        window.screenshot("flow-hover").await;
        window.close().await;
    }

    #[tokio::test]
    async fn a_lost_puback_and_a_cut_make_a_duplicate_and_a_lost_pubrec_makes_none() {
        let (data, window, port) = Window::running(TCP).await;
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
        let (_data, window, port) = Window::running(TCP).await;
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
