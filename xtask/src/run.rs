//! `cargo xtask run`: the app in a window, or its engine in this terminal where no window can open.

use std::process::Command;

use crate::process::{Stop, become_program, run};
use crate::setup;
use crate::tree::{build_pages, built, cargo_here};

/// How to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Debug,
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }

    fn build(self, package: &str) -> Command {
        let mut cargo = cargo_here();
        cargo.args(["build", "--package", package]);
        if self == Self::Release {
            cargo.arg("--release");
        }
        cargo
    }
}

/// `.cargo/config.toml` switches the system's keychain off for what cargo runs; who uses the app has it.
const KEYCHAIN: &str = "MQTTWB_KEYCHAIN";

pub fn run_task(profile: Profile) -> Result<(), Stop> {
    if !has_display() {
        println!(
            "No display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open.\n\
             The same engine runs in this terminal instead; Ctrl-C ends it.\n"
        );
        setup::engine()?;
        run(&mut profile.build("mqttwb-cli"))?;
        return become_program(
            Command::new(built(profile.folder(), "mqttwb"))
                .args(["broker", "run", "--watch"])
                .env_remove(KEYCHAIN),
        );
    }
    setup::window()?;
    build_pages()?;
    run(profile
        .build("mqtt-workbench")
        .args(["--features", "custom-protocol"]))?;
    become_program(Command::new(built(profile.folder(), "mqtt-workbench")).env_remove(KEYCHAIN))
}

/// Whether a window can open: always on macOS and Windows; elsewhere there must be a display server.
fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
