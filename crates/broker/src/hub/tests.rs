//! The hub without sockets: records in, inboxes looked into, time moved by hand.

use std::net::SocketAddr;

use mqttwb_model::durable::{Restored, RestoredSession, SessionRecord, WillRecord};
use mqttwb_model::{ListenerProtocol, MessageId, ProtocolVersion, SeenBy};
use mqttwb_wire::{Properties, Publish};

use super::*;
use crate::message::Origin;
use crate::session::Terms;

const SECOND: u64 = 1_000_000_000;

fn at(second: u64) -> Timestamp {
    Timestamp(second * SECOND)
}

fn hub() -> Hub {
    let strategy = SharedStrategy::default();
    Hub::new(
        Limits::default(),
        strategy,
        Arc::default(),
        None,
        Arc::default(),
    )
}

fn terms() -> Terms {
    Terms {
        version: ProtocolVersion::V5,
        keep_alive: Duration::ZERO,
        client_receive_maximum: u16::MAX,
        client_maximum_packet_size: usize::MAX,
        server_receive_maximum: u16::MAX,
        server_topic_alias_maximum: 0,
    }
}

fn message(topic: &str, payload: &str, from: u64) -> Message {
    made(topic, payload, from, QoS::AtLeastOnce, false)
}

fn made(topic: &str, payload: &str, from: u64, qos: QoS, retain: bool) -> Message {
    let publish = Publish {
        dup: false,
        qos,
        retain,
        topic,
        packet_id: 1,
        properties: Properties::NONE,
        payload: payload.as_bytes(),
    };
    let origin = Origin {
        id: MessageId(1),
        publisher: ConnectionId(from),
        at: at(0),
    };
    Message::new(&publish, topic, origin)
}

struct Connected {
    client: ClientId,
    connection: ConnectionId,
    attached: Attached,
}

fn attach(
    hub: &mut Hub,
    name: &str,
    connection: u64,
    session_expiry: u32,
    will: Option<StoredWill>,
) -> oneshot::Receiver<Result<Attached, ReasonCode>> {
    let (reply, answer) = oneshot::channel();
    let info = Arc::new(ConnectionInfo {
        id: ConnectionId(connection),
        seen_by: SeenBy::Broker,
        client: name.into(),
        version: ProtocolVersion::V5,
        listener: "tcp".into(),
        protocol: ListenerProtocol::Tcp,
        peer: SocketAddr::from(([127, 0, 0, 1], 1)),
        common_name: None,
        certificate: None,
    });
    let attach = Attach {
        identity: Identity {
            connection: info.clone(),
            user_name: None,
            verified: None,
        },
        info,
        terms: terms(),
        clean_start: false,
        session_expiry,
        will,
        counters: Arc::default(),
        connected_at: at(0),
        reply,
    };
    hub.command(Command::Attach(Box::new(attach)), at(0));
    answer
}

fn connect(hub: &mut Hub, name: &str, connection: u64, session_expiry: u32) -> Connected {
    let mut answer = attach(hub, name, connection, session_expiry, None);
    Connected {
        client: name.into(),
        connection: ConnectionId(connection),
        attached: answer.try_recv().unwrap().unwrap(),
    }
}

fn detach(hub: &mut Hub, connected: Connected, clean: bool, now: Timestamp) {
    let detach = Detach {
        client: connected.client,
        connection: connected.connection,
        session: connected.attached.session,
        clean,
        session_expiry: None,
    };
    hub.command(Command::Detach(Box::new(detach)), now);
}

fn subscribe(hub: &mut Hub, name: &str, filter: &str) {
    subscribe_with(hub, name, filter, QoS::AtLeastOnce);
}

fn subscribe_with(hub: &mut Hub, name: &str, filter: &str, qos: QoS) {
    let (reply, _) = oneshot::channel();
    let options = SubscriptionOptions {
        qos,
        ..Default::default()
    };
    let command = Command::Subscribe {
        client: name.into(),
        filters: vec![(TopicFilter::try_from(filter).unwrap(), options)],
        id: None,
        reply,
    };
    hub.command(command, at(0));
}

