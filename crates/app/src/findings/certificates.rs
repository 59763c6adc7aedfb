//! Certificates and lists that will soon be refused, and keys that are too weak to prove anything.

use mqttwb_pki::Certificate as X509;

use super::*;
use crate::api::{Certificate, CertificateKind, CertificateState, KeyProtection};
use crate::config::ListenerSpec;
use crate::words::sentence;

const DAY: u64 = 24 * 60 * 60 * 1_000;
/// A certificate that ends sooner is worth a word.
const SOON: u64 = 30 * DAY;
/// A revocation list is signed anew 15 days before its end: one that ends sooner than this was not.
const LIST_SOON: u64 = 10 * DAY;
/// Days of a renewed device certificate.
const DAYS: u32 = 365;

pub(super) fn look(picture: &Picture<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(all) = picture.certificates {
        let everything = [&all.authority]
            .into_iter()
            .chain(&all.issuing)
            .chain([&all.server])
            .chain(&all.devices);
        for certificate in everything {
            found.extend(ends(picture, certificate));
            found.extend(weak(certificate));
        }
        found.extend(locked(all));
        found.extend(list_ends(picture, all));
    }
    for spec in &picture.config.listeners {
        found.extend(own_files(picture, spec));
    }
    found
}

/// `in 6 days`, `in 3 hours`.
fn until(end: u64, now: u64) -> String {
    let left = end.saturating_sub(now);
    match left / DAY {
        0 => format!("in {}", counted((left / 3_600_000) as usize, "hour")),
        days => format!("in {}", counted(days as usize, "day")),
    }
}

fn ends(picture: &Picture<'_>, certificate: &Certificate) -> Option<Finding> {
    let now = picture.now.as_millis();
    let (severity, verb) = match certificate.state {
        CertificateState::Expired => (Severity::Serious, "has ended".to_owned()),
        CertificateState::Expiring => {
            let left = until(certificate.not_after, now);
            (Severity::Warning, format!("ends {left}"))
        }
        CertificateState::NotYetValid => (Severity::Warning, "is not valid yet".to_owned()),
        // Its refusal is what was wanted.
        CertificateState::Valid | CertificateState::Revoked => return None,
    };
    let finding = Finding::new(
        severity,
        format!("The certificate of {} {verb}", certificate.name),
        "Whoever shows it is refused outside its time. Issue another, or set the clock.",
    );
    let finding = finding.seen(connected_with(picture, certificate));
    let look = Fix::show("Look at it", "certificates", Some(certificate.name.clone()));
    Some(match certificate.kind {
        CertificateKind::Device if certificate.state != CertificateState::NotYetValid => {
            finding.mended_by(renew(certificate)).mended_by(look)
        }
        // The server's is renewed by itself where the authority still can.
        CertificateKind::Server => finding.mended_by(look.in_a_shell("mqttwb cert server --renew")),
        CertificateKind::Device | CertificateKind::Authority => finding.mended_by(look),
    })
}

fn renew(certificate: &Certificate) -> Fix {
    let name = certificate.name.clone();
    let command = format!("mqttwb cert renew {name}");
    Fix::act("Renew", FixAct::Renew { name, days: DAYS })
        .at_the_price_of(
            "A new certificate is made, for a year. The device must be given its new files; the old certificate stays good \
             until it ends.",
        )
        .in_a_shell(command)
}

/// That a device is connected by the certificate that ends.
fn connected_with(picture: &Picture<'_>, certificate: &Certificate) -> Option<String> {
    if certificate.kind != CertificateKind::Device {
        return None;
    }
    let clients = picture.live?.clients.iter();
    let by: Vec<&str> = clients
        .filter(|client| client.certificate.as_deref() == Some(&certificate.name))
        .map(|client| client.client.as_str())
        .collect();
    (!by.is_empty()).then(|| format!("Connected by it now: {}.", named(by.into_iter())))
}

