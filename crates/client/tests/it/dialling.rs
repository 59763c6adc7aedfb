//! The ways to a broker – WebSocket, proxies, TLS – and the words for what goes wrong on them, against real servers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use mqttwb_client::{
    ConnectionError, Endpoint, Options, Proxy, ProxyProblem, ProxyProtocol, Reconnect, State,
    TestClient, TlsProblem, WebSocket, WebSocketProblem,
};
use mqttwb_model::QoS;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::mosquitto::{Mosquitto, device};
use super::{publication, wish};

pub async fn local() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

pub fn websocket(port: u16) -> Endpoint {
    Endpoint {
        websocket: Some(WebSocket {
            path: "/mqtt".into(),
            headers: vec![("X-Token".into(), "t0ken".into())],
        }),
        ..Endpoint::tcp("127.0.0.1", port)
    }
}

pub async fn attempt(endpoint: &Endpoint) -> ConnectionError {
    TestClient::new()
        .connect(&Options::new("client"), endpoint)
        .await
        .unwrap_err()
}

/// A message each way over a connection that was just made.
pub async fn works(endpoint: &Endpoint) {
    let client = TestClient::new();
    client
        .connect(&Options::new("client"), endpoint)
        .await
        .unwrap();
    client.subscribe(wish("a", QoS::AtLeastOnce)).await.unwrap();
    let message = publication("a", vec![b'x'; 100_000], QoS::ExactlyOnce);
    let acknowledgement = client.publish(message).await.unwrap();
    acknowledgement.wait().await.unwrap();
    client
        .unsubscribe(wish("a", QoS::AtMostOnce).filter)
        .await
        .unwrap();
    assert_eq!(client.status().received, 1);
    client.disconnect().await;
}

/// Hands WebSocket messages on to a broker's TCP port, and its bytes back in pieces that are no packets.
#[allow(clippy::result_large_err)] // the type is tungstenite's
pub async fn gateway(socket: impl AsyncRead + AsyncWrite + Unpin, to: u16) {
    let checked = |request: &Request, mut answer: Response| -> Result<Response, ErrorResponse> {
        let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(request.uri().path(), "/mqtt");
        assert_eq!(header("sec-websocket-protocol"), "mqtt");
        assert_eq!(header("x-token"), "t0ken");
        let chosen = "mqtt".parse().unwrap();
        answer
            .headers_mut()
            .insert("sec-websocket-protocol", chosen);
        Ok(answer)
    };
    let near = tokio_tungstenite::accept_hdr_async(socket, checked)
        .await
        .unwrap();
    let (mut write_near, mut read_near) = near.split();
    let (mut read_far, mut write_far) = TcpStream::connect(("127.0.0.1", to))
        .await
        .unwrap()
        .into_split();
    let there = async {
        while let Some(Ok(frame)) = read_near.next().await {
            if let Frame::Binary(bytes) = frame {
                write_far.write_all(&bytes).await.unwrap();
            }
        }
        write_far.shutdown().await.unwrap();
    };
    let back = async {
        let mut piece = [0; 7_001];
        loop {
            match read_far.read(&mut piece).await.unwrap() {
                0 => break,
                n => {
                    let bytes = piece[..n].to_vec();
                    // The client may have gone.
                    if write_near.send(Frame::Binary(bytes.into())).await.is_err() {
                        break;
                    }
                }
            }
        }
    };
    tokio::join!(there, back);
}

#[tokio::test]
async fn mqtt_goes_over_websocket_with_path_header_and_subprotocol() {
    // [MQTT-6.0.0-1] [MQTT-6.0.0-2] [MQTT-6.0.0-3]
    let broker = Mosquitto::start();
    let (listener, port) = local().await;
    let to = broker.plain().port;
    let gateway = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        gateway(socket, to).await;
    });
    works(&websocket(port)).await;
    gateway.await.unwrap();
}

#[tokio::test]
async fn a_server_that_opens_no_websocket_is_told_with_its_status() {
    for (answer, expected) in [
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            WebSocketProblem::Refused("404 Not Found".into()),
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            WebSocketProblem::Refused("401 Unauthorized".into()),
        ),
    ] {
        let (listener, port) = local().await;
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 2_048];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        let error = attempt(&websocket(port)).await;
        let ConnectionError::WebSocket { problem, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*problem, expected);
        assert!(error.hint().is_some());
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_websocket_of_something_else_than_mqtt_is_told_as_that() {
    // [MQTT-6.0.0-4]
    let (listener, port) = local().await;
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        // It ends in an error where the client goes first.
        let _ = tokio_tungstenite::accept_async(socket).await;
    });
    let error = attempt(&websocket(port)).await;
    assert!(
        matches!(
            error,
            ConnectionError::WebSocket {
                problem: WebSocketProblem::Subprotocol,
                ..
            }
        ),
        "{error:?}"
    );
    server.await.unwrap();
}

