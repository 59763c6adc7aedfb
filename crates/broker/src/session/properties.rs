//! Whatever is lost, cut and sent again: at least once, exactly once, in order.
//!
//! A publisher and a subscriber, written here after the standard's section 4.3 without a look at the broker's side,
//! talk to two sessions over links that lose everything under way when they are cut. proptest chooses who moves next.

use std::collections::{BTreeSet, VecDeque};

use mqttwb_model::SubscriptionIds;
use proptest::prelude::*;

use super::tests::{limits, origin, publish, terms};
use super::*;

/// A packet under way. TCP keeps the order, and loses all of it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wire {
    Publish {
        message: u64,
        id: u16,
        qos: QoS,
        dup: bool,
    },
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
}

/// What a publishing client keeps of a message until it is done (section 4.4).
#[derive(Debug, Clone)]
enum Unfinished {
    Publish { message: u64, id: u16, qos: QoS },
    Rel(u16),
}

#[derive(Debug, Default)]
struct World {
    /// Publisher's side.
    unfinished: VecDeque<Unfinished>,
    next_message: u64,
    acknowledged: BTreeSet<u64>,
    to_broker: VecDeque<Wire>,
    to_publisher: VecDeque<Wire>,
    /// Messages that crossed from one session to the other.
    crossing: VecDeque<Message>,
    crossed: u64,
    /// Subscriber's side.
    to_subscriber: VecDeque<Wire>,
    from_subscriber: VecDeque<Wire>,
    received: Vec<u64>,
    unreleased: BTreeSet<u16>,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Publish(QoS),
    PublisherToBroker,
    BrokerToPublisher,
    Cross,
    BrokerToSubscriber,
    SubscriberToBroker,
    CutPublisher,
    CutSubscriber,
}

struct Sessions {
    publisher: Session,
    subscriber: Session,
}

const NOW: Timestamp = Timestamp(0);

impl World {
    fn publish(&mut self, qos: QoS) {
        let used: BTreeSet<u16> = self
            .unfinished
            .iter()
            .map(|u| match u {
                Unfinished::Publish { id, .. } | Unfinished::Rel(id) => *id,
            })
            .collect();
        if used.len() >= 3 {
            return; // the broker's receive maximum
        }
        let id = (1..).find(|id| !used.contains(id)).unwrap();
        let message = self.next_message;
        self.next_message += 1;
        self.unfinished
            .push_back(Unfinished::Publish { message, id, qos });
        self.to_broker.push_back(Wire::Publish {
            message,
            id,
            qos,
            dup: false,
        });
    }

