//! Handshakes before MQTT that are begun and not ended, over TLS and WebSocket.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqttwb_broker::{Broker, Limits, ListenerConfig, Tls};
use mqttwb_model::{ListenerProtocol, NoObserver, Observer, RefusalCause, Timestamp};
use mqttwb_pki::{Authority, ServerNames, Validity};
use mqttwb_wire::{Packet, encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::*;

/// Unfinished handshakes for each of these.
const UNFINISHED: usize = 100;

const PROTOCOLS: [ListenerProtocol; 3] = [
    ListenerProtocol::Tls,
    ListenerProtocol::Ws,
    ListenerProtocol::Wss,
];

/// One listener of each kind that has a handshake, and the client's trust in them.
struct Secured {
    broker: Broker,
    trust: Arc<ClientConfig>,
}

async fn secured(limits: Limits, observer: Arc<dyn Observer>) -> Secured {
    let validity = Validity::days_from(Timestamp::now(), 1);
    let authority = Authority::generate(validity).unwrap();
    let server = authority
        .issue_server(&ServerNames::local(), validity)
        .unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(server.key.der().to_vec());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.certificate.der().to_vec().into()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.certificate().der().to_vec().into())
        .unwrap();
    let trust = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Tls::new(Arc::new(config), |_| None);
    let listener = |protocol: ListenerProtocol| ListenerConfig {
        protocol,
        tls: protocol.is_secure().then(|| tls.clone()),
        ..tcp_listener()
    };
    let mut config = within(limits);
    config.listeners.extend(PROTOCOLS.map(listener));
    Secured {
        broker: Broker::start(config, observer).await.unwrap(),
        trust: Arc::new(trust),
    }
}

impl Secured {
    async fn open(&self, protocol: ListenerProtocol) -> TcpStream {
        let mut listeners = self.broker.listeners().iter();
        let listener = listeners
            .find(|listener| listener.config.protocol == protocol)
            .unwrap();
        TcpStream::connect(listener.address).await.unwrap()
    }

    /// A whole client's way in, up to CONNACK.
    async fn connects(&self, protocol: ListenerProtocol) {
        let stream = self.open(protocol).await;
        if !protocol.is_secure() {
            return over_websocket(stream).await;
        }
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(self.trust.clone())
            .connect(name, stream)
            .await
            .unwrap();
        if protocol.is_websocket() {
            over_websocket(stream).await;
        } else {
            over_bytes(stream).await;
        }
    }
}

fn connect_frame() -> BytesMut {
    let mut frame = BytesMut::new();
    encode(
        &Packet::Connect(Box::new(connect(V311, "whole"))),
        V311,
        &mut frame,
    );
    frame
}

async fn over_bytes(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    stream.write_all(&connect_frame()).await.unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
}

async fn over_websocket(stream: impl AsyncRead + AsyncWrite + Unpin) {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
    let offered = "mqtt".parse().unwrap();
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", offered);
    let (mut stream, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    let connect = Message::Binary(connect_frame().freeze());
    stream.send(connect).await.unwrap();
    let connack = stream.next().await.unwrap().unwrap();
    assert_eq!(connack.into_data()[..], [0x20, 2, 0, 0]);
}

/// What an unfinished handshake begins with: nothing, a part of a ClientHello, a part of an HTTP request.
fn beginning(protocol: ListenerProtocol, n: usize) -> &'static [u8] {
    let whole: &[u8] = if protocol.is_secure() {
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    } else {
        b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    };
    &whole[..n % (whole.len() + 1)]
}

#[tokio::test]
async fn unfinished_handshakes_hold_nobody_up() {
    let _sockets = many_sockets().await;
    let limits = Limits {
        connect_timeout: Duration::from_secs(3600),
        ..Limits::default()
    };
    let secured = secured(limits, Arc::new(NoObserver)).await;
    let mut begun = Vec::new();
    for protocol in PROTOCOLS {
        for n in 0..UNFINISHED {
            let mut stream = secured.open(protocol).await;
            stream.write_all(beginning(protocol, n)).await.unwrap();
            begun.push(stream);
        }
    }
    for protocol in PROTOCOLS {
        secured.connects(protocol).await;
    }
    let counters = secured.broker.counters();
    until("the unfinished alone are left", || {
        counters.values().connections == begun.len() as u64
    })
    .await;
    // Nor do they hold up the end.
    secured.broker.stop().await;
    assert_eq!(counters.values().connections, 0);
}

#[tokio::test(start_paused = true)]
async fn unfinished_handshakes_end_with_the_time_to_connect() {
    let _sockets = many_sockets().await;
    let observer = Arc::new(Refused::default());
    let secured = secured(Limits::default(), observer.clone()).await;
    let mut begun = Vec::new();
    for protocol in PROTOCOLS {
        for n in 0..UNFINISHED {
            let mut stream = secured.open(protocol).await;
            stream.write_all(beginning(protocol, n)).await.unwrap();
            begun.push(stream);
        }
    }
    for stream in &mut begun {
        let mut said = Vec::new();
        // A reset is an end as well: the broker had not read all that was sent.
        let _ = stream.read_to_end(&mut said).await;
    }
    assert_eq!(
        observer.causes(),
        vec![RefusalCause::ConnectTimeout; begun.len()]
    );
    let counters = secured.broker.counters();
    until("none is left", || counters.values().connections == 0).await;
}

#[tokio::test]
async fn a_handshake_without_end_is_cut_off() {
    let observer = Arc::new(Refused::default());
    let limits = Limits {
        connect_timeout: Duration::from_secs(3600),
        ..Limits::default()
    };
    let secured = secured(limits, observer.clone()).await;
    // Headers that go on and on, and a ClientHello in records that never make a whole one.
    let mut header = b"GET /mqtt HTTP/1.1\r\n".to_vec();
    header.extend(b"X-More: and more\r\n".repeat(64));
    let mut record = vec![0x16, 3, 1, 0x40, 0];
    record.extend([1, 0xff, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    for (protocol, first, more) in [
        (ListenerProtocol::Ws, &header[..], &header[20..]),
        (ListenerProtocol::Tls, &record[..], &record[..]),
    ] {
        let mut stream = secured.open(protocol).await;
        let (mut read, mut write) = stream.split();
        let writes = async {
            let mut sent = 0;
            let mut next = first;
            while write.write_all(next).await.is_ok() {
                sent += next.len();
                assert!(sent < 64 << 20, "{protocol:?} is still listened to");
                next = more;
            }
        };
        let reads = async {
            let mut said = Vec::new();
            let _ = read.read_to_end(&mut said).await;
        };
        tokio::join!(writes, reads);
    }
    until("both are refused", || observer.causes().len() == 2).await;
    assert_eq!(
        observer.causes(),
        [RefusalCause::WebSocket, RefusalCause::Tls]
    );
}
