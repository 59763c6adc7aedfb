//! The statements of a standard, from the list in docs/conformance: a line each, under the title of its section.

use crate::lint::Finding;

use super::Standard;

/// One normative statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    pub standard: Standard,
    /// As in `3.1.2-4`.
    pub number: String,
    /// Number and name of the section that it stands under.
    pub section: String,
    pub concerns: Concerns,
    /// What it asks, in our own words.
    pub words: String,
    /// Why there is nothing for a test of this broker to hold.
    pub moot: Option<String>,
}

/// Whom a statement binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerns {
    Server,
    Client,
    Both,
}

impl Statement {
    pub fn concerns_a_server(&self) -> bool {
        self.concerns != Concerns::Client
    }
}

/// Reads a list; what can't be read is a finding.
pub fn statements(standard: Standard, text: &str, findings: &mut Vec<Finding>) -> Vec<Statement> {
    let mut read: Vec<Statement> = Vec::new();
    let mut section = String::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("= ") {
            title.clone_into(&mut section);
            continue;
        }
        let place = || format!("{}:{}", standard.list(), at + 1);
        match statement(standard, &section, line) {
            Some(statement) if read.iter().any(|s| s.number == statement.number) => {
                findings.push(Finding::new(place(), "is listed twice"));
            }
            Some(statement) => read.push(statement),
            None => findings.push(Finding::new(
                place(),
                "is not `NUMBER server|client|both WORDS [// REASON]` under a `= SECTION`",
            )),
        }
    }
    read
}

fn statement(standard: Standard, section: &str, line: &str) -> Option<Statement> {
    let (number, rest) = line.split_once(' ')?;
    let (concerns, words) = rest.trim_start().split_once(' ')?;
    let (words, moot) = match words.split_once(" // ") {
        Some((words, reason)) => (words, Some(reason.trim().to_owned())),
        None => (words, None),
    };
    let is_number = number.contains('-')
        && number
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    (is_number && !section.is_empty()).then_some(Statement {
        standard,
        number: number.to_owned(),
        section: section.to_owned(),
        concerns: match concerns {
            "server" => Concerns::Server,
            "client" => Concerns::Client,
            "both" => Concerns::Both,
            _ => return None,
        },
        words: words.trim().to_owned(),
        moot,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line() {
        let mut findings = Vec::new();
        let read = statements(
            Standard::V5,
            "# a comment\n= 3.2 CONNACK\n3.2.2-9  server  says so  // never\n\n4.2-1 both one\n",
            &mut findings,
        );
        assert_eq!(findings, []);
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[0].number.as_str(), read[0].words.as_str()),
            ("3.2.2-9", "says so")
        );
        assert_eq!(read[0].moot.as_deref(), Some("never"));
        assert!(read[0].concerns_a_server() && read[1].concerns_a_server());
    }

    #[test]
    fn what_is_no_statement_or_one_already_listed_is_found() {
        let mut findings = Vec::new();
        let text = "1.1-1 server before any section\n= 1\n1.1-1 everybody x\n1.1-2 server x\n\
                    1.1-2 server x\n";
        statements(Standard::V5, text, &mut findings);
        let places: Vec<&str> = findings
            .iter()
            .map(|finding| finding.place.rsplit(':').next().unwrap())
            .collect();
        assert_eq!(places, ["1", "3", "5"]);
    }
}
