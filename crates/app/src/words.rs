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

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn an_error_becomes_a_sentence() {
        assert_eq!(sentence("the port is taken"), "The port is taken.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence("änders"), "änders.");
        assert_eq!(sentence("/etc/x: no"), "/etc/x: no.");
        assert_eq!(sentence(""), ".");
    }
}
