//! Dependencies that a manifest lists and no source of the package names.
//!
//! A simple look at words, in place of a tool that must be installed first: it can miss a dependency that is only
//! named in a comment, and finds every one that is never named.

use super::arrows::has_word;
use super::manifest::Package;
use super::{Finding, Source};

pub fn check(packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let folder = format!("{}/", package.folder);
        let code: Vec<&Source> = sources
            .iter()
            .filter(|source| source.path.starts_with(&folder) && source.path.ends_with(".rs"))
            .collect();
        for dependency in &package.dependencies {
            let name = library_of(&dependency.name);
            if !code.iter().any(|source| has_word(&source.text, &name)) {
                findings.push(Finding::new(
                    format!("{}/Cargo.toml", package.folder),
                    format!("`{}` is not used", dependency.name),
                ));
            }
        }
    }
    findings
}

/// The name that a package is used by in code.
fn library_of(package: &str) -> String {
    match package {
        "rustls-webpki" => "webpki".into(),
        other => other.replace('-', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::manifest::packages;

    #[test]
    fn a_dependency_that_no_source_names_is_found() {
        let sources = [
            Source {
                path: "crates/a/Cargo.toml".into(),
                text:
                    "[package]\nname = \"a\"\n[dependencies]\ntokio-rustls = \"1\"\nbytes = \"1\"\n"
                        .into(),
            },
            Source {
                path: "crates/a/src/lib.rs".into(),
                text: "use tokio_rustls::rustls;".into(),
            },
            Source {
                path: "crates/b/src/lib.rs".into(),
                text: "use bytes::Bytes;".into(),
            },
        ];
        let said: Vec<String> = check(&packages(&sources), &sources)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(said, ["crates/a/Cargo.toml: `bytes` is not used"]);
    }
}
