//! Two recordings, message by message.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqttwb_capture::{Filter, Recording};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::Result;
use crate::api::{ApiError, Comparison, Difference, DifferenceKind, ErrorCode};

use super::messages;
use super::rewrite::{Rewrite, rewritten};
use super::work::Work;

/// Messages of a recording that are compared at most: some hundred megabytes of memory.
const MESSAGES: usize = 5_000_000;
/// Differences that are listed; all are counted.
const LISTED: usize = 1_000;
/// How long the best alignment of a topic is looked for; then a good one is taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message, as far as it is compared.
#[derive(Debug, Clone, Copy)]
struct Seen {
    seq: u64,
    /// Since the first message of its recording.
    nanos: u64,
    /// Of payload, QoS and retain flag.
    hash: u64,
}

type Topics = BTreeMap<String, Vec<Seen>>;

/// Compares what was expected with what came, topic by topic, in order.
pub fn compare(
    left: &Arc<Recording>,
    right: &Arc<Recording>,
    rules: &[Rewrite],
    late: Duration,
    work: &Work,
) -> Result<Comparison> {
    let hasher = RandomState::new();
    let left = topics(left, rules, &hasher, work)?;
    let mut right = topics(right, &[], &hasher, work)?;
    let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
    let mut outcome = Outcome::default();
    work.total((left.len() + right.len()) as u64);
    for (number, (topic, expected)) in left.iter().enumerate() {
        work.check()?;
        let came = right.remove(topic).unwrap_or_default();
        outcome.align(topic, expected, &came, late);
        work.done(number as u64 + 1);
    }
    for (topic, came) in &right {
        outcome.align(topic, &[], came, late);
    }
    Ok(outcome.finish())
}

fn topics(
    recording: &Arc<Recording>,
    rules: &[Rewrite],
    hasher: &RandomState,
    work: &Work,
) -> Result<Topics> {
    let mut topics: HashMap<String, Vec<Seen>> = HashMap::new();
    let (mut first, mut count) = (None, 0);
    messages::each(recording, &Filter::all(), work, |message| {
        count += 1;
        if count > MESSAGES {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("A comparison takes at most {MESSAGES} messages of each recording."),
            )
            .hint("Export a part of it, or record less."));
        }
        let first = *first.get_or_insert(message.at);
        let Some(topic) = rewritten(rules, message.topic) else {
            return Ok(());
        };
        let mut hash = hasher.build_hasher();
        message.payload.hash(&mut hash);
        hash.write_u8(u8::from(message.qos) << 1 | u8::from(message.retain));
        let seen = Seen {
            seq: message.seq,
            nanos: message.at.0.saturating_sub(first.0),
            hash: hash.finish(),
        };
        match topics.get_mut(topic.as_str()) {
            Some(known) => known.push(seen),
            None => {
                topics.insert(topic.as_str().to_owned(), vec![seen]);
            }
        }
        Ok(())
    })?;
    Ok(topics.into_iter().collect())
}

#[derive(Default)]
struct Outcome {
    counted: Comparison,
}

impl Outcome {
    fn align(&mut self, topic: &str, left: &[Seen], right: &[Seen], late: u64) {
        let hashes = |side: &[Seen]| side.iter().map(|seen| seen.hash).collect::<Vec<_>>();
        let deadline = Some(Instant::now() + PATIENCE);
        let operations =
            capture_diff_slices_deadline(Algorithm::Myers, &hashes(left), &hashes(right), deadline);
        for operation in operations {
            match operation {
                DiffOp::Equal {
                    old_index,
                    new_index,
                    len,
                } => {
                    for (a, b) in left[old_index..][..len]
                        .iter()
                        .zip(&right[new_index..][..len])
                    {
                        self.counted.equal += 1;
                        let later = b.nanos.saturating_sub(a.nanos);
                        if later > late {
                            self.counted.late += 1;
                            self.list(DifferenceKind::Late, topic, Some(a), Some(b));
                        }
                    }
                }
                DiffOp::Delete {
                    old_index, old_len, ..
                } => self.unlike(topic, &left[old_index..][..old_len], &[]),
                DiffOp::Insert {
                    new_index, new_len, ..
                } => self.unlike(topic, &[], &right[new_index..][..new_len]),
                DiffOp::Replace {
                    old_index,
                    old_len,
                    new_index,
                    new_len,
                } => self.unlike(
                    topic,
                    &left[old_index..][..old_len],
                    &right[new_index..][..new_len],
                ),
            }
        }
    }

    /// Messages between two that are the same: one against one they differ, what is left over is missing or too much.
    fn unlike(&mut self, topic: &str, left: &[Seen], right: &[Seen]) {
        for at in 0..left.len().max(right.len()) {
            let (a, b) = (left.get(at), right.get(at));
            let kind = match (a, b) {
                (Some(_), Some(_)) => {
                    self.counted.different += 1;
                    DifferenceKind::Different
                }
                (Some(_), None) => {
                    self.counted.missing += 1;
                    DifferenceKind::Missing
                }
                _ => {
                    self.counted.extra += 1;
                    DifferenceKind::Extra
                }
            };
            self.list(kind, topic, a, b);
        }
    }

    fn list(&mut self, kind: DifferenceKind, topic: &str, a: Option<&Seen>, b: Option<&Seen>) {
        let Some(at) = a.or(b) else { return };
        let late = match (kind, a, b) {
            (DifferenceKind::Late, Some(a), Some(b)) => Some((b.nanos - a.nanos) / 1_000),
            _ => None,
        };
        self.counted.rows.push(Difference {
            kind,
            topic: topic.to_owned(),
            left: a.map(|a| a.seq),
            right: b.map(|b| b.seq),
            at_micros: at.nanos / 1_000,
            late_micros: late,
        });
        // The earliest are kept; they are sorted out now and then, not at each.
        if self.counted.rows.len() >= 8 * LISTED {
            self.earliest();
        }
    }

    fn earliest(&mut self) {
        self.counted.rows.sort_by_key(|row| row.at_micros);
        self.counted.rows.truncate(LISTED);
    }

    fn finish(mut self) -> Comparison {
        self.earliest();
        self.counted
    }
}
