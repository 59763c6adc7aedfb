//! The drawer of a certificate, the authority and its keys in the real window; what is made there is used by real clients.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use acceptance::Running;
    use acceptance::broker::{TCP, TLS, issue, mqttwb};
    use acceptance::process::{Finished, finish};
    use acceptance::screen::Window;
    use fantoccini::Locator;
    use serde_json::json;

    /// Opens the drawer of a device. The table is drawn anew when certificates are read, and may swallow a press.
    async fn drawer(window: &Window, name: &str) {
        let row = format!("[data-testid=\"certificate-row\"][data-name=\"{name}\"] .name");
        window
            .until(&format!("the drawer of {name} is open"), async || {
                let there = Locator::Css("[data-testid=\"renew-device\"]");
                if window.page.find(there).await.is_ok() {
                    return Some(());
                }
                // One that opens is not pressed away again.
                let dialog = Locator::Css("[role=\"dialog\"]");
                if window.page.find(dialog).await.is_ok() {
                    return None;
                }
                let row = window.page.find(Locator::Css(&row)).await.ok()?;
                row.click().await.ok()?;
                None
            })
            .await;
    }

    /// Waits until nothing of this test id is left.
    async fn gone(window: &Window, testid: &str) {
        let css = format!("[data-testid=\"{testid}\"]");
        window
            .until(&format!("{testid} is gone"), async || {
                let found = window.page.find_all(Locator::Css(&css)).await.ok()?;
                found.is_empty().then_some(())
            })
            .await;
    }

    async fn row_is(window: &Window, name: &str, state: &str) {
        let row = format!("[data-testid=\"certificate-row\"][data-name=\"{name}\"]");
        window
            .attribute(&row, "data-state", |now| now == state)
            .await;
    }

    async fn type_into(window: &Window, css: &str, text: &str) {
        let field = window.find_css(css).await;
        field.clear().await.expect("a field can be cleared");
        field.send_keys(text).await.expect("a field takes keys");
        let held = field.prop("value").await.expect("a field has a value");
        assert_eq!(held.as_deref(), Some(text), "what was typed into {css}");
    }

    /// The line of a folder's README, in that folder.
    fn hello(folder: &Path) -> Finished {
        let readme = fs::read_to_string(folder.join("README.md")).expect("a README");
        let line = readme
            .lines()
            .find(|line| line.starts_with("mosquitto_pub "))
            .expect("a mosquitto_pub line");
        finish(Command::new("sh").args(["-c", line]).current_dir(folder))
    }

    /// A client of the folder's identity that stays.
    fn listener(folder: &Path, name: &str, port: u16) -> Running {
        // Its standard output is a pipe here, which it would fill in blocks.
        let mut command = Command::new("stdbuf");
        command
            .args(["-oL", "mosquitto_sub"])
            .args(["-h", "localhost", "-p", &port.to_string(), "-V", "5", "-d"])
            .args(["-i", name, "-t", "x", "--cafile", "ca.crt"])
            .args(["--cert", &format!("{name}.crt")])
            .args(["--key", &format!("{name}.key")])
            .current_dir(folder);
        let process = Running::start(&mut command);
        process.wait_for("received SUBACK");
        process
    }

    #[tokio::test]
    async fn a_bundle_is_used_as_it_stands_and_renewing_and_revoking_end_sessions() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        let port = window.port("tls").await;
        issue(data.path(), "pump-7");
        window.go("certificates").await;
        drawer(&window, "pump-7").await;
        window.screenshot("certificates-drawer").await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());

        window.click("bundle-device").await;
        window.click("confirm-bundle").await;
        let path = window
            .attribute("[data-testid=\"bundle-result\"]", "data-path", |path| {
                !path.is_empty()
            })
            .await;
        window.screenshot("certificates-bundle").await;
        hello(Path::new(&path)).success();
        // What is made anew takes its place.
        let kept = tempfile::tempdir().expect("a temporary folder");
        let first = kept.path();
        for file in fs::read_dir(&path).expect("a folder") {
            let file = file.expect("a file");
            fs::copy(file.path(), first.join(file.file_name())).expect("a copy");
        }
        let session = listener(first, "pump-7", port);
        window.click("bundle-done").await;
        gone(&window, "bundle-result").await;

        // Another key, and the certificate before is revoked: who shows that is put out.
        drawer(&window, "pump-7").await;
        window.click("renew-device").await;
        for switch in ["A new key", "Revoke the one before"] {
            let switch = format!("[role=\"switch\"][aria-label=\"{switch}\"]");
            window.click_css(&switch).await;
            window
                .attribute(&switch, "aria-checked", |on| on == "true")
                .await;
        }
        window.click("confirm-renew").await;
        session.wait_for("Received DISCONNECT (135)");
        window.click("renew-done").await;
        assert!(!hello(first).status.success(), "the old one is let in");
        let second = data.path().join("exports/pump-7");
        hello(&second).success();
        let session = listener(&second, "pump-7", port);

        gone(&window, "renew-done").await;
        drawer(&window, "pump-7").await;
        window.click("revoke-device").await;
        window.click("confirm-revoke").await;
        session.wait_for("Received DISCONNECT (135)");
        row_is(&window, "pump-7", "revoked").await;
        window
            .attribute("[data-testid=\"revocations\"]", "data-count", |count| {
                count == "2"
            })
            .await;
        assert!(!hello(&second).status.success(), "a revoked one is let in");
        window.screenshot("certificates-revoked").await;
        window.close().await;
    }

    #[tokio::test]
    async fn an_authority_is_exported_made_anew_and_taken_over() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        let port = window.port("tls").await;
        // One of another workbench, as its operator takes it elsewhere.
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        let secret = elsewhere.path().join("secret");
        let file = elsewhere.path().join("root.p12");
        fs::write(&secret, "battery staple\n").expect("a file");
        let export = ["cert", "authority", "export", "--key"];
        finish(
            mqttwb(elsewhere.path())
                .args(export)
                .arg(&file)
                .arg("--passphrase-file")
                .arg(&secret),
        )
        .success();
        let shown = finish(mqttwb(elsewhere.path()).args(["--json", "cert", "authority"]));
        let shown: serde_json::Value =
            serde_json::from_str(&shown.success().out).expect("what it printed");
        let other = shown["name"].as_str().expect("a name").to_owned();

        window.go("certificates").await;
        window.click("open-authority").await;
        window.click("export-authority").await;
        window.find("authority-written").await;
        for name in ["ca.crt", "ca.der", "ca.crl", "ca.crl.der"] {
            assert!(data.path().join("exports/authority").join(name).exists());
        }

        window.segment("create").await;
        type_into(&window, "#authority-name", "Plant authority").await;
        type_into(&window, "#authority-passphrase", "correct horse").await;
        window.screenshot("certificates-authority").await;
        window.click("authority").await;
        window.click_css("[role=\"alertdialog\"] .btn.danger").await;
        row_is(&window, "Plant authority", "valid").await;
        gone(&window, "authority").await;
        let key = fs::read_to_string(data.path().join("pki/ca.key")).expect("a key");
        assert!(
            key.contains("ENCRYPTED"),
            "the root is not under its passphrase"
        );

        window.click("open-authority").await;
        window.segment("import").await;
        type_into(&window, "#authority-path", &file.display().to_string()).await;
        type_into(&window, "#authority-passphrase", "wrong passphrase").await;
        window.click("authority").await;
        window.click_css("[role=\"alertdialog\"] .btn.danger").await;
        window
            .find_css("[role=\"dialog\"] [role=\"alert\"][data-code=\"certificate\"]")
            .await;
        type_into(&window, "#authority-passphrase", "battery staple").await;
        window.click("authority").await;
        window.click_css("[role=\"alertdialog\"] .btn.danger").await;
        row_is(&window, &other, "valid").await;
        // The listeners go by it.
        let identity = issue(data.path(), "pump-7");
        listener(&identity.folder, "pump-7", port);
        window.close().await;
    }

    #[tokio::test]
    async fn a_list_is_stopped_after_the_device_at_hand_and_says_so() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        window.go("certificates").await;
        window.click("batch-devices").await;
        window.find("batch-list").await;
        // RSA keys take a while to be found.
        let mut list = String::from("name,key\n");
        for number in 0..2_000 {
            list.push_str(&format!("meter-{number},rsa-2048\n"));
        }
        window
            .script(
                "const field = document.querySelector('[data-testid=\"batch-list\"]'); \
                 field.value = arguments[0]; field.dispatchEvent(new Event('input', { bubbles: true }));",
                vec![json!(list)],
            )
            .await;
        window.click("batch-start").await;
        let result = "[data-testid=\"batch-result\"]";
        window
            .attribute(result, "data-issued", |issued| issued != "0")
            .await;
        window.screenshot("certificates-batch-running").await;
        window.click("batch-stop").await;
        window
            .attribute(result, "data-running", |running| running == "false")
            .await;
        let said = window
            .text_of(result, |text| text.contains("stopped before the end"))
            .await;
        let issued = window.attribute(result, "data-issued", |_| true).await;
        assert!(said.contains(&format!("{issued} of 2000 issued")), "{said}");
        let folders = fs::read_dir(data.path().join("exports")).expect("a folder");
        assert_eq!(folders.count().to_string(), issued);
        window.close().await;
    }

    #[tokio::test]
    async fn keys_under_a_passphrase_are_unlocked_once_and_locked_again_with_the_app() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        window.go("certificates").await;
        let bar = "[data-testid=\"authority-keys\"]";
        let protection = |wanted: &'static str| move |now: &str| now == wanted;
        let says = async |window: &Window, words: &str| {
            window.text_of(bar, |text| text.contains(words)).await;
        };
        window
            .attribute(bar, "data-protection", protection("file"))
            .await;
        says(&window, "yours alone to read, and not encrypted").await;
        window.click("keep-keys").await;
        window.fill("keys-passphrase", "correct horse").await;
        window.fill("keys-again", "correct horse").await;
        window.screenshot("certificates-keys").await;
        window.click("confirm-keys").await;
        window
            .attribute(bar, "data-protection", protection("passphrase"))
            .await;
        window
            .attribute(bar, "data-locked", |now| now == "false")
            .await;
        gone(&window, "confirm-keys").await;
        let open = "encrypted with a passphrase, and unlocked until the app ends";
        says(&window, open).await;
        // Locked by hand, and unlocked again.
        let locked = "locked: nothing can be signed until its passphrase is given";
        window.click("lock-authority").await;
        says(&window, locked).await;
        gone(&window, "lock-authority").await;
        window.click("unlock-authority").await;
        window.fill("unlock-passphrase", "correct horse").await;
        window.click("confirm-unlock").await;
        says(&window, open).await;
        gone(&window, "unlock-authority").await;
        window.close().await;
        let key = fs::read_to_string(data.path().join("pki/issuing.key")).expect("a key");
        assert!(key.contains("BEGIN ENCRYPTED PRIVATE KEY"));

        let window = Window::open(data.path()).await;
        window.go("certificates").await;
        window
            .attribute(bar, "data-locked", |now| now == "true")
            .await;
        says(&window, locked).await;
        window.screenshot("certificates-locked").await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());
        window.click("issue-device").await;
        window.fill("device-name", "pump-7").await;
        window.click("confirm-issue").await;
        window
            .find_css("[role=\"alert\"][data-code=\"locked\"]")
            .await;
        window
            .click_css("[role=\"dialog\"] footer .btn:not(.primary)")
            .await;
        gone(&window, "confirm-issue").await;

        window.click("unlock-authority").await;
        window.fill("unlock-passphrase", "wrong passphrase").await;
        window.click("confirm-unlock").await;
        window
            .find_css("[role=\"alert\"][data-code=\"certificate\"]")
            .await;
        window.fill("unlock-passphrase", "correct horse").await;
        window.click("confirm-unlock").await;
        window
            .attribute(bar, "data-locked", |now| now == "false")
            .await;
        gone(&window, "confirm-unlock").await;
        window.click("issue-device").await;
        window.fill("device-name", "pump-7").await;
        window.click("confirm-issue").await;
        row_is(&window, "pump-7", "valid").await;
        window.close().await;
    }
}
