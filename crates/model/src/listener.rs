//! How a listener speaks, and whom it asks for a certificate.

use std::fmt;

/// Transport and security of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerProtocol {
    /// MQTT over TCP, unencrypted.
    Tcp,
    /// MQTT over TLS.
    Tls,
    /// MQTT over WebSocket, unencrypted (MQTT 5, section 6).
    Ws,
    /// MQTT over WebSocket over TLS.
    Wss,
}

impl ListenerProtocol {
    /// Whether the bytes are encrypted.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether MQTT is framed in WebSocket messages.
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The scheme of an address of this protocol: `mqtt`, `mqtts`, `ws` or `wss`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "mqtt",
            Self::Tls => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

impl fmt::Display for ListenerProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        })
    }
}

/// What a TLS listener wants of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCert {
    /// A client without a certificate of the authority is refused in the handshake (mutual TLS).
    Required,
    /// A certificate is verified where one is shown.
    Optional,
    /// No certificate is asked for.
    #[default]
    None,
}

/// What of a client's certificate says who the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CertificateIdentity {
    /// The common name of its subject.
    #[default]
    CommonName,
    /// Its first subject alternative name, without its kind.
    AlternativeName,
    /// The SHA-256 of the certificate, hexadecimal with colons.
    Fingerprint,
}
