//! What went wrong with TLS: the alert or the check of a certificate, as something to act on.
//!
//! Not here: what to do about it (`hint`). Invariant: what is not known is told in rustls' own words, not guessed.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError};

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

/// The rustls error within an I/O error, however often it was wrapped.
pub(super) fn find_tls(error: &io::Error) -> Option<&rustls::Error> {
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
