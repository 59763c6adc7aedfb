//! The packages of the workspace and what each depends on, read from their manifests.
//!
//! Reads the plain subset of TOML that our manifests are written in: a table header or a key on a line of its own.

use super::Source;

/// A package of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    /// From the top of the tree.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Dev,
    Build,
}

/// The packages among the sources: each `FOLDER/Cargo.toml` with a `[package]`, other than those of another workspace.
pub fn packages(sources: &[Source]) -> Vec<Package> {
    sources
        .iter()
        .filter(|source| !source.path.starts_with("fuzz/"))
        .filter_map(|source| {
            let folder = source.path.strip_suffix("/Cargo.toml")?;
            Some(Package {
                folder: folder.to_owned(),
                ..package(&source.text)?
            })
        })
        .collect()
}

fn package(manifest: &str) -> Option<Package> {
    let mut name = None;
    let mut dependencies = Vec::new();
    let mut table = String::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            table = header.to_owned();
            // `[dependencies.NAME]`
            if let Some((list, dependency)) = table.rsplit_once('.')
                && let Some(kind) = kind(list)
            {
                dependencies.push(Dependency {
                    name: dependency.trim_matches('"').to_owned(),
                    kind,
                });
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        // `NAME = …` or `NAME.workspace = true`
        let key = key.trim().split('.').next().unwrap_or_default();
        if table == "package" && key == "name" {
            name = Some(value.trim().trim_matches('"').to_owned());
        } else if let Some(kind) = kind(&table) {
            dependencies.push(Dependency {
                name: key.trim_matches('"').to_owned(),
                kind,
            });
        }
    }
    Some(Package {
        name: name?,
        folder: String::new(),
        dependencies,
    })
}

/// What a table lists: `dependencies`, `target.'cfg(unix)'.dev-dependencies`, …
fn kind(table: &str) -> Option<Kind> {
    let list = match table.strip_prefix("target.") {
        Some(target) => target.rsplit_once('.')?.1,
        None => table,
    };
    match list {
        "dependencies" => Some(Kind::Normal),
        "dev-dependencies" => Some(Kind::Dev),
        "build-dependencies" => Some(Kind::Build),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_read() {
        let source = Source {
            path: "crates/a/Cargo.toml".into(),
            text: r#"
                [package]
                name = "a"
                version.workspace = true

                [dependencies]
                b.workspace = true
                c = { version = "1", features = ["d"] }
                # e = "1"

                [dependencies.f]
                version = "1"

                [target.'cfg(unix)'.dependencies]
                g = "1"

                [dev-dependencies]
                h = "1"

                [build-dependencies]
                i = "1"

                [features]
                j = ["c/d"]
            "#
            .into(),
        };
        let read = packages(&[source]);
        assert_eq!(read.len(), 1);
        assert_eq!(
            (read[0].name.as_str(), read[0].folder.as_str()),
            ("a", "crates/a")
        );
        let seen: Vec<(&str, Kind)> = read[0]
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.as_str(), dependency.kind))
            .collect();
        assert_eq!(
            seen,
            [
                ("b", Kind::Normal),
                ("c", Kind::Normal),
                ("f", Kind::Normal),
                ("g", Kind::Normal),
                ("h", Kind::Dev),
                ("i", Kind::Build),
            ]
        );
    }
}
