use std::sync::Arc;

use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, Fault, FaultDone, MessageId, Observer, PacketMark,
    ProtocolVersion, SeenBy, Timestamp,
};

use super::*;
use crate::shown::{self, connection, mark, packet};
use crate::{Capture, Filter, Source};

use Direction::{ToBroker, ToClient};

const PUB: u64 = 1;
const SUB: u64 = 2;

/// What was seen, told packet by packet; a millisecond passes before each.
struct Scene {
    capture: Arc<Capture>,
    at: u64,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            capture: Capture::new(1 << 20),
            at: 0,
        };
        scene.connection(PUB, "pump-7");
        scene.connection(SUB, "ops");
        scene
    }

    fn connection(&self, id: u64, client: &str) {
        self.seen_by(id, client, SeenBy::Broker);
    }

    fn seen_by(&self, id: u64, client: &str, seen_by: SeenBy) {
        self.capture.connected(&ConnectionInfo {
            seen_by,
            version: ProtocolVersion::V5,
            ..connection(id, client)
        });
    }

    fn ends(&mut self, id: u64, why: &str) {
        self.at += 1_000_000;
        let (id, at) = (ConnectionId(id), Timestamp(self.at));
        self.capture.disconnected(id, at, why);
    }

    /// Returns the packet's number.
    fn see(
        &mut self,
        connection: u64,
        direction: Direction,
        frame: &[u8],
        message: Option<u64>,
        fault: Option<FaultDone>,
    ) -> u64 {
        self.at += 1_000_000;
        let mark = PacketMark {
            message: message.map(MessageId),
            fault: fault.map(|done| {
                Arc::new(Fault {
                    rule: "lossy".into(),
                    done,
                })
            }),
            ..mark(self.at, frame)
        };
        let seq = self.capture.kept().end;
        packet(&self.capture, (connection, direction), frame, mark);
        seq
    }

    fn publish(&mut self, id: u16, qos: u8, dup: bool, message: Option<u64>) -> u64 {
        let frame = publish(id, qos, dup);
        self.see(PUB, ToBroker, &frame, message, None)
    }

    fn deliver(&mut self, id: u16, qos: u8, message: u64) -> u64 {
        self.see(SUB, ToClient, &publish(id, qos, false), Some(message), None)
    }

    fn ack(&mut self, connection: u64, direction: Direction, first: u8, id: u16) -> u64 {
        self.see(connection, direction, &ack(first, id), None, None)
    }

    fn connect(&mut self, connection: u64, client: &str, session_present: bool) -> [u64; 2] {
        self.connection(connection, client);
        let connect = b"\x10\x0d\0\x04MQTT\x05\0\0\0\0\0\0";
        let connack = [0x20, 3, session_present.into(), 0, 0];
        [
            self.see(connection, ToBroker, connect, None, None),
            self.see(connection, ToClient, &connack, None, None),
        ]
    }

    fn messages(&self) -> Messages {
        let mut messages = Messages::new(100);
        for packet in self.capture.read(0, u64::MAX).iter() {
            messages.see(&packet, |id| client_of(self.capture.as_ref(), id));
        }
        messages
    }

    fn only(&self) -> MessageRecord {
        let messages = self.messages();
        assert_eq!(messages.positions(), 0..1, "{messages:?}");
        *messages.get(0).unwrap()
    }

    fn story(&self, of: StoryOf) -> Story {
        story(self.capture.as_ref(), of, 100).unwrap()
    }

    /// The numbers of a story's packets; `None` for a connection that has ended.
    fn told(&self, of: StoryOf) -> Vec<Option<u64>> {
        let steps = self.story(of).steps;
        steps
            .iter()
            .map(|step| match step {
                Step::Packet { seq, .. } => Some(*seq),
                Step::Ended { .. } => None,
            })
            .collect()
    }
}

/// A PUBLISH of MQTT 5 on `t`.
fn publish(id: u16, qos: u8, dup: bool) -> Vec<u8> {
    let id = id.to_be_bytes();
    let id: &[u8] = if qos > 0 { &id } else { &[] };
    let first = 0x30 | u8::from(dup) << 3 | qos << 1;
    shown::frame(first, &[b"\0\x01t", id, &[0, b'x']])
}

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;