    /// The publisher's session at the broker acts.
    fn answer_publisher(&mut self, actions: Vec<Action>, message: Option<(u64, QoS)>) {
        for action in actions {
            match action {
                Action::Forward { .. } => {
                    let (message, qos) = message.unwrap();
                    let p = publish("t", qos, 1);
                    self.crossing
                        .push_back(Message::new(&p, "t", origin(message)));
                }
                Action::Release { message, .. } => self.crossing.push_back(message),
                Action::PubAck(a) => self.to_publisher.push_back(Wire::PubAck(a.packet_id)),
                Action::PubRec(a) => self.to_publisher.push_back(Wire::PubRec(a.packet_id)),
                Action::PubComp(a) => self.to_publisher.push_back(Wire::PubComp(a.packet_id)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn publisher_hears(&mut self, wire: Wire) {
        let place = |world: &Self, wanted: u16| {
            world.unfinished.iter().position(|u| match u {
                Unfinished::Publish { id, .. } | Unfinished::Rel(id) => *id == wanted,
            })
        };
        match wire {
            Wire::PubAck(id) => {
                if let Some(at) = place(self, id)
                    && let Unfinished::Publish { message, .. } = self.unfinished[at]
                {
                    self.acknowledged.insert(message);
                    self.unfinished.remove(at);
                }
            }
            Wire::PubRec(id) => {
                if let Some(at) = place(self, id) {
                    if let Unfinished::Publish { message, .. } = self.unfinished[at] {
                        self.acknowledged.insert(message);
                    }
                    self.unfinished[at] = Unfinished::Rel(id);
                    self.to_broker.push_back(Wire::PubRel(id));
                }
            }
            Wire::PubComp(id) => {
                if let Some(at) = place(self, id) {
                    self.unfinished.remove(at);
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// The subscriber's session at the broker acts.
    fn answer_subscriber(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.to_subscriber.push_back(match action {
                Action::Publish {
                    delivery,
                    packet_id,
                    dup,
                } => Wire::Publish {
                    message: delivery.message.origin().id.0,
                    id: packet_id,
                    qos: delivery.qos,
                    dup,
                },
                Action::PubRel(a) => Wire::PubRel(a.packet_id),
                other => panic!("{other:?}"),
            });
        }
    }

    fn subscriber_hears(&mut self, wire: Wire) {
        match wire {
            Wire::Publish {
                message,
                id,
                qos: QoS::ExactlyOnce,
                ..
            } => {
                if self.unreleased.insert(id) {
                    self.received.push(message);
                }
                self.from_subscriber.push_back(Wire::PubRec(id));
            }
            Wire::Publish { message, id, .. } => {
                self.received.push(message);
                self.from_subscriber.push_back(Wire::PubAck(id));
            }
            Wire::PubRel(id) => {
                self.unreleased.remove(&id);
                self.from_subscriber.push_back(Wire::PubComp(id));
            }
            other => panic!("{other:?}"),
        }
    }

    fn step(&mut self, next: Move, at: &mut Sessions) {
        let mut actions = Vec::new();
        match next {
            Move::Publish(qos) => self.publish(qos),
            Move::PublisherToBroker => {
                let Some(wire) = self.to_broker.pop_front() else {
                    return;
                };
                let mut message = None;
                match wire {
                    Wire::Publish {
                        message: m,
                        id,
                        qos,
                        dup,
                    } => {
                        let mut p = publish("t", qos, id);
                        p.dup = dup;
                        message = Some((m, qos));
                        at.publisher.publish(&p, origin(m), &mut actions);
                    }
                    Wire::PubRel(id) => at.publisher.pubrel(&Ack::success(id), &mut actions),
                    other => panic!("{other:?}"),
                }
                self.answer_publisher(actions, message);
            }
            Move::BrokerToPublisher => {
                if let Some(wire) = self.to_publisher.pop_front() {
                    self.publisher_hears(wire);
                }
            }
            Move::Cross => {
                let Some(message) = self.crossing.pop_front() else {
                    return;
                };
                self.crossed += 1;
                let delivery = Delivery {
                    seq: self.crossed,
                    qos: message.qos(),
                    message,
                    retain: false,
                    subscription_ids: SubscriptionIds::default(),
                    share: None,
                };
                at.subscriber.deliver(delivery, NOW, &mut actions).unwrap();
                self.answer_subscriber(actions);
            }
            Move::BrokerToSubscriber => {
                if let Some(wire) = self.to_subscriber.pop_front() {
                    self.subscriber_hears(wire);
                }
            }
            Move::SubscriberToBroker => {
                let Some(wire) = self.from_subscriber.pop_front() else {
                    return;
                };
                match wire {
                    Wire::PubAck(id) => at.subscriber.puback(&Ack::success(id), NOW, &mut actions),
                    Wire::PubRec(id) => at.subscriber.pubrec(&Ack::success(id), NOW, &mut actions),
                    Wire::PubComp(id) => {
                        at.subscriber.pubcomp(&Ack::success(id), NOW, &mut actions)
                    }
                    other => panic!("{other:?}"),
                }
                self.answer_subscriber(actions);
            }
            Move::CutPublisher => {
                self.to_broker.clear();
                self.to_publisher.clear();
                at.publisher.disconnect();
                at.publisher
                    .connect(terms(ProtocolVersion::V5), NOW, &mut actions);
                self.answer_publisher(actions, None);
                // [MQTT-4.4.0-1]: the client sends again what is unfinished, in order
                for unfinished in &self.unfinished {
                    self.to_broker.push_back(match *unfinished {
                        Unfinished::Publish { message, id, qos } => Wire::Publish {
                            message,
                            id,
                            qos,
                            dup: true,
                        },
                        Unfinished::Rel(id) => Wire::PubRel(id),
                    });
                }
            }
            Move::CutSubscriber => {
                self.to_subscriber.clear();
                self.from_subscriber.clear();
                at.subscriber.disconnect();
                let narrow = Terms {
                    // Another one each time: less may be taken than is in flight.
                    client_receive_maximum: 1 + (self.received.len() % 4) as u16,
                    ..terms(ProtocolVersion::V5)
                };
                at.subscriber.connect(narrow, NOW, &mut actions);
                self.answer_subscriber(actions);
            }
        }
    }
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => Just(Move::Publish(QoS::AtLeastOnce)),
        3 => Just(Move::Publish(QoS::ExactlyOnce)),
        6 => Just(Move::PublisherToBroker),
        6 => Just(Move::BrokerToPublisher),
        6 => Just(Move::Cross),
        6 => Just(Move::BrokerToSubscriber),
        6 => Just(Move::SubscriberToBroker),
        1 => Just(Move::CutPublisher),
        1 => Just(Move::CutSubscriber),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_message_arrives_at_least_once_and_at_qos_2_exactly_once(
        moves in prop::collection::vec(moves(), 0..300),
    ) {
        let mut at = Sessions {
            publisher: Session::new(terms(ProtocolVersion::V5), limits(10_000)),
            subscriber: Session::new(terms(ProtocolVersion::V5), limits(10_000)),
        };
        let mut world = World::default();
        world.step(Move::CutPublisher, &mut at);
        world.step(Move::CutSubscriber, &mut at);
        let mut qos_of = Vec::new();
        for next in moves {
            let before = world.next_message;
            world.step(next, &mut at);
            if let (Move::Publish(qos), true) = (next, world.next_message > before) {
                qos_of.push(qos);
            }
        }
        // The network holds; everything that is under way arrives.
        world.step(Move::CutPublisher, &mut at);
        world.step(Move::CutSubscriber, &mut at);
        for _ in 0..qos_of.len() * 10 + 50 {
            for next in [
                Move::PublisherToBroker,
                Move::BrokerToPublisher,
                Move::Cross,
                Move::BrokerToSubscriber,
                Move::SubscriberToBroker,
            ] {
                world.step(next, &mut at);
            }
        }
        prop_assert!(world.unfinished.is_empty(), "{:?}", world.unfinished);
        prop_assert_eq!(at.subscriber.inflight().count(), 0);
        prop_assert_eq!(at.subscriber.queued().len(), 0);
        for (message, qos) in (0u64..).zip(&qos_of) {
            prop_assert!(world.acknowledged.contains(&message));
            let times = world.received.iter().filter(|m| **m == message).count();
            match qos {
                QoS::ExactlyOnce => prop_assert_eq!(times, 1, "message {}", message),
                _ => prop_assert!(times >= 1, "message {message} never came"),
            }
        }
        // [MQTT-4.6.0-6]: first arrivals of one quality of service are in the order of publishing.
        for wanted in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut seen = BTreeSet::new();
            let first: Vec<u64> = world
                .received
                .iter()
                .copied()
                .filter(|m| qos_of[*m as usize] == wanted && seen.insert(*m))
                .collect();
            prop_assert!(first.is_sorted(), "{wanted:?}: {first:?}");
        }
    }
}
