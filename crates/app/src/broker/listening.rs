//! A listener as a person and a client name it.

use std::net::{IpAddr, SocketAddr};

use mqttwb_broker::ListenerState;
use mqttwb_model::{ClientCertificate, ListenerProtocol};

use crate::api::Listener;

/// What a client's certificate (DER) says.
pub(super) fn client_certificate(der: &[u8]) -> Option<ClientCertificate> {
    let certificate = mqttwb_pki::Certificate::from_der(der.to_vec()).ok()?;
    let told = certificate.description();
    Some(ClientCertificate {
        common_name: told.common_name.clone(),
        subject: told.subject.clone(),
        issuer: told.issuer.clone(),
        serial: told.serial.clone(),
        names: told.names.clone(),
        fingerprint: told.fingerprint.clone(),
        not_after: told.validity.not_after,
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
    use super::*;

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
