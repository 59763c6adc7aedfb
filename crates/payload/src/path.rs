//! Where in a payload a value is.

use std::fmt;

use crate::json::{NotJson, Token, Tokens, unescape};
use crate::value::Value;

/// A path into a payload: `value`, `motor.rpm`, `cells[0]`, `["odd.name"].x`; empty for the payload itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Member(String),
    Element(usize),
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Two dots in a row, or one at the end.
    #[error("a name is missing at character {0}; a path looks like value, motor.rpm or cells[0]")]
    MissingName(usize),
    /// What stands in brackets is no index and no quoted name.
    #[error(
        "in brackets stands an index, as in cells[0], or a name in quotes, as in [\"odd.name\"]; see character {0}"
    )]
    Brackets(usize),
    /// After a closing bracket something else than a dot or a bracket.
    #[error("after ] comes a dot, another [ or the end; see character {0}")]
    AfterBracket(usize),
}

impl TryFrom<&str> for Path {
    type Error = PathError;

    fn try_from(text: &str) -> Result<Self, PathError> {
        let text = text.trim();
        let mut steps = Vec::new();
        let mut at = 0;
        let character = |at: usize| text[..at].chars().count() + 1;
        while at < text.len() {
            if let Some(inside) = text[at..].strip_prefix('[') {
                let (step, used) = bracketed(inside).ok_or(PathError::Brackets(character(at)))?;
                steps.push(step);
                at += 1 + used;
                if !matches!(text.as_bytes().get(at), None | Some(b'.' | b'[')) {
                    return Err(PathError::AfterBracket(character(at)));
                }
                continue;
            }
            if !steps.is_empty() {
                at += 1; // the dot: nothing else ends a name or follows a bracket
            }
            let len = text[at..].find(['.', '[']).unwrap_or(text.len() - at);
            if len == 0 {
                return Err(PathError::MissingName(character(at)));
            }
            steps.push(Step::Member(text[at..at + len].to_owned()));
            at += len;
        }
        Ok(Self(steps))
    }
}

