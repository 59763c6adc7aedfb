//! Which test cites which statement.
//!
//! Reads Rust as rustfmt writes it: a test is a function under `#[test]` or `#[tokio::test]` and ends at the closing
//! brace that stands as far to the right as its `fn`. A comment right above the attribute belongs to the test.

use crate::lint::Source;

use super::Standard;

/// A statement's number, where it is cited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    pub standard: Standard,
    pub number: String,
    /// The file, from the top of the tree.
    pub path: String,
    pub line: usize,
    /// The test that cites it; none in the product, or beside the tests.
    pub test: Option<String>,
}

/// Where the reading stands.
enum At {
    Outside,
    /// After the attribute of a test, before its `fn`.
    Attribute,
    /// In a test, until a line that is this.
    Test {
        name: String,
        end: String,
    },
}

/// Every citation of a Rust file.
pub fn citations(source: &Source) -> Vec<Citation> {
    let mut found: Vec<Citation> = Vec::new();
    let mut at = At::Outside;
    // Those of the comment right above.
    let mut above = 0;
    for (number, line) in source.text.lines().enumerate() {
        let code = line.trim_start();
        let before = found.len();
        for (standard, cited) in cited(line) {
            found.push(Citation {
                standard,
                number: cited,
                path: source.path.clone(),
                line: number + 1,
                test: None,
            });
        }
        match &at {
            At::Outside if is_test_attribute(code) => at = At::Attribute,
            At::Outside if code.starts_with("//") || code.starts_with("#[") => {}
            At::Outside => above = found.len(),
            At::Attribute => {
                if let Some(name) = function(code) {
                    let indent = &line[..line.len() - code.len()];
                    for citation in &mut found[above..] {
                        citation.test = Some(name.to_owned());
                    }
                    let body = code.split("//").next().unwrap_or_default();
                    at = if body.trim_end().ends_with('}') {
                        At::Outside
                    } else {
                        At::Test {
                            name: name.to_owned(),
                            end: format!("{indent}}}"),
                        }
                    };
                    above = found.len();
                }
            }
            At::Test { name, end } => {
                for citation in &mut found[before..] {
                    citation.test = Some(name.clone());
                }
                above = found.len();
                if line == end {
                    at = At::Outside;
                }
            }
        }
    }
    found
}

fn is_test_attribute(code: &str) -> bool {
    ["#[test]", "#[tokio::test]", "#[tokio::test("]
        .iter()
        .any(|attribute| code.starts_with(attribute))
}

/// The name of the function that a line begins.
fn function(code: &str) -> Option<&str> {
    let (_, rest) = code.split_once("fn ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// The numbers in a line: `[MQTT-3.1.2-4]`, `[MQTT3-3.1.2-4]`.
fn cited(line: &str) -> Vec<(Standard, String)> {
    let mut all = Vec::new();
    for standard in Standard::ALL {
        for (at, mark) in line.match_indices(standard.mark()) {
            if let Some((number, _)) = line[at + mark.len()..].split_once(']') {
                all.push((standard, number.to_owned()));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>)> {
        citations(&Source {
            path: "a.rs".into(),
            text: text.into(),
        })
        .into_iter()
        .map(|citation| (citation.number, citation.test))
        .collect()
    }

    #[test]
    fn a_citation_belongs_to_the_test_around_or_below_it() {
        let text = "\
// [MQTT-1.1.1-1]
fn product() {}

/// [MQTT-1.1.1-2]
#[tokio::test(start_paused = true)]
async fn above() {
    if true {
        // [MQTT3-1.1.1-3], [MQTT-1.1.1-4]
    }
}

mod inner {
    #[test]
    #[cfg(unix)]
    fn inside() {
        // [MQTT-1.1.1-5]
    }
    // [MQTT-1.1.1-6]
}
";
        let test = |name: &str| Some(name.to_owned());
        assert_eq!(
            read(text),
            [
                ("1.1.1-1".into(), None),
                ("1.1.1-2".into(), test("above")),
                ("1.1.1-4".into(), test("above")),
                ("1.1.1-3".into(), test("above")),
                ("1.1.1-5".into(), test("inside")),
                ("1.1.1-6".into(), None),
            ]
        );
    }

    #[test]
    fn a_test_of_one_line_ends_where_it_begins() {
        let text = "#[test]\nfn short() {} // [MQTT-1.1.1-1]\n// [MQTT-1.1.1-2]\n";
        assert_eq!(read(text)[1].1, None);
    }
}
