//! What a person says of how devices tell that they are there.

use crate::pattern::DevicePattern;

/// A word that a state is told by, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Of a text; nothing where it is empty.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_lowercase()))
    }

    /// As it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which topics tell whether a device is there, and by which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRule {
    /// The topics.
    pub topics: Vec<DevicePattern>,
    /// It is there.
    pub online: Vec<Word>,
    /// It is not.
    pub offline: Vec<Word>,
}

impl PresenceRule {
    /// What a payload's text tells; nothing where it is neither of the words.
    pub fn judge(&self, text: &str) -> Option<bool> {
        let text = text.trim().to_lowercase();
        let says = |words: &[Word]| words.iter().any(|word| word.as_str() == text);
        if says(&self.online) {
            Some(true)
        } else if says(&self.offline) {
            Some(false)
        } else {
            None
        }
    }
}

/// All rules of a board.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// A client of the broker is a device, and is there while it is connected.
    pub sessions: bool,
    /// The first that matches a topic decides.
    pub presence: Vec<PresenceRule>,
    /// Topics whose last values are shown, one for each column.
    pub values: Vec<DevicePattern>,
}

/// What a topic is for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Presence, by the rule of that index.
    Presence(usize),
    /// The value of that column.
    Value(usize),
}

impl Rules {
    /// What a topic tells, and of which device.
    pub(crate) fn about<'a>(&self, topic: &'a str) -> Vec<(About, &'a str)> {
        let presence = self.presence.iter().enumerate().find_map(|(index, rule)| {
            let device = rule
                .topics
                .iter()
                .find_map(|pattern| pattern.device(topic))?;
            Some((About::Presence(index), device))
        });
        let values = self.values.iter().enumerate();
        let values = values
            .filter_map(|(column, pattern)| Some((About::Value(column), pattern.device(topic)?)));
        presence.into_iter().chain(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_space() {
        let words = |texts: &[&str]| texts.iter().filter_map(|text| Word::new(text)).collect();
        let rule = PresenceRule {
            topics: Vec::new(),
            online: words(&["Online", "1", " "]),
            offline: words(&["offline", "0"]),
        };
        assert_eq!(rule.judge("ONLINE\n"), Some(true));
        assert_eq!(rule.judge("Offline"), Some(false));
        assert_eq!(rule.judge("0"), Some(false));
        assert_eq!(rule.judge(""), None, "a space is no word");
        assert_eq!(rule.judge("starting"), None);
    }
}
