//! Faults done on purpose: what arrives, what the broker believes, and what the record says.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mqttwb_broker::BrokerConfig;
use mqttwb_model::{
    ClientPattern, ConnectionId, ConnectionInfo, Direction, FaultAction, FaultDone, FaultRule,
    FaultWhen, Observer, PacketBatch, PacketType, Refusal, Timestamp, TopicFilter,
};
use mqttwb_wire::{Ack, Packet, ReasonCode};

use crate::support::*;

/// What the record says of packets that were struck: direction, bytes, what was done.
#[derive(Default)]
struct Record(Mutex<Vec<(Direction, Vec<u8>, FaultDone)>>);

impl Observer for Record {
    fn connected(&self, _: &ConnectionInfo) {}
    fn packets(&self, batch: PacketBatch<'_>) {
        for mark in batch.marks {
            if let Some(fault) = &mark.fault {
                assert_eq!(&*fault.rule, "rule");
                let start = mark.start as usize;
                let frame = batch.bytes[start..start + mark.len as usize].to_vec();
                let entry = (batch.direction, frame, fault.done);
                self.0.lock().unwrap().push(entry);
            }
        }
    }
    fn disconnected(&self, _: ConnectionId, _: Timestamp, _: &str) {}
    fn refused(&self, _: &Refusal) {}
}

impl Record {
    fn done(&self) -> Vec<FaultDone> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|(.., done)| *done)
            .collect()
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let record = self.0.lock().unwrap();
        record.iter().map(|(_, frame, _)| frame.clone()).collect()
    }
}

fn rule(direction: Direction, packet: PacketType, action: FaultAction) -> FaultRule {
    FaultRule {
        name: "rule".into(),
        client: ClientPattern::from("struck*"),
        direction: Some(direction),
        packets: vec![packet],
        topic: None,
        skip: 0,
        when: FaultWhen::First(1),
        action,
    }
}

/// A broker whose first PUBLISH in this direction is struck, a client that is, and one that is not.
async fn struck(
    direction: Direction,
    action: FaultAction,
) -> (TestBroker, Arc<Record>, Client, Client) {
    let record = Arc::new(Record::default());
    let broker = broker_with(BrokerConfig::default(), record.clone()).await;
    let rule = rule(direction, PacketType::Publish, action);
    broker.broker.set_faults(vec![rule]).unwrap();
    let mut struck = Client::connected(&broker, V5, "struck").await;
    let mut other = Client::connected(&broker, V5, "other").await;
    struck.subscribe("to/struck", 2).await;
    other.subscribe("to/other", 2).await;
    (broker, record, struck, other)
}

/// Three messages to the struck client.
async fn three_to(mut other: Client) -> Client {
    for payload in ["1", "2", "3"] {
        other.publish(publish("to/struck", payload, 0)).await;
    }
    other
}

/// Three messages of the struck client in one write.
async fn three_of(struck: &mut Client) {
    let mut bytes = Vec::new();
    for payload in ["1", "2", "3"] {
        bytes.extend(bytes_of(
            &Packet::Publish(publish("to/other", payload, 0)),
            V5,
        ));
    }
    struck.send_bytes(&bytes).await;
}

async fn payloads<const N: usize>(client: &mut Client) -> [String; N] {
    let mut got = [const { String::new() }; N];
    for payload in &mut got {
        *payload = client.message().await.payload;
    }
    client.expect_nothing().await;
    got
}

#[tokio::test]
async fn a_dropped_packet_does_not_arrive() {
    let (broker, record, mut client, other) = struck(Direction::ToClient, FaultAction::Drop).await;
    let _other = three_to(other).await;
    assert_eq!(payloads(&mut client).await, ["2", "3"]);
    assert_eq!(record.done(), [FaultDone::Dropped]);
    let one = bytes_of(&Packet::Publish(publish("to/struck", "1", 0)), V5);
    assert_eq!(record.frames(), [one]);
    // The broker believes that it was sent.
    assert_eq!(broker.broker.counters().values().messages_out, 3);
    let status = &broker.broker.faults()[0];
    assert_eq!((status.seen, status.struck), (3, 1));

    let (broker, record, mut client, mut other) =
        struck(Direction::ToBroker, FaultAction::Drop).await;
    three_of(&mut client).await;
    client.expect_nothing().await;
    assert_eq!(payloads(&mut other).await, ["2", "3"]);
    assert_eq!(record.done(), [FaultDone::Dropped]);
    // The session never knew of it.
    assert_eq!(broker.broker.counters().values().messages_in, 2);
}