/// A key under a passphrase that something waits for.
fn locked(all: &Certificates) -> Option<Finding> {
    let waiting = &all.keys.waiting;
    // A keychain is unlocked elsewhere.
    let part = (all.keys.protection == KeyProtection::Passphrase).then(|| "keys:unlock".to_owned());
    (!waiting.is_empty()).then(|| {
        Finding::new(
            Severity::Warning,
            "The authority's key is locked, and something waits for it",
            format!(
                "{}. Unlocking the key does it.",
                sentence(waiting.join("; ")).trim_end_matches('.')
            ),
        )
        .mended_by(
            Fix::show("Unlock it", "certificates", part).in_a_shell("mqttwb cert authority unlock"),
        )
    })
}

fn list_ends(picture: &Picture<'_>, all: &Certificates) -> Option<Finding> {
    let now = picture.now.as_millis();
    let list = &all.revocations;
    let number = list.number;
    let finding = if list.expired || list.next_update <= now {
        Finding::new(
            Severity::Serious,
            "The revocation list has expired",
            "Nobody with a certificate is let in until it is signed again.",
        )
    } else if list.next_update - now < LIST_SOON {
        Finding::new(
            Severity::Warning,
            format!("The revocation list ends {}", until(list.next_update, now)),
            "It should have been signed anew by itself. When it has ended nobody with a certificate is let in.",
        )
    } else {
        return None;
    };
    Some(
        finding
            .seen([format!("It is number {} of {}.", list.number, list.issuer)])
            .mended_by(
                Fix::act("Sign it again", FixAct::SignRevocations { number })
                    .in_a_shell("mqttwb cert crl --sign"),
            ),
    )
}

fn weak(certificate: &Certificate) -> Option<Finding> {
    let read = X509::from_pem(&certificate.pem).ok()?;
    let why = read.description().weakness()?;
    Some(weak_one(&certificate.name, &why).mended_by(Fix::show(
        "Look at it",
        "certificates",
        Some(certificate.name.clone()),
    )))
}

fn weak_one(name: &str, why: &str) -> Finding {
    Finding::new(
        Severity::Serious,
        format!("The certificate of {name} proves little: {why}"),
        "Who can compute the key, or another certificate with the same signature, passes for it. Replace it by one with \
         ECDSA P-256 or RSA of 2048 bits or more, signed with SHA-256.",
    )
}

/// Certificates that a listener presents in place of the data folder's.
fn own_files(picture: &Picture<'_>, spec: &ListenerSpec) -> Vec<Finding> {
    let Some(files) = &spec.files else {
        return Vec::new();
    };
    let named = [
        Some(("cert", &files.cert)),
        files.ca.as_ref().map(|ca| ("ca", ca)),
    ];
    let mut found = Vec::new();
    for (key, path) in named.into_iter().flatten() {
        // What can't be read keeps the listener from opening, which is told by itself.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for certificate in X509::all_from_pem(&text).unwrap_or_default() {
            let told = certificate.description();
            let evidence = format!("It is listeners.{}.{key}: {}.", spec.name, path.display());
            let settings = || {
                Fix::show(
                    "Go to settings",
                    "settings",
                    Some(format!("listeners.{}.{key}", spec.name)),
                )
            };
            if let Some(why) = told.weakness() {
                found.push(
                    weak_one(&told.common_name, &why)
                        .seen([evidence.clone()])
                        .mended_by(settings()),
                );
            }
            let (now, end) = (picture.now.as_millis(), told.validity.not_after.as_millis());
            let (severity, verb) = if end <= now {
                (Severity::Serious, "has ended".to_owned())
            } else if end - now < SOON {
                (Severity::Warning, format!("ends {}", until(end, now)))
            } else {
                continue;
            };
            found.push(
                Finding::new(
                    severity,
                    format!("The certificate of {} {verb}", told.common_name),
                    "Clients refuse it, or are refused by it, outside its time. It is no certificate of this data folder, so \
                     it is not renewed by itself: put a newer file in its place, or leave the keys cert and key out.",
                )
                .seen([evidence])
                .mended_by(settings()),
            );
        }
    }
    found
}
