//! The Access page in the real window, used as a person would.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::time::{SystemTime, UNIX_EPOCH};

    use acceptance::access::{
        HASH, endless_session, import_account, import_rules, own_branch_is_written,
    };
    use acceptance::broker::{TCP, mqttwb};
    use acceptance::process::{finish, top};
    use acceptance::screen::Window;
    use acceptance::{Running, Way};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as URL;

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
        window.segment("accounts").await;
        window.click("account-add").await;
        window.fill("account-name", "ann").await;
        window.fill("account-password", "a password").await;
        window.click("account-save").await;
        window
            .find_css("[data-testid=\"account-row\"][data-name=\"ann\"]")
            .await;
        window.screenshot("access-accounts").await;

        // Rules hold when they are saved.
        window.segment("rules").await;
        window.click("access-example").await;
        rules_are(&window, "2").await;
        window.click("access-save").await;
        own_branch_is_written(&window, data.path()).await;
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
        window.segment("what-if").await;
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
        window.segment("denials").await;
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
        window.segment("findings").await;
        window.find("finding").await;
        window.screenshot("access-findings").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close().await;
    }

    #[tokio::test]
    async fn what_clients_do_is_learned_looked_at_and_accepted() {
        let (data, window, port) = Window::running(TCP).await;
        window.go("access").await;
        window.segment("learn").await;
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
        // What was seen is the most that is allowed: QoS 1, and nothing retained.
        window.segment("what-if").await;
        window.fill("what-if-topic", "devices/pump-1/state").await;
        window.fill("what-if-client", "pump-1").await;
        let asked = async |allowed: &'static str, why: &str| {
            window.click("what-if-ask").await;
            let verdict = "[data-testid=\"what-if-verdict\"]";
            let is = |now: &str| now == allowed;
            window.attribute(verdict, "data-allowed", is).await;
            window.text_of(verdict, |text| text.contains(why)).await;
        };
        asked("true", "learned").await;
        window.segment("2").await;
        asked("false", "it allows QoS 1 at most").await;
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
        let (data, window, port) = Window::running(&config).await;
        window.go("access").await;
        window.segment("accounts").await;
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
        // Accounts are asked before tokens, until a person turns that round; it can be taken back.
        let order = "[data-testid=\"access-order\"]";
        let next = async |wanted: &'static str| {
            let is = |now: &str| now == wanted;
            window.attribute(order, "data-next", is).await;
        };
        next("accounts,jwt").await;
        window.screenshot("access-order").await;
        window.click("access-order-swap").await;
        next("jwt,accounts").await;
        let now = window.attribute(order, "data-order", |_| true).await;
        assert_eq!(now, "accounts,jwt", "until the next start");
        let file = || fs::read_to_string(data.path().join("broker.toml")).expect("its file");
        assert!(
            file().contains("methods = [\"jwt\", \"accounts\"]"),
            "{}",
            file()
        );
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.click("access-order-swap").await;
        next("accounts,jwt").await;
        // Who has come in, and by which proof.
        let mut subscriber = Way::Tcp.mosquitto("mosquitto_sub", port);
        subscriber.args(["-d", "-i", "pump", "-u", "pump", "-P", &token("pump-7")]);
        let subscriber = Running::start(subscriber.args(["-t", "t"]));
        subscriber.wait_for("Subscribed (mid");
        window.go("sessions").await;
        let proofs = "document.querySelector('[data-testid=\"session-item\"][data-client=\"pump\"]')?.click();\
                      return document.querySelector('[data-testid=\"session-proofs\"]')?.textContent;";
        window
            .until("the session says what proved it", async || {
                let said = window.script(proofs, Vec::new()).await;
                said.as_str()?.contains("token pump-7").then_some(())
            })
            .await;
        subscriber.kill();
        window.go("access").await;
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
        window.segment("denials").await;
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
        window.segment("rules").await;
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
        own_branch_is_written(&window, data.path()).await;
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
        let keys = tempfile::tempdir().expect("a temporary folder");
        let secret = keys.path().join("secret");
        fs::write(&secret, SECRET).expect("a file in it");
        let config = format!(
            "{TCP}\n[mqtt]\nsession_expiry_max = \"never\"\n[access.jwt]\nsecret = {:?}\n",
            secret.display().to_string()
        );
        let (data, window, port) = Window::running(&config).await;
        import_rules(data.path(), rules);
        let logger = endless_session(port, "logger", "#");
        for (client, topic) in [
            ("bob", "plant/valve/open"),
            ("pump-7", "devices/pump-8/state"),
        ] {
            publish(port, client, topic);
        }
        let folder = top().join("docs/screenshots");
        import_account(data.path(), "ann");
        finish(mqttwb(data.path()).args(["access", "learn", "start"])).success();
        for (client, topic) in [
            ("pump-7", "devices/pump-7/state"),
            ("pump-8", "devices/pump-8/state"),
            ("planner", "plant/shift"),
        ] {
            publish(port, client, topic);
        }
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            window.go("access").await;
            let picture = async |name: &str| {
                window
                    .picture(&folder, &format!("access-{name}-{theme}"))
                    .await;
            };
            window.segment("rules").await;
            rules_are(&window, "2").await;
            picture("rules").await;
            window.click("rules-import").await;
            // Typing takes no line breaks.
            window
                .script(
                    "const field = document.querySelector('[data-testid=\"rules-import-text\"]');\
                     field.value = arguments[0]; field.dispatchEvent(new Event('input', { bubbles: true }));",
                    vec!["pattern readwrite devices/%c/#\nuser ann\ntopic read plant/#\ntopic deny plant/secret/#".into()],
                )
                .await;
            window.click("rules-import-read").await;
            window.find("rules-notes").await;
            picture("import").await;
            window.close_dialog().await;
            window.segment("accounts").await;
            window
                .find_css("[data-testid=\"account-row\"][data-name=\"ann\"]")
                .await;
            window
                .text_of("[data-testid=\"access-tokens\"]", |text| {
                    text.contains("HS256")
                })
                .await;
            window.fill("token-text", &token("pump-7")).await;
            window.click("token-check").await;
            window.find("token-verdict").await;
            picture("accounts").await;
            window.click("accounts-import").await;
            window
                .fill("accounts-import-text", &format!("bob:{HASH}"))
                .await;
            picture("import-accounts").await;
            window.close_dialog().await;
            window.segment("what-if").await;
            window.fill("what-if-topic", "plant/valve/open").await;
            window.click("what-if-ask").await;
            window
                .until("who can is told", async || {
                    window.text().await.contains("Known by").then_some(())
                })
                .await;
            picture("what-if").await;
            window.segment("denials").await;
            window.find("denial-row").await;
            picture("denials").await;
            window.segment("learn").await;
            window.find("learn-rule").await;
            picture("learn").await;
            window.segment("findings").await;
            window
                .find_css("[data-testid=\"finding\"][data-title=\"1 session never expires\"]")
                .await;
            picture("findings").await;
        }
        logger.kill();
        window.close().await;
    }
}
