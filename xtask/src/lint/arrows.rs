//! Who may know whom: docs/architecture.md draws these arrows, this checks them.

use super::manifest::{Dependency, Kind, Package};
use super::{Finding, Source};

/// What a package of ours is, and so which others it may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// The words of the domain.
    Model,
    /// No tokio, no files, no sockets, no clock.
    Pure,
    /// Owns its tasks; knows no other engine.
    Engine,
    /// Joins the engines.
    App,
    /// The window, the command line.
    Edge,
    /// A broker for tests.
    Testkit,
    /// Inputs that nobody would send, for the pure crates and the engines.
    Fuzzing,
    /// The product from outside.
    Acceptance,
    /// Knows nothing of the product.
    Tool,
}

fn room(package: &str) -> Option<Room> {
    Some(match package {
        "mqttwb-model" => Room::Model,
        "mqttwb-wire" | "mqttwb-policy" | "mqttwb-pki" | "mqttwb-series" | "mqttwb-payload"
        | "mqttwb-fleet" | "mqttwb-sparkplug" => Room::Pure,
        "mqttwb-broker" | "mqttwb-client" | "mqttwb-capture" | "mqttwb-store" => Room::Engine,
        "mqttwb-app" => Room::App,
        "mqttwb-cli" | "mqtt-workbench" => Room::Edge,
        "mqttwb-testkit" => Room::Testkit,
        "mqttwb-fuzzing" => Room::Fuzzing,
        "acceptance" => Room::Acceptance,
        "bench" | "xtask" => Room::Tool,
        _ => return None,
    })
}

impl Room {
    fn may_depend_on(self, other: Self, kind: Kind) -> bool {
        match self {
            Self::Model | Self::Tool => false,
            Self::Pure => other == Self::Model,
            Self::Engine => matches!(other, Self::Model | Self::Pure),
            Self::App => {
                matches!(other, Self::Model | Self::Pure | Self::Engine)
                    || (kind == Kind::Dev && other == Self::Testkit)
            }
            Self::Fuzzing => matches!(other, Self::Model | Self::Pure | Self::Engine),
            Self::Edge => other == Self::App || (kind == Kind::Dev && other == Self::Testkit),
            Self::Testkit => other == Self::App,
            Self::Acceptance => matches!(other, Self::App | Self::Testkit),
        }
    }

    fn is_pure(self) -> bool {
        matches!(self, Self::Model | Self::Pure)
    }
}

/// A crate of others that only one package of ours names. The benchmark measures rumqttd, so it names it too.
const ONE_OWNER: [(&str, &[&str]); 11] = [
    ("keyring", &["mqttwb-app"]),
    ("jsonwebtoken", &["mqttwb-policy"]),
    ("ureq", &["mqttwb-app"]),
    ("rumqttd", &["mqttwb-broker", "bench"]),
    ("rumqttc", &["mqttwb-client"]),
    ("rcgen", &["mqttwb-pki"]),
    ("plotters", &["mqttwb-series"]),
    ("rusqlite", &["mqttwb-store"]),
    ("tauri", &["mqtt-workbench"]),
    ("webkit2gtk", &["mqtt-workbench"]),
    ("rfd", &["mqtt-workbench"]),
];

/// What a pure crate does not mention; and the one file that may.
const IMPURE: [(&str, Option<&str>); 7] = [
    ("std::fs", None),
    ("TcpStream", None),
    ("TcpListener", None),
    ("UdpSocket", None),
    ("Instant::now", None),
    // `Timestamp::now`: the one door that the clock comes in by, called by engines.
    ("SystemTime::now", Some("crates/model/src/time.rs")),
    ("std::thread", None),
];

/// Everything that goes against the arrows.
pub fn check(packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        manifest_arrows(package, &mut findings);
        source_arrows(package, sources, &mut findings);
    }
    page_arrows(sources, &mut findings);
    findings
}

fn manifest_arrows(package: &Package, findings: &mut Vec<Finding>) {
    let place = format!("{}/Cargo.toml", package.folder);
    let Some(own) = room(&package.name) else {
        findings.push(Finding::new(
            place,
            format!(
                "`{}` has no room: say in xtask/src/lint/arrows.rs what it is",
                package.name
            ),
        ));
        return;
    };
    for Dependency { name, kind } in &package.dependencies {
        if let Some(other) = room(name)
            && !own.may_depend_on(other, *kind)
        {
            findings.push(Finding::new(
                &place,
                format!(
                    "{own:?} `{}` may not depend on {other:?} `{name}`",
                    package.name
                ),
            ));
        }
        // A test may set a pure crate beside another one that is not.
        let is_shipped = *kind != Kind::Dev;
        if own.is_pure() && is_shipped && belongs_to(name, "tokio") {
            findings.push(Finding::new(
                &place,
                format!("`{}` is pure: no {name}", package.name),
            ));
        }
        for (crate_name, owners) in ONE_OWNER {
            if belongs_to(name, crate_name) && !owners.contains(&package.name.as_str()) {
                findings.push(Finding::new(
                    &place,
                    format!("only {} names {name}", owners.join(" and ")),
                ));
            }
        }
    }
}

