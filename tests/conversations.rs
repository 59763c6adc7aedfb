//! Longer exchanges between other people's clients: what waits, what is sent again, what is asked and answered.

use acceptance::broker::mqttwb;
use acceptance::peer::{Delivery, for_everyone, other};
use acceptance::process::{Stream, finish};
use acceptance::{Broker, Maker, Message, Options, Peer, Running, Version, Way};
use serde_json::{Value, json};

#[test]
fn what_a_killed_client_did_not_acknowledge_is_sent_again() {
    // [MQTT-4.4.0-1], [MQTT-3.3.1-1], [MQTT3-4.4.0-1], [MQTT3-3.3.1-1]
    let broker = Broker::start();
    for_everyone(|maker, version, name| {
        if maker == Maker::Gmqtt && version == Version::V311 {
            return; // it can't be told not to acknowledge
        }
        let keeping = Options::new(&format!("keeper-{name}"), version).keep_session();
        let mut holder = Peer::open(maker, &broker, &Way::Tcp, keeping.clone().hold());
        holder.subscribe(&name, 1);
        let mut publisher = Peer::connect(other(maker), &broker, &Way::Tcp, version, "publisher");
        let first = Message::live(&name, "first", 1);
        publisher.publish(&name, "first", 1, false);
        let seen = holder.delivery();
        assert_eq!((seen.message, seen.dup), (first.clone(), false));
        holder.kill();

        let mut again = Peer::open(maker, &broker, &Way::Tcp, keeping.clone());
        assert!(again.session_present);
        let seen = again.delivery();
        assert_eq!((seen.message, seen.dup), (first, true));
        publisher.publish(&name, "second", 1, false);
        let seen = again.delivery();
        assert_eq!((seen.message.payload.as_str(), seen.dup), ("second", false));
        again.subscribe("settled", 0); // a library may acknowledge after it has handed over
        again.disconnect();

        // It was acknowledged: nothing is left.
        let mut last = Peer::open(maker, &broker, &Way::Tcp, keeping);
        publisher.publish(&name, "third", 1, false);
        assert_eq!(last.message().payload, "third");
        last.disconnect();
        publisher.disconnect();
    });
}

/// Properties that each library can send and tell in their order.
fn properties() -> Value {
    json!({
        "content_type": "text/plain; charset=utf-8",
        "response_topic": "answers/here",
        "correlation": "00ff10fe",
        "user": [["zone", "3"], ["area", "1"], ["unit", "°C"], ["empty", ""]],
    })
}

#[test]
fn properties_pass_between_makers_in_their_order() {
    // [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-17], [MQTT-3.3.2-18], [MQTT-3.3.2-20]
    let broker = Broker::start();
    for maker in Maker::ALL {
        let mut subscribers: Vec<Peer> = Maker::ALL
            .into_iter()
            .map(|of| {
                let id = format!("{of:?}");
                let mut peer = Peer::connect(of, &broker, &Way::Tcp, Version::V5, &id);
                peer.subscribe("p/#", 2);
                peer
            })
            .collect();
        let mut publisher = Peer::connect(maker, &broker, &Way::Tcp, Version::V5, "publisher");
        for qos in 0..=2 {
            let topic = format!("p/{qos}");
            publisher.publish_with(&topic, "20.5", qos, false, &properties());
            for subscriber in &mut subscribers {
                let seen = subscriber.delivery();
                assert_eq!(seen.message, Message::live(&topic, "20.5", qos));
                assert_eq!(seen.properties, properties());
            }
        }
        publisher.disconnect();
    }
}

