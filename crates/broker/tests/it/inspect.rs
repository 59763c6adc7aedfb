//! Looking into a broker that runs, and what its operator does there.

use mqttwb_broker::Limits;
use mqttwb_broker::inspect::{InspectError, Page, Presence, SubscriptionQuery};
use mqttwb_broker::session::Inflight;
use mqttwb_model::{ClientId, ProtocolVersion, QoS, TopicFilter};
use mqttwb_wire::{
    Ack, Connect, Packet, Properties, Property, Publish, ReasonCode, SubscriptionOptions, Will,
};

use crate::support::*;

fn first<K>(at_most: usize) -> Page<K> {
    Page {
        after: None,
        at_most,
    }
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap()
}

fn retained<'a>(topic: &'a str, payload: &'a str) -> Publish<'a> {
    Publish {
        retain: true,
        ..publish(topic, payload, 1)
    }
}

/// Connects with a receive maximum, keeping the session.
async fn slow(broker: &TestBroker, id: &str, receive_maximum: u16) -> Client {
    let with = properties(&[
        Property::SessionExpiryInterval(600),
        Property::ReceiveMaximum(receive_maximum),
    ]);
    let connect = Connect {
        clean_start: false,
        properties: Properties::trusted(&with),
        ..connect(V5, id)
    };
    Client::accepted(broker, connect).await.0
}

#[tokio::test]
async fn a_session_shows_what_is_in_flight_and_what_waits_behind_it() {
    let broker = broker().await;
    let mut client = slow(&broker, "slow", 2).await;
    client.subscribe("q/#", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    for n in 0..5 {
        publisher.publish(publish("q/x", &n.to_string(), 2)).await;
    }
    let one = client.message().await;
    let two = client.message().await;
    client
        .send(Packet::PubRec(Ack::success(one.packet_id)))
        .await;
    client
        .expect(|p| matches!(p, Packet::PubRel(_)).then_some(()))
        .await;

    let detail = broker.broker.session(&"slow".into(), 0, 10).await.unwrap();
    assert!(detail.summary.connection.is_some());
    let contents = detail.contents;
    assert_eq!(contents.queued.total + contents.arriving, 3);
    let [released, sent] = &contents.inflight.items[..] else {
        panic!("{:?}", contents.inflight);
    };
    assert_eq!(
        (released.packet_id, &released.state),
        (one.packet_id, &Inflight::Release)
    );
    assert_eq!((sent.packet_id, sent.dup), (two.packet_id, false));
    let Inflight::Publish(delivery) = &sent.state else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (delivery.message.payload(), delivery.qos),
        (&b"1"[..], QoS::ExactlyOnce)
    );

    // The same while the client is away, a part at a time; what was sent will be sent again.
    client.cut();
    until("the client is away", || {
        broker.broker.counters().values().connections == 1
    })
    .await;
    let detail = away(&broker, "slow").await;
    assert_eq!(detail.contents.queued.total, 3);
    assert_eq!(detail.summary.waiting, 5);
    assert!(detail.contents.inflight.items[1].dup);
    assert!(detail.summary.expires.is_some());
    assert_eq!(detail.subscriptions[0].filter, filter("q/#"));
    let part = broker.broker.session(&"slow".into(), 1, 1).await.unwrap();
    assert_eq!(part.contents.queued.items.len(), 1);
    assert_eq!(part.contents.queued.items[0].message.payload(), b"3");
    assert_eq!(part.contents.queued.total, 3);

    let mut client = slow(&broker, "slow", 2).await;
    client
        .expect(|p| matches!(p, Packet::PubRel(_)).then_some(()))
        .await;
    assert!(client.message().await.dup);
    let detail = broker.broker.session(&"slow".into(), 0, 10).await.unwrap();
    assert!(detail.contents.inflight.items[1].dup);
    let nobody = broker.broker.session(&"nobody".into(), 0, 10).await;
    assert_eq!(nobody.unwrap_err(), InspectError::NoSession);
}

