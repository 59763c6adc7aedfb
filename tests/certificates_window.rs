//! The Certificates page in the real window, used as a person would.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use acceptance::screen::Window;
    use serde_json::json;

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