fn payloads(inbox: &Inbox) -> Vec<String> {
    let text = |d: Delivery| String::from_utf8_lossy(d.message.payload()).into_owned();
    inbox.empty().into_iter().map(text).collect()
}

#[test]
fn a_session_expires_at_its_time_and_its_subscriptions_with_it() {
    // Section 3.1.2.11.2; [MQTT-4.1.0-1], [MQTT-4.1.0-2], [MQTT3-4.1.0-1], [MQTT3-4.1.0-2]
    let mut hub = hub();
    let client = connect(&mut hub, "c", 1, 60);
    subscribe(&mut hub, "c", "a/#");
    // While the connection lasts, so does the session.
    assert_eq!(hub.deadline(), None);
    hub.tick(at(100));
    assert_eq!(hub.subscriptions.len(), 1);
    detach(&mut hub, client, true, at(100));
    assert_eq!(hub.deadline(), Some(at(160)));
    hub.tick(at(159));
    assert_eq!(hub.subscriptions.len(), 1);
    hub.tick(at(160));
    assert_eq!(hub.subscriptions.len(), 0);
    assert!(hub.clients.is_empty() && hub.by_id.is_empty());
}

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
fn of_many_connections_with_one_name_the_last_has_the_session() {
    let mut hub = hub();
    let first = connect(&mut hub, "c", 1, 60);
    let mut second = attach(&mut hub, "c", 2, 60, None);
    let mut third = attach(&mut hub, "c", 3, 60, None);
    assert!(
        second.try_recv().is_err(),
        "the first has the session still"
    );
    detach(&mut hub, first, false, at(1));
    let attached = second.try_recv().unwrap().unwrap();
    assert!(attached.session_present);
    let second = Connected {
        client: "c".into(),
        connection: ConnectionId(2),
        attached,
    };
    detach(&mut hub, second, false, at(2));
    assert!(third.try_recv().unwrap().unwrap().session_present);
    assert_eq!(hub.clients.len(), 1);
}

#[test]
fn what_lies_in_the_inbox_when_the_connection_ends_goes_into_the_session() {
    let mut hub = hub();
    let client = connect(&mut hub, "c", 1, 60);
    subscribe(&mut hub, "c", "a");
    hub.route(&message("a", "1", 7), at(0));
    hub.flush();
    hub.route(&message("a", "2", 7), at(0)); // pending, not yet in the inbox
    detach(&mut hub, client, false, at(1));
    hub.route(&message("a", "3", 7), at(2));
    let again = connect(&mut hub, "c", 2, 60);
    let queued: Vec<_> = again
        .attached
        .session
        .as_ref()
        .unwrap()
        .queued()
        .map(|d| String::from_utf8_lossy(d.message.payload()).into_owned())
        .collect();
    assert_eq!(queued, ["1", "2", "3"]);
}

#[test]
fn a_number_that_is_given_again_gets_nothing_of_its_former_owner() {
    let mut hub = hub();
    let old = connect(&mut hub, "old", 1, 0);
    subscribe(&mut hub, "old", "a");
    hub.route(&message("a", "1", 7), at(0));
    detach(&mut hub, old, true, at(1));
    let new = connect(&mut hub, "new", 2, 0);
    hub.route(&message("a", "2", 7), at(2));
    hub.flush();
    assert_eq!(payloads(&new.attached.inbox), [""; 0]);
}

#[test]
fn a_flood_of_qos_0_is_bounded_and_what_is_dropped_is_counted() {
    let mut hub = hub();
    let client = connect(&mut hub, "slow", 1, 0);
    subscribe(&mut hub, "slow", "a");
    let payload = "x".repeat(1 << 20);
    let mut flood = message("a", &payload, 7);
    for _ in 0..100 {
        flood = flood.detached();
        hub.route(&flood, at(0));
        hub.flush();
    }
    let kept = payloads(&client.attached.inbox).len() as u64;
    let dropped = hub.counters.values().dropped;
    assert!(kept < 100 && dropped > 0);
    assert_eq!(kept + dropped, 100);
}

