//! Keys under a passphrase or by the keychain: what goes on while they are locked, and what waits.

use std::sync::Arc;

use super::revoking::{renew, revoke};
use super::*;
use crate::api::{KeyProtection, ProtectKeys};
use crate::keychain::fake::Fake;

const DAY: u64 = 86_400 * 1_000_000_000;
const FIRST: &str = "correct horse";
const SECOND: &str = "battery staple";

fn protect(by: KeyProtection, passphrase: Option<&str>, current: Option<&str>) -> ProtectKeys {
    ProtectKeys {
        protection: by,
        passphrase: passphrase.map(str::to_owned),
        current: current.map(str::to_owned),
    }
}

fn passphrase(new: &str, current: Option<&str>) -> ProtectKeys {
    protect(KeyProtection::Passphrase, Some(new), current)
}

fn open(data: &Path, keychain: &Arc<Fake>) -> Result<CertificateStore> {
    let names = ServerNames::local();
    CertificateStore::open_with(data, &names, Timestamp::now(), keychain.clone())
}

fn encrypted(data: &Path, file: &str) -> bool {
    SecretKey::is_encrypted(&fs::read_to_string(data.join("pki").join(file)).unwrap())
}

#[test]
fn a_locked_authority_serves_on_and_signs_nothing_until_its_passphrase_is_given() {
    let data = tempfile::tempdir().unwrap();
    let first = CertificateStore::open(data.path()).unwrap();
    first.issue(&request("pump-7")).unwrap();
    first.protect(&passphrase(FIRST, None)).unwrap();
    // Whoever gave the passphrase need not give it again.
    first.issue(&request("pump-8")).unwrap();
    for file in ["issuing.key", "ca.key"] {
        assert!(encrypted(data.path(), file), "{file}");
        let opens = format!("pass:{FIRST}");
        let arguments = ["pkey", "-noout", "-in", file, "-passin"];
        let pki = data.path().join("pki");
        assert!(openssl(&[&arguments[..], &[&opens]].concat(), &pki).0);
        assert!(!openssl(&[&arguments[..], &["pass:wrong"]].concat(), &pki).0);
    }

    let store = CertificateStore::open(data.path()).unwrap();
    let keys = store.overview().unwrap().keys;
    assert_eq!(keys.protection, KeyProtection::Passphrase);
    assert!(keys.locked.is_some());
    assert_eq!(keys.waiting, Vec::<String>::new());
    let server = store
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    handshake(&server, &first.client_config("pump-7").unwrap()).unwrap();
    let before = store.overview().unwrap();
    let refused = [
        store.client_config("pump-7").map(drop),
        store.export(&export("pump-7", None), 8883).map(drop),
        store.issue(&request("pump-9")).map(drop),
        store.revoke(&revoke("pump-7")).map(drop),
        store.renew_server(&["broker.example".into()], false),
        store.sign_list(None).map(drop),
        store.renew(&renew("pump-7", false, false)).map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!(error.code, ErrorCode::Locked, "{error}");
        assert!(error.hint.unwrap().contains("--passphrase-file"));
    }
    assert_eq!(store.overview().unwrap(), before, "nothing was changed");

    let wrong = store.unlock("wrong passphrase").unwrap_err();
    assert_eq!(wrong.code, ErrorCode::Certificate);
    assert!(store.is_locked());
    store.unlock(FIRST).unwrap();
    store.issue(&request("pump-9")).unwrap();
    store.revoke(&revoke("pump-7")).unwrap();
    store.lock_keys().unwrap();
    assert_eq!(
        store.revoke(&revoke("pump-8")).unwrap_err().code,
        ErrorCode::Locked
    );
}

