//! `cargo xtask fuzz`: the targets of `fuzz/` under cargo-fuzz, for as long as one likes.
//!
//! The bodies of the targets run in `cargo test` too, on the kept inputs and some mutants: see `crates/fuzzing`.

use std::process::Command;

use crate::process::{Stop, output, run};
use crate::tree::{target as built, top};

const TARGETS: [&str; 9] = [
    "wire_decode",
    "front_session",
    "session",
    "topics",
    "certificate",
    "pkcs12",
    "passwords",
    "acl",
    "token",
];
/// Of each target, where nothing else is said.
const INPUTS: u64 = 1_000_000;

pub fn fuzz(options: &[&str]) -> Result<(), Stop> {
    let options = Options::read(options)?;
    tools()?;
    for target in options.targets {
        // What it finds on its way goes here; the kept inputs are read and left as they are.
        let found = built().join("fuzz").join("inputs").join(target);
        std::fs::create_dir_all(&found).map_err(Stop::at(found.display()))?;
        run(Command::new("rustup")
            .current_dir(top())
            .args(["run", "nightly", "cargo", "fuzz", "run", target])
            .arg(found)
            .arg(format!("fuzz/corpus/{target}"))
            .arg("--")
            .arg(format!("-runs={}", options.inputs))
            // An input that takes ten seconds or two gigabytes is a finding. What leaks grows past them: asking after each
            // input takes a second of it wherever a thread keeps memory for the next, as the router's does.
            .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=2048"])
            .arg("-detect_leaks=0")
            .arg("-print_final_stats=1"))?;
    }
    Ok(())
}

/// cargo-fuzz and the nightly compiler that it needs; nothing else here does, so they are not installed unasked.
fn tools() -> Result<(), Stop> {
    let there =
        |words: &[&str]| output(Command::new("rustup").args(["run", "nightly"]).args(words));
    if there(&["rustc", "--version"]).is_none() {
        return Err(Stop::new(
            "fuzzing needs a nightly compiler: rustup toolchain install nightly --profile minimal",
        ));
    }
    if there(&["cargo", "fuzz", "--version"]).is_none() {
        return Err(Stop::new(
            "fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked",
        ));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    targets: Vec<&'a str>,
    inputs: u64,
}

impl<'a> Options<'a> {
    fn read(words: &[&'a str]) -> Result<Self, Stop> {
        let mut options = Self {
            targets: TARGETS.to_vec(),
            inputs: INPUTS,
        };
        let mut rest = words;
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--target", target, rest @ ..] if TARGETS.contains(target) => {
                    options.targets = vec![target];
                    rest
                }
                ["--inputs", number, rest @ ..] if number.parse::<u64>().is_ok_and(|n| n > 0) => {
                    options.inputs = number.parse().unwrap_or(INPUTS);
                    rest
                }
                other => {
                    return Err(Stop::new(format!(
                        "`{}` is not understood: [--target {}] [--inputs NUMBER]",
                        other.join(" "),
                        TARGETS.join("|")
                    )));
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_number_are_read_and_anything_else_is_named() {
        let read = Options::read(&["--inputs", "5", "--target", "topics"]);
        let options = read.expect("both are known");
        assert_eq!((options.targets, options.inputs), (vec!["topics"], 5));
        for wrong in [
            &["--target", "all"][..],
            &["--inputs", "0"],
            &["--inputs"],
            &["quick"],
        ] {
            let why = Options::read(wrong).expect_err("not an option").to_string();
            assert!(why.contains(wrong[0]), "{why}");
        }
    }

    #[test]
    fn every_target_of_the_manifest_is_run() {
        let manifest = std::fs::read_to_string(top().join("fuzz/Cargo.toml")).expect("is there");
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{target}\"")));
        }
    }
}
