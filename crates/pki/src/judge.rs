//! What would make a peer refuse a certificate, before it does.
//!
//! The rules are those of RFC 5280 and RFC 9525 as TLS libraries apply them; where libraries differ, the strict ones count,
//! and the words say who is strict.

use std::net::IpAddr;
use std::time::Duration;

use mqttwb_model::Timestamp;

use crate::{Certificate, Contents, RevocationList, ServerName};

const DAY: Duration = Duration::from_secs(86_400);
/// Apple's TLS takes no certificate of a server that is valid for longer.
const LONGEST_SERVER: Duration = Duration::from_secs(825 * 86_400);

/// What somebody shows a certificate for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A broker shows it to its clients.
    Server,
    /// A device shows it to the broker.
    Client,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Some peers refuse it, or all of them soon.
    Warning,
    /// Peers refuse it.
    Refused,
}

/// Something that a peer would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule, to act on: `expired`, `host-name`, `usage` ….
    pub code: &'static str,
    /// What is so.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// What is asked about a certificate and its chain.
#[derive(Debug)]
pub struct Question<'a> {
    /// What for. `None` reads it from the certificate.
    pub purpose: Option<Purpose>,
    /// The name that a device connects to.
    pub host: Option<&'a ServerName>,
    /// The clock of the peer.
    pub now: Timestamp,
    /// Authorities that the peer trusts.
    pub trusted: &'a [Certificate],
    /// Revocation lists that it has, besides those of the file.
    pub lists: &'a [RevocationList],
}

/// What a peer would refuse about the first certificate of a file, the worst first.
pub fn judge(contents: &Contents, question: &Question<'_>) -> Vec<Fault> {
    let Some(leaf) = contents.certificates.first() else {
        return Vec::new();
    };
    let mut faults = Faults(Vec::new());
    let told = leaf.description();
    let extended: Vec<&str> = told
        .usages
        .iter()
        .map(String::as_str)
        .filter(|usage| usage.starts_with("TLS ") || *usage == "any extended usage")
        .collect();
    let may = |usage: &str| {
        let limited = told
            .usages
            .iter()
            .any(|usage| EXTENDED.contains(&usage.as_str()));
        !limited || extended.contains(&usage) || extended.contains(&"any extended usage")
    };
    let purpose = question.purpose.or(match question.host {
        Some(_) => Some(Purpose::Server),
        None if told.authority => None,
        None if may("TLS server") => Some(Purpose::Server),
        None if may("TLS client") => Some(Purpose::Client),
        None => None,
    });
    time(leaf, question.now, &mut faults);
    usage(leaf, purpose, &may, &mut faults);
    if purpose == Some(Purpose::Server) {
        names(leaf, question.host, &mut faults);
        let life =
            told.validity.not_after.0 - told.validity.not_before.0.min(told.validity.not_after.0);
        if u128::from(life) > LONGEST_SERVER.as_nanos() {
            faults.add(
                Severity::Warning,
                "long-life",
                "It is valid for more than 825 days: Apple's systems refuse such a server.".into(),
                "Issue one for 825 days or less.",
            );
        }
    }
    strength(leaf, &mut faults);
    chain(contents, question, &mut faults);
    for list in question.lists.iter().chain(&contents.lists) {
        let known = contents.certificates.iter().chain(question.trusted);
        let others = list.others_of_its_name(known);
        // A list of another authority by the same name. Where nobody here can tell it counts, as it does for a listener.
        if !others.iter().any(|other| leaf.is_signed_by(other)) {
            revoked(leaf, list, question.now, &mut faults);
        }
    }
    for key in &contents.keys {
        if key.unusable.is_none() && key.belongs_to.is_none() {
            faults.add(
                Severity::Refused,
                "key",
                "The key of the file belongs to none of its certificates.".into(),
                "Put the key beside the certificate that was made for it.",
            );
        }
    }
    let mut faults = faults.0;
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.severity));
    faults
}

