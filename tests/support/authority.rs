//! A data folder whose authority is under a passphrase, and whose revocation list waits for somebody who gives it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::broker::mqttwb;
use crate::process::finish;

/// What OpenSSL signs a list by.
const CONFIG: &str = "[ca]\ndefault_ca = c\n[c]\ndatabase = index.txt\ncrlnumber = number\ndefault_md = sha256\n\
                      crl_extensions = x\n[x]\nauthorityKeyIdentifier = keyid\n";

/// The number of the list that [`due_list`] signs.
pub const DUE: u32 = 7;

/// Puts the authority's keys under a passphrase. The file that has it.
pub fn protect(data: &Path, passphrase: &str) -> PathBuf {
    let secret = data.join("secret");
    fs::write(&secret, format!("{passphrase}\n")).expect("a file in a temporary folder");
    let words = [
        "cert",
        "authority",
        "protect",
        "passphrase",
        "--new-passphrase-file",
    ];
    finish(mqttwb(data).args(words).arg(&secret)).success();
    secret
}

/// Signs a revocation list that ends in five days: it is to be signed anew as soon as somebody can.
pub fn due_list(data: &Path, passphrase: &str) {
    let pki = data.join("pki");
    let work = tempfile::tempdir().expect("a temporary folder");
    let number = format!("{DUE:02}\n");
    for (name, text) in [("ca.cnf", CONFIG), ("index.txt", ""), ("number", &number)] {
        fs::write(work.path().join(name), text).expect("a file in it");
    }
    finish(
        Command::new("openssl")
            .args(["ca", "-gencrl", "-config", "ca.cnf", "-crldays", "5"])
            .args(["-passin", &format!("pass:{passphrase}")])
            .arg("-keyfile")
            .arg(pki.join("issuing.key"))
            .arg("-cert")
            .arg(pki.join("issuing.crt"))
            .arg("-out")
            .arg(pki.join("ca.crl"))
            .current_dir(work.path()),
    )
    .success();
    assert_eq!(list_number(data), DUE);
}

/// The number of the revocation list, as OpenSSL reads it.
pub fn list_number(data: &Path) -> u32 {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["crl", "-noout", "-crlnumber", "-in"])
        .arg(data.join("pki/ca.crl"));
    let said = finish(&mut openssl).success().out;
    let digits = said.trim().trim_start_matches("crlNumber=");
    u32::from_str_radix(digits.trim_start_matches("0x"), 16).expect("a number")
}
