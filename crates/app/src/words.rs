//! Sentences from the engines' errors, which are written to be joined to others.

use std::fmt::Display;

/// The text with a capital at its beginning and a full stop at its end.
pub(crate) fn sentence(text: impl Display) -> String {
    let mut sentence = text.to_string();
    // A name in quotes or a path keeps its first letter.
    if let Some(first) = sentence.get(..1).filter(|first| *first != "/") {
        let first = first.to_ascii_uppercase();
        sentence.replace_range(..1, &first);
    }
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// `1,234,000`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().map(|digit| char::from(*digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{sentence, thousands};

    #[test]
    fn great_numbers_are_written_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_034, "12,034"),
            (1_234_000, "1,234,000"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn an_error_becomes_a_sentence() {
        assert_eq!(sentence("the port is taken"), "The port is taken.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence("änders"), "änders.");
        assert_eq!(sentence("/etc/x: no"), "/etc/x: no.");
        assert_eq!(sentence(""), ".");
    }
}
