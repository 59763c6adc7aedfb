//! Authorities: made, taken over, of an earlier version; and what they sign.

use mqttwb_pki::Validity;

use super::revoking::{renew, revoke};
use super::*;

#[test]
fn a_folder_of_an_earlier_version_goes_on_with_its_root() {
    let data = tempfile::tempdir().unwrap();
    let pki = data.path().join("pki");
    fs::create_dir_all(pki.join("devices")).unwrap();
    let now = Timestamp::now();
    let root = Authority::generate(Validity::days_from(now, 100)).unwrap();
    fs::write(pki.join("ca.crt"), root.certificate().to_pem()).unwrap();
    fs::write(pki.join("ca.key"), root.key().unwrap().to_pem().as_bytes()).unwrap();
    let name = DeviceName::try_from("old").unwrap();
    let device = root
        .issue_device(&name, Validity::days_from(now, 10))
        .unwrap();
    fs::write(pki.join("devices/old.crt"), device.certificate.to_pem()).unwrap();
    fs::write(pki.join("devices/old.key"), device.key.to_pem().as_bytes()).unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let all = store.overview().unwrap();
    assert_eq!(all.issuing, None);
    assert_eq!(
        all.authority.subject,
        root.certificate().description().subject
    );
    store.issue(&request("new")).unwrap();
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    handshake(&server, &store.client_config("old").unwrap()).unwrap();
    handshake(&server, &store.client_config("new").unwrap()).unwrap();
    store.revoke(&revoke("old")).unwrap();
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    assert!(handshake(&server, &store.client_config("old").unwrap()).is_err());
}

#[test]
fn an_authority_of_each_kind_signs_what_openssl_verifies_and_its_key_is_encrypted() {
    for key in [api::KeyType::Rsa2048, api::KeyType::Ed25519] {
        let data = tempfile::tempdir().unwrap();
        let store = CertificateStore::open(data.path()).unwrap();
        store.issue(&request("before")).unwrap();
        let aside = store
            .create_authority(&api::AuthorityRequest {
                name: "Plant authority".into(),
                organization: "Plant".into(),
                key,
                days: 400,
                passphrase: Some("correct horse".into()),
            })
            .unwrap();
        assert!(Path::new(&aside).join("devices/before.crt").exists());
        let all = store.overview().unwrap();
        assert!(all.root_locked);
        assert_eq!(all.devices, []);
        assert!(all.authority.subject.contains("Plant authority"));
        let rsa = DeviceRequest {
            key: api::KeyType::Rsa2048,
            organization: "Plant".into(),
            names: vec!["DNS:pump-7.local".into()],
            ..request("pump-7")
        };
        assert_eq!(store.issue(&rsa).unwrap().key, "RSA 2048");
        let pki = data.path().join("pki");
        for file in ["devices/pump-7.crt", "server.crt"] {
            let (good, text) = verified(&["-x509_strict"], file, &pki);
            assert!(good, "{text}");
        }
        let (good, text) = openssl(
            &[
                "pkey",
                "-noout",
                "-in",
                "ca.key",
                "-passin",
                "pass:correct horse",
            ],
            &pki,
        );
        assert!(good, "{text}");
        let (good, _) = openssl(
            &["pkey", "-noout", "-in", "ca.key", "-passin", "pass:x"],
            &pki,
        );
        assert!(!good);
        let server = store
            .server_config(ClientCert::Required, None, false)
            .unwrap();
        handshake(&server, &store.client_config("pump-7").unwrap()).unwrap();
        // The same again from outside, as PKCS #12.
        let file = data.path().join("root.p12");
        let wrong = store.export_root(&file, "battery staple", Some("wrong one"));
        assert_eq!(wrong.unwrap_err().code, ErrorCode::Certificate);
        store
            .export_root(&file, "battery staple", Some("correct horse"))
            .unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let other = CertificateStore::open(elsewhere.path()).unwrap();
        let import = |passphrase: &str| api::AuthorityImport {
            path: file.display().to_string(),
            key: None,
            passphrase: Some(passphrase.into()),
        };
        let before = other.overview().unwrap();
        assert!(other.import_authority(&import("wrong")).is_err());
        assert_eq!(other.overview().unwrap(), before);
        other.import_authority(&import("battery staple")).unwrap();
        let after = other.overview().unwrap();
        assert_eq!(after.authority.fingerprint, all.authority.fingerprint);
        assert!(after.root_locked);
    }
}

