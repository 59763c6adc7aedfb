//! The broker as other people's clients find it: mosquitto, paho-mqtt, gmqtt and npm's mqtt, over every listener.

use acceptance::peer::{for_everyone, other};
use acceptance::process::finish;
use acceptance::{Broker, Maker, Message, Options, Peer, Running, Version, Way};

/// Each maker and version subscribes, and publishes to the others, at every QoS.
fn messages_pass_over(broker: &Broker, way: &Way) {
    for_everyone(|maker, version, name| {
        if !maker.speaks(way) {
            return;
        }
        let another = if other(maker).speaks(way) {
            other(maker)
        } else {
            Maker::Paho
        };
        let mut subscriber = Peer::connect(maker, broker, way, version, &format!("sub-{name}"));
        for granted in 0..=2 {
            let filter = format!("{name}/{granted}/+");
            assert_eq!(subscriber.subscribe(&filter, granted), granted);
        }
        // Its own maker only once: what differs between the ways is not who publishes.
        let publishers = match way {
            Way::Tcp => vec![(maker, version), (another, Version::V5)],
            _ => vec![(another, Version::V5)],
        };
        let mut expected = Vec::new();
        for (maker, version) in publishers {
            let id = format!("pub-{name}-{maker:?}-{version:?}");
            let mut publisher = Peer::connect(maker, broker, way, version, &id);
            for granted in 0..=2 {
                for published in 0..=2 {
                    let topic = format!("{name}/{granted}/{published}");
                    publisher.publish(&topic, &id, published, false);
                    // The lower of the two.
                    expected.push(Message::live(&topic, &id, published.min(granted)));
                }
            }
            publisher.disconnect();
        }
        let mut seen = subscriber.messages(expected.len());
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
        // Nothing came twice: the next message is the next that is published.
        subscriber.publish(&format!("{name}/2/last"), "", 2, false);
        assert_eq!(
            subscriber.message(),
            Message::live(&format!("{name}/2/last"), "", 2)
        );
        subscriber.disconnect();
    });
}

#[test]
fn messages_of_every_qos_pass_over_tcp() {
    // [MQTT-4.2-1], [MQTT3-7.1.1-1]; and nothing but the standard is needed to be understood: [MQTT3-7.0.0-2]
    let broker = Broker::start();
    messages_pass_over(&broker, &Way::Tcp);
}

#[test]
fn messages_of_every_qos_pass_over_mutual_tls() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    messages_pass_over(&broker, &Way::Tls(identity));
}

#[test]
fn messages_of_every_qos_pass_over_websocket() {
    let broker = Broker::start();
    messages_pass_over(&broker, &Way::Ws);
}

#[test]
fn messages_of_every_qos_pass_over_websocket_with_mutual_tls() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    messages_pass_over(&broker, &Way::Wss(identity));
}

#[test]
fn a_message_crosses_from_each_listener_to_each_other() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    let ways = [
        Way::Tcp,
        Way::Tls(identity.clone()),
        Way::Ws,
        Way::Wss(identity),
    ];
    let mut subscribers: Vec<Peer> = ways
        .iter()
        .map(|way| {
            let id = format!("sub-{}", way.listener());
            let mut peer = Peer::connect(Maker::Paho, &broker, way, Version::V5, &id);
            peer.subscribe("cross/#", 1);
            peer
        })
        .collect();
    for way in &ways {
        let topic = format!("cross/{}", way.listener());
        let mut publisher = Peer::connect(Maker::MqttJs, &broker, way, Version::V311, &topic);
        publisher.publish(&topic, "over", 1, false);
        for subscriber in &mut subscribers {
            assert_eq!(subscriber.message(), Message::live(&topic, "over", 1));
        }
        publisher.disconnect();
    }
}

