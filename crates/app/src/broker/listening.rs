//! A listener as a person and a client name it.

use std::net::{IpAddr, SocketAddr};

use mqttwb_broker::ListenerState;
use mqttwb_model::{CertificateIdentity, ClientCertificate, ListenerProtocol};

use crate::api::Listener;

/// What reads a client's certificate (DER), and takes its holder's name from there.
pub(super) fn reader_of(identity: CertificateIdentity) -> fn(&[u8]) -> Option<ClientCertificate> {
    match identity {
        CertificateIdentity::CommonName => {
            |der| client_certificate(der, CertificateIdentity::CommonName)
        }
        CertificateIdentity::AlternativeName => {
            |der| client_certificate(der, CertificateIdentity::AlternativeName)
        }
        CertificateIdentity::Fingerprint => {
            |der| client_certificate(der, CertificateIdentity::Fingerprint)
        }
    }
}

fn client_certificate(der: &[u8], identity: CertificateIdentity) -> Option<ClientCertificate> {
    let certificate = mqttwb_pki::Certificate::from_der(der.to_vec()).ok()?;
    let told = certificate.description();
    let first_name = || {
        let name = told.names.first()?;
        Some(
            name.split_once(':')
                .map_or(name.as_str(), |(_, name)| name)
                .to_owned(),
        )
    };
    Some(ClientCertificate {
        identity: match identity {
            CertificateIdentity::CommonName => told.common_name.clone(),
            CertificateIdentity::AlternativeName => first_name().unwrap_or_default(),
            CertificateIdentity::Fingerprint => told.fingerprint.clone(),
        },
        common_name: told.common_name.clone(),
        subject: told.subject.clone(),
        issuer: told.issuer.clone(),
        serial: told.serial.clone(),
        names: told.names.clone(),
        fingerprint: told.fingerprint.clone(),
        not_after: told.validity.not_after,
        der: der.into(),
    })
}

pub(super) fn open_listener(state: &ListenerState, instead_of: Option<u16>) -> Listener {
    let config = &state.config;
    Listener {
        clients: state.clients(),
        listening: true,
        instead_of,
        ..listener(
            &config.name,
            config.protocol,
            config.client_cert.into(),
            state.address,
        )
    }
}

pub(super) fn listener(
    name: &str,
    protocol: ListenerProtocol,
    client_cert: crate::api::ClientCert,
    address: SocketAddr,
) -> Listener {
    let host = host_of(address.ip(), protocol);
    let path = if protocol.is_websocket() { "/mqtt" } else { "" };
    let bracketed = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    Listener {
        name: name.to_owned(),
        protocol: protocol.into(),
        address: address.to_string(),
        url: format!(
            "{}://{bracketed}:{}{path}",
            protocol.scheme(),
            address.port()
        ),
        host,
        port: address.port(),
        client_cert,
        loopback: address.ip().is_loopback(),
        clients: 0,
        listening: false,
        instead_of: None,
    }
}

/// The host that a client names: one that the server's certificate holds too.
fn host_of(ip: IpAddr, protocol: ListenerProtocol) -> String {
    if ip.is_unspecified() {
        return gethostname::gethostname().to_string_lossy().into_owned();
    }
    if ip.is_loopback() && protocol.is_secure() {
        return "localhost".to_owned();
    }
    ip.to_string()
}

#[cfg(test)]
mod tests {
    use mqttwb_model::Timestamp;
    use mqttwb_pki::{AltName, Authority, KeyType, Subject, Validity};

    use super::*;

    #[test]
    fn a_certificate_s_holder_is_known_by_what_its_listener_takes() {
        let validity = Validity::days_from(Timestamp::now(), 10);
        let authority = Authority::generate(validity).unwrap();
        let subject = Subject::new("pump-7").unwrap();
        let names = [AltName::try_from("URI:urn:dev:pump-7").unwrap()];
        let device = authority.issue_device_with(&subject, &names, KeyType::EcdsaP256, validity);
        let device = device.unwrap();
        let der = device.certificate.der();
        let known_by = |identity| reader_of(identity)(der).unwrap();
        let by_name = known_by(CertificateIdentity::CommonName);
        assert_eq!(by_name.identity, "pump-7");
        let first = by_name.names[0].split_once(':').unwrap().1;
        assert_eq!(
            known_by(CertificateIdentity::AlternativeName).identity,
            first
        );
        let fingerprint = known_by(CertificateIdentity::Fingerprint);
        assert_eq!(fingerprint.identity, fingerprint.fingerprint);
        assert_eq!(fingerprint.common_name, "pump-7");
    }

    #[test]
    fn a_listener_is_named_as_a_client_must_name_it() {
        let at = |address: &str, protocol| {
            let none = crate::api::ClientCert::None;
            listener("x", protocol, none, address.parse().unwrap()).url
        };
        assert_eq!(
            at("127.0.0.1:1883", ListenerProtocol::Tcp),
            "mqtt://127.0.0.1:1883"
        );
        assert_eq!(
            at("127.0.0.1:8883", ListenerProtocol::Tls),
            "mqtts://localhost:8883"
        );
        assert_eq!(
            at("[::1]:8083", ListenerProtocol::Ws),
            "ws://[::1]:8083/mqtt"
        );
    }
}
