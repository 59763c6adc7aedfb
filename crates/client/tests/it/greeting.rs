//! What happens between the socket and CONNACK, against real servers: WebSocket in TLS, the names of a handshake, and
//! enhanced authentication.

use std::sync::Arc;

use bytes::Bytes;
use mqttwb_client::{Authentication, ConnectionError, Endpoint, Options, State, TestClient};
use mqttwb_model::Timestamp;
use mqttwb_pki::{Authority, ServerName, ServerNames, Validity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::dialling::{attempt, gateway, local, websocket, works};
use super::mosquitto::Mosquitto;
use super::tls::{config, foreign_authority, server_config};

/// TLS for this computer and for `broker.example`, with these names of protocols.
fn acceptor(authority: &Authority, alpn: &[&str]) -> TlsAcceptor {
    let names = ServerNames::local().and(ServerName::try_from("broker.example").unwrap());
    let server = authority
        .issue_server(&names, Validity::days_from(Timestamp::now(), 1))
        .unwrap();
    let mut config = server_config(&server);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn mqtt_goes_over_websocket_in_tls_with_path_and_header() {
    let broker = Mosquitto::start();
    let authority = foreign_authority();
    let acceptor = acceptor(&authority, &[]);
    let (listener, port) = local().await;
    let to = broker.plain().port;
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        // It looks at the path, the header and the subprotocol.
        gateway(acceptor.accept(socket).await.unwrap(), to).await;
    });
    let endpoint = Endpoint {
        tls: Some(config(&authority, None)),
        ..websocket(port)
    };
    works(&endpoint).await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_handshake_asks_for_the_name_and_the_protocol_that_were_set() {
    let broker = Mosquitto::start();
    let authority = foreign_authority();
    let acceptor = acceptor(&authority, &["x-other", "mqtt"]);
    let (listener, port) = local().await;
    let to = broker.plain().port;
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut near = acceptor.accept(socket).await.unwrap();
        let (_, session) = near.get_ref();
        let asked = (
            session.server_name().map(str::to_owned),
            session.alpn_protocol().map(<[u8]>::to_vec),
        );
        let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        // Either side may just go.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        asked
    });
    let mut tls = (*config(&authority, None)).clone();
    tls.alpn_protocols = vec![b"mqtt".to_vec()];
    let endpoint = Endpoint {
        tls: Some(Arc::new(tls)),
        server_name: Some("broker.example".into()),
        ..Endpoint::tcp("127.0.0.1", port)
    };
    let client = TestClient::new();
    client
        .connect(&Options::new("client"), &endpoint)
        .await
        .unwrap();
    let told = client.status().negotiated.unwrap().tls.unwrap();
    assert_eq!(told.alpn.as_deref(), Some("mqtt"));
    client.disconnect().await;
    let asked = server.await.unwrap();
    assert_eq!(
        asked,
        (Some("broker.example".into()), Some(b"mqtt".to_vec()))
    );
}

/// An AUTH packet that goes on with method `m` and these data.
fn auth(data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xf0, (9 + data.len()) as u8, 0x18, (7 + data.len()) as u8];
    packet.extend(b"\x15\0\x01m\x16");
    packet.extend((data.len() as u16).to_be_bytes());
    packet.extend(data);
    packet
}

async fn packet(socket: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.unwrap();
    let mut packet = head.to_vec();
    packet.resize(2 + usize::from(head[1]), 0);
    socket.read_exact(&mut packet[2..]).await.unwrap();
    packet
}

/// Asks twice before it says yes or asks once more; returns what the client said.
async fn asks_twice(listener: TcpListener, then: Vec<u8>) -> (Vec<u8>, Vec<Vec<u8>>, TcpStream) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let connect = packet(&mut socket).await;
    let mut answers = Vec::new();
    for question in [b"first?".as_slice(), b"second?"] {
        socket.write_all(&auth(question)).await.unwrap();
        answers.push(packet(&mut socket).await);
    }
    socket.write_all(&then).await.unwrap();
    (connect, answers, socket)
}

fn with_answers() -> Options {
    Options {
        authentication: Some(Authentication {
            method: "m".into(),
            data: Some(Bytes::from_static(b"hello")),
            answers: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
        }),
        ..Options::new("client")
    }
}

#[tokio::test]
async fn what_a_broker_asks_by_auth_is_answered_in_its_order() {
    // [MQTT-4.12.0-3] [MQTT-4.12.0-5]
    let (listener, port) = local().await;
    let yes = b"\x20\x07\0\0\x04\x15\0\x01m".to_vec();
    let server = tokio::spawn(asks_twice(listener, yes));
    let client = TestClient::new();
    client
        .connect(&with_answers(), &Endpoint::tcp("127.0.0.1", port))
        .await
        .unwrap();
    assert_eq!(client.status().state, State::Connected);
    let (connect, answers, _socket) = server.await.unwrap();
    let has = |what: &[u8]| connect.windows(what.len()).any(|part| part == what);
    assert!(
        has(b"\x15\0\x01m") && has(b"\x16\0\x05hello"),
        "{connect:02x?}"
    );
    assert_eq!(answers, [auth(b"one"), auth(b"two")]);
}

#[tokio::test]
async fn a_broker_that_asks_for_more_than_there_is_to_answer_is_told_as_that() {
    let (listener, port) = local().await;
    let server = tokio::spawn(asks_twice(listener, auth(b"third?")));
    let outcome = TestClient::new()
        .connect(&with_answers(), &Endpoint::tcp("127.0.0.1", port))
        .await;
    assert_eq!(outcome, Err(ConnectionError::Unanswered("m".into())));
    drop(server.await.unwrap());

    // One that was named no method must not ask at all.
    let (listener, port) = local().await;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        packet(&mut socket).await;
        socket.write_all(&auth(b"who?")).await.unwrap();
        socket
    });
    let error = attempt(&Endpoint::tcp("127.0.0.1", port)).await;
    assert!(
        error
            .to_string()
            .contains("has named no authentication method"),
        "{error}"
    );
    drop(server.await.unwrap());
}