const EXTENDED: [&str; 7] = [
    "any extended usage",
    "TLS server",
    "TLS client",
    "code signing",
    "email protection",
    "time stamping",
    "OCSP signing",
];

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, severity: Severity, code: &'static str, message: String, hint: &'static str) {
        let fault = Fault {
            severity,
            code,
            message,
            hint,
        };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }
}

fn time(certificate: &Certificate, now: Timestamp, faults: &mut Faults) {
    let validity = certificate.description().validity;
    let name = &certificate.description().subject;
    if now > validity.not_after {
        faults.add(
            Severity::Refused,
            "expired",
            format!("{name} has expired."),
            "Renew it. Is the peer's clock right?",
        );
    } else if now < validity.not_before {
        faults.add(
            Severity::Refused,
            "not-yet-valid",
            format!("{name} is not valid yet."),
            "Compare the clock of who issued it with that of the peer: one of them is wrong.",
        );
    } else if now.plus(DAY * 30) > validity.not_after {
        faults.add(
            Severity::Warning,
            "expires-soon",
            format!("{name} expires within 30 days."),
            "Renew it before.",
        );
    }
}

fn usage(
    leaf: &Certificate,
    purpose: Option<Purpose>,
    may: &dyn Fn(&str) -> bool,
    faults: &mut Faults,
) {
    let told = leaf.description();
    if told.authority && purpose.is_some() {
        faults.add(
            Severity::Refused,
            "authority",
            "It is an authority's certificate: strict libraries refuse it as a peer's own.".into(),
            "Issue a certificate of its own for the broker or the device.",
        );
    }
    let (usage, whose) = match purpose {
        Some(Purpose::Server) => ("TLS server", "a broker"),
        Some(Purpose::Client) => ("TLS client", "a device"),
        None => return,
    };
    if !may(usage) {
        faults.add(
            Severity::Refused,
            "usage",
            format!("It is not for {whose}: its extended key usage has no {usage} authentication."),
            "Issue it for that purpose; a certificate can't change what it is for.",
        );
    }
    let limited = told
        .usages
        .iter()
        .any(|usage| !EXTENDED.contains(&usage.as_str()));
    if limited && !told.usages.iter().any(|usage| usage == "digital signature") {
        faults.add(
            Severity::Refused,
            "key-usage",
            "Its key usage has no digital signature, which every handshake of TLS 1.3 needs."
                .into(),
            "Issue it with the key usage digitalSignature.",
        );
    }
}

fn names(leaf: &Certificate, host: Option<&ServerName>, faults: &mut Faults) {
    let names = &leaf.description().names;
    if !names
        .iter()
        .any(|name| name.starts_with("DNS:") || name.starts_with("IP:"))
    {
        faults.add(
            Severity::Refused,
            "no-alternative-name",
            "It has no subject alternative name: today's libraries do not look at the common name."
                .into(),
            "Issue it with every name and address that devices connect to.",
        );
        return;
    }
    let Some(host) = host else { return };
    let fits = names.iter().any(|name| match (host, name.split_once(':')) {
        (ServerName::Dns(host), Some(("DNS", pattern))) => matches_host(pattern, host),
        (ServerName::Ip(host), Some(("IP", ip))) => {
            ip.parse::<IpAddr>().is_ok_and(|ip| ip == *host)
        }
        _ => false,
    });
    if !fits {
        faults.add(
            Severity::Refused,
            "host-name",
            format!("It is not for {host}, but for {}.", names.join(", ")),
            "Connect to one of these names, or issue it with that name too.",
        );
    }
}

/// RFC 9525, section 6.3: a wildcard stands for one whole label, the first.
fn matches_host(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.trim_end_matches('.'), host.trim_end_matches('.'));
    match pattern.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(_, of)| of.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

