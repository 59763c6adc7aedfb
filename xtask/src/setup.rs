//! What a task needs of the machine, installed where that can be done and named where it cannot.
//!
//! Duty: system packages (apt, on Debian and its kin), `npm ci`, a Python environment for the tests' clients.
//! Not here: Rust and Node themselves, which the README asks for. Invariant: nothing is installed that is there.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use crate::process::{Stop, find_program, npm, output, run};
use crate::tree::{top, ui};

/// What Vite asks for.
const NODE: (u32, u32) = (20, 19);

/// One thing that must be on the machine.
struct Need {
    check: Check,
    /// The Debian package that brings it.
    package: &'static str,
}

enum Check {
    Program(&'static str),
    PkgConfig(&'static str),
    /// A module that `python3` can import.
    Python(&'static str),
}

impl Need {
    const fn program(name: &'static str, package: &'static str) -> Self {
        Self {
            check: Check::Program(name),
            package,
        }
    }

    fn is_met(&self) -> bool {
        match self.check {
            Check::Program(name) => find_program(name).is_some(),
            Check::PkgConfig(library) => {
                output(Command::new("pkg-config").args(["--exists", library])).is_some()
            }
            Check::Python(module) => {
                output(Command::new("python3").args(["-c", &format!("import {module}")])).is_some()
            }
        }
    }

    fn name(&self) -> &'static str {
        match self.check {
            Check::Program(name) | Check::PkgConfig(name) | Check::Python(name) => name,
        }
    }
}

/// To build anything at all.
const COMPILER: [Need; 1] = [Need::program("cc", "build-essential")];

/// To build the window.
const WEBVIEW: [Need; 2] = [
    Need::program("pkg-config", "pkg-config"),
    Need {
        check: Check::PkgConfig("webkit2gtk-4.1"),
        package: "libwebkit2gtk-4.1-dev",
    },
];

/// Clients that no one here wrote, and what drives the real window.
const TEST_TOOLS: [Need; 10] = [
    Need::program("mosquitto_pub", "mosquitto-clients"),
    Need::program("mosquitto_sub", "mosquitto-clients"),
    Need::program("mosquitto_rr", "mosquitto-clients"),
    Need::program("openssl", "openssl"),
    Need::program("python3", "python3"),
    Need {
        check: Check::Python("ensurepip, venv"),
        package: "python3-venv",
    },
    Need::program("tshark", "tshark"),
    Need::program("Xvfb", "xvfb"),
    Need::program("dbus-daemon", "dbus-daemon"),
    Need::program("WebKitWebDriver", "webkit2gtk-driver"),
];

/// What `mqttwb` is built with: the engine without a window.
pub fn engine() -> Result<(), Stop> {
    system(&[&COMPILER])
}

/// What the window is built with.
pub fn window() -> Result<(), Stop> {
    node()?;
    system(&[&COMPILER, &WEBVIEW])?;
    node_modules(&ui())
}

/// What all the tests need.
pub fn tests() -> Result<(), Stop> {
    node()?;
    with_mosquitto(&[&COMPILER, &WEBVIEW, &TEST_TOOLS])?;
    node_modules(&ui())?;
    node_modules(&top().join("tests"))?;
    python(&top().join("tests"))
}

/// What the benchmark compares with.
pub fn mosquitto() -> Result<(), Stop> {
    with_mosquitto(&[&COMPILER])
}

/// All of this, and a broker that no one here wrote: the tests' clients dial it. Debian starts a freshly installed mosquitto as a service
/// on port 1883, where the app's own broker wants to be: a service that this call brought is switched off again.
fn with_mosquitto(groups: &[&[Need]]) -> Result<(), Stop> {
    let was_there = find_program("mosquitto").is_some();
    let mosquitto = [Need::program("mosquitto", "mosquitto")];
    system(&[groups, &[&mosquitto]].concat())?;
    if was_there || !cfg!(target_os = "linux") {
        return Ok(());
    }
    if Path::new("/run/systemd/system").exists() {
        run(as_root("systemctl")?.args(["disable", "--now", "mosquitto"]))?;
    } else if find_program("service").is_some() {
        // Where nothing was started there is nothing to stop, which is as well.
        let _ = output(as_root("service")?.args(["mosquitto", "stop"]));
    }
    Ok(())
}

fn system(groups: &[&[Need]]) -> Result<(), Stop> {
    if cfg!(target_os = "linux") {
        linux(groups)
    } else if cfg!(target_os = "macos") {
        macos()
    } else {
        windows()
    }
}

fn linux(groups: &[&[Need]]) -> Result<(), Stop> {
    let missing: Vec<&Need> = groups
        .iter()
        .copied()
        .flatten()
        .filter(|need| !need.is_met())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if find_program("apt-get").is_none() {
        let names: Vec<&str> = missing.iter().map(|need| need.name()).collect();
        return Err(Stop::new(format!(
            "missing on this machine: {}. Install them with your distribution's package manager and run this again \
             (webkit2gtk-4.1 is the development package of WebKitGTK).",
            names.join(", ")
        )));
    }
    let mut packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    packages.dedup();
    println!("installing what is missing: {}", packages.join(" "));
    run(as_root("apt-get")?.arg("update"))?;
    run(as_root("apt-get")?
        .args(["install", "-y", "--no-install-recommends"])
        .args(&packages))?;
    match missing.iter().find(|need| !need.is_met()) {
        None => Ok(()),
        Some(need) => Err(Stop::new(format!(
            "{} is installed, yet {} is still not found",
            need.package,
            need.name()
        ))),
    }
}

/// A program to be run as root: directly, or by sudo, which asks for a password only where someone can answer.
fn as_root(program: &str) -> Result<Command, Stop> {
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if is_root {
        let mut command = Command::new(program);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        return Ok(command);
    }
    if find_program("sudo").is_none() {
        return Err(Stop::new(format!(
            "{program} must run as root and there is no sudo: run this task as root once"
        )));
    }
    let mut sudo = Command::new("sudo");
    if !std::io::stdin().is_terminal() {
        sudo.arg("-n");
    }
    sudo.args(["DEBIAN_FRONTEND=noninteractive", program]);
    Ok(sudo)
}

fn macos() -> Result<(), Stop> {
    if output(Command::new("xcode-select").arg("-p")).is_some() {
        return Ok(());
    }
    Err(Stop::new(
        "the Xcode command line tools are missing: run `xcode-select --install`, then this again",
    ))
}

fn windows() -> Result<(), Stop> {
    // The WebView2 runtime of all users, as its installer registers it.
    const WEBVIEW2: &str = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}";
    if output(Command::new("reg").args(["query", WEBVIEW2, "/v", "pv"])).is_none() {
        return Err(Stop::new(
            "the WebView2 runtime is missing: install Microsoft's \"Evergreen\" WebView2 runtime, then run this again",
        ));
    }
    let has_msvc = output(Command::new("rustc").arg("-vV"))
        .is_some_and(|about| about.contains("windows-msvc"));
    if !has_msvc {
        return Err(Stop::new(
            "Rust's MSVC toolchain is missing: install the Visual Studio build tools with \"Desktop development with \
             C++\", run `rustup default stable-msvc`, then this again",
        ));
    }
    Ok(())
}

fn node() -> Result<(), Stop> {
    let wanted = format!("{}.{}", NODE.0, NODE.1);
    let Some(version) = output(Command::new("node").arg("--version")) else {
        return Err(Stop::new(format!(
            "Node is missing: install Node {wanted} or newer with npm, then run this again"
        )));
    };
    if node_version(&version).is_none_or(|version| version < NODE) {
        return Err(Stop::new(format!(
            "Node {} is too old: install Node {wanted} or newer, then run this again",
            version.trim()
        )));
    }
    if output(npm(&top()).arg("--version")).is_none() {
        return Err(Stop::new(
            "npm is missing: install it beside Node, then run this again",
        ));
    }
    Ok(())
}

/// Major and minor of `v20.19.2`.
fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn node_modules(folder: &Path) -> Result<(), Stop> {
    up_to_date(
        &folder.join("package-lock.json"),
        &folder.join("node_modules/.installed-from"),
        || run(npm(folder).args(["ci", "--no-audit", "--no-fund"])),
    )
}

fn python(folder: &Path) -> Result<(), Stop> {
    let environment = folder.join(".venv");
    let requirements = folder.join("requirements.txt");
    let python = environment.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    up_to_date(&requirements, &environment.join(".installed-from"), || {
        let base = if cfg!(windows) { "python" } else { "python3" };
        run(Command::new(base)
            .args(["-m", "venv", "--clear"])
            .arg(&environment))?;
        run(Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&requirements))
    })
}

/// Runs `install` unless `stamp` is a copy of `list`; then makes it one.
fn up_to_date(
    list: &Path,
    stamp: &Path,
    install: impl FnOnce() -> Result<(), Stop>,
) -> Result<(), Stop> {
    let wanted = fs::read(list).map_err(Stop::at(format!("cannot read {}", list.display())))?;
    if fs::read(stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(stamp, wanted).map_err(Stop::at(format!("cannot write {}", stamp.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_node_is_read_from_what_it_prints() {
        assert_eq!(node_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(node_version("v8.17.0"), Some((8, 17)));
        assert_eq!(node_version("20"), None);
    }

    #[test]
    fn an_installation_is_done_once_for_each_state_of_its_list() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (list, stamp) = (folder.join("list"), folder.join("stamp"));
        let mut installs = 0;
        for content in ["a", "a", "b", "b"] {
            fs::write(&list, content).unwrap();
            up_to_date(&list, &stamp, || {
                installs += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(installs, 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
