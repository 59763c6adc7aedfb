//! The form of a test client's connection in the real window, all of it unfolded: what is typed into it is what CONNECT says.
//!
//! All tests are in one module whose name `cargo xtask test --no-window` leaves out.

mod real_window {
    use acceptance::broker::TCP;
    use acceptance::screen::Window;
    use serde_json::json;

    const TAB: &str = "\u{e004}";

    /// Unfolds every part of the form.
    async fn unfold(window: &Window) {
        window
            .until("every part is unfolded", async || {
                let left = window
                    .script(
                        "const left = document.querySelectorAll('.fold > button[aria-expanded=\"false\"]');\
                         left.forEach((button) => button.click());\
                         return left.length + (document.querySelector('.fold') ? 0 : 1)",
                        Vec::new(),
                    )
                    .await;
                (left == 0).then_some(())
            })
            .await;
    }

    /// What marks the control of a label in a part of the form, by the words of both.
    async fn control(window: &Window, part: &str, label: &str) -> String {
        window
            .until(&format!("{label} in {part}"), async || {
                let id = window
                    .script(
                        "const fold = [...document.querySelectorAll('.fold')]\
                           .find((each) => each.querySelector('.title')?.textContent === arguments[0]);\
                         return [...(fold?.querySelectorAll('label') ?? [])]\
                           .find((each) => each.textContent.trim().startsWith(arguments[1]))?.htmlFor",
                        vec![json!(part), json!(label)],
                    )
                    .await;
                Some(format!("[id=\"{}\"]", id.as_str()?))
            })
            .await
    }

    /// Types into the field of a label, and leaves it.
    async fn enter(window: &Window, part: &str, label: &str, text: &str) {
        let css = control(window, part, label).await;
        let field = window.find_css(&css).await;
        field.clear().await.expect("a field can be cleared");
        let keys = format!("{text}{TAB}");
        field.send_keys(&keys).await.expect("a field takes keys");
        window
            .until(&format!("{label} holds {text}"), async || {
                let field = window
                    .page
                    .find(fantoccini::Locator::Css(&css))
                    .await
                    .ok()?;
                let held = field.prop("value").await.ok()??;
                (held == text).then_some(())
            })
            .await;
    }

    /// Shows a part of the form, and takes its picture.
    async fn picture(window: &Window, part: &str, name: &str) {
        window
            .script(
                "[...document.querySelectorAll('.fold')]\
                   .find((each) => each.querySelector('.title')?.textContent === arguments[0])\
                   ?.scrollIntoView({ block: 'start' })",
                vec![json!(part)],
            )
            .await;
        window.screenshot(name).await;
    }

    async fn state(window: &Window, client: &str, state: &str) {
        let item = format!("[data-testid=\"client-item\"][data-client=\"{client}\"]");
        window
            .attribute(&item, "data-state", |now| now == state)
            .await;
    }

