//! The last will: when it is published, how, and when not (sections 3.1.2.5 to 3.1.2.7, 3.1.3.2, 3.14.4).

use mqttwb_model::{ProtocolVersion, QoS};
use mqttwb_wire::{Connect, Disconnect, Packet, Properties, Property, ReasonCode, Will};

use crate::support::*;

const WILL: Will<'_> = Will {
    topic: "will/pump",
    payload: b"gone",
    qos: QoS::AtMostOnce,
    retain: false,
    properties: Properties::NONE,
};

fn with_will(version: ProtocolVersion, will: Will<'_>) -> Connect<'_> {
    Connect {
        will: Some(will),
        ..connect(version, "pump")
    }
}

async fn watcher(broker: &TestBroker, version: ProtocolVersion) -> Client {
    let mut watcher = Client::connected(broker, version, "watcher").await;
    watcher.subscribe("will/#", 2).await;
    watcher
}

#[tokio::test]
async fn a_will_is_published_however_the_connection_ends_without_disconnect() {
    // [MQTT-3.1.2-7], [MQTT-3.1.2-8], [MQTT3-3.1.2-8]
    let broker = broker().await;
    for version in BOTH {
        let mut watcher = watcher(&broker, version).await;
        // The network breaks.
        let (pump, _) = Client::accepted(&broker, with_will(version, WILL)).await;
        pump.cut();
        assert_eq!(watcher.message().await.payload, "gone");
        // The broker ends it for a broken rule: QoS 3.
        let (mut pump, _) = Client::accepted(&broker, with_will(version, WILL)).await;
        pump.send_bytes(b"\x36\x03\x00\x01a").await;
        pump.expect_end_for(ReasonCode::MALFORMED_PACKET).await;
        assert_eq!(watcher.message().await.payload, "gone");
        // Another connection takes the client over.
        let (mut pump, _) = Client::accepted(&broker, with_will(version, WILL)).await;
        let other = Client::connected(&broker, version, "pump").await;
        pump.expect_end_for(ReasonCode::SESSION_TAKEN_OVER).await;
        assert_eq!(watcher.message().await.payload, "gone");
        other.disconnect().await;
        // It falls silent.
        let silent = Connect {
            keep_alive: 1,
            ..with_will(version, WILL)
        };
        let (mut pump, _) = Client::accepted(&broker, silent).await;
        assert_eq!(watcher.message().await.payload, "gone");
        pump.expect_end_for(ReasonCode::KEEP_ALIVE_TIMEOUT).await;
    }
}

#[tokio::test]
async fn a_will_is_published_once_and_not_after_disconnect() {
    // [MQTT-3.1.2-10], [MQTT-3.14.4-3], [MQTT3-3.1.2-10], [MQTT3-3.14.4-3]; none without: [MQTT3-3.1.2-12]
    let broker = broker().await;
    for version in BOTH {
        let mut watcher = watcher(&broker, version).await;
        let kept = || Connect {
            will: Some(WILL),
            ..persistent(version, "pump")
        };
        let (pump, _) = Client::accepted(&broker, kept()).await;
        pump.disconnect().await;
        watcher.expect_silence().await;
        let (pump, _) = Client::accepted(&broker, kept()).await;
        pump.cut();
        assert_eq!(watcher.message().await.payload, "gone");
        // The session goes on, without its will.
        let (pump, present) = Client::accepted(&broker, persistent(version, "pump")).await;
        assert!(present);
        pump.cut();
        let (pump, _) = Client::accepted(&broker, connect(version, "pump")).await;
        pump.disconnect().await;
        watcher.expect_silence().await;
    }
}

#[tokio::test]
async fn a_disconnect_with_another_reason_than_0_publishes_the_will() {
    // [MQTT-3.1.2-8]
    let broker = broker().await;
    let mut watcher = watcher(&broker, V5).await;
    for reason in [
        ReasonCode::DISCONNECT_WITH_WILL,
        ReasonCode::UNSPECIFIED_ERROR,
        ReasonCode::ADMINISTRATIVE_ACTION,
    ] {
        let (mut pump, _) = Client::accepted(&broker, with_will(V5, WILL)).await;
        pump.send(Packet::Disconnect(Disconnect {
            reason,
            properties: Properties::NONE,
        }))
        .await;
        assert_eq!(watcher.message().await.payload, "gone");
        assert_eq!(pump.expect_end().await, None);
    }
}

#[tokio::test]
async fn a_will_has_the_qos_and_the_retain_flag_that_were_asked_for() {
    // [MQTT-3.1.2-14], [MQTT-3.1.2-15], [MQTT3-3.1.2-16], [MQTT3-3.1.2-17]
    // and the payload's fields are found in their order: [MQTT-3.1.3-1], [MQTT3-3.1.3-1]
    let broker = broker().await;
    for version in BOTH {
        for qos in 0..=2 {
            for retain in [false, true] {
                let mut watcher = watcher(&broker, version).await;
                let with = Connect {
                    user_name: Some("user"),
                    password: Some(b"password"),
                    ..with_will(
                        version,
                        Will {
                            qos: QoS::try_from(qos).unwrap(),
                            retain,
                            ..WILL
                        },
                    )
                };
                let (pump, _) = Client::accepted(&broker, with).await;
                pump.cut();
                let got = watcher.receive().await;
                assert_eq!(
                    (got.topic.as_str(), got.payload.as_str()),
                    ("will/pump", "gone")
                );
                assert_eq!((got.qos, got.retain), (qos, false));
                let mut late = Client::connected(&broker, version, "late").await;
                late.subscribe("will/pump", 2).await;
                if retain {
                    let got = late.receive().await;
                    assert_eq!((got.qos, got.retain), (qos, true));
                    let clear = mqttwb_wire::Publish {
                        retain: true,
                        ..publish("will/pump", "", 1)
                    };
                    watcher.unsubscribe(&["will/#"]).await;
                    watcher.publish(clear).await;
                } else {
                    late.expect_silence().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn the_properties_of_a_will_are_those_of_its_message() {
    // [MQTT-3.1.3-10], [MQTT-3.3.2-18]; the delay is no property of the message
    let broker = broker().await;
    let passed = [
        Property::UserProperty("b", "1"),
        Property::ContentType("text/plain"),
        Property::UserProperty("a", "2"),
        Property::UserProperty("b", "0"),
        Property::ResponseTopic("answer"),
        Property::CorrelationData(b"\x00\xff"),
        Property::PayloadFormatIndicator(1),
    ];
    let mut watcher = watcher(&broker, V5).await;
    let mut with = vec![Property::WillDelayInterval(0)];
    with.extend(passed);
    let with = properties(&with);
    let will = Will {
        properties: Properties::trusted(&with),
        ..WILL
    };
    let (pump, _) = Client::accepted(&broker, with_will(V5, will)).await;
    pump.cut();
    let got = watcher.message().await;
    let seen: Vec<Property<'_>> = Properties::trusted(&got.properties).iter().collect();
    assert_eq!(seen, passed);
}

#[tokio::test]
async fn a_delayed_will_goes_out_when_the_session_ends_before_it() {
    // [MQTT-3.1.2-8]: the session ends with its connection here, an hour before the delay does
    let broker = broker().await;
    let mut watcher = watcher(&broker, V5).await;
    let delay = properties(&[Property::WillDelayInterval(3_600)]);
    let will = || Will {
        properties: Properties::trusted(&delay),
        ..WILL
    };
    let (pump, _) = Client::accepted(&broker, with_will(V5, will())).await;
    pump.cut();
    assert_eq!(watcher.message().await.payload, "gone");
    // Or by the clean start of the next connection.
    let kept = Connect {
        will: Some(will()),
        ..persistent(V5, "pump")
    };
    let (pump, _) = Client::accepted(&broker, kept).await;
    pump.cut();
    watcher.expect_silence().await;
    Client::connected(&broker, V5, "pump").await;
    assert_eq!(watcher.message().await.payload, "gone");
}

#[tokio::test]
async fn a_delayed_will_is_not_sent_when_its_client_returns() {
    // [MQTT-3.1.3-9], [MQTT-3.1.2-8]
    let broker = broker().await;
    let mut watcher = watcher(&broker, V5).await;
    let delay = properties(&[Property::WillDelayInterval(3_600)]);
    let kept = Connect {
        will: Some(Will {
            properties: Properties::trusted(&delay),
            ..WILL
        }),
        ..persistent(V5, "pump")
    };
    let (pump, _) = Client::accepted(&broker, kept).await;
    pump.cut();
    let (pump, present) = Client::accepted(&broker, persistent(V5, "pump")).await;
    assert!(present);
    pump.disconnect().await;
    // Its session ends, and there is no will left in it.
    Client::connected(&broker, V5, "pump").await;
    watcher.expect_silence().await;
}
