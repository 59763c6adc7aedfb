//! `cargo xtask test`: everything that must hold, cheapest first, up to the first failure.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::lint;
use crate::process::{Stop, npm, run, run_watched};
use crate::setup;
use crate::tree::{WHOLE, build_pages, cargo_here, target, ui};

/// Whether to drive the real window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Drive,
    Skip,
}

/// Stages that were passed, with the time that each took.
#[derive(Debug, Default)]
pub struct Stages(Vec<(&'static str, Duration)>);

impl Stages {
    /// Runs one stage. A failure ends the task, and tells at which stage.
    pub fn pass(
        &mut self,
        name: &'static str,
        stage: impl FnOnce() -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        println!(
            "\n── {name} {}",
            "─".repeat(70_usize.saturating_sub(name.len()))
        );
        let begin = Instant::now();
        let result = stage();
        self.0.push((name, begin.elapsed()));
        result.map_err(|stop| {
            self.print();
            Stop::new(format!("stopped at \"{name}\": {stop}"))
        })
    }

    pub fn print(&self) {
        println!();
        for (name, time) in &self.0 {
            println!("{name:<28} {:>7.1} s", time.as_secs_f32());
        }
        let all: Duration = self.0.iter().map(|(_, time)| *time).sum();
        println!("{:<28} {:>7.1} s", "all", all.as_secs_f32());
    }
}

pub fn test(window: Window) -> Result<(), Stop> {
    let mut stages = Stages::default();
    let mut count = Count::default();

    stages.pass("set-up", setup::tests)?;
    stages.pass("ui: build", build_pages)?;
    lint::stages(&mut stages)?;
    stages.pass("ui: test", || run(npm(&ui()).args(["run", "test"])))?;
    // The acceptance tests run the programs themselves, which `cargo test` alone does not build.
    stages.pass("build", || {
        run(cargo_here().arg("build").args(WHOLE).arg("--all-targets"))
    })?;
    stages.pass("cargo test", || {
        let mut cargo = cargo_here();
        // The API's types go where the lint looked, not into the work tree.
        cargo.env("TS_RS_EXPORT_DIR", target().join("bindings"));
        if std::io::stdout().is_terminal() {
            cargo.args(["--color", "always"]);
        }
        // One run tells all that fails.
        cargo.args(["test", "--no-fail-fast"]).args(WHOLE);
        if window == Window::Skip {
            cargo.args(["--", "--skip", "real_window::"]);
        }
        run_watched(&mut cargo, |line| count.read(line))
    })?;

    stages.print();
    println!("\n{}", count.line());
    Ok(())
}

/// What cargo's test runners counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Count {
    /// Adds up the closing lines: `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; …`.
    fn read(&mut self, line: &str) {
        let plain = without_colour(line);
        let Some((_, counts)) = plain
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            let Some((number, what)) = count.trim().split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "filtered out" => self.skipped += number,
                _ => {}
            }
        }
    }

    fn line(&self) -> String {
        let mut line = format!("{} passed, {} failed", self.passed, self.failed);
        if self.skipped > 0 {
            line.push_str(&format!(", {} skipped", self.skipped));
        }
        line
    }
}

/// The text without terminal escapes (`ESC [ … m`).
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        match (inside, letter) {
            (false, '\u{1b}') => inside = true,
            (false, _) => plain.push(letter),
            (true, 'm') => inside = false,
            (true, _) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_test_runners_add_up() {
        let mut count = Count::default();
        count.read("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.10s");
        count.read("test result: \u{1b}[32mok\u{1b}[m. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        count.read("running 3 tests");
        assert_eq!(count.line(), "12 passed, 0 failed, 3 skipped");
    }
}