#[test]
fn a_request_is_answered_where_it_asks_for_it_with_its_correlation_data() {
    // Section 4.10; [MQTT-3.3.2-15], [MQTT-3.3.2-16]
    let broker = Broker::start();
    for maker in Maker::ALL {
        let mut asks = Peer::connect(maker, &broker, &Way::Tcp, Version::V5, "asks");
        let mut answers = Peer::connect(other(maker), &broker, &Way::Tcp, Version::V5, "answers");
        answers.subscribe("temperature/get", 1);
        asks.subscribe("answers/to-asks", 1);
        for correlation in ["01", "ff00ff"] {
            let question = json!({"response_topic": "answers/to-asks", "correlation": correlation});
            asks.publish_with("temperature/get", "now?", 1, false, &question);
            answer(&mut answers, "now?", "21.3");
            let Delivery {
                message,
                properties,
                ..
            } = asks.delivery();
            assert_eq!(message, Message::live("answers/to-asks", "21.3", 1));
            assert_eq!(properties["correlation"], correlation);
        }
        asks.disconnect();
        answers.disconnect();
    }
}

/// Takes the question, and answers where and as it asks to be answered.
fn answer(peer: &mut Peer, question: &str, answer: &str) {
    let seen = peer.delivery();
    assert_eq!(seen.message.payload, question);
    let to = seen.properties["response_topic"]
        .as_str()
        .expect("where to");
    let mut with = json!({});
    if let Some(correlation) = seen.properties.get("correlation") {
        with["correlation"] = correlation.clone();
    }
    peer.publish_with(to, answer, 1, false, &with);
}

#[test]
fn mosquitto_rr_gets_its_answer() {
    // Section 4.10
    let broker = Broker::start();
    let mut answers = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "answers");
    answers.subscribe("temperature/get", 2);
    for qos in ["0", "1", "2"] {
        let mut command = Way::Tcp.mosquitto("mosquitto_rr", broker.port("tcp"));
        command.args(["-V", "mqttv5", "-q", qos, "-t", "temperature/get"]);
        command.args(["-e", "answers/to-rr", "-m", "now?", "-W", "50"]);
        let asks = Running::start(&mut command);
        answer(&mut answers, "now?", "21.3");
        assert_eq!(asks.finish().success().out, "21.3\n");
    }
    answers.disconnect();
}

#[test]
fn mosquitto_sub_finds_what_it_missed() {
    // [MQTT-3.1.2-5], [MQTT3-3.1.2-4], [MQTT3-3.1.2-5]
    let broker = Broker::start();
    for version in ["mqttv311", "mqttv5"] {
        let sub = |more: &[&str]| {
            let mut command = Way::Tcp.mosquitto("mosquitto_sub", broker.port("tcp"));
            command.args([
                "-V", version, "-i", version, "-c", "-q", "2", "-t", "missed/#",
            ]);
            if version == "mqttv5" {
                command.args(["-x", "3600"]);
            }
            command.args(more);
            finish(&mut command).success().out
        };
        assert_eq!(sub(&["-E"]), "", "it subscribes and leaves");
        for qos in ["1", "2", "1"] {
            let mut command = Way::Tcp.mosquitto("mosquitto_pub", broker.port("tcp"));
            command.args(["-V", version, "-q", qos, "-t", "missed/x", "-m", qos]);
            finish(&mut command).success();
        }
        let mut seen: Vec<String> = sub(&["-C", "3"]).lines().map(str::to_owned).collect();
        seen.sort();
        assert_eq!(seen, ["1", "1", "2"]);
    }
}

#[test]
fn a_message_is_not_delivered_once_it_has_expired_and_tells_how_long_it_lasts() {
    // [MQTT-3.3.2-5], [MQTT-3.3.2-6]
    let broker = Broker::start();
    let away = |maker: Maker| Options::new(&format!("away-{maker:?}"), Version::V5).keep_session();
    for maker in Maker::ALL {
        let mut peer = Peer::open(maker, &broker, &Way::Tcp, away(maker));
        peer.subscribe("e/#", 2);
        peer.disconnect();
    }
    let mut publisher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "publisher");
    for (payload, qos) in [("brief", 1), ("brief", 2)] {
        publisher.publish_with("e/x", payload, qos, false, &json!({"expiry": 1}));
    }
    publisher.publish_with("e/x", "long", 1, false, &json!({"expiry": 600}));
    // The clock is a retained message that lasts longer than the brief ones: once it is gone, they are.
    publisher.publish_with("clock", "ticks", 1, true, &json!({"expiry": 2}));
    let mut watcher = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "watcher");
    loop {
        watcher.subscribe("clock", 1);
        watcher.publish("clock", "asked", 1, false);
        if watcher.message().payload == "asked" {
            break;
        }
        assert_eq!(watcher.message().payload, "asked");
    }
    for maker in Maker::ALL {
        let mut peer = Peer::open(maker, &broker, &Way::Tcp, away(maker));
        let seen = peer.delivery();
        assert_eq!(seen.message, Message::live("e/x", "long", 1));
        let left = seen.properties["expiry"].as_u64().expect("what is left");
        assert!((1..=598).contains(&left), "{left}");
        peer.disconnect();
    }
}

