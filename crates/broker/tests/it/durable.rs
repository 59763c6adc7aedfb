//! What outlives the process. A store in memory stands for the disk: what it holds at any moment is what a broker that was
//! killed at that moment finds again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mqttwb_broker::BrokerConfig;
use mqttwb_model::durable::*;
use mqttwb_model::{NoObserver, ProtocolVersion};
use mqttwb_wire::{Ack, Packet, Property, ReasonCode, Will};

use crate::support::*;

#[derive(Debug, Clone, Default)]
struct Kept {
    sessions: BTreeMap<SessionKey, RestoredSession>,
    retained: BTreeMap<Arc<str>, RetainedRecord>,
}

/// A disk.
#[derive(Debug, Default)]
struct Disk {
    kept: Mutex<Kept>,
    full: Mutex<bool>,
}

impl Disk {
    /// What is on it now, on another disk.
    fn copy(&self) -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::new(self.kept.lock().unwrap().clone()),
            full: Mutex::default(),
        })
    }

    fn sessions(&self) -> Vec<RestoredSession> {
        let kept = self.kept.lock().unwrap();
        kept.sessions.values().cloned().collect()
    }
}

impl Kept {
    fn make(&mut self, change: &Change) {
        match change.clone() {
            Change::Session(record) => {
                let empty = RestoredSession {
                    record: record.clone(),
                    subscriptions: Vec::new(),
                    deliveries: Vec::new(),
                    received: Vec::new(),
                };
                let key = record.key;
                self.sessions.entry(key).or_insert(empty).record = record;
            }
            Change::EndSession(key) => {
                self.sessions.remove(&key).expect("a session that is there");
            }
            Change::Subscribe(key, subscription) => {
                let of = self.of(key);
                of.subscriptions
                    .retain(|old| old.filter != subscription.filter);
                of.subscriptions.push(subscription);
            }
            Change::Unsubscribe(key, filter) => {
                self.of(key)
                    .subscriptions
                    .retain(|old| old.filter != filter);
            }
            Change::Enqueue(key, delivery) => self.of(key).deliveries.push(delivery),
            Change::Release(key, seq) => {
                for delivery in &mut self.of(key).deliveries {
                    if delivery.seq == seq {
                        delivery.released = true;
                        delivery.message = Bytes::new();
                    }
                }
            }
            Change::Identify(key, seq, packet_id) => {
                for delivery in &mut self.of(key).deliveries {
                    if delivery.seq == seq {
                        delivery.packet_id = Some(packet_id);
                    }
                }
            }
            Change::Dequeue(key, seq) => self.of(key).deliveries.retain(|d| d.seq != seq),
            Change::Receive {
                session,
                packet_id,
                message,
            } => self.of(session).received.push((packet_id, message)),
            Change::Forget { session, packet_id } => {
                self.of(session).received.retain(|(id, _)| *id != packet_id);
            }
            Change::Retain(retained) => {
                self.retained.insert(retained.topic.clone(), retained);
            }
            Change::Unretain(topic) => {
                self.retained.remove(&topic);
            }
        }
    }

    fn of(&mut self, key: SessionKey) -> &mut RestoredSession {
        self.sessions
            .get_mut(&key)
            .expect("a session that is there")
    }
}

impl Store for Disk {
    fn restore(&self) -> Result<Restored, StoreError> {
        let kept = self.kept.lock().unwrap().clone();
        Ok(Restored {
            sessions: kept.sessions.into_values().collect(),
            retained: kept.retained.into_values().collect(),
        })
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        if *self.full.lock().unwrap() {
            return Err(StoreError::Full("none left".into()));
        }
        let mut kept = self.kept.lock().unwrap();
        changes.iter().for_each(|change| kept.make(change));
        Ok(())
    }
}

async fn broker_on(disk: &Arc<Disk>) -> TestBroker {
    let config = BrokerConfig {
        store: Some(disk.clone()),
        ..BrokerConfig::default()
    };
    broker_with(config, Arc::new(NoObserver)).await
}

/// Connects a client with a session that lasts: whether there was one.
async fn back(broker: &TestBroker, version: ProtocolVersion, id: &str) -> (Client, bool) {
    let mut client = Client::open(broker.address, version).await;
    let (present, reason) = client.connect(persistent(version, id)).await;
    assert_eq!(reason, ReasonCode::SUCCESS);
    (client, present)
}

