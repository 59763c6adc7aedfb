//! Topics of a rule: a topic filter with placeholders for who the client is.
//!
//! Duty: parse them, fill them in, and say what two filters have in common.
//! Not here: rules. Invariant: what is filled in is one level, never a wildcard and never several levels, whatever a
//! client calls itself; a placeholder without a value matches nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use mqttwb_model::{TopicError, TopicFilter};

use crate::rules::Who;

/// Why a text is no topic pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It would be no topic filter.
    #[error(transparent)]
    Filter(#[from] TopicError),
    /// A brace without its other half, or an unknown placeholder.
    #[error("{{{0}}} is no placeholder: there are {{client}}, {{user}}, {{cn}} and {{claim.NAME}}")]
    Placeholder(String),
    /// A brace that is not closed.
    #[error("a {{ without its }}")]
    Open,
    /// `$share/…`
    #[error("a rule names the filter that a shared subscription has inside, without $share/NAME/")]
    Shared,
}

/// A piece of a level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    Text(Box<str>),
    Client,
    User,
    Certificate,
    Claim(Box<str>),
}

/// A level of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Level {
    Exact(Box<str>),
    /// `+`
    Any,
    /// `#`
    Rest,
    /// With placeholders.
    Filled(Box<[Part]>),
}

/// A topic filter with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    text: String,
    pub(crate) levels: Vec<Level>,
}

impl TopicPattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it says something of the client.
    pub fn has_placeholders(&self) -> bool {
        self.levels
            .iter()
            .any(|level| matches!(level, Level::Filled(_)))
    }

    /// The claims that it names.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.levels
            .iter()
            .filter_map(|level| match level {
                Level::Filled(parts) => Some(parts),
                _ => None,
            })
            .flatten()
            .filter_map(|part| match part {
                Part::Claim(name) => Some(&**name),
                _ => None,
            })
    }

    /// What of somebody must be known to fill it in, each once.
    pub(crate) fn placeholders(&self) -> Box<[Part]> {
        let parts = self.levels.iter().flat_map(|level| match level {
            Level::Filled(parts) => &**parts,
            Level::Exact(_) | Level::Any | Level::Rest => &[],
        });
        let named = parts.filter(|part| !matches!(part, Part::Text(_)));
        let each_once: BTreeSet<Part> = named.cloned().collect();
        each_once.into_iter().collect()
    }

    /// The filter that it is for somebody; `None` where a placeholder has no value that can be a level.
    pub(crate) fn fill<'a>(&'a self, who: &Who<'a>) -> Option<Vec<Cow<'a, str>>> {
        self.levels
            .iter()
            .map(|level| match level {
                Level::Exact(text) => Some(Cow::Borrowed(&**text)),
                Level::Any => Some(Cow::Borrowed("+")),
                Level::Rest => Some(Cow::Borrowed("#")),
                Level::Filled(parts) => fill(parts, who),
            })
            .collect()
    }
}

impl Part {
    /// What it is for somebody; `None` where that is not known, or could not be a level.
    pub(crate) fn value<'a>(&'a self, who: &Who<'a>) -> Option<&'a str> {
        let value = match self {
            Self::Text(text) => return Some(text),
            Self::Client => Some(who.client),
            Self::User => who.account,
            Self::Certificate => who.certificate,
            Self::Claim(name) => who
                .claims
                .and_then(|claims| claims.get(&**name))
                .map(|v| &**v),
        }?;
        let fits = !value.is_empty() && !value.contains(['/', '+', '#', '\0']);
        fits.then_some(value)
    }
}

