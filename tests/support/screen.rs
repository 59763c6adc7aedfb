//! The real window, on a screen that no one sees, driven by WebKit's own WebDriver.
//!
//! Every window gets an X server of its own, a display on this machine or not: its size is known, so screenshots are
//! the same everywhere, and nobody's focus is stolen. It ends with that server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::process::{DEADLINE, Running, product, top};

/// Every page of the window, by the name in its test ids.
pub const PAGES: [&str; 9] = [
    "overview",
    "clients",
    "traffic",
    "recordings",
    "sessions",
    "charts",
    "certificates",
    "access",
    "settings",
];

/// Between two looks at a condition that only asking can tell.
const LOOK: Duration = Duration::from_millis(50);

/// Has a pixel painted again and again, or no longer, in a colour that is not seen.
const RESTLESS: &str = "
    clearInterval(window.restless);
    document.getElementById('restless')?.remove();
    if (!arguments[0]) return;
    const pixel = document.createElement('div');
    pixel.id = 'restless';
    pixel.style.cssText = 'position: fixed; left: 0; top: 0; width: 1px; height: 1px; pointer-events: none; z-index: 9999';
    (document.fullscreenElement ?? document.body).append(pixel);
    let odd = false;
    window.restless = setInterval(() => {
        odd = !odd;
        pixel.style.background = `rgb(0 0 0 / ${odd ? 0.004 : 0.002})`;
    }, 30);
";

/// One window at a time: two software-rendered ones take a small machine's time from each other.
static ONE: Mutex<()> = Mutex::const_new(());

/// The app's window. Ends with this value.
pub struct Window {
    /// The page, for what no method here does.
    pub page: Client,
    // In the order that they end in: the driver, then the screen, and with it the app.
    driver: Running,
    _screen: Running,
    _one: MutexGuard<'static, ()>,
}

impl Window {
    /// A window whose broker runs as this `broker.toml` says, its data folder, and the port of its listener `tcp`.
    pub async fn running(config: &str) -> (TempDir, Self, u16) {
        Self::running_in(config, &[]).await
    }

    /// The same, with a variable in the app's environment.
    pub async fn running_with(config: &str, variable: (&str, &str)) -> (TempDir, Self, u16) {
        Self::running_in(config, &[variable]).await
    }

    async fn running_in(config: &str, environment: &[(&str, &str)]) -> (TempDir, Self, u16) {
        let data = tempfile::tempdir().expect("a temporary folder");
        fs::write(data.path().join("broker.toml"), config).expect("a file in it");
        let window = Self::open_with(data.path(), environment).await;
        window.click("start-broker-big").await;
        window.broker_is("running").await;
        let port = window.port("tcp").await;
        (data, window, port)
    }

    /// Opens the app on a data folder and waits for its first page.
    pub async fn open(data: &Path) -> Self {
        Self::open_with(data, &[]).await
    }

