use std::fs;
use std::process::Command;
use std::sync::Barrier;

use mqttwb_model::ClientCert;

use super::*;
use mqttwb_pki::ServerName;

use crate::api::{CertificateState, DeviceRequest, ExportRequest};

mod authorities;
mod keys;
mod revoking;

fn request(name: &str) -> DeviceRequest {
    DeviceRequest {
        name: name.into(),
        days: 30,
        ..DeviceRequest::default()
    }
}

fn export(name: &str, folder: Option<&Path>) -> ExportRequest {
    ExportRequest {
        name: name.into(),
        folder: folder.map(|folder| folder.display().to_string()),
    }
}

fn openssl(arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("openssl must be installed");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Whether OpenSSL verifies a certificate, which has its issuers behind it, by the root; more of what is asked goes before.
fn verified(more: &[&str], file: &str, folder: &Path) -> (bool, String) {
    let chain = ["-CAfile", "ca.crt", "-untrusted", file, file];
    openssl(&[&["verify"], more, &chain].concat(), folder)
}

/// What it takes to look at the revocation list as well.
const BY_THE_LIST: [&str; 3] = ["-crl_check", "-CRLfile", "ca.crl"];

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_an_authority_and_a_server_and_later_ones_keep_them() {
    let data = tempfile::tempdir().unwrap();
    let first = CertificateStore::open(data.path())
        .unwrap()
        .overview()
        .unwrap();
    let second = CertificateStore::open(data.path())
        .unwrap()
        .overview()
        .unwrap();
    assert_eq!(first.authority, second.authority);
    assert_eq!(first.server, second.server);
    assert_eq!(first.authority.state, CertificateState::Valid);
    let issuing = first.issuing.unwrap();
    assert_eq!(first.server.issuer, issuing.subject);
    assert_eq!(issuing.issuer, first.authority.subject);
    assert_eq!(first.revocations.issuer, issuing.subject);
    assert_eq!(first.revocations, second.revocations);
    for name in ["DNS:localhost", "IP:127.0.0.1", "IP:::1"] {
        assert!(first.server.names.contains(&name.to_owned()));
    }
}

#[test]
fn openssl_verifies_what_was_issued() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    store.issue(&request("pump-7")).unwrap();
    let pki = data.path().join("pki");
    for (purpose, file) in [
        ("sslclient", "devices/pump-7.crt"),
        ("sslserver", "server.crt"),
    ] {
        let (good, text) = verified(&["-x509_strict", "-purpose", purpose], file, &pki);
        assert!(good, "{text}");
    }
    let (good, _) = verified(&["-purpose", "sslserver"], "devices/pump-7.crt", &pki);
    assert!(!good, "a device must not pass for a server");
    let (_, subject) = openssl(
        &["x509", "-noout", "-subject", "-in", "devices/pump-7.crt"],
        &pki,
    );
    assert!(subject.contains("pump-7"), "{subject}");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_a_private_key() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(&data.path().join("new")).unwrap();
    store.issue(&request("pump-7")).unwrap();
    let folder = store.export(&export("pump-7", None), 8883).unwrap().folder;
    let pki = data.path().join("new/pki");
    for secret in ["ca.key", "issuing.key", "server.key", "devices/pump-7.key"] {
        assert_eq!(mode(&pki.join(secret)), 0o600, "{secret}");
    }
    for private in [&data.path().join("new"), &pki, &pki.join("devices")] {
        assert_eq!(mode(private), 0o700, "{}", private.display());
    }
    assert_eq!(mode(&Path::new(&folder).join("pump-7.key")), 0o600);
}

#[test]
fn a_name_that_is_no_file_name_is_refused_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    for name in ["", "../../etc/passwd", "a/b", "a\\b", ".hidden", "-x", "ca"] {
        let refused = store.issue(&request(name)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{name:?}");
        let refused = store.export(&export(name, None), 8883).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{name:?}");
    }
    assert_eq!(store.overview().unwrap().devices, []);
}