#[tokio::test]
async fn a_delayed_packet_comes_later_and_what_is_behind_it_stays_behind_it() {
    const DELAY: Duration = Duration::from_millis(30);
    let action = FaultAction::Delay(DELAY);
    let (_broker, record, mut client, other) = struck(Direction::ToClient, action).await;
    let began = Instant::now();
    let _other = three_to(other).await;
    assert_eq!(payloads(&mut client).await, ["1", "2", "3"]);
    assert!(began.elapsed() >= DELAY);
    assert_eq!(record.done(), [FaultDone::Delayed(30)]);

    let (_broker, record, mut client, mut other) = struck(Direction::ToBroker, action).await;
    let began = Instant::now();
    three_of(&mut client).await;
    client.expect_nothing().await;
    assert!(began.elapsed() >= DELAY, "PINGREQ waits behind it");
    assert_eq!(payloads(&mut other).await, ["1", "2", "3"]);
    assert_eq!(record.done(), [FaultDone::Delayed(30)]);
}

#[tokio::test]
async fn a_duplicate_arrives_twice() {
    let (_broker, record, mut client, other) =
        struck(Direction::ToClient, FaultAction::Duplicate).await;
    let _other = three_to(other).await;
    assert_eq!(payloads(&mut client).await, ["1", "1", "2", "3"]);
    assert_eq!(record.done(), [FaultDone::Duplicate]);

    let (_broker, record, mut client, mut other) =
        struck(Direction::ToBroker, FaultAction::Duplicate).await;
    three_of(&mut client).await;
    client.expect_nothing().await;
    assert_eq!(payloads(&mut other).await, ["1", "1", "2", "3"]);
    assert_eq!(record.done(), [FaultDone::Duplicate]);
}

