//! `cargo xtask conformance`: docs/conformance.md, which says for each normative statement of the standards which test
//! holds it.
//!
//! Duty: read the statements (`docs/conformance/*.txt`) and the tests that cite them, and write or check the page.
//! Not here: whether a test is a good one. A number that no standard has is a finding wherever it stands, and so is a
//! citation in a file of tests that belongs to no test: neither would ever show on the page.

mod citations;
mod page;
mod statements;

use std::fmt;

use crate::lint::{Finding, Source, read_sources};
use crate::process::Stop;
use crate::tree::top;

use citations::{Citation, citations};
use statements::{Statement, statements};

/// Where the page is.
const PAGE: &str = "docs/conformance.md";

/// Which standard a statement is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standard {
    /// Cited as `[MQTT-3.1.2-4]`.
    V5,
    /// Cited as `[MQTT3-3.1.2-4]`: the two share most numbers, and few of their meanings.
    V311,
}

impl Standard {
    const ALL: [Self; 2] = [Self::V5, Self::V311];

    /// What a citation begins with.
    fn mark(self) -> &'static str {
        match self {
            Self::V5 => "[MQTT-",
            Self::V311 => "[MQTT3-",
        }
    }

    /// The file of its statements.
    fn list(self) -> &'static str {
        match self {
            Self::V5 => "docs/conformance/mqtt5.txt",
            Self::V311 => "docs/conformance/mqtt311.txt",
        }
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V5 => "MQTT 5.0",
            Self::V311 => "MQTT 3.1.1",
        })
    }
}

/// Writes the page.
pub fn write() -> Result<(), Stop> {
    let sources = read_sources()?;
    let made = match make(&sources) {
        Ok(made) => made,
        Err(findings) => {
            for finding in &findings {
                println!("{finding}");
            }
            return Err(Stop::new(format!("{} found, see above", findings.len())));
        }
    };
    std::fs::write(top().join(PAGE), &made.text).map_err(Stop::at(PAGE))?;
    println!("{PAGE}: {}", made.summary);
    Ok(())
}

/// What is wrong with the citations, or that the page is not what they make.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let made = match make(sources) {
        Ok(made) => made,
        Err(findings) => return findings,
    };
    let is_fresh = sources
        .iter()
        .any(|source| source.path == PAGE && source.text.replace("\r\n", "\n") == made.text);
    if is_fresh {
        println!("{}", made.summary);
        return Vec::new();
    }
    vec![Finding::new(
        PAGE,
        "is not what the tests say now: run `cargo xtask conformance`",
    )]
}

struct Made {
    text: String,
    summary: String,
}

fn make(sources: &[Source]) -> Result<Made, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut known: Vec<Statement> = Vec::new();
    for standard in Standard::ALL {
        let text = sources
            .iter()
            .find(|source| source.path == standard.list())
            .map(|source| source.text.as_str());
        match text {
            Some(text) => known.extend(statements(standard, text, &mut findings)),
            None => findings.push(Finding::new(standard.list(), "is not there")),
        }
    }
    let mut cited: Vec<Citation> = Vec::new();
    for source in sources {
        // The numbers in this program's own tests are made up.
        if source.path.ends_with(".rs") && !source.path.starts_with("xtask/") {
            cited.extend(citations(source));
        }
    }
    for citation in &cited {
        let is_known = known.iter().any(|statement| {
            (statement.standard, statement.number.as_str())
                == (citation.standard, citation.number.as_str())
        });
        let place = || format!("{}:{}", citation.path, citation.line);
        if !is_known {
            findings.push(Finding::new(
                place(),
                format!("{} has no statement {}", citation.standard, citation.number),
            ));
        }
        if citation.test.is_none() && is_for_tests(&citation.path) {
            findings.push(Finding::new(
                place(),
                "cites a statement outside a test: it would show nowhere",
            ));
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Made {
        text: page::page(&known, &cited),
        summary: page::summary(&known, &cited),
    })
}

/// Whether a file holds tests and what they need, and nothing of the product.
fn is_for_tests(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.starts_with("crates/testkit/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house of these two statements and one file more.
    fn house(path: &str, text: &str) -> Vec<Source> {
        let source = |path: &str, text: &str| Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        vec![
            source(Standard::V5.list(), "= 3.1 A\n3.1.0-1 server it is so\n"),
            source(Standard::V311.list(), "= 3.1 A\n3.1.0-1 client it is so\n"),
            source(path, text),
        ]
    }

    fn said_of(sources: &[Source]) -> Vec<String> {
        check(sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_that_tests_have_outrun_is_found() {
        let path = "crates/a/tests/it.rs";
        let mut sources = house(path, "#[test]\nfn holds() {\n    // [MQTT-3.1.0-1]\n}\n");
        assert_eq!(said_of(&sources).len(), 1, "there is no page yet");
        let text = make(&sources).ok().map(|made| made.text).unwrap();
        sources.push(Source {
            path: PAGE.into(),
            text,
        });
        assert_eq!(said_of(&sources), Vec::<String>::new());
        sources[2].text = sources[2].text.replace("holds", "holds_more");
        assert_eq!(said_of(&sources).len(), 1, "the test has another name");
    }

    #[test]
    fn a_number_that_no_standard_has_is_found_in_the_product_too() {
        let said = said_of(&house("crates/a/src/lib.rs", "// [MQTT-9.9.9-9]\n"));
        assert_eq!(
            said,
            ["crates/a/src/lib.rs:1: MQTT 5.0 has no statement 9.9.9-9"]
        );
    }

    #[test]
    fn a_citation_among_tests_that_belongs_to_none_is_found() {
        let said = said_of(&house(
            "crates/a/tests/it.rs",
            "const A: u8 = 1; // [MQTT3-3.1.0-1]\n",
        ));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("crates/a/tests/it.rs:1: "), "{said:?}");
    }
}