#[test]
fn a_client_that_comes_and_goes_leaves_no_deadlines_behind() {
    let mut hub = hub();
    for n in 1..=50 {
        let client = connect(&mut hub, "flapping", n, 3_600);
        detach(&mut hub, client, true, at(n));
    }
    assert_eq!(hub.deadlines.len(), 1);
    assert_eq!(hub.deadline(), Some(at(3_650)));
    hub.tick(at(3_650));
    assert_eq!(hub.deadline(), None);
    assert!(hub.clients.is_empty());
}

#[test]
fn a_retained_message_that_expires_is_forgotten_and_counted_no_more() {
    let mut hub = hub();
    let mut properties = Vec::new();
    mqttwb_wire::Property::MessageExpiryInterval(10).write(&mut properties);
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: true,
        topic: "r",
        packet_id: 0,
        properties: Properties::trusted(&properties),
        payload: b"x",
    };
    let origin = message("r", "x", 1).origin();
    hub.route(&Message::new(&publish, "r", origin), at(0));
    assert_eq!(hub.counters.values().retained, 1);
    assert_eq!(hub.deadline(), Some(at(10)));
    hub.tick(at(10));
    assert_eq!(hub.counters.values().retained, 0);
    assert_eq!(hub.deadline(), None);
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

#[test]
fn messages_that_come_together_arrive_as_if_each_came_alone() {
    let messages = || {
        let mut messages = Vec::new();
        for n in 0..40 {
            let topic = if n % 11 < 8 { "a" } else { "b" };
            let qos = if n % 13 == 5 {
                QoS::AtLeastOnce
            } else {
                QoS::AtMostOnce
            };
            let from = if n % 17 < 12 { 1 } else { 7 };
            messages.push(made(topic, &n.to_string(), from, qos, n % 19 == 3));
        }
        messages
    };
    let mut arrived = Vec::new();
    for together in [false, true] {
        let mut hub = hub();
        // The publisher of most of them, with and without no-local; two that share; one that is away.
        let clients = ["own", "all", "x", "y", "away"];
        let mut connected: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(n, name)| connect(&mut hub, name, n as u64 + 1, 60))
            .collect();
        let options = SubscriptionOptions {
            qos: QoS::AtLeastOnce,
            no_local: true,
            ..Default::default()
        };
        let filter = TopicFilter::try_from("a").unwrap();
        hub.subscribe(&"own".into(), vec![(filter, options)], Some(5), at(0));
        subscribe(&mut hub, "all", "#");
        subscribe(&mut hub, "x", "$share/g/a");
        subscribe(&mut hub, "y", "$share/g/a");
        subscribe(&mut hub, "away", "+");
        let away = connected.pop().unwrap();
        detach(&mut hub, away, false, at(1));
        if together {
            let mut messages = messages();
            hub.messages(&mut messages, at(1));
            assert!(messages.is_empty());
        } else {
            for message in messages() {
                hub.messages(&mut vec![message], at(1));
            }
        }
        let again = connect(&mut hub, "away", 9, 60);
        let session = again.attached.session.as_ref().unwrap();
        let queued = session.queued().map(|delivery| delivery.message.clone());
        let mut all = vec![queued.map(|m| m.payload().to_vec()).collect::<Vec<_>>()];
        for client in &connected {
            hub.flush();
            let inbox = client.attached.inbox.empty();
            all.push(inbox.iter().map(|d| d.message.payload().to_vec()).collect());
        }
        assert_eq!(all[2].len(), 40, "whoever wants everything gets everything");
        arrived.push(all);
    }
    assert_eq!(arrived[0], arrived[1]);
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
