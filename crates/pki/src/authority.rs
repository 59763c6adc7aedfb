//! An authority, and what it signs.

use std::fmt;

use mqttwb_model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams,
    SubjectPublicKeyInfo,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;

use crate::certificate::public_key;
use crate::key::wipe;
use crate::{
    AltName, AuthorityChain, Certificate, CertificateError, CertificateRequest, DeviceName,
    KeyError, KeyType, RevocationList, Revoked, SecretKey, ServerNames, Subject, SubjectError,
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
    /// The name can't be in a certificate.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// There is no key for it.
    #[error(transparent)]
    Key(#[from] KeyError),
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
    /// A chain that is none.
    #[error("{lower} is not signed by {upper}")]
    NotSignedBy {
        /// Who was to be signed.
        lower: String,
        /// Who was to have signed.
        upper: String,
    },
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: SecretKey,
}

/// What an authority is to be like.
#[derive(Debug, Clone)]
pub struct AuthorityOptions {
    /// Whose name it bears.
    pub subject: Subject,
    /// Its key.
    pub key: KeyType,
    /// How long it is to sign.
    pub validity: Validity,
}

/// An authority that can sign.
pub struct Authority {
    chain: AuthorityChain,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a root of the usual name and key.
    pub fn generate(validity: Validity) -> Result<Self, IssueError> {
        Self::root(&AuthorityOptions {
            subject: Subject::new(&Self::unique_name("MQTT Workbench authority")?)?,
            key: KeyType::default(),
            validity,
        })
    }

    /// Makes a root: an authority that nobody is above.
    ///
    /// Give it a name that no other has: verifiers look an issuer up by name, and two authorities of one name make for
    /// errors that nobody understands. [`unique_name`](Self::unique_name) is one.
    pub fn root(options: &AuthorityOptions) -> Result<Self, IssueError> {
        let mut params = authority_params(options, 1)?;
        params.use_authority_key_identifier_extension = false;
        let key = SecretKey::generate(options.key)?.pair()?;
        let certificate = read(&params.self_signed(&key)?)?;
        Ok(Self {
            chain: AuthorityChain::made(certificate, Vec::new()),
            issuer: Issuer::new(params, key),
        })
    }

    /// A name that ends in eight random digits.
    pub fn unique_name(name: &str) -> Result<String, IssueError> {
        let tail: String = serial()?[..4].iter().map(|b| format!("{b:02x}")).collect();
        Ok(format!("{name} {tail}"))
    }

    /// Makes an authority below this one, that signs servers and devices while this one's key can be put away.
    pub fn subordinate(&self, options: &AuthorityOptions) -> Result<Self, IssueError> {
        let validity = options
            .validity
            .within(self.certificate().description().validity);
        let mut params = authority_params(
            &AuthorityOptions {
                validity,
                ..options.clone()
            },
            0,
        )?;
        params.use_authority_key_identifier_extension = true;
        let key = SecretKey::generate(options.key)?.pair()?;
        let certificate = read(&params.signed_by(&key, &self.issuer)?)?;
        Ok(Self {
            chain: AuthorityChain::made(certificate, self.chain.certificates()),
            issuer: Issuer::new(params, key),
        })
    }

    /// Takes up an authority that was made before.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        Self::new(
            Certificate::from_pem(certificate)?,
            &SecretKey::from_pem(key)?,
        )
    }

    /// Takes up an authority that was made before.
    pub fn new(certificate: Certificate, key: &SecretKey) -> Result<Self, AuthorityError> {
        if !certificate.description().authority {
            return Err(AuthorityError::NotAnAuthority);
        }
        let key = key.pair()?;
        if public_key(&certificate).as_deref() != Some(key.der_bytes()) {
            return Err(AuthorityError::Mismatch);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate.der().into(), key)
            .map_err(|error| CertificateError::Malformed(error.to_string()))?;
        Ok(Self {
            chain: AuthorityChain::made(certificate, Vec::new()),
            issuer,
        })
    }

    /// The same, below these authorities, the nearest first.
    pub fn below(self, above: Vec<Certificate>) -> Result<Self, AuthorityError> {
        let chain = AuthorityChain::new(self.chain.certificate().clone(), above)?;
        Ok(Self { chain, ..self })
    }

    /// Its certificate, and those above it.
    pub fn chain(&self) -> &AuthorityChain {
        &self.chain
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.chain.certificate()
    }

    /// Whether there may be an authority below it.
    pub fn may_have_subordinates(&self) -> bool {
        self.certificate().description().path_length != Some(0)
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
        self.issue_server_with(names, KeyType::default(), validity)
    }

    /// The same, with a key of this type.
    pub fn issue_server_with(
        &self,
        names: &ServerNames,
        key: KeyType,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let names: Vec<AltName> = names.iter().map(AltName::from).collect();
        let subject = Subject::new("MQTT Workbench broker")?;
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        self.issue(&subject, &names, key, usage, validity)
    }

    /// Makes a key and a certificate for a device: its name becomes the common name.
    pub fn issue_device(
        &self,
        name: &DeviceName,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let subject = Subject::new(name.as_str())?;
        self.issue_device_with(&subject, &[], KeyType::default(), validity)
    }

    /// The same, with a whole subject, alternative names, and a key of this type.
    pub fn issue_device_with(
        &self,
        subject: &Subject,
        names: &[AltName],
        key: KeyType,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue(subject, names, key, usage, validity)
    }

    /// Makes a certificate for a device that has made its key itself. Of the request its key alone is taken: what it is
    /// called and what it may do is for the authority to say.
    pub fn sign_request(
        &self,
        request: &CertificateRequest,
        subject: &Subject,
        names: &[AltName],
        validity: Validity,
    ) -> Result<Certificate, IssueError> {
        let rsa = request.key.starts_with("RSA");
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        let params = self.leaf_params(subject, names, rsa, usage, validity)?;
        read(&params.signed_by(&request.public_key, &self.issuer)?)
    }

    /// Makes a certificate for a device's key.
    pub fn certify(
        &self,
        subject: &Subject,
        names: &[AltName],
        key: SecretKey,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue_for(subject, names, key, usage, validity)
    }

    /// Makes another certificate of the same subject and names, for this key.
    pub fn renew(
        &self,
        certificate: &Certificate,
        key: &SecretKey,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let params = self.renewal(certificate, validity)?;
        let pair = key.pair()?;
        let certificate = read(&params.signed_by(&pair, &self.issuer)?)?;
        wipe(pair);
        Ok(Identity {
            certificate,
            key: key.clone(),
        })
    }

    /// The same for the key that the certificate has, which need not be here.
    pub fn renew_without_key(
        &self,
        certificate: &Certificate,
        validity: Validity,
    ) -> Result<Certificate, IssueError> {
        let (_, x509) = x509_parser::parse_x509_certificate(certificate.der())
            .map_err(|error| IssueError::Signing(error.to_string()))?;
        let key = SubjectPublicKeyInfo::from_der(x509.public_key().raw)?;
        let params = self.renewal(certificate, validity)?;
        read(&params.signed_by(&key, &self.issuer)?)
    }

    fn renewal(
        &self,
        certificate: &Certificate,
        validity: Validity,
    ) -> Result<CertificateParams, IssueError> {
        let told = certificate.description();
        let names = told.names.iter();
        // What can't be written any more is an exotic kind of name of somebody else's certificate.
        let names: Vec<AltName> = names
            .filter_map(|name| AltName::try_from(name.as_str()).ok())
            .collect();
        let rsa = told.key.starts_with("RSA");
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        let subject = Subject::of_certificate(certificate)?;
        self.leaf_params(&subject, &names, rsa, usage, validity)
    }

    /// Signs a revocation list. `number` must be greater than that of the list before.
    pub fn sign_revocations(
        &self,
        revoked: &[Revoked],
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<RevocationList, IssueError> {
        if next_update <= this_update {
            return Err(IssueError::Validity);
        }
        let revoked_certs = revoked
            .iter()
            .map(|one| {
                Ok(RevokedCertParams {
                    serial_number: one.serial.bytes().to_vec().into(),
                    revocation_time: date(one.at)?,
                    reason_code: Some(one.reason.to_rcgen()),
                    invalidity_date: None,
                })
            })
            .collect::<Result<Vec<_>, IssueError>>()?;
        let params = CertificateRevocationListParams {
            this_update: date(this_update)?,
            next_update: date(next_update)?,
            crl_number: number.into(),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: self.key_id_method(),
        };
        let list = params.signed_by(&self.issuer)?;
        RevocationList::from_der(list.der().to_vec())
            .map_err(|error| IssueError::Signing(error.to_string()))
    }

    /// A list names its signer's key as the signer's certificate does; one that was imported has its own way.
    fn key_id_method(&self) -> KeyIdMethod {
        let parsed = x509_parser::parse_x509_certificate(self.certificate().der());
        let id = parsed.ok().and_then(|(_, certificate)| {
            let extensions = certificate.extensions().iter();
            extensions
                .filter_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                    _ => None,
                })
                .next()
        });
        id.map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified)
    }

    fn issue(
        &self,
        subject: &Subject,
        names: &[AltName],
        key: KeyType,
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        self.issue_for(subject, names, SecretKey::generate(key)?, usage, validity)
    }

    fn issue_for(
        &self,
        subject: &Subject,
        names: &[AltName],
        key: SecretKey,
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Result<Identity, IssueError> {
        let pair = key.pair()?;
        let rsa = pair.is_compatible(&rcgen::PKCS_RSA_SHA256);
        let params = self.leaf_params(subject, names, rsa, usage, validity)?;
        let certificate = read(&params.signed_by(&pair, &self.issuer)?)?;
        wipe(pair);
        Ok(Identity { certificate, key })
    }

    fn leaf_params(
        &self,
        subject: &Subject,
        names: &[AltName],
        rsa: bool,
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Result<CertificateParams, IssueError> {
        let validity = validity.within(self.certificate().description().validity);
        let mut params = params(validity, serial()?)?;
        params.distinguished_name = subject.distinguished_name();
        params.subject_alt_names = names
            .iter()
            .map(AltName::to_san)
            .collect::<Result<_, _>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        // An ECDSA key only signs: all that TLS 1.3 and the ECDHE suites of TLS 1.2 ask of it. Small devices may still
        // exchange keys by RSA.
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if rsa {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![usage];
        Ok(params)
    }
}

fn authority_params(
    options: &AuthorityOptions,
    path_length: u8,
) -> Result<CertificateParams, IssueError> {
    let serial = serial()?;
    let mut params = params(options.validity, serial)?;
    params.distinguished_name = options.subject.distinguished_name();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("subject", &self.certificate().description().subject)
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
