//! The revocation list, `ca.crl`: what stands on it, and that it never grows old.
//!
//! Invariant: every list that is written has a greater number than the one before and everything that stood on it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use mqttwb_model::{ClientCertificate, Timestamp};
use mqttwb_pki::{Authority, Certificate, RevocationList, Revoked, SerialNumber};

use super::authority::Opened;
use super::{CertificateStore, OutsideLists, certificate_error, device_name, lock, words};
use crate::api::{self, ApiError, ErrorCode};
use crate::words::sentence;
use crate::{Result, files};

/// How long a list is good for.
const LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// With less than this left it is signed anew: a workbench that is opened every other week never lets it end.
const RENEW: Duration = Duration::from_secs(15 * 24 * 60 * 60);
/// A peer whose clock is behind by less than this finds it valid already.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// The list of a folder: signed anew where it ends before long, made where there is none. While nobody can sign the one that
/// is there goes on, and that it waits is told.
pub(super) fn open(
    folder: &Path,
    Opened {
        chain,
        signer,
        keys,
        ..
    }: &Opened,
    now: Timestamp,
) -> Result<(RevocationList, Option<String>)> {
    let path = folder.join("ca.crl");
    if !files::exists(&path)? {
        let signer = signer.as_ref().ok_or_else(|| keys.refusal())?;
        return Ok((sign(folder, signer, &[], 1, now)?, None));
    }
    let unreadable = |why: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Certificate,
            sentence(format_args!("{}: {why}", path.display())),
        )
        .hint("Bring it back from a copy. Without it devices that were revoked would be let in again.")
    };
    let list =
        RevocationList::read(&files::read_bytes(&path)?).map_err(|error| unreadable(&error))?;
    if !list.is_signed_by(chain.certificate()) {
        return Err(unreadable(&"it is not signed by this folder's authority"));
    }
    let left = list.next_update().unwrap_or_default();
    if left > now.plus(RENEW) {
        return Ok((list, None));
    }
    let Some(signer) = signer else {
        let waits = match list.has_expired(now) {
            true => "the revocation list has expired: nobody with a certificate is let in",
            false => "the revocation list is due, and lets nobody in once it has expired",
        };
        return Ok((list, Some(waits.to_owned())));
    };
    let number = list.number().unwrap_or_default() + 1;
    Ok((sign(folder, signer, list.revoked(), number, now)?, None))
}

fn sign(
    folder: &Path,
    authority: &Authority,
    revoked: &[Revoked],
    number: u64,
    now: Timestamp,
) -> Result<RevocationList> {
    let from = Timestamp(now.0.saturating_sub(BACKDATED.as_nanos() as u64));
    let list = authority
        .sign_revocations(revoked, number, from, now.plus(LIFE))
        .map_err(|error| certificate_error(&error))?;
    files::write(&folder.join("ca.crl"), &list.to_pem())?;
    Ok(list)
}

impl CertificateStore {
    /// Revokes every certificate of a device that is still good, and those that its device had before.
    pub fn revoke(&self, request: &api::RevokeRequest) -> Result<api::RevocationDone> {
        let name = device_name(&request.name)?;
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        self.look(now)?;
        let mut certificates = vec![self.device_certificate(&name)?];
        certificates.extend(self.superseded(&name)?);
        let serials = self.revoke_all(&certificates, request.reason, now)?;
        if serials.is_empty() {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                format!("{name} is revoked already."),
            )
            .hint("Renew it to let the device in again with another certificate."));
        }
        Ok(api::RevocationDone {
            name: name.to_string(),
            serials,
            connections: None,
            list: words::list_for_people(&self.held().list, now),
        })
    }

    /// Whoever calls this has the folder's lock.
    pub(super) fn revoke_all(
        &self,
        certificates: &[Certificate],
        reason: api::RevocationReason,
        now: Timestamp,
    ) -> Result<Vec<String>> {
        let held = self.held();
        let mut revoked = held.list.revoked().to_vec();
        let mut serials = Vec::new();
        for certificate in certificates {
            let told = certificate.description();
            let ended = told.validity.not_after < now;
            if ended || held.list.entry(certificate).is_some() {
                continue;
            }
            let Some(serial) = SerialNumber::parse(&told.serial) else {
                continue; // a certificate that was parsed has one
            };
            serials.push(serial.to_string());
            revoked.push(Revoked {
                serial,
                at: now,
                reason: reason.into(),
            });
        }
        if !serials.is_empty() {
            let number = held.list.number().unwrap_or_default() + 1;
            sign(&self.folder, held.signer()?, &revoked, number, now)?;
            self.look(now)?;
        }
        Ok(serials)
    }

    /// Signs the list anew, whether it is due or not. Where the one of this number is meant, and another has come in its place
    /// since, nothing is signed: unlocking the key does what waited for it.
    pub fn sign_list(&self, instead_of: Option<u64>) -> Result<api::RevocationList> {
        let _lock = lock(&self.folder)?;
        let now = Timestamp::now();
        self.look(now)?;
        let held = self.held();
        let number = held.list.number().unwrap_or_default();
        if instead_of.is_none_or(|old| old == number) {
            let signer = held.signer()?;
            sign(&self.folder, signer, held.list.revoked(), number + 1, now)?;
            self.look(now)?;
        }
        Ok(words::list_for_people(&self.held().list, now))
    }

    /// Says of a certificate that somebody has shown whether it is revoked.
    pub fn revoked(
        &self,
        outside: &[OutsideLists],
    ) -> impl Fn(&ClientCertificate) -> bool + Send + Sync + use<> {
        let held = self.held();
        let known = outside.iter().flat_map(|of| of.authorities.iter().cloned());
        let authorities: Vec<Certificate> =
            held.chain.certificates().into_iter().chain(known).collect();
        let outside = outside.iter().flat_map(|of| &of.lists);
        let mut lists: HashMap<String, Vec<OfOneAuthority>> = HashMap::new();
        for list in std::iter::once(&held.list).chain(outside) {
            let others = list.others_of_its_name(&authorities);
            let others = others.into_iter().cloned().collect();
            lists
                .entry(list.issuer().to_owned())
                .or_default()
                .push(OfOneAuthority {
                    serials: list
                        .revoked()
                        .iter()
                        .map(|one| one.serial.clone())
                        .collect(),
                    others,
                });
        }
        move |shown| {
            lists.get(&shown.issuer).is_some_and(|lists| {
                SerialNumber::parse(&shown.serial)
                    .is_some_and(|serial| lists.iter().any(|list| list.has(&serial, &shown.der)))
            })
        }
    }
}

/// What an authority has revoked.
struct OfOneAuthority {
    serials: HashSet<SerialNumber>,
    /// Authorities of the same name that have not signed the list: it says nothing of what they have signed.
    others: Vec<Certificate>,
}

impl OfOneAuthority {
    /// Whether a certificate of this authority's name is revoked. Only one that is known to be another's is not, so that a
    /// signature that nobody here can check lets nobody in.
    fn has(&self, serial: &SerialNumber, der: &[u8]) -> bool {
        if !self.serials.contains(serial) {
            return false;
        }
        let shown = match self.others.is_empty() {
            true => return true,
            false => Certificate::from_der(der.to_vec()),
        };
        !shown.is_ok_and(|shown| self.others.iter().any(|other| shown.is_signed_by(other)))
    }
}