/// The step inside a bracket, and how long it is with the closing one.
fn bracketed(inside: &str) -> Option<(Step, usize)> {
    if inside.starts_with('"') {
        let mut tokens = Tokens::new(inside);
        // The text goes on after the string, so only its first token is asked for.
        let Ok(Some(Token::Text(raw))) = tokens.next() else {
            return None;
        };
        let used = raw.len() + 2;
        return inside[used..]
            .starts_with(']')
            .then(|| (Step::Member(unescape(raw).into_owned()), used + 1));
    }
    let end = inside.find(']')?;
    let digits = &inside[..end];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((Step::Element(digits.parse().ok()?), end + 1))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Element(index) => write!(f, "[{index}]")?,
                Step::Member(name) if is_plain(name) => {
                    write!(f, "{}{name}", if n == 0 { "" } else { "." })?;
                }
                Step::Member(name) => {
                    f.write_str("[\"")?;
                    for c in name.chars() {
                        match c {
                            '"' | '\\' => write!(f, "\\{c}")?,
                            c if u32::from(c) < 0x20 => write!(f, "\\u{:04x}", u32::from(c))?,
                            c => write!(f, "{c}")?,
                        }
                    }
                    f.write_str("\"]")?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a name can stand in a path without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(['.', '[', ']', '"'])
        && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

impl Path {
    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// The path to a member of what this leads to, by its name, or to an element, by its position.
    #[must_use]
    pub fn child(&self, name: Option<&str>, at: usize) -> Self {
        let mut path = self.clone();
        path.push(match name {
            Some(name) => Step::Member(name.to_owned()),
            None => Step::Element(at),
        });
        path
    }

    /// The path to a value that is reached by positions: of an element in its list, of a member in its map.
    pub fn to(value: &Value, positions: &[usize]) -> Option<Self> {
        let mut path = Self::default();
        let mut value = value;
        for &at in positions {
            let (name, child) = value.child(at)?;
            path = path.child(name, at);
            value = child;
        }
        Some(path)
    }

    /// The value at this path. Where a name occurs twice in a map, the first counts.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0
            .iter()
            .try_fold(value, |value, step| match (step, value.bare()) {
                (Step::Member(name), Value::Map(members)) => members
                    .iter()
                    .find(|(member, _)| **member == **name)
                    .map(|(_, value)| value),
                (Step::Element(at), Value::List(values)) => values.get(*at),
                _ => None,
            })
    }

    /// The number at this path of what was decoded.
    pub fn number_at(&self, value: &Value) -> Option<f64> {
        self.find(value)?.number()
    }

    /// The number at this path in a JSON payload; `None` where the payload is no JSON text, or has none there. Reading ends
    /// with the number: what follows it is not looked at. Where a name occurs twice in an object, the first counts.
    pub fn number_in(&self, payload: &[u8]) -> Option<f64> {
        let text = std::str::from_utf8(payload).ok()?;
        self.walk(text).ok().flatten()
    }

    fn walk(&self, text: &str) -> Result<Option<f64>, NotJson> {
        let mut tokens = Tokens::new(text);
        let mut token = tokens.next()?;
        for step in &self.0 {
            token = match (step, token) {
                (Step::Member(name), Some(Token::BeginObject)) => loop {
                    let Some(Token::Key(key)) = tokens.next()? else {
                        return Ok(None);
                    };
                    let value = tokens.next()?;
                    if key == name || (key.contains('\\') && unescape(key) == name.as_str()) {
                        break value;
                    }
                    if let Some(first) = value {
                        tokens.skip(first)?;
                    }
                },
                (Step::Element(index), Some(Token::BeginArray)) => {
                    let mut left = *index;
                    loop {
                        match tokens.next()? {
                            None | Some(Token::EndArray) => return Ok(None),
                            value if left == 0 => break value,
                            Some(first) => tokens.skip(first)?,
                        }
                        left -= 1;
                    }
                }
                _ => return Ok(None),
            };
        }
        Ok(match token {
            Some(Token::Number(digits)) => finite(digits),
            _ => None,
        })
    }
}

/// A number that can be drawn: `1e999` is JSON, but beyond what a chart can show.
fn finite(digits: &str) -> Option<f64> {
    digits.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The paths of the numbers in what was decoded with their values, at most `max`; and how many there are.
pub fn numbers_in(value: &Value, max: usize) -> (Vec<(Path, f64)>, usize) {
    let mut found = (Vec::new(), 0);
    gather(value, &mut Path::default(), max, &mut found);
    found
}

fn gather(value: &Value, path: &mut Path, max: usize, found: &mut (Vec<(Path, f64)>, usize)) {
    match value.bare() {
        Value::List(values) => {
            for (at, value) in values.iter().enumerate() {
                path.push(Step::Element(at));
                gather(value, path, max, found);
                path.pop();
            }
        }
        Value::Map(members) => {
            for (name, value) in members {
                path.push(Step::Member(name.to_string()));
                gather(value, path, max, found);
                path.pop();
            }
        }
        other => {
            if let Some(number) = other.number() {
                found.1 += 1;
                if found.0.len() < max {
                    found.0.push((path.clone(), number));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Path {
        Path::try_from(text).unwrap()
    }

    #[test]
    fn a_number_is_found_by_its_path() {
        let payload =
            br#"{"value": 4.21, "motor": {"rpm": -1.5e3, "x": [[1], {"y": 7}]}, "odd.name": 8,
            "cells": [3.1, "no", 3.3], "\u0061b": 9, "s": "5", "big": 1e999, "": 10}"#;
        for (text, expected) in [
            ("value", Some(4.21)),
            ("motor.rpm", Some(-1500.0)),
            ("motor.x[0][0]", Some(1.0)),
            ("motor.x[1].y", Some(7.0)),
            ("cells[2]", Some(3.3)),
            ("cells[1]", None),
            ("cells[3]", None),
            ("[\"odd.name\"]", Some(8.0)),
            ("ab", Some(9.0)),
            ("[\"\"]", Some(10.0)),
            ("s", None),
            ("big", None),
            ("motor", None),
            ("absent.x", None),
            ("value.x", None),
            ("value[0]", None),
            ("", None),
        ] {
            assert_eq!(path(text).number_in(payload), expected, "{text}");
        }
        assert_eq!(path("").number_in(b" 23.5\n"), Some(23.5));
        assert_eq!(
            path("").number_in(b"23.5 C"),
            Some(23.5),
            "what follows is not looked at"
        );
        assert_eq!(path("").number_in(b"\xff"), None);
        assert_eq!(path("a").number_in(b""), None);
    }

    #[test]
    fn an_error_names_the_place() {
        for (text, error) in [
            ("a..b", PathError::MissingName(3)),
            (".a", PathError::MissingName(1)),
            ("a.", PathError::MissingName(3)),
            ("a[x]", PathError::Brackets(2)),
            ("a[", PathError::Brackets(2)),
            ("a[-1]", PathError::Brackets(2)),
            ("a[]", PathError::Brackets(2)),
            ("ü[\"x]", PathError::Brackets(2)),
            ("a[0]b", PathError::AfterBracket(5)),
        ] {
            assert_eq!(Path::try_from(text), Err(error), "{text}");
        }
        assert_eq!(path("  "), Path::default());
    }

    #[test]
    fn all_numbers_are_listed_with_paths_that_find_them() {
        let payload =
            br#"{"a": [1, {"b": 2}, [], [3]], "c d": 4, "e": {}, "f": {"g": "x", "h": 5}}"#;
        let numbers =
            |payload: &[u8], max| numbers_in(&crate::json_value::decode(payload).unwrap(), max);
        let listed: Vec<String> = numbers(payload, 200)
            .0
            .iter()
            .map(|(path, _)| path.to_string())
            .collect();
        assert_eq!(listed, ["a[0]", "a[1].b", "a[3][0]", "[\"c d\"]", "f.h"]);
        for (found, value) in numbers(payload, 200).0 {
            assert_eq!(path(&found.to_string()).number_in(payload), Some(value));
        }
        let (two, of) = numbers(payload, 2);
        assert_eq!((two.len(), of), (2, 5));
        assert_eq!(numbers(b"7", 9).0, [(Path::default(), 7.0)]);
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<String>().prop_map(Step::Member),
            (0usize..1000).prop_map(Step::Element)
        ]
    }

    proptest! {
        #[test]
        fn a_path_reads_back_as_it_is_written(steps in prop::collection::vec(step(), 0..5)) {
            let path = Path(steps);
            prop_assert_eq!(Path::try_from(path.to_string().as_str()), Ok(path));
        }

        #[test]
        fn any_text_is_a_path_or_an_error(text in any::<String>()) {
            if let Ok(path) = Path::try_from(text.as_str()) {
                prop_assert_eq!(Path::try_from(path.to_string().as_str()), Ok(path));
            }
        }
    }
}