fn ack(first: u8, id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    vec![first, 2, high, low]
}

#[test]
fn a_qos_1_message_is_done_when_its_subscriber_has_acknowledged() {
    let mut scene = Scene::new();
    scene.publish(41, 1, false, Some(7));
    scene.deliver(12, 1, 7);
    scene.ack(PUB, ToClient, PUBACK, 41);
    let record = scene.only();
    assert_eq!((record.deliveries, record.under_way()), (1, 1));
    assert_eq!(record.answer, Some(Progress::Done));
    scene.ack(SUB, ToBroker, PUBACK, 12);
    let record = scene.only();
    assert_eq!((record.done, record.under_way(), record.lost), (1, 0, 0));
    let took = record.last_done.unwrap().since(record.at);
    assert_eq!(took.as_millis(), 3);
    assert_eq!(record.message, Some(MessageId(7)));
    let all = [Some(0), Some(1), Some(2), Some(3)];
    assert_eq!(scene.told(StoryOf::Message(MessageId(7))), all);
    for seq in 0..4 {
        assert_eq!(scene.told(StoryOf::Packet(seq)), all, "by packet {seq}");
    }
}

#[test]
fn a_lost_puback_and_a_cut_make_a_duplicate_that_is_the_same_message() {
    let mut scene = Scene::new();
    let first = scene.publish(41, 1, false, Some(7));
    scene.deliver(12, 1, 7);
    let lost = ack(PUBACK, 41);
    scene.see(PUB, ToClient, &lost, None, Some(FaultDone::Dropped));
    scene.ack(SUB, ToBroker, PUBACK, 12);
    // Something else of both goes on meanwhile.
    scene.see(PUB, ToBroker, &publish(42, 1, false), Some(8), None);
    scene.ack(PUB, ToClient, PUBACK, 42);
    scene.ends(PUB, "cut by the fault rule lossy");
    let [connect, connack] = scene.connect(3, "pump-7", true);
    let again = publish(41, 1, true);
    let again = scene.see(3, ToBroker, &again, Some(9), None);
    let second = scene.deliver(13, 1, 9);
    let told = scene.ack(3, ToClient, PUBACK, 41);
    let last = scene.ack(SUB, ToBroker, PUBACK, 13);

    let messages = scene.messages();
    assert_eq!(messages.positions(), 0..2);
    let record = messages.get(0).unwrap();
    assert_eq!((record.deliveries, record.done, record.again), (2, 2, 1));
    assert_eq!((record.faults, record.answer), (1, Some(Progress::Done)));
    let steps = [
        Some(first),
        Some(1),
        Some(2),
        Some(3),
        None, // the connection has ended
        Some(connect),
        Some(connack),
        Some(again),
        Some(second),
        Some(told),
        Some(last),
    ];
    for of in [
        StoryOf::Message(MessageId(7)),
        StoryOf::Message(MessageId(9)),
        StoryOf::Packet(last),
        StoryOf::Packet(told),
    ] {
        assert_eq!(scene.told(of), steps, "{of:?}");
    }
    let story = scene.story(StoryOf::Packet(0));
    assert_eq!(story.deliveries.len(), 2);
    let ops = |d: &StoryDelivery| d.client.as_ref().is_some_and(|c| c.as_str() == "ops");
    assert!(story.deliveries.iter().all(ops));
    let Step::Ended { why, .. } = &story.steps[4] else {
        panic!("{story:?}");
    };
    assert!(why.contains("lossy"));
}

