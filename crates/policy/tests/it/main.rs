//! Verdicts against a reference that knows no index and no shortcut.

mod cost;

use std::sync::Arc;

use mqttwb_model::{QoS, TopicFilter};
use mqttwb_policy::learn::Learned;
use mqttwb_policy::{Decision, Effect, Rule, Rules, TopicPattern, Verdict, Want, Who};
use proptest::prelude::*;

/// A rule's topic for a client, as text.
fn filled(pattern: &TopicPattern, who: &Who<'_>) -> Option<String> {
    let mut text = pattern.as_str().to_owned();
    for (name, value) in [("{client}", Some(who.client)), ("{user}", who.account)] {
        if text.contains(name) {
            text = text.replace(
                name,
                value.filter(|v| !v.is_empty() && !v.contains(['/', '+', '#']))?,
            );
        }
    }
    Some(text)
}

fn is_for(rule: &Rule, who: &Who<'_>) -> bool {
    let s = &rule.subjects;
    s.is_everybody()
        || who
            .account
            .is_some_and(|name| s.accounts.iter().any(|a| a == name))
        || s.clients.iter().any(|c| c == who.client)
        || s.groups
            .iter()
            .any(|g| who.groups.iter().any(|own| **own == **g))
}

/// The first rule that matches a topic, by its place.
fn first(rules: &Rules, who: &Who<'_>, topic: &str, publish: bool) -> Option<usize> {
    rules.list().iter().position(|rule| {
        let action = if publish {
            rule.action.publishes()
        } else {
            rule.action.subscribes()
        };
        action
            && is_for(rule, who)
            && rule.topics.iter().any(|pattern| {
                filled(pattern, who)
                    .and_then(|text| TopicFilter::try_from(text.as_str()).ok())
                    .is_some_and(|filter| filter.matches(topic))
            })
    })
}

/// Whether a rule that matches allows it, within its limits.
fn allows(rule: &Rule, want: &Want<'_>) -> bool {
    let limits = &rule.limits;
    let (Want::Publish { qos, .. } | Want::Subscribe { qos, .. }) = want;
    let within = limits.max_qos.is_none_or(|most| *qos <= most);
    let fits = match want {
        Want::Publish { retain, .. } => !retain || limits.retain != Some(false),
        Want::Subscribe { filter, .. } => {
            let levels: Vec<&str> = filter.pattern().split('/').collect();
            let wild = levels.iter().position(|level| ["+", "#"].contains(level));
            wild.is_none_or(|fixed| fixed >= limits.fixed_levels as usize)
        }
    };
    rule.effect == Effect::Allow && within && fits
}

/// The place of the rule that decided.
fn decider(verdict: &Verdict<'_>) -> Option<usize> {
    match verdict.decision {
        Decision::Rule { place, .. } => Some(place),
        _ => None,
    }
}

const WORDS: [&str; 5] = ["a", "b", "me", "$x", "unheard"];

/// Every topic of up to four levels of these words.
fn topics() -> Vec<String> {
    let mut all: Vec<String> = WORDS.iter().map(|w| (*w).to_owned()).collect();
    let mut from = 0;
    for _ in 1..4 {
        let to = all.len();
        for at in from..to {
            for word in WORDS {
                all.push(format!("{}/{word}", all[at]));
            }
        }
        from = to;
    }
    all
}

fn pattern() -> impl Strategy<Value = String> {
    let level = prop::sample::select(vec!["a", "b", "me", "$x", "+", "{client}", "{user}"]);
    (prop::collection::vec(level, 1..4), any::<bool>()).prop_map(|(mut levels, open)| {
        if open {
            levels.pop();
            levels.push("#");
        }
        levels.join("/")
    })
}

