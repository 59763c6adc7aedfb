//! Why a connection or a request failed, in words.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use mqttwb_wire::ReasonCode;
use rustls::{AlertDescription, CertificateError};

use crate::{OptionsError, ProxyProtocol, Version};

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

fn is_busy(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::SERVER_UNAVAILABLE
            | ReasonCode::SERVER_BUSY
            | ReasonCode::QUOTA_EXCEEDED
            | ReasonCode::CONNECTION_RATE_EXCEEDED
    )
}

/// What went wrong with TLS, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// Alert: certificate required.
    #[error("the broker requires a client certificate, and none was shown")]
    CertificateRequired,
    /// Alert: unknown authority, bad or expired certificate.
    #[error("the broker does not accept the client's certificate ({0})")]
    CertificateRefused(&'static str),
    /// The broker's certificate is of an authority that is not trusted.
    #[error("the broker's certificate is not signed by the authority that is trusted")]
    UnknownAuthority,
    /// The broker's certificate is for other names.
    #[error("the broker's certificate is not for the name that was connected to")]
    OtherName,
    /// The broker's certificate is not valid now.
    #[error("the broker's certificate is not valid at this time")]
    NotValidNow,
    /// The alert about a name that the server does not have.
    #[error("the server has no certificate for the name that was asked for (SNI)")]
    UnrecognisedName,
    /// No version or cipher suite in common.
    #[error("the two have no TLS version or cipher suite in common")]
    NothingInCommon,
    /// No protocol of ALPN in common.
    #[error("the server speaks none of the protocols that were offered (ALPN)")]
    NoProtocol,
    /// The name can't be asked for.
    #[error("{0:?} is no name that TLS can ask for")]
    ServerName(String),
    /// The broker's certificate was revoked.
    #[error("the broker's certificate was revoked")]
    Revoked,
    /// The other side does not speak TLS.
    #[error("what answers there does not speak TLS")]
    NotTls,
    /// Anything else.
    #[error("{0}")]
    Other(String),
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
    /// Whether the same attempt may succeed a while later, without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unresolved { .. }
            | Self::NobodyListens(_)
            | Self::TimedOut { .. }
            | Self::ClosedEarly(_)
            | Self::Closed
            | Self::PingUnanswered
            | Self::Io { .. } => true,
            Self::Proxy { problem, .. } => matches!(
                problem,
                ProxyProblem::Unreachable(_)
                    | ProxyProblem::Refused(_)
                    | ProxyProblem::Closed
                    | ProxyProblem::Broken(_)
            ),
            Self::WebSocket { problem, .. } => {
                matches!(problem, WebSocketProblem::Refused(status) if status.starts_with('5'))
            }
            Self::Refused { code, version, .. } => match version {
                Version::V311 => *code == 3,
                Version::V5 => is_busy(ReasonCode(*code)),
            },
            // Whoever was taken over would take over in turn, for ever.
            Self::Dismissed { code, .. } => {
                is_busy(*code)
                    || matches!(
                        *code,
                        ReasonCode::UNSPECIFIED_ERROR
                            | ReasonCode::SERVER_SHUTTING_DOWN
                            | ReasonCode::KEEP_ALIVE_TIMEOUT
                            | ReasonCode::MAXIMUM_CONNECT_TIME
                    )
            }
            Self::Options(_)
            | Self::Connected
            | Self::GivenUp
            | Self::Tls { .. }
            | Self::Unanswered(_)
            | Self::Protocol { .. } => false,
        }
    }

    /// What to do next, where something can be said.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        if let Self::Refused {
            elsewhere: Some(server),
            ..
        } = self
        {
            return Some(format!("It says to use {server} instead.").into());
        }
        self.fixed_hint().map(Cow::Borrowed)
    }

    fn fixed_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NobodyListens(_) => "Is the broker running, and is this its port?",
            Self::Unresolved { .. } => "Check the host name.",
            Self::TimedOut { .. } => {
                "Check the address; a firewall may be in the way, or the port may want TLS."
            }
            Self::ClosedEarly(_) => {
                "The port may want TLS, or another client certificate than the one that was shown."
            }
            Self::Protocol { .. } => "Is this the port of an MQTT broker, and without TLS?",
            Self::PingUnanswered => "The network or the broker may be stuck.",
            Self::Tls { problem, .. } => match problem {
                TlsProblem::CertificateRequired => "Connect with a client certificate.",
                TlsProblem::CertificateRefused(_) => {
                    "Use a certificate that the broker's authority has signed and that is valid now."
                }
                TlsProblem::UnknownAuthority => {
                    "Trust the authority that signed it: name its certificate under TLS."
                }
                TlsProblem::OtherName => {
                    "Connect by a name that the certificate lists, or set the server name under TLS."
                }
                TlsProblem::NotValidNow => "Check the clock, and when the certificate ends.",
                TlsProblem::NotTls => "Connect without TLS, or to the port of the tls listener.",
                TlsProblem::UnrecognisedName | TlsProblem::ServerName(_) => {
                    "Set the server name under TLS to the one that the server's certificate is for."
                }
                TlsProblem::NothingInCommon => {
                    "The server may be old, or speak TLS below 1.2, which is not safe any more."
                }
                TlsProblem::NoProtocol => {
                    "Leave ALPN empty, or offer what the server expects, often \"mqtt\"."
                }
                TlsProblem::Revoked => "Ask whoever runs the broker for a new certificate.",
                TlsProblem::Other(_) => return None,
            },
            Self::Proxy { problem, .. } => match problem {
                ProxyProblem::Unreachable(_) => "Check the proxy's host and port.",
                ProxyProblem::WantsLogin => "Enter a user name and a password under Proxy.",
                ProxyProblem::LoginRefused => "Check the user name and the password under Proxy.",
                ProxyProblem::Refused(_) => {
                    "The proxy's rules may forbid this host or port; whoever runs it knows."
                }
                ProxyProblem::NotHttp => "Check the port, and whether it is a SOCKS5 proxy.",
                ProxyProblem::NotSocks => "Check the port, and whether it is an HTTP proxy.",
                ProxyProblem::Closed | ProxyProblem::Broken(_) => {
                    "Check the proxy's port and kind; its log may say more."
                }
            },
            Self::WebSocket { problem, .. } => match problem {
                WebSocketProblem::Refused(status) if status.starts_with("404") => {
                    "Check the path: many brokers want /mqtt, some /ws or /."
                }
                WebSocketProblem::Refused(status)
                    if status.starts_with("401") || status.starts_with("403") =>
                {
                    "The server wants a proof in the request: add the header fields that it asks for."
                }
                WebSocketProblem::Refused(_) => "Check the path, the port and the header fields.",
                WebSocketProblem::Subprotocol => "Is this the WebSocket of an MQTT broker?",
                WebSocketProblem::Request(_) => "Check the host, the path and the header fields.",
                WebSocketProblem::Other(_) => {
                    "Is this the port of a WebSocket listener, with TLS or without it?"
                }
            },
            Self::Refused { code, version, .. } => return refusal_hint(*code, *version),
            Self::Unanswered(_) => {
                "Add the answer to the list under Authentication, or choose a method with one step."
            }
            Self::Closed => {
                "MQTT 3.1.1 has no word for why. Another client with the same identifier closes the first one's \
                 connection, and so does a packet that the broker does not allow."
            }
            Self::Dismissed { code, .. } => match *code {
                ReasonCode::SESSION_TAKEN_OVER => {
                    "Another client has connected with the same client identifier: give each its own."
                }
                ReasonCode::KEEP_ALIVE_TIMEOUT => {
                    "The network may be stuck, or the keep-alive too short for it."
                }
                ReasonCode::NOT_AUTHORIZED => {
                    "Ask whoever runs the broker what this client may do."
                }
                ReasonCode::PACKET_TOO_LARGE => "Send smaller messages: the broker has a limit.",
                ReasonCode::SERVER_SHUTTING_DOWN => "Connect again when the broker is back.",
                _ => return None,
            },
            Self::Options(OptionsError::NamelessSession) => {
                "Enter a client identifier, or turn clean session on."
            }
            Self::Options(_) | Self::Connected | Self::GivenUp | Self::Io { .. } => return None,
        })
    }

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