fn through(
    protocol: ProxyProtocol,
    port: u16,
    login: Option<(&str, &str)>,
    to: Endpoint,
) -> Endpoint {
    Endpoint {
        proxy: Some(Proxy {
            protocol,
            host: "127.0.0.1".into(),
            port,
            login: login.map(|(user, password)| (user.into(), password.into())),
        }),
        ..to
    }
}

/// An HTTP proxy for one connection, which lets in who shows `ada:s3cret`.
async fn http_proxy(listener: TcpListener) {
    let (mut near, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(near.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let target = request.split(' ').nth(1).unwrap();
    // ada:s3cret
    if !request.contains("Proxy-Authorization: Basic YWRhOnMzY3JldA==") {
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        near.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    let Ok(mut far) = TcpStream::connect(target).await else {
        let answer = "HTTP/1.1 502 Bad Gateway\r\n\r\n";
        near.write_all(answer.as_bytes()).await.unwrap();
        return;
    };
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    // Either side may just go.
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

/// A SOCKS 5 proxy for one connection, without a login, or with one that is `ada` and `s3cret`.
async fn socks_proxy(listener: TcpListener, wants_login: bool, answer: u8) {
    let (mut near, _) = listener.accept().await.unwrap();
    let mut head = [0; 2];
    near.read_exact(&mut head).await.unwrap();
    let mut methods = vec![0; usize::from(head[1])];
    near.read_exact(&mut methods).await.unwrap();
    let method = if wants_login { 2 } else { 0 };
    if !methods.contains(&method) {
        near.write_all(&[5, 0xff]).await.unwrap();
        return;
    }
    near.write_all(&[5, method]).await.unwrap();
    if wants_login {
        let mut login = [0; 12];
        near.read_exact(&mut login).await.unwrap();
        let fits = login == *b"\x01\x03ada\x06s3cret";
        near.write_all(&[1, u8::from(!fits)]).await.unwrap();
        if !fits {
            return;
        }
    }
    let mut request = [0; 4];
    near.read_exact(&mut request).await.unwrap();
    let address = match request[3] {
        1 => {
            let mut bytes = [0; 4];
            near.read_exact(&mut bytes).await.unwrap();
            std::net::Ipv4Addr::from(bytes).to_string()
        }
        _ => {
            let len = near.read_u8().await.unwrap();
            let mut name = vec![0; usize::from(len)];
            near.read_exact(&mut name).await.unwrap();
            String::from_utf8(name).unwrap()
        }
    };
    let port = near.read_u16().await.unwrap();
    near.write_all(&[5, answer, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    if answer == 0 {
        let mut far = TcpStream::connect((address.as_str(), port)).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    }
}

#[tokio::test]
async fn a_proxy_of_either_kind_is_gone_through() {
    let broker = Mosquitto::start();
    let login = Some(("ada", "s3cret"));
    let (listener, port) = local().await;
    let proxy = tokio::spawn(http_proxy(listener));
    works(&through(ProxyProtocol::Http, port, login, broker.plain())).await;
    proxy.await.unwrap();
    for login in [None, login] {
        let (listener, port) = local().await;
        let proxy = tokio::spawn(socks_proxy(listener, login.is_some(), 0));
        works(&through(ProxyProtocol::Socks5, port, login, broker.plain())).await;
        proxy.await.unwrap();
    }
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_with_what_to_do() {
    let problem = |error: ConnectionError| {
        assert!(error.hint().is_some(), "{error:?}");
        match error {
            ConnectionError::Proxy { problem, .. } => problem,
            other => panic!("{other:?}"),
        }
    };
    let (unused, closed) = local().await;
    drop(unused);
    let target = || Endpoint::tcp("127.0.0.1", closed);
    for (login, expected) in [
        (None, ProxyProblem::WantsLogin),
        (Some(("ada", "wrong")), ProxyProblem::LoginRefused),
        (
            Some(("ada", "s3cret")),
            ProxyProblem::Refused("502 Bad Gateway".into()),
        ),
    ] {
        let (listener, port) = local().await;
        let proxy = tokio::spawn(http_proxy(listener));
        let told = problem(attempt(&through(ProxyProtocol::Http, port, login, target())).await);
        assert_eq!(told, expected);
        proxy.await.unwrap();
    }
    for (login, wants_login, answer, expected) in [
        (None, true, 0, ProxyProblem::WantsLogin),
        (Some(("ada", "wrong1")), true, 0, ProxyProblem::LoginRefused),
        (
            None,
            false,
            2,
            ProxyProblem::Refused("Connection not allowed by ruleset".into()),
        ),
    ] {
        let (listener, port) = local().await;
        let proxy = tokio::spawn(socks_proxy(listener, wants_login, answer));
        let told = problem(attempt(&through(ProxyProtocol::Socks5, port, login, target())).await);
        assert_eq!(told, expected);
        proxy.await.unwrap();
    }
    let nobody = through(ProxyProtocol::Http, closed, None, target());
    assert!(matches!(
        problem(attempt(&nobody).await),
        ProxyProblem::Unreachable(_)
    ));
    // Something else at the proxy's port.
    for (protocol, expected) in [
        (ProxyProtocol::Http, ProxyProblem::NotHttp),
        (ProxyProtocol::Socks5, ProxyProblem::NotSocks),
    ] {
        let (listener, port) = local().await;
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            socket.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        });
        let told = problem(attempt(&through(protocol, port, None, target())).await);
        assert_eq!(told, expected);
        server.await.unwrap();
    }
}

#[tokio::test]
async fn what_a_tls_handshake_agreed_on_is_known() {
    let broker = Mosquitto::start();
    let identity = device(broker.authority());
    let endpoint = Endpoint {
        tls: Some(super::tls::config(broker.authority(), Some(&identity))),
        // The certificate is for this name, and the address is dialled.
        server_name: Some("localhost".into()),
        host: "127.0.0.1".into(),
        ..broker.tls()
    };
    let client = TestClient::new();
    client
        .connect(&Options::new("client"), &endpoint)
        .await
        .unwrap();
    let told = client.status().negotiated.unwrap();
    let tls = told.tls.unwrap();
    assert_eq!(tls.version, "TLS 1.3");
    assert!(tls.cipher.starts_with("TLS13_"), "{}", tls.cipher);
    assert!(!tls.certificates.is_empty());
    assert_eq!(told.keep_alive, 60);
    let name = told.properties.iter().map(|(name, _)| *name);
    assert!(name.clone().count() > 0, "{:?}", told.properties);
}

#[tokio::test]
async fn servers_without_a_protocol_in_common_are_told_as_that() {
    let authority = super::tls::foreign_authority();
    let mut config = super::tls::server_config(&device(&authority));
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, port) = local().await;
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(socket).await.is_err());
    });
    let mut wanted = (*super::tls::config(&authority, None)).clone();
    wanted.alpn_protocols = vec![b"something-else".to_vec()];
    let endpoint = Endpoint {
        tls: Some(Arc::new(wanted)),
        ..Endpoint::tcp("localhost", port)
    };
    let error = attempt(&endpoint).await;
    assert!(
        matches!(
            error,
            ConnectionError::Tls {
                problem: TlsProblem::NoProtocol,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("ALPN"));
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let (listener, port) = local().await;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        // Until the client gives up.
        socket.read_to_end(&mut heard).await.unwrap();
        heard
    });
    let options = Options {
        connect_within: Duration::from_millis(50),
        ..Options::new("client")
    };
    let error = TestClient::new()
        .connect(&options, &Endpoint::tcp("127.0.0.1", port))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectionError::TimedOut { .. }),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("TLS"));
    assert_eq!(server.await.unwrap()[0], 0x10);
}

