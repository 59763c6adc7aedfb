//! Shared subscriptions over real connections (MQTT 5, section 4.8.2).

use mqttwb_broker::{BrokerConfig, SharedStrategy};
use mqttwb_model::{NoObserver, QoS};
use mqttwb_wire::{
    Ack, Connect, Packet, Properties, Property, ReasonCode, Subscribe, SubscriptionOptions,
};

use crate::support::*;

const JOBS: &str = "$share/workers/jobs/#";

#[tokio::test]
async fn members_share_what_is_published_whatever_version_they_speak() {
    let broker = broker().await;
    let mut members = Vec::new();
    for (version, id) in [(V5, "five"), (V311, "three"), (V5, "other")] {
        let mut member = Client::connected(&broker, version, id).await;
        assert_eq!(member.subscribe(JOBS, 1).await, ReasonCode(1));
        members.push(member);
    }
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for n in 0..9 {
        publisher
            .publish(publish("jobs/x", &n.to_string(), 1))
            .await;
    }
    for (first, member) in members.iter_mut().enumerate() {
        for turn in 0..3 {
            let expected = (first + 3 * turn).to_string();
            assert_eq!(member.receive().await.payload, expected);
        }
        member.expect_nothing().await;
    }
}

#[tokio::test]
async fn each_member_gets_the_quality_and_the_identifier_of_its_own_subscription() {
    // [MQTT-4.8.2-3]
    let broker = broker().await;
    let mut low = Client::connected(&broker, V5, "low").await;
    let mut high = Client::connected(&broker, V5, "high").await;
    for (client, qos, id) in [(&mut low, 0, 3), (&mut high, 2, 4)] {
        let options = SubscriptionOptions {
            qos: QoS::try_from(qos).unwrap(),
            ..Default::default()
        };
        let id = [Property::SubscriptionIdentifier(id)];
        client.subscribe_with(JOBS, options, &id).await;
    }
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/x", "1", 1)).await;
    publisher.publish(publish("jobs/x", "2", 1)).await;
    let (first, second) = (low.receive().await, high.receive().await);
    assert_eq!((first.qos, second.qos), (0, 1));
    let id = |n| properties(&[Property::SubscriptionIdentifier(n)]);
    assert_eq!((first.properties, second.properties), (id(3), id(4)));
}