#[tokio::test]
async fn an_acknowledged_message_is_there_after_a_crash_for_who_was_away() {
    for version in [V311, V5] {
        let disk = Arc::new(Disk::default());
        let broker = broker_on(&disk).await;
        let (mut client, present) = back(&broker, version, "device").await;
        assert!(!present);
        assert_eq!(client.subscribe("plant/#", 2).await, ReasonCode(2));
        client.disconnect().await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        for qos in [1, 2] {
            publisher
                .publish(publish("plant/1", &qos.to_string(), qos))
                .await;
        }
        // The broker is killed at the moment of the last acknowledgement.
        let disk = disk.copy();
        let broker = broker_on(&disk).await;
        let (mut client, present) = back(&broker, version, "device").await;
        assert!(present);
        for qos in [1, 2] {
            let got = client.receive().await;
            assert_eq!(
                (got.payload, got.qos, got.dup),
                (qos.to_string(), qos, false)
            );
        }
        client.expect_nothing().await;
        client.disconnect().await;
        broker.broker.stop().await;
        assert_eq!(disk.sessions()[0].deliveries, []);
    }
}

#[tokio::test]
async fn a_qos_2_delivery_goes_on_after_a_crash_where_it_was() {
    // [MQTT-4.3.3-1], [MQTT-4.4.0-1]
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut client, _) = back(&broker, V5, "device").await;
    client.subscribe("t", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("t", "first", 2)).await;
    publisher.publish(publish("t", "second", 2)).await;
    let first = client.message().await;
    let second = client.message().await;
    client
        .send(Packet::PubRec(Ack::success(first.packet_id)))
        .await;
    client
        .expect(|p| matches!(p, Packet::PubRel(_)).then_some(()))
        .await;
    // Killed: the client has the first, not complete, and has not answered to the second.
    let broker = broker_on(&disk.copy()).await;
    let (mut client, present) = back(&broker, V5, "device").await;
    assert!(present);
    let released = client
        .expect(|p| match p {
            Packet::PubRel(ack) => Some(ack.packet_id),
            _ => None,
        })
        .await;
    assert_eq!(released, first.packet_id);
    let again = client.message().await;
    assert_eq!(
        (again.packet_id, again.payload.as_str(), again.dup),
        (second.packet_id, "second", true)
    );
}

#[tokio::test]
async fn a_message_whose_identifier_was_in_use_has_the_one_that_it_was_lent_after_a_crash_too() {
    // [MQTT-2.2.1-4], [MQTT-4.4.0-1]
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut client, _) = back(&broker, V5, "device").await;
    client.subscribe("t", 2).await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("t", "stays", 2)).await;
    assert_eq!(client.message().await.packet_id, 1);
    // As if 65,534 others had come and gone since: the next has the same identifier by its number.
    let disk = disk.copy();
    disk.kept
        .lock()
        .unwrap()
        .sessions
        .values_mut()
        .for_each(|session| {
            session.record.sent = 65_535;
            session.record.away_since = Some(mqttwb_model::Timestamp::now());
        });
    let broker = broker_on(&disk).await;
    let (mut client, _) = back(&broker, V5, "device").await;
    assert_eq!(client.message().await.packet_id, 1);
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("t", "lent", 2)).await;
    publisher.publish(publish("t", "next", 2)).await;
    let lent = client.message().await;
    assert_eq!((lent.payload.as_str(), lent.dup), ("lent", false));
    assert_ne!(lent.packet_id, 1);
    let disk = disk.copy();
    assert_eq!(client.message().await.payload, "next", "order is kept");
    // Killed when it had been sent.
    let broker = broker_on(&disk).await;
    let (mut client, _) = back(&broker, V5, "device").await;
    assert_eq!(client.message().await.packet_id, 1);
    let again = client.message().await;
    assert_eq!((again.payload.as_str(), again.dup), ("lent", true));
    assert_eq!(again.packet_id, lent.packet_id);
}

