//! docs/conformance.md as text.

use std::fmt::Write as _;

use super::Standard;
use super::citations::Citation;
use super::statements::{Concerns, Statement};

/// How a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing<'a> {
    /// At least one test cites it.
    Held,
    /// There is nothing that a test could hold, for this reason.
    Moot(&'a str),
    NotYet,
    /// Clients alone are bound by it, and no test of ours cites it.
    Clients,
}

fn standing<'a>(statement: &'a Statement, tests: &[&Citation]) -> Standing<'a> {
    if !tests.is_empty() {
        Standing::Held
    } else if let Some(reason) = &statement.moot {
        Standing::Moot(reason)
    } else if statement.concerns_a_server() {
        Standing::NotYet
    } else {
        Standing::Clients
    }
}

/// The tests that cite a statement, each once.
fn tests_of<'a>(statement: &Statement, cited: &'a [Citation]) -> Vec<&'a Citation> {
    let mut tests: Vec<&Citation> = Vec::new();
    for citation in cited {
        let is_new = !tests
            .iter()
            .any(|seen| (&seen.path, &seen.test) == (&citation.path, &citation.test));
        if citation.test.is_some()
            && citation.standard == statement.standard
            && citation.number == statement.number
            && is_new
        {
            tests.push(citation);
        }
    }
    tests
}

/// How many of a standard's statements stand how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    server: usize,
    held: usize,
    moot: usize,
    not_yet: usize,
    clients: usize,
}

fn count(standard: Standard, known: &[Statement], cited: &[Citation]) -> Count {
    let mut count = Count::default();
    for statement in known.iter().filter(|s| s.standard == standard) {
        if !statement.concerns_a_server() {
            count.clients += 1;
            continue;
        }
        count.server += 1;
        match standing(statement, &tests_of(statement, cited)) {
            Standing::Held => count.held += 1,
            Standing::Moot(_) => count.moot += 1,
            Standing::NotYet | Standing::Clients => count.not_yet += 1,
        }
    }
    count
}

/// A line for the terminal.
pub fn summary(known: &[Statement], cited: &[Citation]) -> String {
    let counts = Standard::ALL.map(|standard| {
        let Count {
            server,
            held,
            not_yet,
            ..
        } = count(standard, known, cited);
        format!(
            "{standard}: of {server} statements for a server, {held} are held and {not_yet} not yet"
        )
    });
    counts.join("; ")
}

/// The whole page.
pub fn page(known: &[Statement], cited: &[Citation]) -> String {
    let mut out = String::from(
        "# Conformance\n\n\
         Every normative statement of MQTT 5.0 and MQTT 3.1.1, in our own words, and the tests that hold it. \
         `cargo xtask conformance` writes\nthis page from [the lists of statements](conformance) and from the numbers \
         that tests cite; `cargo xtask lint` fails when it is\nout of date. A test names a statement of MQTT 5 as \
         `[MQTT-3.1.2-4]`, of MQTT 3.1.1 as `[MQTT3-3.1.2-4]`.\n\n",
    );
    let counts = Standard::ALL.map(|standard| count(standard, known, cited));
    let [five, three] = Standard::ALL;
    _ = writeln!(out, "| statements | {five} | {three} |\n|---|---:|---:|");
    let [five, three] = counts;
    for (name, five, three) in [
        ("for a server", five.server, three.server),
        ("– held by a test", five.held, three.held),
        (
            "– nothing to hold, for the reason given",
            five.moot,
            three.moot,
        ),
        ("– not yet", five.not_yet, three.not_yet),
        ("for clients alone", five.clients, three.clients),
    ] {
        _ = writeln!(out, "| {name} | {five} | {three} |");
    }
    for standard in Standard::ALL {
        _ = writeln!(out, "\n## {standard}");
        let mut section = "";
        for statement in known.iter().filter(|s| s.standard == standard) {
            if statement.section != section {
                section = &statement.section;
                _ = writeln!(
                    out,
                    "\n### {section}\n\n| | says | held by |\n|---|---|---|"
                );
            }
            let tests = tests_of(statement, cited);
            let held = match standing(statement, &tests) {
                Standing::Held => tests.into_iter().map(link).collect::<Vec<_>>().join("<br>"),
                Standing::Moot(reason) => format!("nothing to hold: {reason}"),
                Standing::NotYet => "**not yet**".into(),
                Standing::Clients => "clients".into(),
            };
            let whom = match statement.concerns {
                Concerns::Client => "client: ",
                Concerns::Server | Concerns::Both => "",
            };
            _ = writeln!(
                out,
                "| {} | {whom}{} | {held} |",
                statement.number, statement.words
            );
        }
    }
    out
}

fn link(citation: &Citation) -> String {
    format!(
        "[`{}`](../{})",
        citation.test.as_deref().unwrap_or_default(),
        citation.path
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::statements::statements;

    fn citation(standard: Standard, number: &str, test: Option<&str>) -> Citation {
        Citation {
            standard,
            number: number.into(),
            path: "crates/a/tests/it.rs".into(),
            line: 1,
            test: test.map(str::to_owned),
        }
    }

    #[test]
    fn a_statement_is_held_by_tests_of_its_own_standard_only() {
        let list =
            "= 1 A\n1-1 server one\n1-2 both two\n1-3 server three // why\n1-4 client four\n";
        let mut known = statements(Standard::V5, list, &mut Vec::new());
        known.extend(statements(Standard::V311, list, &mut Vec::new()));
        let cited = [
            citation(Standard::V5, "1-1", Some("holds_it")),
            citation(Standard::V5, "1-1", Some("holds_it")),
            citation(Standard::V5, "1-2", None),
        ];
        let counted = |standard| count(standard, &known, &cited);
        let expected = Count {
            server: 3,
            held: 1,
            moot: 1,
            not_yet: 1,
            clients: 1,
        };
        assert_eq!(counted(Standard::V5), expected);
        assert_eq!(counted(Standard::V311).held, 0);
        let page = page(&known, &cited);
        assert!(page.contains("| 1-1 | one | [`holds_it`](../crates/a/tests/it.rs) |\n"));
        assert!(page.contains("| 1-1 | one | **not yet** |\n"));
        assert!(page.contains("| 1-3 | three | nothing to hold: why |\n"));
        assert!(page.contains("| 1-4 | client: four | clients |\n"));
    }
}