/// What to do about a CONNACK that says no.
fn refusal_hint(code: u8, version: Version) -> Option<&'static str> {
    let reason = match (version, code) {
        (Version::V5, code) => ReasonCode(code),
        (Version::V311, 1) => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        (Version::V311, 2) => ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
        (Version::V311, 3) => ReasonCode::SERVER_UNAVAILABLE,
        (Version::V311, 4) => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        (Version::V311, 5) => ReasonCode::NOT_AUTHORIZED,
        (Version::V311, _) => return None,
    };
    Some(match reason {
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => "Choose another MQTT version.",
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => {
            "Choose another client identifier; some brokers take 23 letters and digits at most."
        }
        ReasonCode::BAD_USER_NAME_OR_PASSWORD => "Check the user name and the password.",
        ReasonCode::NOT_AUTHORIZED => {
            "Enter a user name and a password, or a client certificate, that the broker knows."
        }
        ReasonCode::BAD_AUTHENTICATION_METHOD => "Choose another authentication method, or none.",
        ReasonCode::BANNED => "The broker keeps this client out; whoever runs it knows why.",
        ReasonCode::PACKET_TOO_LARGE => "Make the will or the properties smaller.",
        ReasonCode::RETAIN_NOT_SUPPORTED => "Turn retain off in the will.",
        ReasonCode::QOS_NOT_SUPPORTED => "Choose a lower QoS for the will.",
        reason if is_busy(reason) => "Try again later; the broker is busy or at a limit.",
        _ => return None,
    })
}

