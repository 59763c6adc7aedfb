//! TLS and mutual TLS, and the words for what goes wrong with them.

use std::sync::Arc;

use mqttwb_client::{ConnectionError, Endpoint, Options, State, TestClient, TlsProblem, Version};
use mqttwb_model::Timestamp;
use mqttwb_pki::{Authority, Identity, Validity};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::mosquitto::{Mosquitto, device};
use super::{BOTH, options};

pub fn config(trusted: &Authority, identity: Option<&Identity>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(trusted.certificate().der().to_vec().into())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(
                vec![identity.certificate.der().to_vec().into()],
                PrivatePkcs8KeyDer::from(identity.key.der().to_vec()).into(),
            )
            .unwrap(),
    })
}

/// What a server shows that wants no certificate of its clients.
pub fn server_config(identity: &Identity) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![identity.certificate.der().to_vec().into()],
            PrivatePkcs8KeyDer::from(identity.key.der().to_vec()).into(),
        )
        .unwrap()
}

fn over_tls(endpoint: Endpoint, config: Arc<ClientConfig>) -> Endpoint {
    Endpoint {
        tls: Some(config),
        ..endpoint
    }
}

pub fn foreign_authority() -> Authority {
    Authority::generate(Validity::days_from(Timestamp::now(), 1)).unwrap()
}

async fn attempt(version: Version, endpoint: &Endpoint) -> Result<(), ConnectionError> {
    TestClient::new()
        .connect(&options("client", version), endpoint)
        .await
}

fn problem(outcome: Result<(), ConnectionError>) -> TlsProblem {
    match outcome {
        Err(ConnectionError::Tls { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_device_certificate_lets_a_client_in() {
    let broker = Mosquitto::start();
    let identity = device(broker.authority());
    let endpoint = over_tls(broker.tls(), config(broker.authority(), Some(&identity)));
    for version in BOTH {
        let client = TestClient::new();
        client
            .connect(&options("pump-7", version), &endpoint)
            .await
            .unwrap();
        client.disconnect().await;
        assert_eq!(client.status().state, State::Disconnected);
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_told_to_bring_one() {
    let broker = Mosquitto::start();
    let endpoint = over_tls(broker.tls(), config(broker.authority(), None));
    for version in BOTH {
        let problem = problem(attempt(version, &endpoint).await);
        assert_eq!(problem, TlsProblem::CertificateRequired);
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_told_as_that() {
    let broker = Mosquitto::start();
    let foreign = device(&foreign_authority());
    let endpoint = over_tls(broker.tls(), config(broker.authority(), Some(&foreign)));
    for version in BOTH {
        let problem = problem(attempt(version, &endpoint).await);
        assert!(
            matches!(problem, TlsProblem::CertificateRefused(_)),
            "{problem:?}"
        );
    }
}

#[tokio::test]
async fn a_broker_of_another_authority_or_name_is_not_trusted() {
    let broker = Mosquitto::start();
    let identity = device(broker.authority());
    let endpoint = over_tls(broker.tls(), config(&foreign_authority(), Some(&identity)));
    let told = problem(attempt(Version::V5, &endpoint).await);
    assert_eq!(told, TlsProblem::UnknownAuthority);

    // 127.0.0.2 is this computer too, and not in the certificate. mosquitto listens at 127.0.0.1, so a socket passes on.
    let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = broker.tls().port;
    let pass_on = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(("127.0.0.1", to))
            .await
            .unwrap();
        // It ends in an error: the client breaks the handshake off.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    let endpoint = Endpoint {
        tls: Some(config(broker.authority(), Some(&identity))),
        ..Endpoint::tcp("127.0.0.2", port)
    };
    let told = problem(attempt(Version::V5, &endpoint).await);
    assert_eq!(told, TlsProblem::OtherName);
    pass_on.await.unwrap();
}

#[tokio::test]
async fn tls_to_a_plain_port_and_plain_to_a_tls_port_are_told_apart() {
    let broker = Mosquitto::start();
    let endpoint = over_tls(broker.plain(), config(broker.authority(), None));
    for version in BOTH {
        let outcome = attempt(version, &endpoint).await;
        // mosquitto closes such a connection without a word.
        assert!(
            matches!(
                outcome,
                Err(ConnectionError::ClosedEarly(_) | ConnectionError::Tls { .. })
            ),
            "{outcome:?}"
        );
        let outcome = attempt(version, &broker.tls()).await;
        let error = outcome.unwrap_err();
        assert!(error.hint().unwrap().contains("TLS"), "{error:?}");
    }
    // Nothing is left of a failed attempt that would keep the next one from working.
    let client = TestClient::new();
    client
        .connect(&Options::new("client"), &endpoint)
        .await
        .unwrap_err();
    client
        .connect(&Options::new("client"), &broker.plain())
        .await
        .unwrap();
}
