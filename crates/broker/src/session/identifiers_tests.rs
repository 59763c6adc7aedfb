//! Identifiers when a client acknowledges some messages and never others.

use std::collections::BTreeMap;

use super::tests::{connected, delivery, limits, sent, terms};
use super::*;

const NOW: Timestamp = Timestamp(0);

fn wide() -> Terms {
    terms(ProtocolVersion::V5)
}

#[test]
fn a_message_that_is_never_acknowledged_holds_up_nothing_after_it() {
    // [MQTT-2.2.1-4]
    let mut session = connected(wide());
    let mut actions = Vec::new();
    let mut deliver = |n, acknowledge| {
        actions.clear();
        session
            .deliver(delivery(n, QoS::AtLeastOnce), NOW, &mut actions)
            .unwrap();
        let [(_, id, false)] = sent(&actions)[..] else {
            panic!("{n}: {actions:?}");
        };
        assert!(n == 1 || id != 1, "{n} has the identifier of the first");
        if acknowledge {
            session.puback(&Ack::success(id), NOW, &mut actions);
        }
    };
    deliver(1, false);
    (2..200_000).for_each(|n| deliver(n, true));
    let left: Vec<_> = session.inflight().map(|(id, _)| id).collect();
    assert_eq!(left, [1]);
    actions.clear();
    session.connect(wide(), NOW, &mut actions);
    assert_eq!(sent(&actions), [(1, 1, true)]);
    session.puback(&Ack::success(1), NOW, &mut actions);
    assert_eq!(session.inflight().count(), 0);
}

/// A durable session whose first message, at QoS 2, has had its identifier for as long as there are others.
fn around() -> Session {
    let kept = Kept {
        delivery: delivery(1, QoS::ExactlyOnce),
        released: false,
        packet_id: None,
    };
    let mut session =
        Session::new(wide(), limits(10)).restored([kept].into_iter(), 65_535, [].into_iter());
    session.connect(wide(), NOW, &mut Vec::new());
    session
}

#[test]
fn a_qos_2_message_is_not_sent_before_the_identifier_that_it_was_lent_is_safe() {
    // [MQTT-4.4.0-1]: after a crash it must be sent again under the same
    let mut session = around();
    let mut actions = Vec::new();
    for n in 65_536..65_539 {
        let qos = QoS::ExactlyOnce;
        session
            .deliver(delivery(n, qos), NOW, &mut actions)
            .unwrap();
    }
    let [Action::Identified { seq, packet_id }] = actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(seq, 65_536);
    actions.clear();
    session.identified(NOW, &mut actions);
    let in_order = [
        (65_536, packet_id, false),
        (65_537, 2, false),
        (65_538, 3, false),
    ];
    assert_eq!(sent(&actions), in_order);
    // And it is known under it.
    actions.clear();
    session.pubrec(&Ack::success(packet_id), NOW, &mut actions);
    assert_eq!(
        actions,
        [
            Action::Released(65_536),
            Action::PubRel(Ack::success(packet_id))
        ]
    );
    actions.clear();
    session.pubcomp(&Ack::success(packet_id), NOW, &mut actions);
    assert_eq!(actions, [Action::Done(65_536)]);
}

#[test]
fn at_qos_1_it_is_sent_at_once_and_written_down_all_the_same() {
    let mut session = around();
    let mut actions = Vec::new();
    let one = delivery(65_536, QoS::AtLeastOnce);
    session.deliver(one, NOW, &mut actions).unwrap();
    let [
        Action::Identified {
            seq: 65_536,
            packet_id,
        },
        Action::Publish { packet_id: id, .. },
    ] = &actions[..]
    else {
        panic!("{actions:?}");
    };
    assert_eq!(packet_id, id);
}

#[test]
fn what_was_found_again_and_cannot_have_been_sent_is_sent_for_the_first_time() {
    // The client was connected at the end, so any may have been sent; the last has the first's identifier, so it was not.
    let kept = [1, 2, 65_536, 65_537].map(|n| Kept {
        delivery: delivery(n, QoS::ExactlyOnce),
        released: false,
        packet_id: None,
    });
    let mut session =
        Session::new(wide(), limits(10)).restored(kept.into_iter(), 65_537, [].into_iter());
    let mut actions = Vec::new();
    session.connect(wide(), NOW, &mut actions);
    assert_eq!(sent(&actions), [(1, 1, true), (2, 2, true)]);
    assert_eq!(session.queued().len(), 2);
    session.identified(NOW, &mut actions);
    let new: Vec<_> = sent(&actions)[2..].to_vec();
    assert_eq!(
        new.iter().map(|(n, _, dup)| (*n, *dup)).collect::<Vec<_>>(),
        [(65_536, false)],
        "the next has an identifier in use too"
    );
}