fn strength(certificate: &Certificate, faults: &mut Faults) {
    let told = certificate.description();
    let bits = told
        .key
        .strip_prefix("RSA ")
        .and_then(|bits| bits.parse::<u32>().ok());
    if let Some(bits) = bits.filter(|bits| *bits < 2048) {
        faults.add(
            Severity::Refused,
            "weak-key",
            format!("The key of {} is RSA of {bits} bits.", told.subject),
            "Make a key of 2048 bits or more, or ECDSA P-256.",
        );
    }
    if told.signature.contains("SHA-1") || told.signature.contains("MD5") {
        faults.add(
            Severity::Refused,
            "weak-signature",
            format!("{} is signed with {}.", told.subject, told.signature),
            "Sign it again with SHA-256.",
        );
    }
    if told.key == "Ed25519" {
        faults.add(
            Severity::Warning,
            "ed25519",
            format!(
                "The key of {} is Ed25519: mbed TLS, and so most ESP32 firmware, does not know it.",
                told.subject
            ),
            "Use ECDSA P-256 for small devices.",
        );
    }
}

/// Follows the chain from the first certificate up to somebody who is trusted.
fn chain(contents: &Contents, question: &Question<'_>, faults: &mut Faults) {
    let all = &contents.certificates;
    let mut at = &all[0];
    let mut last = 0;
    // A chain has no more links than there are certificates.
    for _ in 0..all.len() + question.trusted.len() {
        if question.trusted.contains(at) {
            return;
        }
        if at.is_self_signed() {
            if !question.trusted.is_empty() {
                faults.add(
                    Severity::Refused,
                    "untrusted",
                    format!("Its chain ends at {}, which is none of the authorities that are trusted here.", at.description().subject),
                    "Give the peer that authority's certificate to trust, or issue one of an authority that it trusts.",
                );
            }
            return;
        }
        let issues = |upper: &&Certificate| {
            upper.description().subject == at.description().issuer && at.is_signed_by(upper)
        };
        if question.trusted.iter().any(|upper| issues(&upper)) {
            return;
        }
        match all.iter().position(|upper| issues(&upper)) {
            Some(next) => {
                if next != last + 1 {
                    faults.add(
                        Severity::Note,
                        "order",
                        "The certificates are not in the order of the chain; old libraries need each one's issuer next.".into(),
                        "Write the certificate first, then its issuer, and so on.",
                    );
                }
                at = &all[next];
                last = next;
                if !at.description().authority {
                    faults.add(
                        Severity::Refused,
                        "not-an-authority",
                        format!(
                            "{} has signed it, and is no authority.",
                            at.description().subject
                        ),
                        "Have it signed by an authority.",
                    );
                }
                time(at, question.now, faults);
                strength(at, faults);
            }
            None => {
                let named = all
                    .iter()
                    .chain(question.trusted)
                    .any(|upper| upper.description().subject == at.description().issuer);
                if named {
                    faults.add(
                        Severity::Refused,
                        "signature",
                        format!("Its issuer {} is there, but another key has signed it: two authorities of one name.", at.description().issuer),
                        "Give the peer the authority that has signed this one.",
                    );
                } else {
                    faults.add(
                        Severity::Warning,
                        "incomplete-chain",
                        format!("Its issuer {} is not in the file: who does not have it can't verify the chain.", at.description().issuer),
                        "Append the certificates of the authorities in between to the file.",
                    );
                }
                return;
            }
        }
    }
}

fn revoked(leaf: &Certificate, list: &RevocationList, now: Timestamp, faults: &mut Faults) {
    if list.entry(leaf).is_some() {
        faults.add(
            Severity::Refused,
            "revoked",
            "It is revoked.".into(),
            "Issue another.",
        );
    }
    if list.issuer() == leaf.description().issuer && list.has_expired(now) {
        faults.add(
            Severity::Refused,
            "list-expired",
            "The revocation list of its authority has expired: strict peers trust nobody by it."
                .into(),
            "Sign the list again.",
        );
    }
}
