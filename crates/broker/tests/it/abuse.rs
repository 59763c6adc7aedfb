//! Clients that take and give nothing back. Each costs what its bound says, what it misses is counted, and the others
//! notice nothing.

use std::sync::Arc;
use std::time::Duration;

use mqttwb_broker::{BrokerConfig, Limits};
use mqttwb_model::{LimitKind, RefusalCause};
use mqttwb_wire::{Ack, Packet, Properties, Property, ReasonCode};

use crate::support::*;

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_costs_its_bounds_and_gets_or_is_counted_out_of_every_message() {
    const PIECE: usize = 32 << 10;
    const PIECES: usize = 2_000;
    // Its inbox, what its connection took of it, its output; then what the two ends of the socket hold.
    const BOUND: usize = 16 * MIB + MIB + MIB / 2 + 5 * MIB;
    let broker = broker().await;
    let mut slow = Client::open_with_small_window(broker.address, V311).await;
    slow.connect(connect(V311, "slow")).await;
    slow.subscribe("flood", 0).await;
    slow.subscribe("end", 1).await;
    let mut publisher = Client::connected(&broker, V311, "publisher").await;
    for n in 0..PIECES {
        let piece = format!("{n:0PIECE$}");
        publisher.publish(publish("flood", &piece, 0)).await;
    }
    publisher.publish(publish("end", "", 1)).await;
    // All of it was taken from the publisher, though the subscriber has not read a byte.
    assert_eq!(
        broker.broker.counters().values().messages_in,
        1 + PIECES as u64
    );
    let mut got = Vec::new();
    loop {
        let message = slow.receive().await;
        if message.topic == "end" {
            break;
        }
        got.push(message.payload.parse::<usize>().unwrap());
    }
    assert!(got.is_sorted_by(|a, b| a < b), "order is kept");
    let bytes = got.len() * PIECE;
    assert!(bytes <= BOUND, "{} MiB were kept", bytes / MIB);
    let dropped = (PIECES - got.len()) as u64;
    until("every lost message is counted", || {
        broker.broker.counters().values().dropped == dropped
    })
    .await;
}

#[tokio::test]
async fn a_client_that_never_acknowledges_gets_its_receive_maximum_and_a_full_queue() {
    const MESSAGES: u64 = 1_000;
    const WINDOW: u16 = 10;
    const QUEUE: usize = 100;
    let mut limits = Limits::default();
    limits.queue.messages = QUEUE;
    let broker = broker_within(limits).await;
    for qos in [1, 2] {
        let before = broker.broker.counters().values().dropped;
        let mut mute = Client::open(broker.address, V5).await;
        let receive_maximum = properties(&[Property::ReceiveMaximum(WINDOW)]);
        mute.connect(mqttwb_wire::Connect {
            properties: Properties::trusted(&receive_maximum),
            ..connect(V5, "mute")
        })
        .await;
        mute.subscribe("work", qos).await;
        mute.subscribe("end", 0).await;
        let mut publisher = Client::connected(&broker, V311, "publisher").await;
        for n in 0..MESSAGES {
            let payload = n.to_string();
            publisher.publish(publish("work", &payload, qos)).await;
        }
        publisher.publish(publish("end", "", 0)).await;
        let mut ids = Vec::new();
        loop {
            let message = mute.message().await;
            if message.topic == "end" {
                break;
            }
            assert_eq!(message.payload, ids.len().to_string(), "order is kept");
            ids.push(message.packet_id);
        }
        assert_eq!(ids.len(), usize::from(WINDOW)); // [MQTT-3.3.4-9]
        mute.expect_nothing().await;

        // It comes to its senses: what was queued follows, and the rest was counted.
        let mut got = ids.len() as u64;
        let dropped = || broker.broker.counters().values().dropped - before;
        until("what found no place is counted", || {
            dropped() >= MESSAGES - got - QUEUE as u64
        })
        .await;
        let waiting = MESSAGES - got - dropped();
        assert!(waiting <= QUEUE as u64, "{waiting} waited");
        for id in ids {
            mute.answer(qos, id).await;
        }
        let mut released = 0;
        while got < MESSAGES - dropped() || (qos == 2 && released < got) {
            let (is_publish, id) = mute.publish_or_release().await;
            if is_publish {
                got += 1;
                mute.answer(qos, id).await;
            } else {
                released += 1;
                mute.send(Packet::PubComp(Ack::success(id))).await;
            }
        }
        mute.expect_nothing().await;
        assert_eq!(got + dropped(), MESSAGES);
    }
}

