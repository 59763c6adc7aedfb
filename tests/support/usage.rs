//! What a process and those that it started use, as Linux tells it in `/proc`.
//!
//! Duty: find the processes below one by their parents, and read their memory and processor time.
//! Not here: other windows of this machine, whatever their programs are called.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Ticks of a second in `/proc/PID/stat`: what the kernel tells programs is always in hundredths.
const TICKS: u64 = 100;

/// What one process uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Its name, of which Linux keeps fifteen characters.
    pub name: String,
    /// Resident memory in KiB.
    pub memory: u64,
    /// Processor time since it began.
    pub busy: Duration,
}

/// The processes below `top`, by their ids.
pub fn below(top: u32) -> BTreeMap<u32, Usage> {
    let all: Vec<(u32, u32, Usage)> = fs::read_dir("/proc")
        .expect("a system with /proc")
        .flatten()
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            // A process may end while it is looked at.
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let (parent, usage) = usage(&stat, &status)?;
            Some((id, parent, usage))
        })
        .collect();
    let mut ids = vec![top];
    let mut next = 0;
    while let Some(&id) = ids.get(next) {
        next += 1;
        let children = all.iter().filter(|(_, parent, _)| *parent == id);
        ids.extend(children.map(|(child, ..)| *child));
    }
    all.into_iter()
        .filter(|(id, ..)| *id != top && ids.contains(id))
        .map(|(id, _, usage)| (id, usage))
        .collect()
}

/// Its parent, and what it uses.
fn usage(stat: &str, status: &str) -> Option<(u32, Usage)> {
    // The name stands in parentheses and may hold anything; behind it are numbers from the third field on.
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = number(14)? + number(15)?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    Some((
        u32::try_from(number(4)?).ok()?,
        Usage {
            name: name.to_owned(),
            memory: resident.map_or(0, |kib| kib.parse().unwrap_or(0)),
            busy: Duration::from_millis(ticks * 1_000 / TICKS),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let stat = "12 (odd) name) S 7 12 12 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0";
        let status = "Name:\todd) name\nVmRSS:\t  2048 kB\n";
        let expected = Usage {
            name: "odd) name".into(),
            memory: 2048,
            busy: Duration::from_secs(2),
        };
        assert_eq!(usage(stat, status), Some((7, expected)));
        assert_eq!(usage("12 (gone", status), None);
    }
}
