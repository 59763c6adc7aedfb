//! Why a connection or a request failed, in words.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use mqttwb_wire::ReasonCode;
use rustls::{AlertDescription, CertificateError};

use crate::OptionsError;

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
    /// CONNACK with an error.
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    /// The connection ended before CONNACK.
    #[error("{0} closed the connection before it answered CONNECT")]
    ClosedEarly(String),
    /// The connection ended without a word.
    #[error("the broker closed the connection")]
    Closed,
    /// DISCONNECT from the broker (MQTT 5).
    #[error("the broker disconnected the client: {0}")]
    Dismissed(String),
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
    /// The other side does not speak TLS.
    #[error("what answers there does not speak TLS")]
    NotTls,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl ConnectionError {
    /// What to do next, where something can be said.
    pub fn hint(&self) -> Option<&'static str> {
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
                TlsProblem::CertificateRequired => "Connect with a device certificate.",
                TlsProblem::CertificateRefused(_) => {
                    "Use a certificate that the broker's authority has signed and that is valid now."
                }
                TlsProblem::UnknownAuthority => "Trust the authority that signed it.",
                TlsProblem::OtherName => "Connect by a name that the certificate lists.",
                TlsProblem::NotValidNow => "Check the clock, and when the certificate ends.",
                TlsProblem::NotTls => "Connect without TLS, or to the port of the tls listener.",
                TlsProblem::Other(_) => return None,
            },
            Self::Options(_)
            | Self::Connected
            | Self::GivenUp
            | Self::Refused(_)
            | Self::Closed
            | Self::Dismissed(_)
            | Self::Io { .. } => return None,
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
