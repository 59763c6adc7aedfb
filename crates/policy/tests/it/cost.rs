//! What a check takes with ten thousand rules and a thousand clients: `cargo xtask bench policy`.
//!
//! Not here: whether a verdict is right, but for how many are allowed.

use std::sync::Arc;
use std::time::Instant;

use mqttwb_model::{QoS, TopicFilter};
use mqttwb_policy::{Rules, Want, Who};

/// Ten thousand rules: those for everybody, for each of a thousand accounts, and for groups.
fn many_rules() -> Rules {
    let mut text = String::new();
    for n in 0..1_000 {
        text += &format!("[[rule]]\ndeny = \"both\"\ntopic = \"plant/{n}/secret/#\"\n");
        for k in 0..8 {
            text += &format!(
                "[[rule]]\nallow = \"both\"\ntopic = \"plant/+/area-{k}/{{client}}/u{n}/#\"\naccounts = [\"user-{n}\"]\n"
            );
        }
        text += &format!(
            "[[rule]]\nallow = \"subscribe\"\ntopic = \"shared/{n}/+/state\"\ngroups = [\"g{}\"]\n",
            n % 50
        );
    }
    Rules::parse(&text).expect("rules")
}

/// Somebody of the thousand.
struct Client {
    name: String,
    account: String,
    groups: Vec<Arc<str>>,
    topics: [String; 3],
    filters: [TopicFilter; 3],
}

impl Client {
    fn nth(n: usize) -> Self {
        let filter = |text: String| TopicFilter::try_from(text.as_str()).expect("a topic filter");
        Self {
            name: format!("c{n}"),
            account: format!("user-{n}"),
            groups: vec![format!("g{}", n % 50).into()],
            topics: [
                format!("plant/{n}/area-{}/c{n}/u{n}/temperature", n % 8),
                format!("plant/{n}/secret/x"),
                "nobody/knows/this".into(),
            ],
            filters: [
                filter(format!("plant/7/area-{}/c{n}/u{n}/+", n % 8)),
                filter(format!("plant/{n}/#")),
                filter("#".into()),
            ],
        }
    }

    fn who(&self) -> Who<'_> {
        Who {
            client: &self.name,
            account: Some(&self.account),
            groups: &self.groups,
            ..Who::default()
        }
    }
}

const ROUNDS: u32 = 20;

/// Measures a check of each of a thousand clients, again and again, and prints it; how many of them are allowed.
fn measure(what: &str, clients: &[Client], check: impl Fn(&Client) -> bool) -> u32 {
    let (start, mut allowed) = (Instant::now(), 0u32);
    for client in (0..ROUNDS).flat_map(|_| clients) {
        allowed += u32::from(check(client));
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS * 1_000);
    println!("| {what} | {micros:.2} | {} of 1,000 |", allowed / ROUNDS);
    allowed / ROUNDS
}

fn measured(what: &str) -> Vec<Client> {
    println!("\n{what}, 1,000 clients, {ROUNDS} rounds of each; µs a check\n");
    println!("| check | µs | allowed |\n|---|---|---|");
    (0..1_000).map(Client::nth).collect()
}

fn publishes(rules: &Rules, client: &Client, topic: &str) -> bool {
    let want = Want::Publish {
        topic,
        qos: QoS::AtMostOnce,
        retain: false,
    };
    rules.verdict(&client.who(), &want).allowed
}

fn subscribes(rules: &Rules, client: &Client, filter: &TopicFilter) -> bool {
    let want = Want::Subscribe {
        filter,
        qos: QoS::AtMostOnce,
    };
    rules.verdict(&client.who(), &want).allowed
}

#[test]
#[ignore = "a measurement, not a test"]
fn ten_thousand_rules_for_a_thousand_clients() {
    let rules = many_rules();
    assert_eq!(rules.list().len(), 10_000);
    let clients = measured("10,000 rules");
    let publish = |what, nth: usize| {
        measure(what, &clients, |client| {
            publishes(&rules, client, &client.topics[nth])
        })
    };
    let subscribe = |what, nth: usize| {
        measure(what, &clients, |client| {
            subscribes(&rules, client, &client.filters[nth])
        })
    };
    let all = [
        publish("publish, its own topic", 0),
        publish("publish, a topic that a rule denies", 1),
        publish("publish, a topic that no rule names", 2),
        subscribe("subscribe, its own branch", 0),
        subscribe("subscribe, a branch with something secret", 1),
        subscribe("subscribe, everything", 2),
    ];
    assert_eq!(all, [1_000, 0, 0, 1_000, 0, 0]);
}

/// The same where all the rules are for everybody and allow something, and together they cover no wildcard: each of them
/// overlaps with what is asked for, and none decides.
#[test]
#[ignore = "a measurement, not a test"]
fn ten_thousand_rules_for_everybody() {
    for (what, topic, more) in [
        ("allowances", "plant/NUMBER/#", ""),
        ("allowances with {client}", "plant/NUMBER/{client}/#", ""),
        ("allowances with {user}", "plant/NUMBER/{user}/#", ""),
        ("allowances up to QoS 0", "plant/NUMBER/#", "max_qos = 0\n"),
    ] {
        let text: String = (0..10_000)
            .map(|n| {
                let topic = topic.replace("NUMBER", &n.to_string());
                format!("[[rule]]\nallow = \"both\"\ntopic = \"{topic}\"\n{more}")
            })
            .collect();
        let rules = Rules::parse(&text).expect("rules");
        let clients = measured(&format!("10,000 {what} for everybody"));
        let all = ["#", "plant/#", "plant/+/state", "+/7/#"].map(|filter| {
            let wanted = TopicFilter::try_from(filter).expect("a topic filter");
            measure(&format!("subscribe, {filter}"), &clients, |client| {
                subscribes(&rules, client, &wanted)
            })
        });
        assert_eq!(all, [0; 4]);
        let publish = |topic| {
            measure(&format!("publish, {topic}"), &clients, |client| {
                publishes(&rules, client, topic)
            })
        };
        assert_eq!(
            publish("plant/9999"),
            if what.contains('{') { 0 } else { 1_000 }
        );
    }
}