#[tokio::test]
async fn a_duplicate_subscribe_is_answered_twice() {
    let broker = broker().await;
    let rule = rule(
        Direction::ToBroker,
        PacketType::Subscribe,
        FaultAction::Duplicate,
    );
    broker.broker.set_faults(vec![rule]).unwrap();
    let mut client = Client::connected(&broker, V311, "struck").await;
    client.subscribe("a", 0).await;
    client
        .expect(|p| matches!(p, Packet::SubAck(_)).then_some(()))
        .await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn a_corrupted_packet_has_the_byte_at_its_place_turned_over() {
    // The payload is the last byte: the place is past the end.
    let action = FaultAction::Corrupt(Some(1_000));
    let (_broker, record, mut client, other) = struck(Direction::ToClient, action).await;
    let _other = three_to(other).await;
    let bytes = client.frame().await;
    assert_eq!(bytes.last(), Some(&!b'1'));
    assert_eq!(payloads(&mut client).await, ["2", "3"]);
    let at = bytes.len() as u32 - 1;
    let done = FaultDone::Corrupted { at, was: b'1' };
    assert_eq!((record.done(), record.frames()), (vec![done], vec![bytes]));

    let (_broker, record, mut client, mut other) = struck(Direction::ToBroker, action).await;
    three_of(&mut client).await;
    client.expect_nothing().await;
    assert_eq!(other.frame().await.last(), Some(&!b'1'));
    assert_eq!(payloads(&mut other).await, ["2", "3"]);
    assert!(matches!(
        record.done()[..],
        [FaultDone::Corrupted { was: b'1', .. }]
    ));
}

#[tokio::test]
async fn a_corrupted_header_is_refused_like_any_malformed_packet() {
    // The first byte turned over is a packet type that is not for a client, or flags that must not be.
    let action = FaultAction::Corrupt(Some(0));
    let (_broker, record, mut client, mut other) = struck(Direction::ToBroker, action).await;
    three_of(&mut client).await;
    assert!(client.expect_end().await.is_some());
    assert!(matches!(
        record.done()[..],
        [FaultDone::Corrupted { at: 0, was: 0x30 }]
    ));
    other.expect_nothing().await;
}

#[tokio::test]
async fn after_a_truncated_packet_what_follows_is_taken_for_the_rest_of_it() {
    let whole = bytes_of(&Packet::Publish(publish("to/struck", "1", 0)), V5);
    let cut = whole.len() as u32 - 1;
    let action = FaultAction::Truncate(cut);
    let (_broker, record, mut client, other) = struck(Direction::ToClient, action).await;
    let _other = three_to(other).await;
    // Its payload is the first byte of the next packet.
    let first = client.frame().await;
    assert_eq!(first[..cut as usize], whole[..cut as usize]);
    assert_eq!(first[cut as usize], 0x30);
    assert_eq!(record.done(), [FaultDone::Truncated(cut + 1)]);
    assert_eq!(record.frames(), [whole[..cut as usize].to_vec()]);

    let whole = bytes_of(&Packet::Publish(publish("to/other", "1", 0)), V5);
    let action = FaultAction::Truncate(whole.len() as u32 - 1);
    let (_broker, record, mut client, mut other) = struck(Direction::ToBroker, action).await;
    three_of(&mut client).await;
    assert_eq!(other.message().await.payload, "0"); // 0x30
    assert!(client.expect_end().await.is_some(), "out of step");
    assert_eq!(record.done(), [FaultDone::Truncated(whole.len() as u32)]);
}

#[tokio::test]
async fn a_cut_ends_the_connection_before_the_packet_or_behind_it() {
    for (action, done, arrives) in [
        (FaultAction::CutBefore, FaultDone::CutBefore, 0),
        (FaultAction::CutAfter, FaultDone::CutAfter, 1),
    ] {
        let (_broker, record, client, other) = struck(Direction::ToClient, action).await;
        let mut other = three_to(other).await;
        other.expect_nothing().await;
        let mut client = client;
        let frames = client.frames_to_the_end().await;
        assert_eq!(
            frames.len(),
            arrives,
            "no DISCONNECT, and nothing behind it"
        );
        assert_eq!(record.done()[0], done);
        assert!(record.done()[1..].iter().all(|d| *d == FaultDone::Lost));

        let (_broker, record, mut client, mut other) = struck(Direction::ToBroker, action).await;
        three_of(&mut client).await;
        assert_eq!(client.expect_end().await, None);
        for _ in 0..arrives {
            assert_eq!(other.message().await.payload, "1");
        }
        other.expect_nothing().await;
        assert_eq!(record.done(), [done]);
    }
}

#[tokio::test]
async fn a_will_is_published_when_a_rule_cuts_the_connection() {
    // [MQTT-3.1.2-8]
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("will", 0).await;
    let will = mqttwb_wire::Will {
        topic: "will",
        payload: b"gone",
        qos: mqttwb_model::QoS::AtMostOnce,
        retain: false,
        properties: mqttwb_wire::Properties::NONE,
    };
    let mut client = Client::open(broker.address, V5).await;
    client
        .connect(mqttwb_wire::Connect {
            will: Some(will),
            ..connect(V5, "struck")
        })
        .await;
    // Rules hold for connections that are there already.
    let rule = rule(
        Direction::ToBroker,
        PacketType::Disconnect,
        FaultAction::CutBefore,
    );
    broker.broker.set_faults(vec![rule]).unwrap();
    client.disconnect().await;
    assert_eq!(watcher.message().await.payload, "gone");
}

#[tokio::test]
async fn a_connack_that_is_lost_leaves_a_client_that_waits() {
    let broker = broker().await;
    let rule = rule(Direction::ToClient, PacketType::ConnAck, FaultAction::Drop);
    broker.broker.set_faults(vec![rule]).unwrap();
    let mut client = Client::open(broker.address, V5).await;
    client
        .send(Packet::Connect(Box::new(connect(V5, "struck"))))
        .await;
    client.expect_nothing().await; // the answer to PINGREQ is the first thing that comes
}

#[tokio::test]
async fn a_rule_with_a_topic_knows_aliases_and_spares_other_topics() {
    let record = Arc::new(Record::default());
    let broker = broker_with(BrokerConfig::default(), record.clone()).await;
    broker
        .broker
        .set_faults(vec![FaultRule {
            topic: TopicFilter::try_from("secret/#").ok(),
            when: FaultWhen::Always,
            ..rule(Direction::ToBroker, PacketType::Publish, FaultAction::Drop)
        }])
        .unwrap();
    let mut client = Client::connected(&broker, V5, "struck").await;
    client.subscribe("#", 0).await;
    for topic in ["open", "secret/1"] {
        client.publish(publish(topic, "x", 0)).await;
    }
    assert_eq!(client.message().await.topic, "open");
    client.expect_nothing().await;
    broker.broker.set_faults(Vec::new()).unwrap();
    let alias = properties(&[mqttwb_wire::Property::TopicAlias(1)]);
    let with_alias = |topic| mqttwb_wire::Publish {
        properties: mqttwb_wire::Properties::trusted(&alias),
        ..publish(topic, "y", 0)
    };
    client.publish(with_alias("secret/2")).await;
    assert_eq!(client.message().await.topic, "secret/2");
    let again = FaultRule {
        topic: TopicFilter::try_from("secret/#").ok(),
        ..rule(Direction::ToBroker, PacketType::Publish, FaultAction::Drop)
    };
    broker.broker.set_faults(vec![again]).unwrap();
    client.publish(with_alias("")).await;
    client.expect_nothing().await;
    assert_eq!(record.done(), [FaultDone::Dropped; 2]);
}

/// Loses an answer, and the connection at the PINGREQ after it.
fn lost_then_cut(answer: PacketType) -> Vec<FaultRule> {
    [
        ("lost", answer, FaultAction::Drop),
        ("cut", PacketType::PingReq, FaultAction::CutBefore),
    ]
    .map(|(name, packet, action)| FaultRule {
        name: name.into(),
        direction: None,
        ..rule(Direction::ToClient, packet, action)
    })
    .to_vec()
}

#[tokio::test]
async fn a_puback_that_is_lost_with_the_connection_makes_a_duplicate() {
    // Section 4.3.2: at least once.
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("t", 1).await;
    broker
        .broker
        .set_faults(lost_then_cut(PacketType::PubAck))
        .unwrap();
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "struck")).await;
    let message = || publish("t", "once more", 1);
    client.send(Packet::Publish(message())).await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.expect_end().await, None);
    assert_eq!(watcher.receive().await.payload, "once more");
    let (mut client, present) = Client::accepted(&broker, persistent(V5, "struck")).await;
    assert!(present);
    client
        .publish(mqttwb_wire::Publish {
            dup: true,
            ..message()
        })
        .await;
    assert_eq!(watcher.receive().await.payload, "once more");
}

