//! The session's rules, one by one, with a clock that stands still unless it is moved.

use mqttwb_model::{ConnectionId, MessageId, SubscriptionIds};
use mqttwb_wire::Properties;

use super::*;

pub(super) const SECOND: u64 = 1_000_000_000;

pub(super) fn terms(version: ProtocolVersion) -> Terms {
    Terms {
        version,
        keep_alive: Duration::from_secs(10),
        client_receive_maximum: u16::MAX,
        client_maximum_packet_size: usize::MAX,
        server_receive_maximum: 3,
        server_topic_alias_maximum: 2,
    }
}

pub(super) fn limits(messages: usize) -> QueueLimits {
    QueueLimits {
        messages,
        bytes: 1 << 20,
        when_full: WhenFull::DropNewest,
    }
}

pub(super) fn origin(id: u64) -> Origin {
    Origin {
        id: MessageId(id),
        publisher: ConnectionId(1),
        at: Timestamp(0),
    }
}

pub(super) fn publish(topic: &str, qos: QoS, packet_id: u16) -> Publish<'_> {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic,
        packet_id,
        properties: Properties::NONE,
        payload: b"x",
    }
}

pub(super) fn delivery(id: u64, qos: QoS) -> Delivery {
    Delivery {
        message: Message::new(&publish("t", qos, 1), "t", origin(id)),
        qos,
        retain: false,
        subscription_ids: SubscriptionIds::default(),
        seq: if qos > QoS::AtMostOnce { id } else { 0 },
        share: None,
    }
}

pub(super) fn connected(terms: Terms) -> Session {
    let mut session = Session::new(terms.clone(), limits(10));
    session.connect(terms, Timestamp(0), &mut Vec::new());
    session
}

