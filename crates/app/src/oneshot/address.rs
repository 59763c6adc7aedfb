//! Where a broker is, as a person writes it.
//!
//! Not here: what else is known of a broker ([`Remote`](super::Remote)). Invariant: an address names a host.

use mqttwb_client::Login;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::Result;
use crate::api::{ApiError, ErrorCode};
use crate::words::sentence;

/// Where a broker is, as a person writes it: `mqtt://host`, `mqtts://user:password@host:8883`, `host:1883` or `host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) login: Option<Login>,
}

impl Address {
    /// A host, at a port or at the usual one.
    pub fn new(host: impl Into<String>, port: Option<u16>) -> Self {
        Self {
            secure: false,
            host: host.into(),
            port,
            login: None,
        }
    }
}

impl TryFrom<&str> for Address {
    type Error = ApiError;

    fn try_from(text: &str) -> Result<Self> {
        let invalid = |why: &dyn std::fmt::Display| {
            ApiError::new(
                ErrorCode::InvalidInput,
                sentence(format_args!("{text:?} is no address of a broker: {why}")),
            )
            .hint("Write mqtt://HOST:PORT, mqtts://HOST:PORT or HOST:PORT.")
        };
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("mqtt://{text}"))
        }
        .map_err(|error| invalid(&error))?;
        let secure = match url.scheme() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            "ws" | "wss" => return Err(invalid(&"this command does not speak WebSocket")),
            other => return Err(invalid(&format_args!("the scheme {other} is not MQTT's"))),
        };
        let decoded = |part: &str| {
            percent_decode_str(part)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|error| invalid(&error))
        };
        let host = decoded(url.host_str().unwrap_or_default())?;
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(invalid(&"it names no host"));
        }
        let login = if url.username().is_empty() {
            None
        } else {
            Some(Login {
                user: decoded(url.username())?,
                password: decoded(url.password().unwrap_or_default())?,
            })
        };
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: url.port(),
            login,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(secure: bool, host: &str, port: Option<u16>) -> Address {
        Address {
            secure,
            ..Address::new(host, port)
        }
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, expected) in [
            ("localhost", address(false, "localhost", None)),
            ("127.0.0.1:1884", address(false, "127.0.0.1", Some(1884))),
            ("[::1]:1884", address(false, "::1", Some(1884))),
            (
                "mqtt://broker.example",
                address(false, "broker.example", None),
            ),
            (
                "mqtts://broker.example:443/",
                address(true, "broker.example", Some(443)),
            ),
        ] {
            assert_eq!(Address::try_from(text).unwrap(), expected, "{text}");
        }
        let with_login = Address::try_from("mqtts://ada:p%40ss@broker.example").unwrap();
        let login = with_login.login.unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("ada", "p@ss")
        );
        for bad in [
            "",
            "mqtt://",
            "http://host",
            "ws://host/mqtt",
            "host:99999",
            "a b",
        ] {
            let error = Address::try_from(bad).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidInput, "{bad}");
        }
    }
}
