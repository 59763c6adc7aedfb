//! Where things are in the work tree, and what cargo builds from it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Stop, cargo, npm, run};

/// The window's package takes its pages from `ui/dist` with this feature; without it, from a dev server.
///
/// Every task builds the same packages with the same features, so that nothing is compiled twice.
pub const WHOLE: [&str; 3] = [
    "--workspace",
    "--features",
    "mqtt-workbench/custom-protocol",
];

/// The top of the work tree.
pub fn top() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The folder of the window's pages.
pub fn ui() -> PathBuf {
    top().join("ui")
}

/// Where cargo puts what it builds. This program itself runs from `TARGET/debug/xtask`.
pub fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()))
        .unwrap_or_else(|| top().join("target"))
}

/// A program that cargo built.
pub fn built(profile: &str, name: &str) -> PathBuf {
    target()
        .join(profile)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Cargo, at the top of the tree.
pub fn cargo_here() -> Command {
    let mut command = cargo();
    command.current_dir(top());
    command
}

/// Builds the window's pages into `ui/dist`, which the window's package embeds.
pub fn build_pages() -> Result<(), Stop> {
    run(npm(&ui()).args(["run", "build"]))
}
