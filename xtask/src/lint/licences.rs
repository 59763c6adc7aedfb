//! Licences and sources of everything that is built from: crates and npm packages.
//!
//! Duty: hold each against `deny.toml`, the one place that says what is allowed. Not here: installing anything; where
//! `cargo-deny` is, it looks at the same file, for more. Invariant: what says nothing of its licence is a finding, not an
//! exception.

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

use super::Finding;
use crate::process::Stop;

/// npm packages that name no licence in their manifest, and what the licence file in them says.
const SAID_ELSEWHERE: [(&str, &str); 1] = [("svelte-toolbelt", "MIT")];

/// What `deny.toml` says.
#[derive(Debug)]
pub struct Rules {
    allowed: Vec<Licensee>,
    /// Crates that are not to be there, whatever their licence.
    banned: Vec<String>,
}

impl Rules {
    pub fn parse(text: &str) -> Result<Self, Stop> {
        let wrong = |what: String| Stop::new(format!("deny.toml: {what}"));
        let file: toml::Table = text.parse().map_err(|error| wrong(format!("{error}")))?;
        let list = |table: &str, key: &str| -> Vec<toml::Value> {
            let list = file.get(table).and_then(|table| table.get(key)?.as_array());
            list.cloned().unwrap_or_default()
        };
        let allowed: Result<Vec<_>, Stop> = list("licenses", "allow")
            .iter()
            .map(|name| {
                let name = name.as_str().unwrap_or_default();
                Licensee::parse(name).map_err(|_| wrong(format!("{name:?} is no SPDX licence")))
            })
            .collect();
        let allowed = allowed?;
        if allowed.is_empty() {
            return Err(wrong("licenses.allow has no licence in it".into()));
        }
        let banned = list("bans", "deny");
        let banned = banned.iter().filter_map(|ban| ban.get("crate")?.as_str());
        Ok(Self {
            allowed,
            banned: banned.map(str::to_owned).collect(),
        })
    }

    fn licence(&self, place: &str, licence: Option<&str>) -> Option<Finding> {
        let Some(licence) = licence.filter(|licence| !licence.is_empty()) else {
            return Some(Finding::new(place, "names no licence"));
        };
        // Crates of before 2018 write MIT/Apache-2.0.
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            let what = format!("its licence {licence:?} is no SPDX expression");
            return Some(Finding::new(place, what));
        };
        let fits = expression.evaluate(|wanted| {
            let mut allowed = self.allowed.iter();
            allowed.any(|licensee| licensee.satisfies(wanted))
        });
        (!fits).then(|| {
            let what = format!("its licence {licence} is not among those of deny.toml");
            Finding::new(place, what)
        })
    }
}

/// How many crates of others `cargo metadata` names, and what is wrong with them.
pub fn crates(rules: &Rules, metadata: &Value) -> (usize, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut count = 0;
    for package in list(metadata, "packages") {
        let (name, version) = (text(package, "name"), text(package, "version"));
        // Our own have none.
        let Some(source) = package.get("source").and_then(Value::as_str) else {
            continue;
        };
        count += 1;
        let place = format!("{} {}", name.unwrap_or("?"), version.unwrap_or("?"));
        if !source.starts_with("registry+") && !source.starts_with("sparse+") {
            let what = format!("comes from {source}, not from the registry");
            findings.push(Finding::new(&place, what));
        }
        if rules
            .banned
            .iter()
            .any(|banned| Some(banned.as_str()) == name)
        {
            findings.push(Finding::new(&place, "is banned by deny.toml"));
        }
        findings.extend(rules.licence(&place, text(package, "license")));
    }
    (count, findings)
}

/// The same of a `package-lock.json`.
pub fn npm_packages(rules: &Rules, lock: &Value) -> (usize, Vec<Finding>) {
    let packages = lock.get("packages").and_then(Value::as_object);
    let packages = packages.into_iter().flatten();
    // The first has no name: ourselves.
    let others: Vec<_> = packages.filter(|(path, _)| !path.is_empty()).collect();
    let findings = others.iter().filter_map(|(path, package)| {
        let (_, name) = path.rsplit_once("node_modules/")?;
        let elsewhere = SAID_ELSEWHERE.iter().find(|(known, _)| *known == name);
        let licence = text(package, "license").or(elsewhere.map(|(_, licence)| *licence));
        rules.licence(&format!("npm {name}"), licence)
    });
    (others.len(), findings.collect())
}

fn list<'v>(of: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(of: &'v Value, key: &str) -> Option<&'v str> {
    of.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> Rules {
        Rules::parse(
            "[licenses]\nallow = [\"MIT\", \"Apache-2.0 WITH LLVM-exception\"]\n\
             [bans]\ndeny = [{ crate = \"native-tls\" }]\n",
        )
        .expect("rules")
    }

    fn found(licence: Value) -> Vec<String> {
        let metadata = json!({ "packages": [
            { "name": "own", "version": "1.0.0", "license": "Proprietary", "source": null },
            { "name": "a", "version": "1.0.0", "license": licence, "source": "registry+somewhere" },
        ]});
        let (count, findings) = crates(&rules(), &metadata);
        assert_eq!(count, 1);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_licence_is_an_expression_of_which_something_allowed_must_be_enough() {
        for fits in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT/Apache-2.0",
            "MIT AND (Apache-2.0 WITH LLVM-exception OR GPL-2.0-only)",
        ] {
            assert_eq!(found(json!(fits)), Vec::<String>::new(), "{fits}");
        }
        for wrong in [
            json!("GPL-3.0-only"),
            json!("MIT AND GPL-3.0-only"),
            json!("Apache-2.0"),
            json!("Do what you like"),
            json!(""),
            json!(null),
        ] {
            assert_eq!(found(wrong.clone()).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn what_is_banned_or_comes_from_elsewhere_is_found() {
        let metadata = json!({ "packages": [
            { "name": "native-tls", "version": "1.0.0", "license": "MIT", "source": "registry+somewhere" },
            { "name": "b", "version": "1.0.0", "license": "MIT", "source": "git+somewhere" },
        ]});
        let (_, findings) = crates(&rules(), &metadata);
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "native-tls 1.0.0: is banned by deny.toml",
                "b 1.0.0: comes from git+somewhere, not from the registry",
            ]
        );
    }

    #[test]
    fn npm_packages_are_held_against_the_same_list() {
        let lock = json!({ "packages": {
            "": { "name": "ours", "license": "Proprietary" },
            "node_modules/a": { "license": "MIT" },
            "node_modules/a/node_modules/@b/c": { "license": "OFL-1.1" },
            "node_modules/d": {},
            "node_modules/svelte-toolbelt": {},
        }});
        let (count, findings) = npm_packages(&rules(), &lock);
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(count, 4);
        assert_eq!(
            told,
            [
                "npm @b/c: its licence OFL-1.1 is not among those of deny.toml",
                "npm d: names no licence",
            ]
        );
    }

    #[test]
    fn rules_that_allow_nothing_or_no_licence_are_refused() {
        assert!(Rules::parse("").is_err());
        assert!(Rules::parse("[licenses]\nallow = [\"Mine\"]\n").is_err());
    }
}
