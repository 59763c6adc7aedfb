//! The Certificates page in the real window, used as a person would.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use acceptance::screen::Window;
    use fantoccini::Locator;
    use serde_json::json;

    const FAULT: &str = "[data-testid=\"inspect-fault\"][data-code=\"host-name\"]";
    const LISTENERS: &str = "\
        [listeners.tcp]\nbind = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n\
        [listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\nclient_cert = \"required\"\n";

    #[tokio::test]
    async fn every_device_of_a_list_is_issued_and_stands_in_the_table() {
        let (data, window, _) = Window::running(LISTENERS).await;
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
        let (data, window, _) = Window::running(LISTENERS).await;
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
}
