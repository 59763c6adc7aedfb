//! Why a connection or a request failed, in words.
//!
//! Duty: a variant for each cause, and which of them an I/O error is. Not here: what to do about it (`hint`), and what rustls says
//! (`tls`).

mod hint;
mod tls;

use std::io;
use std::time::Duration;

use mqttwb_wire::ReasonCode;

use crate::{OptionsError, ProxyProtocol, Version};
pub use tls::TlsProblem;
use tls::find_tls;

/// Why a connection could not be made, or has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The options contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// There is a connection already.
    #[error("the client is connected already")]
    Connected,
    /// The attempt was ended before the broker answered.
    #[error("the connection attempt was given up")]
    GivenUp,
    /// The host name leads nowhere.
    #[error("the host {host} was not found: {detail}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver says.
        detail: String,
    },
    /// Nothing listens there.
    #[error("nothing listens at {0}")]
    NobodyListens(String),
    /// No answer in time.
    #[error("{address} did not answer within {} s", within.as_secs())]
    TimedOut {
        /// Host and port.
        address: String,
        /// How long was waited.
        within: Duration,
    },
    /// The TLS handshake failed.
    #[error("TLS with {address}: {problem}")]
    Tls {
        /// Host and port.
        address: String,
        /// What went wrong, to act on.
        problem: TlsProblem,
    },
    /// The proxy did not let the connection through.
    #[error("the {protocol} proxy {proxy} did not connect to {target}: {problem}")]
    Proxy {
        /// Host and port of the proxy.
        proxy: String,
        /// How it was spoken to.
        protocol: ProxyProtocol,
        /// Host and port of the broker.
        target: String,
        /// What went wrong, to act on.
        problem: ProxyProblem,
    },
    /// The WebSocket could not be opened.
    #[error("WebSocket with {address}: {problem}")]
    WebSocket {
        /// Host and port.
        address: String,
        /// What went wrong, to act on.
        problem: WebSocketProblem,
    },
    /// CONNACK with an error.
    #[error("the broker refused the connection: {words}")]
    Refused {
        /// The reason code, or the return code of MQTT 3.1.1.
        code: u8,
        /// Whose codes these are.
        version: Version,
        /// What the code means, and what the broker adds.
        words: String,
        /// Server Reference: where to go instead.
        elsewhere: Option<String>,
    },
    /// The broker asked for one more answer than there is.
    #[error("the broker asks for another answer of authentication method {0}, and there is none")]
    Unanswered(String),
    /// The connection ended before CONNACK.
    #[error("{0} closed the connection before it answered CONNECT")]
    ClosedEarly(String),
    /// The connection ended without a word.
    #[error("the broker closed the connection")]
    Closed,
    /// DISCONNECT from the broker (MQTT 5).
    #[error("the broker disconnected the client: {words}")]
    Dismissed {
        /// The reason code.
        code: ReasonCode,
        /// What it means, and what the broker adds.
        words: String,
    },
    /// PINGRESP did not come within a keep-alive.
    #[error("the broker did not answer a ping within the keep-alive")]
    PingUnanswered,
    /// What came was not MQTT as it must be.
    #[error("what {address} sent is not MQTT: {detail}")]
    Protocol {
        /// Host and port.
        address: String,
        /// What was wrong.
        detail: String,
    },
    /// The network failed otherwise.
    #[error("the connection to {address} failed: {detail}")]
    Io {
        /// Host and port.
        address: String,
        /// What the system says.
        detail: String,
    },
}

/// What went wrong with a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyProblem {
    /// There is no proxy.
    #[error("the proxy can't be reached: {0}")]
    Unreachable(String),
    /// It wants a user name and a password.
    #[error("the proxy wants a user name and a password")]
    WantsLogin,
    /// It does not accept those that were shown.
    #[error("the proxy does not accept the user name and the password")]
    LoginRefused,
    /// It says no.
    #[error("the proxy answered \"{0}\"")]
    Refused(String),
    /// It does not speak HTTP.
    #[error("what answers there is no HTTP proxy")]
    NotHttp,
    /// It does not speak SOCKS 5.
    #[error("what answers there is no SOCKS5 proxy")]
    NotSocks,
    /// It closed the connection without a word.
    #[error("the proxy closed the connection")]
    Closed,
    /// The connection to it broke.
    #[error("the connection to the proxy broke: {0}")]
    Broken(String),
}

/// What went wrong with a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketProblem {
    /// The server answered with another status than 101.
    #[error("the server answered \"{0}\" instead of opening one")]
    Refused(String),
    /// It did not choose the subprotocol of MQTT.
    #[error("the server does not speak MQTT over it: it did not choose the subprotocol \"mqtt\"")]
    Subprotocol,
    /// The request can't be made from what was given.
    #[error("the request can't be made: {0}")]
    Request(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl ConnectionError {
    /// What an I/O error means; `early` where CONNACK has not come yet.
    pub(crate) fn of_io(error: &io::Error, address: &str, early: bool) -> Self {
        let address = address.to_owned();
        if let Some(tls) = find_tls(error) {
            let problem = TlsProblem::of(tls);
            return Self::Tls { address, problem };
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::NobodyListens(address),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::closed(&address, early),
            _ => Self::Io {
                address,
                detail: error.to_string(),
            },
        }
    }

    /// The other side has closed the connection.
    pub(crate) fn closed(address: &str, early: bool) -> Self {
        if early {
            Self::ClosedEarly(address.to_owned())
        } else {
            Self::Closed
        }
    }
}

/// Why a request of a connected client failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no connection.
    #[error("the client is not connected")]
    NotConnected,
    /// The connection ended before the answer came.
    #[error("the connection ended before the broker answered")]
    ConnectionLost,
    /// No answer in time.
    #[error("the broker did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The packet is larger than the broker takes.
    #[error("the message takes {size} bytes, and the broker accepts at most {limit}")]
    TooLarge {
        /// Bytes on the wire.
        size: usize,
        /// The broker's or the protocol's limit.
        limit: usize,
    },
    /// The broker takes no such topic alias.
    #[error("the topic alias {alias} is above the broker's topic alias maximum of {maximum}")]
    Alias {
        /// The alias.
        alias: u16,
        /// What the broker takes; 0 is none.
        maximum: u16,
    },
    /// The broker has refused the message (MQTT 5).
    #[error("the broker refused the message: {0}")]
    Refused(String),
}

/// A reason code as a person reads it, with the broker's own words where it has sent some.
pub(crate) fn words(text: &str, code: ReasonCode, broker: Option<&str>) -> String {
    match broker {
        Some(said) if !said.is_empty() => format!("{text} (0x{:02x}): {said}", code.0),
        _ => format!("{text} (0x{:02x})", code.0),
    }
}
