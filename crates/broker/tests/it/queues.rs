//! What happens to a client whose queue is full, and to who publishes to it.

use mqttwb_broker::Limits;
use mqttwb_broker::session::WhenFull;
use mqttwb_model::ProtocolVersion;
use mqttwb_wire::{Ack, Packet, ReasonCode};

use crate::support::*;

async fn broker_that(when_full: WhenFull) -> TestBroker {
    let mut limits = Limits::default();
    limits.queue.messages = 2;
    limits.queue.when_full = when_full;
    broker_within(limits).await
}

/// Publishes 1, 2 and 3 to a client that is away and has room for two: the answers, and what it finds when it is back.
async fn with_room_for_two(
    when_full: WhenFull,
    version: ProtocolVersion,
) -> (Vec<ReasonCode>, Vec<String>, u64) {
    let broker = broker_that(when_full).await;
    let (mut away, _) = Client::accepted(&broker, persistent(version, "away")).await;
    away.subscribe("t", 1).await;
    away.disconnect().await;
    let mut publisher = Client::connected(&broker, version, "publisher").await;
    let mut answers = Vec::new();
    for n in 1..=3u16 {
        let payload = n.to_string();
        let mut p = publish("t", &payload, 1);
        p.packet_id = n;
        publisher.send(Packet::Publish(p)).await;
        let reason = |p: &Packet<'_>| match p {
            Packet::PubAck(Ack {
                packet_id, reason, ..
            }) if *packet_id == n => Some(*reason),
            _ => None,
        };
        answers.push(publisher.expect(reason).await);
    }
    let (mut away, _) = Client::accepted(&broker, persistent(version, "away")).await;
    let mut found = Vec::new();
    for _ in 0..2 {
        found.push(away.receive().await.payload);
    }
    away.expect_nothing().await;
    (answers, found, broker.broker.counters().values().dropped)
}

#[tokio::test]
async fn what_is_past_a_full_queue_goes_as_the_policy_says_and_is_counted() {
    const OK: ReasonCode = ReasonCode::SUCCESS;
    for (policy, version, third, found) in [
        (WhenFull::DropNewest, V5, OK, ["1", "2"]),
        (WhenFull::DropOldest, V5, OK, ["2", "3"]),
        (WhenFull::Refuse, V5, ReasonCode::QUOTA_EXCEEDED, ["1", "2"]),
        (WhenFull::Refuse, V311, OK, ["1", "2"]),
    ] {
        let expected = (vec![OK, OK, third], found.map(String::from).to_vec(), 1);
        assert_eq!(with_room_for_two(policy, version).await, expected);
    }
}

#[tokio::test]
async fn a_client_that_is_there_and_does_not_acknowledge_is_refused_for_too() {
    let broker = broker_that(WhenFull::Refuse).await;
    let mut slow = Client::open(broker.address, V5).await;
    let one = properties(&[mqttwb_wire::Property::ReceiveMaximum(1)]);
    let mut hello = connect(V5, "slow");
    hello.properties = mqttwb_wire::Properties::trusted(&one);
    slow.connect(hello).await;
    slow.subscribe("t", 1).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    let mut taken = 0;
    // One on its way, and what the session and the way to it hold.
    while taken < 10 {
        publisher.send(Packet::Publish(publish("t", "x", 1))).await;
        let reason = publisher
            .expect(|p| match p {
                Packet::PubAck(ack) => Some(ack.reason),
                _ => None,
            })
            .await;
        if reason == ReasonCode::QUOTA_EXCEEDED {
            break;
        }
        assert_eq!(reason, ReasonCode::SUCCESS);
        taken += 1;
    }
    assert!((3..=5).contains(&taken), "{taken}");
    for _ in 0..taken {
        slow.receive().await;
    }
    slow.expect_nothing().await;
}
