//! TLS to brokers elsewhere: whom to trust, what to show, and the one way to trust anybody.

use std::path::Path;
use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::tls::{
    chain_and_key, provider, read_chain, read_private_key, roots, system_roots, unreadable,
};
use super::{CertificateStore, certificate_error, device_name};
use crate::api::{ApiError, ErrorCode, TlsConfig, TlsIdentity, Trust};
use crate::words::sentence;
use crate::{Result, files};

impl CertificateStore {
    /// What a test client does TLS with.
    pub fn remote_config(
        &self,
        wanted: &TlsConfig,
        passphrase: Option<&str>,
        websocket: bool,
    ) -> Result<Arc<ClientConfig>> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| certificate_error(&error))?;
        let builder = match &wanted.trust {
            Trust::System => builder.with_root_certificates(system_roots()?),
            Trust::Workbench => builder.with_root_certificates(self.roots()?),
            Trust::File { path } => {
                let path = Path::new(path);
                builder.with_root_certificates(roots(read_chain(path)?, path)?)
            }
            Trust::Pem { pem } => builder.with_root_certificates(roots_of_pem(pem)?),
            Trust::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider()))),
        };
        let mut config = match &wanted.identity {
            TlsIdentity::None => builder.with_no_client_auth(),
            TlsIdentity::Device { name } => {
                let (chain, key) =
                    chain_and_key(&self.device(&device_name(name)?)?, &self.held().chain);
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| certificate_error(&error))?
            }
            TlsIdentity::Files {
                certificate, key, ..
            } => {
                let (certificate, key) = (Path::new(certificate), Path::new(key));
                builder
                    .with_client_auth_cert(read_chain(certificate)?, private_key(key, passphrase)?)
                    .map_err(|error| {
                        ApiError::new(
                            ErrorCode::Certificate,
                            sentence(format_args!(
                                "{} and {} don't make an identity: {error}",
                                certificate.display(),
                                key.display()
                            )),
                        )
                        .hint("The key must be the one that the first certificate of the file was made for.")
                    })?
            }
        };
        config.alpn_protocols = match wanted.alpn.as_slice() {
            // A server that speaks HTTP too must know that this is not HTTP/2.
            [] if websocket => vec![b"http/1.1".to_vec()],
            names => names.iter().map(|name| name.clone().into_bytes()).collect(),
        };
        Ok(Arc::new(config))
    }
}

fn roots_of_pem(pem: &str) -> Result<RootCertStore> {
    let wrong = |why: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("the authority to trust can't be read: {why}")),
        )
        .hint("Paste the whole certificate, from BEGIN CERTIFICATE to END CERTIFICATE.")
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"no PEM block BEGIN CERTIFICATE"));
    }
    Ok(roots)
}

/// A private key of a PEM file; one of PKCS#8 may be encrypted.
fn private_key(path: &Path, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>> {
    let bytes = files::read_bytes(path)?;
    let blocks = pem::parse_many(bytes.as_slice()).map_err(|error| unreadable(path, &error))?;
    let refused = |why: &str, hint: &str| {
        let path = path.display();
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("{path} can't be opened: {why}")),
        )
        .hint(hint)
    };
    // OpenSSL's own way, from before PKCS#8.
    if blocks.iter().any(|block| {
        let kind = block.headers().get("Proc-Type");
        kind.is_some_and(|kind| kind.contains("ENCRYPTED"))
    }) {
        return Err(refused(
            "it is encrypted in OpenSSL's old format",
            "Make it a PKCS#8 file: openssl pkcs8 -topk8 -in OLD.key -out NEW.key",
        ));
    }
    let encrypted = blocks
        .iter()
        .find(|block| block.tag() == "ENCRYPTED PRIVATE KEY");
    let Some(encrypted) = encrypted else {
        return read_private_key(path);
    };
    let Some(passphrase) = passphrase else {
        return Err(refused(
            "its key is encrypted",
            "Enter the passphrase of the key under TLS.",
        ));
    };
    let sealed = EncryptedPrivateKeyInfo::try_from(encrypted.contents())
        .map_err(|error| unreadable(path, &error))?;
    let opened = sealed.decrypt(passphrase).map_err(|_| {
        refused(
            "the passphrase does not fit, or it is encrypted in a way that is not known here",
            "Check the passphrase under TLS; PBES2 with AES is known, as OpenSSL writes it.",
        )
    })?;
    Ok(PrivatePkcs8KeyDer::from(opened.as_bytes().to_vec()).into())
}

/// Trusts whatever is shown, where a person has asked for it: signatures are checked, so that the handshake is one, and
/// nothing else is.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