#[tokio::test]
async fn a_qos_2_message_that_was_received_is_released_once_after_a_crash() {
    // [MQTT-4.3.3-10], [MQTT-4.3.3-12]
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut subscriber, _) = back(&broker, V5, "device").await;
    subscriber.subscribe("t", 2).await;
    subscriber.disconnect().await;
    let (mut publisher, _) = back(&broker, V5, "publisher").await;
    publisher
        .send(Packet::Publish(publish("t", "once", 2)))
        .await;
    publisher
        .expect(|p| matches!(p, Packet::PubRec(_)).then_some(()))
        .await;
    let disk = disk.copy();
    let broker = broker_on(&disk).await;
    let (mut publisher, present) = back(&broker, V5, "publisher").await;
    assert!(present);
    // PUBREC was lost for all that the client knows.
    let mut again = publish("t", "once", 2);
    again.dup = true;
    publisher.publish(again).await;
    let disk = disk.copy();
    let broker = broker_on(&disk).await;
    let (mut publisher, _) = back(&broker, V5, "publisher").await;
    publisher.send(Packet::PubRel(Ack::success(1))).await;
    let reason = publisher
        .expect(|p| match p {
            Packet::PubComp(ack) => Some(ack.reason),
            _ => None,
        })
        .await;
    assert_eq!(reason, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
    let (mut subscriber, _) = back(&broker, V5, "device").await;
    assert_eq!(subscriber.receive().await.payload, "once");
    subscriber.expect_nothing().await;
}

#[tokio::test]
async fn subscriptions_retained_messages_and_wills_are_there_after_a_crash() {
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut watcher, _) = back(&broker, V5, "watcher").await;
    let with = [Property::SubscriptionIdentifier(7)];
    watcher
        .subscribe_with("state/+", Default::default(), &with)
        .await;
    watcher.subscribe("gone", 0).await;
    watcher.unsubscribe(&["gone"]).await;
    watcher.disconnect().await;
    let mut device = Client::open(broker.address, V5).await;
    let mut hello = persistent(V5, "device");
    hello.will = Some(Will {
        topic: "state/device",
        payload: b"offline",
        qos: mqttwb_model::QoS::AtLeastOnce,
        retain: true,
        properties: mqttwb_wire::Properties::NONE,
    });
    device.connect(hello).await;
    let mut online = publish("state/device", "online", 1);
    online.retain = true;
    device.publish(online).await;
    let mut gone = publish("state/old", "x", 1);
    gone.retain = true;
    device.publish(gone).await;
    let mut gone = publish("state/old", "", 1);
    gone.retain = true;
    device.publish(gone).await;
    let disk = disk.copy();
    let topics: BTreeSet<_> = disk.kept.lock().unwrap().retained.keys().cloned().collect();
    assert_eq!(topics, BTreeSet::from(["state/device".into()]));
    // A connection that ends with the broker ends without DISCONNECT: the will is published (section 3.1.2.5).
    let broker = broker_on(&disk).await;
    let mut other = Client::connected(&broker, V5, "other").await;
    loop {
        other.subscribe("state/#", 0).await;
        let got = other.message().await;
        assert!(got.retain);
        if got.payload == "offline" {
            break;
        }
    }
    let (mut watcher, present) = back(&broker, V5, "watcher").await;
    assert!(present);
    other.publish(publish("state/x", "1", 0)).await;
    let got = watcher.receive().await;
    assert_eq!(got.payload, "1");
    assert_eq!(got.properties, properties(&with));
}

