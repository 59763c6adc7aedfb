//! The Access page in the real window, used as a person would.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::time::{SystemTime, UNIX_EPOCH};

    use acceptance::broker::mqttwb;
    use acceptance::process::{finish, top};
    use acceptance::screen::Window;
    use acceptance::{Running, Way};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as URL;

    const TCP: &str = "[listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n";
    const SECRET: &[u8] = b"thirty-two bytes are long enough";

    /// A token of the secret, for an hour.
    fn token(user: &str) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock");
        let header = URL.encode(r#"{"alg":"HS256"}"#);
        let end = now.as_secs() + 3_600;
        let claims = URL.encode(format!(r#"{{"sub":"{user}","exp":{end},"site":"oslo"}}"#));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
        let message = format!("{header}.{claims}");
        let signature = URL.encode(ring::hmac::sign(&key, message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Publishes at QoS 1, and waits for what the broker says to it.
    fn publish(port: u16, client: &str, topic: &str) {
        let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
        finish(publisher.args([
            "-V", "mqttv5", "-i", client, "-q", "1", "-t", topic, "-m", "x",
        ]));
    }

    async fn tab(window: &Window, name: &str) {
        window
            .click_css(&format!("[role=\"radio\"][data-value=\"{name}\"]"))
            .await;
        window
            .find_css(&format!(
                "[role=\"radio\"][data-value=\"{name}\"][aria-checked=\"true\"]"
            ))
            .await;
    }

    /// Waits until the editor's text was found to be so many rules.
    async fn rules_are(window: &Window, rules: &str) {
        window
            .attribute("[data-testid=\"access-rules\"]", "data-rules", |now| {
                now == rules
            })
            .await;
    }

    #[tokio::test]
    async fn rules_are_written_asked_and_a_denial_becomes_one() {
        let (data, window, port) = Window::running(TCP).await;
        window.go("access").await;
        // An account, before any rule.
        tab(&window, "accounts").await;
        window.click("account-add").await;
        window.fill("account-name", "ann").await;
        window.fill("account-password", "a password").await;
        window.click("account-save").await;
        window
            .find_css("[data-testid=\"account-row\"][data-name=\"ann\"]")
            .await;
        window.screenshot("access-accounts").await;

        // Rules hold when they are saved.
        tab(&window, "rules").await;
        window.click("access-example").await;
        rules_are(&window, "2").await;
        window.click("access-save").await;
        window
            .until("the rules are in the file", async || {
                let text = fs::read_to_string(data.path().join("acl.toml")).ok()?;
                text.contains("devices/{client}/#").then_some(())
            })
            .await;
        rules_are(&window, "2").await;
        // The editor holds what was saved, and has nothing to discard.
        window
            .until("nothing is to be saved", async || {
                let said = window.text().await;
                let holds =
                    said.contains("devices/{client}/#") && !said.contains("Discard changes");
                holds.then_some(())
            })
            .await;
        window.screenshot("access-rules").await;

        // What if, and who can.
        tab(&window, "what-if").await;
        window.fill("what-if-topic", "plant/valve/open").await;
        window.click("what-if-ask").await;
        window
            .attribute(
                "[data-testid=\"what-if-verdict\"]",
                "data-allowed",
                |allowed| allowed == "false",
            )
            .await;
        let said = window.text().await;
        assert!(said.contains("Who can") && said.contains("ann"), "{said}");
        window.screenshot("access-what-if").await;

        // A denial becomes a rule, which is looked at and saved.
        publish(port, "bob", "plant/valve/open");
        tab(&window, "denials").await;
        window
            .find_css("[data-testid=\"denial-row\"][data-topic=\"plant/valve/open\"][data-client=\"bob\"]")
            .await;
        window.screenshot("access-denials").await;
        window
            .click_css("[data-topic=\"plant/valve/open\"] [data-testid=\"denial-allow\"]")
            .await;
        rules_are(&window, "3").await;
        window.click("access-save").await;
        window
            .until("the broker goes by the new rule", async || {
                let ask = [
                    "access",
                    "whatif",
                    "publish",
                    "plant/valve/open",
                    "--client",
                    "bob",
                ];
                let said = finish(mqttwb(data.path()).args(ask)).out;
                said.starts_with("allowed").then_some(())
            })
            .await;
        tab(&window, "findings").await;
        window.find("finding").await;
        window.screenshot("access-findings").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close().await;
    }

    /// Waits until there is a finding whose title begins so, or none.
    async fn finding_is(window: &Window, title: &str, there: bool) {
        let look = "return Array.from(document.querySelectorAll('[data-testid=\"finding\"]'))\
                    .some((each) => each.dataset.title.startsWith(arguments[0]))";
        window
            .until(title, async || {
                let found = window.script(look, vec![title.into()]).await;
                (found.as_bool() == Some(there)).then_some(())
            })
            .await;
    }

    /// Chooses what mends a finding and says yes where it is asked, until the finding is gone: it may be drawn anew under
    /// the click.
    async fn mend(window: &Window, title: &str, act: &str) {
        let click = "const found = Array.from(document.querySelectorAll('[data-testid=\"finding\"]'))\
                     .find((each) => each.dataset.title.startsWith(arguments[0]));\
                     const ask = document.querySelector('[role=\"alertdialog\"] .danger');\
                     const button = ask ?? found?.querySelector(`[data-act=\"${arguments[1]}\"]`);\
                     if (button && !button.disabled) button.click();\
                     return !found && !ask;";
        window
            .until(&format!("{title} is mended"), async || {
                let words = vec![title.into(), act.into()];
                (window.script(click, words).await.as_bool() == Some(true)).then_some(())
            })
            .await;
    }

    #[tokio::test]
    async fn a_finding_is_mended_by_its_button_and_taken_back() {
        let endless = format!("{TCP}\n[mqtt]\nsession_expiry_max = \"never\"\n");
        let (data, window, _) = Window::running(&endless).await;
        let both = "[[rule]]\nallow = \"both\"\ntopic = \"a\"\n[[rule]]\nallow = \"both\"\ntopic = \"#\"\n";
        let rules = data.path().join("new.toml");
        fs::write(&rules, both).expect("a file");
        finish(mqttwb(data.path()).args(["access", "import"]).arg(&rules)).success();
        window.go("access").await;
        tab(&window, "findings").await;
        // A key of broker.toml, which holds at once.
        finding_is(&window, "Sessions may be kept for ever", true).await;
        mend(&window, "Sessions may be kept for ever", "set").await;
        let config = fs::read_to_string(data.path().join("broker.toml")).expect("its file");
        assert!(config.contains("session_expiry_max = \"30 d\""), "{config}");
        // A rule is taken out, and comes back.
        mend(&window, "Everybody is allowed everything", "removeRule").await;
        let text = || fs::read_to_string(data.path().join("acl.toml")).expect("its file");
        assert!(!text().contains('#'), "{}", text());
        window
            .until("the rule is back", async || {
                let undo = "Array.from(document.querySelectorAll('[data-testid=\"toast-action\"]')).at(-1)?.click()";
                window.script(undo, Vec::new()).await;
                text().contains('#').then_some(())
            })
            .await;
        window.screenshot("access-mended").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close().await;
    }

    #[tokio::test]
    async fn what_clients_do_is_learned_looked_at_and_accepted() {
        let (data, window, port) = Window::running(TCP).await;
        window.go("access").await;
        tab(&window, "learn").await;
        window.click("learn-start").await;
        window
            .attribute("[data-testid=\"access-learn\"]", "data-learning", |now| {
                now == "true"
            })
            .await;
        publish(port, "pump-1", "devices/pump-1/state");
        publish(port, "pump-2", "devices/pump-2/state");
        window
            .attribute("[data-testid=\"learn-seen\"]", "data-seen", |seen| {
                seen == "2"
            })
            .await;
        window.click("learn-stop").await;
        window
            .attribute("[data-testid=\"access-learn\"]", "data-learning", |now| {
                now == "false"
            })
            .await;
        window.find("learn-rule").await;
        window.screenshot("access-learn").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.click("learn-accept").await;
        window
            .until("the learned rule is in the file", async || {
                let text = fs::read_to_string(data.path().join("acl.toml")).ok()?;
                text.contains("devices/{client}/state").then_some(())
            })
            .await;
        let verdict = |client: &str| {
            let ask = [
                "access",
                "whatif",
                "publish",
                "devices/pump-1/state",
                "--client",
                client,
            ];
            finish(mqttwb(data.path()).args(ask)).out
        };
        assert!(verdict("pump-1").starts_with("allowed"));
        assert!(verdict("pump-2").starts_with("denied"));
        window.close().await;
    }

    #[tokio::test]
    async fn tokens_are_seen_and_looked_at() {
        let keys = tempfile::tempdir().expect("a temporary folder");
        let secret = keys.path().join("secret");
        fs::write(&secret, SECRET).expect("a file in it");
        let config = format!(
            "{TCP}\n[access.jwt]\nsecret = {:?}\n",
            secret.display().to_string()
        );
        let (_data, window, port) = Window::running(&config).await;
        window.go("access").await;
        tab(&window, "accounts").await;
        let said = window
            .text_of("[data-testid=\"access-tokens\"]", |text| {
                text.contains("HS256")
            })
            .await;
        assert!(said.contains("OAUTH2-JWT"), "{said}");
        window.fill("token-text", &token("pump-7")).await;
        window.click("token-check").await;
        window
            .attribute("[data-testid=\"token-verdict\"]", "data-taken", |taken| {
                taken == "true"
            })
            .await;
        window.screenshot("access-tokens").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.fill("token-text", "eyJhbGciOiJub25lIn0.e30.").await;
        window.click("token-check").await;
        window
            .attribute("[data-testid=\"token-verdict\"]", "data-taken", |taken| {
                taken == "false"
            })
            .await;
        // One that a client shows in vain is told with why.
        let mut publisher = Way::Tcp.mosquitto("mosquitto_pub", port);
        finish(publisher.args([
            "-i",
            "c",
            "-u",
            "c",
            "-P",
            "eyJhbGciOiJub25lIn0.e30.",
            "-t",
            "t",
            "-m",
            "x",
        ]));
        tab(&window, "denials").await;
        window
            .until("the denial says why", async || {
                let said = window.text().await;
                said.contains("the token's algorithm is none").then_some(())
            })
            .await;
        window.close().await;
    }

    #[tokio::test]
    async fn mosquitto_s_rules_and_accounts_are_taken_over_and_rules_are_written_for_others() {
        let (data, window, _) = Window::running(TCP).await;
        window.go("access").await;
        tab(&window, "rules").await;
        window.click("rules-import").await;
        window
            .fill("rules-import-text", "pattern readwrite devices/%c/#")
            .await;
        window.click("rules-import-read").await;
        window.find("rules-notes").await;
        window.screenshot("access-import").await;
        window.click("rules-import-take").await;
        rules_are(&window, "1").await;
        window.click("access-save").await;
        window
            .until("the rules are in the file", async || {
                let text = fs::read_to_string(data.path().join("acl.toml")).ok()?;
                text.contains("devices/{client}/#").then_some(())
            })
            .await;
        window.click("rules-export").await;
        window
            .text_of("[data-testid=\"rules-exported\"]", |text| {
                text.contains("devices/%c/#")
            })
            .await;
        window.screenshot("access-export").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close().await;
    }

    /// Not a test: `cargo test -p acceptance --test access_window -- --ignored` writes `docs/screenshots`.
    #[tokio::test]
    #[ignore = "takes the pictures of docs/access.md"]
    async fn the_pictures_of_access() {
        let rules = "[groups]\noperators = [\"ann\"]\n\n[[rule]]\nname = \"devices keep their own branch\"\n\
                     allow = \"both\"\ntopic = \"devices/{client}/#\"\nmax_qos = 1\n\n[[rule]]\n\
                     name = \"everything, for now\"\nallow = \"subscribe\"\ntopic = \"#\"\n";
        let endless = format!("{TCP}\n[mqtt]\nsession_expiry_max = \"never\"\n");
        let (data, window, port) = Window::running(&endless).await;
        let file = data.path().join("new.toml");
        fs::write(&file, rules).expect("a file");
        finish(mqttwb(data.path()).args(["access", "import"]).arg(&file)).success();
        let logger = Running::start(Way::Tcp.mosquitto("mosquitto_sub", port).args([
            "-d",
            "-V",
            "mqttv5",
            "-i",
            "logger",
            "-c",
            "-x",
            "4294967295",
            "-q",
            "1",
            "-t",
            "#",
        ]));
        logger.wait_for("Subscribed (mid");
        for (client, topic) in [
            ("bob", "plant/valve/open"),
            ("pump-7", "devices/pump-8/state"),
        ] {
            publish(port, client, topic);
        }
        let folder = top().join("docs/screenshots");
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            window.go("access").await;
            tab(&window, "rules").await;
            rules_are(&window, "2").await;
            window
                .picture(&folder, &format!("access-rules-{theme}"))
                .await;
            tab(&window, "what-if").await;
            window.fill("what-if-topic", "plant/valve/open").await;
            window.click("what-if-ask").await;
            window.find("what-if-verdict").await;
            window
                .picture(&folder, &format!("access-what-if-{theme}"))
                .await;
            tab(&window, "denials").await;
            window.find("denial-row").await;
            window
                .picture(&folder, &format!("access-denials-{theme}"))
                .await;
            tab(&window, "findings").await;
            finding_is(&window, "1 session never expires", true).await;
            window
                .picture(&folder, &format!("access-findings-{theme}"))
                .await;
        }
        logger.kill();
        window.close().await;
    }
}