    async fn open_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        let one = ONE.lock().await;
        let screen = Running::start(Command::new("Xvfb").args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1440x900x24",
            "-nolisten",
            "tcp",
        ]));
        let (display, _) = screen.find(0, |_, line| line.parse::<u32>().ok());
        let port = free_port();
        let driver = Running::start(
            Command::new("WebKitWebDriver")
                .args(["--host=127.0.0.1", &format!("--port={port}")])
                .env("DISPLAY", format!(":{display}"))
                .env_remove("WAYLAND_DISPLAY")
                // Without it, creating a session waits forever.
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                // The app inherits it.
                .envs(environment.iter().copied()),
        );
        until("WebKitWebDriver listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        })
        .await;
        let options = json!({
            "binary": product("mqtt-workbench"),
            "args": ["--data", data],
        });
        let capabilities = [("webkitgtk:browserOptions".to_owned(), options)];
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.into_iter().collect())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a WebDriver session with the app");
        let window = Self {
            page,
            driver,
            _screen: screen,
            _one: one,
        };
        window.find("broker-state").await;
        window
    }

    /// Closes the app as its close button does. A test that fails before takes the screen away from it instead.
    pub async fn close(self) {
        self.page.close().await.expect("the session ends");
    }

    /// The element with this test id, once it is there.
    pub async fn find(&self, testid: &str) -> Element {
        self.find_css(&format!("[data-testid=\"{testid}\"]")).await
    }

    /// The element that this selector finds, once it is there.
    pub async fn find_css(&self, css: &str) -> Element {
        let found = self
            .page
            .wait()
            .at_most(DEADLINE)
            .every(LOOK)
            .for_element(Locator::Css(css))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!(
                "{css} is not on the page ({error}); it says:\n{}",
                self.text().await
            ),
        }
    }

    /// Clicks the element with this test id, once it is there.
    pub async fn click(&self, testid: &str) {
        self.click_css(&format!("[data-testid=\"{testid}\"]")).await;
    }

    /// Clicks what this selector finds, once it is there, can be seen and is enabled.
    pub async fn click_css(&self, css: &str) {
        self.until(&format!("{css} can be clicked"), async || {
            let element = self.page.find(Locator::Css(css)).await.ok()?;
            if !element.is_displayed().await.ok()? || !element.is_enabled().await.ok()? {
                return None;
            }
            // A page that redraws may replace it in between, or cover it while it moves.
            if element.click().await.is_ok() {
                return Some(());
            }
            // The driver does not scroll a list for a row that is just above its first line.
            let into_view = "arguments[0].scrollIntoView({ block: 'center' })";
            let element = serde_json::to_value(&element).ok()?;
            self.page.execute(into_view, vec![element]).await.ok()?;
            None
        })
        .await;
    }

    /// Puts the pointer on the middle of an element.
    pub async fn point_at(&self, css: &str) {
        let on = PointerAction::MoveToElement {
            element: self.find_css(css).await,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let mouse = MouseActions::new("mouse".into()).then(on);
        let moved = self.page.perform_actions(mouse).await;
        moved.expect("the pointer moves");
    }

    /// Presses a row of a table until it is the chosen one, and returns its number: a table that is drawn anew in between,
    /// by a filter that comes into force, swallows a click.
    pub async fn choose(&self, row: &str) -> String {
        self.until(&format!("{row} is chosen"), async || {
            let element = self.page.find(Locator::Css(row)).await.ok()?;
            let seq = element.attr("data-seq").await.ok()??;
            element.click().await.ok()?;
            let chosen = format!("{row}[data-seq=\"{seq}\"][aria-selected=\"true\"]");
            self.page.find(Locator::Css(&chosen)).await.ok()?;
            Some(seq)
        })
        .await
    }

    /// In Traffic: shows the packets of a topic alone, or of a branch that ends with `/`, and chooses the newest PUBLISH.
    pub async fn choose_publish(&self, topic: &str) {
        let filter = match topic.strip_suffix('/') {
            Some(branch) => format!("{branch}/#"),
            None => topic.to_owned(),
        };
        self.fill("traffic-topic", &filter).await;
        self.until("the newest PUBLISH is chosen", async || {
            let row = "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]";
            let rows = self.page.find_all(Locator::Css(row)).await.ok()?;
            let last = rows.last()?;
            last.text().await.ok().filter(|text| text.contains(topic))?;
            let seq = last.attr("data-seq").await.ok()??;
            last.click().await.ok()?;
            let inspector = format!("[data-testid=\"inspector\"][data-seq=\"{seq}\"]");
            let view = format!("{inspector} [data-testid=\"payload-view\"]");
            let shown = self.page.find(Locator::Css(&view)).await.ok()?;
            shown.is_displayed().await.ok().filter(|is| *is)
        })
        .await;
    }

    /// Replaces what a field holds.
    pub async fn fill(&self, testid: &str, text: &str) {
        let field = self.find(testid).await;
        field.clear().await.expect("a field can be cleared");
        // WebKit's driver takes an empty text for a missing one.
        if !text.is_empty() {
            field.send_keys(text).await.expect("a field takes keys");
        }
        let held = field.prop("value").await.expect("a field has a value");
        assert_eq!(held.as_deref(), Some(text), "what was typed into {testid}");
    }

    /// An attribute of the element with this test id, once `fits` says yes to it.
    pub async fn attribute(&self, css: &str, name: &str, fits: impl Fn(&str) -> bool) -> String {
        self.until(&format!("{name} of {css} fits"), async || {
            let element = self.page.find(Locator::Css(css)).await.ok()?;
            element.attr(name).await.ok()?.filter(|value| fits(value))
        })
        .await
    }

    /// The text of what this selector finds, once `fits` says yes to it.
    pub async fn text_of(&self, css: &str, fits: impl Fn(&str) -> bool) -> String {
        self.until(&format!("the text of {css} fits"), async || {
            let element = self.page.find(Locator::Css(css)).await.ok()?;
            element.text().await.ok().filter(|text| fits(text))
        })
        .await
    }

    /// Picks what holds this text from a list that opens.
    pub async fn pick(&self, testid: &str, option: &str) {
        let list = format!("[data-testid=\"{testid}\"]");
        let option_with = format!("//*[@role='option'][contains(normalize-space(), '{option}')]");
        self.until(&format!("{option} is picked"), async || {
            let list = self.page.find(Locator::Css(&list)).await.ok()?;
            if list.text().await.ok()?.contains(option) {
                return Some(());
            }
            match self.page.find(Locator::XPath(&option_with)).await {
                Ok(option) => option.click().await.ok()?,
                Err(_) => list.click().await.ok()?,
            }
            None
        })
        .await;
    }

    /// Goes to a page by the rail.
    pub async fn go(&self, page: &str) {
        self.click(&format!("nav-{page}")).await;
        self.find(&format!("page-{page}")).await;
    }

    /// Chooses one of several segments by its value.
    pub async fn segment(&self, value: &str) {
        let radio = format!("[role=\"radio\"][data-value=\"{value}\"]");
        self.click_css(&radio).await;
        self.find_css(&format!("{radio}[aria-checked=\"true\"]"))
            .await;
    }

    /// Closes what lies over the page, and waits until it is gone.
    pub async fn close_dialog(&self) {
        self.click_css("[role=\"dialog\"] [aria-label=\"Close\"]")
            .await;
        self.until("the dialog is gone", async || {
            let gone = "return document.querySelector('[role=\"dialog\"]') === null";
            let gone = self.script(gone, Vec::new()).await;
            (gone.as_bool() == Some(true)).then_some(())
        })
        .await;
    }

    /// Waits until the top bar says that the broker is in this state.
    pub async fn broker_is(&self, state: &str) {
        self.attribute("[data-testid=\"broker-state\"]", "data-state", |now| {
            now == state
        })
        .await;
    }

    /// Where a listener is, as its row on the overview says.
    pub async fn port(&self, listener: &str) -> u16 {
        let row = format!("[data-testid=\"listener-row\"][data-listener=\"{listener}\"]");
        let address = self
            .attribute(&row, "data-address", |address| !address.ends_with(":0"))
            .await;
        let (_, port) = address.rsplit_once(':').expect("HOST:PORT");
        port.parse().expect("a port")
    }

    /// Chooses a theme, as the settings keep it.
    pub async fn theme(&self, theme: &str) {
        self.script(
            "localStorage.setItem('theme', arguments[0])",
            vec![json!(theme)],
        )
        .await;
        self.page.refresh().await.expect("the page loads anew");
        self.find_css(&format!("html[data-theme=\"{theme}\"]"))
            .await;
        self.find("broker-state").await;
    }

    /// Runs a script in the page.
    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.page
            .execute(script, arguments)
            .await
            .unwrap_or_else(|error| panic!("a script failed: {error}\n{script}"))
    }

    /// Asks the workbench something, as its pages do.
    pub async fn ask(&self, command: &str, arguments: Value) -> Value {
        let answer = self
            .page
            .execute_async(
                "const [command, args, done] = arguments;\
                 window.__TAURI_INTERNALS__.invoke(command, args).then(\
                   (answer) => done({ answer }), (error) => done({ error }));",
                vec![json!(command), arguments],
            )
            .await
            .expect("a command is answered");
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer["answer"].clone()
    }

    /// What axe-core finds on the page as it stands: a line for each rule that is broken.
    pub async fn accessibility_findings(&self) -> Vec<String> {
        let axe = top().join("ui/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(&axe)
            .unwrap_or_else(|error| panic!("{}: {error}; run `npm ci` in ui/", axe.display()));
        self.script(&axe, Vec::new()).await;
        let found = self
            .page
            .execute_async(
                "const done = arguments[arguments.length - 1];\
                 axe.run(document).then(\
                   (result) => done(result.violations.map((rule) => `${rule.id}: ${rule.help}: ` +\
                     rule.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | '))),\
                   (error) => done([`axe-core failed: ${error}`]));",
                Vec::new(),
            )
            .await
            .expect("axe-core runs");
        let lines = found.as_array().cloned().unwrap_or_default();
        lines
            .iter()
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Takes a picture of the window, into `TARGET/screenshots`.
    pub async fn screenshot(&self, name: &str) {
        let program = product("mqtt-workbench");
        let target = program
            .ancestors()
            .nth(2)
            .expect("the app is in TARGET/PROFILE");
        self.picture(&target.join("screenshots"), name).await;
    }

    /// Takes a picture of the window, into a folder.
    pub async fn picture(&self, folder: &Path, name: &str) {
        // Without a graphics card the driver waits for the page to be painted, which one at rest never is.
        self.script(RESTLESS, vec![json!(true)]).await;
        let picture = self.page.screenshot().await.expect("a screenshot");
        self.script(RESTLESS, vec![json!(false)]).await;
        fs::create_dir_all(folder).expect("a folder for screenshots");
        fs::write(folder.join(format!("{name}.png")), picture).expect("a file in it");
    }

    /// Asks the workbench something as its pages do; its answer, and how long it took in milliseconds.
    pub async fn asked(&self, command: &str, arguments: Value) -> (Value, f64) {
        let answer = self
            .page
            .execute_async(
                "const [command, args, done] = arguments;\
                 const start = performance.now();\
                 window.__TAURI_INTERNALS__.invoke(command, args).then(\
                     (answer) => done([answer, performance.now() - start]),\
                     (error) => done([{ error: JSON.stringify(error) }, -1]));",
                vec![json!(command), arguments],
            )
            .await
            .expect("the page asks the workbench");
        assert!(answer[0].get("error").is_none(), "{command}: {answer}");
        (answer[0].clone(), answer[1].as_f64().unwrap_or_default())
    }

    /// What the app and the processes of its page use, by their ids; those of no other window.
    #[cfg(target_os = "linux")]
    pub fn usage(&self) -> std::collections::BTreeMap<u32, crate::usage::Usage> {
        crate::usage::below(self.driver.id())
    }

    /// What `look` finds, once it finds something.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if Instant::now() > deadline {
                panic!(
                    "not so within {DEADLINE:?}: {what}; the page says:\n{}",
                    self.text().await
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Everything that the page says.
    pub async fn text(&self) -> String {
        self.script("return document.body.innerText", Vec::new())
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// What `look` finds, once it finds something.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "not so within {DEADLINE:?}: {what}"
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
