//! The hub without sockets: records in, inboxes looked into, time moved by hand.

mod shared;
mod wills;

use mqttwb_model::durable::{Restored, RestoredSession, SessionRecord, WillRecord};
use mqttwb_model::{MessageId, ProtocolVersion};
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
    let info = Arc::new(ConnectionInfo::local(connection, name, ProtocolVersion::V5));
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
