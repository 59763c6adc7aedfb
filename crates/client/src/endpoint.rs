//! Where a broker is, and the way to it.

use std::fmt;
use std::sync::Arc;

use mqttwb_model::ListenerProtocol;

/// Where a broker is, and how it is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, with whom to trust and what to show.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The name that is asked for in the TLS handshake (SNI), and that the certificate must hold; the host where it is
    /// left out.
    pub server_name: Option<String>,
    /// WebSocket, and how it is asked for.
    pub websocket: Option<WebSocket>,
    /// A proxy in between.
    pub proxy: Option<Proxy>,
    /// It is the embedded broker, which observes the same packets itself: the client shows its own end only where
    /// [`Options::show_own_end`](crate::Options::show_own_end) asks for it.
    pub embedded: bool,
}

impl Endpoint {
    /// MQTT over plain TCP.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: None,
            server_name: None,
            websocket: None,
            proxy: None,
            embedded: false,
        }
    }

    /// Transport and security.
    pub fn protocol(&self) -> ListenerProtocol {
        match (&self.tls, &self.websocket) {
            (None, None) => ListenerProtocol::Tcp,
            (Some(_), None) => ListenerProtocol::Tls,
            (None, Some(_)) => ListenerProtocol::Ws,
            (Some(_), Some(_)) => ListenerProtocol::Wss,
        }
    }

    /// The host as sockets and certificates want it: without the brackets of an IPv6 address.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        let path = self.websocket.as_ref().map_or("", |ws| ws.path.as_str());
        format!("{}://{self}{path}", self.protocol().scheme())
    }
}

/// Host and port.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_host(f, self.bare_host(), self.port)
    }
}

fn write_host(f: &mut fmt::Formatter<'_>, host: &str, port: u16) -> fmt::Result {
    if host.contains(':') {
        write!(f, "[{host}]:{port}")
    } else {
        write!(f, "{host}:{port}")
    }
}

/// How a WebSocket is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    /// The path of the request, with its slash, and a query where there is one.
    pub path: String,
    /// More header fields of the request.
    pub headers: Vec<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP CONNECT (RFC 9110, section 9.3.6).
    Http,
    /// SOCKS 5 (RFC 1928); the proxy resolves the host name.
    Socks5,
}

impl fmt::Display for ProxyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Socks5 => "SOCKS5",
        })
    }
}

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub protocol: ProxyProtocol,
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User name and password.
    pub login: Option<(String, String)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_host(f, self.host.trim_matches(['[', ']']), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_a_url() {
        let tcp = Endpoint::tcp("::1", 1883);
        assert_eq!(tcp.url(), "mqtt://[::1]:1883");
        let ws = Endpoint {
            websocket: Some(WebSocket {
                path: "/mqtt".into(),
                headers: Vec::new(),
            }),
            ..Endpoint::tcp("localhost", 8083)
        };
        assert_eq!(ws.url(), "ws://localhost:8083/mqtt");
    }
}
