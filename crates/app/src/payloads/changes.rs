//! A payload beside the one before it on its topic: line by line where both are text, value by value where both have
//! values, and sixteen bytes by sixteen bytes otherwise.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqttwb_capture::Source;
use mqttwb_model::Direction;
use mqttwb_payload::{Page, Value, ValueKind, diff};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::find::last_on_topic;
use super::{BRIEF, Opened, Payloads};
use crate::Result;
use crate::api::{DecoderChoice, PayloadChange, PayloadDiff, PayloadRequest};

/// Differences that are listed.
const CHANGES: usize = 500;
/// Bytes that stand in one line where bytes are compared.
const ROW: usize = 16;
/// How long the shortest way from one payload to the other is looked for; a longer one is shown then.
const PATIENCE: Duration = Duration::from_millis(500);

impl Payloads {
    /// What differs from the message before on the same topic, which went the same way.
    pub fn diff(&self, source: &Arc<dyn Source>, request: &PayloadRequest) -> Result<PayloadDiff> {
        let opened = self.opened(source, request)?;
        let found = &opened.found;
        let to_one_client = (found.direction == Direction::ToClient).then_some(found.connection);
        let way = (found.direction, to_one_client);
        let nothing = PayloadDiff {
            before: None,
            micros: 0,
            changes: Vec::new(),
            count: 0,
            note: None,
        };
        let Some(seq) = last_on_topic(&**source, &found.topic, way, 0, request.seq) else {
            return Ok(nothing);
        };
        let before = self.opened(
            source,
            &PayloadRequest {
                seq,
                decoder: Some(opened.choice.clone()),
            },
        )?;
        let mut answer = PayloadDiff {
            before: Some(seq),
            micros: found.at.0.saturating_sub(before.found.at.0) / 1000,
            ..nothing
        };
        let brief = |value: &Value| match value.kind() {
            ValueKind::List | ValueKind::Map => {
                let mut page = Page::new(0, BRIEF);
                page.write(value);
                // One line: a line feed and the spaces behind it are the writer's, those of a text are escaped.
                page.text
                    .lines()
                    .map(str::trim_start)
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            _ => value.brief(BRIEF).0,
        };
        if let (Some(old), Some(new)) = (text_of(&before), text_of(&opened)) {
            (answer.changes, answer.count) = lines(old, new);
            answer.note = Some(match answer.count {
                0 => "No line differs".to_owned(),
                1 => "1 line differs".to_owned(),
                count => format!("{count} lines differ"),
            });
        } else if let (Some(old), Some(new)) = (&before.decoded.value, &opened.decoded.value) {
            let (changes, count) = diff(old, new, CHANGES);
            answer.count = count as u32;
            answer.changes = changes
                .into_iter()
                .map(|change| PayloadChange {
                    path: change.path.to_string(),
                    before: change.before.map(brief),
                    after: change.after.map(brief),
                })
                .collect();
        } else {
            let (old, new) = (&before.bytes, &opened.bytes);
            let same = old
                .iter()
                .zip(new)
                .take_while(|(old, new)| old == new)
                .count();
            (answer.changes, answer.count) = rows(old, new);
            answer.note = Some(if old == new {
                "The bytes are the same.".to_owned()
            } else {
                format!(
                    "{} bytes before, {} now; the first {same} are the same.",
                    old.len(),
                    new.len()
                )
            });
        }
        Ok(answer)
    }
}

/// The text of a payload that is read as one.
fn text_of(opened: &Opened) -> Option<&str> {
    match opened.choice {
        DecoderChoice::Text => std::str::from_utf8(&opened.bytes).ok(),
        _ => None,
    }
}

/// What differs between two texts, line by line.
fn lines(before: &str, after: &str) -> (Vec<PayloadChange>, u32) {
    let old: Vec<&str> = before.split('\n').collect();
    let new: Vec<&str> = after.split('\n').collect();
    let shown = |line: &&str| {
        let end = line
            .char_indices()
            .nth(BRIEF)
            .map_or(line.len(), |(at, _)| at);
        match line.get(..end) {
            Some(start) if end < line.len() => format!("{start}…"),
            _ => (*line).to_owned(),
        }
    };
    differences(&old, &new, shown, |at| format!("line {}", at + 1))
}

/// What differs between two runs of bytes, in rows by their offset.
fn rows(before: &[u8], after: &[u8]) -> (Vec<PayloadChange>, u32) {
    let old: Vec<&[u8]> = before.chunks(ROW).collect();
    let new: Vec<&[u8]> = after.chunks(ROW).collect();
    let shown = |row: &&[u8]| {
        row.iter().fold(String::new(), |mut text, byte| {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{byte:02x}");
            text
        })
    };
    differences(&old, &new, shown, |at| format!("{:04x}", at * ROW))
}

/// The differences in the order of the later payload, each at its place there, or at its place in the earlier one where it
/// is there no more; and how many there are.
fn differences<T: Eq + std::hash::Hash + Ord>(
    old: &[T],
    new: &[T],
    shown: impl Fn(&T) -> String,
    place: impl Fn(usize) -> String,
) -> (Vec<PayloadChange>, u32) {
    let deadline = Some(Instant::now() + PATIENCE);
    let ops = capture_diff_slices_deadline(Algorithm::Myers, old, new, deadline);
    let (mut changes, mut count) = (Vec::new(), 0);
    for op in ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })) {
        let (old_at, new_at) = (op.old_range(), op.new_range());
        for step in 0..old_at.len().max(new_at.len()) {
            count += 1;
            if changes.len() == CHANGES {
                continue;
            }
            let before = old_at.clone().nth(step);
            let after = new_at.clone().nth(step);
            changes.push(PayloadChange {
                path: after.or(before).map(&place).unwrap_or_default(),
                before: before.and_then(|at| old.get(at)).map(&shown),
                after: after.and_then(|at| new.get(at)).map(&shown),
            });
        }
    }
    (changes, count)
}