#[test]
fn a_retained_message_waits_for_subscribers_until_an_empty_one_clears_it() {
    let broker = Broker::start();
    for_everyone(|maker, version, name| {
        let topic = format!("state/{name}");
        let mut publisher = Peer::connect(other(maker), &broker, &Way::Tcp, version, "publisher");
        let mut present = Peer::connect(maker, &broker, &Way::Tcp, version, "present");
        present.subscribe(&topic, 2);
        for qos in 0..=2 {
            let payload = format!("level {qos}");
            publisher.publish(&topic, &payload, qos, true);
            let live = Message::live(&topic, &payload, qos);
            // [MQTT3-3.3.1-9], [MQTT-3.3.1-12]: to who was subscribed before, it is a message like any other.
            assert_eq!(present.message(), live);
            let mut late = Peer::connect(maker, &broker, &Way::Tcp, version, "late");
            late.subscribe(&topic, 2);
            assert_eq!(late.message(), live.retained());
            late.disconnect();
        }
        publisher.publish(&topic, "", 1, true);
        assert_eq!(present.message(), Message::live(&topic, "", 1));
        let mut late = Peer::connect(maker, &broker, &Way::Tcp, version, "late");
        late.subscribe(&topic, 2);
        publisher.publish(&topic, "next", 1, false);
        assert_eq!(late.message(), Message::live(&topic, "next", 1));
        late.disconnect();
        present.disconnect();
        publisher.disconnect();
    });
}

#[test]
fn a_will_is_published_for_a_process_that_was_killed() {
    let broker = Broker::start();
    let mut watcher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "watcher");
    watcher.subscribe("gone/#", 2);
    for_everyone(|maker, version, name| {
        for qos in 0..=2 {
            let topic = format!("gone/{name}/{qos}");
            let options =
                Options::new(&format!("mortal-{name}"), version).will(&topic, "killed", qos, false);
            Peer::open(maker, &broker, &Way::Tcp, options).kill();
            assert_eq!(watcher.message(), Message::live(&topic, "killed", qos));
        }
    });
}

#[test]
fn a_retained_will_waits_for_who_subscribes_later() {
    let broker = Broker::start();
    let mut watcher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "watcher");
    watcher.subscribe("gone/#", 2);
    for_everyone(|maker, version, name| {
        let topic = format!("gone/{name}");
        let options = Options::new(&name, version).will(&topic, "killed", 1, true);
        Peer::open(maker, &broker, &Way::Tcp, options).kill();
        assert_eq!(watcher.message(), Message::live(&topic, "killed", 1));
        let mut late = Peer::connect(maker, &broker, &Way::Tcp, version, "late");
        late.subscribe(&topic, 1);
        assert_eq!(
            late.message(),
            Message::live(&topic, "killed", 1).retained()
        );
        late.disconnect();
    });
}

#[test]
fn a_clean_disconnect_takes_the_will_with_it() {
    let broker = Broker::start();
    let mut watcher = Peer::connect(Maker::MqttJs, &broker, &Way::Tcp, Version::V311, "watcher");
    watcher.subscribe("#", 2);
    for_everyone(|maker, version, name| {
        let options = Options::new(&name, version).will(&format!("gone/{name}"), "", 1, false);
        Peer::open(maker, &broker, &Way::Tcp, options).disconnect();
        // A will would have come before this.
        watcher.publish(&format!("after/{name}"), "", 1, false);
        assert_eq!(
            watcher.message(),
            Message::live(&format!("after/{name}"), "", 1)
        );
    });
}

#[test]
fn a_kept_session_has_its_subscriptions_and_its_messages_when_its_client_comes_back() {
    let broker = Broker::start();
    for_everyone(|maker, version, name| {
        let options = Options::new(&format!("sleeper-{name}"), version).keep_session();
        let mut sleeper = Peer::open(maker, &broker, &Way::Tcp, options.clone());
        assert!(!sleeper.session_present);
        sleeper.subscribe(&format!("{name}/#"), 2);
        sleeper.disconnect();

        let mut publisher = Peer::connect(other(maker), &broker, &Way::Tcp, version, "publisher");
        let missed: Vec<Message> = (1..=10)
            .map(|number| {
                Message::live(
                    &format!("{name}/missed"),
                    &number.to_string(),
                    1 + number % 2,
                )
            })
            .collect();
        for message in &missed {
            publisher.publish(&message.topic, &message.payload, message.qos, false);
        }

        let mut sleeper = Peer::open(maker, &broker, &Way::Tcp, options);
        assert!(sleeper.session_present);
        let mut seen = sleeper.messages(missed.len());
        // A client hands over QoS 2 when PUBREL comes, so it may fall behind its neighbours of QoS 1.
        seen.sort_by_key(|message| message.payload.parse::<u32>().ok());
        assert_eq!(seen, missed);
        publisher.publish(&format!("{name}/live"), "", 2, false);
        assert_eq!(
            sleeper.message(),
            Message::live(&format!("{name}/live"), "", 2)
        );
        publisher.disconnect();
        sleeper.disconnect();

        // A clean start ends it.
        let fresh = Options::new(&format!("sleeper-{name}"), version);
        let fresh = Peer::open(maker, &broker, &Way::Tcp, fresh);
        assert!(!fresh.session_present);
        fresh.disconnect();
    });
}