#[test]
fn members_of_a_shared_subscription_get_each_message_once_between_them() {
    // Section 4.8.2; [MQTT-4.8.2-3]
    const MESSAGES: usize = 12;
    let broker = Broker::start();
    let mut members: Vec<Peer> = [
        (Maker::Paho, Version::V5),
        (Maker::MqttJs, Version::V311),
        (Maker::Gmqtt, Version::V5),
    ]
    .into_iter()
    .map(|(maker, version)| {
        let id = format!("member-{maker:?}");
        let mut peer = Peer::connect(maker, &broker, &Way::Tcp, version, &id);
        assert_eq!(peer.subscribe("$share/workers/jobs/#", 1), 1);
        peer.subscribe("end", 1);
        peer
    })
    .collect();
    let mut publisher = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V5, "publisher");
    for number in 0..MESSAGES {
        publisher.publish("jobs/new", &format!("{number:02}"), 2, false);
    }
    publisher.publish("end", "", 1, false);
    let mut seen = Vec::new();
    for member in &mut members {
        let before = seen.len();
        loop {
            let message = member.message();
            assert_eq!(message.qos, 1);
            if message.topic == "end" {
                break;
            }
            seen.push(message.payload);
        }
        assert!(seen.len() > before, "each has its share");
    }
    seen.sort();
    let all: Vec<String> = (0..MESSAGES).map(|number| format!("{number:02}")).collect();
    assert_eq!(seen, all);
}

#[test]
fn rumqttc_in_mqttwbs_own_pub_and_sub_talks_to_the_others() {
    let broker = Broker::start();
    let address = broker.address("tcp").to_string();
    let to = ["--to", address.as_str(), "--version"];
    for (words, version) in [("3.1.1", Version::V311), ("5", Version::V5)] {
        for qos in 0..=2 {
            let (topic, level) = (format!("r/{words}/{qos}"), qos.to_string());
            let mut other = Peer::connect(Maker::Gmqtt, &broker, &Way::Tcp, version, "other");
            other.subscribe(&topic, qos);
            let words = [&to[..], &[words, "--qos", &level]].concat();
            // Retained: the subscription below need not come first.
            finish(mqttwb(broker.data()).arg("pub").args(&words).args([
                "--retain",
                &topic,
                "from rumqttc",
            ]))
            .success();
            assert_eq!(other.message(), Message::live(&topic, "from rumqttc", qos));
            let mut sub = mqttwb(broker.data());
            sub.args(["--json", "sub"]).args(&words);
            let sub = Running::start(sub.args(["-C", "2", &topic]));
            let kept = |stream, line: &str| {
                let line = serde_json::from_str::<Value>(line).ok()?;
                (stream == Stream::Out).then_some(line)
            };
            let (first, next) = sub.find(0, kept);
            assert_eq!(
                (&first["payload"], &first["retain"]),
                (&json!("from rumqttc"), &json!(true))
            );
            other.publish(&topic, "to rumqttc", qos, false);
            let (second, _) = sub.find(next, kept);
            assert_eq!(
                (&second["payload"], &second["qos"]),
                (&json!("to rumqttc"), &json!(qos))
            );
            sub.finish().success();
            other.disconnect();
        }
    }
}