#[tokio::test]
async fn a_session_that_ends_leaves_nothing_behind() {
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    for version in [V311, V5] {
        let (mut client, _) = back(&broker, version, "device").await;
        client.subscribe("t", 1).await;
        client.disconnect().await;
        let mut publisher = Client::connected(&broker, version, "publisher").await;
        publisher.publish(publish("t", "x", 1)).await;
        assert_eq!(disk.sessions()[0].deliveries.len(), 1);
        let mut client = Client::open(broker.address, version).await;
        let clean = connect(version, "device");
        assert_eq!(client.connect(clean).await, (false, ReasonCode::SUCCESS));
        client.disconnect().await;
    }
    broker.broker.stop().await;
    assert_eq!(disk.sessions(), []);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged_and_others_go_on() {
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut client, _) = back(&broker, V5, "device").await;
    client.subscribe("kept/#", 1).await;
    let mut other = Client::connected(&broker, V5, "other").await;
    other.subscribe("free/#", 1).await;
    *disk.full.lock().unwrap() = true;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher
        .send(Packet::Publish(publish("kept/1", "a", 1)))
        .await;
    // At least once: it may be sent on before it is safe, but is not acknowledged.
    assert_eq!(client.message().await.payload, "a");
    let mut free = Client::connected(&broker, V5, "free").await;
    free.publish(publish("free/1", "b", 1)).await;
    assert_eq!(other.receive().await.payload, "b");
    // Refused, now that it is known that nothing can be kept.
    let mut refused = Client::connected(&broker, V5, "refused").await;
    while broker.broker.store_failure().is_none() {
        tokio::task::yield_now().await;
    }
    refused
        .send(Packet::Publish(publish("kept/2", "c", 1)))
        .await;
    assert_eq!(refused.expect_end().await, Some(ReasonCode::QUOTA_EXCEEDED));
    *disk.full.lock().unwrap() = false;
    publisher
        .expect(|p| matches!(p, Packet::PubAck(_)).then_some(()))
        .await;
    assert_eq!(broker.broker.store_failure(), None);
    assert_eq!(disk.sessions()[0].deliveries.len(), 1);
}

#[tokio::test]
async fn a_member_of_a_shared_subscription_hands_on_after_a_crash_too() {
    // Section 4.8.2
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut away, _) = back(&broker, V5, "away").await;
    away.subscribe("$share/workers/jobs/#", 1).await;
    away.disconnect().await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/1", "one", 1)).await;
    publisher.publish(publish("jobs/2", "two", 1)).await;
    let disk = disk.copy();
    let broker = broker_on(&disk).await;
    let (mut takes, _) = back(&broker, V5, "takes").await;
    takes.subscribe("$share/workers/jobs/#", 1).await;
    takes.expect_nothing().await;
    // A clean start ends the session that was away.
    let _ended = Client::connected(&broker, V5, "away").await;
    assert_eq!(takes.receive().await.payload, "one");
    assert_eq!(takes.receive().await.payload, "two");
    takes.expect_nothing().await;
    broker.broker.stop().await;
    let names: Vec<_> = disk
        .sessions()
        .into_iter()
        .map(|s| s.record.client)
        .collect();
    assert_eq!(names, ["takes".into()]);
    assert_eq!(disk.sessions()[0].deliveries, []);
}

#[tokio::test]
async fn what_a_client_wants_by_itself_too_is_handed_on_after_a_crash_where_it_was_the_shares() {
    // Section 4.8.2
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut away, _) = back(&broker, V5, "away").await;
    away.subscribe("jobs/own", 1).await;
    away.subscribe("$share/others/jobs/own", 1).await;
    away.disconnect().await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/own", "twice", 1)).await;
    let disk = disk.copy();
    let shares: BTreeSet<bool> = disk.sessions()[0]
        .deliveries
        .iter()
        .map(|delivery| delivery.share == ShareRecord::Own)
        .collect();
    assert_eq!(shares.len(), 2, "one by itself, one as a member");
    let broker = broker_on(&disk).await;
    let (mut takes, _) = back(&broker, V5, "takes").await;
    takes.subscribe("$share/others/jobs/own", 1).await;
    let _ended = Client::connected(&broker, V5, "away").await;
    assert_eq!(takes.receive().await.payload, "twice");
    takes.expect_nothing().await;
}

#[tokio::test]
async fn what_a_file_of_an_older_version_does_not_say_is_worked_out() {
    let disk = Arc::new(Disk::default());
    let broker = broker_on(&disk).await;
    let (mut away, _) = back(&broker, V5, "away").await;
    away.subscribe("$share/workers/jobs/#", 1).await;
    away.disconnect().await;
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("jobs/1", "one", 1)).await;
    let disk = disk.copy();
    for session in disk.kept.lock().unwrap().sessions.values_mut() {
        let deliveries = session.deliveries.iter_mut();
        deliveries.for_each(|delivery| delivery.share = ShareRecord::Unknown);
    }
    let broker = broker_on(&disk).await;
    let (mut takes, _) = back(&broker, V5, "takes").await;
    takes.subscribe("$share/workers/jobs/#", 1).await;
    let _ended = Client::connected(&broker, V5, "away").await;
    assert_eq!(takes.receive().await.payload, "one");
}
