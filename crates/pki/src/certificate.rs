//! Reading certificates.

use std::fmt::Write as _;
use std::net::IpAddr;

use mqttwb_model::Timestamp;
use ring::digest;
use x509_parser::prelude::{
    ASN1Time, ExtendedKeyUsage, GeneralName, KeyUsage, SubjectPublicKeyInfo, parse_x509_certificate,
};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AttributeTypeAndValue;

use crate::Validity;

/// PEM as every other tool writes it, on Windows too.
pub(crate) const PEM: pem::EncodeConfig =
    pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);

/// Why a text or bytes are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No PEM, or PEM of something else.
    #[error("it holds no PEM block BEGIN CERTIFICATE")]
    NotPem,
    /// The bytes are no X.509 certificate.
    #[error("it holds no X.509 certificate: {0}")]
    Malformed(String),
}

/// A certificate that was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    description: Description,
}

/// What a certificate says, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The common name of its subject, empty where there is none.
    pub common_name: String,
    /// The organization of its subject, empty where there is none.
    pub organization: String,
    /// The organizational unit of its subject, empty where there is none.
    pub unit: String,
    /// The subject, as `CN=pump-7`.
    pub subject: String,
    /// The issuer, in the same form.
    pub issuer: String,
    /// Serial number, hexadecimal with colons.
    pub serial: String,
    /// Subject alternative names, as `DNS:localhost` and `IP:127.0.0.1`.
    pub names: Vec<String>,
    /// When it can be used.
    pub validity: Validity,
    /// The key, as `ECDSA P-256`.
    pub key: String,
    /// The signature, as `ECDSA with SHA-256`.
    pub signature: String,
    /// Key usages and extended key usages, in words.
    pub usages: Vec<String>,
    /// May sign other certificates.
    pub authority: bool,
    /// How many authorities there may be below it; `None` for any number, and where it is no authority.
    pub path_length: Option<u32>,
    /// SHA-256 of the DER, hexadecimal with colons.
    pub fingerprint: String,
}

impl Description {
    /// Why its key or its signature prove nothing any more, where they do not.
    pub fn weakness(&self) -> Option<String> {
        let bits = |prefix: &str| {
            let bits = self.key.strip_prefix(prefix)?.split(' ').next()?;
            bits.parse::<u32>().ok()
        };
        if let Some(bits) = bits("RSA ").filter(|bits| *bits < 2048) {
            return Some(format!("its key is RSA of {bits} bits"));
        }
        if let Some(bits) = bits("ECDSA, ").filter(|bits| *bits < 256) {
            return Some(format!("its key is ECDSA of {bits} bits"));
        }
        // Nobody relies on what a root says of itself.
        let weak = ["SHA-1", "MD5"]
            .iter()
            .any(|hash| self.signature.contains(hash));
        (weak && self.subject != self.issuer)
            .then(|| format!("it is signed with {}", self.signature))
    }
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let blocks = pem::parse_many(text).map_err(|_| CertificateError::NotPem)?;
        let block = blocks
            .into_iter()
            .find(|block| block.tag() == "CERTIFICATE")
            .ok_or(CertificateError::NotPem)?;
        Self::from_der(block.into_contents())
    }

    /// Reads a certificate from DER.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let description = describe(&der)?;
        Ok(Self { der, description })
    }

    /// The certificate as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_config(&pem::Pem::new("CERTIFICATE", self.der.as_slice()), PEM)
    }

    /// The certificate as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Every certificate of a PEM text, in its order.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = pem::parse_many(text).map_err(|_| CertificateError::NotPem)?;
        let all = blocks
            .into_iter()
            .filter(|block| block.tag() == "CERTIFICATE")
            .map(|block| Self::from_der(block.into_contents()))
            .collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            return Err(CertificateError::NotPem);
        }
        Ok(all)
    }

    /// Whether it names itself as its issuer and has signed itself: a root.
    pub fn is_self_signed(&self) -> bool {
        self.description.subject == self.description.issuer && self.is_signed_by(self)
    }

    /// Whether the key of `issuer` has signed it; says nothing about when it is valid.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        match (
            parse_x509_certificate(&self.der),
            parse_x509_certificate(issuer.der()),
        ) {
            (Ok((_, leaf)), Ok((_, issuer))) => {
                leaf.verify_signature(Some(issuer.public_key())).is_ok()
            }
            _ => false,
        }
    }

    /// What it says.
    pub fn description(&self) -> &Description {
        &self.description
    }
}

