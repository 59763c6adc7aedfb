//! Accounts and rules of a data folder, and what is said of them.

use mqttwb_broker::Accounts as _;
use mqttwb_model::{ConnectionInfo, ProtocolVersion};
use mqttwb_policy::attempts::PER_ADDRESS;

use super::*;
use crate::api::{AccountRequest, WhatIf, WhoCan};

pub(super) fn request(name: &str, password: Option<&str>, new: bool) -> AccountRequest {
    AccountRequest {
        name: name.into(),
        password: password.map(Into::into),
        groups: None,
        new,
    }
}

pub(super) fn connection(client: &str) -> Arc<ConnectionInfo> {
    Arc::new(ConnectionInfo {
        peer: ([192, 0, 2, 1], 5000).into(),
        ..ConnectionInfo::local(1, client, ProtocolVersion::V5)
    })
}

fn login(name: &str, password: &str) -> Login {
    Login {
        connection: connection("c"),
        user_name: name.into(),
        password: Some(password.into()),
    }
}

pub(super) fn folder() -> (tempfile::TempDir, Arc<AccessControl>) {
    let data = tempfile::tempdir().unwrap();
    let access = AccessControl::new(data.path().into());
    (data, access)
}

#[test]
fn an_account_is_made_changed_removed_and_brought_back() {
    let (data, access) = folder();
    assert_eq!(access.verify(&login("ann", "x")), Ok(None));
    access
        .put_account(&request("ann", Some("first"), true))
        .unwrap();
    let again = access
        .put_account(&request("ann", Some("x"), true))
        .unwrap_err();
    assert_eq!(again.code, ErrorCode::AlreadyExists);
    access.load().unwrap();
    assert!(access.verify(&login("ann", "first")).unwrap().is_some());
    access
        .put_account(&request("ann", Some("second"), false))
        .unwrap();
    access.load().unwrap();
    assert!(access.verify(&login("ann", "first")).is_err());
    assert!(access.verify(&login("ann", "second")).unwrap().is_some());
    let text = std::fs::read_to_string(data.path().join("accounts.toml")).unwrap();
    assert!(
        text.contains("$argon2id$") && !text.contains("second"),
        "{text}"
    );
    access.remove_account("ann").unwrap();
    assert_eq!(
        access.remove_account("ann").unwrap_err().code,
        ErrorCode::NotFound
    );
    access.restore_account("ann").unwrap();
    access.load().unwrap();
    assert!(access.verify(&login("ann", "second")).unwrap().is_some());
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_accounts() {
    use std::os::unix::fs::PermissionsExt as _;
    let (data, access) = folder();
    access
        .put_account(&request("ann", Some("pw"), true))
        .unwrap();
    let file = std::fs::metadata(data.path().join("accounts.toml")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn who_guesses_is_told_the_same_for_every_name_and_is_slowed_down() {
    let (_data, access) = folder();
    access
        .put_account(&request("ann", Some("pw"), true))
        .unwrap();
    access.load().unwrap();
    let mut told = Vec::new();
    for n in 0..PER_ADDRESS {
        let name = if n % 2 == 0 { "ann" } else { "nobody" };
        told.push(access.verify(&login(name, "guess")).unwrap_err());
    }
    assert!(told.iter().all(|denied| denied.reason == told[0].reason));
    assert_ne!(told[0].rule, told[1].rule, "the operator is told");
    // The right password does not help now either: that would be an answer to a guess.
    let denied = access.verify(&login("ann", "pw")).unwrap_err();
    assert_eq!(denied.reason, told[0].reason);
    assert!(denied.rule.contains("too many failed logins"));
    let denials = access.denials();
    assert_eq!(denials.total, u64::from(PER_ADDRESS) + 1);
    assert!(
        denials
            .entries
            .iter()
            .all(|denial| denial.peer.starts_with("192.0.2.1"))
    );
}

#[test]
fn rules_with_a_mistake_change_nothing() {
    let (data, access) = folder();
    access
        .save_rules("[[rule]]\nallow = \"both\"\ntopic = \"a/#\"\n")
        .unwrap();
    access.load().unwrap();
    let error = access
        .save_rules("[[rule]]\nallow = \"both\"\n")
        .unwrap_err();
    assert!(error.message.contains("acl.toml, line 1: "), "{error}");
    std::fs::write(
        data.path().join("acl.toml"),
        "[[rule]]\nallow = 1\ntopic = \"a\"\n",
    )
    .unwrap();
    assert!(access.load().is_err());
    let report = access
        .report(&Default::default(), &Default::default())
        .unwrap();
    assert_eq!((report.rules.len(), report.mistakes[0].line), (1, 2));
    let ask = WhatIf {
        client_id: "c".into(),
        account: String::new(),
        certificate: String::new(),
        claims: Default::default(),
        action: AccessAction::Publish,
        topic: "a/x".into(),
        qos: 0,
        retain: false,
    };
    assert!(access.what_if(&ask).unwrap().allowed);
}

#[test]
fn what_was_denied_is_remembered_once_and_can_be_allowed() {
    let (_data, access) = folder();
    let text = "# everybody\n[[rule]]\nallow = \"both\"\ntopic = \"open/#\"\n\n# nobody here\n[[rule]]\ndeny = \"both\"\ntopic = \"secret/#\"\n";
    access.save_rules(text).unwrap();
    access.load().unwrap();
    let who = Identity {
        connection: connection("pump-7"),
        user_name: Some("ann".into()),
        verified: Some(Arc::default()),
    };
    let attempt = Attempt::Publish {
        topic: "secret/a",
        qos: QoS::AtLeastOnce,
        retain: true,
    };
    for _ in 0..3 {
        assert!(Policy::verdict(&*access, &who, &attempt).is_err());
    }
    let denials = access.denials();
    assert_eq!((denials.entries.len(), denials.total), (1, 3));
    let denial = &denials.entries[0];
    assert_eq!(
        (denial.count, denial.line, denial.account.as_deref()),
        (3, Some(7), Some("ann"))
    );
    let proposal = access.propose(denial.id).unwrap();
    assert!(
        proposal.rule.contains("accounts = [\"ann\"]"),
        "{}",
        proposal.rule
    );
    access.save_rules(&proposal.text).unwrap();
    access.load().unwrap();
    assert!(
        Policy::verdict(&*access, &who, &attempt).is_ok(),
        "{}",
        proposal.text
    );
    let line = proposal.text.lines().nth(proposal.line as usize - 1);
    assert_eq!(line, Some("[[rule]]"), "{}", proposal.text);
    assert!(
        proposal.text.contains("# nobody here\n[[rule]]\ndeny"),
        "{}",
        proposal.text
    );
}

#[test]
fn denials_are_bounded_and_what_is_forgotten_is_counted() {
    let (_data, access) = folder();
    access
        .save_rules("[[rule]]\nallow = \"both\"\ntopic = \"a\"\n")
        .unwrap();
    access.load().unwrap();
    let who = Identity {
        connection: connection("c"),
        user_name: None,
        verified: None,
    };
    for n in 0..2_000 {
        let topic = format!("{n}/{}", "x".repeat(4_000));
        let attempt = Attempt::Publish {
            topic: &topic,
            qos: QoS::AtMostOnce,
            retain: false,
        };
        assert!(Policy::verdict(&*access, &who, &attempt).is_err());
    }
    let denials = access.denials();
    assert_eq!(
        (denials.entries.len(), denials.forgotten, denials.total),
        (500, 1_500, 2_000)
    );
    assert!(
        denials
            .entries
            .iter()
            .all(|denial| denial.topic.len() < 1_100)
    );
}

#[test]
fn who_can_tells_of_accounts_devices_and_strangers() {
    let (_data, access) = folder();
    let mut ann = request("ann", Some("pw"), true);
    ann.groups = Some(vec!["ops".into()]);
    access.put_account(&ann).unwrap();
    let text = "[[rule]]\nallow = \"both\"\ntopic = \"plant/#\"\ngroups = [\"ops\"]\n[[rule]]\nallow = \"publish\"\ntopic = \"plant/{cn}/state\"\n";
    access.save_rules(text).unwrap();
    access.load().unwrap();
    let ask = WhoCan {
        topic: "plant/pump-7/state".into(),
    };
    let found = access
        .who_can(&ask, &["pump-7".into(), "pump-8".into()])
        .unwrap();
    let may: Vec<_> = found
        .iter()
        .map(|e| {
            (
                e.who.as_str(),
                e.publish.as_ref().unwrap().allowed,
                e.subscribe.allowed,
            )
        })
        .collect();
    assert_eq!(
        may,
        [
            ("ann", true, true),
            ("pump-7", true, false),
            ("pump-8", false, false),
            ("who proves nothing", false, false)
        ]
    );
}

#[test]
fn accounts_of_mosquitto_are_taken_over_and_those_here_stay() {
    let (_data, access) = folder();
    access
        .put_account(&request("ann", Some("pw"), true))
        .unwrap();
    let line = "$7$101$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
    let told = access
        .import_accounts(&format!("ann:{line}\nbob:{line}\nbroken\n"))
        .unwrap();
    assert_eq!(
        (told.taken, told.kept),
        (vec!["bob".to_owned()], vec!["ann".to_owned()])
    );
    assert_eq!(told.refused.len(), 1);
    let report = access
        .report(&Default::default(), &Default::default())
        .unwrap();
    assert!(!report.accounts[1].strong && report.accounts[0].strong);
}