#[test]
fn a_validity_of_no_days_or_of_too_many_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    for days in [0, DEVICE_DAYS + 1, u32::MAX] {
        let refused = store.issue(&DeviceRequest {
            name: "pump-7".into(),
            days,
            ..DeviceRequest::default()
        });
        assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
    }
}

#[test]
fn a_device_is_issued_once_however_many_ask_at_the_same_time() {
    let data = tempfile::tempdir().unwrap();
    CertificateStore::open(data.path()).unwrap();
    let all = Barrier::new(8);
    let outcomes: Vec<Result<api::Certificate>> = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    // A store each, as processes have.
                    let store = CertificateStore::open(data.path()).unwrap();
                    all.wait();
                    store.issue(&request("pump-7"))
                })
            })
            .collect();
        askers.into_iter().map(|a| a.join().unwrap()).collect()
    });
    let issued: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().ok()).collect();
    assert_eq!(issued.len(), 1);
    for refused in outcomes.iter().filter_map(|o| o.as_ref().err()) {
        assert_eq!(refused.code, ErrorCode::AlreadyExists);
    }
    let store = CertificateStore::open(data.path()).unwrap();
    assert_eq!(&store.overview().unwrap().devices[0], issued[0]);
}

#[test]
fn stores_that_open_an_empty_folder_together_agree_on_one_authority() {
    let data = tempfile::tempdir().unwrap();
    let all = Barrier::new(4);
    let fingerprints: Vec<String> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    all.wait();
                    let store = CertificateStore::open(data.path()).unwrap();
                    store.overview().unwrap().authority.fingerprint
                })
            })
            .collect();
        openers.into_iter().map(|o| o.join().unwrap()).collect()
    });
    assert!(fingerprints.iter().all(|f| f == &fingerprints[0]));
}

#[test]
fn an_export_holds_what_a_device_needs_and_a_line_to_try_it() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    store.issue(&request("pump-7")).unwrap();
    let parent = data.path().join("my devices");
    let exported = store
        .export(&export("pump-7", Some(&parent)), 8884)
        .unwrap();
    let folder = parent.join("pump-7");
    assert_eq!(exported.folder, folder.display().to_string());
    let mut names: Vec<String> = files::names_in(&folder).unwrap();
    names.sort();
    assert_eq!(names, ["README.md", "ca.crt", "pump-7.crt", "pump-7.key"]);

    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(
        "\nmosquitto_pub -h localhost -p 8884 --cafile ca.crt --cert pump-7.crt --key pump-7.key "
    ));
    assert!(
        exported
            .command
            .contains(&format!("'{}/pump-7.key'", folder.display()))
    );

    let (good, text) = verified(&[], "pump-7.crt", &folder);
    assert!(good, "{text}");
    let (_, of_certificate) = openssl(&["x509", "-pubkey", "-noout", "-in", "pump-7.crt"], &folder);
    let (_, of_key) = openssl(&["pkey", "-pubout", "-in", "pump-7.key"], &folder);
    assert_eq!(of_certificate, of_key);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_found_out_before_anything_is_signed() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let occupied = data.path().join("occupied");
    fs::write(&occupied, "a file").unwrap();
    let refused = store.issue_into(&request("pump-7"), &occupied, 8883);
    assert_eq!(refused.unwrap_err().code, ErrorCode::File);
    assert_eq!(store.overview().unwrap().devices, []);
    let folder = data.path().join("out");
    let issued = store.issue_into(&request("pump-7"), &folder, 8883).unwrap();
    assert_eq!(issued.folder, folder.display().to_string());
    assert!(folder.join("pump-7.key").exists());
    // A refused request leaves no folder behind.
    let elsewhere = data.path().join("elsewhere");
    store
        .issue_into(&request("pump-7"), &elsewhere, 8883)
        .unwrap_err();
    assert!(!elsewhere.exists());
}

