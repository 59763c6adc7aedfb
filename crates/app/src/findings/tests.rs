//! Each finding, and that it is gone when its fix was applied.

use mqttwb_model::{ClientCert, ListenerProtocol};

use super::live::Seen;
use super::*;
use crate::api::{DeviceRequest, FixAct, KeyProtection};
use crate::config::{Config, OwnFiles, change};

/// A data folder with these rules and this configuration.
struct Folder {
    data: tempfile::TempDir,
    text: String,
    live: Option<Live>,
    certificates: Option<Certificates>,
    now: Timestamp,
}

impl Folder {
    fn new(text: &str, rules: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("acl.toml"), rules).unwrap();
        Self {
            data,
            text: text.to_owned(),
            live: None,
            certificates: None,
            now: Timestamp::now(),
        }
    }

    fn config(&self) -> BrokerConfig {
        Config::parse(&self.text, Path::new("broker.toml"))
            .unwrap()
            .broker
    }

    fn findings_of(&self, config: &BrokerConfig) -> Vec<Finding> {
        let access = AccessControl::new(self.data.path().to_owned());
        access.load().unwrap();
        let tokens = Tokens::read(&config.tokens).unwrap();
        look(&Picture {
            config,
            held: &access.held(),
            tokens: tokens.as_ref(),
            certificates: self.certificates.as_ref(),
            live: self.live.as_ref(),
            now: self.now,
        })
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings_of(&self.config())
    }

    /// The finding whose title begins so.
    fn found(&self, title: &str) -> Option<Finding> {
        let mut all = self.findings();
        let at = all
            .iter()
            .position(|finding| finding.title.starts_with(title))?;
        Some(all.swap_remove(at))
    }

    fn account(&self, name: &str) {
        let access = AccessControl::new(self.data.path().to_owned());
        let request = crate::api::AccountRequest {
            name: name.into(),
            password: Some("pw".into()),
            groups: None,
            new: true,
        };
        access.put_account(&request).unwrap();
    }

    fn connected(&mut self, clients: Vec<Seen>) {
        self.live.get_or_insert_default().clients = clients;
    }

    /// Does what the fix of a finding says, where it is a key.
    fn set(&mut self, finding: &Finding, at: usize) {
        let Some(FixAct::Set { key, value }) = &finding.fixes[at].act else {
            panic!("{finding:?}");
        };
        self.text = change(&self.text, Path::new("broker.toml"), key, Some(value)).unwrap();
    }
}

fn seen(client: &str, listener: &str) -> Seen {
    Seen {
        client: client.into(),
        listener: listener.into(),
        ..Seen::default()
    }
}

const WIDE: &str =
    "[listeners.door]\nbind = \"0.0.0.0:1883\"\nprotocol = \"tcp\"\n[access]\nallow_open = true\n";
const OWN: &str = "[[rule]]\nallow = \"both\"\ntopic = \"devices/{user}/#\"\n";

#[test]
fn every_finding_has_what_mends_it() {
    let folder = Folder::new(
        &format!("{WIDE}[mqtt]\nsession_expiry_max = \"never\"\n[limits]\nconnection_rate = 0\n"),
        "[[rule]]\nallow = \"both\"\ntopic = \"#\"\n[[rule]]\nallow = \"both\"\ntopic = \"x\"\nclients = [\"boss\"]\n",
    );
    folder.account("ann");
    let hash = "$7$101$CSdvvnyXeWUVYkF0$vxRFyRKyKcJQbtTGDOmjQHDDTp61OIDN0Dod/sLEzvDqgHOhJYRpOzPtZhJ6ek4GV3Lo7CgOPS7pUXWxDVqVnA==";
    let access = AccessControl::new(folder.data.path().to_owned());
    access.import_accounts(&format!("bob:{hash}\n")).unwrap();
    let all = folder.findings();
    let titles: Vec<&str> = all.iter().map(|finding| &*finding.title).collect();
    for begins in [
        "Listener door lets anyone",
        "Listener door sends everything in the clear",
        "Everybody is allowed everything",
        "The rule at line 4 (allow both) trusts",
        "1 password is kept",
        "There are accounts or tokens",
        "Sessions may be kept for ever",
        "No limit holds how much",
        "No limit holds how often",
    ] {
        assert!(
            titles.iter().any(|title| title.starts_with(begins)),
            "{begins}: {titles:#?}"
        );
    }
    for finding in &all {
        assert!(!finding.fixes.is_empty(), "{finding:?}");
    }
    let weights: Vec<_> = all.iter().map(|finding| finding.severity).collect();
    assert_eq!(weights[0], Severity::Serious, "the gravest first");
    assert!(
        weights
            .windows(2)
            .all(|two| (two[0] as u8) >= (two[1] as u8)),
        "{weights:?}"
    );
}