pub(super) fn sent(actions: &[Action]) -> Vec<(u64, u16, bool)> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Publish {
                delivery,
                packet_id,
                dup,
            } => Some((delivery.message.origin().id.0, *packet_id, *dup)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_qos_2_message_goes_on_once_when_it_is_released() {
    let mut session = connected(terms(ProtocolVersion::V5));
    let mut actions = Vec::new();
    let p = publish("t", QoS::ExactlyOnce, 7);
    session.publish(&p, origin(1), &mut actions);
    session.publish(&p, origin(2), &mut actions); // sent again: the same message
    let rec = Action::PubRec(Ack::success(7));
    assert_eq!(actions, [rec.clone(), rec]);
    actions.clear();
    session.pubrel(&Ack::success(7), &mut actions);
    let [Action::Release { message, .. }, Action::PubComp(comp)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(message.origin().id, MessageId(1));
    assert_eq!(*comp, Ack::success(7));
    actions.clear();
    session.pubrel(&Ack::success(7), &mut actions);
    let unknown = Ack::with_reason(7, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
    assert_eq!(actions, [Action::PubComp(unknown)]);
}

#[test]
fn more_unreleased_messages_than_the_receive_maximum_are_refused() {
    // [MQTT-3.3.4-9]
    let mut session = connected(terms(ProtocolVersion::V5));
    let mut actions = Vec::new();
    for id in 1..=4 {
        session.publish(&publish("t", QoS::ExactlyOnce, id), origin(1), &mut actions);
    }
    let last = actions.pop();
    assert_eq!(
        last,
        Some(Action::Refuse(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED))
    );
    assert_eq!(session.awaiting_release(), 3);
}

#[test]
fn the_window_is_the_clients_receive_maximum_and_the_queue_moves_up_as_it_acknowledges() {
    // [MQTT-3.3.4-9], section 4.9
    let mut session = connected(Terms {
        client_receive_maximum: 2,
        ..terms(ProtocolVersion::V5)
    });
    let mut actions = Vec::new();
    let now = Timestamp(0);
    for id in 1..=4 {
        let kept = session.deliver(delivery(id, QoS::AtLeastOnce), now, &mut actions);
        assert_eq!(kept, Ok(()));
    }
    assert_eq!(sent(&actions), [(1, 1, false), (2, 2, false)]);
    assert_eq!(session.queued().len(), 2);
    actions.clear();
    session.puback(&Ack::success(2), now, &mut actions); // out of order
    assert_eq!(sent(&actions), [(3, 3, false)]);
    actions.clear();
    session.puback(&Ack::success(2), now, &mut actions); // again: means nothing
    assert_eq!(actions, []);
    let waiting: Vec<_> = session.inflight().map(|(id, _)| id).collect();
    assert_eq!(waiting, [1, 3]);
}

#[test]
fn identifiers_run_around_and_none_is_given_twice() {
    let mut session = connected(terms(ProtocolVersion::V311));
    let mut actions = Vec::new();
    let now = Timestamp(0);
    for n in 1..=200_000u64 {
        actions.clear();
        session
            .deliver(delivery(n, QoS::AtLeastOnce), now, &mut actions)
            .unwrap();
        let [(_, id, false)] = sent(&actions)[..] else {
            panic!("{actions:?}");
        };
        assert_eq!(u64::from(id), (n - 1) % 65_535 + 1);
        session.puback(&Ack::success(id), now, &mut actions);
    }
    assert_eq!(session.inflight().count(), 0);
}

#[test]
fn a_full_queue_refuses_and_says_so() {
    let mut session = Session::new(terms(ProtocolVersion::V5), limits(2));
    let mut deliver = |id, qos| session.deliver(delivery(id, qos), Timestamp(0), &mut Vec::new());
    assert_eq!(deliver(1, QoS::AtMostOnce), Err(Dropped::Away));
    assert_eq!(deliver(2, QoS::AtLeastOnce), Ok(()));
    assert_eq!(deliver(3, QoS::ExactlyOnce), Ok(()));
    assert_eq!(deliver(4, QoS::AtLeastOnce), Err(Dropped::QueueFull));
}

#[test]
fn what_is_larger_than_the_client_takes_or_has_expired_is_not_sent() {
    // [MQTT-3.1.2-25], [MQTT-3.3.2-5]
    let mut session = connected(Terms {
        client_maximum_packet_size: 13, // just what the second takes
        ..terms(ProtocolVersion::V5)
    });
    let mut actions = Vec::new();
    let mut properties = Vec::new();
    Property::MessageExpiryInterval(5).write(&mut properties);
    let mut p = publish("t", QoS::AtLeastOnce, 1);
    p.payload = b"too large for it";
    let large = Message::new(&p, "t", origin(1));
    p.payload = b"";
    p.properties = Properties::trusted(&properties);
    let brief = Message::new(&p, "t", origin(2));
    let of = |message: &Message| Delivery {
        message: message.clone(),
        ..delivery(1, QoS::AtLeastOnce)
    };
    let early = Timestamp(4 * SECOND);
    let late = Timestamp(5 * SECOND);
    let mut deliver = |message, now| session.deliver(of(message), now, &mut actions);
    assert_eq!(deliver(&large, early), Err(Dropped::TooLarge));
    assert_eq!(deliver(&brief, early), Ok(()));
    assert_eq!(deliver(&brief, late), Err(Dropped::Expired));
}

#[test]
fn what_was_sent_once_is_sent_again_though_it_has_expired_meanwhile() {
    // [MQTT-4.3.3-7]
    let mut session = connected(terms(ProtocolVersion::V5));
    let mut properties = Vec::new();
    Property::MessageExpiryInterval(5).write(&mut properties);
    let mut p = publish("t", QoS::ExactlyOnce, 1);
    p.properties = Properties::trusted(&properties);
    let brief = Delivery {
        message: Message::new(&p, "t", origin(1)),
        ..delivery(1, QoS::ExactlyOnce)
    };
    let mut actions = Vec::new();
    session.deliver(brief, Timestamp(0), &mut actions).unwrap();
    session.disconnect();
    actions.clear();
    let late = Timestamp(60 * SECOND);
    session.connect(terms(ProtocolVersion::V5), late, &mut actions);
    assert_eq!(sent(&actions), [(1, 1, true)]);
    actions.clear();
    session.pubrec(&Ack::success(1), late, &mut actions);
    assert_eq!(actions, [Action::PubRel(Ack::success(1))]);
}

#[test]
fn a_message_that_expired_before_its_release_is_acknowledged_to_the_end() {
    // [MQTT-4.3.3-13]
    let mut session = connected(terms(ProtocolVersion::V5));
    let mut properties = Vec::new();
    Property::MessageExpiryInterval(0).write(&mut properties);
    let mut p = publish("t", QoS::ExactlyOnce, 7);
    p.properties = Properties::trusted(&properties);
    let mut actions = Vec::new();
    session.publish(&p, origin(1), &mut actions);
    session.pubrel(&Ack::success(7), &mut actions);
    assert_eq!(actions.first(), Some(&Action::PubRec(Ack::success(7))));
    assert_eq!(actions.last(), Some(&Action::PubComp(Ack::success(7))));
}

#[test]
fn an_alias_stands_for_its_topic_until_the_connection_ends() {
    let mut session = connected(terms(ProtocolVersion::V5));
    let say = |session: &mut Session, topic, alias| {
        let mut properties = Vec::new();
        Property::TopicAlias(alias).write(&mut properties);
        let mut p = publish(topic, QoS::AtMostOnce, 0);
        p.properties = Properties::trusted(&properties);
        let mut actions = Vec::new();
        session.publish(&p, origin(1), &mut actions);
        actions.remove(0)
    };
    let invalid = Action::Refuse(ReasonCode::TOPIC_ALIAS_INVALID);
    assert_eq!(say(&mut session, "", 1), invalid);
    assert_eq!(say(&mut session, "a", 1), Action::Forward { topic: None });
    let known = Action::Forward {
        topic: Some("a".into()),
    };
    assert_eq!(say(&mut session, "", 1), known);
    assert_eq!(say(&mut session, "b", 3), invalid, "[MQTT-3.3.2-9]");
    session.disconnect();
    session.connect(terms(ProtocolVersion::V5), Timestamp(0), &mut Vec::new());
    assert_eq!(say(&mut session, "", 1), invalid);
}

#[test]
fn a_subscriber_that_refuses_a_qos_2_message_is_done_with_it() {
    let mut session = connected(terms(ProtocolVersion::V5));
    let mut actions = Vec::new();
    let now = Timestamp(0);
    session
        .deliver(delivery(1, QoS::ExactlyOnce), now, &mut actions)
        .unwrap();
    let refused = Ack::with_reason(1, ReasonCode::QUOTA_EXCEEDED);
    session.pubrec(&refused, now, &mut actions);
    assert_eq!(session.inflight().count(), 0);
}

#[test]
fn what_waits_for_an_acknowledgement_is_bounded_in_bytes() {
    let terms = terms(ProtocolVersion::V5);
    let mut session = Session::new(terms.clone(), limits(100));
    session.connect(terms, Timestamp(0), &mut Vec::new());
    let payload = vec![0; 400 << 10]; // three of these are past the megabyte
    let big = |id: u64, qos| {
        let p = Publish {
            payload: &payload,
            ..publish("t", qos, 1)
        };
        Delivery {
            message: Message::new(&p, "t", origin(id)),
            ..delivery(id, qos)
        }
    };
    let mut actions = Vec::new();
    for id in 1..=4 {
        let qos = if id == 1 {
            QoS::ExactlyOnce
        } else {
            QoS::AtLeastOnce
        };
        session
            .deliver(big(id, qos), Timestamp(0), &mut actions)
            .unwrap();
    }
    assert_eq!(
        sent(&actions),
        [(1, 1, false), (2, 2, false), (3, 3, false)]
    );
    assert_eq!(session.queued().len(), 1);
    actions.clear();
    session.pubrec(&Ack::success(1), Timestamp(0), &mut actions);
    session.pubcomp(&Ack::success(1), Timestamp(0), &mut actions);
    assert_eq!(sent(&actions), [(4, 4, false)]);
    for id in 2..=4 {
        session.puback(&Ack::success(id), Timestamp(0), &mut actions);
    }
    session
        .deliver(big(5, QoS::AtLeastOnce), Timestamp(0), &mut actions)
        .unwrap();
    assert_eq!(session.queued().len(), 0);
}

#[test]
fn what_waits_for_its_release_is_bounded_in_bytes() {
    for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
        let mut session = connected(Terms {
            server_receive_maximum: u16::MAX,
            ..terms(version)
        });
        let payload = vec![0; 600 << 10];
        let big = |id| Publish {
            payload: &payload,
            ..publish("t", QoS::ExactlyOnce, id)
        };
        let mut actions = Vec::new();
        for id in 1..=3 {
            session.publish(&big(id), origin(1), &mut actions);
        }
        let refusal = match version {
            ProtocolVersion::V5 => Action::PubRec(Ack::with_reason(3, ReasonCode::QUOTA_EXCEEDED)),
            _ => Action::Refuse(ReasonCode::QUOTA_EXCEEDED),
        };
        assert_eq!(actions.pop(), Some(refusal));
        session.pubrel(&Ack::success(1), &mut actions);
        actions.clear();
        session.publish(&big(4), origin(1), &mut actions);
        assert_eq!(actions, [Action::PubRec(Ack::success(4))]);
    }
}

#[test]
fn what_is_sent_again_keeps_to_what_the_client_takes_now() {
    // [MQTT-3.3.4-9], [MQTT-3.1.2-24]
    let mut session = connected(terms(ProtocolVersion::V5));
    let mut actions = Vec::new();
    for id in 1..=5 {
        let mut delivery = delivery(id, QoS::AtLeastOnce);
        if id == 2 {
            let p = Publish {
                payload: b"longer",
                ..publish("t", QoS::AtLeastOnce, 1)
            };
            delivery.message = Message::new(&p, "t", origin(2));
        }
        session
            .deliver(delivery, Timestamp(0), &mut actions)
            .unwrap();
    }
    session.disconnect();
    actions.clear();
    let narrow = Terms {
        client_receive_maximum: 2,
        client_maximum_packet_size: 9,
        ..terms(ProtocolVersion::V5)
    };
    session.connect(narrow, Timestamp(0), &mut actions);
    session
        .deliver(delivery(6, QoS::AtLeastOnce), Timestamp(0), &mut Vec::new())
        .unwrap();
    assert_eq!(sent(&actions), [(1, 1, true), (3, 3, true)]);
    for (acknowledged, next) in [(3, (4, 4, true)), (1, (5, 5, true)), (4, (6, 6, false))] {
        actions.clear();
        session.puback(&Ack::success(acknowledged), Timestamp(0), &mut actions);
        assert_eq!(sent(&actions), [next]);
    }
}

#[test]
fn what_expires_in_the_queue_is_told_to_be_counted() {
    let mut session = Session::new(terms(ProtocolVersion::V5), limits(10));
    let mut properties = Vec::new();
    Property::MessageExpiryInterval(5).write(&mut properties);
    let mut p = publish("t", QoS::AtLeastOnce, 1);
    p.properties = Properties::trusted(&properties);
    let brief = Delivery {
        message: Message::new(&p, "t", origin(1)),
        ..delivery(1, QoS::AtLeastOnce)
    };
    session
        .deliver(brief, Timestamp(0), &mut Vec::new())
        .unwrap();
    let mut actions = Vec::new();
    let late = Timestamp(5 * SECOND);
    session.connect(terms(ProtocolVersion::V5), late, &mut actions);
    assert_eq!(
        actions,
        [Action::Dropped {
            reason: Dropped::Expired,
            seq: 1
        }]
    );
}

#[test]
fn what_waits_longest_makes_room_where_that_is_the_policy() {
    let limits = QueueLimits {
        when_full: WhenFull::DropOldest,
        ..limits(2)
    };
    let mut session = Session::new(terms(ProtocolVersion::V5), limits);
    let mut actions = Vec::new();
    for id in 1..=3 {
        let delivery = delivery(id, QoS::AtLeastOnce);
        session
            .deliver(delivery, Timestamp(0), &mut actions)
            .unwrap();
    }
    let dropped = Action::Dropped {
        reason: Dropped::QueueFull,
        seq: 1,
    };
    assert_eq!(actions, [dropped]);
    let queued: Vec<_> = session.queued().map(|d| d.seq).collect();
    assert_eq!(queued, [2, 3]);
}

#[test]
fn a_durable_session_says_what_must_be_kept_before_it_is_answered() {
    let mut session = connected(terms(ProtocolVersion::V5));
    session.set_durable(true);
    let now = Timestamp(0);
    let mut actions = Vec::new();
    session.publish(&publish("t", QoS::ExactlyOnce, 7), origin(1), &mut actions);
    session.publish(&publish("t", QoS::ExactlyOnce, 7), origin(2), &mut actions);
    let [
        Action::Received { packet_id: 7, .. },
        Action::PubRec(_),
        Action::PubRec(_),
    ] = &actions[..]
    else {
        panic!("{actions:?}");
    };
    session
        .deliver(delivery(1, QoS::ExactlyOnce), now, &mut actions)
        .unwrap();
    session
        .deliver(delivery(2, QoS::AtLeastOnce), now, &mut actions)
        .unwrap();
    actions.clear();
    session.pubrec(&Ack::success(1), now, &mut actions);
    session.pubrec(&Ack::success(1), now, &mut actions);
    session.pubcomp(&Ack::success(1), now, &mut actions);
    session.puback(&Ack::success(2), now, &mut actions);
    session.puback(&Ack::success(2), now, &mut actions);
    let expected = [
        Action::Released(1),
        Action::PubRel(Ack::success(1)),
        Action::PubRel(Ack::success(1)),
        Action::Done(1),
        Action::Done(2),
    ];
    assert_eq!(actions, expected);
}

#[test]
fn a_restored_session_sends_again_under_the_same_identifiers() {
    // [MQTT-4.4.0-1], [MQTT-3.3.1-1]
    let kept = [
        (delivery(65_535, QoS::ExactlyOnce), true),
        (delivery(65_537, QoS::ExactlyOnce), false),
        (delivery(65_540, QoS::AtLeastOnce), false),
    ];
    let mut received = publish("t", QoS::ExactlyOnce, 9);
    received.payload = b"released later";
    let received = Message::new(&received, "t", origin(5));
    let mut session = Session::new(terms(ProtocolVersion::V5), limits(10)).restored(
        kept.into_iter().map(|(delivery, released)| Kept {
            delivery,
            released,
            packet_id: None,
        }),
        65_537,
        [(9, received.clone())].into_iter(),
    );
    let mut actions = Vec::new();
    session.connect(terms(ProtocolVersion::V5), Timestamp(0), &mut actions);
    assert_eq!(actions[0], Action::PubRel(Ack::success(65_535)));
    assert_eq!(sent(&actions), [(65_537, 2, true), (65_540, 5, false)]);
    actions.clear();
    session.pubrel(&Ack::success(9), &mut actions);
    let release = Action::Release {
        message: received,
        packet_id: 9,
    };
    assert_eq!(actions[0], release);
    // Acknowledged in another order than they were sent, and with gaps between them.
    actions.clear();
    session.puback(&Ack::success(5), Timestamp(0), &mut actions);
    session.pubcomp(&Ack::success(65_535), Timestamp(0), &mut actions);
    assert_eq!(actions, [Action::Done(65_540), Action::Done(65_535)]);
    let left: Vec<_> = session.inflight().map(|(id, _)| id).collect();
    assert_eq!(left, [2]);
}
