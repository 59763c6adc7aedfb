//! `cargo xtask bundle`: the app as a package that Debian and its kin install.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{Stop, run};
use crate::setup;
use crate::tree::{target, top, ui};

pub fn bundle() -> Result<(), Stop> {
    if !cfg!(target_os = "linux") {
        return Err(Stop::new(
            "only the .deb is made here, and only on Linux; on this system use `npx tauri build` in ui/",
        ));
    }
    setup::window()?;
    // An AppImage would download its runtime; the .deb is made of what is here.
    let tauri = ui().join("node_modules/.bin/tauri");
    run(Command::new(tauri)
        .current_dir(top())
        .env("CARGO_TARGET_DIR", target())
        .args(["build", "--bundles", "deb"]))?;
    let package = newest_package()?;
    run(Command::new("dpkg-deb").arg("--info").arg(&package))?;
    run(Command::new("dpkg-deb").arg("--contents").arg(&package))?;
    let size = fs::metadata(&package)
        .map_err(Stop::at(format!("cannot read {}", package.display())))?
        .len();
    println!(
        "\n{}\n{size} bytes ({:.1} MB)",
        package.display(),
        size as f64 / 1e6
    );
    Ok(())
}

fn newest_package() -> Result<PathBuf, Stop> {
    let folder = target().join("release/bundle/deb");
    fs::read_dir(&folder)
        .map_err(Stop::at(format!("cannot read {}", folder.display())))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "deb"))
        .max_by_key(|path| fs::metadata(path).and_then(|about| about.modified()).ok())
        .ok_or_else(|| Stop::new(format!("no .deb in {}", folder.display())))
}
