//! The broker's own certificate: good for every name that its listeners have, and renewed before it ends.

use std::net::SocketAddr;
use std::path::Path;

use mqttwb_model::Timestamp;
use mqttwb_pki::{Authority, Certificate, Identity, KeyType, ServerName, ServerNames, Validity};

use super::authority::Opened;
use super::{
    CertificateStore, EXPIRES_SOON, SERVER_DAYS, certificate_error, input_error, lock,
    read_certificate, read_key, write_identity,
};
use crate::{Result, files};

/// Names that a person has added, one a line.
const WANTED: &str = "server.names";

/// `localhost`, the loopback addresses, and the name that this computer has.
pub(super) fn names_of_this_computer() -> ServerNames {
    let mut names = ServerNames::local();
    // A computer may have a name that no certificate can hold; it is then reached as localhost all the same.
    if let Ok(name) = ServerName::try_from(&*gethostname::gethostname().to_string_lossy()) {
        names = names.and(name);
    }
    names
}

/// What clients may call the listeners at these addresses: the address, or all of this computer's for "any address".
pub(crate) fn names_of_listeners(addresses: impl IntoIterator<Item = SocketAddr>) -> ServerNames {
    let mut names = names_of_this_computer();
    for address in addresses {
        let ip = address.ip();
        if !ip.is_unspecified() {
            names = names.and(ServerName::Ip(ip));
            continue;
        }
        // A system that does not tell its addresses leaves the names.
        for interface in if_addrs::get_if_addrs().unwrap_or_default() {
            let own = interface.ip();
            if own.is_ipv4() || ip.is_ipv6() {
                names = names.and(ServerName::Ip(own));
            }
        }
    }
    names
}

pub(super) fn names_wanted(folder: &Path) -> Result<Vec<String>> {
    let path = folder.join(WANTED);
    if !files::exists(&path)? {
        return Ok(Vec::new());
    }
    let text = files::read(&path)?;
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

/// The certificate that is there where it is good for all names, another otherwise. While nobody can sign the one that is
/// there goes on, and what waits is told.
pub(super) fn open(
    folder: &Path,
    Opened {
        chain,
        signer,
        keys,
        ..
    }: &Opened,
    names: &ServerNames,
    now: Timestamp,
) -> Result<(Identity, Option<String>)> {
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    let mut names = names.clone();
    for wanted in names_wanted(folder)? {
        let name = ServerName::try_from(wanted.as_str()).map_err(|error| input_error(&error))?;
        names = names.and(name);
    }
    let stored = match files::exists(&certificate)? {
        true => read_certificate(&certificate).ok(),
        false => None,
    };
    if let Some(stored) = &stored
        && let Ok(secret) = read_key(&key)
        && stored.is_signed_by(chain.certificate())
        && secret.belongs_to(stored)
    {
        let waits = match serves(stored, &names, now) {
            true => None,
            false => Some(
                "the server certificate is due: it ends soon, or lacks a name that clients may use"
                    .to_owned(),
            ),
        };
        if waits.is_none() || signer.is_none() {
            let identity = Identity {
                certificate: stored.clone(),
                key: secret,
            };
            return Ok((identity, waits));
        }
    }
    let signer = signer.as_ref().ok_or_else(|| keys.refusal())?;
    let identity = issue(folder, signer, &names, KeyType::default(), now)?;
    Ok((identity, None))
}

fn issue(
    folder: &Path,
    authority: &Authority,
    names: &ServerNames,
    key: KeyType,
    now: Timestamp,
) -> Result<Identity> {
    let identity = authority
        .issue_server_with(names, key, Validity::days_from(now, SERVER_DAYS))
        .map_err(|error| certificate_error(&error))?;
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    let pem = identity.key.to_pem();
    write_identity((&certificate, &key), &pem, &identity, authority.chain())?;
    Ok(identity)
}

/// Whether a server certificate has every name, and stays valid for a while.
fn serves(certificate: &Certificate, names: &ServerNames, now: Timestamp) -> bool {
    let described = certificate.description();
    described.validity.contains(now)
        && described.validity.contains(now.plus(EXPIRES_SOON))
        && names
            .iter()
            .all(|name| described.names.contains(&name.to_string()))
}

impl CertificateStore {
    /// Makes another server certificate, and remembers further names for it and all later ones.
    pub fn renew_server(&self, names: &[String], forget_others: bool) -> Result<()> {
        let mut wanted = match forget_others {
            true => Vec::new(),
            false => names_wanted(&self.folder)?,
        };
        for name in names {
            let parsed = ServerName::try_from(name.trim()).map_err(|error| input_error(&error))?;
            let text = match parsed {
                ServerName::Dns(name) => name,
                ServerName::Ip(ip) => ip.to_string(),
            };
            if !wanted.contains(&text) {
                wanted.push(text);
            }
        }
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        self.look(now)?;
        let held = self.held();
        let signer = held.signer()?;
        let mut text = wanted.join("\n");
        text.push('\n');
        files::write(&self.folder.join(WANTED), &text)?;
        let mut all = held.names.clone();
        for name in &wanted {
            let name = ServerName::try_from(name.as_str()).map_err(|error| input_error(&error))?;
            all = all.and(name);
        }
        issue(&self.folder, signer, &all, KeyType::default(), now)?;
        self.look(now)?;
        Ok(())
    }
}