#[tokio::test]
async fn a_client_that_never_releases_may_hold_only_its_receive_maximum() {
    // QoS 2 messages that wait for PUBREL are the broker's to keep [MQTT-3.3.4-9].
    const MOST: u16 = 20;
    let limits = Limits {
        receive_maximum: MOST,
        ..Limits::default()
    };
    let broker = broker_within(limits).await;
    let mut hoarder = Client::connected(&broker, V5, "hoarder").await;
    for id in 1..=MOST {
        let mut p = publish("a", "kept", 2);
        p.packet_id = id;
        hoarder.send(Packet::Publish(p.clone())).await;
        // The same again is no further message [MQTT-4.3.3-10].
        p.dup = true;
        hoarder.send(Packet::Publish(p)).await;
        for _ in 0..2 {
            hoarder
                .expect(|p| matches!(p, Packet::PubRec(a) if a.packet_id == id).then_some(()))
                .await;
        }
    }
    let mut over = publish("a", "too many", 2);
    over.packet_id = MOST + 1;
    hoarder.send(Packet::Publish(over)).await;
    assert_eq!(
        hoarder.expect_end().await,
        Some(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED)
    );
}

#[tokio::test]
async fn a_length_of_256_mib_is_refused_before_any_of_it_comes() {
    let observer = Arc::new(Refused::default());
    let broker = broker_with(BrokerConfig::default(), observer.clone()).await;
    let mut first = Client::open(broker.address, V5).await;
    first.send_bytes(b"\x10\xff\xff\xff\x7f").await;
    assert_eq!(first.expect_end().await, None);
    assert_eq!(observer.causes(), [RefusalCause::Protocol]);
    for version in [V311, V5] {
        for packet in [0x30, 0x82, 0xe0] {
            let mut client = Client::connected(&broker, version, "large").await;
            client
                .send_bytes(&[packet, 0xff, 0xff, 0xff, 0x7f, 0, 1])
                .await;
            let reason = (version == V5).then_some(ReasonCode::PACKET_TOO_LARGE);
            assert_eq!(client.expect_end().await, reason);
        }
    }
}