/// The rustls error within an I/O error, however often it was wrapped.
fn find_tls(error: &io::Error) -> Option<&rustls::Error> {
    let mut error: &(dyn StdError + 'static) = error;
    loop {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An io::Error shows what it wraps by get_ref, and by source() only what that wraps.
        error = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref()?,
            None => error.source()?,
        };
    }
}

impl TlsProblem {
    pub(crate) fn of(error: &rustls::Error) -> Self {
        use rustls::Error;
        match error {
            Error::AlertReceived(AlertDescription::CertificateRequired) => {
                Self::CertificateRequired
            }
            Error::AlertReceived(alert) => match alert {
                AlertDescription::UnknownCA => Self::CertificateRefused("unknown authority"),
                AlertDescription::BadCertificate => Self::CertificateRefused("bad certificate"),
                AlertDescription::CertificateExpired => {
                    Self::CertificateRefused("certificate expired")
                }
                AlertDescription::CertificateRevoked => {
                    Self::CertificateRefused("certificate revoked")
                }
                AlertDescription::CertificateUnknown | AlertDescription::UnsupportedCertificate => {
                    Self::CertificateRefused("certificate not accepted")
                }
                AlertDescription::AccessDenied => Self::CertificateRefused("access denied"),
                AlertDescription::DecryptError => {
                    Self::CertificateRefused("signature not accepted")
                }
                AlertDescription::UnrecognisedName => Self::UnrecognisedName,
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity => Self::NothingInCommon,
                AlertDescription::NoApplicationProtocol => Self::NoProtocol,
                other => Self::Other(format!("the broker sent the alert {other:?}")),
            },
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownAuthority,
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::OtherName,
            Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => Self::NotValidNow,
            Error::InvalidCertificate(CertificateError::Revoked) => Self::Revoked,
            Error::PeerIncompatible(_) => Self::NothingInCommon,
            Error::NoApplicationProtocol => Self::NoProtocol,
            Error::InvalidMessage(_) => Self::NotTls,
            other => Self::Other(other.to_string()),
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