fn rule() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["allow", "allow", "deny"]),
        prop::sample::select(vec!["publish", "subscribe", "both"]),
        prop::collection::vec(pattern(), 1..3),
        prop::sample::select(vec![
            "",
            "",
            "",
            "accounts = [\"me\"]",
            "clients = [\"a\"]",
            "groups = [\"g\"]",
            "accounts = [\"other\"]",
        ]),
        prop::sample::select(vec![
            "",
            "",
            "",
            "max_qos = 0",
            "retain = false",
            "fixed_levels = 1",
            "fixed_levels = 2\nmax_qos = 1",
        ]),
    )
        .prop_map(|(effect, action, topics, who, limits)| {
            // What denies has no limits.
            let limits = if effect == "allow" { limits } else { "" };
            format!("[[rule]]\n{effect} = \"{action}\"\ntopics = {topics:?}\n{who}\n{limits}\n")
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_verdict_is_that_of_the_first_rule_that_matches(
        text in prop::collection::vec(rule(), 1..7),
        wanted in pattern(),
        client in prop::sample::select(vec!["a", "b", "+", "x/y", "$x"]),
        account in prop::sample::select(vec![Some("me"), None]),
        qos in prop::sample::select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]),
        retain in any::<bool>(),
    ) {
        let rules = Rules::parse(&text.concat()).unwrap();
        let groups: [Arc<str>; 1] = ["g".into()];
        let who = Who { client, account, groups: &groups, ..Who::default() };
        let topics = topics();
        for topic in &topics {
            let want = Want::Publish { topic, qos, retain };
            let verdict = rules.verdict(&who, &want);
            let expected = first(&rules, &who, topic, true);
            prop_assert_eq!(decider(&verdict), expected, "{}", topic);
            prop_assert_eq!(verdict.allowed, expected.is_some_and(|place| allows(&rules.list()[place], &want)));
        }
        // A subscription: every topic that it can match.
        if let Ok(filter) = TopicFilter::try_from(wanted.replace("{client}", "b").replace("{user}", "me").as_str()) {
            let want = Want::Subscribe { filter: &filter, qos };
            let verdict = rules.verdict(&who, &want);
            let firsts: Vec<Option<usize>> = topics
                .iter()
                .filter(|topic| filter.matches(topic))
                .map(|topic| first(&rules, &who, topic, false))
                .collect();
            let (all, want) = (rules.list(), &want);
            let decide = |allow: bool| firsts.iter().flatten().copied().filter(move |place| allows(&all[*place], want) == allow);
            let expected = !firsts.contains(&None) && decide(false).next().is_none();
            prop_assert_eq!(verdict.allowed, expected, "{} with {:?}", filter, text);
            let told = decider(&verdict);
            if expected {
                prop_assert!(told.is_some_and(|told| decide(true).any(|place| place == told)));
            } else {
                // The first that refuses some of it; none where nothing does but the lack of a rule.
                prop_assert_eq!(told, decide(false).min(), "{} with {:?}", filter, text);
            }
        }
    }
}