#[test]
fn of_a_qos_2_message_treated_the_same_there_is_one_delivery() {
    let mut scene = Scene::new();
    scene.publish(41, 2, false, Some(7));
    let lost = ack(PUBREC, 41);
    scene.see(PUB, ToClient, &lost, None, Some(FaultDone::Dropped));
    scene.connect(3, "pump-7", true);
    scene.see(3, ToBroker, &publish(41, 2, true), Some(8), None);
    scene.ack(3, ToClient, PUBREC, 41);
    scene.ack(3, ToBroker, PUBREL, 41);
    // It goes on when it is released, under the number of its first coming.
    scene.deliver(12, 2, 7);
    scene.ack(3, ToClient, PUBCOMP, 41);
    scene.ack(SUB, ToBroker, PUBREC, 12);
    scene.ack(SUB, ToClient, PUBREL, 12);
    let record = scene.only();
    assert_eq!((record.deliveries, record.under_way()), (1, 1));
    scene.ack(SUB, ToBroker, PUBCOMP, 12);
    let record = scene.only();
    assert_eq!((record.done, record.again), (1, 1));
    let told = scene.told(StoryOf::Message(MessageId(8)));
    assert_eq!(told, (0..12).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_publish_that_never_came_belongs_to_the_one_that_did() {
    let mut scene = Scene::new();
    let lost = publish(41, 1, false);
    scene.see(PUB, ToBroker, &lost, None, Some(FaultDone::CutBefore));
    scene.connect(3, "pump-7", true);
    scene.see(3, ToBroker, &publish(41, 1, true), Some(8), None);
    let record = scene.only();
    assert_eq!((record.first, record.message), (0, Some(MessageId(8))));
    assert_eq!(
        scene.told(StoryOf::Message(MessageId(8))),
        [Some(0), Some(1), Some(2), Some(3)]
    );
}

#[test]
fn a_packet_identifier_that_is_used_anew_is_another_message() {
    let mut scene = Scene::new();
    for message in 1..4 {
        scene.publish(1, 1, false, Some(message));
        scene.ack(PUB, ToClient, PUBACK, 1);
    }
    // Without DUP nobody says that it was sent before.
    scene.publish(1, 1, false, Some(4));
    scene.publish(1, 1, false, Some(5));
    assert_eq!(scene.messages().positions(), 0..5);
    assert_eq!(
        scene.told(StoryOf::Message(MessageId(2))),
        [Some(2), Some(3)]
    );
}

#[test]
fn a_delivery_is_lost_when_it_is_dropped_refused_or_its_session_ends() {
    let mut scene = Scene::new();
    scene.publish(0, 0, false, Some(1));
    let dropped = publish(0, 0, false);
    scene.see(SUB, ToClient, &dropped, Some(1), Some(FaultDone::Dropped));
    scene.deliver(12, 1, 1);
    scene.see(SUB, ToBroker, b"\x40\x03\0\x0c\x97", None, None);
    scene.deliver(13, 2, 1);
    scene.deliver(0, 0, 1);
    let record = scene.only();
    assert_eq!((record.deliveries, record.done, record.lost), (4, 1, 2));
    scene.connect(4, "ops", false);
    let record = scene.only();
    assert_eq!((record.done, record.lost, record.under_way()), (1, 3, 0));
    let deliveries = scene.story(StoryOf::Packet(0)).deliveries;
    let lost = |d: &&StoryDelivery| d.progress == Progress::Refused;
    assert_eq!(deliveries.iter().filter(lost).count(), 3);
}

#[test]
fn a_delivery_that_the_broker_sends_again_is_the_same_delivery() {
    let mut scene = Scene::new();
    scene.publish(41, 1, false, Some(1));
    scene.deliver(12, 1, 1);
    scene.ends(SUB, "the socket was closed");
    scene.connect(4, "ops", true);
    scene.see(4, ToClient, &publish(12, 1, true), Some(1), None);
    scene.see(4, ToBroker, &ack(PUBACK, 12), None, None);
    let record = scene.only();
    assert_eq!((record.deliveries, record.done, record.again), (1, 1, 1));
    let story = scene.story(StoryOf::Packet(0));
    assert_eq!((story.deliveries.len(), story.deliveries[0].again), (1, 1));
    assert_eq!(story.steps.len(), 7, "{story:?}");
}

#[test]
fn what_a_client_sees_of_the_same_connection_is_no_second_message() {
    let mut scene = Scene::new();
    scene.seen_by(7, "pump-7", SeenBy::ClientOfBroker);
    scene.see(7, ToBroker, &publish(41, 1, false), None, None);
    let first = scene.publish(41, 1, false, Some(1));
    scene.ack(PUB, ToClient, PUBACK, 41);
    scene.ack(7, ToClient, PUBACK, 41);
    assert_eq!(scene.only().first, first);
    assert_eq!(scene.told(StoryOf::Packet(first)), [Some(1), Some(2)]);
    // A client of the same name at another broker is another client.
    scene.publish(42, 1, false, Some(2));
    scene.seen_by(8, "pump-7", SeenBy::ClientOfRemote);
    scene.see(8, ToClient, &ack(PUBACK, 42), None, None);
    assert_eq!(scene.messages().get(1).unwrap().answer, None);
}

#[test]
fn a_will_begins_with_the_connect_that_left_it() {
    let mut scene = Scene::new();
    scene.connection(5, "doomed");
    let will = b"\x10\x1a\0\x04MQTT\x05\x04\0\0\0\0\x06doomed\0\0\x01t\0\x01x";
    let connect = scene.see(5, ToBroker, will, None, None);
    scene.see(5, ToClient, b"\x20\x03\0\0\0", None, None);
    scene.ends(5, "the socket was closed");
    let delivery = scene.deliver(0, 0, 33);
    let record = scene.only();
    assert!(!record.published);
    assert_eq!((record.first, record.done), (delivery, 1));
    assert_eq!(
        scene.told(StoryOf::Message(MessageId(33))),
        [Some(connect), None, Some(delivery)]
    );
}

#[test]
fn steps_and_messages_that_find_no_room_are_counted() {
    let mut scene = Scene::new();
    scene.publish(0, 0, false, Some(1));
    for _ in 0..9 {
        scene.deliver(0, 0, 1);
    }
    let told = story(scene.capture.as_ref(), StoryOf::Packet(0), 4).unwrap();
    assert_eq!((told.steps.len(), told.left_out), (4, 6));
    assert_eq!(told.deliveries.len(), 9);

    let mut messages = Messages::new(2);
    for message in 2..5 {
        scene.publish(0, 0, false, Some(message));
    }
    for packet in scene.capture.read(0, u64::MAX).iter() {
        messages.see(&packet, |_| None);
    }
    assert_eq!(messages.positions(), 2..4);
    messages.forget_before(u64::MAX);
    assert_eq!(messages.positions(), 4..4);
    assert_eq!(story(scene.capture.as_ref(), StoryOf::Packet(99), 4), None);
}

#[test]
fn a_view_shows_the_messages_that_pass_in_place() {
    let mut scene = Scene::new();
    for message in 0..6 {
        scene.publish(0, (message % 2) as u8, false, Some(message));
        scene.deliver(0, 0, message);
    }
    let source: Arc<dyn Source> = scene.capture.clone();
    let mut messages = scene.messages();
    let mut all = MessageView::new(Arc::clone(&source), Filter::all());
    assert!(!all.advance(&messages, 100));
    assert_eq!(all.positions(), 0..6);
    let filter = Filter::all()
        .qos(mqttwb_model::QoS::AtLeastOnce)
        .direction(ToClient);
    let mut some = MessageView::new(Arc::clone(&source), filter);
    assert!(some.advance(&messages, 2), "there is more to look at");
    assert!(!some.advance(&messages, 100));
    let (start, rows) = some.rows(&messages, 1, 10);
    assert_eq!(start, 1);
    let shown: Vec<_> = rows.iter().map(|row| row.message.unwrap().0).collect();
    assert_eq!(shown, [3, 5]);
    // What is gone moves no position.
    messages.forget_before(8);
    some.advance(&messages, 100);
    assert_eq!(some.positions(), 2..3);
    assert_eq!(some.rows(&messages, 0, 10).1.len(), 1);
}

#[test]
fn a_message_is_struck_when_any_of_its_packets_is() {
    let mut scene = Scene::new();
    scene.publish(1, 1, false, Some(1));
    scene.publish(2, 1, false, Some(2));
    let source: Arc<dyn Source> = scene.capture.clone();
    let mut view = MessageView::new(source, Filter::all().faults());
    view.advance(&scene.messages(), 100);
    assert!(view.positions().is_empty());
    scene.see(
        PUB,
        ToClient,
        &ack(PUBACK, 2),
        None,
        Some(FaultDone::Dropped),
    );
    let messages = scene.messages();
    view.advance(&messages, 100);
    view.advance(&messages, 100);
    let (_, rows) = view.rows(&messages, 0, 10);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].message, Some(MessageId(2)));
}