/// `tauri`, and its `tauri-build` and `tauri-plugin-…`.
fn belongs_to(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn source_arrows(package: &Package, sources: &[Source], findings: &mut Vec<Finding>) {
    let folder = format!("{}/src/", package.folder);
    let is_pure = room(&package.name).is_some_and(Room::is_pure);
    for source in sources
        .iter()
        .filter(|source| source.path.starts_with(&folder) && source.path.ends_with(".rs"))
    {
        for (number, code) in product_lines(&source.text) {
            let mut found = |what: String| {
                findings.push(Finding::new(format!("{}:{number}", source.path), what));
            };
            if package.name == "mqttwb-broker"
                && !source.path.starts_with("crates/broker/src/router")
                && has_word(code, "rumqttd")
            {
                found("only the broker's router names rumqttd".into());
            }
            if is_pure {
                for (word, door) in IMPURE {
                    if door != Some(source.path.as_str()) && has_word(code, word) {
                        found(format!("`{}` is pure: no {word}", package.name));
                    }
                }
            }
        }
    }
}

/// The lines of a source up to its tests, without comments, with their numbers.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
        .take_while(|(_, code)| !code.trim_start().starts_with("#[cfg(test)]"))
}

/// Whether the text holds the word, not as a part of a longer one.
pub fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

/// In the window's pages only the backend knows Tauri, and a domain knows no other domain.
fn page_arrows(sources: &[Source], findings: &mut Vec<Finding>) {
    const LIBRARY: &str = "ui/src/lib/";
    const COMMON: [&str; 2] = ["backend", "shared"];
    for source in sources {
        if !source.path.starts_with("ui/src/") {
            continue;
        }
        let domain = source
            .path
            .strip_prefix(LIBRARY)
            .and_then(|rest| rest.split_once('/'))
            .map(|(domain, _)| domain);
        for (at, line) in source.text.lines().enumerate() {
            let Some(from) = imported(line) else {
                continue;
            };
            let place = format!("{}:{}", source.path, at + 1);
            if from.starts_with("@tauri-apps/") && domain != Some("backend") {
                findings.push(Finding::new(&place, "only ui/src/lib/backend knows Tauri"));
            }
            let (Some(domain), Some(other)) = (domain, domain_of(from, &source.path)) else {
                continue;
            };
            let fits = match domain {
                "backend" => other == "backend",
                "shared" => COMMON.contains(&other.as_str()),
                _ => other == domain || COMMON.contains(&other.as_str()),
            };
            if !fits {
                findings.push(Finding::new(
                    &place,
                    format!("`{domain}` may not import `{other}`"),
                ));
            }
        }
    }
}

/// What an import or export line takes from: the last quoted text of a line with `from`, or of `import '…'`.
fn imported(line: &str) -> Option<&str> {
    let rest = match line.rsplit_once(" from ") {
        Some((_, rest)) => rest,
        None => line
            .trim_start()
            .strip_prefix("import ")
            .or_else(|| line.split_once("import(").map(|(_, rest)| rest))?,
    };
    let quote = rest
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'))?;
    rest[1..].split(quote).next()
}

