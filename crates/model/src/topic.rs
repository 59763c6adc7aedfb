//! Topic names, topic filters and client identifiers, parsed once.

use std::fmt;
use std::sync::Arc;

/// The longest UTF-8 string that the wire can carry, in bytes (MQTT 5, section 1.5.4).
pub const MAX_STRING: usize = 65_535;

/// Why a text is no topic name or no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// `[MQTT-4.7.3-1]`
    #[error("a topic has at least one character")]
    Empty,
    /// `[MQTT-4.7.3-2]`
    #[error("a topic may not hold the character U+0000")]
    Null,
    /// `[MQTT-4.7.3-3]`
    #[error("a topic holds at most 65,535 bytes, this has {0}")]
    TooLong(usize),
    /// `[MQTT-3.3.2-2]`
    #[error("a topic to publish to may not hold the wildcards + and #")]
    WildcardInName,
    /// `[MQTT-4.7.1-1]`
    #[error("# must be the last level of a filter and stand alone in it, as in plant/#")]
    MultiLevel,
    /// `[MQTT-4.7.1-2]`
    #[error("+ must stand alone in its level, as in plant/+/state")]
    SingleLevel,
    /// `[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`
    #[error("a shared subscription is $share/NAME/FILTER, with a name without + and #")]
    Shared,
}

fn check_common(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_STRING {
        return Err(TopicError::TooLong(text.len()));
    }
    if text.as_bytes().contains(&0) {
        return Err(TopicError::Null);
    }
    Ok(())
}

/// A topic that a message is published to: no wildcards. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Whether `text` could be a topic name, without making one.
    pub fn check(text: &str) -> Result<(), TopicError> {
        check_common(text)?;
        if text.bytes().any(|b| b == b'+' || b == b'#') {
            return Err(TopicError::WildcardInName);
        }
        Ok(())
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for TopicName {
    type Error = TopicError;

    fn try_from(text: &str) -> Result<Self, TopicError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A filter that a client subscribes with, shared (`$share/NAME/FILTER`) or not. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter {
    text: Arc<str>,
    /// Where the part that topics are matched against begins: past `$share/NAME/`.
    start: usize,
}

impl TopicFilter {
    /// The filter as it was written, `$share/…` included.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part that topics are matched against.
    pub fn pattern(&self) -> &str {
        &self.text[self.start..]
    }

    /// The share name of a shared subscription.
    pub fn share_name(&self) -> Option<&str> {
        // start is past "$share/NAME/"
        (self.start > 0).then(|| &self.text["$share/".len()..self.start - 1])
    }

    /// Whether a topic matches, by the rules of MQTT 5, section 4.7.
    pub fn matches(&self, topic: &str) -> bool {
        matches(self.pattern(), topic)
    }
}

/// Whether `topic` matches `pattern`; both are taken to be valid.
pub fn matches(pattern: &str, topic: &str) -> bool {
    // [MQTT-4.7.2-1]: topics beginning with $ match no filter that begins with a wildcard.
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in pattern.split('/') {
        if wanted == "#" {
            return true; // the parent level too: sport/# matches sport
        }
        match levels.next() {
            Some(level) if wanted == "+" || wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

impl TryFrom<&str> for TopicFilter {
    type Error = TopicError;

    fn try_from(text: &str) -> Result<Self, TopicError> {
        check_common(text)?;
        let start = match text.strip_prefix("$share/") {
            Some(rest) => {
                let (name, pattern) = rest.split_once('/').ok_or(TopicError::Shared)?;
                if name.is_empty() || name.contains(['+', '#']) || pattern.is_empty() {
                    return Err(TopicError::Shared);
                }
                text.len() - pattern.len()
            }
            None => 0,
        };
        let mut levels = text[start..].split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(TopicError::MultiLevel);
            }
            if level.contains('+') && level != "+" {
                return Err(TopicError::SingleLevel);
            }
        }
        Ok(Self {
            text: text.into(),
            start,
        })
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A client identifier as the broker knows it. Cheap to clone; may be empty before CONNECT was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ClientId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ClientId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl std::borrow::Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::try_from(text).unwrap()
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        // The examples of MQTT 5, section 4.7.1.
        for (f, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/ranking",
                true,
            ),
            ("sport/#", "sport", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/broker/uptime", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/broker/uptime", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("a/b", "a/B", false),
        ] {
            assert_eq!(filter(f).matches(topic), expected, "{f} on {topic}");
        }
    }

    #[test]
    fn malformed_filters_are_refused_with_the_rule() {
        // [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.3-3], [MQTT-4.8.2-1], [MQTT-4.8.2-2]
        // [MQTT3-4.7.1-2], [MQTT3-4.7.1-3], [MQTT3-4.7.3-1], [MQTT3-4.7.3-2], [MQTT3-4.7.3-3]
        // [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.8.2-1], [MQTT-4.8.2-2]
        for (text, error) in [
            ("", TopicError::Empty),
            ("sport/tennis#", TopicError::MultiLevel),
            ("sport/tennis/#/ranking", TopicError::MultiLevel),
            ("sport+", TopicError::SingleLevel),
            ("a\0b", TopicError::Null),
            ("$share/group", TopicError::Shared),
            ("$share//a", TopicError::Shared),
            ("$share/a+/b", TopicError::Shared),
            ("$share/a/", TopicError::Shared),
        ] {
            assert_eq!(TopicFilter::try_from(text), Err(error), "{text:?}");
        }
        let long = "x".repeat(MAX_STRING + 1);
        assert_eq!(
            TopicFilter::try_from(long.as_str()),
            Err(TopicError::TooLong(MAX_STRING + 1))
        );
    }

    #[test]
    fn a_shared_filter_knows_its_name_and_its_pattern() {
        let shared = filter("$share/workers/jobs/+/new");
        assert_eq!(shared.share_name(), Some("workers"));
        assert_eq!(shared.pattern(), "jobs/+/new");
        assert!(shared.matches("jobs/7/new"));
        assert_eq!(filter("jobs/#").share_name(), None);
    }

    #[test]
    fn a_topic_name_has_no_wildcards() {
        assert_eq!(TopicName::check("a/+/b"), Err(TopicError::WildcardInName));
        assert_eq!(TopicName::check("a/#"), Err(TopicError::WildcardInName));
        assert_eq!(TopicName::check("a/ /b"), Ok(()));
    }
}
