//! The way of a message, from a publisher and to a subscriber that no one here wrote, as `mqttwb story` tells it.

use acceptance::broker::mqttwb;
use acceptance::process::finish;
use acceptance::{Broker, Maker, Message, Options, Peer, Version, Way};
use serde_json::Value;

const VERSIONS: [(Version, &str); 2] = [(Version::V311, "v311"), (Version::V5, "v5")];

/// The story of the message on a topic. Which of the first packets carries it is found by asking.
fn story(broker: &Broker, topic: &str) -> Value {
    for packet in 0..200 {
        let packet = packet.to_string();
        let mut ask = mqttwb(broker.data());
        let told = finish(ask.args(["--json", "story", "--packet", &packet]));
        if !told.status.success() {
            continue;
        }
        let story: Value = serde_json::from_str(&told.out).expect("JSON");
        if story["topic"] == topic {
            return story;
        }
    }
    panic!("no packet of {topic}");
}

/// The steps in a few words: which way, which packet, whether it was sent again, whether it arrived.
fn steps(story: &Value) -> Vec<String> {
    let steps = story["steps"].as_array().expect("steps");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .map(|step| {
            let client = text(&step["client"]);
            let packet = &step["packet"];
            if packet.is_null() {
                return format!("{client} gone");
            }
            let way = match packet["direction"].as_str() {
                Some("to-broker") => ">",
                _ => "<",
            };
            let dup = if packet["dup"] == true { " DUP" } else { "" };
            let fault = if packet["fault"].is_null() { "" } else { " !" };
            format!("{client} {way} {}{dup}{fault}", text(&packet["packet"]))
        })
        .collect()
}

#[test]
fn each_quality_of_service_has_its_own_handshake() {
    let broker = Broker::start();
    let mut ops = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "ops");
    ops.subscribe("plant/#", 2);
    for (version, name) in VERSIONS {
        for qos in 0..3u64 {
            let topic = format!("plant/{name}-{qos}");
            let mut pump = Peer::connect(Maker::Paho, &broker, &Way::Tcp, version, "pump");
            pump.publish(&topic, "17.5", qos, false);
            assert_eq!(ops.message(), Message::live(&topic, "17.5", qos));
            pump.disconnect();
            // The subscriber's answers have come when a later answer has.
            ops.subscribe("settled", 0);
            let told = story(&broker, &topic);
            assert_eq!(told["outcome"], "delivered to ops", "{told:#}");
            let of = |client: &str| {
                let all = steps(&told).into_iter();
                all.filter(|step| step.starts_with(client))
                    .collect::<Vec<_>>()
            };
            let (publisher, subscriber): (&[&str], &[&str]) = match qos {
                0 => (&["pump > PUBLISH"], &["ops < PUBLISH"]),
                1 => (
                    &["pump > PUBLISH", "pump < PUBACK"],
                    &["ops < PUBLISH", "ops > PUBACK"],
                ),
                _ => (
                    &[
                        "pump > PUBLISH",
                        "pump < PUBREC",
                        "pump > PUBREL",
                        "pump < PUBCOMP",
                    ],
                    &[
                        "ops < PUBLISH",
                        "ops > PUBREC",
                        "ops < PUBREL",
                        "ops > PUBCOMP",
                    ],
                ),
            };
            assert_eq!(of("pump"), publisher);
            assert_eq!(of("ops"), subscriber);
        }
    }
    ops.disconnect();
}

#[test]
fn a_lost_puback_and_a_cut_make_a_duplicate_and_a_lost_pubrec_makes_none() {
    for (version, name) in VERSIONS {
        for (qos, answer) in [(1u64, "PUBACK"), (2, "PUBREC")] {
            let broker = Broker::start();
            let mut ops = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "ops");
            ops.subscribe("plant/#", 2);
            let mut rule = mqttwb(broker.data());
            rule.args([
                "broker",
                "faults",
                "add",
                "lossy",
                "cut-before",
                "--client",
                "pump",
            ]);
            rule.args([
                "--packet",
                answer,
                "--direction",
                "to-client",
                "--first",
                "1",
            ]);
            finish(&mut rule).success();
            let options = Options::new("pump", version).keep_session().reconnect();
            let mut pump = Peer::open(Maker::Paho, &broker, &Way::Tcp, options);
            let topic = format!("plant/{name}-{qos}");
            pump.publish(&topic, "17.5", qos, false);
            let times = if qos == 1 { 2 } else { 1 };
            for _ in 0..times {
                assert_eq!(ops.message(), Message::live(&topic, "17.5", qos));
            }
            ops.subscribe("settled", 0);

            let told = story(&broker, &topic);
            let outcome = match qos {
                1 => "delivered twice to ops",
                _ => "delivered to ops",
            };
            assert_eq!(told["outcome"], outcome, "{told:#}");
            let publisher: Vec<String> = steps(&told)
                .into_iter()
                .filter(|step| step.starts_with("pump"))
                .take(6)
                .collect();
            let lost = format!("pump < {answer} !");
            let again = [
                "pump > PUBLISH",
                &lost,
                "pump gone",
                "pump > CONNECT",
                "pump < CONNACK",
                "pump > PUBLISH DUP",
            ];
            assert_eq!(publisher, again);
            let notes = told["notes"].to_string();
            let why = match qos {
                1 => "At least once",
                _ => "Exactly once",
            };
            assert!(
                notes.contains("[MQTT-4.4.0-1]") && notes.contains(why),
                "{notes}"
            );

            // In words, by the message's number.
            let number = told["message"].to_string();
            let mut ask = mqttwb(broker.data());
            let text = finish(ask.args(["story", "--message", &number]))
                .success()
                .out;
            assert!(text.contains(outcome) && text.contains(" DUP"), "{text}");
            pump.disconnect();
            ops.disconnect();
        }
    }
}

#[test]
fn the_will_of_a_killed_client_begins_with_its_connect() {
    let broker = Broker::start();
    let mut ops = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "ops");
    ops.subscribe("plant/#", 1);
    let will = Options::new("doomed", Version::V5).will("plant/doomed", "gone", 1, false);
    Peer::open(Maker::Paho, &broker, &Way::Tcp, will).kill();
    assert_eq!(ops.message(), Message::live("plant/doomed", "gone", 1));
    ops.subscribe("settled", 0);
    let told = story(&broker, "plant/doomed");
    assert_eq!(
        steps(&told),
        [
            "doomed > CONNECT",
            "doomed gone",
            "ops < PUBLISH",
            "ops > PUBACK"
        ]
    );
    assert_eq!(told["publisher"], "doomed");
    assert!(told["notes"].to_string().contains("will of doomed"));
    ops.disconnect();
}