#[tokio::test]
async fn a_pubrec_that_is_lost_with_the_connection_makes_no_duplicate() {
    // [MQTT-4.3.3-10]
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("t", 2).await;
    broker
        .broker
        .set_faults(lost_then_cut(PacketType::PubRec))
        .unwrap();
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "struck")).await;
    client.send(Packet::Publish(publish("t", "once", 2))).await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.expect_end().await, None);
    let (mut client, present) = Client::accepted(&broker, persistent(V5, "struck")).await;
    assert!(present);
    client
        .publish(mqttwb_wire::Publish {
            dup: true,
            ..publish("t", "once", 2)
        })
        .await;
    assert_eq!(watcher.receive().await.payload, "once");
    watcher.expect_nothing().await;
}

#[tokio::test]
async fn a_delivery_that_was_dropped_is_sent_again_when_the_client_comes_back() {
    // [MQTT-4.4.0-1]
    let broker = broker().await;
    let rule = rule(Direction::ToClient, PacketType::Publish, FaultAction::Drop);
    broker.broker.set_faults(vec![rule]).unwrap();
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "struck")).await;
    client.subscribe("t", 1).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("t", "one", 1)).await;
    publisher.publish(publish("t", "two", 1)).await;
    let two = client.message().await;
    assert_eq!(two.payload, "two");
    client
        .send(Packet::PubAck(Ack::success(two.packet_id)))
        .await;
    client.expect_nothing().await;
    client.cut();
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "struck")).await;
    let one = client.receive().await;
    assert_eq!((one.payload.as_str(), one.dup), ("one", true));
    client.expect_nothing().await;
}

#[tokio::test]
async fn who_is_not_named_is_spared() {
    let broker = broker().await;
    let rule = FaultRule {
        when: FaultWhen::Always,
        packets: Vec::new(),
        ..rule(Direction::ToClient, PacketType::Publish, FaultAction::Drop)
    };
    broker.broker.set_faults(vec![rule]).unwrap();
    let mut spared = Client::connected(&broker, V5, "spared").await;
    assert_eq!(spared.subscribe("t", 0).await, ReasonCode::SUCCESS);
    spared.publish(publish("t", "x", 0)).await;
    assert_eq!(spared.message().await.payload, "x");
    assert_eq!(broker.broker.faults()[0].seen, 0);
}