#[test]
fn a_broker_of_this_computer_with_limits_and_no_accounts_has_nothing_to_be_found() {
    let folder = Folder::new("[limits]\nmessage_rate = 1000\n", "");
    assert_eq!(folder.findings(), []);
}

#[test]
fn an_open_listener_is_told_with_who_came_in_and_either_fix_mends_it() {
    for fix in [0, 1] {
        let mut folder = Folder::new(WIDE, OWN);
        let known = Seen {
            account: Some("ann".into()),
            ..seen("known", "door")
        };
        folder.connected(vec![known, seen("stranger", "door"), seen("here", "other")]);
        let finding = folder.found("Listener door lets anyone").unwrap();
        assert_eq!(finding.severity, Severity::Serious);
        assert_eq!(
            finding.evidence,
            ["1 client connected now has proved nothing: stranger."]
        );
        assert!(finding.fixes[fix].effect.is_some(), "it is asked for first");
        folder.set(&finding, fix);
        assert_eq!(folder.found("Listener door lets anyone"), None);
    }
}

#[test]
fn passwords_in_the_clear_are_told_by_the_names_that_came_so() {
    let mut folder = Folder::new(WIDE, OWN);
    folder.account("ann");
    folder.connected(vec![Seen {
        account: Some("ann".into()),
        ..seen("desk", "door")
    }]);
    let finding = folder
        .found("Listener door sends everything in the clear")
        .unwrap();
    assert_eq!(finding.severity, Severity::Serious);
    assert!(
        finding.evidence[0].contains("of ann came in the clear"),
        "{finding:?}"
    );
    assert!(
        finding.fixes[0]
            .effect
            .as_ref()
            .unwrap()
            .contains("desk is connected")
    );
    folder.set(&finding, 0);
    assert_eq!(folder.config().listeners[0].protocol, ListenerProtocol::Tls);
    assert_eq!(
        folder.found("Listener door sends everything in the clear"),
        None
    );
}

#[test]
fn clients_without_proof_beside_accounts_are_told_and_refused_by_the_fix() {
    let mut folder = Folder::new("", OWN);
    assert_eq!(folder.found("There are accounts"), None);
    folder.account("ann");
    folder.connected(vec![seen("stranger", "tcp")]);
    let finding = folder.found("There are accounts").unwrap();
    assert!(
        finding.fixes[0]
            .effect
            .as_ref()
            .unwrap()
            .contains("stranger"),
        "{finding:?}"
    );
    folder.set(&finding, 0);
    assert!(!folder.config().access.anonymous);
    assert_eq!(folder.found("There are accounts"), None);
}

