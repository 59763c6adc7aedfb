//! What a connection that failed calls for: waiting and trying again, or something that a person does.
//!
//! Not here: what happened (the error's own words). Invariant: every cause is judged by name, so a new one is not forgotten.

use std::borrow::Cow;

use mqttwb_wire::ReasonCode;

use super::{ConnectionError, ProxyProblem, TlsProblem, WebSocketProblem};
use crate::{OptionsError, Version};

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

fn is_busy(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::SERVER_UNAVAILABLE
            | ReasonCode::SERVER_BUSY
            | ReasonCode::QUOTA_EXCEEDED
            | ReasonCode::CONNECTION_RATE_EXCEEDED
    )
}