#[test]
fn exporting_again_leaves_other_files_alone() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    store.issue(&request("pump-7")).unwrap();
    let folder = store.export(&export("pump-7", None), 8883).unwrap().folder;
    let notes = Path::new(&folder).join("notes.txt");
    fs::write(&notes, "mine").unwrap();
    fs::write(Path::new(&folder).join("ca.crt"), "garbled").unwrap();
    store.export(&export("pump-7", None), 8883).unwrap();
    assert_eq!(fs::read_to_string(notes).unwrap(), "mine");
    let (good, text) = verified(&[], "pump-7.crt", Path::new(&folder));
    assert!(good, "{text}");
}

#[test]
fn a_device_that_was_not_issued_is_not_found() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let missing = store.export(&export("pump-7", None), 8883).unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    assert_eq!(
        store.client_config("pump-7").unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[test]
fn the_server_certificate_is_renewed_before_it_ends_and_when_the_computer_is_renamed() {
    let data = tempfile::tempdir().unwrap();
    let open = |names: &ServerNames, now: Timestamp| {
        let store = CertificateStore::open_at(data.path(), names, now).unwrap();
        let held = store.held();
        let told = held.server.certificate.description();
        (told.fingerprint.clone(), told.names.clone())
    };
    let day = Duration::from_secs(24 * 60 * 60);
    let start = Timestamp(1_767_225_600 * 1_000_000_000);
    let local = ServerNames::local();
    let (first, _) = open(&local, start);
    let (still, _) = open(&local, start.plus(day * (SERVER_DAYS - 31)));
    assert_eq!(first, still);
    let late = start.plus(day * (SERVER_DAYS - 29));
    let (renewed, _) = open(&local, late);
    assert_ne!(first, renewed);
    let workshop = local.and(ServerName::try_from("workshop").unwrap());
    let (renamed, names) = open(&workshop, late);
    assert_ne!(renewed, renamed);
    assert!(names.contains(&"DNS:workshop".to_owned()));
}

#[test]
fn a_start_that_was_cut_off_is_made_good() {
    let data = tempfile::tempdir().unwrap();
    let pki = data.path().join("pki");
    fs::create_dir_all(&pki).unwrap();
    fs::write(pki.join("ca.key"), "half a ke").unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let server = store.overview().unwrap().server;
    // The server's key of one run with the certificate of another.
    let other = tempfile::tempdir().unwrap();
    CertificateStore::open(other.path()).unwrap();
    fs::copy(other.path().join("pki/server.key"), pki.join("server.key")).unwrap();
    let again = CertificateStore::open(data.path()).unwrap();
    assert_ne!(again.overview().unwrap().server, server);
    again
        .server_config(ClientCert::Required, None, false)
        .unwrap();
}

#[test]
fn a_lost_authority_key_is_told_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    CertificateStore::open(data.path()).unwrap();
    let pki = data.path().join("pki");
    fs::write(pki.join("issuing.key"), "").unwrap();
    let error = CertificateStore::open(data.path()).unwrap_err();
    assert_eq!(error.code, ErrorCode::Certificate);
    assert!(error.hint.is_some());
    fs::remove_file(pki.join("issuing.key")).unwrap();
    let error = CertificateStore::open(data.path()).unwrap_err();
    assert_eq!(error.code, ErrorCode::File);
    assert!(error.message.contains("issuing.key"));
}

#[test]
fn own_files_serve_a_listener_and_a_wrong_key_is_told() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let pki = data.path().join("pki");
    let own = |key: &str| OwnFiles {
        cert: pki.join("server.crt"),
        key: pki.join(key),
        ca: Some(pki.join("ca.crt")),
        crl: None,
    };
    let config = store
        .server_config(ClientCert::Optional, Some(&own("server.key")), true)
        .unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    let error = store
        .server_config(ClientCert::None, Some(&own("ca.key")), false)
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Certificate);
    let error = store
        .server_config(ClientCert::None, Some(&own("missing.key")), false)
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::File);
}

