//! A broker that runs, from another shell: what can be seen of it and done to it while real clients use it.

#![allow(clippy::unwrap_used)] // a test may fail

use acceptance::broker::{TCP, mqttwb};
use acceptance::process::finish;
use acceptance::{Broker, Maker, Message, Options, Peer, Version, Way};
use serde_json::Value;

/// What `mqttwb broker … --json` prints.
fn ask(broker: &Broker, words: &[&str]) -> Value {
    let mut command = mqttwb(broker.data());
    command.args(["--json", "broker"]).args(words);
    serde_json::from_str(&finish(&mut command).success().out).unwrap()
}

/// The entries that `mqttwb broker … --json` prints, and the line below them.
fn list(broker: &Broker, words: &[&str]) -> (Vec<Value>, Value) {
    let mut command = mqttwb(broker.data());
    command.args(["--json", "broker"]).args(words);
    let out = finish(&mut command).success().out;
    let mut all: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let end = all.pop().unwrap();
    (all, end)
}

/// What `mqttwb broker …` prints for a person.
fn read(broker: &Broker, words: &[&str]) -> String {
    let mut command = mqttwb(broker.data());
    command.arg("broker").args(words);
    finish(&mut command).success().out
}

#[test]
fn the_status_of_a_broker_that_runs_is_told_to_another_shell() {
    let broker = Broker::start();
    let client = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "someone");
    let status = ask(&broker, &["status"]);
    assert_eq!(status["state"], "running");
    let tcp = &status["listeners"][0];
    assert_eq!(tcp["address"], broker.address("tcp").to_string());
    assert_eq!(tcp["clients"], 1);
    let told = read(&broker, &["status"]);
    assert!(told.starts_with("running "), "{told}");
    assert!(
        told.contains(&format!("mqtt://{}", broker.address("tcp"))),
        "{told}"
    );
    client.disconnect();
}

#[test]
fn where_no_broker_runs_it_is_said_in_one_sentence() {
    let data = tempfile::tempdir().unwrap();
    let finished = finish(mqttwb(data.path()).args(["broker", "status"]));
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let expected = format!("No broker runs on {}.", data.path().display());
    assert!(finished.err.contains(&expected), "{finished:?}");

    // One that was killed has left its way behind: it leads nowhere.
    let broker = Broker::start();
    let folder = broker.data().to_owned();
    broker.process.kill();
    let left = std::fs::read_to_string(folder.join("broker.control")).unwrap();
    let gone = finish(mqttwb(&folder).args(["broker", "status"]));
    assert_eq!(gone.status.code(), Some(1), "{gone:?} {left}");
    assert!(gone.err.contains("No broker runs on"), "{gone:?}");
    // It starts again beside it.
    let config = folder.join("test.toml").display().to_string();
    let again =
        acceptance::Running::start(mqttwb(&folder).args(["broker", "run", "--config", &config]));
    again.wait_for("ready ");
    finish(mqttwb(&folder).args(["broker", "status"])).success();
}

#[test]
fn clients_sessions_and_subscriptions_are_listed_as_they_are() {
    let broker = Broker::start();
    let mut one = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "one");
    one.subscribe("a/+", 1);
    let mut two = Peer::connect(Maker::MqttJs, &broker, &Way::Ws, Version::V311, "two");
    two.subscribe("a/#", 2);
    two.subscribe("b", 0);
    let keeps = Options::new("three", Version::V311).keep_session();
    let mut three = Peer::open(Maker::Paho, &broker, &Way::Tcp, keeps);
    three.subscribe("a/b", 1);
    three.disconnect();

    let (clients, end) = list(&broker, &["clients"]);
    assert_eq!(end["total"], 2);
    assert_eq!(clients[0]["clientId"], "one");
    assert_eq!(clients[1]["version"], "3.1.1");
    assert_eq!(clients[1]["listener"], "ws");

    let (first, end) = list(&broker, &["sessions", "--limit", "2"]);
    assert_eq!((first.len(), &end["total"]), (2, &3.into()));
    let next = end["next"].as_str().unwrap();
    let (rest, end) = list(&broker, &["sessions", "--limit", "2", "--after", next]);
    assert_eq!(rest[0]["clientId"], "two");
    assert_eq!(end.get("next"), None);
    let three = &first[1];
    assert_eq!(
        (&three["clientId"], &three["connected"]),
        (&"three".into(), &false.into())
    );

    let (found, end) = list(&broker, &["subscriptions", "--topic", "a/b"]);
    let who: Vec<_> = found
        .iter()
        .map(|s| s["clientId"].as_str().unwrap())
        .collect();
    assert_eq!(
        (who, &end["total"]),
        (vec!["one", "three", "two"], &3.into())
    );
    let (page, end) = list(&broker, &["subscriptions", "--limit", "3"]);
    assert_eq!(page.len(), 3);
    let next = end["next"].as_str().unwrap();
    let (rest, _) = list(&broker, &["subscriptions", "--after", next]);
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0]["filter"], "b");

    let counters = ask(&broker, &["counters"]);
    assert_eq!(
        (&counters["connections"], &counters["sessions"]),
        (&2.into(), &3.into())
    );
    let told = read(&broker, &["sessions"]);
    for part in ["CLIENT", "three", "away", "connected", "3 in all"] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
}