#[tokio::test]
async fn a_worker_that_dies_leaves_its_work_to_the_others() {
    let broker = broker().await;
    let mut dies = Client::connected(&broker, V5, "dies").await;
    dies.subscribe(JOBS, 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for (payload, qos) in [("one", 1), ("two", 1), ("three", 2), ("four", 2)] {
        publisher.publish(publish("jobs/x", payload, qos)).await;
    }
    let taken: Vec<_> = [
        dies.message().await,
        dies.message().await,
        dies.message().await,
        dies.message().await,
    ]
    .into();
    dies.send(Packet::PubAck(Ack::success(taken[0].packet_id)))
        .await;
    let mut lives = Client::connected(&broker, V5, "lives").await;
    lives.subscribe(JOBS, 2).await;
    dies.cut();
    // The first was acknowledged; of the third and fourth nobody knows, so nobody gets them [MQTT-4.8.2-5].
    let handed_on = lives.receive().await;
    assert_eq!((handed_on.payload.as_str(), handed_on.dup), ("two", false));
    lives.expect_nothing().await;
}

#[tokio::test]
async fn a_delivery_that_was_begun_at_qos_2_is_brought_to_its_end_with_the_same_member() {
    // [MQTT-4.8.2-4]
    const EXPIRY: &[u8] = &[0x11, 0, 0, 2, 0x58]; // session expiry interval 600 s
    let stays = || Connect {
        clean_start: false,
        properties: Properties::trusted(EXPIRY),
        ..connect(V5, "comes back")
    };
    let broker = broker().await;
    let mut back = Client::open(broker.address, V5).await;
    back.connect(stays()).await;
    back.subscribe(JOBS, 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/x", "one", 2)).await;
    let first = back.message().await;
    let mut other = Client::connected(&broker, V5, "other").await;
    other.subscribe(JOBS, 2).await;
    back.cut();
    let mut back = Client::open(broker.address, V5).await;
    assert!(back.connect(stays()).await.0);
    let again = back.receive().await;
    assert_eq!((again.payload.as_str(), again.dup), ("one", true));
    assert_eq!(again.packet_id, first.packet_id);
    other.expect_nothing().await;
}

#[tokio::test]
async fn a_message_that_a_member_refused_goes_to_nobody_else() {
    // [MQTT-4.8.2-6]
    let broker = broker().await;
    let mut refuses = Client::connected(&broker, V5, "refuses").await;
    refuses.subscribe(JOBS, 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/x", "one", 1)).await;
    publisher.publish(publish("jobs/x", "two", 2)).await;
    let (one, two) = (refuses.message().await, refuses.message().await);
    let no = |id| Ack::with_reason(id, ReasonCode::UNSPECIFIED_ERROR);
    refuses.send(Packet::PubAck(no(one.packet_id))).await;
    refuses.send(Packet::PubRec(no(two.packet_id))).await;
    refuses.expect_nothing().await;
    let mut other = Client::connected(&broker, V5, "other").await;
    other.subscribe(JOBS, 2).await;
    refuses.cut();
    // The session of the one that refused has ended when its number of sessions is gone.
    while broker.broker.counters().values().sessions > 2 {
        tokio::task::yield_now().await;
    }
    other.expect_nothing().await;
}

#[tokio::test]
async fn no_local_on_a_shared_subscription_is_a_protocol_error() {
    // [MQTT-3.8.3-4]
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "own").await;
    let options = SubscriptionOptions {
        no_local: true,
        ..Default::default()
    };
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: 1,
            properties: Properties::NONE,
            filters: vec![(JOBS, options)],
        }))
        .await;
    assert_eq!(client.expect_end().await, Some(ReasonCode::PROTOCOL_ERROR));
}

#[tokio::test]
async fn unsubscribing_takes_the_whole_filter() {
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "leaves").await;
    client.subscribe(JOBS, 0).await;
    for (filter, expected) in [
        ("jobs/#", ReasonCode::NO_SUBSCRIPTION_EXISTED),
        ("$share/others/jobs/#", ReasonCode::NO_SUBSCRIPTION_EXISTED),
        (JOBS, ReasonCode::SUCCESS),
        (JOBS, ReasonCode::NO_SUBSCRIPTION_EXISTED),
    ] {
        client
            .send(Packet::Unsubscribe(mqttwb_wire::Unsubscribe {
                packet_id: 5,
                properties: Properties::NONE,
                filters: vec![filter],
            }))
            .await;
        let reason = client
            .expect(|p| match p {
                Packet::UnsubAck(p) => Some(p.reasons[0]),
                _ => None,
            })
            .await;
        assert_eq!(reason, expected, "{filter}");
    }
    client.publish(publish("jobs/x", "1", 0)).await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn a_member_that_does_not_acknowledge_is_left_alone_with_least_inflight() {
    let config = BrokerConfig {
        shared_strategy: SharedStrategy::LeastInflight,
        ..Default::default()
    };
    let broker = broker_with(config, std::sync::Arc::new(NoObserver)).await;
    let mut stuck = Client::connected(&broker, V5, "stuck").await;
    let mut works = Client::connected(&broker, V5, "works").await;
    stuck.subscribe(JOBS, 1).await;
    works.subscribe(JOBS, 1).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/x", "stuck", 1)).await;
    assert_eq!(stuck.message().await.payload, "stuck");
    stuck.expect_nothing().await; // the broker has seen that nothing was acknowledged
    for n in 0..5 {
        publisher
            .publish(publish("jobs/x", &n.to_string(), 1))
            .await;
        assert_eq!(works.receive().await.payload, n.to_string());
        works.expect_nothing().await;
    }
    stuck.expect_nothing().await;
}
