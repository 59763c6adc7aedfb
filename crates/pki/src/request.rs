//! Certificate requests (PKCS #10): a device made its key itself, and the key never leaves it.

use rcgen::SubjectPublicKeyInfo;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::certificate::{key_words, name_words};

/// Why a text or bytes are no request that can be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No PEM of a request, and no DER of one either.
    #[error("it holds no certificate request (PEM block BEGIN CERTIFICATE REQUEST, or DER)")]
    NotRequest,
    /// Who made it does not have the key.
    #[error("its signature is not its key's: it was changed, or made wrongly")]
    Signature,
    /// The key is of a type that TLS peers do not take, or weak.
    #[error("its key is {0}: use ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits or more")]
    Key(String),
}

/// A request whose signature was verified.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    /// The common name that it asks for, empty where there is none.
    pub common_name: String,
    /// The subject that it asks for, in full.
    pub subject: String,
    /// Its key, as `ECDSA P-256`.
    pub key: String,
    /// Alternative names that it asks for, as `DNS:pump-7.local`.
    pub names: Vec<String>,
    pub(crate) public_key: SubjectPublicKeyInfo,
}

impl CertificateRequest {
    /// Reads one from PEM or DER.
    pub fn read(bytes: &[u8]) -> Result<Self, RequestError> {
        let blocks = pem::parse_many(bytes).unwrap_or_default();
        let block = blocks.iter().find(|block| {
            matches!(
                block.tag(),
                "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"
            )
        });
        Self::from_der(block.map_or(bytes, |block| block.contents()))
    }

    fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let (_, request) =
            X509CertificationRequest::from_der(der).map_err(|_| RequestError::NotRequest)?;
        request
            .verify_signature()
            .map_err(|_| RequestError::Signature)?;
        let info = &request.certification_request_info;
        let key = key_words(&info.subject_pki);
        let taken = match key.strip_prefix("RSA ") {
            Some(bits) => bits.parse::<u32>().is_ok_and(|bits| bits >= 2048),
            None => matches!(key.as_str(), "ECDSA P-256" | "ECDSA P-384" | "Ed25519"),
        };
        if !taken {
            return Err(RequestError::Key(key));
        }
        let public_key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw)
            .map_err(|_| RequestError::Key(key.clone()))?;
        let mut names = Vec::new();
        for extension in request.requested_extensions().into_iter().flatten() {
            if let x509_parser::extensions::ParsedExtension::SubjectAlternativeName(found) =
                extension
            {
                names.extend(found.general_names.iter().map(name_words));
            }
        }
        Ok(Self {
            common_name: info
                .subject
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .unwrap_or_default()
                .to_owned(),
            subject: info.subject.to_string(),
            key,
            names,
            public_key,
        })
    }
}
