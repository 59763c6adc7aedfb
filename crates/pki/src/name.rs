//! Names that go into certificates, parsed once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a text is no device name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceNameError {
    /// Nothing.
    #[error("a device name has at least one character")]
    Empty,
    /// RFC 5280 ends a common name at 64.
    #[error("a device name has at most 64 characters, this has {0}")]
    TooLong(usize),
    /// Another character.
    #[error("a device name is made of letters (a–z), digits and . _ -, not of {0:?}")]
    Character(char),
    /// Files of this name would be hidden, or read as an option by other programs.
    #[error("a device name does not begin with {0:?}")]
    Start(char),
    /// Windows drops a dot at the end of a file's name.
    #[error("a device name does not end with a dot")]
    End,
    /// The files of the authority have this name, or Windows keeps it for itself.
    #[error("{0:?} is taken: files of that name mean something else")]
    Reserved(&'static str),
}

/// The name of a device: the CN of its certificate, and the stem of its files' names on any platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceName(String);

/// `ca` since `ca.crt` stands beside `NAME.crt`; the rest are device files of Windows, with any extension.
const RESERVED: [&str; 23] = [
    "ca", "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7",
    "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

impl DeviceName {
    /// The most characters that a name has (RFC 5280, `ub-common-name`).
    pub const MAX: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for DeviceName {
    type Error = DeviceNameError;

    fn try_from(text: &str) -> Result<Self, DeviceNameError> {
        let Some(first) = text.chars().next() else {
            return Err(DeviceNameError::Empty);
        };
        if let Some(other) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        {
            return Err(DeviceNameError::Character(other));
        }
        if text.len() > Self::MAX {
            return Err(DeviceNameError::TooLong(text.len()));
        }
        if matches!(first, '.' | '-') {
            return Err(DeviceNameError::Start(first));
        }
        if text.ends_with('.') {
            return Err(DeviceNameError::End);
        }
        let stem = text.split('.').next().unwrap_or(text);
        if let Some(name) = RESERVED
            .into_iter()
            .find(|name| stem.eq_ignore_ascii_case(name))
        {
            return Err(DeviceNameError::Reserved(name));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no name of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address nor a host name")]
pub struct ServerNameError(pub String);

/// A name that clients reach a server by. `Display` writes it as certificates list it: `DNS:localhost`, `IP:::1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// A host name, in small letters.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl TryFrom<&str> for ServerName {
    type Error = ServerNameError;

    fn try_from(text: &str) -> Result<Self, ServerNameError> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        // RFC 1123, and the underscore that names of computers have in practice.
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if name.len() <= 253 && name.split('.').all(label) {
            Ok(Self::Dns(name))
        } else {
            Err(ServerNameError(text.into()))
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(ip) => write!(f, "IP:{ip}"),
        }
    }
}

/// All names that clients reach a server by: this computer's own first, and no name twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNames(Vec<ServerName>);

impl ServerNames {
    /// `localhost`, `127.0.0.1` and `::1`.
    pub fn local() -> Self {
        Self(vec![
            ServerName::Dns("localhost".into()),
            ServerName::Ip(Ipv4Addr::LOCALHOST.into()),
            ServerName::Ip(Ipv6Addr::LOCALHOST.into()),
        ])
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The same with one more.
    #[must_use]
    pub fn and(mut self, name: ServerName) -> Self {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
        self
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &ServerName> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_name_is_safe_as_a_file_name_on_any_platform() {
        for good in ["pump-7", "a", "_x", "7", "Boiler.room_2", &"x".repeat(64)] {
            assert_eq!(DeviceName::try_from(good).unwrap().as_str(), good);
        }
        for (bad, error) in [
            ("", DeviceNameError::Empty),
            ("../up", DeviceNameError::Character('/')),
            ("a\\b", DeviceNameError::Character('\\')),
            ("pump 7", DeviceNameError::Character(' ')),
            ("pümp", DeviceNameError::Character('ü')),
            ("a\0", DeviceNameError::Character('\0')),
            (".hidden", DeviceNameError::Start('.')),
            ("..", DeviceNameError::Start('.')),
            ("-option", DeviceNameError::Start('-')),
            ("pump.", DeviceNameError::End),
            ("CA", DeviceNameError::Reserved("ca")),
            ("nul.7", DeviceNameError::Reserved("nul")),
        ] {
            assert_eq!(DeviceName::try_from(bad), Err(error), "{bad:?}");
        }
        assert_eq!(
            DeviceName::try_from("x".repeat(65).as_str()),
            Err(DeviceNameError::TooLong(65))
        );
    }

    #[test]
    fn a_server_name_is_an_address_or_a_host() {
        for (text, shown) in [
            ("127.0.0.1", "IP:127.0.0.1"),
            ("::1", "IP:::1"),
            ("Broker.Example.", "DNS:broker.example"),
            ("my_box", "DNS:my_box"),
        ] {
            assert_eq!(ServerName::try_from(text).unwrap().to_string(), shown);
        }
        for bad in ["", "a b", "-a", "a..b", "*.example", "[::1]"] {
            assert!(ServerName::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_server_name_is_listed_twice() {
        let names = ServerNames::local().and(ServerName::try_from("LOCALHOST").unwrap());
        assert_eq!(names.iter().count(), 3);
    }
}