#[test]
fn what_waits_for_a_client_that_is_away_is_shown_and_still_delivered() {
    let broker = Broker::start();
    for (maker, version) in [(Maker::Paho, Version::V311), (Maker::MqttJs, Version::V311)] {
        let options = Options::new("away", version).keep_session();
        let mut client = Peer::open(maker, &broker, &Way::Tcp, options.clone());
        client.subscribe("q/#", 2);
        client.disconnect();
        let mut publisher = Peer::connect(maker, &broker, &Way::Tcp, version, "publisher");
        publisher.publish("q/1", "first", 1, false);
        publisher.publish("q/2", &"long ".repeat(100), 2, false);
        publisher.disconnect();

        let session = ask(&broker, &["session", "away"]);
        assert_eq!(session["queuedTotal"], 2);
        assert_eq!(session["session"]["waiting"], 2);
        assert_eq!(session["subscriptions"][0]["filter"], "q/#");
        let (first, long) = (&session["queued"][0], &session["queued"][1]);
        assert_eq!(
            (&first["topic"], &first["preview"]),
            (&"q/1".into(), &"first".into())
        );
        assert_eq!((&first["qos"], &first["whole"]), (&1.into(), &true.into()));
        assert_eq!(
            (&long["size"], &long["whole"]),
            (&500.into(), &false.into())
        );
        let part = ask(&broker, &["session", "away", "--from", "1", "--limit", "1"]);
        assert_eq!(part["queued"].as_array().unwrap().len(), 1);
        assert_eq!(part["queuedTotal"], 2);
        let told = read(&broker, &["session", "away"]);
        assert!(
            told.contains("waiting to be sent, ") && told.contains('…'),
            "{told}"
        );

        // Dropped, and put back as it was.
        let dropped = ask(&broker, &["drop-queue", "away"]);
        assert_eq!(dropped["dropped"], 2, "{dropped}");
        let nothing = ask(&broker, &["drop-queue", "away"]);
        assert_eq!(nothing["dropped"], 0, "{nothing}");
        let number = dropped["undo"].to_string();
        assert_eq!(ask(&broker, &["restore-queue", &number]), 2);
        let again = mqttwb(broker.data())
            .args(["broker", "restore-queue", &number])
            .output()
            .unwrap();
        assert_eq!(again.status.code(), Some(1));

        let mut client = Peer::open(maker, &broker, &Way::Tcp, options);
        assert!(client.session_present);
        assert_eq!(client.message(), Message::live("q/1", "first", 1));
        assert_eq!(client.message().qos, 2);
        client.disconnect();
        finish(mqttwb(broker.data()).args(["broker", "end-session", "away"])).success();
    }
    let gone = finish(mqttwb(broker.data()).args(["broker", "session", "away"]));
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        gone.err.contains("no session of a client \"away\""),
        "{gone:?}"
    );
}

#[test]
fn an_operator_disconnects_a_client_and_its_will_is_sent() {
    let broker = Broker::start();
    let mut watcher = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "watcher");
    watcher.subscribe("gone/#", 1);
    for (maker, version) in [(Maker::Paho, Version::V5), (Maker::MqttJs, Version::V311)] {
        let options = Options::new("victim", version).will("gone/victim", "adieu", 1, false);
        let victim = Peer::open(maker, &broker, &Way::Tcp, options);
        let words = [
            "broker",
            "disconnect",
            "victim",
            "--reason",
            "not-authorized",
        ];
        finish(mqttwb(broker.data()).args(words)).success();
        victim.ended_by_the_broker();
        assert_eq!(watcher.message(), Message::live("gone/victim", "adieu", 1));
    }
    let nobody = finish(mqttwb(broker.data()).args(["broker", "disconnect", "nobody"]));
    assert!(
        nobody.err.contains("No client \"nobody\" is connected"),
        "{nobody:?}"
    );
}