/// A client that keeps some messages for ever, and a store that remembers what it must.
struct World {
    session: Session,
    random: fastrand::Rng,
    /// What the client has and has not acknowledged: number by identifier.
    has: BTreeMap<u16, u64>,
    /// The identifier that came last.
    newest: u16,
    /// What the store has: number, and the identifier that was written down.
    kept: BTreeMap<u64, Option<u16>>,
    last: u64,
}

impl World {
    fn quality(n: u64) -> QoS {
        if n.is_multiple_of(3) {
            QoS::ExactlyOnce
        } else {
            QoS::AtLeastOnce
        }
    }

    fn act(&mut self, again: bool, mut actions: Vec<Action>) {
        loop {
            let mut identified = false;
            for action in actions.drain(..) {
                match action {
                    Action::Publish {
                        delivery,
                        packet_id,
                        dup,
                    } => {
                        // After a crash what was not sent may seem to have been.
                        let before = self.has.insert(packet_id, delivery.seq);
                        let same = dup.then_some(delivery.seq);
                        assert!(before.is_none() || before == same, "identifier {packet_id}");
                        assert!(again || !dup);
                        self.newest = packet_id;
                    }
                    Action::Identified { seq, packet_id } => {
                        self.kept.insert(seq, Some(packet_id));
                        identified = true;
                    }
                    Action::Done(seq) => {
                        self.kept.remove(&seq);
                    }
                    Action::PubRel(_) | Action::Released(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            if !identified {
                return;
            }
            self.session.identified(NOW, &mut actions);
        }
    }

    fn deliver(&mut self) {
        self.last += 1;
        self.kept.insert(self.last, None);
        let one = delivery(self.last, Self::quality(self.last));
        let mut actions = Vec::new();
        self.session.deliver(one, NOW, &mut actions).unwrap();
        self.act(false, actions);
    }

    fn acknowledge(&mut self, id: u16) {
        let Some(n) = self.has.remove(&id) else {
            return;
        };
        let (ack, mut actions) = (Ack::success(id), Vec::new());
        if Self::quality(n) == QoS::AtLeastOnce {
            self.session.puback(&ack, NOW, &mut actions);
        } else {
            self.session.pubrec(&ack, NOW, &mut actions);
            self.session.pubcomp(&ack, NOW, &mut actions);
        }
        assert!(actions.contains(&Action::Done(n)), "{id} {n}: {actions:?}");
        self.act(false, actions);
    }

    /// The connection breaks, or the broker is killed and comes back with what the store has.
    fn again(&mut self, killed: bool) {
        if killed {
            let kept = self.kept.iter().map(|(n, packet_id)| Kept {
                delivery: delivery(*n, Self::quality(*n)),
                released: false,
                packet_id: *packet_id,
            });
            let new = Session::new(wide(), limits(usize::MAX));
            self.session = new.restored(kept, self.last, [].into_iter());
        } else {
            self.session.disconnect();
        }
        let mut actions = Vec::new();
        self.session.connect(wide(), NOW, &mut actions);
        let known = |(n, id, _): &(u64, u16, bool)| self.has.get(id) == Some(n);
        let resent: Vec<_> = sent(&actions).into_iter().filter(known).collect();
        let mut expected: Vec<_> = self.has.iter().map(|(id, n)| (*n, *id, true)).collect();
        expected.sort_unstable();
        assert!(resent == expected, "in order, under the same identifiers");
        self.act(true, actions);
    }
}

#[test]
fn whatever_a_client_leaves_unacknowledged_no_identifier_is_given_twice() {
    // One in so many is kept for long.
    for (seed, kept) in [(1, 50), (2, 1_000), (3, 10_000)] {
        let mut session = Session::new(wide(), limits(usize::MAX));
        session.set_durable(true);
        session.connect(wide(), NOW, &mut Vec::new());
        let mut world = World {
            session,
            random: fastrand::Rng::with_seed(seed),
            has: BTreeMap::new(),
            newest: 0,
            kept: BTreeMap::new(),
            last: 0,
        };
        for turn in 1..150_000 {
            world.deliver();
            if world.random.u32(..kept) > 0 {
                world.acknowledge(world.newest);
            } else if world.random.bool() {
                let from = world.random.u16(..);
                let any = world.has.range(from..).next().map(|(id, _)| *id);
                any.into_iter().for_each(|id| world.acknowledge(id));
            }
            if turn % 29_000 == 0 {
                let killed = world.random.bool();
                world.again(killed);
            }
        }
        assert!(world.last > 2 * 65_535 && !world.has.is_empty());
        while let Some(&id) = world.has.keys().next() {
            world.acknowledge(id);
        }
        assert_eq!(world.session.inflight().count(), 0);
        assert_eq!(world.session.queued().len(), 0);
        assert!(world.kept.is_empty());
    }
}
