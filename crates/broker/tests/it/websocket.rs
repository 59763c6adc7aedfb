//! MQTT over WebSocket, frame by frame (section 6).

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use mqttwb_broker::{BrokerConfig, ListenerConfig};
use mqttwb_model::{ListenerProtocol, NoObserver, ProtocolVersion};
use mqttwb_wire::Packet;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::*;

async fn listening() -> (TestBroker, SocketAddr) {
    let config = BrokerConfig {
        listeners: vec![ListenerConfig {
            name: "ws".into(),
            protocol: ListenerProtocol::Ws,
            ..tcp_listener()
        }],
        ..BrokerConfig::default()
    };
    let broker = broker_with(config, Arc::new(NoObserver)).await;
    let address = broker.broker.listeners()[0].address;
    (broker, address)
}

type Socket = WebSocketStream<TcpStream>;

/// The handshake, offering these subprotocols: the socket and the one that was selected.
async fn open(address: SocketAddr, offers: Option<&str>) -> Result<(Socket, String), Error> {
    const HEADER: &str = "Sec-WebSocket-Protocol";
    let mut request = format!("ws://{address}/mqtt").into_client_request()?;
    if let Some(offers) = offers {
        let offers = HeaderValue::from_str(offers).unwrap();
        request.headers_mut().insert(HEADER, offers);
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let (socket, response) = tokio_tungstenite::client_async(request, stream).await?;
    let selected = response.headers().get(HEADER).unwrap();
    Ok((socket, selected.to_str().unwrap().to_owned()))
}

fn connect_bytes(version: ProtocolVersion) -> Vec<u8> {
    bytes_of(&Packet::Connect(Box::new(connect(version, "ws"))), version)
}

/// The MQTT bytes that come, up to so many, all of them in binary frames.
async fn read(socket: &mut Socket, at_least: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < at_least {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(more) => bytes.extend_from_slice(&more),
            other => panic!("{other:?}"),
        }
    }
    bytes
}

#[tokio::test]
async fn the_subprotocol_is_mqtt() {
    // [MQTT-6.0.0-4], [MQTT3-6.0.0-4]; a client that does not offer it is refused: [MQTT-6.0.0-3], [MQTT3-6.0.0-3]
    let (_broker, address) = listening().await;
    for offers in ["mqtt", "chat, mqtt", "mqtt, mqttv3.1"] {
        let (_, selected) = open(address, Some(offers)).await.unwrap();
        assert_eq!(selected, "mqtt");
    }
    for offers in [None, Some("chat"), Some("MQTT5")] {
        assert!(matches!(open(address, offers).await, Err(Error::Http(_))));
    }
}

#[tokio::test]
async fn packets_and_frames_need_not_begin_together() {
    // [MQTT-6.0.0-1], [MQTT-6.0.0-2], [MQTT3-6.0.0-1], [MQTT3-6.0.0-2]
    let (_broker, address) = listening().await;
    for version in BOTH {
        let mut bytes = connect_bytes(version);
        for _ in 0..3 {
            bytes.extend(bytes_of(&Packet::PingReq, version));
        }
        for size in [1, 3, 7, bytes.len()] {
            let (mut socket, _) = open(address, Some("mqtt")).await.unwrap();
            for piece in bytes.chunks(size) {
                let piece = Message::binary(piece.to_vec());
                socket.send(piece).await.unwrap();
            }
            let connack = read(&mut socket, 4).await;
            assert_eq!((connack[0], connack[3]), (0x20, 0));
            let len = usize::from(connack[1]) + 2;
            let mut pongs = connack[len..].to_vec();
            if pongs.len() < 6 {
                pongs.extend(read(&mut socket, 6 - pongs.len()).await);
            }
            assert_eq!(pongs, b"\xd0\x00\xd0\x00\xd0\x00");
        }
    }
}

#[tokio::test]
async fn a_text_frame_ends_the_connection() {
    // [MQTT-6.0.0-1], [MQTT3-6.0.0-1]
    let (_broker, address) = listening().await;
    for version in BOTH {
        let (mut socket, _) = open(address, Some("mqtt")).await.unwrap();
        let hello = Message::binary(connect_bytes(version));
        socket.send(hello).await.unwrap();
        assert_eq!(read(&mut socket, 4).await[0], 0x20);
        socket.send(Message::text("\u{0}")).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            assert!(!matches!(message, Message::Text(_)), "{message:?}");
        }
    }
}

#[tokio::test]
async fn a_close_frame_is_answered_with_one() {
    let (_broker, address) = listening().await;
    let (mut socket, _) = open(address, Some("mqtt")).await.unwrap();
    let connect = connect_bytes(V5).into();
    socket.send(Message::Binary(connect)).await.unwrap();
    read(&mut socket, 5).await;
    socket.close(None).await.unwrap();
    // The answer, and then the end; without the answer this would be a reset.
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    assert!(socket.next().await.is_none());
}
