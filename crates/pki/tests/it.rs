//! What the authority signs, held against a verifier that nobody here wrote (rustls-webpki).

#![allow(clippy::unwrap_used)] // a test may fail

use std::collections::BTreeSet;
use std::time::Duration;

use mqttwb_model::Timestamp;
use mqttwb_pki::{
    Authority, AuthorityError, Certificate, DeviceName, Identity, IssueError, ServerName,
    ServerNames, Validity,
};
use rustls_pki_types::{CertificateDer, ServerName as DialledName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

const DAY: u64 = 24 * 60 * 60;
/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600 * 1_000_000_000);

fn authority() -> Authority {
    Authority::generate(Validity::days_from(NOW, 3653)).unwrap()
}

fn device(authority: &Authority) -> Identity {
    let name = DeviceName::try_from("pump-7").unwrap();
    authority
        .issue_device(&name, Validity::days_from(NOW, 365))
        .unwrap()
}

fn server(authority: &Authority) -> Identity {
    let names = ServerNames::local().and(ServerName::try_from("workshop").unwrap());
    authority
        .issue_server(&names, Validity::days_from(NOW, 365))
        .unwrap()
}

fn verify(
    leaf: &Certificate,
    authority: &Authority,
    usage: KeyUsage,
    at: u64,
) -> Result<(), webpki::Error> {
    let root = CertificateDer::from(authority.certificate().der());
    let anchors = [anchor_from_trusted_cert(&root)?];
    let leaf = CertificateDer::from(leaf.der());
    EndEntityCert::try_from(&leaf)?
        .verify_for_usage(
            &[webpki::ring::ECDSA_P256_SHA256],
            &anchors,
            &[],
            UnixTime::since_unix_epoch(Duration::from_secs(at)),
            usage,
            None,
            None,
        )
        .map(|_| ())
}

#[test]
fn a_device_is_good_as_a_client_and_not_as_a_server() {
    let authority = authority();
    let device = device(&authority).certificate;
    let now = NOW.as_secs();
    assert_eq!(
        verify(&device, &authority, KeyUsage::client_auth(), now),
        Ok(())
    );
    assert!(verify(&device, &authority, KeyUsage::server_auth(), now).is_err());
}

#[test]
fn a_server_is_good_as_a_server_by_each_of_its_names() {
    let authority = authority();
    let server = server(&authority).certificate;
    let now = NOW.as_secs();
    assert_eq!(
        verify(&server, &authority, KeyUsage::server_auth(), now),
        Ok(())
    );
    assert!(verify(&server, &authority, KeyUsage::client_auth(), now).is_err());
    let der = CertificateDer::from(server.der());
    let leaf = EndEntityCert::try_from(&der).unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "workshop"] {
        let name = DialledName::try_from(name).unwrap();
        leaf.verify_is_valid_for_subject_name(&name).unwrap();
    }
    let other = DialledName::try_from("elsewhere").unwrap();
    assert!(leaf.verify_is_valid_for_subject_name(&other).is_err());
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (ours, other) = (authority(), authority());
    let device = device(&other).certificate;
    let verdict = verify(&device, &ours, KeyUsage::client_auth(), NOW.as_secs());
    assert!(matches!(verdict, Err(webpki::Error::UnknownIssuer)));
}

#[test]
fn an_authority_may_not_be_used_as_a_device() {
    let authority = authority();
    let root = authority.certificate();
    assert!(verify(root, &authority, KeyUsage::client_auth(), NOW.as_secs()).is_err());
}

#[test]
fn a_device_whose_clock_is_a_day_behind_accepts_the_server() {
    let authority = authority();
    let server = server(&authority).certificate;
    let usage = KeyUsage::server_auth;
    let now = NOW.as_secs();
    assert_eq!(verify(&server, &authority, usage(), now - DAY), Ok(()));
    assert!(verify(&server, &authority, usage(), now - DAY - 1).is_err());
    assert_eq!(
        verify(&server, &authority, usage(), now + 365 * DAY),
        Ok(())
    );
    assert!(verify(&server, &authority, usage(), now + 365 * DAY + 1).is_err());
}

#[test]
fn an_authority_signs_on_after_it_was_stored() {
    let first = authority();
    let again = Authority::from_pem(
        &first.certificate().to_pem(),
        &first.key().unwrap().to_pem(),
    )
    .unwrap();
    let device = device(&again).certificate;
    let verdict = verify(&device, &first, KeyUsage::client_auth(), NOW.as_secs());
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a_key_of_another_authority_and_a_leaf_are_no_authority() {
    let (one, two) = (authority(), authority());
    let mismatch = Authority::from_pem(&one.certificate().to_pem(), &two.key().unwrap().to_pem());
    assert_eq!(mismatch.unwrap_err(), AuthorityError::Mismatch);
    let leaf = device(&one);
    let no_authority = Authority::from_pem(&leaf.certificate.to_pem(), &leaf.key.to_pem());
    assert_eq!(no_authority.unwrap_err(), AuthorityError::NotAnAuthority);
}

#[test]
fn nothing_outlives_the_authority_that_signed_it() {
    let authority = Authority::generate(Validity::days_from(NOW, 10)).unwrap();
    let device = device(&authority).certificate;
    assert_eq!(
        device.description().validity,
        authority.certificate().description().validity
    );
    let name = DeviceName::try_from("late").unwrap();
    let after = Timestamp(NOW.0 + 20 * DAY * 1_000_000_000);
    let late = authority.issue_device(&name, Validity::days_from(after, 5));
    assert_eq!(late.unwrap_err(), IssueError::Validity);
}

#[test]
fn a_certificate_tells_a_person_what_it_is() {
    let authority = authority();
    let root = authority.certificate().description();
    assert!(root.subject.starts_with("CN=MQTT Workbench authority "));
    assert_eq!(root.usages, ["certificate signing", "CRL signing"]);
    assert!(root.authority);

    let server = server(&authority).certificate;
    let told = server.description();
    assert_eq!(told.issuer, root.subject);
    assert_eq!(
        told.names,
        ["DNS:localhost", "IP:127.0.0.1", "IP:::1", "DNS:workshop"]
    );
    assert_eq!(told.usages, ["digital signature", "TLS server"]);

    let device = device(&authority).certificate;
    let told = device.description();
    assert_eq!(told.common_name, "pump-7");
    assert_eq!(told.subject, "CN=pump-7");
    assert_eq!(told.key, "ECDSA P-256");
    assert_eq!(told.signature, "ECDSA with SHA-256");
    assert_eq!(told.usages, ["digital signature", "TLS client"]);
    assert_eq!(told.validity, Validity::days_from(NOW, 365));
    assert!(!told.authority);
    // 16 bytes and 32 bytes, two digits each and colons between them.
    assert_eq!(told.serial.len(), 16 * 3 - 1);
    assert_eq!(told.fingerprint.len(), 32 * 3 - 1);
}

#[test]
fn serial_numbers_are_positive_and_differ() {
    let authority = authority();
    let serials: BTreeSet<String> = (0..20)
        .map(|_| device(&authority).certificate.description().serial.clone())
        .collect();
    assert_eq!(serials.len(), 20);
    for serial in serials {
        assert!(u8::from_str_radix(&serial[..2], 16).unwrap() < 0x80);
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    assert!(Certificate::from_pem("hello").is_err());
    assert!(Certificate::from_der(vec![0x30, 0x03, 1, 2, 3]).is_err());
}
