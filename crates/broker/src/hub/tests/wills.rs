//! Wills: when they are sent, and to whom.

use super::*;

#[test]
fn a_delayed_will_waits_and_is_dropped_when_the_client_returns() {
    // [MQTT-3.1.3-9]
    let mut hub = hub();
    let watcher = connect(&mut hub, "watcher", 9, 0);
    subscribe(&mut hub, "watcher", "will");
    let will = StoredWill {
        message: message("will", "gone", 1),
        delay: Duration::from_secs(10),
    };
    let returns = |hub: &mut Hub, connection, now| {
        let mut answer = attach(hub, "c", connection, 60, Some(will.clone()));
        let attached = answer.try_recv().unwrap().unwrap();
        let connected = Connected {
            client: "c".into(),
            connection: ConnectionId(connection),
            attached,
        };
        detach(hub, connected, false, now);
    };
    returns(&mut hub, 1, at(100));
    hub.tick(at(109));
    hub.flush();
    assert_eq!(payloads(&watcher.attached.inbox), [""; 0]);
    returns(&mut hub, 2, at(109)); // in time: the first will is not sent
    hub.tick(at(118));
    hub.flush();
    assert_eq!(payloads(&watcher.attached.inbox), [""; 0]);
    hub.tick(at(119));
    hub.flush();
    assert_eq!(payloads(&watcher.attached.inbox), ["gone"]);
}

#[test]
fn no_local_holds_for_a_clients_own_will() {
    // [MQTT-3.8.3-3]
    let mut hub = hub();
    let will = StoredWill {
        message: message("will", "gone", 1),
        delay: Duration::ZERO,
    };
    let mut answer = attach(&mut hub, "own", 1, 3_600, Some(will));
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: true,
        ..Default::default()
    };
    let (reply, _) = oneshot::channel();
    let subscribe = Command::Subscribe {
        client: "own".into(),
        filters: vec![(TopicFilter::try_from("#").unwrap(), options)],
        id: None,
        reply,
    };
    hub.command(subscribe, at(0));
    let connected = Connected {
        client: "own".into(),
        connection: ConnectionId(1),
        attached: answer.try_recv().unwrap().unwrap(),
    };
    detach(&mut hub, connected, false, at(1));
    hub.route(&message("other", "to you", 7), at(1));
    let back = connect(&mut hub, "own", 2, 3_600);
    let queued: Vec<_> = back.attached.session.as_ref().unwrap().queued().collect();
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].message.topic(), "other");
}

#[test]
fn a_will_of_another_run_is_its_clients_and_nobody_elses() {
    // Connections are numbered anew in each run: the number that the will was kept with is the watcher's now.
    let mut hub = hub();
    let record = SessionRecord {
        key: SessionKey(1),
        client: "pump".into(),
        version: ProtocolVersion::V5,
        expiry: 600,
        away_since: Some(at(0)),
        sent: 0,
        will: Some(WillRecord {
            message: made("will/pump", "gone", u64::MAX, QoS::AtLeastOnce, true)
                .bytes()
                .clone(),
            delay: 10,
        }),
    };
    let restored = Restored {
        sessions: vec![RestoredSession {
            record,
            subscriptions: Vec::new(),
            deliveries: Vec::new(),
            received: Vec::new(),
        }],
        retained: Vec::new(),
    };
    hub.restore(restored, at(0)).unwrap();
    let watcher = connect(&mut hub, "watcher", u64::MAX, 0);
    let (reply, _) = oneshot::channel();
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: true,
        ..Default::default()
    };
    let command = Command::Subscribe {
        client: "watcher".into(),
        filters: vec![(TopicFilter::try_from("will/#").unwrap(), options)],
        id: None,
        reply,
    };
    hub.command(command, at(0));
    hub.tick(at(10));
    hub.flush();
    assert_eq!(payloads(&watcher.attached.inbox), ["gone"]);
    let kept = hub.retained.get("will/pump").unwrap();
    assert_eq!(kept.publisher, "pump".into());
}
