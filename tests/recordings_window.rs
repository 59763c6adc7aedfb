//! Recordings in the real window: made, opened, searched, exported, imported and published again.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;

    use acceptance::broker::TCP;
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use acceptance::{Running, Way};
    use fantoccini::Locator;

    const JOB: &str = "[data-testid=\"job\"]:first-child";

    fn publish(port: u16, topic: &str, payload: &str) {
        let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
        finish(publisher.args(["-q", "1", "-t", topic, "-m", payload])).success();
    }

    /// What the newest job says, once it is done.
    async fn done(window: &Window, says: &str) -> String {
        window
            .text_of(&format!("{JOB}[data-state=\"done\"]"), |text| {
                text.contains(says)
            })
            .await
    }

    /// Fills a field of a dialog, by its id.
    async fn fill(window: &Window, id: &str, text: &str) {
        let field = window.find_css(&format!("[role=\"dialog\"] #{id}")).await;
        field.clear().await.expect("a field can be cleared");
        field.send_keys(text).await.expect("a field takes keys");
    }

    /// Confirms a dialog, which goes then.
    async fn confirm(window: &Window) {
        window.click("recording-confirm").await;
        window
            .until("the dialog goes", async || {
                let dialog = window.page.find_all(Locator::Css("[role=\"dialog\"]"));
                dialog.await.ok()?.is_empty().then_some(())
            })
            .await;
    }

    /// How many recordings are listed.
    async fn rows(window: &Window, count: usize) {
        window
            .until(&format!("{count} recordings are listed"), async || {
                let rows = window
                    .page
                    .find_all(Locator::Css("[data-testid=\"recording-row\"]"));
                (rows.await.ok()?.len() == count).then_some(())
            })
            .await;
    }

    #[tokio::test]
    async fn a_recording_is_made_opened_searched_exported_imported_and_published_again() {
        let (data, window, port) = Window::running(TCP).await;
        window.go("recordings").await;
        window.find("record").await;
        window.screenshot("recordings-empty").await;

        // What passes between Record and Stop is in it.
        publish(port, "plant/before", "x");
        window.click("record").await;
        window.find("record-stop").await;
        for n in 0..3 {
            publish(
                port,
                &format!("plant/pump-{n}"),
                &format!("{{\"bar\":{n}}}"),
            );
        }
        publish(port, "other/noise", "x");
        window.click("record-stop").await;
        rows(&window, 1).await;
        let row = "[data-testid=\"recording-row\"]";
        // CONNECT, CONNACK, PUBLISH, PUBACK and DISCONNECT of each of the four.
        window
            .text_of(row, |text| {
                text.contains("20") && !text.contains("recording")
            })
            .await;
        let name = window
            .attribute(row, "data-name", |name| !name.is_empty())
            .await;

        // Opened, it stands in Traffic in place of the live packets, and is searched as they are.
        window.click("recording-open").await;
        window.find("page-traffic").await;
        window.find("recording-banner").await;
        window
            .until("the banner names the recording", async || {
                // The driver takes text that does not fit for text that is not there.
                let text = window.text().await;
                let named = text.contains(&format!("Recording {name} is open"));
                (named && text.contains("20 packets")).then_some(())
            })
            .await;
        publish(port, "plant/pump-0", "live");
        window.fill("traffic-topic", "plant/+").await;
        let published = "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]";
        window
            .until("the three messages are shown", async || {
                let found = window
                    .page
                    .find_all(Locator::Css("[data-testid=\"traffic-row\"]"));
                let publishes = window.page.find_all(Locator::Css(published));
                let (found, publishes) = (found.await.ok()?.len(), publishes.await.ok()?.len());
                (found == 3 && publishes == 3).then_some(())
            })
            .await;
        assert!(!window.text().await.contains("plant/before"));
        window.screenshot("recordings-open").await;
        window.fill("traffic-topic", "").await;
        window.click("recording-close").await;
        window
            .until("the banner goes", async || {
                let banner = Locator::Css("[data-testid=\"recording-banner\"]");
                window
                    .page
                    .find_all(banner)
                    .await
                    .ok()?
                    .is_empty()
                    .then_some(())
            })
            .await;

        // Exported to a file of one's own, and to the folder of exports.
        window.go("recordings").await;
        let export = format!("[aria-label=\"Export {name}\"]");
        window.click_css(&export).await;
        window
            .click_css("[role=\"dialog\"] [role=\"radio\"][data-value=\"jsonl\"]")
            .await;
        fill(&window, "export-topic", "plant/#").await;
        let lines = data.path().join("pumps.jsonl");
        fill(
            &window,
            "export-path",
            lines.to_str().expect("a path is text"),
        )
        .await;
        window.screenshot("recordings-export").await;
        confirm(&window).await;
        done(&window, "pumps.jsonl").await;
        let exported = fs::read_to_string(&lines).expect("the export");
        let topics: Vec<bool> = (0..3)
            .map(|n| exported.contains(&format!("plant/pump-{n}")))
            .collect();
        assert_eq!(topics, [true; 3], "{exported}");
        assert!(!exported.contains("other/noise"));
        window.click_css(&export).await;
        confirm(&window).await;
        done(&window, ".pcapng").await;
        let capture = data.path().join(format!("exports/{name}.pcapng"));
        assert!(capture.exists());

        // Imported, the capture is a recording again.
        window.click("recording-import").await;
        fill(
            &window,
            "import-path",
            capture.to_str().expect("a path is text"),
        )
        .await;
        fill(&window, "import-name", "from the capture").await;
        window.screenshot("recordings-import").await;
        confirm(&window).await;
        done(&window, "20 packets of MQTT in 4 connections").await;
        rows(&window, 2).await;

        // Published again, under other topics, to the broker that runs here.
        let mut subscriber = Way::Tcp.mosquitto("mosquitto_sub", port);
        subscriber.args(["-d", "-q", "1", "-t", "again/#", "-C", "3", "-F", "%t %p"]);
        let subscriber = Running::start(&mut subscriber);
        subscriber.find(0, |_, line| line.contains("SUBACK").then_some(()));
        window
            .click_css(&format!("[aria-label=\"Replay {name}\"]"))
            .await;
        window
            .click_css("[role=\"dialog\"] [role=\"radio\"][data-value=\"max\"]")
            .await;
        fill(&window, "replay-rewrite", "plant/#=again/#").await;
        window.screenshot("recordings-replay").await;
        confirm(&window).await;
        done(&window, "4 messages published").await;
        let heard = subscriber.finish().success();
        for n in 0..3 {
            let line = format!("again/pump-{n} {{\"bar\":{n}}}");
            assert!(heard.out.contains(&line), "{}", heard.out);
        }
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            window.go("recordings").await;
            rows(&window, 2).await;
            window.screenshot(&format!("recordings-{theme}")).await;
            assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        }
        window.close().await;
    }
}
