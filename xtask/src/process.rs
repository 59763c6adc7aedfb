//! Calling other programs: each is shown before it runs, and a failure names it.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a task ended early: a sentence for the person at the terminal.
#[derive(Debug)]
pub struct Stop(String);

impl Stop {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: what was being done, then what went wrong.
    pub fn at<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Cargo, the one that runs this task.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// npm, in a folder with a package.json.
pub fn npm(folder: &Path) -> Command {
    // Windows starts no `.cmd` by its bare name.
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(folder);
    npm
}

/// Runs a program to its end, its output going where ours goes.
pub fn run(command: &mut Command) -> Result<(), Stop> {
    show(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(Stop::at(format!("cannot start {}", line(command))))?;
    if status.success() {
        Ok(())
    } else {
        Err(Stop::new(format!("failed ({status}): {}", line(command))))
    }
}

/// Runs a program to its end, showing its standard output line by line and handing each line to `each` as well.
pub fn run_watched(command: &mut Command, mut each: impl FnMut(&str)) -> Result<(), Stop> {
    show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Stop::at(format!("cannot start {}", line(command))))?;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while reader
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|count| count > 0)
        {
            let text = String::from_utf8_lossy(&bytes);
            print!("{text}");
            each(text.trim_end());
            bytes.clear();
        }
    }
    let status = child
        .wait()
        .map_err(Stop::at(format!("cannot wait for {}", line(command))))?;
    if status.success() {
        Ok(())
    } else {
        Err(Stop::new(format!("failed ({status}): {}", line(command))))
    }
}

/// The standard output of a program that succeeds; `None` where it is not there or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Becomes another program: its exit code and the signals are its own from here on.
#[cfg(unix)]
pub fn become_program(command: &mut Command) -> Result<(), Stop> {
    use std::os::unix::process::CommandExt;
    show(command);
    let error = command.exec();
    Err(Stop::new(format!(
        "cannot start {}: {error}",
        line(command)
    )))
}

/// Runs another program and ends with its exit code.
#[cfg(not(unix))]
pub fn become_program(command: &mut Command) -> Result<(), Stop> {
    show(command);
    let status = command
        .status()
        .map_err(Stop::at(format!("cannot start {}", line(command))))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// Where a program is, looked for in PATH and where Debian keeps servers.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

fn show(command: &Command) {
    println!("$ {}", line(command));
}

fn line(command: &Command) -> String {
    let mut words = vec![name(command.get_program().as_ref())];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

fn name(program: &Path) -> String {
    program.file_name().map_or_else(
        || program.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