/// The session of a client, once the hub has it back.
async fn away(broker: &TestBroker, client: &str) -> mqttwb_broker::inspect::SessionDetail {
    loop {
        let detail = broker.broker.session(&client.into(), 0, 10).await.unwrap();
        if detail.summary.connection.is_none() {
            return detail;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_qos_2_message_that_waits_for_its_pubrel_is_seen() {
    let broker = broker().await;
    let mut client = Client::connected(&broker, V311, "sender").await;
    client
        .send(Packet::Publish(publish("t", "not released", 2)))
        .await;
    client
        .expect(|p| matches!(p, Packet::PubRec(_)).then_some(()))
        .await;
    let detail = broker
        .broker
        .session(&"sender".into(), 0, 10)
        .await
        .unwrap();
    let received = detail.contents.received;
    assert_eq!(received.total, 1);
    assert_eq!(received.items[0].0, 1);
    assert_eq!(received.items[0].1.payload(), b"not released");
}

#[tokio::test]
async fn lists_come_a_page_at_a_time_and_tell_how_long_they_are() {
    let broker = broker().await;
    let mut clients = Vec::new();
    for n in 0..5 {
        let mut client = Client::connected(&broker, V5, &format!("c{n}")).await;
        let with = [Property::SubscriptionIdentifier(7)];
        let options = SubscriptionOptions::default();
        client.subscribe_with("a/+", options, &with).await;
        client.subscribe(&format!("b/{n}"), 1).await;
        client.publish(retained(&format!("r/{n}"), "x")).await;
        clients.push(client);
    }
    let mut seen = Vec::new();
    let mut page = first(2);
    loop {
        let part = broker.broker.client_page(page).await.unwrap();
        assert_eq!(part.total, 5);
        seen.extend(part.items.iter().map(|c| c.info.client.to_string()));
        if !part.more {
            break;
        }
        let after = part.items.last().map(|c| c.info.client.clone());
        page = Page { after, at_most: 2 };
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4"]);

    let all = |query| broker.broker.subscriptions(query, first(100));
    assert_eq!(all(SubscriptionQuery::default()).await.unwrap().total, 10);
    let of_topic = SubscriptionQuery {
        topic: Some("b/3".into()),
        ..Default::default()
    };
    let found = all(of_topic).await.unwrap().items;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].client.as_str(), found[0].id), ("c3", None));
    let of_client = SubscriptionQuery {
        client: Some("c1".into()),
        ..Default::default()
    };
    let found = all(of_client).await.unwrap();
    let filters: Vec<_> = found.items.iter().map(|s| s.filter.as_str()).collect();
    assert_eq!(filters, ["a/+", "b/1"]);
    assert_eq!(found.items[0].id, Some(7));
    let after = Page {
        after: Some((ClientId::from("c3"), "a/+".to_owned())),
        at_most: 2,
    };
    let query = SubscriptionQuery::default();
    let part = broker.broker.subscriptions(query, after).await.unwrap();
    let found: Vec<_> = part.items.iter().map(|s| s.filter.as_str()).collect();
    assert_eq!(
        (found, part.total, part.more),
        (vec!["b/3", "a/+"], 10, true)
    );

    let kept = broker
        .broker
        .retained(filter("r/#"), first(2))
        .await
        .unwrap();
    assert_eq!((kept.total, kept.more), (5, true));
    assert_eq!(kept.items[1].message.topic(), "r/1");
    assert_eq!(kept.items[1].publisher.as_str(), "c1");
    let asked = ["c1", "nobody"].map(ClientId::from).to_vec();
    let presence = broker.broker.presence(asked).await.unwrap();
    assert_eq!(presence, [Presence::Connected, Presence::Gone]);
    let after = Page {
        after: Some("r/3".to_owned()),
        at_most: 2,
    };
    let kept = broker.broker.retained(filter("r/#"), after).await.unwrap();
    assert_eq!((kept.items.len(), kept.more), (1, false));
}

#[tokio::test]
async fn what_was_cleared_comes_back_as_it_was_and_leaves_what_is_newer_alone() {
    let broker = broker().await;
    let mut client = Client::connected(&broker, V5, "publisher").await;
    let with = properties(&[
        Property::ContentType("text/plain"),
        Property::UserProperty("a", "b"),
    ]);
    for topic in ["r/1", "r/2", "r/3", "other"] {
        client
            .publish(Publish {
                properties: Properties::trusted(&with),
                ..retained(topic, "old")
            })
            .await;
    }
    let before = broker
        .broker
        .retained(filter("r/#"), first(9))
        .await
        .unwrap();
    let cleared = broker.broker.clear_retained(filter("r/#")).await.unwrap();
    assert_eq!(cleared.len(), 3);
    assert_eq!(broker.broker.counters().values().retained, 1);
    let mut late = Client::connected(&broker, V5, "late").await;
    late.subscribe("r/#", 0).await;
    late.expect_nothing().await;

    client.publish(retained("r/2", "new")).await;
    let done = broker.broker.restore_retained(cleared).await.unwrap();
    assert_eq!((done.restored, done.newer), (2, vec!["r/2".to_owned()]));
    let after = broker
        .broker
        .retained(filter("r/#"), first(9))
        .await
        .unwrap();
    assert_eq!(after.items[0], before.items[0]);
    assert_eq!(after.items[2], before.items[2]);
    assert_eq!(after.items[1].message.payload(), b"new");
    assert_eq!(broker.broker.counters().values().retained, 4);
}

#[tokio::test]
async fn what_was_cleared_makes_room_and_comes_back_as_far_as_there_is_room() {
    let limits = Limits {
        retained_messages: 2,
        retained_bytes: 1_000,
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    let mut client = Client::connected(&broker, V5, "publisher").await;
    let large = "x".repeat(400);
    for topic in ["r/1", "r/2"] {
        client.publish(retained(topic, &large)).await;
    }
    let cleared = broker.broker.clear_retained(filter("#")).await.unwrap();
    assert_eq!(cleared.len(), 2);
    // There is room for what had none before: both were counted out.
    client.publish(retained("s", &large)).await;
    let done = broker.broker.restore_retained(cleared).await.unwrap();
    assert_eq!((done.restored, done.no_room), (1, vec!["r/2".to_owned()]));
    let left = broker.broker.retained(filter("#"), first(9)).await.unwrap();
    let topics: Vec<_> = left.items.iter().map(|kept| kept.message.topic()).collect();
    assert_eq!(topics, ["r/1", "s"]);
}

fn with_will(version: ProtocolVersion, id: &str) -> Connect<'_> {
    Connect {
        will: Some(Will {
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "will",
            properties: Properties::NONE,
            payload: b"gone",
        }),
        ..persistent(version, id)
    }
}

#[tokio::test]
async fn an_operator_ends_a_connection_and_the_session_stays() {
    let broker = broker().await;
    let mut watcher = Client::connected(&broker, V5, "watcher").await;
    watcher.subscribe("will", 0).await;
    for version in BOTH {
        let (mut client, _) = Client::accepted(&broker, with_will(version, "victim")).await;
        let reason = ReasonCode::NOT_AUTHORIZED;
        assert!(broker.broker.disconnect("victim".into(), reason).await);
        client.expect_end_for(reason).await;
        assert_eq!(watcher.receive().await.payload, "gone");
        assert!(!broker.broker.disconnect("victim".into(), reason).await);
        let sessions = broker.broker.sessions(first(9)).await.unwrap();
        assert_eq!(sessions.total, 2);
        assert!(sessions.items[0].connection.is_none());
        assert!(broker.broker.end_session("victim".into()).await);
    }
}

#[tokio::test]
async fn an_operator_ends_a_session_whether_its_client_is_there_or_not() {
    let broker = broker().await;
    for version in BOTH {
        for connected in [true, false] {
            let (mut client, present) =
                Client::accepted(&broker, persistent(version, "victim")).await;
            assert!(!present, "an ended session came back");
            client.subscribe("a", 1).await;
            if !connected {
                client.disconnect().await;
            }
            assert!(broker.broker.end_session("victim".into()).await);
            assert!(!broker.broker.end_session("victim".into()).await);
            assert_eq!(broker.broker.counters().values().subscriptions, 0);
            assert_eq!(broker.broker.counters().values().sessions, 0);
        }
    }
}

#[tokio::test]
async fn a_queue_is_dropped_and_put_back_of_a_client_that_is_away_and_of_one_that_is_slow() {
    for connected in [false, true] {
        let broker = broker().await;
        let mut client = slow(&broker, "slow", 1).await;
        client.subscribe("q", 1).await;
        let mut publisher = Client::connected(&broker, V5, "publisher").await;
        for n in 0..4 {
            publisher.publish(publish("q", &n.to_string(), 1)).await;
        }
        let first = client.message().await;
        let client = if connected {
            Some(client)
        } else {
            client.disconnect().await;
            None
        };
        let name = ClientId::from("slow");
        let in_session = async |queued: usize| {
            loop {
                let detail = broker.broker.session(&name, 0, 10).await.unwrap();
                let contents = detail.contents;
                if contents.arriving == 0 && contents.queued.total == queued {
                    assert_eq!(contents.inflight.total, 1, "what was sent stays");
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        in_session(3).await;
        let dropped = broker.broker.drop_queue(&name).await.unwrap();
        assert_eq!(dropped.len(), 3);
        in_session(0).await;
        publisher.publish(publish("q", "newer", 1)).await;
        in_session(1).await;
        assert_eq!(broker.broker.requeue(dropped.clone()).await, Ok(3));
        in_session(4).await;
        let mut client = match client {
            Some(mut client) => {
                let ack = Packet::PubAck(Ack::success(first.packet_id));
                client.send(ack).await;
                client
            }
            None => {
                let mut client = slow(&broker, "slow", 1).await;
                assert_eq!(client.receive().await.payload, "0");
                client
            }
        };
        for expected in ["newer", "1", "2", "3"] {
            assert_eq!(client.receive().await.payload, expected);
        }
        client.disconnect().await;
        broker.broker.end_session(name.clone()).await;
        let gone = broker.broker.requeue(dropped).await;
        assert_eq!(gone, Err(InspectError::NoSession));
    }
}

#[tokio::test]
async fn two_connections_with_one_client_identifier_are_seen_to_fight() {
    // [MQTT-3.1.4-3]
    let broker = broker().await;
    let name = ClientId::from("twin");
    let mut last = slow(&broker, "twin", 1).await;
    for round in 1..=3 {
        let detail = broker.broker.session(&name, 0, 0).await.unwrap();
        assert!(!detail.summary.fought_over, "reconnecting is no fight");
        let next = slow(&broker, "twin", 1).await;
        last.expect_end_for(ReasonCode::SESSION_TAKEN_OVER).await;
        last = next;
        let detail = broker.broker.session(&name, 0, 0).await.unwrap();
        assert_eq!(detail.take_overs.total, round);
    }
    let detail = broker.broker.session(&name, 0, 0).await.unwrap();
    assert!(detail.summary.fought_over);
    let fights = broker.broker.fights().await;
    assert_eq!(fights.len(), 1);
    assert_eq!(fights[0].client, detail.summary.client);
    assert_eq!(Some(&fights[0].last), detail.take_overs.last.back());
    let newest = detail.take_overs.last.back().unwrap();
    let connection = detail.summary.connection.unwrap();
    assert_eq!(newest.by.id, connection.id);
    assert_ne!(newest.from.id, connection.id);
}

#[tokio::test]
async fn how_long_a_client_may_still_be_silent_is_told() {
    // [MQTT-3.1.2-22]
    let broker = broker().await;
    let connect = Connect {
        keep_alive: 60,
        ..connect(V5, "quiet")
    };
    let (_client, _) = Client::accepted(&broker, connect).await;
    let detail = broker.broker.session(&"quiet".into(), 0, 0).await.unwrap();
    assert_eq!(detail.keep_alive.as_secs(), 60);
    let left = detail.contents.silence_left.unwrap();
    assert!(left.as_secs() <= 90 && !left.is_zero(), "{left:?}");
}