#[test]
fn keys_of_devices_are_encrypted_where_the_authority_s_is_and_a_new_passphrase_touches_none() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let devices = ["pump-1", "pump-2"];
    let files = || devices.map(|name| format!("devices/{name}.key"));
    let bytes = || files().map(|file| fs::read(data.path().join("pki").join(file)).unwrap());
    for name in devices {
        store.issue(&request(name)).unwrap();
    }
    let plain = bytes();
    assert!(files().iter().all(|file| !encrypted(data.path(), file)));
    store.protect(&passphrase(FIRST, None)).unwrap();
    assert!(files().iter().all(|file| encrypted(data.path(), file)));
    // The server's is not: listeners open with it while nobody is there.
    assert!(!encrypted(data.path(), "server.key"));
    #[cfg(unix)]
    assert_eq!(mode(&data.path().join("pki/devices/pump-1.key")), 0o600);
    // What is made from now on is encrypted from its first byte on, and used all the same.
    store.issue(&request("pump-3")).unwrap();
    store.renew(&renew("pump-2", true, false)).unwrap();
    assert!(encrypted(data.path(), "devices/pump-3.key"));
    let sealed = bytes();
    store.protect(&passphrase(SECOND, Some(FIRST))).unwrap();
    assert_eq!(bytes(), sealed, "another passphrase");
    let again = CertificateStore::open(data.path()).unwrap();
    again.unlock(SECOND).unwrap();
    let server = again
        .server_config(ClientCert::Required, None, false)
        .unwrap();
    for name in ["pump-1", "pump-2", "pump-3"] {
        handshake(&server, &again.client_config(name).unwrap()).unwrap();
    }
    // What leaves the folder is for the device, which opens it without anybody.
    let folder = again.export(&export("pump-1", None), 8883).unwrap().folder;
    let exported = fs::read(Path::new(&folder).join("pump-1.key")).unwrap();
    assert_eq!(exported, plain[0]);
    again
        .protect(&protect(KeyProtection::File, None, Some(SECOND)))
        .unwrap();
    assert!(files().iter().all(|file| !encrypted(data.path(), file)));
    assert_eq!(bytes()[0], plain[0]);
}

#[test]
fn a_change_that_was_cut_off_among_the_devices_is_completed_and_loses_none() {
    let data = tempfile::tempdir().unwrap();
    let key = |name: &str| data.path().join("pki/devices").join(format!("{name}.key"));
    let store = CertificateStore::open(data.path()).unwrap();
    for name in ["pump-1", "pump-2"] {
        store.issue(&request(name)).unwrap();
    }
    let plain = fs::read(key("pump-2")).unwrap();
    store.protect(&passphrase(FIRST, None)).unwrap();
    // As an earlier version left it, and as a change leaves it that was cut off before it came to this one.
    fs::write(key("pump-2"), &plain).unwrap();
    fs::write(key("pump-3"), "no key at all").unwrap();
    let locked = CertificateStore::open(data.path()).unwrap();
    assert!(
        locked.client_config("pump-2").is_ok(),
        "it is not encrypted"
    );
    assert!(!encrypted(data.path(), "devices/pump-2.key"));
    locked.unlock(FIRST).unwrap();
    assert!(encrypted(data.path(), "devices/pump-2.key"));
    for name in ["pump-1", "pump-2"] {
        locked.client_config(name).unwrap();
    }
    let damaged = fs::read_to_string(key("pump-3")).unwrap();
    assert_eq!(damaged, "no key at all");
    // Cut off on the way back: the authority's key is still encrypted, and opens those that are.
    fs::write(key("pump-1"), plain).unwrap();
    let again = CertificateStore::open(data.path()).unwrap();
    again
        .protect(&protect(KeyProtection::File, None, Some(FIRST)))
        .unwrap();
    for name in ["pump-1", "pump-2"] {
        assert!(!encrypted(data.path(), &format!("devices/{name}.key")));
    }
}

#[test]
fn what_is_due_waits_while_locked_is_told_and_is_done_by_unlocking() {
    let data = tempfile::tempdir().unwrap();
    let past = Timestamp(Timestamp::now().0 - 20 * DAY);
    let made = CertificateStore::open_at(data.path(), &ServerNames::local(), past).unwrap();
    made.protect_alone(&passphrase(FIRST, None)).unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let names = ServerNames::local().and(ServerName::try_from("10.1.2.3").unwrap());
    assert!(!store.serve(names, Timestamp::now()).unwrap());
    let before = store.overview().unwrap();
    assert_eq!(before.keys.waiting.len(), 2, "{:?}", before.keys.waiting);
    assert_eq!(before.revocations.number, 1);
    let version = store.version();
    store.unlock(FIRST).unwrap();
    let after = store.overview().unwrap();
    assert_eq!(after.keys.waiting, Vec::<String>::new());
    assert_eq!(after.revocations.number, 2);
    assert!(after.server.names.contains(&"IP:10.1.2.3".to_owned()));
    assert_ne!(store.version(), version, "listeners are given it");
}

#[test]
fn a_passphrase_is_changed_by_who_knows_it_alone_and_taken_away_leaves_the_root_under_it() {
    let data = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(data.path()).unwrap();
    let short = store.protect(&passphrase("short", None)).unwrap_err();
    assert_eq!(short.code, ErrorCode::InvalidInput);
    assert!(!encrypted(data.path(), "issuing.key"));
    store.protect(&passphrase(FIRST, None)).unwrap();
    for current in [None, Some("wrong passphrase")] {
        let error = store.protect(&passphrase(SECOND, current)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Certificate, "{error}");
        let file = protect(KeyProtection::File, None, current);
        assert!(store.protect(&file).is_err());
    }
    store.protect(&passphrase(SECOND, Some(FIRST))).unwrap();
    let again = CertificateStore::open(data.path()).unwrap();
    assert!(again.unlock(FIRST).is_err());
    again.unlock(SECOND).unwrap();
    again
        .protect(&protect(KeyProtection::File, None, Some(SECOND)))
        .unwrap();
    assert!(!encrypted(data.path(), "issuing.key"));
    assert!(encrypted(data.path(), "ca.key"));
    let all = CertificateStore::open(data.path())
        .unwrap()
        .overview()
        .unwrap();
    assert!(all.root_locked && all.keys.locked.is_none());
}

