//! What is revoked is refused, and stays so.

use super::*;

pub(super) fn renew(name: &str, new_key: bool, revoke_old: bool) -> api::RenewRequest {
    api::RenewRequest {
        name: name.into(),
        days: 30,
        new_key,
        revoke_old,
    }
}

pub(super) fn revoke(name: &str) -> api::RevokeRequest {
    api::RevokeRequest {
        name: name.into(),
        reason: api::RevocationReason::KeyCompromise,
    }
}

#[test]
fn a_revoked_device_is_refused_at_the_handshake_and_the_others_are_not() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    store.issue(&request("pump-7")).unwrap();
    store.issue(&request("valve-2")).unwrap();
    let (pump, valve) = (
        store.client_config("pump-7").unwrap(),
        store.client_config("valve-2").unwrap(),
    );
    let before = store.overview().unwrap().revocations;
    let done = store.revoke(&revoke("pump-7")).unwrap();
    assert_eq!(done.serials.len(), 1);
    assert_eq!(done.list.number, before.number + 1);
    for cert in [ClientCert::Required, ClientCert::Optional] {
        let server = store.server_config(cert, None, false).unwrap();
        let refused = handshake(&server, &pump).unwrap_err();
        assert_eq!(
            refused,
            rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked)
        );
        handshake(&server, &valve).unwrap();
    }
    let again = store.revoke(&revoke("pump-7")).unwrap_err();
    assert_eq!(again.code, ErrorCode::WrongState);
    // Another process sees the same, and OpenSSL says it too.
    let devices = CertificateStore::open(data.path())
        .unwrap()
        .overview()
        .unwrap()
        .devices;
    assert_eq!(devices[0].state, CertificateState::Revoked);
    let revoked = devices[0].revoked.clone().unwrap();
    assert_eq!(revoked.reason, api::RevocationReason::KeyCompromise);
    assert_eq!(devices[1].revoked, None);
    let pki = data.path().join("pki");
    for (device, good) in [("pump-7", false), ("valve-2", true)] {
        let file = format!("devices/{device}.crt");
        let (is_good, text) = verified(&BY_THE_LIST, &file, &pki);
        assert_eq!(is_good, good, "{text}");
    }
    let (_, text) = openssl(&["crl", "-noout", "-text", "-in", "ca.crl"], &pki);
    assert!(text.contains("Key Compromise"), "{text}");
}

#[test]
fn what_a_renewal_replaced_is_revoked_with_its_device() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let first = store.issue(&request("pump-7")).unwrap();
    let old = store.client_config("pump-7").unwrap();
    let second = store.renew(&renew("pump-7", false, false)).unwrap();
    assert_ne!(first.serial, second.serial);
    assert_eq!(store.overview().unwrap().devices[0].superseded, 1);
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    handshake(&server, &old).unwrap();
    let done = store.revoke(&revoke("pump-7")).unwrap();
    assert_eq!(done.serials.len(), 2);
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    assert!(handshake(&server, &old).is_err());
    // It is let in again with another certificate, and a renewal can do away with the one before by itself.
    store.renew(&renew("pump-7", true, false)).unwrap();
    let third = store.client_config("pump-7").unwrap();
    handshake(&server, &third).unwrap();
    store.renew(&renew("pump-7", true, true)).unwrap();
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    assert!(handshake(&server, &third).is_err());
    handshake(&server, &store.client_config("pump-7").unwrap()).unwrap();
    // Each is on the list once.
    assert_eq!(store.overview().unwrap().revocations.count, 3);
}

#[test]
fn the_list_is_signed_anew_before_it_ends_and_keeps_what_is_on_it() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    store.issue(&request("pump-7")).unwrap();
    store.revoke(&revoke("pump-7")).unwrap();
    let before = store.overview().unwrap().revocations;
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(!store.refresh(Timestamp::now().plus(day * 14)).unwrap());
    assert!(store.refresh(Timestamp::now().plus(day * 16)).unwrap());
    let after = store.overview().unwrap().revocations;
    assert_eq!((after.number, after.count), (before.number + 1, 1));
    assert!(after.next_update > before.next_update);
}

#[test]
fn a_list_that_has_expired_lets_nobody_with_a_certificate_in() {
    let data = tempfile::tempdir().unwrap();
    let past = Timestamp(Timestamp::now().0 - 40 * 86_400 * 1_000_000_000);
    let names = ServerNames::local();
    let store = CertificateStore::open_at(data.path(), &names, past).unwrap();
    store.issue(&request("pump-7")).unwrap(); // looks at the folder: signs the list anew
    let list = store
        .held()
        .signer()
        .unwrap()
        .sign_revocations(&[], 9, past, past.plus(Duration::from_secs(86_400)))
        .unwrap();
    let openers = Openers {
        keychain: &*store.keychain,
        unlocked: None,
    };
    let held = Held {
        list,
        ..look(&store.folder, &names, Timestamp::now(), &openers).unwrap()
    };
    store.hold(held);
    assert!(store.overview().unwrap().revocations.expired);
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    let refused = handshake(&server, &store.client_config("pump-7").unwrap()).unwrap_err();
    assert!(
        format!("{refused:?}").contains("ExpiredRevocationList"),
        "{refused:?}"
    );
}

#[test]
fn a_list_that_was_lost_or_changed_is_told() {
    let data = tempfile::tempdir().unwrap();
    CertificateStore::open(data.path()).unwrap();
    let other = tempfile::tempdir().unwrap();
    CertificateStore::open(other.path()).unwrap();
    let list = data.path().join("pki/ca.crl");
    for content in [
        b"garbage".to_vec(),
        fs::read(other.path().join("pki/ca.crl")).unwrap(),
    ] {
        fs::write(&list, content).unwrap();
        let error = CertificateStore::open(data.path()).unwrap_err();
        assert_eq!(error.code, ErrorCode::Certificate);
        assert!(error.message.contains("ca.crl"), "{}", error.message);
    }
}