fn describe(der: &[u8]) -> Result<Description, CertificateError> {
    let malformed = |error: &dyn std::fmt::Display| CertificateError::Malformed(error.to_string());
    let (rest, x509) = parse_x509_certificate(der).map_err(|error| malformed(&error))?;
    if !rest.is_empty() {
        return Err(malformed(&"more bytes follow it"));
    }
    let names = x509
        .subject_alternative_name()
        .map_err(|error| malformed(&error))?
        .map(|names| names.value.general_names.iter().map(name_words).collect())
        .unwrap_or_default();
    let mut usages = Vec::new();
    if let Some(usage) = x509.key_usage().map_err(|error| malformed(&error))? {
        key_usages(usage.value, &mut usages);
    }
    if let Some(usage) = x509
        .extended_key_usage()
        .map_err(|error| malformed(&error))?
    {
        extended_usages(usage.value, &mut usages);
    }
    Ok(Description {
        common_name: first(x509.subject().iter_common_name()),
        organization: first(x509.subject().iter_organization()),
        unit: first(x509.subject().iter_organizational_unit()),
        subject: x509.subject().to_string(),
        issuer: x509.issuer().to_string(),
        serial: x509.raw_serial_as_string(),
        names,
        validity: Validity {
            not_before: timestamp(x509.validity().not_before),
            not_after: timestamp(x509.validity().not_after),
        },
        key: key_words(x509.public_key()),
        signature: signature(&x509.signature_algorithm.algorithm.to_id_string()),
        usages,
        authority: x509.is_ca(),
        path_length: x509
            .basic_constraints()
            .ok()
            .flatten()
            .and_then(|constraints| constraints.value.path_len_constraint),
        fingerprint: colons(digest::digest(&digest::SHA256, der).as_ref()),
    })
}

/// The first of the attributes of a name; empty where there is none that is text.
fn first<'a>(mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> String {
    attributes
        .next()
        .and_then(|attribute| attribute.as_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// The public key of a certificate, to hold a private key against.
pub(crate) fn public_key(certificate: &Certificate) -> Option<Vec<u8>> {
    let (_, x509) = parse_x509_certificate(certificate.der()).ok()?;
    Some(x509.public_key().subject_public_key.data.to_vec())
}

pub(crate) fn timestamp(time: ASN1Time) -> Timestamp {
    // Years before 1970 and after 2554 become the ends of our time.
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    Timestamp(seconds.saturating_mul(1_000_000_000))
}

/// An alternative name as certificates list it.
pub(crate) fn name_words(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(dns) => format!("DNS:{dns}"),
        GeneralName::IPAddress(bytes) => {
            match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
                (Ok(v4), _) => format!("IP:{}", IpAddr::from(v4)),
                (_, Ok(v6)) => format!("IP:{}", IpAddr::from(v6)),
                _ => format!("IP:{}", colons(bytes)),
            }
        }
        GeneralName::URI(uri) => format!("URI:{uri}"),
        GeneralName::RFC822Name(mail) => format!("email:{mail}"),
        other => other.to_string(),
    }
}

/// A public key in words, as `ECDSA P-256`.
pub(crate) fn key_words(info: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = info.algorithm.algorithm.to_id_string();
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(point)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|curve| curve.as_oid().ok())
                .map(|curve| curve.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => "ECDSA P-256".into(),
                Some("1.3.132.0.34") => "ECDSA P-384".into(),
                Some("1.3.132.0.35") => "ECDSA P-521".into(),
                _ => format!("ECDSA, {} bits", point.key_size()),
            }
        }
        _ if algorithm == "1.3.101.112" => "Ed25519".into(),
        _ => algorithm,
    }
}

fn signature(algorithm: &str) -> String {
    match algorithm {
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.113549.1.1.4" => "RSA with MD5",
        "1.2.840.113549.1.1.5" => "RSA with SHA-1",
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.113549.1.1.11" => "RSA with SHA-256",
        "1.2.840.113549.1.1.12" => "RSA with SHA-384",
        "1.2.840.113549.1.1.13" => "RSA with SHA-512",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

fn key_usages(usage: &KeyUsage, into: &mut Vec<String>) {
    for (set, words) in [
        (usage.digital_signature(), "digital signature"),
        (usage.non_repudiation(), "non-repudiation"),
        (usage.key_encipherment(), "key encipherment"),
        (usage.data_encipherment(), "data encipherment"),
        (usage.key_agreement(), "key agreement"),
        (usage.key_cert_sign(), "certificate signing"),
        (usage.crl_sign(), "CRL signing"),
        (usage.encipher_only(), "encipher only"),
        (usage.decipher_only(), "decipher only"),
    ] {
        if set {
            into.push(words.into());
        }
    }
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>, into: &mut Vec<String>) {
    for (set, words) in [
        (usage.any, "any extended usage"),
        (usage.server_auth, "TLS server"),
        (usage.client_auth, "TLS client"),
        (usage.code_signing, "code signing"),
        (usage.email_protection, "email protection"),
        (usage.time_stamping, "time stamping"),
        (usage.ocsp_signing, "OCSP signing"),
    ] {
        if set {
            into.push(words.into());
        }
    }
    into.extend(usage.other.iter().map(ToString::to_string));
}

pub(crate) fn colons(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 {
            text.push(':');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}
