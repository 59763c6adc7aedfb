//! What is revoked is refused, and stays so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_model::ClientCertificate;
use mqttwb_pki::{Revoked, SerialNumber};

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

/// A store whose authorities have the names of every other store that is made so.
fn of_the_plant() -> (tempfile::TempDir, CertificateStore) {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let named = api::AuthorityRequest {
        name: "Plant".into(),
        days: 300,
        ..api::AuthorityRequest::default()
    };
    store.create_authority(&named).unwrap();
    store.issue(&request("pump-7")).unwrap();
    (data, store)
}

/// A listener's own `ca` and `crl`: the authorities of a store, and a list that it signs of these serial numbers.
fn outside(store: &CertificateStore, serials: &[String]) -> OutsideLists {
    let revoked: Vec<Revoked> = serials
        .iter()
        .map(|serial| Revoked {
            serial: SerialNumber::parse(serial).unwrap(),
            at: Timestamp::now(),
            reason: mqttwb_pki::RevocationReason::Unspecified,
        })
        .collect();
    let (held, now) = (store.held(), Timestamp::now());
    let until = now.plus(Duration::from_secs(86_400));
    let list = held.signer().unwrap();
    let list = list.sign_revocations(&revoked, 9, now, until).unwrap();
    OutsideLists {
        listener: "tls".into(),
        path: "outside.crl".into(),
        authorities: held.chain.certificates(),
        lists: vec![list],
    }
}

/// What a listener reads of a device's certificate.
fn shown(store: &CertificateStore, name: &str) -> ClientCertificate {
    let certificate = store
        .device_certificate(&device_name(name).unwrap())
        .unwrap();
    let told = certificate.description();
    ClientCertificate {
        issuer: told.issuer.clone(),
        serial: told.serial.clone(),
        der: certificate.der().into(),
        ..ClientCertificate::default()
    }
}

#[test]
fn a_list_says_nothing_of_what_another_authority_of_its_name_has_signed() {
    let (_ours, ours) = of_the_plant();
    let (_theirs, theirs) = of_the_plant();
    let (our_device, their_device) = (shown(&ours, "pump-7"), shown(&theirs, "pump-7"));
    assert_eq!(our_device.issuer, their_device.issuer);
    // Their list has the serial number of our device, which no two authorities would choose by chance.
    let lists = [outside(&theirs, std::slice::from_ref(&our_device.serial))];
    assert!(!ours.revoked(&lists)(&our_device), "it is not theirs");
    let lists = [outside(
        &theirs,
        &[our_device.serial.clone(), their_device.serial.clone()],
    )];
    assert!(ours.revoked(&lists)(&their_device), "it is theirs");
    // And ours theirs.
    let own = outside(
        &ours,
        &[their_device.serial.clone(), our_device.serial.clone()],
    );
    let lists = [own.clone(), outside(&theirs, &[])];
    let revoked = ours.revoked(&lists);
    assert!(!revoked(&their_device) && revoked(&our_device));
    // Who has signed it is not known, or its bytes can't be read: it is not let in.
    assert!(ours.revoked(&[own])(&their_device));
    let unreadable = ClientCertificate {
        der: Box::default(),
        ..their_device.clone()
    };
    assert!(revoked(&unreadable));
}

