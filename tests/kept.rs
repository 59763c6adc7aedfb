//! What the broker keeps, in the real window: sessions, their queues, retained messages, and the listeners of Settings.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::collections::BTreeSet;
    use std::fs;

    use acceptance::access::own_branch_is_written;
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use acceptance::{Running, Way};

    const LISTENERS: &str = "# mine\n[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n";

    /// A client of mosquitto's with a session that stays.
    fn sleeper(port: u16, more: &[&str]) -> Running {
        let mut sub = Way::Tcp.mosquitto("mosquitto_sub", port);
        sub.args(["-d", "-c", "-i", "sleeper", "-q", "1", "-t", "plant/#"]);
        Running::start(sub.args(more))
    }

    fn publish(port: u16, more: &[&str]) {
        let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
        finish(publisher.args(["-q", "1"]).args(more)).success();
    }

    /// Waits until so many messages wait for the chosen session's client.
    async fn queue_has(window: &Window, messages: &str) {
        let facts = "[data-testid=\"session-facts\"][data-client=\"sleeper\"]";
        window
            .attribute(facts, "data-queued", |queued| queued == messages)
            .await;
    }

    async fn undo(window: &Window) {
        window.click("toast-action").await;
    }

    /// What axe-core finds on the page as it stands, in both themes; `again` brings back what a reload forgets.
    async fn look(window: &Window, name: &str, again: impl AsyncFn(&Window)) {
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            again(window).await;
            let findings = window.accessibility_findings().await;
            assert_eq!(findings, Vec::<String>::new(), "{name}, {theme}");
            window.screenshot(&format!("{name}-{theme}")).await;
        }
    }

    async fn sessions(window: &Window) {
        window.go("sessions").await;
    }

    async fn retained(window: &Window) {
        window.go("sessions").await;
        window
            .click_css("[role=\"radio\"][data-value=\"retained\"]")
            .await;
        window.find("retained-clear").await;
    }

    #[tokio::test]
    async fn a_queue_fills_while_its_client_is_away_is_dropped_and_put_back_and_drains() {
        let (_data, window, port) = Window::running(LISTENERS).await;
        look(&window, "sessions-empty", sessions).await;
        let client = sleeper(port, &[]);
        client.wait_for("Subscribed (mid");
        client.kill();
        for n in ["1", "2", "3"] {
            publish(port, &["-t", "plant/pump-7", "-m", n]);
        }
        window
            .click_css("[data-testid=\"session-item\"][data-client=\"sleeper\"]")
            .await;
        queue_has(&window, "3").await;
        look(&window, "sessions-full", async |window| {
            sessions(window).await;
            queue_has(window, "3").await;
        })
        .await;

        window.click("session-drop-queue").await;
        queue_has(&window, "0").await;
        undo(&window).await;
        queue_has(&window, "3").await;

        let client = sleeper(port, &["-C", "3", "-F", "got %p"]);
        for n in ["got 1", "got 2", "got 3"] {
            client.wait_for(n);
        }
        client.finish().success();
        queue_has(&window, "0").await;

        // A long one is listed as far as somebody asks for it.
        publish(
            port,
            &["-t", "plant/pump-7", "-m", "late", "--repeat", "130"],
        );
        queue_has(&window, "130").await;
        let listed = async |rows: u64| {
            let count =
                "return document.querySelectorAll('[aria-labelledby=\"queued\"] tbody tr').length";
            window
                .until(&format!("{rows} messages are listed"), async || {
                    let now = window.script(count, Vec::new()).await;
                    (now == rows).then_some(())
                })
                .await;
        };
        listed(100).await;
        window.click("session-more").await;
        listed(130).await;
        window.close().await;
    }

    #[tokio::test]
    async fn two_devices_with_one_client_identifier_are_seen_to_fight() {
        let (_data, window, port) = Window::running(LISTENERS).await;
        // Each comes back by itself, and the other has to go.
        let twin = || {
            let mut sub = Way::Tcp.mosquitto("mosquitto_sub", port);
            Running::start(sub.args(["-d", "-i", "twin", "-t", "plant/#"]))
        };
        let twins = (twin(), twin());
        window.go("sessions").await;
        window
            .text_of("[data-testid=\"session-fight\"]", |text| {
                text.contains("fight over this client identifier")
            })
            .await;
        window.screenshot("sessions-fight").await;

        // Overview tells of it too: who, and from where.
        window.go("overview").await;
        window
            .text_of(
                "[data-testid=\"finding\"][data-severity=\"warning\"]",
                |text| {
                    text.contains("Connections fight over the client identifier twin")
                        && text.contains("127.0.0.1:")
                },
            )
            .await;
        window.screenshot("overview-fight").await;
        drop(twins);
        window.close().await;
    }

    #[tokio::test]
    async fn retained_messages_are_cleared_and_brought_back() {
        let (_data, window, port) = Window::running(LISTENERS).await;
        look(&window, "retained-empty", retained).await;
        for machine in ["pump-7", "tank-2"] {
            let topic = format!("plant/{machine}/state");
            publish(port, &["-i", machine, "-r", "-t", &topic, "-m", "online"]);
        }
        let row = |machine: &str| {
            format!("[data-testid=\"retained-row\"][data-topic=\"plant/{machine}/state\"]")
        };
        window.find_css(&row("pump-7")).await;
        look(&window, "retained-full", async |window| {
            retained(window).await;
            window.find_css(&row("pump-7")).await;
        })
        .await;

        window.click("retained-clear").await;
        let preview = "[data-testid=\"retained-preview\"]";
        window
            .attribute(preview, "data-total", |total| total == "2")
            .await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());
        window.click("retained-confirm").await;
        window
            .text_of("body", |text| {
                text.contains("The broker retains no message.")
            })
            .await;
        undo(&window).await;
        window.find_css(&row("pump-7")).await;
        window.find_css(&row("tank-2")).await;
        let mut subscriber = Way::Tcp.mosquitto("mosquitto_sub", port);
        let got = finish(subscriber.args(["-C", "2", "-t", "plant/#", "-F", "%t %r %p"])).success();
        let lines: BTreeSet<&str> = got.out.lines().collect();
        let expected = ["plant/pump-7/state 1 online", "plant/tank-2/state 1 online"];
        assert_eq!(lines, expected.into_iter().collect());
        window.close().await;
    }

    #[tokio::test]
    async fn a_listener_is_added_opened_and_taken_back() {
        let (data, window, _) = Window::running(LISTENERS).await;
        let file = data.path().join("broker.toml");
        window.go("settings").await;
        window.click("listener-add").await;
        window.fill("listener-name", "tcp").await;
        window.fill("listener-bind", "127.0.0.1:0").await;
        window.click("listener-save").await;
        window
            .text_of("[role=\"dialog\"]", |text| {
                text.contains("There is a listener tcp already.")
            })
            .await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());
        window.screenshot("settings-listener").await;
        window.fill("listener-name", "more").await;
        window.click("listener-save").await;
        window
            .find_css("[data-testid=\"setting\"][data-key=\"listeners.more.bind\"]")
            .await;
        look(&window, "settings-restart", async |window| {
            window.go("settings").await;
            window.find("settings-restart").await;
        })
        .await;
        window
            .click_css("[data-testid=\"settings-restart\"] button")
            .await;
        window.broker_is("running").await;
        window.go("overview").await;
        window.port("more").await;

        window.go("settings").await;
        let remove = "[data-testid=\"listener-remove\"][data-listener=\"more\"]";
        window.click_css(remove).await;
        window.find("toast-action").await; // it is written
        assert_eq!(fs::read_to_string(&file).expect("broker.toml"), LISTENERS);
        undo(&window).await;
        window.find_css(remove).await;
        window.close().await;
    }

    #[tokio::test]
    async fn access_rules_that_were_saved_stay_in_the_editor() {
        let (data, window, _) = Window::running(LISTENERS).await;
        window.go("access").await;
        window.click("access-example").await;
        window
            .attribute("[data-testid=\"access-rules\"]", "data-rules", |now| {
                now == "2"
            })
            .await;
        window.click("access-save").await;
        own_branch_is_written(&window, data.path()).await;
        window.find("toast").await;
        window
            .text_of("[data-testid=\"page-access\"]", |text| {
                text.contains("devices/{client}/#") && !text.contains("Discard changes")
            })
            .await;
        window.close().await;
    }
}
