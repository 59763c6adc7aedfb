//! What differs between two payloads.

use crate::path::{Path, Step};
use crate::value::Value;

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// Where.
    pub path: Path,
    /// What was there; nothing where it was added.
    pub before: Option<&'a Value>,
    /// What is there; nothing where it was removed.
    pub after: Option<&'a Value>,
}

/// The differences in the order of the later payload, at most `max` of them; and how many there are.
pub fn diff<'a>(before: &'a Value, after: &'a Value, max: usize) -> (Vec<Change<'a>>, usize) {
    let mut found = Found {
        changes: Vec::new(),
        count: 0,
        max,
        path: Path::default(),
    };
    found.compare(before, after);
    (found.changes, found.count)
}

struct Found<'a> {
    changes: Vec<Change<'a>>,
    count: usize,
    max: usize,
    path: Path,
}

impl<'a> Found<'a> {
    fn compare(&mut self, before: &'a Value, after: &'a Value) {
        match (before, after) {
            (Value::Map(old), Value::Map(new)) => {
                let old: Vec<(Step, &Value)> = by_name(old);
                let new: Vec<(Step, &Value)> = by_name(new);
                let positions: std::collections::HashMap<&Step, usize> = old
                    .iter()
                    .enumerate()
                    .map(|(at, (step, _))| (step, at))
                    .collect();
                let mut is_kept = vec![false; old.len()];
                for (step, value) in &new {
                    let at = positions.get(step).copied();
                    if let Some(at) = at {
                        is_kept[at] = true;
                    }
                    self.at(step, at.map(|at| old[at].1), Some(value));
                }
                for ((step, value), _) in old.iter().zip(is_kept).filter(|(_, kept)| !kept) {
                    self.at(step, Some(value), None);
                }
            }
            (Value::List(old), Value::List(new)) => {
                for at in 0..old.len().max(new.len()) {
                    self.at(&Step::Element(at), old.get(at), new.get(at));
                }
            }
            (
                Value::Named { name, value },
                Value::Named {
                    name: to,
                    value: into,
                },
            ) if name == to => {
                self.compare(value, into);
            }
            // A number that is not a number is the same as it was.
            (Value::Float(old), Value::Float(new)) if old.to_bits() == new.to_bits() => {}
            (before, after) if before == after => {}
            (before, after) => self.add(Some(before), Some(after)),
        }
    }

    fn at(&mut self, step: &Step, before: Option<&'a Value>, after: Option<&'a Value>) {
        self.path.push(step.clone());
        match (before, after) {
            (Some(before), Some(after)) => self.compare(before, after),
            (before, after) => self.add(before, after),
        }
        self.path.pop();
    }

    fn add(&mut self, before: Option<&'a Value>, after: Option<&'a Value>) {
        self.count += 1;
        if self.changes.len() < self.max {
            self.changes.push(Change {
                path: self.path.clone(),
                before,
                after,
            });
        }
    }
}

/// Members by name; of those that stand twice the first, as a path finds it.
fn by_name(members: &[(Box<str>, Value)]) -> Vec<(Step, &Value)> {
    let mut seen = std::collections::HashSet::new();
    members
        .iter()
        .filter(|(name, _)| seen.insert(name))
        .map(|(name, value)| (Step::Member(name.to_string()), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        crate::json_value::decode(text.as_bytes()).unwrap()
    }

    fn said(before: &str, after: &str, max: usize) -> (Vec<String>, usize) {
        let (before, after) = (json(before), json(after));
        let (changes, count) = diff(&before, &after, max);
        let plain = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::plain);
        let said = changes
            .iter()
            .map(|change| {
                format!(
                    "{}: {} → {}",
                    change.path,
                    plain(change.before),
                    plain(change.after)
                )
            })
            .collect();
        (said, count)
    }

    #[test]
    fn what_changed_is_named_by_its_path() {
        let (said, count) = said(
            r#"{"a": 1, "gone": true, "b": {"c": [1, 2, 3]}, "same": "x"}"#,
            r#"{"b": {"c": [1, 5]}, "a": 1.0, "same": "x", "new": null}"#,
            10,
        );
        assert_eq!(
            said,
            [
                "b.c[1]: 2 → 5",
                "b.c[2]: 3 → nothing",
                "a: 1 → 1.0",
                "new: nothing → null",
                "gone: true → nothing"
            ]
        );
        assert_eq!(count, 5);
    }

    #[test]
    fn all_are_counted_and_some_are_told() {
        let (said, count) = said("[1, 2, 3]", "[4, 5, 6]", 2);
        assert_eq!((said.len(), count), (2, 3));
        assert_eq!(diff(&json("7"), &json("7"), 9), (vec![], 0));
    }
}