#[test]
fn a_list_of_an_outside_authority_holds_and_one_of_nobody_is_told() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = CertificateStore::open(data.path()).unwrap();
    let outside = CertificateStore::open(elsewhere.path()).unwrap();
    outside.issue(&request("pump-7")).unwrap();
    outside.issue(&request("valve-2")).unwrap();
    outside.revoke(&revoking::revoke("pump-7")).unwrap();
    let folder = elsewhere.path().join("out");
    outside.export_authority(Some(&folder)).unwrap();
    let pki = elsewhere.path().join("pki");
    let files = |crl: &Path| OwnFiles {
        cert: pki.join("server.crt"),
        key: pki.join("server.key"),
        ca: Some(folder.join("ca-chain.crt")),
        crl: Some(crl.to_owned()),
    };
    let server = |crl: &Path| store.server_config(ClientCert::Required, Some(&files(crl)), false);
    for name in ["ca.crl", "ca.crl.der"] {
        let server = server(&folder.join(name)).unwrap();
        let client = |name| outside.client_config(name).unwrap();
        assert!(handshake(&server, &client("pump-7")).is_err());
        handshake(&server, &client("valve-2")).unwrap();
    }
    // A list of somebody else says nothing of who comes in here.
    let error = server(&data.path().join("pki/ca.crl")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Certificate);
    assert!(error.message.contains("none of the authorities"), "{error}");
    let garbage = folder.join("garbage");
    fs::write(&garbage, "nothing").unwrap();
    assert!(server(&garbage).unwrap_err().message.contains("garbage"));
    let past = Timestamp(Timestamp::now().0 - 5 * 86_400 * 1_000_000_000);
    let held = outside.held();
    let list = held.signer().unwrap().sign_revocations(
        &[],
        9,
        past,
        past.plus(Duration::from_secs(86_400)),
    );
    let list = list.unwrap();
    let expired = folder.join("expired.crl");
    fs::write(&expired, list.to_pem()).unwrap();
    let refused = handshake(
        &server(&expired).unwrap(),
        &outside.client_config("valve-2").unwrap(),
    );
    assert!(format!("{refused:?}").contains("Expired"), "{refused:?}");
    let told = OutsideLists {
        listener: "tls".into(),
        path: expired,
        authorities: Vec::new(),
        lists: vec![list],
    };
    assert_eq!(told.findings(Timestamp::now()).len(), 1);
    assert_eq!(told.findings(past), []);
}

/// The two ends of a handshake, without a socket.
fn handshake(
    server: &Arc<rustls::ServerConfig>,
    client: &Arc<rustls::ClientConfig>,
) -> std::result::Result<(), rustls::Error> {
    let name = "localhost".try_into().unwrap();
    let mut client = rustls::ClientConnection::new(client.clone(), name).unwrap();
    let mut server = rustls::ServerConnection::new(server.clone()).unwrap();
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

#[test]
fn a_device_is_let_in_and_one_of_another_authority_or_without_a_certificate_is_not() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = CertificateStore::open(data.path()).unwrap();
    let other = CertificateStore::open(elsewhere.path()).unwrap();
    store.issue(&request("pump-7")).unwrap();
    other.issue(&request("pump-7")).unwrap();
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    handshake(&server, &store.client_config("pump-7").unwrap()).unwrap();

    let ca = data.path().join("pki/ca.crt");
    let foreign = elsewhere.path().join("pki/devices");
    let foreign = client_config_of_files(
        Some(&ca),
        Some((&foreign.join("pump-7.crt"), &foreign.join("pump-7.key"))),
    )
    .unwrap();
    assert!(matches!(
        handshake(&server, &foreign),
        Err(rustls::Error::InvalidCertificate(_))
    ));
    let bare = client_config_of_files(Some(&ca), None).unwrap();
    assert!(matches!(
        handshake(&server, &bare),
        Err(rustls::Error::NoCertificatesPresented)
    ));
    let optional = store
        .server_config(ClientCert::Optional, None, false)
        .unwrap();
    handshake(&optional, &bare).unwrap();
    assert!(handshake(&optional, &foreign).is_err());
}