#[test]
fn after_unsubscribe_nothing_more_comes() {
    let broker = Broker::start();
    for_everyone(|maker, version, name| {
        let mut peer = Peer::connect(maker, &broker, &Way::Tcp, version, &name);
        peer.subscribe("one/#", 1);
        peer.subscribe("two/#", 1);
        peer.unsubscribe("one/#");
        peer.publish("one/a", "", 1, false);
        peer.publish("two/a", "", 1, false);
        assert_eq!(peer.message(), Message::live("two/a", "", 1));
        peer.disconnect();
    });
}

/// mosquitto_sub, once it is subscribed. `-d` tells when; the lines of messages begin with `message`.
fn mosquitto_sub(broker: &Broker, way: &Way, version: &str, words: &[&str]) -> Running {
    let mut command = way.mosquitto("mosquitto_sub", broker.port(way.listener()));
    command
        .args(["-d", "-V", version, "-F", "message %t %q %r %p"])
        .args(words);
    let subscriber = Running::start(&mut command);
    subscriber.wait_for("Subscribed (mid");
    subscriber
}

fn mosquitto_pub(broker: &Broker, way: &Way, version: &str, words: &[&str]) {
    let mut command = way.mosquitto("mosquitto_pub", broker.port(way.listener()));
    finish(command.args(["-V", version]).args(words)).success();
}

fn messages_of(printed: &str) -> Vec<&str> {
    printed
        .lines()
        .filter_map(|line| line.strip_prefix("message "))
        .collect()
}

#[test]
fn mosquittos_own_programs_talk_over_tcp_and_mutual_tls() {
    let broker = Broker::start();
    let identity = broker.issue("pump-7");
    for way in [Way::Tcp, Way::Tls(identity)] {
        for version in ["mqttv311", "mqttv5"] {
            for qos in ["0", "1", "2"] {
                let topic = format!("m/{}/{version}/{qos}", way.listener());
                let words = ["-t", &topic, "-q", qos];
                let subscriber =
                    mosquitto_sub(&broker, &way, version, &[&words[..], &["-C", "2"]].concat());
                mosquitto_pub(
                    &broker,
                    &way,
                    version,
                    &[&words[..], &["-m", "one"]].concat(),
                );
                mosquitto_pub(
                    &broker,
                    &way,
                    version,
                    &[&words[..], &["-m", "two", "-r"]].concat(),
                );
                let seen = subscriber.finish().success();
                assert_eq!(
                    messages_of(&seen.out),
                    [
                        format!("{topic} {qos} 0 one"),
                        format!("{topic} {qos} 0 two")
                    ]
                );
                let late =
                    mosquitto_sub(&broker, &way, version, &[&words[..], &["-C", "1"]].concat());
                let seen = late.finish().success();
                assert_eq!(messages_of(&seen.out), [format!("{topic} {qos} 1 two")]);
            }
        }
    }
}

#[test]
fn the_will_of_a_killed_mosquitto_sub_is_published() {
    let broker = Broker::start();
    for version in ["mqttv311", "mqttv5"] {
        let topic = format!("gone/{version}");
        let watcher = mosquitto_sub(
            &broker,
            &Way::Tcp,
            version,
            &["-t", &topic, "-q", "1", "-C", "1"],
        );
        mosquitto_sub(
            &broker,
            &Way::Tcp,
            version,
            &[
                "-t",
                "x",
                "--will-topic",
                &topic,
                "--will-payload",
                "killed",
                "--will-qos",
                "1",
            ],
        )
        .kill();
        let seen = watcher.finish().success();
        assert_eq!(messages_of(&seen.out), [format!("{topic} 1 0 killed")]);
    }
}
