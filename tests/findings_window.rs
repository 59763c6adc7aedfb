//! Each button that mends a finding, pressed in the real window: it acts, and the finding is gone.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use acceptance::Way;
    use acceptance::access::{endless_session, import_account, import_rules};
    use acceptance::authority::{self, DUE, list_number};
    use acceptance::broker::{TCP, mqttwb};
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use serde_json::Value;
    use tempfile::TempDir;

    const SECRET: &str = "correct horse";

    /// Whether a client that proves nothing comes in.
    fn comes_in(port: u16) -> bool {
        let words = ["-q", "1", "-t", "t", "-m", "x"];
        finish(Way::Tcp.mosquitto("mosquitto_pub", port).args(words))
            .status
            .success()
    }

    fn is_good_for_300_days(certificate: &Path) -> bool {
        let seconds = (300 * 24 * 60 * 60).to_string();
        let mut openssl = Command::new("openssl");
        openssl
            .args(["x509", "-noout", "-checkend", &seconds, "-in"])
            .arg(certificate);
        finish(&mut openssl).status.success()
    }

    /// A folder whose authority is under a passphrase, and whose list is to be signed anew.
    fn with_a_list_that_waits() -> TempDir {
        let data = tempfile::tempdir().expect("a temporary folder");
        fs::write(data.path().join("broker.toml"), TCP).expect("a file in it");
        authority::protect(data.path(), SECRET);
        authority::due_list(data.path(), SECRET);
        data
    }

    /// Runs a script again and again until it returns true; in it `found` is the finding whose title begins with the first
    /// argument: it may be drawn anew under a click.
    async fn until(window: &Window, what: &str, script: &str, arguments: &[&str]) {
        let script = format!(
            "const found = Array.from(document.querySelectorAll('[data-testid=\"finding\"]'))\
             .find((each) => each.dataset.title.startsWith(arguments[0])); {script}"
        );
        window
            .until(what, async || {
                let arguments = arguments.iter().map(|each| Value::from(*each)).collect();
                let said = window.script(&script, arguments).await;
                (said.as_bool() == Some(true)).then_some(())
            })
            .await;
    }

    /// Waits until there is a finding whose title begins so, or none.
    async fn finding_is(window: &Window, title: &str, there: bool) {
        let look = if there {
            "return !!found;"
        } else {
            "return !found;"
        };
        until(window, title, look, &[title]).await;
    }

    /// Chooses what mends a finding and says yes where it is asked, until the finding is gone.
    async fn mend(window: &Window, title: &str, act: &str) {
        let click = "const ask = document.querySelector('[role=\"alertdialog\"] .danger');\
                     const button = ask ?? found?.querySelector(`[data-act=\"${arguments[1]}\"]`);\
                     if (button && !button.disabled) button.click();\
                     return !found && !ask;";
        until(window, &format!("{title} is mended"), click, &[title, act]).await;
    }

    /// Presses a button of a finding, and says yes where it is asked, until its effect is there.
    async fn press(window: &Window, title: &str, act: &str, effect: &str) {
        let click = "if (document.querySelector(arguments[2])) return true;\
                     const ask = document.querySelector('[role=\"alertdialog\"] .danger');\
                     (ask ?? found?.querySelector(`[data-act=\"${arguments[1]}\"]:enabled`))?.click();\
                     return false;";
        let what = format!("{act} of {title} acts");
        until(window, &what, click, &[title, act, effect]).await;
    }

    /// Opens the findings of the page Access.
    async fn findings(window: &Window) {
        window.go("access").await;
        window.segment("findings").await;
    }

    /// Presses what leads from a finding to where it is mended, until that page is there.
    async fn follow(window: &Window, title: &str, page: &str) {
        findings(window).await;
        finding_is(window, title, true).await;
        let there = format!("[data-testid=\"page-{page}\"]");
        let button = "found?.querySelector('[data-act=\"show\"]:enabled')?.click();\
                      return document.querySelector(arguments[1]) !== null && !found;";
        let what = format!("{title} leads to {page}");
        until(window, &what, button, &[title, &there]).await;
    }

    #[tokio::test]
    async fn a_finding_is_mended_by_its_button_and_taken_back() {
        let endless = format!("{TCP}\n[mqtt]\nsession_expiry_max = \"never\"\n");
        let (data, window, _) = Window::running(&endless).await;
        let both = "[[rule]]\nallow = \"both\"\ntopic = \"a\"\n[[rule]]\nallow = \"both\"\ntopic = \"#\"\n";
        import_rules(data.path(), both);
        window.go("access").await;
        window.segment("findings").await;
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
    async fn what_the_file_mends_is_found_until_the_broker_is_restarted_by_its_button() {
        let (data, window, port) = Window::running(TCP).await;
        import_account(data.path(), "ann");
        assert!(comes_in(port), "anybody does");
        findings(&window).await;
        let title = "There are accounts or tokens";
        let restart = format!("[data-title^=\"{title}\"] [data-act=\"restart\"]");
        press(&window, title, "set", &restart).await;
        assert!(comes_in(port), "until the restart");
        mend(&window, title, "restart").await;
        window.go("overview").await;
        window.broker_is("running").await;
        let port = window.port("tcp").await;
        assert!(!comes_in(port), "nobody without proof");
        window.close().await;
    }

    #[tokio::test]
    async fn a_listener_that_others_reach_is_opened_after_a_yes_alone_and_stays_found_until_mended()
    {
        // The start fails behind the decision, before anything is opened to the network: the key set is not there.
        let wide = "[listeners.door]\nbind = \"0.0.0.0:0\"\nprotocol = \"tcp\"\n\
                    [access.jwt]\njwks_file = \"no-such-file.json\"\n";
        let data = tempfile::tempdir().expect("a temporary folder");
        let file = data.path().join("broker.toml");
        fs::write(&file, wide).expect("a file in it");
        let text = || fs::read_to_string(&file).expect("its file");
        let window = Window::open(data.path()).await;
        window.click("start-broker-big").await;
        let failure = "[data-testid=\"start-failure\"]";
        window
            .text_of(failure, |said| {
                said.contains("Listener door") && said.contains("without any proof")
            })
            .await;
        window.screenshot("overview-open-to-all").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        assert!(!text().contains("allow_open"));
        window.click("open-anyway").await;
        window
            .text_of(failure, |said| said.contains("no-such-file.json"))
            .await;
        assert!(text().contains("allow_open = true"), "{}", text());
        let title = "Listener door lets anyone";
        findings(&window).await;
        until(
            &window,
            "the finding stays serious",
            "return found?.dataset.severity === 'serious';",
            &[title],
        )
        .await;
        mend(&window, title, "set").await;
        assert!(text().contains("bind = \"127.0.0.1:0\""), "{}", text());
        window.close().await;
    }

    #[tokio::test]
    async fn a_device_whose_certificate_ends_soon_is_renewed_by_its_button() {
        let (data, window, _) = Window::running(TCP).await;
        let issued = data.path().join("issued");
        let short = ["cert", "issue", "pump-7", "--days", "6", "--out"];
        finish(mqttwb(data.path()).args(short).arg(&issued)).success();
        assert!(!is_good_for_300_days(&issued.join("pump-7.crt")));
        findings(&window).await;
        mend(&window, "The certificate of pump-7 ends", "renew").await;
        let folder = data.path().join("exports/pump-7");
        assert!(is_good_for_300_days(&folder.join("pump-7.crt")));
        assert!(folder.join("pump-7.key").exists());
        window.close().await;
    }

    #[tokio::test]
    async fn a_list_that_waits_for_the_key_is_signed_by_its_button_when_the_passphrase_is_given() {
        let data = with_a_list_that_waits();
        let window = Window::open(data.path()).await;
        findings(&window).await;
        finding_is(&window, "The authority's key is locked", true).await;
        let title = "The revocation list ends in";
        // Whoever does not give the passphrase is told nothing more, and nothing is signed.
        let asks = "[data-testid=\"unlock-passphrase\"]";
        press(&window, title, "signRevocations", asks).await;
        window.screenshot("findings-unlock").await;
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        window.close_dialog().await;
        assert_eq!(list_number(data.path()), DUE);
        // Whoever does has what waited signed with it, which is what the button says: it is not done twice.
        press(&window, title, "signRevocations", asks).await;
        window.fill("unlock-passphrase", SECRET).await;
        window.click("confirm-unlock").await;
        finding_is(&window, title, false).await;
        finding_is(&window, "The authority's key is locked", false).await;
        let rests = "return !document.querySelector('[data-testid=\"finding-fix\"]:disabled');";
        until(&window, "the button has done its work", rests, &[title]).await;
        assert_eq!(list_number(data.path()), DUE + 1);
        window.close().await;
    }

    #[tokio::test]
    async fn a_locked_key_is_unlocked_where_its_finding_leads_to() {
        let data = with_a_list_that_waits();
        let window = Window::open(data.path()).await;
        follow(&window, "The authority's key is locked", "certificates").await;
        window.fill("unlock-passphrase", SECRET).await;
        window.click("confirm-unlock").await;
        window
            .attribute("[data-testid=\"authority-keys\"]", "data-locked", |is| {
                is == "false"
            })
            .await;
        assert_eq!(list_number(data.path()), DUE + 1);
        findings(&window).await;
        finding_is(&window, "The authority's key is locked", false).await;
        finding_is(&window, "The revocation list", false).await;
        window.close().await;
    }

    #[tokio::test]
    async fn a_finding_leads_to_the_rule_the_accounts_the_session_the_certificate_and_the_setting()
    {
        let own = tempfile::tempdir().expect("a temporary folder");
        let (cert, key) = (own.path().join("own.crt"), own.path().join("own.key"));
        finish(
            Command::new("openssl")
                .args([
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "5",
                ])
                .args([
                    "-subj",
                    "/CN=own",
                    "-addext",
                    "subjectAltName=DNS:localhost",
                ])
                .arg("-keyout")
                .arg(&key)
                .arg("-out")
                .arg(&cert),
        )
        .success();
        let config = format!(
            "{TCP}\n[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\ncert = {:?}\nkey = {:?}\n\
             [mqtt]\nsession_expiry_max = \"never\"\n",
            cert.display().to_string(),
            key.display().to_string()
        );
        let (data, window, port) = Window::running(&config).await;
        import_rules(
            data.path(),
            "[[rule]]\nallow = \"both\"\ntopic = \"a\"\n\n[[rule]]\nallow = \"both\"\ntopic = \"#\"\n",
        );
        import_account(data.path(), "ann");
        finish(mqttwb(data.path()).args(["cert", "issue", "pump-7", "--days", "6"])).success();
        let logger = endless_session(port, "logger", "a");

        follow(&window, "1 session never expires", "sessions").await;
        window
            .find_css("[data-testid=\"session-item\"][data-client=\"logger\"]")
            .await;
        follow(&window, "1 password is kept", "access").await;
        window
            .find_css("[data-testid=\"account-row\"][data-name=\"ann\"]")
            .await;
        follow(&window, "The certificate of pump-7 ends", "certificates").await;
        window.find("renew-device").await;
        window.close_dialog().await;
        follow(&window, "The certificate of own ends", "settings").await;
        window
            .find_css("[data-testid=\"setting\"][data-key=\"listeners.tls.cert\"].wanted")
            .await;
        follow(&window, "Everybody is allowed everything", "access").await;
        window
            .text_of("[data-testid=\"access-line\"]", |text| {
                text.contains("line 5") && text.contains("topic = \"#\"")
            })
            .await;
        logger.kill();
        window.close().await;
    }
}
