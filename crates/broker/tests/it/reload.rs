//! Limits that change while the broker runs.

use mqttwb_broker::Limits;
use mqttwb_broker::session::QueueLimits;
use mqttwb_wire::ReasonCode;

use crate::support::*;

#[tokio::test]
async fn new_limits_hold_for_new_connections_and_leave_those_that_are_there_alone() {
    let broker = broker().await;
    let mut old = Client::connected(&broker, V5, "old").await;
    broker
        .broker
        .set_limits(Limits {
            maximum_packet_size: 200,
            ..Limits::default()
        })
        .await;
    let large = "x".repeat(500);
    old.publish(publish("t", &large, 1)).await;
    let mut new = Client::connected(&broker, V5, "new").await;
    new.send(mqttwb_wire::Packet::Publish(publish("t", &large, 0)))
        .await;
    new.expect_end_for(ReasonCode::PACKET_TOO_LARGE).await;
}

#[tokio::test]
async fn new_limits_of_the_whole_broker_hold_at_once() {
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "client").await;
    assert_eq!(client.subscribe("a", 0).await, ReasonCode::SUCCESS);
    broker
        .broker
        .set_limits(Limits {
            subscriptions_per_client: 1,
            sessions: 1,
            ..Limits::default()
        })
        .await;
    assert_eq!(client.subscribe("b", 0).await, ReasonCode::QUOTA_EXCEEDED);
    let mut other = Client::open(broker.address, V5).await;
    let refused = other.connect(connect(V5, "other")).await;
    assert_eq!(refused, (false, ReasonCode::QUOTA_EXCEEDED));
}

#[tokio::test]
async fn how_much_may_wait_changes_at_once_for_a_client_that_is_away() {
    let broker = broker().await;
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "away")).await;
    client.subscribe("q", 1).await;
    client.disconnect().await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("q", "1", 1)).await;
    broker
        .broker
        .set_limits(Limits {
            queue: QueueLimits {
                messages: 2,
                ..Limits::default().queue
            },
            ..Limits::default()
        })
        .await;
    for n in ["2", "3"] {
        publisher.publish(publish("q", n, 1)).await;
    }
    let detail = broker.broker.session(&"away".into(), 0, 9).await.unwrap();
    let queued = detail.contents.queued.items.iter();
    let payloads: Vec<_> = queued.map(|d| d.message.payload().to_vec()).collect();
    assert_eq!(payloads, [b"1", b"2"]);
    assert_eq!(broker.broker.counters().values().dropped, 1);
}
