//! What comes too fast: connections are refused, clients are read from more slowly.

use std::time::{Duration, Instant};

use mqttwb_broker::Limits;
use mqttwb_model::{LimitKind, RefusalCause};
use mqttwb_wire::{Packet, ReasonCode};

use crate::limits::hits;
use crate::support::*;

#[tokio::test]
async fn connections_that_come_too_fast_are_told_so() {
    let limits = Limits {
        connection_rate: 1,
        ..Limits::default()
    };
    let (broker, observer) = limited(limits).await;
    for _ in 0..10 {
        Client::connected(&broker, V5, "fast").await;
    }
    // One more may come in for each second that this has taken; they can't all.
    for n in 0..100 {
        let mut client = Client::open(broker.address, V5).await;
        match client.connect(connect(V5, "fast")).await.1 {
            ReasonCode::SUCCESS => assert!(n < 99, "none was refused"),
            reason => {
                assert_eq!(reason, ReasonCode::CONNECTION_RATE_EXCEEDED);
                break;
            }
        }
    }
    assert_eq!(hits(&broker, LimitKind::ConnectionRate), 1);
    let cause = RefusalCause::Limit(LimitKind::ConnectionRate);
    assert_eq!(observer.causes(), [cause]);
}

#[tokio::test]
async fn who_publishes_too_fast_is_slowed_down_and_loses_nothing() {
    const RATE: u32 = 40;
    let limits = Limits {
        message_rate: RATE,
        ..Limits::default()
    };
    for version in BOTH {
        let (broker, _) = limited(limits.clone()).await;
        let mut watcher = Client::connected(&broker, version, "watcher").await;
        watcher.subscribe("fast", 0).await;
        let mut fast = Client::connected(&broker, version, "fast").await;
        let begun = Instant::now();
        // A second's worth at once, and half a second's worth that must wait.
        let all = RATE + RATE / 2;
        let mut burst = Vec::new();
        for n in 0..all {
            let payload = n.to_string();
            burst.extend(bytes_of(
                &Packet::Publish(publish("fast", &payload, 0)),
                version,
            ));
        }
        fast.send_bytes(&burst).await;
        for n in 0..all {
            assert_eq!(watcher.message().await.payload, n.to_string());
        }
        assert!(begun.elapsed() >= Duration::from_millis(450));
        fast.expect_nothing().await;
        assert_eq!(hits(&broker, LimitKind::MessageRate), 1);
    }
}

#[tokio::test]
async fn who_sends_too_many_bytes_is_slowed_down_and_nobody_else() {
    let limits = Limits {
        byte_rate: 100_000,
        ..Limits::default()
    };
    let (broker, _) = limited(limits).await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("word", 0).await;
    let mut fast = Client::connected(&broker, V5, "fast").await;
    let begun = Instant::now();
    let large = "x".repeat(75_000);
    fast.send(Packet::Publish(publish("large", &large, 0)))
        .await;
    fast.send(Packet::Publish(publish("large", &large, 0)))
        .await;
    fast.send(Packet::Publish(publish("word", "late", 0))).await;
    until("it is slowed down", || {
        hits(&broker, LimitKind::ByteRate) == 1
    })
    .await;
    let mut other = Client::connected(&broker, V5, "other").await;
    other.publish(publish("word", "early", 1)).await;
    assert_eq!(watcher.message().await.payload, "early");
    assert_eq!(watcher.message().await.payload, "late");
    assert!(begun.elapsed() >= Duration::from_millis(450));
}
