//! `cargo xtask lint`: what can be said about the sources without running the product.

mod arrows;
mod bindings;
mod house;
mod licences;
mod manifest;
mod unused;

use std::fmt;
use std::path::PathBuf;

use crate::conformance;
use crate::process::{Stop, npm, output, run};
use crate::setup;
use crate::test::Stages;
use crate::tree::{WHOLE, build_pages, cargo_here, top, ui};

/// One thing that is not as it must be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, from the top of the tree.
    pub place: String,
    pub what: String,
}

impl Finding {
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// A text file of the work tree.
#[derive(Debug)]
pub struct Source {
    /// From the top of the tree, with `/` on every system.
    pub path: String,
    pub text: String,
}

pub fn lint() -> Result<(), Stop> {
    let mut all = Stages::default();
    all.pass("set-up", setup::window)?;
    if !ui().join("dist").exists() {
        all.pass("ui: build", build_pages)?;
    }
    stages(&mut all)?;
    all.print();
    Ok(())
}

/// The stages of the lint, cheapest first. `ui/dist` must be there: the window's package embeds it.
pub fn stages(stages: &mut Stages) -> Result<(), Stop> {
    let mut sources = Vec::new();
    stages.pass("format", || {
        run(cargo_here().args(["fmt", "--all", "--check"]))
    })?;
    stages.pass("arrows", || {
        sources = read_sources()?;
        let packages = manifest::packages(&sources);
        report(
            &format!("{} packages", packages.len()),
            arrows::check(&packages, &sources),
        )
    })?;
    stages.pass("house rules", || {
        let rules = house::Rules::of_this_machine();
        report(
            &format!("{} files", sources.len()),
            house::check(&rules, &sources),
        )
    })?;
    stages.pass("conformance", || {
        report("citations", conformance::check(&sources))
    })?;
    stages.pass("unused dependencies", || {
        let packages = manifest::packages(&sources);
        report("dependencies", unused::check(&packages, &sources))
    })?;
    stages.pass("licences and sources", || {
        check_licences(&sources)?;
        // It looks at the same file, and at more: duplicates, wildcards, the texts of licences.
        if output(cargo_here().args(["deny", "--version"])).is_some() {
            run(cargo_here().args(["deny", "check", "licenses", "sources", "bans"]))?;
        }
        Ok(())
    })?;
    stages.pass("ui: types", || run(npm(&ui()).args(["run", "check"])))?;
    stages.pass("ui: lint", || run(npm(&ui()).args(["run", "lint"])))?;
    stages.pass("clippy", || {
        run(cargo_here()
            .arg("clippy")
            .args(WHOLE)
            .args(["--all-targets", "--", "-D", "warnings"]))
    })?;
    stages.pass("exported types", || {
        bindings::check().and_then(|findings| report("types", findings))
    })
}

/// Crates and npm packages, by what the lock files name.
fn check_licences(sources: &[Source]) -> Result<(), Stop> {
    let text = |path: &str| {
        let source = sources.iter().find(|source| source.path == path);
        source.ok_or_else(|| Stop::new(format!("{path} is not there")))
    };
    let json = |what: &str, text: &str| {
        let read = serde_json::from_str::<serde_json::Value>(text);
        read.map_err(|error| Stop::new(format!("{what} can't be read: {error}")))
    };
    let rules = licences::Rules::parse(&text("deny.toml")?.text)?;
    let metadata = output(cargo_here().args([
        "metadata",
        "--format-version",
        "1",
        "--all-features",
        "--locked",
    ]))
    .ok_or_else(|| Stop::new("`cargo metadata --locked` failed: is Cargo.lock up to date?"))?;
    let (crates, mut findings) = licences::crates(&rules, &json("cargo metadata", &metadata)?);
    let mut packages = 0;
    for lock in ["ui/package-lock.json", "tests/package-lock.json"] {
        let (count, more) = licences::npm_packages(&rules, &json(lock, &text(lock)?.text)?);
        packages += count;
        findings.extend(more);
    }
    let looked_at = format!("{crates} crates and {packages} npm packages");
    report(&looked_at, findings)
}

fn report(looked_at: &str, findings: Vec<Finding>) -> Result<(), Stop> {
    if findings.is_empty() {
        println!("{looked_at}: nothing found");
        return Ok(());
    }
    for finding in &findings {
        println!("{finding}");
    }
    Err(Stop::new(format!("{} found, see above", findings.len())))
}

/// Every text file that is tracked, or new and not ignored.
pub fn read_sources() -> Result<Vec<Source>, Stop> {
    let top = top();
    let list = output(std::process::Command::new("git").current_dir(&top).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
    .ok_or_else(|| Stop::new("`git ls-files` failed: the lint reads the files that git knows"))?;
    let mut paths: Vec<&str> = list.lines().collect();
    paths.sort_unstable();
    paths.dedup();
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            // A deleted file is still listed; a picture is no text.
            let text = std::fs::read_to_string(top.join(PathBuf::from(path))).ok()?;
            Some(Source {
                path: path.to_owned(),
                text,
            })
        })
        .collect())
}
