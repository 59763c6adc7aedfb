//! Programs as the tests see them: lines that they print, and how they end.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a loaded machine with two cores; only ever waited out by a test that fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The top of the work tree.
pub fn top() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A program of the product, which `cargo build --workspace` puts beside this test's own folder.
pub fn product(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own program");
    let folder = exe
        .parent()
        .and_then(Path::parent)
        .expect("a test runs from TARGET/PROFILE/deps");
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{name} is not built: run `cargo xtask test`, or first `cargo build --workspace --all-targets --features \
         mqtt-workbench/custom-protocol`"
    );
    program
}

/// The broker that `cargo xtask test` installs. Debian keeps it where only root looks.
pub fn mosquitto() -> Command {
    let debian = Path::new("/usr/sbin/mosquitto");
    Command::new(if debian.exists() {
        debian
    } else {
        Path::new("mosquitto")
    })
}

/// Which of its outputs a program printed a line to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

#[derive(Debug, Default)]
struct Printed {
    lines: Vec<(Stream, String)>,
    open: u8,
}

#[derive(Debug, Default)]
struct Output {
    printed: Mutex<Printed>,
    changed: Condvar,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(self: Arc<Self>, stream: Stream, from: impl Read + Send + 'static) {
        self.lock().open += 1;
        thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                self.lock().lines.push((stream, line));
                self.changed.notify_all();
            }
            self.lock().open -= 1;
            self.changed.notify_all();
        });
    }
}

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Running {
    /// Starts a program, its input and outputs in the test's hand.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Arc::new(Output::default());
        if let Some(out) = child.stdout.take() {
            output.clone().read(Stream::Out, out);
        }
        if let Some(err) = child.stderr.take() {
            output.clone().read(Stream::Err, err);
        }
        let stdin = child.stdin.take();
        Self {
            name,
            child,
            stdin,
            output,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}")
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|error| panic!("{} takes no more input: {error}", self.name));
    }

    /// The first thing that `pick` finds in a line, from line number `from` on, with the number after that line. Waits
    /// for it; fails where the program falls silent for good before.
    pub fn find<T>(
        &self,
        from: usize,
        mut pick: impl FnMut(Stream, &str) -> Option<T>,
    ) -> (T, usize) {
        let deadline = Instant::now() + DEADLINE;
        let mut next = from;
        let mut printed = self.output.lock();
        loop {
            while next < printed.lines.len() {
                let (stream, line) = &printed.lines[next];
                next += 1;
                if let Some(found) = pick(*stream, line) {
                    return (found, next);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.open == 0 || left.is_zero() {
                let why = if printed.open == 0 { "ended" } else { "hangs" };
                let all: Vec<&str> = printed
                    .lines
                    .iter()
                    .map(|(_, line)| line.as_str())
                    .collect();
                panic!(
                    "{} {why} without the line that is waited for; it printed:\n{}",
                    self.name,
                    all.join("\n")
                );
            }
            printed = self
                .output
                .changed
                .wait_timeout(printed, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for a line that holds the text, on either output.
    pub fn wait_for(&self, text: &str) -> String {
        self.find(0, |_, line| line.contains(text).then(|| line.to_owned()))
            .0
    }

    /// Sends a signal by its name, `TERM` or `INT`.
    pub fn signal(&self, name: &str) {
        // The shell's own `kill`: there is always one.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.id())])
            .status()
            .expect("sh is there");
        assert!(status.success(), "cannot send {name} to {}", self.name);
    }

    /// Ends it with SIGKILL: it gets no chance to say goodbye.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        let status = self.child.wait().expect("a killed program ends");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(9),
            "{} ended before; it printed:\n{:?}",
            self.name,
            self.printed()
        );
        #[cfg(not(unix))]
        let _ = status;
    }

    /// Closes its input and waits for its end.
    pub fn finish(mut self) -> Finished {
        self.stdin = None;
        let deadline = Instant::now() + DEADLINE;
        let mut printed = self.output.lock();
        while printed.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} does not end; it printed:\n{:?}",
                self.name,
                printed.lines
            );
            printed = self
                .output
                .changed
                .wait_timeout(printed, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let text = |wanted: Stream| {
            printed
                .lines
                .iter()
                .filter(|(stream, _)| *stream == wanted)
                .map(|(_, line)| format!("{line}\n"))
                .collect::<String>()
        };
        let (out, err) = (text(Stream::Out), text(Stream::Err));
        drop(printed);
        let status = self
            .child
            .wait()
            .expect("a program with closed outputs ends");
        Finished { status, out, err }
    }

    /// Everything that it has printed until now.
    pub fn printed(&self) -> Vec<String> {
        let printed = self.output.lock();
        printed.lines.iter().map(|(_, line)| line.clone()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub fn finish(command: &mut Command) -> Finished {
    Running::start(command).finish()
}

impl Finished {
    /// The same, where it succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.status.success(), "it failed: {self:#?}");
        self
    }
}
