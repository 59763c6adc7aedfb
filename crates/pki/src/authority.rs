//! An authority, and what it signs.

use std::fmt;

use mqttwb_model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;

use crate::certificate::public_key;
use crate::{
    Certificate, CertificateError, DeviceName, KeyError, SecretKey, ServerName, ServerNames,
    Validity,
};

/// Why nothing could be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The system gave no random bytes.
    #[error("the system has no random numbers to make a key from")]
    Random,
    /// The validity ends before it begins, or outside the years that certificates know.
    #[error("the certificate would end before it begins")]
    Validity,
    /// rcgen could not make it.
    #[error("the certificate could not be made: {0}")]
    Signing(String),
}

impl From<rcgen::Error> for IssueError {
    fn from(error: rcgen::Error) -> Self {
        Self::Signing(error.to_string())
    }
}

/// Why a certificate and a key are no authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate can't be read.
    #[error("the authority's certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The key can't be read.
    #[error("the authority's key: {0}")]
    Key(#[from] KeyError),
    /// It may not sign.
    #[error("the certificate is not an authority's: it may not sign others")]
    NotAnAuthority,
    /// The two are not of one pair.
    #[error("the authority's key does not belong to its certificate")]
    Mismatch,
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: SecretKey,
}

/// An authority that can sign.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority with a key of its own.
    ///
    /// Its common name ends in eight random digits: verifiers look an issuer up by name, and two authorities of one
    /// name make for errors that nobody understands.
    pub fn generate(validity: Validity) -> Result<Self, IssueError> {
        let serial = serial()?;
        let mut params = params(validity, serial)?;
        let tail: String = serial[..4].iter().map(|b| format!("{b:02x}")).collect();
        params.distinguished_name = common_name(&format!("MQTT Workbench authority {tail}"));
        // A path length of 0: it signs servers and devices, no further authorities.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = read(&params.self_signed(&key)?)?;
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// Takes up an authority that was made before.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let certificate = Certificate::from_pem(certificate)?;
        if !certificate.description().authority {
            return Err(AuthorityError::NotAnAuthority);
        }
        let key = SecretKey::from_pem(key)?.pair()?;
        if public_key(&certificate).as_deref() != Some(key.der_bytes()) {
            return Err(AuthorityError::Mismatch);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate.der().into(), key)
            .map_err(|error| CertificateError::Malformed(error.to_string()))?;
        Ok(Self {
            certificate,
            issuer,
        })
    }

    /// Its certificate: what clients and servers are told to trust.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key.
    pub fn key(&self) -> Result<SecretKey, IssueError> {
        let pair = KeyPair::try_from(self.issuer.key().serialized_der())?;
        Ok(SecretKey::from_pair(pair))
    }

    /// Makes a key and a certificate for a server that is reached by `names`.
    pub fn issue_server(
        &self,
        names: &ServerNames,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let mut subject_alt_names = Vec::new();
        for name in names.iter() {
            subject_alt_names.push(match name {
                ServerName::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
                ServerName::Ip(ip) => SanType::IpAddress(*ip),
            });
        }
        self.issue(
            "MQTT Workbench broker",
            subject_alt_names,
            ExtendedKeyUsagePurpose::ServerAuth,
            validity,
        )
    }

    /// Makes a key and a certificate for a device: its name becomes the common name.
    pub fn issue_device(
        &self,
        name: &DeviceName,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue(name.as_str(), Vec::new(), usage, validity)
    }

    fn issue(
        &self,
        name: &str,
        subject_alt_names: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let validity = validity.within(self.certificate.description().validity);
        let mut params = params(validity, serial()?)?;
        params.distinguished_name = common_name(name);
        params.subject_alt_names = subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        // An ECDSA key only signs: all that TLS 1.3 and the ECDHE suites of TLS 1.2 ask of it.
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = read(&params.signed_by(&key, &self.issuer)?)?;
        Ok(Identity {
            certificate,
            key: SecretKey::from_pair(key),
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("subject", &self.certificate.description().subject)
            .finish_non_exhaustive()
    }
}

fn params(validity: Validity, serial: [u8; 16]) -> Result<CertificateParams, IssueError> {
    if validity.not_after <= validity.not_before {
        return Err(IssueError::Validity);
    }
    let mut params = CertificateParams::default();
    params.not_before = date(validity.not_before)?;
    params.not_after = date(validity.not_after)?;
    params.serial_number = Some(serial.to_vec().into());
    Ok(params)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// 16 random bytes that are a positive number in DER, and always of that length.
fn serial() -> Result<[u8; 16], IssueError> {
    let mut serial = [0; 16];
    SystemRandom::new()
        .fill(&mut serial)
        .map_err(|_| IssueError::Random)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

fn date(time: Timestamp) -> Result<OffsetDateTime, IssueError> {
    let seconds = i64::try_from(time.as_secs()).map_err(|_| IssueError::Validity)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| IssueError::Validity)
}

fn read(certificate: &rcgen::Certificate) -> Result<Certificate, IssueError> {
    Certificate::from_der(certificate.der().to_vec())
        .map_err(|error| IssueError::Signing(error.to_string()))
}