#[test]
fn the_inspector_goes_by_the_list_of_who_has_signed_as_a_listener_does() {
    let (_ours, ours) = of_the_plant();
    let (_theirs, theirs) = of_the_plant();
    let serial = shown(&theirs, "pump-7").serial;
    let device = theirs
        .device_certificate(&device_name("pump-7").unwrap())
        .unwrap();
    let chain = |store: &CertificateStore| -> String {
        let all = store.held().chain.certificates();
        all.iter().map(Certificate::to_pem).collect()
    };
    let revoking = |store, serials: &[String]| outside(store, serials).lists.remove(0).to_pem();
    let faults = |store: Option<&CertificateStore>, file: &[String]| {
        let request = api::InspectFileRequest {
            bytes: Some(STANDARD.encode(file.concat())),
            path: None,
            passphrase: None,
            host: None,
            trust_own: store.is_some(),
        };
        let told = CertificateStore::inspect(store, &request).unwrap();
        let codes = told.faults.into_iter().map(|fault| fault.code);
        codes.collect::<Vec<_>>()
    };
    let says = |faults: &[String], code: &str| faults.iter().any(|one| one == code);
    let device = device.to_pem();
    let serials = std::slice::from_ref(&serial);
    // Our list has their serial number: it says nothing of what they have signed, for whoever can tell the two apart.
    let both = [device.clone(), chain(&theirs), revoking(&ours, serials)];
    assert!(!says(&faults(None, &both), "revoked"));
    let theirs_say = [device.clone(), chain(&theirs), revoking(&theirs, serials)];
    assert!(says(&faults(None, &theirs_say), "revoked"));
    // Nobody can tell without the certificate of who has signed: a listener lets it in no more.
    let alone = [device.clone(), revoking(&ours, serials)];
    assert!(says(&faults(None, &alone), "revoked"));
    // A list of ours that has expired keeps nobody of theirs out either.
    let held = ours.held();
    let past = Timestamp(Timestamp::now().0 - 40 * 86_400 * 1_000_000_000);
    let until = past.plus(Duration::from_secs(86_400));
    let old = held.signer().unwrap().sign_revocations(&[], 9, past, until);
    let old = old.unwrap().to_pem();
    let with_old = [device.clone(), chain(&theirs), old.clone()];
    assert!(!says(&faults(None, &with_old), "list-expired"));
    assert!(says(&faults(None, &[device, old]), "list-expired"));
    // The folder's own list and authority, by whom the inspector asks too.
    ours.revoke(&revoke("pump-7")).unwrap();
    let own = ours
        .device_certificate(&device_name("pump-7").unwrap())
        .unwrap();
    assert!(says(&faults(Some(&ours), &[own.to_pem()]), "revoked"));
}

#[test]
fn a_list_is_signed_once_for_whoever_means_that_one() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let before = store.overview().unwrap().revocations.number;
    assert_eq!(store.sign_list(Some(before)).unwrap().number, before + 1);
    let again = store.sign_list(Some(before)).unwrap();
    assert_eq!(again, store.overview().unwrap().revocations);
    assert_eq!(again.number, before + 1, "another is in its place already");
    assert_eq!(store.sign_list(None).unwrap().number, before + 2);
}

#[test]
fn a_listener_that_trusts_another_authority_of_our_name_goes_by_that_one_s_list_alone() {
    let (_ours, ours) = of_the_plant();
    let (folder, theirs) = of_the_plant();
    theirs.issue(&request("valve-2")).unwrap();
    let serial = shown(&theirs, "valve-2").serial;
    let list = outside(&theirs, &[serial]).lists.remove(0);
    let (ca, crl) = (folder.path().join("ca.pem"), folder.path().join("ca.crl"));
    let chain: String = theirs
        .held()
        .chain
        .certificates()
        .iter()
        .map(Certificate::to_pem)
        .collect();
    fs::write(&ca, chain).unwrap();
    fs::write(&crl, list.to_pem()).unwrap();
    let own = OwnFiles {
        cert: ours.folder.join("server.crt"),
        key: ours.folder.join("server.key"),
        ca: Some(ca),
        crl: Some(crl),
    };
    let server = ours
        .server_config(ClientCert::Required, Some(&own), false)
        .unwrap();
    let client = |name: &str| {
        let folder = theirs.folder.join("devices");
        let (cert, key) = (format!("{name}.crt"), format!("{name}.key"));
        client_config_of_files(
            Some(&ours.folder.join("ca.crt")),
            Some((&folder.join(cert), &folder.join(key))),
        )
        .unwrap()
    };
    handshake(&server, &client("pump-7")).unwrap();
    assert_eq!(
        handshake(&server, &client("valve-2")).unwrap_err(),
        rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked)
    );
}