#[test]
fn a_rule_that_gives_everything_away_is_told_with_who_reads_everything_and_can_be_taken_out() {
    let rules = format!(
        "# ours\n{OWN}\n[[rule]]\nname = \"all\"\nallow = \"both\"\ntopics = [\n  \"+/#\",\n]\n# the end\n[groups]\nx = [\"ann\"]\n"
    );
    for (config, severity) in [("", Severity::Warning), (WIDE, Severity::Serious)] {
        let mut folder = Folder::new(config, &rules);
        let reader = Seen {
            filters: vec!["#".into()],
            ..seen("logger", "tcp")
        };
        folder.connected(vec![reader, seen("other", "tcp")]);
        let finding = folder.found("Everybody is allowed everything").unwrap();
        assert_eq!(finding.severity, severity);
        assert_eq!(
            finding.evidence,
            ["1 client reads every topic now: logger."]
        );
        assert_eq!(finding.fixes[0].act, Some(FixAct::RemoveRule { line: 6 }));
        let access = AccessControl::new(folder.data.path().to_owned());
        assert_eq!(
            access.remove_rule(2 + 7).unwrap_err().code,
            ErrorCode::NotFound
        );
        assert_eq!(access.remove_rule(6).unwrap(), rules, "to take it back");
        assert_eq!(folder.found("Everybody is allowed everything"), None);
        let left = std::fs::read_to_string(folder.data.path().join("acl.toml")).unwrap();
        assert_eq!(left, format!("# ours\n{OWN}\n[groups]\nx = [\"ann\"]\n"));
    }
    // The last rule is not taken out: without any, everything is allowed.
    let folder = Folder::new("", "[[rule]]\nallow = \"both\"\ntopic = \"#\"\n");
    let finding = folder.found("Everybody is allowed everything").unwrap();
    let acts: Vec<_> = finding
        .fixes
        .iter()
        .filter_map(|fix| fix.act.clone())
        .collect();
    assert!(
        matches!(&acts[..], [FixAct::Show { part: Some(part), .. }] if part == "rules:1"),
        "{acts:?}"
    );
}

#[test]
fn sessions_without_an_end_are_told_with_what_waits_in_them() {
    let mut folder = Folder::new("[mqtt]\nsession_expiry_max = \"never\"\n", OWN);
    assert_eq!(
        folder.found("Sessions may").unwrap().severity,
        Severity::Info
    );
    folder.live = Some(Live {
        clients: Vec::new(),
        endless: (0..7).map(|n| (format!("gone-{n}"), 10)).collect(),
    });
    let finding = folder.found("7 sessions never expire").unwrap();
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(
        finding.evidence,
        ["They hold 70 queued messages: gone-0, gone-1, gone-2, gone-3, gone-4 and 2 more."]
    );
    folder.set(&finding, 0);
    assert_eq!(folder.config().limits.session_expiry_max, 30 * 24 * 60 * 60);
    assert_eq!(folder.found("7 sessions"), None);
}

#[test]
fn no_limit_is_told_with_the_busiest_client_and_one_above_it_is_proposed() {
    let mut folder = Folder::new("[limits]\nconnection_rate = 0\n", OWN);
    let busy = Seen {
        rate: 1_400.0,
        ..seen("busy", "tcp")
    };
    folder.connected(vec![seen("idle", "tcp"), busy]);
    let finding = folder.found("No limit holds how much").unwrap();
    assert!(
        finding.evidence[0].contains("busy, has published 1400.0"),
        "{finding:?}"
    );
    assert_eq!(finding.fixes[0].label, "Allow 3,000 messages a second");
    folder.set(&finding, 0);
    assert_eq!(folder.config().limits.message_rate, 3_000);
    assert_eq!(folder.found("No limit holds how much"), None);
    let finding = folder.found("No limit holds how often").unwrap();
    folder.set(&finding, 0);
    assert_eq!(folder.found("No limit"), None);
}

