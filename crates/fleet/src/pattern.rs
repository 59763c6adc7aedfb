//! Topic filters that say which level names the device.

use mqttwb_model::{TopicError, TopicFilter};

/// The level that names the device.
const DEVICE: &str = "{device}";

/// Why a text says of no topic which device it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No level is the device's name, or several are.
    #[error("one level must be {{device}}, as in plant/{{device}}/status")]
    Device,
    /// It is no topic filter otherwise.
    #[error("{0}")]
    Filter(#[from] TopicError),
}

/// A topic filter of which one level names the device, as `plant/{device}/status`. Its other levels may be wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePattern {
    text: String,
    filter: TopicFilter,
    /// Which level it is, from 0.
    level: usize,
}

impl DevicePattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The filter that all of its topics match.
    pub fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// The device that a topic is about, if it matches.
    pub fn device<'a>(&self, topic: &'a str) -> Option<&'a str> {
        if !self.filter.matches(topic) {
            return None;
        }
        // An empty level is a level, and no name.
        topic
            .split('/')
            .nth(self.level)
            .filter(|name| !name.is_empty())
    }
}

impl TryFrom<&str> for DevicePattern {
    type Error = PatternError;

    fn try_from(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let mut levels = text.split('/').enumerate();
        let level = levels.find(|(_, level)| *level == DEVICE).map(|(at, _)| at);
        let level = level.ok_or(PatternError::Device)?;
        if levels.any(|(_, level)| level == DEVICE) || text.starts_with("$share/") {
            return Err(PatternError::Device);
        }
        let filter: Vec<&str> = text
            .split('/')
            .map(|level| if level == DEVICE { "+" } else { level })
            .collect();
        Ok(Self {
            filter: TopicFilter::try_from(filter.join("/").as_str())?,
            text: text.to_owned(),
            level,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> DevicePattern {
        DevicePattern::try_from(text).unwrap()
    }

    #[test]
    fn a_pattern_names_the_device_of_each_topic_that_matches() {
        let status = pattern("+/{device}/status");
        assert_eq!(status.device("plant/pump-7/status"), Some("pump-7"));
        assert_eq!(status.device("plant/pump-7/value"), None);
        assert_eq!(status.device("plant/line/pump-7/status"), None);
        assert_eq!(status.device("plant//status"), None, "nothing is no name");
        assert_eq!(status.device("$SYS/broker/status"), None);
        assert_eq!(status.filter().as_str(), "+/+/status");
        assert_eq!(
            pattern("tele/{device}/#").device("tele/lamp/LWT"),
            Some("lamp")
        );
    }

    #[test]
    fn a_pattern_without_one_device_is_refused() {
        for text in [
            "plant/+/status",
            "{device}/{device}",
            "",
            "$share/a/{device}",
        ] {
            assert_eq!(
                DevicePattern::try_from(text),
                Err(PatternError::Device),
                "{text}"
            );
        }
        assert_eq!(
            DevicePattern::try_from("{device}/#/x"),
            Err(PatternError::Filter(TopicError::MultiLevel))
        );
    }
}
