//! The Certificates page in the real window, used as a person would.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use std::path::PathBuf;

    use acceptance::broker::{Identity, Own};
    use acceptance::process::finish;
    use acceptance::screen::Window;
    use acceptance::{Running, Way};
    use serde_json::json;

    const LISTENERS: &str = "\
        [listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n\
        [listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n";

    fn row(name: &str) -> String {
        format!("[data-testid=\"certificate-row\"][data-name=\"{name}\"]")
    }

    /// Issues each device of a list, and says where the folder of the first is.
    async fn issue_a_list(window: &Window, data: &std::path::Path) -> Identity {
        window.click("batch-devices").await;
        window
            .fill(
                "batch-list",
                "name,days,unit\npump-7,300,Hall 2\nvalve-2,20,\n",
            )
            .await;
        window.click("batch-start").await;
        window
            .attribute("[data-testid=\"batch-result\"]", "data-issued", |issued| {
                issued == "2"
            })
            .await;
        window.screenshot("certificates-batch").await;
        window.click_css("[aria-label=\"Close\"]").await;
        let folder: PathBuf = data.join("exports/pump-7");
        Identity {
            authority: folder.join("ca.crt"),
            own: Some(Own {
                certificate: folder.join("pump-7.crt"),
                key: folder.join("pump-7.key"),
            }),
            folder,
        }
    }

    /// Opens a device's drawer and presses a button of it; what opens then has `opened` in it.
    async fn press(window: &Window, device: &str, button: &str) {
        window
            .click_css(&format!("{} button.name", row(device)))
            .await;
        window.click(button).await;
    }

    #[tokio::test]
    async fn devices_of_a_list_are_bundled_renewed_and_revoked_while_one_is_connected() {
        let (data, window, _) = Window::running(LISTENERS).await;
        let tls = window.port("tls").await;
        window.go("certificates").await;
        let identity = issue_a_list(&window, data.path()).await;
        window.find_css(&row("valve-2")).await;
        window
            .attribute(&row("valve-2"), "data-state", |state| state == "expiring")
            .await;

        // A drawer, and what it writes.
        window
            .click_css(&format!("{} button.name", row("pump-7")))
            .await;
        window.find("bundle-device").await;
        window.screenshot("certificates-drawer").await;
        window.click("bundle-device").await;
        window.click("confirm-bundle").await;
        let path = window
            .attribute("[data-testid=\"bundle-result\"]", "data-path", |path| {
                !path.is_empty()
            })
            .await;
        assert!(PathBuf::from(path).join("README.md").exists());
        window.click_css("[aria-label=\"Close\"]").await;

        // A device that is connected is revoked: it hears why, and is let in no more.
        let mut subscribe = Way::Tls(identity.clone()).mosquitto("mosquitto_sub", tls);
        subscribe.args(["-V", "5", "-d", "-i", "pump-7", "-t", "x"]);
        let device = Running::start(&mut subscribe);
        device.wait_for("received SUBACK");
        press(&window, "pump-7", "revoke-device").await;
        window.find("confirm-revoke").await;
        window.screenshot("certificates-revoke").await;
        window.click("confirm-revoke").await;
        device.wait_for("Received DISCONNECT (135)");
        window
            .attribute(&row("pump-7"), "data-state", |state| state == "revoked")
            .await;
        window
            .attribute("[data-testid=\"revocations\"]", "data-count", |count| {
                count == "1"
            })
            .await;
        let refused = finish(
            Way::Tls(identity.clone())
                .mosquitto("mosquitto_pub", tls)
                .args(["-t", "x", "-m", "let me in"]),
        );
        assert!(!refused.status.success(), "{refused:?}");
        window
            .text_of("main", |text| text.contains("its certificate is revoked"))
            .await;
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            window.go("certificates").await;
            window
                .screenshot(&format!("certificates-revoked-{theme}"))
                .await;
            let findings = window.accessibility_findings().await;
            assert_eq!(findings, Vec::<String>::new(), "{theme}");
        }

        // Renewed, it is let in again.
        press(&window, "pump-7", "renew-device").await;
        window.click("confirm-renew").await;
        window.find("export-result").await;
        window.screenshot("certificates-renewed").await;
        window.click_css("[aria-label=\"Close\"]").await;
        window
            .attribute(&row("pump-7"), "data-state", |state| state == "valid")
            .await;
        finish(
            Way::Tls(identity)
                .mosquitto("mosquitto_pub", tls)
                .args(["-t", "x", "-m", "again"]),
        )
        .success();
        window.close().await;
    }

    #[tokio::test]
    async fn a_file_is_inspected_and_what_a_device_would_refuse_is_listed() {
        let (data, window, _) = Window::running(LISTENERS).await;
        window.go("certificates").await;
        window.click("inspect-file").await;
        window.fill("inspect-host", "elsewhere.example").await;
        // A driver can't choose a file of this web view: it is put into the field as a drop would.
        let pem =
            std::fs::read_to_string(data.path().join("pki/server.crt")).expect("a certificate");
        window
            .script(
                "const [pem] = arguments; const list = new DataTransfer(); \
                 list.items.add(new File([pem], 'server.crt')); \
                 const field = document.querySelector('[data-testid=\"inspect-input\"]'); \
                 field.files = list.files; field.dispatchEvent(new Event('change', { bubbles: true }));",
                vec![json!(pem)],
            )
            .await;
        window
            .find_css("[data-testid=\"inspect-fault\"][data-code=\"host-name\"]")
            .await;
        window.screenshot("certificates-inspect").await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());
        window.close().await;
    }
}
