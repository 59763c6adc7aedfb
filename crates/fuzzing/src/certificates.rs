//! Files of certificates and keys, as somebody may hand them over.

use mqttwb_model::Timestamp;
use mqttwb_pki::{Certificate, CertificateRequest, RevocationList, SecretKey, read};

/// Bytes as whatever the inspector knows: what is read can be described and written, and reads back as the same.
pub fn certificate(input: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(input.to_vec()) {
        again(&certificate);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        for certificate in Certificate::all_from_pem(text).unwrap_or_default() {
            again(&certificate);
        }
        let _ = SecretKey::open_pem(text, Some("p"));
    }
    if let Ok(list) = RevocationList::read(input) {
        assert_eq!(
            RevocationList::from_der(list.der().to_vec())
                .unwrap()
                .revoked(),
            list.revoked()
        );
        list.has_expired(Timestamp(0));
    }
    let _ = CertificateRequest::read(input);
    let _ = read(input, None);
}

fn again(certificate: &Certificate) {
    let pem = certificate.to_pem();
    let again = Certificate::from_pem(&pem).unwrap();
    assert_eq!(again.der(), certificate.der());
    assert_eq!(again.description(), certificate.description());
    certificate.is_self_signed();
}

/// Bytes as PKCS #12 under a passphrase: read or refused, in bounded work.
pub fn pkcs12(input: &[u8]) {
    let _ = read(input, Some("changeit"));
}
