//! Many devices from a list: CSV with the columns `name, days, key, organization, unit, names`, of which the first alone is
//! needed.
//!
//! Invariant: a list is read whole before anything is signed, and one that has a mistake signs nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use serde::Deserialize;

use super::{CertificateStore, device_name, valid_days};
use crate::Result;
use crate::api::{
    ApiError, BatchFailure, BatchProgress, DeviceRequest, ErrorCode, ExportRequest, KeyType,
};
use crate::words::sentence;

/// The most devices of one list.
const MOST: usize = 10_000;
/// The longest list.
const MOST_BYTES: usize = 8 << 20;
/// Days where the list has none.
const DAYS: u32 = 365;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the file, from 1.
    number: u32,
    request: DeviceRequest,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    days: Option<u32>,
    #[serde(default)]
    key: Option<KeyType>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    names: Option<String>,
}

/// Reads a list. Every mistake that can be seen before anything is signed is told with its line.
pub(super) fn read(text: &str) -> Result<Vec<Line>> {
    let wrong = |line: u64, why: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::InvalidInput,
            sentence(format_args!("line {line} of the list: {why}")),
        )
        .hint("The first line names the columns: name, days, key, organization, unit, names. Nothing was issued.")
    };
    if text.len() > MOST_BYTES {
        return Err(wrong(
            1,
            &format_args!("it has more than {MOST_BYTES} bytes"),
        ));
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| wrong(1, &error))?.clone();
    if let Some(other) = headers
        .iter()
        .find(|name| !["name", "days", "key", "organization", "unit", "names"].contains(name))
    {
        return Err(wrong(1, &format_args!("there is no column {other:?}")));
    }
    if !headers.iter().any(|name| name == "name") {
        return Err(wrong(1, &"there is no column name"));
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut names = std::collections::HashSet::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            wrong(line, &error)
        })?;
        let number = record.position().map_or(1, csv::Position::line);
        let row: Row = record
            .deserialize(Some(&headers))
            .map_err(|error| wrong(number, &error))?;
        let checked = device_name(&row.name)
            .and_then(|_| valid_days(row.days.unwrap_or(DAYS)))
            .map_err(|error| wrong(number, &error));
        checked?;
        if !names.insert(row.name.to_ascii_lowercase()) {
            return Err(wrong(
                number,
                &format_args!("{} stands on it twice", row.name),
            ));
        }
        if lines.len() == MOST {
            return Err(wrong(
                number,
                &format_args!("it has more than {MOST} devices"),
            ));
        }
        lines.push(Line {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            request: DeviceRequest {
                name: row.name,
                days: row.days.unwrap_or(DAYS),
                key: row.key.unwrap_or_default(),
                organization: row.organization.unwrap_or_default(),
                unit: row.unit.unwrap_or_default(),
                names: row
                    .names
                    .unwrap_or_default()
                    .split([';', ' '])
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
                request: None,
            },
        });
    }
    if lines.is_empty() {
        return Err(wrong(2, &"there is no device on it"));
    }
    Ok(lines)
}

/// A list that is worked off, for whoever asks how far it is.
#[derive(Debug, Default)]
pub struct Batch {
    progress: Mutex<BatchProgress>,
    cancel: AtomicBool,
}

impl Batch {
    /// How far it is.
    pub fn progress(&self) -> BatchProgress {
        self.progress.lock().clone()
    }

    /// Ends it after the device that is at hand.
    pub fn cancel(&self) {
        self.cancel.store(true, Relaxed);
    }

    pub(super) fn of(lines: &[Line], folder: &Path) -> Arc<Self> {
        Arc::new(Self {
            progress: Mutex::new(BatchProgress {
                total: u32::try_from(lines.len()).unwrap_or(u32::MAX),
                running: true,
                folder: folder.display().to_string(),
                ..BatchProgress::default()
            }),
            cancel: AtomicBool::new(false),
        })
    }

    /// Issues and exports one device after the other. A line that fails is told, and the others go on.
    pub(super) fn run(
        &self,
        store: &CertificateStore,
        lines: Vec<Line>,
        folder: &Path,
        tls_port: u16,
    ) {
        for Line { number, request } in lines {
            if self.cancel.load(Relaxed) {
                self.progress.lock().cancelled = true;
                break;
            }
            let name = request.name.clone();
            let export = ExportRequest {
                name: name.clone(),
                folder: Some(folder.display().to_string()),
            };
            let done = store
                .issue(&request)
                .and_then(|_| store.export(&export, tls_port));
            let mut progress = self.progress.lock();
            match done {
                Ok(_) => progress.issued += 1,
                Err(error) => progress.failed.push(BatchFailure {
                    line: number,
                    name,
                    why: error.message,
                }),
            }
        }
        self.progress.lock().running = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_each_device_is_to_have() {
        let lines = read(
            "name,days,key,unit,names\n# the hall\npump-7, 30, rsa-2048, Hall 2, DNS:pump-7.local;URI:urn:dev:7\nvalve-2,,,,\n",
        )
        .unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].request.days, 30);
        assert_eq!(lines[0].request.key, KeyType::Rsa2048);
        assert_eq!(lines[0].request.unit, "Hall 2");
        assert_eq!(lines[0].request.names.len(), 2);
        assert_eq!(lines[1].request.days, DAYS);
        assert_eq!(lines[1].number, 4);
    }

    #[test]
    fn a_list_with_a_mistake_is_refused_with_its_line() {
        for (text, line) in [
            ("days\n30\n", "Line 1"),
            ("name,colour\npump-7,red\n", "Line 1"),
            ("name\npump-7\n../../etc/passwd\n", "Line 3"),
            ("name\npump\u{0}7\n", "Line 2"),
            ("name\npump-7\nPUMP-7\n", "Line 3"),
            ("name,days\npump-7,0\n", "Line 2"),
            ("name,days\npump-7,many\n", "Line 2"),
            ("name\n", "Line 2"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(
                refused.message.starts_with(line),
                "{text:?}: {}",
                refused.message
            );
        }
        assert!(read(&format!("name\n{}\n", "x".repeat(65))).is_err());
    }
}
