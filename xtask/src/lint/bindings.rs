//! Whether the TypeScript of the API, as it stands in the tree, is what its Rust types export.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Finding;
use crate::process::{Stop, run};
use crate::tree::{WHOLE, cargo_here, target, top};

const IN_TREE: &str = "ui/src/lib/backend/bindings";

/// Exports the types beside the tree and compares.
pub fn check() -> Result<Vec<Finding>, Stop> {
    let fresh = target().join("bindings");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)
            .map_err(Stop::at(format!("cannot empty {}", fresh.display())))?;
    }
    run(cargo_here()
        .env("TS_RS_EXPORT_DIR", &fresh)
        .arg("test")
        .args(WHOLE)
        .args(["--quiet", "--lib", "export_bindings"]))?;
    Ok(compare(&read(&top().join(IN_TREE))?, &read(&fresh)?))
}

type Files = BTreeMap<String, String>;

fn compare(in_tree: &Files, fresh: &Files) -> Vec<Finding> {
    let found = |name: &str, what: &str| {
        Finding::new(
            format!("{IN_TREE}/{name}"),
            format!("{what}: run `cargo test -p mqttwb-app --lib export_bindings`"),
        )
    };
    let mut findings = Vec::new();
    for (name, text) in fresh {
        match in_tree.get(name) {
            None => findings.push(found(name, "is missing")),
            Some(old) if old != text => findings.push(found(name, "is stale")),
            Some(_) => {}
        }
    }
    for name in in_tree.keys().filter(|name| !fresh.contains_key(*name)) {
        findings.push(Finding::new(
            format!("{IN_TREE}/{name}"),
            "is exported by no type any more: remove it",
        ));
    }
    findings
}

/// The TypeScript files of a folder, by their path below it.
fn read(folder: &Path) -> Result<Files, Stop> {
    let mut files = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries =
            fs::read_dir(&next).map_err(Stop::at(format!("cannot read {}", next.display())))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "ts") {
                let text = fs::read_to_string(&path)
                    .map_err(Stop::at(format!("cannot read {}", path.display())))?;
                let name = path.strip_prefix(folder).unwrap_or(&path);
                // Line ends as git has them on this system do not matter.
                files.insert(name.display().to_string(), text.replace("\r\n", "\n"));
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_stale_and_left_over_exports_are_found() {
        let files = |pairs: &[(&str, &str)]| -> Files {
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect()
        };
        let in_tree = files(&[("Same.ts", "1"), ("Old.ts", "1"), ("Gone.ts", "1")]);
        let fresh = files(&[("Same.ts", "1"), ("Old.ts", "2"), ("New.ts", "1")]);
        let said: Vec<String> = compare(&in_tree, &fresh)
            .iter()
            .map(|finding| finding.place.clone())
            .collect();
        assert_eq!(
            said,
            ["New.ts", "Old.ts", "Gone.ts"].map(|name| format!("{IN_TREE}/{name}"))
        );
    }
}