#[test]
fn an_authority_that_openssl_made_is_taken_over_with_those_above_it() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("sh")
        .arg("-c")
        .arg(
            "set -e
printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' > ext
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.crt -subj /CN=Root -days 100
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout sub.key -passout pass:secret-one -out sub.csr -subj '/O=Plant/CN=Sub'
openssl x509 -req -in sub.csr -CA root.crt -CAkey root.key -CAcreateserial -extfile ext -days 50 -out sub.crt
cat sub.crt root.crt > chain.crt",
        )
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let import = |file: &str, passphrase: Option<&str>| api::AuthorityImport {
        path: folder.path().join(file).display().to_string(),
        key: Some(folder.path().join("sub.key").display().to_string()),
        passphrase: passphrase.map(str::to_owned),
    };
    // Without the passphrase, and without the root above it, nothing changes.
    let before = store.overview().unwrap();
    assert!(store.import_authority(&import("chain.crt", None)).is_err());
    let alone = store.import_authority(&import("sub.crt", Some("secret-one")));
    assert!(alone.unwrap_err().message.contains("CN=Root"));
    assert_eq!(store.overview().unwrap(), before);
    store
        .import_authority(&import("chain.crt", Some("secret-one")))
        .unwrap();
    let all = store.overview().unwrap();
    assert_eq!(all.authority.subject, "CN=Root");
    assert!(all.issuing.unwrap().subject.contains("CN=Sub"));
    store.issue(&request("pump-7")).unwrap();
    store.revoke(&revoke("pump-7")).unwrap();
    let pki = data.path().join("pki");
    let file = "devices/pump-7.crt";
    let (good, text) = verified(&[], file, &pki);
    assert!(good, "{text}");
    let (good, text) = verified(&BY_THE_LIST, file, &pki);
    assert!(!good && text.contains("revoked"), "{text}");
}

#[test]
fn a_request_that_a_device_made_is_signed_and_what_it_asks_for_beyond_its_key_is_not_granted() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let made = Command::new("openssl")
        .args([
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "own.key",
        ])
        .args([
            "-out",
            "own.csr",
            "-subj",
            "/CN=pump-9",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
        ])
        .args(["-addext", "extendedKeyUsage=serverAuth"])
        .current_dir(data.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let csr = fs::read_to_string(data.path().join("own.csr")).unwrap();
    let signed = store
        .issue(&DeviceRequest {
            request: Some(csr.clone()),
            ..request("")
        })
        .unwrap();
    assert_eq!(signed.name, "pump-9");
    assert!(!signed.has_key);
    assert_eq!(signed.usages, ["digital signature", "TLS client"]);
    assert!(!store.overview().unwrap().devices[0].has_key);
    let renewed = store.renew(&renew("pump-9", false, false)).unwrap();
    assert_ne!(renewed.serial, signed.serial);
    assert!(store.renew(&renew("pump-9", true, false)).is_err());
    let pki = data.path().join("pki");
    let (_, of_certificate) = openssl(
        &["x509", "-pubkey", "-noout", "-in", "devices/pump-9.crt"],
        &pki,
    );
    let (_, of_key) = openssl(&["pkey", "-pubout", "-in", "../own.key"], &pki);
    assert_eq!(of_certificate, of_key);
    // A request that was changed on its way, and one for a name that is none.
    let broken = csr.replacen("A", "B", 3);
    for (text, name) in [(broken.as_str(), "x"), ("", "x"), (csr.as_str(), "../up")] {
        let asked = DeviceRequest {
            request: Some(text.to_owned()),
            ..request(name)
        };
        assert_eq!(
            store.issue(&asked).unwrap_err().code,
            ErrorCode::InvalidInput
        );
    }
}

#[test]
fn the_server_certificate_takes_further_names_and_keeps_them() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    store
        .renew_server(&["broker.plant.example".into()], false)
        .unwrap();
    let names = ServerNames::local().and(ServerName::try_from("10.1.2.3").unwrap());
    assert!(store.serve(names, Timestamp::now()).unwrap());
    let again = CertificateStore::open(data.path())
        .unwrap()
        .overview()
        .unwrap();
    for name in ["DNS:broker.plant.example", "IP:10.1.2.3", "DNS:localhost"] {
        assert!(again.server.names.contains(&name.to_owned()), "{name}");
    }
    assert!(store.renew_server(&["not a name".into()], false).is_err());
}
