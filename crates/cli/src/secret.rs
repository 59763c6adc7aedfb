//! Secrets that somebody gives: in a file, in the environment, at the terminal or on standard input.
//!
//! Invariant: none is taken from the command line, which others on the computer can see.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use mqttwb_app::Result;
use mqttwb_app::api::{ApiError, ErrorCode};

use crate::arguments::Passphrase;
use crate::input;

/// Holds the passphrase where no file is named.
const VARIABLE: &str = "MQTTWB_PASSPHRASE";

/// The first line of a file.
pub fn in_file(path: &Path) -> Result<String> {
    let text = input::read(path)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The passphrase of the file that is named, or of the environment.
pub fn given(passphrase: &Passphrase) -> Result<Option<String>> {
    match &passphrase.passphrase_file {
        Some(path) => in_file(path).map(Some),
        None => Ok(std::env::var(VARIABLE).ok().filter(|text| !text.is_empty())),
    }
}

/// From the terminal, or the first line of standard input.
pub fn asked(prompt: &str) -> Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map_err(|error| unreadable(&error));
    }
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| unreadable(&error))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// From the terminal, asked for twice, or the first line of standard input.
pub fn asked_twice() -> Result<String> {
    let first = asked("Password: ")?;
    if io::stdin().is_terminal() && first != asked("Again: ")? {
        let told = "The two passwords are not the same; nothing was changed.";
        return Err(ApiError::new(ErrorCode::InvalidInput, told));
    }
    Ok(first)
}

fn unreadable(error: &io::Error) -> ApiError {
    let told = format!("Nothing can be read from standard input: {error}.");
    ApiError::new(ErrorCode::File, told)
}
