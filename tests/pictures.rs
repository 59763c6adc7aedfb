//! The README's pictures: a small plant that runs for a while, seen in the real window.
//!
//! Not a test, so it is ignored unless it is asked for; it wants the app's own ports to be free.
//! `cargo test -p acceptance --test pictures -- --ignored` writes `docs/screenshots`.

#![allow(clippy::unwrap_used)] // a test may fail

use std::time::Duration;

use acceptance::broker::issue;
use acceptance::process::{finish, top};
use acceptance::screen::Window;
use acceptance::{Running, Way};

/// Long enough for a line to be seen in a chart that looks back a minute.
const TICKS: u32 = 150;
const TICK: Duration = Duration::from_millis(300);

/// What the machines of the plant measure.
const MACHINES: [(&str, &str); 3] = [("pump-7", "rpm"), ("tank-2", "level"), ("valve-3", "open")];

#[tokio::test]
#[ignore = "takes the README's pictures, in a minute"]
async fn the_readmes_pictures() {
    let data = tempfile::tempdir().unwrap();
    let folder = top().join("docs/screenshots");
    let window = Window::open(data.path()).await;
    window.theme("dark").await;
    window.picture(&folder, "overview-stopped").await;
    window.click("start-broker-big").await;
    window.broker_is("running").await;
    let (tcp, tls) = (window.port("tcp").await, window.port("tls").await);

    // Machines publish with certificates of their own, a dashboard listens.
    let mut machines: Vec<Running> = MACHINES
        .iter()
        .map(|(machine, _)| {
            let way = Way::Tls(issue(data.path(), machine));
            let topic = format!("plant/{machine}");
            Running::start(
                way.mosquitto("mosquitto_pub", tls)
                    .args(["-i", machine, "-q", "1", "-t", &topic, "-l"]),
            )
        })
        .collect();
    let dashboard = Running::start(Way::Tcp.mosquitto("mosquitto_sub", tcp).args([
        "-d",
        "-V",
        "mqttv5",
        "-i",
        "dashboard",
        "-q",
        "2",
        "-t",
        "plant/#",
    ]));
    dashboard.wait_for("Subscribed (mid");
    finish(Way::Tcp.mosquitto("mosquitto_pub", tcp).args([
        "-V",
        "mqttv5",
        "-i",
        "planner",
        "-q",
        "2",
        "-r",
        "-t",
        "plant/shift",
        "-m",
        "early",
    ]))
    .success();

    // A gateway that keeps its session goes away, and messages wait for it.
    let gateway = Running::start(
        Way::Tcp
            .mosquitto("mosquitto_sub", tcp)
            .args(["-d", "-c", "-i", "gateway", "-q", "1", "-t", "plant/#"]),
    );
    gateway.wait_for("Subscribed (mid");
    gateway.kill();

    // A test client of the window's own.
    window.go("clients").await;
    window.click("new-client").await;
    window.click("client-connect").await;
    let client = "[data-testid=\"client-item\"]";
    window
        .attribute(client, "data-state", |state| state == "connected")
        .await;
    window.fill("subscribe-filter", "plant/pump-7").await;
    window.click("subscribe").await;

    // A chart of what the pump measures.
    measure(&mut machines, 0);
    window.go("traffic").await;
    window.fill("traffic-text", "pump-7").await;
    let published = "[data-testid=\"traffic-row\"][data-packet=\"PUBLISH\"]";
    // Until the filter is in force the first row is another's.
    window
        .text_of(published, |text| text.contains("plant/pump-7"))
        .await;
    window.choose(published).await;
    window.click_css("[data-testid=\"chart-value\"]").await;
    window.go("traffic").await;
    window.fill("traffic-text", "").await;

    for tick in 1..TICKS {
        measure(&mut machines, tick);
        // The pictures are of a plant that has run for a while, so this runs for a while.
        tokio::time::sleep(TICK).await;
    }
    for theme in ["dark", "light"] {
        window.theme(theme).await;
        for page in ["overview", "clients", "charts", "certificates"] {
            window.go(page).await;
            measure(&mut machines, TICKS);
            tokio::time::sleep(TICK * 4).await;
            window.picture(&folder, &format!("{page}-{theme}")).await;
        }
        window.go("traffic").await;
        measure(&mut machines, TICKS);
        window.choose(published).await;
        window.find("inspector-payload").await;
        tokio::time::sleep(TICK * 4).await;
        window.picture(&folder, &format!("traffic-{theme}")).await;
        window.go("sessions").await;
        window
            .click_css("[data-testid=\"session-item\"][data-client=\"gateway\"]")
            .await;
        window
            .attribute("[data-testid=\"session-facts\"]", "data-client", |client| {
                client == "gateway"
            })
            .await;
        window.picture(&folder, &format!("sessions-{theme}")).await;
        window
            .click_css("[role=\"radio\"][data-value=\"retained\"]")
            .await;
        window.find("retained-row").await;
        window.picture(&folder, &format!("retained-{theme}")).await;
        window.go("settings").await;
        window.find("setting").await;
        window.picture(&folder, &format!("settings-{theme}")).await;
    }
    window.close().await;
}

/// Each machine publishes one value, which moves with the tick.
fn measure(machines: &mut [Running], tick: u32) {
    let turn = f64::from(tick) / 12.0;
    for (place, (machine, (_, quantity))) in machines.iter_mut().zip(MACHINES).enumerate() {
        let value = match place {
            0 => 1480.0 + 60.0 * turn.sin() + 12.0 * (turn * 5.3).sin(),
            1 => 61.0 + 9.0 * (turn / 2.0).cos(),
            _ => (50.0 + 50.0 * (turn / 3.0).sin()).round(),
        };
        machine.say(&format!(r#"{{"{quantity}": {value:.1}, "ok": true}}"#));
    }
}