    #[tokio::test]
    async fn what_is_typed_into_every_field_is_what_connect_says() {
        let (_data, window, _port) = Window::running(TCP).await;
        let config = json!({
            "name": "", "clientId": "pump-7", "version": "5", "target": {"kind": "tcp"}, "keepAlive": 30,
            "cleanStart": true, "sessionExpiry": 0,
        });
        window
            .ask("client_create", json!({ "config": config }))
            .await;
        // Everything that a connection elsewhere can have.
        let elsewhere = json!({
            "name": "elsewhere", "clientId": "elsewhere", "version": "5", "keepAlive": 30, "cleanStart": true, "sessionExpiry": 0,
            "target": {
                "kind": "remote", "protocol": "wss", "host": "broker.example", "port": 8084, "path": "/mqtt",
                "headers": [{"name": "authorization", "value": "Bearer x"}],
                "tls": {
                    "trust": {"kind": "anybody"}, "serverName": "broker.example", "alpn": ["mqtt"],
                    "identity": {
                        "kind": "files", "certificate": "/pump-7.crt", "key": "/pump-7.key", "passphrase": {"kind": "none"}
                    },
                },
                "proxy": {"kind": "http", "host": "proxy.example", "port": 3128, "user": "ada", "password": {"kind": "none"}},
            },
            "will": {"topic": "plant/state", "payload": "gone", "qos": 1, "retain": true, "properties": {"user": []}},
        });
        window
            .ask("client_create", json!({ "config": elsewhere }))
            .await;
        // The list is that of the core.
        window.page.refresh().await.expect("the page loads anew");
        window.go("clients").await;
        let item = "[data-testid=\"client-item\"][data-client=\"pump-7\"]";
        window.click_css(item).await;
        window
            .find_css(&format!("{item}[aria-current=\"true\"]"))
            .await;
        unfold(&window).await;
        let limits = "Session, limits and times";
        for (label, text) in [
            ("Session kept for", "3600"),
            ("At a time", "17"),
            ("Largest packet", "4096"),
            ("Aliases from it", "5"),
        ] {
            enter(&window, limits, label, text).await;
        }
        let will = "Last will";
        let switch = control(&window, will, "Leave a last will").await;
        window.click_css(&switch).await;
        for (label, text) in [
            ("Topic of the last will", "plant/pump-7/state"),
            ("What it says", "offline"),
            ("Published after", "9"),
            ("Kind of content", "text/plain"),
            ("Answer goes to", "answers"),
            ("Mark of the request", "0x00ff"),
            ("Worthless after", "61"),
        ] {
            enter(&window, will, label, text).await;
        }
        assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        picture(&window, limits, "client-form-limits").await;
        picture(&window, will, "client-form-will").await;
        window.click("client-connect").await;
        state(&window, "pump-7", "connected").await;

        let filter = json!({"text": "", "payload": "", "clients": ["pump-7"], "topic": "", "packets": ["CONNECT"], "faults": false});
        let view = window
            .ask("traffic_open", json!({ "filter": filter }))
            .await;
        let rows = window
            .ask(
                "traffic_rows",
                json!({"view": view, "start": 0, "count": 10}),
            )
            .await;
        let seq = rows["rows"][0]["seq"].clone();
        let detail = window
            .ask("packet_detail", json!({"seq": seq, "whole": false}))
            .await;
        let fields: Vec<(&str, &str)> = detail["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|field| Some((field["name"].as_str()?, field["value"].as_str()?)))
            .collect();
        for (name, value) in [
            ("session expiry interval", "3600 s"),
            ("receive maximum", "17"),
            ("maximum packet size", "4096 B"),
            ("topic alias maximum", "5"),
            ("will delay interval", "9 s"),
            ("content type", "text/plain"),
            ("response topic", "answers"),
            ("correlation data", "00 ff"),
            ("message expiry interval", "61 s"),
        ] {
            assert!(
                fields.contains(&(name, value)),
                "{name} {value} in {fields:#?}"
            );
        }
        let told = fields
            .iter()
            .map(|(_, value)| *value)
            .collect::<Vec<_>>()
            .join("\n");
        assert!(told.contains("plant/pump-7/state"), "{told}");

        // The other one's form is looked at in both themes.
        for theme in ["light", "dark"] {
            window.theme(theme).await;
            window.go("clients").await;
            let item = "[data-testid=\"client-item\"][data-client=\"elsewhere\"]";
            window.click_css(item).await;
            window
                .until("it is the form of the other one", async || {
                    let host = window
                        .script(
                            "return document.querySelector('[data-testid=\"client-host\"]')?.value",
                            Vec::new(),
                        )
                        .await;
                    (host == "broker.example").then_some(())
                })
                .await;
            unfold(&window).await;
            control(&window, "Proxy", "User at the proxy").await;
            for part in [
                "Encryption",
                "Last will",
                "Session, limits and times",
                "Proxy",
            ] {
                let name = part
                    .split([' ', ','])
                    .next()
                    .unwrap_or_default()
                    .to_lowercase();
                picture(&window, part, &format!("client-form-{name}-{theme}")).await;
            }
            assert_eq!(window.accessibility_findings().await, Vec::<String>::new());
        }
        window.close().await;
    }
}
