//! What rustls needs, made from the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqttwb_model::ClientCert;
use mqttwb_pki::{AuthorityChain, Certificate, Identity, RevocationList};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{CertificateStore, OutsideLists, certificate_error, device_name, outside};
use crate::api::{ApiError, ErrorCode};
use crate::words::sentence;
use crate::{Result, files};

/// Files that a listener names in place of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFiles {
    /// The server's certificate, and the chain up to its authority, as PEM.
    pub cert: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
    /// The authorities that device certificates are verified by; the store's own where it is left out.
    pub ca: Option<PathBuf>,
    /// What those authorities have revoked, PEM or DER; nothing is known of it where it is left out.
    pub crl: Option<PathBuf>,
}

impl OwnFiles {
    /// Its authorities, where it names others than the store's own, and what they have revoked.
    pub(crate) fn outside(&self, listener: &str) -> Result<Option<OutsideLists>> {
        let Some(ca) = &self.ca else { return Ok(None) };
        let (authorities, lists) = self.others()?;
        Ok(Some(OutsideLists {
            listener: listener.to_owned(),
            path: self.crl.as_ref().unwrap_or(ca).clone(),
            authorities,
            lists,
        }))
    }

    fn others(&self) -> Result<(Vec<Certificate>, Vec<RevocationList>)> {
        let Some(ca) = &self.ca else {
            return Ok(Default::default());
        };
        let authorities = outside::authorities(ca)?;
        let lists = match &self.crl {
            Some(crl) => outside::read(crl, ca, &authorities)?,
            None => Vec::new(),
        };
        Ok((authorities, lists))
    }
}

impl CertificateStore {
    /// What a tls or wss listener presents, and whom it asks for a certificate.
    pub fn server_config(
        &self,
        client_cert: ClientCert,
        own: Option<&OwnFiles>,
        websocket: bool,
    ) -> Result<Arc<ServerConfig>> {
        let held = self.held();
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| certificate_error(&error))?;
        let builder = match client_cert {
            ClientCert::None => builder.with_no_client_auth(),
            ClientCert::Required | ClientCert::Optional => {
                let foreign = own.and_then(|own| own.ca.as_deref());
                let roots = match foreign {
                    Some(path) => roots(read_chain(path)?, path)?,
                    None => self.roots()?,
                };
                // Authorities that sign others are not on the list of the one that signs devices. An expired list lets
                // nobody in: who could tell what has been revoked since?
                let (trusted, outside) =
                    own.map_or_else(|| Ok(Default::default()), OwnFiles::others)?;
                // Of a list by its authority's name the verifier takes the first: one of another key than the authority
                // that is trusted here by that name would have everybody refused.
                let is_another = |list: &RevocationList| {
                    let mut named = trusted.iter().filter(|one| list.is_of_name(one)).peekable();
                    named.peek().is_some() && !named.any(|one| list.is_signed_by(one))
                };
                let ours = Some(&held.list).filter(|list| !is_another(list));
                let lists = ours.into_iter().chain(&outside);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                        .with_crls(lists.map(|list| list.der().to_vec().into()))
                        .only_check_end_entity_revocation()
                        .enforce_revocation_expiration();
                // Of other authorities it is known where `crl` has their list; of this one it holds there too.
                let verifier = match foreign {
                    Some(_) => verifier.allow_unknown_revocation_status(),
                    None => verifier,
                };
                let verifier = match client_cert {
                    ClientCert::Optional => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                let verifier = verifier
                    .build()
                    .map_err(|error| certificate_error(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = match own {
            None => {
                let (chain, key) = chain_and_key(&held.server, &held.chain);
                builder
                    .with_single_cert(chain, key)
                    .map_err(|error| certificate_error(&error))?
            }
            Some(own) => builder
                .with_single_cert(read_chain(&own.cert)?, read_private_key(&own.key)?)
                .map_err(|error| {
                    ApiError::new(
                        ErrorCode::Certificate,
                        sentence(format_args!(
                            "{} and {} can't serve a listener: {error}",
                            own.cert.display(),
                            own.key.display()
                        )),
                    )
                    .hint("The key must be the one that the first certificate of the file was made for.")
                })?,
        };
        // Browsers ask for HTTP by ALPN. Over plain TLS devices offer anything or nothing, and all of it is welcome:
        // a server without a list does not negotiate.
        if websocket {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        Ok(Arc::new(config))
    }

    /// What a client presents that connects as a device.
    pub fn client_config(&self, device: &str) -> Result<Arc<ClientConfig>> {
        let identity = self.device(&device_name(device)?)?;
        let (chain, key) = chain_and_key(&identity, &self.held().chain);
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| certificate_error(&error))?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(chain, key)
            .map_err(|error| certificate_error(&error))?;
        Ok(Arc::new(config))
    }

    pub(super) fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        // The one that signs is trusted by itself too: devices may show their own certificate alone.
        for authority in self.held().chain.certificates() {
            roots
                .add(authority.der().to_vec().into())
                .map_err(|error| certificate_error(&error))?;
        }
        Ok(roots)
    }
}

/// What a client presents that names its own files, and whom it trusts: the authorities of a file, or the system's.
pub(crate) fn client_config_of_files(
    ca: Option<&Path>,
    identity: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>> {
    let trusted = match ca {
        Some(path) => roots(read_chain(path)?, path)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| certificate_error(&error))?
        .with_root_certificates(trusted);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => builder
            .with_client_auth_cert(read_chain(cert)?, read_private_key(key)?)
            .map_err(|error| {
                ApiError::new(
                    ErrorCode::Certificate,
                    sentence(format_args!(
                        "{} and {} don't make an identity: {error}",
                        cert.display(),
                        key.display()
                    )),
                )
            })?,
    };
    Ok(Arc::new(config))
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(super) fn chain_and_key(
    identity: &Identity,
    authority: &AuthorityChain,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = std::iter::once(&identity.certificate)
        .chain(&authority.intermediates())
        .map(|certificate| certificate.der().to_vec().into())
        .collect();
    let key = PrivatePkcs8KeyDer::from(identity.key.der().to_vec());
    (chain, key.into())
}

pub(super) fn roots(chain: Vec<CertificateDer<'static>>, path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in chain {
        roots.add(certificate).map_err(|error| {
            ApiError::new(
                ErrorCode::Certificate,
                sentence(format_args!(
                    "{} holds no authority to trust: {error}",
                    path.display()
                )),
            )
        })?;
    }
    Ok(roots)
}

pub(super) fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that rustls can't read; the others do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(ApiError::new(
            ErrorCode::Certificate,
            "This system has no list of authorities to trust.",
        )
        .hint("Name the file of the broker's authority."));
    }
    Ok(roots)
}

pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&files::read_bytes(path)?)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unreadable(path, &error))?;
    if chain.is_empty() {
        return Err(unreadable(path, &"no PEM block BEGIN CERTIFICATE"));
    }
    Ok(chain)
}

pub(super) fn read_private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&files::read_bytes(path)?)
        .map_err(|error| unreadable(path, &error))
}

pub(super) fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(
        ErrorCode::Certificate,
        sentence(format_args!("{} can't be used: {why}", path.display())),
    )
    .hint("It must be a PEM file, as OpenSSL writes it.")
}