/// The level that these parts are for somebody.
pub(crate) fn fill<'a>(parts: &'a [Part], who: &Who<'a>) -> Option<Cow<'a, str>> {
    match parts {
        [one] => one.value(who).map(Cow::Borrowed),
        several => several
            .iter()
            .map(|part| part.value(who))
            .collect::<Option<String>>()
            .map(Cow::Owned),
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<&str> for TopicPattern {
    type Error = PatternError;

    fn try_from(text: &str) -> Result<Self, PatternError> {
        if text.starts_with("$share/") {
            return Err(PatternError::Shared);
        }
        let mut levels = Vec::new();
        let mut plain = String::new();
        for (at, level) in text.split('/').enumerate() {
            if at > 0 {
                plain.push('/');
            }
            levels.push(parse_level(level, &mut plain)?);
        }
        TopicFilter::try_from(plain.as_str())?;
        Ok(Self {
            text: text.to_owned(),
            levels,
        })
    }
}

/// Parses a level; adds it to `plain` with a letter in the place of each placeholder.
fn parse_level(level: &str, plain: &mut String) -> Result<Level, PatternError> {
    match level {
        "+" | "#" => {
            plain.push_str(level);
            return Ok(if level == "+" {
                Level::Any
            } else {
                Level::Rest
            });
        }
        _ if !level.contains('{') => {
            plain.push_str(level);
            return Ok(Level::Exact(level.into()));
        }
        _ => {}
    }
    let mut parts = Vec::new();
    let mut rest = level;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or(PatternError::Open)?;
        if !before.is_empty() {
            plain.push_str(before);
            parts.push(Part::Text(before.into()));
        }
        plain.push('x');
        parts.push(match name {
            "client" => Part::Client,
            "user" => Part::User,
            "cn" => Part::Certificate,
            _ => match name.strip_prefix("claim.") {
                Some(claim) if !claim.is_empty() => Part::Claim(claim.into()),
                _ => return Err(PatternError::Placeholder(name.to_owned())),
            },
        });
        rest = behind;
    }
    if !rest.is_empty() {
        plain.push_str(rest);
        parts.push(Part::Text(rest.into()));
    }
    Ok(Level::Filled(parts.into()))
}

/// Whether a first level is hidden from a wildcard `[MQTT-4.7.2-1]`.
pub(crate) fn is_hidden(first: &str) -> bool {
    first.starts_with('$')
}

pub(crate) fn is_wild(level: &str) -> bool {
    level == "+" || level == "#"
}

/// The filter of the topics that both match; `None` where there are none.
pub(crate) fn meet<'a>(a: &[Cow<'a, str>], b: &[Cow<'a, str>]) -> Option<Vec<Cow<'a, str>>> {
    if let (Some(first), Some(other)) = (a.first(), b.first())
        && ((is_wild(first) && is_hidden(other)) || (is_wild(other) && is_hidden(first)))
    {
        return None;
    }
    let mut both = Vec::with_capacity(a.len().max(b.len()));
    for at in 0.. {
        match (a.get(at).map(|l| &**l), b.get(at).map(|l| &**l)) {
            (None, None) => break,
            (Some("#"), _) => {
                both.extend_from_slice(b.get(at..).unwrap_or_default());
                break;
            }
            (_, Some("#")) => {
                both.extend_from_slice(a.get(at..).unwrap_or_default());
                break;
            }
            (None, Some(_)) | (Some(_), None) => return None,
            (Some("+"), Some(_)) => both.push(b[at].clone()),
            (Some(_), Some("+")) => both.push(a[at].clone()),
            (Some(one), Some(other)) if one == other => both.push(a[at].clone()),
            _ => return None,
        }
    }
    Some(both)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Vec<Cow<'_, str>> {
        text.split('/').map(Cow::Borrowed).collect()
    }

    #[test]
    fn two_filters_meet_in_one() {
        for (a, b, both) in [
            ("a/#", "a/+", Some("a/+")),
            ("a/#", "+/b/#", Some("a/b/#")),
            ("a/#", "a", Some("a")),
            ("#", "#", Some("#")),
            ("+/+", "a/#", Some("a/+")),
            ("#", "$SYS/#", None),
            ("+/x", "$SYS/x", None),
            ("a/b", "a/c", None),
            ("a", "a/b", None),
        ] {
            let expected = both.map(levels);
            assert_eq!(meet(&levels(a), &levels(b)), expected, "{a} and {b}");
            assert_eq!(meet(&levels(b), &levels(a)), expected, "{b} and {a}");
        }
    }

    #[test]
    fn a_name_that_is_no_level_fills_in_nothing() {
        let pattern = TopicPattern::try_from("devices/{client}/#").unwrap();
        for (client, filled) in [
            ("pump-7", true),
            ("", false),
            ("#", false),
            ("a/b", false),
            ("+", false),
        ] {
            let who = Who {
                client,
                ..Who::default()
            };
            assert_eq!(pattern.fill(&who).is_some(), filled, "{client:?}");
        }
    }

    #[test]
    fn a_mistake_in_a_pattern_is_told() {
        for (text, error) in [
            ("a/{clinet}", PatternError::Placeholder("clinet".into())),
            ("a/{claim.}", PatternError::Placeholder("claim.".into())),
            ("a/{client", PatternError::Open),
            ("a/#/b", PatternError::Filter(TopicError::MultiLevel)),
            ("$share/g/a", PatternError::Shared),
            ("", PatternError::Filter(TopicError::Empty)),
        ] {
            assert_eq!(TopicPattern::try_from(text), Err(error), "{text}");
        }
    }
}
