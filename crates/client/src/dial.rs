//! The way to a broker: name, TCP, proxy, TLS, WebSocket, in this order.
//!
//! Duty: a stream of bytes that MQTT can be spoken over, and what was agreed on the way. Not here: MQTT, time limits.
//! Invariant: a stream is returned only when every layer has said yes; where one says no, the error names the layer.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, future};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, http};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use crate::error::{ConnectionError, TlsProblem, WebSocketProblem};
use crate::{Endpoint, WebSocket, proxy};

/// The name of MQTT among WebSocket's subprotocols [MQTT-6.0.0-3].
const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("mqtt");

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream that MQTT can be spoken over, in its two halves.
pub(crate) struct Dialled {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// The other end of the socket: the broker, or a proxy.
    pub(crate) peer: SocketAddr,
    /// What TLS has agreed on.
    pub(crate) tls: Option<TlsSession>,
}

/// What a TLS handshake has agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSession {
    /// The version, as in `TLS 1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The protocol that ALPN has chosen.
    pub alpn: Option<String>,
    /// What the broker has shown, its own certificate first.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// Goes all the way.
pub(crate) async fn dial(endpoint: &Endpoint) -> Result<Dialled, ConnectionError> {
    let (socket, peer): (Box<dyn Stream>, SocketAddr) = match &endpoint.proxy {
        None => {
            let address = endpoint.to_string();
            let (socket, peer) = connect(endpoint.bare_host(), endpoint.port, &address).await?;
            (Box::new(socket), peer)
        }
        Some(proxy) => proxy::connect(proxy, endpoint).await?,
    };
    let (stream, tls) = match &endpoint.tls {
        None => (socket, None),
        Some(config) => {
            let (stream, session) = shake_hands(endpoint, config, socket).await?;
            (stream, Some(session))
        }
    };
    let (reader, writer) = match &endpoint.websocket {
        None => {
            let (reader, writer) = split(stream);
            (Box::new(reader) as _, Box::new(writer) as _)
        }
        Some(websocket) => upgrade(endpoint, websocket, stream).await?,
    };
    Ok(Dialled {
        reader,
        writer,
        peer,
        tls,
    })
}

/// A TCP connection to the first address of a host that takes one.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    address: &str,
) -> Result<(TcpStream, SocketAddr), ConnectionError> {
    let unresolved = |detail: String| ConnectionError::Unresolved {
        host: host.to_owned(),
        detail,
    };
    let found = lookup_host((host, port))
        .await
        .map_err(|error| unresolved(error.to_string()))?;
    let mut failed = None;
    for peer in found {
        match TcpStream::connect(peer).await {
            Ok(socket) => {
                // A small packet must not wait for a larger one; where it can't be had, it only is slower.
                let _ = socket.set_nodelay(true);
                return Ok((socket, peer));
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(match failed {
        Some(error) => ConnectionError::of_io(&error, address, true),
        None => unresolved("the name has no address".into()),
    })
}

async fn shake_hands(
    endpoint: &Endpoint,
    config: &Arc<rustls::ClientConfig>,
    socket: Box<dyn Stream>,
) -> Result<(Box<dyn Stream>, TlsSession), ConnectionError> {
    let address = endpoint.to_string();
    let wanted = match endpoint.server_name.as_deref() {
        Some(name) => name,
        None => endpoint.bare_host(),
    };
    let name = ServerName::try_from(wanted.to_owned()).map_err(|_| ConnectionError::Tls {
        address: address.clone(),
        problem: TlsProblem::ServerName(wanted.to_owned()),
    })?;
    let stream = TlsConnector::from(config.clone())
        .connect(name, socket)
        .await
        .map_err(|error| ConnectionError::of_io(&error, &address, true))?;
    let (_, session) = stream.get_ref();
    let told = TlsSession {
        version: match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".into(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".into(),
            other => format!("{other:?}"),
        },
        cipher: session
            .negotiated_cipher_suite()
            .map(|suite| format!("{:?}", suite.suite()))
            .unwrap_or_default(),
        alpn: session
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        certificates: session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.clone().into_owned())
            .collect(),
    };
    Ok((Box::new(stream), told))
}

type Halves = (
    Box<dyn AsyncRead + Send + Unpin>,
    Box<dyn AsyncWrite + Send + Unpin>,
);

async fn upgrade(
    endpoint: &Endpoint,
    websocket: &WebSocket,
    stream: Box<dyn Stream>,
) -> Result<Halves, ConnectionError> {
    let failed = |problem| ConnectionError::WebSocket {
        address: endpoint.to_string(),
        problem,
    };
    let request = request(endpoint, websocket).map_err(failed)?;
    // A message of ours is what the socket takes at once; one of the broker's may be as large as a packet, or larger.
    let limits = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let (stream, answer) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(limits))
            .await
            .map_err(|error| match error {
                tungstenite::Error::Io(error) => {
                    ConnectionError::of_io(&error, &endpoint.to_string(), true)
                }
                tungstenite::Error::Http(answer) => {
                    failed(WebSocketProblem::Refused(answer.status().to_string()))
                }
                tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::SecWebSocketSubProtocolError(_),
                ) => failed(WebSocketProblem::Subprotocol),
                other => failed(WebSocketProblem::Other(other.to_string())),
            })?;
    // [MQTT-6.0.0-4]
    if answer.headers().get(http::header::SEC_WEBSOCKET_PROTOCOL) != Some(&SUBPROTOCOL) {
        return Err(failed(WebSocketProblem::Subprotocol));
    }
    let (sink, stream) = stream.split();
    let read = stream.filter_map(|frame| {
        future::ready(match frame {
            Ok(Frame::Binary(bytes)) => Some(Ok(bytes)),
            // [MQTT-6.0.0-1]
            Ok(Frame::Text(_)) => Some(Err(std::io::Error::other(
                "the broker sent a WebSocket text frame, where MQTT is in binary ones",
            ))),
            Ok(_) => None,
            // Whoever just goes, without a closing frame, goes as from any socket.
            Err(
                tungstenite::Error::ConnectionClosed
                | tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                ),
            ) => None,
            Err(error) => Some(Err(io_error(error))),
        })
    });
    let write = sink
        .with(|bytes: Bytes| future::ready(Ok::<_, tungstenite::Error>(Frame::Binary(bytes))))
        .sink_map_err(io_error);
    Ok((
        Box::new(StreamReader::new(read)),
        Box::new(SinkWriter::new(CopyToBytes::new(write))),
    ))
}

fn io_error(error: tungstenite::Error) -> std::io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => std::io::Error::other(other),
    }
}

fn request(
    endpoint: &Endpoint,
    websocket: &WebSocket,
) -> Result<http::Request<()>, WebSocketProblem> {
    let malformed = |error: String| WebSocketProblem::Request(error);
    let mut request = endpoint
        .url()
        .into_client_request()
        .map_err(|error| malformed(error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(http::header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    for (name, value) in &websocket.headers {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| malformed(format!("{name:?} is no name of a header field")))?;
        let value = HeaderValue::try_from(value.as_str())
            .map_err(|_| malformed(format!("the value of {name} can't stand in a header")))?;
        headers.insert(name, value);
    }
    Ok(request)
}