#[tokio::test]
async fn a_half_open_socket_is_given_up_after_its_keep_alive_though_messages_wait_for_it() {
    const PIECES: usize = 1_200;
    let broker = broker().await;
    let mut half = Client::open_with_small_window(broker.address, V5).await;
    half.connect(mqttwb_wire::Connect {
        keep_alive: 1,
        ..connect(V5, "half")
    })
    .await;
    half.subscribe("flood", 0).await;
    let mut publisher = Client::connected(&broker, V311, "publisher").await;
    let piece = "x".repeat(32 << 10);
    for _ in 0..PIECES {
        publisher.publish(publish("flood", &piece, 0)).await;
    }
    // Neither reads nor writes nor closes: what is there of it ends all the same, farewell included.
    until("the half-open connection has ended", || {
        let values = broker.broker.counters().values();
        (values.connections, values.sessions) == (1, 1)
    })
    .await;
    assert_eq!(broker.broker.counters().values().subscriptions, 0);
    drop(half);
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_is_never_finished_ends_with_the_time_for_it() {
    let observer = Arc::new(Refused::default());
    let broker = broker_with(BrokerConfig::default(), observer.clone()).await;
    let whole = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x";
    let mut begun = Vec::new();
    for length in 0..whole.len() {
        let mut client = Client::open(broker.address, V311).await;
        client.send_bytes(&whole[..length]).await;
        begun.push(client);
    }
    for client in &mut begun {
        assert_eq!(client.expect_end().await, None);
    }
    assert_eq!(
        observer.causes(),
        vec![RefusalCause::ConnectTimeout; whole.len()]
    );
    until("no connection is left", || {
        broker.broker.counters().values().connections == 0
    })
    .await;
}

#[tokio::test]
async fn a_connection_flood_is_held_at_the_limit_and_who_is_in_is_served() {
    let _sockets = many_sockets().await;
    const MOST: usize = 50;
    const FLOOD: usize = 200;
    let limits = Limits {
        connections: MOST,
        connect_timeout: Duration::from_secs(3600),
        ..Limits::default()
    };
    let (broker, observer) = limited(limits).await;
    let mut inside = Client::connected(&broker, V5, "inside").await;
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        flood.push(Client::open(broker.address, V311).await);
    }
    let refused = FLOOD + 1 - MOST;
    let counters = broker.broker.counters();
    let hits = (LimitKind::Connections, refused as u64);
    until("who finds no place is refused", || {
        counters.limits_hit().eq([hits])
    })
    .await;
    assert_eq!(counters.values().connections, MOST as u64);
    // Not all are told: a flood must not become one of lines.
    let told = observer.causes();
    assert!((1..=refused).contains(&told.len()), "{}", told.len());
    let cause = RefusalCause::Limit(LimitKind::Connections);
    assert!(told.iter().all(|told| *told == cause), "{told:?}");
    inside.subscribe("a", 1).await;
    inside.publish_to_itself("a", "still served").await;

    // Room again: whoever comes next is let in.
    drop(flood);
    until("the flood has gone", || {
        broker.broker.counters().values().connections == 1
    })
    .await;
    Client::connected(&broker, V5, "late").await;
}

#[tokio::test]
async fn a_crowd_that_is_idle_is_reached_and_leaves_nothing_behind() {
    let _sockets = many_sockets().await;
    const CROWD: usize = 400;
    let broker = broker().await;
    let mut crowd = Vec::new();
    for n in 0..CROWD {
        let mut client = Client::connected(&broker, V5, &format!("idle-{n}")).await;
        client.subscribe("all", 1).await;
        crowd.push(client);
    }
    let values = broker.broker.counters().values();
    let here = (values.connections, values.sessions, values.subscriptions);
    assert_eq!(here, (CROWD as u64, CROWD as u64, CROWD as u64));
    let mut publisher = Client::connected(&broker, V5, "publisher").await;
    publisher.publish(publish("all", "wake up", 1)).await;
    for client in &mut crowd {
        assert_eq!(client.receive().await.payload, "wake up");
    }
    drop(crowd);
    drop(publisher);
    until("nothing is left of them", || {
        let values = broker.broker.counters().values();
        (values.connections, values.sessions, values.subscriptions) == (0, 0, 0)
    })
    .await;
}

impl Client {
    /// The first answer to a delivery.
    async fn answer(&mut self, qos: u8, packet_id: u16) {
        let ack = Ack::success(packet_id);
        self.send(match qos {
            1 => Packet::PubAck(ack),
            _ => Packet::PubRec(ack),
        })
        .await;
    }

    /// The next packet is a PUBLISH, or else a PUBREL; and its packet identifier.
    async fn publish_or_release(&mut self) -> (bool, u16) {
        self.expect(|packet| match packet {
            Packet::Publish(p) => Some((true, p.packet_id)),
            Packet::PubRel(ack) => Some((false, ack.packet_id)),
            _ => None,
        })
        .await
    }

    /// Publishes what it has subscribed to itself, at QoS 0, and waits for it.
    async fn publish_to_itself(&mut self, topic: &str, payload: &str) {
        self.send(Packet::Publish(publish(topic, payload, 0))).await;
        assert_eq!(self.message().await.payload, payload);
    }
}
