//! The subject of a certificate, and the further names that it may have.

use std::fmt;
use std::net::IpAddr;

use rcgen::{DistinguishedName, DnType, SanType};

use crate::{Certificate, IssueError, ServerName};

/// Why a text is no part of a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// RFC 5280, appendix A.1: `ub-common-name`, `ub-organization-name`, `ub-organizational-unit-name`.
    #[error("{what} has at most 64 characters, this has {length}")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// How many it has.
        length: usize,
    },
    /// A control character: no one could read it.
    #[error("{what} can't have the character {character:?}")]
    Character {
        /// Which part.
        what: &'static str,
        /// The character.
        character: char,
    },
}

/// Whose a certificate is: common name, organization, organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    common_name: String,
    organization: Option<String>,
    unit: Option<String>,
}

impl Subject {
    /// A subject of a common name.
    pub fn new(common_name: &str) -> Result<Self, SubjectError> {
        Ok(Self {
            common_name: part("a name", common_name)?,
            ..Self::default()
        })
    }

    /// The same of an organization and a unit of it; an empty text is none.
    pub fn of(self, organization: &str, unit: &str) -> Result<Self, SubjectError> {
        let optional = |what, text: &str| {
            let text = part(what, text.trim())?;
            Ok((!text.is_empty()).then_some(text))
        };
        Ok(Self {
            organization: optional("an organization", organization)?,
            unit: optional("an organizational unit", unit)?,
            ..self
        })
    }

    /// The subject of a certificate, as far as these parts tell it.
    pub fn of_certificate(certificate: &Certificate) -> Result<Self, SubjectError> {
        let told = certificate.description();
        Self::new(&told.common_name)?.of(&told.organization, &told.unit)
    }

    /// The common name.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    pub(crate) fn distinguished_name(&self) -> DistinguishedName {
        let mut names = DistinguishedName::new();
        if let Some(organization) = &self.organization {
            names.push(DnType::OrganizationName, organization.as_str());
        }
        if let Some(unit) = &self.unit {
            names.push(DnType::OrganizationalUnitName, unit.as_str());
        }
        names.push(DnType::CommonName, self.common_name.as_str());
        names
    }
}

fn part(what: &'static str, text: &str) -> Result<String, SubjectError> {
    let length = text.chars().count();
    if length > 64 {
        return Err(SubjectError::TooLong { what, length });
    }
    match text.chars().find(|c| c.is_control()) {
        Some(character) => Err(SubjectError::Character { what, character }),
        None => Ok(text.to_owned()),
    }
}

/// Why a text is no alternative name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no alternative name: write DNS:host, IP:address, URI:urn:… or email:someone@host"
)]
pub struct AltNameError(pub String);

/// A subject alternative name. `Display` writes it as certificates list it: `DNS:pump-7.local`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AltName {
    /// A host name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A URI, for instance `urn:dev:mac:0024befffe804ff1`.
    Uri(String),
    /// An e-mail address.
    Email(String),
}

impl TryFrom<&str> for AltName {
    type Error = AltNameError;

    fn try_from(text: &str) -> Result<Self, AltNameError> {
        let wrong = || AltNameError(text.to_owned());
        let text = text.trim();
        // GeneralName has IA5String for all of these (RFC 5280, section 4.2.1.6).
        let plain = |rest: &str| {
            let graphic = rest.bytes().all(|byte| byte.is_ascii_graphic());
            graphic && (1..=512).contains(&rest.len())
        };
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind.to_ascii_lowercase(), rest),
            None => ("dns".to_owned(), text),
        };
        match kind.as_str() {
            "dns" => match ServerName::try_from(rest) {
                Ok(ServerName::Dns(name)) => Ok(Self::Dns(name)),
                Ok(ServerName::Ip(ip)) if !text.contains(':') => Ok(Self::Ip(ip)),
                _ => Err(wrong()),
            },
            "ip" => rest.parse().map(Self::Ip).map_err(|_| wrong()),
            "uri" if plain(rest) && rest.contains(':') => Ok(Self::Uri(rest.to_owned())),
            "email"
                if plain(rest) && rest.split('@').filter(|part| !part.is_empty()).count() == 2 =>
            {
                Ok(Self::Email(rest.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

impl From<&ServerName> for AltName {
    fn from(name: &ServerName) -> Self {
        match name {
            ServerName::Dns(name) => Self::Dns(name.clone()),
            ServerName::Ip(ip) => Self::Ip(*ip),
        }
    }
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(ip) => write!(f, "IP:{ip}"),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
            Self::Email(email) => write!(f, "email:{email}"),
        }
    }
}

impl AltName {
    pub(crate) fn to_san(&self) -> Result<SanType, IssueError> {
        Ok(match self {
            Self::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
            Self::Ip(ip) => SanType::IpAddress(*ip),
            Self::Uri(uri) => SanType::URI(uri.as_str().try_into()?),
            Self::Email(email) => SanType::Rfc822Name(email.as_str().try_into()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternative_name_is_written_as_certificates_list_it() {
        for (text, shown) in [
            ("pump-7.local", "DNS:pump-7.local"),
            ("DNS:Pump-7.local", "DNS:pump-7.local"),
            ("10.0.0.7", "IP:10.0.0.7"),
            ("IP:fe80::1", "IP:fe80::1"),
            ("URI:urn:dev:mac:0024be", "URI:urn:dev:mac:0024be"),
            ("email:ops@plant.example", "email:ops@plant.example"),
        ] {
            assert_eq!(AltName::try_from(text).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "DNS:",
            "IP:pump",
            "URI:x",
            "email:@",
            "x:y",
            "DNS:a b",
            "email:a@b@c",
        ] {
            assert!(AltName::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_subject_that_nobody_could_read_is_refused() {
        assert!(Subject::new("pump-7").unwrap().of("Plant GmbH", "").is_ok());
        assert!(Subject::new(&"x".repeat(65)).is_err());
        assert!(Subject::new("a\0b").is_err());
        assert!(Subject::new("a").unwrap().of("two\nlines", "").is_err());
    }
}