/// Who did what: the name of an account or of a client, and a topic or a filter.
fn deed() -> impl Strategy<Value = (bool, &'static str, bool, String, u8, bool)> {
    let name = prop::sample::select(vec!["a", "b", "me", "x/y"]);
    let qos = 0u8..3;
    (
        any::<bool>(),
        name,
        any::<bool>(),
        pattern(),
        qos,
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn learned_rules_allow_all_that_was_seen_and_nobody_who_was_not(
        text in prop::collection::vec(rule(), 0..4),
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        let rules = Rules::parse(&text.concat()).unwrap();
        let mut learned = Learned::default();
        let filters: Vec<_> = deeds
            .iter()
            .map(|(.., topic, _, _)| topic.replace("{client}", "b").replace("{user}", "me"))
            .collect();
        let parsed: Vec<_> = filters.iter().map(|text| TopicFilter::try_from(text.as_str()).unwrap()).collect();
        let all: Vec<(Who<'_>, Want<'_>)> = deeds
            .iter()
            .zip(filters.iter().zip(&parsed))
            .filter_map(|((is_account, name, publishes, _, qos, retain), (text, filter))| {
                let who = Who {
                    client: name,
                    account: is_account.then_some(name),
                    ..Who::default()
                };
                let qos = QoS::try_from(*qos).unwrap();
                let want = match publishes {
                    true if text.contains(['+', '#']) => return None,
                    true => Want::Publish { topic: text, qos, retain: *retain },
                    false => Want::Subscribe { filter, qos },
                };
                Some((who, want))
            })
            .collect();
        for (who, want) in &all {
            learned.see(who, want, &rules.verdict(who, want));
        }
        let proposal = learned.propose();
        let whole = format!("{}\n{}", text.concat(), proposal.text());
        let with = Rules::parse(&whole).unwrap();
        let proposed = Rules::parse(&proposal.text()).unwrap();
        for (who, want) in &all {
            let before = rules.verdict(who, want);
            let denied = matches!(before.decision, Decision::Rule { .. }) && !before.allowed;
            prop_assert_eq!(with.verdict(who, want).allowed, !denied, "{:?} {:?}\n{}", who, want, whole);
            // Bound to those who were seen.
            let stranger = Who { client: "stranger", account: Some("stranger"), ..Who::default() };
            prop_assert!(proposed.is_empty() || !proposed.verdict(&stranger, want).allowed);
        }
    }
}

fn verdict_of(text: &str, who: &Who<'_>, filter: &str) -> (bool, u32) {
    let rules = Rules::parse(text).expect("rules");
    let filter = TopicFilter::try_from(filter).expect("a topic filter");
    let want = Want::Subscribe {
        filter: &filter,
        qos: QoS::AtLeastOnce,
    };
    let verdict = rules.verdict(who, &want);
    let line = match verdict.decision {
        Decision::Rule { rule, .. } => rule.line,
        _ => 0,
    };
    (verdict.allowed, line)
}

#[test]
fn a_subscription_is_allowed_where_every_topic_of_it_is() {
    let who = Who {
        client: "p1",
        ..Who::default()
    };
    let text = "[[rule]]\nallow = \"both\"\ntopic = \"open/secret/{client}\"\n\
                [[rule]]\ndeny = \"subscribe\"\ntopic = \"open/secret/#\"\n\
                [[rule]]\nallow = \"subscribe\"\ntopic = \"open/#\"\nfixed_levels = 1\n";
    for (filter, expected) in [
        ("open/a", (true, 7)),
        // It matches open/secret, which open/secret/# matches too.
        ("open/+", (false, 4)),
        ("open/secret/p1", (true, 1)),
        ("open/secret/p2", (false, 4)),
        ("open/#", (false, 4)),
        ("$share/g/open/secret/p2", (false, 4)),
        ("$share/g/open/a", (true, 7)),
        ("#", (false, 4)),
        ("other", (false, 0)),
    ] {
        assert_eq!(verdict_of(text, &who, filter), expected, "{filter}");
    }
}

#[test]
fn an_allowance_with_limits_denies_what_is_past_them_and_says_so() {
    let text = "[[rule]]\nname = \"own\"\nallow = \"both\"\ntopic = \"d/#\"\nmax_qos = 1\nretain = false\nfixed_levels = 2\n";
    let rules = Rules::parse(text).expect("rules");
    let who = Who::default();
    let publish = |qos, retain| {
        let want = Want::Publish {
            topic: "d/x",
            qos,
            retain,
        };
        let verdict = rules.verdict(&who, &want);
        (verdict.allowed, verdict.to_string())
    };
    assert!(publish(QoS::AtLeastOnce, false).0);
    assert_eq!(
        publish(QoS::ExactlyOnce, false),
        (
            false,
            "rule \"own\" at line 1 (allow both): it allows QoS 1 at most".into()
        )
    );
    assert!(publish(QoS::AtMostOnce, true).1.contains("no retained"));
    assert!(!verdict_of(text, &who, "d/#").0);
    assert!(verdict_of(text, &who, "d/x/#").0);
    assert!(verdict_of(text, &who, "d/x").0);
}

#[test]
fn groups_of_the_file_count_as_those_of_the_account() {
    let text = "[groups]\nops = [\"ann\", \"pump-7\"]\n[[rule]]\nallow = \"both\"\ntopic = \"#\"\ngroups = [\"ops\"]\n";
    let rules = Rules::parse(text).expect("rules");
    let want = Want::Publish {
        topic: "x",
        qos: QoS::AtMostOnce,
        retain: false,
    };
    let allowed = |who: Who<'_>| rules.verdict(&who, &want).allowed;
    assert!(allowed(Who {
        account: Some("ann"),
        ..Who::default()
    }));
    assert!(allowed(Who {
        certificate: Some("pump-7"),
        ..Who::default()
    }));
    // What a client calls itself is no proof.
    assert!(!allowed(Who {
        client: "ann",
        ..Who::default()
    }));
    assert!(!allowed(Who::default()));
}