#[test]
fn the_keychain_opens_the_key_unasked_and_a_folder_without_it_is_locked() {
    let data = tempfile::tempdir().unwrap();
    let keychain = Arc::new(Fake::default());
    let store = open(data.path(), &keychain).unwrap();
    let by = |protection| protect(protection, None, None);
    store.protect(&by(KeyProtection::Keychain)).unwrap();
    assert!(encrypted(data.path(), "issuing.key") && encrypted(data.path(), "ca.key"));
    assert_eq!(keychain.entries.lock().len(), 1);
    let secret = keychain.entries.lock().values().next().unwrap().clone();
    for file in ["issuing.key", "ca.key", "keychain"] {
        let text = fs::read_to_string(data.path().join("pki").join(file)).unwrap();
        assert!(!text.contains(&secret), "{file}");
    }
    open(data.path(), &keychain)
        .unwrap()
        .issue(&request("pump-7"))
        .unwrap();

    *keychain.shut.lock() = true;
    let locked = open(data.path(), &keychain).unwrap();
    let told = locked.overview().unwrap().keys;
    assert!(told.locked.unwrap().contains("did not open"));
    assert_eq!(
        locked.issue(&request("pump-8")).unwrap_err().code,
        ErrorCode::Locked
    );
    let failed = locked.protect(&by(KeyProtection::File)).unwrap_err();
    assert_eq!(failed.code, ErrorCode::Keychain);
    // Whoever has it open already goes on.
    store.issue(&request("pump-8")).unwrap();
    *keychain.shut.lock() = false;
    locked.issue(&request("pump-9")).unwrap();

    // Another authority is kept in the same way, and the one that was put aside can still be opened.
    let aside = store
        .create_authority(&api::AuthorityRequest {
            days: 400,
            ..api::AuthorityRequest::default()
        })
        .unwrap();
    assert_eq!(
        store.overview().unwrap().keys.protection,
        KeyProtection::Keychain
    );
    let name = fs::read_to_string(Path::new(&aside).join("keychain")).unwrap();
    assert!(keychain.entries.lock().contains_key(name.trim()));

    let entries = keychain.entries.lock().len();
    store.protect(&passphrase(FIRST, None)).unwrap();
    assert_eq!(
        keychain.entries.lock().len(),
        entries - 1,
        "nothing is left in it"
    );
    assert!(!data.path().join("pki/keychain").exists());
    store.lock_keys().unwrap();
    store.unlock(FIRST).unwrap();
}

#[test]
fn a_keychain_that_takes_nothing_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let keychain = Arc::new(Fake::default());
    let store = open(data.path(), &keychain).unwrap();
    *keychain.shut.lock() = true;
    let by = protect(KeyProtection::Keychain, None, None);
    assert_eq!(store.protect(&by).unwrap_err().code, ErrorCode::Keychain);
    assert!(!encrypted(data.path(), "issuing.key"));
    assert!(!data.path().join("pki/keychain").exists());
    // And where there is none it is said beforehand.
    let none = CertificateStore::open(data.path()).unwrap();
    assert!(none.overview().unwrap().keys.no_keychain.is_some());
    assert_eq!(none.protect(&by).unwrap_err().code, ErrorCode::Keychain);
}

#[test]
fn a_change_that_was_cut_off_leaves_keys_that_can_be_opened() {
    let data = tempfile::tempdir().unwrap();
    let keychain = Arc::new(Fake::default());
    let store = open(data.path(), &keychain).unwrap();
    store.protect(&passphrase(FIRST, None)).unwrap();
    let issuing = data.path().join("pki/issuing.key");
    let under_passphrase = fs::read(&issuing).unwrap();
    let by = protect(KeyProtection::Keychain, None, Some(FIRST));
    store.protect(&by).unwrap();
    // The last file was not written yet.
    fs::write(&issuing, under_passphrase).unwrap();
    let again = open(data.path(), &keychain).unwrap();
    assert!(again.is_locked());
    again.unlock(FIRST).unwrap();
    again.issue(&request("pump-7")).unwrap();
}
