//! What no file of this tree holds: a path of somebody's machine, or the host of a package registry.

use super::{Finding, Source};
use crate::tree::top;

/// What is looked for.
pub struct Rules {
    /// Folders of this machine, without a slash at the end.
    folders: Vec<String>,
}

/// Hosts, each in two halves so that this file does not hold them.
const HOSTS: [(&str, &str); 6] = [
    ("registry.npm", "js.org"),
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("static.", "crates.io"),
    ("index.", "crates.io"),
    ("deb.", "debian.org"),
];

impl Rules {
    pub fn of_this_machine() -> Self {
        let mut folders = vec![top().display().to_string()];
        if let Some(home) = std::env::home_dir() {
            folders.push(home.display().to_string());
        }
        // `/app` or `/root` by itself may stand in a text for another reason.
        folders.retain(|folder| folder.matches(['/', '\\']).count() > 1);
        folders.push(concat!("/ro", "ot").into());
        Self { folders }
    }
}

pub fn check(rules: &Rules, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            let place = || format!("{}:{}", source.path, at + 1);
            for (one, two) in HOSTS {
                let host = format!("{one}{two}");
                if line.contains(&host) {
                    findings.push(Finding::new(place(), format!("names the host {host}")));
                }
            }
            if rules.folders.iter().any(|folder| has_path(line, folder)) {
                findings.push(Finding::new(place(), "holds a path of this machine"));
            }
        }
    }
    findings
}

/// Whether a path below the folder begins in the line, rather than going on from something before it.
fn has_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let goes_on = line[..at].chars().next_back().is_some_and(|before| {
            before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | '/' | '~' | '}')
        });
        !goes_on && line[at + folder.len()..].starts_with(['/', '\\'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_machine_and_a_registry_host_are_found() {
        let rules = Rules {
            folders: vec!["/srv/tree".into()],
        };
        let text = format!(
            "see /srv/tree/docs\nsee ./srv/tree/docs\nfrom https://{}{}/x\n",
            HOSTS[0].0, HOSTS[0].1
        );
        let source = Source {
            path: "README.md".into(),
            text,
        };
        let said: Vec<String> = check(&rules, &[source])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("README.md:1: "));
        assert!(said[1].starts_with("README.md:3: "));
    }
}
