//! MQTT in WebSocket messages (MQTT 5, section 6), as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes of MQTT over a WebSocket.
pub(super) struct MqttOverWebSocket<S> {
    inner: WebSocketStream<S>,
    /// Of the last message what was not read yet.
    rest: Bytes,
}

/// Does the handshake; the sentence says what went wrong.
pub(super) async fn accept<S>(stream: S, max: usize) -> Result<MqttOverWebSocket<S>, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut config = WebSocketConfig::default();
    // A message may hold many packets, or a part of one [MQTT-6.0.0-2].
    config.max_message_size = Some(max.max(1 << 20));
    config.max_frame_size = Some(max.max(1 << 20));
    let inner = tokio_tungstenite::accept_hdr_async_with_config(stream, subprotocol, Some(config))
        .await
        .map_err(|error| format!("the WebSocket handshake failed: {error}"))?;
    Ok(MqttOverWebSocket {
        inner,
        rest: Bytes::new(),
    })
}

/// `[MQTT-6.0.0-3]`, `[MQTT-6.0.0-4]`: client and server agree on the subprotocol `mqtt`.
#[allow(clippy::result_large_err)] // the library's signature
fn subprotocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    const HEADER: &str = "Sec-WebSocket-Protocol";
    let offered = request
        .headers()
        .get_all(HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // mqttv3.1 is what clients of MQTT 3.1 say.
        .find(|name| *name == "mqtt" || *name == "mqttv3.1");
    match offered {
        Some(name) => {
            let name = if name == "mqtt" { "mqtt" } else { "mqttv3.1" };
            response
                .headers_mut()
                .insert(HEADER, HeaderValue::from_static(name));
            Ok(response)
        }
        None => {
            let text = "Offer the WebSocket subprotocol mqtt.\n".to_owned();
            let mut refusal = ErrorResponse::new(Some(text));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            Err(refusal)
        }
    }
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for MqttOverWebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                Some(Ok(Message::Text(_))) => {
                    // [MQTT-6.0.0-1]
                    return Poll::Ready(Err(io::Error::other("a WebSocket text message came")));
                }
                None => return Poll::Ready(Ok(())),
                // The library answers pings and closing itself: the next look at the stream writes the answer out.
                Some(Ok(
                    Message::Close(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let n = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..n]);
        self.rest.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for MqttOverWebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.inner).poll_ready(cx)).map_err(broken)?;
        let message = Message::Binary(Bytes::copy_from_slice(buf));
        Pin::new(&mut self.inner)
            .start_send(message)
            .map_err(broken)?;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx).map_err(broken)
    }
}
