//! Revocation lists (RFC 5280, section 5): which certificates of an authority are not to be trusted any more.

use std::fmt;

use mqttwb_model::Timestamp;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::Certificate;
use crate::certificate::{PEM, colons, timestamp};

/// Why bytes are no revocation list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationListError {
    /// No PEM, or PEM of something else.
    #[error("it holds no PEM block BEGIN X509 CRL")]
    NotPem,
    /// The bytes are no list.
    #[error("it holds no X.509 revocation list: {0}")]
    Malformed(String),
}

/// The serial number of a certificate. Its text is hexadecimal with colons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    /// The number of these bytes, the most significant first.
    pub fn new(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes[zeros.min(bytes.len().saturating_sub(1))..].to_vec())
    }

    /// Reads its text, with or without colons.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        if digits.is_empty() || digits.len() % 2 == 1 || digits.len() > 80 {
            return None;
        }
        let bytes: Option<Vec<u8>> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        Some(Self::new(&bytes?))
    }

    /// Its bytes, the most significant first.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&colons(&self.0).to_ascii_lowercase())
    }
}

/// Why a certificate was revoked: CRLReason (RFC 5280, section 5.3.1), as far as it makes sense for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RevocationReason {
    /// Nobody said.
    #[default]
    Unspecified,
    /// Somebody else may have the key.
    KeyCompromise,
    /// The device belongs to somebody else now.
    AffiliationChanged,
    /// It has another certificate.
    Superseded,
    /// The device is out of use.
    CessationOfOperation,
    /// It may no longer do what it was for.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Its name in RFC 5280.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }

    fn of(code: u8) -> Self {
        match code {
            1 => Self::KeyCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            9 => Self::PrivilegeWithdrawn,
            _ => Self::Unspecified,
        }
    }

    pub(crate) fn to_rcgen(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => rcgen::RevocationReason::PrivilegeWithdrawn,
        }
    }
}

/// One certificate in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// A revocation list that was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    issuer: String,
    number: Option<u64>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Vec<Revoked>,
}

impl RevocationList {
    /// Reads a list from PEM or DER.
    pub fn read(bytes: &[u8]) -> Result<Self, RevocationListError> {
        let blocks = pem::parse_many(bytes).unwrap_or_default();
        match blocks.into_iter().find(|block| block.tag() == "X509 CRL") {
            Some(block) => Self::from_der(block.into_contents()),
            None if bytes.starts_with(b"-----") => Err(RevocationListError::NotPem),
            None => Self::from_der(bytes.to_vec()),
        }
    }

    /// Reads every list of a file: PEM with one after the other, or a single one in DER.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, RevocationListError> {
        let blocks = pem::parse_many(bytes).unwrap_or_default();
        let lists: Vec<Self> = blocks
            .into_iter()
            .filter(|block| block.tag() == "X509 CRL")
            .map(|block| Self::from_der(block.into_contents()))
            .collect::<Result<_, _>>()?;
        match lists.is_empty() {
            true => Ok(vec![Self::read(bytes)?]),
            false => Ok(lists),
        }
    }

    /// Reads a list from DER.
    pub fn from_der(der: Vec<u8>) -> Result<Self, RevocationListError> {
        let malformed = |why: String| RevocationListError::Malformed(why);
        let (rest, list) = CertificateRevocationList::from_der(&der)
            .map_err(|error| malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed("more bytes follow it".into()));
        }
        let number = list.crl_number().and_then(|number| {
            let digits = number.to_bytes_be();
            let tail: [u8; 8] = digits
                .iter()
                .rev()
                .chain(std::iter::repeat(&0))
                .take(8)
                .copied()
                .collect::<Vec<_>>()
                .try_into()
                .ok()?;
            (digits.len() <= 8).then_some(u64::from_le_bytes(tail))
        });
        let read = Self {
            issuer: list.issuer().to_string(),
            number,
            this_update: timestamp(list.last_update()),
            next_update: list.next_update().map(timestamp),
            revoked: list
                .iter_revoked_certificates()
                .map(|one| Revoked {
                    serial: SerialNumber::new(one.raw_serial()),
                    at: timestamp(one.revocation_date),
                    reason: one
                        .reason_code()
                        .map_or(RevocationReason::Unspecified, |(_, code)| {
                            RevocationReason::of(code.0)
                        }),
                })
                .collect(),
            der: Vec::new(),
        };
        Ok(Self { der, ..read })
    }

    /// The list as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_config(&pem::Pem::new("X509 CRL", self.der.as_slice()), PEM)
    }

    /// The list as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Who has signed it, as `CN=…`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its number: a later list of the same authority has a greater one.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// When it was signed.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// Until when another is to be there; who verifies strictly trusts nobody by it after that.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.next_update.is_some_and(|next| next < now)
    }

    /// What is revoked.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// The entry of a certificate of this list's authority.
    pub fn entry(&self, certificate: &Certificate) -> Option<&Revoked> {
        let told = certificate.description();
        if told.issuer != self.issuer {
            return None;
        }
        let serial = SerialNumber::parse(&told.serial)?;
        self.revoked.iter().find(|one| one.serial == serial)
    }

    /// Of these authorities those that have the name of its issuer and have not signed it: of what they have signed it says
    /// nothing.
    pub fn others_of_its_name<'a>(
        &self,
        authorities: impl IntoIterator<Item = &'a Certificate>,
    ) -> Vec<&'a Certificate> {
        authorities
            .into_iter()
            .filter(|one| self.is_of_name(one) && !self.is_signed_by(one))
            .collect()
    }

    /// Whether its issuer has the name of `authority`, which may be another by the same name.
    pub fn is_of_name(&self, authority: &Certificate) -> bool {
        authority.description().subject == self.issuer
    }

    /// Whether `authority` has signed it.
    pub fn is_signed_by(&self, authority: &Certificate) -> bool {
        let list = CertificateRevocationList::from_der(&self.der);
        let issuer = x509_parser::parse_x509_certificate(authority.der());
        match (list, issuer) {
            (Ok((_, list)), Ok((_, issuer))) => list.verify_signature(issuer.public_key()).is_ok(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_the_same_however_it_is_written() {
        let number = SerialNumber::parse("00:4f:a0").unwrap();
        assert_eq!(number, SerialNumber::parse("4FA0").unwrap());
        assert_eq!(number.to_string(), "4f:a0");
        assert_eq!(SerialNumber::new(&[0]).bytes(), [0]);
        for bad in ["", "4", "xy", &"ab".repeat(41)] {
            assert_eq!(SerialNumber::parse(bad), None, "{bad:?}");
        }
    }
}