/// Takes a connection, reads its CONNECT, and says yes.
async fn welcome(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; usize::from(head[1])];
    socket.read_exact(&mut body).await.unwrap();
    socket.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
    socket
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_its_subscriptions_with_it() {
    let (listener, port) = local().await;
    let options = Options {
        reconnect: Some(Reconnect {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
        }),
        ..Options::new("client")
    };
    let client = TestClient::new();
    let endpoint = Endpoint::tcp("127.0.0.1", port);
    let (outcome, mut first) =
        tokio::join!(client.connect(&options, &endpoint), welcome(&listener));
    outcome.unwrap();
    let subscribing = client.subscribe(wish("a/#", QoS::AtLeastOnce));
    let granting = async {
        let mut subscribe = [0; 11];
        first.read_exact(&mut subscribe).await.unwrap();
        let (high, low) = (subscribe[2], subscribe[3]);
        first.write_all(&[0x90, 4, high, low, 0, 1]).await.unwrap();
    };
    let (granted, ()) = tokio::join!(subscribing, granting);
    granted.unwrap();
    drop(first);
    let mut second = welcome(&listener).await;
    let mut subscribe = [0; 11];
    second.read_exact(&mut subscribe).await.unwrap();
    assert_eq!(subscribe[0], 0x82);
    assert!(subscribe.ends_with(b"a/#\x01"), "{subscribe:02x?}");
    client.drop_socket().await;
    assert_eq!(client.status().state, State::Disconnected);
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let (listener, port) = local().await;
    let options = Options {
        reconnect: Some(Reconnect::default()),
        ..Options::new("client")
    };
    let refusing = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut connect = [0; 256];
        assert!(socket.read(&mut connect).await.unwrap() > 0);
        socket.write_all(&[0x20, 3, 0, 0x86, 0]).await.unwrap();
        socket
    };
    let client = TestClient::new();
    let endpoint = Endpoint::tcp("127.0.0.1", port);
    let (outcome, _socket) = tokio::join!(client.connect(&options, &endpoint), refusing);
    let error = outcome.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("bad user name or password (0x86)")
    );
    assert!(error.hint().unwrap().contains("password"));
    client.ended().await;
    assert_eq!(client.status().state, State::Failed);
}
