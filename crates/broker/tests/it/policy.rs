//! What a policy allows and forbids.

use std::sync::Arc;

use mqttwb_broker::{Access, Attempt, Denied, Identity, Policy};
use mqttwb_model::{NoObserver, ProtocolVersion, QoS, RefusalCause};
use mqttwb_wire::{Connect, Packet, Properties, Property, ReasonCode, Will};

use crate::auth::{Named, friend, named, questions, says};
use crate::support::*;

/// The user `friend` may do everything, others nothing that begins with `private`.
#[derive(Debug)]
struct Private;

impl Policy for Private {
    fn verdict(&self, who: &Identity, attempt: &Attempt<'_>) -> Result<(), Denied> {
        let topic = match attempt {
            Attempt::Publish { topic, .. } | Attempt::Will { topic, .. } => topic,
            Attempt::Subscribe { filter, .. } => filter.as_str(),
        };
        if topic.starts_with("private") && who.user_name.as_deref() != Some("friend") {
            return Err(Denied::not_authorized("rule 1 of the test"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_the_policy_forbids_is_not_done_and_the_client_stays() {
    // [MQTT3-3.3.5-2], [MQTT3-3.9.3-2]
    let (broker, observer) = guarded(Access {
        policy: Some(Arc::new(Private)),
        ..questions()
    })
    .await;
    let mut watcher = friend(&broker).await;
    assert_eq!(watcher.subscribe("private/#", 2).await, ReasonCode(2));
    for version in BOTH {
        let mut client = Client::connected(&broker, version, "stranger").await;
        let no = match version {
            ProtocolVersion::V5 => ReasonCode::NOT_AUTHORIZED,
            _ => ReasonCode(0x80),
        };
        assert_eq!(client.subscribe("private/#", 0).await, no);
        assert_eq!(client.subscribe("public/#", 0).await, ReasonCode::SUCCESS);
        client
            .send(Packet::Publish(publish("private/a", "x", 0)))
            .await;
        for qos in [1, 2] {
            client
                .send(Packet::Publish(publish("private/a", "x", qos)))
                .await;
            let reason = client
                .expect(|packet| match packet {
                    Packet::PubAck(ack) | Packet::PubRec(ack) => Some(ack.reason),
                    _ => None,
                })
                .await;
            let said = match version {
                ProtocolVersion::V5 => ReasonCode::NOT_AUTHORIZED,
                _ => ReasonCode::SUCCESS,
            };
            assert_eq!(reason, said);
        }
        client.publish(publish("public/a", "seen", 0)).await;
        assert_eq!(client.message().await.payload, "seen");
        let will = Connect {
            will: Some(Will {
                topic: "private/will",
                payload: b"gone",
                qos: QoS::AtMostOnce,
                retain: false,
                properties: Properties::NONE,
            }),
            ..connect(version, "with a will")
        };
        let no = match version {
            ProtocolVersion::V5 => ReasonCode::NOT_AUTHORIZED,
            _ => ReasonCode(5),
        };
        assert_eq!(answered(&broker, will).await, no);
    }
    watcher.publish(publish("private/a", "mine", 0)).await;
    assert_eq!(watcher.message().await.payload, "mine");
    assert_eq!(observer.causes(), [RefusalCause::Access; 10]);
}

#[tokio::test]
async fn a_policy_is_asked_about_the_topic_behind_an_alias() {
    let access = Access {
        policy: Some(Arc::new(Private)),
        ..Access::default()
    };
    let broker = guarded_by(access, Arc::new(NoObserver)).await;
    let mut client = Client::connected(&broker, V5, "stranger").await;
    let alias = properties(&[Property::TopicAlias(1)]);
    // The alias is learnt though the message is refused, and stands for what may not be published.
    for topic in ["private/a", ""] {
        client
            .send(Packet::Publish(mqttwb_wire::Publish {
                properties: Properties::trusted(&alias),
                ..publish(topic, "x", 1)
            }))
            .await;
        let reason = client
            .expect(|packet| match packet {
                Packet::PubAck(ack) => Some(ack.reason),
                _ => None,
            })
            .await;
        assert_eq!(reason, ReasonCode::NOT_AUTHORIZED);
    }
}

#[tokio::test]
async fn rules_for_whom_it_proves_to_be_again_hold_for_what_a_client_has() {
    let access = Access {
        methods: vec![Arc::new(Named)],
        policy: Some(Arc::new(Private)),
        ..Access::default()
    };
    let (broker, _) = guarded(access).await;
    let mut client = named(&broker, "friend").await;
    assert_eq!(client.subscribe("private/#", 0).await, ReasonCode::SUCCESS);
    says(
        &mut client,
        ReasonCode::RE_AUTHENTICATE,
        "NAME",
        b"stranger",
    )
    .await;
    client
        .expect(|packet| matches!(packet, Packet::Auth(_)).then_some(()))
        .await;
    // Behind what the hub was told of who it is now.
    assert_eq!(client.subscribe("open", 0).await, ReasonCode::SUCCESS);
    assert_eq!(broker.broker.counters().values().subscriptions, 1);
    let reason = client.subscribe("private/#", 0).await;
    assert_eq!(reason, ReasonCode::NOT_AUTHORIZED);
}
