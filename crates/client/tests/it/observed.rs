//! Every packet on a test client's wire is seen, in both directions, and no secret with it.

use std::sync::{Arc, Mutex};

use mqttwb_client::{Login, Options, TestClient, Version};
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, Observer, PacketBatch, PacketType, QoS, Refusal,
    SeenBy, Timestamp,
};
use mqttwb_wire::peek;

use super::mosquitto::Mosquitto;
use super::{BOTH, options, publication, wish};

#[derive(Default)]
struct Watch(Mutex<Seen>);

#[derive(Default, Clone)]
struct Seen {
    infos: Vec<ConnectionInfo>,
    packets: Vec<(ConnectionId, Direction, Vec<u8>)>,
    ends: Vec<(ConnectionId, String)>,
}

impl Watch {
    fn seen(&self) -> Seen {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Watch {
    fn connected(&self, info: &ConnectionInfo) {
        self.0.lock().unwrap().infos.push(info.clone());
    }

    fn packets(&self, batch: PacketBatch<'_>) {
        let mut seen = self.0.lock().unwrap();
        for mark in batch.marks {
            let start = mark.start as usize;
            let frame = batch.bytes[start..start + mark.len as usize].to_vec();
            seen.packets
                .push((batch.connection, batch.direction, frame));
        }
    }

    fn disconnected(&self, connection: ConnectionId, _: Timestamp, reason: &str) {
        let end = (connection, reason.to_owned());
        self.0.lock().unwrap().ends.push(end);
    }

    fn refused(&self, _: &Refusal) {}
}

fn story(seen: &Seen, version: Version) -> Vec<(Direction, PacketType)> {
    seen.packets
        .iter()
        .map(|(_, direction, frame)| (*direction, peek(frame, version.into()).unwrap().packet))
        .collect()
}

#[tokio::test]
async fn every_packet_is_seen_in_both_directions_and_in_its_order() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let watch = Arc::new(Watch::default());
        let client = TestClient::observed_by(watch.clone());
        client
            .connect(&options("seen", version), &broker.plain())
            .await
            .unwrap();
        client.subscribe(wish("a", QoS::AtMostOnce)).await.unwrap();
        let message = publication("b", "x", QoS::ExactlyOnce);
        let acknowledgement = client.publish(message).await.unwrap();
        acknowledgement.wait().await.unwrap();
        client.disconnect().await;
        let seen = watch.seen();
        use Direction::{ToBroker, ToClient};
        use PacketType as P;
        assert_eq!(
            story(&seen, version),
            [
                (ToBroker, P::Connect),
                (ToClient, P::ConnAck),
                (ToBroker, P::Subscribe),
                (ToClient, P::SubAck),
                (ToBroker, P::Publish),
                (ToClient, P::PubRec),
                (ToBroker, P::PubRel),
                (ToClient, P::PubComp),
                (ToBroker, P::Disconnect),
            ]
        );
        let info = &seen.infos[0];
        assert_eq!(info.client.as_str(), "seen");
        assert_eq!(info.seen_by, SeenBy::ClientOfRemote);
        assert_eq!(info.version, version.into());
        assert_eq!(&*info.listener, broker.plain().url());
        assert_eq!(seen.ends, [(info.id, "the client disconnected".into())]);
    }
}

#[tokio::test]
async fn a_password_is_struck_out_and_a_refusal_is_seen() {
    let broker = Mosquitto::start();
    for version in BOTH {
        let watch = Arc::new(Watch::default());
        let options = Options {
            login: Some(Login {
                user: "ada".into(),
                password: "s3cret".into(),
            }),
            ..options("refused", version)
        };
        TestClient::observed_by(watch.clone())
            .connect(&options, &broker.guarded())
            .await
            .unwrap_err();
        let seen = watch.seen();
        use PacketType::{ConnAck, Connect};
        let packets: Vec<_> = story(&seen, version).into_iter().map(|(_, p)| p).collect();
        assert_eq!(packets, [Connect, ConnAck]);
        let connect = &seen.packets[0].2;
        assert!(connect.ends_with(b"\0\x06******"), "{connect:02x?}");
        assert!(connect.windows(3).any(|bytes| bytes == b"ada"));
        assert!(seen.ends[0].1.contains("not authorized"), "{:?}", seen.ends);
    }
}

#[tokio::test]
async fn the_embedded_broker_is_not_seen_twice_unless_that_is_asked_for() {
    let broker = Mosquitto::start();
    let mut endpoint = broker.plain();
    endpoint.embedded = true;
    for show_own_end in [false, true] {
        let watch = Arc::new(Watch::default());
        let client = TestClient::observed_by(watch.clone());
        let options = Options {
            show_own_end,
            ..options("twin", Version::V5)
        };
        client.connect(&options, &endpoint).await.unwrap();
        let seen = watch.seen();
        assert_eq!(seen.packets.len(), if show_own_end { 2 } else { 0 });
        assert!(
            seen.infos
                .iter()
                .all(|info| info.seen_by == SeenBy::ClientOfBroker)
        );
    }
}
