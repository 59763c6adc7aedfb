//! Shared subscriptions: who gets a message, and what becomes of it when a member leaves.

use super::*;

/// Payloads of what waits for a client, connected or not.
fn waiting(hub: &mut Hub, connected: &Connected) -> Vec<String> {
    hub.flush();
    payloads(&connected.attached.inbox)
}

#[test]
fn one_member_of_a_shared_subscription_gets_each_message_and_no_retained_one() {
    // Section 4.8.2
    let mut hub = hub();
    hub.route(&made("jobs/0", "old", 7, QoS::AtLeastOnce, true), at(0));
    let a = connect(&mut hub, "a", 1, 0);
    let b = connect(&mut hub, "b", 2, 0);
    subscribe(&mut hub, "a", "$share/g/jobs/+");
    subscribe(&mut hub, "b", "$share/g/jobs/+");
    subscribe(&mut hub, "b", "jobs/4");
    for n in 1..=4 {
        hub.route(&message(&format!("jobs/{n}"), &n.to_string(), 7), at(0));
    }
    assert_eq!(waiting(&mut hub, &a), ["1", "3"]);
    // What it subscribed by itself, and the share's copy of the same.
    assert_eq!(waiting(&mut hub, &b), ["2", "4", "4"]);
}

#[test]
fn a_member_that_is_away_is_given_messages_only_when_no_other_is_connected() {
    let mut hub = hub();
    let a = connect(&mut hub, "a", 1, 3_600);
    let b = connect(&mut hub, "b", 2, 3_600);
    subscribe(&mut hub, "a", "$share/g/t");
    subscribe(&mut hub, "b", "$share/g/t");
    detach(&mut hub, a, true, at(1));
    hub.route(&message("t", "1", 7), at(1));
    hub.route(&message("t", "2", 7), at(1));
    assert_eq!(waiting(&mut hub, &b), ["1", "2"]);
    detach(&mut hub, b, true, at(1));
    hub.route(&message("t", "3", 7), at(1));
    let a = connect(&mut hub, "a", 3, 3_600);
    let b = connect(&mut hub, "b", 4, 3_600);
    let queued = |member: &Connected| member.attached.session.as_ref().unwrap().queued().len();
    assert_eq!(queued(&a) + queued(&b), 1);
}

/// Sends everything that waits for a member, as its connection would. Their packet identifiers.
fn send_all(hub: &mut Hub, connected: &mut Connected) -> Vec<u16> {
    hub.flush();
    let mut found = VecDeque::new();
    connected.attached.inbox.take(&mut found);
    let session = connected.attached.session.as_mut().unwrap();
    let mut actions = Vec::new();
    session.connect(terms(), at(0), &mut actions);
    for delivery in found {
        session.deliver(delivery, at(0), &mut actions).unwrap();
    }
    let sent = actions.iter().filter_map(|action| match action {
        Action::Publish { packet_id, .. } => Some(*packet_id),
        _ => None,
    });
    sent.collect()
}

#[test]
fn what_a_member_has_not_acknowledged_goes_on_when_its_session_ends() {
    // Section 4.8.2: QoS 1 goes to another member, in order; QoS 2 that was sent to nobody [MQTT-4.8.2-5].
    for expires_later in [false, true] {
        let mut hub = hub();
        let expiry = if expires_later { 60 } else { 0 };
        let mut a = connect(&mut hub, "a", 1, expiry);
        subscribe_with(&mut hub, "a", "$share/g/t", QoS::ExactlyOnce);
        subscribe(&mut hub, "a", "own");
        for (payload, qos) in [
            ("acknowledged", QoS::AtLeastOnce),
            ("once", QoS::AtLeastOnce),
            ("exactly once", QoS::ExactlyOnce),
        ] {
            hub.route(&made("t", payload, 7, qos, false), at(0));
        }
        hub.route(&message("own", "own", 7), at(0));
        let sent = send_all(&mut hub, &mut a);
        let ack = mqttwb_wire::Ack::success(sent[0]);
        let session = a.attached.session.as_mut().unwrap();
        session.puback(&ack, at(0), &mut Vec::new());
        // Not sent yet: in the inbox, and not even there.
        hub.route(
            &made("t", "in the inbox", 7, QoS::ExactlyOnce, false),
            at(0),
        );
        hub.flush();
        hub.route(&message("t", "pending", 7), at(0));
        let b = connect(&mut hub, "b", 2, 0);
        subscribe(&mut hub, "b", "$share/g/t");
        detach(&mut hub, a, false, at(1));
        if expires_later {
            assert_eq!(waiting(&mut hub, &b), [""; 0], "it may come back");
            hub.tick(at(61));
        }
        assert_eq!(waiting(&mut hub, &b), ["once", "in the inbox", "pending"]);
    }
}

#[test]
fn what_the_last_member_leaves_behind_ends_with_the_share() {
    let mut hub = hub();
    let a = connect(&mut hub, "a", 1, 0);
    subscribe(&mut hub, "a", "$share/g/t");
    hub.route(&message("t", "1", 7), at(0));
    detach(&mut hub, a, true, at(1));
    let b = connect(&mut hub, "b", 2, 0);
    subscribe(&mut hub, "b", "$share/g/t");
    assert_eq!(waiting(&mut hub, &b), [""; 0]);
    assert_eq!(hub.subscriptions.len(), 1);
}

#[test]
fn a_member_that_unsubscribes_gets_nothing_new_and_keeps_what_it_was_given() {
    // Section 3.10.4: what waits for it may still be delivered.
    let mut hub = hub();
    let a = connect(&mut hub, "a", 1, 0);
    let b = connect(&mut hub, "b", 2, 0);
    subscribe(&mut hub, "a", "$share/g/t");
    hub.route(&message("t", "1", 7), at(0));
    subscribe(&mut hub, "b", "$share/g/t");
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Unsubscribe {
        client: "a".into(),
        filters: vec![TopicFilter::try_from("$share/g/t").unwrap()],
        reply,
    };
    hub.command(command, at(0));
    assert_eq!(answer.try_recv(), Ok(vec![true]));
    hub.route(&message("t", "2", 7), at(0));
    assert_eq!(waiting(&mut hub, &a), ["1"]);
    assert_eq!(waiting(&mut hub, &b), ["2"]);
}

#[test]
fn when_the_broker_stops_messages_go_to_members_whose_sessions_stay() {
    let mut hub = hub();
    let a = connect(&mut hub, "a", 1, 0);
    let b = connect(&mut hub, "b", 2, 0);
    let c = connect(&mut hub, "c", 3, 3_600);
    for name in ["a", "b", "c"] {
        subscribe(&mut hub, name, "$share/g/t");
    }
    hub.route(&message("t", "1", 7), at(0));
    hub.command(Command::EndAll(ReasonCode::SERVER_SHUTTING_DOWN), at(0));
    detach(&mut hub, a, true, at(1));
    assert_eq!(waiting(&mut hub, &b), [""; 0]);
    assert_eq!(waiting(&mut hub, &c), ["1"]);
}
