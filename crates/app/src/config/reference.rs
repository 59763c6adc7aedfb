//! The reference page, made from the table of keys.

use std::fmt::Write as _;

use super::keys::{Applies, Field, KEYS, Key, LISTENER_KEYS, LISTENERS};
use super::{BrokerConfig, units};

/// Where the page's own text ends and what is made from the keys begins.
const MARK: &str = "<!-- From here on made from crates/app/src/config/keys.rs by \
                    `MQTTWB_WRITE_REFERENCE=1 cargo test -p mqttwb-app --lib reference_page` -->\n";

/// Makes the page anew, where it is set.
const WRITE: &str = "MQTTWB_WRITE_REFERENCE";

fn tables() -> String {
    let mut page = String::new();
    let defaults = BrokerConfig::default();
    heading(
        &mut page,
        "listeners.NAME",
        "One table for each listener; only those that are written are opened.",
    );
    for key in &LISTENER_KEYS {
        row(&mut page, key, key.absent.unwrap_or_default());
    }
    let mut section = LISTENERS;
    for key in &KEYS {
        if key.section != section {
            section = key.section;
            heading(&mut page, section, super::keys::section_doc(section));
        }
        let default = key.field.written(&defaults).unwrap_or_default();
        row(
            &mut page,
            key,
            key.absent.unwrap_or(&format!("`{default}`")),
        );
    }
    page
}

fn heading(page: &mut String, section: &str, doc: &str) {
    assert!(!doc.is_empty(), "[{section}] has no sentence");
    let _ = write!(
        page,
        "\n## `[{section}]`\n\n{doc}\n\n| key | value | where it is absent | a change is felt | what it does |\n|---|---|---|---|---|\n"
    );
}

fn row<T>(page: &mut String, key: &Key<T>, absent: &str) {
    let value = match &key.field {
        Field::Count { unit, from, to, .. } => format!("{from} to {to} {unit}"),
        Field::Size { from, to, .. } => {
            format!("size, {} to {}", units::size(*from), units::size(*to))
        }
        Field::Time { from, to, .. } => {
            format!("time, {} to {}", units::time(*from), units::time(*to))
        }
        Field::Seconds { to, .. } => {
            format!("time in whole seconds, 0 s to {}", units::seconds(*to))
        }
        Field::Flag(_) => "`true` or `false`".to_owned(),
        Field::Text { what, .. } => format!("{what}, in quotes"),
        Field::Word { words, .. } => {
            let words: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            words.join(", ")
        }
        Field::Words { words, .. } => {
            let words: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            format!("a list of {}", words.join(", "))
        }
        Field::Address(_) => "address and port, in quotes".to_owned(),
        Field::File(_) => "name of a file, in quotes".to_owned(),
    };
    let applies = match key.applies {
        Applies::Now => "at once",
        Applies::NewConnections => "by new connections",
        Applies::Restart => "at the next start",
    };
    let _ = writeln!(
        page,
        "| `{}` | {value} | {absent} | {applies} | {} |",
        key.name, key.doc
    );
}

#[test]
fn reference_page_says_what_the_table_of_keys_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/broker-toml.md");
    let page = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let (head, tables_in_page) = page.split_once(MARK).expect("the page has its mark");
    let fresh = tables();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, format!("{head}{MARK}{fresh}")).unwrap();
        return;
    }
    assert!(
        tables_in_page == fresh,
        "docs/broker-toml.md is stale: {WRITE}=1 cargo test -p mqttwb-app --lib reference_page"
    );
}
