//! What was denied lately: each thing once, with how often.
//!
//! Invariant: memory is bounded, and what was forgotten is counted.

use std::collections::HashMap;

use mqttwb_broker::{Attempt, Identity};
use mqttwb_policy::{Decision, Verdict};

use crate::api::{AccessAction, Denial, Denials};

/// Different denials that are kept.
const KEPT: usize = 500;
/// Bytes of a topic that are kept.
const TOPIC: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Ring {
    entries: HashMap<(String, String, AccessAction, String), Denial>,
    numbered: u32,
    total: u64,
    forgotten: u64,
}

/// A topic as it is kept: a longer one by its beginning.
fn cut(topic: &str) -> String {
    let mut end = topic.len().min(TOPIC);
    while !topic.is_char_boundary(end) {
        end -= 1;
    }
    match end < topic.len() {
        true => format!("{}…", &topic[..end]),
        false => topic.to_owned(),
    }
}

impl Ring {
    /// A rule, or that there is none, said no.
    pub(crate) fn add(
        &mut self,
        who: &Identity,
        attempt: &Attempt<'_>,
        verdict: &Verdict<'_>,
        now: u64,
    ) {
        let (action, topic, qos, retain) = match attempt {
            Attempt::Publish { topic, qos, retain } => {
                (AccessAction::Publish, *topic, *qos, *retain)
            }
            Attempt::Will { topic, qos, retain } => (AccessAction::Will, *topic, *qos, *retain),
            Attempt::Subscribe { filter, qos } => {
                (AccessAction::Subscribe, filter.as_str(), *qos, false)
            }
        };
        let line = match verdict.decision {
            Decision::Rule { rule, .. } => Some(rule.line),
            Decision::NoRules | Decision::Default => None,
        };
        self.note(
            Denial {
                id: 0,
                client_id: who.connection.client.to_string(),
                account: who.proved_name().map(str::to_owned),
                certificate: who.connection.common_name.as_deref().map(str::to_owned),
                peer: who.connection.peer.to_string(),
                listener: who.connection.listener.to_string(),
                action,
                topic: cut(topic),
                qos: qos.into(),
                retain,
                why: verdict.to_string(),
                line,
                first: now,
                last: now,
                count: 1,
            },
            now,
        );
    }

    /// Counts a denial, new or not.
    pub(crate) fn note(&mut self, denial: Denial, now: u64) {
        self.total += 1;
        let name = denial.account.clone().unwrap_or_default();
        let key = (
            denial.client_id.clone(),
            name,
            denial.action,
            denial.topic.clone(),
        );
        if let Some(known) = self.entries.get_mut(&key) {
            let (first, count, id) = (known.first, known.count + 1, known.id);
            *known = Denial {
                first,
                count,
                id,
                ..denial
            };
            return;
        }
        if self.entries.len() >= KEPT {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| (entry.last, entry.id));
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.entries.remove(&key);
                self.forgotten += 1;
            }
        }
        self.numbered = self.numbered.wrapping_add(1);
        let id = self.numbered;
        self.entries.insert(
            key,
            Denial {
                id,
                last: now,
                ..denial
            },
        );
    }

    /// The newest first.
    pub(crate) fn list(&self) -> Denials {
        let mut entries: Vec<Denial> = self.entries.values().cloned().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.last, entry.id)));
        Denials {
            entries,
            total: self.total,
            forgotten: self.forgotten,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        (self.total, self.forgotten) = (0, 0);
    }
}