/// The folder of `ui/src/lib` that an import reaches into, from `$lib/NAME/…` or a relative path.
fn domain_of(from: &str, importer: &str) -> Option<String> {
    let path = if let Some(rest) = from.strip_prefix("$lib/") {
        format!("ui/src/lib/{rest}")
    } else if from.starts_with('.') {
        let mut parts: Vec<&str> = importer.split('/').collect();
        parts.pop();
        for part in from.split('/') {
            match part {
                "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        parts.join("/")
    } else {
        return None;
    };
    let (domain, _) = path.strip_prefix("ui/src/lib/")?.split_once('/')?;
    Some(domain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::manifest::packages;

    /// What the checker says about a house of these files.
    fn said_of(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        check(&packages(&sources), &sources)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn manifest(name: &str, dependencies: &[&str]) -> String {
        let lines: Vec<String> = dependencies
            .iter()
            .map(|dependency| format!("{dependency}.workspace = true"))
            .collect();
        format!(
            "[package]\nname = \"{name}\"\n[dependencies]\n{}\n",
            lines.join("\n")
        )
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        let files = [
            (
                "crates/model/Cargo.toml",
                manifest("mqttwb-model", &["bytes"]),
            ),
            (
                "crates/wire/Cargo.toml",
                manifest("mqttwb-wire", &["mqttwb-model"]),
            ),
            (
                "crates/broker/Cargo.toml",
                manifest(
                    "mqttwb-broker",
                    &["mqttwb-wire", "mqttwb-model", "rumqttd", "tokio"],
                ),
            ),
            (
                "crates/app/Cargo.toml",
                manifest("mqttwb-app", &["mqttwb-broker", "mqttwb-pki"]),
            ),
            (
                "src-tauri/Cargo.toml",
                manifest("mqtt-workbench", &["mqttwb-app", "tauri"]),
            ),
            (
                "tests/Cargo.toml",
                manifest("acceptance", &["mqttwb-app", "mqttwb-testkit"]),
            ),
            ("bench/Cargo.toml", manifest("bench", &["rumqttd"])),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
        assert_eq!(said_of(&files), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_the_wrong_way_is_found() {
        for (name, wrong) in [
            ("mqttwb-model", "mqttwb-wire"),
            ("mqttwb-series", "mqttwb-wire"),
            ("mqttwb-pki", "mqttwb-app"),
            ("mqttwb-broker", "mqttwb-capture"),
            ("mqttwb-client", "mqttwb-broker"),
            ("mqttwb-app", "mqttwb-cli"),
            ("mqttwb-app", "mqttwb-testkit"),
            ("mqttwb-cli", "mqttwb-broker"),
            ("mqtt-workbench", "mqttwb-model"),
            ("acceptance", "mqttwb-broker"),
            ("bench", "mqttwb-app"),
            ("xtask", "mqttwb-model"),
        ] {
            let said = said_of(&[("crates/planted/Cargo.toml", &manifest(name, &[wrong]))]);
            assert_eq!(said.len(), 1, "{name} → {wrong}: {said:?}");
            assert!(
                said[0].starts_with("crates/planted/Cargo.toml: "),
                "{said:?}"
            );
            assert!(said[0].contains(wrong), "{said:?}");
        }
    }

    #[test]
    fn a_crate_of_others_is_named_by_its_owner_only() {
        for (name, wrong) in [
            ("mqttwb-app", "rumqttd"),
            ("mqttwb-broker", "rumqttc"),
            ("acceptance", "rcgen"),
            ("mqttwb-app", "plotters"),
            ("mqttwb-broker", "rusqlite"),
            ("mqttwb-cli", "tauri"),
            ("mqttwb-app", "tauri-plugin-dialog"),
        ] {
            let said = said_of(&[("crates/planted/Cargo.toml", &manifest(name, &[wrong]))]);
            assert_eq!(said.len(), 1, "{name} → {wrong}: {said:?}");
        }
    }

    #[test]
    fn within_the_broker_only_the_router_names_rumqttd() {
        let own = manifest("mqttwb-broker", &["rumqttd"]);
        let text = "// rumqttd is not named here\nuse rumqttd::Router;\n";
        let said = said_of(&[
            ("crates/broker/Cargo.toml", &own),
            ("crates/broker/src/router/links.rs", text),
            ("crates/broker/src/session.rs", text),
        ]);
        assert_eq!(
            said,
            ["crates/broker/src/session.rs:2: only the broker's router names rumqttd"]
        );
    }

    #[test]
    fn a_pure_crate_has_no_tokio_no_files_no_sockets_and_no_clock() {
        let own = manifest("mqttwb-wire", &["mqttwb-model", "tokio-util"]);
        let text = "use std::fs;\nfn f() { Instant::now(); }\n\
                    /// not std::fs here\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        let said = said_of(&[
            ("crates/wire/Cargo.toml", &own),
            ("crates/wire/src/lib.rs", text),
        ]);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].contains("no tokio-util"));
        assert!(said[1].starts_with("crates/wire/src/lib.rs:1:"));
        assert!(said[2].starts_with("crates/wire/src/lib.rs:2:"));
    }

    #[test]
    fn the_clock_comes_in_by_one_door() {
        let own = manifest("mqttwb-model", &[]);
        let text = "SystemTime::now()";
        let said = said_of(&[
            ("crates/model/Cargo.toml", &own),
            ("crates/model/src/time.rs", text),
            ("crates/model/src/topic.rs", text),
        ]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("crates/model/src/topic.rs:1:"));
    }

    #[test]
    fn a_package_without_a_room_is_found() {
        let said = said_of(&[("crates/new/Cargo.toml", &manifest("mqttwb-new", &[]))]);
        assert_eq!(said.len(), 1, "{said:?}");
    }

    #[test]
    fn pages_reach_tauri_through_the_backend_and_no_domain_reaches_into_another() {
        let said = said_of(&[
            (
                "ui/src/lib/backend/live.ts",
                "import { Channel } from '@tauri-apps/api/core';",
            ),
            (
                "ui/src/lib/traffic/Table.svelte",
                "import { x } from '$lib/shared/x';\n\
                 import { y } from '../backend/y';\n\
                 import './own.css';\n\
                 import { z } from '../charts/z';\n\
                 import { core } from \"@tauri-apps/api\";\n",
            ),
            (
                "ui/src/lib/shared/Button.svelte",
                "import { t } from '$lib/traffic/t';",
            ),
            (
                "ui/src/App.svelte",
                "import Traffic from '$lib/traffic/Page.svelte';",
            ),
        ]);
        assert_eq!(
            said,
            [
                "ui/src/lib/traffic/Table.svelte:4: `traffic` may not import `charts`",
                "ui/src/lib/traffic/Table.svelte:5: only ui/src/lib/backend knows Tauri",
                "ui/src/lib/shared/Button.svelte:1: `shared` may not import `traffic`",
            ]
        );
    }
}