#[test]
fn certificates_and_lists_are_told_before_they_end_and_when_they_have() {
    let mut folder = Folder::new("", OWN);
    let store = CertificateStore::open(folder.data.path()).unwrap();
    let request = DeviceRequest {
        name: "pump-7".into(),
        days: 6,
        ..DeviceRequest::default()
    };
    store.issue(&request).unwrap();
    folder.certificates = Some(store.overview().unwrap());
    let proved = Seen {
        certificate: Some("pump-7".into()),
        ..seen("pump", "tls")
    };
    folder.connected(vec![proved]);
    let finding = folder
        .found("The certificate of pump-7 ends in 5 days")
        .unwrap();
    assert_eq!(finding.evidence, ["Connected by it now: pump."]);
    let renew = &finding.fixes[0];
    assert_eq!(renew.command.as_deref(), Some("mqttwb cert renew pump-7"));
    let renewed = FixAct::Renew {
        name: "pump-7".into(),
        days: 365,
    };
    assert_eq!(renew.act, Some(renewed));
    assert_eq!(folder.found("The revocation list"), None);
    let list = &folder.certificates.as_ref().unwrap().revocations;
    let (end, number) = (list.next_update, list.number);
    for (days, title, severity) in [
        (9, "The revocation list ends in 9 days", Severity::Warning),
        (0, "The revocation list has expired", Severity::Serious),
    ] {
        folder.now = Timestamp((end - days * 24 * 60 * 60 * 1_000) * 1_000_000);
        let finding = folder.found(title).unwrap();
        assert_eq!(finding.severity, severity);
        let sign = FixAct::SignRevocations { number };
        assert_eq!(finding.fixes[0].act, Some(sign));
    }
}

#[test]
fn what_waits_for_a_locked_key_is_told_with_where_it_is_unlocked() {
    let mut folder = Folder::new("", OWN);
    let store = CertificateStore::open(folder.data.path()).unwrap();
    let mut all = store.overview().unwrap();
    let title = "The authority's key is locked";
    folder.certificates = Some(all.clone());
    assert_eq!(folder.found(title), None, "nothing waits");
    all.keys.waiting = vec!["the revocation list is due".into()];
    for (protection, part) in [
        (KeyProtection::Passphrase, Some("keys:unlock".to_owned())),
        (KeyProtection::Keychain, None),
    ] {
        all.keys.protection = protection;
        folder.certificates = Some(all.clone());
        let finding = folder.found(title).unwrap();
        assert!(
            finding.detail.contains("revocation list is due"),
            "{finding:?}"
        );
        let page = "certificates".to_owned();
        assert_eq!(finding.fixes[0].act, Some(FixAct::Show { page, part }));
        let command = finding.fixes[0].command.as_deref();
        assert_eq!(command, Some("mqttwb cert authority unlock"));
    }
}

#[test]
fn weak_keys_of_a_listener_s_own_files_are_told() {
    let folder = Folder::new("", OWN);
    let path = folder.data.path().join("weak.pem");
    std::fs::write(&path, include_str!("weak.pem")).unwrap();
    let mut config = folder.config();
    config.listeners[1].files = Some(OwnFiles {
        cert: path.clone(),
        key: path.clone(),
        ca: None,
        crl: None,
    });
    config.listeners[1].client_cert = ClientCert::Required;
    let all = folder.findings_of(&config);
    let weak: Vec<&str> = all
        .iter()
        .map(|finding| &*finding.title)
        .filter(|title| title.contains("proves little"))
        .collect();
    assert_eq!(
        weak,
        [
            "The certificate of weak-key proves little: its key is RSA of 1024 bits",
            "The certificate of weak-signature proves little: it is signed with RSA with SHA-1",
        ]
    );
    assert!(
        all.iter()
            .any(|f| f.title == "The certificate of weak-key has ended")
    );
}

#[test]
fn what_the_file_mends_holds_after_a_restart() {
    let mut before = vec![
        Finding::new(Severity::Serious, "a", "x"),
        Finding::new(Severity::Info, "b", "y"),
    ];
    let written = [before[1].clone()];
    let live = Live {
        clients: vec![seen("c", "tcp")],
        ..Live::default()
    };
    mended_at_a_restart(&mut before, &written, Some(&live));
    assert_eq!(before[0].fixes[0].act, Some(FixAct::Restart));
    assert!(
        before[0].fixes[0]
            .effect
            .as_ref()
            .unwrap()
            .starts_with("1 client is")
    );
    assert_eq!(before[1], written[0]);
}
