//! The same rules in the words of others, and what can't be said there.

use mqttwb_model::TopicFilter;

use super::*;
use crate::{Want, Who};

const MOSQUITTO: &str = "# everybody without a name
topic read public/#

user ann
topic readwrite plant/#
topic deny plant/secret/#
topic write log

user the man
topic read #

pattern write devices/%c/state
pattern readwrite users/%u/#
pattern deny devices/%c/locked
";

fn publishes(rules: &Rules, who: Who<'_>, topic: &str) -> bool {
    let (qos, retain) = (QoS::AtMostOnce, false);
    rules
        .verdict(&who, &Want::Publish { topic, qos, retain })
        .allowed
}

fn subscribes(rules: &Rules, who: Who<'_>, filter: &str) -> bool {
    let filter = &TopicFilter::try_from(filter).unwrap();
    let qos = QoS::AtMostOnce;
    rules
        .verdict(&who, &Want::Subscribe { filter, qos })
        .allowed
}

fn user<'a>(name: &'a str, client: &'a str) -> Who<'a> {
    Who {
        client,
        account: Some(name),
        ..Who::default()
    }
}

fn nameless(client: &str) -> Who<'_> {
    Who {
        client,
        ..Who::default()
    }
}

#[test]
fn mosquitto_s_rules_say_the_same_here() {
    let read = from_mosquitto(MOSQUITTO);
    let rules = Rules::parse(&read.text).unwrap();
    let ann = user("ann", "c1");
    assert!(publishes(&rules, ann, "plant/a"));
    assert!(
        !publishes(&rules, ann, "plant/secret/a"),
        "denials come first"
    );
    assert!(publishes(&rules, ann, "log") && !subscribes(&rules, ann, "log"));
    assert!(publishes(&rules, ann, "users/ann/x") && !publishes(&rules, ann, "users/bob/x"));
    assert!(publishes(&rules, ann, "devices/c1/state"));
    assert!(!publishes(&rules, ann, "devices/c1/locked"));
    assert!(subscribes(&rules, user("the man", "c2"), "#"));
    let nobody = nameless("c3");
    assert!(subscribes(&rules, nobody, "public/#") && !publishes(&rules, nobody, "public/x"));
    assert!(!publishes(&rules, nobody, "users//x"));
    assert_eq!(read.notes.len(), 2, "{:?}", read.notes);
}

#[test]
fn what_can_t_be_taken_of_mosquitto_s_file_is_told_with_its_line() {
    let read =
        from_mosquitto("topic read a/#/b\nuser\nwhat is this\ntopic read {x}\ntopic ok\npattern\n");
    let lines: Vec<&str> = read
        .notes
        .iter()
        .filter(|n| n.starts_with("line"))
        .map(String::as_str)
        .collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    for (line, number) in lines.iter().zip([1, 2, 3, 4, 6]) {
        assert!(
            line.starts_with(&format!("line {number} is not taken")),
            "{line}"
        );
    }
    let rules = Rules::parse(&read.text).unwrap();
    assert_eq!(rules.list().len(), 1);
}

const OURS: &str = r#"
[groups]
ops = ["ann", "desk-1"]

[[rule]]
name = "no secrets"
deny = "both"
topic = "plant/secret/#"

[[rule]]
name = "own branch"
allow = "both"
topic = "devices/{client}/#"
max_qos = 1
retain = false

[[rule]]
name = "operators"
allow = "subscribe"
topics = ["plant/#", "site/{claim.site}/#"]
groups = ["ops", "night"]

[[rule]]
name = "by name"
allow = "publish"
topic = "x"
clients = ["c\"1"]
"#;

fn ours(to: Format) -> Translated {
    let accounts = BTreeMap::from([
        ("bob".to_owned(), vec!["night".to_owned()]),
        ("cid".to_owned(), vec!["day".to_owned()]),
    ]);
    Rules::parse(OURS).unwrap().translated(to, &accounts)
}

#[test]
fn our_rules_are_written_for_mosquitto_and_what_it_can_t_say_is_told() {
    let written = ours(Format::Mosquitto);
    let each =
        |user: &str| format!("user {user}\ntopic deny plant/secret/#\ntopic read plant/#\n\n");
    let expected = [
        &each("ann"),
        &each("bob"),
        &each("desk-1"),
        "pattern deny plant/secret/#\npattern readwrite devices/%c/#\n",
    ]
    .concat();
    assert_eq!(written.text, expected);
    let says = |part: &str| {
        assert!(
            written.notes.iter().any(|note| note.contains(part)),
            "{:?}",
            written.notes
        )
    };
    says("max_qos can't be said");
    says("retain = false can't be said");
    says("claims of tokens can't be said; topic site/{claim.site}/# is left out");
    says("client identifiers can't be said");
    // What mosquitto was told reads back as the same for whom it could be said.
    let again = Rules::parse(&from_mosquitto(&written.text).text).unwrap();
    for who in [
        user("ann", "c"),
        user("bob", "c"),
        user("cid", "c"),
        nameless("c"),
    ] {
        let groups: [std::sync::Arc<str>; 1] = ["night".into()];
        let in_group = Who {
            groups: if who.account == Some("bob") {
                &groups
            } else {
                &[]
            },
            ..who
        };
        let before = Rules::parse(OURS).unwrap();
        for topic in ["plant/secret/x", "plant/a", "devices/c/x", "devices/d/x"] {
            assert_eq!(
                publishes(&again, who, topic),
                publishes(&before, in_group, topic),
                "{who:?} {topic}"
            );
            assert_eq!(
                subscribes(&again, who, topic),
                subscribes(&before, in_group, topic),
                "{who:?} {topic}"
            );
        }
    }
}

#[test]
fn our_rules_are_written_for_emqx_and_what_it_can_t_say_is_told() {
    let written = ours(Format::Emqx);
    assert_eq!(
        written.text,
        r#"%% no secrets
{deny, all, all, ["plant/secret/#"]}.
%% own branch
{allow, all, {publish, [{qos, [0, 1]}, {retain, false}]}, ["devices/${clientid}/#"]}.
{allow, all, {subscribe, [{qos, [0, 1]}]}, ["devices/${clientid}/#"]}.
{deny, all, all, ["devices/${clientid}/#"]}.
%% operators
{allow, {'or', [{username, "ann"}, {username, "bob"}, {username, "desk-1"}]}, subscribe, ["plant/#"]}.
%% by name
{allow, {clientid, "c\"1"}, publish, ["x"]}.
%% What no rule allows is denied.
{deny, all}.
"#
    );
    assert_eq!(written.notes.len(), 2, "{:?}", written.notes);
}
