//! Rules, accounts and sessions that the tests of access and of its findings begin with.

use std::fs;
use std::path::Path;

use crate::broker::mqttwb;
use crate::process::finish;
use crate::screen::Window;
use crate::{Running, Way};

/// A password as mosquitto keeps it.
pub const HASH: &str = "$7$101$CSdvvnyXeWUVYkF0$vxRFyRKyKcJQbtTGDOmjQHDDTp61OIDN0Dod/sLEzvDqgHOhJYRpOzPtZhJ6ek4GV3Lo7CgOPS7pUXWxDVqVnA==";

/// Puts rules in place.
pub fn import_rules(data: &Path, rules: &str) {
    import(data, "access", "new.toml", rules);
}

/// Waits until the rule of a device's own branch is in the file of rules.
pub async fn own_branch_is_written(window: &Window, data: &Path) {
    window
        .until("the rules are in the file", async || {
            let text = fs::read_to_string(data.join("acl.toml")).ok()?;
            text.contains("devices/{client}/#").then_some(())
        })
        .await;
}

/// Takes over an account of mosquitto's by this name.
pub fn import_account(data: &Path, name: &str) {
    import(data, "account", "accounts.txt", &format!("{name}:{HASH}\n"));
}

fn import(data: &Path, what: &str, name: &str, text: &str) {
    let file = data.join(name);
    fs::write(&file, text).expect("a file in the data folder");
    finish(mqttwb(data).args([what, "import"]).arg(&file)).success();
}

/// A client whose session never expires, once it is subscribed.
pub fn endless_session(port: u16, client: &str, filter: &str) -> Running {
    let mut subscriber = Way::Tcp.mosquitto("mosquitto_sub", port);
    subscriber.args(["-d", "-V", "mqttv5", "-i", client, "-c", "-x", "4294967295"]);
    let running = Running::start(subscriber.args(["-q", "1", "-t", filter]));
    running.wait_for("Subscribed (mid");
    running
}
