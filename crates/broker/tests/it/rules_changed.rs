//! Rules that become others while clients have what the ones before allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use mqttwb_broker::{Access, Attempt, Denied, Identity, Policy};
use mqttwb_model::{QoS, RefusalCause};
use mqttwb_wire::{Ack, Connect, Packet, Properties, Property, ReasonCode, Will};

use crate::support::*;

/// Lets users keep what is below their own name, unless the operator has shut it.
#[derive(Debug, Default)]
struct Shut(AtomicBool);

impl Policy for Shut {
    fn verdict(&self, _: &Identity, _: &Attempt<'_>) -> Result<(), Denied> {
        if self.0.load(SeqCst) {
            Err(Denied::not_authorized("the operator has shut it"))
        } else {
            Ok(())
        }
    }
}

#[tokio::test]
async fn a_subscription_and_a_will_that_are_not_allowed_any_more_are_taken_away() {
    let shut = Arc::new(Shut::default());
    let access = Access {
        policy: Some(shut.clone()),
        ..Access::default()
    };
    let (broker, refused) = guarded(access).await;
    let watcher = Connect {
        will: Some(Will {
            topic: "w/x",
            payload: b"gone",
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::NONE,
        }),
        ..connect(V5, "watcher")
    };
    let (mut client, _) = Client::accepted(&broker, watcher).await;
    assert_eq!(client.subscribe("a/#", 0).await, ReasonCode::SUCCESS);
    assert_eq!(broker.broker.recheck().await, []);
    shut.0.store(true, SeqCst);
    let taken = broker.broker.recheck().await;
    let topics: Vec<_> = taken
        .iter()
        .map(|t| (t.topic.as_str(), t.is_will))
        .collect();
    assert_eq!(topics, [("a/#", false), ("w/x", true)]);
    assert_eq!(broker.broker.counters().values().subscriptions, 0);
    assert_eq!(refused.causes(), [RefusalCause::Access; 2]);
    assert_eq!(broker.broker.recheck().await, []);
}

/// Nobody but `spare` may read what begins with `secret`, once it is shut.
#[derive(Debug, Default)]
struct Secret(AtomicBool);

impl Policy for Secret {
    fn verdict(&self, who: &Identity, attempt: &Attempt<'_>) -> Result<(), Denied> {
        let is_shut = self.0.load(SeqCst);
        match attempt {
            Attempt::Subscribe { filter, .. }
                if is_shut
                    && filter.pattern().starts_with("secret")
                    && who.connection.client.as_str() != "spare" =>
            {
                Err(Denied::not_authorized("it is secret now"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn what_waits_of_a_subscription_that_a_rule_takes_away_does_not_reach_the_client() {
    for connected in [true, false] {
        let shut = Arc::new(Secret::default());
        let access = Access {
            policy: Some(shut.clone()),
            ..Access::default()
        };
        let (broker, refused) = guarded(access).await;
        let one_at_a_time = properties(&[
            Property::SessionExpiryInterval(600),
            Property::ReceiveMaximum(1),
        ]);
        let reader = Connect {
            clean_start: false,
            properties: Properties::trusted(&one_at_a_time),
            ..connect(V5, "reader")
        };
        let (mut client, _) = Client::accepted(&broker, reader.clone()).await;
        for filter in ["secret/#", "secret/own/+", "open", "$share/g/secret-share"] {
            assert_eq!(
                client.subscribe(filter, 1).await,
                ReasonCode::GRANTED_QOS_1,
                "{filter}"
            );
        }
        let mut publisher = Client::connected(&broker, V5, "publisher").await;
        for topic in [
            "open",
            "secret/a",
            "open",
            "secret-share",
            "secret/b",
            "open",
        ] {
            publisher.publish(publish(topic, topic, 1)).await;
        }
        let first = client.message().await;
        let mut spare = Client::connected(&broker, V5, "spare").await;
        let granted = spare.subscribe("$share/g/secret-share", 1).await;
        assert_eq!(granted, ReasonCode::GRANTED_QOS_1);
        let client = if connected {
            Some(client)
        } else {
            client.disconnect().await;
            None
        };
        let name = "reader".into();
        loop {
            let detail = broker.broker.session(&name, 0, 10).await.unwrap();
            let here = detail.summary.connection.is_some() == connected;
            if here && detail.contents.arriving == 0 && detail.contents.queued.total == 5 {
                break;
            }
            tokio::task::yield_now().await;
        }
        shut.0.store(true, SeqCst);
        assert_eq!(broker.broker.recheck().await.len(), 3);
        let detail = broker.broker.session(&name, 0, 10).await.unwrap();
        assert_eq!(detail.contents.queued.total, 2, "it is out of the queue");
        let told = refused.details();
        let said = "3 messages that waited for these subscriptions are withheld".to_owned();
        assert!(told.contains(&said), "{told:?}");
        // What was for the share goes to the member who may have it.
        assert_eq!(spare.receive().await.payload, "secret-share");
        let mut client = match client {
            Some(mut client) => {
                client
                    .send(Packet::PubAck(Ack::success(first.packet_id)))
                    .await;
                client
            }
            None => {
                let (mut client, _) = Client::accepted(&broker, reader).await;
                assert_eq!(client.receive().await.payload, "open", "it was sent before");
                client
            }
        };
        for _ in 0..2 {
            assert_eq!(client.receive().await.payload, "open");
        }
        publisher.publish(publish("open", "the end", 1)).await;
        assert_eq!(client.receive().await.payload, "the end");
    }
}

#[tokio::test]
async fn rules_that_changed_while_a_client_was_away_hold_for_what_waits_for_it() {
    let shut = Arc::new(Secret::default());
    let access = Access {
        policy: Some(shut.clone()),
        ..Access::default()
    };
    let (broker, _) = guarded(access).await;
    let (mut client, _) = Client::accepted(&broker, persistent(V5, "reader")).await;
    client.subscribe("secret/#", 1).await;
    client.subscribe("open", 1).await;
    client.disconnect().await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for topic in ["secret/a", "open"] {
        publisher.publish(publish(topic, topic, 1)).await;
    }
    // Nobody looks at what is there: the client comes back before.
    shut.0.store(true, SeqCst);
    let (mut client, present) = Client::accepted(&broker, persistent(V5, "reader")).await;
    assert!(present);
    assert_eq!(client.receive().await.payload, "open");
}

#[tokio::test]
async fn what_a_client_is_too_slow_to_take_does_not_reach_it_either() {
    let shut = Arc::new(Secret::default());
    let access = Access {
        policy: Some(shut.clone()),
        ..Access::default()
    };
    let (broker, _) = guarded(access).await;
    let mut client = Client::connected(&broker, V5, "reader").await;
    client.subscribe("secret/#", 0).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    let payload = "x".repeat(64 << 10);
    let name = "reader".into();
    let waiting = async || {
        let detail = broker.broker.session(&name, 0, 1).await.unwrap();
        detail.contents.arriving
    };
    // It reads nothing, until the broker can write no more to it.
    while waiting().await < 40 {
        publisher.publish(publish("secret/a", &payload, 1)).await;
    }
    // Then it reads a little: its connection takes much at once, of which most finds no room.
    let before = waiting().await;
    while waiting().await == before {
        client.message().await;
    }
    shut.0.store(true, SeqCst);
    assert_eq!(broker.broker.recheck().await.len(), 1);
    assert_eq!(waiting().await, 0);
}