#[test]
fn retained_messages_are_cleared_after_a_look_and_come_back() {
    let broker = Broker::start();
    let publish = |topic: &str, payload: &str| {
        let mut command = Way::Tcp.mosquitto("mosquitto_pub", broker.port("tcp"));
        command.args(["-i", "sensor", "-t", topic, "-m", payload, "-q", "1", "-r"]);
        finish(&mut command).success();
    };
    for topic in ["plant/1", "plant/2", "hall/1"] {
        publish(topic, "17.5");
    }
    let (kept, _) = list(&broker, &["retained", "plant/#"]);
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0]["publisher"], "sensor");
    assert_eq!(kept[0]["message"]["preview"], "17.5");

    let told = read(&broker, &["clear-retained", "plant/#"]);
    assert!(told.contains("plant/1") && told.contains("--yes"), "{told}");
    assert_eq!(
        list(&broker, &["retained"]).1["total"],
        3,
        "a look clears nothing"
    );

    let cleared = ask(&broker, &["clear-retained", "plant/#", "--yes"]);
    assert_eq!(cleared["cleared"], 2);
    assert_eq!(list(&broker, &["retained"]).1["total"], 1);
    publish("plant/2", "newer");
    let undo = cleared["undo"].to_string();
    let restored = ask(&broker, &["undo", &undo]);
    assert_eq!(
        (&restored["restored"], &restored["newer"][0]),
        (&1.into(), &"plant/2".into())
    );
    let (again, _) = list(&broker, &["retained", "plant/#"]);
    assert_eq!(again[0], kept[0], "it is what it was");
    assert_eq!(again[1]["message"]["preview"], "newer");
    let twice = finish(mqttwb(broker.data()).args(["broker", "undo", &undo]));
    assert_eq!(twice.status.code(), Some(1), "{twice:?}");

    let mut subscribe = Way::Tcp.mosquitto("mosquitto_sub", broker.port("tcp"));
    subscribe.args(["-t", "plant/+", "-C", "2", "-F", "%t %p %r"]);
    let heard = finish(&mut subscribe).success().out;
    assert_eq!(heard, "plant/1 17.5 1\nplant/2 newer 1\n");
}

#[test]
fn packets_are_lost_on_purpose_and_the_rule_says_how_many() {
    let broker = Broker::start();
    let told = read(&broker, &["faults", "list"]);
    assert_eq!(told, "no fault rules\n");
    let rule = [
        "faults", "add", "lossy", "drop", "--client", "list*", "--packet", "publish", "--first",
        "1",
    ];
    let told = read(&broker, &rule);
    assert!(told.contains("lossy") && told.contains("first 1"), "{told}");
    let mut listens = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "listens");
    listens.subscribe("t", 0);
    let mut speaks = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "speaks");
    for payload in ["lost", "there"] {
        speaks.publish("t", payload, 0, false);
    }
    assert_eq!(listens.message(), Message::live("t", "there", 0));
    let rules = ask(&broker, &["faults", "list"]);
    assert_eq!((&rules["seen"], &rules["struck"]), (&2.into(), &1.into()));
    assert_eq!(
        read(&broker, &["faults", "clear", "lossy"]),
        "no fault rules\n"
    );
    let mut again = mqttwb(broker.data());
    again.args(["broker", "faults", "clear", "lossy"]);
    assert_eq!(finish(&mut again).status.code(), Some(1));
}

#[test]
fn a_file_that_changes_is_applied_while_clients_stay_connected() {
    let broker = Broker::with(TCP);
    let file = broker.data().join("test.toml");
    let mut client = Peer::connect(Maker::Paho, &broker, &Way::Tcp, Version::V5, "staying");
    client.subscribe("a", 1);

    let limited = "[limits]\nretained_messages = 1\n[mqtt]\nresponse_information = \"answers\"\n";
    std::fs::write(&file, format!("{TCP}{limited}")).unwrap();
    let reloaded = ask(&broker, &["reload"]);
    assert_eq!(reloaded["applied"][0]["key"], "limits.retained_messages");
    assert_eq!(reloaded["applied"][0]["applies"], "now");
    assert_eq!(reloaded["restart"][0]["key"], "mqtt.response_information");
    client.publish("r/1", "kept", 1, true);
    client.publish("r/2", "not kept", 0, true);
    client.publish("a", "still here", 1, false);
    assert_eq!(client.message(), Message::live("a", "still here", 1));
    assert_eq!(list(&broker, &["retained"]).1["total"], 1);
    let limits = ask(&broker, &["limits"]);
    let retained = limits.as_array().unwrap().iter();
    let retained = retained.filter(|l| l["key"] == "limits.retained_messages");
    let reached: Vec<_> = retained
        .map(|l| (l["value"].clone(), l["reached"].clone()))
        .collect();
    assert_eq!(reached, [("1".into(), 1.into())]);

    // A mistake changes nothing, and is told with its line.
    std::fs::write(
        &file,
        format!("{TCP}[limits]\nretained_messages = \"many\"\n"),
    )
    .unwrap();
    let refused = finish(mqttwb(broker.data()).args(["broker", "reload"]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.err.contains("line 5: limits.retained_messages"),
        "{refused:?}"
    );
    let limits = ask(&broker, &["limits"]);
    assert!(limits.to_string().contains("\"reached\":1"), "{limits}");

    // SIGHUP does the same.
    broker.process.signal("HUP");
    broker.process.wait_for("nothing is reloaded: ");
    std::fs::write(&file, TCP).unwrap();
    broker.process.signal("HUP");
    broker
        .process
        .wait_for("reloaded: 1 changes applied, 0 need a restart");
    client.publish("r/2", "kept now", 1, true);
    assert_eq!(list(&broker, &["retained"]).1["total"], 2);
    client.disconnect();
    broker.stop().success();
}
