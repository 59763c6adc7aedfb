//! What was raised, between two starts: `DATA/alerts-raised.json`.
//!
//! Duty: read it when the workbench opens, and write it where something has changed, every other second at most.
//! Not here: how many are kept (the alerts themselves are bounded). Invariant: nothing is made up for the time in which nobody
//! watched: an alert that was not over then is told as interrupted, and has no end.

use std::collections::VecDeque;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use mqttwb_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::KEPT;
use crate::api::{Alert, ApiError};
use crate::{Result, kept};

/// The format of the file.
const VERSION: u32 = 1;
/// It is not written more often than this while the workbench is open.
const PAUSE: Duration = Duration::from_secs(2);

/// What the file holds.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raised {
    /// The highest identity that was given.
    pub last_id: u64,
    /// Older ones that made room.
    pub forgotten: u64,
    /// Oldest first.
    pub alerts: VecDeque<Alert>,
}

/// The file, and when it was written.
#[derive(Debug)]
pub(super) struct File {
    /// Nowhere, where it could not be read.
    path: Option<PathBuf>,
    /// Why it could not be read, or written since.
    pub problem: Option<ApiError>,
    changed: bool,
    written: Option<Timestamp>,
}

/// The file of a data folder, and what it holds.
pub(super) fn open(data: &FilePath) -> (File, Raised) {
    let path = data.join("alerts-raised.json");
    let read = kept::read::<Raised>("What alerts were raised", &path, VERSION);
    let (path, problem, mut raised) = match read {
        Ok(held) => (Some(path), None, held.unwrap_or_default()),
        Err(problem) => (None, Some(problem), Raised::default()),
    };
    let more = raised.alerts.len().saturating_sub(KEPT);
    raised.alerts.drain(..more);
    raised.forgotten += more as u64;
    for alert in &mut raised.alerts {
        alert.interrupted |= alert.lasting && alert.over.is_none();
        raised.last_id = raised.last_id.max(alert.id);
    }
    let file = File {
        path,
        problem,
        changed: false,
        written: None,
    };
    (file, raised)
}

impl File {
    /// Something is not as it was written.
    pub fn change(&mut self) {
        self.changed = true;
    }

    /// Whether it is time to write it: where to. Whoever asks writes it.
    pub fn due(&mut self, now: Timestamp) -> Option<PathBuf> {
        // A clock that was set back must not end the writing.
        let waits = |last: Timestamp| last <= now && now.since(last) < PAUSE;
        if !self.changed || self.written.is_some_and(waits) {
            return None;
        }
        self.changed = false;
        self.written = Some(now);
        self.path.clone()
    }

    /// It is to be written now, if anything has changed.
    pub fn hurry(&mut self) {
        self.written = None;
    }
}

/// Puts it in place, whole.
pub(super) fn write(path: &FilePath, raised: &Raised) -> Result<()> {
    kept::write(path, VERSION, raised)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AlertSource;

    fn alert(id: u64, over: Option<u64>) -> Alert {
        Alert {
            id,
            rule: 1,
            name: "Pressure".into(),
            thing: "plant/pump-7".into(),
            source: AlertSource::Device { name: "*".into() },
            at: 1_700_000_000_000 + id,
            why: "4.6 is above 4.5.".into(),
            data: Vec::new(),
            over,
            interrupted: false,
            lasting: true,
            notify: false,
            acknowledged: false,
            problem: None,
        }
    }

    #[test]
    fn what_was_raised_is_there_again_and_what_was_not_over_has_no_end() {
        let data = tempfile::tempdir().unwrap();
        let (mut file, mut raised) = open(data.path());
        assert_eq!(raised, Raised::default());
        raised.alerts.extend([alert(1, Some(5)), alert(2, None)]);
        (raised.last_id, raised.forgotten) = (7, 3);
        assert_eq!(file.due(Timestamp(0)), None, "nothing has changed");
        file.change();
        write(&file.due(Timestamp(0)).unwrap(), &raised).unwrap();
        let (_, again) = open(data.path());
        assert_eq!((again.last_id, again.forgotten), (7, 3));
        let ends: Vec<_> = again
            .alerts
            .iter()
            .map(|a| (a.over, a.interrupted))
            .collect();
        assert_eq!(ends, [(Some(5), false), (None, true)]);
    }

    #[test]
    fn it_is_written_every_other_second_at_most_and_at_the_end_at_once() {
        let data = tempfile::tempdir().unwrap();
        let (mut file, _) = open(data.path());
        let second = |n: u64| Timestamp(n * 1_000_000_000);
        file.change();
        assert!(file.due(second(10)).is_some());
        file.change();
        assert_eq!(file.due(second(11)), None);
        assert!(file.due(second(12)).is_some());
        file.change();
        assert!(file.due(second(3)).is_some(), "a clock was set back");
        file.change();
        file.hurry();
        assert!(file.due(second(4)).is_some());
    }

    #[test]
    fn no_more_are_kept_than_there_may_be_and_the_others_are_counted() {
        let data = tempfile::tempdir().unwrap();
        let alerts = (1..=KEPT as u64 + 5).map(|id| alert(id, Some(9)));
        let raised = Raised {
            alerts: alerts.collect(),
            ..Raised::default()
        };
        write(&data.path().join("alerts-raised.json"), &raised).unwrap();
        let (_, raised) = open(data.path());
        assert_eq!((raised.alerts.len(), raised.forgotten), (KEPT, 5));
        assert_eq!(raised.last_id, KEPT as u64 + 5);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_and_left() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("alerts-raised.json");
        std::fs::write(&path, "{").unwrap();
        let (mut file, _) = open(data.path());
        assert!(file.problem.is_some());
        file.change();
        assert_eq!(file.due(Timestamp(0)), None);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{");
    }
}
