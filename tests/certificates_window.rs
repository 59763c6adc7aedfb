//! The Certificates page in the real window, used as a person would.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use acceptance::authority;
    use acceptance::broker::{TCP, TLS, mqttwb};
    use acceptance::process::{finish, top};
    use acceptance::screen::Window;
    use fantoccini::Locator;
    use serde_json::json;

    const FAULT: &str = "[data-testid=\"inspect-fault\"][data-code=\"host-name\"]";
    #[tokio::test]
    async fn every_device_of_a_list_is_issued_and_stands_in_the_table() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        window.go("certificates").await;
        window.click("batch-devices").await;
        window.find("batch-list").await;
        // Typing takes no line breaks.
        window
            .script(
                "const field = document.querySelector('[data-testid=\"batch-list\"]'); \
                 field.value = arguments[0]; field.dispatchEvent(new Event('input', { bubbles: true }));",
                vec![json!("name,days,unit\npump-7,300,Hall 2\nvalve-2,20,\n")],
            )
            .await;
        window.click("batch-start").await;
        window
            .attribute("[data-testid=\"batch-result\"]", "data-issued", |issued| {
                issued == "2"
            })
            .await;
        window.screenshot("certificates-batch").await;
        window
            .attribute(
                "[data-testid=\"certificate-row\"][data-name=\"valve-2\"]",
                "data-state",
                |state| state == "expiring",
            )
            .await;
        assert!(data.path().join("exports/pump-7/pump-7.key").exists());
        window.close().await;
    }

    /// Puts a file into the inspector's field as a drop would: a driver can't choose a file of this web view.
    async fn put(window: &Window, name: &str, text: &str) {
        window
            .script(
                "const [name, text] = arguments; const list = new DataTransfer(); \
                 list.items.add(new File([text], name)); \
                 const field = document.querySelector('[data-testid=\"inspect-input\"]'); \
                 field.files = list.files; field.dispatchEvent(new Event('change', { bubbles: true }));",
                vec![json!(name), json!(text)],
            )
            .await;
    }

    #[tokio::test]
    async fn a_file_is_inspected_and_what_a_device_would_refuse_is_listed() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        window.go("certificates").await;
        window.click("inspect-file").await;
        window.fill("inspect-host", "elsewhere.example").await;
        let pem =
            std::fs::read_to_string(data.path().join("pki/server.crt")).expect("a certificate");
        put(&window, "server.crt", &pem).await;
        window.find_css(FAULT).await;
        window.screenshot("certificates-inspect").await;
        let findings = window.accessibility_findings().await;
        assert_eq!(findings, Vec::<String>::new());
        // What is no certificate at all, or half of one, is told, and nothing of the file before is left.
        for (name, text) in [
            ("notes.txt", "not a certificate".to_owned()),
            ("half.pem", pem[..pem.len() / 3].to_owned()),
        ] {
            put(&window, name, &text).await;
            window
                .find_css("[role=\"dialog\"] [role=\"alert\"][data-code=\"certificate\"]")
                .await;
            let left = window.page.find_all(Locator::Css(FAULT)).await;
            assert_eq!(left.expect("a page").len(), 0, "{name}");
            put(&window, "server.crt", &pem).await;
            window.find_css(FAULT).await;
        }
        window.close().await;
    }

    /// Not a test: `cargo test -p acceptance --test certificates_window -- --ignored` writes `docs/screenshots`.
    #[tokio::test]
    #[ignore = "takes the pictures of docs/certificates.md"]
    async fn the_pictures_of_certificates() {
        let (data, window, _) = Window::running(&[TCP, TLS].concat()).await;
        for (name, days) in [("pump-7", "365"), ("tank-2", "20"), ("valve-3", "365")] {
            let words = ["cert", "issue", name, "--days", days];
            finish(mqttwb(data.path()).args(words)).success();
        }
        let revoke = ["cert", "revoke", "valve-3", "--reason", "key-compromise"];
        finish(mqttwb(data.path()).args(revoke)).success();
        authority::protect(data.path(), "correct horse");
        let server =
            std::fs::read_to_string(data.path().join("pki/server.crt")).expect("a certificate");
        let folder = top().join("docs/screenshots");
        for theme in ["dark", "light"] {
            window.theme(theme).await;
            window.go("certificates").await;
            let picture = async |name: &str| {
                window
                    .picture(&folder, &format!("certificates-{name}-{theme}"))
                    .await;
            };
            let row =
                |name: &str| format!("[data-testid=\"certificate-row\"][data-name=\"{name}\"]");
            window
                .attribute(&row("valve-3"), "data-state", |state| state == "revoked")
                .await;
            picture("list").await;
            window
                .until("the drawer is open", async || {
                    let there = Locator::Css("[data-testid=\"renew-device\"]");
                    if window.page.find(there).await.is_ok() {
                        return Some(());
                    }
                    let name = format!("{} .name", row("pump-7"));
                    let name = window.page.find(Locator::Css(&name)).await.ok()?;
                    name.click().await.ok()?;
                    None
                })
                .await;
            picture("detail").await;
            window.close_dialog().await;
            window.click("issue-device").await;
            window.fill("device-name", "pump-8").await;
            picture("issue").await;
            window.close_dialog().await;
            window.click("inspect-file").await;
            window.fill("inspect-host", "elsewhere.example").await;
            put(&window, "server.crt", &server).await;
            window.find_css(FAULT).await;
            picture("inspect").await;
            window.close_dialog().await;
            window.click("keep-keys").await;
            window.find("keys-passphrase").await;
            picture("keys").await;
            window.close_dialog().await;
        }
        window.close().await;
    }
}
