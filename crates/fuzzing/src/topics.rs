//! A topic filter and a topic name, the input's first line and the rest.

use mqttwb_model::{TopicFilter, TopicName};

/// Matching agrees with the words of the standard, taken level by level.
pub fn run(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default());
    let (Ok(first), Ok(second)) = (text(), text()) else {
        return;
    };
    let name = TopicName::try_from(second);
    assert_eq!(name.is_ok(), TopicName::check(second).is_ok());
    let Ok(filter) = TopicFilter::try_from(first) else {
        return;
    };
    assert_eq!(filter.as_str(), first);
    match filter.share_name() {
        Some(share) => assert_eq!(first, format!("$share/{share}/{}", filter.pattern())),
        None => assert_eq!(first, filter.pattern()),
    }
    // Without a wildcard a filter is a topic name, and matches itself alone.
    if TopicName::check(filter.pattern()).is_ok() {
        assert!(filter.matches(filter.pattern()));
    }
    if let Ok(name) = name {
        assert_eq!(name.as_str(), second);
        let filter_levels: Vec<&str> = filter.pattern().split('/').collect();
        let levels: Vec<&str> = second.split('/').collect();
        let hidden = second.starts_with('$') && matches!(filter_levels[0], "+" | "#");
        // [MQTT-4.7.2-1]
        let expected = !hidden && matches(&filter_levels, &levels);
        assert_eq!(filter.matches(second), expected, "{first:?} {second:?}");
    }
}

/// MQTT 5, section 4.7.1.
fn matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) => true, // the parent level too
        ([], []) => true,
        (["+", filter @ ..], [_, topic @ ..]) => matches(filter, topic),
        ([level, filter @ ..], [same, topic @ ..]) => level == same && matches(filter, topic),
        _ => false,
    }
}
